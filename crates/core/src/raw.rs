//! Any call of the platform that has no type here: method and path in, JSON out.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::app::Caller;
use crate::dialect::AnyFamily;
use crate::endpoint::{Body, Endpoint, Family, Method, Operation, Query};
use crate::{App, Error, Nobody, User};

/// A call described at run time. It lives the same life as a typed one: token, renewal, errors.
///
/// Values belong into [`variable`](Self::variable), [`query`](Self::query) and
/// [`body`](Self::body), never into the path itself: the path is what gets logged.
///
/// ```
/// use dingtalk_core::{Family, RawEndpoint};
///
/// let list = RawEndpoint::post(Family::OpenApi, "/v1.0/todo/users/{unionId}/tasks/list")
///     .variable("Qm7ZpXk2iiTgR9sVbLhUaGQiEiE")
///     .body(serde_json::json!({ "isDone": false }))
///     .read();
/// # let _ = list;
/// ```
///
/// A call that is not marked with [`read`](Self::read) goes out once (`GET` is a read by itself;
/// see [`once`](Self::once)).
///
/// An app calls it, or, after [`by_user`](RawEndpoint::by_user), a person.
#[must_use = "an endpoint does nothing until it is called"]
pub struct RawEndpoint<C = App> {
    operation: Operation,
    variables: Vec<String>,
    query: Vec<(String, String)>,
    body: Option<Value>,
    caller: PhantomData<fn() -> C>,
}

impl RawEndpoint {
    /// A `GET`.
    pub fn get(family: Family, path: impl Into<String>) -> Self {
        Self::described(family, Method::Get, path)
    }

    /// A `POST`. Without a [`body`](Self::body) none is sent.
    pub fn post(family: Family, path: impl Into<String>) -> Self {
        Self::described(family, Method::Post, path)
    }

    /// A `PUT`. Without a [`body`](Self::body) none is sent.
    pub fn put(family: Family, path: impl Into<String>) -> Self {
        Self::described(family, Method::Put, path)
    }

    /// A `DELETE`.
    pub fn delete(family: Family, path: impl Into<String>) -> Self {
        Self::described(family, Method::Delete, path)
    }

    /// The same, called with a person's token.
    pub fn by_user(self) -> RawEndpoint<User> {
        self.by()
    }

    /// The same, called without a token.
    pub fn by_nobody(self) -> RawEndpoint<Nobody> {
        self.by()
    }

    fn described(family: Family, method: Method, path: impl Into<String>) -> Self {
        let mut operation = Operation::described(family, method, path);
        operation.body = Body::None;
        Self {
            operation,
            variables: Vec::new(),
            query: Vec::new(),
            body: None,
            caller: PhantomData,
        }
    }

    fn by<C>(self) -> RawEndpoint<C> {
        let Self { operation, variables, query, body, caller: _ } = self;
        RawEndpoint { operation, variables, query, body, caller: PhantomData }
    }
}

impl<C> RawEndpoint<C> {
    /// Fills the next `{variable}` of the path; it is percent-encoded whole.
    pub fn variable(mut self, value: impl Into<String>) -> Self {
        self.variables.push(value.into());
        self
    }

    /// Adds a query parameter. The token is added by the call.
    pub fn query(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.query.push((name.into(), value.into()));
        self
    }

    /// The JSON to send.
    pub fn body(mut self, body: impl Into<Value>) -> Self {
        self.body = Some(body.into());
        self.operation.body = Body::Json;
        self
    }

    /// Marks a call that changes nothing: it may be sent again when its answer was lost.
    pub fn read(mut self) -> Self {
        self.operation = self.operation.read();
        self
    }

    /// Marks a `GET` that must not be repeated.
    pub fn once(mut self) -> Self {
        self.operation = self.operation.once();
        self
    }
}

impl<C: Caller> Endpoint for RawEndpoint<C> {
    type Caller = C;
    type Api = AnyFamily;
    type Output = Value;
    const OPERATION: &Operation = &Operation::openapi("raw", Method::Get, "/");

    fn operation(&self) -> Cow<'static, Operation> {
        Cow::Owned(self.operation.clone())
    }

    fn path(&self) -> Result<Cow<'static, str>, Error> {
        self.operation.check()?;
        self.operation.fill(&self.variables.iter().collect::<Vec<_>>())
    }

    fn query(&self, query: &mut Query) {
        for (name, value) in &self.query {
            query.push(name, value);
        }
    }
}

impl<C> Serialize for RawEndpoint<C> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.body.serialize(serializer)
    }
}

impl<C> Clone for RawEndpoint<C> {
    fn clone(&self) -> Self {
        Self {
            operation: self.operation.clone(),
            variables: self.variables.clone(),
            query: self.query.clone(),
            body: self.body.clone(),
            caller: PhantomData,
        }
    }
}

/// Shows method and path template only: values may be secret or personal.
impl<C> fmt::Debug for RawEndpoint<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RawEndpoint").field(&self.operation.label()).finish()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Replay;
    use crate::endpoint::testing::HOSTILE;

    type Parts = (Operation, Cow<'static, str>, String, Option<Vec<u8>>);

    fn parts<C: Caller>(raw: &RawEndpoint<C>) -> Result<Parts, Error> {
        let mut query = Query::default();
        Endpoint::query(raw, &mut query);
        let body = raw.body.as_ref().map(|_| serde_json::to_vec(raw).unwrap());
        Ok((raw.operation().into_owned(), raw.path()?, query.into_string(), body))
    }

    #[test]
    fn its_parts_are_filled_encoded_and_written() {
        let raw = RawEndpoint::put(Family::OpenApi, "/v1.0/todo/users/{unionId}/tasks/{taskId}")
            .variable(HOSTILE.0)
            .variable("t1")
            .query("operatorId", "a&b")
            .query("x", "中")
            .body(json!({"done": true}));
        let (operation, path, query, body) = parts(&raw).unwrap();
        assert_eq!(operation.label(), "PUT /v1.0/todo/users/{unionId}/tasks/{taskId}");
        assert_eq!((operation.family, operation.replay), (Family::OpenApi, Replay::Never));
        assert_eq!(operation.body, Body::Json);
        assert_eq!(path, format!("/v1.0/todo/users/{}/tasks/t1", HOSTILE.1));
        assert_eq!(query, "operatorId=a%26b&x=%E4%B8%AD");
        assert_eq!(body.unwrap(), br#"{"done":true}"#);
    }

    #[test]
    fn no_body_given_is_no_body_sent_and_one_given_is_sent_by_any_method() {
        let (operation, _, query, body) =
            parts(&RawEndpoint::post(Family::OpenApi, "/v1.0/oauth2/jsapiTickets")).unwrap();
        assert_eq!((operation.body, query.as_str(), body), (Body::None, "", None));
        let delete = RawEndpoint::delete(Family::OpenApi, "/v1.0/x").body(json!({}));
        let (operation, _, _, body) = parts(&delete).unwrap();
        assert_eq!((operation.body, body.unwrap().as_slice()), (Body::Json, &b"{}"[..]));
    }

    #[test]
    fn only_a_get_or_what_is_declared_a_read_may_be_replayed() {
        let replay = |raw: RawEndpoint| parts(&raw).unwrap().0.replay;
        assert_eq!(replay(RawEndpoint::get(Family::Legacy, "/auth/scopes")), Replay::Safe);
        assert_eq!(replay(RawEndpoint::get(Family::Legacy, "/sso/x").once()), Replay::Never);
        let post = || RawEndpoint::post(Family::TopApi, "/topapi/v2/user/get");
        assert_eq!(replay(post()), Replay::Never);
        assert_eq!(replay(post().read()), Replay::Safe);
    }

    #[test]
    fn a_path_that_could_become_another_request_is_refused() {
        for path in ["", "v1.0/x", "@evil.example/", "/x?a=1", "/x#y", "/x y", "/a/../b", "/名"] {
            assert!(parts(&RawEndpoint::get(Family::OpenApi, path)).is_err(), "{path:?}");
        }
        let get = || RawEndpoint::get(Family::OpenApi, "/v1.0/contact/users/{unionId}");
        assert!(parts(&get()).is_err(), "a variable without value");
        assert!(parts(&get().variable("..")).is_err());
        assert!(parts(&get().variable("a").variable("b")).is_err());
    }

    #[test]
    fn debug_shows_no_value() {
        let raw = RawEndpoint::get(Family::Legacy, "/x/{a}")
            .variable("canary")
            .query("code", "canary")
            .body(json!("canary"));
        let text = format!("{raw:?} {raw:#?}");
        assert!(!text.contains("canary") && text.contains("GET /x/{a}"), "{text}");
    }
}
