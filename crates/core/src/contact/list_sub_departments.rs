//! `POST /topapi/v2/department/listsub`: the departments right below one (wire-facts §6.6).

use serde::{Deserialize, Serialize};

use crate::contact::Language;
use crate::dialect::TopApi;
use crate::endpoint::{Endpoint, Method, Operation};
use crate::{App, DeptId, lenient};

/// Asks for the departments right below one.
#[derive(Clone, Debug, Default, Serialize)]
#[must_use = "an endpoint does nothing until it is called"]
pub struct ListSubDepartments {
    #[serde(skip_serializing_if = "Option::is_none")]
    dept_id: Option<DeptId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<Language>,
}

impl ListSubDepartments {
    /// Below this department; the root is [`DeptId::ROOT`].
    pub fn new(dept_id: impl Into<DeptId>) -> Self {
        Self { dept_id: Some(dept_id.into()), language: None }
    }

    /// The language of names.
    pub fn language(mut self, language: Language) -> Self {
        self.language = Some(language);
        self
    }
}

impl Endpoint for ListSubDepartments {
    type Caller = App;
    type Api = TopApi;
    type Output = SubDepartments;
    const OPERATION: &Operation = &Operation::topapi(
        "contact.list_sub_departments",
        Method::Post,
        "/topapi/v2/department/listsub",
    )
    .read();
}

/// The departments right below one.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(transparent)]
#[non_exhaustive]
pub struct SubDepartments {
    /// The departments; the answer is this list alone.
    #[serde(deserialize_with = "lenient::read")]
    pub departments: Vec<SubDepartment>,
}

/// A department among others.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct SubDepartment {
    /// The department.
    #[serde(deserialize_with = "lenient::required")]
    pub dept_id: DeptId,
    /// Its name.
    #[serde(default, deserialize_with = "lenient::read")]
    pub name: String,
    /// The department above.
    #[serde(default, deserialize_with = "lenient::read")]
    pub parent_id: Option<DeptId>,
    /// Whether it has a chat group of its own.
    #[serde(default, deserialize_with = "lenient::read")]
    pub create_dept_group: bool,
    /// Whether new members join that group by themselves.
    #[serde(default, deserialize_with = "lenient::read")]
    pub auto_add_user: bool,
    /// Your own key of the department.
    #[serde(default, deserialize_with = "lenient::read")]
    pub source_identifier: Option<String>,
    /// Whether it comes from a linked organization.
    #[serde(default, deserialize_with = "lenient::read")]
    pub from_union_org: bool,
    /// Tags, in the platform's words.
    #[serde(default, deserialize_with = "lenient::read")]
    pub tags: Option<String>,
    /// Further fields, as text.
    #[serde(default, deserialize_with = "lenient::read")]
    pub ext: Option<String>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Replay;
    use crate::endpoint::testing::{accept, accept_result, body, line};

    #[test]
    fn the_root_needs_no_word() {
        assert_eq!(body(&ListSubDepartments::default()), json!({}));
        let list = ListSubDepartments::new(DeptId::ROOT).language(Language::ZhCn);
        assert_eq!(line(&list), "POST /topapi/v2/department/listsub");
        assert_eq!(body(&list), json!({"dept_id": 1, "language": "zh_CN"}));
        assert_eq!(ListSubDepartments::OPERATION.replay, Replay::Safe);
    }

    #[test]
    fn the_result_is_a_list_or_its_only_item_or_nothing() {
        let list = accept_result::<ListSubDepartments>(
            r#"[{"auto_add_user":true,"create_dept_group":true,"dept_id":604118220,
                 "name":"质量部","parent_id":1},
                {"auto_add_user":"false","create_dept_group":"false","dept_id":"604118221",
                 "name":"运维部","parent_id":"1","tags":null}]"#,
        )
        .unwrap()
        .departments;
        assert_eq!((list[0].name.as_str(), list[0].auto_add_user), ("质量部", true));
        assert_eq!(list[1].dept_id, DeptId::new(604_118_221));
        assert_eq!(list[1].parent_id, Some(DeptId::ROOT));

        let one = accept_result::<ListSubDepartments>(r#"{"dept_id":"7","name":"运维部"}"#);
        assert_eq!(one.unwrap().departments[0].dept_id, DeptId::new(7));
        for nothing in ["[]", "null"] {
            let none = accept_result::<ListSubDepartments>(nothing).unwrap();
            assert!(none.departments.is_empty());
        }
        let left_out = accept::<ListSubDepartments>(r#"{"errcode":0,"errmsg":"ok"}"#);
        assert!(left_out.unwrap().departments.is_empty());
        assert!(accept::<ListSubDepartments>(r#"{"errcode":60003,"errmsg":"x"}"#).is_none());
        assert!(accept_result::<ListSubDepartments>(r#"[{"name":"运维部"}]"#).is_none());
    }
}
