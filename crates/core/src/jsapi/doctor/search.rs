//! Signs again with one input changed after another, until the page's signature comes out.

use super::super::dd_error::DdError;
use super::super::signature::{Hash, digest};
use super::object::Sent;
use super::url::{Url, urls};
use super::{Certainty, Doctor, Input, Report, quoted};
use crate::Secret;

/// One thing changed, and what it means if that was it.
#[derive(Clone)]
pub(super) struct Change {
    pub(super) input: Input,
    pub(super) what: String,
    pub(super) remedy: &'static str,
}

/// Whether the signature is right as it is; if not, notes the smallest set of changes that
/// explains it, or else what the server's own record says.
pub(super) fn explain(doctor: &Doctor<'_>, sent: &Sent, href: &str, report: &mut Report) -> bool {
    let Some(hash) = Hash::of(&sent.signature) else { return false };
    if is_too_long(doctor, sent, href) {
        report.seen(
            DdError::SignatureDiffers,
            Input::Url,
            "url, nonce, timestamp or ticket is too long to look into".to_owned(),
            "give the page's own url and fields, 8 KiB at most",
        );
        return false;
    }
    let Some(changes) = smallest(doctor, sent, href, hash) else {
        report.dd_error.get_or_insert(DdError::SignatureDiffers);
        compare_with_record(doctor, sent, href, report);
        report.add(
            Certainty::Suspected,
            Input::Ticket,
            "no difference that is known explains the signature".to_owned(),
            "check that the server signs with the ticket of this app and organization, and record \
             the nonce, timestamp and url that it signs",
        );
        return false;
    };
    if changes.is_empty() {
        return true;
    }
    report.dd_error.get_or_insert(DdError::SignatureDiffers);
    for Change { input, what, remedy } in changes {
        report.add(Certainty::Proven, input, what, remedy);
    }
    false
}

/// With four things changed at once, a match would no longer tell a developer much.
pub(super) const MOST_CHANGES: usize = 3;

/// Bytes that are hashed at most, so that no input takes longer than a moment. Few changes are
/// tried first: only far-fetched explanations fall to it.
const BUDGET: usize = 32 << 20;

/// Thousands of texts are signed: long ones would let whoever sent them decide how long it takes.
fn is_too_long(doctor: &Doctor<'_>, sent: &Sent, href: &str) -> bool {
    const MOST: usize = 8 * 1024;
    let record = [&doctor.nonce, &doctor.timestamp, &doctor.url, &doctor.entry_url];
    let record = record.into_iter().flatten().map(String::len);
    let tickets = doctor.tickets().map(|ticket| ticket.expose().len());
    let lengths = [sent.nonce.len(), sent.timestamp.len(), href.len()].into_iter();
    lengths.chain(record).chain(tickets).sum::<usize>() > MOST
}

fn smallest(doctor: &Doctor<'_>, sent: &Sent, href: &str, hash: Hash) -> Option<Vec<Change>> {
    let tickets = tickets(doctor);
    let nonces = nonces(doctor, sent);
    let timestamps = timestamps(doctor, sent);
    let urls = urls(href, doctor.entry_url.as_deref(), doctor.url.as_deref());
    let layouts = layouts();
    let mut budget = BUDGET;
    for allowed in 0..=MOST_CHANGES {
        for Url { text: url, changes } in urls.iter().filter(|url| url.changes.len() <= allowed) {
            for (ticket, ticket_change) in &tickets {
                for (nonce, nonce_change) in &nonces {
                    for (timestamp, timestamp_change) in &timestamps {
                        let single = [ticket_change, nonce_change, timestamp_change];
                        let single: Vec<_> = single.into_iter().flatten().collect();
                        let count = changes.len() + single.len();
                        for (layout, layout_change) in &layouts {
                            if count + usize::from(layout_change.is_some()) != allowed {
                                continue;
                            }
                            let text = layout.write(ticket, nonce, timestamp, url);
                            budget = budget.checked_sub(text.expose().len())?;
                            if digest(hash, text.expose()) == sent.signature {
                                let rest = single.into_iter().chain(layout_change).chain(changes);
                                return Some(rest.cloned().collect());
                            }
                        }
                    }
                }
            }
        }
    }
    None
}

type Variants<V> = Vec<(V, Option<Change>)>;

fn tickets<'a>(doctor: &Doctor<'a>) -> Variants<&'a str> {
    let change = || Change {
        input: Input::Ticket,
        what: "it was signed with another ticket than the one that is valid now".to_owned(),
        remedy: "let every server share one ticket, and drop it when its life ends",
    };
    let mut all: Variants<&str> = Vec::new();
    for ticket in doctor.tickets() {
        let text = ticket.expose();
        let first = all.is_empty();
        push(&mut all, text, (!first).then(change));
        let padded = |what: &str| Change {
            what: format!("the ticket was signed with {what}"),
            remedy: "sign the bare text of the ticket",
            ..change()
        };
        push(&mut all, text.trim(), Some(padded("its white space cut off")));
    }
    all
}

fn nonces(doctor: &Doctor<'_>, sent: &Sent) -> Variants<String> {
    let change = |what: String| {
        let remedy = "give the page the nonce that was signed, as nonceStr, unchanged";
        Some(Change { input: Input::Nonce, what, remedy })
    };
    let mut all = vec![(sent.nonce.clone(), None)];
    if let Some(nonce) = &doctor.nonce {
        let what = format!("the server signed the nonce {}", quoted(nonce));
        push(&mut all, nonce.clone(), change(format!("{what}, the page sent another")));
    }
    let bare = sent.nonce.trim();
    push(&mut all, bare.to_owned(), change("the nonce was signed without white space".to_owned()));
    push(&mut all, bare.to_lowercase(), change("the nonce was signed in lower case".to_owned()));
    push(&mut all, bare.to_uppercase(), change("the nonce was signed in upper case".to_owned()));
    for nothing in NOTHING {
        let what = format!("in place of the nonce {} was signed", quoted(nothing));
        push(&mut all, nothing.to_owned(), change(what));
    }
    all
}

fn timestamps(doctor: &Doctor<'_>, sent: &Sent) -> Variants<String> {
    let change = |what: String| {
        let remedy = "take the time once, in milliseconds, and give the page the text that was \
                      signed, as the string timeStamp";
        Some(Change { input: Input::Timestamp, what, remedy })
    };
    let mut all = vec![(sent.timestamp.clone(), None)];
    if let Ok(number) = sent.timestamp.trim().parse::<i64>() {
        let what = "white space or zeros around the timestamp were not signed".to_owned();
        push(&mut all, number.to_string(), change(what));
        let what = "seconds were signed, the page sent milliseconds".to_owned();
        push(&mut all, (number / 1000).to_string(), change(what));
        if let Some(millis) = number.checked_mul(1000) {
            let what = "milliseconds were signed, the page sent seconds".to_owned();
            push(&mut all, millis.to_string(), change(what));
        }
        let what = "the timestamp was signed as a decimal fraction, with .0".to_owned();
        push(&mut all, format!("{number}.0"), change(what));
    }
    if let Some(timestamp) = &doctor.timestamp {
        let what = format!("the server signed the timestamp {}", quoted(timestamp));
        push(&mut all, timestamp.clone(), change(format!("{what}, the page sent another")));
    }
    for nothing in NOTHING {
        let what = format!("in place of the timestamp {} was signed", quoted(nothing));
        push(&mut all, nothing.to_owned(), change(what));
    }
    all
}

/// What languages write for a value that is not there.
const NOTHING: [&str; 4] = ["", "undefined", "null", "None"];

fn push<V: PartialEq>(all: &mut Variants<V>, value: V, change: Option<Change>) {
    if all.iter().all(|(known, _)| *known != value) {
        all.push((value, change));
    }
}

/// The names of the signed text, and the order in which ticket, nonce, timestamp and url stand.
struct Layout {
    names: [&'static str; 4],
    order: [usize; 4],
}

impl Layout {
    fn write(&self, ticket: &str, nonce: &str, timestamp: &str, url: &str) -> Secret {
        let values = [ticket, nonce, timestamp, url];
        let mut parts = [""; 15];
        for (place, at) in self.order.into_iter().enumerate() {
            parts[place * 4] = self.names[at];
            parts[place * 4 + 1] = "=";
            parts[place * 4 + 2] = values[at];
            if place < 3 {
                parts[place * 4 + 3] = "&";
            }
        }
        Secret::new(parts.concat())
    }
}

fn layouts() -> Vec<(Layout, Option<Change>)> {
    const RIGHT: [&str; 4] = ["jsapi_ticket", "noncestr", "timestamp", "url"];
    const CAMEL: [&str; 4] = ["jsapi_ticket", "nonceStr", "timeStamp", "url"];
    const SHORT: [&str; 4] = ["ticket", "noncestr", "timestamp", "url"];
    let mut all = Vec::with_capacity(72);
    for (names, wrong) in [
        (RIGHT, None),
        (CAMEL, Some("with the names nonceStr and timeStamp")),
        (SHORT, Some("with the name ticket in place of jsapi_ticket")),
    ] {
        for order in orders() {
            let what = match (wrong, order == [0, 1, 2, 3]) {
                (None, true) => None,
                (Some(names), true) => Some(format!("the text was signed {names}")),
                (None, false) => Some("the fields were signed in another order".to_owned()),
                (Some(names), false) => Some(format!("the text was signed {names}, out of order")),
            };
            let remedy = "sign jsapi_ticket=…&noncestr=…&timestamp=…&url=… in exactly this form";
            let change = what.map(|what| Change { input: Input::SignedText, what, remedy });
            all.push((Layout { names, order }, change));
        }
    }
    all
}

fn orders() -> impl Iterator<Item = [usize; 4]> {
    (0..256_usize)
        .map(|code| [code >> 6 & 3, code >> 4 & 3, code >> 2 & 3, code & 3])
        .filter(|order| (0..4).all(|wanted| order.contains(&wanted)))
}

/// Without an explanation, what the record says is at least plain to see.
fn compare_with_record(doctor: &Doctor<'_>, sent: &Sent, href: &str, report: &mut Report) {
    let pairs = [
        (Input::Nonce, "nonce", &doctor.nonce, sent.nonce.as_str()),
        (Input::Timestamp, "timestamp", &doctor.timestamp, sent.timestamp.as_str()),
        (Input::Url, "url", &doctor.url, href),
    ];
    for (input, name, record, sent) in pairs {
        let Some(record) = record.as_deref().filter(|record| *record != sent) else { continue };
        report.add(
            Certainty::Seen,
            input,
            format!(
                "by its record the server signed the {name} {}, here it is {}",
                quoted(record),
                quoted(sent)
            ),
            "sign the same text that the page has",
        );
    }
}
