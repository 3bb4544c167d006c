//! The signature that opens the client's interfaces to a page (wire-facts §7.2).

use std::borrow::Cow;
use std::fmt;

use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use sha1_smol::Sha1;

use crate::Secret;

/// The hash of a signature. The platform tells the two apart by nothing but their length.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Hash {
    /// What the platform's pages say today: 64 hex digits.
    #[default]
    Sha256,
    /// What older demos and most libraries use: 40 hex digits. For clients that refuse the other.
    Sha1,
}

impl Hash {
    /// The hash that made a signature of this length, if one did.
    ///
    /// ```
    /// use dingtalk_core::jsapi::Hash;
    ///
    /// assert_eq!(Hash::of("fe5ed88c5de0ca5cea1f46036db4e7cb8370e982"), Some(Hash::Sha1));
    /// assert_eq!(Hash::of("too short"), None);
    /// ```
    pub fn of(signature: &str) -> Option<Self> {
        match signature.len() {
            64 => Some(Self::Sha256),
            40 => Some(Self::Sha1),
            _ => None,
        }
    }
}

/// Signs one page, in lower-case hex.
///
/// Nonce and timestamp must be the very texts that the page gives to `dd.config` as `nonceStr` and
/// `timeStamp`; `page_url` is the page's `location.href`. [`DdConfig`](super::DdConfig) does all
/// of it at once.
///
/// ```
/// use dingtalk_core::Secret;
/// use dingtalk_core::jsapi::{Hash, sign};
///
/// let ticket = Secret::from("ticketExample0001");
/// let page = "https://app.example.com/index.html";
/// let signature = sign(&ticket, "nonceExample", 1_700_000_000_000_u64, page, Hash::Sha256);
/// assert_eq!(signature, "23eb2cc9115e465420b4bfeb2f42ad565ed66d591339c31dbb1e45fa16c60834");
/// ```
pub fn sign(
    ticket: &Secret,
    nonce: &str,
    timestamp: impl fmt::Display,
    page_url: &str,
    hash: Hash,
) -> String {
    let text = string_to_sign(ticket, nonce, timestamp, page_url);
    digest(hash, text.expose())
}

/// The text under the signature. It holds the ticket, so it is a secret too.
///
/// Values are joined as they are: nothing is encoded, the order is fixed and the names are lower
/// case, unlike those of `dd.config`.
///
/// ```
/// use dingtalk_core::Secret;
/// use dingtalk_core::jsapi::string_to_sign;
///
/// let text = string_to_sign(&Secret::from("t"), "n", 1, "https://app.example.com/#/route");
/// assert_eq!(
///     text.expose(),
///     "jsapi_ticket=t&noncestr=n&timestamp=1&url=https://app.example.com/"
/// );
/// ```
pub fn string_to_sign(
    ticket: &Secret,
    nonce: &str,
    timestamp: impl fmt::Display,
    page_url: &str,
) -> Secret {
    let (timestamp, url) = (timestamp.to_string(), signed_url(page_url));
    // All at once: a string that grows would leave copies of the ticket behind in memory.
    let parts = ["jsapi_ticket=", ticket.expose(), "&noncestr=", nonce, "&timestamp=", &timestamp];
    Secret::new([&parts[..], &["&url=", &url]].concat().concat())
}

/// The form of a page's URL that is signed.
///
/// The fragment goes; scheme, authority (its port as written) and path stay; the query is decoded
/// once, as a form is: `%XX` becomes its byte and `+` a space. Nothing is encoded again.
///
/// It follows the `URL` and `URLDecoder` of the platform's Java sample, which writes the scheme in
/// lower case, keeps a lone `?` and reads broken UTF-8 as U+FFFD. Where that sample would throw, at
/// a `%` without two hex digits or a text that is no URL, the text is kept as it is.
///
/// ```
/// use dingtalk_core::jsapi::signed_url;
///
/// assert_eq!(
///     signed_url("https://app.example.com:8443/p%20q?x=%E4%B8%AD&y=a%2Bb+c#/route"),
///     "https://app.example.com:8443/p%20q?x=中&y=a+b c"
/// );
/// ```
pub fn signed_url(page_url: &str) -> String {
    let (url, _) = split_fragment(page_url);
    let (url, query) = match url.split_once('?') {
        Some((url, query)) => (url, Some(query)),
        None => (url, None),
    };
    let mut signed = match url.split_once("://") {
        Some((scheme, rest)) => format!("{}://{rest}", scheme.to_ascii_lowercase()),
        None => url.to_owned(),
    };
    if let Some(query) = query {
        signed.push('?');
        signed.push_str(&form_decoded(query));
    }
    signed
}

pub(super) fn split_fragment(page_url: &str) -> (&str, Option<&str>) {
    match page_url.split_once('#') {
        Some((url, fragment)) => (url, Some(fragment)),
        None => (page_url, None),
    }
}

pub(super) fn form_decoded(text: &str) -> String {
    let spaced = if text.contains('+') { text.replace('+', " ").into() } else { Cow::from(text) };
    percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}

pub(super) fn digest(hash: Hash, text: &str) -> String {
    match hash {
        Hash::Sha256 => hex(&hmac_sha256::Hash::hash(text.as_bytes())),
        Hash::Sha1 => hex(&Sha1::from(text).digest().bytes()),
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |half: u8| char::from(DIGITS[usize::from(half & 15)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    struct Vector {
        page: &'static str,
        url: &'static str,
        sha256: &'static str,
        sha1: &'static str,
    }

    const VECTORS: [Vector; 3] = [
        Vector {
            page: "https://app.example.com/index.html",
            url: "https://app.example.com/index.html",
            sha256: "23eb2cc9115e465420b4bfeb2f42ad565ed66d591339c31dbb1e45fa16c60834",
            sha1: "fe5ed88c5de0ca5cea1f46036db4e7cb8370e982",
        },
        Vector {
            page: "https://app.example.com/index.html?corpId=dingexamplecorp#/route",
            url: "https://app.example.com/index.html?corpId=dingexamplecorp",
            sha256: "48e9ce3457825d8987598a9da224681f8935d570e59da0a3b8f9e2a341632a9f",
            sha1: "87332795c125ce2b284316ecb81ac1436f12d349",
        },
        Vector {
            page: "https://app.example.com:8443/p?x=%E4%B8%AD%E6%96%87&y=a%2Bb",
            url: "https://app.example.com:8443/p?x=中文&y=a+b",
            sha256: "1b7b1a7b3aca4cc9c41e58f9cb027384cbcba85d54e55b37c9bf5d88ce790441",
            sha1: "6a8902de9c04704fcbe3c3a54ba4a16e16ed5e68",
        },
    ];

    #[test]
    fn the_vectors_of_the_wire_facts_come_out_with_both_hashes() {
        let ticket = Secret::from("ticketExample0001");
        for Vector { page, url, sha256, sha1 } in VECTORS {
            let text = string_to_sign(&ticket, "nonceExample", "1700000000000", page);
            assert_eq!(
                text.expose(),
                format!(
                    "jsapi_ticket=ticketExample0001&noncestr=nonceExample&timestamp=1700000000000&url={url}"
                )
            );
            let signed = |hash| sign(&ticket, "nonceExample", 1_700_000_000_000_i64, page, hash);
            assert_eq!(signed(Hash::Sha256), sha256);
            assert_eq!(signed(Hash::Sha1), sha1);
        }
    }

    #[test]
    fn the_published_demo_comes_out_with_both_hashes() {
        let ticket = Secret::from(
            "zHoQdGJuH0ZDebwo7sLqLzHGUueLmkWCC4RycYgkuvDu3eoROgN5qhwnQLgfzwEXtuR9SDzh6BdhyVngzAjrxV",
        );
        let page = "http://10.62.53.138:3000/jsapi";
        let signed = |hash| sign(&ticket, "abcdefgh", 1_437_027_269_927_i64, page, hash);
        assert_eq!(signed(Hash::Sha1), "810e6657e9f411e6491b3e97dfaf7660e89eb874");
        assert_eq!(
            signed(Hash::default()),
            "f83d09ae579893dd206f49752d49c64ed5b1d495a2d769e9f63ba4d1909f90ed"
        );
    }

    #[test]
    fn the_query_is_decoded_once_and_the_path_never() {
        for (page, url) in [
            ("https://a.cn/%E4%B8%AD+x?q=%2525", "https://a.cn/%E4%B8%AD+x?q=%25"),
            ("https://a.cn?x=1", "https://a.cn?x=1"),
            ("https://a.cn/?a=b?c", "https://a.cn/?a=b?c"),
            ("https://a.cn/?", "https://a.cn/?"),
            ("https://a.cn/#?x=%41", "https://a.cn/"),
            ("https://a.cn/?x=%23y#z#w", "https://a.cn/?x=#y"),
            ("HTTPS://A.cn:443/", "https://A.cn:443/"),
        ] {
            assert_eq!(signed_url(page), url, "{page}");
        }
    }

    #[test]
    fn what_cannot_be_decoded_is_kept_and_broken_utf8_is_replaced() {
        for (page, url) in [
            ("https://a.cn/?x=100%", "https://a.cn/?x=100%"),
            ("https://a.cn/?x=%4", "https://a.cn/?x=%4"),
            ("https://a.cn/?x=%zz%41", "https://a.cn/?x=%zzA"),
            ("https://a.cn/?x=%E4%B8&y", "https://a.cn/?x=\u{fffd}&y"),
            ("no url", "no url"),
            ("", ""),
        ] {
            assert_eq!(signed_url(page), url, "{page}");
        }
    }

    proptest! {
        #[test]
        fn any_text_has_a_signed_form(page in any::<String>()) {
            let _ = signed_url(&page);
        }

        #[test]
        fn the_rule_changes_nothing_twice_without_a_query(
            page in "[A-Za-z]{1,5}://[^?#]{0,40}(#.{0,20})?",
        ) {
            let once = signed_url(&page);
            prop_assert_eq!(signed_url(&once), once);
        }

        #[test]
        fn a_fragment_changes_no_signature(page in "https://[^#]{0,40}", fragment in ".{0,20}") {
            let signed = |page: &str| sign(&Secret::from("t"), "n", 1, page, Hash::Sha1);
            prop_assert_eq!(signed(&page), signed(&format!("{page}#{fragment}")));
        }
    }
}
