//! `POST /v1.0/contact/users/search`: users by name (wire-facts §6.7).

use serde::{Deserialize, Serialize};

use crate::contact::paging::next_offset;
use crate::dialect::OpenApi;
use crate::endpoint::{Endpoint, Method, Operation, Paged};
use crate::{App, UserId, lenient};

/// Asks for a page of people that match a word; the answer holds their ids.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[must_use = "an endpoint does nothing until it is called"]
pub struct SearchUsers {
    query_word: String,
    offset: i64,
    size: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    full_match_field: Option<i64>,
}

impl SearchUsers {
    /// The first page for a word.
    pub fn new(query_word: impl Into<String>) -> Self {
        Self { query_word: query_word.into(), offset: 0, size: 20, full_match_field: None }
    }

    /// How many to leave out.
    pub fn offset(mut self, offset: i64) -> Self {
        self.offset = offset;
        self
    }

    /// How many at once; 20 if not said.
    pub fn size(mut self, size: i64) -> Self {
        self.size = size;
        self
    }

    /// Matches whole names only.
    pub fn full_match(mut self) -> Self {
        self.full_match_field = Some(1);
        self
    }
}

impl Endpoint for SearchUsers {
    type Caller = App;
    type Api = OpenApi;
    type Output = FoundUsers;
    const OPERATION: &Operation =
        &Operation::openapi("contact.search_users", Method::Post, "/v1.0/contact/users/search")
            .read();
}

impl Paged for SearchUsers {
    type Item = UserId;

    fn next(&self, page: FoundUsers) -> (Vec<UserId>, Option<Self>) {
        let next = next_offset(self.offset, page.has_more, page.list.len());
        (page.list, next.map(|offset| self.clone().offset(offset)))
    }
}

/// A page of people that match.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct FoundUsers {
    /// Whether there are more.
    #[serde(default, deserialize_with = "lenient::read")]
    pub has_more: bool,
    /// How many there are in all.
    #[serde(default, deserialize_with = "lenient::read")]
    pub total_count: Option<i64>,
    /// Their ids.
    #[serde(default, deserialize_with = "lenient::read")]
    pub list: Vec<UserId>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Replay;
    use crate::endpoint::testing::{accept, body, line};

    #[test]
    fn it_is_a_post_that_only_reads() {
        let search = SearchUsers::new("林");
        assert_eq!(line(&search), "POST /v1.0/contact/users/search");
        assert_eq!(body(&search), json!({"queryWord": "林", "offset": 0, "size": 20}));
        assert_eq!(
            body(&search.offset(10).size(10).full_match()),
            json!({"queryWord": "林", "offset": 10, "size": 10, "fullMatchField": 1})
        );
        assert_eq!(SearchUsers::OPERATION.replay, Replay::Safe);
    }

    #[test]
    fn a_page_is_read_in_documented_and_in_stringly_form() {
        for answer in [
            r#"{"hasMore":false,"totalCount":1,"list":["u_lin01"]}"#,
            r#"{"hasMore":"false","totalCount":"1","list":["u_lin01"],"more":[]}"#,
            r#"{"hasMore":false,"totalCount":1,"list":"u_lin01"}"#,
        ] {
            let page = accept::<SearchUsers>(answer).unwrap();
            assert_eq!((page.has_more, page.total_count), (false, Some(1)));
            assert_eq!(page.list, [UserId::from("u_lin01")], "{answer}");
        }
    }

    #[test]
    fn the_next_page_begins_behind_what_came() {
        let search = SearchUsers::new("林").offset(10).size(10).full_match();
        let page = accept::<SearchUsers>(r#"{"hasMore":true,"list":[1,2,3]}"#).unwrap();
        let (items, next) = search.next(page);
        assert_eq!(items.len(), 3);
        assert_eq!(
            body(&next.unwrap()),
            json!({"queryWord": "林", "offset": 13, "size": 10, "fullMatchField": 1})
        );
    }

    #[test]
    fn paging_ends_without_more_or_without_items() {
        let search = SearchUsers::new("林");
        for answer in [
            r#"{"hasMore":false,"list":[1]}"#,
            r#"{"list":[1]}"#,
            r#"{"hasMore":true,"list":[]}"#,
            r#"{"hasMore":true}"#,
        ] {
            let (_, next) = search.next(accept::<SearchUsers>(answer).unwrap());
            assert!(next.is_none(), "{answer}");
        }
        let page = accept::<SearchUsers>(r#"{"hasMore":true,"list":[1]}"#).unwrap();
        assert!(search.offset(i64::MAX).next(page).1.is_none());
    }
}
