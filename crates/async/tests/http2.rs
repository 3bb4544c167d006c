//! What only the async transport can do: HTTP/2, and giving up.
#![allow(clippy::unwrap_used, dead_code, unused_macros)]

#[path = "../../blocking/tests/wire/mod.rs"]
mod wire;

use std::convert::Infallible;
use std::future::pending;
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use dingtalk_async::HttpTransport;
use dingtalk_core::{Fault, Limits, Transport};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use wire::{Ca, Era, Server, get, read_request, request};

const BEGINS_SPARES: bool = true;

/// An HTTP/2 server on loopback that answers with version and body, or never.
async fn http2_server(ca: &Ca) -> (u16, Arc<AtomicUsize>) {
    let mut config = (*ca.server("localhost", Era::Now)).clone();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let accepted = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&accepted);
    tokio::spawn(async move {
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            count.fetch_add(1, Ordering::SeqCst);
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let stream = acceptor.accept(socket).await.unwrap();
                let _ = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                    .serve_connection(TokioIo::new(stream), service_fn(answer))
                    .await;
            });
        }
    });
    (port, accepted)
}

async fn answer(
    request: hyper::Request<Incoming>,
) -> Result<hyper::Response<Full<Bytes>>, Infallible> {
    if request.uri().path() == "/hang" {
        pending::<()>().await;
    }
    let version = format!("{:?} ", request.version());
    let token = request.headers()["x-acs-dingtalk-access-token"].as_bytes().to_vec();
    let body = request.into_body().collect().await.unwrap().to_bytes();
    Ok(hyper::Response::new(Full::from([version.as_bytes(), &token, &body].concat())))
}

#[tokio::test]
async fn one_http2_connection_serves_many_calls_at_once() {
    let ca = Ca::new();
    let (port, accepted) = http2_server(&ca).await;
    let transport = HttpTransport::builder().no_proxy().extra_ca(ca.pem()).build().unwrap();
    let url = format!("https://localhost:{port}/x?access_token=1");
    let first = transport.send(request("POST", &url, "a", Limits::default())).await.unwrap();
    assert_eq!(first.body(), b"HTTP/2.0 canary-headera");
    let calls: Vec<_> = (0..50)
        .map(|_| tokio::spawn(transport.send(request("POST", &url, "b", Limits::default()))))
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap().body(), b"HTTP/2.0 canary-headerb");
    }
    assert_eq!(accepted.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_hanging_stream_ends_in_time_and_leaves_the_connection_to_others() {
    let ca = Ca::new();
    let (port, accepted) = http2_server(&ca).await;
    let transport = HttpTransport::builder().no_proxy().extra_ca(ca.pem()).build().unwrap();
    let limits = Limits::new(Duration::from_secs(5), Duration::from_millis(200), 1 << 20);
    let url = |path: &str| format!("https://localhost:{port}{path}?access_token=canary");
    let good = url("/x");
    transport.send(request("GET", &good, "", Limits::default())).await.unwrap();
    let error = transport.send(request("GET", &url("/hang"), "", limits)).await.unwrap_err();
    assert_eq!(error.fault(), Fault::TimedOut);
    assert!(!format!("{error:?}").contains("canary"));
    transport.send(request("GET", &good, "", limits)).await.unwrap();
    assert_eq!(accepted.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn dropping_the_future_closes_the_connection() {
    let (sender, receiver) = std::sync::mpsc::channel();
    let server = Server::new(move |mut s| {
        read_request(&mut s);
        sender.send("asked").unwrap();
        assert_eq!(s.read(&mut [0; 16]).unwrap_or(0), 0);
        sender.send("closed").unwrap();
    });
    let transport = HttpTransport::builder().no_proxy().build().unwrap();
    let call = tokio::spawn(transport.send(get(&server, "/")));
    let wait = move || receiver.recv_timeout(Duration::from_secs(5)).map(|word| (word, receiver));
    let (word, receiver) = tokio::task::spawn_blocking(wait).await.unwrap().unwrap();
    assert_eq!(word, "asked");
    call.abort();
    let wait = move || receiver.recv_timeout(Duration::from_secs(5));
    assert_eq!(tokio::task::spawn_blocking(wait).await.unwrap().unwrap(), "closed");
}

#[test]
fn a_pool_outlives_the_runtime_that_filled_it() {
    let server = Server::new(|mut s| {
        while read_request(&mut s).is_some() {
            wire::reply(&mut s, 200, "again");
        }
    });
    let transport = HttpTransport::builder().no_proxy().build().unwrap();
    for _ in 0..3 {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let answer = runtime.block_on(transport.send(get(&server, "/"))).unwrap();
        assert_eq!(answer.body(), b"again");
    }
}
