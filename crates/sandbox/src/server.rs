//! The socket: HTTP/1.1 on loopback in a thread of its own, and the faults that only a socket can have.

use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response, header::CONTENT_LENGTH};
use http_body_util::{BodyExt, Limited};
use hyper::body::{Body, Frame, Incoming as HyperBody, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Sleep;

use crate::Shared;
use crate::control::{self, Filter};
use crate::events::carry;
use crate::platform::{Delivery, Incoming, Lost, Progress};

/// Larger bodies are not read; the connection is closed, as a front server would.
const LARGEST_BODY: usize = 16 * 1024 * 1024;

/// A server that runs until this is dropped.
#[derive(Debug)]
pub(crate) struct Running {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    /// Binds before it returns, so that the first request cannot come too early.
    pub(crate) fn start(shared: Arc<Shared>, address: SocketAddr) -> io::Result<Self> {
        let listener = StdListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let local = listener.local_addr()?;
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name(format!("dingtalk-sandbox-{}", local.port()))
            .spawn(move || {
                runtime.block_on(async {
                    tokio::select! {
                        () = accept(listener, shared, local) => {}
                        _ = stopped => {}
                    }
                });
                // Open connections end with the runtime, without waiting for their callers.
                runtime.shutdown_background();
            })?;
        Ok(Self { address: local, stop: Some(stop), thread: Some(thread) })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // The thread may be gone already; then there is nobody to tell.
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            // After this the port is free again.
            let _ = thread.join();
        }
    }
}

async fn accept(listener: StdListener, shared: Arc<Shared>, local: SocketAddr) {
    let Ok(listener) = TcpListener::from_std(listener) else {
        return;
    };
    tokio::spawn(push_events(Arc::clone(&shared)));
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let _ = stream.set_nodelay(true);
                tokio::spawn(serve(stream, Ends { peer, local }, Arc::clone(&shared)));
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
}

async fn serve(stream: TcpStream, ends: Ends, shared: Arc<Shared>) {
    let reset = Arc::new(AtomicBool::new(false));
    let wire = Wire { stream, reset: Arc::clone(&reset) };
    let service = service_fn(|request| answer(request, ends, &shared, &reset));
    // An error here is a caller who left or a fault of the test; nobody else is to know.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(wire), service).await;
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
    request: Request<HyperBody>,
    ends: Ends,
    shared: &Arc<Shared>,
    reset: &AtomicBool,
) -> Result<Response<Answer>, io::Error> {
    if request.uri().path().starts_with(control::PREFIX) {
        let response = steer(request, ends.local, shared).await.unwrap_or_else(|problem| {
            problem.into_response().map(|body| Answer::of(Bytes::from(body), Manner::Whole))
        });
        return Ok(response);
    }
    let (parts, body) = request.into_parts();
    let body =
        Limited::new(body, LARGEST_BODY).collect().await.map_err(io::Error::other)?.to_bytes();
    let incoming = Incoming {
        method: &parts.method,
        path: parts.uri.path(),
        query: parts.uri.query().unwrap_or_default(),
        headers: &parts.headers,
        body: &body,
        peer: ends.peer.ip(),
        arrived: Instant::now(),
        plain: true,
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
    let manner = match outcome.delivery {
        Delivery::Whole => Manner::Whole,
        Delivery::Truncated(len) => Manner::Truncated(len.min(body.len())),
        Delivery::Dripping(pause) => {
            Manner::Dripping(pause, Box::pin(tokio::time::sleep(Duration::ZERO)))
        }
        Delivery::Lost(Lost::Answer | Lost::Closed) => {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        Delivery::Lost(Lost::Reset) => {
            reset.store(true, Ordering::Relaxed);
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        Delivery::Lost(Lost::Stalled) => match pending::<Infallible>().await {},
    };
    if !matches!(manner, Manner::Whole) {
        head.headers.insert(CONTENT_LENGTH, body.len().into());
    }
    Ok(Response::from_parts(head, Answer::of(body, manner)))
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
    local: SocketAddr,
    shared: &Arc<Shared>,
) -> Result<Response<Answer>, control::Problem> {
    let (head, body) = request.into_parts();
    let found = control::find(&head.method, head.uri.path());
    let needs_token = found.as_ref().map_or(true, control::Found::needs_token);
    // Whoever may not come in does not learn what there is, either.
    control::guard(&head, local, &shared.control_token, needs_token)?;
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

/// A socket that can end with a reset instead of a farewell.
struct Wire {
    stream: TcpStream,
    reset: Arc<AtomicBool>,
}

impl Drop for Wire {
    fn drop(&mut self) {
        if self.reset.load(Ordering::Relaxed) {
            // With nothing to linger for, closing sends RST.
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.reset.load(Ordering::Relaxed) {
            // A farewell now would come before the reset.
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// An answer's body on its way out.
struct Answer {
    rest: Bytes,
    manner: Manner,
    flushed: bool,
}

enum Manner {
    Whole,
    /// What comes through here, until the other side is done.
    Live(mpsc::Receiver<Bytes>),
    /// So many bytes, and then the connection breaks.
    Truncated(usize),
    Dripping(Duration, Pin<Box<Sleep>>),
}

impl Answer {
    fn of(rest: Bytes, manner: Manner) -> Self {
        Self { rest, manner, flushed: false }
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let this = &mut *self;
        match &mut this.manner {
            Manner::Live(more) => more.poll_recv(cx).map(|bytes| Some(Ok(Frame::data(bytes?)))),
            Manner::Whole if this.rest.is_empty() => Poll::Ready(None),
            Manner::Whole => Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut this.rest))))),
            Manner::Truncated(0) => {
                if this.flushed {
                    return Poll::Ready(Some(Err(io::ErrorKind::ConnectionAborted.into())));
                }
                // One turn in between lets the connection write out what it has before the error ends it.
                this.flushed = true;
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Manner::Truncated(len) => {
                let first = this.rest.split_to((*len).min(this.rest.len()));
                *len = 0;
                Poll::Ready(Some(Ok(Frame::data(first))))
            }
            Manner::Dripping(_, _) if this.rest.is_empty() => Poll::Ready(None),
            Manner::Dripping(pause, sleep) => {
                if sleep.as_mut().poll(cx).is_pending() {
                    return Poll::Pending;
                }
                *sleep = Box::pin(tokio::time::sleep(*pause));
                Poll::Ready(Some(Ok(Frame::data(this.rest.split_to(1)))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && !matches!(self.manner, Manner::Truncated(_) | Manner::Live(_))
    }

    fn size_hint(&self) -> SizeHint {
        match self.manner {
            Manner::Whole => SizeHint::with_exact(self.rest.len() as u64),
            Manner::Live(_) | Manner::Truncated(_) | Manner::Dripping(..) => SizeHint::default(),
        }
    }
}
