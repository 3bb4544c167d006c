//! `POST /topapi/v2/user/get`: a person's record in an organization (wire-facts §6.1).

use serde::{Deserialize, Serialize};

use crate::contact::Language;
use crate::dialect::TopApi;
use crate::endpoint::{Endpoint, Method, Operation};
use crate::{App, CorpId, DeptId, Personal, RoleId, UnionId, UserId, lenient};

/// Asks for a person's record in the app's organization.
#[derive(Clone, Debug, Serialize)]
#[must_use = "an endpoint does nothing until it is called"]
pub struct GetUser {
    userid: UserId,
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<Language>,
}

impl GetUser {
    /// A person by user id.
    pub fn new(userid: impl Into<UserId>) -> Self {
        Self { userid: userid.into(), language: None }
    }

    /// The language of names.
    pub fn language(mut self, language: Language) -> Self {
        self.language = Some(language);
        self
    }
}

impl Endpoint for GetUser {
    type Caller = App;
    type Api = TopApi;
    type Output = UserDetails;
    const OPERATION: &Operation =
        &Operation::topapi("contact.get_user", Method::Post, "/topapi/v2/user/get").read();
}

/// A person's record in an organization.
///
/// What is `Option` may lack for want of a grant, for the kind of app, or because nobody filled
/// it in.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct UserDetails {
    /// The person within the organization.
    #[serde(deserialize_with = "lenient::required")]
    pub userid: UserId,
    /// The person across the apps of one developer organization.
    #[serde(default, deserialize_with = "lenient::read")]
    pub unionid: Option<UnionId>,
    /// The name.
    #[serde(default, deserialize_with = "lenient::read")]
    pub name: String,
    /// Where the picture lies; none for the default picture.
    #[serde(default, deserialize_with = "lenient::read")]
    pub avatar: Option<String>,
    /// The phone number's country code.
    #[serde(default, deserialize_with = "lenient::read")]
    pub state_code: Option<String>,
    /// The person's manager.
    #[serde(default, deserialize_with = "lenient::read")]
    pub manager_userid: Option<UserId>,
    /// The phone number.
    #[serde(default, deserialize_with = "lenient::read")]
    pub mobile: Option<Personal>,
    /// Whether the phone number is hidden from colleagues.
    #[serde(default, deserialize_with = "lenient::read")]
    pub hide_mobile: bool,
    /// The desk's phone number.
    #[serde(default, deserialize_with = "lenient::read")]
    pub telephone: Option<Personal>,
    /// The number that the organization gave the person.
    #[serde(default, deserialize_with = "lenient::read")]
    pub job_number: Option<String>,
    /// The position.
    #[serde(default, deserialize_with = "lenient::read")]
    pub title: Option<String>,
    /// The person's own mail address.
    #[serde(default, deserialize_with = "lenient::read")]
    pub email: Option<Personal>,
    /// Where the person works.
    #[serde(default, deserialize_with = "lenient::read")]
    pub work_place: Option<String>,
    /// A remark.
    #[serde(default, deserialize_with = "lenient::read")]
    pub remark: Option<String>,
    /// The mail address in the organization.
    #[serde(default, deserialize_with = "lenient::read")]
    pub org_email: Option<Personal>,
    /// The kind of that mail address: `profession` or `base`.
    #[serde(default, deserialize_with = "lenient::read")]
    pub org_email_type: Option<String>,
    /// The name that a dedicated account logs in with.
    #[serde(default, deserialize_with = "lenient::read")]
    pub login_id: Option<Personal>,
    /// Whether the account belongs to the organization.
    #[serde(default, deserialize_with = "lenient::read")]
    pub exclusive_account: bool,
    /// How a dedicated account logs in: `sso` or `dingtalk`.
    #[serde(default, deserialize_with = "lenient::read")]
    pub exclusive_account_type: Option<String>,
    /// The departments that the person is in.
    #[serde(default, deserialize_with = "lenient::read")]
    pub dept_id_list: Vec<DeptId>,
    /// The person's place in each of them.
    #[serde(default, deserialize_with = "lenient::read")]
    pub dept_order_list: Vec<DeptOrder>,
    /// The person's position in each of them.
    #[serde(default, deserialize_with = "lenient::read")]
    pub dept_position_list: Vec<DeptPosition>,
    /// Fields of the organization's own, as JSON text.
    #[serde(default, deserialize_with = "lenient::read")]
    pub extension: Option<Personal>,
    /// The same in other languages, as JSON text.
    #[serde(default, deserialize_with = "lenient::json")]
    pub extension_i18n: Option<Personal>,
    /// The day of joining, in milliseconds since 1970.
    #[serde(default, deserialize_with = "lenient::read")]
    pub hired_date: Option<i64>,
    /// Whether the account is activated.
    #[serde(default, deserialize_with = "lenient::read")]
    pub active: bool,
    /// Whether the person has proved their identity.
    #[serde(default, deserialize_with = "lenient::read")]
    pub real_authed: bool,
    /// Whether the person is marked as a senior.
    #[serde(default, deserialize_with = "lenient::read")]
    pub senior: bool,
    /// Whether the person is an administrator.
    #[serde(default, deserialize_with = "lenient::read")]
    pub admin: bool,
    /// Whether the person is the boss.
    #[serde(default, deserialize_with = "lenient::read")]
    pub boss: bool,
    /// In which departments the person leads.
    #[serde(default, deserialize_with = "lenient::read")]
    pub leader_in_dept: Vec<DeptLeader>,
    /// The person's roles.
    #[serde(default, deserialize_with = "lenient::read")]
    pub role_list: Vec<Role>,
    /// The person in linked organizations; without members where nothing is linked.
    #[serde(default, deserialize_with = "lenient::object")]
    pub union_emp_ext: UnionEmployment,
}

/// A person's place among the members of a department.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct DeptOrder {
    /// The department.
    #[serde(default, deserialize_with = "lenient::read")]
    pub dept_id: DeptId,
    /// The place. It needs all 64 bits.
    #[serde(default, deserialize_with = "lenient::read")]
    pub order: i64,
}

/// A person's position in a department.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct DeptPosition {
    /// The department.
    #[serde(default, deserialize_with = "lenient::read")]
    pub dept_id: DeptId,
    /// Whether it is the person's main department.
    #[serde(default, deserialize_with = "lenient::read")]
    pub is_main: bool,
    /// The position there.
    #[serde(default, deserialize_with = "lenient::read")]
    pub title: Option<String>,
    /// Where the person works there.
    #[serde(default, deserialize_with = "lenient::read")]
    pub work_place: Option<String>,
}

/// Whether a person leads a department.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct DeptLeader {
    /// The department.
    #[serde(default, deserialize_with = "lenient::read")]
    pub dept_id: DeptId,
    /// Whether the person leads it.
    #[serde(default, deserialize_with = "lenient::read")]
    pub leader: bool,
}

/// A role that a person has.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct Role {
    /// The role.
    #[serde(default, deserialize_with = "lenient::read")]
    pub id: RoleId,
    /// Its name.
    #[serde(default, deserialize_with = "lenient::read")]
    pub name: String,
    /// The name of the group that it is in.
    #[serde(default, deserialize_with = "lenient::read")]
    pub group_name: String,
}

/// A person in linked organizations.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct UnionEmployment {
    /// The person within the organization below.
    #[serde(default, deserialize_with = "lenient::read")]
    pub userid: Option<UserId>,
    /// The organization.
    #[serde(default, deserialize_with = "lenient::read")]
    pub corp_id: Option<CorpId>,
    /// The same person elsewhere.
    #[serde(default, deserialize_with = "lenient::read")]
    pub union_emp_map_list: Vec<UnionEmployee>,
}

/// A person in one linked organization.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct UnionEmployee {
    /// The person there.
    #[serde(default, deserialize_with = "lenient::read")]
    pub userid: Option<UserId>,
    /// The organization.
    #[serde(default, deserialize_with = "lenient::read")]
    pub corp_id: Option<CorpId>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Replay;
    use crate::endpoint::testing::{accept, accept_result, body, line, query};

    /// Wire-facts §14 row 20: one page calls it with GET, the reference with POST.
    #[test]
    fn it_is_a_post_that_only_reads() {
        let get = GetUser::new("u_lin01");
        assert_eq!(line(&get), "POST /topapi/v2/user/get");
        assert_eq!((query(&get).as_str(), body(&get)), ("", json!({"userid": "u_lin01"})));
        assert_eq!(
            body(&get.language(Language::EnUs)),
            json!({"userid": "u_lin01", "language": "en_US"})
        );
        assert_eq!(GetUser::OPERATION.replay, Replay::Safe);
    }

    const LIVE: &str = r#"{"errcode":0,"errmsg":"ok","result":{
        "active":true,"admin":false,"avatar":"","boss":false,"dept_id_list":[604118220,1],
        "dept_order_list":[{"dept_id":604118220,"order":176303480931212512},
            {"dept_id":1,"order":176303480931212511}],
        "dept_position_list":[{"dept_id":604118220,"is_main":true,"title":"测试工程师",
            "work_place":"三号楼"}],
        "email":"linxia@example.com","exclusive_account":false,
        "extension":"{\"工位\":\"3-118\"}","hide_mobile":false,"hired_date":1646064000000,
        "job_number":"H0427","leader_in_dept":[{"dept_id":604118220,"leader":false},
            {"dept_id":1,"leader":true}],
        "manager_userid":"manager0427","mobile":"13900000427","name":"林夏",
        "org_email":"lin.xia@corp.example.com","org_email_type":"profession","real_authed":true,
        "remark":"临时支援","role_list":[{"group_name":"岗位","id":3110472201,"name":"测试"}],
        "senior":false,"state_code":"86","telephone":"8118","title":"测试工程师",
        "union_emp_ext":{},"unionid":"Qm7Z","userid":"u_lin01","work_place":"三号楼"},
        "request_id":"15r9k2v0q8xya"}"#;

    #[test]
    fn the_live_answer_is_read_whole() {
        let user = accept::<GetUser>(LIVE).unwrap();
        assert_eq!((user.userid, user.unionid), ("u_lin01".into(), Some("Qm7Z".into())));
        assert_eq!(user.name, "林夏");
        assert_eq!(user.manager_userid, Some("manager0427".into()));
        assert_eq!(user.mobile.as_deref(), Some("13900000427"));
        assert_eq!(user.telephone.as_deref(), Some("8118"));
        assert_eq!(user.email.as_deref(), Some("linxia@example.com"));
        assert_eq!(user.org_email.as_deref(), Some("lin.xia@corp.example.com"));
        assert_eq!(user.org_email_type.as_deref(), Some("profession"));
        assert_eq!(user.extension.as_deref(), Some("{\"工位\":\"3-118\"}"));
        assert_eq!(user.hired_date, Some(1_646_064_000_000));
        assert_eq!(user.dept_id_list, [DeptId::new(604_118_220), DeptId::ROOT]);
        assert!(user.dept_position_list[0].is_main);
        assert!(!user.leader_in_dept[0].leader && user.leader_in_dept[1].leader);
        assert_eq!(user.role_list[0].id, RoleId::new(3_110_472_201));
        assert_eq!(user.role_list[0].group_name, "岗位");
        assert_eq!(user.union_emp_ext, UnionEmployment::default());
        assert!(user.active && user.real_authed && !user.admin && !user.boss && !user.senior);
    }

    /// Wire-facts §14 rows 1 and 2.
    #[test]
    fn the_printed_answer_in_strings_and_single_objects_is_read_too() {
        let user = accept::<GetUser>(
            r#"{"errcode":"0","errmsg":"ok","result":{"userid":"u_lin01","unionid":"Qm7Z",
                "name":"林夏","active":"true","boss":"false","hired_date":"1646064000000",
                "dept_id_list":"[604118220,1]",
                "dept_order_list":{"dept_id":"1","order":"176303480931212511"},
                "role_list":{"group_name":"岗位","name":"测试","id":"3110472201"},
                "leader_in_dept":{"leader":"false","dept_id":"604118220"},
                "union_emp_ext":{"userid":"u2","corp_id":"ding2",
                    "union_emp_map_list":{"userid":"u3","corp_id":"ding3"}}}}"#,
        )
        .unwrap();
        assert!(user.active && !user.boss);
        assert_eq!(user.hired_date, Some(1_646_064_000_000));
        assert_eq!(user.dept_id_list, [DeptId::new(604_118_220), DeptId::ROOT]);
        assert_eq!(user.dept_order_list[0].order, 176_303_480_931_212_511);
        assert_eq!(user.role_list[0].name, "测试");
        assert_eq!(user.leader_in_dept[0].dept_id, DeptId::new(604_118_220));
        assert_eq!(user.union_emp_ext.union_emp_map_list[0].corp_id, Some("ding3".into()));
    }

    /// Wire-facts §14 row 25.
    #[test]
    fn the_order_in_a_department_keeps_all_64_bits() {
        let user = accept::<GetUser>(LIVE).unwrap();
        assert_eq!(user.dept_order_list[0].order, 176_303_480_931_212_512);
        assert_eq!(user.dept_order_list[1].order, 176_303_480_931_212_511);
    }

    /// Wire-facts §14 row 13.
    #[test]
    fn an_empty_picture_is_the_same_as_none() {
        assert_eq!(accept::<GetUser>(LIVE).unwrap().avatar, None);
        let user = accept_result::<GetUser>(r#"{"userid":"u","avatar":"https://x/y.png"}"#);
        assert_eq!(user.unwrap().avatar.as_deref(), Some("https://x/y.png"));
    }

    #[test]
    fn personal_fields_may_lack_for_a_third_party_app() {
        let user = accept_result::<GetUser>(
            r#"{"active":true,"dept_id_list":[604118220],"job_number":"H0427","name":"林夏",
                "unionid":"Qm7Z","userid":"u_lin01","union_emp_ext":null,"role_list":null}"#,
        )
        .unwrap();
        assert_eq!((user.mobile, user.email, user.org_email), (None, None, None));
        assert_eq!((user.extension, user.hired_date), (None, None));
        assert!(user.role_list.is_empty());
    }

    #[test]
    fn an_answer_without_user_id_is_no_person() {
        for result in ["{}", r#"{"name":"林夏"}"#, r#"{"userid":"","name":"林夏"}"#, "null"] {
            assert!(accept_result::<GetUser>(result).is_none(), "{result}");
        }
        assert!(accept::<GetUser>(r#"{"errcode":0,"errmsg":"ok"}"#).is_none());
    }

    /// Wire-facts §14 row 12.
    #[test]
    fn an_unknown_person_is_no_success_under_either_code() {
        for code in [60121, 33012] {
            let answer = format!(r#"{{"errcode":{code},"errmsg":"找不到该用户"}}"#);
            assert!(accept::<GetUser>(&answer).is_none());
        }
    }

    #[test]
    fn what_is_personal_does_not_print() {
        let user = accept::<GetUser>(LIVE).unwrap();
        let text = format!("{user:?} {user:#?}");
        for canary in ["13900000427", "8118", "example.com", "3-118"] {
            assert!(!text.replace("604118220", "").contains(canary), "{canary}");
        }
    }
}
