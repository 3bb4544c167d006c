//! A store for [DingTalk](https://open.dingtalk.com) for Rust in a SQLite file: the processes of
//! one machine share their tokens, and a person who logged in stays logged in over restarts.
//!
//! ```no_run
//! use dingtalk_store_sqlite::SqliteStore;
//!
//! # fn main() -> Result<(), dingtalk_store_sqlite::OpenError> {
//! let store = SqliteStore::open("/var/lib/my-program/dingtalk.sqlite")?;
//! // dingtalk_blocking::Client::builder(app).store(store).build()
//! # let _ = store;
//! # Ok(())
//! # }
//! ```
//!
//! With the feature `async`, [`AsyncSqliteStore`] is the same for async clients. What is kept may be
//! sealed with a key of the program's: wrap the store with the crate `dingtalk-store-sealed`.
//!
//! # What it promises
//!
//! - The file is its owner's alone (mode 0600), written ahead (WAL), and never half-written: each
//!   question is one transaction, so that a process that is killed in the middle leaves the record
//!   before or the record after.
//! - Every answer comes within about two seconds: a question that another process keeps waiting for
//!   longer is answered with a failure, and the call goes on as it must without a store.
//! - A file of a newer version, or one that is no database, is an error at [`SqliteStore::open`] that
//!   says so; a file that breaks later is a failure of its questions. No error holds a key or a value.
//! - What was replaced or removed is overwritten in the file (`secure_delete`).
//! - Time is this machine's; SQLite has no other. If it is set back, records and locks live longer
//!   by as much. For more than one machine, take a store that has a clock of its own.
//!
//! It passes [`dingtalk_core::store::conformance`]. A network file system is no place for the file:
//! SQLite's locks do not hold there.

mod open;
mod table;

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use dingtalk_core::store::{Store, StoreOp, StoreReply};
use rusqlite::Connection;

pub use open::OpenError;

/// The store. A clone is the same connection; another process, or another [`open`](Self::open),
/// is another connection to the same records.
#[derive(Clone)]
pub struct SqliteStore(Arc<Inner>);

struct Inner {
    connection: Mutex<Connection>,
    clock: Box<dyn Fn() -> u64 + Send + Sync>,
}

impl SqliteStore {
    /// Opens the file, and makes it if it is not there. Its directory must be there.
    ///
    /// # Errors
    /// When the file cannot be opened or made, is no database of ours, or is of a newer version.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        Self::open_with_clock(path, unix_millis)
    }

    /// The same with a clock of the program's own, in Unix milliseconds, for tests that count it
    /// up. Everybody who opens the file must take the time from the same place.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with_clock(
        path: impl AsRef<Path>,
        clock: impl Fn() -> u64 + Send + Sync + 'static,
    ) -> Result<Self, OpenError> {
        let connection = open::open(path.as_ref())?;
        Ok(Self(Arc::new(Inner { connection: Mutex::new(connection), clock: Box::new(clock) })))
    }
}

impl Store for SqliteStore {
    type Exchange = StoreReply;

    fn ask(&self, question: StoreOp) -> StoreReply {
        // A panic of another thread left the connection between two transactions.
        let mut connection = self.0.connection.lock().unwrap_or_else(PoisonError::into_inner);
        // Read after the wait for the connection, so that versions follow the order of writes.
        let now = (self.0.clock)();
        table::answer(&mut connection, question, now)
            .unwrap_or_else(|error| StoreReply::Failed { why: open::said(&error) })
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").finish_non_exhaustive()
    }
}

/// The store for async clients: each question runs on tokio's threads for blocking work, so it
/// needs a tokio runtime around it.
#[cfg(feature = "async")]
#[derive(Clone, Debug)]
pub struct AsyncSqliteStore(SqliteStore);

#[cfg(feature = "async")]
impl AsyncSqliteStore {
    /// Takes a store that was opened.
    pub fn new(store: SqliteStore) -> Self {
        Self(store)
    }
}

#[cfg(feature = "async")]
impl Store for AsyncSqliteStore {
    type Exchange = std::pin::Pin<Box<dyn Future<Output = StoreReply> + Send>>;

    fn ask(&self, question: StoreOp) -> Self::Exchange {
        let store = self.0.clone();
        Box::pin(async move {
            let asked = tokio::task::spawn_blocking(move || store.ask(question)).await;
            asked.unwrap_or_else(|_| StoreReply::Failed { why: "the runtime is ending".into() })
        })
    }
}

fn unix_millis() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}
