//! What travels over the web socket: JSON texts, each with headers and a `data` that is JSON in a text again.

use serde_json::Value;

use super::told::Told;
use crate::events::PushTrouble;
use crate::wire::json::{Json, Object};

/// What an app answers to a message.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ack {
    /// Absent where an SDK acknowledges a message that had none.
    pub(crate) message_id: Option<String>,
    pub(crate) code: i64,
    /// What `data` holds; null if that is no JSON.
    pub(crate) data: Value,
}

/// Who gets a message, and as what.
#[derive(Debug)]
pub(crate) struct Addressed<'a> {
    pub(crate) app_id: &'a str,
    pub(crate) connection_id: &'a str,
    pub(crate) message_id: &'a str,
    pub(crate) now: u64,
}

impl Ack {
    /// Reads what came; the error is what the connection is closed with. `data` may be an object where it should be a
    /// text that holds one.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let Ok(Value::Object(mut fields)) = serde_json::from_str(text) else {
            return Err("a message must be a JSON object");
        };
        let code = match fields.get("code") {
            Some(Value::Number(code)) => code.as_i64(),
            Some(Value::String(code)) => code.parse().ok(),
            _ => None,
        };
        let code = code.ok_or("an acknowledgement needs a code")?;
        let Some(Value::Object(headers)) = fields.get("headers") else {
            return Err("an acknowledgement needs headers");
        };
        let message_id = headers.get("messageId").and_then(Value::as_str).map(str::to_owned);
        let data = match fields.remove("data") {
            Some(Value::String(text)) => serde_json::from_str(&text).unwrap_or_default(),
            data => data.unwrap_or_default(),
        };
        Ok(Self { message_id, code, data })
    }

    /// What the acknowledgement of an event says. The Python SDK sends the event's own data back instead of a status, so
    /// only an explicit `LATER` counts beside the code (wire-facts §10.7, §14 row 18c).
    pub(crate) fn verdict(&self) -> Result<(), PushTrouble> {
        match (self.code, self.data.get("status").and_then(Value::as_str)) {
            (200, Some("LATER")) => Err(PushTrouble::Later),
            (200, _) => Ok(()),
            (code, _) => Err(PushTrouble::Code(code)),
        }
    }
}

impl Addressed<'_> {
    pub(crate) fn event(&self, told: &Told) -> String {
        let headers = self
            .headers("*")
            .put("eventType", told.event_type.clone())
            .put("eventCorpId", told.corp.clone())
            .put("eventId", told.event_id.clone())
            .put("eventBornTime", told.born.to_string())
            .put("eventUnifiedAppId", self.app_id.to_owned());
        frame("EVENT", headers, told.data.clone())
    }

    pub(crate) fn callback(&self, topic: &str, data: &str) -> String {
        frame("CALLBACK", self.headers(topic), data.to_owned())
    }

    fn headers(&self, topic: &str) -> Object {
        Object::with_capacity(12)
            .put("appId", self.app_id.to_owned())
            .put("connectionId", self.connection_id.to_owned())
            .put("contentType", "application/json")
            .put("messageId", self.message_id.to_owned())
            .put("time", self.now.to_string())
            .put("topic", topic.to_owned())
    }
}

pub(crate) fn ping(message_id: &str, opaque: &str, now: u64) -> String {
    let headers = Object::new()
        .put("topic", "ping")
        .put("messageId", message_id.to_owned())
        .put("contentType", "application/json")
        .put("time", now.to_string());
    frame("SYSTEM", headers, text_of(&Object::new().put("opaque", opaque.to_owned()).done()))
}

/// It has no message id: nobody waits for an answer.
pub(crate) fn disconnect(reason: &str, now: u64) -> String {
    let headers = Object::new()
        .put("topic", "disconnect")
        .put("contentType", "application/json")
        .put("time", now.to_string());
    frame("SYSTEM", headers, text_of(&Object::new().put("reason", reason.to_owned()).done()))
}

pub(crate) fn text_of(json: &Json) -> String {
    String::from_utf8_lossy(&json.to_bytes()).into_owned()
}

fn frame(kind: &'static str, headers: Object, data: String) -> String {
    let frame = Object::new()
        .put("specVersion", "1.0")
        .put("type", kind)
        .put("headers", headers)
        .put("data", data);
    text_of(&frame.done())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(text: &str) -> Result<(), PushTrouble> {
        Ack::parse(text).expect("it is one").verdict()
    }

    #[test]
    fn only_later_and_codes_other_than_200_are_no_success() {
        let ack = |code: &str, data: &str| {
            let data = Value::from(data);
            format!(r#"{{"code":{code},"headers":{{"messageId":"m"}},"message":"","data":{data}}}"#)
        };
        assert_eq!(verdict(&ack("200", r#"{"status":"SUCCESS","message":"ok"}"#)), Ok(()));
        assert_eq!(verdict(&ack("200", r#"{"suiteTicket":"the event's own data"}"#)), Ok(()));
        assert_eq!(verdict(&ack("200", "no JSON")), Ok(()));
        assert_eq!(verdict(&ack("\"200\"", "null")), Ok(()));
        assert_eq!(verdict(&ack("200", r#"{"status":"LATER"}"#)), Err(PushTrouble::Later));
        assert_eq!(verdict(&ack("500", r#"{"status":"SUCCESS"}"#)), Err(PushTrouble::Code(500)));
        let object = r#"{"code":200,"headers":{},"data":{"status":"LATER"}}"#;
        assert_eq!(verdict(object), Err(PushTrouble::Later));
    }

    #[test]
    fn what_is_no_acknowledgement_is_told_apart_and_never_panics() {
        let deep = "[".repeat(100_000);
        for text in ["", "ping", "[]", "1", "{}", r#"{"code":200}"#, r#"{"code":"x","headers":{}}"#]
        {
            assert!(Ack::parse(text).is_err(), "{text}");
        }
        assert!(Ack::parse(&deep).is_err());
        assert!(Ack::parse(r#"{"code":1e300,"headers":{}}"#).is_err());
        let nameless = Ack::parse(r#"{"code":200,"headers":{"messageId":7},"data":"x"}"#);
        assert_eq!(nameless.map(|ack| ack.message_id), Ok(None));
    }

    #[test]
    fn the_frames_have_the_members_of_the_facts_in_their_order() {
        assert_eq!(
            disconnect("connection is expired", 1),
            r#"{"specVersion":"1.0","type":"SYSTEM","headers":{"topic":"disconnect","contentType":"application/json","time":"1"},"data":"{\"reason\":\"connection is expired\"}"}"#
        );
        assert_eq!(
            ping("m-02", "op-77", 1),
            r#"{"specVersion":"1.0","type":"SYSTEM","headers":{"topic":"ping","messageId":"m-02","contentType":"application/json","time":"1"},"data":"{\"opaque\":\"op-77\"}"}"#
        );
    }
}
