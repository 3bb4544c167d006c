//! Over a real socket, with requests written by hand.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use dingtalk_sandbox::{Fault, Sandbox};

use crate::support::builder;

/// Long enough for a loaded machine, short enough to fail.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn connect(sandbox: &Sandbox) -> TcpStream {
    let address = sandbox.origin().trim_start_matches("http://").to_owned();
    let stream = TcpStream::connect(address).expect("the server listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time limit can be set");
    stream
}

pub(crate) fn request(path: &str, connection: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: oapi.dingtalk.com\r\nConnection: {connection}\r\n\r\n")
}

/// Sends one request and reads until the server closes, or breaks, the connection.
pub(crate) fn ask(sandbox: &Sandbox, path: &str) -> (String, Option<ErrorKind>) {
    let mut stream = connect(sandbox);
    stream.write_all(request(path, "close").as_bytes()).expect("the server reads");
    let mut bytes = Vec::new();
    let end = stream.read_to_end(&mut bytes).err().map(|error| error.kind());
    (String::from_utf8_lossy(&bytes).into_owned(), end)
}

pub(crate) fn started() -> Sandbox {
    builder().start().expect("a loopback port is free")
}

#[test]
fn the_server_answers_what_the_handle_answers() {
    let sandbox = started();
    let demo = sandbox.demo();
    let path = format!("/gettoken?appkey={}&appsecret={}", demo.client_id, demo.client_secret);
    let (answer, end) = ask(&sandbox, &path);
    assert_eq!(end, None);
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    let lower = answer.to_lowercase();
    assert!(
        lower.contains("server: dingtalk/1.0.0\r\n")
            && lower.contains("content-type: application/json\r\n")
    );
    let in_process = sandbox.handle(http::Request::get(&path).body(Vec::new()).unwrap());
    assert!(
        answer.ends_with(&String::from_utf8_lossy(in_process.body()).into_owned()),
        "the same state"
    );
    assert_eq!(sandbox.token_requests(), 2);
}

#[test]
fn a_connection_serves_many_requests_and_bodies_arrive() {
    let sandbox = started();
    let demo = sandbox.demo();
    let body = format!(r#"{{"appKey":"{}","appSecret":"{}"}}"#, demo.client_id, demo.client_secret);
    let post = format!(
        "POST /v1.0/oauth2/accessToken HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = connect(&sandbox);
    for _ in 0..3 {
        stream.write_all(post.as_bytes()).expect("the server reads");
    }
    stream.write_all(request("/gettoken", "close").as_bytes()).expect("the server reads");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("the server answers and closes");
    assert_eq!(text.matches("\"expireIn\":7200").count(), 3);
    assert!(text.contains("40035"));
}

#[test]
fn dropping_the_last_handle_stops_the_server_at_once_and_starting_is_quick() {
    let begun = Instant::now();
    let sandbox = started();
    let clone = sandbox.clone();
    drop(sandbox);
    let mut open = connect(&clone);
    let address = open.peer_addr().expect("connected");
    drop(clone);
    let mut rest = Vec::new();
    let _ = open.read_to_end(&mut rest);
    assert!(rest.is_empty(), "open connections end, too");
    assert!(TcpStream::connect(address).is_err(), "nobody listens any more");
    assert!(begun.elapsed() < PATIENCE);
}

#[test]
fn a_taken_port_is_an_error_and_a_free_one_can_be_chosen() {
    let sandbox = started();
    let port: u16 =
        sandbox.origin().rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
    let error = builder().port(port).start().expect_err("it is taken");
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
    drop(sandbox);
    assert!(builder().port(port).start().is_ok(), "free again");
}

#[test]
fn the_server_also_serves_inside_somebody_elses_runtime() {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let sandbox = started();
        let (answer, _) = ask(&sandbox, "/gettoken");
        assert!(answer.contains("40035"));
    });
}

#[test]
fn a_close_and_a_lost_answer_end_the_connection_without_a_word() {
    let sandbox = started();
    let _ = sandbox.fault(Fault::on("GET /gettoken").nth(1).close());
    let _ = sandbox.fault(Fault::on("GET /gettoken").nth(1).execute_then_drop());
    for _ in 0..2 {
        let (answer, _) = ask(&sandbox, "/gettoken");
        assert_eq!(answer, "");
    }
    assert!(ask(&sandbox, "/gettoken").0.contains("40035"));
}

#[test]
fn a_reset_is_a_reset() {
    let sandbox = started();
    let _ = sandbox.fault(Fault::on("GET /gettoken").reset());
    let (answer, end) = ask(&sandbox, "/gettoken");
    assert_eq!((answer.as_str(), end), ("", Some(ErrorKind::ConnectionReset)));
}

#[test]
fn a_truncated_body_is_announced_whole_and_breaks_off() {
    let sandbox = started();
    let _ = sandbox.fault(Fault::on("GET /gettoken").truncate_body(10));
    let (answer, _) = ask(&sandbox, "/gettoken");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    assert_eq!(body, "{\"errcode\"");
    let length = head
        .to_lowercase()
        .lines()
        .find_map(|line| line.strip_prefix("content-length: ").map(str::to_owned));
    assert!(
        length.and_then(|length| length.parse::<usize>().ok()).is_some_and(|length| length > 10)
    );
}

#[test]
fn a_dripping_body_arrives_whole_in_the_end() {
    let sandbox = started();
    let _ = sandbox.fault(Fault::on("GET /gettoken").drip(Duration::from_millis(1)));
    let (answer, end) = ask(&sandbox, "/gettoken");
    assert!(end.is_none() && answer.ends_with("\"缺少参数 corpid or appkey\"}"), "{answer}");
}

#[test]
fn a_stalled_call_keeps_the_connection_and_others_go_on() {
    let sandbox = started();
    let _ = sandbox.fault(Fault::on("GET /gettoken").times(1).stall());
    let mut stalled = connect(&sandbox);
    stalled.set_read_timeout(Some(Duration::from_millis(30))).expect("a time limit can be set");
    stalled.write_all(request("/gettoken", "close").as_bytes()).expect("the server reads");
    let error = stalled.read(&mut [0; 1]).expect_err("no byte comes");
    assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut));
    assert!(ask(&sandbox, "/gettoken").0.contains("40035"));
}

#[test]
fn a_delay_holds_the_answer_back() {
    let sandbox = started();
    let _ = sandbox.fault(Fault::on("GET /gettoken").delay(Duration::from_millis(40)));
    let begun = Instant::now();
    assert!(ask(&sandbox, "/gettoken").0.contains("40035"));
    assert!(begun.elapsed() >= Duration::from_millis(40));
}

#[test]
fn broken_http_does_not_hurt_the_next_caller() {
    let sandbox = started();
    for junk in [
        &b"\0\0\0\0\r\n\r\n"[..],
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /gettoken HTTP/1.1\r\nContent-Length: x\r\n\r\n",
    ] {
        let mut stream = connect(&sandbox);
        let _ = stream.write_all(junk);
        let _ = stream.read_to_end(&mut Vec::new());
    }
    assert!(ask(&sandbox, "/gettoken").0.contains("40035"));
}
