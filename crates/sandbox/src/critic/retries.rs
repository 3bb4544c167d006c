//! Repetitions: sooner than the refusal allows, or of a write whose first outcome is unknown (wire-facts §11.1).

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use super::bounded::Bounded;
use super::catalogue::Kind;
use super::ledger::Ledger;
use super::{Moment, Sighting};

/// Calls that do the same thing twice when they are made twice.
const WRITES: [&str; 2] =
    ["POST /v1.0/todo/users/{unionId}/tasks", "POST /v1.0/todo/users/me/personalTasks"];
/// The same to-do a minute later may well be another one.
const SAME_WRITE: u64 = 60_000;

#[derive(Debug)]
pub(super) struct Retries {
    /// Calls that failed, by a keyed hash of all that they said.
    failed: Bounded<u64, Failed>,
    key: RandomState,
}

#[derive(Debug)]
struct Failed {
    seq: u64,
    moment: Moment,
    /// In milliseconds.
    wait: u64,
    why: &'static str,
    in_doubt: bool,
}

impl Default for Retries {
    fn default() -> Self {
        Self { failed: Bounded::new(256), key: RandomState::new() }
    }
}

impl Retries {
    pub(super) fn saw(&mut self, seen: &Sighting<'_>, ledger: &mut Ledger) {
        let failure = failure(seen);
        if failure.is_none() && self.failed.is_empty() {
            return;
        }
        let key = self.key.hash_one((seen.operation_name(), seen.path, seen.raw_query, seen.body));
        if let Some(before) = self.failed.remove(&key) {
            let (at, operation) = (seen.moment.sandbox, seen.operation_name());
            let evidence = [before.seq, seen.seq];
            let pause = seen.moment.since(&before.moment);
            if pause < before.wait {
                let kind = Kind::RetryTooSoon;
                ledger.raise(kind, seen.app, operation, at, &evidence, before.why);
            }
            if before.in_doubt
                && pause < SAME_WRITE
                && WRITES.contains(&operation)
                && !names_source(seen.body)
            {
                ledger.raise(Kind::WriteRepeated, seen.app, operation, at, &evidence, before.why);
            }
        }
        if let Some((wait, in_doubt, why)) = failure {
            let failed = Failed { seq: seen.seq, moment: seen.moment, wait, why, in_doubt };
            self.failed.insert(key, failed);
        }
    }
}

impl Moment {
    /// How long it is since another moment, in milliseconds: by the sandbox's clock or by the machine's, whichever went
    /// further. A client may wait by either, so it gets the benefit of the doubt.
    pub(super) fn since(&self, earlier: &Self) -> u64 {
        let machine = self.machine.saturating_duration_since(earlier.machine);
        let machine = u64::try_from(machine.as_millis()).unwrap_or(u64::MAX);
        machine.max(self.sandbox.saturating_sub(earlier.sandbox))
    }

    /// The same by the clock that went less far, for waits that are held against a client.
    pub(super) fn surely_since(&self, earlier: &Self) -> Duration {
        let machine = self.machine.saturating_duration_since(earlier.machine);
        machine.min(Duration::from_millis(self.sandbox.saturating_sub(earlier.sandbox)))
    }
}

/// What has to be waited for in milliseconds, whether the call may have been executed, and why, if it failed so that a
/// repetition makes sense (wire-facts §11.1 rows 1–5).
fn failure(seen: &Sighting<'_>) -> Option<(u64, bool, &'static str)> {
    if seen.lost {
        // A connection that ends may be repeated on another one at once.
        return Some((0, true, "the answer never arrived"));
    }
    let errcode = seen.error.and_then(|code| code.parse::<i64>().ok());
    let error = seen.error.unwrap_or_default();
    match (seen.status, errcode, error) {
        (_, Some(1111), _) => Some((300_000, false, "the address was banned")),
        (_, Some(90020), _) | (_, _, "Forbidden.AccessDenied.ApiCountLimitForOrg") => {
            Some((60_000, false, "the month's calls were used up"))
        }
        (_, Some(90001..=90014 | 90018), _) | (429, ..) => {
            Some((1_000, false, "the call was throttled"))
        }
        _ if error.contains(".Qps") || error.contains(".Qpm") => {
            Some((1_000, false, "the call was throttled"))
        }
        (_, Some(-1), _) | (500..=599, ..) => Some((100, true, "the platform was busy")),
        _ => None,
    }
}

fn names_source(body: &[u8]) -> bool {
    const NAME: &[u8] = b"\"sourceId\"";
    body.windows(NAME.len()).any(|part| part == NAME)
}
