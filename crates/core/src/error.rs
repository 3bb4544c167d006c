//! What can go wrong, said as what to do about it.

mod kind;
mod signal;
mod table;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use kind::ErrorKind;
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
        self.set_operation(operation.into());
        self
    }

    pub(crate) fn set_operation(&mut self, operation: Cow<'static, str>) {
        self.edit().operation = Some(operation);
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
