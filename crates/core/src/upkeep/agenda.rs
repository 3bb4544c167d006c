//! What is due when, of at most so many keys.

use std::collections::{BTreeMap, HashMap};

use crate::StoreKey;

/// The keys that are due first, in order. Keys beyond its bound are forgotten, the last ones
/// first; then it says that it has [`overflowed`](Agenda::overflowed).
#[derive(Debug)]
pub(super) struct Agenda {
    most: usize,
    /// By due time in steady milliseconds, and a number that makes it the only one.
    due: BTreeMap<(u64, u64), Planned>,
    places: HashMap<StoreKey, (u64, u64)>,
    planned: u64,
    overflowed: bool,
}

/// A key, and how long before its time it may come, in milliseconds.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Planned {
    pub(super) key: StoreKey,
    pub(super) ahead: u64,
}

impl Agenda {
    pub(super) fn new(most: usize) -> Self {
        let (due, places) = (BTreeMap::new(), HashMap::new());
        Self { most, due, places, planned: 0, overflowed: false }
    }

    /// Plans a key, or plans it anew.
    pub(super) fn plan(&mut self, key: StoreKey, due: u64, ahead: u64) {
        self.drop_key(&key);
        self.planned += 1;
        let place = (due, self.planned);
        self.places.insert(key.clone(), place);
        self.due.insert(place, Planned { key, ahead });
        if self.due.len() > self.most
            && let Some((_, last)) = self.due.pop_last()
        {
            self.places.remove(&last.key);
            self.overflowed = true;
        }
    }

    /// Takes a key off.
    pub(super) fn drop_key(&mut self, key: &StoreKey) {
        if let Some(place) = self.places.remove(key) {
            self.due.remove(&place);
        }
    }

    /// When the first one is due.
    pub(super) fn first(&self) -> Option<u64> {
        self.due.first_key_value().map(|((due, _), _)| *due)
    }

    /// Takes the first one off, if it is due.
    pub(super) fn take(&mut self, now: u64) -> Option<Planned> {
        if self.first()? > now {
            return None;
        }
        let (_, planned) = self.due.pop_first()?;
        self.places.remove(&planned.key);
        Some(planned)
    }

    pub(super) fn len(&self) -> usize {
        self.due.len()
    }

    /// Whether keys were forgotten, and there is room for them now.
    pub(super) fn overflowed(&self) -> bool {
        self.overflowed && self.due.len() <= self.most / 2
    }

    /// All keys are about to be looked at again.
    pub(super) fn begin(&mut self) {
        self.overflowed = false;
    }

    pub(super) fn clear(&mut self) {
        self.due.clear();
        self.places.clear();
        self.overflowed = false;
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::StoreKind;

    fn key(name: &str) -> StoreKey {
        StoreKey::new(StoreKind::User, "host", "app").of_person(name)
    }

    #[test]
    fn keys_come_in_the_order_of_their_time_and_once() {
        let mut agenda = Agenda::new(10);
        agenda.plan(key("late"), 30, 0);
        agenda.plan(key("early"), 10, 0);
        agenda.plan(key("moved"), 5, 0);
        agenda.plan(key("moved"), 20, 0);
        assert_eq!(agenda.take(9), None);
        let order = [10, 20, 30].map(|now| agenda.take(now).unwrap().key.person.unwrap());
        assert_eq!(order, ["early", "moved", "late"]);
        assert_eq!((agenda.len(), agenda.first()), (0, None));
    }

    #[test]
    fn beyond_its_bound_the_last_ones_are_forgotten_and_it_says_so_once_there_is_room() {
        let mut agenda = Agenda::new(4);
        for due in (0..8).rev() {
            agenda.plan(key(&due.to_string()), due, 0);
        }
        assert_eq!((agenda.len(), agenda.first()), (4, Some(0)));
        assert!(!agenda.overflowed());
        assert!(agenda.take(0).is_some() && agenda.take(1).is_some());
        assert!(agenda.overflowed());
        agenda.begin();
        assert!(!agenda.overflowed());
    }
}
