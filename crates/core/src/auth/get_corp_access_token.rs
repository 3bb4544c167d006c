//! `POST /v1.0/oauth2/corpAccessToken`: a third-party app's token for one organization
//! (wire-facts §3.1, §3.2).

use serde::Serialize;

use crate::auth::AccessToken;
use crate::dialect::OpenApi;
use crate::endpoint::{Endpoint, Method, Operation};
use crate::{ClientId, CorpId, Nobody, Secret};

/// Asks for a third-party app's token for one organization that authorized it. Each answer is
/// another token, and the earlier ones go on.
///
/// An app that was handed over with CustomKey and CustomSecret asks the same way, with any text as
/// its ticket.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[must_use = "an endpoint does nothing until it is called"]
pub struct GetCorpAccessToken {
    suite_key: ClientId,
    suite_secret: Secret,
    auth_corp_id: CorpId,
    suite_ticket: Secret,
}

impl GetCorpAccessToken {
    /// With suite key and secret (or CustomKey and CustomSecret), the organization, and the ticket
    /// that was pushed last.
    pub fn new(
        suite_key: impl Into<ClientId>,
        suite_secret: impl Into<Secret>,
        auth_corp_id: impl Into<CorpId>,
        suite_ticket: impl Into<Secret>,
    ) -> Self {
        Self {
            suite_key: suite_key.into(),
            suite_secret: suite_secret.into(),
            auth_corp_id: auth_corp_id.into(),
            suite_ticket: suite_ticket.into(),
        }
    }
}

impl Endpoint for GetCorpAccessToken {
    type Caller = Nobody;
    type Api = OpenApi;
    type Output = AccessToken;
    const OPERATION: &Operation = &Operation::openapi(
        "auth.get_corp_access_token",
        Method::Post,
        "/v1.0/oauth2/corpAccessToken",
    )
    .read();
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::endpoint::testing::{accept, body, line};

    #[test]
    fn the_request_is_the_documented_one_and_does_not_print_its_secrets() {
        let get = GetCorpAccessToken::new("suitea1", "canary1", "ding7c", "canary2");
        assert_eq!(line(&get), "POST /v1.0/oauth2/corpAccessToken");
        assert_eq!(
            body(&get),
            json!({
                "suiteKey": "suitea1",
                "suiteSecret": "canary1",
                "authCorpId": "ding7c",
                "suiteTicket": "canary2",
            })
        );
        assert!(!format!("{get:?}").contains("canary"));
    }

    #[test]
    fn the_answer_is_read() {
        let token =
            accept::<GetCorpAccessToken>(r#"{"accessToken":"3f9a","expireIn":7200}"#).unwrap();
        assert_eq!((token.access_token.expose(), token.expires_in), ("3f9a", 7200));
    }
}
