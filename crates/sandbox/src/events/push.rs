//! One push: what travels to a callback, and how its reply is judged.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::cipher::Cipher;
use super::subscription::Target;

/// One attempt to tell a callback about an event. A receiver in the test's own process gets this; it holds exactly
/// what a server would get over the wire, and beside it the message in clear.
#[derive(Clone)]
pub struct Push {
    pub(crate) id: u64,
    pub(crate) subscription: u64,
    pub(crate) attempt: u32,
    pub(crate) url: String,
    pub(crate) body: String,
    pub(crate) event_type: String,
    pub(crate) message: String,
    pub(crate) timestamp: String,
    pub(crate) nonce: String,
    pub(crate) cipher: Arc<Cipher>,
    pub(crate) target: Target,
    /// How long the receiver may take, in the machine's time.
    pub(crate) limit: Duration,
    /// What the reply has to decrypt to.
    pub(crate) wanted: Vec<String>,
}

/// Without the message, which may hold a ticket or a code.
impl fmt::Debug for Push {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Push")
            .field("id", &self.id)
            .field("attempt", &self.attempt)
            .field("event_type", &self.event_type)
            .finish_non_exhaustive()
    }
}

/// Which attempt at which event this is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sending {
    pub(crate) way: Way,
    pub(crate) push: u64,
    pub(crate) subscription: u64,
    pub(crate) attempt: u32,
    pub(crate) event_type: String,
}

/// How an attempt travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Way {
    Http,
    Stream,
}

/// What a callback answers.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushReply {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

/// Why a push failed.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PushTrouble {
    /// The callback's URL is none that HTTP can be sent to.
    Url(String),
    /// The callback is not on this machine, and the sandbox was not allowed to leave it.
    NotLoopback(String),
    /// No connection, or one that broke.
    Unreachable(String),
    /// No whole reply in time.
    TooSlow,
    /// A reply larger than 64 KiB.
    TooLarge,
    /// Another status than 200; redirects are not followed.
    Status(u16),
    /// The reply is not the JSON object that it must be.
    Unreadable(Cow<'static, str>),
    /// The reply's signature differs.
    Signature,
    /// The reply cannot be decrypted.
    Crypto(Cow<'static, str>),
    /// The reply decrypts to something else than `success`.
    NotSuccess(String),
    /// Over Stream: the app acknowledged with the status `LATER`.
    Later,
    /// Over Stream: the app acknowledged with another code than 200.
    Code(i64),
    /// Over Stream: the connection ended before the app acknowledged.
    Gone,
}

impl Push {
    /// The push's number; every attempt at one event for one callback has the same.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.id
    }

    /// 1 for the first attempt.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// The whole URL with `signature`, `msg_signature`, `timestamp` and `nonce` in its query.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The request's body: `{"encrypt":"…"}`.
    #[must_use]
    pub fn body(&self) -> &str {
        &self.body
    }

    /// What kind of event it is.
    #[must_use]
    pub fn event_type(&self) -> &str {
        &self.event_type
    }

    /// The message in clear, for tests that are not about decryption.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    pub(crate) fn sending(&self) -> Sending {
        Sending {
            way: Way::Http,
            push: self.id,
            subscription: self.subscription,
            attempt: self.attempt,
            event_type: self.event_type.clone(),
        }
    }

    /// The reply that makes the platform content.
    #[must_use]
    pub fn success(&self) -> PushReply {
        self.reply("success")
    }

    /// A well-made reply with this text inside.
    #[must_use]
    pub fn reply(&self, text: &str) -> PushReply {
        let encrypt = self.cipher.encrypt(*b"0123456789abcdef", text);
        let signature = self.cipher.signature(&self.timestamp, &self.nonce, &encrypt);
        let body = serde_json::json!({
            "msg_signature": signature,
            "timeStamp": self.timestamp,
            "nonce": self.nonce,
            "encrypt": encrypt,
        });
        PushReply::new(200, body.to_string())
    }

    /// Whether a reply acknowledges the push (wire-facts §10.2). `timeStamp` may be spelt either way and be text or
    /// number; its value only has to be the one that was signed.
    pub(crate) fn judge(&self, reply: &PushReply) -> Result<(), PushTrouble> {
        if reply.status != 200 {
            return Err(PushTrouble::Status(reply.status));
        }
        let Ok(Value::Object(fields)) = serde_json::from_slice(&reply.body) else {
            return Err(PushTrouble::Unreadable("not a JSON object".into()));
        };
        let text = |name: &str| match fields.get(name) {
            Some(Value::String(text)) => Some(text.clone()),
            Some(Value::Number(number)) => Some(number.to_string()),
            _ => None,
        };
        let missing = |what: &'static str| PushTrouble::Unreadable(what.into());
        let signature = text("msg_signature").ok_or(missing("msg_signature is missing"))?;
        let timestamp = text("timeStamp")
            .or_else(|| text("timestamp"))
            .ok_or(missing("timeStamp is missing"))?;
        let nonce = text("nonce").ok_or(missing("nonce is missing"))?;
        let encrypt = text("encrypt").ok_or(missing("encrypt is missing"))?;
        if self.cipher.signature(&timestamp, &nonce, &encrypt) != signature {
            return Err(PushTrouble::Signature);
        }
        let message =
            self.cipher.decrypt(&encrypt).map_err(|why| PushTrouble::Crypto(why.into()))?;
        if self.wanted.contains(&message) {
            Ok(())
        } else {
            Err(PushTrouble::NotSuccess(message.chars().take(200).collect()))
        }
    }
}

impl PushReply {
    /// A reply, well-made or not.
    #[must_use]
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, body: body.into() }
    }
}

impl PushTrouble {
    /// The errcode with which the old registration answers it (wire-facts §10.5).
    #[must_use]
    pub fn errcode(&self) -> i64 {
        match self {
            Self::Url(_) => 71011,
            Self::NotLoopback(_) => 71013,
            Self::Unreachable(_) | Self::TooSlow | Self::Gone => 71012,
            Self::Unreadable(_) | Self::TooLarge => 71010,
            Self::Status(_)
            | Self::Signature
            | Self::Crypto(_)
            | Self::NotSuccess(_)
            | Self::Later
            | Self::Code(_) => 71009,
        }
    }
}

impl fmt::Display for PushTrouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(why) => write!(f, "the callback's URL cannot be used: {why}"),
            Self::NotLoopback(host) => write!(
                f,
                "the callback is at {host}, and this sandbox pushes to 127.0.0.1, [::1] and localhost only"
            ),
            Self::Unreachable(why) => write!(f, "the callback cannot be reached: {why}"),
            Self::TooSlow => f.write_str("the callback did not reply in time"),
            Self::TooLarge => f.write_str("the callback's reply is larger than 64 KiB"),
            Self::Status(status) => {
                write!(f, "the callback answered with status {status} instead of 200")
            }
            Self::Unreadable(why) => write!(f, "the callback's reply cannot be read: {why}"),
            Self::Signature => {
                f.write_str("the msg_signature of the callback's reply does not fit its fields")
            }
            Self::Crypto(why) => write!(f, "the callback's reply cannot be decrypted: {why}"),
            Self::NotSuccess(text) => {
                write!(f, "the callback's reply says {text:?} instead of \"success\"")
            }
            Self::Later => f.write_str("the app asks to be told again later"),
            Self::Code(code) => write!(f, "the app acknowledged with code {code} instead of 200"),
            Self::Gone => f.write_str("the connection ended before the app acknowledged"),
        }
    }
}

impl std::error::Error for PushTrouble {}
