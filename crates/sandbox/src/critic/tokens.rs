//! Tokens and tickets: fetched too often, never used, used too late (wire-facts §2.4, §7.1).

use std::sync::Arc;

use super::bounded::Bounded;
use super::catalogue::Kind;
use super::ledger::Ledger;
use super::{Print, Sighting};
use crate::tokens::{Caller, TokenKind};

/// "Ten minutes before the end" is when a token is to be renewed.
const MARGIN: u64 = 600_000;
/// So much later a token may still be in use: a renewal in the background takes its time.
const GRACE: u64 = 60_000;
const MOST: usize = 4096;

/// What a caller can have one living token of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Slot {
    App(Arc<str>, Arc<str>),
    Suite(Arc<str>),
    Sso(Arc<str>),
    Person(Arc<str>, Arc<str>),
    Ticket(Arc<str>, Arc<str>),
}

/// What a caller was given, as fingerprints.
#[derive(Debug)]
pub(crate) struct Grant {
    pub(crate) caller: Caller,
    pub(crate) token: Print,
    pub(crate) refresh: Option<Print>,
    pub(crate) expires: u64,
}

#[derive(Debug)]
struct Held {
    expires: u64,
    /// The journal entry that gave it.
    seq: u64,
    uses: u32,
    /// How many in a row were used once at most.
    idle: u32,
    /// The caller has a reason to ask again: the token was refused, or its answer never arrived.
    excused: bool,
}

#[derive(Debug)]
pub(super) struct Tokens {
    slots: Bounded<Slot, Held>,
    /// Whose token it is, and when it ends; of a refresh token only whose.
    known: Bounded<Print, (Slot, Option<u64>)>,
}

impl Default for Tokens {
    fn default() -> Self {
        Self { slots: Bounded::new(MOST), known: Bounded::new(2 * MOST) }
    }
}

impl Tokens {
    pub(super) fn saw(&mut self, seen: &Sighting<'_>, ledger: &mut Ledger) {
        if let Some(print) = &seen.token {
            self.used(print, seen, ledger);
        }
        if let Some(grant) = &seen.grant {
            self.granted(grant, seen, ledger);
        }
        if let Some((caller, expires)) = &seen.ticket {
            let slot = Slot::Ticket(Arc::clone(&caller.client), Arc::clone(&caller.corp));
            self.renewed(Kind::TicketRefetched, slot, *expires, true, seen, ledger);
        }
    }

    fn used(&mut self, print: &Print, seen: &Sighting<'_>, ledger: &mut Ledger) {
        let Some((slot, expires)) = self.known.get(print) else {
            return;
        };
        let Some(held) = self.slots.get_mut(slot) else {
            return;
        };
        let Some(expires) = *expires else {
            // A refresh token; what it gives is judged when it is given.
            return;
        };
        held.uses = held.uses.saturating_add(1);
        held.excused |= seen.token_refused();
        let late = seen.moment.sandbox + (MARGIN - GRACE) > expires;
        if late && seen.misfit.is_none() {
            let evidence = [held.seq, seen.seq];
            let at = seen.moment.sandbox;
            ledger.raise(Kind::TokenUsedLate, seen.app, seen.operation_name(), at, &evidence, "");
        }
    }

    fn granted(&mut self, grant: &Grant, seen: &Sighting<'_>, ledger: &mut Ledger) {
        let Caller { kind, client, corp } = &grant.caller;
        let slot = match kind {
            TokenKind::App => Slot::App(Arc::clone(client), Arc::clone(corp)),
            TokenKind::Suite => Slot::Suite(Arc::clone(client)),
            TokenKind::Sso => Slot::Sso(Arc::clone(corp)),
            TokenKind::User { union_id, .. } => {
                Slot::Person(Arc::clone(client), Arc::clone(union_id))
            }
        };
        // A person may log in as often as they like; only a refresh is the client's own idea.
        let judged = !matches!(slot, Slot::Person(..)) || seen.code.is_none();
        self.known.insert(grant.token, (slot.clone(), Some(grant.expires)));
        if let Some(refresh) = grant.refresh {
            self.known.insert(refresh, (slot.clone(), None));
        }
        self.renewed(Kind::TokenRefetched, slot, grant.expires, judged, seen, ledger);
    }

    fn renewed(
        &mut self,
        kind: Kind,
        slot: Slot,
        expires: u64,
        judged: bool,
        seen: &Sighting<'_>,
        ledger: &mut Ledger,
    ) {
        let mut idle = 0;
        let now = seen.moment.sandbox;
        if let Some(held) = self.slots.get(&slot).filter(|held| judged && !held.excused)
            && held.expires > now + MARGIN
        {
            let evidence = [held.seq, seen.seq];
            let operation = seen.operation_name();
            ledger.raise(kind, seen.app, operation, now, &evidence, "");
            idle = if held.uses <= 1 { held.idle + 1 } else { 0 };
            if idle >= 2 && kind == Kind::TokenRefetched {
                ledger.raise(Kind::TokenNotReused, seen.app, operation, now, &evidence, "");
            }
        }
        let excused = seen.faulted;
        self.slots.insert(slot, Held { expires, seq: seen.seq, uses: 0, idle, excused });
    }
}
