//! Receives what the platform pushes over HTTP: encrypted, signed, and answered in kind
//! (wire-facts §10.1–10.6). It is there with the feature `callback`, of this crate or of a client.
//!
//! A [`Receiver`] is a function from an `http::Request` to an `http::Response` in two steps, so
//! that a program acts before it acknowledges: what is not acknowledged comes again, after 10 and
//! 30 seconds, a suite ticket many times more often.
//!
//! ```
//! use dingtalk_core::Timestamp;
//! use dingtalk_core::callback::{Owner, Receiver};
//! use dingtalk_core::event::EventKind;
//!
//! # let key = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG";
//! // Token and AES key are those of the developer console's page of the subscription.
//! let receiver = Receiver::new("tokenExample1", key, Owner::Suite("suiteexample0001".into()))?;
//!
//! # let request = http::Request::post(
//! #     "/callback?signature=10a8d28c48ee2ec78d5874420d900a7d70569ea6&timestamp=1700000000123&nonce=n0nceBBB",
//! # ).body(r#"{"encrypt":"DpQeJfnf/MGZ/+GTIspwVIU0ssnkrF7rlkT3KmRPoP9pW0zTOne4oPHnBBjXd/EOR5SPKUqZRdodmZvYPm7e6A=="}"#)?;
//! # let now = Timestamp::from_millis(1_700_000_000_500);
//! # let entropy = [7; 16];
//! let response = match receiver.receive(&request, now) {
//!     Err(refusal) => refusal.response(), // and `refusal` says why, for the log
//!     Ok(received) => {
//!         let failed = received.events().iter().any(|event| match &event.kind {
//!             EventKind::SuiteTicket(_) => false, // TakeSuiteTicket::from_event
//!             _ => false,
//!         });
//!         // 16 random bytes of the operating system's, fresh each time.
//!         if failed { received.later() } else { received.acknowledge(entropy) }
//!     }
//! };
//! assert_eq!(response.status(), 200);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is checked, in this order
//!
//! 1. Before the body is read ([`Receiver::admit`]): method, the query's form, `content-length`. A
//!    body has at most [`Receiver::LARGEST_BODY`] bytes.
//! 2. The signature, in constant time. Either name of the query will do, `signature` or
//!    `msg_signature`; the platform's pages disagree. Nothing of an unsigned push is decrypted.
//! 3. The signed time: within an hour of ours ([`Receiver::max_age`]).
//! 4. Whether this very push was acknowledged before: a replay is refused.
//!    Remembered are the latest 10,000 of two hours.
//! 5. Decryption, padding and lengths; the length inside is a claim and not trusted.
//! 6. The owner: whom the push is for. The error says which id was expected ([`Owner`]).
//! 7. Which of the events were acted on before: those are left out, and acknowledged again.
//!    The memory is this process's: [`Seen`](crate::event::Seen).
//!
//! The examples `callback_blocking` and `callback_axum` are whole programs.
//!
//! The platform must get its answer within 1.5 to 2.5 seconds, whichever page is right: put longer
//! work into a queue that survives the process, then acknowledge.
//!
//! # What it costs
//!
//! `cargo run --release --bin cost -- callback` has the sandbox push an event of 4,109 bytes, and
//! compares, in one run, a [`Receiver`] with the same parts put together by hand for a platform
//! that never sends anything wrong. On a virtual machine with AES and SHA instructions (AMD EPYC,
//! two busy cores):
//!
//! | | microseconds | |
//! |---|---|---|
//! | received: verified, decrypted, read into its type | 35 | 1.72 × by hand |
//! | by hand: verified, decrypted, read into a `serde_json::Value` | 21 | |
//! | refused for its signature | 10 | 0.29 × received |
//!
//! The difference is hashes without SHA instructions, the key by which a repeat is known, the names
//! made alike, and the type. What a bad signature costs is the reading of the body and the hash over
//! it. `tests/cost.py` counts instructions, where no other program disturbs: 1.41 × by hand, and 0.33 ×
//! received; `tests/run` fails above 1.5 and 0.4.

mod cipher;
mod owner;
mod received;
mod receiver;
mod refusal;

pub use owner::Owner;
pub use received::Received;
pub use receiver::Receiver;
pub use refusal::Refusal;

#[cfg(all(test, not(loom)))]
mod tests;
