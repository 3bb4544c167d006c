//! The browser login (wire-facts §4.4): `/oauth2/auth` as a plain page, and the same outcome without a browser.

use std::collections::HashMap;
use std::sync::Arc;

use http::Method;
use http::header::CONTENT_TYPE;

use crate::apps::App;
use crate::call::Call;
use crate::codes::{Code, Pool};
use crate::platform::Platform;
use crate::switches::Callback;
use crate::wire::Reply;

/// A form that nobody has sent for this long is dead.
const PAGE_LIFE: u64 = 600_000;
const MOST_PAGES: usize = 1000;

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
struct Request {
    client: Arc<str>,
    redirect_uri: String,
    with_corp: bool,
    state: Option<String>,
    corp: Arc<str>,
}

/// Forms that wait for their answer.
#[derive(Debug, Default)]
pub(crate) struct Logins {
    open: HashMap<String, (Request, u64)>,
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
    approve(platform, &request, &login.user_id, now)
}

/// `GET` shows the form, `POST` takes its answer.
pub(crate) fn page(platform: &mut Platform, call: &mut Call<'_>) -> Reply {
    if call.method == Method::GET {
        return show(platform, call);
    }
    if call.path == "/oauth2/auth" && call.method == Method::POST {
        return take(platform, call);
    }
    Reply::page(405, message_page("不支持的请求方式"))
}

fn show(platform: &mut Platform, call: &Call<'_>) -> Reply {
    let request = match check(platform, |name| call.query(name)) {
        Ok(request) => request,
        Err(text) => return Reply::page(200, message_page(&text)),
    };
    call.note_app(&request.client);
    let nonce = platform.rng.token();
    let html = form_page(platform, &request, &nonce);
    let open = &mut platform.logins.open;
    if open.len() >= MOST_PAGES {
        open.retain(|_, (_, since)| call.now < *since + PAGE_LIFE);
        if open.len() >= MOST_PAGES {
            open.clear();
        }
    }
    open.insert(nonce, (request, call.now));
    Reply::page(200, html)
}

/// The form carries a nonce that only the page knew, so no other site can send it.
fn take(platform: &mut Platform, call: &Call<'_>) -> Reply {
    let form = call.headers.get(CONTENT_TYPE).is_some_and(|kind| {
        kind.as_bytes().to_ascii_lowercase().starts_with(b"application/x-www-form-urlencoded")
    });
    let fields: HashMap<String, String> = if form {
        form_urlencoded::parse(call.body).into_owned().collect()
    } else {
        HashMap::new()
    };
    let field = |name: &str| fields.get(name).map_or("", String::as_str);
    let waiting = platform
        .logins
        .open
        .remove(field("nonce"))
        .filter(|(_, since)| call.now < *since + PAGE_LIFE);
    let Some((request, _)) = waiting else {
        return Reply::page(200, message_page("页面已失效，请重新登录"));
    };
    call.note_app(&request.client);
    if field("decision") != "approve" {
        return Reply::redirect(refusal(&request));
    }
    match approve(platform, &request, field("user"), call.now) {
        Ok(url) => Reply::redirect(url),
        Err(text) => Reply::page(200, message_page(&text)),
    }
}

/// Checks the query of §4.4; what is wrong is said on the page, without any redirect.
fn check<'q>(
    platform: &Platform,
    asked: impl Fn(&str) -> Option<&'q str>,
) -> Result<Request, String> {
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
    let home = app.corp_id.clone().unwrap_or_else(|| Arc::clone(&platform.home));
    let corp: Arc<str> = asked("corpId").filter(|corp| !corp.is_empty()).map_or(home, Arc::from);
    if platform.company(&corp).is_none() || !app.works_in(&corp) {
        return wrong("corpId");
    }
    Ok(Request {
        client: Arc::clone(&app.client_id),
        redirect_uri: redirect_uri.to_owned(),
        with_corp: scope.contains(&"corpid"),
        state: asked("state").map(str::to_owned),
        corp,
    })
}

/// Approving grants every delegated point that the app has added: the page shows them all (§4.4).
fn approve(
    platform: &mut Platform,
    request: &Request,
    user_id: &str,
    now: u64,
) -> Result<String, String> {
    let person = platform
        .company(&request.corp)
        .and_then(|company| company.employee(user_id))
        .filter(|person| person.flags.active)
        .ok_or("该用户不在此组织内")?;
    let (user_id, union_id) = (Arc::clone(&person.user_id), Arc::clone(&person.union_id));
    let app = platform.app(&request.client).ok_or("client_id参数错误")?;
    let points = Platform::delegated_points(app);
    platform.remember_consent(&request.client, &union_id, points.iter().map(|point| point.code));
    let code = Code {
        pool: Pool::OAuth,
        client: Arc::clone(&request.client),
        corp: Arc::clone(&request.corp),
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
fn refusal(request: &Request) -> String {
    callback(request, &[("error", "access_denied")])
}

fn callback(request: &Request, pairs: &[(&str, &str)]) -> String {
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

fn form_page(platform: &Platform, request: &Request, nonce: &str) -> String {
    let app_name = platform.app(&request.client).map_or("", |app| app.name.as_str());
    let points: String = platform
        .app(&request.client)
        .map(Platform::delegated_points)
        .unwrap_or_default()
        .iter()
        .map(|point| {
            format!("<li>{} <code>{}</code></li>", escaped(point.name), escaped(point.code))
        })
        .collect();
    let company = platform.company(&request.corp);
    let people: String = company
        .into_iter()
        .flat_map(|company| company.everybody())
        .filter(|person| !person.external && person.flags.active)
        .take(200)
        .enumerate()
        .map(|(at, person)| {
            let checked = if at == 0 { " checked" } else { "" };
            let (id, name) = (escaped(&person.user_id), escaped(&person.name));
            format!("<li><label><input type=\"radio\" name=\"user\" value=\"{id}\"{checked}> {name} ({id})</label></li>")
        })
        .collect();
    let company = company.map_or("", |company| company.name.as_str());
    document(&format!(
        "<h1>{}</h1><p>{} wants to know who you are, and asks for:</p><ul><li>your account <code>openid</code></li>\
         {points}</ul><form method=\"post\" action=\"/oauth2/auth\">\
         <input type=\"hidden\" name=\"nonce\" value=\"{}\"><p>Log in as</p><ul>{people}</ul>\
         <button name=\"decision\" value=\"approve\">Agree 同意</button> \
         <button name=\"decision\" value=\"refuse\">Refuse 拒绝</button></form>",
        escaped(company),
        escaped(app_name),
        escaped(nonce),
    ))
}

fn message_page(text: &str) -> String {
    document(&format!("<h1>{}</h1>", escaped(text)))
}

fn document(body: &str) -> String {
    format!(
        "<!DOCTYPE html><html lang=\"zh\"><head><meta charset=\"utf-8\"><title>DingTalk sandbox</title>\
         <meta name=\"referrer\" content=\"no-referrer\"></head><body>{body}</body></html>"
    )
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(char),
        }
    }
    out
}
