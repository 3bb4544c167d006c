//! What a warm call of `v2/user/get` costs, against bare ureq and bare hyper-util that send the
//! same request and parse the same body into the same struct. `tests/cost.py` runs it under
//! valgrind; by hand:
//!
//! ```sh
//! cargo run --release --bin cost -- throughput
//! ```
//!
//! And what a pushed event costs, against the same parts by hand: `cost -- callback`.

mod bare;
mod callback;
mod ours;
mod serve;
mod throughput;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments[..] {
        ["serve"] => serve::forever(),
        ["call", client, origin, calls] => call(client, origin, calls),
        ["throughput"] => throughput::compare(),
        ["callback"] => callback::measure(),
        _ => Err("serve | call CLIENT ORIGIN CALLS | throughput | callback".into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cost: {error}");
            ExitCode::FAILURE
        }
    }
}

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// The clients that are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    OursBlocking,
    BareUreq,
    OursAsync,
    BareHyper,
}

impl Kind {
    fn parse(name: &str) -> Option<Self> {
        match name {
            "ours-blocking" => Some(Self::OursBlocking),
            "bare-ureq" => Some(Self::BareUreq),
            "ours-async" => Some(Self::OursAsync),
            "bare-hyper" => Some(Self::BareHyper),
            _ => None,
        }
    }
}

fn call(client: &str, origin: &str, calls: &str) -> Outcome {
    let kind = Kind::parse(client).ok_or("no such client")?;
    let calls: u64 = calls.parse()?;
    match kind {
        Kind::OursBlocking => {
            let client = ours::blocking(origin)?;
            for _ in 0..calls {
                ours::call_blocking(&client)?;
            }
            Ok(())
        }
        Kind::BareUreq => {
            let agent = bare::agent();
            for _ in 0..calls {
                bare::call_ureq(&agent, origin)?;
            }
            Ok(())
        }
        Kind::OursAsync => runtime()?.block_on(async {
            let client = ours::asynchronous(origin)?;
            for _ in 0..calls {
                ours::call_async(&client).await?;
            }
            Ok(())
        }),
        Kind::BareHyper => runtime()?.block_on(async {
            let client = bare::client();
            for _ in 0..calls {
                bare::call_hyper(&client, origin).await?;
            }
            Ok(())
        }),
    }
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}
