//! Our blocking client.

use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};

use dingtalk_bench::blocking::{self, Blocking};
use dingtalk_bench::exchange::{self, Outcome, USER_ID};
use dingtalk_bench::orders::{self, Mode, Work};
use dingtalk_blocking::Client;
use dingtalk_blocking::core::contact::{GetUser, ListUsers};
use dingtalk_blocking::core::{App, Suite};

mod many;
#[path = "../../cost/ours.rs"]
mod ours;
#[path = "../../cost/ours_blocking.rs"]
mod ours_blocking;

use ours_blocking::Caller;

fn main() -> ExitCode {
    orders::obey(|orders| {
        let origin = &orders.origin;
        match orders.work {
            Work::User if matches!(orders.mode, Mode::Herd(_)) => {
                blocking::run(orders, &Caller(Client::new(many::cold_app(origin)?)?))
            }
            Work::User => blocking::run(orders, &Caller::new(origin)?),
            Work::List(size) => {
                blocking::run(orders, &List(Client::new(ours::app(origin)?)?, size))
            }
            Work::Corps(how_many) => {
                let (suite, names) = many::organizations(origin, how_many)?;
                let corps = Corps { client: Client::new(suite)?, names, turn: AtomicUsize::new(0) };
                blocking::run(orders, &corps)
            }
        }
    })
}

impl Blocking for Caller {
    fn call(&self) -> Outcome {
        self.call()
    }
}

struct List(Client<App>, usize);

impl Blocking for List {
    fn call(&self) -> Outcome {
        let page = self.0.call(ListUsers::new(1).size(self.1 as i64))?;
        assert_eq!(page.list.len(), self.1);
        Ok(())
    }
}

/// Looks an organization up by its name for every call, as a server does that is told a name.
struct Corps {
    client: Client<Suite>,
    names: Vec<String>,
    turn: AtomicUsize,
}

impl Blocking for Corps {
    fn call(&self) -> Outcome {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let name = &self.names[many::spread(turn, self.names.len())];
        let corp = self.client.caller().corp(name.as_str());
        let user = self.client.on_behalf_of(&corp).call(GetUser::new(USER_ID))?;
        assert_eq!(user.userid, USER_ID);
        Ok(())
    }
}
