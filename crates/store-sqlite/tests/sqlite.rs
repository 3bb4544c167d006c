//! The store on real files, from threads and processes, and on files that are not in order.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use dingtalk_core::store::conformance::{RULES, Subject};
use dingtalk_core::store::{NewRecord, Store, StoreKey, StoreKind, StoreOp, StoreReply};
use dingtalk_store_sqlite::{OpenError, SqliteStore};

/// A directory of one test's own, gone at its end.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("dingtalk-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join("tokens.sqlite")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn key() -> StoreKey {
    StoreKey::new(StoreKind::App, "api.dingtalk.com", "dingtest")
}

fn write(value: &str, expected: u64) -> StoreOp {
    let life = Duration::from_secs(3_600);
    StoreOp::Write {
        key: key(),
        expected,
        record: NewRecord::new(value.into(), life, life),
        unlock: None,
    }
}

fn value(store: &SqliteStore) -> Option<(u64, String)> {
    match store.ask(StoreOp::Load { key: key() }) {
        StoreReply::Record { record } => {
            record.map(|record| (record.version, record.value.expose().to_owned()))
        }
        other => panic!("{other:?}"),
    }
}

struct Counted(SqliteStore, Arc<AtomicU64>);

impl Subject for Counted {
    fn ask(&mut self, question: StoreOp) -> StoreReply {
        self.0.ask(question)
    }
    fn pass(&mut self, millis: u64) {
        self.1.fetch_add(millis, Ordering::Relaxed);
    }
}

#[test]
fn it_does_what_every_store_must() {
    let place = Place::new("conformance");
    let clock = Arc::new(AtomicU64::new(1_700_000_000_000));
    let of_store = Arc::clone(&clock);
    let store =
        SqliteStore::open_with_clock(place.file(), move || of_store.load(Ordering::Relaxed));
    let mut subject = Counted(store.unwrap(), clock);
    for rule in RULES {
        rule.check(&mut subject).unwrap_or_else(|why| panic!("{}: {why}", rule.name()));
    }
}

#[cfg(feature = "async")]
#[test]
fn its_async_face_does_what_every_store_must_by_real_time() {
    struct Async(dingtalk_store_sqlite::AsyncSqliteStore, tokio::runtime::Runtime);
    impl Subject for Async {
        fn ask(&mut self, question: StoreOp) -> StoreReply {
            self.1.block_on(self.0.ask(question))
        }
        fn pass(&mut self, millis: u64) {
            std::thread::sleep(Duration::from_millis(millis));
        }
    }
    let place = Place::new("async");
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let store = SqliteStore::open(place.file()).unwrap();
    let mut subject = Async(dingtalk_store_sqlite::AsyncSqliteStore::new(store), runtime);
    for rule in RULES {
        rule.check(&mut subject).unwrap_or_else(|why| panic!("{}: {why}", rule.name()));
    }
}

/// Adds one to the number that is stored, so often, each time under the version that was read.
fn count_up(store: &SqliteStore, times: u64) {
    let mut done = 0;
    while done < times {
        let (version, number) = value(store).unwrap_or((0, "0".into()));
        let next = (number.parse::<u64>().unwrap() + 1).to_string();
        match store.ask(write(&next, version)) {
            StoreReply::Written { .. } => done += 1,
            StoreReply::Stale { .. } => {}
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn no_update_is_lost_between_threads_with_connections_of_their_own() {
    let place = Place::new("threads");
    let file = place.file();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| count_up(&SqliteStore::open(&file).unwrap(), 20));
        }
    });
    assert_eq!(value(&SqliteStore::open(&file).unwrap()).unwrap().1, "160");
}

/// The change to WAL makes a writer of a reader, where SQLite does not wait for others by itself.
#[test]
fn many_that_open_a_new_file_at_once_wait_for_each_other() {
    for round in 0..40 {
        let place = Place::new(&format!("at-once-{round}"));
        let file = place.file();
        let start = std::sync::Barrier::new(8);
        let open = || {
            start.wait();
            SqliteStore::open(&file).map(drop)
        };
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(open)).collect();
            for thread in threads {
                assert_eq!(thread.join().unwrap(), Ok(()));
            }
        });
    }
}

/// Not a test of its own: what the tests below start as another process.
#[test]
fn child() {
    let Ok(file) = std::env::var("DINGTALK_TEST_CHILD") else { return };
    let times = std::env::var("DINGTALK_TEST_TIMES").unwrap().parse().unwrap();
    count_up(&SqliteStore::open(file).unwrap(), times);
}

fn start_child(file: &Path, times: u64) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["child", "--exact", "--quiet"])
        .env("DINGTALK_TEST_CHILD", file)
        .env("DINGTALK_TEST_TIMES", times.to_string())
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn no_update_is_lost_between_processes() {
    let place = Place::new("processes");
    let children: Vec<Child> = (0..4).map(|_| start_child(&place.file(), 25)).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(value(&SqliteStore::open(place.file()).unwrap()).unwrap().1, "100");
}

#[test]
fn a_process_that_is_killed_in_the_middle_leaves_no_older_and_no_broken_record() {
    let place = Place::new("killed");
    let store = SqliteStore::open(place.file()).unwrap();
    assert!(matches!(store.ask(write("0", 0)), StoreReply::Written { .. }));
    let mut last = (0, 0);
    for _ in 0..15 {
        let mut child = start_child(&place.file(), 1_000_000);
        let before = last.1;
        while value(&store).unwrap().1.parse::<u64>().unwrap() < before + 3 {
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let (version, number) = value(&store).unwrap();
        let number: u64 = number.parse().unwrap();
        assert!(version > last.0 && number > last.1);
        last = (version, number);
        // Whoever opens it anew sees the same.
        assert_eq!(value(&SqliteStore::open(place.file()).unwrap()).unwrap().0, version);
    }
}

#[cfg(unix)]
#[test]
fn the_file_is_its_owners_alone_from_its_first_moment_and_again_if_it_was_not() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new("mode");
    let store = SqliteStore::open(place.file()).unwrap();
    store.ask(write("canary", 0));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    for entry in fs::read_dir(&place.0).unwrap() {
        assert_eq!(mode(&entry.unwrap().path()), 0o600);
    }
    fs::set_permissions(place.file(), fs::Permissions::from_mode(0o644)).unwrap();
    let _again = SqliteStore::open(place.file()).unwrap();
    assert_eq!(mode(&place.file()), 0o600);
}

#[test]
fn files_that_are_no_store_are_told_apart_and_left_as_they_are() {
    let place = Place::new("foreign");
    fs::write(place.file(), "my shopping list, and more of it than a header is long ".repeat(20))
        .unwrap();
    let before = fs::read(place.file()).unwrap();
    assert_eq!(SqliteStore::open(place.file()).unwrap_err(), OpenError::Foreign);
    assert_eq!(fs::read(place.file()).unwrap(), before);
    fs::remove_file(place.file()).unwrap();

    let other = rusqlite::Connection::open(place.file()).unwrap();
    other.execute_batch("CREATE TABLE mine (x)").unwrap();
    drop(other);
    assert_eq!(SqliteStore::open(place.file()).unwrap_err(), OpenError::Foreign);

    let missing = SqliteStore::open(place.0.join("no/such/directory")).unwrap_err();
    assert!(matches!(missing, OpenError::File(_)), "{missing}");
    assert!(matches!(SqliteStore::open(&place.0).unwrap_err(), OpenError::File(_)));
}

#[test]
fn a_file_of_a_newer_version_says_which() {
    let place = Place::new("newer");
    drop(SqliteStore::open(place.file()).unwrap());
    let newer = rusqlite::Connection::open(place.file()).unwrap();
    newer.pragma_update(None, "user_version", 7).unwrap();
    drop(newer);
    let error = SqliteStore::open(place.file()).unwrap_err();
    assert_eq!(error, OpenError::Newer(7));
    assert!(error.to_string().contains("update this program"));
}

#[test]
fn what_breaks_later_is_a_failure_without_keys_and_values_and_mends_itself() {
    let place = Place::new("later");
    let store = SqliteStore::open(place.file()).unwrap();
    let StoreReply::Written { version } = store.ask(write("canary", 0)) else { panic!() };
    let other = rusqlite::Connection::open(place.file()).unwrap();
    other.execute_batch("ALTER TABLE record RENAME TO elsewhere").unwrap();
    for question in [StoreOp::Load { key: key() }, write("canary2", version)] {
        let StoreReply::Failed { why } = store.ask(question) else { panic!() };
        assert!(!why.contains("canary") && !why.contains("dingtest"), "{why}");
    }
    other.execute_batch("ALTER TABLE elsewhere RENAME TO record").unwrap();
    assert_eq!(value(&store), Some((version, "canary".into())));
    // A row that somebody spoilt.
    other.execute_batch("UPDATE record SET parts = '{'").unwrap();
    let list = StoreOp::List {
        kind: StoreKind::App,
        host: key().host,
        client_id: key().client_id,
        after: None,
        limit: 9,
    };
    assert!(matches!(store.ask(list), StoreReply::Failed { .. }));
}

/// Not a test of its own: fills a disk that has hardly any room.
#[cfg(unix)]
#[test]
fn filler() {
    let Ok(file) = std::env::var("DINGTALK_TEST_FILLER") else { return };
    let store = SqliteStore::open(file).unwrap();
    let big = "canary".repeat(2_000);
    let mut version = 0;
    let mut kept = String::new();
    for number in 0..1_000 {
        let value = format!("{number}{big}");
        match store.ask(write(&value, version)) {
            StoreReply::Written { version: next } => (version, kept) = (next, value),
            StoreReply::Failed { why } => {
                assert!(!why.contains("canary") && !why.contains("dingtest"), "{why}");
                // Nothing is half-written, and what asks for no room still works.
                assert_eq!(self::value(&store), Some((version, kept)));
                assert!(number > 0);
                println!("full at version {version}");
                return;
            }
            other => panic!("{other:?}"),
        }
    }
    panic!("there is no limit here");
}

#[cfg(unix)]
#[test]
fn a_full_disk_is_a_failure_that_leaves_the_last_record_and_mends_itself() {
    let place = Place::new("full");
    // No file may grow beyond this; writing more is an error, as on a disk that is full.
    let script = "trap '' XFSZ; ulimit -f 1500; exec \"$0\" filler --exact --nocapture";
    let output = Command::new("sh")
        .args(["-c", script])
        .arg(std::env::current_exe().unwrap())
        .env("DINGTALK_TEST_FILLER", place.file())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    let (_, rest) = said.split_once("full at version ").unwrap();
    let version: u64 = rest.split_whitespace().next().unwrap().parse().unwrap();
    let store = SqliteStore::open(place.file()).unwrap();
    assert_eq!(value(&store).unwrap().0, version);
    assert!(matches!(store.ask(write("a", version)), StoreReply::Written { .. }));
}

/// Not a test of its own: opens a file that is not its user's.
#[test]
fn reader() {
    let Ok(file) = std::env::var("DINGTALK_TEST_READER") else { return };
    println!("opening: {}", SqliteStore::open(file).unwrap_err());
}

#[cfg(unix)]
#[test]
fn a_file_that_may_not_be_written_is_told_when_it_is_opened() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::os::unix::process::CommandExt;
    let place = Place::new("readonly");
    drop(SqliteStore::open(place.file()).unwrap());
    let program = place.0.join("program");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let mut command = Command::new(program);
    if fs::metadata(place.file()).unwrap().uid() == 0 {
        // What is root's may be read by all, and the program is somebody else's.
        fs::set_permissions(place.file(), fs::Permissions::from_mode(0o444)).unwrap();
        command.uid(65_534);
    } else {
        fs::set_permissions(place.file(), fs::Permissions::from_mode(0o400)).unwrap();
    }
    command.args(["reader", "--exact", "--nocapture"]).env("DINGTALK_TEST_READER", place.file());
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("the token store cannot be opened: Permission denied"), "{said}");
}

#[test]
fn a_file_that_somebody_holds_is_a_failure_within_a_bounded_time() {
    let place = Place::new("held");
    let store = SqliteStore::open(place.file()).unwrap();
    let other = rusqlite::Connection::open(place.file()).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let began = std::time::Instant::now();
    let StoreReply::Failed { why } = store.ask(write("a", 0)) else { panic!() };
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    assert!(why.contains("locked"), "{why}");
    other.execute_batch("COMMIT").unwrap();
    assert!(matches!(store.ask(write("a", 0)), StoreReply::Written { .. }));
}

#[test]
fn what_was_replaced_is_not_in_the_file_any_more() {
    let place = Place::new("wiped");
    let store = SqliteStore::open(place.file()).unwrap();
    let StoreReply::Written { version } = store.ask(write("old-canary", 0)) else { panic!() };
    store.ask(write("new-canary", version));
    drop(store);
    // The last connection folds what was written ahead into the file.
    let found = |text: &str| {
        fs::read_dir(&place.0).unwrap().any(|entry| {
            let bytes = fs::read(entry.unwrap().path()).unwrap();
            bytes.windows(text.len()).any(|window| window == text.as_bytes())
        })
    };
    assert!(found("new-canary") && !found("old-canary"));
}
