//! Sans-IO core of DingTalk for Rust.

mod app;
pub mod auth;
mod call;
pub mod contact;
pub mod dialect;
mod endpoint;
mod error;
mod id;
pub mod jsapi;
pub mod lenient;
pub mod machine;
mod policy;
mod raw;
mod region;
mod secret;
mod store;
mod sync;
mod time;
pub mod todo;
mod token;
mod upkeep;
mod user;
mod wire;

pub use app::{ActsAs, AnyToken, App, AppBuilder, AppOrUser, Caller, Credential, Nobody, Sso};
pub use call::{Asked, Call, Sent, Step};
#[doc(hidden)]
pub use endpoint::Obtains;
pub use endpoint::{Body, Endpoint, Family, Method, Operation, Paged, Query, Replay};
pub use error::{Error, ErrorKind};
pub use id::{
    AgentId, ClientId, CorpId, DeptId, OpenId, RoleId, SourceId, TaskId, UnifiedAppId, UnionId,
    UserId,
};
pub use policy::Policy;
pub use raw::RawEndpoint;
pub use region::{Region, is_loopback};
pub use secret::{Personal, Secret};
pub use store::{Record, Store, StoreKey, StoreOp, StoreReply};
pub use time::Timestamp;
pub use token::{Flight, Source};
pub use upkeep::Upkeep;
pub use user::{User, UserTokens};
pub use wire::{
    Fault, FromFn, Limits, Reply, Request, Response, Transport, TransportError, from_fn,
};
