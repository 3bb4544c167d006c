//! One of the processes: does what stands on its standard input, line by line.

use std::collections::BTreeSet;
use std::io::{BufRead, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, mpsc};
use std::time::Duration;

use dingtalk_core::auth::ObtainToken;
use dingtalk_core::contact::GetUser;
use dingtalk_core::{
    ActsAs, AnyToken, App, Credential, Error, ErrorKind, Limits, Policy, Region, Reply, Request,
    Timestamp, Transport, from_fn,
};
use dingtalk_store_redis::AsyncRedisStore;
use dingtalk_store_sqlite::AsyncSqliteStore;
use serde::{Deserialize, Serialize};

use crate::place::{Opened, open};
use crate::{Outcome, TASKS};

/// What a process needs to know, in its environment.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Job {
    pub(crate) asynchronous: bool,
    pub(crate) store: String,
    pub(crate) origin: String,
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
    pub(crate) user_id: String,
    pub(crate) clock: u64,
}

/// The name of the environment's variable.
pub(crate) const JOB: &str = "DINGTALK_TEST_JOB";
/// The name of the person's session.
pub(crate) const PERSON: &str = "ann";

/// What a process is told.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Order {
    /// The time is this.
    Clock(u64),
    /// Stop at this moment of a token request, if at any.
    Hold(Option<String>),
    /// Go on.
    Go,
    /// Make calls for the app.
    App,
    /// Make calls for the person.
    Person,
    /// Begin the person's session with this code.
    Login(String),
}

/// What a process tells.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Event {
    /// It has come to the moment and holds.
    At,
    /// All calls are over.
    Done(Done),
}

/// What came of a process's calls.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Done {
    pub(crate) fine: usize,
    /// Hashes of the tokens that were handed out.
    pub(crate) tokens: BTreeSet<u64>,
    /// Told that the person must log in again because it is in doubt.
    pub(crate) in_doubt: usize,
    /// Everything else that was told.
    pub(crate) errors: BTreeSet<String>,
}

/// What the threads of a process share.
struct Shared {
    clock: Arc<AtomicU64>,
    hold: Mutex<Option<String>>,
    moved: Condvar,
}

pub(crate) fn work() -> Outcome {
    let job: Job = serde_json::from_str(&std::env::var(JOB)?)?;
    let shared = Arc::new(Shared {
        clock: Arc::new(AtomicU64::new(job.clock)),
        hold: Mutex::new(None),
        moved: Condvar::new(),
    });
    let (tell, told) = mpsc::channel();
    let listener = Arc::clone(&shared);
    std::thread::spawn(move || listener.listen(&tell));
    let region = Region::custom(&job.origin)?;
    let app =
        App::builder(job.client_id.as_str(), job.client_secret.as_str()).region(region).build();
    let mut person = app.user_kept_as(PERSON);
    let client = Client::new(&job, &app, &shared)?;
    for order in told {
        let done = match order {
            Order::App => {
                let mut done = client.obtain(&app, TASKS);
                if let Err(error) = client.read(&app, &job.user_id) {
                    done.errors.insert(format!("reading: {error}"));
                }
                done
            }
            Order::Person => client.obtain(&person, TASKS),
            Order::Login(code) => {
                person = app.user_from_code(code);
                person.keep_as(PERSON);
                client.obtain(&person, 1)
            }
            _ => continue,
        };
        say(&Event::Done(done));
    }
    Ok(())
}

fn say(event: &Event) {
    let line = serde_json::to_string(event).unwrap_or_default();
    // One write for each line; a coordinator that is gone ends this process soon enough.
    let _ = std::io::stdout().lock().write_all(format!("{line}\n").as_bytes());
}

impl Shared {
    /// What is to be done at once is; the rest waits for its turn.
    fn listen(&self, tell: &mpsc::Sender<Order>) {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            match serde_json::from_str(&line) {
                Ok(Order::Clock(now)) => {
                    self.clock.fetch_max(now, Ordering::SeqCst);
                }
                Ok(Order::Hold(moment)) => self.set(moment),
                Ok(Order::Go) => self.set(None),
                Ok(order) => {
                    let _ = tell.send(order);
                }
                Err(_) => break,
            }
        }
        // Also in the middle of a call: nobody is there to wait for it.
        std::process::exit(0);
    }

    fn set(&self, moment: Option<String>) {
        *self.hold.lock().unwrap_or_else(PoisonError::into_inner) = moment;
        self.moved.notify_all();
    }

    /// Holds here if that was wanted, until it goes on.
    fn pass(&self, moment: &str) {
        let mut hold = self.hold.lock().unwrap_or_else(PoisonError::into_inner);
        if hold.as_deref() == Some(moment) {
            say(&Event::At);
            while hold.as_deref() == Some(moment) {
                hold = self.moved.wait(hold).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.clock.load(Ordering::SeqCst))
    }
}

fn asks_for_a_token(request: &Request) -> bool {
    request.url().path().to_lowercase().ends_with("accesstoken")
}

/// Real time is for the machine that is busy; what ages is counted up.
pub(crate) fn policy() -> Policy {
    let mut policy = Policy::default();
    policy.limits = Limits::new(Duration::from_secs(5), Duration::from_secs(10), 4 << 20);
    policy.store = Duration::from_secs(30);
    policy
}

enum Client {
    Blocking(dingtalk_blocking::Client<App>),
    Async(dingtalk_async::Client<App>, tokio::runtime::Runtime),
}

impl Client {
    fn new(job: &Job, app: &App, shared: &Arc<Shared>) -> Outcome<Self> {
        let store = open(&job.store, &shared.clock)?;
        let clock = Arc::clone(shared);
        let clock = move || clock.now();
        let held = Arc::clone(shared);
        if job.asynchronous {
            let http = Arc::new(dingtalk_async::HttpTransport::new()?);
            let transport = from_fn(move |request: Request| {
                let (http, held) = (Arc::clone(&http), Arc::clone(&held));
                async move {
                    let token = asks_for_a_token(&request);
                    if token {
                        held.pass("before");
                    }
                    let reply = http.send(request).await;
                    if token {
                        held.pass("after");
                    }
                    reply
                }
            });
            let builder = dingtalk_async::Client::builder(app.clone());
            let builder = builder.transport(transport).policy(policy()).clock(clock);
            let client = match store {
                Opened::Sqlite(store) => builder.store(AsyncSqliteStore::new(store)),
                Opened::Redis(store) => builder.store(AsyncRedisStore::new(store)),
            };
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()?;
            return Ok(Self::Async(client.build()?, runtime));
        }
        let http = dingtalk_blocking::HttpTransport::new()?;
        let transport = from_fn(move |request: Request| -> Reply {
            let token = asks_for_a_token(&request);
            if token {
                held.pass("before");
            }
            let reply = http.send(request);
            if token {
                held.pass("after");
            }
            reply
        });
        let builder = dingtalk_blocking::Client::builder(app.clone());
        let builder = builder.transport(transport).policy(policy()).clock(clock);
        let client = match store {
            Opened::Sqlite(store) => builder.store(store),
            Opened::Redis(store) => builder.store(store),
        };
        Ok(Self::Blocking(client.build()?))
    }

    /// So many callers at once want a token.
    fn obtain<C>(&self, caller: &C, tasks: usize) -> Done
    where
        C: ActsAs<AnyToken> + Credential + Clone + Send + Sync + 'static,
    {
        let mut done = Done::default();
        match self {
            Self::Blocking(client) => {
                let client = client.on_behalf_of(caller);
                let call =
                    || client.call(ObtainToken::new()).map(|token| hash(token.value.expose()));
                let results: Vec<_> = std::thread::scope(|scope| {
                    let calls: Vec<_> = (0..tasks).map(|_| scope.spawn(call)).collect();
                    calls.into_iter().map(std::thread::ScopedJoinHandle::join).collect()
                });
                results.into_iter().for_each(|result| done.count(result.ok()));
            }
            Self::Async(client, runtime) => {
                let client = client.on_behalf_of(caller);
                runtime.block_on(async {
                    let calls: Vec<_> = (0..tasks)
                        .map(|_| {
                            let call = client.call(ObtainToken::new());
                            tokio::spawn(async {
                                call.await.map(|token| hash(token.value.expose()))
                            })
                        })
                        .collect();
                    for call in calls {
                        done.count(call.await.ok());
                    }
                });
            }
        }
        done
    }

    /// The token serves.
    fn read(&self, app: &App, user_id: &str) -> Result<(), Error> {
        let user = match self {
            Self::Blocking(client) => client.on_behalf_of(app).call(GetUser::new(user_id)),
            Self::Async(client, runtime) => {
                runtime.block_on(client.on_behalf_of(app).call(GetUser::new(user_id)))
            }
        };
        user.map(|_| ())
    }
}

impl Done {
    fn count(&mut self, result: Option<Result<u64, Error>>) {
        match result {
            Some(Ok(token)) => {
                self.fine += 1;
                self.tokens.insert(token);
            }
            Some(Err(error)) if *error.kind() == (ErrorKind::LoginAgain { in_doubt: true }) => {
                self.in_doubt += 1;
            }
            Some(Err(error)) => {
                self.errors.insert(error.to_string());
            }
            None => {
                self.errors.insert("a caller panicked".into());
            }
        }
    }
}

fn hash(text: &str) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}
