//! `POST /v1.0/gateway/connections/open`: the request for a Stream connection, and where it may
//! be opened (wire-facts §10.7).

use std::borrow::Cow;
use std::fmt;

use http::Uri;
use percent_encoding::utf8_percent_encode;
use serde::{Deserialize, Serialize};

use crate::app::{ActsAs, AppOrSuite};
use crate::dialect::OpenApi;
use crate::endpoint::{Endpoint, Method, Operation, UNRESERVED};
use crate::{ClientId, Error, ErrorKind, Region, Secret, is_loopback, lenient};

/// Asks where a Stream connection may be opened, and for the ticket that opens it. The app's id
/// and secret travel in the body, over HTTPS; no token is needed.
///
/// The drivers' `stream` makes it; by hand it is a call like any other:
///
/// ```
/// use dingtalk_core::App;
/// use dingtalk_core::stream::OpenConnection;
///
/// let app = App::internal("dingabc", "client secret");
/// let open = OpenConnection::of(&app).events().callback("/v1.0/im/bot/messages/get");
/// assert!(!format!("{open:?}").contains("client secret"));
/// ```
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[must_use = "an endpoint does nothing until it is called"]
pub struct OpenConnection {
    client_id: ClientId,
    client_secret: Secret,
    subscriptions: Vec<Subscription>,
    ua: Cow<'static, str>,
}

#[derive(Clone, Debug, Serialize)]
struct Subscription {
    #[serde(rename = "type")]
    kind: &'static str,
    topic: Cow<'static, str>,
}

impl OpenConnection {
    /// With client id and client secret, or suite key and suite secret, subscribed to nothing yet.
    pub fn new(client_id: impl Into<ClientId>, client_secret: impl Into<Secret>) -> Self {
        Self {
            client_id: client_id.into(),
            client_secret: client_secret.into(),
            subscriptions: Vec::new(),
            ua: concat!("dingtalk-rust/", env!("CARGO_PKG_VERSION")).into(),
        }
    }

    /// For this app or third-party app.
    pub fn of<C: ActsAs<AppOrSuite>>(caller: &C) -> Self {
        let source = caller.source();
        Self::new(source.client_id(), source.secret().clone())
    }

    /// Subscribes to all events.
    pub fn events(self) -> Self {
        self.subscribe("EVENT", "*".into())
    }

    /// Subscribes to a callback of another product, such as a robot's messages, by its topic.
    pub fn callback(self, topic: impl Into<String>) -> Self {
        self.subscribe("CALLBACK", topic.into().into())
    }

    fn subscribe(mut self, kind: &'static str, topic: Cow<'static, str>) -> Self {
        self.subscriptions.push(Subscription { kind, topic });
        self
    }
}

impl Endpoint for OpenConnection {
    type Caller = AppOrSuite;
    type Api = OpenApi;
    type Output = Connection;
    /// Asking again gives another ticket and does no harm: one that is not used ends by itself.
    const OPERATION: &Operation = &Operation::openapi(
        "stream.open_connection",
        Method::Post,
        "/v1.0/gateway/connections/open",
    )
    .read();
}

/// The platform's answer: an endpoint, and a ticket that opens one connection there within 90
/// seconds.
#[derive(Deserialize)]
#[non_exhaustive]
pub struct Connection {
    /// Where, as the platform wrote it: [`Address::new`] judges it.
    #[serde(deserialize_with = "lenient::required")]
    pub endpoint: String,
    /// Good for 90 seconds and once.
    #[serde(deserialize_with = "lenient::required")]
    pub ticket: Secret,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connection")
    }
}

/// A web socket's address with its ticket inside, for one connection: it cannot be cloned, and
/// connecting takes it. Never print it; its `Debug` shows nothing of it.
///
/// A `wss://` address of any host is taken, since the ticket is all that its server gets: no
/// secret, no token and no cookie of the app's goes there. Whoever could name a host of theirs in
/// the answer has made the ticket, too. Plain `ws://` is for a region on loopback whose endpoint
/// is on loopback.
pub struct Address(Uri);

impl Address {
    /// From the platform's answer.
    ///
    /// # Errors
    /// With [`Reply`](ErrorKind::Reply) where the endpoint is not such an address.
    pub fn new(connection: Connection, region: &Region) -> Result<Self, Error> {
        let Connection { endpoint, ticket } = connection;
        let bad = |why: &'static str| {
            Err(Error::new(ErrorKind::Reply)
                .with_operation(OpenConnection::OPERATION.name.clone())
                .with_message(why))
        };
        if endpoint.len() > LONGEST || ticket.expose().len() > LONGEST {
            return bad("the endpoint or its ticket is too long");
        }
        if endpoint.contains('#') {
            return bad("the endpoint has a fragment");
        }
        let Ok(uri) = endpoint.parse::<Uri>() else {
            return bad("the endpoint is not a URL");
        };
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return bad("the endpoint has no scheme or no host");
        };
        if authority.as_str().contains('@') || authority.host().is_empty() {
            return bad("the endpoint has no host, or a user name before it");
        }
        match scheme {
            "wss" => {}
            "ws" if is_loopback(authority.host()) && on_loopback(region) => {}
            "ws" => return bad("a plain ws:// endpoint is for a sandbox on loopback only"),
            _ => return bad("the endpoint must begin with wss://"),
        }
        let (path, query) = (uri.path(), uri.query().map(|query| format!("{query}&")));
        let query = query.unwrap_or_default();
        let ticket = utf8_percent_encode(ticket.expose(), UNRESERVED);
        match format!("{scheme}://{authority}{path}?{query}ticket={ticket}").parse() {
            Ok(uri) => Ok(Self(uri)),
            Err(_) => bad("the endpoint is not a URL"),
        }
    }

    /// Where to open the connection, as `https://host:port` or `http://host:port`, for those who
    /// know proxies and TLS by these names. Nothing secret is in it.
    pub fn origin(&self) -> Uri {
        let scheme = if self.is_secure() { "https" } else { "http" };
        let authority = self.0.authority().map_or("", |authority| authority.as_str());
        format!("{scheme}://{authority}/").parse().unwrap_or_default()
    }

    /// Whether TLS is spoken.
    pub fn is_secure(&self) -> bool {
        self.0.scheme_str() == Some("wss")
    }

    /// Gives the whole URL to a web socket's handshake, ticket included: never print it.
    pub fn into_uri(self) -> Uri {
        self.0
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Address")
    }
}

/// Both come from outside and go into one request line.
const LONGEST: usize = 4 << 10;

fn on_loopback(region: &Region) -> bool {
    let api = region.api().parse::<Uri>();
    api.is_ok_and(|uri| uri.host().is_some_and(is_loopback))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::endpoint::testing::{accept, body, line};
    use crate::{App, Replay, Suite};

    fn connection(endpoint: &str) -> Connection {
        Connection { endpoint: endpoint.to_owned(), ticket: "a+b/c=".into() }
    }

    fn address(endpoint: &str, region: &Region) -> Result<String, Error> {
        Address::new(connection(endpoint), region).map(|it| it.into_uri().to_string())
    }

    #[test]
    fn the_request_is_the_documented_one_and_does_not_print_its_secret() {
        let open = OpenConnection::new("dingk3v9", "canary").events().callback("/v1.0/x");
        assert_eq!(line(&open), "POST /v1.0/gateway/connections/open");
        let written = json!({
            "clientId": "dingk3v9",
            "clientSecret": "canary",
            "subscriptions": [{"type": "EVENT", "topic": "*"}, {"type": "CALLBACK", "topic": "/v1.0/x"}],
            "ua": "dingtalk-rust/0.1.0",
        });
        assert_eq!(body(&open), written);
        assert_eq!(OpenConnection::OPERATION.replay, Replay::Safe);
        assert!(!format!("{open:?}").contains("canary"));
    }

    #[test]
    fn an_app_and_a_suite_ask_with_their_own_id_and_secret() {
        let app = body(&OpenConnection::of(&App::internal("id", "s1")));
        let suite = body(&OpenConnection::of(&Suite::third_party("key", "s2")));
        assert_eq!((&app["clientId"], &app["clientSecret"]), (&json!("id"), &json!("s1")));
        assert_eq!((&suite["clientId"], &suite["clientSecret"]), (&json!("key"), &json!("s2")));
    }

    #[test]
    fn the_answer_needs_both_parts_and_prints_neither() {
        let full = r#"{"endpoint":"wss://wss-open-connection.dingtalk.com:443/connect","ticket":"tkt-0001"}"#;
        let connection = accept::<OpenConnection>(full).unwrap();
        assert!(!format!("{connection:?}").contains("tkt"));
        let address = Address::new(connection, &Region::china()).unwrap();
        assert!(!format!("{address:?}").contains("tkt"));
        assert_eq!(
            address.into_uri().to_string(),
            "wss://wss-open-connection.dingtalk.com:443/connect?ticket=tkt-0001"
        );
        for half in
            [r#"{"endpoint":"wss://a"}"#, r#"{"ticket":"t"}"#, r#"{"endpoint":"","ticket":"t"}"#]
        {
            assert!(accept::<OpenConnection>(half).is_none(), "{half}");
        }
    }

    #[test]
    fn the_ticket_is_encoded_whole_and_joins_a_query_that_is_there() {
        let region = Region::china();
        let encoded = "ticket=a%2Bb%2Fc%3D";
        assert_eq!(address("wss://h/c", &region).unwrap(), format!("wss://h/c?{encoded}"));
        assert_eq!(address("wss://h", &region).unwrap(), format!("wss://h/?{encoded}"));
        assert_eq!(address("wss://h/c?x=1", &region).unwrap(), format!("wss://h/c?x=1&{encoded}"));
    }

    #[test]
    fn nothing_but_wss_is_taken_except_on_loopback() {
        let (real, local) = (Region::china(), Region::custom("http://127.0.0.1:7880").unwrap());
        assert!(address("ws://127.0.0.1:7880/connect", &local).is_ok());
        assert!(address("wss://wss-open-connection.dingtalk.com", &local).is_ok());
        for bad in [
            "ws://127.0.0.1:7880/connect",
            "ws://wss-open-connection.dingtalk.com/connect",
            "https://wss-open-connection.dingtalk.com/connect",
            "wss://user@h/c",
            "wss://h/c#f",
            "wss:///c",
            "//h/c",
            "/connect",
            "nonsense",
            "wss://h/c d",
            "",
        ] {
            let error = address(bad, &real).unwrap_err();
            assert_eq!(error.kind(), &ErrorKind::Reply, "{bad}");
            assert!(!error.to_string().contains("a+b"), "{error}");
        }
        assert!(address("ws://192.168.0.1/connect", &local).is_err(), "not beyond this machine");
        assert!(address(&format!("wss://h/{}", "x".repeat(5_000)), &real).is_err());
    }

    #[test]
    fn the_origin_is_said_in_the_words_of_proxies() {
        let (china, local) = (Region::china(), Region::custom("http://127.0.0.1:1").unwrap());
        let secure = Address::new(connection("wss://h:8443/c"), &china).unwrap();
        assert_eq!(
            (secure.origin().to_string().as_str(), secure.is_secure()),
            ("https://h:8443/", true)
        );
        let plain = Address::new(connection("ws://127.0.0.1:1/c"), &local).unwrap();
        assert_eq!(plain.origin().to_string(), "http://127.0.0.1:1/");
    }
}
