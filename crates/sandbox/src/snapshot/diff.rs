//! What has changed since a snapshot.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::rng::MARK;

/// Members by which the elements of a list are known, wherever they stand in it.
const NAMES: [&str; 4] = ["userId", "clientId", "corpId", "id"];
/// Members whose values are nobody's business.
const SECRET: [&str; 5] = ["clientSecret", "ssoSecret", "suiteTicket", "aesKey", "token"];
/// They change with every call, and say nothing.
const RESTLESS: [&str; 2] = ["/drawn", "/clock/nowMs"];

/// One difference between a snapshot and now; see [`Sandbox::changes_since`](crate::Sandbox::changes_since).
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Where, as in `/companies/dingcorp/people/manager01/title`: people, apps and others by their ids, tokens and
    /// codes by fingerprint.
    pub path: String,
    /// What stood there; none if there was nothing. Of secrets only `"(secret)"`.
    pub before: Option<Value>,
    /// What stands there now; none if it is gone.
    pub after: Option<Value>,
}

/// The differences, in the order of their paths. `print` makes a fingerprint of a secret.
pub(super) fn between(
    before: &Value,
    after: &Value,
    print: impl Fn(&str) -> String,
) -> Vec<Change> {
    let mut all = Vec::new();
    compare(&mut String::new(), Some(before), Some(after), &print, &mut all);
    all.sort_by(|one, two| one.path.cmp(&two.path));
    all
}

fn compare(
    path: &mut String,
    before: Option<&Value>,
    after: Option<&Value>,
    print: &dyn Fn(&str) -> String,
    all: &mut Vec<Change>,
) {
    if before == after || RESTLESS.contains(&path.as_str()) {
        return;
    }
    let (old, new) = (before.and_then(parts), after.and_then(parts));
    let (Some(old), Some(new)) = (old, new) else {
        let secret = path.rsplit('/').next().is_some_and(|name| SECRET.contains(&name));
        let shown = |value: &Value| match value {
            _ if secret => Value::from("(secret)"),
            Value::String(text) => Value::from(hidden(text, print)),
            Value::Array(_) | Value::Object(_) => Value::from("(more)"),
            plain => plain.clone(),
        };
        all.push(Change { path: path.clone(), before: before.map(shown), after: after.map(shown) });
        return;
    };
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    for name in names {
        let len = path.len();
        path.push('/');
        path.push_str(&hidden(name, print).replace('~', "~0").replace('/', "~1"));
        compare(path, old.get(name).copied(), new.get(name).copied(), print, all);
        path.truncate(len);
    }
}

/// The members of an object, or the elements of a list by their ids, else by their places.
fn parts(value: &Value) -> Option<BTreeMap<String, &Value>> {
    match value {
        Value::Object(members) => {
            Some(members.iter().map(|(name, value)| (name.clone(), value)).collect())
        }
        Value::Array(elements) => {
            let id = |element: &Value| {
                NAMES.iter().find_map(|name| match element.get(name)? {
                    Value::String(text) => Some(text.clone()),
                    Value::Number(number) => Some(number.to_string()),
                    _ => None,
                })
            };
            let by_id: BTreeMap<String, &Value> =
                elements.iter().filter_map(|element| Some((id(element)?, element))).collect();
            if by_id.len() == elements.len() {
                return Some(by_id);
            }
            Some(elements.iter().enumerate().map(|(at, it)| (at.to_string(), it)).collect())
        }
        _ => None,
    }
}

/// A text with what the sandbox gave out replaced: tokens, codes, tickets and task ids bear its mark in front.
fn hidden(text: &str, print: &dyn Fn(&str) -> String) -> String {
    if text.starts_with(MARK) { format!("#{}", print(text)) } else { text.to_owned() }
}
