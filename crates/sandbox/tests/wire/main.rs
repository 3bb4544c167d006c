//! The sandbox against the wire facts, in-process on a frozen clock; a few tests over a real socket.

mod apps;
mod codes;
mod consent;
mod contacts;
mod control;
mod departments;
mod faults;
mod garbage;
mod gateway;
mod jsapi;
mod login;
mod server;
mod support;
mod todo;
mod tokens;
mod user_tokens;
