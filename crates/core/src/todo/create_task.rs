//! `POST /v1.0/todo/users/{unionId}/tasks`: a new to-do (wire-facts §9.1).

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::dialect::OpenApi;
use crate::endpoint::{Endpoint, Method, Operation, Query};
use crate::todo::{ContentField, DetailUrl, NotifyConfigs, Task};
use crate::{AppOrUser, Error, SourceId, UnionId};

/// Creates a to-do in a person's name.
///
/// It goes out once, even with a source id: the platform refuses a second to-do under the same
/// source id and does not say which one the first was. When an answer is lost, look with
/// [`GetTaskBySource`](crate::todo::GetTaskBySource) before creating again.
///
/// Internal apps call it with the app's token, third-party apps with a person's.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[must_use = "an endpoint does nothing until it is called"]
pub struct CreateTask {
    #[serde(skip)]
    union_id: UnionId,
    #[serde(skip)]
    operator_id: Option<UnionId>,
    subject: String,
    detail_url: DetailUrl,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_id: Option<SourceId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    creator_id: Option<UnionId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    due_time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    executor_ids: Option<Vec<UnionId>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    participant_ids: Option<Vec<UnionId>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_field_list: Option<Vec<ContentField>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_only_show_executor: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    priority: Option<TaskPriority>,
    #[serde(skip_serializing_if = "Option::is_none")]
    notify_configs: Option<NotifyConfigs>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remind_notify_configs: Option<NotifyConfigs>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reminder_time_stamp: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    biz_category_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    action_list: Option<Vec<TaskAction>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    todo_type: Option<TaskKind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    third_extension: Option<BTreeMap<String, Value>>,
}

impl CreateTask {
    /// Owner, what is to be done (up to 1024 characters), and where a click leads, which the
    /// platform has insisted on since 2024.
    pub fn new(
        union_id: impl Into<UnionId>,
        subject: impl Into<String>,
        detail_url: impl Into<DetailUrl>,
    ) -> Self {
        Self {
            union_id: union_id.into(),
            operator_id: None,
            subject: subject.into(),
            detail_url: detail_url.into(),
            source_id: None,
            creator_id: None,
            description: None,
            due_time: None,
            executor_ids: None,
            participant_ids: None,
            content_field_list: None,
            is_only_show_executor: None,
            priority: None,
            notify_configs: None,
            remind_notify_configs: None,
            reminder_time_stamp: None,
            biz_category_id: None,
            action_list: None,
            todo_type: None,
            third_extension: None,
        }
    }

    /// Who acts.
    pub fn operator_id(mut self, operator_id: impl Into<UnionId>) -> Self {
        self.operator_id = Some(operator_id.into());
        self
    }

    /// Your own key: at most one to-do per source id.
    pub fn source_id(mut self, source_id: impl Into<SourceId>) -> Self {
        self.source_id = Some(source_id.into());
        self
    }

    /// Who created it.
    pub fn creator_id(mut self, creator_id: impl Into<UnionId>) -> Self {
        self.creator_id = Some(creator_id.into());
        self
    }

    /// More about it, up to 4096 characters.
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// When it is due, in milliseconds since 1970.
    pub fn due_time(mut self, due_time: i64) -> Self {
        self.due_time = Some(due_time);
        self
    }

    /// Who is to do it; better not more than 100.
    pub fn executor_ids<I: Into<UnionId>>(mut self, ids: impl IntoIterator<Item = I>) -> Self {
        self.executor_ids = Some(ids.into_iter().map(Into::into).collect());
        self
    }

    /// Who takes part; better not more than 100.
    pub fn participant_ids<I: Into<UnionId>>(mut self, ids: impl IntoIterator<Item = I>) -> Self {
        self.participant_ids = Some(ids.into_iter().map(Into::into).collect());
        self
    }

    /// Adds a field to its card.
    pub fn content_field(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.content_field_list.get_or_insert_default().push(ContentField::new(key, value));
        self
    }

    /// Whether only those who are to do it see it.
    pub fn is_only_show_executor(mut self, only: bool) -> Self {
        self.is_only_show_executor = Some(only);
        self
    }

    /// Its priority.
    pub fn priority(mut self, priority: TaskPriority) -> Self {
        self.priority = Some(priority);
        self
    }

    /// How people are told now.
    pub fn notify_configs(mut self, configs: NotifyConfigs) -> Self {
        self.notify_configs = Some(configs);
        self
    }

    /// How people are reminded.
    pub fn remind_notify_configs(mut self, configs: NotifyConfigs) -> Self {
        self.remind_notify_configs = Some(configs);
        self
    }

    /// When people are reminded, in milliseconds since 1970.
    pub fn reminder_time_stamp(mut self, time: i64) -> Self {
        self.reminder_time_stamp = Some(time);
        self
    }

    /// The category that the app set up for its to-dos.
    pub fn biz_category_id(mut self, id: impl Into<String>) -> Self {
        self.biz_category_id = Some(id.into());
        self
    }

    /// Adds a button to its card.
    pub fn action(mut self, action: TaskAction) -> Self {
        self.action_list.get_or_insert_default().push(action);
        self
    }

    /// Whether it is to be done or to be read.
    pub fn todo_type(mut self, kind: TaskKind) -> Self {
        self.todo_type = Some(kind);
        self
    }

    /// Adds a member to the extension that the platform keeps for you.
    pub fn third_extension(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.third_extension.get_or_insert_default().insert(name.into(), value.into());
        self
    }
}

impl Endpoint for CreateTask {
    type Caller = AppOrUser;
    type Api = OpenApi;
    type Output = Task;
    const OPERATION: &Operation =
        &Operation::openapi("todo.create_task", Method::Post, "/v1.0/todo/users/{unionId}/tasks");

    fn path(&self) -> Result<Cow<'static, str>, Error> {
        Self::OPERATION.fill(&[&self.union_id])
    }

    fn query(&self, query: &mut Query) {
        query.push_some("operatorId", self.operator_id.as_ref());
    }
}

/// How urgent a to-do is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum TaskPriority {
    /// 10
    Low,
    /// 20
    Normal,
    /// 30
    High,
    /// 40
    Urgent,
}

impl TaskPriority {
    /// The number that stands for it, as in [`Task::priority`].
    pub const fn code(self) -> i64 {
        match self {
            Self::Low => 10,
            Self::Normal => 20,
            Self::High => 30,
            Self::Urgent => 40,
        }
    }
}

impl Serialize for TaskPriority {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(self.code())
    }
}

/// Whether a to-do is to be done or to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "UPPERCASE")]
#[non_exhaustive]
pub enum TaskKind {
    /// To be done; the platform's default.
    Todo,
    /// To be read.
    Read,
}

/// A button on a to-do's card.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[must_use]
pub struct TaskAction {
    title: String,
    action_type: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    param: Option<ActionParam>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pc_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    action_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    button_style_type: Option<i64>,
}

#[derive(Clone, Debug, Default, Serialize)]
struct ActionParam {
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    header: BTreeMap<String, String>,
}

impl TaskAction {
    /// What stands on the button, and the platform's number for what it does: 1 or 2.
    pub fn new(title: impl Into<String>, action_type: i64) -> Self {
        Self {
            title: title.into(),
            action_type,
            param: None,
            url: None,
            pc_url: None,
            action_key: None,
            button_style_type: None,
        }
    }

    /// The URL behind it.
    pub fn url(mut self, url: impl Into<String>) -> Self {
        self.url = Some(url.into());
        self
    }

    /// The URL behind it on the desktop.
    pub fn pc_url(mut self, url: impl Into<String>) -> Self {
        self.pc_url = Some(url.into());
        self
    }

    /// Your own key of the button.
    pub fn action_key(mut self, key: impl Into<String>) -> Self {
        self.action_key = Some(key.into());
        self
    }

    /// The body of the request that it makes.
    pub fn body(mut self, body: impl Into<String>) -> Self {
        self.param.get_or_insert_default().body = Some(body.into());
        self
    }

    /// Adds a header to the request that it makes.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.param.get_or_insert_default().header.insert(name.into(), value.into());
        self
    }

    /// The platform's number for how it looks.
    pub fn button_style_type(mut self, style: i64) -> Self {
        self.button_style_type = Some(style);
        self
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::endpoint::testing::{HOSTILE, accept, body, line, query};
    use crate::{Replay, TaskId};

    /// Wire-facts §14 row 16: the table calls `detailUrl` optional, a note calls it mandatory.
    #[test]
    fn the_detail_url_is_always_sent() {
        let create = CreateTask::new("Qm7Z", "复核三月工时", "https://app.example.com/t/88");
        assert_eq!(line(&create), "POST /v1.0/todo/users/Qm7Z/tasks");
        assert_eq!(query(&create), "");
        assert_eq!(
            body(&create),
            json!({
                "subject": "复核三月工时",
                "detailUrl": {
                    "appUrl": "https://app.example.com/t/88",
                    "pcUrl": "https://app.example.com/t/88",
                },
            })
        );
    }

    #[test]
    fn every_field_has_its_place_on_the_wire() {
        let create = CreateTask::new(
            "Qm7Z",
            "复核三月工时",
            DetailUrl::new("https://app.example.com/m/t/88", "https://app.example.com/t/88"),
        )
        .operator_id("Lr5T")
        .source_id("ts-2026-03-88")
        .creator_id("Qm7Z")
        .description("按项目")
        .due_time(1_772_683_200_000)
        .executor_ids(["Qm7Z"])
        .participant_ids([UnionId::from("Lr5T")])
        .content_field("项目", "海棠")
        .is_only_show_executor(true)
        .priority(TaskPriority::Normal)
        .notify_configs(NotifyConfigs::new().ding_notify(true))
        .remind_notify_configs(NotifyConfigs::new().ding_notify(false).send_todo_apn(true))
        .reminder_time_stamp(1_772_683_100_000)
        .biz_category_id("c1")
        .action(
            TaskAction::new("同意", 2)
                .url("https://app.example.com/agree")
                .pc_url("https://app.example.com/pc/agree")
                .action_key("agree")
                .body("{}")
                .header("x-app", "1")
                .button_style_type(1),
        )
        .action(TaskAction::new("看", 1))
        .todo_type(TaskKind::Read)
        .third_extension("k", "v");
        assert_eq!(query(&create), "operatorId=Lr5T");
        assert_eq!(
            body(&create),
            json!({
                "sourceId": "ts-2026-03-88",
                "subject": "复核三月工时",
                "creatorId": "Qm7Z",
                "description": "按项目",
                "dueTime": 1_772_683_200_000_i64,
                "executorIds": ["Qm7Z"],
                "participantIds": ["Lr5T"],
                "detailUrl": {
                    "appUrl": "https://app.example.com/m/t/88",
                    "pcUrl": "https://app.example.com/t/88",
                },
                "contentFieldList": [{"fieldKey": "项目", "fieldValue": "海棠"}],
                "isOnlyShowExecutor": true,
                "priority": 20,
                "notifyConfigs": {"dingNotify": "1"},
                "remindNotifyConfigs": {"dingNotify": "0", "sendTodoApn": "true"},
                "reminderTimeStamp": 1_772_683_100_000_i64,
                "bizCategoryId": "c1",
                "actionList": [
                    {
                        "title": "同意", "actionType": 2, "actionKey": "agree",
                        "url": "https://app.example.com/agree",
                        "pcUrl": "https://app.example.com/pc/agree",
                        "param": {"body": "{}", "header": {"x-app": "1"}},
                        "buttonStyleType": 1,
                    },
                    {"title": "看", "actionType": 1},
                ],
                "todoType": "READ",
                "thirdExtension": {"k": "v"},
            })
        );
    }

    #[test]
    fn an_owner_cannot_leave_its_place() {
        let create = CreateTask::new(HOSTILE.0, "s", "u").operator_id("a&b");
        assert_eq!(line(&create), format!("POST /v1.0/todo/users/{}/tasks", HOSTILE.1));
        assert_eq!(query(&create), "operatorId=a%26b");
        assert!(CreateTask::new("..", "s", "u").path().is_err());
    }

    /// Wire-facts §14 row 15: a known source id is refused and the first to-do not named.
    #[test]
    fn a_source_id_does_not_make_creating_repeatable() {
        assert_eq!(CreateTask::OPERATION.replay, Replay::Never);
    }

    #[test]
    fn priorities_are_ordered_and_numbered() {
        assert!(TaskPriority::Urgent > TaskPriority::High);
        let codes =
            [TaskPriority::Low, TaskPriority::Normal, TaskPriority::High, TaskPriority::Urgent];
        assert_eq!(codes.map(TaskPriority::code), [10, 20, 30, 40]);
    }

    #[test]
    fn the_answer_is_read_whole() {
        let task = accept::<CreateTask>(
            r#"{"id":"tskAbC","subject":"复核三月工时","description":"",
                "startTime":1772416800000,"dueTime":1772683200000,"finishTime":0,"done":false,
                "executorIds":["Qm7Z"],"participantIds":["Lr5T"],
                "detailUrl":{"pcUrl":"https://app.example.com/t/88","appUrl":"https://x"},
                "source":"todo_open_dingk3v9","sourceId":"ts-2026-03-88",
                "createdTime":1772416800123,"modifiedTime":1772416800123,"creatorId":"Qm7Z",
                "modifierId":"Qm7Z","bizTag":"todo_open_dingk3v9","requestId":"5B2C",
                "contentFieldList":[{"fieldKey":"项目","fieldValue":"海棠"}],
                "isOnlyShowExecutor":true,"priority":20,"notifyConfigs":{"dingNotify":"1"}}"#,
        )
        .unwrap();
        assert_eq!((task.id, task.done), (TaskId::from("tskAbC"), false));
        assert_eq!((task.description, task.finish_time), (None, Some(0)));
        assert_eq!(task.executor_ids, ["Qm7Z"]);
        assert_eq!(task.source_id, Some("ts-2026-03-88".into()));
        assert_eq!(task.created_time, Some(1_772_416_800_123));
        assert_eq!(task.content_field_list, [ContentField::new("项目", "海棠")]);
        assert_eq!(task.detail_url.app_url.as_deref(), Some("https://x"));
        assert_eq!(task.priority, Some(TaskPriority::Normal.code()));
        assert_eq!(task.notify_configs.ding_notify, Some(true));
        assert!(task.is_only_show_executor);
        assert_eq!(task.request_id.as_deref(), Some("5B2C"));
    }

    #[test]
    fn strings_single_objects_and_nulls_are_read_too() {
        let task = accept::<CreateTask>(
            r#"{"id":"tskAbC","subject":"s","done":"true","dueTime":"1772683200000",
                "executorIds":"Qm7Z","participantIds":null,"detailUrl":null,
                "contentFieldList":{"fieldKey":"k","fieldValue":1},"priority":"40",
                "notifyConfigs":null,"isOnlyShowExecutor":"false","new":[]}"#,
        )
        .unwrap();
        assert!(task.done && !task.is_only_show_executor);
        assert_eq!((task.due_time, task.priority), (Some(1_772_683_200_000), Some(40)));
        assert_eq!(task.executor_ids, ["Qm7Z"]);
        assert_eq!(task.content_field_list, [ContentField::new("k", "1")]);
        assert_eq!(task.detail_url, DetailUrl::default());
    }

    #[test]
    fn an_answer_without_id_is_no_task() {
        assert!(accept::<CreateTask>("{}").is_none());
        assert!(accept::<CreateTask>(r#"{"subject":"s"}"#).is_none());
    }
}
