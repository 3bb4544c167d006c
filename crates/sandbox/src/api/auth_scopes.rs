//! `GET /auth/scopes`: how far the app may look (wire-facts §3.5).

use crate::call::Call;
use crate::company::ROOT;
use crate::platform::Platform;
use crate::tokens::Caller;
use crate::wire::failure::Failure;
use crate::wire::json::{Json, Object};

/// The contact scope and the fields that every app sees; an app without a narrower scope sees the root department.
pub(crate) fn scopes(
    platform: &mut Platform,
    _: &Call<'_>,
    caller: &Caller,
) -> Result<Json, Failure> {
    let scope = platform.app(&caller.client).and_then(|app| app.scope_in(&caller.corp));
    let (users, departments): (Vec<String>, Vec<i64>) = match scope {
        Some(scope) => {
            (scope.users.iter().cloned().collect(), scope.departments.iter().copied().collect())
        }
        None => (Vec::new(), vec![ROOT]),
    };
    let mut fields = vec!["name", "userid", "avatar", "jobnumber", "position", "department"];
    if platform.may(caller, "fieldMobile") {
        fields.push("mobile");
    }
    if platform.may(caller, "fieldEmail") {
        fields.push("email");
    }
    Ok(Object::new()
        .put("errcode", 0_i64)
        .put("errmsg", "ok")
        .put(
            "auth_org_scopes",
            Object::new().put("authed_user", users).put("authed_dept", departments),
        )
        .put("auth_user_field", fields)
        .put("condition_field", Vec::<Json>::new())
        .done())
}
