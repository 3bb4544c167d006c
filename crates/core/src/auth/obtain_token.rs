//! The caller's own token, fetched only if it must be.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::dialect::OpenApi;
use crate::endpoint::{Endpoint, Method, Obtains, Operation};
use crate::{AnyToken, Secret};

/// Sees to it that the caller holds a token with more than ten minutes left, and hands it out:
/// for programs that put it into requests of their own. While it serves, nothing goes out.
///
/// ```
/// use dingtalk_core::{App, Call, Step, Timestamp, auth::ObtainToken};
///
/// let app = App::internal("dingabc", "secret");
/// let now = Timestamp::from_millis(1_700_000_000_000);
/// app.seed("kept from before", now + std::time::Duration::from_secs(3_600), now);
/// match Call::new(&ObtainToken::new(), &app).step(now) {
///     Step::Done(Ok(token)) => assert_eq!(token.value.expose(), "kept from before"),
///     other => panic!("{other:?}"),
/// }
/// ```
#[derive(Clone, Copy, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct ObtainToken {
    #[serde(skip)]
    ahead: Duration,
}

impl ObtainToken {
    /// Of whoever calls.
    pub fn new() -> Self {
        Self::default()
    }

    /// Replaces the token also where that would be due only within this time from now: for
    /// programs that see to it before any call has to. A token that cannot be replaced yet is
    /// handed out as it is.
    #[must_use]
    pub fn ahead(mut self, ahead: Duration) -> Self {
        self.ahead = ahead;
        self
    }
}

impl Endpoint for ObtainToken {
    type Caller = AnyToken;
    type Api = OpenApi;
    type Output = HeldToken;
    const OPERATION: &Operation = &Operation::openapi("auth.obtain_token", Method::Get, "");

    fn obtains(&self) -> Obtains {
        Obtains::Token { ahead: self.ahead }
    }
}

/// A token or page ticket that serves now.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct HeldToken {
    /// The token.
    pub value: Secret,
    /// End of its life in Unix milliseconds, counted from the asking.
    pub expires_at: u64,
}
