//! The vendor's side in full: every event by its own name and fields, in both forms of push, and what becomes of an app
//! that an organization stops (wire-facts §3.5, §10.4–10.6).

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dingtalk_sandbox::{
    App, Department, Person, Push, PushReply, Sandbox, Subscription, Switch, Terms, Trigger,
};
use serde_json::{Value, json};

use crate::support::{Answer, START, get, sandbox, send, suite_corp_token, topapi, v1};

pub(crate) const KEY: &str = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG";
const OTHER: &str = "dingother";

pub(crate) type Seen = Arc<Mutex<Vec<Value>>>;

pub(crate) fn listener() -> (Subscription, Seen) {
    let seen = Seen::default();
    let memory = Arc::clone(&seen);
    let callback = Subscription::receiver("tokenExample1", KEY, move |push: &Push| {
        let message = serde_json::from_str(push.message()).expect("JSON");
        memory.lock().expect("no panic").push(message);
        push.success()
    });
    (callback, seen)
}

pub(crate) fn take(seen: &Seen) -> Vec<Value> {
    std::mem::take(&mut *seen.lock().expect("no panic"))
}

fn types(seen: &Seen) -> Vec<String> {
    take(seen).iter().map(|it| it["EventType"].as_str().expect("text").to_owned()).collect()
}

/// `syncAction`, `biz_type`, `biz_id` and the data of each row.
fn rows(seen: &Seen) -> Vec<(String, i64, String, Value)> {
    take(seen)
        .into_iter()
        .filter(|message| message["bizData"].is_array())
        .map(|message| {
            let row = &message["bizData"][0];
            let data: Value =
                serde_json::from_str(row["biz_data"].as_str().expect("a text")).expect("JSON");
            let action = data["syncAction"].as_str().expect("a text").to_owned();
            let biz_type = row["biz_type"].as_i64().expect("a number");
            (action, biz_type, row["biz_id"].as_str().expect("a text").to_owned(), data)
        })
        .collect()
}

fn post(sandbox: &Sandbox, uri: &str, body: &Value) -> Answer {
    let body = body.to_string();
    send(sandbox, "POST", uri, &[("content-type", "application/json")], body.as_bytes())
}

fn suite_token(sandbox: &Sandbox) -> String {
    let demo = sandbox.demo();
    let ticket = sandbox.suite_ticket(&demo.suite_key);
    let body = json!({
        "suite_key": demo.suite_key, "suite_secret": demo.suite_secret, "suite_ticket": ticket,
    });
    post(sandbox, "/service/get_suite_token", &body).str("/suite_access_token").to_owned()
}

/// Everything that §10.4 and §10.5 name, with the fields that it names.
const PLAIN: [(&str, &str); 24] = [
    ("check_url", ""),
    ("check_create_suite_url", "Random TestSuiteKey"),
    ("check_update_suite_url", "Random TestSuiteKey"),
    ("suite_ticket", "SuiteKey SuiteTicket TimeStamp"),
    ("tmp_auth_code", "AuthCode AuthCorpId SuiteKey TimeStamp"),
    ("change_auth", "AuthCorpId SuiteKey TimeStamp"),
    ("suite_relieve", "AuthCorpId SuiteKey TimeStamp"),
    ("org_micro_app_stop", "AgentId AppId AuthCorpId SuiteKey TimeStamp"),
    ("org_micro_app_restore", "AgentId AppId AuthCorpId SuiteKey TimeStamp"),
    ("user_add_org", "CorpId TimeStamp UserId"),
    ("user_modify_org", "CorpId TimeStamp UserId"),
    ("user_leave_org", "CorpId TimeStamp UserId"),
    ("user_active_org", "CorpId TimeStamp UserId"),
    ("org_admin_add", "CorpId TimeStamp UserId"),
    ("org_admin_remove", "CorpId TimeStamp UserId"),
    ("org_dept_create", "CorpId DeptId TimeStamp"),
    ("org_dept_modify", "CorpId DeptId TimeStamp"),
    ("org_dept_remove", "CorpId DeptId TimeStamp"),
    ("org_remove", "CorpId TimeStamp"),
    ("org_change", "CorpId TimeStamp"),
    ("label_user_change", "CorpId LabelIdList TimeStamp UserIdList"),
    ("label_conf_add", "CorpId LabelIdList TimeStamp"),
    ("label_conf_del", "CorpId LabelIdList TimeStamp"),
    ("label_conf_modify", "CorpId LabelIdList TimeStamp"),
];

/// Everything that §10.6 names, with its type and, where the sheet lists them, members of its data.
const SYNC: [(&str, i64, &str); 22] = [
    ("suite_ticket", 2, "suiteTicket"),
    (
        "org_suite_auth",
        4,
        "auth_corp_info auth_info auth_user_info auth_scope permanent_code ch_permanent_code",
    ),
    (
        "org_suite_change",
        4,
        "auth_corp_info auth_info auth_user_info auth_scope permanent_code ch_permanent_code",
    ),
    ("org_suite_relieve", 4, ""),
    ("org_micro_app_restore", 7, "agentId"),
    ("org_micro_app_stop", 7, "agentId"),
    ("org_micro_app_remove", 7, "agentId"),
    ("org_micro_app_scope_update", 7, "agentId"),
    ("user_add_org", 13, "errcode userid orderInDepts isLeaderInDepts roles"),
    ("user_modify_org", 13, "errcode userid orderInDepts isLeaderInDepts roles"),
    ("user_dept_change", 13, "errcode userid orderInDepts isLeaderInDepts roles"),
    ("user_role_change", 13, "errcode userid orderInDepts isLeaderInDepts roles"),
    ("user_active_org", 13, "errcode userid orderInDepts isLeaderInDepts roles"),
    ("user_leave_org", 13, ""),
    ("org_dept_create", 14, "id name parentid deptHiding"),
    ("org_dept_modify", 14, "id name parentid deptHiding"),
    ("org_dept_remove", 14, ""),
    ("org_role_add", 15, "id name"),
    ("org_role_modify", 15, "id name"),
    ("org_role_remove", 15, "id name"),
    ("org_update", 16, "corpid corp_name"),
    ("org_remove", 16, ""),
];

#[test]
fn every_event_of_the_sheet_can_be_raised_by_hand_with_the_sheets_fields() {
    let sandbox = sandbox();
    let suite = sandbox.demo().suite_key;
    let (callback, seen) = listener();
    sandbox.subscribe(&suite, callback).expect("it says success");
    take(&seen);
    for (name, fields) in PLAIN {
        let trigger = Trigger::new(name).user("manager01").department(1).role(3_110_472_201);
        let pushes = sandbox.trigger(&suite, &trigger).expect(name);
        let message = take(&seen).pop().expect(name);
        let keys: BTreeSet<&str> =
            message.as_object().expect(name).keys().map(|it| &**it).collect();
        let mut wanted: BTreeSet<&str> = fields.split_whitespace().collect();
        wanted.insert("EventType");
        assert_eq!((pushes.len(), keys), (1, wanted), "{name}");
        assert_eq!(message["EventType"], name);
        // The one event whose time is printed as a text, and those whose fields no source prints.
        let text = name == "suite_relieve" || !message["CorpId"].is_null();
        let time = if text { json!(START.to_string()) } else { json!(START) };
        assert!(message["TimeStamp"].is_null() || message["TimeStamp"] == time, "{message}");
    }
    sandbox.trigger(&suite, &Trigger::new("check_in").field("StaffId", "x")).expect("known");
    assert_eq!(take(&seen)[0]["StaffId"], "x");
    assert!(
        sandbox.trigger(&suite, &Trigger::new("no_such")).is_err_and(|it| it.contains("no_such"))
    );
    assert!(sandbox.trigger("no-app", &Trigger::new("check_url")).is_err());
    assert!(sandbox.trigger(&suite, &Trigger::new("check_url").corp("nowhere")).is_err());
}

#[test]
fn every_row_of_sync_http_can_be_raised_by_hand_with_the_sheets_members() {
    let sandbox = sandbox();
    let demo = sandbox.demo();
    let (callback, seen) = listener();
    sandbox.subscribe(&demo.suite_key, callback.sync_http()).expect("it says success");
    take(&seen);
    for (name, biz_type, members) in SYNC {
        let trigger = Trigger::new(name).user(&demo.user_id).department(1).role(3_110_472_201);
        sandbox.trigger(&demo.suite_key, &trigger).expect(name);
        let (action, found, _, data) = rows(&seen).pop().expect(name);
        assert_eq!((action.as_str(), found), (name, biz_type));
        for member in members.split_whitespace() {
            assert!(!data[member].is_null(), "{name} has {member}: {data}");
        }
    }
    let order = Trigger::new("market_order").field("orderId", 7);
    sandbox.trigger(&demo.suite_key, &order).expect("known");
    let message = take(&seen).pop().expect("an order");
    assert_eq!(message["EventType"], "SYNC_HTTP_PUSH_HIGH");
    let row = message["bizData"][0].as_object().expect("a row");
    let keys: Vec<&str> = row.keys().map(|key| &**key).collect();
    let mut wanted = [
        "gmt_create",
        "gmt_modified",
        "biz_type",
        "open_cursor",
        "subscribe_id",
        "id",
        "biz_id",
        "biz_data",
        "corp_id",
        "status",
    ];
    wanted.sort_unstable();
    assert_eq!(keys, wanted);
    assert!(row["subscribe_id"].as_str().is_some_and(|id| id.ends_with("_0")));
    assert_eq!(row["biz_type"], 17);
}

#[test]
fn sync_http_tells_of_tickets_authorizations_app_states_and_the_address_book() {
    let sandbox = sandbox();
    let suite = sandbox.demo().suite_key;
    let (callback, seen) = listener();
    sandbox.subscribe(&suite, callback.sync_http()).expect("it says success");
    sandbox.add_company(OTHER, "Other");
    sandbox.authorize(&suite, OTHER).expect("both exist");
    sandbox
        .authorize_with(&suite, OTHER, &Terms::default().contact_scope(&[1], &["u-x"]))
        .expect("it is open");
    sandbox.set_app_stopped(&suite, OTHER, true);
    sandbox.set_app_stopped(&suite, OTHER, false);
    sandbox.add_person_to(OTHER, Person::new("u-x", "X").role(5, "g", "r").inactive());
    sandbox.add_department_to(OTHER, Department::new(9, "Nine", 1));
    sandbox
        .add_person_to(OTHER, Person::new("u-x", "X").role(5, "g", "r").department(9).inactive());
    sandbox.add_person_to(OTHER, Person::new("u-x", "X").role(5, "g", "renamed").department(9));
    sandbox.remove_person_from(OTHER, "u-x");
    sandbox.remove_department_from(OTHER, 9);
    sandbox.rename_company(OTHER, "Another");
    sandbox.revoke_authorization(&suite, OTHER);
    let told: Vec<(String, i64)> = rows(&seen).into_iter().map(|row| (row.0, row.1)).collect();
    let told: Vec<(&str, i64)> = told.iter().map(|(name, kind)| (name.as_str(), *kind)).collect();
    assert_eq!(
        told,
        [
            ("suite_ticket", 2),
            ("org_suite_auth", 4),
            ("org_suite_change", 4),
            ("org_micro_app_scope_update", 7),
            ("org_micro_app_stop", 7),
            ("org_micro_app_restore", 7),
            ("org_role_add", 15),
            ("user_add_org", 13),
            ("org_dept_create", 14),
            ("user_dept_change", 13),
            ("org_role_modify", 15),
            ("user_active_org", 13),
            ("org_role_remove", 15),
            ("user_leave_org", 13),
            ("org_dept_remove", 14),
            ("org_update", 16),
            ("org_micro_app_remove", 7),
            ("org_suite_relieve", 4),
        ]
    );
}

#[test]
fn a_newer_row_takes_the_place_of_one_that_waits() {
    let sandbox = sandbox();
    let suite = sandbox.demo().suite_key;
    let down = Arc::new(Mutex::new(false));
    let state = Arc::clone(&down);
    let seen = Seen::default();
    let memory = Arc::clone(&seen);
    let callback = Subscription::receiver("tokenExample1", KEY, move |push: &Push| {
        if *state.lock().expect("no panic") {
            return PushReply::new(503, "");
        }
        memory.lock().expect("no panic").push(serde_json::from_str(push.message()).expect("JSON"));
        push.success()
    });
    sandbox.subscribe(&suite, callback.sync_http()).expect("it says success");
    take(&seen);
    *down.lock().expect("no panic") = true;
    for name in ["One", "Two", "Three"] {
        sandbox.add_department(Department::new(900, name, 1));
    }
    *down.lock().expect("no panic") = false;
    sandbox.clock().advance(Duration::from_secs(40));
    sandbox.deliver_due();
    let told = rows(&seen);
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].3["name"], "Three");
}

#[test]
fn a_change_of_a_person_is_told_by_what_changed() {
    let sandbox = sandbox();
    let (callback, seen) = listener();
    sandbox.subscribe(&sandbox.demo().client_id, callback).expect("it says success");
    take(&seen);
    let person = || Person::new("u-new", "New");
    let told = |person: Person| {
        sandbox.add_person(person);
        types(&seen)
    };
    assert_eq!(told(person().inactive()), ["user_add_org"]);
    assert_eq!(told(person()), ["user_modify_org", "user_active_org"]);
    assert_eq!(told(person().admin()), ["user_modify_org", "org_admin_add"]);
    assert_eq!(told(person()), ["user_modify_org", "org_admin_remove"]);
    let with_role = |name: &str| person().role(77, "group", name);
    let first = ["label_conf_add", "user_modify_org", "label_user_change"];
    assert_eq!(told(with_role("a")), first);
    assert_eq!(told(with_role("b")), ["label_conf_modify", "user_modify_org"]);
    assert_eq!(told(person()), ["label_conf_del", "user_modify_org", "label_user_change"]);
    sandbox.add_department(Department::new(900, "Nine", 1));
    assert!(sandbox.remove_department(900) && !sandbox.remove_department(900));
    assert!(sandbox.rename_company(&sandbox.demo().corp_id, "Renamed"));
    assert_eq!(types(&seen), ["org_dept_create", "org_dept_remove", "org_change"]);
    assert!(!sandbox.remove_company(&sandbox.demo().corp_id), "the first one stays");
}

#[test]
fn an_organization_that_is_gone_is_told_and_its_tokens_are_dead() {
    let sandbox = sandbox();
    let suite = sandbox.demo().suite_key;
    let (callback, seen) = listener();
    sandbox.subscribe(&suite, callback.tags(&["org_remove"])).expect("it says success");
    sandbox.add_company(OTHER, "Other");
    sandbox.authorize(&suite, OTHER).expect("both exist");
    let body = json!({"client_id": suite, "client_secret": sandbox.demo().suite_secret,
                      "grant_type": "client_credentials"});
    let token = post(&sandbox, &format!("/v1.0/oauth2/{OTHER}/token"), &body);
    let token = token.str("/access_token").to_owned();
    take(&seen);
    assert!(sandbox.remove_company(OTHER));
    assert_eq!(types(&seen), ["org_remove"]);
    assert_eq!(topapi(&sandbox, "v2/department/listsub", &token, "{}").code(), "88/40014");
    assert!(!sandbox.remove_company(OTHER));
}

#[test]
fn a_stopped_app_gets_no_token_and_its_calls_are_refused_until_it_is_started() {
    let sandbox = sandbox();
    let demo = sandbox.demo();
    let token = suite_corp_token(&sandbox);
    let calls = || {
        let corp_token = json!({"suiteKey": demo.suite_key, "suiteSecret": demo.suite_secret,
                               "authCorpId": demo.corp_id, "suiteTicket": demo.suite_ticket});
        let by_corp = json!({"client_id": demo.suite_key, "client_secret": demo.suite_secret,
                            "grant_type": "client_credentials"});
        [
            topapi(&sandbox, "v2/department/listsub", &token, "{}").code(),
            get(&sandbox, &format!("/auth/scopes?access_token={token}")).code(),
            v1(&sandbox, "POST", "/v1.0/oauth2/jsapiTickets", &token, "{}").code(),
            post(&sandbox, "/v1.0/oauth2/corpAccessToken", &corp_token).code(),
            post(&sandbox, &format!("/v1.0/oauth2/{}/token", demo.corp_id), &by_corp).code(),
        ]
    };
    let fine = calls();
    assert!(fine.iter().all(|code| code == "0" || code == "200 without code"), "{fine:?}");
    assert!(sandbox.set_app_stopped(&demo.suite_key, &demo.corp_id, true));
    assert_eq!(
        calls(),
        [
            "88/50003",
            "50003",
            "400 InvalidAuthentication",
            "400 invalidAuthInfo",
            "401 unauthorized.client"
        ]
    );
    sandbox.set_switch(&Switch::StoppedAppWorks(true));
    assert_eq!(calls(), fine);
    sandbox.set_switch(&Switch::StoppedAppWorks(false));
    assert!(sandbox.set_app_stopped(&demo.suite_key, &demo.corp_id, false));
    assert_eq!(calls(), fine, "the same token goes on");
}

#[test]
fn the_code_of_a_new_authorization_buys_one_permanent_code_that_activates() {
    let sandbox = sandbox();
    let demo = sandbox.demo();
    let (callback, seen) = listener();
    sandbox.subscribe(&demo.suite_key, callback).expect("it says success");
    sandbox.add_company(OTHER, "Other");
    sandbox.authorize(&demo.suite_key, OTHER).expect("both exist");
    let code = take(&seen).pop().expect("an event")["AuthCode"].clone();
    let token = suite_token(&sandbox);
    let call = |path: &str, body: &Value| {
        post(&sandbox, &format!("/service/{path}?suite_access_token={token}"), body)
    };
    assert_eq!(call("get_permanent_code", &json!({})).errcode(), 41026);
    assert_eq!(call("get_permanent_code", &json!({"tmp_auth_code": "no"})).errcode(), 40078);
    let answer = call("get_permanent_code", &json!({"tmp_auth_code": code}));
    assert_eq!(
        answer.keys(),
        "errcode errmsg auth_corp_info auth_corp_info.corpid auth_corp_info.corp_name permanent_code"
    );
    assert_eq!(answer.str("/auth_corp_info/corpid"), OTHER);
    assert_eq!(call("get_permanent_code", &json!({"tmp_auth_code": code})).errcode(), 40078);
    let permanent = answer.str("/permanent_code");
    let activate = |corp: &str, code: &str| {
        let body =
            json!({"suite_key": demo.suite_key, "auth_corpid": corp, "permanent_code": code});
        call("activate_suite", &body).errcode()
    };
    assert_eq!(activate(OTHER, permanent), 0);
    assert_eq!(activate(OTHER, "no"), 40084);
    assert_eq!(activate(OTHER, ""), 41025);
    assert_eq!(activate("", permanent), 41027);
    assert_eq!(activate(&demo.corp_id, permanent), 41031);
    assert_eq!(activate("dingno", permanent), 41030);
    let dead = post(&sandbox, "/service/activate_suite?suite_access_token=dead", &json!({}));
    assert_eq!(dead.errcode(), 42009);
}

#[test]
fn an_organization_grants_on_its_own_terms_and_a_console_change_is_told() {
    let suite = || App::third_party("suitemine", "s").grant("qyapi_get_department_list");
    let sandbox = crate::support::builder()
        .app(suite().request("qyapi_get_member").suite_ticket("t"))
        .in_process();
    let (callback, seen) = listener();
    sandbox.subscribe("suitemine", callback).expect("it says success");
    sandbox.add_company(OTHER, "Other");
    sandbox.add_department_to(OTHER, Department::new(7, "Seven", 1));
    sandbox.add_person_to(OTHER, Person::new("u-in", "In").department(7));
    sandbox.add_person_to(OTHER, Person::new("u-out", "Out"));
    let terms = Terms::default().points(&["qyapi_get_member"]).contact_scope(&[7], &[]);
    sandbox.authorize_with("suitemine", OTHER, &terms).expect("it asked for that");
    let too_much = Terms::default().points(&["qyapi_addresslist_search"]);
    assert!(sandbox.authorize_with("suitemine", OTHER, &too_much).is_err());
    let nowhere = Terms::default().contact_scope(&[8], &[]);
    assert!(sandbox.authorize_with("suitemine", OTHER, &nowhere).is_err());
    let body = json!({"suiteKey": "suitemine", "suiteSecret": "s", "authCorpId": OTHER,
                      "suiteTicket": "t"});
    let token = post(&sandbox, "/v1.0/oauth2/corpAccessToken", &body);
    let token = token.str("/accessToken").to_owned();
    let user = |id: &str| {
        topapi(&sandbox, "v2/user/get", &token, &json!({"userid": id}).to_string()).code()
    };
    assert_eq!((user("u-in").as_str(), user("u-out").as_str()), ("0", "50002"));
    assert_eq!(topapi(&sandbox, "v2/department/listsub", &token, "{}").code(), "88/60011");
    take(&seen);
    sandbox.grant("suitemine", "qyapi_get_department_list");
    assert_eq!(types(&seen), ["change_auth"]);
    sandbox.grant("suitemine", "qyapi_get_department_list");
    assert_eq!(types(&seen), Vec::<String>::new(), "nothing changed");
    sandbox.revoke_grant("suitemine", "qyapi_get_member");
    assert_eq!(types(&seen), ["change_auth"]);
    assert_eq!(user("u-in"), "88/60011");
    assert_eq!(sandbox.push_suite_ticket("suitemine").len(), 1);
    assert_eq!(take(&seen)[0]["SuiteTicket"], "t", "the present one again");
}
