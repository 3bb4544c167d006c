//! The browser login (wire-facts §4.4): `/oauth2/auth` as a plain page, and the same outcome without a browser.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use http::Method;

use crate::apps::App;
use crate::auth_page::point_list;
use crate::call::Call;
use crate::codes::{Code, Pool};
use crate::pages::{
    self, Form, MOST_PEOPLE, Page, choices, escaped, fields, from_here, hidden, language,
    other_language, say,
};
use crate::platform::Platform;
use crate::switches::{Callback, Language};
use crate::wire::Reply;

/// In both languages.
const STRANGER: (&str, &str) =
    ("该用户不在此组织内", "This person does not belong to the organization");

/// A person who logs in through the browser.
#[non_exhaustive]
#[derive(Clone, Debug, Default)]
pub struct BrowserLogin {
    /// The app.
    pub client_id: String,
    /// Where the browser goes afterwards; scheme, host and port must be registered.
    pub redirect_uri: String,
    /// `openid`, or `openid corpid`.
    pub scope: String,
    /// Comes back unchanged.
    pub state: String,
    /// Who logs in.
    pub user_id: String,
    /// The organization chosen on the page; the app's own if empty.
    pub corp_id: String,
    /// The person says no.
    pub refuse: bool,
}

impl BrowserLogin {
    /// A login with the scope `openid corpid` and no state.
    #[must_use]
    pub fn new(
        client_id: impl Into<String>,
        redirect_uri: impl Into<String>,
        user_id: impl Into<String>,
    ) -> Self {
        Self {
            client_id: client_id.into(),
            redirect_uri: redirect_uri.into(),
            scope: "openid corpid".to_owned(),
            user_id: user_id.into(),
            ..Self::default()
        }
    }

    /// Sets the scope.
    #[must_use]
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.scope = scope.into();
        self
    }

    /// Sets the state.
    #[must_use]
    pub fn state(mut self, state: impl Into<String>) -> Self {
        self.state = state.into();
        self
    }

    /// Chooses the organization.
    #[must_use]
    pub fn corp(mut self, corp_id: impl Into<String>) -> Self {
        self.corp_id = corp_id.into();
        self
    }

    /// The person says no.
    #[must_use]
    pub fn refuse(mut self) -> Self {
        self.refuse = true;
        self
    }
}

/// A request for a login that passed every check.
#[derive(Clone, Debug)]
pub(crate) struct Login {
    client: Arc<str>,
    redirect_uri: String,
    with_corp: bool,
    state: Option<String>,
    /// Where the app works, its own organization first; one alone if the request names it.
    corps: Vec<Arc<str>>,
    /// `org_type=management`: only organizations that the person manages.
    managed: bool,
}

/// The whole login at once: the callback URL that the browser would be sent to, or what the page would have said.
pub(crate) fn outcome(
    platform: &mut Platform,
    login: &BrowserLogin,
    now: u64,
) -> Result<String, String> {
    let asked = |name: &str| match name {
        "redirect_uri" => Some(login.redirect_uri.as_str()),
        "response_type" => Some("code"),
        "client_id" => Some(login.client_id.as_str()),
        "scope" => Some(login.scope.as_str()),
        "prompt" => Some("consent"),
        "state" => Some(login.state.as_str()).filter(|state| !state.is_empty()),
        "corpId" => Some(login.corp_id.as_str()).filter(|corp| !corp.is_empty()),
        _ => None,
    };
    let request = check(platform, asked)?;
    if login.refuse {
        return Ok(refusal(&request));
    }
    let corps = homes(platform, &request, &login.user_id);
    let corp = corps.first().ok_or_else(|| STRANGER.0.to_owned())?;
    approve(platform, &request, &login.user_id, corp, now)
}

/// `GET` shows the form, `POST` takes its answer.
pub(crate) fn page(platform: &mut Platform, call: &mut Call<'_>) -> Reply {
    let sent = fields(call);
    let language = language(call, &sent, &platform.switches);
    if call.method == Method::GET {
        return show(platform, call, language);
    }
    if call.path != "/oauth2/auth" || call.method != Method::POST {
        let text = say(language, "不支持的请求方式", "This method is not supported");
        return Page::message(language, text).status(405).reply();
    }
    if !from_here(call) {
        let text =
            say(language, "请求来自其他网站，已拒绝", "Refused: another site sent this form");
        return Page::message(language, text).status(403).reply();
    }
    take(platform, call, language, &sent)
}

fn show(platform: &mut Platform, call: &Call<'_>, language: Language) -> Reply {
    let request = match check(platform, |name| call.query(name)) {
        Ok(request) => request,
        Err(text) => return Page::message(language, &text).reply(),
    };
    call.note_app(&request.client);
    let body = person_page(platform, &request, language);
    let leads_to = site(&request.redirect_uri);
    let nonce = platform.pages.open(Form::Login(request), call.now, &mut platform.rng);
    let body = body.replacen("<!--hidden-->", &hidden(&nonce, language), 1);
    Page::new(language, body + &other_language(call, language)).leads_to(leads_to).reply()
}

/// The form carries a nonce that only the page knew, so no other site can send it.
fn take(
    platform: &mut Platform,
    call: &Call<'_>,
    language: Language,
    sent: &HashMap<String, String>,
) -> Reply {
    let field = |name: &str| sent.get(name).map_or("", String::as_str);
    let (request, user, chosen) = match platform.pages.close(field("nonce"), call.now) {
        Some(Form::Login(request)) => (request, field("user").to_owned(), None),
        Some(Form::Organization(request, user)) => (request, user, Some(field("corp"))),
        _ => {
            let text = say(
                language,
                "页面已失效，请重新登录",
                "This page is no longer valid; log in again",
            );
            return Page::message(language, text).reply();
        }
    };
    call.note_app(&request.client);
    if field("decision") != "approve" {
        return pages::redirect(302, refusal(&request));
    }
    let mut corps = homes(platform, &request, &user);
    if let Some(chosen) = chosen {
        corps.retain(|corp| **corp == *chosen);
    }
    let Some(corp) = corps.first().map(Arc::clone) else {
        return Page::message(language, say(language, STRANGER.0, STRANGER.1)).reply();
    };
    if request.with_corp && corps.len() > 1 {
        return organization_page(platform, call, language, request, user, &corps);
    }
    match approve(platform, &request, &user, &corp, call.now) {
        Ok(url) => pages::redirect(302, url),
        Err(text) => Page::message(language, &text).reply(),
    }
}

/// The organizations in question that this person belongs to.
fn homes(platform: &Platform, request: &Login, user_id: &str) -> Vec<Arc<str>> {
    let belongs = |corp: &&Arc<str>| {
        let person = platform.company(corp).and_then(|company| company.employee(user_id));
        person.is_some_and(|person| person.flags.active && (!request.managed || person.flags.admin))
    };
    request.corps.iter().filter(belongs).cloned().collect()
}

/// Checks the query of §4.4; what is wrong is said on the page, without any redirect.
fn check<'q>(
    platform: &Platform,
    asked: impl Fn(&str) -> Option<&'q str>,
) -> Result<Login, String> {
    let wrong = |name: &str| Err(format!("{name}参数错误"));
    let Some(app) = asked("client_id").and_then(|client| platform.app(client)) else {
        return wrong("client_id");
    };
    let redirect_uri = asked("redirect_uri").unwrap_or_default();
    if !registered(app, redirect_uri) {
        return wrong("redirect_uri");
    }
    if asked("response_type") != Some("code") {
        return wrong("response_type");
    }
    let scope: Vec<&str> = asked("scope").unwrap_or_default().split_whitespace().collect();
    if !scope.contains(&"openid") {
        return wrong("scope");
    }
    if asked("prompt") != Some("consent") {
        return wrong("prompt");
    }
    let mut corps: Vec<Arc<str>> = match asked("corpId").filter(|corp| !corp.is_empty()) {
        Some(corp) => vec![Arc::from(corp)],
        None => {
            let own = app.corp_id.iter().cloned();
            own.chain(app.opened_by.iter().map(|corp| Arc::from(corp.as_str()))).collect()
        }
    };
    corps.retain(|corp| platform.company(corp).is_some() && app.works_in(corp));
    let mut seen = HashSet::new();
    corps.retain(|corp| seen.insert(Arc::clone(corp)));
    if corps.is_empty() {
        return wrong("corpId");
    }
    Ok(Login {
        client: Arc::clone(&app.client_id),
        redirect_uri: redirect_uri.to_owned(),
        with_corp: scope.contains(&"corpid"),
        state: asked("state").map(str::to_owned),
        corps,
        managed: asked("org_type") == Some("management"),
    })
}

/// Approving grants every delegated point that the app has added: the page shows them all (§4.4).
fn approve(
    platform: &mut Platform,
    request: &Login,
    user_id: &str,
    corp: &Arc<str>,
    now: u64,
) -> Result<String, String> {
    let person = platform
        .company(corp)
        .and_then(|company| company.employee(user_id))
        .filter(|person| person.flags.active)
        .ok_or(STRANGER.0)?;
    let (user_id, union_id) = (Arc::clone(&person.user_id), Arc::clone(&person.union_id));
    let app = platform.app(&request.client).ok_or("client_id参数错误")?;
    let points = Platform::delegated_points(app);
    platform.remember_consent(&request.client, &union_id, points.iter().map(|point| point.code));
    let code = Code {
        pool: Pool::OAuth,
        client: Arc::clone(&request.client),
        corp: Arc::clone(corp),
        user_id,
        union_id,
        with_corp: request.with_corp,
    };
    let code = platform.codes.issue(code, now, &mut platform.rng);
    Ok(match platform.switches.callback {
        Callback::Both => callback(request, &[("code", &code), ("authCode", &code)]),
        Callback::AuthCodeOnly => callback(request, &[("authCode", &code)]),
    })
}

/// The value is not in any page; `access_denied` is OAuth's own word.
fn refusal(request: &Login) -> String {
    callback(request, &[("error", "access_denied")])
}

fn callback(request: &Login, pairs: &[(&str, &str)]) -> String {
    let (front, fragment) = match request.redirect_uri.split_once('#') {
        Some((front, fragment)) => (front, Some(fragment)),
        None => (request.redirect_uri.as_str(), None),
    };
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(pairs);
    if let Some(state) = &request.state {
        query.append_pair("state", state);
    }
    let separator = match front.split_once('?') {
        None => "?",
        Some((_, "")) => "",
        Some(_) => "&",
    };
    let mut url = format!("{front}{separator}{}", query.finish());
    if let Some(fragment) = fragment {
        url.push('#');
        url.push_str(fragment);
    }
    url
}

/// §4.4: scheme, host and port must be those of a registered URL. Characters that browsers read in their own way make
/// an address that no registered one can be.
fn registered(app: &App, uri: &str) -> bool {
    let suspicious =
        uri.chars().any(|char| char == '\\' || char.is_whitespace() || char.is_control());
    let Some(site) = site(uri).filter(|_| !suspicious) else {
        return false;
    };
    app.redirects.iter().filter_map(|known| self::site(known)).any(|known| known == site)
}

/// `scheme://authority` in lower case, with the port that the scheme implies.
fn site(uri: &str) -> Option<String> {
    let (scheme, rest) = uri.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    let implied = match scheme.as_str() {
        "https" => ":443",
        "http" => ":80",
        _ => return None,
    };
    let authority = rest.split(['/', '?', '#']).next().filter(|authority| !authority.is_empty())?;
    let authority = authority.to_ascii_lowercase();
    let authority = authority.strip_suffix(implied).unwrap_or(&authority);
    Some(format!("{scheme}://{authority}"))
}

/// Who logs in, what the app asks for, and with which organization if that is settled. `<!--hidden-->` is where the
/// form's hidden fields go.
fn person_page(platform: &Platform, request: &Login, language: Language) -> String {
    let app = platform.app(&request.client);
    let app_name = escaped(app.map_or("", |app| app.name.as_str()));
    let points = app.map(Platform::delegated_points).unwrap_or_default();
    let mut people: Vec<(String, String)> = Vec::new();
    let mut seen = HashSet::new();
    for person in request
        .corps
        .iter()
        .filter_map(|corp| platform.company(corp))
        .flat_map(|company| company.everybody())
        .filter(|person| !person.external && person.flags.active)
        .filter(|person| seen.insert(Arc::clone(&person.user_id)))
        .take(MOST_PEOPLE)
    {
        let label = format!("{} ({})", escaped(&person.name), escaped(&person.user_id));
        people.push((person.user_id.to_string(), label));
    }
    let organization = match request.corps.as_slice() {
        [corp] if request.with_corp => format!(
            "<p>{}{}</p>",
            say(language, "组织：", "Organization: "),
            escaped(platform.company(corp).map_or("", |company| company.name.as_str())),
        ),
        _ => String::new(),
    };
    let asks = match language {
        Language::Chinese => format!("「{app_name}」想知道你是谁，并申请："),
        Language::English => format!("{app_name} wants to know who you are, and asks for:"),
    };
    format!(
        "<h1>{}</h1>{organization}<p>{asks}</p><ul><li>{} <code>openid</code></li></ul>{}\
         <form method=\"post\" action=\"/oauth2/auth\"><!--hidden-->{}\
         <button name=\"decision\" value=\"approve\">{}</button><button name=\"decision\" value=\"refuse\">{}</button></form>",
        say(language, "登录", "Log in"),
        say(language, "你的账号", "your account"),
        point_list(language, points.iter().copied()),
        choices("user", say(language, "以谁的身份登录", "Log in as"), people.into_iter()),
        say(language, "同意", "Agree"),
        say(language, "拒绝", "Refuse"),
    )
}

/// A person who belongs to several organizations says which one the app is to know.
fn organization_page(
    platform: &mut Platform,
    call: &Call<'_>,
    language: Language,
    request: Login,
    user: String,
    corps: &[Arc<str>],
) -> Reply {
    let rows = corps.iter().map(|corp| {
        let name = platform.company(corp).map_or("", |company| company.name.as_str());
        (corp.to_string(), format!("{} <code>{}</code>", escaped(name), escaped(corp)))
    });
    let rows = choices("corp", say(language, "选择组织", "Which organization"), rows);
    let leads_to = site(&request.redirect_uri);
    let nonce = platform.pages.open(Form::Organization(request, user), call.now, &mut platform.rng);
    let body = format!(
        "<h1>{}</h1><form method=\"post\" action=\"/oauth2/auth\">{}{rows}\
         <button name=\"decision\" value=\"approve\">{}</button><button name=\"decision\" value=\"refuse\">{}</button></form>",
        say(language, "登录", "Log in"),
        hidden(&nonce, language),
        say(language, "同意", "Agree"),
        say(language, "拒绝", "Refuse"),
    );
    Page::new(language, body).leads_to(leads_to).reply()
}
