//! What comes more than once.

use super::*;

fn ticket(text: &str) -> String {
    json!({"EventType": "suite_ticket", "SuiteKey": SUITE, "SuiteTicket": text, "TimeStamp": NOW})
        .to_string()
}

/// Another attempt: signed anew.
fn again(nonce: &'static str) -> Push {
    Push { nonce, ..Push::new() }
}

#[test]
fn a_replayed_push_is_refused_once_it_was_acknowledged() {
    let receiver = receiver();
    let push = Push::new().of(&ticket("t1"));
    let _ = receiver.receive(&push, at(0)).unwrap().acknowledge([1; 16]);
    for later in [0, 1, 3_600_000] {
        let refusal = refused(receiver.clone().receive(&push, at(later)));
        assert_eq!((&refusal, refusal.code()), (&Refusal::Replayed, Some(900_003)));
    }
    let refusal = refused(receiver.receive(&push, at(3_600_001)));
    assert!(matches!(refusal, Refusal::Stale { .. }), "and then it is too old");
}

#[test]
fn a_push_from_ahead_is_remembered_until_it_is_too_old() {
    let receiver = receiver();
    let push = Push { timestamp: (NOW + 3_600_000).to_string(), ..Push::new() };
    let push = push.of(&ticket("t1"));
    let _ = receiver.receive(&push, at(0)).unwrap().acknowledge([1; 16]);
    assert_eq!(refused(receiver.receive(&push, at(7_200_000))), Refusal::Replayed);
    assert!(matches!(refused(receiver.receive(&push, at(7_200_001))), Refusal::Stale { .. }));
}

#[test]
fn a_platform_that_repeats_byte_for_byte_can_be_acknowledged_again() {
    let receiver = receiver().acknowledge_replays();
    let push = Push::new().of(&ticket("t1"));
    let _ = receiver.receive(&push, at(0)).unwrap().acknowledge([1; 16]);
    let received = receiver.receive(&push, at(1)).unwrap();
    assert_eq!((received.events().len(), received.repeats()), (0, 1));
    assert_eq!(opened(&received.acknowledge([1; 16]), TOKEN, KEY), "success");
}

#[test]
fn an_event_that_was_acted_on_is_acknowledged_again_and_left_out() {
    let receiver = receiver();
    let first = receiver.receive(&Push::new().of(&ticket("t1")), at(0)).unwrap();
    assert_eq!(first.events().len(), 1);
    let _ = first.acknowledge([1; 16]);
    let second = receiver.receive(&again("n2").of(&ticket("t1")), at(1)).unwrap();
    assert_eq!((second.events().len(), second.repeats()), (0, 1));
    assert_eq!(opened(&second.acknowledge([1; 16]), TOKEN, KEY), "success");
    let other = receiver.receive(&again("n3").of(&ticket("t2")), at(2)).unwrap();
    assert_eq!((other.events().len(), other.repeats()), (1, 0));
}

#[test]
fn an_event_that_could_not_be_acted_on_comes_again() {
    let receiver = receiver();
    let push = Push::new().of(&ticket("t1"));
    assert_eq!(receiver.receive(&push, at(0)).unwrap().later().status(), 503);
    drop(receiver.receive(&push, at(1)).unwrap());
    assert_eq!(receiver.receive(&push, at(2)).unwrap().events().len(), 1);
    assert_eq!(receiver.receive(&again("n2").of(&ticket("t1")), at(3)).unwrap().events().len(), 1);
}

#[test]
fn an_event_that_is_being_acted_on_is_nobody_elses() {
    let receiver = receiver();
    let first = receiver.receive(&Push::new().of(&ticket("t1")), at(0)).unwrap();
    let second = receiver.receive(&again("n2").of(&ticket("t1")), at(1));
    let refusal = refused(second);
    assert_eq!((&refusal, refusal.response().status().as_u16()), (&Refusal::UnderWay, 503));
    assert_eq!(refused(receiver.receive(&Push::new().of(&ticket("t1")), at(1))), Refusal::UnderWay);
    let _ = first.acknowledge([1; 16]);
    assert_eq!(receiver.receive(&again("n2").of(&ticket("t1")), at(2)).unwrap().repeats(), 1);
}

#[test]
fn checks_are_never_repeats() {
    let receiver = receiver();
    for nonce in ["n1", "n2", "n3"] {
        let received =
            receiver.receive(&again(nonce).of(r#"{"EventType":"check_url"}"#), at(0)).unwrap();
        assert!(received.events()[0].kind.is_check());
        let _ = received.acknowledge([1; 16]);
    }
}

#[test]
fn of_many_rows_those_that_were_acted_on_are_left_out() {
    let receiver = receiver();
    let row = |id: i64| {
        json!({"id": id, "corp_id": "ding1", "biz_type": 14, "biz_id": id.to_string(),
            "gmt_modified": NOW, "subscribe_id": "1_0", "biz_data": r#"{"syncAction":"org_dept_remove"}"#})
    };
    let body = |rows: &[i64]| {
        let rows: Vec<_> = rows.iter().map(|id| row(*id)).collect();
        json!({"EventType": "SYNC_HTTP_PUSH_MEDIUM", "bizData": rows}).to_string()
    };
    let first = receiver.receive(&again("n1").of(&body(&[1, 2, 1])), at(0)).unwrap();
    assert_eq!((first.events().len(), first.repeats()), (2, 1), "one row twice in one push");
    let mixed = receiver.receive(&again("n2").of(&body(&[3, 2])), at(0));
    assert_eq!(refused(mixed), Refusal::UnderWay);
    let _ = first.acknowledge([1; 16]);
    let second = receiver.receive(&again("n2").of(&body(&[1, 2, 3])), at(1)).unwrap();
    assert_eq!((second.events()[0].biz_id.as_deref(), second.repeats()), (Some("3"), 2));
}

#[test]
fn one_memory_may_serve_several_ways() {
    let seen = Seen::default();
    let one = receiver().seen(seen.clone());
    let other = receiver().seen(seen);
    let _ = one.receive(&Push::new().of(&ticket("t1")), at(0)).unwrap().acknowledge([1; 16]);
    assert_eq!(other.receive(&again("n2").of(&ticket("t1")), at(0)).unwrap().repeats(), 1);
}

#[test]
fn an_event_without_a_time_has_that_of_its_signature() {
    let message = r#"{"EventType":"suite_ticket","SuiteTicket":"t"}"#;
    let received = receiver().receive(&Push::new().of(message), at(77)).unwrap();
    assert_eq!(received.events()[0].born_at, Some(NOW));
}

#[test]
fn nothing_of_a_receiver_or_a_push_prints() {
    let receiver = Receiver::new("token-canary", KEY, Owner::Suite(SUITE.into())).unwrap();
    let push = Push { token: "token-canary", ..Push::new() };
    let received = receiver.receive(&push.of(&ticket("ticket-canary")), at(0)).unwrap();
    assert!(matches!(received.events()[0].kind, EventKind::SuiteTicket(_)));
    let shown = format!("{receiver:?} {received:?} {:?}", received.events());
    assert!(!shown.contains("canary") && !shown.contains("abcdef"), "{shown}");
}
