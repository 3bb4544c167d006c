//! Third-party apps: tickets, organizations, and what is presented to whom.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use dingtalk_core::auth::{ObtainToken, TakeSuiteTicket};
use dingtalk_core::event::Event;
use dingtalk_core::store::Memory;
use dingtalk_core::{
    Call, Corp, Credential, Endpoint, Error, ErrorKind, Reply, Request, Step, Store, StoreOp,
    StoreReply, Suite, Timestamp,
};

use crate::support::{Expect, Read, START, at, carried, dead_topapi, json, read_ok};

fn suite() -> Suite {
    Suite::third_party("suitetest", "suite-secret-canary")
}

/// Several processes may share one of these: a store, and a platform that knows the good ticket.
struct World {
    store: Memory,
    clock: Arc<AtomicU64>,
    good_ticket: &'static str,
    token_requests: Vec<String>,
    tokens: u64,
    store_questions: usize,
    store_works: bool,
}

impl World {
    fn new() -> Self {
        let clock = Arc::new(AtomicU64::new(START));
        let of_store = Arc::clone(&clock);
        Self {
            store: Memory::new(move || of_store.load(Ordering::Relaxed)),
            clock,
            good_ticket: "t1",
            token_requests: Vec::new(),
            tokens: 0,
            store_questions: 0,
            store_works: true,
        }
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.clock.load(Ordering::Relaxed))
    }

    fn shared<E: Endpoint>(&mut self, call: Call<E>) -> Result<E::Output, Error> {
        self.alone(call.shared(true).entropy(3))
    }

    fn alone<E: Endpoint>(&mut self, call: Call<E>) -> Result<E::Output, Error> {
        let mut step = call.step(self.now());
        loop {
            step = match step {
                Step::Send(request, sent) => {
                    let reply = self.answer(&request);
                    sent.reply(self.now(), reply)
                }
                Step::Ask(question, asked) => {
                    self.store_questions += 1;
                    let reply = match self.store_works {
                        true => self.store.ask(question),
                        false => StoreReply::Failed { why: "gone".into() },
                    };
                    asked.reply(self.now(), reply)
                }
                Step::Sleep(pause, call) => {
                    let passed = u64::try_from(pause.as_millis()).unwrap();
                    self.clock.fetch_add(passed, Ordering::Relaxed);
                    call.step(self.now())
                }
                Step::Join(..) => panic!("nobody else is here"),
                Step::Done(result) => return result,
            };
        }
    }

    fn answer(&mut self, request: &Request) -> Reply {
        let path = request.url().path().to_owned();
        let body: serde_json::Value = serde_json::from_slice(request.body()).unwrap_or_default();
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        let ticket = match path.as_str() {
            "/v1.0/oauth2/corpAccessToken" | "/v1.0/oauth2/suiteAccessToken" => text("suiteTicket"),
            "/service/get_corp_token" => {
                let query = request.url().query().unwrap().to_owned();
                let (_, rest) = query.split_once("suiteTicket=").unwrap();
                rest.split('&').next().unwrap().to_owned()
            }
            path if path.ends_with("/token") => String::new(),
            _ => {
                return if carried(request).unwrap().starts_with("corp") {
                    read_ok()
                } else {
                    dead_topapi()
                };
            }
        };
        let corp = format!("{}{}", text("authCorpId"), text("auth_corpid"));
        self.token_requests.push(format!("{path} {corp} {ticket}").trim().to_owned());
        if !ticket.is_empty() && ticket != "none" && ticket != self.good_ticket {
            return json(400, r#"{"requestid":"R","code":"invalidSuiteTicket","message":"x"}"#);
        }
        if corp == "revoked" {
            return json(400, r#"{"requestid":"R","code":"invalidAuthInfo","message":"x"}"#);
        }
        self.tokens += 1;
        let token = format!("corp{}", self.tokens);
        json(
            200,
            &match path.as_str() {
                "/service/get_corp_token" => {
                    format!(
                        r#"{{"errcode":0,"errmsg":"ok","access_token":"{token}","expires_in":7200}}"#
                    )
                }
                path if path.ends_with("/token") => {
                    format!(r#"{{"access_token":"{token}","expires_in":7200}}"#)
                }
                _ => format!(r#"{{"accessToken":"{token}","expireIn":7200}}"#),
            },
        )
    }
}

fn read(corp: &Corp) -> Call<Read> {
    Call::new(&Read {}, corp)
}

#[test]
fn one_organization_is_one_credential_and_two_never_share_a_token() {
    let mut world = World::new();
    let suite = suite();
    suite.take_ticket("t1", 1);
    world.alone(read(&suite.corp("ding1"))).unwrap();
    world.alone(read(&suite.corp("ding1"))).unwrap();
    world.alone(read(&suite.corp("ding2"))).unwrap();
    assert_eq!(
        world.token_requests,
        ["/v1.0/oauth2/corpAccessToken ding1 t1", "/v1.0/oauth2/corpAccessToken ding2 t1"]
    );
    let token = |corp: &str| suite.corp(corp).token(at(1)).unwrap().0.expose().to_owned();
    assert_ne!(token("ding1"), token("ding2"));
    assert_eq!(suite.corp("ding1").corp_id().as_str(), "ding1");
}

#[test]
fn all_three_ways_and_the_suites_own_token_present_what_they_must() {
    let mut world = World::new();
    let signed = Suite::builder("suitetest", "s").by_signed_call().build();
    signed.take_ticket("t1", 1);
    world.alone(read(&signed.corp("ding1"))).unwrap();
    let by_organization = Suite::builder("suitetest", "s").by_organization().build();
    world.alone(read(&by_organization.corp("ding1"))).unwrap();
    let handed_over = Suite::handed_over("customtest", "s");
    world.alone(read(&handed_over.corp("ding1"))).unwrap();
    world.alone(Call::new(&ObtainToken::new(), &signed)).unwrap();
    assert_eq!(
        world.token_requests,
        [
            "/service/get_corp_token ding1 t1",
            "/v1.0/oauth2/ding1/token",
            "/v1.0/oauth2/corpAccessToken ding1 none",
            "/v1.0/oauth2/suiteAccessToken  t1",
        ]
    );
}

#[test]
fn without_a_ticket_nothing_is_sent_and_the_error_says_what_is_awaited() {
    let mut world = World::new();
    let error = world.alone(read(&suite().corp("ding1"))).unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::TicketStale);
    assert!(world.token_requests.is_empty());
}

#[test]
fn an_organization_that_left_is_an_error_that_says_so_and_may_come_back() {
    let mut world = World::new();
    let suite = suite();
    suite.take_ticket("t1", 1);
    let error = world.alone(read(&suite.corp("revoked"))).unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::NotAuthorized);
    assert!(error.to_string().contains("authorize"), "{error}");
    assert!(world.alone(read(&suite.corp("revoked"))).is_err());
    assert_eq!(world.token_requests.len(), 2, "nothing is held against it");
}

#[test]
fn the_latest_push_stays_whatever_order_pushes_come_in() {
    let suite = suite();
    assert!(suite.take_ticket("t2", 20));
    assert!(!suite.take_ticket("t1", 10), "late");
    assert!(suite.take_ticket("t2", 20), "twice");
    assert_eq!(suite.ticket_pushed_at(), Some(20));
}

#[test]
fn one_process_receives_the_ticket_that_all_others_use() {
    let mut world = World::new();
    let (receiver, worker) = (suite(), suite());
    world.shared(Call::new(&TakeSuiteTicket::new("t1", 10), &receiver)).unwrap();
    world.shared(read(&worker.corp("ding1"))).unwrap();
    // The next push makes the first ticket invalid; the worker has never heard of it.
    world.shared(Call::new(&TakeSuiteTicket::new("t2", 20), &receiver)).unwrap();
    world.shared(Call::new(&TakeSuiteTicket::new("t1", 10), &receiver)).unwrap();
    world.good_ticket = "t2";
    world.shared(read(&worker.corp("ding2"))).unwrap();
    assert_eq!(world.token_requests.last().unwrap(), "/v1.0/oauth2/corpAccessToken ding2 t2");
    // And the organization's token is shared by the store like any other.
    let another = suite();
    world.shared(read(&another.corp("ding2"))).unwrap();
    assert_eq!(world.token_requests.len(), 2);
    let questions = world.store_questions;
    world.shared(read(&another.corp("ding2"))).unwrap();
    assert_eq!(world.store_questions, questions, "a fresh token asks no store");
}

#[test]
fn a_ticket_event_of_either_way_reaches_every_process_and_the_latest_stays() {
    let mut world = World::new();
    let (streaming, pushed, worker) = (suite(), suite(), suite());
    let take = |event: &Event| TakeSuiteTicket::from_event(event).unwrap();
    let data = r#"{"suiteTicket":"t1"}"#;
    let event = Event::from_stream("suite_ticket", None, Some("ev-01"), Some(20), data);
    world.shared(Call::new(&take(&event), &streaming)).unwrap();
    // Another process is told of an older one, late.
    let late = r#"{"EventType":"suite_ticket","SuiteTicket":"t0","TimeStamp":10,"SuiteKey":"s"}"#;
    let late = Event::from_push(late).unwrap();
    world.shared(Call::new(&take(&late[0]), &pushed)).unwrap();
    world.shared(read(&worker.corp("ding1"))).unwrap();
    world.shared(read(&pushed.corp("ding2"))).unwrap();
    assert_eq!(
        world.token_requests,
        ["/v1.0/oauth2/corpAccessToken ding1 t1", "/v1.0/oauth2/corpAccessToken ding2 t1"]
    );
}

#[test]
fn a_ticket_that_was_replaced_meanwhile_costs_one_more_try_and_not_the_call() {
    let mut world = World::new();
    let (receiver, worker) = (suite(), suite());
    world.shared(Call::new(&TakeSuiteTicket::new("t1", 10), &receiver)).unwrap();
    let corp = worker.corp("ding1");
    let mut step = read(&corp).shared(true).entropy(1).step(world.now());
    let (request, sent) = loop {
        step = match step {
            Step::Ask(question, asked) => {
                let reply = world.store.ask(question);
                asked.reply(world.now(), reply)
            }
            step => break step.send(),
        };
    };
    world.good_ticket = "t2";
    world.shared(Call::new(&TakeSuiteTicket::new("t2", 20), &receiver)).unwrap();
    let refused = world.answer(&request);
    let Step::Ask(question, asked) = sent.reply(world.now(), refused) else { panic!() };
    let reply = world.store.ask(question);
    let (request, _) = asked.reply(world.now(), reply).send();
    let body = String::from_utf8(request.body().to_vec()).unwrap();
    assert!(body.contains(r#""suiteTicket":"t2""#));
}

#[test]
fn a_store_that_fails_costs_an_organization_the_sharing_and_the_ticket_its_news() {
    let mut world = World::new();
    let suite = suite();
    suite.take_ticket("t1", 10);
    world.store_works = false;
    world.shared(read(&suite.corp("ding1"))).unwrap();
    assert_eq!(suite.source().store_failure().as_deref(), Some("gone"));
    let error = world.shared(Call::new(&TakeSuiteTicket::new("t2", 20), &suite)).unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::Store, "do not acknowledge the push");
    assert_eq!(suite.ticket_pushed_at(), Some(20), "but use it");
    world.store_works = true;
    world.shared(Call::new(&TakeSuiteTicket::new("t2", 20), &suite)).unwrap();
    assert_eq!(suite.source().store_failure(), None);
}

#[test]
fn of_very_many_organizations_the_unused_make_room_and_the_held_never_do() {
    let suite = Suite::builder("suitetest", "s").capacity(100).without_tickets().build();
    let mut world = World::new();
    let held: Vec<Corp> = (0..10).map(|n| suite.corp(format!("held{n}"))).collect();
    for corp in &held {
        world.alone(read(corp)).unwrap();
    }
    for n in 0..10_000 {
        drop(suite.corp(format!("ding{n}")));
        if n % 10 == 0 {
            drop(suite.corp("often"));
        }
    }
    assert_eq!(suite.corps_held(), 100);
    let asked = world.token_requests.len();
    for n in 0..10 {
        world.alone(read(&suite.corp(format!("held{n}")))).unwrap();
    }
    assert_eq!(world.token_requests.len(), asked, "who is held keeps its token");
    let crowd: Vec<Corp> = (0..300).map(|n| suite.corp(format!("crowd{n}"))).collect();
    assert!(suite.corps_held() >= 300, "more than the capacity rather than two of one");
    drop(crowd);
}

#[test]
fn nothing_of_a_suite_prints() {
    let suite = suite();
    suite.take_ticket("ticket-canary", 1);
    let shown =
        format!("{suite:?} {:?} {:?}", suite.corp("ding1"), TakeSuiteTicket::new("canary", 1));
    assert!(!shown.contains("canary"), "{shown}");
    let key = match read(&suite.corp("ding1")).shared(true).step(at(0)) {
        Step::Ask(StoreOp::Load { key }, _) => key,
        other => panic!("{other:?}"),
    };
    assert_eq!(key.to_string(), "corp/api.dingtalk.com/suitetest/ding1/-");
}
