//! The crate `dingtalk-sdk`, blocking.

use std::process::ExitCode;

use dingtalk_bench::blocking::{self, Blocking};
use dingtalk_bench::exchange::{Outcome, USER_ID};
use dingtalk_bench::orders::{self, Work};
use dingtalk_sdk::{BlockingClient, BlockingEnterpriseService, ContactGetUserRequest};

fn main() -> ExitCode {
    orders::obey(|orders| match orders.work {
        Work::User => {
            let origin = orders.origin.as_str();
            let client = BlockingClient::builder().webhook_base_url(origin).build()?;
            blocking::run(orders, &Caller(client.enterprise("dingbench", "secret", "robot")))
        }
        _ => Err(orders::not_made()),
    })
}

struct Caller(BlockingEnterpriseService);

impl Blocking for Caller {
    fn call(&self) -> Outcome {
        let user = self.0.contact_get_user(ContactGetUserRequest::new(USER_ID))?;
        assert_eq!(user.userid.as_deref(), Some(USER_ID));
        Ok(())
    }
}
