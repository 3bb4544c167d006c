//! Invariant 12: no URL, header value, body or secret reaches a `Debug`, a `Display` or an error.

use dingtalk_core::auth::GetTokenLegacy;
use dingtalk_core::machine::{Env, Event, Machine, Order, OrderForm, RequestForm};
use dingtalk_core::{App, Call, Credential, Nobody, Policy, Region, Sso};

use crate::support::{Expect, Me, Read, at, json, token};

fn clean(what: &str, text: &str) {
    assert!(!text.contains("canary"), "{what}: {text}");
}

#[test]
fn invariant_12_nothing_printable_shows_a_secret() {
    let app = App::internal("dingtest", "canary-client-secret");
    let person = app.user_from_refresh_token("canary-refresh");
    let sso = Sso::new("ding1", "canary-sso", Region::china());
    app.seed("canary-token", at(7_200), at(0));
    clean("app", &format!("{app:?} {app:#?} {:?}", app.source()));
    clean("user", &format!("{person:?} {:?}", person.tokens(at(0))));
    clean("sso", &format!("{sso:?}"));
    clean("held", &format!("{:?}", app.token(at(0))));
    clean("builder", &format!("{:?}", App::builder("id", "canary")));

    let call = Call::new(&Read {}, &app);
    clean("call", &format!("{call:?}"));
    let step = call.step(at(1));
    clean("step", &format!("{step:?}"));
    let (request, sent) = step.send();
    clean("request", &format!("{request:?}"));
    clean("form", &format!("{:?}", RequestForm::from(&request)));
    clean("sent", &format!("{sent:?}"));

    let mut machine = Machine::for_token(app.source(), Policy::default());
    let order = machine.resume(Event::Start, Env::at(at(1)));
    clean("order form", &format!("{:?} {machine:?}", OrderForm::from(&order)));
    assert!(matches!(order, Order::Done(_)));
}

#[test]
fn invariant_12_an_answer_that_echoes_secrets_is_cleaned() {
    let app = App::internal("dingtest", "canary-client-secret");
    let echo = r#"{"requestid":"R","code":"x.canary-client-secret","message":"secret canary-client-secret bad"}"#;
    let (_, sent) = Call::new(&Read {}, &app).step(at(0)).send();
    let error = sent.reply(at(0), json(400, echo)).done().unwrap_err();
    clean("token error", &format!("{error} {error:?} {}", serde_json::to_string(&error).unwrap()));

    let nobody = Nobody::in_region(Region::china());
    let direct = GetTokenLegacy::new("dingtest", "canary-client-secret");
    let echo_200 = r#"{"errcode":40096,"errmsg":"appsecret canary-client-secret 不合法"}"#;
    let (_, sent) = Call::new(&direct, &nobody).step(at(0)).send();
    let error = sent.reply(at(0), json(200, echo_200)).done().unwrap_err();
    clean("direct token error", &format!("{error} {error:?}"));

    let person = app.user_from_code("canary-code");
    let echo = r#"{"requestid":"R","code":"x","message":"code canary-code unknown"}"#;
    let (_, sent) = Call::new(&Me {}, &person).step(at(0)).send();
    let error = sent.reply(at(0), json(400, echo)).done().unwrap_err();
    clean("code error", &format!("{error} {error:?}"));

    let (_, sent) = Call::new(&Read {}, &app).step(at(0)).send();
    let (_, sent) = sent.reply(at(0), token("canary-token")).send();
    let echo = r#"{"errcode":60121,"errmsg":"token canary-token 找不到该用户"}"#;
    let error = sent.reply(at(0), json(200, echo)).done().unwrap_err();
    clean("call error", &format!("{error} {error:?}"));
}
