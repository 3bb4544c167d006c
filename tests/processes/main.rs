//! Many processes over one store, and what goes wrong between them: how often the platform is asked for
//! a token, counted by the sandbox.
//!
//! ```sh
//! cargo run -p dingtalk-tests --bin processes                        # as tests/run does it
//! cargo run -p dingtalk-tests --bin processes -- --faults 200 --seed 7   # longer, on other ground
//! ```
//!
//! It needs `redis-server` and `redis-cli`. Eight processes, four of them async, make 200 calls at once after each of 50 expiries: without faults
//! exactly 50 token requests may come of it. Then processes are killed and stopped, and Redis is paused
//! and killed, at the worst moments. Time is counted up by the coordinator for everybody: sandbox,
//! processes and store. No pause waits for an expiry.

mod coordinator;
mod faults;
mod place;
mod worker;

use std::process::ExitCode;
use std::time::Instant;

use coordinator::{Coordinator, Whose};
use faults::Fault;
use place::Place;

type Trouble = Box<dyn std::error::Error + Send + Sync>;
type Outcome<T = ()> = Result<T, Trouble>;

/// How many processes there are, and how many calls each makes at once.
const PROCESSES: usize = 8;
const TASKS: usize = 200;

struct Options {
    rounds: usize,
    faults: usize,
    seed: u64,
    stores: Vec<String>,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.first().map(String::as_str) {
        Some("worker") => worker::work(),
        _ => options(&arguments).and_then(|options| everything(&options)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("processes: {error}");
            ExitCode::FAILURE
        }
    }
}

fn options(arguments: &[String]) -> Outcome<Options> {
    let mut options = Options {
        rounds: 50,
        faults: 8,
        seed: std::process::id().into(),
        stores: vec!["sqlite".into(), "redis".into()],
    };
    for pair in arguments.chunks(2) {
        match pair {
            [name, value] if name == "--rounds" => options.rounds = value.parse()?,
            [name, value] if name == "--faults" => options.faults = value.parse()?,
            [name, value] if name == "--seed" => options.seed = value.parse()?,
            [name, value] if name == "--store" => options.stores = vec![value.clone()],
            _ => return Err("--rounds N, --faults N, --seed N, --store sqlite|redis".into()),
        }
    }
    Ok(options)
}

/// One line of the table.
struct Row {
    store: String,
    what: String,
    rounds: usize,
    calls: usize,
    faults: usize,
    requests: usize,
    extra: usize,
    in_doubt: usize,
    seconds: f64,
}

fn everything(options: &Options) -> Outcome {
    println!("seed {}: {PROCESSES} processes, {TASKS} calls each after every expiry", options.seed);
    let rows: Outcome<Vec<Vec<Row>>> = std::thread::scope(|scope| {
        let runs: Vec<_> = options
            .stores
            .iter()
            .map(|store| scope.spawn(move || of_store(store, options)))
            .collect();
        runs.into_iter().map(|run| run.join().map_err(|_| "a coordinator panicked")?).collect()
    });
    print(&rows?);
    Ok(())
}

fn of_store(store: &str, options: &Options) -> Outcome<Vec<Row>> {
    let place = Place::new(store)?;
    let mut all = Coordinator::start(place, options.seed)?;
    let mut rows = Vec::new();
    for whose in [Whose::App, Whose::Person] {
        let plan = vec![None; options.rounds];
        let row = run(&mut all, store, whose, "no faults", plan)?;
        if row.requests != options.rounds {
            let (found, wanted) = (row.requests, options.rounds);
            return Err(format!("{store}, {whose:?}: {found} token requests, not {wanted}").into());
        }
        rows.push(row);
        for (name, kinds) in Fault::of(store, whose) {
            let plan = (0..options.faults).map(|at| Some(kinds[at % kinds.len()])).collect();
            rows.push(run(&mut all, store, whose, name, plan)?);
        }
    }
    Ok(rows)
}

/// A round for each expiry, with its fault. The coordinator sees to it that what must hold does.
fn run(
    all: &mut Coordinator,
    store: &str,
    whose: Whose,
    name: &str,
    plan: Vec<Option<Fault>>,
) -> Outcome<Row> {
    let began = Instant::now();
    let rounds = plan.len();
    let faults = plan.iter().flatten().count();
    let (mut calls, mut requests, mut extra, mut in_doubt) = (0, 0, 0, 0);
    for (number, fault) in plan.into_iter().enumerate() {
        let told =
            |error| format!("{store}, {whose:?}, {name}, round {number}, {fault:?}: {error}");
        let round = all.round(whose, number, fault).map_err(told)?;
        calls += round.calls;
        requests += round.requests;
        extra += round.requests.saturating_sub(1);
        in_doubt += usize::from(round.in_doubt);
    }
    let what = format!("{whose:?}, {name}");
    let seconds = began.elapsed().as_secs_f64();
    let store = store.to_owned();
    Ok(Row { store, what, rounds, calls, faults, requests, extra, in_doubt, seconds })
}

fn print(stores: &[Vec<Row>]) {
    println!(
        "\n{:<7} {:<32} {:>8} {:>8} {:>7} {:>9} {:>6} {:>9} {:>8}",
        "store", "", "expiries", "calls", "faults", "requests", "extra", "in doubt", "seconds"
    );
    for row in stores.iter().flatten() {
        println!(
            "{:<7} {:<32} {:>8} {:>8} {:>7} {:>9} {:>6} {:>9} {:>8.1}",
            row.store,
            row.what,
            row.rounds,
            row.calls,
            row.faults,
            row.requests,
            row.extra,
            row.in_doubt,
            row.seconds
        );
    }
    println!(
        "\nNo record was followed by an older one, no refresh token was presented twice or lost, and no \
         fault cost more than one request."
    );
}
