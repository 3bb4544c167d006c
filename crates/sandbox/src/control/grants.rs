//! Permission points, and the tokens that are alive.

use serde_json::{Map, Value, json};

use super::{Answer, Ask, Problem};
use crate::apps::App;
use crate::points::{CATALOGUE, Form, Product, Subject, is_default};
use crate::routes;
use crate::tokens::TokenKind;

type Outcome = Result<Answer, Problem>;

/// The catalogue, with what each point opens and where each app stands with it: `usable` is requested and granted.
pub(super) fn points(ask: &Ask<'_>) -> Outcome {
    let platform = &*ask.sandbox.platform();
    let rows: Vec<Value> = CATALOGUE
        .iter()
        .map(|point| {
            let operations: Vec<&str> = routes::all()
                .filter(|operation| operation.point == Some(point.code))
                .map(|operation| operation.name)
                .collect();
            let mut apps: Vec<&App> = platform.apps.values().collect();
            apps.sort_unstable_by(|one, two| one.client_id.cmp(&two.client_id));
            let apps: Map<String, Value> = apps
                .into_iter()
                .map(|app| (app.client_id.to_string(), standing(app, point.code)))
                .collect();
            json!({
                "code": point.code,
                "kind": match point.form { Form::Rpc => "rpc", Form::Field => "field" },
                "subject": match point.subject {
                    Subject::Application => "application",
                    Subject::Delegated => "delegated",
                    Subject::Both => "both",
                },
                "sensitive": point.sensitive,
                "product": match point.product {
                    Product::Basics => "basics",
                    Product::Contacts => "contacts",
                    Product::Person => "person",
                    Product::Todo => "todo",
                },
                "default": is_default(point.code),
                "name": point.name,
                "chineseName": point.chinese,
                "operations": operations,
                "apps": apps,
            })
        })
        .collect();
    Answer::ok(json!({ "permissions": rows }))
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

fn standing(app: &App, code: &str) -> Value {
    let mut granted: Vec<&str> = app
        .granted
        .iter()
        .filter(|(_, points)| points.contains(code))
        .map(|(corp, _)| &**corp)
        .collect();
    granted.sort_unstable();
    let usable: Vec<&str> = granted.iter().copied().filter(|corp| app.may(corp, code)).collect();
    json!({ "requested": app.requested.contains(code), "grantedIn": granted, "usableIn": usable })
}
