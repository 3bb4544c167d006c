//! What belongs to somebody else: codes at another log-in's door, and tokens of another organization.

use dingtalk_sandbox::{App, Person, Sandbox};
use serde_json::{Value, json};

use crate::contract::succeeded;
use crate::examples::{Example, example};
use crate::support::{app_token, sandbox, token_of, topapi, v1};

/// Where codes are redeemed, the pool that each takes from, and what it says to any other code.
const DOORS: [(&str, &str, &str); 7] = [
    ("POST /topapi/v2/user/getuserinfo", "silent", "40078"),
    ("GET /user/getuserinfo", "silent", "40078"),
    ("POST /v1.0/oauth2/userAccessToken", "oauth", "400 invalidParameter.authCode.notFound"),
    ("GET /v1.0/oauth2/ssoUserInfo", "sso", "400 invalidCode"),
    ("GET /sso/getuserinfo", "sso", "41007"),
    ("POST /sns/getuserinfo_bycode", "sns", "40078"),
    ("POST /service/get_permanent_code", "authorization", "40078"),
];

fn code_of(example: &Example) -> String {
    let in_query = example.query.iter().find(|(name, _)| name == "code");
    let body = example.body.as_ref();
    let in_body = body.and_then(|body| body.get("code").or_else(|| body.get("tmp_auth_code")));
    let code = in_query.map(|(_, code)| code.clone());
    code.or_else(|| in_body?.as_str().map(str::to_owned)).expect("there is a code in it")
}

fn with_code(example: &Example, code: &str) -> Example {
    let mut example = example.clone();
    for (name, value) in &mut example.query {
        if name == "code" {
            code.clone_into(value);
        }
    }
    for name in ["code", "tmp_auth_code"] {
        if let Some(value) = example.body.as_mut().and_then(|body| body.get_mut(name)) {
            *value = code.into();
        }
    }
    example
}

#[test]
fn a_code_opens_no_door_but_its_own_and_is_not_used_up_at_another_one() {
    let sandbox = sandbox();
    let mut refused = 0;
    for (home, pool, _) in DOORS {
        for (door, other, says) in DOORS {
            if pool == other {
                continue;
            }
            let (own, foreign) = (example(&sandbox, home), example(&sandbox, door));
            let code = code_of(&own);
            let answer = with_code(&foreign, &code).send(&sandbox);
            assert_eq!(answer.code(), says, "{pool} code at {door}: {}", answer.text);
            let answer = own.send(&sandbox);
            assert!(succeeded(&own, &answer), "{home} after {door}: {}", answer.text);
            refused += 1;
        }
    }
    assert_eq!(refused, 38);
}

/// Another organization with an app and a person of its own.
fn with_neighbour() -> (Sandbox, String) {
    let sandbox = sandbox();
    sandbox.add_company("dingother", "Other");
    assert!(
        sandbox.add_person_to("dingother", Person::new("neighbour", "邻居").mobile("15600001111"))
    );
    sandbox.add_app(App::internal("dingnext", "next-secret").corp("dingother").grant_everything());
    let token = token_of(&sandbox, "dingnext", "next-secret");
    (sandbox, token)
}

#[test]
fn a_token_of_another_organization_sees_nobody_of_this_one() {
    let (sandbox, foreign) = with_neighbour();
    let (demo, own) = (sandbox.demo(), app_token(&sandbox));
    let by_union = json!({ "unionid": demo.union_id }).to_string();
    let by_mobile = json!({ "mobile": demo.mobile }).to_string();
    let by_id = json!({ "userid": demo.user_id }).to_string();
    for (path, body) in [
        ("v2/user/get", by_id.as_str()),
        ("user/getbyunionid", &by_union),
        ("v2/user/getbymobile", &by_mobile),
    ] {
        assert_eq!(topapi(&sandbox, path, &own, body).code(), "0", "{path}");
        assert_eq!(topapi(&sandbox, path, &foreign, body).code(), "60121", "{path}");
    }
    let people = |token: &str| {
        let listed = topapi(&sandbox, "user/listid", token, r#"{"dept_id":1}"#);
        listed.json["result"]["userid_list"].as_array().cloned().unwrap_or_default()
    };
    assert_eq!(people(&foreign), [Value::from("neighbour")]);
    assert!(!people(&own).contains(&"neighbour".into()));
    let search = r#"{"queryWord":"邻居","offset":0,"size":5}"#;
    let found = |token: &str| {
        v1(&sandbox, "POST", "/v1.0/contact/users/search", token, search).json["totalCount"].clone()
    };
    assert_eq!((found(&foreign), found(&own)), (json!(1), json!(0)));
}

#[test]
fn a_silent_code_of_one_organization_is_dead_in_another_one() {
    let (sandbox, foreign) = with_neighbour();
    let demo = sandbox.demo();
    let code = sandbox.silent_code(&demo.client_id, &demo.user_id).expect("a code");
    let body = json!({ "code": code }).to_string();
    assert_eq!(topapi(&sandbox, "v2/user/getuserinfo", &foreign, &body).code(), "40078");
    let own = app_token(&sandbox);
    assert_eq!(topapi(&sandbox, "v2/user/getuserinfo", &own, &body).code(), "0");
}
