//! The control API's part about organizations, third-party apps, events and tokens.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use dingtalk_sandbox::{Push, Sandbox, Subscription};
use serde_json::{Value, json};

use crate::control::steer;
use crate::support::{app_token, exchange, oauth_code, sandbox, suite_corp_token, topapi};
use crate::vendor::KEY;

fn done(sandbox: &Sandbox, method: &str, path: &str, body: &Value) -> Value {
    let (status, answer) = steer(sandbox, method, path, body);
    assert!((200..300).contains(&status), "{method} {path}: {status} {answer}");
    answer
}

fn refused(sandbox: &Sandbox, method: &str, path: &str, body: &Value) -> u16 {
    let (status, answer) = steer(sandbox, method, path, body);
    assert!(status >= 400 && answer["detail"].is_string(), "{method} {path}: {status} {answer}");
    status
}

fn event_types(seen: &Arc<Mutex<Vec<String>>>) -> Vec<String> {
    std::mem::take(&mut *seen.lock().expect("no panic"))
}

fn listen(sandbox: &Sandbox, client: &str) -> Arc<Mutex<Vec<String>>> {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let memory = Arc::clone(&seen);
    let callback = Subscription::receiver("tokenExample1", KEY, move |push: &Push| {
        memory.lock().expect("no panic").push(push.event_type().to_owned());
        push.success()
    });
    sandbox.subscribe(client, callback).expect("it says success");
    event_types(&seen);
    seen
}

#[test]
fn organizations_have_people_and_departments_of_their_own() {
    let sandbox = sandbox();
    let other = json!({"corpId":"dingother","name":"Other"});
    let told = done(&sandbox, "PUT", "/organizations/dingother", &other);
    assert_eq!((&told["people"], &told["departments"]), (&json!(0), &json!(1)));
    assert_eq!(
        done(&sandbox, "GET", "/organizations", &Value::Null)["organizations"]
            .as_array()
            .map(Vec::len),
        Some(2)
    );
    let department = json!({"id":900,"name":"x"});
    done(&sandbox, "PUT", "/departments/900?corpId=dingother", &department);
    let person = json!({"userId":"u","name":"U","departments":[900]});
    done(&sandbox, "PUT", "/people/u?corpId=dingother", &person);
    assert_eq!(refused(&sandbox, "GET", "/people/u", &Value::Null), 404, "not in the first one");
    assert_eq!(refused(&sandbox, "GET", "/people?corpId=nowhere", &Value::Null), 404);
    let all = done(&sandbox, "GET", "/people?corpId=dingother", &Value::Null);
    assert_eq!(all["total"], 1);
    let renamed = json!({"corpId":"dingother","name":"Another"});
    assert_eq!(done(&sandbox, "PUT", "/organizations/dingother", &renamed)["name"], "Another");
    done(&sandbox, "DELETE", "/people/u?corpId=dingother", &Value::Null);
    done(&sandbox, "DELETE", "/departments/900?corpId=dingother", &Value::Null);
    done(&sandbox, "DELETE", "/organizations/dingother", &Value::Null);
    assert_eq!(refused(&sandbox, "DELETE", "/organizations/dingother", &Value::Null), 404);
    let home = format!("/organizations/{}", sandbox.demo().corp_id);
    assert_eq!(refused(&sandbox, "DELETE", &home, &Value::Null), 409);
}

#[test]
fn contact_changes_over_the_control_api_are_told() {
    let sandbox = sandbox();
    let seen = listen(&sandbox, &sandbox.demo().client_id);
    let person = json!({"userId":"u-new","name":"x"});
    done(&sandbox, "PUT", "/people/u-new", &person);
    let admin =
        json!({"userId":"u-new","name":"x","admin":true,"roles":[{"id":9,"group":"g","name":"r"}]});
    done(&sandbox, "PUT", "/people/u-new", &admin);
    done(&sandbox, "PUT", "/departments/900", &json!({"id":900,"name":"x"}));
    done(&sandbox, "DELETE", "/departments/900", &Value::Null);
    done(&sandbox, "DELETE", "/people/u-new", &Value::Null);
    assert_eq!(
        event_types(&seen),
        [
            "user_add_org",
            "label_conf_add",
            "user_modify_org",
            "label_user_change",
            "org_admin_add",
            "org_dept_create",
            "org_dept_remove",
            "label_conf_del",
            "user_leave_org",
            "org_admin_remove",
        ]
    );
}

#[test]
fn a_suite_lives_its_whole_life_over_the_control_api() {
    let sandbox = sandbox();
    let asked = json!({"name":"Mine","requested":["qyapi_get_department_list"]});
    let made = done(&sandbox, "POST", "/suites", &asked);
    let key = made["suiteKey"].as_str().expect("made up").to_owned();
    let seen = listen(&sandbox, &key);
    let suite = format!("/suites/{key}");
    assert_eq!(done(&sandbox, "GET", &suite, &Value::Null)["suiteSecret"], Value::Null);
    done(&sandbox, "PUT", "/organizations/dingother", &json!({"corpId":"dingother","name":"O"}));
    let open = format!("{suite}/authorizations/dingother");
    assert_eq!(refused(&sandbox, "GET", &open, &Value::Null), 404);
    let told = done(&sandbox, "PUT", &open, &json!({}));
    assert_eq!((&told["stopped"], &told["points"][0]), (&json!(false), &asked["requested"][0]));
    assert_eq!(
        refused(&sandbox, "PUT", &open, &json!({"points":["qyapi_get_member"]})),
        400,
        "it has not asked for that"
    );
    let scope = json!({"contactScope":{"departments":[1]}});
    assert_eq!(done(&sandbox, "PUT", &open, &scope)["contactScope"]["departments"], json!([1]));
    assert_eq!(done(&sandbox, "POST", &format!("{open}/stop"), &Value::Null)["stopped"], true);
    assert_eq!(done(&sandbox, "POST", &format!("{open}/start"), &Value::Null)["stopped"], false);
    let again = done(&sandbox, "POST", &format!("{suite}/ticket/push"), &Value::Null);
    assert_eq!(again["suiteTicket"], made["suiteTicket"]);
    let fresh = done(&sandbox, "POST", &format!("{suite}/ticket/renew"), &Value::Null);
    assert_ne!(fresh["suiteTicket"], made["suiteTicket"]);
    done(&sandbox, "DELETE", &open, &Value::Null);
    assert_eq!(refused(&sandbox, "DELETE", &open, &Value::Null), 404);
    assert_eq!(
        event_types(&seen),
        [
            "tmp_auth_code",
            "change_auth",
            "org_micro_app_stop",
            "org_micro_app_restore",
            "suite_ticket",
            "suite_ticket",
            "suite_relieve",
        ]
    );
    assert_eq!(refused(&sandbox, "POST", "/suites", &json!({"suiteKey":key})), 409);
    assert_eq!(refused(&sandbox, "POST", "/suites", &json!({"openedBy":["nowhere"]})), 400);
    let internal = format!("/suites/{}", sandbox.demo().client_id);
    assert_eq!(refused(&sandbox, "GET", &internal, &Value::Null), 404);
}

#[test]
fn describing_an_app_anew_does_not_start_it_where_it_was_stopped() {
    let sandbox = sandbox();
    let demo = sandbox.demo();
    sandbox.set_app_stopped(&demo.suite_key, &demo.corp_id, true);
    let path = format!("/apps/{}", demo.suite_key);
    let app = done(&sandbox, "GET", &path, &Value::Null);
    let before = done(&sandbox, "GET", &format!("/suites/{}", demo.suite_key), &Value::Null);
    done(&sandbox, "PUT", &path, &app);
    let after = done(&sandbox, "GET", &format!("/suites/{}", demo.suite_key), &Value::Null);
    assert_eq!(before["suiteId"], after["suiteId"]);
    let open = format!("/suites/{}/authorizations/{}", demo.suite_key, demo.corp_id);
    assert_eq!(done(&sandbox, "GET", &open, &Value::Null)["stopped"], true);
}

#[test]
fn callbacks_are_asked_unless_told_otherwise_and_deliveries_are_listed_resent_and_waited_for() {
    let sandbox = sandbox();
    let client = sandbox.demo().client_id;
    let path = format!("/callbacks/{client}");
    let mut callback =
        json!({"clientId":client,"url":"http://127.0.0.1:9/","token":"tokenExample1","aesKey":KEY});
    assert_eq!(refused(&sandbox, "PUT", &path, &callback), 422, "nobody is there");
    assert_eq!(done(&sandbox, "GET", "/callbacks", &Value::Null)["callbacks"], json!([]));
    callback["unchecked"] = json!(true);
    let held = done(&sandbox, "PUT", &path, &callback);
    assert_eq!((&held["url"], &held["aesKey"]), (&callback["url"], &Value::Null));
    callback["url"] = json!("http://example.com/");
    assert_eq!(refused(&sandbox, "PUT", &path, &callback), 400, "not on this machine");
    let body = json!({"clientId":client,"eventType":"user_add_org","userIds":["manager01"],
                      "fields":{"More":1}});
    let push = done(&sandbox, "POST", "/events", &body)["pushes"][0].clone();
    let shown = done(&sandbox, "GET", &format!("/deliveries/{push}"), &Value::Null);
    let message: Value =
        serde_json::from_str(shown["message"].as_str().expect("a text")).expect("JSON");
    assert_eq!((&message["UserId"], &message["More"]), (&json!(["manager01"]), &json!(1)));
    assert_eq!(shown["attempts"][0]["delivered"], false);
    let all = done(&sandbox, "GET", &format!("/deliveries?push={push}"), &Value::Null);
    assert_eq!((&all["waiting"][0]["push"], &all["waiting"][0]["attempts"]), (&push, &json!(1)));
    let wait = format!("/deliveries/wait?push={push}&timeoutMs=0");
    let late = done(&sandbox, "GET", &wait, &Value::Null);
    assert_eq!(late, json!({"reached":false,"count":0}));

    let seen = listen(&sandbox, &client);
    done(&sandbox, "POST", &format!("/deliveries/{push}/resend"), &Value::Null);
    assert_eq!(event_types(&seen), ["user_add_org"]);
    let there = done(&sandbox, "GET", &wait, &Value::Null);
    assert_eq!(there, json!({"reached":true,"count":1}));
    assert_eq!(refused(&sandbox, "GET", "/deliveries/999", &Value::Null), 404);
    assert_eq!(refused(&sandbox, "POST", "/deliveries/999/resend", &Value::Null), 404);
    done(&sandbox, "DELETE", &path, &Value::Null);
    let gone = format!("/deliveries/{push}/resend");
    assert_eq!(refused(&sandbox, "POST", &gone, &Value::Null), 409);
    assert_eq!(refused(&sandbox, "DELETE", &path, &Value::Null), 404);
    let odd = json!({"clientId":client,"eventType":"odd"});
    assert_eq!(refused(&sandbox, "POST", "/events", &odd), 400);
}

#[test]
fn a_server_waits_for_a_delivery_without_holding_others_up() {
    let sandbox = crate::support::builder().start().expect("a port");
    let client = sandbox.demo().client_id;
    let (sender, called) = std::sync::mpsc::channel();
    let origin = sandbox.origin();
    let callback = Subscription::receiver("tokenExample1", KEY, move |push: &Push| {
        // The receiver itself asks the sandbox while it is told.
        let host = origin.trim_start_matches("http://");
        let stream = std::net::TcpStream::connect(host).expect("it listens");
        let _ = sender.send(stream.peer_addr().is_ok());
        push.success()
    });
    sandbox.subscribe(&client, callback).expect("it says success");
    let other = sandbox.clone();
    let path = "/deliveries/wait?eventType=user_add_org&timeoutMs=20000";
    let waiting = std::thread::spawn(move || done(&other, "GET", path, &Value::Null));
    done(&sandbox, "PUT", "/people/u-new", &json!({"userId":"u-new","name":"x"}));
    assert_eq!(waiting.join().expect("it ends"), json!({"reached":true,"count":1}));
    assert!(called.recv_timeout(Duration::from_secs(20)).expect("it was called"));
}

#[test]
fn tokens_are_listed_by_fingerprint_and_killed_by_it() {
    let sandbox = sandbox();
    let demo = sandbox.demo();
    let (app, suite) = (app_token(&sandbox), suite_corp_token(&sandbox));
    let pair = exchange(&sandbox, &oauth_code(&sandbox, "openid"));
    let all = done(&sandbox, "GET", "/tokens", &Value::Null);
    let text = all.to_string();
    for secret in [&*app, &*suite, pair.str("/accessToken"), pair.str("/refreshToken")] {
        assert!(!text.contains(secret), "no token is in the answer");
        assert!(text.contains(&sandbox.journal().fingerprint(secret)));
    }
    let kinds = |query: &str| {
        let all = done(&sandbox, "GET", &format!("/tokens{query}"), &Value::Null);
        let all = all["tokens"].as_array().expect("a list").clone();
        let mut kinds: Vec<String> = all
            .iter()
            .map(|it| format!("{} {}", it["kind"].as_str().unwrap_or_default(), it["refresh"]))
            .collect();
        kinds.sort_unstable();
        kinds
    };
    assert_eq!(kinds(""), ["app false", "app false", "user false", "user true"]);
    assert_eq!(kinds(&format!("?clientId={}", demo.suite_key)), ["app false"]);
    assert_eq!(kinds(&format!("?userId={}", demo.user_id)), ["user false", "user true"]);
    let kill = json!({"fingerprint": sandbox.journal().fingerprint(&suite)});
    assert_eq!(done(&sandbox, "POST", "/tokens/revoke", &kill), json!({"revoked":1}));
    assert_eq!(done(&sandbox, "POST", "/tokens/revoke", &kill), json!({"revoked":0}));
    let list = |token: &str| topapi(&sandbox, "v2/department/listsub", token, "{}").code();
    assert_eq!((list(&suite).as_str(), list(&app).as_str()), ("88/40014", "0"));
}

#[test]
fn points_are_listed_and_consents_filtered_and_taken_back_one_by_one() {
    let sandbox = sandbox();
    let demo = sandbox.demo();
    let all = done(&sandbox, "GET", "/permissions", &Value::Null);
    let find = |code: &str| {
        let mut rows = all["permissions"].as_array().expect("a list").iter();
        let row = rows.find(|it| it["code"] == code).expect("it is there");
        json!([row["kind"], row["subject"], row["sensitive"], row["product"], row["default"]])
    };
    let mobile = json!(["field", "delegated", false, "person", false]);
    assert_eq!(find("Contact.User.mobile"), mobile);
    let manage = json!(["rpc", "application", true, "contacts", false]);
    assert_eq!(find("qyapi_manage_addresslist"), manage);
    assert_eq!(find("qyapi_base"), json!(["rpc", "application", false, "basics", true]));
    assert_eq!(find("Todo.Todo.Write"), json!(["rpc", "both", false, "todo", false]));
    let ask = json!({"clientId":demo.client_id,"userId":demo.user_id,"rpcScope":"Contact.User.Read",
                     "fieldScope":"Contact.User.mobile"});
    done(&sandbox, "POST", "/consents", &ask);
    let granted = |query: &str| {
        let told = done(&sandbox, "GET", &format!("/consents{query}"), &Value::Null);
        told["consents"][0]["points"].as_array().map_or(0, Vec::len)
    };
    let mine = format!("?userId={}&clientId={}", demo.user_id, demo.client_id);
    assert_eq!((granted(&mine), granted("?userId=u-su-mei")), (2, 0));
    let some =
        json!({"clientId":demo.client_id,"userId":demo.user_id,"points":["Contact.User.mobile"]});
    assert_eq!(done(&sandbox, "DELETE", "/consents", &some), json!({"withdrawn":true}));
    assert_eq!(done(&sandbox, "DELETE", "/consents", &some), json!({"withdrawn":false}));
    assert_eq!(granted(&mine), 1);
    let odd = json!({"clientId":demo.client_id,"userId":demo.user_id,"points":["typo"]});
    assert_eq!(refused(&sandbox, "DELETE", "/consents", &odd), 400);
}

#[test]
fn codes_are_given_in_any_organization_where_the_app_works() {
    let sandbox = sandbox();
    let demo = sandbox.demo();
    done(&sandbox, "PUT", "/organizations/dingother", &json!({"corpId":"dingother","name":"O"}));
    done(&sandbox, "PUT", "/people/u?corpId=dingother", &json!({"userId":"u","name":"U"}));
    let ask = |kind: &str| json!({"kind":kind,"clientId":demo.suite_key,"corpId":"dingother","userId":"u"});
    assert_eq!(refused(&sandbox, "POST", "/codes", &ask("silent")), 422, "it has not opened it");
    sandbox.authorize(&demo.suite_key, "dingother").expect("both exist");
    for kind in ["silent", "oauth", "sso", "sns"] {
        assert!(done(&sandbox, "POST", "/codes", &ask(kind))["code"].is_string(), "{kind}");
    }
}
