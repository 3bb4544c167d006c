//! When a connection is opened, left, given up and opened again, and how it all ends.

use super::*;
use crate::Secret;

#[test]
fn it_asks_connects_and_reports() {
    let mut step = Step::new();
    assert!(step.asks());
    let link = step.open("a b");
    let Some(Order::Connect(_, address)) =
        step.orders.drain(..).find(|it| matches!(it, Order::Connect(..)))
    else {
        panic!("no connection");
    };
    assert!(address.into_uri().to_string().ends_with("/connect?ticket=a%20b"));
    step.give(Input::Connected(link));
    assert_eq!(step.notices(), [Notice::Connected]);
    assert_eq!(step.wait(), Duration::from_secs(60), "for the first ping");
}

#[test]
fn disconnect_is_not_answered_and_opens_another_connection_at_once() {
    let (mut step, first) = Step::connected();
    step.event(first, "m1");
    let run = step.run();
    step.text(first, &system("disconnect"));
    assert!(step.sent().is_empty() && step.closes().is_empty());
    assert_eq!(step.notices(), [Notice::Leaving]);
    let second = step.connect();
    assert!(step.closes().is_empty(), "the handler has something of it");
    step.handled(run, Ok(Answer::Done));
    assert_eq!(step.acks(), [ack(first, "m1", "SUCCESS")]);
    assert_eq!(step.closes(), [first]);
    step.give(Input::Down(first, cut()));
    assert!(step.notices().is_empty(), "it is forgotten");
    step.event(second, "m2");
    step.run();
}

#[test]
fn a_connection_that_is_left_may_end_by_itself() {
    let (mut step, first) = Step::connected();
    step.event(first, "m1");
    let run = step.run();
    step.text(first, &system("disconnect"));
    step.connect();
    step.give(Input::Down(first, cut()));
    assert!(step.notices().is_empty() && !step.asks());
    step.handled(run, Ok(Answer::Done));
    assert!(step.sent().is_empty(), "there is nobody to tell");
}

#[test]
fn who_is_asked_to_leave_again_and_again_goes_slowly() {
    let (mut step, mut link) = Step::connected();
    let mut pauses = Vec::new();
    for _ in 0..4 {
        step.text(link, &system("disconnect"));
        let mut pause = Duration::ZERO;
        while !step.asks() {
            let wait = step.wait();
            assert!(!wait.is_zero(), "a wait that is none would be a busy loop");
            pause += wait;
            step.pass(wait);
        }
        pauses.push(pause.as_secs());
        link = step.connect();
        assert!(step.machine.lines.len() <= 2);
    }
    assert_eq!(pauses, [0, 1, 2, 4]);
}

#[test]
fn pauses_double_from_a_second_to_a_minute_with_jitter() {
    for entropy in [0, 1, 7, u64::MAX] {
        let mut step = Step::new();
        step.entropy = entropy;
        let mut least = 1.0;
        for _ in 0..20 {
            let link = step.open("t");
            step.give(Input::Down(link, TransportError::not_sent("refused")));
            let pause = step.pause().as_secs_f64();
            assert!((least..=least * 1.5).contains(&pause), "{pause} {least}");
            assert!(!step.asks(), "not before its time");
            step.pass(step.pause().saturating_sub(Duration::from_millis(2)));
            assert!(!step.asks(), "not before its time");
            step.pass(Duration::from_millis(3));
            assert!(step.asks());
            least = (least * 2.0).min(40.0);
        }
    }
    let pause = |entropy| {
        let mut step = Step::new();
        step.entropy = entropy;
        let link = step.open("t");
        step.give(Input::Down(link, cut()));
        step.pause()
    };
    assert_ne!(pause(1), pause(2), "not all at one moment");
}

#[test]
fn a_connection_makes_up_for_failures_once_it_has_lived_for_a_minute() {
    let mut step = Step::new();
    let mut fail_after = |life: Duration| {
        let link = step.connect();
        step.now = step.now + life;
        step.give(Input::Down(link, cut()));
        let pause = step.pause();
        step.pass(pause + SECOND);
        pause.as_secs()
    };
    assert_eq!([fail_after(SECOND), fail_after(SECOND), fail_after(SECOND)], [1, 2, 4]);
    assert_eq!(fail_after(Duration::from_secs(60)), 1);
}

#[test]
fn a_ticket_is_used_once_and_not_when_it_is_old() {
    let mut step = Step::new();
    step.open("t");
    let endpoint = "wss://h/c".to_owned();
    let again = Connection { endpoint, ticket: Secret::from("t") };
    step.give(Input::Opened(Ok(again)));
    assert_eq!(step.orders.len(), 1, "an answer out of turn: {:?}", step.orders);

    let mut step = Step::new();
    step.now = step.now + TICKET_LIFE;
    let late = Connection { endpoint: "wss://h/c".into(), ticket: "t".into() };
    step.give(Input::Opened(Ok(late)));
    assert!(!step.orders.iter().any(|order| matches!(order, Order::Connect(..))));
    assert!(step.pause() >= SECOND, "and a new one is asked for");
}

#[test]
fn a_wrong_secret_ends_it_with_an_error_that_says_what_to_do() {
    let mut step = Step::new();
    step.give(Input::Opened(Err(Error::new(ErrorKind::Credentials))));
    let error = step.ended().unwrap().as_ref().unwrap_err();
    assert!(error.to_string().contains("check client id and secret"), "{error}");
    step.pass(Duration::from_secs(3_600));
    assert!(step.ended().is_some(), "over is over");
}

#[test]
fn what_passes_is_asked_again_and_not_before_the_platform_said() {
    let mut step = Step::new();
    step.give(Input::Opened(Err(Error::new(ErrorKind::Unreachable))));
    assert!((1..=2).contains(&step.pause().as_secs()));
    step.pass(step.pause());
    let retry_in = Duration::from_secs(300);
    step.give(Input::Opened(Err(Error::new(ErrorKind::IpBanned { retry_in }))));
    assert_eq!(step.pause(), retry_in);
    step.pass(retry_in - SECOND);
    assert!(!step.asks());
    step.pass(SECOND);
    assert!(step.asks());
}

#[test]
fn an_unknown_api_ends_it_only_before_the_first_connection() {
    let mut step = Step::new();
    step.give(Input::Opened(Err(Error::new(ErrorKind::NoSuchApi))));
    assert!(step.ended().is_some());
    let (mut step, link) = Step::connected();
    step.give(Input::Down(link, cut()));
    step.pass(step.pause());
    step.give(Input::Opened(Err(Error::new(ErrorKind::NoSuchApi))));
    assert!(step.ended().is_none() && step.pause() >= SECOND);
}

#[test]
fn an_endpoint_that_is_no_web_socket_over_tls_is_refused() {
    let mut step = Step::new();
    let endpoint = "ws://evil.example/connect".to_owned();
    step.give(Input::Opened(Ok(Connection { endpoint, ticket: "t".into() })));
    assert!(matches!(step.notices().as_slice(), [Notice::Refused { .. }]), "{:?}", step.orders);
}

#[test]
fn a_dead_peer_is_noticed_after_a_ping_without_any_answer() {
    let (mut step, link) = Step::connected();
    let pinged = |step: &Step| step.orders.iter().any(|it| matches!(it, Order::Ping(_)));
    step.pass(Duration::from_secs(59));
    assert!(!pinged(&step));
    step.pass(SECOND);
    assert!(pinged(&step));
    assert_eq!(step.wait(), Duration::from_secs(20));
    step.give(Input::Alive(link));
    step.pass(Duration::from_secs(60));
    assert!(pinged(&step), "every minute");
    step.event(link, "m1");
    step.pass(Duration::from_secs(20));
    assert!(step.closes().is_empty(), "any message says that it lives");
    step.pass(Duration::from_secs(40));
    assert!(pinged(&step));
    step.pass(Duration::from_secs(19));
    assert!(step.closes().is_empty());
    step.pass(SECOND);
    assert_eq!(step.closes(), [link]);
    assert!(matches!(step.notices().as_slice(), [Notice::Down { .. }]));
}

#[test]
fn a_computer_that_slept_asks_at_once_whether_the_peer_lives() {
    let (mut step, _) = Step::connected();
    let (unix, steady) = (step.now.unix_millis(), step.now.steady_millis());
    step.now = Timestamp::new(unix + 3_600_000, steady + 10);
    step.give(Input::Woken);
    assert!(step.orders.iter().any(|it| matches!(it, Order::Ping(_))));
    assert_eq!(step.wait(), Duration::from_secs(20));
}

#[test]
fn stop_waits_for_the_handlers_puts_off_the_rest_and_closes() {
    let (mut step, link) = Step::connected();
    for n in 0..17 {
        step.event(link, &format!("m{n}"));
    }
    step.give(Input::Stop);
    assert_eq!(step.acks(), [ack(link, "m16", "LATER")]);
    assert_eq!(step.wait(), Duration::from_secs(10));
    step.event(link, "new");
    assert_eq!(step.acks(), [ack(link, "new", "LATER")]);
    let runs: Vec<Run> = step.machine.flights.keys().copied().collect();
    for run in runs {
        assert!(step.ended().is_none());
        step.handled(run, Ok(Answer::Done));
        assert_eq!(step.sent().len(), 1);
    }
    assert_eq!((step.closes(), step.ended()), (vec![link], Some(&Ok(()))));
}

#[test]
fn stop_waits_no_longer_than_it_says() {
    let (mut step, link) = Step::connected();
    step.event(link, "m1");
    step.give(Input::Stop);
    step.pass(Duration::from_secs(10));
    assert_eq!((step.closes(), step.ended()), (vec![link], Some(&Ok(()))));
}

#[test]
fn stop_ends_every_stage_at_once() {
    let mut asking = Step::new();
    asking.give(Input::Stop);
    assert_eq!(asking.ended(), Some(&Ok(())));

    let mut connecting = Step::new();
    let link = connecting.open("t");
    connecting.give(Input::Stop);
    assert_eq!((connecting.closes(), connecting.ended()), (vec![link], Some(&Ok(()))));

    let mut pausing = Step::new();
    let link = pausing.open("t");
    pausing.give(Input::Down(link, cut()));
    pausing.give(Input::Stop);
    assert_eq!(pausing.ended(), Some(&Ok(())));
}
