//! The rules, stepped by hand: time is counted up, nothing waits.

#![allow(clippy::unwrap_used)]

mod arbitrary;
mod connections;

use serde_json::{Value, json};

use super::*;
use crate::App;

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
            Order::Send(link, text) => {
                Some((*link, serde_json::from_str(text).expect("it sends JSON")))
            }
            _ => None,
        });
        sent.collect()
    }

    /// Who was acknowledged with what: a status for events, a code for the others.
    fn acks(&self) -> Vec<(Link, String, String)> {
        let acks = self.sent().into_iter().map(|(link, ack)| {
            let id = ack["headers"]["messageId"].as_str().expect("an id").to_owned();
            let data = ack["data"].as_str().expect("a text");
            let data: Value = serde_json::from_str(data).expect("it holds JSON");
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
fn nothing_secret_is_printed() {
    let mut step = Step::new();
    step.open("canary-ticket");
    let text = format!("{:?} {:?}", step.machine, step.orders);
    assert!(!text.contains("canary"), "{text}");
}
