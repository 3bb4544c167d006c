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
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, header::CONTENT_LENGTH};
use http_body_util::{BodyExt, Limited};
use hyper::body::{Body, Frame, Incoming as HyperBody, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::time::Sleep;

use crate::Shared;
use crate::platform::{Delivery, Incoming, Lost};

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
        let address = listener.local_addr()?;
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name(format!("dingtalk-sandbox-{}", address.port()))
            .spawn(move || {
                runtime.block_on(async {
                    tokio::select! {
                        () = accept(listener, shared) => {}
                        _ = stopped => {}
                    }
                });
                // Open connections end with the runtime, without waiting for their callers.
                runtime.shutdown_background();
            })?;
        Ok(Self { address, stop: Some(stop), thread: Some(thread) })
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

async fn accept(listener: StdListener, shared: Arc<Shared>) {
    let Ok(listener) = TcpListener::from_std(listener) else {
        return;
    };
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let _ = stream.set_nodelay(true);
                tokio::spawn(serve(stream, peer, Arc::clone(&shared)));
            }
            // Out of file descriptors, or a caller who left before being let in: others may still come.
            Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    }
}

async fn serve(stream: TcpStream, peer: SocketAddr, shared: Arc<Shared>) {
    let reset = Arc::new(AtomicBool::new(false));
    let wire = Wire { stream, reset: Arc::clone(&reset) };
    let service = service_fn(|request| answer(request, peer, &shared, &reset));
    // An error here is a caller who left or a fault of the test; nobody else is to know.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(wire), service).await;
}

/// An error closes the connection without an answer.
async fn answer(
    request: Request<HyperBody>,
    peer: SocketAddr,
    shared: &Shared,
    reset: &AtomicBool,
) -> Result<Response<Answer>, io::Error> {
    let (parts, body) = request.into_parts();
    let body =
        Limited::new(body, LARGEST_BODY).collect().await.map_err(io::Error::other)?.to_bytes();
    let incoming = Incoming {
        method: &parts.method,
        path: parts.uri.path(),
        query: parts.uri.query().unwrap_or_default(),
        headers: &parts.headers,
        body: &body,
        peer: peer.ip(),
    };
    if let Some(gate) = shared.gate_before(&incoming) {
        gate.pass().await;
    }
    let outcome = shared.answer(&incoming);
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
    Ok(Response::from_parts(head, Answer { rest: body, manner, flushed: false }))
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
    /// So many bytes, and then the connection breaks.
    Truncated(usize),
    Dripping(Duration, Pin<Box<Sleep>>),
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
        self.rest.is_empty() && !matches!(self.manner, Manner::Truncated(_))
    }

    fn size_hint(&self) -> SizeHint {
        match self.manner {
            Manner::Whole => SizeHint::with_exact(self.rest.len() as u64),
            Manner::Truncated(_) | Manner::Dripping(..) => SizeHint::default(),
        }
    }
}
