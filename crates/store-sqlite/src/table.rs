//! Records and locks as rows; each question as one transaction.

use dingtalk_core::Secret;
use dingtalk_core::store::{NewRecord, Record, StoreKey, StoreOp, StoreReply};
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

/// The form of the tables.
pub(crate) const VERSION: i64 = 1;

/// A record keeps its key as text, which orders lists, and as JSON, which lists give back.
pub(crate) const MAKE: &str = "
    CREATE TABLE record (
        key TEXT PRIMARY KEY,
        owner TEXT NOT NULL,
        parts TEXT NOT NULL,
        value TEXT NOT NULL,
        version INTEGER NOT NULL,
        written INTEGER NOT NULL,
        renew_in INTEGER NOT NULL,
        expires_in INTEGER NOT NULL,
        forget_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX record_owner ON record (owner, key);
    CREATE INDEX record_forget ON record (forget_at);
    CREATE TABLE lock (
        key TEXT PRIMARY KEY,
        holder INTEGER NOT NULL,
        until INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX lock_until ON lock (until);
    CREATE TABLE counter (version INTEGER NOT NULL) STRICT;
    INSERT INTO counter VALUES (0);
";

pub(crate) fn answer(
    connection: &mut Connection,
    question: StoreOp,
    now: u64,
) -> rusqlite::Result<StoreReply> {
    let now = whole(now);
    match question {
        StoreOp::Load { key } => {
            Ok(StoreReply::Record { record: load(connection, &key.to_string(), now)? })
        }
        StoreOp::List { kind, host, client_id, after, limit } => {
            let owner = owner(&StoreKey::new(kind, host, client_id));
            let after = after.map_or_else(String::new, |key| key.to_string());
            list(connection, &owner, &after, limit, now)
        }
        question => {
            // Taking the file for writing at once: a transaction that began to read could not go
            // on to write beside another one.
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let reply = change(&transaction, question, now)?;
            transaction.commit()?;
            Ok(reply)
        }
    }
}

fn change(on: &Transaction<'_>, question: StoreOp, now: i64) -> rusqlite::Result<StoreReply> {
    match question {
        StoreOp::Lock { key, holder, lease_ms } => {
            let name = key.to_string();
            let taken = on
                .prepare_cached(
                    "INSERT INTO lock VALUES (?1, ?2, ?3)
                     ON CONFLICT (key) DO UPDATE SET holder = ?2, until = ?3
                     WHERE holder = ?2 OR until <= ?4",
                )?
                .execute(params![name, signed(holder), now.saturating_add(whole(lease_ms)), now])?;
            match taken {
                0 => Ok(StoreReply::Busy),
                _ => Ok(StoreReply::Locked { record: load(on, &name, now)? }),
            }
        }
        StoreOp::Write { key, expected, record, unlock } => {
            let name = key.to_string();
            let there = load(on, &name, now)?;
            if there.as_ref().map_or(0, |record| record.version) != expected {
                return Ok(StoreReply::Stale { record: there });
            }
            let version = write(on, &key, &name, &record, now)?;
            if let Some(holder) = unlock {
                free(on, &name, holder)?;
            }
            sweep(on, now)?;
            Ok(StoreReply::Written { version })
        }
        StoreOp::Unlock { key, holder } => {
            free(on, &key.to_string(), holder)?;
            Ok(StoreReply::Done)
        }
        StoreOp::Remove { key, expected } => {
            on.prepare_cached(
                "DELETE FROM record WHERE key = ?1 AND (?2 IS NULL OR version = ?2)",
            )?
            .execute(params![key.to_string(), expected.map(whole)])?;
            Ok(StoreReply::Done)
        }
        _ => Ok(StoreReply::Failed { why: "this store does not know that question".into() }),
    }
}

fn load(on: &Connection, name: &str, now: i64) -> rusqlite::Result<Option<Record>> {
    on.prepare_cached(
        "SELECT value, version, written, renew_in, expires_in FROM record
         WHERE key = ?1 AND forget_at > ?2",
    )?
    .query_row(params![name, now], |row| {
        let count = |column| row.get::<_, i64>(column).map(natural);
        let age = natural(now).saturating_sub(count(2)?);
        let left = |column| count(column).map(|time| time.saturating_sub(age));
        let value = Secret::new(row.get::<_, String>(0)?);
        Ok(Record::new(value, count(1)?, age, left(3)?, left(4)?))
    })
    .optional()
}

fn write(
    on: &Transaction<'_>,
    key: &StoreKey,
    name: &str,
    record: &NewRecord,
    now: i64,
) -> rusqlite::Result<u64> {
    let version: i64 = on
        .prepare_cached("UPDATE counter SET version = max(version + 1, ?1) RETURNING version")?
        .query_row([now], |row| row.get(0))?;
    // A key is plain data; it can always be written.
    let parts = serde_json::to_string(key).unwrap_or_default();
    on.prepare_cached("INSERT OR REPLACE INTO record VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)")?
        .execute(params![
            name,
            owner(key),
            parts,
            record.value.expose(),
            version,
            now,
            whole(record.renew_in_ms),
            whole(record.expires_in_ms),
            now.saturating_add(whole(record.keep_ms)),
        ])?;
    Ok(natural(version))
}

fn free(on: &Connection, name: &str, holder: u64) -> rusqlite::Result<()> {
    on.prepare_cached("DELETE FROM lock WHERE key = ?1 AND holder = ?2")?
        .execute(params![name, signed(holder)])?;
    Ok(())
}

/// A few at a time, so that no write pays for many.
fn sweep(on: &Connection, now: i64) -> rusqlite::Result<()> {
    on.prepare_cached(
        "DELETE FROM record WHERE key IN (SELECT key FROM record WHERE forget_at <= ?1 LIMIT 8)",
    )?
    .execute([now])?;
    on.prepare_cached(
        "DELETE FROM lock WHERE key IN (SELECT key FROM lock WHERE until <= ?1 LIMIT 8)",
    )?
    .execute([now])?;
    Ok(())
}

fn list(
    on: &Connection,
    owner: &str,
    after: &str,
    limit: u32,
    now: i64,
) -> rusqlite::Result<StoreReply> {
    let mut select = on.prepare_cached(
        "SELECT parts FROM record WHERE owner = ?1 AND key > ?2 AND forget_at > ?3
         ORDER BY key LIMIT ?4",
    )?;
    let rows = select
        .query_map(params![owner, after, now, limit.max(1)], |row| row.get::<_, String>(0))?;
    let mut keys = Vec::new();
    for parts in rows {
        match serde_json::from_str::<StoreKey>(&parts?) {
            Ok(key) => keys.push(key),
            Err(_) => return Ok(StoreReply::Failed { why: "a stored key is broken".into() }),
        }
    }
    Ok(StoreReply::Keys { keys })
}

/// What all records of one kind, host and app have in common.
fn owner(key: &StoreKey) -> String {
    StoreKey::new(key.kind, &*key.host, &key.client_id).to_string()
}

/// Times and versions; what is too large for SQLite lasts as long as SQLite can say.
fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn natural(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// A holder's number, bit by bit.
fn signed(holder: u64) -> i64 {
    i64::from_ne_bytes(holder.to_ne_bytes())
}
