//! Carries one push to its receiver: HTTP/1.1 over a plain socket, with a limit on time and size.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use super::push::{Push, PushReply, PushTrouble};
use super::subscription::{Place, Target};

const LARGEST_HEAD: usize = 16 * 1024;
const LARGEST_BODY: usize = 64 * 1024;
/// Heads, chunk sizes and interim replies included.
const LARGEST_REPLY: usize = 1024 * 1024;
const MOST_INTERIM: usize = 8;

/// Blocks until the receiver has replied or its time is over, and judges the reply.
pub(crate) fn carry(push: &Push) -> Result<(), PushTrouble> {
    let reply = match &push.target {
        Target::Here(receiver) => catch_unwind(AssertUnwindSafe(|| receiver(push)))
            .map_err(|_| PushTrouble::Unreachable("the receiver panicked".to_owned()))?,
        Target::Url(place) => post(push, place)?,
        // The outbox hands these to a connection and makes no push of them.
        Target::Stream => return Err(PushTrouble::Gone),
    };
    push.judge(&reply)
}

fn post(push: &Push, place: &Place) -> Result<PushReply, PushTrouble> {
    let until = Instant::now() + push.limit;
    let mut stream = connect(place, until)?;
    let path =
        push.url.split_once("://").and_then(|(_, rest)| rest.find('/').map(|at| &rest[at..]));
    let request = format!(
        "POST {} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Accept: application/json\r\nConnection: close\r\n\r\n{}",
        path.unwrap_or("/"),
        place.authority,
        push.body.len(),
        push.body
    );
    stream.set_write_timeout(Some(left(until)?)).map_err(broken)?;
    stream.write_all(request.as_bytes()).map_err(broken)?;
    let mut received = Vec::new();
    loop {
        if let Some(reply) = parse(&received, false)? {
            return Ok(reply);
        }
        let mut piece = [0; 8192];
        stream.set_read_timeout(Some(left(until)?)).map_err(broken)?;
        match stream.read(&mut piece) {
            Ok(0) => {
                let cut = || PushTrouble::Unreachable("the reply was cut short".to_owned());
                return parse(&received, true)?.ok_or_else(cut);
            }
            Ok(len) if received.len() + len <= LARGEST_REPLY => {
                received.extend_from_slice(&piece[..len]);
            }
            Ok(_) => return Err(PushTrouble::TooLarge),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(broken(error)),
        }
    }
}

fn connect(place: &Place, until: Instant) -> Result<TcpStream, PushTrouble> {
    let mut addresses: Vec<SocketAddr> =
        place.loopback().into_iter().map(|ip| SocketAddr::new(ip, place.port)).collect();
    if addresses.is_empty() {
        // Only a sandbox that may leave the machine has such a place.
        addresses.extend((place.host.as_str(), place.port).to_socket_addrs().map_err(broken)?);
    }
    let mut last = PushTrouble::Unreachable("the host has no address".to_owned());
    for address in addresses {
        match TcpStream::connect_timeout(&address, left(until)?) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = broken(error),
        }
    }
    Err(last)
}

/// The reply, once all of it is there. Interim replies are passed over.
fn parse(mut received: &[u8], ended: bool) -> Result<Option<PushReply>, PushTrouble> {
    for _ in 0..=MOST_INTERIM {
        match parse_one(received, ended)? {
            Parsed::Final(reply) => return Ok(reply),
            Parsed::Interim(rest) => received = rest,
        }
    }
    Err(PushTrouble::TooLarge)
}

enum Parsed<'r> {
    /// The reply, or that more of it is to come.
    Final(Option<PushReply>),
    /// What follows an interim reply.
    Interim(&'r [u8]),
}

fn parse_one(received: &[u8], ended: bool) -> Result<Parsed<'_>, PushTrouble> {
    let garbled = || PushTrouble::Unreachable("the reply is not HTTP".to_owned());
    let Some(at) = received.windows(4).position(|part| part == b"\r\n\r\n") else {
        let large = received.len() > LARGEST_HEAD;
        return if large { Err(PushTrouble::TooLarge) } else { Ok(Parsed::Final(None)) };
    };
    let (head, body) = (&received[..at], &received[at + 4..]);
    let head = String::from_utf8_lossy(head);
    let mut lines = head.split("\r\n");
    let status: u16 = lines
        .next()
        .and_then(|line| line.strip_prefix("HTTP/1."))
        .and_then(|line| line.split(' ').nth(1))
        .and_then(|status| status.parse().ok())
        .ok_or_else(garbled)?;
    if (100..200).contains(&status) {
        return Ok(Parsed::Interim(body));
    }
    let header = |wanted: &str| {
        lines.clone().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case(wanted).then(|| value.trim().to_ascii_lowercase())
        })
    };
    let chunked = header("transfer-encoding").is_some_and(|value| value.ends_with("chunked"));
    let body = if chunked {
        unchunked(body)?
    } else if let Some(length) = header("content-length") {
        let length: usize = length.parse().map_err(|_| garbled())?;
        if length > LARGEST_BODY {
            return Err(PushTrouble::TooLarge);
        }
        body.get(..length).map(<[u8]>::to_vec)
    } else if body.len() > LARGEST_BODY {
        return Err(PushTrouble::TooLarge);
    } else {
        ended.then(|| body.to_vec())
    };
    Ok(Parsed::Final(body.map(|body| PushReply { status, body })))
}

fn unchunked(mut rest: &[u8]) -> Result<Option<Vec<u8>>, PushTrouble> {
    let garbled = || PushTrouble::Unreachable("the reply's chunks are garbled".to_owned());
    let mut body = Vec::new();
    loop {
        let Some(at) = rest.windows(2).position(|part| part == b"\r\n") else {
            return if rest.len() > 1024 { Err(garbled()) } else { Ok(None) };
        };
        let line = String::from_utf8_lossy(&rest[..at]);
        let size = line.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(size, 16).map_err(|_| garbled())?;
        if size > LARGEST_BODY - body.len() {
            return Err(PushTrouble::TooLarge);
        }
        if size == 0 {
            return Ok(Some(body));
        }
        let data = &rest[at + 2..];
        let Some(chunk) = data.get(..size) else {
            return Ok(None);
        };
        body.extend_from_slice(chunk);
        rest = data.get(size + 2..).unwrap_or_default();
    }
}

fn left(until: Instant) -> Result<Duration, PushTrouble> {
    let left = until.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(PushTrouble::TooSlow) } else { Ok(left) }
}

#[expect(clippy::needless_pass_by_value, reason = "it is what map_err hands over")]
fn broken(error: std::io::Error) -> PushTrouble {
    match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => PushTrouble::TooSlow,
        _ => PushTrouble::Unreachable(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(received: &str, ended: bool) -> Result<Option<String>, PushTrouble> {
        let reply = parse(received.as_bytes(), ended)?;
        Ok(reply.map(|reply| String::from_utf8(reply.body).expect("text")))
    }

    #[test]
    fn replies_are_read_by_length_in_chunks_and_to_the_end() {
        let sized = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
        assert_eq!(body(sized, false), Ok(Some("ok".into())));
        assert_eq!(body(&sized[..sized.len() - 1], false), Ok(None));
        let chunks = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
                      1;x=y\r\no\r\n1\r\nk\r\n0\r\n\r\n";
        assert_eq!(body(chunks, false), Ok(Some("ok".into())));
        let open = "HTTP/1.0 200 OK\r\n\r\nok";
        assert_eq!((body(open, false), body(open, true)), (Ok(None), Ok(Some("ok".into()))));
    }

    #[test]
    fn oversized_and_garbled_replies_are_refused() {
        let large = format!("HTTP/1.1 200 OK\r\n\r\n{}", "a".repeat(LARGEST_BODY + 1));
        assert_eq!(body(&large, false), Err(PushTrouble::TooLarge));
        let said = "HTTP/1.1 200 OK\r\ncontent-length: 65537\r\n\r\n";
        assert_eq!(body(said, false), Err(PushTrouble::TooLarge));
        let chunk = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nfffffffffffffff\r\n";
        assert_eq!(body(chunk, false), Err(PushTrouble::TooLarge));
        let interim = "HTTP/1.1 100 Continue\r\n\r\n".repeat(100_000);
        assert_eq!(body(&interim, false), Err(PushTrouble::TooLarge), "no end of interim replies");
        assert!(body("SSH-2.0-x\r\n\r\n", false).is_err());
        assert!(body("HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n", false).is_err());
    }
}
