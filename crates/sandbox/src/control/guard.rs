//! Who may use the control API over the socket: programs on this machine that know the token, and no web page.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use http::header::{AUTHORIZATION, HOST, ORIGIN};
use http::request::Parts;

use super::Problem;
use crate::platform::same;

/// Judges a request by its head, before its body is read. The token is not asked for where `needs_token` is false.
pub(crate) fn guard(
    head: &Parts,
    local: SocketAddr,
    secure: bool,
    token: &str,
    needs_token: bool,
) -> Result<(), Problem> {
    // A page whose name was made to point here has the right address and still its own name in Host.
    let mut hosts = head.headers.get_all(HOST).iter().map(|value| value.to_str().unwrap_or(""));
    let host = hosts.next().unwrap_or_default();
    let foreign = !is_ours(host, local, secure)
        || hosts.next().is_some()
        || head.uri.authority().is_some_and(|name| !is_ours(name.as_str(), local, secure));
    if foreign {
        let port = local.port();
        let own = if local.ip().is_loopback() { String::new() } else { format!(" {local},") };
        return Err(Problem::new(
            421,
            "foreign_host",
            format!(
                "the control API answers to the Host{own} 127.0.0.1:{port}, localhost:{port} and [::1]:{port} only"
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

/// Whether a Host names this machine in a way that no web page can forge: by a loopback name, or by the very address
/// that was called. A name may be made to point anywhere, an address cannot.
fn is_ours(host: &str, local: SocketAddr, secure: bool) -> bool {
    let usual = if secure { 443 } else { 80 };
    let (name, given) = match host.rsplit_once(':') {
        Some((name, digits)) if !digits.ends_with(']') => (name, digits.parse().ok()),
        _ => (host, Some(usual)),
    };
    let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
    let address = match bare {
        Some(bare) => bare.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => name.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
    };
    let names_us = match address {
        Some(IpAddr::V4(Ipv4Addr::LOCALHOST) | IpAddr::V6(Ipv6Addr::LOCALHOST)) => true,
        Some(address) => address.to_canonical() == local.ip().to_canonical(),
        None => name.eq_ignore_ascii_case("localhost"),
    };
    given == Some(local.port()) && names_us
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ours(host: &str, port: u16) -> bool {
        is_ours(host, SocketAddr::from(([127, 0, 0, 1], port)), false)
    }

    #[test]
    fn only_loopback_names_with_the_right_port_pass() {
        for host in ["127.0.0.1:7880", "localhost:7880", "LOCALHOST:7880", "[::1]:7880"] {
            assert!(ours(host, 7880), "{host}");
        }
        assert!(ours("localhost", 80) && ours("[::1]", 80) && !ours("localhost", 443));
        assert!(is_ours("localhost", SocketAddr::from(([127, 0, 0, 1], 443)), true));
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
            "192.0.2.7:7880",
            "api.dingtalk.com:7880",
        ] {
            assert!(!ours(host, 7880), "{host}");
        }
    }

    #[test]
    fn bound_to_the_network_the_address_that_was_called_passes_and_no_name_does() {
        let local = SocketAddr::from(([192, 0, 2, 7], 7880));
        for host in ["192.0.2.7:7880", "[::ffff:192.0.2.7]:7880", "localhost:7880"] {
            assert!(is_ours(host, local, false), "{host}");
        }
        for host in ["192.0.2.8:7880", "192.0.2.7", "192.0.2.7.evil:7880", "sandbox.local:7880"] {
            assert!(!is_ours(host, local, false), "{host}");
        }
    }
}
