//! What is called: each operation is prepared, out of the faults' reach, and then called once.

use dingtalk_core::auth::{GetScopes, GetSsoUser, GetUserToken, ObtainToken};
use dingtalk_core::contact::{
    GetContactUser, GetUser, GetUserByCode, GetUserByMobile, ListSubDepartments, SearchUsers,
};
use dingtalk_core::jsapi::{GetTicketLegacy, ObtainTicket};
use dingtalk_core::todo::{
    CreatePersonalTask, CreateTask, DeleteTask, GetTask, QueryTasks, UpdateTask,
};
use dingtalk_core::{ActsAs, App, Endpoint, Error, Nobody, Secret, Suite, TaskId};

use crate::rule::Class;
use crate::stage::{
    APP, CLIENT_SECRET, Client, MOBILE, SUITE, SUITE_SECRET, Stage, USER, ticketed,
};

/// One operation as the matrix calls it.
#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) name: &'static str,
    pub(crate) class: Class,
    /// Method and path template of the request that is struck.
    pub(crate) struck: &'static str,
    /// The same of the token request under it.
    pub(crate) token: &'static str,
    pub(crate) prepare: fn(&Stage) -> Attempt,
}

type Call = Box<dyn Fn(&Client<'_>) -> Result<(), Error>>;

/// A call that is ready to be made.
pub(crate) struct Attempt {
    pub(crate) call: Call,
    /// What the credential prints of itself.
    pub(crate) shown: String,
    /// The one-time code or refresh token that it presents.
    pub(crate) code: Option<String>,
    /// A text that the platform's state holds once for each time that the write was executed.
    pub(crate) trace: Option<String>,
}

impl Attempt {
    fn of<C, E>(caller: C, endpoint: E) -> Self
    where
        C: ActsAs<E::Caller> + Clone + std::fmt::Debug + 'static,
        E: Endpoint + Clone + std::fmt::Debug + 'static,
        E::Output: Send + std::fmt::Debug,
    {
        let shown = format!("{caller:?} {caller:#?} {endpoint:?} {endpoint:#?}");
        let call = move |client: &Client<'_>| client.call(&caller, endpoint.clone()).map(drop);
        Self { call: Box::new(call), shown, code: None, trace: None }
    }

    fn with_code(mut self, code: impl Into<String>) -> Self {
        self.code = Some(code.into());
        self
    }

    fn with_trace(mut self, trace: String) -> Self {
        self.trace = Some(trace);
        self
    }
}

const APP_TOKEN: &str = "POST /v1.0/oauth2/accessToken";
const CORP_TOKEN: &str = "POST /v1.0/oauth2/{corpId}/token";
const USER_TOKEN: &str = "POST /v1.0/oauth2/userAccessToken";
const SSO_TOKEN: &str = "POST /v1.0/oauth2/ssoAccessToken";

pub(crate) const ALL: &[Operation] = &[
    read("person by id (topapi)", "POST /topapi/v2/user/get", |stage| {
        Attempt::of(stage.app(), GetUser::new(USER))
    }),
    read("person by mobile (topapi)", "POST /topapi/v2/user/getbymobile", |stage| {
        Attempt::of(stage.app(), GetUserByMobile::new(MOBILE))
    }),
    read("departments (topapi)", "POST /topapi/v2/department/listsub", |stage| {
        Attempt::of(stage.app(), ListSubDepartments::new(1))
    }),
    read("contact scope (old family)", "GET /auth/scopes", |stage| {
        Attempt::of(stage.app(), GetScopes::new())
    }),
    read("page ticket (old family)", "GET /get_jsapi_ticket", |stage| {
        Attempt::of(stage.app(), GetTicketLegacy::new())
    }),
    read("people searched (v1.0)", "POST /v1.0/contact/users/search", |stage| {
        Attempt::of(stage.app(), SearchUsers::new("林"))
    }),
    read("to-do (v1.0)", "GET /v1.0/todo/users/{unionId}/tasks/{taskId}", |stage| {
        let (owner, task) = task(stage);
        Attempt::of(stage.app(), GetTask::new(&*owner, task))
    }),
    read("to-dos (v1.0)", "POST /v1.0/todo/users/{unionId}/org/tasks/query", |stage| {
        let (owner, _) = task(stage);
        Attempt::of(stage.app(), QueryTasks::new(&*owner))
    }),
    Operation {
        token: USER_TOKEN,
        ..read("profile by the person (v1.0)", "GET /v1.0/contact/users/{unionId}", |stage| {
            Attempt::of(stage.person(), GetContactUser::me())
        })
    },
    token("app token", APP_TOKEN, |stage| Attempt::of(stage.cold_app(), ObtainToken::new())),
    token("app token, old way", "GET /gettoken", |stage| {
        let app = App::builder(APP, CLIENT_SECRET).region(stage.region()).by_gettoken();
        Attempt::of(app.build(), ObtainToken::new())
    }),
    token("app token, by organization", CORP_TOKEN, |stage| {
        let app = App::builder(APP, CLIENT_SECRET).region(stage.region());
        Attempt::of(app.by_organization(stage.corp_id()).build(), ObtainToken::new())
    }),
    token("organization's token", "POST /v1.0/oauth2/corpAccessToken", |stage| {
        Attempt::of(stage.suite().corp(stage.corp_id()), ObtainToken::new())
    }),
    token("organization's token, signed", "POST /service/get_corp_token", |stage| {
        let suite = Suite::builder(SUITE, SUITE_SECRET).region(stage.region()).by_signed_call();
        Attempt::of(ticketed(suite.build()).corp(stage.corp_id()), ObtainToken::new())
    }),
    token("suite's token", "POST /v1.0/oauth2/suiteAccessToken", |stage| {
        Attempt::of(stage.suite(), ObtainToken::new())
    }),
    token("sso token", SSO_TOKEN, |stage| Attempt::of(stage.cold_sso(), ObtainToken::new())),
    Operation {
        token: APP_TOKEN,
        ..token("page ticket", "POST /v1.0/oauth2/jsapiTickets", |stage| {
            Attempt::of(stage.app(), ObtainTicket::new())
        })
    },
    write("to-do created", "POST /v1.0/todo/users/{unionId}/tasks", |stage| {
        let (owner, subject) = (union_id(stage), subject());
        let create = CreateTask::new(&*owner, &*subject, "https://a.example");
        Attempt::of(stage.app(), create).with_trace(subject)
    }),
    write("to-do changed", "PUT /v1.0/todo/users/{unionId}/tasks/{taskId}", |stage| {
        let ((owner, task), subject) = (task(stage), subject());
        let update = UpdateTask::new(&*owner, task).subject(&*subject);
        Attempt::of(stage.app(), update).with_trace(subject)
    }),
    write("to-do deleted", "DELETE /v1.0/todo/users/{unionId}/tasks/{taskId}", |stage| {
        let (owner, task) = task(stage);
        Attempt::of(stage.app(), DeleteTask::new(&*owner, task))
    }),
    Operation {
        token: USER_TOKEN,
        ..write(
            "own to-do created by the person",
            "POST /v1.0/todo/users/me/personalTasks",
            |stage| {
                let subject = subject();
                let create = CreatePersonalTask::new(&*subject, [union_id(stage).as_str()]);
                Attempt::of(stage.person(), create).with_trace(subject)
            },
        )
    },
    code("silent login code", "POST /topapi/v2/user/getuserinfo", APP_TOKEN, |stage| {
        let code = stage.sandbox.silent_code(APP, USER).unwrap();
        Attempt::of(stage.app(), GetUserByCode::new(&*code)).with_code(code)
    }),
    code("sso code", "GET /v1.0/oauth2/ssoUserInfo", SSO_TOKEN, |stage| {
        let code = stage.sandbox.sso_code(USER).unwrap();
        Attempt::of(stage.sso(), GetSsoUser::new(&*code)).with_code(code)
    }),
    code("login code exchanged", USER_TOKEN, USER_TOKEN, |stage| {
        let code = stage.consent_code();
        let person = stage.cold_app().user_from_code(&*code);
        Attempt::of(person, ObtainToken::new()).with_code(code)
    }),
    code("login code exchanged by hand", USER_TOKEN, USER_TOKEN, |stage| {
        let code = stage.consent_code();
        let exchange = GetUserToken::from_code(APP, CLIENT_SECRET, &*code);
        Attempt::of(Nobody::in_region(stage.region()), exchange).with_code(code)
    }),
    code("session refreshed", USER_TOKEN, USER_TOKEN, |stage| {
        let person = stage.person();
        let token = person.tokens(dingtalk_tests::now()).refresh_token.unwrap();
        person.forget_token();
        Attempt::of(person, ObtainToken::new()).with_code(Secret::expose(&token))
    }),
];

type Prepare = fn(&Stage) -> Attempt;

const fn read(name: &'static str, struck: &'static str, prepare: Prepare) -> Operation {
    Operation { name, class: Class::Read, struck, token: APP_TOKEN, prepare }
}

const fn token(name: &'static str, struck: &'static str, prepare: Prepare) -> Operation {
    Operation { name, class: Class::Token, struck, token: struck, prepare }
}

const fn write(name: &'static str, struck: &'static str, prepare: Prepare) -> Operation {
    Operation { name, class: Class::Write, struck, token: APP_TOKEN, prepare }
}

const fn code(
    name: &'static str,
    struck: &'static str,
    token: &'static str,
    prepare: Prepare,
) -> Operation {
    Operation { name, class: Class::Code, struck, token, prepare }
}

fn subject() -> String {
    format!("todo-{}-once", Stage::number())
}

fn union_id(stage: &Stage) -> String {
    stage.sandbox.demo().union_id
}

/// A to-do of the administrator's.
fn task(stage: &Stage) -> (String, TaskId) {
    let owner = union_id(stage);
    let create = CreateTask::new(&*owner, subject(), "https://a.example");
    let made = stage.direct.call(&stage.cold_app(), create.executor_ids([&*owner])).unwrap();
    (owner, made.id)
}
