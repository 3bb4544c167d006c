//! `DELETE /v1.0/todo/users/{unionId}/tasks/{taskId}`: removes a to-do (wire-facts §9.2).

use std::borrow::Cow;

use serde::Serialize;

use crate::dialect::OpenApi;
use crate::endpoint::{Endpoint, Method, Operation, Query};
use crate::todo::TaskChange;
use crate::{AppOrUser, Error, TaskId, UnionId};

/// Removes a to-do.
#[derive(Clone, Debug, Serialize)]
#[must_use = "an endpoint does nothing until it is called"]
pub struct DeleteTask {
    #[serde(skip)]
    union_id: UnionId,
    #[serde(skip)]
    task_id: TaskId,
    #[serde(skip)]
    operator_id: Option<UnionId>,
}

impl DeleteTask {
    /// Owner and to-do.
    pub fn new(union_id: impl Into<UnionId>, task_id: impl Into<TaskId>) -> Self {
        Self { union_id: union_id.into(), task_id: task_id.into(), operator_id: None }
    }

    /// Who acts.
    pub fn operator_id(mut self, operator_id: impl Into<UnionId>) -> Self {
        self.operator_id = Some(operator_id.into());
        self
    }
}

impl Endpoint for DeleteTask {
    type Caller = AppOrUser;
    type Api = OpenApi;
    type Output = TaskChange;
    const OPERATION: &Operation = &Operation::openapi(
        "todo.delete_task",
        Method::Delete,
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
    use super::*;
    use crate::endpoint::testing::{HOSTILE, accept, line, query};
    use crate::{Body, Replay};

    #[test]
    fn it_sends_no_body_and_goes_out_once() {
        let delete = DeleteTask::new("Qm7Z", "tskAbC");
        assert_eq!(line(&delete), "DELETE /v1.0/todo/users/Qm7Z/tasks/tskAbC");
        assert_eq!(query(&delete), "");
        assert_eq!(query(&delete.operator_id("Lr5T")), "operatorId=Lr5T");
        assert_eq!(DeleteTask::OPERATION.body, Body::None);
        assert_eq!(DeleteTask::OPERATION.replay, Replay::Never);
    }

    #[test]
    fn owner_and_task_cannot_leave_their_places() {
        let delete = DeleteTask::new(HOSTILE.0, HOSTILE.0);
        assert_eq!(line(&delete), format!("DELETE /v1.0/todo/users/{0}/tasks/{0}", HOSTILE.1));
        for task in ["", ".", ".."] {
            assert!(DeleteTask::new("Qm7Z", task).path().is_err(), "{task:?}");
        }
    }

    #[test]
    fn the_answer_says_whether_it_was_done() {
        let change = accept::<DeleteTask>(r#"{"result":true,"requestId":"5B2C"}"#).unwrap();
        assert_eq!((change.result, change.request_id.as_deref()), (true, Some("5B2C")));
    }
}
