//! What every store must do, as checks that anybody's own store can be held to.
//!
//! ```
//! use dingtalk_core::store::conformance::{RULES, Subject};
//! use dingtalk_core::store::{Memory, Store, StoreOp, StoreReply};
//! use std::sync::Arc;
//! use std::sync::atomic::{AtomicU64, Ordering};
//!
//! struct Mine(Memory, Arc<AtomicU64>);
//!
//! impl Subject for Mine {
//!     fn ask(&mut self, question: StoreOp) -> StoreReply {
//!         self.0.ask(question)
//!     }
//!     fn pass(&mut self, millis: u64) {
//!         self.1.fetch_add(millis, Ordering::Relaxed);
//!     }
//! }
//!
//! let clock = Arc::new(AtomicU64::new(1_700_000_000_000));
//! let of_store = Arc::clone(&clock);
//! let mut mine = Mine(Memory::new(move || of_store.load(Ordering::Relaxed)), clock);
//! for rule in RULES {
//!     rule.check(&mut mine).unwrap_or_else(|broken| panic!("{}: {broken}", rule.name()));
//! }
//! ```
//!
//! Each rule works under keys of its own, so that all may run against one store, one after the
//! other. What happens between many callers at once is the store's own test: let them write with
//! the version they saw, and count.

use std::time::Duration;

use super::{NewRecord, Record, StoreKey, StoreKind, StoreOp, StoreReply};

/// A store under test.
pub trait Subject {
    /// Asks it one question.
    fn ask(&mut self, question: StoreOp) -> StoreReply;

    /// Lets this much time pass by the store's clock. One that counts real time sleeps: all rules
    /// together let less than a second pass.
    fn pass(&mut self, millis: u64);
}

/// One thing that every store must do.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    name: &'static str,
    check: fn(&mut Probe<'_>) -> Result<(), String>,
}

impl Rule {
    /// What the store must do, in words.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Whether this store does it.
    ///
    /// # Errors
    /// With what the store did instead.
    pub fn check(&self, subject: &mut dyn Subject) -> Result<(), String> {
        (self.check)(&mut Probe { subject, rule: self.name })
    }
}

/// All rules.
pub const RULES: &[Rule] = &[
    rule("what was never written is not there", never_written),
    rule("a record is written over nothing only if nothing is expected", first_write),
    rule("a record is replaced only under the version that is there", compare_and_swap),
    rule("versions grow, also after a record was removed or forgotten", versions_grow),
    rule("a write that is refused changes nothing, the lock included", refused_write),
    rule("a write frees the lock of its holder and of nobody else", write_unlocks),
    rule("a lock is its holder's until it is freed or its time is over", lock_holds),
    rule("a lock that is taken again lives longer", lock_prolonged),
    rule("a lock needs no record, and tells the one that is there", lock_tells),
    rule("nobody frees another holder's lock", foreign_unlock),
    rule("a record is removed only under the version that is meant", remove_expected),
    rule("a record is removed whatever it is if no version is meant", remove_any),
    rule("times run down and end at zero", times_run_down),
    rule("a record is forgotten after its time", forgotten),
    rule("no two keys share a record or a lock", keys_apart),
    rule("any text is kept as it is, short or long", any_text),
    rule("times and numbers as large as they get do not overflow", large_numbers),
    rule("the keys of one app are listed in order and in pages", listed),
    rule("what is removed or forgotten is not listed", not_listed),
];

const fn rule(name: &'static str, check: fn(&mut Probe<'_>) -> Result<(), String>) -> Rule {
    Rule { name, check }
}

/// A subject, and the rule that is being checked: its keys are named after it.
struct Probe<'a> {
    subject: &'a mut dyn Subject,
    rule: &'static str,
}

/// What integers every language of a host can hold.
const LARGE: u64 = (1 << 53) - 1;
/// Long enough for every step of a rule, in milliseconds.
const LEASE: u64 = 60_000;
/// Short enough to wait for.
const SHORT: u64 = 30;

impl Probe<'_> {
    fn key(&self) -> StoreKey {
        StoreKey::new(StoreKind::App, "conformance.example", self.rule)
    }

    fn ask(&mut self, question: StoreOp) -> StoreReply {
        self.subject.ask(question)
    }

    fn load(&mut self, key: &StoreKey) -> Result<Option<Record>, String> {
        match self.ask(StoreOp::Load { key: key.clone() }) {
            StoreReply::Record { record } => Ok(record),
            other => Err(format!("a load was answered {other:?}")),
        }
    }

    fn value(&mut self, key: &StoreKey) -> Result<Option<String>, String> {
        Ok(self.load(key)?.map(|record| record.value.expose().to_owned()))
    }

    fn write(&mut self, key: &StoreKey, expected: u64, value: &str) -> StoreReply {
        self.write_for(key, expected, value, Duration::from_secs(60))
    }

    fn write_for(
        &mut self,
        key: &StoreKey,
        expected: u64,
        value: &str,
        life: Duration,
    ) -> StoreReply {
        let record = NewRecord::new(value.into(), life / 2, life);
        self.ask(StoreOp::Write { key: key.clone(), expected, record, unlock: None })
    }

    fn written(&mut self, key: &StoreKey, expected: u64, value: &str) -> Result<u64, String> {
        match self.write(key, expected, value) {
            StoreReply::Written { version } => Ok(version),
            other => Err(format!("a write under version {expected} was answered {other:?}")),
        }
    }

    fn lock(&mut self, key: &StoreKey, holder: u64, lease_ms: u64) -> Result<bool, String> {
        match self.ask(StoreOp::Lock { key: key.clone(), holder, lease_ms }) {
            StoreReply::Locked { .. } => Ok(true),
            StoreReply::Busy => Ok(false),
            other => Err(format!("a lock was answered {other:?}")),
        }
    }

    fn unlock(&mut self, key: &StoreKey, holder: u64) -> Result<(), String> {
        match self.ask(StoreOp::Unlock { key: key.clone(), holder }) {
            StoreReply::Done => Ok(()),
            other => Err(format!("an unlock was answered {other:?}")),
        }
    }

    fn remove(&mut self, key: &StoreKey, expected: Option<u64>) -> Result<(), String> {
        match self.ask(StoreOp::Remove { key: key.clone(), expected }) {
            StoreReply::Done => Ok(()),
            other => Err(format!("a removal was answered {other:?}")),
        }
    }

    fn list(&mut self, after: Option<StoreKey>, limit: u32) -> Result<Vec<StoreKey>, String> {
        let StoreKey { host, client_id, .. } = self.key();
        let kind = StoreKind::User;
        match self.ask(StoreOp::List { kind, host, client_id, after, limit }) {
            StoreReply::Keys { keys } => Ok(keys),
            other => Err(format!("a list was answered {other:?}")),
        }
    }
}

fn wanted(fine: bool, or: impl Into<String>) -> Result<(), String> {
    if fine { Ok(()) } else { Err(or.into()) }
}

fn same<T: PartialEq + std::fmt::Debug>(found: T, wanted: T, of: &str) -> Result<(), String> {
    if found == wanted { Ok(()) } else { Err(format!("{of}: {found:?} instead of {wanted:?}")) }
}

fn never_written(probe: &mut Probe<'_>) -> Result<(), String> {
    let key = probe.key();
    same(probe.load(&key)?, None, "the record")?;
    probe.remove(&key, None)?;
    probe.unlock(&key, 1)
}

fn first_write(probe: &mut Probe<'_>) -> Result<(), String> {
    let key = probe.key();
    let reply = probe.write(&key, 5, "a");
    wanted(reply == StoreReply::Stale { record: None }, format!("over nothing: {reply:?}"))?;
    wanted(probe.written(&key, 0, "a")? > 0, "a version of 0 stands for nothing")?;
    same(probe.value(&key)?.as_deref(), Some("a"), "the value")
}

fn compare_and_swap(probe: &mut Probe<'_>) -> Result<(), String> {
    let key = probe.key();
    let first = probe.written(&key, 0, "a")?;
    for wrong in [0, first + 1, first.saturating_sub(1)] {
        match probe.write(&key, wrong, "b") {
            StoreReply::Stale { record: Some(record) } => {
                same(record.version, first, "the version of a refusal")?;
                wanted(record.value.matches("a"), "a refusal tells another value")?;
            }
            other => return Err(format!("under version {wrong}: {other:?}")),
        }
    }
    let second = probe.written(&key, first, "b")?;
    wanted(second > first, "the version does not grow")?;
    same(probe.load(&key)?.map(|record| record.version), Some(second), "the version")?;
    same(probe.value(&key)?.as_deref(), Some("b"), "the value")
}

fn versions_grow(probe: &mut Probe<'_>) -> Result<(), String> {
    let key = probe.key();
    let mut last = 0;
    for round in 0..3 {
        let version = probe.written(&key, 0, "a")?;
        wanted(version > last, format!("round {round}: {version} after {last}"))?;
        last = probe.written(&key, version, "b")?;
        probe.remove(&key, None)?;
    }
    match probe.write_for(&key, 0, "a", Duration::from_millis(SHORT)) {
        StoreReply::Written { version } if version > last => last = version,
        other => return Err(format!("{other:?} after {last}")),
    }
    probe.subject.pass(SHORT + 10);
    let version = probe.written(&key, 0, "b")?;
    wanted(version > last, format!("after it was forgotten: {version} after {last}"))
}

fn refused_write(probe: &mut Probe<'_>) -> Result<(), String> {
    let key = probe.key();
    let version = probe.written(&key, 0, "a")?;
    wanted(probe.lock(&key, 1, LEASE)?, "the lock is not free")?;
    let record = NewRecord::new("b".into(), Duration::ZERO, Duration::from_secs(60));
    let question =
        StoreOp::Write { key: key.clone(), expected: version + 1, record, unlock: Some(1) };
    wanted(matches!(probe.ask(question), StoreReply::Stale { .. }), "it is not refused")?;
    same(probe.value(&key)?.as_deref(), Some("a"), "the value")?;
    wanted(!probe.lock(&key, 2, LEASE)?, "it freed the lock")?;
    probe.unlock(&key, 1)
}

fn write_unlocks(probe: &mut Probe<'_>) -> Result<(), String> {
    let key = probe.key();
    wanted(probe.lock(&key, 1, LEASE)?, "the lock is not free")?;
    let mut version = 0;
    for (unlock, free) in [(None, false), (Some(2), false), (Some(1), true)] {
        let record = NewRecord::new("a".into(), Duration::ZERO, Duration::from_secs(60));
        let question = StoreOp::Write { key: key.clone(), expected: version, record, unlock };
        match probe.ask(question) {
            StoreReply::Written { version: next } => version = next,
            other => return Err(format!("a write was answered {other:?}")),
        }
        same(probe.lock(&key, 3, LEASE)?, free, &format!("free after a write with {unlock:?}"))?;
    }
    probe.unlock(&key, 3)
}

fn lock_holds(probe: &mut Probe<'_>) -> Result<(), String> {
    let key = probe.key();
    wanted(probe.lock(&key, 1, SHORT)?, "the lock is not free")?;
    wanted(!probe.lock(&key, 2, LEASE)?, "two have it")?;
    probe.subject.pass(SHORT + 10);
    wanted(probe.lock(&key, 2, LEASE)?, "it is still busy after its time")?;
    wanted(!probe.lock(&key, 1, LEASE)?, "the former holder still has it")?;
    probe.unlock(&key, 2)?;
    wanted(probe.lock(&key, 1, LEASE)?, "it is still busy after it was freed")?;
    probe.unlock(&key, 1)
}

fn lock_prolonged(probe: &mut Probe<'_>) -> Result<(), String> {
    let key = probe.key();
    wanted(probe.lock(&key, 1, SHORT)?, "the lock is not free")?;
    wanted(probe.lock(&key, 1, LEASE)?, "its holder may not take it again")?;
    probe.subject.pass(SHORT + 10);
    wanted(!probe.lock(&key, 2, LEASE)?, "it ended at its first time")?;
    probe.unlock(&key, 1)
}

fn lock_tells(probe: &mut Probe<'_>) -> Result<(), String> {
    let key = probe.key();
    let question = StoreOp::Lock { key: key.clone(), holder: 1, lease_ms: LEASE };
    let reply = probe.ask(question.clone());
    wanted(reply == StoreReply::Locked { record: None }, format!("without a record: {reply:?}"))?;
    let version = probe.written(&key, 0, "a")?;
    match probe.ask(question) {
        StoreReply::Locked { record: Some(record) } if record.version == version => {}
        other => return Err(format!("with a record: {other:?}")),
    }
    probe.remove(&key, None)?;
    wanted(!probe.lock(&key, 2, LEASE)?, "removing the record freed the lock")?;
    probe.unlock(&key, 1)
}

fn foreign_unlock(probe: &mut Probe<'_>) -> Result<(), String> {
    let key = probe.key();
    wanted(probe.lock(&key, LARGE, LEASE)?, "the lock is not free")?;
    probe.unlock(&key, LARGE - 1)?;
    wanted(!probe.lock(&key, 2, LEASE)?, "another holder freed it")?;
    probe.unlock(&key, LARGE)
}

fn remove_expected(probe: &mut Probe<'_>) -> Result<(), String> {
    let key = probe.key();
    let version = probe.written(&key, 0, "a")?;
    probe.remove(&key, Some(version + 1))?;
    probe.remove(&key, Some(0))?;
    same(probe.value(&key)?.as_deref(), Some("a"), "after the removal of others")?;
    probe.remove(&key, Some(version))?;
    same(probe.value(&key)?, None, "after its removal")
}

fn remove_any(probe: &mut Probe<'_>) -> Result<(), String> {
    let key = probe.key();
    probe.written(&key, 0, "a")?;
    probe.remove(&key, None)?;
    same(probe.value(&key)?, None, "after its removal")
}

fn times_run_down(probe: &mut Probe<'_>) -> Result<(), String> {
    let key = probe.key();
    let life = Duration::from_millis(2 * SHORT);
    let record = NewRecord::new("a".into(), life / 2, life).kept_for(Duration::from_secs(60));
    probe.ask(StoreOp::Write { key: key.clone(), expected: 0, record, unlock: None });
    let at_once = probe.load(&key)?.ok_or("it is gone at once")?;
    wanted(at_once.expires_in_ms <= 2 * SHORT, "it lives longer than it was written for")?;
    wanted(at_once.renew_in_ms <= SHORT, "it is due later than it was written for")?;
    probe.subject.pass(SHORT);
    let later = probe.load(&key)?.ok_or("it is gone too soon")?;
    wanted(later.age_ms >= SHORT, format!("{} ms old after {SHORT}", later.age_ms))?;
    same(later.renew_in_ms, 0, "due after its time")?;
    wanted(later.expires_in_ms <= SHORT, "its life does not run down")?;
    probe.subject.pass(2 * SHORT);
    let over = probe.load(&key)?.ok_or("what is over but kept is gone")?;
    same((over.renew_in_ms, over.expires_in_ms), (0, 0), "times after the end")
}

fn forgotten(probe: &mut Probe<'_>) -> Result<(), String> {
    let key = probe.key();
    probe.write_for(&key, 0, "a", Duration::from_millis(SHORT));
    probe.subject.pass(SHORT + 10);
    same(probe.load(&key)?, None, "after its time")?;
    probe.written(&key, 0, "b").map(|_| ())
}

fn keys_apart(probe: &mut Probe<'_>) -> Result<(), String> {
    let key = probe.key();
    let keys = [
        key.clone(),
        StoreKey { kind: StoreKind::Ticket, ..key.clone() },
        StoreKey { host: "other.example".into(), ..key.clone() },
        key.clone().of_corp(""),
        key.clone().of_corp("-"),
        key.clone().of_corp("a"),
        key.clone().of_person("a"),
        key.clone().of_corp("a").of_person("b"),
        key.clone().of_corp("a/b"),
        key.clone().of_corp("a\0{b}"),
        key.clone().of_person("张三\n%2F"),
        key.clone().of_person("p".repeat(500)),
        key.of_person("p".repeat(501)),
    ];
    for (number, key) in keys.iter().enumerate() {
        same(probe.value(key)?, None, &format!("key {number}, before it was written"))?;
        wanted(probe.lock(key, 1, LEASE)?, format!("key {number} shares a lock"))?;
        probe.written(key, 0, &number.to_string())?;
    }
    for (number, key) in keys.iter().enumerate() {
        same(probe.value(key)?, Some(number.to_string()), &format!("key {number}"))?;
        probe.unlock(key, 1)?;
    }
    Ok(())
}

fn any_text(probe: &mut Probe<'_>) -> Result<(), String> {
    let key = probe.key();
    let mut version = 0;
    for text in ["", " ", "\0\r\n\u{1b}", "令牌 🎟", "{\"a\":[1,\"x\"]}", &"x".repeat(1 << 20)]
    {
        version = probe.written(&key, version, text)?;
        let found = probe.value(&key)?.unwrap_or_default();
        wanted(found == text, format!("a text of {} bytes came back as another", text.len()))?;
    }
    Ok(())
}

fn large_numbers(probe: &mut Probe<'_>) -> Result<(), String> {
    let key = probe.key();
    wanted(probe.lock(&key, LARGE, u64::MAX)?, "a lock for ever")?;
    wanted(!probe.lock(&key, 1, LEASE)?, "a lock for ever is over")?;
    probe.unlock(&key, LARGE)?;
    for life in [Duration::MAX, Duration::from_millis(u64::MAX), Duration::from_millis(LARGE)] {
        match probe.write_for(&key, 0, "a", life) {
            StoreReply::Written { .. } => {}
            other => return Err(format!("a life of {life:?}: {other:?}")),
        }
        let record = probe.load(&key)?.ok_or(format!("gone with a life of {life:?}"))?;
        wanted(record.expires_in_ms > 1 << 40, format!("a life of {life:?} became short"))?;
        probe.remove(&key, None)?;
    }
    match probe.write(&key, LARGE, "b") {
        StoreReply::Stale { record: None } => Ok(()),
        other => Err(format!("a version of 2^53: {other:?}")),
    }
}

fn listed(probe: &mut Probe<'_>) -> Result<(), String> {
    let base = StoreKey { kind: StoreKind::User, ..probe.key() };
    let mut wanted_keys: Vec<StoreKey> = ["b", "a", "c/d", "c", "令", "A"]
        .into_iter()
        .map(|person| base.clone().of_person(person))
        .collect();
    for key in &wanted_keys {
        probe.written(key, 0, "x")?;
    }
    for other in [
        StoreKey { kind: StoreKind::Corp, ..base.clone() }.of_corp("x"),
        StoreKey { host: "other.example".into(), ..base.clone() }.of_person("x"),
        StoreKey { client_id: "another app".into(), ..base.clone() }.of_person("x"),
    ] {
        probe.written(&other, 0, "x")?;
    }
    wanted_keys.sort_by_key(StoreKey::to_string);
    for limit in [1, 2, 100] {
        let mut found: Vec<StoreKey> = Vec::new();
        loop {
            let page = probe.list(found.last().cloned(), limit)?;
            wanted(page.len() <= limit as usize, format!("{} of {limit} keys", page.len()))?;
            if page.is_empty() || found.len() > wanted_keys.len() {
                break;
            }
            found.extend(page);
        }
        same(&found, &wanted_keys, &format!("in pages of {limit}"))?;
    }
    Ok(())
}

fn not_listed(probe: &mut Probe<'_>) -> Result<(), String> {
    let base = StoreKey { kind: StoreKind::User, ..probe.key() };
    let (stays, goes, ends) =
        (base.clone().of_person("a"), base.clone().of_person("b"), base.of_person("c"));
    probe.written(&stays, 0, "x")?;
    probe.written(&goes, 0, "x")?;
    probe.write_for(&ends, 0, "x", Duration::from_millis(SHORT));
    wanted(probe.lock(&goes, 1, LEASE)?, "the lock is not free")?;
    probe.remove(&goes, None)?;
    probe.subject.pass(SHORT + 10);
    same(probe.list(None, 10)?, vec![stays], "the list")?;
    probe.unlock(&goes, 1)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::store::{Memory, Store};

    struct Held<F>(Memory, Arc<AtomicU64>, F);

    impl<F: FnMut(StoreOp, &Memory) -> StoreReply> Subject for Held<F> {
        fn ask(&mut self, question: StoreOp) -> StoreReply {
            (self.2)(question, &self.0)
        }
        fn pass(&mut self, millis: u64) {
            self.1.fetch_add(millis, Ordering::Relaxed);
        }
    }

    fn held<F: FnMut(StoreOp, &Memory) -> StoreReply>(answer: F) -> Held<F> {
        let clock = Arc::new(AtomicU64::new(1_700_000_000_000));
        let of_store = Arc::clone(&clock);
        Held(Memory::new(move || of_store.load(Ordering::Relaxed)), clock, answer)
    }

    /// The rules that a store breaks.
    fn broken<F: FnMut(StoreOp, &Memory) -> StoreReply>(answer: F) -> Vec<&'static str> {
        let mut subject = held(answer);
        RULES.iter().filter(|rule| rule.check(&mut subject).is_err()).map(Rule::name).collect()
    }

    #[test]
    fn the_memory_store_does_what_every_store_must() {
        let mut subject = held(|question, store| store.ask(question));
        for rule in RULES {
            rule.check(&mut subject).unwrap_or_else(|why| panic!("{}: {why}", rule.name()));
        }
    }

    #[test]
    fn stores_that_are_wrong_in_one_way_are_told_so() {
        let blind = broken(|question, store| match question {
            StoreOp::Write { key, record, unlock, .. } => {
                store.ask(StoreOp::Remove { key: key.clone(), expected: None });
                store.ask(StoreOp::Write { key, expected: 0, record, unlock })
            }
            other => store.ask(other),
        });
        assert!(blind.contains(&"a record is replaced only under the version that is there"));
        let open = broken(|question, store| match question {
            StoreOp::Lock { key, lease_ms, .. } => {
                store.ask(StoreOp::Lock { key, holder: 1, lease_ms })
            }
            other => store.ask(other),
        });
        assert!(open.contains(&"a lock is its holder's until it is freed or its time is over"));
        let careless = broken(|question, store| match question {
            StoreOp::Remove { key, .. } => store.ask(StoreOp::Remove { key, expected: None }),
            other => store.ask(other),
        });
        assert_eq!(careless, ["a record is removed only under the version that is meant"]);
        let short = broken(|question, store| match question {
            StoreOp::List { kind, host, client_id, after, .. } => {
                store.ask(StoreOp::List { kind, host, client_id, after, limit: 100 })
            }
            other => store.ask(other),
        });
        assert_eq!(short, ["the keys of one app are listed in order and in pages"]);
        let confused = broken(|question, store| match question {
            StoreOp::Load { key } => {
                store.ask(StoreOp::Load { key: StoreKey { person: None, ..key } })
            }
            other => store.ask(other),
        });
        assert!(confused.contains(&"no two keys share a record or a lock"));
        let failing = broken(|_, _| StoreReply::Failed { why: "gone".into() });
        assert_eq!(failing.len(), RULES.len());
    }
}
