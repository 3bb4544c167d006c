//! A value that others wait for: threads by a condition variable, tasks by a notification. Nobody polls.

use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

#[derive(Debug, Default)]
pub(crate) struct Watched<T> {
    value: Mutex<T>,
    thread: Condvar,
    /// Threads that wait. Telling nobody costs a system call, and mostly there is nobody.
    threads: AtomicUsize,
    task: Notify,
}

impl<T> Watched<T> {
    pub(crate) fn new(value: T) -> Self {
        Self {
            value: Mutex::new(value),
            thread: Condvar::new(),
            threads: AtomicUsize::new(0),
            task: Notify::new(),
        }
    }

    /// A panic in a test that holds the lock must not take the others down with it.
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.value.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells everybody who waits that the value is another one now.
    pub(crate) fn changed(&self) {
        // A thread counts itself under the lock, before it looks at the value: whoever changed that value afterwards
        // sees it here.
        if self.threads.load(Ordering::Relaxed) > 0 {
            self.thread.notify_all();
        }
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
        let _counted = Counted::one(&self.threads);
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

/// One thread that waits, for as long as this lives: also when what it waits for panics.
struct Counted<'a>(&'a AtomicUsize);

impl<'a> Counted<'a> {
    fn one(threads: &'a AtomicUsize) -> Self {
        threads.fetch_add(1, Ordering::Relaxed);
        Self(threads)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_thread_that_waits_is_told_of_every_change_and_counted_only_while_it_waits() {
        const LONG: Duration = Duration::from_secs(60);
        let watched = Arc::new(Watched::new(0));
        let waiters: Vec<_> = (1..=8)
            .map(|wanted| {
                let watched = Arc::clone(&watched);
                std::thread::spawn(move || watched.wait(Some(LONG), |value| *value >= wanted * 100))
            })
            .collect();
        for _ in 0..800 {
            *watched.lock() += 1;
            watched.changed();
        }
        assert!(waiters.into_iter().all(|waiter| waiter.join().is_ok_and(|told| told)));
        assert!(!watched.wait(Some(Duration::ZERO), |value| *value > 800));
        assert_eq!(watched.threads.load(Ordering::Relaxed), 0);
    }
}
