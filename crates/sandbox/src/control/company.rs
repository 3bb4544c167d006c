//! People and departments of the sandbox's organization.

use serde_json::json;

use super::{Answer, Ask, Problem};
use crate::documents::{DepartmentDoc, PersonDoc, departments_of};

type Outcome = Result<Answer, Problem>;

pub(super) fn people(ask: &Ask<'_>) -> Outcome {
    let limit = usize::try_from(ask.number("limit")?.unwrap_or(100)).unwrap_or(usize::MAX);
    let offset = usize::try_from(ask.number("offset")?.unwrap_or(0)).unwrap_or(usize::MAX);
    let platform = &mut *ask.sandbox.platform();
    let Some(company) = platform.home() else {
        return Answer::ok(json!({ "people": [], "total": 0 }));
    };
    let total = company.everybody().count();
    let people: Vec<PersonDoc> =
        company.everybody().skip(offset).take(limit).map(PersonDoc::of).collect();
    Answer::ok(json!({ "people": people, "total": total }))
}

pub(super) fn person(ask: &Ask<'_>) -> Outcome {
    let platform = &mut *ask.sandbox.platform();
    let found = platform.home().and_then(|company| company.anybody(ask.member()));
    found
        .map(|person| Answer::Json(200, json!(PersonDoc::of(person))))
        .ok_or_else(|| Problem::absent("person", ask.member()))
}

pub(super) fn put_person(ask: &Ask<'_>) -> Outcome {
    let doc: PersonDoc = ask.json()?;
    same_id(&doc.user_id, ask.member())?;
    let platform = &mut *ask.sandbox.platform();
    let company = platform.home().ok_or_else(no_company)?;
    if let Some(mistake) = doc.mistake(|id| company.departments.contains_key(&id)) {
        return Err(Problem::invalid(mistake));
    }
    if company.by_mobile(&doc.mobile).is_some_and(|other| *other.user_id != *doc.user_id) {
        return Err(Problem::new(409, "conflict", "somebody else has this mobile number"));
    }
    let user_id = doc.user_id.clone();
    company.add_person(doc.into_person());
    Answer::ok(json!(company.anybody(&user_id).map(PersonDoc::of)))
}

pub(super) fn delete_person(ask: &Ask<'_>) -> Outcome {
    if ask.sandbox.remove_person(ask.member()) {
        return Answer::ok(json!({ "removed": true }));
    }
    Err(Problem::absent("person", ask.member()))
}

pub(super) fn departments(ask: &Ask<'_>) -> Outcome {
    let departments = ask.sandbox.platform().home().map(|company| departments_of(company));
    Answer::ok(json!({ "departments": departments.unwrap_or_default() }))
}

pub(super) fn department(ask: &Ask<'_>) -> Outcome {
    let id: i64 = ask.member_number()?;
    let platform = &mut *ask.sandbox.platform();
    let found = platform.home().and_then(|company| company.departments.get(&id));
    found
        .map(|department| Answer::Json(200, json!(DepartmentDoc::of(department))))
        .ok_or_else(|| Problem::absent("department", ask.member()))
}

pub(super) fn put_department(ask: &Ask<'_>) -> Outcome {
    let doc: DepartmentDoc = ask.json()?;
    same_id(&doc.id.to_string(), ask.member())?;
    let platform = &mut *ask.sandbox.platform();
    let company = platform.home().ok_or_else(no_company)?;
    if let Some(mistake) = doc.mistake(|id| company.departments.contains_key(&id)) {
        return Err(Problem::invalid(mistake));
    }
    if company.path_up(doc.parent).contains(&doc.id) {
        return Err(Problem::new(409, "conflict", "the parent is below this department"));
    }
    let id = doc.id;
    company.add_department(doc.into_department());
    Answer::ok(json!(company.departments.get(&id).map(DepartmentDoc::of)))
}

pub(super) fn delete_department(ask: &Ask<'_>) -> Outcome {
    let id: i64 = ask.member_number()?;
    let platform = &mut *ask.sandbox.platform();
    let company = platform.home().ok_or_else(no_company)?;
    if !company.departments.contains_key(&id) {
        return Err(Problem::absent("department", ask.member()));
    }
    if !company.remove_department(id) {
        return Err(Problem::new(
            409,
            "conflict",
            "it is the root, or has people or departments below it",
        ));
    }
    Answer::ok(json!({ "removed": true }))
}

/// The id in the path and the one in the body are one thing said twice.
pub(super) fn same_id(in_body: &str, in_path: &str) -> Result<(), Problem> {
    if in_body == in_path {
        return Ok(());
    }
    Err(Problem::invalid(format!("the path names {in_path:?} and the body {in_body:?}")))
}

fn no_company() -> Problem {
    Problem::new(409, "conflict", "the sandbox has no organization")
}
