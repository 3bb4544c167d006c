//! Requests and replies as plain values, for hosts behind a language border.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::Error;
use crate::machine::{Event, Order};
use crate::store::{StoreOp, StoreReply};
use crate::wire::{Fault, Reply, Request, Response, TransportError};

/// Everything that a host must know to carry a request.
///
/// It serializes whole, token and secrets included: hand it to an HTTP library, never to a log.
/// `label` is the form for logs.
#[derive(Clone, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RequestForm {
    /// The operation's name: the only part that may be logged.
    pub label: String,
    /// `GET`, `POST`, `PUT` or `DELETE`.
    pub method: String,
    /// The whole URL.
    pub url: String,
    /// Name and value of each header.
    pub headers: Vec<(String, String)>,
    /// The body, always text; empty for none.
    pub body: String,
    /// Longest time to connect, in milliseconds.
    pub connect_timeout_ms: u64,
    /// Longest time for the whole exchange, in milliseconds.
    pub total_timeout_ms: u64,
    /// Largest answer to accept, in bytes.
    pub max_body: u64,
    /// Always false: a redirect must not be followed with credentials.
    pub follow_redirects: bool,
}

impl From<&Request> for RequestForm {
    fn from(request: &Request) -> Self {
        let limits = request.limits();
        Self {
            label: request.label().to_owned(),
            method: request.method().to_string(),
            url: request.url().to_string(),
            headers: request
                .headers()
                .iter()
                .map(|(name, value)| {
                    (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
                })
                .collect(),
            body: String::from_utf8_lossy(request.body()).into_owned(),
            connect_timeout_ms: millis(limits.connect),
            total_timeout_ms: millis(limits.total),
            max_body: u64::try_from(limits.max_body).unwrap_or(u64::MAX),
            follow_redirects: false,
        }
    }
}

impl fmt::Debug for RequestForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestForm").field("label", &self.label).finish_non_exhaustive()
    }
}

/// What a host reports of an exchange.
#[derive(Clone, Serialize, Deserialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum ReplyForm {
    /// An answer of any status.
    Answer {
        /// The HTTP status.
        status: u16,
        /// Name and value of each header.
        #[serde(default)]
        headers: Vec<(String, String)>,
        /// The body as text.
        #[serde(default)]
        body: String,
    },
    /// None.
    Failure {
        /// How far it got.
        fault: Fault,
        /// The host's words for it, free of URLs and values.
        #[serde(default)]
        detail: String,
    },
}

impl From<ReplyForm> for Reply {
    fn from(form: ReplyForm) -> Self {
        match form {
            ReplyForm::Answer { status, headers, body } => {
                let headers = headers
                    .into_iter()
                    .filter_map(|(name, value)| {
                        let name: http::HeaderName = name.parse().ok()?;
                        Some((name, value.parse().ok()?))
                    })
                    .collect();
                Ok(Response::new(status, headers, body))
            }
            ReplyForm::Failure { fault, detail } => Err(match fault {
                Fault::NotSent => TransportError::not_sent(detail),
                Fault::Lost => TransportError::lost(detail),
                Fault::TimedOut => TransportError::timed_out(detail),
                Fault::TooLarge => TransportError::too_large(detail),
            }),
        }
    }
}

impl fmt::Debug for ReplyForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReplyForm")
    }
}

/// An order as a plain value: `{"order":"send","request":{…}}` and so on. It holds what the order
/// holds, secrets included.
#[derive(Serialize)]
#[serde(tag = "order", rename_all = "snake_case")]
#[non_exhaustive]
pub enum OrderForm<'a> {
    /// Carry this request.
    Send {
        /// The request.
        request: RequestForm,
    },
    /// Ask the store.
    Ask {
        /// The question.
        question: &'a StoreOp,
    },
    /// Wait.
    Sleep {
        /// So long, in milliseconds.
        wait_ms: u64,
    },
    /// Somebody else is fetching the token: resume when its callback comes, or poll.
    Join {
        /// The longest wait, in milliseconds.
        patience_ms: u64,
        /// How often to look, for a host that polls, in milliseconds.
        poll_ms: u64,
    },
    /// The result.
    Done {
        /// The data inside the checked envelope.
        data: &'a RawValue,
    },
    /// No result.
    Failed {
        /// Why.
        error: &'a Error,
    },
}

impl<'a> From<&'a Order> for OrderForm<'a> {
    fn from(order: &'a Order) -> Self {
        match order {
            Order::Send(request) => Self::Send { request: request.into() },
            Order::Ask(question) => Self::Ask { question },
            Order::Sleep(wait) => Self::Sleep { wait_ms: millis(*wait) },
            Order::Join(flight) => {
                Self::Join { patience_ms: millis(flight.patience()), poll_ms: POLL_MS }
            }
            Order::Done(data) => Self::Done { data },
            Order::Failed(error) => Self::Failed { error },
        }
    }
}

impl fmt::Debug for OrderForm<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OrderForm")
    }
}

/// An event as a plain value: `{"event":"reply","status":200,"body":"…"}` and so on.
#[derive(Debug, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum EventForm {
    /// Begin.
    Start,
    /// What the transport brought.
    Reply(ReplyForm),
    /// What the store said.
    Store {
        /// Its answer.
        answer: StoreReply,
    },
    /// The wait is over.
    Woken,
    /// The caller lost interest.
    Cancelled,
}

impl From<EventForm> for Event {
    fn from(form: EventForm) -> Self {
        match form {
            EventForm::Start => Self::Start,
            EventForm::Reply(reply) => Self::Reply(reply.into()),
            EventForm::Store { answer } => Self::Store(answer),
            EventForm::Woken => Self::Woken,
            EventForm::Cancelled => Self::Cancelled,
        }
    }
}

/// How often a host that polls should look for the end of somebody else's request.
const POLL_MS: u64 = 20;

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
