//! Stores that are gone, slow, full or return nonsense, behind both clients: what renews goes on without
//! them, what is taken once is not gambled with, and a warm call asks them nothing.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use dingtalk_core::contact::{GetContactUser, GetUser};
use dingtalk_core::jsapi::ObtainTicket;
use dingtalk_core::store::Memory;
use dingtalk_core::{
    App, Credential, ErrorKind, NewRecord, Policy, Store, StoreKey, StoreKind, StoreOp, StoreReply,
    User,
};
use dingtalk_store_sealed::{Keys, Sealed};
use dingtalk_store_sqlite::SqliteStore;
use dingtalk_tests::{Driver, Rig, patient};

const DRIVERS: [Driver; 2] = [Driver::Blocking, Driver::Async];
const EXCHANGE: &str = "POST /v1.0/oauth2/userAccessToken";

#[derive(Clone, Copy, Debug, PartialEq)]
enum Mood {
    Well,
    /// It fails at once.
    Gone,
    /// It answers nothing; a blocking store gives itself up after a while.
    Hanging,
    /// It reads and takes nothing.
    Full,
    /// It answers other questions.
    Confused,
}

const BAD: [Mood; 4] = [Mood::Gone, Mood::Hanging, Mood::Full, Mood::Confused];

type AnyStore = dyn Store<Exchange = StoreReply> + Send;

/// A store in some mood over one that works.
#[derive(Clone)]
struct Moody {
    store: Arc<Mutex<Box<AnyStore>>>,
    mood: Arc<Mutex<Mood>>,
    asked: Arc<AtomicUsize>,
}

impl Moody {
    fn new(store: impl Store<Exchange = StoreReply> + Send + 'static) -> Self {
        Self {
            store: Arc::new(Mutex::new(Box::new(store))),
            mood: Arc::new(Mutex::new(Mood::Well)),
            asked: Arc::default(),
        }
    }

    /// Behind this client, over a store in memory.
    fn before(driver: Driver) -> (Rig, Self) {
        let clock = Arc::new(Mutex::new(None::<dingtalk_sandbox::Clock>));
        let of_store = Arc::clone(&clock);
        let now = move || of_store.lock().unwrap().as_ref().map_or(0, dingtalk_sandbox::Clock::now);
        let moody = Self::new(Memory::new(now));
        let rig = moody.rig(driver);
        *clock.lock().unwrap() = Some(rig.sandbox.clock());
        (rig, moody)
    }

    fn rig(&self, driver: Driver) -> Rig {
        let mut policy: Policy = patient();
        policy.store = Duration::from_millis(150);
        Rig::sharing(driver, policy, Threads(self.clone()), Tasks(self.clone()))
    }

    fn becomes(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    fn is_now(&self, store: impl Store<Exchange = StoreReply> + Send + 'static) {
        *self.store.lock().unwrap() = Box::new(store);
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    fn answer(&self, question: StoreOp) -> Option<StoreReply> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let mood = *self.mood.lock().unwrap();
        let failed = || StoreReply::Failed { why: format!("the store is {mood:?}") };
        let taking = matches!(question, StoreOp::Write { .. } | StoreOp::Lock { .. });
        match mood {
            Mood::Gone => Some(failed()),
            Mood::Full if taking => Some(failed()),
            Mood::Hanging => None,
            Mood::Confused => Some(StoreReply::Keys { keys: Vec::new() }),
            Mood::Well | Mood::Full => Some(self.store.lock().unwrap().ask(question)),
        }
    }
}

struct Threads(Moody);

impl Store for Threads {
    type Exchange = StoreReply;

    fn ask(&self, question: StoreOp) -> StoreReply {
        self.0.answer(question).unwrap_or_else(|| {
            std::thread::sleep(Duration::from_millis(50));
            StoreReply::Failed { why: "the store is Hanging".into() }
        })
    }
}

struct Tasks(Moody);

impl Store for Tasks {
    type Exchange = Pin<Box<dyn Future<Output = StoreReply> + Send>>;

    fn ask(&self, question: StoreOp) -> Self::Exchange {
        match self.0.answer(question) {
            Some(reply) => Box::pin(std::future::ready(reply)),
            None => Box::pin(std::future::pending()),
        }
    }
}

fn read(rig: &Rig, app: &App) {
    let user_id = rig.demo().user_id;
    assert_eq!(rig.call(app, GetUser::new(user_id.as_str())).unwrap().userid, *user_id);
}

fn logged_in(rig: &Rig, app: &App) -> User {
    let person = rig.consenting(app, "Contact.User.Read", "Contact.User.mobile");
    person.keep_as("ann");
    rig.call(&person, GetContactUser::me()).unwrap();
    person
}

#[test]
fn what_renews_goes_on_without_its_store_in_bounded_time_and_tells_that_it_does() {
    for driver in DRIVERS {
        for mood in BAD {
            let (rig, store) = Moody::before(driver);
            let app = rig.app();
            store.becomes(mood);
            let began = Instant::now();
            read(&rig, &app);
            assert!(began.elapsed() < Duration::from_secs(5), "{driver:?} {mood:?}");
            assert_eq!(rig.sandbox.token_requests(), 1, "{driver:?} {mood:?}");
            assert!(app.source().store_failure().is_some(), "{driver:?} {mood:?}");

            // For a while the store is left alone, also by the app's other credentials.
            let asked = store.asked();
            assert!(asked <= 3, "{driver:?} {mood:?}: {asked} questions");
            rig.call(&app, ObtainTicket::new()).unwrap();
            read(&rig, &app);
            assert_eq!(store.asked(), asked, "{driver:?} {mood:?}");

            // A new try, which fails as well, and then one that does not.
            rig.sandbox.clock().advance(Duration::from_secs(7_300));
            read(&rig, &app);
            assert_eq!(rig.sandbox.token_requests(), 2, "{driver:?} {mood:?}");
            store.becomes(Mood::Well);
            rig.sandbox.clock().advance(Duration::from_secs(7_300));
            read(&rig, &app);
            assert_eq!(app.source().store_failure(), None, "{driver:?} {mood:?}");
            // Another process finds the token there.
            read(&rig, &rig.app());
            assert_eq!(rig.sandbox.token_requests(), 3, "{driver:?} {mood:?}");
        }
    }
}

#[test]
fn what_is_taken_once_is_not_presented_without_its_store_and_the_error_says_why() {
    for driver in DRIVERS {
        for mood in BAD {
            let (rig, store) = Moody::before(driver);
            let app = rig.app();
            let here = logged_in(&rig, &app);
            rig.sandbox.clock().advance(Duration::from_secs(7_300));
            let exchanges = rig.count(EXCHANGE);
            store.becomes(mood);
            for person in [&here, &app.user_kept_as("ann")] {
                let began = Instant::now();
                let error = rig.fail(person, GetContactUser::me());
                assert!(began.elapsed() < Duration::from_secs(8), "{driver:?} {mood:?}");
                assert_eq!(error.kind(), &ErrorKind::Store, "{driver:?} {mood:?}: {error}");
                let text = error.to_string();
                assert!(text.contains("token store not usable"), "{text}");
            }
            assert_eq!(rig.count(EXCHANGE), exchanges, "{driver:?} {mood:?}");
            store.becomes(Mood::Well);
            rig.sandbox.clock().advance(Duration::from_secs(60));
            for person in [&here, &app.user_kept_as("ann")] {
                rig.call(person, GetContactUser::me()).unwrap();
            }
            assert_eq!(rig.count(EXCHANGE), exchanges + 1, "{driver:?} {mood:?}");
        }
    }
}

#[test]
fn while_an_old_token_serves_a_bad_store_costs_the_person_nothing() {
    for driver in DRIVERS {
        for mood in BAD {
            let (rig, store) = Moody::before(driver);
            let app = rig.app();
            let person = logged_in(&rig, &app);
            rig.sandbox.clock().advance(Duration::from_secs(6_900));
            store.becomes(mood);
            rig.call(&person, GetContactUser::me()).unwrap();
            assert_eq!(rig.count(EXCHANGE), 1, "{driver:?} {mood:?}");
        }
    }
}

#[test]
fn a_warm_call_asks_the_store_nothing() {
    for driver in DRIVERS {
        let (rig, store) = Moody::before(driver);
        let app = rig.app();
        let person = logged_in(&rig, &app);
        read(&rig, &app);
        let asked = store.asked();
        assert!(asked > 0);
        for _ in 0..100 {
            read(&rig, &app);
            rig.call(&person, GetContactUser::me()).unwrap();
        }
        assert_eq!(store.asked(), asked, "{driver:?}");
    }
}

/// A file in a directory of the test's own.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("dingtalk-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join("tokens.sqlite")
    }

    /// The store on it, by the time of the rig.
    fn open(&self, rig: &Rig) -> SqliteStore {
        let clock = rig.sandbox.clock();
        SqliteStore::open_with_clock(self.file(), move || clock.now()).unwrap()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The key of what is stored for the app's person.
fn session(rig: &Rig) -> StoreKey {
    let origin = rig.sandbox.origin();
    let (_, host) = origin.split_once("://").unwrap();
    StoreKey::new(StoreKind::User, host, &*rig.demo().client_id).of_person("ann")
}

fn overwrite(store: &SqliteStore, key: &StoreKey, text: &str) {
    let StoreReply::Record { record: Some(there) } = store.ask(StoreOp::Load { key: key.clone() })
    else {
        panic!()
    };
    let life = Duration::from_secs(100_000);
    let (key, record) = (key.clone(), NewRecord::new(text.into(), life, life));
    let question = StoreOp::Write { key, expected: there.version, record, unlock: None };
    assert!(matches!(store.ask(question), StoreReply::Written { .. }));
}

const OLD: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const NEW: &str = "3q2+7wABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhs=";

#[test]
fn a_sealing_key_that_does_not_fit_is_named_and_nobody_presents_what_it_cannot_read() {
    for driver in DRIVERS {
        let place = Place::new(&format!("sealing-{driver:?}"));
        let (rig, store) = Moody::before(driver);
        store.is_now(Sealed::new(place.open(&rig), Keys::new("old", OLD).unwrap()));
        let app = rig.app();
        let here = logged_in(&rig, &app);
        read(&rig, &app);
        rig.sandbox.clock().advance(Duration::from_secs(3_000));
        let exchanges = rig.count(EXCHANGE);

        store.is_now(Sealed::new(place.open(&rig), Keys::new("new", NEW).unwrap()));
        let other = rig.app();
        read(&rig, &other);
        let why = other.source().store_failure().unwrap();
        assert!(why.contains("key old"), "{why}");
        let error = rig.fail(&other.user_kept_as("ann"), GetContactUser::me());
        assert_eq!(error.kind(), &ErrorKind::Store);
        assert!(error.to_string().contains("key old"), "{error}");
        assert_eq!(rig.count(EXCHANGE), exchanges);

        // The old key beside the new one, and all is well.
        store.is_now(Sealed::new(
            place.open(&rig),
            Keys::new("new", NEW).unwrap().and("old", OLD).unwrap(),
        ));
        rig.sandbox.clock().advance(Duration::from_secs(3_000));
        rig.call(&other.user_kept_as("ann"), GetContactUser::me()).unwrap();
        rig.call(&here, GetContactUser::me()).unwrap();
    }
}

#[test]
fn a_session_that_is_spoilt_or_newer_is_an_error_and_not_a_login() {
    for driver in DRIVERS {
        let place = Place::new(&format!("spoilt-{driver:?}"));
        let (rig, store) = Moody::before(driver);
        let file = place.open(&rig);
        store.is_now(file.clone());
        let app = rig.app();
        logged_in(&rig, &app);
        let exchanges = rig.count(EXCHANGE);
        for (text, said) in [
            ("canary{", "the stored session cannot be read"),
            (r#"{"v":2,"refresh_token":"canary"}"#, "written by a newer version"),
        ] {
            overwrite(&file, &session(&rig), text);
            let error = rig.fail(&app.user_kept_as("ann"), GetContactUser::me());
            assert_eq!(error.kind(), &ErrorKind::Store);
            assert!(error.to_string().contains(said) && !error.to_string().contains("canary"));
        }
        assert_eq!(rig.count(EXCHANGE), exchanges);
        // A login takes its place.
        logged_in(&rig, &app);
        rig.call(&app.user_kept_as("ann"), GetContactUser::me()).unwrap();
    }
}

#[test]
fn a_token_that_somebody_spoilt_is_replaced_once_it_is_refused() {
    for driver in DRIVERS {
        let place = Place::new(&format!("token-{driver:?}"));
        let (rig, store) = Moody::before(driver);
        let file = place.open(&rig);
        store.is_now(file.clone());
        read(&rig, &rig.app());
        let key = StoreKey::new(StoreKind::App, session(&rig).host, &*rig.demo().client_id);
        for text in ["canary", "no header\n", ""] {
            overwrite(&file, &key, text);
            read(&rig, &rig.app());
            // The next process finds a good one.
            let requests = rig.sandbox.token_requests();
            read(&rig, &rig.app());
            assert_eq!(rig.sandbox.token_requests(), requests, "{driver:?} {text:?}");
        }
    }
}

#[test]
fn a_file_that_breaks_costs_the_sharing_only() {
    for driver in DRIVERS {
        let place = Place::new(&format!("broken-{driver:?}"));
        let (rig, store) = Moody::before(driver);
        store.is_now(place.open(&rig));
        let app = rig.app();
        logged_in(&rig, &app);
        store.is_now(Memory::new(|| 0));
        // Everything but the header, once it is all in the one file.
        let mut bytes = std::fs::read(place.file()).unwrap();
        bytes[4_096..].fill(0xA5);
        std::fs::write(place.file(), bytes).unwrap();
        store.is_now(place.open(&rig));
        let other = rig.app();
        read(&rig, &other);
        let why = other.source().store_failure().unwrap();
        assert!(why.contains("malformed"), "{why}");
        let error = rig.fail(&other.user_kept_as("ann"), GetContactUser::me());
        assert_eq!(error.kind(), &ErrorKind::Store, "{error}");
    }
}
