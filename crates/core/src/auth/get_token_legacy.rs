//! `GET /gettoken`: an internal app's token, the old way (wire-facts §2.1).

use serde::Serialize;

use crate::auth::AccessToken;
use crate::dialect::Legacy;
use crate::endpoint::{Endpoint, Method, Operation, Query};
use crate::{ClientId, Nobody, Secret};

/// Asks for an internal app's token the old way. It is the same token that
/// [`GetAccessToken`](crate::auth::GetAccessToken) gives, and serves both hosts.
#[derive(Clone, Debug, Serialize)]
#[must_use = "an endpoint does nothing until it is called"]
pub struct GetTokenLegacy {
    #[serde(skip)]
    appkey: ClientId,
    #[serde(skip)]
    appsecret: Secret,
}

impl GetTokenLegacy {
    /// With the app's client id and client secret.
    pub fn new(appkey: impl Into<ClientId>, appsecret: impl Into<Secret>) -> Self {
        Self { appkey: appkey.into(), appsecret: appsecret.into() }
    }
}

impl Endpoint for GetTokenLegacy {
    type Caller = Nobody;
    type Api = Legacy;
    type Output = AccessToken;
    const OPERATION: &Operation =
        &Operation::legacy("auth.get_token_legacy", Method::Get, "/gettoken");

    fn query(&self, query: &mut Query) {
        query.push("appkey", self.appkey.as_str());
        query.push("appsecret", self.appsecret.expose());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::endpoint::Body;
    use crate::endpoint::testing::{accept, body, line, query};

    /// Wire-facts §14 row 4: the printed sample posts a form, which the platform ignores.
    #[test]
    fn the_pair_travels_in_the_query_and_never_in_a_body() {
        let get = GetTokenLegacy::new("dingk3v9q2m7x8p1w4zt", "can&ary=1");
        assert_eq!(line(&get), "GET /gettoken");
        assert_eq!(query(&get), "appkey=dingk3v9q2m7x8p1w4zt&appsecret=can%26ary%3D1");
        assert_eq!(body(&get), json!({}));
        assert_eq!(GetTokenLegacy::OPERATION.body, Body::None);
        assert!(!format!("{get:?}").contains("ary"));
    }

    #[test]
    fn the_answer_is_read_in_live_and_in_stringly_form() {
        for answer in [
            r#"{"errcode":0,"access_token":"3f9a","errmsg":"ok","expires_in":7200}"#,
            r#"{"errcode":"0","errmsg":"ok","access_token":"3f9a","expires_in":"7200"}"#,
        ] {
            let token = accept::<GetTokenLegacy>(answer).unwrap();
            assert_eq!((token.access_token.expose(), token.expires_in), ("3f9a", 7200));
        }
    }

    /// Wire-facts §14 row 3: a wrong pair is 40096, not the 40089 of the table; both are errors.
    #[test]
    fn a_wrong_pair_is_no_success_whatever_its_code() {
        for code in [40096, 40089, 40035] {
            let answer = format!(r#"{{"errcode":{code},"errmsg":"不合法的appKey或appSecret"}}"#);
            assert!(accept::<GetTokenLegacy>(&answer).is_none());
        }
    }
}
