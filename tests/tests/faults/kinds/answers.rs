//! Answers of HTTP's that are none of the platform's.

use std::net::TcpStream;

use dingtalk_tests::{Whole, end};

use super::network::put;
use super::{By, Kind};
use crate::places::ELSEWHERE;
use crate::rule::{End, Rule};

const BUSY: Rule = Rule::Doubtful(End::Busy);
const THROTTLED: Rule = Rule::Harmless(End::Throttled);
const NO_ANSWER: Rule = Rule::Final(End::Reply);

pub(super) const KINDS: &[Kind] = &[
    http("500 with a page", By::Front(|s, _| page(s, "500 Internal Server Error")), BUSY),
    http("502 with a page", By::Front(|s, _| page(s, "502 Bad Gateway")), BUSY),
    http("503 with a page", By::Front(|s, _| page(s, "503 Service Unavailable")), BUSY),
    http("504 with a page", By::Front(|s, _| page(s, "504 Gateway Timeout")), BUSY),
    http("500 without a body", By::Front(|s, _| say(s, "500 Oops", "", "")), BUSY),
    http("429, to be tried again in a second", By::Front(|s, _| later(s, "1")), THROTTLED),
    http(
        "429, to be tried again at a date",
        By::Front(|s, _| later(s, "Fri, 31 Dec 1999 23:59:59 GMT")),
        THROTTLED,
    ),
    http("429, to be tried again at nonsense", By::Front(|s, _| later(s, "soon, -1")), THROTTLED),
    http(
        "429, to be tried again in 10⁹ seconds",
        By::Front(|s, _| later(s, "1000000000")),
        Rule::Final(End::Throttled),
    ),
    http("302 to another host", By::Front(|s, _| redirect(s, "302 Found", "/x")), NO_ANSWER),
    http(
        "307 to plain http",
        By::Front(|s, _| redirect(s, "307 Temporary Redirect", "/topapi/v2/user/get")),
        NO_ANSWER,
    ),
    http(
        "301 to itself",
        By::Front(|s, _| say(s, "301 Moved", "Location: ?\r\n", "moved")),
        NO_ANSWER,
    ),
    http("204", By::Front(|s, _| put(s, b"HTTP/1.1 204 No Content\r\n\r\n")), NO_ANSWER),
    http("200 without a body", By::Front(|s, _| say(s, "200 OK", "", "")), NO_ANSWER),
    http("403 in plain text", By::Front(|s, _| say(s, "403 Forbidden", "", "no")), NO_ANSWER),
    http("404 in plain text", By::Front(|s, _| say(s, "404 Not Found", "", "no")), NO_ANSWER),
    http(
        "the right answer as text/html",
        By::Front(|stream, whole| {
            let mut whole = whole.clone();
            whole.headers = "Content-Type: text/html\r\n".to_owned();
            put(stream, &whole.bytes())
        }),
        Rule::Unfelt,
    )
    .executed(),
    http("100 headers of 64 KB", By::Front(headers), Rule::Final(End::TooLarge)).executed(),
    http("20,000 headers", By::Front(many_headers), Rule::Final(End::TooLarge)).executed(),
    http("a cookie to be kept", By::Front(cookie), Rule::Unfelt).executed(),
];

const fn http(name: &'static str, by: By, rule: Rule) -> Kind {
    Kind::new("HTTP", name, by, rule)
}

fn say(stream: &mut TcpStream, status: &str, lines: &str, body: &str) -> bool {
    let head = format!("HTTP/1.1 {status}\r\n{lines}Content-Length: {}\r\n\r\n", body.len());
    put(stream, format!("{head}{body}").as_bytes())
}

fn page(stream: &mut TcpStream, status: &str) -> bool {
    let body = format!("<html><body><h1>{status}</h1><hr>nginx</body></html>");
    say(stream, status, "Content-Type: text/html\r\n", &body)
}

fn later(stream: &mut TcpStream, when: &str) -> bool {
    let lines = format!("Retry-After: {when}\r\nContent-Type: text/plain\r\n");
    say(stream, "429 Too Many Requests", &lines, "slow down")
}

/// To a server that may never hear of it.
fn redirect(stream: &mut TcpStream, status: &str, path: &str) -> bool {
    let elsewhere = ELSEWHERE.get().expect("it was started before the first cell");
    say(stream, status, &format!("Location: {}{path}\r\n", elsewhere.origin()), "")
}

fn headers(stream: &mut TcpStream, whole: &Whole) -> bool {
    let line = format!("X-Padding: {}\r\n", "p".repeat(64 << 10));
    put(stream, &whole.bytes_with(&line.repeat(100))) && end(stream)
}

fn many_headers(stream: &mut TcpStream, whole: &Whole) -> bool {
    put(stream, &whole.bytes_with(&"X-P: p\r\n".repeat(20_000))) && end(stream)
}

fn cookie(stream: &mut TcpStream, whole: &Whole) -> bool {
    let length = format!("Content-Length: {}\r\n", whole.body.len());
    put(stream, &whole.bytes_with(&format!("Set-Cookie: track=me; Path=/\r\n{length}")))
}
