//! Every error that the platform can make a client meet says what to do about it.

use std::time::{Duration, Instant};

use dingtalk_core::auth::ObtainToken;
use dingtalk_core::contact::{
    GetContactUser, GetDepartment, GetUser, GetUserByCode, GetUserByMobile, ListUsers, SearchUsers,
};
use dingtalk_core::todo::CreateTask;
use dingtalk_core::{ErrorKind, Family, RawEndpoint};
use dingtalk_sandbox::{Fault, PlatformError, Sandbox, Switch};
use dingtalk_tests::impatient;
use serde_json::json;

use super::{rig, rig_of, rig_with};

const GET: &str = "POST /topapi/v2/user/get";
const SEARCH: &str = "POST /v1.0/contact/users/search";

#[test]
fn wrong_credentials_are_told_and_not_tried_again() {
    let rig = rig();
    let demo = rig.demo();
    let app = rig.app_of(&demo.client_id, "not-the-secret");
    for _ in 0..5 {
        let error = rig.fail(&app, GetUser::new(&*demo.user_id));
        assert_eq!(error.kind(), &ErrorKind::Credentials);
        assert_eq!(error.code(), Some("invalidClientIdOrSecret"));
        assert!(error.to_string().contains("check client id and secret"), "{error}");
        assert!(!error.is_temporary());
    }
    assert_eq!(rig.sandbox.token_requests(), 1, "quiet for a minute");
    assert_eq!(rig.count(GET), 0);
    rig.call(&rig.app(), GetUser::new(&*demo.user_id)).unwrap();
}

#[test]
fn a_disabled_app_is_told_as_its_credentials() {
    let rig = rig();
    let (demo, app) = (rig.demo(), rig.app());
    rig.call(&app, GetUser::new(&*demo.user_id)).unwrap();
    rig.sandbox.set_dead_client(&demo.client_id, true);
    let error = rig.fail(&app, GetUser::new(&*demo.user_id));
    assert_eq!(error.kind(), &ErrorKind::Credentials, "{error}");
}

#[test]
fn a_missing_permission_names_the_point_and_where_to_ask_for_it() {
    let rig = rig();
    let demo = rig.demo();
    let app = rig.plain_app();
    let old = rig.fail(&app, GetUser::new(&*demo.user_id));
    let new = rig.fail(&app, SearchUsers::new("林"));
    for (error, point) in [(&old, "qyapi_get_member"), (&new, "qyapi_addresslist_search")] {
        let ErrorKind::Permission { points, link } = error.kind() else {
            panic!("{error}");
        };
        assert_eq!(points, &[point]);
        assert!(error.to_string().contains(point), "{error}");
        if let Some(link) = link {
            assert!(link.starts_with("https://open-dev.dingtalk.com/"), "{link}");
        }
    }
    let ErrorKind::Permission { link: Some(link), .. } = old.kind() else {
        panic!("the old family prints a link: {old:?}");
    };
    assert!(link.contains(&demo.plain_client_id) && link.contains("qyapi_get_member"), "{link}");
    assert_eq!(rig.count(GET), 1, "asking again would not help");

    // Once it is granted, the same client works.
    rig.sandbox.grant(&demo.plain_client_id, "qyapi_get_member");
    rig.call(&app, GetUser::new(&*demo.user_id)).unwrap();
}

#[test]
fn a_person_who_did_not_consent_to_it_is_a_missing_permission() {
    let rig = rig();
    let app = rig.app();
    let person = rig.consenting(&app, "Todo.Todo.Write", "");
    let error = rig.fail(&person, GetContactUser::me());
    let ErrorKind::Permission { points, .. } = error.kind() else {
        panic!("{error}");
    };
    assert_eq!(points, &["Contact.User.Read"]);
}

#[test]
fn people_and_departments_out_of_sight_are_told_as_that() {
    let narrow = dingtalk_sandbox::App::internal("dingnarrow", "narrow-secret")
        .grant("qyapi_get_member")
        .grant("qyapi_get_department_member")
        .contact_scope(&[604_118_223], &["u-qian"]);
    let rig = rig_of(Sandbox::builder().app(narrow));
    let app = rig.app_of("dingnarrow", "narrow-secret");
    rig.call(&app, GetUser::new("u-qian")).unwrap();
    let person = rig.fail(&app, GetUser::new("u-lin-xia"));
    assert_eq!((person.kind(), person.code()), (&ErrorKind::OutsideScope, Some("50002")));
    let department = rig.fail(&app, ListUsers::new(604_118_220));
    assert_eq!((department.kind(), department.code()), (&ErrorKind::OutsideScope, Some("50004")));
    assert!(person.to_string().contains("widen it"), "{person}");
}

#[test]
fn not_found_is_a_result_that_is_not_asked_for_twice() {
    let rig = rig();
    let app = rig.app();
    assert_eq!(rig.fail(&app, GetUser::new("nobody")).kind(), &ErrorKind::NotFound);
    assert_eq!(rig.fail(&app, GetUserByMobile::new("13911111111")).kind(), &ErrorKind::NotFound);
    assert_eq!(rig.fail(&app, GetDepartment::new(999)).kind(), &ErrorKind::NotFound);
    assert_eq!(rig.count(GET), 1);
}

#[test]
fn a_code_used_twice_is_dead_the_second_time_and_goes_out_once_each() {
    let rig = rig();
    let (demo, app) = (rig.demo(), rig.app());
    let code = rig.sandbox.silent_code(&demo.client_id, &demo.user_id).unwrap();
    rig.call(&app, GetUserByCode::new(&*code)).unwrap();
    let again = rig.fail(&app, GetUserByCode::new(&*code));
    assert_eq!((again.kind(), again.code()), (&ErrorKind::CodeDead, Some("40078")));
    assert_eq!(rig.count("POST /topapi/v2/user/getuserinfo"), 2);
    assert!(again.to_string().contains("start the login again"), "{again}");
}

#[test]
fn a_code_older_than_five_minutes_or_of_the_other_kind_is_dead() {
    let rig = rig();
    let (demo, app) = (rig.demo(), rig.app());
    let silent = || rig.sandbox.silent_code(&demo.client_id, &demo.user_id).unwrap();
    let wrong_kind = app.user_from_code(silent());
    assert_eq!(rig.fail(&wrong_kind, GetContactUser::me()).kind(), &ErrorKind::CodeDead);
    let old = silent();
    let person = rig.consenting(&app, "Contact.User.Read", "");
    rig.sandbox.clock().advance(Duration::from_secs(301));
    assert_eq!(rig.fail(&app, GetUserByCode::new(old)).kind(), &ErrorKind::CodeDead);
    assert_eq!(rig.fail(&person, GetContactUser::me()).kind(), &ErrorKind::CodeDead);
}

#[test]
fn a_persons_dead_code_is_sent_once_however_often_they_call() {
    let rig = rig();
    let person = rig.app().user_from_code("a-code-that-never-was");
    for _ in 0..4 {
        let error = rig.fail(&person, GetContactUser::me());
        assert!(
            matches!(error.kind(), ErrorKind::CodeDead | ErrorKind::LoginAgain { .. }),
            "{error}"
        );
    }
    assert_eq!(rig.count("POST /v1.0/oauth2/userAccessToken"), 1);
}

#[test]
fn a_session_of_more_than_thirty_days_wants_a_new_login() {
    let rig = rig();
    let app = rig.app();
    let person = rig.consenting(&app, "Contact.User.Read", "");
    rig.call(&person, GetContactUser::me()).unwrap();
    rig.sandbox.clock().advance(Duration::from_secs(31 * 86_400));
    let error = rig.fail(&person, GetContactUser::me());
    assert_eq!(error.kind(), &ErrorKind::LoginAgain { in_doubt: false });
    assert!(error.to_string().contains("log in again"), "{error}");
}

#[test]
fn unknown_paths_are_told_in_every_family() {
    let rig = rig();
    let app = rig.app();
    for (family, path) in [
        (Family::OpenApi, "/v1.0/contact/nothing"),
        (Family::TopApi, "/topapi/v2/nothing"),
        (Family::Legacy, "/user/nothing"),
    ] {
        let error = rig.fail(&app, RawEndpoint::post(family, path).body(json!({})));
        assert_eq!(error.kind(), &ErrorKind::NoSuchApi, "{path}: {error}");
    }
    assert_eq!(rig.count("unknown"), 3);
}

#[test]
fn a_bad_argument_is_for_the_program_to_fix() {
    let rig = rig();
    let app = rig.app();
    let error = rig.fail(&app, SearchUsers::new("林").offset(-1));
    assert_eq!((error.kind(), error.code()), (&ErrorKind::BadRequest, Some("parameter.error")));
    assert_eq!(rig.fail(&app, ListUsers::new(1).size(0)).kind(), &ErrorKind::BadRequest);
    assert_eq!(rig.count(SEARCH), 1, "never repeated");
}

#[test]
fn a_suite_ticket_out_of_date_waits_for_the_next_push() {
    let rig = rig();
    let demo = rig.demo();
    let ask = RawEndpoint::post(Family::OpenApi, "/v1.0/oauth2/corpAccessToken").body(json!({
        "suiteKey": demo.suite_key, "suiteSecret": demo.suite_secret,
        "authCorpId": demo.corp_id, "suiteTicket": "an-old-one",
    }));
    let error = rig.fail(&rig.nobody(), ask.by_nobody());
    assert_eq!(error.kind(), &ErrorKind::TicketStale, "{error}");
    assert!(error.is_temporary());
}

#[test]
fn a_throttled_call_waits_and_works_in_every_family() {
    let rig = rig();
    let (demo, app) = (rig.demo(), rig.app());
    rig.call(&app, ObtainToken::new()).unwrap();
    for (operation, error) in [
        (GET, PlatformError::Throttled),
        (SEARCH, PlatformError::PlatformThrottled),
        ("GET /auth/scopes", PlatformError::ServiceThrottled),
    ] {
        let fault = Fault::on(operation).times(1).platform_error(error);
        let fault = rig.sandbox.fault(fault);
        let begin = Instant::now();
        match operation {
            GET => drop(rig.call(&app, GetUser::new(&*demo.user_id)).unwrap()),
            SEARCH => drop(rig.call(&app, SearchUsers::new("林")).unwrap()),
            _ => drop(rig.call(&app, dingtalk_core::auth::GetScopes::new()).unwrap()),
        }
        assert!(begin.elapsed() >= Duration::from_secs(1), "the platform's own pause");
        assert_eq!((fault.hits(), rig.count(operation)), (1, 2));
    }
}

#[test]
fn a_throttled_call_without_time_to_wait_says_when() {
    let rig = rig_with(impatient());
    let (demo, app) = (rig.demo(), rig.app());
    rig.sandbox.fault(Fault::on(GET).platform_error(PlatformError::Throttled));
    let error = rig.fail(&app, GetUser::new(&*demo.user_id));
    let ErrorKind::Throttled { retry_in } = error.kind() else {
        panic!("{error}");
    };
    assert!(*retry_in >= Duration::from_secs(1), "{retry_in:?}");
    assert!(error.is_temporary());
}

#[test]
fn an_app_that_met_the_real_limit_is_paced_and_loses_no_call() {
    let rig = rig_of(Sandbox::builder().switch(Switch::AppRateLimit(Some(20))));
    let (demo, app) = (rig.demo(), rig.app());
    for _ in 0..35 {
        rig.call(&app, GetUser::new(&*demo.user_id)).unwrap();
    }
    let entries = rig.sandbox.journal().entries();
    let refused = entries.iter().filter(|entry| entry.code.is_some()).count();
    assert!(refused <= 2, "paced after the first refusal, not refused {refused} times");
}

#[test]
fn a_program_that_keeps_to_the_limit_from_the_start_is_never_refused() {
    let rig = rig_of(Sandbox::builder().switch(Switch::AppRateLimit(Some(20))));
    let demo = rig.demo();
    let app = dingtalk_core::App::builder(&*demo.client_id, &*demo.client_secret)
        .region(rig.region.clone())
        .rate_limit(20)
        .build();
    for _ in 0..30 {
        rig.call(&app, GetUser::new(&*demo.user_id)).unwrap();
    }
    assert!(rig.sandbox.journal().entries().iter().all(|entry| entry.code.is_none()));
}

#[test]
fn a_month_that_is_used_up_is_not_waited_for() {
    let rig = rig_of(Sandbox::builder().switch(Switch::MonthlyQuota(Some(1))));
    let (demo, app) = (rig.demo(), rig.app());
    let create = || CreateTask::new(&*demo.union_id, "一件", "https://a.example");
    rig.call(&app, create()).unwrap();
    let begin = Instant::now();
    let error = rig.fail(&app, create());
    assert_eq!(error.kind(), &ErrorKind::Quota, "{error}");
    assert!(begin.elapsed() < Duration::from_secs(1));
    assert!(!error.is_temporary());
    rig.call(&app, GetUser::new(&*demo.user_id)).unwrap();
}

#[test]
fn a_banned_address_stops_every_call_of_the_region_and_sends_nothing_more() {
    for html in [true, false] {
        let rig = rig_of(
            Sandbox::builder()
                .switch(Switch::AddressLimit(Some(4)))
                .switch(Switch::BanPageIsHtml(html)),
        );
        let (demo, app) = (rig.demo(), rig.app());
        let banned = loop {
            match rig.call(&app, GetUser::new(&*demo.user_id)) {
                Ok(_) => assert!(rig.sandbox.journal().total() <= 4),
                Err(error) => break error,
            }
        };
        let ErrorKind::IpBanned { retry_in } = banned.kind() else {
            panic!("html: {html}, {banned}");
        };
        assert!(retry_in.as_secs() > 290, "{retry_in:?}");
        let sent = rig.sandbox.journal().total();
        for app in [&app, &rig.plain_app()] {
            let error = rig.fail(app, SearchUsers::new("林"));
            assert!(matches!(error.kind(), ErrorKind::IpBanned { .. }), "{error}");
        }
        assert_eq!(rig.sandbox.journal().total(), sent);
    }
}

#[test]
fn an_address_off_the_white_list_is_named() {
    let rig = rig();
    let (demo, app) = (rig.demo(), rig.app());
    rig.sandbox.fault(Fault::on(GET).platform_error(PlatformError::IpNotAllowed));
    rig.sandbox.fault(Fault::on(SEARCH).platform_error(PlatformError::IpNotAllowed));
    let old = rig.fail(&app, GetUser::new(&*demo.user_id));
    let ErrorKind::IpNotAllowed { ip: Some(ip) } = old.kind() else {
        panic!("{old:?}");
    };
    assert!(ip.parse::<std::net::IpAddr>().is_ok(), "{ip}");
    assert!(old.to_string().contains(&**ip), "{old}");
    let new = rig.fail(&app, SearchUsers::new("林"));
    assert!(matches!(new.kind(), ErrorKind::IpNotAllowed { .. }), "{new}");
    assert_eq!((rig.count(GET), rig.count(SEARCH)), (1, 1));
}

#[test]
fn a_token_that_stays_rejected_is_an_error_after_one_renewal() {
    let rig = rig();
    let (demo, app) = (rig.demo(), rig.app());
    rig.call(&app, ObtainToken::new()).unwrap();
    rig.sandbox.fault(Fault::on(GET).platform_error(PlatformError::TokenDead));
    let error = rig.fail(&app, GetUser::new(&*demo.user_id));
    assert_eq!(error.kind(), &ErrorKind::TokenRejected, "{error}");
    assert_eq!((rig.count(GET), rig.sandbox.token_requests()), (2, 2));
    rig.sandbox.clear_faults();
    rig.call(&app, GetUser::new(&*demo.user_id)).unwrap();
}

#[test]
fn a_code_that_nobody_knows_is_kept_for_the_program_to_read() {
    let rig = rig();
    let (demo, app) = (rig.demo(), rig.app());
    let body = r#"{"errcode":660026,"errmsg":"新的错误","request_id":"16p4k2v9d7xqz"}"#;
    rig.sandbox.fault(Fault::on(GET).answer(200, "application/json", body));
    let error = rig.fail(&app, GetUser::new(&*demo.user_id));
    assert_eq!(error.kind(), &ErrorKind::Unknown);
    assert_eq!((error.code(), error.message()), (Some("660026"), Some("新的错误")));
    assert_eq!(error.request_id(), Some("16p4k2v9d7xqz"));
    assert_eq!(error.operation(), Some("contact.get_user"));
}
