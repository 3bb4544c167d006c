//! Third-party apps, their tickets, and the organizations that opened them.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, Ask, Problem};
use crate::apps::{App, AppKind};
use crate::documents::{ScopeDoc, TermsDoc, unknown_point};
use crate::platform::Platform;

type Outcome = Result<Answer, Problem>;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SuiteDoc {
    suite_key: Option<String>,
    suite_secret: Option<String>,
    name: Option<String>,
    #[serde(default)]
    requested: Vec<String>,
    #[serde(default)]
    opened_by: Vec<String>,
}

pub(super) fn suites(ask: &Ask<'_>) -> Outcome {
    let reveal = ask.flag("reveal")?;
    let platform = &*ask.sandbox.platform();
    let mut all: Vec<&App> = platform.apps.values().filter(|app| is_suite(app)).collect();
    all.sort_unstable_by(|one, two| one.client_id.cmp(&two.client_id));
    let all: Vec<Value> = all.into_iter().map(|app| told(platform, app, reveal)).collect();
    Answer::ok(json!({ "suites": all }))
}

pub(super) fn suite(ask: &Ask<'_>) -> Outcome {
    let reveal = ask.flag("reveal")?;
    let platform = &*ask.sandbox.platform();
    Answer::ok(told(platform, suite_of(platform, ask)?, reveal))
}

/// What is not given is made up; the answer shows the secrets this once.
pub(super) fn create_suite(ask: &Ask<'_>) -> Outcome {
    let doc: SuiteDoc = ask.json()?;
    if let Some(mistake) = doc.requested.iter().find_map(|point| unknown_point(point)) {
        return Err(Problem::invalid(mistake));
    }
    let platform = &mut *ask.sandbox.platform();
    if let Some(corp) = doc.opened_by.iter().find(|corp| platform.company(corp).is_none()) {
        return Err(Problem::invalid(format!("there is no organization {corp}")));
    }
    let key = doc.suite_key.unwrap_or_else(|| format!("suite{}", platform.rng.word(16)));
    let secret = doc.suite_secret.unwrap_or_else(|| platform.rng.word(64));
    if key.is_empty() || secret.is_empty() {
        return Err(Problem::invalid("`suiteKey` and `suiteSecret` are not empty"));
    }
    if platform.apps.contains_key(key.as_str()) {
        return Err(Problem::new(409, "conflict", format!("there is an app {key} already")));
    }
    let mut app = App::third_party(&*key, secret).suite_ticket(platform.rng.word(24));
    app.name = doc.name.unwrap_or_else(|| key.clone());
    app = doc.requested.into_iter().fold(app, App::grant);
    app.opened_by = doc.opened_by.into_iter().collect();
    platform.add_app(app);
    let made = platform.apps.get(key.as_str()).map(|app| told(platform, app, true));
    Ok(Answer::Json(201, json!(made)))
}

pub(super) fn push_ticket(ask: &Ask<'_>) -> Outcome {
    let key = suite_of(&ask.sandbox.platform(), ask)?.client_id.to_string();
    let pushes = ask.sandbox.push_suite_ticket(&key);
    Answer::ok(json!({ "suiteTicket": ask.sandbox.suite_ticket(&key), "pushes": pushes }))
}

pub(super) fn renew_ticket(ask: &Ask<'_>) -> Outcome {
    let key = suite_of(&ask.sandbox.platform(), ask)?.client_id.to_string();
    Answer::ok(json!({ "suiteTicket": ask.sandbox.renew_suite_ticket(&key) }))
}

pub(super) fn authorizations(ask: &Ask<'_>) -> Outcome {
    let platform = &*ask.sandbox.platform();
    let app = suite_of(platform, ask)?;
    let all: Vec<Value> = app.opened_by.iter().map(|corp| authorization_told(app, corp)).collect();
    Answer::ok(json!({ "authorizations": all }))
}

pub(super) fn authorization(ask: &Ask<'_>) -> Outcome {
    let platform = &*ask.sandbox.platform();
    let app = suite_of(platform, ask)?;
    opened(app, ask.member_at(1))?;
    Answer::ok(authorization_told(app, ask.member_at(1)))
}

pub(super) fn authorize(ask: &Ask<'_>) -> Outcome {
    let terms = ask.json::<TermsDoc>()?.terms().map_err(Problem::invalid)?;
    let key = suite_of(&ask.sandbox.platform(), ask)?.client_id.to_string();
    if ask.sandbox.platform().company(ask.member_at(1)).is_none() {
        return Err(Problem::absent("organization", ask.member_at(1)));
    }
    ask.sandbox.authorize_with(&key, ask.member_at(1), &terms).map_err(Problem::invalid)?;
    authorization(ask)
}

pub(super) fn revoke_authorization(ask: &Ask<'_>) -> Outcome {
    let key = suite_of(&ask.sandbox.platform(), ask)?.client_id.to_string();
    if ask.sandbox.revoke_authorization(&key, ask.member_at(1)) {
        return Answer::ok(json!({ "removed": true }));
    }
    Err(not_opened(ask.member_at(1)))
}

pub(super) fn stop(ask: &Ask<'_>) -> Outcome {
    set_stopped(ask, true)
}

pub(super) fn start(ask: &Ask<'_>) -> Outcome {
    set_stopped(ask, false)
}

fn set_stopped(ask: &Ask<'_>, stopped: bool) -> Outcome {
    let key = {
        let platform = &*ask.sandbox.platform();
        let app = suite_of(platform, ask)?;
        opened(app, ask.member_at(1))?;
        app.client_id.to_string()
    };
    ask.sandbox.set_app_stopped(&key, ask.member_at(1), stopped);
    authorization(ask)
}

fn is_suite(app: &App) -> bool {
    app.kind != AppKind::Internal
}

fn suite_of<'p>(platform: &'p Platform, ask: &Ask<'_>) -> Result<&'p App, Problem> {
    let app = platform.apps.get(ask.member()).filter(|app| is_suite(app));
    app.ok_or_else(|| Problem::absent("third-party app", ask.member()))
}

fn opened(app: &App, corp: &str) -> Result<(), Problem> {
    if app.opened_by.contains(corp) { Ok(()) } else { Err(not_opened(corp)) }
}

fn not_opened(corp: &str) -> Problem {
    Problem::new(404, "no_such_thing", format!("{corp} has not opened this app"))
}

fn told(platform: &Platform, app: &App, reveal: bool) -> Value {
    let secret = |text: &str| reveal.then(|| text.to_owned());
    json!({
        "suiteKey": &*app.client_id,
        "suiteSecret": secret(&app.client_secret),
        "suiteTicket": secret(&app.suite_ticket),
        "suiteId": app.app_id,
        "name": app.name,
        "requested": app.requested,
        "openedBy": app.opened_by,
        "nextTicketMs": platform.outbox.ticket_due(&app.client_id),
        "disabled": app.dead,
    })
}

fn authorization_told(app: &App, corp: &str) -> Value {
    json!({
        "suiteKey": &*app.client_id,
        "corpId": corp,
        "agentId": app.agent(corp).id,
        "stopped": app.stopped_in(corp),
        "points": app.granted.get(corp),
        "contactScope": app.scope_in(corp).map(ScopeDoc::of),
        "activated": app.permanent.get(corp).is_some_and(|permanent| permanent.active),
    })
}
