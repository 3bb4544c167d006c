//! Async client of [DingTalk](https://open.dingtalk.com) for Rust, on hyper and tokio.
//!
//! ```no_run
//! use dingtalk_async::Client;
//! use dingtalk_async::core::{App, auth::ObtainToken};
//!
//! # async fn example() -> Result<(), dingtalk_async::core::Error> {
//! let app = App::internal("dingabc", "client secret");
//! let client = Client::new(app)?;
//! let token = client.call(ObtainToken::new()).await?;
//! println!("a token, good until {}", token.expires_at);
//! # Ok(())
//! # }
//! ```
//!
//! Requests, replies, tokens and errors live in [`core`], which does no I/O. This crate adds what
//! core does without: a [transport](HttpTransport) on hyper, a clock, and one loop of about twenty
//! lines that does what core says. So everything about *what* is sent and *when* is written there.
//!
//! It starts no task of its own beside those of hyper's connections, and logs nothing.

mod client;
mod clock;
mod connect;
mod keep_fresh;
mod pages;
mod tls;
mod transport;

pub use client::{Client, ClientBuilder};
pub use dingtalk_core as core;
pub use pages::Pages;
pub use transport::{Exchange, HttpTransport, HttpTransportBuilder};
