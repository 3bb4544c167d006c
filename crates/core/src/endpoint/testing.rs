//! What the tests of the endpoints share.

use serde_json::Value;

use crate::dialect::Dialect;
use crate::{Endpoint, Query, Response};

/// A path variable that tries to be more than one, and what must stand in the path for it.
pub(crate) const HOSTILE: (&str, &str) = ("../a/b?c=%2F#d e", "..%2Fa%2Fb%3Fc%3D%252F%23d%20e");

/// Decodes an answer the way that the machine does.
pub(crate) fn accept<E: Endpoint>(body: &str) -> Option<E::Output> {
    E::Api::accept(&Response::new(200, Default::default(), body.to_owned()))
}

/// The same for a topapi answer, of which only the result is given.
pub(crate) fn accept_result<E: Endpoint>(result: &str) -> Option<E::Output> {
    accept::<E>(&format!(r#"{{"errcode":0,"errmsg":"ok","result":{result},"request_id":"q"}}"#))
}

/// The body of a request.
pub(crate) fn body<E: Endpoint>(endpoint: &E) -> Value {
    serde_json::to_value(endpoint).expect("requests serialize")
}

/// The query of a request, without its token.
pub(crate) fn query<E: Endpoint>(endpoint: &E) -> String {
    let mut query = Query::default();
    endpoint.query(&mut query);
    query.into_string()
}

/// Method and filled path.
pub(crate) fn line<E: Endpoint>(endpoint: &E) -> String {
    let path = endpoint.path().expect("the path can be filled");
    format!("{} {path}", E::OPERATION.method.as_str())
}
