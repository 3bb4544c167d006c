//! One spelling for the names of all three forms: `AuthCorpId`, `auth_corp_id` and `authCorpId`
//! are `authcorpid` here, and so are `timeStamp` and `timestamp` (wire-facts §10.7).

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::lenient::Lenient;

/// An object whose names are folded, all the way down.
#[derive(Debug)]
pub(super) struct Fields(Map<String, Value>);

impl Fields {
    /// `None` if the text is no JSON object.
    pub(super) fn parse(json: &str) -> Option<Self> {
        match fold(serde_json::from_str(json).ok()?) {
            Value::Object(fields) => Some(Self(fields)),
            _ => None,
        }
    }

    /// Of a value that is folded already; one that is no object has no fields.
    pub(super) fn of(folded: Value) -> Self {
        match folded {
            Value::Object(fields) => Self(fields),
            _ => Self(Map::new()),
        }
    }

    /// A value by its folded name, where it is there and can be read.
    pub(super) fn get<T>(&self, name: &str) -> Option<T>
    where
        Option<T>: Lenient,
    {
        Option::<T>::read(self.0.get(name)?).ok().flatten()
    }

    /// A list by its folded name.
    pub(super) fn list(&self, name: &str) -> Option<Vec<Value>> {
        Vec::read(self.0.get(name)?).ok()
    }

    /// A value as it came.
    pub(super) fn raw(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// All of it as one type.
    pub(super) fn into<T: DeserializeOwned>(self) -> Option<T> {
        serde_json::from_value(Value::Object(self.0)).ok()
    }
}

fn fold(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut folded = Map::with_capacity(fields.len());
            for (name, value) in fields {
                let name = folded_name(&name);
                // Of two spellings of one name the one that says something counts.
                if folded.get(&name).is_none_or(Value::is_null) {
                    folded.insert(name, fold(value));
                }
            }
            Value::Object(folded)
        }
        Value::Array(items) => Value::Array(items.into_iter().map(fold).collect()),
        other => other,
    }
}

fn folded_name(name: &str) -> String {
    name.chars().filter(|c| *c != '_').map(|c| c.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_spellings_of_a_name_are_one() {
        let fields = Fields::parse(r#"{"A_b":{"auth_corp_id":1,"x":[{"AgentId":2}]}}"#).unwrap();
        assert_eq!(fields.0["ab"].to_string(), r#"{"authcorpid":1,"x":[{"agentid":2}]}"#);
    }

    #[test]
    fn of_two_spellings_the_one_that_says_something_counts() {
        for json in [r#"{"timeStamp":null,"timestamp":7}"#, r#"{"timeStamp":7,"timestamp":null}"#] {
            assert_eq!(Fields::parse(json).unwrap().get("timestamp"), Some(7_i64), "{json}");
        }
    }

    #[test]
    fn what_is_no_object_has_no_fields() {
        let deep = "[".repeat(100_000);
        for json in ["", "[]", "7", "null", "{", &deep] {
            assert!(Fields::parse(json).is_none());
        }
        assert!(Fields::of(Value::Null).get::<String>("x").is_none());
    }
}
