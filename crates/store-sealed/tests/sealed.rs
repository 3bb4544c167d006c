//! A sealed store is a store.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::time::Duration;

use dingtalk_core::store::{Memory, NewRecord, Store, StoreKey, StoreKind, StoreOp, StoreReply};
use dingtalk_store_sealed::{AsyncSealed, Keys, Sealed};

const ONE: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const TWO: &str = "3q2+7wABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhs=";

fn keys() -> Keys {
    Keys::new("one", ONE).unwrap()
}

fn key() -> StoreKey {
    StoreKey::new(StoreKind::App, "api.dingtalk.com", "dingtest")
}

fn write(value: &str, expected: u64) -> StoreOp {
    let life = Duration::from_secs(60);
    let record = NewRecord::new(value.into(), life, life);
    StoreOp::Write { key: key(), expected, record, unlock: None }
}

fn lock(holder: u64) -> StoreOp {
    StoreOp::Lock { key: key(), holder, lease_ms: 1_000 }
}

#[test]
fn every_answer_that_brings_a_record_is_opened() {
    let sealed = Sealed::new(Memory::new(|| 5), keys());
    assert!(matches!(sealed.ask(write("canary", 0)), StoreReply::Written { .. }));
    for question in [StoreOp::Load { key: key() }, lock(1), write("other", 0)] {
        match sealed.ask(question) {
            StoreReply::Record { record }
            | StoreReply::Locked { record }
            | StoreReply::Stale { record } => assert!(record.unwrap().value.matches("canary")),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn with_a_wrong_key_the_error_is_clear_and_the_lock_is_given_back() {
    let store = Memory::new(|| 5);
    Sealed::new(store.clone(), keys()).ask(write("canary", 0));
    let other = Sealed::new(store.clone(), Keys::new("two", TWO).unwrap());
    let StoreReply::Failed { why } = other.ask(lock(7)) else { panic!() };
    assert!(why.contains("key one") && !why.contains("canary"), "{why}");
    assert!(matches!(store.ask(lock(8)), StoreReply::Locked { .. }));
}

#[test]
fn a_record_that_nobody_sealed_is_not_taken_for_one() {
    let store = Memory::new(|| 5);
    store.ask(write("plain", 0));
    let reply = Sealed::new(store, keys()).ask(StoreOp::Load { key: key() });
    assert!(matches!(reply, StoreReply::Failed { .. }));
}

#[test]
fn an_async_store_is_sealed_alike() {
    struct Async(Memory);
    impl Store for Async {
        type Exchange = std::future::Ready<StoreReply>;
        fn ask(&self, question: StoreOp) -> Self::Exchange {
            std::future::ready(self.0.ask(question))
        }
    }
    fn done<T>(future: impl Future<Output = T>) -> T {
        let mut future = std::pin::pin!(future);
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        match future.as_mut().poll(&mut context) {
            std::task::Poll::Ready(value) => value,
            std::task::Poll::Pending => panic!("nothing here waits"),
        }
    }
    let store = Memory::new(|| 5);
    let sealed = AsyncSealed::new(Async(store.clone()), keys());
    assert!(matches!(done(sealed.ask(write("canary", 0))), StoreReply::Written { .. }));
    let StoreReply::Record { record: Some(record) } =
        done(sealed.ask(StoreOp::Load { key: key() }))
    else {
        panic!()
    };
    assert!(record.value.matches("canary"));
    let other = AsyncSealed::new(Async(store.clone()), Keys::new("two", TWO).unwrap());
    assert!(matches!(done(other.ask(lock(7))), StoreReply::Failed { .. }));
    assert!(matches!(store.ask(lock(8)), StoreReply::Locked { .. }));
}
