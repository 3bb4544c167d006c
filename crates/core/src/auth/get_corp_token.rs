//! `POST /v1.0/oauth2/{corpId}/token`: an app's token within one organization (wire-facts §2.3).

use std::borrow::Cow;

use serde::Serialize;

use crate::auth::AccessToken;
use crate::dialect::OpenApi;
use crate::endpoint::{Endpoint, Method, Operation};
use crate::{ClientId, CorpId, Error, Nobody, Secret};

/// Asks for an app's token within one organization: its own for an internal app, the authorizing
/// one for a third-party app. No suite ticket is needed.
///
/// This endpoint alone of its family writes its names in snake case.
#[derive(Clone, Debug, Serialize)]
#[must_use = "an endpoint does nothing until it is called"]
pub struct GetCorpToken {
    #[serde(skip)]
    corp_id: CorpId,
    client_id: ClientId,
    client_secret: Secret,
    grant_type: &'static str,
}

impl GetCorpToken {
    /// For one organization, with the app's client id and client secret.
    pub fn new(
        corp_id: impl Into<CorpId>,
        client_id: impl Into<ClientId>,
        client_secret: impl Into<Secret>,
    ) -> Self {
        Self {
            corp_id: corp_id.into(),
            client_id: client_id.into(),
            client_secret: client_secret.into(),
            grant_type: "client_credentials",
        }
    }
}

impl Endpoint for GetCorpToken {
    type Caller = Nobody;
    type Api = OpenApi;
    type Output = AccessToken;
    const OPERATION: &Operation =
        &Operation::openapi("auth.get_corp_token", Method::Post, "/v1.0/oauth2/{corpId}/token")
            .read();

    fn path(&self) -> Result<Cow<'static, str>, Error> {
        Self::OPERATION.fill(&[&self.corp_id])
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Replay;
    use crate::endpoint::testing::{HOSTILE, accept, body, line};

    #[test]
    fn its_names_are_snake_case_and_the_organization_stands_in_the_path() {
        let get = GetCorpToken::new("ding7c1e", "dingk3v9", "canary");
        assert_eq!(line(&get), "POST /v1.0/oauth2/ding7c1e/token");
        assert_eq!(
            body(&get),
            json!({
                "client_id": "dingk3v9",
                "client_secret": "canary",
                "grant_type": "client_credentials",
            })
        );
        assert_eq!(GetCorpToken::OPERATION.replay, Replay::Safe);
        assert!(!format!("{get:?}").contains("canary"));
    }

    #[test]
    fn a_corp_id_cannot_leave_its_place() {
        let get = GetCorpToken::new(HOSTILE.0, "c", "s");
        assert_eq!(line(&get), format!("POST /v1.0/oauth2/{}/token", HOSTILE.1));
        assert!(GetCorpToken::new("..", "c", "s").path().is_err());
    }

    #[test]
    fn the_answer_is_read_in_documented_and_in_stringly_form() {
        for answer in [
            r#"{"access_token":"3f9a","expires_in":7200}"#,
            r#"{"access_token":"3f9a","expires_in":"7200"}"#,
            r#"{"accessToken":"3f9a","expireIn":7200}"#,
        ] {
            let token = accept::<GetCorpToken>(answer).unwrap();
            assert_eq!((token.access_token.expose(), token.expires_in), ("3f9a", 7200));
        }
    }
}
