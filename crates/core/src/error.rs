//! What can go wrong, said as what to do about it.

mod signal;
mod table;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub(crate) use signal::Signal;
#[cfg(feature = "tracing")]
pub(crate) use signal::request_id;
pub(crate) use table::{Class, Purpose, classify};

use crate::wire::{Fault, TransportError};
use crate::{Secret, Timestamp};

/// Why a call failed. [`kind`](Error::kind) says what can be done about it; DingTalk's code, sub
/// code, text and request id are kept for a ticket to its support.
///
/// It never holds a URL, a header, a body or a secret, and it is cheap to clone: callers that
/// waited for one token share one failure.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Error(#[serde(with = "shared")] Arc<Inner>);

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Inner {
    kind: ErrorKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    operation: Option<Cow<'static, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sub_code: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
}

/// What the caller can do about an [`Error`]: the classes of wire-facts §11.1 and the failures
/// that never reached the platform.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorKind {
    /// The platform did not accept client id and secret (or suite key and secret). They are not
    /// tried again for a minute.
    Credentials,
    /// The pushed suite ticket is out of date.
    TicketStale,
    /// The organization has not authorized the app, has revoked it, or has stopped it.
    NotAuthorized,
    /// A one-time code is unknown, used, expired, or of another kind; it is never sent twice.
    CodeDead,
    /// The user's refresh token is no longer good.
    LoginAgain {
        /// Whether an earlier refresh was lost on the way, so that the session may have been
        /// rotated away by ourselves.
        in_doubt: bool,
    },
    /// The app or the person has not been granted a permission point.
    Permission {
        /// The points that the platform names; empty when it names none.
        points: Vec<String>,
        /// Where to request it in the developer console, if it can be told.
        link: Option<String>,
    },
    /// This machine's address is not on the app's white list.
    IpNotAllowed {
        /// The address as the platform saw it.
        ip: Option<String>,
    },
    /// The person or department lies outside the app's contact scope.
    OutsideScope,
    /// No such person, department or task. A normal result of a look-up.
    NotFound,
    /// The platform refuses the request as it was written.
    BadRequest,
    /// The request carried no token where the platform looks for one.
    MissingToken,
    /// There is no such API, or it is disabled.
    NoSuchApi,
    /// Too many calls; nothing was executed.
    Throttled {
        /// When it makes sense to call again.
        #[serde(with = "millis")]
        retry_in: Duration,
    },
    /// The organization's monthly quota is used up.
    Quota,
    /// This machine's address made too many calls and is banned; nothing goes out until it ends.
    IpBanned {
        /// Time left of the ban.
        #[serde(with = "millis")]
        retry_in: Duration,
    },
    /// The platform is busy or broken at the moment.
    Busy {
        /// Whether the request may have been executed all the same.
        maybe_executed: bool,
    },
    /// A fresh token was rejected like the one before it.
    TokenRejected,
    /// The request could not be delivered; nothing was executed.
    Unreachable,
    /// The request was sent and its answer was lost; it may have been executed.
    Lost,
    /// Time ran out; `maybe_executed` tells whether the request may have reached the platform.
    TimedOut {
        /// Whether the request may have been executed.
        maybe_executed: bool,
    },
    /// The answer is larger than the bound that was set.
    TooLarge,
    /// The answer is not what the platform is known to send.
    Reply,
    /// The call was refused before anything was sent.
    Invalid,
    /// The token store cannot be used, and this credential may not be renewed without it: a
    /// refresh token that another process may have used would be lost.
    Store,
    /// The call was cancelled.
    Cancelled,
    /// A code that is not known here; see [`Error::code`] and [`Error::message`].
    Unknown,
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Credentials => {
                "wrong credentials: check client id and secret in the developer console"
            }
            Self::TicketStale => {
                "suite ticket out of date: wait for the next push, then call again"
            }
            Self::NotAuthorized => {
                "not authorized by the organization: have its admin open or authorize the app"
            }
            Self::CodeDead => "one-time code not usable: start the login again for a new one",
            Self::LoginAgain { .. } => "the user's session is over: let the person log in again",
            Self::Permission { points, link } => {
                return write!(
                    f,
                    "permission point missing: request it and have it granted{}",
                    Points(points, link)
                );
            }
            Self::IpNotAllowed { ip } => {
                return write!(
                    f,
                    "address not on the app's IP white list{}: add it in the developer console",
                    Of(ip)
                );
            }
            Self::OutsideScope => {
                "outside the app's contact scope: widen it in the developer console"
            }
            Self::NotFound => "not found",
            Self::BadRequest => "request refused: fix its parameters",
            Self::MissingToken => {
                "the request carried no token: a fault of the program that built it"
            }
            Self::NoSuchApi => "no such API on this platform: check path, method and region",
            Self::Throttled { retry_in } => {
                return write!(f, "throttled: call again in {}", Wait(retry_in));
            }
            Self::Quota => "monthly quota used up: buy a larger package or wait for the next month",
            Self::IpBanned { retry_in } => {
                return write!(
                    f,
                    "this machine's address is banned: calls go out again in {}",
                    Wait(retry_in)
                );
            }
            Self::Busy { .. } => "the platform is busy: call again later",
            Self::TokenRejected => {
                "token rejected twice: check that app, organization and region belong together"
            }
            Self::Unreachable => "not delivered: check network, proxy and TLS",
            Self::Lost => "answer lost: look whether it was executed before sending it again",
            Self::TimedOut { .. } => "timed out",
            Self::TooLarge => "answer too large: raise the bound if it is meant to be",
            Self::Reply => "answer not understood: a proxy in between, or a change of the platform",
            Self::Invalid => "invalid",
            Self::Store => "token store not usable: mend it, then call again",
            Self::Cancelled => "cancelled",
            Self::Unknown => "refused by the platform",
        };
        f.write_str(text)
    }
}

impl std::error::Error for ErrorKind {}

impl ErrorKind {
    /// It in one word, such as `throttled`: for logs and for counting. These words do not change.
    ///
    /// ```
    /// use dingtalk_core::ErrorKind;
    ///
    /// assert_eq!(ErrorKind::TimedOut { maybe_executed: true }.name(), "timed_out");
    /// ```
    pub fn name(&self) -> &'static str {
        match self {
            Self::Credentials => "credentials",
            Self::TicketStale => "ticket_stale",
            Self::NotAuthorized => "not_authorized",
            Self::CodeDead => "code_dead",
            Self::LoginAgain { .. } => "login_again",
            Self::Permission { .. } => "permission",
            Self::IpNotAllowed { .. } => "ip_not_allowed",
            Self::OutsideScope => "outside_scope",
            Self::NotFound => "not_found",
            Self::BadRequest => "bad_request",
            Self::MissingToken => "missing_token",
            Self::NoSuchApi => "no_such_api",
            Self::Throttled { .. } => "throttled",
            Self::Quota => "quota",
            Self::IpBanned { .. } => "ip_banned",
            Self::Busy { .. } => "busy",
            Self::TokenRejected => "token_rejected",
            Self::Unreachable => "unreachable",
            Self::Lost => "lost",
            Self::TimedOut { .. } => "timed_out",
            Self::TooLarge => "too_large",
            Self::Reply => "reply",
            Self::Invalid => "invalid",
            Self::Store => "store",
            Self::Cancelled => "cancelled",
            Self::Unknown => "unknown",
        }
    }
}

impl Error {
    /// What can be done about it.
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// The operation that failed, such as `contact.get_user`; for a failure to get a token the
    /// token's operation.
    pub fn operation(&self) -> Option<&str> {
        self.0.operation.as_deref()
    }

    /// HTTP status of the answer. Errors of the older families come with 200.
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// DingTalk's code: a number of the older families, a word of `/v1.0`.
    pub fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// DingTalk's sub code, where the code is 88.
    pub fn sub_code(&self) -> Option<&str> {
        self.0.sub_code.as_deref()
    }

    /// DingTalk's own text, or ours where nothing came back. For people, never to branch on:
    /// its language and wording change.
    pub fn message(&self) -> Option<&str> {
        self.0.message.as_deref()
    }

    /// DingTalk's id of the request: what its support asks for.
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// Whether calling again later, unchanged, can succeed.
    pub fn is_temporary(&self) -> bool {
        matches!(
            self.kind(),
            ErrorKind::Throttled { .. }
                | ErrorKind::IpBanned { .. }
                | ErrorKind::Busy { .. }
                | ErrorKind::Unreachable
                | ErrorKind::TimedOut { .. }
                | ErrorKind::TicketStale
                | ErrorKind::Lost
        )
    }

    /// A call that is refused before anything is sent.
    pub fn invalid(why: impl Into<String>) -> Self {
        Self::new(ErrorKind::Invalid).with_message(why)
    }

    pub(crate) fn new(kind: ErrorKind) -> Self {
        Self(Arc::new(Inner {
            kind,
            operation: None,
            status: None,
            code: None,
            sub_code: None,
            message: None,
            request_id: None,
        }))
    }

    pub(crate) fn with_message(mut self, message: impl Into<String>) -> Self {
        self.edit().message = Some(message.into());
        self
    }

    pub(crate) fn with_operation(mut self, operation: impl Into<Cow<'static, str>>) -> Self {
        self.edit().operation = Some(operation.into());
        self
    }

    pub(crate) fn with_kind(mut self, kind: ErrorKind) -> Self {
        self.edit().kind = kind;
        self
    }

    pub(crate) fn transport(error: &TransportError) -> Self {
        let kind = match error.fault() {
            Fault::NotSent => ErrorKind::Unreachable,
            Fault::Lost => ErrorKind::Lost,
            Fault::TimedOut => ErrorKind::TimedOut { maybe_executed: true },
            Fault::TooLarge => ErrorKind::TooLarge,
        };
        Self::new(kind).with_message(error.detail())
    }

    /// From an answer. Known secrets that the platform echoes are cut out of its text.
    pub(crate) fn from_signal(kind: ErrorKind, signal: Signal, secrets: &[&Secret]) -> Self {
        let clean = |text: String| cleaned(text, secrets);
        Self(Arc::new(Inner {
            kind,
            operation: None,
            status: Some(signal.status),
            code: signal.code.map(clean),
            sub_code: signal.sub_code.map(clean),
            message: signal.message.map(clean),
            request_id: signal.request_id.map(clean),
        }))
    }

    /// From a body that could not be decoded: where and in which way, never with what.
    pub(crate) fn undecodable(error: &serde_json::Error, status: u16) -> Self {
        let what = match error.classify() {
            serde_json::error::Category::Io => "unreadable",
            serde_json::error::Category::Syntax => "not JSON",
            serde_json::error::Category::Data => "of another shape than documented",
            serde_json::error::Category::Eof => "cut short",
        };
        let mut this = Self::new(ErrorKind::Reply).with_message(format!(
            "the body is {what} at line {}, column {}",
            error.line(),
            error.column()
        ));
        this.edit().status = Some(status);
        this
    }

    pub(crate) fn with_status(mut self, status: u16) -> Self {
        self.edit().status = Some(status);
        self
    }

    fn edit(&mut self) -> &mut Inner {
        Arc::make_mut(&mut self.0)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(operation) = self.operation() {
            write!(f, "{operation}: ")?;
        }
        write!(f, "{}", self.kind())?;
        if let Some(code) = self.code() {
            write!(f, " [{code}")?;
            if let Some(sub_code) = self.sub_code() {
                write!(f, "/{sub_code}")?;
            }
            f.write_str("]")?;
        }
        if let Some(message) = self.message() {
            write!(f, ": {message}")?;
        }
        if let Some(request_id) = self.request_id() {
            write!(f, " (request {request_id})")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", self.kind())
            .field("operation", &self.operation())
            .field("status", &self.status())
            .field("code", &self.code())
            .field("sub_code", &self.sub_code())
            .field("message", &self.message())
            .field("request_id", &self.request_id())
            .finish()
    }
}

impl std::error::Error for Error {}

/// The longest text taken over from an answer, in characters.
const TEXT_MAX: usize = 1_000;

fn cleaned(text: String, secrets: &[&Secret]) -> String {
    let mut text = text;
    for secret in secrets {
        // A very short "secret" would cut ordinary words to pieces.
        if secret.expose().len() >= 6 && text.contains(secret.expose()) {
            text = text.replace(secret.expose(), "‹secret›");
        }
    }
    if let Some((end, _)) = text.char_indices().nth(TEXT_MAX) {
        text.truncate(end);
        text.push('…');
    }
    text
}

struct Points<'a>(&'a [String], &'a Option<String>);

impl fmt::Display for Points<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.0.is_empty() {
            write!(f, ": {}", self.0.join(", "))?;
        }
        match self.1 {
            Some(link) => write!(f, " ({link})"),
            None => Ok(()),
        }
    }
}

struct Of<'a>(&'a Option<String>);

impl fmt::Display for Of<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(value) => write!(f, " ({value})"),
            None => Ok(()),
        }
    }
}

struct Wait<'a>(&'a Duration);

impl fmt::Display for Wait<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} s", self.0.as_secs_f64())
    }
}

mod millis {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(wait: &Duration, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_u64(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Duration, D::Error> {
        u64::deserialize(d).map(Duration::from_millis)
    }
}

mod shared {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer, T: Serialize>(
        value: &Arc<T>,
        s: S,
    ) -> Result<S::Ok, S::Error> {
        T::serialize(value, s)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
        d: D,
    ) -> Result<Arc<T>, D::Error> {
        T::deserialize(d).map(Arc::new)
    }
}

/// How long to wait before a throttled call, by the answer's own word.
pub(crate) fn throttle_wait(signal: &Signal, now: Timestamp) -> Duration {
    const LEAST: Duration = Duration::from_secs(1);
    const MOST: Duration = Duration::from_secs(10 * 60);
    let said = signal.retry_after.into_iter().chain(signal.ends_in(now)).max();
    said.unwrap_or(LEAST).clamp(LEAST, MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_what_to_do_and_keeps_the_platforms_words() {
        let signal = Signal {
            status: 200,
            code: Some("88".into()),
            sub_code: Some("60011".into()),
            message: Some("缺少权限".into()),
            request_id: Some("16p4k2v9d7xqz".into()),
            ..Signal::default()
        };
        let kind = ErrorKind::Permission { points: vec!["qyapi_get_member".into()], link: None };
        let error = Error::from_signal(kind, signal, &[]).with_operation("contact.get_user");
        assert_eq!(
            error.to_string(),
            "contact.get_user: permission point missing: request it and have it granted: \
             qyapi_get_member [88/60011]: 缺少权限 (request 16p4k2v9d7xqz)"
        );
    }

    #[test]
    fn a_secret_that_the_platform_echoes_is_cut_out() {
        let secret = Secret::from("canary-5f2c");
        let signal = Signal {
            message: Some("appsecret canary-5f2c 不合法, 密钥canary-5f2c".into()),
            ..Signal::default()
        };
        let error = Error::from_signal(ErrorKind::Credentials, signal, &[&secret]);
        assert!(!format!("{error} {error:?}").contains("canary"), "{error:?}");
    }

    #[test]
    fn long_texts_are_cut_at_a_character() {
        let text = cleaned("错".repeat(5_000), &[]);
        assert_eq!(text.chars().count(), TEXT_MAX + 1);
    }

    #[test]
    fn errors_survive_the_way_into_another_language() {
        let error = Error::new(ErrorKind::Throttled { retry_in: Duration::from_millis(1_500) })
            .with_message("慢一点")
            .with_operation("x");
        let json = serde_json::to_string(&error).unwrap();
        assert_eq!(serde_json::from_str::<Error>(&json).unwrap(), error);
    }

    #[test]
    fn the_name_of_a_kind_is_what_it_serializes_as() {
        let kinds = [
            ErrorKind::Credentials,
            ErrorKind::TicketStale,
            ErrorKind::NotAuthorized,
            ErrorKind::CodeDead,
            ErrorKind::LoginAgain { in_doubt: true },
            ErrorKind::Permission { points: Vec::new(), link: None },
            ErrorKind::IpNotAllowed { ip: None },
            ErrorKind::OutsideScope,
            ErrorKind::NotFound,
            ErrorKind::BadRequest,
            ErrorKind::MissingToken,
            ErrorKind::NoSuchApi,
            ErrorKind::Throttled { retry_in: Duration::ZERO },
            ErrorKind::Quota,
            ErrorKind::IpBanned { retry_in: Duration::ZERO },
            ErrorKind::Busy { maybe_executed: true },
            ErrorKind::TokenRejected,
            ErrorKind::Unreachable,
            ErrorKind::Lost,
            ErrorKind::TimedOut { maybe_executed: true },
            ErrorKind::TooLarge,
            ErrorKind::Reply,
            ErrorKind::Invalid,
            ErrorKind::Store,
            ErrorKind::Cancelled,
            ErrorKind::Unknown,
        ];
        for kind in kinds {
            let json = serde_json::to_value(&kind).unwrap();
            assert_eq!(json["kind"], kind.name());
        }
    }

    #[test]
    fn undecodable_bodies_give_place_and_category_only() {
        let json = r#"{"accessToken":"canary","expireIn":"canary"}"#;
        #[derive(Deserialize)]
        struct Shape {
            #[serde(rename = "expireIn")]
            _expire_in: i64,
        }
        let error = serde_json::from_str::<Shape>(json).err().unwrap();
        let error = Error::undecodable(&error, 200);
        assert!(!format!("{error} {error:?}").contains("canary"), "{error}");
        assert!(error.to_string().contains("column"), "{error}");
    }
}
