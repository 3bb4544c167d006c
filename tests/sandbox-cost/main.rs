//! What the sandbox costs: calls a second against a bare hyper server that answers the same bytes, memory for each
//! person, how long a start takes, and how many connections and instances one machine holds.
//!
//! ```sh
//! cargo run --release -p dingtalk-tests --bin sandbox-cost
//! ```
//!
//! The program beside it, `dingtalk-sandbox`, is measured too where it was built (`cargo build --release`).

mod bare;
mod load;
mod memory;
mod start;
mod throughput;

use std::process::ExitCode;

type Outcome = Result<(), Box<dyn std::error::Error + Send + Sync>>;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments[..] {
        [] => everything(),
        ["throughput"] => throughput::compare(),
        ["memory"] => memory::per_person(),
        ["start"] => start::times(),
        ["connections"] => memory::connections(),
        ["instances"] => start::instances(),
        // Servers in processes of their own.
        ["serve-bare", head, body] => bare::forever(head, body),
        ["serve-sandbox", people] => load::serve_sandbox(people),
        ["company", people] => memory::resident_with(people),
        _ => Err("throughput | memory | start | connections | instances".into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sandbox-cost: {error}");
            ExitCode::FAILURE
        }
    }
}

fn everything() -> Outcome {
    throughput::compare()?;
    throughput::growth()?;
    memory::per_person()?;
    start::times()?;
    start::instances()?;
    memory::connections()
}
