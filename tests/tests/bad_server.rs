//! A platform that misbehaves: clear errors in time, nothing secret in them, no one-time code sent
//! twice, and a client that works again afterwards. Every case runs over both clients.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::io::Write;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use dingtalk_core::auth::ObtainToken;
use dingtalk_core::contact::{GetContactUser, GetUser, GetUserByCode, GetUserByMobile};
use dingtalk_core::{
    ActsAs, App, Endpoint, Error, ErrorKind, Limits, Nobody, Policy, Proxy, Region,
};
use dingtalk_tests::{BadServer, Seen, answer, end, ok_json, reset, runtime};
use tokio::runtime::Runtime;

/// What a call may take before it has to have ended.
const TOTAL: Duration = Duration::from_millis(700);
/// What a busy machine may add to it.
const SLACK: Duration = Duration::from_secs(3);
const MAX_BODY: usize = 256 * 1024;

fn policy() -> Policy {
    let mut policy = Policy::default();
    policy.limits = Limits::new(Duration::from_millis(250), Duration::from_millis(300), MAX_BODY);
    policy.total = TOTAL;
    policy.backoff = Duration::from_millis(2);
    policy.backoff_max = Duration::from_millis(5);
    policy
}

/// Either client, for any credential.
enum Client {
    Blocking(dingtalk_blocking::Client<Nobody>),
    Async(dingtalk_async::Client<Nobody>, Runtime),
}

impl Client {
    fn both(proxy: Option<&Proxy>) -> [Self; 2] {
        let nobody = Nobody::in_region(Region::china());
        let blocking = dingtalk_blocking::HttpTransport::builder().limits(policy().limits);
        let asynchronous = dingtalk_async::HttpTransport::builder();
        let (blocking, asynchronous) = match proxy {
            Some(proxy) => (blocking.proxy(proxy.clone()), asynchronous.proxy(proxy.clone())),
            None => (blocking.no_proxy(), asynchronous.no_proxy()),
        };
        let blocking = dingtalk_blocking::Client::builder(nobody.clone())
            .transport(blocking.build().unwrap())
            .policy(policy());
        let asynchronous = dingtalk_async::Client::builder(nobody)
            .transport(asynchronous.build().unwrap())
            .policy(policy());
        [
            Self::Blocking(blocking.build().unwrap()),
            Self::Async(asynchronous.build().unwrap(), runtime(1)),
        ]
    }

    fn call<C, E>(&self, caller: &C, endpoint: E) -> Result<E::Output, Error>
    where
        C: ActsAs<E::Caller> + Clone,
        E: Endpoint,
        E::Output: Send,
    {
        let begin = Instant::now();
        let result = match self {
            Self::Blocking(client) => client.on_behalf_of(caller).call(endpoint),
            Self::Async(client, runtime) => {
                runtime.block_on(client.on_behalf_of(caller).call(endpoint))
            }
        };
        let took = begin.elapsed();
        assert!(took < TOTAL + SLACK, "{self:?} took {took:?}");
        if let Err(error) = &result {
            clean(error);
        }
        result
    }

    fn fail<C, E>(&self, caller: &C, endpoint: E) -> Error
    where
        C: ActsAs<E::Caller> + Clone,
        E: Endpoint,
        E::Output: Send,
    {
        match self.call(caller, endpoint) {
            Ok(_) => panic!("{self:?}: the call should have failed"),
            Err(error) => error,
        }
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Blocking(_) => "blocking",
            Self::Async(..) => "async",
        })
    }
}

/// Everything that may not be printed has this word in it; a server's address is one of them.
fn clean(error: &Error) {
    let text = format!("{error} {error:?} {error:#?}");
    assert!(!text.contains("canary"), "{text}");
    assert!(!text.contains("127.0.0.1"), "{text}");
}

fn app_in(region: Region) -> App {
    App::builder("dingbad", "canary-client-secret").region(region).build()
}

fn user() -> GetUser {
    GetUser::new("canary-user")
}

/// A server that answers reads like this until it is repaired, both clients before it, each of
/// which has to fail like this, and to work as soon as the server does.
fn bad(
    what: &str,
    misbehave: impl Fn(&Seen, &mut TcpStream) -> bool + Send + Sync + 'static,
    judge: impl Fn(&Error) -> bool,
) {
    let repaired = Arc::new(AtomicBool::new(false));
    let works = Arc::clone(&repaired);
    let server = BadServer::after_token(move |request, stream| {
        if works.load(Ordering::Relaxed) {
            return ok_json(stream);
        }
        misbehave(request, stream)
    });
    for client in Client::both(None) {
        repaired.store(false, Ordering::Relaxed);
        let app = app_in(server.region());
        let error = client.fail(&app, user());
        assert!(judge(&error), "{what}, {client:?}: {error:?}");
        repaired.store(true, Ordering::Relaxed);
        // What was learned from the answer, such as a ban, holds for the region: take another.
        let found = client.call(&app_in(server.region()), user()).unwrap_or_else(|error| {
            panic!("{what}, {client:?}: not usable afterwards: {error:?}");
        });
        assert_eq!(found.userid, "u");
    }
}

fn is_reply(error: &Error) -> bool {
    error.kind() == &ErrorKind::Reply
}

fn bytes(stream: &mut TcpStream, head: &str, body: &[u8]) -> bool {
    stream.write_all(head.as_bytes()).is_ok() && stream.write_all(body).is_ok()
}

fn body(stream: &mut TcpStream, body: &[u8]) -> bool {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
    bytes(stream, &head, body)
}

#[test]
fn an_empty_body_is_not_understood() {
    bad("empty", |_, stream| body(stream, b""), is_reply);
}

#[test]
fn an_html_page_is_a_ban_and_no_decode_error() {
    let page = b"<!DOCTYPE html><html><body>canary</body></html>";
    bad(
        "html",
        |_, stream| body(stream, page),
        |error| matches!(error.kind(), ErrorKind::IpBanned { .. }),
    );
}

#[test]
fn a_body_cut_short_is_not_understood_and_not_quoted() {
    let cut = br#"{"errcode":0,"result":{"userid":"canary","name":"can"#;
    bad("cut", |_, stream| body(stream, cut), is_reply);
}

#[test]
fn a_body_that_is_not_utf_8_is_not_understood() {
    let bytes = b"{\"errcode\":0,\"result\":{\"userid\":\"\xff\xfe canary\"}}";
    bad("not UTF-8", |_, stream| body(stream, bytes), is_reply);
}

#[test]
fn a_body_nested_without_end_does_not_overflow_the_stack() {
    for open in ["[", r#"{"a":"#, r#"{"errcode":0,"result":["#] {
        let deep = open.repeat(200_000 / open.len());
        bad("deep", move |_, stream| body(stream, deep.as_bytes()), is_reply);
    }
    let closed =
        format!(r#"{{"errcode":0,"result":{}{}}}"#, "[".repeat(60_000), "]".repeat(60_000));
    bad("deep and closed", move |_, stream| body(stream, closed.as_bytes()), is_reply);
}

#[test]
fn json_of_another_shape_is_not_understood_and_not_quoted() {
    for text in [
        "null",
        "canary",
        "[]",
        r#"["canary"]"#,
        r#""canary""#,
        "7",
        r#"{"result":{"userid":["canary"]},"errcode":0}"#,
        r#"{"errcode":0,"result":"canary"}"#,
        r#"{"errcode":0,"result":{"name":"canary"}}"#,
        r#"{"errcode":0,"result":null}"#,
        r#"{"errcode":0}"#,
    ] {
        bad(text, move |_, stream| answer(stream, 200, text), is_reply);
    }
}

#[test]
fn numbers_as_text_and_one_object_for_a_list_are_taken() {
    let printed = r#"{"errcode":"0","errmsg":"ok","result":{"userid":"u","name":"n",
        "active":"true","hired_date":"1425168000000","dept_id_list":"[2,3]","boss":"false",
        "leader_in_dept":{"dept_id":"2","leader":"true"},"role_list":{"id":"1","name":"r"}}}"#;
    let server = BadServer::after_token(|_, stream| answer(stream, 200, printed));
    for client in Client::both(None) {
        let found = client.call(&app_in(server.region()), user()).unwrap();
        assert!(found.active && !found.boss && found.leader_in_dept[0].leader);
        assert_eq!(found.hired_date, Some(1_425_168_000_000));
        assert_eq!(found.dept_id_list, [2.into(), 3.into()]);
        assert_eq!(found.role_list.len(), 1);
    }
}

#[test]
fn a_body_without_end_stops_at_the_limit() {
    let endless = |_: &Seen, stream: &mut TcpStream| {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        let chunk = format!("10000\r\n{}\r\n", "canary..".repeat(8_192));
        let mut on = stream.write_all(head.as_bytes()).is_ok();
        while on {
            on = stream.write_all(chunk.as_bytes()).is_ok();
        }
        false
    };
    bad("endless", endless, |error| {
        // A slow machine may meet the time limit before the size limit.
        matches!(error.kind(), ErrorKind::TooLarge | ErrorKind::TimedOut { .. })
    });
}

#[test]
fn a_body_that_announces_a_gigabyte_is_refused() {
    let announced = |_: &Seen, stream: &mut TcpStream| {
        bytes(stream, "HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n", &[b' '; 1_000_000]);
        false
    };
    bad("a gigabyte", announced, |error| {
        matches!(error.kind(), ErrorKind::TooLarge | ErrorKind::TimedOut { .. } | ErrorKind::Lost)
    });
}

#[test]
fn each_odd_status_says_what_it_means() {
    type Judge = fn(&ErrorKind) -> bool;
    let busy: Judge = |kind| matches!(kind, ErrorKind::Busy { .. });
    let reply: Judge = |kind| matches!(kind, ErrorKind::Reply);
    let throttled: Judge = |kind| matches!(kind, ErrorKind::Throttled { .. });
    for (status, text, judge) in [
        (204, "", reply),
        (301, "canary", reply),
        (302, "canary", reply),
        (400, "canary", reply),
        (401, "canary", reply),
        (403, "canary", reply),
        (404, "canary", reply),
        (429, "canary", throttled),
        (429, r#"{"code":"systemBusy","message":"m"}"#, throttled),
        (500, "canary", busy),
        (501, "", busy),
        (502, "canary", busy),
        (503, "<html>canary</html>", busy),
        (504, "", busy),
    ] {
        let misbehave = move |_: &Seen, stream: &mut TcpStream| {
            let location = "Location: http://127.0.0.1:1/canary\r\n";
            let length = if status == 204 {
                String::new()
            } else {
                format!("Content-Length: {}\r\n", text.len())
            };
            let head = format!("HTTP/1.1 {status} Canary\r\n{location}{length}\r\n");
            bytes(stream, &head, text.as_bytes())
        };
        bad(&format!("{status} {text}"), misbehave, |error| {
            judge(error.kind()) && error.status() == Some(status)
        });
    }
}

#[test]
fn a_redirect_is_never_followed() {
    let elsewhere = Arc::new(BadServer::new(|_, _, stream| ok_json(stream)));
    let target = elsewhere.origin();
    let server = BadServer::after_token(move |_, stream| {
        let head =
            format!("HTTP/1.1 302 Found\r\nLocation: {target}/x\r\nContent-Length: 0\r\n\r\n");
        bytes(stream, &head, b"")
    });
    for client in Client::both(None) {
        assert!(is_reply(&client.fail(&app_in(server.region()), user())));
    }
    assert!(elsewhere.seen().is_empty(), "the token did not go there");
}

#[test]
fn a_server_that_hangs_or_drips_ends_in_time() {
    let timed_out = |error: &Error| {
        matches!(error.kind(), ErrorKind::TimedOut { maybe_executed: true } | ErrorKind::Lost)
    };
    bad(
        "hang",
        |_, _| {
            thread::sleep(Duration::from_millis(1_500));
            false
        },
        timed_out,
    );
    let drip = |text: &'static [u8]| {
        move |_: &Seen, stream: &mut TcpStream| {
            for byte in text {
                if stream.write_all(&[*byte]).is_err() {
                    return false;
                }
                thread::sleep(Duration::from_millis(30));
            }
            false
        }
    };
    bad("headers drip", drip(b"HTTP/1.1 200 OK\r\nServer: canary-canary-canary-canary"), timed_out);
    bad(
        "body drips",
        move |seen, stream| {
            bytes(stream, "HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", b"");
            drip(b"                                                            ")(seen, stream)
        },
        timed_out,
    );
}

#[test]
fn a_connection_that_ends_at_any_byte_is_lost() {
    const ANSWER: &[u8] =
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 28\r\n\r\n{\"errcode\":0,\"result\":{\"a\":1";
    for at in (0..ANSWER.len()).step_by(7).chain([16, 17, 78, 79, 80, ANSWER.len() - 1]) {
        for cut in [false, true] {
            let breaks = move |_: &Seen, stream: &mut TcpStream| {
                let _ = stream.write_all(&ANSWER[..at]);
                if cut { reset(stream) } else { end(stream) }
            };
            bad(&format!("end at {at}, reset: {cut}"), breaks, |error| {
                matches!(error.kind(), ErrorKind::Lost | ErrorKind::Reply)
            });
        }
    }
}

#[test]
fn a_content_length_that_lies_is_no_answer() {
    let text = r#"{"errcode":0,"errmsg":"ok","result":{"userid":"u","name":"n"}}"#;
    bad(
        "too long",
        move |_, stream| {
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", text.len() + 9);
            bytes(stream, &head, text.as_bytes());
            false
        },
        |error| matches!(error.kind(), ErrorKind::Lost | ErrorKind::TimedOut { .. }),
    );
    bad(
        "too short",
        move |_, stream| {
            bytes(stream, "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n", text.as_bytes());
            false
        },
        is_reply,
    );
    bad(
        "no number",
        move |_, stream| {
            bytes(stream, "HTTP/1.1 200 OK\r\nContent-Length: canary\r\n\r\n", text.as_bytes());
            false
        },
        |error| matches!(error.kind(), ErrorKind::Lost | ErrorKind::Reply),
    );
}

#[test]
fn no_http_at_all_is_lost() {
    for noise in ["canary canary canary\r\n\r\n", "\u{0}\u{1}\u{2}", "SSH-2.0-OpenSSH_9.6\r\n"] {
        bad(
            noise,
            move |_, stream| {
                bytes(stream, noise, b"");
                end(stream)
            },
            |error| matches!(error.kind(), ErrorKind::Lost | ErrorKind::TimedOut { .. }),
        );
    }
}

#[test]
fn a_kept_connection_that_the_server_closes_meanwhile_costs_no_read() {
    // It answers and closes, without saying that it will.
    let server = BadServer::after_token(|_, stream| {
        ok_json(stream);
        end(stream)
    });
    for client in Client::both(None) {
        let app = app_in(server.region());
        for at in 0..30 {
            if at % 3 == 0 {
                thread::sleep(Duration::from_millis(3));
            }
            client.call(&app, user()).unwrap();
        }
    }
}

#[test]
fn a_connection_that_ended_while_nobody_looked_is_not_used_for_a_code() {
    // On a runtime of one thread nobody sees what happens to idle connections between two calls.
    for farewell in ["", "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"] {
        let server = BadServer::after_token(|_, stream| ok_json(stream));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let transport = dingtalk_async::HttpTransport::builder().no_proxy().build().unwrap();
        let client = dingtalk_async::Client::builder(app_in(server.region())).transport(transport);
        let client = client.policy(policy()).build().unwrap();
        runtime.block_on(client.call(user())).unwrap();
        server.hang_up(farewell.as_bytes());
        thread::sleep(Duration::from_millis(20));
        runtime.block_on(client.call(GetUserByCode::new("canary-code"))).unwrap();
        assert_eq!(server.count("canary-code"), 1, "{farewell}");
    }
}

#[test]
fn a_one_time_code_goes_out_once_whatever_the_server_does() {
    type Misbehave = fn(&mut TcpStream) -> bool;
    let ways: [Misbehave; 8] = [
        |stream| end(stream),
        |stream| reset(stream),
        |stream| body(stream, b""),
        |stream| body(stream, b"{"),
        |stream| answer(stream, 500, "canary"),
        |stream| answer(stream, 503, "canary"),
        |stream| {
            bytes(stream, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", b"{");
            end(stream)
        },
        |_| {
            thread::sleep(Duration::from_millis(800));
            false
        },
    ];
    for (at, misbehave) in ways.into_iter().enumerate() {
        let server = BadServer::after_token(move |_, stream| misbehave(stream));
        for (client, turn) in Client::both(None).iter().zip(["one", "two"]) {
            let app = app_in(server.region());
            let silent = format!("canary-silent-{at}-{turn}");
            let _ = client.fail(&app, GetUserByCode::new(&*silent));
            assert_eq!(server.count(&silent), 1, "way {at}, {client:?}");

            let consent = format!("canary-consent-{at}-{turn}");
            let person = app.user_from_code(&*consent);
            for _ in 0..3 {
                let _ = client.fail(&person, GetContactUser::me());
            }
            assert_eq!(server.count(&consent), 1, "way {at}, {client:?}");
        }
    }
}

#[test]
fn a_code_that_a_kept_connection_swallowed_is_not_sent_again() {
    // The connection is warm, takes the request, and ends: nobody knows whether it was read.
    let server = BadServer::after_token(|request, stream| {
        if request.text.contains("canary-code") {
            return end(stream);
        }
        ok_json(stream)
    });
    for (client, turn) in Client::both(None).iter().zip(["one", "two"]) {
        let app = app_in(server.region());
        client.call(&app, user()).unwrap();
        let code = format!("canary-code-{turn}");
        let error = client.fail(&app, GetUserByCode::new(&*code));
        assert_eq!(error.kind(), &ErrorKind::Lost, "{client:?}: {error:?}");
        assert_eq!(server.count(&code), 1, "{client:?}");
        client.call(&app, user()).unwrap();
    }
}

#[test]
fn an_answer_that_repeats_the_secret_does_not_get_it_printed() {
    let server = BadServer::new(|_, request, stream| {
        if request.line.contains("accessToken") && request.text.contains("dingwrong") {
            let text =
                r#"{"code":"invalidClientIdOrSecret","message":"canary-client-secret is wrong"}"#;
            return answer(stream, 400, text);
        }
        if request.line.contains("accessToken") {
            return answer(stream, 200, r#"{"expireIn":7200,"accessToken":"canary-app-token"}"#);
        }
        answer(stream, 200, r#"{"errcode":40035,"errmsg":"bad canary-app-token in access_token"}"#)
    });
    for client in Client::both(None) {
        let wrong = App::builder("dingwrong", "canary-client-secret").region(server.region());
        let error = client.fail(&wrong.build(), ObtainToken::new());
        assert_eq!(error.kind(), &ErrorKind::Credentials);
        let error = client.fail(&app_in(server.region()), GetUserByMobile::new("canary-mobile"));
        assert_eq!(error.kind(), &ErrorKind::BadRequest);
    }
}

#[test]
fn no_network_is_told_as_not_delivered() {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    for client in Client::both(None) {
        let region = Region::custom(&format!("http://{port}")).unwrap();
        let app = app_in(region);
        for error in [
            client.fail(&app, user()),
            client.fail(&app.user_from_code("canary-code"), GetContactUser::me()),
        ] {
            assert_eq!(error.kind(), &ErrorKind::Unreachable, "{client:?}: {error:?}");
            assert!(error.to_string().contains("check network, proxy and TLS"), "{error}");
        }
    }
}

#[test]
fn a_proxy_that_refuses_is_told_as_not_delivered() {
    let refuse = |status: &'static str| {
        BadServer::new(move |_, _, stream| {
            let head = format!("HTTP/1.1 {status}\r\nContent-Length: 6\r\n\r\n");
            bytes(stream, &head, b"canary");
            end(stream)
        })
    };
    for status in ["403 Forbidden", "407 Proxy Authentication Required", "502 Bad Gateway"] {
        let server = refuse(status);
        let proxy = Proxy::new(&server.origin()).unwrap();
        for client in Client::both(Some(&proxy)) {
            // The real host's name never leaves: the proxy is asked first, and refuses.
            let error = client.fail(&app_in(Region::china()), user());
            assert_eq!(error.kind(), &ErrorKind::Unreachable, "{status}, {client:?}: {error:?}");
        }
        assert!(server.seen().iter().all(|seen| seen.line.starts_with("CONNECT ")));
        assert_eq!(server.count("canary-client-secret"), 0);
    }
}

#[test]
fn a_proxy_that_is_not_there_or_says_nothing_is_told_as_not_delivered() {
    let nobody = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let silent = BadServer::new(|_, _, _| {
        thread::sleep(Duration::from_secs(1));
        false
    });
    for origin in [format!("http://{nobody}"), silent.origin()] {
        let proxy = Proxy::new(&origin).unwrap();
        for client in Client::both(Some(&proxy)) {
            let error = client.fail(&app_in(Region::china()), user());
            assert_eq!(error.kind(), &ErrorKind::Unreachable, "{client:?}: {error:?}");
        }
    }
}

#[test]
fn a_token_answer_of_any_shape_is_a_clear_error_that_quotes_nothing() {
    for text in [
        "",
        "{",
        "canary",
        "{}",
        r#"{"accessToken":null,"expireIn":7200}"#,
        r#"{"accessToken":"","expireIn":7200}"#,
        r#"{"accessToken":["canary"],"expireIn":7200}"#,
        r#"{"accessToken":{"canary":1}}"#,
        r#"{"accessToken":"canary\r\nx: y","expireIn":7200}"#,
    ] {
        let server = BadServer::new(move |_, request, stream| {
            if request.line.contains("accessToken") {
                return answer(stream, 200, text);
            }
            ok_json(stream)
        });
        for client in Client::both(None) {
            let Err(error) = client.call(&app_in(server.region()), user()) else {
                panic!("{text}, {client:?}: taken for a token");
            };
            assert!(
                matches!(error.kind(), ErrorKind::Reply | ErrorKind::Invalid),
                "{text}, {client:?}: {error:?}"
            );
        }
    }
}

#[test]
fn a_token_with_an_odd_life_is_used_and_not_fetched_with_every_call() {
    for life in ["0", "-1", "\"7200\"", "null", "99999999999999", "1"] {
        let server = BadServer::new(move |_, request, stream| {
            if request.line.contains("accessToken") {
                let text = format!(r#"{{"accessToken":"canary-app-token","expireIn":{life}}}"#);
                return answer(stream, 200, &text);
            }
            ok_json(stream)
        });
        for (client, so_far) in Client::both(None).iter().zip(1..) {
            let app = app_in(server.region());
            for _ in 0..5 {
                client.call(&app, user()).unwrap();
            }
            assert_eq!(server.count("accessToken"), so_far, "{life}, {client:?}");
        }
    }
}
