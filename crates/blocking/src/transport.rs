//! [`HttpTransport`]: carries requests by ureq.

use std::cell::Cell;
use std::fmt;
use std::io::Read;
use std::time::Duration;

use dingtalk_core::{
    Error, Limits, Proxy, ProxyRules, Reply, Request, Response, Transport, TransportError,
    check_scheme,
};
use dingtalk_tls::Tls;
use http::uri::PathAndQuery;
use http::{HeaderValue, Method, Uri};
use ureq::Agent;
use ureq::config::{AutoHeaderValue, Config};

use crate::connect::{Connect, NoLookup};

/// Carries requests over HTTP/1.1 on pooled connections. A clone shares the pool.
///
/// It sends as is: no redirect is followed, no status is an error, nothing is sent twice, and
/// time and size of every answer are bounded by the request's own limits. Certificates are judged
/// by the platform; plain `http` goes to loopback only.
///
/// Unless told otherwise it takes its proxy from `HTTPS_PROXY` and `NO_PROXY`.
///
/// ```
/// use dingtalk_blocking::HttpTransport;
///
/// let transport = HttpTransport::builder().no_proxy().product("payroll/2.1").build()?;
/// # let _ = transport;
/// # Ok::<(), dingtalk_core::Error>(())
/// ```
#[derive(Clone)]
pub struct HttpTransport {
    agent: Agent,
    /// The bounds that the agent already has; requests with others bring a configuration along.
    limits: Limits,
    #[cfg(feature = "stream")]
    connect: Connect,
}

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

    fn carry(&self, request: Request) -> Reply {
        let limits = request.limits();
        let mut request = request.into_http();
        check_scheme(request.uri())?;
        let has_body = !request.body().is_empty();
        PENDING.set(Some(Pending { target: take_target(request.uri_mut())?, has_body }));
        let answer = self.run(request, limits);
        let unsent = PENDING.take().is_some();
        let (parts, mut body) = answer.map_err(|e| fault(e, unsent, limits))?.into_parts();

        let hint = body.content_length().unwrap_or(0).min(limits.max_body as u64);
        let mut bytes = Vec::with_capacity(usize::try_from(hint).unwrap_or_default());
        // One byte more than allowed tells "too large" from "just fits".
        let most = (limits.max_body as u64).saturating_add(1);
        body.as_reader()
            .take(most)
            .read_to_end(&mut bytes)
            .map_err(|e| fault(ureq::Error::from(e), false, limits))?;
        if bytes.len() > limits.max_body {
            return Err(TransportError::too_large(format!(
                "the answer is larger than {} bytes",
                limits.max_body
            )));
        }
        Ok(Response::new(parts.status.as_u16(), parts.headers, bytes))
    }

    fn run(
        &self,
        request: http::Request<Vec<u8>>,
        limits: Limits,
    ) -> Result<http::Response<ureq::Body>, ureq::Error> {
        let takes_body = matches!(*request.method(), Method::POST | Method::PUT | Method::PATCH);
        if request.body().is_empty() && !takes_body {
            self.run_as(request.map(|_| ()), limits)
        } else {
            self.run_as(request, limits)
        }
    }

    fn run_as<B: ureq::AsSendBody>(
        &self,
        request: http::Request<B>,
        limits: Limits,
    ) -> Result<http::Response<ureq::Body>, ureq::Error> {
        if (limits.connect, limits.total) == (self.limits.connect, self.limits.total) {
            return self.agent.run(request);
        }
        let configured = self.agent.configure_request(request);
        let (connect, total) = bounds(limits);
        self.agent.run(configured.timeout_connect(connect).timeout_global(total).build())
    }
}

impl Transport for HttpTransport {
    type Exchange = Reply;

    fn send(&self, request: Request) -> Reply {
        self.carry(request)
    }
}

impl fmt::Debug for HttpTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpTransport").field("limits", &self.limits).finish_non_exhaustive()
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
    limits: Limits,
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

    /// Replaces the `User-Agent`, which is `dingtalk-rust/<version> (blocking)` otherwise.
    pub fn user_agent(mut self, user_agent: impl Into<String>) -> Self {
        self.user_agent = Some(user_agent.into());
        self
    }

    /// Puts the name of your program, such as `payroll/2.1`, before the `User-Agent`.
    pub fn product(mut self, product: impl Into<String>) -> Self {
        self.product = Some(product.into());
        self
    }

    /// The limits that most requests will come with. Others are kept to as well; these cost
    /// nothing extra.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Makes the transport. No connection is opened.
    ///
    /// # Errors
    /// When the environment's proxy, a certificate or the user agent cannot be used.
    pub fn build(self) -> Result<HttpTransport, Error> {
        let rules = match self.rules {
            Some(rules) => rules,
            None => ProxyRules::from_vars(|name| std::env::var(name).ok())?,
        };
        let own = concat!("dingtalk-rust/", env!("CARGO_PKG_VERSION"), " (blocking)");
        let mut user_agent = self.user_agent.unwrap_or_else(|| own.to_owned());
        if let Some(product) = self.product {
            user_agent = format!("{product} {user_agent}");
        }
        HeaderValue::from_str(&user_agent)
            .map_err(|_| Error::invalid("a user agent must be one line of visible ASCII"))?;
        let connect = Connect::new(rules, Tls::new(&self.extra_ca, &[])?, user_agent.clone());
        let config = config(&user_agent, self.limits);
        Ok(HttpTransport {
            #[cfg(feature = "stream")]
            connect: connect.clone(),
            agent: Agent::with_parts(config, connect, NoLookup),
            limits: self.limits,
        })
    }
}

impl fmt::Debug for HttpTransportBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpTransportBuilder").field("rules", &self.rules).finish_non_exhaustive()
    }
}

thread_local! {
    /// Of the request that this thread is carrying, until a connection takes it. What is still here
    /// afterwards was not sent.
    pub(crate) static PENDING: Cell<Option<Pending>> = const { Cell::new(None) };
}

/// What a connection has to know of a request, and ureq does not tell it.
pub(crate) struct Pending {
    /// The real path and query. ureq is given `/` instead and the connection puts these in: ureq
    /// logs the whole URL at its lowest level, and DingTalk's older families carry their token
    /// there.
    pub(crate) target: PathAndQuery,
    /// Whether a body follows the head.
    pub(crate) has_body: bool,
}

fn take_target(uri: &mut Uri) -> Result<PathAndQuery, TransportError> {
    let mut parts = std::mem::take(uri).into_parts();
    let root = PathAndQuery::from_static("/");
    let target = parts.path_and_query.replace(root.clone()).unwrap_or(root);
    *uri = Uri::from_parts(parts).map_err(|_| TransportError::not_sent("the URL is not whole"))?;
    Ok(target)
}

fn config(user_agent: &str, limits: Limits) -> Config {
    // ureq keeps three idle connections a host unless told, so that the fourth thread would
    // connect anew for every call. Servers close idle ones after a minute or more. Those of a
    // burst are kept for the next one.
    const IDLE_PER_HOST: usize = 1024;
    const IDLE: usize = 2048;
    const IDLE_AGE: Duration = Duration::from_secs(50);
    let (connect, total) = bounds(limits);
    Config::builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        // Proxies are the connector's business.
        .proxy(None)
        .user_agent(user_agent)
        .accept(AutoHeaderValue::None)
        .accept_encoding(AutoHeaderValue::None)
        .max_idle_connections(IDLE)
        .max_idle_connections_per_host(IDLE_PER_HOST)
        .max_idle_age(IDLE_AGE)
        .timeout_connect(connect)
        .timeout_global(total)
        .build()
}

/// ureq adds these to the clock, which has an end.
fn bounds(limits: Limits) -> (Option<Duration>, Option<Duration>) {
    const MOST: Duration = Duration::from_secs(366 * 24 * 60 * 60);
    (Some(limits.connect.min(MOST)), Some(limits.total.min(MOST)))
}

/// ureq's errors in words of our own: theirs may quote the URL.
fn fault(error: ureq::Error, unsent: bool, limits: Limits) -> TransportError {
    let words = match error {
        ureq::Error::Other(inner) => match inner.downcast::<TransportError>() {
            Ok(ours) => return *ours,
            Err(_) => "the exchange failed".to_owned(),
        },
        ureq::Error::Timeout(_) if !unsent => {
            return TransportError::timed_out(format!("no whole answer within {:?}", limits.total));
        }
        ureq::Error::Timeout(_) => format!("no connection within {:?}", limits.total),
        ureq::Error::LargeResponseHeader(..) => {
            return TransportError::too_large("the answer's headers are too large");
        }
        ureq::Error::Io(error) => format!("the connection broke: {}", error.kind()),
        // Only the text tells; should it change, it is no HTTP and `Lost`.
        ureq::Error::Protocol(error) if error.to_string().ends_with("too many headers") => {
            return TransportError::too_large("the answer's headers are too large");
        }
        ureq::Error::Protocol(_) if unsent => "the request cannot be written".to_owned(),
        ureq::Error::Protocol(_) => "the answer is not HTTP/1.1".to_owned(),
        ureq::Error::BadUri(_) | ureq::Error::Http(_) => "the request is not whole".to_owned(),
        _ => "the exchange failed".to_owned(),
    };
    if unsent { TransportError::not_sent(words) } else { TransportError::lost(words) }
}
