//! What faults do to a connection: it may end before its time, or say an answer twice.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::wire::Ending;

/// What an answer does to its connection.
pub(super) struct Tamper {
    pub(super) ending: Arc<Ending>,
    /// Most connections never copy, and their writes are not to pay for a lock.
    copying: AtomicBool,
    copy: Mutex<Copy>,
}

/// What was written since the answer began.
#[derive(Debug, Default)]
struct Copy {
    bytes: Vec<u8>,
    /// The last piece of the answer has been handed over: with the next flush all of it is written.
    complete: bool,
    repeated: usize,
}

impl Tamper {
    pub(super) fn new(ending: Arc<Ending>) -> Self {
        Self { ending, copying: AtomicBool::new(false), copy: Mutex::default() }
    }

    /// Remembers what is written, until the answer is complete.
    pub(super) fn copy_from_now_on(&self, complete: bool) {
        *self.copy() = Copy { complete, ..Copy::default() };
        self.copying.store(true, Ordering::Relaxed);
    }

    /// The answer has no more pieces.
    pub(super) fn complete(&self) {
        self.copy().complete = true;
    }

    fn remember(&self, written: &[u8]) {
        if self.copying.load(Ordering::Relaxed) {
            self.copy().bytes.extend_from_slice(written);
        }
    }

    fn copy(&self) -> MutexGuard<'_, Copy> {
        self.copy.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection, above its TLS where there is one, that repeats itself where a [`Tamper`] says so.
pub(super) struct Tampered<S> {
    pub(super) stream: S,
    pub(super) tamper: Arc<Tamper>,
}

impl<S: AsyncWrite + Unpin> Tampered<S> {
    /// Writes the complete answer once more, if it is to be.
    fn repeat(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.tamper.copying.load(Ordering::Relaxed) {
            return Poll::Ready(Ok(()));
        }
        let mut copy = self.tamper.copy();
        if !copy.complete || copy.bytes.is_empty() {
            return Poll::Ready(Ok(()));
        }
        while copy.repeated < copy.bytes.len() {
            let rest = &copy.bytes[copy.repeated..];
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, rest))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            copy.repeated += written;
        }
        *copy = Copy::default();
        self.tamper.copying.store(false, Ordering::Relaxed);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Tampered<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Tampered<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, buf))?;
        self.tamper.remember(&buf[..written]);
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write_vectored(cx, bufs))?;
        let mut left = written;
        for buf in bufs {
            let part = left.min(buf.len());
            self.tamper.remember(&buf[..part]);
            left -= part;
        }
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.repeat(cx))?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
