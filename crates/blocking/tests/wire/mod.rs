//! What every transport must hold on the wire, written once and run over both clients against
//! servers that do exactly one thing each.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use dingtalk_core::{Fault, Limits, Proxy, ProxyRules, Reply, Request, TransportError};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// Carries a request and waits for its reply.
pub(crate) type Carry = Arc<dyn Fn(Request) -> Reply + Send + Sync>;

/// Makes a transport under test from an extra CA and proxy rules.
pub(crate) type Make = fn(Setup) -> Carry;

#[derive(Default)]
pub(crate) struct Setup {
    pub(crate) extra_ca: Option<String>,
    pub(crate) rules: ProxyRules,
    pub(crate) product: Option<String>,
}

/// Every case, as a test each.
macro_rules! cases {
    ($($name:ident)*) => {
        macro_rules! wire_cases {
            ($make:path) => { $( #[test] fn $name() { wire::$name($make); } )* };
        }
    };
}

cases! {
    a_redirect_is_an_answer
    errors_are_answers_with_their_bodies
    an_empty_body_is_no_body
    a_body_goes_out_whole_and_the_answer_comes_back_whole
    head_and_body_go_out_together
    a_request_goes_out_as_it_is
    answers_without_a_body
    an_interim_answer_is_passed_over
    a_hang_ends_in_time
    a_drip_ends_in_time
    a_drip_of_headers_ends_in_time
    a_reset_anywhere_is_lost
    an_end_anywhere_is_lost
    a_reset_of_a_body_without_length_is_lost
    an_endless_body_stops_at_the_cap
    a_lying_length_does_not_pass_the_cap
    a_body_of_exactly_the_cap_passes
    endless_headers_stop
    garbage_is_lost
    refused_is_not_sent
    an_unknown_host_is_not_sent
    a_silent_connect_is_not_sent
    plain_http_stays_on_loopback
    localhost_is_this_machine
    an_unknown_authority_is_refused
    an_extra_authority_is_trusted
    an_extra_authority_vouches_for_its_names_only
    an_expired_certificate_is_refused
    a_server_that_speaks_no_tls_is_not_sent
    a_handshake_that_hangs_is_not_sent
    a_proxy_tunnels
    a_proxy_that_refuses_is_not_sent
    a_proxy_that_hangs_is_not_sent
    exceptions_go_past_the_proxy
    connections_are_reused
    idle_connections_that_died_are_replaced
    hundreds_of_calls_share_few_connections
    a_very_long_url_arrives
    limits_without_end_are_limits
}

pub(crate) fn a_redirect_is_an_answer(make: Make) {
    let other = Server::new(|mut s| {
        read_request(&mut s);
        reply(&mut s, 200, "followed");
    });
    let location = format!("http://{}/canary", other.at);
    let server = Server::new(move |mut s| {
        read_request(&mut s);
        let head =
            format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 4\r\n\r\n");
        s.write_all(head.as_bytes()).unwrap();
        s.write_all(b"gone").unwrap();
    });
    let answer = make(Setup::default())(get(&server, "/")).unwrap();
    assert_eq!((answer.status(), answer.body()), (302, &b"gone"[..]));
    assert_eq!(other.accepted(), 0);
}

pub(crate) fn errors_are_answers_with_their_bodies(make: Make) {
    let carry = make(Setup::default());
    for status in [400, 401, 403, 404, 429, 500, 503] {
        let server = Server::new(move |mut s| {
            read_request(&mut s);
            reply(&mut s, status, r#"{"code":"x"}"#);
        });
        let answer = carry(post(&server, "/", "{}")).unwrap();
        assert_eq!((answer.status(), answer.body()), (status, &br#"{"code":"x"}"#[..]));
    }
}

pub(crate) fn an_empty_body_is_no_body(make: Make) {
    let carry = make(Setup::default());
    for method in ["GET", "DELETE", "POST", "PUT"] {
        let (server, seen) = Server::recording();
        carry(request(method, &format!("http://{}/x", server.at), "", limits(2_000))).unwrap();
        let seen = seen.lock().unwrap()[0].clone();
        let head = seen.to_ascii_lowercase();
        assert!(!head.contains("transfer-encoding"), "{head}");
        let length = head.contains("content-length: 0\r\n");
        assert_eq!(length, matches!(method, "POST" | "PUT"), "{method}: {head}");
        assert!(head.ends_with("\r\n\r\n"), "no content: {head}");
    }
}

pub(crate) fn a_body_goes_out_whole_and_the_answer_comes_back_whole(make: Make) {
    let carry = make(Setup::default());
    for size in [1, 1_200, 300_000] {
        let (server, seen) = Server::recording();
        let body = "x".repeat(size);
        let answer = carry(post(&server, "/a?b=c", &body)).unwrap();
        let seen = seen.lock().unwrap()[0].clone();
        assert!(seen.starts_with("POST /a?b=c HTTP/1.1\r\n"));
        assert!(seen.to_ascii_lowercase().contains(&format!("content-length: {size}\r\n")));
        assert!(seen.ends_with(&format!("\r\n\r\n{body}")));
        assert_eq!(answer.body(), b"recorded");
    }
    for chunks in [vec!["one"], vec!["one", "two", "three"], vec![]] {
        let whole = chunks.concat();
        let server = Server::new(move |mut s| {
            read_request(&mut s);
            s.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap();
            for chunk in &chunks {
                s.write_all(format!("{:x}\r\n{chunk}\r\n", chunk.len()).as_bytes()).unwrap();
                thread::sleep(Duration::from_millis(5));
            }
            s.write_all(b"0\r\n\r\n").unwrap();
        });
        assert_eq!(carry(get(&server, "/")).unwrap().body(), whole.as_bytes());
    }
}

pub(crate) fn head_and_body_go_out_together(make: Make) {
    let carry = make(Setup::default());
    let server = Server::new(|mut s| {
        let mut first = [0; 4096];
        loop {
            let len = s.read(&mut first).unwrap_or(0);
            if len == 0 {
                return;
            }
            let whole = first[..len].ends_with(b"\r\n\r\n{\"a\":1}");
            reply(&mut s, 200, if whole { "together" } else { "apart" });
        }
    });
    for _ in 0..20 {
        assert_eq!(carry(post(&server, "/", r#"{"a":1}"#)).unwrap().body(), b"together");
    }
}

pub(crate) fn a_request_goes_out_as_it_is(make: Make) {
    let (server, seen) = Server::recording();
    let carry = make(Setup { product: Some("payroll/2.1".into()), ..Setup::default() });
    let http = http::Request::builder()
        .method("POST")
        .uri(format!("http://{}/v1.0/x%2Fy?access_token=a%26b", server.at))
        .header("x-acs-dingtalk-access-token", "token-1")
        .header("content-type", "application/json")
        .body(b"{}".to_vec())
        .unwrap();
    carry(Request::new(http, "POST /v1.0/x", limits(2_000))).unwrap();
    let seen = seen.lock().unwrap()[0].clone();
    let head = seen.to_ascii_lowercase();
    assert!(seen.starts_with("POST /v1.0/x%2Fy?access_token=a%26b HTTP/1.1\r\n"), "{seen}");
    for line in [
        &format!("host: {}", server.at),
        "x-acs-dingtalk-access-token: token-1",
        "content-type: application/json",
        "content-length: 2",
        "user-agent: payroll/2.1 dingtalk-rust/",
    ] {
        assert_eq!(head.matches(&format!("\r\n{line}")).count(), 1, "{line}: {head}");
    }
    assert!(!head.contains("accept-encoding"), "nothing is decompressed: {head}");
    assert!(!head.contains("cookie") && !head.contains("referer"), "{head}");
}

pub(crate) fn answers_without_a_body(make: Make) {
    let carry = make(Setup::default());
    for status in [204, 304] {
        let server = Server::new(move |mut s| {
            while read_request(&mut s).is_some() {
                s.write_all(format!("HTTP/1.1 {status} X\r\n\r\n").as_bytes()).unwrap();
            }
        });
        for _ in 0..2 {
            let answer = carry(get(&server, "/")).unwrap();
            assert_eq!((answer.status(), answer.body()), (status, &b""[..]));
        }
        server.was_pooled(1, 2);
    }
}

pub(crate) fn an_interim_answer_is_passed_over(make: Make) {
    let server = Server::new(|mut s| {
        read_request(&mut s);
        s.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").unwrap();
        reply(&mut s, 200, "final");
    });
    assert_eq!(make(Setup::default())(get(&server, "/")).unwrap().body(), b"final");
}

pub(crate) fn a_hang_ends_in_time(make: Make) {
    let server = Server::new(|mut s| {
        read_request(&mut s);
        wait_for_end(&mut s);
    });
    let error = timed(200, || make(Setup::default())(post_within(&server, 200)));
    assert_eq!(error.fault(), Fault::TimedOut);
    no_canary(&error);
}

pub(crate) fn a_drip_ends_in_time(make: Make) {
    let server = Server::new(|mut s| {
        read_request(&mut s);
        s.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n").unwrap();
        while s.write_all(b"x").is_ok() {
            thread::sleep(Duration::from_millis(20));
        }
    });
    let error = timed(200, || make(Setup::default())(post_within(&server, 200)));
    assert_eq!(error.fault(), Fault::TimedOut);
}

pub(crate) fn a_drip_of_headers_ends_in_time(make: Make) {
    let server = Server::new(|mut s| {
        read_request(&mut s);
        s.write_all(b"HTTP/1.1 200 OK\r\nx-drip: ").unwrap();
        while s.write_all(b"x").is_ok() {
            thread::sleep(Duration::from_millis(20));
        }
    });
    let error = timed(200, || make(Setup::default())(post_within(&server, 200)));
    assert_eq!(error.fault(), Fault::TimedOut);
}

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789";

pub(crate) fn a_reset_anywhere_is_lost(make: Make) {
    let carry = make(Setup::default());
    for at in (0..ANSWER.len()).step_by(7).chain([ANSWER.len() - 1]) {
        let server = Server::new(move |mut s| {
            // What is left unread turns the close into a reset.
            let mut first = [0; 8];
            s.read_exact(&mut first).unwrap();
            s.write_all(&ANSWER[..at]).unwrap();
            thread::sleep(Duration::from_millis(5));
        });
        let error = carry(post_within(&server, 2_000)).unwrap_err();
        assert_eq!(error.fault(), Fault::Lost, "at byte {at}: {error}");
        no_canary(&error);
    }
}

pub(crate) fn an_end_anywhere_is_lost(make: Make) {
    let carry = make(Setup::default());
    for at in (0..ANSWER.len()).step_by(5).chain([ANSWER.len() - 1]) {
        let server = Server::new(move |mut s| {
            read_request(&mut s);
            s.write_all(&ANSWER[..at]).unwrap();
        });
        let error = carry(post_within(&server, 2_000)).unwrap_err();
        assert_eq!(error.fault(), Fault::Lost, "at byte {at}: {error}");
    }
}

pub(crate) fn a_reset_of_a_body_without_length_is_lost(make: Make) {
    let server = Server::new(|mut s| {
        let mut first = [0; 8];
        s.read_exact(&mut first).unwrap();
        s.write_all(b"HTTP/1.1 200 OK\r\n\r\n{\"half\":").unwrap();
        thread::sleep(Duration::from_millis(20));
    });
    let error = make(Setup::default())(post_within(&server, 2_000)).unwrap_err();
    assert_eq!(error.fault(), Fault::Lost, "{error}");
}

pub(crate) fn an_endless_body_stops_at_the_cap(make: Make) {
    let server = Server::new(|mut s| {
        read_request(&mut s);
        s.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap();
        let chunk = [b"10000\r\n".to_vec(), vec![b'x'; 1 << 16], b"\r\n".to_vec()].concat();
        for _ in 0..(1 << 14) {
            if s.write_all(&chunk).is_err() {
                return;
            }
        }
    });
    let start = Instant::now();
    let error = make(Setup::default())(post_within(&server, 10_000)).unwrap_err();
    assert_eq!(error.fault(), Fault::TooLarge, "{error}");
    assert!(start.elapsed() < Duration::from_secs(2));
}

pub(crate) fn a_lying_length_does_not_pass_the_cap(make: Make) {
    let server = Server::new(|mut s| {
        read_request(&mut s);
        s.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n").unwrap();
        while s.write_all(&[b'x'; 1 << 16]).is_ok() {}
    });
    let error = make(Setup::default())(post_within(&server, 10_000)).unwrap_err();
    assert_eq!(error.fault(), Fault::TooLarge, "{error}");
}

pub(crate) fn a_body_of_exactly_the_cap_passes(make: Make) {
    let carry = make(Setup::default());
    for (size, passes) in [(1 << 16, true), ((1 << 16) + 1, false)] {
        for chunked in [false, true] {
            let server = Server::new(move |mut s| {
                read_request(&mut s);
                let body = "x".repeat(size);
                if chunked {
                    s.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap();
                    let _ = s.write_all(format!("{size:x}\r\n{body}\r\n0\r\n\r\n").as_bytes());
                } else {
                    reply(&mut s, 200, &body);
                }
            });
            match carry(post_within(&server, 2_000)) {
                Ok(answer) => assert!(passes && answer.body().len() == size),
                Err(error) => assert!(!passes && error.fault() == Fault::TooLarge, "{error}"),
            }
        }
    }
}

pub(crate) fn endless_headers_stop(make: Make) {
    let server = Server::new(|mut s| {
        read_request(&mut s);
        s.write_all(b"HTTP/1.1 200 OK\r\nx: ").unwrap();
        while s.write_all(&[b'x'; 1 << 14]).is_ok() {}
    });
    let start = Instant::now();
    let error = make(Setup::default())(post_within(&server, 10_000)).unwrap_err();
    assert_eq!(error.fault(), Fault::TooLarge, "{error}");
    assert!(start.elapsed() < Duration::from_secs(2));
}

pub(crate) fn garbage_is_lost(make: Make) {
    let carry = make(Setup::default());
    for garbage in ["SSH-2.0-OpenSSH\r\n\r\n", "HTTP/1.1 canary\r\n\r\n", "\0\0\0\0\r\n\r\n"] {
        let server = Server::new(move |mut s| {
            read_request(&mut s);
            s.write_all(garbage.as_bytes()).unwrap();
        });
        let error = carry(post_within(&server, 2_000)).unwrap_err();
        assert_eq!(error.fault(), Fault::Lost, "{garbage:?}: {error}");
        no_canary(&error);
    }
    let server = Server::new(|mut s| {
        read_request(&mut s);
        s.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n").unwrap();
    });
    assert_eq!(carry(get(&server, "/")).unwrap_err().fault(), Fault::Lost);
}

pub(crate) fn refused_is_not_sent(make: Make) {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for scheme in ["http", "https"] {
        let url = format!("{scheme}://{free}/?access_token=canary");
        let error = make(Setup::default())(request("POST", &url, "{}", limits(2_000))).unwrap_err();
        assert_eq!(error.fault(), Fault::NotSent);
        assert!(error.detail().contains("refused"), "{error}");
        no_canary(&error);
    }
}

pub(crate) fn an_unknown_host_is_not_sent(make: Make) {
    let url = "https://no-such-host.invalid/?access_token=canary";
    let error = make(Setup::default())(request("GET", url, "", limits(5_000))).unwrap_err();
    assert_eq!(error.fault(), Fault::NotSent, "{error}");
    no_canary(&error);
}

/// A full accept queue: the system answers no further connect.
pub(crate) fn a_silent_connect_is_not_sent(make: Make) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    let mut held = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&at, Duration::from_millis(20)) {
        held.push(stream);
        if held.len() > 5_000 {
            return;
        }
    }
    let url = format!("http://{at}/");
    let limits = Limits::new(Duration::from_millis(100), Duration::from_secs(10), 1 << 16);
    let error = timed(100, || make(Setup::default())(request("POST", &url, "{}", limits)));
    assert_eq!(error.fault(), Fault::NotSent, "{error}");
    // The whole time may end first, and still nothing was sent.
    let limits = Limits::new(Duration::from_secs(10), Duration::from_millis(100), 1 << 16);
    let error = timed(100, || make(Setup::default())(request("POST", &url, "{}", limits)));
    assert_eq!(error.fault(), Fault::NotSent, "{error}");
}

pub(crate) fn plain_http_stays_on_loopback(make: Make) {
    let carry = make(Setup::default());
    for url in ["http://api.dingtalk.com/", "http://192.0.2.1/", "http://127.0.0.1.example.com/"] {
        let error = carry(request("POST", url, "canary", limits(2_000))).unwrap_err();
        assert_eq!(error.fault(), Fault::NotSent);
        assert!(error.detail().contains("loopback"), "{error}");
    }
    for url in ["ftp://127.0.0.1/", "/path/only"] {
        assert_eq!(
            carry(request("GET", url, "", limits(500))).unwrap_err().fault(),
            Fault::NotSent
        );
    }
}

pub(crate) fn localhost_is_this_machine(make: Make) {
    let (server, seen) = Server::recording();
    let carry = make(Setup::default());
    for host in ["localhost", "sandbox.localhost"] {
        let url = format!("http://{host}:{}/", server.at.port());
        assert_eq!(carry(request("GET", &url, "", limits(2_000))).unwrap().body(), b"recorded");
    }
    assert!(seen.lock().unwrap()[1].to_ascii_lowercase().contains("host: sandbox.localhost:"));
}

pub(crate) fn an_unknown_authority_is_refused(make: Make) {
    let ca = Ca::new();
    let server = tls_server(&ca, "localhost", Era::Now);
    let other = Ca::new();
    for extra_ca in [None, Some(other.pem())] {
        let carry = make(Setup { extra_ca, ..Setup::default() });
        let error = carry(https(&server, "localhost")).unwrap_err();
        assert_eq!(error.fault(), Fault::NotSent);
        assert!(error.detail().contains("certificate"), "{error}");
        no_canary(&error);
    }
}

pub(crate) fn an_extra_authority_is_trusted(make: Make) {
    let ca = Ca::new();
    let server = tls_server(&ca, "localhost", Era::Now);
    let carry = make(Setup { extra_ca: Some(ca.pem()), ..Setup::default() });
    for _ in 0..3 {
        let answer = carry(https(&server, "localhost")).unwrap();
        assert_eq!(answer.body(), b"POST /?access_token=canary HTTP/1.1");
    }
    server.was_pooled(1, 3);
}

pub(crate) fn an_extra_authority_vouches_for_its_names_only(make: Make) {
    let ca = Ca::new();
    let server = tls_server(&ca, "other.example.com", Era::Now);
    let carry = make(Setup { extra_ca: Some(ca.pem()), ..Setup::default() });
    let error = carry(https(&server, "localhost")).unwrap_err();
    assert_eq!(error.fault(), Fault::NotSent);
    assert!(error.detail().contains("another name"), "{error}");
}

pub(crate) fn an_expired_certificate_is_refused(make: Make) {
    let ca = Ca::new();
    let carry = make(Setup { extra_ca: Some(ca.pem()), ..Setup::default() });
    for (era, word) in [(Era::Past, "expired"), (Era::Future, "not valid yet")] {
        let server = tls_server(&ca, "localhost", era);
        let error = carry(https(&server, "localhost")).unwrap_err();
        assert_eq!(error.fault(), Fault::NotSent);
        assert!(error.detail().contains(word), "{error}");
    }
}

pub(crate) fn a_server_that_speaks_no_tls_is_not_sent(make: Make) {
    let server = Server::new(|mut s| {
        let _ = s.read(&mut [0; 1024]);
        let _ = s.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    let error = make(Setup::default())(https(&server, "localhost")).unwrap_err();
    assert_eq!(error.fault(), Fault::NotSent);
    assert!(error.detail().contains("TLS"), "{error}");
    let server = Server::new(|mut s| {
        let _ = s.read(&mut [0; 16 << 10]);
    });
    let error = make(Setup::default())(https(&server, "localhost")).unwrap_err();
    assert_eq!(error.fault(), Fault::NotSent, "{error}");
}

pub(crate) fn a_handshake_that_hangs_is_not_sent(make: Make) {
    let server = Server::new(|mut s| wait_for_end(&mut s));
    let url = format!("https://localhost:{}/", server.at.port());
    let limits = Limits::new(Duration::from_millis(150), Duration::from_secs(10), 1 << 16);
    let error = timed(150, || make(Setup::default())(request("POST", &url, "{}", limits)));
    assert_eq!(error.fault(), Fault::NotSent, "{error}");
}

pub(crate) fn a_proxy_tunnels(make: Make) {
    let ca = Ca::new();
    let server = tls_server(&ca, "api.example.test", Era::Now);
    let proxy = proxy_to(server.at);
    let url = format!("http://canary%40user:canary-pw@{}", proxy.at);
    let carry = make(Setup {
        extra_ca: Some(ca.pem()),
        rules: ProxyRules::always(Proxy::new(&url).unwrap()),
        ..Setup::default()
    });
    for _ in 0..2 {
        let url = "https://api.example.test/?access_token=canary";
        let answer = carry(request("POST", url, "{}", limits(5_000))).unwrap();
        assert_eq!(answer.body(), b"POST /?access_token=canary HTTP/1.1");
    }
    proxy.was_pooled(1, 2);
    let tunnels = proxy.accepted();
    let seen = proxy.seen.lock().unwrap()[0].clone();
    assert!(seen.starts_with("CONNECT api.example.test:443 HTTP/1.1\r\n"), "{seen}");
    assert!(seen.contains("Proxy-Authorization: Basic Y2FuYXJ5QHVzZXI6Y2FuYXJ5LXB3\r\n"), "{seen}");
    assert!(seen.contains("User-Agent: dingtalk-rust/"), "{seen}");
    assert!(!seen.contains("access_token"), "a proxy sees host and port only: {seen}");

    // Plain http to loopback never goes there.
    let (plain, _) = Server::recording();
    assert_eq!(carry(get(&plain, "/")).unwrap().body(), b"recorded");
    assert_eq!(proxy.accepted(), tunnels);
}

pub(crate) fn a_proxy_that_refuses_is_not_sent(make: Make) {
    for (answer, word) in [
        ("HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n", "407"),
        ("HTTP/1.1 403 canary\r\n\r\n", "403"),
        ("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 6\r\n\r\ncanary", "502"),
        ("SOCKS canary\r\n\r\n", "not HTTP"),
        ("", "proxy"),
    ] {
        let proxy = Server::new(move |mut s| {
            read_request(&mut s);
            s.write_all(answer.as_bytes()).unwrap();
        });
        let error = through(make, proxy.at, limits(2_000)).unwrap_err();
        assert_eq!(error.fault(), Fault::NotSent);
        assert!(error.detail().contains(word), "{answer:?}: {error}");
        no_canary(&error);
    }
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = through(make, free, limits(2_000)).unwrap_err();
    assert_eq!(error.fault(), Fault::NotSent);
    assert!(error.detail().contains("proxy") && error.detail().contains("refused"), "{error}");
}

pub(crate) fn a_proxy_that_hangs_is_not_sent(make: Make) {
    let proxy = Server::new(|mut s| wait_for_end(&mut s));
    let limits = Limits::new(Duration::from_millis(150), Duration::from_secs(10), 1 << 16);
    let error = timed(150, || through(make, proxy.at, limits));
    assert_eq!(error.fault(), Fault::NotSent, "{error}");
}

pub(crate) fn exceptions_go_past_the_proxy(make: Make) {
    let ca = Ca::new();
    let server = tls_server(&ca, "localhost", Era::Now);
    let proxy = Proxy::new("http://127.0.0.1:1").unwrap();
    let named = |host: &'static str| {
        ProxyRules::from_vars(move |name| match name {
            "https_proxy" => Some("http://127.0.0.1:1".into()),
            "no_proxy" => Some(host.into()),
            _ => None,
        })
    };
    for (rules, reached) in [
        (ProxyRules::always(proxy.clone()).except("localhost"), true),
        (ProxyRules::always(proxy), false),
        // Loopback goes past a proxy that only the environment names.
        (named("").unwrap(), true),
    ] {
        let carry = make(Setup { extra_ca: Some(ca.pem()), rules, ..Setup::default() });
        assert_eq!(carry(https(&server, "localhost")).is_ok(), reached);
    }
}

pub(crate) fn connections_are_reused(make: Make) {
    const THREADS: usize = 16;
    let server = Server::new(|mut s| {
        while read_request(&mut s).is_some() {
            reply(&mut s, 200, "again");
        }
    });
    let carry = make(Setup::default());
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for _ in 0..20 {
                    assert_eq!(carry(post(&server, "/", "{}")).unwrap().body(), b"again");
                }
            });
        }
    });
    server.was_pooled(THREADS, THREADS * 20);
}

pub(crate) fn hundreds_of_calls_share_few_connections(make: Make) {
    let server = Server::new(|mut s| {
        while read_request(&mut s).is_some() {
            reply(&mut s, 200, "again");
        }
    });
    let carry = make(Setup::default());
    for _ in 0..300 {
        carry(get(&server, "/")).unwrap();
    }
    server.was_pooled(1, 300);
}

pub(crate) fn idle_connections_that_died_are_replaced(make: Make) {
    let server = Server::new(|mut s| {
        read_request(&mut s);
        reply(&mut s, 200, "once");
    });
    let carry = make(Setup::default());
    for _ in 0..5 {
        assert_eq!(carry(post(&server, "/", "{}")).unwrap().body(), b"once");
        // Long enough for the server's close to arrive.
        thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(server.accepted(), 5);
}

pub(crate) fn a_very_long_url_arrives(make: Make) {
    let (server, seen) = Server::recording();
    let path = format!("/{}?q=1", "x".repeat(60_000));
    make(Setup::default())(get(&server, &path)).unwrap();
    let seen = seen.lock().unwrap()[0].clone();
    assert!(seen.starts_with(&format!("GET {path} HTTP/1.1\r\n")));
    assert!(seen.to_ascii_lowercase().contains("\r\nhost: "));
}

pub(crate) fn limits_without_end_are_limits(make: Make) {
    let (server, _) = Server::recording();
    let url = format!("http://{}/", server.at);
    let endless = Limits::new(Duration::MAX, Duration::MAX, usize::MAX);
    let carry = make(Setup::default());
    assert_eq!(carry(request("GET", &url, "", endless)).unwrap().body(), b"recorded");
    let none = Limits::new(Duration::ZERO, Duration::ZERO, 0);
    assert!(carry(request("GET", &url, "", none)).is_err());
}

// Requests.

fn limits(total: u64) -> Limits {
    Limits::new(Duration::from_secs(5), Duration::from_millis(total), 1 << 20)
}

pub(crate) fn request(method: &str, url: &str, body: &str, limits: Limits) -> Request {
    let http = http::Request::builder()
        .method(method)
        .uri(url)
        .header("x-acs-dingtalk-access-token", "canary-header")
        .body(body.as_bytes().to_vec())
        .unwrap();
    Request::new(http, "TEST /", limits)
}

pub(crate) fn get(server: &Server, path: &str) -> Request {
    request("GET", &format!("http://{}{path}", server.at), "", limits(5_000))
}

fn post(server: &Server, path: &str, body: &str) -> Request {
    request("POST", &format!("http://{}{path}", server.at), body, limits(5_000))
}

/// One with a token in its URL, a small cap and a time limit.
fn post_within(server: &Server, millis: u64) -> Request {
    let url = format!("http://{}/topapi/x?access_token=canary-query", server.at);
    let limits = Limits::new(Duration::from_secs(5), Duration::from_millis(millis), 1 << 16);
    request("POST", &url, r#"{"secret":"canary-body"}"#, limits)
}

fn https(server: &Server, host: &str) -> Request {
    let url = format!("https://{host}:{}/?access_token=canary", server.at.port());
    request("POST", &url, "{}", limits(5_000))
}

fn through(make: Make, proxy: SocketAddr, limits: Limits) -> Reply {
    let proxy = Proxy::new(&format!("http://canary:canary@{proxy}")).unwrap();
    let carry = make(Setup { rules: ProxyRules::always(proxy), ..Setup::default() });
    carry(request("POST", "https://api.example.test/?access_token=canary", "{}", limits))
}

fn no_canary(error: &TransportError) {
    let text = format!("{error} {error:?} {error:#?}");
    assert!(!text.contains("canary") && !text.contains("access_token"), "{text}");
}

/// Takes the error, which must come after so many milliseconds and not much later.
fn timed(millis: u64, carry: impl FnOnce() -> Reply) -> TransportError {
    let start = Instant::now();
    let error = carry().unwrap_err();
    let took = start.elapsed();
    assert!(took >= Duration::from_millis(millis * 9 / 10), "{took:?}: {error}");
    assert!(took < Duration::from_millis(millis + 1_500), "{took:?}: {error}");
    error
}

// Servers.

/// Runs a function on every connection, each on a thread of its own.
pub(crate) struct Server {
    pub(crate) at: SocketAddr,
    accepted: Arc<AtomicUsize>,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub(crate) fn new(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> Self {
        Self::with_record(Arc::default(), serve)
    }

    /// One that answers `recorded` and keeps every request.
    pub(crate) fn recording() -> (Self, Arc<Mutex<Vec<String>>>) {
        let seen: Arc<Mutex<Vec<String>>> = Arc::default();
        let keep = Arc::clone(&seen);
        let server = Self::with_record(Arc::clone(&seen), move |mut s| {
            while let Some(request) = read_request(&mut s) {
                keep.lock().unwrap().push(request);
                reply(&mut s, 200, "recorded");
            }
        });
        (server, seen)
    }

    fn with_record(
        seen: Arc<Mutex<Vec<String>>>,
        serve: impl Fn(TcpStream) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        let accepted = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&accepted);
        let serve = Arc::new(serve);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                count.fetch_add(1, Ordering::SeqCst);
                stream.set_nodelay(true).unwrap();
                let serve = Arc::clone(&serve);
                thread::spawn(move || serve(stream));
            }
        });
        Self { at, accepted, seen }
    }

    pub(crate) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }

    /// Checks that `calls` calls, at most so many of them at once, shared their connections.
    fn was_pooled(&self, at_once: usize, calls: usize) {
        // hyper begins a spare connection while a used one is still on its way back.
        let spare = if crate::BEGINS_SPARES { at_once + 1 + calls / 10 } else { 0 };
        assert!(self.accepted() <= at_once + spare, "{} connections", self.accepted());
    }
}

/// Reads one request, body included; nothing at the end of the connection.
pub(crate) fn read_request(stream: &mut impl Read) -> Option<String> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 8192];
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
            if bytes.len() >= end + 4 + length.unwrap_or(0) {
                return Some(String::from_utf8_lossy(&bytes).into_owned());
            }
        }
        match stream.read(&mut chunk) {
            Ok(0) | Err(_) => return None,
            Ok(count) => bytes.extend(&chunk[..count]),
        }
    }
}

pub(crate) fn reply(stream: &mut impl Write, status: u16, body: &str) {
    let head = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n", body.len());
    let _ = stream.write_all([head.as_bytes(), body.as_bytes()].concat().as_slice());
}

fn wait_for_end(stream: &mut TcpStream) {
    while !matches!(stream.read(&mut [0; 1024]), Ok(0) | Err(_)) {}
}

/// A proxy that tunnels everything to one address.
fn proxy_to(target: SocketAddr) -> Server {
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let keep = Arc::clone(&seen);
    Server::with_record(seen, move |mut near| {
        keep.lock().unwrap().push(read_request(&mut near).unwrap());
        near.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").unwrap();
        let far = TcpStream::connect(target).unwrap();
        let (mut near2, mut far2) = (near.try_clone().unwrap(), far.try_clone().unwrap());
        thread::spawn(move || std::io::copy(&mut near2, &mut far2));
        let _ = std::io::copy(&mut &far, &mut &near);
    })
}

pub(crate) struct Ca {
    certificate: rcgen::Certificate,
    issuer: rcgen::Issuer<'static, rcgen::KeyPair>,
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Era {
    Past,
    Now,
    Future,
}

impl Ca {
    pub(crate) fn new() -> Self {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(vec![]).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap();
        Self { certificate, issuer: rcgen::Issuer::new(params, key) }
    }

    pub(crate) fn pem(&self) -> String {
        self.certificate.pem()
    }

    pub(crate) fn server(&self, name: &str, era: Era) -> Arc<ServerConfig> {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
        let (from, to) = match era {
            Era::Past => (2001, 2002),
            Era::Now => (2001, 2100),
            Era::Future => (2099, 2100),
        };
        params.not_before = rcgen::date_time_ymd(from, 1, 1);
        params.not_after = rcgen::date_time_ymd(to, 1, 1);
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
        let leaf = params.signed_by(&key, &self.issuer).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![CertificateDer::from(leaf.der().to_vec())],
                PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            )
            .unwrap();
        Arc::new(config)
    }
}

/// A server that answers with the request's first line.
pub(crate) fn tls_server(ca: &Ca, name: &str, era: Era) -> Server {
    let config = ca.server(name, era);
    Server::new(move |socket| {
        let session = ServerConnection::new(Arc::clone(&config)).unwrap();
        let mut stream = StreamOwned::new(session, socket);
        while let Some(request) = read_request(&mut stream) {
            reply(&mut stream, 200, request.lines().next().unwrap());
            if let Err(error) = stream.flush() {
                assert_ne!(error.kind(), ErrorKind::InvalidData);
            }
        }
    })
}
