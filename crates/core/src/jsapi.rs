//! JSAPI: tickets, signatures and the object that a page gives to `dd.config`.

mod create_ticket;
mod get_ticket_legacy;

pub use create_ticket::{CreateTicket, JsapiTicket};
pub use get_ticket_legacy::GetTicketLegacy;

mod obtain_ticket;
pub use obtain_ticket::ObtainTicket;
mod config;
mod dd_error;
mod doctor;
mod signature;

pub use config::{DdConfig, DdConfigBuilder, Nonce};
pub use dd_error::DdError;
pub use doctor::{Certainty, Diagnosis, Doctor, Finding, Input};
pub(crate) use signature::hex;
pub use signature::{Hash, sign, signed_url, string_to_sign};
