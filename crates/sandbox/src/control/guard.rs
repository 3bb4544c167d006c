//! Who may use the control API over the socket: programs on this machine that know the token, and no web page.

use std::net::SocketAddr;

use http::header::{AUTHORIZATION, HOST, ORIGIN};
use http::request::Parts;

use super::Problem;
use crate::platform::same;

/// Judges a request by its head, before its body is read. The token is not asked for where `needs_token` is false.
pub(crate) fn guard(
    head: &Parts,
    local: SocketAddr,
    token: &str,
    needs_token: bool,
) -> Result<(), Problem> {
    // A page whose name was made to point here has the right address and still its own name in Host.
    let mut hosts = head.headers.get_all(HOST).iter().map(|value| value.to_str().unwrap_or(""));
    let host = hosts.next().unwrap_or_default();
    let foreign = !is_loopback(host, local.port())
        || hosts.next().is_some()
        || head.uri.authority().is_some_and(|name| !is_loopback(name.as_str(), local.port()));
    if foreign {
        let port = local.port();
        return Err(Problem::new(
            421,
            "foreign_host",
            format!(
                "the control API answers to the Host 127.0.0.1:{port}, localhost:{port} and [::1]:{port} only"
            ),
        ));
    }
    let site = head.headers.get("sec-fetch-site").map(|value| value.as_bytes());
    if head.headers.contains_key(ORIGIN) || site.is_some_and(|site| site == b"cross-site") {
        return Err(Problem::new(
            403,
            "web_page",
            "the control API answers to programs, not to web pages: no Origin, no cross-site request",
        ));
    }
    if !needs_token {
        return Ok(());
    }
    let given = head.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given = given.and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    match given {
        Some(given) if same(given, token) => Ok(()),
        Some(_) => Err(Problem::new(
            401,
            "wrong_token",
            "this is not the control token of this sandbox; a new one is made at every start",
        )),
        None => Err(Problem::new(
            401,
            "missing_token",
            "send Authorization: Bearer with the control token that was printed at the start",
        )),
    }
}

fn is_loopback(host: &str, port: u16) -> bool {
    let (name, given) = match host.rsplit_once(':') {
        Some((name, digits)) if !digits.ends_with(']') => (name, digits.parse().ok()),
        _ => (host, Some(80)),
    };
    given == Some(port)
        && (name == "127.0.0.1" || name == "[::1]" || name.eq_ignore_ascii_case("localhost"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_names_with_the_right_port_pass() {
        for host in ["127.0.0.1:7880", "localhost:7880", "LOCALHOST:7880", "[::1]:7880"] {
            assert!(is_loopback(host, 7880), "{host}");
        }
        assert!(is_loopback("localhost", 80) && is_loopback("[::1]", 80));
        for host in [
            "",
            ":7880",
            "127.0.0.1",
            "[::1]",
            "localhost:7881",
            "evil.example:7880",
            "127.0.0.1:7880.evil",
            "127.0.0.1.evil.example:7880",
            "localhost.evil:7880",
            "127.0.0.1:",
            "127.0.0.1@evil:7880",
            "::1:7880",
        ] {
            assert!(!is_loopback(host, 7880), "{host}");
        }
    }
}
