//! By hand, on ureq.

use std::process::ExitCode;

use dingtalk_bench::blocking::{self, Blocking};
use dingtalk_bench::exchange::{self, Outcome};
use dingtalk_bench::orders::{self, Work};

#[path = "../../cost/bare_ureq.rs"]
mod bare_ureq;
#[path = "../../cost/by_hand.rs"]
mod by_hand;
mod list;

use bare_ureq::Caller;

fn main() -> ExitCode {
    orders::obey(|orders| match orders.work {
        Work::User => blocking::run(orders, &Caller::new(&orders.origin)),
        Work::List(size) => blocking::run(orders, &List(Caller::new(&orders.origin), size)),
        Work::Corps(_) => Err(orders::not_made()),
    })
}

impl Blocking for Caller {
    fn call(&self) -> Outcome {
        self.call()
    }
}

struct List(Caller, usize);

impl Blocking for List {
    fn call(&self) -> Outcome {
        let body = self.0.post("/topapi/v2/user/list", &list::Question::new(self.1))?;
        list::check(&serde_json::from_slice(&body)?, self.1)
    }
}
