//! The old registration of callbacks (wire-facts §10.5), one for each app and organization.

use std::sync::Arc;

use serde_json::Value;

use crate::call::Call;
use crate::events::{CONTACT_TAGS, OTHER_TAGS, PushTrouble, Subscription, Target};
use crate::platform::Platform;
use crate::tokens::Caller;
use crate::wire::failure::{Failure, Refusal};
use crate::wire::json::{Json, Object};

/// How many missed events one answer holds.
const FAILED_PAGE: usize = 200;

/// `POST /call_back/register_call_back`: the URL is asked with `check_url` before the answer goes out.
pub(crate) fn register(
    platform: &mut Platform,
    call: &Call<'_>,
    caller: &Caller,
) -> Result<Json, Failure> {
    if platform.outbox.held(&caller.client, &caller.corp).is_some() {
        return Err(Failure::business(71006, "回调地址已经存在"));
    }
    ask(platform, call, caller)
}

/// `POST /call_back/update_call_back`, with the same check.
pub(crate) fn update(
    platform: &mut Platform,
    call: &Call<'_>,
    caller: &Caller,
) -> Result<Json, Failure> {
    if platform.outbox.held(&caller.client, &caller.corp).is_none() {
        return Err(none());
    }
    ask(platform, call, caller)
}

/// `GET /call_back/get_call_back`.
pub(crate) fn get(platform: &mut Platform, _: &Call<'_>, caller: &Caller) -> Result<Json, Failure> {
    let held = platform.outbox.held(&caller.client, &caller.corp).ok_or_else(none)?;
    Ok(Object::new()
        .put("errcode", 0_i64)
        .put("errmsg", "ok")
        .put("call_back_tag", held.what.tags.clone())
        .put("token", held.what.token.clone())
        .put("aes_key", held.what.aes_key.clone())
        .put("url", held.what.target.url().to_owned())
        .done())
}

/// `GET /call_back/delete_call_back`.
pub(crate) fn delete(
    platform: &mut Platform,
    _: &Call<'_>,
    caller: &Caller,
) -> Result<Json, Failure> {
    if platform.outbox.remove(&caller.client, Some(&caller.corp)) {
        Ok(done())
    } else {
        Err(none())
    }
}

/// `GET /call_back/get_call_back_failed_result`: what was asked for once is gone from the list. The members of an entry
/// besides its tag are not printed in any source at hand.
pub(crate) fn failed(
    platform: &mut Platform,
    call: &Call<'_>,
    caller: &Caller,
) -> Result<Json, Failure> {
    let (failed, more) =
        platform.outbox.take_failed(&caller.client, &caller.corp, call.now, FAILED_PAGE);
    let entries = failed.into_iter().map(|failed| {
        let list = |name: &str| -> Option<Vec<Json>> {
            let items = failed.event.get(name)?.as_array()?;
            Some(
                items
                    .iter()
                    .map(|item| match item {
                        Value::String(text) => Json::Text(text.clone().into()),
                        other => Json::Int(other.as_i64().unwrap_or(0)),
                    })
                    .collect(),
            )
        };
        Object::new()
            .put("event_time", failed.at)
            .put("call_back_tag", failed.event.event_type().to_owned())
            .put_some("userid", list("UserId"))
            .put_some("deptid", list("DeptId"))
            .put("corpid", caller.corp.to_string())
            .done()
    });
    Ok(Object::new()
        .put("errcode", 0_i64)
        .put("errmsg", "ok")
        .put("has_more", more)
        .put("failed_list", entries.collect::<Vec<_>>())
        .done())
}

/// What a check that failed comes to.
pub(crate) fn refused(trouble: &PushTrouble) -> Failure {
    let text = match trouble.errcode() {
        71010 => "回调地址返回的内容不是合法的JSON",
        71011 => "回调url格式不合法",
        71012 => "回调url无法访问",
        71013 => "回调url的域名或ip不允许",
        _ => "回调地址返回的内容不是success",
    };
    Failure::business(trouble.errcode(), text)
}

fn ask(platform: &mut Platform, call: &Call<'_>, caller: &Caller) -> Result<Json, Failure> {
    let body = call.old_document()?;
    let bad = |name: &str| Failure::business(40035, format!("不合法的参数 {name}"));
    let tags = match body.get("call_back_tag") {
        None => return Err(Refusal::FieldMissing("call_back_tag").into()),
        Some(Value::Array(tags)) if !tags.is_empty() => tags,
        Some(_) => return Err(bad_tag()),
    };
    let tags: Vec<&str> = tags.iter().filter_map(Value::as_str).collect::<Vec<_>>();
    let known = |tag: &&str| CONTACT_TAGS.contains(tag) || OTHER_TAGS.contains(tag);
    if tags.is_empty() || !tags.iter().all(known) {
        return Err(bad_tag());
    }
    let token = body.required("token")?;
    if !(6..=63).contains(&token.len()) || !token.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(bad("token"));
    }
    let aes_key = body.required("aes_key")?;
    if aes_key.len() != 43 || !aes_key.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(bad("aes_key"));
    }
    let what = Subscription::url(body.required("url")?, token, aes_key).tags(&tags);
    let app = platform.apps.get(&caller.client).ok_or(Refusal::TokenDead)?;
    let corp = Some(Arc::clone(&caller.corp));
    let check = platform.outbox.check(app, corp, what, call.now, &mut platform.rng);
    debug_assert!(
        !check.as_ref().is_ok_and(|check| matches!(check.held.what.target, Target::Here(_)))
    );
    platform.outbox.check = Some(check.map_err(|trouble| refused(&trouble))?);
    Ok(done())
}

fn done() -> Json {
    Object::new().put("errcode", 0_i64).put("errmsg", "ok").done()
}

fn none() -> Failure {
    Failure::business(71007, "回调地址不存在")
}

fn bad_tag() -> Failure {
    Failure::business(71008, "不合法的call_back_tag")
}
