//! Secrets where logs are made of them (wire-facts §1.2, §1.3).

use http::header::{REFERER, USER_AGENT};

use super::Sighting;
use super::catalogue::Kind;
use super::ledger::Ledger;
use crate::rng::MARK;
use crate::wire::Family;

/// An app's secret that is shorter says nothing when it turns up.
const SHORTEST: usize = 8;

pub(super) fn look(seen: &Sighting<'_>, ledger: &mut Ledger) {
    if seen.family == Family::Page {
        // Browsers, not the client.
        return;
    }
    let (at, operation) = (seen.moment.sandbox, seen.operation_name());
    let own = seen.secret.filter(|secret| secret.len() >= SHORTEST);
    for (name, value) in seen.query {
        if is_documented(seen.family, operation, name) {
            continue;
        }
        if holds_secret(value, own) {
            // The name comes from outside, and may be anything.
            let shown: String = name.chars().filter(|char| !char.is_control()).take(40).collect();
            let shown = if holds_secret(&shown, own) { String::new() } else { shown };
            let detail = format!("query parameter {shown}");
            ledger.raise(Kind::SecretInUrl, seen.app, operation, at, &[seen.seq], detail);
        }
    }
    if holds_secret(seen.path, own) {
        ledger.raise(Kind::SecretInUrl, seen.app, operation, at, &[seen.seq], "the path");
    }
    let Some(headers) = seen.headers else {
        return;
    };
    for (name, detail) in [(REFERER, "Referer"), (USER_AGENT, "User-Agent")] {
        let value = headers.get(name).and_then(|value| value.to_str().ok());
        if value.is_some_and(|value| holds_secret(value, own)) {
            ledger.raise(Kind::SecretInHeader, seen.app, operation, at, &[seen.seq], detail);
        }
    }
}

/// The parameters in which a family takes a secret, token or code.
fn is_documented(family: Family, operation: &str, name: &str) -> bool {
    match (family, name) {
        (Family::Old, "access_token" | "suite_access_token" | "signature" | "suiteTicket") => true,
        (Family::Old, "appsecret") => operation == "GET /gettoken",
        (Family::Old, "corpsecret") => matches!(operation, "GET /gettoken" | "GET /sso/gettoken"),
        (Family::Old, "code") => {
            matches!(operation, "GET /user/getuserinfo" | "GET /sso/getuserinfo")
        }
        (Family::Topapi, "access_token") => true,
        (Family::V1, "code") => operation == "GET /v1.0/oauth2/ssoUserInfo",
        _ => false,
    }
}

/// Something that the sandbox gave out, by its mark, or the calling app's own secret.
fn holds_secret(text: &str, own: Option<&str>) -> bool {
    own.is_some_and(|own| text.contains(own))
        || text.match_indices(MARK).any(|(at, _)| {
            let before = text.get(..at).and_then(|text| text.chars().next_back());
            let rest = text.get(at..).unwrap_or_default();
            let len = rest.bytes().take_while(u8::is_ascii_alphanumeric).count();
            let word = rest.get(..len).unwrap_or_default();
            // Tokens and codes are hex, tickets are longer; task ids and client ids bear the mark, too.
            let token = len == 32 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
            !before.is_some_and(|char| char.is_ascii_alphanumeric()) && (token || len == 64)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_and_tickets_are_told_from_ids_that_bear_the_mark() {
        let token = "5ab0c5aaaaaaaaaaaaaaaaaaaaaaaaaa";
        for text in [token, &format!("?t={token}&x"), &format!("5ab0c5{}", "Z".repeat(58))] {
            assert!(holds_secret(text, None), "{text}");
        }
        for text in ["dingdemo5ab0c5quick", "5ab0c5zzzzzzzzzzzzzzzzzzzzzzzzzz", &token[..31], "x"] {
            assert!(!holds_secret(text, None), "{text}");
        }
        assert!(!holds_secret(&format!("x{token}"), None), "a longer word");
        assert!(holds_secret("agent/1 (the-secret)", Some("the-secret")));
    }
}
