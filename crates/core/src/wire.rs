//! What a transport carries, and what carries it: [`Request`], [`Response`], [`Reply`],
//! [`Transport`].

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;

/// A whole request, ready to be carried as it is.
///
/// It is a type of its own over [`http::Request`] because that one prints URL, headers and body,
/// and DingTalk's older families carry the token in the URL and the secret in the query.
/// This one prints its [`label`](Request::label) only.
///
/// A transport must send it unchanged, follow no redirect, not retry, not turn a status into an
/// error, and keep to [`limits`](Request::limits).
#[derive(Clone)]
pub struct Request {
    inner: http::Request<Vec<u8>>,
    label: Cow<'static, str>,
    limits: Limits,
}

impl Request {
    /// Wraps a request. `label` is the form that may be logged, such as
    /// `POST /topapi/v2/user/get`: method and path template, never a value.
    pub fn new(
        inner: http::Request<Vec<u8>>,
        label: impl Into<Cow<'static, str>>,
        limits: Limits,
    ) -> Self {
        Self { inner, label: label.into(), limits }
    }

    /// Method and path template: the only form of this request that may be logged.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Time and size bounds that the transport must hold.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// The method.
    pub fn method(&self) -> &http::Method {
        self.inner.method()
    }

    /// The whole URL. It may hold a token: never print it.
    pub fn url(&self) -> &http::Uri {
        self.inner.uri()
    }

    /// The headers. They may hold a token: never print them.
    pub fn headers(&self) -> &HeaderMap {
        self.inner.headers()
    }

    /// The body; empty means that none is sent. It may hold a secret: never print it.
    pub fn body(&self) -> &[u8] {
        self.inner.body()
    }

    /// Gives the parts to a transport.
    pub fn into_http(self) -> http::Request<Vec<u8>> {
        self.inner
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("label", &self.label).finish_non_exhaustive()
    }
}

/// The bounds of one exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Longest time to get a connection, TLS included.
    pub connect: Duration,
    /// Longest time for the whole exchange, from asking for a connection to the body's last byte.
    pub total: Duration,
    /// Largest body accepted, in bytes after any decoding.
    pub max_body: usize,
}

impl Limits {
    /// All three bounds.
    pub const fn new(connect: Duration, total: Duration, max_body: usize) -> Self {
        Self { connect, total, max_body }
    }
}

impl Default for Limits {
    /// 5 s to connect, 15 s in all, 4 MiB.
    fn default() -> Self {
        Self::new(Duration::from_secs(5), Duration::from_secs(15), 4 << 20)
    }
}

/// What came back: any status, whole and bounded.
#[derive(Clone, Default)]
pub struct Response {
    status: u16,
    headers: HeaderMap,
    body: Bytes,
}

impl Response {
    /// A response from its parts.
    pub fn new(status: u16, headers: HeaderMap, body: impl Into<Bytes>) -> Self {
        Self { status, headers, body: body.into() }
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The body. It may hold a token: never print it.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// A header as text, if it is there and readable.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

impl<B: Into<Bytes>> From<http::Response<B>> for Response {
    fn from(response: http::Response<B>) -> Self {
        let (parts, body) = response.into_parts();
        Self::new(parts.status.as_u16(), parts.headers, body)
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// What a transport reports: an answer of any status, or why there is none.
pub type Reply = Result<Response, TransportError>;

/// Why an exchange gave no answer. It carries no URL, header or body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransportError {
    fault: Fault,
    detail: Cow<'static, str>,
}

impl TransportError {
    /// The request certainly did not leave: no connection, refused by the proxy, TLS failed.
    /// Anything may be sent again.
    pub fn not_sent(detail: impl Into<Cow<'static, str>>) -> Self {
        Self { fault: Fault::NotSent, detail: detail.into() }
    }

    /// It was sent or may have been, and no whole answer came: it may have been executed.
    pub fn lost(detail: impl Into<Cow<'static, str>>) -> Self {
        Self { fault: Fault::Lost, detail: detail.into() }
    }

    /// The answer did not come, or not wholly, within the time bound.
    pub fn timed_out(detail: impl Into<Cow<'static, str>>) -> Self {
        Self { fault: Fault::TimedOut, detail: detail.into() }
    }

    /// The answer is larger than [`Limits::max_body`].
    pub fn too_large(detail: impl Into<Cow<'static, str>>) -> Self {
        Self { fault: Fault::TooLarge, detail: detail.into() }
    }

    /// What went wrong, as far as it matters for sending again.
    pub fn fault(&self) -> Fault {
        self.fault
    }

    /// The same in words of the transport's own, free of URLs and values.
    pub fn detail(&self) -> &str {
        &self.detail
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl std::error::Error for TransportError {}

/// How far a failed exchange got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Fault {
    /// Certainly not executed.
    NotSent,
    /// Maybe executed.
    Lost,
    /// Maybe executed; time ran out.
    TimedOut,
    /// Executed, but the answer was refused for its size.
    TooLarge,
}

/// Carries requests. `Exchange` is a [`Reply`] for blocking transports and a future of one for
/// async transports.
///
/// A transport sends as is: no redirects followed, no status turned into an error, no retry of
/// its own, bounded size and time.
pub trait Transport {
    /// A [`Reply`], or a future of it.
    type Exchange;

    /// Carries one request.
    fn send(&self, request: Request) -> Self::Exchange;
}

/// A closure as a transport.
///
/// ```
/// use dingtalk_core::{from_fn, Reply, Response, Transport, Request};
///
/// let canned = from_fn(|request: Request| -> Reply {
///     assert_eq!(request.method(), "POST");
///     Ok(Response::new(200, Default::default(), r#"{"errcode":0}"#))
/// });
/// # let _ = &canned;
/// ```
pub fn from_fn<F, X>(carry: F) -> FromFn<F>
where
    F: Fn(Request) -> X,
{
    FromFn(carry)
}

/// See [`from_fn`].
#[derive(Clone, Copy)]
pub struct FromFn<F>(F);

impl<F> fmt::Debug for FromFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FromFn")
    }
}

impl<F, X> Transport for FromFn<F>
where
    F: Fn(Request) -> X,
{
    type Exchange = X;

    fn send(&self, request: Request) -> X {
        (self.0)(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_of_a_request_shows_its_label_and_nothing_else() {
        let inner = http::Request::builder()
            .method("POST")
            .uri("https://oapi.dingtalk.com/topapi/v2/user/get?access_token=canary-token")
            .header("x-acs-dingtalk-access-token", "canary-header")
            .body(b"canary-body".to_vec())
            .unwrap();
        let request = Request::new(inner, "POST /topapi/v2/user/get", Limits::default());
        let text = format!("{request:?} {request:#?}");
        assert!(!text.contains("canary"), "{text}");
        assert!(text.contains("POST /topapi/v2/user/get"));
    }

    #[test]
    fn debug_of_a_response_shows_status_and_size_only() {
        let mut headers = HeaderMap::new();
        headers.insert("set-cookie", "canary".parse().unwrap());
        let response = Response::new(200, headers, "canary");
        let text = format!("{response:?}");
        assert!(!text.contains("canary"), "{text}");
        assert!(text.contains("200"));
    }
}
