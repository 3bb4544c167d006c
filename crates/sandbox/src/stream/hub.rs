//! Tickets, connections, and what is on its way over them: a state that decides, and touches no socket and no clock.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use serde_json::Value;
use tokio::sync::mpsc;

use super::frame::{Ack, Addressed, disconnect, ping};
use super::told::{Told, unified_app_id, uuid};
use crate::events::Sending;
use crate::rng::{Rng, scattered};

/// §10.7: a ticket lives 90 seconds and opens one connection.
const TICKET_LIFE: u64 = 90_000;
/// §10.7: after `disconnect` the platform closes when it has heard nothing for so long.
const SILENCE: u64 = 10_000;
/// Assumed: an acknowledgement that takes longer does not come.
const ACK_LIMIT: u64 = 60_000;
/// Assumed: how often the platform pings.
const PING_EVERY: u64 = 60_000;
const MOST_TICKETS: usize = 1000;
/// Assumed, for one app.
const MOST_CONNECTIONS: usize = 50;
const MOST_CONNECTIONS_OF_ALL: usize = 1000;
/// So many messages are on their way to one connection; the others wait, or go to another one.
const MOST_FLIGHTS: usize = 64;
/// Beside them a ping and a farewell have room, and messages that are acknowledged before they are written.
const LINE: usize = 2 * MOST_FLIGHTS;
const MOST_ANSWERS: usize = 1000;

/// What is to be written to a web socket; its end is the connection's.
pub(crate) type Outgoing = mpsc::Receiver<String>;

/// What a ticket gives the right to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pass {
    pub(crate) client: Arc<str>,
    pub(crate) topics: Vec<Topic>,
    pub(crate) user_agent: String,
    /// Told apart by it, so that ids do not come again when a sandbox starts anew; the ticket gives it.
    pub(crate) mark: String,
}

/// What an app wants to be told on a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Topic {
    kind: TopicKind,
    name: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TopicKind {
    Event,
    Callback,
}

/// An open Stream connection; see [`Sandbox::stream_connections`](crate::Sandbox::stream_connections).
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamConnection {
    /// As it stands in the headers of its messages.
    pub id: String,
    /// The app's.
    pub client_id: String,
    /// What the app called itself when it opened the connection.
    pub user_agent: String,
    /// What the app asked for, as type and topic: `EVENT *`.
    pub topics: Vec<String>,
    /// When it was opened, by the sandbox's clock.
    pub opened_at: u64,
    /// How many messages are not yet acknowledged.
    pub unacknowledged: usize,
    /// It was asked to leave and gets no more messages.
    pub leaving: bool,
}

/// What an app answered to a callback; see [`Sandbox::callback_answers`](crate::Sandbox::callback_answers).
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallbackAnswer {
    /// The number that [`Sandbox::call_back`](crate::Sandbox::call_back) returned.
    pub push: u64,
    /// The app's.
    pub client_id: String,
    /// The callback's.
    pub topic: String,
    /// 200, or why not: 404 for a topic without handler, 400 and 500 for its failures.
    pub code: i64,
    /// What `response` in the data holds; null if there is none.
    pub response: Value,
}

/// A message that was not yet acknowledged.
#[derive(Clone, Debug)]
pub(crate) struct Flight {
    pub(crate) sending: Sending,
    pub(crate) client: Arc<str>,
    pub(crate) load: Load,
    sent_at: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Load {
    Event,
    Callback,
}

/// What an acknowledgement was for.
#[derive(Debug)]
pub(crate) enum Heard {
    Event(Flight),
    Callback(Flight),
    /// A ping, or a message that nobody waits for any more.
    Nothing,
}

#[derive(Debug)]
struct Ticket {
    pass: Pass,
    until: u64,
}

#[derive(Debug)]
struct Connection {
    id: String,
    pass: Pass,
    opened_at: u64,
    /// Dropping it ends the web socket when all before is written.
    line: mpsc::Sender<String>,
    flights: BTreeMap<String, Flight>,
    /// When the next ping is due, and the word that the last one waits for: without an answer there is no other.
    ping_at: u64,
    pinged: Option<String>,
    /// Asked to leave: when it is closed if nothing is heard before.
    leaves_at: Option<u64>,
}

/// Everything about Stream.
#[derive(Debug, Default)]
pub(crate) struct Hub {
    tickets: HashMap<String, Ticket>,
    connections: BTreeMap<u64, Connection>,
    answers: VecDeque<CallbackAnswer>,
    next: u64,
}

impl Pass {
    pub(crate) fn wants_events(&self) -> bool {
        self.topics.iter().any(|topic| topic.kind == TopicKind::Event)
    }
}

impl Topic {
    /// None for a type that §10.7 does not have.
    pub(crate) fn new(kind: &str, name: &str) -> Option<Self> {
        let kind = match kind {
            "EVENT" => TopicKind::Event,
            "CALLBACK" => TopicKind::Callback,
            _ => return None,
        };
        Some(Self { kind, name: name.to_owned() })
    }

    fn takes_event(&self, event_type: &str) -> bool {
        self.kind == TopicKind::Event && (self.name == "*" || self.name == event_type)
    }

    fn takes_callback(&self, topic: &str) -> bool {
        self.kind == TopicKind::Callback && self.name == topic
    }

    fn told(&self) -> String {
        let kind = match self.kind {
            TopicKind::Event => "EVENT",
            TopicKind::Callback => "CALLBACK",
        };
        format!("{kind} {}", self.name)
    }
}

impl Hub {
    /// A ticket for one connection. Of too many, those that end first go.
    pub(crate) fn issue(&mut self, mut pass: Pass, now: u64, rng: &mut Rng) -> String {
        self.tickets.retain(|_, ticket| ticket.until > now);
        while self.tickets.len() >= MOST_TICKETS {
            let first = self.tickets.iter().min_by_key(|(_, ticket)| ticket.until);
            let Some(first) = first.map(|(name, _)| name.clone()) else { break };
            self.tickets.remove(&first);
        }
        let ticket = rng.token();
        pass.mark = uuid(&["ticket", &ticket]);
        self.tickets.insert(ticket.clone(), Ticket { pass, until: now + TICKET_LIFE });
        ticket
    }

    /// Ends a ticket, and says what it was good for.
    pub(crate) fn redeem(&mut self, ticket: &str, now: u64) -> Option<Pass> {
        let ticket = self.tickets.remove(ticket)?;
        (now < ticket.until).then_some(ticket.pass)
    }

    /// Whether an app may have one more connection.
    pub(crate) fn has_room(&self, client: &str) -> bool {
        let own = self.connections.values().filter(|it| *it.pass.client == *client).count();
        own < MOST_CONNECTIONS && self.connections.len() < MOST_CONNECTIONS_OF_ALL
    }

    pub(crate) fn join(&mut self, pass: Pass, now: u64) -> Option<(u64, Outgoing)> {
        if !self.has_room(&pass.client) {
            return None;
        }
        let (line, outgoing) = mpsc::channel(LINE);
        let key = self.number();
        let connection = Connection {
            id: uuid(&["connection", &pass.mark, &key.to_string()]),
            pass,
            opened_at: now,
            line,
            flights: BTreeMap::new(),
            ping_at: now + PING_EVERY,
            pinged: None,
            leaves_at: None,
        };
        self.connections.insert(key, connection);
        Some((key, outgoing))
    }

    /// Forgets a connection, and gives back what it had not acknowledged, oldest first.
    pub(crate) fn leave(&mut self, key: u64) -> Vec<Flight> {
        let connection = self.connections.remove(&key);
        let flights = connection.map(|connection| connection.flights).unwrap_or_default();
        let mut flights: Vec<Flight> = flights.into_values().collect();
        flights.sort_unstable_by_key(|flight| flight.sending.push);
        flights
    }

    pub(crate) fn connections(&self) -> Vec<StreamConnection> {
        let all = self.connections.values();
        all.map(|connection| StreamConnection {
            id: connection.id.clone(),
            client_id: connection.pass.client.to_string(),
            user_agent: connection.pass.user_agent.clone(),
            topics: connection.pass.topics.iter().map(Topic::told).collect(),
            opened_at: connection.opened_at,
            unacknowledged: connection.flights.len(),
            leaving: connection.leaves_at.is_some(),
        })
        .collect()
    }

    pub(crate) fn answers(&self) -> Vec<CallbackAnswer> {
        self.answers.iter().cloned().collect()
    }

    /// Whether an app has a connection that takes messages.
    pub(crate) fn is_connected(&self, client: &str) -> bool {
        let mut all = self.connections.values();
        all.any(|it| *it.pass.client == *client && it.leaves_at.is_none())
    }

    /// Whether nothing comes due as time goes by.
    pub(crate) fn is_idle(&self) -> bool {
        self.connections.is_empty()
    }

    /// A connection for an event, any of those that fit: which one is nothing that an app can count on (§10.7).
    pub(crate) fn choose_event(&self, client: &str, event_type: &str) -> Option<u64> {
        self.choose(client, |topic| topic.takes_event(event_type))
    }

    pub(crate) fn choose_callback(&self, client: &str, topic: &str) -> Option<u64> {
        self.choose(client, |it| it.takes_callback(topic))
    }

    pub(crate) fn send_event(&mut self, key: u64, sending: Sending, told: &Told, now: u64) {
        self.send(key, sending, Load::Event, now, |to| to.event(told));
    }

    pub(crate) fn send_callback(&mut self, key: u64, sending: Sending, data: &str, now: u64) {
        let topic = sending.event_type.clone();
        self.send(key, sending, Load::Callback, now, |to| to.callback(&topic, data));
    }

    /// What an app acknowledged on a connection.
    pub(crate) fn heard(&mut self, key: u64, ack: &Ack, now: u64) -> Heard {
        let Some(connection) = self.connections.get_mut(&key) else {
            return Heard::Nothing;
        };
        if let Some(leaves_at) = &mut connection.leaves_at {
            *leaves_at = now + SILENCE;
        }
        let opaque = ack.data.get("opaque").and_then(Value::as_str);
        if opaque.is_some() && opaque == connection.pinged.as_deref() {
            connection.pinged = None;
            connection.ping_at = now + PING_EVERY;
        }
        let flight = ack.message_id.as_ref().and_then(|id| connection.flights.remove(id));
        match flight {
            None => Heard::Nothing,
            Some(flight) if flight.load == Load::Event => Heard::Event(flight),
            Some(flight) => {
                if self.answers.len() >= MOST_ANSWERS {
                    self.answers.pop_front();
                }
                self.answers.push_back(CallbackAnswer {
                    push: flight.sending.push,
                    client_id: flight.client.to_string(),
                    topic: flight.sending.event_type.clone(),
                    code: ack.code,
                    response: ack.data.get("response").cloned().unwrap_or_default(),
                });
                Heard::Callback(flight)
            }
        }
    }

    /// What was not acknowledged in time.
    pub(crate) fn overdue(&mut self, now: u64) -> Vec<Flight> {
        let mut overdue = Vec::new();
        for connection in self.connections.values_mut() {
            connection.flights.retain(|_, flight| {
                let late = flight.sent_at + ACK_LIMIT <= now;
                if late {
                    overdue.push(flight.clone());
                }
                !late
            });
        }
        overdue
    }

    /// Asks one connection to leave.
    pub(crate) fn disconnect(&mut self, id: &str, reason: &str, now: u64) -> bool {
        let found = self.connections.values_mut().find(|connection| connection.id == id);
        found.is_some_and(|connection| connection.ask_to_leave(reason, now))
    }

    /// Asks every connection of these apps to leave, and says how many there were.
    pub(crate) fn disconnect_all(
        &mut self,
        reason: &str,
        now: u64,
        whose: impl Fn(&str) -> bool,
    ) -> usize {
        let connections = self.connections.values_mut();
        connections
            .filter(|connection| whose(&connection.pass.client))
            .map(|connection| connection.ask_to_leave(reason, now))
            .filter(|asked| *asked)
            .count()
    }

    /// Ends the connections that were asked to leave and are silent, and gives back what they had not acknowledged.
    pub(crate) fn silent(&mut self, now: u64) -> Vec<Vec<Flight>> {
        let over = |connection: &Connection| connection.leaves_at.is_some_and(|at| at <= now);
        let all = self.connections.iter();
        let over: Vec<u64> = all.filter(|(_, it)| over(it)).map(|(key, _)| *key).collect();
        over.into_iter().map(|key| self.leave(key)).collect()
    }

    /// Pings the connections whose time has come.
    pub(crate) fn ping(&mut self, now: u64) {
        for connection in self.connections.values_mut() {
            let due = connection.pinged.is_none() && connection.ping_at <= now;
            if due && connection.leaves_at.is_none() {
                let opaque = uuid(&["opaque", &connection.id, &now.to_string()]);
                let message = uuid(&["ping", &connection.id, &now.to_string()]);
                // A line that is full has other things to say; the next look at it is soon.
                if connection.line.try_send(ping(&message, &opaque, now)).is_ok() {
                    connection.pinged = Some(opaque);
                }
            }
        }
    }

    /// Begins anew with other numbers: web sockets of the former state may still be about to leave.
    pub(crate) fn go_on_from(&mut self, former: &Self) {
        self.next = former.next;
    }

    fn choose(&self, client: &str, fits: impl Fn(&Topic) -> bool) -> Option<u64> {
        let fitting: Vec<u64> = self
            .connections
            .iter()
            .filter(|(_, connection)| {
                *connection.pass.client == *client
                    && connection.leaves_at.is_none()
                    && connection.flights.len() < MOST_FLIGHTS
                    && connection.line.capacity() > 2
                    && connection.pass.topics.iter().any(&fits)
            })
            .map(|(key, _)| *key)
            .collect();
        let len = u64::try_from(fitting.len()).ok().filter(|len| *len > 0)?;
        let at = usize::try_from(scattered(self.next) % len).unwrap_or(0);
        fitting.get(at).copied()
    }

    fn send(
        &mut self,
        key: u64,
        sending: Sending,
        load: Load,
        now: u64,
        frame: impl FnOnce(&Addressed<'_>) -> String,
    ) {
        let nth = self.number().to_string();
        let Some(connection) = self.connections.get_mut(&key) else { return };
        let message = uuid(&["message", &connection.id, &nth]);
        let client = Arc::clone(&connection.pass.client);
        let to = Addressed {
            app_id: &unified_app_id(&client),
            connection_id: &connection.id,
            message_id: &message,
            now,
        };
        // A line that has just closed is one whose leave is about to be heard: that gives the flight back.
        let _ = connection.line.try_send(frame(&to));
        let flight = Flight { sending, client, load, sent_at: now };
        connection.flights.insert(message, flight);
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }
}

impl Connection {
    fn ask_to_leave(&mut self, reason: &str, now: u64) -> bool {
        if self.leaves_at.is_some() {
            return false;
        }
        self.leaves_at = Some(now + SILENCE);
        // Whoever does not read this is closed all the same.
        let _ = self.line.try_send(disconnect(reason, now));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::Way;

    fn pass(client: &str) -> Pass {
        let topics = vec![Topic::new("EVENT", "*").expect("it is one")];
        Pass { client: Arc::from(client), topics, user_agent: String::new(), mark: String::new() }
    }

    fn sending(push: u64) -> Sending {
        Sending {
            way: Way::Stream,
            push,
            subscription: 1,
            attempt: 1,
            event_type: "check_in".into(),
        }
    }

    fn told() -> Told {
        Told {
            event_type: "check_in".into(),
            corp: "dingcorp".into(),
            event_id: "e".into(),
            born: 1,
            data: "{}".into(),
        }
    }

    #[test]
    fn tickets_are_bounded_and_the_oldest_goes_first() {
        let (mut hub, mut rng) = (Hub::default(), Rng::from_seed(1));
        let tickets: Vec<String> = (0..=MOST_TICKETS)
            .map(|at| hub.issue(pass("a"), u64::try_from(at).expect("small"), &mut rng))
            .collect();
        assert_eq!(hub.redeem(&tickets[0], 1000), None);
        assert!(hub.redeem(&tickets[1], 1000).is_some());
        hub.issue(pass("a"), 200_000, &mut rng);
        assert_eq!(hub.tickets.len(), 1, "those that ended are forgotten");
    }

    #[test]
    fn connections_are_bounded_for_each_app() {
        let mut hub = Hub::default();
        let lines: Vec<_> = (0..MOST_CONNECTIONS).map(|_| hub.join(pass("a"), 0)).collect();
        assert!(lines.iter().all(Option::is_some));
        assert!(hub.join(pass("a"), 0).is_none());
        assert!(hub.join(pass("b"), 0).is_some());
    }

    #[test]
    fn a_connection_takes_so_many_messages_and_then_waits_for_acknowledgements() {
        let mut hub = Hub::default();
        let (key, mut outgoing) = hub.join(pass("a"), 0).expect("there is room");
        let mut sent = 0;
        while let Some(chosen) = hub.choose_event("a", "check_in") {
            sent += 1;
            hub.send_event(chosen, sending(sent), &told(), 0);
        }
        assert_eq!(sent, 64);
        let frame: Value = serde_json::from_str(&outgoing.try_recv().expect("sent")).expect("JSON");
        let id = frame["headers"]["messageId"].as_str().expect("text").to_owned();
        let ack = Ack { message_id: Some(id), code: 200, data: Value::Null };
        assert!(
            matches!(hub.heard(key, &ack, 1), Heard::Event(flight) if flight.sending.push == 1)
        );
        assert!(matches!(hub.heard(key, &ack, 1), Heard::Nothing), "once");
        assert_eq!(hub.choose_event("a", "check_in"), Some(key));
        assert_eq!(hub.overdue(ACK_LIMIT - 1).len(), 0);
        assert_eq!(hub.overdue(ACK_LIMIT).len(), 63);
        assert!(hub.leave(key).is_empty());
    }

    #[test]
    fn a_web_socket_of_a_former_state_is_not_taken_for_one_of_the_new() {
        let (mut former, mut hub) = (Hub::default(), Hub::default());
        let (key, _outgoing) = former.join(pass("a"), 0).expect("there is room");
        hub.go_on_from(&former);
        let (other, _outgoing) = hub.join(pass("a"), 0).expect("there is room");
        assert_ne!(key, other);
        hub.leave(key);
        assert!(hub.is_connected("a"));
    }

    #[test]
    fn one_ping_at_a_time_is_on_its_way() {
        let mut hub = Hub::default();
        let (key, mut outgoing) = hub.join(pass("a"), 0).expect("there is room");
        for now in [PING_EVERY - 1, PING_EVERY, 10 * PING_EVERY] {
            hub.ping(now);
        }
        let frame: Value =
            serde_json::from_str(&outgoing.try_recv().expect("a ping")).expect("JSON");
        assert!(outgoing.try_recv().is_err(), "the first one is not answered");
        let data = serde_json::from_str(frame["data"].as_str().expect("text")).expect("JSON");
        hub.heard(key, &Ack { message_id: None, code: 200, data }, 10 * PING_EVERY);
        hub.ping(11 * PING_EVERY - 1);
        assert!(outgoing.try_recv().is_err());
        hub.ping(11 * PING_EVERY);
        assert!(outgoing.try_recv().is_ok());
    }
}
