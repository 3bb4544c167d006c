//! Tells whoever watches what happens in a call: one [`Note`] for each row of the vocabulary in
//! [`trace`](crate::trace). Without the feature `tracing` all of it is empty.

#[cfg(not(feature = "tracing"))]
mod off;
#[cfg(feature = "tracing")]
mod on;

use std::time::Duration;

#[cfg(not(feature = "tracing"))]
pub(crate) use off::{Pause, Watch, note};
#[cfg(feature = "tracing")]
pub(crate) use on::{Pause, Watch, note};

use crate::endpoint::Family;
use crate::wire::Response;
use crate::{Error, Region};

/// Something worth telling.
#[cfg_attr(not(feature = "tracing"), allow(dead_code))]
pub(crate) enum Note<'a> {
    /// A request goes out, of the call itself or for its token.
    Sent { operation: &'a str, attempt: u32 },
    /// It came back.
    Answered { operation: &'a str, attempt: u32, took: Duration, answer: Answer<'a> },
    /// The call goes on with this token.
    Token { from: From, left: Duration },
    /// A token that still serves is replaced before its end.
    TokenEarly { left: Duration },
    /// It could not be replaced, and the call goes on with it: nobody is told by an error.
    TokenKept { left: Duration, error: &'a Error },
    /// The platform rejected the token; `again` if it was a fresh one.
    TokenRejected { operation: &'a str, again: bool },
    /// The store failed; `goes_on` if the call does without it.
    StoreFailed { why: &'a str, goes_on: bool },
    /// The store works again.
    StoreBack,
    /// The platform banned this machine's address.
    Banned { region: &'a Region, retry_in: Duration },
}

/// What came back.
#[cfg_attr(not(feature = "tracing"), allow(dead_code))]
pub(crate) enum Answer<'a> {
    Ok(Family, &'a Response),
    Failed(&'a Error),
}

/// Where a token came from.
#[derive(Clone, Copy)]
#[cfg_attr(not(feature = "tracing"), allow(dead_code))]
pub(crate) enum From {
    Memory,
    Store,
    Platform,
}

/// Why a call waits.
#[derive(Clone, Copy)]
#[cfg_attr(not(feature = "tracing"), allow(dead_code))]
pub(crate) enum Reason {
    Throttled,
    Paced,
    BackOff,
    Flight,
    StoreLock,
    StoreRetry,
}
