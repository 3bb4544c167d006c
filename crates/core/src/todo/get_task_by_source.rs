//! `GET /v1.0/todo/users/{unionId}/tasks/sources/{sourceId}`: a to-do by your own key
//! (wire-facts §9.2).

use std::borrow::Cow;

use serde::Serialize;

use crate::dialect::OpenApi;
use crate::endpoint::{Endpoint, Method, Operation};
use crate::todo::Task;
use crate::{AppOrUser, Error, SourceId, UnionId};

/// Asks for a to-do by your own key: what to do before creating it again when an answer was lost.
#[derive(Clone, Debug, Serialize)]
#[must_use = "an endpoint does nothing until it is called"]
pub struct GetTaskBySource {
    #[serde(skip)]
    union_id: UnionId,
    #[serde(skip)]
    source_id: SourceId,
}

impl GetTaskBySource {
    /// Owner and key.
    pub fn new(union_id: impl Into<UnionId>, source_id: impl Into<SourceId>) -> Self {
        Self { union_id: union_id.into(), source_id: source_id.into() }
    }
}

impl Endpoint for GetTaskBySource {
    type Caller = AppOrUser;
    type Api = OpenApi;
    type Output = Task;
    const OPERATION: &Operation = &Operation::openapi(
        "todo.get_task_by_source",
        Method::Get,
        "/v1.0/todo/users/{unionId}/tasks/sources/{sourceId}",
    );

    fn path(&self) -> Result<Cow<'static, str>, Error> {
        Self::OPERATION.fill(&[self.union_id.as_str(), self.source_id.as_str()])
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::endpoint::testing::{HOSTILE, accept, body, line, query};

    #[test]
    fn owner_and_key_stand_in_the_path_and_cannot_leave_it() {
        let get = GetTaskBySource::new("Qm7Z", "ts-2026-03-88");
        assert_eq!(line(&get), "GET /v1.0/todo/users/Qm7Z/tasks/sources/ts-2026-03-88");
        assert_eq!((query(&get).as_str(), body(&get)), ("", json!({})));
        let get = GetTaskBySource::new("Qm7Z", HOSTILE.0);
        assert_eq!(line(&get), format!("GET /v1.0/todo/users/Qm7Z/tasks/sources/{}", HOSTILE.1));
        assert!(GetTaskBySource::new("Qm7Z", ".").path().is_err());
    }

    #[test]
    fn the_answer_is_a_task() {
        let task = accept::<GetTaskBySource>(r#"{"id":"tskAbC","sourceId":"ts-2026-03-88"}"#);
        assert_eq!(task.unwrap().source_id, Some("ts-2026-03-88".into()));
        assert!(accept::<GetTaskBySource>(r#"{"sourceId":"ts-2026-03-88"}"#).is_none());
    }
}
