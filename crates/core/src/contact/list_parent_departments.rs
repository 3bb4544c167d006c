//! `POST /topapi/v2/department/listparentbyuser`: the departments above a person
//! (wire-facts §6.6).

use serde::{Deserialize, Serialize};

use crate::dialect::TopApi;
use crate::endpoint::{Endpoint, Method, Operation};
use crate::{App, DeptId, UserId, lenient};

/// Asks for the departments above a person, one path for each department that the person is in.
#[derive(Clone, Debug, Serialize)]
#[must_use = "an endpoint does nothing until it is called"]
pub struct ListParentDepartments {
    userid: UserId,
}

impl ListParentDepartments {
    /// A person by user id.
    pub fn new(userid: impl Into<UserId>) -> Self {
        Self { userid: userid.into() }
    }
}

impl Endpoint for ListParentDepartments {
    type Caller = App;
    type Api = TopApi;
    type Output = ParentDepartments;
    const OPERATION: &Operation = &Operation::topapi(
        "contact.list_parent_departments",
        Method::Post,
        "/topapi/v2/department/listparentbyuser",
    )
    .read();
}

/// The departments above a person.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct ParentDepartments {
    /// One path for each department that the person is in.
    #[serde(default, deserialize_with = "lenient::read")]
    pub parent_list: Vec<ParentPath>,
}

/// The way from one of a person's departments up to the root.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct ParentPath {
    /// The person's own department first, the root last.
    #[serde(default, deserialize_with = "lenient::read")]
    pub parent_dept_id_list: Vec<DeptId>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Replay;
    use crate::endpoint::testing::{accept_result, body, line};

    #[test]
    fn it_asks_for_one_person() {
        let list = ListParentDepartments::new("u_lin01");
        assert_eq!(line(&list), "POST /topapi/v2/department/listparentbyuser");
        assert_eq!(body(&list), json!({"userid": "u_lin01"}));
        assert_eq!(ListParentDepartments::OPERATION.replay, Replay::Safe);
    }

    #[test]
    fn paths_are_read_as_lists_or_as_single_objects() {
        let paths = accept_result::<ListParentDepartments>(
            r#"{"parent_list":[{"parent_dept_id_list":[604118220,1]},
                {"parent_dept_id_list":[1]}]}"#,
        )
        .unwrap()
        .parent_list;
        assert_eq!(paths[0].parent_dept_id_list, [DeptId::new(604_118_220), DeptId::ROOT]);
        assert_eq!(paths[1].parent_dept_id_list, [DeptId::ROOT]);
        let paths = accept_result::<ListParentDepartments>(
            r#"{"parent_list":{"parent_dept_id_list":"[604118220,1]"}}"#,
        );
        assert_eq!(paths.unwrap().parent_list[0].parent_dept_id_list.len(), 2);
    }
}
