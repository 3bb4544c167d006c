//! `GET /v1.0/todo/users/{unionId}/tasks/{taskId}`: a to-do by its id (wire-facts §9.2).

use std::borrow::Cow;

use serde::Serialize;

use crate::dialect::OpenApi;
use crate::endpoint::{Endpoint, Method, Operation};
use crate::todo::Task;
use crate::{AppOrUser, Error, TaskId, UnionId};

/// Asks for a to-do.
#[derive(Clone, Debug, Serialize)]
#[must_use = "an endpoint does nothing until it is called"]
pub struct GetTask {
    #[serde(skip)]
    union_id: UnionId,
    #[serde(skip)]
    task_id: TaskId,
}

impl GetTask {
    /// Owner and to-do.
    pub fn new(union_id: impl Into<UnionId>, task_id: impl Into<TaskId>) -> Self {
        Self { union_id: union_id.into(), task_id: task_id.into() }
    }
}

impl Endpoint for GetTask {
    type Caller = AppOrUser;
    type Api = OpenApi;
    type Output = Task;
    const OPERATION: &Operation = &Operation::openapi(
        "todo.get_task",
        Method::Get,
        "/v1.0/todo/users/{unionId}/tasks/{taskId}",
    );

    fn path(&self) -> Result<Cow<'static, str>, Error> {
        Self::OPERATION.fill(&[self.union_id.as_str(), self.task_id.as_str()])
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::endpoint::testing::{HOSTILE, accept, body, line, query};

    #[test]
    fn owner_and_task_stand_in_the_path_and_cannot_leave_it() {
        let get = GetTask::new("Qm7Z", "tskAbC");
        assert_eq!(line(&get), "GET /v1.0/todo/users/Qm7Z/tasks/tskAbC");
        assert_eq!((query(&get).as_str(), body(&get)), ("", json!({})));
        let get = GetTask::new(HOSTILE.0, HOSTILE.0);
        assert_eq!(line(&get), format!("GET /v1.0/todo/users/{0}/tasks/{0}", HOSTILE.1));
        assert!(GetTask::new("Qm7Z", "..").path().is_err());
        assert!(GetTask::new("Qm7Z", "").path().is_err(), "would list instead");
    }

    #[test]
    fn the_answer_has_card_and_organization_beside_the_task() {
        let task = accept::<GetTask>(
            r#"{"id":"tskAbC","subject":"s","done":true,"cardTypeId":"","tenantId":"ding7c1e",
                "tenantType":"ORG"}"#,
        )
        .unwrap();
        assert_eq!((task.card_type_id, task.tenant_id), (None, Some("ding7c1e".into())));
        assert_eq!((task.done, task.tenant_type.as_deref()), (true, Some("ORG")));
        assert!(accept::<GetTask>("{}").is_none());
    }
}
