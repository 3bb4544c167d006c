//! To-dos (wire-facts §9).

use dingtalk_sandbox::{App, Sandbox, Switch};

use crate::support::{Answer, app_token, builder, plain_token, sandbox, token_of, user_token, v1};

fn uri(sandbox: &Sandbox, rest: &str) -> String {
    format!("/v1.0/todo/users/{}/{rest}", sandbox.demo().union_id)
}

fn create(sandbox: &Sandbox, body: &str) -> Answer {
    v1(sandbox, "POST", &uri(sandbox, "tasks"), &app_token(sandbox), body)
}

fn full(sandbox: &Sandbox, source: &str) -> String {
    let demo = sandbox.demo();
    format!(
        r#"{{"sourceId":"{source}","subject":"复核","creatorId":"{}","dueTime":1772683200000,"executorIds":["{}"],
        "participantIds":["{}"],"detailUrl":{{"appUrl":"https://a.example/m","pcUrl":"https://a.example/p"}},
        "contentFieldList":[{{"fieldKey":"项目","fieldValue":"海棠"}}],"isOnlyShowExecutor":true,"priority":30,
        "notifyConfigs":{{"dingNotify":"1"}}}}"#,
        demo.union_id, demo.union_id, demo.member_union_id
    )
}

#[test]
fn creating_answers_with_the_task_in_the_order_of_the_wire() {
    let sandbox = sandbox();
    let answer = create(&sandbox, &full(&sandbox, "s-1"));
    assert_eq!(
        answer.keys(),
        "id subject description startTime dueTime finishTime done executorIds participantIds detailUrl detailUrl.pcUrl \
         detailUrl.appUrl source sourceId createdTime modifiedTime creatorId modifierId bizTag requestId \
         contentFieldList contentFieldList.fieldKey contentFieldList.fieldValue isOnlyShowExecutor priority \
         notifyConfigs notifyConfigs.dingNotify"
    );
    assert_eq!(answer.str("/requestId"), answer.header("x-acs-request-id"));
    assert_eq!(answer.json["priority"], 30);
    assert_eq!(answer.str("/bizTag"), format!("todo_open_{}", sandbox.demo().client_id));
}

#[test]
fn a_source_id_is_taken_once_per_app() {
    let app = App::internal("dingother", "s").grant("Todo.Todo.Write");
    let sandbox = builder().app(app).in_process();
    let body = full(&sandbox, "s-1");
    assert_eq!(create(&sandbox, &body).status, 200);
    let again = create(&sandbox, &body);
    assert_eq!(
        (again.code().as_str(), again.str("/message")),
        ("400 todo.taskCreate.paramError", "task existed sourceId is s-1")
    );
    let other =
        v1(&sandbox, "POST", &uri(&sandbox, "tasks"), &token_of(&sandbox, "dingother", "s"), &body);
    assert_eq!(other.status, 200, "another app's source ids are its own");
    let found = v1(&sandbox, "GET", &uri(&sandbox, "tasks/sources/s-1"), &app_token(&sandbox), "");
    assert_eq!(found.str("/sourceId"), "s-1");
    let keys = found.keys();
    assert!(keys.ends_with("tenantId tenantType") && !keys.contains("cardTypeId"));
}

#[test]
fn limits_have_their_messages() {
    let sandbox = sandbox();
    let many = vec!["\"x\""; 101].join(",");
    for (member, message) in [
        (format!("\"subject\":\"{}\"", "长".repeat(1025)), "subject is oversize"),
        (
            format!("\"subject\":\"s\",\"description\":\"{}\"", "x".repeat(4097)),
            "description is oversize",
        ),
        (format!("\"subject\":\"s\",\"executorIds\":[{many}]"), "executors is oversize"),
        (format!("\"subject\":\"s\",\"participantIds\":[{many}]"), "participants is oversize"),
        ("\"subject\":\"s\",\"dueTime\":\"tomorrow\"".to_owned(), "dueTime is invalid"),
        ("\"subject\":\"s\",\"priority\":5".to_owned(), "todo.taskCreate.paramError"),
        ("\"subject\":\"s\"".to_owned(), "todo.taskCreate.paramError"),
    ] {
        let answer = create(&sandbox, &format!("{{{member}}}"));
        assert_eq!(
            (answer.code().as_str(), answer.str("/message")),
            ("400 todo.taskCreate.paramError", message)
        );
    }
    assert_eq!(create(&sandbox, "{}").code(), "400 Missingsubject");
    assert_eq!(create(&sandbox, "").code(), "400 Missingbody");
    sandbox.set_switch(&Switch::DetailUrlRequired(false));
    assert_eq!(create(&sandbox, r#"{"subject":"s"}"#).status, 200);
    let nobody = v1(
        &sandbox,
        "POST",
        "/v1.0/todo/users/nobody/tasks",
        &app_token(&sandbox),
        r#"{"subject":"s"}"#,
    );
    assert_eq!(nobody.code(), "400 todo.taskCreate.paramError");
}

#[test]
fn a_task_is_changed_done_and_deleted_by_its_app_alone() {
    let app = App::internal("dingother", "s").grant("Todo.Todo.Write");
    let sandbox = builder().app(app).in_process();
    let (token, other) = (app_token(&sandbox), token_of(&sandbox, "dingother", "s"));
    let id = create(&sandbox, &full(&sandbox, "s-1")).str("/id").to_owned();
    let task = uri(&sandbox, &format!("tasks/{id}"));
    let changed = v1(
        &sandbox,
        "PUT",
        &format!("{task}?operatorId=op"),
        &token,
        r#"{"subject":"改","done":true}"#,
    );
    assert_eq!(changed.text, r#"{"result":true}"#);
    let read = v1(&sandbox, "GET", &task, &token, "");
    assert_eq!((read.str("/subject"), read.str("/modifierId")), ("改", "op"));
    assert_eq!(read.json["done"], true);
    assert_eq!(read.json["finishTime"], crate::support::START);
    assert!(read.keys().ends_with("cardTypeId tenantId tenantType"));
    let foreign = v1(&sandbox, "PUT", &task, &other, "{}");
    assert_eq!(
        (foreign.code().as_str(), foreign.str("/message")),
        ("400 todo.taskUpdate.paramError", "task not belong to bizTag")
    );
    let unknown = v1(&sandbox, "PUT", &uri(&sandbox, "tasks/nope"), &token, "{}");
    assert_eq!(unknown.str("/message"), "task not exist");
    let deleted = v1(&sandbox, "DELETE", &task, &token, "");
    assert_eq!(deleted.keys(), "result requestId");
    let again = v1(&sandbox, "DELETE", &task, &token, "");
    assert_eq!(
        (again.code().as_str(), again.str("/message")),
        ("400 todo.taskDelete.paramError", "task not exist")
    );
    assert_eq!(create(&sandbox, &full(&sandbox, "s-1")).status, 200, "the source id is free again");
}

#[test]
fn executors_finish_one_by_one() {
    let sandbox = sandbox();
    let demo = sandbox.demo();
    let token = app_token(&sandbox);
    let body = full(&sandbox, "s")
        .replace("\"executorIds\":[", &format!("\"executorIds\":[\"{}\",", demo.member_union_id));
    let id = create(&sandbox, &body).str("/id").to_owned();
    let status = uri(&sandbox, &format!("tasks/{id}/executorStatus"));
    let done = |who: &str| {
        let body = format!(r#"{{"executorStatusList":[{{"id":"{who}","isDone":true}}]}}"#);
        v1(&sandbox, "PUT", &status, &token, &body)
    };
    let is_done = || {
        v1(&sandbox, "GET", &uri(&sandbox, &format!("tasks/{id}")), &token, "").json["done"].clone()
    };
    assert_eq!(done(&demo.union_id).text, r#"{"result":true}"#);
    assert_eq!(is_done(), false);
    assert_eq!(done(&demo.member_union_id).status, 200);
    assert_eq!(is_done(), true);
    assert_eq!(done("stranger").code(), "400 todo.taskExecutorStatusUpdate.paramError");
    assert_eq!(v1(&sandbox, "PUT", &status, &token, "{}").code(), "400 MissingexecutorStatusList");
}

#[test]
fn the_query_filters_and_pages() {
    let sandbox = sandbox();
    let token = app_token(&sandbox);
    for at in 0..25 {
        assert_eq!(create(&sandbox, &full(&sandbox, &format!("s-{at}"))).status, 200);
    }
    let query = |union_id: &str, body: &str| {
        v1(&sandbox, "POST", &format!("/v1.0/todo/users/{union_id}/org/tasks/query"), &token, body)
    };
    let demo = sandbox.demo();
    let first = query(
        &demo.union_id,
        r#"{"isDone":false,"roleTypes":[["executor","creator"]],"todoType":"TODO"}"#,
    );
    assert_eq!(
        first.keys(),
        "nextToken todoCards todoCards.taskId todoCards.subject todoCards.dueTime todoCards.detailUrl \
         todoCards.detailUrl.pcUrl todoCards.detailUrl.appUrl todoCards.priority todoCards.createdTime \
         todoCards.modifiedTime todoCards.creatorId todoCards.sourceId todoCards.bizTag todoCards.isDone \
         todoCards.todoType"
    );
    let last = query(&demo.union_id, &format!(r#"{{"nextToken":"{}"}}"#, first.str("/nextToken")));
    assert_eq!(last.json["todoCards"].as_array().map(Vec::len), Some(5));
    assert!(last.json.get("nextToken").is_none());
    assert_eq!(
        query(&demo.member_union_id, r#"{"roleTypes":[["executor"]]}"#).text,
        r#"{"todoCards":[]}"#
    );
    assert_eq!(
        query(&demo.member_union_id, r#"{"roleTypes":[["executor"],["participant"]]}"#)
            .str("/nextToken"),
        "20"
    );
    let invalid = query(&demo.union_id, r#"{"nextToken":"x"}"#);
    assert_eq!(
        (invalid.code().as_str(), invalid.str("/message")),
        ("400 todo.orgTaskQuery.paramError", "nextToken is invalid")
    );
}

#[test]
fn personal_tasks_want_a_persons_token() {
    let sandbox = sandbox();
    let demo = sandbox.demo();
    let path = "/v1.0/todo/users/me/personalTasks";
    let body = format!(r#"{{"subject":"买票","executorIds":["{}"]}}"#, demo.union_id);
    let wrong = v1(&sandbox, "POST", path, &app_token(&sandbox), &body);
    assert_eq!(
        (wrong.code().as_str(), wrong.str("/message")),
        ("400 todo.taskCreate.tokenTypeError", "token type is not match")
    );
    let token = user_token(&sandbox);
    let answer = v1(&sandbox, "POST", path, &token, &body);
    assert_eq!((answer.status, answer.keys().as_str()), (200, "taskId createdTime"));
    assert_eq!(
        v1(&sandbox, "POST", path, &token, r#"{"subject":"x"}"#).code(),
        "400 MissingexecutorIds"
    );
    let own = format!("/v1.0/todo/users/me/tasks/{}", answer.str("/taskId"));
    assert_eq!(
        v1(&sandbox, "PUT", &format!("{own}/update"), &token, r#"{"done":true}"#).text,
        r#"{"success":true}"#
    );
    assert_eq!(
        v1(&sandbox, "DELETE", &format!("{own}/remove"), &token, "").text,
        r#"{"success":"true"}"#
    );
    assert_eq!(
        v1(&sandbox, "DELETE", &format!("{own}/remove"), &token, "").code(),
        "400 todo.taskDelete.paramError"
    );
    sandbox.revoke_grant(&demo.client_id, "Todo.PersonalTodo.Write");
    let refused = v1(&sandbox, "POST", path, &token, &body);
    assert_eq!(refused.json["accessdenieddetail"]["requiredScopes"][0], "Todo.PersonalTodo.Write");
}

#[test]
fn writing_and_reading_need_their_points() {
    let sandbox = sandbox();
    let token = plain_token(&sandbox);
    let write = v1(&sandbox, "POST", &uri(&sandbox, "tasks"), &token, "{}");
    assert_eq!(write.json["accessdenieddetail"]["requiredScopes"][0], "Todo.Todo.Write");
    let read = v1(&sandbox, "POST", &uri(&sandbox, "org/tasks/query"), &token, "{}");
    assert_eq!(read.json["accessdenieddetail"]["requiredScopes"][0], "Todo.Todo.Read");
}

#[test]
fn the_query_of_all_organizations_filters_orders_and_pages() {
    let sandbox = sandbox();
    let demo = sandbox.demo();
    let token = app_token(&sandbox);
    for (source, due) in [("s-1", 3_000), ("s-2", 1_000), ("s-3", 2_000)] {
        let mut body: serde_json::Value = serde_json::from_str(&full(&sandbox, source)).unwrap();
        body["dueTime"] = due.into();
        body["subject"] = format!("subject of {source}").into();
        assert_eq!(create(&sandbox, &body.to_string()).status, 200);
        sandbox.clock().advance(std::time::Duration::from_secs(1));
    }
    let uri = uri(&sandbox, "organizations/tasks/query");
    let ask = |body: &str| v1(&sandbox, "POST", &uri, &token, body);
    let sources = |body: &str| {
        let answer = ask(body);
        let cards = answer.json["todoCards"].as_array().expect("cards").clone();
        cards.iter().map(|card| card["sourceId"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(sources("{}"), ["s-3", "s-2", "s-1"], "the newest first");
    assert_eq!(sources(r#"{"orderBy":"dueTime","orderDirection":"asc"}"#), ["s-2", "s-3", "s-1"]);
    assert_eq!(sources(r#"{"orderBy":"dueTime","orderDirection":"desc"}"#), ["s-1", "s-3", "s-2"]);
    assert_eq!(sources(r#"{"fromDueTime":1500,"toDueTime":2500}"#), ["s-3"]);
    assert_eq!(sources(r#"{"subject":"s-1"}"#), ["s-1"]);
    assert_eq!(sources(r#"{"isDone":true}"#), [""; 0]);
    let first = ask(r#"{"maxResults":2}"#);
    assert_eq!((&first.json["maxResults"], first.str("/nextToken")), (&2.into(), "2"));
    let last = ask(r#"{"maxResults":2,"nextToken":"2"}"#);
    assert_eq!(last.json["todoCards"].as_array().map(Vec::len), Some(1));
    assert!(last.json.get("nextToken").is_none());
    for wrong in [r#"{"maxResults":0}"#, r#"{"maxResults":101}"#, r#"{"toDueTime":"soon"}"#] {
        assert_eq!(ask(wrong).code(), "400 todo.orgTaskQuery.paramError", "{wrong}");
    }
    let personal = format!(r#"{{"subject":"own","executorIds":["{}"]}}"#, demo.union_id);
    let person = user_token(&sandbox);
    v1(&sandbox, "POST", "/v1.0/todo/users/me/personalTasks", &person, &personal);
    assert_eq!(ask("{}").json["todoCards"].as_array().map(Vec::len), Some(3));
    let all = ask(r#"{"needPersonalTodo":"true"}"#);
    assert_eq!(all.json["todoCards"][0]["subject"], "own");
}

#[test]
fn the_list_of_a_person_counts_everything_in_it() {
    let sandbox = sandbox();
    let token = app_token(&sandbox);
    for at in 0..25 {
        assert_eq!(create(&sandbox, &full(&sandbox, &format!("s-{at}"))).status, 200);
    }
    let ask = |body: &str| v1(&sandbox, "POST", &uri(&sandbox, "tasks/list"), &token, body);
    let first = ask("{}");
    assert_eq!((&first.json["totalCount"], first.str("/nextToken")), (&25.into(), "20"));
    let card = &first.json["todoCards"][0];
    assert_eq!(card["orgInfo"]["corpId"], sandbox.demo().corp_id);
    assert_eq!((&card["todoStatus"], &card["isDone"]), (&"TODO".into(), &false.into()));
    let last = ask(r#"{"nextToken":"20"}"#);
    assert_eq!(last.json["todoCards"].as_array().map(Vec::len), Some(5));
    for elsewhere in [r#"{"isRecycled":true}"#, r#"{"category":"mine"}"#, r#"{"isDone":true}"#] {
        assert_eq!(ask(elsewhere).json["totalCount"], 0, "{elsewhere}");
    }
    assert_eq!(ask(r#"{"nextToken":"x"}"#).code(), "400 todo.taskList.paramError");
}
