//! Stream, end to end: both drivers before the sandbox, and before servers that misbehave.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use dingtalk_core::event::EventKind;
use dingtalk_core::stream::{Answer, Delivery, Notice, Settings};
use dingtalk_core::{App, ErrorKind, Proxy, ProxyRules, Region, Suite};
use dingtalk_sandbox::{Attempt, Event, Fault, Finding, Person, PushTrouble, Sandbox, Severity};
use dingtalk_tests::{Driver, Receiver, StreamServer, Told, event_frame, quick, system_frame};
use serde_json::{Value, json};

const DRIVERS: [Driver; 2] = [Driver::Blocking, Driver::Async];
const START: u64 = 1_700_000_000_000;
const TOPIC: &str = "/v1.0/im/bot/messages/get";

fn served() -> Sandbox {
    Sandbox::builder().frozen_at(START).start().unwrap()
}

fn app(sandbox: &Sandbox) -> App {
    let demo = sandbox.demo();
    let region = Region::custom(&sandbox.origin()).unwrap();
    App::builder(demo.client_id, demo.client_secret).region(region).build()
}

fn app_of(server: &StreamServer) -> App {
    App::builder("dingabc", "client secret").region(server.region()).build()
}

fn done(_: Delivery) -> dingtalk_core::stream::Outcome {
    Ok(Answer::Done)
}

fn check_in(sandbox: &Sandbox, nth: i64) -> u64 {
    let event = Event::new("check_in").field("StaffId", nth).field("TimeStamp", START);
    let pushes = sandbox.push(&sandbox.demo().client_id, &event);
    assert_eq!(pushes.len(), 1);
    pushes[0]
}

/// What another thread does soon. It never waits for the sandbox's clock.
fn eventually(happened: impl Fn() -> bool) {
    let until = Instant::now() + Duration::from_secs(60);
    while !happened() {
        assert!(Instant::now() < until, "it never came");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The receiver is connected, and the sandbox knows it.
fn joined(receiver: &Receiver, sandbox: &Sandbox) {
    receiver.connected();
    eventually(|| sandbox.stream_connections(&sandbox.demo().client_id).len() == 1);
}

fn logged(sandbox: &Sandbox, lines: usize) -> Vec<Attempt> {
    eventually(|| sandbox.deliveries().len() >= lines);
    sandbox.deliveries()
}

#[test]
fn an_event_reaches_the_handler_typed_and_is_acknowledged() {
    for driver in DRIVERS {
        let sandbox = served();
        let seen = Told::new();
        let tell = seen.teller();
        let receiver = Receiver::start(driver, &app(&sandbox), quick(), None, move |delivery| {
            tell(delivery.event().unwrap());
            Ok(Answer::Done)
        });
        joined(&receiver, &sandbox);
        sandbox.add_person(Person::new("u-new", "New"));
        let event = seen.next();
        assert_eq!(event.corp_id.unwrap(), sandbox.demo().corp_id.as_str());
        assert_eq!(event.born_at, Some(START));
        match event.kind {
            EventKind::UserAddOrg(change) => assert_eq!(change.user_ids, ["u-new"]),
            other => panic!("{other:?}"),
        }
        assert_eq!(logged(&sandbox, 1)[0].trouble, None);
        receiver.stop().unwrap();
        eventually(|| sandbox.stream_connections(&sandbox.demo().client_id).is_empty());
        let wrong = |finding: &Finding| finding.severity != Severity::Info;
        assert!(!sandbox.findings().iter().any(wrong), "{:?}", sandbox.findings());
    }
}

#[test]
fn a_handler_that_fails_panics_or_says_later_gets_the_event_again() {
    for driver in DRIVERS {
        let sandbox = served();
        let tries = AtomicUsize::new(0);
        let receiver = Receiver::start(driver, &app(&sandbox), quick(), None, move |_| match tries
            .fetch_add(1, Ordering::Relaxed)
        {
            0 => Err("the database is away".into()),
            1 => panic!("on purpose"),
            _ => Ok(Answer::Done),
        });
        joined(&receiver, &sandbox);
        check_in(&sandbox, 1);
        for (lines, wait, why) in [(1, 10, "the database is away"), (2, 30, "it panicked")] {
            assert_eq!(logged(&sandbox, lines)[lines - 1].trouble, Some(PushTrouble::Later));
            let failed = Notice::Failed { label: "check_in".into(), why: why.into() };
            assert_eq!(receiver.notice(), failed);
            sandbox.clock().advance(Duration::from_secs(wait));
        }
        assert_eq!(logged(&sandbox, 3)[2].trouble, None);
        receiver.stop().unwrap();
    }
}

#[test]
fn handlers_run_side_by_side_and_an_answer_waits_for_no_other() {
    for driver in DRIVERS {
        let sandbox = served();
        let (release, gate) = mpsc::channel::<()>();
        let gate = Mutex::new(gate);
        let receiver = Receiver::start(driver, &app(&sandbox), quick(), None, move |delivery| {
            if delivery.data().contains("\"staffId\":1") {
                gate.lock().unwrap().recv()?;
            }
            Ok(Answer::Done)
        });
        joined(&receiver, &sandbox);
        let first = check_in(&sandbox, 1);
        let second = check_in(&sandbox, 2);
        assert_eq!(logged(&sandbox, 1)[0].push, second);
        release.send(()).unwrap();
        assert_eq!(logged(&sandbox, 2)[1].push, first);
        receiver.stop().unwrap();
    }
}

#[test]
fn no_more_handlers_run_at_one_time_than_were_asked_for() {
    for driver in DRIVERS {
        let sandbox = served();
        let mut settings = quick();
        settings.in_flight = 3;
        let (running, most) = (AtomicUsize::new(0), Arc::new(AtomicUsize::new(0)));
        let peak = Arc::clone(&most);
        let receiver = Receiver::start(driver, &app(&sandbox), settings, None, move |_| {
            peak.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(2));
            running.fetch_sub(1, Ordering::SeqCst);
            Ok(Answer::Done)
        });
        joined(&receiver, &sandbox);
        for nth in 0..40 {
            check_in(&sandbox, nth);
        }
        assert!(logged(&sandbox, 40).iter().all(|attempt| attempt.trouble.is_none()));
        assert!(most.load(Ordering::SeqCst) <= 3, "{most:?}");
        receiver.stop().unwrap();
    }
}

#[test]
fn callbacks_are_answered_and_unknown_topics_refused() {
    for driver in DRIVERS {
        let sandbox = served();
        let mut settings = quick();
        settings.callbacks = vec![TOPIC.into()];
        let receiver = Receiver::start(driver, &app(&sandbox), settings, None, |delivery| {
            let asked: Value = delivery.json()?;
            Ok(Answer::Reply(json!({"said": asked["text"]})))
        });
        joined(&receiver, &sandbox);
        let client = sandbox.demo().client_id;
        let asked = json!({"text": "你好"}).to_string();
        sandbox.call_back(&client, TOPIC, &asked).unwrap();
        assert_eq!(sandbox.call_back(&client, "/v1.0/other", &asked), None, "nobody asked for it");
        eventually(|| sandbox.callback_answers().len() == 1);
        let answer = &sandbox.callback_answers()[0];
        assert_eq!((answer.code, &answer.response), (200, &json!({"said": "你好"})));
        receiver.stop().unwrap();
    }
}

#[test]
fn a_message_that_comes_twice_is_handled_once_and_acknowledged_twice() {
    for driver in DRIVERS {
        let acks = Told::new();
        let tell = acks.teller();
        let server = StreamServer::new(move |_, socket| {
            for id in ["m1", "m1", "m2"] {
                socket.say(&event_frame(id, "check_in"));
                tell(socket.hear());
            }
            socket.hear_out();
        });
        let handled = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&handled);
        let receiver = Receiver::start(driver, &app_of(&server), quick(), None, move |delivery| {
            seen.lock().unwrap().push(delivery.message_id);
            Ok(Answer::Done)
        });
        for id in ["m1", "m1", "m2"] {
            let ack = acks.next().unwrap();
            assert_eq!((&ack["code"], &ack["headers"]["messageId"]), (&json!(200), &json!(id)));
            assert_eq!(ack["data"], r#"{"status":"SUCCESS","message":"ok"}"#);
        }
        assert_eq!(*handled.lock().unwrap(), ["m1", "m2"]);
        receiver.stop().unwrap();
    }
}

#[test]
fn asked_to_leave_it_opens_another_connection_before_it_closes_the_old_one() {
    for driver in DRIVERS {
        let sandbox = served();
        let receiver = Receiver::start(driver, &app(&sandbox), quick(), None, done);
        joined(&receiver, &sandbox);
        let client = sandbox.demo().client_id;
        let before = sandbox.stream_connections(&client)[0].id.clone();
        assert!(sandbox.disconnect(&before));
        assert_eq!(receiver.notice(), Notice::Leaving);
        assert_eq!(receiver.notice(), Notice::Connected);
        eventually(|| {
            let open = sandbox.stream_connections(&client);
            open.len() == 1 && open[0].id != before
        });
        check_in(&sandbox, 1);
        assert_eq!(logged(&sandbox, 1)[0].trouble, None);
        receiver.stop().unwrap();
    }
}

#[test]
fn a_cut_socket_a_broken_frame_and_nonsense_are_followed_by_another_connection() {
    for driver in DRIVERS {
        let server = StreamServer::new(|nth, socket| match nth {
            0 => {}
            1 => socket.garble(b"\xff\xff\xff\xff nonsense"),
            2 => {
                for _ in 0..8 {
                    socket.say_text("canary nonsense");
                }
                socket.hear_out();
            }
            3 => {
                socket.say_text(&" ".repeat(2 << 20));
                socket.hear_out();
            }
            _ => {
                socket.say(&event_frame("m1", "check_in"));
                socket.hear_out();
            }
        });
        let seen = Told::new();
        let tell = seen.teller();
        let receiver = Receiver::start(driver, &app_of(&server), quick(), None, move |delivery| {
            tell(delivery.message_id);
            Ok(Answer::Done)
        });
        assert_eq!(seen.next(), "m1");
        let (mut down, mut ignored) = (0, 0);
        loop {
            let notice = receiver.notice();
            assert!(!notice.to_string().contains("canary"), "{notice}");
            match notice {
                Notice::Down { .. } => down += 1,
                Notice::Ignored { .. } => ignored += 1,
                Notice::Connected if down == 4 => break,
                _ => {}
            }
        }
        assert_eq!(ignored, 7, "the eighth ends it");
        receiver.stop().unwrap();
    }
}

#[test]
fn a_server_that_closes_at_once_is_left_alone_for_longer_and_longer() {
    for driver in DRIVERS {
        let server = StreamServer::new(|_, _| {});
        let mut settings = quick();
        settings.backoff_max = Duration::from_secs(3_600);
        let receiver = Receiver::start(driver, &app_of(&server), settings, None, done);
        let mut pauses = Vec::new();
        while pauses.len() < 6 {
            if let Notice::Down { again_in, .. } = receiver.notice() {
                pauses.push(again_in.as_millis());
            }
        }
        for (nth, pause) in pauses.iter().enumerate() {
            let least = 8 << nth;
            assert!((least..=least * 3 / 2).contains(pause), "{pauses:?}");
        }
        receiver.stop().unwrap();
        let tickets = server.tickets();
        assert!(server.opened() <= 8, "{} requests", server.opened());
        let mut once = tickets.clone();
        once.dedup();
        assert_eq!(once, tickets, "each ticket once");
    }
}

#[test]
fn a_peer_that_does_not_answer_any_more_is_noticed() {
    for driver in DRIVERS {
        let (hold, held) = mpsc::channel::<()>();
        let held = Mutex::new(held);
        // It neither reads nor writes, and its socket stays open.
        let server = StreamServer::new(move |nth, socket| match nth {
            0 => drop(held.lock().unwrap().recv()),
            _ => socket.hear_out(),
        });
        let mut settings = quick();
        (settings.ping, settings.pong) = (Duration::from_millis(20), Duration::from_millis(300));
        let receiver = Receiver::start(driver, &app_of(&server), settings, None, done);
        receiver.connected();
        match receiver.notice() {
            Notice::Down { why, .. } => assert!(why.detail().contains("does not answer"), "{why}"),
            other => panic!("{other:?}"),
        }
        receiver.connected();
        drop(hold);
        receiver.stop().unwrap();
    }
}

#[test]
fn a_wrong_secret_is_asked_once_and_the_error_says_what_to_do() {
    for driver in DRIVERS {
        let sandbox = served();
        let region = Region::custom(&sandbox.origin()).unwrap();
        let wrong = App::builder(sandbox.demo().client_id, "canary-secret").region(region).build();
        let mut receiver = Receiver::start(driver, &wrong, quick(), None, done);
        let error = receiver.ended().unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::Credentials);
        assert_eq!(error.operation(), Some("stream.open_connection"));
        assert!(error.to_string().contains("check client id and secret"), "{error}");
        assert!(!format!("{error:?}").contains("canary"));
        assert_eq!(sandbox.count("POST /v1.0/gateway/connections/open"), 1);
    }
}

#[test]
fn without_a_network_it_says_so_and_goes_on_trying_until_it_is_stopped() {
    for driver in DRIVERS {
        // Not a port that was free a moment ago: another test may have it now.
        let region = Region::custom("http://127.0.0.1:1").unwrap();
        let app = App::builder("dingabc", "client secret").region(region).build();
        let receiver = Receiver::start(driver, &app, quick(), None, done);
        for _ in 0..3 {
            match receiver.notice() {
                Notice::Refused { error, .. } => assert_eq!(error.kind(), &ErrorKind::Unreachable),
                other => panic!("{other:?}"),
            }
        }
        receiver.stop().unwrap();
    }
}

#[test]
fn stop_ends_a_long_pause_and_an_idle_connection_at_once() {
    for driver in DRIVERS {
        let server = StreamServer::new(|nth, socket| {
            if nth > 0 {
                socket.hear_out();
            }
        });
        let mut settings = Settings::default();
        (settings.backoff, settings.backoff_max) =
            (Duration::from_secs(3_600), Duration::from_secs(7_200));
        let receiver = Receiver::start(driver, &app_of(&server), settings, None, done);
        receiver.connected();
        assert!(matches!(receiver.notice(), Notice::Down { .. }));
        receiver.stop().unwrap();
        let receiver = Receiver::start(driver, &app_of(&server), quick(), None, done);
        receiver.connected();
        receiver.stop().unwrap();
    }
}

#[test]
fn stopped_before_it_begins_it_asks_nobody() {
    let sandbox = served();
    let stop = dingtalk_blocking::Stop::new();
    stop.stop();
    let client = dingtalk_blocking::Client::new(app(&sandbox)).unwrap();
    client.stream().run(&stop, done).unwrap();
    assert_eq!(sandbox.count("POST /v1.0/gateway/connections/open"), 0);
}

#[test]
fn dropping_the_future_closes_its_connection() {
    let sandbox = served();
    let client = dingtalk_async::Client::new(app(&sandbox)).unwrap();
    let open = || sandbox.stream_connections(&sandbox.demo().client_id).len();
    dingtalk_tests::runtime(1).block_on(async {
        let opened = async {
            while open() == 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::select! {
            result = client.stream().run(async |delivery| done(delivery)) => panic!("{result:?}"),
            () = opened => {}
        }
    });
    eventually(|| open() == 0);
}

#[test]
fn what_the_handler_has_is_acknowledged_before_it_stops() {
    for driver in DRIVERS {
        let acks = Told::new();
        let tell = acks.teller();
        let server = StreamServer::new(move |_, socket| {
            socket.say(&event_frame("m1", "check_in"));
            tell(socket.hear());
            socket.hear_out();
        });
        let (begun, (release, gate)) = (Told::new(), mpsc::channel::<()>());
        let (tell, gate) = (begun.teller(), Mutex::new(gate));
        let receiver = Receiver::start(driver, &app_of(&server), quick(), None, move |_| {
            tell(());
            gate.lock().unwrap().recv()?;
            Ok(Answer::Done)
        });
        begun.next();
        let stopping = std::thread::spawn(move || receiver.stop());
        release.send(()).unwrap();
        stopping.join().unwrap().unwrap();
        assert_eq!(acks.next().unwrap()["headers"]["messageId"], "m1");
    }
}

#[test]
fn a_ping_is_answered_while_the_handlers_are_busy() {
    for driver in DRIVERS {
        let pongs = Told::new();
        let tell = pongs.teller();
        let server = StreamServer::new(move |_, socket| {
            socket.say(&event_frame("m1", "check_in"));
            socket.say(&system_frame("ping"));
            tell(socket.hear());
            socket.hear_out();
        });
        let (release, gate) = mpsc::channel::<()>();
        let gate = Mutex::new(gate);
        let receiver = Receiver::start(driver, &app_of(&server), quick(), None, move |_| {
            gate.lock().unwrap().recv()?;
            Ok(Answer::Done)
        });
        assert_eq!(pongs.next().unwrap()["data"], r#"{"opaque":"o"}"#);
        release.send(()).unwrap();
        receiver.stop().unwrap();
    }
}

#[test]
fn a_suite_ticket_is_taken_before_it_is_acknowledged() {
    let sandbox = served();
    let demo = sandbox.demo();
    let suite = || {
        let region = Region::custom(&sandbox.origin()).unwrap();
        Suite::builder(&*demo.suite_key, &*demo.suite_secret).region(region).build()
    };
    let first = suite();
    let client = dingtalk_blocking::Client::new(first.clone()).unwrap();
    let receiver = Receiver::start(Driver::Blocking, &first, quick(), None, move |delivery| {
        if let Some(ticket) = delivery.suite_ticket() {
            client.call(ticket)?;
        }
        Ok(Answer::Done)
    });
    assert_eq!(logged(&sandbox, 1)[0].trouble, None);
    assert_eq!(first.ticket_pushed_at(), Some(START));
    receiver.stop().unwrap();

    sandbox.clock().advance(Duration::from_secs(5 * 3_600));
    let second = suite();
    dingtalk_tests::runtime(1).block_on(async {
        let client = dingtalk_async::Client::new(second.clone()).unwrap();
        let taken = async {
            while second.ticket_pushed_at().is_none() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let running = client.stream().run_until(taken, async |delivery: Delivery| {
            if let Some(ticket) = delivery.suite_ticket() {
                client.call(ticket).await?;
            }
            Ok(Answer::Done)
        });
        running.await.unwrap();
    });
    assert_eq!(second.ticket_pushed_at(), Some(START + 5 * 3_600_000));
}

#[test]
fn over_tls_it_trusts_whom_the_client_trusts() {
    for driver in DRIVERS {
        let sandbox = Sandbox::builder().https().start().unwrap();
        let ca = sandbox.ca_certificate().unwrap().to_owned();
        let receiver = Receiver::start(driver, &app(&sandbox), quick(), Some(&ca), done);
        joined(&receiver, &sandbox);
        for nth in 1..=20 {
            check_in(&sandbox, nth);
        }
        assert!(logged(&sandbox, 20).iter().all(|attempt| attempt.trouble.is_none()));
        receiver.stop().unwrap();
        let stranger = Receiver::start(driver, &app(&sandbox), quick(), None, done);
        match stranger.notice() {
            Notice::Refused { error, .. } => {
                assert!(error.to_string().contains("not trusted"), "{error}");
            }
            other => panic!("{other:?}"),
        }
        stranger.stop().unwrap();
    }
}

#[test]
fn the_web_socket_goes_through_the_clients_own_proxy_which_sees_the_host_alone() {
    for driver in DRIVERS {
        let sandbox = Sandbox::builder().https().start().unwrap();
        let ca = sandbox.ca_certificate().unwrap().to_owned();
        let (address, seen) = proxy();
        let rules = ProxyRules::always(Proxy::new(&format!("http://{address}")).unwrap());
        let receiver = Receiver::through(rules, driver, &app(&sandbox), quick(), Some(&ca), done);
        joined(&receiver, &sandbox);
        check_in(&sandbox, 1);
        assert_eq!(logged(&sandbox, 1)[0].trouble, None);
        let authority = sandbox.origin().replace("https://", "");
        for _ in ["the request", "the web socket"] {
            assert_eq!(seen.next(), format!("CONNECT {authority} HTTP/1.1"));
        }
        receiver.stop().unwrap();
        assert!(seen.is_empty());
    }
}

/// A proxy that tunnels, and the first line of each request that it got.
fn proxy() -> (SocketAddr, Told<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let seen = Told::new();
    let tell = seen.teller();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let mut client = client.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                client.read_exact(&mut byte).unwrap();
                head.extend(byte);
            }
            let line = String::from_utf8(head).unwrap().lines().next().unwrap().to_owned();
            let target = TcpStream::connect(line.split(' ').nth(1).unwrap()).unwrap();
            tell(line);
            client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
            for (mut from, mut to) in
                [(client.try_clone().unwrap(), target.try_clone().unwrap()), (target, client)]
            {
                std::thread::spawn(move || {
                    let _ = std::io::copy(&mut from, &mut to);
                    let _ = to.shutdown(std::net::Shutdown::Write);
                });
            }
        }
    });
    (address, seen)
}

#[test]
fn a_refused_ticket_and_a_busy_platform_are_asked_again() {
    for driver in DRIVERS {
        let sandbox = served();
        sandbox.fault(Fault::on("GET /connect").answer(401, "text/plain", "no").times(1));
        let busy = "{\"code\":\"ServiceUnavailable\"}";
        sandbox.fault(
            Fault::on("POST /v1.0/gateway/connections/open")
                .answer(503, "application/json", busy)
                .times(1),
        );
        let receiver = Receiver::start(driver, &app(&sandbox), quick(), None, done);
        assert!(matches!(receiver.notice(), Notice::Refused { .. }));
        match receiver.notice() {
            Notice::Down { why, .. } => assert!(why.detail().contains("ticket"), "{why}"),
            other => panic!("{other:?}"),
        }
        joined(&receiver, &sandbox);
        receiver.stop().unwrap();
    }
}
