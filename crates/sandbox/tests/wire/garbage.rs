//! Bad input of every kind: the platform's answer, never a server error of our own, never a panic.

use dingtalk_sandbox::Sandbox;
use http::Request;

use crate::support::{app_token, builder, send, user_token};

const NAMES: [&str; 31] = [
    "type",
    "corpId",
    "rpcScope",
    "fieldScope",
    "nonce",
    "userid",
    "dept_id",
    "cursor",
    "size",
    "code",
    "unionid",
    "mobile",
    "access_token",
    "appkey",
    "appsecret",
    "appKey",
    "appSecret",
    "clientId",
    "clientSecret",
    "grantType",
    "refreshToken",
    "corpid",
    "ssoSecret",
    "subject",
    "executorIds",
    "dueTime",
    "detailUrl",
    "queryWord",
    "offset",
    "nextToken",
    "roleTypes",
];

const VALUES: [&str; 16] = [
    "null",
    "0",
    "-1",
    "1",
    "99999999999999999999999",
    "1.5e300",
    "true",
    "\"\"",
    "\"manager01\"",
    "\"\\u0000\\ud800\"",
    "[]",
    "[null,[[]]]",
    "{}",
    "{\"a\":{\"b\":[]}}",
    "\"长\"",
    "\"authorization_code\"",
];

/// A small generator: the point is breadth, not quality, and the same run every time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % sides as u64).expect("fits")
    }

    fn pick<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list[self.roll(list.len())]
    }

    fn bytes(&mut self, most: usize) -> Vec<u8> {
        let len = self.roll(most);
        (0..len).map(|_| u8::try_from(self.roll(256)).expect("a byte")).collect()
    }

    fn body(&mut self) -> Vec<u8> {
        match self.roll(5) {
            0 => self.bytes(64),
            1 => {
                let pairs: Vec<String> = (0..self.roll(5))
                    .map(|_| format!("{}={}", self.pick(&NAMES), self.pick(&VALUES)))
                    .collect();
                pairs.join("&").into_bytes()
            }
            _ => {
                let members: Vec<String> = (0..self.roll(6))
                    .map(|_| format!("\"{}\":{}", self.pick(&NAMES), self.pick(&VALUES)))
                    .collect();
                format!("{{{}}}", members.join(",")).into_bytes()
            }
        }
    }
}

fn one(sandbox: &Sandbox, dice: &mut Dice, paths: &[&str], tokens: &[&str]) {
    let path = dice.pick(paths);
    let mut query = form_urlencoded::Serializer::new(String::new());
    for _ in 0..dice.roll(4) {
        query.append_pair(dice.pick(&NAMES), dice.pick(&VALUES).trim_matches('"'));
    }
    if dice.roll(2) == 0 {
        query.append_pair("access_token", dice.pick(tokens));
    }
    let uri = format!("{path}?{}", query.finish());
    let mut request = Request::builder()
        .method(dice.pick(&["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "BREW"]))
        .uri(uri);
    let kind = dice.pick(&[
        "application/json",
        "application/x-www-form-urlencoded",
        "text/plain",
        "multipart/form-data",
        "",
    ]);
    if !kind.is_empty() {
        request = request.header("content-type", kind);
    }
    if dice.roll(3) > 0 {
        request = request.header("x-acs-dingtalk-access-token", dice.pick(tokens));
    } else if let Ok(value) = http::HeaderValue::from_bytes(&dice.bytes(16)) {
        request = request.header("x-acs-dingtalk-access-token", value);
    }
    let request = request.body(dice.body()).expect("a request");
    let shown = format!("{request:?}");
    let response = sandbox.handle(request);
    let status = response.status().as_u16();
    // The one 5xx here is the platform's own: an organization that does not exist at {corpId}/token.
    let own = String::from_utf8_lossy(response.body()).contains("unknownError");
    assert!(status < 500 || own, "{status} for {shown}");
    let json = response.headers()["content-type"]
        .to_str()
        .is_ok_and(|kind| kind.starts_with("application/json"));
    if json && !response.body().is_empty() {
        assert!(
            serde_json::from_slice::<serde_json::Value>(response.body()).is_ok(),
            "no JSON for {shown}"
        );
    }
}

#[test]
fn twenty_thousand_odd_requests_get_an_answer() {
    let sandbox = builder().journal_limit(16).in_process();
    let (app, user) = (app_token(&sandbox), user_token(&sandbox));
    let tokens = [app.as_str(), user.as_str(), "bad", ""];
    // Templates serve as paths: a name in braces is a value like any other.
    let served = dingtalk_sandbox::operations().filter_map(|name| Some(name.split_once(' ')?.1));
    let paths: Vec<&str> = served.chain(["/nowhere"]).collect();
    let mut dice = Dice(7);
    for _ in 0..20_000 {
        one(&sandbox, &mut dice, &paths, &tokens);
    }
    assert_eq!(sandbox.journal().entries().len(), 16);
}

#[test]
fn a_megabyte_in_every_place_is_only_a_wrong_argument() {
    let sandbox = builder().in_process();
    let token = app_token(&sandbox);
    let huge = "x".repeat(1 << 20);
    let json = [("content-type", "application/json")];
    let uri = format!("/topapi/v2/user/get?access_token={token}");
    let user = send(&sandbox, "POST", &uri, &json, format!(r#"{{"userid":"{huge}"}}"#).as_bytes());
    assert_eq!(user.errcode(), 33012);
    let pair = send(
        &sandbox,
        "POST",
        "/v1.0/oauth2/accessToken",
        &json,
        format!(r#"{{"appKey":"{huge}","appSecret":"{huge}"}}"#).as_bytes(),
    );
    assert_eq!(pair.code(), "400 invalidClientIdOrSecret");
    let deep = format!("{}{}", "[".repeat(1 << 16), "]".repeat(1 << 16));
    let nested = send(&sandbox, "POST", &uri, &json, format!(r#"{{"userid":{deep}}}"#).as_bytes());
    assert_eq!(nested.errcode(), 47001, "deeper than any reader goes");
}

#[test]
fn doubled_parameters_and_broken_text_are_taken_as_they_come() {
    let sandbox = builder().in_process();
    let token = app_token(&sandbox);
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let uri = format!("/topapi/v2/user/get?access_token={token}&access_token=bad");
    assert_eq!(
        send(&sandbox, "POST", &uri, &form, b"userid=manager01&userid=nobody").errcode(),
        0,
        "the first one counts"
    );
    assert_eq!(send(&sandbox, "POST", &uri, &form, b"userid=%ff%fe\xff").errcode(), 60121);
    let json = [("content-type", "application/json")];
    assert_eq!(send(&sandbox, "POST", &uri, &json, b"{\"userid\":\"\xff\"}").errcode(), 47001);
}
