//! A seeded simulation: twelve calls over one app, in random order, with faults, killed tokens,
//! silent leaders and cancellation. After every step the rules hold; at the end nobody is stuck.

use std::time::Duration;

use dingtalk_core::{
    App, Call, Endpoint, ErrorKind, Reply, Request, Sent, Step, Timestamp, TransportError,
};

use crate::support::{Read, Write, carried, json, read_ok, write_ok};

const SEEDS: u64 = 3_000;
const CALLS: usize = 12;

#[test]
fn twelve_calls_with_faults_cancellation_and_killed_tokens_hold_the_rules() {
    let mut totals = Totals::default();
    for seed in 0..SEEDS {
        World::new(seed).run(&mut totals);
    }
    // The simulation is only worth something if all of this happened.
    assert!(totals.finished > SEEDS * 6, "{totals:?}");
    assert!(totals.failed > SEEDS / 4, "{totals:?}");
    assert!(totals.cancelled > SEEDS / 4, "{totals:?}");
    assert!(totals.killed > SEEDS / 4, "{totals:?}");
    assert!(totals.joined > SEEDS, "{totals:?}");
    assert!(totals.silent > SEEDS / 8, "{totals:?}");
}

#[derive(Debug, Default)]
struct Totals {
    finished: u64,
    failed: u64,
    cancelled: u64,
    killed: u64,
    joined: u64,
    silent: u64,
}

/// The platform's side: which token is good.
struct Platform {
    serial: u64,
    alive: Option<String>,
    writes: Vec<usize>,
    token_requests: u64,
}

enum Task {
    Read(Pending<Read>),
    Write(Pending<Write>),
    Over,
}

enum Pending<E: Endpoint> {
    Ready(Call<E>),
    Waiting(dingtalk_core::Flight, Timestamp, Call<E>),
    Sleeping(Timestamp, Call<E>),
    /// The request, since when, and how many more turns until the answer.
    InAir(Box<Request>, Sent<E>, Timestamp, u32),
}

struct World {
    random: u64,
    now: Timestamp,
    app: App,
    platform: Platform,
    tasks: Vec<Task>,
    faults: bool,
}

impl World {
    fn new(seed: u64) -> Self {
        let app = App::internal("dingtest", "secret");
        let tasks = (0..CALLS)
            .map(|n| match n % 3 {
                0 => Task::Write(Pending::Ready(Call::new(&Write {}, &app).entropy(seed))),
                _ => Task::Read(Pending::Ready(Call::new(&Read {}, &app).entropy(seed))),
            })
            .collect();
        Self {
            random: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1,
            now: Timestamp::from_millis(1_700_000_000_000),
            app,
            platform: Platform {
                serial: 0,
                alive: None,
                writes: vec![0; CALLS],
                token_requests: 0,
            },
            tasks,
            faults: true,
        }
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 11) % bound
    }

    fn run(mut self, totals: &mut Totals) {
        let mut steps = 0;
        while self.tasks.iter().any(|task| !matches!(task, Task::Over)) {
            steps += 1;
            assert!(steps < 20_000, "somebody is stuck");
            // After a while the weather clears: everybody must come home.
            self.faults = steps < 200;
            let wait = self.below(400);
            self.now = self.now + Duration::from_millis(wait);
            if self.faults && self.below(40) == 0 && self.platform.alive.take().is_some() {
                totals.killed += 1;
            }
            let index = usize::try_from(self.below(CALLS as u64)).unwrap();
            let task = std::mem::replace(&mut self.tasks[index], Task::Over);
            if self.faults && self.below(60) == 0 && !matches!(task, Task::Over) {
                totals.cancelled += 1;
                continue;
            }
            self.tasks[index] = match task {
                Task::Over => Task::Over,
                Task::Read(pending) => {
                    self.turn(index, pending, totals).map_or(Task::Over, Task::Read)
                }
                Task::Write(pending) => {
                    self.turn(index, pending, totals).map_or(Task::Over, Task::Write)
                }
            };
            let in_air = self.tasks.iter().filter(|task| fetches(task)).count();
            let silent = self.tasks.iter().filter(|task| silent(task, self.now)).count();
            assert!(
                in_air <= 1 + silent,
                "{in_air} token requests in the air, {silent} holders silent"
            );
        }
        for (index, writes) in self.platform.writes.iter().enumerate() {
            assert!(*writes <= 1, "write {index} was executed {writes} times");
        }
        let (request, _) =
            match Call::new(&Read {}, &self.app).step(self.now + Duration::from_secs(60)) {
                Step::Send(request, sent) => (request, sent),
                other => panic!("the slot is stuck: {other:?}"),
            };
        drop(request);
    }

    fn turn<E: Endpoint>(
        &mut self,
        index: usize,
        pending: Pending<E>,
        totals: &mut Totals,
    ) -> Option<Pending<E>> {
        let step = match pending {
            Pending::Ready(call) => call.step(self.now),
            Pending::Sleeping(until, call) if !until.has_come(self.now) => {
                return Some(Pending::Sleeping(until, call));
            }
            Pending::Sleeping(_, call) => call.step(self.now),
            Pending::Waiting(flight, until, call) => {
                // Early returns are allowed, and the bound is kept.
                if !flight.is_done() && !until.has_come(self.now) && self.below(8) != 0 {
                    return Some(Pending::Waiting(flight, until, call));
                }
                call.step(self.now)
            }
            Pending::InAir(request, sent, since, patience) => {
                if patience > 0 && self.faults {
                    return Some(Pending::InAir(request, sent, since, patience - 1));
                }
                let reply = self.answer(index, &request);
                sent.reply(self.now, reply)
            }
        };
        match step {
            Step::Send(request, sent) => {
                let silent = self.faults && self.below(30) == 0;
                totals.silent += u64::from(silent);
                let patience = if silent { 2_000 } else { u32::try_from(self.below(4)).unwrap() };
                Some(Pending::InAir(Box::new(request), sent, self.now, patience))
            }
            Step::Sleep(pause, call) => Some(Pending::Sleeping(self.now + pause, call)),
            Step::Join(flight, call) => {
                totals.joined += 1;
                let until = self.now + flight.patience();
                Some(Pending::Waiting(flight, until, call))
            }
            Step::Ask(..) => panic!("no store is configured"),
            Step::Done(Ok(_)) => {
                totals.finished += 1;
                None
            }
            Step::Done(Err(error)) => {
                assert!(
                    matches!(
                        error.kind(),
                        ErrorKind::Busy { .. }
                            | ErrorKind::Lost
                            | ErrorKind::Unreachable
                            | ErrorKind::Throttled { .. }
                            | ErrorKind::TimedOut { .. }
                            | ErrorKind::TokenRejected
                    ),
                    "{error:?}"
                );
                totals.failed += 1;
                None
            }
        }
    }

    fn answer(&mut self, index: usize, request: &Request) -> Reply {
        let fault = if self.faults { self.below(20) } else { 99 };
        match fault {
            0 => return Err(TransportError::not_sent("refused")),
            1 => return Err(TransportError::timed_out("before it was executed")),
            2 => return json(503, "<html>"),
            3 => return json(500, r#"{"code":"systemBusy","message":"x"}"#),
            4 => {
                return json(
                    403,
                    r#"{"code":"Forbidden.AccessDenied.QpsLimitForApi","message":"x"}"#,
                );
            }
            _ => {}
        }
        let reply = self.execute(index, request);
        if fault == 5 { Err(TransportError::lost("after it was executed")) } else { reply }
    }

    fn execute(&mut self, index: usize, request: &Request) -> Reply {
        let path = request.url().path();
        if path.ends_with("/accessToken") {
            self.platform.token_requests += 1;
            let serial = &mut self.platform.serial;
            let alive = self.platform.alive.get_or_insert_with(|| {
                *serial += 1;
                format!("token{serial}")
            });
            return crate::support::token(alive);
        }
        if carried(request) != self.platform.alive {
            return match path.starts_with("/topapi") {
                true => crate::support::dead_topapi(),
                false => crate::support::dead_openapi(),
            };
        }
        if path == "/v1.0/test/write" {
            self.platform.writes[index] += 1;
            return write_ok();
        }
        read_ok()
    }
}

fn fetches(task: &Task) -> bool {
    fn is_token(request: &Request) -> bool {
        request.url().path().ends_with("/accessToken")
    }
    match task {
        Task::Read(Pending::InAir(request, ..)) | Task::Write(Pending::InAir(request, ..)) => {
            is_token(request)
        }
        _ => false,
    }
}

/// A holder whose request is out for longer than the lease shows no sign of life.
fn silent(task: &Task, now: Timestamp) -> bool {
    match task {
        Task::Read(Pending::InAir(_, _, since, _))
        | Task::Write(Pending::InAir(_, _, since, _)) => {
            fetches(task) && now.since(*since) >= Duration::from_secs(20)
        }
        _ => false,
    }
}
