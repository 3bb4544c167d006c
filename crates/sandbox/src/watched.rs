//! A value that others wait for: threads by a condition variable, tasks by a notification. Nobody polls.

use std::pin::pin;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

#[derive(Debug, Default)]
pub(crate) struct Watched<T> {
    value: Mutex<T>,
    thread: Condvar,
    task: Notify,
}

impl<T> Watched<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { value: Mutex::new(value), thread: Condvar::new(), task: Notify::new() }
    }

    /// A panic in a test that holds the lock must not take the others down with it.
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.value.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells everybody who waits that the value is another one now.
    pub(crate) fn changed(&self) {
        self.thread.notify_all();
        self.task.notify_waiters();
    }

    /// Blocks this thread until the value is as wanted; false if that took too long. Without a limit it waits on.
    pub(crate) fn wait(
        &self,
        limit: Option<Duration>,
        mut wanted: impl FnMut(&mut T) -> bool,
    ) -> bool {
        // A limit too far away to be counted is none.
        let end = limit.and_then(|limit| Instant::now().checked_add(limit));
        let mut value = self.lock();
        loop {
            if wanted(&mut value) {
                return true;
            }
            let Some(end) = end else {
                value = self.thread.wait(value).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            value = self.thread.wait_timeout(value, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits in a task until the value is as wanted; it may be dropped anywhere.
    pub(crate) async fn until(&self, mut wanted: impl FnMut(&mut T) -> bool) {
        loop {
            let mut told = pin!(self.task.notified());
            // From here on no change is missed, also one that comes before the first poll.
            told.as_mut().enable();
            if wanted(&mut self.lock()) {
                return;
            }
            told.await;
        }
    }
}
