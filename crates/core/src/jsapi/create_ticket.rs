//! `POST /v1.0/oauth2/jsapiTickets`: the ticket that pages are signed with (wire-facts §7.1).

use serde::{Deserialize, Serialize};

use crate::auth::token::{life, two_hours};
use crate::dialect::OpenApi;
use crate::endpoint::{Endpoint, Method, Operation};
use crate::{App, Secret, lenient};

/// Asks for the app's JSAPI ticket.
///
/// Asking again while it is valid gives the same ticket and prolongs its life, so asking twice
/// does no harm.
#[derive(Clone, Debug, Default, Serialize)]
#[must_use = "an endpoint does nothing until it is called"]
#[non_exhaustive]
pub struct CreateTicket {}

impl CreateTicket {
    /// It takes nothing but the token.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Endpoint for CreateTicket {
    type Caller = App;
    type Api = OpenApi;
    type Output = JsapiTicket;
    const OPERATION: &Operation =
        &Operation::openapi("jsapi.create_ticket", Method::Post, "/v1.0/oauth2/jsapiTickets")
            .without_body()
            .read();
}

/// A JSAPI ticket. Pages get signatures made with it, never the ticket.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct JsapiTicket {
    /// The ticket.
    #[serde(alias = "jsapiTicket", deserialize_with = "lenient::required")]
    pub ticket: Secret,
    /// Its life in seconds; two hours where the answer does not say.
    #[serde(alias = "expireIn", default = "two_hours", deserialize_with = "life")]
    pub expires_in: i64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::testing::{accept, line, query};
    use crate::{Body, Replay};

    #[test]
    fn it_sends_no_body_and_may_be_repeated() {
        let create = CreateTicket::new();
        assert_eq!(line(&create), "POST /v1.0/oauth2/jsapiTickets");
        assert_eq!(query(&create), "");
        assert_eq!(CreateTicket::OPERATION.body, Body::None);
        assert_eq!(CreateTicket::OPERATION.replay, Replay::Safe);
    }

    /// Wire-facts §14 row 17.
    #[test]
    fn ticket_and_life_are_read_under_both_their_names() {
        for answer in [
            r#"{"jsapiTicket":"canary","expireIn":7200}"#,
            r#"{"jsapiTicket":"canary","expireIn":"7200"}"#,
            r#"{"ticket":"canary","expires_in":7200}"#,
            r#"{"jsapiTicket":"canary"}"#,
        ] {
            let ticket = accept::<CreateTicket>(answer).unwrap();
            assert_eq!((ticket.ticket.expose(), ticket.expires_in), ("canary", 7200));
            assert!(!format!("{ticket:?}").contains("canary"));
        }
        for answer in ["{}", r#"{"expireIn":7200}"#, r#"{"jsapiTicket":"","expireIn":7200}"#] {
            assert!(accept::<CreateTicket>(answer).is_none(), "{answer}");
        }
    }
}
