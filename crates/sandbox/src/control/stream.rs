//! Stream connections, and what is sent over them by hand.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, Ask, Problem};

type Outcome = Result<Answer, Problem>;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DisconnectDoc {
    connection_id: Option<String>,
    client_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CallbackDoc {
    client_id: String,
    topic: String,
    data: Value,
}

pub(super) fn connections(ask: &Ask<'_>) -> Outcome {
    let app = ask.query("app");
    let connections = ask.sandbox.platform().stream.connections();
    let told: Vec<Value> = connections
        .iter()
        .filter(|connection| app.is_none_or(|app| connection.client_id == app))
        .map(|connection| {
            json!({
                "id": connection.id,
                "clientId": connection.client_id,
                "userAgent": connection.user_agent,
                "topics": connection.topics,
                "openedAtMs": connection.opened_at,
                "unacknowledged": connection.unacknowledged,
                "leaving": connection.leaving,
            })
        })
        .collect();
    Answer::ok(json!({ "connections": told }))
}

pub(super) fn disconnect(ask: &Ask<'_>) -> Outcome {
    let doc: DisconnectDoc = ask.json()?;
    let ids = match (doc.connection_id, doc.client_id) {
        (Some(id), None) => vec![id],
        (None, Some(app)) => {
            let connections = ask.sandbox.stream_connections(&app);
            connections.into_iter().map(|connection| connection.id).collect()
        }
        _ => return Err(Problem::invalid("give `connectionId` or `clientId`")),
    };
    let asked = ids.iter().filter(|id| ask.sandbox.disconnect(id)).count();
    Answer::ok(json!({ "disconnected": asked }))
}

pub(super) fn call_back(ask: &Ask<'_>) -> Outcome {
    let CallbackDoc { client_id, topic, data } = ask.json()?;
    if !ask.sandbox.platform().apps.contains_key(client_id.as_str()) {
        return Err(Problem::absent("app", &client_id));
    }
    Answer::ok(json!({ "push": ask.sandbox.call_back(&client_id, &topic, &data.to_string()) }))
}

pub(super) fn answers(ask: &Ask<'_>) -> Outcome {
    let answers = ask.sandbox.callback_answers();
    let told: Vec<Value> = answers
        .iter()
        .map(|answer| {
            json!({
                "push": answer.push,
                "clientId": answer.client_id,
                "topic": answer.topic,
                "code": answer.code,
                "response": answer.response,
            })
        })
        .collect();
    Answer::ok(json!({ "answers": told }))
}
