//! A call stepped by hand, with a clock that is counted up.

use std::time::Duration;

use dingtalk_core::dialect::{OpenApi, TopApi};
use dingtalk_core::{
    App, Call, Endpoint, Error, Method, Operation, Reply, Request, Response, Sent, Step, Timestamp,
    TransportError,
};
use serde::{Deserialize, Serialize};

/// A read whose method does not look like one.
#[derive(Debug, Clone, Serialize)]
pub struct Read {}

/// A write.
#[derive(Debug, Clone, Serialize)]
pub struct Write {}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Answer {
    pub value: i64,
}

impl Endpoint for Read {
    type Caller = App;
    type Api = TopApi;
    type Output = Answer;
    const OPERATION: &Operation =
        &Operation::topapi("test.read", Method::Post, "/topapi/test/read").read();
}

impl Endpoint for Write {
    type Caller = dingtalk_core::AppOrUser;
    type Api = OpenApi;
    type Output = Answer;
    const OPERATION: &Operation =
        &Operation::openapi("test.write", Method::Post, "/v1.0/test/write");
}

/// A read with a person's token.
#[derive(Debug, Clone, Serialize)]
pub struct Me {}

impl Endpoint for Me {
    type Caller = dingtalk_core::User;
    type Api = OpenApi;
    type Output = Answer;
    const OPERATION: &Operation = &Operation::openapi("test.me", Method::Get, "/v1.0/test/me");
}

pub const START: u64 = 1_700_000_000_000;

pub fn at(seconds: u64) -> Timestamp {
    Timestamp::from_millis(START + seconds * 1_000)
}

pub fn app() -> App {
    App::internal("dingtest", "client-secret-canary")
}

pub fn json(status: u16, body: &str) -> Reply {
    Ok(Response::new(status, Default::default(), body.to_owned()))
}

pub fn token(value: &str) -> Reply {
    json(200, &format!(r#"{{"expireIn":7200,"accessToken":"{value}"}}"#))
}

pub fn read_ok() -> Reply {
    json(200, r#"{"errcode":0,"errmsg":"ok","result":{"value":1},"request_id":"r"}"#)
}

pub fn write_ok() -> Reply {
    json(200, r#"{"value":1}"#)
}

pub fn dead_topapi() -> Reply {
    json(200, r#"{"errcode":88,"sub_code":"40014","sub_msg":"x","errmsg":"x","request_id":"r"}"#)
}

pub fn dead_openapi() -> Reply {
    json(400, r#"{"code":"InvalidAuthentication","requestid":"R","message":"x"}"#)
}

pub fn busy() -> Reply {
    json(500, r#"{"requestid":"R","code":"unknownError","message":"x"}"#)
}

pub fn lost() -> Reply {
    Err(TransportError::lost("connection reset"))
}

pub fn not_sent() -> Reply {
    Err(TransportError::not_sent("connection refused"))
}

pub trait Expect<E: Endpoint> {
    fn send(self) -> (Request, Sent<E>);
    fn sleep(self) -> (Duration, Call<E>);
    fn join(self) -> (dingtalk_core::Flight, Call<E>);
    fn done(self) -> Result<E::Output, Error>;
}

impl<E: Endpoint> Expect<E> for Step<E> {
    #[track_caller]
    fn send(self) -> (Request, Sent<E>) {
        match self {
            Self::Send(request, sent) => (request, sent),
            other => panic!("expected a request, got {other:?}"),
        }
    }

    #[track_caller]
    fn sleep(self) -> (Duration, Call<E>) {
        match self {
            Self::Sleep(pause, call) => (pause, call),
            other => panic!("expected a pause, got {other:?}"),
        }
    }

    #[track_caller]
    fn join(self) -> (dingtalk_core::Flight, Call<E>) {
        match self {
            Self::Join(flight, call) => (flight, call),
            other => panic!("expected to join, got {other:?}"),
        }
    }

    #[track_caller]
    fn done(self) -> Result<E::Output, Error> {
        match self {
            Self::Done(result) => result,
            other => panic!("expected the end, got {other:?}"),
        }
    }
}

/// The token that a request carries, wherever its family wants it.
pub fn carried(request: &Request) -> Option<String> {
    if let Some(header) = request.headers().get("x-acs-dingtalk-access-token") {
        return Some(header.to_str().unwrap().to_owned());
    }
    let (_, token) = request.url().query()?.split_once("access_token=")?;
    Some(token.to_owned())
}

/// An app that holds a token since `at(0)`.
pub fn warm() -> App {
    let app = app();
    app.seed("warm", at(7_200), at(0));
    app
}
