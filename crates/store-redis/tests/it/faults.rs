//! Servers that are away, slow, full, read-only, restarted, or hold nonsense: a clear failure within
//! its time, nothing half-written, and then recovery.

use std::net::TcpListener;
use std::thread;

use super::*;
use crate::server::Server;

const RECORD: &str = "dingtalk:{app/api.dingtalk.com/dingtest}:record:-/-";
const LOCK: &str = "dingtalk:{app/api.dingtalk.com/dingtest}:lock:-/-";
const INDEX: &str = "dingtalk:{app/api.dingtalk.com/dingtest}:index";

/// Time enough for a loaded machine, and far from for ever.
const BOUND: Duration = Duration::from_secs(8);

fn hasty(url: &str) -> RedisStore {
    RedisStore::builder(url).limit(Duration::from_millis(300)).build().unwrap()
}

#[test]
fn a_server_that_is_away_is_a_failure_in_time_and_then_at_once() {
    let Some(mut server) = Server::start(&[]) else { return };
    let store = RedisStore::open(server.url()).unwrap();
    server.kill();
    let began = Instant::now();
    assert_eq!(why(store.ask(load())), "Redis cannot be reached");
    assert!(began.elapsed() < BOUND);
    let began = Instant::now();
    let answers: Vec<_> = (0..100).map(|_| why(store.ask(load()))).collect();
    assert!(answers.iter().all(|why| why == "Redis cannot be reached"), "{answers:?}");
    assert!(began.elapsed() < BOUND, "a hundred took {:?}", began.elapsed());
    server.run();
    recovered(&store);
    written(store.ask(write("a", 0)));
}

#[test]
fn a_server_that_accepts_and_says_nothing_is_left_in_time() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    let began = Instant::now();
    for store in [hasty(&url), RedisStore::open(url).unwrap()] {
        assert_eq!(why(store.ask(load())), "Redis did not answer in time");
    }
    assert!(began.elapsed() < BOUND);
}

#[test]
fn what_answers_and_is_no_redis_is_a_failure() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for client in listener.incoming() {
            use std::io::Write;
            let _ = client.unwrap().write_all(b"HTTP/1.1 400 Bad Request canary\r\n\r\n");
        }
    });
    let began = Instant::now();
    why(hasty(&url).ask(write("canary", 0)));
    assert!(began.elapsed() < BOUND);
}

#[test]
fn a_pause_is_waited_out_if_it_is_short_and_left_if_it_is_not() {
    let Some(server) = Server::start(&[]) else { return };
    let (store, hasty) = (RedisStore::builder(server.url()), hasty(&server.url()));
    let store = store.limit(Duration::from_secs(20)).build().unwrap();
    let version = written(store.ask(write("a", 0)));
    assert_eq!(value(&hasty).unwrap(), "a");
    server.say(&["CLIENT", "PAUSE", "1200", "ALL"]);
    let began = Instant::now();
    assert_eq!(why(hasty.ask(load())), "Redis did not answer in time");
    assert!(began.elapsed() < BOUND);
    written(store.ask(write("b", version)));
    recovered(&hasty);
    assert_eq!(value(&hasty).unwrap(), "b");
}

#[test]
fn a_restart_is_not_noticed_and_nothing_that_was_written_is_gone() {
    let Some(mut server) = Server::start(&["--appendonly", "yes", "--appendfsync", "always"])
    else {
        return;
    };
    let store = RedisStore::builder(server.url()).limit(Duration::from_secs(20)).build().unwrap();
    let mut last = 0;
    for round in 0..3 {
        last = written(store.ask(write(&round.to_string(), last)));
        server.kill();
        thread::scope(|scope| {
            let asked = scope.spawn(|| record(&store).unwrap());
            server.run();
            let there = asked.join().unwrap();
            assert_eq!((there.version, there.value.expose()), (last, &*round.to_string()));
        });
    }
}

#[test]
fn a_server_that_is_killed_between_writes_keeps_all_that_it_said_it_had() {
    let Some(mut server) = Server::start(&["--appendonly", "yes", "--appendfsync", "always"])
    else {
        return;
    };
    let url = server.url();
    let stop = Arc::new(AtomicU64::new(0));
    let told = Arc::clone(&stop);
    let writer = thread::spawn(move || {
        let store = RedisStore::open(url).unwrap();
        let (mut version, mut number) = (0, 0_u64);
        while told.load(Ordering::SeqCst) == 0 {
            match store.ask(write(&(number + 1).to_string(), version)) {
                StoreReply::Written { version: new } => {
                    assert!(new > version, "{new} after {version}");
                    (version, number) = (new, number + 1);
                }
                // Its answer came too late for us.
                StoreReply::Stale { record: Some(record) } => {
                    let stored: u64 = record.value.expose().parse().unwrap();
                    assert!(record.version > version && stored == number + 1, "an older record");
                    (version, number) = (record.version, stored);
                }
                StoreReply::Failed { .. } => thread::sleep(Duration::from_millis(1)),
                other => panic!("{other:?}"),
            }
        }
        (version, number)
    });
    let watcher = RedisStore::builder(server.url()).limit(Duration::from_secs(20)).build().unwrap();
    for _ in 0..4 {
        let before = value(&watcher).map_or(0, |value| value.parse::<u64>().unwrap());
        while value(&watcher).map_or(0, |value| value.parse::<u64>().unwrap()) < before + 5 {
            thread::yield_now();
        }
        server.kill();
        server.run();
    }
    stop.store(1, Ordering::SeqCst);
    let (version, number) = writer.join().unwrap();
    let there = record(&watcher).unwrap();
    assert!(there.version >= version && there.value.expose().parse::<u64>().unwrap() >= number);
}

#[test]
fn a_replica_is_read_and_not_written_until_it_is_the_primary() {
    let Some(server) = Server::start(&[]) else { return };
    let store =
        RedisStore::builder(server.url()).limit(Duration::from_millis(500)).build().unwrap();
    let version = written(store.ask(write("a", 0)));
    server.say(&["REPLICAOF", "127.0.0.1", "1"]);
    for question in [write("b", version), lock(1)] {
        assert_eq!(why(store.ask(question)), "this Redis is a replica that takes no writes");
    }
    server.say(&["REPLICAOF", "NO", "ONE"]);
    recovered(&store);
    let end = Instant::now() + Duration::from_secs(30);
    while !matches!(store.ask(write("b", version)), StoreReply::Written { .. }) {
        assert!(Instant::now() < end);
    }
}

#[test]
fn a_full_server_changes_nothing_and_says_so() {
    let Some(server) = Server::start(&["--maxmemory-policy", "noeviction"]) else { return };
    let store = RedisStore::open(server.url()).unwrap();
    assert!(matches!(store.ask(lock(1)), StoreReply::Locked { .. }));
    let version = written(store.ask(write("a", 0)));
    server.say(&["CONFIG", "SET", "maxmemory", "1"]);
    let StoreOp::Write { key, record: new, .. } = write("b", version) else { unreachable!() };
    let unlocking = StoreOp::Write { key, expected: version, record: new, unlock: Some(1) };
    assert_eq!(why(store.ask(unlocking.clone())), "Redis is full");
    assert_eq!(why(store.ask(lock(1))), "Redis is full");
    assert_eq!(record(&store).map(|record| record.version), Some(version));
    server.say(&["CONFIG", "SET", "maxmemory", "0"]);
    assert_eq!(store.ask(lock(2)), StoreReply::Busy, "the lock is still its holder's");
    written(store.ask(unlocking));
    assert_eq!(value(&store).unwrap(), "b");
}

#[test]
fn nonsense_is_told_apart_left_as_it_is_and_can_be_removed() {
    let Some(server) = Server::start(&[]) else { return };
    let store = RedisStore::open(server.url()).unwrap();
    let spoils: [&[&str]; 6] = [
        &["SET", RECORD, "canary"],
        &["HSET", RECORD, "canary", "canary"],
        &["HSET", RECORD, "form", "0"],
        &["HSET", RECORD, "form", "1", "version", "canary"],
        &["HSET", RECORD, "form", "canary"],
        &[
            "HSET",
            RECORD,
            "form",
            "1",
            "version",
            "5",
            "written",
            "1",
            "renew_in",
            "1",
            "expires_in",
            "1",
            "forget_at",
            "99999999999999",
        ],
    ];
    for spoil in spoils {
        server.say(spoil);
        for question in [load(), write("b", 0), write("b", 5), lock(1)] {
            assert_eq!(why(store.ask(question)), "what is stored is broken", "{spoil:?}");
        }
        assert_eq!(store.ask(StoreOp::Remove { key: key(), expected: None }), StoreReply::Done);
        assert_eq!(record(&store), None);
    }
    server.say(&["HSET", RECORD, "form", "7"]);
    for question in [load(), write("b", 0), lock(1)] {
        assert!(why(store.ask(question)).contains("newer version (form 7)"));
    }
    server.say(&["DEL", RECORD]);

    for spoil in [&["SET", LOCK, "canary"][..], &["HSET", LOCK, "a", "b"]] {
        server.say(&["DEL", LOCK]);
        server.say(spoil);
        assert_eq!(why(store.ask(lock(1))), "what is stored is broken");
    }
    server.say(&["DEL", LOCK]);
    assert!(matches!(store.ask(lock(1)), StoreReply::Locked { .. }));
}

#[test]
fn a_write_that_fails_in_the_middle_leaves_the_record_as_it_was() {
    let Some(server) = Server::start(&[]) else { return };
    let store = RedisStore::open(server.url()).unwrap();
    let version = written(store.ask(write("a", 0)));
    server.say(&["SET", INDEX, "canary"]);
    assert_eq!(why(store.ask(write("b", version))), "what is stored is broken");
    assert_eq!(value(&store).unwrap(), "a");
    server.say(&["DEL", INDEX]);
    written(store.ask(write("b", version)));
}

#[test]
fn what_the_server_threw_out_is_not_there_and_its_versions_are_not_given_again() {
    let Some(server) = Server::start(&[]) else { return };
    let store = RedisStore::open(server.url()).unwrap();
    let version = written(store.ask(write("a", 0)));
    server.say(&["FLUSHALL"]);
    assert_eq!(record(&store), None);
    thread::sleep(Duration::from_millis(2));
    assert!(written(store.ask(write("b", 0))) > version);
}
