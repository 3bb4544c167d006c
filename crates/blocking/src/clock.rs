//! What core does without: time, randomness, waiting.

use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Instant, SystemTime};

use dingtalk_core::{Flight, Timestamp};

pub(crate) fn now() -> Timestamp {
    Timestamp::at(SystemTime::now(), Instant::now())
}

/// Random bits: a seed and a counter.
pub(crate) struct Entropy {
    seed: Seed,
    count: AtomicU64,
}

enum Seed {
    /// From the operating system, once.
    Drawn(RandomState),
    /// The program's own.
    Given(u64),
}

impl Entropy {
    pub(crate) fn new() -> Self {
        Self { seed: Seed::Drawn(RandomState::new()), count: AtomicU64::new(0) }
    }

    pub(crate) fn from_seed(seed: u64) -> Self {
        Self { seed: Seed::Given(seed), count: AtomicU64::new(0) }
    }

    pub(crate) fn draw(&self) -> u64 {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        match &self.seed {
            Seed::Drawn(seed) => seed.hash_one(count),
            // core mixes what it is given.
            Seed::Given(seed) => seed.wrapping_add(count.wrapping_mul(0x9E37_79B9_7F4A_7C15)),
        }
    }
}

/// Parks this thread until the flight is over, at most for its patience.
///
/// Whoever leads it may be another thread or a task of any runtime: nothing but the waker is
/// shared. Unlike blocking on a future, this works on a thread that runs tasks, too.
pub(crate) fn wait(flight: Flight) {
    let end = Instant::now().checked_add(flight.patience());
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut flight = pin!(flight);
    while flight.as_mut().poll(&mut context).is_pending() {
        let left = end.map(|end| end.saturating_duration_since(Instant::now()));
        match left {
            Some(left) if left.is_zero() => return,
            Some(left) => thread::park_timeout(left),
            None => thread::park(),
        }
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.unpark();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_that_is_given_draws_the_same_again() {
        let draw = |seed| {
            let entropy = Entropy::from_seed(seed);
            [entropy.draw(), entropy.draw(), entropy.draw()]
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }

    #[test]
    fn no_two_draws_are_alike() {
        let (one, other) = (Entropy::new(), Entropy::new());
        let mut drawn: Vec<_> = (0..1_000).flat_map(|_| [one.draw(), other.draw()]).collect();
        drawn.sort_unstable();
        drawn.dedup();
        assert_eq!(drawn.len(), 2_000);
    }
}
