//! Every order in which processes can obey the rules of [`rules`](super::rules), with crashes,
//! pauses, lost answers and a store that fails among them, and rules that do not do beside them.
//! Run with `cargo test -p dingtalk-core --release --lib store::model -- --nocapture`: 3.5 million
//! states, in 24 seconds on two busy cores.
//!
//! A call that is dropped has given its request up, and its own process may present the token once
//! more; one that stands still has not. Under that rule nobody can have written over an
//! announcement whose answer comes late but a login or a log-out, so that a grant is admitted by
//! [`rules::follows`](super::rules::follows) alone only where somebody else gambled.
//!
//! What it leaves out: more than two rounds, more faults together than each test names, and the
//! bounded time that real waits have; there a waiter that loses its patience says that it timed
//! out, which loses nothing. A platform that ends a session whose refresh token is presented twice
//! may end one by a request that was given up and arrives late; no client can prevent that, and the
//! person is told.

mod pushed;
mod renewing;
mod session;

use std::fmt::Debug;
use std::hash::Hash;

use stateright::{Checker, HasDiscoveries, Model};

/// Explores all states and says how many there are; fails with the shortest way to a violation.
#[track_caller]
fn holds<M>(name: &str, model: M)
where
    M: Model + Send + Sync + 'static,
    M::State: Debug + Hash + PartialEq + Send + Sync + Clone + 'static,
    M::Action: Debug + PartialEq + Clone + Send + Sync,
{
    let checker = model.checker().threads(2).spawn_bfs().join();
    checker.assert_properties();
    let (states, deep) = (checker.unique_state_count(), checker.max_depth());
    println!("{name}: {states} states, {deep} steps deep, no violation");
}

/// The rule does not do: this property has a counterexample. Says how many steps it takes.
#[track_caller]
fn breaks<M>(name: &str, model: M, property: &'static str)
where
    M: Model + Send + Sync + 'static,
    M::State: Debug + Hash + PartialEq + Send + Sync + Clone + 'static,
    M::Action: Debug + PartialEq + Clone + Send + Sync,
{
    let found = HasDiscoveries::AnyOf([property].into());
    let checker = model.checker().finish_when(found).spawn_bfs().join();
    let path = checker.discovery(property).unwrap_or_else(|| panic!("{name}: {property}, always"));
    let actions = path.into_actions();
    println!("{name}: not “{property}”, after {} steps: {actions:?}", actions.len());
}

mod single_use {
    use super::session::{Faults, Pauses, Rule, Sessions};
    use super::{breaks, holds};

    const NONE: Faults =
        Faults { crashes: 0, pauses: 0, losses: 0, store_failures: 0, logins: 0, log_outs: 0 };

    fn ours(pauses: Pauses, faults: Faults) -> Sessions {
        Sessions { rule: Rule::Ours, processes: 4, pauses, reuse_revokes: false, faults }
    }

    fn revoking(model: Sessions) -> Sessions {
        Sessions { reuse_revokes: true, ..model }
    }

    #[test]
    #[cfg_attr(debug_assertions, ignore = "many states: run it with --release")]
    fn ours_holds_while_leases_do() {
        let faults = Faults { crashes: 2, losses: 2, store_failures: 1, ..NONE };
        let model = ours(Pauses::Short, faults);
        holds("single use, leases hold", model);
        holds("single use, leases hold, reuse revokes", revoking(model));
    }

    #[test]
    #[cfg_attr(debug_assertions, ignore = "many states: run it with --release")]
    fn ours_holds_through_pauses() {
        let faults = Faults { pauses: 3, losses: 1, store_failures: 1, ..NONE };
        holds("single use, pauses past the lease", ours(Pauses::PastLease, faults));
        let faults = Faults { pauses: 2, crashes: 2, losses: 1, store_failures: 1, ..NONE };
        let model = ours(Pauses::PastSettling, faults);
        holds("single use, pauses past all patience", model);
        holds("single use, pauses past all patience, reuse revokes", revoking(model));
    }

    #[test]
    #[cfg_attr(debug_assertions, ignore = "many states: run it with --release")]
    fn ours_holds_when_people_log_in_and_out() {
        let (crashes, pauses, losses) = (1, 1, 1);
        let (store_failures, logins, log_outs) = (1, 1, 1);
        let faults = Faults { crashes, pauses, losses, store_failures, logins, log_outs };
        let model = ours(Pauses::PastSettling, faults);
        holds("single use, logins and log-outs", model);
        holds("single use, logins and log-outs, reuse revokes", revoking(model));
    }

    const REACH: &str =
        "nobody is told to log in again while a live token is there, unless in doubt";
    const LOST: &str = "a live token is never lost";
    const TWICE: &str = "a token is presented once, and once more by leave of who lost the answer";

    fn wrong(rule: Rule) -> Sessions {
        let faults = Faults { crashes: 1, pauses: 2, ..NONE };
        let (processes, pauses) = (3, Pauses::PastLease);
        Sessions { rule, processes, pauses, reuse_revokes: false, faults }
    }

    #[test]
    fn a_blind_write_sends_people_to_log_in() {
        breaks("blind write", wrong(Rule::BlindWrite), REACH);
    }

    #[test]
    fn a_fence_alone_loses_the_live_token() {
        breaks("fence only", wrong(Rule::FenceOnly), LOST);
    }

    #[test]
    fn plain_compare_and_swap_sends_people_to_log_in() {
        breaks("plain compare and swap", wrong(Rule::PlainCas), REACH);
    }

    #[test]
    fn keeping_the_later_one_sends_people_to_log_in() {
        breaks("keep the later one", wrong(Rule::KeepLater), REACH);
    }

    #[test]
    fn presenting_without_an_announcement_presents_twice_and_sends_people_to_log_in() {
        breaks("no announcement", wrong(Rule::NoIntent), TWICE);
        breaks("no announcement", wrong(Rule::NoIntent), REACH);
    }

    #[test]
    fn without_a_wait_people_are_in_doubt_for_nothing() {
        breaks("no wait", wrong(Rule::NoWait), "nobody is in doubt without a cause");
    }

    #[test]
    fn without_a_second_look_people_who_logged_in_anew_are_sent_to_log_in() {
        let faults = Faults { losses: 1, pauses: 2, logins: 1, ..NONE };
        let (processes, pauses) = (2, Pauses::PastSettling);
        let model = Sessions { processes, pauses, faults, ..wrong(Rule::NoSecondLook) };
        breaks("no second look", model, REACH);
    }

    #[test]
    fn who_takes_its_own_request_that_hangs_for_given_up_presents_twice() {
        breaks("impatient", wrong(Rule::Impatient), TWICE);
    }
}

mod renewing_tokens {
    use super::renewing::{Faults, Renewals, Rule};
    use super::{breaks, holds};

    const NONE: Faults = Faults { crashes: 0, pauses: 0, losses: 0, drops: 0, store_failures: 0 };

    fn ours(processes: usize, faults: Faults) -> Renewals {
        Renewals { rule: Rule::Ours, processes, faults }
    }

    fn wrong(rule: Rule) -> Renewals {
        let faults = Faults { pauses: 2, drops: 1, ..NONE };
        Renewals { rule, processes: 3, faults }
    }

    #[test]
    #[cfg_attr(debug_assertions, ignore = "many states: run it with --release")]
    fn ours_holds() {
        let faults = Faults { crashes: 2, pauses: 2, ..NONE };
        holds("renewing, crashes and pauses", ours(4, faults));
        let faults = Faults { crashes: 1, pauses: 1, drops: 1, ..NONE };
        holds("renewing, a token that is dropped", ours(4, faults));
        let faults = Faults { pauses: 1, losses: 1, store_failures: 1, ..NONE };
        holds("renewing, losses and a store that fails", ours(3, faults));
    }

    #[test]
    fn with_a_blind_write_the_older_answer_wins() {
        breaks("blind write", wrong(Rule::BlindWrite), "what is stored never goes back");
    }

    #[test]
    fn with_a_fence_alone_the_older_answer_wins() {
        breaks("fence only", wrong(Rule::FenceOnly), "the latest answer stays");
    }

    #[test]
    fn with_plain_compare_and_swap_the_older_answer_wins() {
        breaks("plain compare and swap", wrong(Rule::PlainCas), "the latest answer stays");
    }

    #[test]
    fn dropping_whatever_is_there_drops_a_good_token() {
        let property = "a rejected token is dropped only if it is still that one";
        breaks("drop whatever is there", wrong(Rule::DropsAny), property);
    }
}

mod pushed_tickets {
    use super::pushed::{Pushes, Rule};
    use super::{breaks, holds};

    fn model(rule: Rule) -> Pushes {
        Pushes { rule, processes: 4, pushes: 4, crashes: 2 }
    }

    #[test]
    #[cfg_attr(debug_assertions, ignore = "many states: run it with --release")]
    fn ours_holds() {
        holds("pushed", model(Rule::Ours));
    }

    #[test]
    fn with_a_blind_write_an_old_ticket_comes_back() {
        breaks("blind write", model(Rule::BlindWrite), "what is stored never goes back");
    }

    #[test]
    fn with_plain_compare_and_swap_the_last_push_is_acknowledged_and_lost() {
        breaks("plain compare and swap", model(Rule::PlainCas), "what was acknowledged is stored");
    }
}
