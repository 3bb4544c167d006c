//! What an engineer writes who needs this one call and nothing else, whatever carries it.

use dingtalk_core::contact::UserDetails;
use serde::{Deserialize, Serialize};

use crate::exchange::{Outcome, TOKEN, USER_ID};

#[derive(Serialize)]
pub(crate) struct Question {
    userid: &'static str,
}

pub(crate) const QUESTION: Question = Question { userid: USER_ID };

#[derive(Deserialize)]
pub(crate) struct Envelope<T> {
    pub(crate) errcode: i64,
    pub(crate) result: T,
}

pub(crate) fn url(origin: &str, path: &str) -> String {
    format!("{origin}{path}?access_token={TOKEN}")
}

pub(crate) fn check(envelope: &Envelope<UserDetails>) -> Outcome {
    assert_eq!(envelope.errcode, 0);
    assert_eq!(envelope.result.userid, USER_ID);
    Ok(())
}
