//! What faults do to a connection: it may end before its time, say an answer twice, or say something else.

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
    /// Most connections are left alone, and their writes are not to pay for a lock.
    busy: AtomicBool,
    task: Mutex<Task>,
    /// The next byte that comes is the last one.
    close_next: AtomicBool,
}

/// What is done to the answer under way.
#[derive(Debug, Default)]
struct Task {
    manner: Manner,
    /// The last piece of the answer has been handed over: with the next flush all of it is written.
    complete: bool,
    bytes: Vec<u8>,
    /// How many of the bytes have been written by hand.
    written: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Manner {
    /// What is written is remembered, and written once more at the end.
    #[default]
    Twice,
    /// What is written goes nowhere; at the end these bytes do.
    Instead,
    /// The connection ends behind the answer.
    CloseBehind,
}

impl Tamper {
    pub(super) fn new(ending: Arc<Ending>) -> Self {
        Self {
            ending,
            busy: AtomicBool::new(false),
            task: Mutex::default(),
            close_next: AtomicBool::new(false),
        }
    }

    /// Remembers what is written until the answer is complete, and says it again.
    pub(super) fn copy_from_now_on(&self, complete: bool) {
        self.begin(Task { complete, ..Task::default() });
    }

    /// Says this in place of what is written until the answer is complete.
    pub(super) fn say(&self, bytes: Vec<u8>) {
        self.begin(Task { manner: Manner::Instead, bytes, ..Task::default() });
    }

    /// Ends the connection when the answer is complete and written.
    pub(super) fn close_behind(&self, complete: bool) {
        self.begin(Task { manner: Manner::CloseBehind, complete, ..Task::default() });
    }

    /// Ends the connection when more is asked on it.
    pub(super) fn close_next(&self) {
        self.close_next.store(true, Ordering::Relaxed);
    }

    /// The answer has no more pieces.
    pub(super) fn complete(&self) {
        self.task().complete = true;
    }

    /// Whether something is still to be written by hand.
    pub(super) fn is_busy(&self) -> bool {
        self.busy.load(Ordering::Relaxed)
    }

    fn begin(&self, task: Task) {
        *self.task() = task;
        self.busy.store(true, Ordering::Relaxed);
    }

    fn end(&self, task: &mut Task) {
        *task = Task::default();
        self.busy.store(false, Ordering::Relaxed);
    }

    fn remember(&self, written: &[u8]) {
        if self.is_busy() {
            let mut task = self.task();
            if task.manner == Manner::Twice {
                task.bytes.extend_from_slice(written);
            }
        }
    }

    /// Whether what is written now is to go nowhere.
    fn swallows(&self) -> bool {
        self.is_busy() && self.task().manner == Manner::Instead
    }

    fn task(&self) -> MutexGuard<'_, Task> {
        self.task.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection, above its TLS where there is one, that does what a [`Tamper`] says.
pub(super) struct Tampered<S> {
    pub(super) stream: S,
    pub(super) tamper: Arc<Tamper>,
}

impl<S: AsyncWrite + Unpin> Tampered<S> {
    /// Writes what is to be written by hand, once the answer is complete, and ends the connection if that is to be.
    fn finish(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.tamper.is_busy() {
            return Poll::Ready(Ok(()));
        }
        let mut task = self.tamper.task();
        let nothing_yet = task.manner == Manner::Twice && task.bytes.is_empty();
        if !task.complete || nothing_yet {
            return Poll::Ready(Ok(()));
        }
        if task.manner == Manner::CloseBehind {
            ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
            self.tamper.ending.close();
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        while task.written < task.bytes.len() {
            let rest = &task.bytes[task.written..];
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, rest))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            task.written += written;
        }
        self.tamper.end(&mut task);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Tampered<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        let more = buf.filled().len() > before;
        if more && self.tamper.close_next.load(Ordering::Relaxed) {
            self.tamper.ending.close();
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Tampered<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.tamper.swallows() {
            return Poll::Ready(Ok(buf.len()));
        }
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, buf))?;
        self.tamper.remember(&buf[..written]);
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.tamper.swallows() {
            return Poll::Ready(Ok(bufs.iter().map(|buf| buf.len()).sum()));
        }
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
        ready!(self.finish(cx))?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
