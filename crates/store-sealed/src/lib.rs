//! Seals what [DingTalk](https://open.dingtalk.com) for Rust keeps in a shared store: tokens,
//! refresh tokens and tickets are encrypted with a key that the program holds, so that a dump of
//! the store is no breach.
//!
//! ```
//! use dingtalk_core::store::{Memory, NewRecord, Store, StoreKey, StoreKind, StoreOp, StoreReply};
//! use dingtalk_store_sealed::{Keys, Sealed};
//! use std::time::Duration;
//!
//! let store = Memory::new(|| 0);
//! // 32 random bytes in Base64, from wherever the program keeps its secrets.
//! let keys = Keys::new("2026-11", "3q2+7wABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhs=")?;
//! let sealed = Sealed::new(store.clone(), keys);
//!
//! let key = StoreKey::new(StoreKind::App, "api.dingtalk.com", "dingabc");
//! let life = Duration::from_secs(7_200);
//! let record = NewRecord::new("the token".into(), life, life);
//! sealed.ask(StoreOp::Write { key: key.clone(), expected: 0, record, unlock: None });
//!
//! let read = |reply| match reply {
//!     StoreReply::Record { record: Some(record) } => record.value.expose().to_owned(),
//!     other => panic!("{other:?}"),
//! };
//! assert_eq!(read(sealed.ask(StoreOp::Load { key: key.clone() })), "the token");
//! assert!(read(store.ask(StoreOp::Load { key })).starts_with("sealed.1.2026-11."));
//! # Ok::<(), dingtalk_store_sealed::BadKey>(())
//! ```
//!
//! Give the wrapped store to a client's builder: [`Sealed`] to a blocking one, [`AsyncSealed`] to
//! an async one.
//!
//! # What it promises
//!
//! - AES-256-GCM with a fresh random nonce for every write. What is sealed is bound to its
//!   [`StoreKey`]: a record that was moved to another credential does not open. Keys and times stay
//!   readable, since the store works with them.
//! - A record that does not open is an error ([`StoreReply::Failed`]) that names the id of the key
//!   it wants, never garbage. Credentials that renew go on without the store then; a session with a
//!   refresh token says [`ErrorKind::Store`](dingtalk_core::ErrorKind::Store).
//! - Rotation: [`Keys::and`] adds older keys that still open, while new records are sealed with the
//!   first. Once the records of the older key are over (two hours; sessions thirty days), drop it.
//! - Some 2³² writes under one key are safe with random nonces: a key a year is plenty.

mod keys;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use dingtalk_core::store::{Store, StoreKey, StoreOp, StoreReply};

pub use keys::{BadKey, Keys};

/// A blocking store whose records are sealed.
pub struct Sealed<S> {
    store: S,
    keys: Keys,
}

impl<S: Store<Exchange = StoreReply>> Sealed<S> {
    /// Seals with the first of these keys what goes into the store, and opens what comes out.
    pub fn new(store: S, keys: Keys) -> Self {
        Self { store, keys }
    }
}

impl<S: Store<Exchange = StoreReply>> Store for Sealed<S> {
    type Exchange = StoreReply;

    fn ask(&self, question: StoreOp) -> StoreReply {
        let Asked { question, key, holder } = match Asked::seal(question, &self.keys) {
            Ok(asked) => asked,
            Err(failed) => return failed,
        };
        let reply = self.store.ask(question);
        match open(reply, key.as_ref(), &self.keys) {
            Ok(reply) => reply,
            Err(failed) => {
                if let Some(unlock) = unlock(key, holder) {
                    self.store.ask(unlock);
                }
                failed
            }
        }
    }
}

/// An async store whose records are sealed.
pub struct AsyncSealed<S>(Arc<Sealed<S>>);

impl<S> AsyncSealed<S>
where
    S: Store,
    S::Exchange: Future<Output = StoreReply>,
{
    /// Seals with the first of these keys what goes into the store, and opens what comes out.
    pub fn new(store: S, keys: Keys) -> Self {
        Self(Arc::new(Sealed { store, keys }))
    }
}

impl<S> Store for AsyncSealed<S>
where
    S: Store + Send + Sync + 'static,
    S::Exchange: Future<Output = StoreReply> + Send,
{
    type Exchange = Pin<Box<dyn Future<Output = StoreReply> + Send>>;

    fn ask(&self, question: StoreOp) -> Self::Exchange {
        let this = Arc::clone(&self.0);
        Box::pin(async move {
            let Asked { question, key, holder } = match Asked::seal(question, &this.keys) {
                Ok(asked) => asked,
                Err(failed) => return failed,
            };
            let reply = this.store.ask(question).await;
            match open(reply, key.as_ref(), &this.keys) {
                Ok(reply) => reply,
                Err(failed) => {
                    if let Some(unlock) = unlock(key, holder) {
                        this.store.ask(unlock).await;
                    }
                    failed
                }
            }
        })
    }
}

impl<S> Clone for AsyncSealed<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S: fmt::Debug> fmt::Debug for Sealed<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealed").field("store", &self.store).field("keys", &self.keys).finish()
    }
}

impl<S: fmt::Debug> fmt::Debug for AsyncSealed<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AsyncSealed").field(&self.0).finish()
    }
}

/// A question as the store gets it, and what is needed for its answer.
struct Asked {
    question: StoreOp,
    key: Option<StoreKey>,
    /// Who asked for a lock.
    holder: Option<u64>,
}

impl Asked {
    fn seal(mut question: StoreOp, keys: &Keys) -> Result<Self, StoreReply> {
        let (key, holder) = match &mut question {
            StoreOp::Load { key } => (Some(key.clone()), None),
            StoreOp::Lock { key, holder, .. } => (Some(key.clone()), Some(*holder)),
            StoreOp::Write { key, record, .. } => {
                record.value = keys.seal(&record.value, &key.to_string()).map_err(failed)?;
                (Some(key.clone()), None)
            }
            _ => (None, None),
        };
        Ok(Self { question, key, holder })
    }
}

fn open(
    mut reply: StoreReply,
    key: Option<&StoreKey>,
    keys: &Keys,
) -> Result<StoreReply, StoreReply> {
    if let (
        StoreReply::Record { record: Some(record) }
        | StoreReply::Locked { record: Some(record) }
        | StoreReply::Stale { record: Some(record) },
        Some(key),
    ) = (&mut reply, key)
    {
        record.value = keys.open(&record.value, &key.to_string()).map_err(failed)?;
    }
    Ok(reply)
}

/// A lock that came with a record that does not open is given back: nobody would use it.
fn unlock(key: Option<StoreKey>, holder: Option<u64>) -> Option<StoreOp> {
    Some(StoreOp::Unlock { key: key?, holder: holder? })
}

fn failed(why: String) -> StoreReply {
    StoreReply::Failed { why }
}
