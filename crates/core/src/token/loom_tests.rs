//! Every interleaving of the slot, up to loom's preemption bound.
//! Run with `RUSTFLAGS="--cfg loom" cargo test -p dingtalk-core --release --lib loom_tests`.

use std::time::Duration;

use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

use crate::token::{Claim, Life, Outcome, Slot};
use crate::{Error, ErrorKind, Timestamp};

const LEASE: Duration = Duration::from_secs(20);
const LIFE: Life =
    Life { renew_in: Duration::from_secs(6_600), expires_in: Duration::from_secs(7_200) };

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_millis(seconds * 1_000)
}

fn explore(model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(model);
}

/// Goes on until there is a token; waits while somebody else fetches.
fn fetch(slot: &Slot, fetches: &AtomicUsize, give_up: bool) -> Option<String> {
    loop {
        match slot.claim(at(1), LEASE) {
            Claim::Use(token) => return Some(token.value.expose().to_owned()),
            Claim::Lead(lease) => {
                if give_up {
                    drop(lease);
                    return None;
                }
                fetches.fetch_add(1, Ordering::SeqCst);
                lease.land("t".into(), at(1), LIFE);
            }
            // A waker that is lost would block for ever, which loom reports as a deadlock.
            Claim::Join(flight) => loom::future::block_on(flight),
            Claim::Refused(error) => panic!("{error}"),
        }
    }
}

#[test]
fn three_threads_make_one_request() {
    explore(|| {
        let slot = Slot::new();
        let fetches = Arc::new(AtomicUsize::new(0));
        let others: Vec<_> = (0..2)
            .map(|_| {
                let (slot, fetches) = (slot.clone(), fetches.clone());
                thread::spawn(move || fetch(&slot, &fetches, false))
            })
            .collect();
        assert_eq!(fetch(&slot, &fetches, false).as_deref(), Some("t"));
        for other in others {
            assert_eq!(other.join().unwrap().as_deref(), Some("t"));
        }
        assert_eq!(fetches.load(Ordering::SeqCst), 1);
    });
}

#[test]
fn a_leader_that_gives_up_leaves_nobody_waiting() {
    explore(|| {
        let slot = Slot::new();
        let fetches = Arc::new(AtomicUsize::new(0));
        let quitter = {
            let (slot, fetches) = (slot.clone(), fetches.clone());
            thread::spawn(move || fetch(&slot, &fetches, true))
        };
        assert_eq!(fetch(&slot, &fetches, false).as_deref(), Some("t"));
        quitter.join().unwrap();
        assert_eq!(fetches.load(Ordering::SeqCst), 1);
    });
}

#[test]
fn a_rejection_never_takes_away_a_newer_token() {
    explore(|| {
        let slot = Slot::new();
        let Claim::Lead(lease) = slot.claim(at(0), LEASE) else { panic!() };
        let old = lease.land("old".into(), at(0), LIFE).unwrap();
        let rejecting = {
            let (slot, old) = (slot.clone(), old.clone());
            thread::spawn(move || slot.reject(&old))
        };
        slot.reject(&old);
        if let Claim::Lead(lease) = slot.claim(at(1), LEASE) {
            lease.land("new".into(), at(1), LIFE);
        }
        rejecting.join().unwrap();
        assert_eq!(slot.peek(at(2)).unwrap().value.expose(), "new");
    });
}

#[test]
fn waiters_of_a_failed_flight_see_its_error() {
    explore(|| {
        let slot = Slot::new();
        let Claim::Lead(lease) = slot.claim(at(0), LEASE) else { panic!() };
        let Claim::Join(flight) = slot.claim(at(0), LEASE) else { panic!() };
        let leader = thread::spawn(move || {
            lease.fail(&Error::new(ErrorKind::Unreachable), at(0));
        });
        let waiter = flight.share(LEASE);
        loom::future::block_on(waiter);
        assert!(matches!(flight.outcome(), Some(Outcome::Failed(_))));
        leader.join().unwrap();
    });
}
