//! `GET /get_jsapi_ticket`: the ticket that pages are signed with, the old way (wire-facts §7.1).

use serde::Serialize;

use crate::App;
use crate::dialect::Legacy;
use crate::endpoint::{Endpoint, Method, Operation};
use crate::jsapi::JsapiTicket;

/// Asks for the app's JSAPI ticket the old way.
#[derive(Clone, Debug, Default, Serialize)]
#[must_use = "an endpoint does nothing until it is called"]
#[non_exhaustive]
pub struct GetTicketLegacy {}

impl GetTicketLegacy {
    /// It takes nothing but the token.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Endpoint for GetTicketLegacy {
    type Caller = App;
    type Api = Legacy;
    type Output = JsapiTicket;
    const OPERATION: &Operation =
        &Operation::legacy("jsapi.get_ticket_legacy", Method::Get, "/get_jsapi_ticket");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::testing::{accept, line, query};

    #[test]
    fn it_sends_nothing_but_the_token() {
        let get = GetTicketLegacy::new();
        assert_eq!(line(&get), "GET /get_jsapi_ticket");
        assert_eq!(query(&get), "");
    }

    #[test]
    fn the_answer_is_read_in_documented_and_in_stringly_form() {
        for answer in [
            r#"{"errcode":0,"ticket":"Kq7E","errmsg":"ok","expires_in":7200}"#,
            r#"{"errcode":"0","ticket":"Kq7E","expires_in":"7200"}"#,
        ] {
            let ticket = accept::<GetTicketLegacy>(answer).unwrap();
            assert_eq!((ticket.ticket.expose(), ticket.expires_in), ("Kq7E", 7200));
        }
        assert!(accept::<GetTicketLegacy>(r#"{"errcode":0,"errmsg":"ok"}"#).is_none());
        assert!(accept::<GetTicketLegacy>(r#"{"errcode":60020,"ticket":"x"}"#).is_none());
    }
}
