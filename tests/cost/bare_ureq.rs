//! The exchange by hand on a ureq agent.

use std::io::Read;

use serde::Serialize;

use crate::by_hand::{QUESTION, check, url};
use crate::exchange::{Outcome, Trouble};

pub(crate) struct Caller {
    agent: ureq::Agent,
    origin: String,
}

impl Caller {
    /// Without time-outs: with any, ureq starts a thread for each call to bound the look-up of the
    /// host, and would be five times slower than this.
    pub(crate) fn new(origin: &str) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_idle_connections_per_host(1024)
            .max_idle_connections(2048)
            .proxy(None)
            .build();
        Self { agent: config.into(), origin: origin.to_owned() }
    }

    pub(crate) fn call(&self) -> Outcome {
        let body = self.post("/topapi/v2/user/get", &QUESTION)?;
        check(&serde_json::from_slice(&body)?)
    }

    pub(crate) fn post(&self, path: &str, body: &impl Serialize) -> Result<Vec<u8>, Trouble> {
        let request = http::Request::post(url(&self.origin, path))
            .header("content-type", "application/json")
            .body(serde_json::to_vec(body)?)?;
        let mut response = self.agent.run(request)?;
        let length = response.body().content_length().and_then(|length| length.try_into().ok());
        let mut body = Vec::with_capacity(length.unwrap_or(2_048));
        response.body_mut().as_reader().read_to_end(&mut body)?;
        Ok(body)
    }
}
