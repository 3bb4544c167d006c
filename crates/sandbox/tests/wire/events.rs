//! Events over HTTP push (wire-facts §10).

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dingtalk_sandbox::{
    Department, Event, Person, Push, PushReply, PushTrouble, Sandbox, Subscription,
};

use crate::support::{app_token, builder, get, parameter, sandbox, send};

pub(crate) const KEY: &str = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG";
const OTHER: &str = "dingother";

type Seen = Arc<Mutex<Vec<String>>>;

/// A receiver that remembers the messages and answers as told.
fn receiver(answer: impl Fn(&Push) -> PushReply + Send + Sync + 'static) -> (Subscription, Seen) {
    let seen = Seen::default();
    let memory = Arc::clone(&seen);
    let callback = Subscription::receiver("tokenExample1", KEY, move |push| {
        memory.lock().expect("no panic").push(push.message().to_owned());
        answer(push)
    });
    (callback, seen)
}

fn types(seen: &Seen) -> Vec<String> {
    let parsed = |text: &String| serde_json::from_str::<serde_json::Value>(text).expect("JSON");
    let mut seen = seen.lock().expect("no panic");
    let types =
        seen.iter().map(|text| parsed(text)["EventType"].as_str().expect("text").to_owned());
    let types = types.collect();
    seen.clear();
    types
}

/// A server on loopback that gives one answer after the other, and hands out what it was sent.
pub(crate) fn callback_server(answers: Vec<String>) -> (String, std::sync::mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/cb?app=1", listener.local_addr().expect("bound"));
    let (sender, requests) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for answer in answers {
            let (mut stream, _) = listener.accept().expect("a push");
            let mut request = Vec::new();
            let mut piece = [0; 4096];
            while !request.ends_with(b"\"}") {
                let len = stream.read(&mut piece).expect("a request");
                request.extend_from_slice(&piece[..len]);
            }
            let _ = stream.write_all(answer.as_bytes());
            let _ = sender.send(String::from_utf8(request).expect("text"));
        }
    });
    (url, requests)
}

fn register(sandbox: &Sandbox, call: &str, url: &str) -> i64 {
    let body = format!(
        r#"{{"call_back_tag":["user_add_org"],"token":"tokenExample1","aes_key":"{KEY}","url":"{url}"}}"#
    );
    let uri = format!("/call_back/{call}?access_token={}", app_token(sandbox));
    send(sandbox, "POST", &uri, &[("content-type", "application/json")], body.as_bytes()).errcode()
}

pub(crate) fn http(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

/// The reply that an app with this owner key gives, made by a sandbox of the same owner: the cipher's random part and
/// the reply's time are the app's own affair.
pub(crate) fn success_of_demo_corp() -> String {
    // One reply fits every push, since the platform cannot check its time or nonce.
    let reply = Arc::new(Mutex::new(String::new()));
    let memory = Arc::clone(&reply);
    let sandbox = sandbox();
    let corp = sandbox.demo().corp_id;
    let app = dingtalk_sandbox::App::internal(corp.as_str(), "s");
    sandbox.add_app(app);
    let callback = Subscription::receiver("tokenExample1", KEY, move |push| {
        let reply = push.success();
        *memory.lock().expect("no panic") = String::from_utf8(reply.body.clone()).expect("text");
        reply
    });
    sandbox.subscribe(&corp, callback).expect("it says success");
    reply.lock().expect("no panic").clone()
}

#[test]
fn contact_changes_reach_an_app_that_subscribed() {
    let sandbox = sandbox();
    let (callback, seen) = receiver(Push::success);
    sandbox.subscribe(&sandbox.demo().client_id, callback).expect("it says success");
    assert_eq!(types(&seen), ["check_url"]);
    sandbox.add_person(Person::new("u-new", "New"));
    assert_eq!(
        seen.lock().expect("no panic")[0],
        format!(
            r#"{{"EventType":"user_add_org","TimeStamp":"1700000000000","UserId":["u-new"],"CorpId":"{}"}}"#,
            sandbox.demo().corp_id
        )
    );
    sandbox.add_person(Person::new("u-new", "Newer"));
    sandbox.add_person(Person::external("x", "Outside"));
    assert!(sandbox.remove_person("u-new"));
    assert!(!sandbox.remove_person("u-new"));
    sandbox.add_department(Department::new(9, "Nine", 1));
    sandbox.add_department(Department::new(9, "Neun", 1));
    assert_eq!(
        types(&seen),
        ["user_add_org", "user_modify_org", "user_leave_org", "org_dept_create", "org_dept_modify"]
    );
    let (callback, seen) = receiver(Push::success);
    let callback = callback.tags(&["user_leave_org"]);
    sandbox.subscribe(&sandbox.demo().client_id, callback).expect("it says success");
    sandbox.add_person(Person::new("u-new", "New"));
    sandbox.remove_person("u-new");
    assert_eq!(types(&seen), ["check_url", "user_leave_org"]);
    assert!(sandbox.unsubscribe(&sandbox.demo().client_id));
    sandbox.add_person(Person::new("u-new", "New"));
    assert_eq!(types(&seen), Vec::<String>::new());
}

#[test]
fn a_vendor_is_told_of_tickets_and_of_organizations_that_come_and_go() {
    let sandbox = sandbox();
    let suite = sandbox.demo().suite_key;
    let (callback, seen) = receiver(Push::success);
    sandbox.subscribe(&suite, callback.clone()).expect("it says success");
    assert_eq!(types(&seen), ["check_create_suite_url", "suite_ticket"]);
    sandbox.subscribe(&suite, callback).expect("it says success");
    assert_eq!(types(&seen), ["check_update_suite_url", "suite_ticket"]);
    sandbox.add_company(OTHER, "Other");
    sandbox.authorize(&suite, OTHER).expect("both exist");
    sandbox.change_authorization(&suite, OTHER).expect("it is open");
    sandbox.set_app_stopped(&suite, OTHER, true);
    sandbox.set_app_stopped(&suite, OTHER, false);
    assert!(sandbox.revoke_authorization(&suite, OTHER));
    let relieve = seen.lock().expect("no panic").last().expect("an event").clone();
    assert!(relieve.contains(r#""TimeStamp":"1700000000000""#), "a text here: {relieve}");
    assert_eq!(
        types(&seen),
        [
            "tmp_auth_code",
            "change_auth",
            "org_micro_app_stop",
            "org_micro_app_restore",
            "suite_relieve"
        ]
    );
    let before = sandbox.suite_ticket(&suite);
    sandbox.clock().advance(Duration::from_secs(5 * 3600));
    assert_eq!(sandbox.deliver_due(), 1);
    assert_eq!(types(&seen), ["suite_ticket"]);
    assert_ne!(sandbox.suite_ticket(&suite), before);
    sandbox.add_person(Person::new("u-new", "New"));
    assert_eq!(types(&seen), Vec::<String>::new(), "contact events only where named");
}

#[test]
fn a_failed_push_comes_again_after_10_and_30_seconds_and_then_into_the_list() {
    let sandbox = sandbox();
    let client = sandbox.demo().client_id;
    let (callback, seen) = receiver(|push| {
        if push.event_type() == "check_url" { push.success() } else { PushReply::new(302, "") }
    });
    sandbox.subscribe(&client, callback).expect("it says success");
    sandbox.add_person(Person::new("u-new", "New"));
    for (pause, made) in [(9, 0), (1, 1), (29, 0), (1, 1), (3600, 0)] {
        sandbox.clock().advance(Duration::from_secs(pause));
        assert_eq!(sandbox.deliver_due(), made);
    }
    let attempts: Vec<_> = sandbox.deliveries().into_iter().skip(1).collect();
    assert_eq!(attempts.iter().map(|attempt| attempt.number).collect::<Vec<_>>(), [1, 2, 3]);
    assert!(attempts.iter().all(|attempt| attempt.trouble == Some(PushTrouble::Status(302))));
    assert!(sandbox.resend(attempts[0].push));
    assert!(!sandbox.resend(4711));
    assert_eq!(types(&seen).len(), 5);
    let list = get(
        &sandbox,
        &format!("/call_back/get_call_back_failed_result?access_token={}", app_token(&sandbox)),
    );
    assert_eq!(list.json["failed_list"][0]["userid"][0], "u-new");
    assert_eq!(list.json["has_more"], false);
}

#[test]
fn a_reply_must_be_signed_encrypted_and_say_success() {
    let sandbox = sandbox();
    let client = sandbox.demo().client_id;
    let trouble = |answer: fn(&Push) -> PushReply| {
        let (callback, _) = receiver(answer);
        sandbox.subscribe(&client, callback).expect_err("the reply is wrong")
    };
    assert_eq!(trouble(|push| push.reply("fail")), PushTrouble::NotSuccess("fail".into()));
    assert!(matches!(trouble(|_| PushReply::new(200, "success")), PushTrouble::Unreadable(_)));
    assert_eq!(trouble(|push| PushReply::new(500, push.success().body)), PushTrouble::Status(500));
    let tampered = |push: &Push| {
        let text = String::from_utf8(push.success().body).expect("text");
        PushReply::new(200, text.replace("nonce\":\"", "nonce\":\"x"))
    };
    assert_eq!(trouble(tampered), PushTrouble::Signature);
    assert!(matches!(trouble(|_| panic!("a bug of the test's")), PushTrouble::Unreachable(_)));
    let short = Subscription::receiver("t", "short", Push::success);
    assert!(matches!(sandbox.subscribe(&client, short), Err(PushTrouble::Crypto(_))));
    assert_eq!(sandbox.push(&client, &Event::new("check_in")), Vec::<u64>::new(), "none holds");
}

#[test]
fn the_old_registration_asks_the_url_first_and_pushes_over_the_wire() {
    let reply = http(&success_of_demo_corp());
    let (url, requests) = callback_server(vec![reply.clone(), reply]);
    let sandbox = sandbox();
    assert_eq!(register(&sandbox, "update_call_back", &url), 71007);
    assert_eq!(register(&sandbox, "register_call_back", &url), 0);
    assert_eq!(register(&sandbox, "register_call_back", &url), 71006);
    let check = requests.recv().expect("the check");
    let first = check.lines().next().expect("a request line").to_owned();
    assert!(first.starts_with("POST /cb?app=1&signature="), "{first}");
    let target = first.split(' ').nth(1).expect("a target");
    assert_eq!(parameter(target, "signature"), parameter(target, "msg_signature"));
    assert_eq!(parameter(target, "timestamp").as_deref(), Some("1700000000000"));
    let token = app_token(&sandbox);
    let held = get(&sandbox, &format!("/call_back/get_call_back?access_token={token}"));
    assert_eq!(held.keys(), "errcode errmsg call_back_tag token aes_key url");
    assert_eq!(held.str("/url"), url);
    sandbox.add_person(Person::new("u-new", "New"));
    assert!(requests.recv().is_ok());
    assert_eq!(sandbox.deliveries().last().expect("a push").trouble, None);
    let delete = format!("/call_back/delete_call_back?access_token={token}");
    assert_eq!((get(&sandbox, &delete).errcode(), get(&sandbox, &delete).errcode()), (0, 71007));
}

#[test]
fn the_old_registration_names_what_is_wrong_with_a_url() {
    let sandbox = sandbox();
    let ask = |url: &str| register(&sandbox, "register_call_back", url);
    assert_eq!(ask("nonsense"), 71011);
    assert_eq!(ask("http://example.com/cb"), 71013);
    let closed = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("bound");
    assert_eq!(ask(&format!("http://{closed}/")), 71012);
    assert_eq!(ask(&callback_server(vec![http("success")]).0), 71010);
    assert_eq!(ask(&callback_server(vec![http("{}").replace("200", "302")]).0), 71009);
    let token = app_token(&sandbox);
    let raw = |body: &str| {
        let uri = format!("/call_back/register_call_back?access_token={token}");
        send(&sandbox, "POST", &uri, &[], body.as_bytes()).errcode()
    };
    assert_eq!(raw("{}"), 40035);
    assert_eq!(raw(r#"{"call_back_tag":["nothing"]}"#), 71008);
    assert_eq!(raw(r#"{"call_back_tag":["check_in"],"token":"short"}"#), 40035);
    assert_eq!(
        raw(r#"{"call_back_tag":["check_in"],"token":"tokenExample1","aes_key":"x"}"#),
        40035
    );
    assert_eq!(raw(""), 44002);
}

#[test]
fn a_silent_callback_and_an_endless_reply_end_by_their_limits() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/", silent.local_addr().expect("bound"));
    let sandbox = builder().callback_limit(Duration::from_millis(30)).in_process();
    let client = sandbox.demo().client_id;
    let slow = sandbox.subscribe(&client, Subscription::url(url, "t", KEY));
    assert_eq!(slow, Err(PushTrouble::TooSlow));
    let (url, _requests) = callback_server(vec![http(&"a".repeat(65 * 1024))]);
    let sandbox = crate::support::sandbox();
    let large = sandbox.subscribe(&client, Subscription::url(url, "t", KEY));
    assert_eq!(large, Err(PushTrouble::TooLarge));
}

#[test]
fn a_server_pushes_what_comes_due_by_itself() {
    let sandbox = builder().start().expect("a port");
    let (sender, events) = std::sync::mpsc::channel();
    let callback = Subscription::receiver("token", KEY, move |push| {
        let _ = sender.send(push.event_type().to_owned());
        push.success()
    });
    let suite = sandbox.demo().suite_key;
    sandbox.subscribe(&suite, callback).expect("it says success");
    let next = || events.recv_timeout(Duration::from_secs(20)).expect("a push");
    assert_eq!((next(), next()), ("check_create_suite_url".into(), "suite_ticket".into()));
    sandbox.clock().advance(Duration::from_secs(5 * 3600));
    assert_eq!(next(), "suite_ticket");
    sandbox.push(&suite, &Event::new("check_in").field("StaffId", "x"));
    assert_eq!(next(), "check_in");
    sandbox.deliver_due();
    assert!(sandbox.deliveries().iter().all(|attempt| attempt.trouble.is_none()));
}
