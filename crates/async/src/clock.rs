//! What core does without: time and randomness.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime};

use dingtalk_core::Timestamp;

pub(crate) fn now() -> Timestamp {
    Timestamp::at(SystemTime::now(), Instant::now())
}

/// Random bits: a seed from the operating system, once, and a counter.
pub(crate) struct Entropy {
    seed: RandomState,
    count: AtomicU64,
}

impl Entropy {
    pub(crate) fn new() -> Self {
        Self { seed: RandomState::new(), count: AtomicU64::new(0) }
    }

    pub(crate) fn draw(&self) -> u64 {
        self.seed.hash_one(self.count.fetch_add(1, Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_draws_are_alike() {
        let (one, other) = (Entropy::new(), Entropy::new());
        let mut drawn: Vec<_> = (0..1_000).flat_map(|_| [one.draw(), other.draw()]).collect();
        drawn.sort_unstable();
        drawn.dedup();
        assert_eq!(drawn.len(), 2_000);
    }
}
