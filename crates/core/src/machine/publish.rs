//! Puts a suite ticket where every process finds it, unless a later one is there.

use crate::machine::fetch::said;
use crate::machine::{Event, Order, job};
use crate::store::rules::{self, Pushed};
use crate::store::{StoreKey, StoreOp, StoreReply};
use crate::token::Source;
use crate::{Error, ErrorKind, Secret, Timestamp};

pub(crate) struct Publish {
    key: StoreKey,
    pushed: Pushed,
    turns: u32,
}

impl Publish {
    pub(crate) fn new(key: StoreKey, ticket: Secret, pushed_at: u64) -> Self {
        Self { key, pushed: Pushed::new(ticket, pushed_at), turns: 0 }
    }

    pub(crate) fn begin(&self) -> Order {
        Order::Ask(StoreOp::Load { key: self.key.clone() })
    }

    /// The next question, or the end.
    pub(crate) fn resume(&mut self, event: Event, source: &Source, now: Timestamp) -> Order {
        const TURNS: u32 = 8;
        let Event::Store(reply) = event else {
            return Order::Failed(Error::invalid("event out of turn"));
        };
        self.turns += 1;
        let stored = match reply {
            StoreReply::Written { .. } => {
                source.store_works();
                return Order::Done(job::nothing());
            }
            StoreReply::Record { record } | StoreReply::Stale { record } if self.turns < TURNS => {
                record
            }
            reply => {
                // The push is to come again: the others have no other way to the ticket.
                let why = said(reply);
                source.store_failed(why.clone(), false, now);
                return Order::Failed(Error::new(ErrorKind::Store).with_message(why));
            }
        };
        let there = stored.as_ref().and_then(Pushed::read);
        if let Some(later) = &there
            && !rules::supersedes(self.pushed.pushed_at, Some(later.pushed_at))
        {
            source.tickets().take(later.ticket.clone(), later.pushed_at);
            return Order::Done(job::nothing());
        }
        match self.pushed.record() {
            Ok(record) => Order::Ask(StoreOp::Write {
                key: self.key.clone(),
                expected: stored.map_or(0, |record| record.version),
                record,
                unlock: None,
            }),
            Err(error) => Order::Failed(error),
        }
    }
}
