//! Tokens shared by processes and machines: what the machine asks of a store.
//!
//! The stores themselves live in crates of their own; core knows only the questions. A store that
//! fails, hangs or answers nonsense costs a call nothing but the sharing: it goes on with the
//! memory of its own process.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{ClientId, CorpId, Secret};

/// Asks a store. `Exchange` is a [`StoreReply`] for blocking stores and a future of one for async
/// stores.
///
/// A store answers what it does not understand, and every failure of its own, with
/// [`StoreReply::Failed`]. Questions may be asked more than once.
pub trait Store {
    /// A [`StoreReply`], or a future of it.
    type Exchange;

    /// Asks one question.
    fn ask(&self, question: StoreOp) -> Self::Exchange;
}

/// A question to a store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
#[non_exhaustive]
pub enum StoreOp {
    /// What is stored? Answer with [`StoreReply::Record`].
    Load {
        /// Whose token.
        key: StoreKey,
    },
    /// Take the lock for the holder and say what is stored now, in one step. Answer with
    /// [`StoreReply::Locked`], or [`StoreReply::Busy`] while another holder's lock lives. The
    /// same holder may take it again, which prolongs it.
    Lock {
        /// Whose token.
        key: StoreKey,
        /// Who wants it: random, and new for each attempt.
        holder: u64,
        /// After this time the lock is free again, in milliseconds.
        lease_ms: u64,
    },
    /// Keep the record unless the stored one expires later, and free the lock if this holder has
    /// it. Answer with [`StoreReply::Done`].
    Save {
        /// Whose token.
        key: StoreKey,
        /// Whose lock to free.
        holder: u64,
        /// What to keep.
        record: Record,
    },
    /// Free the lock if this holder has it. Answer with [`StoreReply::Done`].
    Unlock {
        /// Whose token.
        key: StoreKey,
        /// Whose lock to free.
        holder: u64,
    },
}

/// A store's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "snake_case")]
#[non_exhaustive]
pub enum StoreReply {
    /// What is stored, if anything.
    Record {
        /// The record.
        record: Option<Record>,
    },
    /// The lock is yours; this is what is stored.
    Locked {
        /// The record.
        record: Option<Record>,
    },
    /// Another holder has the lock.
    Busy,
    /// Done.
    Done,
    /// The store could not do it. The text is for a log: no keys, no values.
    Failed {
        /// What happened, in the store's words.
        why: String,
    },
}

/// A stored token.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Record {
    /// The token.
    pub value: Secret,
    /// End of its life in Unix milliseconds.
    pub expires_at: u64,
}

impl Record {
    /// A record from its parts; `expires_at` in Unix milliseconds.
    pub fn new(value: Secret, expires_at: u64) -> Self {
        Self { value, expires_at }
    }
}

impl PartialEq for Record {
    fn eq(&self, other: &Self) -> bool {
        self.expires_at == other.expires_at && self.value.matches(other.value.expose())
    }
}

impl Eq for Record {}

/// Whose token: kind of credential, edition of the platform, app, and organization. No two
/// credentials share one, and it holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StoreKey {
    /// `app`, `ticket` or `sso`.
    pub kind: String,
    /// The host that gives the token.
    pub host: String,
    /// The app.
    pub client_id: ClientId,
    /// The organization, where the credential names one.
    pub corp_id: Option<CorpId>,
}

impl fmt::Display for StoreKey {
    /// One line, the same on every machine: `dingtalk/app/api.dingtalk.com/dingabc/-`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let corp_id = self.corp_id.as_ref().map_or("-", CorpId::as_str);
        write!(f, "dingtalk/{}/{}/{}/{corp_id}", self.kind, self.host, self.client_id)
    }
}

/// How long a waiter lets another process fetch before it looks again.
pub(crate) const POLL: Duration = Duration::from_millis(100);
