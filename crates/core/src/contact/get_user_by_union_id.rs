//! `POST /topapi/user/getbyunionid`: from union id to user id (wire-facts §6.3).

use serde::{Deserialize, Serialize};

use crate::dialect::TopApi;
use crate::endpoint::{Endpoint, Method, Operation};
use crate::{App, UnionId, UserId, lenient};

/// Asks for the user id in the app's organization.
#[derive(Clone, Debug, Serialize)]
#[must_use = "an endpoint does nothing until it is called"]
pub struct GetUserByUnionId {
    unionid: UnionId,
}

impl GetUserByUnionId {
    /// A person by union id.
    pub fn new(unionid: impl Into<UnionId>) -> Self {
        Self { unionid: unionid.into() }
    }
}

impl Endpoint for GetUserByUnionId {
    type Caller = App;
    type Api = TopApi;
    type Output = UserByUnionId;
    const OPERATION: &Operation = &Operation::topapi(
        "contact.get_user_by_union_id",
        Method::Post,
        "/topapi/user/getbyunionid",
    )
    .read();
}

/// A person in the app's organization.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct UserByUnionId {
    /// The person within the organization.
    #[serde(deserialize_with = "lenient::required")]
    pub userid: UserId,
    /// 0 for an employee, 1 for an external contact.
    #[serde(default, deserialize_with = "lenient::read")]
    pub contact_type: Option<i64>,
}

impl UserByUnionId {
    /// Whether the platform says that this is an employee.
    pub fn is_employee(&self) -> bool {
        self.contact_type == Some(0)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Replay;
    use crate::endpoint::testing::{accept_result, body, line};

    #[test]
    fn its_path_has_no_version() {
        let get = GetUserByUnionId::new("Qm7Z");
        assert_eq!(line(&get), "POST /topapi/user/getbyunionid");
        assert_eq!(body(&get), json!({"unionid": "Qm7Z"}));
        assert_eq!(GetUserByUnionId::OPERATION.replay, Replay::Safe);
    }

    #[test]
    fn an_employee_is_told_from_an_external_contact() {
        for (result, employee) in [
            (r#"{"contact_type":0,"userid":"u_lin01"}"#, true),
            (r#"{"contact_type":"0","userid":"u_lin01"}"#, true),
            (r#"{"contact_type":1,"userid":"ext_83610"}"#, false),
            (r#"{"contact_type":"1","userid":"ext_83610"}"#, false),
            (r#"{"userid":"u_lin01"}"#, false),
        ] {
            let user = accept_result::<GetUserByUnionId>(result).unwrap();
            assert_eq!(user.is_employee(), employee, "{result}");
        }
        assert!(accept_result::<GetUserByUnionId>(r#"{"contact_type":0}"#).is_none());
    }
}
