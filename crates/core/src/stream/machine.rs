//! The machine: what happened in, orders out.

#[cfg(all(test, not(loom)))]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::delivery::{Answer, Delivery, DeliveryKind};
use super::frame::{Frame, acknowledgement, unknown_topic};
use super::notice::Notice;
use super::open::{Address, Connection, OpenConnection};
use super::seen::Seen;
use super::settings::Settings;
use crate::app::{ActsAs, AppOrSuite};
use crate::machine::{Env, mix};
use crate::{Error, ErrorKind, Region, Timestamp, TransportError};

/// One web socket. The machine names it, the host keeps the socket under the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Link(u64);

/// One run of the program's handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Run(u64);

/// What happened, as the host tells it.
#[derive(Debug)]
#[non_exhaustive]
pub enum Input {
    /// Begin. The first input, once.
    Start,
    /// How [`Order::Open`] went.
    Opened(Result<Connection, Error>),
    /// The web socket of [`Order::Connect`] is open.
    Connected(Link),
    /// A text came.
    Text(Link, String),
    /// A web socket's own ping or pong came: the other side lives.
    Alive(Link),
    /// The web socket could not be opened, or has ended; once for each [`Order::Connect`].
    Down(Link, TransportError),
    /// The handler is through with [`Order::Handle`]: with its answer, or with why it failed, in
    /// the program's own words.
    Handled(Run, Result<Answer, String>),
    /// The wait of [`Order::Wait`] is over.
    Woken,
    /// The program wants to end.
    Stop,
}

/// What the host must do. Exhaustive on purpose: a driver cannot skip an effect.
#[derive(Debug)]
#[must_use]
#[allow(clippy::exhaustive_enums)]
pub enum Order {
    /// Make this call; answer with [`Input::Opened`].
    Open(OpenConnection),
    /// Open this web socket, within [`Settings::connect`]; answer with [`Input::Connected`] or
    /// [`Input::Down`].
    Connect(Link, Address),
    /// Send this text; if that fails the web socket is down.
    Send(Link, String),
    /// Send a web socket's ping.
    Ping(Link),
    /// Close this web socket if it still stands, or give its opening up, and forget it; once for
    /// each [`Order::Connect`].
    Close(Link),
    /// Run the program's handler beside everything else; answer with [`Input::Handled`].
    Handle(Run, Delivery),
    /// Tell the program.
    Report(Notice),
    /// Last of a list: wait for whatever happens next, at most so long, then [`Input::Woken`].
    Wait(Duration),
    /// Last of all: the web sockets are closed by now, and handlers that still run are abandoned.
    End(Result<(), Error>),
}

/// Stream from the first connection to the end, over any number of web sockets.
///
/// Resume it with what happened and do what it orders, in order. It ends when it is told to, or
/// with an error that waiting does not mend. An input out of turn changes nothing. It never
/// panics, and what it keeps is bounded.
///
/// ```
/// use dingtalk_core::machine::Env;
/// use dingtalk_core::stream::{Input, Machine, Order, Settings};
/// use dingtalk_core::{App, Timestamp};
///
/// let app = App::internal("dingabc", "client secret");
/// let mut machine = Machine::new(&app, Settings::default());
/// let env = Env::at(Timestamp::from_millis(1_700_000_000_000));
/// let orders = machine.resume(Input::Start, env);
/// assert!(matches!(orders.as_slice(), [Order::Open(_), Order::Wait(_)]));
/// ```
pub struct Machine {
    request: OpenConnection,
    region: Region,
    settings: Settings,
    dial: Dial,
    lines: Vec<Line>,
    flights: BTreeMap<Run, Flight>,
    waiting: VecDeque<(Link, Delivery)>,
    seen: Seen,
    failures: u32,
    was_connected: bool,
    ending: Option<Ending>,
    over: bool,
    last_id: u64,
}

/// How far the next connection is.
enum Dial {
    /// None is wanted.
    Rest,
    Waiting {
        since: Timestamp,
        pause: Duration,
    },
    Opening {
        asked: Timestamp,
    },
    Connecting(Link),
}

struct Line {
    link: Link,
    up: bool,
    since: Timestamp,
    /// It was asked to leave: nothing new comes, what is in flight is acknowledged on it.
    leaving: bool,
    ping_at: Timestamp,
    /// A ping is out, and nothing was heard since.
    pinged: Option<Timestamp>,
    nonsense: u32,
}

/// A message that the handler has.
struct Flight {
    link: Link,
    kind: DeliveryKind,
    message_id: String,
    label: String,
}

struct Ending {
    since: Timestamp,
    result: Result<(), Error>,
}

/// Messages that wait for the handler beside those that it has.
const WAITING: usize = 64;
const WAITING_BYTES: usize = 8 << 20;
/// So many frames in a row that are none end a connection.
const NONSENSE: u32 = 8;
/// A ticket that is older than this is not tried any more; it ends after 90 seconds.
const TICKET_LIFE: Duration = Duration::from_secs(85);
/// A computer may have slept: look again at least so often.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

impl Machine {
    /// For this app or third-party app.
    pub fn new<C: ActsAs<AppOrSuite>>(caller: &C, settings: Settings) -> Self {
        let mut request = OpenConnection::of(caller);
        if settings.events {
            request = request.events();
        }
        for topic in &settings.callbacks {
            request = request.callback(topic.as_str());
        }
        Self {
            request,
            region: caller.source().region().clone(),
            settings,
            dial: Dial::Rest,
            lines: Vec::new(),
            flights: BTreeMap::new(),
            waiting: VecDeque::new(),
            seen: Seen::default(),
            failures: 0,
            was_connected: false,
            ending: None,
            over: false,
            last_id: 0,
        }
    }

    /// Takes an input and says what to do: a list that ends with [`Order::Wait`] or
    /// [`Order::End`].
    pub fn resume(&mut self, input: Input, env: Env) -> Vec<Order> {
        if self.over {
            return vec![Order::End(Err(Error::invalid("this stream is over")))];
        }
        let mut orders = Vec::new();
        match input {
            Input::Start => self.dial_if_idle(Duration::ZERO, env.now),
            Input::Opened(result) => self.opened(result, env, &mut orders),
            Input::Connected(link) => self.connected(link, env.now, &mut orders),
            Input::Text(link, text) => self.heard(link, &text, env, &mut orders),
            Input::Alive(link) => drop(self.alive(link)),
            Input::Down(link, error) => self.down(link, &error, env, &mut orders),
            Input::Handled(run, outcome) => self.handled(run, outcome, env.now, &mut orders),
            Input::Woken => {}
            Input::Stop => self.end(Ok(()), env.now, &mut orders),
        }
        self.keep_alive(env, &mut orders);
        self.leave_lines(&mut orders);
        self.go_on(env.now, &mut orders);
        orders
    }

    fn opened(&mut self, result: Result<Connection, Error>, env: Env, orders: &mut Vec<Order>) {
        let Dial::Opening { asked } = self.dial else { return };
        self.dial = Dial::Rest;
        if self.ending.is_some() {
            return;
        }
        let result = result.and_then(|connection| Address::new(connection, &self.region));
        match result {
            Ok(_) if env.now.since(asked) >= TICKET_LIFE => {
                let late = TransportError::not_sent("the ticket came too late to be used");
                self.fail(None, env, orders, |again_in| Notice::Down { why: late, again_in });
            }
            Ok(address) => {
                let link = Link(self.next_id());
                self.lines.push(Line::new(link, env.now));
                self.dial = Dial::Connecting(link);
                orders.push(Order::Connect(link, address));
            }
            Err(error) if self.is_final(&error) => self.end(Err(error), env.now, orders),
            Err(error) => {
                let least = match error.kind() {
                    ErrorKind::Throttled { retry_in } | ErrorKind::IpBanned { retry_in } => {
                        Some(*retry_in)
                    }
                    _ => None,
                };
                self.fail(least, env, orders, |again_in| Notice::Refused { error, again_in });
            }
        }
    }

    /// Whether trying again would bring the same: what the app's own setup is to blame for, and,
    /// as long as there was never a connection, what the platform does not know at all.
    fn is_final(&self, error: &Error) -> bool {
        match error.kind() {
            ErrorKind::Credentials
            | ErrorKind::NotAuthorized
            | ErrorKind::Permission { .. }
            | ErrorKind::IpNotAllowed { .. }
            | ErrorKind::Quota
            | ErrorKind::Invalid
            | ErrorKind::Cancelled => true,
            ErrorKind::BadRequest | ErrorKind::NoSuchApi | ErrorKind::MissingToken => {
                !self.was_connected
            }
            _ => false,
        }
    }

    fn connected(&mut self, link: Link, now: Timestamp, orders: &mut Vec<Order>) {
        if !matches!(self.dial, Dial::Connecting(expected) if expected == link) {
            return;
        }
        self.dial = Dial::Rest;
        self.was_connected = true;
        let ping_at = now + self.settings.ping;
        if let Some(line) = self.lines.iter_mut().find(|line| line.link == link) {
            (line.up, line.since, line.ping_at) = (true, now, ping_at);
            orders.push(Order::Report(Notice::Connected));
        }
    }

    fn heard(&mut self, link: Link, text: &str, env: Env, orders: &mut Vec<Order>) {
        let largest = self.settings.largest_frame;
        let Some(line) = self.alive(link) else { return };
        if text.len() > largest {
            let why = TransportError::too_large(format!("a frame is larger than {largest} bytes"));
            return self.down(link, &why, env, orders);
        }
        let frame = match Frame::read(text, env.now) {
            Ok(frame) => frame,
            Err(why) => {
                line.nonsense += 1;
                if line.nonsense >= NONSENSE {
                    let why = TransportError::lost("the other side does not speak Stream");
                    return self.down(link, &why, env, orders);
                }
                return orders.push(Order::Report(Notice::Ignored { why }));
            }
        };
        line.nonsense = 0;
        match frame {
            Frame::Ping(answer) => orders.push(Order::Send(link, answer)),
            Frame::Disconnect => self.asked_to_leave(link, env, orders),
            Frame::Push(delivery) => self.pushed(link, delivery, env.now, orders),
            Frame::Unknown => {}
        }
    }

    fn asked_to_leave(&mut self, link: Link, env: Env, orders: &mut Vec<Order>) {
        let mut older = Vec::new();
        for line in &mut self.lines {
            if line.link == link && std::mem::replace(&mut line.leaving, true) {
                return;
            }
            if line.link != link && line.leaving {
                older.push(line.link);
            }
        }
        // One at a time leaves, so that sockets are bounded.
        for link in older {
            self.close(link, orders);
        }
        orders.push(Order::Report(Notice::Leaving));
        self.settle_failures(link, env.now);
        // Asked once, we go at once; who is asked again and again goes slowly.
        let pause = match self.failures {
            0 => Duration::ZERO,
            _ => self.pause(env),
        };
        self.failures = self.failures.saturating_add(1);
        self.dial_if_idle(pause, env.now);
    }

    fn pushed(&mut self, link: Link, delivery: Delivery, now: Timestamp, orders: &mut Vec<Order>) {
        let Delivery { kind, message_id, .. } = &delivery;
        let kind = *kind;
        if kind == DeliveryKind::Callback && !self.settings.callbacks.contains(&delivery.topic) {
            return orders.push(Order::Send(link, unknown_topic(message_id)));
        }
        if self.seen.knows(message_id, now) {
            return orders
                .push(Order::Send(link, acknowledgement(kind, message_id, &Answer::Done)));
        }
        // The answer goes where the message came last.
        let mut held = self.flights.values_mut();
        if let Some(flight) = held.find(|flight| flight.message_id == *message_id) {
            flight.link = link;
            return;
        }
        let mut held = self.waiting.iter_mut();
        if let Some((at, _)) = held.find(|(_, waiting)| waiting.message_id == *message_id) {
            *at = link;
            return;
        }
        if self.ending.is_some() {
            return orders
                .push(Order::Send(link, acknowledgement(kind, message_id, &Answer::Later)));
        }
        let bytes: usize = self.waiting.iter().map(|(_, waiting)| waiting.size()).sum();
        if !self.has_room() && (self.waiting.len() >= WAITING || bytes >= WAITING_BYTES) {
            orders.push(Order::Send(link, acknowledgement(kind, message_id, &Answer::Later)));
            let label = delivery.label().to_owned();
            return orders.push(Order::Report(Notice::Overloaded { label }));
        }
        self.waiting.push_back((link, delivery));
        self.hand_out(orders);
    }

    fn handled(
        &mut self,
        run: Run,
        outcome: Result<Answer, String>,
        now: Timestamp,
        orders: &mut Vec<Order>,
    ) {
        let Some(flight) = self.flights.remove(&run) else { return };
        let Flight { link, kind, message_id, label } = flight;
        let answer = outcome.unwrap_or_else(|why| {
            orders.push(Order::Report(Notice::Failed { label, why }));
            Answer::Later
        });
        // What shall come again must not be taken for a duplicate then.
        if answer != Answer::Later {
            self.seen.add(&message_id, now);
        }
        if self.lines.iter().any(|line| line.link == link && line.up) {
            orders.push(Order::Send(link, acknowledgement(kind, &message_id, &answer)));
        }
        self.hand_out(orders);
    }

    fn hand_out(&mut self, orders: &mut Vec<Order>) {
        while self.has_room() {
            let Some((link, delivery)) = self.waiting.pop_front() else { return };
            let run = Run(self.next_id());
            let flight = Flight {
                link,
                kind: delivery.kind,
                message_id: delivery.message_id.clone(),
                label: delivery.label().to_owned(),
            };
            self.flights.insert(run, flight);
            orders.push(Order::Handle(run, delivery));
        }
    }

    fn has_room(&self) -> bool {
        self.flights.len() < self.settings.in_flight.max(1)
    }

    /// A web socket has ended, or has to.
    fn down(&mut self, link: Link, why: &TransportError, env: Env, orders: &mut Vec<Order>) {
        let Some(line) = self.lines.iter().find(|line| line.link == link) else { return };
        let left = line.leaving;
        self.settle_failures(link, env.now);
        self.close(link, orders);
        if matches!(self.dial, Dial::Connecting(expected) if expected == link) {
            self.dial = Dial::Rest;
        }
        if !left && self.ending.is_none() {
            let why = why.clone();
            self.fail(None, env, orders, |again_in| Notice::Down { why, again_in });
        }
    }

    /// Events that wait for the handler come again on another connection; a callback does not.
    fn close(&mut self, link: Link, orders: &mut Vec<Order>) {
        orders.push(Order::Close(link));
        self.lines.retain(|line| line.link != link);
        self.waiting
            .retain(|(at, delivery)| *at != link || delivery.kind == DeliveryKind::Callback);
    }

    /// A connection that lived as long as the longest pause makes up for the failures before it.
    fn settle_failures(&mut self, link: Link, now: Timestamp) {
        let stable = self.settings.backoff_max;
        if self.lines.iter().any(|it| it.link == link && it.up && now.since(it.since) >= stable) {
            self.failures = 0;
        }
    }

    /// Tries again after a pause, and says so.
    fn fail(
        &mut self,
        least: Option<Duration>,
        env: Env,
        orders: &mut Vec<Order>,
        notice: impl FnOnce(Duration) -> Notice,
    ) {
        self.failures = self.failures.saturating_add(1);
        let pause = self.pause(env).max(least.unwrap_or_default());
        self.dial_if_idle(pause, env.now);
        orders.push(Order::Report(notice(pause)));
    }

    /// Doubles with each failure, and half of it again is left to chance, so that all who lost
    /// their connection at one moment do not come back at one moment.
    fn pause(&self, env: Env) -> Duration {
        let Settings { backoff, backoff_max, .. } = self.settings;
        let doubled = 1_u32 << (self.failures.clamp(1, 16) - 1);
        let least = backoff.saturating_mul(doubled).min(backoff_max * 2 / 3);
        let mixed = mix(env.entropy ^ env.now.steady_millis() ^ u64::from(self.failures) << 56);
        let chance = (least / 2).mul_f64((mixed >> 11) as f64 / (1_u64 << 53) as f64);
        // Whole milliseconds, as moments are.
        least
            + Duration::from_secs(chance.as_secs())
            + Duration::from_millis(chance.subsec_millis().into())
    }

    fn dial_if_idle(&mut self, pause: Duration, now: Timestamp) {
        let current = self.lines.iter().any(|line| !line.leaving);
        if matches!(self.dial, Dial::Rest) && !current && self.ending.is_none() {
            self.dial = Dial::Waiting { since: now, pause };
        }
    }

    /// Something came: the other side lives.
    fn alive(&mut self, link: Link) -> Option<&mut Line> {
        let line = self.lines.iter_mut().find(|line| line.link == link && line.up)?;
        line.pinged = None;
        Some(line)
    }

    fn keep_alive(&mut self, env: Env, orders: &mut Vec<Order>) {
        let Settings { ping, pong, .. } = self.settings;
        let mut dead = Vec::new();
        for line in self.lines.iter_mut().filter(|line| line.up) {
            match line.pinged {
                Some(at) if env.now.since(at) >= pong => dead.push(line.link),
                // By either clock: a computer that slept asks at once.
                None if line.ping_at.has_come(env.now) => {
                    line.pinged = Some(env.now);
                    line.ping_at = env.now + ping;
                    orders.push(Order::Ping(line.link));
                }
                _ => {}
            }
        }
        for link in dead {
            let why = TransportError::timed_out("the other side does not answer any more");
            self.down(link, &why, env, orders);
        }
    }

    /// Closes connections that were asked to leave, once another one is there and everything on
    /// them is acknowledged.
    fn leave_lines(&mut self, orders: &mut Vec<Order>) {
        if !self.lines.iter().any(|line| line.up && !line.leaving) {
            return;
        }
        let idle = |link: Link| {
            !self.flights.values().any(|flight| flight.link == link)
                && !self.waiting.iter().any(|(at, _)| *at == link)
        };
        let leave = |line: &&Line| line.leaving && idle(line.link);
        let left: Vec<Link> = self.lines.iter().filter(leave).map(|line| line.link).collect();
        for link in left {
            self.close(link, orders);
        }
    }

    /// Takes nothing new any more: what waits is put off, what the handler has is waited for.
    fn end(&mut self, result: Result<(), Error>, now: Timestamp, orders: &mut Vec<Order>) {
        if self.ending.is_some() {
            return;
        }
        for (link, delivery) in std::mem::take(&mut self.waiting) {
            if self.lines.iter().any(|line| line.link == link && line.up) {
                let later = acknowledgement(delivery.kind, &delivery.message_id, &Answer::Later);
                orders.push(Order::Send(link, later));
            }
        }
        if let Dial::Connecting(link) = self.dial {
            self.close(link, orders);
        }
        self.dial = Dial::Rest;
        self.ending = Some(Ending { since: now, result });
    }

    /// The next connection, the end, or the next wait.
    fn go_on(&mut self, now: Timestamp, orders: &mut Vec<Order>) {
        let grace = self.settings.grace;
        if let Some(Ending { result, .. }) = self
            .ending
            .take_if(|ending| self.flights.is_empty() || now.since(ending.since) >= grace)
        {
            orders.extend(self.lines.drain(..).map(|line| Order::Close(line.link)));
            self.over = true;
            return orders.push(Order::End(result));
        }
        if let Dial::Waiting { since, pause } = self.dial
            && now.since(since) >= pause
        {
            self.dial = Dial::Opening { asked: now };
            orders.push(Order::Open(self.request.clone()));
        }
        orders.push(Order::Wait(self.next_look(now)));
    }

    fn next_look(&self, now: Timestamp) -> Duration {
        let after = |since: Timestamp, wait: Duration| wait.saturating_sub(now.since(since));
        let lines = self.lines.iter().filter(|line| line.up).map(|line| match line.pinged {
            Some(at) => after(at, self.settings.pong),
            None => line.ping_at.left(now),
        });
        let dial = match self.dial {
            Dial::Waiting { since, pause } => Some(after(since, pause)),
            _ => None,
        };
        let ending = self.ending.as_ref().map(|it| after(it.since, self.settings.grace));
        lines.chain(dial).chain(ending).min().unwrap_or(LOOK_AGAIN).min(LOOK_AGAIN)
    }

    fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }
}

impl Line {
    fn new(link: Link, now: Timestamp) -> Self {
        Self {
            link,
            up: false,
            since: now,
            leaving: false,
            ping_at: now,
            pinged: None,
            nonsense: 0,
        }
    }
}

impl std::fmt::Debug for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Machine")
            .field("connections", &self.lines.iter().filter(|line| line.up).count())
            .field("in_flight", &self.flights.len())
            .field("waiting", &self.waiting.len())
            .finish_non_exhaustive()
    }
}
