//! Very many organizations in bounded memory: the ones that are not used make room.

use std::collections::HashMap;
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
    places: HashMap<CorpId, usize>,
    ring: Vec<Place>,
    hand: usize,
}

struct Place {
    corp: Arc<CorpInner>,
    used: bool,
}

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
        if let Some(place) = state.found(&corp_id) {
            place.used = true;
            return Arc::clone(&place.corp);
        }
        // Twice: what had to be added while everybody was held is given back later.
        for _ in 0..2 {
            if state.ring.len() >= self.capacity {
                state.make_room();
            }
        }
        let corp = Arc::new(make(corp_id.clone()));
        let at = state.ring.len();
        state.places.insert(corp_id, at);
        state.ring.push(Place { corp: Arc::clone(&corp), used: false });
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
    fn found(&mut self, corp_id: &CorpId) -> Option<&mut Place> {
        let at = *self.places.get(corp_id)?;
        self.ring.get_mut(at)
    }

    /// Forgets an organization that nobody uses, if one is soon found: one call does not pay for
    /// all who are held. More than the capacity is better than two tokens for one.
    fn make_room(&mut self) {
        const LOOKS: usize = 64;
        for _ in 0..self.ring.len().min(LOOKS) {
            self.hand = (self.hand + 1) % self.ring.len();
            let at = self.hand;
            let Some(place) = self.ring.get_mut(at) else { return };
            // Under the lock nobody can take another handle from here.
            if Arc::strong_count(&place.corp) == 1 && !std::mem::take(&mut place.used) {
                self.remove(at);
                return;
            }
        }
    }

    fn remove(&mut self, at: usize) {
        let gone = self.ring.swap_remove(at);
        if let Some(corp_id) = gone.corp.source.corp_id() {
            self.places.remove(corp_id);
        }
        if let Some(corp_id) = self.ring.get(at).and_then(|moved| moved.corp.source.corp_id())
            && let Some(place) = self.places.get_mut(corp_id)
        {
            *place = at;
        }
    }
}
