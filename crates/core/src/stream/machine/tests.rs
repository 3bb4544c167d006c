//! The rules, stepped by hand: time is counted up, nothing waits.

mod arbitrary;

use serde_json::{Value, json};

use super::*;
use crate::{App, Secret};

const TOPIC: &str = "/v1.0/im/bot/messages/get";
const SECOND: Duration = Duration::from_secs(1);

/// A machine, the moment, and what it ordered last.
struct Step {
    machine: Machine,
    now: Timestamp,
    entropy: u64,
    orders: Vec<Order>,
}

impl Step {
    fn new() -> Self {
        Self::with(Settings { callbacks: vec![TOPIC.into()], ..Settings::default() })
    }

    fn with(settings: Settings) -> Self {
        let app = App::internal("dingabc", "canary-secret");
        let mut step = Self {
            machine: Machine::new(&app, settings),
            now: Timestamp::from_millis(1_772_416_800_000),
            entropy: 0,
            orders: Vec::new(),
        };
        step.give(Input::Start);
        step
    }

    /// One that is connected.
    fn connected() -> (Self, Link) {
        let mut step = Self::new();
        let link = step.connect();
        (step, link)
    }

    fn give(&mut self, input: Input) {
        self.orders = self.machine.resume(input, Env::new(self.now, self.entropy));
        let last = matches!(self.orders.last(), Some(Order::Wait(_) | Order::End(_)));
        assert!(last, "{:?}", self.orders);
    }

    fn pass(&mut self, time: Duration) {
        self.now = self.now + time;
        self.give(Input::Woken);
    }

    /// What it waits for, at most.
    fn wait(&self) -> Duration {
        match self.orders.last() {
            Some(Order::Wait(wait)) => *wait,
            other => panic!("{other:?}"),
        }
    }

    fn asks(&self) -> bool {
        self.orders.iter().any(|order| matches!(order, Order::Open(_)))
    }

    /// Takes the connection that was asked for.
    fn connect(&mut self) -> Link {
        assert!(self.asks(), "{:?}", self.orders);
        let link = self.open("tkt");
        self.give(Input::Connected(link));
        assert_eq!(self.notices(), [Notice::Connected]);
        link
    }

    fn open(&mut self, ticket: &str) -> Link {
        let endpoint = "wss://wss-open-connection.dingtalk.com:443/connect".to_owned();
        self.give(Input::Opened(Ok(Connection { endpoint, ticket: ticket.into() })));
        let connects: Vec<Link> = self
            .orders
            .iter()
            .filter_map(|order| match order {
                Order::Connect(link, _) => Some(*link),
                _ => None,
            })
            .collect();
        assert_eq!(connects.len(), 1, "{:?}", self.orders);
        connects[0]
    }

    fn text(&mut self, link: Link, frame: &Value) {
        self.give(Input::Text(link, frame.to_string()));
    }

    fn event(&mut self, link: Link, id: &str) {
        self.text(link, &event(id));
    }

    fn handled(&mut self, run: Run, outcome: Result<Answer, &str>) {
        self.give(Input::Handled(run, outcome.map_err(str::to_owned)));
    }

    fn runs(&self) -> Vec<(Run, String)> {
        let runs = self.orders.iter().filter_map(|order| match order {
            Order::Handle(run, delivery) => Some((*run, delivery.message_id.clone())),
            _ => None,
        });
        runs.collect()
    }

    /// The one run that was just ordered.
    fn run(&self) -> Run {
        match self.runs().as_slice() {
            [(run, _)] => *run,
            _ => panic!("{:?}", self.orders),
        }
    }

    fn sent(&self) -> Vec<(Link, Value)> {
        let sent = self.orders.iter().filter_map(|order| match order {
            Order::Send(link, text) => Some((*link, serde_json::from_str(text).unwrap())),
            _ => None,
        });
        sent.collect()
    }

    /// Who was acknowledged with what: a status for events, a code for the others.
    fn acks(&self) -> Vec<(Link, String, String)> {
        let acks = self.sent().into_iter().map(|(link, ack)| {
            let id = ack["headers"]["messageId"].as_str().unwrap().to_owned();
            let data: Value = serde_json::from_str(ack["data"].as_str().unwrap()).unwrap();
            let said = data["status"].as_str().map(str::to_owned);
            (link, id, said.unwrap_or_else(|| ack["code"].to_string()))
        });
        acks.collect()
    }

    fn closes(&self) -> Vec<Link> {
        let closes = self.orders.iter().filter_map(|order| match order {
            Order::Close(link) => Some(*link),
            _ => None,
        });
        closes.collect()
    }

    fn notices(&self) -> Vec<Notice> {
        let notices = self.orders.iter().filter_map(|order| match order {
            Order::Report(notice) => Some(notice.clone()),
            _ => None,
        });
        notices.collect()
    }

    /// The pause that was just reported.
    fn pause(&self) -> Duration {
        match self.notices().as_slice() {
            [Notice::Down { again_in, .. } | Notice::Refused { again_in, .. }] => *again_in,
            other => panic!("{other:?}"),
        }
    }

    fn ended(&self) -> Option<&Result<(), Error>> {
        match self.orders.last() {
            Some(Order::End(result)) => Some(result),
            _ => None,
        }
    }
}

fn event(id: &str) -> Value {
    let headers = json!({"topic": "*", "messageId": id, "eventType": "check_in", "eventId": "e"});
    json!({"specVersion": "1.0", "type": "EVENT", "headers": headers, "data": "{\"a\":1}"})
}

fn callback(id: &str, topic: &str) -> Value {
    let headers = json!({"topic": topic, "messageId": id});
    json!({"specVersion": "1.0", "type": "CALLBACK", "headers": headers, "data": "{}"})
}

fn system(topic: &str) -> Value {
    json!({"type": "SYSTEM", "headers": {"topic": topic, "messageId": "s"}, "data": "{\"opaque\":\"o\"}"})
}

fn cut() -> TransportError {
    TransportError::lost("cut")
}

fn ack(link: Link, id: &str, said: &str) -> (Link, String, String) {
    (link, id.to_owned(), said.to_owned())
}

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
fn an_event_is_acknowledged_after_the_handler_and_not_before() {
    let (mut step, link) = Step::connected();
    step.event(link, "m1");
    assert!(step.sent().is_empty());
    let run = step.run();
    step.pass(SECOND);
    assert!(step.sent().is_empty());
    step.handled(run, Ok(Answer::Done));
    assert_eq!(step.acks(), [ack(link, "m1", "SUCCESS")]);
}

#[test]
fn a_delivery_is_a_typed_event_or_a_callback() {
    let (mut step, link) = Step::connected();
    let mut frame = event("m1");
    frame["headers"]["eventType"] = json!("user_add_org");
    frame["headers"]["eventCorpId"] = json!("dingcorp");
    frame["data"] = json!(r#"{"timeStamp":"1","userId":["manager0427"]}"#);
    let mut given = Vec::new();
    for frame in [frame, callback("c2", TOPIC)] {
        step.text(link, &frame);
        given.extend(step.orders.drain(..).filter_map(|order| match order {
            Order::Handle(_, delivery) => Some(delivery),
            _ => None,
        }));
    }
    let event = given[0].event().unwrap();
    assert_eq!((event.id.as_deref(), event.corp_id.unwrap().as_str()), (Some("e"), "dingcorp"));
    match event.kind {
        crate::event::EventKind::UserAddOrg(change) => assert_eq!(change.user_ids, ["manager0427"]),
        other => panic!("{other:?}"),
    }
    assert!(given[1].event().is_none());
    assert!(given[1].json::<Value>().is_ok());
    assert!(!given[1].json::<u8>().unwrap_err().to_string().contains('{'));
}

#[test]
fn a_handler_that_fails_or_says_so_puts_the_event_off_and_gets_it_again() {
    let (mut step, link) = Step::connected();
    for outcome in [Err("no database"), Ok(Answer::Later)] {
        step.event(link, "m1");
        let run = step.run();
        step.handled(run, outcome);
        assert_eq!(step.acks(), [ack(link, "m1", "LATER")]);
    }
    step.event(link, "m1");
    step.run();
}

#[test]
fn a_handlers_failure_is_reported_in_its_own_words() {
    let (mut step, link) = Step::connected();
    step.event(link, "m1");
    let run = step.run();
    step.handled(run, Err("no database"));
    let failed = Notice::Failed { label: "check_in".into(), why: "no database".into() };
    assert_eq!(step.notices(), [failed]);
}

#[test]
fn a_message_that_was_dealt_with_is_acknowledged_again_and_not_handled_again() {
    let (mut step, link) = Step::connected();
    step.event(link, "m1");
    let run = step.run();
    step.handled(run, Ok(Answer::Done));
    step.pass(Duration::from_secs(299));
    step.give(Input::Alive(link));
    step.event(link, "m1");
    assert_eq!((step.runs().len(), step.acks()), (0, vec![ack(link, "m1", "SUCCESS")]));
    step.pass(SECOND);
    step.event(link, "m1");
    assert_eq!(step.runs().len(), 1, "five minutes are over");
}

#[test]
fn a_message_that_the_handler_has_is_not_handled_twice_and_answered_where_it_came_last() {
    let (mut step, first) = Step::connected();
    step.event(first, "m1");
    let run = step.run();
    step.event(first, "m1");
    assert!(step.runs().is_empty() && step.sent().is_empty());
    step.text(first, &system("disconnect"));
    let second = step.connect();
    step.event(second, "m1");
    assert!(step.runs().is_empty());
    step.handled(run, Ok(Answer::Done));
    assert_eq!(step.acks(), [ack(second, "m1", "SUCCESS")]);
}

#[test]
fn callbacks_are_answered_with_a_response_or_404_or_500() {
    let (mut step, link) = Step::connected();
    step.text(link, &callback("c1", "/v1.0/other"));
    assert_eq!((step.runs().len(), step.acks()), (0, vec![ack(link, "c1", "404")]));
    step.text(link, &callback("c2", TOPIC));
    let run = step.run();
    step.handled(run, Ok(Answer::Reply(json!({"text": "hi"}))));
    assert_eq!(step.sent()[0].1["data"], r#"{"response":{"text":"hi"}}"#);
    step.text(link, &callback("c3", TOPIC));
    let run = step.run();
    step.handled(run, Err("why"));
    assert_eq!(step.acks(), [ack(link, "c3", "500")]);
    assert!(!step.sent()[0].1.to_string().contains("why"), "the program's words stay here");
}

#[test]
fn a_ping_is_answered_at_once_whatever_the_handlers_do() {
    let (mut step, link) = Step::connected();
    for n in 0..100 {
        step.event(link, &format!("m{n}"));
    }
    step.text(link, &system("ping"));
    assert_eq!(step.sent()[0].1["data"], r#"{"opaque":"o"}"#);
}

#[test]
fn unknown_types_are_ignored() {
    let (mut step, link) = Step::connected();
    for _ in 0..100 {
        step.text(link, &json!({"type": "NEWS", "headers": {"topic": "t"}, "data": "d"}));
        step.text(link, &system("later-invention"));
        assert_eq!(step.orders.len(), 1, "{:?}", step.orders);
    }
}

#[test]
fn handlers_are_bounded_then_messages_wait_then_they_are_put_off() {
    let (mut step, link) = Step::connected();
    let mut runs = Vec::new();
    for n in 0..16 + WAITING {
        step.event(link, &format!("m{n}"));
        assert!(step.sent().is_empty(), "{n}");
        runs.extend(step.runs());
    }
    assert_eq!(runs.len(), 16);
    step.event(link, "one more");
    assert_eq!(step.acks(), [ack(link, "one more", "LATER")]);
    assert_eq!(step.notices(), [Notice::Overloaded { label: "check_in".into() }]);
    step.handled(runs[0].0, Ok(Answer::Done));
    assert_eq!(step.runs()[0].1, "m16", "in the order in which they came");
    step.event(link, "one more");
    assert!(step.sent().is_empty(), "there is room again");
}

#[test]
fn messages_that_wait_are_bounded_by_their_size_too() {
    let (mut step, link) = Step::connected();
    let mut large = event("m");
    large["data"] = json!("x".repeat(1_000_000));
    let mut taken = 0;
    loop {
        large["headers"]["messageId"] = json!(format!("m{taken}"));
        step.text(link, &large);
        if !step.sent().is_empty() {
            break;
        }
        taken += 1;
    }
    assert_eq!(taken, 16 + 9, "eight megabytes and what they were full with");
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
fn nonsense_is_reported_and_eight_in_a_row_end_the_connection() {
    let (mut step, link) = Step::connected();
    for _ in 0..3 {
        for _ in 1..NONSENSE {
            step.give(Input::Text(link, "canary".into()));
            assert!(matches!(step.notices().as_slice(), [Notice::Ignored { .. }]));
            assert!(!format!("{:?}", step.notices()).contains("canary"));
        }
        step.text(link, &system("ping"));
    }
    for _ in 0..NONSENSE {
        step.give(Input::Text(link, "canary".into()));
    }
    assert_eq!(step.closes(), [link]);
    assert!(step.pause() >= SECOND);
    step.give(Input::Text(link, event("m").to_string()));
    assert!(step.runs().is_empty(), "it is closed");
}

#[test]
fn a_frame_that_is_too_large_ends_the_connection() {
    let (mut step, link) = Step::connected();
    step.give(Input::Text(link, " ".repeat((1 << 20) + 1)));
    assert_eq!(step.closes(), [link]);
}

#[test]
fn events_that_wait_on_a_lost_connection_come_again_and_callbacks_are_handled() {
    let (mut step, link) = Step::connected();
    for n in 0..16 {
        step.event(link, &format!("m{n}"));
    }
    let run = step.machine.flights.keys().next().copied().unwrap();
    step.event(link, "waits");
    step.text(link, &callback("c1", TOPIC));
    step.give(Input::Down(link, cut()));
    step.handled(run, Ok(Answer::Done));
    assert!(step.sent().is_empty());
    assert_eq!(step.runs()[0].1, "c1");
    assert!(step.machine.waiting.is_empty());
}

#[test]
fn what_was_dealt_with_while_its_connection_was_lost_is_not_handled_again() {
    let (mut step, link) = Step::connected();
    step.event(link, "m1");
    let run = step.run();
    step.give(Input::Down(link, cut()));
    step.pass(step.pause());
    step.handled(run, Ok(Answer::Done));
    let link = {
        let link = step.open("t");
        step.give(Input::Connected(link));
        link
    };
    step.event(link, "m1");
    assert_eq!((step.runs().len(), step.acks()), (0, vec![ack(link, "m1", "SUCCESS")]));
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

#[test]
fn nothing_secret_is_printed() {
    let mut step = Step::new();
    step.open("canary-ticket");
    let text = format!("{:?} {:?}", step.machine, step.orders);
    assert!(!text.contains("canary"), "{text}");
}
