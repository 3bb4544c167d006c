//! What the client does with a page's `dd.config` (wire-facts §7.2–§7.4), and which input differs when it says no.

use serde_json::Value;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::platform::Platform;
use crate::rng::push_hex;
use crate::switches::JsapiHash;

/// Why a page's `dd.config` is refused.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// 52010 … 52026, as `dd.error` gives them.
    pub code: i64,
    /// What it means.
    pub message: String,
    /// For a signature that differs: what the signer must have used instead, where the sandbox could find out.
    pub differs: Option<String>,
}

impl std::fmt::Display for ConfigError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "dd.config error {}: {}", self.code, self.message)?;
        self.differs.as_ref().map_or(Ok(()), |differs| write!(f, " ({differs})"))
    }
}

impl std::error::Error for ConfigError {}

/// Judges a `dd.config` object on a page.
pub(crate) fn verify(
    platform: &Platform,
    config: &Value,
    page_url: &str,
    now: u64,
) -> Result<(), ConfigError> {
    let text = |name: &str| match config.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    };
    let corp = text("corpId");
    if platform.company(&corp).is_none() {
        return Err(refused(52010, "corpId is not an organization"));
    }
    match config.get("type") {
        None | Some(Value::Null) => {}
        Some(kind) => match kind
            .as_i64()
            .or_else(|| kind.as_str().and_then(|text| text.parse().ok()))
        {
            Some(0) => {}
            Some(1) => {
                return Err(refused(52020, "the organization has no service window for this app"));
            }
            _ => return Err(refused(52022, "type is neither 0 nor 1")),
        },
    }
    let agent_id = text("agentId").parse::<i64>().ok();
    let app = platform
        .apps
        .values()
        .find(|app| app.works_in(&corp) && Some(app.agent(&corp).id) == agent_id)
        .ok_or_else(|| refused(52019, "agentId is no app of this organization"))?;
    let (nonce, stamp, signature) = (text("nonceStr"), text("timeStamp"), text("signature"));
    if nonce.is_empty() {
        return Err(refused(52015, "nonceStr is missing"));
    }
    if stamp.is_empty() || !stamp.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(refused(52018, "timeStamp is not a number of milliseconds"));
    }
    let listed = config.get("jsApiList").and_then(Value::as_array);
    if !listed.is_some_and(|list| {
        list.iter().all(|name| name.as_str().is_some_and(|name| !name.is_empty()))
    }) {
        return Err(refused(52017, "jsApiList is not a list of names"));
    }
    let hash = Hash::of(&signature)
        .ok_or_else(|| refused(52016, "signature is neither SHA-256 nor SHA-1 in hex"))?;
    if !page_url.starts_with("http://") && !page_url.starts_with("https://") {
        return Err(refused(52014, "the page's url is no web address"));
    }
    let url = signed_url(page_url);
    let ticket = platform
        .tickets
        .living(&app.client_id, &corp, now)
        .ok_or_else(|| refused(52011, "this app has no living ticket in this organization"))?;
    let allowed = match platform.switches.jsapi_hash {
        JsapiHash::Either => true,
        JsapiHash::Sha256Only => hash == Hash::Sha256,
        JsapiHash::Sha1Only => hash == Hash::Sha1,
    };
    let right = hash.hex(&signing_text(ticket, &nonce, &stamp, &url)) == signature;
    if right && allowed {
        return Ok(());
    }
    let differs = if right {
        Some("the hash: this client takes the other one".to_owned())
    } else {
        let search = Search {
            nonce: &nonce,
            stamp: &stamp,
            url: &url,
            page_url,
            signature: &signature,
            hash,
        };
        search.explain(ticket, platform.tickets.others(&app.client_id, now))
    };
    Err(ConfigError { differs, ..refused(52013, "the signature differs") })
}

/// The URL as it goes into the signed text: no fragment, and the query decoded once (§7.2).
fn signed_url(page_url: &str) -> String {
    let whole = without_fragment(page_url);
    match whole.split_once('?') {
        Some((front, query)) if !query.is_empty() => format!("{front}?{}", decoded_once(query)),
        Some((front, _)) => front.to_owned(),
        None => whole.to_owned(),
    }
}

/// Form decoding of a whole query: `%XX` and `+`; separators stay as they are.
fn decoded_once(query: &str) -> String {
    let spaced = query.replace('+', " ");
    percent_encoding::percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}

fn without_fragment(url: &str) -> &str {
    url.split('#').next().unwrap_or(url)
}

fn signing_text(ticket: &str, nonce: &str, stamp: &str, url: &str) -> String {
    format!("jsapi_ticket={ticket}&noncestr={nonce}&timestamp={stamp}&url={url}")
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hash {
    Sha256,
    Sha1,
}

impl Hash {
    /// By length; letters may be upper case only on a signature that is wrong anyway.
    fn of(signature: &str) -> Option<Self> {
        let hex = signature.bytes().all(|byte| byte.is_ascii_hexdigit());
        match signature.len() {
            64 if hex => Some(Self::Sha256),
            40 if hex => Some(Self::Sha1),
            _ => None,
        }
    }

    fn hex(self, text: &str) -> String {
        let digest = match self {
            Self::Sha256 => Sha256::digest(text).to_vec(),
            Self::Sha1 => Sha1::digest(text).to_vec(),
        };
        let mut hex = String::with_capacity(64);
        for byte in digest {
            push_hex(&mut hex, byte, b"0123456789abcdef");
        }
        hex
    }
}

/// A signature that does not fit, and everything known about the page.
struct Search<'a> {
    nonce: &'a str,
    stamp: &'a str,
    url: &'a str,
    page_url: &'a str,
    signature: &'a str,
    hash: Hash,
}

impl Search<'_> {
    /// Tries the usual mistakes in all combinations and names those that give this very signature.
    fn explain<'a>(
        &self,
        ticket: &'a str,
        others: impl Iterator<Item = (&'a str, &'static str)>,
    ) -> Option<String> {
        if self.signature.bytes().any(|byte| byte.is_ascii_uppercase()) {
            let lower = self.signature.to_ascii_lowercase();
            if self.hash.hex(&signing_text(ticket, self.nonce, self.stamp, self.url)) == lower {
                return Some("signature: upper-case hex, lower case is wanted".to_owned());
            }
        }
        let tickets: Vec<(&str, &str)> = std::iter::once((ticket, "")).chain(others).collect();
        let (urls, stamps) = (self.urls(), self.stamps());
        let nonces = [
            (self.nonce.to_owned(), ""),
            (self.nonce.to_ascii_lowercase(), "a lower-case nonceStr"),
        ];
        for (ticket, ticket_reason) in tickets {
            for (url, url_reason) in &urls {
                for (stamp, stamp_reason) in &stamps {
                    for (nonce, nonce_reason) in &nonces {
                        for (text, layout_reason) in layouts(ticket, nonce, stamp, url) {
                            if self.hash.hex(&text) == self.signature {
                                return Some(named([
                                    ("ticket", ticket_reason),
                                    ("url", url_reason),
                                    ("timestamp", stamp_reason),
                                    ("nonce", nonce_reason),
                                    ("text", layout_reason),
                                ]));
                            }
                        }
                    }
                }
            }
        }
        None
    }

    fn urls(&self) -> Vec<(String, &'static str)> {
        let bare = without_fragment(self.page_url);
        let front = bare.split('?').next().unwrap_or(bare);
        let origin = front.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
        let swapped = match self.url.strip_prefix("https://") {
            Some(rest) => format!("http://{rest}"),
            None => self.url.replacen("http://", "https://", 1),
        };
        vec![
            (self.url.to_owned(), ""),
            (self.page_url.to_owned(), "signed as it stands, with its fragment or encoded query"),
            (bare.to_owned(), "signed with its query still encoded"),
            (decoded_once(bare), "signed with its path decoded as well"),
            (decoded_once(self.url), "signed with its query decoded twice"),
            (front.to_owned(), "signed without its query"),
            (format!("{}/", self.url), "signed with a slash more at the end"),
            (self.url.trim_end_matches('/').to_owned(), "signed without its last slash"),
            (format!("{origin}/"), "signed as the site's root"),
            (origin, "signed as the site's root"),
            (swapped, "signed with the other scheme"),
            (
                form_urlencoded::byte_serialize(self.url.as_bytes()).collect(),
                "signed percent-encoded",
            ),
        ]
    }

    fn stamps(&self) -> Vec<(String, &'static str)> {
        let mut stamps = vec![(self.stamp.to_owned(), "")];
        if self.stamp.len() > 3 {
            stamps.push((self.stamp[..self.stamp.len() - 3].to_owned(), "signed in seconds"));
        }
        stamps.push((format!("{}000", self.stamp), "signed in milliseconds"));
        stamps
    }
}

fn layouts(ticket: &str, nonce: &str, stamp: &str, url: &str) -> [(String, &'static str); 3] {
    [
        (signing_text(ticket, nonce, stamp, url), ""),
        (
            format!("jsapi_ticket={ticket}&nonceStr={nonce}&timeStamp={stamp}&url={url}"),
            "signed with nonceStr and timeStamp in camel case",
        ),
        (
            format!("jsapi_ticket={ticket}&noncestr={nonce}&timestamp={stamp}&url={url}\n"),
            "signed with a line break at the end",
        ),
    ]
}

fn named(parts: [(&str, &str); 5]) -> String {
    let said: Vec<String> = parts
        .iter()
        .filter(|(_, reason)| !reason.is_empty())
        .map(|(what, reason)| format!("{what}: {reason}"))
        .collect();
    said.join("; ")
}

fn refused(code: i64, message: &str) -> ConfigError {
    ConfigError { code, message: message.to_owned(), differs: None }
}
