//! Organizations: the sandbox's first one, and those that open third-party apps.

use serde::Deserialize;
use serde_json::{Value, json};

use super::company::same_id;
use super::{Answer, Ask, Problem};
use crate::company::Company;

type Outcome = Result<Answer, Problem>;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct OrganizationDoc {
    corp_id: String,
    name: String,
}

pub(super) fn organizations(ask: &Ask<'_>) -> Outcome {
    let platform = &*ask.sandbox.platform();
    let mut all: Vec<&Company> = platform.companies.values().collect();
    all.sort_unstable_by(|one, two| one.corp_id.cmp(&two.corp_id));
    let all: Vec<Value> =
        all.into_iter().map(|company| told(company, *company.corp_id == *platform.home)).collect();
    Answer::ok(json!({ "organizations": all }))
}

pub(super) fn organization(ask: &Ask<'_>) -> Outcome {
    let platform = &*ask.sandbox.platform();
    let company = platform.company(ask.member());
    company
        .map(|company| Answer::Json(200, told(company, *company.corp_id == *platform.home)))
        .ok_or_else(|| Problem::absent("organization", ask.member()))
}

pub(super) fn put_organization(ask: &Ask<'_>) -> Outcome {
    let doc: OrganizationDoc = ask.json()?;
    same_id(&doc.corp_id, ask.member())?;
    if doc.corp_id.is_empty() || doc.corp_id.len() > 64 {
        return Err(Problem::invalid("`corpId` has 1 to 64 bytes"));
    }
    if !ask.sandbox.add_company(&doc.corp_id, &doc.name) {
        ask.sandbox.rename_company(&doc.corp_id, &doc.name);
    }
    organization(ask)
}

pub(super) fn delete_organization(ask: &Ask<'_>) -> Outcome {
    if *ask.sandbox.platform().home == *ask.member() {
        return Err(Problem::new(409, "conflict", "the sandbox's first organization stays"));
    }
    if ask.sandbox.remove_company(ask.member()) {
        return Answer::ok(json!({ "removed": true }));
    }
    Err(Problem::absent("organization", ask.member()))
}

fn told(company: &Company, home: bool) -> Value {
    json!({
        "corpId": &*company.corp_id,
        "name": company.name,
        "people": company.everybody().count(),
        "departments": company.departments.len(),
        "first": home,
    })
}
