//! A small ordered JSON tree. The order of keys is part of the wire (wire-facts §1.6), and the printed-sample form of
//! topapi answers (§6.1) is a walk over the finished tree.

use std::borrow::Cow;
use std::io::Write as _;

/// One JSON value whose objects keep the order in which they were built.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    Int(i64),
    Text(Cow<'static, str>),
    List(Vec<Self>),
    Map(Vec<(&'static str, Self)>),
}

/// Builds an object key by key.
#[derive(Debug, Default)]
pub(crate) struct Object(Vec<(&'static str, Json)>);

impl Object {
    pub(crate) fn new() -> Self {
        Self(Vec::with_capacity(8))
    }

    /// For an object that is known to have many keys.
    pub(crate) fn with_capacity(keys: usize) -> Self {
        Self(Vec::with_capacity(keys))
    }

    pub(crate) fn put(mut self, key: &'static str, value: impl Into<Json>) -> Self {
        self.0.push((key, value.into()));
        self
    }

    /// Adds the key only when there is a value: an absent field is absent on the wire, not null.
    pub(crate) fn put_some(self, key: &'static str, value: Option<impl Into<Json>>) -> Self {
        match value {
            Some(value) => self.put(key, value),
            None => self,
        }
    }

    /// Adds the key only when the text holds something.
    pub(crate) fn put_text(self, key: &'static str, value: &str) -> Self {
        if value.is_empty() { self } else { self.put(key, value.to_owned()) }
    }

    pub(crate) fn done(self) -> Json {
        Json::Map(self.0)
    }
}

impl Json {
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        // Most answers are smaller, and a person's is just above a kilobyte: growing once more would copy it.
        let mut out = Vec::with_capacity(1536);
        self.write(&mut out);
        out
    }

    /// The form in which the official pages print answers: scalars as text, lists of numbers as one text, lists of
    /// objects as their first object (wire-facts §6.1, §14 rows 1 and 2). Lists of texts stay lists.
    pub(crate) fn into_printed_form(self) -> Self {
        match self {
            Self::Bool(value) => Self::Text(value.to_string().into()),
            Self::Int(value) => Self::Text(value.to_string().into()),
            Self::List(items) => match items.first() {
                Some(Self::Int(_)) => {
                    let bytes = Self::List(items).to_bytes();
                    Self::Text(String::from_utf8_lossy(&bytes).into_owned().into())
                }
                Some(Self::Map(_)) => {
                    items.into_iter().next().map_or(Self::Null, Self::into_printed_form)
                }
                _ => Self::List(items),
            },
            Self::Map(fields) => Self::Map(
                fields.into_iter().map(|(key, value)| (key, value.into_printed_form())).collect(),
            ),
            same @ (Self::Null | Self::Text(_)) => same,
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Null => out.extend_from_slice(b"null"),
            Self::Bool(true) => out.extend_from_slice(b"true"),
            Self::Bool(false) => out.extend_from_slice(b"false"),
            // Writing to memory does not fail.
            Self::Int(value) => drop(write!(out, "{value}")),
            Self::Text(text) => write_text(text, out),
            Self::List(items) => {
                out.push(b'[');
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        out.push(b',');
                    }
                    item.write(out);
                }
                out.push(b']');
            }
            Self::Map(fields) => {
                out.push(b'{');
                for (at, (key, value)) in fields.iter().enumerate() {
                    if at > 0 {
                        out.push(b',');
                    }
                    write_text(key, out);
                    out.push(b':');
                    value.write(out);
                }
                out.push(b'}');
            }
        }
    }
}

/// Copies whole stretches; nearly every text has nothing to escape.
fn write_text(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    loop {
        let (plain, more) = rest.split_at(plain_len(rest));
        out.extend_from_slice(plain);
        let Some((special, more)) = more.split_first() else {
            break;
        };
        match special {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            byte => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
        }
        rest = more;
    }
    out.push(b'"');
}

/// How long the beginning is that needs no escape. Eight bytes are looked at in one step.
fn plain_len(bytes: &[u8]) -> usize {
    let mut at = 0;
    for eight in bytes.as_chunks::<8>().0 {
        if any_special(u64::from_ne_bytes(*eight)) {
            break;
        }
        at += 8;
    }
    let rest = bytes[at..].iter();
    at + rest.take_while(|byte| **byte >= b' ' && **byte != b'"' && **byte != b'\\').count()
}

/// Whether one of eight bytes is a control character, a quote or a backslash: the usual trick of a subtraction that
/// borrows from the high bit of a byte only where the byte was less.
fn any_special(eight: u64) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let is_zero = |bytes: u64| bytes.wrapping_sub(ONES) & !bytes;
    let control = eight.wrapping_sub(ONES * 0x20) & !eight;
    let quote = is_zero(eight ^ (ONES * 0x22));
    let backslash = is_zero(eight ^ (ONES * 0x5c));
    (control | quote | backslash) & HIGH != 0
}

impl From<bool> for Json {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Json {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<u64> for Json {
    fn from(value: u64) -> Self {
        Self::Int(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

impl From<usize> for Json {
    fn from(value: usize) -> Self {
        Self::Int(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

impl From<String> for Json {
    fn from(value: String) -> Self {
        Self::Text(value.into())
    }
}

impl From<&'static str> for Json {
    fn from(value: &'static str) -> Self {
        Self::Text(value.into())
    }
}

impl From<Cow<'static, str>> for Json {
    fn from(value: Cow<'static, str>) -> Self {
        Self::Text(value)
    }
}

impl From<Object> for Json {
    fn from(value: Object) -> Self {
        value.done()
    }
}

impl<T: Into<Self>> From<Vec<T>> for Json {
    fn from(items: Vec<T>) -> Self {
        Self::List(items.into_iter().map(Into::into).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_keep_their_order_and_text_is_escaped() {
        let json = Object::new()
            .put("z", 1_i64)
            .put("a", "q\"\\\u{1}林")
            .put_some("no", None::<bool>)
            .done();
        assert_eq!(
            String::from_utf8(json.to_bytes()).unwrap(),
            "{\"z\":1,\"a\":\"q\\\"\\\\\\u0001林\"}"
        );
        assert!(serde_json::from_slice::<serde_json::Value>(&json.to_bytes()).is_ok());
    }

    #[test]
    fn every_character_at_every_place_is_escaped_as_serde_json_does() {
        let odd = (0..=0x7f_u8).map(char::from).chain(['é', '\u{80}', '林', '\u{1f600}']);
        for char in odd {
            for before in 0..20 {
                let text = format!("{}{char}{}", "x".repeat(before), "林y".repeat(3));
                let mut out = Vec::new();
                write_text(&text, &mut out);
                let back: String = serde_json::from_slice(&out).expect("it is JSON");
                assert_eq!(back, text);
                let theirs = serde_json::to_string(&text).expect("it is text");
                let short = !matches!(char, '\u{8}' | '\u{c}');
                assert!(
                    !short || String::from_utf8(out).is_ok_and(|out| out == theirs),
                    "{char:?}"
                );
            }
        }
    }

    #[test]
    fn the_printed_form_is_stringly() {
        let json = Object::new()
            .put("errcode", 0_i64)
            .put("active", true)
            .put("dept_id_list", vec![2_i64, 3])
            .put("role_list", vec![Object::new().put("id", 7_i64), Object::new().put("id", 8_i64)])
            .done();
        let text = String::from_utf8(json.into_printed_form().to_bytes()).unwrap();
        assert_eq!(
            text,
            r#"{"errcode":"0","active":"true","dept_id_list":"[2,3]","role_list":{"id":"7"}}"#
        );
    }
}
