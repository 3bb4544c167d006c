//! A person's session that other processes share: what is asked, presented and handed out, in
//! which order.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use dingtalk_core::auth::{ForgetSession, KeepSession, ListSessions};
use dingtalk_core::store::Memory;
use dingtalk_core::{
    Call, Endpoint, ErrorKind, NewRecord, Reply, Request, Step, Store, StoreKey, StoreKind,
    StoreOp, StoreReply, User,
};

use crate::support::{Expect, Me, START, app, at, carried, json, lost, write_ok};

/// A store and a platform under one clock, and what went over the two borders.
struct World {
    seconds: Arc<AtomicU64>,
    store: Memory,
    log: Vec<String>,
    serial: u64,
    /// From here on the store fails.
    store_fails_at: Option<&'static str>,
    lose_answers: bool,
    refuse: bool,
}

impl World {
    fn new() -> Self {
        let seconds = Arc::new(AtomicU64::new(0));
        let clock = Arc::clone(&seconds);
        Self {
            seconds,
            store: Memory::new(move || START + clock.load(Ordering::Relaxed) * 1_000),
            log: Vec::new(),
            serial: 0,
            store_fails_at: None,
            lose_answers: false,
            refuse: false,
        }
    }

    fn pass(&self, seconds: u64) {
        self.seconds.fetch_add(seconds, Ordering::Relaxed);
    }

    fn call<E: Endpoint>(&mut self, call: Call<E>) -> Result<E::Output, ErrorKind> {
        let mut step = call.shared(true).entropy(self.serial + 1).step(self.now());
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
                    self.pass(pause.as_secs().max(1));
                    call.step(self.now())
                }
                Step::Join(..) => panic!("nobody else is here"),
                Step::Done(result) => return result.map_err(|error| error.kind().clone()),
            };
        }
    }

    fn me(&mut self, user: &User) -> Result<(), ErrorKind> {
        self.call(Call::new(&Me {}, user)).map(|_| ())
    }

    fn now(&self) -> dingtalk_core::Timestamp {
        at(self.seconds.load(Ordering::Relaxed))
    }

    fn stored(&mut self, question: StoreOp) -> StoreReply {
        let name = format!("{question:?}").split([' ', '{']).next().unwrap().to_lowercase();
        if self.store_fails_at.is_some_and(|at| at == name) {
            self.log.push(format!("{name} fails"));
            return StoreReply::Failed { why: "gone".into() };
        }
        self.log.push(name);
        self.store.ask(question)
    }

    fn answer(&mut self, request: &Request) -> Reply {
        if !request.url().path().ends_with("/userAccessToken") {
            self.log.push(format!("me with {}", carried(request).unwrap()));
            return write_ok();
        }
        let body: serde_json::Value = serde_json::from_slice(request.body()).unwrap();
        let presented = body.get("refreshToken").or(body.get("code")).unwrap().as_str().unwrap();
        self.log.push(format!("present {presented}"));
        if self.lose_answers {
            return lost();
        }
        if self.refuse {
            return json(400, r#"{"code":"invalidParameter.authCode.notFound","message":"x"}"#);
        }
        self.serial += 1;
        let n = self.serial;
        let tokens = format!(r#"{{"accessToken":"u{n}","refreshToken":"r{n}","expireIn":7200}}"#);
        json(200, &tokens)
    }

    fn take_log(&mut self) -> String {
        std::mem::take(&mut self.log).join(", ")
    }

    fn key() -> StoreKey {
        StoreKey::new(StoreKind::User, "api.dingtalk.com", "dingtest").of_person("ann")
    }

    /// Puts this under the session's name, whatever is there.
    fn put(&self, text: &str) {
        let StoreReply::Record { record: Some(there) } =
            self.store.ask(StoreOp::Load { key: Self::key() })
        else {
            panic!()
        };
        let record = NewRecord::new(text.into(), Duration::ZERO, Duration::ZERO);
        let record = record.kept_for(Duration::from_secs(3_600));
        let (key, expected) = (Self::key(), there.version);
        self.store.ask(StoreOp::Write { key, expected, record, unlock: None });
    }

    /// What is stored under the session's name.
    fn kept(&self) -> serde_json::Value {
        match self.store.ask(StoreOp::Load { key: Self::key() }) {
            StoreReply::Record { record: Some(record) } => {
                serde_json::from_str(record.value.expose()).unwrap()
            }
            other => panic!("{other:?}"),
        }
    }
}

fn ann() -> User {
    let user = app().user_from_code("code");
    user.keep_as("ann");
    user
}

/// The same session in another process.
fn ann_elsewhere() -> User {
    app().user_kept_as("ann")
}

#[test]
fn a_rotation_is_announced_before_and_stored_before_its_token_is_handed_out() {
    let mut world = World::new();
    let here = ann();
    world.me(&here).unwrap();
    assert_eq!(world.take_log(), "load, lock, present code, write, me with u1");
    world.pass(7_000);
    world.me(&here).unwrap();
    assert_eq!(world.take_log(), "load, lock, write, present r1, write, me with u2");
    assert_eq!(world.kept()["refresh_token"], "r2");
}

#[test]
fn every_process_that_names_the_session_shares_its_token_and_its_renewals() {
    let mut world = World::new();
    let (here, there) = (ann(), ann_elsewhere());
    world.me(&here).unwrap();
    world.take_log();
    world.me(&there).unwrap();
    assert_eq!(world.take_log(), "load, me with u1");
    world.me(&there).unwrap();
    assert_eq!(world.take_log(), "me with u1", "a fresh token asks no store");
    world.pass(6_700);
    world.me(&there).unwrap();
    assert_eq!(world.take_log(), "load, lock, write, present r1, write, me with u2");
    world.me(&here).unwrap();
    assert_eq!(world.take_log(), "load, me with u2");
}

#[test]
fn a_stored_session_is_newer_than_a_refresh_token_that_the_program_kept() {
    let mut world = World::new();
    world.me(&ann()).unwrap();
    world.pass(7_000);
    world.take_log();
    let restarted = app().user_from_refresh_token("r-from-a-file");
    restarted.keep_as("ann");
    world.me(&restarted).unwrap();
    assert_eq!(world.take_log(), "load, lock, write, present r1, write, me with u2");
}

#[test]
fn a_new_login_takes_the_place_of_the_session_that_was_stored() {
    let mut world = World::new();
    world.me(&ann()).unwrap();
    world.me(&ann()).unwrap();
    assert_eq!(world.kept()["refresh_token"], "r2");
}

#[test]
fn without_its_store_nothing_single_use_is_presented() {
    for failing in ["load", "lock", "write"] {
        let mut world = World::new();
        world.me(&ann()).unwrap();
        world.pass(7_300);
        world.take_log();
        world.store_fails_at = Some(failing);
        assert_eq!(world.me(&ann_elsewhere()), Err(ErrorKind::Store), "{failing}");
        assert!(!world.take_log().contains("present"), "{failing}");
    }
}

#[test]
fn while_the_old_token_serves_a_store_that_fails_costs_nothing() {
    let mut world = World::new();
    let here = ann();
    world.me(&here).unwrap();
    world.pass(7_000);
    world.take_log();
    world.store_fails_at = Some("load");
    world.me(&here).unwrap();
    assert_eq!(world.take_log(), "load fails, me with u1");
}

#[test]
fn a_grant_that_could_not_be_stored_is_not_handed_out_nor_lost_nor_asked_for_again() {
    let mut world = World::new();
    let here = ann();
    world.store_fails_at = Some("write");
    assert_eq!(world.me(&here), Err(ErrorKind::Store));
    let log = world.take_log();
    assert!(log.starts_with("load, lock, present code, write fails"), "{log}");
    assert!(!log.contains("me with"), "{log}");
    world.store_fails_at = None;
    world.pass(30);
    world.me(&here).unwrap();
    assert_eq!(world.take_log(), "load, lock, write, me with u1");
}

#[test]
fn a_lost_answer_is_confessed_and_then_anybody_may_try_once_more() {
    let mut world = World::new();
    world.me(&ann()).unwrap();
    world.pass(7_300);
    world.lose_answers = true;
    assert!(world.me(&ann_elsewhere()).is_err());
    assert_eq!(world.kept()["in_doubt"], true);
    world.lose_answers = false;
    world.take_log();
    world.me(&ann_elsewhere()).unwrap();
    assert_eq!(world.take_log(), "load, lock, write, present r1, write, me with u2");
    assert!(world.kept().get("in_doubt").is_none());
}

#[test]
fn a_refusal_after_a_lost_answer_is_in_doubt_for_everybody_and_nobody_presents_again() {
    let mut world = World::new();
    world.me(&ann()).unwrap();
    world.pass(7_300);
    world.lose_answers = true;
    assert!(world.me(&ann_elsewhere()).is_err());
    (world.lose_answers, world.refuse) = (false, true);
    let again = Err(ErrorKind::LoginAgain { in_doubt: true });
    assert_eq!(world.me(&ann_elsewhere()), again);
    world.take_log();
    assert_eq!(world.me(&ann_elsewhere()), again);
    assert!(!world.take_log().contains("present"));
}

#[test]
fn a_crash_between_intent_and_answer_is_waited_for_then_told_and_never_gambled_on() {
    let mut world = World::new();
    world.me(&ann()).unwrap();
    world.pass(7_300);
    let crashed = ann_elsewhere();
    let mut step = Call::new(&Me {}, &crashed).shared(true).entropy(99).step(world.now());
    let request = loop {
        step = match step {
            Step::Ask(question, asked) => {
                let reply = world.store.ask(question);
                asked.reply(world.now(), reply)
            }
            step => break step.send().0,
        };
    };
    assert!(request.url().path().ends_with("/userAccessToken"));
    drop((request, crashed));
    world.take_log();
    let before = world.now();
    assert_eq!(world.me(&ann_elsewhere()), Err(ErrorKind::LoginAgain { in_doubt: true }));
    assert!(world.now().since(before) >= Duration::from_secs(40), "its writer may come back");
    assert!(!world.take_log().contains("present"));
    // A new login mends it, for those who hold the old handle, too.
    let waiting = ann_elsewhere();
    assert!(world.me(&waiting).is_err());
    world.me(&ann()).unwrap();
    world.me(&waiting).unwrap();
}

/// A call of this process that has presented the refresh token and is not answered yet.
fn presenting(world: &World, user: &User) -> dingtalk_core::Sent<Me> {
    let mut step = Call::new(&Me {}, user).shared(true).entropy(99).step(world.now());
    loop {
        step = match step {
            Step::Ask(question, asked) => {
                let reply = world.store.ask(question);
                asked.reply(world.now(), reply)
            }
            step => {
                let (request, sent) = step.send();
                assert!(request.url().path().ends_with("/userAccessToken"));
                return sent;
            }
        };
    }
}

/// The answer to it, and what becomes of the call.
fn answered(world: &mut World, sent: dingtalk_core::Sent<Me>, tokens: &str) {
    let mut step = sent.reply(world.now(), json(200, tokens));
    loop {
        step = match step {
            Step::Ask(question, asked) => {
                let reply = world.store.ask(question);
                asked.reply(world.now(), reply)
            }
            Step::Send(request, sent) => {
                world.log.push(format!("me with {}", carried(&request).unwrap()));
                sent.reply(world.now(), write_ok())
            }
            Step::Done(result) => break result.map(|_| ()).unwrap(),
            other => panic!("{other:?}"),
        };
    }
}

const RENEWED: &str = r#"{"accessToken":"u9","refreshToken":"r9","expireIn":7200}"#;

#[test]
fn a_request_that_hangs_is_not_given_up_so_that_its_own_process_does_not_present_again_either() {
    let mut world = World::new();
    world.me(&ann()).unwrap();
    world.pass(7_300);
    let here = ann_elsewhere();
    let hanging = presenting(&world, &here);
    // The process was stopped, or the machine slept, for longer than anybody's lease.
    world.pass(45);
    world.take_log();
    assert_eq!(world.me(&here), Err(ErrorKind::LoginAgain { in_doubt: true }));
    assert!(!world.take_log().contains("present"));
    answered(&mut world, hanging, RENEWED);
    assert_eq!(world.take_log(), "me with u9");
    world.me(&ann_elsewhere()).unwrap();
    assert_eq!(world.take_log(), "load, me with u9");
}

#[test]
fn a_request_that_was_given_up_is_made_again_by_its_own_process_and_by_nobody_else() {
    let mut world = World::new();
    world.me(&ann()).unwrap();
    world.pass(7_300);
    let here = ann_elsewhere();
    drop(presenting(&world, &here));
    world.take_log();
    world.me(&here).unwrap();
    assert!(world.take_log().contains("present r1"));
    assert_eq!(world.kept()["refresh_token"], "r2");
}

#[test]
fn a_login_takes_the_place_of_a_session_that_nobody_can_read() {
    for text in ["nonsense", r#"{"v":2,"refresh_token":"r"}"#] {
        let mut world = World::new();
        world.me(&ann()).unwrap();
        world.put(text);
        assert_eq!(world.me(&ann_elsewhere()), Err(ErrorKind::Store));
        assert!(!world.take_log().contains("present r"));
        world.me(&ann()).unwrap();
        assert_eq!(world.kept()["refresh_token"], "r2");
        world.me(&ann_elsewhere()).unwrap();
    }
}

#[test]
fn who_was_thought_dead_by_its_own_process_takes_its_intent_back() {
    let mut world = World::new();
    world.me(&ann()).unwrap();
    world.pass(7_300);
    let here = ann_elsewhere();
    let mut step = Call::new(&Me {}, &here).shared(true).entropy(99).step(world.now());
    let asked = loop {
        step = match step {
            Step::Ask(question @ StoreOp::Write { .. }, asked) => break (question, asked),
            Step::Ask(question, asked) => {
                let reply = world.store.ask(question);
                asked.reply(world.now(), reply)
            }
            other => panic!("{other:?}"),
        };
    };
    // The machine slept while the intent was on its way; another caller leads meanwhile.
    let written = world.store.ask(asked.0);
    world.pass(30);
    let Step::Ask(question, next) = Call::new(&Me {}, &here).shared(true).step(world.now()) else {
        panic!()
    };
    let Step::Ask(taken_back, _) = asked.1.reply(world.now(), written) else { panic!() };
    assert!(matches!(taken_back, StoreOp::Write { unlock: Some(_), .. }), "{taken_back:?}");
    world.store.ask(taken_back);
    assert!(world.kept().get("fate").is_none());
    let mut step = next.reply(world.now(), world.store.ask(question));
    loop {
        step = match step {
            Step::Ask(question, asked) => {
                let reply = world.store.ask(question);
                asked.reply(world.now(), reply)
            }
            Step::Send(request, sent) => {
                let reply = world.answer(&request);
                sent.reply(world.now(), reply)
            }
            Step::Sleep(..) => panic!("nobody holds anything"),
            step => break step.done().map(|_| ()).unwrap(),
        };
    }
    assert_eq!(
        world.take_log(),
        "load, lock, present code, write, me with u1, present r1, me with u2"
    );
}

#[test]
fn a_renewal_that_was_given_up_and_comes_back_is_kept_whatever_was_believed_of_its_token() {
    for fate in ["\"dead\"", "{\"intended\":5}"] {
        let mut world = World::new();
        world.me(&ann()).unwrap();
        world.pass(7_300);
        let here = ann_elsewhere();
        let hanging = presenting(&world, &here);
        // Somebody else presented the same token later, was refused, and said so.
        let text = format!(r#"{{"v":1,"refresh_token":"r1","fate":{fate},"in_doubt":true}}"#);
        world.put(&text);
        answered(&mut world, hanging, RENEWED);
        assert_eq!(world.kept()["refresh_token"], "r9", "{fate}");
        world.me(&ann_elsewhere()).unwrap();
        assert!(world.take_log().ends_with("me with u9"));
    }
}

#[test]
fn a_renewal_that_comes_back_does_not_take_the_place_of_a_newer_login() {
    let mut world = World::new();
    world.me(&ann()).unwrap();
    world.pass(7_300);
    let here = ann_elsewhere();
    let hanging = presenting(&world, &here);
    world.me(&ann()).unwrap();
    world.take_log();
    answered(&mut world, hanging, RENEWED);
    assert_eq!(world.take_log(), "me with u2", "theirs is the session now");
    assert_eq!(world.kept()["refresh_token"], "r2");
    // The same for one that could not be stored at first.
    world.pass(7_300);
    world.store_fails_at = Some("write");
    let sent = presenting(&world, &here);
    let mut step = sent.reply(world.now(), json(200, RENEWED));
    let error = loop {
        step = match step {
            Step::Ask(question, asked) => {
                let reply = world.stored(question);
                asked.reply(world.now(), reply)
            }
            Step::Sleep(_, call) => call.step(world.now()),
            step => break step.done().unwrap_err(),
        };
    };
    assert_eq!(error.kind(), &ErrorKind::Store);
    world.store_fails_at = None;
    world.me(&ann()).unwrap();
    let newest = world.kept()["refresh_token"].clone();
    world.pass(30);
    world.me(&here).unwrap();
    assert_eq!(world.kept()["refresh_token"], newest);
}

#[test]
fn a_session_can_be_named_and_kept_once_it_is_known_whose_it_is() {
    let mut world = World::new();
    let user = app().user_from_code("code");
    world.me(&user).unwrap();
    assert_eq!(world.take_log(), "present code, me with u1");
    user.keep_as("ann");
    world.call(Call::new(&KeepSession::new(), &user)).unwrap();
    assert_eq!(world.take_log(), "load, lock, write");
    world.me(&ann_elsewhere()).unwrap();
    assert_eq!(world.take_log(), "load, me with u1");
    world.pass(7_300);
    world.me(&ann_elsewhere()).unwrap();
    world.me(&user).unwrap();
    assert!(world.take_log().ends_with("load, me with u2"));
}

#[test]
fn sessions_are_listed_and_forgotten() {
    let mut world = World::new();
    for name in ["ann", "bob", "cem"] {
        let user = app().user_from_code("code");
        user.keep_as(name);
        world.me(&user).unwrap();
    }
    let app = app();
    let mut list = ListSessions::new(2);
    let mut names = Vec::new();
    loop {
        let page = world.call(Call::new(&list, &app)).unwrap().names;
        let Some(last) = page.last() else { break };
        list = list.after(last.clone());
        names.extend(page);
    }
    assert_eq!(names, ["ann", "bob", "cem"]);
    let bob = app.user_kept_as("bob");
    world.me(&bob).unwrap();
    world.call(Call::new(&ForgetSession::new(), &bob)).unwrap();
    assert_eq!(world.me(&bob), Err(ErrorKind::LoginAgain { in_doubt: false }));
    assert_eq!(world.me(&app.user_kept_as("bob")), Err(ErrorKind::LoginAgain { in_doubt: false }));
}

#[test]
fn a_client_without_a_store_says_what_a_stored_session_needs() {
    let user = ann_elsewhere();
    let error = Call::new(&Me {}, &user).step(at(0)).done().unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::Invalid);
    assert!(error.message().unwrap().contains("store"));
    let list = Call::new(&ListSessions::new(1), &app()).step(at(0));
    assert_eq!(list.done().unwrap_err().kind(), &ErrorKind::Invalid);
}
