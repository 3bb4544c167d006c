//! `POST /v1.0/contact/departments/search`: departments by name (wire-facts §6.7).

use serde::{Deserialize, Serialize};

use crate::contact::paging::next_offset;
use crate::dialect::OpenApi;
use crate::endpoint::{Endpoint, Method, Operation, Paged};
use crate::{App, DeptId, lenient};

/// Asks for a page of departments that match a word; the answer holds their ids.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[must_use = "an endpoint does nothing until it is called"]
pub struct SearchDepartments {
    query_word: String,
    offset: i64,
    size: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    full_match_field: Option<i64>,
}

impl SearchDepartments {
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

impl Endpoint for SearchDepartments {
    type Caller = App;
    type Api = OpenApi;
    type Output = FoundDepartments;
    const OPERATION: &Operation = &Operation::openapi(
        "contact.search_departments",
        Method::Post,
        "/v1.0/contact/departments/search",
    )
    .read();
}

impl Paged for SearchDepartments {
    type Item = DeptId;

    fn next(&self, page: FoundDepartments) -> (Vec<DeptId>, Option<Self>) {
        let next = next_offset(self.offset, page.has_more, page.list.len());
        (page.list, next.map(|offset| self.clone().offset(offset)))
    }
}

/// A page of departments that match.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct FoundDepartments {
    /// Whether there are more.
    #[serde(default, deserialize_with = "lenient::read")]
    pub has_more: bool,
    /// How many there are in all.
    #[serde(default, deserialize_with = "lenient::read")]
    pub total_count: Option<i64>,
    /// Their ids.
    #[serde(default, deserialize_with = "lenient::read")]
    pub list: Vec<DeptId>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Replay;
    use crate::endpoint::testing::{accept, body, line};

    #[test]
    fn it_is_a_post_that_only_reads() {
        let search = SearchDepartments::new("林");
        assert_eq!(line(&search), "POST /v1.0/contact/departments/search");
        assert_eq!(body(&search), json!({"queryWord": "林", "offset": 0, "size": 20}));
        assert_eq!(
            body(&search.offset(10).size(10).full_match()),
            json!({"queryWord": "林", "offset": 10, "size": 10, "fullMatchField": 1})
        );
        assert_eq!(SearchDepartments::OPERATION.replay, Replay::Safe);
    }

    #[test]
    fn a_page_is_read_in_documented_and_in_stringly_form() {
        for answer in [
            r#"{"hasMore":false,"totalCount":1,"list":[604118220]}"#,
            r#"{"hasMore":"false","totalCount":"1","list":["604118220"],"more":[]}"#,
            r#"{"hasMore":false,"totalCount":1,"list":"[604118220]"}"#,
        ] {
            let page = accept::<SearchDepartments>(answer).unwrap();
            assert_eq!((page.has_more, page.total_count), (false, Some(1)));
            assert_eq!(page.list, [DeptId::new(604_118_220)], "{answer}");
        }
    }

    #[test]
    fn the_next_page_begins_behind_what_came() {
        let search = SearchDepartments::new("林").offset(10).size(10).full_match();
        let page = accept::<SearchDepartments>(r#"{"hasMore":true,"list":[1,2,3]}"#).unwrap();
        let (items, next) = search.next(page);
        assert_eq!(items.len(), 3);
        assert_eq!(
            body(&next.unwrap()),
            json!({"queryWord": "林", "offset": 13, "size": 10, "fullMatchField": 1})
        );
    }

    #[test]
    fn paging_ends_without_more_or_without_items() {
        let search = SearchDepartments::new("林");
        for answer in [
            r#"{"hasMore":false,"list":[1]}"#,
            r#"{"list":[1]}"#,
            r#"{"hasMore":true,"list":[]}"#,
            r#"{"hasMore":true}"#,
        ] {
            let (_, next) = search.next(accept::<SearchDepartments>(answer).unwrap());
            assert!(next.is_none(), "{answer}");
        }
        let page = accept::<SearchDepartments>(r#"{"hasMore":true,"list":[1]}"#).unwrap();
        assert!(search.offset(i64::MAX).next(page).1.is_none());
    }
}
