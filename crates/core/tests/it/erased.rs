//! The erased layer alone, as another language drives it: one thread, an event loop with
//! callbacks, everything that crosses the border as JSON.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

use std::sync::{Arc, Mutex};

use dingtalk_core::machine::{Env, Event, EventForm, Machine, Order, OrderForm};
use dingtalk_core::{App, Credential, Family, Method, Operation, Policy};
use serde_json::{Value, json};

use crate::support::{START, at};

/// A host's event loop: calls by handle, a queue of ready events, timers and callbacks.
struct Host {
    machines: HashMap<u32, Machine>,
    ready: VecDeque<(u32, Value)>,
    /// Filled by flights' callbacks, from whatever thread.
    woken: Arc<Mutex<Vec<u32>>>,
    results: HashMap<u32, Value>,
    now: u64,
    token_requests: Rc<RefCell<u32>>,
}

impl Host {
    fn new() -> Self {
        Self {
            machines: HashMap::new(),
            ready: VecDeque::new(),
            woken: Arc::default(),
            results: HashMap::new(),
            now: START,
            token_requests: Rc::default(),
        }
    }

    fn start(&mut self, handle: u32, machine: Machine) {
        self.machines.insert(handle, machine);
        self.ready.push_back((handle, json!({"event": "start"})));
    }

    fn run(&mut self, platform: impl Fn(&Value) -> Value) {
        loop {
            for handle in self.woken.lock().unwrap().drain(..) {
                self.ready.push_back((handle, json!({"event": "woken"})));
            }
            let Some((handle, event)) = self.ready.pop_front() else { break };
            let Some(machine) = self.machines.get_mut(&handle) else { continue };
            let event: EventForm = serde_json::from_value(event).unwrap();
            self.now += 1;
            let env = Env::new(dingtalk_core::Timestamp::from_millis(self.now), u64::from(handle));
            let order = machine.resume(event.into(), env);
            let form = serde_json::to_value(OrderForm::from(&order)).unwrap();
            match form["order"].as_str().unwrap() {
                "send" => {
                    if form["request"]["url"].as_str().unwrap().ends_with("/accessToken") {
                        *self.token_requests.borrow_mut() += 1;
                    }
                    assert_eq!(form["request"]["follow_redirects"], false);
                    let mut event = platform(&form["request"]);
                    event["event"] = "reply".into();
                    self.ready.push_back((handle, event));
                }
                "sleep" => {
                    self.now += form["wait_ms"].as_u64().unwrap();
                    self.ready.push_back((handle, json!({"event": "woken"})));
                }
                "join" => {
                    let Order::Join(flight) = order else { unreachable!() };
                    let woken = self.woken.clone();
                    flight.on_done(move || woken.lock().unwrap().push(handle));
                }
                "done" | "failed" => {
                    assert!(machine.is_finished());
                    self.results.insert(handle, form);
                }
                other => panic!("{other}"),
            }
        }
    }
}

fn platform(request: &Value) -> Value {
    let url = request["url"].as_str().unwrap();
    if url.ends_with("/v1.0/oauth2/accessToken") {
        return json!({"status": 200, "body": r#"{"expireIn":7200,"accessToken":"t"}"#});
    }
    assert!(url.ends_with("/topapi/v2/user/get?access_token=t"), "{url}");
    let body: Value = serde_json::from_str(request["body"].as_str().unwrap()).unwrap();
    let body = json!({"errcode": 0, "result": {"userid": body["userid"], "order": 176332448111000201_i64}});
    json!({"status": 200, "headers": [["content-type", "application/json"]], "body": body.to_string()})
}

fn get_user() -> Operation {
    Operation::described(Family::TopApi, Method::Post, "/topapi/v2/user/get").read()
}

#[test]
fn a_single_threaded_host_runs_many_calls_with_callbacks_and_one_token_request() {
    let app = App::internal("dingtest", "secret");
    let mut host = Host::new();
    for handle in 0..100 {
        let parameters = json!({"userid": format!("user{handle}")});
        host.start(handle, Machine::new(app.source(), get_user(), parameters, Policy::default()));
    }
    host.run(platform);
    assert_eq!(host.results.len(), 100);
    assert_eq!(*host.token_requests.borrow(), 1);
    for (handle, result) in &host.results {
        assert_eq!(result["data"]["userid"], format!("user{handle}"));
        assert_eq!(result["data"]["order"], 176_332_448_111_000_201_i64, "all 64 bits");
    }
}

#[test]
fn closing_a_handle_in_the_middle_frees_its_lease() {
    let app = App::internal("dingtest", "secret");
    let mut leader =
        Machine::new(app.source(), get_user(), json!({"userid": "a"}), Policy::default());
    assert!(matches!(leader.resume(Event::Start, Env::at(at(0))), Order::Send(_)));
    let mut host = Host::new();
    host.start(
        1,
        Machine::new(app.source(), get_user(), json!({"userid": "b"}), Policy::default()),
    );
    host.run(platform);
    assert!(host.results.is_empty(), "it waits for the leader");
    drop(leader);
    host.run(platform);
    assert_eq!(host.results[&1]["data"]["userid"], "b");
}

#[test]
fn events_out_of_turn_are_errors_and_a_finished_machine_stays_finished() {
    let events: [fn() -> Event; 4] = [
        || Event::Start,
        || Event::Woken,
        || Event::Reply(crate::support::lost()),
        || Event::Store(dingtalk_core::StoreReply::Done),
    ];
    let app = crate::support::warm();
    for wrong in &events[1..] {
        let mut machine = Machine::new(app.source(), get_user(), json!({}), Policy::default());
        assert!(matches!(machine.resume(wrong(), Env::at(at(1))), Order::Failed(_)));
        assert!(machine.is_finished());
        for event in &events {
            assert!(matches!(machine.resume(event(), Env::at(at(1))), Order::Failed(_)));
        }
    }
}

#[test]
fn a_cancelled_machine_says_so_and_is_over() {
    let app = crate::support::warm();
    let mut machine = Machine::new(app.source(), get_user(), json!({}), Policy::default());
    assert!(matches!(machine.resume(Event::Start, Env::at(at(1))), Order::Send(_)));
    let Order::Failed(error) = machine.resume(Event::Cancelled, Env::at(at(1))) else { panic!() };
    assert_eq!(error.kind(), &dingtalk_core::ErrorKind::Cancelled);
    assert!(machine.is_finished());
}

#[test]
fn an_error_crosses_the_border_as_data() {
    let app = App::internal("dingtest", "secret");
    let mut host = Host::new();
    host.start(1, Machine::new(app.source(), get_user(), json!({}), Policy::default()));
    host.run(|_| {
        json!({"status": 400, "body": r#"{"requestid":"R","code":"invalidClientIdOrSecret","message":"m"}"#})
    });
    let error = &host.results[&1]["error"];
    assert_eq!(error["kind"]["kind"], "credentials");
    assert_eq!(error["code"], "invalidClientIdOrSecret");
    assert_eq!(error["request_id"], "R");
}

#[test]
fn a_failure_of_the_hosts_own_library_is_told_by_how_far_it_got() {
    let app = crate::support::warm();
    let mut host = Host::new();
    let write = Operation::described(Family::OpenApi, Method::Post, "/v1.0/x");
    host.start(1, Machine::new(app.source(), write, json!({}), Policy::default()));
    host.run(|_| json!({"fault": "lost", "detail": "connection reset"}));
    assert_eq!(host.results[&1]["error"]["kind"]["kind"], "lost");
}

#[test]
fn a_token_can_be_asked_for_alone() {
    let app = App::internal("dingtest", "secret");
    let mut host = Host::new();
    host.start(1, Machine::for_token(app.source(), Policy::default()));
    host.run(platform);
    assert_eq!(host.results[&1]["data"]["value"], "t");
}

/// Any event at any time, from a host that may be wrong in every way.
fn any_event(choice: u8) -> Event {
    let bodies = [
        "",
        "{}",
        "<html>",
        r#"{"errcode":0,"result":{}}"#,
        r#"{"errcode":-1}"#,
        r#"{"errcode":88,"sub_code":"40014"}"#,
        r#"{"errcode":88,"sub_code":"90018"}"#,
        r#"{"accessToken":"t","expireIn":7200}"#,
        r#"{"accessToken":"t","expireIn":-9223372036854775808}"#,
        r#"{"code":"InvalidAuthentication"}"#,
    ];
    let statuses = [200, 400, 403, 429, 500, 503, 302];
    match choice {
        0..=19 => Event::Woken,
        20..=24 => Event::Store(dingtalk_core::StoreReply::Busy),
        25..=29 => Event::Store(dingtalk_core::StoreReply::Locked { record: None }),
        30..=32 => Event::Store(dingtalk_core::StoreReply::Record { record: None }),
        33 => Event::Store(dingtalk_core::StoreReply::Stale { record: None }),
        34 => Event::Store(dingtalk_core::StoreReply::Written { version: 1 }),
        35..=44 => Event::Reply(crate::support::lost()),
        45..=54 => Event::Reply(crate::support::not_sent()),
        _ => {
            let body = bodies[usize::from(choice) % bodies.len()];
            Event::Reply(crate::support::json(statuses[usize::from(choice) % statuses.len()], body))
        }
    }
}

/// The event that answers an order, so that the machine goes on.
fn fitting(order: &Order, choice: u8) -> Event {
    match order {
        Order::Send(_) => any_event(choice | 64),
        Order::Ask(_) => any_event(20 + choice % 15),
        _ => Event::Woken,
    }
}

proptest::proptest! {
    #[test]
    fn a_machine_never_panics_and_always_ends(
        choices in proptest::collection::vec(0_u8.., 1..120),
        jumps in proptest::collection::vec(0_u64..9_000, 120),
        wrong in 0_u8..8,
        shared: bool,
        warm: bool,
    ) {
        let app = if warm { crate::support::warm() } else { App::internal("id", "secret") };
        let mut machine =
            Machine::new(app.source(), get_user(), json!({"userid": "a"}), Policy::default());
        machine.set_shared(shared);
        let mut now = START;
        let mut order = machine.resume(Event::Start, Env::at(dingtalk_core::Timestamp::from_millis(now)));
        for (step, choice) in choices.iter().enumerate() {
            if machine.is_finished() {
                break;
            }
            now += jumps[step];
            // Now and then the host is out of turn; that ends the call, too.
            let event = if choice % 64 < wrong { any_event(*choice) } else { fitting(&order, *choice) };
            order = machine.resume(event, Env::new(dingtalk_core::Timestamp::from_millis(now), u64::from(*choice)));
        }
        // Bounded sends and bounded time: after enough turns it is over whatever came.
        for _ in 0..600 {
            if machine.is_finished() {
                break;
            }
            now += 1_000;
            let event = fitting(&order, 64);
            order = machine.resume(event, Env::at(dingtalk_core::Timestamp::from_millis(now)));
        }
        proptest::prop_assert!(machine.is_finished(), "{machine:?} {order:?}");
    }
}
