//! Getting a connection: names, addresses, the proxy's tunnel, TLS. Whatever fails here fails
//! before the request, so every error says that nothing was sent.

mod stream;

use std::cell::Cell;
use std::error::Error as StdError;
use std::future::Future;
use std::io::ErrorKind;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use dingtalk_core::{Limits, Proxy, ProxyRules, TransportError, bare_host, is_loopback};
use dingtalk_tls::Tls;
use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use tower_service::Service;

pub(crate) use stream::Stream;

thread_local! {
    /// When the request that is being polled stops waiting for a connection. The pooled client
    /// tells a connector the address and nothing of the request.
    pub(crate) static CONNECTED_BY: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Opens connections for the pooled client.
#[derive(Clone)]
pub(crate) struct Connect(Arc<Inner>);

struct Inner {
    rules: ProxyRules,
    tls: Tls,
    user_agent: String,
}

impl Connect {
    pub(crate) fn new(rules: ProxyRules, tls: Tls, user_agent: String) -> Self {
        Self(Arc::new(Inner { rules, tls, user_agent }))
    }

    /// The same proxy and authorities for web sockets, which HTTP/2 does not carry.
    #[cfg(feature = "stream")]
    pub(crate) fn for_web_sockets(&self) -> Self {
        let Inner { rules, tls, user_agent } = &*self.0;
        Self::new(rules.clone(), tls.with_alpn(&[b"http/1.1"]), user_agent.clone())
    }

    #[cfg(feature = "stream")]
    pub(crate) fn user_agent(&self) -> &str {
        &self.0.user_agent
    }

    /// A connection to the host of this URL, TLS included.
    pub(crate) async fn open(self, uri: Uri) -> Result<Stream, TransportError> {
        if uri.scheme_str() != Some("https") {
            return Ok(Stream::Plain(self.0.dial_for(&uri).await?));
        }
        let tls = TlsConnector::from(self.0.tls.config()?);
        let name = dingtalk_tls::server_name(uri.host().unwrap_or_default())?;
        let tcp = self.0.dial_for(&uri).await?;
        let stream = tls.connect(name, tcp).await.map_err(|error| handshake_fault(&error))?;
        Ok(Stream::Tls(Box::new(stream)))
    }
}

impl Service<Uri> for Connect {
    type Response = TokioIo<Stream>;
    type Error = TransportError;
    type Future = Pin<Box<dyn Future<Output = Result<TokioIo<Stream>, TransportError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        // Read here and not inside: the rest may go on in another task when an idle connection
        // comes first.
        let deadline =
            CONNECTED_BY.get().unwrap_or_else(|| Instant::now() + Limits::default().connect);
        let open = self.clone().open(uri);
        Box::pin(async move {
            match timeout_at(deadline, open).await {
                Ok(opened) => opened.map(TokioIo::new),
                Err(_) => Err(TransportError::not_sent("no connection in time")),
            }
        })
    }
}

impl Inner {
    async fn dial_for(&self, uri: &Uri) -> Result<TcpStream, TransportError> {
        let scheme = uri.scheme_str().unwrap_or_default();
        let host = uri.host().unwrap_or_default();
        let port = uri.port_u16().unwrap_or(if scheme == "https" { 443 } else { 80 });
        match self.rules.for_host(scheme, host, port) {
            None => dial(host, port).await,
            Some(proxy) => self.tunnel(proxy, host, port).await,
        }
    }

    async fn tunnel(
        &self,
        proxy: &Proxy,
        host: &str,
        port: u16,
    ) -> Result<TcpStream, TransportError> {
        let broken = |error: std::io::Error| {
            let kind = error.kind();
            TransportError::not_sent(format!("the connection to the proxy broke: {kind}"))
        };
        let mut stream = dial(proxy.host(), proxy.port())
            .await
            .map_err(|e| TransportError::not_sent(format!("proxy: {e}")))?;
        let request = proxy.connect_request(host, port, &self.user_agent);
        stream.write_all(&request).await.map_err(broken)?;
        let mut answer = Vec::new();
        loop {
            if stream.read_buf(&mut answer).await.map_err(broken)? == 0 {
                return Err(TransportError::not_sent("the proxy hung up"));
            }
            if let Some(verdict) = Proxy::connect_reply(&answer) {
                return verdict.map(|()| stream);
            }
        }
    }
}

async fn dial(host: &str, port: u16) -> Result<TcpStream, TransportError> {
    let bare = bare_host(host);
    if is_loopback(bare) && bare.parse::<std::net::IpAddr>().is_err() {
        // Plain http may go to these names, so no name server is asked what they mean.
        return match tcp("127.0.0.1", port).await {
            Err(_) => tcp("[::1]", port).await,
            connected => connected,
        };
    }
    if bare.contains(':') {
        return tcp(&format!("[{bare}]"), port).await;
    }
    tcp(bare, port).await
}

async fn tcp(host: &str, port: u16) -> Result<TcpStream, TransportError> {
    let uri = Uri::builder()
        .scheme("http")
        .authority(format!("{host}:{port}"))
        .path_and_query("/")
        .build()
        .map_err(|_| TransportError::not_sent("host not found"))?;
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    // The head start of IPv6 over IPv4 where a host has both.
    connector.set_happy_eyeballs_timeout(Some(Duration::from_millis(300)));
    connector.call(uri).await.map(TokioIo::into_inner).map_err(|error| {
        let kind = io_kind(&error);
        TransportError::not_sent(match kind {
            Some(kind) if kind != ErrorKind::Other => kind.to_string(),
            _ => "host not found".to_owned(),
        })
    })
}

/// The kind of the innermost I/O error; a name look-up has none that says more than "other".
fn io_kind(error: &(dyn StdError + 'static)) -> Option<ErrorKind> {
    let mut at = Some(error);
    let mut kind = None;
    while let Some(error) = at {
        kind = error.downcast_ref::<std::io::Error>().map(std::io::Error::kind).or(kind);
        at = error.source();
    }
    kind.filter(|kind| kind.to_string() != "uncategorized error")
}

fn handshake_fault(io: &std::io::Error) -> TransportError {
    let (mut at, mut kind) = (io, io.kind());
    // Layers wrap an I/O error into another one; rustls' own is the innermost.
    while let Some(inner) = at.get_ref() {
        if let Some(tls) = inner.downcast_ref::<rustls::Error>() {
            return TransportError::not_sent(dingtalk_tls::words(tls));
        }
        match inner.downcast_ref::<std::io::Error>() {
            Some(deeper) => (at, kind) = (deeper, deeper.kind()),
            None => break,
        }
    }
    TransportError::not_sent(format!("TLS: the handshake was cut: {kind}"))
}
