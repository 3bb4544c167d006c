//! What the client reports to `dd.error` when it refuses a `dd.config` (wire-facts §7.4).

use std::fmt;

/// A number that `dd.error` carries, with what it means and what to do about it.
///
/// ```
/// use dingtalk_core::jsapi::DdError;
///
/// let error = DdError::from_code(52013).unwrap();
/// assert_eq!(error, DdError::SignatureDiffers);
/// assert_eq!(error.to_string(), "52013: the signature differs from the platform's own");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DdError {
    /// 52010
    CorpId,
    /// 52011
    Ticket,
    /// 52012
    SignatureNotBuilt,
    /// 52013
    SignatureDiffers,
    /// 52014
    Url,
    /// 52015
    Nonce,
    /// 52016
    Signature,
    /// 52017
    JsApiList,
    /// 52018
    Timestamp,
    /// 52019
    AgentId,
    /// 52020
    NoServiceWindow,
    /// 52021
    NoMicroApp,
    /// 52022
    Type,
    /// 52023
    ServiceWindowAgentId,
    /// 52024
    Tag,
    /// 52025
    SecureApp,
    /// 52026
    SecureAppUrl,
}

impl DdError {
    /// Every number that is known, in order.
    pub const ALL: &[Self] = &[
        Self::CorpId,
        Self::Ticket,
        Self::SignatureNotBuilt,
        Self::SignatureDiffers,
        Self::Url,
        Self::Nonce,
        Self::Signature,
        Self::JsApiList,
        Self::Timestamp,
        Self::AgentId,
        Self::NoServiceWindow,
        Self::NoMicroApp,
        Self::Type,
        Self::ServiceWindowAgentId,
        Self::Tag,
        Self::SecureApp,
        Self::SecureAppUrl,
    ];

    /// The error of this number, if it is known.
    pub fn from_code(code: i64) -> Option<Self> {
        Self::ALL.iter().copied().find(|error| error.code() == code)
    }

    /// The number.
    pub const fn code(self) -> i64 {
        self.row().0
    }

    /// What the client means by it.
    pub const fn meaning(self) -> &'static str {
        self.row().1
    }

    /// What to do about it.
    pub const fn remedy(self) -> &'static str {
        self.row().2
    }

    const fn row(self) -> (i64, &'static str, &'static str) {
        match self {
            Self::CorpId => (
                52010,
                "the corp id is invalid",
                "give the id of the organization in which the page is open",
            ),
            Self::Ticket => (
                52011,
                "the ticket cannot be read: another organization's token, or it has expired",
                "get a ticket with the app token of this very organization, and sign with that",
            ),
            Self::SignatureNotBuilt => (
                52012,
                "the platform could not build the signature",
                "check that every field of dd.config is there, and try again",
            ),
            Self::SignatureDiffers => (
                52013,
                "the signature differs from the platform's own",
                "compare ticket, nonce, timestamp and url: the signature doctor names the one",
            ),
            Self::Url => (
                52014,
                "the url is invalid",
                "sign the page's whole location.href, and register its domain in the console",
            ),
            Self::Nonce => (52015, "the nonce is invalid", "give the signed nonce as nonceStr"),
            Self::Signature => (
                52016,
                "the signature argument is invalid",
                "give the signature as 64 (or 40) lower-case hex digits",
            ),
            Self::JsApiList => (
                52017,
                "jsApiList is invalid",
                "give an array of interface names, written without dd. in front",
            ),
            Self::Timestamp => (
                52018,
                "the timestamp is invalid",
                "give the signed milliseconds as the string timeStamp",
            ),
            Self::AgentId => (
                52019,
                "the agent id is invalid",
                "give the agent id that the app has in this organization",
            ),
            Self::NoServiceWindow => (
                52020,
                "no authorization for the service window",
                "have the organization authorize it, or leave type out for a micro app",
            ),
            Self::NoMicroApp => (
                52021,
                "no authorization for the micro app",
                "have the organization open the app, and check that corp and agent id match",
            ),
            Self::Type => {
                (52022, "the type is invalid", "give 0 or 1 as a number, or leave it out")
            }
            Self::ServiceWindowAgentId => (
                52023,
                "the service window's agent id is invalid",
                "give the service window's own agent id",
            ),
            Self::Tag => (
                52024,
                "the tag of an interface is invalid",
                "check the names in jsApiList against the interfaces' pages",
            ),
            Self::SecureApp => (
                52025,
                "the secure micro app is invalid",
                "check the app's security settings in the console",
            ),
            Self::SecureAppUrl => (
                52026,
                "the secure micro app's url is invalid",
                "register this page's url in the app's security settings",
            ),
        }
    }
}

impl fmt::Display for DdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code(), self.meaning())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_from_52010_to_52026_leads_to_its_error_and_back() {
        for code in 52010..=52026 {
            assert_eq!(DdError::from_code(code).map(DdError::code), Some(code));
        }
        assert_eq!(DdError::ALL.len(), 17);
        assert_eq!(DdError::from_code(52009), None);
        assert_eq!(DdError::from_code(52027), None);
    }
}
