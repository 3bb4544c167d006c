//! One person on topapi (wire-facts §6.1–§6.4).

use crate::apps::AppKind;
use crate::call::Call;
use crate::codes::{Code, Pool};
use crate::company::{Company, Person};
use crate::platform::Platform;
use crate::switches::UnknownUser;
use crate::tokens::Caller;
use crate::wire::failure::{Failure, Refusal};
use crate::wire::json::{Json, Object};

/// `POST /topapi/v2/user/get` (§6.1). Absent id: 400002; empty or malformed: 33012; unknown, or an external contact:
/// 60121 (a switch makes it 33012); outside the contact scope: 50002.
pub(crate) fn get(
    platform: &mut Platform,
    call: &Call<'_>,
    caller: &Caller,
) -> Result<Json, Failure> {
    let user_id = call.arguments.text("userid").ok_or_else(Failure::bad_argument)?;
    if user_id.is_empty() || user_id.len() > 64 || user_id.chars().any(char::is_control) {
        return Err(bad_user_id());
    }
    let company = company(platform, caller)?;
    let person =
        company.employee(&user_id).ok_or_else(|| match platform.switches.unknown_user {
            UnknownUser::Code60121 => Failure::no_such_user(),
            UnknownUser::Code33012 => bad_user_id(),
        })?;
    if !platform.sees_person(caller, company, person) {
        return Err(Failure::user_out_of_scope());
    }
    Ok(whole_person(company, person, &View::of(platform, call, caller)))
}

/// `POST /topapi/v2/user/getuserinfo` (§6.2): a log-in-free code of this app and organization, once, within 5 minutes.
pub(crate) fn get_user_info(
    platform: &mut Platform,
    call: &Call<'_>,
    caller: &Caller,
) -> Result<Json, Failure> {
    let code = call
        .arguments
        .text("code")
        .filter(|code| !code.is_empty())
        .ok_or_else(Failure::bad_argument)?;
    let code = redeem(platform, call, caller, &code)?;
    let person = platform.person(&code.corp, &code.user_id).ok_or_else(Failure::dead_code)?;
    Ok(Object::new()
        .put("associated_unionid", person.union_id.to_string())
        .put("device_id", device_id(person))
        .put("name", person.name.clone())
        .put("sys", person.flags.admin)
        .put("sys_level", person.sys_level())
        .put("unionid", person.union_id.to_string())
        .put("userid", person.user_id.to_string())
        .done())
}

/// `GET /user/getuserinfo`, the old flat twin.
pub(crate) fn old_user_info(
    platform: &mut Platform,
    call: &Call<'_>,
    caller: &Caller,
) -> Result<Json, Failure> {
    let code =
        call.query("code").filter(|code| !code.is_empty()).ok_or(Refusal::FieldMissing("code"))?;
    let code = redeem(platform, call, caller, code)?;
    let person = platform.person(&code.corp, &code.user_id).ok_or_else(Failure::dead_code)?;
    Ok(Object::new()
        .put("errcode", 0_i64)
        .put("errmsg", "ok")
        .put("userid", person.user_id.to_string())
        .put("name", person.name.clone())
        .put("deviceId", device_id(person))
        .put("is_sys", person.flags.admin)
        .put("sys_level", person.sys_level())
        .done())
}

/// `POST /topapi/user/getbyunionid` (§6.3): `contact_type` 0 for an employee, 1 for an external contact.
pub(crate) fn get_by_union_id(
    platform: &mut Platform,
    call: &Call<'_>,
    caller: &Caller,
) -> Result<Json, Failure> {
    let union_id = call
        .arguments
        .text("unionid")
        .filter(|id| !id.is_empty())
        .ok_or_else(Failure::bad_argument)?;
    let company = company(platform, caller)?;
    let person = company.by_union_id(&union_id).ok_or_else(Failure::no_such_user)?;
    if !person.external && !platform.sees_person(caller, company, person) {
        return Err(Failure::user_out_of_scope());
    }
    Ok(Object::new()
        .put("contact_type", i64::from(person.external))
        .put("userid", person.user_id.to_string())
        .done())
}

/// `POST /topapi/v2/user/getbymobile` (§6.4), internal apps only.
pub(crate) fn get_by_mobile(
    platform: &mut Platform,
    call: &Call<'_>,
    caller: &Caller,
) -> Result<Json, Failure> {
    let mobile = call.arguments.text("mobile").ok_or_else(Failure::bad_argument)?;
    let number = mobile.strip_prefix('+').unwrap_or(&mobile);
    let well_formed = (6..=20).contains(&number.len())
        && number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    if !well_formed {
        return Err(Failure::business(40104, "无效手机号"));
    }
    let company = company(platform, caller)?;
    let person = company
        .by_mobile(&mobile)
        .filter(|person| !person.external)
        .ok_or_else(Failure::no_such_user)?;
    if !platform.sees_person(caller, company, person) {
        return Err(Failure::user_out_of_scope());
    }
    Ok(Object::new()
        .put("userid", person.user_id.to_string())
        .put("exclusive_account_userid_list", Vec::<Json>::new())
        .done())
}

/// What the caller may see of a person, and in which language.
pub(crate) struct View {
    pub(crate) mobile: bool,
    pub(crate) email: bool,
    /// Personal fields that third-party apps never get (§6.1).
    pub(crate) personal: bool,
    pub(crate) english: bool,
    pub(crate) avatar_absent: bool,
}

impl View {
    pub(crate) fn of(platform: &Platform, call: &Call<'_>, caller: &Caller) -> Self {
        let personal =
            platform.app(&caller.client).is_some_and(|app| app.kind != AppKind::ThirdParty);
        Self {
            mobile: personal && platform.may(caller, "fieldMobile"),
            email: personal && platform.may(caller, "fieldEmail"),
            personal,
            english: call.arguments.wants_english(),
            avatar_absent: platform.switches.avatar_absent,
        }
    }

    pub(crate) fn avatar(&self, person: &Person) -> Option<String> {
        (!self.avatar_absent || !person.avatar.is_empty()).then(|| person.avatar.clone())
    }
}

/// The organization that the token speaks in.
pub(crate) fn company<'a>(platform: &'a Platform, caller: &Caller) -> Result<&'a Company, Failure> {
    platform.company(&caller.corp).ok_or_else(|| Refusal::TokenDead.into())
}

pub(crate) fn bad_user_id() -> Failure {
    Failure::business(33012, "无效的USERID")
}

fn redeem(
    platform: &mut Platform,
    call: &Call<'_>,
    caller: &Caller,
    code: &str,
) -> Result<Code, Failure> {
    call.note_code(code);
    platform
        .codes
        .redeem(code, Pool::Silent, call.now, |code| {
            code.client == caller.client && code.corp == caller.corp
        })
        .ok_or_else(Failure::dead_code)
}

/// Some stable text; nothing is known of its form.
pub(super) fn device_id(person: &Person) -> String {
    person
        .open_id("device")
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .take(12)
        .collect::<String>()
        .to_lowercase()
}

/// All fields of §6.1 in the alphabetical order of the wire, gated by what the caller may see.
fn whole_person(company: &Company, person: &Person, view: &View) -> Json {
    let flags = &person.flags;
    let departments: Vec<i64> =
        person.memberships.iter().map(|membership| membership.department).collect();
    let orders: Vec<Object> = person
        .memberships
        .iter()
        .map(|membership| {
            Object::new().put("dept_id", membership.department).put("order", membership.order)
        })
        .collect();
    let positions: Vec<Object> = person
        .memberships
        .iter()
        .enumerate()
        .map(|(at, membership)| {
            Object::new()
                .put("dept_id", membership.department)
                .put("is_main", at == 0)
                .put_text("title", &person.title)
                .put_text("work_place", if view.email { &person.work_place } else { "" })
        })
        .collect();
    let leads: Vec<Object> = person
        .memberships
        .iter()
        .map(|membership| {
            let leads = membership.leader
                || company.departments.get(&membership.department).is_some_and(|department| {
                    department.managers.iter().any(|id| **id == *person.user_id)
                });
            Object::new().put("dept_id", membership.department).put("leader", leads)
        })
        .collect();
    let roles: Vec<Object> = person
        .roles
        .iter()
        .map(|role| {
            Object::new()
                .put("group_name", role.group.clone())
                .put("id", role.id)
                .put("name", role.name.clone())
        })
        .collect();
    let mobile = view.mobile && !person.mobile.is_empty();
    let gated = |open: bool, text: &str| (open && !text.is_empty()).then(|| text.to_owned());
    Object::with_capacity(30)
        .put("active", flags.active)
        .put("admin", flags.admin)
        .put_some("avatar", view.avatar(person))
        .put("boss", flags.boss)
        .put("dept_id_list", departments)
        .put("dept_order_list", orders)
        .put_some("dept_position_list", view.personal.then_some(positions))
        .put_some("email", gated(view.email, &person.email))
        .put("exclusive_account", false)
        .put_some("extension", gated(view.email, &person.extension))
        .put("hide_mobile", flags.hide_mobile)
        .put_some("hired_date", person.hired_ms.filter(|_| view.personal))
        .put("job_number", person.job_number.clone())
        .put("leader_in_dept", leads)
        .put_text("manager_userid", &person.manager)
        .put_some("mobile", mobile.then(|| person.mobile.clone()))
        .put("name", person.name_in(view.english).to_owned())
        .put_some("org_email", gated(view.personal, &person.org_email))
        .put_some(
            "org_email_type",
            gated(view.personal && !person.org_email.is_empty(), "profession"),
        )
        .put("real_authed", flags.real_authed)
        .put_some("remark", gated(view.email, &person.remark))
        .put_some("role_list", (!roles.is_empty()).then_some(roles))
        .put("senior", flags.senior)
        .put_some("state_code", mobile.then_some("86"))
        .put_some("telephone", gated(view.personal, &person.telephone))
        .put_text("title", &person.title)
        .put("union_emp_ext", Object::new())
        .put("unionid", person.union_id.to_string())
        .put("userid", person.user_id.to_string())
        .put_some("work_place", gated(view.email, &person.work_place))
        .done()
}
