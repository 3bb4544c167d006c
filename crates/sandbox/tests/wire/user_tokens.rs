//! User tokens (wire-facts §4) and what they open (§5).

use std::time::Duration;

use dingtalk_sandbox::{BrowserLogin, Consent, RefreshMode, Switch};

use crate::support::{
    app_token, builder, exchange, oauth_code, parameter, refresh, sandbox, send, user_token, v1,
};

const DEAD: &str = "400 invalidParameter.authCode.notFound";
const ME: &str = "/v1.0/contact/users/me";

#[test]
fn a_code_becomes_a_pair_and_names_the_organization_only_when_asked() {
    let sandbox = sandbox();
    let answer = exchange(&sandbox, &oauth_code(&sandbox, "openid"));
    assert_eq!((answer.status, answer.keys().as_str()), (200, "expireIn accessToken refreshToken"));
    assert_eq!(answer.json["expireIn"], 7200);
    assert_eq!(answer.str("/refreshToken").len(), 32);
    let answer = exchange(&sandbox, &oauth_code(&sandbox, "openid corpid"));
    assert_eq!(answer.keys(), "expireIn accessToken refreshToken corpId");
    assert_eq!(answer.str("/corpId"), sandbox.demo().corp_id);
}

#[test]
fn unknown_used_expired_and_foreign_codes_are_one_error() {
    let sandbox = sandbox();
    let demo = sandbox.demo();
    let dead = exchange(&sandbox, "nonsense");
    assert_eq!((dead.code().as_str(), dead.str("/message")), (DEAD, "不合法的临时授权码"));
    assert_eq!(dead.keys(), "requestid code message");
    let code = oauth_code(&sandbox, "openid");
    assert_eq!(exchange(&sandbox, &code).status, 200);
    assert_eq!(exchange(&sandbox, &code).code(), DEAD, "used");
    let code = oauth_code(&sandbox, "openid");
    sandbox.clock().advance(Duration::from_secs(300));
    assert_eq!(exchange(&sandbox, &code).code(), DEAD, "five minutes old");
    let silent = sandbox.silent_code(&demo.client_id, &demo.user_id).expect("may log in");
    assert_eq!(exchange(&sandbox, &silent).code(), DEAD, "of the other pool");
    let login = BrowserLogin::new(demo.plain_client_id, demo.redirect_uri, demo.user_id);
    let other = parameter(&sandbox.login(&login).expect("may log in"), "code").expect("has a code");
    assert_eq!(exchange(&sandbox, &other).code(), DEAD, "of another app");
}

#[test]
fn a_wrong_secret_or_grant_is_refused_before_the_code_is_looked_at() {
    let sandbox = sandbox();
    let demo = sandbox.demo();
    let code = oauth_code(&sandbox, "openid");
    let ask = |secret: &str, grant: &str| {
        let body = format!(
            r#"{{"clientId":"{}","clientSecret":"{secret}","code":"{code}","refreshToken":"","grantType":"{grant}"}}"#,
            demo.client_id
        );
        v1(&sandbox, "POST", "/v1.0/oauth2/userAccessToken", "", &body)
    };
    assert_eq!(ask("no", "authorization_code").code(), "400 invalidClientIdOrSecret");
    assert_eq!(ask(&demo.client_secret, "implicit").code(), "400 unsupported.grant.type");
    assert_eq!(
        ask(&demo.client_secret, "authorization_code").status,
        200,
        "the code was not used up"
    );
}

#[test]
fn a_refresh_rotates_and_the_old_refresh_token_is_dead() {
    let sandbox = sandbox();
    let first = exchange(&sandbox, &oauth_code(&sandbox, "openid corpid"));
    let second = refresh(&sandbox, first.str("/refreshToken"));
    assert_eq!(second.keys(), "expireIn accessToken refreshToken corpId");
    assert_ne!(first.str("/accessToken"), second.str("/accessToken"));
    assert_ne!(first.str("/refreshToken"), second.str("/refreshToken"));
    assert_eq!(refresh(&sandbox, first.str("/refreshToken")).code(), DEAD);
    sandbox.clock().advance(Duration::from_secs(30 * 86_400));
    assert_eq!(refresh(&sandbox, second.str("/refreshToken")).code(), DEAD, "30 days old");
}

#[test]
fn the_same_pair_mode_renews_both() {
    let sandbox = builder().switch(Switch::Refresh(RefreshMode::SamePair)).in_process();
    let first = exchange(&sandbox, &oauth_code(&sandbox, "openid"));
    sandbox.clock().advance(Duration::from_secs(7200));
    assert_eq!(
        v1(&sandbox, "GET", ME, first.str("/accessToken"), "").code(),
        "400 InvalidAuthentication"
    );
    let second = refresh(&sandbox, first.str("/refreshToken"));
    assert_eq!(first.json, second.json);
    assert_eq!(v1(&sandbox, "GET", ME, first.str("/accessToken"), "").status, 200);
    assert_eq!(
        exchange(&sandbox, &oauth_code(&sandbox, "openid")).json,
        first.json,
        "and so does a fresh code"
    );
}

#[test]
fn within_the_grace_the_old_refresh_token_gives_the_new_pair() {
    let sandbox =
        builder().switch(Switch::Refresh(RefreshMode::Grace(Duration::from_secs(60)))).in_process();
    let first = exchange(&sandbox, &oauth_code(&sandbox, "openid"));
    let second = refresh(&sandbox, first.str("/refreshToken"));
    sandbox.clock().advance(Duration::from_secs(59));
    assert_eq!(refresh(&sandbox, first.str("/refreshToken")).json, second.json);
    sandbox.clock().advance(Duration::from_secs(1));
    assert_eq!(refresh(&sandbox, first.str("/refreshToken")).code(), DEAD);
}

#[test]
fn me_is_the_person_behind_the_token_in_the_order_of_the_wire() {
    let sandbox = sandbox();
    let demo = sandbox.demo();
    let answer = v1(&sandbox, "GET", ME, &user_token(&sandbox), "");
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.keys(),
        "nick unionId avatarUrl openId mobile stateCode email loginEmail visitor"
    );
    assert_eq!(answer.str("/unionId"), demo.union_id);
    assert_eq!(answer.str("/mobile"), demo.mobile);
    assert_eq!(answer.json["visitor"], false);
    let by_id = v1(
        &sandbox,
        "GET",
        &format!("/v1.0/contact/users/{}", demo.union_id),
        &user_token(&sandbox),
        "",
    );
    assert_eq!(by_id.json, answer.json);
}

#[test]
fn what_a_person_does_not_have_is_absent() {
    let sandbox = sandbox();
    let demo = sandbox.demo();
    let uri = format!("/v1.0/contact/users/{}", demo.member_union_id);
    let answer = v1(&sandbox, "GET", &uri, &user_token(&sandbox), "");
    assert_eq!(answer.keys(), "nick unionId openId mobile stateCode visitor");
}

#[test]
fn the_number_needs_its_own_consent_and_the_profile_needs_one_at_all() {
    let sandbox = sandbox();
    let demo = sandbox.demo();
    let consent = |consent: Consent| {
        let outcome = sandbox.consent(&consent).expect("the request is in order");
        exchange(&sandbox, outcome.auth_code().expect("type 0 brings a code"))
            .str("/accessToken")
            .to_owned()
    };
    let base = Consent::delegated(&demo.client_id, &demo.corp_id, &demo.member_user_id);
    let todo_only = consent(base.clone().rpc_scope("Todo.Todo.Write"));
    let refused = v1(&sandbox, "GET", ME, &todo_only, "");
    assert_eq!(refused.code(), "403 Forbidden.AccessDenied.AccessTokenPermissionDenied");
    assert_eq!(
        refused.keys(),
        "code requestid message accessdenieddetail accessdenieddetail.requiredScopes"
    );
    assert_eq!(refused.json["accessdenieddetail"]["requiredScopes"][0], "Contact.User.Read");
    let profile = consent(base.clone().rpc_scope("Contact.User.Read"));
    assert_eq!(v1(&sandbox, "GET", ME, &profile, "").keys(), "nick unionId openId visitor");
    let both = consent(base.field_scope("Contact.User.mobile"));
    assert_eq!(
        v1(&sandbox, "GET", ME, &both, "").keys(),
        "nick unionId openId mobile stateCode visitor"
    );
    assert!(sandbox.withdraw_consent(&demo.client_id, &demo.member_user_id));
    assert_eq!(
        v1(&sandbox, "GET", ME, &both, "").status,
        403,
        "what was taken back is gone at once"
    );
}

#[test]
fn a_third_party_app_sees_a_masked_number() {
    let sandbox = sandbox();
    let demo = sandbox.demo();
    let consent = Consent::delegated(&demo.suite_key, &demo.corp_id, &demo.member_user_id)
        .rpc_scope("Contact.User.Read")
        .field_scope("Contact.User.mobile");
    let outcome = sandbox.consent(&consent).expect("the request is in order");
    let body = format!(
        r#"{{"clientId":"{}","clientSecret":"{}","code":"{}","grantType":"authorization_code"}}"#,
        demo.suite_key,
        demo.suite_secret,
        outcome.auth_code().expect("type 0 brings a code")
    );
    let token = v1(&sandbox, "POST", "/v1.0/oauth2/userAccessToken", "", &body);
    let answer = v1(&sandbox, "GET", ME, token.str("/accessToken"), "");
    assert_eq!(answer.str("/mobile"), "139****0004");
}

#[test]
fn tokens_of_the_wrong_kind_or_in_the_wrong_place_are_refused() {
    let sandbox = sandbox();
    let demo = sandbox.demo();
    let user = user_token(&sandbox);
    assert_eq!(
        v1(&sandbox, "GET", ME, &app_token(&sandbox), "").code(),
        "400 InvalidAuthentication"
    );
    assert_eq!(
        v1(&sandbox, "POST", "/v1.0/oauth2/jsapiTickets", &user, "").code(),
        "400 InvalidAuthentication"
    );
    let missing = "400 AuthenticationFailed.MissingParameter";
    assert_eq!(v1(&sandbox, "GET", &format!("{ME}?access_token={user}"), "", "").code(), missing);
    let bearer = format!("Bearer {user}");
    let answer = send(&sandbox, "GET", ME, &[("authorization", &bearer)], b"");
    assert_eq!(answer.code(), missing);
    assert_eq!(answer.str("/message"), "缺少参数：x-acs-dingtalk-access-token");
    assert_eq!(
        v1(&sandbox, "GET", ME, &format!("\"{user}\""), "").code(),
        "400 InvalidAuthentication"
    );
    let unknown = v1(&sandbox, "GET", "/v1.0/contact/users/nobody", &user, "");
    assert_eq!(
        (unknown.code().as_str(), unknown.str("/message")),
        ("404 invalidParameter.user.notFound", "找不到该用户")
    );
    sandbox.remove_person(&demo.user_id);
    assert_eq!(v1(&sandbox, "GET", ME, &user, "").code(), "404 invalidParameter.user.notFound");
}

#[test]
fn auth_rules_list_interfaces_and_fields() {
    let sandbox = sandbox();
    let demo = sandbox.demo();
    let consent = Consent::delegated(&demo.client_id, &demo.corp_id, &demo.user_id)
        .rpc_scope("Contact.User.Read,Todo.Todo.Write")
        .field_scope("Contact.User.mobile");
    let outcome = sandbox.consent(&consent).expect("the request is in order");
    let token = exchange(&sandbox, outcome.auth_code().expect("type 0 brings a code"));
    let answer = v1(&sandbox, "GET", "/v1.0/oauth2/authRules/user", token.str("/accessToken"), "");
    assert_eq!(
        answer.text,
        r#"{"result":[{"resource":"rpc_auth","authItems":["Contact.User.Read","Todo.Todo.Write"]},{"resource":"Contact.User","authItems":["mobile"]}]}"#
    );
}

#[test]
fn kicking_a_device_off_ends_that_persons_user_tokens_and_nobody_elses() {
    let sandbox = sandbox();
    let demo = sandbox.demo();
    let (app, mine) = (app_token(&sandbox), user_token(&sandbox));
    let code = sandbox.silent_code(&demo.client_id, &demo.user_id).expect("a code");
    let body = format!(r#"{{"code":"{code}"}}"#);
    let info = crate::support::topapi(&sandbox, "v2/user/getuserinfo", &app, &body);
    let kick = |device: &str, user: &str| {
        let body = format!(r#"{{"openDeviceId":"{device}","userId":"{user}"}}"#);
        v1(&sandbox, "POST", "/v1.0/oauth2/kickoffByDeviceId", &app, &body)
    };
    let me = || v1(&sandbox, "GET", "/v1.0/contact/users/me", &mine, "").status;
    let foreign = kick("not-this-one", &demo.user_id);
    assert_eq!((foreign.status, foreign.keys().as_str()), (200, "success errorCode errorMsg"));
    let other = kick(info.str("/result/device_id"), &demo.member_user_id);
    assert_eq!((&other.json["success"], me()), (&false.into(), 200));
    assert_eq!(kick(info.str("/result/device_id"), &demo.user_id).text, r#"{"success":true}"#);
    assert_eq!(me(), 400);
    assert_eq!(kick("", "").json["success"], false);
}
