//! What happened: one line per request, redacted before it is stored.

mod expect;

use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};
use std::fmt::Debug;
use std::sync::{Arc, MutexGuard};
use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit, Mac};
use http::Method;
use percent_encoding::percent_decode_str;
use sha2::Sha256;

use crate::call::Notes;
use crate::critic::Print;
use crate::hosts;
use crate::platform::Incoming;
use crate::rng::{MARK, Rng, push_hex};
use crate::sent::Sent;
use crate::watched::Watched;

pub use expect::Expectation;

/// The name under which requests to paths that nobody knows are counted.
pub(crate) const UNKNOWN: &str = "unknown";

/// A handle to the requests that one sandbox has seen; clones read the same journal.
///
/// It keeps the newest 10,000 (a builder setting) and counts all. Secrets, tokens, codes and phone numbers are never
/// in it: tokens and codes appear as a fingerprint under a key of this process, which tells equal from different and
/// nothing else.
#[derive(Clone)]
pub struct Journal {
    state: Arc<Watched<State>>,
}

/// One request and what it was answered.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Counts from 1, without gaps, also past what the journal still keeps.
    pub seq: u64,
    /// The sandbox's time, in milliseconds since 1970.
    pub at: u64,
    /// The HTTP method as it came.
    pub method: String,
    /// The path as it came, without the query; what looks like a token is a fingerprint.
    pub path: String,
    /// The host that was called: one of the platform's (also where it was named in front of the path), or what the
    /// request said, with the port. None where it said nothing.
    pub host: Option<String>,
    /// The API that was called, as method and path template: `GET /v1.0/contact/users/{unionId}`. A topapi call is
    /// always `POST …`. A path that nobody knows is `unknown`.
    pub operation: String,
    /// The app that called, where the request told.
    pub app: Option<String>,
    /// The HTTP status of the answer; 0 when a fault kept it from the caller.
    pub status: u16,
    /// The error code of the answer, none on success: an errcode, the sub_code inside errcode 88, or a v1.0 code.
    pub code: Option<String>,
    /// The fingerprint of the token that was presented.
    pub token: Option<String>,
    /// The fingerprint of the one-time code that was presented.
    pub one_time_code: Option<String>,
    /// A fault of the test had its hand in the answer.
    pub faulted: bool,
    /// The names of the query's parameters; of those that the API does not have, the first eight.
    pub query: Vec<String>,
    /// The names of the body's top-level fields, as far as the platform read it: a call that is refused at the door is
    /// not read.
    pub fields: Vec<String>,
    /// The size of the request's body, in bytes.
    pub request_bytes: usize,
    /// The size of the answer's body in bytes, before a fault cut it.
    pub answer_bytes: usize,
    /// From the request's arrival until its answer was due, gates and a fault's delay included; in the machine's time.
    pub took: Duration,
}

/// What the platform hands over, before redaction.
#[derive(Debug)]
pub(crate) struct Seen<'a> {
    pub(crate) at: u64,
    pub(crate) method: &'a Method,
    pub(crate) path: &'a str,
    pub(crate) host: Option<Box<str>>,
    pub(crate) operation: &'static str,
    pub(crate) status: u16,
    pub(crate) code: Option<Cow<'static, str>>,
    pub(crate) notes: &'a Notes,
    pub(crate) faulted: bool,
    pub(crate) asks_for_token: bool,
    pub(crate) request_bytes: usize,
    pub(crate) answer_bytes: usize,
    pub(crate) arrived: Instant,
    /// What a fault adds to it.
    pub(crate) delay: Duration,
}

/// What the critic wants to know of an entry.
#[derive(Debug)]
pub(crate) struct Receipt {
    pub(crate) seq: u64,
    pub(crate) token: Option<Print>,
    pub(crate) one_time_code: Option<Print>,
}

pub(crate) type Listener = Box<dyn Fn(&Entry) + Send>;

struct State {
    kept: VecDeque<Record>,
    limit: usize,
    /// Entries since the last clearing had to go, because the journal was full.
    overflowed: bool,
    seq: u64,
    token_requests: usize,
    counts: HashMap<&'static str, usize>,
    /// Keyed once; each fingerprint starts from a copy.
    keyed: Hmac<Sha256>,
    listener: Option<Listener>,
}

/// An entry in little space; most texts are shared or static.
struct Record {
    seq: u64,
    at: u64,
    method: Method,
    path: Box<str>,
    host: Option<Box<str>>,
    operation: &'static str,
    app: Option<Arc<str>>,
    status: u16,
    code: Option<Cow<'static, str>>,
    token: Option<Print>,
    one_time_code: Option<Print>,
    faulted: bool,
    sent: Sent,
    request_bytes: usize,
    answer_bytes: usize,
    took: Duration,
}

impl Journal {
    /// The requests still kept, oldest first.
    #[must_use]
    pub fn entries(&self) -> Vec<Entry> {
        self.lock().kept.iter().map(Record::entry).collect()
    }

    /// How often an API was called since the start or the last [`clear`](Self::clear), however it ended. The name is
    /// method and path template, as in [`Entry::operation`].
    #[must_use]
    pub fn count(&self, operation: &str) -> usize {
        self.lock().count(operation)
    }

    /// Blocks this thread until an API was called so often since the start or the last [`clear`](Self::clear); false
    /// if that takes longer than the limit.
    #[must_use]
    pub fn wait_for(&self, operation: &str, times: usize, limit: Duration) -> bool {
        self.state.wait(Some(limit), |state| state.count(operation) >= times)
    }

    /// How many requests came in all.
    #[must_use]
    pub fn total(&self) -> usize {
        self.lock().counts.values().sum()
    }

    /// How many requests asked for a token of any kind, at any of its endpoints.
    #[must_use]
    pub fn token_requests(&self) -> usize {
        self.lock().token_requests
    }

    /// The fingerprint that this journal shows for a token or code, to find it in [`entries`](Self::entries).
    #[must_use]
    pub fn fingerprint(&self, secret: &str) -> String {
        hex(self.lock().fingerprint(secret))
    }

    /// Forgets all entries and counts.
    pub fn clear(&self) {
        let mut state = self.lock();
        state.kept.clear();
        state.counts.clear();
        state.token_requests = 0;
        state.overflowed = false;
    }

    pub(crate) fn new(limit: usize, rng: &mut Rng) -> Self {
        let key = rng.block();
        // HMAC takes a key of any length, so the fallback cannot happen; it only keeps the types honest.
        let keyed =
            Hmac::<Sha256>::new_from_slice(&key).unwrap_or_else(|_| Hmac::new(&Default::default()));
        let state = State {
            kept: VecDeque::new(),
            limit,
            overflowed: false,
            seq: 0,
            token_requests: 0,
            counts: HashMap::new(),
            keyed,
            listener: None,
        };
        Self { state: Arc::new(Watched::new(state)) }
    }

    pub(crate) fn listen(&self, listener: Listener) {
        self.lock().listener = Some(listener);
    }

    /// The entries still kept, and whether some had to go.
    fn all(&self) -> (Vec<Entry>, bool) {
        let state = self.lock();
        (state.kept.iter().map(Record::entry).collect(), state.overflowed)
    }

    /// The fingerprint as bytes.
    pub(crate) fn print(&self, secret: &str) -> Print {
        self.lock().fingerprint(secret)
    }

    pub(crate) fn record(&self, seen: Seen<'_>) -> Receipt {
        let mut guard = self.lock();
        let state = &mut *guard;
        state.seq += 1;
        *state.counts.entry(seen.operation).or_default() += 1;
        state.token_requests += usize::from(seen.asks_for_token);
        let record = Record {
            seq: state.seq,
            at: seen.at,
            method: seen.method.clone(),
            path: state.redacted(seen.path),
            host: seen.host.map(|host| state.redacted(&host)),
            operation: seen.operation,
            app: seen.notes.app.clone(),
            status: seen.status,
            code: seen.code,
            token: seen.notes.token.as_deref().map(|token| state.fingerprint(token)),
            one_time_code: seen.notes.code.as_deref().map(|code| state.fingerprint(code)),
            faulted: seen.faulted,
            sent: seen.notes.sent.clone(),
            request_bytes: seen.request_bytes,
            answer_bytes: seen.answer_bytes,
            took: seen.arrived.elapsed().saturating_add(seen.delay),
        };
        let Record { seq, token, one_time_code, .. } = record;
        if let Some(listener) = &state.listener {
            listener(&record.entry());
        }
        if state.limit > 0 {
            if state.kept.len() >= state.limit {
                state.kept.pop_front();
                state.overflowed = true;
            }
            state.kept.push_back(record);
        } else {
            state.overflowed = true;
        }
        drop(guard);
        self.state.changed();
        Receipt { seq, token, one_time_code }
    }

    /// The kept entries after this number that fit, oldest first, not more than `limit`, and the number to go on from.
    pub(crate) fn after(
        &self,
        seq: u64,
        limit: usize,
        fits: impl Fn(&Entry) -> bool,
    ) -> (Vec<Entry>, u64) {
        let state = self.lock();
        let from = state.kept.partition_point(|record| record.seq <= seq);
        let mut entries = Vec::new();
        let mut last = seq;
        for record in state.kept.range(from..) {
            if entries.len() >= limit {
                return (entries, last);
            }
            last = record.seq;
            entries.extend(Some(record.entry()).filter(&fits));
        }
        // What was cleared, or never kept, is not to be waited for again.
        (entries, state.seq.max(seq))
    }

    /// The number of the newest request.
    pub(crate) fn newest(&self) -> u64 {
        self.lock().seq
    }

    /// Waits in a task until an API was called so often.
    pub(crate) async fn seen(&self, operation: &str, times: usize) {
        self.state.until(|state| state.count(operation) >= times).await;
    }

    /// Waits in a task until there is something after this number.
    pub(crate) async fn beyond(&self, seq: u64) {
        self.state.until(|state| state.seq > seq).await;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }
}

impl Debug for Journal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Journal").field("total", &self.total()).finish_non_exhaustive()
    }
}

impl State {
    fn count(&self, operation: &str) -> usize {
        self.counts.get(operation).copied().unwrap_or(0)
    }

    fn fingerprint(&self, secret: &str) -> Print {
        let digest = self.keyed.clone().chain_update(secret.as_bytes()).finalize().into_bytes();
        let mut short = [0; 6];
        short.copy_from_slice(&digest[..6]);
        short
    }

    /// Tokens have no business in a path, but clients make mistakes; and nobody needs a path of a megabyte.
    fn redacted(&self, path: &str) -> Box<str> {
        const LONGEST: usize = 200;
        let mut shown = String::with_capacity(path.len().min(LONGEST));
        for (at, part) in path.split('/').enumerate() {
            if at > 0 {
                shown.push('/');
            }
            // However it is written; and before it is cut, which would leave a secret's beginning.
            let plain = percent_decode_str(part).decode_utf8_lossy();
            if plain.contains(MARK) || looks_secret(&plain) {
                shown.push('#');
                shown.push_str(&hex(self.fingerprint(&plain)));
            } else {
                shown.push_str(part);
            }
            if shown.len() > LONGEST {
                let cut = (0..=LONGEST).rev().find(|at| shown.is_char_boundary(*at));
                shown.truncate(cut.unwrap_or_default());
                break;
            }
        }
        shown.into()
    }
}

impl Record {
    fn entry(&self) -> Entry {
        Entry {
            seq: self.seq,
            at: self.at,
            method: self.method.as_str().to_owned(),
            path: self.path.to_string(),
            host: self.host.as_deref().map(str::to_owned),
            operation: self.operation.to_owned(),
            app: self.app.as_deref().map(str::to_owned),
            status: self.status,
            code: self.code.as_deref().map(str::to_owned),
            token: self.token.map(hex),
            one_time_code: self.one_time_code.map(hex),
            faulted: self.faulted,
            query: self.sent.query_names(),
            fields: self.sent.field_names(),
            request_bytes: self.request_bytes,
            answer_bytes: self.answer_bytes,
            took: self.took,
        }
    }
}

/// The host of an entry.
pub(crate) fn host(incoming: &Incoming<'_>) -> Option<Box<str>> {
    let found = hosts::destination(incoming.path, incoming.called).host;
    found.map(|host| host.name).or(incoming.called).map(Box::from)
}

/// A path member that could be a token (32 hex digits) or a phone number (11 digits and more).
fn looks_secret(part: &str) -> bool {
    let digits = part.len() >= 11 && part.bytes().all(|byte| byte.is_ascii_digit());
    digits || part.len() == 32 && part.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn hex(bytes: Print) -> String {
    let mut text = String::with_capacity(12);
    for byte in bytes {
        push_hex(&mut text, byte, b"0123456789abcdef");
    }
    text
}
