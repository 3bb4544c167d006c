//! How a call has to end: a rule of the fault's kind, read for the class of the operation.

use std::fmt;

use dingtalk_core::{Error, ErrorKind};

/// What an operation may stand when nobody knows whether it was executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// Changes nothing.
    Read,
    /// Gives a token or ticket, the same one when asked again.
    Token,
    /// Changes something.
    Write,
    /// Uses up a one-time code or refresh token.
    Code,
}

impl Class {
    pub(crate) const ALL: [Self; 4] = [Self::Read, Self::Token, Self::Write, Self::Code];

    /// Whether it may go out again although it may have been executed.
    pub(crate) fn may_repeat(self) -> bool {
        matches!(self, Self::Read | Self::Token)
    }
}

/// How a call ended, or has to: [`ErrorKind`] without what is inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Works,
    Unreachable,
    Lost,
    TimedOut,
    TooLarge,
    Reply,
    Busy,
    Throttled,
    Quota,
    IpBanned,
    IpNotAllowed,
    Permission,
    Credentials,
    TokenRejected,
    CodeDead,
    LoginAgain,
    BadRequest,
    Unknown,
    /// None that a fault of this matrix may lead to.
    Other,
}

impl End {
    pub(crate) fn of<T>(result: &Result<T, Error>) -> Self {
        let Err(error) = result else { return Self::Works };
        match error.kind() {
            ErrorKind::Unreachable => Self::Unreachable,
            ErrorKind::Lost => Self::Lost,
            ErrorKind::TimedOut { maybe_executed: true } => Self::TimedOut,
            ErrorKind::TooLarge => Self::TooLarge,
            ErrorKind::Reply => Self::Reply,
            ErrorKind::Busy { maybe_executed: true } => Self::Busy,
            ErrorKind::Throttled { .. } => Self::Throttled,
            ErrorKind::Quota => Self::Quota,
            ErrorKind::IpBanned { .. } => Self::IpBanned,
            ErrorKind::IpNotAllowed { .. } => Self::IpNotAllowed,
            ErrorKind::Permission { .. } => Self::Permission,
            ErrorKind::Credentials => Self::Credentials,
            ErrorKind::TokenRejected => Self::TokenRejected,
            ErrorKind::CodeDead => Self::CodeDead,
            ErrorKind::LoginAgain { .. } => Self::LoginAgain,
            ErrorKind::BadRequest => Self::BadRequest,
            ErrorKind::Unknown => Self::Unknown,
            _ => Self::Other,
        }
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Works => f.write_str("works"),
            end => write!(f, "`{end:?}`"),
        }
    }
}

/// What a kind of fault means for a call. There are only these four.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// The call does not feel it.
    Unfelt,
    /// It is certain that nothing was executed: whatever the call is, it goes out again. If the
    /// fault lasts, it ends so.
    Harmless(End),
    /// It may have been executed: what may be repeated goes out again, everything else ends so at
    /// once.
    Doubtful(End),
    /// Going out again would not help: it ends so at once.
    Final(End),
}

/// What is expected of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Expected {
    pub(crate) end: End,
    /// How often the struck request leaves the client.
    pub(crate) sends: usize,
}

/// How often a request goes out in this matrix at most: the policy of its clients says so.
pub(crate) const ATTEMPTS: u32 = 2;

impl Rule {
    /// For an operation of this class, where the fault strikes once or lasts.
    pub(crate) fn expects(self, class: Class, lasts: bool) -> Expected {
        let (end, again) = match self {
            Self::Unfelt => return Expected { end: End::Works, sends: 1 },
            Self::Harmless(end) => (end, true),
            Self::Doubtful(end) => (end, class.may_repeat()),
            Self::Final(end) => (end, false),
        };
        let sends = if again { ATTEMPTS as usize } else { 1 };
        Expected { end: if again && !lasts { End::Works } else { end }, sends }
    }
}
