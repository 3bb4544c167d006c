//! Who may call, and how each gets a token.

use dingtalk_core::auth::{
    GetAccessToken, GetCorpToken, GetScopes, GetSsoToken, GetSsoUser, GetTokenLegacy, GetUserToken,
    ObtainToken,
};
use dingtalk_core::contact::{GetContactUser, GetUser};
use dingtalk_core::jsapi::{CreateTicket, GetTicketLegacy, ObtainTicket};
use dingtalk_core::{App, ErrorKind, Family, RawEndpoint, Sso, UserId};
use dingtalk_sandbox::Consent;
use serde_json::json;

use super::rig;

#[test]
fn an_app_gets_its_token_by_each_of_the_three_ways() {
    let rig = rig();
    let demo = rig.demo();
    let builder =
        || App::builder(&*demo.client_id, &*demo.client_secret).region(rig.region.clone());
    for (app, operation) in [
        (builder().build(), "POST /v1.0/oauth2/accessToken"),
        (builder().by_gettoken().build(), "GET /gettoken"),
        (builder().by_organization(&*demo.corp_id).build(), "POST /v1.0/oauth2/{corpId}/token"),
    ] {
        rig.call(&app, GetUser::new(&*demo.user_id)).unwrap();
        rig.call(&app, ObtainTicket::new()).unwrap();
        assert_eq!(rig.count(operation), 1, "{operation}");
        rig.sandbox.revoke_all_tokens();
        rig.call(&app, GetUser::new(&*demo.user_id)).unwrap();
        assert_eq!(rig.count(operation), 2, "{operation}: renewed the way it was got");
    }
    assert_eq!(rig.sandbox.token_requests(), 6);
}

#[test]
fn the_three_ways_give_one_token() {
    let rig = rig();
    let demo = rig.demo();
    let nobody = rig.nobody();
    let (id, secret) = (&*demo.client_id, &*demo.client_secret);
    let new = rig.call(&nobody, GetAccessToken::new(id, secret)).unwrap();
    let old = rig.call(&nobody, GetTokenLegacy::new(id, secret)).unwrap();
    let org = rig.call(&nobody, GetCorpToken::new(&*demo.corp_id, id, secret)).unwrap();
    assert_eq!(new.access_token.expose(), old.access_token.expose());
    assert_eq!(new.access_token.expose(), org.access_token.expose());
}

#[test]
fn an_administrator_is_known_by_single_sign_on() {
    let rig = rig();
    let demo = rig.demo();
    let sso = Sso::new(&*demo.corp_id, &*demo.sso_secret, rig.region.clone());
    let code = rig.sandbox.sso_code(&demo.user_id).unwrap();
    let who = rig.call(&sso, GetSsoUser::new(&*code)).unwrap();
    assert_eq!(who.user_id, *demo.user_id);
    assert_eq!(who.corp_id.unwrap(), *demo.corp_id);
    assert!(who.is_admin);

    let again = rig.fail(&sso, GetSsoUser::new(&*code));
    assert_eq!(again.kind(), &ErrorKind::CodeDead);
    let member = rig.sandbox.sso_code(&demo.member_user_id).unwrap();
    assert!(!rig.call(&sso, GetSsoUser::new(member)).unwrap().is_admin);
    assert_eq!(rig.sandbox.token_requests(), 1);
}

#[test]
fn a_wrong_sso_secret_is_wrong_credentials() {
    let rig = rig();
    let demo = rig.demo();
    let sso = Sso::new(&*demo.corp_id, "not-the-secret", rig.region.clone());
    assert_eq!(rig.fail(&sso, ObtainToken::new()).kind(), &ErrorKind::Credentials);
    let by_hand = GetSsoToken::new(&*demo.corp_id, "not-the-secret");
    assert_eq!(rig.fail(&rig.nobody(), by_hand).kind(), &ErrorKind::Credentials);
}

#[test]
fn both_ticket_endpoints_give_the_one_ticket() {
    let rig = rig();
    let app = rig.app();
    let held = rig.call(&app, ObtainTicket::new()).unwrap();
    let new = rig.call(&app, CreateTicket::new()).unwrap();
    let old = rig.call(&app, GetTicketLegacy::new()).unwrap();
    assert_eq!(new.ticket.expose(), held.value.expose());
    assert_eq!(old.ticket.expose(), held.value.expose());
}

#[test]
fn the_scope_of_an_app_is_what_the_console_says() {
    let narrow = dingtalk_sandbox::App::internal("dingnarrow", "narrow-secret")
        .grant("qyapi_get_member")
        .contact_scope(&[604_118_223], &["u-qian"]);
    let rig = super::rig_of(dingtalk_sandbox::Sandbox::builder().app(narrow));
    let app = rig.app_of("dingnarrow", "narrow-secret");
    let scopes = rig.call(&app, GetScopes::new()).unwrap().auth_org_scopes;
    assert_eq!(scopes.authed_user, [UserId::from("u-qian")]);
    assert_eq!(scopes.authed_dept.len(), 1);
}

#[test]
fn an_exchange_by_hand_is_possible_and_uses_the_code_up() {
    let rig = rig();
    let demo = rig.demo();
    let consent = Consent::delegated(&*demo.client_id, &*demo.corp_id, &*demo.user_id)
        .rpc_scope("Contact.User.Read");
    let code = rig.sandbox.consent(&consent).unwrap().auth_code().unwrap().to_owned();
    let exchange = || GetUserToken::from_code(&*demo.client_id, &*demo.client_secret, &*code);
    let pair = rig.call(&rig.nobody(), exchange()).unwrap();
    assert_eq!(pair.expires_in, 7_200);
    assert_eq!(rig.fail(&rig.nobody(), exchange()).kind(), &ErrorKind::CodeDead);

    let refresh = GetUserToken::from_refresh_token(
        &*demo.client_id,
        &*demo.client_secret,
        pair.refresh_token.unwrap(),
    );
    let renewed = rig.call(&rig.nobody(), refresh).unwrap();
    assert_ne!(renewed.access_token.expose(), pair.access_token.expose());
}

#[test]
fn a_raw_call_lives_the_life_of_a_typed_one() {
    let rig = rig();
    let (demo, app) = (rig.demo(), rig.app());
    let get = RawEndpoint::post(Family::TopApi, "/topapi/v2/user/get")
        .body(json!({"userid": demo.user_id}))
        .read();
    assert_eq!(rig.call(&app, get.clone()).unwrap()["unionid"], *demo.union_id);
    rig.sandbox.revoke_all_tokens();
    assert_eq!(rig.call(&app, &get).unwrap()["userid"], *demo.user_id);

    let search = RawEndpoint::post(Family::OpenApi, "/v1.0/contact/users/search")
        .body(json!({"queryWord": "林", "offset": 0, "size": 10}))
        .read();
    assert_eq!(rig.call(&app, search).unwrap()["list"][0], "u-lin-xia");
    let scopes = RawEndpoint::get(Family::Legacy, "/auth/scopes");
    assert!(rig.call(&app, scopes).unwrap()["auth_org_scopes"].is_object());

    let person = rig.consenting(&app, "Contact.User.Read", "");
    let me =
        RawEndpoint::get(Family::OpenApi, "/v1.0/contact/users/{unionId}").variable("me").by_user();
    assert_eq!(rig.call(&person, me).unwrap()["unionId"], *demo.union_id);
    assert_eq!(rig.sandbox.token_requests(), 3, "the app twice, the person once");
}

#[test]
fn a_person_of_another_app_is_another_person() {
    let rig = rig();
    let person = rig.consenting(&rig.app(), "Contact.User.Read", "");
    rig.call(&person, GetContactUser::me()).unwrap();
    let token = person.tokens(dingtalk_tests::now()).refresh_token.unwrap();
    let stolen = rig.plain_app().user_from_refresh_token(token);
    let error = rig.fail(&stolen, GetContactUser::me());
    assert!(matches!(error.kind(), ErrorKind::LoginAgain { .. }), "{error}");
}
