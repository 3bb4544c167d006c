//! `POST /v1.0/oauth2/suiteAccessToken`: a third-party app's own token (wire-facts §3.3).

use serde::Serialize;

use crate::auth::AccessToken;
use crate::dialect::OpenApi;
use crate::endpoint::{Endpoint, Method, Operation};
use crate::{ClientId, Nobody, Secret};

/// Asks for a third-party app's own token.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[must_use = "an endpoint does nothing until it is called"]
pub struct GetSuiteAccessToken {
    suite_key: ClientId,
    suite_secret: Secret,
    suite_ticket: Secret,
}

impl GetSuiteAccessToken {
    /// With suite key and secret, and the ticket that was pushed last.
    pub fn new(
        suite_key: impl Into<ClientId>,
        suite_secret: impl Into<Secret>,
        suite_ticket: impl Into<Secret>,
    ) -> Self {
        Self {
            suite_key: suite_key.into(),
            suite_secret: suite_secret.into(),
            suite_ticket: suite_ticket.into(),
        }
    }
}

impl Endpoint for GetSuiteAccessToken {
    type Caller = Nobody;
    type Api = OpenApi;
    type Output = AccessToken;
    const OPERATION: &Operation = &Operation::openapi(
        "auth.get_suite_access_token",
        Method::Post,
        "/v1.0/oauth2/suiteAccessToken",
    )
    .read();
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::endpoint::testing::{body, line};

    #[test]
    fn the_request_is_the_documented_one_and_does_not_print_its_secrets() {
        let get = GetSuiteAccessToken::new("suitea1", "canary1", "canary2");
        assert_eq!(line(&get), "POST /v1.0/oauth2/suiteAccessToken");
        let written =
            json!({"suiteKey": "suitea1", "suiteSecret": "canary1", "suiteTicket": "canary2"});
        assert_eq!(body(&get), written);
        assert!(!format!("{get:?}").contains("canary"));
    }
}
