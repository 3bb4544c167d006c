//! Creating and changing to-dos (wire-facts §9).

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::call::{Call, Document};
use crate::platform::Platform;
use crate::rng::Rng;
use crate::tokens::{Caller, TokenKind};
use crate::wire::failure::{Failure, Refusal};
use crate::wire::json::{Json, Object};

use super::todo_query::whole_task;

const CREATE: &str = "todo.taskCreate.paramError";
const UPDATE: &str = "todo.taskUpdate.paramError";
const STATUS: &str = "todo.taskExecutorStatusUpdate.paramError";
const DELETE: &str = "todo.taskDelete.paramError";

/// `POST /v1.0/todo/users/{unionId}/tasks`. A `sourceId` that the app has used before is refused, not answered with
/// the old task (§9.1).
pub(crate) fn create(
    platform: &mut Platform,
    call: &Call<'_>,
    caller: &Caller,
) -> Result<Json, Failure> {
    let body = call.document()?;
    let owner = known_person(platform, caller, call.member(0))
        .ok_or_else(|| Failure::service(400, CREATE, CREATE))?;
    let draft = Draft::read(&body, CREATE, 100)?;
    let subject = draft.subject.ok_or(Refusal::FieldMissing("subject"))?;
    if draft.detail_url.is_none() && platform.switches.detail_url_required {
        return Err(Failure::service(400, CREATE, CREATE));
    }
    let source_id = body.text("sourceId").filter(|id| !id.is_empty());
    if let Some(source_id) = &source_id
        && platform.todos.by_source(&caller.client, source_id).is_some()
    {
        return Err(Failure::service(400, CREATE, format!("task existed sourceId is {source_id}")));
    }
    let creator =
        body.text("creatorId").filter(|id| !id.is_empty()).unwrap_or_else(|| owner.to_string());
    let modifier =
        call.query("operatorId").filter(|id| !id.is_empty()).unwrap_or(&creator).to_owned();
    let task = Task {
        id: new_id(&mut platform.rng),
        client: Arc::clone(&caller.client),
        corp: Arc::clone(&caller.corp),
        owner: owner.to_string(),
        source_id,
        subject,
        description: draft.description.unwrap_or_default(),
        due: draft.due,
        finished: None,
        executors: draft.executors.unwrap_or_default().into_iter().map(|id| (id, false)).collect(),
        participants: draft.participants.unwrap_or_default(),
        detail_url: draft.detail_url,
        fields: draft.fields.unwrap_or_default(),
        only_executor: matches!(body.get("isOnlyShowExecutor"), Some(Value::Bool(true))),
        priority: draft.priority.unwrap_or(20),
        ding_notify: body
            .get("notifyConfigs")
            .and_then(|configs| configs.get("dingNotify"))
            .and_then(text_of),
        created: call.now,
        modified: call.now,
        creator,
        modifier,
        todo_type: body.text("todoType").unwrap_or_else(|| "TODO".to_owned()),
        personal: false,
    };
    let written = whole_task(&task, &call.id);
    platform.todos.add(task);
    Ok(written.done())
}

/// `POST /v1.0/todo/users/me/personalTasks`: by a user token; an app token is the wrong type (§9.1).
pub(crate) fn create_personal(
    platform: &mut Platform,
    call: &Call<'_>,
    caller: &Caller,
) -> Result<Json, Failure> {
    let TokenKind::User { union_id, .. } = &caller.kind else {
        return Err(Failure::service(
            400,
            "todo.taskCreate.tokenTypeError",
            "token type is not match",
        ));
    };
    let body = call.document()?;
    let draft = Draft::read(&body, CREATE, 100)?;
    let subject = draft.subject.ok_or(Refusal::FieldMissing("subject"))?;
    let executors = draft.executors.ok_or(Refusal::FieldMissing("executorIds"))?;
    let task = Task {
        id: new_id(&mut platform.rng),
        client: Arc::clone(&caller.client),
        corp: Arc::clone(&caller.corp),
        owner: union_id.to_string(),
        source_id: None,
        subject,
        description: draft.description.unwrap_or_default(),
        due: draft.due,
        finished: None,
        executors: executors.into_iter().map(|id| (id, false)).collect(),
        participants: draft.participants.unwrap_or_default(),
        detail_url: None,
        fields: Vec::new(),
        only_executor: false,
        priority: 20,
        ding_notify: None,
        created: call.now,
        modified: call.now,
        creator: union_id.to_string(),
        modifier: union_id.to_string(),
        todo_type: "TODO".to_owned(),
        personal: true,
    };
    let written =
        Object::new().put("taskId", task.id.clone()).put("createdTime", task.created).done();
    platform.todos.add(task);
    Ok(written)
}

/// `PUT /v1.0/todo/users/{unionId}/tasks/{taskId}` (§9.2).
pub(crate) fn update(
    platform: &mut Platform,
    call: &Call<'_>,
    caller: &Caller,
) -> Result<Json, Failure> {
    let body = call.document()?;
    let task = own_task(platform, call.member(1), caller, UPDATE)?;
    change(task, &body, call)?;
    Ok(Object::new().put("result", true).done())
}

/// `PUT /v1.0/todo/users/me/tasks/{taskId}/update`: a person's own task.
pub(crate) fn update_own(
    platform: &mut Platform,
    call: &Call<'_>,
    caller: &Caller,
) -> Result<Json, Failure> {
    let body = call.document()?;
    change(persons_task(platform, call.member(0), caller, UPDATE)?, &body, call)?;
    Ok(Object::new().put("success", true).done())
}

/// `DELETE /v1.0/todo/users/me/tasks/{taskId}/remove`; the flag is text here, as the SDK has it.
pub(crate) fn delete_own(
    platform: &mut Platform,
    call: &Call<'_>,
    caller: &Caller,
) -> Result<Json, Failure> {
    persons_task(platform, call.member(0), caller, DELETE)?;
    platform.todos.remove(call.member(0));
    Ok(Object::new().put("success", "true").done())
}

/// `PUT …/tasks/{taskId}/executorStatus`: the field is `isDone` here, `done` in the task (§9.2).
pub(crate) fn executor_status(
    platform: &mut Platform,
    call: &Call<'_>,
    caller: &Caller,
) -> Result<Json, Failure> {
    let body = call.document()?;
    let wrong = || Failure::service(400, STATUS, STATUS);
    let list = match body.get("executorStatusList") {
        None => return Err(Refusal::FieldMissing("executorStatusList").into()),
        Some(Value::Array(list)) if list.len() <= 1000 => list,
        Some(_) => return Err(wrong()),
    };
    let task = own_task(platform, call.member(1), caller, STATUS)?;
    for row in list {
        let id = row.get("id").and_then(Value::as_str).ok_or_else(wrong)?;
        let done = row.get("isDone").and_then(Value::as_bool).ok_or_else(wrong)?;
        let executor =
            task.executors.iter_mut().find(|(executor, _)| executor == id).ok_or_else(wrong)?;
        executor.1 = done;
    }
    let all_done = !task.executors.is_empty() && task.executors.iter().all(|(_, done)| *done);
    task.finished = all_done.then(|| task.finished.unwrap_or(call.now));
    task.modified = call.now;
    Ok(Object::new().put("result", true).done())
}

/// `DELETE …/tasks/{taskId}`; the request id is camelCase here (§9.1).
pub(crate) fn delete(
    platform: &mut Platform,
    call: &Call<'_>,
    caller: &Caller,
) -> Result<Json, Failure> {
    own_task(platform, call.member(1), caller, DELETE)?;
    platform.todos.remove(call.member(1));
    Ok(Object::new().put("result", true).put("requestId", call.id.clone()).done())
}

/// One to-do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Task {
    pub(crate) id: String,
    /// The app that made it; it stands behind the `bizTag`.
    pub(crate) client: Arc<str>,
    pub(crate) corp: Arc<str>,
    pub(crate) owner: String,
    pub(crate) source_id: Option<String>,
    pub(crate) subject: String,
    pub(crate) description: String,
    pub(crate) due: Option<u64>,
    pub(crate) finished: Option<u64>,
    pub(crate) executors: Vec<(String, bool)>,
    pub(crate) participants: Vec<String>,
    /// The addresses for the PC and for the phone.
    pub(crate) detail_url: Option<(String, String)>,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) only_executor: bool,
    pub(crate) priority: i64,
    pub(crate) ding_notify: Option<String>,
    pub(crate) created: u64,
    pub(crate) modified: u64,
    pub(crate) creator: String,
    pub(crate) modifier: String,
    pub(crate) todo_type: String,
    pub(crate) personal: bool,
}

impl Task {
    pub(crate) fn biz_tag(&self) -> String {
        format!("todo_open_{}", self.client)
    }

    /// Everybody who finds the task in their list.
    fn people(&self) -> Vec<String> {
        let mut people = vec![self.owner.clone(), self.creator.clone()];
        people.extend(self.executors.iter().map(|(id, _)| id.clone()));
        people.extend(self.participants.iter().cloned());
        people.sort_unstable();
        people.dedup();
        people
    }
}

#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Todos {
    tasks: HashMap<String, Task>,
    #[serde(with = "crate::snapshot::pairs")]
    by_source: HashMap<(Arc<str>, String), String>,
    by_person: HashMap<String, Vec<String>>,
}

impl Todos {
    pub(crate) fn get(&self, id: &str) -> Option<&Task> {
        self.tasks.get(id)
    }

    pub(crate) fn by_source(&self, client: &Arc<str>, source_id: &str) -> Option<&Task> {
        self.tasks.get(self.by_source.get(&(Arc::clone(client), source_id.to_owned()))?)
    }

    /// A person's tasks, oldest first.
    pub(crate) fn of_person(&self, union_id: &str) -> impl Iterator<Item = &Task> {
        self.by_person.get(union_id).into_iter().flatten().filter_map(|id| self.tasks.get(id))
    }

    fn add(&mut self, task: Task) {
        if let Some(source_id) = &task.source_id {
            self.by_source.insert((Arc::clone(&task.client), source_id.clone()), task.id.clone());
        }
        for person in task.people() {
            self.by_person.entry(person).or_default().push(task.id.clone());
        }
        self.tasks.insert(task.id.clone(), task);
    }

    fn remove(&mut self, id: &str) {
        let Some(task) = self.tasks.remove(id) else {
            return;
        };
        for person in task.people() {
            if let Some(ids) = self.by_person.get_mut(&person) {
                ids.retain(|other| other != id);
            }
        }
        if let Some(source_id) = task.source_id {
            self.by_source.remove(&(task.client, source_id));
        }
    }
}

/// What a create or update body may hold; absent members stay `None`.
struct Draft {
    subject: Option<String>,
    description: Option<String>,
    due: Option<u64>,
    executors: Option<Vec<String>>,
    participants: Option<Vec<String>>,
    detail_url: Option<(String, String)>,
    fields: Option<Vec<(String, String)>>,
    priority: Option<i64>,
}

impl Draft {
    /// Checks the limits of §9.1 in the reference's order, with its messages.
    fn read(body: &Document, code: &'static str, most_people: usize) -> Result<Self, Failure> {
        let wrong = |message: &'static str| Failure::service(400, code, message);
        let subject = body.text("subject");
        if subject.as_ref().is_some_and(|text| text.chars().count() > 1024) {
            return Err(wrong("subject is oversize"));
        }
        let description = body.text("description");
        if description.as_ref().is_some_and(|text| text.chars().count() > 4096) {
            return Err(wrong("description is oversize"));
        }
        let people = |name: &str, message: &'static str| -> Result<Option<Vec<String>>, Failure> {
            let list = match body.get(name) {
                None => return Ok(None),
                Some(Value::Array(list)) => list,
                Some(_) => return Err(wrong(code)),
            };
            let ids: Option<Vec<String>> = list.iter().map(text_of).collect();
            match ids {
                Some(ids) if ids.len() <= most_people => Ok(Some(ids)),
                Some(_) => Err(wrong(message)),
                None => Err(wrong(code)),
            }
        };
        let executors = people("executorIds", "executors is oversize")?;
        let participants = people("participantIds", "participants is oversize")?;
        let due = body.integer("dueTime").map_err(|()| wrong("dueTime is invalid"))?;
        let due = due.map(u64::try_from).transpose().map_err(|_| wrong("dueTime is invalid"))?;
        let priority = body.integer("priority").map_err(|()| wrong(code))?;
        if priority.is_some_and(|priority| !matches!(priority, 10 | 20 | 30 | 40)) {
            return Err(wrong(code));
        }
        let detail_url = match body.get("detailUrl") {
            None => None,
            Some(Value::Object(urls)) => {
                let url = |name: &str| urls.get(name).and_then(text_of).unwrap_or_default();
                let (pc, phone) = (url("pcUrl"), url("appUrl"));
                if pc.len() > 1024 || phone.len() > 1024 {
                    return Err(wrong(code));
                }
                Some((pc, phone))
            }
            Some(_) => return Err(wrong(code)),
        };
        let fields = match body.get("contentFieldList") {
            None => None,
            Some(Value::Array(rows)) => Some(read_fields(rows).ok_or_else(|| wrong(code))?),
            Some(_) => return Err(wrong(code)),
        };
        Ok(Self {
            subject,
            description,
            due,
            executors,
            participants,
            detail_url,
            fields,
            priority,
        })
    }
}

fn change(task: &mut Task, body: &Document, call: &Call<'_>) -> Result<(), Failure> {
    let draft = Draft::read(body, UPDATE, 1000)?;
    let done = match body.get("done") {
        None => None,
        Some(Value::Bool(done)) => Some(*done),
        Some(_) => return Err(Failure::service(400, UPDATE, UPDATE)),
    };
    if let Some(subject) = draft.subject {
        task.subject = subject;
    }
    if let Some(description) = draft.description {
        task.description = description;
    }
    if let Some(fields) = draft.fields {
        task.fields = fields;
    }
    if let Some(participants) = draft.participants {
        task.participants = participants;
    }
    if let Some(executors) = draft.executors {
        let old = std::mem::take(&mut task.executors);
        let was_done = |id: &str| old.iter().any(|(other, done)| other == id && *done);
        task.executors = executors
            .into_iter()
            .map(|id| (was_done(&id), id))
            .map(|(done, id)| (id, done))
            .collect();
    }
    if draft.due.is_some() {
        task.due = draft.due;
    }
    if let Some(done) = done {
        task.finished = done.then_some(call.now);
        for executor in &mut task.executors {
            executor.1 = done;
        }
    }
    if let Some(operator) = call.query("operatorId").filter(|id| !id.is_empty()) {
        operator.clone_into(&mut task.modifier);
    }
    task.modified = call.now;
    Ok(())
}

/// The task, if this app made it (§9.2: `task not exist`, `task not belong to bizTag`).
fn own_task<'a>(
    platform: &'a mut Platform,
    id: &str,
    caller: &Caller,
    code: &'static str,
) -> Result<&'a mut Task, Failure> {
    let task = platform
        .todos
        .tasks
        .get_mut(id)
        .filter(|task| task.corp == caller.corp)
        .ok_or_else(|| Failure::service(400, code, "task not exist"))?;
    if task.client != caller.client {
        return Err(Failure::service(400, code, "task not belong to bizTag"));
    }
    Ok(task)
}

/// The task, if the person behind the token made it through this app.
fn persons_task<'a>(
    platform: &'a mut Platform,
    id: &str,
    caller: &Caller,
    code: &'static str,
) -> Result<&'a mut Task, Failure> {
    let task = own_task(platform, id, caller, code)?;
    match &caller.kind {
        TokenKind::User { union_id, .. } if task.creator == **union_id => Ok(task),
        _ => Err(Failure::service(400, code, "task not exist")),
    }
}

fn known_person(platform: &Platform, caller: &Caller, union_id: &str) -> Option<Arc<str>> {
    platform.company(&caller.corp)?.by_union_id(union_id).map(|person| Arc::clone(&person.union_id))
}

fn read_fields(rows: &[Value]) -> Option<Vec<(String, String)>> {
    let member =
        |row: &Value, name: &str| row.get(name).and_then(text_of).filter(|text| text.len() <= 1024);
    rows.iter().map(|row| Some((member(row, "fieldKey")?, member(row, "fieldValue")?))).collect()
}

fn text_of(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn new_id(rng: &mut Rng) -> String {
    format!("task{}", rng.word(28))
}
