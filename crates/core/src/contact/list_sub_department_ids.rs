//! `POST /topapi/v2/department/listsubid`: ids of the departments right below one
//! (wire-facts §6.6).

use serde::{Deserialize, Serialize};

use crate::dialect::TopApi;
use crate::endpoint::{Endpoint, Method, Operation};
use crate::{App, DeptId, lenient};

/// Asks for the ids of the departments right below one.
#[derive(Clone, Debug, Serialize)]
#[must_use = "an endpoint does nothing until it is called"]
pub struct ListSubDepartmentIds {
    dept_id: DeptId,
}

impl ListSubDepartmentIds {
    /// Below this department; the root is [`DeptId::ROOT`].
    pub fn new(dept_id: impl Into<DeptId>) -> Self {
        Self { dept_id: dept_id.into() }
    }
}

impl Endpoint for ListSubDepartmentIds {
    type Caller = App;
    type Api = TopApi;
    type Output = SubDepartmentIds;
    const OPERATION: &Operation = &Operation::topapi(
        "contact.list_sub_department_ids",
        Method::Post,
        "/topapi/v2/department/listsubid",
    )
    .read();
}

/// The ids of the departments right below one.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct SubDepartmentIds {
    /// The ids.
    #[serde(default, deserialize_with = "lenient::read")]
    pub dept_id_list: Vec<DeptId>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Replay;
    use crate::endpoint::testing::{accept_result, body, line};

    #[test]
    fn it_asks_for_one_department() {
        let list = ListSubDepartmentIds::new(DeptId::ROOT);
        assert_eq!(line(&list), "POST /topapi/v2/department/listsubid");
        assert_eq!(body(&list), json!({"dept_id": 1}));
        assert_eq!(ListSubDepartmentIds::OPERATION.replay, Replay::Safe);
    }

    #[test]
    fn the_answer_is_read_in_documented_and_in_stringly_form() {
        for result in [
            r#"{"dept_id_list":[604118220,604118221]}"#,
            r#"{"dept_id_list":"[604118220,604118221]"}"#,
            r#"{"dept_id_list":["604118220","604118221"]}"#,
        ] {
            let ids = accept_result::<ListSubDepartmentIds>(result).unwrap();
            assert_eq!(ids.dept_id_list, [DeptId::new(604_118_220), DeptId::new(604_118_221)]);
        }
    }
}
