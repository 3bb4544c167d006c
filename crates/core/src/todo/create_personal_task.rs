//! `POST /v1.0/todo/users/me/personalTasks`: a new to-do of the person's own (wire-facts §9.2).

use serde::{Deserialize, Serialize};

use crate::dialect::OpenApi;
use crate::endpoint::{Endpoint, Method, Operation};
use crate::todo::NotifyConfigs;
use crate::{TaskId, UnionId, User, lenient};

/// Creates a to-do of the person's own, with that person's token.
///
/// It goes out once: there is no key to look for it by.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[must_use = "an endpoint does nothing until it is called"]
pub struct CreatePersonalTask {
    subject: String,
    executor_ids: Vec<UnionId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    due_time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    participant_ids: Option<Vec<UnionId>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    notify_configs: Option<NotifyConfigs>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reminder_time_stamp: Option<i64>,
}

impl CreatePersonalTask {
    /// What is to be done, and by whom; up to 100 people.
    pub fn new<I: Into<UnionId>>(
        subject: impl Into<String>,
        executor_ids: impl IntoIterator<Item = I>,
    ) -> Self {
        Self {
            subject: subject.into(),
            executor_ids: executor_ids.into_iter().map(Into::into).collect(),
            description: None,
            due_time: None,
            participant_ids: None,
            notify_configs: None,
            reminder_time_stamp: None,
        }
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

    /// Who takes part; up to 100.
    pub fn participant_ids<I: Into<UnionId>>(mut self, ids: impl IntoIterator<Item = I>) -> Self {
        self.participant_ids = Some(ids.into_iter().map(Into::into).collect());
        self
    }

    /// How people are told; only the DING is known here.
    pub fn notify_configs(mut self, configs: NotifyConfigs) -> Self {
        self.notify_configs = Some(configs);
        self
    }

    /// When people are reminded, in milliseconds since 1970.
    pub fn reminder_time_stamp(mut self, time: i64) -> Self {
        self.reminder_time_stamp = Some(time);
        self
    }
}

impl Endpoint for CreatePersonalTask {
    type Caller = User;
    type Api = OpenApi;
    type Output = PersonalTask;
    const OPERATION: &Operation = &Operation::openapi(
        "todo.create_personal_task",
        Method::Post,
        "/v1.0/todo/users/me/personalTasks",
    );
}

/// A to-do of the person's own, just created.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct PersonalTask {
    /// The to-do.
    #[serde(deserialize_with = "lenient::required")]
    pub task_id: TaskId,
    /// When it was created, in milliseconds since 1970.
    #[serde(default, deserialize_with = "lenient::read")]
    pub created_time: Option<i64>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Replay;
    use crate::endpoint::testing::{accept, body, line};

    #[test]
    fn subject_and_people_are_always_sent() {
        let create = CreatePersonalTask::new("买票", ["Qm7Z"]);
        assert_eq!(line(&create), "POST /v1.0/todo/users/me/personalTasks");
        assert_eq!(body(&create), json!({"subject": "买票", "executorIds": ["Qm7Z"]}));
        let create = create
            .description("两张")
            .due_time(1_772_683_200_000)
            .participant_ids(["Lr5T"])
            .notify_configs(NotifyConfigs::new().ding_notify(true))
            .reminder_time_stamp(1);
        assert_eq!(
            body(&create),
            json!({
                "subject": "买票", "executorIds": ["Qm7Z"], "description": "两张",
                "dueTime": 1_772_683_200_000_i64, "participantIds": ["Lr5T"],
                "notifyConfigs": {"dingNotify": "1"}, "reminderTimeStamp": 1,
            })
        );
        assert_eq!(CreatePersonalTask::OPERATION.replay, Replay::Never);
    }

    #[test]
    fn the_answer_is_read_in_documented_and_in_stringly_form() {
        for answer in [
            r#"{"taskId":"tskPersonal0001","createdTime":1772416800123}"#,
            r#"{"taskId":"tskPersonal0001","createdTime":"1772416800123"}"#,
        ] {
            let task = accept::<CreatePersonalTask>(answer).unwrap();
            assert_eq!(task.task_id, "tskPersonal0001");
            assert_eq!(task.created_time, Some(1_772_416_800_123));
        }
        assert!(accept::<CreatePersonalTask>("{}").is_none());
    }
}
