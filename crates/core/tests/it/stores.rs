//! The store's questions, asked in the right order and never at the call's cost.

use std::time::Duration;

use dingtalk_core::{
    Call, ErrorKind, NewRecord, Policy, Record, Secret, Step, StoreOp, StoreReply,
};

use crate::support::{Expect, Read, app, at, busy, carried, dead_topapi, read_ok, token};

type Asking = (StoreOp, dingtalk_core::Asked<Read>);

fn shared(app: &dingtalk_core::App) -> Call<Read> {
    Call::new(&Read {}, app).shared(true).entropy(7)
}

#[track_caller]
fn ask(step: Step<Read>) -> Asking {
    match step {
        Step::Ask(question, asked) => (question, asked),
        other => panic!("expected a question, got {other:?}"),
    }
}

fn nothing() -> StoreReply {
    StoreReply::Record { record: None }
}

fn key() -> dingtalk_core::StoreKey {
    dingtalk_core::StoreKey::new(dingtalk_core::StoreKind::App, "api.dingtalk.com", "dingtest")
}

/// Version 7 of a token that lives so many seconds more and should be replaced ten minutes before.
fn stored(value: &str, left: u64) -> Record {
    Record::aged(&new_record(value, left), 7, 0)
}

fn new_record(value: &str, left: u64) -> NewRecord {
    let seconds = Duration::from_secs;
    NewRecord::new(Secret::from(value), seconds(left.saturating_sub(600)), seconds(left))
}

fn written() -> StoreReply {
    StoreReply::Written { version: 8 }
}

#[test]
fn a_token_that_another_process_fetched_is_used() {
    let app = app();
    let (question, asked) = ask(shared(&app).step(at(0)));
    let StoreOp::Load { key } = question else { panic!("{question:?}") };
    assert_eq!(key.to_string(), "app/api.dingtalk.com/dingtest/-/-");
    let reply = StoreReply::Record { record: Some(stored("theirs", 7_000)) };
    let (request, _) = asked.reply(at(0), reply).send();
    assert_eq!(carried(&request).as_deref(), Some("theirs"));
    assert!(app.token(at(6_999)).is_some() && app.token(at(7_000)).is_none());
}

#[test]
fn a_warm_call_asks_the_store_nothing() {
    let app = crate::support::warm();
    let _ = shared(&app).step(at(1)).send();
}

#[test]
fn the_lock_is_taken_the_store_read_again_and_the_token_saved() {
    let app = app();
    let (_, asked) = ask(shared(&app).step(at(0)));
    let (question, asked) = ask(asked.reply(at(0), nothing()));
    let StoreOp::Lock { holder, lease_ms, .. } = question else { panic!("{question:?}") };
    assert!(lease_ms >= 15_000, "longer than the request may take");
    let (request, sent) = asked.reply(at(0), StoreReply::Locked { record: None }).send();
    assert!(request.url().path().ends_with("accessToken"));
    let (_, waiter) = Call::new(&Read {}, &app).step(at(0)).join();
    let (question, asked) = ask(sent.reply(at(1), token("ours")));
    let StoreOp::Write { expected, record, unlock, .. } = question else { panic!("{question:?}") };
    assert_eq!((expected, unlock), (0, Some(holder)));
    let left =
        NewRecord::new("ours".into(), Duration::from_secs(6_599), Duration::from_secs(7_199));
    assert_eq!(record, left, "life counts from the asking");
    let _ = waiter.step(at(1)).send();
    let (request, _) = asked.reply(at(1), written()).send();
    assert_eq!(carried(&request).as_deref(), Some("ours"));
}

#[test]
fn the_lock_that_brings_a_fresh_token_is_freed_without_a_request() {
    let app = app();
    let (_, asked) = ask(shared(&app).step(at(0)));
    let (_, asked) = ask(asked.reply(at(0), nothing()));
    let reply = StoreReply::Locked { record: Some(stored("theirs", 7_000)) };
    let (question, asked) = ask(asked.reply(at(0), reply));
    assert!(matches!(question, StoreOp::Unlock { .. }));
    let (request, _) = asked.reply(at(0), StoreReply::Done).send();
    assert_eq!(carried(&request).as_deref(), Some("theirs"));
}

/// Another process has the lock for ever: when does the call go on by itself?
fn waits_for_another_process(policy: &Policy) -> (Duration, usize) {
    let app = app();
    let (_, asked) = ask(shared(&app).policy(policy).step(at(0)));
    let (_, mut asked) = ask(asked.reply(at(0), nothing()));
    let mut now = at(0);
    let mut polls = 0;
    let request = loop {
        match asked.reply(now, StoreReply::Busy) {
            Step::Sleep(pause, call) => {
                assert!(pause >= Duration::from_millis(100) && pause < Duration::from_millis(200));
                polls += 1;
                now = now + pause;
                let (question, loading) = ask(call.step(now));
                assert!(matches!(question, StoreOp::Load { .. }), "the token may be there");
                (_, asked) = ask(loading.reply(now, nothing()));
            }
            step => break step.send().0,
        }
    };
    assert!(request.url().path().ends_with("accessToken"), "and then goes on by itself");
    (now.since(at(0)), polls)
}

#[test]
fn while_another_process_fetches_the_store_is_asked_again_for_a_bounded_time() {
    let (waited, polls) = waits_for_another_process(&Policy::default());
    assert!(polls > 50, "{polls}");
    assert!(waited <= Duration::from_secs(31), "{waited:?}");
}

#[test]
fn who_waits_for_a_process_that_died_waits_for_the_one_that_takes_over_as_well() {
    // The dead one's lock lives for 20 s, and the next one needs a moment for its request.
    let (waited, _) = waits_for_another_process(&Policy::default());
    assert!(waited >= Duration::from_secs(20 + 8), "{waited:?}");
}

#[test]
fn who_has_little_time_does_not_spend_it_all_on_waiting_for_another_process() {
    let mut policy = Policy::default();
    policy.total = Duration::from_secs(10);
    let (waited, _) = waits_for_another_process(&policy);
    assert!(waited <= Duration::from_secs(6), "{waited:?}");
}

#[test]
fn who_still_has_a_token_does_not_wait_for_another_process_that_replaces_it() {
    let app = app();
    app.seed("old", at(7_200), at(0));
    let (_, asked) = ask(shared(&app).step(at(6_700)));
    let (_, asked) = ask(asked.reply(at(6_700), nothing()));
    let (request, _) = asked.reply(at(6_700), StoreReply::Busy).send();
    assert_eq!(carried(&request).as_deref(), Some("old"));
    let _quiet_for_a_while = shared(&app).step(at(6_729)).send();
    let (_, asked) = ask(shared(&app).step(at(6_730)));
    let reply = StoreReply::Record { record: Some(stored("theirs", 7_170)) };
    let (request, _) = asked.reply(at(6_730), reply).send();
    assert_eq!(carried(&request).as_deref(), Some("theirs"));
}

#[test]
fn invariant_13_a_store_that_fails_or_lies_costs_the_sharing_and_not_the_call() {
    let failed = || StoreReply::Failed { why: "gone".into() };
    let answers: [fn() -> StoreReply; 3] = [
        || StoreReply::Failed { why: "gone".into() },
        || StoreReply::Done,
        || StoreReply::Locked { record: None },
    ];
    for answer in answers {
        let app = app();
        let (_, asked) = ask(shared(&app).step(at(0)));
        let (request, sent) = asked.reply(at(0), answer()).send();
        assert!(request.url().path().ends_with("accessToken"));
        let (_, sent) = sent.reply(at(0), token("t")).send();
        assert!(sent.reply(at(0), read_ok()).done().is_ok());
    }
    let app = app();
    let (_, asked) = ask(shared(&app).step(at(0)));
    let (_, asked) = ask(asked.reply(at(0), nothing()));
    let (_, sent) = asked.reply(at(0), StoreReply::Locked { record: None }).send();
    let (_, asked) = ask(sent.reply(at(0), token("t")));
    let (_, sent) = asked.reply(at(0), failed()).send();
    assert!(sent.reply(at(0), read_ok()).done().is_ok(), "saving failed");
}

#[test]
fn a_stored_token_that_was_just_rejected_is_not_taken_again() {
    let app = app();
    app.seed("dead", at(7_200), at(0));
    let (_, sent) = shared(&app).step(at(0)).send();
    let (_, asked) = ask(sent.reply(at(0), dead_topapi()));
    let reply = StoreReply::Record { record: Some(stored("dead", 7_200)) };
    let (question, asked) = ask(asked.reply(at(0), reply));
    assert!(matches!(question, StoreOp::Lock { .. }));
    let reply = StoreReply::Locked { record: Some(stored("dead", 7_200)) };
    let (question, asked) = ask(asked.reply(at(0), reply));
    assert!(
        matches!(question, StoreOp::Remove { expected: Some(7), .. }),
        "only if it is still that"
    );
    let (request, sent) = asked.reply(at(0), StoreReply::Done).send();
    assert!(request.url().path().ends_with("accessToken"));
    let (question, _) = ask(sent.reply(at(0), token("new")));
    assert!(matches!(question, StoreOp::Write { expected: 0, .. }));
}

#[test]
fn a_failed_fetch_frees_the_lock() {
    let app = app();
    let (_, asked) = ask(shared(&app).step(at(0)));
    let (_, asked) = ask(asked.reply(at(0), nothing()));
    let mut step = asked.reply(at(0), StoreReply::Locked { record: None });
    let mut now = at(0);
    let asked = loop {
        step = match step {
            Step::Send(_, sent) => sent.reply(now, busy()),
            Step::Sleep(pause, call) => {
                now = now + pause;
                call.step(now)
            }
            Step::Ask(StoreOp::Unlock { .. }, asked) => break asked,
            other => panic!("{other:?}"),
        };
    };
    let error = asked.reply(now, StoreReply::Done).done().unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Busy { .. }));
}

#[test]
fn who_was_thought_dead_by_its_own_process_gives_the_lock_to_it() {
    let app = app();
    let (_, asked) = ask(shared(&app).step(at(0)));
    let (question, first) = ask(asked.reply(at(0), nothing()));
    let StoreOp::Lock { holder, .. } = question else { panic!("{question:?}") };
    // The machine slept: another caller leads now, and waits for the lock.
    let (_, asked) = ask(shared(&app).entropy(8).step(at(60 * 60)));
    let now = at(60 * 60 + 1);
    let (question, first) = ask(first.reply(now, StoreReply::Locked { record: None }));
    assert_eq!(question, StoreOp::Unlock { key: key(), holder });
    let _ends = first.reply(now, StoreReply::Done).done();
    let (_, asked) = ask(asked.reply(now, nothing()));
    let _ = asked.reply(now, StoreReply::Locked { record: None }).send();
}

#[test]
fn questions_and_answers_cross_a_border_as_data() {
    let (question, _asked) = ask(shared(&app()).step(at(0)));
    let json = serde_json::to_string(&question).unwrap();
    assert_eq!(serde_json::from_str::<StoreOp>(&json).unwrap(), question);
    let reply = StoreReply::Record { record: Some(stored("canary", 1_000)) };
    let json = serde_json::to_string(&reply).unwrap();
    assert_eq!(serde_json::from_str::<StoreReply>(&json).unwrap(), reply);
    assert!(!format!("{reply:?}").contains("canary"));
}
