//! Which events were acted on already.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::time::Duration;

use super::EventKey;
use crate::Timestamp;
use crate::sync::{Arc, Mutex, lock};

/// Remembers which events were acted on, so that one which is told again is not acted on again.
///
/// The platform tells an event until it is acknowledged, so it may come again while it is being
/// acted on, too. [`claim`](Self::claim) gives each event to one caller at a time, and
/// [`Turn::done`] makes it be remembered. A turn that is dropped has failed: whoever is told next
/// gets the event.
///
/// A clone is the same memory. It is bounded in number and time, and of this process: events that
/// may come to several processes need an action that may happen twice, as any do whose process may
/// be killed between acting and acknowledging.
///
/// ```
/// use dingtalk_core::Timestamp;
/// use dingtalk_core::event::{Claim, Event, Seen};
///
/// let now = Timestamp::from_millis(1_700_000_000_000);
/// let seen = Seen::default();
/// let event = Event::from_stream("org_remove", None, Some("ev-01"), None, "{}");
/// if let Claim::New(turn) = seen.claim(event.key(), now) {
///     // act on it, then
///     turn.done(now);
/// }
/// assert!(matches!(seen.claim(event.key(), now), Claim::Done));
/// ```
#[derive(Clone)]
pub struct Seen(Arc<Mutex<State>>);

struct State {
    /// When an event was done, by the steady clock; `None` while it is somebody's turn.
    events: HashMap<EventKey, Option<u64>>,
    /// Those that are done, oldest first.
    done: VecDeque<EventKey>,
    capacity: usize,
    keep: Duration,
}

/// What [`Seen::claim`] says.
#[derive(Debug)]
#[non_exhaustive]
pub enum Claim {
    /// It is yours: act on it, then say [`done`](Turn::done).
    New(Turn),
    /// Somebody is acting on it at this moment: let it be told again later.
    UnderWay,
    /// It was acted on: acknowledge it.
    Done,
}

/// The right to act on one event. Dropped without [`done`](Self::done), it passes on.
#[derive(Debug)]
#[must_use = "dropping it says that the event was not acted on"]
pub struct Turn {
    seen: Seen,
    key: EventKey,
}

impl Seen {
    /// Remembers at most so many events, each for so long. What is forgotten first is what was
    /// done first. An event takes some 100 bytes.
    pub fn new(capacity: usize, keep: Duration) -> Self {
        Self(Arc::new(Mutex::new(State {
            events: HashMap::new(),
            done: VecDeque::new(),
            capacity,
            keep,
        })))
    }

    /// Asks for the right to act on an event.
    pub fn claim(&self, key: EventKey, now: Timestamp) -> Claim {
        let mut state = lock(&self.0);
        state.forget(now);
        match state.events.get(&key) {
            Some(Some(_)) => Claim::Done,
            Some(None) => Claim::UnderWay,
            None => {
                state.events.insert(key, None);
                Claim::New(Turn { seen: self.clone(), key })
            }
        }
    }
}

/// 10,000 events, each for an hour.
impl Default for Seen {
    fn default() -> Self {
        Self::new(10_000, Duration::from_secs(3600))
    }
}

impl Turn {
    /// The event was acted on.
    pub fn done(self, now: Timestamp) {
        let mut state = lock(&self.seen.0);
        state.events.insert(self.key, Some(now.steady_millis()));
        state.done.push_back(self.key);
        state.forget(now);
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut state = lock(&self.seen.0);
        if let Some(None) = state.events.get(&self.key) {
            state.events.remove(&self.key);
        }
    }
}

impl State {
    fn forget(&mut self, now: Timestamp) {
        let keep = u64::try_from(self.keep.as_millis()).unwrap_or(u64::MAX);
        while let Some(oldest) = self.done.front() {
            let at = self.events.get(oldest).copied().flatten().unwrap_or(0);
            let over = now.steady_millis().saturating_sub(at) > keep;
            if !over && self.done.len() <= self.capacity {
                return;
            }
            if let Some(key) = self.done.pop_front() {
                self.events.remove(&key);
            }
        }
    }
}

impl fmt::Debug for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seen").field("events", &lock(&self.0).events.len()).finish_non_exhaustive()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000)
    }

    fn key(number: u32) -> EventKey {
        EventKey::of(&[&number.to_string()])
    }

    fn turn(claim: Claim) -> Turn {
        match claim {
            Claim::New(turn) => turn,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_event_is_one_callers_at_a_time_and_done_once() {
        let seen = Seen::default();
        let first = turn(seen.claim(key(1), at(0)));
        assert!(matches!(seen.clone().claim(key(1), at(1)), Claim::UnderWay));
        drop(turn(seen.claim(key(2), at(1))));
        first.done(at(1));
        assert!(matches!(seen.claim(key(1), at(2)), Claim::Done));
        assert!(matches!(seen.claim(key(2), at(2)), Claim::New(_)));
    }

    #[test]
    fn whoever_fails_passes_the_event_on() {
        let seen = Seen::default();
        drop(turn(seen.claim(key(1), at(0))));
        turn(seen.claim(key(1), at(1))).done(at(1));
    }

    #[test]
    fn an_event_is_remembered_for_its_time_and_no_longer() {
        let seen = Seen::new(10, Duration::from_secs(60));
        turn(seen.claim(key(1), at(0))).done(at(0));
        assert!(matches!(seen.claim(key(1), at(60)), Claim::Done));
        drop(turn(seen.claim(key(1), at(61))));
    }

    #[test]
    fn the_memory_is_bounded_and_forgets_the_oldest_first() {
        let seen = Seen::new(100, Duration::from_secs(60));
        let held = turn(seen.claim(key(0), at(0)));
        for number in 1..=10_000 {
            turn(seen.claim(key(number), at(1))).done(at(1));
        }
        assert_eq!(format!("{seen:?}"), "Seen { events: 101, .. }");
        assert!(matches!(seen.claim(key(0), at(1)), Claim::UnderWay), "a turn is never forgotten");
        assert!(matches!(seen.claim(key(9_901), at(1)), Claim::Done));
        assert!(matches!(seen.claim(key(9_900), at(1)), Claim::New(_)));
        held.done(at(1));
    }

    #[test]
    fn no_capacity_remembers_nothing_and_still_tells_turns_apart() {
        let seen = Seen::new(0, Duration::MAX);
        let first = turn(seen.claim(key(1), at(0)));
        assert!(matches!(seen.claim(key(1), at(0)), Claim::UnderWay));
        first.done(at(0));
        assert!(matches!(seen.claim(key(1), at(0)), Claim::New(_)));
    }
}
