//! Calls a second with a warm token, ours and bare in turn, so that a machine whose speed drifts
//! treats both alike.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::{Kind, Outcome, bare, ours, runtime};

const ROUNDS: usize = 9;
const ROUND: Duration = Duration::from_millis(700);

pub(crate) fn compare() -> Outcome {
    let (mut server, origin) = server()?;
    let outcome = pairs(&origin);
    let _ = server.kill();
    let _ = server.wait();
    outcome
}

fn pairs(origin: &str) -> Outcome {
    println!(
        "{:<10} {:>9} {:>12} {:>12} {:>7}",
        "client", "in flight", "ours /s", "bare /s", "ratio"
    );
    for in_flight in [1, 32] {
        for (name, own, bare) in [
            ("blocking", Kind::OursBlocking, Kind::BareUreq),
            ("async", Kind::OursAsync, Kind::BareHyper),
        ] {
            let mut ratios = Vec::new();
            let mut rates = Vec::new();
            for _ in 0..ROUNDS {
                let (own, bare) = (rate(own, origin, in_flight)?, rate(bare, origin, in_flight)?);
                ratios.push(own / bare);
                rates.push((own, bare));
            }
            ratios.sort_by(f64::total_cmp);
            rates.sort_by(|a, b| f64::total_cmp(&a.0, &b.0));
            let (own, bare) = rates[ROUNDS / 2];
            println!(
                "{name:<10} {in_flight:>9} {own:>12.0} {bare:>12.0} {:>7.3}",
                ratios[ROUNDS / 2]
            );
        }
    }
    Ok(())
}

fn rate(
    kind: Kind,
    origin: &str,
    in_flight: usize,
) -> Result<f64, Box<dyn std::error::Error + Send + Sync>> {
    let (calls, took) = match kind {
        Kind::OursBlocking => {
            let client = ours::blocking(origin)?;
            threads(in_flight, || ours::call_blocking(&client))?
        }
        Kind::BareUreq => {
            let agent = bare::agent();
            threads(in_flight, || bare::call_ureq(&agent, origin))?
        }
        Kind::OursAsync => runtime()?.block_on(async {
            let client = ours::asynchronous(origin)?;
            tasks(in_flight, || {
                let client = client.clone();
                async move { ours::call_async(&client).await }
            })
            .await
        })?,
        Kind::BareHyper => runtime()?.block_on(async {
            let client = bare::client();
            tasks(in_flight, || {
                let (client, origin) = (client.clone(), origin.to_owned());
                async move { bare::call_hyper(&client, &origin).await }
            })
            .await
        })?,
    };
    Ok(calls as f64 / took.as_secs_f64())
}

type Counted = Result<(usize, Duration), Box<dyn std::error::Error + Send + Sync>>;

fn threads(in_flight: usize, call: impl Fn() -> Outcome + Sync) -> Counted {
    let start = Instant::now();
    let counts = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..in_flight)
            .map(|_| {
                scope.spawn(|| {
                    let mut count = 0;
                    while start.elapsed() < ROUND {
                        call()?;
                        count += 1;
                    }
                    Ok(count)
                })
            })
            .collect();
        workers
            .into_iter()
            .map(|worker| worker.join().unwrap_or_else(|_| Err("a worker panicked".into())))
            .collect::<Result<Vec<usize>, Box<dyn std::error::Error + Send + Sync>>>()
    })?;
    Ok((counts.into_iter().sum(), start.elapsed()))
}

async fn tasks<F>(in_flight: usize, call: impl Fn() -> F) -> Counted
where
    F: Future<Output = Outcome> + Send + 'static,
{
    let start = Instant::now();
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..in_flight {
        running.spawn(call());
    }
    let mut count = 0;
    while let Some(done) = running.join_next().await {
        done??;
        count += 1;
        if start.elapsed() < ROUND {
            running.spawn(call());
        }
    }
    Ok((count, start.elapsed()))
}

/// The server in a process of its own, as a platform is.
fn server() -> Result<(Child, String), Box<dyn std::error::Error + Send + Sync>> {
    let mut child = Command::new(std::env::current_exe()?)
        .arg("serve")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut origin = String::new();
    let stdout = child.stdout.take().ok_or("the server has no output")?;
    BufReader::new(stdout).read_line(&mut origin)?;
    Ok((child, origin.trim().to_owned()))
}
