//! `POST /topapi/v2/user/list` by hand.

use dingtalk_bench::exchange::Outcome;
use dingtalk_core::contact::UserPage;
use serde::Serialize;

use crate::by_hand::Envelope;

#[derive(Serialize)]
pub(crate) struct Question {
    dept_id: i64,
    cursor: i64,
    size: usize,
}

impl Question {
    pub(crate) fn new(size: usize) -> Self {
        Self { dept_id: 1, cursor: 0, size }
    }
}

pub(crate) fn check(envelope: &Envelope<UserPage>, size: usize) -> Outcome {
    assert_eq!(envelope.errcode, 0);
    assert_eq!(envelope.result.list.len(), size);
    Ok(())
}
