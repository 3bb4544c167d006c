//! The server that all clients are measured against.

use dingtalk_bench::exchange;

#[path = "../../cost/serve.rs"]
mod serve;

fn main() -> std::process::ExitCode {
    match serve::forever() {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            std::process::ExitCode::FAILURE
        }
    }
}
