//! Sessions in the client's store: keep one, list them, forget one. Nothing of this goes to the
//! platform.

use serde::{Deserialize, Serialize};

use crate::dialect::OpenApi;
use crate::endpoint::{Endpoint, Method, Obtains, Operation};
use crate::{App, User};

/// Stores the session's tokens under its [name](User::keep_as), in the place of whatever was
/// there: for a session that began before anybody knew who the person is. Its renewals are stored
/// from then on by themselves.
///
/// ```no_run
/// # fn example(
/// #     app: dingtalk_core::App,
/// #     call: impl Fn(dingtalk_core::auth::KeepSession, &dingtalk_core::User),
/// # ) {
/// use dingtalk_core::auth::KeepSession;
///
/// let person = app.user_from_code("code from the callback");
/// // … after `contact::GetContactUser::me()` told who it is:
/// person.keep_as("Qm7ZpXk2iiTgR9sVbLhUaGQiEiE");
/// call(KeepSession::new(), &person);
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct KeepSession {}

impl KeepSession {
    /// Of whoever calls.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Endpoint for KeepSession {
    type Caller = User;
    type Api = OpenApi;
    type Output = ();
    const OPERATION: &Operation = &Operation::openapi("auth.keep_session", Method::Put, "");

    fn obtains(&self) -> Obtains {
        Obtains::Kept
    }
}

/// Forgets the session, here and in the store: what a log-out does. The platform is told nothing,
/// since it knows no such call; the tokens end by themselves. Another process that holds the access
/// token goes on with it until it is due, and cannot renew it then.
#[derive(Clone, Copy, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct ForgetSession {}

impl ForgetSession {
    /// Of whoever calls.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Endpoint for ForgetSession {
    type Caller = User;
    type Api = OpenApi;
    type Output = ();
    const OPERATION: &Operation = &Operation::openapi("auth.forget_session", Method::Delete, "");

    fn obtains(&self) -> Obtains {
        Obtains::Forgotten
    }
}

/// The names of an app's stored sessions, in the order of their keys.
///
/// ```
/// use dingtalk_core::auth::ListSessions;
///
/// let first = ListSessions::new(100);
/// // … and where the answer says that there are more:
/// let next = ListSessions::new(100).after("the last name of the first answer");
/// # let _ = (first, next);
/// ```
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ListSessions {
    /// At most so many names.
    pub limit: u32,
    /// The last name that is known already.
    pub after: Option<String>,
}

impl ListSessions {
    /// At most so many, from the first on.
    pub fn new(limit: u32) -> Self {
        Self { limit, after: None }
    }

    /// From after this one on.
    #[must_use]
    pub fn after(mut self, name: impl Into<String>) -> Self {
        self.after = Some(name.into());
        self
    }
}

impl Endpoint for ListSessions {
    type Caller = App;
    type Api = OpenApi;
    type Output = SessionNames;
    const OPERATION: &Operation = &Operation::openapi("auth.list_sessions", Method::Get, "");

    fn obtains(&self) -> Obtains {
        Obtains::Sessions { after: self.after.clone(), limit: self.limit }
    }
}

/// Some names of stored sessions.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct SessionNames {
    /// The names. None means that there are no more.
    pub names: Vec<String>,
}
