//! A DingTalk on your own machine, for tests.
//!
//! The sandbox plays the open platform's server side for identity, authorization, contacts and to-dos: it checks every
//! secret, token, code, permission point and contact scope, and refuses in the platform's own words, statuses and key
//! order. It shares nothing with any client library, so it can judge one.
//!
//! One line starts a server with a demo company inside; dropping the last handle stops it:
//!
//! ```
//! use dingtalk_sandbox::Sandbox;
//!
//! let sandbox = Sandbox::start()?;
//! let demo = sandbox.demo();
//! println!("{} serves every family; app {} of {}", sandbox.origin(), demo.client_id, demo.corp_id);
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! Without a socket, requests go straight in:
//!
//! ```
//! use std::time::Duration;
//! use dingtalk_sandbox::Sandbox;
//!
//! let sandbox = Sandbox::builder().frozen_at(1_700_000_000_000).in_process();
//! let demo = sandbox.demo();
//! let uri = format!("/gettoken?appkey={}&appsecret={}", demo.client_id, demo.client_secret);
//! let ask = || sandbox.handle(http::Request::get(&uri).body(Vec::new()).unwrap()).into_body();
//!
//! let first = ask();
//! assert_eq!(first, ask(), "the same token while it is valid");
//! sandbox.clock().advance(Duration::from_secs(7200));
//! assert_ne!(first, ask(), "a new one afterwards");
//! assert_eq!(sandbox.token_requests(), 3);
//! ```
//!
//! For people in front of a browser there are plain pages that need no JavaScript: the login at `/oauth2/auth`, the
//! openAuth component's consent at `/dingding/h5-common-authority/auth/index.html`, and the list of what one granted,
//! with a button that takes it back, at `/dingding/h5-common-authority/pages/cancel`. [`Sandbox::login`],
//! [`Sandbox::consent`] and [`Sandbox::withdraw_consent`] come to the same outcomes without a browser.
//!
//! What tests need beyond the platform: a [`Clock`] that is frozen, moved or sped up, [`Fault`]s, [`Gate`]s that hold
//! calls until a test has seen them arrive, the [`Journal`], [`Fixture`] files, [`reset`](Sandbox::reset) and
//! [snapshots](Sandbox::snapshot). A server offers the same to programs in any language under `/_sandbox/v1/`, to
//! whoever knows the [control token](Sandbox::control_token) and is no web page; `/_sandbox/v1/openapi.json` describes
//! it.
//!
//! Vendors find the other side of a third-party app here too: several organizations ([`Sandbox::add_company`]) that
//! [authorize](Sandbox::authorize) it on their own [`Terms`], [stop](Sandbox::set_app_stopped) it and
//! [leave](Sandbox::revoke_authorization), suite tickets that are renewed, and events, pushed encrypted and signed to a
//! [`Subscription`] on this machine, flat or in the SyncHTTP form, and logged in [`Sandbox::deliveries`]. Changes of
//! people, departments and roles raise theirs; any event is raised by hand with [`Sandbox::trigger`].
//!
//! Apps that are told over Stream, DingTalk's web socket, find it at the server: the official SDK connects when its
//! environment variable `DINGTALK_OPENAPI_ENDPOINT` is [`Sandbox::origin`]. An app that connected and asked for events gets
//! the same ones that a callback would, in clear, until it acknowledges them. [`Sandbox::stream_connections`] shows who is
//! there, [`Sandbox::disconnect`] sends one away, and [`Sandbox::call_back`] sends a message of another product.
//!
//! A server speaks HTTPS on request, by an authority that lives as long as it does ([`Builder::https`],
//! [`Sandbox::ca_certificate`]), or gets it wrong in a way that clients must refuse ([`BadTls`]). Whoever points the
//! platform's names here meets its hosts: `api.dingtalk.com` has no old calls, and a `.io` host knows no app of a `.com`
//! organization ([`Region`]). Clients that can set one base URL only name the host in front of the path
//! (`http://127.0.0.1:7880/api.dingtalk.io`); one without a host serves everything.
//!
//! # What it costs
//!
//! Measured by `cargo run --release -p dingtalk-tests --bin sandbox-cost` on two shared cores of a virtual x86-64 machine,
//! with so many other builds under way that only ratios and sizes say something: each ratio is the median of nine paired
//! rounds over 32 connections, against a bare hyper server that answers the same bytes, and the table has the least and
//! the most of four runs:
//!
//! | | |
//! |---|---|
//! | `gettoken`, 100,000 people in the company | 0.63 to 0.73 of bare hyper's calls a second |
//! | `v2/user/get`, the same company | 0.70 to 0.76 of bare hyper's calls a second |
//! | look-ups by user id, union id, mobile, department: 100,000 people against 1,000 | 0.7 to 1.0 times as long, which is noise |
//! | a person in memory | 1,000 bytes, text included |
//! | start and end without a socket / of a server | 0.04 ms / 0.12 ms |
//! | the program until `# ready` / with 100,000 people, a server | 1.7 ms / 0.9 s |
//! | idle | 5.1 MB |
//! | 10,000 open connections | 142 MB, all still served |
//! | 300 servers and 300 without a socket in one process | 0.4 s, 17 MB |
//!
//! # Doubts
//!
//! Where nobody outside knows how the platform behaves, a [`Switch`] decides, and says what its default rests on. What
//! every operation rests on is in [`fidelity()`], what is missing and why besides.
//! "wire-facts §…" in comments names the section of the project's sheet of wire facts that a rule comes from.
//!
//! # What the critic finds
//!
//! The platform lets much pass that costs a client dearly later. The sandbox watches for it: [`Sandbox::findings`] in a
//! test, `GET /_sandbox/v1/findings` from elsewhere, `dingtalk-sandbox --fail-on warn` or `dingtalk-sandbox findings`
//! for a CI job. Findings hold fingerprints and journal numbers, never a secret, and what a test itself made go wrong is
//! not held against the client: after a fault, a lost answer or a token that was dropped, asking again is right.
//!
//! Ages are by the sandbox's [`Clock`]; whoever moves it should let the client read it, too. Where a client may wait by
//! either clock, the machine's or the sandbox's, it gets the benefit of the doubt: a repetition is too soon only if both
//! say so, and a caller hung for a minute only if both say so. Several processes of one app look like one client here.
//! Names are checked at the top level of a body and in the query, as far as the platform reads them. Plain HTTP is only
//! a finding when the call names a host that is not this machine. There is no finding for TLS below 1.2: the sandbox's
//! TLS does not speak it, so that such a client gets no connection, and the sandbox sees no request to judge.
//!
#![doc = include_str!("critic/findings.md")]

mod api;
mod apps;
mod auth_page;
mod builder;
mod call;
mod clock;
mod codes;
mod company;
mod consent;
mod control;
mod critic;
mod dd_config;
mod demo;
mod documents;
mod events;
mod faults;
mod fidelity;
mod fixture;
mod gates;
mod hosts;
mod hush;
mod journal;
mod limits;
mod login;
mod organizations;
mod pages;
mod people;
mod platform;
mod points;
mod population;
mod rng;
mod routes;
mod sent;
mod server;
mod shared;
mod snapshot;
mod stream;
mod suites;
mod switches;
mod tls;
mod tokens;
mod watched;
mod wire;

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard};
use std::time::Instant;

use http::{Request, Response, StatusCode};

use platform::{HERE, Incoming, Platform};

pub(crate) use people::{person_code, usual_corp};
pub(crate) use shared::Shared;

pub use apps::App;
pub use builder::Builder;
pub use clock::Clock;
pub use company::{Department, Person};
pub use consent::{Consent, ConsentError, ConsentKind, ConsentOutcome, Decision};
pub use critic::{Finding, Severity};
pub use dd_config::ConfigError;
pub use demo::Demo;
pub use events::{Attempt, Event, Push, PushReply, PushTrouble, Subscription, Trigger};
pub use faults::{Fault, FaultHandle, PlatformError, WrongType};
pub use fixture::{Fixture, FixtureError};
pub use gates::Gate;
pub use hosts::Region;
pub use journal::{Entry, Expectation, Journal};
pub use login::BrowserLogin;
pub use platform::Lost;
pub use snapshot::{Change, SnapshotError};
pub use stream::{CallbackAnswer, StreamConnection};
pub use suites::Terms;
pub use switches::{Callback, JsapiHash, Language, RefreshMode, Switch, UnknownUser};
pub use tls::BadTls;

/// What each of the sandbox's operations rests on (seen live, SDK, documented, third party, assumed), the switches for
/// what is in doubt, and what is missing, as Markdown. The file `FIDELITY.md` of this crate holds the same.
#[must_use]
pub fn fidelity() -> String {
    fidelity::markdown()
}

/// The names of all operations that the sandbox serves, APIs before pages: what [`Fault::on`], [`Sandbox::gate`] and
/// [`Sandbox::count`] take.
///
/// ```
/// assert!(dingtalk_sandbox::operations().any(|name| name == "GET /v1.0/contact/users/{unionId}"));
/// ```
pub fn operations() -> impl Iterator<Item = &'static str> {
    routes::all().map(|operation| operation.name)
}

/// A handle to one sandbox; clones are the same sandbox. Any number can live in one process, each with its own clock,
/// people, apps and port.
#[derive(Clone, Debug)]
pub struct Sandbox {
    shared: Arc<Shared>,
    /// Stops the server when the last handle goes; the server itself holds only the shared state.
    server: Option<Arc<server::Running>>,
}

impl Sandbox {
    /// Starts a server with the demo company on a free loopback port, in a thread of its own with its own small
    /// runtime, so that it serves sync and async programs alike.
    ///
    /// # Errors
    ///
    /// When the machine gives no socket or thread.
    pub fn start() -> io::Result<Self> {
        Self::builder().start()
    }

    /// The demo company without a socket: requests go through [`handle`](Self::handle).
    #[must_use]
    pub fn in_process() -> Self {
        Self::builder().in_process()
    }

    /// Sets up another sandbox than the usual one.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The demo company's ids and secrets. After [`Builder::empty`] only its organization is there.
    #[must_use]
    pub fn demo(&self) -> Demo {
        demo::facts()
    }

    /// Answers one request in-process, with or without a server. A fault that loses the answer shows as status 599
    /// with an `x-sandbox-lost` header; [`try_handle`](Self::try_handle) tells it apart properly.
    #[must_use]
    pub fn handle(&self, request: Request<Vec<u8>>) -> Response<Vec<u8>> {
        self.try_handle(request).unwrap_or_else(|lost| {
            let mut response = Response::new(lost.to_string().into_bytes());
            *response.status_mut() = StatusCode::from_u16(599).unwrap_or_default();
            response.headers_mut().insert("x-sandbox-lost", http::HeaderValue::from_static("1"));
            response
        })
    }

    /// Answers one request in-process. Delays and slow bodies do not wait here, a body that breaks off is cut, and no
    /// answer comes twice.
    ///
    /// # Errors
    ///
    /// When a [`Fault`] of the test loses the answer or the connection.
    pub fn try_handle(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, Lost> {
        let (parts, body) = request.into_parts();
        let incoming = Incoming {
            method: &parts.method,
            called: hosts::called(&parts.uri, &parts.headers),
            path: parts.uri.path(),
            query: parts.uri.query().unwrap_or_default(),
            headers: &parts.headers,
            body: &body,
            peer: HERE,
            secure: false,
            arrived: Instant::now(),
            plain: false,
        };
        if let Some(gate) = self.shared.gate_before(&incoming) {
            gate.pass_blocking();
        }
        let outcome = self.shared.answer(&incoming);
        if outcome.hangs() {
            // Nobody waits here, however long the answer would take.
            self.shared.gone(outcome.seq);
        }
        outcome.delivery.in_process(outcome.response)
    }

    /// The clock that everything here ages by.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.shared.clock.clone()
    }

    /// The requests so far.
    #[must_use]
    pub fn journal(&self) -> Journal {
        self.shared.journal.clone()
    }

    /// How often an API was called: `POST /v1.0/oauth2/accessToken`, `GET /v1.0/contact/users/{unionId}`.
    #[must_use]
    pub fn count(&self, operation: &str) -> usize {
        self.shared.journal.count(operation)
    }

    /// How many requests asked for a token of any kind, at any of its endpoints.
    #[must_use]
    pub fn token_requests(&self) -> usize {
        self.shared.journal.token_requests()
    }

    /// Drops one token, as the platform sometimes does: its next use is answered as a dead one.
    pub fn revoke_token(&self, token: &str) -> bool {
        self.platform().tokens.revoke(token)
    }

    /// Drops all access tokens and says how many there were; refresh tokens live on.
    pub fn revoke_all_tokens(&self) -> usize {
        self.platform().tokens.revoke_all()
    }

    /// Adds a permission point to an app and grants it in the app's organizations. For a delegated point this is what
    /// the console does; the person's consent is still to come. False if there is no such app.
    pub fn grant(&self, client_id: &str, permission_point: &str) -> bool {
        self.at_console(client_id, |platform| platform.grant(client_id, permission_point))
    }

    /// Adds a permission point to an app without granting it; false if there is no such app, or it had it.
    pub fn request_point(&self, client_id: &str, permission_point: &str) -> bool {
        self.platform().request_point(client_id, permission_point)
    }

    /// Takes a permission point back from an app, the organizations' grants and the persons' alike; false if nobody
    /// had granted it.
    pub fn revoke_grant(&self, client_id: &str, permission_point: &str) -> bool {
        self.at_console(client_id, |platform| platform.revoke_grant(client_id, permission_point))
    }

    /// Disables an app, or enables it again. A disabled app gets no token, and those it had are dead.
    pub fn set_dead_client(&self, client_id: &str, dead: bool) -> bool {
        let platform = &mut *self.platform();
        let Some(app) = platform.apps.get_mut(client_id) else {
            return false;
        };
        app.dead = dead;
        if dead {
            platform.tokens.drop_client(client_id);
        }
        true
    }

    /// Judges the `dd.config` object of a page as the client does (wire-facts §7), with SHA-256 or SHA-1 by length.
    ///
    /// # Errors
    ///
    /// With the code of `dd.error`; for a signature that differs, with the input that differs where it can be found.
    pub fn verify_config(
        &self,
        config: &serde_json::Value,
        page_url: &str,
    ) -> Result<(), ConfigError> {
        let now = self.shared.clock.now();
        dd_config::verify(&self.platform(), config, page_url, now)
    }

    /// Makes calls go wrong.
    pub fn fault(&self, fault: Fault) -> FaultHandle {
        let now = self.shared.clock.now();
        self.platform().faults.add(fault, now).1
    }

    /// Holds matching requests before anything is done with them, until the gate is released or dropped. The name is
    /// as in [`Fault::on`]. In-process a held call blocks its thread.
    #[must_use = "dropping a gate opens it"]
    pub fn gate(&self, operation: impl Into<String>) -> Gate {
        self.shared.gates.gate(operation.into())
    }

    /// Takes all faults back.
    pub fn clear_faults(&self) {
        self.platform().faults.clear();
    }

    /// Sets a switch while the sandbox runs.
    pub fn set_switch(&self, switch: &Switch) {
        self.platform().switches.set(switch);
    }

    /// Adds an app, or replaces the one with its client id.
    pub fn add_app(&self, app: App) {
        self.platform().add_app(app);
    }

    /// Removes an app and kills its tokens; false if there is none with this client id.
    pub fn remove_app(&self, client_id: &str) -> bool {
        let platform = &mut *self.platform();
        platform.tokens.drop_client(client_id);
        platform.consents.retain(|(client, _), _| **client != *client_id);
        platform.apps.remove(client_id).is_some()
    }

    /// Goes back to the state at the start: people, apps, switches and clock as they were built, no tokens, codes,
    /// consents, faults or journal entries. Gates open. With a seed the same tokens follow again.
    pub fn reset(&self) {
        let mut fresh = self.shared.plan.again();
        self.shared.gates.release_all();
        // Nobody may see the old state under the new clock.
        let platform = &mut *self.platform();
        fresh.stream.go_on_from(&platform.stream);
        self.shared.plan.wind(&self.shared.clock);
        *platform = fresh;
        self.shared.journal.clear();
    }

    /// The state as a text: people, departments, apps with their secrets, grants, consents, tokens, codes, tickets,
    /// to-dos, callbacks with what is still to be pushed to them, switches and the clock. Faults, gates and the journal
    /// are not in it, and of receivers in this process only that there are some.
    #[must_use]
    pub fn snapshot(&self) -> String {
        // The moment is read under the lock, so that no token is older than it.
        let platform = &*self.platform();
        snapshot::text(platform, &self.shared.clock)
    }

    /// Takes over a state that [`snapshot`](Self::snapshot) gave, perhaps in another process. What is to be pushed goes
    /// out by itself with a server, else at the next [`deliver_due`](Self::deliver_due).
    ///
    /// # Errors
    ///
    /// When the text is no snapshot, one of another version, or only a part of one; nothing is changed then.
    pub fn load(&self, snapshot: &str) -> Result<(), SnapshotError> {
        let leave_machine = self.platform().outbox.leave_machine;
        let read = snapshot::read(snapshot, leave_machine)?;
        read.take_over(&mut self.platform(), &self.shared.clock);
        self.shared.wake.notify_one();
        Ok(())
    }

    /// What has changed since a [`snapshot`](Self::snapshot) was taken: what a program under test did to the company, its
    /// tokens, codes, consents and to-dos. Secrets are not in it.
    ///
    /// ```
    /// use dingtalk_sandbox::{Person, Sandbox};
    ///
    /// let sandbox = Sandbox::in_process();
    /// let before = sandbox.snapshot();
    /// sandbox.set_dead_client(&sandbox.demo().client_id, true);
    /// let changes = sandbox.changes_since(&before)?;
    /// assert_eq!(changes[0].path, format!("/apps/{}/disabled", sandbox.demo().client_id));
    /// # Ok::<(), dingtalk_sandbox::SnapshotError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load), when the text is no snapshot.
    pub fn changes_since(&self, snapshot: &str) -> Result<Vec<Change>, SnapshotError> {
        let leave_machine = self.platform().outbox.leave_machine;
        let journal = self.journal();
        let print = |secret: &str| journal.fingerprint(secret);
        snapshot::changes(snapshot, &self.snapshot(), leave_machine, print)
    }

    /// Writes a [`snapshot`](Self::snapshot) to a file that only its owner can read. A crash in between leaves the
    /// old file or the new one, never a half of it.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn save(&self, path: impl AsRef<std::path::Path>) -> io::Result<()> {
        snapshot::write_whole(path.as_ref(), self.snapshot().as_bytes())
    }

    /// The token that requests to the server's control API carry, as `Authorization: Bearer …`. It is random, with a
    /// seed too.
    #[must_use]
    pub fn control_token(&self) -> &str {
        &self.shared.control_token
    }

    /// Answers one request of the control API in-process: `POST /_sandbox/v1/clock` with `{"advanceMs":1000}`. Whoever
    /// holds the sandbox may do everything, so no token is asked for. A request that waits blocks its thread, and the
    /// live journal needs the server.
    #[must_use]
    pub fn control(&self, request: Request<Vec<u8>>) -> Response<Vec<u8>> {
        control::in_process(&self.shared, &request)
    }

    pub(crate) fn unserved(shared: Shared) -> Self {
        Self { shared: Arc::new(shared), server: None }
    }

    pub(crate) fn serving(
        shared: Shared,
        address: SocketAddr,
        tls: Option<tls::Tls>,
    ) -> io::Result<Self> {
        let sandbox = Self::unserved(shared);
        sandbox.shared.served.store(true, Ordering::Relaxed);
        let server = server::Running::start(Arc::clone(&sandbox.shared), address, tls)?;
        Ok(Self { server: Some(Arc::new(server)), ..sandbox })
    }

    fn platform(&self) -> MutexGuard<'_, Platform> {
        self.shared.platform()
    }
}
