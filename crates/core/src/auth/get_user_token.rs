//! `POST /v1.0/oauth2/userAccessToken`: a person's token (wire-facts §4.1).

use serde::{Deserialize, Serialize};

use crate::auth::token::{life, two_hours};
use crate::dialect::OpenApi;
use crate::endpoint::{Endpoint, Method, Operation};
use crate::{ClientId, CorpId, Nobody, Secret, lenient};

/// Changes a login code, or an earlier refresh token, into a person's token.
///
/// Both are used up by it, so it goes out once.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[must_use = "an endpoint does nothing until it is called"]
pub struct GetUserToken {
    client_id: ClientId,
    client_secret: Secret,
    grant_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<Secret>,
}

impl GetUserToken {
    /// With the `authCode` that the login page or the authorization component gave. Codes for
    /// logging in inside DingTalk belong to
    /// [`GetUserByCode`](crate::contact::GetUserByCode).
    pub fn from_code(
        client_id: impl Into<ClientId>,
        client_secret: impl Into<Secret>,
        code: impl Into<Secret>,
    ) -> Self {
        Self {
            client_id: client_id.into(),
            client_secret: client_secret.into(),
            grant_type: "authorization_code",
            code: Some(code.into()),
            refresh_token: None,
        }
    }

    /// With the refresh token of the person's last token. Take it for dead afterwards and keep
    /// the new one.
    pub fn from_refresh_token(
        client_id: impl Into<ClientId>,
        client_secret: impl Into<Secret>,
        refresh_token: impl Into<Secret>,
    ) -> Self {
        Self {
            client_id: client_id.into(),
            client_secret: client_secret.into(),
            grant_type: "refresh_token",
            code: None,
            refresh_token: Some(refresh_token.into()),
        }
    }
}

impl Endpoint for GetUserToken {
    type Caller = Nobody;
    type Api = OpenApi;
    type Output = UserAccessToken;
    const OPERATION: &Operation =
        &Operation::openapi("auth.get_user_token", Method::Post, "/v1.0/oauth2/userAccessToken");
}

/// A person's token.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct UserAccessToken {
    /// The token.
    #[serde(alias = "access_token", deserialize_with = "lenient::required")]
    pub access_token: Secret,
    /// What the next token is got with; it lives thirty days.
    #[serde(alias = "refresh_token", default, deserialize_with = "lenient::read")]
    pub refresh_token: Option<Secret>,
    /// The token's life in seconds; two hours where the answer does not say.
    #[serde(
        rename = "expireIn",
        alias = "expires_in",
        default = "two_hours",
        deserialize_with = "life"
    )]
    pub expires_in: i64,
    /// The organization that the person chose; only where the scope held `corpid`.
    #[serde(alias = "corp_id", default, deserialize_with = "lenient::read")]
    pub corp_id: Option<CorpId>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Replay;
    use crate::endpoint::testing::{accept, body, line};

    #[test]
    fn a_code_and_a_refresh_token_are_two_grants_of_one_call() {
        let exchange = GetUserToken::from_code("dingk3v9", "canary-s", "canary-c");
        assert_eq!(line(&exchange), "POST /v1.0/oauth2/userAccessToken");
        assert_eq!(
            body(&exchange),
            json!({
                "clientId": "dingk3v9",
                "clientSecret": "canary-s",
                "grantType": "authorization_code",
                "code": "canary-c",
            })
        );
        let refresh = GetUserToken::from_refresh_token("dingk3v9", "canary-s", "canary-r");
        assert_eq!(
            body(&refresh),
            json!({
                "clientId": "dingk3v9",
                "clientSecret": "canary-s",
                "grantType": "refresh_token",
                "refreshToken": "canary-r",
            })
        );
        assert!(!format!("{exchange:?} {refresh:?}").contains("canary"));
    }

    #[test]
    fn what_uses_up_a_code_or_a_refresh_token_goes_out_once() {
        assert_eq!(GetUserToken::OPERATION.replay, Replay::Never);
    }

    /// Wire-facts §14 row 11.
    #[test]
    fn the_organization_is_there_only_with_the_corpid_scope() {
        let token = accept::<GetUserToken>(
            r#"{"expireIn":7200,"accessToken":"a90c","refreshToken":"6d1b"}"#,
        )
        .unwrap();
        assert_eq!(token.access_token.expose(), "a90c");
        assert_eq!(token.refresh_token.unwrap().expose(), "6d1b");
        assert_eq!((token.expires_in, token.corp_id), (7200, None));

        let token = accept::<GetUserToken>(
            r#"{"expireIn":"7200","accessToken":"a90c","refreshToken":"6d1b","corpId":"ding7c1e"}"#,
        )
        .unwrap();
        assert_eq!((token.expires_in, token.corp_id), (7200, Some("ding7c1e".into())));
    }

    /// Wire-facts §14 row 17.
    #[test]
    fn the_life_time_is_read_under_both_its_names() {
        for (answer, expected) in [
            (r#"{"accessToken":"a","expires_in":60}"#, 60),
            (r#"{"accessToken":"a","expireIn":60}"#, 60),
            (r#"{"accessToken":"a"}"#, 7200),
        ] {
            assert_eq!(accept::<GetUserToken>(answer).unwrap().expires_in, expected);
        }
        assert!(accept::<GetUserToken>(r#"{"refreshToken":"6d1b","expireIn":7200}"#).is_none());
    }
}
