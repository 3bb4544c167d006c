//! Takes each step with the sandbox and with the model, and compares.

use std::fmt::Debug;
use std::time::Duration;

use dingtalk_sandbox::{
    App, BrowserLogin, Consent, ConsentOutcome, Person, RefreshMode, Sandbox, Switch,
};
use http::Request;
use serde_json::{Value, json};

use crate::Step;
use crate::reference::{
    GRACE, Gives, Holder, MY_MOBILE, Mode, Model, Pool, READ_ME, READ_MEMBER, SUITE, Shown,
};

const START: u64 = 1_700_000_000_000;
const APPS: [&str; 3] = ["dingmodelone", "dingmodeltwo", "suitemodel"];
const PEOPLE: [&str; 2] = ["m-zero", "m-one"];
const POINTS: [&str; 3] = [READ_MEMBER, READ_ME, MY_MOBILE];
const REDIRECT: &str = "http://localhost/back";
const SECRET: &str = "a-secret";
const DEAD_CODE: &str = "400 invalidParameter.authCode.notFound";
const WRONG_PAIR: &str = "400 invalidClientIdOrSecret";

type Check = Result<(), String>;

pub(crate) struct Driver {
    sandbox: Sandbox,
    model: Model,
    corps: [String; 2],
    sso_secret: String,
}

impl Driver {
    pub(crate) fn new(mode: Mode) -> Self {
        let refresh = match mode {
            Mode::Rotate => RefreshMode::Rotate,
            Mode::SamePair => RefreshMode::SamePair,
            Mode::Grace => RefreshMode::Grace(Duration::from_millis(GRACE)),
        };
        let sandbox = Sandbox::builder()
            .empty()
            .frozen_at(START)
            .switch(Switch::Refresh(refresh))
            .in_process();
        let demo = sandbox.demo();
        let corps = [demo.corp_id, "dingsecondcorp".to_owned()];
        let driver =
            Self { sandbox, model: Model::new(START, mode), corps, sso_secret: demo.sso_secret };
        driver.furnish();
        driver
    }

    fn furnish(&self) {
        let Self { sandbox, corps, .. } = self;
        sandbox.add_company(&corps[1], "第二组织");
        for corp in corps {
            for (at, id) in PEOPLE.iter().enumerate() {
                let person = Person::new(*id, format!("人{at}")).mobile(format!("1390000000{at}"));
                sandbox.add_person_to(corp, person);
            }
        }
        for client in &APPS[..SUITE] {
            sandbox.add_app(App::internal(*client, SECRET).redirect_uri(REDIRECT));
        }
        let suite = App::third_party(APPS[SUITE], SECRET).suite_ticket("t").redirect_uri(REDIRECT);
        sandbox.add_app(suite.opened_by(&*corps[0]).opened_by(&*corps[1]));
    }

    pub(crate) fn take(&mut self, step: Step) -> Check {
        match step {
            Step::Nothing => Ok(()),
            Step::Internal { app, door } => self.internal(app, door),
            Step::Corp { corp, door } => self.corp(corp, door),
            Step::Sso => self.sso(),
            Step::SilentCode { app, person } => self.silent_code(app, person),
            Step::SsoCode { person } => {
                let code = self.sandbox.sso_code(PEOPLE[person])?;
                self.model.learn_code(code, Pool::Sso, (0, 0, person), false);
                Ok(())
            }
            Step::Login { app, corp, person, with_corp } => {
                let corp = if app == SUITE { corp } else { 0 };
                self.login((app, corp, person), with_corp)
            }
            Step::Consent { app, person, mobile, agrees } => {
                self.consent(app, person, mobile, agrees)
            }
            Step::ShowSilent { code, token } => self.show_silent(code, token),
            Step::ShowOAuth { code, app } => self.show_oauth(code, app),
            Step::ShowSso { code, token } => self.show_sso(code, token),
            Step::Refresh { pair, app } => self.refresh(pair, app),
            Step::ReadMember { token } => self.read_member(token),
            Step::ReadMe { token } => self.read_me(token),
            Step::AskFor { app, point } => {
                let fresh = !self.model.has_asked(app, POINTS[point]);
                self.model.ask_for(app, POINTS[point]);
                same("asked anew", self.sandbox.request_point(APPS[app], POINTS[point]), fresh)
            }
            Step::Grant { app, point } => {
                self.model.grant(app, POINTS[point]);
                same("granted", self.sandbox.grant(APPS[app], POINTS[point]), true)
            }
            Step::TakeBack { app, point } => {
                self.model.take_back(app, POINTS[point]);
                self.sandbox.revoke_grant(APPS[app], POINTS[point]);
                Ok(())
            }
            Step::Withdraw { app, person } => {
                let taken = self.model.withdraw(app, person);
                same("taken", self.sandbox.withdraw_consent(APPS[app], PEOPLE[person]), taken)
            }
            Step::DropToken { token } => {
                if let Some((at, text)) = self.token(token) {
                    self.model.drop_token(at);
                    self.sandbox.revoke_token(&text);
                }
                Ok(())
            }
            Step::DropRefresh { pair } => {
                if let Some(at) = newest(self.model.pairs.len(), pair) {
                    self.model.drop_refresh(at);
                    self.sandbox.revoke_token(&self.model.pairs[at].refresh);
                }
                Ok(())
            }
            Step::DropAll => {
                self.model.drop_all_tokens();
                self.sandbox.revoke_all_tokens();
                Ok(())
            }
            Step::Disable { app, disabled } => {
                self.model.disable(app, disabled);
                same("known", self.sandbox.set_dead_client(APPS[app], disabled), true)
            }
            Step::Advance { ms } => {
                self.model.now += ms;
                self.sandbox.clock().advance(Duration::from_millis(ms));
                Ok(())
            }
            Step::Reload => {
                let snapshot = self.sandbox.snapshot();
                self.sandbox.load(&snapshot).map_err(|error| error.to_string())
            }
            Step::Reset => {
                self.sandbox.reset();
                self.model.reset(START);
                self.furnish();
                Ok(())
            }
        }
    }

    fn internal(&mut self, app: usize, door: usize) -> Check {
        let (client, corp) = (APPS[app], &self.corps[0]);
        let (answer, name, refusal) = match door {
            0 => {
                let uri = format!("/gettoken?appkey={client}&appsecret={SECRET}");
                (self.get(&uri, ""), "access_token", "40096")
            }
            1 => {
                let body = json!({"appKey": client, "appSecret": SECRET});
                (self.post("/v1.0/oauth2/accessToken", &body), "accessToken", WRONG_PAIR)
            }
            _ => {
                let body = credentials(client);
                let uri = format!("/v1.0/oauth2/{corp}/token");
                (self.post(&uri, &body), "access_token", "400 invalid.client")
            }
        };
        match self.model.internal(app) {
            Gives::Refuses => same("refusal", answer.code(), refusal.to_owned()),
            Gives::Again(text) => same("token", answer.text(name), text),
            Gives::New => self.new_token(answer.text(name), Holder::App { app, corp: 0 }),
        }
    }

    fn corp(&mut self, corp: usize, door: usize) -> Check {
        let (client, id) = (APPS[SUITE], &self.corps[corp]);
        let (answer, name, refusal) = if door == 0 {
            let body = json!({
                "suiteKey": client, "suiteSecret": SECRET, "authCorpId": id, "suiteTicket": "t"
            });
            let answer = self.post("/v1.0/oauth2/corpAccessToken", &body);
            (answer, "accessToken", "400 invalidSuiteKey")
        } else {
            let uri = format!("/v1.0/oauth2/{id}/token");
            (self.post(&uri, &credentials(client)), "access_token", "400 invalid.client")
        };
        if self.model.disabled[SUITE] {
            return same("refusal", answer.code(), refusal.to_owned());
        }
        self.new_token(answer.text(name), Holder::App { app: SUITE, corp })
    }

    fn sso(&mut self) -> Check {
        let body = json!({"corpid": self.corps[0], "ssoSecret": self.sso_secret});
        let answer = self.post("/v1.0/oauth2/ssoAccessToken", &body);
        self.new_token(answer.text("accessToken"), Holder::Backend { corp: 0 })
    }

    fn silent_code(&mut self, app: usize, person: usize) -> Check {
        let code = self.sandbox.silent_code(APPS[app], PEOPLE[person]);
        same("code given", code.is_ok(), !self.model.disabled[app])?;
        if let Ok(code) = code {
            self.model.learn_code(code, Pool::Silent, (app, 0, person), false);
        }
        Ok(())
    }

    fn login(&mut self, who: (usize, usize, usize), with_corp: bool) -> Check {
        let (app, corp, person) = who;
        let scope = if with_corp { "openid corpid" } else { "openid" };
        let login = BrowserLogin::new(APPS[app], REDIRECT, PEOPLE[person]).scope(scope);
        let url = self.sandbox.login(&login.corp(&*self.corps[corp]));
        same("logged in", url.is_ok(), !self.model.disabled[app])?;
        let Ok(url) = url else {
            return Ok(());
        };
        let code = url.split(['?', '&']).find_map(|part| part.strip_prefix("authCode="));
        let code = code.ok_or_else(|| format!("no code in {url}"))?.to_owned();
        self.model.learn_code(code, Pool::OAuth, who, with_corp);
        for point in [READ_ME, MY_MOBILE] {
            if self.model.has_asked(app, point) {
                self.model.agree(app, person, point);
            }
        }
        Ok(())
    }

    fn consent(&mut self, app: usize, person: usize, mobile: bool, agrees: bool) -> Check {
        let asked = Consent::delegated(APPS[app], &*self.corps[0], PEOPLE[person]);
        let fields = if mobile { MY_MOBILE } else { "" };
        let asked = asked.rpc_scope(READ_ME).field_scope(fields);
        let outcome = self.sandbox.consent(&if agrees { asked } else { asked.refuse() });
        let points: &[_] = if mobile { &[READ_ME, MY_MOBILE] } else { &[READ_ME] };
        let refusal = if self.model.disabled[app] {
            Some(500_103)
        } else if !POINTS.iter().any(|point| self.model.has_asked(app, point)) {
            Some(500_102)
        } else if !points.iter().all(|point| self.model.has_asked(app, point)) {
            Some(500_104)
        } else {
            None
        };
        same("error", outcome.as_ref().err().map(|error| error.code), refusal)?;
        let code = match outcome {
            Err(_) => return Ok(()),
            Ok(ConsentOutcome::Cancelled) => return same("agrees", false, agrees),
            Ok(outcome) => outcome.auth_code().map(str::to_owned),
        };
        same("agrees", true, agrees)?;
        for point in points {
            self.model.agree(app, person, point);
        }
        let code = code.ok_or("a consent without a code")?;
        self.model.learn_code(code, Pool::OAuth, (app, 0, person), false);
        Ok(())
    }

    fn show_silent(&mut self, code: usize, token: usize) -> Check {
        let (Some((at, code)), Some((holder, token))) = (self.code(code), self.token(token)) else {
            return Ok(());
        };
        let uri = format!("/topapi/v2/user/getuserinfo?access_token={token}");
        let answer = self.post(&uri, &json!({"code": code}));
        let Some(Holder::App { app, corp }) = self.model.speaks_for(holder) else {
            return same("answer", answer.code(), "88/40014".to_owned());
        };
        match self.model.redeem(at, Pool::Silent, Some(app), Some(corp)) {
            Some(code) => same("person", answer.text("/result/userid"), PEOPLE[code.person].into()),
            None => same("answer", answer.code(), "40078".to_owned()),
        }
    }

    fn show_oauth(&mut self, code: usize, app: Option<usize>) -> Check {
        let Some((at, code)) = self.code(code) else {
            return Ok(());
        };
        let app = app.unwrap_or(self.model.codes[at].app);
        let body = json!({
            "clientId": APPS[app], "clientSecret": SECRET, "code": code, "grantType": "authorization_code"
        });
        let answer = self.post("/v1.0/oauth2/userAccessToken", &body);
        if self.model.disabled[app] {
            return same("answer", answer.code(), WRONG_PAIR.to_owned());
        }
        let Some(code) = self.model.redeem(at, Pool::OAuth, Some(app), None) else {
            return same("answer", answer.code(), DEAD_CODE.to_owned());
        };
        match self.model.pair_for(&code) {
            Gives::Again(pair) => same("pair", answer.pair(), pair),
            _ => self.new_pair(&answer, code, None),
        }
    }

    fn show_sso(&mut self, code: usize, token: usize) -> Check {
        let (Some((at, code)), Some((holder, token))) = (self.code(code), self.token(token)) else {
            return Ok(());
        };
        let answer = self.get(&format!("/v1.0/oauth2/ssoUserInfo?code={code}"), &token);
        let Some(Holder::Backend { corp }) = self.model.speaks_for(holder) else {
            return same("answer", answer.code(), "400 invalidToken".to_owned());
        };
        match self.model.redeem(at, Pool::Sso, None, Some(corp)) {
            Some(code) => same("person", answer.text("userId"), PEOPLE[code.person].into()),
            None => same("answer", answer.code(), "400 invalidCode".to_owned()),
        }
    }

    fn refresh(&mut self, pair: usize, app: Option<usize>) -> Check {
        let Some(at) = newest(self.model.pairs.len(), pair) else {
            return Ok(());
        };
        let app = app.unwrap_or(self.model.origin(at).app);
        let body = json!({
            "clientId": APPS[app], "clientSecret": SECRET, "grantType": "refresh_token",
            "refreshToken": self.model.pairs[at].refresh
        });
        let answer = self.post("/v1.0/oauth2/userAccessToken", &body);
        if self.model.disabled[app] {
            return same("answer", answer.code(), WRONG_PAIR.to_owned());
        }
        match self.model.refresh(at, app) {
            Gives::Refuses => same("answer", answer.code(), DEAD_CODE.to_owned()),
            Gives::Again(pair) => same("pair", answer.pair(), pair),
            Gives::New => self.new_pair(&answer, self.model.origin(at), Some(at)),
        }
    }

    fn read_member(&self, token: usize) -> Check {
        let Some((holder, token)) = self.token(token) else {
            return Ok(());
        };
        let uri = format!("/topapi/v2/user/get?access_token={token}");
        let answer = self.post(&uri, &json!({"userid": PEOPLE[0]}));
        let expected = match self.model.speaks_for(holder) {
            Some(Holder::App { app, .. }) if self.model.app_may(app, READ_MEMBER) => "0",
            Some(Holder::App { .. }) => "88/60011",
            _ => "88/40014",
        };
        same("answer", answer.code(), expected.to_owned())
    }

    fn read_me(&self, token: usize) -> Check {
        let Some((holder, token)) = self.token(token) else {
            return Ok(());
        };
        let answer = self.get("/v1.0/contact/users/me", &token);
        let Some(Holder::Person { app, person, .. }) = self.model.speaks_for(holder) else {
            return same("answer", answer.code(), "400 InvalidAuthentication".to_owned());
        };
        if !self.model.person_lets(app, person, READ_ME) {
            let refusal = "403 Forbidden.AccessDenied.AccessTokenPermissionDenied";
            return same("answer", answer.code(), refusal.to_owned());
        }
        same("name", answer.text("nick"), format!("人{person}"))?;
        let mobile = match (self.model.person_lets(app, person, MY_MOBILE), app) {
            (false, _) => String::new(),
            (true, SUITE) => format!("139****000{person}"),
            (true, _) => format!("1390000000{person}"),
        };
        same("mobile", answer.text("mobile"), mobile)
    }

    fn new_token(&mut self, text: String, holder: Holder) -> Check {
        self.is_new(&text)?;
        self.model.learn_token(text, holder);
        Ok(())
    }

    fn new_pair(
        &mut self,
        answer: &Answer,
        code: crate::reference::Code,
        from: Option<usize>,
    ) -> Check {
        let (access, refresh, with_corp) = answer.pair();
        self.is_new(&access)?;
        self.is_new(&refresh)?;
        same("corpId shown", with_corp, code.with_corp)?;
        if with_corp {
            same("corpId", answer.text("corpId"), self.corps[code.corp].clone())?;
        }
        self.model.learn_pair(access, refresh, code, from);
        Ok(())
    }

    fn is_new(&self, text: &str) -> Check {
        same("length", text.len(), 32)?;
        same("seen before", self.model.known(text), false)
    }

    fn token(&self, back: usize) -> Option<(usize, String)> {
        let at = newest(self.model.tokens.len(), back)?;
        Some((at, self.model.tokens[at].text.clone()))
    }

    fn code(&self, back: usize) -> Option<(usize, String)> {
        let at = newest(self.model.codes.len(), back)?;
        Some((at, self.model.codes[at].text.clone()))
    }

    fn get(&self, uri: &str, token: &str) -> Answer {
        let request = Request::get(uri).header("x-acs-dingtalk-access-token", token);
        Answer::of(self.sandbox.handle(request.body(Vec::new()).expect("well-formed")))
    }

    fn post(&self, uri: &str, body: &Value) -> Answer {
        let request = Request::post(uri).header("content-type", "application/json");
        let body = body.to_string().into_bytes();
        Answer::of(self.sandbox.handle(request.body(body).expect("well-formed")))
    }
}

struct Answer {
    status: u16,
    json: Value,
}

impl Answer {
    fn of(response: http::Response<Vec<u8>>) -> Self {
        let json = serde_json::from_slice(response.body()).unwrap_or_default();
        Self { status: response.status().as_u16(), json }
    }

    /// A member by name or pointer; what is not there is an empty text.
    fn text(&self, name: &str) -> String {
        let value =
            if name.starts_with('/') { self.json.pointer(name) } else { self.json.get(name) };
        value.and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    fn pair(&self) -> Shown {
        let with_corp = self.json.get("corpId").is_some();
        (self.text("accessToken"), self.text("refreshToken"), with_corp)
    }

    fn code(&self) -> String {
        match (&self.json["sub_code"], &self.json["errcode"], &self.json["code"]) {
            (Value::String(sub), _, _) => format!("88/{sub}"),
            (_, Value::Number(errcode), _) => errcode.to_string(),
            (_, _, Value::String(code)) => format!("{} {code}", self.status),
            _ => format!("{}", self.status),
        }
    }
}

fn credentials(client: &str) -> Value {
    json!({"client_id": client, "client_secret": SECRET, "grant_type": "client_credentials"})
}

/// Counted from the newest.
fn newest(len: usize, back: usize) -> Option<usize> {
    len.checked_sub(1 + back)
}

fn same<T: PartialEq + Debug>(what: &str, got: T, expected: T) -> Check {
    if got == expected {
        Ok(())
    } else {
        Err(format!("{what}: got {got:?}, expected {expected:?}"))
    }
}
