//! Stream: events and callbacks over a web socket that the app opens, so that it needs no address
//! of its own (wire-facts §10.7).
//!
//! The drivers' `stream` runs it; this is what they have in common, without a socket. The
//! [`Machine`] is told what happened and says what to do, like the one of a
//! [call](crate::machine):
//!
//! | rule | |
//! |---|---|
//! | a connection | is asked for with the app's id and secret, and opened with a ticket that goes out once |
//! | a ping | is answered with its own opaque value |
//! | an event | is acknowledged after the handler: `SUCCESS`, or `LATER` where it failed or said so |
//! | a callback | is answered with the handler's response and 200, with 404 for a topic that was not subscribed to, with 500 where it failed |
//! | at least once | what is not acknowledged comes again; a message id that was dealt with in the last five minutes is acknowledged and not handled again |
//! | `disconnect` | another connection is opened before the old one is left, and what the handler has is still acknowledged there |
//! | a lost connection | another one after 1 s, doubling to 60 s, with jitter, until one has lived for a minute |
//! | a dead peer | every connection is pinged each 60 s and given up 20 s later if nothing came |
//! | bounds | 1 MiB a message, 16 handlers, 64 messages waiting, ten thousand ids |
//! | nonsense | is ignored and reported; eight in a row end the connection |
//! | the end | when told to, after the running handlers, or at once when the app's own setup is wrong |

mod delivery;
mod frame;
mod machine;
mod notice;
mod open;
mod seen;
mod settings;

pub use delivery::{Answer, Delivery, DeliveryKind, Outcome};
pub use machine::{Input, Link, Machine, Order, Run};
pub use notice::Notice;
pub use open::{Address, Connection, OpenConnection};
pub use settings::Settings;
