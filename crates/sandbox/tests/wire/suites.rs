//! Third-party apps: signed calls, organizations that open and leave them, tickets (wire-facts §3).

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dingtalk_sandbox::{App, Person, Sandbox};
use hmac::{Hmac, KeyInit as _, Mac as _};

use crate::support::{
    Answer, START, app_token, builder, get, sandbox, send, suite_corp_token, topapi, v1,
};

const OTHER: &str = "dingother";

pub(crate) fn signed_query(
    key: &str,
    secret: &str,
    timestamp: &str,
    ticket: Option<&str>,
) -> String {
    let mut hmac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).expect("any length");
    let text =
        ticket.map_or_else(|| timestamp.to_owned(), |ticket| format!("{timestamp}\n{ticket}"));
    hmac.update(text.as_bytes());
    let signature = STANDARD.encode(hmac.finalize().into_bytes());
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("accessKey", key).append_pair("timestamp", timestamp);
    if let Some(ticket) = ticket {
        query.append_pair("suiteTicket", ticket);
    }
    query.append_pair("signature", &signature).finish()
}

fn post(sandbox: &Sandbox, uri: &str, body: &str) -> Answer {
    send(sandbox, "POST", uri, &[("content-type", "application/json")], body.as_bytes())
}

/// A signed service call of the demo's suite, at the sandbox's present moment.
fn service(sandbox: &Sandbox, path: &str, body: &str) -> Answer {
    let demo = sandbox.demo();
    let ticket = sandbox.suite_ticket(&demo.suite_key).expect("a suite");
    let now = sandbox.clock().now().to_string();
    let query = signed_query(&demo.suite_key, &demo.suite_secret, &now, Some(&ticket));
    post(sandbox, &format!("/service/{path}?{query}"), body)
}

fn auth_corp(corp: &str) -> String {
    format!(r#"{{"auth_corpid":"{corp}"}}"#)
}

#[test]
fn a_signed_call_gives_a_new_corporation_token_each_time() {
    let sandbox = sandbox();
    let body = auth_corp(&sandbox.demo().corp_id);
    let first = service(&sandbox, "get_corp_token", &body);
    assert_eq!(first.keys(), "errcode access_token errmsg expires_in");
    let second = service(&sandbox, "get_corp_token", &body);
    assert_ne!(first.str("/access_token"), second.str("/access_token"));
    for answer in [&first, &second] {
        let list = topapi(&sandbox, "v2/department/listsub", answer.str("/access_token"), "{}");
        assert_eq!(list.errcode(), 0);
    }
}

#[test]
fn each_mistake_of_a_signed_call_has_its_own_errcode() {
    let sandbox = sandbox();
    let demo = sandbox.demo();
    let (key, secret, ticket) = (&demo.suite_key, &demo.suite_secret, &demo.suite_ticket);
    let ask = |key: &str, secret: &str, timestamp: &str, ticket: Option<&str>| {
        let query = signed_query(key, secret, timestamp, ticket);
        let uri = format!("/service/get_corp_token?{query}");
        post(&sandbox, &uri, &auth_corp(&demo.corp_id)).errcode()
    };
    let now = START.to_string();
    assert_eq!(ask(key, secret, &now, Some(ticket)), 0);
    assert_eq!(ask(key, secret, "1700000000", Some(ticket)), 853_001);
    assert_eq!(ask(key, secret, "", Some(ticket)), 853_001);
    assert_eq!(ask(key, secret, &(START + 60_000).to_string(), Some(ticket)), 0);
    assert_eq!(ask(key, secret, &(START + 60_001).to_string(), Some(ticket)), 853_002);
    assert_eq!(ask(key, secret, &(START - 60_001).to_string(), Some(ticket)), 853_002);
    assert_eq!(ask("nobody", secret, &now, Some(ticket)), 853_003);
    assert_eq!(ask(&demo.client_id, &demo.client_secret, &now, Some("x")), 853_003);
    assert_eq!(ask(key, "wrong", &now, Some(ticket)), 853_004);
    assert_eq!(ask(key, secret, &now, Some("old")), 40085);
    assert_eq!(ask(key, secret, &now, None), 41023);
    assert_eq!(service(&sandbox, "get_corp_token", "{}").errcode(), 41027);
    assert_eq!(service(&sandbox, "get_corp_token", "").errcode(), 44002);
    assert_eq!(service(&sandbox, "get_corp_token", "{").errcode(), 47001);
    assert_eq!(service(&sandbox, "get_corp_token", &auth_corp("dingno")).errcode(), 41030);
    let query = signed_query(key, secret, &now, Some(ticket));
    assert_eq!(get(&sandbox, &format!("/service/get_corp_token?{query}")).errcode(), 43002);
}

#[test]
fn a_custom_key_app_signs_with_any_ticket_or_none() {
    let sandbox = builder().app(App::custom("customkey", "c")).in_process();
    let body = auth_corp(&sandbox.demo().corp_id);
    for ticket in [None, Some("anything")] {
        let query = signed_query("customkey", "c", &START.to_string(), ticket);
        assert_eq!(post(&sandbox, &format!("/service/get_corp_token?{query}"), &body).errcode(), 0);
    }
}

#[test]
fn the_old_suite_token_names_what_is_missing_or_wrong() {
    let sandbox = sandbox();
    let demo = sandbox.demo();
    let ask = |key: &str, secret: &str, ticket: &str| {
        let body = format!(
            r#"{{"suite_key":"{key}","suite_secret":"{secret}","suite_ticket":"{ticket}"}}"#
        );
        post(&sandbox, "/service/get_suite_token", &body)
    };
    let (key, secret, ticket) = (&demo.suite_key, &demo.suite_secret, &demo.suite_ticket);
    let good = ask(key, secret, ticket);
    assert_eq!(good.keys(), "errcode errmsg suite_access_token expires_in");
    assert_eq!(ask("", secret, ticket).errcode(), 41021);
    assert_eq!(ask(key, "", ticket).errcode(), 41024);
    assert_eq!(ask(key, secret, "").errcode(), 41023);
    assert_eq!(ask(key, "no", ticket).errcode(), 40088);
    assert_eq!(ask(key, secret, "old").errcode(), 40085);
}

#[test]
fn authorization_and_agent_are_told_per_organization() {
    let sandbox = sandbox();
    let demo = sandbox.demo();
    sandbox.add_company(OTHER, "Other");
    sandbox.add_person_to(OTHER, Person::new("boss", "Boss").admin());
    sandbox.authorize(&demo.suite_key, OTHER).expect("both exist");
    let info = service(&sandbox, "get_auth_info", &auth_corp(OTHER));
    assert_eq!(info.json["auth_corp_info"]["corp_name"], "Other");
    assert_eq!(info.json["auth_user_info"]["userId"], "boss");
    let other = info.json["auth_info"]["agent"][0]["agentid"].as_i64().expect("a number");
    let home = service(&sandbox, "get_auth_info", &auth_corp(&demo.corp_id));
    let home = home.json["auth_info"]["agent"][0]["agentid"].as_i64().expect("a number");
    assert_ne!(home, other);

    let body = format!(
        r#"{{"suite_key":"{}","suite_secret":"{}","suite_ticket":"{}"}}"#,
        demo.suite_key, demo.suite_secret, demo.suite_ticket
    );
    let token = post(&sandbox, "/service/get_suite_token", &body);
    let token = token.str("/suite_access_token").to_owned();
    let agent = |token: &str, id: i64| {
        let body = format!(
            r#"{{"suite_key":"{}","auth_corpid":"{OTHER}","agentid":"{id}"}}"#,
            demo.suite_key
        );
        post(&sandbox, &format!("/service/get_agent?suite_access_token={token}"), &body)
    };
    let answer = agent(&token, other);
    assert_eq!(answer.keys(), "errcode errmsg agentid name logo_url description close");
    assert_eq!((&answer.json["agentid"], &answer.json["close"]), (&other.into(), &1.into()));
    assert!(sandbox.set_app_stopped(&demo.suite_key, OTHER, true));
    assert_eq!(agent(&token, other).json["close"], 0);
    assert_eq!(agent(&token, home).errcode(), 70004);
    assert_eq!(agent(&token, 1).errcode(), 70003);
    assert_eq!(agent("", other).errcode(), 41022);
    assert_eq!(agent("dead", other).errcode(), 42009);
    assert_eq!(agent(&suite_corp_token(&sandbox), other).errcode(), 40082);

    let v1_info = |corp: &str| {
        let uri = format!("/v1.0/oauth2/apps/authInfo?authCorpId={corp}");
        v1(&sandbox, "GET", &uri, &suite_corp_token(&sandbox), "")
    };
    assert_eq!(v1_info(OTHER).json["authAppInfo"]["agentList"][0]["agentId"], other);
    assert_eq!(v1_info("dingno").code(), "400 invalidAuthInfo");
    assert_eq!(v1_info("").code(), "400 MissingauthCorpId");
}

#[test]
fn scan_login_codes_have_a_pool_and_a_signature_of_their_own() {
    let sandbox = sandbox();
    let demo = sandbox.demo();
    let ask = |secret: &str, code: &str| {
        let query = signed_query(&demo.client_id, secret, &START.to_string(), None);
        let uri = format!("/sns/getuserinfo_bycode?{query}");
        post(&sandbox, &uri, &format!(r#"{{"tmp_auth_code":"{code}"}}"#))
    };
    let code = sandbox.sns_code(&demo.client_id, &demo.user_id).expect("may log in");
    assert_eq!(ask("wrong", &code).errcode(), 853_004);
    let answer = ask(&demo.client_secret, &code);
    assert_eq!(answer.str("/user_info/unionid"), demo.union_id);
    assert_eq!(ask(&demo.client_secret, &code).errcode(), 40078, "single use");
    let silent = sandbox.silent_code(&demo.client_id, &demo.user_id).expect("may log in");
    assert_eq!(ask(&demo.client_secret, &silent).errcode(), 40078, "another pool");
    assert_eq!(ask(&demo.client_secret, "").errcode(), 41026);
    let uri = format!("/sns/getuserinfo_bycode?access_token={}", app_token(&sandbox));
    assert_eq!(post(&sandbox, &uri, "{}").code(), "88/40014");
}

#[test]
fn an_organization_that_leaves_takes_its_tokens_with_it() {
    let sandbox = sandbox();
    let demo = sandbox.demo();
    sandbox.add_company(OTHER, "Other");
    sandbox.authorize(&demo.suite_key, OTHER).expect("both exist");
    let home = suite_corp_token(&sandbox);
    let token = service(&sandbox, "get_corp_token", &auth_corp(OTHER));
    let token = token.str("/access_token").to_owned();
    let list = |token: &str| topapi(&sandbox, "v2/department/listsub", token, "{}").code();
    assert_eq!(list(&token), "0");
    assert!(sandbox.revoke_authorization(&demo.suite_key, OTHER));
    assert!(!sandbox.revoke_authorization(&demo.suite_key, OTHER));
    assert_eq!(list(&token), "88/40014");
    assert_eq!(list(&home), "0", "the other organization keeps its own");
    assert_eq!(service(&sandbox, "get_corp_token", &auth_corp(OTHER)).errcode(), 41030);
    assert!(sandbox.change_authorization(&demo.suite_key, OTHER).is_err());
    assert!(sandbox.authorize(&demo.suite_key, "dingno").is_err());
    assert!(sandbox.authorize(&demo.client_id, OTHER).is_err());
}

#[test]
fn a_new_ticket_ends_the_former_one_and_none_comes_without_a_callback() {
    let sandbox = sandbox();
    let demo = sandbox.demo();
    sandbox.clock().advance(Duration::from_secs(6 * 3600));
    sandbox.deliver_due();
    assert_eq!(sandbox.suite_ticket(&demo.suite_key).as_deref(), Some(&*demo.suite_ticket));
    let ticket = sandbox.renew_suite_ticket(&demo.suite_key).expect("a suite");
    let ask = |ticket: &str| {
        let body = format!(
            r#"{{"suiteKey":"{}","suiteSecret":"{}","suiteTicket":"{ticket}"}}"#,
            demo.suite_key, demo.suite_secret
        );
        v1(&sandbox, "POST", "/v1.0/oauth2/suiteAccessToken", "", &body).code()
    };
    assert_eq!(ask(&demo.suite_ticket), "400 invalidSuiteTicket");
    assert_eq!(ask(&ticket), "200 without code");
}
