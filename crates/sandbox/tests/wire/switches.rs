//! Every switch changes what it says and leaves all other answers alone.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use dingtalk_sandbox::{Sandbox, Switch};
use serde_json::{Value, json};

use crate::control::steer;
use crate::examples::{example, operations};
use crate::support::{
    app_token, exchange, get, oauth_code, plain_token, sandbox, send, suite_corp_token, topapi, v1,
};

/// A value that is not the default, and the operations whose successful first answer it changes.
fn other(name: &str) -> (Value, &'static [&'static str]) {
    const TOPAPI: &[&str] = &["topapi"];
    const PAGES: &[&str] = &["page"];
    const NONE: &[&str] = &[];
    match name {
        "strictPost"
        | "avatarAbsent"
        | "corpTokenInvalidates"
        | "tokenInJsonBody"
        | "stoppedAppWorks"
        | "consentRecordUnwritable" => (true.into(), NONE),
        "banPageIsHtml" | "detailUrlRequired" | "corpIdTokenRenews" | "strictHosts"
        | "regionsApart" => (false.into(), NONE),
        "printedForm" => (true.into(), TOPAPI),
        "refresh" => ("samePair".into(), NONE),
        "unknownUser" => ("33012".into(), NONE),
        "callback" => ("authCodeOnly".into(), &["POST /oauth2/auth"]),
        "language" => ("english".into(), PAGES),
        "unauthorizedClientStatus" => (400.into(), NONE),
        "jsapiHash" => ("sha256Only".into(), NONE),
        "appRateLimit" | "apiRateLimit" | "addressLimit" | "monthlyQuota" | "appMinuteLimit"
        | "suiteRateLimit" | "suiteMinuteLimit" => (1000.into(), NONE),
        "retryAfter" => (7.into(), NONE),
        "oauthCodeLifeMs" => (1000.into(), NONE),
        other => panic!("say what switch {other} changes"),
    }
}

/// Every operation's first answer in a sandbox of its own with this switch; what differs from run to run is left out.
fn answers(rows: &[Value], switch: &Value) -> BTreeMap<String, String> {
    rows.iter()
        .map(|row| {
            let sandbox = sandbox();
            assert_eq!(steer(&sandbox, "PUT", "/switches", switch).0, 200);
            let name = row["operation"].as_str().expect("a name").to_owned();
            let answer = example(&sandbox, &name).send(&sandbox);
            let mut text = format!("{} {:?} {}", answer.status, answer.headers, answer.text);
            if let Some((before, after)) = text.split_once("127.0.0.1:") {
                let port = after.find(|char: char| !char.is_ascii_digit()).unwrap_or(0);
                text = format!("{before}{}", &after[port..]);
            }
            (name, text)
        })
        .collect()
}

#[test]
fn a_switch_leaves_every_answer_alone_that_it_does_not_speak_of() {
    let rows = operations(&sandbox());
    // Pages name their family, so that "all topapi" and "all pages" need no list.
    let family = |name: &str| {
        let row = rows.iter().find(|row| row["operation"] == name).expect("known");
        row["family"].as_str().expect("text").to_owned()
    };
    let usual = answers(&rows, &json!({}));
    assert_eq!(usual, answers(&rows, &json!({})), "a seed repeats everything");
    let (_, told) = steer(&sandbox(), "GET", "/fidelity", &Value::Null);
    let switches = told["switches"].as_array().expect("a list");
    assert!(switches.len() > 20);
    // Those that change no first answer are set all at once, the others one by one.
    let mut quiet = json!({});
    for switch in switches {
        let name = switch["name"].as_str().expect("text");
        let (value, wanted) = other(name);
        assert_ne!(value, switch["default"], "{name}");
        if wanted.is_empty() {
            quiet[name] = value;
            continue;
        }
        let changed = answers(&rows, &json!({ name: value }));
        let expected: BTreeSet<&str> = usual
            .keys()
            .map(String::as_str)
            .filter(|operation| {
                // The login's form is answered with a callback, Stream with a socket: neither has a language.
                let mute = ["POST /oauth2/auth", "GET /connect"];
                let page = family(operation) == "page" && !mute.contains(operation);
                wanted.contains(operation)
                    || wanted.contains(&"topapi") && family(operation) == "topapi"
                    || wanted.contains(&"page") && page
            })
            .collect();
        assert_eq!(differing(&usual, &changed), expected, "{name}");
    }
    assert_eq!(differing(&usual, &answers(&rows, &quiet)), BTreeSet::new(), "{quiet}");
}

fn differing<'a>(
    one: &'a BTreeMap<String, String>,
    other: &BTreeMap<String, String>,
) -> BTreeSet<&'a str> {
    let changed = one.iter().filter(|(operation, text)| other[*operation] != **text);
    changed.map(|(operation, _)| operation.as_str()).collect()
}

#[test]
fn a_suite_may_call_one_api_for_one_organization_so_often() {
    let sandbox = sandbox();
    sandbox.set_switch(&Switch::SuiteRateLimit(Some(1)));
    let (suite, own) = (suite_corp_token(&sandbox), app_token(&sandbox));
    let top = |token: &str| topapi(&sandbox, "v2/department/listsub", token, "{}").code();
    assert_eq!([top(&suite), top(&suite)], ["0", "88/90009"]);
    assert_eq!([top(&own), top(&own)], ["0", "0"], "only vendors' apps are counted so");
    let info = |corp: &str| {
        let uri = format!("/v1.0/oauth2/apps/authInfo?authCorpId={corp}");
        v1(&sandbox, "GET", &uri, &suite, "").code()
    };
    let corp = sandbox.demo().corp_id;
    assert_eq!(
        [info(&corp), info(&corp)],
        ["200 without code", "403 Forbidden.AccessDenied.QpsLimitForSuitekeyAndOrgAndApi"]
    );
    sandbox.add_company("dingother", "Other");
    sandbox.authorize(&sandbox.demo().suite_key, "dingother").expect("both exist");
    let demo = sandbox.demo();
    let body = json!({
        "suiteKey": demo.suite_key,
        "suiteSecret": demo.suite_secret,
        "authCorpId": "dingother",
        "suiteTicket": sandbox.suite_ticket(&demo.suite_key),
    });
    let other = v1(&sandbox, "POST", "/v1.0/oauth2/corpAccessToken", "", &body.to_string());
    assert_eq!(top(other.str("/accessToken")), "0", "another organization has its own count");
    sandbox.clock().advance(Duration::from_secs(1));
    assert_eq!(top(&suite), "0");
}

#[test]
fn a_minutes_calls_are_counted_by_the_minute() {
    let sandbox = sandbox();
    sandbox.set_switch(&Switch::AppMinuteLimit(Some(2)));
    sandbox.set_switch(&Switch::SuiteMinuteLimit(Some(1)));
    let (own, suite) = (app_token(&sandbox), suite_corp_token(&sandbox));
    let ticket = |token: &str| v1(&sandbox, "POST", "/v1.0/oauth2/jsapiTickets", token, "").code();
    let fine = "200 without code";
    let app = "403 Forbidden.AccessDenied.QpmLimitForAppkeyAndApi";
    assert_eq!([ticket(&own), ticket(&own), ticket(&own)], [fine, fine, app]);
    let vendor = "403 Forbidden.AccessDenied.QpmLimitForSuitekeyAndOrgAndApi";
    assert_eq!([ticket(&suite), ticket(&suite)], [fine, vendor]);
    sandbox.clock().advance(Duration::from_secs(1));
    assert_eq!(ticket(&own), app, "a second is not enough");
    sandbox.clock().advance(Duration::from_secs(60));
    assert_eq!([ticket(&own), ticket(&suite)], [fine, fine]);
}

#[test]
fn throttled_answers_and_no_others_may_carry_retry_after() {
    let sandbox = sandbox();
    let (token, plain) = (app_token(&sandbox), plain_token(&sandbox));
    sandbox.set_switch(&Switch::ApiRateLimit(Some(1)));
    let ask = || topapi(&sandbox, "v2/department/listsub", &token, "{}");
    assert_eq!((ask().code().as_str(), ask().header("retry-after")), ("0", ""));
    sandbox.set_switch(&Switch::RetryAfter(Some(3)));
    let throttled = ask();
    assert_eq!((throttled.code().as_str(), throttled.header("retry-after")), ("88/90002", "3"));
    let refused = topapi(&sandbox, "v2/user/get", &plain, "{}");
    assert_eq!((refused.code().as_str(), refused.header("retry-after")), ("88/60011", ""));
    sandbox.clock().advance(Duration::from_secs(1));
    assert_eq!(ask().header("retry-after"), "");
}

#[test]
fn an_oauth_code_lives_as_long_as_the_switch_says_and_the_other_codes_five_minutes() {
    let spent = |life: u64, wait: u64| {
        let sandbox = sandbox();
        sandbox.set_switch(&Switch::OauthCodeLife(Duration::from_secs(life)));
        let code = oauth_code(&sandbox, "openid");
        let demo = sandbox.demo();
        let silent = sandbox.silent_code(&demo.client_id, &demo.user_id).expect("a code");
        sandbox.clock().advance(Duration::from_secs(wait));
        let body = json!({ "code": silent }).to_string();
        let info = topapi(&sandbox, "v2/user/getuserinfo", &app_token(&sandbox), &body);
        (exchange(&sandbox, &code).status, info.errcode())
    };
    assert_eq!([spent(10, 9), spent(10, 10)], [(200, 0), (400, 0)]);
    assert_eq!([spent(900, 899), spent(900, 900)], [(200, 40078), (400, 40078)]);
    let sandbox = sandbox();
    sandbox.set_switch(&Switch::OauthCodeLife(Duration::from_secs(10)));
    let ask = json!({ "kind": "oauth", "userId": sandbox.demo().user_id });
    let (_, told) = steer(&sandbox, "POST", "/codes", &ask);
    assert_eq!(told["expiresAt"], sandbox.clock().now() + 10_000);
}

#[test]
fn the_newest_token_endpoint_renews_or_gives_a_new_one() {
    let sandbox = sandbox();
    let ask = || example(&sandbox, "POST /v1.0/oauth2/{corpId}/token").send(&sandbox);
    assert_eq!(ask().str("/access_token"), ask().str("/access_token"));
    sandbox.set_switch(&Switch::CorpIdTokenRenews(false));
    let (first, second) = (ask(), ask());
    assert_ne!(first.str("/access_token"), second.str("/access_token"));
    let alive =
        |token: &str| get(&sandbox, &format!("/auth/scopes?access_token={token}")).errcode();
    assert_eq!((alive(first.str("/access_token")), alive(second.str("/access_token"))), (0, 0));
}

#[test]
fn a_token_in_a_json_body_is_read_only_if_the_switch_says_so() {
    let sandbox = sandbox();
    let body = json!({ "access_token": app_token(&sandbox), "userid": sandbox.demo().user_id });
    let ask = |sandbox: &Sandbox| {
        let json = [("content-type", "application/json")];
        let body = body.to_string();
        send(sandbox, "POST", "/topapi/v2/user/get", &json, body.as_bytes()).code()
    };
    assert_eq!(ask(&sandbox), "88/40000");
    sandbox.set_switch(&Switch::TokenInJsonBody(true));
    assert_eq!(ask(&sandbox), "0");
}
