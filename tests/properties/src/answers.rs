//! Whatever the platform answers, a call ends, panics not, and says nothing of its secrets.

use arbitrary::Unstructured;
use dingtalk_core::auth::GetScopes;
use dingtalk_core::contact::{GetUser, GetUserByCode, ListSubDepartments, ListUsers, SearchUsers};
use dingtalk_core::jsapi::GetTicketLegacy;
use dingtalk_core::todo::GetTask;
use dingtalk_core::{ActsAs, App, Call, Endpoint, Reply, Request, Response, Step, TransportError};
use http::{HeaderMap, HeaderValue};

use super::{SECRET, TOKEN, app, at, choose, one_of, says_nothing_of};

pub(super) fn topapi(data: &[u8]) {
    let mut from = Unstructured::new(data);
    match choose::<u8>(&mut from) % 4 {
        0 => ends(&GetUser::new("manager01"), from),
        1 => ends(&GetUserByCode::new("canary-code"), from),
        2 => ends(&ListSubDepartments::new(1), from),
        _ => ends(&ListUsers::new(1), from),
    }
}

pub(super) fn openapi(data: &[u8]) {
    let mut from = Unstructured::new(data);
    match choose::<bool>(&mut from) {
        true => ends(&SearchUsers::new("ann"), from),
        false => ends(&GetTask::new("union", "task"), from),
    }
}

pub(super) fn legacy(data: &[u8]) {
    let mut from = Unstructured::new(data);
    match choose::<bool>(&mut from) {
        true => ends(&GetScopes::new(), from),
        false => ends(&GetTicketLegacy::new(), from),
    }
}

const STATUSES: [u16; 14] = [200, 200, 200, 400, 401, 403, 404, 429, 500, 502, 503, 504, 204, 302];

fn ends<E>(endpoint: &E, mut from: Unstructured<'_>)
where
    E: Endpoint,
    App: ActsAs<E::Caller>,
{
    let status = one_of(&mut from, &STATUSES);
    let later = one_of(&mut from, &STATUSES);
    let mut headers = HeaderMap::new();
    if let Ok(value) = HeaderValue::from_str(&choose::<String>(&mut from)) {
        headers.insert("retry-after", value);
    }
    // An answer may quote what it was sent.
    let body = super::text(from).replace('\u{1}', TOKEN).replace('\u{2}', SECRET);
    let answer = |request: &Request, turn: u32| -> Reply {
        if request.url().path().ends_with("/accessToken") {
            let fresh = r#"{"expireIn":7200,"accessToken":"canaryAccessToken"}"#;
            return Ok(Response::new(200, HeaderMap::new(), fresh));
        }
        match turn {
            0..3 => Ok(Response::new(status, headers.clone(), body.clone())),
            3 => Err(TransportError::lost("cut")),
            _ => Ok(Response::new(later, HeaderMap::new(), body.clone())),
        }
    };
    let caller = app();
    let (mut now, mut turns) = (0, 0);
    let mut step = Call::new(endpoint, &caller).step(at(now));
    loop {
        turns += 1;
        assert!(turns < 64, "a call that does not end");
        step = match step {
            Step::Send(request, sent) => {
                let reply = answer(&request, turns);
                sent.reply(at(now), reply)
            }
            Step::Sleep(pause, call) => {
                now += u64::try_from(pause.as_millis()).unwrap_or(u64::MAX / 2).max(1);
                call.step(at(now))
            }
            Step::Ask(..) | Step::Join(..) => panic!("there is no store, and nobody else"),
            Step::Done(Ok(_)) => return,
            Step::Done(Err(error)) => return says_nothing_of(&error, &[TOKEN, SECRET]),
        };
    }
}
