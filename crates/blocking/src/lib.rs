//! Blocking client of [DingTalk](https://open.dingtalk.com) for Rust: for threads, scripts and
//! services without a runtime.
//!
//! ```no_run
//! use dingtalk_blocking::Client;
//! use dingtalk_blocking::core::{App, auth::ObtainToken};
//!
//! let app = App::internal("dingabc", "client secret");
//! let client = Client::new(app)?;
//! let token = client.call(ObtainToken::new())?;
//! println!("a token, good until {}", token.expires_at);
//! # Ok::<(), dingtalk_blocking::core::Error>(())
//! ```
//!
//! Requests, replies, tokens and errors live in [`core`], which does no I/O. This crate adds what
//! core does without: a [transport](HttpTransport) on ureq, a clock, and one loop of about twenty
//! lines that does what core says. So everything about *what* is sent and *when* is written there.
//!
//! # Features
//!
//! | feature, off unless named | |
//! |---|---|
//! | `callback` | events and suite tickets pushed over HTTP: `core::callback` |
//! | `stream` | events and callbacks over a web socket: `Client::stream` |
//! | `tracing` | spans and events of calls, below |
//!
//! # Never waiting for a token
//!
//! [`Client::keep_fresh`] replaces one credential's token ahead of time, on a thread of yours;
//! [`Client::keep_store_fresh`] does so for all that a store holds, in one process at a time.
//!
//! # Watching
//!
//! With the feature `tracing` each call has a span, and what happens in it is told as events:
//! `core::trace` has the vocabulary. Nothing secret is among them. Without the feature this crate
//! tells nothing.
//!
//! ureq writes through the `log` crate; what it writes holds no URL,
//! header value or body, except that `ureq_proto` dumps heads and answers at its lowest level:
//! never turn `ureq_proto=trace` on where secrets count.
//!
//! # What a call costs
//!
//! A warm call of `v2/user/get` (1.2 KB record, plain HTTP on loopback) against a bare ureq agent
//! that sends the same request and parses the same body into the same struct, both in one run:
//!
//! | | this client | bare | ratio |
//! |---|---|---|---|
//! | instructions a call (callgrind) | 77,213 | 82,120 | 0.94 |
//! | allocations a call | 68 | 72 | |
//! | calls a second, 1 in flight | | | 1.06 |
//! | calls a second, 32 in flight | | | 1.17 |
//! | calls a second, 256 in flight | | | 1.15 |
//!
//! `python3 tests/bench/run.py instructions rates` counts them and takes the medians of thirty pairs on two cores
//! ([results](https://github.com/dingtalk-rs/dingtalk/blob/main/tests/bench/RESULTS.md), other clients beside
//! them). `tests/cost.py` prints the first two, and `tests/run` fails where a call costs more than the bare
//! one, or makes one allocation more. That it is not dearer is owed to parsing from one checked string
//! instead of a byte slice, and to sending head and body in one piece,
//! and pays for the machine.
//!
//! The feature `tracing`, where nobody watches, makes it 1.005 times as many instructions and no
//! allocation more; `tests/cost.py` prints that, too, and holds it below 1.01.

mod client;
mod clock;
mod connect;
mod keep_fresh;
mod keep_store_fresh;
mod pages;
#[cfg(feature = "stream")]
pub mod stream;
mod transport;

pub use client::{Client, ClientBuilder};
pub use dingtalk_core as core;
pub use keep_fresh::Stop;
pub use pages::Pages;
pub use transport::{HttpTransport, HttpTransportBuilder};
