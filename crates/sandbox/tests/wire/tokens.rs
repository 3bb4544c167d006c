//! App tokens and the sign-on of the admin backend (wire-facts §2, §3).

use std::time::Duration;

use dingtalk_sandbox::{App, Switch};

use crate::support::{
    app_token, builder, get, plain_token, sandbox, send, suite_corp_token, token_of, topapi, v1,
};

const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn gettoken_answers_in_the_old_order_with_the_old_headers() {
    let sandbox = sandbox();
    let demo = sandbox.demo();
    let answer = get(
        &sandbox,
        &format!("/gettoken?appkey={}&appsecret={}", demo.client_id, demo.client_secret),
    );
    assert_eq!(answer.status, 200);
    assert_eq!(answer.keys(), "errcode access_token errmsg expires_in");
    assert_eq!(answer.json["errcode"], 0);
    assert_eq!(answer.json["expires_in"], 7200);
    assert!(answer.str("/access_token").starts_with("5ab0c5"));
    assert_eq!(answer.str("/access_token").len(), 32);
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("server"), "DingTalk/1.0.0");
    assert_eq!(answer.header("x-acs-request-id"), "");
}

#[test]
fn gettoken_reads_the_query_only_and_names_each_mistake() {
    let sandbox = sandbox();
    let demo = sandbox.demo();
    let form = format!("appkey={}&appsecret={}", demo.client_id, demo.client_secret);
    let in_form = send(
        &sandbox,
        "GET",
        "/gettoken",
        &[("content-type", "application/x-www-form-urlencoded")],
        form.as_bytes(),
    );
    assert_eq!(in_form.text, r#"{"errcode":40035,"errmsg":"缺少参数 corpid or appkey"}"#);
    let bad = get(&sandbox, &format!("/gettoken?appkey={}&appsecret=no", demo.client_id));
    assert_eq!(bad.text, r#"{"errcode":40096,"errmsg":"不合法的appKey或appSecret"}"#);
    let historic = get(&sandbox, &format!("/gettoken?corpid={}&corpsecret=no", demo.corp_id));
    assert_eq!(historic.text, r#"{"errcode":40089,"errmsg":"不合法的corpId或corpSecret"}"#);
    assert_eq!(get(&sandbox, "/gettoken?appkey=x").errcode(), 40035);
    assert_eq!(send(&sandbox, "POST", &format!("/gettoken?{form}"), &[], b"").errcode(), 43001);
}

#[test]
fn access_token_puts_the_life_first_and_carries_the_v1_headers() {
    let sandbox = sandbox();
    let demo = sandbox.demo();
    let body = format!(r#"{{"appKey":"{}","appSecret":"{}"}}"#, demo.client_id, demo.client_secret);
    let answer = v1(&sandbox, "POST", "/v1.0/oauth2/accessToken", "", &body);
    assert_eq!((answer.status, answer.keys().as_str()), (200, "expireIn accessToken"));
    assert_eq!(answer.json["expireIn"], 7200);
    assert_eq!(answer.header("content-type"), "application/json;charset=utf-8");
    assert_eq!(answer.header("x-acs-request-id").len(), 36);
    assert_eq!(answer.header("x-acs-trace-id").len(), 32);
    assert_eq!(answer.header("access-control-allow-origin"), "*");
}

#[test]
fn a_wrong_pair_at_access_token_is_a_business_error_whose_id_is_the_headers() {
    let sandbox = sandbox();
    let body = r#"{"appKey":"nobody","appSecret":"no"}"#;
    let answer = v1(&sandbox, "POST", "/v1.0/oauth2/accessToken", "", body);
    assert_eq!(answer.code(), "400 invalidClientIdOrSecret");
    assert_eq!(answer.keys(), "requestid code message");
    assert_eq!(answer.str("/message"), "无效的clientId或者clientSecret");
    assert_eq!(answer.str("/requestid"), answer.header("x-acs-request-id"));
}

#[test]
fn every_token_endpoint_names_the_field_that_is_missing() {
    let sandbox = sandbox();
    for (path, fields) in [
        ("accessToken", &["appKey", "appSecret"][..]),
        ("userAccessToken", &["clientId", "clientSecret", "grantType"]),
        ("corpAccessToken", &["suiteKey", "suiteSecret", "authCorpId", "suiteTicket"]),
        ("suiteAccessToken", &["suiteKey", "suiteSecret", "suiteTicket"]),
        ("ssoAccessToken", &["corpid", "ssoSecret"]),
        ("dingx/token", &["client_id", "client_secret", "grant_type"]),
    ] {
        for (at, missing) in fields.iter().enumerate() {
            let given: Vec<String> =
                fields[..at].iter().map(|name| format!("\"{name}\":\"x\"")).collect();
            let body = format!("{{{}}}", given.join(","));
            let answer = v1(&sandbox, "POST", &format!("/v1.0/oauth2/{path}"), "", &body);
            assert_eq!(answer.code(), format!("400 Missing{missing}"), "{path}");
            assert_eq!(answer.str("/message"), format!("{missing} is mandatory for this action."));
            assert_eq!(answer.keys(), "code requestid message");
        }
    }
}

#[test]
fn a_form_or_nothing_or_garbage_is_a_missing_body() {
    let sandbox = sandbox();
    let form = &[("content-type", "application/x-www-form-urlencoded")][..];
    let json = &[("content-type", "application/json")][..];
    for (headers, body) in
        [(form, "appKey=a&appSecret=b"), (json, ""), (json, "{"), (json, "[]"), (&[], "{}")]
    {
        let answer = send(&sandbox, "POST", "/v1.0/oauth2/accessToken", headers, body.as_bytes());
        assert_eq!(answer.code(), "400 Missingbody", "{body}");
        assert_eq!(answer.str("/message"), "body is mandatory for this action.");
    }
}

#[test]
fn asking_again_gives_the_same_token_and_restarts_its_life() {
    let sandbox = sandbox();
    let demo = sandbox.demo();
    let first = app_token(&sandbox);
    sandbox.clock().advance(HOUR);
    let old = get(
        &sandbox,
        &format!("/gettoken?appkey={}&appsecret={}", demo.client_id, demo.client_secret),
    );
    assert_eq!(old.str("/access_token"), first, "one token for both families");
    sandbox.clock().advance(HOUR + HOUR / 2);
    assert_eq!(
        topapi(&sandbox, "v2/department/listsub", &first, "{}").errcode(),
        0,
        "alive 2.5 hours after its birth"
    );
    sandbox.clock().advance(HOUR / 2);
    assert_eq!(
        topapi(&sandbox, "v2/department/listsub", &first, "{}").code(),
        "88/40014",
        "2 hours after the renewal"
    );
    assert_ne!(app_token(&sandbox), first);
}

#[test]
fn the_newest_endpoint_is_snake_case_and_shares_the_internal_token() {
    let sandbox = sandbox();
    let demo = sandbox.demo();
    let ask = |corp: &str, secret: &str, grant: &str| {
        let body = format!(
            r#"{{"client_id":"{}","client_secret":"{secret}","grant_type":"{grant}"}}"#,
            demo.client_id
        );
        v1(&sandbox, "POST", &format!("/v1.0/oauth2/{corp}/token"), "", &body)
    };
    let answer = ask(&demo.corp_id, &demo.client_secret, "client_credentials");
    assert_eq!((answer.status, answer.keys().as_str()), (200, "access_token expires_in"));
    assert_eq!(answer.str("/access_token"), app_token(&sandbox));
    assert_eq!(ask(&demo.corp_id, "no", "client_credentials").code(), "400 invalid.client");
    assert_eq!(
        ask(&demo.corp_id, &demo.client_secret, "password").code(),
        "400 unsupported.grant.type"
    );
    let nowhere = ask("dingnowhere", "no", "client_credentials");
    assert_eq!(
        (nowhere.code().as_str(), nowhere.str("/message")),
        ("500 unknownError", "未知错误")
    );
}

#[test]
fn an_app_that_the_organization_has_not_opened_is_unauthorized_with_a_switchable_status() {
    let sandbox = builder()
        .app(App::third_party("suiteother", "s").suite_ticket("t").corp("dingelsewhere"))
        .in_process();
    let corp = sandbox.demo().corp_id;
    let body =
        r#"{"client_id":"suiteother","client_secret":"s","grant_type":"client_credentials"}"#;
    let uri = format!("/v1.0/oauth2/{corp}/token");
    assert_eq!(v1(&sandbox, "POST", &uri, "", body).code(), "401 unauthorized.client");
    sandbox.set_switch(&Switch::UnauthorizedClientStatus(400));
    assert_eq!(v1(&sandbox, "POST", &uri, "", body).code(), "400 unauthorized.client");
    let body = format!(
        r#"{{"suiteKey":"suiteother","suiteSecret":"s","authCorpId":"{corp}","suiteTicket":"t"}}"#
    );
    assert_eq!(
        v1(&sandbox, "POST", "/v1.0/oauth2/corpAccessToken", "", &body).code(),
        "400 invalidAuthInfo"
    );
}

#[test]
fn a_corporation_token_is_new_each_time_and_the_earlier_ones_live_on() {
    let sandbox = sandbox();
    let (first, second) = (suite_corp_token(&sandbox), suite_corp_token(&sandbox));
    assert_ne!(first, second);
    assert_eq!(topapi(&sandbox, "v2/department/listsub", &first, "{}").errcode(), 0);
    sandbox.set_switch(&Switch::CorpTokenInvalidates(true));
    let third = suite_corp_token(&sandbox);
    assert_eq!(topapi(&sandbox, "v2/department/listsub", &first, "{}").code(), "88/40014");
    assert_eq!(topapi(&sandbox, "v2/department/listsub", &third, "{}").errcode(), 0);
}

#[test]
fn suite_keys_and_tickets_are_checked_in_each_endpoints_words() {
    let sandbox =
        builder().app(App::custom("customkey", "c").opened_by("dingcustomer")).in_process();
    let demo = sandbox.demo();
    let ask = |path: &str, key: &str, secret: &str, ticket: &str| {
        let body = format!(
            r#"{{"suiteKey":"{key}","suiteSecret":"{secret}","authCorpId":"{}","suiteTicket":"{ticket}"}}"#,
            demo.corp_id
        );
        v1(&sandbox, "POST", &format!("/v1.0/oauth2/{path}"), "", &body)
    };
    let (key, secret, ticket) = (&demo.suite_key, &demo.suite_secret, &demo.suite_ticket);
    assert_eq!(ask("corpAccessToken", key, secret, ticket).keys(), "accessToken expireIn");
    assert_eq!(ask("corpAccessToken", "no", secret, ticket).code(), "400 invalidSuiteKey");
    assert_eq!(ask("corpAccessToken", key, secret, "old").code(), "400 invalidSuiteTicket");
    assert_eq!(ask("corpAccessToken", "customkey", "c", "anything").status, 200);
    assert_eq!(ask("suiteAccessToken", key, secret, ticket).keys(), "accessToken expireIn");
    assert_eq!(ask("suiteAccessToken", key, secret, "old").code(), "400 invalidSuiteTicket");
    let wrong = ask("suiteAccessToken", key, "no", ticket);
    assert_eq!(
        (wrong.code().as_str(), wrong.str("/message")),
        ("400 invalidClientIdOrSecret", "clientId或者clientSecret错误")
    );
}

#[test]
fn the_admin_backends_sign_on_has_its_own_tokens_codes_and_life() {
    let sandbox = sandbox();
    let demo = sandbox.demo();
    let ask = |secret: &str| {
        let body = format!(r#"{{"corpid":"{}","ssoSecret":"{secret}"}}"#, demo.corp_id);
        v1(&sandbox, "POST", "/v1.0/oauth2/ssoAccessToken", "", &body)
    };
    assert_eq!(ask("no").code(), "400 invalidClientIdOrSecret");
    let answer = ask(&demo.sso_secret);
    assert_eq!(
        (answer.keys().as_str(), answer.json["expireIn"].as_i64()),
        ("accessToken expireIn", Some(3600))
    );
    let token = answer.str("/accessToken");
    let info = |token: &str, code: &str| {
        v1(&sandbox, "GET", &format!("/v1.0/oauth2/ssoUserInfo?code={code}"), token, "")
    };
    let code = sandbox.sso_code(&demo.user_id).expect("the administrator may log in");
    assert_eq!(info("", &code).code(), "400 AuthenticationFailed.MissingParameter");
    assert_eq!(info(&app_token(&sandbox), &code).code(), "400 invalidToken");
    let silent =
        sandbox.silent_code(&demo.client_id, &demo.user_id).expect("the administrator may log in");
    assert_eq!(info(token, &silent).code(), "400 invalidCode");
    let answer = info(token, &code);
    assert_eq!(answer.keys(), "corpId corpName userId email userName avatar isAdmin");
    assert_eq!(answer.json["isAdmin"], true);
    assert_eq!(info(token, &code).code(), "400 invalidCode", "single use");
    sandbox.clock().advance(HOUR);
    let code = sandbox.sso_code(&demo.user_id).expect("the administrator may log in");
    assert_eq!(info(token, &code).code(), "400 invalidToken");
}

#[test]
fn the_old_sign_on_of_the_admin_backend_answers_in_family_a() {
    let sandbox = sandbox();
    let demo = sandbox.demo();
    assert_eq!(get(&sandbox, "/sso/gettoken").errcode(), 41002);
    assert_eq!(get(&sandbox, &format!("/sso/gettoken?corpid={}", demo.corp_id)).errcode(), 41004);
    assert_eq!(
        get(&sandbox, &format!("/sso/gettoken?corpid={}&corpsecret=no", demo.corp_id)).errcode(),
        40089
    );
    let token = get(
        &sandbox,
        &format!("/sso/gettoken?corpid={}&corpsecret={}", demo.corp_id, demo.sso_secret),
    );
    let token = token.str("/access_token").to_owned();
    let code = sandbox.sso_code(&demo.user_id).expect("the administrator may log in");
    assert_eq!(
        get(&sandbox, &format!("/sso/getuserinfo?access_token={token}&code=no")).errcode(),
        41007
    );
    assert_eq!(get(&sandbox, &format!("/sso/getuserinfo?code={code}")).errcode(), 41001);
    let answer = get(&sandbox, &format!("/sso/getuserinfo?access_token={token}&code={code}"));
    assert_eq!(
        answer.keys(),
        "errcode errmsg user_info user_info.avatar user_info.email user_info.name user_info.userid is_sys corp_info \
         corp_info.corp_name corp_info.corpid"
    );
}

#[test]
fn a_token_can_be_dropped_and_so_can_all_and_so_can_an_app() {
    let sandbox = sandbox();
    let demo = sandbox.demo();
    let (token, other) = (app_token(&sandbox), plain_token(&sandbox));
    assert!(sandbox.revoke_token(&token));
    assert!(!sandbox.revoke_token(&token));
    assert_eq!(topapi(&sandbox, "v2/department/listsub", &token, "{}").code(), "88/40014");
    let again = app_token(&sandbox);
    assert_ne!(again, token);
    assert_eq!(sandbox.revoke_all_tokens(), 2);
    assert_eq!(get(&sandbox, &format!("/auth/scopes?access_token={other}")).errcode(), 40014);
    assert!(sandbox.set_dead_client(&demo.client_id, true));
    let body = format!(r#"{{"appKey":"{}","appSecret":"{}"}}"#, demo.client_id, demo.client_secret);
    assert_eq!(
        v1(&sandbox, "POST", "/v1.0/oauth2/accessToken", "", &body).code(),
        "400 invalidClientIdOrSecret"
    );
    assert!(sandbox.set_dead_client(&demo.client_id, false));
    assert!(!token_of(&sandbox, &demo.client_id, &demo.client_secret).is_empty());
}

#[test]
fn all_requests_for_tokens_are_counted_at_every_endpoint() {
    let sandbox = sandbox();
    let _ = (app_token(&sandbox), suite_corp_token(&sandbox));
    let _ = get(&sandbox, "/gettoken");
    let _ = get(&sandbox, "/sso/gettoken");
    let _ = get(&sandbox, "/auth/scopes");
    assert_eq!(sandbox.token_requests(), 4);
    assert_eq!(sandbox.count("POST /v1.0/oauth2/accessToken"), 1);
    assert_eq!(sandbox.count("GET /gettoken"), 1);
}
