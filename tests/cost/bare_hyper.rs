//! The exchange by hand on hyper-util's pooled client.

use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use serde::Serialize;

use crate::by_hand::{QUESTION, check, url};
use crate::exchange::{Outcome, Trouble};

#[derive(Clone)]
pub(crate) struct Caller {
    client: Client<HttpConnector, Full<Bytes>>,
    origin: String,
}

impl Caller {
    pub(crate) fn new(origin: &str) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(50))
            .build(connector);
        Self { client, origin: origin.to_owned() }
    }

    pub(crate) async fn call(&self) -> Outcome {
        let body = self.post("/topapi/v2/user/get", &QUESTION).await?;
        check(&serde_json::from_slice(&body)?)
    }

    pub(crate) async fn post(&self, path: &str, body: &impl Serialize) -> Result<Bytes, Trouble> {
        let request = http::Request::post(url(&self.origin, path))
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(serde_json::to_vec(body)?)))?;
        let exchange = async {
            let response = self.client.request(request).await?;
            Ok(response.into_body().collect().await?.to_bytes())
        };
        tokio::time::timeout(Duration::from_secs(15), exchange).await?
    }
}
