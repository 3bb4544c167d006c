//! From an answer that is no success to what it means, with the error that says so.

use std::time::Duration;

use crate::endpoint::Family;
use crate::error::{Class, Purpose, Signal, classify, throttle_wait};
use crate::region::IP_BAN;
use crate::token::Source;
use crate::wire::Response;
use crate::{Error, ErrorKind, Secret, Timestamp};

pub(crate) struct Verdict {
    pub(crate) class: Class,
    pub(crate) error: Error,
    /// How long to stay away, where the answer throttles.
    pub(crate) wait: Duration,
}

/// Who asked for what.
pub(crate) struct Asker<'a> {
    pub(crate) family: Family,
    pub(crate) purpose: Purpose,
    pub(crate) source: &'a Source,
    /// What must not show up in the error's text.
    pub(crate) secrets: &'a [&'a Secret],
}

pub(crate) fn judge(response: &Response, asker: &Asker<'_>, now: Timestamp) -> Verdict {
    let Asker { family, purpose, source, secrets } = *asker;
    let signal = Signal::read(response, family);
    let class = classify(&signal, purpose);
    let wait = throttle_wait(&signal, now);
    if class == Class::NotUnderstood {
        return Verdict { class, error: not_understood(response), wait };
    }
    let kind = kind(class, &signal, wait, source);
    Verdict { class, error: Error::from_signal(kind, signal, secrets), wait }
}

fn kind(class: Class, signal: &Signal, wait: Duration, source: &Source) -> ErrorKind {
    match class {
        Class::Transient | Class::Busy => ErrorKind::Busy { maybe_executed: true },
        Class::IpBan => ErrorKind::IpBanned { retry_in: IP_BAN },
        Class::Throttled => ErrorKind::Throttled { retry_in: wait },
        Class::Quota => ErrorKind::Quota,
        Class::TokenDead => ErrorKind::TokenRejected,
        Class::MissingToken => ErrorKind::MissingToken,
        Class::Credentials => ErrorKind::Credentials,
        Class::TicketStale => ErrorKind::TicketStale,
        Class::NotAuthorized => ErrorKind::NotAuthorized,
        Class::CodeDead => ErrorKind::CodeDead,
        Class::LoginAgain => ErrorKind::LoginAgain { in_doubt: false },
        Class::Permission => ErrorKind::Permission {
            points: signal.required_scopes.clone(),
            link: signal.console_link().or_else(|| console_link(&signal.required_scopes, source)),
        },
        Class::IpNotAllowed => ErrorKind::IpNotAllowed { ip: signal.request_ip() },
        Class::OutsideScope => ErrorKind::OutsideScope,
        Class::NotFound => ErrorKind::NotFound,
        Class::BadRequest => ErrorKind::BadRequest,
        Class::NoSuchApi => ErrorKind::NoSuchApi,
        Class::NotUnderstood => ErrorKind::Reply,
        Class::Unknown => ErrorKind::Unknown,
    }
}

/// The developer console's page for the first missing point, where the answer brings none. Only the
/// Chinese edition's console is known (wire-facts §1.1).
fn console_link(points: &[String], source: &Source) -> Option<String> {
    let (point, id) = (points.first()?, source.client_id());
    let plain = |text: &str| {
        text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
    };
    let known = source.region().name() == "china" && !id.is_empty();
    (known && plain(point) && plain(id.as_str()))
        .then(|| format!("https://open-dev.dingtalk.com/appscope/apply?content={id}%23{point}"))
}

/// Says in which way the body is not an answer of the platform, never what is in it.
fn not_understood(response: &Response) -> Error {
    let status = response.status();
    let what = match (status, response.body()) {
        (300..=399, _) => "a redirect, which is not followed",
        (_, []) => "an empty body",
        (_, body) => match std::str::from_utf8(body) {
            Err(_) => "a body that is not UTF-8",
            Ok(text) => match serde_json::from_str::<serde::de::IgnoredAny>(text) {
                Ok(_) => "JSON without the platform's envelope",
                Err(error) => return Error::undecodable(&error, status),
            },
        },
    };
    Error::new(ErrorKind::Reply).with_message(what).with_status(status)
}
