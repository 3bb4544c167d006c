//! What the platform pushes: any request is received or refused without a panic, nothing but what
//! was signed with the token gets through, and any text is an event or none.

use arbitrary::Unstructured;
use dingtalk_core::callback::{Owner, Receiver};
use dingtalk_core::event::Event;
use http::Request;
use sha1::{Digest, Sha1};

use super::{at, choose, text, word};

const TOKEN: &str = "canaryCallbackToken";
const KEY: &str = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG";

pub(super) fn requests(data: &[u8]) {
    let mut from = Unstructured::new(data);
    let signed = choose::<bool>(&mut from);
    let (timestamp, nonce) = match choose::<u8>(&mut from) % 4 {
        0 => (word(&mut from), word(&mut from)),
        _ => (super::START.to_string(), "n0nceAAA".to_owned()),
    };
    let encrypted = text(from);
    let signature = match signed {
        true => signature(&timestamp, &nonce, &encrypted),
        false => "0".repeat(40),
    };
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("signature", &signature)
        .append_pair("timestamp", &timestamp)
        .append_pair("nonce", &nonce)
        .finish();
    let body = serde_json::json!({ "encrypt": encrypted }).to_string();
    let request = Request::post(format!("/callback?{query}")).body(body).expect("it is encoded");
    judged(&request, signed);
    // And a body of any form.
    let (parts, _) = request.into_parts();
    judged(&Request::from_parts(parts, encrypted), false);
}

fn judged(request: &Request<String>, signed: bool) {
    let owner = Owner::Suite("suiteexample0001".into());
    let receiver = Receiver::new(TOKEN, KEY, owner).expect("they are of the right form");
    match receiver.receive(request, at(0)) {
        Ok(received) => {
            assert!(signed, "an unsigned push got through");
            let response = received.acknowledge([7; 16]);
            assert!(response.status().is_success());
        }
        Err(refusal) => {
            let decrypted = matches!(refusal.code(), Some(900_009..=900_010));
            assert!(signed || !decrypted, "it was decrypted");
            assert!(refusal.response().status().as_u16() >= 400);
            let said = format!("{refusal}{refusal:?}");
            assert!(!said.contains(TOKEN) && !said.contains(KEY), "a secret is in {said}");
        }
    }
}

fn signature(timestamp: &str, nonce: &str, encrypted: &str) -> String {
    let mut parts = [TOKEN, timestamp, nonce, encrypted];
    parts.sort_unstable();
    Sha1::digest(parts.concat()).iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn events(data: &[u8]) {
    let mut from = Unstructured::new(data);
    let kind = word(&mut from);
    let born_at = choose::<Option<u64>>(&mut from);
    let text = text(from);
    if let Ok(events) = Event::from_push(&text) {
        for event in events {
            told(&event);
        }
    }
    let event = Event::from_stream(&kind, Some("dingcorp"), None, born_at, &text);
    assert_eq!((event.name.as_str(), event.data()), (kind.as_str(), text.as_str()));
    told(&event);
}

/// What is not understood is kept whole, and none of it is shown: the names beside it are, so that
/// a text that stands in one of them too is no leak.
fn told(event: &Event) {
    let named = [
        Some(event.name.as_str()),
        event.corp_id.as_ref().map(AsRef::as_ref),
        event.suite_key.as_ref().map(AsRef::as_ref),
        event.id.as_deref(),
        event.biz_id.as_deref(),
    ];
    let shown = named.iter().flatten().any(|name| name.contains(event.data()));
    let debug = format!("{event:?}");
    assert!(event.data().len() < 64 || shown || !debug.contains(event.data()));
    let _ = event.key();
    let _ = event.read::<serde_json::Value>();
}
