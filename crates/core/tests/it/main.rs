//! Tests through core's public face: the protocol stepped by hand, the erased layer as another
//! language drives it, a seeded simulation, and the store's questions.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs, unreachable_pub)]

mod corps;
mod erased;
mod protocol;
mod secrets;
mod sessions;
mod shared_simulation;
mod simulation;
mod stores;
mod support;
#[cfg(feature = "tracing")]
mod trace;
