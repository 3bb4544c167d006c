//! Answers whose members have another JSON type than they should. The text is rewritten in place, because the order of
//! keys must stay.

use std::ops::Range;

/// Which members of an answer change, and into what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Retype {
    pub(crate) which: Which,
    pub(crate) to: Becomes,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    /// By a JSON pointer (RFC 6901).
    Member(String),
    Numbers,
    /// Every value that is neither a list nor an object.
    Leaves,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Becomes {
    Type(WrongType),
    /// This text, which need not be JSON.
    Json(String),
}

/// The JSON type that a member gets instead of its own.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WrongType {
    /// Text with the same content: `7200` becomes `"7200"`, a list or object the text of its JSON.
    Text,
    /// The number in a text, or 0.
    Number,
    /// `true`.
    Flag,
    /// `null`.
    Null,
    /// A list with the value in it.
    List,
    /// An empty object.
    Object,
}

/// The answer with the wrong type in it; as it was where it is no JSON or the member is not there.
pub(crate) fn retyped(body: Vec<u8>, retype: &Retype) -> Vec<u8> {
    let Ok(text) = std::str::from_utf8(&body) else {
        return body;
    };
    if serde_json::from_str::<serde_json::Value>(text).is_err() {
        return body;
    }
    let mut scan = Scan { text, at: 0, retype, hits: Vec::new() };
    scan.value(&mut String::new());
    let mut out = String::with_capacity(text.len() + 16);
    let mut written = 0;
    for hit in &scan.hits {
        out.push_str(&text[written..hit.start]);
        match &retype.to {
            Becomes::Type(to) => out.push_str(&changed(&text[hit.clone()], *to)),
            Becomes::Json(json) => out.push_str(json),
        }
        written = hit.end;
    }
    out.push_str(&text[written..]);
    out.into_bytes()
}

fn changed(value: &str, to: WrongType) -> String {
    let text = serde_json::from_str::<String>(value).ok();
    match to {
        WrongType::Text if text.is_some() => value.to_owned(),
        WrongType::Text => serde_json::Value::from(value).to_string(),
        WrongType::Number => {
            let number = text.and_then(|text| text.trim().parse::<i64>().ok());
            number.unwrap_or_default().to_string()
        }
        WrongType::Flag => "true".to_owned(),
        WrongType::Null => "null".to_owned(),
        WrongType::List => format!("[{value}]"),
        WrongType::Object => "{}".to_owned(),
    }
}

/// Walks through text that is known to be JSON and collects where the wanted values stand.
struct Scan<'a> {
    text: &'a str,
    at: usize,
    retype: &'a Retype,
    hits: Vec<Range<usize>>,
}

impl Scan<'_> {
    fn value(&mut self, path: &mut String) {
        self.spaces();
        let start = self.at;
        let inner = self.hits.len();
        let first = self.peek();
        match first {
            b'{' | b'[' => self.members(path, first == b'{'),
            b'"' => self.string(),
            _ => {
                self.at += self.text[start..]
                    .find([',', '}', ']', ' ', '\n', '\r', '\t'])
                    .unwrap_or(self.text.len() - start)
            }
        }
        let wanted = match &self.retype.which {
            Which::Member(pointer) => pointer == path,
            Which::Numbers => first == b'-' || first.is_ascii_digit(),
            Which::Leaves => first != b'{' && first != b'[',
        };
        if wanted {
            self.hits.truncate(inner);
            self.hits.push(start..self.at);
        }
    }

    fn members(&mut self, path: &mut String, named: bool) {
        self.at += 1;
        let len = path.len();
        let mut place = 0_usize;
        loop {
            self.spaces();
            if matches!(self.peek(), b'}' | b']') {
                break;
            }
            if named {
                let key = self.at;
                self.string();
                let key = serde_json::from_str::<String>(&self.text[key..self.at]);
                let key = key.unwrap_or_default().replace('~', "~0").replace('/', "~1");
                path.push_str(&format!("/{key}"));
                self.spaces();
                self.at += 1;
            } else {
                path.push_str(&format!("/{place}"));
                place += 1;
            }
            self.value(path);
            path.truncate(len);
            self.spaces();
            if self.peek() != b',' {
                break;
            }
            self.at += 1;
        }
        self.at += 1;
    }

    fn string(&mut self) {
        self.at += 1;
        while self.peek() != b'"' {
            self.at += if self.peek() == b'\\' { 2 } else { 1 };
        }
        self.at += 1;
    }

    fn spaces(&mut self) {
        while self.peek().is_ascii_whitespace() {
            self.at += 1;
        }
    }

    /// `"` at the end, so that no walk goes beyond it.
    fn peek(&self) -> u8 {
        self.text.as_bytes().get(self.at).copied().unwrap_or(b'"')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn retype(pointer: Option<&str>, to: WrongType, body: &str) -> String {
        let which = pointer.map_or(Which::Numbers, |pointer| Which::Member(pointer.to_owned()));
        becomes(which, Becomes::Type(to), body)
    }

    fn becomes(which: Which, to: Becomes, body: &str) -> String {
        String::from_utf8(retyped(body.as_bytes().to_vec(), &Retype { which, to })).unwrap()
    }

    #[test]
    fn a_pointer_finds_one_member_and_the_rest_keeps_its_order() {
        let body = r#"{"z":7,"a":{"x/y":[true,"q\"]"]},"n":"12"}"#;
        for (pointer, to, wanted) in [
            ("/z", WrongType::Text, r#"{"z":"7","a":{"x/y":[true,"q\"]"]},"n":"12"}"#),
            ("/a/x~1y/0", WrongType::Text, r#"{"z":7,"a":{"x/y":["true","q\"]"]},"n":"12"}"#),
            ("/a", WrongType::Object, r#"{"z":7,"a":{},"n":"12"}"#),
            ("/n", WrongType::Number, r#"{"z":7,"a":{"x/y":[true,"q\"]"]},"n":12}"#),
            ("/a/x~1y", WrongType::Null, r#"{"z":7,"a":{"x/y":null},"n":"12"}"#),
            ("/z", WrongType::List, r#"{"z":[7],"a":{"x/y":[true,"q\"]"]},"n":"12"}"#),
            ("/z", WrongType::Flag, r#"{"z":true,"a":{"x/y":[true,"q\"]"]},"n":"12"}"#),
            ("/nowhere", WrongType::Null, body),
        ] {
            assert_eq!(retype(Some(pointer), to, body), wanted, "{pointer} {to:?}");
        }
        assert_eq!(retype(Some(""), WrongType::Text, "[1]"), r#""[1]""#);
    }

    #[test]
    fn all_numbers_become_text_and_what_is_no_json_stays() {
        assert_eq!(
            retype(None, WrongType::Text, r#"{"a":[1,-2.5e3],"b":true,"c":"3"}"#),
            r#"{"a":["1","-2.5e3"],"b":true,"c":"3"}"#
        );
        assert_eq!(retype(None, WrongType::Text, "<html>1"), "<html>1");
        assert_eq!(retype(None, WrongType::Text, " [ 1 , 2 ] "), " [ \"1\" , \"2\" ] ");
    }

    #[test]
    fn a_member_becomes_any_text_and_all_leaves_become_null() {
        let body = r#"{"expireIn":7200,"list":[{"a":"x"},true],"none":[]}"#;
        let json = Becomes::Json("9223372036854775808".to_owned());
        assert_eq!(
            becomes(Which::Member("/expireIn".to_owned()), json, body),
            r#"{"expireIn":9223372036854775808,"list":[{"a":"x"},true],"none":[]}"#
        );
        assert_eq!(
            becomes(Which::Leaves, Becomes::Type(WrongType::Null), body),
            r#"{"expireIn":null,"list":[{"a":null},null],"none":[]}"#
        );
    }
}
