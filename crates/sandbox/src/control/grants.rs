//! Permission points, and the tokens that are alive.

use serde_json::{Value, json};

use super::{Answer, Ask, Problem};
use crate::points::{self, CATALOGUE, Form, Subject};
use crate::tokens::TokenKind;

type Outcome = Result<Answer, Problem>;

pub(super) fn points(_: &Ask<'_>) -> Outcome {
    let all: Vec<Value> = CATALOGUE
        .iter()
        .map(|point| {
            json!({
                "code": point.code,
                "form": match point.form { Form::Rpc => "rpc", Form::Field => "field" },
                "subject": match point.subject {
                    Subject::Application => "application",
                    Subject::Delegated => "delegated",
                    Subject::Both => "both",
                },
                "name": point.name,
                "chineseName": point.chinese,
                "givenToAll": points::is_default(point.code),
            })
        })
        .collect();
    Answer::ok(json!({ "permissions": all }))
}

/// By fingerprint, as the journal shows them: an answer never holds a token.
pub(super) fn tokens(ask: &Ask<'_>) -> Outcome {
    let now = ask.sandbox.shared.clock.now();
    let journal = ask.sandbox.journal();
    let platform = &*ask.sandbox.platform();
    let wanted = |name: &str, value: &str| ask.query(name).is_none_or(|wanted| wanted == value);
    let mut all: Vec<(u64, Value)> = platform
        .tokens
        .alive(now)
        .filter(|token| wanted("clientId", &token.caller.client))
        .map(|token| {
            let (kind, user) = match &token.caller.kind {
                TokenKind::App => ("app", None),
                TokenKind::User { user_id, .. } => ("user", Some(user_id.to_string())),
                TokenKind::Sso => ("sso", None),
                TokenKind::Suite => ("suite", None),
            };
            let told = json!({
                "fingerprint": journal.fingerprint(token.text),
                "kind": kind,
                "refresh": token.refresh,
                "clientId": &*token.caller.client,
                "corpId": &*token.caller.corp,
                "userId": user,
                "expiresAt": token.expires,
            });
            (token.expires, told)
        })
        .filter(|(_, told)| wanted("userId", told["userId"].as_str().unwrap_or_default()))
        .collect();
    all.sort_by(|one, two| {
        (one.0, one.1["fingerprint"].as_str()).cmp(&(two.0, two.1["fingerprint"].as_str()))
    });
    let all: Vec<Value> = all.into_iter().map(|(_, told)| told).collect();
    Answer::ok(json!({ "tokens": all }))
}

/// The token with this fingerprint.
pub(super) fn find_token(ask: &Ask<'_>, fingerprint: &str) -> Option<String> {
    let now = ask.sandbox.shared.clock.now();
    let journal = ask.sandbox.journal();
    let platform = &*ask.sandbox.platform();
    let mut alive = platform.tokens.alive(now);
    alive.find(|token| journal.fingerprint(token.text) == fingerprint).map(|it| it.text.to_owned())
}
