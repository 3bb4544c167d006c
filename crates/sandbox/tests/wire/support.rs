//! What the tests share: requests in one line, and the order of an answer's keys.

use dingtalk_sandbox::{BrowserLogin, Builder, Sandbox};
use http::{HeaderMap, Request};
use serde_json::Value;

/// 2023-11-14, a moment without meaning.
pub(crate) const START: u64 = 1_700_000_000_000;

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    pub(crate) json: Value,
}

impl Answer {
    /// The keys in their order on the wire, nested ones with a dot, those of list items once.
    pub(crate) fn keys(&self) -> String {
        key_order(&self.text).join(" ")
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("headers are text"))
    }

    pub(crate) fn str(&self, pointer: &str) -> &str {
        self.json
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_else(|| panic!("no text {pointer} in {}", self.text))
    }

    pub(crate) fn errcode(&self) -> i64 {
        self.json["errcode"].as_i64().unwrap_or_else(|| panic!("no errcode in {}", self.text))
    }

    /// Status and code of a v1.0 error, or errcode (in 88 the sub_code) of an old one.
    pub(crate) fn code(&self) -> String {
        match (self.json.get("sub_code"), self.json.get("errcode"), self.json.get("code")) {
            (Some(sub_code), _, _) => {
                format!("88/{}", sub_code.as_str().expect("sub_code is a string"))
            }
            (None, Some(errcode), _) => errcode.to_string(),
            (None, None, Some(code)) => {
                format!("{} {}", self.status, code.as_str().expect("code is a string"))
            }
            (None, None, None) => format!("{} without code", self.status),
        }
    }
}

pub(crate) fn builder() -> Builder {
    Sandbox::builder().frozen_at(START).seed(1)
}

pub(crate) fn sandbox() -> Sandbox {
    builder().in_process()
}

pub(crate) fn send(
    sandbox: &Sandbox,
    method: &str,
    uri: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Answer {
    let mut request = Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response =
        sandbox.handle(request.body(body.to_vec()).expect("the test's request is well-formed"));
    let (parts, body) = response.into_parts();
    let text = String::from_utf8(body).expect("answers are UTF-8");
    let json = serde_json::from_str(&text).unwrap_or(Value::Null);
    Answer { status: parts.status.as_u16(), headers: parts.headers, text, json }
}

pub(crate) fn get(sandbox: &Sandbox, uri: &str) -> Answer {
    send(sandbox, "GET", uri, &[], b"")
}

/// A v1.0 call with a JSON body.
pub(crate) fn v1(sandbox: &Sandbox, method: &str, uri: &str, token: &str, body: &str) -> Answer {
    let mut headers = vec![("content-type", "application/json; charset=utf-8")];
    if !token.is_empty() {
        headers.push(("x-acs-dingtalk-access-token", token));
    }
    send(sandbox, method, uri, &headers, body.as_bytes())
}

/// A topapi call with a JSON body and the token in the query.
pub(crate) fn topapi(sandbox: &Sandbox, path: &str, token: &str, body: &str) -> Answer {
    let uri = format!("/topapi/{path}?access_token={token}");
    send(sandbox, "POST", &uri, &[("content-type", "application/json")], body.as_bytes())
}

pub(crate) fn form(sandbox: &Sandbox, path: &str, token: &str, body: &str) -> Answer {
    let uri = format!("/topapi/{path}?access_token={token}");
    send(
        sandbox,
        "POST",
        &uri,
        &[("content-type", "application/x-www-form-urlencoded")],
        body.as_bytes(),
    )
}

pub(crate) fn app_token(sandbox: &Sandbox) -> String {
    let demo = sandbox.demo();
    token_of(sandbox, &demo.client_id, &demo.client_secret)
}

pub(crate) fn plain_token(sandbox: &Sandbox) -> String {
    let demo = sandbox.demo();
    token_of(sandbox, &demo.plain_client_id, &demo.plain_client_secret)
}

pub(crate) fn token_of(sandbox: &Sandbox, client: &str, secret: &str) -> String {
    let body = format!(r#"{{"appKey":"{client}","appSecret":"{secret}"}}"#);
    v1(sandbox, "POST", "/v1.0/oauth2/accessToken", "", &body).str("/accessToken").to_owned()
}

/// The token of the demo's third-party app in the demo's organization.
pub(crate) fn suite_corp_token(sandbox: &Sandbox) -> String {
    let demo = sandbox.demo();
    let body = format!(
        r#"{{"suiteKey":"{}","suiteSecret":"{}","authCorpId":"{}","suiteTicket":"{}"}}"#,
        demo.suite_key, demo.suite_secret, demo.corp_id, demo.suite_ticket
    );
    v1(sandbox, "POST", "/v1.0/oauth2/corpAccessToken", "", &body).str("/accessToken").to_owned()
}

/// The code of a browser login of the demo's administrator.
pub(crate) fn oauth_code(sandbox: &Sandbox, scope: &str) -> String {
    let demo = sandbox.demo();
    let login = BrowserLogin::new(demo.client_id, demo.redirect_uri, demo.user_id).scope(scope);
    let url = sandbox.login(&login).expect("the demo's administrator may log in");
    parameter(&url, "authCode").expect("the callback has a code")
}

pub(crate) fn exchange(sandbox: &Sandbox, code: &str) -> Answer {
    let demo = sandbox.demo();
    let body = format!(
        r#"{{"clientId":"{}","clientSecret":"{}","code":"{code}","grantType":"authorization_code"}}"#,
        demo.client_id, demo.client_secret
    );
    v1(sandbox, "POST", "/v1.0/oauth2/userAccessToken", "", &body)
}

pub(crate) fn refresh(sandbox: &Sandbox, token: &str) -> Answer {
    let demo = sandbox.demo();
    let body = format!(
        r#"{{"clientId":"{}","clientSecret":"{}","refreshToken":"{token}","grantType":"refresh_token"}}"#,
        demo.client_id, demo.client_secret
    );
    v1(sandbox, "POST", "/v1.0/oauth2/userAccessToken", "", &body)
}

pub(crate) fn user_token(sandbox: &Sandbox) -> String {
    exchange(sandbox, &oauth_code(sandbox, "openid")).str("/accessToken").to_owned()
}

pub(crate) fn parameter(url: &str, name: &str) -> Option<String> {
    let query = url.split_once('?')?.1.split('#').next()?;
    form_urlencoded::parse(query.as_bytes())
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}

/// A scanner for valid JSON: a string before a colon is a key.
fn key_order(text: &str) -> Vec<String> {
    let mut order: Vec<String> = Vec::new();
    let mut open: Vec<Option<String>> = Vec::new();
    let mut last: Option<String> = None;
    let mut key = None;
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '"' => {
                let mut string = String::new();
                while let Some(char) = chars.next() {
                    match char {
                        '\\' => string.extend(chars.next()),
                        '"' => break,
                        _ => string.push(char),
                    }
                }
                last = Some(string);
            }
            ':' => {
                let path: Vec<&str> =
                    open.iter().flatten().map(String::as_str).chain(last.as_deref()).collect();
                let path = path.join(".");
                if !order.contains(&path) {
                    order.push(path);
                }
                key = last.take();
            }
            ',' => key = None,
            '{' | '[' => open.push(key.take()),
            '}' | ']' => {
                open.pop();
            }
            _ => {}
        }
    }
    order
}

#[test]
fn the_key_scanner_sees_order_and_depth() {
    assert_eq!(
        key_order(r#"{"b":{"x":[{"k":"a:b"},{"k":1}]},"a":"q\":"}"#),
        ["b", "b.x", "b.x.k", "a"]
    );
}
