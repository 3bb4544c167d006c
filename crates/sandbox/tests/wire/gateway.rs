//! What the gateways refuse, in each family's words (wire-facts §1.3, §1.6, §11, §12).

use std::time::Duration;

use dingtalk_sandbox::{Language, Switch};

use crate::support::{Answer, app_token, get, plain_token, sandbox, send, topapi, user_token, v1};

const USER_GET: &str = "/topapi/v2/user/get";
const USERID: &[u8] = br#"{"userid":"manager01"}"#;
const JSON: (&str, &str) = ("content-type", "application/json");

fn assert_wrapped(answer: &Answer, sub_code: &str, sub_msg: &str) {
    assert_eq!(answer.keys(), "errcode sub_code sub_msg errmsg request_id");
    assert_eq!((answer.status, answer.json["errcode"].as_i64()), (200, Some(88)));
    assert_eq!(answer.json["sub_code"], sub_code, "a string");
    assert_eq!(answer.str("/sub_msg"), sub_msg);
    assert_eq!(
        answer.str("/errmsg"),
        format!("ding talk error[subcode={sub_code},submsg={sub_msg}]")
    );
}

#[test]
fn topapi_takes_the_token_from_query_and_form_and_nowhere_else() {
    let sandbox = sandbox();
    let token = app_token(&sandbox);
    let in_form = format!("userid=manager01&access_token={token}");
    let form = [("content-type", "application/x-www-form-urlencoded")];
    assert_eq!(send(&sandbox, "POST", USER_GET, &form, in_form.as_bytes()).errcode(), 0);
    let in_header =
        send(&sandbox, "POST", USER_GET, &[JSON, ("x-acs-dingtalk-access-token", &token)], USERID);
    assert_wrapped(&in_header, "40000", "access_token is blank");
    let in_json = format!(r#"{{"userid":"manager01","access_token":"{token}"}}"#);
    assert_eq!(send(&sandbox, "POST", USER_GET, &[JSON], in_json.as_bytes()).code(), "88/40000");
    let bad = send(&sandbox, "POST", &format!("{USER_GET}?access_token=bad"), &[JSON], USERID);
    assert_wrapped(&bad, "40014", "不合法的access_token");
    let user = user_token(&sandbox);
    assert_eq!(
        send(&sandbox, "POST", &format!("{USER_GET}?access_token={user}"), &[JSON], USERID).code(),
        "88/40014"
    );
}

#[test]
fn get_is_taken_on_topapi_unless_the_switch_forbids_it() {
    let sandbox = sandbox();
    let uri = format!("{USER_GET}?access_token={}&userid=manager01", app_token(&sandbox));
    assert_eq!(get(&sandbox, &uri).errcode(), 0);
    sandbox.set_switch(&Switch::StrictPost(true));
    let refused = get(&sandbox, &uri);
    assert_eq!((refused.errcode(), refused.str("/errmsg")), (43002, "需要POST请求"));
    assert_eq!(sandbox.count("POST /topapi/v2/user/get"), 2, "one API, whatever the method");
}

#[test]
fn unknown_paths_are_said_in_three_ways() {
    let sandbox = sandbox();
    let old = get(&sandbox, "/no/such/thing");
    assert_eq!(
        (old.status, old.text.as_str()),
        (200, r#"{"errcode":404,"errmsg":"请求的URI地址不存在"}"#)
    );
    let without_version = send(&sandbox, "POST", "/oauth2x/corpAccessToken", &[JSON], b"{}");
    assert_eq!(without_version.errcode(), 404);
    let top = topapi(&sandbox, "v2/user/notexist", "", "{}");
    assert_eq!(top.keys(), "errcode sub_msg errmsg request_id");
    assert_eq!(top.str("/sub_msg"), "不合法ApiName，ApiName = dingtalk.oapi.v2.user.notexist");
    assert_eq!(
        top.str("/errmsg"),
        "Invalid method[submsg=不合法ApiName，ApiName = dingtalk.oapi.v2.user.notexist]"
    );
    assert_eq!(top.errcode(), 22);
    for (method, path) in [
        ("GET", "/v1.0/nothing"),
        ("GET", "/v1.0/oauth2/accessToken"),
        ("PATCH", "/v1.0/todo/users/x/tasks"),
    ] {
        let v1 = send(&sandbox, method, path, &[], b"");
        assert_eq!(v1.code(), "404 InvalidAction.NotFound");
        assert_eq!(v1.keys(), "code message requestid");
        assert_eq!(
            v1.str("/message"),
            "Specified api is not found, please check your url and method."
        );
    }
    assert_eq!(sandbox.count("unknown"), 6);
}

#[test]
fn a_path_below_oauth2_without_the_version_is_family_as_404() {
    let sandbox = sandbox();
    let answer = send(&sandbox, "POST", "/oauth2/corpAccessToken", &[JSON], b"{}");
    assert_eq!((answer.status, answer.errcode()), (200, 404));
}

#[test]
fn a_missing_point_is_named_with_the_consoles_link() {
    let sandbox = sandbox();
    let demo = sandbox.demo();
    let answer =
        topapi(&sandbox, "v2/user/get", &plain_token(&sandbox), r#"{"userid":"manager01"}"#);
    let client = &demo.plain_client_id;
    let text = format!(
        "应用尚未开通所需的权限：[qyapi_get_member]，点击链接申请并开通即可：https://open-dev.dingtalk.com/appscope/apply?content={client}%23qyapi_get_member, {{requiredScopes=[qyapi_get_member]}}"
    );
    assert_wrapped(&answer, "60011", &text);
}

#[test]
fn every_contact_api_names_its_own_point() {
    let sandbox = sandbox();
    let token = plain_token(&sandbox);
    for (path, point) in [
        ("v2/user/get", "qyapi_get_member"),
        ("user/getbyunionid", "qyapi_get_member"),
        ("user/listid", "qyapi_get_member"),
        ("v2/user/getbymobile", "qyapi_get_member_by_mobile"),
        ("v2/user/list", "qyapi_get_department_member"),
        ("user/listsimple", "qyapi_get_department_member"),
        ("v2/department/listsub", "qyapi_get_department_list"),
        ("v2/department/get", "qyapi_get_department_list"),
        ("v2/department/listsubid", "qyapi_get_department_list"),
        ("v2/department/listparentbyuser", "qyapi_get_department_list"),
        ("v2/department/listparentbydept", "qyapi_get_department_list"),
    ] {
        let answer = topapi(&sandbox, path, &token, "{}");
        assert_eq!(answer.code(), "88/60011", "{path}");
        assert!(answer.str("/sub_msg").contains(&format!("requiredScopes=[{point}]")), "{path}");
    }
}

#[test]
fn a_point_that_is_only_requested_fails_like_one_never_asked_for() {
    let sandbox = sandbox();
    let demo = sandbox.demo();
    let token = plain_token(&sandbox);
    let ask = || topapi(&sandbox, "v2/user/get", &token, r#"{"userid":"manager01"}"#).code();
    assert!(sandbox.request_point(&demo.plain_client_id, "qyapi_get_member"));
    assert_eq!(ask(), "88/60011");
    assert!(sandbox.grant(&demo.plain_client_id, "qyapi_get_member"));
    assert_eq!(ask(), "0");
    assert!(sandbox.revoke_grant(&demo.plain_client_id, "qyapi_get_member"));
    assert_eq!(ask(), "88/60011");
}

#[test]
fn old_calls_say_it_without_a_wrapper() {
    let sandbox = sandbox();
    assert_eq!(
        get(&sandbox, "/get_jsapi_ticket?access_token=bad").text,
        r#"{"errcode":40014,"errmsg":"不合法的access_token"}"#
    );
    assert_eq!(get(&sandbox, "/auth/scopes").errcode(), 41001);
}

#[test]
fn hosts_may_lead_the_path() {
    let sandbox = sandbox();
    let demo = sandbox.demo();
    let query = format!("appkey={}&appsecret={}", demo.client_id, demo.client_secret);
    assert_eq!(get(&sandbox, &format!("/oapi.dingtalk.com/gettoken?{query}")).errcode(), 0);
    assert_eq!(
        get(&sandbox, "/api.dingtalk.com/v1.0/contact/users/me").code(),
        "400 AuthenticationFailed.MissingParameter"
    );
}

#[test]
fn a_preflight_gets_the_cors_headers() {
    let sandbox = sandbox();
    let answer = send(&sandbox, "OPTIONS", "/v1.0/contact/users/me", &[], b"");
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("access-control-allow-methods"), "POST, GET, OPTIONS, PUT, DELETE");
    assert!(answer.header("access-control-allow-headers").contains("x-acs-dingtalk-access-token"));
}

#[test]
fn messages_have_english_twins() {
    let sandbox = sandbox();
    sandbox.set_switch(&Switch::Language(Language::English));
    assert_eq!(
        get(&sandbox, "/auth/scopes?access_token=bad").str("/errmsg"),
        "Invalid access_token"
    );
    let top = topapi(&sandbox, "v2/user/get", "bad", "{}");
    assert_wrapped(&top, "40014", "Invalid access_token");
    assert_eq!(
        v1(&sandbox, "GET", "/v1.0/contact/users/me", "bad", "").str("/message"),
        "Invalid access_token"
    );
}

#[test]
fn one_app_may_call_one_api_so_often_a_second() {
    let sandbox = sandbox();
    sandbox.set_switch(&Switch::AppRateLimit(Some(2)));
    let (token, other) = (app_token(&sandbox), plain_token(&sandbox));
    let top = |token: &str| topapi(&sandbox, "v2/department/listsub", token, "{}").code();
    assert_eq!([top(&token), top(&token), top(&token)], ["0", "0", "88/90018"]);
    assert_eq!(top(&other), "88/60011", "another app has its own count");
    let refused = topapi(&sandbox, "v2/department/listsub", &token, "{}");
    assert!(
        refused
            .str("/sub_msg")
            .contains("apiPath(dingtalk.oapi.v2.department.listsub), 从 2023-11-15 06:13:20")
    );
    sandbox.clock().advance(Duration::from_secs(1));
    assert_eq!(top(&token), "0");
    let v1 = || v1(&sandbox, "POST", "/v1.0/oauth2/jsapiTickets", &token, "").code();
    assert_eq!(
        [v1(), v1(), v1()],
        [
            "200 without code",
            "200 without code",
            "403 Forbidden.AccessDenied.QpsLimitForAppkeyAndApi"
        ]
    );
}

#[test]
fn all_apps_together_may_call_one_api_so_often_a_second() {
    let sandbox = sandbox();
    sandbox.set_switch(&Switch::ApiRateLimit(Some(1)));
    let token = app_token(&sandbox);
    let old = || get(&sandbox, &format!("/auth/scopes?access_token={token}")).code();
    assert_eq!([old(), old()], ["0", "90002"]);
    let top = || topapi(&sandbox, "v2/department/listsub", &token, "{}").code();
    assert_eq!([top(), top()], ["0", "88/90002"]);
    let v1 = v1(&sandbox, "POST", "/v1.0/oauth2/accessToken", "", "{}").code();
    assert_eq!(v1, "403 Forbidden.AccessDenied.QpsLimitForApi");
}

#[test]
fn an_address_that_calls_too_often_is_banned_for_five_minutes() {
    let sandbox = sandbox();
    sandbox.set_switch(&Switch::AddressLimit(Some(3)));
    let ask = || get(&sandbox, "/gettoken");
    for _ in 0..3 {
        assert_eq!(ask().errcode(), 40035);
    }
    let banned = ask();
    assert_eq!((banned.status, banned.header("content-type")), (200, "text/html;charset=utf-8"));
    assert!(banned.text.starts_with("<!DOCTYPE html>"));
    sandbox.set_switch(&Switch::BanPageIsHtml(false));
    assert_eq!(ask().keys(), "status wait source punish uuid");
    assert_eq!(ask().json["status"], 1111);
    sandbox.clock().advance(Duration::from_secs(299));
    assert_eq!(ask().json["status"], 1111);
    sandbox.clock().advance(Duration::from_secs(1));
    assert_eq!(ask().errcode(), 40035);
}

#[test]
fn the_month_counts_todos_and_not_contacts() {
    let sandbox = sandbox();
    sandbox.set_switch(&Switch::MonthlyQuota(Some(1)));
    let demo = sandbox.demo();
    let token = app_token(&sandbox);
    let uri = format!("/v1.0/todo/users/{}/org/tasks/query", demo.union_id);
    let todo = || v1(&sandbox, "POST", &uri, &token, "{}").code();
    assert_eq!(
        [todo(), todo()],
        ["200 without code", "403 Forbidden.AccessDenied.ApiCountLimitForOrg"]
    );
    assert_eq!(topapi(&sandbox, "v2/department/listsub", &token, "{}").errcode(), 0);
    sandbox.clock().advance(Duration::from_secs(31 * 86_400));
    let token = app_token(&sandbox);
    assert_eq!(v1(&sandbox, "POST", &uri, &token, "{}").status, 200, "a new month");
}
