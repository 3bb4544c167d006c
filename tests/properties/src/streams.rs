//! Stream: no frames and no order of things make the machine panic, forget a handler or go on after
//! its end.

use std::time::Duration;

use arbitrary::Unstructured;
use dingtalk_core::machine::Env;
use dingtalk_core::stream::{Answer, Connection, Input, Machine, Order, Settings};
use dingtalk_core::{App, TransportError};
use serde_json::json;

use super::{SECRET, at, choose, one_of, word};

const TOPIC: &str = "/v1.0/im/bot/messages/get";

pub(super) fn check(data: &[u8]) {
    let mut from = Unstructured::new(data);
    let mut settings = Settings::default();
    settings.callbacks = vec![TOPIC.to_owned()];
    let mut machine = Machine::new(&App::internal("dingfuzz", SECRET), settings);
    let (mut now, mut links, mut runs) = (0_u64, Vec::new(), Vec::new());
    let (mut opening, mut over) = (0_u32, false);
    let mut input = Input::Start;
    for _ in 0..300 {
        let orders = machine.resume(input, Env::new(at(now), choose(&mut from)));
        assert!(
            !over || orders.iter().all(|order| matches!(order, Order::End(_) | Order::Wait(_)))
        );
        let last = orders.last();
        assert!(matches!(last, Some(Order::Wait(_) | Order::End(_))), "{orders:?}");
        let mut wait = Duration::ZERO;
        for order in orders {
            match order {
                Order::Open(_) => opening += 1,
                Order::Connect(link, _) => links.push(link),
                Order::Close(link) => links.retain(|known| *known != link),
                Order::Handle(run, delivery) => {
                    assert!(!format!("{delivery:?}").contains("canary-in-data"));
                    runs.push(run);
                }
                Order::Wait(time) => wait = time,
                Order::End(_) => over = true,
                Order::Report(notice) => {
                    assert!(!format!("{notice:?}").contains(SECRET));
                }
                Order::Send(..) | Order::Ping(_) => {}
            }
        }
        assert!(runs.len() <= 16, "more handlers than were agreed on");
        assert!(opening <= 1 + u32::from(over), "two connections are asked for at once");
        if from.is_empty() {
            break;
        }
        let link = links.get(usize::from(choose::<u8>(&mut from)) % links.len().max(1)).copied();
        input = match (choose::<u8>(&mut from) % 12, link) {
            (0, _) if opening > 0 => {
                opening -= 1;
                Input::Opened(connection(&mut from))
            }
            (1, Some(link)) => Input::Connected(link),
            (2, Some(link)) => Input::Text(link, word(&mut from)),
            (3..7, Some(link)) => Input::Text(link, frame(&mut from)),
            (7, Some(link)) => Input::Alive(link),
            (8, Some(link)) => Input::Down(link, TransportError::lost("cut")),
            (9, _) if !runs.is_empty() => {
                let run = runs.remove(usize::from(choose::<u8>(&mut from)) % runs.len());
                Input::Handled(
                    run,
                    match choose::<u8>(&mut from) % 4 {
                        0 => Ok(Answer::Done),
                        1 => Ok(Answer::Later),
                        2 => Ok(Answer::Reply(json!({"a": 1}))),
                        _ => Err(word(&mut from)),
                    },
                )
            }
            (10, _) if choose::<u8>(&mut from) == 255 => Input::Stop,
            _ => {
                now += u64::try_from(wait.as_millis())
                    .unwrap_or(0)
                    .min(choose::<u32>(&mut from).into());
                Input::Woken
            }
        };
    }
}

fn connection(from: &mut Unstructured<'_>) -> Result<Connection, dingtalk_core::Error> {
    let endpoint = match choose::<bool>(from) {
        true => "wss://wss-open-connection.dingtalk.com:443/connect".to_owned(),
        false => word(from),
    };
    let answer = json!({"endpoint": endpoint, "ticket": "canary-ticket"});
    serde_json::from_value(answer).map_err(|_| dingtalk_core::Error::invalid("no endpoint"))
}

fn frame(from: &mut Unstructured<'_>) -> String {
    let (kind, topic) = one_of(
        from,
        &[
            ("SYSTEM", "ping"),
            ("SYSTEM", "disconnect"),
            ("EVENT", "*"),
            ("EVENT", "*"),
            ("CALLBACK", TOPIC),
            ("CALLBACK", "/unknown"),
            ("OTHER", "x"),
        ],
    );
    let id = choose::<u8>(from).to_string();
    let data = match choose::<bool>(from) {
        true => r#"{"opaque":"canary-in-data"}"#.to_owned(),
        false => word(from),
    };
    json!({
        "specVersion": "1.0",
        "type": kind,
        "headers": {"topic": topic, "messageId": id, "contentType": "application/json", "eventType": "user_add_org"},
        "data": data,
    })
    .to_string()
}
