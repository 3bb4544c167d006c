//! A third-party app and its organizations, end to end: the sandbox decides who authorized what.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::time::Duration;

use dingtalk_core::auth::{ObtainToken, TakeSuiteTicket};
use dingtalk_core::contact::GetUser;
use dingtalk_core::jsapi::ObtainTicket;
use dingtalk_core::store::Memory;
use dingtalk_core::{Corp, ErrorKind, Region, Suite, SuiteBuilder};
use dingtalk_sandbox::{Person, Sandbox};
use dingtalk_tests::{patient, runtime};

/// Two organizations that authorized the demo's third-party app, each with somebody in it.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::start().unwrap();
    let key = sandbox.demo().suite_key;
    for corp in ["dingcustomer1", "dingcustomer2"] {
        assert!(sandbox.add_company(corp, "A customer"));
        assert!(sandbox.add_person_to(corp, Person::new("boss", "The boss")));
        sandbox.authorize(&key, corp).unwrap();
    }
    sandbox.grant(&key, "qyapi_get_member");
    sandbox
}

fn suite(sandbox: &Sandbox) -> SuiteBuilder {
    let demo = sandbox.demo();
    let region = Region::custom(&sandbox.origin()).unwrap();
    Suite::builder(demo.suite_key, demo.suite_secret).region(region)
}

fn ticketed(sandbox: &Sandbox, suite: SuiteBuilder) -> Suite {
    let suite = suite.build();
    suite.take_ticket(sandbox.suite_ticket(suite.suite_key().as_str()).unwrap(), 1);
    suite
}

fn client(corp: Corp) -> dingtalk_blocking::Client<Corp> {
    dingtalk_blocking::Client::builder(corp).policy(patient()).build().unwrap()
}

#[test]
fn blocking_and_async_callers_of_one_organization_share_its_token() {
    let sandbox = sandbox();
    let suite = ticketed(&sandbox, suite(&sandbox));
    let blocking = client(suite.corp("dingcustomer1"));
    let boss = blocking.call(GetUser::new("boss")).unwrap();
    assert_eq!(boss.name, "The boss");
    runtime(1).block_on(async {
        let client = dingtalk_async::Client::new(suite.corp("dingcustomer1")).unwrap();
        client.call(GetUser::new("boss")).await.unwrap();
    });
    assert_eq!(sandbox.token_requests(), 1);
    blocking.call(ObtainTicket::new()).unwrap();
    client(suite.corp("dingcustomer2")).call(GetUser::new("boss")).unwrap();
    assert_eq!(sandbox.token_requests(), 2);
}

#[test]
fn every_way_to_an_organizations_token_works() {
    let sandbox = sandbox();
    for builder in
        [suite(&sandbox), suite(&sandbox).by_organization(), suite(&sandbox).by_signed_call()]
    {
        let suite = ticketed(&sandbox, builder);
        client(suite.corp("dingcustomer1")).call(GetUser::new("boss")).unwrap();
    }
    let suite = ticketed(&sandbox, suite(&sandbox));
    let own = dingtalk_blocking::Client::new(suite).unwrap();
    assert!(!own.call(ObtainToken::new()).unwrap().value.is_empty());
}

#[test]
fn a_dropped_token_is_replaced_and_a_dropped_authorization_is_told() {
    let sandbox = sandbox();
    let suite = ticketed(&sandbox, suite(&sandbox));
    let client = client(suite.corp("dingcustomer1"));
    client.call(GetUser::new("boss")).unwrap();
    sandbox.revoke_all_tokens();
    client.call(GetUser::new("boss")).unwrap();
    assert_eq!(sandbox.token_requests(), 2);
    assert!(sandbox.revoke_authorization(suite.suite_key().as_str(), "dingcustomer1"));
    let error = client.call(GetUser::new("boss")).unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::NotAuthorized, "{error:?}");
    sandbox.authorize(suite.suite_key().as_str(), "dingcustomer1").unwrap();
    client.call(GetUser::new("boss")).unwrap();
}

#[test]
fn a_ticket_that_one_process_takes_serves_another_through_the_store() {
    let sandbox = sandbox();
    let clock = sandbox.clock();
    let store = Memory::new(move || clock.now());
    let key = sandbox.demo().suite_key;
    let receiver = dingtalk_blocking::Client::builder(suite(&sandbox).build())
        .store(store.clone())
        .build()
        .unwrap();
    let worker = suite(&sandbox).build();
    let call = |corp: &str| {
        dingtalk_blocking::Client::builder(worker.corp(corp))
            .store(store.clone())
            .build()
            .unwrap()
            .call(GetUser::new("boss"))
    };
    let error = call("dingcustomer1").unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::TicketStale);
    receiver.call(TakeSuiteTicket::new(sandbox.suite_ticket(&key).unwrap(), 1)).unwrap();
    call("dingcustomer1").unwrap();
    let renewed = sandbox.renew_suite_ticket(&key).unwrap();
    receiver.call(TakeSuiteTicket::new(renewed, 2)).unwrap();
    call("dingcustomer2").unwrap();
}

#[test]
fn a_hundred_thousand_organizations_take_little_memory_and_are_found_at_once() {
    const CORPS: u64 = 100_000;
    const TEXT: u64 = 32 + 32;
    let suite = Suite::builder("suitetest", "secret").without_tickets().build();
    let now = dingtalk_tests::now();
    let before = resident();
    for n in 0..CORPS {
        let corp = suite.corp(format!("ding{n:028}"));
        corp.seed(format!("{n:032x}"), now + Duration::from_secs(7_200), now);
    }
    let each = resident().saturating_sub(before) / CORPS;
    assert!(each <= 600 + TEXT, "{each} bytes each, of which {TEXT} text");
    println!("{each} bytes an organization, of which {TEXT} text");

    let ids: Vec<_> = (0..CORPS).step_by(97).map(|n| format!("ding{n:028}")).collect();
    let began = std::time::Instant::now();
    let found = ids.iter().filter(|id| suite.corp(id.as_str()).token(now).is_some()).count();
    let nanos = began.elapsed().as_nanos() / ids.len() as u128;
    assert_eq!(found, ids.len());
    // Measured in release; a debug build on a busy machine is given room.
    assert!(nanos < 50_000, "{nanos} ns to find a token");
    println!("{nanos} ns to find a token");

    // Churn: twenty times as many organizations come and go, and the memory stays.
    let full = resident();
    for n in 0..CORPS * 20 {
        drop(suite.corp(format!("churn{n:027}")));
    }
    assert_eq!(suite.corps_held() as u64, CORPS);
    let grown = resident().saturating_sub(full);
    assert!(grown < full / 4, "{grown} bytes more than {full}");
}

/// Bytes of memory that this process holds.
fn resident() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4_096
}
