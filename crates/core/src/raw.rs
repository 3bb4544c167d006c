//! Any call of the platform that has no type here: method and path in, JSON out.

use std::borrow::Cow;
use std::fmt;

use serde_json::Value;

use crate::endpoint::{Body, Family, Method, Operation, Query};
use crate::error::Error;

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
#[derive(Clone)]
#[must_use = "an endpoint does nothing until it is called"]
pub struct RawEndpoint {
    operation: Operation,
    variables: Vec<String>,
    query: Vec<(String, String)>,
    body: Option<Value>,
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

    /// What the machine needs: operation, filled path, encoded query, body.
    #[allow(dead_code)] // The machine carries it.
    #[allow(clippy::type_complexity)]
    pub(crate) fn parts(
        &self,
    ) -> Result<(Operation, Cow<'static, str>, String, Option<Vec<u8>>), Error> {
        let template = &*self.operation.path;
        let plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#' | b'\\');
        let climbs = |part: &str| matches!(part, "." | "..");
        if !template.starts_with('/')
            || !template.bytes().all(plain)
            || template.split('/').any(climbs)
        {
            return Err(Error::invalid(
                "a path starts with '/' and holds neither query, fragment, '..' nor raw text",
            ));
        }
        let path = self.operation.fill(&self.variables.iter().collect::<Vec<_>>())?;

        let mut query = Query::default();
        for (name, value) in &self.query {
            query.push(name, value);
        }

        let mut operation = self.operation.clone();
        operation.body = if self.body.is_some() { Body::Json } else { Body::None };
        let body = match &self.body {
            Some(body) => Some(
                serde_json::to_vec(body).map_err(|_| Error::invalid("body cannot be written"))?,
            ),
            None => None,
        };
        Ok((operation, path, query.into_string(), body))
    }

    fn described(family: Family, method: Method, path: impl Into<String>) -> Self {
        let operation = Operation::described(family, method, path);
        Self { operation, variables: Vec::new(), query: Vec::new(), body: None }
    }
}

/// Shows method and path template only: values may be secret or personal.
impl fmt::Debug for RawEndpoint {
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

    #[test]
    fn its_parts_are_filled_encoded_and_written() {
        let raw = RawEndpoint::put(Family::OpenApi, "/v1.0/todo/users/{unionId}/tasks/{taskId}")
            .variable(HOSTILE.0)
            .variable("t1")
            .query("operatorId", "a&b")
            .query("x", "中")
            .body(json!({"done": true}));
        let (operation, path, query, body) = raw.parts().unwrap();
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
            RawEndpoint::post(Family::OpenApi, "/v1.0/oauth2/jsapiTickets").parts().unwrap();
        assert_eq!((operation.body, query.as_str(), body), (Body::None, "", None));
        let delete = RawEndpoint::delete(Family::OpenApi, "/v1.0/x").body(json!({}));
        let (operation, _, _, body) = delete.parts().unwrap();
        assert_eq!((operation.body, body.unwrap().as_slice()), (Body::Json, &b"{}"[..]));
    }

    #[test]
    fn only_a_get_or_what_is_declared_a_read_may_be_replayed() {
        let replay = |raw: RawEndpoint| raw.parts().unwrap().0.replay;
        assert_eq!(replay(RawEndpoint::get(Family::Legacy, "/auth/scopes")), Replay::Safe);
        assert_eq!(replay(RawEndpoint::get(Family::Legacy, "/sso/x").once()), Replay::Never);
        let post = || RawEndpoint::post(Family::TopApi, "/topapi/v2/user/get");
        assert_eq!(replay(post()), Replay::Never);
        assert_eq!(replay(post().read()), Replay::Safe);
    }

    #[test]
    fn a_path_that_could_become_another_request_is_refused() {
        for path in ["", "v1.0/x", "@evil.example/", "/x?a=1", "/x#y", "/x y", "/a/../b", "/名"] {
            assert!(RawEndpoint::get(Family::OpenApi, path).parts().is_err(), "{path:?}");
        }
        let get = || RawEndpoint::get(Family::OpenApi, "/v1.0/contact/users/{unionId}");
        assert!(get().parts().is_err(), "a variable without value");
        assert!(get().variable("..").parts().is_err());
        assert!(get().variable("a").variable("b").parts().is_err());
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
