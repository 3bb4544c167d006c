//! Where requests may go: no origin but https, or http to loopback as a browser would understand
//! it; proxies and their exceptions are read without surprises.

use arbitrary::Unstructured;
use dingtalk_core::{NoProxy, Proxy, ProxyRules, Region, check_scheme};
use url::{Host, Url};

use super::{choose, text, word};

pub(super) fn check(data: &[u8]) {
    let mut from = Unstructured::new(data);
    let (port, list) = (choose::<u16>(&mut from), word(&mut from));
    let text = text(from);
    if let Ok(region) = Region::custom(&text) {
        for base in [region.api(), region.oapi(), region.login()] {
            let uri: http::Uri =
                format!("{base}/v1.0/oauth2/accessToken").parse().expect("a base makes URLs");
            check_scheme(&uri).expect("a region is one that transports carry to");
            goes_in_clear_to_loopback_only(&uri.to_string());
        }
    }
    if let Ok(uri) = text.parse::<http::Uri>()
        && uri.scheme().is_some()
        && check_scheme(&uri).is_ok()
    {
        goes_in_clear_to_loopback_only(&uri.to_string());
    }
    match Proxy::new(&text) {
        Ok(proxy) => {
            let head = proxy.connect_request("api.dingtalk.com", 443, "ua");
            let lines = head.windows(2).filter(|pair| pair == b"\r\n").count();
            assert!(lines <= 6, "a header was smuggled in");
            let said = format!("{proxy:?}");
            let secret = Url::parse(&text).ok().and_then(|url| url.password().map(str::to_owned));
            if let Some(secret) = secret.filter(|secret| secret.len() > 8) {
                assert!(!said.contains(&secret), "a password is in {said}");
            }
        }
        Err(error) => {
            let said = format!("{error}{error:?}");
            assert!(!text.contains('@') || text.len() < 24 || !said.contains(&text), "{said}");
        }
    }
    let rules = NoProxy::parse(&list);
    let _ = rules.matches(&text, port);
    if list.trim() == "*" {
        assert!(rules.matches("api.dingtalk.com", 443));
    }
    let _ = Proxy::connect_reply(data);
    let _ = ProxyRules::from_vars(|name| (name.len() % 2 == 0).then(|| text.clone()));
}

fn goes_in_clear_to_loopback_only(url: &str) {
    let Ok(parsed) = Url::parse(url) else { return };
    if parsed.scheme() != "http" {
        assert_eq!(parsed.scheme(), "https");
        return;
    }
    let loopback = match parsed.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    };
    assert!(loopback, "secrets would go in clear to {url}");
}
