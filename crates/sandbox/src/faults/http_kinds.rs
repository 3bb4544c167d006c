//! Answers whose HTTP is wrong.

use super::{Action, Break, Fault};

/// How an answer's HTTP goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Odd {
    /// So many bytes of the head arrive, and then the connection breaks.
    Head(usize, Break),
    /// `Content-Length` is more than the body by so much, or less.
    Length(i64),
    /// The size of a chunk is no number.
    Chunk,
    /// Both `Content-Length` and `Transfer-Encoding`.
    BothLengths,
    /// What stands in the body is all that is sent.
    Raw,
    /// The connection ends behind the answer, which did not say so.
    CloseAfter,
    /// The connection ends when the next request comes on it.
    CloseNext,
}

/// What can go wrong with an answer's HTTP. On a connection that has agreed on HTTP/2 there are no such bytes: what breaks
/// off breaks off in the body, what is malformed ends the connection, and what happens between two answers does not.
impl Fault {
    /// Does the work, sends the first `len` bytes of the status line and the headers and closes the connection.
    /// In-process the answer is [`Lost`](crate::Lost).
    #[must_use]
    pub fn truncate_head(self, len: usize) -> Self {
        self.odd(Odd::Head(len, Break::Close))
    }

    /// As [`truncate_head`](Self::truncate_head), but ends with a reset (TCP RST).
    #[must_use]
    pub fn reset_in_head(self, len: usize) -> Self {
        self.odd(Odd::Head(len, Break::Reset))
    }

    /// As [`truncate_head`](Self::truncate_head), but the connection stays open in silence until the caller gives up.
    #[must_use]
    pub fn stall_in_head(self, len: usize) -> Self {
        self.odd(Odd::Head(len, Break::Stall))
    }

    /// Does the work and sends a `Content-Length` that is `by` bytes more than the body, or less, and the whole body; the
    /// connection stays open. With more the caller waits for bytes that never come, with less there are some in front of
    /// the next answer. In-process the answer is [`Lost`](crate::Lost) with more, and its body cut with less.
    #[must_use]
    pub fn content_length_off(self, by: i64) -> Self {
        self.odd(Odd::Length(by))
    }

    /// Does the work and sends the body in chunks, the second of which has a size that is no number; the connection is
    /// closed behind it. In-process the answer is [`Lost`](crate::Lost).
    #[must_use]
    pub fn bad_chunk(self) -> Self {
        self.odd(Odd::Chunk)
    }

    /// Does the work and sends the body in chunks, with `Transfer-Encoding: chunked` and a `Content-Length` besides.
    /// Only on the server.
    #[must_use]
    pub fn both_lengths(self) -> Self {
        self.odd(Odd::BothLengths)
    }

    /// Sends these bytes in place of an answer, whatever they are, and closes the connection; the call is not executed.
    /// In-process it is [`Lost`](crate::Lost).
    #[must_use]
    pub fn raw(self, bytes: impl Into<Vec<u8>>) -> Self {
        self.with(Action::Raw(bytes.into()))
    }

    /// Answers as usual and closes the connection behind the answer, without having said so: a pool that keeps it keeps
    /// a dead one. Only on the server.
    #[must_use]
    pub fn close_after_answer(self) -> Self {
        self.odd(Odd::CloseAfter)
    }

    /// Answers as usual and closes the connection when the next request comes on it, without executing that: what a
    /// pool meets when the server gives an idle connection up in the same moment. Only on the server.
    #[must_use]
    pub fn close_on_next_request(self) -> Self {
        self.odd(Odd::CloseNext)
    }

    fn odd(self, odd: Odd) -> Self {
        self.with(Action::Odd(odd))
    }
}
