//! What must hold for any input: one property a parser, machine or server, each a function of
//! bytes.
//!
//! `cargo fuzz` (in `tests/fuzz`) makes up the bytes; `cargo test -p dingtalk-tests --test corpus`
//! replays those that are kept, every crash that was found among them.
//!
//! They are a package of their own, since the fuzzers build whatever these need once more, with a
//! sanitizer: no store, no second client.

mod answers;
mod bad_server;
mod control;
mod fixtures;
mod forms;
mod http_answer;
mod journal;
mod jsapi;
mod machine;
mod pushes;
mod regions;
mod requests;
mod sealed;
mod sessions;
mod sign_in;
mod streams;
mod token_life;

use std::collections::BTreeSet;

use arbitrary::{Arbitrary, Unstructured};
use dingtalk_core::{App, Error, Timestamp};

pub use bad_server::{BadServer, Seen, answer, end, ok_json, reset};

/// A property by its name, which is also its fuzz target's and its corpus folder's.
pub type Property = (&'static str, fn(&[u8]));

/// All of them.
pub const ALL: &[Property] = &[
    ("topapi_answer", answers::topapi),
    ("openapi_answer", answers::openapi),
    ("legacy_answer", answers::legacy),
    ("token_life", token_life::check),
    ("machine_events", machine::events),
    ("event_forms", machine::forms),
    ("stored_session", sessions::check),
    ("sealed_record", sealed::check),
    ("request_forms", forms::check),
    ("jsapi_signature", jsapi::check),
    ("open_auth_result", sign_in::results),
    ("authorize_url", sign_in::urls),
    ("regions_and_proxies", regions::check),
    ("redirect_uri", sign_in::redirects),
    ("callback_request", pushes::requests),
    ("event_body", pushes::events),
    ("stream_frames", streams::check),
    ("http_answer", http_answer::check),
    ("sandbox_request", requests::check),
    ("fixture", fixtures::files),
    ("snapshot", fixtures::snapshots),
    ("fault_rule", control::fault_rules),
    ("journal_filter", journal::filters),
    ("journal_redaction", journal::redaction),
];

/// Runs one property.
///
/// # Panics
/// When the property does not hold, or there is none of this name.
pub fn check(name: &str, data: &[u8]) {
    let property = ALL.iter().find(|(known, _)| *known == name);
    let (_, check) = property.unwrap_or_else(|| panic!("there is no property {name}"));
    check(data);
}

/// 2023-11-14, a moment without meaning.
pub(crate) const START: u64 = 1_700_000_000_000;

/// Secrets that no text about a call may hold.
pub(crate) const SECRET: &str = "canaryClientSecret";
pub(crate) const TOKEN: &str = "canaryAccessToken";

pub(crate) fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(START.saturating_add(millis))
}

/// An app that holds a token for two hours.
pub(crate) fn app() -> App {
    let app = App::internal("dingfuzz", SECRET);
    app.seed(TOKEN, at(7_200_000), at(0));
    app
}

/// The first bytes decide the choices of a property, the rest is text of its own.
pub(crate) fn choose<'a, T: Arbitrary<'a>>(from: &mut Unstructured<'a>) -> T {
    // Out of bytes is out of choices: the simplest one.
    T::arbitrary(from).unwrap_or_else(|_| {
        T::arbitrary(&mut Unstructured::new(&[0; 64])).expect("zeros make a simple value")
    })
}

pub(crate) fn one_of<T: Copy>(from: &mut Unstructured<'_>, list: &[T]) -> T {
    *from.choose(list).unwrap_or(&list[0])
}

/// What is left, as text.
pub(crate) fn text(rest: Unstructured<'_>) -> String {
    String::from_utf8_lossy(rest.take_rest()).into_owned()
}

/// The next part, as text.
pub(crate) fn word(from: &mut Unstructured<'_>) -> String {
    choose::<String>(from)
}

/// Everything that an error says, the whole chain of it, is free of these.
pub(crate) fn says_nothing_of(error: &Error, secrets: &[&str]) {
    let mut said =
        BTreeSet::from([format!("{error}"), format!("{error:?}"), format!("{error:#?}")]);
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        said.insert(format!("{inner} {inner:?}"));
        source = inner.source();
    }
    for text in said {
        for secret in secrets {
            assert!(!text.contains(secret), "a secret is in: {text}");
        }
    }
}
