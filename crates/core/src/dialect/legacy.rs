//! The un-prefixed old paths: token in the query, HTTP 200 for everything, a flat result beside
//! its `errcode`.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, Visitor};
use serde::{Deserialize, de::DeserializeOwned};

use crate::dialect::{Dialect, text};
use crate::endpoint::Family;
use crate::lenient;
use crate::wire::Response;

/// The old family. A success is `{"errcode":0,"errmsg":"ok",…}` with the data's members beside.
#[derive(Debug)]
#[non_exhaustive]
pub enum Legacy {}

impl Dialect for Legacy {
    const FAMILY: Option<Family> = Some(Family::Legacy);

    fn accept<T: DeserializeOwned>(response: &Response) -> Option<T> {
        if response.status() != 200 {
            return None;
        }
        let mut data = None;
        lenient::parse_with(text(response)?, |json| json.deserialize_map(Flat(&mut data))).ok()?;
        data
    }
}

/// Reads into a place outside: a record may be large, and every reader that gives it back moves it.
struct Flat<'d, T>(&'d mut Option<T>);

impl<'de, T: DeserializeOwned> Visitor<'de> for Flat<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an answer of the old family")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        let mut code = None;
        let map = MapAccessDeserializer::new(Watched { map, code: &mut code });
        *self.0 = Some(T::deserialize(lenient::Objects(map))?);
        match code {
            Some(0) => Ok(()),
            Some(_) => Err(A::Error::custom("no success")),
            None => Err(A::Error::missing_field("errcode")),
        }
    }
}

/// Hands the members on and notes `errcode` as it passes.
struct Watched<'c, A> {
    map: A,
    code: &'c mut Option<i64>,
}

#[derive(Deserialize)]
struct Code(#[serde(deserialize_with = "lenient::read")] i64);

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Watched<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        let Some(mut key) = self.map.next_key::<std::borrow::Cow<'de, str>>()? else {
            return Ok(None);
        };
        while key == "errcode" {
            let Code(number) = self.map.next_value()?;
            *self.code = Some(number);
            match self.map.next_key()? {
                Some(next) => key = next,
                None => return Ok(None),
            }
        }
        let key: serde::de::value::CowStrDeserializer<'_, A::Error> =
            serde::de::IntoDeserializer::into_deserializer(key);
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.map.next_value_seed(seed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize, Debug, PartialEq)]
    struct Ticket {
        ticket: String,
        #[serde(deserialize_with = "lenient::read")]
        expires_in: i64,
    }

    fn accept(body: &str) -> Option<Ticket> {
        Legacy::accept(&Response::new(200, Default::default(), body.to_owned()))
    }

    #[test]
    fn data_and_code_are_read_in_one_pass_in_any_order() {
        let expected = Some(Ticket { ticket: "t".into(), expires_in: 7200 });
        for body in [
            r#"{"errcode":0,"ticket":"t","errmsg":"ok","expires_in":7200}"#,
            r#"{"ticket":"t","expires_in":"7200","errcode":"0"}"#,
        ] {
            assert_eq!(accept(body), expected, "{body}");
        }
    }

    #[test]
    fn a_code_other_than_zero_or_none_at_all_is_no_success() {
        assert_eq!(accept(r#"{"errcode":40014,"ticket":"t","expires_in":1}"#), None);
        assert_eq!(accept(r#"{"ticket":"t","expires_in":1}"#), None);
        assert_eq!(accept("<html>"), None);
    }
}
