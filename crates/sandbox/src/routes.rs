//! Which path belongs to which family, and what stands behind it.

use http::Method;
use percent_encoding::percent_decode_str;

use crate::api::{
    auth_scopes, call_back, contact_v1, department, gateway, gettoken, jsapi, oauth2, search,
    service, sns, sso, todo, todo_lists, todo_query, user, user_list, user_token,
};
use crate::auth_page::{AUTH, CANCEL};
use crate::call::Call;
use crate::faults;
use crate::hosts::Host;
use crate::journal::UNKNOWN;
use crate::platform::Platform;
use crate::stream::CONNECT;
use crate::tokens::Caller;
use crate::wire::Family;
use crate::wire::failure::Failure;
use crate::wire::json::Json;

type Outcome = Result<Json, Failure>;
type OpenHandler = fn(&mut Platform, &Call<'_>) -> Outcome;
type Handler = fn(&mut Platform, &Call<'_>, &Caller) -> Outcome;

/// One API of the platform.
pub(crate) struct Operation {
    /// Method and path template; what the journal and faults call it.
    pub(crate) name: &'static str,
    pub(crate) family: Family,
    pub(crate) door: Door,
    /// The permission point that the gateway checks.
    pub(crate) point: Option<&'static str>,
    /// Counts on the organization's month (wire-facts §12).
    pub(crate) billed: bool,
    /// Asks for a token of any kind.
    pub(crate) gives_token: bool,
}

/// Who may come in.
pub(crate) enum Door {
    /// Anybody; the handler checks what it needs.
    Open(OpenHandler),
    /// An app, with its own token.
    App(Handler),
    /// A person, with a user token.
    User(Handler),
    /// Either of them.
    Either(Handler),
}

impl std::fmt::Debug for Operation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// Where a request goes.
pub(crate) struct Route {
    pub(crate) family: Family,
    pub(crate) operation: Option<&'static Operation>,
    /// The host that was called by its name serves no such path.
    pub(crate) elsewhere: bool,
}

/// Finds the API for a request and fills in what the path holds at the template's `{…}`. With a host, only what that
/// one serves is found.
pub(crate) fn find(
    method: &Method,
    path: &str,
    host: Option<&Host>,
    members: &mut Vec<String>,
) -> Route {
    let family = family(path);
    if let Some(host) = host.filter(|host| !host.serves(family, path)) {
        return Route { family: host.stranger(), operation: None, elsewhere: true };
    }
    let of_family = OPERATIONS.iter().filter(|operation| operation.family == family);
    let operation = match family {
        Family::Page => PAGES.iter().find(|page| method_and_path(page) == (method.as_str(), path)),
        // The old families answer every method; a wrong one is their own error.
        Family::Old | Family::Topapi => {
            of_family.into_iter().find(|operation| method_and_path(operation).1 == path)
        }
        Family::V1 => {
            let given: Vec<&str> = path.split('/').collect();
            of_family.into_iter().find(|operation| {
                let (wanted, template) = method_and_path(operation);
                wanted == method.as_str() && fits(template, &given)
            })
        }
    };
    if let (Family::V1, Some(operation)) = (family, operation) {
        let (_, template) = method_and_path(operation);
        for (wanted, given) in template.split('/').zip(path.split('/')) {
            if wanted.starts_with('{') {
                members.push(percent_decode_str(given).decode_utf8_lossy().into_owned());
            }
        }
    }
    Route { family, operation, elsewhere: false }
}

/// Whether a pattern, as faults and gates take it, can match anything at all.
pub(crate) fn known(pattern: &str) -> bool {
    all().map(|operation| operation.name).chain([UNKNOWN]).any(|name| faults::names(pattern, name))
}

/// The names of all APIs, pages not among them.
#[cfg(test)]
pub(crate) fn names() -> Vec<&'static str> {
    OPERATIONS.iter().map(|operation| operation.name).collect()
}

/// Every API, then every page.
pub(crate) fn all() -> impl Iterator<Item = &'static Operation> {
    OPERATIONS.iter().chain(PAGES)
}

/// The API's name in messages: in topapi `dingtalk.oapi.` and the path with dots (wire-facts §1.6), else the path.
pub(crate) fn api_name(path: &str) -> String {
    match path.strip_prefix("/topapi/") {
        Some(rest) => format!("dingtalk.oapi.{}", rest.replace('/', ".")),
        None => path.to_owned(),
    }
}

impl Operation {
    /// The method that the call should have used, if this one is refused. Family C never gets here with a wrong one.
    pub(crate) fn wrong_method(&self, method: &Method, strict_post: bool) -> Option<&'static str> {
        match self.family {
            Family::Old => {
                let (wanted, _) = method_and_path(self);
                (method.as_str() != wanted).then_some(wanted)
            }
            Family::Topapi => {
                let fine = method == Method::POST || method == Method::GET && !strict_post;
                (!fine).then_some("POST")
            }
            Family::V1 | Family::Page => None,
        }
    }
}

/// One port for all, so the path decides (wire-facts §15).
fn family(path: &str) -> Family {
    let versioned = path
        .strip_prefix("/v")
        .is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()));
    if versioned {
        Family::V1
    } else if path.starts_with("/topapi/") {
        Family::Topapi
    } else if matches!(path, "/oauth2/auth" | "/oauth2/challenge.htm" | AUTH | CANCEL | CONNECT) {
        Family::Page
    } else {
        Family::Old
    }
}

fn method_and_path(operation: &Operation) -> (&'static str, &'static str) {
    operation.name.split_once(' ').unwrap_or(("", ""))
}

fn fits(template: &str, given: &[&str]) -> bool {
    let mut wanted = template.split('/');
    for part in given {
        match wanted.next() {
            Some(member) if member.starts_with('{') && !part.is_empty() => {}
            Some(word) if word == *part => {}
            _ => return false,
        }
    }
    wanted.next().is_none()
}

impl Operation {
    const fn new(
        name: &'static str,
        family: Family,
        door: Door,
        point: Option<&'static str>,
    ) -> Self {
        Self { name, family, door, point, billed: false, gives_token: false }
    }

    const fn billed(mut self) -> Self {
        self.billed = true;
        self
    }

    const fn needs(mut self, point: &'static str) -> Self {
        self.point = Some(point);
        self
    }

    const fn gives_token(mut self) -> Self {
        self.gives_token = true;
        self
    }
}

const fn old(name: &'static str, door: Door) -> Operation {
    Operation::new(name, Family::Old, door, None)
}

const fn topapi(name: &'static str, handler: Handler, point: &'static str) -> Operation {
    Operation::new(name, Family::Topapi, Door::App(handler), Some(point))
}

const fn v1(name: &'static str, door: Door, point: Option<&'static str>) -> Operation {
    Operation::new(name, Family::V1, door, point)
}

/// The pages; what they do is in their modules, this only names them.
static PAGES: &[Operation] = &[
    page("GET /oauth2/auth"),
    page("GET /oauth2/challenge.htm"),
    page("POST /oauth2/auth"),
    page("GET /dingding/h5-common-authority/auth/index.html"),
    page("POST /dingding/h5-common-authority/auth/index.html"),
    page("GET /dingding/h5-common-authority/pages/cancel"),
    page("POST /dingding/h5-common-authority/pages/cancel"),
    page("GET /connect"),
];

const fn page(name: &'static str) -> Operation {
    Operation::new(name, Family::Page, Door::Open(nothing), None)
}

fn nothing(_: &mut Platform, _: &Call<'_>) -> Outcome {
    Ok(Json::Null)
}

/// Fixed paths stand before templates that would fit them too.
static OPERATIONS: &[Operation] = &[
    old("GET /gettoken", Door::Open(gettoken::get_token)).gives_token(),
    old("GET /get_jsapi_ticket", Door::App(jsapi::old_ticket)).needs("qyapi_base"),
    old("GET /auth/scopes", Door::App(auth_scopes::scopes)).needs("qyapi_base"),
    old("GET /sso/gettoken", Door::Open(sso::old_token)).gives_token(),
    old("GET /sso/getuserinfo", Door::Open(sso::old_user_info)),
    old("GET /user/getuserinfo", Door::App(user::old_user_info)).needs("qyapi_base"),
    old("POST /service/get_corp_token", Door::Open(service::corp_token)).gives_token(),
    old("POST /service/get_suite_token", Door::Open(service::suite_token)).gives_token(),
    old("POST /service/get_auth_info", Door::Open(service::auth_info)),
    old("POST /service/get_agent", Door::Open(service::agent)),
    old("POST /service/get_permanent_code", Door::Open(service::permanent_code)),
    old("POST /service/activate_suite", Door::Open(service::activate)),
    old("POST /call_back/register_call_back", Door::App(call_back::register)),
    old("POST /call_back/update_call_back", Door::App(call_back::update)),
    old("GET /call_back/get_call_back", Door::App(call_back::get)),
    old("GET /call_back/delete_call_back", Door::App(call_back::delete)),
    old("GET /call_back/get_call_back_failed_result", Door::App(call_back::failed)),
    old("POST /sns/getuserinfo_bycode", Door::Open(sns::user_info_by_code)),
    v1("GET /v1.0/oauth2/apps/authInfo", Door::App(service::auth_info_v1), None),
    topapi("POST /topapi/v2/user/get", user::get, "qyapi_get_member"),
    topapi("POST /topapi/v2/user/getuserinfo", user::get_user_info, "qyapi_base"),
    topapi("POST /topapi/v2/user/getbymobile", user::get_by_mobile, "qyapi_get_member_by_mobile"),
    topapi("POST /topapi/v2/user/list", user_list::list, "qyapi_get_department_member"),
    topapi("POST /topapi/user/getbyunionid", user::get_by_union_id, "qyapi_get_member"),
    topapi("POST /topapi/user/listsimple", user_list::list_simple, "qyapi_get_department_member"),
    topapi("POST /topapi/user/listid", user_list::list_id, "qyapi_get_member"),
    topapi("POST /topapi/v2/department/listsub", department::list_sub, "qyapi_get_department_list"),
    topapi("POST /topapi/v2/department/get", department::get, "qyapi_get_department_list"),
    topapi(
        "POST /topapi/v2/department/listsubid",
        department::list_sub_id,
        "qyapi_get_department_list",
    ),
    topapi(
        "POST /topapi/v2/department/listparentbyuser",
        department::list_parent_by_user,
        "qyapi_get_department_list",
    ),
    topapi(
        "POST /topapi/v2/department/listparentbydept",
        department::list_parent_by_dept,
        "qyapi_get_department_list",
    ),
    v1("POST /v1.0/gateway/connections/open", Door::Open(gateway::open_connection), None),
    v1("POST /v1.0/oauth2/accessToken", Door::Open(oauth2::access_token), None).gives_token(),
    v1("POST /v1.0/oauth2/userAccessToken", Door::Open(user_token::user_access_token), None)
        .gives_token(),
    v1("POST /v1.0/oauth2/corpAccessToken", Door::Open(oauth2::corp_access_token), None)
        .gives_token(),
    v1("POST /v1.0/oauth2/suiteAccessToken", Door::Open(oauth2::suite_access_token), None)
        .gives_token(),
    v1("POST /v1.0/oauth2/ssoAccessToken", Door::Open(sso::access_token), None).gives_token(),
    v1("POST /v1.0/oauth2/jsapiTickets", Door::App(jsapi::ticket), Some("qyapi_base")),
    v1("GET /v1.0/oauth2/ssoUserInfo", Door::Open(sso::user_info), None),
    v1("GET /v1.0/oauth2/authRules/user", Door::User(user_token::auth_rules), None),
    v1("POST /v1.0/oauth2/kickoffByDeviceId", Door::App(user_token::kick_off), None),
    v1("POST /v1.0/oauth2/{corpId}/token", Door::Open(oauth2::corp_token), None).gives_token(),
    v1(
        "POST /v1.0/contact/users/search",
        Door::App(search::users),
        Some("qyapi_addresslist_search"),
    ),
    v1(
        "POST /v1.0/contact/departments/search",
        Door::App(search::departments),
        Some("qyapi_addresslist_search"),
    ),
    v1(
        "GET /v1.0/contact/users/{unionId}",
        Door::User(contact_v1::user),
        Some("Contact.User.Read"),
    ),
    v1(
        "POST /v1.0/todo/users/me/personalTasks",
        Door::Either(todo::create_personal),
        Some("Todo.PersonalTodo.Write"),
    )
    .billed(),
    v1(
        "POST /v1.0/todo/users/{unionId}/tasks",
        Door::Either(todo::create),
        Some("Todo.Todo.Write"),
    )
    .billed(),
    v1(
        "GET /v1.0/todo/users/{unionId}/tasks/{taskId}",
        Door::Either(todo_query::get),
        Some("Todo.Todo.Read"),
    )
    .billed(),
    v1(
        "GET /v1.0/todo/users/{unionId}/tasks/sources/{sourceId}",
        Door::Either(todo_query::by_source),
        Some("Todo.Todo.Read"),
    )
    .billed(),
    v1(
        "PUT /v1.0/todo/users/{unionId}/tasks/{taskId}",
        Door::Either(todo::update),
        Some("Todo.Todo.Write"),
    )
    .billed(),
    v1(
        "PUT /v1.0/todo/users/{unionId}/tasks/{taskId}/executorStatus",
        Door::Either(todo::executor_status),
        Some("Todo.Todo.Write"),
    )
    .billed(),
    v1(
        "DELETE /v1.0/todo/users/{unionId}/tasks/{taskId}",
        Door::Either(todo::delete),
        Some("Todo.Todo.Write"),
    )
    .billed(),
    v1(
        "POST /v1.0/todo/users/{unionId}/org/tasks/query",
        Door::Either(todo_query::org_query),
        Some("Todo.Todo.Read"),
    )
    .billed(),
    v1(
        "POST /v1.0/todo/users/{unionId}/organizations/tasks/query",
        Door::Either(todo_lists::by_user),
        Some("Todo.Todo.Read"),
    )
    .billed(),
    v1(
        "POST /v1.0/todo/users/{unionId}/tasks/list",
        Door::Either(todo_lists::list),
        Some("Todo.Todo.Read"),
    )
    .billed(),
    v1(
        "PUT /v1.0/todo/users/me/tasks/{taskId}/update",
        Door::User(todo::update_own),
        Some("Todo.PersonalTodo.Write"),
    )
    .billed(),
    v1(
        "DELETE /v1.0/todo/users/me/tasks/{taskId}/remove",
        Door::User(todo::delete_own),
        Some("Todo.PersonalTodo.Write"),
    )
    .billed(),
];
