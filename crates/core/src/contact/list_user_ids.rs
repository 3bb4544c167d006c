//! `POST /topapi/user/listid`: user ids of a department (wire-facts §6.5).

use serde::{Deserialize, Serialize};

use crate::dialect::TopApi;
use crate::endpoint::{Endpoint, Method, Operation};
use crate::{App, DeptId, UserId, lenient};

/// Asks for the user ids of a department's direct members, all at once and not limited by the
/// app's contact scope.
#[derive(Clone, Debug, Serialize)]
#[must_use = "an endpoint does nothing until it is called"]
pub struct ListUserIds {
    dept_id: DeptId,
}

impl ListUserIds {
    /// A department; the root is [`DeptId::ROOT`].
    pub fn new(dept_id: impl Into<DeptId>) -> Self {
        Self { dept_id: dept_id.into() }
    }
}

impl Endpoint for ListUserIds {
    type Caller = App;
    type Api = TopApi;
    type Output = UserIds;
    const OPERATION: &Operation =
        &Operation::topapi("contact.list_user_ids", Method::Post, "/topapi/user/listid").read();
}

/// The user ids of a department.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct UserIds {
    /// The user ids.
    #[serde(default, deserialize_with = "lenient::read")]
    pub userid_list: Vec<UserId>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Replay;
    use crate::endpoint::testing::{accept_result, body, line};

    #[test]
    fn it_asks_for_one_department() {
        let list = ListUserIds::new(DeptId::ROOT);
        assert_eq!(line(&list), "POST /topapi/user/listid");
        assert_eq!(body(&list), json!({"dept_id": 1}));
        assert_eq!(ListUserIds::OPERATION.replay, Replay::Safe);
    }

    #[test]
    fn the_answer_is_read_in_documented_and_in_stringly_form() {
        for (result, expected) in [
            (r#"{"userid_list":["u_lin01","manager0427"]}"#, 2),
            (r#"{"userid_list":"[\"u_lin01\",\"manager0427\"]"}"#, 2),
            (r#"{"userid_list":"u_lin01"}"#, 1),
            (r#"{"userid_list":[]}"#, 0),
            ("{}", 0),
        ] {
            let ids = accept_result::<ListUserIds>(result).unwrap();
            assert_eq!(ids.userid_list.len(), expected, "{result}");
        }
    }
}
