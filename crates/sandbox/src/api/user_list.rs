//! The people of a department on topapi (wire-facts §6.5). Only direct members are listed.

use crate::call::Call;
use crate::company::{Company, Person};
use crate::platform::Platform;
use crate::tokens::Caller;
use crate::wire::failure::Failure;
use crate::wire::json::{Json, Object};

use super::user::{View, company};

/// `POST /topapi/v2/user/list`. Whatever is wrong with cursor, size or order is one errcode, 40035.
pub(crate) fn list(
    platform: &mut Platform,
    call: &Call<'_>,
    caller: &Caller,
) -> Result<Json, Failure> {
    let department = department(call)?;
    let wrong = || Failure::business(40035, "不合法的参数");
    let page = Page::read(call).map_err(|_| wrong())?;
    if page.cursor < 0 || !(1..=100).contains(&page.size) {
        return Err(wrong());
    }
    let company = company(platform, caller)?;
    if !company.departments.contains_key(&department) {
        return Err(Failure::business(60019, "从部门查询人员失败"));
    }
    if !platform.sees_department(caller, company, department) {
        return Err(Failure::department_out_of_scope());
    }
    let view = View::of(platform, call, caller);
    page.answer(company, department, |person| row(person, department, &view)).ok_or_else(wrong)
}

/// `POST /topapi/user/listsimple`: 40068 for the cursor, 40069 for the size.
pub(crate) fn list_simple(
    platform: &mut Platform,
    call: &Call<'_>,
    caller: &Caller,
) -> Result<Json, Failure> {
    let department = department(call)?;
    let page = Page::read(call)?;
    if page.cursor < 0 {
        return Err(Failure::business(40068, "不合法的偏移量"));
    }
    if !(1..=100).contains(&page.size) {
        return Err(Failure::business(40069, "不合法的分页大小"));
    }
    let company = company(platform, caller)?;
    if !company.departments.contains_key(&department) {
        return Err(Failure::no_such_department());
    }
    if !platform.sees_department(caller, company, department) {
        return Err(Failure::department_out_of_scope());
    }
    let english = call.arguments.wants_english();
    let row = |person: &Person| {
        Object::new()
            .put("name", person.name_in(english).to_owned())
            .put("userid", person.user_id.to_string())
    };
    page.answer(company, department, row).ok_or_else(Failure::bad_argument)
}

/// `POST /topapi/user/listid`: the contact scope does not limit it.
pub(crate) fn list_id(
    platform: &mut Platform,
    call: &Call<'_>,
    caller: &Caller,
) -> Result<Json, Failure> {
    let department = department(call)?;
    let company = company(platform, caller)?;
    if !company.departments.contains_key(&department) {
        return Err(Failure::no_such_department());
    }
    let ids: Vec<String> =
        company.members(department).map(|person| person.user_id.to_string()).collect();
    Ok(Object::new().put("userid_list", ids).done())
}

/// The arguments of a page.
struct Page {
    cursor: i64,
    size: i64,
    order: String,
}

impl Page {
    fn read(call: &Call<'_>) -> Result<Self, Failure> {
        Ok(Self {
            cursor: call.arguments.integer("cursor")?.ok_or_else(Failure::bad_argument)?,
            size: call.arguments.integer("size")?.ok_or_else(Failure::bad_argument)?,
            order: call.arguments.text("order_field").unwrap_or_else(|| "custom".to_owned()),
        })
    }

    /// `has_more`, `next_cursor` unless it is the last page, `list`; `None` for an order that does not exist.
    fn answer(
        &self,
        company: &Company,
        department: i64,
        row: impl Fn(&Person) -> Object,
    ) -> Option<Json> {
        let skip = usize::try_from(self.cursor).ok()?;
        let take = usize::try_from(self.size).ok()?;
        let all = company.member_count(department);
        let rows: Vec<Object> = if self.order == "custom" {
            company.members(department).skip(skip).take(take).map(row).collect()
        } else {
            let mut people: Vec<&Person> = company.members(department).collect();
            let hired = |person: &Person| {
                (person.hired_ms.unwrap_or(0), person.memberships.first().map(|first| -first.order))
            };
            match self.order.as_str() {
                "entry_asc" => people.sort_by_key(|person| hired(person)),
                "entry_desc" => people.sort_by_key(|person| std::cmp::Reverse(hired(person))),
                // Orders only fall, so the latest change has the smallest.
                "modify_asc" => {}
                "modify_desc" => people.reverse(),
                _ => return None,
            }
            people.into_iter().skip(skip).take(take).map(row).collect()
        };
        let next = skip.saturating_add(rows.len());
        let more = next < all && !rows.is_empty();
        Some(
            Object::new()
                .put("has_more", more)
                .put_some("next_cursor", more.then_some(next))
                .put("list", rows)
                .done(),
        )
    }
}

fn department(call: &Call<'_>) -> Result<i64, Failure> {
    call.arguments.integer("dept_id")?.ok_or_else(Failure::bad_argument)
}

/// One row of `v2/user/list`, with the field gates of §6.1.
fn row(person: &Person, department: i64, view: &View) -> Object {
    let membership =
        person.memberships.iter().find(|membership| membership.department == department);
    let mobile = view.mobile && !person.mobile.is_empty();
    let gated = |open: bool, text: &str| (open && !text.is_empty()).then(|| text.to_owned());
    Object::with_capacity(23)
        .put("active", person.flags.active)
        .put("admin", person.flags.admin)
        .put_some("avatar", view.avatar(person))
        .put("boss", person.flags.boss)
        .put(
            "dept_id_list",
            person.memberships.iter().map(|membership| membership.department).collect::<Vec<_>>(),
        )
        .put("dept_order", membership.map_or(0, |membership| membership.order))
        .put_some("email", gated(view.email, &person.email))
        .put("exclusive_account", false)
        .put_some("extension", gated(view.email, &person.extension))
        .put("hide_mobile", person.flags.hide_mobile)
        .put_some("hired_date", person.hired_ms.filter(|_| view.personal))
        .put("job_number", person.job_number.clone())
        .put("leader", membership.is_some_and(|membership| membership.leader))
        .put_some("mobile", mobile.then(|| person.mobile.clone()))
        .put("name", person.name_in(view.english).to_owned())
        .put_some("org_email", gated(view.personal, &person.org_email))
        .put_some("remark", gated(view.email, &person.remark))
        .put_some("state_code", mobile.then_some("86"))
        .put_some("telephone", gated(view.personal, &person.telephone))
        .put_text("title", &person.title)
        .put("unionid", person.union_id.to_string())
        .put("userid", person.user_id.to_string())
        .put_some("work_place", gated(view.email, &person.work_place))
}
