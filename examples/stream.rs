//! How does a program hear what happens in a company, without an address of its own? It opens a
//! web socket: here a third-party app is told its ticket, and who joined and left; first on a
//! thread, then in a task. A handler that fails gets its event again.
//!
//! `cargo run --example stream`

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use dingtalk_blocking::Stop;
use dingtalk_blocking::core::event::EventKind;
use dingtalk_blocking::core::stream::{Answer, Delivery, Outcome};
use dingtalk_blocking::core::{Region, Suite};
use dingtalk_sandbox::{Event, Sandbox};

/// So many events are told to each program: the ticket, one of an interest and one of none.
const EVENTS: usize = 3;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("a thread");
    let (sandbox, suite) = company()?;
    let client = dingtalk_blocking::Client::new(suite.clone())?;
    let (stop, dealt_with) = (Stop::new(), AtomicUsize::new(0));
    client.stream().report(|notice| println!("  {notice}")).run(&stop, |delivery| {
        // The ticket is taken before it is acknowledged; with a store, for every process.
        if let Some(ticket) = delivery.suite_ticket() {
            client.call(ticket)?;
        }
        deal_with(&sandbox, &delivery)?;
        if dealt_with.fetch_add(1, Ordering::Relaxed) + 1 == EVENTS {
            stop.stop();
        }
        Ok(Answer::Done)
    })?;
    println!("  ticket held: {}", suite.ticket_pushed_at().is_some());

    println!("a task");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let (sandbox, suite) = company()?;
        let client = dingtalk_async::Client::new(suite.clone())?;
        let (dealt_with, all) = (AtomicUsize::new(0), tokio::sync::Notify::new());
        let stream = client.stream().report(|notice| println!("  {notice}"));
        let running = stream.run_until(all.notified(), async |delivery| -> Outcome {
            if let Some(ticket) = delivery.suite_ticket() {
                client.call(ticket).await?;
            }
            deal_with(&sandbox, &delivery)?;
            if dealt_with.fetch_add(1, Ordering::Relaxed) + 1 == EVENTS {
                all.notify_one();
            }
            Ok(Answer::Done)
        });
        running.await?;
        println!("  ticket held: {}", suite.ticket_pushed_at().is_some());
        Ok(())
    })
}

/// What the program does about an event, whichever way it came; the first one who joins finds the
/// database away.
fn deal_with(
    sandbox: &Sandbox,
    delivery: &Delivery,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let Some(event) = delivery.event() else { return Ok(()) };
    match event.kind {
        EventKind::UserAddOrg(joined)
            if sandbox.deliveries().iter().all(|it| it.trouble.is_none()) =>
        {
            return Err(format!("{:?} joined, and the database is away", joined.user_ids).into());
        }
        EventKind::UserAddOrg(joined) => println!("  {:?} joined", joined.user_ids),
        EventKind::SuiteTicket(_) => println!("  a ticket"),
        _ => println!("  {}: not for us", event.name),
    }
    Ok(())
}

/// A DingTalk in which something is about to happen.
fn company() -> Result<(Sandbox, Suite), Box<dyn std::error::Error>> {
    let sandbox = Sandbox::builder().frozen_at(1_700_000_000_000).start()?;
    let demo = sandbox.demo();
    let region = Region::custom(&sandbox.origin())?;
    let suite = Suite::builder(&*demo.suite_key, &*demo.suite_secret).region(region).build();
    let (platform, key) = (sandbox.clone(), demo.suite_key);
    std::thread::spawn(move || {
        let soon = || std::thread::sleep(Duration::from_millis(1));
        // Events are told to who listens.
        while platform.stream_connections(&key).is_empty() {
            soon();
        }
        platform.push(&key, &Event::new("user_add_org").field("UserId", "u-new"));
        platform.push(&key, &Event::new("check_in"));
        // What was put off comes again in ten seconds; they pass in a moment here.
        while platform.deliveries().iter().all(|it| it.trouble.is_none()) {
            soon();
        }
        platform.clock().advance(Duration::from_secs(10));
    });
    Ok((sandbox, suite))
}
