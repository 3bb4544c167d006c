//! [`HttpTransport`]: carries requests by hyper.

use std::error::Error as StdError;
use std::fmt;
use std::future::{Future, poll_fn, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use dingtalk_core::{
    Error, Limits, Proxy, ProxyRules, Reply, Request, Response, Transport, TransportError,
    check_scheme,
};
use dingtalk_tls::Tls;
use http::header::{CONTENT_LENGTH, USER_AGENT};
use http::{HeaderValue, Method};
use hyper::body::{Body as _, Incoming};
use hyper_util::client::legacy::{Client, ResponseFuture};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::task::yield_now;
use tokio::time::{Instant, timeout_at};

use crate::connect::{CONNECTED_BY, Connect};
use crate::whole::Whole;

/// Carries requests over HTTP/1.1 or HTTP/2, as the server offers, on pooled connections.
/// A clone shares the pool. It works inside a tokio runtime with I/O and time enabled.
///
/// It sends as is: no redirect is followed, no status is an error, nothing that may have arrived
/// is sent twice, and time and size of every answer are bounded by the request's own limits.
/// Certificates are judged by the platform; plain `http` goes to loopback only.
///
/// Unless told otherwise it takes its proxy from `HTTPS_PROXY` and `NO_PROXY`.
///
/// ```
/// use dingtalk_async::HttpTransport;
///
/// let transport = HttpTransport::builder().no_proxy().product("payroll/2.1").build()?;
/// # let _ = transport;
/// # Ok::<(), dingtalk_core::Error>(())
/// ```
#[derive(Clone)]
pub struct HttpTransport {
    client: Client<Connect, Whole>,
    user_agent: HeaderValue,
    #[cfg(feature = "stream")]
    connect: Connect,
    quiet: Arc<Quiet>,
}

/// A reply on its way. Dropping it gives the exchange up and closes its connection.
pub type Exchange = Pin<Box<dyn Future<Output = Reply> + Send>>;

impl HttpTransport {
    /// With the environment's proxy and nothing else changed.
    ///
    /// # Errors
    /// When the environment names a proxy that cannot be used.
    pub fn new() -> Result<Self, Error> {
        Self::builder().build()
    }

    /// To change something before it is built.
    pub fn builder() -> HttpTransportBuilder {
        HttpTransportBuilder::default()
    }

    /// How it gets its connections.
    #[cfg(feature = "stream")]
    pub(crate) fn connect(&self) -> &Connect {
        &self.connect
    }
}

impl Transport for HttpTransport {
    type Exchange = Exchange;

    fn send(&self, request: Request) -> Exchange {
        let limits = request.limits();
        if let Err(error) = check_scheme(request.url()) {
            return Box::pin(ready(Err(error)));
        }
        let mut request = request.into_http();
        let takes_body = matches!(*request.method(), Method::POST | Method::PUT | Method::PATCH);
        if takes_body && request.body().is_empty() {
            // hyper says nothing of a body that is not there, but some gateways want to hear it.
            request.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        request.headers_mut().entry(USER_AGENT).or_insert_with(|| self.user_agent.clone());
        let quiet = Arc::clone(&self.quiet);
        Box::pin(carry(self.client.request(request.map(|body| Whole(body.into()))), limits, quiet))
    }
}

async fn carry(mut response: ResponseFuture, limits: Limits, quiet: Arc<Quiet>) -> Reply {
    let now = Instant::now();
    if quiet.ends(now) {
        catch_up().await;
    }
    let end = moment(now, limits.total);
    let connected_by = moment(now, limits.connect).min(end);
    let exchange = async move {
        let answered = poll_fn(|context| {
            CONNECTED_BY.set(Some(connected_by));
            let polled = Pin::new(&mut response).poll(context);
            CONNECTED_BY.set(None);
            polled
        });
        let (head, mut body) = answered.await.map_err(|e| request_fault(&e))?.into_parts();
        let body = collect(&mut body, limits.max_body).await?;
        Ok(Response::new(head.status.as_u16(), head.headers, body))
    };
    // Both limits may end at one moment; then the connection's speaks first, and it knows that
    // nothing was sent.
    timeout_at(end, exchange).await.unwrap_or_else(|_| {
        let words = format!("no whole answer within {:?}", limits.total);
        Err(TransportError::timed_out(words))
    })
}

/// When the last request went out. On a runtime of one thread nobody sees what happens to idle
/// connections while the program does something else: a server may have closed one, with a
/// farewell that would pass for the answer to the next request.
struct Quiet {
    origin: Instant,
    /// Milliseconds since then.
    last: AtomicU64,
}

impl Quiet {
    fn new() -> Self {
        Self { origin: Instant::now(), last: AtomicU64::new(0) }
    }

    /// Whether there was time for that since the last request.
    fn ends(&self, now: Instant) -> bool {
        const LONG: u64 = 5;
        let since = now.saturating_duration_since(self.origin).as_millis();
        let since = u64::try_from(since).unwrap_or(u64::MAX);
        since.saturating_sub(self.last.swap(since, Ordering::Relaxed)) >= LONG
    }
}

/// Lets the runtime see what has happened on its sockets, and then those who wait for it.
async fn catch_up() {
    yield_now().await;
    yield_now().await;
}

/// A body that comes in one piece is not copied.
async fn collect(body: &mut Incoming, most: usize) -> Result<Bytes, TransportError> {
    let mut first = Bytes::new();
    let mut whole = BytesMut::new();
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await {
        let Ok(data) = frame.map_err(|e| hyper_fault(&e))?.into_data() else { continue };
        if data.len() > most - first.len().max(whole.len()) {
            let words = format!("the answer is larger than {most} bytes");
            return Err(TransportError::too_large(words));
        }
        if whole.is_empty() && first.is_empty() {
            first = data;
            continue;
        }
        if whole.is_empty() {
            whole.reserve(2 * (first.len() + data.len()));
            whole.extend_from_slice(&first);
        }
        whole.extend_from_slice(&data);
    }
    Ok(if whole.is_empty() { first } else { whole.freeze() })
}

impl fmt::Debug for HttpTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpTransport").finish_non_exhaustive()
    }
}

/// Options of an [`HttpTransport`].
#[derive(Default)]
#[must_use]
pub struct HttpTransportBuilder {
    rules: Option<ProxyRules>,
    extra_ca: Vec<Vec<u8>>,
    user_agent: Option<String>,
    product: Option<String>,
}

impl HttpTransportBuilder {
    /// Sends every `https` request through this proxy, whatever the environment says.
    pub fn proxy(self, proxy: Proxy) -> Self {
        self.proxy_rules(ProxyRules::always(proxy))
    }

    /// Uses no proxy, whatever the environment says.
    pub fn no_proxy(self) -> Self {
        self.proxy_rules(ProxyRules::none())
    }

    /// Decides by these rules, whatever the environment says.
    pub fn proxy_rules(mut self, rules: ProxyRules) -> Self {
        self.rules = Some(rules);
        self
    }

    /// Trusts the authorities of a PEM file beside those of the platform.
    pub fn extra_ca(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.extra_ca.push(pem.into());
        self
    }

    /// Replaces the `User-Agent`, which is `dingtalk-rust/<version> (async)` otherwise.
    pub fn user_agent(mut self, user_agent: impl Into<String>) -> Self {
        self.user_agent = Some(user_agent.into());
        self
    }

    /// Puts the name of your program, such as `payroll/2.1`, before the `User-Agent`.
    pub fn product(mut self, product: impl Into<String>) -> Self {
        self.product = Some(product.into());
        self
    }

    /// Makes the transport. No connection is opened, and no runtime is needed yet.
    ///
    /// # Errors
    /// When the environment's proxy, a certificate or the user agent cannot be used.
    pub fn build(self) -> Result<HttpTransport, Error> {
        let rules = match self.rules {
            Some(rules) => rules,
            None => ProxyRules::from_vars(|name| std::env::var(name).ok())?,
        };
        let own = concat!("dingtalk-rust/", env!("CARGO_PKG_VERSION"), " (async)");
        let mut user_agent = self.user_agent.unwrap_or_else(|| own.to_owned());
        if let Some(product) = self.product {
            user_agent = format!("{product} {user_agent}");
        }
        let header = HeaderValue::from_str(&user_agent)
            .map_err(|_| Error::invalid("a user agent must be one line of visible ASCII"))?;
        let connect =
            Connect::new(rules, Tls::new(&self.extra_ca, &[b"h2", b"http/1.1"])?, user_agent);
        let quiet = Arc::new(Quiet::new());
        Ok(HttpTransport {
            #[cfg(feature = "stream")]
            connect: connect.clone(),
            client: client(connect),
            user_agent: header,
            quiet,
        })
    }
}

impl fmt::Debug for HttpTransportBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpTransportBuilder").field("rules", &self.rules).finish_non_exhaustive()
    }
}

fn client(connect: Connect) -> Client<Connect, Whole> {
    // Servers close idle connections after a minute or more. Those of a burst are kept for the next
    // one: whoever keeps fewer than are in flight connects anew all the time.
    const IDLE_AGE: Duration = Duration::from_secs(50);
    const IDLE_PER_HOST: usize = 1024;
    // A network that swallows packets kills a shared HTTP/2 connection without a sign; without
    // these, every call on it would wait for its whole time.
    const PING_AFTER: Duration = Duration::from_secs(8);
    const PING_WAITS: Duration = Duration::from_secs(5);
    const HEADERS_MAX: usize = 64 << 10;
    Client::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE_AGE)
        .pool_max_idle_per_host(IDLE_PER_HOST)
        .http1_max_buf_size(HEADERS_MAX + (16 << 10))
        .http2_max_header_list_size(HEADERS_MAX as u32)
        .http2_keep_alive_interval(PING_AFTER)
        .http2_keep_alive_timeout(PING_WAITS)
        .build(connect)
}

/// The clock has an end, and a limit of "for ever" lies beyond it.
fn moment(now: Instant, after: Duration) -> Instant {
    const MOST: Duration = Duration::from_secs(366 * 24 * 60 * 60);
    now + after.min(MOST)
}

fn request_fault(error: &hyper_util::client::legacy::Error) -> TransportError {
    let mut source = error.source();
    while let Some(inner) = source {
        if let Some(ours) = inner.downcast_ref::<TransportError>() {
            return ours.clone();
        }
        if let Some(hyper) = inner.downcast_ref::<hyper::Error>() {
            let fault = hyper_fault(hyper);
            return match error.is_connect() {
                true => TransportError::not_sent(fault.detail().to_owned()),
                false => fault,
            };
        }
        source = inner.source();
    }
    match error.is_connect() {
        true => TransportError::not_sent("no connection"),
        false => TransportError::lost("the exchange failed"),
    }
}

/// hyper's errors in words of our own.
fn hyper_fault(error: &hyper::Error) -> TransportError {
    // Only hyper's server side has a question for this; should the text change, it is `Lost`.
    if error.is_parse() && error.to_string() == "message head is too large" {
        return TransportError::too_large("the answer's headers are too large");
    }
    TransportError::lost(if error.is_parse() {
        "the answer is not HTTP".to_owned()
    } else if error.is_incomplete_message() {
        "the connection ended before the answer did".to_owned()
    } else if error.is_canceled() || error.is_closed() {
        "the connection was closed".to_owned()
    } else {
        let io = error.source().and_then(|e| e.downcast_ref::<std::io::Error>());
        match io {
            Some(io) => format!("the connection broke: {}", io.kind()),
            None => "the exchange failed".to_owned(),
        }
    })
}
