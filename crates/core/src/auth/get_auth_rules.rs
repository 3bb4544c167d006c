//! `GET /v1.0/oauth2/authRules/user`: what a person granted (wire-facts §3.9).

use serde::{Deserialize, Serialize};

use crate::dialect::OpenApi;
use crate::endpoint::{Endpoint, Method, Operation};
use crate::{User, lenient};

/// Asks what the person behind the token has granted to the app.
#[derive(Clone, Debug, Default, Serialize)]
#[must_use = "an endpoint does nothing until it is called"]
#[non_exhaustive]
pub struct GetAuthRules {}

impl GetAuthRules {
    /// It takes nothing but the token.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Endpoint for GetAuthRules {
    type Caller = User;
    type Api = OpenApi;
    type Output = AuthRules;
    const OPERATION: &Operation =
        &Operation::openapi("auth.get_auth_rules", Method::Get, "/v1.0/oauth2/authRules/user");
}

/// A person's grants.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct AuthRules {
    /// One entry for each kind of resource.
    #[serde(default, deserialize_with = "lenient::read")]
    pub result: Vec<AuthRule>,
}

impl AuthRules {
    /// Whether the person granted this item of this resource.
    pub fn grants(&self, resource: &str, item: &str) -> bool {
        let matching = self.result.iter().filter(|rule| rule.resource == resource);
        matching.flat_map(|rule| &rule.auth_items).any(|granted| granted == item)
    }
}

/// The grants on one resource.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct AuthRule {
    /// The resource: `Contact.User` for a person's fields.
    #[serde(default, deserialize_with = "lenient::read")]
    pub resource: String,
    /// What is granted of it, such as `mobile`.
    #[serde(default, deserialize_with = "lenient::read")]
    pub auth_items: Vec<String>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::endpoint::testing::{accept, body, line, query};

    #[test]
    fn it_sends_nothing_but_the_token() {
        let get = GetAuthRules::new();
        assert_eq!(line(&get), "GET /v1.0/oauth2/authRules/user");
        assert_eq!((query(&get).as_str(), body(&get)), ("", json!({})));
    }

    #[test]
    fn grants_are_read_as_lists_or_as_single_values() {
        let rules = accept::<GetAuthRules>(
            r#"{"result":[
                {"resource":"rpc_auth","authItems":["Contact.User.Read","Todo.Todo.Write"]},
                {"resource":"Contact.User","authItems":["mobile"]}]}"#,
        )
        .unwrap();
        assert_eq!(rules.result.len(), 2);
        assert!(rules.grants("Contact.User", "mobile"));
        assert!(rules.grants("rpc_auth", "Todo.Todo.Write"));
        assert!(!rules.grants("Contact.User", "Todo.Todo.Write"));

        let rules = accept::<GetAuthRules>(
            r#"{"result":{"resource":"Contact.User","authItems":"mobile"}}"#,
        )
        .unwrap();
        assert!(rules.grants("Contact.User", "mobile"));
        assert_eq!(accept::<GetAuthRules>(r#"{"result":null}"#), Some(AuthRules::default()));
    }
}
