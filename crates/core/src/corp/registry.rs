//! Very many organizations in bounded memory: the ones that are not used make room.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::CorpInner;
use crate::CorpId;

/// Finds organizations, and forgets by second chance: a hand goes round; who was asked for since it
/// last came by is spared once, and so is everybody whose handle is held, which is also everybody
/// with a call under way.
pub(crate) struct Registry {
    capacity: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Where in the ring an organization is.
    places: HashMap<Named, usize>,
    ring: Vec<Arc<CorpInner>>,
    hand: usize,
}

/// An organization that is found by its id, without a second copy of it.
struct Named(Arc<CorpInner>);

/// Whether an organization was asked for since the hand last came by.
#[derive(Default)]
pub(crate) struct Used(AtomicBool);

impl Registry {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { capacity, state: Mutex::default() }
    }

    /// The organization, made if it is not there. `make` runs under the lock and only builds.
    pub(crate) fn get_or_add(
        &self,
        corp_id: CorpId,
        make: impl FnOnce(CorpId) -> CorpInner,
    ) -> Arc<CorpInner> {
        let mut state = self.state();
        if let Some((Named(corp), _)) = state.places.get_key_value(corp_id.as_str()) {
            corp.used.0.store(true, Ordering::Relaxed);
            return Arc::clone(corp);
        }
        // Twice: what had to be added while everybody was held is given back later.
        for _ in 0..2 {
            if state.ring.len() >= self.capacity {
                state.make_room();
            }
        }
        let corp = Arc::new(make(corp_id));
        let at = state.ring.len();
        state.places.insert(Named(Arc::clone(&corp)), at);
        state.ring.push(Arc::clone(&corp));
        corp
    }

    pub(crate) fn len(&self) -> usize {
        self.state().ring.len()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Forgets an organization that nobody uses, if one is soon found: one call does not pay for
    /// all who are held. More than the capacity is better than two tokens for one.
    fn make_room(&mut self) {
        const LOOKS: usize = 64;
        for _ in 0..self.ring.len().min(LOOKS) {
            self.hand = (self.hand + 1) % self.ring.len();
            let at = self.hand;
            let Some(corp) = self.ring.get(at) else { return };
            // Two of the handles are ours, and under the lock nobody can take another one here.
            if Arc::strong_count(corp) == 2 && !corp.used.0.swap(false, Ordering::Relaxed) {
                self.remove(at);
                return;
            }
        }
    }

    fn remove(&mut self, at: usize) {
        let gone = self.ring.swap_remove(at);
        self.places.remove(gone.id());
        if let Some(moved) = self.ring.get(at)
            && let Some(place) = self.places.get_mut(moved.id())
        {
            *place = at;
        }
    }
}

impl CorpInner {
    fn id(&self) -> &str {
        self.source.corp_id().map_or("", CorpId::as_str)
    }
}

impl Borrow<str> for Named {
    fn borrow(&self) -> &str {
        self.0.id()
    }
}

impl Hash for Named {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.id().hash(state);
    }
}

impl PartialEq for Named {
    fn eq(&self, other: &Self) -> bool {
        self.0.id() == other.0.id()
    }
}

impl Eq for Named {}
