//! How does a program never wait for a token? A thread or a task of its own replaces it ten
//! minutes early and says how that went; or all of a store's, in one process at a time. The two hours pass in a moment here: sandbox and clients
//! read one clock, and the example moves it.
//!
//! `cargo run --example keep_fresh`

use std::sync::mpsc;
use std::time::Duration;

use dingtalk_blocking::Stop;
use dingtalk_blocking::core::auth::ObtainToken;
use dingtalk_blocking::core::jsapi::ObtainTicket;
use dingtalk_blocking::core::store::Memory;
use dingtalk_blocking::core::{App, Region, StoreUpkeep, Timestamp};
use dingtalk_sandbox::Sandbox;

const EARLY: Duration = Duration::from_secs(111 * 60);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sandbox = Sandbox::builder().frozen_at(1_700_000_000_000).start()?;
    let demo = sandbox.demo();
    let region = Region::custom(&sandbox.origin())?;
    let app =
        || App::builder(&*demo.client_id, &*demo.client_secret).region(region.clone()).build();
    let clock = || {
        let clock = sandbox.clock();
        move || Timestamp::from_millis(clock.now())
    };

    println!("a thread");
    let client = dingtalk_blocking::Client::builder(app()).clock(clock()).build()?;
    let (stop, (reports, heard)) = (Stop::new(), mpsc::channel());
    let keeper = std::thread::spawn({
        let stop = stop.clone();
        move || client.keep_fresh(&stop, |outcome| drop(reports.send(outcome)))
    });
    println!("  fetched, good until {}", heard.recv()??.expires_at);
    sandbox.clock().advance(EARLY);
    println!("  replaced, good until {}", heard.recv_timeout(Duration::from_secs(90))??.expires_at);
    stop.stop();
    keeper.join().map_err(|_| "the keeper panicked")?;

    println!("a thread, for whatever is in a store");
    let store = Memory::new({
        let clock = sandbox.clock();
        move || clock.now()
    });
    let shared = app();
    let client = dingtalk_blocking::Client::builder(shared.clone()).clock(clock()).store(store);
    let client = client.build()?;
    client.call(ObtainToken::new())?;
    client.call(ObtainTicket::new())?;
    sandbox.clock().advance(EARLY);
    let (stop, (reports, heard)) = (Stop::new(), mpsc::channel());
    let keeper = std::thread::spawn({
        let (stop, upkeep) = (stop.clone(), StoreUpkeep::of_app(&shared));
        move || {
            client.keep_store_fresh(upkeep, &stop, |key, outcome| {
                drop(reports.send((key.clone(), outcome)));
            })
        }
    });
    for _ in 0..2 {
        let (key, outcome) = heard.recv_timeout(Duration::from_secs(90))?;
        println!("  {:?} replaced, good until {}", key.kind, outcome?.expires_at);
    }
    stop.stop();
    keeper.join().map_err(|_| "the keeper panicked")??;

    println!("a task");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let client = dingtalk_async::Client::builder(app()).clock(clock()).build()?;
        let mut seen = 0;
        let keeper = client.keep_fresh(|outcome| match outcome {
            Ok(token) => {
                seen += 1;
                println!("  good until {}", token.expires_at);
                sandbox.clock().advance(EARLY);
            }
            Err(error) => println!("  not replaced: {error}"),
        });
        // It never ends by itself: the program ends it.
        let _ = tokio::time::timeout(Duration::from_secs(4), keeper).await;
        println!("  {seen} tokens");
        Ok(())
    })
}
