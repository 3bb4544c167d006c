//! Which requests go through a proxy, and how one is asked for a tunnel: the same rules and words
//! for every transport.
//!
//! Only `https` goes through a proxy, always by CONNECT, so a proxy sees host and port and nothing
//! else. Plain `http` is for loopback and never leaves the machine.

use std::fmt;
use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;

use crate::{Error, Secret, TransportError, bare_host, is_loopback};

/// An HTTP proxy that tunnels by CONNECT. `Debug` shows host and port, never the credentials.
///
/// ```
/// use dingtalk_core::Proxy;
///
/// let proxy = Proxy::new("http://user:p%40ss@proxy.example.com:3128")?;
/// assert_eq!((proxy.host(), proxy.port()), ("proxy.example.com", 3128));
/// assert!(!format!("{proxy:?}").contains("user"));
/// # Ok::<(), dingtalk_core::Error>(())
/// ```
#[derive(Clone)]
pub struct Proxy {
    host: String,
    port: u16,
    /// `Basic …`, as it stands in the header.
    authorization: Option<Secret>,
}

impl Proxy {
    /// From `http://[user[:password]@]host[:port]`; the scheme may be left out, the port is 80
    /// unless given, user and password are percent-decoded.
    ///
    /// # Errors
    /// When it is of another kind (SOCKS, TLS to the proxy) or has no host. The text never
    /// repeats the input.
    pub fn new(url: &str) -> Result<Self, Error> {
        let url = url.trim();
        let rest = match url.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => rest,
            Some(_) => return Err(Error::invalid("a proxy's URL must begin with http://")),
            None => url,
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if rest[authority.len()..].contains('@') {
            return Err(Error::invalid("percent-encode the password in a proxy's URL"));
        }
        let (user, host) = match authority.rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, authority),
        };
        let (host, port) =
            host_and_port(host).ok_or_else(|| Error::invalid("a proxy's URL has no valid host"))?;
        Ok(Self { host: host.to_owned(), port: port.unwrap_or(80), authorization: user.map(basic) })
    }

    /// Name or address of the proxy; an IPv6 address without its brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Port of the proxy.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What to write to the proxy for a tunnel to `host`. It may hold the proxy's password: never
    /// print it.
    pub fn connect_request(&self, host: &str, port: u16, user_agent: &str) -> Vec<u8> {
        let mut request = format!(
            "CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\nUser-Agent: {user_agent}\r\n"
        );
        if let Some(authorization) = &self.authorization {
            request.push_str("Proxy-Authorization: ");
            request.push_str(authorization.expose());
            request.push_str("\r\n");
        }
        request.push_str("\r\n");
        request.into_bytes()
    }

    /// Reads what the proxy has answered so far; `None` asks for more.
    ///
    /// # Errors
    /// When the proxy refuses or does not speak HTTP: nothing was sent to the platform.
    pub fn connect_reply(answer: &[u8]) -> Option<Result<(), TransportError>> {
        const MOST: usize = 16 << 10;
        let refused = |why: String| Some(Err(TransportError::not_sent(why)));
        let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else {
            return match answer.len() > MOST {
                true => refused("the proxy's answer is not HTTP".into()),
                false => None,
            };
        };
        let status = answer
            .strip_prefix(b"HTTP/1.")
            .and_then(|rest| rest.get(2..5))
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| digits.parse::<u16>().ok());
        match status {
            // The platform speaks only after us, so more bytes than the head are the proxy's own.
            Some(200..=299) if answer.len() > end + 4 => {
                refused("the proxy sent data into the tunnel".into())
            }
            Some(200..=299) => Some(Ok(())),
            Some(407) => refused("the proxy wants other credentials (407)".into()),
            Some(403) => refused("the proxy does not allow this host (403)".into()),
            Some(status) => refused(format!("the proxy refused the tunnel ({status})")),
            None => refused("the proxy's answer is not HTTP".into()),
        }
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy")
            .field("host", &self.host)
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

/// Which hosts a proxy serves.
///
/// ```
/// use dingtalk_core::ProxyRules;
///
/// let rules = ProxyRules::from_vars(|name| match name {
///     "HTTPS_PROXY" => Some("http://proxy.example.com:3128".into()),
///     "NO_PROXY" => Some("intranet.example.com, 10.0.0.0/8".into()),
///     _ => None,
/// })?;
/// assert!(rules.for_host("https", "api.dingtalk.com", 443).is_some());
/// assert!(rules.for_host("https", "gateway.intranet.example.com", 443).is_none());
/// assert!(rules.for_host("https", "localhost", 443).is_none(), "loopback stays on the machine");
/// # Ok::<(), dingtalk_core::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct ProxyRules {
    proxy: Option<Proxy>,
    except: NoProxy,
    loopback: bool,
}

impl ProxyRules {
    /// No proxy for any host.
    pub fn none() -> Self {
        Self::default()
    }

    /// This proxy for every host, loopback included.
    pub fn always(proxy: Proxy) -> Self {
        Self { proxy: Some(proxy), except: NoProxy::default(), loopback: true }
    }

    /// From variables of the environment: the first of `https_proxy`, `HTTPS_PROXY`, `all_proxy`
    /// and `ALL_PROXY` that is set and not empty, without the hosts of `no_proxy` or `NO_PROXY`
    /// and without loopback. core reads no environment, so the caller passes a way to.
    ///
    /// # Errors
    /// When the proxy that is named cannot be used. Going past it instead would break a rule of
    /// the network.
    pub fn from_vars(var: impl Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let first = |names: &[&'static str]| {
            names.iter().find_map(|name| {
                let value = var(name).filter(|value| !value.trim().is_empty())?;
                Some((*name, value))
            })
        };
        let named = first(&["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]);
        let proxy = match named {
            None => None,
            Some((name, url)) => Some(Proxy::new(&url).map_err(|error| {
                Error::invalid(format!("{name}: {}", error.message().unwrap_or_default()))
            })?),
        };
        let except = first(&["no_proxy", "NO_PROXY"])
            .map(|(_, list)| NoProxy::parse(&list))
            .unwrap_or_default();
        Ok(Self { proxy, except, loopback: false })
    }

    /// Takes the hosts of a list out, written as [`NoProxy::parse`] reads it.
    #[must_use]
    pub fn except(mut self, list: &str) -> Self {
        self.except.add(list);
        self
    }

    /// The proxy for a host as written in a URL, if there is one.
    pub fn for_host(&self, scheme: &str, host: &str, port: u16) -> Option<&Proxy> {
        let proxy = self.proxy.as_ref()?;
        let direct = scheme != "https"
            || (!self.loopback && is_loopback(host))
            || self.except.matches(host, port);
        (!direct).then_some(proxy)
    }
}

/// Hosts that are reached directly, in the notation of the `NO_PROXY` variable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NoProxy(Vec<Entry>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Entry {
    All,
    /// A name and every name below it, perhaps on one port only.
    Name(String, Option<u16>),
    Address(IpAddr, Option<u16>),
    Net(IpAddr, u8),
}

impl NoProxy {
    /// Reads a list with commas or blanks between its entries: `*` for all; a name, which stands
    /// for itself and all names below it, with or without a dot or `*.` in front; an address; a
    /// network such as `10.0.0.0/8`. Names and addresses may end in a port. What cannot be read
    /// matches nothing.
    ///
    /// ```
    /// use dingtalk_core::NoProxy;
    ///
    /// let direct = NoProxy::parse(".example.com, 192.168.0.0/16 gateway.test:8443");
    /// assert!(direct.matches("example.com", 443) && direct.matches("A.Example.COM", 443));
    /// assert!(direct.matches("192.168.7.1", 443));
    /// assert!(direct.matches("gateway.test", 8443) && !direct.matches("gateway.test", 443));
    /// assert!(!direct.matches("badexample.com", 443));
    /// ```
    pub fn parse(list: &str) -> Self {
        let mut this = Self::default();
        this.add(list);
        this
    }

    /// Whether a host as written in a URL is reached directly.
    pub fn matches(&self, host: &str, port: u16) -> bool {
        let host = bare_host(host).trim_end_matches('.');
        let address = host.parse::<IpAddr>().ok().map(|address| address.to_canonical());
        self.0.iter().any(|entry| match entry {
            Entry::All => true,
            Entry::Name(name, on) => {
                address.is_none() && on.is_none_or(|on| on == port) && is_below(host, name)
            }
            Entry::Address(ip, on) => address == Some(*ip) && on.is_none_or(|on| on == port),
            Entry::Net(net, bits) => address.is_some_and(|ip| in_net(ip, *net, *bits)),
        })
    }

    fn add(&mut self, list: &str) {
        let words = list.split(|c: char| c == ',' || c.is_whitespace());
        self.0.extend(words.filter(|word| !word.is_empty()).filter_map(entry));
    }
}

fn entry(word: &str) -> Option<Entry> {
    if word == "*" {
        return Some(Entry::All);
    }
    if let Some((net, bits)) = word.split_once('/') {
        let net = net.parse::<IpAddr>().ok()?.to_canonical();
        let most = if net.is_ipv4() { 32 } else { 128 };
        return bits.parse().ok().filter(|bits| *bits <= most).map(|bits| Entry::Net(net, bits));
    }
    if let Ok(ip) = word.parse::<IpAddr>() {
        return Some(Entry::Address(ip.to_canonical(), None));
    }
    let (host, port) = host_and_port(word)?;
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Some(Entry::Address(ip.to_canonical(), port));
    }
    let name = host.strip_prefix('*').unwrap_or(host).trim_matches('.');
    (!name.is_empty()).then(|| Entry::Name(name.to_ascii_lowercase(), port))
}

fn is_below(host: &str, name: &str) -> bool {
    let Some(start) = host.len().checked_sub(name.len()) else { return false };
    let (above, tail) = host.as_bytes().split_at(start);
    tail.eq_ignore_ascii_case(name.as_bytes()) && (above.is_empty() || above.ends_with(b"."))
}

fn in_net(ip: IpAddr, net: IpAddr, bits: u8) -> bool {
    match (ip, net) {
        (IpAddr::V4(ip), IpAddr::V4(net)) => {
            let differ = u32::from(ip) ^ u32::from(net);
            bits == 0 || differ >> (32 - bits) == 0
        }
        (IpAddr::V6(ip), IpAddr::V6(net)) => {
            let differ = u128::from(ip) ^ u128::from(net);
            bits == 0 || differ >> (128 - bits) == 0
        }
        _ => false,
    }
}

/// Splits `host`, `host:port`, `[v6]` and `[v6]:port`.
fn host_and_port(text: &str) -> Option<(&str, Option<u16>)> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']')?;
            host.parse::<std::net::Ipv6Addr>().ok()?;
            (host, if after.is_empty() { None } else { Some(after.strip_prefix(':')?) })
        }
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let port = match port {
        None | Some("") => None,
        Some(digits) => Some(digits.parse().ok()?),
    };
    let plain = |c: char| c.is_alphanumeric() || "-._:*".contains(c);
    (!host.is_empty() && host.chars().all(plain)).then_some((host, port))
}

fn basic(user_info: &str) -> Secret {
    let (user, password) = user_info.split_once(':').unwrap_or((user_info, ""));
    let mut plain = percent_decode_str(user).collect::<Vec<u8>>();
    plain.push(b':');
    plain.extend(percent_decode_str(password));
    Secret::from(format!("Basic {}", STANDARD.encode(plain)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_read_from_its_url() {
        for (url, host, port) in [
            ("http://proxy.test:3128", "proxy.test", 3128),
            ("HTTP://proxy.test/", "proxy.test", 80),
            ("proxy.test:8080", "proxy.test", 8080),
            ("http://u:p@10.1.2.3:1", "10.1.2.3", 1),
            ("http://u:p@ss@[::1]:3128", "::1", 3128),
        ] {
            let proxy = Proxy::new(url).unwrap();
            assert_eq!((proxy.host(), proxy.port()), (host, port), "{url}");
        }
        for bad in [
            "",
            "http://",
            "http://:80",
            "socks5://canary:1",
            "https://canary",
            "canary b:1",
            "http://canary:12/canary@proxy.test",
        ] {
            let error = Proxy::new(bad).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("canary"), "{bad}");
        }
        assert!(Proxy::new("http://h\r\nx:80").is_err());
        assert!(Proxy::new("http://h:99999").is_err());
    }

    #[test]
    fn credentials_are_decoded_sent_and_never_shown() {
        let proxy = Proxy::new("http://canary%40user:canary%3Apw@proxy.test:3128").unwrap();
        let request = proxy.connect_request("api.dingtalk.com", 443, "agent/1");
        let text = String::from_utf8(request).unwrap();
        let encoded = STANDARD.encode("canary@user:canary:pw");
        assert_eq!(
            text,
            format!(
                "CONNECT api.dingtalk.com:443 HTTP/1.1\r\nHost: api.dingtalk.com:443\r\n\
                 User-Agent: agent/1\r\nProxy-Authorization: Basic {encoded}\r\n\r\n"
            )
        );
        let rules = ProxyRules::always(proxy);
        let shown = format!("{rules:?} {rules:#?}");
        assert!(!shown.contains("canary") && !shown.contains(&encoded), "{shown}");
    }

    #[test]
    fn a_refusal_says_why_and_that_nothing_was_sent() {
        let reply = |text: &str| Proxy::connect_reply(text.as_bytes());
        assert_eq!(reply(""), None);
        assert_eq!(reply("HTTP/1.1 200 OK\r\n"), None);
        assert_eq!(reply("HTTP/1.1 200 Connection established\r\nX: y\r\n\r\n"), Some(Ok(())));
        assert_eq!(reply("HTTP/1.0 200\r\n\r\n"), Some(Ok(())));
        for (answer, word) in [
            ("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "407"),
            ("HTTP/1.1 403 Forbidden\r\nContent-Length: 3\r\n\r\nno!", "403"),
            ("HTTP/1.1 502 Bad Gateway\r\n\r\n", "502"),
            ("HTTP/1.1 200 OK\r\n\r\nsurprise", "data into the tunnel"),
            ("SSH-2.0-x\r\n\r\n", "not HTTP"),
            ("HTTP/1.1 ²00\r\n\r\n", "not HTTP"),
        ] {
            let error = reply(answer).unwrap().unwrap_err();
            assert_eq!(error.fault(), crate::Fault::NotSent);
            assert!(error.detail().contains(word), "{error}");
        }
        assert!(reply(&"x".repeat(20 << 10)).unwrap().is_err());
    }

    #[test]
    fn the_environment_names_proxy_and_exceptions() {
        let rules = |vars: &'static [(&'static str, &'static str)]| {
            ProxyRules::from_vars(|name| {
                vars.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned())
            })
        };
        let host = |rules: ProxyRules| {
            rules.for_host("https", "api.dingtalk.com", 443).map(|p| p.host().to_owned())
        };
        assert_eq!(host(rules(&[]).unwrap()), None);
        assert_eq!(host(rules(&[("HTTPS_PROXY", " ")]).unwrap()), None);
        assert_eq!(host(rules(&[("HTTP_PROXY", "http://a")]).unwrap()), None, "https only");
        assert_eq!(host(rules(&[("ALL_PROXY", "http://a")]).unwrap()).unwrap(), "a");
        assert_eq!(
            host(rules(&[("ALL_PROXY", "socks5://a"), ("https_proxy", "b")]).unwrap()).unwrap(),
            "b"
        );
        let error = rules(&[("ALL_PROXY", "socks5://canary")]).unwrap_err().to_string();
        assert!(error.contains("ALL_PROXY") && !error.contains("canary"), "{error}");
        assert_eq!(host(rules(&[("https_proxy", "b"), ("NO_PROXY", "*")]).unwrap()), None);
        assert_eq!(
            host(rules(&[("https_proxy", "b"), ("no_proxy", "x,dingtalk.com")]).unwrap()),
            None
        );
    }

    #[test]
    fn loopback_goes_through_a_proxy_only_when_a_person_said_so() {
        let from_env =
            ProxyRules::from_vars(|name| (name == "https_proxy").then(|| "p:1".to_owned()))
                .unwrap();
        let by_option = ProxyRules::always(Proxy::new("p:1").unwrap());
        for host in ["localhost", "127.0.0.1", "[::1]", "sandbox.localhost"] {
            assert!(from_env.for_host("https", host, 443).is_none(), "{host}");
            assert!(by_option.for_host("https", host, 443).is_some(), "{host}");
            assert!(by_option.for_host("http", host, 80).is_none(), "plain http stays here");
        }
        assert!(by_option.except("localhost").for_host("https", "localhost", 1).is_none());
    }

    #[test]
    fn exceptions_match_names_addresses_networks_and_ports() {
        for (list, host, port, direct) in [
            ("example.com", "example.com", 443, true),
            ("example.com", "a.b.example.com", 443, true),
            ("example.com", "EXAMPLE.com.", 443, true),
            ("example.com", "notexample.com", 443, false),
            ("example.com", "example.com.evil.test", 443, false),
            (".example.com", "example.com", 443, true),
            ("*.example.com", "a.example.com", 443, true),
            ("example.com:8443", "example.com", 8443, true),
            ("example.com:8443", "example.com", 443, false),
            ("10.0.0.0/8", "10.200.3.4", 443, true),
            ("10.0.0.0/8", "11.0.0.1", 443, false),
            ("0.0.0.0/0", "8.8.8.8", 443, true),
            ("10.0.0.0/33", "10.0.0.1", 443, false),
            ("10.0.0.1", "10.0.0.1", 443, true),
            ("0.0.1", "10.0.0.1", 443, false),
            ("10.0.0.1:1", "10.0.0.1", 443, false),
            ("fd00::/8", "[fd12::1]", 443, true),
            ("fd00::/8", "10.0.0.1", 443, false),
            ("::1", "[::1]", 443, true),
            ("[::1]:443", "[::1]", 443, true),
            ("[::1]:443", "[::1]", 444, false),
            ("*", "anything", 1, true),
            ("", "anything", 1, false),
            (", ,\t", "anything", 1, false),
            (".", "anything", 1, false),
            ("a b,c", "b", 1, true),
            ("例子.test", "x.例子.test", 1, true),
            ("x", "例", 1, false),
        ] {
            assert_eq!(NoProxy::parse(list).matches(host, port), direct, "{list:?} {host}:{port}");
        }
    }
}
