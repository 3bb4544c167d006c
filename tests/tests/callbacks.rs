//! Pushes of the sandbox, received by core: two implementations that share no code.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dingtalk_core::auth::TakeSuiteTicket;
use dingtalk_core::callback::{Owner, Received, Receiver};
use dingtalk_core::contact::GetUser;
use dingtalk_core::event::{Event, EventKind};
use dingtalk_core::store::Memory;
use dingtalk_core::{ErrorKind, Region, Suite, Timestamp};
use dingtalk_sandbox::{Clock, Person, Push, PushReply, Sandbox, Subscription, Trigger};

const TOKEN: &str = "tokenExample1";
const KEY: &str = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG";

/// A callback in this process: core receives, `act` decides.
fn callback(
    owner: Owner,
    clock: Clock,
    act: impl Fn(&Received) -> bool + Send + Sync + 'static,
) -> Subscription {
    let receiver = Receiver::new(TOKEN, KEY, owner).unwrap();
    Subscription::receiver(TOKEN, KEY, move |push: &Push| {
        let request = http::Request::post(push.url()).body(push.body()).unwrap();
        let response = match receiver.receive(&request, Timestamp::from_millis(clock.now())) {
            Ok(received) if act(&received) => received.acknowledge([7; 16]),
            Ok(received) => received.later(),
            Err(refusal) => refusal.response(),
        };
        PushReply::new(response.status().as_u16(), response.into_body())
    })
}

type Memo = Arc<Mutex<Vec<Event>>>;

/// One that remembers the events.
fn remembering(owner: Owner, clock: Clock) -> (Subscription, Memo) {
    let memo = Memo::default();
    let events = Arc::clone(&memo);
    let callback = callback(owner, clock, move |received| {
        events.lock().unwrap().extend_from_slice(received.events());
        true
    });
    (callback, memo)
}

fn names(memo: &Memo) -> Vec<String> {
    memo.lock().unwrap().drain(..).map(|event| event.name).collect()
}

#[test]
fn a_ticket_that_is_pushed_to_one_process_serves_another_through_the_store() {
    let sandbox = Sandbox::start().unwrap();
    let demo = sandbox.demo();
    assert!(sandbox.add_company("dingcustomer1", "A customer"));
    assert!(sandbox.add_person_to("dingcustomer1", Person::new("boss", "The boss")));
    sandbox.authorize(&demo.suite_key, "dingcustomer1").unwrap();
    sandbox.grant(&demo.suite_key, "qyapi_get_member");
    let region = Region::custom(&sandbox.origin()).unwrap();
    let suite =
        || Suite::builder(&*demo.suite_key, &*demo.suite_secret).region(region.clone()).build();
    let of_store = sandbox.clock();
    let store = Memory::new(move || of_store.now());
    let worker = suite();
    let call = || {
        dingtalk_blocking::Client::builder(worker.corp("dingcustomer1"))
            .store(store.clone())
            .build()
            .unwrap()
            .call(GetUser::new("boss"))
    };
    assert_eq!(call().unwrap_err().kind(), &ErrorKind::TicketStale, "nobody has a ticket yet");

    let receiver =
        dingtalk_blocking::Client::builder(suite()).store(store.clone()).build().unwrap();
    let owner = Owner::Suite(demo.suite_key.as_str().into());
    let callback = callback(owner, sandbox.clock(), move |received| {
        let mut tickets = received.events().iter().filter_map(TakeSuiteTicket::from_event);
        tickets.all(|ticket| receiver.call(ticket).is_ok())
    });
    sandbox.subscribe(&demo.suite_key, callback).unwrap();
    sandbox.deliver_due();
    assert_eq!(call().unwrap().name, "The boss");
    // The next push makes the ticket worthless, and the worker has never seen one.
    sandbox.renew_suite_ticket(&demo.suite_key).unwrap();
    sandbox.deliver_due();
    sandbox.revoke_all_tokens();
    assert_eq!(call().unwrap().name, "The boss");
    assert!(sandbox.deliveries().iter().all(|attempt| attempt.trouble.is_none()));
}

#[test]
fn a_push_that_cannot_be_acted_on_comes_again_and_one_that_was_is_not_acted_on_twice() {
    let sandbox = Sandbox::builder().frozen_at(1_700_000_000_000).in_process();
    let client_id = sandbox.demo().client_id;
    let works = Arc::new(AtomicBool::new(true));
    let memo = Memo::default();
    let (store, events) = (Arc::clone(&works), Arc::clone(&memo));
    let callback = callback(Owner::App(client_id.as_str().into()), sandbox.clock(), move |got| {
        events.lock().unwrap().extend_from_slice(got.events());
        store.load(Ordering::Relaxed)
    });
    sandbox.subscribe(&client_id, callback).unwrap();
    assert_eq!(names(&memo), ["check_url"]);
    works.store(false, Ordering::Relaxed);
    let push = sandbox.trigger(&client_id, &Trigger::new("user_add_org").user("u-1")).unwrap()[0];
    assert_eq!(names(&memo), ["user_add_org"]);
    works.store(true, Ordering::Relaxed);
    sandbox.clock().advance(Duration::from_secs(10));
    assert_eq!(sandbox.deliver_due(), 1);
    assert_eq!(names(&memo), ["user_add_org"], "it was not acknowledged");
    assert!(sandbox.resend(push));
    assert_eq!(names(&memo), [""; 0], "it was");
    let troubles = sandbox.deliveries();
    assert_eq!(troubles.iter().filter(|attempt| attempt.trouble.is_some()).count(), 1);
}

#[test]
fn every_event_of_the_sandbox_is_known_by_name_and_fields() {
    let sandbox = Sandbox::builder().frozen_at(1_700_000_000_000).in_process();
    let demo = sandbox.demo();
    let owner = || Owner::Suite(demo.suite_key.as_str().into());
    for sync in [false, true] {
        let (callback, memo) = remembering(owner(), sandbox.clock());
        let callback = if sync { callback.sync_http() } else { callback };
        sandbox.subscribe(&demo.suite_key, callback).unwrap();
        names(&memo);
        // Else the ticket would be the very event that was pushed just now.
        sandbox.clock().advance(Duration::from_millis(1));
        let now = Some(sandbox.clock().now());
        let mut told = 0;
        for name in [
            "check_url",
            "check_create_suite_url",
            "check_update_suite_url",
            "suite_ticket",
            "tmp_auth_code",
            "change_auth",
            "suite_relieve",
            "org_micro_app_stop",
            "org_micro_app_restore",
            "org_micro_app_remove",
            "org_micro_app_scope_update",
            "user_add_org",
            "user_modify_org",
            "user_leave_org",
            "user_active_org",
            "user_dept_change",
            "user_role_change",
            "org_admin_add",
            "org_admin_remove",
            "org_dept_create",
            "org_dept_modify",
            "org_dept_remove",
            "org_role_add",
            "org_role_modify",
            "org_role_remove",
            "org_update",
            "org_remove",
            "market_order",
        ] {
            let trigger = Trigger::new(name).user(&*demo.user_id).department(demo.dept_id).role(7);
            sandbox.trigger(&demo.suite_key, &trigger).unwrap();
            for event in memo.lock().unwrap().drain(..) {
                told += 1;
                let known = !matches!(event.kind, EventKind::Other | EventKind::Unreadable);
                assert!(known, "{name}: {event:?} {}", event.data());
                assert!(event.kind.is_check() || event.born_at == now);
                assert!(event.kind.is_check() || event.corp_id.is_some() || name == "suite_ticket");
                match event.kind {
                    EventKind::UserAddOrg(change) => {
                        assert_eq!(change.user_ids, [&*demo.user_id]);
                        assert_eq!(change.user.is_some(), sync);
                    }
                    EventKind::OrgDeptModify(change) => {
                        assert_eq!(change.dept_ids, [demo.dept_id.into()]);
                        assert_eq!(change.department.is_some(), sync);
                    }
                    EventKind::OrgSuiteAuth(auth) => {
                        assert_eq!(auth.auth_code.is_some(), !sync);
                        assert_eq!(auth.agents.len(), usize::from(sync));
                        assert_eq!(auth.scopes.is_some(), sync);
                    }
                    _ => {}
                }
            }
        }
        // Not every event has a name in both forms.
        assert_eq!(told, if sync { 23 } else { 24 });
    }
    let attempts = sandbox.deliveries();
    assert!(attempts.iter().all(|attempt| attempt.trouble.is_none()), "{attempts:?}");
}

#[test]
fn a_receiver_that_is_set_up_wrongly_says_so_and_the_platform_does_too() {
    let sandbox = Sandbox::in_process();
    let demo = sandbox.demo();
    for owner in [
        Owner::Corp(demo.corp_id.as_str().into()),
        Owner::App(demo.plain_client_id.as_str().into()),
        Owner::NewSuite,
    ] {
        let (callback, memo) = remembering(owner, sandbox.clock());
        assert!(sandbox.subscribe(&demo.client_id, callback).is_err());
        assert!(memo.lock().unwrap().is_empty());
    }
    // Before it is created, a third-party app has no key to check.
    let (callback, memo) = remembering(Owner::NewSuite, sandbox.clock());
    sandbox.subscribe(&demo.suite_key, callback).unwrap();
    assert_eq!(names(&memo), ["check_create_suite_url"]);
    let attempts = sandbox.deliveries();
    assert!(attempts.last().is_some_and(|attempt| attempt.trouble.is_some()), "the ticket");
}
