//! By hand, on hyper-util.

use std::process::ExitCode;

use dingtalk_bench::asynchronous::{self, Async};
use dingtalk_bench::exchange::{self, Outcome};
use dingtalk_bench::orders::{self, Work};

#[path = "../../cost/bare_hyper.rs"]
mod bare_hyper;
#[path = "../../cost/by_hand.rs"]
mod by_hand;
mod list;

use bare_hyper::Caller;

fn main() -> ExitCode {
    orders::obey(|orders| match orders.work {
        Work::User => asynchronous::run(orders, || Ok(Caller::new(&orders.origin))),
        Work::List(size) => {
            asynchronous::run(orders, || Ok(List(Caller::new(&orders.origin), size)))
        }
        Work::Corps(_) => Err(orders::not_made()),
    })
}

impl Async for Caller {
    fn call(&self) -> impl Future<Output = Outcome> + Send {
        self.call()
    }
}

#[derive(Clone)]
struct List(Caller, usize);

impl Async for List {
    async fn call(&self) -> Outcome {
        let question = list::Question::new(self.1);
        let body = self.0.post("/topapi/v2/user/list", &question).await?;
        list::check(&serde_json::from_slice(&body)?, self.1)
    }
}
