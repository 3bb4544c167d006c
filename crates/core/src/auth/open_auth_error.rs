//! What the consent page of openAuth shows when it refuses (wire-facts §8.3).

use std::fmt;

/// A number that the openAuth page shows, with what is wrong and what to do.
///
/// The page shows them to the person and gives the app no more than `failed`. Some of the numbers
/// mean other things elsewhere on the platform, so do not look an answer's `errcode` up here.
///
/// ```
/// use dingtalk_core::auth::OpenAuthError;
///
/// let error = OpenAuthError::from_code(500_104).unwrap();
/// assert_eq!(error, OpenAuthError::PointNotAdded);
/// println!("{error}; {}", error.remedy());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OpenAuthError {
    /// 400001
    EmptyRequest,
    /// 400006
    ClientIdMissing,
    /// 400007
    CorpIdMissing,
    /// 400008
    PersonUnknown,
    /// 500101
    NoSuchApp,
    /// 500102
    AppHasNoPoints,
    /// 500103
    AppNotReadable,
    /// 500104
    PointNotAdded,
    /// 500105
    VendorNotReadable,
    /// 500201
    NoSuchPoint,
    /// 500202
    RpcPointNeeded,
    /// 500203
    FieldPointNeeded,
    /// 500204
    ApplicationPointNeeded,
    /// 500205
    DelegatedPointNeeded,
    /// 500401
    RoleNotReadable,
    /// 500402
    NotAnAdmin,
    /// 500403
    AppNotOpened,
    /// 500404
    RecordNotUpdated,
}

impl OpenAuthError {
    /// Every number that is known, in order.
    pub const ALL: &[Self] = &[
        Self::EmptyRequest,
        Self::ClientIdMissing,
        Self::CorpIdMissing,
        Self::PersonUnknown,
        Self::NoSuchApp,
        Self::AppHasNoPoints,
        Self::AppNotReadable,
        Self::PointNotAdded,
        Self::VendorNotReadable,
        Self::NoSuchPoint,
        Self::RpcPointNeeded,
        Self::FieldPointNeeded,
        Self::ApplicationPointNeeded,
        Self::DelegatedPointNeeded,
        Self::RoleNotReadable,
        Self::NotAnAdmin,
        Self::AppNotOpened,
        Self::RecordNotUpdated,
    ];

    /// The error of this number, if it is known.
    pub fn from_code(code: i64) -> Option<Self> {
        Self::ALL.iter().copied().find(|error| error.code() == code)
    }

    /// The number.
    pub const fn code(self) -> i64 {
        self.row().0
    }

    /// What to do about it.
    pub const fn remedy(self) -> &'static str {
        self.row().2
    }

    const fn row(self) -> (i64, &'static str, &'static str) {
        match self {
            Self::EmptyRequest => (
                400_001,
                "the request is empty",
                "pass openAuth an object with clientId, corpId, rpcScope or fieldScope, and type",
            ),
            Self::ClientIdMissing => (
                400_006,
                "clientId is missing",
                "pass the app's client id (AppKey or SuiteKey) as clientId",
            ),
            Self::CorpIdMissing => (
                400_007,
                "corpId is missing",
                "pass the id of the organization that is to grant as corpId",
            ),
            Self::PersonUnknown => (
                400_008,
                "the person's identity is empty",
                "open the page within the client, logged in; if it stays, ask DingTalk's support",
            ),
            Self::NoSuchApp => (
                500_101,
                "there is no such app",
                "compare clientId with the developer console, and the region with the app's",
            ),
            Self::AppHasNoPoints => (
                500_102,
                "the app has no permission point at all",
                "add the points in the developer console, under permissions",
            ),
            Self::AppNotReadable => (
                500_103,
                "the platform could not read the app",
                "try again later; if it stays, ask DingTalk's support",
            ),
            Self::PointNotAdded => (
                500_104,
                "the permission point is not added to the app",
                "add the point in the developer console, under permissions",
            ),
            Self::VendorNotReadable => (
                500_105,
                "the platform could not read the organization that offers the app",
                "try again later; if it stays, ask DingTalk's support",
            ),
            Self::NoSuchPoint => (
                500_201,
                "a permission point's code is wrong",
                "copy the code from the console, and separate several by commas without spaces",
            ),
            Self::RpcPointNeeded => (
                500_202,
                "rpcScope holds a point that is not of the rpc form",
                "move codes of fields, such as Contact.User.mobile, to fieldScope",
            ),
            Self::FieldPointNeeded => (
                500_203,
                "fieldScope holds a point that is not of the field form",
                "move codes of interfaces, such as Contact.User.Read, to rpcScope",
            ),
            Self::ApplicationPointNeeded => (
                500_204,
                "a grant to the app asks for a point that is not of the application kind",
                "ask for it with type 0, from the person, or choose an application point",
            ),
            Self::DelegatedPointNeeded => (
                500_205,
                "a grant by the person asks for a point that is not of the delegated kind",
                "ask for it with type 1, from an admin, or choose a point of the personal group",
            ),
            Self::RoleNotReadable => (
                500_401,
                "the platform could not read the role of the person who grants",
                "try again later; if it stays, ask DingTalk's support",
            ),
            Self::NotAnAdmin => (
                500_402,
                "the person who grants is no admin of the organization",
                "have an admin of the organization open the page and grant",
            ),
            Self::AppNotOpened => (
                500_403,
                "the organization has not opened the app",
                "have the organization open the app, then ask again",
            ),
            Self::RecordNotUpdated => (
                500_404,
                "the platform could not write the grant down",
                "ask again; if it stays, ask DingTalk's support",
            ),
        }
    }
}

impl fmt::Display for OpenAuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code(), self.row().1)
    }
}

impl std::error::Error for OpenAuthError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_of_the_table_leads_to_its_error_and_back() {
        let table = [
            400_001, 400_006, 400_007, 400_008, 500_101, 500_102, 500_103, 500_104, 500_105,
            500_201, 500_202, 500_203, 500_204, 500_205, 500_401, 500_402, 500_403, 500_404,
        ];
        assert!(OpenAuthError::ALL.iter().map(|error| error.code()).eq(table));
        for code in table {
            assert_eq!(OpenAuthError::from_code(code).map(OpenAuthError::code), Some(code));
        }
        for code in [0, -1, 400_002, 500_405, i64::MAX] {
            assert_eq!(OpenAuthError::from_code(code), None);
        }
    }

    #[test]
    fn each_error_says_what_is_wrong_and_what_to_do() {
        for error in OpenAuthError::ALL {
            assert!(error.to_string().starts_with(&error.code().to_string()));
            assert!(error.remedy().len() > 10, "{error}");
        }
    }
}
