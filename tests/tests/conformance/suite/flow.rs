//! The way through the platform, from the app's token to a person's to-do.

use std::time::Duration;

use dingtalk_core::auth::{
    AuthorizeUrl, CallbackError, GetAuthRules, ObtainToken, OpenAuthResult, State, Subject,
    parse_callback,
};
use dingtalk_core::contact::{GetContactUser, GetUser, GetUserByCode};
use dingtalk_core::jsapi::{DdConfig, Hash, Nonce, ObtainTicket};
use dingtalk_core::todo::{CreateTask, GetTask};
use dingtalk_core::{AgentId, ErrorKind};
use dingtalk_sandbox::{BrowserLogin, Consent};
use dingtalk_tests::now;

use super::rig;

const USER_TOKEN: &str = "POST /v1.0/oauth2/userAccessToken";
const TWO_HOURS: Duration = Duration::from_secs(7_200);

#[test]
fn the_whole_way_from_the_app_token_to_a_killed_token_that_nobody_notices() {
    let rig = rig();
    let (demo, app) = (rig.demo(), rig.app());

    // The app is somebody, and reads a person's details.
    rig.call(&app, ObtainToken::new()).unwrap();
    let details = rig.call(&app, GetUser::new(&*demo.user_id)).unwrap();
    assert_eq!(details.unionid.unwrap(), *demo.union_id);
    assert_eq!(details.mobile.as_deref(), Some(&*demo.mobile));

    // A page inside the client says who is there, without asking.
    let code = rig.sandbox.silent_code(&demo.client_id, &demo.user_id).unwrap();
    let who = rig.call(&app, GetUserByCode::new(code)).unwrap();
    assert_eq!(who.userid, *demo.user_id);

    // The page may use the client's interfaces.
    let ticket = rig.call(&app, ObtainTicket::new()).unwrap();
    let page = "https://app.example.com/index.html?x=%E4%B8%AD#/route";
    let config = DdConfig::for_page(AgentId::new(demo.agent_id), &*demo.corp_id, page)
        .api("biz.contact.choose")
        .sign(&ticket.value, &Nonce::from_entropy([7; 16]), now())
        .unwrap();
    let config = serde_json::to_value(config).unwrap();
    assert_eq!(rig.sandbox.verify_config(&config, page), Ok(()));

    // The person lets the app act in their name.
    let consent = Consent::delegated(&*demo.client_id, &*demo.corp_id, &*demo.user_id)
        .rpc_scope("Contact.User.Read,Todo.Todo.Write")
        .field_scope("Contact.User.mobile");
    let json = rig.sandbox.consent(&consent).unwrap().to_json();
    let OpenAuthResult::Granted(code) = OpenAuthResult::parse(Subject::Delegated, &json).unwrap()
    else {
        panic!("not granted: {json}");
    };
    let person = app.user_from_code(code);
    let profile = rig.call(&person, GetContactUser::me()).unwrap();
    assert_eq!(profile.union_id.unwrap(), *demo.union_id);
    assert_eq!(profile.mobile.as_deref(), Some(&*demo.mobile));

    // A to-do for them.
    let task = CreateTask::new(&*demo.union_id, "敲三下门", "https://app.example.com/t/1");
    let task = rig.call(&app, task).unwrap();
    assert_eq!(rig.call(&app, GetTask::new(&*demo.union_id, task.id)).unwrap().subject, "敲三下门");

    // Two hours later the person's token is replaced, by the refresh token.
    let before = person.tokens(now()).refresh_token.unwrap();
    rig.sandbox.clock().advance(TWO_HOURS);
    rig.call(&person, GetContactUser::me()).unwrap();
    assert_eq!(rig.count(USER_TOKEN), 2);
    assert_ne!(person.tokens(now()).refresh_token.unwrap().expose(), before.expose());

    // And a token that the platform killed is replaced behind the caller's back.
    rig.call(&app, GetUser::new(&*demo.user_id)).unwrap();
    assert!(rig.sandbox.revoke_all_tokens() > 0);
    let requests = rig.sandbox.token_requests();
    rig.call(&app, GetUser::new(&*demo.user_id)).unwrap();
    rig.call(&person, GetContactUser::me()).unwrap();
    assert_eq!(rig.sandbox.token_requests(), requests + 2, "one each");
}

#[test]
fn one_token_serves_every_family_and_every_call() {
    let rig = rig();
    let (demo, app) = (rig.demo(), rig.app());
    for _ in 0..5 {
        rig.call(&app, GetUser::new(&*demo.user_id)).unwrap();
        rig.call(&app, dingtalk_core::auth::GetScopes::new()).unwrap();
        rig.call(&app, dingtalk_core::contact::SearchUsers::new("周")).unwrap();
    }
    assert_eq!(rig.sandbox.token_requests(), 1);
    let entries = rig.sandbox.journal().entries();
    let mut tokens: Vec<_> = entries.iter().filter_map(|entry| entry.token.as_ref()).collect();
    assert_eq!(tokens.len(), 15, "every call carried one");
    tokens.dedup();
    assert_eq!(tokens.len(), 1);
}

#[test]
fn the_page_ticket_is_fetched_once_and_signs_in_both_hashes() {
    let rig = rig();
    let (demo, app) = (rig.demo(), rig.app());
    for (at, hash) in [Hash::Sha256, Hash::Sha1].into_iter().enumerate() {
        let ticket = rig.call(&app, ObtainTicket::new()).unwrap();
        let page = format!("https://app.example.com:8443/p{at}?y=a%2Bb&z=1+2");
        let config = DdConfig::for_page(AgentId::new(demo.agent_id), &*demo.corp_id, &*page)
            .api("dd.getLocation")
            .hash(hash)
            .sign(&ticket.value, &Nonce::from_entropy([9; 16]), now())
            .unwrap();
        let json = serde_json::to_value(&config).unwrap();
        assert_eq!(rig.sandbox.verify_config(&json, &page), Ok(()));
        let elsewhere = rig.sandbox.verify_config(&json, "https://app.example.com/other");
        assert_eq!(elsewhere.unwrap_err().code, 52013);
    }
    assert_eq!(rig.count("POST /v1.0/oauth2/jsapiTickets"), 1);
}

#[test]
fn a_page_ticket_is_had_although_the_app_token_was_killed() {
    let rig = rig();
    let app = rig.app();
    rig.call(&app, ObtainToken::new()).unwrap();
    rig.sandbox.revoke_all_tokens();
    rig.call(&app, ObtainTicket::new()).unwrap();
    assert_eq!(rig.count("POST /v1.0/oauth2/jsapiTickets"), 2);
}

#[test]
fn a_browser_login_ends_with_a_person_and_their_organization() {
    let rig = rig();
    let (demo, app) = (rig.demo(), rig.app());
    let state = State::from_entropy([3; 16]);
    let url = AuthorizeUrl::new(&rig.region, &*demo.client_id, &*demo.redirect_uri, &state)
        .unwrap()
        .with_organization()
        .url();

    // The person's browser shows the page and sends its form.
    let page = rig.raw("GET", url.strip_prefix(rig.region.login()).unwrap(), &[], "");
    assert_eq!(page.status, 200, "{}", page.text);
    let nonce = page.text.split(r#"name="nonce" value=""#).nth(1).unwrap();
    let nonce = nonce.split('"').next().unwrap();
    let form = format!("nonce={nonce}&user={}&decision=approve", demo.user_id);
    let request = http::Request::post("/oauth2/auth")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form.into_bytes())
        .unwrap();
    let answer = rig.sandbox.handle(request);
    let location = answer.headers()["location"].to_str().unwrap();
    assert!(location.starts_with(&demo.redirect_uri), "{location}");

    let forged = State::from_entropy([4; 16]);
    assert_eq!(parse_callback(location, &forged).unwrap_err(), CallbackError::StateDiffers);
    let person = app.user_from_code(parse_callback(location, &state).unwrap());
    let profile = rig.call(&person, GetContactUser::me()).unwrap();
    assert_eq!(profile.union_id.unwrap(), *demo.union_id);
    assert_eq!(person.tokens(now()).corp_id.unwrap(), *demo.corp_id);
}

#[test]
fn a_refused_browser_login_is_told_and_brings_no_code() {
    let rig = rig();
    let demo = rig.demo();
    let state = State::from_entropy([5; 16]);
    let mut login = BrowserLogin::new(demo.client_id, demo.redirect_uri, demo.user_id);
    login.state = state.expose().to_owned();
    login.refuse = true;
    let back = rig.sandbox.login(&login).unwrap();
    let error = parse_callback(&back, &state).unwrap_err();
    assert_eq!(error, CallbackError::Refused { error: "access_denied".into() });
}

#[test]
fn a_consent_grants_exactly_what_was_asked_for() {
    let rig = rig();
    let app = rig.app();
    let person = rig.consenting(&app, "Contact.User.Read", "");
    assert_eq!(rig.call(&person, GetContactUser::me()).unwrap().mobile, None);
    let rules = rig.call(&person, GetAuthRules::new()).unwrap();
    assert!(rules.grants("rpc_auth", "Contact.User.Read"));
    assert!(!rules.grants("Contact.User", "mobile"));

    let person = rig.consenting(&app, "Contact.User.Read", "Contact.User.mobile");
    assert!(rig.call(&person, GetContactUser::me()).unwrap().mobile.is_some());
    assert!(rig.call(&person, GetAuthRules::new()).unwrap().grants("Contact.User", "mobile"));
}

#[test]
fn two_people_of_one_app_are_never_mixed_up() {
    let rig = rig();
    let (demo, app) = (rig.demo(), rig.app());
    let one = rig.consenting(&app, "Contact.User.Read", "");
    let consent = Consent::delegated(&*demo.client_id, &*demo.corp_id, &*demo.member_user_id)
        .rpc_scope("Contact.User.Read");
    let code = rig.sandbox.consent(&consent).unwrap().auth_code().unwrap().to_owned();
    let other = app.user_from_code(code);
    for _ in 0..3 {
        let id = |person| rig.call(person, GetContactUser::me()).unwrap().union_id.unwrap();
        assert_eq!(id(&one), *demo.union_id);
        assert_eq!(id(&other), *demo.member_union_id);
        rig.sandbox.revoke_all_tokens();
    }
}

#[test]
fn a_session_outlives_the_process_by_its_kept_refresh_token() {
    let rig = rig();
    let app = rig.app();
    let person = rig.consenting(&app, "Contact.User.Read", "");
    rig.call(&person, GetContactUser::me()).unwrap();
    let kept = person.tokens(now()).refresh_token.unwrap();

    let later = app.user_from_refresh_token(kept.clone());
    rig.call(&later, GetContactUser::me()).unwrap();
    assert_eq!(rig.count(USER_TOKEN), 2);

    // It was replaced by that; who comes with the old one has to log in again.
    let stale = app.user_from_refresh_token(kept);
    let error = rig.fail(&stale, GetContactUser::me());
    assert_eq!(error.kind(), &ErrorKind::LoginAgain { in_doubt: false });
}

#[test]
fn a_program_that_keeps_tokens_itself_needs_no_token_request() {
    let rig = rig();
    let (demo, app) = (rig.demo(), rig.app());
    rig.call(&app, ObtainToken::new()).unwrap();
    let (token, expires) = app.token(now()).unwrap();
    let reborn = rig.app();
    reborn.seed(token, expires, now());
    rig.call(&reborn, GetUser::new(&*demo.user_id)).unwrap();
    assert_eq!(rig.sandbox.token_requests(), 1);
}

#[test]
fn a_token_near_its_end_is_replaced_before_it_dies() {
    let rig = rig();
    let (demo, app) = (rig.demo(), rig.app());
    rig.call(&app, ObtainToken::new()).unwrap();
    let (token, _) = app.token(now()).unwrap();
    let reborn = rig.app();
    let end = now() + Duration::from_millis(1_200);
    reborn.seed(token, end, now());
    rig.call(&reborn, GetUser::new(&*demo.user_id)).unwrap();
    std::thread::sleep(end.left(now()) + Duration::from_millis(20));
    rig.call(&reborn, GetUser::new(&*demo.user_id)).unwrap();
    assert_eq!(rig.sandbox.token_requests(), 2, "once, when its own end came near");
    let codes = rig.sandbox.journal().entries();
    assert!(codes.iter().all(|entry| entry.code.is_none()), "nothing was ever refused");
}
