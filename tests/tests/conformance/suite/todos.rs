//! To-dos.

use dingtalk_core::ErrorKind;
use dingtalk_core::todo::{
    CreatePersonalTask, CreateTask, DeleteTask, GetTask, GetTaskBySource, NotifyConfigs,
    QueryTasks, TaskPriority, UpdateExecutorStatus, UpdateTask,
};

use super::rig;

const URL: &str = "https://app.example.com/t";

#[test]
fn a_to_do_is_created_read_changed_done_and_deleted() {
    let rig = rig();
    let (demo, app) = (rig.demo(), rig.app());
    let owner = &*demo.union_id;
    let create = CreateTask::new(owner, "写周报", URL)
        .source_id("report-1")
        .creator_id(owner)
        .description("三段")
        .due_time(1_900_000_000_000)
        .executor_ids([owner, &*demo.member_union_id])
        .content_field("部门", "研发部")
        .priority(TaskPriority::Urgent)
        .notify_configs(NotifyConfigs::new().ding_notify(true))
        .operator_id(owner);
    let made = rig.call(&app, &create).unwrap();
    assert_eq!(made.priority, Some(40));
    let read = rig.call(&app, GetTask::new(owner, made.id.clone())).unwrap();
    assert_eq!((&*read.subject, read.done), ("写周报", false));
    assert_eq!(read.executor_ids.len(), 2);
    assert_eq!(read.due_time, Some(1_900_000_000_000));
    assert_eq!(read.detail_url.pc_url.as_deref(), Some(URL));
    let by_source = rig.call(&app, GetTaskBySource::new(owner, "report-1")).unwrap();
    assert_eq!(by_source.id, made.id);

    let update = UpdateTask::new(owner, made.id.clone()).subject("写月报").done(true);
    assert!(rig.call(&app, update).unwrap().result);
    let read = rig.call(&app, GetTask::new(owner, made.id.clone())).unwrap();
    assert_eq!((&*read.subject, read.done), ("写月报", true));

    assert!(rig.call(&app, DeleteTask::new(owner, made.id.clone())).unwrap().result);
    let gone = rig.fail(&app, DeleteTask::new(owner, made.id));
    assert_eq!(gone.kind(), &ErrorKind::BadRequest, "{gone}");
    assert_eq!(gone.message(), Some("task not exist"));
}

#[test]
fn each_executor_finishes_their_own_part() {
    let rig = rig();
    let (demo, app) = (rig.demo(), rig.app());
    let owner = &*demo.union_id;
    let create = CreateTask::new(owner, "评审", URL).executor_ids([owner, &*demo.member_union_id]);
    let id = rig.call(&app, create).unwrap().id;
    let done = |who: &str| UpdateExecutorStatus::new(owner, id.clone()).executor(who, true);
    assert!(rig.call(&app, done(&demo.member_union_id)).unwrap().result);
    assert!(!rig.call(&app, GetTask::new(owner, id.clone())).unwrap().done);
    assert!(rig.call(&app, done(owner)).unwrap().result);
    assert!(rig.call(&app, GetTask::new(owner, id.clone())).unwrap().done);
}

#[test]
fn a_persons_to_dos_are_listed_over_all_pages() {
    let rig = rig();
    let (demo, app) = (rig.demo(), rig.app());
    let owner = &*demo.union_id;
    for at in 0..45 {
        let create = CreateTask::new(owner, format!("第{at}件"), URL).executor_ids([owner]);
        rig.call(&app, create).unwrap();
    }
    let all = rig.pages(&app, QueryTasks::new(owner).is_done(false)).unwrap();
    assert_eq!(all.len(), 45);
    assert!(rig.count("POST /v1.0/todo/users/{unionId}/org/tasks/query") > 1, "over pages");
    assert!(rig.pages(&app, QueryTasks::new(owner).is_done(true)).unwrap().is_empty());
}

#[test]
fn a_personal_to_do_is_a_persons_own() {
    let rig = rig();
    let (demo, app) = (rig.demo(), rig.app());
    let person = rig.consenting(&app, "Todo.PersonalTodo.Write", "");
    let task = CreatePersonalTask::new("买菜", [&*demo.union_id]);
    assert!(!rig.call(&person, task).unwrap().task_id.is_empty());
    let without = rig.consenting(&rig.app(), "Contact.User.Read", "");
    rig.sandbox.withdraw_consent(&demo.client_id, &demo.user_id);
    let error = rig.fail(&without, CreatePersonalTask::new("买菜", [&*demo.union_id]));
    assert!(matches!(error.kind(), ErrorKind::Permission { .. }), "{error}");
}
