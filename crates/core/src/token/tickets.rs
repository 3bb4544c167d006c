//! The suite ticket: pushed by the platform, needed for every token of a third-party app.

use crate::Secret;
use crate::store::rules;
use crate::sync::{Mutex, lock};

/// The latest ticket of one app.
#[derive(Default)]
pub(crate) struct Tickets(Mutex<State>);

#[derive(Default)]
struct State {
    latest: Option<(Secret, u64)>,
    needs_none: bool,
}

impl Tickets {
    /// Takes a ticket if no later one is here.
    pub(crate) fn take(&self, ticket: Secret, pushed_at: u64) -> bool {
        let mut state = lock(&self.0);
        let newer = rules::supersedes(pushed_at, state.latest.as_ref().map(|(_, at)| *at));
        if newer {
            state.latest = Some((ticket, pushed_at));
        }
        newer
    }

    /// Any text will do.
    pub(crate) fn need_none(&self) {
        lock(&self.0).needs_none = true;
    }

    pub(crate) fn needs_none(&self) -> bool {
        lock(&self.0).needs_none
    }

    pub(crate) fn pushed_at(&self) -> Option<u64> {
        lock(&self.0).latest.as_ref().map(|(_, at)| *at)
    }

    /// What to present.
    pub(crate) fn latest(&self) -> Option<Secret> {
        let state = lock(&self.0);
        match &state.latest {
            Some((ticket, _)) => Some(ticket.clone()),
            None => state.needs_none.then(|| Secret::from("none")),
        }
    }
}
