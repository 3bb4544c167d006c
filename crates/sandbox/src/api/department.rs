//! Departments on topapi (wire-facts §6.6).

use crate::call::Call;
use crate::company::{Company, ROOT};
use crate::platform::Platform;
use crate::tokens::Caller;
use crate::wire::failure::Failure;
use crate::wire::json::{Json, Object};

use super::user::{bad_user_id, company};

/// `POST /topapi/v2/department/listsub`: an array, `[]` for a leaf; the root when no id is given.
pub(crate) fn list_sub(
    platform: &mut Platform,
    call: &Call<'_>,
    caller: &Caller,
) -> Result<Json, Failure> {
    let id = call.arguments.integer("dept_id")?.unwrap_or(ROOT);
    let company = visible(platform, caller, id)?;
    let english = call.arguments.wants_english();
    let rows = company.children(id).iter().filter_map(|child| company.departments.get(child)).map(
        |department| {
            Object::new()
                .put("auto_add_user", true)
                .put("create_dept_group", true)
                .put("dept_id", department.id)
                .put("name", department.name_in(english).to_owned())
                .put("parent_id", department.parent)
        },
    );
    Ok(Json::from(rows.collect::<Vec<_>>()))
}

/// `POST /topapi/v2/department/get`. The root has no parent.
pub(crate) fn get(
    platform: &mut Platform,
    call: &Call<'_>,
    caller: &Caller,
) -> Result<Json, Failure> {
    let id = required_id(call)?;
    let company = visible(platform, caller, id)?;
    let department = company.departments.get(&id).ok_or_else(Failure::no_such_department)?;
    let members = company.member_count(id);
    let siblings = company.children(department.parent);
    let order = siblings.iter().position(|&sibling| sibling == id).unwrap_or(0) + 1;
    let none = Vec::<Json>::new;
    Ok(Object::new()
        .put("auto_add_user", true)
        .put("auto_approve_apply", false)
        .put("brief", "")
        .put("create_dept_group", true)
        .put("dept_group_chat_id", format!("chat{:032x}", id.unsigned_abs()))
        .put("dept_id", id)
        .put("dept_manager_userid_list", department.managers.clone())
        .put("dept_permits", none())
        .put("group_contain_sub_dept", false)
        .put("hide_dept", false)
        .put("member_count", members)
        .put("name", department.name_in(call.arguments.wants_english()).to_owned())
        .put("order", order)
        .put("org_dept_owner", department.managers.first().cloned().unwrap_or_default())
        .put("outer_dept", false)
        .put("outer_permit_depts", none())
        .put("outer_permit_users", none())
        .put("owning_member_count", members)
        .put_some("parent_id", (id != ROOT).then_some(department.parent))
        .put("user_permits", none())
        .done())
}

/// `POST /topapi/v2/department/listsubid`.
pub(crate) fn list_sub_id(
    platform: &mut Platform,
    call: &Call<'_>,
    caller: &Caller,
) -> Result<Json, Failure> {
    let id = required_id(call)?;
    let company = visible(platform, caller, id)?;
    Ok(Object::new().put("dept_id_list", company.children(id).to_vec()).done())
}

/// `POST /topapi/v2/department/listparentbyuser`: one way to the root for each department of the person. An unknown
/// person is 33012 here, one outside the scope 43007.
pub(crate) fn list_parent_by_user(
    platform: &mut Platform,
    call: &Call<'_>,
    caller: &Caller,
) -> Result<Json, Failure> {
    let user_id = call
        .arguments
        .text("userid")
        .filter(|id| !id.is_empty())
        .ok_or_else(Failure::bad_argument)?;
    let company = company(platform, caller)?;
    let person = company.employee(&user_id).ok_or_else(bad_user_id)?;
    if !platform.sees_person(caller, company, person) {
        return Err(not_authorized());
    }
    let ways: Vec<Object> = person
        .memberships
        .iter()
        .map(|membership| {
            Object::new().put("parent_dept_id_list", company.path_up(membership.department))
        })
        .collect();
    Ok(Object::new().put("parent_list", ways).done())
}

/// `POST /topapi/v2/department/listparentbydept`: the way to the root, the department itself first.
pub(crate) fn list_parent_by_dept(
    platform: &mut Platform,
    call: &Call<'_>,
    caller: &Caller,
) -> Result<Json, Failure> {
    let id = required_id(call)?;
    let company = company(platform, caller)?;
    if !company.departments.contains_key(&id) {
        return Err(Failure::no_such_department());
    }
    if !platform.sees_department(caller, company, id) {
        return Err(not_authorized());
    }
    Ok(Object::new().put("parent_id_list", company.path_up(id)).done())
}

fn required_id(call: &Call<'_>) -> Result<i64, Failure> {
    call.arguments.integer("dept_id")?.ok_or_else(Failure::bad_argument)
}

/// The organization, if the department is in it and in the app's contact scope.
fn visible<'a>(platform: &'a Platform, caller: &Caller, id: i64) -> Result<&'a Company, Failure> {
    let company = company(platform, caller)?;
    if !company.departments.contains_key(&id) {
        return Err(Failure::no_such_department());
    }
    if !platform.sees_department(caller, company, id) {
        return Err(Failure::department_out_of_scope());
    }
    Ok(company)
}

fn not_authorized() -> Failure {
    Failure::business(43007, "需要授权")
}
