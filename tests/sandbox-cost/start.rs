//! How long a start takes, in a process and of one; and hundreds at once.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use dingtalk_sandbox::Sandbox;

use crate::Outcome;
use crate::load::{exchange, get, resident};

const TIMES: usize = 101;
const INSTANCES: usize = 300;

pub(crate) fn times() -> Outcome {
    let median = |mut times: Vec<Duration>| {
        times.sort();
        times[times.len() / 2].as_secs_f64() * 1e3
    };
    let taken =
        |act: &dyn Fn() -> Outcome| -> Result<Duration, Box<dyn std::error::Error + Send + Sync>> {
            let start = Instant::now();
            act()?;
            Ok(start.elapsed())
        };
    let mut in_process = Vec::new();
    let mut serving = Vec::new();
    for _ in 0..TIMES {
        in_process.push(taken(&|| {
            drop(Sandbox::in_process());
            Ok(())
        })?);
        serving.push(taken(&|| {
            drop(Sandbox::start()?);
            Ok(())
        })?);
    }
    println!("start and end without a socket: {:.2} ms", median(in_process));
    println!("start and end of a server: {:.2} ms", median(serving));
    let program = std::env::current_exe()?.with_file_name("dingtalk-sandbox");
    if !program.exists() {
        println!("the program is not built: cargo build --release -p dingtalk-sandbox");
        return Ok(());
    }
    let mut program_ready = Vec::new();
    let mut idle = 0;
    for _ in 0..21 {
        let start = Instant::now();
        let mut child = Command::new(&program)
            .args(["--port", "0", "--print-env"])
            .stdout(Stdio::piped())
            .spawn()?;
        let stdout = child.stdout.take().ok_or("the program has no output")?;
        for line in BufReader::new(stdout).lines() {
            if line? == "# ready" {
                break;
            }
        }
        program_ready.push(start.elapsed());
        idle = resident(child.id())?;
        child.kill()?;
        child.wait()?;
    }
    println!("the program until `# ready`: {:.1} ms", median(program_ready));
    println!("the program, idle: {:.1} MB", idle as f64 / 1024.0);
    Ok(())
}

/// Three hundred servers and three hundred without a socket, in this process, each asked once.
pub(crate) fn instances() -> Outcome {
    let before = resident(std::process::id())?;
    let start = Instant::now();
    let servers = (0..INSTANCES).map(|_| Sandbox::start()).collect::<Result<Vec<_>, _>>()?;
    for sandbox in &servers {
        let demo = sandbox.demo();
        let address = sandbox.origin().replace("http://", "");
        let asks = format!("/gettoken?appkey={}&appsecret={}", demo.client_id, demo.client_secret);
        exchange(&mut TcpStream::connect(&address)?, &get(&address, &asks))?;
    }
    let without: Vec<_> = (0..INSTANCES).map(|_| Sandbox::in_process()).collect();
    let held = resident(std::process::id())? - before;
    println!(
        "{INSTANCES} servers and {} without a socket: {} ms, {:.1} MB",
        without.len(),
        start.elapsed().as_millis(),
        held as f64 / 1024.0
    );
    let start = Instant::now();
    drop(servers);
    println!("{INSTANCES} servers ended in {} ms", start.elapsed().as_millis());
    Ok(())
}
