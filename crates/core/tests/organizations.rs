//! Very many organizations of a third-party app: what each takes, how soon its token is found, and
//! what an hour of coming and going leaves behind. Bounds are for release builds:
//! `cargo test -p dingtalk-core --release --test organizations -- --nocapture`.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]
// It measures: time and memory of this process are what it is about.
#![allow(clippy::disallowed_methods)]

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use dingtalk_core::contact::GetUser;
use dingtalk_core::store::Memory;
use dingtalk_core::{Call, Corp, Response, Step, Store, Suite, Timestamp};

const CORPS: u64 = 100_000;
const START: u64 = 1_700_000_000_000;
/// An id and a token, each as long as the platform's.
const TEXT: u64 = 32 + 32;
/// It was 3 to 4; a search would be hundreds.
const MOST_OF_A_MAP: f64 = 8.0;

fn suite() -> Suite {
    Suite::builder("suitetest", "secret").without_tickets().build()
}

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(START + millis)
}

/// A call from its beginning to its end, with a platform and a store that answer at once.
fn call(corp: &Corp, store: &Memory, questions: &AtomicUsize, now: Timestamp) {
    static SERIAL: AtomicU64 = AtomicU64::new(0);
    let mut step = Call::new(&GetUser::new("boss"), corp).shared(true).step(now);
    loop {
        step = match step {
            Step::Send(request, sent) => {
                let body = if request.url().path().ends_with("corpAccessToken") {
                    let token = SERIAL.fetch_add(1, Ordering::Relaxed);
                    format!(r#"{{"accessToken":"{token:032x}","expireIn":7200}}"#)
                } else {
                    r#"{"errcode":0,"result":{"userid":"boss","unionid":"u","name":"n"}}"#.into()
                };
                sent.reply(now, Ok(Response::new(200, Default::default(), body)))
            }
            Step::Ask(question, asked) => {
                questions.fetch_add(1, Ordering::Relaxed);
                asked.reply(now, store.ask(question))
            }
            Step::Done(result) => return drop(result.unwrap()),
            other => panic!("{other:?}"),
        };
    }
}

/// One after the other: each looks at the memory of the whole process.
#[test]
fn organizations_take_little_are_found_at_once_and_leave_nothing_behind() {
    let suite = suite();
    let before = resident();
    for n in 0..CORPS {
        let corp = suite.corp(format!("ding{n:028}"));
        corp.seed(format!("{n:032x}"), at(7_200_000), at(0));
    }
    let each = resident().saturating_sub(before) / CORPS;
    println!("{each} bytes an organization, of which {TEXT} are its id and token");
    assert!(each <= 600 + TEXT, "{each} bytes");
    found_at_once(&suite);
    an_hour_of_churn(&suite);
    warm_calls_ask_no_store();
}

/// Against a map of the same ids behind a lock, in turn, since a busy machine slows down both.
fn found_at_once(suite: &Suite) {
    let ids: Vec<String> = (0..CORPS).step_by(7).map(|n| format!("ding{n:028}")).collect();
    let map: HashMap<_, _> = (0..CORPS).map(|n| (format!("ding{n:028}"), Arc::new(n))).collect();
    let map = Mutex::new(map);
    let of_map = |id: &str| map.lock().unwrap().get(id).cloned().is_some();
    let of_suite = |id: &str| suite.corp(id).token(at(1)).is_some();
    let (mut found, mut plain) = (u128::MAX, u128::MAX);
    for _ in 0..9 {
        for batch in ids.chunks(500) {
            found = found.min(nanoseconds(batch, of_suite));
            plain = plain.min(nanoseconds(batch, of_map));
        }
    }
    let ratio = found as f64 / plain as f64;
    println!(
        "{found} ns to find an organization and its token, among {CORPS}: {ratio:.1} × a map's {plain} ns"
    );
    assert!(ratio <= MOST_OF_A_MAP, "{ratio:.1} × a map");
}

/// For each of them, all of which must be there.
fn nanoseconds(ids: &[String], is_there: impl Fn(&str) -> bool) -> u128 {
    let began = Instant::now();
    assert!(ids.iter().all(|id| is_there(id)));
    began.elapsed().as_nanos() / ids.len() as u128
}

/// 300 organizations come each second, most of them never to be seen again: ten times as many in
/// an hour as are held. A few hundred stay in use.
fn an_hour_of_churn(suite: &Suite) {
    let clock = Arc::new(AtomicU64::new(START));
    let of_store = Arc::clone(&clock);
    let store = Memory::new(move || of_store.load(Ordering::Relaxed));
    let questions = AtomicUsize::new(0);
    let (seconds, each_second) = if cfg!(debug_assertions) { (360, 300) } else { (3_600, 300) };
    let mut marks = Vec::new();
    for second in 0..seconds {
        clock.store(START + second * 1_000, Ordering::Relaxed);
        let now = at(second * 1_000);
        for n in 0..each_second {
            let serial = second * each_second + n;
            let id = match n % 10 {
                0 => format!("often{:027}", serial % 300),
                _ => format!("churn{serial:027}"),
            };
            let corp = suite.corp(id);
            corp.seed(format!("{serial:032x}"), now + Duration::from_secs(7_200), now);
            if n % 10 == 0 {
                call(&corp, &store, &questions, now);
            }
        }
        if second % (seconds / 6) == seconds / 6 - 1 {
            marks.push(resident());
        }
    }
    assert_eq!(suite.corps_held() as u64, CORPS);
    let mib: Vec<_> = marks.iter().map(|mark| mark / (1 << 20)).collect();
    println!("memory after each sixth of an hour of churn, in MiB: {mib:?}");
    let (first, last) = (marks[0], marks[marks.len() - 1]);
    assert!(last <= first + first / 20, "{first} bytes became {last}");
}

fn warm_calls_ask_no_store() {
    const CALLS: usize = 100_000;
    let store = Memory::new(|| START);
    let questions = AtomicUsize::new(0);
    let suite = suite();
    let corp = suite.corp("ding1");
    call(&corp, &store, &questions, at(0));
    let cold = questions.swap(0, Ordering::Relaxed);
    for n in 0..CALLS {
        call(&corp, &store, &questions, at(n as u64 * 60));
    }
    let warm = questions.load(Ordering::Relaxed);
    println!("{cold} questions to the store for the first call, {warm} for {CALLS} more");
    assert_eq!((cold, warm), (3, 0));
}

/// Bytes of memory that this process holds.
fn resident() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4_096
}
