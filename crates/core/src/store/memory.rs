//! The store of one process.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{NewRecord, Record, Store, StoreKey, StoreOp, StoreReply};

/// Keeps records in this process: for tests, and for programs whose parts hold credentials of
/// their own and should share tokens all the same. A clone is the same store.
///
/// core reads no clock, so the store is given one: any that counts milliseconds and is not set
/// back.
///
/// ```
/// use dingtalk_core::store::{Memory, Store, StoreKey, StoreKind, StoreOp, StoreReply};
///
/// let store = Memory::new(|| 0);
/// let key = StoreKey::new(StoreKind::App, "api.dingtalk.com", "dingabc");
/// assert_eq!(store.ask(StoreOp::Load { key }), StoreReply::Record { record: None });
/// ```
#[derive(Clone)]
pub struct Memory(Arc<Inner>);

struct Inner {
    clock: Box<dyn Fn() -> u64 + Send + Sync>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    records: BTreeMap<String, Kept>,
    locks: BTreeMap<String, Lock>,
    /// The highest version that was ever given.
    version: u64,
    /// When what is over was last thrown out.
    swept: u64,
}

struct Kept {
    key: StoreKey,
    record: NewRecord,
    version: u64,
    written: u64,
}

struct Lock {
    holder: u64,
    until: u64,
}

impl Memory {
    /// An empty store that counts time by this clock, in milliseconds.
    pub fn new(clock: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        Self(Arc::new(Inner { clock: Box::new(clock), state: Mutex::default() }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for Memory {
    type Exchange = StoreReply;

    fn ask(&self, question: StoreOp) -> StoreReply {
        let now = (self.0.clock)();
        let mut state = self.state();
        state.sweep(now);
        state.answer(question, now)
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").field("records", &self.state().records.len()).finish()
    }
}

impl State {
    fn answer(&mut self, question: StoreOp, now: u64) -> StoreReply {
        match question {
            StoreOp::Load { key } => {
                StoreReply::Record { record: self.load(&key.to_string(), now) }
            }
            StoreOp::Lock { key, holder, lease_ms } => {
                let name = key.to_string();
                let other = self.locks.get(&name).filter(|lock| lock.until > now);
                if other.is_some_and(|lock| lock.holder != holder) {
                    return StoreReply::Busy;
                }
                let lock = Lock { holder, until: now.saturating_add(lease_ms) };
                let record = self.load(&name, now);
                self.locks.insert(name, lock);
                StoreReply::Locked { record }
            }
            StoreOp::Write { key, expected, record, unlock } => {
                let name = key.to_string();
                let there = self.load(&name, now);
                if there.as_ref().map_or(0, |record| record.version) != expected {
                    return StoreReply::Stale { record: there };
                }
                self.version = now.max(self.version + 1);
                let version = self.version;
                let kept = Kept { key, record, version, written: now };
                if let Some(holder) = unlock {
                    self.unlock(&name, holder);
                }
                self.records.insert(name, kept);
                StoreReply::Written { version }
            }
            StoreOp::Unlock { key, holder } => {
                self.unlock(&key.to_string(), holder);
                StoreReply::Done
            }
            StoreOp::Remove { key, expected } => {
                let name = key.to_string();
                let fits = |kept: &Kept| expected.is_none_or(|version| version == kept.version);
                if self.records.get(&name).is_some_and(fits) {
                    self.records.remove(&name);
                }
                StoreReply::Done
            }
            StoreOp::List { kind, host, client_id, after, limit } => {
                let after = after.map(|key| key.to_string());
                let from = after.map_or(Bound::Unbounded, Bound::Excluded);
                let keys = self
                    .records
                    .range((from, Bound::Unbounded))
                    .map(|(_, kept)| kept)
                    .filter(|kept| kept.lives(now))
                    .map(|kept| &kept.key)
                    .filter(|key| {
                        key.kind == kind && key.host == host && key.client_id == client_id
                    })
                    .take(limit.max(1) as usize)
                    .cloned()
                    .collect();
                StoreReply::Keys { keys }
            }
        }
    }

    fn load(&self, name: &str, now: u64) -> Option<Record> {
        let kept = self.records.get(name).filter(|kept| kept.lives(now))?;
        Some(Record::aged(&kept.record, kept.version, now.saturating_sub(kept.written)))
    }

    fn unlock(&mut self, name: &str, holder: u64) {
        if self.locks.get(name).is_some_and(|lock| lock.holder == holder) {
            self.locks.remove(name);
        }
    }

    /// Now and then, so that a process that runs for months does not fill up.
    fn sweep(&mut self, now: u64) {
        const EVERY: u64 = 60_000;
        if now.saturating_sub(self.swept) >= EVERY {
            self.swept = now;
            self.records.retain(|_, kept| kept.lives(now));
            self.locks.retain(|_, lock| lock.until > now);
        }
    }
}

impl Kept {
    fn lives(&self, now: u64) -> bool {
        now.saturating_sub(self.written) < self.record.keep_ms
    }
}
