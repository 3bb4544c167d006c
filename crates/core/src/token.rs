//! One token, many callers: [`Source`], [`Flight`] and, inside, the slot and its lease.
//!
//! A slot holds a credential's token and at most one *lead*: the caller who fetches. Everybody
//! else goes on with the token while it serves, or joins the leader's flight.

mod flight;
mod pace;
mod slot;
mod source;
mod tickets;
mod trouble;

pub use flight::Flight;
pub(crate) use flight::Outcome;
pub(crate) use pace::{Pace, STANDARD_RATE};
pub(crate) use slot::{Claim, Lease, Life, Slot, Token};
pub use source::Source;
pub(crate) use source::{AppGrant, CorpGrant, Errand, Kind};
pub(crate) use tickets::Tickets;
pub(crate) use trouble::Trouble;

#[cfg(all(test, loom))]
mod loom_tests;
#[cfg(all(test, shuttle))]
mod shuttle_tests;
