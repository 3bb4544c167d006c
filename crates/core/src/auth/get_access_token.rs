//! `POST /v1.0/oauth2/accessToken`: an internal app's token (wire-facts §2.2).

use serde::Serialize;

use crate::auth::AccessToken;
use crate::dialect::OpenApi;
use crate::endpoint::{Endpoint, Method, Operation};
use crate::{ClientId, Nobody, Secret};

/// Asks for an internal app's token.
///
/// Asking again while it is valid gives the same token and restarts its life, so asking twice
/// does no harm.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[must_use = "an endpoint does nothing until it is called"]
pub struct GetAccessToken {
    app_key: ClientId,
    app_secret: Secret,
}

impl GetAccessToken {
    /// With the app's client id and client secret.
    pub fn new(app_key: impl Into<ClientId>, app_secret: impl Into<Secret>) -> Self {
        Self { app_key: app_key.into(), app_secret: app_secret.into() }
    }
}

impl Endpoint for GetAccessToken {
    type Caller = Nobody;
    type Api = OpenApi;
    type Output = AccessToken;
    const OPERATION: &Operation =
        &Operation::openapi("auth.get_access_token", Method::Post, "/v1.0/oauth2/accessToken")
            .read();
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Replay;
    use crate::endpoint::testing::{accept, body, line, query};

    #[test]
    fn the_pair_travels_in_the_body() {
        let get = GetAccessToken::new("dingk3v9q2m7x8p1w4zt", "canary-secret");
        assert_eq!(line(&get), "POST /v1.0/oauth2/accessToken");
        assert_eq!(query(&get), "");
        assert_eq!(
            body(&get),
            json!({"appKey": "dingk3v9q2m7x8p1w4zt", "appSecret": "canary-secret"})
        );
        assert_eq!(GetAccessToken::OPERATION.replay, Replay::Safe);
        assert!(!format!("{get:?}").contains("canary"));
    }

    #[test]
    fn the_answer_is_read_in_live_and_in_stringly_form() {
        for answer in [
            r#"{"expireIn":7200,"accessToken":"3f9a1c7be2d84056a1b7c9d0e4f52683"}"#,
            r#"{"accessToken":"3f9a1c7be2d84056a1b7c9d0e4f52683","expireIn":"7200","x":{}}"#,
        ] {
            let token = accept::<GetAccessToken>(answer).unwrap();
            assert_eq!(token.access_token.expose(), "3f9a1c7be2d84056a1b7c9d0e4f52683");
            assert_eq!(token.expires_in, 7200);
        }
        assert!(accept::<GetAccessToken>(r#"{"expireIn":7200}"#).is_none());
    }
}
