//! Gates: requests that wait at the server until a test lets them go on.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::faults::names;
use crate::watched::Watched;

/// Holds requests before anything is done with them; see [`Sandbox::gate`](crate::Sandbox::gate). Dropping it lets
/// them go.
///
/// ```
/// use std::time::Duration;
/// use dingtalk_sandbox::Sandbox;
///
/// let sandbox = Sandbox::in_process();
/// let gate = sandbox.gate("GET /gettoken");
/// let other = sandbox.clone();
/// let call = std::thread::spawn(move || other.handle(http::Request::get("/gettoken").body(Vec::new()).unwrap()));
/// assert!(gate.wait_arrivals(1, Duration::from_secs(10)));
/// assert_eq!(sandbox.count("GET /gettoken"), 0, "it waits and is not executed");
/// gate.release();
/// call.join().unwrap();
/// assert_eq!(sandbox.count("GET /gettoken"), 1);
/// ```
#[derive(Debug)]
pub struct Gate {
    hold: Arc<Hold>,
}

impl Gate {
    /// Lets the held requests go on, and all later ones pass.
    pub fn release(&self) {
        self.hold.release();
    }

    /// How many requests have come to the gate so far, also those whose caller gave up.
    #[must_use]
    pub fn arrivals(&self) -> usize {
        self.hold.arrivals()
    }

    /// Blocks this thread until so many requests have come; false if that takes longer than the limit.
    #[must_use]
    pub fn wait_arrivals(&self, n: usize, limit: Duration) -> bool {
        self.hold.state.wait(Some(limit), |state| state.arrived >= n)
    }

    /// The same for a task, on any runtime and without a limit of its own.
    pub async fn arrived(&self, n: usize) {
        self.hold.arrived(n).await;
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.release();
    }
}

/// One gate, as the server and the control API know it.
#[derive(Debug)]
pub(crate) struct Hold {
    pub(crate) id: u64,
    pub(crate) on: String,
    pub(crate) state: Watched<State>,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) arrived: usize,
    pub(crate) held: usize,
    pub(crate) open: bool,
}

impl Hold {
    pub(crate) fn release(&self) {
        self.state.lock().open = true;
        self.state.changed();
    }

    pub(crate) fn arrivals(&self) -> usize {
        self.state.lock().arrived
    }

    pub(crate) async fn arrived(&self, n: usize) {
        self.state.until(|state| state.arrived >= n).await;
    }

    /// A request waits here, on the server.
    pub(crate) async fn pass(&self) {
        let _held = self.enter();
        self.state.until(|state| state.open).await;
    }

    /// A request waits here, in-process: the caller's thread stands still.
    pub(crate) fn pass_blocking(&self) {
        let _held = self.enter();
        self.state.wait(None, |state| state.open);
    }

    fn enter(&self) -> Held<'_> {
        let mut state = self.state.lock();
        state.arrived += 1;
        state.held += 1;
        drop(state);
        self.state.changed();
        Held(self)
    }
}

/// A request at the gate; a caller who leaves takes it away.
struct Held<'a>(&'a Hold);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.state.lock().held -= 1;
    }
}

/// The gates of one sandbox.
#[derive(Debug, Default)]
pub(crate) struct Gates {
    /// Most sandboxes have none, and their calls are not to pay for a lock.
    any: AtomicBool,
    last: AtomicU64,
    list: Mutex<Vec<Arc<Hold>>>,
}

impl Gates {
    pub(crate) fn add(&self, on: String) -> Arc<Hold> {
        let id = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        let hold = Arc::new(Hold { id, on, state: Watched::default() });
        self.lock().push(Arc::clone(&hold));
        self.any.store(true, Ordering::Release);
        hold
    }

    pub(crate) fn gate(&self, on: String) -> Gate {
        Gate { hold: self.add(on) }
    }

    pub(crate) fn any(&self) -> bool {
        self.any.load(Ordering::Acquire)
    }

    /// The first closed gate in the way of a call.
    pub(crate) fn before(&self, operation: &str) -> Option<Arc<Hold>> {
        self.closed().into_iter().find(|hold| names(&hold.on, operation))
    }

    /// Those that still hold.
    pub(crate) fn closed(&self) -> Vec<Arc<Hold>> {
        let mut list = self.lock();
        list.retain(|hold| !hold.state.lock().open);
        self.any.store(!list.is_empty(), Ordering::Release);
        list.clone()
    }

    pub(crate) fn release_all(&self) -> usize {
        let closed = self.closed();
        closed.iter().for_each(|hold| hold.release());
        closed.len()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<Hold>>> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
