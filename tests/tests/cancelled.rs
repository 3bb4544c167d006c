//! A task that is cancelled: whatever it called, and after whichever of its polls it is dropped,
//! those who share its credential go on, soon, with one extra token request at most.
//!
//! The runtime's time is stepped over where everybody waits, and sandbox, store and clients read it.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use dingtalk_async::Client;
use dingtalk_core::auth::{ForgetSession, KeepSession, ListSessions, ObtainToken, TakeSuiteTicket};
use dingtalk_core::contact::{GetContactUser, GetUser};
use dingtalk_core::jsapi::ObtainTicket;
use dingtalk_core::store::Memory;
use dingtalk_core::{
    App, Credential, Error, ErrorKind, Region, Reply, Request, Store, StoreOp, StoreReply, Suite,
    Timestamp, Transport, TransportError, User,
};
use dingtalk_sandbox::{Consent, Sandbox};
use tokio::time::{Instant, timeout};

const START: u64 = 1_700_000_000_000;
/// The store's lock of a holder that is gone lasts a lease, and whoever waits for it a little more.
const LEASE: Duration = Duration::from_secs(45);

type Outcome = Result<(), Error>;
type Calling = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// A sandbox, a store and a clock that nobody has used yet.
#[derive(Clone)]
struct World {
    sandbox: Sandbox,
    region: Region,
    store: Option<Memory>,
    began: Instant,
    /// Put forward beside the runtime's own time.
    leap: Arc<Mutex<Duration>>,
    /// Requests that reached the platform, by path.
    seen: Arc<Mutex<Vec<String>>>,
}

impl World {
    fn new(shared: bool) -> Self {
        let (began, leap) = (Instant::now(), Arc::new(Mutex::new(Duration::ZERO)));
        let ahead = Arc::clone(&leap);
        let clock = move || at(began, &ahead);
        Self {
            sandbox: Sandbox::builder().frozen_at(START).in_process(),
            region: Region::custom("http://127.0.0.1:1").unwrap(),
            store: shared.then(|| Memory::new(clock)),
            began,
            leap,
            seen: Arc::default(),
        }
    }

    fn now(&self) -> u64 {
        at(self.began, &self.leap)
    }

    fn pass(&self, time: Duration) {
        *self.leap.lock().unwrap() += time;
    }

    fn app(&self) -> App {
        let demo = self.sandbox.demo();
        App::builder(demo.client_id, demo.client_secret).region(self.region.clone()).build()
    }

    fn suite(&self) -> Suite {
        let demo = self.sandbox.demo();
        assert!(self.sandbox.add_company("dingcustomer", "A customer"));
        let person = dingtalk_sandbox::Person::new("boss", "The boss");
        assert!(self.sandbox.add_person_to("dingcustomer", person));
        self.sandbox.authorize(&demo.suite_key, "dingcustomer").unwrap();
        self.sandbox.grant(&demo.suite_key, "qyapi_get_member");
        Suite::builder(demo.suite_key, demo.suite_secret).region(self.region.clone()).build()
    }

    /// Somebody who has just consented.
    fn person(&self, app: &App) -> User {
        let demo = self.sandbox.demo();
        let consent = Consent::delegated(demo.client_id, demo.corp_id, demo.user_id)
            .rpc_scope("Contact.User.Read");
        self.sandbox.clock().set(self.now());
        app.user_from_code(self.sandbox.consent(&consent).unwrap().auth_code().unwrap())
    }

    fn client<C: Credential>(&self, caller: C) -> Client<C> {
        let clock = self.clone();
        let builder = Client::builder(caller)
            .transport(SlowWire(self.clone()))
            .clock(move || Timestamp::from_millis(clock.now()));
        match &self.store {
            Some(store) => builder.store(SlowStore(store.clone())),
            None => builder,
        }
        .build()
        .unwrap()
    }

    fn token_requests(&self) -> usize {
        let names = ["oken", "icket"];
        let seen = self.seen.lock().unwrap();
        seen.iter().filter(|path| names.iter().any(|name| path.contains(name))).count()
    }
}

fn at(began: Instant, leap: &Mutex<Duration>) -> u64 {
    let passed = began.elapsed() + *leap.lock().unwrap();
    START + u64::try_from(passed.as_millis()).unwrap()
}

/// Has its turn taken away a few times before and after the platform sees the request.
struct SlowWire(World);

impl Transport for SlowWire {
    type Exchange = Pin<Box<dyn Future<Output = Reply> + Send>>;

    fn send(&self, request: Request) -> Self::Exchange {
        let world = self.0.clone();
        Box::pin(async move {
            turns(2).await;
            world.seen.lock().unwrap().push(request.url().path().to_owned());
            world.sandbox.clock().set(world.now());
            let reply = world.sandbox.try_handle(request.into_http());
            turns(2).await;
            reply.map(Into::into).map_err(|_| TransportError::lost("lost"))
        })
    }
}

struct SlowStore(Memory);

impl Store for SlowStore {
    type Exchange = Pin<Box<dyn Future<Output = StoreReply> + Send>>;

    fn ask(&self, question: StoreOp) -> Self::Exchange {
        let store = self.0.clone();
        Box::pin(async move {
            turns(1).await;
            let reply = store.ask(question);
            turns(1).await;
            reply
        })
    }
}

/// Lets others have their turn so often.
async fn turns(times: usize) {
    for _ in 0..times {
        let mut waited = false;
        poll_fn(|context| match std::mem::replace(&mut waited, true) {
            true => Poll::Ready(()),
            false => {
                context.waker().wake_by_ref();
                Poll::Pending
            }
        })
        .await;
    }
}

/// What is called: given the world, makes one call after another over the same credential.
type Scene = fn(&World) -> Box<dyn Fn() -> Calling>;

fn run(test: impl Future<Output = ()>) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.unwrap().block_on(test);
}

/// Drops the first call after every number of polls that it can have.
fn at_every_poll(shared: bool, scene: Scene, excused: fn(&ErrorKind) -> bool) -> usize {
    let mut polls = 0;
    loop {
        let mut over = false;
        run(async {
            let usual = undisturbed(shared, scene).await;
            let world = World::new(shared);
            let call = scene(&world);
            let before = world.token_requests();
            over = disturbed(&call, polls, shared, excused).await;
            let requests = world.token_requests() - before;
            assert!(requests <= usual + 1, "poll {polls}: {requests} requests, usually {usual}");
        });
        if over {
            return polls;
        }
        polls += 1;
        assert!(polls < 500, "it never ends");
    }
}

/// Token requests of two calls that nobody disturbs.
async fn undisturbed(shared: bool, scene: Scene) -> usize {
    let world = World::new(shared);
    let call = scene(&world);
    let before = world.token_requests();
    call().await.unwrap();
    call().await.unwrap();
    world.token_requests() - before
}

/// Whether the first call was over before it was dropped.
async fn disturbed(
    call: &dyn Fn() -> Calling,
    polls: usize,
    shared: bool,
    excused: fn(&ErrorKind) -> bool,
) -> bool {
    let mut leader = call();
    let mut follower = call();
    let mut over = false;
    for poll in 0..polls {
        over = leader.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready();
        if over {
            break;
        }
        if poll == 0 {
            // Comes while the first one leads.
            let polled = follower.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            assert!(polled.is_pending());
        }
    }
    drop(leader);
    let dropped = Instant::now();
    for caller in [follower, call()] {
        let outcome = timeout(Duration::from_secs(300), caller).await.expect("nobody hangs");
        if let Err(error) = outcome {
            assert!(!over && excused(error.kind()), "poll {polls}: {error}");
        }
    }
    let most = if shared { LEASE } else { Duration::ZERO };
    assert!(dropped.elapsed() <= most, "poll {polls}: waited {:?}", dropped.elapsed());
    over
}

fn never(_: &ErrorKind) -> bool {
    false
}

/// What was presented once may be used up, and the answer is gone with the call that waited for it.
fn doubt(kind: &ErrorKind) -> bool {
    *kind == ErrorKind::LoginAgain { in_doubt: true }
}

fn calls<C, E>(client: Client<C>, endpoint: E) -> Box<dyn Fn() -> Calling>
where
    C: dingtalk_core::ActsAs<E::Caller> + Clone + 'static,
    E: dingtalk_core::Endpoint<Output: Send> + Clone + Send + 'static,
{
    Box::new(move || {
        let call = client.call(endpoint.clone());
        Box::pin(async move { call.await.map(|_| ()) })
    })
}

fn cold_app(world: &World) -> Box<dyn Fn() -> Calling> {
    calls(world.client(world.app()), GetUser::new(world.sandbox.demo().user_id))
}

fn aging_app(world: &World) -> Box<dyn Fn() -> Calling> {
    let app = world.app();
    let now = Timestamp::from_millis(world.now());
    app.seed("on its last legs", now + Duration::from_secs(1), now);
    calls(world.client(app), ObtainToken::new())
}

fn rejected_token(world: &World) -> Box<dyn Fn() -> Calling> {
    let app = world.app();
    let now = Timestamp::from_millis(world.now());
    app.seed("revoked", now + Duration::from_secs(7_000), now);
    calls(world.client(app), GetUser::new(world.sandbox.demo().user_id))
}

fn page_ticket(world: &World) -> Box<dyn Fn() -> Calling> {
    calls(world.client(world.app()), ObtainTicket::new())
}

fn organization(world: &World) -> Box<dyn Fn() -> Calling> {
    let suite = world.suite();
    let ticket = world.sandbox.suite_ticket(suite.suite_key().as_str()).unwrap();
    suite.take_ticket(ticket, 1);
    calls(world.client(suite.corp("dingcustomer")), GetUser::new("boss"))
}

fn suite_ticket(world: &World) -> Box<dyn Fn() -> Calling> {
    calls(world.client(world.suite()), TakeSuiteTicket::new("ticket", 7))
}

fn sessions(world: &World) -> Box<dyn Fn() -> Calling> {
    calls(world.client(world.app()), ListSessions::new(5))
}

fn login(world: &World) -> Box<dyn Fn() -> Calling> {
    let person = world.person(&world.app());
    person.keep_as("somebody");
    calls(world.client(person), GetContactUser::me())
}

/// Two hours after a login.
fn refresh(world: &World) -> Box<dyn Fn() -> Calling> {
    let app = world.app();
    let person = world.person(&app);
    person.keep_as("somebody");
    let mut login = Box::pin(world.client(person.clone()).call(GetContactUser::me()));
    finish(&mut login).unwrap();
    world.pass(Duration::from_secs(7_300));
    calls(world.client(person), GetContactUser::me())
}

fn kept_session(world: &World) -> Box<dyn Fn() -> Calling> {
    let app = world.app();
    let person = world.person(&app);
    person.keep_as("somebody");
    let mut login = Box::pin(world.client(person.clone()).call(GetContactUser::me()));
    finish(&mut login).unwrap();
    calls(world.client(person), KeepSession::new())
}

fn forgotten_session(world: &World) -> Box<dyn Fn() -> Calling> {
    calls(world.client(world.app().user_kept_as("somebody")), ForgetSession::new())
}

/// Polls to the end what never really waits.
fn finish<F: Future + Unpin>(future: &mut F) -> F::Output {
    loop {
        let polled = Pin::new(&mut *future).poll(&mut Context::from_waker(Waker::noop()));
        if let Poll::Ready(output) = polled {
            return output;
        }
    }
}

#[test]
fn a_cold_app_goes_on_at_once_wherever_its_leader_is_cancelled() {
    let polls = at_every_poll(false, cold_app, never);
    assert!(polls >= 8, "two requests of five polls each: {polls}");
}

#[test]
fn an_early_replacement_that_is_cancelled_leaves_the_old_token_serving() {
    at_every_poll(false, aging_app, never);
    at_every_poll(true, aging_app, never);
}

#[test]
fn a_renewal_after_a_rejection_goes_on_wherever_it_is_cancelled() {
    at_every_poll(false, rejected_token, never);
    at_every_poll(true, rejected_token, never);
}

#[test]
fn a_page_ticket_and_the_token_under_it_go_on_wherever_they_are_cancelled() {
    at_every_poll(false, page_ticket, never);
    at_every_poll(true, page_ticket, never);
}

#[test]
fn an_organizations_token_goes_on_wherever_it_is_cancelled() {
    at_every_poll(false, organization, never);
    at_every_poll(true, organization, never);
}

#[test]
fn an_app_that_shares_a_store_goes_on_within_a_lease_wherever_it_is_cancelled() {
    let polls = at_every_poll(true, cold_app, never);
    assert!(polls >= 15, "with three questions to the store: {polls}");
}

#[test]
fn questions_to_the_store_alone_can_be_cancelled_anywhere() {
    at_every_poll(true, suite_ticket, never);
    at_every_poll(true, sessions, never);
    at_every_poll(true, forgotten_session, never);
    at_every_poll(true, kept_session, never);
}

#[test]
fn a_login_that_is_cancelled_is_told_where_its_code_may_be_used_up_and_goes_on_elsewhere() {
    at_every_poll(false, login, doubt);
    at_every_poll(true, login, doubt);
}

#[test]
fn a_refresh_that_is_cancelled_presents_no_token_twice_unseen_and_nobody_hangs() {
    at_every_poll(false, refresh, doubt);
    at_every_poll(true, refresh, doubt);
}
