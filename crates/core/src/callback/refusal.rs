//! Why a push is not received.

use std::fmt;
use std::time::Duration;

use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};

use super::Owner;

/// Why a push is not received, for the program's log; [`response`](Self::response) is what the
/// sender gets. It holds ids at most, no secret and nothing of the message.
///
/// [`code`](Self::code) is the number under which the platform's own callback library knows it.
/// That library's 900006 and 900007 (signature or encryption cannot be computed) cannot happen
/// here.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// It is no POST.
    Method,
    /// The body is larger than the receiver takes.
    TooLarge {
        /// The most that the receiver takes.
        limit: usize,
    },
    /// Decrypted, it is no event.
    Plaintext,
    /// The query has no readable `timestamp`.
    Timestamp,
    /// It was signed too long ago, or lies ahead.
    Stale {
        /// How far the signed time is from ours.
        off: Duration,
        /// How far it may be.
        max: Duration,
    },
    /// The query has no `nonce`.
    Nonce,
    /// This very push was acknowledged before.
    Replayed,
    /// The receiver's own AES key is none.
    AesKey,
    /// The query has neither `signature` nor `msg_signature` of 40 hex digits.
    Unsigned,
    /// The signature differs.
    Signature,
    /// It cannot be decrypted.
    Decrypt {
        /// What is wrong.
        why: &'static str,
    },
    /// The lengths inside do not fit.
    Length,
    /// It is for somebody else.
    Owner {
        /// For whom this receiver is.
        expected: Owner,
        /// For whom the push is: letters, digits and signs of it, at most 64.
        found: String,
    },
    /// One of its events is being acted on at this moment, because it was pushed before and not
    /// acknowledged yet.
    UnderWay,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Method => "no POST: the platform never sends another method",
            Self::TooLarge { limit } => {
                return write!(
                    f,
                    "the body is larger than {limit} bytes, as the platform never sends it"
                );
            }
            Self::Plaintext => {
                "signed and decrypted, but no event: the platform never sends such a text"
            }
            Self::Timestamp => "no timestamp in the query, or none that is a number",
            Self::Stale { off, max } => {
                return write!(
                    f,
                    "signed {} s from now, more than the {} s that are allowed: check this \
                     machine's clock; else it is a replay",
                    off.as_secs(),
                    max.as_secs()
                );
            }
            Self::Nonce => "no nonce in the query",
            Self::Replayed => "a replay: this very push was acknowledged before",
            Self::AesKey => {
                "the AES key is not 43 letters and digits: copy it from the developer console"
            }
            Self::Unsigned => "unsigned: no signature of 40 hex digits in the query",
            Self::Signature => "the signature differs: a wrong token, or a forgery",
            Self::Decrypt { why } => return write!(f, "it cannot be decrypted: {why}"),
            Self::Length => "decrypted, its length is wrong: check the AES key",
            Self::Owner { expected, found } => {
                return write!(
                    f,
                    "for {found:?}, but this receiver is for {expected}{}",
                    hint(expected, found)
                );
            }
            Self::UnderWay => "already being acted on: the platform pushes it again",
        };
        f.write_str(text)
    }
}

impl std::error::Error for Refusal {}

impl Refusal {
    /// The number that the platform's own callback library gives this, 900001 to 900010; `None`
    /// for what that library does not look at.
    pub fn code(&self) -> Option<u32> {
        match self {
            Self::Plaintext => Some(900_001),
            Self::Timestamp | Self::Stale { .. } => Some(900_002),
            Self::Nonce | Self::Replayed => Some(900_003),
            Self::AesKey => Some(900_004),
            Self::Unsigned | Self::Signature => Some(900_005),
            Self::Decrypt { .. } => Some(900_008),
            Self::Length => Some(900_009),
            Self::Owner { .. } => Some(900_010),
            Self::Method | Self::TooLarge { .. } | Self::UnderWay => None,
        }
    }

    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnderWay => StatusCode::SERVICE_UNAVAILABLE,
            Self::AesKey => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Stale { .. }
            | Self::Replayed
            | Self::Unsigned
            | Self::Signature
            | Self::Owner { .. } => StatusCode::FORBIDDEN,
            Self::Plaintext
            | Self::Timestamp
            | Self::Nonce
            | Self::Decrypt { .. }
            | Self::Length => StatusCode::BAD_REQUEST,
        }
    }

    /// The answer. It says the number and nothing else: whoever sent a forgery learns no id.
    pub fn response(&self) -> Response<Vec<u8>> {
        let code = self.code().map(|code| code.to_string());
        let body = format!(r#"{{"errcode":{}}}"#, code.as_deref().unwrap_or("-1"));
        answer(self.status(), body.into_bytes())
    }
}

pub(super) fn answer(status: StatusCode, body: Vec<u8>) -> Response<Vec<u8>> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}

/// Which way of subscribing an id belongs to, where its look tells.
fn hint(expected: &Owner, found: &str) -> &'static str {
    // Organizations are `ding` and 32 or more hex digits, apps are shorter.
    let corp = found.strip_prefix("ding").is_some_and(|rest| rest.len() >= 32);
    match expected {
        Owner::Corp(_) if !corp => {
            ": register_call_back signs for the organization, the developer console for the app"
        }
        Owner::App(_) if corp => {
            ": the developer console signs for the app, register_call_back for the organization; \
             use Owner::Corp for the latter"
        }
        Owner::App(_) | Owner::Custom(_) if found.starts_with("suite") => {
            ": this is a third-party app's push, use Owner::Suite"
        }
        Owner::NewSuite => ": it has a key by now, use Owner::Suite with it",
        _ => "",
    }
}
