//! The demo company and the builder.

use dingtalk_sandbox::{App, Department, Person, Sandbox};

use crate::support::{app_token, builder, sandbox, token_of, topapi};

#[test]
fn the_demo_company_is_as_rich_as_promised() {
    let sandbox = sandbox();
    let demo = sandbox.demo();
    let token = app_token(&sandbox);
    let mut departments = vec![1_i64];
    let mut people = std::collections::BTreeSet::new();
    let mut at = 0;
    while at < departments.len() {
        let body = format!(r#"{{"dept_id":{}}}"#, departments[at]);
        let ids = topapi(&sandbox, "user/listid", &token, &body);
        people.extend(
            ids.json["result"]["userid_list"]
                .as_array()
                .into_iter()
                .flatten()
                .map(ToString::to_string),
        );
        let below = topapi(&sandbox, "v2/department/listsubid", &token, &body);
        departments.extend(
            below.json["result"]["dept_id_list"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|id| id.as_i64()),
        );
        at += 1;
    }
    assert!(departments.len() >= 8 && people.len() >= 12);
    let user = |id: &str| {
        topapi(&sandbox, "v2/user/get", &token, &format!(r#"{{"userid":"{id}"}}"#)).json["result"]
            .clone()
    };
    assert_eq!(user(&demo.user_id)["unionid"], demo.union_id);
    assert_eq!(user(&demo.user_id)["dept_id_list"][0], demo.dept_id);
    assert_eq!(user(&demo.member_user_id)["unionid"], demo.member_union_id);
    assert_eq!(user(&demo.inactive_user_id)["active"], false);
}

#[test]
fn an_empty_sandbox_has_the_organization_and_what_the_test_adds() {
    let sandbox = Sandbox::builder()
        .empty()
        .department(Department::new(7, "Team", 1).manager("ann"))
        .person(Person::new("ann", "Ann").mobile("13800000001").department(7))
        .person(Person::new("bob", "Bob"))
        .app(
            App::internal("dingown", "s")
                .grant("qyapi_get_member")
                .grant("qyapi_get_department_list"),
        )
        .in_process();
    let token = token_of(&sandbox, "dingown", "s");
    let ids = topapi(&sandbox, "user/listid", &token, r#"{"dept_id":1}"#);
    assert_eq!(ids.json["result"]["userid_list"], serde_json::json!(["bob"]));
    assert!(sandbox.remove_person("bob"));
    assert!(!sandbox.remove_person("bob"));
    let ids = topapi(&sandbox, "user/listid", &token, r#"{"dept_id":1}"#);
    assert_eq!(ids.json["result"]["userid_list"], serde_json::json!([]));
    sandbox.add_department(Department::new(8, "Below", 7));
    sandbox.add_department(Department::new(7, "Team", 8));
    let up = topapi(&sandbox, "v2/department/listparentbydept", &token, r#"{"dept_id":8}"#);
    assert_eq!(
        up.json["result"]["parent_id_list"],
        serde_json::json!([8, 7, 1]),
        "no department below itself"
    );
}

#[test]
fn one_seed_gives_the_same_tokens_and_sandboxes_share_nothing() {
    let (one, two) = (builder().in_process(), builder().in_process());
    assert_eq!(app_token(&one), app_token(&two));
    assert_eq!(one.token_requests(), 1);
    let other = Sandbox::in_process();
    let token = app_token(&one);
    assert_eq!(topapi(&other, "v2/department/listsub", &token, "{}").code(), "88/40014");
}

#[test]
fn the_journal_shows_fingerprints_and_keeps_no_secret() {
    let sandbox = builder().journal_limit(3).in_process();
    let demo = sandbox.demo();
    let token = app_token(&sandbox);
    let code = sandbox.silent_code(&demo.client_id, &demo.user_id).expect("may log in");
    for _ in 0..2 {
        let _ = topapi(&sandbox, "v2/user/getuserinfo", &token, &format!(r#"{{"code":"{code}"}}"#));
    }
    let _ = crate::support::get(
        &sandbox,
        &format!(
            "/oops/{token}/13900000001/{0}.json/{1}?appsecret={0}",
            demo.client_secret, demo.sso_secret
        ),
    );
    let journal = sandbox.journal();
    let entries = journal.entries();
    assert_eq!(
        entries.iter().map(|entry| entry.seq).collect::<Vec<_>>(),
        [2, 3, 4],
        "bounded, counts go on"
    );
    let info = &entries[1];
    assert_eq!(
        (info.operation.as_str(), info.code.as_deref()),
        ("POST /topapi/v2/user/getuserinfo", Some("40078"))
    );
    assert_eq!(info.app.as_deref(), Some(demo.client_id.as_str()));
    assert_eq!(info.token.as_deref(), Some(journal.fingerprint(&token).as_str()));
    assert_eq!(info.one_time_code, entries[0].one_time_code, "the same code twice");
    assert_eq!(entries[0].code, None);
    let shown = format!("{entries:?}");
    for secret in [&token, &code, &demo.client_secret, &demo.sso_secret, &demo.mobile] {
        assert!(!shown.contains(secret.as_str()));
    }
    assert_eq!(entries[2].operation, "unknown");
    journal.clear();
    assert_eq!((journal.total(), journal.entries().len()), (0, 0));
}

#[test]
fn a_request_can_be_watched() {
    let (sender, receiver) = std::sync::mpsc::channel();
    let sandbox = builder()
        .on_request(move |entry| sender.send(entry.operation.clone()).expect("the test listens"))
        .in_process();
    let _ = app_token(&sandbox);
    assert_eq!(receiver.try_recv().as_deref(), Ok("POST /v1.0/oauth2/accessToken"));
}
