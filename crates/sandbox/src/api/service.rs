//! What a vendor asks about the organizations that opened its app (wire-facts §3.3–§3.5): the old service calls, and
//! the one v1.0 twin that the others have elsewhere.

use std::sync::Arc;

use crate::api::{oauth2, signed};
use crate::apps::{App, AppKind, Permanent};
use crate::call::{Call, Document};
use crate::codes::{Code, Pool};
use crate::company::Company;
use crate::platform::{Platform, same};
use crate::tokens::{Caller, TOKEN_LIFE, TokenKind};
use crate::wire::failure::{Failure, Refusal};
use crate::wire::json::{Json, Object};

/// `POST /service/get_corp_token`, signed (§3.4). A new token each time.
pub(crate) fn corp_token(platform: &mut Platform, call: &Call<'_>) -> Result<Json, Failure> {
    let app = signed::suite(platform, call)?;
    let corp = auth_corp(&call.old_document()?)?;
    authorized(app, &corp)?;
    if platform.is_stopped(app, &corp) {
        return Err(Failure::app_stopped());
    }
    let client = Arc::clone(&app.client_id);
    let token = oauth2::new_corp_token(platform, client, &corp, call.now);
    Ok(Object::new()
        .put("errcode", 0_i64)
        .put("access_token", token)
        .put("errmsg", "ok")
        .put("expires_in", TOKEN_LIFE / 1000)
        .done())
}

/// `POST /service/get_suite_token` (§3.3), not signed.
pub(crate) fn suite_token(platform: &mut Platform, call: &Call<'_>) -> Result<Json, Failure> {
    let body = call.old_document()?;
    let key = needed(&body, "suite_key", 41021)?;
    let secret = needed(&body, "suite_secret", 41024)?;
    let ticket = needed(&body, "suite_ticket", 41023)?;
    let app = platform
        .authenticated(&key, &secret)
        .filter(|app| app.kind != AppKind::Internal)
        .ok_or_else(|| Failure::business(40088, "不合法的suiteKey或suiteSecret"))?;
    call.note_app(&app.client_id);
    if !app.takes_ticket(&ticket) {
        return Err(signed::no_such_ticket());
    }
    let client = Arc::clone(&app.client_id);
    let token = oauth2::new_suite_token(platform, client, call.now);
    Ok(Object::new()
        .put("errcode", 0_i64)
        .put("errmsg", "ok")
        .put("suite_access_token", token)
        .put("expires_in", TOKEN_LIFE / 1000)
        .done())
}

/// `POST /service/get_auth_info`, signed (§3.5).
pub(crate) fn auth_info(platform: &mut Platform, call: &Call<'_>) -> Result<Json, Failure> {
    let app = signed::suite(platform, call)?;
    let body = call.old_document()?;
    let corp = auth_corp(&body)?;
    if body.text("suite_key").is_some_and(|key| *key != *app.client_id) {
        return Err(wrong_suite());
    }
    let company = authorized_company(platform, app, &corp)?;
    let admins = admins(company);
    let agent = Object::new()
        .put("agentid", app.agent(&corp).id)
        .put("agent_name", app.name.clone())
        .put("logo_url", "")
        .put("appid", app.app_id)
        .put("admin_list", admins.clone());
    let corp_info = Object::with_capacity(13)
        .put("corpid", corp)
        .put("corp_name", company.name.clone())
        .put("full_corp_name", company.name.clone())
        .put("corp_type", 0_i64)
        .put("auth_level", 0_i64)
        .put("is_authenticated", false)
        .put("industry", "")
        .put("invite_code", "")
        .put("invite_url", "")
        .put("auth_channel", "")
        .put("auth_channel_type", "")
        .put("license_code", "")
        .put("corp_logo_url", "");
    Ok(Object::new()
        .put("errcode", 0_i64)
        .put("errmsg", "ok")
        .put("auth_corp_info", corp_info)
        .put("auth_user_info", Object::new().put("userId", first(&admins)))
        .put("auth_info", Object::new().put("agent", vec![agent.done()]))
        .put("channel_auth_info", Object::new().put("channelAgent", Vec::<Json>::new()))
        .done())
}

/// `POST /service/get_agent` (§3.5): the suite's token in the query, beside the arguments of a signed call, which are
/// judged when they are there.
pub(crate) fn agent(platform: &mut Platform, call: &Call<'_>) -> Result<Json, Failure> {
    let client = suite_caller(platform, call)?;
    if call.query("accessKey").is_some() && signed::suite(platform, call)?.client_id != client {
        return Err(wrong_suite());
    }
    let body = call.old_document()?;
    if *needed(&body, "suite_key", 41021)? != *client {
        return Err(wrong_suite());
    }
    let corp = auth_corp(&body)?;
    let id = body
        .integer("agentid")
        .map_err(|()| Failure::bad_argument())?
        .ok_or_else(|| Failure::business(41011, "缺少agentid参数"))?;
    let app = platform.app(&client).ok_or_else(wrong_suite)?;
    authorized(app, &corp)?;
    let agent = app.agent(&corp);
    if agent.id != id {
        let elsewhere = app.opened_by.iter().any(|other| app.agent(other).id == id);
        return Err(if elsewhere {
            Failure::business(70004, "企业下没有对应该agentid的微应用")
        } else {
            Failure::business(70003, "传入的agentid对应的微应用不存在")
        });
    }
    Ok(Object::new()
        .put("errcode", 0_i64)
        .put("errmsg", "ok")
        .put("agentid", agent.id)
        .put("name", app.name.clone())
        .put("logo_url", "")
        .put("description", "")
        .put("close", i64::from(!agent.stopped))
        .done())
}

/// `POST /service/get_permanent_code` (§3.5): the code of `tmp_auth_code`, once, against one that lasts as long as the
/// authorization. No current client needs it.
pub(crate) fn permanent_code(platform: &mut Platform, call: &Call<'_>) -> Result<Json, Failure> {
    let client = suite_caller(platform, call)?;
    let given = needed(&call.old_document()?, "tmp_auth_code", 41026)?;
    call.note_code(&given);
    let fits = |code: &Code| *code.client == *client;
    let code = platform
        .codes
        .redeem(&given, Pool::Suite, call.now, fits)
        .ok_or_else(Failure::dead_code)?;
    let app = platform.app(&client).ok_or_else(wrong_suite)?;
    let company = authorized_company(platform, app, &code.corp)?;
    let corp_info =
        Object::new().put("corpid", code.corp.to_string()).put("corp_name", company.name.clone());
    let fresh = platform.rng.word(32);
    let app = platform.apps.get_mut(&client).ok_or_else(wrong_suite)?;
    let permanent = app
        .permanent
        .entry(code.corp.to_string())
        .or_insert(Permanent { code: fresh, active: false });
    Ok(Object::new()
        .put("errcode", 0_i64)
        .put("errmsg", "ok")
        .put("auth_corp_info", corp_info)
        .put("permanent_code", permanent.code.clone())
        .done())
}

/// `POST /service/activate_suite` (§3.5): the vendor says that it is ready for an organization. Nothing hangs on it any
/// more.
pub(crate) fn activate(platform: &mut Platform, call: &Call<'_>) -> Result<Json, Failure> {
    let client = suite_caller(platform, call)?;
    let body = call.old_document()?;
    if *needed(&body, "suite_key", 41021)? != *client {
        return Err(wrong_suite());
    }
    let corp = auth_corp(&body)?;
    let given = needed(&body, "permanent_code", 41025)?;
    let app = platform.apps.get_mut(&client).ok_or_else(wrong_suite)?;
    authorized(app, &corp)?;
    let known = app.permanent.values().any(|permanent| same(&permanent.code, &given));
    match app.permanent.get_mut(&corp).filter(|permanent| same(&permanent.code, &given)) {
        Some(permanent) => permanent.active = true,
        None if known => return Err(Failure::business(41031, "corpid与永久授权码不匹配")),
        None => return Err(Failure::business(40084, "不合法的永久授权码")),
    }
    Ok(Object::new().put("errcode", 0_i64).put("errmsg", "ok").done())
}

/// `GET /v1.0/oauth2/apps/authInfo?authCorpId=` (§3.5).
pub(crate) fn auth_info_v1(
    platform: &mut Platform,
    call: &Call<'_>,
    caller: &Caller,
) -> Result<Json, Failure> {
    let corp = call
        .query("authCorpId")
        .filter(|corp| !corp.is_empty())
        .ok_or(Refusal::FieldMissing("authCorpId"))?;
    let unrelated = || Failure::service(400, "invalidAuthInfo", "授权关系不存在");
    let app =
        platform.app(&caller.client).filter(|app| app.works_in(corp)).ok_or_else(unrelated)?;
    let company = platform.company(corp).ok_or_else(unrelated)?;
    let admins = admins(company);
    let agent = Object::new()
        .put("agentId", app.agent(corp).id)
        .put("agentName", app.name.clone())
        .put("appId", app.app_id)
        .put("adminList", admins.clone());
    let corp_info = Object::with_capacity(9)
        .put("authChannel", "")
        .put("authChannelType", "")
        .put("authLevel", 0_i64)
        .put("corpLogoUrl", "")
        .put("corpName", company.name.clone())
        .put("industry", "")
        .put("inviteCode", "")
        .put("inviteUrl", "")
        .put("licenseCode", "");
    Ok(Object::new()
        .put("authAppInfo", Object::new().put("agentList", vec![agent.done()]))
        .put("authCorpInfo", corp_info)
        .put("authUserInfo", Object::new().put("userId", first(&admins)))
        .done())
}

/// The suite behind the `suite_access_token` in the query.
fn suite_caller(platform: &Platform, call: &Call<'_>) -> Result<Arc<str>, Failure> {
    let token = call
        .query("suite_access_token")
        .filter(|token| !token.is_empty())
        .ok_or_else(|| Failure::business(41022, "缺少suite_access_token参数"))?;
    call.note_token(token);
    let client = match platform.tokens.caller(token, call.now) {
        None => return Err(Failure::business(42009, "suite_access_token已失效")),
        Some(caller) if caller.kind != TokenKind::Suite => {
            return Err(Failure::business(40082, "不合法的suite_access_token"));
        }
        Some(caller) => Arc::clone(&caller.client),
    };
    call.note_app(&client);
    Ok(client)
}

fn needed(body: &Document, name: &'static str, errcode: i64) -> Result<String, Failure> {
    body.text(name)
        .filter(|text| !text.is_empty())
        .ok_or_else(|| Failure::business(errcode, format!("缺少{name}参数")))
}

fn auth_corp(body: &Document) -> Result<String, Failure> {
    needed(body, "auth_corpid", 41027)
}

/// §11.2: 41030, the organization has not authorized the app.
fn authorized(app: &App, corp: &str) -> Result<(), Failure> {
    if app.works_in(corp) {
        Ok(())
    } else {
        Err(Failure::business(41030, "企业未对该套件授权"))
    }
}

/// §11.2: 70001 for an organization that authorized the app and is gone.
fn authorized_company<'p>(
    platform: &'p Platform,
    app: &App,
    corp: &str,
) -> Result<&'p Company, Failure> {
    authorized(app, corp)?;
    platform.company(corp).ok_or_else(|| Failure::business(70001, "企业不存在或已经被解散"))
}

/// The key in the body is not the one of the token or signature.
fn wrong_suite() -> Failure {
    Failure::business(40083, "不合法的suiteid")
}

fn admins(company: &Company) -> Vec<String> {
    let admins = company.everybody().filter(|person| person.flags.admin);
    admins.map(|person| person.user_id.to_string()).collect()
}

fn first(admins: &[String]) -> String {
    admins.first().cloned().unwrap_or_default()
}
