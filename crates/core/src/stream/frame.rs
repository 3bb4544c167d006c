//! What travels over the web socket: JSON texts, each with headers and a `data` that is JSON in a
//! text again (wire-facts §10.7). What comes is read as tolerantly as it is written; what goes out
//! is the documented form.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::delivery::{Answer, Delivery, DeliveryKind};
use crate::{CorpId, Secret, Timestamp, UnifiedAppId, lenient};

/// A message of the platform's.
pub(crate) enum Frame {
    /// Wants this answer.
    Ping(String),
    /// Leave this connection for another one.
    Disconnect,
    /// For the program.
    Push(Delivery),
    /// Of a type that is not known here: a later platform's.
    Unknown,
}

impl Frame {
    /// Reads a message; the error says what is wrong with it, never what is in it.
    pub(crate) fn read(text: &str, now: Timestamp) -> Result<Self, &'static str> {
        let form: Form = serde_json::from_str(text)
            .map_err(|_| "a frame that is not a JSON object of the known shape")?;
        let Form { kind, headers, data } = form;
        match (kind.as_str(), headers.topic.as_str()) {
            ("SYSTEM", "ping") => Ok(Self::Ping(pong(&headers.message_id, &text_of(data)))),
            ("SYSTEM", "disconnect") => Ok(Self::Disconnect),
            ("EVENT", _) => headers.push(DeliveryKind::Event, text_of(data), now),
            ("CALLBACK", _) => headers.push(DeliveryKind::Callback, text_of(data), now),
            ("", _) => Err("a frame without a type"),
            _ => Ok(Self::Unknown),
        }
    }
}

/// The answer to a message, in its kind's own form.
pub(crate) fn acknowledgement(kind: DeliveryKind, message_id: &str, answer: &Answer) -> String {
    match kind {
        DeliveryKind::Event => {
            let (status, message) = match answer {
                Answer::Done | Answer::Reply(_) => ("SUCCESS", "ok"),
                Answer::Later => ("LATER", "not yet"),
            };
            write(200, message_id, "OK", &to_text(&Status { status, message }))
        }
        DeliveryKind::Callback => match answer {
            Answer::Done => responded(200, message_id, "OK", &Value::Null),
            Answer::Reply(response) => responded(200, message_id, "OK", response),
            Answer::Later => responded(500, message_id, "the handler failed", &Value::Null),
        },
    }
}

/// The answer to a callback of a topic that nobody subscribed to.
pub(crate) fn unknown_topic(message_id: &str) -> String {
    responded(404, message_id, "no handler for this topic", &Value::Null)
}

/// An id is kept for minutes, so it must be short; the platform's have 36 characters.
const LONGEST_ID: usize = 256;

#[derive(Deserialize)]
struct Form {
    #[serde(rename = "type", default, deserialize_with = "lenient::read")]
    kind: String,
    // The documentation says `header` in one place.
    #[serde(default, alias = "header", deserialize_with = "lenient::object")]
    headers: Headers,
    #[serde(default)]
    data: Option<Box<RawValue>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Headers {
    #[serde(deserialize_with = "lenient::read")]
    topic: String,
    #[serde(deserialize_with = "lenient::read")]
    message_id: String,
    #[serde(deserialize_with = "lenient::read")]
    time: Option<String>,
    #[serde(deserialize_with = "lenient::read")]
    event_type: String,
    #[serde(deserialize_with = "lenient::read")]
    event_corp_id: CorpId,
    #[serde(deserialize_with = "lenient::read")]
    event_id: String,
    #[serde(deserialize_with = "lenient::read")]
    event_born_time: Option<String>,
    #[serde(deserialize_with = "lenient::read")]
    event_unified_app_id: UnifiedAppId,
}

impl Headers {
    fn push(self, kind: DeliveryKind, data: Secret, now: Timestamp) -> Result<Frame, &'static str> {
        if self.message_id.is_empty() || self.message_id.len() > LONGEST_ID {
            return Err("a message whose id is missing or too long");
        }
        let number = |text: Option<String>| text.and_then(|text| text.parse().ok());
        Ok(Frame::Push(Delivery {
            kind,
            topic: self.topic,
            message_id: self.message_id,
            sent_at: number(self.time),
            received_at: now.unix_millis(),
            event_type: self.event_type,
            corp_id: self.event_corp_id,
            event_id: self.event_id,
            born_at: number(self.event_born_time),
            unified_app_id: self.event_unified_app_id,
            data,
        }))
    }
}

/// `data` is a text that holds JSON; an object in its place is taken as it stands.
fn text_of(data: Option<Box<RawValue>>) -> Secret {
    let raw = data.as_deref().map_or("", RawValue::get);
    match serde_json::from_str::<Option<String>>(raw) {
        Ok(text) => text.unwrap_or_default().into(),
        Err(_) => raw.into(),
    }
}

/// Echoes the ping's opaque value, whatever it is.
fn pong(message_id: &str, data: &Secret) -> String {
    #[derive(Deserialize)]
    struct Opaque<'a> {
        #[serde(borrow)]
        opaque: &'a RawValue,
    }
    let data = data.expose();
    match serde_json::from_str::<Opaque<'_>>(data) {
        Ok(Opaque { opaque }) => {
            write(200, message_id, "OK", &format!("{{\"opaque\":{}}}", opaque.get()))
        }
        Err(_) => write(200, message_id, "OK", data),
    }
}

fn responded(code: u16, message_id: &str, message: &str, response: &Value) -> String {
    #[derive(Serialize)]
    struct Response<'a> {
        response: &'a Value,
    }
    write(code, message_id, message, &to_text(&Response { response }))
}

fn write(code: u16, message_id: &str, message: &str, data: &str) -> String {
    let headers = AckHeaders { message_id, content_type: "application/json" };
    to_text(&Ack { code, headers, message, data })
}

#[derive(Serialize)]
struct Status<'a> {
    status: &'a str,
    message: &'a str,
}

#[derive(Serialize)]
struct Ack<'a> {
    code: u16,
    headers: AckHeaders<'a>,
    message: &'a str,
    data: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AckHeaders<'a> {
    message_id: &'a str,
    content_type: &'a str,
}

fn to_text(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("texts, numbers and JSON values can be written")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_772_416_800_500);

    fn read(frame: &Value) -> Result<Frame, &'static str> {
        Frame::read(&frame.to_string(), NOW)
    }

    fn pushed(frame: &Value) -> Delivery {
        match read(frame) {
            Ok(Frame::Push(delivery)) => delivery,
            _ => panic!("not pushed: {frame}"),
        }
    }

    fn event() -> Value {
        json!({
            "specVersion": "1.0",
            "type": "EVENT",
            "headers": {
                "appId": "0c3f7a12-example",
                "connectionId": "c-01",
                "contentType": "application/json",
                "messageId": "m-01",
                "time": "1772416800000",
                "topic": "*",
                "eventType": "suite_ticket",
                "eventCorpId": "ding7c1e0f2a",
                "eventId": "ev-01",
                "eventBornTime": "1772416799000",
                "eventUnifiedAppId": "0c3f7a12-example",
            },
            "data": "{\"suiteTicket\": \"canary-ticket\"}",
        })
    }

    #[test]
    fn an_event_is_read_with_all_its_headers() {
        let it = pushed(&event());
        assert_eq!((it.kind, it.topic.as_str()), (DeliveryKind::Event, "*"));
        assert_eq!((it.message_id.as_str(), it.event_id.as_str()), ("m-01", "ev-01"));
        assert_eq!((it.sent_at, it.born_at), (Some(1_772_416_800_000), Some(1_772_416_799_000)));
        assert_eq!(it.received_at, NOW.unix_millis());
        assert_eq!(it.event_type, "suite_ticket");
        assert_eq!(it.corp_id, "ding7c1e0f2a");
        assert_eq!(it.unified_app_id, "0c3f7a12-example");
        assert_eq!(it.data(), r#"{"suiteTicket": "canary-ticket"}"#);
        assert!(!format!("{it:?}").contains("canary"));
    }

    #[test]
    fn the_deviations_of_the_documents_are_read_alike() {
        let mut odd = event();
        odd["header"] = odd["headers"].take();
        odd.as_object_mut().unwrap().remove("headers");
        odd["header"]["time"] = json!(1_772_416_800_000_u64);
        odd["data"] = json!({"suiteTicket": "t"});
        let it = pushed(&odd);
        assert_eq!(it.sent_at, Some(1_772_416_800_000));
        assert_eq!(it.data(), r#"{"suiteTicket":"t"}"#);
    }

    #[test]
    fn the_ticket_is_taken_by_the_platforms_own_time_of_the_push() {
        let written = |frame: &Value| format!("{:?}", pushed(frame).suite_ticket());
        assert!(written(&event()).contains("1772416799000"), "{}", written(&event()));
        assert!(!written(&event()).contains("canary"));
        let mut late = event();
        late["headers"]["eventBornTime"] = Value::Null;
        assert!(written(&late).contains("1772416800000"), "the sending, if it says no more");
        late["headers"]["time"] = json!("soon");
        assert!(written(&late).contains("1772416800500"), "the receiving at last");
        for (name, data) in [
            ("suite_ticket", r#"{"suiteTicket":""}"#),
            ("suite_ticket", "[]"),
            ("check_in", r#"{"suiteTicket":"t"}"#),
        ] {
            let mut other = event();
            other["headers"]["eventType"] = json!(name);
            other["data"] = json!(data);
            assert_eq!(written(&other), "None", "{name} {data}");
        }
    }

    #[test]
    fn acknowledgements_are_the_documented_ones() {
        let ack = |kind, answer: &Answer| {
            let text = acknowledgement(kind, "m-01", answer);
            serde_json::from_str::<Value>(&text).unwrap()
        };
        let form = |code: u16, message: &str, data: &str| {
            let headers = json!({"messageId": "m-01", "contentType": "application/json"});
            json!({"code": code, "headers": headers, "message": message, "data": data})
        };
        let (event, callback) = (DeliveryKind::Event, DeliveryKind::Callback);
        let success = form(200, "OK", r#"{"status":"SUCCESS","message":"ok"}"#);
        assert_eq!(ack(event, &Answer::Done), success);
        assert_eq!(ack(event, &Answer::Reply(json!(1))), success);
        let later = form(200, "OK", r#"{"status":"LATER","message":"not yet"}"#);
        assert_eq!(ack(event, &Answer::Later), later);
        let reply = Answer::Reply(json!({"text": "你好"}));
        assert_eq!(ack(callback, &reply), form(200, "OK", r#"{"response":{"text":"你好"}}"#));
        assert_eq!(ack(callback, &Answer::Done), form(200, "OK", r#"{"response":null}"#));
        assert_eq!(ack(callback, &Answer::Later)["code"], 500);
        let unknown: Value = serde_json::from_str(&unknown_topic("m-01")).unwrap();
        assert_eq!(
            (&unknown["code"], &unknown["data"]),
            (&json!(404), &json!(r#"{"response":null}"#))
        );
    }

    #[test]
    fn a_ping_is_answered_with_its_own_opaque_value() {
        let answer = |data: Value| {
            let headers = json!({"topic": "ping", "messageId": "m-02"});
            match read(&json!({"type": "SYSTEM", "headers": headers, "data": data})) {
                Ok(Frame::Ping(answer)) => serde_json::from_str::<Value>(&answer).unwrap(),
                _ => panic!("no ping"),
            }
        };
        let pong = answer(json!("{\"opaque\": \"op-77\"}"));
        assert_eq!((&pong["code"], &pong["headers"]["messageId"]), (&json!(200), &json!("m-02")));
        assert_eq!(pong["data"], r#"{"opaque":"op-77"}"#);
        assert_eq!(answer(json!("{\"opaque\":[1, {}]}"))["data"], r#"{"opaque":[1, {}]}"#);
        assert_eq!(answer(json!({"opaque": 7}))["data"], r#"{"opaque":7}"#);
        assert_eq!(answer(json!("hello"))["data"], "hello");
    }

    #[test]
    fn unknown_types_and_topics_are_no_nonsense() {
        for frame in [
            json!({"type": "NEWS", "headers": {"topic": "x"}, "data": "y"}),
            json!({"type": "SYSTEM", "headers": {"topic": "KEEPALIVE"}}),
            json!({"type": "SYSTEM"}),
        ] {
            assert!(matches!(read(&frame), Ok(Frame::Unknown)), "{frame}");
        }
        let disconnect = json!({"type": "SYSTEM", "headers": {"topic": "disconnect"}});
        assert!(matches!(read(&disconnect), Ok(Frame::Disconnect)));
    }

    #[test]
    fn nonsense_is_told_from_frames_without_quoting_it() {
        let mut nameless = event();
        nameless["headers"]["messageId"] = json!("");
        let mut long = event();
        long["headers"]["messageId"] = json!("x".repeat(257));
        let texts = ["", "canary", "[]", "7", "{}", "{\"type\":", "{\"type\":\"EVENT\"}"];
        let texts = texts.into_iter().map(str::to_owned);
        for text in texts.chain([nameless.to_string(), long.to_string()]) {
            let why = Frame::read(&text, NOW).err().expect(&text);
            assert!(!why.contains("canary"));
        }
        assert!(Frame::read(&"[".repeat(100_000), NOW).is_err(), "however deep");
    }
}
