//! Stream over a real web socket, with a frozen clock (wire-facts §10.7).

use std::io::Write as _;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use dingtalk_sandbox::{
    App, Attempt, Department, Event, Fault, Person, Push, PushTrouble, Sandbox, StreamConnection,
    Subscription,
};
use http::Request;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::error::Error;
use tokio_tungstenite::tungstenite::{Message, WebSocket};

use crate::control::steer;
use crate::support::{START, builder, sandbox, v1};

const KEY: &str = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG";
const TOPIC: &str = "/v1.0/im/bot/messages/get";

struct Client {
    socket: WebSocket<TcpStream>,
}

impl Client {
    /// A connection of the demo's internal app that is told about all events and one callback.
    fn new(sandbox: &Sandbox) -> Self {
        let demo = sandbox.demo();
        let topics = json!([{"type":"EVENT","topic":"*"},{"type":"CALLBACK","topic":TOPIC}]);
        Self::of(sandbox, &demo.client_id, &demo.client_secret, &topics)
    }

    fn of(sandbox: &Sandbox, client: &str, secret: &str, topics: &Value) -> Self {
        let before = sandbox.stream_connections(client).len();
        let socket = connect(sandbox, &ticket(sandbox, client, secret, topics)).expect("it opens");
        eventually(|| sandbox.stream_connections(client).len() == before + 1);
        Self { socket }
    }

    fn text(&mut self) -> Value {
        loop {
            match self.socket.read().expect("a message comes") {
                Message::Text(text) => return serde_json::from_str(&text).expect("JSON"),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// The next event; it must be of this type.
    fn event(&mut self, event_type: &str) -> Value {
        let frame = self.text();
        assert_eq!(frame["headers"]["eventType"], event_type, "{frame}");
        frame
    }

    fn ack(&mut self, frame: &Value, code: i64, data: &Value) {
        let ack = json!({
            "code": code,
            "headers": {"messageId": frame["headers"]["messageId"], "contentType": "application/json"},
            "message": "OK",
            "data": data.to_string(),
        });
        self.socket.send(Message::text(ack.to_string())).expect("it is still open");
    }

    fn success(&mut self, frame: &Value) {
        self.ack(frame, 200, &json!({"status":"SUCCESS","message":"ok"}));
    }

    /// The code and reason with which the sandbox closes.
    fn closed(&mut self) -> (u16, String) {
        loop {
            match self.socket.read() {
                Ok(Message::Close(Some(frame))) => {
                    let said = (frame.code.into(), frame.reason.to_string());
                    // The farewell goes both ways.
                    while self.socket.read().is_ok() {}
                    return said;
                }
                Ok(Message::Close(None)) => return (1005, String::new()),
                Ok(_) => {}
                Err(error) => panic!("no farewell: {error}"),
            }
        }
    }
}

fn open(sandbox: &Sandbox, client: &str, secret: &str, topics: &Value) -> crate::support::Answer {
    let body = json!({
        "clientId": client, "clientSecret": secret, "subscriptions": topics,
        "ua": "example/1", "localIp": "10.0.0.7",
    });
    v1(sandbox, "POST", "/v1.0/gateway/connections/open", "", &body.to_string())
}

fn ticket(sandbox: &Sandbox, client: &str, secret: &str, topics: &Value) -> String {
    open(sandbox, client, secret, topics).str("/ticket").to_owned()
}

fn demo_ticket(sandbox: &Sandbox) -> String {
    let demo = sandbox.demo();
    let topics = json!([{"type":"EVENT","topic":"*"}]);
    ticket(sandbox, &demo.client_id, &demo.client_secret, &topics)
}

/// The status of the refusal, if it is one.
fn connect(sandbox: &Sandbox, ticket: &str) -> Result<WebSocket<TcpStream>, u16> {
    let authority = sandbox.origin().replace("http://", "");
    let stream = TcpStream::connect(&authority).expect("the server listens");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a limit");
    let url = format!("ws://{authority}/connect?ticket={ticket}");
    match tokio_tungstenite::tungstenite::client(url, stream) {
        Ok((socket, _)) => Ok(socket),
        Err(error) => match error {
            tokio_tungstenite::tungstenite::HandshakeError::Failure(Error::Http(response)) => {
                Err(response.status().as_u16())
            }
            other => panic!("{other}"),
        },
    }
}

/// What another thread does soon. It never waits for the sandbox's clock.
fn eventually(happened: impl Fn() -> bool) {
    let until = Instant::now() + Duration::from_secs(20);
    while !happened() {
        assert!(Instant::now() < until, "it never came");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn served() -> Sandbox {
    builder().start().expect("a port")
}

fn demo_connections(sandbox: &Sandbox) -> Vec<StreamConnection> {
    sandbox.stream_connections(&sandbox.demo().client_id)
}

/// The log once it has so many lines.
fn logged(sandbox: &Sandbox, lines: usize) -> Vec<Attempt> {
    eventually(|| sandbox.deliveries().len() >= lines);
    let log = sandbox.deliveries();
    assert_eq!(log.len(), lines, "{log:?}");
    log
}

fn check_in(sandbox: &Sandbox, nth: i64) -> Vec<u64> {
    let event = Event::new("check_in").field("StaffId", nth).field("TimeStamp", START);
    sandbox.push(&sandbox.demo().client_id, &event)
}

fn data(frame: &Value) -> Value {
    serde_json::from_str(frame["data"].as_str().expect("data is a text")).expect("JSON in it")
}

#[test]
fn opening_gives_an_endpoint_on_this_server_and_a_ticket() {
    let sandbox = sandbox();
    let demo = sandbox.demo();
    let answer = open(&sandbox, &demo.client_id, &demo.client_secret, &json!([]));
    assert_eq!((answer.status, answer.keys().as_str()), (200, "endpoint ticket"));
    assert_eq!(answer.str("/endpoint"), "ws://sandbox.localhost/connect");
    let body =
        json!({"clientId":demo.client_id,"clientSecret":demo.client_secret,"subscriptions":[]});
    for (host, endpoint) in [
        ("127.0.0.1:8080", "ws://127.0.0.1:8080/connect"),
        ("[::1]:9", "ws://[::1]:9/connect"),
        ("user@127.0.0.1", "ws://sandbox.localhost/connect"),
        ("a/b?c", "ws://sandbox.localhost/connect"),
    ] {
        let headers = [("host", host), ("content-type", "application/json")];
        let uri = "/v1.0/gateway/connections/open";
        let body = body.to_string();
        let answer = crate::support::send(&sandbox, "POST", uri, &headers, body.as_bytes());
        assert_eq!(answer.str("/endpoint"), endpoint);
    }
}

#[test]
fn opening_needs_the_apps_id_and_secret_and_well_formed_subscriptions() {
    let sandbox = sandbox();
    let demo = sandbox.demo();
    let (client, secret) = (demo.client_id.as_str(), demo.client_secret.as_str());
    let topics = json!([{"type":"EVENT","topic":"*"}]);
    for (client, secret) in [(client, "wrong"), ("dingnobody", secret)] {
        let refused = open(&sandbox, client, secret, &topics);
        assert_eq!(refused.code(), "400 invalidClientIdOrSecret");
        assert_eq!(refused.keys(), "requestid code message");
    }
    let long = "x".repeat(257);
    let many: Vec<Value> = (0..101).map(|_| topics[0].clone()).collect();
    for wrong in [
        Value::Null,
        json!("EVENT"),
        json!({}),
        json!([1]),
        json!([{"type":"EVENT"}]),
        json!([{"topic":"*"}]),
        json!([{"type":"event","topic":"*"}]),
        json!([{"type":"EVENT","topic":7}]),
        json!([{"type":"EVENT","topic":""}]),
        json!([{"type":"EVENT","topic":long}]),
        json!(many),
    ] {
        let refused = open(&sandbox, client, secret, &wrong);
        assert_eq!(refused.status, 400, "{wrong}: {}", refused.text);
        assert!(refused.text.contains("subscriptions"), "{}", refused.text);
    }
    let bare = v1(&sandbox, "POST", "/v1.0/gateway/connections/open", "", "{}");
    assert_eq!(bare.status, 400);
    sandbox.set_dead_client(client, true);
    assert_eq!(open(&sandbox, client, secret, &topics).code(), "400 invalidClientIdOrSecret");
}

#[test]
fn a_ticket_opens_one_connection_within_90_seconds() {
    let sandbox = served();
    let first = demo_ticket(&sandbox);
    let _open = connect(&sandbox, &first).expect("it is fresh");
    assert_eq!(connect(&sandbox, &first).err(), Some(401), "used");
    assert_eq!(connect(&sandbox, "unknown").err(), Some(401));
    assert_eq!(connect(&sandbox, "").err(), Some(401));
    let (old, older) = (demo_ticket(&sandbox), demo_ticket(&sandbox));
    sandbox.clock().advance(Duration::from_millis(89_999));
    assert!(connect(&sandbox, &old).is_ok());
    sandbox.clock().advance(Duration::from_millis(1));
    assert_eq!(connect(&sandbox, &older).err(), Some(401), "90 seconds old");
    let late = demo_ticket(&sandbox);
    sandbox.set_dead_client(&sandbox.demo().client_id, true);
    assert_eq!(connect(&sandbox, &late).err(), Some(401), "of a disabled app");
    let entries = sandbox.journal().entries();
    let seen: Vec<_> = entries.iter().filter(|entry| entry.operation == "GET /connect").collect();
    assert_eq!(seen[0].status, 101);
    assert_eq!(seen[0].app.as_deref(), Some(&*sandbox.demo().client_id));
    assert_eq!(seen[1].status, 401);
    assert!(!format!("{entries:?}").contains(&first), "the journal shows no ticket");
}

#[test]
fn what_is_no_web_socket_is_refused_and_uses_no_ticket_up() {
    let sandbox = sandbox();
    let ticket = demo_ticket(&sandbox);
    let good = [
        ("upgrade", "WebSocket"),
        ("connection", "keep-alive, Upgrade"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    let ask = |method: &str, headers: &[(&str, &str)]| {
        let mut request =
            Request::builder().method(method).uri(format!("/connect?ticket={ticket}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        sandbox.handle(request.body(Vec::new()).expect("well-formed"))
    };
    for at in 0..good.len() {
        let mut headers = good.to_vec();
        headers.remove(at);
        let refused = ask("GET", &headers);
        assert_eq!(refused.status(), 426, "without {}", good[at].0);
        assert_eq!(refused.headers()["sec-websocket-version"], "13");
        headers.insert(at, (good[at].0, "8"));
        assert_eq!(ask("GET", &headers).status(), 426, "with another {}", good[at].0);
    }
    assert_eq!(ask("POST", &good).status(), 426);
    let accepted = ask("GET", &good);
    assert_eq!(accepted.status(), 101);
    // The example of RFC 6455.
    assert_eq!(accepted.headers()["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

#[test]
fn an_event_comes_with_the_headers_of_the_facts_and_is_logged_when_it_is_acknowledged() {
    let sandbox = served();
    let demo = sandbox.demo();
    let mut client = Client::new(&sandbox);
    sandbox.add_person(Person::new("u-new", "New"));
    let frame = client.event("user_add_org");
    assert_eq!(
        (frame["specVersion"].as_str(), frame["type"].as_str()),
        (Some("1.0"), Some("EVENT"))
    );
    let headers = &frame["headers"];
    let connection = &demo_connections(&sandbox)[0];
    assert_eq!(headers["connectionId"], connection.id.as_str());
    assert_eq!(connection.user_agent, "example/1");
    assert_eq!(connection.topics, ["EVENT *".to_owned(), format!("CALLBACK {TOPIC}")]);
    assert_eq!((connection.opened_at, connection.unacknowledged), (START, 1));
    assert_eq!(headers["topic"], "*");
    assert_eq!(headers["contentType"], "application/json");
    assert_eq!(headers["time"], START.to_string());
    assert_eq!(headers["eventBornTime"], START.to_string());
    assert_eq!(headers["eventCorpId"], demo.corp_id.as_str());
    assert_eq!(headers["eventUnifiedAppId"], headers["appId"]);
    for id in ["appId", "connectionId", "messageId", "eventId"] {
        assert_eq!(headers[id].as_str().map(str::len), Some(36), "{id}");
    }
    assert_eq!(data(&frame), json!({"timeStamp": START.to_string(), "userId": ["u-new"]}));
    assert!(sandbox.deliveries().is_empty(), "it is not over yet");
    client.success(&frame);
    let log = logged(&sandbox, 1);
    assert_eq!((log[0].client_id.as_str(), log[0].number), (demo.client_id.as_str(), 1));
    assert_eq!((log[0].event_type.as_str(), &log[0].trouble), ("user_add_org", &None));
    assert_eq!(demo_connections(&sandbox)[0].unacknowledged, 0);
    sandbox.add_department(Department::new(9, "Nine", 1));
    assert_eq!(data(&client.event("org_dept_create"))["deptId"], json!([9]));
    assert!(sandbox.resend(log[0].push), "what was delivered may be sent again");
    assert_eq!(client.event("user_add_org")["headers"]["eventId"], headers["eventId"]);
}

#[test]
fn what_is_answered_with_later_or_a_failure_or_not_at_all_comes_again_on_the_clock() {
    let sandbox = served();
    let mut client = Client::new(&sandbox);
    let push = check_in(&sandbox, 1)[0];
    let first = client.event("check_in");
    client.ack(&first, 200, &json!({"status":"LATER","message":"busy"}));
    logged(&sandbox, 1);
    sandbox.clock().advance(Duration::from_millis(9_999));
    assert_eq!(sandbox.deliver_due(), 0);
    check_in(&sandbox, 2);
    let other = client.event("check_in");
    assert_eq!(data(&other)["staffId"], 2, "the first one is not due yet");
    client.success(&other);
    logged(&sandbox, 2);
    sandbox.clock().advance(Duration::from_millis(1));
    let second = client.event("check_in");
    assert_eq!(data(&second)["staffId"], 1);
    assert_eq!(second["headers"]["eventId"], first["headers"]["eventId"], "the same event");
    assert_ne!(second["headers"]["messageId"], first["headers"]["messageId"], "another message");
    client.ack(&second, 500, &json!({"status":"SUCCESS"}));
    logged(&sandbox, 3);
    sandbox.clock().advance(Duration::from_secs(30));
    let third = client.event("check_in");
    sandbox.clock().advance(Duration::from_secs(60));
    let log = logged(&sandbox, 4);
    // It was given up after the third attempt; an answer now is too late and harms nobody.
    client.success(&third);
    sandbox.clock().advance(Duration::from_secs(3600));
    check_in(&sandbox, 3);
    while data(&client.text())["staffId"] != 3 {}
    let told: Vec<_> = log.iter().filter(|it| it.push == push).collect();
    assert_eq!(told.iter().map(|it| it.number).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(told[0].trouble, Some(PushTrouble::Later));
    assert_eq!(told[1].trouble, Some(PushTrouble::Code(500)));
    assert_eq!(told[2].trouble, Some(PushTrouble::TooSlow));
}

#[test]
fn an_acknowledgement_with_the_events_own_data_is_a_success() {
    let sandbox = served();
    let mut client = Client::new(&sandbox);
    check_in(&sandbox, 1);
    let frame = client.event("check_in");
    client.ack(&frame, 200, &data(&frame));
    assert_eq!(logged(&sandbox, 1)[0].trouble, None);
}

#[test]
fn an_event_goes_to_one_of_several_connections() {
    let sandbox = served();
    let mut clients = [Client::new(&sandbox), Client::new(&sandbox), Client::new(&sandbox)];
    for nth in 0..30 {
        check_in(&sandbox, nth);
    }
    eventually(|| {
        demo_connections(&sandbox).iter().map(|it| it.unacknowledged).sum::<usize>() == 30
    });
    let shares: Vec<usize> =
        demo_connections(&sandbox).iter().map(|it| it.unacknowledged).collect();
    assert!(shares.iter().all(|share| *share > 0), "{shares:?}");
    let mut seen = Vec::new();
    for (client, share) in clients.iter_mut().zip(shares) {
        for _ in 0..share {
            let frame = client.event("check_in");
            seen.push(data(&frame)["staffId"].as_i64().expect("a number"));
            client.success(&frame);
        }
    }
    seen.sort_unstable();
    assert_eq!(seen, (0..30).collect::<Vec<_>>());
    logged(&sandbox, 30);
}

#[test]
fn what_a_closed_connection_left_unacknowledged_goes_to_another_one() {
    let sandbox = served();
    let mut first = Client::new(&sandbox);
    for nth in 0..3 {
        check_in(&sandbox, nth);
    }
    let acknowledged = first.event("check_in");
    first.success(&acknowledged);
    logged(&sandbox, 1);
    let mut second = Client::new(&sandbox);
    first.socket.close(None).expect("it is open");
    while first.socket.read().is_ok() {}
    let left: Vec<Value> = (0..2).map(|_| second.event("check_in")).collect();
    assert_eq!(left.iter().map(|it| data(it)["staffId"].clone()).collect::<Vec<_>>(), [1, 2]);
    for frame in &left {
        second.success(frame);
    }
    let log = logged(&sandbox, 5);
    assert_eq!(log.iter().filter(|it| it.trouble == Some(PushTrouble::Gone)).count(), 2);
    assert!(log.iter().all(|it| it.number == 1), "leaving takes no attempt away: {log:?}");
}

#[test]
fn events_wait_for_a_connection_once_an_app_has_chosen_stream() {
    let sandbox = served();
    assert!(check_in(&sandbox, 0).is_empty(), "nobody asked for events yet");
    drop(Client::new(&sandbox));
    eventually(|| demo_connections(&sandbox).is_empty());
    check_in(&sandbox, 1);
    sandbox.clock().advance(Duration::from_secs(3600));
    let mut client = Client::new(&sandbox);
    assert_eq!(data(&client.event("check_in"))["staffId"], 1);
    assert!(sandbox.unsubscribe(&sandbox.demo().client_id));
    assert!(check_in(&sandbox, 2).is_empty());
}

#[test]
fn a_connection_gets_only_the_topics_that_it_asked_for() {
    let sandbox = served();
    let demo = sandbox.demo();
    let (id, secret) = (demo.client_id.as_str(), demo.client_secret.as_str());
    let callbacks = json!([{"type":"CALLBACK","topic":TOPIC}]);
    let mut robot = Client::of(&sandbox, id, secret, &callbacks);
    assert!(check_in(&sandbox, 0).is_empty(), "callbacks alone choose nothing");
    let one = json!([{"type":"EVENT","topic":"check_in"}]);
    let mut events = Client::of(&sandbox, id, secret, &one);
    sandbox.add_person(Person::new("u-new", "New"));
    check_in(&sandbox, 1);
    assert_eq!(data(&events.event("check_in"))["staffId"], 1, "and not the person");
    sandbox.call_back(id, TOPIC, "{}").expect("the robot is there");
    assert_eq!(robot.text()["type"], "CALLBACK");
}

#[test]
fn the_way_that_was_chosen_last_is_the_way_of_events() {
    let sandbox = served();
    let demo = sandbox.demo();
    let (sender, pushed) = std::sync::mpsc::channel();
    let callback = || {
        let sender = sender.clone();
        Subscription::receiver("token", KEY, move |push: &Push| {
            let _ = sender.send(push.event_type().to_owned());
            push.success()
        })
    };
    sandbox.subscribe(&demo.client_id, callback()).expect("it says success");
    let mut client = Client::new(&sandbox);
    check_in(&sandbox, 1);
    client.event("check_in");
    sandbox.subscribe(&demo.client_id, callback()).expect("it says success");
    check_in(&sandbox, 2);
    sandbox.deliver_due();
    assert_eq!(pushed.try_iter().collect::<Vec<_>>(), ["check_url", "check_url", "check_in"]);
}

#[test]
fn a_vendor_is_told_its_ticket_at_once_and_every_five_hours_and_who_opens_its_app() {
    let sandbox = served();
    let demo = sandbox.demo();
    let topics = json!([{"type":"EVENT","topic":"*"}]);
    let mut vendor = Client::of(&sandbox, &demo.suite_key, &demo.suite_secret, &topics);
    let first = vendor.event("suite_ticket");
    assert_eq!(data(&first), json!({"suiteTicket": demo.suite_ticket}));
    vendor.success(&first);
    sandbox.clock().advance(Duration::from_secs(5 * 3600));
    // The hours have brought a ping too.
    let renewed = loop {
        let frame = vendor.text();
        if frame["type"] == "EVENT" {
            break frame;
        }
    };
    let ticket = sandbox.suite_ticket(&demo.suite_key).expect("it has one");
    assert_ne!(ticket, demo.suite_ticket);
    assert_eq!(data(&renewed), json!({"suiteTicket": ticket}));
    vendor.success(&renewed);
    eventually(|| sandbox.stream_connections(&demo.suite_key)[0].unacknowledged == 0);
    let other = Client::of(&sandbox, &demo.suite_key, &demo.suite_secret, &topics);
    sandbox.push(&demo.suite_key, &Event::new("check_in"));
    let told = || {
        let connections = sandbox.stream_connections(&demo.suite_key);
        connections.iter().map(|it| it.unacknowledged).sum::<usize>()
    };
    eventually(|| told() > 0);
    assert_eq!(told(), 1, "one more connection is no reason for the ticket to come again");
    drop(other);
    // Whichever had it, this one has it in the end.
    let check = vendor.event("check_in");
    vendor.success(&check);

    sandbox.add_company("dingnew", "New Company");
    sandbox.add_person_to("dingnew", Person::new("boss", "Boss").admin());
    sandbox.authorize(&demo.suite_key, "dingnew").expect("it is a suite");
    let opened = vendor.event("org_suite_auth");
    assert_eq!(opened["headers"]["eventCorpId"], "dingnew");
    let body = data(&opened);
    assert_eq!(body["authCorpInfo"]["corpName"], "New Company");
    assert_eq!(body["authUserInfo"]["userId"], "boss");
    assert!(body["authInfo"]["agent"][0]["appid"].is_i64(), "{body}");
    assert!(body["permanentCode"].is_string(), "{body}");
    vendor.success(&opened);
    sandbox.change_authorization(&demo.suite_key, "dingnew").expect("it is open");
    let changed = vendor.event("org_suite_change");
    assert!(data(&changed)["authInfo"]["agent"][0]["appid"].is_string());
    vendor.success(&changed);
    assert!(sandbox.set_app_stopped(&demo.suite_key, "dingnew", true));
    assert!(data(&vendor.event("org_micro_app_stop"))["agentId"].is_i64());
    assert!(sandbox.revoke_authorization(&demo.suite_key, "dingnew"));
    assert_eq!(data(&vendor.event("org_suite_relieve")), json!({}));
}

#[test]
fn a_connection_that_is_asked_to_leave_gets_nothing_more_and_ends_after_ten_silent_seconds() {
    let sandbox = served();
    let mut client = Client::new(&sandbox);
    check_in(&sandbox, 1);
    let event = client.event("check_in");
    let id = demo_connections(&sandbox)[0].id.clone();
    assert!(sandbox.disconnect(&id));
    assert!(!sandbox.disconnect(&id), "it knows already");
    assert!(!sandbox.disconnect("nobody"));
    let farewell = client.text();
    assert_eq!(farewell["type"], "SYSTEM");
    assert_eq!(farewell["headers"]["topic"], "disconnect");
    assert!(data(&farewell)["reason"].is_string());
    assert!(demo_connections(&sandbox)[0].leaving);
    check_in(&sandbox, 2);
    sandbox.clock().advance(Duration::from_secs(9));
    // The Python SDK answers this message too, without an id; the ten seconds begin again with it.
    client.ack(&json!({}), 200, &json!({}));
    client.success(&event);
    logged(&sandbox, 1);
    sandbox.clock().advance(Duration::from_millis(9_999));
    let mut other = Client::new(&sandbox);
    assert_eq!(data(&other.event("check_in"))["staffId"], 2);
    assert_eq!(demo_connections(&sandbox).len(), 2);
    sandbox.clock().advance(Duration::from_millis(1));
    assert_eq!(client.closed().0, 1000);
    eventually(|| demo_connections(&sandbox).len() == 1);
}

#[test]
fn a_ping_wants_its_word_back() {
    let sandbox = served();
    let mut client = Client::new(&sandbox);
    for _ in 0..2 {
        sandbox.clock().advance(Duration::from_secs(60));
        let ping = client.text();
        assert_eq!((&ping["type"], &ping["headers"]["topic"]), (&json!("SYSTEM"), &json!("ping")));
        assert!(data(&ping)["opaque"].is_string());
        client.ack(&ping, 200, &data(&ping));
        // The answer is heard before the clock moves on.
        check_in(&sandbox, 1);
        let event = client.event("check_in");
        client.success(&event);
        eventually(|| demo_connections(&sandbox)[0].unacknowledged == 0);
    }
}

#[test]
fn a_callback_goes_out_once_and_its_answer_is_kept() {
    let sandbox = served();
    let demo = sandbox.demo();
    assert_eq!(sandbox.call_back(&demo.client_id, TOPIC, "{}"), None, "nobody is there");
    let mut client = Client::new(&sandbox);
    assert_eq!(sandbox.call_back(&demo.client_id, "/v1.0/other", "{}"), None, "nobody asked");
    let sent = sandbox.call_back(&demo.client_id, TOPIC, r#"{"text":"hi"}"#).expect("it is there");
    let frame = client.text();
    assert_eq!((&frame["type"], &frame["headers"]["topic"]), (&json!("CALLBACK"), &json!(TOPIC)));
    assert_eq!(frame["headers"]["eventType"], Value::Null);
    assert_eq!(data(&frame), json!({"text":"hi"}));
    client.ack(&frame, 200, &json!({"response":{"said":"hello"}}));
    logged(&sandbox, 1);
    let answers = sandbox.callback_answers();
    assert_eq!((answers[0].push, answers[0].code), (sent, 200));
    assert_eq!(answers[0].response, json!({"said":"hello"}));
    sandbox.call_back(&demo.client_id, TOPIC, "{}").expect("it is there");
    let frame = client.text();
    client.ack(&frame, 404, &json!({"response":"unknown topic"}));
    assert_eq!(logged(&sandbox, 2)[1].trouble, Some(PushTrouble::Code(404)));
    assert_eq!(logged(&sandbox, 2)[1].event_type, TOPIC);
    sandbox.call_back(&demo.client_id, TOPIC, "{}").expect("it is there");
    client.text();
    drop(client);
    assert_eq!(logged(&sandbox, 3)[2].trouble, Some(PushTrouble::Gone));
    assert_eq!(sandbox.callback_answers().len(), 2);
}

#[test]
fn nonsense_ends_the_connection_with_a_reason() {
    let sandbox = served();
    let large = "x".repeat(2 * 1024 * 1024 + 1);
    for (message, code) in [
        (Message::text("ping"), 1008),
        (Message::text("[]"), 1008),
        (Message::text(r#"{"headers":{}}"#), 1008),
        (Message::text(r#"{"code":200}"#), 1008),
        (Message::text("[".repeat(100_000)), 1008),
        (Message::binary(b"{}".to_vec()), 1003),
        (Message::text(large), 1009),
    ] {
        let mut client = Client::new(&sandbox);
        // The sandbox may have closed before a large message is out.
        let _ = client.socket.send(message.clone());
        let (said, reason) = client.closed();
        assert_eq!(said, code, "{reason}");
        assert!(!reason.is_empty());
        eventually(|| demo_connections(&sandbox).is_empty());
    }
    // A frame without a mask, a text that is not UTF-8 (masked with zeros), a frame that is none, and half a frame.
    let frames: [(&[u8], Option<u16>); 4] = [
        (b"\x81\x02{}", Some(1002)),
        (b"\x81\x82\0\0\0\0\xff\xfe", Some(1007)),
        (b"\x8f\x80\0\0\0\0", Some(1002)),
        (b"\x81", None),
    ];
    for (bytes, code) in frames {
        let mut client = Client::new(&sandbox);
        client.socket.get_mut().write_all(bytes).expect("it is open");
        match code {
            Some(code) => assert_eq!(client.closed().0, code, "{bytes:?}"),
            None => drop(client),
        }
        eventually(|| demo_connections(&sandbox).is_empty());
    }
    let mut client = Client::new(&sandbox);
    check_in(&sandbox, 1);
    client.event("check_in");
}

#[test]
fn a_disabled_app_is_asked_to_leave_and_a_reset_ends_connections() {
    let sandbox = served();
    let mut client = Client::new(&sandbox);
    sandbox.set_dead_client(&sandbox.demo().client_id, true);
    assert_eq!(data(&client.text())["reason"], "the app is disabled");
    sandbox.reset();
    assert_eq!(client.closed().0, 1000);
    assert!(demo_connections(&sandbox).is_empty());
    let mut client = Client::new(&sandbox);
    check_in(&sandbox, 1);
    client.event("check_in");
    // The new state's connection is not taken for the old one's, whose web socket has left by now.
    assert_eq!(demo_connections(&sandbox).len(), 1);
    drop(sandbox);
    assert!(client.socket.read().is_err(), "the server is gone, and its connections with it");
}

#[test]
fn faults_and_counts_know_the_web_socket_as_any_other_call() {
    let sandbox = served();
    sandbox.fault(Fault::on("GET /connect").answer(503, "text/plain", "busy").times(1));
    let ticket = demo_ticket(&sandbox);
    assert_eq!(connect(&sandbox, &ticket).err(), Some(503));
    assert!(connect(&sandbox, &ticket).is_ok(), "the fault kept the ticket unused");
    assert_eq!(sandbox.count("GET /connect"), 2);
    assert_eq!(sandbox.count("POST /v1.0/gateway/connections/open"), 1);
}

#[test]
fn an_app_may_have_fifty_connections() {
    let sandbox = served();
    sandbox.add_app(App::internal("dingmany", "s"));
    let open: Vec<Client> =
        (0..50).map(|_| Client::of(&sandbox, "dingmany", "s", &json!([]))).collect();
    let more = ticket(&sandbox, "dingmany", "s", &json!([]));
    assert_eq!(connect(&sandbox, &more).err(), Some(503));
    let _other = Client::new(&sandbox);
    assert_eq!(sandbox.stream_connections("dingmany").len(), open.len());
}

#[test]
fn the_control_api_shows_connections_pushes_calls_back_and_disconnects() {
    let sandbox = served();
    let client_id = sandbox.demo().client_id;
    let mut client = Client::new(&sandbox);
    let fields = json!({"StaffId":"manager01"});
    let event = json!({"clientId":client_id,"eventType":"check_in","fields":fields});
    let (status, told) = steer(&sandbox, "POST", "/events", &event);
    assert_eq!((status, told["pushes"].as_array().map(Vec::len)), (201, Some(1)));
    let frame = client.event("check_in");
    assert_eq!(data(&frame), json!({"staffId":"manager01"}));
    let callback = |app: &str| json!({"clientId":app,"topic":TOPIC,"data":{"text":"hi"}});
    let (_, sent) = steer(&sandbox, "POST", "/stream/callbacks", &callback(&client_id));
    let frame = client.text();
    assert_eq!(data(&frame), json!({"text":"hi"}));
    client.ack(&frame, 200, &json!({"response":"fine"}));
    logged(&sandbox, 1);
    let (_, answers) = steer(&sandbox, "GET", "/stream/answers", &Value::Null);
    assert_eq!(
        answers["answers"],
        json!([{"push":sent["push"],"clientId":client_id,"topic":TOPIC,"code":200,"response":"fine"}])
    );
    let (_, shown) = steer(&sandbox, "GET", "/stream/connections?app=dingnobody", &Value::Null);
    assert_eq!(shown["connections"], json!([]));
    let (_, shown) = steer(&sandbox, "GET", "/stream/connections", &Value::Null);
    let shown = &shown["connections"][0];
    assert_eq!((&shown["clientId"], &shown["unacknowledged"]), (&json!(client_id), &json!(1)));
    let path = "/stream/disconnect";
    let (_, gone) = steer(&sandbox, "POST", path, &json!({"connectionId":shown["id"]}));
    assert_eq!(gone["disconnected"], 1);
    let (_, gone) = steer(&sandbox, "POST", path, &json!({"clientId":client_id}));
    assert_eq!(gone["disconnected"], 0, "it is leaving already");
    assert_eq!(steer(&sandbox, "POST", path, &json!({})).0, 400);
    assert_eq!(steer(&sandbox, "POST", "/stream/callbacks", &callback("dingnobody")).0, 404);
    assert_eq!(data(&client.text())["reason"], "disconnected by hand");
}

#[test]
fn a_snapshot_keeps_that_an_app_chose_stream_and_what_waits_for_it() {
    let sandbox = served();
    let client = Client::new(&sandbox);
    check_in(&sandbox, 1);
    eventually(|| demo_connections(&sandbox)[0].unacknowledged == 1);
    drop(client);
    eventually(|| demo_connections(&sandbox).is_empty());
    let other = served();
    other.load(&sandbox.snapshot()).expect("it is one");
    let mut client = Client::new(&other);
    assert_eq!(data(&client.event("check_in"))["staffId"], 1);
}
