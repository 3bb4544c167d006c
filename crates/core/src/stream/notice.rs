//! What a program may want to log of Stream.

use std::fmt;
use std::time::Duration;

use crate::{Error, TransportError};

/// How Stream is doing. `Display` is a line for a log; nothing in it comes from a message's data.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Notice {
    /// A connection is open.
    Connected,
    /// The platform asked to leave the connection, as it does from time to time; another one is
    /// opened before it ends.
    Leaving,
    /// The platform did not give a connection; it is asked again.
    Refused {
        /// Why.
        error: Error,
        /// When.
        again_in: Duration,
    },
    /// A connection could not be opened, or has ended; another one is opened.
    Down {
        /// Why.
        why: TransportError,
        /// When.
        again_in: Duration,
    },
    /// Something came that is no message of Stream.
    Ignored {
        /// What is wrong with it.
        why: &'static str,
    },
    /// The handler failed or panicked: the event was put off with `LATER`, a callback was answered
    /// with 500.
    Failed {
        /// The event's name or the callback's topic.
        label: String,
        /// In the handler's own words.
        why: String,
    },
    /// So many messages wait for the handler that this one was put off.
    Overloaded {
        /// The event's name or the callback's topic.
        label: String,
    },
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connected => f.write_str("connected"),
            Self::Leaving => f.write_str("asked to leave the connection; opening another one"),
            Self::Refused { error, again_in } => {
                write!(f, "{error}; asking again in {:.1} s", again_in.as_secs_f64())
            }
            Self::Down { why, again_in } => {
                write!(
                    f,
                    "no connection: {why}; opening another one in {:.1} s",
                    again_in.as_secs_f64()
                )
            }
            Self::Ignored { why } => write!(f, "ignored {why}"),
            Self::Failed { label, why } => write!(f, "the handler of {label} failed: {why}"),
            Self::Overloaded { label } => write!(f, "put off {label}: too many messages wait"),
        }
    }
}
