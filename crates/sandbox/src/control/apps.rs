//! Apps and their permission points. Secrets are shown only where somebody asks for them.

use serde::Deserialize;
use serde_json::json;

use super::company::same_id;
use super::{Answer, Ask, Problem};
use crate::documents::{AppDoc, unknown_point};

type Outcome = Result<Answer, Problem>;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PointsDoc {
    points: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DisabledDoc {
    disabled: bool,
}

pub(super) fn apps(ask: &Ask<'_>) -> Outcome {
    let reveal = ask.flag("reveal")?;
    let platform = &*ask.sandbox.platform();
    let mut apps: Vec<AppDoc> = platform.apps.values().map(|app| AppDoc::of(app, reveal)).collect();
    apps.sort_unstable_by(|one, two| one.client_id.cmp(&two.client_id));
    Answer::ok(json!({ "apps": apps }))
}

pub(super) fn app(ask: &Ask<'_>) -> Outcome {
    let reveal = ask.flag("reveal")?;
    shown(ask, reveal)
}

pub(super) fn put_app(ask: &Ask<'_>) -> Outcome {
    let mut doc: AppDoc = ask.json()?;
    same_id(&doc.client_id, ask.member())?;
    let platform = &mut *ask.sandbox.platform();
    if let Some(old) = platform.apps.get(ask.member()) {
        // What an answer hides must survive being sent back.
        doc.client_secret.get_or_insert_with(|| old.client_secret.clone());
        doc.suite_ticket.get_or_insert_with(|| old.suite_ticket.clone());
    }
    if let Some(mistake) = doc.mistake() {
        return Err(Problem::invalid(mistake));
    }
    let app = doc.into_app();
    if app.dead {
        platform.tokens.drop_client(&app.client_id);
    }
    platform.add_app(app);
    let app = platform.apps.get(ask.member()).map(|app| AppDoc::of(app, false));
    Answer::ok(json!(app))
}

pub(super) fn delete_app(ask: &Ask<'_>) -> Outcome {
    if ask.sandbox.remove_app(ask.member()) {
        return Answer::ok(json!({ "removed": true }));
    }
    Err(Problem::absent("app", ask.member()))
}

pub(super) fn grant(ask: &Ask<'_>) -> Outcome {
    each_point(ask, |ask, point| ask.sandbox.grant(ask.member(), point))
}

pub(super) fn revoke(ask: &Ask<'_>) -> Outcome {
    each_point(ask, |ask, point| ask.sandbox.revoke_grant(ask.member(), point))
}

pub(super) fn request(ask: &Ask<'_>) -> Outcome {
    each_point(ask, |ask, point| ask.sandbox.request_point(ask.member(), point))
}

pub(super) fn disable(ask: &Ask<'_>) -> Outcome {
    let DisabledDoc { disabled } = ask.json()?;
    if !ask.sandbox.set_dead_client(ask.member(), disabled) {
        return Err(Problem::absent("app", ask.member()));
    }
    shown(ask, false)
}

/// All points or none: they are checked before the first one is touched.
fn each_point(ask: &Ask<'_>, change: impl Fn(&Ask<'_>, &str) -> bool) -> Outcome {
    let PointsDoc { points } = ask.json()?;
    if let Some(mistake) = points.iter().find_map(|point| unknown_point(point)) {
        return Err(Problem::invalid(mistake));
    }
    if !ask.sandbox.platform().apps.contains_key(ask.member()) {
        return Err(Problem::absent("app", ask.member()));
    }
    for point in &points {
        change(ask, point);
    }
    shown(ask, false)
}

fn shown(ask: &Ask<'_>, reveal: bool) -> Outcome {
    ask.sandbox
        .platform()
        .apps
        .get(ask.member())
        .map(|app| Answer::Json(200, json!(AppDoc::of(app, reveal))))
        .ok_or_else(|| Problem::absent("app", ask.member()))
}
