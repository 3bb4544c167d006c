//! The program: its fixture, its state file and its token, from the outside.

use std::fs;
use std::io::Read;

use serde_json::{Value, json};

use crate::run::{Place, Serving, fails, program, text};

#[cfg(unix)]
#[test]
fn state_is_saved_at_the_end_and_taken_up_at_the_start() {
    let place = Place::new("state");
    let (state, token_file) = (place.file("state.json"), place.file("token"));
    let args = ["--state", text(&state), "--control-token-file", text(&token_file), "--seed", "4"];
    let first = Serving::start(&args);
    assert_eq!(fs::read_to_string(&token_file).unwrap(), first.var("SANDBOX_TOKEN"));
    let uri = format!(
        "/gettoken?appkey={}&appsecret={}",
        first.var("CLIENT_ID"),
        first.var("CLIENT_SECRET")
    );
    let ask = |serving: &Serving| {
        use std::io::Write;
        let host = serving.var("BASE_URL").trim_start_matches("http://").to_owned();
        let mut stream = std::net::TcpStream::connect(&host).expect("it listens");
        let request = format!("GET {uri} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        let (_, rest) = answer.split_once("\"access_token\":\"").expect("there is a token");
        rest[..32].to_owned()
    };
    let token = ask(&first);
    let suite = first.var("SUITE_KEY");
    let callback = format!(
        r#"{{"clientId":"{suite}","url":"http://127.0.0.1:9/","token":"tokenExample1","unchecked":true,"aesKey":"{}"}}"#,
        crate::vendor::KEY
    );
    let control = |method: &str, path: &str, body: &str| {
        let path = format!("/_sandbox/v1{path}");
        call(&first, method, &path, first.var("SANDBOX_TOKEN"), body).1
    };
    control("PUT", &format!("/callbacks/{suite}"), &callback);
    let renewed = control("POST", &format!("/suites/{suite}/ticket/renew"), "");
    let ticket = renewed["suiteTicket"].as_str().expect("a ticket").to_owned();
    assert_ne!(first.var("SUITE_TICKET"), ticket);
    assert!(first.interrupt());
    assert!(!token_file.exists(), "the token opens nothing any more");
    let second = Serving::start(&args);
    assert_eq!(ask(&second), token, "the app's token outlived the restart");
    assert_eq!(second.var("SUITE_TICKET"), ticket, "and the ticket that was renewed");
    assert!(second.interrupt());
    fs::write(&state, &fs::read_to_string(&state).unwrap()[..99]).unwrap();
    assert!(fails(&["--state", text(&state), "--port", "0"]).contains("half-written"));
    assert_eq!(fs::read(&state).unwrap().len(), 99, "what it cannot read it does not overwrite");
}

#[test]
fn a_fixture_is_served_and_its_mistake_is_told_with_file_and_line() {
    let place = Place::new("fixture");
    let file = place.file("company.toml");
    fs::write(&file, "demo = false\n[[people]]\nuserId = \"u-li\"\nname = \"x\"\n[[apps]]\nclientId = \"mine\"\nclientSecret = \"s\"\n").unwrap();
    let serving = Serving::start(&["--data", text(&file)]);
    assert_eq!(
        (serving.var("CLIENT_ID"), serving.var("CLIENT_SECRET"), serving.var("USER_ID")),
        ("mine", "s", "u-li")
    );
    assert_eq!(serving.var("SUITE_KEY"), "", "no suite of a demo that is not there");
    drop(serving);
    fs::write(&file, "demo = false\n[[people]]\nuser = \"u-li\"\n").unwrap();
    let said = fails(&["--fixture", text(&file), "--port", "0"]);
    assert!(said.contains(&format!("{}:3: unknown field `user`", text(&file))), "{said}");
    fs::write(&file, b"demo = false\n# \xff\n").unwrap();
    let said = fails(&["--fixture", text(&file), "--port", "0"]);
    assert!(said.contains(&format!("{}:2: this is no UTF-8 text", text(&file))), "{said}");
    let nowhere = place.file("nowhere/state.json");
    let said = fails(&["--state", text(&nowhere), "--port", "0"]);
    assert!(
        said.contains("nowhere/state.json: not saved"),
        "said before anything is served: {said}"
    );
    assert!(fails(&["--data", "company.yaml"]).contains(".toml or .json"));
    assert!(fails(&["--data", "nowhere.toml"]).contains("nowhere.toml: cannot be read"));
}

/// One call over the socket: status and JSON.
fn call(serving: &Serving, method: &str, path: &str, token: &str, body: &str) -> (u16, Value) {
    use std::io::Write;
    let host = serving.var("BASE_URL").trim_start_matches("http://").to_owned();
    let mut stream = std::net::TcpStream::connect(&host).expect("it listens");
    stream.set_read_timeout(Some(std::time::Duration::from_secs(20))).expect("a limit can be set");
    let bearer =
        if token.is_empty() { String::new() } else { format!("Authorization: Bearer {token}\r\n") };
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{bearer}\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    let (head, body) = answer.split_once("\r\n\r\n").expect("there is a head");
    let status = head[9..12].parse().expect("there is a status");
    (status, serde_json::from_str(body).unwrap_or(Value::Null))
}

/// Word for word what scripts of others rely on.
#[test]
fn what_others_script_against_stays_as_it_is() {
    let serving = Serving::start(&["--clock", "frozen", "--seed", "4"]);
    let names: Vec<&str> = serving
        .env
        .lines()
        .filter_map(|line| line.strip_prefix("export ")?.split_once('=').map(|(name, _)| name))
        .collect();
    assert_eq!(
        names,
        [
            "DINGTALK_BASE_URL",
            "DINGTALK_CLIENT_ID",
            "DINGTALK_CLIENT_SECRET",
            "DINGTALK_CORP_ID",
            "DINGTALK_AGENT_ID",
            "DINGTALK_USER_ID",
            "DINGTALK_UNION_ID",
            "DINGTALK_SUITE_KEY",
            "DINGTALK_SUITE_SECRET",
            "DINGTALK_SUITE_TICKET",
            "DINGTALK_SANDBOX_TOKEN",
        ]
    );
    assert!(names.iter().all(|name| !serving.var(&name["DINGTALK_".len()..]).is_empty()));
    let user = serving.var("USER_ID");
    let (client, secret) = (serving.var("CLIENT_ID"), serving.var("CLIENT_SECRET"));
    let control = |method: &str, path: &str, body: &str| {
        call(&serving, method, &format!("/_sandbox/v1{path}"), serving.var("SANDBOX_TOKEN"), body)
    };
    let token = || {
        let path = format!("/gettoken?appkey={client}&appsecret={secret}");
        let (status, json) = call(&serving, "GET", &path, "", "");
        assert_eq!((status, &json["errcode"]), (200, &json!(0)));
        json["access_token"].as_str().expect("a token").to_owned()
    };
    let first = token();

    // The one base URL serves every family.
    let topapi = |path: &str, body: &str| {
        call(&serving, "POST", &format!("/topapi/{path}?access_token={first}"), "", body).1
    };
    let mut ages = Vec::new();
    for (kind, scopes) in [("silent", "[]"), ("oauth", r#"["openid","corpid"]"#), ("sso", "[]")] {
        let body = format!(r#"{{"kind":"{kind}","userId":"{user}","scopes":{scopes}}}"#);
        let (status, json) = control("POST", "/codes", &body);
        assert_eq!(status, 201, "{json}");
        let keys: Vec<&String> = json.as_object().expect("an object").keys().collect();
        assert_eq!(keys, ["code", "expiresAt"]);
        ages.push(json["expiresAt"].as_u64().expect("milliseconds"));
        let code = json["code"].as_str().expect("a text");
        match kind {
            "silent" => {
                let json = topapi("v2/user/getuserinfo", &format!(r#"{{"code":"{code}"}}"#));
                assert_eq!(json["result"]["userid"], user);
            }
            "oauth" => {
                let body = format!(
                    r#"{{"clientId":"{client}","clientSecret":"{secret}","code":"{code}","grantType":"authorization_code"}}"#
                );
                let (_, json) = call(&serving, "POST", "/v1.0/oauth2/userAccessToken", "", &body);
                assert_eq!(json["corpId"], serving.var("CORP_ID"));
            }
            _ => {}
        }
    }

    let now = control("GET", "/clock", "").1["nowMs"].as_u64().expect("milliseconds");
    assert_eq!(ages, [now + 300_000; 3]);
    let (status, json) = control("POST", "/clock", r#"{"advanceMs":7200000}"#);
    assert_eq!((status, json["nowMs"].as_u64()), (200, Some(now + 7_200_000)));
    assert_ne!(token(), first, "the first one is too old now");

    let (status, json) = control("GET", "/journal?operation=GET%20/gettoken", "");
    assert_eq!((status, json["entries"].as_array().map(Vec::len)), (200, Some(2)));
    assert!(json["entries"].as_array().is_some_and(|all| all.iter().all(|it| it["app"] == client)));

    let fault = r#"{"operation":"GET /gettoken","times":1,"action":{"kind":"platformError","error":"busy"}}"#;
    assert_eq!(control("POST", "/faults", fault).0, 201);
    let path = format!("/gettoken?appkey={client}&appsecret={secret}");
    assert_eq!(call(&serving, "GET", &path, "", "").1["errcode"], -1);

    assert_eq!(control("POST", "/reset", "").0, 200);
    assert_eq!(control("GET", "/journal", "").1["total"], 0);
    assert_eq!(token(), first, "as at the start");

    for (method, path) in [
        ("POST", "/codes"),
        ("POST", "/clock"),
        ("GET", "/journal"),
        ("POST", "/faults"),
        ("POST", "/reset"),
    ] {
        let (status, _) = call(&serving, method, &format!("/_sandbox/v1{path}"), "", "{}");
        assert_eq!(status, 401, "{path} without the token");
    }

    // The suite that is printed works as it is printed.
    let body = format!(
        r#"{{"suiteKey":"{}","suiteSecret":"{}","authCorpId":"{}","suiteTicket":"{}"}}"#,
        serving.var("SUITE_KEY"),
        serving.var("SUITE_SECRET"),
        serving.var("CORP_ID"),
        serving.var("SUITE_TICKET")
    );
    assert_eq!(call(&serving, "POST", "/v1.0/oauth2/corpAccessToken", "", &body).0, 200);
}

#[cfg(unix)]
#[test]
fn a_push_that_nobody_took_waits_out_a_restart_of_the_program() {
    let place = Place::new("pushes");
    let state = place.file("state.json");
    let args = ["--state", text(&state), "--clock", "frozen", "--seed", "4"];
    let first = Serving::start(&args);
    let control = |serving: &Serving, method: &str, path: &str, body: &str| {
        let path = format!("/_sandbox/v1{path}");
        let (status, json) = call(serving, method, &path, serving.var("SANDBOX_TOKEN"), body);
        assert!(status < 300, "{method} {path}: {status} {json}");
        json
    };
    let client = first.var("CLIENT_ID").to_owned();
    let callback = format!(
        r#"{{"clientId":"{client}","url":"http://127.0.0.1:9/","token":"tokenExample1","unchecked":true,"aesKey":"{}"}}"#,
        crate::vendor::KEY
    );
    control(&first, "PUT", &format!("/callbacks/{client}"), &callback);
    let event = format!(r#"{{"clientId":"{client}","eventType":"user_add_org","userIds":["x"]}}"#);
    let push = control(&first, "POST", "/events", &event)["pushes"][0].clone();
    let attempts = |serving: &Serving| {
        let path = format!("/deliveries?push={push}");
        control(serving, "GET", &path, "")["deliveries"].as_array().map_or(0, Vec::len)
    };
    let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while attempts(&first) == 0 && std::time::Instant::now() < until {
        std::thread::yield_now();
    }
    let clock = control(&first, "GET", "/clock", "");
    assert!(first.interrupt());
    let second = Serving::start(&args);
    assert_eq!(control(&second, "GET", "/clock", ""), clock);
    assert_eq!(attempts(&second), 1);
    let waiting = control(&second, "GET", "/deliveries", "");
    assert_eq!(
        (&waiting["waiting"][0]["push"], &waiting["waiting"][0]["attempts"]),
        (&push, &json!(1))
    );
    control(&second, "POST", "/clock", r#"{"advanceMs":10000}"#);
    while attempts(&second) == 1 && std::time::Instant::now() < until {
        std::thread::yield_now();
    }
    assert_eq!(attempts(&second), 2);
    assert!(second.interrupt());
}

/// Asks a served sandbox for a token, which may be once too often.
fn fetch(serving: &Serving) {
    use std::io::Write;
    let host = serving.var("BASE_URL").trim_start_matches("http://").to_owned();
    let body = format!(
        r#"{{"appKey":"{}","appSecret":"{}"}}"#,
        serving.var("CLIENT_ID"),
        serving.var("CLIENT_SECRET")
    );
    let mut stream = std::net::TcpStream::connect(&host).expect("it listens");
    let request = format!(
        "POST /v1.0/oauth2/accessToken HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    assert!(answer.contains("accessToken"), "{answer}");
}

#[test]
fn a_running_sandbox_is_asked_for_findings_and_the_status_says_whether_they_are_bad() {
    let serving = Serving::start(&["--seed", "4"]);
    let (url, token) = (serving.var("BASE_URL"), serving.var("SANDBOX_TOKEN"));
    let ask = |more: &[&str]| {
        let mut command = program(&["findings", "--url", url]);
        let output = command.args(more).env("DINGTALK_SANDBOX_TOKEN", token).output().unwrap();
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        (output.status.code(), text)
    };
    assert_eq!(ask(&["--fail-on", "info"]), (Some(0), "no findings\n".to_owned()));
    fetch(&serving);
    assert_eq!(ask(&["--fail-on", "warn"]).0, Some(0), "one token is right");
    fetch(&serving);
    let (status, text) = ask(&["--fail-on", "warn"]);
    assert_eq!(status, Some(3), "{text}");
    assert!(text.contains("warn  token-refetched × 1") && text.contains("wire-facts §2.4"));
    assert_eq!(ask(&["--fail-on=error"]).0, Some(0), "it is no error");
    assert_eq!(ask(&[]).0, Some(0));
    let (_, json) = ask(&["--json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["findings"][0]["id"], "token-refetched");
    let (status, text) = ask(&["--token", "wrong"]);
    assert_eq!((status, text.contains("not this sandbox's")), (Some(2), true), "{text}");
}

#[cfg(unix)]
#[test]
fn a_sandbox_that_is_to_fail_on_findings_prints_them_at_its_end_with_status_3() {
    for (level, status) in [("warn", 3), ("error", 0)] {
        let serving = Serving::start(&["--fail-on", level]);
        fetch(&serving);
        fetch(&serving);
        let (code, text) = serving.told_to_end();
        assert_eq!(code, Some(status), "{level}");
        assert!(text.contains("token-refetched × 1"), "{text}");
    }
}
