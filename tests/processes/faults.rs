//! What can go wrong, and when.

use crate::coordinator::Whose;

/// Something that happens to one round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// `kill -9` of the process that fetches.
    Kill(Moment),
    /// The process that fetches is stopped for longer than its lock lives, and goes on then.
    Stop(Moment),
    /// The same for so long that everybody has given it up.
    StopForLong(Moment),
    /// `kill -9` of a process that waits.
    KillAnother,
    /// `kill -9` of any process at any moment.
    KillAnytime,
    /// `kill -9` of Redis, and a new start, while a token is fetched.
    Restart(Moment),
    /// `CLIENT PAUSE` of everything.
    Pause,
}

/// How far the process that fetches has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// It has the lock and told the store what it is about to do; nothing has gone out.
    BeforeRequest,
    /// It has the answer, and the store does not know of it.
    AfterAnswer,
}

use Moment::{AfterAnswer, BeforeRequest};

impl Fault {
    /// By the line of the table that they belong to.
    pub(crate) fn of(store: &str, whose: Whose) -> Vec<(&'static str, Vec<Self>)> {
        let mut all = vec![
            (
                "kill -9",
                vec![
                    Self::Kill(BeforeRequest),
                    Self::KillAnytime,
                    Self::Kill(AfterAnswer),
                    Self::KillAnother,
                ],
            ),
            (
                "SIGSTOP past the lease",
                match whose {
                    Whose::App => vec![Self::Stop(BeforeRequest), Self::Stop(AfterAnswer)],
                    Whose::Person => vec![
                        Self::Stop(BeforeRequest),
                        Self::StopForLong(AfterAnswer),
                        Self::Stop(AfterAnswer),
                        Self::StopForLong(BeforeRequest),
                    ],
                },
            ),
        ];
        if store == "redis" {
            all.push(("CLIENT PAUSE", vec![Self::Pause]));
            let restarts = vec![Self::Restart(BeforeRequest), Self::Restart(AfterAnswer)];
            all.push(("kill -9 of Redis, new start", restarts));
        }
        all
    }

    /// Where the process that fetches is to be caught.
    pub(crate) fn moment(self) -> Option<Moment> {
        match self {
            Self::Kill(moment)
            | Self::Stop(moment)
            | Self::StopForLong(moment)
            | Self::Restart(moment) => Some(moment),
            Self::KillAnother => Some(BeforeRequest),
            Self::KillAnytime | Self::Pause => None,
        }
    }
}

impl Moment {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::BeforeRequest => "before",
            Self::AfterAnswer => "after",
        }
    }
}
