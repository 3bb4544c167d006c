//! The blocking driver, over closures as transports.
#![allow(clippy::unwrap_used)]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use dingtalk_blocking::{Client, Stop};
use dingtalk_core::auth::ObtainToken;
use dingtalk_core::contact::{GetContactUser, GetUser, ListUsers};
use dingtalk_core::{
    App, ErrorKind, NewRecord, Policy, Record, Reply, Request, Response, Store, StoreOp,
    StoreReply, TransportError, from_fn,
};

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

/// A platform that counts its token requests and takes a moment for each.
fn platform(tokens: Arc<AtomicUsize>) -> impl Fn(Request) -> Reply {
    move |request| {
        if asks_for_token(&request) {
            tokens.fetch_add(1, Ordering::SeqCst);
            thread::sleep(Duration::from_millis(20));
            return ok(TOKEN);
        }
        ok(USER)
    }
}

#[test]
fn sixty_four_cold_threads_make_one_token_request() {
    let tokens = Arc::new(AtomicUsize::new(0));
    let client = Client::with_transport(app(), from_fn(platform(Arc::clone(&tokens))));
    let start = Barrier::new(64);
    thread::scope(|scope| {
        for _ in 0..64 {
            scope.spawn(|| {
                start.wait();
                assert_eq!(client.call(GetUser::new("manager01")).unwrap().userid, "manager01");
            });
        }
    });
    assert_eq!(tokens.load(Ordering::SeqCst), 1);
}

#[test]
fn two_clients_over_one_app_share_its_token() {
    let tokens = Arc::new(AtomicUsize::new(0));
    let app = app();
    for _ in 0..2 {
        let transport = from_fn(platform(Arc::clone(&tokens)));
        let client = Client::with_transport(app.clone(), transport);
        client.call(&GetUser::new("manager01")).unwrap();
    }
    assert_eq!(tokens.load(Ordering::SeqCst), 1);
}

#[test]
fn waiters_share_the_failure_and_do_not_try_one_after_another() {
    let tokens = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&tokens);
    let transport = from_fn(move |_: Request| -> Reply {
        count.fetch_add(1, Ordering::SeqCst);
        thread::sleep(Duration::from_millis(100));
        ok(r#"{"code":"invalidClientIdOrSecret","message":"x","requestid":"r"}"#)
    });
    let client = Client::with_transport(app(), transport);
    let start = Barrier::new(16);
    let began = Instant::now();
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                start.wait();
                assert!(client.call(GetUser::new("x")).is_err());
            });
        }
    });
    assert!(tokens.load(Ordering::SeqCst) <= 3, "{tokens:?}");
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_leader_that_panics_passes_the_lead_on() {
    let (entered, wait_for_entry) = mpsc::channel();
    let tokens = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&tokens);
    let transport = from_fn(move |request: Request| -> Reply {
        if !asks_for_token(&request) {
            return ok(USER);
        }
        if count.fetch_add(1, Ordering::SeqCst) == 0 {
            entered.send(()).unwrap();
            thread::sleep(Duration::from_millis(50));
            panic!("the program's own transport fails");
        }
        ok(TOKEN)
    });
    let client = Client::with_transport(app(), transport);
    let began = Instant::now();
    thread::scope(|scope| {
        let call = AssertUnwindSafe(|| client.call(GetUser::new("manager01")));
        let leader = scope.spawn(move || catch_unwind(call).is_err());
        wait_for_entry.recv().unwrap();
        client.call(GetUser::new("manager01")).unwrap();
        assert!(leader.join().unwrap());
    });
    assert_eq!(tokens.load(Ordering::SeqCst), 2);
    assert!(began.elapsed() < Duration::from_secs(5), "woken, not timed out");
}

#[test]
fn a_lost_answer_is_asked_for_again_where_it_is_harmless() {
    let sends = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&sends);
    let transport = from_fn(move |request: Request| -> Reply {
        if asks_for_token(&request) {
            return ok(TOKEN);
        }
        match count.fetch_add(1, Ordering::SeqCst) {
            0 => Err(TransportError::lost("cut")),
            _ => ok(USER),
        }
    });
    let mut policy = Policy::default();
    policy.backoff = Duration::from_millis(1);
    let client = Client::builder(app()).transport(transport).policy(policy).build().unwrap();
    client.call(GetUser::new("manager01")).unwrap();
    assert_eq!(sends.load(Ordering::SeqCst), 2);
}

#[test]
fn a_person_is_called_for_over_the_same_connections() {
    let paths = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&paths);
    let transport = from_fn(move |request: Request| -> Reply {
        seen.lock().unwrap().push(request.url().path().to_owned());
        match request.url().path() {
            "/v1.0/oauth2/userAccessToken" => {
                ok(r#"{"accessToken":"u-1","refreshToken":"r-1","expireIn":7200}"#)
            }
            _ => ok(r#"{"nick":"n","unionId":"u","openId":"o"}"#),
        }
    });
    let client = Client::with_transport(app(), transport);
    let user = client.caller().user_from_code("code-1");
    let person = client.on_behalf_of(&user);
    person.call(GetContactUser::me()).unwrap();
    person.call(GetContactUser::me()).unwrap();
    let paths = paths.lock().unwrap();
    assert_eq!(paths.iter().filter(|path| path.contains("oauth2")).count(), 1, "{paths:?}");
    assert_eq!(paths.len(), 3);
}

#[test]
fn pages_are_asked_for_when_they_are_reached() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let transport = from_fn(move |request: Request| -> Reply {
        if asks_for_token(&request) {
            return ok(TOKEN);
        }
        let page = count.fetch_add(1, Ordering::SeqCst);
        let user = format!(r#"{{"userid":"u{page}","unionid":"x","name":"n"}}"#);
        let more = page < 2;
        ok(&format!(
            r#"{{"errcode":0,"result":{{"has_more":{more},"next_cursor":1{page},"list":[{user},{user}]}}}}"#
        ))
    });
    let client = Client::with_transport(app(), transport);
    let mut pages = client.pages(ListUsers::new(1));
    assert_eq!(asked.load(Ordering::SeqCst), 0);
    assert_eq!(pages.next().unwrap().unwrap().userid, "u0");
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    let rest: Vec<_> = pages.map(|user| user.unwrap().userid).collect();
    assert_eq!(rest, ["u0", "u1", "u1", "u2", "u2"]);
    assert_eq!(asked.load(Ordering::SeqCst), 3);
}

#[test]
fn an_error_ends_the_pages() {
    let client = Client::with_transport(
        app(),
        from_fn(|request: Request| -> Reply {
            match asks_for_token(&request) {
                true => ok(TOKEN),
                false => ok(r#"{"errcode":40035,"errmsg":"x"}"#),
            }
        }),
    );
    let mut pages = client.pages(ListUsers::new(1));
    assert!(pages.next().unwrap().is_err());
    assert!(pages.next().is_none());
}

#[test]
fn a_store_is_asked_before_the_platform_and_told_afterwards() {
    struct Shelf(Arc<Mutex<Vec<String>>>, Option<Record>);
    impl Store for Shelf {
        type Exchange = StoreReply;
        fn ask(&self, question: StoreOp) -> StoreReply {
            let name = format!("{question:?}");
            let name = name.split([' ', '{']).next().unwrap().to_owned();
            self.0.lock().unwrap().push(name);
            match question {
                StoreOp::Load { .. } => StoreReply::Record { record: self.1.clone() },
                StoreOp::Lock { .. } => StoreReply::Locked { record: self.1.clone() },
                StoreOp::Write { .. } => StoreReply::Written { version: 1 },
                StoreOp::Unlock { .. } => StoreReply::Done,
                _ => StoreReply::Failed { why: "unknown".into() },
            }
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
        client.call(GetUser::new("manager01")).unwrap();
        client.call(GetUser::new("manager01")).unwrap();
        assert_eq!(*log.lock().unwrap(), asked);
        assert_eq!(tokens.load(Ordering::SeqCst), tokens_wanted);
    }
}

#[test]
fn keeping_fresh_fetches_reports_and_stops_at_once() {
    let tokens = Arc::new(AtomicUsize::new(0));
    let client = Client::with_transport(app(), from_fn(platform(Arc::clone(&tokens))));
    let stop = Stop::new();
    let (report, reports) = mpsc::channel();
    let thread = thread::spawn({
        let (client, stop) = (client.clone(), stop.clone());
        move || client.keep_fresh(&stop, |outcome| report.send(outcome).unwrap())
    });
    let held = reports.recv_timeout(Duration::from_secs(5)).unwrap().unwrap();
    assert_eq!(held.value.expose(), "t-1");
    client.call(ObtainToken::new()).unwrap();
    let began = Instant::now();
    stop.stop();
    thread.join().unwrap();
    assert!(began.elapsed() < Duration::from_millis(900));
    assert_eq!(tokens.load(Ordering::SeqCst), 1);
}

#[test]
fn keeping_fresh_reports_failures_and_does_not_hurry() {
    let sends = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&sends);
    let transport = from_fn(move |_: Request| -> Reply {
        count.fetch_add(1, Ordering::SeqCst);
        Err(TransportError::not_sent("connection refused"))
    });
    let mut policy = Policy::default();
    policy.attempts = 1;
    let client = Client::builder(app()).transport(transport).policy(policy).build().unwrap();
    let stop = Stop::new();
    let (report, reports) = mpsc::channel();
    let thread = thread::spawn({
        let stop = stop.clone();
        move || client.keep_fresh(&stop, |outcome| report.send(outcome).unwrap())
    });
    let error = reports.recv_timeout(Duration::from_secs(5)).unwrap().unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Unreachable);
    assert!(reports.recv_timeout(Duration::from_millis(100)).is_err());
    stop.stop();
    thread.join().unwrap();
    assert_eq!(sends.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn it_works_on_the_only_thread_of_an_async_program() {
    let tokens = Arc::new(AtomicUsize::new(0));
    let client = Client::with_transport(app(), from_fn(platform(Arc::clone(&tokens))));
    client.call(GetUser::new("manager01")).unwrap();
    let other = client.clone();
    let call = move || other.call(GetUser::new("manager01"));
    tokio::task::spawn_blocking(call).await.unwrap().unwrap();
    assert_eq!(tokens.load(Ordering::SeqCst), 1);
}

#[test]
fn http_works_inside_an_async_program() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let region = dingtalk_core::Region::custom(&format!("http://{free}")).unwrap();
    let app = App::builder("dingabc", "s").region(region).build();
    let mut policy = Policy::default();
    policy.attempts = 1;
    let client = Client::builder(app).policy(policy).build().unwrap();
    let error = runtime.block_on(async { client.call(GetUser::new("x")) }).unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Unreachable);
}

#[test]
fn nothing_secret_is_shown() {
    let client = Client::with_transport(app(), from_fn(|_: Request| -> Reply { ok(TOKEN) }));
    client.call(ObtainToken::new()).unwrap();
    let text = format!("{client:?} {:?} {:?}", client.pages(ListUsers::new(1)), Stop::new());
    assert!(!text.contains("canary") && !text.contains("t-1"), "{text}");
    fn is_shared<T: Send + Sync + Clone + 'static>(_: &T) {}
    is_shared(&client);
}
