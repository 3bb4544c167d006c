//! What people, open connections and an idle sandbox take of the machine's memory.

use std::net::TcpStream;
use std::time::Instant;

use dingtalk_sandbox::Sandbox;

use crate::Outcome;
use crate::load::{Server, exchange, get, resident};

const PEOPLE: u64 = 100_000;
const CONNECTIONS: usize = 10_000;

/// Resident memory of a company of 100,000 over one of nobody, a process each.
pub(crate) fn per_person() -> Outcome {
    let nobody = Server::start(&["serve-sandbox", "0"])?;
    println!("idle, with the demo company: {:.1} MB", megabytes(nobody.resident()?));
    let start = Instant::now();
    let many = Server::start(&["serve-sandbox", &PEOPLE.to_string()])?;
    println!("{PEOPLE} people: ready after {} ms", start.elapsed().as_millis());
    let all = (many.resident()? - nobody.resident()?) * 1024;
    println!("a person: {} bytes, text included", all / PEOPLE);
    Ok(())
}

/// Resident memory of this process with such a company in it, for a look by hand.
pub(crate) fn resident_with(people: &str) -> Outcome {
    let sandbox = Sandbox::builder().population(people.parse()?).in_process();
    println!("{:.1} MB", megabytes(resident(std::process::id())?));
    drop(sandbox);
    Ok(())
}

/// Ten thousand kept connections, each asked twice: once when it is new, once when all are open.
pub(crate) fn connections() -> Outcome {
    let server = Server::start(&["serve-sandbox", "0"])?;
    let before = server.resident()?;
    let demo = Sandbox::in_process().demo();
    let asks = format!("/gettoken?appkey={}&appsecret={}", demo.client_id, demo.client_secret);
    let request = get(&server.address, &asks);
    let mut open = Vec::new();
    for at in 0..CONNECTIONS {
        let mut stream = TcpStream::connect(&server.address).map_err(|error| {
            format!("connection {at}: {error}; raise the limit of open files: ulimit -n 25000")
        })?;
        exchange(&mut stream, &request)?;
        open.push(stream);
    }
    let held = server.resident()? - before;
    let start = Instant::now();
    for stream in &mut open {
        exchange(stream, &request)?;
    }
    println!(
        "{CONNECTIONS} connections: {:.1} MB, {} bytes each; all served again in {} ms",
        megabytes(held),
        held * 1024 / CONNECTIONS as u64,
        start.elapsed().as_millis()
    );
    Ok(())
}

fn megabytes(kilobytes: u64) -> f64 {
    kilobytes as f64 / 1024.0
}
