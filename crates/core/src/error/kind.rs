//! What can be done about a failure, each kind with its words.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What the caller can do about an [`Error`](crate::Error): the classes of wire-facts §11.1 and the failures
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
    /// A code that is not known here; see [`Error::code`](crate::Error::code) and
    /// [`Error::message`](crate::Error::message).
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
