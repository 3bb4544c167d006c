//! What people do: log in, consent, and lose their tokens.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, Ask, Problem, grants};
use crate::codes::{self, Pool};
use crate::consent::{Consent, ConsentKind, Decision};
use crate::documents::unknown_point;
use crate::platform::Platform;
use crate::snapshot::consents_of;
use crate::{demo, person_code};

type Outcome = Result<Answer, Problem>;

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
enum CodeKind {
    Silent,
    Oauth,
    Sso,
    Sns,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CodeDoc {
    kind: CodeKind,
    user_id: String,
    client_id: Option<String>,
    corp_id: Option<String>,
    #[serde(default)]
    scopes: Vec<String>,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
enum DecisionDoc {
    #[default]
    Approve,
    Refuse,
    AskAdmin,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
enum ConsentKindDoc {
    #[default]
    Delegated,
    Application,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ConsentAskDoc {
    client_id: String,
    user_id: String,
    corp_id: Option<String>,
    #[serde(default)]
    rpc_scope: String,
    #[serde(default)]
    field_scope: String,
    #[serde(default)]
    kind: ConsentKindDoc,
    #[serde(default)]
    decision: DecisionDoc,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WithdrawDoc {
    client_id: String,
    user_id: String,
    points: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RevokeDoc {
    token: Option<String>,
    fingerprint: Option<String>,
    #[serde(default)]
    all: bool,
}

pub(super) fn issue_code(ask: &Ask<'_>) -> Outcome {
    let doc: CodeDoc = ask.json()?;
    let platform = &mut *ask.sandbox.platform();
    let now = ask.sandbox.shared.clock.now();
    let corp = doc.corp_id.as_deref().map_or_else(|| Arc::clone(&platform.home), Arc::from);
    let (pool, client) = match doc.kind {
        CodeKind::Sso => (Pool::Sso, Arc::from("")),
        CodeKind::Silent => (Pool::Silent, client_of(platform, doc.client_id.as_deref())?),
        CodeKind::Sns => (Pool::Sns, client_of(platform, doc.client_id.as_deref())?),
        CodeKind::Oauth => (Pool::OAuth, client_of(platform, doc.client_id.as_deref())?),
    };
    let mut code = person_code(platform, pool, Arc::clone(&client), &corp, &doc.user_id)
        .map_err(|detail| Problem::new(422, "cannot_log_in", detail))?;
    if pool != Pool::Sso && !platform.app(&client).is_some_and(|app| app.works_in(&corp)) {
        let detail = format!("app {client} is not in organization {corp}");
        return Err(Problem::new(422, "cannot_log_in", detail));
    }
    if pool == Pool::OAuth {
        code.with_corp = doc.scopes.iter().any(|scope| scope == "corpid");
        // Whoever comes out of the browser login with a code has approved what its page shows.
        let points = platform.app(&client).map(Platform::delegated_points).unwrap_or_default();
        let union_id = Arc::clone(&code.union_id);
        platform.remember_consent(&client, &union_id, points.iter().map(|point| point.code));
    }
    let life = match pool {
        Pool::OAuth => {
            u64::try_from(platform.switches.oauth_code_life.as_millis()).unwrap_or(u64::MAX)
        }
        Pool::Silent | Pool::Sso | Pool::Sns | Pool::Suite => codes::LIFE,
    };
    let code = platform.codes.issue(code, now, &mut platform.rng);
    Ok(Answer::Json(201, json!({ "code": code, "expiresAt": now.saturating_add(life) })))
}

pub(super) fn consents(ask: &Ask<'_>) -> Outcome {
    let platform = &*ask.sandbox.platform();
    let mut all = consents_of(platform);
    if let Some(client) = ask.query("clientId") {
        all.retain(|consent| *consent.client_id == *client);
    }
    if let Some(user) = ask.query("userId") {
        let theirs = platform.union_ids(user);
        all.retain(|consent| theirs.contains(&consent.union_id));
    }
    Answer::ok(json!({ "consents": all }))
}

pub(super) fn consent(ask: &Ask<'_>) -> Outcome {
    let doc: ConsentAskDoc = ask.json()?;
    let home = ask.sandbox.platform().home.to_string();
    let consent = Consent {
        client_id: doc.client_id,
        corp_id: doc.corp_id.unwrap_or(home),
        user_id: doc.user_id,
        rpc_scope: doc.rpc_scope,
        field_scope: doc.field_scope,
        kind: match doc.kind {
            ConsentKindDoc::Delegated => ConsentKind::Delegated,
            ConsentKindDoc::Application => ConsentKind::Application,
        },
        decision: match doc.decision {
            DecisionDoc::Approve => Decision::Approve,
            DecisionDoc::Refuse => Decision::Refuse,
            DecisionDoc::AskAdmin => Decision::AskAdmin,
        },
    };
    // The dialog's own outcome is no failure of this API: `failed` is what the promise resolves with.
    let told = match ask.sandbox.consent(&consent) {
        Ok(outcome) => serde_json::from_str(&outcome.to_json()).unwrap_or(Value::Null),
        Err(error) => json!({ "status": "failed", "code": error.code, "message": error.message }),
    };
    Answer::ok(told)
}

pub(super) fn withdraw(ask: &Ask<'_>) -> Outcome {
    let WithdrawDoc { client_id, user_id, points } = ask.json()?;
    let withdrawn = match points {
        None => ask.sandbox.withdraw_consent(&client_id, &user_id),
        Some(points) => {
            if let Some(mistake) = points.iter().find_map(|point| unknown_point(point)) {
                return Err(Problem::invalid(mistake));
            }
            ask.sandbox.withdraw_points(&client_id, &user_id, &points)
        }
    };
    Answer::ok(json!({ "withdrawn": withdrawn }))
}

pub(super) fn revoke(ask: &Ask<'_>) -> Outcome {
    let revoked = match ask.json()? {
        RevokeDoc { token: Some(token), fingerprint: None, all: false } => {
            usize::from(ask.sandbox.revoke_token(&token))
        }
        RevokeDoc { token: None, fingerprint: Some(fingerprint), all: false } => {
            let token = grants::find_token(ask, &fingerprint);
            usize::from(token.is_some_and(|token| ask.sandbox.revoke_token(&token)))
        }
        RevokeDoc { token: None, fingerprint: None, all: true } => ask.sandbox.revoke_all_tokens(),
        RevokeDoc { .. } => {
            return Err(Problem::invalid("give either `token`, `fingerprint` or `all`: true"));
        }
    };
    Answer::ok(json!({ "revoked": revoked }))
}

/// The app that is meant: the demo's internal app when none is named, or the only one there is.
fn client_of(platform: &Platform, named: Option<&str>) -> Result<Arc<str>, Problem> {
    let id = match named {
        Some(id) => id.to_owned(),
        None => {
            let demo = demo::facts().client_id;
            let mut all = platform.apps.keys();
            match (platform.apps.contains_key(demo.as_str()), all.next(), all.next()) {
                (true, _, _) => demo,
                (false, Some(only), None) => only.to_string(),
                _ => return Err(Problem::invalid("which app? give `clientId`")),
            }
        }
    };
    let app = platform.app(&id).ok_or_else(|| {
        Problem::new(422, "cannot_log_in", format!("there is no app {id}, or it is disabled"))
    })?;
    Ok(Arc::clone(&app.client_id))
}
