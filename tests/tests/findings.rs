//! The sandbox's critic over our own clients: they leave nothing to find of `warn` or above, whatever the platform does
//! to them on the way.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::time::Duration;

use dingtalk_core::App;
use dingtalk_core::auth::GetScopes;
use dingtalk_core::contact::{
    GetContactUser, GetDepartment, GetUser, GetUserByCode, GetUserByMobile, ListUserIds, ListUsers,
    SearchUsers,
};
use dingtalk_core::jsapi::ObtainTicket;
use dingtalk_core::todo::{CreateTask, DeleteTask, GetTask, UpdateTask};
use dingtalk_sandbox::{Fault, Finding, PlatformError, Sandbox, Severity};
use dingtalk_tests::{Driver, Rig, Wire};

const URL: &str = "https://app.example.com/t/1";
const MINUTE: Duration = Duration::from_secs(60);

fn bad(sandbox: &Sandbox) -> Vec<Finding> {
    sandbox.findings().into_iter().filter(|it| it.severity >= Severity::Warn).collect()
}

/// What a program does in a day.
fn usual_flow(rig: &Rig, app: &App) {
    let demo = rig.demo();
    rig.call(app, GetUser::new(&*demo.user_id)).unwrap();
    rig.call(app, GetUserByMobile::new(&*demo.mobile)).unwrap();
    rig.call(app, GetScopes::new()).unwrap();
    rig.call(app, GetDepartment::new(1)).unwrap();
    rig.call(app, ListUserIds::new(1)).unwrap();
    rig.call(app, SearchUsers::new("林")).unwrap();
    assert!(!rig.pages(app, ListUsers::new(1)).unwrap().is_empty());
    for _ in 0..3 {
        rig.call(app, ObtainTicket::new()).unwrap();
    }
    let code = rig.sandbox.silent_code(&demo.client_id, &demo.user_id).unwrap();
    rig.call(app, GetUserByCode::new(code)).unwrap();
    let person = rig.consenting(app, "Contact.User.Read,Todo.Todo.Write", "Contact.User.mobile");
    for _ in 0..3 {
        rig.call(&person, GetContactUser::me()).unwrap();
    }
    for subject in ["写周报", "写月报"] {
        let task = rig.call(app, CreateTask::new(&*demo.union_id, subject, URL)).unwrap();
        rig.call(app, GetTask::new(&*demo.union_id, task.id.clone())).unwrap();
        let update = UpdateTask::new(&*demo.union_id, task.id.clone()).subject("写完了").done(true);
        rig.call(app, update).unwrap();
        rig.call(app, DeleteTask::new(&*demo.union_id, task.id)).unwrap();
    }
}

#[test]
fn the_usual_flow_of_both_clients_leaves_nothing_to_find() {
    for driver in [Driver::Blocking, Driver::Async] {
        for wire in [Wire::Socket, Wire::Closure] {
            let rig = Rig::new(driver, wire, Sandbox::builder());
            usual_flow(&rig, &rig.app());
            assert_eq!(bad(&rig.sandbox), [], "{driver:?} {wire:?}");
            assert!(rig.sandbox.journal().total() > 20);
            let info: Vec<_> = rig.sandbox.findings().into_iter().map(|it| it.id).collect();
            assert!(info.iter().all(|id| id == "permission-unused"), "{info:?}");
        }
    }
}

#[test]
fn tokens_renewed_in_time_and_killed_ones_replaced_leave_nothing_to_find() {
    for driver in [Driver::Blocking, Driver::Async] {
        let rig = Rig::timed(driver, Sandbox::builder());
        let (app, demo) = (rig.app(), rig.demo());
        let person = rig.consenting(&app, "Contact.User.Read", "Contact.User.mobile");
        for minute in 0..500 {
            rig.call(&app, GetUser::new(&*demo.user_id)).unwrap();
            rig.call(&app, ObtainTicket::new()).unwrap();
            rig.call(&person, GetContactUser::me()).unwrap();
            if minute % 97 == 0 {
                assert!(rig.sandbox.revoke_all_tokens() > 0);
            }
            rig.sandbox.clock().advance(MINUTE);
        }
        assert_eq!(bad(&rig.sandbox), [], "{driver:?}");
        let late = rig.sandbox.findings().into_iter().find(|it| it.id == "token-used-late");
        assert_eq!(late, None, "{driver:?}");
    }
}

#[test]
fn answers_that_are_lost_leave_no_write_repeated_and_no_code_used_twice() {
    for driver in [Driver::Blocking, Driver::Async] {
        for operation in ["POST /v1.0/todo/*", "POST /v1.0/oauth2/*", "POST /topapi/*"] {
            let faults: [fn(Fault) -> Fault; 3] = [
                |fault| fault.execute_then_drop(),
                |fault| fault.platform_error(PlatformError::Timeout),
                |fault| fault.truncate_body(5),
            ];
            for fault in faults {
                let rig = Rig::new(driver, Wire::Socket, Sandbox::builder());
                let (app, demo) = (rig.app(), rig.demo());
                let _ = rig.sandbox.fault(fault(Fault::on(operation).every(2)));
                for nth in 0..3 {
                    // Whether a call works out is not the question here.
                    let _ = rig.call(&app, GetUser::new(&*demo.user_id));
                    let task = CreateTask::new(&*demo.union_id, format!("第{nth}件"), URL);
                    let _ = rig.call(&app, task);
                    let person = rig.consenting(&app, "Contact.User.Read", "Contact.User.mobile");
                    let _ = rig.call(&person, GetContactUser::me());
                }
                let mut found = bad(&rig.sandbox);
                // The rig's pauses are a few milliseconds, so that the tests do not wait.
                found.retain(|finding| finding.id != "retry-too-soon");
                assert_eq!(found, [], "{driver:?} {operation}");
            }
        }
    }
}
