//! [`Client`]: runs calls on the thread that makes them.

use std::fmt;
use std::sync::Arc;
use std::thread;

use dingtalk_core::{
    ActsAs, Call, Credential, Endpoint, Entropy, Error, Paged, Policy, Reply, Step, Store, StoreOp,
    StoreReply, Timestamp, Transport,
};

use crate::clock;
use crate::pages::Pages;
use crate::transport::HttpTransport;

/// Calls DingTalk on behalf of one credential: an [`App`](dingtalk_core::App), a
/// [`User`](dingtalk_core::User), an [`Sso`](dingtalk_core::Sso) or
/// [`Nobody`](dingtalk_core::Nobody).
///
/// A clone is cheap and shares connections; any number of threads may call at once. The token
/// belongs to the credential, so that clients over one credential share it, async ones included.
///
/// ```no_run
/// use dingtalk_blocking::Client;
/// use dingtalk_blocking::core::{App, auth::ObtainToken};
///
/// let client = Client::new(App::internal("dingabc", "client secret"))?;
/// let token = client.call(ObtainToken::new())?;
/// println!("good until {}", token.expires_at);
/// # Ok::<(), dingtalk_blocking::core::Error>(())
/// ```
///
/// Inside an async program it blocks the thread that calls it, like every blocking call does.
/// It does not panic there, and does not wait for ever even if the task that fetches the token
/// shares the thread; but use `dingtalk-async` or a thread for blocking work instead.
#[derive(Clone)]
pub struct Client<C> {
    caller: C,
    shared: Arc<Shared>,
}

struct Shared {
    carrier: Carrier,
    store: Option<Box<dyn Store<Exchange = StoreReply> + Send + Sync>>,
    policy: Policy,
    clock: Option<Clock>,
    entropy: Entropy,
}

/// The transport; and, where it is ours, how it gets connections, for Stream to do likewise.
struct Carrier {
    transport: Box<dyn Transport<Exchange = Reply> + Send + Sync>,
    #[cfg(feature = "stream")]
    connect: Option<crate::connect::Connect>,
}

type Clock = Box<dyn Fn() -> Timestamp + Send + Sync>;

impl<C: Credential> Client<C> {
    /// Over HTTP, with defaults.
    ///
    /// # Errors
    /// When the environment names a proxy that cannot be used.
    pub fn new(caller: C) -> Result<Self, Error> {
        Self::builder(caller).build()
    }

    /// Over any transport, which may be a closure:
    ///
    /// ```
    /// use dingtalk_blocking::Client;
    /// use dingtalk_blocking::core::auth::ObtainToken;
    /// use dingtalk_blocking::core::{App, Reply, Request, Response, from_fn};
    ///
    /// let transport = from_fn(|_: Request| -> Reply {
    ///     let body = r#"{"accessToken":"t","expireIn":7200}"#;
    ///     Ok(Response::new(200, Default::default(), body))
    /// });
    /// let client = Client::with_transport(App::internal("id", "secret"), transport);
    /// assert_eq!(client.call(ObtainToken::new())?.value.expose(), "t");
    /// # Ok::<(), dingtalk_blocking::core::Error>(())
    /// ```
    pub fn with_transport<T>(caller: C, transport: T) -> Self
    where
        T: Transport<Exchange = Reply> + Send + Sync + 'static,
    {
        Self::of(caller, Carrier::new(transport), None, Policy::default(), None, clock::entropy())
    }

    /// To choose transport, store and patience.
    pub fn builder(caller: C) -> ClientBuilder<C> {
        ClientBuilder {
            caller,
            transport: None,
            store: None,
            policy: Policy::default(),
            clock: None,
            entropy: clock::entropy(),
        }
    }

    /// The credential.
    pub fn caller(&self) -> &C {
        &self.caller
    }

    /// The same client for another credential: connections, store and patience are shared.
    pub fn on_behalf_of<D: Credential + Clone>(&self, caller: &D) -> Client<D> {
        Client { caller: caller.clone(), shared: Arc::clone(&self.shared) }
    }

    /// Makes a call. It takes the request or a reference to it.
    ///
    /// # Errors
    /// [`Error::kind`] tells what can be done about it.
    pub fn call<E: Endpoint>(&self, endpoint: E) -> Result<E::Output, Error>
    where
        C: ActsAs<E::Caller>,
    {
        self.call_within(endpoint, &self.shared.policy)
    }

    /// Goes through a longer result item by item, asking for each page when it is reached.
    /// An error ends it.
    pub fn pages<E: Paged>(&self, endpoint: E) -> Pages<C, E>
    where
        C: ActsAs<E::Caller> + Clone,
    {
        Pages::new(self.clone(), endpoint)
    }

    /// The same with a patience of its own.
    pub(crate) fn call_within<E: Endpoint>(
        &self,
        endpoint: E,
        policy: &Policy,
    ) -> Result<E::Output, Error>
    where
        C: ActsAs<E::Caller>,
    {
        let shared = &*self.shared;
        let call = Call::new(&endpoint, &self.caller)
            .policy(policy)
            .shared(shared.store.is_some())
            .entropy(shared.entropy.draw());
        shared.run(call)
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.shared.now()
    }

    pub(crate) fn entropy(&self) -> u64 {
        self.shared.entropy.draw()
    }

    #[cfg(feature = "stream")]
    pub(crate) fn policy(&self) -> &Policy {
        &self.shared.policy
    }

    #[cfg(feature = "stream")]
    pub(crate) fn connect(&self) -> Option<&crate::connect::Connect> {
        self.shared.carrier.connect.as_ref()
    }

    pub(crate) fn has_store(&self) -> bool {
        self.shared.store.is_some()
    }

    /// Asks the store a question that belongs to no call.
    pub(crate) fn ask(&self, question: StoreOp) -> StoreReply {
        self.shared.ask(question)
    }

    fn of(
        caller: C,
        carrier: Carrier,
        store: Option<Box<dyn Store<Exchange = StoreReply> + Send + Sync>>,
        policy: Policy,
        clock: Option<Clock>,
        entropy: Entropy,
    ) -> Self {
        let shared = Shared { carrier, store, policy, clock, entropy };
        Self { caller, shared: Arc::new(shared) }
    }
}

impl Carrier {
    fn new<T>(transport: T) -> Self
    where
        T: Transport<Exchange = Reply> + Send + Sync + 'static,
    {
        #[cfg(feature = "stream")]
        let any: &dyn std::any::Any = &transport;
        Self {
            #[cfg(feature = "stream")]
            connect: any.downcast_ref::<HttpTransport>().map(|own| own.connect().clone()),
            transport: Box::new(transport),
        }
    }
}

impl Shared {
    /// The whole driver: does what core says and tells it what came of it.
    fn run<E: Endpoint>(&self, call: Call<E>) -> Result<E::Output, Error> {
        #[cfg(feature = "tracing")]
        let _span = call.span().entered();
        let mut step = call.step(self.now());
        loop {
            step = match step {
                Step::Send(request, sent) => {
                    let reply = self.carrier.transport.send(request);
                    sent.reply(self.now(), reply)
                }
                Step::Ask(question, asked) => {
                    let reply = self.ask(question);
                    asked.reply(self.now(), reply)
                }
                Step::Sleep(pause, call) => {
                    thread::sleep(pause);
                    call.step(self.now())
                }
                Step::Join(flight, call) => {
                    clock::wait(flight);
                    call.step(self.now())
                }
                Step::Done(result) => return result,
            };
        }
    }

    fn ask(&self, question: StoreOp) -> StoreReply {
        match &self.store {
            Some(store) => store.ask(question),
            None => StoreReply::Failed { why: "there is no store".into() },
        }
    }

    fn now(&self) -> Timestamp {
        self.clock.as_ref().map_or_else(clock::now, |now| now())
    }
}

impl<C: fmt::Debug> fmt::Debug for Client<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("caller", &self.caller).finish_non_exhaustive()
    }
}

/// Options of a [`Client`].
///
/// ```
/// use dingtalk_blocking::core::{App, Policy, Proxy};
/// use dingtalk_blocking::{Client, HttpTransport};
/// use std::time::Duration;
///
/// let mut policy = Policy::default();
/// policy.total = Duration::from_secs(10);
/// let proxy = Proxy::new("http://proxy.example.com:3128")?;
/// let client = Client::builder(App::internal("dingabc", "client secret"))
///     .transport(HttpTransport::builder().proxy(proxy).limits(policy.limits).build()?)
///     .policy(policy)
///     .build()?;
/// # let _ = client;
/// # Ok::<(), dingtalk_blocking::core::Error>(())
/// ```
#[must_use]
pub struct ClientBuilder<C> {
    caller: C,
    transport: Option<Carrier>,
    store: Option<Box<dyn Store<Exchange = StoreReply> + Send + Sync>>,
    policy: Policy,
    clock: Option<Clock>,
    entropy: Entropy,
}

impl<C: Credential> ClientBuilder<C> {
    /// Carries requests by this instead of an [`HttpTransport`] with defaults.
    pub fn transport<T>(mut self, transport: T) -> Self
    where
        T: Transport<Exchange = Reply> + Send + Sync + 'static,
    {
        self.transport = Some(Carrier::new(transport));
        self
    }

    /// Shares tokens with other processes and machines.
    pub fn store<S>(mut self, store: S) -> Self
    where
        S: Store<Exchange = StoreReply> + Send + Sync + 'static,
    {
        self.store = Some(Box::new(store));
        self
    }

    /// How patient calls are.
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Takes the time from here instead of from the system's clocks, for tests that count it up.
    /// Everybody who shares a credential must take it from the same place. Pauses are still real.
    pub fn clock(mut self, now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        self.clock = Some(Box::new(now));
        self
    }

    /// Draws the jitter of pauses from this instead of from the operating system, for tests that are
    /// to run the same way again. It is no secret, and two clients must not have the same one outside
    /// of tests: they would move in step.
    pub fn seed(mut self, seed: u64) -> Self {
        self.entropy = Entropy::from_seed(seed);
        self
    }

    /// Makes the client. Nothing goes out.
    ///
    /// # Errors
    /// When no transport was given and the environment names a proxy that cannot be used.
    pub fn build(self) -> Result<Client<C>, Error> {
        let carrier = match self.transport {
            Some(carrier) => carrier,
            None => Carrier::new(HttpTransport::builder().limits(self.policy.limits).build()?),
        };
        Ok(Client::of(self.caller, carrier, self.store, self.policy, self.clock, self.entropy))
    }
}

impl<C: fmt::Debug> fmt::Debug for ClientBuilder<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder").field("caller", &self.caller).finish_non_exhaustive()
    }
}
