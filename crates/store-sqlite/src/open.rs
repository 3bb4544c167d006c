//! The file: made for its owner alone, and recognized.

use std::fmt;
use std::fs::OpenOptions;
use std::io;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::table;

/// Why a file cannot be a store.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OpenError {
    /// It cannot be opened or made.
    File(String),
    /// It is no database, or that of another program.
    Foreign,
    /// It was written by a newer version of this crate, which this number tells.
    Newer(i64),
    /// It was opened but cannot be used: read-only, full, broken.
    Unusable(String),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(why) => write!(f, "the token store cannot be opened: {why}"),
            Self::Foreign => {
                f.write_str("the token store's file is no token store: name another one")
            }
            Self::Newer(version) => write!(
                f,
                "the token store was written by a newer version (form {version}): update this program"
            ),
            Self::Unusable(why) => write!(f, "the token store cannot be used: {why}"),
        }
    }
}

impl std::error::Error for OpenError {}

/// How long a question waits for another process.
const BUSY: Duration = Duration::from_secs(2);
/// Between two tries where SQLite does not wait itself.
const PAUSE: Duration = Duration::from_millis(2);
/// Marks the file as ours: `ding` in ASCII.
const APPLICATION: i64 = 0x6469_6e67;

pub(crate) fn open(path: &Path) -> Result<Connection, OpenError> {
    make(path).map_err(|error| OpenError::File(error.to_string()))?;
    // No URI: a file's name is a name.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection =
        Connection::open_with_flags(path, flags).map_err(|error| OpenError::File(said(&error)))?;
    recognize(&mut connection)?;
    Ok(connection)
}

/// Makes the file before SQLite would, so that it is nobody else's from its first moment.
fn make(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::other("it is no file"));
        }
        // SQLite gives its side files the same mode.
        if metadata.permissions().mode() & 0o077 != 0 {
            file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
        }
    }
    drop(file);
    Ok(())
}

fn recognize(connection: &mut Connection) -> Result<(), OpenError> {
    let trouble = |error: rusqlite::Error| match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => OpenError::Foreign,
        _ => OpenError::Unusable(said(&error)),
    };
    connection.busy_timeout(BUSY).map_err(trouble)?;
    let number = |connection: &Connection, name: &str| {
        connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0))
    };
    // One look in one transaction: another process may be making the same file.
    let transaction = connection
        .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
        .map_err(trouble)?;
    let application = number(&transaction, "application_id").map_err(trouble)?;
    let version = number(&transaction, "user_version").map_err(trouble)?;
    let tables: i64 = transaction
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(trouble)?;
    match (application, tables) {
        (0, 0) => {
            transaction.pragma_update(None, "application_id", APPLICATION).map_err(trouble)?;
            transaction.pragma_update(None, "user_version", table::VERSION).map_err(trouble)?;
            transaction.execute_batch(table::MAKE).map_err(trouble)?;
        }
        (APPLICATION, _) if version == table::VERSION => {}
        (APPLICATION, _) => return Err(OpenError::Newer(version)),
        _ => return Err(OpenError::Foreign),
    }
    transaction.commit().map_err(trouble)?;
    let set = |name: &str, value: &str| {
        // Some of these answer with a row, which is of no interest.
        connection.query_row(&format!("PRAGMA {name} = {value}"), [], |_| Ok(())).or_else(|error| {
            match error {
                rusqlite::Error::QueryReturnedNoRows => Ok(()),
                error => Err(error),
            }
        })
    };
    patiently(|| set("journal_mode", "WAL")).map_err(trouble)?;
    // A refresh token that was stored must be there after the power failed.
    set("synchronous", "FULL").map_err(trouble)?;
    set("secure_delete", "ON").map_err(trouble)?;
    set("trusted_schema", "OFF").map_err(trouble)
}

/// SQLite waits by itself where a lock is the first of its transaction only, which it is not in the
/// change to WAL: of many that open a new file at once, the later ones are sent away there.
fn patiently(mut ask: impl FnMut() -> rusqlite::Result<()>) -> rusqlite::Result<()> {
    let end = Instant::now() + BUSY;
    loop {
        match ask() {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {
                if Instant::now() >= end {
                    return Err(error);
                }
                thread::sleep(PAUSE);
            }
            answer => return answer,
        }
    }
}

/// What a failure says, without keys, values and statements.
pub(crate) fn said(error: &rusqlite::Error) -> String {
    match error.sqlite_error() {
        Some(inner) => inner.to_string(),
        None => "an answer of another form than expected".to_owned(),
    }
}
