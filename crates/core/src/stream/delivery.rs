//! What the platform pushes, and what a program answers.

use std::fmt;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::auth::TakeSuiteTicket;
use crate::event::{Event, EventKind};
use crate::{CorpId, Error, ErrorKind, Secret, UnifiedAppId};

/// One message that the platform pushed over Stream (wire-facts §10.7).
///
/// Its [`data`](Self::data) may hold a ticket or personal data, so `Debug` shows the names of
/// things only.
#[derive(Clone)]
#[non_exhaustive]
pub struct Delivery {
    /// An event, or a callback of another product.
    pub kind: DeliveryKind,
    /// `*` for events; the callback's topic.
    pub topic: String,
    /// The message's id. The platform pushes the same event again under another one.
    pub message_id: String,
    /// When it was sent, in Unix milliseconds.
    pub sent_at: Option<u64>,
    /// When it was received here, in Unix milliseconds.
    pub received_at: u64,
    /// The event's name, such as `user_add_org`; empty for a callback.
    pub event_type: String,
    /// The organization that it is about; empty where the platform names none.
    pub corp_id: CorpId,
    /// The event's id: the same in every push of it. Deliveries are at least once, so a program
    /// for which twice would be wrong remembers it.
    pub event_id: String,
    /// When the event happened, in Unix milliseconds.
    pub born_at: Option<u64>,
    /// The app, world-wide.
    pub unified_app_id: UnifiedAppId,
    pub(crate) data: Secret,
}

/// Which kind of message a [`Delivery`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DeliveryKind {
    /// Something happened; it comes again until it is acknowledged.
    Event,
    /// Another product asks and reads the answer: a robot's message, a card's button. It comes
    /// once.
    Callback,
}

impl Delivery {
    /// The content: a JSON text in the platform's own words. It may hold a ticket or personal
    /// data: do not log it.
    pub fn data(&self) -> &str {
        self.data.expose()
    }

    /// The event as a type, the same as over HTTP: `None` for a callback. One that is not known
    /// here, or whose data is of another form, is an event all the same and keeps its text.
    ///
    /// ```
    /// # use dingtalk_core::stream::Delivery;
    /// use dingtalk_core::event::EventKind;
    ///
    /// # fn show(delivery: &Delivery) {
    /// if let Some(event) = delivery.event() {
    ///     match event.kind {
    ///         EventKind::UserAddOrg(change) => println!("{:?} joined", change.user_ids),
    ///         _ => println!("{} of no interest", event.name),
    ///     }
    /// }
    /// # }
    /// ```
    pub fn event(&self) -> Option<Event> {
        (self.kind == DeliveryKind::Event).then(|| {
            Event::from_stream(
                &self.event_type,
                Some(self.corp_id.as_str()),
                Some(&self.event_id),
                self.born_at.or(self.sent_at),
                self.data(),
            )
        })
    }

    /// The content as a type of the program's own: what a callback asks, say.
    ///
    /// # Errors
    /// When it is of another shape: with the place, never with what stands there.
    ///
    /// ```
    /// # use dingtalk_core::stream::Delivery;
    /// # fn show(delivery: &Delivery) -> Result<(), dingtalk_core::Error> {
    /// #[derive(serde::Deserialize)]
    /// #[serde(rename_all = "camelCase")]
    /// struct Message {
    ///     sender_nick: String,
    /// }
    /// let message: Message = delivery.json()?;
    /// # let _ = message.sender_nick;
    /// # Ok(())
    /// # }
    /// ```
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_str(self.data()).map_err(|error| {
            Error::new(ErrorKind::Reply).with_message(format!(
                "the data of {} is of another shape at line {}, column {}",
                self.label(),
                error.line(),
                error.column()
            ))
        })
    }

    /// The suite ticket, if this is the event that brings one: call it, and acknowledge when that
    /// succeeded. The latest push stays, however late and often it comes.
    ///
    /// ```
    /// # use dingtalk_core::stream::Delivery;
    /// # use dingtalk_core::{Error, auth::TakeSuiteTicket};
    /// # struct Client;
    /// # impl Client { fn call(&self, _: TakeSuiteTicket) -> Result<(), Error> { Ok(()) } }
    /// # fn show(client: Client, delivery: &Delivery) -> Result<(), Error> {
    /// if let Some(ticket) = delivery.suite_ticket() {
    ///     client.call(ticket)?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn suite_ticket(&self) -> Option<TakeSuiteTicket> {
        let EventKind::SuiteTicket(pushed) = self.event()?.kind else { return None };
        let pushed_at = self.born_at.or(self.sent_at).unwrap_or(self.received_at);
        Some(TakeSuiteTicket::new(pushed.ticket, pushed_at))
    }

    /// The event's name or the callback's topic: the form for logs.
    pub fn label(&self) -> &str {
        match self.kind {
            DeliveryKind::Event => &self.event_type,
            DeliveryKind::Callback => &self.topic,
        }
    }

    /// Bytes that it keeps, roughly.
    pub(crate) fn size(&self) -> usize {
        self.data.expose().len() + self.topic.len() + self.event_type.len() + self.event_id.len()
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("kind", &self.kind)
            .field("label", &self.label())
            .field("message_id", &self.message_id)
            .field("event_id", &self.event_id)
            .field("corp_id", &self.corp_id)
            .field("data_bytes", &self.data.expose().len())
            .finish_non_exhaustive()
    }
}

/// What a handler says of a [`Delivery`].
///
/// | | to an event | to a callback |
/// |---|---|---|
/// | [`Done`](Self::Done) | `SUCCESS`: it does not come again | 200, an empty response |
/// | [`Reply`](Self::Reply) | `SUCCESS` | 200 with this response |
/// | [`Later`](Self::Later), or an error or panic of the handler | `LATER`: the platform pushes it again | 500 |
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Answer {
    /// It is dealt with.
    Done,
    /// It is dealt with, and this is the answer that the product behind a callback reads.
    Reply(Value),
    /// Not now: push it again.
    Later,
}

/// What a handler returns: an answer, or any error that makes the message come again. The error's
/// text is [reported](crate::stream::Notice::Failed) to the program and to nobody else.
pub type Outcome = Result<Answer, Box<dyn std::error::Error + Send + Sync>>;
