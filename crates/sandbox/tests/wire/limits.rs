//! What the limits of wire-facts §12 count, and that they are off.

use dingtalk_sandbox::{Sandbox, Switch};

use crate::examples::{example, operations};
use crate::support::{app_token, builder, get, sandbox, suite_corp_token, token_of, topapi, v1};

const USED_UP: &str = "403 Forbidden.AccessDenied.ApiCountLimitForOrg";

#[test]
fn no_limit_holds_unless_a_switch_says_so() {
    let sandbox = builder().journal_limit(16).in_process();
    let (token, suite) = (app_token(&sandbox), suite_corp_token(&sandbox));
    let uri = format!("/v1.0/todo/users/{}/org/tasks/query", sandbox.demo().union_id);
    for _ in 0..5_100 {
        assert_eq!(topapi(&sandbox, "v2/department/listsub", &token, "{}").errcode(), 0);
        assert_eq!(v1(&sandbox, "POST", "/v1.0/oauth2/jsapiTickets", &suite, "").status, 200);
        assert_eq!(v1(&sandbox, "POST", &uri, &token, "{}").status, 200);
    }
}

#[test]
fn the_month_counts_every_todo_operation_and_no_other() {
    for row in operations(&sandbox()) {
        let name = row["operation"].as_str().expect("a name");
        let sandbox = sandbox();
        let example = example(&sandbox, name);
        sandbox.set_switch(&Switch::MonthlyQuota(Some(0)));
        let answer = example.send(&sandbox);
        let counted = name.contains(" /v1.0/todo/");
        assert_eq!(
            answer.json["code"] == "Forbidden.AccessDenied.ApiCountLimitForOrg",
            counted,
            "{name}"
        );
        assert_eq!(row["billed"], counted, "{name}");
    }
}

#[test]
fn each_organization_has_a_month_of_its_own() {
    let app = dingtalk_sandbox::App::internal("dingelsewhere", "s").corp("dingother");
    let sandbox = builder().in_process();
    sandbox.add_company("dingother", "Other");
    sandbox.add_person_to("dingother", dingtalk_sandbox::Person::new("somebody", "x"));
    sandbox.add_app(app.grant("Todo.Todo.Read"));
    sandbox.set_switch(&Switch::MonthlyQuota(Some(1)));
    let uri = format!("/v1.0/todo/users/{}/org/tasks/query", sandbox.demo().union_id);
    let ask = |sandbox: &Sandbox, token: &str| v1(sandbox, "POST", &uri, token, "{}").code();
    let own = app_token(&sandbox);
    assert_eq!([ask(&sandbox, &own), ask(&sandbox, &own)], ["200 without code", USED_UP]);
    let other = token_of(&sandbox, "dingelsewhere", "s");
    assert_eq!(ask(&sandbox, &other), "200 without code");
}

#[test]
fn a_ban_of_an_address_covers_every_family_and_both_forms() {
    let sandbox = sandbox();
    let token = app_token(&sandbox);
    sandbox.set_switch(&Switch::AddressLimit(Some(0)));
    let asks: [&dyn Fn() -> crate::support::Answer; 3] = [
        &|| get(&sandbox, "/gettoken"),
        &|| topapi(&sandbox, "v2/department/listsub", &token, "{}"),
        &|| v1(&sandbox, "POST", "/v1.0/oauth2/jsapiTickets", &token, ""),
    ];
    for html in [true, false] {
        sandbox.set_switch(&Switch::BanPageIsHtml(html));
        for ask in asks {
            let answer = ask();
            let page = answer.header("content-type") == "text/html;charset=utf-8";
            assert_eq!((answer.status, page), (200, html));
            assert_eq!(answer.json["status"] == 1111, !html, "{}", answer.text);
        }
    }
}
