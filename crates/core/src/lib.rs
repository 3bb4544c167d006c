//! The core of DingTalk for Rust: who the app is, who the person is, and how a program finds out,
//! without a socket, a clock or a thread.
//!
//! It builds requests, reads replies, and owns the life of every credential. It performs no I/O,
//! reads no time, sleeps not, spawns not, and draws no randomness that it was not given. The
//! crates `dingtalk-blocking` (ureq) and `dingtalk-async` (hyper) carry what it orders, in a loop
//! of twenty lines each; programs in other languages do the same through [`machine`]. Use one of
//! those unless you bring a transport of your own.
//!
//! # The loop in ten lines
//!
//! ```
//! use dingtalk_core::{Call, Endpoint, ActsAs, Error, Reply, Request, Step, Timestamp};
//!
//! fn run<E: Endpoint, C: ActsAs<E::Caller>>(
//!     endpoint: &E, caller: &C,
//!     send: impl Fn(Request) -> Reply, now: impl Fn() -> Timestamp,
//! ) -> Result<E::Output, Error> {
//!     let mut step = Call::new(endpoint, caller).step(now());
//!     loop {
//!         step = match step {
//!             Step::Send(request, sent) => { let reply = send(request); sent.reply(now(), reply) }
//!             Step::Ask(_, asked) => asked.reply(now(), dingtalk_core::StoreReply::Done),
//!             Step::Sleep(pause, call) => { std::thread::sleep(pause); call.step(now()) }
//!             Step::Join(flight, call) => { std::thread::sleep(flight.patience() / 100); call.step(now()) }
//!             Step::Done(result) => return result,
//!         }
//!     }
//! }
//! # use dingtalk_core::{App, Response, contact::GetUser};
//! # let app = App::internal("dingabc", "secret");
//! # let user = run(&GetUser::new("manager01"), &app, |request| {
//! #     let body = if request.url().path().ends_with("accessToken") {
//! #         r#"{"expireIn":7200,"accessToken":"t"}"#
//! #     } else {
//! #         r#"{"errcode":0,"errmsg":"ok","result":{"userid":"manager01","unionid":"u","name":"n"}}"#
//! #     };
//! #     Ok(Response::new(200, Default::default(), body))
//! # }, || Timestamp::from_millis(1_700_000_000_000))?;
//! # assert_eq!(user.userid, "manager01");
//! # Ok::<(), Error>(())
//! ```
//!
//! A [`Step`] carries its only continuation, so answering out of turn does not compile, and
//! dropping it cancels the call.
//!
//! # How it hangs together
//!
//! | question | answer |
//! |---|---|
//! | WHAT is called | an [`Operation`] is data; an [`Endpoint`] is an operation plus types, one file each under [`auth`], [`contact`], [`jsapi`], [`todo`](mod@todo); [`RawEndpoint`] is the rest of the platform |
//! | WHO calls | [`App`], [`User`], [`Suite`] and its [`Corp`]s, [`Sso`], [`Nobody`]: cheap to clone, shared by any number of clients, each with its own token |
//! | WHEN | [`Call`], [`Sent`], [`Asked`], [`Step`] over the erased [`machine::Machine`] |
//! | WHO CARRIES | a [`Transport`]; any closure is one by [`from_fn`] |
//! | WHERE tokens are shared | a [`Store`] that answers [`StoreOp`]s: [`mod@store`] has the rules, and one for a single process |
//! | WHAT HAPPENED | an [`Event`](event::Event), told over HTTP (`callback`, with the feature of that name) or over a web socket ([`mod@stream`]) |
//! | WHAT WENT WRONG | an [`Error`] whose [`ErrorKind`] says what to do about it |
//! | WHAT HAPPENS meanwhile | a span and events in the words of `trace`, with the feature `tracing` |
//!
//! One call, in order: the credential's slot says *use* this token, *lead* (you fetch it) or
//! *join* (somebody is fetching). The leader asks the store, if there is one, fetches, saves, and
//! wakes those who joined; if it fails for good they share its error. The request goes out with
//! the token where its family wants it. A reply that says *token dead* clears exactly that token
//! and renews once; *throttled* pauses and paces that API from then on; *busy* or *lost* is tried
//! again only where that is harmless; anything else is an error that says what to do.
//!
//! # What holds, always
//!
//! Each line is a test that is named after it (`invariant_01…` in this crate's tests).
//!
//! 1. At most one live lease per credential; at most one token request in the air while its
//!    holder shows life.
//! 2. No lock is held across a step, and no code of yours runs under one.
//! 3. A dropped [`Call`], [`Sent`], [`Asked`] or [`Step`] passes the lead on at once.
//! 4. A lead whose holder shows no life for the lease time (one request's time-out and five
//!    seconds) passes on; each of its steps renews it.
//! 5. Waiters on a failed flight share its error; a later call starts a new one.
//! 6. A rejection clears a token only if it is still the one that was used. One renewal per call,
//!    then the error.
//! 7. A token with less than ten minutes left is replaced by one caller while the others go on
//!    with it; if that fails it serves to its end, and nobody tries again for 30 s. The early
//!    window is never more than a quarter of the life.
//! 8. Life counts from the asking, not from the answer.
//! 9. What must not be repeated goes out once, unless it is proved that nothing was executed: not
//!    delivered, throttled, token rejected. A one-time code is never replayed.
//! 10. `Join` may return early; stepping again is always allowed.
//! 11. A transport sends as is: no redirects followed, no status turned into an error, no retry of
//!     its own, bounded size and time.
//! 12. No URL, header value or body reaches a `Debug`, a `Display`, an error or a log line.
//! 13. With a store: one token request per credential over all processes while the lock's holder
//!     shows life; a refresh token is announced before it is presented, and what replaces it is
//!     stored before it is handed out. A store that fails costs a renewing credential the sharing,
//!     never the call; a session is not gambled with and says so. `store::model`, among the tests,
//!     explores every order in which processes can obey this.
//! 14. core calls no clock, sleeps not, spawns not, and depends on no I/O crate: this crate's
//!     `clippy.toml` and the dependency check of `tests/run` enforce it.
//!
//! What errors teach is remembered: an API that was throttled is paced at 20 calls a second from
//! then on, a banned address stops every call of its [`Region`] for five minutes, and refused
//! credentials are not tried again for a minute.
//!
//! # What it is not
//!
//! - No HTTP client: see the two driver crates, or bring a closure.
//! - No model of the whole platform: identity, contacts, to-dos, page signatures, events; for the
//!   rest [`RawEndpoint`].
//!
//! # Tokens before they are due
//!
//! [`Upkeep`] says when one credential's token is replaced ahead of time, [`StoreUpkeep`] when
//! those of a whole store are, by one process at a time. Both clients drive them (`keep_fresh`,
//! `keep_store_fresh`).
//!
//! # What it remembers about the process
//!
//! Nothing, but the instant that became the origin of [`Timestamp`]'s steady clock. Credentials,
//! regions and their tokens are values that you hold; a fork takes them along.

mod app;
pub mod auth;
mod call;
#[cfg(feature = "callback")]
pub mod callback;
pub mod contact;
mod corp;
pub mod dialect;
mod endpoint;
mod entropy;
mod error;
pub mod event;
mod id;
pub mod jsapi;
pub mod lenient;
pub mod machine;
mod policy;
mod proxy;
mod raw;
mod region;
mod secret;
pub mod store;
pub mod stream;
mod sync;
mod time;
pub mod todo;
mod token;
#[cfg(feature = "tracing")]
pub mod trace;
mod upkeep;
mod user;
mod wire;

pub use app::{
    ActsAs, AnyToken, App, AppBuilder, AppOrSuite, AppOrUser, Caller, Credential, Nobody, Sso,
};
pub use call::{Asked, Call, Sent, Step};
pub use corp::{Corp, Suite, SuiteBuilder};
#[doc(hidden)]
pub use endpoint::Obtains;
pub use endpoint::{Body, Endpoint, Family, Method, Operation, Paged, Query, Replay};
pub use entropy::Entropy;
pub use error::{Error, ErrorKind};
pub use id::{
    AgentId, ClientId, CorpId, DeptId, OpenId, RoleId, SourceId, TaskId, UnifiedAppId, UnionId,
    UserId,
};
pub use policy::Policy;
pub use proxy::{NoProxy, Proxy, ProxyRules};
pub use raw::RawEndpoint;
pub use region::{Region, bare_host, check_scheme, is_loopback};
pub use secret::{Personal, Secret};
pub use store::{NewRecord, Record, Store, StoreKey, StoreKind, StoreOp, StoreReply};
pub use time::Timestamp;
pub use token::{Flight, Source};
pub use upkeep::{Chore, Due, StoreUpkeep, Upkeep};
pub use user::{User, UserTokens};
pub use wire::{
    Fault, FromFn, Limits, Reply, Request, Response, Transport, TransportError, from_fn,
};
