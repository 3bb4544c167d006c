//! Why a push is not received.

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
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It is no POST.
    #[error("no POST: the platform never sends another method")]
    Method,
    /// The body is larger than the receiver takes.
    #[error("the body is larger than {limit} bytes, as the platform never sends it")]
    TooLarge {
        /// The most that the receiver takes.
        limit: usize,
    },
    /// Decrypted, it is no event.
    #[error("signed and decrypted, but no event: the platform never sends such a text")]
    Plaintext,
    /// The query has no readable `timestamp`.
    #[error("no timestamp in the query, or none that is a number")]
    Timestamp,
    /// It was signed too long ago, or lies ahead.
    #[error(
        "signed {} s from now, more than the {} s that are allowed: check this machine's clock; \
         else it is a replay", .off.as_secs(), .max.as_secs()
    )]
    Stale {
        /// How far the signed time is from ours.
        off: Duration,
        /// How far it may be.
        max: Duration,
    },
    /// The query has no `nonce`.
    #[error("no nonce in the query")]
    Nonce,
    /// This very push was acknowledged before.
    #[error("a replay: this very push was acknowledged before")]
    Replayed,
    /// The receiver's own AES key is none.
    #[error("the AES key is not 43 letters and digits: copy it from the developer console")]
    AesKey,
    /// The query has neither `signature` nor `msg_signature` of 40 hex digits.
    #[error("unsigned: no signature of 40 hex digits in the query")]
    Unsigned,
    /// The signature differs.
    #[error("the signature differs: a wrong token, or a forgery")]
    Signature,
    /// It cannot be decrypted.
    #[error("it cannot be decrypted: {why}")]
    Decrypt {
        /// What is wrong.
        why: &'static str,
    },
    /// The lengths inside do not fit.
    #[error("decrypted, its length is wrong: check the AES key")]
    Length,
    /// It is for somebody else.
    #[error("for {found:?}, but this receiver is for {expected}{}", hint(.expected, .found))]
    Owner {
        /// For whom this receiver is.
        expected: Owner,
        /// For whom the push is: letters, digits and signs of it, at most 64.
        found: String,
    },
    /// One of its events is being acted on at this moment, because it was pushed before and not
    /// acknowledged yet.
    #[error("already being acted on: the platform pushes it again")]
    UnderWay,
}

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
