//! Everything between an app's secret and a person's to-do, step by step: first with the blocking
//! client, then with the async one.
//!
//! `cargo run --example quickstart` needs nothing but this machine: it starts the sandbox. With
//! `DINGTALK_CLIENT_ID`, `DINGTALK_CLIENT_SECRET` and `DINGTALK_CORP_ID` set it talks to the real
//! platform; steps that need a code or an id it was not given say how to give it.

mod asynchronous;
mod blocking;

use std::process::ExitCode;

use dingtalk_examples::Stage;

fn main() -> ExitCode {
    match walk() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nThat did not work: {error}");
            ExitCode::FAILURE
        }
    }
}

fn walk() -> Result<(), Box<dyn std::error::Error>> {
    let stage = Stage::from_env()?;
    println!("DingTalk for Rust, against {}", stage.place());

    println!("\nThe blocking client");
    blocking::walk(&stage)?;

    println!("\nThe async client");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(asynchronous::walk(&stage))?;

    if let Some(count) = stage.token_requests() {
        println!("\nThe platform was asked for a token {count} times, renewals included.");
    }
    Ok(())
}
