//! [`Rig`]: one sandbox, one client, one way between them.

use std::time::{Duration, Instant, SystemTime};

use dingtalk_core::auth::{OpenAuthResult, Subject};
use dingtalk_core::store::Memory;
use dingtalk_core::{
    ActsAs, App, Credential, Endpoint, Error, Limits, Nobody, Paged, Policy, Region, Reply,
    Request, Store, StoreReply, Timestamp, TransportError, User, from_fn,
};
use dingtalk_sandbox::{Builder, Consent, Demo, Lost, Sandbox};
use dingtalk_store_sqlite::AsyncSqliteStore;
use tokio::runtime::Runtime;

/// Which client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Driver {
    /// `dingtalk-blocking`.
    Blocking,
    /// `dingtalk-async`, on a runtime of the rig's.
    Async,
}

/// How requests get to the sandbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wire {
    /// Over HTTP on loopback.
    Socket,
    /// Straight in, by a closure.
    Closure,
}

/// A sandbox and a client that talks to it.
#[derive(Debug)]
pub struct Rig {
    /// The judge.
    pub sandbox: Sandbox,
    /// Where the sandbox is, for every credential of the test.
    pub region: Region,
    client: Client,
}

#[derive(Debug)]
enum Client {
    Blocking(dingtalk_blocking::Client<Nobody>),
    Async(dingtalk_async::Client<Nobody>, Runtime),
}

/// What a request of the test's own was answered.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub text: String,
}

/// Tries three times with hardly a pause between, and waits long enough for a busy machine.
pub fn patient() -> Policy {
    let mut policy = Policy::default();
    policy.limits = Limits::new(Duration::from_secs(5), Duration::from_secs(10), 4 << 20);
    policy.total = Duration::from_secs(30);
    policy.backoff = Duration::from_millis(4);
    policy.backoff_max = Duration::from_millis(16);
    policy
}

/// The same with little time for the whole call, so that it does not wait for what would help.
pub fn impatient() -> Policy {
    let mut policy = patient();
    policy.limits.total = Duration::from_millis(400);
    policy.total = Duration::from_millis(900);
    policy
}

/// This moment, as the clients read it.
pub fn now() -> Timestamp {
    Timestamp::at(SystemTime::now(), Instant::now())
}

impl Rig {
    /// A patient client before this sandbox.
    pub fn new(driver: Driver, wire: Wire, builder: Builder) -> Self {
        Self::with_policy(driver, wire, builder, patient())
    }

    /// A client with this patience before this sandbox.
    pub fn with_policy(driver: Driver, wire: Wire, builder: Builder, policy: Policy) -> Self {
        Self::build(driver, wire, builder, policy, false, NO_STORE)
    }

    /// A patient client that reads the sandbox's clock, which the test moves.
    pub fn timed(driver: Driver, builder: Builder) -> Self {
        let builder = builder.frozen_at(1_700_000_000_000);
        Self::build(driver, Wire::Closure, builder, patient(), true, NO_STORE)
    }

    /// A client that shares tokens by one of these stores, whichever is of its kind, and reads the
    /// sandbox's clock.
    pub fn sharing<B, A>(driver: Driver, policy: Policy, blocking: B, asynchronous: A) -> Self
    where
        B: Store<Exchange = StoreReply> + Send + Sync + 'static,
        A: Store + Send + Sync + 'static,
        A::Exchange: Future<Output = StoreReply> + Send + 'static,
    {
        let builder = Sandbox::builder().frozen_at(1_700_000_000_000);
        let stores = Some((blocking, asynchronous));
        Self::build(driver, Wire::Closure, builder, policy, true, stores)
    }

    fn build<B, A>(
        driver: Driver,
        wire: Wire,
        builder: Builder,
        policy: Policy,
        timed: bool,
        stores: Option<(B, A)>,
    ) -> Self
    where
        B: Store<Exchange = StoreReply> + Send + Sync + 'static,
        A: Store + Send + Sync + 'static,
        A::Exchange: Future<Output = StoreReply> + Send + 'static,
    {
        let sandbox = match wire {
            Wire::Socket => builder.start().expect("the machine has a free port"),
            Wire::Closure => builder.in_process(),
        };
        let region = Region::custom(&sandbox.origin()).expect("the sandbox is on loopback");
        let nobody = Nobody::in_region(region.clone());
        let judge = sandbox.clone();
        let clock = sandbox.clock();
        let time = move || Timestamp::from_millis(clock.now());
        let client = match driver {
            Driver::Blocking => {
                let builder = dingtalk_blocking::Client::builder(nobody).policy(policy);
                let builder = match wire {
                    Wire::Socket => builder,
                    Wire::Closure => builder.transport(from_fn(move |r| carry(&judge, r))),
                };
                let builder = if timed { builder.clock(time) } else { builder };
                let builder = match stores {
                    Some((store, _)) => builder.store(store),
                    None => builder,
                };
                Client::Blocking(builder.build().expect("no proxy is needed for loopback"))
            }
            Driver::Async => {
                let builder = dingtalk_async::Client::builder(nobody).policy(policy);
                let builder = match wire {
                    Wire::Socket => builder,
                    Wire::Closure => builder.transport(from_fn(move |request| {
                        let judge = judge.clone();
                        async move {
                            tokio::task::yield_now().await;
                            carry(&judge, request)
                        }
                    })),
                };
                let builder = if timed { builder.clock(time) } else { builder };
                let builder = match stores {
                    Some((_, store)) => builder.store(store),
                    None => builder,
                };
                let client = builder.build().expect("no proxy is needed for loopback");
                Client::Async(client, runtime(1))
            }
        };
        Self { sandbox, region, client }
    }

    /// Makes a call.
    ///
    /// # Errors
    /// What the client says.
    pub fn call<C, E>(&self, caller: &C, endpoint: E) -> Result<E::Output, Error>
    where
        C: ActsAs<E::Caller> + Clone,
        E: Endpoint,
        E::Output: Send,
    {
        match &self.client {
            Client::Blocking(client) => client.on_behalf_of(caller).call(endpoint),
            Client::Async(client, runtime) => {
                runtime.block_on(client.on_behalf_of(caller).call(endpoint))
            }
        }
    }

    /// Makes a call that has to fail.
    pub fn fail<C, E>(&self, caller: &C, endpoint: E) -> Error
    where
        C: ActsAs<E::Caller> + Clone,
        E: Endpoint,
        E::Output: Send,
    {
        self.call(caller, endpoint).err().expect("the call should have failed")
    }

    /// Goes through all pages.
    ///
    /// # Errors
    /// What the client says, at the first page that fails.
    pub fn pages<C, E>(&self, caller: &C, endpoint: E) -> Result<Vec<E::Item>, Error>
    where
        C: ActsAs<E::Caller> + Clone + Unpin + 'static,
        E: Paged + Unpin + 'static,
        E::Output: Send,
    {
        match &self.client {
            Client::Blocking(client) => client.on_behalf_of(caller).pages(endpoint).collect(),
            Client::Async(client, runtime) => {
                let mut pages = client.on_behalf_of(caller).pages(endpoint);
                runtime.block_on(async {
                    let mut items = Vec::new();
                    while let Some(item) = pages.next().await {
                        items.push(item?);
                    }
                    Ok(items)
                })
            }
        }
    }

    /// What the client prints of itself with this credential inside.
    pub fn debug<C: Credential + Clone + std::fmt::Debug>(&self, caller: &C) -> String {
        match &self.client {
            Client::Blocking(client) => format!("{0:?} {0:#?}", client.on_behalf_of(caller)),
            Client::Async(client, _) => format!("{0:?} {0:#?}", client.on_behalf_of(caller)),
        }
    }

    /// Sends a request that no client would make.
    pub fn raw(&self, method: &str, uri: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut request = http::Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body.as_bytes().to_vec()).expect("the test writes it rightly");
        let (parts, body) = self.sandbox.handle(request).into_parts();
        let text = String::from_utf8(body).expect("the platform writes UTF-8");
        Answer { status: parts.status.as_u16(), text }
    }

    /// Ids and secrets of the demo company.
    pub fn demo(&self) -> Demo {
        self.sandbox.demo()
    }

    /// The demo's app with every permission point, cold.
    pub fn app(&self) -> App {
        let demo = self.demo();
        self.app_of(&demo.client_id, &demo.client_secret)
    }

    /// The demo's app without any permission point, cold.
    pub fn plain_app(&self) -> App {
        let demo = self.demo();
        self.app_of(&demo.plain_client_id, &demo.plain_client_secret)
    }

    /// An app of this sandbox, cold.
    pub fn app_of(&self, client_id: &str, secret: &str) -> App {
        App::builder(client_id, secret).region(self.region.clone()).build()
    }

    /// A caller without a token.
    pub fn nobody(&self) -> Nobody {
        Nobody::in_region(self.region.clone())
    }

    /// The demo's administrator, who has just granted these interfaces and fields to the app.
    pub fn consenting(&self, app: &App, rpc: &str, fields: &str) -> User {
        let demo = self.demo();
        let consent = Consent::delegated(app.client_id().as_str(), demo.corp_id, demo.user_id)
            .rpc_scope(rpc)
            .field_scope(fields);
        let json = self.sandbox.consent(&consent).expect("the request is in order").to_json();
        match OpenAuthResult::parse(Subject::Delegated, &json) {
            Ok(OpenAuthResult::Granted(code)) => app.user_from_code(code),
            other => panic!("not granted: {other:?}"),
        }
    }

    /// How often an API was called.
    pub fn count(&self, operation: &str) -> usize {
        self.sandbox.count(operation)
    }
}

/// What a rig has that shares nothing.
const NO_STORE: Option<(Memory, AsyncSqliteStore)> = None;

/// A runtime with so many workers.
pub fn runtime(workers: usize) -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers)
        .enable_all()
        .build()
        .expect("the machine gives threads")
}

/// What a transport would say of it.
fn carry(sandbox: &Sandbox, request: Request) -> Reply {
    match sandbox.try_handle(request.into_http()) {
        Ok(response) => Ok(response.into()),
        Err(Lost::Stalled) => Err(TransportError::timed_out("the call hangs")),
        Err(_) => Err(TransportError::lost("the connection ended")),
    }
}
