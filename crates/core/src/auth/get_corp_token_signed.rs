//! `POST /service/get_corp_token`: a third-party app's token for one organization, the old signed
//! way (wire-facts §3.4).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac_sha256::HMAC;
use serde::Serialize;

use crate::auth::AccessToken;
use crate::dialect::Legacy;
use crate::endpoint::{Endpoint, Method, Operation, Query};
use crate::{ClientId, CorpId, Nobody, Secret, Timestamp};

/// Asks for a third-party app's token for one organization with a signature instead of the
/// secret. It is good for a minute around `now`: a machine whose clock is wrong is told so.
#[derive(Clone, Debug, Serialize)]
#[must_use = "an endpoint does nothing until it is called"]
pub struct GetCorpTokenSigned {
    #[serde(rename = "auth_corpid")]
    auth_corp_id: CorpId,
    #[serde(skip)]
    access_key: ClientId,
    #[serde(skip)]
    timestamp: u64,
    #[serde(skip)]
    suite_ticket: Secret,
    #[serde(skip)]
    signature: Secret,
}

impl GetCorpTokenSigned {
    /// With suite key and secret (or CustomKey and CustomSecret), the organization, the ticket
    /// that was pushed last, and the time.
    pub fn new(
        suite_key: impl Into<ClientId>,
        suite_secret: &Secret,
        auth_corp_id: impl Into<CorpId>,
        suite_ticket: impl Into<Secret>,
        now: Timestamp,
    ) -> Self {
        let (suite_ticket, timestamp) = (suite_ticket.into(), now.unix_millis());
        Self {
            auth_corp_id: auth_corp_id.into(),
            access_key: suite_key.into(),
            timestamp,
            signature: service_signature(suite_secret, timestamp, Some(suite_ticket.expose())),
            suite_ticket,
        }
    }
}

impl Endpoint for GetCorpTokenSigned {
    type Caller = Nobody;
    type Api = Legacy;
    type Output = AccessToken;
    const OPERATION: &Operation =
        &Operation::legacy("auth.get_corp_token_signed", Method::Post, "/service/get_corp_token")
            .read();

    fn query(&self, query: &mut Query) {
        query.push("accessKey", self.access_key.as_str());
        query.push("timestamp", &self.timestamp.to_string());
        query.push("suiteTicket", self.suite_ticket.expose());
        query.push("signature", self.signature.expose());
    }
}

/// The signature of the old service calls: HMAC-SHA256 over the time and, where there is one, the
/// ticket, in Base64, not yet encoded for a URL.
///
/// ```
/// use dingtalk_core::Secret;
/// use dingtalk_core::auth::service_signature;
///
/// let secret = Secret::from("secret");
/// assert_eq!(
///     service_signature(&secret, 1_636_725_918_388, Some("ticket")).expose(),
///     "LOZmXJzlQYpIu5emP6/1OF4hE3qlMzY/6y4FbDjXPbU=",
/// );
/// ```
#[must_use]
pub fn service_signature(secret: &Secret, unix_millis: u64, ticket: Option<&str>) -> Secret {
    let text = match ticket {
        Some(ticket) => format!("{unix_millis}\n{ticket}"),
        None => unix_millis.to_string(),
    };
    let text = Secret::new(text);
    Secret::new(STANDARD.encode(HMAC::mac(text.expose(), secret.expose())))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::endpoint::testing::{body, line, query};

    #[test]
    fn signatures_match_the_published_and_the_own_vectors() {
        for (secret, time, ticket, signature) in [
            (
                "secret",
                1_636_725_918_388,
                Some("ticket"),
                "LOZmXJzlQYpIu5emP6/1OF4hE3qlMzY/6y4FbDjXPbU=",
            ),
            (
                "suiteSecretExample",
                1_700_000_000_000,
                Some("ticketExample01"),
                "UKb7uIy4Vk1gzcdwNqMTUf7hw+VSW74SKb2stPi9irs=",
            ),
            (
                "customSecretExample",
                1_700_000_000_000,
                None,
                "vaVEMfaJIj3qnpz0jupM5nOtAb0x8SS40ktP3Xrr67Y=",
            ),
            (
                "testappSecret",
                1_546_084_445_901,
                None,
                "HCbG3xNE3vzhO+u7qCUL1jS5hsu2n5r2cFhnTrtyDAE=",
            ),
        ] {
            let made = service_signature(&Secret::from(secret), time, ticket);
            assert_eq!(made.expose(), signature);
        }
    }

    #[test]
    fn the_signature_is_encoded_once_and_the_secret_stays_at_home() {
        let secret = Secret::from("suiteSecretExample");
        let now = Timestamp::from_millis(1_700_000_000_000);
        let get = GetCorpTokenSigned::new("suitea1", &secret, "ding7c", "ticketExample01", now);
        assert_eq!(line(&get), "POST /service/get_corp_token");
        assert_eq!(
            query(&get),
            "accessKey=suitea1&timestamp=1700000000000&suiteTicket=ticketExample01\
             &signature=UKb7uIy4Vk1gzcdwNqMTUf7hw%2BVSW74SKb2stPi9irs%3D"
        );
        assert_eq!(body(&get), json!({"auth_corpid": "ding7c"}));
        assert!(!format!("{get:?}").contains("ticketExample01"));
    }
}
