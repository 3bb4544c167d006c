//! What the consent component of the client brings back (wire-facts §8.2).

use serde_json::Value;

use super::code::AuthCode;
use super::points::Subject;
use crate::Error;

/// What `openAuth`'s promise resolved with.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum OpenAuthResult {
    /// The person granted; exchange the code for a user token.
    Granted(AuthCode),
    /// The organization granted; get a new app token, there is no code.
    GrantedToApp,
    /// The person refused, or closed the page.
    Cancelled,
    /// The page failed. It has shown the person one of the numbers of
    /// [`OpenAuthError`](super::OpenAuthError), and does not tell it to the app.
    Failed,
    /// The request went to an admin of the organization; ask again when it has been granted.
    SentToAdmin,
    /// A status that is not known here, cut to 64 characters.
    Other(String),
}

impl OpenAuthResult {
    /// Reads what the page sends on of the promise's value, as JSON.
    ///
    /// ```
    /// use dingtalk_core::auth::{OpenAuthResult, Subject};
    ///
    /// let json = r#"{"status":"ok","result":{"authCode":"4f0e1d2c3b4a3958"}}"#;
    /// match OpenAuthResult::parse(Subject::Delegated, json)? {
    ///     OpenAuthResult::Granted(code) => assert_eq!(code.secret().expose(), "4f0e1d2c3b4a3958"),
    ///     other => panic!("not granted: {other:?}"),
    /// }
    /// # Ok::<(), dingtalk_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// When it is not a result: not JSON, without a status, or longer than 8 KiB; or when a person
    /// granted and there is no code.
    pub fn parse(subject: Subject, json: &str) -> Result<Self, Error> {
        if json.len() > 8 * 1024 {
            return Err(Error::invalid("a result of openAuth is never longer than 8 KiB"));
        }
        match serde_json::from_str(json) {
            Ok(value) => Self::from_value(subject, &value),
            Err(_) => Err(Error::invalid("the result of openAuth is not JSON")),
        }
    }

    /// As [`parse`](Self::parse), from JSON that has been read.
    ///
    /// # Errors
    /// As for [`parse`](Self::parse).
    pub fn from_value(subject: Subject, value: &Value) -> Result<Self, Error> {
        if value.is_null() {
            // What the component makes of a container that closed without a value.
            return Ok(Self::Cancelled);
        }
        let Some(status) = value.get("status").and_then(Value::as_str) else {
            return Err(Error::invalid("the result of openAuth has no status"));
        };
        Ok(match status {
            "ok" if subject == Subject::Application => Self::GrantedToApp,
            "ok" => match value.pointer("/result/authCode").and_then(Value::as_str) {
                Some(code) if !code.trim().is_empty() => Self::Granted(code.into()),
                _ => return Err(Error::invalid("openAuth was granted without an authCode")),
            },
            "cancel" => Self::Cancelled,
            "failed" => Self::Failed,
            "toAdmin" => Self::SentToAdmin,
            other => Self::Other(other.chars().take(64).collect()),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_documented_result_is_read() {
        let read = |subject, json| OpenAuthResult::parse(subject, json).unwrap();
        let code = r#"{"status":"ok","result":{"authCode":"canary-4f0e"}}"#;
        let granted = read(Subject::Delegated, code);
        assert!(!format!("{granted:?}").contains("canary"));
        assert!(
            matches!(granted, OpenAuthResult::Granted(code) if code.secret().matches("canary-4f0e"))
        );
        for json in [r#"{"status":"ok","result":null}"#, r#"{"status":"ok"}"#, code] {
            let result = read(Subject::Application, json);
            assert!(matches!(result, OpenAuthResult::GrantedToApp), "{json}");
        }
        for json in [r#"{"status":"cancel","result":null}"#, r#"{"status":"cancel"}"#, "null"] {
            assert!(matches!(read(Subject::Delegated, json), OpenAuthResult::Cancelled), "{json}");
        }
        let failed = read(Subject::Delegated, r#"{"status":"failed","result":null}"#);
        assert!(matches!(failed, OpenAuthResult::Failed));
        let asked = read(Subject::Application, r#"{"status":"toAdmin","result":null}"#);
        assert!(matches!(asked, OpenAuthResult::SentToAdmin));
        let new = read(Subject::Delegated, r#"{"status":"later","result":{"x":1}}"#);
        assert!(matches!(new, OpenAuthResult::Other(status) if status == "later"));
    }

    #[test]
    fn a_grant_by_a_person_without_a_code_is_an_error() {
        for json in [
            r#"{"status":"ok","result":null}"#,
            r#"{"status":"ok"}"#,
            r#"{"status":"ok","result":{"authCode":""}}"#,
            r#"{"status":"ok","result":{"authCode":" "}}"#,
            r#"{"status":"ok","result":{"authCode":7}}"#,
            r#"{"result":{"authCode":"x"}}"#,
            r#""ok""#,
            "ok",
        ] {
            assert!(OpenAuthResult::parse(Subject::Delegated, json).is_err(), "{json}");
        }
        assert!(OpenAuthResult::parse(Subject::Delegated, &" ".repeat(9_000)).is_err());
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(json in any::<String>()) {
            let _ = OpenAuthResult::parse(Subject::Delegated, &json);
        }
    }
}
