//! The hunt for secrets, surface by surface: what was planted is caught, and what is written there
//! by ourselves is clean. The fault matrix hunts in every one of its cells besides (`faults`), and
//! `redaction` over everything that can be printed.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::{env, fs, thread};

use dingtalk_blocking::HttpTransport;
use dingtalk_core::auth::ObtainToken;
use dingtalk_core::callback::{Owner, Receiver};
use dingtalk_core::contact::{GetContactUser, GetUser};
use dingtalk_core::event::EventKind;
use dingtalk_core::store::Store;
use dingtalk_core::{App, Error, Proxy, Region, Secret, StoreReply, Timestamp};
use dingtalk_sandbox::{
    Consent, Fault, Person, PlatformError, Push, PushReply, Sandbox, Subscription,
};
use dingtalk_store_sealed::{Keys, Sealed};
use dingtalk_store_sqlite::SqliteStore;
use dingtalk_tests::{Driver, Ear, Hunt, Rig, Wire, now, patient, runtime};

const APP: &str = "dingcanary";
const SECRET: &str = "zT4pQ9wKb7XmL2cVcanaryClientSecret";
const MOBILE: &str = "13987654321";
const MAIL: &str = "hY6dR1sNe8canary@mail.example";
const PROXY_PASSWORD: &str = "uJ3fG5hBv0WqA9kXcanaryProxyPassword";
const CALLBACK_TOKEN: &str = "wE5rT8yU1iO3canaryCallback";
const AES_KEY: &str = "vB6nM9qW2eR5tY8uI1oP4aS7dF0gH3jK6lZ9xC2canA";
const PLANT: &str = "rX8kD2mZw5TyN7bGcanaryPlanted";

/// The process has one logger and one panic hook.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn plant() -> Hunt {
    Hunt::of([("planted secret", PLANT)])
}

/// Whether a surface is searched at all.
#[track_caller]
fn assert_caught(surface: &str, text: impl AsRef<[u8]>) {
    let hits = plant().hits(text);
    assert!(!hits.is_empty(), "{surface} hides what was planted");
    assert!(!hits.join(" ").contains(PLANT), "the hunt itself gives it away");
}

fn company() -> dingtalk_sandbox::Builder {
    let app = dingtalk_sandbox::App::internal(APP, SECRET).grant_everything();
    let person = Person::new("u-canary", "某人").mobile(MOBILE).email(MAIL);
    Sandbox::builder().app(app).person(person.department(604_118_221))
}

/// The company's secrets; those of event callbacks have a test of their own.
fn secrets(sandbox: &Sandbox) -> Hunt {
    Hunt::of([
        ("client secret", SECRET),
        ("mobile", MOBILE),
        ("mail", MAIL),
        ("proxy password", PROXY_PASSWORD),
        ("control token", sandbox.control_token()),
    ])
}

fn app(sandbox: &Sandbox) -> App {
    let region = Region::custom(&sandbox.origin()).unwrap();
    App::builder(APP, SECRET).region(region).build()
}

// Errors and panics.

#[derive(Debug)]
struct Leaky(Option<Box<Self>>, String);

impl std::fmt::Display for Leaky {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.1)
    }
}

impl std::error::Error for Leaky {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.as_deref().map(|inner| inner as _)
    }
}

/// An error with everything behind it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = format!("{error} {error:?}");
    let mut source = error.source();
    while let Some(inner) = source {
        text += &format!("\n{inner} {inner:?}");
        source = inner.source();
    }
    text
}

fn refused<E>(error: E) -> Result<(), E> {
    Err(error)
}

/// What a panic says, to standard error and to a hook.
fn panicked(fails: impl FnOnce()) -> String {
    let said = Arc::new(Mutex::new(String::new()));
    let kept = Arc::clone(&said);
    let usual = take_hook();
    set_hook(Box::new(move |info| *kept.lock().unwrap() += &info.to_string()));
    let payload = catch_unwind(AssertUnwindSafe(fails)).unwrap_err();
    set_hook(usual);
    let text = payload.downcast_ref::<String>().cloned().unwrap_or_default();
    text + &said.lock().unwrap()
}

#[test]
fn errors_their_sources_and_panics_are_searched_and_ours_are_clean() {
    let _alone = alone();
    let inner = Leaky(None, format!("https://x/?secret={PLANT}"));
    assert_caught("a source", chain(&Leaky(Some(Box::new(inner)), "failed".to_owned())));
    assert_caught("Debug", format!("{:?}", Some(PLANT)));
    let said = panicked(|| refused(Leaky(None, PLANT.to_owned())).unwrap());
    assert_caught("a panic", said);

    for driver in [Driver::Blocking, Driver::Async] {
        let rig = Rig::new(driver, Wire::Socket, company());
        let (app, mut hunt) = (rig.app_of(APP, SECRET), secrets(&rig.sandbox));
        let token = rig.call(&app, ObtainToken::new()).unwrap().value;
        hunt.add("app token", token.expose());
        let get = "POST /topapi/v2/user/get";
        let echo = format!(r#"{{"errcode":40035,"errmsg":"{} {SECRET}"}}"#, token.expose());
        for fault in [
            Fault::on(get).platform_error(PlatformError::PermissionMissing),
            Fault::on(get).platform_error(PlatformError::IpNotAllowed),
            Fault::on(get).answer(200, "application/json", &*echo),
            Fault::on(get).answer(200, "text/plain", &*echo),
            Fault::on(get).answer(500, "text/html", &*echo),
            Fault::on(get).truncate_body(200),
        ] {
            rig.sandbox.clear_faults();
            rig.sandbox.fault(fault);
            let error: Error = rig.fail(&app, GetUser::new("u-canary"));
            let said = panicked(|| refused(error.clone()).unwrap());
            assert!(said.contains("kind"), "{said}");
            hunt.assert_clean("a panic", said);
            hunt.assert_clean("an error", chain(&error));
            hunt.assert_clean("an error as JSON", serde_json::to_string(&error).unwrap());
        }
    }
}

// Logs.

#[test]
fn every_way_into_the_log_is_heard() {
    let _alone = alone();
    let ear = Ear::open();
    let _ = ear.own();
    log::trace!("calling https://x/?access_token={PLANT}");
    assert_caught("log", ear.own());
    tracing::trace!(token = PLANT, "calling");
    assert_caught("a field of an event", ear.own());
    tracing::trace!("calling with {PLANT:?}");
    assert_caught("an event", ear.own());
    let span = tracing::trace_span!("call", url = %PLANT, later = tracing::field::Empty);
    assert_caught("a span", ear.own());
    span.record("later", PLANT);
    assert_caught("a span's later field", ear.own());
    let named = thread::Builder::new().name("dingtalk-sandbox-0".to_owned());
    named.spawn(|| log::trace!("{PLANT}")).unwrap().join().unwrap();
    assert_caught("a server's thread", ear.of("dingtalk-sandbox-0"));
    assert_eq!(ear.own() + &ear.of("dingtalk-sandbox-0"), "");
}

#[test]
fn the_libraries_below_are_heard_at_their_lowest_level_and_say_nothing_secret() {
    let _alone = alone();
    let ear = Ear::open();
    for https in [false, true] {
        let builder = if https { company().https() } else { company() };
        let sandbox = builder.start().unwrap();
        let mut hunt = secrets(&sandbox);
        let app = app(&sandbox);
        let get = || GetUser::new("u-canary");

        let _ = ear.own();
        let mut transport = HttpTransport::builder().no_proxy();
        if let Some(ca) = sandbox.ca_certificate() {
            transport = transport.extra_ca(ca);
        }
        let transport = transport.build().unwrap();
        let client = dingtalk_blocking::Client::builder(app.clone()).transport(transport);
        client.build().unwrap().call(get()).unwrap();
        hunt.add("app token", app.token(now()).unwrap().0.expose());
        let heard = ear.own();
        for library in if https { &["ureq", "rustls"][..] } else { &["ureq"] } {
            assert!(heard.contains(&format!(" {library}")), "{library} says nothing: {heard}");
        }
        hunt.assert_clean("the log of ureq and rustls", &heard);

        app.forget_token();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut transport = dingtalk_async::HttpTransport::builder().no_proxy();
        if let Some(ca) = sandbox.ca_certificate() {
            transport = transport.extra_ca(ca);
        }
        let transport = transport.build().unwrap();
        let client = dingtalk_async::Client::builder(app.clone()).transport(transport);
        let client = client.build().unwrap();
        runtime.block_on(client.call(get())).unwrap();
        let heard = ear.own();
        let below = if https { &["hyper_util", "h2", "rustls"][..] } else { &["hyper_util"] };
        // hyper is silent unless everything is built with this, as `tests/run` does.
        let hyper = if cfg!(hyper_unstable_tracing) { &["hyper::"][..] } else { &[] };
        for library in below.iter().chain(hyper) {
            assert!(heard.contains(&format!(" {library}")), "{library} says nothing: {heard}");
        }
        hunt.assert_clean("the log of hyper, h2 and rustls", &heard);

        let port = sandbox.origin().rsplit(':').next().unwrap().to_owned();
        sandbox.stop();
        hunt.assert_clean("the server's log", ear.of(&format!("dingtalk-sandbox-{port}")));
    }
}

/// The one exception, named in the blocking client's documentation: `ureq_proto::util` dumps heads
/// and answers in rows of sixteen bytes, below anything that a transport could keep from it. Should
/// this test fail because nothing is found any more, the exception is over.
#[test]
fn the_rows_of_ureq_proto_hold_the_whole_exchange_and_nothing_else_does() {
    let _alone = alone();
    let ear = Ear::open();
    let sandbox = company().start().unwrap();
    let mut hunt = secrets(&sandbox);
    let call = || {
        let app = app(&sandbox);
        let transport = HttpTransport::builder().no_proxy().build().unwrap();
        let client = dingtalk_blocking::Client::builder(app.clone()).transport(transport);
        client.build().unwrap().call(GetUser::new("u-canary")).unwrap();
        app.token(now()).unwrap().0
    };
    let _ = ear.own();
    ear.hear_dumps(true);
    hunt.add("app token", call().expose());
    ear.hear_dumps(false);
    let heard = ear.own();
    let (rows, rest): (Vec<&str>, Vec<&str>) =
        heard.lines().partition(|line| line.starts_with("TRACE ureq_proto::util "));
    // The last sixteen characters of a row are its bytes.
    let joined: String =
        rows.iter().map(|row| row.get(row.len() - 16..).unwrap_or_default()).collect();
    let hits = hunt.hits(&joined).join(" ");
    assert!(hits.contains("app token (plain)") && hits.contains("mobile (plain)"), "{hits}");
    // What is sent in a body is not among them.
    assert!(!hits.contains("client secret"), "{hits}");
    hunt.assert_clean("the log without these rows", rest.join("\n"));
}

// What the sandbox tells and keeps.

/// A sandbox on which people did right and wrong with secrets.
fn used() -> (Sandbox, Hunt) {
    let rig = Rig::new(Driver::Blocking, Wire::Socket, company());
    let mut hunt = secrets(&rig.sandbox);
    let app = rig.app_of(APP, SECRET);
    hunt.add("app token", rig.call(&app, ObtainToken::new()).unwrap().value.expose());
    let consent = Consent::delegated(APP, rig.demo().corp_id, "u-canary")
        .rpc_scope("Contact.User.Read")
        .field_scope("Contact.User.mobile");
    let code = rig.sandbox.consent(&consent).unwrap().auth_code().unwrap().to_owned();
    hunt.add("code", &code);
    let person = app.user_from_code(&*code);
    rig.call(&person, GetContactUser::me()).unwrap();
    let tokens = person.tokens(now());
    hunt.add("user token", tokens.access_token.unwrap().0.expose());
    hunt.add("refresh token", tokens.refresh_token.unwrap().expose());
    let token = app.token(now()).unwrap().0;
    let token = token.expose();
    for uri in [
        format!("/v1.0/contact/users/{token}"),
        format!("/v1.0/contact/users/{SECRET}"),
        format!("/nowhere/{SECRET}/{MOBILE}"),
        format!("/v1.0/contact/users/me?access_token={token}&secret={SECRET}"),
        format!("/gettoken?appkey={APP}&appsecret={SECRET}"),
        format!("/topapi/v2/user/get?access_token={token}&mobile={MOBILE}"),
    ] {
        let referer = format!("https://a.example/?t={token}");
        let _ = rig.raw("POST", &uri, &[("referer", &referer)], &format!(r#"{{"a":"{SECRET}"}}"#));
    }
    (rig.sandbox.clone(), hunt)
}

fn told(sandbox: &Sandbox, path: &str) -> String {
    let request = http::Request::get(path).body(Vec::new()).unwrap();
    let answer = sandbox.control(request);
    assert_eq!(answer.status(), 200, "{path}");
    String::from_utf8(answer.into_body()).unwrap()
}

#[test]
fn journal_and_findings_are_searched_and_clean() {
    let (sandbox, hunt) = used();
    let entries = sandbox.journal().entries();
    assert!(entries.len() >= 9, "{entries:?}");
    hunt.assert_clean("the journal", format!("{entries:?}"));
    let findings = sandbox.findings();
    assert!(findings.iter().any(|it| it.id == "secret-in-url"), "{findings:?}");
    let shown: String = findings.iter().map(|it| format!("{it}\n{it:?}\n")).collect();
    hunt.assert_clean("the findings", shown);
    for path in ["journal", "journal/export", "findings", "faults", "openapi.json"] {
        let path = format!("/_sandbox/v1/{path}");
        hunt.assert_clean(&path, told(&sandbox, &path));
    }
    hunt.assert_clean("Debug of the sandbox's journal", format!("{:?}", sandbox.journal()));

    // A user id is shown as it came: what the journal does not know for a secret is seen.
    let uri = format!("/v1.0/contact/users/{PLANT}");
    let _ = sandbox.handle(http::Request::get(uri).body(Vec::new()).unwrap());
    assert_caught("the journal", format!("{:?}", sandbox.journal().entries()));
    assert_caught("the exported journal", told(&sandbox, "/_sandbox/v1/journal"));
}

/// The token and AES key of a callback, and the ticket that came through it.
#[test]
fn what_a_callback_knows_and_brings_is_shown_by_neither_side() {
    let sandbox = Sandbox::in_process();
    let demo = sandbox.demo();
    let mut hunt = secrets(&sandbox);
    hunt.add("callback token", CALLBACK_TOKEN);
    hunt.add("AES key", AES_KEY);
    hunt.add("suite secret", &demo.suite_secret);
    let tickets = Arc::new(Mutex::new(Vec::<Secret>::new()));
    let said = Arc::new(Mutex::new(String::new()));
    let receiver =
        |owner: &str| Receiver::new(CALLBACK_TOKEN, AES_KEY, Owner::Suite(owner.into())).unwrap();
    let (right, wrong) = (receiver(&demo.suite_key), receiver("another"));
    let (kept, heard, clock) = (Arc::clone(&tickets), Arc::clone(&said), sandbox.clock());
    let callback = Subscription::receiver(CALLBACK_TOKEN, AES_KEY, move |push: &Push| {
        let now = Timestamp::from_millis(clock.now());
        let request = http::Request::post(push.url()).body(push.body()).unwrap();
        // The first check of a URL comes before anybody can know the owner.
        let refused = wrong.receive(&request, now);
        let answer = refused.as_ref().err().map(|it| (it.to_string(), it.response()));
        let forged =
            http::Request::post(push.url()).body(push.body().replacen(":\"", ":\"A", 1)).unwrap();
        let forgery = right.receive(&forged, now);
        let received = right.receive(&request, now).unwrap();
        let mut said = heard.lock().unwrap();
        *said += &format!("{refused:?} {answer:?} {forgery:?} {right:?}\n");
        *said += &format!("{received:?} {:?} {push:?}\n", received.events());
        for event in received.events() {
            if let EventKind::SuiteTicket(ticket) = &event.kind {
                kept.lock().unwrap().push(ticket.ticket.clone());
            }
        }
        let response = received.acknowledge([7; 16]);
        *said += &format!("{response:?}\n");
        PushReply::new(response.status().as_u16(), response.into_body())
    });
    sandbox.subscribe(&demo.suite_key, callback).unwrap();
    sandbox.deliver_due();
    let tickets = tickets.lock().unwrap();
    assert!(!tickets.is_empty(), "a ticket came");
    for ticket in &*tickets {
        hunt.add("suite ticket", ticket.expose());
    }
    hunt.assert_clean("the receiver", &*said.lock().unwrap());
    hunt.assert_clean("the delivery log", format!("{:?}", sandbox.deliveries()));
    hunt.assert_clean("the journal", format!("{:?}", sandbox.journal().entries()));
    for path in ["journal", "findings", "deliveries"] {
        let path = format!("/_sandbox/v1/{path}");
        let request = http::Request::get(&path).body(Vec::new()).unwrap();
        hunt.assert_clean(&path, sandbox.control(request).into_body());
    }
    assert_caught("the receiver", format!("{said:?}{PLANT}"));
}

/// A snapshot is the company, secrets included, or a restart could not go on with it: what matters
/// is that it is its owner's alone, and that what opens the control API is not in it.
#[test]
fn a_state_file_holds_the_company_for_its_owner_alone_and_not_the_control_token() {
    let (sandbox, hunt) = used();
    let directory = Directory::new("state");
    let path = directory.0.join("state.json");
    sandbox.save(&path).unwrap();
    let text = fs::read(&path).unwrap();
    let hits = hunt.hits(&text).join(" ");
    assert!(hits.contains("client secret") && hits.contains("refresh token"), "{hits}");
    assert!(!hits.contains("control token") && !hits.contains("proxy password"), "{hits}");
    assert_eq!(mode(&path), 0o600);
}

// Stores.

/// A directory of a test's own.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path = env::temp_dir().join(format!("dingtalk-leaks-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// Every byte in it.
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for entry in fs::read_dir(&self.0).unwrap() {
            let path = entry.unwrap().path();
            bytes.extend_from_slice(path.to_string_lossy().as_bytes());
            bytes.extend(fs::read(path).unwrap());
        }
        bytes
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(unix)]
fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// Lives through a session's first hours with this store, and tells the secrets that were in it.
fn live<S>(sandbox: &Sandbox, store: S) -> Vec<Secret>
where
    S: Store<Exchange = StoreReply> + Send + Sync + 'static,
{
    let app = app(sandbox);
    let client = dingtalk_blocking::Client::builder(app.clone())
        .store(store)
        .policy(patient())
        .build()
        .unwrap();
    let mut secrets = vec![client.call(ObtainToken::new()).unwrap().value];
    let consent = Consent::delegated(APP, sandbox.demo().corp_id, "u-canary");
    let consent = sandbox.consent(&consent.rpc_scope("Contact.User.Read")).unwrap();
    let person = app.user_from_code(consent.auth_code().unwrap());
    person.keep_as("u-canary");
    for _ in 0..3 {
        client.on_behalf_of(&person).call(GetContactUser::me()).unwrap();
        let tokens = person.tokens(now());
        secrets.push(tokens.access_token.unwrap().0);
        secrets.extend(tokens.refresh_token);
        person.forget_token();
        // Otherwise the next call would find the token in the store.
        let _ = sandbox.revoke_all_tokens();
    }
    secrets
}

#[test]
fn a_sealed_file_holds_no_secret_and_an_open_one_is_seen_to() {
    const SEALING: &str = "3q2+7wABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhs=";
    let sandbox = company().start().unwrap();
    for sealed in [true, false] {
        let directory = Directory::new(if sealed { "sealed" } else { "open" });
        let path = directory.0.join("tokens.sqlite");
        let store = SqliteStore::open(&path).unwrap();
        let kept = store.clone();
        let held = match sealed {
            true => live(&sandbox, Sealed::new(store, Keys::new("k1", SEALING).unwrap())),
            false => live(&sandbox, store),
        };
        let mut hunt = secrets(&sandbox);
        for secret in &held {
            hunt.add("token", secret.expose());
        }
        hunt.add("sealing key", SEALING);
        assert!(hunt.len() > 8, "{}", hunt.len());
        // The write-ahead log is there for as long as somebody has the file open.
        assert!(directory.0.join("tokens.sqlite-wal").exists());
        let hits = hunt.hits(directory.bytes());
        assert_eq!(hits.is_empty(), sealed, "{hits:?}");
        assert_eq!(mode(&path), 0o600);
        drop(kept);
        let hits = hunt.hits(directory.bytes());
        assert_eq!(hits.is_empty(), sealed, "{hits:?}");
    }
}

// Processes.

/// What every user of the machine may read of a process, and what its owner may.
fn process(id: u32) -> Vec<u8> {
    ["cmdline", "environ"]
        .iter()
        .flat_map(|it| fs::read(format!("/proc/{id}/{it}")).unwrap())
        .collect()
}

/// Nothing that is started by our tests gets a secret as an argument; the environment is the place
/// for those that the sandbox prints with `--print-env`, and of the process's own choice.
#[test]
fn arguments_and_environment_are_searched_and_a_client_puts_nothing_there() {
    let child = |arguments: &[&str], variable: &str| {
        let mut child = Command::new("cat")
            .args(arguments)
            .env("CANARY", variable)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // It has taken over the process once it answers.
        std::io::Write::write_all(child.stdin.as_mut().unwrap(), b"x").unwrap();
        child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
        let seen = process(child.id());
        drop(child.stdin.take());
        child.wait().unwrap();
        seen
    };
    assert_caught("an argument", child(&["-u", "-", PLANT], "none"));
    assert_caught("a variable", child(&["-u", "-"], PLANT));

    let (sandbox, hunt) = used();
    hunt.assert_clean("our own process", process(std::process::id()));
    hunt.assert_clean("a child of ours", child(&["-u", "-"], "none"));
    drop(sandbox);
}

#[test]
fn the_password_of_a_proxy_is_shown_by_nothing_that_holds_it() {
    let sandbox = company().start().unwrap();
    let hunt = secrets(&sandbox);
    let proxy = Proxy::new(&format!("http://someone:{PROXY_PASSWORD}@127.0.0.1:9")).unwrap();
    let blocking = HttpTransport::builder().proxy(proxy.clone());
    let asynchronous = dingtalk_async::HttpTransport::builder().proxy(proxy.clone());
    hunt.assert_clean("builders", format!("{proxy:?} {blocking:?} {asynchronous:?}"));
    let (blocking, asynchronous) = (blocking.build().unwrap(), asynchronous.build().unwrap());
    hunt.assert_clean("transports", format!("{blocking:?} {asynchronous:?}"));
    let mut policy = patient();
    policy.attempts = 1;
    let app = App::internal(APP, SECRET);
    let client = dingtalk_blocking::Client::builder(app.clone())
        .transport(blocking)
        .policy(policy.clone())
        .build()
        .unwrap();
    hunt.assert_clean("an error", chain(&client.call(ObtainToken::new()).unwrap_err()));
    let client = dingtalk_async::Client::builder(app)
        .transport(asynchronous)
        .policy(policy)
        .build()
        .unwrap();
    let error = runtime(1).block_on(client.call(ObtainToken::new())).unwrap_err();
    hunt.assert_clean("an error", chain(&error));
}
