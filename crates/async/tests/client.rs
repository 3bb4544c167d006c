//! The async driver, over closures as transports.
#![allow(clippy::unwrap_used)]

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use dingtalk_async::Client;
use dingtalk_core::auth::ObtainToken;
use dingtalk_core::contact::{GetContactUser, GetUser, ListUsers};
use dingtalk_core::{
    App, Credential, ErrorKind, NewRecord, Policy, Record, Reply, Request, Response, Store,
    StoreOp, StoreReply, TransportError, from_fn,
};
use futures_core::Stream;
use tokio::task::yield_now;
use tokio::time::{sleep, timeout};

const USER: &str = r#"{"errcode":0,"result":{"userid":"manager01","unionid":"u","name":"n"}}"#;
const TOKEN: &str = r#"{"accessToken":"t-1","expireIn":7200}"#;

fn app() -> App {
    App::internal("dingabc", "canary-secret")
}

fn ok(body: &str) -> Reply {
    Ok(Response::new(200, http::HeaderMap::new(), body.to_owned()))
}

fn asks_for_token(request: &Request) -> bool {
    request.url().path() == "/v1.0/oauth2/accessToken"
}

type Answer = Pin<Box<dyn Future<Output = Reply> + Send>>;

/// A platform that counts its token requests and takes a few turns for each answer.
fn platform(tokens: Arc<AtomicUsize>) -> impl Fn(Request) -> Answer {
    move |request| {
        let token = asks_for_token(&request);
        if token {
            tokens.fetch_add(1, Ordering::SeqCst);
        }
        Box::pin(async move {
            for _ in 0..3 {
                yield_now().await;
            }
            ok(if token { TOKEN } else { USER })
        })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_cold_tasks_make_one_token_request() {
    let tokens = Arc::new(AtomicUsize::new(0));
    let client = Client::with_transport(app(), from_fn(platform(Arc::clone(&tokens))));
    let tasks: Vec<_> =
        (0..1_000).map(|_| tokio::spawn(client.call(GetUser::new("manager01")))).collect();
    for task in tasks {
        assert_eq!(task.await.unwrap().unwrap().userid, "manager01");
    }
    assert_eq!(tokens.load(Ordering::SeqCst), 1);
}

/// The leader is dropped at every point where it can be, and somebody who waits goes on.
#[tokio::test]
async fn a_leader_dropped_at_any_await_passes_the_lead_on() {
    let mut polls = 0;
    loop {
        let tokens = Arc::new(AtomicUsize::new(0));
        let client = Client::with_transport(app(), from_fn(platform(Arc::clone(&tokens))));
        let mut leader = Box::pin(client.call(GetUser::new("manager01")));
        let mut follower = tokio::spawn(client.call(GetUser::new("manager01")));
        let mut done = false;
        for _ in 0..polls {
            done |= poll_once(leader.as_mut()).await.is_ready();
            if done {
                break;
            }
            yield_now().await;
        }
        drop(leader);
        let answer = timeout(Duration::from_secs(5), &mut follower).await;
        assert_eq!(answer.unwrap().unwrap().unwrap().userid, "manager01", "after {polls} polls");
        assert!(tokens.load(Ordering::SeqCst) <= 2, "after {polls} polls: {tokens:?}");
        if done {
            assert!(polls > 4, "it was dropped at several points");
            return;
        }
        polls += 1;
    }
}

/// The one that waits is dropped at every point, and the leader does not notice.
#[tokio::test]
async fn a_waiter_dropped_at_any_await_leaves_the_leader_alone() {
    for polls in 0..6 {
        let tokens = Arc::new(AtomicUsize::new(0));
        let client = Client::with_transport(app(), from_fn(platform(Arc::clone(&tokens))));
        let mut leader = Box::pin(client.call(GetUser::new("manager01")));
        assert!(poll_once(leader.as_mut()).await.is_pending());
        let mut waiter = Box::pin(client.call(GetUser::new("manager01")));
        for _ in 0..polls {
            assert!(poll_once(waiter.as_mut()).await.is_pending());
        }
        drop(waiter);
        leader.await.unwrap();
        assert_eq!(tokens.load(Ordering::SeqCst), 1);
    }
}

async fn poll_once<F: Future>(mut future: Pin<&mut F>) -> Poll<F::Output> {
    poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await
}

#[tokio::test]
async fn waiters_share_the_failure() {
    let tokens = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&tokens);
    let transport = from_fn(move |_: Request| {
        count.fetch_add(1, Ordering::SeqCst);
        async {
            sleep(Duration::from_millis(50)).await;
            ok(r#"{"code":"invalidClientIdOrSecret","message":"x","requestid":"r"}"#)
        }
    });
    let client = Client::with_transport(app(), transport);
    let began = Instant::now();
    let tasks: Vec<_> = (0..64).map(|_| tokio::spawn(client.call(GetUser::new("x")))).collect();
    for task in tasks {
        assert!(task.await.unwrap().is_err());
    }
    assert!(tokens.load(Ordering::SeqCst) <= 3, "{tokens:?}");
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_person_is_called_for_over_the_same_connections() {
    let paths = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&paths);
    let transport = from_fn(move |request: Request| {
        seen.lock().unwrap().push(request.url().path().to_owned());
        let body = match request.url().path() {
            "/v1.0/oauth2/userAccessToken" => {
                r#"{"accessToken":"u-1","refreshToken":"r-1","expireIn":7200}"#
            }
            _ => r#"{"nick":"n","unionId":"u","openId":"o"}"#,
        };
        async move { ok(body) }
    });
    let client = Client::with_transport(app(), transport);
    let user = client.caller().user_from_code("code-1");
    let person = client.on_behalf_of(&user);
    person.call(GetContactUser::me()).await.unwrap();
    person.call(&GetContactUser::me()).await.unwrap();
    let paths = paths.lock().unwrap().clone();
    assert_eq!(paths.iter().filter(|path| path.contains("oauth2")).count(), 1, "{paths:?}");
}

fn paged(asked: Arc<AtomicUsize>) -> impl Fn(Request) -> Answer {
    move |request| {
        if asks_for_token(&request) {
            return Box::pin(async { ok(TOKEN) });
        }
        let page = asked.fetch_add(1, Ordering::SeqCst);
        let user = format!(r#"{{"userid":"u{page}","unionid":"x","name":"n"}}"#);
        let more = page < 2;
        let body = format!(
            r#"{{"errcode":0,"result":{{"has_more":{more},"next_cursor":1{page},"list":[{user},{user}]}}}}"#
        );
        Box::pin(async move {
            yield_now().await;
            ok(&body)
        })
    }
}

#[tokio::test]
async fn pages_are_asked_for_when_they_are_reached() {
    let asked = Arc::new(AtomicUsize::new(0));
    let client = Client::with_transport(app(), from_fn(paged(Arc::clone(&asked))));
    let mut pages = client.pages(ListUsers::new(1));
    assert_eq!(asked.load(Ordering::SeqCst), 0);
    assert_eq!(pages.next().await.unwrap().unwrap().userid, "u0");
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    let mut rest = Vec::new();
    while let Some(user) = poll_fn(|context| Pin::new(&mut pages).poll_next(context)).await {
        rest.push(user.unwrap().userid);
    }
    assert_eq!(rest, ["u0", "u1", "u1", "u2", "u2"]);
    assert!(pages.next().await.is_none());
}

#[tokio::test]
async fn giving_up_on_an_item_loses_no_page() {
    let asked = Arc::new(AtomicUsize::new(0));
    let client = Client::with_transport(app(), from_fn(paged(Arc::clone(&asked))));
    let mut pages = client.pages(ListUsers::new(1));
    let mut users = Vec::new();
    loop {
        let given_up = {
            let mut context = Context::from_waker(Waker::noop());
            pin!(pages.next()).poll(&mut context)
        };
        match given_up {
            Poll::Ready(None) => break,
            Poll::Ready(Some(user)) => users.push(user.unwrap().userid),
            Poll::Pending => yield_now().await,
        }
    }
    assert_eq!(users, ["u0", "u0", "u1", "u1", "u2", "u2"]);
    assert_eq!(asked.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_store_is_asked_before_the_platform_and_told_afterwards() {
    struct Shelf(Arc<Mutex<Vec<String>>>, Option<Record>);
    impl Store for Shelf {
        type Exchange = std::future::Ready<StoreReply>;
        fn ask(&self, question: StoreOp) -> Self::Exchange {
            let name = format!("{question:?}");
            let name = name.split([' ', '{']).next().unwrap().to_owned();
            self.0.lock().unwrap().push(name);
            std::future::ready(match question {
                StoreOp::Load { .. } => StoreReply::Record { record: self.1.clone() },
                StoreOp::Lock { .. } => StoreReply::Locked { record: self.1.clone() },
                StoreOp::Write { .. } => StoreReply::Written { version: 1 },
                StoreOp::Unlock { .. } => StoreReply::Done,
                _ => StoreReply::Failed { why: "unknown".into() },
            })
        }
    }
    let life = Duration::from_secs(7_200);
    let kept = Record::aged(&NewRecord::new("kept".into(), life, life), 1, 0);
    for (kept, asked, tokens_wanted) in
        [(None, vec!["Load", "Lock", "Write"], 1), (Some(kept), vec!["Load"], 0)]
    {
        let log: Arc<Mutex<Vec<String>>> = Arc::default();
        let tokens = Arc::new(AtomicUsize::new(0));
        let client = Client::builder(app())
            .transport(from_fn(platform(Arc::clone(&tokens))))
            .store(Shelf(Arc::clone(&log), kept))
            .build()
            .unwrap();
        client.call(GetUser::new("manager01")).await.unwrap();
        client.call(GetUser::new("manager01")).await.unwrap();
        assert_eq!(*log.lock().unwrap(), asked);
        assert_eq!(tokens.load(Ordering::SeqCst), tokens_wanted);
    }
}

#[tokio::test]
async fn a_store_that_hangs_costs_a_bounded_time_and_not_the_call() {
    struct Hanging;
    impl Store for Hanging {
        type Exchange = std::future::Pending<StoreReply>;
        fn ask(&self, _: StoreOp) -> Self::Exchange {
            std::future::pending()
        }
    }
    let tokens = Arc::new(AtomicUsize::new(0));
    let mut policy = Policy::default();
    policy.store = Duration::from_millis(20);
    let client = Client::builder(app())
        .transport(from_fn(platform(Arc::clone(&tokens))))
        .store(Hanging)
        .policy(policy)
        .build()
        .unwrap();
    client.call(GetUser::new("manager01")).await.unwrap();
    assert_eq!(tokens.load(Ordering::SeqCst), 1);
    let why = client.caller().source().store_failure().unwrap();
    assert!(why.contains("too long"), "{why}");
}

#[tokio::test]
async fn keeping_fresh_fetches_and_reports() {
    let tokens = Arc::new(AtomicUsize::new(0));
    let client = Client::with_transport(app(), from_fn(platform(Arc::clone(&tokens))));
    let (report, mut reports) = tokio::sync::mpsc::unbounded_channel();
    let task = tokio::spawn({
        let client = client.clone();
        async move { client.keep_fresh(|outcome| report.send(outcome).unwrap()).await }
    });
    let held = reports.recv().await.unwrap().unwrap();
    assert_eq!(held.value.expose(), "t-1");
    client.call(ObtainToken::new()).await.unwrap();
    assert!(timeout(Duration::from_millis(50), reports.recv()).await.is_err());
    assert_eq!(tokens.load(Ordering::SeqCst), 1);
    task.abort();
}

#[tokio::test]
async fn keeping_fresh_reports_failures_and_does_not_hurry() {
    let sends = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&sends);
    let transport = from_fn(move |_: Request| {
        count.fetch_add(1, Ordering::SeqCst);
        async { Err(TransportError::not_sent("connection refused")) }
    });
    let mut policy = Policy::default();
    policy.attempts = 1;
    let client = Client::builder(app()).transport(transport).policy(policy).build().unwrap();
    let (report, mut reports) = tokio::sync::mpsc::unbounded_channel();
    let task = tokio::spawn(async move { client.keep_fresh(|o| report.send(o).unwrap()).await });
    let error = reports.recv().await.unwrap().unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Unreachable);
    assert!(timeout(Duration::from_millis(100), reports.recv()).await.is_err());
    assert_eq!(sends.load(Ordering::SeqCst), 1);
    task.abort();
}

#[test]
fn a_client_is_made_and_dropped_without_a_runtime() {
    let client = Client::new(app()).unwrap();
    let call = client.call(GetUser::new("x"));
    drop((client, call));
}

#[tokio::test]
async fn nothing_secret_is_shown() {
    let client = Client::with_transport(app(), from_fn(|_: Request| async { ok(TOKEN) }));
    client.call(ObtainToken::new()).await.unwrap();
    let text = format!("{client:?} {:?}", client.pages(ListUsers::new(1)));
    assert!(!text.contains("canary") && !text.contains("t-1"), "{text}");
    fn is_shared<T: Send + Sync + Clone + 'static>(_: &T) {}
    is_shared(&client);
}
