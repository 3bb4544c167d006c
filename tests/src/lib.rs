//! What the tests of the workspace share: a sandbox with a client in front of it, whichever of the
//! two clients it is and however its requests get there.

mod bad_server;
mod ear;
mod front;
mod hunt;
mod rig;

pub use bad_server::{BadServer, Seen, answer, end, ok_json, reset};
pub use ear::Ear;
pub use front::{Front, Misdeed, Plot, Whole, hold, is_operation};
pub use hunt::Hunt;
pub use rig::{Answer, Driver, Rig, Wire, impatient, now, patient, runtime};
