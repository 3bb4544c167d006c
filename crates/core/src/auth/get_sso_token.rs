//! `POST /v1.0/oauth2/ssoAccessToken`: the token of the admin backend's login (wire-facts §3.7).

use serde::Serialize;

use crate::auth::AccessToken;
use crate::dialect::OpenApi;
use crate::endpoint::{Endpoint, Method, Operation};
use crate::{CorpId, Nobody, Secret};

/// Asks for the token that [`GetSsoUser`](crate::auth::GetSsoUser) takes.
#[derive(Clone, Debug, Serialize)]
#[must_use = "an endpoint does nothing until it is called"]
pub struct GetSsoToken {
    // Lower case throughout, unlike everything around it.
    corpid: CorpId,
    #[serde(rename = "ssoSecret")]
    sso_secret: Secret,
}

impl GetSsoToken {
    /// With the organization and its SSO secret, which is not the app's secret.
    pub fn new(corpid: impl Into<CorpId>, sso_secret: impl Into<Secret>) -> Self {
        Self { corpid: corpid.into(), sso_secret: sso_secret.into() }
    }
}

impl Endpoint for GetSsoToken {
    type Caller = Nobody;
    type Api = OpenApi;
    type Output = AccessToken;
    const OPERATION: &Operation =
        &Operation::openapi("auth.get_sso_token", Method::Post, "/v1.0/oauth2/ssoAccessToken")
            .read();
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Replay;
    use crate::endpoint::testing::{accept, body, line};

    #[test]
    fn the_organization_is_spelt_in_lower_case() {
        let get = GetSsoToken::new("ding7c1e", "canary");
        assert_eq!(line(&get), "POST /v1.0/oauth2/ssoAccessToken");
        assert_eq!(body(&get), json!({"corpid": "ding7c1e", "ssoSecret": "canary"}));
        assert_eq!(GetSsoToken::OPERATION.replay, Replay::Safe);
        assert!(!format!("{get:?}").contains("canary"));
    }

    /// Wire-facts §14 row 26: only a sample says that it lives an hour, so the answer decides.
    #[test]
    fn its_life_is_what_the_answer_says() {
        for answer in [
            r#"{"accessToken":"3f9a","expireIn":3600}"#,
            r#"{"accessToken":"3f9a","expireIn":"3600"}"#,
        ] {
            assert_eq!(accept::<GetSsoToken>(answer).unwrap().expires_in, 3600);
        }
    }
}
