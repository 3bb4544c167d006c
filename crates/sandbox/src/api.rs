//! The platform's APIs, one file for each group of the reference.

pub(crate) mod auth_scopes;
pub(crate) mod call_back;
pub(crate) mod contact_v1;
pub(crate) mod department;
pub(crate) mod gateway;
pub(crate) mod gettoken;
pub(crate) mod jsapi;
pub(crate) mod oauth2;
pub(crate) mod search;
pub(crate) mod service;
pub(crate) mod signed;
pub(crate) mod sns;
pub(crate) mod sso;
pub(crate) mod todo;
pub(crate) mod todo_lists;
pub(crate) mod todo_query;
pub(crate) mod user;
pub(crate) mod user_list;
pub(crate) mod user_token;
