//! The crate `dingtalk-sdk`, async.

use std::process::ExitCode;

use dingtalk_bench::asynchronous::{self, Async};
use dingtalk_bench::exchange::{Outcome, USER_ID};
use dingtalk_bench::orders::{self, Work};
use dingtalk_sdk::{Client, ContactGetUserRequest, EnterpriseService};

fn main() -> ExitCode {
    orders::obey(|orders| match orders.work {
        Work::User => asynchronous::run(orders, || {
            let client = Client::builder().webhook_base_url(orders.origin.as_str()).build()?;
            Ok(Caller(client.enterprise("dingbench", "secret", "robot")))
        }),
        _ => Err(orders::not_made()),
    })
}

#[derive(Clone)]
struct Caller(EnterpriseService);

impl Async for Caller {
    async fn call(&self) -> Outcome {
        let user = self.0.contact_get_user(ContactGetUserRequest::new(USER_ID)).await?;
        assert_eq!(user.userid.as_deref(), Some(USER_ID));
        Ok(())
    }
}
