//! Where the platform is: base URLs, and what is known about them at the moment.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::uri::Scheme;

use crate::{Error, Timestamp, TransportError};

/// The base URLs of one edition of the platform (wire-facts §1.1).
///
/// A clone is the same region: when the platform bans this machine's address for five minutes,
/// every credential that shares the region stops calling it. Give one `Region` to all apps of
/// a program that has several.
///
/// ```
/// use dingtalk_core::Region;
///
/// let china = Region::china();
/// let sandbox = Region::custom("http://127.0.0.1:7880")?;
/// assert!(Region::custom("http://dingtalk.example.com").is_err(), "no secrets over plain HTTP");
/// # Ok::<(), dingtalk_core::Error>(())
/// ```
#[derive(Clone)]
pub struct Region(Arc<Inner>);

struct Inner {
    name: &'static str,
    api: String,
    oapi: String,
    login: String,
    /// Steady milliseconds until which no call goes out; 0 for none.
    banned_until: AtomicU64,
}

/// How long the platform bans an address that made too many calls (wire-facts §12).
pub(crate) const IP_BAN: Duration = Duration::from_secs(5 * 60);

impl Region {
    /// `api.`, `oapi.` and `login.dingtalk.com`.
    pub fn china() -> Self {
        Self::of(
            "china",
            "https://api.dingtalk.com",
            "https://oapi.dingtalk.com",
            "https://login.dingtalk.com",
        )
    }

    /// `api.`, `oapi.` and `login.dingtalk.io`.
    pub fn international() -> Self {
        Self::of(
            "international",
            "https://api.dingtalk.io",
            "https://oapi.dingtalk.io",
            "https://login.dingtalk.io",
        )
    }

    /// One origin for everything: a sandbox, or a gateway of your own.
    ///
    /// # Errors
    /// When it is not an `https` origin; plain `http` is taken for loopback only.
    pub fn custom(origin: &str) -> Result<Self, Error> {
        Self::custom_hosts(origin, origin, origin)
    }

    /// Three origins: of the `/v1.0` family, of the older families, and of the login page.
    ///
    /// # Errors
    /// As for [`custom`](Region::custom).
    pub fn custom_hosts(api: &str, oapi: &str, login: &str) -> Result<Self, Error> {
        Ok(Self::of("custom", checked(api)?, checked(oapi)?, checked(login)?))
    }

    /// `china`, `international` or `custom`.
    pub fn name(&self) -> &str {
        self.0.name
    }

    /// Base of the `/v1.0` family, without a slash at the end.
    pub fn api(&self) -> &str {
        &self.0.api
    }

    /// Base of the older families, without a slash at the end.
    pub fn oapi(&self) -> &str {
        &self.0.oapi
    }

    /// Base of the login page, without a slash at the end.
    pub fn login(&self) -> &str {
        &self.0.login
    }

    /// Time left of a ban of this machine's address, as far as this region's users have seen one.
    pub fn banned_for(&self, now: Timestamp) -> Option<Duration> {
        let until = self.0.banned_until.load(Ordering::Relaxed);
        let left = until.saturating_sub(now.steady_millis());
        (left > 0).then(|| Duration::from_millis(left))
    }

    pub(crate) fn note_ban(&self, now: Timestamp) {
        self.0.banned_until.fetch_max((now + IP_BAN).steady_millis(), Ordering::Relaxed);
    }

    fn of(
        name: &'static str,
        api: impl Into<String>,
        oapi: impl Into<String>,
        login: impl Into<String>,
    ) -> Self {
        Self(Arc::new(Inner {
            name,
            api: api.into(),
            oapi: oapi.into(),
            login: login.into(),
            banned_until: AtomicU64::new(0),
        }))
    }
}

impl Default for Region {
    fn default() -> Self {
        Self::china()
    }
}

impl fmt::Debug for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Region").field("name", &self.0.name).finish_non_exhaustive()
    }
}

fn checked(origin: &str) -> Result<&str, Error> {
    let origin = origin.trim_end_matches('/');
    let invalid = |why: &'static str| Err(Error::invalid(why));
    let Ok(uri) = origin.parse::<http::Uri>() else {
        return invalid("a region's base URL cannot be parsed");
    };
    let Some(authority) = uri.authority() else {
        return invalid("a region's base URL needs a host");
    };
    if authority.as_str().contains('@') {
        return invalid("a region's base URL must hold no user name or password");
    }
    if uri.query().is_some() || origin.contains('#') {
        return invalid("a region's base URL must hold no query and no fragment");
    }
    match uri.scheme_str() {
        Some("https") => Ok(origin),
        Some("http") if is_loopback(authority.host()) => Ok(origin),
        Some("http") => invalid("a region over plain http must be on loopback; use https"),
        _ => invalid("a region's base URL must begin with https://"),
    }
}

/// Whether a transport may carry a request to this URL: `https` anywhere, plain `http` to loopback.
///
/// # Errors
/// With why not; nothing was sent.
pub fn check_scheme(uri: &http::Uri) -> Result<(), TransportError> {
    let scheme = uri.scheme();
    if scheme == Some(&Scheme::HTTPS) {
        return Ok(());
    }
    if scheme != Some(&Scheme::HTTP) {
        return Err(TransportError::not_sent("the URL must begin with https://"));
    }
    if !uri.host().is_some_and(is_loopback) {
        return Err(TransportError::not_sent("plain http is for loopback only"));
    }
    Ok(())
}

/// Whether a host as written in a URL names this machine alone.
pub fn is_loopback(host: &str) -> bool {
    if matches!(host, "127.0.0.1" | "localhost") {
        return true;
    }
    let bare = bare_host(host);
    match bare.parse::<std::net::IpAddr>() {
        Ok(address) => address.is_loopback(),
        Err(_) => bare == "localhost" || bare.ends_with(".localhost"),
    }
}

/// A host as written in a URL, without the brackets that stand around an IPv6 address there.
///
/// ```
/// assert_eq!(dingtalk_core::bare_host("[::1]"), "::1");
/// assert_eq!(dingtalk_core::bare_host("api.dingtalk.com"), "api.dingtalk.com");
/// ```
pub fn bare_host(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_taken_for_loopback_only() {
        for good in [
            "http://127.0.0.1:1",
            "http://127.8.9.1/",
            "http://[::1]:80",
            "http://localhost:7880",
            "http://sandbox.localhost",
            "https://gateway.example.com/dingtalk",
        ] {
            assert!(Region::custom(good).is_ok(), "{good}");
        }
        for bad in [
            "http://api.dingtalk.com",
            "http://192.168.0.1",
            "http://127.0.0.1.example.com",
            "http://localhost.example.com",
            "http://user@127.0.0.1",
            "https://user:pw@example.com",
            "ftp://127.0.0.1",
            "127.0.0.1:80",
            "https://example.com?x=1",
            "https://",
            "",
        ] {
            assert!(Region::custom(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_ban_is_shared_by_clones_and_ends_after_five_minutes() {
        let region = Region::china();
        let clone = region.clone();
        let now = Timestamp::from_millis(1_000);
        region.note_ban(now);
        assert_eq!(clone.banned_for(now), Some(IP_BAN));
        assert_eq!(clone.banned_for(now + IP_BAN), None);
    }
}
