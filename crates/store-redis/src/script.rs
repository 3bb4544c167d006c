//! Questions as scripts, and what the scripts answer.

use dingtalk_core::Secret;
use dingtalk_core::store::{Record, StoreKey, StoreOp, StoreReply};
use percent_encoding::percent_decode_str;
use redis::{Script, ScriptInvocation};

/// The scripts, hashed once.
pub(crate) struct Scripts {
    load: Script,
    lock: Script,
    unlock: Script,
    write: Script,
    remove: Script,
    list: Script,
}

/// A question on its way: the same bytes however often it is sent.
pub(crate) struct Asked {
    which: fn(&Scripts) -> &Script,
    keys: Vec<String>,
    args: Vec<Secret>,
    /// For lists: what all their keys have in common.
    owner: Option<StoreKey>,
}

const STORED: &str = include_str!("../lua/stored.lua");
const FREE: &str = include_str!("../lua/free.lua");

/// Times beyond this, some 35,000 years, are as good as for ever: Redis adds them to its clock, and
/// Lua counts in floating point.
const FOR_EVER: u64 = 1 << 50;
/// More than anybody reads at once.
const PAGE: u32 = 1_000;

impl Scripts {
    pub(crate) fn new() -> Self {
        let script = |parts: &[&str]| Script::new(&parts.concat());
        Self {
            load: script(&[STORED, include_str!("../lua/load.lua")]),
            lock: script(&[STORED, include_str!("../lua/lock.lua")]),
            unlock: script(&[FREE, include_str!("../lua/unlock.lua")]),
            write: script(&[STORED, FREE, include_str!("../lua/write.lua")]),
            remove: script(&[STORED, include_str!("../lua/remove.lua")]),
            list: script(&[STORED, include_str!("../lua/list.lua")]),
        }
    }
}

impl Asked {
    /// `None` for a question of a newer core. `write` tells one write from all others.
    pub(crate) fn new(question: StoreOp, prefix: &str, offset: u64, write: u64) -> Option<Self> {
        let time = |millis: u64| millis.min(FOR_EVER).to_string();
        let mut args = vec![time(offset)];
        let mut owner = None;
        let (which, keys): (fn(&Scripts) -> &Script, _) = match question {
            StoreOp::Load { key } => (|all| &all.load, vec![Names::new(&key, prefix).record()]),
            StoreOp::Lock { key, holder, lease_ms } => {
                let names = Names::new(&key, prefix);
                args.extend([holder.to_string(), time(lease_ms.max(1))]);
                (|all| &all.lock, vec![names.record(), names.lock()])
            }
            StoreOp::Unlock { key, holder } => {
                let names = Names::new(&key, prefix);
                args.push(holder.to_string());
                (|all| &all.unlock, vec![names.record(), names.lock()])
            }
            StoreOp::Write { key, expected, record, unlock } => {
                let names = Names::new(&key, prefix);
                args.push(expected.to_string());
                let mut args: Vec<Secret> = args.into_iter().map(Secret::new).collect();
                args.push(record.value);
                args.extend(
                    [
                        time(record.renew_in_ms),
                        time(record.expires_in_ms),
                        time(record.keep_ms),
                        unlock.map(|holder| holder.to_string()).unwrap_or_default(),
                        names.name.clone(),
                        write.to_string(),
                    ]
                    .map(Secret::new),
                );
                let keys =
                    vec![names.record(), names.lock(), names.index(), names.due(), names.counter()];
                return Some(Self { which: |all| &all.write, keys, args, owner });
            }
            StoreOp::Remove { key, expected } => {
                let names = Names::new(&key, prefix);
                let expected = expected.map(|version| version.to_string()).unwrap_or_default();
                args.extend([expected, names.name.clone()]);
                (|all| &all.remove, vec![names.record(), names.index(), names.due()])
            }
            StoreOp::List { kind, host, client_id, after, limit } => {
                let key = StoreKey::new(kind, host, client_id);
                let names = Names::new(&key, prefix);
                let after = after.map(|after| Names::new(&after, prefix).name);
                args.extend([after.unwrap_or_default(), limit.clamp(1, PAGE).to_string()]);
                owner = Some(key);
                (|all| &all.list, vec![names.index(), names.due()])
            }
            _ => return None,
        };
        Some(Self { which, keys, args: args.into_iter().map(Secret::new).collect(), owner })
    }

    pub(crate) fn with<'a>(&self, scripts: &'a Scripts) -> ScriptInvocation<'a> {
        let mut invocation = (self.which)(scripts).prepare_invoke();
        for key in &self.keys {
            invocation.key(key);
        }
        for arg in &self.args {
            invocation.arg(arg.expose());
        }
        invocation
    }

    /// What the script's answer says; or what is wrong with it.
    pub(crate) fn reply(&self, fields: Vec<Vec<u8>>) -> Result<StoreReply, String> {
        let broken = || "what is stored is broken".to_owned();
        let mut fields = fields.into_iter().map(String::from_utf8);
        let mut next = || fields.next().transpose().map_err(|_| broken());
        let answer = next()?.ok_or_else(broken)?;
        if answer == "keys" {
            let owner = self.owner.as_ref().ok_or_else(broken)?;
            let names = fields.map(|name| name.ok().and_then(|name| key_of(owner, &name)));
            let keys = names.collect::<Option<_>>().ok_or_else(broken)?;
            return Ok(StoreReply::Keys { keys });
        }
        let count =
            |text: Option<String>| text.and_then(|text| text.parse().ok()).ok_or_else(broken);
        let mut record = || match next()? {
            None => Ok::<_, String>(None),
            Some(version) => {
                let version = count(Some(version))?;
                let (age, renew, expires) = (count(next()?)?, count(next()?)?, count(next()?)?);
                let value = Secret::new(next()?.ok_or_else(broken)?);
                Ok(Some(Record::new(value, version, age, renew, expires)))
            }
        };
        match answer.as_str() {
            "record" => Ok(StoreReply::Record { record: record()? }),
            "locked" => Ok(StoreReply::Locked { record: record()? }),
            "stale" => Ok(StoreReply::Stale { record: record()? }),
            "busy" => Ok(StoreReply::Busy),
            "done" => Ok(StoreReply::Done),
            "written" => Ok(StoreReply::Written { version: count(next()?)? }),
            "form" => Err(match count(next()?) {
                Ok(form @ 2_u64..) => format!(
                    "what is stored was written by a newer version (form {form}): update this program"
                ),
                _ => broken(),
            }),
            _ => Err(broken()),
        }
    }
}

/// What things are called in Redis. All that one app has of one kind has one hash tag, so that it is
/// on one node of a cluster and one script can see it.
struct Names<'a> {
    prefix: &'a str,
    /// Kind, host and app.
    owner: String,
    /// Organization and person.
    name: String,
}

impl<'a> Names<'a> {
    fn new(key: &StoreKey, prefix: &'a str) -> Self {
        let text = key.to_string();
        // Whatever the parts hold, they hold no slash.
        let at = text.rmatch_indices('/').nth(1).map_or(0, |(at, _)| at);
        let (owner, name) = text.split_at(at);
        Self { prefix, owner: owner.to_owned(), name: name.get(1..).unwrap_or_default().to_owned() }
    }

    fn record(&self) -> String {
        self.called(&format!("record:{}", self.name))
    }

    fn lock(&self) -> String {
        self.called(&format!("lock:{}", self.name))
    }

    /// The names of all records, which orders lists.
    fn index(&self) -> String {
        self.called("index")
    }

    /// The same names by when they are forgotten.
    fn due(&self) -> String {
        self.called("due")
    }

    /// The last version that was given.
    fn counter(&self) -> String {
        self.called("version")
    }

    fn called(&self, what: &str) -> String {
        format!("{}:{{{}}}:{what}", self.prefix, self.owner)
    }
}

/// The key that a stored name belongs to.
fn key_of(owner: &StoreKey, name: &str) -> Option<StoreKey> {
    let part = |text: &str| match text {
        "-" => Some(None),
        text => Some(Some(percent_decode_str(text).decode_utf8().ok()?.into_owned())),
    };
    let (corp, person) = name.split_once('/')?;
    let mut key = owner.clone();
    key.corp_id = part(corp)?.map(Into::into);
    key.person = part(person)?;
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use dingtalk_core::store::StoreKind;

    fn keys() -> Vec<StoreKey> {
        let key = StoreKey::new(StoreKind::User, "api.dingtalk.com", "ding{a}");
        let person = key.clone().of_corp("a/b").of_person("张{三}\n%2F");
        vec![key.clone(), key.clone().of_corp(""), key.of_corp("-").of_person(""), person]
    }

    #[test]
    fn a_name_leads_back_to_its_key() {
        let owner = StoreKey::new(StoreKind::User, "api.dingtalk.com", "ding{a}");
        for key in keys() {
            assert_eq!(key_of(&owner, &Names::new(&key, "p").name), Some(key));
        }
        assert_eq!(key_of(&owner, "no slash"), None);
        assert_eq!(key_of(&owner, "%FF/-"), None);
    }

    #[test]
    fn everything_that_a_question_touches_has_one_hash_tag() {
        for key in keys() {
            let record = dingtalk_core::NewRecord::new(
                "v".into(),
                std::time::Duration::MAX,
                std::time::Duration::MAX,
            );
            let write = StoreOp::Write { key: key.clone(), expected: 0, record, unlock: Some(1) };
            let asked = Asked::new(write, "p", 0, 1).unwrap();
            for name in &asked.keys {
                let (_, rest) = name.split_once('{').unwrap();
                let (tag, _) = rest.split_once('}').unwrap();
                assert_eq!(tag, "user/api.dingtalk.com/ding%7Ba%7D", "{name}");
            }
            assert_eq!(asked.keys.len(), 5);
        }
    }

    #[test]
    fn an_answer_that_no_script_gives_is_broken_and_not_believed() {
        let load = Asked::new(StoreOp::Load { key: keys()[0].clone() }, "p", 0, 1).unwrap();
        let answer = |fields: &[&str]| {
            load.reply(fields.iter().map(|field| field.as_bytes().to_vec()).collect())
        };
        for fields in [
            &[][..],
            &["what"],
            &["keys"],
            &["broken"],
            &["record", "1"],
            &["record", "-1", "2", "3", "4", "v"],
            &["written"],
            &["form", "0"],
        ] {
            assert_eq!(answer(fields), Err("what is stored is broken".into()), "{fields:?}");
        }
        assert!(answer(&["form", "2"]).unwrap_err().contains("update this program"));
        assert!(load.reply(vec![vec![0xFF]]).is_err());
        assert_eq!(answer(&["record"]), Ok(StoreReply::Record { record: None }));
    }
}
