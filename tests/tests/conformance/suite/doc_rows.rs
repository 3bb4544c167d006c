//! Where the platform's documentation and its behaviour differ: one case a row of that list, by
//! its number. Rows 18, 18b and 18c are about event callbacks, which are not here yet.

use std::time::Duration;

use dingtalk_core::auth::{
    AuthorizeUrl, GetSsoUser, ObtainToken, OpenAuthRequest, OpenAuthResult, State, Subject,
    parse_callback,
};
use dingtalk_core::contact::{GetContactUser, GetUser, ListSubDepartments, SearchUsers};
use dingtalk_core::jsapi::{DdConfig, Hash, Nonce, ObtainTicket};
use dingtalk_core::todo::{CreateTask, GetTaskBySource};
use dingtalk_core::{AgentId, App, ErrorKind, Family, RawEndpoint, Sso};
use dingtalk_sandbox::{
    BrowserLogin, Callback, Fault, JsapiHash, Language, PlatformError, Switch, UnknownUser,
};
use dingtalk_tests::{impatient, now};
use serde_json::json;

use super::{rig, rig_with};

const JSON: (&str, &str) = ("content-type", "application/json");
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

#[test]
fn doc_row_01_a_result_printed_as_text_is_the_same_as_a_typed_one() {
    let rig = rig();
    let (demo, app) = (rig.demo(), rig.app());
    let typed = rig.call(&app, GetUser::new(&*demo.user_id)).unwrap();
    rig.sandbox.set_switch(&Switch::PrintedForm(true));
    let printed = rig.call(&app, GetUser::new(&*demo.user_id)).unwrap();
    assert_eq!((printed.admin, printed.active, printed.boss), (true, true, false));
    assert_eq!(printed.hired_date, typed.hired_date);
    assert_eq!(printed.dept_id_list, typed.dept_id_list);
    assert_eq!(printed.name, typed.name);
    assert_eq!(printed.mobile, typed.mobile);
}

#[test]
fn doc_row_02_one_object_where_a_list_belongs_is_a_list_of_one() {
    let rig = rig();
    let (demo, app) = (rig.demo(), rig.app());
    rig.sandbox.set_switch(&Switch::PrintedForm(true));
    let person = rig.call(&app, GetUser::new(&*demo.user_id)).unwrap();
    assert_eq!(person.role_list.len(), 1);
    assert_eq!(person.leader_in_dept.len(), 1);
    let below = rig.call(&app, ListSubDepartments::new(1)).unwrap();
    assert_eq!(below.departments.len(), 1);
    assert_eq!(below.departments[0].parent_id, Some(1.into()));
}

#[test]
fn doc_row_03_a_bad_key_at_gettoken_is_40096_and_means_the_credentials() {
    let rig = rig();
    let demo = rig.demo();
    let app = App::builder(&*demo.client_id, "not-the-secret")
        .region(rig.region.clone())
        .by_gettoken()
        .build();
    let error = rig.fail(&app, GetUser::new(&*demo.user_id));
    assert_eq!((error.kind(), error.code()), (&ErrorKind::Credentials, Some("40096")));
}

#[test]
fn doc_row_04_gettoken_reads_its_query_only_and_that_is_what_we_send() {
    let rig = rig();
    let demo = rig.demo();
    let form = format!("appkey={}&appsecret={}", demo.client_id, demo.client_secret);
    let answer = rig.raw("GET", "/gettoken", &[FORM], &form);
    assert!(answer.text.contains("40035"), "{}", answer.text);
    let app = App::builder(&*demo.client_id, &*demo.client_secret)
        .region(rig.region.clone())
        .by_gettoken()
        .build();
    rig.call(&app, ObtainToken::new()).unwrap();
}

#[test]
fn doc_row_05_a_404_inside_a_200_is_no_such_api() {
    let rig = rig();
    for family in [Family::OpenApi, Family::Legacy] {
        let typo = RawEndpoint::post(family, "/oauth2/corpAccessToken").body(json!({})).by_nobody();
        let error = rig.fail(&rig.nobody(), typo);
        assert_eq!(error.kind(), &ErrorKind::NoSuchApi, "{error}");
        assert_eq!((error.status(), error.code()), (Some(200), Some("404")));
    }
}

#[test]
fn doc_row_06_a_bearer_header_is_not_read_and_ours_is() {
    let rig = rig();
    let app = rig.app();
    let token = rig.call(&app, ObtainToken::new()).unwrap().value;
    let uri = "/v1.0/contact/users/search";
    let bearer = format!("Bearer {}", token.expose());
    let body = r#"{"queryWord":"林","offset":0,"size":1}"#;
    let answer = rig.raw("POST", uri, &[JSON, ("authorization", &bearer)], body);
    assert_eq!(answer.status, 400);
    assert!(answer.text.contains("AuthenticationFailed.MissingParameter"), "{}", answer.text);
    rig.call(&app, SearchUsers::new("林")).unwrap();
}

#[test]
fn doc_row_07_the_sub_code_is_read_as_the_wire_spells_it() {
    let rig = rig();
    let app = rig.plain_app();
    let error = rig.fail(&app, GetUser::new("manager01"));
    assert_eq!((error.code(), error.sub_code()), (Some("88"), Some("60011")));
    assert!(error.message().unwrap().contains("qyapi_get_member"), "{error}");
    assert!(error.request_id().is_some());
}

#[test]
fn doc_row_08_a_dead_token_is_seen_without_a_401() {
    let rig = rig();
    let (demo, app) = (rig.demo(), rig.app());
    rig.call(&app, ObtainToken::new()).unwrap();
    for at in 1..=3_usize {
        rig.sandbox.revoke_all_tokens();
        match at {
            1 => drop(rig.call(&app, GetUser::new(&*demo.user_id)).unwrap()),
            2 => drop(rig.call(&app, SearchUsers::new("林")).unwrap()),
            _ => drop(rig.call(&app, dingtalk_core::auth::GetScopes::new()).unwrap()),
        }
        assert_eq!(rig.sandbox.token_requests(), 1 + at);
    }
    let entries = rig.sandbox.journal().entries();
    let dead: Vec<_> =
        entries.iter().filter_map(|entry| Some((entry.status, entry.code.as_deref()?))).collect();
    assert_eq!(dead, [(200, "40014"), (400, "InvalidAuthentication"), (200, "40014")]);
}

#[test]
fn doc_row_09_an_unknown_organization_is_an_unknown_error_not_a_verdict() {
    let rig = rig();
    let app = App::builder("dingnobody", "made-up-secret")
        .region(rig.region.clone())
        .by_organization("dingnowhere")
        .build();
    let error = rig.fail(&app, ObtainToken::new());
    assert!(matches!(error.kind(), ErrorKind::Busy { .. }), "{error}");
    assert_eq!((error.status(), error.code()), (Some(500), Some("unknownError")));
}

#[test]
fn doc_row_10_the_callback_is_read_with_both_codes_and_with_one() {
    let rig = rig();
    let (demo, app) = (rig.demo(), rig.app());
    for callback in [Callback::Both, Callback::AuthCodeOnly] {
        rig.sandbox.set_switch(&Switch::Callback(callback));
        let state = State::from_entropy([1; 16]);
        let mut login = BrowserLogin::new(&*demo.client_id, &*demo.redirect_uri, &*demo.user_id);
        login.state = state.expose().to_owned();
        let back = rig.sandbox.login(&login).unwrap();
        assert_eq!(back.contains("?code="), callback == Callback::Both, "{back}");
        let person = app.user_from_code(parse_callback(&back, &state).unwrap());
        rig.call(&person, GetContactUser::me()).unwrap();
    }
}

#[test]
fn doc_row_11_the_organization_comes_only_where_the_scope_asked_for_it() {
    let rig = rig();
    let (demo, app) = (rig.demo(), rig.app());
    for (scope, told) in [("openid", false), ("openid corpid", true)] {
        let state = State::from_entropy([2; 16]);
        let url = AuthorizeUrl::new(&rig.region, &*demo.client_id, &*demo.redirect_uri, &state);
        let url = if told { url.unwrap().with_organization() } else { url.unwrap() }.url();
        assert!(url.contains(&format!("scope={}&", scope.replace(' ', "%20"))), "{url}");
        let mut login = BrowserLogin::new(&*demo.client_id, &*demo.redirect_uri, &*demo.user_id);
        login = login.scope(scope);
        login.state = state.expose().to_owned();
        let back = rig.sandbox.login(&login).unwrap();
        let person = app.user_from_code(parse_callback(&back, &state).unwrap());
        rig.call(&person, ObtainToken::new()).unwrap();
        assert_eq!(person.tokens(now()).corp_id.is_some(), told);
    }
}

#[test]
fn doc_row_12_an_unknown_person_is_not_found_by_either_number() {
    let rig = rig();
    let app = rig.app();
    for (switch, code) in [(UnknownUser::Code60121, "60121"), (UnknownUser::Code33012, "33012")] {
        rig.sandbox.set_switch(&Switch::UnknownUser(switch));
        let error = rig.fail(&app, GetUser::new("nobody"));
        assert_eq!((error.kind(), error.code()), (&ErrorKind::NotFound, Some(code)));
    }
}

#[test]
fn doc_row_13_no_picture_is_no_picture_whether_empty_or_absent() {
    let rig = rig();
    let (demo, app) = (rig.demo(), rig.app());
    for absent in [false, true] {
        rig.sandbox.set_switch(&Switch::AvatarAbsent(absent));
        let person = rig.call(&app, GetUser::new(&*demo.member_user_id)).unwrap();
        assert_eq!(person.avatar.as_deref().unwrap_or_default(), "", "absent: {absent}");
    }
}

#[test]
fn doc_row_14_a_signature_is_sha_256_unless_told_otherwise() {
    let rig = rig();
    let (demo, app) = (rig.demo(), rig.app());
    let ticket = rig.call(&app, ObtainTicket::new()).unwrap().value;
    let page = "https://app.example.com/";
    let config =
        || DdConfig::for_page(AgentId::new(demo.agent_id), &*demo.corp_id, page).api("a.b");
    let nonce = Nonce::from_entropy([8; 16]);
    let usual = serde_json::to_value(config().sign(&ticket, &nonce, now()).unwrap()).unwrap();
    let older = config().hash(Hash::Sha1).sign(&ticket, &nonce, now()).unwrap();
    let older = serde_json::to_value(older).unwrap();
    rig.sandbox.set_switch(&Switch::JsapiHash(JsapiHash::Sha256Only));
    assert!(rig.sandbox.verify_config(&usual, page).is_ok());
    assert!(rig.sandbox.verify_config(&older, page).is_err());
    rig.sandbox.set_switch(&Switch::JsapiHash(JsapiHash::Sha1Only));
    assert!(rig.sandbox.verify_config(&older, page).is_ok());
}

#[test]
fn doc_row_15_a_source_id_used_twice_is_refused_and_the_task_is_found_by_it() {
    let rig = rig();
    let (demo, app) = (rig.demo(), rig.app());
    let create = || CreateTask::new(&*demo.union_id, "一次", "https://a.example").source_id("once");
    let made = rig.call(&app, create()).unwrap();
    let error = rig.fail(&app, create());
    assert_eq!(error.kind(), &ErrorKind::BadRequest);
    assert_eq!(error.code(), Some("todo.taskCreate.paramError"));
    assert_eq!(error.message(), Some("task existed sourceId is once"));
    let found = rig.call(&app, GetTaskBySource::new(&*demo.union_id, "once")).unwrap();
    assert_eq!(found.id, made.id);
}

#[test]
fn doc_row_16_a_to_do_needs_a_detail_url_and_ours_cannot_be_without() {
    let rig = rig();
    let (demo, app) = (rig.demo(), rig.app());
    let bare = RawEndpoint::post(Family::OpenApi, "/v1.0/todo/users/{unionId}/tasks")
        .variable(&*demo.union_id)
        .body(json!({"subject": "没有链接"}));
    assert_eq!(rig.fail(&app, bare).kind(), &ErrorKind::BadRequest);
    let typed = CreateTask::new(&*demo.union_id, "有链接", "https://a.example");
    rig.call(&app, typed).unwrap();
}

#[test]
fn doc_row_17_a_life_is_read_by_whichever_name_it_comes() {
    let rig = rig();
    let demo = rig.demo();
    let builder =
        || App::builder(&*demo.client_id, &*demo.client_secret).region(rig.region.clone());
    let apps = [
        builder().build(),
        builder().by_gettoken().build(),
        builder().by_organization(&*demo.corp_id).build(),
    ];
    let two_hours = |expires_at: u64| {
        let left = expires_at.saturating_sub(now().unix_millis());
        (7_190_000..=7_200_000).contains(&left)
    };
    for app in &apps {
        assert!(two_hours(rig.call(app, ObtainToken::new()).unwrap().expires_at));
        assert!(two_hours(rig.call(app, ObtainTicket::new()).unwrap().expires_at));
    }
    let person = rig.consenting(&apps[0], "Contact.User.Read", "");
    assert!(two_hours(rig.call(&person, ObtainToken::new()).unwrap().expires_at));
}

#[test]
fn doc_row_19_a_call_without_a_token_is_told_as_that() {
    let rig = rig();
    let nobody = rig.nobody();
    let old = RawEndpoint::post(Family::TopApi, "/topapi/v2/user/get")
        .body(json!({"userid": "manager01"}))
        .by_nobody();
    let new = RawEndpoint::get(Family::OpenApi, "/v1.0/contact/users/me").by_nobody();
    let oldest = RawEndpoint::get(Family::Legacy, "/auth/scopes").by_nobody();
    for endpoint in [old, new, oldest] {
        let error = rig.fail(&nobody, endpoint);
        assert_eq!(error.kind(), &ErrorKind::MissingToken, "{error}");
    }
}

#[test]
fn doc_row_20_topapi_is_posted_to() {
    let rig = rig();
    let (demo, app) = (rig.demo(), rig.app());
    rig.sandbox.set_switch(&Switch::StrictPost(true));
    rig.call(&app, GetUser::new(&*demo.user_id)).unwrap();
    let get = RawEndpoint::get(Family::TopApi, "/topapi/v2/user/get").query("userid", "manager01");
    let error = rig.fail(&app, get);
    assert_eq!((error.kind(), error.code()), (&ErrorKind::BadRequest, Some("43002")));
}

#[test]
fn doc_row_21_an_unauthorized_client_is_not_authorized_by_either_status() {
    let foreign = dingtalk_sandbox::App::third_party("suiteother", "foreign-secret")
        .suite_ticket("t")
        .corp("dingelsewhere");
    let rig = super::rig_of(dingtalk_sandbox::Sandbox::builder().app(foreign));
    for status in [401, 400] {
        rig.sandbox.set_switch(&Switch::UnauthorizedClientStatus(status));
        let app = App::builder("suiteother", "foreign-secret")
            .region(rig.region.clone())
            .by_organization(rig.demo().corp_id)
            .build();
        let error = rig.fail(&app, ObtainToken::new());
        assert_eq!(error.kind(), &ErrorKind::NotAuthorized, "{error}");
        assert_eq!(error.status(), Some(status));
    }
}

#[test]
fn doc_row_22_a_mistyped_path_is_no_such_api() {
    let rig = rig();
    let typo = RawEndpoint::post(Family::OpenApi, "/v1.0/oauth2/accessToke").body(json!({}));
    let error = rig.fail(&rig.nobody(), typo.by_nobody());
    assert_eq!((error.kind(), error.status()), (&ErrorKind::NoSuchApi, Some(404)));
    assert_eq!(error.code(), Some("InvalidAction.NotFound"));
}

#[test]
fn doc_row_23_codes_that_no_table_prints_are_understood() {
    let rig = rig_with(impatient());
    let (demo, app) = (rig.demo(), rig.app());
    let user = || GetUser::new(&*demo.user_id);
    let op = "POST /topapi/v2/user/get";
    rig.sandbox.fault(Fault::on(op).times(1).platform_error(PlatformError::Throttled));
    let throttled = rig.fail(&app, user());
    assert!(matches!(throttled.kind(), ErrorKind::Throttled { .. }), "{throttled}");
    assert_eq!(throttled.sub_code(), Some("90018"));

    let app = rig.app();
    rig.sandbox.fault(Fault::on(op).times(1).platform_error(PlatformError::Quota));
    let quota = rig.fail(&app, user());
    assert_eq!((quota.kind(), quota.sub_code()), (&ErrorKind::Quota, Some("90020")));

    let unknown = RawEndpoint::post(Family::TopApi, "/topapi/v2/user/notexist").body(json!({}));
    let unknown = rig.fail(&app, unknown);
    assert_eq!((unknown.kind(), unknown.code()), (&ErrorKind::NoSuchApi, Some("22")));

    let path = "/v1.0/oauth2/accessToken";
    let missing = RawEndpoint::post(Family::OpenApi, path).body(json!({})).by_nobody();
    let missing = rig.fail(&rig.nobody(), missing);
    assert_eq!(missing.kind(), &ErrorKind::BadRequest);
    assert!(missing.code().unwrap().starts_with("Missing"), "{missing}");

    let person = app.user_from_code("a-code-that-never-was");
    let dead = rig.fail(&person, GetContactUser::me());
    assert_eq!(dead.kind(), &ErrorKind::CodeDead);
    assert_eq!(dead.code(), Some("invalidParameter.authCode.notFound"));
}

#[test]
fn doc_row_24_a_403_that_throttles_is_no_missing_permission() {
    for error in [PlatformError::Throttled, PlatformError::PlatformThrottled] {
        let rig = rig_with(impatient());
        let app = rig.app();
        let op = "POST /v1.0/contact/users/search";
        rig.sandbox.fault(Fault::on(op).times(1).platform_error(error));
        let error = rig.fail(&app, SearchUsers::new("林"));
        assert_eq!(error.status(), Some(403));
        assert!(error.code().unwrap().starts_with("Forbidden.AccessDenied.Q"), "{error}");
        assert!(matches!(error.kind(), ErrorKind::Throttled { .. }), "{error}");
    }
}

#[test]
fn doc_row_25_orders_keep_their_eighteen_digits() {
    let rig = rig();
    let (demo, app) = (rig.demo(), rig.app());
    let token = rig.call(&app, ObtainToken::new()).unwrap().value;
    let uri = format!("/topapi/v2/user/get?access_token={}", token.expose());
    let body = json!({"userid": demo.user_id}).to_string();
    let text = rig.raw("POST", &uri, &[JSON], &body).text;
    let person = rig.call(&app, GetUser::new(&*demo.user_id)).unwrap();
    for seat in person.dept_order_list {
        assert!(seat.order > 1 << 53);
        assert!(text.contains(&format!(r#""order":{}"#, seat.order)), "{}", seat.order);
    }
}

#[test]
fn doc_row_26_the_life_of_an_sso_token_is_taken_from_its_answer() {
    let rig = rig();
    let demo = rig.demo();
    let sso = Sso::new(&*demo.corp_id, &*demo.sso_secret, rig.region.clone());
    let held = rig.call(&sso, ObtainToken::new()).unwrap();
    let left = held.expires_at.saturating_sub(now().unix_millis());
    assert!((3_590_000..=3_600_000).contains(&left), "{left}");
    rig.sandbox.clock().advance(Duration::from_secs(3_600));
    let code = rig.sandbox.sso_code(&demo.user_id).unwrap();
    rig.call(&sso, GetSsoUser::new(code)).unwrap();
    assert_eq!(rig.sandbox.token_requests(), 2);
}

#[test]
fn doc_row_27_the_consent_request_writes_nothing_that_the_component_ignores() {
    let demo = rig().demo();
    let request =
        OpenAuthRequest::delegated(&*demo.client_id, &*demo.corp_id).rpc_point("Contact.User.Read");
    let options = request.options().unwrap();
    assert!(options.get("from").is_none(), "{options}");
    assert!(!request.query().unwrap().contains("from="));
}

#[test]
fn doc_row_28_a_closed_dialog_is_a_refusal_with_and_without_a_result() {
    for json in [r#"{"status":"cancel","result":null}"#, r#"{"status":"cancel"}"#] {
        let result = OpenAuthResult::parse(Subject::Delegated, json).unwrap();
        assert!(matches!(result, OpenAuthResult::Cancelled), "{result:?}");
    }
}

#[test]
fn messages_in_either_language_mean_the_same() {
    for language in [Language::Chinese, Language::English] {
        let rig = rig();
        let (demo, app) = (rig.demo(), rig.app());
        rig.sandbox.set_switch(&Switch::Language(language));
        assert_eq!(rig.fail(&app, GetUser::new("nobody")).kind(), &ErrorKind::NotFound);
        rig.sandbox.revoke_all_tokens();
        rig.call(&app, GetUser::new(&*demo.user_id)).unwrap();
        let wrong = rig.app_of(&demo.client_id, "not-the-secret");
        assert_eq!(rig.fail(&wrong, ObtainToken::new()).kind(), &ErrorKind::Credentials);
        let plain = rig.fail(&rig.plain_app(), GetUser::new(&*demo.user_id));
        assert!(matches!(plain.kind(), ErrorKind::Permission { points, .. } if !points.is_empty()));
        let person = app.user_from_code("a-code-that-never-was");
        assert_eq!(rig.fail(&person, GetContactUser::me()).kind(), &ErrorKind::CodeDead);
    }
}
