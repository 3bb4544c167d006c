//! `/topapi/…`: token in the query, HTTP 200 for everything, data under `result`.

use std::fmt;

use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, de::DeserializeOwned};

use crate::dialect::{Dialect, text};
use crate::endpoint::Family;
use crate::lenient;
use crate::wire::Response;

/// The topapi family. A success is `{"errcode":0,"errmsg":"ok","result":…,"request_id":"…"}`;
/// errors of the layer in front carry code 88 and a sub code.
#[derive(Debug)]
#[non_exhaustive]
pub enum TopApi {}

impl Dialect for TopApi {
    const FAMILY: Option<Family> = Some(Family::TopApi);

    fn accept<T: DeserializeOwned>(response: &Response) -> Option<T> {
        if response.status() != 200 {
            return None;
        }
        let mut result = None;
        lenient::parse_with(text(response)?, |json| json.deserialize_map(Envelope(&mut result)))
            .ok()?;
        result
    }
}

/// Reads into a place outside: a record may be large, and every reader that gives it back moves it.
struct Envelope<'r, T>(&'r mut Option<T>);

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum Member {
    Errcode,
    Result,
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Code(#[serde(deserialize_with = "lenient::read")] i64);

impl<'de, T: DeserializeOwned> Visitor<'de> for Envelope<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an answer of topapi")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut code = None;
        while let Some(member) = map.next_key()? {
            match member {
                Member::Errcode => {
                    let Code(number) = map.next_value()?;
                    if number != 0 {
                        return Err(A::Error::custom("no success"));
                    }
                    code = Some(number);
                }
                Member::Result => *self.0 = Some(map.next_value_seed(lenient::Seed::new())?),
                Member::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        if code.is_none() {
            return Err(A::Error::missing_field("errcode"));
        }
        // Calls without data leave `result` out: `()` and raw JSON read that as null.
        if self.0.is_none() {
            *self.0 = Some(T::deserialize(serde::de::value::UnitDeserializer::new())?);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn accept(status: u16, body: &str) -> Option<Value> {
        TopApi::accept(&Response::new(status, Default::default(), body.to_owned()))
    }

    #[test]
    fn a_success_needs_code_zero_as_number_or_string() {
        let expected = Some(serde_json::json!({"a": 1}));
        assert_eq!(accept(200, r#"{"errcode":0,"errmsg":"ok","result":{"a":1}}"#), expected);
        assert_eq!(accept(200, r#"{"result":{"a":1},"errcode":"0"}"#), expected);
        assert_eq!(accept(200, r#"{"errcode":60121,"result":{"a":1}}"#), None);
        assert_eq!(accept(200, r#"{"result":{"a":1}}"#), None, "no code, no success");
        assert_eq!(accept(200, r#"{"status":1111,"wait":5}"#), None);
        assert_eq!(accept(500, r#"{"errcode":0,"result":{"a":1}}"#), None);
    }

    #[test]
    fn a_call_without_data_leaves_result_out() {
        let response = Response::new(200, Default::default(), r#"{"errcode":0,"errmsg":"ok"}"#);
        assert_eq!(TopApi::accept::<()>(&response), Some(()));
        assert_eq!(TopApi::accept::<Vec<i64>>(&response), None);
    }

    #[test]
    fn trailing_text_and_bad_utf8_are_no_success() {
        assert_eq!(accept(200, r#"{"errcode":0,"result":1} x"#), None);
        let response =
            Response::new(200, Default::default(), b"{\"errcode\":0,\"x\":\"\xff\"}".to_vec());
        assert_eq!(TopApi::accept::<()>(&response), None);
    }
}
