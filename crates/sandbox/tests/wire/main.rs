//! The sandbox against the wire facts, in-process on a frozen clock; a few tests over a real socket.

mod apps;
mod auth_page;
mod codes;
mod consent;
mod contacts;
mod control;
mod control_socket;
mod control_vendor;
mod departments;
mod events;
mod faults;
mod fixtures;
mod garbage;
mod gateway;
mod jsapi;
mod login;
mod program;
mod restart;
mod server;
mod snapshots;
mod suites;
mod support;
mod todo;
mod tokens;
mod user_tokens;
mod vendor;
