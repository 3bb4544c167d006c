//! Waiting for somebody else's token request.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc as StdArc, Mutex as StdMutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use crate::Error;
use crate::sync::{Arc, Mutex, lock};

/// Somebody else is fetching the token that this call needs.
///
/// Tasks await it, threads park on it, and programs in other languages give a callback to
/// [`on_done`](Flight::on_done). Waiting less than to the end is always allowed: step the call
/// again and it looks for itself. Bound every wait by [`patience`](Flight::patience), since
/// a leader that shows no more sign of life wakes nobody.
#[must_use = "wait for it, at most for its patience, then step the call again"]
pub struct Flight {
    shared: Arc<Shared>,
    /// Where this handle's waker is registered.
    key: Option<u64>,
    patience: Duration,
}

impl Flight {
    /// The longest that waiting makes sense; after it the call looks whether the lead is free.
    pub fn patience(&self) -> Duration {
        self.patience
    }

    /// Whether the flight is over.
    pub fn is_done(&self) -> bool {
        lock(&self.shared.state).outcome.is_some()
    }

    /// Calls `callback` once when the flight is over, at once if it is already. It may run on any
    /// thread, under no lock of ours.
    pub fn on_done(self, callback: impl FnOnce() + Send + 'static) {
        let waker = Waker::from(StdArc::new(Callback(StdMutex::new(Some(Box::new(callback))))));
        {
            let mut state = lock(&self.shared.state);
            if state.outcome.is_none() {
                state.waiters.add(waker);
                return;
            }
        }
        waker.wake();
    }

    pub(crate) fn new() -> Self {
        Self {
            shared: Arc::new(Shared { state: Mutex::new(State::default()) }),
            key: None,
            patience: Duration::ZERO,
        }
    }

    /// Another handle on the same flight.
    pub(crate) fn share(&self, patience: Duration) -> Self {
        Self { shared: Arc::clone(&self.shared), key: None, patience }
    }

    pub(crate) fn outcome(&self) -> Option<Outcome> {
        lock(&self.shared.state).outcome.clone()
    }

    /// Ends the flight and wakes everybody, under no lock: waking runs the program's code.
    pub(crate) fn finish(&self, outcome: Outcome) {
        let waiters = {
            let mut state = lock(&self.shared.state);
            if state.outcome.is_some() {
                return;
            }
            state.outcome = Some(outcome);
            std::mem::take(&mut state.waiters)
        };
        for (_, waiter) in waiters.list {
            waiter.wake();
        }
    }
}

impl Future for Flight {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        // Cloning and dropping a waker runs the program's code: both stay outside the lock.
        let waker = context.waker().clone();
        let (done, _replaced) = {
            let mut state = lock(&self.shared.state);
            if state.outcome.is_some() {
                (true, None)
            } else {
                let (key, replaced) = match self.key {
                    Some(key) => (key, state.waiters.replace(key, waker)),
                    None => (state.waiters.add(waker), None),
                };
                drop(state);
                self.key = Some(key);
                (false, replaced)
            }
        };
        if done { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let _waker = self.key.and_then(|key| lock(&self.shared.state).waiters.remove(key));
    }
}

impl fmt::Debug for Flight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flight").field("done", &self.is_done()).finish_non_exhaustive()
    }
}

/// How a flight ended.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    /// There is a token now.
    Landed,
    /// There is none, for this reason: those who waited share it.
    Failed(Error),
    /// The leader gave up or was taken for dead: the next one leads.
    Passed,
}

struct Shared {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    outcome: Option<Outcome>,
    waiters: Waiters,
}

/// In the order in which they came, which is that of their keys.
#[derive(Default)]
struct Waiters {
    list: Vec<(u64, Waker)>,
    last_key: u64,
}

impl Waiters {
    fn add(&mut self, waker: Waker) -> u64 {
        self.last_key += 1;
        self.list.push((self.last_key, waker));
        self.last_key
    }

    fn replace(&mut self, key: u64, waker: Waker) -> Option<Waker> {
        let place = self.place(key)?;
        self.list.get_mut(place).map(|(_, old)| std::mem::replace(old, waker))
    }

    fn remove(&mut self, key: u64) -> Option<Waker> {
        self.place(key).map(|place| self.list.remove(place).1)
    }

    fn place(&self, key: u64) -> Option<usize> {
        self.list.binary_search_by_key(&key, |(key, _)| *key).ok()
    }
}

struct Callback(StdMutex<Option<Box<dyn FnOnce() + Send>>>);

impl Wake for Callback {
    fn wake(self: StdArc<Self>) {
        let callback = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(callback) = callback {
            callback();
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn a_callback_runs_once_at_the_end_or_at_once() {
        let calls = StdArc::new(AtomicUsize::new(0));
        let count = || {
            let calls = calls.clone();
            move || {
                calls.fetch_add(1, Ordering::Relaxed);
            }
        };
        let flight = Flight::new();
        flight.share(Duration::ZERO).on_done(count());
        assert_eq!(calls.load(Ordering::Relaxed), 0);
        flight.finish(Outcome::Landed);
        flight.finish(Outcome::Passed);
        assert_eq!(calls.load(Ordering::Relaxed), 1);
        flight.share(Duration::ZERO).on_done(count());
        assert_eq!(calls.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn a_dropped_waiter_leaves_no_waker_behind() {
        let flight = Flight::new();
        let mut waiter = flight.share(Duration::ZERO);
        let mut context = Context::from_waker(Waker::noop());
        assert!(Pin::new(&mut waiter).poll(&mut context).is_pending());
        assert!(Pin::new(&mut waiter).poll(&mut context).is_pending());
        assert_eq!(lock(&flight.shared.state).waiters.list.len(), 1);
        drop(waiter);
        assert_eq!(lock(&flight.shared.state).waiters.list.len(), 0);
    }
}
