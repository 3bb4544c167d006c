//! Nothing secret reaches a log, but for the one that the crate's documentation names.
#![allow(clippy::unwrap_used)]

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Mutex;

use dingtalk_blocking::HttpTransport;
use dingtalk_core::{Limits, Request, Transport};

static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Keep;

impl log::Log for Keep {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        // Dumps every byte of heads and answers at its lowest level.
        if record.level() == log::Level::Trace && record.target() == "ureq_proto::util" {
            return;
        }
        LINES.lock().unwrap().push(format!("{} {}", record.target(), record.args()));
    }

    fn flush(&self) {}
}

#[test]
fn no_level_shows_a_url_header_or_body() {
    log::set_logger(&Keep).unwrap();
    log::set_max_level(log::LevelFilter::Trace);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 4096]);
        let head = "HTTP/1.1 200 OK\r\nSet-Cookie: canary\r\nContent-Length: 6\r\n\r\n";
        stream.write_all(format!("{head}canary").as_bytes()).unwrap();
    });
    let http = http::Request::builder()
        .method("POST")
        .uri(format!("http://{at}/canary?access_token=canary"))
        .header("x-acs-dingtalk-access-token", "canary")
        .body(b"canary".to_vec())
        .unwrap();
    let transport = HttpTransport::builder().no_proxy().build().unwrap();
    transport.send(Request::new(http, "POST /x", Limits::default())).unwrap();
    let lines = LINES.lock().unwrap().join("\n");
    assert!(lines.contains("ureq"), "it logs at all: {lines}");
    assert!(!lines.contains("canary"), "{lines}");
}
