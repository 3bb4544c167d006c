//! A seeded simulation of processes that share a store: each with its own clock, credentials and
//! calls, crashed, paused and cut off at random. The platform takes each refresh token once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use dingtalk_core::store::Memory;
use dingtalk_core::{
    App, Asked, Call, Endpoint, Error, ErrorKind, Flight, Reply, Request, Sent, Step, Store,
    StoreOp, StoreReply, Timestamp, TransportError, User,
};

use crate::support::{Expect, Me, Read, START, carried, json, read_ok, write_ok};

const PROCESSES: usize = 4;
const CALLS: usize = 3;
/// Seconds that the platform's tokens live.
const LIFE: u64 = 120;
/// Longer than a lease and the time in which a holder may still come back.
const LONG_PAUSE: u64 = 90_000;

#[test]
fn invariant_13_processes_with_skewed_clocks_make_one_request_per_expiry_and_credential() {
    let mut totals = Totals::default();
    for seed in 0..100 {
        let mut world = World::new(seed, Weather::FAIR);
        world.run(12_000);
        world.clear_up();
        let elapsed = (world.time() - START) / 1_000;
        let most = elapsed / (LIFE * 3 / 4) + 1;
        let platform = &world.platform;
        assert!(platform.app_requests <= most, "seed {seed}: {} > {most}", platform.app_requests);
        assert!(platform.refreshes <= most, "seed {seed}: {} > {most}", platform.refreshes);
        assert!(platform.presented.values().all(|times| *times == 1), "seed {seed}");
        totals.add(&world);
    }
    assert!(totals.refreshes >= 400 && totals.app_requests >= 400, "{totals:?}");
    assert_eq!((totals.failed, totals.logins), (0, 0), "{totals:?}");
}

#[test]
fn invariant_13_a_paused_process_costs_an_exchange_at_most_and_never_a_refresh_token() {
    let mut totals = Totals::default();
    for seed in 0..100 {
        let mut world = World::new(seed, Weather { pauses: 400, ..Weather::FAIR });
        world.run(12_000);
        world.clear_up();
        assert!(world.platform.presented.values().all(|times| *times == 1), "seed {seed}");
        world.all_come_home(|error| panic!("seed {seed}: {error:?}"));
        totals.add(&world);
    }
    assert!(totals.pauses > 300 && totals.refreshes > 300, "{totals:?}");
}

#[test]
fn invariant_13_in_any_weather_no_refresh_token_is_presented_twice_or_lost_unseen() {
    let mut totals = Totals::default();
    for seed in 0..300 {
        let mut world = World::new(seed, Weather::STORM);
        world.run(6_000);
        world.clear_up();
        for (token, times) in &world.platform.presented {
            let excused = world.excuses.get(token).copied().unwrap_or(0);
            assert!(*times <= 1 + excused, "seed {seed}: {token} {times} times, {excused} excused");
        }
        let lost = world.losses > 0;
        world.all_come_home(|error| match error.kind() {
            // Every refusal has its cause, and says that it is in doubt.
            ErrorKind::LoginAgain { in_doubt: true } if lost => {}
            _ => panic!("seed {seed}: {error:?}"),
        });
        totals.add(&world);
    }
    assert!(totals.crashes > 500 && totals.store_failures > 500, "{totals:?}");
    assert!(totals.logins > 300 && totals.refreshes > 1_000, "{totals:?}");
}

/// One in so many turns; 0 is never.
#[derive(Clone, Copy)]
struct Weather {
    /// Milliseconds that a turn of one task takes at most.
    tick: u64,
    pauses: u64,
    crashes: u64,
    cancels: u64,
    lost_answers: u64,
    not_sent: u64,
    store_failures: u64,
}

impl Weather {
    const FAIR: Self = Self {
        tick: 60,
        pauses: 0,
        crashes: 0,
        cancels: 0,
        lost_answers: 0,
        not_sent: 0,
        store_failures: 0,
    };
    const STORM: Self = Self {
        tick: 100,
        pauses: 300,
        crashes: 300,
        cancels: 200,
        lost_answers: 12,
        not_sent: 8,
        store_failures: 60,
    };
}

#[derive(Debug, Default)]
struct Totals {
    app_requests: u64,
    refreshes: u64,
    failed: u64,
    logins: u64,
    pauses: u64,
    crashes: u64,
    store_failures: u64,
}

impl Totals {
    fn add(&mut self, world: &World) {
        self.app_requests += world.platform.app_requests;
        self.refreshes += world.platform.refreshes;
        self.failed += world.totals.failed;
        self.logins += world.totals.logins;
        self.pauses += world.totals.pauses;
        self.crashes += world.totals.crashes;
        self.store_failures += world.totals.store_failures;
    }
}

/// Gives out refresh tokens `r1`, `r2`, … and takes each once.
struct Platform {
    serial: u64,
    live: BTreeSet<String>,
    app_requests: u64,
    refreshes: u64,
    presented: BTreeMap<String, u64>,
}

struct Process {
    app: App,
    user: User,
    skew: u64,
    asleep_until: u64,
    tasks: Vec<Option<Task>>,
}

enum Task {
    App(Pending<Read>),
    User(Pending<Me>),
}

enum Pending<E: Endpoint> {
    Ready(Call<E>),
    /// Until then, by the process's own clock.
    Sleeping(Timestamp, Call<E>),
    Waiting(Flight, Timestamp, Call<E>),
    InAir(Box<Request>, Sent<E>),
    AtStore(Box<StoreOp>, Asked<E>),
}

struct World {
    random: u64,
    clock: Arc<AtomicU64>,
    store: Memory,
    platform: Platform,
    processes: Vec<Process>,
    weather: Weather,
    totals: Totals,
    /// Presentations whose presenter knows that the answer is lost, by refresh token.
    excuses: BTreeMap<String, u64>,
    /// Events after which a session may be in doubt.
    losses: u64,
}

impl World {
    fn new(seed: u64, weather: Weather) -> Self {
        let clock = Arc::new(AtomicU64::new(START));
        let store = Memory::new({
            let clock = Arc::clone(&clock);
            move || clock.load(Ordering::Relaxed)
        });
        let mut world = Self {
            random: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1,
            clock,
            store,
            platform: Platform {
                serial: 1,
                live: ["r1".to_owned()].into(),
                app_requests: 0,
                refreshes: 0,
                presented: BTreeMap::new(),
            },
            processes: Vec::new(),
            weather,
            totals: Totals::default(),
            excuses: BTreeMap::new(),
            losses: 0,
        };
        for _ in 0..PROCESSES {
            let process = world.process();
            world.processes.push(process);
        }
        world
    }

    /// A process as it starts: what it was given, the first refresh token, is older than what
    /// others may have stored.
    fn process(&mut self) -> Process {
        let app = App::internal("dingtest", "secret");
        let user = app.user_from_refresh_token("r1");
        user.keep_as("somebody");
        let skew = self.below(3_600_000);
        let tasks = (0..CALLS).map(|_| None).collect();
        Process { app, user, skew, asleep_until: 0, tasks }
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 11) % bound
    }

    fn strikes(&mut self, one_in: u64) -> bool {
        one_in > 0 && self.below(one_in) == 0
    }

    fn time(&self) -> u64 {
        self.clock.load(Ordering::Relaxed)
    }

    fn now(&self, process: usize) -> Timestamp {
        Timestamp::from_millis(self.time() + self.processes[process].skew)
    }

    fn run(&mut self, turns: u64) {
        for _ in 0..turns {
            let wait = self.below(self.weather.tick);
            self.clock.fetch_add(wait, Ordering::Relaxed);
            let process = usize::try_from(self.below(PROCESSES as u64)).unwrap();
            if self.strikes(self.weather.crashes * PROCESSES as u64) {
                self.crash(process);
            }
            if self.strikes(self.weather.pauses * PROCESSES as u64) {
                self.totals.pauses += 1;
                self.processes[process].asleep_until = self.time() + LONG_PAUSE;
            }
            if self.processes[process].asleep_until <= self.time() {
                let task = usize::try_from(self.below(CALLS as u64)).unwrap();
                self.turn(process, task);
            }
        }
    }

    /// The weather clears and everybody finishes what is under way.
    fn clear_up(&mut self) {
        self.weather = Weather::FAIR;
        self.clock.fetch_add(LONG_PAUSE, Ordering::Relaxed);
        for _ in 0..2_000 {
            self.clock.fetch_add(100, Ordering::Relaxed);
            for process in 0..PROCESSES {
                for task in 0..CALLS {
                    if self.processes[process].tasks[task].is_some() {
                        self.turn(process, task);
                    }
                }
            }
        }
        let busy = |process: &Process| process.tasks.iter().any(Option::is_some);
        assert!(!self.processes.iter().any(busy), "somebody is stuck");
    }

    /// After an expiry every process gets a token again, or `refused` has to agree.
    fn all_come_home(&mut self, refused: impl Fn(&Error)) {
        self.clock.fetch_add(LIFE * 1_000, Ordering::Relaxed);
        for process in 0..PROCESSES {
            let call = self.call(process, |process| Call::new(&Me {}, &process.user));
            let mut pending = Some(Pending::Ready(call));
            for _ in 0..2_000 {
                self.clock.fetch_add(100, Ordering::Relaxed);
                pending = match pending {
                    Some(pending) => self.advance(process, pending, &mut |result| {
                        if let Err(error) = result {
                            refused(error);
                        }
                    }),
                    None => break,
                };
            }
            assert!(pending.is_none(), "process {process} is stuck");
        }
    }

    fn crash(&mut self, process: usize) {
        self.totals.crashes += 1;
        let tasks = std::mem::take(&mut self.processes[process].tasks);
        for task in tasks.into_iter().flatten() {
            match task {
                Task::User(Pending::InAir(request, _)) => self.orphan(&request),
                Task::User(Pending::AtStore(question, _)) => {
                    self.losses += 1;
                    if self.below(2) == 0 {
                        let _ = self.store.ask(*question);
                    }
                }
                _ => {}
            }
        }
        self.losses += 1;
        self.processes[process] = self.process();
    }

    /// A request whose answer nobody will read: it may arrive all the same.
    fn orphan(&mut self, request: &Request) {
        self.losses += 1;
        if self.below(2) == 0 {
            let _ = self.execute(request);
        }
    }

    fn call<E: Endpoint>(&mut self, process: usize, make: impl Fn(&Process) -> Call<E>) -> Call<E> {
        let entropy = self.below(u64::MAX);
        make(&self.processes[process]).shared(true).entropy(entropy)
    }

    fn turn(&mut self, process: usize, index: usize) {
        let task = match self.processes[process].tasks[index].take() {
            Some(task) => task,
            None if index == 0 => {
                let call = self.call(process, |process| Call::new(&Read {}, &process.app));
                Task::App(Pending::Ready(call))
            }
            None => {
                let call = self.call(process, |process| Call::new(&Me {}, &process.user));
                Task::User(Pending::Ready(call))
            }
        };
        if self.strikes(self.weather.cancels) {
            self.cancel(&task);
            return;
        }
        let mut outcome = None;
        let mut note = |result: Result<(), &Error>| outcome = Some(result.map_err(Error::clone));
        let task = match task {
            Task::App(pending) => self.advance(process, pending, &mut note).map(Task::App),
            Task::User(pending) => self.advance(process, pending, &mut note).map(Task::User),
        };
        if let Some(Err(error)) = outcome {
            self.totals.failed += 1;
            match error.kind() {
                ErrorKind::LoginAgain { in_doubt } => {
                    assert!(in_doubt, "the platform never ended a session by itself");
                    self.totals.logins += 1;
                    self.log_in(process);
                }
                // The code's fate is not known: the person tries again.
                ErrorKind::CodeDead => self.log_in(process),
                ErrorKind::Store
                | ErrorKind::Lost
                | ErrorKind::Unreachable
                | ErrorKind::TimedOut { .. } => {}
                kind => panic!("{kind:?}"),
            }
        }
        self.processes[process].tasks[index] = task;
    }

    /// Another session of the same person takes the place of the one in doubt.
    fn log_in(&mut self, process: usize) {
        let process = &mut self.processes[process];
        process.user = process.app.user_from_code("one-time code");
        process.user.keep_as("somebody");
    }

    /// The process lives on and knows that it gave up.
    fn cancel(&mut self, task: &Task) {
        if let Task::User(Pending::InAir(request, _)) = task {
            self.excuse(request);
            self.orphan(request);
        }
        if let Task::User(Pending::AtStore(question, _)) = task {
            self.losses += 1;
            if self.below(2) == 0 {
                let _ = self.store.ask((**question).clone());
            }
        }
    }

    fn advance<E: Endpoint>(
        &mut self,
        process: usize,
        pending: Pending<E>,
        note: &mut dyn FnMut(Result<(), &Error>),
    ) -> Option<Pending<E>> {
        let now = self.now(process);
        let step = match pending {
            Pending::Ready(call) => call.step(now),
            Pending::Sleeping(until, call) if !until.has_come(now) => {
                return Some(Pending::Sleeping(until, call));
            }
            Pending::Sleeping(_, call) => call.step(now),
            Pending::Waiting(flight, until, call) => {
                if !flight.is_done() && !until.has_come(now) {
                    return Some(Pending::Waiting(flight, until, call));
                }
                call.step(now)
            }
            Pending::InAir(request, sent) => {
                let reply = self.answer(&request);
                sent.reply(now, reply)
            }
            Pending::AtStore(question, asked) => {
                let reply = self.stored(*question);
                asked.reply(now, reply)
            }
        };
        match step {
            Step::Send(request, sent) => Some(Pending::InAir(Box::new(request), sent)),
            Step::Ask(question, asked) => Some(Pending::AtStore(Box::new(question), asked)),
            Step::Sleep(pause, call) => Some(Pending::Sleeping(now + pause, call)),
            Step::Join(flight, call) => {
                let until = now + flight.patience();
                Some(Pending::Waiting(flight, until, call))
            }
            Step::Done(result) => {
                note(result.as_ref().map(|_| ()));
                None
            }
        }
    }

    fn stored(&mut self, question: StoreOp) -> StoreReply {
        if !self.strikes(self.weather.store_failures) {
            return self.store.ask(question);
        }
        self.totals.store_failures += 1;
        self.losses += 1;
        if self.below(2) == 0 {
            // It was done, and its answer is lost.
            let _ = self.store.ask(question);
        }
        StoreReply::Failed { why: "gone".into() }
    }

    fn answer(&mut self, request: &Request) -> Reply {
        if self.strikes(self.weather.not_sent) {
            return Err(TransportError::not_sent("refused"));
        }
        if self.strikes(self.weather.lost_answers) {
            self.excuse(request);
            self.orphan(request);
            return Err(TransportError::lost("half-way"));
        }
        self.execute(request)
    }

    fn excuse(&mut self, request: &Request) {
        if let Some(refresh_token) = presented(request) {
            *self.excuses.entry(refresh_token).or_default() += 1;
        }
    }

    fn execute(&mut self, request: &Request) -> Reply {
        let path = request.url().path();
        if path.ends_with("/accessToken") {
            self.platform.app_requests += 1;
            let body = format!(r#"{{"accessToken":"app","expireIn":{LIFE}}}"#);
            return json(200, &body);
        }
        if let Some(refresh_token) = presented(request) {
            *self.platform.presented.entry(refresh_token.clone()).or_default() += 1;
            if !self.platform.live.remove(&refresh_token) {
                return json(400, r#"{"code":"invalidParameter.authCode.notFound","message":"x"}"#);
            }
            self.platform.refreshes += 1;
            return self.platform.grant();
        }
        if path.ends_with("/userAccessToken") {
            return self.platform.grant();
        }
        assert!(carried(request).is_some());
        if path.starts_with("/topapi") { read_ok() } else { write_ok() }
    }
}

impl Platform {
    fn grant(&mut self) -> Reply {
        self.serial += 1;
        let serial = self.serial;
        self.live.insert(format!("r{serial}"));
        let refresh = format!(r#""refreshToken":"r{serial}""#);
        json(200, &format!(r#"{{"accessToken":"u{serial}",{refresh},"expireIn":{LIFE}}}"#))
    }
}

fn presented(request: &Request) -> Option<String> {
    let body: serde_json::Value = serde_json::from_slice(request.body()).ok()?;
    Some(body.get("refreshToken")?.as_str()?.to_owned())
}

#[test]
fn the_simulation_bites_a_store_that_forgets_intents() {
    // The same world, but one process is told that nobody has presented anything.
    let mut world = World::new(7, Weather::FAIR);
    let user = &world.processes[0].user;
    let call = Call::new(&Me {}, user).shared(true).entropy(1);
    let mut step = call.step(world.now(0));
    for _ in 0..2 {
        let Step::Ask(question, asked) = step else { panic!() };
        let reply = world.store.ask(question);
        step = asked.reply(world.now(0), reply);
    }
    let Step::Ask(StoreOp::Write { .. }, asked) = step else { panic!() };
    let (request, _) = asked.reply(world.now(0), StoreReply::Written { version: 1 }).send();
    let _ = world.execute(&request);
    world.crash(0);
    world.all_come_home(|_| {});
    assert!(world.platform.presented["r1"] > 1, "without the intent it is presented again");
}
