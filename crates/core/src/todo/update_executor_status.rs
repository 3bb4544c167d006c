//! `PUT /v1.0/todo/users/{unionId}/tasks/{taskId}/executorStatus`: who has done a to-do
//! (wire-facts §9.2).

use std::borrow::Cow;

use serde::Serialize;

use crate::dialect::OpenApi;
use crate::endpoint::{Endpoint, Method, Operation, Query};
use crate::todo::TaskChange;
use crate::{AppOrUser, Error, TaskId, UnionId};

/// Says for single people whether they have done a to-do.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[must_use = "an endpoint does nothing until it is called"]
pub struct UpdateExecutorStatus {
    #[serde(skip)]
    union_id: UnionId,
    #[serde(skip)]
    task_id: TaskId,
    #[serde(skip)]
    operator_id: Option<UnionId>,
    executor_status_list: Vec<ExecutorStatus>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ExecutorStatus {
    id: UnionId,
    is_done: bool,
}

impl UpdateExecutorStatus {
    /// Owner and to-do.
    pub fn new(union_id: impl Into<UnionId>, task_id: impl Into<TaskId>) -> Self {
        Self {
            union_id: union_id.into(),
            task_id: task_id.into(),
            operator_id: None,
            executor_status_list: Vec::new(),
        }
    }

    /// Adds a person; up to 1000.
    pub fn executor(mut self, id: impl Into<UnionId>, is_done: bool) -> Self {
        self.executor_status_list.push(ExecutorStatus { id: id.into(), is_done });
        self
    }

    /// Who acts.
    pub fn operator_id(mut self, operator_id: impl Into<UnionId>) -> Self {
        self.operator_id = Some(operator_id.into());
        self
    }
}

impl Endpoint for UpdateExecutorStatus {
    type Caller = AppOrUser;
    type Api = OpenApi;
    type Output = TaskChange;
    const OPERATION: &Operation = &Operation::openapi(
        "todo.update_executor_status",
        Method::Put,
        "/v1.0/todo/users/{unionId}/tasks/{taskId}/executorStatus",
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
    use crate::Replay;
    use crate::endpoint::testing::{HOSTILE, accept, body, line, query};

    #[test]
    fn people_are_listed_in_the_body() {
        let update = UpdateExecutorStatus::new("Qm7Z", "tskAbC")
            .executor("Qm7Z", true)
            .executor("Lr5T", false)
            .operator_id("Qm7Z");
        assert_eq!(line(&update), "PUT /v1.0/todo/users/Qm7Z/tasks/tskAbC/executorStatus");
        assert_eq!(query(&update), "operatorId=Qm7Z");
        assert_eq!(
            body(&update),
            json!({"executorStatusList": [
                {"id": "Qm7Z", "isDone": true}, {"id": "Lr5T", "isDone": false},
            ]})
        );
        assert_eq!(UpdateExecutorStatus::OPERATION.replay, Replay::Never);
    }

    #[test]
    fn owner_and_task_cannot_leave_their_places() {
        let update = UpdateExecutorStatus::new("Qm7Z", HOSTILE.0);
        let expected = format!("PUT /v1.0/todo/users/Qm7Z/tasks/{}/executorStatus", HOSTILE.1);
        assert_eq!(line(&update), expected);
        assert!(UpdateExecutorStatus::new("Qm7Z", "..").path().is_err());
    }

    #[test]
    fn the_answer_says_whether_it_was_done() {
        assert!(accept::<UpdateExecutorStatus>(r#"{"result":"true"}"#).unwrap().result);
    }
}
