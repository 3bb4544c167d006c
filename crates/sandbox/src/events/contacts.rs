//! What a change of people, departments or roles is called (wire-facts §10.4, §10.6).

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::event::Event;
use super::news::{News, Row, kind};
use crate::company::{Company, Department, Person, Role};

/// What there is to say about a person who came, was changed or left. `company` is as it is after that; `roles` are the
/// definitions that were known before it.
pub(crate) fn of_person(
    company: &Company,
    old: Option<&Person>,
    new: Option<&Person>,
    roles: &[Role],
    now: u64,
) -> Vec<News> {
    let corp = &*company.corp_id;
    let mut all = role_definitions(company, old, new, roles, now);
    let Some(person) = new.or(old).filter(|person| !person.external) else {
        return all;
    };
    let user = &*person.user_id;
    let told = |name: &str, row: Option<Value>| News {
        plain: Some(Event::people(name, corp, &[user], now)),
        row: row.map(|data| person_row(name, corp, user, data)),
    };
    match (old, new) {
        (None, _) => all.push(told("user_add_org", Some(flat(person)))),
        (Some(_), None) => all.push(told("user_leave_org", Some(json!({})))),
        (Some(before), Some(after)) => {
            let woke = !before.flags.active && after.flags.active;
            let seats = |person: &Person| -> BTreeSet<i64> {
                person.memberships.iter().map(|seat| seat.department).collect()
            };
            let other_roles = role_ids(before) != role_ids(after);
            // Rows of one person replace each other, so there is one, and it says what matters most.
            let action = match (woke, seats(before) != seats(after), other_roles) {
                (true, _, _) => "user_active_org",
                (_, true, _) => "user_dept_change",
                (_, _, true) => "user_role_change",
                _ => "user_modify_org",
            };
            all.push(News {
                plain: Some(Event::people("user_modify_org", corp, &[user], now)),
                row: Some(person_row(action, corp, user, flat(after))),
            });
            if woke {
                all.push(told("user_active_org", None));
            }
            if other_roles {
                let ids: Vec<i64> =
                    role_ids(before).symmetric_difference(&role_ids(after)).copied().collect();
                let plain = Some(Event::roles("label_user_change", corp, &ids, &[user], now));
                all.push(News { plain, row: None });
            }
        }
    }
    let admin = |person: Option<&Person>| person.is_some_and(|person| person.flags.admin);
    match (admin(old), admin(new)) {
        (false, true) => all.push(told("org_admin_add", None)),
        (true, false) => all.push(told("org_admin_remove", None)),
        _ => {}
    }
    all
}

/// A department that came, was changed or is gone.
pub(crate) fn of_department(name: &str, corp: &str, department: &Department, now: u64) -> News {
    let data = if name == "org_dept_remove" {
        json!({})
    } else {
        json!({
            "errcode": 0, "id": department.id, "name": department.name, "parentid": department.parent,
            "deptHiding": false, "createDeptGroup": false, "autoAddUser": false,
            "deptManagerUseridList": department.managers.join("|"),
        })
    };
    let ids = [department.id];
    News {
        plain: Some(Event::departments(name, corp, &ids, now)),
        row: named_row(name, corp, department.id, data),
    }
}

/// The organization was renamed, or is gone.
pub(crate) fn of_organization(name: &str, company: &Company, now: u64) -> News {
    let corp = &*company.corp_id;
    let data = if name == "org_remove" {
        json!({})
    } else {
        json!({ "corpid": corp, "corp_name": company.name })
    };
    News {
        plain: Some(Event::organization(name, corp, now)),
        row: named_row(name, corp, corp, data),
    }
}

/// A definition that came, was changed or is gone. The sandbox knows roles by the people who have them.
pub(crate) fn of_role(name: &str, corp: &str, role: &Role, now: u64) -> News {
    let data = json!({ "id": role.id, "name": role.name, "groupName": role.group });
    News {
        plain: Some(Event::roles(name, corp, &[role.id], &[], now)),
        row: named_row(name, corp, role.id, data),
    }
}

/// A row under the `syncAction` that belongs to either name of a change.
pub(crate) fn named_row(name: &str, corp: &str, biz_id: impl ToString, data: Value) -> Option<Row> {
    kind(name)?.1.map(|action| Row::new(action, corp, biz_id, data))
}

/// The old style of a person, flat, with two maps as texts that are no JSON. Phone and e-mail are not for vendors.
pub(crate) fn flat(person: &Person) -> Value {
    let map = |value: &dyn Fn(&crate::company::Membership) -> String| {
        let pairs: Vec<String> = person
            .memberships
            .iter()
            .map(|seat| format!("{}:{}", seat.department, value(seat)))
            .collect();
        format!("{{{}}}", pairs.join(","))
    };
    let departments: Vec<i64> = person.memberships.iter().map(|seat| seat.department).collect();
    json!({
        "errcode": 0,
        "userid": &*person.user_id,
        "unionid": &*person.union_id,
        "name": person.name,
        "avatar": person.avatar,
        "position": person.title,
        "jobnumber": person.job_number,
        "active": person.flags.active,
        "isAdmin": person.flags.admin,
        "isBoss": person.flags.boss,
        "isHide": person.flags.hide_mobile,
        "isSenior": person.flags.senior,
        "department": departments,
        "orderInDepts": map(&|seat| seat.order.to_string()),
        "isLeaderInDepts": map(&|seat| seat.leader.to_string()),
        "roles": person.roles.iter().map(|role| json!({
            "id": role.id, "name": role.name, "groupName": role.group, "type": 0,
        })).collect::<Vec<_>>(),
    })
}

/// The definitions of the roles that either of two states of a person has, as they are in the organization now.
pub(crate) fn definitions(company: &Company, people: [Option<&Person>; 2]) -> Vec<Role> {
    let ids: BTreeSet<i64> = people.into_iter().flatten().flat_map(role_ids).collect();
    ids.into_iter()
        .filter_map(|id| {
            let mut everywhere = company.everybody().flat_map(|person| &person.roles);
            everywhere.find(|role| role.id == id).cloned()
        })
        .collect()
}

fn role_definitions(
    company: &Company,
    old: Option<&Person>,
    new: Option<&Person>,
    before: &[Role],
    now: u64,
) -> Vec<News> {
    let same = |one: &Person, two: &Person| one.roles == two.roles;
    if old.zip(new).is_some_and(|(old, new)| same(old, new)) {
        return Vec::new();
    }
    let after = definitions(company, [old, new]);
    let corp = &*company.corp_id;
    let known = |roles: &[Role], id: i64| roles.iter().find(|role| role.id == id).cloned();
    let mut all = Vec::new();
    for role in &after {
        match known(before, role.id) {
            None => all.push(of_role("label_conf_add", corp, role, now)),
            Some(other) if other != *role => {
                all.push(of_role("label_conf_modify", corp, role, now));
            }
            Some(_) => {}
        }
    }
    for role in before.iter().filter(|role| known(&after, role.id).is_none()) {
        all.push(of_role("label_conf_del", corp, role, now));
    }
    all
}

fn role_ids(person: &Person) -> BTreeSet<i64> {
    person.roles.iter().map(|role| role.id).collect()
}

fn person_row(action: &str, corp: &str, user: &str, data: Value) -> Row {
    Row::new((action, 13), corp, user, data)
}
