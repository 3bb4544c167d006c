//! Calls a second, the sandbox and the bare server in turn, so that a machine whose speed drifts treats both alike;
//! and whether a look-up grows with the company.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use dingtalk_sandbox::Sandbox;
use http::Request;
use serde_json::Value;

use crate::Outcome;
use crate::load::{Server, exchange, get, post, rate};

const ROUNDS: usize = 9;
const ROUND: Duration = Duration::from_millis(500);
const CONNECTIONS: usize = 32;
const PEOPLE: usize = 100_000;

pub(crate) fn compare() -> Outcome {
    let sandbox = Server::start(&["serve-sandbox", &PEOPLE.to_string()])?;
    let demo = Sandbox::in_process().demo();
    let asks = format!("/gettoken?appkey={}&appsecret={}", demo.client_id, demo.client_secret);
    let ask_token = get(&sandbox.address, &asks);
    let mut stream = TcpStream::connect(&sandbox.address)?;
    let (_, body) = exchange(&mut stream, &ask_token)?;
    let token: Value = serde_json::from_str(&body)?;
    let token = token["access_token"].as_str().ok_or("no token")?;
    let path = format!("/topapi/v2/user/get?access_token={token}");
    let read_user = post(&sandbox.address, &path, r#"{"userid":"p050000"}"#);
    println!("{:<12} {:>12} {:>12} {:>7}", "call", "sandbox /s", "bare /s", "ratio");
    for (name, request) in [("gettoken", ask_token), ("v2/user/get", read_user)] {
        let (head, body) = exchange(&mut stream, &request)?;
        let head: Vec<_> = head.lines().skip(1).filter(|line| !counted(line)).collect();
        let bare = Server::start(&["serve-bare", &head.join("\n"), &body])?;
        let mut rounds = Vec::new();
        for _ in 0..ROUNDS {
            let own = rate(&sandbox.address, &request, CONNECTIONS, ROUND)?;
            let theirs = rate(&bare.address, &request, CONNECTIONS, ROUND)?;
            rounds.push((own / theirs, own, theirs));
        }
        rounds.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (ratio, own, theirs) = rounds[ROUNDS / 2];
        println!("{name:<12} {own:>12.0} {theirs:>12.0} {ratio:>7.2}");
    }
    Ok(())
}

/// Headers that hyper writes by itself.
fn counted(line: &str) -> bool {
    let line = line.to_ascii_lowercase();
    line.starts_with("content-length") || line.starts_with("date")
}

/// One look-up each way, in companies of 1,000 and 100,000, in turn.
pub(crate) fn growth() -> Outcome {
    let companies = [1_000, PEOPLE].map(|people| {
        let sandbox = Sandbox::builder().population(people).in_process();
        let token = token(&sandbox);
        (sandbox, token)
    });
    println!("{:<24} {:>12} {:>12} {:>7}", "look-up", "1,000: us", "100,000: us", "ratio");
    let union_id = union_id(&companies[0]);
    for (path, body) in [
        ("v2/user/get", r#"{"userid":"p000777"}"#.to_owned()),
        ("user/getbyunionid", format!(r#"{{"unionid":"{union_id}"}}"#)),
        ("v2/user/getbymobile", r#"{"mobile":"17000000776"}"#.to_owned()),
        ("v2/department/get", r#"{"dept_id":700000020}"#.to_owned()),
        ("user/listid", r#"{"dept_id":700000020}"#.to_owned()),
    ] {
        let mut rounds = Vec::new();
        for _ in 0..ROUNDS {
            let [few, many] = [0, 1].map(|at| {
                let (sandbox, token) = &companies[at];
                let start = Instant::now();
                for _ in 0..2_000 {
                    ask(sandbox, path, token, &body);
                }
                start.elapsed().as_secs_f64() / 2_000.0
            });
            rounds.push((many / few, few, many));
        }
        rounds.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (ratio, few, many) = rounds[ROUNDS / 2];
        println!("{path:<24} {:>12.2} {:>12.2} {ratio:>7.2}", few * 1e6, many * 1e6);
    }
    Ok(())
}

fn token(sandbox: &Sandbox) -> String {
    let demo = sandbox.demo();
    let uri = format!("/gettoken?appkey={}&appsecret={}", demo.client_id, demo.client_secret);
    let request = Request::get(uri).body(Vec::new()).unwrap_or_default();
    let answer: Value = serde_json::from_slice(sandbox.handle(request).body()).unwrap_or_default();
    answer["access_token"].as_str().unwrap_or_default().to_owned()
}

fn union_id((sandbox, token): &(Sandbox, String)) -> String {
    let person = ask(sandbox, "v2/user/get", token, r#"{"userid":"p000777"}"#);
    person["result"]["unionid"].as_str().unwrap_or_default().to_owned()
}

fn ask(sandbox: &Sandbox, path: &str, token: &str, body: &str) -> Value {
    let request = Request::post(format!("/topapi/{path}?access_token={token}"))
        .header("content-type", "application/json")
        .body(body.as_bytes().to_vec())
        .unwrap_or_default();
    let answer: Value = serde_json::from_slice(sandbox.handle(request).body()).unwrap_or_default();
    assert_eq!(answer["errcode"], 0, "{path}: {answer}");
    answer
}
