//! One request for every operation that works against the demo company. A new operation without one fails the contract.

use dingtalk_sandbox::{BrowserLogin, Sandbox};
use http::Request;
use serde_json::{Map, Value, json};

use crate::auth_page::nonce;
use crate::events::{KEY, callback_server, http, success_of_demo_corp};
use crate::suites::signed_query;
use crate::support::{
    Answer, app_token, exchange, get, oauth_code, parameter, send, suite_corp_token, topapi, v1,
};
use crate::vendor::{listener, take};

/// A request, still in parts, so that a test may spoil one of them.
#[derive(Clone, Debug)]
pub(crate) struct Example {
    pub(crate) operation: String,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: Vec<(String, String)>,
    /// Put where the family looks for it.
    pub(crate) token: Option<String>,
    pub(crate) body: Option<Map<String, Value>>,
    /// A form instead of JSON.
    pub(crate) form: Vec<(String, String)>,
}

impl Example {
    pub(crate) fn is_v1(&self) -> bool {
        self.path.starts_with("/v1.0/")
    }

    pub(crate) fn is_topapi(&self) -> bool {
        self.path.starts_with("/topapi/")
    }

    pub(crate) fn uri(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(&self.query);
        if let Some(token) = self.token.as_ref().filter(|_| !self.is_v1()) {
            query.append_pair("access_token", token);
        }
        format!("{}?{}", self.path, query.finish())
    }

    pub(crate) fn headers(&self) -> Vec<(&'static str, String)> {
        let mut headers = Vec::new();
        if self.body.is_some() {
            headers.push(("content-type", "application/json; charset=utf-8".to_owned()));
        } else if !self.form.is_empty() {
            headers.push(("content-type", "application/x-www-form-urlencoded".to_owned()));
        }
        if self.path == "/connect" {
            headers.extend([
                ("connection", "Upgrade".to_owned()),
                ("upgrade", "websocket".to_owned()),
                ("sec-websocket-version", "13".to_owned()),
                ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==".to_owned()),
            ]);
        }
        if let Some(token) = self.token.clone().filter(|_| self.is_v1()) {
            headers.push(("x-acs-dingtalk-access-token", token));
        }
        headers
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        match &self.body {
            Some(body) => serde_json::to_vec(body).expect("it is JSON"),
            None => {
                let mut form = form_urlencoded::Serializer::new(String::new());
                form.extend_pairs(&self.form);
                form.finish().into_bytes()
            }
        }
    }

    pub(crate) fn send(&self, sandbox: &Sandbox) -> Answer {
        let headers = self.headers();
        let headers: Vec<_> = headers.iter().map(|(name, text)| (*name, text.as_str())).collect();
        send(sandbox, &self.method, &self.uri(), &headers, &self.bytes())
    }

    fn query(mut self, pairs: &[(&str, &str)]) -> Self {
        self.query.extend(pairs.iter().map(|(name, text)| ((*name).into(), (*text).into())));
        self
    }

    fn body(mut self, body: Value) -> Self {
        self.body = body.as_object().cloned();
        self
    }

    fn token(mut self, token: String) -> Self {
        self.token = Some(token);
        self
    }
}

/// What the sandbox says of all its operations.
pub(crate) fn operations(sandbox: &Sandbox) -> Vec<Value> {
    let request = Request::get("/_sandbox/v1/fidelity").body(Vec::new()).expect("a request");
    let answer = sandbox.control(request);
    assert_eq!(answer.status(), 200);
    let told: Value = serde_json::from_slice(answer.body()).expect("JSON");
    told["operations"].as_array().expect("a list").clone()
}

/// A request for this operation that will succeed, with all that must be there before it.
pub(crate) fn example(sandbox: &Sandbox, operation: &str) -> Example {
    let (method, template) = operation.split_once(' ').expect("method and path");
    let bare = Example {
        operation: operation.into(),
        method: method.into(),
        path: template.into(),
        query: Vec::new(),
        token: None,
        body: None,
        form: Vec::new(),
    };
    if template.starts_with("/topapi/") {
        topapi_example(sandbox, bare)
    } else if template.starts_with("/v1.0/todo/") {
        todo_example(sandbox, bare)
    } else if template.starts_with("/v1.0/") {
        v1_example(sandbox, bare)
    } else if template.starts_with("/oauth2/")
        || template.starts_with("/dingding/")
        || template == "/connect"
    {
        page_example(sandbox, bare)
    } else {
        old_example(sandbox, bare)
    }
}

fn old_example(sandbox: &Sandbox, bare: Example) -> Example {
    let demo = sandbox.demo();
    let (corp, key, user) = (demo.corp_id.as_str(), demo.suite_key.as_str(), demo.user_id.as_str());
    let app = || app_token(sandbox);
    let callback = |url: &str| json!({ "call_back_tag": ["user_add_org"], "token": "tokenExample1", "aes_key": KEY, "url": url });
    let listener = || {
        let reply = http(&success_of_demo_corp());
        callback_server(vec![reply.clone(), reply]).0
    };
    match bare.operation.as_str() {
        "GET /gettoken" => {
            bare.query(&[("appkey", &demo.client_id), ("appsecret", &demo.client_secret)])
        }
        "GET /get_jsapi_ticket" | "GET /auth/scopes" => bare.token(app()),
        "GET /sso/gettoken" => bare.query(&[("corpid", corp), ("corpsecret", &demo.sso_secret)]),
        "GET /sso/getuserinfo" => {
            let token = format!("/sso/gettoken?corpid={corp}&corpsecret={}", demo.sso_secret);
            let token = get(sandbox, &token).str("/access_token").to_owned();
            bare.query(&[("code", &sandbox.sso_code(user).expect("a code"))]).token(token)
        }
        "GET /user/getuserinfo" => {
            let code = sandbox.silent_code(&demo.client_id, user).expect("a code");
            bare.query(&[("code", &code)]).token(app())
        }
        "POST /service/get_suite_token" => bare.body(suite_secrets(sandbox)),
        "POST /service/get_corp_token" | "POST /service/get_auth_info" => {
            let ticket = sandbox.suite_ticket(key).expect("a suite");
            let now = sandbox.clock().now().to_string();
            let query = signed_query(key, &demo.suite_secret, &now, Some(&ticket));
            let query = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
            Example { query, ..bare.body(json!({ "auth_corpid": corp })) }
        }
        "POST /service/get_agent" => {
            let token = json_post(sandbox, "/service/get_suite_token", &suite_secrets(sandbox));
            let uri = format!("/v1.0/oauth2/apps/authInfo?authCorpId={corp}");
            let info = v1(sandbox, "GET", &uri, &suite_corp_token(sandbox), "");
            let agent = &info.json["authAppInfo"]["agentList"][0]["agentId"];
            bare.query(&[("suite_access_token", token.str("/suite_access_token"))])
                .body(json!({ "suite_key": key, "auth_corpid": corp, "agentid": agent }))
        }
        "POST /service/get_permanent_code" => {
            let token = json_post(sandbox, "/service/get_suite_token", &suite_secrets(sandbox));
            bare.query(&[("suite_access_token", token.str("/suite_access_token"))])
                .body(json!({ "tmp_auth_code": temporary_code(sandbox) }))
        }
        "POST /service/activate_suite" => {
            let token = json_post(sandbox, "/service/get_suite_token", &suite_secrets(sandbox));
            let token = token.str("/suite_access_token");
            let uri = format!("/service/get_permanent_code?suite_access_token={token}");
            let body = json!({ "tmp_auth_code": temporary_code(sandbox) });
            let permanent = json_post(sandbox, &uri, &body);
            bare.query(&[("suite_access_token", token)]).body(json!({
                "suite_key": key,
                "auth_corpid": corp,
                "permanent_code": permanent.str("/permanent_code"),
            }))
        }
        "POST /call_back/register_call_back" => {
            get(sandbox, &format!("/call_back/delete_call_back?access_token={}", app()));
            bare.token(app()).body(callback(&listener()))
        }
        "POST /call_back/update_call_back"
        | "GET /call_back/get_call_back"
        | "GET /call_back/delete_call_back" => {
            let url = listener();
            let uri = format!("/call_back/register_call_back?access_token={}", app());
            let registered = json_post(sandbox, &uri, &callback(&url)).errcode();
            assert!(matches!(registered, 0 | 71006), "{registered}");
            let changes = bare.method == "POST";
            let bare = bare.token(app());
            if changes { bare.body(callback(&url)) } else { bare }
        }
        "GET /call_back/get_call_back_failed_result" => bare.token(app()),
        "POST /sns/getuserinfo_bycode" => {
            let code = sandbox.sns_code(&demo.client_id, user).expect("a code");
            let now = sandbox.clock().now().to_string();
            let query = signed_query(&demo.client_id, &demo.client_secret, &now, None);
            let query = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
            Example { query, ..bare.body(json!({ "tmp_auth_code": code })) }
        }
        other => panic!("no example for {other}: add one here"),
    }
}

fn topapi_example(sandbox: &Sandbox, bare: Example) -> Example {
    let demo = sandbox.demo();
    let bare = bare.token(app_token(sandbox));
    let page = json!({ "dept_id": demo.dept_id, "cursor": 0, "size": 10 });
    let body = match bare.operation.as_str() {
        "POST /topapi/v2/user/get" => json!({ "userid": demo.user_id, "language": "zh_CN" }),
        "POST /topapi/v2/user/getuserinfo" => {
            let code = sandbox.silent_code(&demo.client_id, &demo.user_id).expect("a code");
            json!({ "code": code })
        }
        "POST /topapi/v2/user/getbymobile" => json!({ "mobile": demo.mobile }),
        "POST /topapi/v2/user/list" | "POST /topapi/user/listsimple" => page,
        "POST /topapi/user/getbyunionid" => json!({ "unionid": demo.union_id }),
        "POST /topapi/user/listid"
        | "POST /topapi/v2/department/listsub"
        | "POST /topapi/v2/department/get"
        | "POST /topapi/v2/department/listsubid"
        | "POST /topapi/v2/department/listparentbydept" => json!({ "dept_id": demo.dept_id }),
        "POST /topapi/v2/department/listparentbyuser" => json!({ "userid": demo.user_id }),
        other => panic!("no example for {other}: add one here"),
    };
    bare.body(body)
}

fn v1_example(sandbox: &Sandbox, bare: Example) -> Example {
    let demo = sandbox.demo();
    let suite = |with_corp: bool| {
        let mut body = json!({ "suiteKey": demo.suite_key, "suiteSecret": demo.suite_secret });
        body["suiteTicket"] = sandbox.suite_ticket(&demo.suite_key).expect("a suite").into();
        if with_corp {
            body["authCorpId"] = demo.corp_id.clone().into();
        }
        body
    };
    let search = |word: &str| json!({ "queryWord": word, "offset": 0, "size": 10 });
    match bare.operation.as_str() {
        "POST /v1.0/oauth2/accessToken" => {
            bare.body(json!({ "appKey": demo.client_id, "appSecret": demo.client_secret }))
        }
        "POST /v1.0/oauth2/{corpId}/token" => {
            Example { path: format!("/v1.0/oauth2/{}/token", demo.corp_id), ..bare }.body(json!({
                "client_id": demo.client_id,
                "client_secret": demo.client_secret,
                "grant_type": "client_credentials",
            }))
        }
        "POST /v1.0/oauth2/userAccessToken" => bare.body(json!({
            "clientId": demo.client_id,
            "clientSecret": demo.client_secret,
            "grantType": "authorization_code",
            "code": oauth_code(sandbox, "openid corpid"),
        })),
        "POST /v1.0/oauth2/corpAccessToken" => bare.body(suite(true)),
        "POST /v1.0/oauth2/suiteAccessToken" => bare.body(suite(false)),
        "POST /v1.0/oauth2/ssoAccessToken" => {
            bare.body(json!({ "corpid": demo.corp_id, "ssoSecret": demo.sso_secret }))
        }
        "GET /v1.0/oauth2/ssoUserInfo" => {
            let body = json!({ "corpid": demo.corp_id, "ssoSecret": demo.sso_secret });
            let token = json_post(sandbox, "/v1.0/oauth2/ssoAccessToken", &body);
            let code = sandbox.sso_code(&demo.user_id).expect("a code");
            bare.query(&[("code", &code)]).token(token.str("/accessToken").to_owned())
        }
        "POST /v1.0/oauth2/jsapiTickets" => bare.token(app_token(sandbox)),
        "GET /v1.0/oauth2/authRules/user" => bare.token(consenting_token(sandbox)),
        "POST /v1.0/oauth2/kickoffByDeviceId" => {
            let code = sandbox.silent_code(&demo.client_id, &demo.user_id).expect("a code");
            let body = json!({ "code": code }).to_string();
            let person = topapi(sandbox, "v2/user/getuserinfo", &app_token(sandbox), &body);
            bare.token(app_token(sandbox)).body(
                json!({ "openDeviceId": person.str("/result/device_id"), "userId": demo.user_id }),
            )
        }
        "GET /v1.0/oauth2/apps/authInfo" => {
            bare.query(&[("authCorpId", &demo.corp_id)]).token(suite_corp_token(sandbox))
        }
        "POST /v1.0/contact/users/search" => bare.token(app_token(sandbox)).body(search("周")),
        "POST /v1.0/contact/departments/search" => {
            bare.token(app_token(sandbox)).body(search("部"))
        }
        "GET /v1.0/contact/users/{unionId}" => {
            let path = "/v1.0/contact/users/me".to_owned();
            Example { path, ..bare }.token(consenting_token(sandbox))
        }
        "POST /v1.0/gateway/connections/open" => bare.body(stream_opening(sandbox)),
        other => panic!("no example for {other}: add one here"),
    }
}

/// The code that the vendor of the suite is told when the organization opens its app anew.
fn temporary_code(sandbox: &Sandbox) -> String {
    let demo = sandbox.demo();
    let (callback, seen) = listener();
    sandbox.subscribe(&demo.suite_key, callback).expect("it says success");
    sandbox.revoke_authorization(&demo.suite_key, &demo.corp_id);
    sandbox.authorize(&demo.suite_key, &demo.corp_id).expect("both exist");
    let code = take(&seen).pop().expect("an event")["AuthCode"].as_str().map(str::to_owned);
    code.expect("a code")
}

fn stream_opening(sandbox: &Sandbox) -> Value {
    let demo = sandbox.demo();
    json!({
        "clientId": demo.client_id,
        "clientSecret": demo.client_secret,
        "subscriptions": [{ "type": "EVENT", "topic": "*" }],
        "ua": "test",
        "localIp": "127.0.0.1",
    })
}

fn todo_example(sandbox: &Sandbox, bare: Example) -> Example {
    let demo = sandbox.demo();
    let union_id = demo.union_id.as_str();
    let app = app_token(sandbox);
    // A text that no task has yet, because the token above was a request more.
    let source = format!("s-{}", sandbox.journal().total());
    let task = json!({
        "sourceId": source,
        "subject": "复核工时",
        "creatorId": union_id,
        "description": "三月",
        "dueTime": 1_772_683_200_000_i64,
        "executorIds": [union_id],
        "participantIds": [demo.member_union_id],
        "detailUrl": { "appUrl": "https://app.example.com/m", "pcUrl": "https://app.example.com/t" },
        "contentFieldList": [{ "fieldKey": "项目", "fieldValue": "海棠" }],
        "isOnlyShowExecutor": true,
        "priority": 20,
        "notifyConfigs": { "dingNotify": "1" },
    });
    let create = || {
        let uri = format!("/v1.0/todo/users/{union_id}/tasks");
        v1(sandbox, "POST", &uri, &app, &task.to_string()).str("/id").to_owned()
    };
    let personal = json!({ "subject": "买票", "executorIds": [union_id] });
    let create_personal = |token: &str| {
        let path = "/v1.0/todo/users/me/personalTasks";
        v1(sandbox, "POST", path, token, &personal.to_string()).str("/taskId").to_owned()
    };
    let at = |bare: Example, id: &str| {
        let path = bare.path.replace("{unionId}", union_id).replace("{taskId}", id);
        Example { path: path.replace("{sourceId}", &source), ..bare }
    };
    let query = json!({
        "nextToken": "0", "isDone": false, "roleTypes": [["executor"], ["creator"]], "todoType": "TODO",
    });
    match bare.operation.as_str() {
        "POST /v1.0/todo/users/me/personalTasks" => {
            bare.token(consenting_token(sandbox)).body(personal)
        }
        "PUT /v1.0/todo/users/me/tasks/{taskId}/update" => {
            let token = consenting_token(sandbox);
            let id = create_personal(&token);
            at(bare, &id).token(token).body(json!({ "subject": "改", "done": true }))
        }
        "DELETE /v1.0/todo/users/me/tasks/{taskId}/remove" => {
            let token = consenting_token(sandbox);
            let id = create_personal(&token);
            at(bare, &id).token(token)
        }
        "POST /v1.0/todo/users/{unionId}/tasks" => {
            at(bare, "").query(&[("operatorId", union_id)]).token(app).body(task)
        }
        "GET /v1.0/todo/users/{unionId}/tasks/{taskId}"
        | "GET /v1.0/todo/users/{unionId}/tasks/sources/{sourceId}"
        | "DELETE /v1.0/todo/users/{unionId}/tasks/{taskId}" => at(bare, &create()).token(app),
        "PUT /v1.0/todo/users/{unionId}/tasks/{taskId}" => {
            at(bare, &create()).token(app).body(json!({ "subject": "改", "done": true }))
        }
        "PUT /v1.0/todo/users/{unionId}/tasks/{taskId}/executorStatus" => at(bare, &create())
            .token(app)
            .body(json!({ "executorStatusList": [{ "id": union_id, "isDone": true }] })),
        "POST /v1.0/todo/users/{unionId}/org/tasks/query" => {
            at(bare, &create()).token(app).body(query)
        }
        "POST /v1.0/todo/users/{unionId}/organizations/tasks/query" => {
            let mut body = query;
            body["maxResults"] = 1.into();
            body["subject"] = "复核".into();
            body["orderBy"] = "dueTime".into();
            body["orderDirection"] = "asc".into();
            create();
            let source = json!(format!("{source}-2"));
            let mut second = task.clone();
            second["sourceId"] = source;
            let uri = format!("/v1.0/todo/users/{union_id}/tasks");
            v1(sandbox, "POST", &uri, &app, &second.to_string());
            at(bare, "").token(app).body(body)
        }
        "POST /v1.0/todo/users/{unionId}/tasks/list" => {
            let span = json!({ "fromDueTime": 0, "toDueTime": 1_900_000_000_000_i64 });
            at(bare, &create()).token(app).body(span)
        }
        other => panic!("no example for {other}: add one here"),
    }
}

fn page_example(sandbox: &Sandbox, bare: Example) -> Example {
    let demo = sandbox.demo();
    let login = [
        ("redirect_uri", demo.redirect_uri.as_str()),
        ("response_type", "code"),
        ("client_id", &demo.client_id),
        ("scope", "openid"),
        ("prompt", "consent"),
        ("state", "s"),
    ];
    let consent = [
        ("type", "0"),
        ("clientId", demo.client_id.as_str()),
        ("corpId", &demo.corp_id),
        ("rpcScope", "Contact.User.Read"),
        ("fieldScope", "Contact.User.mobile"),
    ];
    match bare.operation.as_str() {
        "GET /oauth2/auth" | "GET /oauth2/challenge.htm" => bare.query(&login),
        "GET /dingding/h5-common-authority/auth/index.html" => bare.query(&consent),
        "GET /dingding/h5-common-authority/pages/cancel" => {
            bare.query(&[("clientId", &demo.client_id), ("corpId", &demo.corp_id)])
        }
        "GET /connect" => {
            let opened =
                json_post(sandbox, "/v1.0/gateway/connections/open", &stream_opening(sandbox));
            bare.query(&[("ticket", opened.str("/ticket"))])
        }
        "POST /oauth2/auth" => filled_in(sandbox, bare, &login, true),
        "POST /dingding/h5-common-authority/auth/index.html"
        | "POST /dingding/h5-common-authority/pages/cancel" => {
            filled_in(sandbox, bare, &consent, false)
        }
        other => panic!("no example for {other}: add one here"),
    }
}

/// The form of a page as its reader sends it: who is there, and what only the page knows.
fn filled_in(sandbox: &Sandbox, bare: Example, of: &[(&str, &str)], approves: bool) -> Example {
    let shown = Example { method: "GET".into(), ..bare.clone() }.query(of).send(sandbox);
    let mut form = vec![("nonce".into(), nonce(&shown)), ("user".into(), sandbox.demo().user_id)];
    form.extend(approves.then(|| ("decision".into(), "approve".into())));
    Example { form, ..bare }
}

/// A token of a person who has consented to all that the app asks for.
fn consenting_token(sandbox: &Sandbox) -> String {
    let demo = sandbox.demo();
    let login = BrowserLogin::new(demo.client_id, demo.redirect_uri, demo.user_id);
    let url = sandbox.login(&login).expect("the demo's administrator may log in");
    let code = parameter(&url, "authCode").expect("the callback has a code");
    exchange(sandbox, &code).str("/accessToken").to_owned()
}

fn suite_secrets(sandbox: &Sandbox) -> Value {
    let demo = sandbox.demo();
    let ticket = sandbox.suite_ticket(&demo.suite_key).expect("a suite");
    json!({ "suite_key": demo.suite_key, "suite_secret": demo.suite_secret, "suite_ticket": ticket })
}

fn json_post(sandbox: &Sandbox, uri: &str, body: &Value) -> Answer {
    let json = [("content-type", "application/json")];
    send(sandbox, "POST", uri, &json, body.to_string().as_bytes())
}
