//! What core does without: time and randomness.

use std::hash::{BuildHasher, RandomState};
use std::time::{Instant, SystemTime};

use dingtalk_core::{Entropy, Timestamp};

pub(crate) fn now() -> Timestamp {
    Timestamp::at(SystemTime::now(), Instant::now())
}

/// Random bits, from a seed of the operating system's.
pub(crate) fn entropy() -> Entropy {
    Entropy::from_seed(RandomState::new().hash_one(()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_clients_move_in_step() {
        assert_ne!(entropy().draw(), entropy().draw());
    }
}
