use super::*;
use crate::auth::TakeSuiteTicket;
use crate::{AgentId, DeptId, RoleId};

const CORP: &str = "ding7c1e0f2a9b3d4c5e6f70819203a4b5c6";

fn push(json: &str) -> Event {
    let mut events = Event::from_push(json).expect("an event");
    assert_eq!(events.len(), 1);
    events.remove(0)
}

/// One row of SyncHTTP with this `biz_data`.
fn row(biz_id: &str, data: &Value) -> Event {
    let body = serde_json::json!({
        "EventType": "SYNC_HTTP_PUSH_HIGH",
        "bizData": [{
            "gmt_create": 1_772_416_800_000_u64, "biz_type": 2, "open_cursor": 0,
            "subscribe_id": "41027001_0", "id": 1, "gmt_modified": 1_772_416_800_001_u64,
            "biz_id": biz_id, "biz_data": data.to_string(), "corp_id": CORP, "status": 0,
        }],
    });
    push(&body.to_string())
}

fn stream(event_type: &str, data: &str) -> Event {
    Event::from_stream(event_type, Some(CORP), Some("ev-01"), Some(1_772_416_800_000), data)
}

#[test]
fn a_ticket_is_the_same_by_all_three_ways() {
    let pushed = push(
        r#"{"SuiteKey":"suitea1","EventType":"suite_ticket","TimeStamp":1772416800000,"SuiteTicket":"tkT0"}"#,
    );
    assert_eq!(pushed.suite_key.as_ref().unwrap(), &"suitea1");
    let synced =
        row("41027001", &serde_json::json!({"syncAction": "suite_ticket", "suiteTicket": "tkT0"}));
    let streamed = stream("suite_ticket", r#"{"suiteTicket": "tkT0"}"#);
    for (event, born) in [(pushed, 0), (synced, 1), (streamed, 0)] {
        assert_eq!(
            (event.name.as_str(), event.born_at),
            ("suite_ticket", Some(1_772_416_800_000 + born))
        );
        let EventKind::SuiteTicket(of) = &event.kind else { panic!("{event:?}") };
        assert_eq!(of.ticket.expose(), "tkT0");
        assert!(TakeSuiteTicket::from_event(&event).is_some());
        assert!(!format!("{event:?}").contains("tkT0"));
    }
    assert!(TakeSuiteTicket::from_event(&push(r#"{"EventType":"check_url"}"#)).is_none());
}

#[test]
fn an_authorization_is_read_by_all_three_ways() {
    let pushed = push(&format!(
        r#"{{"TimeStamp":1772416800001,"AuthCode":"tmp-canary","AuthCorpId":"{CORP}","EventType":"tmp_auth_code","SuiteKey":"suitea1"}}"#
    ));
    let EventKind::OrgSuiteAuth(auth) = &pushed.kind else { panic!("{pushed:?}") };
    assert_eq!(auth.auth_code.as_ref().unwrap().expose(), "tmp-canary");
    assert_eq!(auth.corp.corp_id.as_ref().unwrap(), &CORP);
    assert!(!format!("{pushed:?}").contains("canary"));

    let synced = row(
        "41027001",
        &serde_json::json!({
            "syncAction": "org_suite_auth",
            "auth_corp_info": {"corpid": CORP, "corp_name": "海棠样品科技", "auth_level": "0",
                "is_authenticated": false, "corp_type_v2": 1, "is_ecological_corp": "false"},
            "auth_info": {"agent": [{"agentid": 2_714_400_981_i64, "appid": 90417,
                "agent_name": "工时登记", "admin_list": ["manager0427"], "logo_url": ""}]},
            "auth_user_info": {"userId": "manager0427"},
            "auth_scope": {"errcode": 0, "errmsg": "ok", "condition_field": [],
                "auth_user_field": ["jobnumber"],
                "auth_org_scopes": {"authed_user": [], "authed_dept": [1]}},
            "permanent_code": "canary-p",
        }),
    );
    let streamed = stream(
        "org_suite_change",
        &format!(
            r#"{{"authCorpInfo":{{"corpid":"{CORP}","corpTypeV2":1,"corpName":"海棠样品科技",
            "isAuthenticated":false,"isEcologicalCorp":false,"authLevel":0}},
            "permanentCode":"canary-p","authUserInfo":{{"userId":"manager0427"}},
            "authScope":{{"errcode":0,"conditionField":[],"authUserField":["jobnumber"],
            "authOrgScopes":{{"authedUser":[],"authedDept":[1]}}}},
            "authInfo":{{"agent":[{{"agentid":2714400981,"appid":"90417","agentName":"工时登记",
            "adminList":["manager0427"],"logoUrl":""}}]}}}}"#
        ),
    );
    let (EventKind::OrgSuiteAuth(synced), EventKind::OrgSuiteChange(streamed)) =
        (&synced.kind, &streamed.kind)
    else {
        panic!("{synced:?} {streamed:?}")
    };
    for auth in [synced, streamed] {
        assert_eq!(auth.corp.corp_name.as_deref(), Some("海棠样品科技"));
        assert_eq!((auth.corp.auth_level, auth.corp.corp_type_v2), (Some(0), Some(1)));
        assert_eq!(auth.corp.is_ecological_corp, Some(false));
        assert_eq!(auth.user_id.as_ref().unwrap(), &"manager0427");
        assert_eq!(auth.permanent_code.as_ref().unwrap().expose(), "canary-p");
        let agent = &auth.agents[0];
        assert_eq!(
            (agent.agent_id, agent.app_id),
            (Some(AgentId::new(2_714_400_981)), Some(90417))
        );
        assert_eq!((agent.logo_url.as_ref(), agent.admin_list.len()), (None, 1));
        let scopes = auth.scopes.as_ref().unwrap();
        assert_eq!(scopes.auth_org_scopes.authed_dept, [DeptId::ROOT]);
        assert_eq!(scopes.auth_user_field, ["jobnumber"]);
        assert!(!format!("{auth:?}").contains("canary"));
    }
}

#[test]
fn relieving_and_stopping_say_where_it_happened() {
    let relieved = push(&format!(
        r#"{{"EventType":"suite_relieve","SuiteKey":"s","TimeStamp":"1772416800003","AuthCorpId":"{CORP}"}}"#
    ));
    assert!(matches!(relieved.kind, EventKind::OrgSuiteRelieve));
    assert_eq!(relieved.born_at, Some(1_772_416_800_003), "a time in a text");
    assert!(matches!(stream("org_suite_relieve", "{}").kind, EventKind::OrgSuiteRelieve));
    assert_eq!(relieved.corp_id.as_ref().unwrap(), &CORP);
    let stopped = push(&format!(
        r#"{{"AgentId":2714400981,"AppId":"90417","AuthCorpId":"{CORP}","EventType":"org_micro_app_stop","SuiteKey":"s","TimeStamp":1}}"#
    ));
    let EventKind::OrgMicroAppStop(app) = stopped.kind else { panic!() };
    assert_eq!((app.agent_id, app.app_id), (Some(AgentId::new(2_714_400_981)), Some(90417)));
    for name in ["org_micro_app_restore", "org_micro_app_remove", "org_micro_app_scope_update"] {
        let event = row("41027001", &serde_json::json!({"syncAction": name, "agentId": "7"}));
        let (EventKind::OrgMicroAppRestore(app)
        | EventKind::OrgMicroAppRemove(app)
        | EventKind::OrgMicroAppScopeUpdate(app)) = event.kind
        else {
            panic!("{event:?}")
        };
        assert_eq!(app.agent_id, Some(AgentId::new(7)));
    }
}

#[test]
fn people_are_named_in_every_form_and_their_old_record_is_read() {
    let pushed = push(
        r#"{"EventType":"user_leave_org","TimeStamp":"1772416800000","UserId":["a","b"],"CorpId":"ding1"}"#,
    );
    let streamed = stream("user_leave_org", r#"{"timeStamp":"1772416800000","userId":["a","b"]}"#);
    for event in [pushed, streamed] {
        let EventKind::UserLeaveOrg(change) = &event.kind else { panic!("{event:?}") };
        assert_eq!(change.user_ids, ["a", "b"]);
        assert_eq!(change.user, None);
    }
    let left = row("u_lin01", &serde_json::json!({"syncAction": "user_leave_org"}));
    let EventKind::UserLeaveOrg(change) = &left.kind else { panic!() };
    assert_eq!((change.user_ids.as_slice(), &change.user), (["u_lin01".into()].as_slice(), &None));

    let moved = row(
        "u_lin01",
        &serde_json::json!({
            "syncAction": "user_dept_change", "errcode": 0, "userid": "u_lin01", "unionid": "Qm7",
            "name": "林", "jobnumber": 427, "active": "true", "isAdmin": false,
            "department": [1, 604_118_220], "orderInDepts": "{1:176332448111000201,604118220:-7}",
            "isLeaderInDepts": "{1:false,604118220:true}",
            "roles": [{"id": "9", "name": "主管", "groupName": "默认", "type": 101}],
        }),
    );
    let EventKind::UserDeptChange(change) = &moved.kind else { panic!("{moved:?}") };
    let user = change.user.as_ref().unwrap();
    assert_eq!((user.userid.as_str(), user.active), ("u_lin01", Some(true)));
    assert_eq!(user.job_number.as_deref(), Some("427"));
    assert_eq!(user.order_in_depts[&DeptId::ROOT], 176_332_448_111_000_201, "64 bits");
    assert!(user.is_leader_in_depts[&DeptId::new(604_118_220)]);
    assert_eq!((user.roles[0].id, user.roles[0].kind), (RoleId::new(9), Some(101)));
}

#[test]
fn pairs_that_are_no_pairs_are_left_out() {
    for (text, expected) in [
        (r#""{1:2}""#, vec![(1, 2)]),
        (r#"" { \"1\" : \"2\" , 3 : x, , 4:5 } ""#, vec![(1, 2), (4, 5)]),
        (r#"{"1":2}"#, vec![(1, 2)]),
        (r#""""#, vec![]),
        ("null", vec![]),
        ("7", vec![]),
    ] {
        let json = format!(r#"{{"userid":"a","orderindepts":{text}}}"#);
        let user: UserRecord = serde_json::from_str(&json).unwrap();
        let read: Vec<(i64, i64)> =
            user.order_in_depts.iter().map(|(dept, order)| (dept.get(), *order)).collect();
        assert_eq!(read, expected, "{text}");
    }
}

#[test]
fn departments_and_roles_are_named_in_every_form() {
    let pushed = push(r#"{"EventType":"org_dept_modify","DeptId":["7",8],"CorpId":"ding1"}"#);
    let EventKind::OrgDeptModify(change) = pushed.kind else { panic!() };
    assert_eq!(change.dept_ids, [DeptId::new(7), DeptId::new(8)]);
    let alone = push(r#"{"EventType":"org_dept_remove","DeptId":7,"CorpId":"ding1"}"#);
    let EventKind::OrgDeptRemove(change) = alone.kind else { panic!() };
    assert_eq!(change.dept_ids, [DeptId::new(7)]);
    let created = row(
        "7",
        &serde_json::json!({"syncAction": "org_dept_create", "errcode": 0, "id": 7, "name": "研发",
            "parentid": 1, "deptHiding": "false", "deptManagerUseridList": "a|b"}),
    );
    let EventKind::OrgDeptCreate(change) = created.kind else { panic!() };
    let department = change.department.unwrap();
    assert_eq!((change.dept_ids, department.parent_id), (vec![DeptId::new(7)], Some(DeptId::ROOT)));
    assert_eq!(department.dept_hiding, Some(false));
    assert_eq!(department.dept_manager_userid_list, ["a", "b"]);
    let removed = row("7", &serde_json::json!({"syncAction": "org_dept_remove"}));
    let EventKind::OrgDeptRemove(change) = removed.kind else { panic!() };
    assert_eq!((change.dept_ids, change.department), (vec![DeptId::new(7)], None));

    let pushed = push(r#"{"EventType":"label_conf_modify","LabelIdList":[9],"CorpId":"ding1"}"#);
    let synced =
        row("9", &serde_json::json!({"syncAction": "org_role_modify", "id": 9, "name": "主管"}));
    for (event, named) in [(pushed, false), (synced, true)] {
        let EventKind::OrgRoleModify(change) = event.kind else { panic!("{event:?}") };
        assert_eq!((change.role_ids, change.role.is_some()), (vec![RoleId::new(9)], named));
    }
    let given = push(
        r#"{"EventType":"label_user_change","LabelIdList":[9],"CorpId":"ding1","UserIdList":["a"]}"#,
    );
    let EventKind::UserRoleChange(change) = given.kind else { panic!() };
    assert_eq!((change.role_ids, change.user_ids), (vec![RoleId::new(9)], vec!["a".into()]));
}

#[test]
fn checks_and_the_organization_itself() {
    let check = push(r#"{"EventType":"check_create_suite_url","Random":"q7","TestSuiteKey":"s"}"#);
    assert!(check.kind.is_check());
    let EventKind::CheckCreateSuiteUrl(check) = check.kind else { panic!() };
    assert_eq!((check.random.as_str(), check.test_suite_key), ("q7", Some("s".into())));
    assert!(push(r#"{"EventType":"check_url"}"#).kind.is_check());
    let renamed = row(
        CORP,
        &serde_json::json!({"syncAction": "org_update", "corpid": CORP, "corp_name": "新"}),
    );
    let EventKind::OrgUpdate(corp) = renamed.kind else { panic!() };
    assert_eq!(corp.corp_name.as_deref(), Some("新"));
    let plain = push(r#"{"EventType":"org_change","TimeStamp":"1","CorpId":"ding1"}"#);
    assert!(matches!(plain.kind, EventKind::OrgUpdate(_)));
    assert!(matches!(stream("org_remove", "{}").kind, EventKind::OrgRemove));
    let order = row("5", &serde_json::json!({"syncAction": "market_order", "orderId": 5}));
    assert!(matches!(order.kind, EventKind::MarketOrder));
    assert_eq!(order.biz_id.as_deref(), Some("5"));
}

#[test]
fn unknown_events_are_kept_whole_and_read_by_types_of_ones_own() {
    #[derive(serde::Deserialize)]
    struct CheckIn {
        #[serde(rename = "StaffId")]
        staff_id: String,
    }
    let json = r#"{"EventType":"check_in","StaffId":"manager01","TimeStamp":1700000000000}"#;
    let event = push(json);
    assert!(matches!(event.kind, EventKind::Other));
    assert_eq!((event.name.as_str(), event.data()), ("check_in", json));
    assert_eq!(event.read::<CheckIn>().unwrap().staff_id, "manager01");
    assert!(event.read::<Vec<u8>>().is_err());
    for data in ["{\"a\":1}", "[1]", "not json", ""] {
        let event = stream("chat_something_new", data);
        assert!(matches!(event.kind, EventKind::Other), "{data}");
        assert_eq!(event.data(), data);
    }
}

#[test]
fn known_events_with_other_fields_are_told_apart_and_lose_nothing() {
    for json in [
        r#"{"EventType":"suite_ticket","TimeStamp":1}"#,
        r#"{"EventType":"suite_ticket","SuiteTicket":""}"#,
        r#"{"EventType":"org_micro_app_stop","AgentId":"x"}"#,
        r#"{"EventType":"org_dept_create","DeptId":"x"}"#,
    ] {
        let event = push(json);
        assert!(matches!(event.kind, EventKind::Unreadable), "{event:?}");
        assert_eq!(event.data(), json);
    }
    assert!(matches!(stream("suite_ticket", "no json").kind, EventKind::Unreadable));
    assert!(matches!(stream("suite_ticket", "").kind, EventKind::Unreadable));
    assert!(matches!(stream("org_remove", "").kind, EventKind::OrgRemove), "nothing to read");
    let negative = push(r#"{"EventType":"org_remove","TimeStamp":-1}"#);
    assert_eq!(negative.born_at, None);
}

#[test]
fn a_row_that_cannot_be_read_does_not_hide_the_others() {
    let body = r#"{"EventType":"SYNC_HTTP_PUSH_MEDIUM","bizData":[
        {"id":1,"corp_id":"ding1","biz_data":"not json"},
        7,
        {"id":"2","corp_id":"ding1","biz_data":{"syncAction":"org_remove"}}]}"#;
    let events = Event::from_push(body).unwrap();
    assert_eq!(events.len(), 3);
    assert!(matches!(events[0].kind, EventKind::Unreadable));
    assert_eq!(events[0].data(), "not json");
    assert!(matches!(events[1].kind, EventKind::Unreadable));
    assert!(matches!(events[2].kind, EventKind::OrgRemove), "an object in the place of its text");
    assert_eq!(events[2].id.as_deref(), Some("2"));
    assert!(
        Event::from_push(r#"{"EventType":"SYNC_HTTP_PUSH_HIGH","bizData":[]}"#).unwrap().is_empty()
    );
}

#[test]
fn what_is_no_event_is_an_error_without_its_text() {
    for json in [
        "",
        "success",
        "[]",
        "{}",
        r#"{"EventType":""}"#,
        r#"{"EventType":{"canary":1}}"#,
        r#"{"EventType":"SYNC_HTTP_PUSH_HIGH"}"#,
    ] {
        let error = Event::from_push(json).unwrap_err();
        assert!(!error.to_string().contains("canary"), "{error}");
    }
}

#[test]
fn an_event_has_one_key_however_often_it_is_told_and_no_other_has_it() {
    let json = r#"{"EventType":"org_remove","TimeStamp":1,"CorpId":"ding1"}"#;
    assert_eq!(push(json).key(), push(json).key());
    assert_ne!(push(json).key(), push(&json.replace(":1,", ":2,")).key());
    // Over Stream the id decides; the frame around it is another one each time.
    let told = |id, corp, data| Event::from_stream("x", Some(corp), id, None, data).key();
    assert_eq!(told(Some("e"), "c", "{}"), told(Some("e"), "c", "{ }"));
    assert_ne!(told(Some("e"), "c", "{}"), told(Some("f"), "c", "{}"));
    assert_ne!(told(Some("e"), "c", "{}"), told(Some("e"), "d", "{}"));
    assert_ne!(told(None, "c", "{}"), told(None, "c", "{ }"));
    assert_eq!(told(Some(""), "c", "{}"), told(None, "c", "{}"));
    // A row's newer state is another event.
    let data = serde_json::json!({"syncAction": "org_remove"});
    let (one, other) = (row("1", &data), row("2", &data));
    assert_ne!(one.key(), other.key());
    assert_eq!(one.key(), row("1", &data).key());
    assert_ne!(EventKey::of(&["a", "bc"]), EventKey::of(&["ab", "c"]));
}

mod properties {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in any::<String>(), name in "[a-z_]{0,24}") {
            let _ = Event::from_push(&text);
            let event = Event::from_stream(&name, Some(&text), Some(&text), None, &text);
            prop_assert_eq!(event.data(), text.as_str());
        }

        #[test]
        fn no_value_in_any_field_makes_the_reader_panic(
            name in proptest::sample::select(vec![
                "suite_ticket", "tmp_auth_code", "change_auth", "org_micro_app_stop",
                "user_add_org", "label_user_change", "org_dept_create", "org_role_add",
                "org_change", "check_create_suite_url", "SYNC_HTTP_PUSH_HIGH",
            ]),
            field in proptest::sample::select(vec![
                "TimeStamp", "UserId", "DeptId", "LabelIdList", "bizData", "SuiteTicket", "AgentId",
                "auth_info", "authScope", "orderInDepts", "syncAction", "id", "CorpId",
            ]),
            value in proptest::sample::select(vec![
                "null", "true", "-1", "1e300", "18446744073709551615", "\"\"", "\"x\"", "[]", "{}",
                "[null]", "[[1]]", "[{\"biz_data\":7}]", "{\"agent\":{}}", "\"[1\"", "\"{1\"",
            ]),
        ) {
            let json = format!(r#"{{"EventType":"{name}","{field}":{value},"userid":"a"}}"#);
            let _ = Event::from_push(&json);
            let _ = Event::from_stream(name, None, None, None, &json);
        }
    }
}
