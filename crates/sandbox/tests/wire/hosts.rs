//! The platform's hosts by name and in front of the path, and the two regions (wire-facts §1.1).

use std::time::Duration;

use dingtalk_sandbox::{Fixture, Region, Sandbox, Switch};
use serde_json::json;

use crate::control::steer;
use crate::support::{
    Answer, app_token, builder, exchange, get, oauth_code, sandbox, send, topapi, user_token, v1,
};

/// A call that names its host as a client does that was pointed here by its resolver.
fn at(sandbox: &Sandbox, host: &str, method: &str, path: &str) -> Answer {
    send(sandbox, method, path, &[("host", host)], b"")
}

fn international() -> Sandbox {
    builder().region(Region::International).in_process()
}

fn get_token(sandbox: &Sandbox) -> String {
    let demo = sandbox.demo();
    format!("/gettoken?appkey={}&appsecret={}", demo.client_id, demo.client_secret)
}

#[test]
fn a_host_called_by_its_name_serves_its_own_families_only() {
    let sandbox = sandbox();
    let old = get_token(&sandbox);
    let unknown = r#"{"errcode":404,"errmsg":"请求的URI地址不存在"}"#;
    assert_eq!(at(&sandbox, "oapi.dingtalk.com", "GET", &old).errcode(), 0);
    assert_eq!(at(&sandbox, "oapi.dingtalk.com", "POST", "/topapi/v2/user/get").errcode(), 88);
    let me = at(&sandbox, "api.dingtalk.com", "GET", "/v1.0/contact/users/me");
    assert_eq!(me.code(), "400 AuthenticationFailed.MissingParameter");
    for path in [old.as_str(), "/topapi/v2/user/get", "/oauth2/auth"] {
        assert_eq!(at(&sandbox, "api.dingtalk.com", "POST", path).text, unknown, "{path}");
    }
    let there = at(&sandbox, "oapi.dingtalk.com", "GET", "/v1.0/contact/users/me");
    assert_eq!((there.status, there.text.as_str()), (200, unknown));
    let page = at(&sandbox, "login.dingtalk.com", "GET", "/oauth2/auth");
    assert!(page.status == 200 && page.header("content-type").starts_with("text/html"));
    let consent = "/dingding/h5-common-authority/auth/index.html";
    assert_eq!(at(&sandbox, "n.dingtalk.com", "GET", consent).status, 200);
    for (host, path) in [
        ("login.dingtalk.com", old.as_str()),
        ("login.dingtalk.com", consent),
        ("n.dingtalk.com", "/oauth2/auth"),
        ("account.dingtalk.com", "/v1.0/contact/users/me"),
        ("open-dev.dingtalk.com", old.as_str()),
    ] {
        assert_eq!(at(&sandbox, host, "GET", path).status, 404, "{host}{path}");
    }
}

#[test]
fn an_address_of_this_machine_and_a_host_in_front_of_the_path_serve_every_family() {
    let sandbox = sandbox();
    let old = get_token(&sandbox);
    for host in ["127.0.0.1:7880", "localhost:7880", "[::1]:7880", "my-laptop:7880"] {
        assert_eq!(at(&sandbox, host, "GET", &old).errcode(), 0, "{host}");
        let me = at(&sandbox, host, "GET", "/v1.0/contact/users/me");
        assert_eq!(me.code(), "400 AuthenticationFailed.MissingParameter", "{host}");
    }
    assert_eq!(get(&sandbox, &format!("/api.dingtalk.com{old}")).errcode(), 0);
    assert_eq!(at(&sandbox, "x", "GET", "/oapi.dingtalk.com/v1.0/contact/users/me").status, 400);
}

#[test]
fn strict_hosts_can_be_switched_off() {
    let sandbox = builder().switch(Switch::StrictHosts(false)).in_process();
    assert_eq!(at(&sandbox, "api.dingtalk.com", "GET", &get_token(&sandbox)).errcode(), 0);
}

#[test]
fn the_absolute_uri_counts_before_the_host_header() {
    let sandbox = sandbox();
    let uri = format!("http://oapi.dingtalk.com{}", get_token(&sandbox));
    assert_eq!(at(&sandbox, "api.dingtalk.com", "GET", &uri).errcode(), 0);
}

#[test]
fn an_app_of_one_region_is_unknown_at_the_other_ones_hosts() {
    for (sandbox, home, abroad) in [
        (sandbox(), "dingtalk.com", "dingtalk.io"),
        (international(), "dingtalk.io", "dingtalk.com"),
    ] {
        let old = get_token(&sandbox);
        let unknown = get(&sandbox, "/gettoken?appkey=nobody&appsecret=x").text;
        assert_eq!(at(&sandbox, &format!("oapi.{home}"), "GET", &old).errcode(), 0);
        assert_eq!(at(&sandbox, &format!("oapi.{abroad}"), "GET", &old).text, unknown);
        assert_eq!(get(&sandbox, &format!("/oapi.{abroad}{old}")).text, unknown, "in front");
        assert_eq!(get(&sandbox, &old).errcode(), 0, "this machine knows both");
    }
}

#[test]
fn a_token_of_one_region_is_dead_at_the_other_ones_hosts() {
    let sandbox = sandbox();
    let demo = sandbox.demo();
    let (token, own) = (app_token(&sandbox), user_token(&sandbox));
    let scopes = format!("/auth/scopes?access_token={token}");
    assert_eq!(at(&sandbox, "oapi.dingtalk.com", "GET", &scopes).errcode(), 0);
    assert_eq!(at(&sandbox, "oapi.dingtalk.io", "GET", &scopes).errcode(), 40014);
    let me = |host: &str| {
        let headers = [("host", host), ("x-acs-dingtalk-access-token", own.as_str())];
        send(&sandbox, "GET", "/v1.0/contact/users/me", &headers, b"").code()
    };
    assert_eq!(me("api.dingtalk.io"), "400 InvalidAuthentication");
    assert_ne!(me("api.dingtalk.com"), "400 InvalidAuthentication");
    let user = format!(r#"{{"userid":"{}"}}"#, demo.user_id);
    assert_eq!(topapi(&sandbox, "v2/user/get", &token, &user).errcode(), 0, "no region named");
}

#[test]
fn a_code_of_one_region_is_worth_nothing_at_the_other_ones_hosts_and_is_not_used_up_there() {
    let sandbox = sandbox();
    let demo = sandbox.demo();
    let code = oauth_code(&sandbox, "openid");
    let body = format!(
        r#"{{"clientId":"{}","clientSecret":"{}","code":"{code}","grantType":"authorization_code"}}"#,
        demo.client_id, demo.client_secret
    );
    let abroad = v1(&sandbox, "POST", "/api.dingtalk.io/v1.0/oauth2/userAccessToken", "", &body);
    assert_eq!(abroad.status, 400);
    assert_eq!(exchange(&sandbox, &code).status, 200);
}

#[test]
fn regions_can_be_switched_together_and_an_organization_can_move() {
    let sandbox = builder().switch(Switch::RegionsApart(false)).in_process();
    let old = get_token(&sandbox);
    assert_eq!(at(&sandbox, "oapi.dingtalk.io", "GET", &old).errcode(), 0);
    sandbox.set_switch(&Switch::RegionsApart(true));
    assert_ne!(at(&sandbox, "oapi.dingtalk.io", "GET", &old).errcode(), 0);
    let moved = steer(&sandbox, "PUT", "/region", &json!({"region":"international"}));
    assert_eq!((moved.0, moved.1["corpId"].as_str()), (200, Some(&*sandbox.demo().corp_id)));
    assert_eq!(at(&sandbox, "oapi.dingtalk.io", "GET", &old).errcode(), 0);
    let unknown = json!({"region":"china","corpId":"ding0"});
    assert_eq!(steer(&sandbox, "PUT", "/region", &unknown).0, 404);
    let other = self::sandbox();
    other.load(&sandbox.snapshot()).unwrap();
    assert_eq!(at(&other, "oapi.dingtalk.io", "GET", &old).errcode(), 0, "a snapshot keeps it");
    assert!(other.set_region(&other.demo().corp_id, Region::China));
    assert_eq!(at(&other, "oapi.dingtalk.com", "GET", &old).errcode(), 0);
    sandbox.reset();
    sandbox.set_switch(&Switch::RegionsApart(true));
    assert_ne!(at(&sandbox, "oapi.dingtalk.io", "GET", &old).errcode(), 0, "and a reset forgets");
}

#[test]
fn a_fixture_names_its_region() {
    let fixture = Fixture::from_toml("region = \"international\"").unwrap();
    let sandbox = builder().fixture(fixture).in_process();
    assert_eq!(at(&sandbox, "oapi.dingtalk.io", "GET", &get_token(&sandbox)).errcode(), 0);
    assert!(Fixture::from_toml("region = \"mars\"").is_err_and(|error| error.line == Some(1)));
}

#[test]
fn the_journal_shows_the_host_and_a_gate_holds_what_the_host_serves() {
    let sandbox = sandbox();
    let hosts = || -> Vec<Option<String>> {
        sandbox.journal().entries().into_iter().map(|entry| entry.host).collect()
    };
    let _ = get(&sandbox, "/gettoken");
    let _ = at(&sandbox, "API.dingtalk.com:443", "GET", "/v1.0/x");
    let _ = get(&sandbox, "/oapi.dingtalk.io/gettoken");
    let _ = at(&sandbox, "127.0.0.1:7880", "GET", "/gettoken");
    let secret = app_token(&sandbox);
    let _ = at(&sandbox, &secret, "GET", "/gettoken");
    let seen = hosts();
    assert_eq!(seen[0], None);
    let named: Vec<&str> = seen[1..4].iter().flatten().map(String::as_str).collect();
    assert_eq!(named, ["api.dingtalk.com", "oapi.dingtalk.io", "127.0.0.1:7880"]);
    assert!(!format!("{seen:?}").contains(&secret), "a token in the wrong place is no less one");
    let (_, told) = steer(&sandbox, "GET", "/journal", &json!(null));
    assert_eq!(told["entries"][1]["host"], "api.dingtalk.com");
    let before = sandbox.count("unknown");
    let gate = sandbox.gate("GET /gettoken");
    std::thread::scope(|scope| {
        scope.spawn(|| at(&sandbox, "api.dingtalk.com", "GET", "/gettoken"));
        let passed = sandbox.journal().wait_for("unknown", before + 1, Duration::from_secs(20));
        let arrivals = gate.arrivals();
        drop(gate);
        assert_eq!((passed, arrivals), (true, 0), "api has no such call");
    });
}
