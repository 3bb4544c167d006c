//! A whole store kept fresh: what is replaced when, by whom, and how often.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use dingtalk_core::auth::{HeldToken, ObtainToken};
use dingtalk_core::jsapi::ObtainTicket;
use dingtalk_core::store::Memory;
use dingtalk_core::{
    App, Call, Chore, Due, Endpoint, Error, ErrorKind, Reply, Request, Step, Store, StoreKey,
    StoreKind, StoreOp, StoreReply, StoreUpkeep, Suite, Timestamp,
};

use crate::support::{Expect, START, app, json};

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;

/// A store and a platform under one clock.
struct World {
    clock: Arc<AtomicU64>,
    store: Memory,
    serial: u64,
    entropy: u64,
    /// How often each refresh token was presented.
    presented: BTreeMap<String, u64>,
    /// Token requests by path, and by the minute.
    requests: BTreeMap<String, u64>,
    by_minute: BTreeMap<u64, u64>,
    /// Refresh tokens and organizations that are refused.
    refused: BTreeSet<String>,
    store_works: bool,
    reports: Vec<(StoreKey, Result<HeldToken, ErrorKind>)>,
}

impl World {
    fn new() -> Self {
        let clock = Arc::new(AtomicU64::new(START));
        let of_store = Arc::clone(&clock);
        Self {
            clock,
            store: Memory::new(move || of_store.load(Ordering::Relaxed)),
            serial: 0,
            entropy: 0,
            presented: BTreeMap::new(),
            requests: BTreeMap::new(),
            by_minute: BTreeMap::new(),
            refused: BTreeSet::new(),
            store_works: true,
            reports: Vec::new(),
        }
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.clock.load(Ordering::Relaxed))
    }

    fn pass(&self, millis: u64) {
        self.clock.fetch_add(millis, Ordering::Relaxed);
    }

    fn draw(&mut self) -> u64 {
        self.entropy += 1;
        self.entropy
    }

    fn call<E: Endpoint>(&mut self, call: Call<E>) -> Result<E::Output, Error> {
        let entropy = self.draw();
        let mut step = call.shared(true).entropy(entropy).step(self.now());
        loop {
            step = match step {
                Step::Send(request, sent) => {
                    let reply = self.answer(&request);
                    sent.reply(self.now(), reply)
                }
                Step::Ask(question, asked) => {
                    let reply = self.stored(question);
                    asked.reply(self.now(), reply)
                }
                Step::Sleep(pause, call) => {
                    self.pass(u64::try_from(pause.as_millis()).unwrap());
                    call.step(self.now())
                }
                Step::Join(..) => panic!("nobody else is here"),
                Step::Done(result) => return result,
            };
        }
    }

    fn stored(&self, question: StoreOp) -> StoreReply {
        match self.store_works {
            true => self.store.ask(question),
            false => StoreReply::Failed { why: "gone".into() },
        }
    }

    fn answer(&mut self, request: &Request) -> Reply {
        let path = request.url().path().to_owned();
        let body: serde_json::Value = serde_json::from_slice(request.body()).unwrap_or_default();
        let text = |name: &str| body[name].as_str().map(str::to_owned);
        *self.requests.entry(path.clone()).or_default() += 1;
        *self.by_minute.entry((self.now().unix_millis() - START) / MINUTE).or_default() += 1;
        if let Some(token) = text("refreshToken") {
            *self.presented.entry(token.clone()).or_default() += 1;
            if self.refused.contains(&token) {
                return json(400, r#"{"code":"invalidParameter.authCode.notFound","message":"x"}"#);
            }
        }
        if text("authCorpId").is_some_and(|corp| self.refused.contains(&corp)) {
            return json(500, r#"{"requestid":"R","code":"unknownError","message":"x"}"#);
        }
        self.serial += 1;
        let n = self.serial;
        let ticket = format!(r#"{{"jsapiTicket":"j{n}","expireIn":7200}}"#);
        match path.ends_with("jsapiTickets") {
            true => json(200, &ticket),
            false => json(
                200,
                &format!(r#"{{"accessToken":"t{n}","refreshToken":"r{n}","expireIn":7200}}"#),
            ),
        }
    }

    /// A person who logs in.
    fn log_in(&mut self, app: &App, name: &str) {
        let user = app.user_from_code("code");
        user.keep_as(name);
        self.call(Call::new(&ObtainToken::new(), &user)).unwrap();
    }

    /// Does what is to be done now, and says how long nothing is.
    fn turn(&mut self, upkeep: &mut StoreUpkeep) -> Duration {
        loop {
            let entropy = self.draw();
            match upkeep.next(self.now(), entropy) {
                Chore::Ask(question) => {
                    let reply = self.stored(question);
                    if let Some(error) = upkeep.told(reply, self.now()) {
                        self.reports.push((upkeep.lock_key(), Err(error.kind().clone())));
                    }
                }
                Chore::Renew(due) => self.renew(upkeep, &due),
                Chore::Wait(pause) => return pause,
                other => panic!("{other:?}"),
            }
        }
    }

    fn renew(&mut self, upkeep: &mut StoreUpkeep, due: &Due) {
        let result = self.call(Call::new(&due.request(), due));
        let outcome = upkeep.settle(due, result, self.now());
        let outcome = outcome.map_err(|error| error.kind().clone());
        self.reports.push((due.key().clone(), outcome));
    }

    /// Lets them work for so long.
    fn run(&mut self, upkeeps: &mut [&mut StoreUpkeep], millis: u64) {
        let end = self.now().unix_millis() + millis;
        while self.now().unix_millis() < end {
            let pauses: Vec<_> = upkeeps.iter_mut().map(|upkeep| self.turn(upkeep)).collect();
            let pause = pauses.into_iter().min().unwrap();
            self.pass(u64::try_from(pause.as_millis()).unwrap());
        }
    }

    fn requests(&self, end: &str) -> u64 {
        self.requests.iter().filter(|(path, _)| path.ends_with(end)).map(|(_, count)| count).sum()
    }

    fn renew_in(&self, key: &StoreKey) -> Option<u64> {
        match self.store.ask(StoreOp::Load { key: key.clone() }) {
            StoreReply::Record { record } => record.map(|record| record.renew_in_ms),
            other => panic!("{other:?}"),
        }
    }

    fn reports_of(&self, person: &str) -> Vec<&Result<HeldToken, ErrorKind>> {
        let of = |key: &StoreKey| key.person.as_deref() == Some(person);
        self.reports.iter().filter(|(key, _)| of(key)).map(|(_, outcome)| outcome).collect()
    }
}

fn person(name: &str) -> StoreKey {
    StoreKey::new(StoreKind::User, "api.dingtalk.com", "dingtest").of_person(name)
}

fn of_kind(kind: StoreKind) -> StoreKey {
    StoreKey::new(kind, "api.dingtalk.com", "dingtest")
}

#[test]
fn token_ticket_and_sessions_of_an_app_are_never_due_and_replaced_once_in_their_time() {
    let mut world = World::new();
    let elsewhere = app();
    world.call(Call::new(&ObtainToken::new(), &elsewhere)).unwrap();
    world.call(Call::new(&ObtainTicket::new(), &elsewhere)).unwrap();
    for name in ["ann", "bob"] {
        world.log_in(&elsewhere, name);
    }
    world.requests.clear();
    let mut upkeep = StoreUpkeep::of_app(&app());
    let keys = [of_kind(StoreKind::App), of_kind(StoreKind::Ticket), person("ann"), person("bob")];
    for _ in 0..(24 * 12) {
        world.run(&mut [&mut upkeep], 5 * MINUTE);
        for key in &keys {
            assert!(world.renew_in(key).unwrap() > 0, "{key}");
        }
    }
    // Every 100 to 110 minutes.
    for (path, of_each) in [("accessToken", 1), ("jsapiTickets", 1), ("userAccessToken", 2)] {
        let requests = world.requests.iter().find(|(at, _)| at.ends_with(&format!("/{path}")));
        let requests = *requests.unwrap().1;
        assert!((13 * of_each..=15 * of_each).contains(&requests), "{path}: {requests}");
    }
    assert!(world.presented.values().all(|times| *times == 1));
    assert!(world.reports.iter().all(|(_, outcome)| outcome.is_ok()));
}

#[test]
fn a_third_party_app_keeps_its_own_token_and_those_of_its_organizations() {
    let mut world = World::new();
    let suite = || Suite::builder("suitetest", "s").without_tickets().build();
    let elsewhere = suite();
    world.call(Call::new(&ObtainToken::new(), &elsewhere)).unwrap();
    for corp in ["ding1", "ding2"] {
        world.call(Call::new(&ObtainToken::new(), &elsewhere.corp(corp))).unwrap();
    }
    world.call(Call::new(&ObtainTicket::new(), &elsewhere.corp("ding1"))).unwrap();
    world.requests.clear();
    let here = suite();
    let mut upkeep = StoreUpkeep::of_suite(&here);
    world.run(&mut [&mut upkeep], 24 * HOUR);
    let suite_requests = world.requests("/suiteAccessToken");
    assert!((13..=15).contains(&suite_requests), "{suite_requests}");
    let corps = world.requests("/corpAccessToken");
    assert!((26..=30).contains(&corps), "{corps}: the ticket's request takes the stored token");
    let tickets = world.requests("/jsapiTickets");
    assert!((13..=15).contains(&tickets), "{tickets}");
    assert_eq!(here.corps_held(), 0, "it makes no organization room");
}

#[test]
fn ten_thousand_sessions_that_began_together_are_replaced_apart_and_each_once() {
    const PEOPLE: u64 = 10_000;
    let mut world = World::new();
    let app = app();
    for n in 0..PEOPLE {
        world.log_in(&app, &format!("person{n}"));
    }
    world.by_minute.clear();
    let mut upkeep = StoreUpkeep::of_app(&app);
    let mut planned = 0;
    for _ in 0..(5 * 60) {
        world.run(&mut [&mut upkeep], MINUTE);
        planned = planned.max(upkeep.planned());
    }
    let requests: u64 = world.by_minute.values().sum();
    let rounds = requests as f64 / PEOPLE as f64;
    assert!((2.0..=3.0).contains(&rounds), "{rounds} renewals each in five hours");
    assert!(world.presented.values().all(|times| *times == 1), "nothing is presented twice");
    let most = *world.by_minute.values().max().unwrap();
    assert!(most <= 1_500, "{most} in one minute, where a thousand is an even share");
    assert!(planned <= 4_096, "{planned} planned");
    for n in 0..PEOPLE {
        assert!(world.renew_in(&person(&format!("person{n}"))).unwrap() > 0);
    }
}

#[test]
fn one_process_is_in_charge_and_another_goes_on_when_it_dies() {
    let mut world = World::new();
    for n in 0..50 {
        world.log_in(&app(), &format!("person{n}"));
    }
    let (mut one, mut other) = (StoreUpkeep::of_app(&app()), StoreUpkeep::of_app(&app()));
    world.run(&mut [&mut one, &mut other], 3 * HOUR);
    assert!(one.in_charge() && !other.in_charge());
    assert_eq!(other.planned(), 0, "who waits holds nothing");
    drop(one);
    world.run(&mut [&mut other], 90_000);
    assert!(other.in_charge(), "within a minute and a half");
    world.run(&mut [&mut other], 3 * HOUR);
    assert!(world.presented.values().all(|times| *times == 1));
    for n in 0..50 {
        assert!(world.renew_in(&person(&format!("person{n}"))).unwrap() > 0);
    }
}

#[test]
fn a_process_that_ends_gives_the_charge_back_at_once() {
    let mut world = World::new();
    let (mut one, mut other) = (StoreUpkeep::of_app(&app()), StoreUpkeep::of_app(&app()));
    world.turn(&mut one);
    world.store.ask(one.leave().unwrap());
    assert_eq!(one.leave(), None);
    world.turn(&mut other);
    assert!(other.in_charge());
}

#[test]
fn a_process_that_slept_past_its_lease_asks_who_is_in_charge_before_anything_else() {
    let mut world = World::new();
    world.log_in(&app(), "ann");
    let (mut slow, mut other) = (StoreUpkeep::of_app(&app()), StoreUpkeep::of_app(&app()));
    world.turn(&mut slow);
    world.pass(2 * HOUR);
    world.turn(&mut other);
    assert!(other.in_charge());
    assert!(matches!(slow.next(world.now(), 1), Chore::Ask(StoreOp::Lock { .. })));
    let _ = slow.told(StoreReply::Busy, world.now());
    assert!(!slow.in_charge() && slow.planned() == 0);
    assert_eq!(world.presented.len(), 1, "one replaced it");
}

#[test]
fn what_another_process_has_replaced_is_taken_and_not_replaced_again() {
    let mut world = World::new();
    world.log_in(&app(), "ann");
    let mut upkeep = StoreUpkeep::of_app(&app());
    let due = loop {
        match upkeep.next(world.now(), 1) {
            Chore::Ask(question) => {
                let reply = world.store.ask(question);
                assert!(upkeep.told(reply, world.now()).is_none());
            }
            Chore::Wait(pause) => world.pass(u64::try_from(pause.as_millis()).unwrap()),
            Chore::Renew(due) => break due,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(due.key(), &person("ann"));
    let mut another = StoreUpkeep::of_app(&app());
    world.renew(&mut another, &due.clone());
    assert_eq!(world.presented.len(), 1);
    let fresh = app();
    let call = Call::new(&due.request(), &fresh.user_kept_as("ann"));
    world.call(call).unwrap();
    assert_eq!(world.presented.len(), 1, "the stored one is fresh");
}

#[test]
fn at_most_so_many_are_out_at_once_and_the_earliest_go_first() {
    let mut world = World::new();
    let app = app();
    for n in 0..20 {
        world.log_in(&app, &format!("person{n}"));
        world.pass(11 * MINUTE / 20);
    }
    world.pass(3 * HOUR);
    let mut upkeep = StoreUpkeep::of_app(&app).at_most(3);
    let mut out = Vec::new();
    loop {
        match upkeep.next(world.now(), 1) {
            Chore::Ask(question) => {
                let reply = world.store.ask(question);
                assert!(upkeep.told(reply, world.now()).is_none());
            }
            Chore::Renew(due) => out.push(due),
            Chore::Wait(_) => break,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(out.len(), 3);
    let first = out.pop().unwrap();
    world.renew(&mut upkeep, &first);
    assert!(matches!(upkeep.next(world.now(), 1), Chore::Renew(_)), "the next one's turn");
}

#[test]
fn a_credential_that_fails_is_left_alone_for_longer_and_longer_and_the_others_are_not() {
    let mut world = World::new();
    let suite = Suite::builder("suitetest", "s").without_tickets().build();
    for corp in ["bad", "good"] {
        world.call(Call::new(&ObtainToken::new(), &suite.corp(corp))).unwrap();
    }
    world.refused.insert("bad".into());
    world.pass(101 * MINUTE);
    let mut upkeep = StoreUpkeep::of_suite(&suite);
    world.run(&mut [&mut upkeep], 18 * MINUTE);
    let of = |corp: &str| {
        let of_corp = |key: &StoreKey| key.corp_id.as_ref().is_some_and(|id| id.as_str() == corp);
        world.reports.iter().filter(|(key, _)| of_corp(key)).map(|(_, o)| o).collect::<Vec<_>>()
    };
    assert!(of("bad").iter().all(|outcome| outcome.is_err()));
    assert!((4..=6).contains(&of("bad").len()), "{:?}", of("bad"));
    assert_eq!(of("good").len(), 1);
    assert!(of("good")[0].is_ok());
}

#[test]
fn a_session_that_is_over_is_told_once_and_left_alone_until_its_person_logs_in() {
    let mut world = World::new();
    let app = app();
    world.log_in(&app, "ann");
    world.refused.insert("r1".into());
    let mut upkeep = StoreUpkeep::of_app(&app);
    world.run(&mut [&mut upkeep], 12 * HOUR);
    assert_eq!(world.reports_of("ann").len(), 1);
    assert!(matches!(world.reports_of("ann")[0], Err(ErrorKind::LoginAgain { in_doubt: false })));
    assert_eq!(world.presented["r1"], 1);
    world.log_in(&app, "ann");
    world.run(&mut [&mut upkeep], 3 * HOUR);
    assert!(world.reports_of("ann").len() >= 2);
    assert!(world.renew_in(&person("ann")).unwrap() > 0);
}

#[test]
fn sessions_are_left_alone_where_the_program_says_so() {
    let mut world = World::new();
    world.log_in(&app(), "ann");
    let mut upkeep = StoreUpkeep::of_app(&app()).without_sessions();
    world.run(&mut [&mut upkeep], 3 * HOUR);
    assert!(world.presented.is_empty());
}

#[test]
fn a_store_that_fails_is_told_presents_nothing_and_is_taken_up_again() {
    let mut world = World::new();
    world.log_in(&app(), "ann");
    let mut upkeep = StoreUpkeep::of_app(&app());
    world.run(&mut [&mut upkeep], 90 * MINUTE);
    world.store_works = false;
    world.run(&mut [&mut upkeep], 60 * MINUTE);
    assert!(world.presented.is_empty() && !upkeep.in_charge());
    let (key, failure) = world.reports.last().unwrap();
    assert_eq!((key, failure.as_ref().unwrap_err()), (&upkeep.lock_key(), &ErrorKind::Store));
    assert!(world.reports.len() <= 60 * 60 / 5, "not asked without end");
    world.store_works = true;
    world.run(&mut [&mut upkeep], 2 * MINUTE);
    assert_eq!(world.presented.len(), 1);
    assert!(world.renew_in(&person("ann")).unwrap() > 0);
}

#[test]
fn a_token_can_be_asked_for_ahead_of_its_time() {
    let mut world = World::new();
    let app = app();
    world.call(Call::new(&ObtainToken::new(), &app)).unwrap();
    world.pass(105 * MINUTE);
    world.call(Call::new(&ObtainToken::new().ahead(Duration::from_secs(4 * 60)), &app)).unwrap();
    assert_eq!(world.serial, 1, "five minutes are left");
    world.call(Call::new(&ObtainToken::new().ahead(Duration::from_secs(5 * 60)), &app)).unwrap();
    assert_eq!(world.serial, 2);
    let error = Call::new(&ObtainToken::new(), &app.user_kept_as("nobody")).step(world.now());
    assert!(error.done().is_err());
}
