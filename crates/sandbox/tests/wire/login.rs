//! The browser login (wire-facts §4.4).

use std::time::Duration;

use dingtalk_sandbox::{App, BrowserLogin, Callback, Language, Person, Sandbox, Switch};

use crate::support::{Answer, builder, exchange, get, parameter, sandbox, send, v1};

fn page_uri(sandbox: &Sandbox, redirect: &str, scope: &str) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query
        .append_pair("redirect_uri", redirect)
        .append_pair("response_type", "code")
        .append_pair("client_id", &sandbox.demo().client_id)
        .append_pair("scope", scope)
        .append_pair("state", "s&=?中")
        .append_pair("prompt", "consent");
    format!("/oauth2/auth?{}", query.finish())
}

fn nonce(page: &Answer) -> String {
    page.text
        .split("name=\"nonce\" value=\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .expect("a form")
        .to_owned()
}

fn answer_form(sandbox: &Sandbox, body: &str) -> Answer {
    send(
        sandbox,
        "POST",
        "/oauth2/auth",
        &[("content-type", "application/x-www-form-urlencoded")],
        body.as_bytes(),
    )
}

#[test]
fn agreeing_on_the_page_sends_the_browser_back_with_both_parameters_and_the_state() {
    let sandbox = sandbox();
    let page = get(&sandbox, &page_uri(&sandbox, &sandbox.demo().redirect_uri, "openid corpid"));
    assert_eq!((page.status, page.header("content-type")), (200, "text/html;charset=utf-8"));
    let answer =
        answer_form(&sandbox, &format!("nonce={}&user=manager01&decision=approve", nonce(&page)));
    assert_eq!(answer.status, 302);
    let url = answer.header("location");
    assert!(url.starts_with("http://localhost:8080/callback?code="));
    let code = parameter(url, "code").expect("a code");
    assert_eq!(parameter(url, "authCode"), Some(code.clone()));
    assert_eq!(parameter(url, "state").as_deref(), Some("s&=?中"));
    let token = exchange(&sandbox, &code);
    assert_eq!(token.str("/corpId"), sandbox.demo().corp_id);
    let me = v1(&sandbox, "GET", "/v1.0/contact/users/me", token.str("/accessToken"), "");
    assert_eq!(me.status, 200, "agreeing grants the points that the app has added");
}

#[test]
fn the_form_works_once_and_only_with_its_nonce() {
    let sandbox = sandbox();
    let page = get(&sandbox, &page_uri(&sandbox, &sandbox.demo().redirect_uri, "openid"));
    let body = format!("nonce={}&user=manager01&decision=approve", nonce(&page));
    assert_eq!(answer_form(&sandbox, "user=manager01&decision=approve").status, 200);
    assert_eq!(answer_form(&sandbox, &body).status, 302);
    assert_eq!(answer_form(&sandbox, &body).status, 200, "sent again");
    let page = get(&sandbox, &page_uri(&sandbox, &sandbox.demo().redirect_uri, "openid"));
    sandbox.clock().advance(Duration::from_secs(600));
    assert_eq!(
        answer_form(&sandbox, &format!("nonce={}&user=manager01&decision=approve", nonce(&page)))
            .status,
        200
    );
}

#[test]
fn refusing_brings_an_error_and_the_state() {
    let sandbox = sandbox();
    let page = get(&sandbox, &page_uri(&sandbox, &sandbox.demo().redirect_uri, "openid"));
    let answer =
        answer_form(&sandbox, &format!("nonce={}&user=manager01&decision=refuse", nonce(&page)));
    let url = answer.header("location");
    assert_eq!(parameter(url, "error").as_deref(), Some("access_denied"));
    assert_eq!(parameter(url, "state").as_deref(), Some("s&=?中"));
    assert_eq!(parameter(url, "code"), None);
}

#[test]
fn an_address_that_is_not_registered_gets_no_redirect() {
    let sandbox = sandbox();
    for bad in [
        "",
        "http://localhost:8081/callback",
        "https://localhost:8080/callback",
        "http://localhost.evil.example:8080/",
        "http://localhost:8080@evil.example/",
        "http://evil.example\\@localhost:8080/",
        "javascript:alert(1)//localhost:8080",
        "//localhost:8080/callback",
    ] {
        let page = get(&sandbox, &page_uri(&sandbox, bad, "openid"));
        assert_eq!(page.status, 200);
        assert!(page.text.contains("redirect_uri参数错误"), "{bad}");
    }
    let path = get(&sandbox, &page_uri(&sandbox, "http://LOCALHOST:8080/another/path", "openid"));
    assert!(path.text.contains("<form"), "scheme, host and port count, the path does not");
}

#[test]
fn every_other_mistake_is_said_on_the_page() {
    let sandbox = sandbox();
    let good = page_uri(&sandbox, &sandbox.demo().redirect_uri, "openid");
    for (from, to, name) in [
        ("client_id=", "client_id=x", "client_id"),
        ("response_type=code", "response_type=token", "response_type"),
        ("scope=openid", "scope=email", "scope"),
        ("prompt=consent", "prompt=none", "prompt"),
        ("prompt=consent", "prompt=consent&corpId=dingnowhere", "corpId"),
    ] {
        let page = get(&sandbox, &good.replace(from, to));
        assert!(page.text.contains(&format!("{name}参数错误")), "{name}");
    }
    assert_eq!(send(&sandbox, "DELETE", "/oauth2/auth", &[], b"").status, 405);
}

#[test]
fn names_on_the_page_are_escaped() {
    let sandbox = builder().person(Person::new("x\"><script>", "<b>&'\"")).in_process();
    let page = get(&sandbox, &page_uri(&sandbox, &sandbox.demo().redirect_uri, "openid"));
    assert!(!page.text.contains("<script>") && !page.text.contains("<b>"));
    assert!(page.text.contains("&lt;b&gt;&amp;&#39;&quot;"));
}

#[test]
fn the_shortcut_for_tests_does_what_the_page_does() {
    let sandbox = sandbox();
    let demo = sandbox.demo();
    let login =
        BrowserLogin::new(&demo.client_id, "https://app.example.com/cb?x=1#top", &demo.user_id)
            .state("s");
    let url = sandbox.login(&login).expect("may log in");
    assert!(
        url.starts_with("https://app.example.com/cb?x=1&code=") && url.ends_with("&state=s#top"),
        "{url}"
    );
    sandbox.set_switch(&Switch::Callback(Callback::AuthCodeOnly));
    let url = sandbox.login(&login).expect("may log in");
    assert_eq!((parameter(&url, "code"), parameter(&url, "authCode").is_some()), (None, true));
    let refused = sandbox.login(&login.refuse()).expect("refusing redirects too");
    assert_eq!(parameter(&refused, "error").as_deref(), Some("access_denied"));
    let stranger = BrowserLogin::new(&demo.client_id, &demo.redirect_uri, "nobody");
    assert!(sandbox.login(&stranger).is_err());
    let inactive = BrowserLogin::new(&demo.client_id, &demo.redirect_uri, &demo.inactive_user_id);
    assert!(sandbox.login(&inactive).is_err());
}

/// Two organizations that opened the demo's third-party app, with one person in both.
fn two_organizations(sandbox: &Sandbox) {
    sandbox.add_company("dingsecond", "第二组织 <b>");
    sandbox.add_app(
        App::third_party("suitetwo", "s")
            .redirect_uri("http://localhost:8080/")
            .opened_by(sandbox.demo().corp_id)
            .opened_by("dingsecond"),
    );
    assert!(sandbox.add_person_to("dingsecond", Person::new("u-su-mei", "苏梅").admin()));
    assert!(sandbox.add_person_to("dingsecond", Person::new("u-only", "只在第二组织")));
    assert!(!sandbox.add_person_to("dingnowhere", Person::new("u-x", "x")));
}

fn two_uri(sandbox: &Sandbox, scope: &str, more: &str) -> String {
    page_uri(sandbox, "http://localhost:8080/cb", scope)
        .replace(&sandbox.demo().client_id, "suitetwo")
        + more
}

#[test]
fn a_person_of_several_organizations_chooses_one_when_the_scope_asks_for_it() {
    let sandbox = sandbox();
    two_organizations(&sandbox);
    let page = get(&sandbox, &two_uri(&sandbox, "openid corpid", ""));
    let choice =
        answer_form(&sandbox, &format!("nonce={}&user=u-su-mei&decision=approve", nonce(&page)));
    assert_eq!(choice.status, 200);
    assert!(choice.text.contains("青石样品科技") && choice.text.contains("第二组织 &lt;b&gt;"));
    let foreign =
        answer_form(&sandbox, &format!("nonce={}&corp=dingx&decision=approve", nonce(&choice)));
    assert!(foreign.text.contains("该用户不在此组织内"), "only what was offered");
    for corp in ["dingsecond".to_owned(), sandbox.demo().corp_id] {
        let page = get(&sandbox, &two_uri(&sandbox, "openid corpid", ""));
        let choice = answer_form(
            &sandbox,
            &format!("nonce={}&user=u-su-mei&decision=approve", nonce(&page)),
        );
        let body = format!("nonce={}&corp={corp}&decision=approve", nonce(&choice));
        let answer = answer_form(&sandbox, &body);
        let code = parameter(answer.header("location"), "authCode").expect("a code");
        let body = format!(
            r#"{{"clientId":"suitetwo","clientSecret":"s","code":"{code}","grantType":"authorization_code"}}"#
        );
        let token = v1(&sandbox, "POST", "/v1.0/oauth2/userAccessToken", "", &body);
        assert_eq!(token.str("/corpId"), corp);
    }
}

#[test]
fn there_is_no_choice_without_the_scope_with_one_organization_or_with_a_preset() {
    let sandbox = sandbox();
    two_organizations(&sandbox);
    for (scope, more, user) in [
        ("openid", "", "u-su-mei"),
        ("openid corpid", "", "u-only"),
        ("openid corpid", "", "manager01"),
        ("openid corpid", "&corpId=dingsecond", "u-su-mei"),
        ("openid corpid", "&org_type=management", "u-su-mei"),
    ] {
        let page = get(&sandbox, &two_uri(&sandbox, scope, more));
        let body = format!("nonce={}&user={user}&decision=approve", nonce(&page));
        assert_eq!(answer_form(&sandbox, &body).status, 302, "{scope} {more} {user}");
    }
    let page = get(&sandbox, &two_uri(&sandbox, "openid corpid", "&corpId=dingsecond"));
    assert!(page.text.contains("组织：第二组织 &lt;b&gt;"), "the one is shown");
    let body = format!("nonce={}&user=manager01&decision=approve", nonce(&page));
    assert!(answer_form(&sandbox, &body).text.contains("该用户不在此组织内"));
}

#[test]
fn a_form_from_another_site_is_refused_and_the_page_is_in_no_frame_and_no_cache() {
    let sandbox = sandbox();
    let page = get(&sandbox, &page_uri(&sandbox, &sandbox.demo().redirect_uri, "openid"));
    assert_eq!(
        (page.header("cache-control"), page.header("x-frame-options")),
        ("no-store", "DENY")
    );
    let policy = page.header("content-security-policy");
    assert!(policy.contains("form-action 'self' http://localhost:8080;"), "{policy}");
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
    let body = format!("nonce={}&user=manager01&decision=approve", nonce(&page));
    let headers = [
        ("content-type", "application/x-www-form-urlencoded"),
        ("host", "127.0.0.1:7880"),
        ("origin", "https://evil.example"),
    ];
    let refused = send(&sandbox, "POST", "/oauth2/auth", &headers, body.as_bytes());
    assert_eq!((refused.status, refused.header("location")), (403, ""));
    assert_eq!(answer_form(&sandbox, &body).header("cache-control"), "no-store");
}

#[test]
fn the_login_page_speaks_the_language_of_the_switch() {
    let sandbox = sandbox();
    let uri = page_uri(&sandbox, &sandbox.demo().redirect_uri, "openid");
    assert!(get(&sandbox, &uri).text.contains(">同意<"));
    assert!(get(&sandbox, &format!("{uri}&lang=en")).text.contains(">Agree<"));
    sandbox.set_switch(&Switch::Language(Language::English));
    assert!(get(&sandbox, &uri).text.contains("wants to know who you are"));
}
