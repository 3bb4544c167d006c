//! Values that hide themselves: secrets and personal data.

use std::fmt;
use std::ops::Deref;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// A client secret, token, ticket or one-time code.
///
/// It is wiped from memory when dropped, prints as `‹secret›`, and gives its text only to
/// [`expose`](Secret::expose), so that every use can be found by searching for that word.
///
/// ```
/// use dingtalk_core::Secret;
///
/// let secret = Secret::from("not for the log");
/// assert_eq!(format!("{secret:?}"), "‹secret›");
/// assert_eq!(secret.expose(), "not for the log");
/// ```
#[derive(Clone, Default)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes over a text as a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text itself. Do not print, store or log it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether nothing is inside.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Compares in constant time, so that the answer's delay tells nothing about the secret.
    pub fn matches(&self, other: &str) -> bool {
        self.0.as_bytes().ct_eq(other.as_bytes()).into()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("‹secret›")
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

/// Writes the secret's real text: request bodies and store records need it. Never serialize a
/// secret into a log.
impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.expose())
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

/// A phone number, mail address or other personal value in a result.
///
/// It reads like a `str` but prints as `‹personal›` in a `Debug`, so that logging a whole user
/// record gives nobody away.
///
/// ```
/// use dingtalk_core::Personal;
///
/// let mobile = Personal::from("13900000427");
/// assert_eq!(&*mobile, "13900000427");
/// assert_eq!(format!("{mobile:?}"), "‹personal›");
/// ```
#[derive(Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Personal(String);

impl Personal {
    /// The text itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Gives the text away.
    pub fn into_string(self) -> String {
        self.0
    }
}

impl Deref for Personal {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Personal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("‹personal›")
    }
}

impl From<&str> for Personal {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl From<String> for Personal {
    fn from(text: String) -> Self {
        Self(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_never_prints_its_text() {
        let secret = Secret::from("canary-8c1f");
        assert!(!format!("{secret:?} {secret:#?}").contains("canary"));
    }

    #[test]
    fn secrets_match_only_the_same_text() {
        let secret = Secret::from("abc");
        assert!(secret.matches("abc"));
        assert!(!secret.matches("abd"));
        assert!(!secret.matches("ab"));
    }

    #[test]
    fn personal_values_hide_in_debug_of_the_struct_around_them() {
        #[derive(Debug)]
        struct Person {
            #[allow(dead_code)]
            mobile: Option<Personal>,
        }
        let text = format!("{:?}", Person { mobile: Some(Personal::from("13900000427")) });
        assert!(!text.contains("1390"), "{text}");
    }
}
