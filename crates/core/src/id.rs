//! DingTalk's identifiers as types, so that one cannot be given for another.
//!
//! ```compile_fail
//! use dingtalk_core::{UnionId, UserId};
//!
//! fn greet(_: UserId) {}
//! greet(UnionId::from("Qm7ZpXk2iiTgR9sVbLhUaGQiEiE")); // a union id is no user id
//! ```

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

use crate::lenient;

// Ten identifiers of one shape: written out, this file would hide what differs, the meaning.
macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Takes over a text as this kind of identifier.
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            /// The identifier's text.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// Gives the text away.
            pub fn into_string(self) -> String {
                self.0
            }

            /// Whether nothing is inside.
            pub fn is_empty(&self) -> bool {
                self.0.is_empty()
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text)
            }
        }

        impl From<&Self> for $name {
            fn from(id: &Self) -> Self {
                id.clone()
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl PartialEq<str> for $name {
            fn eq(&self, other: &str) -> bool {
                self.0 == other
            }
        }

        impl PartialEq<&str> for $name {
            fn eq(&self, other: &&str) -> bool {
                self.0 == *other
            }
        }

        impl lenient::Lenient for $name {
            fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                lenient::read(deserializer).map(Self)
            }
        }

        impl lenient::Lenient for Option<$name> {
            fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Ok(lenient::read::<D, Option<String>>(deserializer)?.filter(|id| !id.is_empty()).map($name))
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                lenient::read(deserializer)
            }
        }
    };
}

macro_rules! number_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(i64);

        impl $name {
            /// Takes over a number as this kind of identifier.
            pub const fn new(number: i64) -> Self {
                Self(number)
            }

            /// The identifier's number.
            pub const fn get(self) -> i64 {
                self.0
            }
        }

        impl From<i64> for $name {
            fn from(number: i64) -> Self {
                Self(number)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl lenient::Lenient for $name {
            fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                lenient::read(deserializer).map(Self)
            }
        }

        impl lenient::Lenient for Option<$name> {
            fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Ok(lenient::read::<D, Option<i64>>(deserializer)?.map($name))
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                lenient::read(deserializer)
            }
        }
    };
}

text_id! {
    /// An organization. Most calls on behalf of an organization need it; the developer console's
    /// home page shows it.
    CorpId
}
text_id! {
    /// A person within one organization; it cannot be changed. The same person has another user id
    /// in another organization.
    UserId
}
text_id! {
    /// A person across all apps of one developer organization (wire-facts §6.3). Another developer
    /// organization sees the same person under another union id.
    UnionId
}
text_id! {
    /// A person within one app.
    OpenId
}
text_id! {
    /// An app of any kind, world-wide; it takes the place of agent id and app id step by step.
    UnifiedAppId
}
text_id! {
    /// An app's name towards the token endpoints; formerly AppKey, and SuiteKey or CustomKey for
    /// apps of service providers. Not secret.
    ClientId
}
text_id! {
    /// A to-do.
    TaskId
}
text_id! {
    /// Your own key of a to-do: one to-do per source id, so it guards against creating it twice.
    SourceId
}
number_id! {
    /// An app's capability within one organization (H5 app, mini program). The platform writes it
    /// as a number here and as a string there; both are read.
    AgentId
}
number_id! {
    /// A department within one organization; the root is [`DeptId::ROOT`].
    DeptId
}
number_id! {
    /// A role within one organization.
    RoleId
}

impl DeptId {
    /// The organization itself.
    pub const ROOT: Self = Self(1);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_read_numbers_and_strings_alike() {
        let ids: Vec<DeptId> = serde_json::from_str(r#"[1,"2","-7"]"#).unwrap();
        assert_eq!(ids, [DeptId::ROOT, DeptId(2), DeptId(-7)]);
        let id: UserId = serde_json::from_str("4711").unwrap();
        assert_eq!(id, "4711");
        let id: AgentId = serde_json::from_str(r#""1234567890123""#).unwrap();
        assert_eq!(id.get(), 1_234_567_890_123);
    }

    #[test]
    fn identifiers_are_written_as_the_platform_wants_them() {
        assert_eq!(serde_json::to_string(&UserId::from("a")).unwrap(), r#""a""#);
        assert_eq!(serde_json::to_string(&DeptId::ROOT).unwrap(), "1");
    }
}
