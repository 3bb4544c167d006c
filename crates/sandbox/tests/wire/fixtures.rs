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

const VENDORS: &str = r#"
[[organizations]]
corpId = "dingcustomer"
name = "客户公司"
departments = [{ id = 7, name = "研发" }]
people = [{ userId = "boss", name = "Boss", admin = true }, { userId = "u-seven", name = "Seven", departments = [7] }]

[[organizations]]
corpId = "dingstopped"
name = "停用公司"

[[suites]]
clientId = "suitemine"
clientSecret = "its-secret"
suiteTicket = "ticket"
requested = ["qyapi_get_member", "qyapi_get_department_list"]

[[authorizations]]
suiteKey = "suitemine"
corpId = "dingcustomer"
points = ["qyapi_get_member"]
contactScope = { departments = [7] }

[[authorizations]]
suiteKey = "suitemine"
corpId = "dingstopped"
stopped = true

[[callbacks]]
clientId = "suitemine"
url = "http://127.0.0.1:9/cb"
token = "mytoken"
aesKey = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
syncHttp = true
"#;

#[test]
fn organizations_suites_authorizations_and_callbacks_come_from_a_file() {
    let fixture = Fixture::from_toml(VENDORS).unwrap();
    let sandbox = Sandbox::builder().frozen_at(1).seed(1).fixture(fixture).in_process();
    let token = |corp: &str| {
        let body = format!(
            r#"{{"suiteKey":"suitemine","suiteSecret":"its-secret","authCorpId":"{corp}","suiteTicket":"ticket"}}"#
        );
        crate::support::v1(&sandbox, "POST", "/v1.0/oauth2/corpAccessToken", "", &body)
    };
    assert_eq!(token("dingstopped").code(), "400 invalidAuthInfo", "it stopped the app");
    let token = token("dingcustomer").str("/accessToken").to_owned();
    let user =
        |id: &str| topapi(&sandbox, "v2/user/get", &token, &format!(r#"{{"userid":"{id}"}}"#));
    assert_eq!((user("u-seven").code(), user("boss").code()), ("0".into(), "50002".into()));
    assert_eq!(topapi(&sandbox, "v2/department/listsub", &token, "{}").code(), "88/60011");
    assert_eq!(sandbox.deliver_due(), 1, "the ticket, which nobody takes at port 9");
    assert_eq!(sandbox.deliveries()[0].event_type, "SYNC_HTTP_PUSH_HIGH");
}

#[test]
fn a_mistake_about_vendors_names_its_line_and_what_is_wrong() {
    let said = |from: &str, to: &str| {
        assert!(VENDORS.contains(from), "{from}");
        Fixture::from_toml(&VENDORS.replacen(from, to, 1)).unwrap_err()
    };
    for (from, to, line, message) in [
        ("corpId = \"dingstopped\"", "corpId = \"dingcustomer\"", 9, "dingcustomer is there twice"),
        ("corpId = \"dingstopped\"", "corpId = \"\"", 0, "corpId is empty"),
        (
            "departments = [7] }]",
            "departments = [8] }]",
            6,
            "there is no department 8 (in organization",
        ),
        ("points = [\"qyapi_get_member\"]", "points = [\"typo\"]", 19, "typo"),
        (
            "points = [\"qyapi_get_member\"]",
            "points = [\"qyapi_addresslist_search\"]",
            19,
            "has not asked for",
        ),
        (
            "suiteKey = \"suitemine\"\ncorpId = \"dingcustomer\"",
            "suiteKey = \"suiteother\"\ncorpId = \"dingcustomer\"",
            19,
            "no third-party app suiteother",
        ),
        ("127.0.0.1:9", "example.com", 30, "example.com"),
        ("aesKey = \"abc", "aesKey = \"", 30, "43 letters"),
        ("token = \"mytoken\"\n", "", 30, "token is missing"),
        ("syncHttp = true", "syncHtpt = true", 34, "syncHtpt"),
    ] {
        let error = said(from, to);
        assert!(error.message.contains(message), "{error:?}");
        assert_eq!(error.line.unwrap_or(0), line, "{error:?}");
    }
    let unknown = r#"{"suites":[{"clientId":"a","clientSecret":"s","openedBy":["nowhere"]}]}"#;
    let error = Fixture::from_json(unknown).unwrap_err();
    assert!(error.message.contains("app a: there is no organization nowhere"), "{error}");
}
