//! `GET /v1.0/oauth2/ssoUserInfo`: who logs in from the admin backend (wire-facts §3.7).

use serde::{Deserialize, Serialize};

use crate::dialect::OpenApi;
use crate::endpoint::{Endpoint, Method, Operation, Query};
use crate::{CorpId, Personal, Secret, Sso, UserId, lenient};

/// Asks which administrator came from DingTalk's admin backend.
///
/// The code is used up by it, so it goes out once although it is a `GET`.
#[derive(Clone, Debug, Serialize)]
#[must_use = "an endpoint does nothing until it is called"]
pub struct GetSsoUser {
    #[serde(skip)]
    code: Secret,
}

impl GetSsoUser {
    /// With the code that the admin backend put into the URL.
    pub fn new(code: impl Into<Secret>) -> Self {
        Self { code: code.into() }
    }
}

impl Endpoint for GetSsoUser {
    type Caller = Sso;
    type Api = OpenApi;
    type Output = SsoUser;
    const OPERATION: &Operation =
        &Operation::openapi("auth.get_sso_user", Method::Get, "/v1.0/oauth2/ssoUserInfo").once();

    fn query(&self, query: &mut Query) {
        query.push("code", self.code.expose());
    }
}

/// Who logged in from the admin backend.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SsoUser {
    /// The organization.
    #[serde(default, deserialize_with = "lenient::read")]
    pub corp_id: Option<CorpId>,
    /// The organization's name.
    #[serde(default, deserialize_with = "lenient::read")]
    pub corp_name: Option<String>,
    /// The person.
    #[serde(deserialize_with = "lenient::required")]
    pub user_id: UserId,
    /// The person's name.
    #[serde(default, deserialize_with = "lenient::read")]
    pub user_name: String,
    /// The person's mail address.
    #[serde(default, deserialize_with = "lenient::read")]
    pub email: Option<Personal>,
    /// Where the person's picture lies.
    #[serde(default, deserialize_with = "lenient::read")]
    pub avatar: Option<String>,
    /// Whether the person is an administrator.
    #[serde(default, deserialize_with = "lenient::read")]
    pub is_admin: bool,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Replay;
    use crate::endpoint::testing::{accept, body, line, query};

    #[test]
    fn the_code_travels_in_the_query() {
        let get = GetSsoUser::new("canary&1");
        assert_eq!(line(&get), "GET /v1.0/oauth2/ssoUserInfo");
        assert_eq!((query(&get).as_str(), body(&get)), ("code=canary%261", json!({})));
        assert!(!format!("{get:?}").contains("canary"));
    }

    #[test]
    fn a_get_that_uses_up_a_code_goes_out_once() {
        assert_eq!(GetSsoUser::OPERATION.replay, Replay::Never);
    }

    #[test]
    fn the_answer_is_read_in_documented_and_in_stringly_form() {
        for answer in [
            r#"{"corpId":"ding7c1e","corpName":"海棠样品科技","userId":"manager0427",
                "email":"zhou@example.com","userName":"周棠","avatar":"","isAdmin":true}"#,
            r#"{"corpId":"ding7c1e","corpName":"海棠样品科技","userId":"manager0427",
                "email":"zhou@example.com","userName":"周棠","isAdmin":"true"}"#,
        ] {
            let user = accept::<GetSsoUser>(answer).unwrap();
            assert_eq!(user.user_id, "manager0427");
            assert_eq!(user.corp_id, Some("ding7c1e".into()));
            assert_eq!((user.user_name.as_str(), user.is_admin), ("周棠", true));
            assert_eq!(user.email.as_deref(), Some("zhou@example.com"));
            assert_eq!(user.avatar, None);
        }
        assert!(accept::<GetSsoUser>(r#"{"corpId":"ding7c1e","isAdmin":true}"#).is_none());
    }
}
