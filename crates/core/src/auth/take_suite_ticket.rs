//! A suite ticket that was pushed, for everybody who needs it. Nothing of this goes to the
//! platform.

use serde::Serialize;

use crate::dialect::OpenApi;
use crate::endpoint::{Endpoint, Method, Obtains, Operation};
use crate::event::{Event, EventKind};
use crate::{Secret, Suite};

/// Takes the ticket of a `suite_ticket` event: from now on this process asks for tokens with it,
/// and with a store every other process does, too. A ticket that comes late or twice changes
/// nothing: the latest push stays, by the platform's own time of it (wire-facts §3.6).
///
/// Acknowledge the push after this has succeeded: an unacknowledged one comes again.
#[derive(Clone, Debug, Serialize)]
#[must_use = "an endpoint does nothing until it is called"]
pub struct TakeSuiteTicket {
    ticket: Secret,
    pushed_at: u64,
}

impl TakeSuiteTicket {
    /// The ticket, and when the platform pushed it, in Unix milliseconds: the event says so.
    pub fn new(ticket: impl Into<Secret>, pushed_at: u64) -> Self {
        Self { ticket: ticket.into(), pushed_at }
    }

    /// The ticket of this event, whichever way it came; `None` if it is another event.
    ///
    /// ```
    /// use dingtalk_core::auth::TakeSuiteTicket;
    /// use dingtalk_core::event::Event;
    ///
    /// let data = r#"{"suiteTicket":"tkT0"}"#;
    /// let event = Event::from_stream("suite_ticket", None, Some("ev-01"), Some(1_772_416_800_000), data);
    /// if let Some(ticket) = TakeSuiteTicket::from_event(&event) {
    ///     // client.call(ticket)?, then acknowledge the event
    ///     # let _ = ticket;
    /// }
    /// ```
    pub fn from_event(event: &Event) -> Option<Self> {
        match &event.kind {
            // Without a time it cannot be later than one that is here.
            EventKind::SuiteTicket(of) => {
                Some(Self::new(of.ticket.clone(), event.born_at.unwrap_or(0)))
            }
            _ => None,
        }
    }
}

impl Endpoint for TakeSuiteTicket {
    type Caller = Suite;
    type Api = OpenApi;
    type Output = ();
    const OPERATION: &Operation = &Operation::openapi("auth.take_suite_ticket", Method::Put, "");

    fn obtains(&self) -> Obtains {
        Obtains::TicketTaken { ticket: self.ticket.clone(), pushed_at: self.pushed_at }
    }
}
