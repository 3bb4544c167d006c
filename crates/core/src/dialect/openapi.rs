//! `/v1.0/…`: token in a header, HTTP status tells, no envelope.

use serde::de::DeserializeOwned;

use crate::dialect::{Dialect, text};
use crate::endpoint::Family;
use crate::lenient;
use crate::wire::Response;

/// The v1.0 family. A success is HTTP 2xx with the data alone; errors are 4xx and 5xx with
/// `{"code":…,"message":…,"requestid":…}`.
#[derive(Debug)]
#[non_exhaustive]
pub enum OpenApi {}

impl Dialect for OpenApi {
    const FAMILY: Option<Family> = Some(Family::OpenApi);

    fn accept<T: DeserializeOwned>(response: &Response) -> Option<T> {
        if !matches!(response.status(), 200..=299) {
            return None;
        }
        let text = text(response)?;
        // The old router answers wrong v1.0 paths with 200 and its own envelope, and a banned
        // address gets 200 as well: all-optional results would swallow both.
        if ["\"errcode\"", "\"punish\""].iter().any(|mark| text.contains(mark)) {
            return None;
        }
        lenient::parse(text).ok()
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize, Debug, PartialEq)]
    struct AllOptional {
        a: Option<i64>,
    }

    fn accept(status: u16, body: &str) -> Option<AllOptional> {
        OpenApi::accept(&Response::new(status, Default::default(), body.to_owned()))
    }

    #[test]
    fn a_success_is_any_2xx_with_data() {
        assert_eq!(accept(200, r#"{"a":1}"#), Some(AllOptional { a: Some(1) }));
        assert_eq!(accept(201, "{}"), Some(AllOptional { a: None }));
        assert_eq!(accept(400, "{}"), None);
        assert_eq!(accept(302, "{}"), None);
        assert_eq!(accept(200, ""), None);
    }

    #[test]
    fn another_familys_error_is_no_empty_success() {
        assert_eq!(accept(200, r#"{"errcode":404,"errmsg":"x"}"#), None);
        assert_eq!(accept(200, r#"{"status":1111,"wait":5,"source":"x5","punish":"deny"}"#), None);
    }
}
