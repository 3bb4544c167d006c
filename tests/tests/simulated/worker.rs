//! A program that calls, again and again, and says what came of it. After a crash it begins with
//! nothing but the store.

use std::time::Duration;

use dingtalk_async::Client;
use dingtalk_core::contact::{GetUser, GetUserByCode};
use dingtalk_core::todo::CreateTask;
use dingtalk_core::{App, Error, ErrorKind, Region, Timestamp};
use tokio::time::{Instant, sleep};

use crate::network::{SimStore, SimTransport};
use crate::{Dice, World, policy};

pub(crate) async fn run(world: World, at: usize) -> turmoil::Result {
    let incarnation = world.book().incarnation[at];
    let mut dice = Dice(world.seed << 16 ^ (at as u64) << 8 ^ incarnation);
    let client = client(&world);
    let mut nth = 0;
    loop {
        if !world.book().open {
            sleep(Duration::from_millis(20)).await;
            continue;
        }
        world.book().busy[at] = true;
        nth += 1;
        let began = Instant::now();
        let result = match dice.below(3) {
            0 => read(&world, &client).await,
            1 => log_in(&world, &client).await,
            _ => write(&world, &client, format!("{at}/{incarnation}/{nth}")).await,
        };
        let took = began.elapsed();
        if took > policy().total + Duration::from_secs(3) {
            world.broken(format!("a call took {took:?}: {result:?}"));
        }
        world.book().over(at, result.is_ok());
        sleep(Duration::from_millis(10 + dice.below(60))).await;
    }
}

fn client(world: &World) -> Client<App> {
    let demo = world.sandbox.demo();
    // Carried by a transport that takes any host for the platform.
    let region = Region::custom("https://platform.example").unwrap();
    let app = App::builder(demo.client_id, demo.client_secret).region(region).build();
    let clock = world.clone();
    Client::builder(app)
        .transport(SimTransport)
        .store(SimStore)
        .policy(policy())
        .clock(move || Timestamp::from_millis(clock.now()))
        .build()
        .unwrap()
}

async fn read(world: &World, client: &Client<App>) -> Result<(), Error> {
    client.call(GetUser::new(world.sandbox.demo().user_id)).await.map(|_| ())
}

async fn log_in(world: &World, client: &Client<App>) -> Result<(), Error> {
    let demo = world.sandbox.demo();
    world.sandbox.clock().set(world.now());
    let code = world.sandbox.silent_code(&demo.client_id, &demo.user_id).unwrap();
    client.call(GetUserByCode::new(code)).await.map(|_| ())
}

async fn write(world: &World, client: &Client<App>, subject: String) -> Result<(), Error> {
    let owner = world.sandbox.demo().union_id;
    let task = CreateTask::new(&*owner, subject.as_str(), "https://a.example");
    let result = client.call(task).await;
    let claim = match &result {
        Ok(_) => Some(true),
        Err(error) => match error.kind() {
            ErrorKind::Lost
            | ErrorKind::TooLarge
            | ErrorKind::Reply
            | ErrorKind::TimedOut { maybe_executed: true }
            | ErrorKind::Busy { maybe_executed: true } => None,
            _ => Some(false),
        },
    };
    // An error of the token's request says nothing of the write but that it did not go out.
    let of_the_token = result.as_ref().err().and_then(Error::operation) != Some("todo.create_task");
    let claim = if result.is_err() && of_the_token { Some(false) } else { claim };
    world.book().claims.insert(subject, claim);
    result.map(|_| ())
}
