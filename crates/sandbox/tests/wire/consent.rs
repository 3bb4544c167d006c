//! The openAuth component: every code of its table (wire-facts §8.3).

use dingtalk_sandbox::{App, Consent, ConsentOutcome, Person, Sandbox, Switch};

use crate::support::{app_token, builder, exchange, sandbox, token_of, topapi};

fn code(sandbox: &Sandbox, consent: &Consent) -> i64 {
    sandbox.consent(consent).expect_err("the component refuses").code
}

#[test]
fn every_code_of_the_table_can_be_reached() {
    let orphan = App::third_party("suiteorphan", "s")
        .corp("dingunknown")
        .opened_by("dingcorp")
        .request("Contact.User.Read");
    let sandbox = builder().app(orphan).app(App::internal("dingbare", "s")).in_process();
    let demo = sandbox.demo();
    let person = Consent::delegated(&demo.client_id, &demo.corp_id, &demo.user_id);
    let admin = Consent::application(&demo.client_id, &demo.corp_id, &demo.user_id);
    let with = |client: &str| {
        Consent::delegated(client, &demo.corp_id, &demo.user_id).rpc_scope("Contact.User.Read")
    };
    assert_eq!(code(&sandbox, &Consent::default()), 400_001);
    assert_eq!(code(&sandbox, &person), 400_001, "neither scope");
    assert_eq!(code(&sandbox, &with("")), 400_006);
    assert_eq!(code(&sandbox, &Consent::delegated("x", "", "u").rpc_scope("y")), 400_007);
    assert_eq!(code(&sandbox, &Consent::delegated("x", "c", "").rpc_scope("y")), 400_008);
    assert_eq!(code(&sandbox, &with("nobody")), 500_101);
    assert_eq!(code(&sandbox, &with("dingbare")), 500_102);
    assert_eq!(code(&sandbox, &with("suiteorphan")), 500_105);
    assert_eq!(code(&sandbox, &person.clone().rpc_scope("No.Such")), 500_201);
    assert_eq!(code(&sandbox, &person.clone().rpc_scope("Contact.User.mobile")), 500_202);
    assert_eq!(code(&sandbox, &person.clone().field_scope("Contact.User.Read")), 500_203);
    assert_eq!(code(&sandbox, &admin.clone().rpc_scope("Contact.User.Read")), 500_204);
    assert_eq!(code(&sandbox, &person.clone().rpc_scope("qyapi_get_member")), 500_205);
    let stranger = Consent::application(&demo.client_id, &demo.corp_id, "nobody")
        .rpc_scope("qyapi_get_member");
    assert_eq!(code(&sandbox, &stranger), 500_401);
    let member = Consent::application(&demo.client_id, &demo.corp_id, &demo.member_user_id);
    assert_eq!(code(&sandbox, &member.clone().rpc_scope("qyapi_get_member")), 500_402);
    assert_eq!(
        sandbox
            .consent(&member.rpc_scope("qyapi_get_member").ask_admin())
            .map(|outcome| outcome.to_json()),
        Ok(r#"{"status":"toAdmin","result":null}"#.to_owned())
    );
    sandbox.request_point(&demo.plain_client_id, "qyapi_get_member");
    assert_eq!(code(&sandbox, &with(&demo.plain_client_id)), 500_104);
    sandbox.add_app(
        App::third_party("suiteclosed", "s").request("Contact.User.Read").corp("dingelse"),
    );
    assert_eq!(code(&sandbox, &with("suiteclosed")), 500_105);
    sandbox.set_switch(&Switch::ConsentRecordUnwritable(true));
    assert_eq!(code(&sandbox, &with(&demo.client_id)), 500_404);
    sandbox.set_dead_client(&demo.client_id, true);
    assert_eq!(code(&sandbox, &with(&demo.client_id)), 500_103);
}

#[test]
fn a_sensitive_point_is_the_main_administrators_to_grant() {
    let sub = Person::new("sub01", "副管理员").sub_admin();
    let sandbox = builder().person(sub).in_process();
    let demo = sandbox.demo();
    sandbox.request_point(&demo.plain_client_id, "qyapi_manage_addresslist");
    sandbox.request_point(&demo.plain_client_id, "qyapi_get_member");
    let ask = |user: &str, points: &str| {
        let consent = Consent::application(&demo.plain_client_id, &demo.corp_id, user);
        sandbox.consent(&consent.rpc_scope(points)).map_err(|error| error.code)
    };
    let granted = Ok(ConsentOutcome::Granted { auth_code: None });
    assert_eq!(ask("sub01", "qyapi_get_member"), granted);
    assert_eq!(ask("sub01", "qyapi_get_member,qyapi_manage_addresslist"), Err(500_402));
    assert_eq!(ask(&demo.user_id, "qyapi_manage_addresslist"), granted);
    let code = sandbox.silent_code(&demo.client_id, "sub01").unwrap();
    let told = topapi(
        &sandbox,
        "v2/user/getuserinfo",
        &app_token(&sandbox),
        &format!(r#"{{"code":"{code}"}}"#),
    );
    assert_eq!(
        (&told.json["result"]["sys"], &told.json["result"]["sys_level"]),
        (&true.into(), &2.into())
    );
}

#[test]
fn an_organization_that_has_not_opened_the_app_is_500403() {
    // The vendor's organization is the demo's; the person's is another one that never opened the app.
    let sandbox = builder().in_process();
    let demo = sandbox.demo();
    sandbox.add_app(
        App::internal("dingelsewhere", "s").corp("dingother").request("Contact.User.Read"),
    );
    let consent = Consent::delegated("dingelsewhere", &demo.corp_id, &demo.user_id)
        .rpc_scope("Contact.User.Read");
    assert_eq!(code(&sandbox, &consent), 500_403);
}

#[test]
fn agreeing_brings_a_code_without_the_organization_and_is_remembered() {
    let sandbox = sandbox();
    let demo = sandbox.demo();
    let consent = Consent::delegated(&demo.client_id, &demo.corp_id, &demo.user_id)
        .rpc_scope(" Contact.User.Read ,");
    let outcome = sandbox.consent(&consent).expect("the request is in order");
    let code = outcome.auth_code().expect("type 0 brings a code").to_owned();
    assert_eq!(outcome.to_json(), format!(r#"{{"status":"ok","result":{{"authCode":"{code}"}}}}"#));
    assert_eq!(exchange(&sandbox, &code).keys(), "expireIn accessToken refreshToken");
    assert!(sandbox.withdraw_consent(&demo.client_id, &demo.user_id));
    assert!(!sandbox.withdraw_consent(&demo.client_id, &demo.user_id));
}

#[test]
fn refusing_is_a_cancel_and_grants_nothing() {
    let sandbox = sandbox();
    let demo = sandbox.demo();
    let consent = Consent::delegated(&demo.client_id, &demo.corp_id, &demo.user_id)
        .rpc_scope("Contact.User.Read")
        .refuse();
    assert_eq!(sandbox.consent(&consent), Ok(ConsentOutcome::Cancelled));
    assert!(!sandbox.withdraw_consent(&demo.client_id, &demo.user_id));
}

#[test]
fn an_administrators_consent_opens_the_point_for_the_app() {
    let sandbox = sandbox();
    let demo = sandbox.demo();
    sandbox.request_point(&demo.plain_client_id, "qyapi_get_member");
    sandbox.request_point(&demo.plain_client_id, "qyapi_get_department_list");
    let token = token_of(&sandbox, &demo.plain_client_id, &demo.plain_client_secret);
    let ask = || topapi(&sandbox, "v2/user/get", &token, r#"{"userid":"manager01"}"#).code();
    assert_eq!(ask(), "88/60011");
    let consent = Consent::application(&demo.plain_client_id, &demo.corp_id, &demo.user_id)
        .rpc_scope(".default");
    let outcome = sandbox.consent(&consent).expect("the request is in order");
    assert_eq!(outcome.to_json(), r#"{"status":"ok","result":null}"#);
    assert_eq!(ask(), "0");
    assert_eq!(topapi(&sandbox, "v2/department/listsub", &token, "{}").errcode(), 0);
}
