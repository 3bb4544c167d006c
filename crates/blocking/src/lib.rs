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
//! # Logs
//!
//! This crate logs nothing. ureq writes through the `log` crate; what it writes holds no URL,
//! header value or body, except that `ureq_proto` dumps heads and answers at its lowest level:
//! never turn `ureq_proto=trace` on where secrets count.

mod client;
mod clock;
mod connect;
mod keep_fresh;
mod pages;
mod tls;
mod transport;

pub use client::{Client, ClientBuilder};
pub use dingtalk_core as core;
pub use keep_fresh::Stop;
pub use pages::Pages;
pub use transport::{HttpTransport, HttpTransportBuilder};
