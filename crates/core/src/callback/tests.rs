mod judging;
mod properties;
mod repeating;
mod vectors;

use std::time::Duration;

use http::Request;
use serde::Deserialize;
use serde_json::json;

use super::cipher::Cipher;
use super::*;
use crate::Timestamp;
use crate::event::{EventKind, Seen};

const TOKEN: &str = "tokenExample1";
const KEY: &str = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG";
const SUITE: &str = "suiteexample0001";
const NOW: u64 = 1_700_000_000_000;

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(NOW + millis)
}

fn cipher(token: &str, key: &str) -> Cipher {
    Cipher::new(token.into(), &key.into()).expect("a good key")
}

fn receiver() -> Receiver {
    Receiver::new(TOKEN, KEY, Owner::Suite(SUITE.into())).expect("a good key")
}

/// What the platform sends.
#[derive(Clone)]
struct Push {
    token: &'static str,
    key: &'static str,
    owner: Vec<u8>,
    timestamp: String,
    nonce: &'static str,
    /// The name of the signature in the query.
    name: &'static str,
}

impl Push {
    fn new() -> Self {
        let owner = SUITE.as_bytes().to_vec();
        let timestamp = NOW.to_string();
        Self { token: TOKEN, key: KEY, owner, timestamp, nonce: "n0nce", name: "signature" }
    }

    fn of(&self, message: &str) -> Request<Vec<u8>> {
        let encrypt = cipher(self.token, self.key).seal(*b"0123456789abcdef", message, &self.owner);
        self.carrying(&encrypt)
    }

    fn carrying(&self, encrypt: &str) -> Request<Vec<u8>> {
        let hash = cipher(self.token, self.key).signature(&self.timestamp, self.nonce, encrypt);
        self.signed(&crate::jsapi::hex(&hash), encrypt)
    }

    fn signed(&self, signature: &str, encrypt: &str) -> Request<Vec<u8>> {
        let Self { timestamp, nonce, name, .. } = self;
        Request::post(format!("/cb?x=1&{name}={signature}&timestamp={timestamp}&nonce={nonce}"))
            .body(json!({ "encrypt": encrypt }).to_string().into_bytes())
            .expect("a request")
    }

    /// With this inside, encrypted as it is: no padding, no length.
    fn of_blocks(&self, plain: &[u8]) -> Request<Vec<u8>> {
        self.carrying(&cipher(self.token, self.key).encrypted(plain.to_vec()))
    }
}

#[track_caller]
fn refused(result: Result<Received, Refusal>) -> Refusal {
    let refusal = result.expect_err("refused");
    assert_ne!(refusal.response().status(), 200);
    refusal
}

fn opened(response: &http::Response<Vec<u8>>, token: &str, key: &str) -> String {
    #[derive(Deserialize)]
    struct Reply {
        msg_signature: String,
        #[serde(rename = "timeStamp")]
        timestamp: String,
        nonce: String,
        encrypt: String,
    }
    assert_eq!(
        (response.status().as_u16(), &response.headers()["content-type"]),
        (200, &"application/json".parse().expect("a good reply"))
    );
    let reply: Reply = serde_json::from_slice(response.body()).expect("a good reply");
    let cipher = cipher(token, key);
    let hash = cipher.signature(&reply.timestamp, &reply.nonce, &reply.encrypt);
    assert_eq!(crate::jsapi::hex(&hash), reply.msg_signature);
    cipher.open(&reply.encrypt).expect("a good reply").message.to_string()
}
