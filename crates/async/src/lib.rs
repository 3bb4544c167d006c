//! Async client of DingTalk for Rust, on hyper and tokio.

mod connect;
mod tls;
mod transport;

pub use dingtalk_core as core;
pub use transport::{Exchange, HttpTransport, HttpTransportBuilder};
