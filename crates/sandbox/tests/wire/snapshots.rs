//! The whole state out and in again, in another sandbox.

use std::time::Duration;

use dingtalk_sandbox::{App, BrowserLogin, Person, RefreshMode, Sandbox, SnapshotError, Switch};
use serde_json::{Value, json};

use crate::control::steer;
use crate::support::{
    START, app_token, builder, exchange, oauth_code, refresh, sandbox, topapi, v1,
};

#[test]
fn a_snapshot_brings_company_tokens_codes_consents_todos_switches_and_clock_to_another_sandbox() {
    let first = builder().app(App::internal("extra", "s").grant("qyapi_base")).in_process();
    let demo = first.demo();
    first.add_person(Person::new("u-new", "新").mobile("13700000001").leads(1).role(4, "g", "r"));
    first.remove_person("u-sun-li");
    first.clock().advance(Duration::from_secs(60));
    first.set_switch(&Switch::Refresh(RefreshMode::Grace(Duration::from_secs(9))));
    let token = app_token(&first);
    let pair = exchange(&first, &oauth_code(&first, "openid"));
    let (user, again) = (pair.str("/accessToken").to_owned(), pair.str("/refreshToken").to_owned());
    let code = first.silent_code(&demo.client_id, &demo.user_id).unwrap();
    let uri = format!("/v1.0/todo/users/{}/tasks", demo.union_id);
    let body =
        r#"{"subject":"x","sourceId":"s1","detailUrl":{"appUrl":"https://a","pcUrl":"https://b"}}"#;
    let task = v1(&first, "POST", &uri, &token, body);
    assert_eq!(task.status, 200, "{}", task.text);

    let second = Sandbox::builder().empty().in_process();
    second.load(&first.snapshot()).unwrap();
    assert_eq!(second.clock().now(), START + 60_000);
    assert_eq!(topapi(&second, "v2/user/get", &token, r#"{"userid":"u-new"}"#).errcode(), 0);
    assert_eq!(topapi(&second, "v2/user/get", &token, r#"{"userid":"u-sun-li"}"#).errcode(), 60121);
    assert_eq!(v1(&second, "GET", "/v1.0/contact/users/me", &user, "").status, 200);
    let body = format!(r#"{{"code":"{code}"}}"#);
    assert_eq!(topapi(&second, "v2/user/getuserinfo", &token, &body).errcode(), 0);
    let by_source = format!("/v1.0/todo/users/{}/tasks/sources/s1", demo.union_id);
    assert_eq!(v1(&second, "GET", &by_source, &token, "").status, 200);
    assert_eq!(refresh(&second, &again).status, 200);
    assert_eq!(refresh(&second, &again).status, 200, "the grace came along");
    assert_eq!(app_token(&second), token, "the app still has its token");
    assert!(second.withdraw_consent(&demo.client_id, &demo.user_id));
    let all = |sandbox: &Sandbox| steer(sandbox, "GET", "/people?limit=99", &Value::Null).1;
    assert_eq!(all(&second), all(&first));
    let login = BrowserLogin::new(&demo.client_id, &demo.redirect_uri, &demo.user_id);
    assert!(second.login(&login).is_ok());
}

#[test]
fn a_seeded_sandbox_does_not_give_out_the_same_tokens_again_after_a_load() {
    let first = sandbox();
    let token = app_token(&first);
    let saved = first.snapshot();
    let second = sandbox();
    second.load(&saved).unwrap();
    second.clock().advance(Duration::from_secs(7200));
    assert_ne!(app_token(&second), token);
}

#[test]
fn what_is_no_whole_snapshot_of_this_version_is_refused_and_changes_nothing() {
    let sandbox = sandbox();
    let saved = sandbox.snapshot();
    let before = steer(&sandbox, "GET", "/people", &Value::Null);
    let end = |len: usize| sandbox.load(&saved[..len]).unwrap_err();
    for part in 1..40 {
        let mut len = saved.len() * part / 40;
        while !saved.is_char_boundary(len) {
            len -= 1;
        }
        assert_eq!(end(len), SnapshotError::Cut);
    }
    assert_eq!(end(0), SnapshotError::NotOne);
    assert_eq!(sandbox.load("[]").unwrap_err(), SnapshotError::NotOne);
    assert_eq!(sandbox.load("{}").unwrap_err(), SnapshotError::NotOne);
    let mut other: Value = serde_json::from_str(&saved).unwrap();
    other["version"] = json!(3);
    assert_eq!(sandbox.load(&other.to_string()).unwrap_err(), SnapshotError::Version { found: 3 });
    let (status, answer) = steer(&sandbox, "PUT", "/snapshot", &other);
    assert_eq!((status, answer["error"].as_str()), (400, Some("other_version")));
    other["version"] = json!(1);
    other["home"] = json!("nowhere");
    let error = sandbox.load(&other.to_string()).unwrap_err();
    assert!(
        matches!(&error, SnapshotError::Broken { detail } if detail.contains("nowhere")),
        "{error}"
    );
    assert_eq!(steer(&sandbox, "GET", "/people", &Value::Null), before);
    sandbox.load(&saved).unwrap();
}

#[test]
fn a_saved_file_is_whole_and_its_owners_alone() {
    let path = std::env::temp_dir().join(format!("dingtalk-sandbox-{}.json", std::process::id()));
    let sandbox = sandbox();
    sandbox.save(&path).unwrap();
    sandbox.save(&path).unwrap();
    sandbox.load(&std::fs::read_to_string(&path).unwrap()).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    std::fs::remove_file(&path).unwrap();
    assert!(sandbox.save(path.join("no").join("where")).is_err());
}

#[test]
fn what_has_changed_since_a_snapshot_is_told_by_ids_and_without_a_secret() {
    let sandbox = sandbox();
    let demo = sandbox.demo();
    let before = sandbox.snapshot();
    assert_eq!(sandbox.changes_since(&before), Ok(Vec::new()));
    let token = app_token(&sandbox);
    let own = App::internal("dingnew", "a-secret-of-its-own").name("New");
    sandbox.add_app(own);
    sandbox.revoke_grant(&demo.client_id, "qyapi_get_member");
    sandbox.add_person(Person::new(&*demo.user_id, "Renamed").union_id(&*demo.union_id));
    let changes = sandbox.changes_since(&before).expect("it is a snapshot");
    let at = |path: &str| changes.iter().find(|change| change.path == path).cloned();
    let name = format!("/companies/{}/people/{}/name", demo.corp_id, demo.user_id);
    assert_eq!(at(&name).expect("the name is another one").after, Some("Renamed".into()));
    let app = at("/apps/dingnew").expect("it is new");
    assert_eq!((app.before, app.after), (None, Some("(more)".into())));
    let living = format!("/tokens/living/#{}", sandbox.journal().fingerprint(&token));
    assert!(at(&living).is_some(), "{changes:#?}");
    let shown = format!("{changes:?}");
    assert!(!shown.contains(&token) && !shown.contains("a-secret-of-its-own"), "{shown}");
    let back = Sandbox::in_process();
    back.load(&sandbox.snapshot()).expect("it is one");
    let undone = back.changes_since(&before).expect("it is a snapshot");
    let paths = |all: &[dingtalk_sandbox::Change]| {
        all.iter()
            .map(|change| change.path.split('#').next().map(str::to_owned))
            .collect::<Vec<_>>()
    };
    assert_eq!(paths(&undone), paths(&changes), "a restart changes nothing of it");
    assert_eq!(sandbox.changes_since("{}"), Err(SnapshotError::NotOne));
}
