//! Many callers and one token: exactly one request for it, whoever asks and whatever befalls the
//! one who fetches it.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::task::{Context, Waker};
use std::thread;
use std::time::{Duration, Instant};

use dingtalk_core::auth::ObtainToken;
use dingtalk_core::contact::{GetContactUser, GetUser};
use dingtalk_core::jsapi::ObtainTicket;
use dingtalk_core::{
    App, Error, ErrorKind, Policy, Region, Reply, Request, TransportError, from_fn,
};
use dingtalk_sandbox::{Consent, Fault, Sandbox};
use dingtalk_tests::{patient, runtime};
use tokio::runtime::Runtime;

const TOKEN: &str = "POST /v1.0/oauth2/accessToken";

/// A sandbox whose token endpoint is slow enough for everybody to find it in use.
fn slow_sandbox() -> Sandbox {
    let sandbox = Sandbox::start().unwrap();
    sandbox.fault(Fault::on(TOKEN).delay(Duration::from_millis(150)));
    sandbox
}

fn app(sandbox: &Sandbox) -> App {
    let demo = sandbox.demo();
    App::builder(demo.client_id, demo.client_secret)
        .region(Region::custom(&sandbox.origin()).unwrap())
        .build()
}

fn user(sandbox: &Sandbox) -> GetUser {
    GetUser::new(sandbox.demo().user_id)
}

fn blocking(app: &App, policy: Policy) -> dingtalk_blocking::Client<App> {
    dingtalk_blocking::Client::builder(app.clone()).policy(policy).build().unwrap()
}

fn asynchronous(app: &App, policy: Policy) -> dingtalk_async::Client<App> {
    dingtalk_async::Client::builder(app.clone()).policy(policy).build().unwrap()
}

/// The herd on a transport that is a closure: no sockets, and a token that takes its time.
fn async_closure(sandbox: &Sandbox, app: &App) -> dingtalk_async::Client<App> {
    let judge = sandbox.clone();
    let transport = from_fn(move |request: Request| {
        let judge = judge.clone();
        async move {
            if request.url().path().ends_with("accessToken") {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            carry(&judge, request)
        }
    });
    dingtalk_async::Client::builder(app.clone())
        .transport(transport)
        .policy(patient())
        .build()
        .unwrap()
}

fn blocking_closure(sandbox: &Sandbox, app: &App) -> dingtalk_blocking::Client<App> {
    let judge = sandbox.clone();
    let transport = from_fn(move |request: Request| -> Reply {
        if request.url().path().ends_with("accessToken") {
            thread::sleep(Duration::from_millis(100));
        }
        carry(&judge, request)
    });
    dingtalk_blocking::Client::builder(app.clone())
        .transport(transport)
        .policy(patient())
        .build()
        .unwrap()
}

fn carry(sandbox: &Sandbox, request: Request) -> Reply {
    match sandbox.try_handle(request.into_http()) {
        Ok(response) => Ok(response.into()),
        Err(_) => Err(TransportError::lost("the connection ended")),
    }
}

/// So many tasks at once, each with a clone of the client.
fn tasks<T>(runtime: &Runtime, count: usize, one: impl Fn(usize) -> T) -> Vec<T::Output>
where
    T: Future + Send + 'static,
    T::Output: Send,
{
    let handles: Vec<_> = (0..count).map(|at| runtime.spawn(one(at))).collect();
    runtime.block_on(async {
        let mut results = Vec::with_capacity(count);
        for handle in handles {
            results.push(handle.await.unwrap());
        }
        results
    })
}

/// So many threads that begin together.
fn threads<T: Send>(count: usize, one: impl Fn() -> T + Sync) -> Vec<T> {
    let start = Barrier::new(count);
    thread::scope(|scope| {
        let start = &start;
        let one = &one;
        let handles: Vec<_> = (0..count)
            .map(|_| {
                scope.spawn(move || {
                    start.wait();
                    one()
                })
            })
            .collect();
        handles.into_iter().map(|handle| handle.join().unwrap()).collect()
    })
}

#[test]
fn ten_thousand_cold_tasks_make_one_token_request() {
    let sandbox = slow_sandbox();
    let app = app(&sandbox);
    let client = asynchronous(&app, patient());
    let runtime = runtime(2);
    let results = tasks(&runtime, 10_000, |_| client.call(ObtainToken::new()));
    assert!(results.into_iter().all(|result| result.is_ok()));
    assert_eq!(sandbox.token_requests(), 1);
}

#[test]
fn ten_thousand_cold_tasks_make_one_token_request_over_a_closure_and_all_their_calls() {
    let sandbox = Sandbox::in_process();
    let app = app(&sandbox);
    let client = async_closure(&sandbox, &app);
    let runtime = runtime(2);
    let get = user(&sandbox);
    let results = tasks(&runtime, 10_000, |_| client.call(get.clone()));
    assert!(results.into_iter().all(|result| result.is_ok()));
    assert_eq!(sandbox.token_requests(), 1);
    assert_eq!(sandbox.count("POST /topapi/v2/user/get"), 10_000);
}

#[test]
fn sixty_four_cold_threads_make_one_token_request() {
    let sandbox = slow_sandbox();
    let app = app(&sandbox);
    let client = blocking(&app, patient());
    let results = threads(64, || client.call(user(&sandbox)));
    assert!(results.into_iter().all(|result| result.is_ok()));
    assert_eq!(sandbox.token_requests(), 1);
}

#[test]
fn sixty_four_cold_threads_make_one_token_request_over_a_closure() {
    let sandbox = Sandbox::in_process();
    let app = app(&sandbox);
    let client = blocking_closure(&sandbox, &app);
    let results = threads(64, || client.call(user(&sandbox)));
    assert!(results.into_iter().all(|result| result.is_ok()));
    assert_eq!(sandbox.token_requests(), 1);
}

#[test]
fn sixty_four_clients_of_one_app_make_one_token_request() {
    let sandbox = slow_sandbox();
    let app = app(&sandbox);
    let results = threads(64, || blocking(&app, patient()).call(ObtainToken::new()));
    assert!(results.into_iter().all(|result| result.is_ok()));
    assert_eq!(sandbox.token_requests(), 1);
}

fn threads_and_tasks(
    sandbox: &Sandbox,
    blocking: &dingtalk_blocking::Client<App>,
    asynchronous: &dingtalk_async::Client<App>,
) {
    let runtime = runtime(2);
    let get = user(sandbox);
    thread::scope(|scope| {
        let threads = scope.spawn(|| threads(32, || blocking.call(&get)));
        let results = tasks(&runtime, 1_000, |_| asynchronous.call(get.clone()));
        assert!(results.into_iter().all(|result| result.is_ok()));
        assert!(threads.join().unwrap().into_iter().all(|result| result.is_ok()));
    });
    assert_eq!(sandbox.token_requests(), 1);
}

#[test]
fn threads_and_tasks_over_one_app_make_one_token_request_together() {
    let sandbox = slow_sandbox();
    let app = app(&sandbox);
    threads_and_tasks(&sandbox, &blocking(&app, patient()), &asynchronous(&app, patient()));
}

#[test]
fn threads_and_tasks_over_one_app_make_one_token_request_together_over_closures() {
    let sandbox = Sandbox::in_process();
    let app = app(&sandbox);
    let asynchronous = async_closure(&sandbox, &app);
    threads_and_tasks(&sandbox, &blocking_closure(&sandbox, &app), &asynchronous);
}

#[test]
fn a_herd_at_a_ticket_fetches_one_token_and_one_ticket() {
    let sandbox = slow_sandbox();
    let app = app(&sandbox);
    let client = blocking(&app, patient());
    let results = threads(64, || client.call(ObtainTicket::new()).unwrap().value);
    assert!(results.windows(2).all(|two| two[0].matches(two[1].expose())));
    assert_eq!((sandbox.token_requests(), sandbox.count("POST /v1.0/oauth2/jsapiTickets")), (1, 1));
}

#[test]
fn a_herd_of_one_person_exchanges_the_code_once() {
    let sandbox = Sandbox::start().unwrap();
    let exchange = "POST /v1.0/oauth2/userAccessToken";
    sandbox.fault(Fault::on(exchange).delay(Duration::from_millis(150)));
    let demo = sandbox.demo();
    let consent = Consent::delegated(&*demo.client_id, &*demo.corp_id, &*demo.user_id)
        .rpc_scope("Contact.User.Read");
    let code = sandbox.consent(&consent).unwrap().auth_code().unwrap().to_owned();
    let app = app(&sandbox);
    let person = app.user_from_code(code);
    let client = blocking(&app, patient()).on_behalf_of(&person);
    let results = threads(32, || client.call(GetContactUser::me()));
    assert!(results.into_iter().all(|result| result.is_ok()));
    assert_eq!(sandbox.count(exchange), 1);
    // Again with a refresh token, which would be as dead after the first use.
    sandbox.revoke_all_tokens();
    let results = threads(32, || client.call(GetContactUser::me()));
    assert!(results.into_iter().all(|result| result.is_ok()));
    assert_eq!(sandbox.count(exchange), 2);
}

#[test]
fn a_token_killed_under_a_herd_is_renewed_once() {
    let sandbox = slow_sandbox();
    let app = app(&sandbox);
    let client = blocking(&app, patient());
    client.call(user(&sandbox)).unwrap();
    for round in 2..=4 {
        sandbox.revoke_all_tokens();
        let results = threads(32, || client.call(user(&sandbox)));
        assert!(results.into_iter().all(|result| result.is_ok()));
        assert_eq!(sandbox.token_requests(), round);
    }
}

/// Polls a call so many times, giving its connection time in between, and drops it.
async fn poll_and_drop<F: Future>(future: F, polls: usize) -> bool {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..polls {
        if future.as_mut().poll(&mut context).is_ready() {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    false
}

#[test]
fn a_leader_cancelled_anywhere_costs_one_request_more_at_most_and_nobody_is_stuck() {
    let runtime = runtime(2);
    let mut finished_at = None;
    for polls in 0..60 {
        let sandbox = Sandbox::start().unwrap();
        sandbox.fault(Fault::on(TOKEN).delay(Duration::from_millis(20)));
        let app = app(&sandbox);
        let client = asynchronous(&app, patient());
        let begin = Instant::now();
        let finished = runtime.block_on(async {
            let get = user(&sandbox);
            let waiters: Vec<_> = {
                let leader = poll_and_drop(client.call(&get), polls);
                let mut leader = pin!(leader);
                // It leads from its first poll on; only then do the others come.
                let mut context = Context::from_waker(Waker::noop());
                let done = leader.as_mut().poll(&mut context).is_ready();
                let waiters = (0..20).map(|_| tokio::spawn(client.call(get.clone()))).collect();
                if !done && leader.await {
                    finished_at.get_or_insert(polls);
                }
                waiters
            };
            for waiter in waiters {
                let waited = tokio::time::timeout(Duration::from_secs(5), waiter).await;
                waited.expect("somebody is stuck").unwrap().unwrap();
            }
            finished_at.is_some()
        });
        let requests = sandbox.token_requests();
        assert!(requests <= 2, "{requests} token requests with the leader dropped at poll {polls}");
        assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
        if finished && polls > 3 {
            break;
        }
    }
    assert!(finished_at.is_some(), "the sweep reached the end of a call");
}

#[test]
fn a_leader_that_panics_passes_the_lead_on() {
    let sandbox = Sandbox::in_process();
    let app = app(&sandbox);
    let judge = sandbox.clone();
    let first = AtomicBool::new(true);
    let transport = from_fn(move |request: Request| -> Reply {
        thread::sleep(Duration::from_millis(50));
        assert!(!first.swap(false, Ordering::Relaxed), "a transport of one's own may be broken");
        carry(&judge, request)
    });
    let client = dingtalk_blocking::Client::builder(app)
        .transport(transport)
        .policy(patient())
        .build()
        .unwrap();
    let begin = Instant::now();
    let results = threads(16, || {
        let call = AssertUnwindSafe(|| client.call(user(&sandbox)));
        catch_unwind(call).map(|result| result.is_ok())
    });
    assert_eq!(results.iter().filter(|result| result.is_err()).count(), 1, "the leader alone");
    assert_eq!(results.iter().filter(|result| matches!(result, Ok(true))).count(), 15);
    assert_eq!(sandbox.token_requests(), 1);
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
}

#[test]
fn waiters_of_a_broken_token_endpoint_share_its_failure() {
    let sandbox = Sandbox::start().unwrap();
    sandbox.fault(Fault::on(TOKEN).delay(Duration::from_millis(50)).answer(
        500,
        "text/plain",
        "broken",
    ));
    let app = app(&sandbox);
    let client = blocking(&app, patient());
    let begin = Instant::now();
    let errors: Vec<Error> = threads(64, || client.call(user(&sandbox)).unwrap_err());
    let took = begin.elapsed();
    assert!(errors.iter().all(|error| matches!(error.kind(), ErrorKind::Busy { .. })));
    assert!(sandbox.token_requests() <= 3, "{} requests", sandbox.token_requests());
    assert!(took < Duration::from_secs(5), "{took:?}: not one after another");

    let client = asynchronous(&app, patient());
    let runtime = runtime(2);
    let get = user(&sandbox);
    let results = tasks(&runtime, 64, |_| client.call(get.clone()));
    assert!(results.into_iter().all(|result| result.is_err()));
    assert!(sandbox.token_requests() <= 6, "{} requests", sandbox.token_requests());

    // What is repaired works at once.
    sandbox.clear_faults();
    blocking(&app, patient()).call(user(&sandbox)).unwrap();
}

#[test]
fn a_blocking_client_works_inside_a_runtime_of_many_threads() {
    let sandbox = slow_sandbox();
    let app = app(&sandbox);
    let (blocking, asynchronous) = (blocking(&app, patient()), asynchronous(&app, patient()));
    let get = Arc::new(user(&sandbox));
    let both = runtime(4);
    let results = tasks(&both, 40, |at| {
        let (blocking, asynchronous) = (blocking.clone(), asynchronous.clone());
        let get = Arc::clone(&get);
        async move { if at % 4 == 0 { blocking.call(&*get) } else { asynchronous.call(&*get).await } }
    });
    for result in results {
        result.unwrap();
    }
    assert!(sandbox.token_requests() <= 2, "{}", sandbox.token_requests());
}

#[test]
fn a_blocking_client_works_inside_a_runtime_of_one_thread() {
    let sandbox = slow_sandbox();
    let app = app(&sandbox);
    let client = blocking(&app, patient());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        client.call(user(&sandbox)).unwrap();
        let inner = client.clone();
        let get = user(&sandbox);
        tokio::spawn(async move { inner.call(get).unwrap() }).await.unwrap();
        // And it is made and dropped there, too.
        drop(blocking(&app, patient()));
    });
    assert_eq!(sandbox.token_requests(), 1);
}

#[test]
fn a_blocking_call_on_the_thread_of_the_task_that_fetches_does_not_wait_for_ever() {
    let sandbox = slow_sandbox();
    let app = app(&sandbox);
    let mut policy = patient();
    policy.limits.total = Duration::from_millis(400);
    policy.total = Duration::from_millis(800);
    let (blocking, asynchronous) = (blocking(&app, policy.clone()), asynchronous(&app, policy));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut leader = pin!(asynchronous.call(user(&sandbox)));
        let mut context = Context::from_waker(Waker::noop());
        assert!(leader.as_mut().poll(&mut context).is_pending());
        let begin = Instant::now();
        let error = blocking.call(user(&sandbox)).unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::TimedOut { maybe_executed: false }, "{error}");
        assert!(begin.elapsed() < Duration::from_secs(4), "{:?}", begin.elapsed());
    });
}

#[test]
fn keeping_fresh_means_that_no_call_fetches() {
    let sandbox = Sandbox::start().unwrap();
    let app = app(&sandbox);
    let runtime = runtime(1);
    let keeper = asynchronous(&app, patient());
    let (told, fetched) = std::sync::mpsc::channel();
    let task = runtime.spawn(async move {
        keeper.keep_fresh(move |report| told.send(report.is_ok()).unwrap()).await;
    });
    assert!(fetched.recv_timeout(Duration::from_secs(10)).unwrap());
    let client = blocking(&app, patient());
    for _ in 0..5 {
        client.call(user(&sandbox)).unwrap();
    }
    assert_eq!(sandbox.token_requests(), 1);
    task.abort();
}
