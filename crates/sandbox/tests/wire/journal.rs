//! The journal: what an entry holds, and what a test can expect of it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use dingtalk_sandbox::{Fault, Sandbox};
use http::Request;

use crate::support::{app_token, builder, form, get, plain_token, sandbox, send, topapi};

fn panic_of(fails: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(fails)).expect_err("it should have panicked");
    panic.downcast_ref::<String>().expect("it says why").clone()
}

#[test]
fn an_entry_holds_names_sizes_and_the_time_and_never_a_value() {
    let sandbox = sandbox();
    let token = app_token(&sandbox);
    let body = "userid=manager01&language=en_US&odd-name=1&5ab0c5aaaaaaaaaaaaaaaaaaaaaaaaaa=1";
    let answer = form(&sandbox, "v2/user/get", &token, body);
    let entries = sandbox.journal().entries();
    assert_eq!(entries[0].fields, ["appKey", "appSecret"]);
    let entry = &entries[1];
    assert_eq!(entry.query, ["access_token"]);
    assert_eq!(entry.fields, ["userid", "language", "(no name)"]);
    assert_eq!((entry.request_bytes, entry.answer_bytes), (body.len(), answer.text.len()));
    assert_eq!((entry.status, entry.code.as_deref()), (200, None));
    let request = Request::get("/_sandbox/v1/journal/export").body(Vec::new()).unwrap();
    let lines = String::from_utf8(sandbox.control(request).into_body()).unwrap();
    let lines: Vec<serde_json::Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[1]["fields"][1], "language");
    assert_eq!(lines[1]["requestBytes"], body.len());
    assert_eq!(lines[1]["answerBytes"], answer.text.len());
    assert!(lines[1]["tookMicros"].is_u64() && lines[1]["query"][0] == "access_token");
    let told = format!("{entries:?} {lines:?}");
    for secret in [token.as_str(), "manager01", &sandbox.demo().client_secret, "5ab0c5a"] {
        assert!(!told.contains(secret), "{secret}");
    }
}

#[test]
fn a_secret_in_a_path_is_a_fingerprint_however_it_is_written_and_wherever_it_is_cut() {
    let sandbox = sandbox();
    let token = app_token(&sandbox);
    let encoded: String = token.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let long = "x".repeat(180);
    get(&sandbox, &format!("/oops/{encoded}/139%300000001"));
    get(&sandbox, &format!("/{long}/{token}"));
    get(&sandbox, &format!("/{}", "%E9%95%BF".repeat(300)));
    let journal = sandbox.journal();
    let paths: Vec<String> = journal.entries().into_iter().map(|entry| entry.path).collect();
    let (token, mobile) = (journal.fingerprint(&token), journal.fingerprint("13900000001"));
    assert_eq!(paths[1], format!("/oops/#{token}/#{mobile}"));
    assert_eq!(paths[2], format!("/{long}/#{token}"));
    assert!(paths[3].len() <= 200, "{}", paths[3]);
}

#[test]
fn the_time_of_an_answer_has_the_faults_delay_in_it() {
    let sandbox = sandbox();
    get(&sandbox, "/gettoken");
    let _ = sandbox.fault(Fault::on("GET /gettoken").delay(Duration::from_secs(3600)));
    get(&sandbox, "/gettoken");
    let entries = sandbox.journal().entries();
    assert!(entries[0].took < Duration::from_secs(3600));
    assert!(entries[1].took >= Duration::from_secs(3600));
}

#[test]
fn an_expectation_that_holds_is_quiet() {
    let sandbox = sandbox();
    let journal = sandbox.journal();
    let once = journal.expect("POST /v1.0/oauth2/accessToken").times(1);
    journal.expect("POST /topapi/*").at_most(0).verify();
    let token = app_token(&sandbox);
    topapi(&sandbox, "v2/user/get", &token, r#"{"userid":"manager01"}"#);
    topapi(&sandbox, "v2/user/get", &plain_token(&sandbox), r#"{"userid":"manager01"}"#);
    journal.expect("POST /topapi/*").at_least(1).at_most(2).verify();
    let mine = sandbox.demo().client_id;
    let plain = sandbox.demo().plain_client_id;
    journal.expect("POST /topapi/v2/user/get").by_app(mine).with_status(200).times(1).verify();
    journal.expect("POST /topapi/v2/user/get").by_app(plain).with_code("60011").times(1).verify();
    let twice = panic_of(|| once.verify());
    assert!(twice.contains("exactly once; it came 2 times"), "the plain app fetched one, too");
    journal.clear();
    journal.expect("*").times(0).verify();
}

#[test]
fn an_expectation_that_does_not_hold_shows_the_nearest_miss_and_what_it_lacks() {
    let sandbox = sandbox();
    get(&sandbox, "/gettoken?appkey=x&appsecret=y");
    let demo = sandbox.demo();
    topapi(&sandbox, "v2/user/get", &plain_token(&sandbox), r#"{"userid":"x"}"#);
    let expect = |operation: &str| sandbox.journal().expect(operation);
    let text = panic_of(|| {
        drop(expect("POST /topapi/v2/user/get").by_app(&demo.client_id).with_code("60121"));
    });
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[0],
        format!(
            "expected POST /topapi/v2/user/get at least once, by app {}, with code 60121; it came 0 times",
            demo.client_id
        )
    );
    assert_eq!(lines[1], "  the nearest:");
    assert_eq!(
        lines[2],
        format!(
            "    #3 POST /topapi/v2/user/get → 200 60011, app {0}  (app {0}, code 60011)",
            demo.plain_client_id
        )
    );
    assert!(lines[3].ends_with("(another operation, app unknown, code none)") || lines.len() > 3);
    let text = panic_of(|| expect("POST /topapi/v2/user/list").verify());
    assert!(text.contains("#3 POST /topapi/v2/user/get → 200 60011"), "{text}");
    let text = panic_of(|| expect("*").times(2).verify());
    assert!(text.contains("it came 3 times") && text.contains("these came:"), "{text}");
    assert!(expect("GET /gettoken").times(1).unmet().is_none());
    sandbox.journal().clear();
    assert!(panic_of(|| expect("*").verify()).contains("no other call came at all"));
}

#[test]
fn an_expectation_of_an_operation_that_is_not_there_is_refused_at_once() {
    let sandbox = sandbox();
    let text = panic_of(|| drop(sandbox.journal().expect("GET /gettokens").times(0)));
    assert!(text.contains("no operation is called \"GET /gettokens\""), "{text}");
}

#[test]
fn an_expectation_leaves_a_test_that_panics_already_its_own_message() {
    let sandbox = sandbox();
    let text = panic_of(|| {
        let _never_met = sandbox.journal().expect("GET /gettoken").times(7);
        panic!("{}", "the test's own".to_owned());
    });
    assert_eq!(text, "the test's own");
}

#[test]
fn an_expectation_does_not_hold_when_the_journal_kept_too_little_to_be_sure() {
    let sandbox: Sandbox = builder().journal_limit(2).in_process();
    for _ in 0..3 {
        send(&sandbox, "GET", "/gettoken", &[], b"");
    }
    assert!(sandbox.journal().expect("GET /gettoken").at_least(2).unmet().is_none());
    let text = panic_of(|| sandbox.journal().expect("GET /gettoken").times(2).verify());
    assert!(text.contains("journal_limit"), "{text}");
}
