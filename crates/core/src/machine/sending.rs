//! The request itself: when it goes out, with which token, and what its answer means for the call.

use std::time::Duration;

use super::judge::{self, Asker, Verdict};
use super::watch::{Answer, Note, Reason, note};
use super::{Env, Machine, Order, State, Task, job, mix};
use crate::dialect::accept_raw;
use crate::endpoint::Replay;
use crate::error::Class;
use crate::region::IP_BAN;
use crate::token::Token;
use crate::wire::{Fault, Reply, Response};
use crate::{Error, ErrorKind, Secret, Timestamp};

impl Machine {
    pub(super) fn with_token(&mut self, token: Token, env: Env) -> Order {
        match &self.task {
            Task::Token => Order::Done(job::token_data(&token)),
            _ => self.queue(Some(token), env),
        }
    }

    /// Waits for the operation's turn where it is paced, then sends.
    pub(super) fn queue(&mut self, token: Option<Token>, env: Env) -> Order {
        let Task::Call(job) = &self.task else {
            return Order::Failed(Error::invalid("nothing to send"));
        };
        match self.source.admit(&job.operation().name, env.now, self.left(env.now)) {
            Ok(Duration::ZERO) => self.send(token, env),
            Ok(wait) => {
                self.waiting.begin(Reason::Paced, wait, env.now);
                self.state = State::Queued(token);
                Order::Sleep(wait)
            }
            Err(retry_in) => Order::Failed(Error::new(ErrorKind::Throttled { retry_in })),
        }
    }

    pub(super) fn send(&mut self, token: Option<Token>, env: Env) -> Order {
        let left = self.left(env.now);
        if left.is_zero() {
            return Order::Failed(Error::new(ErrorKind::TimedOut { maybe_executed: false }));
        }
        let Task::Call(job) = &self.task else {
            return Order::Failed(Error::invalid("nothing to send"));
        };
        let mut limits = self.policy.limits;
        limits.total = limits.total.min(left);
        limits.connect = limits.connect.min(left);
        let secret = token.as_ref().map(|token| &*token.value);
        match job.request(self.source.region(), secret, limits) {
            Ok(request) => {
                self.sends += 1;
                self.sent_at = env.now;
                note(&Note::Sent { operation: &job.operation().name, attempt: self.sends });
                self.state = State::Sending(token);
                Order::Send(request)
            }
            Err(error) => Order::Failed(error),
        }
    }

    pub(super) fn answered(&mut self, token: Option<Token>, reply: Reply, env: Env) -> Order {
        let Task::Call(job) = &self.task else {
            return Order::Failed(Error::invalid("nothing was sent"));
        };
        let operation = job.operation();
        let response = match reply {
            Ok(response) => response,
            Err(error) => {
                let harmless = error.fault() == Fault::NotSent
                    || (operation.replay == Replay::Safe && error.fault() != Fault::TooLarge);
                let error = Error::transport(&error);
                self.note_answer(Err(&error), env.now);
                return self.again_if(harmless, None, error, env);
            }
        };
        if let Some(data) = accept_raw(operation.family, &response) {
            self.note_answer(Ok(&response), env.now);
            return Order::Done(data);
        }
        let name = operation.name.clone();
        let safe = operation.replay == Replay::Safe;
        let Verdict { class, error, wait } = self.judge(&response, token.as_ref(), env);
        self.note_answer(Err(&error), env.now);
        match class {
            Class::TokenDead => {
                let Some(token) = token else { return Order::Failed(error) };
                self.source.slot().reject(&token);
                let again = std::mem::replace(&mut self.renewed, true);
                note(&Note::TokenRejected { operation: &name, again });
                if again {
                    return Order::Failed(error);
                }
                // Proved not executed, and one renewal only: this send does not count.
                self.sends -= 1;
                self.advance(env)
            }
            Class::Throttled => {
                self.source.throttled(&name, env.now, wait);
                self.again_if(true, Some(wait), error, env)
            }
            Class::IpBan => {
                let region = self.source.region();
                region.note_ban(env.now);
                note(&Note::Banned { region, retry_in: IP_BAN });
                Order::Failed(error)
            }
            Class::Transient | Class::Busy => self.again_if(safe, None, error, env),
            _ => Order::Failed(error),
        }
    }

    /// Sends again after a pause, if that does no harm and there are tries and time left.
    fn again_if(
        &mut self,
        harmless: bool,
        wait: Option<Duration>,
        error: Error,
        env: Env,
    ) -> Order {
        let pause = self.pause(wait, env);
        if harmless && self.sends < self.policy.attempts && pause < self.left(env.now) {
            let reason = wait.map_or(Reason::BackOff, |_| Reason::Throttled);
            self.waiting.begin(reason, pause, env.now);
            self.state = State::Asleep;
            return Order::Sleep(pause);
        }
        Order::Failed(error)
    }

    /// The pause before the next try: exponential with full jitter above the half, or what the
    /// platform said and a little more, so that callers do not come back in step.
    fn pause(&self, said: Option<Duration>, env: Env) -> Duration {
        let mixed = mix(env.entropy ^ env.now.steady_millis() ^ u64::from(self.sends) << 56);
        let part = |of: Duration| of.mul_f64((mixed >> 11) as f64 / (1_u64 << 53) as f64);
        match said {
            Some(wait) => wait + part(wait.min(Duration::from_secs(1)) / 4),
            None => {
                let doubled = 1_u32 << (self.sends.clamp(1, 16) - 1);
                let full = self.policy.backoff.saturating_mul(doubled).min(self.policy.backoff_max);
                full / 2 + part(full / 2)
            }
        }
    }

    pub(super) fn left(&self, now: Timestamp) -> Duration {
        let spent = self.started.map(|started| now.since(started)).unwrap_or_default();
        self.policy.total.saturating_sub(spent)
    }

    pub(super) fn note_answer(&self, answer: Result<&Response, &Error>, now: Timestamp) {
        let Task::Call(job) = &self.task else { return };
        let operation = job.operation();
        note(&Note::Answered {
            operation: &operation.name,
            attempt: self.sends,
            took: now.since(self.sent_at),
            answer: match answer {
                Ok(response) => Answer::Ok(operation.family, response),
                Err(error) => Answer::Failed(error),
            },
        });
    }

    fn judge(&self, response: &Response, token: Option<&Token>, env: Env) -> Verdict {
        let family = match &self.task {
            Task::Call(job) => job.operation().family,
            _ => crate::Family::OpenApi,
        };
        // Calls without a token carry their secrets themselves.
        let told = match &self.task {
            Task::Call(job) if !self.takes_token && self.hush.is_empty() => job.values(),
            _ => Vec::new(),
        };
        let mut secrets: Vec<&Secret> = self.hush.iter().chain(&told).collect();
        secrets.push(self.source.secret());
        secrets.extend(token.map(|token| &*token.value));
        let (purpose, source) = (self.purpose, &self.source);
        judge::judge(response, &Asker { family, purpose, source, secrets: &secrets }, env.now)
    }
}
