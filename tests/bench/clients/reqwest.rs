//! By hand, on reqwest.

use std::process::ExitCode;
use std::time::Duration;

use dingtalk_bench::asynchronous::{self, Async};
use dingtalk_bench::exchange::{self, Outcome};
use dingtalk_bench::orders::{self, Work};
use dingtalk_core::contact::UserDetails;

#[path = "../../cost/by_hand.rs"]
mod by_hand;

use by_hand::{Envelope, QUESTION};

fn main() -> ExitCode {
    orders::obey(|orders| match orders.work {
        Work::User => asynchronous::run(orders, || {
            let _ = rustls::crypto::ring::default_provider().install_default();
            let client = reqwest::Client::builder().timeout(Duration::from_secs(15)).build()?;
            Ok(Caller { client, origin: orders.origin.clone() })
        }),
        _ => Err(orders::not_made()),
    })
}

#[derive(Clone)]
struct Caller {
    client: reqwest::Client,
    origin: String,
}

impl Async for Caller {
    async fn call(&self) -> Outcome {
        let url = by_hand::url(&self.origin, "/topapi/v2/user/get");
        let response = self.client.post(url).json(&QUESTION).send().await?;
        let envelope: Envelope<UserDetails> = response.json().await?;
        by_hand::check(&envelope)
    }
}
