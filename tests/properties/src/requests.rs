//! Whatever is sent to the sandbox, it answers as the platform would: no server error that nobody
//! asked for, no panic, and a body of the family's form.

use arbitrary::Unstructured;
use dingtalk_sandbox::{Sandbox, operations};
use http::{Request, Response};
use serde_json::Value;

use super::{START, choose, one_of, word};

const METHODS: [&str; 7] = ["POST", "POST", "POST", "GET", "PUT", "DELETE", "PATCH"];
const TYPES: [&str; 5] = [
    "application/json",
    "application/json; charset=utf-8",
    "application/x-www-form-urlencoded",
    "text/plain",
    "multipart/form-data",
];

pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    pub(crate) token: String,
    /// Of everything that it serves, the names in braces as they stand, and one that leads nowhere.
    paths: Vec<&'static str>,
}

impl World {
    pub(crate) fn new() -> Self {
        let sandbox = Sandbox::builder().frozen_at(START).seed(1).journal_limit(64).in_process();
        let demo = sandbox.demo();
        let uri = format!("/gettoken?appkey={}&appsecret={}", demo.client_id, demo.client_secret);
        let request = Request::get(uri).body(Vec::new()).expect("the demo's ids are plain");
        let body: Value =
            serde_json::from_slice(sandbox.handle(request).body()).unwrap_or_default();
        let token = body["access_token"].as_str().expect("the demo's secret is right").to_owned();
        let served = operations().filter_map(|name| Some(name.split_once(' ')?.1));
        Self { sandbox, token, paths: served.chain(["/nowhere"]).collect() }
    }
}

thread_local! {
    static WORLD: World = World::new();
}

pub(super) fn check(data: &[u8]) {
    WORLD.with(|world| {
        let mut from = Unstructured::new(data);
        if let Some(request) = request(&mut from, world) {
            let path = request.uri().path().to_owned();
            answered_as_the_platform(&path, &world.sandbox.handle(request));
        }
    });
}

/// A request with a known path and a token more often than not; `None` if it cannot be said.
pub(crate) fn request(from: &mut Unstructured<'_>, world: &World) -> Option<Request<Vec<u8>>> {
    let method = one_of(from, &METHODS);
    let path = match choose::<u8>(from) % 8 {
        0 => word(from),
        _ => one_of(from, &world.paths).to_owned(),
    };
    let (in_query, in_header) = (choose::<bool>(from), choose::<bool>(from));
    let kind = one_of(from, &TYPES);
    let (header, query) = (word(from), word(from));
    let mut uri = path;
    if in_query {
        uri.push_str("?access_token=");
        uri.push_str(&world.token);
        uri.push('&');
    } else {
        uri.push('?');
    }
    uri.push_str(&query);
    let mut request = Request::builder().method(method).uri(uri).header("content-type", kind);
    if in_header {
        request = request.header("x-acs-dingtalk-access-token", world.token.as_str());
    }
    if let Ok(value) = http::HeaderValue::from_str(&header) {
        request = request.header("x-of-the-caller", value);
    }
    let body = from.bytes(from.len()).unwrap_or_default();
    request.body(body.to_vec()).ok()
}

fn answered_as_the_platform(path: &str, response: &Response<Vec<u8>>) {
    let status = response.status().as_u16();
    // The one server error that is the platform's own: wire-facts §2.3, an organization that is none.
    let known = path.ends_with("/token") && path.starts_with("/v1.0/oauth2/");
    assert!(status < 500 || known, "{path}: {status}");
    let kind = response.headers().get("content-type").map_or(&b""[..], |kind| kind.as_bytes());
    if kind.starts_with(b"application/json") && !response.body().is_empty() {
        let body: Value = serde_json::from_slice(response.body())
            .unwrap_or_else(|error| panic!("{path}: no JSON: {error}"));
        let told = body.get("errcode").is_some() || body.get("code").is_some() || status < 400;
        assert!(told, "{path}: an error without a code");
    }
}
