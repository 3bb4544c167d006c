//! Reading to-dos (wire-facts §9.1, §9.2).

use serde_json::Value;

use crate::call::{Call, Document};
use crate::platform::Platform;
use crate::tokens::Caller;
use crate::wire::failure::Failure;
use crate::wire::json::{Json, Object};

use super::todo::Task;

/// Nothing is said about the page size; this is ours.
pub(super) const PAGE: usize = 20;
/// Finished tasks are shown for 180 days.
const FINISHED_SHOWN: u64 = 180 * 86_400_000;

/// `GET …/tasks/{taskId}`. The error of an unknown id is not in any page; it follows its neighbours.
pub(crate) fn get(
    platform: &mut Platform,
    call: &Call<'_>,
    caller: &Caller,
) -> Result<Json, Failure> {
    let task = platform
        .todos
        .get(call.member(1))
        .filter(|task| task.corp == caller.corp)
        .ok_or_else(unknown)?;
    if task.client != caller.client {
        return Err(Failure::service(400, "todo.taskGet.paramError", "task not belong to bizTag"));
    }
    Ok(with_tenant(whole_task(task, &call.id).put("cardTypeId", ""), task))
}

/// `GET …/tasks/sources/{sourceId}`: what a client asks before it creates again. Without `cardTypeId`.
pub(crate) fn by_source(
    platform: &mut Platform,
    call: &Call<'_>,
    caller: &Caller,
) -> Result<Json, Failure> {
    let task = platform.todos.by_source(&caller.client, call.member(1)).ok_or_else(unknown)?;
    Ok(with_tenant(whole_task(task, &call.id), task))
}

/// `POST /v1.0/todo/users/{unionId}/org/tasks/query`: newest first; no `nextToken` at the end.
pub(crate) fn org_query(
    platform: &mut Platform,
    call: &Call<'_>,
    caller: &Caller,
) -> Result<Json, Failure> {
    let body = call.document()?;
    let wanted = Wanted::read(&body, "todo.orgTaskQuery.paramError")?;
    let tasks = wanted.tasks(platform, call.member(0), caller, call.now, false);
    let (page, next) = wanted.page(&tasks, PAGE);
    let cards: Vec<Object> = page.iter().map(|task| card(task)).collect();
    Ok(Object::new().put_some("nextToken", next).put("todoCards", cards).done())
}

/// What every list of a person's tasks can be asked for.
pub(super) struct Wanted {
    from: usize,
    done: Option<bool>,
    todo_type: Option<String>,
    roles: Vec<Vec<String>>,
}

impl Wanted {
    pub(super) fn read(body: &Document, code: &'static str) -> Result<Self, Failure> {
        let wrong = |message: &'static str| Failure::service(400, code, message);
        let from = match body.text("nextToken").filter(|token| !token.is_empty()) {
            Some(token) => token.parse().map_err(|_| wrong("nextToken is invalid"))?,
            None => 0,
        };
        let roles = body.get("roleTypes").map(read_roles);
        if roles.as_ref().is_some_and(Option::is_none) {
            return Err(wrong(code));
        }
        Ok(Self {
            from,
            done: body.get("isDone").and_then(Value::as_bool),
            todo_type: body.text("todoType"),
            roles: roles.flatten().unwrap_or_default(),
        })
    }

    /// The person's tasks in the caller's organization, newest first.
    pub(super) fn tasks<'p>(
        &self,
        platform: &'p Platform,
        union_id: &str,
        caller: &Caller,
        now: u64,
        personal: bool,
    ) -> Vec<&'p Task> {
        let mut tasks: Vec<&Task> = platform
            .todos
            .of_person(union_id)
            .filter(|task| task.corp == caller.corp && (personal || !task.personal))
            .filter(|task| self.done.is_none_or(|done| done == task.finished.is_some()))
            .filter(|task| task.finished.is_none_or(|at| now.saturating_sub(at) <= FINISHED_SHOWN))
            .filter(|task| self.todo_type.as_ref().is_none_or(|wanted| *wanted == task.todo_type))
            .filter(|task| {
                let roles = &self.roles;
                roles.is_empty()
                    || roles.iter().any(|all| all.iter().all(|role| has_role(task, union_id, role)))
            })
            .collect();
        tasks.reverse();
        tasks
    }

    /// One page, and the `nextToken` unless it is the last one.
    pub(super) fn page<'t>(
        &self,
        tasks: &'t [&'t Task],
        size: usize,
    ) -> (&'t [&'t Task], Option<String>) {
        let rest = tasks.get(self.from..).unwrap_or_default();
        let page = &rest[..size.min(rest.len())];
        let next = self.from.saturating_add(page.len());
        (page, (next < tasks.len() && !page.is_empty()).then(|| next.to_string()))
    }
}

/// A task as creating and reading it answer.
pub(crate) fn whole_task(task: &Task, call_id: &str) -> Object {
    let tag = task.biz_tag();
    let fields: Vec<Object> = task
        .fields
        .iter()
        .map(|(key, value)| {
            Object::new().put("fieldKey", key.clone()).put("fieldValue", value.clone())
        })
        .collect();
    Object::new()
        .put("id", task.id.clone())
        .put("subject", task.subject.clone())
        .put("description", task.description.clone())
        .put("startTime", task.created / 1000 * 1000)
        .put_some("dueTime", task.due)
        .put("finishTime", task.finished.unwrap_or(0))
        .put("done", task.finished.is_some())
        .put("executorIds", task.executors.iter().map(|(id, _)| id.clone()).collect::<Vec<_>>())
        .put("participantIds", task.participants.clone())
        .put_some("detailUrl", detail_url(task))
        .put("source", tag.clone())
        .put_some("sourceId", task.source_id.clone())
        .put("createdTime", task.created)
        .put("modifiedTime", task.modified)
        .put("creatorId", task.creator.clone())
        .put("modifierId", task.modifier.clone())
        .put("bizTag", tag)
        .put("requestId", call_id.to_owned())
        .put_some("contentFieldList", (!fields.is_empty()).then_some(fields))
        .put("isOnlyShowExecutor", task.only_executor)
        .put("priority", task.priority)
        .put_some(
            "notifyConfigs",
            task.ding_notify.clone().map(|flag| Object::new().put("dingNotify", flag)),
        )
}

/// A task in a list; the flag is `isDone` here.
pub(super) fn card(task: &Task) -> Object {
    Object::new()
        .put("taskId", task.id.clone())
        .put("subject", task.subject.clone())
        .put_some("dueTime", task.due)
        .put_some("detailUrl", detail_url(task))
        .put("priority", task.priority)
        .put("createdTime", task.created)
        .put("modifiedTime", task.modified)
        .put("creatorId", task.creator.clone())
        .put_some("sourceId", task.source_id.clone())
        .put("bizTag", task.biz_tag())
        .put("isDone", task.finished.is_some())
        .put("todoType", task.todo_type.clone())
}

fn with_tenant(object: Object, task: &Task) -> Json {
    object.put("tenantId", task.corp.to_string()).put("tenantType", "ORG").done()
}

fn detail_url(task: &Task) -> Option<Object> {
    task.detail_url
        .as_ref()
        .map(|(pc, phone)| Object::new().put("pcUrl", pc.clone()).put("appUrl", phone.clone()))
}

/// `[[executor], [creator, participant]]`: outer or, inner and.
fn read_roles(value: &Value) -> Option<Vec<Vec<String>>> {
    let one = |role: &Value| match role.as_str() {
        Some(role @ ("executor" | "creator" | "participant")) => Some(role.to_owned()),
        _ => None,
    };
    value.as_array()?.iter().map(|all| all.as_array()?.iter().map(one).collect()).collect()
}

fn has_role(task: &Task, union_id: &str, role: &str) -> bool {
    match role {
        "executor" => task.executors.iter().any(|(id, _)| id == union_id),
        "creator" => task.creator == union_id,
        _ => task.participants.iter().any(|id| id == union_id),
    }
}

fn unknown() -> Failure {
    Failure::service(400, "todo.taskGet.paramError", "task not exist")
}
