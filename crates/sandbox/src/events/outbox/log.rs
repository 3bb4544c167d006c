//! What became of pushes: the log of attempts, and the events that nobody took.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{LONGEST_LOG, Outbox, Waiting};
use crate::events::event::Event;
use crate::events::push::{PushTrouble, Sending};

/// When a given-up event can be asked for: three to five minutes after the last failure.
const FAILED_AFTER: u64 = 180_000;

/// One line of the delivery log; see [`Sandbox::deliveries`](crate::Sandbox::deliveries).
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// The push's number, for [`Sandbox::resend`](crate::Sandbox::resend).
    pub push: u64,
    /// 1 for the first attempt.
    pub number: u32,
    /// When it ended, by the sandbox's clock.
    pub at: u64,
    /// The app that was told.
    pub client_id: String,
    /// What it was told about.
    pub event_type: String,
    /// Why it failed, if it did.
    pub trouble: Option<PushTrouble>,
}

/// An event that no callback took, for `get_call_back_failed_result`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Failed {
    pub(crate) client: Arc<str>,
    pub(crate) event: Event,
    pub(crate) at: u64,
    visible: u64,
}

impl Failed {
    pub(super) fn given_up(client: Arc<str>, event: Event, now: u64) -> Self {
        Self { client, event, at: now, visible: now + FAILED_AFTER }
    }
}

impl Outbox {
    /// Writes one attempt into the log.
    pub(crate) fn note(
        &mut self,
        push: &Sending,
        client: &str,
        trouble: Option<&PushTrouble>,
        now: u64,
    ) {
        if self.log.len() >= LONGEST_LOG {
            self.log.pop_front();
        }
        self.log.push_back(Attempt {
            push: push.push,
            number: push.attempt,
            at: now,
            client_id: client.to_owned(),
            event_type: push.event_type.clone(),
            trouble: trouble.cloned(),
        });
    }

    /// Every attempt so far, oldest first.
    pub(crate) fn attempts(&self) -> impl Iterator<Item = &Attempt> {
        self.log.iter()
    }

    /// What a push says, in clear.
    pub(crate) fn message(&self, push: u64) -> Option<String> {
        self.sent.get(&push).map(|(_, event)| event.message())
    }

    /// What is still to be pushed, and when.
    pub(crate) fn waiting_told(&self) -> Vec<Value> {
        let told = |(push, waiting): (&u64, &Waiting)| {
            let held = self.subscriptions.get(&waiting.subscription);
            json!({
                "push": push,
                "clientId": held.map(|held| held.client.to_string()),
                "eventType": waiting.event.event_type(),
                "attempts": waiting.attempts,
                "dueMs": waiting.due,
            })
        };
        self.waiting.iter().map(told).collect()
    }

    /// Takes up to `limit` events that an app missed in an organization, and says whether there are more.
    pub(crate) fn take_failed(
        &mut self,
        client: &str,
        corp: &str,
        now: u64,
        limit: usize,
    ) -> (Vec<Failed>, bool) {
        let (mut taken, mut kept) = (Vec::new(), Vec::new());
        let mut more = false;
        for failed in std::mem::take(&mut self.failed) {
            let theirs = *failed.client == *client
                && failed.visible <= now
                && failed.event.get("CorpId").and_then(|value| value.as_str()) == Some(corp);
            if theirs && taken.len() < limit {
                taken.push(failed);
            } else {
                more |= theirs;
                kept.push(failed);
            }
        }
        self.failed = kept;
        (taken, more)
    }
}
