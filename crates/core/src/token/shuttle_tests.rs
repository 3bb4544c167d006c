//! Whole calls of many tasks and threads over one app, under schedules that are made up: at random,
//! and by few well-placed changes (PCT). What loom proves of the slot alone is tried here with the
//! machine, its futures and its store around it.
//!
//! `RUSTFLAGS="--cfg shuttle" cargo test -p dingtalk-core --release --lib shuttle_tests` runs them;
//! `SHUTTLE_RANDOM`, `SHUTTLE_PCT` (schedules of each test) and `SHUTTLE_SEED` say how. A schedule
//! that fails is printed; with `SHUTTLE_REPLAY=<schedule>` the named test runs by it again.

use std::env;
use std::future::Future;
use std::pin::Pin;
use std::str::FromStr;
use std::task::{Context, Poll};

use shuttle::rand::{Rng, thread_rng};
use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::sync::{Arc, Mutex};
use shuttle::{Config, Runner, future, thread};

use crate::auth::{GetScopes, ObtainToken};
use crate::store::Memory;
use crate::{
    App, Call, Endpoint, Error, ErrorKind, Policy, Reply, Request, Response, Step, Store,
    Timestamp, TransportError,
};

const NOW: u64 = 1_700_000_000_000;

/// Runs a world under every kind of schedule.
fn explore(world: impl Fn() + Send + Sync + 'static) {
    if let Ok(schedule) = env::var("SHUTTLE_REPLAY") {
        return shuttle::replay(world, &schedule);
    }
    let seed = number("SHUTTLE_SEED", 0x0D16);
    let (random, pct) = (number("SHUTTLE_RANDOM", 20_000), number("SHUTTLE_PCT", 5_000));
    println!("SHUTTLE_SEED={seed} SHUTTLE_RANDOM={random} SHUTTLE_PCT={pct}");
    let world = Arc::new(world);
    let again = Arc::clone(&world);
    let random = RandomScheduler::new_from_seed(seed, random);
    Runner::new(random, Config::new()).run(move || again());
    Runner::new(PctScheduler::new_from_seed(seed, 3, pct), Config::new()).run(move || world());
}

fn number<T: FromStr>(name: &str, otherwise: T) -> T {
    env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(otherwise)
}

/// The platform: one live token at a time.
#[derive(Default)]
struct Platform {
    token_requests: usize,
    /// Which token is live: the n-th that was asked for.
    live: usize,
    /// How many of the next token requests are lost.
    lose: usize,
}

#[derive(Clone, Default)]
struct World {
    platform: Arc<Mutex<Platform>>,
    store: Option<Memory>,
}

impl World {
    fn shared() -> Self {
        Self { store: Some(Memory::new(|| NOW)), ..Self::default() }
    }

    fn platform(&self) -> shuttle::sync::MutexGuard<'_, Platform> {
        self.platform.lock().unwrap()
    }

    /// The driver's loop. Nobody's clock moves, so that no lease ends by itself: a wake-up that is
    /// lost leaves a task waiting for ever, which shuttle reports.
    async fn call<E: Endpoint<Caller: crate::Caller>>(
        self,
        call: Call<E>,
    ) -> Result<E::Output, Error> {
        let now = Timestamp::from_millis(NOW);
        let call = call
            .shared(self.store.is_some())
            .entropy(thread_rng().r#gen())
            .policy(&Policy { attempts: 1, ..Policy::default() });
        let mut step = call.step(now);
        loop {
            step = match step {
                Step::Send(request, sent) => {
                    future::yield_now().await;
                    let reply = self.answer(&request);
                    future::yield_now().await;
                    sent.reply(now, reply)
                }
                Step::Ask(question, asked) => {
                    future::yield_now().await;
                    let reply = self.store.as_ref().expect("it is shared").ask(question);
                    future::yield_now().await;
                    asked.reply(now, reply)
                }
                Step::Sleep(_, call) => {
                    future::yield_now().await;
                    call.step(now)
                }
                Step::Join(flight, call) => {
                    flight.await;
                    call.step(now)
                }
                Step::Done(result) => return result,
            };
        }
    }

    async fn read(self, app: App) -> Result<(), Error> {
        self.call(Call::new(&GetScopes::new(), &app)).await.map(|_| ())
    }

    fn answer(&self, request: &Request) -> Reply {
        let mut platform = self.platform();
        let answer = |body: String| Ok(Response::new(200, Default::default(), body));
        if request.url().path() == "/v1.0/oauth2/accessToken" {
            platform.token_requests += 1;
            if platform.lose > 0 {
                platform.lose -= 1;
                return Err(TransportError::lost("lost"));
            }
            platform.live = platform.token_requests;
            return answer(format!(
                r#"{{"accessToken":"token-{}","expireIn":7200}}"#,
                platform.live
            ));
        }
        let query = request.url().query().unwrap_or_default();
        if query.contains(&format!("access_token=token%2D{}", platform.live)) && platform.live > 0 {
            return answer(r#"{"errcode":0,"auth_org_scopes":{}}"#.to_owned());
        }
        answer(r#"{"errcode":88,"sub_code":"40014","sub_msg":"x","errmsg":"x"}"#.to_owned())
    }
}

/// Gives a future up after so many polls.
struct Cancelled<F>(Option<Pin<Box<F>>>, usize);

impl<F: Future> Future for Cancelled<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let left = self.1;
        self.1 = left.saturating_sub(1);
        let polled = match &mut self.0 {
            Some(future) if left > 0 => future.as_mut().poll(context).map(Some),
            _ => Poll::Ready(None),
        };
        if left <= 1 || polled.is_ready() {
            self.0 = None;
        }
        match polled {
            // Nobody wakes who has given up.
            Poll::Pending if left <= 1 => Poll::Ready(None),
            polled => polled,
        }
    }
}

fn app() -> App {
    App::internal("dingshuttle", "secret")
}

#[test]
fn tasks_and_threads_over_one_app_make_one_token_request() {
    explore(|| {
        let (world, app) = (World::default(), app());
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let (world, app) = (world.clone(), app.clone());
                thread::spawn(move || future::block_on(world.read(app)))
            })
            .collect();
        let tasks: Vec<_> =
            (0..3).map(|_| future::spawn(world.clone().read(app.clone()))).collect();
        let keeper = future::spawn(world.clone().call(Call::new(&ObtainToken::new(), &app)));
        for thread in threads {
            thread.join().unwrap().unwrap();
        }
        future::block_on(async {
            for task in tasks {
                task.await.unwrap().unwrap();
            }
            keeper.await.unwrap().unwrap();
        });
        assert_eq!(world.platform().token_requests, 1);
    });
}

#[test]
fn tasks_that_give_up_anywhere_leave_nobody_waiting_and_cost_a_request_each_at_most() {
    explore(|| {
        let (world, app) = (World::default(), app());
        let quitters: Vec<_> = (0..3)
            .map(|_| {
                let call = world.clone().read(app.clone());
                future::spawn(Cancelled(Some(Box::pin(call)), thread_rng().gen_range(0..6)))
            })
            .collect();
        let tasks: Vec<_> =
            (0..2).map(|_| future::spawn(world.clone().read(app.clone()))).collect();
        future::block_on(async {
            for task in tasks {
                task.await.unwrap().unwrap();
            }
            for quitter in quitters {
                if let Some(result) = quitter.await.unwrap() {
                    result.unwrap();
                }
            }
        });
        assert!((1..=4).contains(&world.platform().token_requests));
    });
}

#[test]
fn a_token_that_dies_under_many_callers_is_renewed_once() {
    explore(|| {
        let (world, app) = (World::default(), app());
        future::block_on(world.clone().read(app.clone())).unwrap();
        let killer = {
            let world = world.clone();
            thread::spawn(move || world.platform().live = 0)
        };
        let tasks: Vec<_> =
            (0..4).map(|_| future::spawn(world.clone().read(app.clone()))).collect();
        future::block_on(async {
            for task in tasks {
                task.await.unwrap().unwrap();
            }
        });
        killer.join().unwrap();
        assert!(world.platform().token_requests <= 2);
        future::block_on(world.clone().read(app)).unwrap();
        assert_eq!(world.platform().token_requests, 2);
    });
}

#[test]
fn those_who_wait_share_a_failure_and_the_next_call_starts_anew() {
    explore(|| {
        let (world, app) = (World::default(), app());
        world.platform().lose = 1;
        let tasks: Vec<_> =
            (0..4).map(|_| future::spawn(world.clone().read(app.clone()))).collect();
        let failed = future::block_on(async {
            let mut failed = 0;
            for task in tasks {
                if let Err(error) = task.await.unwrap() {
                    assert_eq!(*error.kind(), ErrorKind::Lost);
                    failed += 1;
                }
            }
            failed
        });
        // Whoever came after the failure got a token of their own.
        assert!(failed >= 1);
        assert!(world.platform().token_requests <= 2);
        future::block_on(world.clone().read(app)).unwrap();
        assert_eq!(world.platform().token_requests, 2);
    });
}

#[test]
fn processes_that_share_a_store_make_one_token_request() {
    explore(|| {
        let world = World::shared();
        let tasks: Vec<_> = (0..2)
            .flat_map(|_| {
                let process = app();
                [process.clone(), process].map(|app| future::spawn(world.clone().read(app)))
            })
            .collect();
        future::block_on(async {
            for task in tasks {
                task.await.unwrap().unwrap();
            }
        });
        assert_eq!(world.platform().token_requests, 1);
    });
}
