//! Stream: events and callbacks over a web socket that the app opens, so that it needs no address
//! of its own. The rules stand in [`core::stream`](dingtalk_core::stream); this carries them on
//! tokio.
//!
//! ```no_run
//! use dingtalk_async::Client;
//! use dingtalk_async::core::App;
//! use dingtalk_async::stream::Answer;
//!
//! # async fn example() -> Result<(), dingtalk_async::core::Error> {
//! let client = Client::new(App::internal("dingabc", "client secret"))?;
//! client
//!     .stream()
//!     .report(|notice| eprintln!("stream: {notice}"))
//!     .run(|delivery| async move {
//!         println!("{} in {}", delivery.label(), delivery.corp_id);
//!         Ok(Answer::Done)
//!     })
//!     .await
//! # }
//! ```
//!
//! A third-party app hands its suite ticket on before the event is acknowledged:
//!
//! ```no_run
//! use dingtalk_async::Client;
//! use dingtalk_async::core::Suite;
//! use dingtalk_async::stream::Answer;
//!
//! # async fn example() -> Result<(), dingtalk_async::core::Error> {
//! let client = Client::new(Suite::third_party("suiteabc", "suite secret"))?;
//! client
//!     .stream()
//!     .run(|delivery| {
//!         let client = client.clone();
//!         async move {
//!             if let Some(ticket) = delivery.suite_ticket() {
//!                 client.call(ticket).await?;
//!             }
//!             Ok(Answer::Done)
//!         }
//!     })
//!     .await
//! # }
//! ```
//!
//! # Logs
//!
//! This crate logs nothing. `tungstenite` writes through the `log` crate, and at its lowest level
//! it dumps the ticket and every message: never turn `tungstenite=trace` on where secrets count.

mod link;

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::future::{Future, pending};
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::time::Duration;

use dingtalk_core::machine::Env;
use dingtalk_core::stream::{Address, Input, Link, Machine, Order, Run};
pub use dingtalk_core::stream::{Answer, Delivery, DeliveryKind, Notice, Outcome, Settings};
use dingtalk_core::{ActsAs, AppOrSuite, Error};
use futures_util::FutureExt;
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::Message;

use crate::connect::Connect;
use crate::{Client, HttpTransport};
use link::Plug;

impl<C: ActsAs<AppOrSuite> + Clone> Client<C> {
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

impl<C: ActsAs<AppOrSuite> + Clone> Stream<C> {
    /// Takes a callback of another product, such as a robot's messages, by its topic.
    pub fn callback(mut self, topic: impl Into<String>) -> Self {
        self.settings.callbacks.push(topic.into());
        self
    }

    /// At most so many handlers at one time; 16 unless told.
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

    /// Receives for as long as the future is polled. Dropping it ends it at once; what was not
    /// acknowledged comes again.
    ///
    /// The handlers run side by side in the task that polls this, so that one may not block its
    /// thread; it spawns nothing itself. What a handler answers is told to the platform after it;
    /// if it fails or panics, the event comes again.
    ///
    /// # Errors
    /// When the platform refuses what the app itself must mend: wrong secret, missing permission.
    /// Everything that passes is reported and tried again.
    pub async fn run<H, F>(self, handler: H) -> Result<(), Error>
    where
        H: Fn(Delivery) -> F,
        F: Future<Output = Outcome>,
    {
        self.run_until(pending(), handler).await
    }

    /// The same until `stop` is ready: then nothing new is taken, running handlers are waited for
    /// and acknowledged, for at most [`Settings::grace`], and the connections are closed.
    ///
    /// # Errors
    /// As for [`run`](Self::run).
    pub async fn run_until<H, F>(
        self,
        stop: impl Future<Output = ()>,
        handler: H,
    ) -> Result<(), Error>
    where
        H: Fn(Delivery) -> F,
        F: Future<Output = Outcome>,
    {
        let Self { client, settings, mut report } = self;
        let mut machine = Machine::new(client.caller(), settings.clone());
        let mut sockets = Sockets::new(&client, settings.clone())?;
        let (mut asking, mut handlers) = (FuturesUnordered::new(), FuturesUnordered::new());
        let mut stop = pin!(stop.fuse());
        let mut stopped = false;
        let mut input = Input::Start;
        loop {
            let mut pause = Duration::ZERO;
            for order in machine.resume(input, Env::new(client.now(), client.entropy())) {
                match order {
                    Order::Open(request) => {
                        let policy = settings.policy(client.policy());
                        asking.push(client.call_within(request, &policy));
                    }
                    Order::Connect(link, address) => sockets.open(link, address),
                    Order::Send(link, text) => sockets.send(link, Message::text(text)),
                    Order::Ping(link) => sockets.send(link, Message::Ping(Vec::new().into())),
                    Order::Close(link) => sockets.close(link),
                    Order::Handle(run, delivery) => handlers.push(handle(&handler, run, delivery)),
                    Order::Report(notice) => report(notice),
                    Order::Wait(wait) => pause = wait,
                    Order::End(result) => {
                        sockets.farewell().await;
                        return result;
                    }
                }
            }
            input = tokio::select! {
                biased;
                () = &mut stop, if !stopped => {
                    stopped = true;
                    Input::Stop
                }
                input = sockets.next() => input,
                Some(opened) = asking.next() => Input::Opened(opened),
                Some(handled) = handlers.next() => handled,
                () = sleep(pause) => Input::Woken,
            };
        }
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
async fn handle<H, F>(handler: &H, run: Run, delivery: Delivery) -> Input
where
    H: Fn(Delivery) -> F,
    F: Future<Output = Outcome>,
{
    let guarded = AssertUnwindSafe(async { handler(delivery).await }).catch_unwind();
    Input::Handled(
        run,
        match guarded.await {
            Ok(outcome) => outcome.map_err(|error| error.to_string()),
            Err(_) => Err("it panicked".to_owned()),
        },
    )
}

/// The open web sockets, and what they have to say.
struct Sockets {
    connect: Connect,
    settings: Settings,
    lines: HashMap<Link, mpsc::Sender<Message>>,
    running: FuturesUnordered<Pin<Box<dyn Future<Output = Input> + Send>>>,
    inputs: (mpsc::Sender<Input>, mpsc::Receiver<Input>),
    /// Those that are down, until everything that they said was told.
    ended: VecDeque<Input>,
}

/// More than the messages that a connection may have to acknowledge at one time.
const LINE: usize = 512;
const INPUTS: usize = 16;
const LONGEST_FAREWELL: Duration = Duration::from_secs(3);

impl Sockets {
    fn new<C: dingtalk_core::Credential>(
        client: &Client<C>,
        settings: Settings,
    ) -> Result<Self, Error> {
        let connect = match client.connect() {
            Some(connect) => connect.for_web_sockets(),
            None => HttpTransport::new()?.connect().for_web_sockets(),
        };
        Ok(Self {
            connect,
            settings,
            lines: HashMap::new(),
            running: FuturesUnordered::new(),
            inputs: mpsc::channel(INPUTS),
            ended: VecDeque::new(),
        })
    }

    fn open(&mut self, link: Link, address: Address) {
        let (line, outgoing) = mpsc::channel(LINE);
        let plug = Plug {
            link,
            connect: self.connect.clone(),
            within: self.settings.connect,
            largest_frame: self.settings.largest_frame,
            outgoing,
            inputs: self.inputs.0.clone(),
        };
        self.lines.insert(link, line);
        self.running.push(Box::pin(link::carry(address, plug)));
    }

    /// Who does not read for so long that its line is full is given up.
    fn send(&mut self, link: Link, message: Message) {
        if self.lines.get(&link).is_some_and(|line| line.try_send(message).is_err()) {
            self.close(link);
        }
    }

    fn close(&mut self, link: Link) {
        self.lines.remove(&link);
    }

    /// First what a web socket said, then that it is down: it may do both at one time.
    async fn next(&mut self) -> Input {
        loop {
            if let Ok(input) = self.inputs.1.try_recv() {
                return input;
            }
            if let Some(down) = self.ended.pop_front() {
                return down;
            }
            tokio::select! {
                Some(input) = self.inputs.1.recv() => return input,
                Some(down) = self.running.next() => self.ended.push_back(down),
            }
        }
    }

    /// Sends what is still to be sent, and says goodbye.
    async fn farewell(mut self) {
        self.lines.clear();
        self.inputs.1.close();
        let _ =
            timeout(LONGEST_FAREWELL, async { while self.running.next().await.is_some() {} }).await;
    }
}
