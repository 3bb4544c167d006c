//! Clients whose calls block: a thread for each call in flight.

use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use crate::exchange::{Outcome, Trouble};
use crate::orders::{self, Mode, Orders};
use crate::tally::{Calls, Span, Tally};

pub trait Blocking: Sync {
    fn call(&self) -> Outcome;
}

/// Does as it is told with this client.
pub fn run(orders: &Orders, caller: &impl Blocking) -> Outcome {
    match orders.mode {
        Mode::Call(calls) => (0..calls).try_for_each(|_| caller.call()),
        Mode::Drive => {
            caller.call()?;
            orders::drive(|in_flight, long| {
                let span = Span::of(long);
                let calls = together(in_flight, || {
                    let mut calls = Calls::default();
                    loop {
                        let start = Instant::now();
                        caller.call()?;
                        if !calls.note(span, start, Instant::now()) {
                            return Ok(calls);
                        }
                    }
                })?;
                Ok(Tally::new(span, calls))
            })
        }
        Mode::Herd(callers) => {
            let (served, ready) = (AtomicUsize::new(0), Barrier::new(callers));
            together(callers, || {
                ready.wait();
                let done = caller.call().is_ok();
                served.fetch_add(usize::from(done), Ordering::Relaxed);
                Ok(())
            })?;
            orders::say_served(served.into_inner(), callers);
            Ok(())
        }
        Mode::Memory => {
            caller.call()?;
            orders::say_memory()
        }
    }
}

fn together<T: Send>(
    threads: usize,
    work: impl Fn() -> Result<T, Trouble> + Sync,
) -> Result<Vec<T>, Trouble> {
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(&work)).collect();
        let done = workers.into_iter().map(|worker| worker.join());
        done.map(|done| done.unwrap_or_else(|_| Err("a caller panicked".into()))).collect()
    })
}
