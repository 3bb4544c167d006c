//! Clients whose calls are futures: a task for each call in flight, all on one thread.

use std::future::Future;
use std::time::Instant;

use crate::exchange::{Outcome, Trouble};
use crate::orders::{self, Mode, Orders};
use crate::tally::{Calls, Span, Tally};

pub trait Async: Clone + Send + Sync + 'static {
    fn call(&self) -> impl Future<Output = Outcome> + Send;
}

/// Does as it is told with the client that `make` makes.
pub fn run<C: Async>(orders: &Orders, make: impl FnOnce() -> Result<C, Trouble>) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let caller = runtime.block_on(async { make() })?;
    match orders.mode {
        Mode::Call(calls) => runtime.block_on(async {
            for _ in 0..calls {
                caller.call().await?;
            }
            Ok(())
        }),
        Mode::Drive => {
            runtime.block_on(caller.call())?;
            orders::drive(|in_flight, long| {
                let span = Span::of(long);
                let calls =
                    runtime.block_on(together(in_flight, &caller, move |caller| async move {
                        let mut calls = Calls::default();
                        loop {
                            let start = Instant::now();
                            caller.call().await?;
                            if !calls.note(span, start, Instant::now()) {
                                return Ok(calls);
                            }
                        }
                    }))?;
                Ok(Tally::new(span, calls))
            })
        }
        Mode::Herd(callers) => {
            let calls = together(callers, &caller, |caller| async move { Ok(caller.call().await) });
            let done = runtime.block_on(calls)?;
            orders::say_served(done.iter().filter(|done| done.is_ok()).count(), callers);
            Ok(())
        }
        Mode::Memory => {
            runtime.block_on(caller.call())?;
            orders::say_memory()
        }
    }
}

async fn together<C: Async, F, T>(
    tasks: usize,
    caller: &C,
    work: impl Fn(C) -> F,
) -> Result<Vec<T>, Trouble>
where
    F: Future<Output = Result<T, Trouble>> + Send + 'static,
    T: Send + 'static,
{
    let running: Vec<_> = (0..tasks).map(|_| tokio::spawn(work(caller.clone()))).collect();
    let mut done = Vec::with_capacity(tasks);
    for task in running {
        done.push(task.await??);
    }
    Ok(done)
}
