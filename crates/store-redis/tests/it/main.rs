//! The store against real servers, which the tests start and end themselves.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

#[cfg(feature = "cluster")]
mod cluster;
mod faults;
mod server;
mod store;
#[cfg(feature = "tls")]
mod tls;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use dingtalk_core::store::conformance::{RULES, Subject};
use dingtalk_core::store::{NewRecord, Record, Store, StoreKey, StoreKind, StoreOp, StoreReply};
use dingtalk_store_redis::{Builder, RedisStore};

/// A store whose time the test counts up beside the server's.
struct Counted(RedisStore, Arc<AtomicU64>);

impl Counted {
    fn new(builder: Builder) -> Self {
        let offset = Arc::new(AtomicU64::new(0));
        let of_store = Arc::clone(&offset);
        let builder = builder.clock_offset(move || of_store.load(Ordering::Relaxed));
        Self(builder.build().unwrap(), offset)
    }
}

impl Subject for Counted {
    fn ask(&mut self, question: StoreOp) -> StoreReply {
        self.0.ask(question)
    }
    fn pass(&mut self, millis: u64) {
        self.1.fetch_add(millis, Ordering::Relaxed);
    }
}

fn conforms(subject: &mut dyn Subject) {
    for rule in RULES {
        rule.check(subject).unwrap_or_else(|why| panic!("{}: {why}", rule.name()));
    }
}

fn key() -> StoreKey {
    StoreKey::new(StoreKind::App, "api.dingtalk.com", "dingtest")
}

fn write(value: &str, expected: u64) -> StoreOp {
    let life = Duration::from_secs(3_600);
    let record = NewRecord::new(value.into(), life, life);
    StoreOp::Write { key: key(), expected, record, unlock: None }
}

fn lock(holder: u64) -> StoreOp {
    StoreOp::Lock { key: key(), holder, lease_ms: 60_000 }
}

fn load() -> StoreOp {
    StoreOp::Load { key: key() }
}

fn record(store: &RedisStore) -> Option<Record> {
    match store.ask(load()) {
        StoreReply::Record { record } => record,
        other => panic!("{other:?}"),
    }
}

fn value(store: &RedisStore) -> Option<String> {
    record(store).map(|record| record.value.expose().to_owned())
}

#[track_caller]
fn written(reply: StoreReply) -> u64 {
    match reply {
        StoreReply::Written { version } => version,
        other => panic!("{other:?}"),
    }
}

/// What a failure says, which must be nothing secret.
#[track_caller]
fn why(reply: StoreReply) -> String {
    match reply {
        StoreReply::Failed { why } => {
            for secret in ["canary", "dingtest", "dingtalk.com", "/", "127.0.0.1"] {
                assert!(!why.contains(secret), "{why}");
            }
            why
        }
        other => panic!("{other:?}"),
    }
}

/// Asks until the store works again; sees to it that it does.
fn recovered(store: &RedisStore) {
    let end = Instant::now() + Duration::from_secs(30);
    while let StoreReply::Failed { why } = store.ask(load()) {
        assert!(Instant::now() < end, "{why}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
