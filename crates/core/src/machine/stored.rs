//! Questions that a program itself has for its store: which sessions there are, and to forget one.

use serde::Serialize;

use crate::machine::fetch::said;
use crate::machine::{Order, Task, job};
use crate::store::{StoreKey, StoreKind, StoreOp, StoreReply};
use crate::token::Source;
use crate::{Error, ErrorKind, Timestamp};

/// Removes the session of this source, in memory and in the store.
pub(crate) fn forget(source: &Source) -> Task {
    let Some(session) = source.session() else {
        return Task::Invalid(Error::invalid("only a person's session is forgotten"));
    };
    match source.store_key() {
        Some(key) => {
            session.forget();
            source.slot().forget();
            Task::Ask(Box::new(StoreOp::Remove { key, expected: None }))
        }
        None => Task::Invalid(Error::invalid("a session without a name is in no store")),
    }
}

/// Lists the sessions of this app.
pub(crate) fn list(source: &Source, after: Option<String>, limit: u32) -> Task {
    let kind = StoreKind::User;
    let host = source.host().to_owned();
    let client_id = source.client_id().clone();
    let after = after.map(|name| StoreKey::new(kind, &*host, &client_id).of_person(name));
    Task::Ask(Box::new(StoreOp::List { kind, host, client_id, after, limit: limit.max(1) }))
}

/// What the store's answer comes to.
pub(crate) fn answered(source: &Source, reply: StoreReply, now: Timestamp) -> Order {
    match reply {
        StoreReply::Done => Order::Done(job::nothing()),
        StoreReply::Keys { keys } => {
            let names: Vec<_> = keys.into_iter().filter_map(|key| key.person).collect();
            Order::Done(job::written(&Names { names }))
        }
        reply => {
            let why = said(reply);
            source.store_failed(why.clone(), false, now);
            Order::Failed(Error::new(ErrorKind::Store).with_message(why))
        }
    }
}

/// As [`SessionNames`](crate::auth::SessionNames) is read.
#[derive(Serialize)]
struct Names {
    names: Vec<String>,
}
