//! The vocabulary of `trace`, row by row: what is told, at which level, with which fields.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use dingtalk_core::machine::{Env, Event, Machine, Order};
use dingtalk_core::trace::*;
use dingtalk_core::{
    App, Call, Credential, Endpoint, NewRecord, Policy, Record, Reply, Secret, Step, StoreReply,
};
use tracing::field::{Field, Visit};
use tracing::span;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

use crate::support::{
    Expect, Me, Read, Write, app, at, busy, dead_topapi, json, lost, not_sent, read_ok, token,
    warm, write_ok,
};

/// What was told of one span or event.
#[derive(Clone, Debug)]
struct Told {
    name: &'static str,
    level: String,
    target: &'static str,
    /// All that it can have.
    declared: BTreeSet<&'static str>,
    /// Those that it had.
    fields: BTreeMap<&'static str, String>,
    /// The span that it was in.
    within: Option<&'static str>,
}

impl Told {
    #[track_caller]
    fn has(&self, field: &str, value: &str) -> &Self {
        assert_eq!(self.fields.get(field).map(String::as_str), Some(value), "{field} of {self:?}");
        self
    }

    #[track_caller]
    fn lacks(&self, field: &str) -> &Self {
        assert_eq!(self.fields.get(field), None, "{self:?}");
        self
    }
}

#[derive(Clone, Default)]
struct Listener(Arc<Mutex<Vec<Told>>>);

impl Listener {
    fn told(&self) -> MutexGuard<'_, Vec<Told>> {
        self.0.lock().unwrap()
    }

    /// Listens while this runs.
    fn hear(run: impl FnOnce()) -> Vec<Told> {
        let listener = Self::default();
        let subscriber = tracing_subscriber::registry().with(listener.clone());
        tracing::subscriber::with_default(subscriber, run);
        listener.told().clone()
    }
}

impl<S> Layer<S> for Listener
where
    S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
{
    fn on_new_span(
        &self,
        attributes: &span::Attributes<'_>,
        id: &span::Id,
        context: Context<'_, S>,
    ) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        let told = told(attributes.metadata(), fields, None);
        let index = self.told().len();
        self.told().push(told);
        context.span(id).unwrap().extensions_mut().insert(index);
    }

    fn on_record(&self, id: &span::Id, record: &span::Record<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        record.record(&mut fields);
        let index = *context.span(id).unwrap().extensions().get::<usize>().unwrap();
        self.told()[index].fields.extend(fields.0);
    }

    fn on_event(&self, event: &tracing::Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let within = context.event_span(event).map(|span| span.name());
        self.told().push(told(event.metadata(), fields, within));
    }
}

fn told(about: &tracing::Metadata<'static>, fields: Fields, within: Option<&'static str>) -> Told {
    Told {
        name: about.name(),
        level: about.level().to_string(),
        target: about.target().to_owned().leak(),
        declared: about.fields().iter().map(|field| field.name()).collect(),
        fields: fields.0,
        within,
    }
}

#[derive(Default)]
struct Fields(BTreeMap<&'static str, String>);

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}

/// The one of this name, held against its row in the documentation.
#[track_caller]
fn row<'t>(told: &'t [Told], name: &str) -> &'t Told {
    let found: Vec<_> = told.iter().filter(|told| told.name == name).collect();
    let last = found.last().unwrap_or_else(|| panic!("no {name} in {told:#?}"));
    let (level, fields) = documented().remove(name).expect("it has a row");
    assert_eq!(last.target, TARGET);
    assert_eq!(last.level, level, "{name}");
    let declared: BTreeSet<_> = last
        .declared
        .iter()
        .filter(|field| **field != "message")
        .map(|f| (*f).to_owned())
        .collect();
    assert_eq!(declared, fields, "{name}");
    last
}

/// Level and fields of every row of the two tables of names.
fn documented() -> BTreeMap<String, (String, BTreeSet<String>)> {
    let quoted = |cell: &str| -> BTreeSet<String> {
        cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
    };
    include_str!("../../src/trace.md")
        .lines()
        .filter(|line| line.starts_with("| `dingtalk."))
        .map(|line| {
            let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
            let name = cells[0].trim_matches('`').to_owned();
            (name, (cells[1].to_owned(), quoted(cells.last().unwrap())))
        })
        .collect()
}

/// A loop as a driver has it: in the call's span, with these answers, and a clock that moves on by
/// what is slept.
fn run<E: Endpoint>(
    call: Call<E>,
    mut replies: Vec<Reply>,
) -> Result<E::Output, dingtalk_core::Error> {
    let _span = call.span().entered();
    replies.reverse();
    let mut now = at(10);
    let mut step = call.step(now);
    loop {
        step = match step {
            Step::Send(_, sent) => {
                now = now + Duration::from_millis(40);
                sent.reply(now, replies.pop().expect("an answer"))
            }
            Step::Sleep(pause, call) => {
                now = now + pause;
                call.step(now)
            }
            Step::Done(result) => return result,
            other => panic!("{other:?}"),
        };
    }
}

#[test]
fn every_row_has_its_constant_and_its_test() {
    let names = [
        CALL,
        SENT,
        ANSWERED,
        WAIT,
        WAITED,
        TOKEN,
        TOKEN_EARLY,
        TOKEN_KEPT,
        TOKEN_REJECTED,
        STORE_FAILED,
        STORE_BACK,
        BANNED,
        DONE,
        FAILED,
        CANCELLED,
    ];
    let rows: Vec<_> = documented().into_keys().collect();
    let mut named: Vec<_> = names.map(str::to_owned).to_vec();
    named.sort();
    assert_eq!(rows, named);
    let tests = include_str!("trace.rs");
    for name in names {
        let test = format!("fn row_{}_", name.trim_start_matches("dingtalk."));
        assert!(tests.contains(&test), "{test}");
    }
    let fields: BTreeSet<_> = documented().into_values().flat_map(|(_, fields)| fields).collect();
    let explained = include_str!("../../src/trace.md").split_once("# The fields").unwrap().1;
    for field in fields {
        assert!(explained.contains(&format!("`{field}`")), "{field} is explained");
    }
}

#[test]
fn row_call_says_who_calls_what_and_how_it_ended() {
    let told = Listener::hear(|| {
        run(Call::new(&Read {}, &warm()), vec![read_ok()]).unwrap();
    });
    row(&told, CALL)
        .has("operation", "test.read")
        .has("family", "topapi")
        .has("caller", "app")
        .has("client_id", "dingtest")
        .has("outcome", "ok")
        .has("attempts", "1")
        .lacks("corp_id")
        .lacks("code");
    assert!(told.iter().all(|told| told.name == CALL || told.within == Some(CALL)), "{told:#?}");
    let told = Listener::hear(|| {
        let app = App::builder("dingtest", "secret").by_organization("dingcorp").build();
        app.seed("t", at(7_200), at(0));
        let refused = r#"{"errcode":60121,"errmsg":"找不到该用户","request_id":"r7"}"#;
        run(Call::new(&Read {}, &app), vec![json(200, refused)]).unwrap_err();
    });
    row(&told, CALL)
        .has("corp_id", "dingcorp")
        .has("outcome", "not_found")
        .has("status", "200")
        .has("code", "60121")
        .has("request_id", "r7")
        .lacks("sub_code");
}

#[test]
fn row_sent_counts_the_tries_and_names_the_tokens_request() {
    let told = Listener::hear(|| {
        run(Call::new(&Read {}, &app()), vec![token("t"), busy(), read_ok()]).unwrap();
    });
    let sent: Vec<_> = told
        .iter()
        .filter(|told| told.name == SENT)
        .map(|told| (&*told.fields["operation"], &*told.fields["attempt"]))
        .collect();
    assert_eq!(sent, [("auth.get_access_token", "1"), ("test.read", "1"), ("test.read", "2")]);
    row(&told, SENT);
}

#[test]
fn row_answered_tells_the_outcome_in_the_platforms_words() {
    let told = Listener::hear(|| {
        run(Call::new(&Read {}, &warm()), vec![busy(), read_ok()]).unwrap();
    });
    row(&told, ANSWERED)
        .has("operation", "test.read")
        .has("attempt", "2")
        .has("took_ms", "40")
        .has("outcome", "ok")
        .has("status", "200")
        .has("request_id", "r")
        .lacks("code");
    let first = told.iter().find(|told| told.name == ANSWERED).unwrap();
    first.has("outcome", "busy").has("status", "500").has("code", "unknownError");
    first.has("request_id", "R").has("attempt", "1");
    let told = Listener::hear(|| {
        run(Call::new(&Write {}, &warm()), vec![lost()]).unwrap_err();
    });
    row(&told, ANSWERED).has("outcome", "lost").lacks("status");
}

#[test]
fn row_wait_names_its_reason_beforehand() {
    let reasons = |told: &[Told]| -> Vec<String> {
        let waits = told.iter().filter(|told| told.name == WAIT);
        waits.map(|told| told.fields["reason"].clone()).collect()
    };
    let throttled = r#"{"errcode":90018,"errmsg":"x","request_id":"r"}"#;
    let app = warm();
    let told = Listener::hear(|| {
        run(Call::new(&Read {}, &app), vec![json(200, throttled), read_ok()]).unwrap();
    });
    assert_eq!(reasons(&told), ["throttled"]);
    row(&told, WAIT);
    let told = Listener::hear(|| {
        run(Call::new(&Read {}, &warm()), vec![not_sent(), read_ok()]).unwrap();
    });
    assert_eq!(reasons(&told), ["back_off"]);
    let told = Listener::hear(|| {
        let app = App::builder("dingtest", "secret").rate_limit(1).build();
        app.seed("t", at(7_200), at(0));
        run(Call::new(&Read {}, &app), vec![read_ok()]).unwrap();
        run(Call::new(&Read {}, &app), vec![read_ok()]).unwrap();
    });
    assert_eq!(reasons(&told), ["paced"]);
    let told = Listener::hear(|| {
        let app = crate::support::app();
        let leader = Call::new(&Read {}, &app).step(at(0)).send();
        let (_, waiter) = Call::new(&Read {}, &app).step(at(0)).join();
        let (_, sent) = leader.1.reply(at(1), token("t")).send();
        sent.reply(at(1), read_ok()).done().unwrap();
        waiter.step(at(2)).send().1.reply(at(2), read_ok()).done().unwrap();
    });
    assert_eq!(reasons(&told), ["flight"]);
    row(&told, WAITED).has("reason", "flight").has("waited_ms", "2000");
    let told = Listener::hear(|| {
        let app = crate::support::app();
        let step = Call::new(&Read {}, &app).shared(true).step(at(0));
        let step = answer(step, StoreReply::Record { record: None });
        let (pause, call) = answer(step, StoreReply::Busy).sleep();
        let _ = call.step(at(0) + pause);
    });
    assert_eq!(reasons(&told), ["store_lock"]);
    row(&told, WAITED).has("reason", "store_lock");
    let told = Listener::hear(|| {
        session_whose_store_is_slow_to_keep();
    });
    assert_eq!(reasons(&told), ["store_retry"]);
}

#[test]
fn row_waited_tells_how_long_it_was() {
    let told = Listener::hear(|| {
        let (pause, call) = {
            let (_, sent) = Call::new(&Read {}, &warm()).step(at(0)).send();
            sent.reply(at(0), busy()).sleep()
        };
        assert!(pause < Duration::from_secs(3));
        let _ = call.step(at(3)).send();
    });
    row(&told, WAITED).has("reason", "back_off").has("waited_ms", "3000");
    assert!(row(&told, WAIT).fields["wait_ms"].parse::<u64>().unwrap() < 3_000);
}

#[test]
fn row_token_says_where_it_came_from() {
    let from = |run: &dyn Fn()| {
        let told = Listener::hear(run);
        row(&told, TOKEN).fields["from"].clone()
    };
    assert_eq!(from(&|| drop(run(Call::new(&Read {}, &warm()), vec![read_ok()]))), "memory");
    let fetched = || drop(run(Call::new(&Read {}, &app()), vec![token("t"), read_ok()]));
    assert_eq!(from(&fetched), "platform");
    let stored = || {
        let step = Call::new(&Read {}, &app()).shared(true).step(at(0));
        let seconds = Duration::from_secs;
        let new = NewRecord::new(Secret::from("theirs"), seconds(6_000), seconds(6_600));
        let reply = StoreReply::Record { record: Some(Record::aged(&new, 7, 0)) };
        let _ = answer(step, reply).send();
    };
    assert_eq!(from(&stored), "store");
    let told = Listener::hear(stored);
    row(&told, TOKEN).has("left_ms", "6600000");
}

#[test]
fn row_token_early_tells_that_one_caller_replaces_it() {
    let told = Listener::hear(|| {
        let app = app();
        app.seed("old", at(300), at(0));
        app.seed("old", at(310), at(300));
        let (_, sent) = Call::new(&Read {}, &app).step(at(308)).send();
        let _ = sent.reply(at(308), token("new")).send();
        let _ = Call::new(&Read {}, &app).step(at(308)).send();
    });
    row(&told, TOKEN_EARLY).has("left_ms", "2000");
    assert_eq!(told.iter().filter(|told| told.name == TOKEN_EARLY).count(), 1);
}

#[test]
fn row_token_kept_warns_since_no_error_says_so() {
    let told = Listener::hear(|| {
        let app = app();
        app.seed("old", at(310), at(0));
        let (_, sent) = Call::new(&Read {}, &app).step(at(308)).send();
        let _ = sent.reply(at(308), busy()).send();
    });
    row(&told, TOKEN_KEPT)
        .has("left_ms", "2000")
        .has("operation", "auth.get_access_token")
        .has("outcome", "busy")
        .has("code", "unknownError")
        .has("request_id", "R");
}

#[test]
fn row_token_rejected_tells_whether_a_new_one_is_got() {
    let told = Listener::hear(|| {
        let replies = vec![dead_topapi(), token("new"), dead_topapi()];
        run(Call::new(&Read {}, &warm()), replies).unwrap_err();
    });
    let again: Vec<_> = told
        .iter()
        .filter(|told| told.name == TOKEN_REJECTED)
        .map(|told| told.fields["again"].as_str())
        .collect();
    assert_eq!(again, ["false", "true"]);
    row(&told, TOKEN_REJECTED).has("operation", "test.read");
}

#[test]
fn row_store_failed_warns_and_says_whether_the_call_goes_on() {
    let failed = || StoreReply::Failed { why: "gone away".to_owned() };
    let told = Listener::hear(|| {
        let step = Call::new(&Read {}, &app()).shared(true).step(at(0));
        let _ = answer(step, failed()).send();
    });
    row(&told, STORE_FAILED).has("why", "gone away").has("goes_on", "true");
    let told = Listener::hear(|| {
        let person = app().user_kept_as("somebody");
        let step = Call::new(&Me {}, &person).shared(true).step(at(0));
        answer(step, failed()).done().unwrap_err();
    });
    row(&told, STORE_FAILED).has("goes_on", "false");
    row(&told, FAILED).has("outcome", "store");
}

#[test]
fn row_store_back_tells_that_the_trouble_is_over() {
    let told = Listener::hear(|| {
        let app = app();
        let failed = StoreReply::Failed { why: "gone away".to_owned() };
        drop(answer(Call::new(&Read {}, &app).shared(true).step(at(0)), failed).send());
        let step = Call::new(&Read {}, &app).shared(true).step(at(60));
        drop(answer(step, StoreReply::Record { record: None }));
        let step = Call::new(&Read {}, &app).shared(true).step(at(61));
        drop(answer(step, StoreReply::Record { record: None }));
    });
    row(&told, STORE_BACK);
    assert_eq!(told.iter().filter(|told| told.name == STORE_BACK).count(), 1, "once");
}

#[test]
fn row_banned_warns_everybody_of_the_region() {
    let told = Listener::hear(|| {
        run(Call::new(&Read {}, &warm()), vec![json(403, "<html>blocked</html>")]).unwrap_err();
    });
    row(&told, BANNED).has("region", "china").has("retry_in_ms", "300000");
    row(&told, FAILED).has("outcome", "ip_banned");
}

#[test]
fn row_done_tells_a_success_once() {
    let told = Listener::hear(|| {
        run(Call::new(&Read {}, &warm()), vec![busy(), read_ok()]).unwrap();
        let mut machine = Machine::for_token(warm().source(), Policy::default());
        let _span = machine.span().entered();
        let order = machine.resume(Event::Start, Env::at(at(1)));
        assert!(matches!(order, Order::Done(_)));
        let order = machine.resume(Event::Woken, Env::at(at(1)));
        assert!(matches!(order, Order::Failed(_)), "a finished machine stays finished");
    });
    let done: Vec<_> = told.iter().filter(|told| told.name == DONE).collect();
    done[0].has("operation", "test.read").has("outcome", "ok").has("attempts", "2");
    assert!(done[0].fields["took_ms"].parse::<u64>().unwrap() >= 80);
    row(&told, DONE).has("operation", "auth.obtain_token").has("attempts", "0");
    assert_eq!(done.len(), 2);
    assert!(!told.iter().any(|told| told.name == FAILED || told.name == CANCELLED));
}

#[test]
fn row_failed_tells_a_failure_once_with_the_platforms_words() {
    let told = Listener::hear(|| {
        let replies = vec![json(200, r#"{"errcode":0,"result":{"value":"no number"}}"#)];
        run(Call::new(&Read {}, &warm()), replies).unwrap_err();
    });
    row(&told, FAILED).has("operation", "test.read").has("outcome", "reply");
    let denied = r#"{"errcode":88,"sub_code":"60011","sub_msg":"x","request_id":"r9"}"#;
    let told = Listener::hear(|| {
        run(Call::new(&Read {}, &warm()), vec![json(200, denied)]).unwrap_err();
    });
    row(&told, FAILED)
        .has("outcome", "permission")
        .has("attempts", "1")
        .has("took_ms", "40")
        .has("status", "200")
        .has("code", "88")
        .has("sub_code", "60011")
        .has("request_id", "r9");
    assert_eq!(told.iter().filter(|told| told.name == FAILED).count(), 1);
    assert!(!told.iter().any(|told| told.name == CANCELLED || told.name == DONE));
}

#[test]
fn row_cancelled_tells_what_was_given_up_and_nothing_that_never_began() {
    let told = Listener::hear(|| {
        let app = app();
        let call = Call::new(&Read {}, &app);
        let _span = call.span().entered();
        drop(call.step(at(0)));
        drop(Call::new(&Read {}, &app));
    });
    assert_eq!(told.iter().filter(|told| told.name == CANCELLED).count(), 1);
    row(&told, CANCELLED).has("operation", "test.read").has("outcome", "cancelled");
    row(&told, CALL);
    let told = Listener::hear(|| {
        let mut machine = Machine::for_token(app().source(), Policy::default());
        let _ = machine.resume(Event::Start, Env::at(at(1)));
        let _ = machine.resume(Event::Cancelled, Env::at(at(1)));
    });
    row(&told, CANCELLED).has("operation", "auth.obtain_token");
    assert!(!told.iter().any(|told| told.name == FAILED));
}

#[test]
fn invariant_12_nothing_that_is_told_holds_a_secret() {
    let told = Listener::hear(|| {
        let app = App::internal("dingtest", "canary-client-secret");
        let echo = r#"{"errcode":60121,"errmsg":"canary-token","request_id":"r"}"#;
        run(Call::new(&Read {}, &app), vec![token("canary-token"), json(200, echo)]).unwrap_err();
        let person = app.user_from_code("canary-code");
        person.keep_as("canary-name");
        let echo = r#"{"requestid":"canary-code","code":"canary-client-secret","message":"x"}"#;
        run(Call::new(&Me {}, &person), vec![json(400, echo)]).unwrap_err();
        let tokens = r#"{"accessToken":"canary-a","refreshToken":"canary-r","expireIn":7200}"#;
        let person = app.user_from_code("canary-code");
        run(Call::new(&Me {}, &person), vec![json(200, tokens), write_ok()]).unwrap();
    });
    assert!(told.len() > 10);
    let text = format!("{told:?}");
    assert!(!text.contains("canary"), "{text}");
}

/// Answers a question to the store.
#[track_caller]
fn answer<E: Endpoint>(step: Step<E>, reply: StoreReply) -> Step<E> {
    match step {
        Step::Ask(_, asked) => asked.reply(at(0), reply),
        other => panic!("expected a question, got {other:?}"),
    }
}

/// A new session whose first write fails once.
fn session_whose_store_is_slow_to_keep() {
    let person = app().user_from_code("code");
    person.keep_as("somebody");
    let step = Call::new(&Me {}, &person).shared(true).step(at(0));
    let step = answer(step, StoreReply::Record { record: None });
    let (_, sent) = answer(step, StoreReply::Locked { record: None }).send();
    let tokens = r#"{"accessToken":"a","refreshToken":"r","expireIn":7200}"#;
    let step = sent.reply(at(0), json(200, tokens));
    let (_, call) = answer(step, StoreReply::Failed { why: "busy".to_owned() }).sleep();
    drop(call.step(at(1)));
}
