//! What each interface takes, by the pages that describe it (wire-facts §2–§9), and its newer twin if it has one.

use std::collections::HashMap;
use std::sync::LazyLock;

/// The top-level names of an interface's query and body, and what to call instead.
#[derive(Debug)]
pub(crate) struct Interface {
    pub(crate) takes: &'static [&'static str],
    pub(crate) newer: Option<&'static str>,
}

/// Finds an interface by its operation's name.
pub(crate) fn find(operation: &str) -> Option<&'static Interface> {
    static BY_NAME: LazyLock<HashMap<&'static str, Interface>> = LazyLock::new(|| {
        let same = INTERFACES.iter().map(|(name, takes)| (*name, *takes, None));
        let twins = OLD.iter().map(|(name, takes, newer)| (*name, *takes, Some(*newer)));
        same.chain(twins).map(|(name, takes, newer)| (name, Interface { takes, newer })).collect()
    });
    BY_NAME.get(operation)
}

const SIGNED: &[&str] = &[
    "accessKey",
    "timestamp",
    "suiteTicket",
    "signature",
    "corpId",
    "suite_access_token",
    "auth_corpid",
    "suite_key",
    "agentid",
];
const CALLBACK: &[&str] = &["access_token", "call_back_tag", "token", "aes_key", "url"];

static OLD: [(&str, &[&str], &str); 11] = [
    (
        "GET /gettoken",
        &["appkey", "appsecret", "corpid", "corpsecret"],
        "POST /v1.0/oauth2/accessToken",
    ),
    ("GET /get_jsapi_ticket", &["access_token", "type"], "POST /v1.0/oauth2/jsapiTickets"),
    ("GET /sso/gettoken", &["corpid", "corpsecret"], "POST /v1.0/oauth2/ssoAccessToken"),
    ("GET /sso/getuserinfo", &["code", "access_token"], "GET /v1.0/oauth2/ssoUserInfo"),
    ("GET /user/getuserinfo", &["code", "access_token"], "POST /topapi/v2/user/getuserinfo"),
    ("POST /service/get_corp_token", SIGNED, "POST /v1.0/oauth2/corpAccessToken"),
    (
        "POST /service/get_suite_token",
        &["suite_key", "suite_secret", "suite_ticket"],
        "POST /v1.0/oauth2/suiteAccessToken",
    ),
    ("POST /service/get_auth_info", SIGNED, "GET /v1.0/oauth2/apps/authInfo"),
    (
        "POST /sns/getuserinfo_bycode",
        &["accessKey", "timestamp", "signature", "tmp_auth_code"],
        "POST /v1.0/oauth2/userAccessToken and GET /v1.0/contact/users/{unionId}",
    ),
    ("POST /call_back/register_call_back", CALLBACK, "the console's event settings, or Stream"),
    ("POST /call_back/update_call_back", CALLBACK, "the console's event settings, or Stream"),
];

const PEOPLE: &[&str] = &[
    "access_token",
    "dept_id",
    "cursor",
    "size",
    "order_field",
    "contain_access_limit",
    "language",
];
const DEPARTMENT: &[&str] = &["access_token", "dept_id", "language"];
const SUITE: &[&str] = &["suiteKey", "suiteSecret", "suiteTicket"];
const SEARCH: &[&str] = &["queryWord", "offset", "size", "fullMatchField"];
const TASK: &[&str] = &[
    "operatorId",
    "sourceId",
    "subject",
    "creatorId",
    "description",
    "dueTime",
    "executorIds",
    "participantIds",
    "detailUrl",
    "contentFieldList",
    "isOnlyShowExecutor",
    "priority",
    "notifyConfigs",
    "remindNotifyConfigs",
    "reminderTimeStamp",
    "bizCategoryId",
    "actionList",
    "todoType",
    "thirdExtension",
];
const CHANGE: &[&str] = &[
    "operatorId",
    "subject",
    "description",
    "dueTime",
    "done",
    "executorIds",
    "participantIds",
    "contentFieldList",
];

static INTERFACES: [(&str, &[&str]); 46] = [
    ("POST /service/get_permanent_code", &["suite_access_token", "tmp_auth_code"]),
    (
        "POST /service/activate_suite",
        &["suite_access_token", "suite_key", "auth_corpid", "permanent_code"],
    ),
    ("GET /auth/scopes", &["access_token"]),
    ("POST /service/get_agent", SIGNED),
    ("GET /call_back/get_call_back", &["access_token"]),
    ("GET /call_back/delete_call_back", &["access_token"]),
    ("GET /call_back/get_call_back_failed_result", &["access_token"]),
    ("GET /v1.0/oauth2/apps/authInfo", &["authCorpId"]),
    ("POST /topapi/v2/user/get", &["access_token", "userid", "language"]),
    ("POST /topapi/v2/user/getuserinfo", &["access_token", "code"]),
    (
        "POST /topapi/v2/user/getbymobile",
        &["access_token", "mobile", "support_exclusive_account_search"],
    ),
    ("POST /topapi/v2/user/list", PEOPLE),
    ("POST /topapi/user/getbyunionid", &["access_token", "unionid"]),
    ("POST /topapi/user/listsimple", PEOPLE),
    ("POST /topapi/user/listid", &["access_token", "dept_id"]),
    ("POST /topapi/v2/department/listsub", DEPARTMENT),
    ("POST /topapi/v2/department/get", DEPARTMENT),
    ("POST /topapi/v2/department/listsubid", &["access_token", "dept_id"]),
    ("POST /topapi/v2/department/listparentbyuser", &["access_token", "userid"]),
    ("POST /topapi/v2/department/listparentbydept", &["access_token", "dept_id"]),
    ("POST /v1.0/oauth2/accessToken", &["appKey", "appSecret"]),
    (
        "POST /v1.0/oauth2/userAccessToken",
        &["clientId", "clientSecret", "grantType", "code", "refreshToken"],
    ),
    (
        "POST /v1.0/oauth2/corpAccessToken",
        &["suiteKey", "suiteSecret", "suiteTicket", "authCorpId"],
    ),
    ("POST /v1.0/oauth2/suiteAccessToken", SUITE),
    ("POST /v1.0/oauth2/ssoAccessToken", &["corpid", "ssoSecret"]),
    ("POST /v1.0/oauth2/jsapiTickets", &[]),
    ("GET /v1.0/oauth2/ssoUserInfo", &["code"]),
    ("GET /v1.0/oauth2/authRules/user", &[]),
    ("POST /v1.0/oauth2/{corpId}/token", &["client_id", "client_secret", "grant_type"]),
    ("POST /v1.0/oauth2/kickoffByDeviceId", &["openDeviceId", "userId"]),
    (
        "POST /v1.0/gateway/connections/open",
        &["clientId", "clientSecret", "subscriptions", "ua", "localIp", "extras"],
    ),
    ("POST /v1.0/contact/users/search", SEARCH),
    ("POST /v1.0/contact/departments/search", SEARCH),
    ("GET /v1.0/contact/users/{unionId}", &[]),
    ("POST /v1.0/todo/users/me/personalTasks", TASK),
    ("POST /v1.0/todo/users/{unionId}/tasks", TASK),
    ("GET /v1.0/todo/users/{unionId}/tasks/{taskId}", &[]),
    ("GET /v1.0/todo/users/{unionId}/tasks/sources/{sourceId}", &[]),
    ("PUT /v1.0/todo/users/{unionId}/tasks/{taskId}", CHANGE),
    (
        "PUT /v1.0/todo/users/{unionId}/tasks/{taskId}/executorStatus",
        &["operatorId", "executorStatusList"],
    ),
    ("DELETE /v1.0/todo/users/{unionId}/tasks/{taskId}", &["operatorId"]),
    (
        "POST /v1.0/todo/users/{unionId}/org/tasks/query",
        &["nextToken", "isDone", "roleTypes", "todoType"],
    ),
    (
        "POST /v1.0/todo/users/{unionId}/organizations/tasks/query",
        &[
            "nextToken",
            "isDone",
            "roleTypes",
            "todoType",
            "subject",
            "fromDueTime",
            "toDueTime",
            "orderBy",
            "orderDirection",
            "maxResults",
            "needPersonalTodo",
        ],
    ),
    (
        "POST /v1.0/todo/users/{unionId}/tasks/list",
        &[
            "category",
            "isRecycled",
            "fromDueTime",
            "toDueTime",
            "orderBy",
            "orderDirection",
            "isDone",
            "roleTypes",
            "nextToken",
        ],
    ),
    ("PUT /v1.0/todo/users/me/tasks/{taskId}/update", CHANGE),
    ("DELETE /v1.0/todo/users/me/tasks/{taskId}/remove", &[]),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routes;

    #[test]
    fn every_interface_of_the_platform_is_described_and_no_other() {
        let described = INTERFACES.iter().map(|it| it.0).chain(OLD.iter().map(|it| it.0));
        let mut described: Vec<&str> = described.collect();
        let mut served = routes::names();
        described.sort_unstable();
        served.sort_unstable();
        assert_eq!(described, served);
    }

    #[test]
    fn no_interface_takes_more_names_than_are_counted() {
        assert!(INTERFACES.iter().all(|(_, takes)| takes.len() <= 64));
    }
}
