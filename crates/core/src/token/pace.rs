//! What throttling teaches: an API that was throttled once is paced from then on.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::Timestamp;
use crate::sync::{Mutex, lock};

/// The platform's own limit for the standard edition, per app and API (wire-facts §12).
pub(crate) const STANDARD_RATE: u32 = 20;
/// Operations described at run time could be without number.
const OPERATIONS_MAX: usize = 1_024;
const WINDOW: u64 = 1_000;

/// The pace of one credential, per operation.
pub(crate) struct Pace {
    /// Nothing was learned and nothing is limited: the common case costs one load.
    idle: AtomicBool,
    limit: Option<u32>,
    gates: Mutex<HashMap<String, Gate>>,
}

#[derive(Default)]
struct Gate {
    /// Steady milliseconds before which nothing goes out.
    closed_until: u64,
    /// When the last calls went, or will go, out: as many as the limit.
    sends: VecDeque<u64>,
}

impl Pace {
    /// `limit` calls a second and operation from the start; `None` paces only what was throttled.
    pub(crate) fn new(limit: Option<u32>) -> Self {
        Self { idle: AtomicBool::new(limit.is_none()), limit, gates: Mutex::new(HashMap::new()) }
    }

    /// Whether calls are paced from the start.
    pub(crate) fn is_limited(&self) -> bool {
        self.limit.is_some()
    }

    /// The same limit, and nothing learned yet.
    pub(crate) fn another(&self) -> Self {
        Self::new(self.limit)
    }

    /// How long to wait before this call; the place is taken. `Err` tells a wait that is longer
    /// than `patience`; then no place is taken.
    pub(crate) fn admit(
        &self,
        operation: &str,
        now: Timestamp,
        patience: Duration,
    ) -> Result<Duration, Duration> {
        if self.idle.load(Ordering::Relaxed) {
            return Ok(Duration::ZERO);
        }
        let now = now.steady_millis();
        let mut gates = lock(&self.gates);
        let gate = match self.limit {
            Some(_) => gate_of(&mut gates, operation, now),
            None => match gates.get_mut(operation) {
                Some(gate) => gate,
                None => return Ok(Duration::ZERO),
            },
        };
        let limit =
            usize::try_from(self.limit.unwrap_or(STANDARD_RATE)).unwrap_or(usize::MAX).max(1);
        let mut at = now.max(gate.closed_until);
        if gate.sends.len() >= limit
            && let Some(oldest) = gate.sends.get(gate.sends.len() - limit)
        {
            at = at.max(oldest.saturating_add(WINDOW));
        }
        let wait = Duration::from_millis(at - now);
        if wait > patience {
            return Err(wait);
        }
        gate.sends.push_back(at);
        while gate.sends.len() > limit {
            gate.sends.pop_front();
        }
        Ok(wait)
    }

    /// The platform throttled this operation for `wait`.
    pub(crate) fn throttled(&self, operation: &str, now: Timestamp, wait: Duration) {
        let mut gates = lock(&self.gates);
        let gate = gate_of(&mut gates, operation, now.steady_millis());
        gate.closed_until = gate.closed_until.max((now + wait).steady_millis());
        self.idle.store(false, Ordering::Relaxed);
    }
}

fn gate_of<'g>(gates: &'g mut HashMap<String, Gate>, operation: &str, now: u64) -> &'g mut Gate {
    if gates.len() >= OPERATIONS_MAX && !gates.contains_key(operation) {
        gates.retain(|_, gate| {
            gate.closed_until > now || gate.sends.back().is_some_and(|last| last + WINDOW > now)
        });
    }
    gates.entry(operation.to_owned()).or_default()
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(3_600);

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(1_000_000 + millis)
    }

    #[test]
    fn nothing_is_paced_until_the_platform_throttles() {
        let pace = Pace::new(None);
        for _ in 0..1_000 {
            assert_eq!(pace.admit("a", at(0), LONG), Ok(Duration::ZERO));
        }
    }

    #[test]
    fn a_throttled_operation_waits_and_is_paced_at_20_a_second_from_then_on() {
        let pace = Pace::new(None);
        pace.throttled("a", at(0), Duration::from_secs(1));
        assert_eq!(pace.admit("b", at(0), LONG), Ok(Duration::ZERO), "another operation");
        let waits: Vec<_> = (0..60).map(|_| pace.admit("a", at(0), LONG).unwrap()).collect();
        assert_eq!(waits[0], Duration::from_secs(1));
        assert_eq!(waits[19], Duration::from_secs(1));
        assert_eq!(waits[20], Duration::from_secs(2));
        assert_eq!(waits[59], Duration::from_secs(3));
        for second in 100..110 {
            for call in 0..20 {
                let wait = pace.admit("a", at(second * 1_000), LONG).unwrap();
                assert_eq!(wait, Duration::ZERO, "{second} {call}");
            }
        }
    }

    #[test]
    fn a_limit_holds_from_the_start_per_operation() {
        let pace = Pace::new(Some(2));
        let waits: Vec<_> =
            (0..4).map(|_| pace.admit("a", at(0), LONG).unwrap().as_secs()).collect();
        assert_eq!(waits, [0, 0, 1, 1]);
        assert_eq!(pace.admit("b", at(0), LONG), Ok(Duration::ZERO));
    }

    #[test]
    fn who_cannot_wait_that_long_takes_no_place() {
        let pace = Pace::new(None);
        pace.throttled("a", at(0), Duration::from_secs(60));
        assert_eq!(pace.admit("a", at(0), Duration::from_secs(5)), Err(Duration::from_secs(60)));
        assert_eq!(pace.admit("a", at(60_000), LONG), Ok(Duration::ZERO));
    }

    #[test]
    fn operations_without_number_do_not_fill_the_memory() {
        let pace = Pace::new(Some(1));
        for number in 0..10_000_u64 {
            let _ = pace.admit(&format!("op {number}"), at(number * 10), LONG);
        }
        assert!(lock(&pace.gates).len() <= OPERATIONS_MAX);
    }
}
