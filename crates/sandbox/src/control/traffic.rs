//! Calls on their way: gates, the journal and what the critic found.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, Ask, Event, Problem, Wait};
use crate::critic::Severity;
use crate::faults::names;
use crate::gates::Hold;
use crate::journal::Entry;
use crate::routes;

type Outcome = Result<Answer, Problem>;

/// Which entries of the journal are wanted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    operation: Option<String>,
    app: Option<String>,
    status: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct GateDoc {
    operation: String,
}

pub(super) fn gates(ask: &Ask<'_>) -> Outcome {
    let gates: Vec<Value> =
        ask.sandbox.shared.gates.closed().iter().map(|gate| gate_told(gate)).collect();
    Answer::ok(json!({ "gates": gates }))
}

pub(super) fn add_gate(ask: &Ask<'_>) -> Outcome {
    let GateDoc { operation } = ask.json()?;
    check_operation(&operation)?;
    let gate = ask.sandbox.shared.gates.add(operation);
    Ok(Answer::Json(201, gate_told(&gate)))
}

pub(super) fn gate_arrivals(ask: &Ask<'_>) -> Outcome {
    let times = usize::try_from(ask.number("times")?.unwrap_or(1)).unwrap_or(usize::MAX);
    let event = Event::Arrivals { gate: gate_of(ask)?, times };
    Ok(Answer::Wait(Wait { limit: ask.wait_limit()?, event }))
}

pub(super) fn release_gate(ask: &Ask<'_>) -> Outcome {
    let gate = gate_of(ask)?;
    gate.release();
    Answer::ok(json!({ "released": true, "arrivals": gate.arrivals() }))
}

pub(super) fn release_gates(ask: &Ask<'_>) -> Outcome {
    Answer::ok(json!({ "released": ask.sandbox.shared.gates.release_all() }))
}

pub(super) fn journal(ask: &Ask<'_>) -> Outcome {
    let filter = Filter::of(ask)?;
    let limit = usize::try_from(ask.number("limit")?.unwrap_or(1_000)).unwrap_or(usize::MAX);
    let journal = &ask.sandbox.shared.journal;
    let since = ask.number("since")?.unwrap_or(0);
    let (entries, next) = journal.after(since, limit, |entry| filter.fits(entry));
    let entries: Vec<Value> = entries.iter().map(entry_told).collect();
    Answer::ok(json!({ "entries": entries, "next": next, "total": journal.total() }))
}

pub(super) fn findings(ask: &Ask<'_>) -> Outcome {
    let least = ask.query("least").unwrap_or("info").parse::<Severity>();
    let least =
        least.map_err(|error| Problem::new(400, "invalid_query", format!("least={error}")))?;
    let mut findings = ask.sandbox.findings();
    findings.retain(|finding| finding.severity >= least);
    let worst = findings.first().map(|finding| finding.severity);
    Answer::ok(json!({ "findings": findings, "worst": worst }))
}

pub(super) fn clear_findings(ask: &Ask<'_>) -> Outcome {
    ask.sandbox.clear_findings();
    Answer::ok(json!({ "cleared": true }))
}

pub(super) fn clear_journal(ask: &Ask<'_>) -> Outcome {
    ask.sandbox.shared.journal.clear();
    Answer::ok(json!({ "cleared": true }))
}

pub(super) fn wait_journal(ask: &Ask<'_>) -> Outcome {
    let operation = ask.query("operation").unwrap_or_default().to_owned();
    check_operation(&operation)?;
    if operation.ends_with('*') {
        return Err(Problem::new(400, "invalid_query", "operation names one API here, without *"));
    }
    let times = usize::try_from(ask.number("times")?.unwrap_or(1)).unwrap_or(usize::MAX);
    let event = Event::Calls { journal: ask.sandbox.journal(), operation, times };
    Ok(Answer::Wait(Wait { limit: ask.wait_limit()?, event }))
}

pub(super) fn live_journal(ask: &Ask<'_>) -> Outcome {
    let newest = ask.sandbox.shared.journal.newest();
    let from = ask.number("since")?.unwrap_or(newest);
    Ok(Answer::Live(Filter::of(ask)?, from))
}

pub(super) fn export_journal(ask: &Ask<'_>) -> Outcome {
    let filter = Filter::of(ask)?;
    let since = ask.number("since")?.unwrap_or(0);
    let journal = &ask.sandbox.shared.journal;
    let (entries, _) = journal.after(since, usize::MAX, |entry| filter.fits(entry));
    let mut lines = String::new();
    for entry in &entries {
        lines.push_str(&entry_told(entry).to_string());
        lines.push('\n');
    }
    Ok(Answer::Text("application/x-ndjson", lines.into_bytes()))
}

/// An entry as the journal has it: redacted before it got there.
pub(crate) fn entry_told(entry: &Entry) -> Value {
    json!({
        "seq": entry.seq,
        "at": entry.at,
        "method": entry.method,
        "path": entry.path,
        "host": entry.host,
        "operation": entry.operation,
        "app": entry.app,
        "status": entry.status,
        "code": entry.code,
        "token": entry.token,
        "oneTimeCode": entry.one_time_code,
        "faulted": entry.faulted,
        "query": entry.query,
        "fields": entry.fields,
        "requestBytes": entry.request_bytes,
        "answerBytes": entry.answer_bytes,
        "tookMicros": u64::try_from(entry.took.as_micros()).unwrap_or(u64::MAX),
    })
}

impl Filter {
    pub(crate) fn fits(&self, entry: &Entry) -> bool {
        self.operation.as_ref().is_none_or(|wanted| names(wanted, &entry.operation))
            && self.app.as_ref().is_none_or(|wanted| entry.app.as_ref() == Some(wanted))
            && self.status.is_none_or(|wanted| u64::from(entry.status) == wanted)
    }

    fn of(ask: &Ask<'_>) -> Result<Self, Problem> {
        let text = |name: &str| ask.query(name).map(str::to_owned);
        Ok(Self { operation: text("operation"), app: text("app"), status: ask.number("status")? })
    }
}

fn gate_told(gate: &Hold) -> Value {
    let state = gate.state.lock();
    json!({
        "id": gate.id,
        "operation": gate.on,
        "arrivals": state.arrived,
        "held": state.held,
    })
}

fn gate_of(ask: &Ask<'_>) -> Result<Arc<Hold>, Problem> {
    let id: u64 = ask.member_number()?;
    let closed = ask.sandbox.shared.gates.closed();
    closed
        .into_iter()
        .find(|gate| gate.id == id)
        .ok_or_else(|| Problem::absent("closed gate", ask.member()))
}

/// A misspelt name would wait for ever without a word.
pub(super) fn check_operation(pattern: &str) -> Result<(), Problem> {
    if routes::known(pattern) {
        return Ok(());
    }
    Err(Problem::invalid(format!(
        "no operation is called {pattern:?}: give method and path template, as in \
         \"GET /v1.0/contact/users/{{unionId}}\", or its beginning with *"
    )))
}
