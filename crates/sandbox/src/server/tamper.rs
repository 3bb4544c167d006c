//! The socket as faults need it: one that can end with a reset, and one that can say everything twice.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// What an answer does to its connection.
#[derive(Debug, Default)]
pub(super) struct Tamper {
    /// The end is a reset instead of a farewell.
    pub(super) reset: AtomicBool,
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

/// A socket that obeys a [`Tamper`].
pub(super) struct Wire {
    pub(super) stream: TcpStream,
    pub(super) tamper: Arc<Tamper>,
}

impl Wire {
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

impl Drop for Wire {
    fn drop(&mut self) {
        if self.tamper.reset.load(Ordering::Relaxed) {
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
        if self.tamper.reset.load(Ordering::Relaxed) {
            // A farewell now would come before the reset.
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
