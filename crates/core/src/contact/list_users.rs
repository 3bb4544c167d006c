//! `POST /topapi/v2/user/list`: the members of a department (wire-facts §6.5).

use serde::{Deserialize, Serialize};

use crate::contact::Language;
use crate::contact::paging::next_cursor;
use crate::dialect::TopApi;
use crate::endpoint::{Endpoint, Method, Operation, Paged};
use crate::{App, DeptId, Personal, UnionId, UserId, lenient};

/// Asks for a page of a department's direct members with their records.
#[derive(Clone, Debug, Serialize)]
#[must_use = "an endpoint does nothing until it is called"]
pub struct ListUsers {
    dept_id: DeptId,
    cursor: i64,
    size: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    order_field: Option<UserOrder>,
    #[serde(skip_serializing_if = "Option::is_none")]
    contain_access_limit: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<Language>,
}

impl ListUsers {
    /// The first page of a department's members; the root is [`DeptId::ROOT`].
    pub fn new(dept_id: impl Into<DeptId>) -> Self {
        Self {
            dept_id: dept_id.into(),
            cursor: 0,
            size: 100,
            order_field: None,
            contain_access_limit: None,
            language: None,
        }
    }

    /// Where to go on: an earlier page's `next_cursor`.
    pub fn cursor(mut self, cursor: i64) -> Self {
        self.cursor = cursor;
        self
    }

    /// How many at once; 100, the most that is allowed, if not said.
    pub fn size(mut self, size: i64) -> Self {
        self.size = size;
        self
    }

    /// The order.
    pub fn order_field(mut self, order: UserOrder) -> Self {
        self.order_field = Some(order);
        self
    }

    /// Whether to include people whose access is limited.
    pub fn contain_access_limit(mut self, contain: bool) -> Self {
        self.contain_access_limit = Some(contain);
        self
    }

    /// The language of names.
    pub fn language(mut self, language: Language) -> Self {
        self.language = Some(language);
        self
    }
}

impl Endpoint for ListUsers {
    type Caller = App;
    type Api = TopApi;
    type Output = UserPage;
    const OPERATION: &Operation =
        &Operation::topapi("contact.list_users", Method::Post, "/topapi/v2/user/list").read();
}

impl Paged for ListUsers {
    type Item = ListedUser;

    fn next(&self, page: UserPage) -> (Vec<ListedUser>, Option<Self>) {
        let next = next_cursor(self.cursor, page.has_more, page.next_cursor);
        (page.list, next.map(|cursor| self.clone().cursor(cursor)))
    }
}

/// The orders that a department's members come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum UserOrder {
    /// Who joined first.
    EntryAsc,
    /// Who joined last.
    EntryDesc,
    /// Whose record changed first.
    ModifyAsc,
    /// Whose record changed last.
    ModifyDesc,
    /// As the organization ordered them; the platform's default.
    Custom,
}

/// A page of a department's members.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct UserPage {
    /// Whether there are more.
    #[serde(default, deserialize_with = "lenient::read")]
    pub has_more: bool,
    /// Where the next page begins; none on the last.
    #[serde(default, deserialize_with = "lenient::read")]
    pub next_cursor: Option<i64>,
    /// The members.
    #[serde(default, deserialize_with = "lenient::read")]
    pub list: Vec<ListedUser>,
}

/// A person as a member of one department.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct ListedUser {
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
    /// The mail address in the organization.
    #[serde(default, deserialize_with = "lenient::read")]
    pub org_email: Option<Personal>,
    /// Where the person works.
    #[serde(default, deserialize_with = "lenient::read")]
    pub work_place: Option<String>,
    /// A remark.
    #[serde(default, deserialize_with = "lenient::read")]
    pub remark: Option<String>,
    /// The departments that the person is in.
    #[serde(default, deserialize_with = "lenient::read")]
    pub dept_id_list: Vec<DeptId>,
    /// The person's place in this department. It needs all 64 bits.
    #[serde(default, deserialize_with = "lenient::read")]
    pub dept_order: Option<i64>,
    /// Fields of the organization's own, as JSON text.
    #[serde(default, deserialize_with = "lenient::read")]
    pub extension: Option<Personal>,
    /// The day of joining, in milliseconds since 1970.
    #[serde(default, deserialize_with = "lenient::read")]
    pub hired_date: Option<i64>,
    /// Whether the account is activated.
    #[serde(default, deserialize_with = "lenient::read")]
    pub active: bool,
    /// Whether the person is an administrator.
    #[serde(default, deserialize_with = "lenient::read")]
    pub admin: bool,
    /// Whether the person is the boss.
    #[serde(default, deserialize_with = "lenient::read")]
    pub boss: bool,
    /// Whether the person leads this department.
    #[serde(default, deserialize_with = "lenient::read")]
    pub leader: bool,
    /// Whether the account belongs to the organization.
    #[serde(default, deserialize_with = "lenient::read")]
    pub exclusive_account: bool,
    /// How a dedicated account logs in: `sso` or `dingtalk`.
    #[serde(default, deserialize_with = "lenient::read")]
    pub exclusive_account_type: Option<String>,
    /// The name that a dedicated account logs in with.
    #[serde(default, deserialize_with = "lenient::read")]
    pub login_id: Option<Personal>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Replay;
    use crate::endpoint::testing::{accept_result, body, line};

    #[test]
    fn it_begins_at_the_beginning_with_the_largest_page() {
        let list = ListUsers::new(604_118_220);
        assert_eq!(line(&list), "POST /topapi/v2/user/list");
        assert_eq!(body(&list), json!({"dept_id": 604_118_220, "cursor": 0, "size": 100}));
        let list = list
            .cursor(2)
            .size(2)
            .order_field(UserOrder::ModifyDesc)
            .contain_access_limit(true)
            .language(Language::ZhCn);
        assert_eq!(
            body(&list),
            json!({
                "dept_id": 604_118_220, "cursor": 2, "size": 2, "order_field": "modify_desc",
                "contain_access_limit": true, "language": "zh_CN",
            })
        );
        assert_eq!(ListUsers::OPERATION.replay, Replay::Safe);
    }

    const PAGE: &str = r#"{"has_more":true,"next_cursor":2,"list":[
        {"active":true,"admin":false,"avatar":"","boss":false,"dept_id_list":[604118220,1],
         "dept_order":176303480931212512,"exclusive_account":false,"hide_mobile":false,
         "hired_date":1646064000000,"job_number":"H0427","leader":false,"mobile":"13900000427",
         "name":"林夏","state_code":"86","title":"测试工程师","unionid":"Qm7Z",
         "userid":"u_lin01"},
        {"active":true,"admin":true,"dept_id_list":[604118220],"leader":true,"name":"周棠",
         "userid":"manager0427"}]}"#;

    #[test]
    fn a_page_is_read_in_live_and_in_stringly_form() {
        let page = accept_result::<ListUsers>(PAGE).unwrap();
        assert!(page.has_more);
        assert_eq!((page.next_cursor, page.list.len()), (Some(2), 2));
        let (first, second) = (&page.list[0], &page.list[1]);
        assert_eq!(first.dept_order, Some(176_303_480_931_212_512));
        assert_eq!((first.avatar.as_deref(), first.mobile.as_deref()), (None, Some("13900000427")));
        assert!(second.leader && second.admin && second.mobile.is_none());

        let page = accept_result::<ListUsers>(
            r#"{"has_more":"true","next_cursor":"2","list":{"userid":"u_lin01","leader":"true",
                "dept_order":"176303480931212512","dept_id_list":"[1]"}}"#,
        )
        .unwrap();
        assert!(page.has_more && page.list[0].leader);
        assert_eq!(page.next_cursor, Some(2));
        assert_eq!(page.list[0].dept_order, Some(176_303_480_931_212_512));
        assert_eq!(page.list[0].dept_id_list, [DeptId::ROOT]);
    }

    #[test]
    fn a_member_without_user_id_is_not_passed_on() {
        assert!(accept_result::<ListUsers>(r#"{"list":[{"name":"林夏"}]}"#).is_none());
    }

    #[test]
    fn the_next_page_begins_where_the_cursor_says() {
        let list = ListUsers::new(1).size(2).language(Language::EnUs);
        let (items, next) = list.next(accept_result::<ListUsers>(PAGE).unwrap());
        assert_eq!(items.len(), 2);
        assert_eq!(
            body(&next.unwrap()),
            json!({"dept_id": 1, "cursor": 2, "size": 2, "language": "en_US"})
        );
    }

    #[test]
    fn paging_ends_without_more_or_with_a_cursor_that_stands_still() {
        let list = ListUsers::new(1).cursor(2);
        for page in [
            r#"{"has_more":false,"list":[]}"#,
            r#"{"has_more":false,"next_cursor":4,"list":[]}"#,
            r#"{"has_more":true,"list":[{"userid":"u"}]}"#,
            r#"{"has_more":true,"next_cursor":null,"list":[{"userid":"u"}]}"#,
            r#"{"has_more":true,"next_cursor":2,"list":[{"userid":"u"}]}"#,
            r#"{"has_more":true,"next_cursor":0,"list":[{"userid":"u"}]}"#,
            "{}",
        ] {
            let (_, next) = list.next(accept_result::<ListUsers>(page).unwrap());
            assert!(next.is_none(), "{page}");
        }
    }
}
