//! `GET /auth/scopes`: what the organization lets the app see (wire-facts §3.5).

use serde::{Deserialize, Serialize};

use crate::dialect::Legacy;
use crate::endpoint::{Endpoint, Method, Operation};
use crate::{App, DeptId, UserId, lenient};

/// Asks for the app's contact scope: the people, departments and fields that it may see.
#[derive(Clone, Debug, Default, Serialize)]
#[must_use = "an endpoint does nothing until it is called"]
#[non_exhaustive]
pub struct GetScopes {}

impl GetScopes {
    /// It takes nothing but the token.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Endpoint for GetScopes {
    type Caller = App;
    type Api = Legacy;
    type Output = AuthScopes;
    const OPERATION: &Operation =
        &Operation::legacy("auth.get_scopes", Method::Get, "/auth/scopes");
}

/// An app's contact scope.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct AuthScopes {
    /// People and departments.
    #[serde(default, deserialize_with = "lenient::object")]
    pub auth_org_scopes: AuthOrgScopes,
    /// Fields of a person, in the platform's words.
    #[serde(default, deserialize_with = "lenient::read")]
    pub auth_user_field: Vec<String>,
    /// Conditions, in the platform's words.
    #[serde(default, deserialize_with = "lenient::read")]
    pub condition_field: Vec<String>,
}

/// The people and departments of a contact scope.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct AuthOrgScopes {
    /// People named one by one.
    #[serde(default, deserialize_with = "lenient::read")]
    pub authed_user: Vec<UserId>,
    /// Departments.
    #[serde(default, deserialize_with = "lenient::read")]
    pub authed_dept: Vec<DeptId>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::endpoint::testing::{accept, body, line, query};

    #[test]
    fn it_sends_nothing_but_the_token() {
        let get = GetScopes::new();
        assert_eq!(line(&get), "GET /auth/scopes");
        assert_eq!((query(&get).as_str(), body(&get)), ("", json!({})));
    }

    #[test]
    fn the_answer_is_read_in_documented_and_in_stringly_form() {
        for answer in [
            r#"{"errcode":0,"errmsg":"ok","auth_org_scopes":{"authed_user":["u_lin01"],
                "authed_dept":[1,604118220]},"auth_user_field":["name","userid"],
                "condition_field":[]}"#,
            r#"{"errcode":"0","auth_org_scopes":{"authed_user":"u_lin01",
                "authed_dept":"[1,604118220]"},"auth_user_field":["name","userid"]}"#,
        ] {
            let scopes = accept::<GetScopes>(answer).unwrap();
            assert_eq!(scopes.auth_org_scopes.authed_user, ["u_lin01"]);
            assert_eq!(
                scopes.auth_org_scopes.authed_dept,
                [DeptId::ROOT, DeptId::new(604_118_220)]
            );
            assert_eq!(scopes.auth_user_field, ["name", "userid"]);
            assert!(scopes.condition_field.is_empty());
        }
        let empty = accept::<GetScopes>(r#"{"errcode":0,"auth_org_scopes":null}"#);
        assert_eq!(empty, Some(AuthScopes::default()));
        assert!(accept::<GetScopes>(r#"{"errcode":40014,"errmsg":"x"}"#).is_none());
    }
}
