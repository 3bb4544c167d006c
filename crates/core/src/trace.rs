//! What a program can watch: the span and the events of every call, for `tracing`.
//!
//! With the feature `tracing` (of this crate, or of the client's, which passes it on) each call has
//! a span, and what happens in it is told as events. Names, levels and fields below are a promise
//! like the rest of the public interface: they change with a major version only; more events and
//! more fields may come with any.
//!
//! Never among them: a secret, a token, a URL, a header, a body, a person's id. A field is a word of
//! this table, a number, an id of the app or its organization, the platform's code or request id, an
//! operation's name, or a store's own words about its failure, which hold no keys and no values.
//!
#![doc = include_str!("trace.md")]
//!
//! # Watching
//!
//! ```
//! use dingtalk_core::trace::{FAILED, TARGET};
//! use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
//!
//! /// Counts calls that failed.
//! struct Failures(std::sync::atomic::AtomicU64);
//!
//! impl<S: tracing::Subscriber> Layer<S> for Failures {
//!     fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
//!         if event.metadata().target() == TARGET && event.metadata().name() == FAILED {
//!             self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
//!         }
//!     }
//! }
//!
//! let subscriber = tracing_subscriber::registry().with(Failures(0.into()));
//! tracing::subscriber::with_default(subscriber, || { /* calls */ });
//! ```
//!
//! The clients are in the span while a call lasts, so that what a transport or a store tells lands in
//! it, too. A loop of your own does the same with [`Call::span`](crate::Call::span) or
//! [`Machine::span`](crate::machine::Machine::span).
//!
//! What HTTP libraries tell by themselves is theirs, and at their lowest levels it may be whole heads
//! and bodies (`ureq_proto`), tokens included: filter by [`TARGET`].

/// The target of the span and of all events.
pub const TARGET: &str = "dingtalk";

/// The span of a call, from the first step to the end.
pub const CALL: &str = "dingtalk.call";

/// A request goes out.
pub const SENT: &str = "dingtalk.sent";
/// A request came back, with an answer or without.
pub const ANSWERED: &str = "dingtalk.answered";
/// The call begins to wait.
pub const WAIT: &str = "dingtalk.wait";
/// A wait is over.
pub const WAITED: &str = "dingtalk.waited";
/// The call has its token.
pub const TOKEN: &str = "dingtalk.token";
/// A token that still serves is replaced before its end.
pub const TOKEN_EARLY: &str = "dingtalk.token_early";
/// A token could not be replaced, and goes on serving.
pub const TOKEN_KEPT: &str = "dingtalk.token_kept";
/// The platform rejected the token.
pub const TOKEN_REJECTED: &str = "dingtalk.token_rejected";
/// The token store failed.
pub const STORE_FAILED: &str = "dingtalk.store_failed";
/// The token store works again.
pub const STORE_BACK: &str = "dingtalk.store_back";
/// The platform banned this machine's address.
pub const BANNED: &str = "dingtalk.banned";
/// The call succeeded.
pub const DONE: &str = "dingtalk.done";
/// The call failed.
pub const FAILED: &str = "dingtalk.failed";
/// The call was dropped before its end.
pub const CANCELLED: &str = "dingtalk.cancelled";
