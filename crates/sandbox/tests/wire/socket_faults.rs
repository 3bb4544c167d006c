//! Every fault where it happens, on a socket; given from Rust, and given over the control API.

use std::io::{ErrorKind, Read as _, Write as _};
use std::time::{Duration, Instant};

use dingtalk_sandbox::{Fault, Person, Sandbox, WrongType};
use http::Request;
use serde_json::{Value, json};

use crate::server::{PATIENCE, ask, connect, request, started};
use crate::support::START;

pub(crate) const CALL: &str = "GET /gettoken";
pub(crate) const BODY: &str = "{\"errcode\":40035,\"errmsg\":\"缺少参数 corpid or appkey\"}";

/// Runs a test with the fault from either side, and says how often it struck.
pub(crate) fn both(fault: Fault, rule: Value, hits: u64, test: impl Fn(&Sandbox)) {
    let sandbox = started();
    let handle = sandbox.fault(fault);
    test(&sandbox);
    assert_eq!(handle.hits() as u64, hits, "from Rust");

    let sandbox = started();
    let control = |method: &str, body: &Value| {
        let request = Request::builder().method(method).uri("/_sandbox/v1/faults");
        let request = request.header("content-type", "application/json");
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let answer = sandbox.control(request.body(body).expect("a request"));
        assert!(answer.status().is_success(), "{}", String::from_utf8_lossy(answer.body()));
        serde_json::from_slice::<Value>(answer.body()).expect("JSON")
    };
    let mut rule = rule;
    rule["operation"] = CALL.into();
    control("POST", &rule);
    test(&sandbox);
    assert_eq!(control("GET", &Value::Null)["faults"][0]["hits"], hits, "over the control API");
}

pub(crate) fn body_of(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}

pub(crate) fn header<'a>(answer: &'a str, name: &str) -> &'a str {
    let head = answer.split("\r\n\r\n").next().unwrap_or_default();
    let mut lines = head.lines().filter_map(|line| line.split_once(": "));
    lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value)
}

#[test]
fn a_reset_after_some_bytes_lets_them_through_first() {
    let rule = json!({"action":{"kind":"resetAfter","len":10}});
    both(Fault::on(CALL).reset_after(10), rule, 1, |sandbox| {
        let (answer, end) = ask(sandbox, "/gettoken");
        assert_eq!(body_of(&answer), &BODY[..10]);
        assert_eq!(end, Some(ErrorKind::ConnectionReset));
        assert_eq!(header(&answer, "content-length"), BODY.len().to_string());
    });
}

#[test]
fn a_close_after_some_bytes_is_a_farewell_in_the_middle() {
    let rule = json!({"action":{"kind":"truncate","len":10}});
    both(Fault::on(CALL).truncate_body(10), rule, 1, |sandbox| {
        let (answer, end) = ask(sandbox, "/gettoken");
        assert_eq!((body_of(&answer), end), (&BODY[..10], None));
    });
}

#[test]
fn a_stall_after_some_bytes_keeps_the_connection_open() {
    let rule = json!({"action":{"kind":"stallAfter","len":10}});
    both(Fault::on(CALL).stall_after(10), rule, 1, |sandbox| {
        let mut stream = connect(sandbox);
        stream.write_all(request("/gettoken", "close").as_bytes()).expect("the server reads");
        let mut seen = String::new();
        let mut piece = [0; 256];
        while !seen.ends_with(&BODY[..10]) {
            let len = stream.read(&mut piece).expect("head and first bytes come");
            assert_ne!(len, 0, "closed after {seen}");
            seen.push_str(&String::from_utf8_lossy(&piece[..len]));
        }
        stream.set_read_timeout(Some(Duration::from_millis(30))).expect("a time limit can be set");
        let error = stream.read(&mut piece).expect_err("nothing more comes");
        assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut));
    });
}

#[test]
fn a_drip_after_some_bytes_is_slow_only_from_there() {
    let rest = u32::try_from(BODY.len()).expect("small") - 50;
    let pause = Duration::from_millis(8);
    let rule = json!({"action":{"kind":"drip","after":50,"pauseMs":8}});
    both(Fault::on(CALL).drip_after(50, pause), rule, 1, |sandbox| {
        let begun = Instant::now();
        let (answer, end) = ask(sandbox, "/gettoken");
        assert_eq!((body_of(&answer), end), (BODY, None));
        assert!(begun.elapsed() >= pause * rest, "{:?} for {rest} bytes", begun.elapsed());
    });
}

#[test]
fn a_wrong_type_changes_one_member_and_nothing_else() {
    let rule = json!({"action":{"kind":"wrongType","pointer":"/errcode","to":"text"}});
    both(Fault::on(CALL).wrong_type("/errcode", WrongType::Text), rule, 1, |sandbox| {
        let (answer, _) = ask(sandbox, "/gettoken");
        assert_eq!(body_of(&answer), BODY.replace("40035", "\"40035\""));
        let length = body_of(&answer).len().to_string();
        assert_eq!(header(&answer, "content-length"), length, "the answer is well-formed HTTP");
    });
}

#[test]
fn numbers_as_text_changes_every_number() {
    let rule = json!({"action":{"kind":"numbersAsText"}});
    both(Fault::on(CALL).numbers_as_text(), rule, 1, |sandbox| {
        let demo = sandbox.demo();
        let path = format!("/gettoken?appkey={}&appsecret={}", demo.client_id, demo.client_secret);
        let (answer, _) = ask(sandbox, &path);
        assert!(body_of(&answer).starts_with("{\"errcode\":\"0\",\"access_token\""), "{answer}");
        assert!(body_of(&answer).ends_with("\"expires_in\":\"7200\"}"), "{answer}");
    });
}

#[test]
fn a_duplicate_answer_comes_twice_from_one_execution_and_the_connection_goes_on() {
    let rule = json!({"times":1,"action":{"kind":"duplicate"}});
    both(Fault::on(CALL).times(1).duplicate_answer(), rule, 1, |sandbox| {
        let mut stream = connect(sandbox);
        stream.write_all(request("/gettoken", "keep-alive").as_bytes()).expect("it reads");
        let mut seen = String::new();
        let mut piece = [0; 1024];
        while seen.matches(BODY).count() < 2 {
            let len = stream.read(&mut piece).expect("the second answer comes, too");
            assert_ne!(len, 0, "closed after {seen}");
            seen.push_str(&String::from_utf8_lossy(&piece[..len]));
        }
        let (first, second) = seen.split_at(seen.len() / 2);
        assert_eq!(first, second, "head and body, byte by byte");
        assert!(first.starts_with("HTTP/1.1 200"));
        assert_eq!(sandbox.count(CALL), 1);
        stream.write_all(request("/gettoken", "close").as_bytes()).expect("it still reads");
        let mut last = String::new();
        stream.read_to_string(&mut last).expect("an answer and the end");
        assert_eq!((last.matches(BODY).count(), sandbox.count(CALL)), (1, 2));
    });
}

#[test]
fn a_duplicate_of_an_answer_without_a_body_is_its_head() {
    let sandbox = started();
    let _ = sandbox.fault(Fault::on(CALL).times(1).duplicate_answer());
    let mut stream = connect(&sandbox);
    let head = |end| request("/gettoken", end).replace("GET", "HEAD");
    stream.write_all(head("keep-alive").as_bytes()).expect("it reads");
    let mut seen = String::new();
    let mut piece = [0; 1024];
    while seen.matches("\r\n\r\n").count() < 2 {
        let len = stream.read(&mut piece).expect("the second head comes, too");
        assert_ne!(len, 0, "closed after {seen}");
        seen.push_str(&String::from_utf8_lossy(&piece[..len]));
    }
    stream.write_all(head("close").as_bytes()).expect("it still reads");
    stream.read_to_string(&mut seen).expect("an answer and the end");
    assert_eq!(seen.matches("HTTP/1.1 200").count(), 3);
}

#[test]
fn a_large_duplicate_answer_is_whole_both_times() {
    let sandbox = started();
    for at in 0..4_000 {
        sandbox.add_person(Person::new(format!("a-rather-long-user-id-{at}"), "x"));
    }
    let token = crate::support::app_token(&sandbox);
    let _ = sandbox.fault(Fault::on("POST /topapi/user/listid").duplicate_answer());
    let path = format!("/topapi/user/listid?dept_id=1&access_token={token}");
    let (answer, _) = ask(&sandbox, &path);
    let (first, second) = answer.split_at(answer.len() / 2);
    assert!(first.len() > 60_000, "more than one write: {}", first.len());
    assert!(first == second && first.starts_with("HTTP/1.1 200") && first.ends_with('}'));
}

#[test]
fn the_date_is_ahead_of_the_sandboxs_clock_or_behind_it() {
    const DAY: i64 = 86_400_000;
    let rule = json!({"dateSkewMs": DAY});
    both(Fault::on(CALL).date_skew(DAY), rule, 1, |sandbox| {
        assert_eq!(sandbox.clock().now(), START);
        let (answer, _) = ask(sandbox, "/gettoken");
        assert_eq!(header(&answer, "date"), "Wed, 15 Nov 2023 22:13:20 GMT");
        assert_eq!(answer.to_lowercase().matches("\r\ndate: ").count(), 1);
        assert_eq!(body_of(&answer), BODY);
    });
    let sandbox = started();
    let _ = sandbox.fault(Fault::on(CALL).date_skew(i64::MIN));
    assert_eq!(header(&ask(&sandbox, "/gettoken").0, "date"), "Thu, 01 Jan 1970 00:00:00 GMT");
}

#[test]
fn latency_is_fixed_or_between_two_bounds() {
    let (least, most) = (Duration::from_millis(40), Duration::from_millis(60));
    let waited = |sandbox: &Sandbox| {
        let begun = Instant::now();
        assert_eq!(body_of(&ask(sandbox, "/gettoken").0), BODY);
        let waited = begun.elapsed();
        assert!(waited >= least && waited < PATIENCE, "{waited:?}");
    };
    both(Fault::on(CALL).delay(least), json!({"delayMs": 40}), 1, waited);
    let rule = json!({"delayBetween": {"leastMs": 40, "mostMs": 60, "seed": 3}});
    both(Fault::on(CALL).delay_between(least, most, 3), rule, 1, waited);
}

#[test]
fn an_answer_is_lost_after_the_work_and_before_it() {
    for (fault, action, executed) in [
        (Fault::on(CALL).execute_then_drop(), "executeThenDrop", true),
        (Fault::on(CALL).close(), "close", false),
    ] {
        both(fault, json!({"action": {"kind": action}}), 1, |sandbox| {
            let demo = sandbox.demo();
            let (id, secret) = (demo.client_id, demo.client_secret);
            let (answer, _) = ask(sandbox, &format!("/gettoken?appkey={id}&appsecret={secret}"));
            assert_eq!(answer, "");
            let app = sandbox.journal().entries().last().and_then(|entry| entry.app.clone());
            assert_eq!(app.is_some(), executed, "{action}");
        });
    }
}

#[test]
fn a_rule_says_which_calls_it_means() {
    let sent = |sandbox: &Sandbox| {
        let answers = (0..6).map(|_| ask(sandbox, "/gettoken").0.contains("HTTP/1.1 418"));
        answers.collect::<Vec<_>>()
    };
    let action = json!({"kind":"answer","status":418});
    let fault = || Fault::on(CALL).answer(418, "application/json", "");
    let cases: [(Fault, Value, [bool; 6]); 5] = [
        (fault().nth(3), json!({"nth":3}), [false, false, true, false, false, false]),
        (fault().every(2), json!({"every":2}), [false, true, false, true, false, true]),
        (fault().after(4), json!({"after":4}), [false, false, false, false, true, true]),
        (fault().times(2), json!({"times":2}), [true, true, false, false, false, false]),
        (fault().with_header("x-no"), json!({"header":{"name":"x-no"}}), [false; 6]),
    ];
    for (fault, mut rule, wanted) in cases {
        rule["action"] = action.clone();
        let hits = wanted.iter().filter(|hit| **hit).count() as u64;
        both(fault, rule, hits, |sandbox| assert_eq!(sent(sandbox), wanted));
    }
    let chance = json!({"probability":{"p":0.5,"seed":11},"action":action});
    let seeded = started();
    let handle = seeded.fault(fault().probability(0.5, 11));
    let wanted = sent(&seeded);
    assert!(wanted.contains(&true) && wanted.contains(&false), "{wanted:?}");
    let hits = handle.hits() as u64;
    both(fault().probability(0.5, 11), chance, hits, |sandbox| assert_eq!(sent(sandbox), wanted));
    let short = json!({"lifetimeMs":1000,"action":action});
    both(fault().lifetime(Duration::from_secs(1)), short, 1, |sandbox| {
        assert!(ask(sandbox, "/gettoken").0.contains("HTTP/1.1 418"));
        sandbox.clock().advance(Duration::from_secs(1));
        assert!(!ask(sandbox, "/gettoken").0.contains("HTTP/1.1 418"), "it healed by itself");
    });
}
