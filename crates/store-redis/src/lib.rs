//! A store for [DingTalk](https://open.dingtalk.com) for Rust in Redis: the processes of many machines
//! share their tokens, and a person who logged in stays logged in over deployments.
//!
//! ```
//! use dingtalk_store_redis::RedisStore;
//!
//! # fn main() -> Result<(), dingtalk_store_redis::OpenError> {
//! let store = RedisStore::open("redis://127.0.0.1:6379")?;
//! // dingtalk_blocking::Client::builder(app).store(store).build()
//! # let _ = store;
//! # Ok(())
//! # }
//! ```
//!
//! Features, none of which is on by itself: `async` for [`AsyncRedisStore`], `tls` for `rediss://`
//! (rustls with ring), `cluster` for Redis Cluster. What is kept may be sealed with a key of the
//! program's: wrap the store with the crate `dingtalk-store-sealed`. Without `rediss://` or sealing,
//! whoever reads along on the network reads the tokens.
//!
//! # What it promises
//!
//! - Each question is one Lua script, sent by its hash, so that nothing comes between its steps and
//!   nothing is left half-written: what fails, fails before the record is touched.
//! - Time is the server's. The clocks of the machines need not agree.
//! - Every answer comes within two seconds ([`Builder::limit`]), whatever hangs: name resolution,
//!   handshake, a server that is paused. A connection that ended, a server that restarts or loads its
//!   data is tried again with a growing, jittered pause as long as that time lasts. While it stays
//!   away, questions fail at once and every few seconds one of them looks again.
//! - A write whose answer was lost is known when it is sent again, and answered as it would have been.
//! - Versions grow by the server's clock and a counter, also after a record was removed or forgotten.
//!   Records and locks are forgotten by Redis itself.
//! - No error and no `Debug` holds a URL, a password, a key or a value: not the server's words, but our
//!   own.
//!
//! It passes [`dingtalk_core::store::conformance`] against Redis 7.0, alone and as a cluster.
//!
//! # What comes of it
//!
//! `cargo run -p dingtalk-tests --bin processes`: eight processes, four blocking and four async, make 200 calls
//! at once after each of 50 expiries, 80,000 calls in all, and the sandbox counts 50 token requests, for an app as
//! for a person's session. With the fetching process killed or stopped for longer than its lock lives, at most one
//! more for the app and none for the session; with `CLIENT PAUSE` and Redis itself killed and started, none for
//! either. A pause or an outage that lasts longer than an answer may take costs the sharing: each process fetches
//! for itself then, and sessions say that their store is away.
//!
//! # What it needs
//!
//! - Redis 5 or later, Valkey, or a service that speaks like them. The user needs `EVALSHA`, `SCRIPT
//!   LOAD` and the keys `dingtalk:*`; scripts name every key they touch in `KEYS`, as proxies in front
//!   of clusters want it.
//! - Persons' sessions are the only copy of a refresh token, so let Redis keep them: `appendonly yes`,
//!   `appendfsync always` if no power failure may cost a login, and `maxmemory-policy noeviction` (or one
//!   of the `volatile` ones with room enough). Where Redis forgot a session after all, the person must
//!   log in again; tokens of apps are fetched anew.
//! - One primary. A failover may lose the last write, as Redis replicates afterwards. Of a person's
//!   session the older refresh token is there then; the platform refuses it, and the person must log
//!   in again, which the error says.
//!
//! # How it lies in Redis
//!
//! `dingtalk:{KIND/HOST/APP}:…` with `record:CORP/PERSON` (a hash), `lock:CORP/PERSON` (a string),
//! `index` and `due` (sorted sets: the names, and when each is forgotten) and `version` (the counter). The
//! braces are the hash tag: all that one app has of one kind is on one node of a cluster, so that one
//! script can keep the list right. Different apps and kinds spread over the nodes. An app asks a few
//! questions per credential and two hours, so a node carries very many.

mod engine;
mod link;
mod open;
mod script;
mod trouble;

use std::fmt;
use std::sync::{Arc, mpsc};

use dingtalk_core::store::{Store, StoreOp, StoreReply};

use engine::{Engine, LATE, failed};

pub use open::{Builder, OpenError};

/// The store. A clone is the same connections: up to four, made when they are needed and closed when
/// nobody used them for a minute.
#[derive(Clone)]
pub struct RedisStore(Arc<Engine>);

impl RedisStore {
    /// A store on this server: `redis://[user][:password@]host[:port][/database]`, `rediss://…` for TLS or
    /// `unix:///path/of/the/socket`. Nothing goes out yet.
    ///
    /// # Errors
    /// When the URL cannot be used.
    pub fn open(url: impl AsRef<str>) -> Result<Self, OpenError> {
        Self::builder(url).build()
    }

    /// To choose more than the URL.
    pub fn builder(url: impl AsRef<str>) -> Builder {
        Builder::new(url.as_ref())
    }

    fn of(engine: Engine) -> Self {
        Self(Arc::new(engine))
    }
}

impl Store for RedisStore {
    type Exchange = StoreReply;

    fn ask(&self, question: StoreOp) -> StoreReply {
        let (tell, told) = mpsc::sync_channel(1);
        self.0.put(question, move |reply| {
            let _ = tell.send(reply);
        });
        told.recv_timeout(self.0.limit()).unwrap_or_else(|_| failed(LATE))
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore").finish_non_exhaustive()
    }
}

/// The store for async clients: the same connections, waited for without a thread. It needs a tokio
/// runtime with its timer around it.
#[cfg(feature = "async")]
#[derive(Clone, Debug)]
pub struct AsyncRedisStore(RedisStore);

#[cfg(feature = "async")]
impl AsyncRedisStore {
    /// Takes a store that was made.
    pub fn new(store: RedisStore) -> Self {
        Self(store)
    }
}

#[cfg(feature = "async")]
impl Store for AsyncRedisStore {
    type Exchange = std::pin::Pin<Box<dyn Future<Output = StoreReply> + Send>>;

    fn ask(&self, question: StoreOp) -> Self::Exchange {
        let engine = Arc::clone(&self.0.0);
        Box::pin(async move {
            let (tell, told) = tokio::sync::oneshot::channel();
            engine.put(question, move |reply| {
                let _ = tell.send(reply);
            });
            match tokio::time::timeout(engine.limit(), told).await {
                Ok(Ok(reply)) => reply,
                _ => failed(LATE),
            }
        })
    }
}
