//! Stream: messages to apps over a web socket that the app opens (wire-facts §10.7).
//!
//! An app asks for a ticket, connects with it, and says with it what it wants to be told. From then on its events go
//! over whichever of its connections has room, each to one of them, until it acknowledges; what it answers with `LATER`,
//! with another code than 200 or not at all comes again as often and as late as a callback over HTTP would be tried.
//! Asking for events is the choice of Stream in the developer console: a callback over HTTP that the app had is over.
//!
//! No source says how long an acknowledgement may take, how often the platform pings, what a bad ticket is answered
//! with, and how many connections an app may have; the constants say what is assumed.

mod connect;
mod frame;
mod hub;
mod socket;
mod told;

use std::sync::Arc;

pub use hub::{CallbackAnswer, StreamConnection};

pub(crate) use connect::{CONNECT, connect};
pub(crate) use hub::{Hub, Pass, Topic};
pub(crate) use socket::serve;

use frame::Ack;
use hub::{Flight, Heard, Load, Outgoing};

use crate::events::{Held, PushTrouble, Sending, Way};
use crate::platform::Platform;
use crate::{Sandbox, Shared};

impl Sandbox {
    /// The open Stream connections of an app, oldest first.
    #[must_use]
    pub fn stream_connections(&self, client_id: &str) -> Vec<StreamConnection> {
        let mut connections = self.platform().stream.connections();
        connections.retain(|connection| connection.client_id == client_id);
        connections
    }

    /// Asks an app to leave a connection, as the platform does before it closes one: a `disconnect` message, no other
    /// message after it, and the end after ten seconds of silence by the sandbox's clock. What the app had not
    /// acknowledged by then goes to another connection. False if no connection has this id, or it is leaving already.
    pub fn disconnect(&self, connection_id: &str) -> bool {
        let now = self.shared.clock.now();
        let asked = self.platform().stream.disconnect(connection_id, "disconnected by hand", now);
        self.tell();
        asked
    }

    /// Sends an app a message of another product over Stream, a robot's or a card's: `data` is the JSON text that its
    /// handler reads. It goes out once, to a connection that asked for this topic, and is logged under the number that
    /// is returned, with the topic as its event type; none if no connection can take it.
    pub fn call_back(&self, client_id: &str, topic: &str, data: &str) -> Option<u64> {
        let now = self.shared.clock.now();
        let push = self.platform().call_back(client_id, topic, data, now);
        self.tell();
        push
    }

    /// What apps answered to [`call_back`](Self::call_back), oldest first; the newest thousand.
    #[must_use]
    pub fn callback_answers(&self) -> Vec<CallbackAnswer> {
        self.platform().stream.answers()
    }
}

impl Shared {
    /// A web socket is open: none if there are too many.
    fn join(&self, pass: Pass) -> Option<(u64, Outgoing)> {
        let now = self.clock.now();
        let joined = self.platform().join(pass, now);
        self.wake.notify_one();
        joined
    }

    /// A web socket has ended.
    fn leave(&self, connection: u64) {
        let now = self.clock.now();
        let platform = &mut *self.platform();
        let flights = platform.stream.leave(connection);
        platform.take_back(flights, now);
        self.wake.notify_one();
    }

    /// An app said something.
    fn heard(&self, connection: u64, text: &str) -> Result<(), &'static str> {
        let ack = Ack::parse(text)?;
        let now = self.clock.now();
        self.platform().acknowledged(connection, &ack, now);
        self.wake.notify_one();
        Ok(())
    }
}

impl Platform {
    /// Does what is to be done on Stream now: hands events to connections, pings, and ends what took too long.
    pub(crate) fn deal(&mut self, now: u64) {
        for flight in self.stream.overdue(now) {
            self.settle_stream(&flight, Err(PushTrouble::TooSlow), now);
        }
        let apps = &self.apps;
        let homeless = |client: &str| apps.get(client).is_none_or(|app| app.dead);
        self.stream.disconnect_all("the app is disabled", now, homeless);
        for flights in self.stream.silent(now) {
            self.take_back(flights, now);
        }
        self.stream.ping(now);
        if self.stream.is_idle() {
            return;
        }
        let stream = &self.stream;
        for (push, client) in self.outbox.streamed(now, |client| stream.is_connected(client)) {
            let Some(event) = self.outbox.event(push) else { continue };
            let Some(connection) = self.stream.choose_event(&client, event.event_type()) else {
                continue;
            };
            let told = self.told(&client, push, event, now);
            if let Some(sending) = self.outbox.hand_over(push) {
                self.stream.send_event(connection, sending, &told, now);
            }
        }
    }

    fn join(&mut self, pass: Pass, now: u64) -> Option<(u64, Outgoing)> {
        self.app(&pass.client)?;
        let (client, events) = (Arc::clone(&pass.client), pass.wants_events());
        let joined = self.stream.join(pass, now)?;
        if events && !self.outbox.streams(&client) {
            self.install(Held::over_stream(client), now);
        }
        Some(joined)
    }

    fn call_back(&mut self, client: &str, topic: &str, data: &str, now: u64) -> Option<u64> {
        let connection = self.stream.choose_callback(client, topic)?;
        let push = self.outbox.number();
        let event_type = topic.to_owned();
        let sending = Sending { way: Way::Stream, push, subscription: 0, attempt: 1, event_type };
        self.stream.send_callback(connection, sending, data, now);
        Some(push)
    }

    fn acknowledged(&mut self, connection: u64, ack: &Ack, now: u64) {
        match self.stream.heard(connection, ack, now) {
            Heard::Event(flight) => self.settle_stream(&flight, ack.verdict(), now),
            Heard::Callback(flight) => {
                let verdict =
                    if ack.code == 200 { Ok(()) } else { Err(PushTrouble::Code(ack.code)) };
                self.settle_stream(&flight, verdict, now);
            }
            Heard::Nothing => {}
        }
    }

    /// Connections ended with these on them.
    fn take_back(&mut self, flights: Vec<Flight>, now: u64) {
        for flight in flights {
            match flight.load {
                Load::Event => self.outbox.take_back(&flight.sending, &flight.client, now),
                Load::Callback => self.settle_stream(&flight, Err(PushTrouble::Gone), now),
            }
        }
    }

    fn settle_stream(&mut self, flight: &Flight, outcome: Result<(), PushTrouble>, now: u64) {
        match flight.load {
            Load::Event => self.outbox.settle(&flight.sending, outcome, now),
            Load::Callback => {
                self.outbox.note(&flight.sending, &flight.client, outcome.as_ref().err(), now);
            }
        }
    }
}
