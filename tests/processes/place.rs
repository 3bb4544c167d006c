//! Where the store is: a directory of the run's own, and in it a file or a Redis.

use std::fs;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use dingtalk_core::{Store, StoreOp, StoreReply};
use dingtalk_store_redis::RedisStore;
use dingtalk_store_sqlite::SqliteStore;

use crate::Outcome;

/// The beginning of time, in Unix milliseconds.
pub(crate) const START: u64 = 1_700_000_000_000;
/// So long a question may take: Redis is killed and started meanwhile, on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Place {
    dir: PathBuf,
    redis: Option<Child>,
}

impl Place {
    /// A new and empty one.
    pub(crate) fn new(store: &str) -> Outcome<Self> {
        // In memory where there is such a place: a disk that others keep busy is not the question here.
        let memory = PathBuf::from("/dev/shm");
        let parent = if memory.is_dir() { memory } else { std::env::temp_dir() };
        let dir = parent.join(format!("dt-processes-{store}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir)?;
        let mut place = Self { dir, redis: None };
        match store {
            "sqlite" => {}
            "redis" => place.start()?,
            _ => return Err("there are the stores sqlite and redis".into()),
        }
        Ok(place)
    }

    /// What [`open`] takes.
    pub(crate) fn address(&self) -> String {
        match self.redis {
            Some(_) => format!("unix://{}", self.socket().display()),
            None => self.dir.join("tokens.sqlite").display().to_string(),
        }
    }

    /// Starts Redis, which keeps everything that it said it had.
    pub(crate) fn start(&mut self) -> Outcome {
        let mut child = Command::new("redis-server")
            .args(["--port", "0", "--save", "", "--appendonly", "yes", "--appendfsync", "always"])
            .args(["--unixsocketperm", "700", "--unixsocket"])
            .arg(self.socket())
            .arg("--dir")
            .arg(&self.dir)
            .stdout(Stdio::null())
            .spawn()
            .map_err(|error| format!("redis-server: {error}"))?;
        let end = Instant::now() + PATIENCE;
        while UnixStream::connect(self.socket()).is_err() {
            if child.try_wait()?.is_some() || Instant::now() > end {
                let _ = child.kill();
                return Err("redis-server does not start".into());
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        self.redis = Some(child);
        Ok(())
    }

    /// `kill -9` of Redis.
    pub(crate) fn kill(&mut self) -> Outcome {
        if let Some(redis) = &mut self.redis {
            redis.kill()?;
            redis.wait()?;
            let _ = fs::remove_file(self.socket());
        }
        Ok(())
    }

    /// Redis answers nobody for a while.
    pub(crate) fn pause(&self, pause: Duration) -> Outcome {
        let pause = pause.as_millis().to_string();
        let said = Command::new("redis-cli")
            .arg("-s")
            .arg(self.socket())
            .args(["CLIENT", "PAUSE", &pause, "ALL"])
            .stdout(Stdio::null())
            .status()?;
        if said.success() { Ok(()) } else { Err("redis-cli failed".into()) }
    }

    fn socket(&self) -> PathBuf {
        self.dir.join("s")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = self.kill();
        let _ = fs::remove_dir_all(&self.dir);
    }
}

/// A store of either kind.
pub(crate) enum Opened {
    Sqlite(SqliteStore),
    Redis(RedisStore),
}

/// Opens the store at this address; its time is the run's.
pub(crate) fn open(address: &str, clock: &Arc<AtomicU64>) -> Outcome<Opened> {
    let clock = Arc::clone(clock);
    if address.starts_with("unix:") {
        let builder = RedisStore::builder(address).limit(PATIENCE);
        // Redis has a clock of its own, and what the run's is ahead of its beginning comes on top.
        let offset = move || clock.load(Ordering::SeqCst).saturating_sub(START);
        return Ok(Opened::Redis(builder.clock_offset(offset).build()?));
    }
    let store = SqliteStore::open_with_clock(address, move || clock.load(Ordering::SeqCst))?;
    Ok(Opened::Sqlite(store))
}

impl Opened {
    pub(crate) fn ask(&self, question: StoreOp) -> StoreReply {
        match self {
            Self::Sqlite(store) => store.ask(question),
            Self::Redis(store) => store.ask(question),
        }
    }
}
