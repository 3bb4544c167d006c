//! The forms in which servers were seen to sign a page's URL wrongly.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::super::signature::{form_decoded, signed_url, split_fragment};
use super::search::{Change, MOST_CHANGES};
use super::{Input, quoted};

/// A text that may have been signed as `url`, and how it differs from the right one.
pub(super) struct Url {
    pub(super) text: String,
    pub(super) changes: Vec<Change>,
}

/// Every form that is known, the right one first and each text once, with the fewest changes.
pub(super) fn urls(href: &str, entry: Option<&str>, record: Option<&str>) -> Vec<Url> {
    let mut all = vec![Url { text: signed_url(href), changes: Vec::new() }];
    let mut bases = vec![(href.to_owned(), None)];
    if let Some(entry) = entry {
        let what = format!("the entry url {} was signed, the page moved on", quoted(entry));
        let remedy = "sign the url that the client checks: an app of one page counts as one page, \
                      by its entry url; iOS was reported to take the current one, so compare both";
        bases.push((entry.to_owned(), Some(Change { input: Input::Url, what, remedy })));
    }
    if let Some(record) = record {
        let what = format!(
            "the server signed the url {}, the page is at {}",
            quoted(record),
            quoted(href)
        );
        let remedy = "let the page send its location.href to be signed";
        bases.push((record.to_owned(), Some(Change { input: Input::Url, what, remedy })));
    }
    for (base, base_change) in &bases {
        for (origin, origin_changes) in origins(base) {
            for (text, tail_change) in tails(&origin) {
                let changes = base_change.iter().chain(&origin_changes).chain(&tail_change);
                let changes: Vec<_> = changes.cloned().collect();
                if changes.len() <= MOST_CHANGES {
                    all.push(Url { text, changes });
                }
            }
        }
    }
    all.sort_by_key(|url| url.changes.len());
    let mut known = std::collections::HashSet::new();
    all.retain(|url| known.insert(url.text.clone()));
    all
}

fn change(what: &str, remedy: &'static str) -> Change {
    Change { input: Input::Url, what: what.to_owned(), remedy }
}

/// The base with its scheme and port changed or not.
fn origins(base: &str) -> Vec<(String, Vec<Change>)> {
    const PROXY: &str = "sign the page's location.href, not the address behind a proxy";
    let Some((scheme, rest)) = base.split_once("://") else {
        return vec![(base.to_owned(), Vec::new())];
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(end);
    let secure = scheme.eq_ignore_ascii_case("https");
    let other = if secure { "http" } else { "https" };
    let flipped = format!("{other} was signed, the page is on {scheme}");
    let mut authorities = vec![(authority.to_owned(), None)];
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) => {
            authorities.push((host.to_owned(), Some(change("the port was dropped", PROXY))));
        }
        _ => {
            for port in [443, 80] {
                let what = format!("the port {port} was signed, the page's url has none");
                authorities.push((format!("{authority}:{port}"), Some(change(&what, PROXY))));
            }
        }
    }
    let lower = authority.to_ascii_lowercase();
    if lower != authority {
        let what = "the host was signed in lower case";
        authorities.push((lower, Some(change(what, "sign location.href as it is"))));
    }
    let mut all = Vec::new();
    for (scheme, scheme_change) in [(scheme, None), (other, Some(change(&flipped, PROXY)))] {
        for (authority, authority_change) in &authorities {
            let changes = scheme_change.iter().chain(authority_change).cloned().collect();
            all.push((format!("{scheme}://{authority}{tail}"), changes));
        }
    }
    all
}

/// The texts that may have been made out of a URL, the right one first.
fn tails(url: &str) -> Vec<(String, Option<Change>)> {
    const ONCE: &str = "decode the query once, as a form, and nothing else";
    const WHOLE: &str = "sign the whole url without its fragment";
    let right = signed_url(url);
    let (raw, fragment) = split_fragment(url);
    let (front, query) = match raw.split_once('?') {
        Some((front, query)) => (front, Some(query)),
        None => (raw, None),
    };
    let with = |front: &str, query: Option<String>| match query {
        Some(query) => format!("{front}?{query}"),
        None => front.to_owned(),
    };
    let decoded = query.map(form_decoded);
    let percent = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let mut all = vec![(right.clone(), None)];
    let mut push = |text: String, what, remedy| all.push((text, Some(change(what, remedy))));

    if let Some(fragment) = fragment {
        const KEPT: &str = "drop # and everything behind it before signing";
        push(format!("{right}#{fragment}"), "the fragment was signed too", KEPT);
        push(url.to_owned(), "the url was signed raw, its fragment kept", KEPT);
        push(percent(url), "the url was decoded as a whole, its fragment kept", KEPT);
    }
    push(raw.to_owned(), "the query was not decoded", ONCE);
    if let Some(query) = query {
        let plus = Some(percent(query));
        push(with(front, plus), "the query's + was not read as a space", ONCE);
        // A framework and a developer's own call decode one after the other, each its own way.
        let once = decoded.as_deref().unwrap_or_default();
        for twice in [form_decoded(once), percent(once), percent(&percent(query))] {
            push(with(front, Some(twice)), "the query was decoded twice", ONCE);
        }
        push(front.to_owned(), "the query was not signed", WHOLE);
    }
    push(percent(raw), "the path was decoded too", ONCE);
    push(form_decoded(raw), "the path was decoded too", ONCE);
    for (escapes, what) in [
        (escapes_in(raw, u8::to_ascii_uppercase), "the url was signed raw, escapes in upper case"),
        (escapes_in(raw, u8::to_ascii_lowercase), "the url was signed raw, escapes in lower case"),
    ] {
        push(escapes, what, ONCE);
    }
    for (path, what) in [
        (escapes_in(front, u8::to_ascii_uppercase), "the path's escapes were put in upper case"),
        (escapes_in(front, u8::to_ascii_lowercase), "the path's escapes were put in lower case"),
    ] {
        push(with(&path, decoded.clone()), what, "sign the path as location.href has it");
    }
    const SLASH: &str = "sign the path as location.href has it, slash for slash";
    match front.strip_suffix('/') {
        Some(bare) => {
            push(with(bare, decoded), "the slash at the end was dropped", SLASH);
        }
        None => {
            let slashed = format!("{front}/");
            push(with(&slashed, decoded), "a slash was added at the end", SLASH);
        }
    }
    let origin_end = front.find("://").map_or(0, |at| at + 3);
    if let Some(path) = front[origin_end..].find('/') {
        let origin = &front[..origin_end + path];
        push(origin.to_owned(), "the origin alone was signed", WHOLE);
        push(format!("{origin}/"), "the origin alone was signed", WHOLE);
        push(url[origin.len()..].to_owned(), "the url was signed without its origin", WHOLE);
    }
    for (text, what) in [
        (raw, "the url was percent-encoded as a whole, raw"),
        (&*right, "the url was percent-encoded as a whole"),
    ] {
        push(utf8_percent_encode(text, COMPONENT).to_string(), what, "encode nothing");
    }
    all
}

/// What JavaScript's `encodeURIComponent` leaves as it is.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');

/// Changes the case of each `%XX` and of nothing else.
fn escapes_in(text: &str, case: fn(&u8) -> u8) -> String {
    let mut left = 0;
    text.chars()
        .map(|c| {
            let within = left > 0;
            left = if c == '%' { 2 } else { left.max(1) - 1 };
            match u8::try_from(c) {
                Ok(byte) if within && byte.is_ascii_hexdigit() => char::from(case(&byte)),
                _ => c,
            }
        })
        .collect()
}
