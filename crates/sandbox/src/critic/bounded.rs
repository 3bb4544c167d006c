//! A map that forgets its oldest key when it is full.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

#[derive(Debug)]
pub(super) struct Bounded<K, V> {
    most: usize,
    map: HashMap<K, V>,
    order: VecDeque<K>,
}

impl<K: Clone + Eq + Hash, V> Bounded<K, V> {
    pub(super) fn new(most: usize) -> Self {
        Self { most, map: HashMap::new(), order: VecDeque::new() }
    }

    pub(super) fn get(&self, key: &K) -> Option<&V> {
        self.map.get(key)
    }

    pub(super) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.map.get_mut(key)
    }

    pub(super) fn insert(&mut self, key: K, value: V) {
        if self.map.insert(key.clone(), value).is_some() {
            return;
        }
        self.order.push_back(key);
        if self.order.len() > self.most
            && let Some(oldest) = self.order.pop_front()
        {
            self.map.remove(&oldest);
        }
    }

    pub(super) fn remove(&mut self, key: &K) -> Option<V> {
        let value = self.map.remove(key)?;
        // What is removed is nearly always one of a few.
        self.order.retain(|other| other != key);
        Some(value)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.map.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_key_makes_room_and_a_known_one_takes_none() {
        let mut map = Bounded::new(2);
        map.insert("a", 1);
        map.insert("b", 1);
        map.insert("a", 2);
        assert_eq!((map.get(&"a"), map.get(&"b")), (Some(&2), Some(&1)));
        map.insert("c", 1);
        assert_eq!((map.get(&"a"), map.get(&"b"), map.get(&"c")), (None, Some(&1), Some(&1)));
        assert_eq!((map.remove(&"b"), map.remove(&"b")), (Some(1), None));
        map.insert("d", 1);
        assert!(map.get(&"c").is_some() && !map.is_empty());
    }
}
