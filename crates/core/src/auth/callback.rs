//! What the browser brings back from the login page (wire-facts §4.4).

use std::borrow::Cow;
use std::fmt;

use super::authorize::State;
use super::code::AuthCode;

/// Reads the code out of the address, or its query, at which the browser came back.
///
/// Nothing of it is used before the state is known to be the one that this browser was sent out
/// with. The platform writes the code twice, as `authCode` and as `code`; either will do, and if
/// both are there they must be the same.
///
/// ```
/// use dingtalk_core::auth::{CallbackError, State, parse_callback};
///
/// let state = State::restore("81fe0c5a81fe0c5a")?; // out of the browser's session
/// let back = "https://app.example.com/cb?code=4f0e&authCode=4f0e&state=81fe0c5a81fe0c5a";
/// let code = parse_callback(back, &state).unwrap();
/// assert_eq!(code.secret().expose(), "4f0e");
///
/// let foreign = parse_callback("authCode=4f0e&state=another", &state);
/// assert_eq!(foreign.unwrap_err(), CallbackError::StateDiffers);
/// # Ok::<(), dingtalk_core::Error>(())
/// ```
///
/// # Errors
/// See [`CallbackError`]. With any of them, nobody has logged in.
pub fn parse_callback(url_or_query: &str, state: &State) -> Result<AuthCode, CallbackError> {
    const MOST: usize = 8 * 1024;
    if url_or_query.len() > MOST {
        return Err(CallbackError::TooLong);
    }
    let query = query_of(url_or_query);
    let only = |name: &'static str| -> Result<Option<Cow<'_, str>>, CallbackError> {
        let pairs = form_urlencoded::parse(query.as_bytes());
        let mut values = pairs.filter(|(other, _)| other == name).map(|(_, value)| value);
        match (values.next(), values.next()) {
            (value, None) => Ok(value),
            _ => Err(CallbackError::Repeated { name }),
        }
    };
    match only("state")? {
        None => return Err(CallbackError::StateMissing),
        Some(back) if back.is_empty() => return Err(CallbackError::StateMissing),
        Some(back) if !state.matches(&back) => return Err(CallbackError::StateDiffers),
        Some(_) => {}
    }
    if let Some(error) = only("error")? {
        return Err(CallbackError::Refused { error: plain(&error) });
    }
    let code = match (only("authCode")?, only("code")?) {
        (Some(one), Some(other)) if one != other => return Err(CallbackError::CodesDiffer),
        (Some(code), _) | (None, Some(code)) => code,
        (None, None) => return Err(CallbackError::CodeMissing),
    };
    if code.trim().is_empty() {
        return Err(CallbackError::CodeMissing);
    }
    Ok(code.into_owned().into())
}

/// Why a browser's return is no login.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallbackError {
    /// There is no state.
    StateMissing,
    /// The state is not the one that this browser was sent out with.
    StateDiffers,
    /// The person refused, or the login page did.
    Refused {
        /// The page's own word, such as `access_denied`; other characters than those of a word
        /// are left out.
        error: String,
    },
    /// There is no code.
    CodeMissing,
    /// `authCode` and `code` are not the same.
    CodesDiffer,
    /// A parameter is there more than once.
    Repeated {
        /// The parameter's name.
        name: &'static str,
    },
    /// The address is longer than 8 KiB.
    TooLong,
}

impl fmt::Display for CallbackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::StateMissing => {
                "the browser brought no state back: begin the login again, and never without a \
                 state"
            }
            Self::StateDiffers => {
                "the state is not this session's: begin the login again; many of them are a \
                 forgery, or a session that gets lost on the way"
            }
            Self::Refused { error } => {
                return write!(
                    f,
                    "the login was refused ({error}): offer the person to begin again"
                );
            }
            Self::CodeMissing => {
                "the browser brought no code back: check the redirect URI's handler, and begin \
                 again"
            }
            Self::CodesDiffer => {
                "authCode and code differ, as the platform never sends them: begin the login again"
            }
            Self::Repeated { name } => {
                return write!(
                    f,
                    "{name} comes more than once, as the platform never sends it: begin the login \
                     again"
                );
            }
            Self::TooLong => {
                "the address is longer than 8 KiB, as the platform never sends it: refuse it"
            }
        };
        f.write_str(text)
    }
}

impl std::error::Error for CallbackError {}

fn query_of(url_or_query: &str) -> &str {
    let text = url_or_query.split_once('#').map_or(url_or_query, |(before, _)| before);
    let scheme = |scheme: &str| {
        text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    if text.starts_with(['/', '?']) || scheme("http://") || scheme("https://") {
        return text.split_once('?').map_or("", |(_, query)| query);
    }
    text
}

fn plain(word: &str) -> String {
    word.chars().filter(|c| c.is_ascii_alphanumeric() || "_-.".contains(*c)).take(64).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STATE: &str = "81fe0c5a-81fe0c5a";

    fn parse(text: &str) -> Result<String, CallbackError> {
        let code = parse_callback(text, &State::restore(STATE).unwrap());
        code.map(|code| code.secret().expose().to_owned())
    }

    #[test]
    fn the_code_is_read_by_either_name_out_of_a_url_or_a_query() {
        for text in [
            "https://app.example.com/cb?code=4f0e&authCode=4f0e&state=81fe0c5a-81fe0c5a",
            "HTTPS://app.example.com/cb?authCode=4f0e&state=81fe0c5a%2D81fe0c5a#frag&code=x",
            "/cb?x=1&code=4f0e&state=81fe0c5a-81fe0c5a",
            "?authCode=4f0e&state=81fe0c5a-81fe0c5a",
            "state=81fe0c5a-81fe0c5a&code=4f0e&y=http://a?b",
        ] {
            assert_eq!(parse(text).as_deref(), Ok("4f0e"), "{text}");
        }
        assert_eq!(parse("code=a%2Bb+c&state=81fe0c5a-81fe0c5a").as_deref(), Ok("a+b c"));
    }

    #[test]
    fn the_state_is_judged_before_anything_else() {
        for rest in ["code=x", "error=access_denied", "code=x&code=y", "code=x&authCode=y", "z"] {
            assert_eq!(parse(rest), Err(CallbackError::StateMissing), "{rest}");
            assert_eq!(
                parse(&format!("{rest}&state=")),
                Err(CallbackError::StateMissing),
                "{rest}"
            );
            for wrong in ["x", "81fe0c5a-81fe0c5A", "81fe0c5a-81fe0c5a0", "81fe0c5a-81fe0c5"] {
                let text = format!("{rest}&state={wrong}");
                assert_eq!(parse(&text), Err(CallbackError::StateDiffers), "{text}");
            }
        }
        let text = format!("code=x&State={STATE}");
        assert_eq!(parse(&text), Err(CallbackError::StateMissing), "names keep their case");
    }

    #[test]
    fn whatever_the_platform_never_sends_is_refused() {
        use CallbackError::{CodeMissing, CodesDiffer, Repeated};
        for (rest, error) in [
            ("code=x&authCode=y", CodesDiffer),
            ("authCode=&code=y", CodesDiffer),
            ("authCode=", CodeMissing),
            ("code=%20", CodeMissing),
            ("x=1", CodeMissing),
            ("code=x&code=x", Repeated { name: "code" }),
            ("authCode=x&authCode=x", Repeated { name: "authCode" }),
            ("state=81fe0c5a-81fe0c5a&code=x", Repeated { name: "state" }),
            ("error=a&error=b", Repeated { name: "error" }),
        ] {
            assert_eq!(parse(&format!("{rest}&state={STATE}")), Err(error), "{rest}");
        }
        assert_eq!(parse("https://a.cn/code=x"), Err(CallbackError::StateMissing));
        let long = format!("code=x&state={STATE}&x={}", "y".repeat(8 * 1024));
        assert_eq!(parse(&long), Err(CallbackError::TooLong));
    }

    #[test]
    fn a_refusal_is_told_in_plain_words_even_beside_a_code() {
        for (error, word) in
            [("access_denied", "access_denied"), ("%0a%1b[31m<b>x", "31mbx"), ("", "")]
        {
            let text = format!("https://a.cn/?error={error}&code=x&state={STATE}");
            assert_eq!(parse(&text), Err(CallbackError::Refused { error: word.into() }));
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic_or_logs_anyone_in(text in any::<String>()) {
            prop_assert!(parse(&text).is_err());
        }

        #[test]
        fn a_code_is_given_for_the_very_state_and_no_other(
            state in ".{16,32}",
            other in ".{0,32}",
        ) {
            let query = |state: &str| {
                let mut query = form_urlencoded::Serializer::new(String::new());
                query.append_pair("code", "x").append_pair("state", state).finish()
            };
            let known = State::restore(&*state).unwrap();
            prop_assert!(parse_callback(&query(&state), &known).is_ok());
            prop_assert_eq!(parse_callback(&query(&other), &known).is_ok(), state == other);
        }
    }
}
