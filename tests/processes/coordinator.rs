//! Starts the processes, counts the time up, does the harm, and sees to it that what must hold does.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use dingtalk_core::auth::{OpenAuthResult, Subject};
use dingtalk_core::{StoreKey, StoreKind, StoreOp, StoreReply};
use dingtalk_sandbox::{Consent, Demo, Sandbox};

use crate::faults::Fault;
use crate::place::{Opened, Place, START, open};
use crate::worker::{Done, Event, JOB, Job, Order, PERSON, policy};
use crate::{Outcome, PROCESSES, TASKS};

/// Whose token it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    /// The app's, which asking again renews.
    App,
    /// A person's, by a refresh token that is taken once.
    Person,
}

/// What came of one round.
#[derive(Default)]
pub(crate) struct Round {
    pub(crate) calls: usize,
    pub(crate) requests: usize,
    /// The person was told to log in again, and did.
    pub(crate) in_doubt: bool,
}

pub(crate) struct Coordinator {
    place: Place,
    sandbox: Sandbox,
    demo: Demo,
    clock: Arc<AtomicU64>,
    store: Opened,
    workers: Vec<Worker>,
    events: mpsc::Receiver<(usize, usize, Event)>,
    tell: mpsc::Sender<(usize, usize, Event)>,
    /// How many processes were started so far.
    started: usize,
    random: u64,
    /// The record that was last seen, of each kind.
    seen: [Seen; 2],
}

struct Worker {
    child: Child,
    orders: ChildStdin,
    /// Tells what it says from what its predecessor said.
    number: usize,
    done: Option<Done>,
    dead: bool,
}

#[derive(Clone, Copy, Default)]
struct Seen {
    version: u64,
    ends: u64,
}

/// A token's life, and a little more; and to where it should be replaced.
const LIFE: Duration = Duration::from_secs(7_201);
const RENEWAL: Duration = Duration::from_secs(6_700);
/// Longest wait for anything real, on a machine that is busy.
const LIMIT: Duration = Duration::from_secs(120);
/// How much earlier a record may seem to end because Redis reads a clock that goes on.
const DRIFT: u64 = 5_000;

impl Coordinator {
    pub(crate) fn start(place: Place, seed: u64) -> Outcome<Self> {
        let sandbox = Sandbox::builder().frozen_at(START).start()?;
        let demo = sandbox.demo();
        let clock = Arc::new(AtomicU64::new(START));
        let store = open(&place.address(), &clock)?;
        let (tell, events) = mpsc::channel();
        let mut all = Self {
            place,
            sandbox,
            demo,
            clock,
            store,
            workers: Vec::new(),
            events,
            tell,
            started: 0,
            random: seed,
            seen: Default::default(),
        };
        for at in 0..PROCESSES {
            let worker = all.spawn(at)?;
            all.workers.push(worker);
        }
        all.log_in()?;
        Ok(all)
    }

    /// A token ends, everybody wants one, and something may go wrong meanwhile.
    pub(crate) fn round(
        &mut self,
        whose: Whose,
        number: usize,
        fault: Option<Fault>,
    ) -> Outcome<Round> {
        let before = self.requests(whose);
        // While the old token serves, nobody waits for the new one; with a fault somebody has to.
        let early = whose == Whose::App && fault.is_none() && number % 3 == 2;
        self.advance(if early { RENEWAL } else { LIFE });
        let hold = fault.and_then(Fault::moment);
        self.say_all(&Order::Hold(hold.map(|moment| moment.name().into())));
        if fault == Some(Fault::Pause) {
            self.place.pause(Duration::from_millis(400))?;
        }
        self.begin(whose);
        if let Some(fault) = fault {
            self.harm(whose, fault)?;
        }
        self.wait_for_all()?;
        let mut round = self.judge(whose, fault)?;
        round.requests = self.requests(whose) - before;
        let most = match (whose, fault) {
            // A refresh token is never presented twice.
            (Whose::Person, _) | (_, None) => 1,
            (Whose::App, Some(_)) => 2,
        };
        if round.requests > most {
            return Err(format!("{} token requests, at most {most}", round.requests).into());
        }
        self.replace_the_dead()?;
        if round.in_doubt {
            self.log_in()?;
        }
        self.no_older_record(whose)?;
        Ok(round)
    }

    fn harm(&mut self, whose: Whose, fault: Fault) -> Outcome {
        let leader = match fault.moment() {
            Some(_) => Some(self.wait_for_one_at_its_moment()?),
            None => None,
        };
        for at in 0..self.workers.len() {
            if Some(at) != leader {
                self.say(at, &Order::Hold(None));
            }
        }
        let lease = policy().limits.total + Duration::from_secs(6);
        // So long after an intent nobody waits for its writer any more.
        let given_up = lease * 3;
        let long_enough = if whose == Whose::App { lease } else { given_up };
        match (fault, leader) {
            (Fault::Kill(_), Some(leader)) => {
                self.kill(leader)?;
                self.advance(long_enough);
            }
            (Fault::Stop(_), Some(leader)) => {
                self.stop(leader)?;
                self.advance(lease);
                match whose {
                    // Somebody else fetches another.
                    Whose::App => self.wait_for_all_but(leader)?,
                    // The others look, and leave it alone.
                    Whose::Person => std::thread::sleep(Duration::from_millis(300)),
                }
                self.signal(leader, "CONT")?;
                self.say(leader, &Order::Go);
            }
            (Fault::StopForLong(_), Some(leader)) => {
                self.stop(leader)?;
                self.advance(given_up);
                self.wait_for_all_but(leader)?;
                self.signal(leader, "CONT")?;
                self.say(leader, &Order::Go);
            }
            (Fault::KillAnother, Some(leader)) => {
                let another = (leader + 1 + self.draw(PROCESSES - 1)) % PROCESSES;
                self.kill(another)?;
                self.say(leader, &Order::Go);
            }
            (Fault::Restart(_), Some(leader)) => {
                self.place.kill()?;
                self.say(leader, &Order::Go);
                self.place.start()?;
            }
            (Fault::KillAnytime, _) => {
                std::thread::sleep(Duration::from_micros(self.draw(40_000) as u64));
                let victim = self.draw(PROCESSES);
                self.kill(victim)?;
                // If it had the lock, somebody has to wait that out.
                if !self.listen(Instant::now() + Duration::from_secs(3), Self::all_done)? {
                    self.advance(long_enough);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// What everybody was told must fit what happened.
    fn judge(&mut self, whose: Whose, fault: Option<Fault>) -> Outcome<Round> {
        let mut round = Round::default();
        let mut tokens = std::collections::BTreeSet::new();
        let doubt =
            matches!(fault, Some(Fault::Kill(_) | Fault::KillAnytime | Fault::StopForLong(_)))
                && whose == Whose::Person;
        let (mut doubted, mut fine) = (0, 0);
        for (at, worker) in self.workers.iter_mut().enumerate() {
            let Some(done) = worker.done.take() else { continue };
            round.calls += TASKS;
            doubted += done.in_doubt;
            fine += done.fine;
            if !done.errors.is_empty() || (done.in_doubt > 0 && !doubt) {
                return Err(format!("process {at}: {done:?}").into());
            }
            tokens.extend(done.tokens);
        }
        if fine + doubted != round.calls {
            return Err("calls were lost".into());
        }
        let early = whose == Whose::App && fault.is_none();
        if tokens.len() > 1 && !early {
            return Err(format!("{} tokens were handed out", tokens.len()).into());
        }
        if matches!(fault, Some(Fault::Kill(_))) && whose == Whose::Person && fine > 0 {
            return Err("a session in doubt was used".into());
        }
        if doubted > 0 && matches!(fault, Some(Fault::StopForLong(_))) {
            // Who was given up has come back with the new tokens: nobody has to log in.
            self.begin(whose);
            self.wait_for_all()?;
            for worker in &mut self.workers {
                let done = worker.done.take().unwrap_or_default();
                if done.fine != TASKS {
                    return Err(format!("the refresh token was lost: {done:?}").into());
                }
            }
            return Ok(round);
        }
        round.in_doubt = doubted > 0;
        Ok(round)
    }

    /// A person logs in at one process, and all have the session.
    fn log_in(&mut self) -> Outcome {
        let demo = &self.demo;
        let consent = Consent::delegated(&*demo.client_id, &*demo.corp_id, &*demo.user_id)
            .rpc_scope("Contact.User.Read");
        let outcome = self.sandbox.consent(&consent).map_err(|error| format!("{error:?}"))?;
        let code = match OpenAuthResult::parse(Subject::Delegated, &outcome.to_json())? {
            OpenAuthResult::Granted(code) => code.secret().expose().to_owned(),
            other => return Err(format!("the person did not consent: {other:?}").into()),
        };
        let at = self.draw(PROCESSES);
        self.workers.iter_mut().for_each(|worker| worker.done = Some(Done::default()));
        self.workers[at].done = None;
        self.say(at, &Order::Login(code));
        self.wait_for_all()?;
        let done = self.workers[at].done.take().unwrap_or_default();
        if done.fine != 1 {
            return Err(format!("the login failed: {done:?}").into());
        }
        Ok(())
    }

    fn begin(&mut self, whose: Whose) {
        let order = match whose {
            Whose::App => Order::App,
            Whose::Person => Order::Person,
        };
        for worker in &mut self.workers {
            worker.done = None;
        }
        self.say_all(&order);
    }

    fn requests(&self, whose: Whose) -> usize {
        self.sandbox.count(match whose {
            Whose::App => "POST /v1.0/oauth2/accessToken",
            Whose::Person => "POST /v1.0/oauth2/userAccessToken",
        })
    }

    /// It is later for everybody.
    fn advance(&mut self, by: Duration) {
        self.sandbox.clock().advance(by);
        let now = self.sandbox.clock().now();
        self.clock.store(now, Ordering::SeqCst);
        self.say_all(&Order::Clock(now));
    }

    /// The record that is stored now is no older than the one before.
    fn no_older_record(&mut self, whose: Whose) -> Outcome {
        let origin = self.sandbox.origin();
        let host = origin.split_once("://").map_or("", |(_, host)| host);
        let kind = if whose == Whose::App { StoreKind::App } else { StoreKind::User };
        let mut key = StoreKey::new(kind, host, &*self.demo.client_id);
        if whose == Whose::Person {
            key = key.of_person(PERSON);
        }
        let record = match self.store.ask(StoreOp::Load { key }) {
            StoreReply::Record { record: Some(record) } => record,
            other => return Err(format!("nothing is stored: {other:?}").into()),
        };
        let ends = self.clock.load(Ordering::SeqCst) + record.expires_in_ms;
        let seen = &mut self.seen[usize::from(whose == Whose::Person)];
        if record.version < seen.version || ends + DRIFT < seen.ends || record.expires_in_ms == 0 {
            return Err(
                format!("an older record: {} after {}", record.version, seen.version).into()
            );
        }
        *seen = Seen { version: record.version, ends };
        Ok(())
    }

    fn spawn(&mut self, at: usize) -> Outcome<Worker> {
        self.started += 1;
        let number = self.started;
        let job = Job {
            asynchronous: at % 2 == 1,
            store: self.place.address(),
            origin: self.sandbox.origin(),
            client_id: self.demo.client_id.clone(),
            client_secret: self.demo.client_secret.clone(),
            user_id: self.demo.user_id.clone(),
            clock: self.clock.load(Ordering::SeqCst),
        };
        let mut child = Command::new(std::env::current_exe()?)
            .arg("worker")
            .env(JOB, serde_json::to_string(&job)?)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let orders = child.stdin.take().ok_or("no standard input")?;
        let lines = BufReader::new(child.stdout.take().ok_or("no standard output")?).lines();
        let tell = self.tell.clone();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if let Ok(event) = serde_json::from_str(&line) {
                    let _ = tell.send((at, number, event));
                }
            }
        });
        Ok(Worker { child, orders, number, done: None, dead: false })
    }

    fn kill(&mut self, at: usize) -> Outcome {
        let worker = &mut self.workers[at];
        worker.child.kill()?;
        worker.child.wait()?;
        worker.dead = true;
        Ok(())
    }

    fn replace_the_dead(&mut self) -> Outcome {
        for at in 0..self.workers.len() {
            if self.workers[at].dead {
                self.workers[at] = self.spawn(at)?;
            }
        }
        Ok(())
    }

    /// Stops a process, each thread of it: one that still ran would hear of the new time.
    fn stop(&self, at: usize) -> Outcome {
        self.signal(at, "STOP")?;
        let threads = format!("/proc/{}/task", self.workers[at].child.id());
        let stopped = |thread: std::io::Result<std::fs::DirEntry>| -> Outcome<bool> {
            let stat = std::fs::read_to_string(thread?.path().join("stat"))?;
            Ok(stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('T')))
        };
        let end = Instant::now() + LIMIT;
        while Instant::now() < end {
            // A thread may end while we look.
            if std::fs::read_dir(&threads)?.all(|thread| stopped(thread).unwrap_or(false)) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Err("a process does not stop".into())
    }

    fn signal(&self, at: usize, signal: &str) -> Outcome {
        let command = format!("kill -{signal} {}", self.workers[at].child.id());
        match Command::new("sh").arg("-c").arg(command).status()?.success() {
            true => Ok(()),
            false => Err("a process cannot be signalled".into()),
        }
    }

    fn say(&mut self, at: usize, order: &Order) {
        let line = serde_json::to_string(order).unwrap_or_default();
        // One that is dead hears nothing.
        let _ = self.workers[at].orders.write_all(format!("{line}\n").as_bytes());
    }

    fn say_all(&mut self, order: &Order) {
        for at in 0..self.workers.len() {
            self.say(at, order);
        }
    }

    fn wait_for_one_at_its_moment(&mut self) -> Outcome<usize> {
        let end = Instant::now() + LIMIT;
        loop {
            if let (at, Event::At) = self.next(end)?.ok_or("nobody fetches a token")? {
                return Ok(at);
            }
        }
    }

    fn wait_for_all(&mut self) -> Outcome {
        match self.listen(Instant::now() + LIMIT, Self::all_done)? {
            true => Ok(()),
            false => Err("processes did not come to an end".into()),
        }
    }

    fn wait_for_all_but(&mut self, one: usize) -> Outcome {
        let others = |all: &Self| {
            let done = |(at, worker): (usize, &Worker)| at == one || worker.done.is_some();
            all.workers.iter().enumerate().all(done)
        };
        match self.listen(Instant::now() + LIMIT, others)? {
            true => Ok(()),
            false => Err("the others did not come to an end".into()),
        }
    }

    fn all_done(&self) -> bool {
        self.workers.iter().all(|worker| worker.dead || worker.done.is_some())
    }

    /// Listens until this holds; false if it does not until then.
    fn listen(&mut self, end: Instant, enough: impl Fn(&Self) -> bool) -> Outcome<bool> {
        while !enough(self) {
            if self.next(end)?.is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// What the next process says.
    fn next(&mut self, end: Instant) -> Outcome<Option<(usize, Event)>> {
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let Ok((at, number, event)) = self.events.recv_timeout(left) else { return Ok(None) };
            let worker = &mut self.workers[at];
            if worker.number != number || worker.dead {
                continue;
            }
            if let Event::Done(done) = &event {
                worker.done = Some(done.clone());
            }
            return Ok(Some((at, event)));
        }
    }

    /// A number below this one, from the run's seed.
    fn draw(&mut self, below: usize) -> usize {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((mixed ^ (mixed >> 31)) % below as u64).unwrap_or(0)
    }
}

impl Drop for Coordinator {
    fn drop(&mut self) {
        for worker in &mut self.workers {
            let _ = worker.child.kill();
            let _ = worker.child.wait();
        }
    }
}
