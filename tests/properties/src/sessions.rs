//! Whatever a store says of a person's session, only a refresh token that is stored is presented,
//! nothing unreadable leads to a new login, and the call ends.

use arbitrary::Unstructured;
use dingtalk_core::contact::GetContactUser;
use dingtalk_core::store::{Record, StoreOp, StoreReply};
use dingtalk_core::{App, Call, ErrorKind, Response, Step};
use serde_json::Value;

use super::{SECRET, at, choose, says_nothing_of, text};

pub(super) fn check(data: &[u8]) {
    let mut from = Unstructured::new(data);
    let (version, age, renew, left) =
        (choose::<u64>(&mut from), choose(&mut from), choose(&mut from), choose(&mut from));
    let stored = text(from);
    let kept: Option<Value> = serde_json::from_str(&stored).ok();
    let refresh = kept.as_ref().and_then(|kept| kept["refresh_token"].as_str()).unwrap_or_default();
    let record = Record::new(stored.as_str().into(), version, age, renew, left);

    let user = App::internal("dingfuzz", SECRET).user_kept_as("ann");
    let mut now = 0;
    let mut step = Call::new(&GetContactUser::me(), &user).shared(true).entropy(7).step(at(now));
    for _ in 0..2_000 {
        now += 1;
        step = match step {
            Step::Send(request, sent) => {
                let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
                if let Some(presented) = body["refreshToken"].as_str() {
                    assert_eq!(presented, refresh, "only what is stored is presented");
                }
                let body = r#"{"accessToken":"u","refreshToken":"r","expireIn":7200,"nick":"n"}"#;
                sent.reply(at(now), Ok(Response::new(200, Default::default(), body)))
            }
            Step::Ask(question, asked) => {
                let reply = match question {
                    StoreOp::Load { .. } => StoreReply::Record { record: Some(record.clone()) },
                    StoreOp::Lock { .. } => StoreReply::Locked { record: Some(record.clone()) },
                    StoreOp::Write { expected, .. } if expected == version => {
                        StoreReply::Written { version: version.wrapping_add(1) }
                    }
                    StoreOp::Write { .. } => StoreReply::Stale { record: Some(record.clone()) },
                    _ => StoreReply::Done,
                };
                asked.reply(at(now), reply)
            }
            Step::Sleep(pause, call) => {
                now += u64::try_from(pause.as_millis()).unwrap_or(u64::MAX / 2);
                call.step(at(now))
            }
            Step::Join(..) => panic!("nobody else is here"),
            Step::Done(Ok(_)) => return,
            Step::Done(Err(error)) => {
                let unreadable = kept.is_none();
                let login = matches!(error.kind(), ErrorKind::LoginAgain { .. });
                assert!(!(unreadable && login), "what cannot be read says nothing of the person");
                return says_nothing_of(&error, &[SECRET]);
            }
        };
    }
    panic!("a call that does not end")
}
