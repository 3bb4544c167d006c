//! JSAPI tickets and `dd.config` (wire-facts §7).

use std::time::Duration;

use dingtalk_sandbox::{JsapiHash, Sandbox, Switch};
use serde_json::{Value, json};
use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::support::{START, app_token, get, plain_token, sandbox, v1};

const PAGE: &str = "https://app.example.com:8443/p?x=%E4%B8%AD%E6%96%87&y=a%2Bb#/route";
/// The same page as §7.2 wants it: no fragment, the query decoded once.
const SIGNED: &str = "https://app.example.com:8443/p?x=中文&y=a+b";

fn ticket(sandbox: &Sandbox) -> String {
    v1(sandbox, "POST", "/v1.0/oauth2/jsapiTickets", &app_token(sandbox), "")
        .str("/jsapiTicket")
        .to_owned()
}

fn sha256(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn sha1(text: &str) -> String {
    Sha1::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn text(ticket: &str, stamp: &str, url: &str) -> String {
    format!("jsapi_ticket={ticket}&noncestr=n0nce&timestamp={stamp}&url={url}")
}

fn config(sandbox: &Sandbox, signature: &str) -> Value {
    let demo = sandbox.demo();
    json!({
        "agentId": demo.agent_id.to_string(),
        "corpId": demo.corp_id,
        "timeStamp": START.to_string(),
        "nonceStr": "n0nce",
        "signature": signature,
        "type": 0,
        "jsApiList": ["runtime.permission.requestAuthCode"],
    })
}

#[test]
fn both_endpoints_give_the_one_ticket_of_the_app() {
    let sandbox = sandbox();
    let token = app_token(&sandbox);
    let new = v1(&sandbox, "POST", "/v1.0/oauth2/jsapiTickets", &token, "");
    assert_eq!(
        (new.keys().as_str(), new.json["expireIn"].as_i64()),
        ("jsapiTicket expireIn", Some(7200))
    );
    let old = get(&sandbox, &format!("/get_jsapi_ticket?access_token={token}"));
    assert_eq!(old.keys(), "errcode ticket errmsg expires_in");
    assert_eq!(old.str("/ticket"), new.str("/jsapiTicket"));
    let other = v1(&sandbox, "POST", "/v1.0/oauth2/jsapiTickets", &plain_token(&sandbox), "");
    assert_ne!(other.str("/jsapiTicket"), new.str("/jsapiTicket"));
}

#[test]
fn a_ticket_is_extended_by_two_hours_up_to_a_day() {
    let sandbox = sandbox();
    let first = ticket(&sandbox);
    for _ in 0..15 {
        sandbox.clock().advance(Duration::from_secs(90 * 60));
        assert_eq!(ticket(&sandbox), first);
    }
    sandbox.clock().advance(Duration::from_secs(3600));
    let last = v1(&sandbox, "POST", "/v1.0/oauth2/jsapiTickets", &app_token(&sandbox), "");
    assert_eq!(
        (last.str("/jsapiTicket"), last.json["expireIn"].as_i64()),
        (first.as_str(), Some(1800))
    );
    sandbox.clock().advance(Duration::from_secs(1800));
    assert_ne!(ticket(&sandbox), first);
    let second = ticket(&sandbox);
    sandbox.clock().advance(Duration::from_secs(7200));
    assert_ne!(ticket(&sandbox), second, "unless nobody extends it");
}

#[test]
fn a_right_signature_is_accepted_in_both_hashes_or_as_the_switch_says() {
    let sandbox = sandbox();
    let text = text(&ticket(&sandbox), &START.to_string(), SIGNED);
    let (long, short) = (config(&sandbox, &sha256(&text)), config(&sandbox, &sha1(&text)));
    assert_eq!(sandbox.verify_config(&long, PAGE), Ok(()));
    assert_eq!(sandbox.verify_config(&short, PAGE), Ok(()));
    sandbox.set_switch(&Switch::JsapiHash(JsapiHash::Sha256Only));
    let refused = sandbox.verify_config(&short, PAGE).unwrap_err();
    assert_eq!(refused.code, 52013);
    assert!(refused.differs.is_some_and(|differs| differs.contains("hash")));
}

#[test]
fn the_published_and_own_vectors_are_what_this_test_signs_with() {
    let signing = |ticket: &str, nonce: &str, stamp: &str, url: &str| {
        format!("jsapi_ticket={ticket}&noncestr={nonce}&timestamp={stamp}&url={url}")
    };
    let own = signing("ticketExample0001", "nonceExample", "1700000000000", SIGNED);
    assert_eq!(sha256(&own), "1b7b1a7b3aca4cc9c41e58f9cb027384cbcba85d54e55b37c9bf5d88ce790441");
    assert_eq!(sha1(&own), "6a8902de9c04704fcbe3c3a54ba4a16e16ed5e68");
    let published = signing(
        "zHoQdGJuH0ZDebwo7sLqLzHGUueLmkWCC4RycYgkuvDu3eoROgN5qhwnQLgfzwEXtuR9SDzh6BdhyVngzAjrxV",
        "abcdefgh",
        "1437027269927",
        "http://10.62.53.138:3000/jsapi",
    );
    assert_eq!(sha1(&published), "810e6657e9f411e6491b3e97dfaf7660e89eb874");
    assert_eq!(
        sha256(&published),
        "f83d09ae579893dd206f49752d49c64ed5b1d495a2d769e9f63ba4d1909f90ed"
    );
}

#[test]
fn a_wrong_signature_says_which_input_differs() {
    let sandbox = sandbox();
    let own = ticket(&sandbox);
    let other = v1(&sandbox, "POST", "/v1.0/oauth2/jsapiTickets", &plain_token(&sandbox), "");
    let stamp = START.to_string();
    let seconds = (START / 1000).to_string();
    let raw = PAGE.split('#').next().unwrap();
    for (signed, expected) in [
        (text(other.str("/jsapiTicket"), &stamp, SIGNED), "ticket: another app's ticket"),
        (text(&own, &stamp, PAGE), "url: signed as it stands"),
        (text(&own, &stamp, raw), "url: signed with its query still encoded"),
        (text(&own, &stamp, "https://app.example.com:8443/p"), "url: signed without its query"),
        (text(&own, &stamp, "https://app.example.com:8443"), "url: signed as the site's root"),
        (text(&own, &seconds, SIGNED), "timestamp: signed in seconds"),
        (
            text(other.str("/jsapiTicket"), &seconds, SIGNED),
            "ticket: another app's ticket; timestamp: signed in seconds",
        ),
        (
            format!("jsapi_ticket={own}&nonceStr=n0nce&timeStamp={stamp}&url={SIGNED}"),
            "text: signed with nonceStr",
        ),
    ] {
        let refused = sandbox.verify_config(&config(&sandbox, &sha256(&signed)), PAGE).unwrap_err();
        assert_eq!(refused.code, 52013);
        assert!(
            refused.differs.as_ref().is_some_and(|differs| differs.starts_with(expected)),
            "{refused}"
        );
    }
    let hopeless = sandbox.verify_config(&config(&sandbox, &sha256("?")), PAGE).unwrap_err();
    assert_eq!((hopeless.code, hopeless.differs), (52013, None));
}

#[test]
fn an_expired_ticket_is_found_out() {
    let sandbox = sandbox();
    let old = ticket(&sandbox);
    sandbox.clock().advance(Duration::from_secs(7200));
    let config = config(&sandbox, &sha256(&text(&old, &START.to_string(), SIGNED)));
    assert_eq!(
        sandbox.verify_config(&config, PAGE).unwrap_err().code,
        52011,
        "no living ticket at all"
    );
    let _ = ticket(&sandbox);
    let refused = sandbox.verify_config(&config, PAGE).unwrap_err();
    assert_eq!(refused.differs.as_deref(), Some("ticket: an expired ticket"));
}

#[test]
fn every_bad_member_has_its_code() {
    let sandbox = sandbox();
    let good = config(&sandbox, &sha256(&text(&ticket(&sandbox), &START.to_string(), SIGNED)));
    for (name, value, code) in [
        ("corpId", json!("dingnowhere"), 52010),
        ("agentId", json!("1"), 52019),
        ("nonceStr", json!(""), 52015),
        ("timeStamp", json!("today"), 52018),
        ("jsApiList", json!("all"), 52017),
        ("jsApiList", json!([1]), 52017),
        ("signature", json!("zz"), 52016),
        ("type", json!(1), 52020),
        ("type", json!(2), 52022),
    ] {
        let mut bad = good.clone();
        bad[name] = value;
        assert_eq!(sandbox.verify_config(&bad, PAGE).unwrap_err().code, code, "{name}");
    }
    assert_eq!(sandbox.verify_config(&good, "file:///page").unwrap_err().code, 52014);
    assert_eq!(sandbox.verify_config(&Value::Null, PAGE).unwrap_err().code, 52010);
    let mut numbers = good;
    numbers["agentId"] = json!(sandbox.demo().agent_id);
    assert_eq!(sandbox.verify_config(&numbers, PAGE), Ok(()), "the client takes a number too");
}
