//! The one-time code that a login or a consent leads to.

use std::fmt;

use crate::Secret;

/// A one-time code: whoever has it first can become the person it was made for.
///
/// It lives for five minutes and is good for one exchange; send it once and never store it.
///
/// ```
/// use dingtalk_core::auth::AuthCode;
///
/// let code = AuthCode::from("4f0e1d2c3b4a39589687a5b4c3d2e1f0");
/// assert_eq!(format!("{code:?}"), "AuthCode(‹secret›)");
/// ```
#[derive(Clone)]
pub struct AuthCode(Secret);

impl AuthCode {
    /// Takes over a text as a code.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Secret::new(text))
    }

    /// The code's text as a secret, to be exchanged.
    pub fn secret(&self) -> &Secret {
        &self.0
    }
}

impl fmt::Debug for AuthCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuthCode(‹secret›)")
    }
}

impl From<&str> for AuthCode {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for AuthCode {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl From<Secret> for AuthCode {
    fn from(secret: Secret) -> Self {
        Self(secret)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_never_prints_its_text() {
        let code = AuthCode::from("canary-77e1");
        assert!(!format!("{code:?} {code:#?}").contains("canary"));
        assert_eq!(code.secret().expose(), "canary-77e1");
    }
}
