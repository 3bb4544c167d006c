//! How answers look: the three families' envelopes, statuses and headers (wire-facts §1).

pub(crate) mod failure;
pub(crate) mod json;
pub(crate) mod language;

use std::borrow::Cow;
use std::time::{Duration, UNIX_EPOCH};

use http::header::{CONTENT_TYPE, HeaderName, LOCATION, SERVER};
use http::{HeaderValue, Response, StatusCode};

use crate::rng::Rng;
use crate::stream::Pass;
use crate::switches::Switches;

use failure::{Failure, rendered};
use json::{Json, Object};

/// One of the platform's three ways of talking (wire-facts §1.2), or a page for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    /// The old calls (`/gettoken`, `/sso/*`, …): token in the query, always HTTP 200, `{errcode, errmsg}`.
    Old,
    /// `/topapi/*`: token in the query or form, always HTTP 200, an 88 wrapper for what the gateway refuses.
    Topapi,
    /// `/v1.0/*`: token in a header, JSON bodies, real statuses, `{code, message, requestid}`.
    V1,
    /// Login pages.
    Page,
}

/// A finished answer, and what the journal wants to know of it.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
    pub(crate) content_type: Cow<'static, str>,
    /// The error code of the answer: an errcode (or the sub_code inside 88), or a v1.0 code.
    pub(crate) code: Option<Cow<'static, str>>,
    pub(crate) location: Option<String>,
    /// What only pages, faults and switches send.
    pub(crate) headers: Vec<(&'static str, String)>,
    /// What a fault sends instead of the answer's own headers of these names.
    pub(crate) forced: Vec<(HeaderName, HeaderValue)>,
    /// `x-acs-request-id` and `x-acs-trace-id` of family C.
    pub(crate) ids: Option<(String, String)>,
    /// The connection becomes a web socket with these rights.
    pub(crate) pass: Option<Pass>,
}

impl Reply {
    /// Renders what a call came to, in its family's envelope.
    pub(crate) fn of(
        family: Family,
        outcome: Result<Json, Failure>,
        rng: &mut Rng,
        switches: &Switches,
        call_id: String,
    ) -> Self {
        let later = outcome.as_ref().err().is_some_and(Failure::is_throttle);
        let retry_after = switches.retry_after.filter(|_| later);
        let (status, json, code) = match outcome {
            Ok(json) => (200, succeeded(family, json, rng), None),
            Err(failure) => rendered(family, failure, rng, switches, &call_id),
        };
        let json = if family == Family::Topapi && switches.printed_form {
            json.into_printed_form()
        } else {
            json
        };
        let mut reply =
            Self::raw(family, status, json.to_bytes(), code).with_ids(family, call_id, rng);
        reply.headers.extend(retry_after.map(|seconds| ("retry-after", seconds.to_string())));
        reply
    }

    pub(crate) fn raw(
        family: Family,
        status: u16,
        body: Vec<u8>,
        code: Option<Cow<'static, str>>,
    ) -> Self {
        Self {
            status,
            body,
            content_type: Cow::Borrowed(content_type(family)),
            code,
            location: None,
            headers: Vec::new(),
            forced: Vec::new(),
            ids: None,
            pass: None,
        }
    }

    /// Sends this moment as `Date`, where otherwise the server's own clock speaks.
    pub(crate) fn dated(mut self, unix_ms: u64) -> Self {
        // The last moment of the year 9999: the format ends there.
        let unix_ms = unix_ms.min(253_402_300_799_000);
        let date = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_millis(unix_ms));
        self.headers.push(("date", date));
        self
    }

    pub(crate) fn page(status: u16, html: String) -> Self {
        Self::raw(Family::Page, status, html.into_bytes(), None)
    }

    pub(crate) fn redirect(location: String) -> Self {
        Self { location: Some(location), ..Self::page(302, String::new()) }
    }

    fn with_ids(mut self, family: Family, call_id: String, rng: &mut Rng) -> Self {
        if family == Family::V1 {
            self.ids = Some((call_id, rng.trace_id()));
        }
        self
    }

    /// Puts the headers of §1.5 on the answer.
    pub(crate) fn into_response(self) -> Response<Vec<u8>> {
        let mut response = Response::new(self.body);
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::OK);
        let headers = response.headers_mut();
        headers.insert(SERVER, HeaderValue::from_static("DingTalk/1.0.0"));
        if let Ok(value) = HeaderValue::from_str(&self.content_type) {
            headers.insert(CONTENT_TYPE, value);
        }
        for (name, value) in self.headers {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
        if let Some((request, trace)) = self.ids {
            for (name, value) in [("x-acs-request-id", request), ("x-acs-trace-id", trace)] {
                if let Ok(value) = HeaderValue::from_str(&value) {
                    headers.insert(HeaderName::from_static(name), value);
                }
            }
            for (name, value) in CORS {
                headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
            }
        }
        if let Some(location) = self.location.and_then(|url| HeaderValue::from_str(&url).ok()) {
            headers.insert(LOCATION, location);
        }
        for (name, _) in &self.forced {
            headers.remove(name);
        }
        for (name, value) in self.forced {
            headers.append(name, value);
        }
        if let Some(pass) = self.pass {
            response.extensions_mut().insert(pass);
        }
        response
    }
}

/// The CORS set that family C sends (wire-facts §1.5).
const CORS: [(&str, &str); 4] = [
    ("access-control-allow-origin", "*"),
    ("access-control-allow-methods", "POST, GET, OPTIONS, PUT, DELETE"),
    ("access-control-max-age", "172800"),
    (
        "access-control-allow-headers",
        "X-Requested-With, X-Sequence, _aop_secret, _aop_signature, x-acs-dingtalk-access-token",
    ),
];

fn content_type(family: Family) -> &'static str {
    match family {
        Family::Old => "application/json",
        Family::Topapi => "application/json;charset=UTF-8",
        Family::V1 => "application/json;charset=utf-8",
        Family::Page => "text/html;charset=utf-8",
    }
}

/// Family A and C answers are whole as they are; topapi wraps the result.
fn succeeded(family: Family, json: Json, rng: &mut Rng) -> Json {
    match family {
        Family::Topapi => Object::new()
            .put("errcode", 0_i64)
            .put("errmsg", "ok")
            .put("result", json)
            .put("request_id", rng.short_id())
            .done(),
        Family::Old | Family::V1 | Family::Page => json,
    }
}
