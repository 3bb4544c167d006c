//! The signature doctor: which input makes a `dd.config` fail.
//!
//! The client says no more than "the signature differs". With the ticket at hand, the doctor signs
//! again with one input changed after another until the page's signature comes out: what it had to
//! change is the difference.

mod object;
mod search;
#[cfg(test)]
mod tests;
mod url;

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use super::config::is_page_url;
use super::dd_error::DdError;
use crate::Secret;

/// Compares what a page gave to `dd.config` with what should have been signed.
///
/// It needs the ticket; all else that the server remembers of the signature makes it surer.
///
/// ```
/// use dingtalk_core::Secret;
/// use dingtalk_core::jsapi::{Certainty, Doctor, Hash, Input, sign};
/// use serde_json::json;
///
/// let ticket = Secret::from("ticketExample0001");
/// // a server that lost the slash at the end of the url
/// let signature = sign(&ticket, "n", 1_700_000_000_000_u64, "https://a.cn", Hash::Sha256);
/// let sent = json!({
///     "agentId": "1", "corpId": "dingexamplecorp", "timeStamp": "1700000000000",
///     "nonceStr": "n", "signature": signature, "jsApiList": ["runtime.info"],
/// });
/// let diagnosis = Doctor::new(&ticket).diagnose(&sent, "https://a.cn/#/route");
/// assert_eq!(diagnosis.dd_error, Some(52013));
/// assert_eq!(diagnosis.findings[0].input, Input::Url);
/// assert_eq!(diagnosis.findings[0].certainty, Certainty::Proven);
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Doctor<'a> {
    ticket: &'a Secret,
    old_tickets: Vec<&'a Secret>,
    nonce: Option<String>,
    timestamp: Option<String>,
    url: Option<String>,
    entry_url: Option<String>,
}

impl<'a> Doctor<'a> {
    /// A doctor who knows the ticket that is valid now.
    pub fn new(ticket: &'a Secret) -> Self {
        Self {
            ticket,
            old_tickets: Vec::new(),
            nonce: None,
            timestamp: None,
            url: None,
            entry_url: None,
        }
    }

    /// Adds a ticket that a server may still hold: an earlier one, or another app's or
    /// organization's. Eight are tried at most.
    pub fn old_ticket(mut self, ticket: &'a Secret) -> Self {
        self.old_tickets.push(ticket);
        self
    }

    /// Adds the nonce that the server signed, by its own record.
    pub fn signed_nonce(mut self, nonce: impl Into<String>) -> Self {
        self.nonce = Some(nonce.into());
        self
    }

    /// Adds the timestamp that the server signed, by its own record.
    pub fn signed_timestamp(mut self, timestamp: impl fmt::Display) -> Self {
        self.timestamp = Some(timestamp.to_string());
        self
    }

    /// Adds the page URL that the server signed, by its own record.
    pub fn signed_url(mut self, url: impl Into<String>) -> Self {
        self.url = Some(url.into());
        self
    }

    /// Adds the URL at which a single-page app was entered, if it has moved on since.
    pub fn entry_url(mut self, url: impl Into<String>) -> Self {
        self.entry_url = Some(url.into());
        self
    }

    /// Examines what the page gave to `dd.config`, a [`DdConfig`](super::DdConfig) or any JSON,
    /// while its `location.href` was `href`.
    pub fn diagnose(&self, sent: &impl Serialize, href: &str) -> Diagnosis {
        let sent = serde_json::to_value(sent).unwrap_or(Value::Null);
        let mut report = Report::default();
        let sent = object::examine(&sent, &mut report);
        if self.ticket.is_empty() {
            report.seen(
                DdError::Ticket,
                Input::Ticket,
                "the ticket to check with is empty".to_owned(),
                "get a ticket with the app token of the organization",
            );
        }
        if !is_page_url(href) {
            report.seen(
                DdError::Url,
                Input::Url,
                format!("the page's address {} is no absolute http(s) URL", quoted(href)),
                DdError::Url.remedy(),
            );
        }
        let signature_matches =
            sent.is_some_and(|sent| search::explain(self, &sent, href, &mut report));
        let mut diagnosis = Diagnosis {
            findings: report.findings,
            dd_error: report.dd_error.map(DdError::code),
            signature_matches,
        };
        for finding in &mut diagnosis.findings {
            // In this order: half a ticket would not be found.
            self.hide_tickets(&mut finding.what);
            shorten(&mut finding.what);
        }
        diagnosis
    }

    fn tickets(&self) -> impl Iterator<Item = &'a Secret> {
        std::iter::once(self.ticket).chain(self.old_tickets.iter().copied().take(OLD_TICKETS))
    }

    /// A page or a server may have put a ticket where it does not belong, and so into our texts.
    fn hide_tickets(&self, text: &mut String) {
        let all = std::iter::once(self.ticket).chain(self.old_tickets.iter().copied());
        for ticket in all.filter(|ticket| !ticket.is_empty()) {
            if text.contains(ticket.expose()) {
                *text = text.replace(ticket.expose(), "‹secret›");
            }
        }
    }
}

/// What the [`Doctor`] found. As JSON it can be shown to a developer; no ticket is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Diagnosis {
    /// What is wrong, the first to be mended first; empty when all is well.
    pub findings: Vec<Finding>,
    /// What the client will report to `dd.error`; see [`DdError`]. `None` when it will be content.
    pub dd_error: Option<i64>,
    /// Whether the page's signature, as it was sent, is right for this page and ticket.
    pub signature_matches: bool,
}

impl Diagnosis {
    /// [`dd_error`](Self::dd_error) with its meaning.
    pub fn error(&self) -> Option<DdError> {
        self.dd_error.and_then(DdError::from_code)
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.error() {
            Some(error) => write!(f, "{error}")?,
            None => f.write_str("dd.config is right")?,
        }
        for finding in &self.findings {
            write!(f, "\n- {finding}")?;
        }
        Ok(())
    }
}

/// One thing that is wrong, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// Which input it is about.
    pub input: Input,
    /// What is wrong with it. It may quote the page's URL and fields, never a ticket.
    pub what: String,
    /// What to do.
    pub remedy: &'static str,
    /// How sure it is.
    pub certainty: Certainty,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.certainty.as_str(), self.what, self.remedy)
    }
}

/// How sure a [`Finding`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Certainty {
    /// Signing again with this difference, and the other proven ones, gives the page's signature.
    Proven,
    /// It is plain to see in what was given.
    Seen,
    /// It may be so, and does no harm if it is not.
    Suspected,
}

impl Certainty {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Proven => "proven",
            Self::Seen => "seen",
            Self::Suspected => "suspected",
        }
    }
}

/// What a [`Finding`] is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Input {
    /// The object as a whole.
    Object,
    /// The ticket.
    Ticket,
    /// `nonceStr`
    Nonce,
    /// `timeStamp`
    Timestamp,
    /// The page's URL.
    Url,
    /// The hash under the signature.
    Hash,
    /// `signature`, as it is written.
    Signature,
    /// The names and the order within the signed text.
    SignedText,
    /// `agentId`
    AgentId,
    /// `corpId`
    CorpId,
    /// `type`
    Type,
    /// `jsApiList`
    JsApiList,
}

/// More would let a caller's list decide how long a diagnosis takes.
const OLD_TICKETS: usize = 8;

#[derive(Default)]
struct Report {
    findings: Vec<Finding>,
    dd_error: Option<DdError>,
}

impl Report {
    fn seen(&mut self, error: DdError, input: Input, what: String, remedy: &'static str) {
        // The client names one thing only; the first that was found stands for it.
        self.dd_error.get_or_insert(error);
        self.add(Certainty::Seen, input, what, remedy);
    }

    fn add(&mut self, certainty: Certainty, input: Input, what: String, remedy: &'static str) {
        self.findings.push(Finding { input, what, remedy, certainty });
    }
}

/// A value from outside for a text, without line breaks or control characters.
fn quoted(text: &str) -> String {
    let clean = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    format!("'{}'", text.chars().map(clean).collect::<String>())
}

fn shorten(text: &mut String) {
    if let Some((end, _)) = text.char_indices().nth(1_000) {
        text.truncate(end);
        text.push('…');
    }
}
