//! What the platform tells an app: tickets, authorizations, changes of people and departments
//! (wire-facts §10.4–10.7).
//!
//! An event comes in one of three forms, with names in three styles: flat over HTTP push, as rows
//! of SyncHTTP, or over Stream with half of it in headers. Here it is one [`Event`] whichever way
//! it came: [`callback`](crate::callback) gives them out of HTTP requests, [`Event::from_stream`]
//! makes them of Stream frames.
//!
//! ```
//! use dingtalk_core::event::{Event, EventKind};
//!
//! let push = r#"{"EventType":"user_add_org","TimeStamp":"1772416800000",
//!     "UserId":["manager0427"],"CorpId":"ding7c1e0f2a"}"#;
//! for event in Event::from_push(push)? {
//!     match &event.kind {
//!         EventKind::UserAddOrg(change) => assert_eq!(change.user_ids, ["manager0427"]),
//!         EventKind::Other => println!("{} is not known here: {}", event.name, event.data().len()),
//!         _ => {}
//!     }
//!     assert_eq!(event.corp_id.as_ref().map(|corp| corp.as_str()), Some("ding7c1e0f2a"));
//! }
//! # Ok::<(), dingtalk_core::event::NotAnEvent>(())
//! ```
//!
//! Nothing is lost on the way: an event without a name here is [`EventKind::Other`], one whose
//! fields are not the documented ones is [`EventKind::Unreadable`], and either keeps its text in
//! [`Event::data`].
//!
//! The platform tells an event until it is acknowledged, so the same one may come twice, over one
//! way or over several processes: [`Seen`] knows which were acted on.

mod contacts;
mod fold;
mod kind;
mod seen;
mod suite;

use std::fmt;

use serde::de::DeserializeOwned;
use serde_json::Value;
use sha1_smol::Sha1;

pub use contacts::{DeptChange, DeptRecord, RoleChange, RoleRecord, UserChange, UserRecord};
pub use kind::EventKind;
pub use seen::{Claim, Seen, Turn};
pub use suite::{AuthAgent, AuthCorpInfo, MicroApp, SuiteAuth, SuiteTicket, SuiteUrlCheck};

use crate::{ClientId, CorpId, Secret};
use fold::Fields;

/// One thing that happened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Event {
    /// What it is called where it came from: `EventType`, `syncAction` or `eventType`.
    pub name: String,
    /// The organization in which it happened.
    pub corp_id: Option<CorpId>,
    /// The third-party app that is told; only HTTP push says so.
    pub suite_key: Option<ClientId>,
    /// The platform's own id of it, which is the same every time that it is told. HTTP push has
    /// none.
    pub id: Option<String>,
    /// When it happened, in Unix milliseconds.
    pub born_at: Option<u64>,
    /// SyncHTTP's `biz_id`: whom or what the row is about.
    pub biz_id: Option<String>,
    /// What happened.
    pub kind: EventKind,
    data: Secret,
    key: EventKey,
}

/// What tells one event from another, however often it is told: see [`Seen`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EventKey([u8; 16]);

/// A text is no event: no JSON object, or one that does not say what happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAnEvent(&'static str);

impl fmt::Display for NotAnEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not an event: {}", self.0)
    }
}

impl std::error::Error for NotAnEvent {}

impl Event {
    /// Reads what an HTTP push holds after decryption: one flat event, or as many as SyncHTTP has
    /// rows.
    ///
    /// # Errors
    /// When the text is no JSON object with an `EventType`. A row that cannot be read is an event
    /// of its own, [`EventKind::Unreadable`], and does not hide the others.
    pub fn from_push(json: &str) -> Result<Vec<Self>, NotAnEvent> {
        let fields = Fields::parse(json).ok_or(NotAnEvent("no JSON object"))?;
        let name: String = fields.get("eventtype").unwrap_or_default();
        if name.is_empty() {
            return Err(NotAnEvent("it has no EventType"));
        }
        if name.starts_with("SYNC_HTTP_PUSH") {
            let rows = fields.list("bizdata").ok_or(NotAnEvent("it has no rows"))?;
            return Ok(rows.into_iter().map(Self::from_row).collect());
        }
        let time: Option<i64> = fields.get("timestamp");
        let corp_id = fields.get("authcorpid").or_else(|| fields.get("corpid"));
        Ok(vec![Self {
            corp_id,
            suite_key: fields.get("suitekey"),
            id: None,
            born_at: time.and_then(|time| time.try_into().ok()),
            biz_id: None,
            kind: EventKind::read(&name, fields, None),
            key: EventKey::of(&["push", json]),
            data: json.into(),
            name,
        }])
    }

    /// Reads an event of a Stream connection (wire-facts §10.7): `eventType`, `eventCorpId`,
    /// `eventId` and `eventBornTime` stand in the frame's headers, `data` is the frame's text.
    pub fn from_stream(
        event_type: &str,
        corp_id: Option<&str>,
        event_id: Option<&str>,
        born_at: Option<u64>,
        data: &str,
    ) -> Self {
        let given = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
        let (corp_id, id) = (given(corp_id), given(event_id));
        let corp = corp_id.as_deref().unwrap_or_default();
        let key = match &id {
            Some(id) => EventKey::of(&["stream", corp, id]),
            None => EventKey::of(&["stream data", corp, event_type, data]),
        };
        // An event with nothing to add may come with nothing at all.
        let empty = data.trim().is_empty() || data.trim() == "null";
        let fields = Fields::parse(if empty { "{}" } else { data });
        Self {
            name: event_type.to_owned(),
            corp_id: corp_id.map(CorpId::from),
            suite_key: None,
            id,
            born_at,
            biz_id: None,
            kind: match fields {
                Some(fields) => EventKind::read(event_type, fields, None),
                None => EventKind::unreadable(event_type),
            },
            data: data.into(),
            key,
        }
    }

    fn from_row(row: Value) -> Self {
        let row = Fields::of(row);
        let text = |name: &str| row.get::<String>(name).unwrap_or_default();
        // A text that holds JSON, but a row may as well hold the object itself.
        let data = match row.raw("bizdata") {
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
            None => String::new(),
        };
        let keys = ["subscribeid", "corpid", "biztype", "bizid", "id", "gmtmodified"].map(text);
        let mut parts: Vec<&str> = keys.iter().map(String::as_str).collect();
        parts.extend(["row", &data]);
        let key = EventKey::of(&parts);
        let [_, corp_id, _, biz_id, id, modified] = keys;
        let biz_id = Some(biz_id).filter(|id| !id.is_empty());
        let fields = Fields::parse(&data);
        let name: String =
            fields.as_ref().and_then(|fields| fields.get("syncaction")).unwrap_or_default();
        Self {
            corp_id: Some(corp_id).filter(|id| !id.is_empty()).map(CorpId::from),
            suite_key: None,
            id: Some(id).filter(|id| !id.is_empty()),
            born_at: modified.parse().ok(),
            kind: match fields {
                Some(fields) if !name.is_empty() => {
                    EventKind::read(&name, fields, biz_id.as_deref())
                }
                _ => EventKind::Unreadable,
            },
            biz_id,
            name,
            data: data.into(),
            key,
        }
    }

    /// The JSON text as it came: the flat object of HTTP push, the `biz_data` of a row, the `data`
    /// of Stream. It may hold tickets, codes and personal data: do not log it.
    pub fn data(&self) -> &str {
        self.data.expose()
    }

    /// Reads [`data`](Self::data) as a type of your own.
    ///
    /// # Errors
    /// When it is not of that form.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, NotAnEvent> {
        serde_json::from_str(self.data()).map_err(|_| NotAnEvent("its data is of another form"))
    }

    /// What tells it from others: the platform's id of it over Stream, else all that it says.
    pub fn key(&self) -> EventKey {
        self.key
    }
}

impl EventKey {
    /// A key made of texts; no two lists of texts share one.
    pub(crate) fn of(parts: &[&str]) -> Self {
        let mut hash = Sha1::new();
        for part in parts {
            hash.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(part.as_bytes());
        }
        let mut key = [0; 16];
        key.copy_from_slice(&hash.digest().bytes()[..16]);
        Self(key)
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
