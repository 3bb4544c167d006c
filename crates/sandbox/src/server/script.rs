//! Answers that hyper would not write: their bytes, made by hand.

use std::time::SystemTime;

use http::header::{CONTENT_LENGTH, DATE, TRANSFER_ENCODING};
use http::response::Parts;

use crate::faults::{Break, Odd};

/// What follows when the bytes are out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    GoOn,
    Break(Break),
}

impl Then {
    /// Going on in the middle of an answer is to say nothing more.
    pub(super) fn as_break(self) -> Break {
        match self {
            Self::GoOn => Break::Stall,
            Self::Break(how) => how,
        }
    }
}

/// The bytes of an answer whose HTTP goes wrong this way.
pub(super) fn written(odd: Odd, head: &Parts, body: &[u8]) -> (Vec<u8>, Then) {
    let len = body.len().to_string();
    match odd {
        Odd::Head(most, how) => {
            let mut bytes = head_of(head, &[(CONTENT_LENGTH.as_str(), &len)]);
            bytes.truncate(most);
            (bytes, Then::Break(how))
        }
        Odd::Length(by) => {
            let said = i64::try_from(body.len()).unwrap_or(i64::MAX).saturating_add(by).max(0);
            let mut bytes = head_of(head, &[(CONTENT_LENGTH.as_str(), &said.to_string())]);
            bytes.extend_from_slice(body);
            (bytes, if by > 0 { Then::Break(Break::Stall) } else { Then::GoOn })
        }
        Odd::Chunk => {
            let mut bytes = head_of(head, &[(TRANSFER_ENCODING.as_str(), "chunked")]);
            let (first, second) = body.split_at(body.len() / 2);
            bytes.extend_from_slice(&chunk(first));
            bytes.extend_from_slice(b"no size\r\n");
            bytes.extend_from_slice(second);
            (bytes, Then::Break(Break::Close))
        }
        Odd::BothLengths => {
            let lengths =
                [(CONTENT_LENGTH.as_str(), &*len), (TRANSFER_ENCODING.as_str(), "chunked")];
            let mut bytes = head_of(head, &lengths);
            bytes.extend_from_slice(&chunk(body));
            bytes.extend_from_slice(b"0\r\n\r\n");
            (bytes, Then::GoOn)
        }
        Odd::Raw => (body.to_vec(), Then::Break(Break::Close)),
        // These two are about the connection; the answer is right.
        Odd::CloseAfter | Odd::CloseNext => {
            let mut bytes = head_of(head, &[(CONTENT_LENGTH.as_str(), &len)]);
            bytes.extend_from_slice(body);
            (bytes, Then::GoOn)
        }
    }
}

fn head_of(head: &Parts, lengths: &[(&str, &str)]) -> Vec<u8> {
    let reason = head.status.canonical_reason().unwrap_or_default();
    let mut bytes = format!("HTTP/1.1 {} {reason}\r\n", head.status.as_u16()).into_bytes();
    let mut line = |name: &str, value: &[u8]| {
        bytes.extend_from_slice(name.as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value);
        bytes.extend_from_slice(b"\r\n");
    };
    for (name, value) in &head.headers {
        line(name.as_str(), value.as_bytes());
    }
    for (name, value) in lengths {
        line(name, value.as_bytes());
    }
    if !head.headers.contains_key(DATE) {
        line(DATE.as_str(), httpdate::fmt_http_date(SystemTime::now()).as_bytes());
    }
    bytes.extend_from_slice(b"\r\n");
    bytes
}

/// A chunk of no bytes would be the last one.
fn chunk(bytes: &[u8]) -> Vec<u8> {
    if bytes.is_empty() {
        return Vec::new();
    }
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}
