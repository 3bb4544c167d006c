//! A whole store kept fresh, in a task: the app's token and people's sessions.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use dingtalk_async::Client;
use dingtalk_core::auth::ObtainToken;
use dingtalk_core::store::Memory;
use dingtalk_core::{
    App, ErrorKind, NewRecord, Policy, Reply, Request, Response, Store, StoreKey, StoreKind,
    StoreOp, StoreReply, StoreUpkeep, Timestamp, TransportError, from_fn,
};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

const START: u64 = 1_700_000_000_000;
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Clone)]
struct AsyncMemory(Memory);

impl Store for AsyncMemory {
    type Exchange = Ready<StoreReply>;

    fn ask(&self, question: StoreOp) -> Self::Exchange {
        ready(self.0.ask(question))
    }
}

/// Each token request gets tokens of its own.
fn platform(requests: Arc<AtomicU64>) -> impl Fn(Request) -> Ready<Reply> {
    move |_| {
        let n = requests.fetch_add(1, Ordering::SeqCst);
        let body = format!(r#"{{"accessToken":"t{n}","refreshToken":"r{n}","expireIn":7200}}"#);
        ready(Ok(Response::new(200, http::HeaderMap::new(), body)))
    }
}

#[tokio::test]
async fn every_credential_of_the_store_is_replaced_once_and_the_charge_given_back_at_the_end() {
    let millis = Arc::new(AtomicU64::new(START));
    let requests = Arc::new(AtomicU64::new(0));
    let read = |millis: &Arc<AtomicU64>| {
        let millis = Arc::clone(millis);
        move || millis.load(Ordering::SeqCst)
    };
    let store = Memory::new(read(&millis));
    let app = App::internal("dingabc", "secret");
    let now = read(&millis);
    let client = Client::builder(app.clone())
        .transport(from_fn(platform(Arc::clone(&requests))))
        .store(AsyncMemory(store.clone()))
        .clock(move || Timestamp::from_millis(now()))
        .build()
        .unwrap();
    client.call(ObtainToken::new()).await.unwrap();
    for name in ["ann", "bob"] {
        let person = app.user_from_code("code");
        person.keep_as(name);
        client.on_behalf_of(&person).call(ObtainToken::new()).await.unwrap();
    }
    assert_eq!(requests.load(Ordering::SeqCst), 3);
    millis.fetch_add(7_140_000, Ordering::SeqCst);

    let upkeep = StoreUpkeep::of_app(&app);
    let lock = upkeep.lock_key();
    let ((stop, stopped), (report, mut reports)) =
        (oneshot::channel::<()>(), mpsc::unbounded_channel());
    let task = tokio::spawn(async move {
        let stopped = async move { drop(stopped.await) };
        client
            .keep_store_fresh(upkeep, stopped, |key, outcome| {
                report.send((key.to_string(), outcome.map(|token| token.value))).unwrap();
            })
            .await
    });
    let mut replaced = BTreeSet::new();
    for _ in 0..3 {
        let (key, outcome) = timeout(PATIENCE, reports.recv()).await.unwrap().unwrap();
        outcome.unwrap();
        assert!(replaced.insert(key));
    }
    let take = |holder| store.ask(StoreOp::Lock { key: lock.clone(), holder, lease_ms: 1_000 });
    assert_eq!(take(7), StoreReply::Busy, "this one is in charge");
    drop(stop);
    task.await.unwrap().unwrap();
    assert!(reports.try_recv().is_err(), "each once");
    assert_eq!(requests.load(Ordering::SeqCst), 6);
    assert_eq!(take(7), StoreReply::Locked { record: None }, "another may take over at once");
}

#[tokio::test]
async fn what_cannot_be_replaced_is_reported_under_its_key() {
    let store = Memory::new(|| START);
    let app = App::internal("dingabc", "secret");
    let record = NewRecord::new("old".into(), Duration::ZERO, Duration::from_secs(60));
    let key = StoreKey::new(StoreKind::App, "api.dingtalk.com", "dingabc");
    let (expected, unlock) = (0, None);
    store.ask(StoreOp::Write { key: key.clone(), expected, record, unlock });
    let mut policy = Policy::default();
    policy.attempts = 1;
    let client = Client::builder(app.clone())
        .transport(from_fn(|_: Request| ready(Err(TransportError::not_sent("refused")))))
        .store(AsyncMemory(store))
        .clock(|| Timestamp::from_millis(START))
        .policy(policy)
        .build()
        .unwrap();
    let ((stop, stopped), (report, mut reports)) =
        (oneshot::channel::<()>(), mpsc::unbounded_channel());
    let task = tokio::spawn(async move {
        let stopped = async move { drop(stopped.await) };
        client
            .keep_store_fresh(StoreUpkeep::of_app(&app), stopped, |key, outcome| {
                report.send((key.clone(), outcome.map(drop))).unwrap();
            })
            .await
    });
    let (whose, outcome) = timeout(PATIENCE, reports.recv()).await.unwrap().unwrap();
    assert_eq!(whose, key);
    assert_eq!(*outcome.unwrap_err().kind(), ErrorKind::Unreachable);
    drop(stop);
    task.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_client_without_a_store_says_so() {
    let app = App::internal("dingabc", "secret");
    let client = Client::new(app.clone()).unwrap();
    let upkeep = StoreUpkeep::of_app(&app);
    let error = client.keep_store_fresh(upkeep, ready(()), |_, _| ()).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Invalid);
}
