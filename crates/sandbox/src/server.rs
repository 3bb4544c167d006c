//! The server: HTTP/1.1, or HTTP/2 where TLS agrees on it, in a thread of its own, and the faults that only a socket
//! can have.

mod body;
mod script;
mod tamper;
mod wire;

use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener as StdListener};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Method, Request, Response, Version, header::CONTENT_LENGTH, header::HOST};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming as HyperBody;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};

use crate::control::{self, Filter};
use crate::events::carry;
use crate::faults::{Action, Odd, Strike};
use crate::hosts;
use crate::platform::{Delivery, Incoming, Lost, Progress};
use crate::stream::{self, Pass};
use crate::tls::{Accepted, Tls};
use crate::{Sandbox, Shared};
use body::{Answer, Manner};
use tamper::{Tamper, Tampered};
use wire::{Ending, Wire};

/// Larger bodies are not read; the connection is closed, as a front server would.
const LARGEST_BODY: usize = 16 * 1024 * 1024;

impl Sandbox {
    /// The base URL that serves every family of the platform: `http://127.0.0.1:PORT`, or `https://…` with
    /// [`Builder::https`](crate::Builder::https). Bound to all addresses of the machine, it names the loopback one.
    /// Without a server it is `http://sandbox.localhost`, which nothing answers.
    #[must_use]
    pub fn origin(&self) -> String {
        match &self.server {
            Some(server) => server.origin(),
            None => "http://sandbox.localhost".to_owned(),
        }
    }

    /// Stops the server, for all handles: the port is free and no connection is open when this returns. What it has
    /// seen and done stays, and [`handle`](Self::handle) goes on answering. Dropping the last handle does the same.
    pub fn stop(&self) {
        if let Some(server) = &self.server {
            server.stop();
        }
    }
}

/// A server that runs until this is dropped.
#[derive(Debug)]
pub(crate) struct Running {
    address: SocketAddr,
    tls: Option<Tls>,
    /// Taken by whoever ends it.
    end: Mutex<Option<(oneshot::Sender<()>, JoinHandle<()>)>>,
}

impl Running {
    /// Binds before it returns, so that the first request cannot come too early.
    pub(crate) fn start(
        shared: Arc<Shared>,
        address: SocketAddr,
        tls: Option<Tls>,
    ) -> io::Result<Self> {
        let listener = StdListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let local = listener.local_addr()?;
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        let (stop, stopped) = oneshot::channel();
        let carried = tls.clone();
        let thread = std::thread::Builder::new()
            .name(format!("dingtalk-sandbox-{}", local.port()))
            .spawn(move || {
                runtime.block_on(async {
                    tokio::select! {
                        () = accept(listener, shared, local, carried) => {}
                        _ = stopped => {}
                    }
                });
                // Open connections end with the runtime, without waiting for their callers.
                runtime.shutdown_background();
            })?;
        Ok(Self { address: local, tls, end: Mutex::new(Some((stop, thread))) })
    }

    /// What a client on this machine calls.
    pub(crate) fn origin(&self) -> String {
        let mut address = self.address;
        match address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
            IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
            _ => {}
        }
        format!("{}://{address}", if self.tls.is_some() { "https" } else { "http" })
    }

    pub(crate) fn ca(&self) -> Option<&str> {
        self.tls.as_ref().map(Tls::ca)
    }

    /// Ends it; when this returns the port is free again.
    pub(crate) fn stop(&self) {
        let end = self.end.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((stop, thread)) = end {
            // The thread may be gone already; then there is nobody to tell.
            let _ = stop.send(());
            let _ = thread.join();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
    }
}

async fn accept(listener: StdListener, shared: Arc<Shared>, bound: SocketAddr, tls: Option<Tls>) {
    let Ok(listener) = TcpListener::from_std(listener) else {
        return;
    };
    tokio::spawn(push_events(Arc::clone(&shared)));
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let _ = stream.set_nodelay(true);
                // Bound to all addresses, each connection has one of them.
                let local = stream.local_addr().unwrap_or(bound);
                let ends = Ends { peer, local, secure: tls.is_some() };
                tokio::spawn(serve(stream, ends, Arc::clone(&shared), tls.clone()));
            }
            // Out of file descriptors, or a caller who left before being let in: others may still come.
            Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    }
}

/// Who is at the two ends of a connection.
#[derive(Clone, Copy)]
struct Ends {
    peer: SocketAddr,
    local: SocketAddr,
    secure: bool,
}

async fn serve(stream: TcpStream, ends: Ends, shared: Arc<Shared>, tls: Option<Tls>) {
    let ending = Arc::new(Ending::default());
    let mut wire = Wire { stream, ending: Arc::clone(&ending) };
    if let Some(strike) = shared.strike_connection() {
        // In a box, because every other connection would carry the room for it.
        match Box::pin(struck(strike, wire, &ending)).await {
            Some(spared) => wire = spared,
            None => return,
        }
    }
    let accepted = match tls {
        Some(tls) => tls.accept(wire).await,
        None => Some(Accepted::Plain(wire)),
    };
    match accepted {
        Some(Accepted::Plain(wire)) => converse(wire, false, ends, shared, ending).await,
        Some(Accepted::Tls(wire)) => {
            let agreed_on_h2 = wire.get_ref().1.alpn_protocol() == Some(b"h2");
            converse(*wire, agreed_on_h2, ends, shared, ending).await;
        }
        None => {}
    }
}

/// What a fault does to a connection before anything is asked on it: the connection, if it is left.
async fn struck(strike: Strike, mut wire: Wire, ending: &Ending) -> Option<Wire> {
    if !strike.delay.is_zero() {
        tokio::time::sleep(strike.delay).await;
    }
    match strike.action {
        Action::Close => None,
        Action::Reset => {
            ending.reset();
            None
        }
        Action::Stall => {
            // Silence until the caller leaves.
            let mut ignored = [0; 1024];
            while wire.read(&mut ignored).await.is_ok_and(|len| len > 0) {}
            None
        }
        // Nothing else can happen to what has not been asked anything.
        _ => Some(wire),
    }
}

async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    h2: bool,
    ends: Ends,
    shared: Arc<Shared>,
    ending: Arc<Ending>,
) {
    let tamper = Arc::new(Tamper::new(ending));
    let stream = TokioIo::new(Tampered { stream, tamper: Arc::clone(&tamper) });
    let service = service_fn(move |request| {
        let (shared, tamper) = (Arc::clone(&shared), Arc::clone(&tamper));
        async move { answer(request, ends, &shared, &tamper).await }
    });
    // An error here is a caller who left or a fault of the test; nobody else is to know.
    if h2 {
        let builder = http2::Builder::new(TokioExecutor::new());
        let _ = builder.serve_connection(stream, service).await;
    } else {
        let connection = http1::Builder::new().serve_connection(stream, service);
        let _ = connection.with_upgrades().await;
    }
}

/// Pushes what is due, each push in a thread of its own, for as long as the server runs. The clock may be moved by hand
/// at any moment, so while something may come due it is looked at often; an idle sandbox waits to be told.
async fn push_events(shared: Arc<Shared>) {
    const OFTEN: Duration = Duration::from_millis(50);
    loop {
        for push in shared.take_due() {
            let shared = Arc::clone(&shared);
            tokio::task::spawn_blocking(move || {
                let outcome = carry(&push);
                shared.settle(&push, outcome);
                shared.wake.notify_one();
            });
        }
        if shared.is_idle() {
            shared.wake.notified().await;
        } else {
            let _ = tokio::time::timeout(OFTEN, shared.wake.notified()).await;
        }
    }
}

/// An error closes the connection without an answer.
async fn answer(
    mut request: Request<HyperBody>,
    ends: Ends,
    shared: &Arc<Shared>,
    tamper: &Arc<Tamper>,
) -> Result<Response<Answer>, io::Error> {
    let h2 = request.version() == Version::HTTP_2;
    if h2 {
        name_host(&mut request);
    }
    if request.uri().path().starts_with(control::PREFIX) {
        let response = steer(request, ends, shared).await.unwrap_or_else(|problem| {
            problem.into_response().map(|body| Answer::of(Bytes::from(body), Manner::Whole))
        });
        return Ok(response);
    }
    let upgrade = hyper::upgrade::on(&mut request);
    let (parts, body) = request.into_parts();
    let body =
        Limited::new(body, LARGEST_BODY).collect().await.map_err(io::Error::other)?.to_bytes();
    let incoming = Incoming {
        method: &parts.method,
        called: hosts::called(&parts.uri, &parts.headers),
        path: parts.uri.path(),
        query: parts.uri.query().unwrap_or_default(),
        headers: &parts.headers,
        body: &body,
        peer: ends.peer.ip(),
        secure: ends.secure,
        arrived: Instant::now(),
        plain: !ends.secure,
    };
    if let Some(gate) = shared.gate_before(&incoming) {
        gate.pass().await;
    }
    let outcome = match shared.begin(&incoming) {
        Progress::Done(outcome) => outcome,
        Progress::Checking(unfinished) => {
            // A callback may be slow, and it may call the sandbox while it is asked.
            let push = unfinished.check.push.clone();
            let verdict = tokio::task::spawn_blocking(move || carry(&push))
                .await
                .map_err(io::Error::other)?;
            shared.finish(*unfinished, verdict)
        }
    };
    let _hanging = outcome.hangs().then(|| Hanging(shared, outcome.seq));
    if !outcome.delay.is_zero() {
        tokio::time::sleep(outcome.delay).await;
    }
    let (mut head, body) = outcome.response.into_parts();
    let body = Bytes::from(body);
    if let (Delivery::Whole, Some(pass)) = (outcome.delivery, head.extensions.remove::<Pass>()) {
        tokio::spawn(stream::serve(upgrade, pass, Arc::clone(shared)));
    }
    let manner = match outcome.delivery {
        Delivery::Whole => Manner::Whole,
        // The frames of HTTP/2 are not said twice.
        Delivery::Twice if h2 => Manner::Whole,
        Delivery::Twice => {
            // Nobody asks for the pieces of a body that is not sent.
            tamper.copy_from_now_on(body.is_empty() || parts.method == Method::HEAD);
            Manner::Twice(Arc::clone(tamper))
        }
        Delivery::Broken(len, how) => Manner::Broken(len.min(body.len()), how, Arc::clone(tamper)),
        Delivery::Odd(Odd::CloseAfter | Odd::CloseNext) if h2 => Manner::Whole,
        Delivery::Odd(Odd::Head(_, how)) if h2 => Manner::Broken(0, how, Arc::clone(tamper)),
        Delivery::Odd(Odd::CloseAfter) => {
            tamper.close_behind(body.is_empty() || parts.method == Method::HEAD);
            Manner::Last(Arc::clone(tamper))
        }
        Delivery::Odd(Odd::CloseNext) => {
            tamper.close_next();
            Manner::Whole
        }
        // Nobody asks for the pieces of an answer that has no body.
        Delivery::Odd(odd) if !h2 && parts.method != Method::HEAD => {
            let (bytes, then) = script::written(odd, &head, &body);
            tamper.say(bytes);
            let said = Answer::of(Bytes::new(), Manner::Said(then, Arc::clone(tamper)));
            return Ok(Response::new(said));
        }
        Delivery::Odd(_) => {
            tamper.ending.close();
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        Delivery::Dripping(len, pause) => {
            Manner::Dripping(len, pause, Box::pin(tokio::time::sleep(Duration::ZERO)))
        }
        Delivery::Lost(Lost::Answer | Lost::Closed) => {
            if h2 {
                // An error would end only this one of the connection's streams.
                tamper.ending.close();
            }
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        Delivery::Lost(Lost::Reset) => {
            tamper.ending.reset();
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        Delivery::Lost(Lost::Stalled) => match pending::<Infallible>().await {},
    };
    if !matches!(manner, Manner::Whole) {
        head.headers.insert(CONTENT_LENGTH, body.len().into());
    }
    Ok(Response::from_parts(head, Answer::of(body, manner)))
}

/// HTTP/2 names the host in the URI; everything behind this looks for it where HTTP/1.1 has it.
fn name_host(request: &mut Request<HyperBody>) {
    let authority = request.uri().authority().map(|authority| authority.as_str().parse());
    if let (Some(Ok(host)), false) = (authority, request.headers().contains_key(HOST)) {
        request.headers_mut().insert(HOST, host);
    }
}

/// A caller that waits for an answer which may never come; dropped when it has it, or has gone.
struct Hanging<'a>(&'a Shared, u64);

impl Drop for Hanging<'_> {
    fn drop(&mut self) {
        self.0.gone(self.1);
    }
}

/// A request of the control API: judged by its head before its body is read.
async fn steer(
    request: Request<HyperBody>,
    ends: Ends,
    shared: &Arc<Shared>,
) -> Result<Response<Answer>, control::Problem> {
    let (head, body) = request.into_parts();
    let found = control::find(&head.method, head.uri.path());
    let needs_token = found.as_ref().map_or(true, control::Found::needs_token);
    // Whoever may not come in does not learn what there is, either.
    control::guard(&head, ends.local, ends.secure, &shared.control_token, needs_token)?;
    let found = found?;
    let most = found.largest_body();
    let body = Limited::new(body, most).collect().await;
    let body = body.map_err(|_| control::too_large(most))?.to_bytes();
    let query = head.uri.query().unwrap_or_default();
    let mut answer = control::run(shared, found, query, &body)?;
    if let control::Answer::Later(later) = answer {
        answer = tokio::task::spawn_blocking(later)
            .await
            .map_err(|_| control::Problem::new(500, "broken", "the call broke off"))??;
    }
    let response = match answer {
        control::Answer::Later(_) => return Err(control::Problem::new(500, "broken", "no end")),
        control::Answer::Json(status, value) => control::json_response(status, &value),
        control::Answer::Text(kind, text) => control::text_response(kind, text),
        control::Answer::Wait(wait) => control::json_response(200, &wait.done().await),
        control::Answer::Live(filter, from) => {
            let (lines, more) = mpsc::channel(16);
            tokio::spawn(report(Arc::clone(shared), filter, from, lines));
            return Ok(control::text_response("text/event-stream", Vec::new())
                .map(|_| Answer::of(Bytes::new(), Manner::Live(more))));
        }
    };
    Ok(response.map(|body| Answer::of(Bytes::from(body), Manner::Whole)))
}

/// Sends the journal as it is written, until the listener leaves.
async fn report(shared: Arc<Shared>, filter: Filter, mut from: u64, lines: mpsc::Sender<Bytes>) {
    /// Often enough for a proxy in between to keep the connection.
    const PULSE: Duration = Duration::from_secs(15);
    let mut text = ": live\n\n".to_owned();
    loop {
        if !text.is_empty() && lines.send(Bytes::from(std::mem::take(&mut text))).await.is_err() {
            return;
        }
        tokio::select! {
            () = shared.journal.beyond(from) => {}
            () = lines.closed() => return,
            () = tokio::time::sleep(PULSE) => text.push_str(": still here\n\n"),
        }
        let (entries, last) = shared.journal.after(from, 256, |_| true);
        if let Some(first) = entries.first().filter(|first| first.seq > from + 1) {
            // The journal keeps so many; a listener that is too slow is told what it missed.
            text.push_str(&format!("event: missed\ndata: {}\n\n", first.seq - from - 1));
        }
        for entry in entries.iter().filter(|entry| filter.fits(entry)) {
            let told = control::entry_told(entry);
            text.push_str(&format!("id: {}\ndata: {told}\n\n", entry.seq));
        }
        from = last;
    }
}
