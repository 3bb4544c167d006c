//! The erased machine: no sequence of events makes it panic or go on for ever, what is out of turn
//! ends it, and what has ended stays so.

use arbitrary::Unstructured;
use dingtalk_core::machine::{Env, Event, EventForm, Machine, Order, OrderForm};
use dingtalk_core::store::{Record, StoreReply};
use dingtalk_core::{
    App, Credential, Family, Method, Operation, Policy, Response, Timestamp, TransportError,
};
use http::HeaderMap;
use serde_json::json;

use super::{START, at, choose, one_of, word};

pub(super) fn events(data: &[u8]) {
    let mut from = Unstructured::new(data);
    let app = App::internal("dingfuzz", super::SECRET);
    if choose(&mut from) {
        app.seed(super::TOKEN, at(7_200_000), at(0));
    }
    let mut machines: Vec<_> = (0..3).map(|_| machine(&app, choose(&mut from))).collect();
    let mut now = START;
    for _ in 0..400 {
        let which = usize::from(choose::<u8>(&mut from)) % machines.len();
        if choose::<u8>(&mut from) == 250 {
            // A caller goes away without a word.
            machines[which] = machine(&app, choose(&mut from));
            continue;
        }
        now = now.saturating_add(choose::<u16>(&mut from).into());
        let was_finished = machines[which].is_finished();
        let event = event(&mut from);
        let env = Env::new(Timestamp::from_millis(now), choose(&mut from));
        let order = machines[which].resume(event, env);
        let over = matches!(order, Order::Done(_) | Order::Failed(_));
        assert_eq!(over, machines[which].is_finished());
        assert!(over || !was_finished, "a finished machine stays finished");
        let form = serde_json::to_string(&OrderForm::from(&order));
        assert!(form.is_ok(), "every order crosses the border");
        if from.is_empty() {
            break;
        }
    }
    // Told to go on properly, each ends.
    for mut machine in machines {
        let mut turns = 0;
        let mut event = Event::Woken;
        while !machine.is_finished() {
            turns += 1;
            assert!(turns < 200, "a call that does not end");
            now += 60_000;
            let env = Env::at(Timestamp::from_millis(now));
            event = match machine.resume(event, env) {
                Order::Send(_) => Event::Reply(Err(TransportError::lost("cut"))),
                Order::Ask(_) => Event::Store(StoreReply::Failed { why: "gone".into() }),
                _ => Event::Woken,
            };
        }
    }
}

pub(super) fn forms(data: &[u8]) {
    let Ok(form) = serde_json::from_slice::<EventForm>(data) else { return };
    let event = Event::from(form);
    let mut machine = machine(&super::app(), true);
    let _ = machine.resume(Event::Start, Env::at(at(0)));
    let _ = machine.resume(event, Env::at(at(1)));
}

fn machine(app: &App, shared: bool) -> Machine {
    let get_user = Operation::described(Family::TopApi, Method::Post, "/topapi/v2/user/get").read();
    let parameters = json!({"userid": "manager01"});
    let mut machine = Machine::new(app.source(), get_user, parameters, Policy::default());
    machine.set_shared(shared);
    machine
}

fn event(from: &mut Unstructured<'_>) -> Event {
    match choose::<u8>(from) % 16 {
        0..4 => Event::Start,
        4..8 => Event::Reply(match choose::<u8>(from) % 8 {
            0 => Err(TransportError::not_sent("n")),
            1 => Err(TransportError::lost("l")),
            2 => Err(TransportError::timed_out("t")),
            3 => Err(TransportError::too_large("b")),
            4 => Ok(answer(r#"{"expireIn":7200,"accessToken":"t"}"#)),
            5 => Ok(answer(r#"{"errcode":0,"result":{"userid":"manager01"}}"#)),
            6 => Ok(answer(r#"{"errcode":88,"sub_code":"40014","sub_msg":"x","errmsg":"x"}"#)),
            _ => Ok(Response::new(
                one_of(from, &[200, 400, 403, 500, 503]),
                HeaderMap::new(),
                word(from),
            )),
        }),
        8..12 => Event::Store(match choose::<u8>(from) % 7 {
            0 => StoreReply::Busy,
            1 => StoreReply::Written { version: choose(from) },
            2 => StoreReply::Stale { record: record(from) },
            3 => StoreReply::Locked { record: record(from) },
            4 => StoreReply::Done,
            5 => StoreReply::Failed { why: word(from) },
            _ => StoreReply::Record { record: record(from) },
        }),
        12..15 => Event::Woken,
        _ => Event::Cancelled,
    }
}

fn record(from: &mut Unstructured<'_>) -> Option<Record> {
    choose::<bool>(from).then(|| {
        let value = word(from).into();
        Record::new(value, choose(from), choose(from), choose(from), choose(from))
    })
}

fn answer(body: &str) -> Response {
    Response::new(200, HeaderMap::new(), body.to_owned())
}
