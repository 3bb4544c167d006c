//! Every finding there is: its name, how bad it is, what it rests on and what to do. The table in the crate's
//! documentation is held to this list by a test.

use super::finding::Severity::{self, Error, Info, Warn};

/// What a client can do wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Kind {
    TokenRefetched,
    TokenNotReused,
    TokenUsedLate,
    TokenMisplaced,
    TicketRefetched,
    RetryTooSoon,
    WriteRepeated,
    CodeReused,
    CodeLate,
    CodeForeign,
    CodeMisplaced,
    SecretInUrl,
    SecretInHeader,
    PlainHttp,
    UnknownField,
    PermissionMissing,
    PermissionUnused,
    CallbackLate,
    CallbackUnencrypted,
    CallbackNotSuccess,
    DeprecatedEndpoint,
    NoTimeout,
}

/// One line of the catalogue.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) kind: Kind,
    pub(crate) id: &'static str,
    pub(crate) severity: Severity,
    pub(crate) what: &'static str,
    pub(crate) fix: &'static str,
    pub(crate) rests_on: &'static str,
}

impl Kind {
    pub(crate) fn row(self) -> &'static Row {
        // The list is complete, which a test holds; the fallback only keeps the types honest.
        CATALOGUE.iter().find(|row| row.kind == self).unwrap_or(&CATALOGUE[0])
    }
}

/// The worst of a group comes first in no particular order; ids never change once they are out.
pub(crate) static CATALOGUE: [Row; 22] = [
    row(
        Kind::TokenRefetched,
        "token-refetched",
        Warn,
        "a token was asked for again while the former one was valid for more than ten minutes",
        "keep the token until ten minutes before it ends, one store for all threads and processes of the app",
        "wire-facts §2.4",
    ),
    row(
        Kind::TokenNotReused,
        "token-not-reused",
        Warn,
        "three tokens in a row were used once at most",
        "fetch a token once and use it for every call until it is nearly over",
        "wire-facts §2.4",
    ),
    row(
        Kind::TokenUsedLate,
        "token-used-late",
        Info,
        "a token was used in its last nine minutes or later, so nobody had renewed it in time",
        "renew ten minutes before the end (a minute is granted for a renewal under way)",
        "wire-facts §2.4",
    ),
    row(
        Kind::TokenMisplaced,
        "token-wrong-kind",
        Error,
        "a person's token stood where an app's belongs, or the reverse",
        "call contact and topapi interfaces with the app's token, users/me and authRules with the person's",
        "wire-facts §5, §6",
    ),
    row(
        Kind::TicketRefetched,
        "ticket-refetched",
        Warn,
        "a JSAPI ticket was fetched again while the same one was valid for more than ten minutes",
        "keep the ticket for its two hours; sign every page with the one that is kept",
        "wire-facts §7.1",
    ),
    row(
        Kind::RetryTooSoon,
        "retry-too-soon",
        Warn,
        "a call was repeated sooner than its refusal allows: 1 s when throttled, 5 min when the address is banned, \
         1 min when the month is used up, 0.1 s when busy",
        "back off before a repetition, longer each time, with some jitter",
        "wire-facts §11.1 rows 1–5",
    ),
    row(
        Kind::WriteRepeated,
        "write-repeated",
        Error,
        "a to-do was created again within a minute, the first outcome being unknown, without a sourceId",
        "give a sourceId and look for it before repeating, or do not repeat",
        "wire-facts §9.1, §11.1 rows 1, 5",
    ),
    row(
        Kind::CodeReused,
        "code-reused",
        Warn,
        "a one-time code was presented again after it had been used",
        "exchange a code once; let a reloaded page start the log-in again",
        "wire-facts §4.3, §11.1 row 11",
    ),
    row(
        Kind::CodeLate,
        "code-late",
        Warn,
        "a one-time code was presented more than five minutes after it was made",
        "exchange the code as soon as it arrives",
        "wire-facts §4.3",
    ),
    row(
        Kind::CodeForeign,
        "code-foreign",
        Error,
        "a one-time code was presented by another app, or in another organization, than it was made for",
        "keep app and organization together with the page that asked for the code",
        "wire-facts §4.3, §6.2",
    ),
    row(
        Kind::CodeMisplaced,
        "code-wrong-kind",
        Error,
        "a code of one log-in was presented at another one's door, as a silent code at userAccessToken",
        "silent codes go to getuserinfo; codes of the browser login and of openAuth to userAccessToken",
        "wire-facts §4.3",
    ),
    row(
        Kind::SecretInUrl,
        "secret-in-url",
        Error,
        "a secret, token or code stood in a URL, other than as the documented parameter",
        "put it into the header or the body that the interface documents; URLs end up in logs",
        "wire-facts §1.2, §1.3",
    ),
    row(
        Kind::SecretInHeader,
        "secret-in-header",
        Error,
        "a secret, token or code stood in a Referer or a User-Agent",
        "keep tokens out of page addresses, and set a Referrer-Policy",
        "wire-facts §1.3",
    ),
    row(
        Kind::PlainHttp,
        "plain-http",
        Error,
        "a call came over plain HTTP for a host that is not this machine",
        "use https; the official SDK's protocol is http until it is set",
        "wire-facts §1.1, §13.1",
    ),
    row(
        Kind::UnknownField,
        "unknown-field",
        Warn,
        "a JSON field, form field or query parameter was sent that the interface does not have",
        "look for a misspelt name; what the platform does not know it ignores without a word",
        "wire-facts §2–§9",
    ),
    row(
        Kind::PermissionMissing,
        "permission-missing",
        Warn,
        "a call was refused because a permission point is not granted",
        "add the point at the console and have it granted, or do not make the call",
        "wire-facts §11.1 row 13",
    ),
    row(
        Kind::PermissionUnused,
        "permission-unused",
        Info,
        "the app has permission points that no call of it needed",
        "take the points back that the app does not need",
        "wire-facts §6, §8.4",
    ),
    row(
        Kind::CallbackLate,
        "callback-late",
        Error,
        "a callback did not reply in time, so the platform sends the event again",
        "acknowledge first and work afterwards",
        "wire-facts §10.1",
    ),
    row(
        Kind::CallbackUnencrypted,
        "callback-unencrypted",
        Error,
        "a callback's reply was not encrypted and signed as it must be",
        "encrypt `success` with the callback's key and sign it: msg_signature, timeStamp, nonce, encrypt",
        "wire-facts §10.2",
    ),
    row(
        Kind::CallbackNotSuccess,
        "callback-not-success",
        Error,
        "a callback replied with something else than status 200 and `success`",
        "reply `success` to every event, also to those that are of no interest",
        "wire-facts §10.2",
    ),
    row(
        Kind::DeprecatedEndpoint,
        "deprecated-endpoint",
        Info,
        "an interface was called that has a newer twin",
        "call the twin that the detail names",
        "wire-facts §2, §3, §6.2, §7.1",
    ),
    row(
        Kind::NoTimeout,
        "no-timeout",
        Warn,
        "the client waited for more than a minute for an answer that did not come",
        "set a time limit for the whole call; the old official SDK takes 15 s to connect and 30 s to read",
        "wire-facts §13.2",
    ),
];

const fn row(
    kind: Kind,
    id: &'static str,
    severity: Severity,
    what: &'static str,
    fix: &'static str,
    rests_on: &'static str,
) -> Row {
    Row { kind, id, severity, what, fix, rests_on }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `findings.md` has to be.
    fn table() -> String {
        let mut text = "| finding | severity | what the client did | what to do | rests on |\n\
                        |---|---|---|---|---|\n"
            .to_owned();
        for Row { id, severity, what, fix, rests_on, .. } in &CATALOGUE {
            text.push_str(&format!("| `{id}` | {severity} | {what} | {fix} | {rests_on} |\n"));
        }
        text
    }

    #[test]
    fn the_table_in_the_documentation_is_the_catalogue() {
        assert_eq!(include_str!("findings.md"), table(), "findings.md has to be:\n{}", table());
    }

    #[test]
    fn every_kind_has_one_row_and_every_id_is_its_own() {
        for (at, row) in CATALOGUE.iter().enumerate() {
            assert!(std::ptr::eq(row.kind.row(), row), "{}", row.id);
            assert!(!CATALOGUE[..at].iter().any(|other| other.id == row.id), "{}", row.id);
            assert_eq!(row.kind as usize, at, "in the order of the kinds, none left out");
        }
        assert_eq!(CATALOGUE.len(), Kind::NoTimeout as usize + 1);
    }
}
