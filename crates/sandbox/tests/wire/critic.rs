//! What the critic finds: each mistake raises its finding, and doing it right does not.

use std::time::Duration;

use dingtalk_sandbox::{
    App, BrowserLogin, Event, Fault, Finding, PlatformError, PushReply, Sandbox, Severity,
    Subscription,
};
use http::Request;
use serde_json::Value;

use crate::support::{
    app_token, exchange, form, get, oauth_code, plain_token, refresh, sandbox, send, token_of,
    topapi, user_token, v1,
};

const MINUTE: Duration = Duration::from_secs(60);
const TASKS: &str = "POST /v1.0/todo/users/{unionId}/tasks";

fn found(sandbox: &Sandbox, id: &str) -> Option<Finding> {
    let mut found: Vec<_> = sandbox.findings().into_iter().filter(|it| it.id == id).collect();
    assert!(found.len() < 2, "{found:?}");
    found.pop()
}

fn count(sandbox: &Sandbox, id: &str) -> u64 {
    sandbox.findings().iter().filter(|it| it.id == id).map(|it| it.count).sum()
}

fn person(sandbox: &Sandbox, token: &str) {
    let body = format!(r#"{{"userid":"{}"}}"#, sandbox.demo().user_id);
    assert_eq!(topapi(sandbox, "v2/user/get", token, &body).errcode(), 0);
}

fn task(sandbox: &Sandbox, token: &str, more: &str) -> http::Response<Vec<u8>> {
    let uri = format!("/v1.0/todo/users/{}/tasks", sandbox.demo().union_id);
    let body = format!(
        r#"{{"subject":"x","detailUrl":{{"appUrl":"https://a.example","pcUrl":"https://a.example"}}{more}}}"#
    );
    let request = Request::post(uri)
        .header("content-type", "application/json")
        .header("x-acs-dingtalk-access-token", token);
    sandbox.handle(request.body(body.into_bytes()).expect("the request is well-formed"))
}

#[test]
fn a_token_asked_for_while_the_former_is_good_is_found_and_renewal_in_time_is_not() {
    let sandbox = sandbox();
    app_token(&sandbox);
    sandbox.clock().advance(110 * MINUTE);
    app_token(&sandbox);
    assert_eq!(count(&sandbox, "token-refetched"), 0, "ten minutes were left");
    sandbox.clock().advance(109 * MINUTE);
    app_token(&sandbox);
    let finding = found(&sandbox, "token-refetched").expect("eleven minutes were left");
    assert_eq!((finding.count, finding.severity), (1, Severity::Warn));
    assert_eq!(finding.journal, [2, 3]);
    assert_eq!(finding.app.as_deref(), Some(&*sandbox.demo().client_id));
    assert_eq!(finding.operation, "POST /v1.0/oauth2/accessToken");
    sandbox.reset();
    let pair = exchange(&sandbox, &oauth_code(&sandbox, "openid"));
    exchange(&sandbox, &oauth_code(&sandbox, "openid"));
    assert_eq!(count(&sandbox, "token-refetched"), 0, "a person may log in again");
    refresh(&sandbox, pair.str("/refreshToken"));
    assert_eq!(count(&sandbox, "token-refetched"), 1, "a refresh is the client's own idea");
}

#[test]
fn asking_again_after_a_fault_a_refusal_or_a_lost_answer_is_right() {
    let sandbox = sandbox();
    let demo = sandbox.demo();
    for fault in [
        Fault::on("POST /v1.0/oauth2/accessToken").nth(1).execute_then_drop(),
        Fault::on("POST /v1.0/oauth2/accessToken").nth(1).truncate_body(3),
    ] {
        sandbox.reset();
        let _ = sandbox.fault(fault);
        let body =
            format!(r#"{{"appKey":"{}","appSecret":"{}"}}"#, demo.client_id, demo.client_secret);
        send(
            &sandbox,
            "POST",
            "/v1.0/oauth2/accessToken",
            &[("content-type", "application/json")],
            body.as_bytes(),
        );
        app_token(&sandbox);
        assert_eq!(count(&sandbox, "token-refetched"), 0);
    }
    sandbox.reset();
    for fault in [
        Some(Fault::on("*").nth(1).platform_error(PlatformError::TokenDead)),
        Some(Fault::on("*").nth(1).answer(401, "application/json", "{}")),
        None,
    ] {
        sandbox.reset();
        let token = app_token(&sandbox);
        match fault {
            Some(fault) => drop(sandbox.fault(fault)),
            None => assert!(sandbox.revoke_token(&token)),
        }
        topapi(&sandbox, "v2/user/get", &token, r#"{"userid":"x"}"#);
        app_token(&sandbox);
        assert_eq!(count(&sandbox, "token-refetched"), 0);
    }
    app_token(&sandbox);
    assert_eq!(count(&sandbox, "token-refetched"), 1, "the excuse holds once");
}

#[test]
fn a_token_for_each_call_is_found_and_one_for_all_is_not() {
    let sandbox = sandbox();
    for _ in 0..2 {
        let token = app_token(&sandbox);
        (0..2).for_each(|_| person(&sandbox, &token));
    }
    assert_eq!(count(&sandbox, "token-not-reused"), 0);
    sandbox.reset();
    for nth in 1..=4 {
        let token = app_token(&sandbox);
        person(&sandbox, &token);
        assert_eq!(count(&sandbox, "token-not-reused"), [0, 0, 1, 2][nth - 1]);
    }
}

#[test]
fn a_token_that_is_used_to_its_end_is_found_and_one_renewed_in_time_is_not() {
    let sandbox = sandbox();
    let token = app_token(&sandbox);
    sandbox.clock().advance(111 * MINUTE);
    person(&sandbox, &token);
    assert_eq!(count(&sandbox, "token-used-late"), 0, "a renewal may be under way");
    app_token(&sandbox);
    sandbox.clock().advance(5 * MINUTE);
    person(&sandbox, &token);
    assert_eq!(count(&sandbox, "token-used-late"), 0, "the same token lives longer now");
    sandbox.clock().advance(107 * MINUTE);
    person(&sandbox, &token);
    assert_eq!(found(&sandbox, "token-used-late").unwrap().severity, Severity::Info);
    sandbox.clock().advance(9 * MINUTE);
    topapi(&sandbox, "v2/user/get", &token, r#"{"userid":"x"}"#);
    assert_eq!(count(&sandbox, "token-used-late"), 2, "and when it is dead");
}

#[test]
fn a_token_of_the_wrong_kind_is_found_both_ways_and_the_right_kind_is_not() {
    let sandbox = sandbox();
    let (app, person_s) = (app_token(&sandbox), user_token(&sandbox));
    person(&sandbox, &app);
    v1(&sandbox, "GET", "/v1.0/contact/users/me", &person_s, "");
    assert_eq!(count(&sandbox, "token-wrong-kind"), 0);
    topapi(&sandbox, "v2/user/get", &person_s, r#"{"userid":"x"}"#);
    v1(&sandbox, "GET", "/v1.0/contact/users/me", &app, "");
    let findings = sandbox.findings();
    let details: Vec<_> = findings
        .iter()
        .filter(|it| it.id == "token-wrong-kind")
        .map(|it| (it.operation.as_str(), it.details[0].as_str(), it.severity))
        .collect();
    assert_eq!(
        details,
        [
            ("GET /v1.0/contact/users/{unionId}", "an app's token", Severity::Error),
            ("POST /topapi/v2/user/get", "a person's token", Severity::Error),
        ]
    );
}

#[test]
fn a_page_ticket_for_each_page_is_found_and_an_extension_in_time_is_not() {
    let sandbox = sandbox();
    let token = app_token(&sandbox);
    let ticket = || v1(&sandbox, "POST", "/v1.0/oauth2/jsapiTickets", &token, "{}").status;
    assert_eq!(ticket(), 200);
    sandbox.clock().advance(110 * MINUTE);
    assert_eq!(ticket(), 200);
    assert_eq!(count(&sandbox, "ticket-refetched"), 0);
    assert_eq!(ticket(), 200);
    assert_eq!(found(&sandbox, "ticket-refetched").unwrap().journal, [3, 4]);
}

#[test]
fn a_repetition_without_a_pause_is_found_and_one_after_the_pause_is_not() {
    for (error, pause) in [
        (PlatformError::Throttled, 1_000),
        (PlatformError::Busy, 100),
        (PlatformError::Unavailable, 100),
        (PlatformError::IpBanHtml, 300_000),
        (PlatformError::Quota, 60_000),
    ] {
        // A loaded machine may take a tenth of a second by itself, which is a pause, too.
        let too_soon = Some(pause / 2).filter(|soon| *soon > 100);
        for waited in [Some(pause), too_soon].into_iter().flatten() {
            let sandbox = sandbox();
            let token = app_token(&sandbox);
            let on = "POST /v1.0/contact/users/search";
            let _ = sandbox.fault(Fault::on(on).nth(1).platform_error(error));
            let search = |word: &str| {
                let body = format!(r#"{{"queryWord":"{word}","offset":0,"size":5}}"#);
                v1(&sandbox, "POST", "/v1.0/contact/users/search", &token, &body)
            };
            search("a");
            search("b");
            assert_eq!(count(&sandbox, "retry-too-soon"), 0, "another call is no repetition");
            sandbox.clock().advance(Duration::from_millis(waited));
            search("a");
            let wanted = u64::from(waited < pause);
            assert_eq!(count(&sandbox, "retry-too-soon"), wanted, "{error:?} {waited}");
        }
    }
}

#[test]
fn a_write_repeated_in_doubt_is_found_and_with_a_source_id_or_certainty_it_is_not() {
    let in_doubt: [fn(Fault) -> Fault; 3] = [
        |fault| fault.execute_then_drop(),
        |fault| fault.reset(),
        |fault| fault.platform_error(PlatformError::Timeout),
    ];
    for doubt in in_doubt {
        for (more, wanted) in [("", 1), (r#","sourceId":"s1""#, 0)] {
            let sandbox = sandbox();
            let token = app_token(&sandbox);
            let _ = sandbox.fault(doubt(Fault::on(TASKS).nth(1)));
            task(&sandbox, &token, more);
            sandbox.clock().advance(Duration::from_secs(30));
            task(&sandbox, &token, more);
            assert_eq!(count(&sandbox, "write-repeated"), wanted, "{more}");
        }
    }
    let sandbox = sandbox();
    let token = app_token(&sandbox);
    let _ = sandbox.fault(Fault::on(TASKS).nth(1).platform_error(PlatformError::Throttled));
    for _ in 0..3 {
        task(&sandbox, &token, "");
        sandbox.clock().advance(2 * MINUTE);
    }
    assert_eq!(count(&sandbox, "write-repeated"), 0, "throttled is not executed");
}

#[test]
fn a_code_that_is_used_twice_is_found_and_one_whose_answer_was_lost_is_not() {
    let sandbox = sandbox();
    let code = oauth_code(&sandbox, "openid");
    let _ =
        sandbox.fault(Fault::on("POST /v1.0/oauth2/userAccessToken").nth(1).execute_then_drop());
    exchange(&sandbox, &code);
    exchange(&sandbox, &code);
    assert_eq!(count(&sandbox, "code-reused"), 0);
    let code = oauth_code(&sandbox, "openid");
    assert_eq!(exchange(&sandbox, &code).status, 200);
    assert_eq!(count(&sandbox, "code-reused"), 0);
    exchange(&sandbox, &code);
    assert_eq!(found(&sandbox, "code-reused").unwrap().journal, [3, 4]);
    exchange(&sandbox, "invented");
    assert_eq!(count(&sandbox, "code-reused"), 1);
}

#[test]
fn a_code_after_five_minutes_is_found_and_one_before_is_not() {
    let sandbox = sandbox();
    let (early, late) = (oauth_code(&sandbox, "openid"), oauth_code(&sandbox, "openid"));
    sandbox.clock().advance(Duration::from_millis(299_999));
    exchange(&sandbox, &early);
    assert_eq!(count(&sandbox, "code-late"), 0);
    sandbox.clock().advance(Duration::from_millis(1));
    exchange(&sandbox, &late);
    assert_eq!(count(&sandbox, "code-late"), 1);
}

#[test]
fn a_code_of_another_app_is_found() {
    let sandbox = sandbox();
    let demo = sandbox.demo();
    let code = sandbox.silent_code(&demo.client_id, &demo.user_id).unwrap();
    let body = format!(r#"{{"code":"{code}"}}"#);
    topapi(&sandbox, "v2/user/getuserinfo", &plain_token(&sandbox), &body);
    assert_eq!(
        found(&sandbox, "code-foreign").unwrap().app.as_deref(),
        Some(&*demo.plain_client_id)
    );
    topapi(&sandbox, "v2/user/getuserinfo", &app_token(&sandbox), &body);
    assert_eq!(count(&sandbox, "code-foreign"), 1, "at the right app it is right");
}

#[test]
fn a_silent_code_at_user_access_token_is_found_and_at_getuserinfo_it_is_not() {
    let sandbox = sandbox();
    let demo = sandbox.demo();
    let code = sandbox.silent_code(&demo.client_id, &demo.user_id).unwrap();
    exchange(&sandbox, &code);
    let finding = found(&sandbox, "code-wrong-kind").unwrap();
    assert!(finding.details[0].contains("silent") && finding.severity == Severity::Error);
    let body = format!(r#"{{"code":"{code}"}}"#);
    topapi(&sandbox, "v2/user/getuserinfo", &app_token(&sandbox), &body);
    assert_eq!(count(&sandbox, "code-wrong-kind"), 1);
}

#[test]
fn a_secret_in_a_url_is_found_and_a_documented_parameter_is_not() {
    let sandbox = sandbox();
    let demo = sandbox.demo();
    get(&sandbox, &format!("/gettoken?appkey={}&appsecret={}", demo.client_id, demo.client_secret));
    let token = app_token(&sandbox);
    person(&sandbox, &token);
    get(&sandbox, &format!("/auth/scopes?access_token={token}"));
    assert_eq!(count(&sandbox, "secret-in-url"), 0);
    for (uri, detail) in [
        (format!("/v1.0/contact/users/me?access_token={token}"), "query parameter access_token"),
        (format!("/v1.0/contact/users/{token}"), "the path"),
        (
            format!("/topapi/v2/user/get?access_token={token}&s={}", demo.client_secret),
            "query parameter s",
        ),
        (format!("/nowhere?{token}={token}"), "query parameter "),
    ] {
        sandbox.clear_findings();
        get(&sandbox, &uri);
        let finding = found(&sandbox, "secret-in-url").expect(&uri);
        assert_eq!(finding.details, [detail]);
        let told = serde_json::to_string(&sandbox.findings()).unwrap();
        assert!(!told.contains(&token) && !told.contains(&demo.client_secret), "{told}");
    }
}

#[test]
fn a_secret_in_a_referer_or_user_agent_is_found_and_a_clean_one_is_not() {
    let sandbox = sandbox();
    let demo = sandbox.demo();
    let token = app_token(&sandbox);
    let scopes = |name: &str, value: &str| {
        let uri = format!("/auth/scopes?access_token={token}");
        send(&sandbox, "GET", &uri, &[(name, value)], b"");
    };
    scopes("referer", "https://app.example.com/?code=0123");
    scopes("user-agent", "client/1.0");
    assert_eq!(count(&sandbox, "secret-in-header"), 0);
    scopes("referer", &format!("https://app.example.com/?t={token}"));
    scopes("user-agent", &format!("client/1.0 ({})", demo.client_secret));
    let finding = found(&sandbox, "secret-in-header").unwrap();
    assert_eq!(finding.details, ["Referer", "User-Agent"]);
}

#[test]
fn a_field_that_an_interface_does_not_have_is_found_in_every_family_and_others_are_not() {
    let sandbox = sandbox();
    let token = app_token(&sandbox);
    form(&sandbox, "v2/user/get", &token, "userid=manager01&language=en_US");
    assert_eq!(count(&sandbox, "unknown-field"), 0);
    form(&sandbox, "v2/user/get", &token, "userid=manager01&userId=x");
    topapi(&sandbox, "v2/user/get", &token, r#"{"userid":"manager01","lang":"x"}"#);
    assert_eq!(found(&sandbox, "unknown-field").unwrap().details, ["userId", "lang"]);
    sandbox.clear_findings();
    let body = r#"{"queryWord":"a","offset":0,"size":5,"full":1}"#;
    v1(&sandbox, "POST", "/v1.0/contact/users/search?debug=1", &token, body);
    assert_eq!(found(&sandbox, "unknown-field").unwrap().details, ["debug", "full"]);
    sandbox.clear_findings();
    get(&sandbox, "/nowhere?whatever=1");
    assert_eq!(count(&sandbox, "unknown-field"), 0, "nobody knows what it takes");
}

#[test]
fn a_missing_permission_is_found_unless_a_fault_made_it_up() {
    let sandbox = sandbox();
    let token = app_token(&sandbox);
    let _ = sandbox.fault(Fault::on("*").nth(1).platform_error(PlatformError::PermissionMissing));
    topapi(&sandbox, "v2/user/get", &token, r#"{"userid":"x"}"#);
    assert_eq!(count(&sandbox, "permission-missing"), 0);
    topapi(&sandbox, "v2/user/get", &plain_token(&sandbox), r#"{"userid":"x"}"#);
    assert_eq!(found(&sandbox, "permission-missing").unwrap().details, ["qyapi_get_member"]);
}

#[test]
fn points_that_no_call_needed_are_found_and_those_in_use_are_not() {
    let sandbox = sandbox();
    let app =
        App::internal("narrow", "narrow-secret").grant("qyapi_get_member").grant("fieldEmail");
    sandbox.add_app(app);
    assert_eq!(
        count(&sandbox, "permission-unused"),
        0,
        "an app that never called needs nothing yet"
    );
    let token = token_of(&sandbox, "narrow", "narrow-secret");
    let finding = found(&sandbox, "permission-unused").unwrap();
    assert_eq!(finding.details, ["fieldEmail, qyapi_get_member"]);
    assert_eq!(finding.severity, Severity::Info);
    person(&sandbox, &token);
    assert_eq!(count(&sandbox, "permission-unused"), 0);
    sandbox.grant("narrow", "Todo.Todo.Write");
    assert_eq!(found(&sandbox, "permission-unused").unwrap().details, ["Todo.Todo.Write"]);
}

#[test]
fn a_callback_that_replies_wrongly_is_found_and_one_that_says_success_is_not() {
    use std::sync::{Arc, Mutex};
    let sandbox = sandbox();
    let demo = sandbox.demo();
    let reply: Arc<Mutex<Option<PushReply>>> = Arc::default();
    let says = Arc::clone(&reply);
    let callback = Subscription::receiver("token", "k".repeat(43), move |push| {
        says.lock().unwrap().clone().unwrap_or_else(|| push.success())
    });
    sandbox.subscribe(&demo.suite_key, callback).unwrap();
    assert!(sandbox.renew_suite_ticket(&demo.suite_key).is_some());
    let about_callbacks = || {
        let all = sandbox.findings().into_iter();
        all.filter(|it| it.id.starts_with("callback-")).map(|it| it.id).collect::<Vec<_>>()
    };
    assert_eq!(about_callbacks(), [""; 0]);
    for (answer, id) in [
        (PushReply::new(200, "success"), "callback-unencrypted"),
        (PushReply::new(500, "success"), "callback-not-success"),
    ] {
        sandbox.clear_findings();
        *reply.lock().unwrap() = Some(answer);
        sandbox.renew_suite_ticket(&demo.suite_key);
        assert_eq!(about_callbacks(), [id]);
        let finding = found(&sandbox, id).unwrap();
        assert_eq!(finding.app, Some(demo.suite_key.clone()));
        assert!(finding.details[0].contains("suite_ticket"), "{:?}", finding.details);
    }
}

#[test]
fn a_callback_that_is_late_is_found() {
    let sandbox = crate::support::builder().callback_limit(Duration::from_millis(50)).in_process();
    let demo = sandbox.demo();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let callback = Subscription::url(&url, "token", "k".repeat(43));
    assert!(sandbox.subscribe(&demo.client_id, callback).is_err());
    assert_eq!(found(&sandbox, "callback-late").unwrap().count, 1);
    drop(listener);
    let _ = sandbox.push(&demo.client_id, &Event::new("user_add_org"));
    assert_eq!(count(&sandbox, "callback-late"), 1);
}

#[test]
fn an_old_interface_is_found_with_its_twin_and_the_twin_is_not() {
    let sandbox = sandbox();
    let demo = sandbox.demo();
    app_token(&sandbox);
    assert_eq!(count(&sandbox, "deprecated-endpoint"), 0);
    get(&sandbox, &format!("/gettoken?appkey={}&appsecret={}", demo.client_id, demo.client_secret));
    let finding = found(&sandbox, "deprecated-endpoint").unwrap();
    assert_eq!(finding.details, ["POST /v1.0/oauth2/accessToken"]);
}

/// Sends one request by hand and reads the answer.
fn over_the_socket(sandbox: &Sandbox, host: &str) {
    use std::io::{Read, Write};
    let address = sandbox.origin().trim_start_matches("http://").to_owned();
    let mut stream = std::net::TcpStream::connect(address).expect("the server listens");
    let request = format!("GET /gettoken HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    assert!(answer.contains("40035"), "{answer}");
}

#[test]
fn plain_http_for_another_host_is_found_and_for_this_machine_it_is_not() {
    let sandbox = crate::support::builder().start().unwrap();
    for host in ["127.0.0.1:7880", "localhost", "dingtalk.localhost:80", "[::1]:7880", "127.0.0.2"]
    {
        over_the_socket(&sandbox, host);
    }
    assert_eq!(count(&sandbox, "plain-http"), 0);
    over_the_socket(&sandbox, "oapi.dingtalk.com");
    let finding = found(&sandbox, "plain-http").unwrap();
    assert_eq!(finding.details, ["for oapi.dingtalk.com"]);
    assert_eq!(finding.journal, [6]);
}

#[test]
fn findings_are_cleared_reset_and_told_over_the_control_api_without_a_secret() {
    let sandbox = sandbox();
    let token = app_token(&sandbox);
    app_token(&sandbox);
    v1(&sandbox, "GET", "/v1.0/contact/users/me", &token, "");
    let control = |method: &str, path: &str| -> Value {
        let request = Request::builder().method(method).uri(path).body(Vec::new()).unwrap();
        serde_json::from_slice(sandbox.control(request).body()).unwrap()
    };
    let told = control("GET", "/_sandbox/v1/findings?least=warn");
    assert_eq!(told["worst"], "error");
    assert_eq!(told["findings"][0]["id"], "token-wrong-kind");
    assert_eq!(told["findings"][1]["id"], "token-refetched");
    assert!(told["findings"][2].is_null() && !told.to_string().contains(&token));
    let back: Vec<Finding> = serde_json::from_value(told["findings"].clone()).unwrap();
    assert_eq!(back, sandbox.findings()[..2]);
    let shown = back[1].to_string();
    assert!(shown.contains("token-refetched × 1") && shown.contains("#1 #2"), "{shown}");
    control("DELETE", "/_sandbox/v1/findings");
    assert_eq!(control("GET", "/_sandbox/v1/findings")["worst"], Value::Null);
    app_token(&sandbox);
    assert_eq!(count(&sandbox, "token-refetched"), 0, "the platform had called the token dead");
    app_token(&sandbox);
    assert_eq!(count(&sandbox, "token-refetched"), 1, "what is known of the token stays known");
    sandbox.reset();
    assert_eq!(sandbox.findings(), []);
}

#[test]
fn the_usual_flow_done_right_raises_nothing_of_warn_or_above() {
    let sandbox = sandbox();
    let demo = sandbox.demo();
    let login = BrowserLogin::new(&demo.client_id, &demo.redirect_uri, &demo.user_id);
    let _ = sandbox.login(&login);
    let app = app_token(&sandbox);
    let user = user_token(&sandbox);
    v1(&sandbox, "GET", "/v1.0/contact/users/me", &user, "");
    person(&sandbox, &app);
    v1(&sandbox, "POST", "/v1.0/oauth2/jsapiTickets", &app, "");
    assert_eq!(task(&sandbox, &app, "").status(), 200);
    let bad: Vec<_> =
        sandbox.findings().into_iter().filter(|it| it.severity >= Severity::Warn).collect();
    assert_eq!(bad, []);
}
