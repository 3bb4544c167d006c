//! What can be seen in the object alone.

use serde_json::{Map, Value};

use super::super::dd_error::DdError;
use super::super::signature::Hash;
use super::{Certainty, Input, Report, quoted};

/// The texts that go into the signature, and the signature in lower case.
pub(super) struct Sent {
    pub(super) nonce: String,
    pub(super) timestamp: String,
    pub(super) signature: String,
}

/// Notes what is wrong with the object; `None` when there is no signature to look into.
pub(super) fn examine(sent: &Value, report: &mut Report) -> Option<Sent> {
    let Value::Object(fields) = sent else {
        report.seen(
            DdError::Signature,
            Input::Object,
            "dd.config was not given an object".to_owned(),
            "give it one object with agentId, corpId, timeStamp, nonceStr, signature, jsApiList",
        );
        return None;
    };
    corp_id(fields, report);
    agent_id(fields, report);
    let nonce = text(fields, "nonceStr", DdError::Nonce, Input::Nonce, report);
    let timestamp = timestamp(fields, report);
    let signature = signature(fields, report);
    js_api_list(fields, report);
    kind(fields, report);
    if field(fields, "jsapi_ticket").or_else(|| field(fields, "ticket")).is_some() {
        report.add(
            Certainty::Seen,
            Input::Ticket,
            "the page was sent a ticket".to_owned(),
            "keep the ticket on the server: whoever has it can sign for the app",
        );
    }
    Some(Sent { nonce, timestamp, signature: signature? })
}

fn corp_id(fields: &Map<String, Value>, report: &mut Report) {
    text(fields, "corpId", DdError::CorpId, Input::CorpId, report);
}

fn agent_id(fields: &Map<String, Value>, report: &mut Report) {
    let id = text(fields, "agentId", DdError::AgentId, Input::AgentId, report);
    if !id.is_empty() && id.trim().parse::<i64>().is_err() {
        report.seen(
            DdError::AgentId,
            Input::AgentId,
            format!("agentId {} is no number", quoted(&id)),
            "give the app's AgentId from the console, neither its AppKey nor its AppId",
        );
    }
}

fn timestamp(fields: &Map<String, Value>, report: &mut Report) -> String {
    let text = text(fields, "timeStamp", DdError::Timestamp, Input::Timestamp, report);
    if !text.is_empty() && text.parse::<i64>().is_err() {
        report.seen(
            DdError::Timestamp,
            Input::Timestamp,
            format!("timeStamp {} is no whole number", quoted(&text)),
            DdError::Timestamp.remedy(),
        );
    }
    text
}

fn signature(fields: &Map<String, Value>, report: &mut Report) -> Option<String> {
    let error = DdError::Signature;
    let signature = text(fields, "signature", error, Input::Signature, report);
    if signature.is_empty() {
        return None;
    }
    let hex = signature.trim();
    if !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        report.seen(error, Input::Signature, "the signature is not hex".to_owned(), error.remedy());
        return None;
    }
    if hex.len() != signature.len() {
        let what = "there is white space around the signature".to_owned();
        report.seen(error, Input::Signature, what, "trim it");
    }
    if hex.bytes().any(|byte| byte.is_ascii_uppercase()) {
        let what = "the signature is written in upper case".to_owned();
        report.seen(DdError::SignatureDiffers, Input::Signature, what, "write it in lower case");
    }
    match Hash::of(hex) {
        Some(Hash::Sha256) => {}
        Some(_) => report.add(
            Certainty::Suspected,
            Input::Hash,
            "the signature is a SHA-1, as in older demos".to_owned(),
            "if all else is right and the client refuses it, sign with SHA-256",
        ),
        None => report.seen(
            error,
            Input::Hash,
            format!("the signature has {} digits: neither SHA-256 nor SHA-1", hex.len()),
            "sign with SHA-256 and write all of its 64 hex digits",
        ),
    }
    Some(hex.to_ascii_lowercase())
}

fn js_api_list(fields: &Map<String, Value>, report: &mut Report) {
    let (error, input) = (DdError::JsApiList, Input::JsApiList);
    let Some(list) = named(fields, "jsApiList", error, input, report) else { return };
    let Value::Array(list) = list else {
        return report.seen(error, input, "jsApiList is no array".to_owned(), error.remedy());
    };
    for name in list {
        let what = match name.as_str() {
            None => "an entry of jsApiList is no string".to_owned(),
            Some(name) if name.trim().is_empty() => "an entry of jsApiList is empty".to_owned(),
            Some(name) if name.starts_with("dd.") => {
                format!("jsApiList names {} with dd. in front", quoted(name))
            }
            Some(_) => continue,
        };
        return report.seen(error, input, what, error.remedy());
    }
}

fn kind(fields: &Map<String, Value>, report: &mut Report) {
    match field(fields, "type") {
        None | Some(Value::Null) => {}
        Some(kind) if matches!(kind.as_i64(), Some(0 | 1)) => {}
        Some(_) => report.seen(
            DdError::Type,
            Input::Type,
            "type is neither 0 nor 1 as a number".to_owned(),
            DdError::Type.remedy(),
        ),
    }
}

/// A field that should be a string. What it most likely holds comes back even where it is written
/// wrongly, so that the signature can be looked into all the same.
fn text(
    fields: &Map<String, Value>,
    name: &'static str,
    error: DdError,
    input: Input,
    report: &mut Report,
) -> String {
    match named(fields, name, error, input, report) {
        None => String::new(),
        Some(Value::String(text)) => {
            if text.trim().is_empty() {
                report.seen(error, input, format!("{name} is empty"), error.remedy());
            }
            text.clone()
        }
        Some(Value::Number(number)) => {
            let what = format!("{name} is a number, not a string");
            // Clients were seen to take numbers, so this does not stand for the client's answer.
            report.add(Certainty::Suspected, input, what, "write it as a string, in quotes");
            number.to_string()
        }
        Some(_) => {
            report.seen(error, input, format!("{name} is no string"), error.remedy());
            String::new()
        }
    }
}

/// A field by its name, or else by a name that differs in case or underscores alone.
fn named<'v>(
    fields: &'v Map<String, Value>,
    name: &'static str,
    error: DdError,
    input: Input,
    report: &mut Report,
) -> Option<&'v Value> {
    if let Some(value) = field(fields, name) {
        return Some(value);
    }
    let bare = |name: &str| name.replace(['_', '-'], "").to_ascii_lowercase();
    match fields.iter().find(|(other, _)| bare(other) == bare(name)) {
        Some((other, value)) => {
            let what = format!("the field is named {}, not {name}", quoted(other));
            report.seen(error, input, what, "write the names of dd.config in camel case");
            Some(value)
        }
        None => {
            report.seen(error, input, format!("{name} is missing"), error.remedy());
            None
        }
    }
}

fn field<'v>(fields: &'v Map<String, Value>, name: &str) -> Option<&'v Value> {
    fields.get(name)
}
