//! `POST /v1.0/todo/users/{unionId}/org/tasks/query`: a person's to-dos (wire-facts §9.2).

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::dialect::OpenApi;
use crate::endpoint::{Endpoint, Method, Operation, Paged};
use crate::todo::{DetailUrl, TaskKind};
use crate::{AppOrUser, Error, SourceId, TaskId, UnionId, lenient};

/// Asks for a page of a person's to-dos in the organization; finished ones go back 180 days.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[must_use = "an endpoint does nothing until it is called"]
pub struct QueryTasks {
    #[serde(skip)]
    union_id: UnionId,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_done: Option<bool>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    role_types: Vec<Vec<TaskRole>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    todo_type: Option<TaskKind>,
}

impl QueryTasks {
    /// The first page of a person's to-dos.
    pub fn new(union_id: impl Into<UnionId>) -> Self {
        Self {
            union_id: union_id.into(),
            next_token: None,
            is_done: None,
            role_types: Vec::new(),
            todo_type: None,
        }
    }

    /// Where to go on: an earlier page's `next_token`.
    pub fn next_token(mut self, token: impl Into<String>) -> Self {
        self.next_token = Some(token.into());
        self
    }

    /// Only those that are done, or only those that are not.
    pub fn is_done(mut self, is_done: bool) -> Self {
        self.is_done = Some(is_done);
        self
    }

    /// Only those in which the person has all of these roles. Said again, it adds those in which
    /// the person has all of those.
    pub fn roles(mut self, all_of: impl IntoIterator<Item = TaskRole>) -> Self {
        self.role_types.push(all_of.into_iter().collect());
        self
    }

    /// Only those that are to be done, or to be read.
    pub fn todo_type(mut self, kind: TaskKind) -> Self {
        self.todo_type = Some(kind);
        self
    }
}

impl Endpoint for QueryTasks {
    type Caller = AppOrUser;
    type Api = OpenApi;
    type Output = TaskPage;
    const OPERATION: &Operation = &Operation::openapi(
        "todo.query_tasks",
        Method::Post,
        "/v1.0/todo/users/{unionId}/org/tasks/query",
    )
    .read();

    fn path(&self) -> Result<Cow<'static, str>, Error> {
        Self::OPERATION.fill(&[&self.union_id])
    }
}

impl Paged for QueryTasks {
    type Item = TaskCard;

    fn next(&self, page: TaskPage) -> (Vec<TaskCard>, Option<Self>) {
        let here = self.next_token.as_deref().unwrap_or("0");
        let next = page.next_token.filter(|token| advances(here, token));
        (page.todo_cards, next.map(|token| self.clone().next_token(token)))
    }
}

/// Whether a token leads on: one that leads back would go round for ever. Tokens are numbers so
/// far; of others it can only be told that they are not the same.
fn advances(here: &str, next: &str) -> bool {
    match (here.parse::<i64>(), next.parse::<i64>()) {
        (Ok(here), Ok(next)) => next > here,
        _ => next != here,
    }
}

/// What a person is to a to-do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TaskRole {
    /// Is to do it.
    Executor,
    /// Created it.
    Creator,
    /// Takes part.
    Participant,
}

/// A page of a person's to-dos.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct TaskPage {
    /// Where the next page begins; none on the last.
    #[serde(default, deserialize_with = "lenient::read")]
    pub next_token: Option<String>,
    /// The to-dos.
    #[serde(default, deserialize_with = "lenient::read")]
    pub todo_cards: Vec<TaskCard>,
}

/// A to-do among others. Times are in milliseconds since 1970.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct TaskCard {
    /// The to-do.
    #[serde(deserialize_with = "lenient::required")]
    pub task_id: TaskId,
    /// What is to be done.
    #[serde(default, deserialize_with = "lenient::read")]
    pub subject: String,
    /// When it is due.
    #[serde(default, deserialize_with = "lenient::read")]
    pub due_time: Option<i64>,
    /// Where a click leads.
    #[serde(default, deserialize_with = "lenient::object")]
    pub detail_url: DetailUrl,
    /// Its priority: 10 low, 20 normal, 30 high, 40 urgent.
    #[serde(default, deserialize_with = "lenient::read")]
    pub priority: Option<i64>,
    /// When it was created.
    #[serde(default, deserialize_with = "lenient::read")]
    pub created_time: Option<i64>,
    /// When it was changed last.
    #[serde(default, deserialize_with = "lenient::read")]
    pub modified_time: Option<i64>,
    /// Who created it.
    #[serde(default, deserialize_with = "lenient::read")]
    pub creator_id: Option<UnionId>,
    /// Your own key of it.
    #[serde(default, deserialize_with = "lenient::read")]
    pub source_id: Option<SourceId>,
    /// The app that owns it, in the platform's words.
    #[serde(default, deserialize_with = "lenient::read")]
    pub biz_tag: Option<String>,
    /// Whether it is done; a whole [`Task`](crate::todo::Task) calls it `done`.
    #[serde(default, alias = "done", deserialize_with = "lenient::read")]
    pub is_done: bool,
    /// `TODO` or `READ`.
    #[serde(default, deserialize_with = "lenient::read")]
    pub todo_type: Option<String>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Replay;
    use crate::endpoint::testing::{HOSTILE, accept, body, line, query};

    #[test]
    fn roles_are_an_or_of_ands() {
        let list = QueryTasks::new("Qm7Z");
        assert_eq!(line(&list), "POST /v1.0/todo/users/Qm7Z/org/tasks/query");
        assert_eq!((query(&list).as_str(), body(&list)), ("", json!({})));
        let list = list
            .next_token("0")
            .is_done(false)
            .roles([TaskRole::Executor, TaskRole::Participant])
            .roles([TaskRole::Creator])
            .todo_type(TaskKind::Todo);
        assert_eq!(
            body(&list),
            json!({
                "nextToken": "0", "isDone": false, "todoType": "TODO",
                "roleTypes": [["executor", "participant"], ["creator"]],
            })
        );
        assert_eq!(QueryTasks::OPERATION.replay, Replay::Safe);
    }

    #[test]
    fn an_owner_cannot_leave_its_place() {
        let list = QueryTasks::new(HOSTILE.0);
        assert_eq!(line(&list), format!("POST /v1.0/todo/users/{}/org/tasks/query", HOSTILE.1));
        assert!(QueryTasks::new("..").path().is_err());
    }

    #[test]
    fn a_page_is_read_in_documented_and_in_stringly_form() {
        for answer in [
            r#"{"nextToken":"15","todoCards":[{"taskId":"tskAbC","subject":"复核三月工时",
                "dueTime":1772683200000,"detailUrl":{"pcUrl":"https://x","appUrl":"https://y"},
                "priority":20,"createdTime":1772416800123,"modifiedTime":1772416800123,
                "creatorId":"Qm7Z","sourceId":"ts-2026-03-88","bizTag":"todo_open_x",
                "isDone":true,"todoType":"TODO"}]}"#,
            r#"{"nextToken":15,"todoCards":{"taskId":"tskAbC","subject":"复核三月工时",
                "dueTime":"1772683200000","detailUrl":{"pcUrl":"https://x"},"priority":"20",
                "sourceId":"ts-2026-03-88","isDone":"true","todoType":"TODO"}}"#,
        ] {
            let page = accept::<QueryTasks>(answer).unwrap();
            assert_eq!(page.next_token.as_deref(), Some("15"));
            let card = &page.todo_cards[0];
            assert_eq!((&card.task_id, card.is_done), (&"tskAbC".into(), true));
            assert_eq!((card.due_time, card.priority), (Some(1_772_683_200_000), Some(20)));
            assert_eq!(card.source_id, Some("ts-2026-03-88".into()));
            assert_eq!(card.detail_url.pc_url.as_deref(), Some("https://x"));
        }
        assert!(accept::<QueryTasks>(r#"{"todoCards":[{"subject":"s"}]}"#).is_none());
    }

    #[test]
    fn the_next_page_begins_where_the_token_says() {
        let list = QueryTasks::new("Qm7Z").is_done(false);
        let page = accept::<QueryTasks>(r#"{"nextToken":"15","todoCards":[{"taskId":"t"}]}"#);
        let (items, next) = list.next(page.unwrap());
        assert_eq!(items.len(), 1);
        let next = next.unwrap();
        assert_eq!(body(&next), json!({"nextToken": "15", "isDone": false}));
        assert_eq!(line(&next), "POST /v1.0/todo/users/Qm7Z/org/tasks/query");
        let page = accept::<QueryTasks>(r#"{"nextToken":"other","todoCards":[]}"#).unwrap();
        assert!(list.next(page).1.is_some());
    }

    #[test]
    fn paging_ends_without_a_token_or_with_one_that_does_not_lead_on() {
        let later = QueryTasks::new("Qm7Z").next_token("15");
        for answer in [
            r#"{"todoCards":[]}"#,
            r#"{"nextToken":null,"todoCards":[]}"#,
            r#"{"nextToken":"","todoCards":[]}"#,
            r#"{"nextToken":"15","todoCards":[{"taskId":"t"}]}"#,
            r#"{"nextToken":"0","todoCards":[{"taskId":"t"}]}"#,
        ] {
            let page = accept::<QueryTasks>(answer).unwrap();
            assert!(later.next(page).1.is_none(), "{answer}");
        }
        let first = QueryTasks::new("Qm7Z");
        let page = accept::<QueryTasks>(r#"{"nextToken":"0","todoCards":[]}"#).unwrap();
        assert!(first.next(page).1.is_none(), "the first page again");
        let other = QueryTasks::new("Qm7Z").next_token("abc");
        let page = accept::<QueryTasks>(r#"{"nextToken":"abc","todoCards":[]}"#).unwrap();
        assert!(other.next(page).1.is_none());
    }
}
