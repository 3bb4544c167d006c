//! User tokens and what a person granted (wire-facts §4, §3.9).

use std::sync::Arc;

use crate::call::Call;
use crate::codes::Pool;
use crate::platform::Platform;
use crate::points::{self, Form};
use crate::tokens::{Caller, Pair, TOKEN_LIFE, TokenKind};
use crate::wire::failure::Failure;
use crate::wire::json::{Json, Object};

use super::oauth2::wrong_pair;
use super::user::device_id;

/// `POST /v1.0/oauth2/userAccessToken`, both grants (§4.1). One error code stands for unknown, used, expired and foreign
/// codes, and for dead refresh tokens (§4.2).
pub(crate) fn user_access_token(platform: &mut Platform, call: &Call<'_>) -> Result<Json, Failure> {
    let body = call.document()?;
    let key = body.required("clientId")?;
    let secret = body.required("clientSecret")?;
    let grant_type = body.required("grantType")?;
    let app = platform.authenticated(&key, &secret).ok_or_else(wrong_pair)?;
    let client = Arc::clone(&app.client_id);
    call.note_app(&client);
    match grant_type.as_str() {
        "authorization_code" => {
            let code = body.required("code")?;
            by_code(platform, call, &client, &code)
        }
        "refresh_token" => {
            let token = body.required("refreshToken")?;
            call.note_token(&token);
            let mode = platform.switches.refresh;
            platform
                .tokens
                .refreshed(&token, &client, mode, call.now, &mut platform.rng)
                .map(written)
                .ok_or_else(dead_code)
        }
        // Not in any page found; the code is the one of the neighbouring token endpoint (§2.3).
        _ => Err(Failure::service(400, "unsupported.grant.type", "unsupported.grant.type")),
    }
}

/// `GET /v1.0/oauth2/authRules/user`: what the person behind the token granted to the app (§3.9). Interfaces stand under
/// `rpc_auth`, fields under their resource: `Contact.User.mobile` is item `mobile` of `Contact.User`.
pub(crate) fn auth_rules(
    platform: &mut Platform,
    _: &Call<'_>,
    caller: &Caller,
) -> Result<Json, Failure> {
    let mut rpc: Vec<Json> = Vec::new();
    let mut fields: Vec<(&'static str, Vec<Json>)> = Vec::new();
    for point in points::CATALOGUE
        .iter()
        .filter(|point| point.suits_person() && platform.may(caller, point.code))
    {
        match (point.form, point.code.rsplit_once('.')) {
            (Form::Field, Some((resource, item))) => {
                match fields.iter_mut().find(|(known, _)| *known == resource) {
                    Some((_, items)) => items.push(item.into()),
                    None => fields.push((resource, vec![item.into()])),
                }
            }
            _ => rpc.push(point.code.into()),
        }
    }
    let mut rows = Vec::new();
    if !rpc.is_empty() {
        rows.push(Object::new().put("resource", "rpc_auth").put("authItems", rpc));
    }
    rows.extend(
        fields.into_iter().map(|(resource, items)| {
            Object::new().put("resource", resource).put("authItems", items)
        }),
    );
    Ok(Object::new().put("result", rows).done())
}

/// `POST /v1.0/oauth2/kickoffByDeviceId`: ends what a person has open on one device (§3.9). Only the SDK shows it. Here a
/// person has one device, the one that `getuserinfo` names, and their user tokens end with it; a device that is not
/// theirs is told in the answer's own members, not as an error.
pub(crate) fn kick_off(
    platform: &mut Platform,
    call: &Call<'_>,
    caller: &Caller,
) -> Result<Json, Failure> {
    let body = call.document()?;
    let device = body.required("openDeviceId")?;
    let user_id = body.required("userId")?;
    let person = platform
        .company(&caller.corp)
        .and_then(|company| company.employee(&user_id))
        .filter(|person| device_id(person) == device)
        .map(|person| Arc::clone(&person.union_id));
    let answer = Object::new().put("success", person.is_some());
    let Some(union_id) = person else {
        let told = answer.put("errorCode", "device.notFound");
        return Ok(told.put("errorMsg", "the person has no such device").done());
    };
    platform.tokens.drop_person(&union_id);
    Ok(answer.done())
}

fn by_code(
    platform: &mut Platform,
    call: &Call<'_>,
    client: &Arc<str>,
    code: &str,
) -> Result<Json, Failure> {
    call.note_code(code);
    let life = u64::try_from(platform.switches.oauth_code_life.as_millis()).unwrap_or(u64::MAX);
    let code = platform
        .codes
        .redeem_within(life, code, Pool::OAuth, call.now, |code| code.client == *client)
        .ok_or_else(dead_code)?;
    let kind = TokenKind::User {
        user_id: code.user_id,
        union_id: code.union_id,
        with_corp: code.with_corp,
    };
    let caller = Caller { kind, client: Arc::clone(client), corp: code.corp };
    let mode = platform.switches.refresh;
    Ok(written(platform.tokens.pair(caller, mode, call.now, &mut platform.rng)))
}

/// Wire order: `expireIn` first; `corpId` only when the scope asked for it (§4.1).
fn written(pair: Pair) -> Json {
    Object::new()
        .put("expireIn", TOKEN_LIFE / 1000)
        .put("accessToken", pair.access)
        .put("refreshToken", pair.refresh)
        .put_some("corpId", pair.corp.map(|corp| corp.to_string()))
        .done()
}

fn dead_code() -> Failure {
    Failure::service(400, "invalidParameter.authCode.notFound", "不合法的临时授权码")
}
