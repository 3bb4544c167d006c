//! A request says what its parameters say, wherever its family puts them, and nothing of a
//! parameter gets to be another path, parameter or header.

use std::collections::BTreeMap;

use arbitrary::Unstructured;
use dingtalk_core::machine::{Env, Event, Machine, Order};
use dingtalk_core::{Credential, Family, Method, Operation, Policy};
use serde_json::{Map, Value};

use super::{TOKEN, app, at, choose, word};

pub(super) fn check(data: &[u8]) {
    let mut from = Unstructured::new(data);
    let family = match choose::<u8>(&mut from) % 3 {
        0 => Family::Legacy,
        1 => Family::TopApi,
        _ => Family::OpenApi,
    };
    let method = match choose::<bool>(&mut from) {
        true => Method::Get,
        false => Method::Post,
    };
    let variable = word(&mut from);
    let parameters: BTreeMap<String, String> = (0..choose::<u8>(&mut from) % 5)
        .map(|_| (word(&mut from), word(&mut from)))
        .filter(|(name, _)| name != "variable")
        .collect();
    let mut members: Map<String, Value> = parameters
        .iter()
        .map(|(name, value)| (name.clone(), Value::from(value.as_str())))
        .collect();
    members.insert("variable".into(), variable.as_str().into());
    let operation = Operation::described(family, method, "/before/{variable}/after");
    let caller = app();
    let mut machine =
        Machine::new(caller.source(), operation, Value::Object(members), Policy::default());
    let request = match machine.resume(Event::Start, Env::at(at(0))) {
        Order::Send(request) => request,
        Order::Failed(_) => return,
        other => panic!("{other:?}"),
    };
    let path: Vec<_> = request.url().path().split('/').collect();
    assert_eq!((path.len(), path[1], path[3]), (4, "before", "after"), "it became another path");
    let decoded = percent_encoding::percent_decode_str(path[2]).decode_utf8();
    assert_eq!(decoded.ok().as_deref(), Some(variable.as_str()));

    let query = request.url().query().unwrap_or_default();
    let mut said: BTreeMap<String, String> =
        form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    match family {
        Family::OpenApi => assert_eq!(
            request.headers()["x-acs-dingtalk-access-token"].as_bytes(),
            TOKEN.as_bytes()
        ),
        _ => {
            let tokens = form_urlencoded::parse(query.as_bytes())
                .filter(|(name, _)| name == "access_token")
                .map(|(_, value)| value.into_owned());
            assert!(tokens.eq([TOKEN]), "the token is there, once");
        }
    }
    if !request.body().is_empty() {
        let body: Map<String, Value> =
            serde_json::from_slice(request.body()).expect("a described call's body is JSON");
        said.extend(
            body.into_iter()
                .map(|(name, value)| (name, value.as_str().expect("texts went in").to_owned())),
        );
    }
    for (name, value) in &parameters {
        if name != "access_token" {
            assert_eq!(said.get(name), Some(value), "{name:?} was lost");
        }
    }
}
