//! The sandbox itself: what it is, its clock, its switches, and its whole state.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, Ask, Problem, openapi};
use crate::SnapshotError;
use crate::documents::SwitchesDoc;
use crate::fidelity;

type Outcome = Result<Answer, Problem>;

/// What is given is done in this order: stop or start, set, speed, advance.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ClockDoc {
    freeze: Option<bool>,
    run: Option<bool>,
    #[serde(alias = "set_ms")]
    set_ms: Option<u64>,
    speed: Option<f64>,
    #[serde(alias = "advance_ms")]
    advance_ms: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ConfigDoc {
    config: Value,
    url: String,
}

pub(super) fn health(_: &Ask<'_>) -> Outcome {
    Answer::ok(json!({ "status": "ok" }))
}

pub(super) fn version(_: &Ask<'_>) -> Outcome {
    Answer::ok(
        json!({ "name": "dingtalk-sandbox", "version": env!("CARGO_PKG_VERSION"), "api": "v1" }),
    )
}

pub(super) fn description(_: &Ask<'_>) -> Outcome {
    Answer::ok(openapi::description())
}

pub(super) fn rests_on(_: &Ask<'_>) -> Outcome {
    Answer::ok(fidelity::told())
}

pub(super) fn clock(ask: &Ask<'_>) -> Outcome {
    let (now, frozen, speed) = ask.sandbox.shared.clock.reading();
    Answer::ok(json!({ "nowMs": now, "frozen": frozen, "speed": speed }))
}

pub(super) fn move_clock(ask: &Ask<'_>) -> Outcome {
    let doc: ClockDoc = ask.json()?;
    let freeze = match (doc.freeze, doc.run) {
        (Some(true), Some(true)) | (Some(false), Some(false)) => {
            return Err(Problem::invalid("`freeze` and `run` contradict each other"));
        }
        (Some(freeze), _) => Some(freeze),
        (None, run) => run.map(|run| !run),
    };
    if doc.speed.is_some_and(|speed| !(0.001..=1_000_000.0).contains(&speed)) {
        return Err(Problem::invalid("`speed` goes from 0.001 to 1000000"));
    }
    if freeze.is_none() && doc.set_ms.is_none() && doc.speed.is_none() && doc.advance_ms.is_none() {
        return Err(Problem::invalid("give `advanceMs`, `setMs`, `freeze`, `run` or `speed`"));
    }
    let moved = &ask.sandbox.shared.clock;
    match freeze {
        Some(true) => moved.freeze(),
        Some(false) => moved.run(),
        None => {}
    }
    if let Some(at) = doc.set_ms {
        moved.set(at);
    }
    if let Some(speed) = doc.speed {
        moved.speed(speed);
    }
    if let Some(by) = doc.advance_ms {
        moved.advance(Duration::from_millis(by));
    }
    clock(ask)
}

pub(super) fn switches(ask: &Ask<'_>) -> Outcome {
    Answer::ok(json!(SwitchesDoc::of(&ask.sandbox.platform().switches)))
}

pub(super) fn set_switches(ask: &Ask<'_>) -> Outcome {
    let doc: SwitchesDoc = ask.json()?;
    if let Some(mistake) = doc.mistake() {
        return Err(Problem::invalid(mistake));
    }
    for switch in doc.switches() {
        ask.sandbox.set_switch(&switch);
    }
    switches(ask)
}

pub(super) fn verify_config(ask: &Ask<'_>) -> Outcome {
    let ConfigDoc { config, url } = ask.json()?;
    Answer::ok(match ask.sandbox.verify_config(&config, &url) {
        Ok(()) => json!({ "ok": true }),
        Err(error) => json!({
            "ok": false, "code": error.code, "message": error.message, "differs": error.differs,
        }),
    })
}

pub(super) fn reset(ask: &Ask<'_>) -> Outcome {
    ask.sandbox.reset();
    Answer::ok(json!({ "reset": true }))
}

pub(super) fn save(ask: &Ask<'_>) -> Outcome {
    Ok(Answer::Text("application/json", ask.sandbox.snapshot().into_bytes()))
}

pub(super) fn load(ask: &Ask<'_>) -> Outcome {
    ask.sandbox.load(snapshot_in(ask)?).map_err(|error| refused(&error))?;
    Answer::ok(json!({ "loaded": true }))
}

pub(super) fn changes(ask: &Ask<'_>) -> Outcome {
    let changes = ask.sandbox.changes_since(snapshot_in(ask)?).map_err(|error| refused(&error))?;
    Answer::ok(json!({ "changes": changes }))
}

fn snapshot_in<'a>(ask: &Ask<'a>) -> Result<&'a str, Problem> {
    std::str::from_utf8(ask.body).map_err(|_| refused(&SnapshotError::NotOne))
}

fn refused(error: &SnapshotError) -> Problem {
    let name = match error {
        SnapshotError::NotOne => "no_snapshot",
        SnapshotError::Version { .. } => "other_version",
        SnapshotError::Cut => "half_written",
        SnapshotError::Broken { .. } => "broken_snapshot",
    };
    Problem::new(400, name, error.to_string())
}
