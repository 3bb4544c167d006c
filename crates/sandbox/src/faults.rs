//! Faults that a test asks for: which call, and what happens to it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::rng::scattered;

mod http_kinds;
mod retype;
mod rules;
mod spoil;

pub(crate) use http_kinds::Odd;
pub use retype::WrongType;
pub(crate) use retype::{Becomes, Retype, Which};
pub(crate) use rules::{Faults, Rule};
pub(crate) use spoil::{Spoil, spoiled};

/// What stands for the operation where a connection is meant, whatever is asked on it.
pub(crate) const ACCEPT: &str = "accept";

/// Hundred years: beyond it a `Date` has no sense and its writer no digits.
const MOST_SKEW: i64 = 100 * 366 * 86_400_000;

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
    pub(crate) on: String,
    pub(crate) app: Option<String>,
    /// The name, and the value where that counts too.
    pub(crate) header: Option<(String, Option<String>)>,
    pub(crate) first: usize,
    pub(crate) every: usize,
    pub(crate) times: usize,
    /// How likely, and the seed that decides.
    pub(crate) probability: Option<(f64, u64)>,
    pub(crate) lifetime: Option<Duration>,
    pub(crate) delay: Latency,
    /// Milliseconds that the answer's `Date` is ahead of the sandbox's clock.
    pub(crate) date_skew: Option<i64>,
    /// What the answer says instead of its own headers of these names.
    pub(crate) answer_headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) action: Action,
}

/// How long an answer waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Latency {
    Fixed(Duration),
    /// Anything between the two, as the seed decides for each matching call.
    Between(Duration, Duration, u64),
}

/// What becomes of a call that a fault has struck.
#[derive(Clone, Debug)]
pub(crate) struct Strike {
    pub(crate) action: Action,
    pub(crate) delay: Duration,
    pub(crate) date_skew: Option<i64>,
    pub(crate) answer_headers: Vec<(HeaderName, HeaderValue)>,
}

impl Strike {
    /// A call that no fault has struck.
    pub(crate) fn none() -> Self {
        Self {
            action: Action::Pass,
            delay: Duration::ZERO,
            date_skew: None,
            answer_headers: Vec::new(),
        }
    }

    /// Whether it changes anything.
    pub(crate) fn shows(&self) -> bool {
        !matches!(self.action, Action::Pass)
            || !self.delay.is_zero()
            || self.date_skew.is_some()
            || !self.answer_headers.is_empty()
    }
}

/// A code of the platform that a fault makes up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Coded {
    Business(i64, String),
    Wrapped(i64, String),
    Service(u16, String, String),
}

/// How a connection ends in the middle of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Break {
    Close,
    Reset,
    Stall,
}

/// The platform's own errors, each said in the words of the family that is called.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlatformError {
    /// errcode -1 `系统繁忙`; in v1.0 a 500 `system.busy`.
    Busy,
    /// Too many calls of this app to this API: 90018; in v1.0 a 403 `QpsLimitForAppkeyAndApi`.
    Throttled,
    /// The same counted by the minute: 90018; in v1.0 a 403 `QpmLimitForAppkeyAndApi`.
    MinuteThrottled,
    /// Too many calls of a vendor's app to this API for this organization: 90009; in v1.0 a 403
    /// `QpsLimitForSuitekeyAndOrgAndApi`.
    SuiteThrottled,
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
    /// Any code of the platform, in the envelope that it stands in.
    Coded(Coded),
    ExecuteThenDrop,
    Close,
    Reset,
    Stall,
    /// Executed; so many bytes of the body arrive.
    BreakAfter(usize, Break),
    /// Executed; from this byte on the body comes one by one.
    Drip(usize, Duration),
    /// Executed; the body is not what it should be, the HTTP around it is.
    Spoil(Spoil),
    Duplicate,
    /// Executed; the HTTP is not what it should be.
    Odd(Odd),
    /// These bytes instead of an answer.
    Raw(Vec<u8>),
}

impl Fault {
    /// A fault on an API, by method and path template as in [`Entry::operation`](crate::Entry::operation). `*` means
    /// every call, and a name that ends in `*` every API that begins so. Without anything else it does nothing, to
    /// every call.
    #[must_use]
    pub fn on(operation: impl Into<String>) -> Self {
        Self {
            on: operation.into(),
            app: None,
            header: None,
            first: 1,
            every: 1,
            times: usize::MAX,
            probability: None,
            lifetime: None,
            delay: Latency::Fixed(Duration::ZERO),
            date_skew: None,
            answer_headers: Vec::new(),
            action: Action::Pass,
        }
    }

    /// A fault on connections, judged when one is let in and before a byte of it is read. It may
    /// [`delay`](Self::delay) them, or [`close`](Self::close), [`reset`](Self::reset) or [`stall`](Self::stall) them: a
    /// stalled one is held open and never spoken to, TLS or not. Only on the server.
    ///
    /// ```
    /// use dingtalk_sandbox::{Fault, Sandbox};
    ///
    /// let sandbox = Sandbox::start()?;
    /// let reset = sandbox.fault(Fault::on_accept().times(1).reset());
    /// // … the first connection is reset, the second one is served …
    /// # assert_eq!(reset.hits(), 0);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn on_accept() -> Self {
        Self::on(ACCEPT)
    }

    /// Matches only calls of this app, by the client id behind its token or in its request for one.
    #[must_use]
    pub fn app(mut self, client_id: impl Into<String>) -> Self {
        self.app = Some(client_id.into());
        self
    }

    /// Matches only calls that carry this header, whatever its value.
    #[must_use]
    pub fn with_header(mut self, name: impl Into<String>) -> Self {
        self.header = Some((name.into(), None));
        self
    }

    /// Matches only calls that carry this header with exactly this value.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.header = Some((name.into(), Some(value.into())));
        self
    }

    /// Strikes every n-th matching call: the n-th, the 2n-th and so on. After [`nth`](Self::nth) it counts from there.
    #[must_use]
    pub fn every(mut self, n: usize) -> Self {
        self.every = n.max(1);
        if self.first == 1 {
            self.first = self.every;
        } else {
            self.times = usize::MAX;
        }
        self
    }

    /// Strikes a matching call with this probability, from 0 to 1. The same seed strikes the same calls in every run.
    #[must_use]
    pub fn probability(mut self, p: f64, seed: u64) -> Self {
        self.probability = Some((p, seed));
        self
    }

    /// Ends so long after it was given, by the sandbox's clock.
    #[must_use]
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = Some(lifetime);
        self
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

    /// Strikes every matching call behind the first n.
    #[must_use]
    pub fn after(mut self, n: usize) -> Self {
        self.first = n.saturating_add(1);
        self.times = usize::MAX;
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

    /// Answers any errcode of the platform's table (wire-facts §11.2), as the old calls and topapi's business layer say
    /// it: `{"errcode":…,"errmsg":…}`, with a `request_id` at topapi. The call is not executed.
    #[must_use]
    pub fn errcode(self, code: i64, message: impl Into<String>) -> Self {
        self.with(Action::Coded(Coded::Business(code, message.into())))
    }

    /// Answers any sub_code of the layer in front of topapi, wrapped in errcode 88 (wire-facts §1.6). The call is not
    /// executed.
    #[must_use]
    pub fn sub_code(self, code: i64, message: impl Into<String>) -> Self {
        self.with(Action::Coded(Coded::Wrapped(code, message.into())))
    }

    /// Answers any code of v1.0 (wire-facts §11.3) with this status, from 200 to 599, and the family's headers:
    /// `{"requestid":…,"code":…,"message":…}`. The call is not executed.
    #[must_use]
    pub fn v1_error(
        self,
        status: u16,
        code: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        let status = status.clamp(200, 599);
        self.with(Action::Coded(Coded::Service(status, code.into(), message.into())))
    }

    /// Waits before the answer is sent. Only the server waits; in-process calls go on at once.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = Latency::Fixed(delay);
        self
    }

    /// Waits for a time between these two, evenly spread; the same seed gives the same times in every run. Only the
    /// server waits.
    #[must_use]
    pub fn delay_between(mut self, least: Duration, most: Duration, seed: u64) -> Self {
        self.delay = Latency::Between(least, most.max(least), seed);
        self
    }

    /// Sends a `Date` header that is so many milliseconds ahead of the sandbox's clock, or behind it. More than a
    /// hundred years count as a hundred.
    #[must_use]
    pub fn date_skew(mut self, ms: i64) -> Self {
        self.date_skew = Some(ms.clamp(-MOST_SKEW, MOST_SKEW));
        self
    }

    /// Sends this header with the answer, in place of the answer's own of that name; given twice, the answer has it
    /// twice. It goes with any other action: a `Retry-After` on a throttled call, a `Location` on a 302, a
    /// `Content-Type` that lies. `Content-Length` and `Transfer-Encoding` stay the server's own: those that lie are
    /// [`content_length_off`](Self::content_length_off) and [`both_lengths`](Self::both_lengths).
    ///
    /// ```
    /// use dingtalk_sandbox::{Fault, PlatformError};
    /// use http::{HeaderValue, header::RETRY_AFTER};
    ///
    /// let later = Fault::on("*")
    ///     .platform_error(PlatformError::ServiceThrottled)
    ///     .answer_header(RETRY_AFTER, HeaderValue::from_static("2"));
    /// ```
    #[must_use]
    pub fn answer_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        if name != CONTENT_LENGTH && name != TRANSFER_ENCODING {
            self.answer_headers.push((name, value));
        }
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

    /// Does the work, announces the whole answer, sends only the first `len` bytes of its body and closes the connection.
    /// In-process the body is cut.
    #[must_use]
    pub fn truncate_body(self, len: usize) -> Self {
        self.with(Action::BreakAfter(len, Break::Close))
    }

    /// As [`truncate_body`](Self::truncate_body), but ends with a reset (TCP RST).
    #[must_use]
    pub fn reset_after(self, len: usize) -> Self {
        self.with(Action::BreakAfter(len, Break::Reset))
    }

    /// As [`truncate_body`](Self::truncate_body), but the connection stays open in silence until the caller gives up.
    #[must_use]
    pub fn stall_after(self, len: usize) -> Self {
        self.with(Action::BreakAfter(len, Break::Stall))
    }

    /// Does the work and sends the body one byte at a time, with this pause between them. Only on the server.
    #[must_use]
    pub fn drip(self, pause: Duration) -> Self {
        self.drip_after(0, pause)
    }

    /// Does the work, sends the first `len` bytes of the body at once and the others one at a time, with this pause
    /// before each. Only on the server.
    #[must_use]
    pub fn drip_after(self, len: usize, pause: Duration) -> Self {
        self.with(Action::Drip(len, pause))
    }

    /// Does the work and gives one member of the answer another JSON type. The member is named by a JSON pointer, as in
    /// `/result/dept_id_list/0`; an answer without it stays as it is.
    #[must_use]
    pub fn wrong_type(self, pointer: impl Into<String>, to: WrongType) -> Self {
        self.retype(Which::Member(pointer.into()), Becomes::Type(to))
    }

    /// Does the work and sends every number of the answer as text.
    #[must_use]
    pub fn numbers_as_text(self) -> Self {
        self.retype(Which::Numbers, Becomes::Type(WrongType::Text))
    }

    fn retype(self, which: Which, to: Becomes) -> Self {
        self.with(Action::Spoil(Spoil::Retype(Retype { which, to })))
    }

    /// Does the work once and sends the whole answer, head and body, twice on the same connection. Only on the server.
    #[must_use]
    pub fn duplicate_answer(self) -> Self {
        self.with(Action::Duplicate)
    }

    fn with(self, action: Action) -> Self {
        Self { action, ..self }
    }

    fn matches(
        &self,
        operation: &str,
        headers: &HeaderMap,
        app: impl FnOnce() -> Option<Arc<str>>,
    ) -> bool {
        let header_fits = self.header.as_ref().is_none_or(|(name, wanted)| {
            headers.get_all(name).iter().any(|value| {
                wanted.as_ref().is_none_or(|wanted| value.as_bytes() == wanted.as_bytes())
            })
        });
        // A rule for every call is none for connections.
        let meant = names(&self.on, operation) && (self.on == ACCEPT) == (operation == ACCEPT);
        meant
            && header_fits
            && self.app.as_deref().is_none_or(|wanted| app().as_deref() == Some(wanted))
    }

    /// How long this matching call, counted from 1, waits.
    fn wait(&self, seen: usize) -> Duration {
        match self.delay {
            Latency::Fixed(delay) => delay,
            Latency::Between(least, most, seed) => {
                let span = u64::try_from((most - least).as_micros()).unwrap_or(u64::MAX);
                // Another stream than the one that decides whether the call is struck.
                let draw = scattered(scattered(seed ^ scattered(seen as u64)));
                least + Duration::from_micros(draw % span.saturating_add(1).max(1))
            }
        }
    }

    /// Whether the seed lets this matching call, counted from 1, be struck.
    #[allow(clippy::cast_precision_loss)]
    fn drawn(&self, seen: usize) -> bool {
        self.probability.is_none_or(|(p, seed)| {
            // 53 bits are what a double holds.
            let bits = scattered(seed ^ scattered(seen as u64)) >> 11;
            (bits as f64) < p * (1_u64 << 53) as f64
        })
    }
}

/// Whether a pattern names an operation: exactly, or its beginning when the pattern ends in `*`.
pub(crate) fn names(pattern: &str, operation: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => operation.starts_with(beginning),
        None => pattern == operation,
    }
}
