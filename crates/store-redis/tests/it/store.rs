//! What the store does while all is well, or nearly so.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::thread;

use dingtalk_store_redis::OpenError;

use super::*;
use crate::server::Server;

#[test]
fn it_does_what_every_store_must() {
    let Some(server) = Server::start(&[]) else { return };
    conforms(&mut Counted::new(RedisStore::builder(server.url())));
}

#[cfg(feature = "async")]
#[test]
fn its_async_face_does_what_every_store_must_by_real_time() {
    struct Async(dingtalk_store_redis::AsyncRedisStore, tokio::runtime::Runtime);
    impl Subject for Async {
        fn ask(&mut self, question: StoreOp) -> StoreReply {
            self.1.block_on(self.0.ask(question))
        }
        fn pass(&mut self, millis: u64) {
            thread::sleep(Duration::from_millis(millis));
        }
    }
    let Some(server) = Server::start(&[]) else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let store = RedisStore::open(server.url()).unwrap();
    conforms(&mut Async(dingtalk_store_redis::AsyncRedisStore::new(store), runtime));
}

#[test]
fn no_update_is_lost_between_programs_with_connections_of_their_own() {
    let Some(server) = Server::start(&[]) else { return };
    let count_up = || {
        let store = RedisStore::open(server.url()).unwrap();
        let mut done = 0;
        while done < 25 {
            let (version, number) = record(&store)
                .map_or((0, 0), |record| (record.version, record.value.expose().parse().unwrap()));
            match store.ask(write(&(number + 1).to_string(), version)) {
                StoreReply::Written { .. } => done += 1,
                StoreReply::Stale { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(count_up);
        }
    });
    assert_eq!(value(&RedisStore::open(server.url()).unwrap()).unwrap(), "200");
}

#[test]
fn many_questions_at_once_are_all_answered() {
    let Some(server) = Server::start(&[]) else { return };
    let store = RedisStore::open(server.url()).unwrap();
    written(store.ask(write("a", 0)));
    thread::scope(|scope| {
        for _ in 0..64 {
            scope.spawn(|| (0..20).for_each(|_| assert_eq!(value(&store).unwrap(), "a")));
        }
    });
}

/// Hands on what it gets; loses the server's next answer whenever it was told to.
fn lossy(server: &Server) -> (String, Arc<AtomicU64>) {
    let path = server.dir.join("lossy");
    let listener = UnixListener::bind(&path).unwrap();
    let losses = Arc::new(AtomicU64::new(0));
    let (to, told) = (server.socket(), Arc::clone(&losses));
    thread::spawn(move || {
        for client in listener.incoming() {
            let (Ok(mut client), Ok(mut server)) = (client, UnixStream::connect(&to)) else {
                return;
            };
            let told = Arc::clone(&told);
            thread::spawn(move || {
                let mut bytes = [0; 65_536];
                loop {
                    let Ok(read @ 1..) = client.read(&mut bytes) else { return };
                    server.write_all(&bytes[..read]).unwrap();
                    let Ok(read @ 1..) = server.read(&mut bytes) else { return };
                    if told.load(Ordering::SeqCst) > 0 {
                        told.fetch_sub(1, Ordering::SeqCst);
                        return;
                    }
                    client.write_all(&bytes[..read]).unwrap();
                }
            });
        }
    });
    (format!("unix://{}", path.display()), losses)
}

#[test]
fn a_write_whose_answer_was_lost_is_carried_out_once_and_answered() {
    let Some(server) = Server::start(&[]) else { return };
    let (url, losses) = lossy(&server);
    let store = RedisStore::open(url).unwrap();
    let mut version = written(store.ask(write("0", 0)));
    for round in 1..=5_u64 {
        assert!(matches!(store.ask(lock(round)), StoreReply::Locked { .. }));
        losses.store(round % 3 + 1, Ordering::SeqCst);
        let StoreOp::Write { key, record: new, .. } = write(&round.to_string(), version) else {
            unreachable!()
        };
        let question = StoreOp::Write { key, expected: version, record: new, unlock: Some(round) };
        let next = written(store.ask(question));
        assert_eq!(losses.load(Ordering::SeqCst), 0, "the answers were lost");
        assert!(next > version);
        version = next;
        let there = record(&store).unwrap();
        assert_eq!((there.version, there.value.expose()), (version, &*round.to_string()));
    }
    assert!(matches!(store.ask(lock(99)), StoreReply::Locked { .. }), "the lock was freed");
}

#[test]
fn a_server_that_forgot_the_scripts_is_told_them_again() {
    let Some(server) = Server::start(&[]) else { return };
    let store = RedisStore::open(server.url()).unwrap();
    let version = written(store.ask(write("a", 0)));
    server.say(&["SCRIPT", "FLUSH"]);
    written(store.ask(write("b", version)));
    server.say(&["SCRIPT", "FLUSH"]);
    assert_eq!(value(&store).unwrap(), "b");
}

#[test]
fn what_is_over_is_forgotten_by_the_server_itself() {
    let Some(server) = Server::start(&[]) else { return };
    let store = RedisStore::open(server.url()).unwrap();
    let life = Duration::from_millis(20);
    let new = NewRecord::new("a".into(), life, life);
    written(store.ask(StoreOp::Write { key: key(), expected: 0, record: new, unlock: None }));
    store.ask(StoreOp::Lock { key: key(), holder: 1, lease_ms: 20 });
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        let keys: Vec<String> = redis::from_redis_value(server.say(&["KEYS", "*"])).unwrap();
        if keys == ["dingtalk:{app/api.dingtalk.com/dingtest}:version"] {
            break;
        }
        assert!(Instant::now() < end, "{keys:?}");
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn programs_with_prefixes_of_their_own_share_nothing() {
    let Some(server) = Server::start(&[]) else { return };
    let store = |prefix| RedisStore::builder(server.url()).prefix(prefix).build().unwrap();
    written(store("a").ask(write("a", 0)));
    assert_eq!(value(&store("a")).unwrap(), "a");
    assert_eq!(record(&store("b")), None);
    for bad in ["", "a{b}", &"x".repeat(65)] {
        let built = RedisStore::builder("redis://h").prefix(bad).build();
        assert_eq!(built.err(), Some(OpenError::Prefix));
    }
}

#[test]
fn a_password_is_presented_and_never_told() {
    let Some(server) = Server::start(&[]) else { return };
    let rights = ["~dingtalk:*", "+evalsha", "+script|load"];
    // What scripts call must be permitted as well.
    let called = "+time +hmget +exists +get +set +del +zadd +hset +pexpire +pttl +zrem \
                  +zrangebyscore +zrangebylex +zscore";
    let mut words = vec!["ACL", "SETUSER", "narrow", "on", ">pass-canary"];
    words.extend(rights);
    words.extend(called.split_whitespace());
    server.say(&words);
    server.say(&["ACL", "SETUSER", "nothing", "on", ">pass-canary"]);
    server.say(&["ACL", "SETUSER", "default", "off"]);
    let as_user = |user: &str, password: &str| {
        RedisStore::builder(server.url()).user(user).password(password).build().unwrap()
    };
    let narrow = as_user("narrow", "pass-canary");
    let version = written(narrow.ask(write("a", 0)));
    written(narrow.ask(write("b", version)));
    conforms(&mut Counted::new(
        RedisStore::builder(server.url()).user("narrow").password("pass-canary"),
    ));
    let in_url = format!("{}?user=narrow&pass=pass-canary", server.url());
    assert_eq!(value(&RedisStore::open(&in_url).unwrap()).unwrap(), "b");

    let refused = why(as_user("narrow", "wrong-canary").ask(load()));
    assert_eq!(refused, "Redis refuses this user name or password");
    assert!(why(as_user("nothing", "pass-canary").ask(load())).contains("permit"));
    assert_eq!(why(RedisStore::open(server.url()).unwrap().ask(load())), "Redis wants a password");
    for text in [
        format!("{narrow:?}"),
        format!("{:?}", RedisStore::builder(&in_url)),
        format!("{:?}", RedisStore::builder("redis://h").password("pass-canary")),
    ] {
        assert!(!text.contains("canary"), "{text}");
    }
}

#[test]
fn a_url_that_is_none_says_which_ones_there_are() {
    let error = |url: &str| RedisStore::open(url).unwrap_err();
    for url in ["", "canary", "http://canary", "redis://", "redis://h/canary", "unix://"] {
        assert_eq!(error(url), OpenError::Url, "{url}");
    }
    assert!(!error("redis://:canary@h/canary").to_string().contains("canary"));
    #[cfg(not(feature = "tls"))]
    assert_eq!(error("rediss://h"), OpenError::NoTls);
    #[cfg(feature = "tls")]
    assert_eq!(error("rediss://h/#insecure"), OpenError::Unchecked);
}
