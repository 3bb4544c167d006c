//! Address-book search of the v1.0 family (wire-facts §6.7).

use serde_json::Value;

use crate::call::Call;
use crate::platform::Platform;
use crate::tokens::Caller;
use crate::wire::failure::{Failure, Refusal};
use crate::wire::json::{Json, Object};

/// `POST /v1.0/contact/users/search`: user ids, as text.
pub(crate) fn users(
    platform: &mut Platform,
    call: &Call<'_>,
    caller: &Caller,
) -> Result<Json, Failure> {
    let query = Query::read(call)?;
    let company = platform.company(&caller.corp).ok_or(Refusal::TokenDead)?;
    let found = company
        .everybody()
        .filter(|person| !person.external && platform.sees_person(caller, company, person))
        .filter(|person| query.fits(&person.name) || query.fits(&person.name_en))
        .map(|person| Json::from(person.user_id.to_string()));
    Ok(query.page(found.collect()))
}

/// `POST /v1.0/contact/departments/search`: department ids, as numbers.
pub(crate) fn departments(
    platform: &mut Platform,
    call: &Call<'_>,
    caller: &Caller,
) -> Result<Json, Failure> {
    let query = Query::read(call)?;
    let company = platform.company(&caller.corp).ok_or(Refusal::TokenDead)?;
    let found = company
        .departments
        .values()
        .filter(|department| query.fits(&department.name) || query.fits(&department.name_en))
        .filter(|department| platform.sees_department(caller, company, department.id))
        .map(|department| Json::from(department.id));
    Ok(query.page(found.collect()))
}

struct Query {
    word: String,
    offset: usize,
    size: usize,
    exact: bool,
}

impl Query {
    fn read(call: &Call<'_>) -> Result<Self, Failure> {
        let wrong = || Failure::service(400, "parameter.error", "参数错误");
        let body = call.document()?;
        for name in ["queryWord", "offset", "size"] {
            if body.get(name).is_none_or(Value::is_null) {
                return Err(Refusal::FieldMissing(name).into());
            }
        }
        let number =
            |name: &str| body.integer(name).map_err(|()| wrong()).map(Option::unwrap_or_default);
        let word = body.text("queryWord").filter(|word| !word.is_empty()).ok_or_else(wrong)?;
        let offset = usize::try_from(number("offset")?).map_err(|_| wrong())?;
        let size = usize::try_from(number("size")?)
            .ok()
            .filter(|size| (1..=100).contains(size))
            .ok_or_else(wrong)?;
        Ok(Self { word, offset, size, exact: number("fullMatchField")? == 1 })
    }

    fn fits(&self, name: &str) -> bool {
        !name.is_empty() && if self.exact { name == self.word } else { name.contains(&self.word) }
    }

    fn page(&self, found: Vec<Json>) -> Json {
        let total = found.len();
        let page: Vec<Json> = found.into_iter().skip(self.offset).take(self.size).collect();
        let more = self.offset.saturating_add(page.len()) < total && !page.is_empty();
        Object::new().put("hasMore", more).put("totalCount", total).put("list", page).done()
    }
}
