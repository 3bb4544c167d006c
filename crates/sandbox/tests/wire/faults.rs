//! Faults in-process: the platform's own errors in each family's words, and lost answers.

use std::time::Duration;

use dingtalk_sandbox::{Fault, Lost, PlatformError};
use http::Request;

use crate::support::{app_token, get, plain_token, sandbox, topapi, user_token, v1};

#[test]
fn a_platform_error_speaks_the_familys_language() {
    use PlatformError::*;
    let sandbox = sandbox();
    let (token, user) = (app_token(&sandbox), user_token(&sandbox));
    for (error, old, top, new) in [
        (Busy, "-1", "-1", "500 system.busy"),
        (Throttled, "90018", "88/90018", "403 Forbidden.AccessDenied.QpsLimitForAppkeyAndApi"),
        (
            MinuteThrottled,
            "90018",
            "88/90018",
            "403 Forbidden.AccessDenied.QpmLimitForAppkeyAndApi",
        ),
        (
            SuiteThrottled,
            "90009",
            "88/90009",
            "403 Forbidden.AccessDenied.QpsLimitForSuitekeyAndOrgAndApi",
        ),
        (PlatformThrottled, "90002", "88/90002", "403 Forbidden.AccessDenied.QpsLimitForApi"),
        (ServiceThrottled, "90002", "88/90002", "429 systemBusy"),
        (Unavailable, "-1", "-1", "503 serviceBusy"),
        (Timeout, "-1", "-1", "504 service.timeout"),
        (TokenDead, "40014", "88/40014", "400 InvalidAuthentication"),
        (Quota, "90020", "88/90020", "403 Forbidden.AccessDenied.ApiCountLimitForOrg"),
        (IpNotAllowed, "60020", "88/60020", "403 Forbidden.AccessDenied.IpNotInWhiteList"),
        (
            PermissionMissing,
            "60011",
            "88/60011",
            "403 Forbidden.AccessDenied.AccessTokenPermissionDenied",
        ),
    ] {
        let hits = sandbox.fault(Fault::on("*").times(3).platform_error(error));
        assert_eq!(
            get(&sandbox, &format!("/auth/scopes?access_token={token}")).code(),
            old,
            "{error:?}"
        );
        assert_eq!(topapi(&sandbox, "v2/user/get", &token, "{}").code(), top, "{error:?}");
        assert_eq!(
            v1(&sandbox, "GET", "/v1.0/contact/users/me", &user, "").code(),
            new,
            "{error:?}"
        );
        assert_eq!(hits.hits(), 3);
    }
    let _ = sandbox.fault(Fault::on("*").times(1).platform_error(IpBanHtml));
    assert!(get(&sandbox, "/auth/scopes").text.starts_with("<!DOCTYPE"));
    let _ = sandbox.fault(Fault::on("*").times(1).platform_error(IpBanJson));
    assert_eq!(get(&sandbox, "/auth/scopes").json["status"], 1111);
    assert_eq!(
        get(&sandbox, &format!("/auth/scopes?access_token={token}")).errcode(),
        0,
        "all over"
    );
}

#[test]
fn any_code_of_the_tables_comes_in_its_own_envelope() {
    let sandbox = sandbox();
    let (token, user) = (app_token(&sandbox), user_token(&sandbox));
    let once = |fault: Fault| {
        sandbox.clear_faults();
        let _ = sandbox.fault(fault.times(1));
    };
    once(Fault::on("*").errcode(90004, "q\"x"));
    let old = get(&sandbox, &format!("/auth/scopes?access_token={token}"));
    assert_eq!(old.text, "{\"errcode\":90004,\"errmsg\":\"q\\\"x\"}");
    once(Fault::on("*").errcode(60111, "x"));
    let top = topapi(&sandbox, "v2/user/get", &token, "{}");
    assert_eq!((top.code().as_str(), top.keys().as_str()), ("60111", "errcode errmsg request_id"));
    once(Fault::on("*").sub_code(90005, "slow down"));
    let top = topapi(&sandbox, "v2/user/get", &token, "{}");
    assert_eq!(top.code(), "88/90005");
    assert_eq!(top.keys(), "errcode sub_code sub_msg errmsg request_id");
    assert_eq!(top.str("/errmsg"), "ding talk error[subcode=90005,submsg=slow down]");
    once(Fault::on("*").v1_error(429, "qps.exceed.limit", "x"));
    let new = v1(&sandbox, "GET", "/v1.0/contact/users/me", &user, "");
    assert_eq!(
        (new.code().as_str(), new.keys().as_str()),
        ("429 qps.exceed.limit", "requestid code message")
    );
    assert_eq!(new.header("x-acs-request-id"), new.str("/requestid"));
    let entries = sandbox.journal().entries();
    let codes: Vec<_> =
        entries.iter().rev().take(4).filter_map(|entry| entry.code.as_deref()).collect();
    assert_eq!(codes, ["qps.exceed.limit", "90005", "60111", "90004"]);
    assert!(entries.iter().rev().take(4).all(|entry| entry.app.is_some() && entry.faulted));
}

#[test]
fn the_address_that_is_not_allowed_and_the_app_are_named() {
    let sandbox = sandbox();
    let token = plain_token(&sandbox);
    let _ = sandbox.fault(Fault::on("*").platform_error(PlatformError::IpNotAllowed));
    let client = sandbox.demo().plain_client_id;
    let top = topapi(&sandbox, "v2/user/get", &token, "{}");
    assert_eq!(
        top.str("/sub_msg"),
        format!("访问ip不在白名单之中,request ip=127.0.0.1 appKey({client})")
    );
    let old = get(&sandbox, &format!("/get_jsapi_ticket?access_token={token}"));
    assert_eq!(
        old.str("/errmsg"),
        format!(
            "请参考FAQ：https://open-doc.dingtalk.com/microapp/faquestions/cvbtph。错误原因：访问ip不在白名单之中,request ip=127.0.0.1 appKey({client})"
        )
    );
}

#[test]
fn any_answer_can_be_put_in_the_platforms_mouth() {
    let sandbox = sandbox();
    let _ = sandbox.fault(Fault::on("GET /gettoken").nth(2).answer(
        502,
        "text/html",
        "<html>bad gateway",
    ));
    assert_eq!(get(&sandbox, "/gettoken").errcode(), 40035);
    let answer = get(&sandbox, "/gettoken");
    assert_eq!(
        (answer.status, answer.header("content-type"), answer.text.as_str()),
        (502, "text/html", "<html>bad gateway")
    );
    assert_eq!(get(&sandbox, "/gettoken").errcode(), 40035);
    let faulted: Vec<bool> =
        sandbox.journal().entries().iter().map(|entry| entry.faulted).collect();
    assert_eq!(faulted, [false, true, false]);
}

#[test]
fn a_lost_answer_was_worked_for_and_a_closed_connection_was_not() {
    let sandbox = sandbox();
    let demo = sandbox.demo();
    let token = app_token(&sandbox);
    let create = || {
        Request::post(format!("/v1.0/todo/users/{}/tasks", demo.union_id))
            .header("content-type", "application/json")
            .header("x-acs-dingtalk-access-token", &token)
            .body(br#"{"sourceId":"s","subject":"x","detailUrl":{"pcUrl":"http://x"}}"#.to_vec())
            .unwrap()
    };
    let operation = "POST /v1.0/todo/users/{unionId}/tasks";
    for (fault, lost) in [
        (Fault::on(operation).close(), Lost::Closed),
        (Fault::on(operation).reset(), Lost::Reset),
        (Fault::on(operation).stall(), Lost::Stalled),
        (Fault::on(operation).execute_then_drop(), Lost::Answer),
    ] {
        let _ = sandbox.fault(fault.times(1));
        assert_eq!(sandbox.try_handle(create()).unwrap_err(), lost);
    }
    let again = sandbox.try_handle(create()).unwrap();
    assert_eq!(again.status(), 400, "only the last of the four was executed");
    let _ = sandbox.fault(Fault::on(operation).close());
    assert_eq!(sandbox.handle(create()).status(), 599);
    assert_eq!(sandbox.journal().entries().last().map(|entry| entry.status), Some(0));
    sandbox.clear_faults();
    assert_eq!(sandbox.handle(create()).status(), 400);
}

#[test]
fn bodies_are_cut_and_delays_do_not_wait_in_process() {
    let sandbox = sandbox();
    let _ =
        sandbox.fault(Fault::on("GET /gettoken").truncate_body(9).delay(Duration::from_secs(3600)));
    assert_eq!(get(&sandbox, "/gettoken").text, "{\"errcode");
    sandbox.clear_faults();
    let _ = sandbox.fault(Fault::on("GET /gettoken").drip(Duration::from_secs(3600)));
    assert_eq!(get(&sandbox, "/gettoken").errcode(), 40035);
}
