//! Blocking client of DingTalk for Rust, on ureq.
//!
//! # Logs
//!
//! This crate logs nothing. ureq writes through the `log` crate; what it writes holds no URL,
//! header value or body, except that `ureq_proto` dumps heads and answers at its lowest level:
//! never turn `ureq_proto=trace` on where secrets count.

mod connect;
mod tls;
mod transport;

pub use dingtalk_core as core;
pub use transport::{HttpTransport, HttpTransportBuilder};
