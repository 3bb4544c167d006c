//! WHAT is called: an [`Operation`] is data, an [`Endpoint`] is an operation plus types.

#[cfg(test)]
pub(crate) mod testing;

use std::borrow::Cow;
use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::dialect::Dialect;

/// One call of the platform as types: the request is the implementing struct, which serializes to
/// the body; the rest is data.
///
/// ```
/// use dingtalk_core::{App, Endpoint, Method, Operation, UserId, dialect::TopApi};
/// use serde::{Deserialize, Serialize};
///
/// /// `POST /topapi/smartwork/hrm/employee/queryonjob`
/// #[derive(Debug, Serialize)]
/// struct QueryOnJob {
///     status_list: String,
///     offset: i64,
///     size: i64,
/// }
///
/// #[derive(Debug, Deserialize)]
/// struct OnJob {
///     data_list: Vec<UserId>,
/// }
///
/// impl Endpoint for QueryOnJob {
///     type Caller = App;
///     type Api = TopApi;
///     type Output = OnJob;
///     const OPERATION: &Operation = &Operation::topapi(
///         "hrm.query_on_job",
///         Method::Post,
///         "/topapi/smartwork/hrm/employee/queryonjob",
///     )
///     .read();
/// }
/// ```
pub trait Endpoint: Serialize {
    /// Whose token it takes: [`App`](crate::App), [`User`](crate::User),
    /// [`AppOrUser`](crate::AppOrUser), [`Sso`](crate::Sso) or [`Nobody`](crate::Nobody). Calling
    /// it with another credential does not compile.
    type Caller: crate::Caller;
    /// The wire family.
    type Api: Dialect;
    /// The result, without its envelope.
    type Output: DeserializeOwned;
    /// Name, method, path and replay rule.
    const OPERATION: &'static Operation;

    /// The same for endpoints that are described at run time.
    fn operation(&self) -> Cow<'static, Operation> {
        Cow::Borrowed(Self::OPERATION)
    }

    /// Whether the call is about the platform's answer or about a token that we keep.
    #[doc(hidden)]
    fn obtains(&self) -> Obtains {
        Obtains::Answer
    }

    /// The path with its variables filled in. Endpoints with variables write
    /// `Self::OPERATION.fill(&[&self.union_id])`.
    ///
    /// # Errors
    /// When a variable cannot stand in a path.
    fn path(&self) -> Result<Cow<'static, str>, Error> {
        Ok(Self::OPERATION.path.clone())
    }

    /// Query parameters beside the token.
    fn query(&self, _query: &mut Query) {}
}

/// A reference is as good as the request itself, so that clients take both.
impl<E: Endpoint> Endpoint for &E {
    type Caller = E::Caller;
    type Api = E::Api;
    type Output = E::Output;
    const OPERATION: &'static Operation = E::OPERATION;

    fn operation(&self) -> Cow<'static, Operation> {
        (**self).operation()
    }

    fn obtains(&self) -> Obtains {
        (**self).obtains()
    }

    fn path(&self) -> Result<Cow<'static, str>, Error> {
        (**self).path()
    }

    fn query(&self, query: &mut Query) {
        (**self).query(query);
    }
}

/// What a call is about.
#[doc(hidden)]
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Obtains {
    /// The platform's answer.
    Answer,
    /// The caller's token.
    Token,
    /// The app's page ticket.
    Ticket,
    /// Nothing; the session is put into the store.
    Kept,
    /// Nothing; the session is taken out of the store.
    Forgotten,
    /// Nothing; the suite ticket is taken and put into the store.
    TicketTaken {
        /// The ticket.
        ticket: crate::Secret,
        /// When it was pushed.
        pushed_at: u64,
    },
    /// The names of the sessions in the store.
    Sessions {
        /// After this one.
        after: Option<String>,
        /// At most so many.
        limit: u32,
    },
}

/// A page of a longer result, and how to ask for the next one.
///
/// The drivers turn it into an iterator and a stream.
pub trait Paged: Endpoint + Clone {
    /// What a page holds many of.
    type Item;

    /// Takes the items out of a page and gives the request for the next page, if there is one.
    fn next(&self, page: Self::Output) -> (Vec<Self::Item>, Option<Self>);
}

/// One call of the platform as data: what an [`Endpoint`] is made of, and what programs in other
/// languages describe at run time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Operation {
    /// Our name for it, such as `contact.get_user`.
    pub name: Cow<'static, str>,
    /// The wire family: where the token goes, which envelope comes back.
    pub family: Family,
    /// The method.
    pub method: Method,
    /// The path, with variables in braces.
    pub path: Cow<'static, str>,
    /// Names of the parameters that travel in the query; path variables go into the path and all
    /// others into the body. Typed endpoints do not need it.
    pub query: Cow<'static, [Cow<'static, str>]>,
    /// Whether it may be sent again when nobody knows if it was executed.
    pub replay: Replay,
    /// Whether a body is sent.
    pub body: Body,
}

impl Operation {
    /// An operation of the un-prefixed old family: token in the query, flat result.
    pub const fn legacy(name: &'static str, method: Method, path: &'static str) -> Self {
        Self::new(Family::Legacy, name, method, path)
    }

    /// An operation under `/topapi`: token in the query, data under `result`.
    pub const fn topapi(name: &'static str, method: Method, path: &'static str) -> Self {
        Self::new(Family::TopApi, name, method, path)
    }

    /// An operation under `/v1.0`: token in a header, no envelope.
    pub const fn openapi(name: &'static str, method: Method, path: &'static str) -> Self {
        Self::new(Family::OpenApi, name, method, path)
    }

    /// Marks an operation that changes nothing: it may be sent again.
    ///
    /// topapi reads are POST requests, so the method does not tell.
    #[must_use]
    pub const fn read(mut self) -> Self {
        self.replay = Replay::Safe;
        self
    }

    /// Marks a GET that must not be repeated, such as one that uses up a one-time code.
    #[must_use]
    pub const fn once(mut self) -> Self {
        self.replay = Replay::Never;
        self
    }

    /// Marks an operation that sends no body.
    #[must_use]
    pub const fn without_body(mut self) -> Self {
        self.body = Body::None;
        self
    }

    /// An operation described at run time. It is [`Replay::Never`] until said otherwise.
    pub fn described(family: Family, method: Method, path: impl Into<String>) -> Self {
        let path = path.into();
        Self { name: path.clone().into(), path: path.into(), ..Self::new(family, "", method, "") }
    }

    /// Method and path template: the form that may be logged.
    pub fn label(&self) -> String {
        format!("{} {}", self.method.as_str(), self.path)
    }

    /// The path with its variables filled in, in order, each percent-encoded whole.
    ///
    /// # Errors
    /// When a variable is empty, `.` or `..`, which would name another path, or when their number
    /// is not the path's.
    ///
    /// ```
    /// use dingtalk_core::{Method, Operation};
    ///
    /// let get = Operation::openapi("contact.get", Method::Get, "/v1.0/contact/users/{unionId}");
    /// assert_eq!(get.fill(&["x/../nope?"])?, "/v1.0/contact/users/x%2F..%2Fnope%3F");
    /// assert!(get.fill(&[".."]).is_err());
    /// # Ok::<(), dingtalk_core::Error>(())
    /// ```
    pub fn fill<V: AsRef<str> + ?Sized>(&self, values: &[&V]) -> Result<Cow<'static, str>, Error> {
        let mut values = values.iter();
        let mut filled = String::with_capacity(self.path.len() + 32);
        let mut rest: &str = &self.path;
        while let Some((before, after)) = rest.split_once('{') {
            let Some((name, after)) = after.split_once('}') else { break };
            let value = values.next().map(|value| (*value).as_ref()).unwrap_or_default();
            if matches!(value, "" | "." | "..") {
                return Err(Error::invalid(format!(
                    "path variable {name} must not be empty, '.' or '..'"
                )));
            }
            filled.push_str(before);
            filled.extend(utf8_percent_encode(value, UNRESERVED));
            rest = after;
        }
        if values.next().is_some() {
            return Err(Error::invalid("more values than path variables"));
        }
        filled.push_str(rest);
        Ok(filled.into())
    }

    /// Whether the path is one: values belong into variables, query and body, and a path that
    /// climbs or ends early would become another request.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#' | b'\\');
        let climbs = |part: &str| matches!(part, "." | "..");
        if !self.path.starts_with('/')
            || !self.path.bytes().all(plain)
            || self.path.split('/').any(climbs)
        {
            return Err(Error::invalid(
                "a path starts with '/' and holds neither query, fragment, '..' nor raw text",
            ));
        }
        Ok(())
    }

    /// The names of the path's variables, in order.
    pub(crate) fn variables(&self) -> impl Iterator<Item = &str> {
        self.path.split('{').skip(1).filter_map(|part| part.split_once('}')).map(|(name, _)| name)
    }

    const fn new(family: Family, name: &'static str, method: Method, path: &'static str) -> Self {
        Self {
            name: Cow::Borrowed(name),
            family,
            method,
            path: Cow::Borrowed(path),
            query: Cow::Borrowed(&[]),
            replay: match method {
                Method::Get => Replay::Safe,
                _ => Replay::Never,
            },
            body: match method {
                Method::Post | Method::Put => Body::Json,
                _ => Body::None,
            },
        }
    }
}

/// RFC 3986's unreserved characters stay; everything else in a path variable or a ticket is encoded.
pub(crate) const UNRESERVED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The three wire families (wire-facts §1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Family {
    /// The un-prefixed old paths.
    Legacy,
    /// `/topapi/…`.
    TopApi,
    /// `/v1.0/…`.
    OpenApi,
}

/// The methods that the platform uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[non_exhaustive]
pub enum Method {
    /// `GET`
    Get,
    /// `POST`
    Post,
    /// `PUT`
    Put,
    /// `DELETE`
    Delete,
}

impl Method {
    /// The method's name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }

    pub(crate) const fn to_http(self) -> http::Method {
        match self {
            Self::Get => http::Method::GET,
            Self::Post => http::Method::POST,
            Self::Put => http::Method::PUT,
            Self::Delete => http::Method::DELETE,
        }
    }
}

/// Whether a request may go out again when nobody knows if it was executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Replay {
    /// It changes nothing, or changes it to the same again.
    Safe,
    /// It goes out once, unless it is proved that nothing was executed: not delivered, throttled,
    /// or refused for its token.
    Never,
}

/// Whether an operation sends a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Body {
    /// No body.
    None,
    /// JSON; every family takes it.
    Json,
}

/// Query parameters, form-encoded as they are added.
#[derive(Default)]
pub struct Query(String);

impl Query {
    /// Adds one parameter.
    pub fn push(&mut self, name: &str, value: &str) {
        let text = std::mem::take(&mut self.0);
        self.0 = form_urlencoded::Serializer::new(text).append_pair(name, value).finish();
    }

    /// Adds one parameter if there is a value.
    pub fn push_some<V: AsRef<str>>(&mut self, name: &str, value: Option<V>) {
        if let Some(value) = value {
            self.push(name, value.as_ref());
        }
    }

    /// Whether nothing was added.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn into_string(self) -> String {
        self.0
    }
}

impl fmt::Debug for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Query")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GET: Operation =
        Operation::openapi("t", Method::Get, "/v1.0/todo/users/{unionId}/tasks/{taskId}");

    #[test]
    fn path_variables_are_encoded_whole() {
        assert_eq!(
            GET.fill(&["a/b?c#d%e f", "任务"]).unwrap(),
            "/v1.0/todo/users/a%2Fb%3Fc%23d%25e%20f/tasks/%E4%BB%BB%E5%8A%A1"
        );
    }

    #[test]
    fn a_path_variable_cannot_climb_or_vanish() {
        for bad in ["", ".", ".."] {
            assert!(GET.fill(&[bad, "x"]).is_err(), "{bad:?}");
            assert!(GET.fill(&["x", bad]).is_err(), "{bad:?}");
        }
        assert!(GET.fill(&["x"]).is_err(), "one value missing");
        assert!(GET.fill(&["x", "y", "z"]).is_err(), "one value too many");
        assert_eq!(GET.fill(&["...", "x..y"]).unwrap(), "/v1.0/todo/users/.../tasks/x..y");
    }

    #[test]
    fn query_parameters_are_form_encoded() {
        let mut query = Query::default();
        query.push("code", "a&b=c");
        query.push_some("empty", None::<&str>);
        query.push("name", "中 文");
        assert_eq!(query.into_string(), "code=a%26b%3Dc&name=%E4%B8%AD+%E6%96%87");
    }

    #[test]
    fn a_post_is_never_replayed_until_it_is_declared_a_read() {
        let post = Operation::topapi("t", Method::Post, "/topapi/x");
        assert_eq!(post.replay, Replay::Never);
        assert_eq!(post.read().replay, Replay::Safe);
        assert_eq!(GET.replay, Replay::Safe);
    }
}
