//! Every operation against its contract: what a success looks like, what an error looks like, and which point it needs.

use dingtalk_sandbox::Sandbox;
use serde_json::Value;

use crate::examples::{Example, example, operations};
use crate::support::{Answer, builder, sandbox};

/// Says where a value differs from its shape: `text`, `integer`, `flag`, `any`, a list of one shape, an object whose
/// names end in `?` where they may be absent.
fn differs(shape: &Value, value: &Value, at: &str) -> Option<String> {
    let fits = match shape {
        Value::String(kind) => match kind.as_str() {
            "text" => value.is_string(),
            "integer" => value.is_i64(),
            "flag" => value.is_boolean(),
            "any" => true,
            other => panic!("no shape is called {other}"),
        },
        Value::Array(items) => {
            let Some(values) = value.as_array() else {
                return Some(format!("{at} is no list: {value}"));
            };
            let mut items = values.iter().enumerate().map(|(n, value)| (n, value, &items[0]));
            return items.find_map(|(n, value, shape)| differs(shape, value, &format!("{at}/{n}")));
        }
        Value::Object(members) => {
            let Some(values) = value.as_object() else {
                return Some(format!("{at} is no object: {value}"));
            };
            let known = |name: &String| {
                members.get(name).or_else(|| members.get(&format!("{name}?"))).cloned()
            };
            let missing = members
                .keys()
                .find(|name| !name.ends_with('?') && !values.contains_key(*name))
                .map(|name| format!("{at}/{name} is missing"));
            return missing.or_else(|| {
                values.iter().find_map(|(name, value)| match known(name) {
                    None => Some(format!("{at}/{name} is not in the contract")),
                    Some(shape) => differs(&shape, value, &format!("{at}/{name}")),
                })
            });
        }
        other => panic!("no shape: {other}"),
    };
    (!fits).then(|| format!("{at} is no {shape}: {value}"))
}

/// Says what is wrong with the envelope of an error: keys in the wire's order, types, status, ids.
fn error_differs(example: &Example, answer: &Answer) -> Option<String> {
    let keys = answer.keys();
    let text = |name: &str| answer.json[name].as_str().is_some_and(|text| !text.is_empty());
    let wrapped = keys == "errcode sub_code sub_msg errmsg request_id"
        && answer.json["errcode"] == 88
        && answer.str("/sub_code").parse::<u32>().is_ok();
    let numbered = answer.json["errcode"].as_i64().is_some_and(|code| code != 0);
    let fits = if example.is_v1() {
        let detail = "code requestid message accessdenieddetail accessdenieddetail.requiredScopes";
        let orders = ["requestid code message", "code requestid message", detail];
        let in_order = if answer.status == 404 && answer.json["code"] == "InvalidAction.NotFound" {
            keys == "code message requestid"
        } else {
            orders.contains(&keys.as_str())
        };
        let right_detail = (answer.status == 403) >= keys.contains("accessdenieddetail");
        in_order
            && right_detail
            && answer.status >= 400
            && ["code", "message", "requestid"].into_iter().all(text)
            && answer.str("/requestid") == answer.header("x-acs-request-id")
    } else if example.is_topapi() {
        let business = keys == "errcode errmsg request_id" && answer.json["errcode"] != 88;
        answer.status == 200 && numbered && text("errmsg") && (business || wrapped)
    } else {
        // The scan login alone answers a token in topapi's wrapper (wire-facts §3.8).
        let exception = wrapped && example.path == "/sns/getuserinfo_bycode";
        answer.status == 200 && numbered && (keys == "errcode errmsg" || exception)
    };
    (!fits).then(|| format!("{} {} {:?}", example.operation, answer.status, answer.text))
}

/// An answer that is neither the success nor an error of its operation, in words.
pub(crate) fn breach(shape: &Value, example: &Example, answer: &Answer) -> Option<String> {
    if shape == "page" || shape == "redirect" {
        let html = answer.header("content-type").starts_with("text/html");
        return (!html || answer.status >= 500).then(|| format!("{}: no page", example.operation));
    }
    if shape == "socket" {
        let refused = matches!(answer.status, 400..500) && !answer.text.is_empty();
        return (answer.status != 101 && !refused)
            .then(|| format!("{}: no socket", example.operation));
    }
    let wanted = if example.is_v1() {
        "application/json;charset=utf-8"
    } else if example.is_topapi() {
        "application/json;charset=UTF-8"
    } else {
        "application/json"
    };
    if answer.header("content-type") != wanted {
        return Some(format!("{}: {}", example.operation, answer.header("content-type")));
    }
    if succeeded(example, answer) {
        return differs(shape, &answer.json, &example.operation);
    }
    error_differs(example, answer)
}

pub(crate) fn succeeded(example: &Example, answer: &Answer) -> bool {
    if example.is_v1() { answer.status == 200 } else { answer.json["errcode"] == 0 }
}

fn each(check: impl Fn(&Sandbox, &Value, &str)) -> usize {
    let rows = operations(&sandbox());
    for row in &rows {
        check(&sandbox(), row, row["operation"].as_str().expect("a name"));
    }
    rows.len()
}

#[test]
fn every_operation_succeeds_once_in_its_own_shape() {
    let exercised = each(|sandbox, row, name| {
        let example = example(sandbox, name);
        let answer = example.send(sandbox);
        assert_eq!(breach(&row["shape"], &example, &answer), None, "{name}: {}", answer.text);
        let fine = match row["shape"].as_str() {
            Some("redirect") => matches!(answer.status, 302 | 303),
            Some("page") => answer.status == 200,
            Some("socket") => answer.status == 101,
            _ => succeeded(&example, &answer),
        };
        assert!(fine, "{name}: {} {}", answer.status, answer.text);
        assert_eq!(
            sandbox.journal().entries().last().map(|last| last.operation.clone()),
            Some(name.into())
        );
    });
    assert!(exercised > 55, "{exercised}");
}

#[test]
fn a_shape_that_is_not_met_is_told() {
    let shape = serde_json::json!({ "a": "text", "b?": ["integer"], "c": { "d": "flag" } });
    let told = |value: &str| differs(&shape, &serde_json::from_str(value).expect("JSON"), "");
    assert_eq!(told(r#"{"a":"x","c":{"d":true}}"#), None);
    assert_eq!(told(r#"{"a":"x","b":[1,2],"c":{"d":true}}"#), None);
    for (value, place) in [
        (r#"{"c":{"d":true}}"#, "/a is missing"),
        (r#"{"a":1,"c":{"d":true}}"#, "/a is no"),
        (r#"{"a":"x","b":["1"],"c":{"d":true}}"#, "/b/0"),
        (r#"{"a":"x","c":{"d":"true"}}"#, "/c/d"),
        (r#"{"a":"x","c":{"d":true},"e":1}"#, "/e is not in the contract"),
        (r#"{"a":"x","c":[]}"#, "/c is no object"),
    ] {
        assert!(told(value).is_some_and(|text| text.starts_with(place)), "{value}");
    }
}

/// Behind a token, but no source names a point for them.
const POINTLESS: [&str; 8] = [
    "POST /call_back/register_call_back",
    "POST /call_back/update_call_back",
    "GET /call_back/get_call_back",
    "GET /call_back/delete_call_back",
    "GET /call_back/get_call_back_failed_result",
    "GET /v1.0/oauth2/authRules/user",
    "GET /v1.0/oauth2/apps/authInfo",
    "POST /v1.0/oauth2/kickoffByDeviceId",
];

#[test]
fn every_operation_refuses_an_app_without_its_point_and_names_it() {
    let mut refusals = 0;
    for row in operations(&sandbox()) {
        let name = row["operation"].as_str().expect("a name");
        let Some(point) = row["point"].as_str() else {
            assert!(
                row["caller"] == "anybody" || POINTLESS.contains(&name),
                "{name} needs no point?"
            );
            continue;
        };
        let sandbox = builder().in_process();
        let demo = sandbox.demo();
        let example = example(&sandbox, name);
        let before = example.send(&sandbox);
        assert!(succeeded(&example, &before), "{name} with {point}: {}", before.text);
        // Whatever the kind of the example's token, its app loses the point.
        sandbox.revoke_grant(&demo.client_id, point);
        let again = example.send(&sandbox);
        let default = matches!(point, "qyapi_base" | "isvapi_base" | "open_app_api_base");
        if default {
            assert!(!again.text.contains("requiredScopes"), "{name}: every app has {point}");
            continue;
        }
        refusals += 1;
        assert_eq!(error_differs(&example, &again), None);
        if example.is_v1() {
            assert_eq!(again.status, 403, "{name}: {}", again.text);
            assert_eq!(again.json["accessdenieddetail"]["requiredScopes"][0], point, "{name}");
        } else {
            assert_eq!(again.code(), "88/60011", "{name}");
            assert!(again.str("/sub_msg").contains(&format!("requiredScopes=[{point}]")), "{name}");
        }
    }
    assert!(refusals > 20, "{refusals}");
}

#[test]
fn a_point_is_usable_only_after_request_and_grant_and_only_in_that_organization() {
    const OTHER: &str = "dingother";
    let sandbox = sandbox();
    let demo = sandbox.demo();
    sandbox.add_company(OTHER, "Other");
    sandbox.authorize(&demo.suite_key, OTHER).expect("both exist");
    let usable = |client: &str, code: &str| {
        let request =
            http::Request::get("/_sandbox/v1/permissions").body(Vec::new()).expect("a request");
        let told: Value = serde_json::from_slice(sandbox.control(request).body()).expect("JSON");
        let points = told["permissions"].as_array().expect("a list").clone();
        let point = points.into_iter().find(|point| point["code"] == code).expect("known");
        point["apps"][client].clone()
    };
    let plain = demo.plain_client_id.as_str();
    let code = "qyapi_get_member";
    assert_eq!(
        usable(plain, code),
        serde_json::json!({"requested":false,"grantedIn":[],"usableIn":[]})
    );
    sandbox.request_point(plain, code);
    assert_eq!(
        usable(plain, code),
        serde_json::json!({"requested":true,"grantedIn":[],"usableIn":[]})
    );
    sandbox.grant(plain, code);
    let here = demo.corp_id.as_str();
    assert_eq!(
        usable(plain, code),
        serde_json::json!({"requested":true,"grantedIn":[here],"usableIn":[here]})
    );
    let suite = usable(&demo.suite_key, code);
    assert!(suite["usableIn"].as_array().expect("a list").contains(&here.into()), "{suite}");
    let suite_code = "qyapi_get_department_list";
    assert!(sandbox.revoke_authorization(&demo.suite_key, OTHER));
    let left = usable(&demo.suite_key, suite_code);
    assert!(!left["usableIn"].as_array().expect("a list").contains(&OTHER.into()), "{left}");
}
