//! `PUT /v1.0/todo/users/{unionId}/tasks/{taskId}`: changes a to-do (wire-facts §9.2).

use std::borrow::Cow;

use serde::Serialize;

use crate::dialect::OpenApi;
use crate::endpoint::{Endpoint, Method, Operation, Query};
use crate::todo::{ContentField, TaskChange};
use crate::{AppOrUser, Error, TaskId, UnionId};

/// Changes a to-do. Only what is given is sent.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[must_use = "an endpoint does nothing until it is called"]
pub struct UpdateTask {
    #[serde(skip)]
    union_id: UnionId,
    #[serde(skip)]
    task_id: TaskId,
    #[serde(skip)]
    operator_id: Option<UnionId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    due_time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    done: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    executor_ids: Option<Vec<UnionId>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    participant_ids: Option<Vec<UnionId>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_field_list: Option<Vec<ContentField>>,
}

impl UpdateTask {
    /// Owner and to-do.
    pub fn new(union_id: impl Into<UnionId>, task_id: impl Into<TaskId>) -> Self {
        Self {
            union_id: union_id.into(),
            task_id: task_id.into(),
            operator_id: None,
            subject: None,
            description: None,
            due_time: None,
            done: None,
            executor_ids: None,
            participant_ids: None,
            content_field_list: None,
        }
    }

    /// Who acts.
    pub fn operator_id(mut self, operator_id: impl Into<UnionId>) -> Self {
        self.operator_id = Some(operator_id.into());
        self
    }

    /// What is to be done.
    pub fn subject(mut self, subject: impl Into<String>) -> Self {
        self.subject = Some(subject.into());
        self
    }

    /// More about it.
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// When it is due, in milliseconds since 1970.
    pub fn due_time(mut self, due_time: i64) -> Self {
        self.due_time = Some(due_time);
        self
    }

    /// Whether it is done.
    pub fn done(mut self, done: bool) -> Self {
        self.done = Some(done);
        self
    }

    /// Who is to do it; up to 1000.
    pub fn executor_ids<I: Into<UnionId>>(mut self, ids: impl IntoIterator<Item = I>) -> Self {
        self.executor_ids = Some(ids.into_iter().map(Into::into).collect());
        self
    }

    /// Who takes part; up to 1000.
    pub fn participant_ids<I: Into<UnionId>>(mut self, ids: impl IntoIterator<Item = I>) -> Self {
        self.participant_ids = Some(ids.into_iter().map(Into::into).collect());
        self
    }

    /// Adds a field to those that its card is to show.
    pub fn content_field(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.content_field_list.get_or_insert_default().push(ContentField::new(key, value));
        self
    }
}

impl Endpoint for UpdateTask {
    type Caller = AppOrUser;
    type Api = OpenApi;
    type Output = TaskChange;
    const OPERATION: &Operation = &Operation::openapi(
        "todo.update_task",
        Method::Put,
        "/v1.0/todo/users/{unionId}/tasks/{taskId}",
    );

    fn path(&self) -> Result<Cow<'static, str>, Error> {
        Self::OPERATION.fill(&[self.union_id.as_str(), self.task_id.as_str()])
    }

    fn query(&self, query: &mut Query) {
        query.push_some("operatorId", self.operator_id.as_ref());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::endpoint::testing::{HOSTILE, accept, body, line, query};
    use crate::{Body, Replay};

    #[test]
    fn only_what_changes_is_sent() {
        let update = UpdateTask::new("Qm7Z", "tskAbC");
        assert_eq!(line(&update), "PUT /v1.0/todo/users/Qm7Z/tasks/tskAbC");
        assert_eq!((query(&update).as_str(), body(&update)), ("", json!({})));
        let update = update.operator_id("Qm7Z").subject("改").done(true);
        assert_eq!(query(&update), "operatorId=Qm7Z");
        assert_eq!(body(&update), json!({"subject": "改", "done": true}));
        let update = UpdateTask::new("Qm7Z", "tskAbC")
            .description("d")
            .due_time(1)
            .executor_ids(["Qm7Z"])
            .participant_ids(Vec::<UnionId>::new())
            .content_field("k", "v");
        assert_eq!(
            body(&update),
            json!({
                "description": "d", "dueTime": 1, "executorIds": ["Qm7Z"], "participantIds": [],
                "contentFieldList": [{"fieldKey": "k", "fieldValue": "v"}],
            })
        );
        assert_eq!(UpdateTask::OPERATION.replay, Replay::Never);
        assert_eq!(UpdateTask::OPERATION.body, Body::Json);
    }

    #[test]
    fn owner_and_task_cannot_leave_their_places() {
        let update = UpdateTask::new(HOSTILE.0, HOSTILE.0);
        assert_eq!(line(&update), format!("PUT /v1.0/todo/users/{0}/tasks/{0}", HOSTILE.1));
        assert!(UpdateTask::new("..", "t").path().is_err());
    }

    #[test]
    fn the_answer_says_whether_it_was_done() {
        assert!(accept::<UpdateTask>(r#"{"result":true}"#).unwrap().result);
        assert!(!accept::<UpdateTask>(r#"{"result":"false"}"#).unwrap().result);
    }
}
