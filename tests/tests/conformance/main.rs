//! One suite, written once, run over both clients, each over sockets and over a closure that puts
//! its requests straight into the sandbox. Each case is a test of its own in each of the four.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    // The same file four times is the point.
    clippy::duplicate_mod,
    missing_docs
)]

#[path = "."]
mod blocking_socket {
    const DRIVER: dingtalk_tests::Driver = dingtalk_tests::Driver::Blocking;
    const WIRE: dingtalk_tests::Wire = dingtalk_tests::Wire::Socket;
    mod suite;
}

#[path = "."]
mod blocking_closure {
    const DRIVER: dingtalk_tests::Driver = dingtalk_tests::Driver::Blocking;
    const WIRE: dingtalk_tests::Wire = dingtalk_tests::Wire::Closure;
    mod suite;
}

#[path = "."]
mod async_socket {
    const DRIVER: dingtalk_tests::Driver = dingtalk_tests::Driver::Async;
    const WIRE: dingtalk_tests::Wire = dingtalk_tests::Wire::Socket;
    mod suite;
}

#[path = "."]
mod async_closure {
    const DRIVER: dingtalk_tests::Driver = dingtalk_tests::Driver::Async;
    const WIRE: dingtalk_tests::Wire = dingtalk_tests::Wire::Closure;
    mod suite;
}
