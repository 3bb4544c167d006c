//! Our async client.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use dingtalk_async::Client;
use dingtalk_async::core::contact::{GetUser, ListUsers};
use dingtalk_async::core::{App, Suite};
use dingtalk_bench::asynchronous::{self, Async};
use dingtalk_bench::exchange::{self, Outcome, USER_ID};
use dingtalk_bench::orders::{self, Mode, Work};

mod many;
#[path = "../../cost/ours.rs"]
mod ours;
#[path = "../../cost/ours_async.rs"]
mod ours_async;

use ours_async::Caller;

fn main() -> ExitCode {
    orders::obey(|orders| {
        let origin = &orders.origin;
        match orders.work {
            Work::User if matches!(orders.mode, Mode::Herd(_)) => {
                asynchronous::run(orders, || Ok(Caller(Client::new(many::cold_app(origin)?)?)))
            }
            Work::User => asynchronous::run(orders, || Caller::new(origin)),
            Work::List(size) => {
                asynchronous::run(orders, || Ok(List(Client::new(ours::app(origin)?)?, size)))
            }
            Work::Corps(how_many) => asynchronous::run(orders, || {
                let (suite, names) = many::organizations(origin, how_many)?;
                Ok(Corps { client: Client::new(suite)?, names: names.into(), turn: Arc::default() })
            }),
        }
    })
}

impl Async for Caller {
    fn call(&self) -> impl Future<Output = Outcome> + Send {
        self.call()
    }
}

#[derive(Clone)]
struct List(Client<App>, usize);

impl Async for List {
    async fn call(&self) -> Outcome {
        let page = self.0.call(ListUsers::new(1).size(self.1 as i64)).await?;
        assert_eq!(page.list.len(), self.1);
        Ok(())
    }
}

/// Looks an organization up by its name for every call, as a server does that is told a name.
#[derive(Clone)]
struct Corps {
    client: Client<Suite>,
    names: Arc<[String]>,
    turn: Arc<AtomicUsize>,
}

impl Async for Corps {
    async fn call(&self) -> Outcome {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let name = &self.names[many::spread(turn, self.names.len())];
        let corp = self.client.caller().corp(name.as_str());
        let user = self.client.on_behalf_of(&corp).call(GetUser::new(USER_ID)).await?;
        assert_eq!(user.userid, USER_ID);
        Ok(())
    }
}
