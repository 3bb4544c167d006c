//! Sans-IO core of DingTalk for Rust.

mod app;
pub mod auth;
pub mod contact;
pub mod dialect;
mod endpoint;
mod error;
mod id;
pub mod jsapi;
pub mod lenient;
mod policy;
mod region;
mod secret;
mod time;
pub mod todo;
mod user;
mod wire;

pub use app::{App, AppOrUser, Nobody, Sso};
pub use endpoint::{Body, Endpoint, Family, Method, Operation, Paged, Query, Replay};
pub use error::{Error, ErrorKind};
pub use id::{
    AgentId, ClientId, CorpId, DeptId, OpenId, RoleId, SourceId, TaskId, UnifiedAppId, UnionId,
    UserId,
};
pub use policy::Policy;
pub use region::{Region, is_loopback};
pub use secret::{Personal, Secret};
pub use time::Timestamp;
pub use user::User;
pub use wire::{
    Fault, FromFn, Limits, Reply, Request, Response, Transport, TransportError, from_fn,
};
