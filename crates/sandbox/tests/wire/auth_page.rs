//! The openAuth component's page (wire-facts §8), as a browser without JavaScript uses it.

use std::collections::BTreeSet;

use dingtalk_sandbox::{App, Language, Person, Sandbox, Switch};

use crate::support::{Answer, builder, exchange, sandbox, send, token_of, topapi, v1};

const AUTH: &str = "/dingding/h5-common-authority/auth/index.html";
const CANCEL: &str = "/dingding/h5-common-authority/pages/cancel";
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const HERE: [(&str, &str); 4] = [
    FORM,
    ("host", "127.0.0.1:7880"),
    ("origin", "http://127.0.0.1:7880"),
    ("sec-fetch-site", "same-origin"),
];

/// One browser with its cookie.
struct Browser<'s> {
    sandbox: &'s Sandbox,
    cookie: String,
}

impl<'s> Browser<'s> {
    fn new(sandbox: &'s Sandbox) -> Self {
        Self { sandbox, cookie: String::new() }
    }

    /// A browser that has said who sits in front of it.
    fn of(sandbox: &'s Sandbox, user: &str) -> Self {
        let mut browser = Self::new(sandbox);
        let page = browser.open(CANCEL);
        assert_eq!(browser.submit(CANCEL, &page, &format!("user={user}")).status, 303);
        browser
    }

    fn open(&self, uri: &str) -> Answer {
        send(self.sandbox, "GET", uri, &[("cookie", &self.cookie)], b"")
    }

    /// The component's own URL: nothing is encoded.
    fn ask(&self, kind: &str, client: &str, rpc: &str, field: &str) -> Answer {
        let corp = self.sandbox.demo().corp_id;
        self.open(&format!(
            "{AUTH}?type={kind}&clientId={client}&corpId={corp}&rpcScope={rpc}&fieldScope={field}"
        ))
    }

    fn submit(&mut self, path: &str, page: &Answer, fields: &str) -> Answer {
        let body = format!("nonce={}&{fields}", nonce(page));
        let headers: Vec<_> = HERE.into_iter().chain([("cookie", self.cookie.as_str())]).collect();
        let answer = send(self.sandbox, "POST", path, &headers, body.as_bytes());
        if let Some((cookie, _)) = answer.header("set-cookie").split_once(';') {
            self.cookie = cookie.to_owned();
        }
        answer
    }

    fn decide(&mut self, page: &Answer, decision: &str) -> Answer {
        self.submit(AUTH, page, &format!("decision={decision}"))
    }
}

pub(crate) fn nonce(page: &Answer) -> String {
    let rest = page.text.split("name=\"nonce\" value=\"").nth(1);
    rest.and_then(|rest| rest.split('"').next()).expect("a form").to_owned()
}

/// What the component's promise would resolve with.
fn outcome(page: &Answer) -> String {
    let rest = page.text.split("<pre id=\"outcome\">").nth(1);
    let text = rest.and_then(|rest| rest.split("</pre>").next()).expect("an outcome");
    text.replace("&quot;", "\"")
}

fn auth_code(page: &Answer) -> String {
    let outcome = outcome(page);
    assert!(outcome.starts_with(r#"{"status":"ok","result":{"authCode":""#), "{outcome}");
    outcome.split('"').nth(9).expect("a code").to_owned()
}

#[test]
fn agreeing_grants_what_was_shown_and_brings_a_code() {
    let sandbox = sandbox();
    let demo = sandbox.demo();
    let mut browser = Browser::new(&sandbox);
    let who = browser.ask("0", &demo.client_id, "Contact.User.Read", "Contact.User.mobile");
    assert!(who.text.contains("周棠 (manager01)"), "the page asks who is here");
    let back = browser.submit(AUTH, &who, "user=manager01");
    assert_eq!(back.status, 303);
    let dialog = browser.open(back.header("location"));
    for shown in ["工时登记 Timesheet", "周棠", "青石样品科技", "读取你的个人信息", "你的手机号"]
    {
        assert!(dialog.text.contains(shown), "{shown}");
    }
    let done = browser.decide(&dialog, "approve");
    let token = exchange(&sandbox, &auth_code(&done));
    let me = v1(&sandbox, "GET", "/v1.0/contact/users/me", token.str("/accessToken"), "");
    assert_eq!((me.str("/nick"), me.str("/mobile")), ("周棠", "13900000001"));
}

#[test]
fn refusing_and_closing_are_both_a_cancel_but_closing_has_no_result() {
    let sandbox = sandbox();
    let demo = sandbox.demo();
    let mut browser = Browser::of(&sandbox, "manager01");
    let dialog = browser.ask("0", &demo.client_id, "Contact.User.Read", "");
    let refused = browser.decide(&dialog, "refuse");
    assert_eq!(outcome(&refused), r#"{"status":"cancel","result":null}"#);
    let dialog = browser.ask("0", &demo.client_id, "Contact.User.Read", "");
    assert_eq!(outcome(&browser.decide(&dialog, "close")), r#"{"status":"cancel"}"#);
    assert!(!sandbox.withdraw_consent(&demo.client_id, "manager01"), "nothing was granted");
}

#[test]
fn granted_points_return_without_a_dialog_until_they_are_taken_back() {
    let sandbox = sandbox();
    let demo = sandbox.demo();
    let mut browser = Browser::of(&sandbox, "manager01");
    let dialog = browser.ask("0", &demo.client_id, "Contact.User.Read", "");
    browser.decide(&dialog, "approve");
    let silent = browser.ask("0", &demo.client_id, "Contact.User.Read", "");
    let token = exchange(&sandbox, &auth_code(&silent)).str("/accessToken").to_owned();
    let more = browser.ask("0", &demo.client_id, "Contact.User.Read", "Contact.User.mobile");
    assert!(more.text.contains("decision"), "one point more, and the page asks again");
    let other =
        Browser::of(&sandbox, "u-su-mei").ask("0", &demo.client_id, "Contact.User.Read", "");
    assert!(other.text.contains("decision"), "somebody else is asked");

    let list = browser.open(CANCEL);
    assert!(list.text.contains("Timesheet") && list.text.contains("Contact.User.Read"));
    let gone = browser.submit(CANCEL, &list, &format!("revoke={}", demo.client_id));
    assert_eq!(gone.status, 303);
    assert!(!browser.open(gone.header("location")).text.contains("Timesheet"));
    let again = browser.ask("0", &demo.client_id, "Contact.User.Read", "");
    assert!(again.text.contains("decision"), "the page asks again");
    let me = v1(&sandbox, "GET", "/v1.0/contact/users/me", &token, "");
    assert_eq!(me.code(), "403 Forbidden.AccessDenied.AccessTokenPermissionDenied");
}

#[test]
fn an_administrators_consent_is_the_organizations_and_a_member_may_only_pass_it_on() {
    let sandbox = sandbox();
    let demo = sandbox.demo();
    sandbox.request_point(&demo.plain_client_id, "qyapi_get_member");
    let mut member = Browser::of(&sandbox, "u-su-mei");
    let dialog = member.ask("1", &demo.plain_client_id, ".default", "");
    let passed_on = member.decide(&dialog, "admin");
    assert_eq!(outcome(&passed_on), r#"{"status":"toAdmin","result":null}"#);
    let mut admin = Browser::of(&sandbox, "manager01");
    let dialog = admin.ask("1", &demo.plain_client_id, ".default", "");
    assert!(!dialog.text.contains("value=\"admin\""));
    let granted = r#"{"status":"ok","result":null}"#;
    assert_eq!(outcome(&admin.decide(&dialog, "approve")), granted);
    let token = token_of(&sandbox, &demo.plain_client_id, &demo.plain_client_secret);
    let user = topapi(&sandbox, "v2/user/get", &token, r#"{"userid":"manager01"}"#);
    assert_eq!(user.errcode(), 0);
    let silent = member.ask("1", &demo.plain_client_id, "qyapi_get_member", "");
    assert_eq!(outcome(&silent), granted, "the organization has agreed already");
}

#[test]
fn every_code_of_the_table_is_shown_on_the_page_with_its_meaning() {
    let orphan =
        App::third_party("suiteorphan", "s").corp("dingunknown").request("Contact.User.Read");
    let elsewhere =
        App::internal("dingelsewhere", "s").corp("dingother").request("Contact.User.Read");
    let bare = App::internal("dingbare", "s");
    let sandbox = builder().app(orphan).app(elsewhere).app(bare).in_process();
    let demo = sandbox.demo();
    let client = demo.client_id.as_str();
    let read = "Contact.User.Read";
    let mut seen = BTreeSet::new();
    let mut expect = |page: &Answer, code: &str, english: &str| {
        assert!(page.text.contains(&format!("<h1>{code}</h1>")), "{code}: {}", page.text);
        assert!(page.text.contains(english), "{code} says {english}");
        assert_eq!(outcome(page), r#"{"status":"failed","result":null}"#);
        seen.insert(code.to_owned());
    };
    sandbox.set_switch(&Switch::Language(Language::English));
    let admin = Browser::of(&sandbox, "manager01");
    expect(&admin.open(AUTH), "400001", "empty");
    expect(&admin.ask("0", client, "", ""), "400001", "empty");
    expect(&admin.ask("0", "", read, ""), "400006", "clientId");
    let no_corp = format!("{AUTH}?type=0&clientId={client}&corpId=&rpcScope={read}&fieldScope=");
    expect(&admin.open(&no_corp), "400007", "corpId");
    expect(&Browser::of(&sandbox, "").ask("0", client, read, ""), "400008", "identity");
    expect(&Browser::of(&sandbox, "ext-83610").ask("0", client, read, ""), "400008", "identity");
    expect(&admin.ask("0", "nobody", read, ""), "500101", "does not exist");
    expect(&admin.ask("0", "dingbare", read, ""), "500102", "no permission point");
    sandbox.request_point(&demo.plain_client_id, "qyapi_get_member");
    expect(&admin.ask("0", &demo.plain_client_id, read, ""), "500104", "not added");
    expect(&admin.ask("0", "suiteorphan", read, ""), "500105", "vendor");
    expect(&admin.ask("0", client, "No.Such", ""), "500201", "wrong");
    expect(&admin.ask("0", client, "Contact.User.mobile", ""), "500202", "rpcScope");
    expect(&admin.ask("0", client, "", read), "500203", "fieldScope");
    expect(&admin.ask("1", client, read, ""), "500204", "type 1");
    expect(&admin.ask("0", client, "qyapi_get_member", ""), "500205", "type 0");
    let stranger = Browser::of(&sandbox, "ext-83610").ask("1", client, "qyapi_get_member", "");
    expect(&stranger, "500401", "role");
    sandbox.request_point(&demo.plain_client_id, "qyapi_get_member");
    let mut member = Browser::of(&sandbox, "u-su-mei");
    let dialog = member.ask("1", &demo.plain_client_id, "qyapi_get_member", "");
    expect(&member.decide(&dialog, "approve"), "500402", "administrator");
    expect(&admin.ask("0", "dingelsewhere", read, ""), "500403", "opened");
    let unknown = format!("{AUTH}?type=0&clientId={client}&corpId=dingno&rpcScope={read}");
    expect(&admin.open(&unknown), "500403", "opened");
    sandbox.set_switch(&Switch::ConsentRecordUnwritable(true));
    let mut admin = admin;
    let dialog = admin.ask("0", client, read, "");
    expect(&admin.decide(&dialog, "approve"), "500404", "written");
    sandbox.set_dead_client(client, true);
    expect(&admin.ask("0", client, read, ""), "500103", "cannot be read");
    assert_eq!(seen.len(), 18, "the whole table of §8.3: {seen:?}");
}

#[test]
fn a_parameter_that_comes_twice_or_a_type_that_is_none_is_refused() {
    let sandbox = sandbox();
    let demo = sandbox.demo();
    let browser = Browser::of(&sandbox, "manager01");
    // Not encoded, a value can bring a second `type` along.
    for (client, corp) in [(format!("{}&type=1", demo.client_id), "c"), ("x&corpId=y".into(), "c")]
    {
        let page = browser.open(&format!(
            "{AUTH}?type=0&clientId={client}&corpId={corp}&rpcScope=Contact.User.Read&fieldScope="
        ));
        assert!(page.text.contains("参数重复"), "{client}");
        assert_eq!(outcome(&page), r#"{"status":"failed","result":null}"#);
    }
    for kind in ["", "2", "00", "x"] {
        let page = browser.ask(kind, &demo.client_id, "Contact.User.Read", "");
        assert!(page.text.contains("type 必须是 0 或 1"), "{kind}");
    }
}

#[test]
fn a_form_is_taken_once_and_only_from_this_site() {
    let sandbox = sandbox();
    let demo = sandbox.demo();
    let mut browser = Browser::of(&sandbox, "manager01");
    let dialog = browser.ask("0", &demo.client_id, "Contact.User.Read", "");
    let body = format!("nonce={}&decision=approve", nonce(&dialog));
    let host = ("host", "127.0.0.1:7880");
    for headers in [
        [FORM, host, ("origin", "http://evil.example")],
        [FORM, host, ("origin", "http://127.0.0.1:7881")],
        [FORM, host, ("origin", "null")],
        [FORM, host, ("sec-fetch-site", "cross-site")],
        [FORM, host, ("sec-fetch-site", "same-site")],
    ] {
        assert_eq!(
            send(&sandbox, "POST", AUTH, &headers, body.as_bytes()).status,
            403,
            "{headers:?}"
        );
    }
    assert!(!sandbox.withdraw_consent(&demo.client_id, "manager01"));
    let guess = send(&sandbox, "POST", AUTH, &HERE, b"nonce=guess&decision=approve");
    assert!(guess.text.contains("页面已失效"));
    let json = [("content-type", "text/plain"), host];
    assert!(send(&sandbox, "POST", AUTH, &json, body.as_bytes()).text.contains("页面已失效"));
    let elsewhere = send(&sandbox, "POST", CANCEL, &HERE, body.as_bytes());
    assert!(elsewhere.text.contains("页面已失效"), "a form of another page, and used up by it");
    let dialog = browser.ask("0", &demo.client_id, "Contact.User.Read", "");
    auth_code(&browser.decide(&dialog, "approve"));
    assert!(browser.decide(&dialog, "approve").text.contains("页面已失效"), "sent again");
    assert_eq!(send(&sandbox, "PUT", AUTH, &[], b"").status, 405);
}

#[test]
fn whatever_stands_in_a_name_or_a_parameter_is_text() {
    let evil = "\"><script>alert(1)</script><img src=x onerror='alert(2)'>";
    let app = App::internal("dingevil", "s").name(evil).request("Contact.User.Read");
    let sandbox = builder().app(app).person(Person::new("u-evil", evil)).in_process();
    let encoded: String = form_urlencoded::byte_serialize(evil.as_bytes()).collect();
    let mut browser = Browser::new(&sandbox);
    let mut pages = vec![
        browser
            .open(&format!("{AUTH}?type=0&clientId={encoded}&corpId={encoded}&rpcScope={encoded}")),
        browser.open(&format!("{AUTH}?type={encoded}&clientId=x&x={encoded}")),
        browser.open(&format!("{CANCEL}?corpId={encoded}&x={encoded}")),
        browser.ask("0", "dingevil", "Contact.User.Read", ""),
    ];
    browser.submit(AUTH, &pages[3], "user=u-evil");
    let dialog = browser.ask("0", "dingevil", "Contact.User.Read", "");
    pages.push(browser.decide(&dialog, "approve"));
    pages.push(dialog);
    pages.push(browser.open(CANCEL));
    for page in pages {
        assert!(
            !page.text.contains("<script>alert") && !page.text.contains("<img"),
            "{}",
            page.text
        );
    }
}

#[test]
fn the_pages_headers_keep_codes_and_nonces_to_themselves() {
    let sandbox = sandbox();
    let demo = sandbox.demo();
    let mut browser = Browser::of(&sandbox, "manager01");
    let dialog = browser.ask("0", &demo.client_id, "Contact.User.Read", "");
    let done = browser.decide(&dialog, "approve");
    for page in [dialog, done, browser.open(AUTH), browser.open(CANCEL)] {
        assert_eq!(page.header("cache-control"), "no-store");
        assert_eq!(page.header("referrer-policy"), "same-origin");
        assert_eq!(page.header("x-content-type-options"), "nosniff");
        let policy = page.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; "), "{policy}");
        let scripted = page.text.contains("id=\"outcome\"");
        assert_eq!(policy.contains("script-src 'sha256-"), scripted);
        assert_eq!(page.text.contains("<script>"), scripted);
        assert!(policy.contains("base-uri 'none'") && !policy.contains("unsafe"), "{policy}");
    }
    assert!(browser.cookie.starts_with("dingtalk_sandbox_person="));
}

#[test]
fn the_language_is_a_switch_that_a_reader_may_override() {
    let sandbox = sandbox();
    let demo = sandbox.demo();
    let browser = Browser::of(&sandbox, "manager01");
    let dialog = browser.ask("0", &demo.client_id, "Contact.User.Read", "&lang=en");
    assert!(dialog.text.contains(">Agree<") && dialog.text.contains("read your profile"));
    sandbox.set_switch(&Switch::Language(Language::English));
    let dialog = browser.ask("0", &demo.client_id, "Contact.User.Read", "");
    assert!(dialog.text.contains(">Agree<") && dialog.text.contains("lang=zh"));
}

#[test]
fn the_host_may_lead_the_path() {
    let page = send(&sandbox(), "GET", &format!("/n.dingtalk.com{AUTH}"), &[], b"");
    assert!(page.text.contains("400001"));
}
