//! The leader's errand: ask the store, fetch the token, tell everybody.

use std::time::Duration;

use crate::machine::{Env, Event, Machine, Order, mix};
use crate::store::{POLL, Record, StoreKey, StoreOp, StoreReply};
use crate::token::{Lease, Source, Token};
use crate::{Error, Policy, Secret, Timestamp};

pub(crate) struct Fetch {
    source: Source,
    policy: Policy,
    /// Given back when the token has landed or the errand has failed.
    lease: Option<Lease>,
    key: Option<StoreKey>,
    holder: u64,
    /// Until when another process is waited for, on the steady clock.
    patience: Option<Timestamp>,
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
    /// The token request, a machine of its own.
    Errand(Box<Machine>),
    /// Telling the store; the outcome is settled already.
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
            patience: None,
            step: Step::Idle,
        }
    }

    pub(crate) fn resume(&mut self, event: Event, env: Env) -> Progress {
        let progress = self.turn(event, env);
        if let (Progress::Order(order), Some(lease)) = (&progress, &self.lease) {
            let pause = match order {
                Order::Sleep(pause) => *pause,
                Order::Join(flight) => flight.patience(),
                _ => Duration::ZERO,
            };
            lease.renew(env.now, self.policy.lease() + pause);
        }
        progress
    }

    fn turn(&mut self, event: Event, env: Env) -> Progress {
        match (std::mem::replace(&mut self.step, Step::Idle), event) {
            (Step::Idle, Event::Start) => match self.key.clone() {
                Some(key) => {
                    self.holder = mix(env.entropy ^ env.now.unix_millis());
                    self.patience = Some(env.now + self.policy.lease());
                    self.ask(Step::Loading, StoreOp::Load { key })
                }
                None => self.errand(env),
            },
            (Step::Loading, Event::Store(StoreReply::Record { record })) => {
                match self.usable(record, env.now) {
                    Some(record) => self.adopt(record, env.now, false),
                    None => self.lock(env),
                }
            }
            (Step::Locking, Event::Store(StoreReply::Locked { record })) => {
                match self.usable(record, env.now) {
                    Some(record) => self.adopt(record, env.now, true),
                    None => self.errand(env),
                }
            }
            (Step::Locking, Event::Store(StoreReply::Busy)) => {
                match self.lease.take().map(|lease| lease.defer(env.now)) {
                    Some(Ok(reserve)) => return Progress::Token(reserve),
                    Some(Err(lease)) => self.lease = Some(lease),
                    None => {}
                }
                if self.patience.is_some_and(|end| end.has_come(env.now)) {
                    return self.errand(env);
                }
                self.step = Step::Waiting;
                let jitter = mix(env.entropy ^ env.now.steady_millis()) % 100;
                Progress::Order(Order::Sleep(POLL + Duration::from_millis(jitter)))
            }
            (Step::Waiting, Event::Woken) => self.lock(env),
            // A store that fails or answers nonsense costs the sharing, not the call.
            (Step::Loading | Step::Locking, Event::Store(_)) => {
                self.key = None;
                self.errand(env)
            }
            (Step::Errand(mut errand), event) => {
                let order = errand.resume(event, env);
                self.relay(errand, order, env)
            }
            (Step::Telling(outcome), Event::Store(_)) => settled(outcome),
            _ => Progress::Failed(Error::invalid("event out of turn")),
        }
    }

    fn ask(&mut self, step: Step, question: StoreOp) -> Progress {
        self.step = step;
        Progress::Order(Order::Ask(question))
    }

    fn lock(&mut self, env: Env) -> Progress {
        let Some(key) = self.key.clone() else { return self.errand(env) };
        let lease_ms = u64::try_from(self.policy.lease().as_millis()).unwrap_or(u64::MAX);
        self.ask(Step::Locking, StoreOp::Lock { key, holder: self.holder, lease_ms })
    }

    /// A stored token is as good as a fetched one if it has more than the early window left and
    /// is not the one that was just rejected.
    fn usable(&self, record: Option<Record>, now: Timestamp) -> Option<Record> {
        let record = record?;
        let left = record.expires_at.saturating_sub(now.unix_millis());
        let rejected =
            self.lease.as_ref().is_some_and(|lease| lease.was_rejected(record.value.expose()));
        (left > STORED_LEAST && !rejected && !record.value.is_empty()).then_some(record)
    }

    fn adopt(&mut self, record: Record, now: Timestamp, locked: bool) -> Progress {
        let life = Duration::from_millis(record.expires_at.saturating_sub(now.unix_millis()));
        let token = self.land(record.value, now, life);
        match (locked, self.key.clone()) {
            (true, Some(key)) => {
                let unlock = StoreOp::Unlock { key, holder: self.holder };
                self.ask(Step::Telling(Ok(token)), unlock)
            }
            _ => settled(Ok(token)),
        }
    }

    fn errand(&mut self, env: Env) -> Progress {
        match self.source.errand() {
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
                    let record = self.record(&fetched.value, asked, fetched.life);
                    let token = self.land(fetched.value, asked, fetched.life);
                    match record {
                        Some((key, record)) => {
                            let save = StoreOp::Save { key, holder: self.holder, record };
                            self.ask(Step::Telling(Ok(token)), save)
                        }
                        None => settled(Ok(token)),
                    }
                }
                Err(error) => self.failed(error, env),
            },
            Order::Failed(error) => self.failed(error, env),
            order => {
                if matches!(order, Order::Send(_)) {
                    if !self.lease.as_ref().is_some_and(Lease::leads) {
                        return Progress::Again;
                    }
                    self.source.presented();
                }
                self.step = Step::Errand(errand);
                Progress::Order(order)
            }
        }
    }

    fn failed(&mut self, error: Error, env: Env) -> Progress {
        let error = self.source.failed(error);
        let reserve = self.lease.take().and_then(|lease| lease.fail(&error, env.now));
        let outcome = reserve.map(Some).ok_or(error);
        match self.key.clone().filter(|_| self.holder != 0) {
            Some(key) => {
                let unlock = StoreOp::Unlock { key, holder: self.holder };
                self.ask(Step::Telling(outcome), unlock)
            }
            None => settled(outcome),
        }
    }

    fn land(&mut self, value: Secret, asked: Timestamp, life: Duration) -> Option<Token> {
        self.lease.take()?.land(value, asked, life)
    }

    fn record(
        &self,
        value: &Secret,
        asked: Timestamp,
        life: Duration,
    ) -> Option<(StoreKey, Record)> {
        let key = self.key.clone()?;
        let expires = (asked + life).unix_millis();
        Some((key, Record::new(value.clone(), expires)))
    }
}

/// Milliseconds that a stored token must have left: the early window, since with less a caller
/// would replace it anyway.
const STORED_LEAST: u64 = 10 * 60 * 1_000;

fn settled(outcome: Result<Option<Token>, Error>) -> Progress {
    match outcome {
        Ok(Some(token)) => Progress::Token(token),
        Ok(None) => Progress::Again,
        Err(error) => Progress::Failed(error),
    }
}
