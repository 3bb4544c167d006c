//! The leader's errand for a token that asking again renews: ask the store, fetch the token, tell
//! everybody. A session with a single-use refresh token has an errand of its own,
//! [`Exchange`](super::exchange::Exchange).

use std::time::Duration;

use crate::machine::watch::{From, Note, Pause, Reason, note};
use crate::machine::{Env, Event, Machine, Order, mix};
use crate::store::rules::{self, Pushed};
use crate::store::{NewRecord, POLL, Record, StoreKey, StoreOp, StoreReply};
use crate::token::{Lease, Life, Source, Token};
use crate::{Error, ErrorKind, Policy, Secret, Timestamp};

pub(crate) struct Fetch {
    source: Source,
    policy: Policy,
    /// Given back when the token has landed or the errand has failed.
    lease: Option<Lease>,
    /// Gone when the store failed: the call goes on without it.
    key: Option<StoreKey>,
    holder: u64,
    /// When the store's lock was last taken.
    locked: Option<Timestamp>,
    /// The version that was last seen in the store.
    seen: u64,
    /// Until when another process is waited for, on the steady clock.
    patience: Option<Timestamp>,
    /// The suite ticket that was presented, by when it was pushed.
    presented: Option<u64>,
    /// A stale ticket was looked into already.
    again: bool,
    waiting: Pause,
    step: Step,
}

enum Step {
    Idle,
    /// Asked what is stored.
    Loading,
    /// Asked for the store's lock.
    Locking,
    /// Another process fetches.
    Waiting,
    /// Taking the token that was rejected out of the store.
    Dropping,
    /// Asked for the suite ticket; with the error that a retry would spare.
    Ticket(Option<Error>),
    /// The token request, a machine of its own.
    Errand(Box<Machine>),
    /// Prolonging the lock before the token request goes out again.
    Relocking(Box<Machine>, Box<Order>),
    /// Saving the token; it serves already.
    Writing {
        token: Option<Token>,
        record: Box<NewRecord>,
        tries: u32,
    },
    /// Freeing the lock; the outcome is settled already.
    Telling(Result<Option<Token>, Error>),
}

#[allow(clippy::large_enum_variant)] // short-lived, and an order is the common case
pub(crate) enum Progress {
    Order(Order),
    Token(Token),
    /// Somebody else's token is there, or the lead is lost: look again.
    Again,
    Failed(Error),
}

impl Fetch {
    pub(crate) fn new(source: Source, lease: Lease, key: Option<StoreKey>, policy: Policy) -> Self {
        Self {
            source,
            policy,
            lease: Some(lease),
            key,
            holder: 0,
            locked: None,
            seen: 0,
            patience: None,
            presented: None,
            again: false,
            waiting: Pause::default(),
            step: Step::Idle,
        }
    }

    pub(crate) fn resume(&mut self, event: Event, env: Env) -> Progress {
        let progress = self.turn(event, env);
        if let (Progress::Order(order), Some(lease)) = (&progress, &self.lease) {
            lease.renew(env.now, self.policy.lease() + pause(order));
        }
        progress
    }

    fn turn(&mut self, event: Event, env: Env) -> Progress {
        match (std::mem::replace(&mut self.step, Step::Idle), event) {
            (Step::Idle, Event::Start) => {
                let asked = self.key.is_some() && !self.source.store_trouble().lasts(env.now);
                if !asked {
                    self.key = None;
                    return self.present(env);
                }
                self.holder = holder(env);
                self.patience = Some(env.now + patience(&self.policy));
                self.load(env)
            }
            (Step::Loading, Event::Store(StoreReply::Record { record })) => {
                match self.usable(record) {
                    Some(record) => self.adopt(&record, env.now),
                    None => self.lock(env),
                }
            }
            (Step::Locking, Event::Store(StoreReply::Locked { record })) => {
                self.locked = Some(env.now);
                let rejected = record.as_ref().is_some_and(|record| self.was_rejected(record));
                match (self.usable(record), self.key.clone()) {
                    (Some(record), _) => self.adopt(&record, env.now),
                    (None, Some(key)) if rejected => {
                        let expected = Some(std::mem::take(&mut self.seen));
                        self.ask(Step::Dropping, StoreOp::Remove { key, expected })
                    }
                    (None, _) => self.errand(env),
                }
            }
            (Step::Dropping, Event::Store(_)) => self.errand(env),
            (Step::Locking, Event::Store(StoreReply::Busy)) => self.busy(env),
            (Step::Waiting, Event::Woken) => {
                self.waiting.over(env.now);
                self.load(env)
            }
            // A store that fails or answers nonsense costs the sharing, not the call.
            (Step::Loading | Step::Locking, Event::Store(reply)) => {
                self.without_store(reply, env.now);
                self.errand(env)
            }
            (Step::Ticket(error), Event::Store(reply)) => {
                self.take_ticket(&reply);
                match error {
                    Some(error) => self.again_with_newer_ticket(error, env),
                    None => self.present(env),
                }
            }
            (Step::Errand(mut errand), event) => {
                let order = errand.resume(event, env);
                self.relay(errand, order, env)
            }
            (Step::Relocking(errand, order), Event::Store(reply)) => {
                self.relocked(errand, *order, reply, env)
            }
            (Step::Writing { token, record, tries }, Event::Store(reply)) => {
                self.written(token, record, tries, reply, env)
            }
            (Step::Telling(outcome), Event::Store(_)) => settled(outcome),
            _ => Progress::Failed(Error::invalid("event out of turn")),
        }
    }

    fn ask(&mut self, step: Step, question: StoreOp) -> Progress {
        self.step = step;
        Progress::Order(Order::Ask(question))
    }

    fn load(&mut self, env: Env) -> Progress {
        match self.key.clone() {
            Some(key) => self.ask(Step::Loading, StoreOp::Load { key }),
            None => self.errand(env),
        }
    }

    fn lock(&mut self, env: Env) -> Progress {
        let Some(key) = self.key.clone() else { return self.errand(env) };
        let question = lock(key, self.holder, &self.policy);
        self.ask(Step::Locking, question)
    }

    /// Another process fetches: go on with a token that still serves, or wait a little.
    fn busy(&mut self, env: Env) -> Progress {
        match self.lease.take().map(|lease| lease.defer(env.now)) {
            Some(Ok(reserve)) => {
                note(&Note::Token { from: From::Memory, left: reserve.expires.left(env.now) });
                return Progress::Token(reserve);
            }
            Some(Err(lease)) => self.lease = Some(lease),
            None => {}
        }
        if self.patience.is_some_and(|end| end.has_come(env.now)) {
            return self.errand(env);
        }
        let pause = poll(env);
        self.waiting.begin(Reason::StoreLock, pause, env.now);
        self.step = Step::Waiting;
        Progress::Order(Order::Sleep(pause))
    }

    /// A stored token is as good as a fetched one if a caller would not replace it anyway, and it
    /// is not the one that was just rejected.
    fn usable(&mut self, record: Option<Record>) -> Option<Record> {
        self.source.store_works();
        self.seen = record.as_ref().map_or(0, |record| record.version);
        let record = record?;
        let good = record.renew_in_ms > 0
            && !self.was_rejected(&record)
            && !record.value.is_empty()
            && http::HeaderValue::from_str(record.value.expose()).is_ok();
        good.then_some(record)
    }

    fn was_rejected(&self, record: &Record) -> bool {
        self.lease.as_ref().is_some_and(|lease| lease.was_rejected(record.value.expose()))
    }

    fn adopt(&mut self, record: &Record, now: Timestamp) -> Progress {
        let token = self.land(From::Store, record.value.clone(), now, life(record));
        self.tell(Ok(token))
    }

    /// A third-party app's token request needs the latest ticket, which another process may have
    /// received.
    fn errand(&mut self, env: Env) -> Progress {
        match self.source.ticket_key().filter(|_| self.key.is_some()) {
            Some(key) => self.ask(Step::Ticket(None), StoreOp::Load { key }),
            None => self.present(env),
        }
    }

    fn take_ticket(&self, reply: &StoreReply) {
        if let StoreReply::Record { record: Some(record) } = reply
            && let Some(pushed) = Pushed::read(record)
        {
            self.source.tickets().take(pushed.ticket, pushed.pushed_at);
        }
    }

    fn present(&mut self, env: Env) -> Progress {
        self.presented = self.source.tickets().pushed_at();
        match self.source.errand(env.now) {
            Ok(errand) => {
                let mut errand = Box::new(Machine::errand(errand, self.policy.clone()));
                let order = errand.resume(Event::Start, env);
                self.relay(errand, order, env)
            }
            Err(error) => self.failed(error, env),
        }
    }

    fn relay(&mut self, errand: Box<Machine>, order: Order, env: Env) -> Progress {
        match order {
            Order::Done(data) => match self.source.read(data.get()) {
                Ok(fetched) => {
                    let asked = errand.sent_at();
                    let life = Life::granted(fetched.life);
                    let left = life.after(env.now.since(asked));
                    let record =
                        NewRecord::new(fetched.value.clone(), left.renew_in, left.expires_in);
                    let token = self.land(From::Platform, fetched.value, asked, life);
                    self.write(token, Box::new(record), 0)
                }
                Err(error) => self.failed(error, env),
            },
            Order::Failed(error) => self.failed(error, env),
            order => {
                if matches!(order, Order::Send(_)) {
                    if !self.lease.as_ref().is_some_and(Lease::leads) {
                        // Thought dead by our own process: its new leader needs the lock.
                        return self.tell(Ok(None));
                    }
                    if let Some(question) = self.prolonged(env) {
                        return self.ask(Step::Relocking(errand, Box::new(order)), question);
                    }
                    self.source.presented();
                }
                self.step = Step::Errand(errand);
                Progress::Order(order)
            }
        }
    }

    /// The store's lock is to outlive the request that goes out.
    fn prolonged(&self, env: Env) -> Option<StoreOp> {
        self.locked.filter(|locked| stale(env.now.since(*locked), &self.policy))?;
        Some(lock(self.key.clone()?, self.holder, &self.policy))
    }

    fn relocked(
        &mut self,
        errand: Box<Machine>,
        order: Order,
        reply: StoreReply,
        env: Env,
    ) -> Progress {
        match reply {
            StoreReply::Locked { record } => {
                self.locked = Some(env.now);
                if let Some(record) = self.usable(record) {
                    return self.adopt(&record, env.now);
                }
            }
            StoreReply::Busy => {
                // We were thought dead, and somebody else fetches.
                self.locked = None;
                return self.busy(env);
            }
            reply => self.without_store(reply, env.now),
        }
        self.source.presented();
        self.step = Step::Errand(errand);
        Progress::Order(order)
    }

    fn write(&mut self, token: Option<Token>, record: Box<NewRecord>, tries: u32) -> Progress {
        let Some(key) = self.key.clone() else { return settled(Ok(token)) };
        let question = StoreOp::Write {
            key,
            expected: self.seen,
            record: (*record).clone(),
            unlock: Some(self.holder),
        };
        self.ask(Step::Writing { token, record, tries }, question)
    }

    fn written(
        &mut self,
        token: Option<Token>,
        record: Box<NewRecord>,
        tries: u32,
        reply: StoreReply,
        env: Env,
    ) -> Progress {
        const TRIES: u32 = 3;
        let stored = match reply {
            StoreReply::Written { .. } => return settled(Ok(token)),
            StoreReply::Stale { record } if tries < TRIES => record,
            StoreReply::Stale { .. } => return self.tell(Ok(token)),
            reply => {
                self.without_store(reply, env.now);
                return settled(Ok(token));
            }
        };
        match rules::replaces(record.expires_in_ms, stored.as_ref(), false) {
            Some(expected) => {
                self.seen = expected;
                self.write(token, record, tries + 1)
            }
            None => self.tell(Ok(token)),
        }
    }

    fn failed(&mut self, error: Error, env: Env) -> Progress {
        if *error.kind() == ErrorKind::TicketStale && !std::mem::replace(&mut self.again, true) {
            // A push may have come while the request was under way.
            return match self.source.ticket_key().filter(|_| self.key.is_some()) {
                Some(key) => self.ask(Step::Ticket(Some(error)), StoreOp::Load { key }),
                None => self.again_with_newer_ticket(error, env),
            };
        }
        self.give_up(error, env)
    }

    fn again_with_newer_ticket(&mut self, error: Error, env: Env) -> Progress {
        match self.source.tickets().pushed_at() > self.presented {
            true => self.present(env),
            false => self.give_up(error, env),
        }
    }

    fn give_up(&mut self, error: Error, env: Env) -> Progress {
        let error = self.source.failed(error);
        let reserve = self.lease.take().and_then(|lease| lease.fail(&error, env.now));
        if let Some(reserve) = &reserve {
            note(&Note::TokenKept { left: reserve.expires.left(env.now), error: &error });
        }
        self.tell(reserve.map(Some).ok_or(error))
    }

    /// Frees the lock, if there is one to free.
    fn tell(&mut self, outcome: Result<Option<Token>, Error>) -> Progress {
        match self.key.clone().filter(|_| self.locked.is_some()) {
            Some(key) => {
                let unlock = StoreOp::Unlock { key, holder: self.holder };
                self.ask(Step::Telling(outcome), unlock)
            }
            None => settled(outcome),
        }
    }

    fn land(&mut self, from: From, value: Secret, asked: Timestamp, life: Life) -> Option<Token> {
        let token = self.lease.take()?.land(value, asked, life)?;
        note(&Note::Token { from, left: life.expires_in });
        Some(token)
    }

    fn without_store(&mut self, reply: StoreReply, now: Timestamp) {
        self.key = None;
        self.source.store_failed(said(reply), true, now);
    }
}

/// What a store's unexpected answer says.
pub(crate) fn said(reply: StoreReply) -> String {
    match reply {
        StoreReply::Failed { why } => why,
        _ => "the store gave an answer to another question".to_owned(),
    }
}

pub(crate) fn life(record: &Record) -> Life {
    Life {
        renew_in: Duration::from_millis(record.renew_in_ms),
        expires_in: Duration::from_millis(record.expires_in_ms),
    }
}

pub(crate) fn lock(key: StoreKey, holder: u64, policy: &Policy) -> StoreOp {
    let lease_ms = u64::try_from(policy.lease().as_millis()).unwrap_or(u64::MAX);
    StoreOp::Lock { key, holder, lease_ms }
}

/// How long to wait for another process's token. If that process dies, its lock lives for a lease,
/// and then one of those who wait fetches: the others must not lose patience just then and fetch
/// as well. Whoever has little time goes on alone while half of it is left.
fn patience(policy: &Policy) -> Duration {
    (policy.lease() * 2).min(policy.total / 2)
}

/// Whether a lock that was taken so long ago might end before a request does that goes out now.
pub(crate) fn stale(age: Duration, policy: &Policy) -> bool {
    age + policy.limits.total > policy.lease()
}

/// A holder's number: random, and never 0.
pub(crate) fn holder(env: Env) -> u64 {
    // What JavaScript can hold, too.
    (mix(env.entropy ^ env.now.unix_millis()) >> 11).max(1)
}

/// How long to leave the store alone before looking again, so that many do not come in step.
pub(crate) fn poll(env: Env) -> Duration {
    let jitter = mix(env.entropy ^ env.now.steady_millis()) % 100;
    POLL + Duration::from_millis(jitter)
}

pub(crate) fn pause(order: &Order) -> Duration {
    match order {
        Order::Sleep(pause) => *pause,
        Order::Join(flight) => flight.patience(),
        _ => Duration::ZERO,
    }
}

pub(crate) fn settled(outcome: Result<Option<Token>, Error>) -> Progress {
    match outcome {
        Ok(Some(token)) => Progress::Token(token),
        Ok(None) => Progress::Again,
        Err(error) => Progress::Failed(error),
    }
}
