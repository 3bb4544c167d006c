//! Connections that are not had, and wires that break.

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use dingtalk_sandbox::BadTls;
use dingtalk_tests::{Whole, end, hold, reset};

use super::{By, Kind};
use crate::places::Place;
use crate::rule::{End, Rule};

const UNSENT: Rule = Rule::Harmless(End::Unreachable);
const LOST: Rule = Rule::Doubtful(End::Lost);
const TIMED_OUT: Rule = Rule::Doubtful(End::TimedOut);

pub(super) const KINDS: &[Kind] = &[
    connect("connection refused", Place::Refused),
    connect("connection never answered (black hole)", Place::BlackHole).slow(),
    connect("no such host", Place::NoSuchHost),
    connect("the name leads to this machine, where another server is", Place::Loopback),
    connect("reset on accept", Place::ResetOnAccept),
    connect("accepted, then silence instead of a handshake", Place::Silent).slow(),
    connect("the proxy is not there", Place::NoProxy),
    connect("the proxy wants other credentials (407)", Place::ProxyRefuses),
    connect("the proxy hangs up", Place::ProxyHangsUp),
    tls("certificate expired", BadTls::Expired),
    tls("certificate not yet valid", BadTls::NotYetValid),
    tls("certificate for another name", BadTls::WrongHost),
    tls("self-signed certificate", BadTls::SelfSigned),
    tls("unknown authority", BadTls::UnknownCa),
    tls("TLS 1.0 only", BadTls::OldVersion),
    tls("handshake cut", BadTls::Cut),
    tls("no TLS at all", BadTls::PlainText),
    wire("closed before the answer", By::Sandbox(|fault| fault.close()), LOST),
    wire("reset before the answer", By::Sandbox(|fault| fault.reset()), LOST),
    wire("silence instead of an answer", By::Sandbox(|fault| fault.stall()), TIMED_OUT).slow(),
    wire("executed, then silence", By::Front(|stream, _| hold(stream)), TIMED_OUT)
        .executed()
        .slow(),
    wire("closed inside the headers", By::Front(|s, whole| cut(s, whole, 40) && end(s)), LOST)
        .executed(),
    wire("reset inside the headers", By::Front(|s, whole| cut(s, whole, 40) && reset(s)), LOST)
        .executed(),
    wire("silence inside the headers", By::Front(|s, w| cut(s, w, 40) && hold(s)), TIMED_OUT)
        .executed()
        .slow(),
    wire("closed behind the headers", By::Sandbox(|fault| fault.truncate_body(0)), LOST).executed(),
    wire("closed in the body, at byte 1", By::Sandbox(|fault| fault.truncate_body(1)), LOST)
        .executed(),
    wire("closed in the body, at byte 9", By::Sandbox(|fault| fault.truncate_body(9)), LOST)
        .executed(),
    wire(
        "closed one byte before the end",
        By::Front(|stream, whole| {
            let all = whole.bytes();
            put(stream, all.get(..all.len() - 1).unwrap_or_default()) && end(stream)
        }),
        LOST,
    )
    .executed(),
    wire("reset behind the headers", By::Sandbox(|fault| fault.reset_after(0)), LOST).executed(),
    wire("reset in the body", By::Sandbox(|fault| fault.reset_after(9)), LOST).executed(),
    wire("silence in the body", By::Sandbox(|fault| fault.stall_after(9)), TIMED_OUT)
        .executed()
        .slow(),
    wire("one byte a second", By::Sandbox(|fault| fault.drip(Duration::from_secs(1))), TIMED_OUT)
        .executed()
        .slow(),
    wire("in pieces of seven bytes", By::Front(in_pieces), Rule::Unfelt).executed(),
    wire("Content-Length too long, then closed", By::Front(|s, w| length(s, w, 9)), LOST)
        .executed(),
    wire(
        "Content-Length too long, then silence",
        By::Front(|stream, whole| {
            let lines = format!("Content-Length: {}\r\n", whole.body.len() + 9);
            put(stream, &whole.bytes_with(&lines)) && hold(stream)
        }),
        TIMED_OUT,
    )
    .executed()
    .slow(),
    wire("Content-Length too short", By::Front(|s, w| length(s, w, -3)), Rule::Final(End::Reply))
        .executed(),
    wire("Content-Length that is no number", By::Front(|s, w| lines(s, w, "a lot")), LOST)
        .executed(),
    wire(
        "two Content-Lengths that differ",
        By::Front(|s, w| lines(s, w, "5\r\nContent-Length: 7")),
        LOST,
    )
    .executed(),
    wire(
        "Content-Length and chunks at once",
        By::Front(|stream, whole| {
            let head = format!("{}Transfer-Encoding: chunked\r\n", content_length(whole, 0));
            put(stream, &whole.with_body(chunked(whole)).bytes_with(&head))
        }),
        Rule::Unfelt,
    )
    .executed(),
    wire(
        "chunks",
        By::Front(|stream, whole| {
            let head = "Transfer-Encoding: chunked\r\n";
            put(stream, &whole.with_body(chunked(whole)).bytes_with(head))
        }),
        Rule::Unfelt,
    )
    .executed(),
    wire(
        "a chunk whose size is no number",
        By::Front(|stream, whole| {
            let head = "Transfer-Encoding: chunked\r\n";
            put(stream, &whole.with_body("zz\r\n{}\r\n0\r\n\r\n").bytes_with(head)) && end(stream)
        }),
        LOST,
    )
    .executed(),
    wire(
        "chunks that break off",
        By::Front(|stream, whole| {
            let body = chunked(whole);
            let body = body.get(..body.len() - 5).unwrap_or_default();
            let head = "Transfer-Encoding: chunked\r\n";
            put(stream, &whole.with_body(body).bytes_with(head)) && end(stream)
        }),
        LOST,
    )
    .executed(),
    wire(
        "no length, to the end of the connection",
        By::Front(|stream, whole| {
            put(stream, &whole.bytes_with("Connection: close\r\n")) && end(stream)
        }),
        Rule::Unfelt,
    )
    .executed(),
    wire(
        "another answer before the answer (103)",
        By::Front(|stream, whole| {
            put(stream, b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n")
                && put(stream, &whole.bytes())
        }),
        Rule::Unfelt,
    )
    .executed(),
    wire("the answer twice", By::Sandbox(|fault| fault.duplicate_answer()), Rule::Unfelt)
        .executed(),
    wire(
        "no HTTP at all",
        By::Front(|stream, _| put(stream, b"SSH-2.0-OpenSSH_9.6\r\n") && end(stream)),
        LOST,
    ),
    wire("the kept connection was closed meanwhile", By::HangUp(b""), Rule::Unfelt),
    wire(
        "the kept connection was given up with a 408",
        By::HangUp(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"),
        Rule::Unfelt,
    ),
];

const fn connect(name: &'static str, place: Place) -> Kind {
    Kind::new("connect", name, By::Place(place), UNSENT)
}

const fn tls(name: &'static str, bad: BadTls) -> Kind {
    Kind::new("TLS", name, By::Place(Place::Tls(bad)), UNSENT)
}

const fn wire(name: &'static str, by: By, rule: Rule) -> Kind {
    Kind::new("wire", name, by, rule)
}

pub(super) fn put(stream: &mut TcpStream, bytes: &[u8]) -> bool {
    stream.write_all(bytes).is_ok()
}

/// The first bytes of an answer.
fn cut(stream: &mut TcpStream, whole: &Whole, len: usize) -> bool {
    put(stream, whole.bytes().get(..len).unwrap_or_default())
}

fn in_pieces(stream: &mut TcpStream, whole: &Whole) -> bool {
    whole.bytes().chunks(7).all(|piece| put(stream, piece))
}

/// With a length that is so much off.
fn length(stream: &mut TcpStream, whole: &Whole, off: isize) -> bool {
    put(stream, &whole.bytes_with(&content_length(whole, off))) && end(stream)
}

fn lines(stream: &mut TcpStream, whole: &Whole, length: &str) -> bool {
    put(stream, &whole.bytes_with(&format!("Content-Length: {length}\r\n"))) && end(stream)
}

fn content_length(whole: &Whole, off: isize) -> String {
    format!("Content-Length: {}\r\n", whole.body.len().saturating_add_signed(off))
}

fn chunked(whole: &Whole) -> Vec<u8> {
    let (one, two) = whole.body.split_at(whole.body.len() / 2);
    let chunk = |part: &[u8]| [format!("{:x}\r\n", part.len()).as_bytes(), part, b"\r\n"].concat();
    [chunk(one), chunk(two), b"0\r\n\r\n".to_vec()].concat()
}
