//! Who wants to be told, and where.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use http::Uri;

use super::push::{Push, PushReply, PushTrouble};

type Receiver = dyn Fn(&Push) -> PushReply + Send + Sync;

/// A callback for events, as one sets it up in the developer console: where to push, and the token and AES key that
/// both sides know.
///
/// ```
/// use dingtalk_sandbox::{Person, Sandbox, Subscription};
///
/// let sandbox = Sandbox::in_process();
/// let (sender, receiver) = std::sync::mpsc::channel();
/// let key = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG";
/// let callback = Subscription::receiver("mytoken", key, move |push| {
///     let _ = sender.send(push.event_type().to_owned());
///     push.success()
/// });
/// sandbox.subscribe(&sandbox.demo().client_id, callback)?;
/// sandbox.add_person(Person::new("u-new", "新人"));
/// assert_eq!(receiver.try_iter().collect::<Vec<_>>(), ["check_url", "user_add_org"]);
/// # Ok::<(), dingtalk_sandbox::PushTrouble>(())
/// ```
#[derive(Clone, Debug)]
pub struct Subscription {
    pub(crate) target: Target,
    pub(crate) token: String,
    pub(crate) aes_key: String,
    pub(crate) tags: Vec<String>,
    pub(crate) sync_http: bool,
}

/// Where pushes go.
#[derive(Clone)]
pub(crate) enum Target {
    Url(Place),
    Here(Arc<Receiver>),
    /// To whichever connection the app has open.
    Stream,
}

/// A URL taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) url: String,
    /// As it belongs into the `Host` header.
    pub(crate) authority: String,
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Path and query.
    pub(crate) path: String,
}

impl Subscription {
    /// A callback at a URL on this machine. The AES key has 43 letters and digits.
    #[must_use]
    pub fn url(
        url: impl Into<String>,
        token: impl Into<String>,
        aes_key: impl Into<String>,
    ) -> Self {
        let place = Place { url: url.into(), ..Place::nowhere() };
        Self::new(Target::Url(place), token.into(), aes_key.into())
    }

    /// A callback in this process: called with every push, its answer is judged like a server's. It runs while nothing
    /// of the sandbox is locked, so it may call the sandbox.
    #[must_use]
    pub fn receiver(
        token: impl Into<String>,
        aes_key: impl Into<String>,
        receiver: impl Fn(&Push) -> PushReply + Send + Sync + 'static,
    ) -> Self {
        Self::new(Target::Here(Arc::new(receiver)), token.into(), aes_key.into())
    }

    /// Narrows the contact events to these. Without this call an internal app is told about all of them, a
    /// third-party app about none.
    #[must_use]
    pub fn tags(mut self, tags: &[&str]) -> Self {
        self.tags.extend(tags.iter().map(|&tag| tag.to_owned()));
        self
    }

    /// No callback at all: the app is told over Stream.
    pub(crate) fn stream() -> Self {
        Self::new(Target::Stream, String::new(), String::new())
    }

    /// Has a third-party app told in the SyncHTTP form: `SYNC_HTTP_PUSH_HIGH` and `SYNC_HTTP_PUSH_MEDIUM` with rows in
    /// `bizData` (wire-facts §10.6). It is then told of every change in the organizations that opened it, unless
    /// [tags](Self::tags) narrow that; a row's tag is its `syncAction`.
    #[must_use]
    pub fn sync_http(mut self) -> Self {
        self.sync_http = true;
        self
    }

    fn new(target: Target, token: String, aes_key: String) -> Self {
        Self { target, token, aes_key, tags: Vec::new(), sync_http: false }
    }
}

impl Target {
    /// Checks a URL before anything is sent to it; a receiver in this process is always fine.
    pub(crate) fn checked(self, leave_machine: bool) -> Result<Self, PushTrouble> {
        match self {
            Self::Url(place) => Place::parse(&place.url, leave_machine).map(Self::Url),
            other @ (Self::Here(_) | Self::Stream) => Ok(other),
        }
    }

    pub(crate) fn url(&self) -> &str {
        match self {
            Self::Url(place) => &place.url,
            Self::Here(_) => "http://receiver.localhost/",
            Self::Stream => "stream:",
        }
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.url())
    }
}

impl Place {
    pub(crate) fn parse(url: &str, leave_machine: bool) -> Result<Self, PushTrouble> {
        let wrong = |why: &str| PushTrouble::Url(why.to_owned());
        if url.len() > 2048 {
            return Err(wrong("it is longer than 2048 characters"));
        }
        let uri: Uri = url.parse().map_err(|_| wrong("it is not a URL"))?;
        let scheme = uri.scheme_str().ok_or_else(|| wrong("it does not begin with http://"))?;
        let authority = uri.authority().ok_or_else(|| wrong("it names no host"))?;
        if authority.as_str().contains('@') {
            return Err(wrong("it holds a user name or password"));
        }
        let host = authority.host().trim_matches(['[', ']']).to_ascii_lowercase();
        if host.is_empty() {
            return Err(wrong("it names no host"));
        }
        let place = Self {
            url: url.to_owned(),
            authority: authority.to_string(),
            port: authority.port_u16().unwrap_or(80),
            path: uri.path_and_query().map_or("/", |path| path.as_str()).to_owned(),
            host,
        };
        if !leave_machine && place.loopback().is_empty() {
            return Err(PushTrouble::NotLoopback(place.host));
        }
        match scheme {
            "http" => Ok(place),
            "https" => Err(PushTrouble::Unreachable(
                "the sandbox pushes over plain http only; give it an http:// URL".to_owned(),
            )),
            _ => Err(wrong("it does not begin with http://")),
        }
    }

    /// The loopback addresses that the host means. `localhost` is not looked up, so that nothing can make it another
    /// machine.
    pub(crate) fn loopback(&self) -> Vec<IpAddr> {
        if self.host == "localhost" {
            return vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        }
        let address = self.host.parse::<IpAddr>().ok();
        address.filter(IpAddr::is_loopback).into_iter().collect()
    }

    fn nowhere() -> Self {
        Self {
            url: String::new(),
            authority: String::new(),
            host: String::new(),
            port: 80,
            path: String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_urls_are_taken_apart() {
        let place = Place::parse("http://127.0.0.1:9000/cb?x=1#y", false).expect("loopback");
        assert_eq!((place.port, place.path.as_str()), (9000, "/cb?x=1"));
        assert_eq!(Place::parse("http://[::1]/", false).map(|place| place.port), Ok(80));
        let name = Place::parse("http://LOCALHOST", false).expect("loopback");
        assert_eq!((name.loopback().len(), name.path.as_str()), (2, "/"));
    }

    #[test]
    fn other_machines_are_refused_unless_allowed() {
        for url in [
            "http://example.com/cb",
            "http://10.0.0.1/",
            "http://169.254.169.254/latest",
            "http://localhost.example.com/",
            "http://0.0.0.0:1/",
            "http://[::ffff:10.0.0.1]/",
            "https://example.com/cb",
        ] {
            let refused = Place::parse(url, false);
            assert!(matches!(refused, Err(PushTrouble::NotLoopback(_))), "{url}: {refused:?}");
        }
        assert!(Place::parse("http://example.com/cb", true).is_ok());
    }

    #[test]
    fn what_is_no_http_url_is_refused() {
        let long = format!("http://127.0.0.1/{}", "a".repeat(2048));
        for url in
            ["", "/cb", "127.0.0.1:80", "ftp://127.0.0.1/", "http://u:p@127.0.0.1/", "a b", &long]
        {
            let refused = Place::parse(url, false);
            assert!(matches!(refused, Err(PushTrouble::Url(_))), "{url}: {refused:?}");
        }
        let secure = Place::parse("https://127.0.0.1/", false);
        assert!(matches!(secure, Err(PushTrouble::Unreachable(_))));
    }
}
