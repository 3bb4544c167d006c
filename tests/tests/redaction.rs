//! Invariant 12 over real exchanges: nothing that may be printed holds a secret, a token, a code,
//! a ticket or a phone number. Both clients, everything that they give to the program.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::fmt::{Debug, Display};
use std::sync::{Arc, Mutex};

use dingtalk_core::auth::{
    AuthorizeUrl, GetUserToken, ObtainToken, OpenAuthResult, State, Subject, parse_callback,
};
use dingtalk_core::contact::{GetContactUser, GetUser, GetUserByCode, GetUserByMobile, ListUsers};
use dingtalk_core::jsapi::{CreateTicket, Doctor, ObtainTicket};
use dingtalk_core::{
    App, Call, Credential, Error, Family, RawEndpoint, Region, Reply, Request, Response, Secret,
    Sso, Step, TransportError, from_fn,
};
use dingtalk_sandbox::{BrowserLogin, Consent, Fault, PlatformError, Sandbox};
use dingtalk_tests::{Driver, Hunt, Rig, Wire, now};

const APP: &str = "dingcanary";
const SECRET: &str = "cAnArY-client-secret-5f2c81fe";
const MOBILE: &str = "13987654321";
const MAIL: &str = "cAnArY@mail.example";

/// What must not be printed, and everything that was.
struct Witness {
    forbidden: Hunt,
    printed: usize,
}

impl Witness {
    fn new() -> Self {
        let forbidden = Hunt::of([("client secret", SECRET), ("mobile", MOBILE), ("mail", MAIL)]);
        Self { forbidden, printed: 0 }
    }

    fn secret(&mut self, what: &'static str, value: &str) {
        self.forbidden.add(what, value);
    }

    fn debug(&mut self, what: &str, value: &impl Debug) {
        self.text(what, &format!("{value:?}"));
        self.text(what, &format!("{value:#?}"));
    }

    fn display(&mut self, what: &str, value: &(impl Display + Debug)) {
        self.debug(what, value);
        self.text(what, &format!("{value}"));
        self.text(what, &format!("{value:#}"));
    }

    fn error(&mut self, what: &str, error: &Error) {
        self.display(what, error);
        self.text(what, error.message().unwrap_or_default());
        self.text(what, &serde_json::to_string(error).unwrap());
    }

    fn text(&mut self, what: &str, text: &str) {
        self.printed += 1;
        self.forbidden.assert_clean(what, text);
    }
}

fn company() -> dingtalk_sandbox::Builder {
    let app = dingtalk_sandbox::App::internal(APP, SECRET)
        .redirect_uri("http://localhost:8080/cb")
        .grant_everything();
    let person = dingtalk_sandbox::Person::new("u-canary", "某人")
        .mobile(MOBILE)
        .email(MAIL)
        .department(604_118_221);
    Sandbox::builder().app(app).person(person)
}

fn over(driver: Driver, wire: Wire) {
    let rig = Rig::new(driver, wire, company());
    let demo = rig.demo();
    let mut witness = Witness::new();

    // Tokens, tickets, codes: learned, and looked for from then on.
    let app = rig.app_of(APP, SECRET);
    let held = rig.call(&app, ObtainToken::new()).unwrap();
    witness.secret("app token", held.value.expose());
    witness.debug("held token", &held);
    let ticket = rig.call(&app, ObtainTicket::new()).unwrap();
    witness.secret("ticket", ticket.value.expose());
    witness.debug("held ticket", &ticket);
    witness.debug("ticket answer", &rig.call(&app, CreateTicket::new()).unwrap());
    let config = serde_json::json!({
        "agentId": "1", "corpId": demo.corp_id, "timeStamp": "1700000000000", "nonceStr": "n",
        "signature": "0".repeat(64), "jsApiList": ["a.b"],
    });
    let doctor = Doctor::new(&ticket.value);
    witness.debug("doctor", &doctor);
    witness.debug("diagnosis", &doctor.diagnose(&config, "https://app.example.com/"));

    let consent = Consent::delegated(APP, &*demo.corp_id, "u-canary")
        .rpc_scope("Contact.User.Read")
        .field_scope("Contact.User.mobile");
    let json = rig.sandbox.consent(&consent).unwrap().to_json();
    let granted = OpenAuthResult::parse(Subject::Delegated, &json).unwrap();
    let OpenAuthResult::Granted(code) = &granted else { panic!("not granted") };
    witness.secret("consent code", code.secret().expose());
    witness.debug("consent", &granted);
    let person = app.user_from_code(code.clone());
    witness.debug("person before", &person);
    let profile = rig.call(&person, GetContactUser::me()).unwrap();
    assert_eq!(profile.mobile.as_deref(), Some(MOBILE), "it is really there");
    witness.debug("profile", &profile);
    let tokens = person.tokens(now());
    witness.secret("user token", tokens.access_token.as_ref().unwrap().0.expose());
    witness.secret("refresh token", tokens.refresh_token.as_ref().unwrap().expose());
    witness.debug("kept tokens", &tokens);

    let state = State::from_entropy([0x5f; 16]);
    witness.secret("state", state.expose());
    witness.debug("state", &state);
    let redirect = "http://localhost:8080/cb";
    let url = AuthorizeUrl::new(&rig.region, APP, redirect, &state).unwrap();
    witness.debug("authorize url", &url);
    let mut login = BrowserLogin::new(APP, redirect, "u-canary");
    login.state = state.expose().to_owned();
    let back = rig.sandbox.login(&login).unwrap();
    let code = parse_callback(&back, &state).unwrap();
    witness.secret("login code", code.secret().expose());
    witness.debug("login code", &code);
    witness.display("callback error", &parse_callback("state=x", &state).unwrap_err());
    let twisted = back.replace("&authCode=", "&authCode=x");
    witness.display("callback error", &parse_callback(&twisted, &state).unwrap_err());

    // Answers with personal values.
    let details = rig.call(&app, GetUser::new("u-canary")).unwrap();
    assert_eq!(details.mobile.as_deref(), Some(MOBILE), "it is really there");
    witness.debug("details", &details);
    witness.debug("list", &rig.call(&app, ListUsers::new(604_118_221)).unwrap());
    let by_mobile = GetUserByMobile::new(MOBILE);
    witness.debug("request by mobile", &by_mobile);
    witness.debug("found by mobile", &rig.call(&app, &by_mobile).unwrap());

    // Credentials, clients, requests.
    let sso = Sso::new(&*demo.corp_id, SECRET, rig.region.clone());
    witness.debug("app", &app);
    witness.debug("app's source", app.source());
    witness.debug("app's token", &app.token(now()));
    witness.debug("app builder", &App::builder(APP, SECRET));
    witness.debug("person", &person);
    witness.debug("sso", &sso);
    witness.text("client of an app", &rig.debug(&app));
    witness.text("client of a person", &rig.debug(&person));
    witness.text("client of an sso", &rig.debug(&sso));
    let silent = rig.sandbox.silent_code(APP, "u-canary").unwrap();
    witness.secret("silent code", &silent);
    witness.debug("request by code", &GetUserByCode::new(&*silent));
    witness.debug("exchange", &GetUserToken::from_code(APP, SECRET, &*silent));
    let raw = RawEndpoint::get(Family::Legacy, "/sso/{x}").variable(SECRET).query("code", &*silent);
    witness.debug("raw", &raw);

    // Every way to fail, the platform's echo of what it was sent included.
    let echo = format!(
        r#"{{"errcode":40035,"errmsg":"bad {SECRET} {} in access_token"}}"#,
        held.value.expose()
    );
    let get = "POST /topapi/v2/user/get";
    for fault in [
        Fault::on(get).answer(200, "application/json", echo.clone()),
        Fault::on(get).answer(
            200,
            "application/json",
            format!(r#"{{"errcode":0,"result":"{MOBILE}"}}"#),
        ),
        Fault::on(get).answer(200, "text/plain", format!("{MOBILE} {SECRET}")),
        Fault::on(get).answer(500, "text/plain", echo.clone()),
        Fault::on(get).answer(302, "text/plain", echo),
        Fault::on(get).platform_error(PlatformError::PermissionMissing),
        Fault::on(get).platform_error(PlatformError::IpNotAllowed),
        Fault::on(get).platform_error(PlatformError::Quota),
        Fault::on(get).truncate_body(60),
        Fault::on(get).close(),
    ] {
        rig.sandbox.clear_faults();
        rig.sandbox.fault(fault);
        witness.error("failed call", &rig.fail(&app, GetUser::new("u-canary")));
    }
    rig.sandbox.clear_faults();
    rig.call(&app, GetUserByCode::new(&*silent)).unwrap();
    witness.error("code used twice", &rig.fail(&app, GetUserByCode::new(&*silent)));
    witness.error("nobody there", &rig.fail(&app, GetUserByMobile::new("13987654320")));
    let wrong = rig.app_of(APP, "cAnArY-wrong-secret");
    witness.secret("wrong secret", "cAnArY-wrong-secret");
    let token = "POST /v1.0/oauth2/accessToken";
    let echo = r#"{"code":"invalidClientIdOrSecret","message":"cAnArY-wrong-secret?"}"#;
    rig.sandbox.fault(Fault::on(token).answer(400, "application/json", echo));
    witness.error("wrong secret", &rig.fail(&wrong, ObtainToken::new()));
    rig.sandbox.clear_faults();

    rig.sandbox.revoke_all_tokens();
    let refresh = tokens.refresh_token.unwrap();
    let echo = format!(
        r#"{{"code":"invalidParameter.authCode.notFound","message":"{0} {1}"}}"#,
        refresh.expose(),
        SECRET
    );
    let exchange = "POST /v1.0/oauth2/userAccessToken";
    rig.sandbox.fault(Fault::on(exchange).answer(400, "application/json", echo));
    witness.error("dead refresh", &rig.fail(&person, GetContactUser::me()));
    witness.debug("person afterwards", &person);
    witness.debug("app afterwards", &app);
    assert!(witness.printed > 100, "{} texts", witness.printed);
}

#[test]
fn nothing_printable_of_the_blocking_client_shows_a_secret() {
    over(Driver::Blocking, Wire::Socket);
    over(Driver::Blocking, Wire::Closure);
}

#[test]
fn nothing_printable_of_the_async_client_shows_a_secret() {
    over(Driver::Async, Wire::Socket);
    over(Driver::Async, Wire::Closure);
}

#[test]
fn no_request_step_or_reply_that_a_transport_of_ones_own_prints_shows_a_secret() {
    let sandbox = company().in_process();
    let witness = Arc::new(Mutex::new(Witness::new()));
    let (judge, eyes) = (sandbox.clone(), Arc::clone(&witness));
    let transport = from_fn(move |request: Request| -> Reply {
        let mut eyes = eyes.lock().unwrap();
        eyes.debug("request", &request);
        eyes.text("label", request.label());
        let reply = match judge.try_handle(request.into_http()) {
            Ok(response) => Ok(Response::from(response)),
            Err(_) => Err(TransportError::lost("gone")),
        };
        eyes.debug("reply", &reply);
        reply
    });
    let region = Region::custom(&sandbox.origin()).unwrap();
    let app = App::builder(APP, SECRET).region(region).by_gettoken().build();
    let client = dingtalk_blocking::Client::with_transport(app.clone(), transport);
    let token = client.call(ObtainToken::new()).unwrap().value;
    witness.lock().unwrap().secret("token", token.expose());
    client.call(GetUser::new("u-canary")).unwrap();
    client.call(GetUserByMobile::new(MOBILE)).unwrap();
    let code = sandbox.silent_code(APP, "u-canary").unwrap();
    witness.lock().unwrap().secret("code", &code);
    client.call(GetUserByCode::new(&*code)).unwrap();
    assert!(witness.lock().unwrap().printed > 10);

    let mut witness = witness.lock().unwrap();
    let call = Call::new(&GetUserByMobile::new(MOBILE), &app);
    witness.debug("call", &call);
    let step = call.step(now());
    witness.debug("step", &step);
    let Step::Send(request, sent) = step else { panic!("a warm call is sent") };
    assert!(request.url().to_string().contains(token.expose()), "it is really there");
    witness.debug("request", &request);
    witness.debug("sent", &sent);
    let reply =
        Response::new(200, Default::default(), format!(r#"{{"errcode":0,"result":"{MOBILE}"}}"#));
    witness.debug("step", &sent.reply(now(), Ok(reply)));
    witness.debug("secret", &Secret::from(SECRET));
}
