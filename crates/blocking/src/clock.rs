//! What core does without: time, randomness, waiting.

use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Instant, SystemTime};

use dingtalk_core::{Entropy, Flight, Timestamp};

pub(crate) fn now() -> Timestamp {
    Timestamp::at(SystemTime::now(), Instant::now())
}

/// Random bits, from a seed of the operating system's.
pub(crate) fn entropy() -> Entropy {
    Entropy::from_seed(RandomState::new().hash_one(()))
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
    fn no_two_clients_move_in_step() {
        assert_ne!(entropy().draw(), entropy().draw());
    }
}
