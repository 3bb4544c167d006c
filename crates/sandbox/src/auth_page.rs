//! The openAuth component's page (wire-facts §8), at the path that the component opens, and the page that takes a
//! consent back. The client knows who sits in front of it; here the page asks once, and a cookie remembers.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::Arc;

use http::Method;

use crate::call::Call;
use crate::consent::{self, Consent, ConsentError, ConsentKind, Decision};
use crate::pages::{
    self, Form, MOST_PEOPLE, Page, choices, escaped, fields, from_here, hidden, language,
    other_language, say,
};
use crate::platform::Platform;
use crate::points::Point;
use crate::switches::Language;
use crate::wire::Reply;

/// The component opens it with values that are not encoded (wire-facts §8.1).
pub(crate) const AUTH: &str = "/dingding/h5-common-authority/auth/index.html";
/// The counterpart of the mini program's `pages/cancel` (wire-facts §8.1).
pub(crate) const CANCEL: &str = "/dingding/h5-common-authority/pages/cancel";

const FAILED: &str = r#"{"status":"failed","result":null}"#;
/// What the library makes of a dialog that closes without a word: no `result` (wire-facts §8.1, §14 row 28).
const CLOSED: &str = r#"{"status":"cancel"}"#;

/// Where a browser goes on when it is known who sits in front of it.
#[derive(Clone, Debug)]
pub(crate) struct Visit {
    corp: Arc<str>,
    back: String,
}

/// The dialog that is open: the request, with its person.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    consent: Consent,
    back: String,
}

/// Why there is no dialog.
enum Wrong {
    /// A parameter came twice, and nobody can say which one counts.
    Doubled(&'static str),
    /// `type` is neither 0 nor 1. The component's table has no number for it.
    Kind,
    /// A row of the table.
    Table(ConsentError),
}

/// Both pages, whatever the method.
pub(crate) fn page(platform: &mut Platform, call: &Call<'_>) -> Reply {
    let sent = fields(call);
    let language = language(call, &sent, &platform.switches);
    if *call.method == Method::GET {
        return match call.path {
            AUTH => show(platform, call, language),
            _ => consents(platform, call, language),
        };
    }
    if *call.method != Method::POST {
        let text = say(language, "不支持的请求方式", "This method is not supported");
        return Page::message(language, text).status(405).reply();
    }
    if !from_here(call) {
        let text =
            say(language, "请求来自其他网站，已拒绝", "Refused: another site sent this form");
        return Page::message(language, text).status(403).reply();
    }
    let nonce = sent.get("nonce").map_or("", String::as_str);
    match (call.path, platform.pages.close(nonce, call.now)) {
        (_, Some(Form::Who(visit))) => {
            // The choice "nobody" is an empty id.
            let user = sent.get("user").map_or("", String::as_str);
            let cookie = platform.pages.remember(user, call.now, &mut platform.rng);
            let mut reply = pages::redirect(303, visit.back);
            reply.headers.push(("set-cookie", cookie));
            reply
        }
        (AUTH, Some(Form::Consent(question))) => decided(platform, call, language, question, &sent),
        (CANCEL, Some(Form::Revoke(visit, union_id))) => {
            if changes_person(&sent) {
                platform.pages.forget(call);
            } else if let Some(client) = sent.get("revoke") {
                platform.consents.remove(&(Arc::from(client.as_str()), union_id));
            }
            pages::redirect(303, visit.back)
        }
        _ => {
            let text = say(
                language,
                "页面已失效，请重新打开",
                "This page is no longer valid; open it again",
            );
            Page::message(language, text).framed().reply()
        }
    }
}

/// Granted points return without a dialog, everything else asks.
fn show(platform: &mut Platform, call: &Call<'_>, language: Language) -> Reply {
    let mut consent = match asked(call) {
        Ok(consent) => consent,
        Err(wrong) => return failed(language, &wrong, None).reply(),
    };
    if platform.app(&consent.client_id).is_some() {
        call.note_app(&Arc::from(consent.client_id.as_str()));
    }
    let back = back_to(
        AUTH,
        &[
            ("type", if consent.kind == ConsentKind::Application { "1" } else { "0" }),
            ("clientId", &consent.client_id),
            ("corpId", &consent.corp_id),
            ("rpcScope", &consent.rpc_scope),
            ("fieldScope", &consent.field_scope),
            ("lang", say(language, "zh", "en")),
        ],
    );
    let points = match consent::request_checked(platform, &consent) {
        Ok(points) => points,
        Err(error) => return failed(language, &Wrong::Table(error), None).reply(),
    };
    let Some(user) = platform.pages.visitor(call) else {
        let visit = Visit { corp: Arc::from(consent.corp_id.as_str()), back };
        return who(platform, call, language, visit);
    };
    consent.user_id = user.to_string();
    let question = Question { consent, back };
    let person = match consent::person_checked(platform, &question.consent) {
        Ok(person) => person,
        Err(error) => {
            let nonce = platform.pages.open(Form::Consent(question), call.now, &mut platform.rng);
            return failed(language, &Wrong::Table(error), Some(&nonce)).reply();
        }
    };
    let (name, admin) = (escaped(&person.name), consent::may_decide(person, &points));
    if consent::is_granted(platform, &question.consent, &person.union_id, &points) {
        return match consent::grant(platform, &question.consent, &points, call.now) {
            Ok(outcome) => ended(language, &outcome.to_json()).reply(),
            Err(error) => failed(language, &Wrong::Table(error), None).reply(),
        };
    }
    let body = dialog(platform, language, &question.consent, &name, admin, &points);
    let nonce = platform.pages.open(Form::Consent(question), call.now, &mut platform.rng);
    let body = body.replacen("<!--hidden-->", &hidden(&nonce, language), 1);
    Page::new(language, body + &other_language(call, language)).framed().reply()
}

/// What the person made of the dialog.
fn decided(
    platform: &mut Platform,
    call: &Call<'_>,
    language: Language,
    question: Question,
    sent: &HashMap<String, String>,
) -> Reply {
    if changes_person(sent) {
        platform.pages.forget(call);
        return pages::redirect(303, question.back);
    }
    let mut consent = question.consent;
    consent.decision = match sent.get("decision").map(String::as_str) {
        Some("approve") => Decision::Approve,
        Some("admin") => Decision::AskAdmin,
        Some("refuse") => Decision::Refuse,
        // Closing, and everything that is no decision.
        _ => return ended(language, CLOSED).reply(),
    };
    match consent::decide(platform, &consent, call.now) {
        Ok(outcome) => ended(language, &outcome.to_json()).reply(),
        Err(error) => failed(language, &Wrong::Table(error), None).reply(),
    }
}

/// The component's parameters; everything else in the query is somebody else's.
fn asked(call: &Call<'_>) -> Result<Consent, Wrong> {
    let one = |name: &'static str| {
        let mut values = call.query.iter().filter(|(key, _)| key == name);
        let first = values.next().map_or("", |(_, value)| value.as_ref());
        if values.next().is_some() { Err(Wrong::Doubled(name)) } else { Ok(first.to_owned()) }
    };
    let (kind, client_id, corp_id) = (one("type")?, one("clientId")?, one("corpId")?);
    let (rpc_scope, field_scope) = (one("rpcScope")?, one("fieldScope")?);
    let consent = Consent { client_id, corp_id, rpc_scope, field_scope, ..Consent::default() };
    match kind.as_str() {
        "0" => Ok(consent),
        "1" => Ok(Consent { kind: ConsentKind::Application, ..consent }),
        _ if consent == Consent::default() => Err(Wrong::Table(consent::empty())),
        _ => Err(Wrong::Kind),
    }
}

/// What is asked, in plain words, and every way out. `<!--hidden-->` is where the form's hidden fields go.
fn dialog(
    platform: &Platform,
    language: Language,
    consent: &Consent,
    person: &str,
    admin: bool,
    points: &[&'static Point],
) -> String {
    let app = platform.app(&consent.client_id).map_or("", |app| app.name.as_str());
    let corp = platform.company(&consent.corp_id).map_or("", |company| company.name.as_str());
    let (app, corp) = (escaped(app), escaped(corp));
    let list = point_list(language, points.iter().copied());
    let application = consent.kind == ConsentKind::Application;
    let asks = match (language, application) {
        (Language::Chinese, false) => format!("「{app}」申请以你（{person}，{corp}）的名义："),
        (Language::Chinese, true) => {
            format!("「{app}」申请在组织「{corp}」内（由你 {person} 决定）：")
        }
        (Language::English, false) => {
            format!("{app} asks you, {person} of {corp}, to let it do this in your name:")
        }
        (Language::English, true) => {
            format!("{app} asks to do this in all of {corp}; you, {person}, decide:")
        }
    };
    let to_admin = if application && !admin {
        format!(
            "<p>{}</p><button name=\"decision\" value=\"admin\">{}</button>",
            say(
                language,
                "此授权须由该组织的管理员决定。",
                "This is for an administrator of the organization to decide."
            ),
            say(language, "发送给管理员", "Send to an administrator"),
        )
    } else {
        String::new()
    };
    let body = format!(
        "<h1>{}</h1><p>{asks}</p>{list}<form method=\"post\" action=\"{AUTH}\"><!--hidden-->{to_admin}\
         <button name=\"decision\" value=\"approve\">{}</button><button name=\"decision\" value=\"refuse\">{}</button>\
         <button name=\"decision\" value=\"close\">{}</button><button name=\"decision\" value=\"change\">{}</button></form>",
        say(language, "授权", "Consent"),
        say(language, "同意", "Agree"),
        say(language, "拒绝", "Refuse"),
        say(language, "关闭", "Close"),
        say(language, "换一个人", "I am somebody else"),
    );
    body
}

/// Names of points with their codes.
pub(crate) fn point_list<'p>(
    language: Language,
    points: impl Iterator<Item = &'p Point>,
) -> String {
    let rows: String = points
        .map(|point| {
            let name = say(language, point.chinese, point.name);
            let mark =
                if point.sensitive { say(language, "（敏感）", " (sensitive)") } else { "" };
            format!("<li>{}{mark} <code>{}</code></li>", escaped(name), escaped(point.code))
        })
        .collect();
    format!("<ul>{rows}</ul>")
}

/// The page that asks who sits in front of it.
fn who(platform: &mut Platform, call: &Call<'_>, language: Language, visit: Visit) -> Reply {
    let people = platform.company(&visit.corp).map(|company| {
        let people = company.everybody().filter(|person| person.flags.active).take(MOST_PEOPLE);
        let nobody = say(language, "没有人（未登录）", "nobody (not logged in)").to_owned();
        let rows = people.map(|person| {
            let mut label = format!("{} ({})", escaped(&person.name), escaped(&person.user_id));
            if person.flags.admin {
                label.push_str(say(language, "，管理员", ", administrator"));
            }
            if person.external {
                label.push_str(say(language, "，外部联系人", ", external contact"));
            }
            (person.user_id.to_string(), label)
        });
        let legend =
            say(language, "当前是谁？（客户端本来知道）", "Who is here? (The client would know.)");
        choices("user", legend, rows.chain([(String::new(), nobody)]))
    });
    let action = call.path;
    let nonce = platform.pages.open(Form::Who(visit), call.now, &mut platform.rng);
    let body = format!(
        "<h1>{}</h1><form method=\"post\" action=\"{}\">{}{}<button>{}</button></form>{}",
        say(language, "登录身份", "Identity"),
        escaped(action),
        hidden(&nonce, language),
        people.unwrap_or_default(),
        say(language, "继续", "Go on"),
        other_language(call, language),
    );
    Page::new(language, body).framed().reply()
}

/// The list of what the person granted, each with a button that takes it back.
fn consents(platform: &mut Platform, call: &Call<'_>, language: Language) -> Reply {
    let corp = call.query("corpId").filter(|corp| !corp.is_empty()).unwrap_or(&platform.home);
    let corp: Arc<str> = Arc::from(corp);
    let back = back_to(CANCEL, &[("corpId", &corp), ("lang", say(language, "zh", "en"))]);
    let visit = Visit { corp: Arc::clone(&corp), back };
    let Some(user) = platform.pages.visitor(call) else {
        return who(platform, call, language, visit);
    };
    let union_id = platform
        .company(&corp)
        .and_then(|company| company.employee(&user))
        .map_or_else(|| Arc::from(""), |person| Arc::clone(&person.union_id));
    let mut granted: Vec<_> = platform
        .consents
        .iter()
        .filter(|((_, person), points)| *person == union_id && !points.is_empty())
        .collect();
    granted.sort_unstable();
    let mut rows = String::new();
    for ((client, _), points) in granted {
        let name = platform.apps.get(client).map_or(&**client, |app| app.name.as_str());
        let known = points.iter().filter_map(|code| crate::points::find(code));
        let _ = write!(
            rows,
            "<section><h2>{}</h2>{}<button name=\"revoke\" value=\"{}\">{}</button></section>",
            escaped(name),
            point_list(language, known),
            escaped(client),
            say(language, "取消授权", "Take back"),
        );
    }
    if rows.is_empty() {
        rows = format!("<p>{}</p>", say(language, "没有授权记录", "Nothing is granted"));
    }
    let nonce = platform.pages.open(Form::Revoke(visit, union_id), call.now, &mut platform.rng);
    let body = format!(
        "<h1>{} · {}</h1><form method=\"post\" action=\"{CANCEL}\">{}{rows}\
         <p><button name=\"decision\" value=\"change\">{}</button></p></form>{}",
        say(language, "我的授权", "What I granted"),
        escaped(&user),
        hidden(&nonce, language),
        say(language, "换一个人", "I am somebody else"),
        other_language(call, language),
    );
    Page::new(language, body).framed().reply()
}

/// The end of the dialog: what the component's promise resolves with.
fn ended(language: Language, json: &str) -> Page {
    let body = format!(
        "<h1>{}</h1><p>{}</p><pre id=\"outcome\">{}</pre>",
        say(language, "完成", "Done"),
        say(language, "组件得到的结果：", "What the component gets:"),
        escaped(json),
    );
    Page::new(language, body).framed().outcome()
}

/// An error is shown with its number; the promise gets `failed` without one (wire-facts §8.3). With a nonce, somebody
/// else may sit down.
fn failed(language: Language, wrong: &Wrong, nonce: Option<&str>) -> Page {
    let (title, text) = match wrong {
        Wrong::Doubled(name) => (
            say(language, "参数错误", "Wrong parameter").to_owned(),
            format!("{name}: {}", say(language, "参数重复", "the parameter came twice")),
        ),
        Wrong::Kind => (
            say(language, "参数错误", "Wrong parameter").to_owned(),
            say(language, "type 必须是 0 或 1", "type must be 0 or 1").to_owned(),
        ),
        Wrong::Table(error) => (
            error.code.to_string(),
            say(language, consent::in_chinese(error.code), error.message).to_owned(),
        ),
    };
    let change = nonce.map_or_else(String::new, |nonce| {
        format!(
            "<form method=\"post\" action=\"{AUTH}\">{}<button name=\"decision\" value=\"change\">{}</button></form>",
            hidden(nonce, language),
            say(language, "换一个人", "I am somebody else"),
        )
    });
    let body = format!(
        "<h1>{}</h1><p>{}</p><p>{}</p><pre id=\"outcome\">{FAILED}</pre>\
         <button id=\"close\" type=\"button\" hidden>{}</button>{change}",
        escaped(&title),
        escaped(&text),
        say(language, "组件得到的结果：", "What the component gets:"),
        say(language, "关闭", "Close"),
    );
    Page::new(language, body).framed().outcome()
}

fn changes_person(sent: &HashMap<String, String>) -> bool {
    sent.get("decision").is_some_and(|decision| decision == "change")
}

fn back_to(path: &str, pairs: &[(&str, &str)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(pairs);
    format!("{path}?{}", query.finish())
}
