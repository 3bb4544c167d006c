//! Every operation with every part of its request spoiled in every way: always its own success, its own error or a page
//! of its own, never a server error, never a panic.

use std::sync::LazyLock;

use dingtalk_sandbox::Sandbox;
use http::{HeaderValue, Request};
use serde_json::{Value, json};

use crate::contract::{breach, succeeded};
use crate::examples::{Example, example, operations};
use crate::support::{
    Answer, app_token, builder, exchange, oauth_code, plain_token, suite_corp_token, user_token, v1,
};

/// A request as it goes out.
struct Raw {
    method: String,
    uri: String,
    headers: Vec<(&'static str, Vec<u8>)>,
    body: Vec<u8>,
}

impl Raw {
    fn of(example: &Example) -> Self {
        let headers = example.headers();
        Self {
            method: example.method.clone(),
            uri: example.uri(),
            headers: headers.into_iter().map(|(name, text)| (name, text.into_bytes())).collect(),
            body: example.bytes(),
        }
    }

    fn send(self, sandbox: &Sandbox) -> Answer {
        let mut request = Request::builder().method(self.method.as_str()).uri(self.uri);
        for (name, bytes) in self.headers {
            request = request.header(name, HeaderValue::from_bytes(&bytes).expect("a header"));
        }
        let response = sandbox.handle(request.body(self.body).expect("a request"));
        let (parts, body) = response.into_parts();
        let text = String::from_utf8(body).expect("answers are UTF-8");
        let json = serde_json::from_str(&text).unwrap_or(Value::Null);
        Answer { status: parts.status.as_u16(), headers: parts.headers, text, json }
    }
}

type Put<'a> = Box<dyn Fn(&mut Raw) + 'a>;
type Spoil = Box<dyn Fn(&Example) -> Raw>;

/// Sends an operation's example once for every way of spoiling it.
fn sweep(spoils: impl Fn(&Example) -> Vec<(String, Spoil)>) -> usize {
    let sandbox = builder().journal_limit(16).in_process();
    let mut sent = 0;
    for row in operations(&sandbox) {
        let name = row["operation"].as_str().expect("a name");
        let first = example(&sandbox, name);
        for (what, spoil) in spoils(&first) {
            // Codes are used up; a callback is real and made once.
            let callback = name.contains("/call_back/");
            let fresh = if callback { first.clone() } else { example(&sandbox, name) };
            let answer = spoil(&fresh).send(&sandbox);
            check(&row, &fresh, &answer, &what);
            sent += 1;
        }
    }
    sent
}

fn check(row: &Value, example: &Example, answer: &Answer, what: &str) {
    let name = &example.operation;
    // The one 5xx here is the platform's own: an organization that does not exist (wire-facts §2.3).
    let own = answer.json["code"] == "unknownError" && name.contains("{corpId}");
    assert!(answer.status < 500 || own, "{name}, {what}: {} {}", answer.status, answer.text);
    let preflight = answer.status == 200 && answer.text.is_empty() && what.contains("OPTIONS");
    // Another method of the same path may be another operation.
    let neighbour = ["GET", "PUT", "POST", "DELETE"].contains(&what)
        && what != example.method
        && example.is_v1()
        && answer.status == 200;
    if neighbour || answer.status == 302 || answer.status == 303 || preflight {
        return;
    }
    // A page's path with another method is no page, and answers as an old call that does not exist.
    let shape = if row["family"] == "page" && answer.json["errcode"] == 404 {
        return;
    } else {
        &row["shape"]
    };
    assert_eq!(breach(shape, example, answer), None, "{name}, {what}");
}

static VALUES: LazyLock<Vec<Value>> = LazyLock::new(|| {
    vec![
        Value::Null,
        json!(0),
        json!(-1),
        json!(1.5),
        json!(u64::MAX),
        json!(true),
        json!(""),
        json!(" "),
        json!("\u{0}\u{202e}"),
        json!("null"),
        json!([]),
        json!([null, [[]]]),
        json!({}),
        json!({ "a": { "b": [] } }),
        json!("x".repeat(1 << 20)),
    ]
});

fn shown(value: &Value) -> String {
    match value.as_str() {
        Some(text) => text.chars().take(20).collect(),
        None => value.to_string(),
    }
}

#[test]
fn every_member_of_every_body_may_be_missing_of_a_wrong_type_huge_doubled_or_no_text() {
    let sent = sweep(|first| {
        let mut all: Vec<(String, Spoil)> = Vec::new();
        for name in first.body.iter().flatten().map(|(name, _)| name.clone()) {
            let key = name.clone();
            all.push((
                format!("no {name}"),
                Box::new(move |example| {
                    let mut example = example.clone();
                    example.body.as_mut().expect("a body").remove(&key);
                    Raw::of(&example)
                }),
            ));
            for value in VALUES.iter() {
                let key = name.clone();
                all.push((
                    format!("{name}: {}", shown(value)),
                    Box::new(move |example| {
                        let mut example = example.clone();
                        example.body.as_mut().expect("a body").insert(key.clone(), value.clone());
                        Raw::of(&example)
                    }),
                ));
            }
            for (what, start) in [
                ("doubled", format!("{{\"{name}\":\"other\",").into_bytes()),
                ("no text", [b"{\"", name.as_bytes(), b"\":\"\xff\xfe\","].concat()),
                ("half a pair", format!("{{\"{name}\":\"\\ud800\",").into_bytes()),
            ] {
                all.push((
                    format!("{name} {what}"),
                    Box::new(move |example| {
                        let mut raw = Raw::of(example);
                        raw.body = [&start, &raw.body[1..]].concat();
                        raw
                    }),
                ));
            }
        }
        all
    });
    assert!(sent > 1_200, "{sent}");
}

#[test]
fn every_parameter_of_every_query_may_be_missing_empty_huge_doubled_or_no_text() {
    let sent = sweep(|first| {
        let mut all: Vec<(String, Spoil)> = Vec::new();
        for (at, (name, _)) in first.query.iter().enumerate() {
            let label = |what: &str| format!("{name} {what}");
            all.push((
                label("missing"),
                Box::new(move |example| {
                    let mut example = example.clone();
                    example.query.remove(at);
                    Raw::of(&example)
                }),
            ));
            // As long as an address may be.
            for text in ["", "null", "0", "-1", "[]", "\u{0}\u{202e}", &"x".repeat(60_000)] {
                let text = text.to_owned();
                let what = text.chars().take(8).collect::<String>();
                all.push((
                    label(&what),
                    Box::new(move |example| {
                        let mut example = example.clone();
                        example.query[at].1 = text.clone();
                        Raw::of(&example)
                    }),
                ));
            }
            all.push((
                label("doubled"),
                Box::new(move |example| {
                    let mut example = example.clone();
                    example.query.insert(at, (example.query[at].0.clone(), "other".into()));
                    Raw::of(&example)
                }),
            ));
            let name = name.clone();
            all.push((
                label("no text"),
                Box::new(move |example| {
                    let mut example = example.clone();
                    example.query.remove(at);
                    let raw = Raw::of(&example);
                    Raw { uri: format!("{}&{name}=%ff%fe%", raw.uri), ..raw }
                }),
            ));
        }
        all
    });
    assert!(sent > 250, "{sent}");
}

#[test]
fn every_member_of_every_path_may_be_anything() {
    let sent = sweep(|first| {
        let (_, template) = first.operation.split_once(' ').expect("method and path");
        let places = template.split('/').enumerate().filter(|(_, part)| part.starts_with('{'));
        let mut all: Vec<(String, Spoil)> = Vec::new();
        for (at, _) in places {
            for text in
                ["", "null", "%ff%fe", "%00", "..", "{unionId}", "%2F..%2F", &"x".repeat(60_000)]
            {
                let text = text.to_owned();
                let what = text.chars().take(12).collect::<String>();
                all.push((
                    format!("part {at} {what}"),
                    Box::new(move |example| {
                        let mut example = example.clone();
                        let mut parts: Vec<String> =
                            example.path.split('/').map(str::to_owned).collect();
                        parts[at] = text.clone();
                        example.path = parts.join("/");
                        Raw::of(&example)
                    }),
                ));
            }
        }
        all
    });
    assert!(sent > 80, "{sent}");
}

#[test]
fn every_body_may_be_something_else_and_every_method_and_content_type_wrong() {
    let sent = sweep(|_| {
        let mut all: Vec<(String, Spoil)> = Vec::new();
        for method in ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "BREW"] {
            all.push((
                method.to_owned(),
                Box::new(move |example| {
                    let raw = Raw::of(example);
                    Raw { method: method.into(), ..raw }
                }),
            ));
        }
        let deep = format!("{}{}", "[".repeat(1 << 16), "]".repeat(1 << 16));
        let bodies =
            ["", " ", "[]", "null", "7", "{", "{}", "{\"a\":}", "a=b&c", "%", "\u{feff}{}", &deep];
        for body in bodies.map(str::as_bytes).into_iter().chain([&b"\xff\xfe\x00"[..]]) {
            let body = body.to_vec();
            let what: String = String::from_utf8_lossy(&body).chars().take(10).collect();
            all.push((
                format!("body {what}"),
                Box::new(move |example| Raw { body: body.clone(), ..Raw::of(example) }),
            ));
        }
        for kind in [
            "",
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data",
            "application/json;charset=gbk",
            "\u{ff}",
        ] {
            all.push((
                format!("type {kind}"),
                Box::new(move |example| {
                    let mut raw = Raw::of(example);
                    raw.headers.retain(|(name, _)| *name != "content-type");
                    if !kind.is_empty() {
                        raw.headers.push(("content-type", kind.as_bytes().to_vec()));
                    }
                    raw
                }),
            ));
        }
        all
    });
    assert!(sent > 1_500, "{sent}");
}

/// Tokens of every kind, by name.
fn tokens(sandbox: &Sandbox) -> Vec<(&'static str, String)> {
    let demo = sandbox.demo();
    let sso = json!({ "corpid": demo.corp_id, "ssoSecret": demo.sso_secret }).to_string();
    let suite = json!({
        "suiteKey": demo.suite_key,
        "suiteSecret": demo.suite_secret,
        "suiteTicket": sandbox.suite_ticket(&demo.suite_key),
    });
    let refresh = exchange(sandbox, &oauth_code(sandbox, "openid"));
    let ask =
        |path: &str, body: &str| v1(sandbox, "POST", path, "", body).str("/accessToken").to_owned();
    vec![
        ("app", app_token(sandbox)),
        ("plain app", plain_token(sandbox)),
        ("third-party app", suite_corp_token(sandbox)),
        ("person", user_token(sandbox)),
        ("admin backend", ask("/v1.0/oauth2/ssoAccessToken", &sso)),
        ("suite", ask("/v1.0/oauth2/suiteAccessToken", &suite.to_string())),
        ("refresh", refresh.str("/refreshToken").to_owned()),
        ("dead", "0".repeat(32)),
        ("quoted", format!("\"{}\"", app_token(sandbox))),
        ("huge", "x".repeat(60_000)),
    ]
}

#[test]
fn a_token_of_another_kind_is_no_token() {
    let sandbox = builder().journal_limit(16).in_process();
    for row in operations(&sandbox) {
        let name = row["operation"].as_str().expect("a name");
        let good: &[&str] = match row["caller"].as_str() {
            Some("app") => &["app", "plain app", "third-party app"],
            Some("person") => &["person"],
            Some("appOrPerson") => &["app", "plain app", "third-party app", "person"],
            _ => &[],
        };
        let mut example = example(&sandbox, name);
        if example.token.is_none() {
            continue;
        }
        for (kind, token) in tokens(&sandbox) {
            example.token = Some(token);
            let answer = example.send(&sandbox);
            check(&row, &example, &answer, kind);
            let dead = ["40014", "88/40014", "400 InvalidAuthentication"];
            let refused = dead.contains(&answer.code().as_str());
            if row["caller"] != "anybody" {
                assert_eq!(refused, !good.contains(&kind), "{name}, {kind}: {}", answer.text);
            } else if kind != "admin backend" {
                assert!(!succeeded(&example, &answer), "{name}, {kind}");
            }
        }
    }
}

#[test]
fn a_token_in_another_place_is_a_missing_one() {
    let sandbox = builder().journal_limit(16).in_process();
    let mut refused = 0;
    for row in operations(&sandbox) {
        let name = row["operation"].as_str().expect("a name");
        if row["caller"] == "anybody" {
            continue;
        }
        let mut example = example(&sandbox, name);
        let token = example.token.take().expect("a caller has a token");
        let bearer = format!("Bearer {token}").into_bytes();
        let header = "x-acs-dingtalk-access-token";
        let places: Vec<(&str, Put<'_>)> = vec![
            ("nowhere", Box::new(|_| {})),
            ("bearer", Box::new(|raw| raw.headers.push(("authorization", bearer.clone())))),
            (
                "the other place",
                Box::new(|raw| {
                    if example.is_v1() {
                        raw.uri = format!("{}&access_token={token}", raw.uri);
                    } else {
                        raw.headers.push((header, token.clone().into_bytes()));
                    }
                }),
            ),
            (
                "blank",
                Box::new(|raw| {
                    if example.is_v1() {
                        raw.headers.push((header, b" ".to_vec()));
                    } else {
                        raw.uri = format!("{}&access_token=", raw.uri);
                    }
                }),
            ),
            (
                "a JSON body",
                Box::new(|raw| {
                    let mut body = example.body.clone().unwrap_or_default();
                    body.insert("access_token".into(), token.clone().into());
                    raw.body = serde_json::to_vec(&body).expect("JSON");
                    raw.headers.retain(|(name, _)| *name != "content-type");
                    raw.headers.push(("content-type", b"application/json".to_vec()));
                }),
            ),
        ];
        for (place, put) in places {
            let mut raw = Raw::of(&example);
            put(&mut raw);
            let answer = raw.send(&sandbox);
            let missing = if example.is_v1() {
                "400 AuthenticationFailed.MissingParameter"
            } else if example.is_topapi() {
                "88/40000"
            } else {
                "41001"
            };
            assert_eq!(answer.code(), missing, "{name}, {place}");
            check(&row, &example, &answer, place);
            refused += 1;
        }
    }
    assert!(refused > 150, "{refused}");
}
