//! `POST /topapi/user/listsimple`: user ids and names of a department (wire-facts §6.5).

use serde::{Deserialize, Serialize};

use crate::contact::paging::next_cursor;
use crate::contact::{Language, UserOrder};
use crate::dialect::TopApi;
use crate::endpoint::{Endpoint, Method, Operation, Paged};
use crate::{App, DeptId, UserId, lenient};

/// Asks for a page of a department's direct members, user ids and names only.
#[derive(Clone, Debug, Serialize)]
#[must_use = "an endpoint does nothing until it is called"]
pub struct ListUserNames {
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

impl ListUserNames {
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

impl Endpoint for ListUserNames {
    type Caller = App;
    type Api = TopApi;
    type Output = UserNamePage;
    const OPERATION: &Operation =
        &Operation::topapi("contact.list_user_names", Method::Post, "/topapi/user/listsimple")
            .read();
}

impl Paged for ListUserNames {
    type Item = UserName;

    fn next(&self, page: UserNamePage) -> (Vec<UserName>, Option<Self>) {
        let next = next_cursor(self.cursor, page.has_more, page.next_cursor);
        (page.list, next.map(|cursor| self.clone().cursor(cursor)))
    }
}

/// A page of user ids and names.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct UserNamePage {
    /// Whether there are more.
    #[serde(default, deserialize_with = "lenient::read")]
    pub has_more: bool,
    /// Where the next page begins; none on the last.
    #[serde(default, deserialize_with = "lenient::read")]
    pub next_cursor: Option<i64>,
    /// The members.
    #[serde(default, deserialize_with = "lenient::read")]
    pub list: Vec<UserName>,
}

/// A person's user id and name.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct UserName {
    /// The person within the organization.
    #[serde(deserialize_with = "lenient::required")]
    pub userid: UserId,
    /// The name.
    #[serde(default, deserialize_with = "lenient::read")]
    pub name: String,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Replay;
    use crate::endpoint::testing::{accept_result, body, line};

    #[test]
    fn it_begins_at_the_beginning_with_the_largest_page() {
        let list = ListUserNames::new(604_118_220);
        assert_eq!(line(&list), "POST /topapi/user/listsimple");
        assert_eq!(body(&list), json!({"dept_id": 604_118_220, "cursor": 0, "size": 100}));
        let list = list
            .size(10)
            .order_field(UserOrder::EntryAsc)
            .contain_access_limit(false)
            .language(Language::EnUs);
        assert_eq!(
            body(&list),
            json!({
                "dept_id": 604_118_220, "cursor": 0, "size": 10, "order_field": "entry_asc",
                "contain_access_limit": false, "language": "en_US",
            })
        );
        assert_eq!(ListUserNames::OPERATION.replay, Replay::Safe);
    }

    #[test]
    fn a_page_is_read_in_documented_and_in_stringly_form() {
        let page = accept_result::<ListUserNames>(
            r#"{"has_more":false,"list":[{"name":"林夏","userid":"u_lin01"},
                {"name":"周棠","userid":"manager0427"}]}"#,
        )
        .unwrap();
        assert_eq!((page.has_more, page.next_cursor), (false, None));
        assert_eq!(page.list[1].userid, "manager0427");
        let page = accept_result::<ListUserNames>(
            r#"{"has_more":"true","next_cursor":"10","list":{"name":"林夏","userid":"u_lin01"}}"#,
        )
        .unwrap();
        assert_eq!((page.has_more, page.next_cursor), (true, Some(10)));
        assert_eq!(page.list[0].name, "林夏");
    }

    #[test]
    fn paging_goes_on_with_the_cursor_and_ends_where_it_stands_still() {
        let list = ListUserNames::new(1).cursor(10);
        let after = |page: &str| list.next(accept_result::<ListUserNames>(page).unwrap()).1;
        let next = after(r#"{"has_more":true,"next_cursor":20,"list":[]}"#).unwrap();
        assert_eq!(body(&next), json!({"dept_id": 1, "cursor": 20, "size": 100}));
        for page in [
            r#"{"has_more":false,"list":[]}"#,
            r#"{"has_more":true,"list":[{"userid":"u"}]}"#,
            r#"{"has_more":true,"next_cursor":10,"list":[{"userid":"u"}]}"#,
            r#"{"has_more":true,"next_cursor":9,"list":[{"userid":"u"}]}"#,
        ] {
            assert!(after(page).is_none(), "{page}");
        }
    }
}
