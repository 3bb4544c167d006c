//! Replacing all of a store's tokens ahead of time, on a thread that the program owns.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use dingtalk_core::auth::HeldToken;
use dingtalk_core::{Chore, Credential, Due, Error, StoreKey, StoreUpkeep};

use crate::{Client, Stop};

impl<C: Credential> Client<C> {
    /// Keeps all credentials of an app fresh that are in the client's store, until it is stopped:
    /// see [`StoreUpkeep`]. Start it in every process; one of them is in charge at a time. `report`
    /// is told of every token that was replaced and every failure, each with its key; failures of
    /// the store itself come under [`StoreUpkeep::lock_key`].
    ///
    /// It blocks. Each credential is replaced on a thread of its own, at most
    /// [so many](StoreUpkeep::at_most) at once, and all of them end before it returns; then another
    /// process takes over at once.
    ///
    /// ```
    /// use dingtalk_blocking::core::store::Memory;
    /// use dingtalk_blocking::core::{App, StoreUpkeep};
    /// use dingtalk_blocking::{Client, Stop};
    ///
    /// let app = App::internal("dingabc", "secret");
    /// # // A store of one process, which stands for the one that yours share.
    /// let store = Memory::new(|| 0);
    /// let client = Client::builder(app.clone()).store(store).build()?;
    /// let stop = Stop::new();
    /// let thread = std::thread::spawn({
    ///     let stop = stop.clone();
    ///     move || {
    ///         let upkeep = StoreUpkeep::of_app(&app).at_most(16);
    ///         client.keep_store_fresh(upkeep, &stop, |key, outcome| match outcome {
    ///             Ok(token) => println!("{key} good until {}", token.expires_at),
    ///             Err(error) => eprintln!("{key} not replaced: {error}"),
    ///         })
    ///     }
    /// });
    /// stop.stop();
    /// thread.join().unwrap()?;
    /// # Ok::<(), dingtalk_blocking::core::Error>(())
    /// ```
    ///
    /// # Errors
    /// At once, when the client has no store.
    pub fn keep_store_fresh(
        &self,
        mut upkeep: StoreUpkeep,
        stop: &Stop,
        mut report: impl FnMut(&StoreKey, Result<HeldToken, Error>),
    ) -> Result<(), Error> {
        if !self.has_store() {
            return Err(Error::invalid("the client has no store"));
        }
        let back = Back::default();
        thread::scope(|scope| {
            while !stop.is_stopped() {
                match upkeep.next(self.now(), self.entropy()) {
                    Chore::Renew(due) => {
                        let client = self.on_behalf_of(&due);
                        let back = &back;
                        scope.spawn(move || {
                            let outcome = client.call(due.request());
                            back.lock().push((due, outcome));
                            stop.nudge();
                        });
                    }
                    Chore::Ask(question) => {
                        let reply = self.ask(question);
                        if let Some(error) = upkeep.told(reply, self.now()) {
                            report(&upkeep.lock_key(), Err(error));
                        }
                    }
                    Chore::Wait(pause) => stop.wait_unless(pause, || !back.lock().is_empty()),
                    _ => return Err(Error::invalid("a chore that this client does not know")),
                }
                self.settle(&mut upkeep, &back, &mut report);
            }
            Ok(())
        })?;
        self.settle(&mut upkeep, &back, &mut report);
        if let Some(question) = upkeep.leave() {
            self.ask(question);
        }
        Ok(())
    }

    fn settle(
        &self,
        upkeep: &mut StoreUpkeep,
        back: &Back,
        report: &mut impl FnMut(&StoreKey, Outcome),
    ) {
        let back = std::mem::take(&mut *back.lock());
        for (due, outcome) in back {
            let outcome = upkeep.settle(&due, outcome, self.now());
            report(due.key(), outcome);
        }
    }
}

type Outcome = Result<HeldToken, Error>;

/// What has come back from the threads.
#[derive(Default)]
struct Back(Mutex<Vec<(Due, Outcome)>>);

impl Back {
    fn lock(&self) -> MutexGuard<'_, Vec<(Due, Outcome)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
