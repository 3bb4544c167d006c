//! Whatever bytes come over the wire, the blocking client's call ends in time, without a panic and
//! without a secret in its error.

use std::cell::RefCell;
use std::io::Write;
use std::net::Shutdown;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use dingtalk_blocking::Client;
use dingtalk_core::contact::GetUser;
use dingtalk_core::{App, Policy, Region};

use super::{SECRET, TOKEN, at, says_nothing_of};
use crate::bad_server::BadServer;

struct World {
    _server: BadServer,
    region: Region,
    answer: Arc<Mutex<Vec<u8>>>,
}

thread_local! {
    static WORLD: RefCell<Option<World>> = const { RefCell::new(None) };
}

pub(super) fn check(data: &[u8]) {
    WORLD.with_borrow_mut(|world| {
        let world = world.get_or_insert_with(World::new);
        *world.answer.lock().unwrap_or_else(PoisonError::into_inner) = data.to_vec();
        let app = App::builder("dingfuzz", SECRET).region(world.region.clone()).build();
        app.seed(TOKEN, at(7_200_000), at(0));
        let mut policy = Policy::default();
        policy.attempts = 1;
        policy.total = Duration::from_secs(10);
        policy.limits.total = Duration::from_secs(5);
        let client = Client::builder(app).policy(policy).clock(|| at(0)).build();
        let client = client.expect("the environment names no proxy");
        if let Err(error) = client.call(GetUser::new("manager01")) {
            says_nothing_of(&error, &[TOKEN, SECRET]);
        }
    });
}

impl World {
    fn new() -> Self {
        let answer = Arc::new(Mutex::new(Vec::new()));
        let bytes = Arc::clone(&answer);
        let server = BadServer::new(move |_, _, stream| {
            let bytes = bytes.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let _ = stream.write_all(&bytes);
            let _ = stream.shutdown(Shutdown::Both);
            false
        });
        let region = Region::custom(&server.origin()).expect("it is on loopback");
        Self { _server: server, region, answer }
    }
}
