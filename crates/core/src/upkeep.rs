//! When to replace a token ahead of time: what both drivers' `keep_fresh` and `keep_store_fresh`
//! ask.

mod agenda;
mod store;

pub use store::{Chore, Due, StoreUpkeep};

use std::time::Duration;

use crate::{Error, Source, Timestamp};

/// The schedule of a program that keeps a credential's token fresh, so that no call ever waits
/// for one.
///
/// ```
/// use dingtalk_core::{App, Credential, Timestamp, Upkeep};
/// use std::time::Duration;
///
/// let app = App::internal("dingabc", "secret");
/// let now = Timestamp::from_millis(1_700_000_000_000);
/// let upkeep = Upkeep::new();
/// assert_eq!(upkeep.wait(app.source(), now), None, "no token: fetch now");
/// app.seed("t", now + Duration::from_secs(7_200), now);
/// assert!(upkeep.wait(app.source(), now).is_some());
/// ```
#[derive(Debug, Default)]
pub struct Upkeep {
    retry_at: Option<Timestamp>,
}

impl Upkeep {
    /// Nothing has failed yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// How long to wait before looking again; `None` when the token should be obtained now. Waits
    /// are short enough to notice a computer that slept.
    pub fn wait(&self, source: &Source, now: Timestamp) -> Option<Duration> {
        let retry = self.retry_at.map(|at| at.left(now)).unwrap_or_default();
        let wait = source.due_in(now).max(retry);
        (!wait.is_zero()).then(|| wait.min(LOOK_AGAIN))
    }

    /// Takes note of how obtaining it went, and says what to report: a token that still serves
    /// hides from callers that it could not be replaced, but not from who keeps it fresh.
    ///
    /// # Errors
    /// Why there is no token, or why the one that serves could not be replaced.
    pub fn settle<T>(
        &mut self,
        source: &Source,
        result: Result<T, Error>,
        now: Timestamp,
    ) -> Result<T, Error> {
        let result = result.and_then(|token| source.last_failure().map_or(Ok(token), Err));
        self.retry_at = result.is_err().then(|| now + AFTER_FAILURE);
        result
    }
}

const LOOK_AGAIN: Duration = Duration::from_secs(60);
const AFTER_FAILURE: Duration = Duration::from_secs(30);

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::{App, Credential, ErrorKind};

    #[test]
    fn a_failure_is_not_followed_by_the_next_try_at_once() {
        let app = App::internal("id", "secret");
        let now = Timestamp::from_millis(1_000);
        let mut upkeep = Upkeep::new();
        let failed = Err::<(), _>(Error::new(ErrorKind::Unreachable));
        assert!(upkeep.settle(app.source(), failed, now).is_err());
        assert_eq!(upkeep.wait(app.source(), now), Some(AFTER_FAILURE));
        assert_eq!(upkeep.wait(app.source(), now + AFTER_FAILURE), None);
    }

    #[test]
    fn a_token_is_due_ten_minutes_before_its_end() {
        let app = App::internal("id", "secret");
        let now = Timestamp::from_millis(1_000);
        app.seed("t", now + Duration::from_secs(7_200), now);
        let upkeep = Upkeep::new();
        assert_eq!(upkeep.wait(app.source(), now), Some(LOOK_AGAIN));
        let almost = now + Duration::from_secs(6_590);
        assert_eq!(upkeep.wait(app.source(), almost), Some(Duration::from_secs(10)));
        assert_eq!(upkeep.wait(app.source(), now + Duration::from_secs(6_600)), None);
    }
}
