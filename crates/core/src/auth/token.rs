//! The answer of the calls that give an app's token, and how every life-time is read.

use serde::{Deserialize, Deserializer};

use crate::{Secret, lenient};

/// An app's token.
///
/// The endpoints name its members in two ways, `accessToken` and `expireIn` or `access_token` and
/// `expires_in` (wire-facts §2.5); both are read everywhere.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct AccessToken {
    /// The token.
    #[serde(alias = "accessToken", deserialize_with = "lenient::required")]
    pub access_token: Secret,
    /// Its life in seconds; two hours where the answer does not say.
    #[serde(alias = "expireIn", default = "two_hours", deserialize_with = "life")]
    pub expires_in: i64,
}

/// The life of everything that the platform issues without saying for how long.
pub(crate) fn two_hours() -> i64 {
    7200
}

pub(crate) fn life<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    Ok(lenient::life(deserializer)?.unwrap_or_else(two_hours))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_life_time_has_two_names_and_may_be_text_or_missing() {
        for (life, expected) in [
            (r#","expireIn":3600"#, 3600),
            (r#","expires_in":3600"#, 3600),
            (r#","expires_in":"3600""#, 3600),
            (r#","expireIn":null"#, 7200),
            (r#","expireIn":"""#, 7200),
            ("", 7200),
        ] {
            for name in ["accessToken", "access_token"] {
                let token: AccessToken =
                    serde_json::from_str(&format!(r#"{{"{name}":"t"{life}}}"#)).unwrap();
                assert_eq!(token.access_token.expose(), "t");
                assert_eq!(token.expires_in, expected, "{life}");
            }
        }
    }

    #[test]
    fn an_answer_without_its_token_is_no_answer() {
        for json in [
            "{}",
            r#"{"expireIn":7200}"#,
            r#"{"accessToken":"","expireIn":7200}"#,
            r#"{"accessToken":null,"expireIn":7200}"#,
        ] {
            assert!(serde_json::from_str::<AccessToken>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn a_token_does_not_print() {
        let token: AccessToken = serde_json::from_str(r#"{"accessToken":"canary"}"#).unwrap();
        assert!(!format!("{token:?}").contains("canary"));
    }
}
