//! The control API in-process: every resource, and its description against what it does.

use std::time::Duration;

use dingtalk_sandbox::Sandbox;
use serde_json::{Value, json};

use crate::support::{START, app_token, builder, exchange, get, sandbox, topapi, v1};

/// Status and JSON of one control call.
pub(crate) fn steer(sandbox: &Sandbox, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let (status, _, text) = raw(sandbox, method, path, body);
    (status, serde_json::from_str(&text).unwrap_or(Value::Null))
}

fn raw(sandbox: &Sandbox, method: &str, path: &str, body: &Value) -> (u16, String, String) {
    let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    let request = http::Request::builder()
        .method(method)
        .uri(format!("/_sandbox/v1{path}"))
        .body(body)
        .expect("the test's request is well-formed");
    let (parts, body) = sandbox.control(request).into_parts();
    let kind = parts.headers.get("content-type").map_or("", |kind| kind.to_str().unwrap_or(""));
    (parts.status.as_u16(), kind.to_owned(), String::from_utf8(body).expect("answers are UTF-8"))
}

/// The call must be fine.
fn done(sandbox: &Sandbox, method: &str, path: &str, body: &Value) -> Value {
    let (status, answer) = steer(sandbox, method, path, body);
    assert!((200..300).contains(&status), "{method} {path}: {status} {answer}");
    answer
}

/// The call must be refused with this status, and the text says why.
fn refused(sandbox: &Sandbox, method: &str, path: &str, body: &Value, status: u16, why: &str) {
    let (got, answer) = steer(sandbox, method, path, body);
    let detail = answer["detail"].as_str().unwrap_or_default();
    assert!(got == status && detail.contains(why), "{method} {path}: {got} {answer}");
    assert!(answer["error"].is_string());
}

/// Every row of the description: method, path with real ids, and what the description says about it.
fn described(sandbox: &Sandbox) -> Vec<(String, String, Value)> {
    let description = done(sandbox, "GET", "/openapi.json", &Value::Null);
    let mut rows = Vec::new();
    for (path, methods) in description["paths"].as_object().expect("there are paths") {
        for (method, operation) in methods.as_object().expect("there are methods") {
            rows.push((method.to_uppercase(), path.replace("/_sandbox/v1", ""), operation.clone()));
        }
    }
    rows
}

/// A sandbox in which everything that the examples name is there, and the path with it filled in.
fn prepared(path: &str) -> (Sandbox, String) {
    let sandbox = sandbox();
    let person = json!({"userId":"u-example","name":"x"});
    done(&sandbox, "PUT", "/people/u-example", &person);
    done(&sandbox, "PUT", "/departments/900", &json!({"id":900,"name":"x"}));
    let app = json!({"clientId":"dingexample","clientSecret":"s"});
    done(&sandbox, "PUT", "/apps/dingexample", &app);
    done(&sandbox, "POST", "/faults", &json!({"operation":"GET /gettoken"}));
    done(&sandbox, "POST", "/gates", &json!({"operation":"GET /auth/scopes"}));
    let other = json!({"corpId":"dingorgexample","name":"x"});
    done(&sandbox, "PUT", "/organizations/dingorgexample", &other);
    let suite = sandbox.demo().suite_key;
    let open = format!("/suites/{suite}/authorizations/dingorgexample");
    done(&sandbox, "PUT", &open, &json!({}));
    let callback = json!({"clientId":"dingexample","url":"http://127.0.0.1:9/","token":"t","unchecked":true,
                          "aesKey":crate::vendor::KEY});
    done(&sandbox, "PUT", "/callbacks/dingexample", &callback);
    let event = json!({"clientId":"dingexample","eventType":"check_url"});
    let pushes = done(&sandbox, "POST", "/events", &event);
    let id = if path.starts_with("/departments") { "900" } else { "1" };
    let path = path
        .replace("{corpId}", "dingorgexample")
        .replace("{suiteKey}", &suite)
        .replace("{push}", &pushes["pushes"][0].to_string())
        .replace("{userId}", "u-example")
        .replace("{clientId}", "dingexample")
        .replace("{id}", id);
    (sandbox, path)
}

fn example_of(sandbox: &Sandbox, operation: &Value) -> Value {
    let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
    if schema["required"] == json!(["format", "version"]) {
        return serde_json::from_str(&sandbox.snapshot()).expect("a snapshot is JSON");
    }
    schema["examples"][0].clone()
}

/// The query that must be there, and a wait that ends at once.
fn query_of(operation: &Value) -> String {
    let parameters = operation["parameters"].as_array().expect("there is a list");
    let has = |name: &str| parameters.iter().any(|it| it["name"] == name);
    let required = parameters.iter().any(|it| it["name"] == "operation" && it["required"] == true);
    let mut query = Vec::new();
    query.extend(required.then_some("operation=GET%20/gettoken"));
    query.extend(has("timeoutMs").then_some("timeoutMs=0"));
    if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) }
}

#[test]
fn everything_described_is_there_and_does_what_its_example_says() {
    let rows = described(&sandbox());
    assert!(rows.len() > 70, "{}", rows.len());
    for (method, path, operation) in rows {
        let (sandbox, url) = prepared(&path);
        let example = example_of(&sandbox, &operation);
        let url = format!("{url}{}", query_of(&operation));
        let (status, kind, text) = raw(&sandbox, &method, &url, &example);
        if path == "/journal/live" {
            assert_eq!(status, 501, "the stream needs the server, where another test reads it");
            continue;
        }
        let wanted = operation["responses"].as_object().expect("there are answers").keys().next();
        assert_eq!(Some(&status.to_string()), wanted, "{method} {path}: {text}");
        assert!(
            !operation["responses"][status.to_string()]["content"][&kind].is_null(),
            "{path} gives {kind}"
        );
    }
}

#[test]
fn every_member_that_is_described_as_required_is_required_and_the_others_are_known() {
    for (method, path, operation) in described(&sandbox()) {
        let (sandbox, url) = prepared(&path);
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            if parameter["in"] == "query" && parameter["required"] == true {
                let name = parameter["name"].as_str().unwrap();
                refused(&sandbox, &method, &url, &Value::Null, 400, name);
            }
        }
        refused(&sandbox, &method, &format!("{url}?no-such=1"), &Value::Null, 400, "no-such");
        let Some(schema) =
            operation["requestBody"]["content"]["application/json"]["schema"].as_object()
        else {
            continue;
        };
        let example = example_of(&sandbox, &operation);
        for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            let mut without = example.clone();
            without.as_object_mut().unwrap().remove(name);
            let (status, answer) = steer(&sandbox, &method, &url, &without);
            assert_eq!(status, 400, "{method} {path} without {name}: {answer}");
        }
        if schema["additionalProperties"] == true {
            continue;
        }
        // The reader lists what it knows when it meets what it does not.
        let (status, answer) = steer(&sandbox, &method, &url, &json!({"noSuch":1}));
        let detail = answer["detail"].as_str().unwrap_or_default();
        assert!(status == 400 && detail.contains("noSuch"), "{method} {path}: {answer}");
        let mut known: Vec<&str> =
            detail.split('`').skip(3).step_by(2).filter(|name| !name.contains('_')).collect();
        known.sort_unstable();
        let mut described: Vec<&String> =
            schema["properties"].as_object().unwrap().keys().collect();
        described.sort_unstable();
        assert_eq!(known, described, "{method} {path}");
    }
}

#[test]
fn wrong_paths_methods_and_bodies_are_told_apart() {
    let sandbox = sandbox();
    refused(&sandbox, "GET", "/nothing", &Value::Null, 404, "openapi.json");
    refused(&sandbox, "PATCH", "/clock", &Value::Null, 405, "GET, POST");
    refused(&sandbox, "GET", "/people/nobody", &Value::Null, 404, "person nobody");
    refused(&sandbox, "GET", "/faults/x", &Value::Null, 400, "not a number");
    refused(&sandbox, "GET", "/journal?limit=x", &Value::Null, 400, "limit=x");
    refused(&sandbox, "GET", "/journal?limit=1&limit=2", &Value::Null, 400, "twice");
    refused(&sandbox, "POST", "/clock", &json!({}), 400, "advanceMs");
    refused(&sandbox, "POST", "/clock", &json!({"advanceMs":-1}), 400, "line 1");
    refused(&sandbox, "POST", "/clock", &json!([1, 2]), 400, "");
    let long = json!({"advanceMs": 1, "pad": "x".repeat(1024 * 1024)});
    refused(&sandbox, "POST", "/clock", &long, 413, "1048576");
    let request = http::Request::get("/_sandbox/v2/clock").body(Vec::new()).unwrap();
    assert_eq!(sandbox.control(request).status(), 404);
}

#[test]
fn the_clock_is_read_moved_stopped_and_sped_up() {
    let sandbox = sandbox();
    let clock = done(&sandbox, "POST", "/clock", &json!({"advanceMs":5}));
    assert_eq!(clock, json!({"nowMs": START + 5, "frozen": true, "speed": 1.0}));
    done(&sandbox, "POST", "/clock", &json!({"set_ms":7,"advance_ms":1}));
    assert_eq!(sandbox.clock().now(), 8);
    let clock = done(&sandbox, "POST", "/clock", &json!({"run":true,"speed":60}));
    assert_eq!((&clock["frozen"], &clock["speed"]), (&json!(false), &json!(60.0)));
    done(&sandbox, "POST", "/clock", &json!({"freeze":true}));
    let at = sandbox.clock().now();
    assert_eq!(done(&sandbox, "GET", "/clock", &Value::Null)["nowMs"], at);
    refused(&sandbox, "POST", "/clock", &json!({"speed":0}), 400, "speed");
    refused(&sandbox, "POST", "/clock", &json!({"run":true,"freeze":true}), 400, "contradict");
}

#[test]
fn people_and_departments_come_and_go_and_the_platform_sees_it() {
    let sandbox = sandbox();
    let token = app_token(&sandbox);
    done(&sandbox, "PUT", "/departments/900", &json!({"id":900,"name":"样例","parent":1}));
    let person = json!({"userId":"u-new","name":"新","mobile":"13700000001","leads":[900],"departments":[1,900]});
    let told = done(&sandbox, "PUT", "/people/u-new", &person);
    assert_eq!(done(&sandbox, "PUT", "/people/u-new", &told), told, "an answer can be sent back");
    let seen = topapi(&sandbox, "v2/user/get", &token, r#"{"userid":"u-new"}"#);
    assert_eq!(seen.json["result"]["dept_id_list"], json!([1, 900]));
    refused(&sandbox, "DELETE", "/departments/900", &Value::Null, 409, "people");
    refused(
        &sandbox,
        "PUT",
        "/people/u-new",
        &json!({"userId":"u-new","name":"x","departments":[5]}),
        400,
        "department 5",
    );
    refused(
        &sandbox,
        "PUT",
        "/people/u-two",
        &json!({"userId":"u-two","name":"x","mobile":"13700000001"}),
        409,
        "mobile",
    );
    refused(
        &sandbox,
        "PUT",
        "/people/u-two",
        &json!({"userId":"u-three","name":"x"}),
        400,
        "u-two",
    );
    done(&sandbox, "DELETE", "/people/u-new", &Value::Null);
    done(&sandbox, "DELETE", "/departments/900", &Value::Null);
    assert_eq!(topapi(&sandbox, "v2/user/get", &token, r#"{"userid":"u-new"}"#).errcode(), 60121);
    let page = done(&sandbox, "GET", "/people?offset=1&limit=2", &Value::Null);
    assert_eq!((page["people"].as_array().unwrap().len(), &page["total"]), (2, &json!(14)));
}

#[test]
fn apps_hide_their_secrets_unless_asked_and_keep_them_when_sent_back() {
    let sandbox = sandbox();
    let demo = sandbox.demo();
    let path = format!("/apps/{}", demo.client_id);
    let (_, _, hidden) = raw(&sandbox, "GET", "/apps", &Value::Null);
    assert!(!hidden.contains("not-a-real-one") && !hidden.contains(&demo.suite_ticket));
    let shown = done(&sandbox, "GET", &format!("{path}?reveal=1"), &Value::Null);
    assert_eq!(shown["clientSecret"], demo.client_secret);
    let app = done(&sandbox, "GET", &path, &Value::Null);
    assert_eq!(done(&sandbox, "PUT", &path, &app), app);
    let _ = app_token(&sandbox);
    refused(&sandbox, "PUT", "/apps/new", &json!({"clientId":"new"}), 400, "clientSecret");
    refused(
        &sandbox,
        "PUT",
        "/apps/new",
        &json!({"clientId":"new","clientSecret":"s","granted":["nope"]}),
        400,
        "nope",
    );
}

#[test]
fn points_are_granted_revoked_and_requested_and_apps_disabled() {
    let sandbox = sandbox();
    let token = app_token(&sandbox);
    let path = |action: &str| format!("/apps/{}/{action}", sandbox.demo().client_id);
    let user = || topapi(&sandbox, "v2/user/get", &token, r#"{"userid":"manager01"}"#).code();
    let point = json!({"points":["qyapi_get_member"]});
    done(&sandbox, "POST", &path("revoke"), &point);
    assert_eq!(user(), "88/60011");
    done(&sandbox, "POST", &path("request"), &point);
    assert_eq!(user(), "88/60011");
    done(&sandbox, "POST", &path("grant"), &point);
    assert_eq!(user(), "0");
    refused(
        &sandbox,
        "POST",
        &path("revoke"),
        &json!({"points":["qyapi_get_member","typo"]}),
        400,
        "typo",
    );
    assert_eq!(user(), "0", "all or none");
    done(&sandbox, "POST", &path("disable"), &json!({"disabled":true}));
    assert_ne!(user(), "0");
    refused(&sandbox, "POST", "/apps/none/grant", &point, 404, "none");
}

#[test]
fn codes_of_every_kind_open_their_door() {
    let sandbox = sandbox();
    let token = app_token(&sandbox);
    let code = |kind: &str| {
        let body = json!({"kind":kind,"userId":"manager01","scopes":["openid","corpid"]});
        let answer = done(&sandbox, "POST", "/codes", &body);
        assert_eq!(answer["expiresAt"], START + 300_000);
        answer["code"].as_str().unwrap().to_owned()
    };
    let silent = format!(r#"{{"code":"{}"}}"#, code("silent"));
    assert_eq!(topapi(&sandbox, "v2/user/getuserinfo", &token, &silent).errcode(), 0);
    let pair = exchange(&sandbox, &code("oauth"));
    assert_eq!(pair.json["corpId"], sandbox.demo().corp_id);
    let me = v1(&sandbox, "GET", "/v1.0/contact/users/me", pair.str("/accessToken"), "");
    assert_eq!(me.status, 200, "{}", me.text);
    let _ = code("sso");
    refused(&sandbox, "POST", "/codes", &json!({"kind":"sso","userId":"nobody"}), 422, "nobody");
    refused(
        &sandbox,
        "POST",
        "/codes",
        &json!({"kind":"silent","userId":"u-he-yu"}),
        422,
        "u-he-yu",
    );
    refused(&sandbox, "POST", "/codes", &json!({"kind":"odd","userId":"x"}), 400, "odd");
}

#[test]
fn consents_have_every_outcome_and_are_withdrawn() {
    let sandbox = sandbox();
    let demo = sandbox.demo();
    let mut ask =
        json!({"clientId":demo.client_id,"userId":demo.user_id,"fieldScope":"Contact.User.mobile"});
    let answer = done(&sandbox, "POST", "/consents", &ask);
    assert_eq!(answer["status"], "ok", "{answer}");
    assert_eq!(exchange(&sandbox, answer["result"]["authCode"].as_str().unwrap()).status, 200);
    assert_eq!(
        done(&sandbox, "GET", "/consents", &Value::Null)["consents"].as_array().unwrap().len(),
        1
    );
    let who = json!({"clientId":demo.client_id,"userId":demo.user_id});
    assert_eq!(done(&sandbox, "DELETE", "/consents", &who), json!({"withdrawn":true}));
    assert_eq!(done(&sandbox, "DELETE", "/consents", &who), json!({"withdrawn":false}));
    ask["decision"] = json!("refuse");
    assert_eq!(done(&sandbox, "POST", "/consents", &ask)["status"], "cancel");
    ask["fieldScope"] = json!("Nothing.Like.It");
    let answer = done(&sandbox, "POST", "/consents", &ask);
    assert_eq!((&answer["status"], &answer["code"]), (&json!("failed"), &json!(500_201)));
}

#[test]
fn one_token_or_all_are_revoked() {
    let sandbox = sandbox();
    let token = app_token(&sandbox);
    assert_eq!(
        done(&sandbox, "POST", "/tokens/revoke", &json!({"token":token})),
        json!({"revoked":1})
    );
    assert_eq!(
        done(&sandbox, "POST", "/tokens/revoke", &json!({"token":token})),
        json!({"revoked":0})
    );
    let _ = app_token(&sandbox);
    assert_eq!(
        done(&sandbox, "POST", "/tokens/revoke", &json!({"all":true})),
        json!({"revoked":1})
    );
    refused(&sandbox, "POST", "/tokens/revoke", &json!({}), 400, "either");
}

#[test]
fn switches_are_read_and_set_and_null_turns_a_limit_off() {
    let sandbox = sandbox();
    let all = done(&sandbox, "GET", "/switches", &Value::Null);
    let set = json!({"appRateLimit":3,"refresh":{"graceMs":5},"unknownUser":"33012"});
    let now = done(&sandbox, "PUT", "/switches", &set);
    assert_eq!((&now["appRateLimit"], &now["refresh"]), (&json!(3), &json!({"graceMs":5})));
    let token = app_token(&sandbox);
    assert_eq!(topapi(&sandbox, "v2/user/get", &token, r#"{"userid":"no"}"#).code(), "33012");
    assert_eq!(done(&sandbox, "PUT", "/switches", &all), all);
    refused(
        &sandbox,
        "PUT",
        "/switches",
        &json!({"unauthorizedClientStatus":500}),
        400,
        "400 or 401",
    );
    refused(&sandbox, "PUT", "/switches", &json!({"strictPots":true}), 400, "strictPots");
}

#[test]
fn faults_take_every_field_and_count_their_hits() {
    let sandbox = sandbox();
    let whole = json!({
        "operation": "GET /gettoken", "app": "mine", "header": {"name":"x-try","value":"1"}, "nth": 2, "every": 3,
        "times": 4, "probability": {"p":0.5,"seed":9}, "lifetimeMs": 1000, "delayMs": 5,
        "action": {"kind":"answer","status":503,"contentType":"text/plain","body":"no"},
    });
    let told = done(&sandbox, "POST", "/faults", &whole);
    for (name, value) in whole.as_object().unwrap() {
        assert_eq!(told[name], *value);
    }
    assert_eq!((&told["hits"], &told["endsAtMs"]), (&json!(0), &json!(START + 1000)));
    for action in [
        json!({"kind":"pass"}),
        json!({"kind":"platformError","error":"ipBanHtml"}),
        json!({"kind":"executeThenDrop"}),
        json!({"kind":"close"}),
        json!({"kind":"reset"}),
        json!({"kind":"stall"}),
        json!({"kind":"truncate","len":3}),
        json!({"kind":"resetAfter","len":3}),
        json!({"kind":"stallAfter","len":3}),
        json!({"kind":"drip","after":4,"pauseMs":2}),
        json!({"kind":"wrongType","pointer":"/errcode","to":"text"}),
        json!({"kind":"numbersAsText"}),
        json!({"kind":"duplicate"}),
    ] {
        let told = done(
            &sandbox,
            "POST",
            "/faults",
            &json!({"operation":"*","action":action,"app":"none"}),
        );
        assert_eq!(told["action"], action);
    }
    for more in [
        json!({"after": 2}),
        json!({"delayBetween": {"leastMs":1,"mostMs":3,"seed":7}}),
        json!({"dateSkewMs": -5}),
    ] {
        let mut rule = more.clone();
        rule["operation"] = json!("GET /gettoken");
        let told = done(&sandbox, "POST", "/faults", &rule);
        for (name, value) in more.as_object().unwrap() {
            assert_eq!(told[name], *value);
        }
    }
    for (wrong, named) in [
        (json!({"operation":"*","nth":1,"after":1}), "after"),
        (json!({"operation":"*","delayBetween":{"leastMs":2,"mostMs":1}}), "mostMs"),
        (
            json!({"operation":"*","delayMs":1,"delayBetween":{"leastMs":1,"mostMs":2}}),
            "delayBetween",
        ),
        (
            json!({"operation":"*","action":{"kind":"wrongType","pointer":"errcode","to":"text"}}),
            "slash",
        ),
    ] {
        refused(&sandbox, "POST", "/faults", &wrong, 400, named);
    }
    done(&sandbox, "DELETE", "/faults", &Value::Null);
    let busy = json!({"operation":"GET /gettoken","times":1,"action":{"kind":"platformError","error":"busy"}});
    let id = done(&sandbox, "POST", "/faults", &busy)["id"].clone();
    assert_eq!(get(&sandbox, "/gettoken").errcode(), -1);
    assert_ne!(get(&sandbox, "/gettoken").errcode(), -1);
    let path = format!("/faults/{id}");
    let told = done(&sandbox, "GET", &path, &Value::Null);
    assert_eq!((&told["hits"], &told["seen"]), (&json!(1), &json!(2)));
    done(&sandbox, "DELETE", &path, &Value::Null);
    refused(&sandbox, "GET", &path, &Value::Null, 404, "fault");
    refused(&sandbox, "POST", "/faults", &json!({"operation":"GET /getoken"}), 400, "getoken");
    refused(&sandbox, "POST", "/faults", &json!({"operation":"*","probability":{"p":2}}), 400, "p");
    refused(
        &sandbox,
        "POST",
        "/faults",
        &json!({"operation":"*","action":{"kind":"answer","status":1}}),
        400,
        "status",
    );
}

#[test]
fn a_fault_knows_the_app_by_its_token_and_by_its_request_for_one() {
    let sandbox = sandbox();
    let demo = sandbox.demo();
    let (token, plain) = (app_token(&sandbox), crate::support::plain_token(&sandbox));
    done(
        &sandbox,
        "POST",
        "/faults",
        &json!({"operation":"*","app":demo.plain_client_id,"action":{"kind":"close"}}),
    );
    let lost = |answer: crate::support::Answer| answer.status == 599;
    assert!(!lost(topapi(&sandbox, "v2/department/listsub", &token, "{}")));
    assert!(lost(topapi(&sandbox, "v2/department/listsub", &plain, "{}")));
    assert!(lost(get(&sandbox, &format!("/gettoken?appkey={}", demo.plain_client_id))));
    let body = format!(r#"{{"appKey":"{}","appSecret":"x"}}"#, demo.plain_client_id);
    assert!(lost(v1(&sandbox, "POST", "/v1.0/oauth2/accessToken", "", &body)));
    assert!(lost(v1(&sandbox, "GET", "/v1.0/contact/users/me", &plain, "")));
}

#[test]
fn the_journal_is_filtered_paged_exported_cleared_and_shows_no_secret() {
    let sandbox = sandbox();
    let token = app_token(&sandbox);
    let _ = topapi(&sandbox, "v2/user/get", &token, r#"{"userid":"no"}"#);
    let _ = get(&sandbox, "/gettoken");
    let entries = |query: &str| {
        let answer = done(&sandbox, "GET", &format!("/journal{query}"), &Value::Null);
        answer["entries"].as_array().unwrap().len()
    };
    assert_eq!(entries(""), 3);
    assert_eq!(entries("?operation=POST%20/topapi/*"), 1);
    assert_eq!(entries(&format!("?app={}", sandbox.demo().client_id)), 2);
    assert_eq!((entries("?status=200"), entries("?status=500")), (3, 0));
    assert_eq!((entries("?since=1"), entries("?since=1&limit=1")), (2, 1));
    let (_, kind, lines) = raw(&sandbox, "GET", "/journal/export", &Value::Null);
    assert_eq!((lines.lines().count(), kind.as_str()), (3, "application/x-ndjson"));
    assert!(!lines.contains(&token) && !lines.contains("not-a-real-one"));
    assert!(lines.contains(&sandbox.journal().fingerprint(&token)));
    done(&sandbox, "DELETE", "/journal", &Value::Null);
    assert_eq!(entries(""), 0);
}

#[test]
fn a_wait_ends_with_the_call_or_with_its_time() {
    let sandbox = sandbox();
    let path = "/journal/wait?operation=GET%20/gettoken&times=2&timeoutMs=";
    let late = done(&sandbox, "GET", &format!("{path}0"), &Value::Null);
    assert_eq!(late, json!({"reached":false,"count":0}));
    let other = sandbox.clone();
    let waiting =
        std::thread::spawn(move || done(&other, "GET", &format!("{path}60000"), &Value::Null));
    let _ = get(&sandbox, "/gettoken");
    let _ = get(&sandbox, "/gettoken");
    assert_eq!(waiting.join().unwrap()["reached"], true);
    assert!(sandbox.journal().wait_for("GET /gettoken", 2, Duration::ZERO));
    refused(&sandbox, "GET", "/journal/wait?operation=GET%20/x", &Value::Null, 400, "no operation");
}

#[test]
fn gates_hold_and_release_over_the_control_api() {
    let sandbox = sandbox();
    let gate = done(&sandbox, "POST", "/gates", &json!({"operation":"GET /get*"}));
    let other = sandbox.clone();
    let call = std::thread::spawn(move || get(&other, "/gettoken").status);
    let path = format!("/gates/{}", gate["id"]);
    let there =
        done(&sandbox, "GET", &format!("{path}/arrivals?times=1&timeoutMs=60000"), &Value::Null);
    assert_eq!(there, json!({"reached":true,"count":1}));
    assert_eq!(done(&sandbox, "GET", "/gates", &Value::Null)["gates"][0]["held"], 1);
    assert_eq!(sandbox.count("GET /gettoken"), 0);
    done(&sandbox, "POST", &format!("{path}/release"), &Value::Null);
    assert_eq!(call.join().unwrap(), 200);
    assert_eq!(done(&sandbox, "GET", "/gates", &Value::Null), json!({"gates":[]}));
    refused(&sandbox, "POST", &format!("{path}/release"), &Value::Null, 404, "closed gate");
}

#[test]
fn reset_goes_back_to_the_start_and_a_seed_repeats_its_tokens() {
    let sandbox = builder().person(dingtalk_sandbox::Person::new("u-built", "建")).in_process();
    let first = app_token(&sandbox);
    let (_, people) = steer(&sandbox, "GET", "/people", &Value::Null);
    done(&sandbox, "DELETE", "/people/u-built", &Value::Null);
    done(&sandbox, "POST", "/clock", &json!({"run":true,"advanceMs":1}));
    done(&sandbox, "POST", "/faults", &json!({"operation":"*","action":{"kind":"close"}}));
    done(&sandbox, "PUT", "/switches", &json!({"strictPost":true}));
    done(&sandbox, "POST", "/reset", &Value::Null);
    assert_eq!(steer(&sandbox, "GET", "/people", &Value::Null).1, people);
    assert_eq!((sandbox.clock().now(), sandbox.journal().total()), (START, 0));
    assert_eq!(done(&sandbox, "GET", "/switches", &Value::Null)["strictPost"], false);
    assert_eq!(
        topapi(&sandbox, "v2/user/get", &first, r#"{"userid":"manager01"}"#).code(),
        "88/40014"
    );
    assert_eq!(app_token(&sandbox), first);
}

#[test]
fn reset_brings_the_clocks_first_speed_back_too() {
    let sandbox = builder().speed(60.0).in_process();
    done(&sandbox, "POST", "/clock", &json!({"run":true,"speed":2}));
    done(&sandbox, "POST", "/reset", &Value::Null);
    let clock = done(&sandbox, "GET", "/clock", &Value::Null);
    assert_eq!(clock, json!({"nowMs": START, "frozen": true, "speed": 60.0}));
}

#[test]
fn a_page_is_verified_over_the_control_api() {
    let sandbox = sandbox();
    let body = json!({"config":{"corpId":"nowhere"},"url":"https://app.example.com/"});
    let answer = done(&sandbox, "POST", "/verify-config", &body);
    assert_eq!((&answer["ok"], &answer["code"]), (&json!(false), &json!(52010)));
}
