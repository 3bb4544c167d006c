//! One request, taken apart: path, query, body and where each family looks for its arguments.

use std::borrow::Cow;
use std::cell::RefCell;
use std::net::IpAddr;
use std::sync::Arc;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method};
use serde_json::{Map, Value};

use crate::platform::Incoming;
use crate::sent::Sent;
use crate::wire::failure::{Failure, Refusal};

/// Header in which family C, and only it, takes the token (wire-facts §1.3).
pub(crate) const TOKEN_HEADER: &str = "x-acs-dingtalk-access-token";

/// A request on its way through the platform.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) method: &'a Method,
    /// Without a host prefix.
    pub(crate) path: &'a str,
    pub(crate) query: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a [u8],
    pub(crate) peer: IpAddr,
    pub(crate) secure: bool,
    pub(crate) now: u64,
    /// The `requestid` of this call.
    pub(crate) id: String,
    /// What the path holds where the template has a `{…}`.
    pub(crate) members: Vec<String>,
    pub(crate) arguments: Arguments,
    notes: RefCell<Notes>,
}

/// What the journal keeps of a call besides its answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Notes {
    pub(crate) app: Option<Arc<str>>,
    pub(crate) token: Option<String>,
    pub(crate) code: Option<String>,
    /// What kind of token stood at a door that it does not open.
    pub(crate) misfit: Option<&'static str>,
    pub(crate) sent: Sent,
}

impl<'a> Call<'a> {
    /// `path` is the one behind a host prefix.
    pub(crate) fn new(incoming: &Incoming<'a>, path: &'a str, now: u64, id: String) -> Self {
        let Incoming { method, query, headers, body, peer, secure, .. } = *incoming;
        Self {
            method,
            path,
            query: form_urlencoded::parse(query.as_bytes()).collect(),
            headers,
            body,
            peer,
            secure,
            now,
            id,
            members: Vec::new(),
            arguments: Arguments::default(),
            notes: RefCell::default(),
        }
    }

    /// A query parameter; the first one counts when it comes twice.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_ref())
    }

    /// A path member by its place in the template.
    pub(crate) fn member(&self, at: usize) -> &str {
        self.members.get(at).map_or("", String::as_str)
    }

    /// The JSON body of family C. A form, plain text, malformed JSON and no body at all are the same to the gateway:
    /// the body is missing (seen live for a form, wire-facts §1.4; the others by analogy).
    pub(crate) fn document(&self) -> Result<Document, Failure> {
        if !self.has_json_type() {
            return Err(Refusal::BodyMissing.into());
        }
        match serde_json::from_slice(self.body) {
            Ok(Value::Object(fields)) => Ok(self.noted(fields)),
            _ => Err(Refusal::BodyMissing.into()),
        }
    }

    /// The JSON body of the old calls that have one. Its content type is not looked at; no source says that it is.
    pub(crate) fn old_document(&self) -> Result<Document, Failure> {
        if self.body.trim_ascii().is_empty() {
            return Err(Refusal::BodyMissing.into());
        }
        match serde_json::from_slice(self.body) {
            Ok(Value::Object(fields)) => Ok(self.noted(fields)),
            _ => Err(Refusal::BodyUnreadable.into()),
        }
    }

    /// Reads form, JSON and query for family B; what cannot be read is remembered, because the token is judged first.
    pub(crate) fn read_arguments(&mut self) {
        let mut pairs = Vec::new();
        if self.has_json_type() || self.body.trim_ascii_start().first() == Some(&b'{') {
            match serde_json::from_slice(self.body) {
                Ok(Value::Object(fields)) => self.arguments.document = Some(fields),
                _ => self.arguments.unreadable = !self.body.trim_ascii().is_empty(),
            }
        } else {
            pairs.extend(
                form_urlencoded::parse(self.body)
                    .map(|(key, value)| (key.into_owned(), value.into_owned())),
            );
        }
        self.arguments.form_len = pairs.len();
        let sent = &mut self.notes.get_mut().sent;
        pairs.iter().for_each(|(name, _)| sent.field(name));
        self.arguments.document.iter().flat_map(Map::keys).for_each(|name| sent.field(name));
        pairs.extend(
            self.query
                .iter()
                .map(|(key, value)| (key.clone().into_owned(), value.clone().into_owned())),
        );
        self.arguments.pairs = pairs;
    }

    pub(crate) fn note_app(&self, client: &Arc<str>) {
        self.notes.borrow_mut().app = Some(Arc::clone(client));
    }

    pub(crate) fn note_token(&self, token: &str) {
        self.notes.borrow_mut().token = Some(token.to_owned());
    }

    pub(crate) fn note_code(&self, code: &str) {
        self.notes.borrow_mut().code = Some(code.to_owned());
    }

    pub(crate) fn note_misfit(&self, kind: &'static str) {
        self.notes.borrow_mut().misfit = Some(kind);
    }

    /// Notes the names in the query, against those that the API has.
    pub(crate) fn note_query(&mut self, takes: &'static [&'static str]) {
        let sent = &mut self.notes.get_mut().sent;
        *sent = Sent::to(takes);
        self.query.iter().for_each(|(name, _)| sent.query(name));
    }

    pub(crate) fn take_notes(&self) -> Notes {
        self.notes.take()
    }

    fn noted(&self, fields: Map<String, Value>) -> Document {
        let sent = &mut self.notes.borrow_mut().sent;
        fields.keys().for_each(|name| sent.field(name));
        Document(fields)
    }

    fn has_json_type(&self) -> bool {
        self.headers.get(CONTENT_TYPE).is_some_and(|value| {
            value.as_bytes().to_ascii_lowercase().windows(4).any(|part| part == b"json")
        })
    }
}

/// The arguments of a topapi call: a JSON document or a form, then the query. Scalars may be JSON strings
/// (wire-facts §1.4).
#[derive(Debug, Default)]
pub(crate) struct Arguments {
    document: Option<Map<String, Value>>,
    /// The form's pairs, then the query's.
    pairs: Vec<(String, String)>,
    form_len: usize,
    pub(crate) unreadable: bool,
}

impl Arguments {
    /// The token from query or form; one inside a JSON body is read only if a switch says so (wire-facts §1.3).
    pub(crate) fn token(&self, also_in_json: bool) -> Option<&str> {
        let (form, query) = self.pairs.split_at(self.form_len);
        let json = self.document.as_ref().filter(|_| also_in_json);
        query
            .iter()
            .chain(form)
            .find(|(name, value)| name == "access_token" && !value.is_empty())
            .map(|(_, value)| value.as_str())
            .or_else(|| json?.get("access_token")?.as_str())
    }

    /// A scalar as text; lists and objects count as absent.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        if let Some(value) = self.document.as_ref().and_then(|document| document.get(name)) {
            return scalar(value);
        }
        self.pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone())
    }

    /// A whole number that may come as text: `Ok(None)` when absent, an error when it is something else.
    pub(crate) fn integer(&self, name: &str) -> Result<Option<i64>, Failure> {
        let given = match self.document.as_ref().and_then(|document| document.get(name)) {
            Some(Value::Null) => None,
            Some(value) => Some(scalar(value).ok_or_else(Failure::bad_argument)?),
            None => self.text(name),
        };
        given.map(|text| text.trim().parse().map_err(|_| Failure::bad_argument())).transpose()
    }

    /// `language=en_US` (wire-facts §6.1); anything else is Chinese.
    pub(crate) fn wants_english(&self) -> bool {
        self.text("language").is_some_and(|language| language == "en_US")
    }
}

/// The JSON object in the body of a family C call.
#[derive(Debug)]
pub(crate) struct Document(Map<String, Value>);

impl Document {
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// A field that must be there; a number or flag is taken as its text, anything else is as good as absent.
    pub(crate) fn required(&self, name: &'static str) -> Result<String, Failure> {
        self.text(name).ok_or_else(|| Refusal::FieldMissing(name).into())
    }

    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.0.get(name).and_then(scalar)
    }

    /// A whole number that may come as text: `Ok(None)` when absent, `Err(())` when it is something else.
    pub(crate) fn integer(&self, name: &str) -> Result<Option<i64>, ()> {
        match self.get(name) {
            None => Ok(None),
            Some(value) => scalar(value).and_then(|text| text.parse().ok()).map(Some).ok_or(()),
        }
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
