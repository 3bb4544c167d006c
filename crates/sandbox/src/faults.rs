//! Faults that a test asks for: which call, and what happens to it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// A rule about calls that are to go wrong. Give it to [`Sandbox::fault`](crate::Sandbox::fault).
///
/// ```
/// use dingtalk_sandbox::{Fault, PlatformError, Sandbox};
///
/// let sandbox = Sandbox::in_process();
/// let busy = sandbox.fault(Fault::on("POST /topapi/v2/user/get").times(2).platform_error(PlatformError::Busy));
/// // … two calls are told that the platform is busy, the third one works …
/// # assert_eq!(busy.hits(), 0);
/// ```
#[derive(Clone, Debug)]
pub struct Fault {
    on: String,
    first: usize,
    times: usize,
    delay: Duration,
    action: Action,
}

/// The platform's own errors, each said in the words of the family that is called.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlatformError {
    /// errcode -1 `系统繁忙`; in v1.0 a 500 `system.busy`.
    Busy,
    /// Too many calls of this app to this API: 90018; in v1.0 a 403 `QpsLimitForAppkeyAndApi`.
    Throttled,
    /// Too many calls of all apps to this API: 90002; in v1.0 a 403 `QpsLimitForApi`.
    PlatformThrottled,
    /// The service throttles: in v1.0 a 429 `systemBusy`; elsewhere 90002.
    ServiceThrottled,
    /// The service is not there: in v1.0 a 503 `serviceBusy`; elsewhere -1.
    Unavailable,
    /// The service took too long: in v1.0 a 504 `service.timeout`; elsewhere -1.
    Timeout,
    /// The token is dead: 40014; in v1.0 a 400 `InvalidAuthentication`.
    TokenDead,
    /// The month's calls are used up: 90020; in v1.0 a 403 `ApiCountLimitForOrg`.
    Quota,
    /// The address is banned: the HTML page.
    IpBanHtml,
    /// The address is banned: the JSON body with `status` 1111.
    IpBanJson,
    /// The address is not on the app's list: 60020; in v1.0 a 403 `IpNotInWhiteList`.
    IpNotAllowed,
    /// The permission point of the API is missing: 60011; in v1.0 a 403 that names the scope.
    PermissionMissing,
}

/// Counts how often a fault has struck.
#[derive(Clone, Debug)]
pub struct FaultHandle {
    hits: Arc<AtomicUsize>,
}

impl FaultHandle {
    /// How many calls the fault has changed so far.
    #[must_use]
    pub fn hits(&self) -> usize {
        self.hits.load(Ordering::Relaxed)
    }
}

/// What a fault does to a call.
#[derive(Clone, Debug)]
pub(crate) enum Action {
    /// Nothing but the delay.
    Pass,
    Answer {
        status: u16,
        content_type: String,
        body: Vec<u8>,
    },
    Platform(PlatformError),
    ExecuteThenDrop,
    Close,
    Reset,
    Stall,
    Truncate(usize),
    Drip(Duration),
}

impl Fault {
    /// A fault on an API, by method and path template as in [`Entry::operation`](crate::Entry::operation). `*` means
    /// every call, and a name that ends in `*` every API that begins so. Without anything else it does nothing, to
    /// every call.
    #[must_use]
    pub fn on(operation: impl Into<String>) -> Self {
        Self {
            on: operation.into(),
            first: 1,
            times: usize::MAX,
            delay: Duration::ZERO,
            action: Action::Pass,
        }
    }

    /// Strikes so many matching calls, then never again.
    #[must_use]
    pub fn times(mut self, times: usize) -> Self {
        self.times = times;
        self
    }

    /// Strikes the n-th matching call, counted from 1, and only it, unless [`times`](Self::times) follows.
    #[must_use]
    pub fn nth(mut self, n: usize) -> Self {
        self.first = n.max(1);
        self.times = 1;
        self
    }

    /// Answers this instead; the call is not executed.
    #[must_use]
    pub fn answer(
        self,
        status: u16,
        content_type: impl Into<String>,
        body: impl Into<Vec<u8>>,
    ) -> Self {
        self.with(Action::Answer { status, content_type: content_type.into(), body: body.into() })
    }

    /// Answers one of the platform's own errors; the call is not executed.
    #[must_use]
    pub fn platform_error(self, error: PlatformError) -> Self {
        self.with(Action::Platform(error))
    }

    /// Waits before the answer is sent. Only the server waits; in-process calls go on at once.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Does the work and loses the answer: the server closes the connection without a word, in-process the caller
    /// gets [`Lost`](crate::Lost).
    #[must_use]
    pub fn execute_then_drop(self) -> Self {
        self.with(Action::ExecuteThenDrop)
    }

    /// Closes the connection before anything is done.
    #[must_use]
    pub fn close(self) -> Self {
        self.with(Action::Close)
    }

    /// Resets the connection (TCP RST) before anything is done.
    #[must_use]
    pub fn reset(self) -> Self {
        self.with(Action::Reset)
    }

    /// Never answers, before anything is done; the connection stays open until the caller gives up.
    #[must_use]
    pub fn stall(self) -> Self {
        self.with(Action::Stall)
    }

    /// Does the work, announces the whole answer and sends only its first `len` bytes.
    #[must_use]
    pub fn truncate_body(self, len: usize) -> Self {
        self.with(Action::Truncate(len))
    }

    /// Does the work and sends the body one byte at a time, with this pause between them. Only on the server.
    #[must_use]
    pub fn drip(self, pause: Duration) -> Self {
        self.with(Action::Drip(pause))
    }

    fn with(self, action: Action) -> Self {
        Self { action, ..self }
    }

    fn matches(&self, operation: &str) -> bool {
        match self.on.strip_suffix('*') {
            Some(beginning) => operation.starts_with(beginning),
            None => self.on == operation,
        }
    }
}

/// The rules in force, in the order in which they were given; the first one that strikes decides.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    rules: Vec<(Fault, usize, Arc<AtomicUsize>)>,
}

impl Faults {
    pub(crate) fn add(&mut self, fault: Fault) -> FaultHandle {
        let hits = Arc::new(AtomicUsize::new(0));
        self.rules.push((fault, 0, Arc::clone(&hits)));
        FaultHandle { hits }
    }

    pub(crate) fn clear(&mut self) {
        self.rules.clear();
    }

    pub(crate) fn strike(&mut self, operation: &str) -> Option<(Action, Duration)> {
        for (fault, seen, hits) in &mut self.rules {
            if !fault.matches(operation) {
                continue;
            }
            *seen += 1;
            if *seen >= fault.first && *seen - fault.first < fault.times {
                hits.fetch_add(1, Ordering::Relaxed);
                return Some((fault.action.clone(), fault.delay));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_strikes_the_calls_it_names_and_counts_them() {
        let mut faults = Faults::default();
        let second = faults.add(Fault::on("GET /gettoken").nth(2).close());
        let all = faults.add(Fault::on("POST /topapi/*").times(1).stall());
        assert!(faults.strike("GET /gettoken").is_none());
        assert!(matches!(faults.strike("GET /gettoken"), Some((Action::Close, _))));
        assert!(faults.strike("GET /gettoken").is_none());
        assert!(matches!(faults.strike("POST /topapi/v2/user/get"), Some((Action::Stall, _))));
        assert!(faults.strike("POST /topapi/v2/user/get").is_none());
        assert_eq!((second.hits(), all.hits()), (1, 1));
    }
}
