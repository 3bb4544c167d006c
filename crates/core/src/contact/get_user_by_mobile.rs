//! `POST /topapi/v2/user/getbymobile`: from phone number to user id (wire-facts §6.4).

use serde::{Deserialize, Serialize};

use crate::dialect::TopApi;
use crate::endpoint::{Endpoint, Method, Operation};
use crate::{App, Personal, UserId, lenient};

/// Asks for the user id behind a phone number. Internal apps only.
#[derive(Clone, Debug, Serialize)]
#[must_use = "an endpoint does nothing until it is called"]
pub struct GetUserByMobile {
    mobile: Personal,
    #[serde(skip_serializing_if = "Option::is_none")]
    support_exclusive_account_search: Option<bool>,
}

impl GetUserByMobile {
    /// A person by phone number.
    pub fn new(mobile: impl Into<Personal>) -> Self {
        Self { mobile: mobile.into(), support_exclusive_account_search: None }
    }

    /// Whether to look among dedicated accounts too.
    pub fn support_exclusive_account_search(mut self, support: bool) -> Self {
        self.support_exclusive_account_search = Some(support);
        self
    }
}

impl Endpoint for GetUserByMobile {
    type Caller = App;
    type Api = TopApi;
    type Output = UserByMobile;
    const OPERATION: &Operation = &Operation::topapi(
        "contact.get_user_by_mobile",
        Method::Post,
        "/topapi/v2/user/getbymobile",
    )
    .read();
}

/// The person behind a phone number.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct UserByMobile {
    /// The person within the organization.
    #[serde(deserialize_with = "lenient::required")]
    pub userid: UserId,
    /// Dedicated accounts with the same number.
    #[serde(default, deserialize_with = "lenient::read")]
    pub exclusive_account_userid_list: Vec<UserId>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Replay;
    use crate::endpoint::testing::{accept_result, body, line};

    #[test]
    fn the_number_travels_in_the_body_and_does_not_print() {
        let get = GetUserByMobile::new("13900000427");
        assert_eq!(line(&get), "POST /topapi/v2/user/getbymobile");
        assert_eq!(body(&get), json!({"mobile": "13900000427"}));
        let get = get.support_exclusive_account_search(true);
        assert_eq!(
            body(&get),
            json!({"mobile": "13900000427", "support_exclusive_account_search": true})
        );
        assert_eq!(GetUserByMobile::OPERATION.replay, Replay::Safe);
        assert!(!format!("{get:?}").contains("1390"));
    }

    #[test]
    fn the_answer_is_read_in_documented_and_in_stringly_form() {
        for (result, others) in [
            (r#"{"userid":"u_lin01","exclusive_account_userid_list":[]}"#, 0),
            (r#"{"userid":"u_lin01"}"#, 0),
            (r#"{"userid":"u_lin01","exclusive_account_userid_list":["e1","e2"]}"#, 2),
            (r#"{"userid":"u_lin01","exclusive_account_userid_list":"[\"e1\",\"e2\"]"}"#, 2),
        ] {
            let user = accept_result::<GetUserByMobile>(result).unwrap();
            assert_eq!(user.userid, "u_lin01");
            assert_eq!(user.exclusive_account_userid_list.len(), others, "{result}");
        }
        assert!(accept_result::<GetUserByMobile>("{}").is_none());
    }
}
