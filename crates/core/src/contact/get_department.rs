//! `POST /topapi/v2/department/get`: a department (wire-facts §6.6).

use serde::{Deserialize, Serialize};

use crate::contact::Language;
use crate::dialect::TopApi;
use crate::endpoint::{Endpoint, Method, Operation};
use crate::{App, CorpId, DeptId, UserId, lenient};

/// Asks for a department.
#[derive(Clone, Debug, Serialize)]
#[must_use = "an endpoint does nothing until it is called"]
pub struct GetDepartment {
    dept_id: DeptId,
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<Language>,
}

impl GetDepartment {
    /// A department; the root is [`DeptId::ROOT`].
    pub fn new(dept_id: impl Into<DeptId>) -> Self {
        Self { dept_id: dept_id.into(), language: None }
    }

    /// The language of names.
    pub fn language(mut self, language: Language) -> Self {
        self.language = Some(language);
        self
    }
}

impl Endpoint for GetDepartment {
    type Caller = App;
    type Api = TopApi;
    type Output = Department;
    const OPERATION: &Operation =
        &Operation::topapi("contact.get_department", Method::Post, "/topapi/v2/department/get")
            .read();
}

/// A department.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct Department {
    /// The department.
    #[serde(deserialize_with = "lenient::required")]
    pub dept_id: DeptId,
    /// Its name.
    #[serde(default, deserialize_with = "lenient::read")]
    pub name: String,
    /// The department above; none for the root.
    #[serde(default, deserialize_with = "lenient::read")]
    pub parent_id: Option<DeptId>,
    /// Your own key of the department.
    #[serde(default, deserialize_with = "lenient::read")]
    pub source_identifier: Option<String>,
    /// Whether it has a chat group of its own.
    #[serde(default, deserialize_with = "lenient::read")]
    pub create_dept_group: bool,
    /// Whether new members join that group by themselves.
    #[serde(default, deserialize_with = "lenient::read")]
    pub auto_add_user: bool,
    /// Whether requests to join are granted by themselves.
    #[serde(default, deserialize_with = "lenient::read")]
    pub auto_approve_apply: bool,
    /// Whether it comes from a linked organization.
    #[serde(default, deserialize_with = "lenient::read")]
    pub from_union_org: bool,
    /// Tags, in the platform's words.
    #[serde(default, deserialize_with = "lenient::read")]
    pub tags: Option<String>,
    /// Its place among its siblings.
    #[serde(default, deserialize_with = "lenient::read")]
    pub order: Option<i64>,
    /// Its chat group.
    #[serde(default, deserialize_with = "lenient::read")]
    pub dept_group_chat_id: Option<String>,
    /// Whether the chat group holds the departments below.
    #[serde(default, deserialize_with = "lenient::read")]
    pub group_contain_sub_dept: bool,
    /// Who owns the chat group.
    #[serde(default, deserialize_with = "lenient::read")]
    pub org_dept_owner: Option<UserId>,
    /// Who leads it.
    #[serde(default, deserialize_with = "lenient::read")]
    pub dept_manager_userid_list: Vec<UserId>,
    /// Whether its members see only what is listed below.
    #[serde(default, deserialize_with = "lenient::read")]
    pub outer_dept: bool,
    /// Departments that they see.
    #[serde(default, deserialize_with = "lenient::read")]
    pub outer_permit_depts: Vec<DeptId>,
    /// People that they see.
    #[serde(default, deserialize_with = "lenient::read")]
    pub outer_permit_users: Vec<UserId>,
    /// Whether it is hidden.
    #[serde(default, deserialize_with = "lenient::read")]
    pub hide_dept: bool,
    /// Who sees it all the same.
    #[serde(default, deserialize_with = "lenient::read")]
    pub user_permits: Vec<UserId>,
    /// Whose members see it all the same.
    #[serde(default, deserialize_with = "lenient::read")]
    pub dept_permits: Vec<DeptId>,
    /// Its code.
    #[serde(default, deserialize_with = "lenient::read")]
    pub code: Option<String>,
    /// How many people are in it.
    #[serde(default, deserialize_with = "lenient::read")]
    pub member_count: Option<i64>,
    /// How many of them belong to the organization.
    #[serde(default, deserialize_with = "lenient::read")]
    pub owning_member_count: Option<i64>,
    /// What it is about.
    #[serde(default, deserialize_with = "lenient::read")]
    pub brief: Option<String>,
    /// The department in a linked organization.
    #[serde(default, deserialize_with = "lenient::object")]
    pub union_dept_ext: UnionDepartment,
}

/// A department in a linked organization.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct UnionDepartment {
    /// The department there.
    #[serde(default, alias = "deptId", deserialize_with = "lenient::read")]
    pub dept_id: Option<DeptId>,
    /// The organization.
    #[serde(default, alias = "corpId", deserialize_with = "lenient::read")]
    pub corp_id: Option<CorpId>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Replay;
    use crate::endpoint::testing::{accept_result, body, line};

    #[test]
    fn it_asks_for_one_department() {
        let get = GetDepartment::new(604_118_220);
        assert_eq!(line(&get), "POST /topapi/v2/department/get");
        assert_eq!(body(&get), json!({"dept_id": 604_118_220}));
        assert_eq!(
            body(&get.language(Language::EnUs)),
            json!({"dept_id": 604_118_220, "language": "en_US"})
        );
        assert_eq!(GetDepartment::OPERATION.replay, Replay::Safe);
    }

    #[test]
    fn the_live_answer_is_read_whole() {
        let department = accept_result::<GetDepartment>(
            r#"{"auto_add_user":true,"auto_approve_apply":false,"brief":"",
                "create_dept_group":true,"dept_group_chat_id":"chat0f1e","dept_id":604118220,
                "dept_manager_userid_list":["manager0427"],"dept_permits":[],
                "group_contain_sub_dept":false,"hide_dept":false,"member_count":2,
                "name":"质量部","order":1,"org_dept_owner":"manager0427","outer_dept":false,
                "outer_permit_depts":[],"outer_permit_users":[],"owning_member_count":2,
                "parent_id":1,"user_permits":[],"union_dept_ext":{"deptId":9,"corpId":"ding2"}}"#,
        )
        .unwrap();
        assert_eq!(department.dept_id, DeptId::new(604_118_220));
        assert_eq!(department.parent_id, Some(DeptId::ROOT));
        assert_eq!(department.dept_manager_userid_list, ["manager0427"]);
        assert_eq!(department.org_dept_owner, Some("manager0427".into()));
        assert_eq!((department.member_count, department.order), (Some(2), Some(1)));
        assert_eq!(department.brief, None);
        assert_eq!(department.union_dept_ext.dept_id, Some(DeptId::new(9)));
    }

    #[test]
    fn strings_single_values_and_nulls_are_read_too() {
        let department = accept_result::<GetDepartment>(
            r#"{"dept_id":"7","name":"运维部","parent_id":"1","hide_dept":"true",
                "dept_manager_userid_list":"manager0427","outer_permit_depts":"[1,2]",
                "order":"176303480931212512","union_dept_ext":null,"tags":null}"#,
        )
        .unwrap();
        assert!(department.hide_dept);
        assert_eq!(department.dept_manager_userid_list, ["manager0427"]);
        assert_eq!(department.outer_permit_depts.len(), 2);
        assert_eq!(department.order, Some(176_303_480_931_212_512));
        assert!(accept_result::<GetDepartment>(r#"{"name":"运维部"}"#).is_none());
    }
}
