//! [`Client`]: runs calls as futures.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use dingtalk_core::{
    ActsAs, Asked, Call, Credential, Endpoint, Entropy, Error, Flight, Paged, Policy, Reply,
    Request, Sent, Step, Store, StoreOp, StoreReply, Timestamp, Transport,
};
use tokio::time::{sleep, timeout};

use crate::clock;
use crate::pages::Pages;
use crate::transport::{Exchange, HttpTransport};

/// Calls DingTalk on behalf of one credential: an [`App`](dingtalk_core::App), a
/// [`User`](dingtalk_core::User), an [`Sso`](dingtalk_core::Sso) or
/// [`Nobody`](dingtalk_core::Nobody).
///
/// A clone is cheap and shares connections; any number of tasks may call at once. The token
/// belongs to the credential, so that clients over one credential share it, blocking ones
/// included.
///
/// ```no_run
/// use dingtalk_async::Client;
/// use dingtalk_async::core::{App, auth::ObtainToken};
///
/// # async fn example() -> Result<(), dingtalk_async::core::Error> {
/// let client = Client::new(App::internal("dingabc", "client secret"))?;
/// let token = client.call(ObtainToken::new()).await?;
/// println!("good until {}", token.expires_at);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client<C> {
    caller: C,
    shared: Arc<Shared>,
}

struct Shared {
    carrier: Carrier,
    store: Option<Box<AnyStore>>,
    policy: Policy,
    clock: Option<Clock>,
    entropy: Entropy,
}

/// The transport; and, where it is ours, how it gets connections, for Stream to do likewise.
struct Carrier {
    transport: Box<AnyTransport>,
    #[cfg(feature = "stream")]
    connect: Option<crate::connect::Connect>,
}

type Clock = Box<dyn Fn() -> Timestamp + Send + Sync>;

type AnyTransport = dyn Transport<Exchange = Exchange> + Send + Sync;
type StoreExchange = Pin<Box<dyn Future<Output = StoreReply> + Send>>;
type AnyStore = dyn Store<Exchange = StoreExchange> + Send + Sync;

impl<C: Credential> Client<C> {
    /// Over HTTP, with defaults.
    ///
    /// # Errors
    /// When the environment names a proxy that cannot be used.
    pub fn new(caller: C) -> Result<Self, Error> {
        Self::builder(caller).build()
    }

    /// Over any transport, which may be a closure that gives a future:
    ///
    /// ```
    /// use dingtalk_async::Client;
    /// use dingtalk_async::core::auth::ObtainToken;
    /// use dingtalk_async::core::{App, Request, Response, from_fn};
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// let transport = from_fn(|_: Request| async {
    ///     let body = r#"{"accessToken":"t","expireIn":7200}"#;
    ///     Ok(Response::new(200, Default::default(), body))
    /// });
    /// let client = Client::with_transport(App::internal("id", "secret"), transport);
    /// assert_eq!(client.call(ObtainToken::new()).await?.value.expose(), "t");
    /// # Ok::<(), dingtalk_async::core::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn with_transport<T>(caller: C, transport: T) -> Self
    where
        T: Transport + Send + Sync + 'static,
        T::Exchange: Future<Output = Reply> + Send + 'static,
    {
        Self::of(caller, erase(transport), None, Policy::default(), None, clock::entropy())
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
    /// Given the request itself, the future keeps what it needs and can be spawned. Dropping it
    /// cancels the call; if it was fetching the token for others, one of them goes on at once.
    ///
    /// # Errors
    /// [`Error::kind`] tells what can be done about it.
    pub fn call<E>(
        &self,
        endpoint: E,
    ) -> impl Future<Output = Result<E::Output, Error>> + Send + use<C, E>
    where
        C: ActsAs<E::Caller>,
        E: Endpoint,
        E::Output: Send,
    {
        self.call_within(endpoint, &self.shared.policy)
    }

    /// Goes through a longer result item by item, asking for each page when it is reached.
    /// An error ends it. It is a stream, and has a [`next`](Pages::next) of its own.
    pub fn pages<E>(&self, endpoint: E) -> Pages<C, E>
    where
        C: ActsAs<E::Caller> + Clone,
        E: Paged,
    {
        Pages::new(self.clone(), endpoint)
    }

    /// The same with a patience of its own.
    pub(crate) fn call_within<E>(
        &self,
        endpoint: E,
        policy: &Policy,
    ) -> impl Future<Output = Result<E::Output, Error>> + Send + use<C, E>
    where
        C: ActsAs<E::Caller>,
        E: Endpoint,
        E::Output: Send,
    {
        let shared = Arc::clone(&self.shared);
        let call = Call::new(&endpoint, &self.caller)
            .policy(policy)
            .shared(shared.store.is_some())
            .entropy(shared.entropy.draw());
        #[cfg(feature = "tracing")]
        let span = call.span();
        let call = run(shared, call);
        // In the span whenever it is polled or dropped, and out of it while it waits.
        #[cfg(feature = "tracing")]
        let call = tracing::Instrument::instrument(call, span);
        call
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
    pub(crate) async fn ask(&self, question: StoreOp) -> StoreReply {
        self.shared.ask(question).await
    }

    fn of(
        caller: C,
        carrier: Carrier,
        store: Option<Box<AnyStore>>,
        policy: Policy,
        clock: Option<Clock>,
        entropy: Entropy,
    ) -> Self {
        let shared = Shared { carrier, store, policy, clock, entropy };
        Self { caller, shared: Arc::new(shared) }
    }
}

/// The whole driver: does what core says and tells it what came of it. A call that waits for its
/// answer is to be small: no step is kept meanwhile, since it has room for the result, and what
/// the rarer waits need is elsewhere.
async fn run<E: Endpoint>(shared: Arc<Shared>, call: Call<E>) -> Result<E::Output, Error> {
    let mut pending = Pending::Nothing(call);
    loop {
        let step = match pending {
            Pending::Nothing(call) => call.step(shared.now()),
            Pending::Reply(exchange, sent) => {
                let reply = exchange.await;
                sent.reply(shared.now(), reply)
            }
            Pending::Store(question, asked) => {
                let reply = Box::pin(shared.ask(*question)).await;
                asked.reply(shared.now(), reply)
            }
            Pending::Pause(pause, call) => {
                Box::pin(sleep(pause)).await;
                call.step(shared.now())
            }
            Pending::Flight(flight, call) => {
                // Whether it ended or patience did, the call looks for itself.
                let _ = Box::pin(timeout(flight.patience(), flight)).await;
                call.step(shared.now())
            }
        };
        pending = match step {
            Step::Send(request, sent) => {
                Pending::Reply(shared.carrier.transport.send(request), sent)
            }
            Step::Ask(question, asked) => Pending::Store(Box::new(question), asked),
            Step::Sleep(pause, call) => Pending::Pause(pause, call),
            Step::Join(flight, call) => Pending::Flight(flight, call),
            Step::Done(result) => return result,
        };
    }
}

/// What a call waits for.
enum Pending<E: Endpoint> {
    Nothing(Call<E>),
    Reply(Exchange, Sent<E>),
    Store(Box<StoreOp>, Asked<E>),
    Pause(Duration, Call<E>),
    Flight(Flight, Call<E>),
}

impl Shared {
    /// A store that hangs is a store that fails.
    async fn ask(&self, question: StoreOp) -> StoreReply {
        let failed = |why: &str| StoreReply::Failed { why: why.into() };
        let Some(store) = &self.store else { return failed("there is no store") };
        let answer = timeout(self.policy.store, store.ask(question)).await;
        answer.unwrap_or_else(|_| failed("the store took too long"))
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
/// use dingtalk_async::core::{App, Policy, Proxy};
/// use dingtalk_async::{Client, HttpTransport};
/// use std::time::Duration;
///
/// let mut policy = Policy::default();
/// policy.total = Duration::from_secs(10);
/// let proxy = Proxy::new("http://proxy.example.com:3128")?;
/// let client = Client::builder(App::internal("dingabc", "client secret"))
///     .transport(HttpTransport::builder().proxy(proxy).build()?)
///     .policy(policy)
///     .build()?;
/// # let _ = client;
/// # Ok::<(), dingtalk_async::core::Error>(())
/// ```
#[must_use]
pub struct ClientBuilder<C> {
    caller: C,
    transport: Option<Carrier>,
    store: Option<Box<AnyStore>>,
    policy: Policy,
    clock: Option<Clock>,
    entropy: Entropy,
}

impl<C: Credential> ClientBuilder<C> {
    /// Carries requests by this instead of an [`HttpTransport`] with defaults.
    pub fn transport<T>(mut self, transport: T) -> Self
    where
        T: Transport + Send + Sync + 'static,
        T::Exchange: Future<Output = Reply> + Send + 'static,
    {
        self.transport = Some(erase(transport));
        self
    }

    /// Shares tokens with other processes and machines.
    pub fn store<S>(mut self, store: S) -> Self
    where
        S: Store + Send + Sync + 'static,
        S::Exchange: Future<Output = StoreReply> + Send + 'static,
    {
        self.store = Some(Box::new(Erased(store)));
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

    /// Makes the client. Nothing goes out, and no runtime is needed yet.
    ///
    /// # Errors
    /// When no transport was given and the environment names a proxy that cannot be used.
    pub fn build(self) -> Result<Client<C>, Error> {
        let carrier = match self.transport {
            Some(carrier) => carrier,
            None => erase(HttpTransport::new()?),
        };
        Ok(Client::of(self.caller, carrier, self.store, self.policy, self.clock, self.entropy))
    }
}

impl<C: fmt::Debug> fmt::Debug for ClientBuilder<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder").field("caller", &self.caller).finish_non_exhaustive()
    }
}

/// Boxes the exchanges of a transport or store.
struct Erased<T>(T);

impl<T> Transport for Erased<T>
where
    T: Transport,
    T::Exchange: Future<Output = Reply> + Send + 'static,
{
    type Exchange = Exchange;

    fn send(&self, request: Request) -> Exchange {
        Box::pin(self.0.send(request))
    }
}

impl<S> Store for Erased<S>
where
    S: Store,
    S::Exchange: Future<Output = StoreReply> + Send + 'static,
{
    type Exchange = StoreExchange;

    fn ask(&self, question: StoreOp) -> StoreExchange {
        Box::pin(self.0.ask(question))
    }
}

/// Our own transport boxes its exchanges already; boxing them again would cost every call.
fn erase<T>(transport: T) -> Carrier
where
    T: Transport + Send + Sync + 'static,
    T::Exchange: Future<Output = Reply> + Send + 'static,
{
    let mut transport = Some(transport);
    let any: &mut dyn std::any::Any = &mut transport;
    let own = any.downcast_mut::<Option<HttpTransport>>().and_then(Option::take);
    #[cfg(feature = "stream")]
    let connect = own.as_ref().map(|own| own.connect().clone());
    let transport: Box<AnyTransport> = match own {
        Some(own) => Box::new(own),
        None => Box::new(Erased(transport.expect("nobody took it"))),
    };
    Carrier {
        transport,
        #[cfg(feature = "stream")]
        connect,
    }
}
