//! The faults in force, and which of them strikes a call.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::HeaderMap;

use super::{Fault, FaultHandle, Strike};

/// A fault in force.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) id: u64,
    pub(crate) fault: Fault,
    /// The moment at which it ends.
    pub(crate) until: Option<u64>,
    /// Matching calls so far, struck or not.
    pub(crate) seen: usize,
    hits: Arc<AtomicUsize>,
}

impl Rule {
    pub(crate) fn hits(&self) -> usize {
        self.hits.load(Ordering::Relaxed)
    }
}

/// The rules in force, in the order in which they were given; the first one that strikes decides.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    rules: Vec<Rule>,
    last: u64,
}

impl Faults {
    /// The rule's number, and the handle that counts its hits.
    pub(crate) fn add(&mut self, fault: Fault, now: u64) -> (u64, FaultHandle) {
        let hits = Arc::new(AtomicUsize::new(0));
        self.last += 1;
        let until = fault.lifetime.map(|lifetime| {
            now.saturating_add(u64::try_from(lifetime.as_millis()).unwrap_or(u64::MAX))
        });
        self.rules.push(Rule { id: self.last, fault, until, seen: 0, hits: Arc::clone(&hits) });
        (self.last, FaultHandle { hits })
    }

    pub(crate) fn rules(&self) -> &[Rule] {
        &self.rules
    }

    pub(crate) fn remove(&mut self, id: u64) -> bool {
        let before = self.rules.len();
        self.rules.retain(|rule| rule.id != id);
        self.rules.len() < before
    }

    pub(crate) fn clear(&mut self) {
        self.rules.clear();
    }

    /// Judges one call. Who calls is only found out for rules that ask for it.
    pub(crate) fn strike(
        &mut self,
        operation: &str,
        headers: &HeaderMap,
        now: u64,
        app: impl Fn() -> Option<Arc<str>>,
    ) -> Option<Strike> {
        for rule in &mut self.rules {
            let ended = rule.until.is_some_and(|until| now >= until);
            if ended || !rule.fault.matches(operation, headers, &app) {
                continue;
            }
            rule.seen += 1;
            let fault = &rule.fault;
            let turn = rule
                .seen
                .checked_sub(fault.first)
                .is_some_and(|beyond| beyond.is_multiple_of(fault.every));
            if turn && rule.hits() < fault.times && fault.drawn(rule.seen) {
                rule.hits.fetch_add(1, Ordering::Relaxed);
                return Some(Strike {
                    action: fault.action.clone(),
                    delay: fault.wait(rule.seen),
                    date_skew: fault.date_skew,
                    answer_headers: fault.answer_headers.clone(),
                });
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::faults::{ACCEPT, Action};

    fn strike(faults: &mut Faults, operation: &str) -> Option<Action> {
        faults.strike(operation, &HeaderMap::new(), 0, || None).map(|strike| strike.action)
    }

    #[test]
    fn a_fault_strikes_the_calls_it_names_and_counts_them() {
        let mut faults = Faults::default();
        let (_, second) = faults.add(Fault::on("GET /gettoken").nth(2).close(), 0);
        let (_, all) = faults.add(Fault::on("POST /topapi/*").times(1).stall(), 0);
        assert!(strike(&mut faults, "GET /gettoken").is_none());
        assert!(matches!(strike(&mut faults, "GET /gettoken"), Some(Action::Close)));
        assert!(strike(&mut faults, "GET /gettoken").is_none());
        assert!(matches!(strike(&mut faults, "POST /topapi/v2/user/get"), Some(Action::Stall)));
        assert!(strike(&mut faults, "POST /topapi/v2/user/get").is_none());
        assert_eq!((second.hits(), all.hits()), (1, 1));
    }

    #[test]
    fn every_strikes_each_nth_call_and_times_bounds_the_strikes() {
        let mut faults = Faults::default();
        let (id, handle) = faults.add(Fault::on("*").every(3).times(2).close(), 0);
        let struck: Vec<bool> = (0..12).map(|_| strike(&mut faults, "a").is_some()).collect();
        assert_eq!(
            struck
                .iter()
                .enumerate()
                .filter(|(_, hit)| **hit)
                .map(|(at, _)| at + 1)
                .collect::<Vec<_>>(),
            [3, 6]
        );
        assert_eq!((handle.hits(), faults.rules()[0].seen), (2, 12));
        assert!(faults.remove(id) && !faults.remove(id));
    }

    #[test]
    fn a_probability_is_repeatable_and_about_right() {
        let run = |p, seed| {
            let mut faults = Faults::default();
            faults.add(Fault::on("*").probability(p, seed).close(), 0);
            (0..10_000).map(|_| strike(&mut faults, "a").is_some()).collect::<Vec<_>>()
        };
        let hits = |run: &[bool]| run.iter().filter(|hit| **hit).count();
        assert_eq!(run(0.3, 7), run(0.3, 7));
        assert_ne!(run(0.3, 7), run(0.3, 8));
        assert!((2_800..3_200).contains(&hits(&run(0.3, 7))));
        assert_eq!((hits(&run(0.0, 1)), hits(&run(1.0, 1))), (0, 10_000));
    }

    #[test]
    fn after_spares_the_first_calls_and_strikes_all_others() {
        let mut faults = Faults::default();
        faults.add(Fault::on("*").after(2).close(), 0);
        let struck: Vec<bool> = (0..5).map(|_| strike(&mut faults, "a").is_some()).collect();
        assert_eq!(struck, [false, false, true, true, true]);
    }

    #[test]
    fn times_between_two_bounds_are_spread_over_all_of_them_and_repeatable() {
        let (least, most) = (Duration::from_millis(100), Duration::from_millis(300));
        let run = |seed| {
            let mut faults = Faults::default();
            faults.add(Fault::on("*").delay_between(least, most, seed), 0);
            let mut wait = || faults.strike("a", &HeaderMap::new(), 0, || None).unwrap().delay;
            (0..1000).map(|_| wait()).collect::<Vec<_>>()
        };
        assert_eq!(run(1), run(1));
        assert_ne!(run(1), run(2));
        assert!(run(1).iter().all(|wait| (least..=most).contains(wait)));
        let low = run(1).iter().filter(|wait| **wait < Duration::from_millis(200)).count();
        assert!((430..570).contains(&low), "{low} of 1000 in the lower half");
        let mut faults = Faults::default();
        faults.add(Fault::on("*").delay_between(most, least, 0), 0);
        assert_eq!(faults.strike("a", &HeaderMap::new(), 0, || None).unwrap().delay, most);
    }

    #[test]
    fn a_rule_for_every_call_is_none_for_connections_and_the_reverse() {
        let mut faults = Faults::default();
        faults.add(Fault::on("*").close(), 0);
        assert!(strike(&mut faults, ACCEPT).is_none());
        faults.clear();
        faults.add(Fault::on_accept().reset(), 0);
        assert!(strike(&mut faults, "GET /gettoken").is_none());
        assert!(matches!(strike(&mut faults, ACCEPT), Some(Action::Reset)));
    }

    #[test]
    fn a_lifetime_ends_on_the_given_clock() {
        let mut faults = Faults::default();
        faults.add(Fault::on("*").lifetime(Duration::from_secs(1)).close(), 5_000);
        let at = |faults: &mut Faults, now| {
            faults.strike("a", &HeaderMap::new(), now, || None).is_some()
        };
        assert!(at(&mut faults, 5_999));
        assert!(!at(&mut faults, 6_000));
    }

    #[test]
    fn app_and_header_narrow_a_fault() {
        let mut faults = Faults::default();
        faults.add(Fault::on("*").app("mine").header("X-Try", "2").close(), 0);
        let mut headers = HeaderMap::new();
        headers.append("x-try", http::HeaderValue::from_static("1"));
        headers.append("x-try", http::HeaderValue::from_static("2"));
        let mine = || Some(Arc::from("mine"));
        assert!(faults.strike("a", &headers, 0, mine).is_some());
        assert!(faults.strike("a", &headers, 0, || Some(Arc::from("other"))).is_none());
        assert!(faults.strike("a", &headers, 0, || None).is_none());
        assert!(faults.strike("a", &HeaderMap::new(), 0, mine).is_none());
    }
}
