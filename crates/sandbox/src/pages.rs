//! What the pages for people have in common: text that stays text, guarded forms, strict headers, two languages. They
//! work without JavaScript; one small script, named by its hash in the policy, hands an outcome to the container.

use std::collections::HashMap;
use std::sync::Arc;

use http::header::{CONTENT_TYPE, COOKIE, HOST, ORIGIN};
use sha2::{Digest, Sha256};

use crate::auth_page::{Question, Visit};
use crate::call::Call;
use crate::login::Login;
use crate::rng::Rng;
use crate::switches::{Language, Switches};
use crate::wire::Reply;

/// A form that nobody has sent for this long is dead.
const FORM_LIFE: u64 = 600_000;
/// How long the pages know who sits in front of them.
const VISIT_LIFE: u64 = 86_400_000;
const MOST: usize = 1000;
/// How many people a page offers; more are no choice any more.
pub(crate) const MOST_PEOPLE: usize = 200;
const COOKIE_NAME: &str = "dingtalk_sandbox_person";

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:40rem;margin:2rem auto;padding:0 1rem}\
    ul{padding-left:1.2rem}fieldset{border:1px solid #ccc;margin:1rem 0}fieldset ul{list-style:none;padding:0}\
    pre{background:#f3f3f3;padding:.5rem;overflow-wrap:anywhere;white-space:pre-wrap}button{font:inherit;margin:0 .5rem .5rem 0}";

/// Runs only inside a container (npm `dingtalk-jsapi` knows one by `window.name`), and tells nobody else than hosts
/// that may be one. What ends well is handed over at once, a failure when the person has read it.
const SCRIPT: &str = "(()=>{const outcome=document.getElementById('outcome');if(!outcome||window.top===window)return;\
    let container,host;try{container=JSON.parse(window.name);host=new URL(container.hostOrigin).hostname}catch{return}\
    if(!/(^|\\.)dingtalk\\.com$|(^|\\.)7ding\\.ai$|^localhost$|^127\\.0\\.0\\.1$/.test(host))return;\
    const hand=()=>window.top.postMessage({type:'request',msgId:String(Date.now()),containerId:container.containerId,\
    methodName:'biz.navigation.quit',body:{message:outcome.textContent}},container.hostOrigin);\
    const close=document.getElementById('close');if(!close)return hand();close.hidden=false;\
    close.addEventListener('click',hand)})()";

/// Forms that wait for their answer, by their nonce, and the people that browsers stand for, by their cookie.
#[derive(Debug, Default)]
pub(crate) struct Pages {
    forms: HashMap<String, (Form, u64)>,
    visits: HashMap<String, (Arc<str>, u64)>,
}

/// What a form was shown for.
#[derive(Clone, Debug)]
pub(crate) enum Form {
    /// Who logs in, and whether they agree.
    Login(Login),
    /// With which organization this person logs in.
    Organization(Login, String),
    /// Who sits in front of the page.
    Who(Visit),
    /// Whether the person agrees to what the openAuth component asks.
    Consent(Question),
    /// Which app's consent the person takes back.
    Revoke(Visit, Arc<str>),
}

impl Pages {
    /// Remembers a form and gives its nonce.
    pub(crate) fn open(&mut self, form: Form, now: u64, rng: &mut Rng) -> String {
        make_room(&mut self.forms, now, FORM_LIFE);
        let nonce = rng.token();
        self.forms.insert(nonce.clone(), (form, now));
        nonce
    }

    /// The form behind a nonce; the nonce is used up.
    pub(crate) fn close(&mut self, nonce: &str, now: u64) -> Option<Form> {
        let (form, since) = self.forms.remove(nonce)?;
        (now < since + FORM_LIFE).then_some(form)
    }

    /// Who sits in front of this browser, if the page has asked already; empty for nobody.
    pub(crate) fn visitor(&self, call: &Call<'_>) -> Option<Arc<str>> {
        let (user_id, since) = self.visits.get(cookie(call)?)?;
        (call.now < *since + VISIT_LIFE).then(|| Arc::clone(user_id))
    }

    /// Remembers who sits in front of the browser, and gives the cookie that says so.
    pub(crate) fn remember(&mut self, user_id: &str, now: u64, rng: &mut Rng) -> String {
        make_room(&mut self.visits, now, VISIT_LIFE);
        let key = rng.token();
        self.visits.insert(key.clone(), (Arc::from(user_id), now));
        format!("{COOKIE_NAME}={key}; Path=/; HttpOnly; SameSite=Lax")
    }

    pub(crate) fn forget(&mut self, call: &Call<'_>) {
        if let Some(key) = cookie(call) {
            self.visits.remove(key);
        }
    }
}

/// Out with what is too old, and with everything if that is not enough.
fn make_room<T>(map: &mut HashMap<String, (T, u64)>, now: u64, life: u64) {
    if map.len() >= MOST {
        map.retain(|_, (_, since)| now < *since + life);
        if map.len() >= MOST {
            map.clear();
        }
    }
}

fn cookie<'c>(call: &'c Call<'_>) -> Option<&'c str> {
    call.headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(name, value)| (name == COOKIE_NAME).then_some(value))
}

/// The fields of a form that a browser sent; none for any other body.
pub(crate) fn fields(call: &Call<'_>) -> HashMap<String, String> {
    let form = call.headers.get(CONTENT_TYPE).is_some_and(|kind| {
        kind.as_bytes().to_ascii_lowercase().starts_with(b"application/x-www-form-urlencoded")
    });
    if form { form_urlencoded::parse(call.body).into_owned().collect() } else { HashMap::new() }
}

/// Whether a page of this very site sent the form. Every browser says where a form comes from; what says nothing is no
/// browser, and holds a nonce that only the page's reader knew.
pub(crate) fn from_here(call: &Call<'_>) -> bool {
    let site = call.headers.get("sec-fetch-site").map(|site| site.as_bytes());
    if site.is_some_and(|site| site != b"same-origin" && site != b"none") {
        return false;
    }
    call.headers.get(ORIGIN).is_none_or(|origin| {
        let host = call.headers.get(HOST).and_then(|host| host.to_str().ok());
        let origin =
            origin.to_str().ok().and_then(|origin| origin.split_once("://")).map(|(_, host)| host);
        origin.is_some() && origin == host
    })
}

/// The page's language: what its switch says, unless the reader chose.
pub(crate) fn language(
    call: &Call<'_>,
    fields: &HashMap<String, String>,
    all: &Switches,
) -> Language {
    match call.query("lang").or_else(|| fields.get("lang").map(String::as_str)) {
        Some("en") => Language::English,
        Some("zh") => Language::Chinese,
        _ => all.language,
    }
}

pub(crate) fn say(
    language: Language,
    chinese: &'static str,
    english: &'static str,
) -> &'static str {
    match language {
        Language::Chinese => chinese,
        Language::English => english,
    }
}

/// The fields that every form carries, and its language.
pub(crate) fn hidden(nonce: &str, language: Language) -> String {
    format!(
        "<input type=\"hidden\" name=\"nonce\" value=\"{}\"><input type=\"hidden\" name=\"lang\" value=\"{}\">",
        escaped(nonce),
        say(language, "zh", "en"),
    )
}

/// One choice out of several, the first one chosen; labels are HTML.
pub(crate) fn choices(
    name: &str,
    legend: &str,
    rows: impl Iterator<Item = (String, String)>,
) -> String {
    let rows: String = rows
        .enumerate()
        .map(|(at, (value, label))| {
            let checked = if at == 0 { " checked" } else { "" };
            format!(
                "<li><label><input type=\"radio\" name=\"{name}\" value=\"{}\"{checked}> {label}</label></li>",
                escaped(&value)
            )
        })
        .collect();
    format!("<fieldset><legend>{legend}</legend><ul>{rows}</ul></fieldset>")
}

/// The same page in the other language.
pub(crate) fn other_language(call: &Call<'_>, language: Language) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(call.query.iter().filter(|(name, _)| name != "lang"));
    query.append_pair("lang", say(language, "en", "zh"));
    let href = format!("{}?{}", call.path, query.finish());
    format!("<p><a href=\"{}\">{}</a></p>", escaped(&href), say(language, "English", "中文"))
}

/// A page on its way out.
pub(crate) struct Page {
    language: Language,
    body: String,
    status: u16,
    /// Where a form of the page may lead besides this site: a browser holds redirects against the policy as well.
    leads_to: Option<String>,
    /// A container may show the page in a frame.
    framed: bool,
    /// The page holds an outcome for the container.
    outcome: bool,
}

impl Page {
    /// `body` is HTML.
    pub(crate) fn new(language: Language, body: String) -> Self {
        Self { language, body, status: 200, leads_to: None, framed: false, outcome: false }
    }

    /// A heading and nothing else.
    pub(crate) fn message(language: Language, text: &str) -> Self {
        Self::new(language, format!("<h1>{}</h1>", escaped(text)))
    }

    pub(crate) fn status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    pub(crate) fn framed(self) -> Self {
        Self { framed: true, ..self }
    }

    pub(crate) fn outcome(self) -> Self {
        Self { outcome: true, ..self }
    }

    /// `site` is a scheme and an authority; one with characters that mean something in a policy is left out.
    pub(crate) fn leads_to(self, site: Option<String>) -> Self {
        let plain = |site: &String| {
            site.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:/[]".contains(&byte))
        };
        Self { leads_to: site.filter(plain), ..self }
    }

    pub(crate) fn reply(self) -> Reply {
        let ancestors = if self.framed {
            "'self' http://localhost:* http://127.0.0.1:* https://localhost:* https://127.0.0.1:* http://*.dingtalk.com:* https://*.dingtalk.com:* https://*.7ding.ai:*"
        } else {
            "'none'"
        };
        let leads_to = self.leads_to.unwrap_or_default();
        let (script, scripts) = if self.outcome {
            (format!("<script>{SCRIPT}</script>"), format!("script-src '{}'; ", hash(SCRIPT)))
        } else {
            (String::new(), String::new())
        };
        let policy = format!(
            "default-src 'none'; style-src '{}'; {scripts}img-src data:; form-action 'self' {leads_to}; \
             base-uri 'none'; frame-ancestors {ancestors}",
            hash(STYLE),
        );
        let html = format!(
            "<!DOCTYPE html><html lang=\"{}\"><head><meta charset=\"utf-8\"><title>DingTalk sandbox</title>\
             <meta name=\"viewport\" content=\"width=device-width\"><link rel=\"icon\" href=\"data:,\">\
             <style>{STYLE}</style></head><body><main>{}</main>{script}</body></html>",
            say(self.language, "zh", "en"),
            self.body,
        );
        let mut reply = guarded(Reply::page(self.status, html));
        reply.headers.push(("content-security-policy", policy));
        if !self.framed {
            reply.headers.push(("x-frame-options", "DENY".to_owned()));
        }
        reply
    }
}

/// On to another page; `status` 302 as the platform's login does, 303 after a form of our own.
pub(crate) fn redirect(status: u16, location: String) -> Reply {
    guarded(Reply { status, ..Reply::redirect(location) })
}

/// Codes and nonces must stay in no cache and go into no `Referer`. The policy `no-referrer` would hide from ourselves
/// where a form comes from.
fn guarded(mut reply: Reply) -> Reply {
    reply.headers.push(("cache-control", "no-store".to_owned()));
    reply.headers.push(("referrer-policy", "same-origin".to_owned()));
    reply.headers.push(("x-content-type-options", "nosniff".to_owned()));
    reply
}

/// A source of the policy: `sha256-` and the hash in base64.
fn hash(source: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = "sha256-".to_owned();
    for chunk in Sha256::digest(source.as_bytes()).chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4 {
            let digit = DIGITS.get((bits >> (18 - 6 * at) & 63) as usize).copied().unwrap_or(b'=');
            text.push(if at <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

/// Text for HTML, between tags and inside double quotes.
pub(crate) fn escaped(text: &str) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_names_a_source_by_its_hash_in_base64() {
        // From the definition of the Content Security Policy, level 2.
        assert_eq!(
            hash("alert('Hello, world.');"),
            "sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng="
        );
    }

    #[test]
    fn script_and_style_cannot_end_their_element() {
        assert!(!SCRIPT.contains("</") && !STYLE.contains("</") && !SCRIPT.contains("<!--"));
    }
}
