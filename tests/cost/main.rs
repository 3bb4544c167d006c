//! What a warm call of `v2/user/get` costs, against bare ureq and bare hyper-util that send the
//! same request and parse the same body into the same struct. `tests/cost.py` runs it under
//! valgrind; `tests/bench` measures more, with these very clients. And what a pushed event costs,
//! against the same parts by hand, of which `cost -- callback` prints the time.

mod bare_hyper;
mod bare_ureq;
mod by_hand;
mod callback;
mod exchange;
mod ours;
mod ours_async;
mod ours_blocking;
mod serve;

use std::process::ExitCode;

use exchange::Outcome;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments[..] {
        ["serve"] => serve::forever(),
        ["call", client, origin, calls] => call(client, origin, calls),
        ["callback"] => callback::measure(),
        ["event", way, times] => {
            times.parse().map_err(Into::into).and_then(|times| callback::repeat(way, times))
        }
        _ => Err("serve | call CLIENT ORIGIN CALLS | callback | event WAY TIMES".into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cost: {error}");
            ExitCode::FAILURE
        }
    }
}

fn call(client: &str, origin: &str, calls: &str) -> Outcome {
    let calls: u64 = calls.parse()?;
    match client {
        "ours-blocking" => {
            let caller = ours_blocking::Caller::new(origin)?;
            (0..calls).try_for_each(|_| caller.call())
        }
        "bare-ureq" => {
            let caller = bare_ureq::Caller::new(origin);
            (0..calls).try_for_each(|_| caller.call())
        }
        "ours-async" => runtime()?.block_on(async {
            let caller = ours_async::Caller::new(origin)?;
            for _ in 0..calls {
                caller.call().await?;
            }
            Ok(())
        }),
        "bare-hyper" => runtime()?.block_on(async {
            let caller = bare_hyper::Caller::new(origin);
            for _ in 0..calls {
                caller.call().await?;
            }
            Ok(())
        }),
        _ => Err("no such client".into()),
    }
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}
