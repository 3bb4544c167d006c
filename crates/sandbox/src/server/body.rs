//! The bodies of answers, as they travel.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::mpsc;
use tokio::time::Sleep;

use super::script::Then;
use super::tamper::Tamper;
use crate::faults::Break;

/// An answer's body on its way out.
pub(super) struct Answer {
    rest: Bytes,
    manner: Manner,
    flushed: bool,
}

pub(super) enum Manner {
    Whole,
    /// What comes through here, until the other side is done.
    Live(mpsc::Receiver<Bytes>),
    Twice(Arc<Tamper>),
    /// Tells when all of it has been handed over.
    Last(Arc<Tamper>),
    /// Nothing of its own: what the connection says instead, and what follows.
    Said(Then, Arc<Tamper>),
    /// So many bytes, and then the connection breaks.
    Broken(usize, Break, Arc<Tamper>),
    /// So many bytes at once, the others with a pause before each.
    Dripping(usize, Duration, Pin<Box<Sleep>>),
}

impl Answer {
    pub(super) fn of(rest: Bytes, manner: Manner) -> Self {
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
            Manner::Said(Then::GoOn, tamper) => {
                tamper.complete();
                Poll::Ready(None)
            }
            Manner::Said(then, tamper) => {
                tamper.complete();
                if tamper.is_busy() {
                    if !this.flushed {
                        this.flushed = true;
                        cx.waker().wake_by_ref();
                    }
                    // A flush that is not done wakes the connection, and that asks here again.
                    return Poll::Pending;
                }
                break_off(then.as_break(), tamper)
            }
            Manner::Twice(tamper) | Manner::Last(tamper) => {
                tamper.complete();
                let all = std::mem::take(&mut this.rest);
                Poll::Ready((!all.is_empty()).then_some(Ok(Frame::data(all))))
            }
            Manner::Broken(0, how, tamper) => {
                if this.flushed {
                    return break_off(*how, tamper);
                }
                // One turn in between lets the connection write out what it has before the error ends it.
                this.flushed = true;
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Manner::Broken(len, ..) => {
                let first = this.rest.split_to((*len).min(this.rest.len()));
                *len = 0;
                Poll::Ready(Some(Ok(Frame::data(first))))
            }
            Manner::Dripping(..) if this.rest.is_empty() => Poll::Ready(None),
            Manner::Dripping(len, pause, sleep) if *len > 0 => {
                let first = this.rest.split_to((*len).min(this.rest.len()));
                *len = 0;
                *sleep = Box::pin(tokio::time::sleep(*pause));
                Poll::Ready(Some(Ok(Frame::data(first))))
            }
            Manner::Dripping(_, pause, sleep) => {
                if sleep.as_mut().poll(cx).is_pending() {
                    return Poll::Pending;
                }
                *sleep = Box::pin(tokio::time::sleep(*pause));
                Poll::Ready(Some(Ok(Frame::data(this.rest.split_to(1)))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
            && !matches!(self.manner, Manner::Broken(..) | Manner::Live(_) | Manner::Said(..))
    }

    fn size_hint(&self) -> SizeHint {
        match self.manner {
            Manner::Whole | Manner::Twice(_) | Manner::Last(_) => {
                SizeHint::with_exact(self.rest.len() as u64)
            }
            Manner::Live(_) | Manner::Said(..) | Manner::Broken(..) | Manner::Dripping(..) => {
                SizeHint::default()
            }
        }
    }
}

fn break_off(how: Break, tamper: &Tamper) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
    match how {
        Break::Stall => Poll::Pending,
        Break::Close => Poll::Ready(Some(Err(io::ErrorKind::ConnectionAborted.into()))),
        Break::Reset => {
            tamper.ending.reset();
            Poll::Ready(Some(Err(io::ErrorKind::ConnectionReset.into())))
        }
    }
}
