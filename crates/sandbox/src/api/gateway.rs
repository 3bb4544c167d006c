//! `POST /v1.0/gateway/connections/open`: the way into Stream (wire-facts §10.7).

use http::HeaderMap;
use http::header::HOST;
use http::uri::Authority;
use serde_json::Value;

use super::oauth2::wrong_pair;
use crate::call::{Call, Document};
use crate::platform::Platform;
use crate::stream::{CONNECT, Pass, Topic};
use crate::wire::failure::{Failure, Refusal};
use crate::wire::json::{Json, Object};

const MOST_TOPICS: usize = 100;
const LONGEST_TOPIC: usize = 256;
const LONGEST_AGENT: usize = 256;

/// Gives a ticket that opens one web socket within 90 seconds. It goes by client id and secret, without a token. No
/// source shows the words for a wrong pair here; they are those of the token endpoints of the same family.
pub(crate) fn open_connection(platform: &mut Platform, call: &Call<'_>) -> Result<Json, Failure> {
    let body = call.document()?;
    let (client, secret) = (body.required("clientId")?, body.required("clientSecret")?);
    let topics = topics(&body).ok_or(Refusal::FieldMissing("subscriptions"))?;
    let app = platform.authenticated(&client, &secret).ok_or_else(wrong_pair)?;
    let mut user_agent = body.text("ua").unwrap_or_default();
    user_agent = user_agent.chars().take(LONGEST_AGENT).collect();
    let pass = Pass { client: app.client_id.clone(), topics, user_agent, mark: String::new() };
    call.note_app(&pass.client);
    let ticket = platform.stream.issue(pass, call.now, &mut platform.rng);
    Ok(Object::new()
        .put("endpoint", endpoint(call.headers, call.secure))
        .put("ticket", ticket)
        .done())
}

/// None if the member is absent or of another shape.
fn topics(body: &Document) -> Option<Vec<Topic>> {
    let Some(Value::Array(items)) = body.get("subscriptions") else { return None };
    if items.len() > MOST_TOPICS {
        return None;
    }
    let topic = |item: &Value| {
        let name = item.get("topic")?.as_str()?;
        let fits = !name.is_empty() && name.len() <= LONGEST_TOPIC;
        Topic::new(item.get("type")?.as_str()?, name).filter(|_| fits)
    };
    items.iter().map(topic).collect()
}

/// The web socket is on the same server, under the name by which the caller reached it just now.
fn endpoint(headers: &HeaderMap, secure: bool) -> String {
    let named = headers.get(HOST).and_then(|host| host.to_str().ok());
    let host = named
        .and_then(|host| host.parse::<Authority>().ok())
        .filter(|host| !host.as_str().contains('@'));
    let host = host.as_ref().map_or("sandbox.localhost", Authority::as_str);
    let scheme = if secure { "wss" } else { "ws" };
    format!("{scheme}://{host}{CONNECT}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_endpoint_of_a_server_with_tls_has_it_too() {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, "localhost:8443".parse().expect("a value"));
        assert_eq!(endpoint(&headers, true), "wss://localhost:8443/connect");
        assert_eq!(endpoint(&headers, false), "ws://localhost:8443/connect");
    }
}
