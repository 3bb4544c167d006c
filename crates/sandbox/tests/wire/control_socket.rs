//! The control API over a real socket, with requests written by hand: who may use it, and what only a server can do.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use dingtalk_sandbox::Sandbox;
use serde_json::Value;

use crate::support::builder;

/// Long enough for a loaded machine, short enough to fail.
const PATIENCE: Duration = Duration::from_secs(20);

fn started() -> Sandbox {
    builder().start().expect("a loopback port is free")
}

fn host(sandbox: &Sandbox) -> String {
    sandbox.origin().trim_start_matches("http://").to_owned()
}

fn connect(sandbox: &Sandbox) -> TcpStream {
    let stream = TcpStream::connect(host(sandbox)).expect("the server listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time limit can be set");
    stream
}

/// The first line, headers and body of what comes back for these bytes.
fn exchange(sandbox: &Sandbox, request: &str) -> (u16, String, Value) {
    let mut stream = connect(sandbox);
    stream.write_all(request.as_bytes()).expect("the server reads");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("the server answers and closes");
    let (head, body) = text.split_once("\r\n\r\n").expect("there is a head");
    let status = head[9..12].parse().expect("there is a status");
    (status, head.to_ascii_lowercase(), serde_json::from_str(body).unwrap_or(Value::Null))
}

/// A request with these headers besides the one that ends the connection.
fn ask(sandbox: &Sandbox, line: &str, headers: &[String]) -> (u16, String, Value) {
    let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    exchange(sandbox, &format!("{line} HTTP/1.1\r\n{headers}Connection: close\r\n\r\n"))
}

fn bearer(sandbox: &Sandbox) -> String {
    format!("Authorization: Bearer {}", sandbox.control_token())
}

fn fine_host(sandbox: &Sandbox) -> String {
    format!("Host: {}", host(sandbox))
}

#[test]
fn the_token_opens_and_a_missing_or_wrong_one_does_not() {
    let (sandbox, other) = (started(), started());
    let host = || fine_host(&sandbox);
    let line = "GET /_sandbox/v1/clock";
    assert_eq!(ask(&sandbox, line, &[host(), bearer(&sandbox)]).0, 200);
    let lower = bearer(&sandbox).replace("Authorization: Bearer", "authorization: bearer");
    assert_eq!(ask(&sandbox, line, &[host(), lower]).0, 200);
    let (status, head, body) = ask(&sandbox, line, &[host()]);
    assert_eq!((status, body["error"].as_str()), (401, Some("missing_token")));
    assert!(head.contains("www-authenticate: bearer"));
    let longer = format!("{}0", bearer(&sandbox));
    for wrong in [bearer(&other), "Authorization: Bearer x".to_owned(), longer] {
        let (status, _, body) = ask(&sandbox, line, &[host(), wrong]);
        assert_eq!((status, body["error"].as_str()), (401, Some("wrong_token")));
    }
    let basic = bearer(&sandbox).replace("Bearer", "Basic");
    assert_eq!(ask(&sandbox, line, &[host(), basic]).0, 401);
    let query = format!("{line}?token={}", sandbox.control_token());
    assert_eq!(ask(&sandbox, &query, &[host()]).0, 401, "a token in a URL is none");
    assert_eq!(ask(&sandbox, "GET /_sandbox/v1/nothing", &[host()]).0, 401, "nor is the map free");
}

#[test]
fn a_seed_does_not_give_the_control_token_away() {
    assert_ne!(started().control_token(), started().control_token());
}

#[test]
fn health_and_version_need_no_token_and_still_a_loopback_host() {
    let sandbox = started();
    for line in ["GET /_sandbox/v1/health", "GET /_sandbox/v1/version"] {
        assert_eq!(ask(&sandbox, line, &[fine_host(&sandbox)]).0, 200);
        assert_eq!(ask(&sandbox, line, &["Host: evil.example".into()]).0, 421);
    }
}

#[test]
fn a_foreign_host_is_refused_against_rebinding() {
    let sandbox = started();
    let address = host(&sandbox);
    let port = address.rsplit(':').next().unwrap();
    let line = "GET /_sandbox/v1/clock";
    for name in ["127.0.0.1", "localhost", "LocalHost", "[::1]"] {
        let headers = [format!("Host: {name}:{port}"), bearer(&sandbox)];
        assert_eq!(ask(&sandbox, line, &headers).0, 200, "{name}");
    }
    for name in [
        format!("evil.example:{port}"),
        format!("127.0.0.1.evil.example:{port}"),
        "127.0.0.1:1".into(),
        "127.0.0.1".into(),
        format!("oapi.dingtalk.com:{port}"),
        format!("0.0.0.0:{port}"),
        String::new(),
    ] {
        let (status, _, body) = ask(&sandbox, line, &[format!("Host: {name}"), bearer(&sandbox)]);
        assert_eq!((status, body["error"].as_str()), (421, Some("foreign_host")), "{name}");
    }
    let none = ask(&sandbox, line, &[bearer(&sandbox)]).0;
    assert!(none == 421 || none == 400, "no Host at all: {none}");
    let twice = [fine_host(&sandbox), "Host: evil.example".to_owned(), bearer(&sandbox)];
    assert_ne!(ask(&sandbox, line, &twice).0, 200);
    let absolute = format!("GET http://evil.example:{port}/_sandbox/v1/clock");
    assert_eq!(ask(&sandbox, &absolute, &[fine_host(&sandbox), bearer(&sandbox)]).0, 421);
}

#[test]
fn web_pages_are_refused_even_with_the_token() {
    let sandbox = started();
    let origin = format!("Origin: {}", sandbox.origin());
    for header in [origin, "Origin: null".to_owned(), "Sec-Fetch-Site: cross-site".to_owned()] {
        let headers = [fine_host(&sandbox), bearer(&sandbox), header.clone()];
        let (status, head, body) = ask(&sandbox, "POST /_sandbox/v1/reset", &headers);
        assert_eq!((status, body["error"].as_str()), (403, Some("web_page")), "{header}");
        assert!(!head.contains("access-control-"), "no page is invited");
        assert_eq!(ask(&sandbox, "GET /_sandbox/v1/health", &headers).0, 403);
        assert_eq!(ask(&sandbox, "OPTIONS /_sandbox/v1/reset", &headers).0, 403);
    }
    let same = [fine_host(&sandbox), bearer(&sandbox), "Sec-Fetch-Site: none".to_owned()];
    assert_eq!(ask(&sandbox, "GET /_sandbox/v1/health", &same).0, 200);
}

#[test]
fn a_body_that_is_too_large_is_refused() {
    let sandbox = started();
    let body = "x".repeat(1024 * 1024 + 1);
    let request = format!(
        "POST /_sandbox/v1/clock HTTP/1.1\r\n{}\r\n{}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        fine_host(&sandbox),
        bearer(&sandbox),
        body.len()
    );
    let (status, _, answer) = exchange(&sandbox, &request);
    assert_eq!((status, answer["error"].as_str()), (413, Some("too_large")));
}

#[test]
fn control_calls_are_not_in_the_journal_and_no_fault_or_gate_touches_them() {
    let sandbox = started();
    let _gate = sandbox.gate("*");
    let _ = sandbox.fault(dingtalk_sandbox::Fault::on("*").close());
    let headers = [fine_host(&sandbox), bearer(&sandbox)];
    let (status, head, body) = ask(&sandbox, "GET /_sandbox/v1/journal", &headers);
    assert_eq!((status, body["total"].as_u64()), (200, Some(0)));
    assert!(head.contains("cache-control: no-store"));
}

#[test]
fn the_live_journal_tells_each_call_as_it_is_written() {
    let sandbox = started();
    let mut stream = connect(&sandbox);
    let request = format!(
        "GET /_sandbox/v1/journal/live?operation=GET%20/gettoken HTTP/1.1\r\n{}\r\n{}\r\n\r\n",
        fine_host(&sandbox),
        bearer(&sandbox)
    );
    stream.write_all(request.as_bytes()).expect("the server reads");
    let mut lines = BufReader::new(stream).lines().map(|line| line.expect("the stream goes on"));
    assert!(lines.by_ref().any(|line| line == "content-type: text/event-stream"));
    assert!(lines.by_ref().any(|line| line == ": live"), "from here on nothing is missed");
    for uri in ["/auth/scopes", "/gettoken?appkey=a", "/gettoken?appkey=b"] {
        let _ = sandbox.handle(http::Request::get(uri).body(Vec::new()).unwrap());
    }
    for seq in [2, 3] {
        let data = lines.by_ref().find_map(|line| line.strip_prefix("data: ").map(str::to_owned));
        let entry: Value = serde_json::from_str(&data.expect("there is an event")).unwrap();
        assert_eq!((&entry["seq"], &entry["operation"]), (&seq.into(), &"GET /gettoken".into()));
    }
}

#[test]
fn a_long_poll_on_the_server_ends_with_the_call_and_leaves_the_server_free() {
    let sandbox = started();
    let mut waiting = connect(&sandbox);
    let request = format!(
        "GET /_sandbox/v1/journal/wait?operation=GET%20/gettoken&timeoutMs=60000 HTTP/1.1\r\n{}\r\n{}\r\nConnection: close\r\n\r\n",
        fine_host(&sandbox),
        bearer(&sandbox)
    );
    waiting.write_all(request.as_bytes()).expect("the server reads");
    assert_eq!(ask(&sandbox, "GET /gettoken", &["Host: oapi.dingtalk.com".into()]).0, 200);
    let mut text = String::new();
    waiting.read_to_string(&mut text).expect("the server answers");
    assert!(text.ends_with(r#"{"count":1,"reached":true}"#), "{text}");
}

#[test]
fn a_gate_holds_requests_at_the_server_until_released_or_dropped() {
    let sandbox = started();
    let gate = sandbox.gate("GET /gettoken");
    let calls: Vec<_> = (0..3)
        .map(|_| {
            let sandbox = sandbox.clone();
            std::thread::spawn(move || ask(&sandbox, "GET /gettoken", &["Host: x".into()]).0)
        })
        .collect();
    assert!(gate.wait_arrivals(3, PATIENCE));
    assert!(!gate.wait_arrivals(4, Duration::ZERO));
    assert_eq!(sandbox.count("GET /gettoken"), 0);
    assert_eq!(ask(&sandbox, "GET /auth/scopes", &["Host: x".into()]).0, 200, "others pass");
    drop(gate);
    for call in calls {
        assert_eq!(call.join().unwrap(), 200);
    }
    assert_eq!(ask(&sandbox, "GET /gettoken", &["Host: x".into()]).0, 200, "and later ones");
    assert_eq!(sandbox.count("GET /gettoken"), 4);
}

#[test]
fn a_task_can_wait_at_a_gate_too() {
    let sandbox = started();
    let gate = sandbox.gate("GET /gettoken");
    let mut stream = connect(&sandbox);
    stream.write_all(b"GET /gettoken HTTP/1.1\r\nHost: x\r\n\r\n").expect("the server reads");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime starts");
    runtime.block_on(gate.arrived(1));
    assert_eq!(gate.arrivals(), 1);
}

#[test]
fn a_callback_that_is_asked_may_ask_the_sandbox_meanwhile() {
    let sandbox = started();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("bound"));
    let other = sandbox.clone();
    let receiver = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("the check");
        // If the check held the server up, this would wait for it, and it for this.
        let (status, _, json) = ask(&other, "GET /gettoken", &[fine_host(&other)]);
        let reply = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nnone";
        stream.write_all(reply.as_bytes()).expect("the sandbox reads");
        (status, json["errcode"].clone())
    });
    let client = sandbox.demo().client_id;
    let body = serde_json::json!({"clientId": client, "url": url, "token": "tokenExample1",
                                  "aesKey": crate::vendor::KEY})
    .to_string();
    let request = format!(
        "PUT /_sandbox/v1/callbacks/{client} HTTP/1.1\r\n{}\r\n{}\r\nConnection: close\r\n\
         Content-Length: {}\r\n\r\n{body}",
        fine_host(&sandbox),
        bearer(&sandbox),
        body.len()
    );
    let (status, _, json) = exchange(&sandbox, &request);
    assert_eq!((status, json["error"].as_str()), (422, Some("callback_refused")));
    assert!(json["detail"].as_str().is_some_and(|it| it.contains("not a JSON object")), "{json}");
    assert_eq!(receiver.join().expect("it ends"), (200, serde_json::json!(40035)));
}
