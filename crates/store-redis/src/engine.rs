//! A few threads that hold a connection each and carry questions to the server. Whoever asks waits
//! for its answer at most its time, whatever the thread is stuck in: a name that does not resolve, a
//! handshake, a server that is paused.

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use dingtalk_core::store::{StoreOp, StoreReply};

use crate::link::{Link, Target};
use crate::script::{Asked, Scripts};
use crate::trouble::Trouble;

pub(crate) struct Engine {
    shared: Arc<Shared>,
}

struct Shared {
    settings: Settings,
    scripts: Scripts,
    queue: Mutex<Queue>,
    /// Something was put into the queue, or it was closed.
    work: Condvar,
    pace: Mutex<Pace>,
    random: RandomState,
}

pub(crate) struct Settings {
    pub(crate) target: Target,
    pub(crate) prefix: String,
    pub(crate) limit: Duration,
    /// What tests add to the server's time, in milliseconds.
    pub(crate) offset: Box<dyn Fn() -> u64 + Send + Sync>,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    workers: usize,
    idle: usize,
    /// Counts the writes, so that none looks like another.
    asked: u64,
    closed: bool,
}

struct Job {
    asked: Asked,
    until: Instant,
    tell: Box<dyn FnOnce(StoreReply) + Send>,
}

/// When the server may be tried again.
#[derive(Default)]
struct Pace {
    failures: u32,
    next: Option<Instant>,
    why: String,
}

/// Questions are rare and short: so many at once are plenty.
const WORKERS: usize = 4;
/// A connection that nobody used for so long is closed.
const IDLE: Duration = Duration::from_secs(60);
/// More questions than this are waiting only where nobody answers any.
const MOST: usize = 10_000;
/// The first pause after a failure; it doubles, up to the last.
const FIRST: Duration = Duration::from_millis(40);
const LAST: Duration = Duration::from_secs(4);

impl Engine {
    pub(crate) fn new(settings: Settings) -> Self {
        let shared = Shared {
            settings,
            scripts: Scripts::new(),
            queue: Mutex::default(),
            work: Condvar::new(),
            pace: Mutex::default(),
            random: RandomState::new(),
        };
        Self { shared: Arc::new(shared) }
    }

    pub(crate) fn limit(&self) -> Duration {
        self.shared.settings.limit
    }

    /// Puts a question into the queue; `tell` gets the answer, or is dropped.
    pub(crate) fn put(&self, question: StoreOp, tell: impl FnOnce(StoreReply) + Send + 'static) {
        let shared = &self.shared;
        let settings = &shared.settings;
        // The last tenth is for the way back, so that what went wrong is told and not just that.
        let until = Instant::now() + settings.limit / 10 * 9;
        let mut queue = lock(&shared.queue);
        queue.asked += 1;
        let write = shared.random.hash_one(queue.asked);
        let offset = (settings.offset)();
        let Some(asked) = Asked::new(question, &settings.prefix, offset, write) else {
            drop(queue);
            return tell(failed("this store does not know that question"));
        };
        if queue.jobs.len() >= MOST {
            drop(queue);
            return tell(failed("too many questions wait for Redis"));
        }
        queue.jobs.push_back(Job { asked, until, tell: Box::new(tell) });
        if queue.idle < queue.jobs.len() && queue.workers < WORKERS {
            queue.workers += 1;
            drop(queue);
            let mut worker = Worker { shared: Arc::clone(shared), counted: true };
            // If there is no thread to be had, the worker is dropped with the closure.
            let thread = thread::Builder::new().name("dingtalk-redis".into());
            let _ = thread.spawn(move || worker.work());
        } else {
            drop(queue);
            shared.work.notify_one();
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        lock(&self.shared.queue).closed = true;
        self.shared.work.notify_all();
    }
}

struct Worker {
    shared: Arc<Shared>,
    /// It is among the workers of the queue.
    counted: bool,
}

impl Worker {
    fn work(&mut self) {
        let mut link = None;
        while let Some(job) = self.next() {
            let reply = self.shared.answer(&mut link, &job.asked, job.until);
            (job.tell)(reply);
        }
    }

    fn next(&mut self) -> Option<Job> {
        let shared = &self.shared;
        let mut queue = lock(&shared.queue);
        loop {
            while let Some(job) = queue.jobs.pop_front() {
                if job.until > Instant::now() {
                    return Some(job);
                }
            }
            if queue.closed {
                return None;
            }
            queue.idle += 1;
            let (back, waited) =
                shared.work.wait_timeout(queue, IDLE).unwrap_or_else(PoisonError::into_inner);
            queue = back;
            queue.idle -= 1;
            if waited.timed_out() && queue.jobs.is_empty() {
                // In the same step, so that nobody counts on it any more.
                queue.workers -= 1;
                self.counted = false;
                return None;
            }
        }
    }
}

/// Also where it ends by a panic or never began.
impl Drop for Worker {
    fn drop(&mut self) {
        if self.counted {
            let mut queue = lock(&self.shared.queue);
            queue.workers -= 1;
            if queue.workers == 0 {
                // Nobody is there to answer these; dropping them says so.
                queue.jobs.clear();
            }
        }
    }
}

impl Shared {
    /// Asks until there is an answer, the trouble is of a kind that does not pass, or the time is
    /// over. Writes are known by their number, so that asking again changes nothing.
    fn answer(&self, link: &mut Option<Link>, asked: &Asked, until: Instant) -> StoreReply {
        loop {
            let left = match self.wait(until) {
                Ok(left) => left,
                Err(why) => return failed(why),
            };
            let reused = link.is_some();
            let reply = match self.settings.target.link(link, left) {
                Ok(open) => open.ask(&asked.with(&self.scripts), until),
                Err(error) => Err(error),
            };
            match reply {
                Ok(fields) => {
                    *lock(&self.pace) = Pace::default();
                    return asked.reply(fields).unwrap_or_else(failed);
                }
                Err(error) => {
                    let trouble = Trouble::of(&error);
                    if trouble.hang_up {
                        *link = None;
                    }
                    // A connection that had ended unnoticed says nothing about the server.
                    if !(reused && trouble.hang_up && trouble.passes) {
                        self.failed(&trouble);
                    }
                    if !trouble.passes {
                        return failed(trouble.why);
                    }
                }
            }
        }
    }

    /// Waits until the server may be tried, and says how much time is left then.
    fn wait(&self, until: Instant) -> Result<Duration, String> {
        loop {
            let now = Instant::now();
            let (next, why) = {
                let pace = lock(&self.pace);
                (pace.next.unwrap_or(now), pace.why.clone())
            };
            match until.checked_duration_since(now) {
                None | Some(Duration::ZERO) => {
                    return Err(if why.is_empty() { LATE.to_owned() } else { why });
                }
                Some(left) if next <= now => return Ok(left),
                Some(_) if next >= until => return Err(why),
                Some(_) => thread::sleep(next - now),
            }
        }
    }

    fn failed(&self, trouble: &Trouble) {
        let mut pace = lock(&self.pace);
        if !trouble.passes && !trouble.hang_up {
            // The server is there, and has said no.
            *pace = Pace::default();
            return;
        }
        pace.failures = pace.failures.saturating_add(1);
        let whole = FIRST.saturating_mul(1 << pace.failures.saturating_sub(1).min(10)).min(LAST);
        // Between half and all of it, so that many programs do not come in step.
        let jitter = self.random.hash_one((pace.failures, Instant::now())) % 512;
        let pause = whole / 2 + whole / 1024 * u32::try_from(jitter).unwrap_or(0);
        pace.next = Some(Instant::now() + pause);
        pace.why.clone_from(&trouble.why);
    }
}

pub(crate) const LATE: &str = "Redis did not answer in time";

pub(crate) fn failed(why: impl Into<String>) -> StoreReply {
    StoreReply::Failed { why: why.into() }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
