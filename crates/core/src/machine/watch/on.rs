//! Everything is told to `tracing`, in the words of [`trace`](crate::trace).

use std::borrow::Cow;
use std::time::Duration;

use tracing::field::Empty;
use tracing::level_filters::LevelFilter;
use tracing::{Level, Span, event};

use crate::endpoint::{Family, Operation};
use crate::error::request_id;
use crate::machine::watch::{Answer, From, Note, Reason};
use crate::token::Source;
use crate::trace::{
    ANSWERED, BANNED, CALL, CANCELLED, DONE, FAILED, SENT, STORE_BACK, STORE_FAILED, TARGET, TOKEN,
    TOKEN_EARLY, TOKEN_KEPT, TOKEN_REJECTED, WAIT, WAITED,
};
use crate::{Error, ErrorKind, Timestamp};

pub(crate) fn note(note: &Note<'_>) {
    match note {
        Note::Sent { operation, attempt } => {
            event!(name: SENT, target: TARGET, Level::DEBUG, operation, attempt, "sent");
        }
        Note::Answered { operation, attempt, took, answer } => {
            answered(operation, *attempt, millis(*took), answer);
        }
        Note::Token { from, left } => {
            let (from, left_ms) = (from.name(), millis(*left));
            event!(name: TOKEN, target: TARGET, Level::DEBUG, from, left_ms, "token");
        }
        Note::TokenEarly { left } => {
            let left_ms = millis(*left);
            event!(name: TOKEN_EARLY, target: TARGET, Level::DEBUG, left_ms, "token replaced early");
        }
        Note::TokenKept { left, error } => event!(
            name: TOKEN_KEPT,
            target: TARGET,
            Level::WARN,
            left_ms = millis(*left),
            operation = error.operation(),
            outcome = error.kind().name(),
            status = error.status(),
            code = error.code(),
            sub_code = error.sub_code(),
            request_id = error.request_id(),
            "token could not be replaced, the old one serves on"
        ),
        Note::TokenRejected { operation, again } => event!(
            name: TOKEN_REJECTED,
            target: TARGET,
            Level::INFO,
            operation,
            again,
            "token rejected"
        ),
        Note::StoreFailed { why, goes_on } => {
            event!(name: STORE_FAILED, target: TARGET, Level::WARN, why, goes_on, "store failed");
        }
        Note::StoreBack => {
            event!(name: STORE_BACK, target: TARGET, Level::INFO, "store works again");
        }
        Note::Banned { region, retry_in } => event!(
            name: BANNED,
            target: TARGET,
            Level::WARN,
            region = region.name(),
            retry_in_ms = millis(*retry_in),
            "this machine's address is banned"
        ),
    }
}

fn answered(operation: &str, attempt: u32, took_ms: u64, answer: &Answer<'_>) {
    // A success says its id somewhere in its body: not worth looking for where nobody listens.
    if LevelFilter::current() < LevelFilter::DEBUG {
        return;
    }
    let (outcome, status, code, sub_code, id) = match answer {
        Answer::Ok(family, response) => {
            let id = request_id(response, *family).map(Cow::Owned);
            (OK, Some(response.status()), None, None, id)
        }
        Answer::Failed(error) => (
            error.kind().name(),
            error.status(),
            error.code(),
            error.sub_code(),
            error.request_id().map(Cow::Borrowed),
        ),
    };
    event!(
        name: ANSWERED,
        target: TARGET,
        Level::DEBUG,
        operation,
        attempt,
        took_ms,
        outcome,
        status,
        code,
        sub_code,
        request_id = id.as_deref(),
        "answered"
    );
}

/// A wait, from its beginning to its end.
#[derive(Default)]
pub(crate) struct Pause(Option<(Reason, Timestamp)>);

impl Pause {
    pub(crate) fn begin(&mut self, reason: Reason, wait: Duration, now: Timestamp) {
        self.0 = Some((reason, now));
        let (reason, wait_ms) = (reason.name(), millis(wait));
        event!(name: WAIT, target: TARGET, Level::DEBUG, reason, wait_ms, "waits");
    }

    pub(crate) fn over(&mut self, now: Timestamp) {
        if let Some((reason, since)) = self.0.take() {
            let (reason, waited_ms) = (reason.name(), millis(now.since(since)));
            event!(name: WAITED, target: TARGET, Level::DEBUG, reason, waited_ms, "waited");
        }
    }
}

/// A whole call: its span, and that its end is told once. A token request within a call has none
/// of its own.
#[derive(Default)]
pub(crate) struct Watch(Option<Box<Whole>>);

struct Whole {
    span: Span,
    operation: Cow<'static, str>,
    /// None before the first step.
    begun: Option<Timestamp>,
}

impl Watch {
    /// Of a call that is made where the caller is now.
    pub(crate) fn new(source: &Source, operation: &Operation) -> Self {
        // Without a subscriber this is all that it costs.
        if LevelFilter::current() == LevelFilter::OFF {
            return Self(None);
        }
        let span = tracing::span!(
            target: TARGET,
            Level::INFO,
            CALL,
            operation = &*operation.name,
            family = family(operation),
            caller = source.kind_name(),
            client_id = source.client_id().as_str(),
            corp_id = source.organization().map(|corp_id| corp_id.as_str()),
            outcome = Empty,
            attempts = Empty,
            status = Empty,
            code = Empty,
            sub_code = Empty,
            request_id = Empty,
        );
        Self(Some(Box::new(Whole { span, operation: operation.name.clone(), begun: None })))
    }

    pub(crate) fn span(&self) -> Span {
        self.0.as_ref().map_or_else(Span::none, |whole| whole.span.clone())
    }

    pub(crate) fn begin(&mut self, now: Timestamp) {
        if let Some(whole) = &mut self.0 {
            whole.begun = Some(now);
        }
    }

    pub(crate) fn end(&mut self, result: Result<(), &Error>, attempts: u32, now: Timestamp) {
        let Some(mut whole) = self.0.take() else { return };
        let Some(begun) = whole.begun.take() else { return };
        let (operation, took_ms) = (&*whole.operation, millis(now.since(begun)));
        whole.span.record("attempts", attempts);
        match result {
            Ok(()) => {
                whole.span.record("outcome", OK);
                event!(
                    name: DONE,
                    target: TARGET,
                    Level::DEBUG,
                    operation,
                    outcome = OK,
                    attempts,
                    took_ms,
                    "done"
                );
            }
            Err(error) if *error.kind() == ErrorKind::Cancelled => cancelled(&whole),
            Err(error) => {
                whole.span.record("outcome", error.kind().name());
                whole.span.record("status", error.status());
                whole.span.record("code", error.code());
                whole.span.record("sub_code", error.sub_code());
                whole.span.record("request_id", error.request_id());
                event!(
                    name: FAILED,
                    target: TARGET,
                    Level::INFO,
                    operation,
                    outcome = error.kind().name(),
                    attempts,
                    took_ms,
                    status = error.status(),
                    code = error.code(),
                    sub_code = error.sub_code(),
                    request_id = error.request_id(),
                    "failed"
                );
            }
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(whole) = self.0.take().filter(|whole| whole.begun.is_some()) {
            cancelled(&whole);
        }
    }
}

fn cancelled(whole: &Whole) {
    let (operation, outcome) = (&*whole.operation, ErrorKind::Cancelled.name());
    whole.span.record("outcome", outcome);
    event!(name: CANCELLED, target: TARGET, Level::DEBUG, operation, outcome, "cancelled");
}

const OK: &str = "ok";

/// None for what is about a token or a store and has no path.
fn family(operation: &Operation) -> Option<&'static str> {
    let family = match operation.family {
        Family::Legacy => "legacy",
        Family::TopApi => "topapi",
        Family::OpenApi => "openapi",
    };
    (!operation.path.is_empty()).then_some(family)
}

impl From {
    fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Store => "store",
            Self::Platform => "platform",
        }
    }
}

impl Reason {
    fn name(self) -> &'static str {
        match self {
            Self::Throttled => "throttled",
            Self::Paced => "paced",
            Self::BackOff => "back_off",
            Self::Flight => "flight",
            Self::StoreLock => "store_lock",
            Self::StoreRetry => "store_retry",
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
