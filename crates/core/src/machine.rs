//! The erased machine: events in, orders out.
//!
//! This is the layer that other languages bind. It has no type parameters, closures or futures;
//! events, orders and errors are owned values that serde can carry. The typed face over it is
//! [`Call`](crate::Call).
//!
//! ```
//! use dingtalk_core::machine::{Env, Event, Machine, Order};
//! use dingtalk_core::{App, Credential, Family, Method, Operation, Policy, Response, Timestamp};
//! use serde_json::json;
//!
//! let app = App::internal("dingabc", "secret");
//! let get_user =
//!     Operation::described(Family::TopApi, Method::Post, "/topapi/v2/user/get").read();
//! let mut machine =
//!     Machine::new(app.source(), get_user, json!({"userid": "manager01"}), Policy::default());
//!
//! let mut event = Event::Start;
//! let result = loop {
//!     let env = Env::at(Timestamp::from_millis(1_700_000_000_000));
//!     match machine.resume(event, env) {
//!         Order::Send(request) => {
//!             // The host's own HTTP library carries it.
//!             let body = match request.url().path() {
//!                 "/v1.0/oauth2/accessToken" => r#"{"accessToken":"t","expireIn":7200}"#,
//!                 _ => r#"{"errcode":0,"result":{"userid":"manager01"}}"#,
//!             };
//!             event = Event::Reply(Ok(Response::new(200, Default::default(), body)));
//!         }
//!         Order::Sleep(_) | Order::Join(_) => event = Event::Woken,
//!         Order::Done(data) => break data,
//!         Order::Failed(error) => panic!("{error}"),
//!         _ => unreachable!("no store is configured"),
//!     }
//! };
//! assert_eq!(result.get(), r#"{"userid":"manager01"}"#);
//! ```

mod exchange;
mod fetch;
mod job;
mod judge;
mod publish;
mod sending;
mod stored;
pub(crate) mod watch;
mod wire_form;

use std::time::Duration;

use serde_json::Value;
use serde_json::value::RawValue;

pub(crate) use job::Job;
pub use wire_form::{EventForm, OrderForm, ReplyForm, RequestForm};

use crate::auth::ObtainToken;
use crate::endpoint::{Endpoint, Operation};
use crate::error::Purpose;
use crate::store::{StoreOp, StoreReply};
use crate::token::{Claim, Errand, Flight, Life, Outcome, Source, Token};
use crate::user::Unsaved;
use crate::wire::{Reply, Request, Response};
use crate::{Error, ErrorKind, Policy, Secret, Timestamp};
use exchange::Exchange;
pub(crate) use fetch::said;
use fetch::{Fetch, Progress};
use publish::Publish;
use watch::{From, Note, Pause, Reason, Watch, note};

/// The version of events, orders and errors: it changes when a host would have to.
pub const VERSION: u32 = 1;

/// What happened, as the host tells it.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// Begin. The first event, once.
    Start,
    /// The answer to [`Order::Send`].
    Reply(Reply),
    /// The answer to [`Order::Ask`].
    Store(StoreReply),
    /// The wait of [`Order::Sleep`] or [`Order::Join`] is over, wholly or not.
    Woken,
    /// The caller lost interest.
    Cancelled,
}

/// What the host must do next, and answer with an event.
#[derive(Debug)]
#[must_use]
#[non_exhaustive]
pub enum Order {
    /// Carry this request; answer with [`Event::Reply`].
    Send(Request),
    /// Ask the store; answer with [`Event::Store`]. Only where a store is configured.
    Ask(StoreOp),
    /// Wait so long; answer with [`Event::Woken`].
    Sleep(Duration),
    /// Wait for somebody else's token request, at most for its
    /// [`patience`](Flight::patience); answer with [`Event::Woken`]. A host that polls does so
    /// after any shorter time.
    Join(Flight),
    /// The result: the data inside the checked envelope. The machine is finished.
    Done(Box<RawValue>),
    /// No result. The machine is finished.
    Failed(Error),
}

/// What the machine may know of the world at one event.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Env {
    /// Now.
    pub now: Timestamp,
    /// Random bits, for jitter. Zero is allowed; then many machines may move in step.
    pub entropy: u64,
}

impl Env {
    /// The time alone.
    pub fn at(now: Timestamp) -> Self {
        Self { now, entropy: 0 }
    }

    /// Time and random bits.
    pub fn new(now: Timestamp, entropy: u64) -> Self {
        Self { now, entropy }
    }
}

/// One call from beginning to end, without types.
///
/// Resume it with [`Event::Start`], then do what it orders and resume it with what came of it. It
/// always ends: sends, waits and total time are bounded. An event out of turn ends it with an
/// error; a finished machine stays finished; dropping it at any point cancels the call and passes
/// the lead on. It never panics.
pub struct Machine {
    task: Task,
    source: Source,
    takes_token: bool,
    purpose: Purpose,
    policy: Policy,
    /// A token that is due within this time is due now.
    ahead: Duration,
    shared: bool,
    /// What must not show up in an error's text, beside the token.
    hush: Vec<Secret>,
    state: State,
    started: Option<Timestamp>,
    sent_at: Timestamp,
    sends: u32,
    renewed: bool,
    watch: Watch,
    waiting: Pause,
}

pub(crate) enum Task {
    /// Send this, with the source's token.
    Call(Job),
    /// Only see to it that there is a token.
    Token,
    /// Store the session's tokens.
    Keep,
    /// Only ask the store.
    Ask(Box<StoreOp>),
    /// Take a suite ticket.
    Ticket(Secret, u64),
    /// It could not even be written.
    Invalid(Error),
}

impl Task {
    pub(crate) fn of(job: Result<Job, Error>) -> Self {
        job.map_or_else(Self::Invalid, Self::Call)
    }
}

enum State {
    Ready,
    Asleep,
    /// Waiting for its turn at a paced operation.
    Queued(Option<Token>),
    Joined(Flight),
    Fetching(Box<Fetch>),
    Exchanging(Box<Exchange>),
    Publishing(Box<Publish>),
    /// A question of the program's own is with the store.
    Asking,
    Sending(Option<Token>),
    Finished,
}

impl Machine {
    /// A call of an operation that is described as data. `parameters` is an object: members named
    /// in the path go there, those named in [`Operation::query`] into the query, all others into
    /// the body.
    pub fn new(source: &Source, operation: Operation, parameters: Value, policy: Policy) -> Self {
        let watch = Watch::new(source, &operation);
        let task = Task::of(Job::described(operation, parameters));
        Self { watch, ..Self::of(source, source.has_token(), task, policy) }
    }

    /// Only sees to it that the credential holds a token with more than ten minutes left. The
    /// result is `{"value":…,"expires_at":…}`: never log it.
    pub fn for_token(source: &Source, policy: Policy) -> Self {
        Self::of_token(source, policy).watched_as(ObtainToken::OPERATION)
    }

    pub(crate) fn of_token(source: &Source, policy: Policy) -> Self {
        let task = match source.has_token() {
            true => Task::Token,
            false => Task::Invalid(Error::invalid("this caller has no token")),
        };
        Self::of(source, true, task, policy)
    }

    /// Replaces a token also where that is due only within this time.
    #[must_use]
    pub fn ahead(mut self, ahead: Duration) -> Self {
        self.ahead = ahead;
        self
    }

    /// Only stores the tokens that a session holds, under its name.
    pub(crate) fn for_keeping(source: &Source, policy: Policy) -> Self {
        let task = match source.session() {
            Some(_) => Task::Keep,
            None => Task::Invalid(Error::invalid("only a person's session is kept")),
        };
        Self::of(source, true, task, policy)
    }

    /// Only takes a session out of the store.
    pub(crate) fn for_forgetting(source: &Source, policy: Policy) -> Self {
        Self::of(source, true, stored::forget(source), policy)
    }

    /// Only takes a suite ticket, here and for those who share the store.
    pub(crate) fn for_ticket(
        source: &Source,
        ticket: Secret,
        pushed_at: u64,
        policy: Policy,
    ) -> Self {
        Self::of(source, true, Task::Ticket(ticket, pushed_at), policy)
    }

    /// Only asks the store for the names of an app's sessions.
    pub(crate) fn for_sessions(
        source: &Source,
        after: Option<String>,
        limit: u32,
        policy: Policy,
    ) -> Self {
        Self::of(source, true, stored::list(source, after, limit), policy)
    }

    /// Says that the host has a store: [`Order::Ask`] may come.
    pub fn set_shared(&mut self, shared: bool) {
        self.shared = shared;
    }

    /// Whether the call is over.
    pub fn is_finished(&self) -> bool {
        matches!(self.state, State::Finished)
    }

    /// Takes an event and says what to do.
    pub fn resume(&mut self, event: Event, env: Env) -> Order {
        let order = self.step(event, env);
        match &order {
            Order::Done(_) => self.tell(Ok(()), env.now),
            Order::Failed(error) => self.tell(Err(error), env.now),
            _ => {}
        }
        order
    }

    /// What [`resume`](Self::resume) does, for who tells the end itself.
    pub(crate) fn step(&mut self, event: Event, env: Env) -> Order {
        let mut order = self.turn(event, env);
        if matches!(order, Order::Done(_) | Order::Failed(_)) {
            self.state = State::Finished;
        }
        // In place: an order is large, since it may be a request.
        if let (Order::Failed(error), Task::Call(job)) = (&mut order, &self.task)
            && error.operation().is_none()
        {
            error.set_operation(job.operation().name.clone());
        }
        order
    }

    pub(crate) fn of(source: &Source, takes_token: bool, task: Task, policy: Policy) -> Self {
        Self {
            task,
            source: source.clone(),
            takes_token,
            purpose: Purpose::Call,
            policy,
            ahead: Duration::ZERO,
            shared: false,
            hush: Vec::new(),
            state: State::Ready,
            started: None,
            sent_at: Timestamp::default(),
            sends: 0,
            renewed: false,
            watch: Watch::default(),
            waiting: Pause::default(),
        }
    }

    /// The same, for those who watch calls; by this name unless it is a call with one of its own.
    pub(crate) fn watched_as(mut self, operation: &Operation) -> Self {
        let operation = match &self.task {
            Task::Call(job) => job.operation(),
            _ => operation,
        };
        self.watch = Watch::new(&self.source, operation);
        self
    }

    /// Tells those who watch how it ended.
    pub(crate) fn tell(&mut self, result: Result<(), &Error>, now: Timestamp) {
        self.watch.end(result, self.sends, now);
    }

    /// The span of the call, for whoever resumes the machine to be in meanwhile: see
    /// [`trace`](crate::trace).
    #[cfg(feature = "tracing")]
    pub fn span(&self) -> tracing::Span {
        self.watch.span()
    }

    /// A token request of its own, for another machine that leads.
    fn errand(errand: Errand, policy: Policy) -> Self {
        let takes_token = errand.via.has_token();
        let mut machine = Self::of(&errand.via, takes_token, Task::Call(errand.job), policy);
        machine.purpose = errand.purpose;
        machine.hush = errand.hush;
        machine
    }

    pub(crate) fn policy_mut(&mut self) -> &mut Policy {
        &mut self.policy
    }

    /// Whether the next reply is the answer to the operation itself.
    pub(crate) fn awaits_answer(&self) -> bool {
        matches!(self.state, State::Sending(_))
    }

    /// The typed layer has read the answer as a success.
    pub(crate) fn accepted(&mut self, response: &Response, now: Timestamp) {
        self.state = State::Finished;
        self.note_answer(Ok(response), now);
        self.tell(Ok(()), now);
    }

    /// When the last request went out.
    fn sent_at(&self) -> Timestamp {
        self.sent_at
    }

    fn turn(&mut self, event: Event, env: Env) -> Order {
        let state = std::mem::replace(&mut self.state, State::Finished);
        match (state, event) {
            (State::Finished, _) => Order::Failed(Error::invalid("this call is over")),
            (_, Event::Cancelled) => Order::Failed(Error::new(ErrorKind::Cancelled)),
            (State::Ready, Event::Start) => {
                self.started = Some(env.now);
                self.watch.begin(env.now);
                self.advance(env)
            }
            (State::Asleep, Event::Woken) => {
                self.waiting.over(env.now);
                self.advance(env)
            }
            (State::Queued(token), Event::Woken) => {
                self.waiting.over(env.now);
                self.send(token, env)
            }
            (State::Joined(flight), Event::Woken) => {
                self.waiting.over(env.now);
                match flight.outcome() {
                    Some(Outcome::Failed(error)) => Order::Failed(error),
                    _ => self.advance(env),
                }
            }
            (State::Publishing(mut publish), event @ Event::Store(_)) => {
                let order = publish.resume(event, &self.source, env.now);
                self.state = State::Publishing(publish);
                order
            }
            (State::Asking, Event::Store(reply)) => stored::answered(&self.source, reply, env.now),
            (State::Sending(token), Event::Reply(reply)) => self.answered(token, reply, env),
            (
                State::Fetching(fetch),
                event @ (Event::Reply(_) | Event::Store(_) | Event::Woken),
            ) => self.fetch(fetch, event, env),
            (
                State::Exchanging(exchange),
                event @ (Event::Reply(_) | Event::Store(_) | Event::Woken),
            ) => self.exchange(exchange, event, env),
            _ => Order::Failed(Error::invalid("event out of turn")),
        }
    }

    /// From the top: is there a token, and what to do if not?
    fn advance(&mut self, env: Env) -> Order {
        if let Task::Invalid(error) = &self.task {
            return Order::Failed(error.clone());
        }
        if let Task::Ask(question) = &self.task {
            if !self.shared {
                return Order::Failed(Error::invalid("the client has no store"));
            }
            self.state = State::Asking;
            return Order::Ask((**question).clone());
        }
        if let Task::Ticket(ticket, pushed_at) = &self.task {
            self.source.tickets().take(ticket.clone(), *pushed_at);
            if !self.shared {
                return Order::Done(job::nothing());
            }
            let key = self.source.suite_ticket_key();
            let publish = Box::new(Publish::new(key, ticket.clone(), *pushed_at));
            let order = publish.begin();
            self.state = State::Publishing(publish);
            return order;
        }
        if let Some(retry_in) = self.source.region().banned_for(env.now) {
            return Order::Failed(Error::new(ErrorKind::IpBanned { retry_in }));
        }
        let left = self.left(env.now);
        if left.is_zero() {
            return Order::Failed(Error::new(ErrorKind::TimedOut { maybe_executed: false }));
        }
        if !self.takes_token {
            return self.queue(None, env);
        }
        if matches!(self.task, Task::Keep) {
            return self.keep(left, env);
        }
        match self.source.slot().claim_ahead(env.now, self.policy.lease(), self.ahead) {
            Claim::Use(token) => {
                note(&Note::Token { from: From::Memory, left: token.expires.left(env.now) });
                self.with_token(token, env)
            }
            Claim::Refused(error) => Order::Failed(error),
            Claim::Join(flight) => {
                let flight = flight.share(flight.patience().min(left));
                self.waiting.begin(Reason::Flight, flight.patience(), env.now);
                self.state = State::Joined(flight.share(Duration::ZERO));
                Order::Join(flight)
            }
            Claim::Lead(lease) => {
                let key = self.source.store_key().filter(|_| self.shared);
                let mut policy = Policy { total: left, ..self.policy.clone() };
                if let Some(token) = self.source.slot().peek(env.now) {
                    note(&Note::TokenEarly { left: token.expires.left(env.now) });
                    // Another token still serves: one try, and the call goes on with that.
                    policy.attempts = 1;
                }
                match key {
                    Some(key) if self.source.session().is_some() => {
                        let source = self.source.clone();
                        let exchange =
                            Exchange::new(source, Some(lease), key, policy).ahead(self.ahead);
                        self.exchange(Box::new(exchange), Event::Start, env)
                    }
                    key => {
                        let fetch =
                            Fetch::new(self.source.clone(), lease, key, policy).ahead(self.ahead);
                        self.fetch(Box::new(fetch), Event::Start, env)
                    }
                }
            }
        }
    }

    /// Stores what the session holds, without asking the platform anything.
    fn keep(&mut self, left: Duration, env: Env) -> Order {
        let Some(key) = self.source.store_key().filter(|_| self.shared) else {
            return Order::Failed(Error::invalid("no store, or a session without a name"));
        };
        if let (Some(session), Some(token)) =
            (self.source.session(), self.source.slot().peek(env.now))
        {
            session.set_unsaved(Some(Unsaved {
                kept: session.record(&token.value),
                value: (*token.value).clone(),
                asked: env.now,
                life: Life::of(token.expires.left(env.now)),
                presented: None,
            }));
        }
        let policy = Policy { total: left, ..self.policy.clone() };
        let exchange = Exchange::new(self.source.clone(), None, key, policy);
        self.exchange(Box::new(exchange), Event::Start, env)
    }

    fn exchange(&mut self, mut exchange: Box<Exchange>, event: Event, env: Env) -> Order {
        match exchange.resume(event, env) {
            Progress::Order(order) => {
                self.state = State::Exchanging(exchange);
                order
            }
            Progress::Failed(error) => Order::Failed(error),
            _ if matches!(self.task, Task::Keep) => Order::Done(job::nothing()),
            Progress::Token(token) => self.with_token(token, env),
            Progress::Again => self.advance(env),
        }
    }

    fn fetch(&mut self, mut fetch: Box<Fetch>, event: Event, env: Env) -> Order {
        match fetch.resume(event, env) {
            Progress::Order(order) => {
                self.state = State::Fetching(fetch);
                order
            }
            Progress::Token(token) => self.with_token(token, env),
            Progress::Again => self.advance(env),
            Progress::Failed(error) => Order::Failed(error),
        }
    }
}

impl std::fmt::Debug for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let state = match &self.state {
            State::Ready => "ready",
            State::Asleep => "asleep",
            State::Queued(_) => "queued",
            State::Joined(_) => "joined",
            State::Fetching(_) => "fetching",
            State::Exchanging(_) => "exchanging",
            State::Publishing(_) => "publishing",
            State::Asking => "asking",
            State::Sending(_) => "sending",
            State::Finished => "finished",
        };
        f.debug_struct("Machine").field("state", &state).finish_non_exhaustive()
    }
}

/// SplitMix64's output function: spreads whatever little entropy there is.
pub(crate) fn mix(seed: u64) -> u64 {
    let z = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
