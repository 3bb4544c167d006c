//! What the platform and its demos print.

use super::*;

/// What the platform's pages and demos print, and four that were computed elsewhere.
#[derive(Deserialize)]
struct Vector {
    origin: String,
    token: String,
    #[serde(rename = "aesKey43")]
    key: String,
    #[serde(rename = "ownerKey")]
    owner: String,
    timestamp: String,
    nonce: String,
    random16: String,
    plaintext: String,
    encrypt: String,
    signature: String,
}

fn all() -> Vec<Vector> {
    let all: Vec<Vector> = serde_json::from_str(include_str!("vectors.json")).expect("the vectors");
    let published = all.iter().filter(|vector| vector.origin == "published").count();
    assert_eq!((published, all.len()), (4, 8));
    all
}

#[test]
fn every_vector_opens_and_is_signed_as_printed() {
    for vector in all() {
        let cipher = cipher(&vector.token, &vector.key);
        let opened = cipher.open(&vector.encrypt).unwrap();
        assert_eq!(*opened.message, vector.plaintext);
        assert_eq!(opened.owner, vector.owner.as_bytes());
        let hash = cipher.signature(&vector.timestamp, &vector.nonce, &vector.encrypt);
        assert_eq!(crate::jsapi::hex(&hash), vector.signature);
    }
}

#[test]
fn every_vector_is_reproduced() {
    for vector in all() {
        let cipher = cipher(&vector.token, &vector.key);
        let random = vector.random16.as_bytes().try_into().unwrap();
        let sealed = cipher.seal(random, &vector.plaintext, vector.owner.as_bytes());
        assert_eq!(sealed, vector.encrypt);
    }
}

#[test]
fn every_vector_that_is_a_push_is_received_and_the_replies_among_them_are_no_events() {
    let mut received = 0;
    for vector in all() {
        let owner = Owner::App(vector.owner.as_str().into());
        let receiver = Receiver::new(&*vector.token, &*vector.key, owner).unwrap();
        let signature = &vector.signature;
        let (timestamp, nonce) = (&vector.timestamp, &vector.nonce);
        let uri = format!("/?signature={signature}&timestamp={timestamp}&nonce={nonce}");
        let body = json!({ "encrypt": vector.encrypt }).to_string();
        let request = Request::post(uri).body(body).unwrap();
        // One of them counts seconds.
        let time: u64 = timestamp.parse().unwrap();
        let now = if time < 100_000_000_000 { time * 1000 } else { time };
        match receiver.receive(&request, Timestamp::from_millis(now)) {
            Ok(push) => {
                assert_eq!(push.events().len(), 1);
                let reply = push.acknowledge([9; 16]);
                assert_eq!(opened(&reply, &vector.token, &vector.key), "success");
                received += 1;
            }
            Err(refusal) => {
                assert_eq!(refusal, Refusal::Plaintext);
                assert!(!vector.plaintext.starts_with('{'));
            }
        }
    }
    assert_eq!(received, 4);
}

#[test]
fn the_printed_reply_is_reproduced() {
    let push = Push { timestamp: "1700000000123".into(), nonce: "n0nceBBB", ..Push::new() };
    let received = receiver().receive(&push.of(r#"{"EventType":"check_url"}"#), at(0)).unwrap();
    // Every byte picks its digit.
    let response = received.acknowledge([0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7]);
    assert_eq!(
        String::from_utf8_lossy(response.body()),
        r#"{"msg_signature":"ed155e4c4799fba70614bd03eab8d1871336c85d","timeStamp":"1700000000123","nonce":"n0nceBBB","encrypt":"KPEqfEINUYBtDwKVPJVb7hhTb0h4ZV/6HawZ1YC7HCVc8V8oSDr5Qms4KYMx69ITyBbInmekEwl+vZtswjRyEg=="}"#
    );
}
