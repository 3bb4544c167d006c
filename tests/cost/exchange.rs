//! The exchange that everybody makes: `POST /topapi/v2/user/get`, answered with a record of 1.2 KB.

// The benchmarks in tests/bench take this as a part of their library.
#![allow(unreachable_pub, missing_docs)]

pub type Trouble = Box<dyn std::error::Error + Send + Sync>;
pub type Outcome<T = ()> = Result<T, Trouble>;

pub const TOKEN: &str = "3f9a1c7be2d84056a1b7c9d0e4f52683";
pub const USER_ID: &str = "manager4711";
