//! Stream: events and callbacks over a web socket that the app opens, so that it needs no address
//! of its own. The rules stand in [`core::stream`](dingtalk_core::stream); this carries them on
//! threads that end before it returns.
//!
//! ```no_run
//! use dingtalk_blocking::core::App;
//! use dingtalk_blocking::stream::Answer;
//! use dingtalk_blocking::{Client, Stop};
//!
//! let client = Client::new(App::internal("dingabc", "client secret"))?;
//! let stop = Stop::new();
//! client
//!     .stream()
//!     .report(|notice| eprintln!("stream: {notice}"))
//!     .run(&stop, |delivery| {
//!         println!("{} in {}", delivery.label(), delivery.corp_id);
//!         Ok(Answer::Done)
//!     })?;
//! # Ok::<(), dingtalk_blocking::core::Error>(())
//! ```
//!
//! A third-party app hands its suite ticket on before the event is acknowledged:
//!
//! ```no_run
//! use dingtalk_blocking::core::Suite;
//! use dingtalk_blocking::stream::Answer;
//! use dingtalk_blocking::{Client, Stop};
//!
//! let client = Client::new(Suite::third_party("suiteabc", "suite secret"))?;
//! client.stream().run(&Stop::new(), |delivery| {
//!     if let Some(ticket) = delivery.suite_ticket() {
//!         client.call(ticket)?;
//!     }
//!     Ok(Answer::Done)
//! })?;
//! # Ok::<(), dingtalk_blocking::core::Error>(())
//! ```
//!
//! # Logs
//!
//! This crate logs nothing. `tungstenite` writes through the `log` crate, and at its lowest level
//! it dumps the ticket and every message: never turn `tungstenite=trace` on where secrets count.

mod line;
mod pipe;

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{self, SyncSender};
use std::task::{Wake, Waker};
use std::thread::{self, Scope};
use std::time::Duration;

use dingtalk_core::machine::Env;
use dingtalk_core::stream::{Address, Input, Link, Machine, Order};
pub use dingtalk_core::stream::{Answer, Delivery, DeliveryKind, Notice, Outcome, Settings};
use dingtalk_core::{ActsAs, AppOrSuite, Error, TransportError};
use tungstenite::Message;

use crate::connect::Connect;
use crate::{Client, HttpTransport, Stop};
use line::Line;

impl<C: ActsAs<AppOrSuite> + Clone + Sync> Client<C> {
    /// Receives this app's events and callbacks: see [`stream`](self). The web socket goes through
    /// the same proxy and trusts the same authorities as the client's own transport.
    pub fn stream(&self) -> Stream<C> {
        Stream { client: self.clone(), settings: Settings::default(), report: Box::new(|_| {}) }
    }
}

/// Stream, ready to run: what [`Client::stream`] gives.
#[must_use = "nothing is received until it is run"]
pub struct Stream<C> {
    client: Client<C>,
    settings: Settings,
    report: Box<dyn FnMut(Notice) + Send>,
}

impl<C: ActsAs<AppOrSuite> + Clone + Sync> Stream<C> {
    /// Takes a callback of another product, such as a robot's messages, by its topic.
    pub fn callback(mut self, topic: impl Into<String>) -> Self {
        self.settings.callbacks.push(topic.into());
        self
    }

    /// At most so many handlers at one time, each on a thread; 16 unless told.
    pub fn in_flight(mut self, handlers: usize) -> Self {
        self.settings.in_flight = handlers;
        self
    }

    /// Everything else that can be chosen.
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// Hears of every connection and every trouble, for a log.
    pub fn report(mut self, report: impl FnMut(Notice) + Send + 'static) -> Self {
        self.report = Box::new(report);
        self
    }

    /// Receives until it is stopped: then nothing new is taken, running handlers are waited for
    /// and acknowledged, and the connections are closed.
    ///
    /// It blocks this thread. It starts one more for each connection and one for each handler that
    /// runs, at most [`in_flight`](Self::in_flight), and all of them have ended when it returns:
    /// at the end it waits for a handler for as long as it takes, and for a request or connection
    /// that is on its way for [`Settings::connect`] at most. What a handler answers is told to the
    /// platform after it; if it fails or panics, the event comes again.
    ///
    /// # Errors
    /// When the platform refuses what the app itself must mend: wrong secret, missing permission.
    /// Everything that passes is reported and tried again.
    pub fn run<H>(self, stop: &Stop, handler: H) -> Result<(), Error>
    where
        H: Fn(Delivery) -> Outcome + Sync,
    {
        let Self { client, settings, mut report } = self;
        let connect = match client.connect() {
            Some(connect) => connect.clone(),
            None => HttpTransport::new()?.connect().clone(),
        };
        let (client, settings, connect, handler) = (&client, &settings, &connect, &handler);
        let mut machine = Machine::new(client.caller(), settings.clone());
        let (inputs, happened) = mpsc::sync_channel(INPUTS);
        let bell = Waker::from(Arc::new(Bell(inputs.clone())));
        stop.ring(&bell);
        // What comes goes when this ends, so that no thread waits to tell it.
        let result = thread::scope(move |scope| {
            let mut host = Host { scope, inputs, lines: HashMap::new(), due: VecDeque::new() };
            let mut stopped = stop.is_stopped();
            let mut input = if stopped { Input::Stop } else { Input::Start };
            loop {
                let mut pause = Duration::ZERO;
                for order in machine.resume(input, Env::new(client.now(), client.entropy())) {
                    match order {
                        Order::Open(request) => {
                            let policy = settings.policy(client.policy());
                            let again = (request.clone(), policy.clone());
                            let ask = move |request, policy| {
                                Input::Opened(client.call_within(request, &policy))
                            };
                            host.start(move || ask(request, policy), move || ask(again.0, again.1));
                        }
                        Order::Connect(link, address) => {
                            host.open(link, address, connect, settings);
                        }
                        Order::Send(link, text) => host.send(link, Message::text(text)),
                        Order::Ping(link) => host.send(link, Message::Ping(Vec::new().into())),
                        Order::Close(link) => host.close(link),
                        Order::Handle(run, delivery) => {
                            let failed = move || Input::Handled(run, Err(NO_THREAD.to_owned()));
                            host.start(
                                move || Input::Handled(run, handle(handler, delivery)),
                                failed,
                            );
                        }
                        Order::Report(notice) => report(notice),
                        Order::Wait(wait) => pause = wait,
                        Order::End(result) => return result,
                    }
                }
                input = match host.due.pop_front() {
                    Some(due) => due,
                    None if stop.is_stopped() && !stopped => {
                        stopped = true;
                        Input::Stop
                    }
                    None => happened.recv_timeout(pause).unwrap_or(Input::Woken),
                };
            }
        });
        stop.hush(&bell);
        result
    }
}

impl<C: fmt::Debug> fmt::Debug for Stream<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream")
            .field("client", &self.client)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// A handler that panics has failed; the others go on.
fn handle<H: Fn(Delivery) -> Outcome>(handler: &H, delivery: Delivery) -> Result<Answer, String> {
    match catch_unwind(AssertUnwindSafe(|| handler(delivery))) {
        Ok(outcome) => outcome.map_err(|error| error.to_string()),
        Err(_) => Err("it panicked".to_owned()),
    }
}

/// Inputs that wait to be looked at; who has more to tell waits.
const INPUTS: usize = 64;
const NO_THREAD: &str = "the machine gives no thread";

/// The threads of one run, and the web sockets that they carry.
struct Host<'scope, 'env> {
    scope: &'scope Scope<'scope, 'env>,
    inputs: SyncSender<Input>,
    lines: HashMap<Link, Arc<Line>>,
    /// What happened here and not on a thread.
    due: VecDeque<Input>,
}

impl<'scope> Host<'scope, '_> {
    /// Runs a job on a thread of its own; what to do without one says `otherwise`.
    fn start(
        &mut self,
        job: impl FnOnce() -> Input + Send + 'scope,
        otherwise: impl FnOnce() -> Input,
    ) {
        let inputs = self.inputs.clone();
        let thread = thread::Builder::new().name("dingtalk-stream".into());
        let started = thread.spawn_scoped(self.scope, move || {
            // Nobody listens any more at the end.
            let _ = inputs.send(job());
        });
        if started.is_err() {
            self.due.push_back(otherwise());
        }
    }

    fn open(
        &mut self,
        link: Link,
        address: Address,
        connect: &'scope Connect,
        settings: &'scope Settings,
    ) {
        let line = Arc::new(Line::default());
        self.lines.insert(link, Arc::clone(&line));
        let inputs = self.inputs.clone();
        let job = move || Input::Down(link, line.carry(link, address, connect, settings, &inputs));
        self.start(job, || Input::Down(link, TransportError::not_sent(NO_THREAD)));
    }

    fn send(&self, link: Link, message: Message) {
        if let Some(line) = self.lines.get(&link) {
            line.send(message);
        }
    }

    fn close(&mut self, link: Link) {
        if let Some(line) = self.lines.remove(&link) {
            line.close();
        }
    }
}

/// However it ends, no thread goes on waiting for the network.
impl Drop for Host<'_, '_> {
    fn drop(&mut self) {
        for line in self.lines.values() {
            line.close();
        }
    }
}

/// Wakes the loop when the program stops it.
struct Bell(SyncSender<Input>);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        // A loop that has inputs waiting is awake.
        let _ = self.0.try_send(Input::Woken);
    }
}
