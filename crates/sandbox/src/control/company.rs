//! People and departments of the organizations.

use serde::Deserialize;
use serde_json::json;

use super::{Answer, Ask, Problem};
use crate::company::Company;
use crate::documents::{DepartmentDoc, PersonDoc, departments_of};
use crate::hosts::Region;
use crate::platform::Platform;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RegionDoc {
    region: Region,
    corp_id: Option<String>,
}

type Outcome = Result<Answer, Problem>;

pub(super) fn people(ask: &Ask<'_>) -> Outcome {
    let limit = usize::try_from(ask.number("limit")?.unwrap_or(100)).unwrap_or(usize::MAX);
    let offset = usize::try_from(ask.number("offset")?.unwrap_or(0)).unwrap_or(usize::MAX);
    let platform = &*ask.sandbox.platform();
    let company = company_of(platform, ask)?;
    let total = company.everybody().count();
    let people: Vec<PersonDoc> =
        company.everybody().skip(offset).take(limit).map(PersonDoc::of).collect();
    Answer::ok(json!({ "people": people, "total": total }))
}

pub(super) fn person(ask: &Ask<'_>) -> Outcome {
    let platform = &*ask.sandbox.platform();
    company_of(platform, ask)?
        .anybody(ask.member())
        .map(|person| Answer::Json(200, json!(PersonDoc::of(person))))
        .ok_or_else(|| Problem::absent("person", ask.member()))
}

pub(super) fn put_person(ask: &Ask<'_>) -> Outcome {
    let doc: PersonDoc = ask.json()?;
    same_id(&doc.user_id, ask.member())?;
    let corp = {
        let platform = &*ask.sandbox.platform();
        let company = company_of(platform, ask)?;
        if let Some(mistake) = doc.mistake(|id| company.departments.contains_key(&id)) {
            return Err(Problem::invalid(mistake));
        }
        if company.by_mobile(&doc.mobile).is_some_and(|other| *other.user_id != *doc.user_id) {
            return Err(Problem::new(409, "conflict", "somebody else has this mobile number"));
        }
        company.corp_id.to_string()
    };
    ask.sandbox.add_person_to(&corp, doc.into_person());
    person(ask)
}

pub(super) fn delete_person(ask: &Ask<'_>) -> Outcome {
    let corp = company_of(&ask.sandbox.platform(), ask)?.corp_id.to_string();
    if ask.sandbox.remove_person_from(&corp, ask.member()) {
        return Answer::ok(json!({ "removed": true }));
    }
    Err(Problem::absent("person", ask.member()))
}

pub(super) fn departments(ask: &Ask<'_>) -> Outcome {
    let platform = &*ask.sandbox.platform();
    Answer::ok(json!({ "departments": departments_of(company_of(platform, ask)?) }))
}

pub(super) fn department(ask: &Ask<'_>) -> Outcome {
    let id: i64 = ask.member_number()?;
    let platform = &*ask.sandbox.platform();
    company_of(platform, ask)?
        .departments
        .get(&id)
        .map(|department| Answer::Json(200, json!(DepartmentDoc::of(department))))
        .ok_or_else(|| Problem::absent("department", ask.member()))
}

pub(super) fn put_department(ask: &Ask<'_>) -> Outcome {
    let doc: DepartmentDoc = ask.json()?;
    same_id(&doc.id.to_string(), ask.member())?;
    let corp = {
        let platform = &*ask.sandbox.platform();
        let company = company_of(platform, ask)?;
        if let Some(mistake) = doc.mistake(|id| company.departments.contains_key(&id)) {
            return Err(Problem::invalid(mistake));
        }
        if company.path_up(doc.parent).contains(&doc.id) {
            return Err(Problem::new(409, "conflict", "the parent is below this department"));
        }
        company.corp_id.to_string()
    };
    ask.sandbox.add_department_to(&corp, doc.into_department());
    department(ask)
}

pub(super) fn delete_department(ask: &Ask<'_>) -> Outcome {
    let id: i64 = ask.member_number()?;
    let corp = {
        let platform = &*ask.sandbox.platform();
        let company = company_of(platform, ask)?;
        if !company.departments.contains_key(&id) {
            return Err(Problem::absent("department", ask.member()));
        }
        company.corp_id.to_string()
    };
    if !ask.sandbox.remove_department_from(&corp, id) {
        return Err(Problem::new(
            409,
            "conflict",
            "it is the root, or has people or departments below it",
        ));
    }
    Answer::ok(json!({ "removed": true }))
}

pub(super) fn put_region(ask: &Ask<'_>) -> Outcome {
    let RegionDoc { region, corp_id } = ask.json()?;
    let platform = &mut *ask.sandbox.platform();
    let corp_id = corp_id.unwrap_or_else(|| platform.home.to_string());
    if !platform.set_region(&corp_id, region) {
        return Err(Problem::absent("organization", &corp_id));
    }
    Answer::ok(json!({ "corpId": corp_id, "region": region }))
}

/// The id in the path and the one in the body are one thing said twice.
pub(super) fn same_id(in_body: &str, in_path: &str) -> Result<(), Problem> {
    if in_body == in_path {
        return Ok(());
    }
    Err(Problem::invalid(format!("the path names {in_path:?} and the body {in_body:?}")))
}

/// The organization that the query names, or the first one.
fn company_of<'p>(platform: &'p Platform, ask: &Ask<'_>) -> Result<&'p Company, Problem> {
    let corp = ask.query("corpId").unwrap_or(&platform.home);
    platform.company(corp).ok_or_else(|| Problem::absent("organization", corp))
}
