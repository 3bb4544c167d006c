//! The server over TLS and on other addresses than the usual one, with requests written by hand.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use dingtalk_sandbox::{BadTls, Fault, Sandbox};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion,
};

use crate::support::builder;

/// Long enough for a loaded machine, short enough to fail.
const PATIENCE: Duration = Duration::from_secs(20);

type Stream = StreamOwned<ClientConnection, TcpStream>;

fn started() -> Sandbox {
    builder().https().start().expect("a loopback port is free")
}

fn address(sandbox: &Sandbox) -> SocketAddr {
    let origin = sandbox.origin();
    let (_, address) = origin.split_once("://").expect("an origin has a scheme");
    address.parse().expect("the origin is an address")
}

fn tcp(sandbox: &Sandbox) -> TcpStream {
    let stream = TcpStream::connect(address(sandbox)).expect("the server listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time limit can be set");
    stream
}

/// A connection that calls the server by this name, as with a resolver that makes the name point here.
fn tls(sandbox: &Sandbox, name: &str, versions: &[&'static SupportedProtocolVersion]) -> Stream {
    speaking(sandbox, name, versions, b"http/1.1")
}

fn speaking(
    sandbox: &Sandbox,
    name: &str,
    versions: &[&'static SupportedProtocolVersion],
    protocol: &[u8],
) -> Stream {
    let mut roots = RootCertStore::empty();
    let pem = sandbox.ca_certificate().expect("it serves HTTPS");
    let ca = CertificateDer::from_pem_slice(pem.as_bytes()).expect("it is PEM");
    roots.add(ca).expect("it is an authority's");
    let mut config =
        ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_protocol_versions(versions)
            .expect("rustls knows them")
            .with_root_certificates(roots)
            .with_no_client_auth();
    config.alpn_protocols = vec![protocol.to_vec()];
    let name = ServerName::try_from(name.to_owned()).expect("it is a name");
    let session = ClientConnection::new(Arc::new(config), name).expect("a client");
    StreamOwned::new(session, tcp(sandbox))
}

/// Sends one request and reads until the connection ends.
fn ask(
    stream: &mut (impl Read + Write),
    line: &str,
    headers: &[String],
) -> (String, Option<ErrorKind>) {
    let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    let request = format!("{line} HTTP/1.1\r\n{headers}Connection: close\r\n\r\n");
    let mut bytes = Vec::new();
    let end = stream.write_all(request.as_bytes()).and_then(|()| stream.read_to_end(&mut bytes));
    (String::from_utf8_lossy(&bytes).into_owned(), end.err().map(|error| error.kind()))
}

fn get_token(sandbox: &Sandbox) -> String {
    let demo = sandbox.demo();
    format!("GET /gettoken?appkey={}&appsecret={}", demo.client_id, demo.client_secret)
}

#[test]
fn tls_1_2_and_1_3_are_served_and_nothing_older() {
    let sandbox = started();
    for version in [&TLS12, &TLS13] {
        let mut stream = tls(&sandbox, "127.0.0.1", &[version]);
        let (answer, end) = ask(&mut stream, &get_token(&sandbox), &["Host: localhost".into()]);
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("access_token"), "{answer}");
        assert_eq!(end, None, "the connection is ended as TLS wants it");
        assert_eq!(stream.conn.protocol_version(), Some(version.version));
        assert_eq!(stream.conn.alpn_protocol(), Some(&b"http/1.1"[..]));
    }
}

/// One GET in HTTP/2 (RFC 9113), and what comes back until there is this text or the connection ends.
fn ask_in_h2(
    sandbox: &Sandbox,
    path: &str,
    authority: &str,
    until: &str,
) -> (String, Option<ErrorKind>) {
    let mut stream = speaking(sandbox, "localhost", &[&TLS13], b"h2");
    let literal = |name: u8, value: &str| {
        let length = u8::try_from(value.len()).expect("short enough");
        assert!(length < 127, "one byte says how long it is");
        [&[name, length], value.as_bytes()].concat()
    };
    // From the static table: GET, https; then :path and :authority with a value of their own.
    let head = [&[0x82, 0x87][..], &literal(4, path), &literal(1, authority)].concat();
    let length = u8::try_from(head.len()).expect("short enough");
    let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    let headers = [&[0, 0, length, 1, 5, 0, 0, 0, 1], head.as_slice()].concat();
    let request = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &settings[..], &headers].concat();
    let mut seen = Vec::new();
    let mut part = [0; 4096];
    let mut end = stream.write_all(&request).and_then(|()| stream.flush()).err();
    while end.is_none() {
        match stream.read(&mut part) {
            Ok(0) => break,
            Ok(count) => seen.extend_from_slice(&part[..count]),
            Err(error) => end = Some(error),
        }
        if String::from_utf8_lossy(&seen).contains(until) {
            break;
        }
    }
    assert_eq!(stream.conn.alpn_protocol(), Some(&b"h2"[..]));
    (String::from_utf8_lossy(&seen).into_owned(), end.map(|error| error.kind()))
}

#[test]
fn http_2_is_served_where_the_client_offers_it_and_ends_with_the_same_faults() {
    let sandbox = started();
    let (answer, _) = ask_in_h2(&sandbox, "/gettoken", "oapi.dingtalk.io", "}");
    assert!(answer.contains("40035"), "{answer}");
    let (answer, _) = ask_in_h2(&sandbox, "/gettoken", "api.dingtalk.com", "}");
    assert!(answer.contains("\"errcode\":404"), "the host is known without a Host: {answer}");
    let _ = sandbox.fault(Fault::on("GET /gettoken").nth(1).close());
    let _ = sandbox.fault(Fault::on("GET /gettoken").nth(1).reset());
    let (closed, end) = ask_in_h2(&sandbox, "/gettoken", "x", "errcode");
    assert!(!closed.contains("errcode"));
    assert_eq!(end, Some(ErrorKind::UnexpectedEof), "the connection, and not only the stream");
    assert_eq!(
        ask_in_h2(&sandbox, "/gettoken", "x", "errcode").1,
        Some(ErrorKind::ConnectionReset)
    );
    let _ = sandbox.fault(Fault::on("GET /gettoken").nth(1).raw("HTTP/1.1 200 OK\r\n\r\n"));
    let (raw, end) = ask_in_h2(&sandbox, "/gettoken", "x", "HTTP/1.1");
    assert!(!raw.contains("HTTP/1.1") && end == Some(ErrorKind::UnexpectedEof), "{raw}");
    let _ = sandbox.fault(Fault::on("GET /gettoken").nth(1).close_after_answer());
    let (answer, _) = ask_in_h2(&sandbox, "/gettoken", "x", "errcode");
    assert!(answer.contains("errcode"), "what happens behind an answer does not happen here");
    let port = address(&sandbox).port();
    for (authority, status) in
        [(format!("localhost:{port}"), "missing_token"), ("x".into(), "foreign_host")]
    {
        let (answer, _) = ask_in_h2(&sandbox, "/_sandbox/v1/clock", &authority, "}");
        assert!(answer.contains(status), "{authority}: {answer}");
    }
}

#[test]
fn a_client_that_is_pointed_here_by_its_resolver_is_served_under_the_platforms_names() {
    let sandbox = started();
    for name in ["oapi.dingtalk.com", "login.dingtalk.com", "n.dingtalk.com", "api.dingtalk.io"] {
        let mut stream = tls(&sandbox, name, &[&TLS13]);
        let (answer, _) = ask(&mut stream, "GET /gettoken", &[format!("Host: {name}")]);
        assert!(answer.starts_with("HTTP/1.1 "), "{name}: {answer}");
    }
    let mut oapi = tls(&sandbox, "oapi.dingtalk.com", &[&TLS13]);
    let host = "Host: oapi.dingtalk.com".to_owned();
    assert!(
        ask(&mut oapi, &get_token(&sandbox), std::slice::from_ref(&host))
            .0
            .contains("\"errcode\":0")
    );
    let mut api = tls(&sandbox, "api.dingtalk.com", &[&TLS13]);
    let host = "Host: api.dingtalk.com".to_owned();
    assert!(
        ask(&mut api, &get_token(&sandbox), std::slice::from_ref(&host))
            .0
            .contains("\"errcode\":404")
    );
    let entries = sandbox.journal().entries();
    let hosts: Vec<&str> = entries.iter().filter_map(|entry| entry.host.as_deref()).collect();
    assert_eq!(hosts[4..], ["oapi.dingtalk.com", "api.dingtalk.com"]);
    let mut elsewhere = tls(&sandbox, "www.dingtalk.com", &[&TLS13]);
    assert_eq!(ask(&mut elsewhere, "GET /gettoken", &[]).1, Some(ErrorKind::InvalidData));
}

#[test]
fn the_platforms_hosts_do_not_serve_the_control_api_under_https_either() {
    let sandbox = started();
    let port = address(&sandbox).port();
    let token = format!("Authorization: Bearer {}", sandbox.control_token());
    for (host, status) in [
        (format!("127.0.0.1:{port}"), "200"),
        (format!("localhost:{port}"), "200"),
        (format!("api.dingtalk.com:{port}"), "421"),
        ("api.dingtalk.com".to_owned(), "421"),
        ("localhost".to_owned(), "421"),
    ] {
        let mut stream = tls(&sandbox, "localhost", &[&TLS13]);
        let headers = [format!("Host: {host}"), token.clone()];
        let (answer, _) = ask(&mut stream, "GET /_sandbox/v1/clock", &headers);
        assert_eq!(&answer[9..12], status, "{host}");
    }
    let mut stream = tls(&sandbox, "localhost", &[&TLS13]);
    let headers = [format!("Host: localhost:{port}"), token];
    let line = "GET /api.dingtalk.com/_sandbox/v1/clock";
    assert!(ask(&mut stream, line, &headers).0.contains("\"errcode\":404"));
}

#[test]
fn socket_faults_happen_below_tls() {
    let sandbox = started();
    let _ = sandbox.fault(Fault::on("GET /gettoken").nth(1).reset());
    let _ = sandbox.fault(Fault::on("GET /gettoken").nth(1).truncate_body(10));
    let host = ["Host: localhost".to_owned()];
    let mut stream = tls(&sandbox, "localhost", &[&TLS13]);
    let reset = ask(&mut stream, "GET /gettoken", &host);
    assert_eq!(reset, (String::new(), Some(ErrorKind::ConnectionReset)));
    let mut stream = tls(&sandbox, "localhost", &[&TLS13]);
    let (answer, _) = ask(&mut stream, "GET /gettoken", &host);
    assert!(answer.ends_with("\r\n\r\n{\"errcode\""), "{answer}");
}

#[test]
fn what_is_no_tls_gets_nothing_and_does_not_hurt_the_next_caller() {
    let sandbox = started();
    for junk in [&b"GET /gettoken HTTP/1.1\r\nHost: x\r\n\r\n"[..], b"\x16\x03\x01\xff\xff", b""] {
        let mut stream = tcp(&sandbox);
        let _ = stream.write_all(junk);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        assert!(!bytes.starts_with(b"HTTP"));
    }
    assert_eq!(sandbox.journal().total(), 0);
    let mut stream = tls(&sandbox, "localhost", &[&TLS13]);
    assert!(ask(&mut stream, "GET /gettoken", &["Host: x".into()]).0.contains("40035"));
}

#[test]
fn a_cut_handshake_has_begun_and_an_old_version_is_tls_1_0() {
    let hello = |bad: BadTls| {
        let sandbox = builder().bad_tls(bad).start().expect("a loopback port is free");
        let mut stream = tls(&sandbox, "localhost", &[&TLS13, &TLS12]);
        let mut first = Vec::new();
        stream.conn.write_tls(&mut stream.sock).unwrap();
        stream.sock.shutdown(std::net::Shutdown::Write).unwrap();
        stream.sock.read_to_end(&mut first).unwrap();
        first
    };
    let cut = hello(BadTls::Cut);
    assert!(cut.len() > 100 && cut.starts_with(&[0x16, 3, 3]), "a ServerHello and more");
    let old = hello(BadTls::OldVersion);
    assert_eq!(old[..11], [0x16, 3, 1, 0, 42, 2, 0, 0, 38, 3, 1]);
}

#[test]
fn the_server_can_listen_on_ipv6_and_on_every_address() {
    if std::net::TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok() {
        let six = builder().bind(IpAddr::V6(Ipv6Addr::LOCALHOST)).start().unwrap();
        assert!(six.origin().starts_with("http://[::1]:"), "{}", six.origin());
        let host = format!("Host: {}", address(&six));
        let token = format!("Authorization: Bearer {}", six.control_token());
        let (answer, _) = ask(&mut tcp(&six), "GET /_sandbox/v1/clock", &[host, token]);
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    let all = builder().bind(IpAddr::V4(Ipv4Addr::UNSPECIFIED)).start().unwrap();
    assert!(all.origin().starts_with("http://127.0.0.1:"), "{}", all.origin());
    assert!(ask(&mut tcp(&all), "GET /gettoken", &["Host: x".into()]).0.contains("40035"));
    let not_ours = builder().bind(IpAddr::from([192, 0, 2, 1])).start();
    assert_eq!(not_ours.expect_err("192.0.2.1 is nobody's").kind(), ErrorKind::AddrNotAvailable);
}

#[test]
fn a_stopped_server_is_gone_for_all_handles_and_its_state_stays() {
    let sandbox = started();
    let clone = sandbox.clone();
    let at = address(&sandbox);
    let mut open = tls(&sandbox, "localhost", &[&TLS13]);
    open.write_all(b"GET ").unwrap();
    clone.stop();
    clone.stop();
    assert!(TcpStream::connect(at).is_err() && open.read_to_end(&mut Vec::new()).is_err());
    let request = http::Request::get("/gettoken").body(Vec::new()).unwrap();
    assert_eq!(sandbox.handle(request).status(), 200);
    assert_eq!(sandbox.count("GET /gettoken"), 1);
}
