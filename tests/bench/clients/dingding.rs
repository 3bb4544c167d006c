//! The crate `dingding`. It has no call for a person's record, so its general one is taken: the token travels in a
//! header and not in the query, and the record is read into our struct.

use std::process::ExitCode;

use dingding::DingTalk;
use dingding::openapi::OpenApi;
use dingtalk_bench::asynchronous::{self, Async};
use dingtalk_bench::exchange::{Outcome, USER_ID};
use dingtalk_bench::orders::{self, Work};
use dingtalk_core::contact::UserDetails;
use serde::Serialize;

fn main() -> ExitCode {
    orders::obey(|orders| match orders.work {
        Work::User => asynchronous::run(orders, || {
            let client = DingTalk::builder()
                .app_key_and_secret("dingbench", "secret")
                .webhook_base_url(orders.origin.as_str())
                .openapi_base_url(orders.origin.as_str())
                .build()?;
            Ok(Caller(client.openapi()))
        }),
        _ => Err(orders::not_made()),
    })
}

#[derive(Serialize)]
struct Question {
    userid: &'static str,
}

#[derive(Clone)]
struct Caller(OpenApi);

impl Async for Caller {
    async fn call(&self) -> Outcome {
        let question = Question { userid: USER_ID };
        let path = ["topapi", "v2", "user", "get"];
        let user: UserDetails = self.0.post_json_result(&path, &question).await?;
        assert_eq!(user.userid, USER_ID);
        Ok(())
    }
}
