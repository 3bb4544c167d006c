//! Replacing a token ahead of time, on a thread that the program owns.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant};

use dingtalk_core::auth::{HeldToken, ObtainToken};
use dingtalk_core::{ActsAs, AnyToken, Error, Upkeep};

use crate::Client;

/// However odd the answers are, the platform is asked at most this often.
const LEAST_PAUSE: Duration = Duration::from_secs(1);

impl<C: ActsAs<AnyToken>> Client<C> {
    /// Keeps the credential's token fresh until it is stopped: replaces it ten minutes before its
    /// end, so that no call waits for one, and tells `report` of every new token and every
    /// failure. After a failure it tries again every half minute.
    ///
    /// A token that could not be replaced yet goes on serving; `report` hears why.
    ///
    /// It blocks, and starts no thread of its own:
    ///
    /// ```
    /// use dingtalk_blocking::core::{App, Reply, Request, Response, from_fn};
    /// use dingtalk_blocking::{Client, Stop};
    ///
    /// # let transport = from_fn(|_: Request| -> Reply {
    /// #     Ok(Response::new(200, Default::default(), r#"{"accessToken":"t","expireIn":7200}"#))
    /// # });
    /// let client = Client::with_transport(App::internal("id", "secret"), transport);
    /// let stop = Stop::new();
    /// let thread = std::thread::spawn({
    ///     let (client, stop) = (client.clone(), stop.clone());
    ///     move || {
    ///         client.keep_fresh(&stop, |outcome| match outcome {
    ///             Ok(token) => println!("token good until {}", token.expires_at),
    ///             Err(error) => eprintln!("token not replaced: {error}"),
    ///         });
    ///     }
    /// });
    /// stop.stop();
    /// thread.join().unwrap();
    /// ```
    pub fn keep_fresh(&self, stop: &Stop, mut report: impl FnMut(Result<HeldToken, Error>)) {
        let mut upkeep = Upkeep::new();
        while !stop.is_stopped() {
            let source = self.caller().source();
            let pause = upkeep.wait(source, self.now()).unwrap_or_else(|| {
                let outcome = self.call(ObtainToken::new());
                report(upkeep.settle(source, outcome, self.now()));
                LEAST_PAUSE
            });
            stop.wait(pause);
        }
    }
}

/// Ends a [`keep_fresh`](Client::keep_fresh) at once, and whatever else takes one. A clone is the
/// same switch.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<(Mutex<Switch>, Condvar)>);

#[derive(Debug, Default)]
struct Switch {
    pulled: bool,
    /// Who waits for something else beside it.
    bells: Vec<Waker>,
}

impl Stop {
    /// One that is not pulled yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Wakes and ends everything that holds this switch. A call that is out is waited for by its
    /// own limits.
    pub fn stop(&self) {
        let mut switch = self.switch();
        switch.pulled = true;
        self.0.1.notify_all();
        switch.bells.iter().for_each(Waker::wake_by_ref);
    }

    /// Whether it was pulled.
    pub fn is_stopped(&self) -> bool {
        self.switch().pulled
    }

    /// Rings when it is pulled, until it is told not to.
    #[cfg(feature = "stream")]
    pub(crate) fn ring(&self, bell: &Waker) {
        self.switch().bells.push(bell.clone());
    }

    #[cfg(feature = "stream")]
    pub(crate) fn hush(&self, bell: &Waker) {
        self.switch().bells.retain(|one| !one.will_wake(bell));
    }

    fn wait(&self, at_most: Duration) {
        let end = Instant::now() + at_most;
        let mut switch = self.switch();
        while !switch.pulled {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            let woken = self.0.1.wait_timeout(switch, left);
            switch = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn switch(&self) -> MutexGuard<'_, Switch> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
