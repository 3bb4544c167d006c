//! Page signatures: any URL can be signed, the fragment never counts, and the doctor finds no
//! fault with what was signed right.

use arbitrary::Unstructured;
use dingtalk_core::Secret;
use dingtalk_core::jsapi::{Doctor, Hash, sign, signed_url, string_to_sign};
use serde_json::{Value, json};

use super::{choose, text, word};

pub(super) fn check(data: &[u8]) {
    let mut from = Unstructured::new(data);
    let hash = match choose::<bool>(&mut from) {
        true => Hash::Sha256,
        false => Hash::Sha1,
    };
    let (nonce, timestamp, tamper) =
        (word(&mut from), choose::<u64>(&mut from), choose::<u8>(&mut from));
    let garbage = word(&mut from);
    let url = text(from);
    let ticket = Secret::from("canary-ticket");

    let plain = signed_url(&url);
    let before = url.split('#').next().unwrap_or_default();
    assert_eq!(signed_url(before), plain, "the fragment counts");
    let said = string_to_sign(&ticket, &nonce, timestamp, &url);
    let said = said.expose();
    assert!(said.starts_with("jsapi_ticket=canary-ticket&noncestr="));
    assert!(said.ends_with(&plain));

    let signature = sign(&ticket, &nonce, timestamp, &url, hash);
    assert_eq!(Hash::of(&signature), Some(hash));
    let mut config = json!({
        "agentId": "1", "corpId": "ding", "timeStamp": timestamp.to_string(),
        "nonceStr": nonce, "signature": signature, "jsApiList": ["biz.contact.choose"],
    });
    let diagnosis = Doctor::new(&ticket).diagnose(&config, &url);
    assert!(!format!("{diagnosis:?}").contains("canary-ticket"));
    // And whatever a page sends, it says something and does not fall over.
    if let Some(member) = config.as_object_mut().and_then(|map| map.values_mut().nth(tamper.into()))
    {
        *member = serde_json::from_str(&garbage).unwrap_or(Value::String(garbage));
    }
    let diagnosis = Doctor::new(&ticket).signed_url(&url).diagnose(&config, &url);
    assert!(!format!("{diagnosis:?}{diagnosis}").contains("canary-ticket"));
}
