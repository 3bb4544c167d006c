//! Reads what the platform sends where it departs from its own documents: numbers and booleans as
//! strings, one object where a list belongs, `null` and `""` for nothing (wire-facts §6.1, §14).
//!
//! Put `#[serde(default, deserialize_with = "lenient::read")]` on a field; its type says what is
//! wanted.

mod objects;

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::{I64Deserializer, MapAccessDeserializer, StrDeserializer, U64Deserializer};
use serde::de::{DeserializeOwned, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

pub(crate) use objects::{Objects, Seed, parse, parse_with};

/// Reads a `T` tolerantly.
pub fn read<'de, D: Deserializer<'de>, T: Lenient>(deserializer: D) -> Result<T, D::Error> {
    T::read(deserializer)
}

/// Reads a `T` tolerantly, but not nothing in its place: for the identity or token without which
/// an answer makes no sense.
pub fn required<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    Option<T>: Lenient,
{
    Option::<T>::read(deserializer)?
        .ok_or_else(|| D::Error::custom("nothing where a value must be"))
}

/// Reads an inner object; `null` stands for one without members.
pub fn object<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    deserializer.deserialize_option(Object(PhantomData))
}

/// Reads what is JSON inside of JSON as text, whether it comes as a text or as it is; `null` and
/// `""` for nothing.
pub(crate) fn json<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: From<String>,
{
    let text = match Option::<Box<RawValue>>::deserialize(deserializer)? {
        None => return Ok(None),
        Some(raw) if raw.get().starts_with('"') => {
            parse(raw.get()).map_err(|_| D::Error::custom("not a text"))?
        }
        Some(raw) => raw.get().to_owned(),
    };
    Ok(Some(text).filter(|text| !text.is_empty()).map(T::from))
}

/// A type with a tolerant way of reading it.
pub trait Lenient: Sized {
    /// Reads a value of this type from whatever stands for it.
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error>;
}

// Out of line: each place that reads such a field would hold the format's whole reader otherwise.

impl Lenient for i64 {
    #[inline(never)]
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Integer).map(Option::unwrap_or_default)
    }
}

impl Lenient for bool {
    #[inline(never)]
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Boolean).map(Option::unwrap_or_default)
    }
}

impl Lenient for String {
    #[inline(never)]
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Text).map(Option::unwrap_or_default)
    }
}

impl Lenient for Option<i64> {
    #[inline(never)]
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Integer)
    }
}

impl Lenient for Option<bool> {
    #[inline(never)]
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Boolean)
    }
}

impl Lenient for Option<String> {
    #[inline(never)]
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(deserializer.deserialize_any(Text)?.filter(|text| !text.is_empty()))
    }
}

impl Lenient for Option<crate::Personal> {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(read::<D, Option<String>>(deserializer)?.map(Into::into))
    }
}

impl Lenient for Option<crate::Secret> {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(read::<D, Option<String>>(deserializer)?.map(Into::into))
    }
}

impl<T: DeserializeOwned> Lenient for Vec<T> {
    #[inline(never)]
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(List(PhantomData))
    }
}

/// Reads the life of something in seconds. Whatever it is, what comes with it is good: a number
/// beyond all bounds is a bound, and what is no number at all is 0.
pub(crate) fn life<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    deserializer.deserialize_any(Life)
}

struct Life;

impl<'de> Visitor<'de> for Life {
    type Value = Option<i64>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number of seconds")
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Some(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Some(i64::try_from(value).unwrap_or(i64::MAX)))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Self::Value, E> {
        // A cast of a float ends at the bounds.
        #[allow(clippy::cast_possible_truncation)]
        Ok(Some(value as i64))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Self::Value, E> {
        match value.trim() {
            "" => Ok(None),
            text => Ok(parse_with(text, |json| life(json)).unwrap_or(Some(0))),
        }
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Some(0))
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_none<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<serde::de::IgnoredAny>()?.is_some() {}
        Ok(Some(0))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<serde::de::IgnoredAny, serde::de::IgnoredAny>()?.is_some() {}
        Ok(Some(0))
    }
}

struct Integer;

impl Visitor<'_> for Integer {
    type Value = Option<i64>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an integer, or one in a string")
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Some(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
        i64::try_from(value).map(Some).map_err(|_| E::custom("integer out of range"))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Self::Value, E> {
        // 2^53: beyond it a float no longer says which integer was meant.
        const EXACT: f64 = 9_007_199_254_740_992.0;
        if value.fract() == 0.0 && value.abs() <= EXACT {
            #[allow(clippy::cast_possible_truncation)]
            return Ok(Some(value as i64));
        }
        Err(E::custom("not an integer"))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Some(i64::from(value)))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Self::Value, E> {
        let value = value.trim();
        if value.is_empty() {
            return Ok(None);
        }
        value.parse().map(Some).map_err(|_| E::custom("not an integer in a string"))
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}

struct Boolean;

impl Visitor<'_> for Boolean {
    type Value = Option<bool>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a boolean, or one in a string or number")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Some(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Some(value != 0))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Some(value != 0))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Self::Value, E> {
        match value.trim() {
            "" => Ok(None),
            "true" | "True" | "TRUE" | "1" => Ok(Some(true)),
            "false" | "False" | "FALSE" | "0" => Ok(Some(false)),
            _ => Err(E::custom("not a boolean in a string")),
        }
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}

struct Text;

impl Visitor<'_> for Text {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string, or a number or boolean for one")
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Self::Value, E> {
        Ok(Some(value.to_owned()))
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Self::Value, E> {
        Ok(Some(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Some(value.to_string()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Some(value.to_string()))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Some(value.to_string()))
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}

struct Object<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de> + Default> Visitor<'de> for Object<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        T::deserialize(Objects(deserializer))
    }

    fn visit_none<E: Error>(self) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_unit<E: Error>(self) -> Result<T, E> {
        Ok(T::default())
    }
}

struct List<T>(PhantomData<T>);

impl<'de, T: DeserializeOwned> Visitor<'de> for List<T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list, or one of its items")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(Seed::new())? {
            items.push(item);
        }
        Ok(items)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(Objects(MapAccessDeserializer::new(map))).map(|item| vec![item])
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
        T::deserialize(I64Deserializer::new(value)).map(|item| vec![item])
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
        T::deserialize(U64Deserializer::new(value)).map(|item| vec![item])
    }

    /// The printed samples hold lists as text, `"[2,3,4]"`, or one item alone.
    fn visit_str<E: Error>(self, value: &str) -> Result<Self::Value, E> {
        let value = value.trim();
        if value.is_empty() {
            return Ok(Vec::new());
        }
        if value.starts_with(['[', '{']) {
            return parse_with(value, |json| Vec::read(json))
                .map_err(|_| E::custom("not a list in a string"));
        }
        T::deserialize(StrDeserializer::new(value)).map(|item| vec![item])
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    #[derive(Deserialize, Debug, PartialEq, Default)]
    #[serde(default)]
    struct Everything {
        #[serde(deserialize_with = "super::read")]
        number: i64,
        #[serde(deserialize_with = "super::read")]
        flag: bool,
        #[serde(deserialize_with = "super::read")]
        text: Option<String>,
        #[serde(deserialize_with = "super::read")]
        list: Vec<i64>,
    }

    fn parse(json: &str) -> Everything {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn numbers_booleans_and_lists_may_come_as_strings() {
        let expected =
            Everything { number: -7, flag: true, text: Some("x".into()), list: vec![2, 3] };
        assert_eq!(parse(r#"{"number":-7,"flag":true,"text":"x","list":[2,3]}"#), expected);
        assert_eq!(parse(r#"{"number":"-7","flag":"true","text":"x","list":"[2,3]"}"#), expected);
    }

    #[test]
    fn one_number_may_stand_where_a_list_belongs() {
        assert_eq!(parse(r#"{"list":7}"#).list, [7]);
        assert_eq!(parse(r#"{"list":-7}"#).list, [-7]);
    }

    #[test]
    fn one_object_may_stand_where_a_list_belongs() {
        #[derive(Deserialize)]
        struct Roles {
            #[serde(deserialize_with = "super::read")]
            role_list: Vec<Role>,
        }
        #[derive(Deserialize)]
        struct Role {
            name: String,
        }
        for json in [
            r#"{"role_list":{"name":"主管"}}"#,
            r#"{"role_list":[{"name":"主管"}]}"#,
            r#"{"role_list":"{\"name\":\"主管\"}"}"#,
        ] {
            let roles: Roles = serde_json::from_str(json).unwrap();
            assert_eq!(roles.role_list[0].name, "主管");
        }
    }

    #[test]
    fn null_empty_and_absent_all_mean_nothing() {
        for json in [
            "{}",
            r#"{"number":null,"flag":null,"text":null,"list":null}"#,
            r#"{"number":"","flag":"","text":"","list":""}"#,
        ] {
            assert_eq!(parse(json), Everything::default());
        }
    }

    #[test]
    fn integers_keep_all_64_bits() {
        assert_eq!(parse(r#"{"number":176332448111000201}"#).number, 176_332_448_111_000_201);
        assert_eq!(parse(r#"{"number":"-9223372036854775808"}"#).number, i64::MIN);
    }

    #[test]
    fn what_is_required_may_be_odd_but_not_nothing() {
        #[derive(Deserialize)]
        struct Person {
            #[serde(deserialize_with = "super::required")]
            userid: crate::UserId,
        }
        let person: Person = serde_json::from_str(r#"{"userid":4711}"#).unwrap();
        assert_eq!(person.userid, "4711");
        for nothing in ["{}", r#"{"userid":null}"#, r#"{"userid":""}"#] {
            assert!(serde_json::from_str::<Person>(nothing).is_err(), "{nothing}");
        }
    }

    #[test]
    fn an_inner_object_may_be_null() {
        #[derive(Deserialize)]
        struct Outer {
            #[serde(default, deserialize_with = "super::object")]
            inner: Everything,
        }
        for json in ["{}", r#"{"inner":null}"#, r#"{"inner":{}}"#] {
            assert_eq!(serde_json::from_str::<Outer>(json).unwrap().inner, Everything::default());
        }
    }

    #[test]
    fn a_list_is_no_record() {
        #[derive(Deserialize, Debug)]
        struct Pair {
            #[serde(deserialize_with = "super::read")]
            #[allow(dead_code)]
            name: String,
        }
        #[derive(Deserialize, Debug)]
        struct Outer {
            #[serde(default, deserialize_with = "super::read")]
            #[allow(dead_code)]
            list: Vec<Pair>,
            #[serde(default, deserialize_with = "super::object")]
            inner: Everything,
        }
        for json in [r#"["x"]"#, r#"[[["x"]]]"#, r#"{"list":[["x"]]}"#, r#"{"inner":[7]}"#] {
            assert!(super::parse::<Outer>(json).is_err(), "{json}");
        }
        let outer: Outer = super::parse(r#"{"list":[{"name":"x"}],"inner":{"number":7}}"#).unwrap();
        assert_eq!((outer.list.len(), outer.inner.number), (1, 7));
    }

    #[test]
    fn json_inside_of_json_is_text_however_it_comes() {
        #[derive(Deserialize)]
        struct Outer {
            #[serde(default, deserialize_with = "super::json")]
            more: Option<String>,
        }
        for (json, more) in [
            (r#"{"more":{"a": "中"}}"#, Some(r#"{"a": "中"}"#)),
            (r#"{"more":"{\"a\":1}"}"#, Some(r#"{"a":1}"#)),
            (r#"{"more":7}"#, Some("7")),
            (r#"{"more":""}"#, None),
            (r#"{"more":null}"#, None),
            ("{}", None),
        ] {
            let outer: Outer = super::parse(json).unwrap();
            assert_eq!(outer.more.as_deref(), more, "{json}");
            let value = serde_json::from_str(json).unwrap();
            let outer: Outer = serde_json::from_value(value).unwrap();
            assert_eq!(outer.more.is_some(), more.is_some(), "{json}");
        }
    }
}
