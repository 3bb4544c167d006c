//! What every client's program has in common: it is told what to do, does it, and says what it took.
//!
//! Each client is a program of its own, built with nothing but what it needs:
//!
//! ```text
//! ours-async call   WORK ORIGIN CALLS    makes so many calls one after another, for valgrind
//! ours-async drive  WORK ORIGIN          reads lines "IN_FLIGHT MILLISECONDS", writes one line of JSON for each
//! ours-async herd   WORK ORIGIN CALLERS  lets so many callers loose on a client that has no token yet
//! ours-async memory WORK ORIGIN          makes one call and says how much memory the process holds
//! ```
//!
//! `WORK` is `user` (the call of [`exchange`]) or, where a client has it, `list:N` (N people in one answer) or
//! `corps:N` (the call in the name of N organizations in turn).

#[cfg(feature = "asynchronous")]
pub mod asynchronous;
pub mod blocking;
#[path = "../../cost/exchange.rs"]
pub mod exchange;
pub mod orders;
pub mod tally;
