//! Whatever a token answer says of the token's life and whenever that is, nothing overflows, and a
//! token that was just handed out serves the next caller.

use std::time::Duration;

use arbitrary::Unstructured;
use dingtalk_core::auth::{HeldToken, ObtainToken};
use dingtalk_core::{App, Call, Error, Response, Step, Timestamp};

use super::{SECRET, choose, says_nothing_of, text};

pub(super) fn check(data: &[u8]) {
    let mut from = Unstructured::new(data);
    let now = Timestamp::from_millis(choose(&mut from));
    let took = choose::<u32>(&mut from);
    let life = text(from);
    let body = format!(r#"{{"expireIn":{life},"accessToken":"t"}}"#);
    let app = App::internal("dingfuzz", SECRET);
    let later = now + Duration::from_millis(took.into());
    match obtain(&app, now, later, &body) {
        Ok((token, requests)) => {
            assert_eq!(requests, 1);
            assert_eq!(token.value.expose(), "t");
            if token.expires_at > later.unix_millis() {
                let again = obtain(&app, later, later, &body).map(|(token, _)| token.expires_at);
                assert!(again.is_ok(), "a token that serves is refused");
            }
        }
        Err(error) => says_nothing_of(&error, &[SECRET]),
    }
}

/// The token, and how many requests it took.
fn obtain(
    app: &App,
    now: Timestamp,
    answered: Timestamp,
    body: &str,
) -> Result<(HeldToken, u32), Error> {
    let mut requests = 0;
    let mut step = Call::new(&ObtainToken::new(), app).step(now);
    for _ in 0..64 {
        step = match step {
            Step::Send(_, sent) => {
                requests += 1;
                sent.reply(answered, Ok(Response::new(200, Default::default(), body.to_owned())))
            }
            Step::Sleep(pause, call) => call.step(answered + pause),
            Step::Ask(..) | Step::Join(..) => panic!("there is no store, and nobody else"),
            Step::Done(result) => return result.map(|token| (token, requests)),
        };
    }
    panic!("a call that does not end")
}
