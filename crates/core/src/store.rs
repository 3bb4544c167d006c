//! Tokens shared by processes and machines: what a store is asked, and what it answers.
//!
//! A store keeps small records under [`StoreKey`]s and lends locks. It knows nothing of tokens:
//! which record may replace which is decided here, by three rules for three kinds of credential,
//! and carried out by one question that every store can answer in one step, compare and swap.
//!
//! | kind of credential | rule | why |
//! |---|---|---|
//! | renewing: app, organization, page ticket, SSO | the later expiry stays | asking again renews, so the later answer is never worse |
//! | single use: a person's refresh token | only who holds the version it consumed may write; an intent is written before | the platform takes a refresh token once |
//! | pushed: suite ticket | the latest push stays | a push makes the one before it invalid |
//!
//! Times cross this border as what is left of them, in milliseconds, and a store counts them by
//! its own clock: the clocks of the machines that share it need not agree.
//!
//! # What holds
//!
//! 1. What is stored under a key never goes back: not its end, nor the refresh token's generation,
//!    nor a ticket's time.
//! 2. A refresh token is presented once, and once more for each presenter who knows that its
//!    answer is lost. It is announced before, and what it was exchanged for is stored only while
//!    that very token is still what is stored.
//! 3. A crash between the announcement and its outcome is noticed: the others wait for twice a
//!    lease, and then say that the person must log in again, in doubt. Nobody presents it again.
//! 4. Who has logged out stays logged out: a process that knew the session does not bring it back.
//!    The access token that it holds serves there until it is due.
//! 5. A rejected token is taken out only if it is still the one that is there.
//! 6. A store that has lost its last write has lost it: a session whose renewal was among what is
//!    gone asks its person to log in again.
//!
//! The rules are plain functions, and a model check explores every order in which four processes
//! can obey them for two rounds, with crashes, pauses past every lease, lost and late answers, a
//! store that fails, logins and log-outs, on a platform that refuses a used refresh token and on
//! one that ends the session for it. `cargo test -p dingtalk-core --release --lib store::model --
//! --nocapture` prints its sizes: 1.0 million states of sessions, 2.1 million of renewed tokens and
//! 0.3 million of tickets, no violation. Rules that do not do (blind write, fencing alone, plain
//! compare and swap, keeping the later one for sessions, no announcement, no wait, no second look,
//! …) stand beside them, each with the steps in which it fails.
//!
//! [`Memory`] is the store of one process. Others live in crates of their own; whoever writes one
//! holds it against [`conformance`].

pub mod conformance;
mod memory;
#[cfg(all(test, not(any(loom, shuttle))))]
mod model;
pub(crate) mod rules;

use std::fmt;
use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};

pub use memory::Memory;

use crate::{ClientId, CorpId, Secret};

/// Asks a store. `Exchange` is a [`StoreReply`] for blocking stores and a future of one for async
/// stores.
///
/// A store answers what it does not understand, and every failure of its own, with
/// [`StoreReply::Failed`], within a time that it bounds itself. Questions may be asked more than
/// once.
pub trait Store {
    /// A [`StoreReply`], or a future of it.
    type Exchange;

    /// Asks one question.
    fn ask(&self, question: StoreOp) -> Self::Exchange;
}

/// A question to a store. Each is answered in one step that no other question can come between.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
#[non_exhaustive]
pub enum StoreOp {
    /// What is stored? Answer with [`StoreReply::Record`].
    Load {
        /// Whose record.
        key: StoreKey,
    },
    /// Take the lock for the holder and say what is stored now. Answer with
    /// [`StoreReply::Locked`], or [`StoreReply::Busy`] while another holder's lock lives. The
    /// same holder may take it again, which prolongs it. A lock needs no record.
    Lock {
        /// Whose record.
        key: StoreKey,
        /// Who wants it: random, and new for each attempt.
        holder: u64,
        /// After this time the lock is free again, in milliseconds.
        lease_ms: u64,
    },
    /// Keep this record if the version that is stored is the expected one. Answer with
    /// [`StoreReply::Written`], or with [`StoreReply::Stale`] and leave everything as it was,
    /// the lock included. Whether somebody holds the lock does not matter.
    Write {
        /// Whose record.
        key: StoreKey,
        /// The version that is to be replaced; 0 if there must be none.
        expected: u64,
        /// What to keep.
        record: NewRecord,
        /// Free the lock in the same step, if this holder has it.
        unlock: Option<u64>,
    },
    /// Free the lock if this holder has it. Answer with [`StoreReply::Done`].
    Unlock {
        /// Whose lock.
        key: StoreKey,
        /// Whose it must be.
        holder: u64,
    },
    /// Remove the record if its version is the expected one; locks stay. Answer with
    /// [`StoreReply::Done`] in any case.
    Remove {
        /// Whose record.
        key: StoreKey,
        /// The version that is meant; `None` for whatever is there.
        expected: Option<u64>,
    },
    /// The keys of all records of one kind, host and app, in the order of their text, from after
    /// `after` on. Answer with [`StoreReply::Keys`].
    List {
        /// The kind of credential.
        kind: StoreKind,
        /// The host that gives the tokens.
        host: String,
        /// The app.
        client_id: ClientId,
        /// The last key of the answer before.
        after: Option<StoreKey>,
        /// At most so many; stores may give fewer, but not none while there are more.
        limit: u32,
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
    /// It is stored, under this version.
    Written {
        /// Larger than every version that the key has had before, removed ones included.
        version: u64,
    },
    /// It is not stored: the version that was expected is not the one that is there.
    Stale {
        /// What is there.
        record: Option<Record>,
    },
    /// Done.
    Done,
    /// The keys that were asked for; none when there are no more.
    Keys {
        /// In the order of their text.
        keys: Vec<StoreKey>,
    },
    /// The store could not do it. The text is for a log: no keys, no values.
    Failed {
        /// What happened, in the store's words.
        why: String,
    },
}

/// What a store is to keep.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct NewRecord {
    /// The secret content, as text.
    pub value: Secret,
    /// From when on the credential should be replaced, in milliseconds from now.
    pub renew_in_ms: u64,
    /// The end of the credential's life, in milliseconds from now.
    pub expires_in_ms: u64,
    /// How long the record is of use to anybody, in milliseconds from now: after this the store
    /// forgets it.
    pub keep_ms: u64,
}

/// What a store has kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Record {
    /// The secret content, as text.
    pub value: Secret,
    /// Counts the writes of this key, with gaps.
    pub version: u64,
    /// Time since it was written, in milliseconds.
    pub age_ms: u64,
    /// Time left until the credential should be replaced, in milliseconds; 0 if that is now.
    pub renew_in_ms: u64,
    /// Time left until the end of the credential's life, in milliseconds; 0 if it is over.
    pub expires_in_ms: u64,
}

impl NewRecord {
    /// A record for a credential that lives `expires_in`, should be replaced after `renew_in`,
    /// and is kept as long as it lives.
    pub fn new(value: Secret, renew_in: Duration, expires_in: Duration) -> Self {
        Self {
            value,
            renew_in_ms: millis(renew_in),
            expires_in_ms: millis(expires_in),
            keep_ms: millis(expires_in),
        }
    }

    /// The same, kept for longer than the credential lives.
    #[must_use]
    pub fn kept_for(mut self, keep: Duration) -> Self {
        self.keep_ms = millis(keep);
        self
    }
}

impl Record {
    /// A record from its parts, as a store that keeps other things than a [`NewRecord`] tells them.
    pub fn new(
        value: Secret,
        version: u64,
        age_ms: u64,
        renew_in_ms: u64,
        expires_in_ms: u64,
    ) -> Self {
        Self { value, version, age_ms, renew_in_ms, expires_in_ms }
    }

    /// What a store says of a record that it wrote `age_ms` ago; its times run down to zero.
    pub fn aged(record: &NewRecord, version: u64, age_ms: u64) -> Self {
        Self {
            value: record.value.clone(),
            version,
            age_ms,
            renew_in_ms: record.renew_in_ms.saturating_sub(age_ms),
            expires_in_ms: record.expires_in_ms.saturating_sub(age_ms),
        }
    }
}

impl PartialEq for NewRecord {
    fn eq(&self, other: &Self) -> bool {
        (self.renew_in_ms, self.expires_in_ms, self.keep_ms)
            == (other.renew_in_ms, other.expires_in_ms, other.keep_ms)
            && self.value.matches(other.value.expose())
    }
}

impl Eq for NewRecord {}

impl PartialEq for Record {
    fn eq(&self, other: &Self) -> bool {
        (self.version, self.age_ms, self.renew_in_ms, self.expires_in_ms)
            == (other.version, other.age_ms, other.renew_in_ms, other.expires_in_ms)
            && self.value.matches(other.value.expose())
    }
}

impl Eq for Record {}

/// What kind of credential a record belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum StoreKind {
    /// An app's access token.
    App,
    /// An app's page ticket (JSAPI).
    Ticket,
    /// The token of an organization's admin backend.
    Sso,
    /// A third-party app's access token for one organization.
    Corp,
    /// A third-party app's own token.
    Suite,
    /// The ticket that the platform pushes to a third-party app.
    SuiteTicket,
    /// A person's session with an app.
    User,
    /// Who keeps the tokens of an app fresh; a lock only.
    Upkeep,
}

impl StoreKind {
    /// Its name in keys.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::Ticket => "ticket",
            Self::Sso => "sso",
            Self::Corp => "corp",
            Self::Suite => "suite",
            Self::SuiteTicket => "suite_ticket",
            Self::User => "user",
            Self::Upkeep => "upkeep",
        }
    }
}

/// Whose record: kind of credential, host of the platform, app, organization and person. No two
/// credentials share one, and it holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StoreKey {
    /// What kind of credential.
    pub kind: StoreKind,
    /// The host that gives the token.
    pub host: String,
    /// The app.
    pub client_id: ClientId,
    /// The organization, where the credential names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corp_id: Option<CorpId>,
    /// The person or session, as the program names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
}

impl StoreKey {
    /// The key of an app's record of this kind.
    pub fn new(kind: StoreKind, host: impl Into<String>, client_id: impl Into<ClientId>) -> Self {
        Self { kind, host: host.into(), client_id: client_id.into(), corp_id: None, person: None }
    }

    /// For this organization.
    #[must_use]
    pub fn of_corp(mut self, corp_id: impl Into<CorpId>) -> Self {
        self.corp_id = Some(corp_id.into());
        self
    }

    /// For this person or session.
    #[must_use]
    pub fn of_person(mut self, person: impl Into<String>) -> Self {
        self.person = Some(person.into());
        self
    }
}

impl fmt::Display for StoreKey {
    /// One line, the same on every machine: `app/api.dingtalk.com/dingabc/-/-`. Parts are
    /// percent-encoded, so that no two keys look alike.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A part that is absent must differ from every part that is there, a lone hyphen too.
        const PLAIN: AsciiSet = NON_ALPHANUMERIC.remove(b'.').remove(b'_').remove(b':');
        let parts = [
            Some(self.kind.as_str()),
            Some(&self.host),
            Some(self.client_id.as_str()),
            self.corp_id.as_ref().map(CorpId::as_str),
            self.person.as_deref(),
        ];
        for (at, part) in parts.into_iter().enumerate() {
            if at > 0 {
                f.write_str("/")?;
            }
            match part {
                Some(part) => utf8_percent_encode(part, &PLAIN).fmt(f)?,
                None => f.write_str("-")?,
            }
        }
        Ok(())
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// How long a waiter lets another process fetch before it looks again.
pub(crate) const POLL: Duration = Duration::from_millis(100);

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn no_two_credentials_share_a_key() {
        let app = |client_id: &str| StoreKey::new(StoreKind::App, "api.dingtalk.com", client_id);
        assert_eq!(app("dingabc").to_string(), "app/api.dingtalk.com/dingabc/-/-");
        let keys = [
            app("a"),
            app("a/-"),
            app("a").of_corp("-"),
            app("a").of_corp(""),
            app("a").of_person("-"),
            app("a").of_corp("b").of_person("c"),
            app("a").of_corp("b/c"),
            app("a%2Fb"),
            app("a/b"),
            StoreKey::new(StoreKind::User, "api.dingtalk.com", "a"),
            StoreKey::new(StoreKind::App, "api.dingtalk.io", "a"),
        ];
        let texts: std::collections::BTreeSet<String> =
            keys.iter().map(ToString::to_string).collect();
        assert_eq!(texts.len(), keys.len(), "{texts:?}");
    }

    #[test]
    fn a_records_times_run_down_and_not_below_zero() {
        let new = NewRecord::new("t".into(), Duration::from_secs(6), Duration::from_secs(8));
        let record = Record::aged(&new, 7, 7_000);
        assert_eq!((record.renew_in_ms, record.expires_in_ms, record.version), (0, 1_000, 7));
    }
}
