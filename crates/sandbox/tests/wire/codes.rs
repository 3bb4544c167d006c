//! Log-in-free codes (wire-facts §4.5, §6.2).

use std::time::Duration;

use crate::support::{app_token, form, get, oauth_code, plain_token, sandbox, topapi};

const INFO: &str = "v2/user/getuserinfo";

#[test]
fn a_silent_code_tells_who_is_there() {
    let sandbox = sandbox();
    let demo = sandbox.demo();
    let code = sandbox.silent_code(&demo.client_id, &demo.user_id).expect("may log in");
    let answer = form(&sandbox, INFO, &app_token(&sandbox), &format!("code={code}"));
    assert_eq!(
        answer.keys(),
        "errcode errmsg result result.associated_unionid result.device_id result.name result.sys result.sys_level \
         result.unionid result.userid request_id"
    );
    assert_eq!(answer.str("/result/userid"), demo.user_id);
    assert_eq!(answer.json["result"]["sys_level"], 1);
}

#[test]
fn unknown_used_old_foreign_and_oauth_codes_are_all_40078() {
    let sandbox = sandbox();
    let demo = sandbox.demo();
    let token = app_token(&sandbox);
    let ask =
        |token: &str, code: &str| topapi(&sandbox, INFO, token, &format!(r#"{{"code":"{code}"}}"#));
    let code = || sandbox.silent_code(&demo.client_id, &demo.member_user_id).expect("may log in");
    let dead = ask(&token, "nonsense");
    assert_eq!((dead.errcode(), dead.str("/errmsg")), (40078, "不存在的临时授权码"));
    let once = code();
    assert_eq!(ask(&token, &once).errcode(), 0);
    assert_eq!(ask(&token, &once).errcode(), 40078);
    let foreign = code();
    assert_eq!(ask(&plain_token(&sandbox), &foreign).errcode(), 40078);
    assert_eq!(ask(&token, &foreign).errcode(), 0, "the wrong app did not use it up");
    assert_eq!(ask(&token, &oauth_code(&sandbox, "openid")).errcode(), 40078);
    let late = code();
    sandbox.clock().advance(Duration::from_millis(299_999));
    let fresh = code();
    sandbox.clock().advance(Duration::from_millis(1));
    assert_eq!(ask(&token, &late).errcode(), 40078);
    assert_eq!(ask(&token, &fresh).errcode(), 0);
    assert_eq!(topapi(&sandbox, INFO, &token, "{}").errcode(), 400_002);
}

#[test]
fn the_old_twin_is_flat() {
    let sandbox = sandbox();
    let demo = sandbox.demo();
    let code = sandbox.silent_code(&demo.client_id, &demo.user_id).expect("may log in");
    let token = app_token(&sandbox);
    let answer = get(&sandbox, &format!("/user/getuserinfo?access_token={token}&code={code}"));
    assert_eq!(answer.keys(), "errcode errmsg userid name deviceId is_sys sys_level");
    let again = get(&sandbox, &format!("/user/getuserinfo?access_token={token}&code={code}"));
    assert_eq!(again.text, r#"{"errcode":40078,"errmsg":"不存在的临时授权码"}"#);
}

#[test]
fn who_cannot_log_in_gets_no_code() {
    let sandbox = sandbox();
    let demo = sandbox.demo();
    assert!(sandbox.silent_code("nobody", &demo.user_id).is_err());
    assert!(sandbox.silent_code(&demo.client_id, "nobody").is_err());
    assert!(sandbox.silent_code(&demo.client_id, "ext-83610").is_err());
    assert!(sandbox.silent_code(&demo.client_id, &demo.inactive_user_id).is_err());
}
