//! What the handles of one sandbox and its server's thread have in common.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::clock::Clock;
use crate::events::{self, PushTrouble};
use crate::journal::{self, Journal};
use crate::platform::{self, Incoming, Outcome, Platform, Progress};
use crate::{builder, faults, gates, hosts, rng, routes};

/// The one state, and whoever is to be told of its changes.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) platform: Mutex<Platform>,
    pub(crate) clock: Clock,
    pub(crate) journal: Journal,
    pub(crate) gates: gates::Gates,
    pub(crate) control_token: String,
    pub(crate) plan: builder::Plan,
    /// Tells the server's task that there is something to push.
    pub(crate) wake: tokio::sync::Notify,
    /// Tells whoever waits for pushes under way that one has ended.
    pub(crate) settled: Condvar,
    /// The same for whoever waits in a task.
    pub(crate) attempts: tokio::sync::Notify,
    /// A server's task pushes what comes due.
    pub(crate) served: AtomicBool,
}

impl Shared {
    pub(crate) fn new(
        platform: Platform,
        clock: Clock,
        journal: Journal,
        plan: builder::Plan,
    ) -> Self {
        Self {
            platform: Mutex::new(platform),
            clock,
            journal,
            gates: gates::Gates::default(),
            // Never of the seed: a page that knows the seed must not be able to guess it.
            control_token: rng::Rng::from_machine().token(),
            plan,
            wake: tokio::sync::Notify::new(),
            settled: Condvar::new(),
            attempts: tokio::sync::Notify::new(),
            served: AtomicBool::new(false),
        }
    }

    /// Answers a request, blocking for as long as a callback's URL check takes if the request causes one.
    pub(crate) fn answer(&self, incoming: &Incoming<'_>) -> Outcome {
        match self.begin(incoming) {
            Progress::Done(outcome) => outcome,
            Progress::Checking(unfinished) => {
                let verdict = events::carry(&unfinished.check.push);
                self.finish(*unfinished, verdict)
            }
        }
    }

    pub(crate) fn begin(&self, incoming: &Incoming<'_>) -> Progress {
        let now = self.clock.now();
        self.platform().answer(incoming, now, &self.journal)
    }

    /// What a fault does to a connection that has just been let in.
    pub(crate) fn strike_connection(&self) -> Option<faults::Strike> {
        let now = self.clock.now();
        self.platform().faults.strike(faults::ACCEPT, &http::HeaderMap::new(), now, || None)
    }

    /// The closed gate in a request's way.
    pub(crate) fn gate_before(&self, incoming: &Incoming<'_>) -> Option<Arc<gates::Hold>> {
        if !self.gates.any() {
            return None;
        }
        let to = hosts::destination(incoming.path, incoming.called);
        let strict = to.host.filter(|_| to.by_name && self.platform().switches.strict_hosts);
        let route = routes::find(incoming.method, to.path, strict, &mut Vec::new());
        self.gates.before(route.operation.map_or(journal::UNKNOWN, |operation| operation.name))
    }

    pub(crate) fn finish(
        &self,
        unfinished: platform::Unfinished,
        verdict: Result<(), PushTrouble>,
    ) -> Outcome {
        let now = self.clock.now();
        self.platform().finish(unfinished, verdict, now, &self.journal)
    }

    /// A panic in a test that holds the lock must not take the others down with it.
    pub(crate) fn platform(&self) -> MutexGuard<'_, Platform> {
        self.platform.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
