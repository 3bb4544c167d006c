//! The control API under `/_sandbox/v1/`: everything that a test in another language needs and the platform does not
//! have. It is no part of what is emulated, so it speaks plain JSON and plain HTTP statuses.

use std::sync::Arc;
use std::time::Duration;

use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::gates::Hold;
use crate::journal::Journal;
use crate::{Sandbox, Shared};

mod apps;
mod callbacks;
mod company;
mod faults;
mod grants;
mod guard;
mod openapi;
mod organizations;
mod people;
mod state;
mod stream;
mod suites;
mod table;
mod traffic;
mod vendor_table;

pub(crate) use guard::guard;
pub(crate) use traffic::{Filter, entry_told};

use callbacks::Attempts;
use table::{ENDPOINTS, Endpoint};
use vendor_table::VENDOR;

/// Everything below this path is the control API.
pub(crate) const PREFIX: &str = "/_sandbox/";
const ROOT: &str = "/_sandbox/v1";

/// A body that is no snapshot has no reason to be larger.
const LARGEST_BODY: usize = 1024 * 1024;
/// A company of a million people.
const LARGEST_SNAPSHOT: usize = 1024 * 1024 * 1024;
/// Nobody waits longer than this in one request; ask again.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// A request that has found its endpoint.
pub(crate) struct Found {
    endpoint: &'static Endpoint,
    /// What the path holds at the template's `{…}`.
    members: Vec<String>,
}

/// What an endpoint's handler works with.
pub(crate) struct Ask<'a> {
    sandbox: Sandbox,
    endpoint: &'static Endpoint,
    members: Vec<String>,
    query: Vec<(String, String)>,
    body: &'a [u8],
}

/// What an endpoint gives back.
pub(crate) enum Answer {
    Json(u16, Value),
    Text(&'static str, Vec<u8>),
    /// It is there when something has happened, or when the time is up.
    Wait(Wait),
    /// The journal as it is written, from this number on.
    Live(Filter, u64),
    /// It blocks for a while, and must not hold up other requests.
    Later(Later),
}

type Later = Box<dyn FnOnce() -> Result<Answer, Problem> + Send>;

/// Something that a request waits for.
pub(crate) struct Wait {
    limit: Duration,
    event: Event,
}

enum Event {
    Calls { journal: Journal, operation: String, times: usize },
    Arrivals { gate: Arc<Hold>, times: usize },
    Deliveries { shared: Arc<Shared>, wanted: Attempts, times: usize },
}

/// Why a request is refused.
#[derive(Debug)]
pub(crate) struct Problem {
    status: u16,
    error: &'static str,
    detail: String,
    allow: Option<String>,
}

/// Finds the endpoint; the method counts only where the path is known.
pub(crate) fn find(method: &Method, path: &str) -> Result<Found, Problem> {
    let below = path
        .strip_prefix(ROOT)
        .ok_or_else(|| Problem::new(404, "not_found", format!("the control API is at {ROOT}/")))?;
    let fitting: Vec<_> = ENDPOINTS
        .iter()
        .chain(VENDOR)
        .filter_map(|endpoint| members(endpoint.path, below).map(|members| (endpoint, members)))
        .collect();
    if fitting.is_empty() {
        let detail = format!("nothing is at {path}; {ROOT}/openapi.json lists what there is");
        return Err(Problem::new(404, "not_found", detail));
    }
    let allowed: Vec<&str> = fitting.iter().map(|(endpoint, _)| endpoint.method).collect();
    let allow = allowed.join(", ");
    fitting
        .into_iter()
        .find(|(endpoint, _)| endpoint.method == method.as_str())
        .map(|(endpoint, members)| Found { endpoint, members })
        .ok_or_else(|| Problem {
            allow: Some(allow.clone()),
            ..Problem::new(405, "method_not_allowed", format!("{path} takes {allow}"))
        })
}

/// Runs a request that has passed the guard.
pub(crate) fn run(
    shared: &Arc<Shared>,
    found: Found,
    query: &str,
    body: &[u8],
) -> Result<Answer, Problem> {
    let ask = Ask {
        sandbox: Sandbox { shared: Arc::clone(shared), server: None },
        endpoint: found.endpoint,
        members: found.members,
        query: form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
        body,
    };
    ask.check_query()?;
    (found.endpoint.handler)(&ask)
}

/// The whole way in-process.
pub(crate) fn in_process(shared: &Arc<Shared>, request: &Request<Vec<u8>>) -> Response<Vec<u8>> {
    let uri = request.uri();
    let mut answer = find(request.method(), uri.path()).and_then(|found| {
        if request.body().len() > found.largest_body() {
            return Err(too_large(found.largest_body()));
        }
        run(shared, found, uri.query().unwrap_or_default(), request.body())
    });
    if let Ok(Answer::Later(later)) = answer {
        answer = later();
    }
    match answer {
        Ok(Answer::Json(status, value)) => json_response(status, &value),
        Ok(Answer::Text(kind, text)) => text_response(kind, text),
        Ok(Answer::Wait(wait)) => json_response(200, &wait.blocking()),
        Ok(Answer::Live(..) | Answer::Later(_)) => {
            Problem::new(501, "needs_server", "the live journal is a stream of the server's")
                .into_response()
        }
        Err(problem) => problem.into_response(),
    }
}

impl Found {
    pub(crate) fn needs_token(&self) -> bool {
        !self.endpoint.open
    }

    pub(crate) fn largest_body(&self) -> usize {
        if self.endpoint.large { LARGEST_SNAPSHOT } else { LARGEST_BODY }
    }
}

impl Ask<'_> {
    /// The body as this document. What it must be is in the description; serde says what it is not.
    fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        let body = if self.body.trim_ascii().is_empty() { b"{}" } else { self.body };
        serde_json::from_slice(body)
            .map_err(|error| Problem::new(400, "invalid_body", error.to_string()))
    }

    fn member(&self) -> &str {
        self.members.first().map_or("", String::as_str)
    }

    fn member_at(&self, at: usize) -> &str {
        self.members.get(at).map_or("", String::as_str)
    }

    fn member_number<T: std::str::FromStr>(&self) -> Result<T, Problem> {
        self.member().parse().map_err(|_| {
            Problem::new(400, "invalid_path", format!("{:?} is not a number", self.member()))
        })
    }

    fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn number(&self, name: &str) -> Result<Option<u64>, Problem> {
        self.query(name)
            .map(|text| {
                text.parse().map_err(|_| {
                    let detail = format!("{name}={text}: not a whole number");
                    Problem::new(400, "invalid_query", detail)
                })
            })
            .transpose()
    }

    fn flag(&self, name: &str) -> Result<bool, Problem> {
        match self.query(name) {
            None | Some("0" | "false") => Ok(false),
            Some("1" | "true") => Ok(true),
            Some(other) => {
                Err(Problem::new(400, "invalid_query", format!("{name}={other}: not 1 or 0")))
            }
        }
    }

    fn wait_limit(&self) -> Result<Duration, Problem> {
        let limit =
            self.number("timeoutMs")?.map_or(Duration::from_secs(30), Duration::from_millis);
        Ok(limit.min(LONGEST_WAIT))
    }

    fn check_query(&self) -> Result<(), Problem> {
        let bad = |detail: String| Err(Problem::new(400, "invalid_query", detail));
        for (at, (name, _)) in self.query.iter().enumerate() {
            if !self.endpoint.query.iter().any(|field| field.name == name) {
                return bad(format!("there is no parameter {name} here"));
            }
            if self.query.iter().take(at).any(|(other, _)| other == name) {
                return bad(format!("the parameter {name} is there twice"));
            }
        }
        match self.endpoint.query.iter().find(|it| it.required && self.query(it.name).is_none()) {
            Some(field) => bad(format!("the parameter {} is missing", field.name)),
            None => Ok(()),
        }
    }
}

impl Answer {
    fn ok(value: Value) -> Result<Self, Problem> {
        Ok(Self::Json(200, value))
    }
}

impl Wait {
    /// Waits in a task.
    pub(crate) async fn done(self) -> Value {
        let happened = async {
            match &self.event {
                Event::Calls { journal, operation, times } => {
                    journal.seen(operation, *times).await;
                }
                Event::Arrivals { gate, times } => gate.arrived(*times).await,
                Event::Deliveries { shared, wanted, times } => {
                    shared.attempted(|| wanted.taken(shared) >= *times).await;
                }
            }
        };
        let reached = tokio::time::timeout(self.limit, happened).await.is_ok();
        self.told(reached)
    }

    fn blocking(self) -> Value {
        let reached = match &self.event {
            Event::Calls { journal, operation, times } => {
                journal.wait_for(operation, *times, self.limit)
            }
            Event::Arrivals { gate, times } => {
                gate.state.wait(Some(self.limit), |state| state.arrived >= *times)
            }
            Event::Deliveries { shared, wanted, times } => {
                shared.wait_attempted(self.limit, || wanted.taken(shared) >= *times)
            }
        };
        self.told(reached)
    }

    fn told(&self, reached: bool) -> Value {
        let count = match &self.event {
            Event::Calls { journal, operation, .. } => journal.count(operation),
            Event::Arrivals { gate, .. } => gate.arrivals(),
            Event::Deliveries { shared, wanted, .. } => wanted.taken(shared),
        };
        json!({ "reached": reached, "count": count })
    }
}

impl Problem {
    pub(crate) fn new(status: u16, error: &'static str, detail: impl Into<String>) -> Self {
        Self { status, error, detail: detail.into(), allow: None }
    }

    fn invalid(detail: impl Into<String>) -> Self {
        Self::new(400, "invalid_body", detail)
    }

    fn absent(what: &str, id: &str) -> Self {
        Self::new(404, "no_such_thing", format!("there is no {what} {id}"))
    }

    pub(crate) fn into_response(self) -> Response<Vec<u8>> {
        let value = json!({ "error": self.error, "detail": self.detail });
        let mut response = json_response(self.status, &value);
        if let Some(allow) = self.allow.and_then(|allow| HeaderValue::try_from(allow).ok()) {
            response.headers_mut().insert(ALLOW, allow);
        }
        if self.status == 401 {
            let bearer = HeaderValue::from_static("Bearer");
            response.headers_mut().insert(http::header::WWW_AUTHENTICATE, bearer);
        }
        response
    }
}

pub(crate) fn too_large(most: usize) -> Problem {
    Problem::new(413, "too_large", format!("a body here has at most {most} bytes"))
}

pub(crate) fn json_response(status: u16, value: &Value) -> Response<Vec<u8>> {
    let mut response = text_response("application/json", value.to_string().into_bytes());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
    response
}

pub(crate) fn text_response(kind: &'static str, text: Vec<u8>) -> Response<Vec<u8>> {
    let mut response = Response::new(text);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// What a path holds at a template's `{…}`, if it fits.
fn members(template: &str, path: &str) -> Option<Vec<String>> {
    let mut found = Vec::new();
    let (mut wanted, mut given) = (template.split('/'), path.split('/'));
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return Some(found),
            (Some(name), Some(part)) if name.starts_with('{') && !part.is_empty() => {
                found.push(percent_decode_str(part).decode_utf8().ok()?.into_owned());
            }
            (Some(word), Some(part)) if word == part => {}
            _ => return None,
        }
    }
}
