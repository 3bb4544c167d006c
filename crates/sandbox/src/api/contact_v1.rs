//! `GET /v1.0/contact/users/{unionId}` (wire-facts §5): a person's own profile, by a user token.

use crate::apps::AppKind;
use crate::call::Call;
use crate::platform::Platform;
use crate::tokens::{Caller, TokenKind};
use crate::wire::failure::{Failure, Refusal};
use crate::wire::json::{Json, Object};

/// The word `me` is the person behind the token. The number needs the field scope `Contact.User.mobile` besides, and
/// comes masked to a third-party app; what a person does not have is absent.
pub(crate) fn user(
    platform: &mut Platform,
    call: &Call<'_>,
    caller: &Caller,
) -> Result<Json, Failure> {
    let TokenKind::User { union_id: own, .. } = &caller.kind else {
        return Err(Refusal::TokenDead.into());
    };
    let wanted = match call.member(0) {
        "me" => own,
        union_id => union_id,
    };
    let person = platform
        .company(&caller.corp)
        .and_then(|company| company.by_union_id(wanted))
        .ok_or_else(|| Failure::service(404, "invalidParameter.user.notFound", "找不到该用户"))?;
    let app = platform.app(&caller.client).ok_or(Refusal::TokenDead)?;
    let mobile = (!person.mobile.is_empty() && platform.may(caller, "Contact.User.mobile")).then(
        || match app.kind {
            AppKind::ThirdParty => masked(&person.mobile),
            AppKind::Internal | AppKind::Custom => person.mobile.clone(),
        },
    );
    let state_code = mobile.is_some().then_some("86");
    Ok(Object::new()
        .put("nick", person.name.clone())
        .put("unionId", person.union_id.to_string())
        .put_text("avatarUrl", &person.avatar)
        .put("openId", person.open_id(&caller.client))
        .put_some("mobile", mobile)
        .put_some("stateCode", state_code)
        .put_text("email", &person.email)
        .put_text("loginEmail", &person.login_email)
        .put("visitor", false)
        .done())
}

/// `155****3240`: the middle is starred.
fn masked(mobile: &str) -> String {
    let last = mobile.chars().count().saturating_sub(4);
    mobile
        .chars()
        .enumerate()
        .map(|(at, digit)| if (3..last).contains(&at) { '*' } else { digit })
        .collect()
}
