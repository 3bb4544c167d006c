//! `GET /v1.0/contact/users/{unionId}`: what a person's own token may read (wire-facts §5).

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::dialect::OpenApi;
use crate::endpoint::{Endpoint, Method, Operation};
use crate::{Error, OpenId, Personal, UnionId, User, lenient};

/// Asks for a person with that person's token.
///
/// The answer belongs to the account and not to one organization; for the user id in an
/// organization go on with [`GetUserByUnionId`](crate::contact::GetUserByUnionId).
#[derive(Clone, Debug, Serialize)]
#[must_use = "an endpoint does nothing until it is called"]
pub struct GetContactUser {
    #[serde(skip)]
    union_id: UnionId,
}

impl GetContactUser {
    /// The person behind the token.
    pub fn me() -> Self {
        Self::new("me")
    }

    /// A person by union id.
    pub fn new(union_id: impl Into<UnionId>) -> Self {
        Self { union_id: union_id.into() }
    }
}

impl Endpoint for GetContactUser {
    type Caller = User;
    type Api = OpenApi;
    type Output = ContactUser;
    const OPERATION: &Operation = &Operation::openapi(
        "contact.get_contact_user",
        Method::Get,
        "/v1.0/contact/users/{unionId}",
    );

    fn path(&self) -> Result<Cow<'static, str>, Error> {
        Self::OPERATION.fill(&[&self.union_id])
    }
}

/// A person as an account.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ContactUser {
    /// The name that the person goes by.
    #[serde(default, deserialize_with = "lenient::read")]
    pub nick: String,
    /// The person across the apps of one developer organization; may lack where the grant is
    /// narrow.
    #[serde(default, deserialize_with = "lenient::read")]
    pub union_id: Option<UnionId>,
    /// The person within this app.
    #[serde(deserialize_with = "lenient::required")]
    pub open_id: OpenId,
    /// Where the person's picture lies; none for the default picture.
    #[serde(default, deserialize_with = "lenient::read")]
    pub avatar_url: Option<String>,
    /// The phone number, with the field grant; masked for third-party enterprise apps.
    #[serde(default, deserialize_with = "lenient::read")]
    pub mobile: Option<Personal>,
    /// The phone number's country code.
    #[serde(default, deserialize_with = "lenient::read")]
    pub state_code: Option<String>,
    /// The person's own mail address.
    #[serde(default, deserialize_with = "lenient::read")]
    pub email: Option<Personal>,
    /// The mail address that the person logs in with.
    #[serde(default, deserialize_with = "lenient::read")]
    pub login_email: Option<Personal>,
    /// Whether the person is a visitor.
    #[serde(default, deserialize_with = "lenient::read")]
    pub visitor: bool,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::endpoint::testing::{HOSTILE, accept, body, line, query};

    #[test]
    fn it_asks_for_the_person_behind_the_token_or_for_a_union_id() {
        let me = GetContactUser::me();
        assert_eq!(line(&me), "GET /v1.0/contact/users/me");
        assert_eq!((query(&me).as_str(), body(&me)), ("", json!({})));
        let other = GetContactUser::new("Qm7ZpXk2iiTgR9sVbLhUaGQiEiE");
        assert_eq!(line(&other), "GET /v1.0/contact/users/Qm7ZpXk2iiTgR9sVbLhUaGQiEiE");
    }

    #[test]
    fn a_union_id_cannot_leave_its_place() {
        let get = GetContactUser::new(HOSTILE.0);
        assert_eq!(line(&get), format!("GET /v1.0/contact/users/{}", HOSTILE.1));
        assert!(GetContactUser::new("..").path().is_err());
        assert!(GetContactUser::new("").path().is_err());
    }

    /// Wire-facts §14 row 13: without an own picture `avatarUrl` is absent here.
    #[test]
    fn picture_and_mail_are_absent_where_there_are_none() {
        let user = accept::<GetContactUser>(
            r#"{"nick":"林夏","unionId":"Qm7Z","openId":"p4Wd","mobile":"13900000427",
                "stateCode":"86","visitor":false}"#,
        )
        .unwrap();
        assert_eq!((user.nick.as_str(), user.visitor), ("林夏", false));
        assert_eq!((user.union_id, user.open_id), (Some("Qm7Z".into()), "p4Wd".into()));
        assert_eq!(user.mobile.as_deref(), Some("13900000427"));
        assert_eq!(user.state_code.as_deref(), Some("86"));
        assert_eq!((user.avatar_url, user.email, user.login_email), (None, None, None));
    }

    #[test]
    fn odd_types_nulls_and_unknown_members_do_no_harm() {
        let user = accept::<GetContactUser>(
            r#"{"nick":null,"openId":"p4Wd","stateCode":86,"visitor":"true","email":"",
                "avatarUrl":"","new":{"a":[1]}}"#,
        )
        .unwrap();
        assert_eq!((user.nick.as_str(), user.visitor), ("", true));
        assert_eq!(user.state_code.as_deref(), Some("86"));
        assert_eq!((user.union_id, user.email, user.avatar_url), (None, None, None));
    }

    #[test]
    fn an_answer_without_open_id_is_no_person() {
        assert!(accept::<GetContactUser>("{}").is_none());
        assert!(accept::<GetContactUser>(r#"{"nick":"林夏"}"#).is_none());
    }

    #[test]
    fn phone_and_mail_do_not_print() {
        let user = accept::<GetContactUser>(
            r#"{"openId":"p","mobile":"canary1","email":"canary2","loginEmail":"canary3"}"#,
        )
        .unwrap();
        assert!(!format!("{user:?}").contains("canary"));
    }
}
