//! The object that a page gives to `dd.config` (wire-facts §7.3).

use std::fmt;

use serde::{Serialize, Serializer};

use super::signature::{Hash, hex, sign};
use crate::{AgentId, CorpId, Error, Secret, Timestamp};

/// What a page gives to `dd.config`: send it to the page as JSON, unchanged.
///
/// The ticket stays on the server: it is used to sign and is not kept. Sign each page (an SPA is
/// one page) with a nonce of its own.
///
/// ```
/// use dingtalk_core::jsapi::{DdConfig, Nonce};
/// use dingtalk_core::{AgentId, Secret, Timestamp};
///
/// # let (ticket, random, now) = (Secret::from("t"), [7; 16], Timestamp::from_millis(1));
/// // `random`: 16 bytes from the system's generator; `page_url`: the page's location.href
/// let page_url = "https://app.example.com/index.html";
/// let config = DdConfig::for_page(AgentId::new(2_345_678_901), "dingexamplecorp", page_url)
///     .api("biz.contact.choose")
///     .sign(&ticket, &Nonce::from_entropy(random), now)?;
/// let json = serde_json::to_string(&config).unwrap();
/// # assert!(json.starts_with(r#"{"agentId":"2345678901","corpId":"dingexamplecorp","timeStamp":"1""#));
/// # Ok::<(), dingtalk_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct DdConfig {
    /// The app's capability in this organization; written as a string.
    #[serde(serialize_with = "as_text")]
    pub agent_id: AgentId,
    /// The organization whose ticket signed.
    pub corp_id: CorpId,
    /// Milliseconds since 1970, as the text that was signed.
    pub time_stamp: String,
    /// The nonce that was signed.
    pub nonce_str: String,
    /// The signature in lower-case hex; no secret.
    pub signature: String,
    /// 0 for a micro app (as when it is left out), 1 for a service window.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<i64>,
    /// The interfaces that the page will call, without `dd.` in front.
    pub js_api_list: Vec<String>,
}

impl DdConfig {
    /// Begins the object for one page, whose `location.href` is `page_url`.
    pub fn for_page(
        agent_id: impl Into<AgentId>,
        corp_id: impl Into<CorpId>,
        page_url: impl Into<String>,
    ) -> DdConfigBuilder {
        DdConfigBuilder {
            agent_id: agent_id.into(),
            corp_id: corp_id.into(),
            page_url: page_url.into(),
            hash: Hash::default(),
            kind: None,
            js_api_list: Vec::new(),
        }
    }
}

/// A [`DdConfig`] before it is signed.
#[derive(Clone, Debug)]
#[must_use]
pub struct DdConfigBuilder {
    agent_id: AgentId,
    corp_id: CorpId,
    page_url: String,
    hash: Hash,
    kind: Option<i64>,
    js_api_list: Vec<String>,
}

impl DdConfigBuilder {
    /// Adds an interface by the name it is called by. A leading `dd.` is cut off: the list is
    /// written without it, and a name copied from a call means the same interface.
    pub fn api(mut self, name: impl Into<String>) -> Self {
        let name = name.into();
        let bare = name.strip_prefix("dd.").map(str::to_owned).unwrap_or(name);
        self.js_api_list.push(bare);
        self
    }

    /// Adds several interfaces, each as [`api`](Self::api) does.
    pub fn apis<N: Into<String>>(self, names: impl IntoIterator<Item = N>) -> Self {
        names.into_iter().fold(self, Self::api)
    }

    /// Signs with another hash than SHA-256.
    pub fn hash(mut self, hash: Hash) -> Self {
        self.hash = hash;
        self
    }

    /// Writes `type`: `true` for a service window (1), `false` for a micro app (0). Without it
    /// nothing is written, which means a micro app.
    pub fn service_window(mut self, yes: bool) -> Self {
        self.kind = Some(i64::from(yes));
        self
    }

    /// Signs.
    ///
    /// # Errors
    /// When ticket, organization or an interface's name is empty, or the page's URL is not an
    /// absolute `http` or `https` URL: the client would refuse each of them with less of a reason.
    pub fn sign(self, ticket: &Secret, nonce: &Nonce, now: Timestamp) -> Result<DdConfig, Error> {
        if ticket.is_empty() {
            return Err(Error::invalid("an empty jsapi ticket signs nothing"));
        }
        if self.corp_id.is_empty() {
            return Err(Error::invalid("dd.config needs a corp id"));
        }
        if self.js_api_list.iter().any(|name| name.trim().is_empty()) {
            return Err(Error::invalid("an interface name in jsApiList is empty"));
        }
        if !is_page_url(&self.page_url) {
            return Err(Error::invalid(
                "the page's URL must be its whole location.href, beginning with https:// or http://",
            ));
        }
        let time_stamp = now.unix_millis().to_string();
        Ok(DdConfig {
            signature: sign(ticket, nonce.as_str(), &time_stamp, &self.page_url, self.hash),
            agent_id: self.agent_id,
            corp_id: self.corp_id,
            time_stamp,
            nonce_str: nonce.0.clone(),
            kind: self.kind,
            js_api_list: self.js_api_list,
        })
    }
}

/// A number used once: 32 hex digits out of the caller's random bytes.
///
/// ```
/// use dingtalk_core::jsapi::Nonce;
///
/// let nonce = Nonce::from_entropy([0xa5; 16]); // in earnest: bytes from the system's generator
/// assert_eq!(nonce.as_str(), "a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nonce(String);

impl Nonce {
    /// Writes random bytes as a nonce. core has no source of its own for them.
    pub fn from_entropy(random: [u8; 16]) -> Self {
        Self(hex(&random))
    }

    /// The nonce's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether a text can be the `location.href` of a page that the client shows.
pub(super) fn is_page_url(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    (scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http"))
        && !authority.is_empty()
        && !text.chars().any(|c| c.is_whitespace() || c.is_control())
}

fn as_text<S: Serializer>(id: &AgentId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(id)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const PAGE: &str = "https://app.example.com/index.html?corpId=dingexamplecorp#/route";

    fn sign_with(builder: DdConfigBuilder) -> Result<DdConfig, Error> {
        let now = Timestamp::new(1_700_000_000_000, 5);
        builder.sign(&Secret::from("ticketExample0001"), &Nonce("nonceExample".into()), now)
    }

    #[test]
    fn the_object_has_exactly_the_documented_names_and_types() {
        let config = sign_with(
            DdConfig::for_page(42, "dingexamplecorp", PAGE)
                .apis(["dd.biz.contact.choose", "runtime.info"])
                .service_window(false),
        );
        assert_eq!(
            serde_json::to_value(config.unwrap()).unwrap(),
            json!({
                "agentId": "42",
                "corpId": "dingexamplecorp",
                "timeStamp": "1700000000000",
                "nonceStr": "nonceExample",
                "signature": "48e9ce3457825d8987598a9da224681f8935d570e59da0a3b8f9e2a341632a9f",
                "type": 0,
                "jsApiList": ["biz.contact.choose", "runtime.info"],
            })
        );
    }

    #[test]
    fn the_older_hash_is_made_on_request_and_type_is_left_out_by_default() {
        let config = sign_with(DdConfig::for_page(42, "c", PAGE).hash(Hash::Sha1)).unwrap();
        assert_eq!(config.signature, "87332795c125ce2b284316ecb81ac1436f12d349");
        assert_eq!(serde_json::to_value(config).unwrap().get("type"), None);
    }

    #[test]
    fn what_the_client_would_refuse_is_refused_before_it_is_signed() {
        for bad in
            ["", "/index.html", "app.example.com/", "ftp://a.cn/", "https:///x", "https://a b"]
        {
            assert!(sign_with(DdConfig::for_page(42, "c", bad)).is_err(), "{bad:?}");
        }
        assert!(sign_with(DdConfig::for_page(42, "", PAGE)).is_err(), "no organization");
        assert!(sign_with(DdConfig::for_page(42, "c", PAGE).api("dd.")).is_err(), "no name");
        let unsigned = DdConfig::for_page(42, "c", PAGE);
        let nonce = Nonce::from_entropy([0; 16]);
        assert!(unsigned.sign(&Secret::default(), &nonce, Timestamp::default()).is_err());
    }

    #[test]
    fn a_nonce_writes_each_byte_with_two_digits() {
        let bytes = std::array::from_fn(|at| u8::try_from(at * 17).unwrap());
        assert_eq!(Nonce::from_entropy(bytes).as_str(), "00112233445566778899aabbccddeeff");
    }
}
