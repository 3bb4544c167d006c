//! Callbacks for events: who is told where, what was pushed, what waits, and events raised by hand.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::company::same_id;
use super::{Answer, Ask, Event, Problem, Wait};
use crate::Shared;
use crate::documents::SubscriptionDoc;
use crate::events::{Attempt, PushTrouble, Trigger, carry};

type Outcome = Result<Answer, Problem>;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CallbackDoc {
    client_id: String,
    corp_id: Option<String>,
    url: String,
    token: String,
    aes_key: String,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    sync_http: bool,
    /// Hold it without asking the URL first.
    #[serde(default)]
    unchecked: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct EventDoc {
    client_id: String,
    event_type: String,
    corp_id: Option<String>,
    #[serde(default)]
    user_ids: Vec<String>,
    #[serde(default)]
    dept_ids: Vec<i64>,
    #[serde(default)]
    role_ids: Vec<i64>,
    #[serde(default)]
    fields: Map<String, Value>,
}

/// Which attempts are wanted.
pub(super) struct Attempts {
    client: Option<String>,
    event_type: Option<String>,
    push: Option<u64>,
}

pub(super) fn callbacks(ask: &Ask<'_>) -> Outcome {
    let reveal = ask.flag("reveal")?;
    let docs = ask.sandbox.platform().outbox.callbacks(reveal);
    Answer::ok(json!({ "callbacks": docs }))
}

/// The URL is asked first, as the console does, while nobody waits for the sandbox.
pub(super) fn put_callback(ask: &Ask<'_>) -> Outcome {
    let doc: CallbackDoc = ask.json()?;
    same_id(&doc.client_id, ask.member())?;
    let what = SubscriptionDoc {
        client_id: doc.client_id,
        corp_id: doc.corp_id,
        url: doc.url,
        token: Some(doc.token),
        aes_key: Some(doc.aes_key),
        tags: doc.tags,
        sync_http: doc.sync_http,
    };
    let sandbox = ask.sandbox.clone();
    let now = sandbox.shared.clock.now();
    if doc.unchecked {
        sandbox.platform().install_unasked(&what, now).map_err(Problem::invalid)?;
        sandbox.tell();
        return shown(&sandbox.shared, &what);
    }
    let check = {
        let platform = &mut *sandbox.platform();
        platform.check_of(&what, now).map_err(Problem::invalid)?
    };
    Ok(Answer::Later(Box::new(move || {
        let verdict = carry(&check.push);
        let now = sandbox.shared.clock.now();
        let verdict = sandbox.platform().conclude_check(check, verdict, now);
        verdict.map_err(|trouble| refused(&trouble))?;
        sandbox.tell();
        shown(&sandbox.shared, &what)
    })))
}

pub(super) fn delete_callback(ask: &Ask<'_>) -> Outcome {
    if ask.sandbox.platform().outbox.remove(ask.member(), ask.query("corpId")) {
        return Answer::ok(json!({ "removed": true }));
    }
    Err(Problem::absent("callback of", ask.member()))
}

pub(super) fn deliveries(ask: &Ask<'_>) -> Outcome {
    let wanted = Attempts::of(ask)?;
    let limit = usize::try_from(ask.number("limit")?.unwrap_or(1_000)).unwrap_or(usize::MAX);
    let platform = &*ask.sandbox.platform();
    let log = platform.outbox.log();
    let fitting: Vec<&Attempt> = log.iter().filter(|attempt| wanted.fits(attempt)).collect();
    let from = fitting.len().saturating_sub(limit);
    let attempts: Vec<Value> = fitting.into_iter().skip(from).map(told).collect();
    Answer::ok(json!({ "deliveries": attempts, "waiting": platform.outbox.waiting_told() }))
}

pub(super) fn delivery(ask: &Ask<'_>) -> Outcome {
    let push: u64 = ask.member_number()?;
    let platform = &*ask.sandbox.platform();
    let message =
        platform.outbox.message(push).ok_or_else(|| Problem::absent("push", ask.member()))?;
    let wanted = Attempts { client: None, event_type: None, push: Some(push) };
    let log = platform.outbox.log();
    let attempts: Vec<Value> =
        log.iter().filter(|attempt| wanted.fits(attempt)).map(told).collect();
    Answer::ok(json!({ "push": push, "message": message, "attempts": attempts }))
}

pub(super) fn resend(ask: &Ask<'_>) -> Outcome {
    let push: u64 = ask.member_number()?;
    if ask.sandbox.platform().outbox.message(push).is_none() {
        return Err(Problem::absent("push", ask.member()));
    }
    if ask.sandbox.resend(push) {
        return Answer::ok(json!({ "queued": true }));
    }
    Err(Problem::new(409, "conflict", "its callback is gone, or it is just under way"))
}

pub(super) fn wait_deliveries(ask: &Ask<'_>) -> Outcome {
    let times = usize::try_from(ask.number("times")?.unwrap_or(1)).unwrap_or(usize::MAX);
    let shared = Arc::clone(&ask.sandbox.shared);
    let event = Event::Deliveries { shared, wanted: Attempts::of(ask)?, times };
    Ok(Answer::Wait(Wait { limit: ask.wait_limit()?, event }))
}

pub(super) fn trigger(ask: &Ask<'_>) -> Outcome {
    let doc: EventDoc = ask.json()?;
    let trigger = Trigger {
        event_type: doc.event_type,
        corp_id: doc.corp_id,
        user_ids: doc.user_ids,
        dept_ids: doc.dept_ids,
        role_ids: doc.role_ids,
        fields: doc.fields.into_iter().collect(),
    };
    let pushes = ask.sandbox.trigger(&doc.client_id, &trigger).map_err(Problem::invalid)?;
    Ok(Answer::Json(201, json!({ "pushes": pushes })))
}

impl Attempts {
    /// How many of them a callback has taken.
    pub(super) fn taken(&self, shared: &Shared) -> usize {
        let log = shared.platform().outbox.log();
        log.iter().filter(|attempt| attempt.trouble.is_none() && self.fits(attempt)).count()
    }

    fn of(ask: &Ask<'_>) -> Result<Self, Problem> {
        let text = |name: &str| ask.query(name).map(str::to_owned);
        Ok(Self {
            client: text("clientId"),
            event_type: text("eventType"),
            push: ask.number("push")?,
        })
    }

    fn fits(&self, attempt: &Attempt) -> bool {
        self.client.as_ref().is_none_or(|wanted| *wanted == attempt.client_id)
            && self.event_type.as_ref().is_none_or(|wanted| *wanted == attempt.event_type)
            && self.push.is_none_or(|wanted| wanted == attempt.push)
    }
}

fn shown(shared: &Shared, what: &SubscriptionDoc) -> Outcome {
    let docs = shared.platform().outbox.callbacks(false);
    let doc =
        docs.into_iter().find(|doc| doc.client_id == what.client_id && doc.corp_id == what.corp_id);
    Answer::ok(json!(doc))
}

fn refused(trouble: &PushTrouble) -> Problem {
    Problem::new(422, "callback_refused", trouble.to_string())
}

fn told(attempt: &Attempt) -> Value {
    json!({
        "push": attempt.push,
        "attempt": attempt.number,
        "at": attempt.at,
        "clientId": attempt.client_id,
        "eventType": attempt.event_type,
        "delivered": attempt.trouble.is_none(),
        "trouble": attempt.trouble.as_ref().map(ToString::to_string),
    })
}
