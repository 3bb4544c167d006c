//! The admin backend's sign-on (wire-facts §3.7): a secret of the organization, its own tokens and its own codes.

use std::sync::Arc;

use crate::call::{Call, TOKEN_HEADER};
use crate::codes::Pool;
use crate::company::Person;
use crate::platform::Platform;
use crate::tokens::{Caller, SSO_LIFE, TokenKind};
use crate::wire::failure::{Failure, Refusal};
use crate::wire::json::{Json, Object};

use super::oauth2::wrong_pair;

/// `POST /v1.0/oauth2/ssoAccessToken`; note the lower-case `corpid`. The life is 3600 s.
pub(crate) fn access_token(platform: &mut Platform, call: &Call<'_>) -> Result<Json, Failure> {
    let body = call.document()?;
    let (corp, secret) = (body.required("corpid")?, body.required("ssoSecret")?);
    let token = issue(platform, call, &corp, &secret).ok_or_else(wrong_pair)?;
    Ok(Object::new().put("accessToken", token).put("expireIn", SSO_LIFE / 1000).done())
}

/// `GET /v1.0/oauth2/ssoUserInfo?code=`, with the token above in the header.
pub(crate) fn user_info(platform: &mut Platform, call: &Call<'_>) -> Result<Json, Failure> {
    let token = call.headers.get(TOKEN_HEADER).and_then(|value| value.to_str().ok()).map(str::trim);
    let token = token.filter(|token| !token.is_empty()).ok_or(Refusal::TokenBlank)?;
    let corp = sso_corp(platform, call, token)
        .ok_or_else(|| Failure::service(400, "invalidToken", "无效的token"))?;
    let code = call.query("code").ok_or(Refusal::FieldMissing("code"))?.to_owned();
    let wrong = || Failure::service(400, "invalidCode", "无效的授权码");
    let person = person(platform, call, &corp, &code).ok_or_else(wrong)?;
    let corp_name = platform.company(&corp).map(|company| company.name.clone()).unwrap_or_default();
    Ok(Object::new()
        .put("corpId", corp.to_string())
        .put("corpName", corp_name)
        .put("userId", person.user_id.to_string())
        .put("email", person.email)
        .put("userName", person.name)
        .put("avatar", person.avatar)
        .put("isAdmin", person.flags.admin)
        .done())
}

/// `GET /sso/gettoken?corpid=&corpsecret=`. No life is printed for it.
pub(crate) fn old_token(platform: &mut Platform, call: &Call<'_>) -> Result<Json, Failure> {
    let corp =
        call.query("corpid").ok_or_else(|| Failure::business(41002, "缺少corpid参数"))?.to_owned();
    let secret = call
        .query("corpsecret")
        .ok_or_else(|| Failure::business(41004, "缺少secret参数"))?
        .to_owned();
    let token = issue(platform, call, &corp, &secret)
        .ok_or_else(|| Failure::business(40089, "不合法的corpId或corpSecret"))?;
    Ok(Object::new().put("errcode", 0_i64).put("access_token", token).put("errmsg", "ok").done())
}

/// `GET /sso/getuserinfo?code=&access_token=`; a bad code is 41007.
pub(crate) fn old_user_info(platform: &mut Platform, call: &Call<'_>) -> Result<Json, Failure> {
    let token = call
        .query("access_token")
        .filter(|token| !token.is_empty())
        .ok_or(Refusal::TokenBlank)?
        .to_owned();
    let corp = sso_corp(platform, call, &token).ok_or(Refusal::TokenDead)?;
    let code = call.query("code").unwrap_or_default().to_owned();
    let person = person(platform, call, &corp, &code)
        .ok_or_else(|| Failure::business(41007, "无效的ssocode"))?;
    let corp_name = platform.company(&corp).map(|company| company.name.clone()).unwrap_or_default();
    Ok(Object::new()
        .put("errcode", 0_i64)
        .put("errmsg", "ok")
        .put(
            "user_info",
            Object::new()
                .put("avatar", person.avatar)
                .put("email", person.email)
                .put("name", person.name)
                .put("userid", person.user_id.to_string()),
        )
        .put("is_sys", person.flags.admin)
        .put("corp_info", Object::new().put("corp_name", corp_name).put("corpid", corp.to_string()))
        .done())
}

fn issue(platform: &mut Platform, call: &Call<'_>, corp: &str, secret: &str) -> Option<String> {
    let company = platform.company(corp).filter(|company| company.sso_secret == secret)?;
    let caller =
        Caller { kind: TokenKind::Sso, client: Arc::from(""), corp: Arc::clone(&company.corp_id) };
    Some(platform.tokens.fresh(caller, SSO_LIFE, call.now, &mut platform.rng))
}

/// The organization that a living admin-backend token belongs to; every other token counts as unknown.
fn sso_corp(platform: &Platform, call: &Call<'_>, token: &str) -> Option<Arc<str>> {
    call.note_token(token);
    let caller = platform.tokens.caller(token, call.now)?;
    (caller.kind == TokenKind::Sso).then(|| Arc::clone(&caller.corp))
}

fn person(platform: &mut Platform, call: &Call<'_>, corp: &Arc<str>, code: &str) -> Option<Person> {
    call.note_code(code);
    let code = platform.codes.redeem(code, Pool::Sso, call.now, |code| code.corp == *corp)?;
    platform.person(corp, &code.user_id).cloned()
}
