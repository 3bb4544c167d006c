//! Many at once: callers in flight when a sandbox ends, calls that hang beside one that does not, hundreds of sandboxes,
//! and a company whose size nobody may feel.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use dingtalk_sandbox::{Fault, Sandbox};
use http::Request;
use serde_json::Value;

/// Long enough for a loaded machine, short enough to fail.
const PATIENCE: Duration = Duration::from_secs(20);
const GETTOKEN: &str = "GET /gettoken";

fn address(sandbox: &Sandbox) -> String {
    sandbox.origin().trim_start_matches("http://").to_owned()
}

fn send(sandbox: &Sandbox, request: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address(sandbox)).expect("the server listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time limit can be set");
    stream.write_all(request.as_bytes()).expect("the server reads");
    stream
}

fn token_request(sandbox: &Sandbox) -> String {
    let demo = sandbox.demo();
    let (id, secret) = (demo.client_id, demo.client_secret);
    format!(
        "GET /gettoken?appkey={id}&appsecret={secret} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    )
}

fn answered(sandbox: &Sandbox, request: &str) -> String {
    let mut text = String::new();
    send(sandbox, request).read_to_string(&mut text).expect("an answer comes in time");
    text
}

#[test]
fn a_sandbox_dropped_with_a_hundred_calls_in_flight_ends_at_once_and_frees_its_port() {
    let sandbox = Sandbox::start().expect("a loopback port is free");
    let gate = sandbox.gate(GETTOKEN);
    let request = token_request(&sandbox);
    let callers: Vec<_> = (0..100).map(|_| send(&sandbox, &request)).collect();
    assert!(gate.wait_arrivals(100, PATIENCE), "all calls are held");
    let address = address(&sandbox);
    let start = Instant::now();
    drop(sandbox);
    assert!(start.elapsed() < PATIENCE / 2, "took {:?}", start.elapsed());
    for mut caller in callers {
        let mut rest = Vec::new();
        let end = caller.read_to_end(&mut rest).map_err(|error| error.kind());
        assert!(rest.is_empty(), "no answer after the end");
        assert_ne!(end, Err(std::io::ErrorKind::WouldBlock), "the caller is let go");
    }
    TcpListener::bind(&address).expect("the port is free again");
    drop(gate);
}

#[test]
fn calls_that_hang_and_listeners_keep_nobody_else_waiting() {
    let sandbox = Sandbox::start().expect("a loopback port is free");
    let held = sandbox.gate("POST /topapi/v2/user/get");
    sandbox.fault(Fault::on("POST /topapi/v2/user/list").stall());
    sandbox.fault(Fault::on("POST /topapi/v2/department/get").delay(PATIENCE * 3));
    let control =
        format!("Host: {}\r\nAuthorization: Bearer {}", address(&sandbox), sandbox.control_token());
    let mut hanging = Vec::new();
    for path in ["v2/user/get", "v2/user/list", "v2/department/get"] {
        let request =
            format!("POST /topapi/{path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
        hanging.push(send(&sandbox, &request));
    }
    let live = format!("GET /_sandbox/v1/journal/live HTTP/1.1\r\n{control}\r\n\r\n");
    hanging.push(send(&sandbox, &live));
    // One who says a head and never the body.
    hanging.push(send(
        &sandbox,
        "POST /v1.0/oauth2/accessToken HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n",
    ));
    assert!(held.wait_arrivals(1, PATIENCE), "one call is held");
    let start = Instant::now();
    assert!(answered(&sandbox, &token_request(&sandbox)).contains("access_token"));
    let clock =
        format!("GET /_sandbox/v1/clock HTTP/1.1\r\n{control}\r\nConnection: close\r\n\r\n");
    assert!(answered(&sandbox, &clock).starts_with("HTTP/1.1 200"));
    assert!(start.elapsed() < PATIENCE, "took {:?}", start.elapsed());
}

#[test]
fn hundreds_of_sandboxes_live_in_one_process_each_with_its_own_port_and_state() {
    let from_threads: Vec<_> = (0..8)
        .map(|_| thread::spawn(|| (0..25).map(|_| Sandbox::start()).collect::<Result<Vec<_>, _>>()))
        .collect();
    let mut sandboxes = Vec::new();
    for thread in from_threads {
        sandboxes.extend(thread.join().expect("no panic").expect("loopback ports are free"));
    }
    let mut ports: Vec<_> = sandboxes.iter().map(address).collect();
    ports.sort();
    ports.dedup();
    assert_eq!(ports.len(), 200);
    for sandbox in &sandboxes {
        assert!(answered(sandbox, &token_request(sandbox)).contains("access_token"));
    }
    assert!(
        sandboxes.iter().all(|sandbox| sandbox.token_requests() == 1),
        "nobody hears the others"
    );
}

#[test]
fn a_look_up_does_not_grow_with_the_company() {
    let few = company(300);
    let many = company(30_000);
    for (path, body) in [
        ("v2/user/get", r#"{"userid":"p000200"}"#),
        ("v2/user/getbymobile", r#"{"mobile":"17000000200"}"#),
        ("v2/department/get", r#"{"dept_id":700000007}"#),
        ("user/listid", r#"{"dept_id":700000007}"#),
    ] {
        // The quickest of many, a machine's other work left out; a search through all would be a hundred times slower.
        let quickest = |(sandbox, token): &(Sandbox, String)| {
            let time = || {
                let start = Instant::now();
                let answer = topapi(sandbox, path, token, body);
                assert_eq!(answer["errcode"], 0, "{path}: {answer}");
                start.elapsed()
            };
            (0..200).map(|_| time()).min().expect("there were some")
        };
        let (short, long) = (quickest(&few), quickest(&many));
        assert!(long < 4 * short, "{path}: {short:?} among 300, {long:?} among 30,000");
    }
}

fn company(people: usize) -> (Sandbox, String) {
    let sandbox = Sandbox::builder().population(people).in_process();
    let demo = sandbox.demo();
    let uri = format!("/gettoken?appkey={}&appsecret={}", demo.client_id, demo.client_secret);
    let answer = sandbox.handle(Request::get(uri).body(Vec::new()).expect("well-formed"));
    let answer: Value = serde_json::from_slice(answer.body()).expect("JSON");
    let token = answer["access_token"].as_str().expect("a token").to_owned();
    (sandbox, token)
}

fn topapi(sandbox: &Sandbox, path: &str, token: &str, body: &str) -> Value {
    let request = Request::post(format!("/topapi/{path}?access_token={token}"))
        .header("content-type", "application/json")
        .body(body.as_bytes().to_vec())
        .expect("well-formed");
    serde_json::from_slice(sandbox.handle(request).body()).expect("JSON")
}
