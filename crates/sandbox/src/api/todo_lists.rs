//! The two lists of to-dos that only the official SDK shows (wire-facts §9.2): names and types are the SDK's, what they
//! filter and how they page is ours.

use std::cmp::Reverse;

use crate::call::{Call, Document};
use crate::platform::Platform;
use crate::tokens::Caller;
use crate::wire::failure::Failure;
use crate::wire::json::{Json, Object};

use super::todo::Task;
use super::todo_query::{PAGE, Wanted, card};

const MOST: i64 = 100;

/// `POST /v1.0/todo/users/{unionId}/organizations/tasks/query`: the query by organization with a subject, a span of due
/// times, an order and a page size; personal tasks only with `needPersonalTodo`.
pub(crate) fn by_user(
    platform: &mut Platform,
    call: &Call<'_>,
    caller: &Caller,
) -> Result<Json, Failure> {
    const CODE: &str = "todo.orgTaskQuery.paramError";
    let body = call.document()?;
    let wrong = || Failure::service(400, CODE, CODE);
    let wanted = Wanted::read(&body, CODE)?;
    let span = Span::read(&body).ok_or_else(wrong)?;
    let most = body.integer("maxResults").map_err(|()| wrong())?.unwrap_or(PAGE as i64);
    let size = usize::try_from(most).ok().filter(|_| (1..=MOST).contains(&most));
    let size = size.ok_or_else(wrong)?;
    let subject = body.text("subject").unwrap_or_default();
    let personal = body.text("needPersonalTodo").is_some_and(|flag| flag == "true");
    let mut tasks: Vec<&Task> = wanted
        .tasks(platform, call.member(0), caller, call.now, personal)
        .into_iter()
        .filter(|task| task.subject.contains(&subject) && span.holds(task))
        .collect();
    sort(&mut tasks, &body);
    let (page, next) = wanted.page(&tasks, size);
    let cards: Vec<Object> = page.iter().map(|task| card(task)).collect();
    Ok(Object::new()
        .put("maxResults", most)
        .put_some("nextToken", next)
        .put("todoCards", cards)
        .done())
}

/// `POST /v1.0/todo/users/{unionId}/tasks/list`: everything in the person's list, personal tasks too, with their
/// number. Nothing here has a category or lies in a bin, so asking for either finds nothing.
pub(crate) fn list(
    platform: &mut Platform,
    call: &Call<'_>,
    caller: &Caller,
) -> Result<Json, Failure> {
    const CODE: &str = "todo.taskList.paramError";
    let body = call.document()?;
    let wanted = Wanted::read(&body, CODE)?;
    let span = Span::read(&body).ok_or_else(|| Failure::service(400, CODE, CODE))?;
    let elsewhere = body.text("category").is_some_and(|category| !category.is_empty())
        || body.text("isRecycled").is_some_and(|flag| flag == "true");
    let company = platform.company(&caller.corp).map(|company| company.name.clone());
    let mut tasks: Vec<&Task> = wanted
        .tasks(platform, call.member(0), caller, call.now, true)
        .into_iter()
        .filter(|task| !elsewhere && span.holds(task))
        .collect();
    sort(&mut tasks, &body);
    let (page, next) = wanted.page(&tasks, PAGE);
    let cards: Vec<Object> = page
        .iter()
        .map(|task| {
            card(task)
                .put("category", "")
                .put(
                    "orgInfo",
                    Object::new()
                        .put("corpId", task.corp.to_string())
                        .put("name", company.clone().unwrap_or_default()),
                )
                .put("originalSource", Object::new().put("sourceTitle", task.biz_tag()))
                .put("todoCardView", view(task))
                .put("todoStatus", if task.finished.is_some() { "DONE" } else { "TODO" })
        })
        .collect();
    Ok(Object::new()
        .put_some("nextToken", next)
        .put("totalCount", tasks.len())
        .put("todoCards", cards)
        .done())
}

fn view(task: &Task) -> Object {
    let contents: Vec<Object> = task
        .fields
        .iter()
        .map(|(name, value)| Object::new().put("name", name.clone()).put("value", value.clone()))
        .collect();
    Object::new()
        .put("actionType", "link")
        .put("cardType", "")
        .put("circleELType", "checkbox")
        .put("contentType", "")
        .put("icon", "")
        .put("todoCardContentList", contents)
        .put("todoCardTitle", task.subject.clone())
}

/// Due times that are wanted; a task without one is in no span.
struct Span(Option<u64>, Option<u64>);

impl Span {
    fn read(body: &Document) -> Option<Self> {
        let time = |name: &str| match body.integer(name) {
            Ok(None) => Some(None),
            Ok(Some(time)) => u64::try_from(time).ok().map(Some),
            Err(()) => None,
        };
        Some(Self(time("fromDueTime")?, time("toDueTime")?))
    }

    fn holds(&self, task: &Task) -> bool {
        match (self, task.due) {
            (Self(None, None), _) => true,
            (_, None) => false,
            (Self(from, to), Some(due)) => {
                from.is_none_or(|from| from <= due) && to.is_none_or(|to| due <= to)
            }
        }
    }
}

/// `orderBy` names a time of the card, `orderDirection` is `asc` or `desc`; anything else leaves the newest first.
fn sort(tasks: &mut [&Task], body: &Document) {
    let key = match body.text("orderBy").as_deref() {
        Some("createdTime") => |task: &Task| task.created,
        Some("modifiedTime") => |task: &Task| task.modified,
        Some("dueTime") => |task: &Task| task.due.unwrap_or(u64::MAX),
        _ => return,
    };
    if body.text("orderDirection").is_some_and(|way| way.eq_ignore_ascii_case("asc")) {
        tasks.sort_by_key(|task| key(task));
    } else {
        tasks.sort_by_key(|task| Reverse(key(task)));
    }
}
