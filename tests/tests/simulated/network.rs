//! The hosts that serve, the platform and the store, and how workers reach them: hyper and plain
//! lines over the simulated network's own streams.

use std::convert::Infallible;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr};
use std::pin::Pin;
use std::time::Duration;

use dingtalk_core::{
    Reply, Request, Response, Store, StoreOp, StoreReply, Transport, TransportError,
};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::time::timeout;
use turmoil::Sim;
use turmoil::net::{TcpListener, TcpStream};

use crate::World;

const ANYWHERE: (IpAddr, u16) = (IpAddr::V4(Ipv4Addr::UNSPECIFIED), 80);

pub(crate) fn hosts(sim: &mut Sim<'_>, world: &World) {
    let platform = world.clone();
    sim.host("platform", move || {
        let world = platform.clone();
        async move {
            let listener = TcpListener::bind(ANYWHERE).await?;
            loop {
                let (stream, _) = listener.accept().await?;
                let world = world.clone();
                let serve = service_fn(move |request| answer(world.clone(), request));
                tokio::spawn(
                    hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), serve),
                );
            }
        }
    });
    let store = world.clone();
    sim.host("store", move || {
        let world = store.clone();
        async move {
            let listener = TcpListener::bind(ANYWHERE).await?;
            loop {
                let (stream, _) = listener.accept().await?;
                let world = world.clone();
                tokio::spawn(async move {
                    let _ = keep(&world, stream).await;
                });
            }
        }
    });
}

/// The sandbox's answer, and a note of what was executed.
async fn answer(
    world: World,
    request: http::Request<Incoming>,
) -> Result<http::Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    // A body that breaks off is no request.
    let Ok(body) = body.collect().await else { return Ok(http::Response::default()) };
    let body = body.to_bytes();
    let json: Value = serde_json::from_slice(&body).unwrap_or_default();
    let path = head.uri.path().to_owned();
    if path.ends_with("/oauth2/accessToken") {
        world.book().token_requests += 1;
    }
    if let Some(code) = json["code"].as_str() {
        *world.book().codes.entry(code.to_owned()).or_default() += 1;
    }
    world.sandbox.clock().set(world.now());
    let response = world.sandbox.handle(http::Request::from_parts(head, body.to_vec()));
    if path.ends_with("/tasks") && response.status().is_success() {
        let subject = json["subject"].as_str().unwrap_or_default().to_owned();
        *world.book().executed.entry(subject).or_default() += 1;
    }
    Ok(response.map(Full::from))
}

/// One question and one answer a line.
async fn keep(world: &World, stream: TcpStream) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream);
    let mut line = String::new();
    while lines.read_line(&mut line).await? > 0 {
        let reply = match serde_json::from_str(&line) {
            Ok(question) => world.store.ask(question),
            Err(_) => StoreReply::Failed { why: "no question".to_owned() },
        };
        let mut reply = serde_json::to_vec(&reply)?;
        reply.push(b'\n');
        lines.get_mut().write_all(&reply).await?;
        line.clear();
    }
    Ok(())
}

/// hyper over the simulated network, a connection for each request.
pub(crate) struct SimTransport;

impl Transport for SimTransport {
    type Exchange = Pin<Box<dyn Future<Output = Reply> + Send>>;

    fn send(&self, request: Request) -> Self::Exchange {
        Box::pin(carry(request))
    }
}

async fn carry(request: Request) -> Reply {
    let limits = request.limits();
    let not_sent = |_| TransportError::not_sent("no connection");
    let lost = |_: hyper::Error| TransportError::lost("the connection broke");
    let connecting = timeout(limits.connect, TcpStream::connect(("platform", 80)));
    let stream = connecting
        .await
        .map_err(|_| TransportError::not_sent("no connection in time"))?
        .map_err(not_sent)?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(lost)?;
    let connection = tokio::spawn(connection);
    let mut http = request.into_http().map(Full::<Bytes>::from);
    let target = http.uri().path_and_query().cloned();
    *http.uri_mut() = target.map_or_else(Default::default, Into::into);
    http.headers_mut().insert("host", http::HeaderValue::from_static("platform"));
    let exchange = async {
        let (head, body) = sender.send_request(http).await.map_err(lost)?.into_parts();
        let body = body.collect().await.map_err(lost)?.to_bytes();
        Ok(Response::new(head.status.as_u16(), head.headers, body))
    };
    let reply = timeout(limits.total.max(Duration::from_millis(1)), exchange).await;
    connection.abort();
    reply.unwrap_or_else(|_| Err(TransportError::timed_out("no answer in time")))
}

/// The store over the simulated network.
pub(crate) struct SimStore;

impl Store for SimStore {
    type Exchange = Pin<Box<dyn Future<Output = StoreReply> + Send>>;

    fn ask(&self, question: StoreOp) -> Self::Exchange {
        Box::pin(async move {
            let asked = ask(&question).await;
            asked.unwrap_or_else(|error| StoreReply::Failed { why: error.kind().to_string() })
        })
    }
}

async fn ask(question: &StoreOp) -> std::io::Result<StoreReply> {
    let stream = TcpStream::connect(("store", 80)).await?;
    let mut lines = BufReader::new(stream);
    let mut question = serde_json::to_vec(question)?;
    question.push(b'\n');
    lines.get_mut().write_all(&question).await?;
    let mut line = String::new();
    lines.read_line(&mut line).await?;
    Ok(serde_json::from_str(&line)?)
}
