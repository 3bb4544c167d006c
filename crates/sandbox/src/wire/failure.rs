//! What can go wrong with a call, and each family's words for it (wire-facts §1.6, §11).

use std::borrow::Cow;
use std::sync::Arc;

use super::Family;
use super::json::{Json, Object};
use super::language::in_english;
use crate::clock::china_time;
use crate::limits::{Over, Whose};
use crate::rng::Rng;
use crate::switches::{Language, Switches};

/// §11.2: 50003, in our own words.
const APP_STOPPED: &str = "应用已停用";

/// Why a call is not answered with its result.
#[derive(Clone, Debug)]
pub(crate) enum Failure {
    /// A business answer of family A or B: `{errcode, errmsg}`, in B with a `request_id` and **not** inside 88.
    Business(i64, Cow<'static, str>),
    /// A business answer of family C: key order `requestid, code, message`.
    Service { status: u16, code: Cow<'static, str>, message: Cow<'static, str> },
    /// What the gateway in front of the business refuses, before anything is executed.
    Refused(Refusal),
    /// Any code in topapi's wrapper.
    SubCode(i64, Cow<'static, str>),
    /// A refusal in topapi's wrapper, from a call of another family (wire-facts §3.8).
    Wrapped(Refusal),
}

/// The gateway's refusals; each family has its own body for them.
#[derive(Clone, Debug)]
pub(crate) enum Refusal {
    TokenBlank,
    TokenDead,
    /// The organization has stopped the app.
    AppStopped,
    PointMissing {
        client: Arc<str>,
        point: Cow<'static, str>,
    },
    /// One app's calls, by whatever way they are counted.
    AppThrottled {
        api: String,
        over: Over,
        at: u64,
    },
    ApiThrottled {
        api: String,
        limit: u64,
        at: u64,
    },
    QuotaUsed,
    IpNotAllowed {
        ip: String,
        client: Arc<str>,
    },
    Busy,
    ServiceThrottled,
    ServiceUnavailable,
    ServiceTimeout,
    /// No such path; topapi names the API by the path.
    UnknownApi {
        api: String,
    },
    WrongMethod {
        wanted: &'static str,
    },
    BodyMissing,
    BodyUnreadable,
    FieldMissing(&'static str),
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl Failure {
    /// Whether the caller is told to come back later.
    pub(crate) fn is_throttle(&self) -> bool {
        matches!(
            self,
            Self::Refused(
                Refusal::AppThrottled { .. }
                    | Refusal::ApiThrottled { .. }
                    | Refusal::ServiceThrottled
            )
        )
    }

    pub(crate) fn business(errcode: i64, errmsg: impl Into<Cow<'static, str>>) -> Self {
        Self::Business(errcode, errmsg.into())
    }

    pub(crate) fn service(
        status: u16,
        code: &'static str,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::Service { status, code: code.into(), message: message.into() }
    }

    /// §6: 400002, an argument is absent or of the wrong type.
    pub(crate) fn bad_argument() -> Self {
        Self::business(400_002, "无效的参数")
    }

    pub(crate) fn no_such_user() -> Self {
        Self::business(60121, "找不到该用户")
    }

    pub(crate) fn no_such_department() -> Self {
        Self::business(60003, "部门不存在")
    }

    /// §11.2: 50002, the person exists but lies outside the app's contact scope.
    pub(crate) fn user_out_of_scope() -> Self {
        Self::business(50002, "请求的员工userid不在授权范围内")
    }

    /// §11.2: 50003, the organization has stopped the app.
    pub(crate) fn app_stopped() -> Self {
        Self::business(50003, APP_STOPPED)
    }

    /// §11.2: 50004, the department lies outside the app's contact scope.
    pub(crate) fn department_out_of_scope() -> Self {
        Self::business(50004, "请求的部门id不在授权范围内")
    }

    /// §6.2, §11.2: 40078, one errcode for unknown, used, expired and foreign codes.
    pub(crate) fn dead_code() -> Self {
        Self::business(40078, "不存在的临时授权码")
    }
}

/// The status, body and journal code of a failed call.
pub(crate) fn rendered(
    family: Family,
    failure: Failure,
    rng: &mut Rng,
    switches: &Switches,
    call_id: &str,
) -> (u16, Json, Option<Cow<'static, str>>) {
    let speak = |text: Cow<'static, str>| match switches.language {
        Language::Chinese => text,
        Language::English => in_english(text),
    };
    match failure {
        Failure::Business(errcode, errmsg) => numeric(family, errcode, speak(errmsg), rng),
        Failure::Service { status, code, message } => {
            let body = Object::new()
                .put("requestid", call_id.to_owned())
                .put("code", code.clone())
                .put("message", speak(message))
                .done();
            (status, body, Some(code))
        }
        Failure::SubCode(code, message) => in_88(code.to_string().into(), speak(message), rng),
        Failure::Wrapped(refusal) => in_topapi(refusal, rng, speak),
        Failure::Refused(refusal) => match family {
            Family::V1 | Family::Page => in_v1(refusal, call_id, speak),
            Family::Topapi => in_topapi(refusal, rng, speak),
            Family::Old => {
                let (errcode, errmsg) = in_old(refusal);
                numeric(family, errcode, speak(errmsg), rng)
            }
        },
    }
}

/// `{errcode, errmsg}`, with a request id in topapi.
fn numeric(
    family: Family,
    errcode: i64,
    errmsg: Cow<'static, str>,
    rng: &mut Rng,
) -> (u16, Json, Option<Cow<'static, str>>) {
    let body = Object::new().put("errcode", errcode).put("errmsg", errmsg);
    let body = if family == Family::Topapi { body.put("request_id", rng.short_id()) } else { body };
    (200, body.done(), Some(errcode.to_string().into()))
}

/// §1.6: the gateway of topapi wraps in errcode 88, with the real code as a **string**; an unknown API is errcode 22.
fn in_topapi(
    refusal: Refusal,
    rng: &mut Rng,
    speak: impl Fn(Cow<'static, str>) -> Cow<'static, str>,
) -> (u16, Json, Option<Cow<'static, str>>) {
    let (sub_code, sub_msg): (&'static str, Cow<'static, str>) = match refusal {
        Refusal::UnknownApi { api } => {
            let sub_msg = format!("不合法ApiName，ApiName = {api}");
            let errmsg = format!("Invalid method[submsg={sub_msg}]");
            let body = Object::new()
                .put("errcode", 22_i64)
                .put("sub_msg", sub_msg)
                .put("errmsg", errmsg)
                .put("request_id", rng.short_id());
            return (200, body.done(), Some("22".into()));
        }
        Refusal::Busy | Refusal::ServiceUnavailable | Refusal::ServiceTimeout => {
            return numeric(Family::Topapi, -1, speak("系统繁忙".into()), rng);
        }
        Refusal::WrongMethod { wanted } => {
            let (errcode, errmsg) = wrong_method(wanted);
            return numeric(Family::Topapi, errcode, speak(errmsg), rng);
        }
        Refusal::BodyMissing | Refusal::FieldMissing(_) => {
            return numeric(Family::Topapi, 400_002, speak("无效的参数".into()), rng);
        }
        Refusal::BodyUnreadable => {
            return numeric(Family::Topapi, 47001, speak("解析JSON内容错误".into()), rng);
        }
        Refusal::TokenBlank => ("40000", "access_token is blank".into()),
        Refusal::TokenDead => ("40014", "不合法的access_token".into()),
        Refusal::AppStopped => ("50003", APP_STOPPED.into()),
        Refusal::PointMissing { client, point } => ("60011", point_text(&client, &point).into()),
        Refusal::AppThrottled { api, over, at } => {
            // §11.2: 90007 to 90010 are a vendor's limits in an organization; which one is which is not printed.
            let sub_code = if over.whose == Whose::App { "90018" } else { "90009" };
            (sub_code, app_throttle_text(&api, over, at).into())
        }
        Refusal::ApiThrottled { api, limit, at } => {
            ("90002", api_throttle_text(&api, limit, at).into())
        }
        Refusal::ServiceThrottled => ("90002", "请求太频繁".into()),
        Refusal::QuotaUsed => ("90020", "本月接口调用次数已达上限".into()),
        Refusal::IpNotAllowed { ip, client } => {
            ("60020", format!("访问ip不在白名单之中,request ip={ip} appKey({client})").into())
        }
    };
    in_88(sub_code.into(), speak(sub_msg), rng)
}

fn in_88(
    sub_code: Cow<'static, str>,
    sub_msg: Cow<'static, str>,
    rng: &mut Rng,
) -> (u16, Json, Option<Cow<'static, str>>) {
    let errmsg = format!("ding talk error[subcode={sub_code},submsg={sub_msg}]");
    let body = Object::new()
        .put("errcode", 88_i64)
        .put("sub_code", sub_code.clone())
        .put("sub_msg", sub_msg)
        .put("errmsg", errmsg)
        .put("request_id", rng.short_id());
    (200, body.done(), Some(sub_code))
}

fn in_old(refusal: Refusal) -> (i64, Cow<'static, str>) {
    match refusal {
        Refusal::TokenBlank => (41001, "缺少access_token参数".into()),
        Refusal::TokenDead => (40014, "不合法的access_token".into()),
        Refusal::AppStopped => (50003, APP_STOPPED.into()),
        Refusal::PointMissing { client, point } => (60011, point_text(&client, &point).into()),
        Refusal::AppThrottled { api, over, at } => {
            let errcode = if over.whose == Whose::App { 90018 } else { 90009 };
            (errcode, app_throttle_text(&api, over, at).into())
        }
        Refusal::ApiThrottled { api, limit, at } => {
            (90002, api_throttle_text(&api, limit, at).into())
        }
        Refusal::ServiceThrottled => (90002, "请求太频繁".into()),
        Refusal::QuotaUsed => (90020, "本月接口调用次数已达上限".into()),
        Refusal::IpNotAllowed { ip, client } => (
            60020,
            format!(
                "请参考FAQ：https://open-doc.dingtalk.com/microapp/faquestions/cvbtph。错误原因：\
                 访问ip不在白名单之中,request ip={ip} appKey({client})"
            )
            .into(),
        ),
        Refusal::Busy | Refusal::ServiceUnavailable | Refusal::ServiceTimeout => {
            (-1, "系统繁忙".into())
        }
        Refusal::UnknownApi { .. } => (404, "请求的URI地址不存在".into()),
        Refusal::WrongMethod { wanted } => wrong_method(wanted),
        Refusal::BodyMissing => (44002, "POST的数据包为空".into()),
        Refusal::BodyUnreadable => (47001, "解析JSON内容错误".into()),
        Refusal::FieldMissing(name) => (40035, format!("缺少参数 {name}").into()),
    }
}

/// §1.6: the gateway's key order is `code, requestid, message`; the unknown API alone has `code, message, requestid`.
fn in_v1(
    refusal: Refusal,
    call_id: &str,
    speak: impl Fn(Cow<'static, str>) -> Cow<'static, str>,
) -> (u16, Json, Option<Cow<'static, str>>) {
    const BUSY: &str =
        "The server is busy and unable to complete your request. Please try again later.";
    let mut scopes = None;
    let (status, code, message): (u16, Cow<'static, str>, Cow<'static, str>) = match refusal {
        Refusal::UnknownApi { .. } | Refusal::WrongMethod { .. } => {
            let code = "InvalidAction.NotFound";
            let body = Object::new()
                .put("code", code)
                .put("message", "Specified api is not found, please check your url and method.")
                .put("requestid", call_id.to_owned());
            return (404, body.done(), Some(code.into()));
        }
        Refusal::Busy => return of_service(500, "system.busy", speak("系统繁忙".into()), call_id),
        Refusal::ServiceThrottled => {
            return of_service(429, "systemBusy", speak("请求太频繁".into()), call_id);
        }
        Refusal::ServiceUnavailable => return of_service(503, "serviceBusy", BUSY.into(), call_id),
        Refusal::ServiceTimeout => return of_service(504, "service.timeout", BUSY.into(), call_id),
        Refusal::TokenBlank => (
            400,
            "AuthenticationFailed.MissingParameter".into(),
            "缺少参数：x-acs-dingtalk-access-token".into(),
        ),
        // No v1.0 code of a stopped app is known; its token then no longer counts.
        Refusal::TokenDead | Refusal::AppStopped => {
            (400, "InvalidAuthentication".into(), "不合法的access_token".into())
        }
        Refusal::PointMissing { point, .. } => {
            scopes = Some(point);
            (
                403,
                "Forbidden.AccessDenied.AccessTokenPermissionDenied".into(),
                "没有调用该接口的权限，接口权限申请参考：https://open.dingtalk.com/document/orgapp-server/add-api-permission"
                    .into(),
            )
        }
        Refusal::AppThrottled { over, .. } => (
            403,
            match (over.whose, over.per_minute) {
                (Whose::App, false) => "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi",
                (Whose::App, true) => "Forbidden.AccessDenied.QpmLimitForAppkeyAndApi",
                (Whose::Suite, false) => "Forbidden.AccessDenied.QpsLimitForSuitekeyAndOrgAndApi",
                (Whose::Suite, true) => "Forbidden.AccessDenied.QpmLimitForSuitekeyAndOrgAndApi",
            }
            .into(),
            "您的企业应用调用钉钉开放平台当前接口的所有请求都被暂时禁用了".into(),
        ),
        Refusal::ApiThrottled { .. } => (
            403,
            "Forbidden.AccessDenied.QpsLimitForApi".into(),
            "您的服务器调用钉钉开放平台当前接口的所有请求都被暂时禁用了".into(),
        ),
        Refusal::QuotaUsed => (
            403,
            "Forbidden.AccessDenied.ApiCountLimitForOrg".into(),
            "本月接口调用次数已达上限".into(),
        ),
        Refusal::IpNotAllowed { .. } => {
            (403, "Forbidden.AccessDenied.IpNotInWhiteList".into(), "访问ip不在白名单之中".into())
        }
        Refusal::BodyMissing | Refusal::BodyUnreadable => missing("body"),
        Refusal::FieldMissing(name) => missing(name),
    };
    let body = Object::new()
        .put("code", code.clone())
        .put("requestid", call_id.to_owned())
        .put("message", speak(message))
        .put_some(
            "accessdenieddetail",
            scopes.map(|point| Object::new().put("requiredScopes", vec![Json::Text(point)])),
        );
    (status, body.done(), Some(code))
}

fn of_service(
    status: u16,
    code: &'static str,
    message: Cow<'static, str>,
    call_id: &str,
) -> (u16, Json, Option<Cow<'static, str>>) {
    let body = Object::new()
        .put("requestid", call_id.to_owned())
        .put("code", code)
        .put("message", message)
        .done();
    (status, body, Some(code.into()))
}

/// §1.6: `Missing<name>` and `<name> is mandatory for this action.`
fn missing(name: &str) -> (u16, Cow<'static, str>, Cow<'static, str>) {
    (400, format!("Missing{name}").into(), format!("{name} is mandatory for this action.").into())
}

fn wrong_method(wanted: &'static str) -> (i64, Cow<'static, str>) {
    if wanted == "GET" {
        (43001, "需要GET请求".into())
    } else {
        (43002, "需要POST请求".into())
    }
}

/// §11.4: the text that names the missing scope and the console's deep link.
fn point_text(client: &str, point: &str) -> String {
    format!(
        "应用尚未开通所需的权限：[{point}]，点击链接申请并开通即可：\
         https://open-dev.dingtalk.com/appscope/apply?content={client}%23{point}, {{requiredScopes=[{point}]}}"
    )
}

fn app_throttle_text(api: &str, Over { limit, per_minute, .. }: Over, at: u64) -> String {
    let window = if per_minute { 60_000 } else { 1_000 };
    let (from, until) = (china_time(at), china_time(at + window));
    format!(
        "您当前使用的应用调用该接口次数过多，超出了限制，请求被暂时限制了，apiPath({api}), \
         从 {from} 到 {from} 请求总次数超过 {limit} 次, 限制将在 {until} 结束."
    )
}

fn api_throttle_text(api: &str, limit: u64, at: u64) -> String {
    let (from, until) = (china_time(at), china_time(at + 1000));
    format!(
        "当前所有钉钉应用调用该接口次数过多，超出了该接口承受的最大qps，请求被暂时限制了，建议错开整点时刻调用该接口, \
         apiPath({api}), 从 {from} 到 {from} 请求总次数超过 {limit} 次, 限制将在 {until} 结束."
    )
}
