//! Companies from files: what is read, and what is said about mistakes.

use dingtalk_sandbox::{Fixture, Sandbox};

use crate::support::{token_of, topapi};

const TOML: &str = r#"
demo = false

[[departments]]
id = 7
name = "研发"

[[departments]]
id = 8
name = "后端"
parent = 7

[[people]]
userId = "u-li"
name = "李雷"
mobile = "13800000001"
departments = [8]

[[people]]
userId = "u-han"
name = "韩梅"
leads = [7]
admin = true
roles = [{ id = 5, group = "岗位", name = "开发" }]

[[apps]]
clientId = "dingpayroll"
clientSecret = "its-secret"
granted = ["qyapi_get_member"]
requested = ["qyapi_get_department_list"]

[switches]
unknownUser = "33012"
"#;

const JSON: &str = r#"{
  "demo": false,
  "departments": [{"id":7,"name":"研发"},{"id":8,"name":"后端","parent":7}],
  "people": [
    {"userId":"u-li","name":"李雷","mobile":"13800000001","departments":[8]},
    {"userId":"u-han","name":"韩梅","leads":[7],"admin":true,"roles":[{"id":5,"group":"岗位","name":"开发"}]}
  ],
  "apps": [{"clientId":"dingpayroll","clientSecret":"its-secret","granted":["qyapi_get_member"],
            "requested":["qyapi_get_department_list"]}],
  "switches": {"unknownUser":"33012"}
}"#;

#[test]
fn toml_and_json_make_the_same_company_and_the_platform_serves_it() {
    let of = |fixture| Sandbox::builder().frozen_at(1).seed(1).fixture(fixture).in_process();
    let sandbox = of(Fixture::from_toml(TOML).unwrap());
    assert_eq!(sandbox.snapshot(), of(Fixture::from_json(JSON).unwrap()).snapshot());
    let token = token_of(&sandbox, "dingpayroll", "its-secret");
    let get =
        |user: &str| topapi(&sandbox, "v2/user/get", &token, &format!(r#"{{"userid":"{user}"}}"#));
    assert_eq!(get("u-li").json["result"]["dept_id_list"][0], 8);
    assert_eq!(get("u-han").json["result"]["admin"], true);
    assert_eq!(get("manager01").code(), "33012", "no demo company, and the switch is set");
    assert_eq!(topapi(&sandbox, "v2/department/listsub", &token, "{}").code(), "88/60011");
    sandbox.remove_person("u-li");
    sandbox.reset();
    let token = token_of(&sandbox, "dingpayroll", "its-secret");
    assert_eq!(topapi(&sandbox, "v2/user/get", &token, r#"{"userid":"u-li"}"#).code(), "0");
}

#[test]
fn a_fixture_stands_beside_the_demo_company_unless_it_says_otherwise() {
    let fixture = Fixture::from_json(r#"{"people":[{"userId":"u-li","name":"李雷"}]}"#).unwrap();
    let sandbox = Sandbox::builder().fixture(fixture).in_process();
    let token = crate::support::app_token(&sandbox);
    for user in ["u-li", "manager01"] {
        let answer = topapi(&sandbox, "v2/user/get", &token, &format!(r#"{{"userid":"{user}"}}"#));
        assert_eq!(answer.errcode(), 0);
    }
}

#[test]
fn a_mistake_names_its_line_or_whom_it_concerns() {
    let toml = |text: &str| Fixture::from_toml(text).unwrap_err();
    let json = |text: &str| Fixture::from_json(text).unwrap_err();
    let error = toml("demo = true\n\n[[people]]\nuserId = \"a\"\nnmae = \"x\"\n");
    assert!(error.line == Some(5) && error.message.contains("nmae"), "{error:?}");
    let error = toml("demo = true\n[[people]\n");
    assert_eq!(error.line, Some(2), "{error:?}");
    let error = json("{\n \"people\": [\n  {\"userId\":\"a\",\"nmae\":\"x\"}]}");
    assert!(error.line == Some(3) && error.message.contains("nmae"), "{error:?}");
    let error = json("{\"people\":[");
    assert!(error.line == Some(1), "{error:?}");
    for (text, said) in [
        (
            r#"{"people":[{"userId":"a","name":"x","departments":[5]}]}"#,
            "person a: there is no department 5",
        ),
        (
            r#"{"people":[{"userId":"a","name":"x"},{"userId":"a","name":"x"}]}"#,
            "person a is there twice",
        ),
        (
            r#"{"people":[{"userId":"a","name":"x","mobile":"1"},{"userId":"b","name":"x","mobile":"1"}]}"#,
            "person b",
        ),
        (
            r#"{"departments":[{"id":9,"name":"x","parent":10},{"id":10,"name":"x","parent":9}]}"#,
            "department 9",
        ),
        (r#"{"departments":[{"id":0,"name":"x"}]}"#, "department 0"),
        (
            r#"{"apps":[{"clientId":"a","clientSecret":"s","granted":["qyapi_get_membr"]}]}"#,
            "app a: there is no permission point \"qyapi_get_membr\"",
        ),
        (r#"{"apps":[{"clientId":"a"}]}"#, "app a: clientSecret"),
        (r#"{"switches":{"unauthorizedClientStatus":1}}"#, "unauthorizedClientStatus"),
    ] {
        let error = json(text);
        assert!(error.message.contains(said), "{error}");
    }
}

#[test]
fn a_population_is_added_and_found() {
    let sandbox = Sandbox::builder().population(60).in_process();
    let token = crate::support::app_token(&sandbox);
    let answer = topapi(&sandbox, "v2/user/getbymobile", &token, r#"{"mobile":"17000000059"}"#);
    assert_eq!(answer.str("/result/userid"), "p000060");
}
