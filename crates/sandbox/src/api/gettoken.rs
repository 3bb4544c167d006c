//! `GET /gettoken`, the old way to an internal app's token (wire-facts §2.1).

use std::sync::Arc;

use crate::apps::AppKind;
use crate::call::Call;
use crate::platform::Platform;
use crate::tokens::TOKEN_LIFE;
use crate::wire::failure::Failure;
use crate::wire::json::{Json, Object};

/// Query only: a form body is not looked at. The historic pair `corpid` and `corpsecret` is still told apart by its own
/// error; the sandbox's organizations have no such secret, so it never succeeds.
pub(crate) fn get_token(platform: &mut Platform, call: &Call<'_>) -> Result<Json, Failure> {
    let Some(key) = call.query("appkey") else {
        return Err(match call.query("corpid") {
            Some(_) => Failure::business(40089, "不合法的corpId或corpSecret"),
            None => Failure::business(40035, "缺少参数 corpid or appkey"),
        });
    };
    let Some(secret) = call.query("appsecret") else {
        return Err(Failure::business(40035, "缺少参数 corpsecret or appsecret"));
    };
    let app = platform
        .authenticated(key, secret)
        .filter(|app| app.kind == AppKind::Internal)
        .ok_or_else(|| Failure::business(40096, "不合法的appKey或appSecret"))?;
    let client = Arc::clone(&app.client_id);
    let corp = app.corp_id.clone().unwrap_or_else(|| Arc::clone(&platform.home));
    call.note_app(&client);
    let token = platform.tokens.renewed(&client, &corp, call.now, &mut platform.rng);
    Ok(Object::new()
        .put("errcode", 0_i64)
        .put("access_token", token)
        .put("errmsg", "ok")
        .put("expires_in", TOKEN_LIFE / 1000)
        .done())
}
