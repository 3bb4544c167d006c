//! Redis servers of the tests' own, in a directory and under a socket that nobody else uses.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use std::{fs, thread};

/// A server, ended and cleaned up at its end.
pub(crate) struct Server {
    pub(crate) dir: PathBuf,
    args: Vec<String>,
    child: Option<Child>,
}

impl Server {
    /// `None`, with a word to the reader, where there is no `redis-server`.
    pub(crate) fn start(args: &[&str]) -> Option<Self> {
        let found = Command::new("redis-server").arg("--version").stdout(Stdio::null()).status();
        if found.is_err() {
            assert!(std::env::var_os("CI").is_none(), "a skipped check fails in CI");
            eprintln!("SKIPPED: apt-get install redis-server");
            return None;
        }
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("dt-redis-{}-{count}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).unwrap();
        let args = args.iter().map(ToString::to_string).collect();
        let mut server = Self { dir, args, child: None };
        server.run();
        Some(server)
    }

    pub(crate) fn url(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.dir.join("s")
    }

    /// Starts it, again if need be, and waits until it listens.
    pub(crate) fn run(&mut self) {
        let mut command = Command::new("redis-server");
        command.args(["--port", "0", "--save", "", "--unixsocketperm", "700", "--unixsocket"]);
        command.arg(self.socket()).arg("--dir").arg(&self.dir).args(&self.args);
        let mut child = command.stdout(Stdio::null()).spawn().unwrap();
        let end = Instant::now() + Duration::from_secs(30);
        while std::os::unix::net::UnixStream::connect(self.socket()).is_err() {
            assert!(child.try_wait().unwrap().is_none(), "redis-server ended");
            assert!(Instant::now() < end, "redis-server does not listen");
            thread::sleep(Duration::from_millis(5));
        }
        self.child = Some(child);
    }

    /// Ends it like a power switch.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
            let _ = fs::remove_file(self.socket());
        }
    }

    /// Says something to it as its administrator; waits until it has loaded its data.
    pub(crate) fn say(&self, words: &[&str]) -> redis::Value {
        let end = Instant::now() + Duration::from_secs(30);
        loop {
            let client = redis::Client::open(self.url()).unwrap();
            let mut command = redis::cmd(words[0]);
            command.arg(&words[1..]);
            match client.get_connection().and_then(|mut link| command.query(&mut link)) {
                Ok(value) => return value,
                Err(error) => assert!(Instant::now() < end, "{words:?}: {error}"),
            }
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        let _ = fs::remove_dir_all(&self.dir);
    }
}
