//! Bits for jitter.

use std::sync::atomic::{AtomicU64, Ordering};

/// Bits for the jitter of pauses, from a seed that a driver draws: core draws nothing itself.
///
/// They are no secret, and what they are drawn for mixes them once more; but two clients must not
/// have one seed, since they would move in step.
///
/// ```
/// use dingtalk_core::Entropy;
///
/// let (one, again) = (Entropy::from_seed(7), Entropy::from_seed(7));
/// assert_eq!(one.draw(), again.draw());
/// assert_ne!(one.draw(), one.draw());
/// ```
#[derive(Debug)]
pub struct Entropy {
    seed: u64,
    count: AtomicU64,
}

impl Entropy {
    /// The same seed draws the same bits.
    pub const fn from_seed(seed: u64) -> Self {
        Self { seed, count: AtomicU64::new(0) }
    }

    /// The next bits; no two draws are alike.
    pub fn draw(&self) -> u64 {
        // An odd step visits every number before it comes back to one.
        const STEP: u64 = 0x9E37_79B9_7F4A_7C15;
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        self.seed.wrapping_add(count.wrapping_mul(STEP))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_draws_the_same_again() {
        let draw = |seed| {
            let entropy = Entropy::from_seed(seed);
            [entropy.draw(), entropy.draw(), entropy.draw()]
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }

    #[test]
    fn no_two_draws_are_alike() {
        let entropy = Entropy::from_seed(7);
        let mut drawn: Vec<_> = (0..1_000).map(|_| entropy.draw()).collect();
        drawn.sort_unstable();
        drawn.dedup();
        assert_eq!(drawn.len(), 1_000);
    }
}
