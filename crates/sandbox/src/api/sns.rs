//! The old scan login: who a temporary code belongs to (wire-facts §3.8).

use std::sync::Arc;

use crate::api::signed;
use crate::call::Call;
use crate::codes::Pool;
use crate::platform::Platform;
use crate::wire::failure::{Failure, Refusal};
use crate::wire::json::{Json, Object};

/// `POST /sns/getuserinfo_bycode`. A token in place of the signature is refused in topapi's wrapper, as seen live.
pub(crate) fn user_info_by_code(platform: &mut Platform, call: &Call<'_>) -> Result<Json, Failure> {
    if call.query("signature").is_none() && call.query("access_token").is_some() {
        return Err(Failure::Wrapped(Refusal::TokenDead));
    }
    let client = Arc::clone(&signed::app(platform, call)?.client_id);
    let code = call
        .old_document()?
        .text("tmp_auth_code")
        .filter(|code| !code.is_empty())
        .ok_or_else(|| Failure::business(41026, "缺少tmp_auth_code参数"))?;
    call.note_code(&code);
    let code = platform
        .codes
        .redeem(&code, Pool::Sns, call.now, |code| code.client == client)
        .ok_or_else(Failure::dead_code)?;
    let person = platform.person(&code.corp, &code.user_id).ok_or_else(Failure::dead_code)?;
    let user = Object::new()
        .put("nick", person.name.clone())
        .put("openid", person.open_id(&client))
        .put("unionid", person.union_id.to_string())
        .put("dingId", format!("$:LWCP_v1:${}", person.open_id("dingId")))
        .put("main_org_auth_high_level", false);
    Ok(Object::new().put("errcode", 0_i64).put("errmsg", "ok").put("user_info", user).done())
}
