//! What a client's program is told on its command line, and what it says.

use std::io::BufRead;
use std::process::ExitCode;
use std::time::Duration;

use crate::exchange::{Outcome, Trouble};
use crate::tally::Tally;

/// The command line of a client's program.
pub struct Orders {
    pub mode: Mode,
    pub work: Work,
    pub origin: String,
}

#[derive(Clone, Copy)]
pub enum Mode {
    Call(u64),
    Drive,
    Herd(usize),
    Memory,
}

#[derive(Clone, Copy)]
pub enum Work {
    /// One person's record.
    User,
    /// So many people's records in one answer.
    List(usize),
    /// One person's record, in the name of so many organizations in turn.
    Corps(usize),
}

impl Orders {
    fn parse(arguments: &[String]) -> Result<Self, Trouble> {
        let [mode, work, origin, rest @ ..] = arguments else {
            return Err("MODE WORK ORIGIN [NUMBER]".into());
        };
        let number = rest.first().map(|number| number.parse::<u64>()).transpose()?;
        let mode = match (mode.as_str(), number) {
            ("call", Some(calls)) => Mode::Call(calls),
            ("drive", None) => Mode::Drive,
            ("herd", Some(callers)) => Mode::Herd(callers as usize),
            ("memory", None) => Mode::Memory,
            _ => return Err("call N | drive | herd N | memory".into()),
        };
        let work = match work.split_once(':') {
            None if work == "user" => Work::User,
            Some(("list", size)) => Work::List(size.parse()?),
            Some(("corps", how_many)) => Work::Corps(how_many.parse()?),
            _ => return Err("user | list:N | corps:N".into()),
        };
        Ok(Self { mode, work, origin: origin.clone() })
    }
}

/// What a client says who has no such call.
pub fn not_made() -> Trouble {
    "this client is not measured with that work".into()
}

/// The `main` of a client's program.
pub fn obey(run: impl FnOnce(&Orders) -> Outcome) -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match Orders::parse(&arguments).and_then(|orders| run(&orders)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Measures as often as the lines of standard input say.
pub fn drive(mut measure: impl FnMut(usize, Duration) -> Result<Tally, Trouble>) -> Outcome {
    println!("ready");
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let (in_flight, millis) = line.split_once(' ').ok_or("IN_FLIGHT MILLISECONDS")?;
        let tally = measure(in_flight.parse()?, Duration::from_millis(millis.parse()?))?;
        println!("{}", tally.json());
    }
    Ok(())
}

/// Says how many callers of a herd got an answer.
pub fn say_served(served: usize, callers: usize) {
    println!(r#"{{"served":{served},"callers":{callers}}}"#);
}

/// Says how many kilobytes this process holds.
pub fn say_memory() -> Outcome {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    println!("{}", line.trim().trim_end_matches("kB").trim());
    Ok(())
}
