//! The same exchange by hand: what an engineer writes who needs this one call and nothing else.

use std::io::Read;
use std::time::Duration;

use dingtalk_blocking::core::contact::UserDetails;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use serde::{Deserialize, Serialize};

use crate::Outcome;
use crate::serve::{TOKEN, USER_ID};

#[derive(Serialize)]
struct Question<'a> {
    userid: &'a str,
}

#[derive(Deserialize)]
struct Envelope {
    errcode: i64,
    result: UserDetails,
}

/// Without time-outs: with any, ureq starts a thread for each call to bound the look-up of the
/// host, and would be five times slower than this.
pub(crate) fn agent() -> ureq::Agent {
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_idle_connections_per_host(64)
        .max_idle_connections(256)
        .proxy(None)
        .build();
    config.into()
}

pub(crate) fn call_ureq(agent: &ureq::Agent, origin: &str) -> Outcome {
    let request = http::Request::post(url(origin))
        .header("content-type", "application/json")
        .body(serde_json::to_vec(&Question { userid: USER_ID })?)?;
    let mut response = agent.run(request)?;
    let mut body = Vec::with_capacity(2_048);
    response.body_mut().as_reader().read_to_end(&mut body)?;
    check(&body)
}

pub(crate) type Hyper = Client<HttpConnector, Full<Bytes>>;

pub(crate) fn client() -> Hyper {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(Duration::from_secs(50))
        .build(connector)
}

pub(crate) async fn call_hyper(client: &Hyper, origin: &str) -> Outcome {
    let body = serde_json::to_vec(&Question { userid: USER_ID })?;
    let request = http::Request::post(url(origin))
        .header("content-type", "application/json")
        .body(Full::new(Bytes::from(body)))?;
    let exchange = async {
        let response = client.request(request).await?;
        let body = response.into_body().collect().await?.to_bytes();
        check(&body)
    };
    tokio::time::timeout(Duration::from_secs(15), exchange).await?
}

fn url(origin: &str) -> String {
    format!("{origin}/topapi/v2/user/get?access_token={TOKEN}")
}

fn check(body: &[u8]) -> Outcome {
    let envelope: Envelope = serde_json::from_slice(body)?;
    assert_eq!(envelope.errcode, 0);
    assert_eq!(envelope.result.userid, USER_ID);
    Ok(())
}
