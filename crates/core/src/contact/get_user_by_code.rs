//! `POST /topapi/v2/user/getuserinfo`: who opened the app inside DingTalk (wire-facts §6.2).

use serde::{Deserialize, Serialize};

use crate::dialect::TopApi;
use crate::endpoint::{Endpoint, Method, Operation};
use crate::{App, Secret, UnionId, UserId, lenient};

/// Asks who opened the app inside DingTalk.
///
/// The code is used up by it, so it goes out once.
#[derive(Clone, Debug, Serialize)]
#[must_use = "an endpoint does nothing until it is called"]
pub struct GetUserByCode {
    code: Secret,
}

impl GetUserByCode {
    /// With the code that the client gave to the page or mini program. Codes of the login page
    /// belong to [`GetUserToken`](crate::auth::GetUserToken).
    pub fn new(code: impl Into<Secret>) -> Self {
        Self { code: code.into() }
    }
}

impl Endpoint for GetUserByCode {
    type Caller = App;
    type Api = TopApi;
    type Output = UserByCode;
    const OPERATION: &Operation =
        &Operation::topapi("contact.get_user_by_code", Method::Post, "/topapi/v2/user/getuserinfo");
}

/// Who opened the app.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct UserByCode {
    /// The person within the organization.
    #[serde(deserialize_with = "lenient::required")]
    pub userid: UserId,
    /// The person across the apps of one developer organization.
    #[serde(default, deserialize_with = "lenient::read")]
    pub unionid: Option<UnionId>,
    /// The union id that is linked to the account.
    #[serde(default, deserialize_with = "lenient::read")]
    pub associated_unionid: Option<UnionId>,
    /// The name.
    #[serde(default, deserialize_with = "lenient::read")]
    pub name: String,
    /// The device.
    #[serde(default, deserialize_with = "lenient::read")]
    pub device_id: Option<String>,
    /// Whether the person is an administrator.
    #[serde(default, deserialize_with = "lenient::read")]
    pub sys: bool,
    /// The kind of administrator: 1 main, 2 sub, 100 boss, 0 none.
    #[serde(default, deserialize_with = "lenient::read")]
    pub sys_level: i64,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Replay;
    use crate::endpoint::testing::{accept, accept_result, body, line};

    #[test]
    fn the_code_travels_in_the_body_and_goes_out_once() {
        let get = GetUserByCode::new("canary");
        assert_eq!(line(&get), "POST /topapi/v2/user/getuserinfo");
        assert_eq!(body(&get), json!({"code": "canary"}));
        assert_eq!(GetUserByCode::OPERATION.replay, Replay::Never);
        assert!(!format!("{get:?}").contains("canary"));
    }

    #[test]
    fn the_answer_is_read_in_documented_and_in_stringly_form() {
        for result in [
            r#"{"associated_unionid":"Vt2R","device_id":"d41e","name":"林夏","sys":true,
                "sys_level":2,"unionid":"Qm7Z","userid":"u_lin01"}"#,
            r#"{"associated_unionid":"Vt2R","device_id":"d41e","name":"林夏","sys":"true",
                "sys_level":"2","unionid":"Qm7Z","userid":"u_lin01","more":null}"#,
        ] {
            let user = accept_result::<GetUserByCode>(result).unwrap();
            assert_eq!((user.userid, user.name.as_str()), ("u_lin01".into(), "林夏"));
            assert_eq!(user.unionid, Some("Qm7Z".into()));
            assert_eq!(user.associated_unionid, Some("Vt2R".into()));
            assert_eq!((user.sys, user.sys_level), (true, 2));
        }
        assert!(accept_result::<GetUserByCode>(r#"{"name":"林夏"}"#).is_none());
        assert!(accept::<GetUserByCode>(r#"{"errcode":40078,"errmsg":"x"}"#).is_none());
    }
}
