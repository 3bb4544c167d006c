//! The one state behind everything: it turns (time, request) into an answer, and touches no socket and no clock.

mod console;
mod delivery;
mod judged;
mod planned;

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{HeaderMap, Method, Response};

use crate::api::jsapi::Tickets;
use crate::api::todo::Todos;
use crate::apps::{App, AppKind};
use crate::auth_page;
use crate::call::{Call, Notes, TOKEN_HEADER};
use crate::codes::Codes;
use crate::company::{Company, Person};
use crate::critic::Critic;
use crate::events::{Check, Outbox, PushTrouble};
use crate::faults::{Action, Faults, Odd, Strike, spoiled};
use crate::hosts::{self, Destination, Host, Region};
use crate::journal::{self, Journal, Seen, UNKNOWN};
use crate::limits::Limits;
use crate::login;
use crate::pages::Pages;
use crate::rng::Rng;
use crate::routes::{self, Door, Operation, Route};
use crate::stream::{self, CONNECT, Hub};
use crate::switches::Switches;
use crate::tokens::{Caller, TokenKind, Tokens};
use crate::wire::failure::{Failure, Refusal};
use crate::wire::json::Json;
use crate::wire::{Family, Reply};

pub(crate) use delivery::Delivery;
pub use delivery::Lost;

/// The address that in-process calls seem to come from.
pub(crate) const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Everything that the platform knows.
#[derive(Debug)]
pub(crate) struct Platform {
    pub(crate) companies: HashMap<Arc<str>, Company>,
    /// The organization that apps and people belong to when nothing else is said.
    pub(crate) home: Arc<str>,
    pub(crate) apps: HashMap<Arc<str>, App>,
    pub(crate) tokens: Tokens,
    pub(crate) codes: Codes,
    pub(crate) tickets: Tickets,
    pub(crate) todos: Todos,
    pub(crate) outbox: Outbox,
    pub(crate) stream: Hub,
    pub(crate) pages: Pages,
    /// What a person (by union id) granted to an app.
    pub(crate) consents: HashMap<(Arc<str>, Arc<str>), BTreeSet<String>>,
    pub(crate) switches: Switches,
    pub(crate) faults: Faults,
    pub(crate) limits: Limits,
    pub(crate) critic: Critic,
    pub(crate) rng: Rng,
    /// The region whose host is being asked, while it answers. The other one's organizations and apps are not there
    /// for it.
    pub(crate) here: Option<Region>,
}

/// One request as the platform gets it.
#[derive(Debug)]
pub(crate) struct Incoming<'a> {
    pub(crate) method: &'a Method,
    /// The host and port that it was sent to.
    pub(crate) called: Option<&'a str>,
    pub(crate) path: &'a str,
    pub(crate) query: &'a str,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a [u8],
    pub(crate) peer: IpAddr,
    /// It came over TLS.
    pub(crate) secure: bool,
    /// When it came, by the machine's clock.
    pub(crate) arrived: Instant,
    /// It came over a socket, unencrypted.
    pub(crate) plain: bool,
}

/// The answer, and how it reaches the caller.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) response: Response<Vec<u8>>,
    pub(crate) delay: Duration,
    pub(crate) delivery: Delivery,
    /// Its entry in the journal.
    pub(crate) seq: u64,
}

impl Outcome {
    /// Whether the caller waits for ever, or for so long that it should give up.
    pub(crate) fn hangs(&self) -> bool {
        self.delay > judged::LONG || self.delivery == Delivery::Lost(Lost::Stalled)
    }
}

/// How far an answer has come.
#[derive(Debug)]
pub(crate) enum Progress {
    Done(Outcome),
    /// A callback must be asked first, and nobody waits for it with the platform locked.
    Checking(Box<Unfinished>),
}

/// A call that waits for the URL check it caused.
#[derive(Debug)]
pub(crate) struct Unfinished {
    pub(crate) check: Check,
    reply: Reply,
    delay: Duration,
    delivery: Delivery,
    id: String,
    record: Record,
}

/// What the journal wants to know of a call.
#[derive(Debug)]
struct Record {
    at: u64,
    method: Method,
    path: String,
    host: Option<Box<str>>,
    operation: &'static str,
    notes: Notes,
    faulted: bool,
    asks_for_token: bool,
    request_bytes: usize,
    arrived: Instant,
}

impl Platform {
    /// Answers one request.
    pub(crate) fn answer(
        &mut self,
        incoming: &Incoming<'_>,
        now: u64,
        journal: &Journal,
    ) -> Progress {
        let Destination { path, host, by_name } =
            hosts::destination(incoming.path, incoming.called);
        let strict = host.filter(|_| by_name && self.switches.strict_hosts);
        self.here = host.filter(|_| self.switches.regions_apart).map(|host| host.region);
        let progress = self.answer_here(incoming, path, strict, now, journal);
        self.here = None;
        progress
    }

    fn answer_here(
        &mut self,
        incoming: &Incoming<'_>,
        path: &str,
        strict: Option<&Host>,
        now: u64,
        journal: &Journal,
    ) -> Progress {
        let id = self.rng.upper_uuid();
        let mut call = Call::new(incoming, path, now, id);
        let method = incoming.method;
        let route = routes::find(method, path, strict, &mut call.members);
        let operation = route.operation.map_or(UNKNOWN, |operation| operation.name);
        self.listen(&mut call, operation);
        let tokens = &self.tokens;
        let strike =
            self.faults.strike(operation, incoming.headers, now, || claimed_app(&call, tokens));
        let strike = strike.unwrap_or_else(Strike::none);
        let faulted = strike.shows();
        let Strike { action, delay, date_skew, answer_headers } = strike;
        let (reply, delivery) = match action {
            Action::Pass => (self.execute(&mut call, &route), Delivery::Whole),
            Action::Answer { status, content_type, body } => {
                let reply = Reply::raw(route.family, status, body, None);
                (Reply { content_type: Cow::Owned(content_type), ..reply }, Delivery::Whole)
            }
            Action::Platform(error) => {
                (self.planned_error(&mut call, &route, error), Delivery::Whole)
            }
            Action::Coded(coded) => (self.coded(&mut call, &route, coded), Delivery::Whole),
            Action::ExecuteThenDrop => {
                (self.execute(&mut call, &route), Delivery::Lost(Lost::Answer))
            }
            Action::BreakAfter(len, how) => {
                (self.execute(&mut call, &route), Delivery::Broken(len, how))
            }
            Action::Drip(len, pause) => {
                (self.execute(&mut call, &route), Delivery::Dripping(len, pause))
            }
            Action::Spoil(spoil) => {
                let reply = self.execute(&mut call, &route);
                (Reply { body: spoiled(reply.body, &spoil), ..reply }, Delivery::Whole)
            }
            Action::Odd(odd) => (self.execute(&mut call, &route), Delivery::Odd(odd)),
            Action::Raw(bytes) => {
                (Reply::raw(route.family, 200, bytes, None), Delivery::Odd(Odd::Raw))
            }
            Action::Duplicate => (self.execute(&mut call, &route), Delivery::Twice),
            Action::Close => (Reply::page(200, String::new()), Delivery::Lost(Lost::Closed)),
            Action::Reset => (Reply::page(200, String::new()), Delivery::Lost(Lost::Reset)),
            Action::Stall => (Reply::page(200, String::new()), Delivery::Lost(Lost::Stalled)),
        };
        let reply = match date_skew {
            Some(skew) => reply.dated(now.saturating_add_signed(skew)),
            None => reply,
        };
        let reply = Reply { forced: answer_headers, ..reply };
        let asks_for_token = route.operation.is_some_and(|operation| operation.gives_token);
        if let Some(check) = self.outbox.check.take() {
            let record = Record {
                at: now,
                method: method.clone(),
                path: incoming.path.to_owned(),
                host: journal::host(incoming),
                operation,
                notes: call.take_notes(),
                faulted,
                asks_for_token,
                request_bytes: incoming.body.len(),
                arrived: incoming.arrived,
            };
            let id = call.id;
            return Progress::Checking(Box::new(Unfinished {
                check,
                reply,
                delay,
                delivery,
                id,
                record,
            }));
        }
        let notes = call.take_notes();
        let receipt = journal.record(Seen {
            at: now,
            method,
            path: &self.hushed(incoming.path, operation, journal),
            host: journal::host(incoming),
            operation,
            status: if delivery.loses_status() { 0 } else { reply.status },
            code: reply.code.clone(),
            notes: &notes,
            faulted,
            asks_for_token,
            request_bytes: incoming.body.len(),
            answer_bytes: reply.body.len(),
            arrived: incoming.arrived,
            delay,
        });
        let seq = receipt.seq;
        let judged = judged::Judged {
            incoming,
            call: &call,
            route: &route,
            notes: &notes,
            receipt,
            reply: &reply,
            delay,
            delivery,
            faulted,
        };
        self.judge(&judged, journal);
        Progress::Done(Outcome { response: reply.into_response(), delay, delivery, seq })
    }

    /// Ends a call that caused a URL check.
    pub(crate) fn finish(
        &mut self,
        unfinished: Unfinished,
        verdict: Result<(), PushTrouble>,
        now: u64,
        journal: &Journal,
    ) -> Outcome {
        let Unfinished { check, reply, delay, delivery, id, record } = unfinished;
        let verdict = self.conclude_check(check, verdict, now);
        let reply = match verdict {
            Ok(()) => reply,
            Err(trouble) => {
                let failure = crate::api::call_back::refused(&trouble);
                Reply::of(Family::Old, Err(failure), &mut self.rng, &self.switches, id)
            }
        };
        let receipt = journal.record(Seen {
            at: record.at,
            method: &record.method,
            path: &record.path,
            host: record.host,
            operation: record.operation,
            status: if delivery.loses_status() { 0 } else { reply.status },
            code: reply.code.clone(),
            notes: &record.notes,
            faulted: record.faulted,
            asks_for_token: record.asks_for_token,
            request_bytes: record.request_bytes,
            answer_bytes: reply.body.len(),
            arrived: record.arrived,
            delay,
        });
        Outcome { response: reply.into_response(), delay, delivery, seq: receipt.seq }
    }

    /// The app with this client id, if it is alive.
    pub(crate) fn app(&self, client: &str) -> Option<&App> {
        self.apps.get(client).filter(|app| !app.dead && self.is_owner_here(app))
    }

    /// The app behind a client id and secret.
    pub(crate) fn authenticated(&self, client: &str, secret: &str) -> Option<&App> {
        self.app(client).filter(|app| same(&app.client_secret, secret))
    }

    /// Whether an organization has stopped an app, and that counts.
    pub(crate) fn is_stopped(&self, app: &App, corp: &str) -> bool {
        app.stopped_in(corp) && !self.switches.stopped_app_works
    }

    pub(crate) fn company(&self, corp: &str) -> Option<&Company> {
        self.companies.get(corp).filter(|_| self.is_here(corp))
    }

    /// The person a token or code speaks for, wherever they are.
    pub(crate) fn person(&self, corp: &str, user_id: &str) -> Option<&Person> {
        self.company(corp)?.anybody(user_id)
    }

    /// Whether the caller may use a point: an app by what its organization granted, a person by their own consent to
    /// what the app asked for (wire-facts §8.4).
    pub(crate) fn may(&self, caller: &Caller, point: &str) -> bool {
        let Some(app) = self.app(&caller.client) else {
            return false;
        };
        match &caller.kind {
            TokenKind::User { union_id, .. } => {
                let key = (Arc::clone(&caller.client), Arc::clone(union_id));
                app.requested.contains(point)
                    && self.consents.get(&key).is_some_and(|points| points.contains(point))
            }
            _ => app.may(&caller.corp, point),
        }
    }

    /// Refuses a caller without this point, naming it.
    pub(crate) fn need(&self, caller: &Caller, point: &'static str) -> Result<(), Failure> {
        if self.may(caller, point) {
            return Ok(());
        }
        Err(Refusal::PointMissing { client: Arc::clone(&caller.client), point: point.into() }
            .into())
    }

    /// Whether an app may see a person: the contact scope covers them or one of their departments (wire-facts §15).
    pub(crate) fn sees_person(&self, caller: &Caller, company: &Company, person: &Person) -> bool {
        let Some(scope) = self.app(&caller.client).and_then(|app| app.scope_in(&caller.corp))
        else {
            return true;
        };
        scope.users.contains(&*person.user_id)
            || person.memberships.iter().any(|membership| {
                company
                    .path_up(membership.department)
                    .iter()
                    .any(|id| scope.departments.contains(id))
            })
    }

    /// Whether an app may see a department: it or one above it is in the contact scope.
    pub(crate) fn sees_department(
        &self,
        caller: &Caller,
        company: &Company,
        department: i64,
    ) -> bool {
        let Some(scope) = self.app(&caller.client).and_then(|app| app.scope_in(&caller.corp))
        else {
            return true;
        };
        company.path_up(department).iter().any(|id| scope.departments.contains(id))
    }

    /// Runs a call through the gateway and, if it passes, through its handler.
    fn execute(&mut self, call: &mut Call<'_>, route: &Route) -> Reply {
        if !self.limits.address_may(&self.switches, call.peer, call.now) {
            return self.ban_page(self.switches.ban_page_is_html);
        }
        if route.family == Family::Page && route.elsewhere {
            return Reply::page(404, String::new());
        }
        if route.family == Family::Page {
            return match call.path {
                auth_page::AUTH | auth_page::CANCEL => auth_page::page(self, call),
                CONNECT => stream::connect(self, call),
                _ => login::page(self, call),
            };
        }
        if route.family == Family::V1 && call.method == Method::OPTIONS {
            // A browser's preflight; the CORS headers are the answer.
            return Reply {
                ids: Some((call.id.clone(), self.rng.trace_id())),
                ..Reply::raw(Family::V1, 200, Vec::new(), None)
            };
        }
        let outcome = match route.operation {
            Some(operation) => self.run(call, operation),
            None => Err(Refusal::UnknownApi { api: routes::api_name(call.path) }.into()),
        };
        self.rendered(call, route.family, outcome)
    }

    fn run(&mut self, call: &mut Call<'_>, operation: &'static Operation) -> Result<Json, Failure> {
        if operation.family == Family::Topapi {
            call.read_arguments();
        }
        if let Some(wanted) = operation.wrong_method(call.method, self.switches.strict_post) {
            return Err(Refusal::WrongMethod { wanted }.into());
        }
        if let Some(limit) = self.limits.api_over(&self.switches, operation.name, call.now) {
            let (api, at) = (routes::api_name(call.path), call.now);
            return Err(Refusal::ApiThrottled { api, limit, at }.into());
        }
        let handler = match operation.door {
            Door::Open(handler) => return handler(self, call),
            Door::App(handler) | Door::User(handler) | Door::Either(handler) => handler,
        };
        let caller = self.caller(call, operation)?;
        call.note_app(&caller.client);
        let asked = self.switches.suite_rate.or(self.switches.suite_minute).is_some();
        let vendor =
            asked && self.app(&caller.client).is_some_and(|app| app.kind != AppKind::Internal);
        let limits = &mut self.limits;
        if let Some(over) =
            limits.app_over(&self.switches, &caller, vendor, operation.name, call.now)
        {
            let (api, at) = (routes::api_name(call.path), call.now);
            return Err(Refusal::AppThrottled { api, over, at }.into());
        }
        if operation.billed && !self.limits.month_may(&self.switches, &caller.corp, call.now) {
            return Err(Refusal::QuotaUsed.into());
        }
        if let Some(point) = operation.point {
            self.need(&caller, point)?;
        }
        if call.arguments.unreadable {
            return Err(Refusal::BodyUnreadable.into());
        }
        handler(self, call, &caller)
    }

    /// Who calls, by the token in the one place where the family looks for it (wire-facts §1.3).
    fn caller(&self, call: &Call<'_>, operation: &Operation) -> Result<Caller, Failure> {
        let token = match operation.family {
            Family::Old => call.query("access_token"),
            Family::Topapi => call.arguments.token(self.switches.token_in_json),
            Family::V1 | Family::Page => {
                call.headers.get(TOKEN_HEADER).and_then(|value| value.to_str().ok())
            }
        };
        let token =
            token.map(str::trim).filter(|token| !token.is_empty()).ok_or(Refusal::TokenBlank)?;
        call.note_token(token);
        let caller = self.tokens.caller(token, call.now).ok_or(Refusal::TokenDead)?;
        // An app token where a person's belongs, and the reverse, counts as no token at all (wire-facts §5, §16 row 7).
        let fits = match (&caller.kind, &operation.door) {
            (TokenKind::App, Door::App(_) | Door::Either(_)) => true,
            (TokenKind::User { .. }, Door::User(_) | Door::Either(_)) => true,
            (TokenKind::App | TokenKind::User { .. } | TokenKind::Sso | TokenKind::Suite, _) => {
                false
            }
        };
        if !fits {
            call.note_misfit(caller.kind.says());
        }
        if !fits || self.app(&caller.client).is_none() || self.company(&caller.corp).is_none() {
            return Err(Refusal::TokenDead.into());
        }
        if self.app(&caller.client).is_some_and(|app| self.is_stopped(app, &caller.corp)) {
            return Err(Refusal::AppStopped.into());
        }
        Ok(caller.clone())
    }

    fn rendered(
        &mut self,
        call: &Call<'_>,
        family: Family,
        outcome: Result<Json, Failure>,
    ) -> Reply {
        Reply::of(family, outcome, &mut self.rng, &self.switches, call.id.clone())
    }
}

impl Platform {
    pub(crate) fn new(home: &str, rng: Rng) -> Self {
        Self {
            companies: HashMap::new(),
            home: Arc::from(home),
            apps: HashMap::new(),
            tokens: Tokens::default(),
            codes: Codes::default(),
            tickets: Tickets::default(),
            todos: Todos::default(),
            outbox: Outbox::default(),
            stream: Hub::default(),
            pages: Pages::default(),
            consents: HashMap::new(),
            switches: Switches::default(),
            faults: Faults::default(),
            limits: Limits::default(),
            critic: Critic::default(),
            rng,
            here: None,
        }
    }

    pub(crate) fn home(&mut self) -> Option<&mut Company> {
        let home = Arc::clone(&self.home);
        self.companies.get_mut(&home)
    }
}

/// Whom a call claims to come from, before anything of it is checked: the app behind its token, else the client id
/// under any of the names that token endpoints use (wire-facts §2, §3).
fn claimed_app(call: &Call<'_>, tokens: &Tokens) -> Option<Arc<str>> {
    const NAMES: [&str; 7] =
        ["appkey", "appKey", "clientId", "client_id", "suiteKey", "suite_key", "accessKey"];
    let header = call.headers.get(TOKEN_HEADER).and_then(|value| value.to_str().ok());
    let form: Vec<_> = form_urlencoded::parse(call.body).collect();
    let in_form = |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| &**value);
    let token = header.or_else(|| call.query("access_token")).or_else(|| in_form("access_token"));
    if let Some(caller) = token.and_then(|token| tokens.caller(token, call.now)) {
        return Some(Arc::clone(&caller.client));
    }
    let document = serde_json::from_slice::<serde_json::Value>(call.body).unwrap_or_default();
    NAMES.iter().find_map(|name| {
        call.query(name)
            .or_else(|| document.get(name).and_then(serde_json::Value::as_str))
            .or_else(|| in_form(name))
            .map(Arc::from)
    })
}

/// Compares two secrets without telling by its time where they differ. Nothing here is worth an attack; it is the
/// habit that counts.
pub(crate) fn same(one: &str, two: &str) -> bool {
    one.len() == two.len()
        && one.bytes().zip(two.bytes()).fold(0, |seen, (left, right)| seen | left ^ right) == 0
}
