//! The leader's errand for a session that other processes share: its refresh token is taken once,
//! so nothing is presented before the store knows of it, and nothing is handed out before the
//! store has it.

use std::time::Duration;

use crate::machine::fetch::{Progress, holder, life, lock, pause, poll, said, settled, stale};
use crate::machine::watch::{From, Note, Pause, Reason, note};
use crate::machine::{Env, Event, Machine, Order};
use crate::store::rules::{self, Decision, Fate, Kept};
use crate::store::{NewRecord, POLL, Record, StoreKey, StoreOp, StoreReply};
use crate::token::{Lease, Life, Source, Token};
use crate::user::{self, Session, Unsaved};
use crate::{Error, ErrorKind, Policy, Timestamp};

pub(crate) struct Exchange {
    source: Source,
    policy: Policy,
    /// Given back at the end; none where a session is only to be kept.
    lease: Option<Lease>,
    key: StoreKey,
    holder: u64,
    /// When the store's lock was last taken.
    locked: Option<Timestamp>,
    /// What was last seen in the store.
    seen: Seen,
    /// Until when others are waited for, on the steady clock.
    patience: Timestamp,
    /// How often the store was read again because somebody else had written.
    turns: u32,
    waiting: Pause,
    step: Step,
}

#[derive(Default)]
struct Seen {
    version: u64,
    kept: Option<Kept>,
    life: Option<Life>,
}

enum Step {
    Idle,
    Loading,
    Locking,
    /// Somebody else has the lock, or may come back.
    Waiting,
    /// Saying that the refresh token is about to be presented.
    Intending,
    /// The token request, a machine of its own.
    Errand(Box<Machine>),
    /// Prolonging the lock before the token request goes out again.
    Relocking(Box<Machine>, Box<Order>),
    /// Storing what the platform granted.
    Committing(Box<Unsaved>, u32),
    /// The store failed; it is tried again.
    Pausing(Box<Unsaved>, u32),
    /// Saying what became of the refresh token.
    Confessing(Error),
    /// Freeing the lock; the outcome is settled.
    Telling(Result<Option<Token>, Error>),
}

impl Exchange {
    /// With the lead over the session's slot; without it only what is unsaved is stored.
    pub(crate) fn new(source: Source, lease: Option<Lease>, key: StoreKey, policy: Policy) -> Self {
        Self {
            source,
            policy,
            lease,
            key,
            holder: 0,
            locked: None,
            seen: Seen::default(),
            patience: Timestamp::default(),
            turns: 0,
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
                self.holder = holder(env);
                self.patience = env.now + self.policy.total;
                self.load()
            }
            (Step::Loading, Event::Store(StoreReply::Record { record })) => self.look(record, env),
            (Step::Locking, Event::Store(StoreReply::Locked { record })) => {
                self.locked = Some(env.now);
                self.look(record, env)
            }
            (Step::Locking, Event::Store(StoreReply::Busy)) => {
                self.locked = None;
                self.wait(env)
            }
            (Step::Waiting, Event::Woken) => {
                self.waiting.over(env.now);
                self.load()
            }
            (Step::Intending, Event::Store(StoreReply::Written { version })) => {
                self.seen.version = version;
                self.errand(env)
            }
            (Step::Intending, Event::Store(StoreReply::Stale { .. })) => self.again(env),
            (Step::Loading | Step::Locking | Step::Intending, Event::Store(reply)) => {
                self.store_failed(reply, env)
            }
            (Step::Errand(mut errand), event) => {
                let order = errand.resume(event, env);
                self.relay(errand, order, env)
            }
            (Step::Relocking(errand, order), Event::Store(reply)) => match reply {
                StoreReply::Locked { .. } => {
                    self.locked = Some(env.now);
                    self.send(errand, *order)
                }
                // Nothing is out, and we were thought dead: say so and let the other one.
                StoreReply::Busy => {
                    let error = Error::new(ErrorKind::TimedOut { maybe_executed: false });
                    self.confess(error, env)
                }
                reply => self.store_failed(reply, env),
            },
            (Step::Committing(grant, tries), Event::Store(reply)) => {
                self.committed(grant, tries, reply, env)
            }
            (Step::Pausing(grant, tries), Event::Woken) => {
                self.waiting.over(env.now);
                self.commit(grant, tries, env)
            }
            (Step::Confessing(error), Event::Store(reply)) => {
                let refused = matches!(error.kind(), ErrorKind::LoginAgain { .. });
                match reply {
                    // Somebody else has renewed it meanwhile: nobody has to log in.
                    StoreReply::Stale { .. } if refused => self.again(env),
                    _ => self.fail(&error, env),
                }
            }
            (Step::Telling(outcome), Event::Store(_)) => settled(outcome),
            _ => Progress::Failed(Error::invalid("event out of turn")),
        }
    }

    fn ask(&mut self, step: Step, question: StoreOp) -> Progress {
        self.step = step;
        Progress::Order(Order::Ask(question))
    }

    fn load(&mut self) -> Progress {
        let key = self.key.clone();
        self.ask(Step::Loading, StoreOp::Load { key })
    }

    /// Somebody else has written: read again, but not for ever.
    fn again(&mut self, env: Env) -> Progress {
        const TURNS: u32 = 8;
        self.turns += 1;
        if self.turns > TURNS {
            return self.fail(&Error::new(ErrorKind::TimedOut { maybe_executed: false }), env);
        }
        self.load()
    }

    fn wait(&mut self, env: Env) -> Progress {
        match self.lease.take().map(|lease| lease.defer(env.now)) {
            Some(Ok(reserve)) => {
                note(&Note::Token { from: From::Memory, left: reserve.expires.left(env.now) });
                return self.tell(Ok(Some(reserve)));
            }
            Some(Err(lease)) => self.lease = Some(lease),
            None => {}
        }
        if self.patience.has_come(env.now) {
            return self.fail(&Error::new(ErrorKind::TimedOut { maybe_executed: false }), env);
        }
        let pause = poll(env);
        self.waiting.begin(Reason::StoreLock, pause, env.now);
        self.step = Step::Waiting;
        Progress::Order(Order::Sleep(pause))
    }

    /// What is stored decides what to do.
    fn look(&mut self, record: Option<Record>, env: Env) -> Progress {
        self.source.store_works();
        let age =
            record.as_ref().map_or(Duration::ZERO, |record| Duration::from_millis(record.age_ms));
        let Some(session) = self.source.session() else {
            return Progress::Failed(Error::invalid("this credential is no session"));
        };
        let mut unsaved = session.unsaved();
        let login = unsaved.as_ref().map(|grant| grant.presented.is_none());
        let login = login.unwrap_or_else(|| session.begins_with_code());
        self.seen = match record.as_ref().map(Seen::read).transpose() {
            Ok(seen) => seen.unwrap_or_default(),
            // A login takes the place of whatever is there, also of what nobody can read.
            Err(_) if login => {
                let version = record.map_or(0, |record| record.version);
                Seen { version, ..Seen::default() }
            }
            Err(error) => return self.fail(&error, env),
        };
        if unsaved.as_ref().is_some_and(|grant| !grant.replaces(self.seen.kept.as_ref())) {
            // Somebody logged in anew, or out: theirs is the session now.
            session.set_unsaved(None);
            unsaved = None;
        }
        let fresh = session.begins_with_code();
        if unsaved.is_none()
            && !fresh
            && let Some(token) = self.adopt(env.now)
        {
            return self.tell(token);
        }
        if self.locked.is_none_or(|locked| stale(env.now.since(locked), &self.policy)) {
            let question = lock(self.key.clone(), self.holder, &self.policy);
            return self.ask(Step::Locking, question);
        }
        match unsaved {
            Some(grant) => self.commit(Box::new(grant), 0, env),
            None if self.lease.is_none() => self.tell(Ok(None)),
            None if fresh => self.errand(env),
            None => self.decide(age, env),
        }
    }

    /// The stored access token, if it serves; `None` where it does not.
    fn adopt(&mut self, now: Timestamp) -> Option<Result<Option<Token>, Error>> {
        let (kept, life) = (self.seen.kept.as_ref()?, self.seen.life?);
        let value = kept.access_token.clone().filter(|value| !value.is_empty())?;
        let rejected = self.lease.as_ref().is_some_and(|lease| lease.was_rejected(value.expose()));
        if life.renew_in.is_zero() || rejected || self.lease.is_none() {
            return None;
        }
        self.source.session()?.adopt(kept);
        let token = self.lease.take()?.land(value, now, life);
        if token.is_some() {
            note(&Note::Token { from: From::Store, left: life.expires_in });
        }
        Some(Ok(token))
    }

    fn decide(&mut self, age: Duration, env: Env) -> Progress {
        let Some(session) = self.source.session() else {
            return Progress::Failed(Error::invalid("this credential is no session"));
        };
        let Some(kept) = self.seen.kept.clone() else {
            return match session.first_record() {
                Some(first) => self.intend(&first),
                // Also where it was a login's code whose answer nobody waited for.
                None => self.fail(&login_again(session.in_doubt()), env),
            };
        };
        let settle = self.policy.lease() * 2;
        match rules::decide(&kept, session.holder_out(), age, settle) {
            Decision::Present => {
                // An intent of our own that is still there is a request that we gave up.
                let kept = kept.with_fate(Fate::Good, kept.fate != Fate::Good);
                session.adopt(&kept);
                self.intend(&kept)
            }
            Decision::Wait => self.wait(env),
            Decision::LoginAgain { in_doubt } => self.fail(&login_again(in_doubt), env),
        }
    }

    fn intend(&mut self, kept: &Kept) -> Progress {
        self.seen.kept = Some(kept.clone());
        if let Some(session) = self.source.session() {
            session.out_as(self.holder);
        }
        match self.record(&kept.with_fate(Fate::Intended(self.holder), false)) {
            Ok(record) => {
                let question = StoreOp::Write {
                    key: self.key.clone(),
                    expected: self.seen.version,
                    record,
                    unlock: None,
                };
                self.ask(Step::Intending, question)
            }
            Err(error) => Progress::Failed(error),
        }
    }

    fn errand(&mut self, env: Env) -> Progress {
        match self.source.errand(env.now) {
            Ok(errand) => {
                let mut errand = Box::new(Machine::errand(errand, self.policy.clone()));
                let order = errand.resume(Event::Start, env);
                self.relay(errand, order, env)
            }
            Err(error) => self.fail(&error, env),
        }
    }

    fn relay(&mut self, errand: Box<Machine>, order: Order, env: Env) -> Progress {
        match order {
            Order::Done(data) => {
                let fresh = self.source.session().is_some_and(Session::begins_with_code);
                let kept = self.seen.kept.as_ref().filter(|_| !fresh);
                let presented = kept.and_then(|kept| kept.refresh_token.clone());
                match self.source.read(data.get()) {
                    Ok(fetched) => {
                        let Some(session) = self.source.session() else {
                            return Progress::Failed(Error::invalid(
                                "this credential is no session",
                            ));
                        };
                        let (value, asked) = (fetched.value, errand.sent_at());
                        let (kept, life) = (session.record(&value), Life::granted(fetched.life));
                        let grant = Unsaved { value, asked, life, kept, presented };
                        session.set_unsaved(Some(grant.clone()));
                        self.commit(Box::new(grant), 0, env)
                    }
                    Err(error) => self.confess(error, env),
                }
            }
            Order::Failed(error) => self.confess(error, env),
            Order::Send(_) => {
                if !self.lease.as_ref().is_some_and(Lease::leads) {
                    return self.stand_down();
                }
                if self.locked.is_none_or(|locked| stale(env.now.since(locked), &self.policy)) {
                    let question = lock(self.key.clone(), self.holder, &self.policy);
                    return self.ask(Step::Relocking(errand, Box::new(order)), question);
                }
                self.send(errand, order)
            }
            order => {
                self.step = Step::Errand(errand);
                Progress::Order(order)
            }
        }
    }

    fn send(&mut self, errand: Box<Machine>, order: Order) -> Progress {
        self.source.presented();
        self.step = Step::Errand(errand);
        Progress::Order(order)
    }

    fn commit(&mut self, grant: Box<Unsaved>, tries: u32, env: Env) -> Progress {
        let left = grant.life.after(env.now.since(grant.asked));
        let record = grant
            .kept
            .write()
            .map(|value| NewRecord::new(value, left.renew_in, left.expires_in).kept_for(KEEP));
        match record {
            Ok(record) => {
                let question = StoreOp::Write {
                    key: self.key.clone(),
                    expected: self.seen.version,
                    record,
                    unlock: Some(self.holder),
                };
                self.ask(Step::Committing(grant, tries), question)
            }
            Err(error) => Progress::Failed(error),
        }
    }

    fn committed(
        &mut self,
        grant: Box<Unsaved>,
        tries: u32,
        reply: StoreReply,
        env: Env,
    ) -> Progress {
        const TRIES: u32 = 4;
        match reply {
            StoreReply::Written { .. } => {
                self.locked = None;
                if let Some(session) = self.source.session() {
                    session.adopt(&grant.kept);
                }
                self.saved();
                let token = self
                    .lease
                    .take()
                    .and_then(|lease| lease.land(grant.value, grant.asked, grant.life));
                if let Some(token) = &token {
                    let left = token.expires.left(env.now);
                    note(&Note::Token { from: From::Platform, left });
                }
                settled(Ok(token))
            }
            StoreReply::Stale { record } => {
                let stored = record.as_ref().map(Kept::read).transpose().ok().flatten();
                if grant.replaces(stored.as_ref()) && tries < TRIES {
                    // A login, or we were thought dead and somebody has given up our token since.
                    self.seen.version = record.map_or(0, |record| record.version);
                    return self.commit(grant, tries + 1, env);
                }
                // Somebody logged in anew while we were thought dead: theirs is the session now.
                self.saved();
                self.again(env)
            }
            reply if tries >= TRIES => self.store_failed(reply, env),
            _ => {
                let pause = POLL * (1 << tries);
                self.waiting.begin(Reason::StoreRetry, pause, env.now);
                self.step = Step::Pausing(grant, tries + 1);
                Progress::Order(Order::Sleep(pause))
            }
        }
    }

    fn saved(&self) {
        if let Some(session) = self.source.session() {
            session.set_unsaved(None);
        }
    }

    /// The exchange failed: tell the store what that means for the refresh token.
    fn confess(&mut self, error: Error, env: Env) -> Progress {
        let fresh = self.source.session().is_some_and(Session::begins_with_code);
        let error = self.source.failed(error);
        let Some(kept) = self.seen.kept.clone().filter(|_| !fresh) else {
            return self.fail(&error, env);
        };
        let (fate, lost, error) = match error.kind() {
            ErrorKind::LoginAgain { in_doubt } => {
                let in_doubt = *in_doubt || kept.in_doubt;
                (Fate::Dead, false, error.with_kind(ErrorKind::LoginAgain { in_doubt }))
            }
            kind => (Fate::Good, user::maybe_executed(kind), error),
        };
        match self.record(&kept.with_fate(fate, lost)) {
            Ok(record) => {
                let question = StoreOp::Write {
                    key: self.key.clone(),
                    expected: self.seen.version,
                    record,
                    unlock: Some(self.holder),
                };
                self.ask(Step::Confessing(error), question)
            }
            Err(error) => Progress::Failed(error),
        }
    }

    /// Thought dead by our own process with nothing sent: its new leader needs the lock, and must
    /// not take our intent for a request.
    fn stand_down(&mut self) -> Progress {
        let fresh = self.source.session().is_some_and(Session::begins_with_code);
        let Some(kept) = self.seen.kept.clone().filter(|_| !fresh) else {
            return self.tell(Ok(None));
        };
        match self.record(&kept) {
            Ok(record) => {
                let question = StoreOp::Write {
                    key: self.key.clone(),
                    expected: self.seen.version,
                    record,
                    unlock: Some(self.holder),
                };
                self.ask(Step::Telling(Ok(None)), question)
            }
            Err(error) => Progress::Failed(error),
        }
    }

    /// A record with the times of the access token that is stored now.
    fn record(&self, kept: &Kept) -> Result<NewRecord, Error> {
        let life =
            self.seen.life.unwrap_or(Life { renew_in: Duration::ZERO, expires_in: Duration::ZERO });
        let value = kept.write()?;
        Ok(NewRecord::new(value, life.renew_in, life.expires_in).kept_for(KEEP))
    }

    /// Without the store nothing single-use is presented, and nothing handed out.
    fn store_failed(&mut self, reply: StoreReply, env: Env) -> Progress {
        let why = said(reply);
        let error = Error::new(ErrorKind::Store).with_message(why.clone());
        self.source.store_failed(why, false, env.now);
        self.locked = None;
        self.fail(&error, env)
    }

    fn fail(&mut self, error: &Error, env: Env) -> Progress {
        let reserve = self.lease.take().and_then(|lease| lease.fail_for_now(error, env.now));
        if let Some(reserve) = &reserve {
            note(&Note::TokenKept { left: reserve.expires.left(env.now), error });
        }
        self.tell(reserve.map(Some).ok_or_else(|| error.clone()))
    }

    /// Frees the lock, if there is one to free.
    fn tell(&mut self, outcome: Result<Option<Token>, Error>) -> Progress {
        if self.locked.take().is_none() {
            return settled(outcome);
        }
        let unlock = StoreOp::Unlock { key: self.key.clone(), holder: self.holder };
        self.ask(Step::Telling(outcome), unlock)
    }
}

/// At its end or where its caller drops it: nobody waits for the answer any more.
impl Drop for Exchange {
    fn drop(&mut self) {
        if let Some(session) = self.source.session() {
            session.give_up(self.holder);
        }
    }
}

impl Seen {
    fn read(record: &Record) -> Result<Self, Error> {
        let kept = Some(Kept::read(record)?);
        Ok(Self { version: record.version, kept, life: Some(life(record)) })
    }
}

/// A refresh token lives thirty days (wire-facts §4.3).
const KEEP: Duration = Duration::from_secs(30 * 24 * 60 * 60);

fn login_again(in_doubt: bool) -> Error {
    Error::new(ErrorKind::LoginAgain { in_doubt })
}
