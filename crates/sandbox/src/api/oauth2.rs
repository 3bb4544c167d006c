//! The app tokens of the v1.0 family (wire-facts §2.2, §2.3, §3.1–§3.3).

use std::sync::Arc;

use crate::apps::{App, AppKind};
use crate::call::Call;
use crate::platform::Platform;
use crate::tokens::{Caller, TOKEN_LIFE, TokenKind};
use crate::wire::failure::Failure;
use crate::wire::json::{Json, Object};

const SECONDS: u64 = TOKEN_LIFE / 1000;

/// `POST /v1.0/oauth2/accessToken`: an internal app's token, the same string while it is valid (§2.4). Wire order:
/// `expireIn` first.
pub(crate) fn access_token(platform: &mut Platform, call: &Call<'_>) -> Result<Json, Failure> {
    let body = call.document()?;
    let (key, secret) = (body.required("appKey")?, body.required("appSecret")?);
    let app = platform
        .authenticated(&key, &secret)
        .filter(|app| app.kind == AppKind::Internal)
        .ok_or_else(wrong_pair)?;
    let client = Arc::clone(&app.client_id);
    let corp = app.corp_id.clone().unwrap_or_else(|| Arc::clone(&platform.home));
    call.note_app(&client);
    let token = platform.tokens.renewed(&client, &corp, call.now, &mut platform.rng);
    Ok(Object::new().put("expireIn", SECONDS).put("accessToken", token).done())
}

/// `POST /v1.0/oauth2/{corpId}/token`: the one v1.0 endpoint in snake_case (§2.3). An organization that does not exist
/// is a 500 `unknownError`, as seen live.
pub(crate) fn corp_token(platform: &mut Platform, call: &Call<'_>) -> Result<Json, Failure> {
    let body = call.document()?;
    let key = body.required("client_id")?;
    let secret = body.required("client_secret")?;
    let grant_type = body.required("grant_type")?;
    let corp = Arc::clone(
        &platform
            .company(call.member(0))
            .ok_or_else(|| Failure::service(500, "unknownError", "未知错误"))?
            .corp_id,
    );
    if grant_type != "client_credentials" {
        return Err(Failure::service(400, "unsupported.grant.type", "unsupported.grant.type"));
    }
    let app = platform
        .authenticated(&key, &secret)
        .ok_or_else(|| Failure::service(400, "invalid.client", "invalid.client"))?;
    call.note_app(&app.client_id);
    if !app.works_in(&corp) || platform.is_stopped(app, &corp) {
        let status = platform.switches.unauthorized_client;
        return Err(Failure::service(status, "unauthorized.client", "unauthorized.client"));
    }
    let client = Arc::clone(&app.client_id);
    let token = if app.kind == AppKind::Internal && platform.switches.corp_id_token_renews {
        platform.tokens.renewed(&client, &corp, call.now, &mut platform.rng)
    } else {
        let caller = Caller { kind: TokenKind::App, client, corp };
        platform.tokens.fresh(caller, TOKEN_LIFE, call.now, &mut platform.rng)
    };
    Ok(Object::new().put("access_token", token).put("expires_in", SECONDS).done())
}

/// `POST /v1.0/oauth2/corpAccessToken`: a third-party app's token in one organization, a new one each time (§3.1).
pub(crate) fn corp_access_token(platform: &mut Platform, call: &Call<'_>) -> Result<Json, Failure> {
    let body = call.document()?;
    let key = body.required("suiteKey")?;
    let secret = body.required("suiteSecret")?;
    let corp = body.required("authCorpId")?;
    let ticket = body.required("suiteTicket")?;
    let app = platform
        .authenticated(&key, &secret)
        .filter(|app| app.kind != AppKind::Internal)
        .ok_or_else(|| Failure::service(400, "invalidSuiteKey", "suitekey不合法"))?;
    call.note_app(&app.client_id);
    check_ticket(app, &ticket)?;
    if !app.works_in(&corp) || platform.is_stopped(app, &corp) {
        return Err(Failure::service(400, "invalidAuthInfo", "授权关系不存在"));
    }
    let client = Arc::clone(&app.client_id);
    let token = new_corp_token(platform, client, &corp, call.now);
    Ok(Object::new().put("accessToken", token).put("expireIn", SECONDS).done())
}

/// A third-party app's token in one organization: a new one each time (§3.1).
pub(crate) fn new_corp_token(
    platform: &mut Platform,
    client: Arc<str>,
    corp: &str,
    now: u64,
) -> String {
    if platform.switches.corp_token_invalidates {
        platform.tokens.drop_app_tokens(&client, corp);
    }
    let caller = Caller { kind: TokenKind::App, client, corp: Arc::from(corp) };
    platform.tokens.fresh(caller, TOKEN_LIFE, now, &mut platform.rng)
}

/// `POST /v1.0/oauth2/suiteAccessToken` (§3.3). The message for a wrong pair differs from the one of `accessToken`.
pub(crate) fn suite_access_token(
    platform: &mut Platform,
    call: &Call<'_>,
) -> Result<Json, Failure> {
    let body = call.document()?;
    let key = body.required("suiteKey")?;
    let secret = body.required("suiteSecret")?;
    let ticket = body.required("suiteTicket")?;
    let app = platform
        .authenticated(&key, &secret)
        .filter(|app| app.kind != AppKind::Internal)
        .ok_or_else(|| {
            Failure::service(400, "invalidClientIdOrSecret", "clientId或者clientSecret错误")
        })?;
    call.note_app(&app.client_id);
    check_ticket(app, &ticket)?;
    let client = Arc::clone(&app.client_id);
    let token = new_suite_token(platform, client, call.now);
    Ok(Object::new().put("accessToken", token).put("expireIn", SECONDS).done())
}

/// The token of a third-party app as such.
pub(crate) fn new_suite_token(platform: &mut Platform, client: Arc<str>, now: u64) -> String {
    let caller = Caller { kind: TokenKind::Suite, client, corp: Arc::from("") };
    platform.tokens.fresh(caller, TOKEN_LIFE, now, &mut platform.rng)
}

/// §2.2: the pair is wrong, or not one of an internal app.
pub(crate) fn wrong_pair() -> Failure {
    Failure::service(400, "invalidClientIdOrSecret", "无效的clientId或者clientSecret")
}

fn check_ticket(app: &App, ticket: &str) -> Result<(), Failure> {
    if app.takes_ticket(ticket) {
        Ok(())
    } else {
        Err(Failure::service(400, "invalidSuiteTicket", "suiteTicket无效"))
    }
}
