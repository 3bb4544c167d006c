//! The slot: a token, at most one lead, and what was learned from failures.

use std::time::Duration;

use crate::sync::{Arc, Mutex, lock};
use crate::token::{Flight, Outcome};
use crate::{Error, ErrorKind, Secret, Timestamp};

/// A token with less than this left is replaced early (invariant 7).
const EARLY: Duration = Duration::from_secs(10 * 60);
/// After a failed early replacement nobody tries again for this long.
const QUIET: Duration = Duration::from_secs(30);
/// Refused credentials are not tried again for this long.
const REFUSED: Duration = Duration::from_secs(60);
/// The life of a token whose answer gives none that makes sense: short, so that a wrong guess
/// costs little, and long enough not to fetch with every call.
const LIFE_MIN: Duration = Duration::from_secs(60);
/// No life counts for longer, whatever the answer says.
const LIFE_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// A token as a call uses it.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub(crate) value: Arc<Secret>,
    /// Counts the values that the slot has held: a rejection names the value it means.
    pub(crate) epoch: u64,
    pub(crate) expires: Timestamp,
}

/// How long a token serves, and from when on it is replaced early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Life {
    pub(crate) renew_in: Duration,
    pub(crate) expires_in: Duration,
}

impl Life {
    /// A token that a platform's answer gives this long.
    pub(crate) fn granted(life: Duration) -> Self {
        Self::of(life.max(LIFE_MIN))
    }

    /// A token whose end is known.
    pub(crate) fn of(life: Duration) -> Self {
        let expires_in = life.min(LIFE_MAX);
        Self { renew_in: expires_in - EARLY.min(expires_in / 4), expires_in }
    }

    /// What is left of it after so long.
    pub(crate) fn after(self, passed: Duration) -> Self {
        Self {
            renew_in: self.renew_in.saturating_sub(passed),
            expires_in: self.expires_in.saturating_sub(passed),
        }
    }
}

/// What a caller is told.
#[derive(Debug)]
pub(crate) enum Claim {
    /// Go on with this token.
    Use(Token),
    /// You fetch it.
    Lead(Lease),
    /// Somebody fetches it.
    Join(Flight),
    /// It makes no sense to try now.
    Refused(Error),
}

/// A clone is the same slot.
#[derive(Clone)]
pub(crate) struct Slot {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    held: Option<Held>,
    epoch: u64,
    lead: Option<Lead>,
    leases: u64,
    /// Steady milliseconds until which nobody tries an early replacement.
    quiet_until: u64,
    /// Why it makes no sense to try, and until when on the steady clock.
    refused: Option<(Error, u64)>,
    /// Why the last try failed, until one succeeds.
    failure: Option<Error>,
    /// The value that was last rejected: a store may still offer it.
    rejected: Option<Arc<Secret>>,
}

struct Held {
    token: Token,
    renew_at: Timestamp,
}

struct Lead {
    id: u64,
    /// Steady milliseconds up to which the holder counts as alive.
    alive_until: u64,
    flight: Flight,
}

impl Slot {
    pub(crate) fn new() -> Self {
        Self { state: Arc::new(Mutex::new(State::default())) }
    }

    /// What a caller should do at this moment. `lease` is how long a new leader counts as alive
    /// without another sign.
    #[cfg(test)]
    pub(crate) fn claim(&self, now: Timestamp, lease: Duration) -> Claim {
        self.claim_ahead(now, lease, Duration::ZERO)
    }

    /// The same, where a token that is due within the time `ahead` is due now.
    pub(crate) fn claim_ahead(&self, now: Timestamp, lease: Duration, ahead: Duration) -> Claim {
        let mut state = lock(&self.state);
        let steady = now.steady_millis();
        let alive = |lead: &Lead| lead.alive_until > steady;
        let serving = state.held.as_ref().filter(|held| !held.token.expires.has_come(now));
        if let Some(held) = serving {
            let replace = held.renew_at.left(now) <= ahead
                && steady >= state.quiet_until
                && !state.lead.as_ref().is_some_and(alive);
            if !replace {
                return Claim::Use(held.token.clone());
            }
        } else {
            if let Some((error, _)) = state.refused.as_ref().filter(|(_, until)| *until > steady) {
                return Claim::Refused(error.clone());
            }
            if let Some(lead) = state.lead.as_ref().filter(|lead| alive(lead)) {
                let patience = Duration::from_millis(lead.alive_until - steady + 1);
                return Claim::Join(lead.flight.share(patience));
            }
        }
        state.leases += 1;
        let id = state.leases;
        let passed = state.lead.replace(Lead {
            id,
            alive_until: (now + lease).steady_millis(),
            flight: Flight::new(),
        });
        let lease = Lease {
            slot: self.clone(),
            id,
            epoch: state.epoch,
            rejected: state.rejected.clone(),
            over: false,
        };
        drop(state);
        if let Some(passed) = passed {
            passed.flight.finish(Outcome::Passed);
        }
        Claim::Lead(lease)
    }

    /// The platform rejected this token: forget it, if it is still the one.
    pub(crate) fn reject(&self, token: &Token) {
        let mut state = lock(&self.state);
        if state.held.as_ref().is_some_and(|held| held.token.epoch == token.epoch) {
            state.held = None;
            state.rejected = Some(Arc::clone(&token.value));
        }
    }

    /// Forgets the token, whatever it is; and that trying made no sense. A store is not to bring
    /// it back, either.
    pub(crate) fn forget(&self) {
        let mut state = lock(&self.state);
        if let Some(held) = state.held.take() {
            state.rejected = Some(held.token.value);
        }
        state.refused = state.refused.take().filter(|(_, until)| *until == u64::MAX);
    }

    /// Puts a token there from outside, whose end is known: not even a short life is made longer.
    pub(crate) fn seed(&self, value: Secret, asked: Timestamp, life: Duration) {
        let mut state = lock(&self.state);
        state.refused = None;
        state.hold(value, asked, Life::of(life));
    }

    /// The token that serves now.
    pub(crate) fn peek(&self, now: Timestamp) -> Option<Token> {
        lock(&self.state).serving(now)
    }

    /// Why the last try to get a token failed; `None` after a success.
    pub(crate) fn failure(&self) -> Option<Error> {
        lock(&self.state).failure.clone()
    }

    /// Time until a caller would be asked to fetch: zero where that is now.
    pub(crate) fn due_in(&self, now: Timestamp) -> Duration {
        let state = lock(&self.state);
        let steady = now.steady_millis();
        let until = |end: u64| Duration::from_millis(end.saturating_sub(steady));
        match state.held.as_ref().filter(|held| !held.token.expires.has_come(now)) {
            Some(held) => held.renew_at.left(now).max(until(state.quiet_until)),
            None => state.refused.as_ref().map(|(_, end)| until(*end)).unwrap_or_default(),
        }
    }
}

impl std::fmt::Debug for Slot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Slot")
    }
}

impl State {
    /// Holds a token; the same value again keeps its epoch, since it is the same token renewed.
    fn hold(&mut self, value: Secret, asked: Timestamp, life: Life) -> Token {
        let same = self
            .held
            .as_ref()
            .filter(|held| held.token.value.matches(value.expose()))
            .map(|held| Arc::clone(&held.token.value));
        let value = same.unwrap_or_else(|| {
            self.epoch += 1;
            Arc::new(value)
        });
        let token = Token { value, epoch: self.epoch, expires: asked + life.expires_in };
        let renew_at = asked + life.renew_in;
        self.held = Some(Held { token: token.clone(), renew_at });
        token
    }

    fn serving(&self, now: Timestamp) -> Option<Token> {
        let held = self.held.as_ref().filter(|held| !held.token.expires.has_come(now))?;
        Some(held.token.clone())
    }

    /// Ends the lead if it is still this one.
    fn end_lead(&mut self, id: u64) -> Option<Flight> {
        self.lead.take_if(|lead| lead.id == id).map(|lead| lead.flight)
    }
}

/// The right, and duty, to fetch. Dropping it passes the lead on at once.
#[derive(Debug)]
pub(crate) struct Lease {
    slot: Slot,
    id: u64,
    /// The slot's epoch when the lead was given.
    epoch: u64,
    rejected: Option<Arc<Secret>>,
    over: bool,
}

impl Lease {
    /// A sign of life, good for `horizon`.
    pub(crate) fn renew(&self, now: Timestamp, horizon: Duration) {
        let mut state = lock(&self.slot.state);
        if let Some(lead) = state.lead.as_mut().filter(|lead| lead.id == self.id) {
            lead.alive_until = (now + horizon).steady_millis();
        }
    }

    /// Whether the lead is still this one. A holder that comes back after it was taken for dead
    /// may deliver what it has, but must send nothing more.
    pub(crate) fn leads(&self) -> bool {
        lock(&self.slot.state).lead.as_ref().is_some_and(|lead| lead.id == self.id)
    }

    /// Whether this is the value that the platform rejected before.
    pub(crate) fn was_rejected(&self, value: &str) -> bool {
        self.rejected.as_ref().is_some_and(|rejected| rejected.matches(value))
    }

    /// The token came. A holder that was taken for dead still delivers, unless a newer token is
    /// there already.
    pub(crate) fn land(mut self, value: Secret, asked: Timestamp, life: Life) -> Option<Token> {
        self.over = true;
        let (token, flight) = {
            let mut state = lock(&self.slot.state);
            let leads = state.lead.as_ref().is_some_and(|lead| lead.id == self.id);
            let token = (leads || state.epoch == self.epoch).then(|| {
                state.refused = None;
                state.failure = None;
                state.quiet_until = 0;
                state.hold(value, asked, life)
            });
            (token, state.end_lead(self.id))
        };
        if let Some(flight) = flight {
            flight.finish(Outcome::Landed);
        }
        token
    }

    /// Somebody elsewhere is fetching. If a token still serves, the caller goes on with that, and
    /// nobody here looks again for a while; otherwise the lease goes on.
    pub(crate) fn defer(self, now: Timestamp) -> Result<Token, Self> {
        let reserve = {
            let mut state = lock(&self.slot.state);
            let reserve = state.serving(now);
            if reserve.is_some() {
                state.quiet_until = (now + QUIET).steady_millis();
            }
            reserve
        };
        reserve.ok_or(self)
    }

    /// It failed. If a token still serves, the caller goes on with that, and so does everybody
    /// for a while; otherwise those who wait share the error.
    pub(crate) fn fail(self, error: &Error, now: Timestamp) -> Option<Token> {
        self.end(error, now, true)
    }

    /// The same for a failure that may be mended elsewhere: the next caller looks again.
    pub(crate) fn fail_for_now(self, error: &Error, now: Timestamp) -> Option<Token> {
        self.end(error, now, false)
    }

    fn end(mut self, error: &Error, now: Timestamp, for_good: bool) -> Option<Token> {
        self.over = true;
        let (reserve, flight) = {
            let mut state = lock(&self.slot.state);
            let flight = state.end_lead(self.id);
            let reserve = state.serving(now);
            if flight.is_some() {
                if reserve.is_some() {
                    state.quiet_until = (now + QUIET).steady_millis();
                }
                state.refused = refusal(error, now).filter(|_| for_good);
                state.failure = Some(error.clone());
            }
            (reserve, flight)
        };
        if let Some(flight) = flight {
            flight.finish(match reserve {
                Some(_) => Outcome::Passed,
                None => Outcome::Failed(error.clone()),
            });
        }
        reserve
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        let flight = lock(&self.slot.state).end_lead(self.id);
        if let Some(flight) = flight {
            flight.finish(Outcome::Passed);
        }
    }
}

/// Until when trying again makes no sense.
fn refusal(error: &Error, now: Timestamp) -> Option<(Error, u64)> {
    match error.kind() {
        ErrorKind::Credentials => Some((error.clone(), (now + REFUSED).steady_millis())),
        ErrorKind::LoginAgain { .. } | ErrorKind::CodeDead => Some((error.clone(), u64::MAX)),
        _ => None,
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    const LEASE: Duration = Duration::from_secs(20);
    const LIFE: Duration = Duration::from_secs(7_200);

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(1_700_000_000_000 + seconds * 1_000)
    }

    fn lead(slot: &Slot, now: Timestamp) -> Lease {
        match slot.claim(now, LEASE) {
            Claim::Lead(lease) => lease,
            other => panic!("expected the lead, got {other:?}"),
        }
    }

    fn uses(slot: &Slot, now: Timestamp) -> String {
        match slot.claim(now, LEASE) {
            Claim::Use(token) => token.value.expose().to_owned(),
            other => panic!("expected a token, got {other:?}"),
        }
    }

    fn joins(slot: &Slot, now: Timestamp) -> Flight {
        match slot.claim(now, LEASE) {
            Claim::Join(flight) => flight,
            other => panic!("expected to join, got {other:?}"),
        }
    }

    fn filled(now: Timestamp) -> Slot {
        let slot = Slot::new();
        lead(&slot, now).land("first".into(), now, Life::granted(LIFE));
        slot
    }

    #[test]
    fn invariant_01_at_most_one_live_lease_per_credential() {
        let slot = Slot::new();
        let lease = lead(&slot, at(0));
        for second in 0..LEASE.as_secs() {
            drop(joins(&slot, at(second)));
        }
        lease.land("t".into(), at(0), Life::granted(LIFE));
        assert_eq!(uses(&slot, at(1)), "t");
    }

    #[test]
    fn invariant_03_a_dropped_lease_passes_the_lead_on_at_once() {
        let slot = Slot::new();
        let lease = lead(&slot, at(0));
        let flight = joins(&slot, at(0));
        drop(lease);
        assert!(matches!(flight.outcome(), Some(Outcome::Passed)));
        let _next = lead(&slot, at(0));
    }

    #[test]
    fn invariant_04_a_lead_without_a_sign_of_life_passes_on_and_renewing_keeps_it() {
        let slot = Slot::new();
        let silent = lead(&slot, at(0));
        silent.renew(at(10), LEASE);
        let flight = joins(&slot, at(29));
        assert_eq!(flight.patience(), Duration::from_millis(1_001));
        let next = lead(&slot, at(30));
        assert!(matches!(flight.outcome(), Some(Outcome::Passed)));
        // The old holder can no longer prolong its lead, nor end the new one.
        silent.renew(at(30), LEASE);
        drop(silent);
        drop(joins(&slot, at(31)));
        drop(next);
    }

    #[test]
    fn invariant_04_a_holder_taken_for_dead_still_delivers_but_never_over_a_newer_token() {
        let slot = Slot::new();
        let silent = lead(&slot, at(0));
        let next = lead(&slot, at(20));
        assert!(silent.land("late".into(), at(0), Life::granted(LIFE)).is_some());
        assert_eq!(uses(&slot, at(21)), "late");
        next.land("next".into(), at(20), Life::granted(LIFE));
        assert_eq!(uses(&slot, at(21)), "next");

        let slot = Slot::new();
        let silent = lead(&slot, at(0));
        lead(&slot, at(20)).land("next".into(), at(20), Life::granted(LIFE));
        assert!(silent.land("late".into(), at(0), Life::granted(LIFE)).is_none());
        assert_eq!(uses(&slot, at(21)), "next");
    }

    #[test]
    fn invariant_05_waiters_share_the_error_and_a_later_call_starts_anew() {
        let slot = Slot::new();
        let lease = lead(&slot, at(0));
        let flight = joins(&slot, at(0));
        let error = Error::new(ErrorKind::Unreachable);
        assert!(lease.fail(&error, at(1)).is_none());
        assert!(matches!(flight.outcome(), Some(Outcome::Failed(shared)) if shared == error));
        let _later = lead(&slot, at(1));
    }

    #[test]
    fn invariant_06_a_rejection_clears_the_token_only_if_it_is_still_that_one() {
        let slot = filled(at(0));
        let Claim::Use(first) = slot.claim(at(1), LEASE) else { panic!() };
        slot.reject(&first);
        lead(&slot, at(1)).land("second".into(), at(1), Life::granted(LIFE));
        slot.reject(&first);
        assert_eq!(uses(&slot, at(2)), "second");
    }

    #[test]
    fn invariant_06_the_same_value_renewed_is_the_same_token() {
        let slot = filled(at(0));
        let Claim::Use(first) = slot.claim(at(1), LEASE) else { panic!() };
        let early = lead(&slot, at(6_700));
        early.land("first".into(), at(6_700), Life::granted(LIFE));
        assert_eq!(uses(&slot, at(7_300)), "first", "its life was prolonged");
        slot.reject(&first);
        let lease = lead(&slot, at(7_300));
        assert!(lease.was_rejected("first") && !lease.was_rejected("second"));
    }

    #[test]
    fn invariant_07_less_than_ten_minutes_left_is_replaced_by_one_while_others_go_on() {
        let slot = filled(at(0));
        assert_eq!(uses(&slot, at(6_599)), "first");
        let early = lead(&slot, at(6_600));
        assert_eq!(uses(&slot, at(6_600)), "first");
        early.land("second".into(), at(6_601), Life::granted(LIFE));
        assert_eq!(uses(&slot, at(6_602)), "second");
    }

    #[test]
    fn a_seeded_token_serves_to_its_own_end_and_no_longer() {
        let slot = Slot::new();
        slot.seed("kept".into(), at(0), Duration::from_secs(5));
        assert!(slot.peek(at(4)).is_some());
        assert!(slot.peek(at(5)).is_none());
        slot.seed("over".into(), at(9), Duration::ZERO);
        assert!(slot.peek(at(9)).is_none());
    }

    #[test]
    fn invariant_07_a_failed_early_replacement_serves_to_the_end_and_is_quiet_for_30_s() {
        let slot = filled(at(0));
        let reserve = lead(&slot, at(6_600)).fail(&Error::new(ErrorKind::Unreachable), at(6_600));
        assert_eq!(reserve.unwrap().value.expose(), "first");
        assert_eq!(uses(&slot, at(6_629)), "first");
        assert!(
            lead(&slot, at(6_630)).fail(&Error::new(ErrorKind::Unreachable), at(7_199)).is_some()
        );
        assert_eq!(uses(&slot, at(7_199)), "first");
        let _ = lead(&slot, at(7_200));
    }

    #[test]
    fn invariant_07_the_early_window_is_at_most_a_quarter_of_the_life() {
        let slot = Slot::new();
        lead(&slot, at(0)).land("short".into(), at(0), Life::granted(Duration::from_secs(120)));
        assert_eq!(uses(&slot, at(89)), "short");
        let _early = lead(&slot, at(90));
    }

    #[test]
    fn invariant_08_life_counts_from_the_asking() {
        let slot = Slot::new();
        let lease = lead(&slot, at(0));
        lease.land("t".into(), at(0), Life::granted(LIFE));
        assert_eq!(slot.peek(at(7_199)).map(|t| t.value.expose().to_owned()).as_deref(), Some("t"));
        assert!(slot.peek(at(7_200)).is_none());
    }

    #[test]
    fn a_life_that_makes_no_sense_is_bounded() {
        for life in [Duration::ZERO, Duration::from_secs(1)] {
            let slot = Slot::new();
            lead(&slot, at(0)).land("t".into(), at(0), Life::granted(life));
            assert_eq!(uses(&slot, at(44)), "t", "no fetch with every call");
        }
        let slot = Slot::new();
        lead(&slot, at(0)).land("t".into(), at(0), Life::granted(Duration::MAX));
        assert!(slot.peek(at(86_400)).is_none(), "nothing lives for ever");
    }

    #[test]
    fn refused_credentials_are_not_tried_again_for_60_s() {
        let slot = Slot::new();
        lead(&slot, at(0)).fail(&Error::new(ErrorKind::Credentials), at(0));
        assert!(matches!(slot.claim(at(59), LEASE), Claim::Refused(_)));
        let _again = lead(&slot, at(60));
    }

    #[test]
    fn a_session_that_is_over_is_never_tried_again() {
        let slot = Slot::new();
        let over = Error::new(ErrorKind::LoginAgain { in_doubt: false });
        lead(&slot, at(0)).fail(&over, at(0));
        assert!(matches!(slot.claim(at(1_000_000), LEASE), Claim::Refused(_)));
    }

    #[test]
    fn the_wall_clock_set_back_prolongs_nothing_and_a_sleep_is_noticed() {
        let slot = filled(at(0));
        let end = at(7_200);
        let set_back = Timestamp::new(at(0).unix_millis(), end.steady_millis());
        assert!(slot.peek(set_back).is_none());
        let slept = Timestamp::new(end.unix_millis(), at(5).steady_millis());
        assert!(slot.peek(slept).is_none());
    }

    #[test]
    fn a_forgotten_token_is_fetched_anew() {
        let slot = filled(at(0));
        slot.forget();
        lead(&slot, at(1)).fail(&Error::new(ErrorKind::Credentials), at(1));
        slot.forget();
        let _again = lead(&slot, at(2));
    }

    #[test]
    fn due_says_when_a_caller_would_fetch() {
        let slot = Slot::new();
        assert_eq!(slot.due_in(at(0)), Duration::ZERO);
        lead(&slot, at(0)).land("t".into(), at(0), Life::granted(LIFE));
        assert_eq!(slot.due_in(at(0)), Duration::from_secs(6_600));
        lead(&slot, at(6_600)).fail(&Error::new(ErrorKind::Unreachable), at(6_600));
        assert_eq!(slot.due_in(at(6_600)), Duration::from_secs(30));
    }
}
