//! What a failing store teaches: it is left alone for a while, and somebody can be told.

use std::time::Duration;

use crate::Timestamp;
use crate::sync::{Mutex, lock};

/// A store that failed is not asked again for this long by credentials that can do without it.
const QUIET: Duration = Duration::from_secs(5);

/// The last failure of the store, for all credentials of one app.
#[derive(Default)]
pub(crate) struct Trouble(Mutex<Option<(String, u64)>>);

impl Trouble {
    /// The store failed, in its own words.
    pub(crate) fn note(&self, why: String, now: Timestamp) {
        *lock(&self.0) = Some((why, (now + QUIET).steady_millis()));
    }

    /// The store did what it was asked; whether it had failed before.
    pub(crate) fn over(&self) -> bool {
        lock(&self.0).take().is_some()
    }

    /// Whether the store should be left alone.
    pub(crate) fn lasts(&self, now: Timestamp) -> bool {
        lock(&self.0).as_ref().is_some_and(|(_, until)| now.steady_millis() < *until)
    }

    pub(crate) fn why(&self) -> Option<String> {
        lock(&self.0).as_ref().map(|(why, _)| why.clone())
    }
}
