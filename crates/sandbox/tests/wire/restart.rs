//! What outlives a restart: after a snapshot is loaded elsewhere, everything that can be asked is answered as before.

use std::time::Duration;

use dingtalk_sandbox::{
    App, Consent, Department, Event, Person, Sandbox, Subscription, Switch, Terms, Trigger,
};
use serde_json::{Value, json};

use crate::control::steer;
use crate::support::{
    app_token, builder, exchange, get, oauth_code, send, suite_corp_token, topapi, v1,
};
use crate::vendor::KEY;

const OTHER: &str = "dingother";

/// A small generator of its own, so that a failing state can be had again by its number.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

/// A state that has been lived in: the number decides what was done, and in which order.
fn lived_in(number: u64) -> (Sandbox, Vec<String>) {
    let sandbox = builder().in_process();
    let demo = sandbox.demo();
    let suite = demo.suite_key.as_str();
    let callback = |port: u16| {
        json!({"clientId": suite, "url": format!("http://127.0.0.1:{port}/"), "token": "tokenExample1",
               "aesKey": KEY, "unchecked": true, "syncHttp": port == 9})
    };
    sandbox.add_company(OTHER, "Other");
    let mut tokens = vec![app_token(&sandbox), suite_corp_token(&sandbox)];
    let mut dice = Dice(number);
    for step in 0..40 {
        match dice.below(20) {
            0 => {
                sandbox.add_person(Person::new(format!("u-{step}"), "P").role(5, "g", "r").leads(1))
            }
            1 => sandbox.add_person(Person::new("u-su-mei", "苏梅").department(1)),
            2 => drop(sandbox.remove_person("u-qian")),
            3 => sandbox.add_department(Department::new(700 + step, "D", 1).manager("manager01")),
            4 => drop(sandbox.authorize(suite, OTHER)),
            5 => drop(sandbox.authorize_with(
                suite,
                OTHER,
                &Terms::default().contact_scope(&[1], &["x"]),
            )),
            6 => drop(sandbox.revoke_authorization(suite, OTHER)),
            7 => drop(sandbox.set_app_stopped(suite, OTHER, dice.below(2) == 0)),
            8 => drop(sandbox.renew_suite_ticket(suite)),
            9 => drop(steer(&sandbox, "PUT", &format!("/callbacks/{suite}"), &callback(9))),
            10 => drop(steer(&sandbox, "PUT", &format!("/callbacks/{suite}"), &callback(11))),
            11 => drop(sandbox.trigger(suite, &Trigger::new("change_auth"))),
            12 => sandbox.clock().advance(Duration::from_secs(dice.below(9000))),
            13 => sandbox.set_switch(&Switch::StoppedAppWorks(dice.below(2) == 0)),
            14 => tokens.push(app_token(&sandbox)),
            15 => {
                let pair = exchange(&sandbox, &oauth_code(&sandbox, "openid corpid"));
                tokens.push(pair.str("/accessToken").to_owned());
            }
            16 => drop(
                sandbox.consent(
                    &Consent::delegated(&demo.client_id, &demo.corp_id, "u-lin-xia")
                        .field_scope("Contact.User.mobile"),
                ),
            ),
            17 => drop(sandbox.add_person_to(OTHER, Person::new(format!("o-{step}"), "O").admin())),
            18 => drop(sandbox.revoke_grant(&demo.client_id, "qyapi_addresslist_search")),
            _ => {
                sandbox.add_app(
                    App::third_party(format!("suite{step}"), "s").opened_by(&demo.corp_id),
                );
                drop(sandbox.push(suite, &Event::new("check_in")));
            }
        }
    }
    (sandbox, tokens)
}

/// Answers without what is drawn anew for each of them.
fn told(answer: &crate::support::Answer) -> Value {
    let mut json = answer.json.clone();
    if let Some(fields) = json.as_object_mut() {
        for name in ["request_id", "requestid"] {
            fields.remove(name);
        }
    }
    json!([answer.status, json])
}

/// All that only reads, at both doors.
fn probe(sandbox: &Sandbox, tokens: &[String]) -> Vec<(String, Value)> {
    let demo = sandbox.demo();
    let mut all = Vec::new();
    for path in [
        "/people?limit=999",
        "/departments",
        "/organizations",
        "/people?corpId=dingother",
        "/apps?reveal=1",
        "/suites?reveal=1",
        "/callbacks?reveal=1",
        "/deliveries",
        "/consents",
        "/switches",
        "/clock",
        "/permissions",
    ] {
        all.push((path.to_owned(), steer(sandbox, "GET", path, &Value::Null).1));
    }
    let open = format!("/suites/{}/authorizations", demo.suite_key);
    all.push((open.clone(), steer(sandbox, "GET", &open, &Value::Null).1));
    for push in 1..60 {
        let path = format!("/deliveries/{push}");
        all.push((path.clone(), steer(sandbox, "GET", &path, &Value::Null).1));
    }
    for token in tokens {
        for (path, body) in [
            ("v2/user/get", r#"{"userid":"manager01"}"#),
            ("v2/user/get", r#"{"userid":"u-su-mei"}"#),
            ("v2/user/list", r#"{"dept_id":1,"cursor":0,"size":100}"#),
            ("v2/department/listsub", "{}"),
            ("v2/department/get", r#"{"dept_id":1}"#),
        ] {
            all.push((format!("{path} {body}"), told(&topapi(sandbox, path, token, body))));
        }
        let scopes = format!("/auth/scopes?access_token={token}");
        all.push(("scopes".to_owned(), told(&get(sandbox, &scopes))));
        for uri in [
            "/v1.0/contact/users/me".to_owned(),
            "/v1.0/oauth2/authRules/user".to_owned(),
            format!("/v1.0/oauth2/apps/authInfo?authCorpId={OTHER}"),
            format!("/v1.0/oauth2/apps/authInfo?authCorpId={}", demo.corp_id),
        ] {
            all.push((uri.clone(), told(&v1(sandbox, "GET", &uri, token, ""))));
        }
    }
    all
}

#[test]
fn whatever_was_done_every_answer_after_a_load_is_the_one_before() {
    for number in 0..60 {
        let (first, tokens) = lived_in(number);
        let saved = first.snapshot();
        let second = Sandbox::builder().empty().seed(1).in_process();
        second.load(&saved).expect("it is whole");
        for (before, after) in probe(&first, &tokens).iter().zip(&probe(&second, &tokens)) {
            assert_eq!(before, after, "state {number}");
        }
        assert_eq!(app_token(&first), app_token(&second), "state {number}: what is drawn next");
        // What waits comes due there as it would have here.
        for sandbox in [&first, &second] {
            sandbox.clock().advance(Duration::from_secs(5 * 3600));
            sandbox.deliver_due();
        }
        assert_eq!(first.deliveries(), second.deliveries(), "state {number}");
    }
}

#[test]
fn a_push_that_waits_reaches_a_callback_after_the_restart() {
    let first = builder().in_process();
    let client = first.demo().client_id;
    let body = json!({"clientId": client, "url": "http://127.0.0.1:9/", "token": "tokenExample1",
                      "aesKey": KEY, "unchecked": true});
    let (status, _) = steer(&first, "PUT", &format!("/callbacks/{client}"), &body);
    assert_eq!(status, 200);
    first.add_person(Person::new("u-new", "New"));
    let second = builder().in_process();
    second.load(&first.snapshot()).expect("it is whole");
    let (sender, seen) = std::sync::mpsc::channel();
    let callback = Subscription::receiver("tokenExample1", KEY, move |push| {
        let _ = sender.send(push.message().to_owned());
        push.success()
    });
    second.subscribe(&client, callback).expect("it says success");
    assert!(seen.try_recv().is_ok_and(|text| text.contains("check_url")));
    second.clock().advance(Duration::from_secs(10));
    assert_eq!(second.deliver_due(), 1);
    assert!(seen.try_recv().is_ok_and(|text| text.contains("u-new")));
}

#[test]
fn a_receiver_of_this_process_is_kept_by_its_own_sandbox_and_gone_in_another() {
    let sandbox = builder().in_process();
    let client = sandbox.demo().client_id;
    let (sender, seen) = std::sync::mpsc::channel();
    let callback = Subscription::receiver("tokenExample1", KEY, move |push| {
        let _ = sender.send(push.event_type().to_owned());
        push.success()
    });
    sandbox.subscribe(&client, callback).expect("it says success");
    let saved = sandbox.snapshot();
    sandbox.load(&saved).expect("it is whole");
    sandbox.add_person(Person::new("u-new", "New"));
    assert_eq!(seen.try_iter().collect::<Vec<_>>(), ["check_url", "user_add_org"]);
    let other = builder().in_process();
    other.load(&saved).expect("it is whole");
    other.add_person(Person::new("u-new", "New"));
    assert_eq!(seen.try_iter().count(), 0);
}

#[test]
fn a_snapshot_of_the_first_version_is_read_and_one_that_points_elsewhere_is_not() {
    let sandbox = builder().in_process();
    let client = sandbox.demo().client_id;
    let body = json!({"clientId": client, "url": "http://127.0.0.1:9/", "token": "tokenExample1",
                      "aesKey": KEY, "unchecked": true});
    steer(&sandbox, "PUT", &format!("/callbacks/{client}"), &body);
    let saved = sandbox.snapshot();
    let mut first: Value = serde_json::from_str(&saved).expect("JSON");
    first["version"] = json!(1);
    let fields = first.as_object_mut().expect("an object");
    fields.remove("seats");
    fields.remove("outbox");
    for company in fields["companies"].as_array_mut().expect("a list") {
        let company = company.as_object_mut().expect("an object");
        company.remove("orders");
        company.remove("nextOrder");
    }
    sandbox.load(&first.to_string()).expect("an older one still says what it means");
    assert_eq!(steer(&sandbox, "GET", "/callbacks", &Value::Null).1, json!({"callbacks":[]}));
    for (from, to) in [("http://127.0.0.1:9/", "http://example.com/"), (KEY, "short")] {
        let error = sandbox.load(&saved.replace(from, to)).expect_err("it must not be used");
        assert!(error.to_string().contains(&client), "{error}");
    }
    let _ = send(&sandbox, "GET", "/gettoken", &[], b"");
}
