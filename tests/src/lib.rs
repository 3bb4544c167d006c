//! What the tests of the workspace share: a sandbox with a client in front of it, whichever of the
//! two clients it is and however its requests get there.

mod ear;
mod front;
mod hunt;
mod receiver;
mod rig;
mod stream_server;

pub use dingtalk_properties::{self as properties, BadServer, Seen, answer, end, ok_json, reset};
pub use ear::Ear;
pub use front::{Front, Misdeed, Plot, Whole, hold, is_operation};
pub use hunt::Hunt;
pub use receiver::{Receiver, Seen as Told, quick};
pub use rig::{Answer, Driver, Rig, Wire, impatient, now, patient, runtime};
pub use stream_server::{StreamServer, WebSocket, event_frame, system_frame};
