//! Which messages were dealt with a moment ago.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crate::Timestamp;

/// The ids of messages that were acknowledged within the last five minutes, at most ten thousand
/// of them: one that comes twice is acknowledged again and not handled again.
#[derive(Default)]
pub(crate) struct Seen {
    ids: BTreeSet<Arc<str>>,
    order: VecDeque<(Timestamp, Arc<str>)>,
}

/// What official clients keep (wire-facts §10.7).
const KEPT: Duration = Duration::from_secs(5 * 60);
const MOST: usize = 10_000;

impl Seen {
    pub(crate) fn knows(&mut self, id: &str, now: Timestamp) -> bool {
        self.forget(now);
        self.ids.contains(id)
    }

    pub(crate) fn add(&mut self, id: &str, now: Timestamp) {
        self.forget(now);
        let id: Arc<str> = id.into();
        if self.ids.insert(Arc::clone(&id)) {
            self.order.push_back((now, id));
        }
        if self.order.len() > MOST {
            self.drop_oldest();
        }
    }

    fn forget(&mut self, now: Timestamp) {
        while self.order.front().is_some_and(|(at, _)| now.since(*at) >= KEPT) {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        if let Some((_, id)) = self.order.pop_front() {
            self.ids.remove(&id);
        }
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.ids.len().max(self.order.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_known_for_five_minutes() {
        let now = Timestamp::from_millis(1_000);
        let mut seen = Seen::default();
        assert!(!seen.knows("m", now));
        seen.add("m", now);
        assert!(seen.knows("m", now + (KEPT - Duration::from_millis(1))));
        assert!(!seen.knows("m", now + KEPT));
        assert_eq!(seen.len(), 0);
    }

    #[test]
    fn ten_thousand_are_kept_and_the_oldest_goes_first() {
        let now = Timestamp::from_millis(1_000);
        let mut seen = Seen::default();
        for n in 0..=MOST {
            seen.add(&n.to_string(), now);
            seen.add(&n.to_string(), now);
        }
        assert_eq!(seen.len(), MOST);
        assert!(!seen.knows("0", now));
        assert!(seen.knows("1", now));
    }
}
