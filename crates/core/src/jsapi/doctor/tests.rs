//! Each rule of the signature broken once: the doctor must name that one.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::jsapi::{DdConfig, Hash, Nonce, sign};
use crate::{Timestamp, jsapi};

const TICKET: &str = "ticketExample0001";
const NOW: &str = "1700000000000";
const PAGE: &str = "https://app.example.com:8443/%e4%b8%ad/p?x=%E4%B8%AD%2525&y=a%2Bb+c#/route";

fn sent(signature: &str) -> Value {
    json!({
        "agentId": "42", "corpId": "c", "timeStamp": NOW, "nonceStr": "nOnce",
        "signature": signature, "jsApiList": ["runtime.info"],
    })
}

/// Signs a text as it stands, unlike the library.
fn sign_text(text: &str) -> String {
    jsapi::signature::digest(Hash::Sha256, text)
}

fn sign_raw_url(url: &str) -> String {
    sign_text(&format!("jsapi_ticket={TICKET}&noncestr=nOnce&timestamp={NOW}&url={url}"))
}

fn good() -> Value {
    sent(&sign(&Secret::from(TICKET), "nOnce", NOW, PAGE, Hash::Sha256))
}

#[track_caller]
fn expect_proof(diagnosis: &Diagnosis, inputs: &[Input]) {
    let proven: Vec<_> = diagnosis
        .findings
        .iter()
        .filter(|finding| finding.certainty == Certainty::Proven)
        .map(|finding| finding.input)
        .collect();
    assert_eq!(proven, inputs, "{diagnosis}");
    assert!(!diagnosis.signature_matches);
}

#[test]
fn a_right_object_has_no_findings() {
    let ticket = Secret::from(TICKET);
    let nonce = Nonce::from_entropy([1; 16]);
    for hash in [Hash::Sha256, Hash::Sha1] {
        let config = DdConfig::for_page(42, "c", PAGE).api("dd.runtime.info").hash(hash);
        let config = config.sign(&ticket, &nonce, Timestamp::from_millis(1)).unwrap();
        let diagnosis = Doctor::new(&ticket).diagnose(&config, PAGE);
        assert!(diagnosis.signature_matches);
        assert_eq!(diagnosis.dd_error, None, "{diagnosis}");
        let doubts = diagnosis.findings.iter().map(|finding| finding.certainty);
        assert!(doubts.eq((hash == Hash::Sha1).then_some(Certainty::Suspected)), "{diagnosis}");
    }
}

#[test]
fn each_wrong_form_of_the_url_is_proven_by_its_name() {
    let ticket = Secret::from(TICKET);
    let right = jsapi::signed_url(PAGE);
    for (signed, said) in [
        (format!("{right}#/route"), "the fragment was signed"),
        (PAGE.to_owned(), "fragment kept"),
        (PAGE.replace("#/route", ""), "query was not decoded"),
        (right.replace("%25", "%"), "decoded twice"),
        (right.replace("%25", "%").replace("a+b", "a b"), "decoded twice"),
        (right.replace("b c", "b+c"), "was not read as a space"),
        (right.replace(":8443", ""), "port was dropped"),
        (right.replace("https", "http"), "http was signed"),
        (right.replace("/p?", "/p/?"), "slash was added"),
        (right.replace("%e4%b8%ad", "%E4%B8%AD"), "in upper case"),
        (right.replace("%e4%b8%ad", "中"), "path was decoded"),
        ("https://app.example.com:8443".to_owned(), "origin alone"),
        ("https://app.example.com:8443/%e4%b8%ad/p".to_owned(), "query was not signed"),
    ] {
        let diagnosis = Doctor::new(&ticket).diagnose(&sent(&sign_raw_url(&signed)), PAGE);
        expect_proof(&diagnosis, &[Input::Url]);
        assert!(diagnosis.findings[0].what.contains(said), "{signed}: {diagnosis}");
        assert_eq!(diagnosis.error(), Some(DdError::SignatureDiffers));
    }
}

#[test]
fn a_dropped_slash_and_an_added_default_port_are_told() {
    let ticket = Secret::from(TICKET);
    for signed in ["https://a.cn", "https://a.cn:443/", "http://a.cn/", "http://a.cn:80/"] {
        let diagnosis =
            Doctor::new(&ticket).diagnose(&sent(&sign_raw_url(signed)), "https://a.cn/");
        let count = if signed == "http://a.cn:80/" { 2 } else { 1 };
        expect_proof(&diagnosis, &[Input::Url, Input::Url][..count]);
    }
}

#[test]
fn the_entry_url_of_an_spa_and_the_servers_own_url_are_told() {
    let ticket = Secret::from(TICKET);
    let doctor =
        Doctor::new(&ticket).entry_url("https://a.cn/in?x=%41#a").signed_url("https://b.cn/");
    for (signed, said) in
        [("https://a.cn/in?x=A", "entry url"), ("https://b.cn/", "'https://b.cn/'")]
    {
        let diagnosis = doctor.diagnose(&sent(&sign_raw_url(signed)), PAGE);
        expect_proof(&diagnosis, &[Input::Url]);
        assert!(diagnosis.findings[0].what.contains(said), "{diagnosis}");
    }
}

#[test]
fn another_ticket_is_told_and_none_is_ever_printed() {
    let (new, old) = (Secret::from("canary-new-ticket"), Secret::from(TICKET));
    let mut leaky = good();
    leaky["agentId"] = json!("canary-new-ticket");
    leaky["jsapi_ticket"] = json!("canary-new-ticket");
    let doctor = Doctor::new(&new).old_ticket(&old).signed_url(format!("https://a.cn/{TICKET}"));
    // One is so long that its text is cut within the ticket.
    let cut = format!("{}canary-new-ticket{}", "x".repeat(965), "x".repeat(99));
    for page in [PAGE, "canary-new-ticket", "https://a.cn/canary-new-ticket?", &cut] {
        let diagnosis = doctor.diagnose(&leaky, page);
        assert!(diagnosis.findings.iter().all(|finding| finding.what.chars().count() <= 1_001));
        let texts = format!("{diagnosis} {diagnosis:?} {doctor:?}");
        let texts = texts + &serde_json::to_string(&diagnosis).unwrap();
        assert!(!texts.contains("canary"), "{texts}");
        if page == PAGE {
            expect_proof(&diagnosis, &[Input::Ticket]);
        }
    }
}

#[test]
fn another_nonce_or_timestamp_is_told() {
    let ticket = Secret::from(TICKET);
    let signed = |nonce, timestamp| sign(&ticket, nonce, timestamp, PAGE, Hash::Sha1);
    let doctor = Doctor::new(&ticket).signed_nonce("other").signed_timestamp(1_700_000_000_999_i64);
    for (nonce, timestamp, inputs) in [
        ("other", NOW, &[Input::Nonce][..]),
        ("nonce", NOW, &[Input::Nonce]),
        ("undefined", NOW, &[Input::Nonce]),
        ("nOnce", "1700000000", &[Input::Timestamp]),
        ("nOnce", "1700000000999", &[Input::Timestamp]),
        ("other", "1700000000000.0", &[Input::Nonce, Input::Timestamp]),
    ] {
        expect_proof(&doctor.diagnose(&sent(&signed(nonce, timestamp)), PAGE), inputs);
    }
    let mut seconds = sent(&signed("nOnce", NOW));
    seconds["timeStamp"] = json!("1700000000");
    let diagnosis = doctor.diagnose(&seconds, PAGE);
    expect_proof(&diagnosis, &[Input::Timestamp]);
    assert!(diagnosis.to_string().contains("the page sent seconds"), "{diagnosis}");
}

#[test]
fn names_and_order_of_the_signed_text_are_told() {
    let ticket = Secret::from(TICKET);
    let url = jsapi::signed_url(PAGE);
    for text in [
        format!("jsapi_ticket={TICKET}&nonceStr=nOnce&timeStamp={NOW}&url={url}"),
        format!("noncestr=nOnce&timestamp={NOW}&url={url}&jsapi_ticket={TICKET}"),
    ] {
        let diagnosis = Doctor::new(&ticket).diagnose(&sent(&sign_text(&text)), PAGE);
        expect_proof(&diagnosis, &[Input::SignedText]);
    }
}

#[test]
fn three_differences_at_once_are_still_proven() {
    let (ticket, old) = (Secret::from("new"), Secret::from(TICKET));
    let signature = sign(&old, "NONCE", "1700000000", PAGE, Hash::Sha256);
    let diagnosis = Doctor::new(&ticket).old_ticket(&old).diagnose(&sent(&signature), PAGE);
    expect_proof(&diagnosis, &[Input::Ticket, Input::Nonce, Input::Timestamp]);
}

#[test]
fn without_an_explanation_the_record_is_compared() {
    let ticket = Secret::from(TICKET);
    let doctor = Doctor::new(&ticket).signed_nonce("other").signed_url(PAGE);
    let diagnosis = doctor.diagnose(&sent(&"0".repeat(64)), PAGE);
    let inputs: Vec<_> = diagnosis.findings.iter().map(|finding| finding.input).collect();
    assert_eq!(inputs, [Input::Nonce, Input::Ticket], "{diagnosis}");
    assert_eq!(diagnosis.dd_error, Some(52013));
}

#[test]
fn each_fault_of_the_object_is_seen_with_the_clients_number() {
    let ticket = Secret::from(TICKET);
    let upper = good()["signature"].as_str().unwrap().to_uppercase();
    for (field, value, input, code) in [
        ("corpId", Value::Null, Input::CorpId, 52010),
        ("corpId", json!(""), Input::CorpId, 52010),
        ("agentId", Value::Null, Input::AgentId, 52019),
        ("agentId", json!("dingkey"), Input::AgentId, 52019),
        ("nonceStr", json!(["x"]), Input::Nonce, 52015),
        ("timeStamp", json!("yesterday"), Input::Timestamp, 52018),
        ("signature", json!("no hex"), Input::Signature, 52016),
        ("signature", json!("abcd"), Input::Hash, 52016),
        ("signature", json!(upper), Input::Signature, 52013),
        ("jsApiList", json!("runtime.info"), Input::JsApiList, 52017),
        ("jsApiList", json!(["a", "dd.runtime.info"]), Input::JsApiList, 52017),
        ("type", json!("0"), Input::Type, 52022),
        ("type", json!(2), Input::Type, 52022),
    ] {
        let mut sent = good();
        if value.is_null() {
            sent.as_object_mut().unwrap().remove(field);
        } else {
            sent[field] = value;
        }
        let diagnosis = Doctor::new(&ticket).diagnose(&sent, PAGE);
        assert_eq!(diagnosis.findings[0].input, input, "{field}: {diagnosis}");
        assert_eq!(diagnosis.dd_error, Some(code), "{field}: {diagnosis}");
    }
}

#[test]
fn a_misnamed_field_is_named_and_its_value_still_used() {
    let ticket = Secret::from(TICKET);
    for (right, wrong) in
        [("nonceStr", "noncestr"), ("timeStamp", "timestamp"), ("corpId", "corp_id")]
    {
        let mut sent = good();
        let value = sent.as_object_mut().unwrap().remove(right).unwrap();
        sent[wrong] = value;
        let diagnosis = Doctor::new(&ticket).diagnose(&sent, PAGE);
        assert!(diagnosis.signature_matches, "{diagnosis}");
        assert!(diagnosis.findings[0].what.contains(wrong), "{diagnosis}");
        assert!(diagnosis.dd_error.is_some());
    }
}

#[test]
fn a_timestamp_as_a_number_is_doubted_but_not_blamed() {
    let mut sent = good();
    sent["timeStamp"] = json!(1_700_000_000_000_i64);
    let diagnosis = Doctor::new(&Secret::from(TICKET)).diagnose(&sent, PAGE);
    assert!(diagnosis.signature_matches);
    assert_eq!(diagnosis.findings[0].input, Input::Timestamp);
    assert_eq!(diagnosis.findings[0].certainty, Certainty::Suspected);
    assert_eq!(diagnosis.dd_error, None);
}

#[test]
fn what_is_no_object_or_no_url_is_said_to_be_none() {
    let ticket = Secret::from(TICKET);
    let diagnosis = Doctor::new(&ticket).diagnose(&json!([1]), PAGE);
    assert_eq!(diagnosis.findings[0].input, Input::Object);
    let diagnosis = Doctor::new(&ticket).diagnose(&good(), "/only/a/path");
    assert_eq!(diagnosis.dd_error, Some(52014), "{diagnosis}");
    let diagnosis = Doctor::new(&Secret::default()).diagnose(&good(), PAGE);
    assert_eq!(diagnosis.findings[0].input, Input::Ticket, "{diagnosis}");
}

#[test]
fn a_text_too_long_to_be_signed_over_and_over_is_not_searched() {
    let long = format!("{PAGE}{}", "a".repeat(10_000));
    let ticket = Secret::from(TICKET);
    let sent = sent(&"0".repeat(64));
    for diagnosis in [
        Doctor::new(&ticket).diagnose(&sent, &long),
        Doctor::new(&ticket).entry_url(&long).diagnose(&sent, PAGE),
    ] {
        assert_eq!(diagnosis.findings.len(), 1, "{diagnosis}");
        assert!(diagnosis.findings[0].what.contains("too long"), "{diagnosis}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn no_input_makes_the_doctor_panic(
        href in prop_oneof![any::<String>(), "[a-z]{0,3}://[a:0-9]{0,4}[/%?#+A-f中]{0,16}"],
        nonce in any::<String>(),
        timestamp in prop_oneof![any::<String>(), any::<i64>().prop_map(|t| t.to_string())],
        signature in "[0-9a-fA-F]{39,65}",
    ) {
        let mut sent = sent(&signature);
        sent["nonceStr"] = json!(nonce);
        sent["timeStamp"] = json!(timestamp);
        let diagnosis = Doctor::new(&Secret::from("t")).diagnose(&sent, &href);
        prop_assert!(!diagnosis.signature_matches);
    }
}
