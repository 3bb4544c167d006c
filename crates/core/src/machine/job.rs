//! A request without its token: what an endpoint or a description becomes once, to be sent as
//! often as needed.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::endpoint::{Body, Endpoint, Family, Operation, Query};
use crate::token::Token;
use crate::wire::{Limits, Request};
use crate::{Error, Region, Secret, lenient};

pub(crate) struct Job {
    operation: Described,
    path: Cow<'static, str>,
    query: String,
    body: Vec<u8>,
}

impl Job {
    pub(crate) fn of<E: Endpoint>(endpoint: &E) -> Result<Self, Error> {
        let operation = match endpoint.operation() {
            Cow::Borrowed(operation) => Described::Typed(operation),
            Cow::Owned(operation) => Described::Raw(Box::new(operation)),
        };
        let path = endpoint.path()?;
        let mut query = Query::default();
        endpoint.query(&mut query);
        let body = match operation.body {
            Body::None => Vec::new(),
            Body::Json => serde_json::to_vec(endpoint)
                .map_err(|_| Error::invalid("the request cannot be written as JSON"))?,
        };
        Ok(Self { operation, path, query: query.into_string(), body })
    }

    pub(crate) fn described(operation: Operation, parameters: Value) -> Result<Self, Error> {
        let mut parameters = match parameters {
            Value::Object(parameters) => parameters,
            Value::Null => serde_json::Map::new(),
            _ => return Err(Error::invalid("parameters must be an object")),
        };
        operation.check()?;
        let mut variables = Vec::new();
        for name in operation.variables() {
            let value = parameters.remove(name).unwrap_or_default();
            variables.push(plain(&value).ok_or_else(|| {
                Error::invalid(format!("path variable {name} must be a string or number"))
            })?);
        }
        let path = operation.fill(&variables.iter().collect::<Vec<_>>())?;
        let mut query = Query::default();
        for name in operation.query.iter() {
            if let Some(value) = parameters.remove(name.as_ref()) {
                let value = plain(&value).ok_or_else(|| {
                    Error::invalid(format!("query parameter {name} must be a string or number"))
                })?;
                query.push(name, &value);
            }
        }
        let body = match operation.body {
            Body::None if parameters.is_empty() => Vec::new(),
            Body::None => return Err(Error::invalid("this operation sends no body")),
            Body::Json => Value::Object(parameters).to_string().into_bytes(),
        };
        let operation = Described::Raw(Box::new(operation));
        Ok(Self { operation, path, query: query.into_string(), body })
    }

    pub(crate) fn operation(&self) -> &Operation {
        &self.operation
    }

    /// Every text that it carries in query and body.
    pub(crate) fn values(&self) -> Vec<Secret> {
        let mut values: Vec<_> = form_urlencoded::parse(self.query.as_bytes())
            .map(|(_, value)| Secret::new(value.into_owned()))
            .collect();
        let body = str::from_utf8(&self.body).unwrap_or_default();
        let texts = lenient::parse_with(body, |json| json.deserialize_map(Texts));
        values.extend(texts.unwrap_or_default());
        values
    }

    /// The whole request, with the token where the family wants it.
    pub(crate) fn request(
        &self,
        region: &Region,
        token: Option<&Secret>,
        limits: Limits,
    ) -> Result<Request, Error> {
        let in_header = self.operation.family == Family::OpenApi;
        let base = if in_header { region.api() } else { region.oapi() };
        let in_query = token.filter(|_| !in_header).map(Secret::expose);
        let mut url = String::with_capacity(
            base.len() + self.path.len() + self.query.len() + in_query.map_or(2, |t| t.len() + 16),
        );
        url.push_str(base);
        url.push_str(&self.path);
        let mut separator = '?';
        if !self.query.is_empty() {
            url.push(separator);
            url.push_str(&self.query);
            separator = '&';
        }
        if let Some(token) = in_query {
            url.push(separator);
            url.push_str("access_token=");
            url.extend(utf8_percent_encode(token, NON_ALPHANUMERIC));
        }
        let mut request = http::Request::new(self.body.clone());
        *request.method_mut() = self.operation.method.to_http();
        *request.uri_mut() =
            url.try_into().map_err(|_| Error::invalid("the request's URL is too long or bad"))?;
        if self.operation.body == Body::Json {
            request.headers_mut().insert(CONTENT_TYPE, JSON);
        }
        if let Some(token) = token.filter(|_| in_header) {
            let mut value = HeaderValue::from_str(token.expose())
                .map_err(|_| Error::invalid("the token cannot stand in a header"))?;
            value.set_sensitive(true);
            request.headers_mut().insert(TOKEN_HEADER, value);
        }
        Ok(Request::new(request, self.operation.name.clone(), limits))
    }
}

/// An operation in two words, since every waiting call carries one.
enum Described {
    Typed(&'static Operation),
    Raw(Box<Operation>),
}

impl Deref for Described {
    type Target = Operation;

    fn deref(&self) -> &Operation {
        match self {
            Self::Typed(operation) => operation,
            Self::Raw(operation) => operation,
        }
    }
}

/// The result of a call that only sees to the token.
pub(crate) fn token_data(token: &Token) -> Box<RawValue> {
    #[derive(Serialize)]
    struct Data<'a> {
        value: &'a Secret,
        expires_at: u64,
    }
    let data = Data { value: &token.value, expires_at: token.expires.unix_millis() };
    written(&data)
}

/// A result of our own making.
pub(crate) fn written<T: Serialize>(data: &T) -> Box<RawValue> {
    serde_json::value::to_raw_value(data).unwrap_or_default()
}

/// The result of a call that brings none.
pub(crate) fn nothing() -> Box<RawValue> {
    RawValue::NULL.to_owned()
}

/// Reads the members of an object that are texts.
struct Texts;

impl<'de> Visitor<'de> for Texts {
    type Value = Vec<Secret>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut texts = Vec::new();
        while let Some((_, value)) = map.next_entry::<IgnoredAny, &RawValue>()? {
            texts.extend(lenient::parse::<Secret>(value.get()));
        }
        Ok(texts)
    }
}

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const TOKEN_HEADER: HeaderName = HeaderName::from_static("x-acs-dingtalk-access-token");

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::endpoint::Method;

    fn request(operation: Operation, parameters: Value, token: Option<&str>) -> Request {
        let region = Region::custom("http://127.0.0.1:1/base").unwrap();
        let token = token.map(Secret::from);
        let job = Job::described(operation, parameters).unwrap();
        job.request(&region, token.as_ref(), Limits::default()).unwrap()
    }

    #[test]
    fn the_older_families_carry_the_token_in_the_query() {
        let get = Operation::described(Family::TopApi, Method::Post, "/topapi/v2/user/get");
        let request = request(get, json!({"userid": "a"}), Some("t+k&n"));
        assert_eq!(
            request.url().to_string(),
            "http://127.0.0.1:1/base/topapi/v2/user/get?access_token=t%2Bk%26n"
        );
        assert_eq!(request.body(), br#"{"userid":"a"}"#);
        assert!(request.headers().get(TOKEN_HEADER).is_none());
    }

    #[test]
    fn v1_carries_the_token_in_its_header_only() {
        let mut query = Operation::described(
            Family::OpenApi,
            Method::Put,
            "/v1.0/todo/users/{unionId}/tasks/{taskId}",
        );
        query.query = vec!["operatorId".into()].into();
        let parameters =
            json!({"unionId": "a/b", "taskId": 7, "operatorId": "o&p", "subject": "s"});
        let request = request(query, parameters, Some("token"));
        assert_eq!(
            request.url().path_and_query().unwrap(),
            "/base/v1.0/todo/users/a%2Fb/tasks/7?operatorId=o%26p"
        );
        assert_eq!(request.body(), br#"{"subject":"s"}"#);
        let header = request.headers().get(TOKEN_HEADER).unwrap();
        assert!(header.is_sensitive());
        assert!(!request.url().to_string().contains("token="));
    }

    #[test]
    fn a_description_that_cannot_be_sent_is_refused() {
        let bad = |path: &str, parameters: Value| {
            let get = Operation::described(Family::OpenApi, Method::Get, path);
            Job::described(get, parameters).is_err()
        };
        assert!(bad("no-slash", json!({})));
        assert!(bad("/a?b=c", json!({})));
        assert!(bad("/a/{x}", json!({})));
        assert!(bad("/a/{x}", json!({"x": [1]})));
        assert!(bad("/a", json!({"left": "over"})));
        assert!(bad("/a", json!([1])));
    }

    #[test]
    fn a_token_that_could_break_out_of_its_header_is_refused() {
        let get = Operation::described(Family::OpenApi, Method::Get, "/v1.0/x");
        let job = Job::described(get, Value::Null).unwrap();
        let token = Secret::from("a\r\nx: y");
        assert!(job.request(&Region::china(), Some(&token), Limits::default()).is_err());
    }
}
