//! Permission points, and what the consent page makes of a request for them (wire-facts §8.4).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use super::open_auth::OpenAuthRequest;
use super::open_auth_error::OpenAuthError;

/// In whose name a permission point is used, and so who grants it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Subject {
    /// In a person's name, with a user token; the person grants it. openAuth's type 0.
    #[default]
    Delegated,
    /// In the app's own name, with an app token; the organization grants it. openAuth's type 1.
    Application,
}

impl Subject {
    /// openAuth's `type`.
    pub const fn number(self) -> u8 {
        match self {
            Self::Delegated => 0,
            Self::Application => 1,
        }
    }
}

/// What a permission point opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PointForm {
    /// An interface, such as `Contact.User.Read`.
    Rpc,
    /// A field of a result, such as `Contact.User.mobile`.
    Field,
}

/// What kind of permission point a code names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PointKind {
    /// What it opens.
    pub form: PointForm,
    /// In whose name.
    pub subject: Subject,
}

impl PointKind {
    /// A point that opens an interface.
    pub const fn rpc(subject: Subject) -> Self {
        Self { form: PointForm::Rpc, subject }
    }

    /// A point that opens a field.
    pub const fn field(subject: Subject) -> Self {
        Self { form: PointForm::Field, subject }
    }
}

/// The permission points that exist, and those that were added to one app in the console: what
/// the consent page judges a request by.
///
/// ```
/// use dingtalk_core::auth::{AppPoints, OpenAuthError, OpenAuthRequest, PointKind, Subject};
///
/// let app = AppPoints::new()
///     .known("Contact.User.Read", PointKind::rpc(Subject::Delegated))
///     .known("Contact.User.mobile", PointKind::field(Subject::Delegated))
///     .added("Contact.User.Read");
///
/// let request = OpenAuthRequest::delegated("dingk3v9q2m7x8p1w4zt", "dingexamplecorp")
///     .rpc_point("Contact.User.mobile");
/// let refusal = app.check(&request).unwrap_err();
/// assert_eq!(refusal.error, OpenAuthError::RpcPointNeeded);
/// assert_eq!(refusal.point.as_deref(), Some("Contact.User.mobile"));
/// ```
#[derive(Clone, Debug, Default)]
pub struct AppPoints {
    /// One code may be granted in both names.
    known: BTreeMap<String, Vec<PointKind>>,
    added: BTreeSet<String>,
}

impl AppPoints {
    /// Without any point.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a point that exists on the platform. A code may be told twice, with two kinds.
    #[must_use]
    pub fn known(mut self, code: impl Into<String>, kind: PointKind) -> Self {
        self.known.entry(code.into()).or_default().push(kind);
        self
    }

    /// Adds a point that the app has in the console.
    #[must_use]
    pub fn added(mut self, code: impl Into<String>) -> Self {
        self.added.insert(code.into());
        self
    }

    /// Judges a request as the consent page does, as far as it depends on request and points: the
    /// numbers 400001, 400006, 400007, 500102, 500104 and 500201 to 500205. The others depend on
    /// who looks at the page, and on the platform's state.
    ///
    /// The order in which the page finds several faults is not documented; here a fault of the
    /// request comes first, then the app's, then the first of the points.
    ///
    /// # Errors
    /// The page's number and the point that it is about.
    pub fn check(&self, request: &OpenAuthRequest) -> Result<(), OpenAuthRefusal> {
        request.validate()?;
        if request.corp_id().is_empty() {
            return Err(OpenAuthError::CorpIdMissing.into());
        }
        if self.added.is_empty() {
            return Err(OpenAuthError::AppHasNoPoints.into());
        }
        let (rpc, field) = (request.rpc_scope(), request.field_scope());
        if rpc.is_empty() && field.is_empty() {
            return Err(OpenAuthError::NoSuchPoint.into());
        }
        for point in rpc {
            self.check_point(point, PointKind::rpc(request.subject()))?;
        }
        for point in field {
            self.check_point(point, PointKind::field(request.subject()))?;
        }
        Ok(())
    }

    fn check_point(&self, point: &str, wanted: PointKind) -> Result<(), OpenAuthRefusal> {
        let refused = |error| Err(OpenAuthRefusal { error, point: Some(point.to_owned()) });
        let all_of_app = [PointKind::rpc(Subject::Application)];
        let kinds = match self.known.get(point) {
            _ if point == ALL_POINTS => &all_of_app[..],
            Some(kinds) => kinds,
            None => return refused(OpenAuthError::NoSuchPoint),
        };
        if !kinds.iter().any(|kind| kind.form == wanted.form) {
            return refused(match wanted.form {
                PointForm::Rpc => OpenAuthError::RpcPointNeeded,
                PointForm::Field => OpenAuthError::FieldPointNeeded,
            });
        }
        if !kinds.contains(&wanted) {
            return refused(match wanted.subject {
                Subject::Delegated => OpenAuthError::DelegatedPointNeeded,
                Subject::Application => OpenAuthError::ApplicationPointNeeded,
            });
        }
        if point != ALL_POINTS && !self.added.contains(point) {
            return refused(OpenAuthError::PointNotAdded);
        }
        Ok(())
    }
}

/// Stands for every application point that the app has.
const ALL_POINTS: &str = ".default";

/// Why the consent page refuses a request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OpenAuthRefusal {
    /// The number that the page shows.
    pub error: OpenAuthError,
    /// The permission point that it is about, if it is about one.
    pub point: Option<String>,
}

impl From<OpenAuthError> for OpenAuthRefusal {
    fn from(error: OpenAuthError) -> Self {
        Self { error, point: None }
    }
}

impl fmt::Display for OpenAuthRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.error)?;
        if let Some(point) = &self.point {
            write!(f, " ({point})")?;
        }
        write!(f, "; {}", self.error.remedy())
    }
}

impl std::error::Error for OpenAuthRefusal {}

#[cfg(test)]
mod tests {
    use super::*;

    fn app() -> AppPoints {
        use Subject::{Application, Delegated};
        AppPoints::new()
            .known("Contact.User.Read", PointKind::rpc(Delegated))
            .known("Contact.User.mobile", PointKind::field(Delegated))
            .known("qyapi_get_member", PointKind::rpc(Application))
            .known("Todo.Todo.Write", PointKind::rpc(Delegated))
            .known("Todo.Todo.Write", PointKind::rpc(Application))
            .known("Other.Read", PointKind::rpc(Delegated))
            .added("Contact.User.Read")
            .added("Contact.User.mobile")
            .added("qyapi_get_member")
            .added("Todo.Todo.Write")
    }

    fn person() -> OpenAuthRequest {
        OpenAuthRequest::delegated("app", "corp")
    }

    fn organization() -> OpenAuthRequest {
        OpenAuthRequest::application("app", "corp")
    }

    #[test]
    fn a_request_for_added_points_of_the_right_kind_is_taken() {
        for good in [
            person().rpc_point("Contact.User.Read").field_point("Contact.User.mobile"),
            person().field_point("Contact.User.mobile"),
            person().rpc_point("Todo.Todo.Write"),
            organization().rpc_point("Todo.Todo.Write").rpc_point("qyapi_get_member"),
            organization().rpc_point(".default"),
        ] {
            assert_eq!(app().check(&good), Ok(()), "{good:?}");
        }
    }

    #[test]
    fn each_wrong_point_is_refused_with_the_pages_number() {
        for (bad, code) in [
            (person().rpc_point("Contact.User.Raed"), 500_201),
            (person().rpc_point(" Contact.User.Read"), 500_201),
            (person(), 500_201),
            (person().rpc_point("Contact.User.mobile"), 500_202),
            (person().field_point("Contact.User.Read"), 500_203),
            (organization().field_point(".default"), 500_203),
            (organization().rpc_point("Contact.User.Read"), 500_204),
            (person().rpc_point("qyapi_get_member"), 500_205),
            (person().rpc_point(".default"), 500_205),
            (person().rpc_point("Contact.User.Read").rpc_point("Other.Read"), 500_104),
            (OpenAuthRequest::delegated("app", "").rpc_point("Contact.User.Read"), 400_007),
            (OpenAuthRequest::delegated("", "corp").rpc_point("Contact.User.Read"), 400_006),
            (OpenAuthRequest::delegated("", ""), 400_001),
        ] {
            assert_eq!(app().check(&bad).unwrap_err().error.code(), code, "{bad:?}");
        }
        let refusal = AppPoints::new().check(&person().rpc_point("Contact.User.Read"));
        assert_eq!(refusal.unwrap_err().error, OpenAuthError::AppHasNoPoints);
    }
}
