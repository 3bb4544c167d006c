//! People on topapi and in the address-book search (wire-facts §6.1, §6.3–§6.5, §6.7).

use dingtalk_sandbox::{App, Person, Sandbox, Switch, UnknownUser};

use crate::support::{
    app_token, builder, form, plain_token, sandbox, suite_corp_token, token_of, topapi, v1,
};

const USER_GET: &str = "v2/user/get";

fn get_user(sandbox: &Sandbox, user_id: &str) -> crate::support::Answer {
    topapi(sandbox, USER_GET, &app_token(sandbox), &format!(r#"{{"userid":"{user_id}"}}"#))
}

#[test]
fn a_person_with_everything_has_every_field_in_the_order_of_the_wire() {
    let sandbox = sandbox();
    let answer = get_user(&sandbox, &sandbox.demo().user_id);
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, "application/json;charset=UTF-8")
    );
    let keys: Vec<String> = answer.keys().split(' ').map(str::to_owned).collect();
    assert_eq!(keys[..3], ["errcode", "errmsg", "result"]);
    assert_eq!(keys.last().map(String::as_str), Some("request_id"));
    let fields: Vec<&str> = keys
        .iter()
        .filter_map(|key| key.strip_prefix("result."))
        .filter(|key| !key.contains('.'))
        .collect();
    let expected = "active admin avatar boss dept_id_list dept_order_list dept_position_list email exclusive_account \
                    extension hide_mobile hired_date job_number leader_in_dept mobile name org_email org_email_type \
                    real_authed remark role_list senior state_code telephone title union_emp_ext unionid userid \
                    work_place";
    assert_eq!(fields.join(" "), expected);
    assert_eq!(answer.str("/request_id").len(), 13);
}

#[test]
fn results_are_typed_and_orders_have_18_digits() {
    let sandbox = sandbox();
    let result = get_user(&sandbox, &sandbox.demo().user_id).json["result"].clone();
    assert_eq!(result["active"], true);
    assert_eq!(result["hired_date"], 1_425_168_000_000_i64);
    assert_eq!(result["dept_id_list"], serde_json::json!([604_118_221, 1]));
    let order = result["dept_order_list"][0]["order"].as_i64().expect("orders are numbers");
    assert_eq!(order.to_string().len(), 18);
    assert!(order > 1 << 53);
    assert_eq!(result["union_emp_ext"], serde_json::json!({}));
    assert_eq!(result["role_list"][0]["group_name"], "岗位");
    assert_eq!(result["leader_in_dept"][0]["leader"], true);
}

#[test]
fn the_printed_form_is_all_text_and_single_objects() {
    let sandbox = builder().switch(Switch::PrintedForm(true)).in_process();
    let answer = get_user(&sandbox, &sandbox.demo().user_id);
    assert_eq!(answer.json["errcode"], "0");
    assert_eq!(answer.json["result"]["active"], "true");
    assert_eq!(answer.json["result"]["dept_id_list"], "[604118221,1]");
    assert!(answer.json["result"]["role_list"].is_object());
}

#[test]
fn a_missing_avatar_is_an_empty_text_unless_the_switch_says_absent() {
    let sandbox = sandbox();
    let member = sandbox.demo().member_user_id;
    assert_eq!(get_user(&sandbox, &member).json["result"]["avatar"], "");
    sandbox.set_switch(&Switch::AvatarAbsent(true));
    assert!(get_user(&sandbox, &member).json["result"].get("avatar").is_none());
}

#[test]
fn phone_and_mail_need_their_field_points() {
    let sandbox = sandbox();
    let demo = sandbox.demo();
    assert!(sandbox.revoke_grant(&demo.client_id, "fieldMobile"));
    let result = get_user(&sandbox, &demo.user_id).json["result"].clone();
    assert!(result.get("mobile").is_none() && result.get("state_code").is_none());
    assert!(result.get("email").is_some());
    assert!(sandbox.revoke_grant(&demo.client_id, "fieldEmail"));
    let result = get_user(&sandbox, &demo.user_id).json["result"].clone();
    for field in ["email", "work_place", "remark", "extension"] {
        assert!(result.get(field).is_none(), "{field}");
    }
    assert!(result.get("telephone").is_some());
}

#[test]
fn a_third_party_app_never_gets_personal_fields() {
    let sandbox = sandbox();
    let body = format!(r#"{{"userid":"{}"}}"#, sandbox.demo().user_id);
    let result =
        topapi(&sandbox, USER_GET, &suite_corp_token(&sandbox), &body).json["result"].clone();
    for field in
        "state_code mobile telephone email work_place remark org_email extension hired_date"
            .split_whitespace()
    {
        assert!(result.get(field).is_none(), "{field}");
    }
    assert_eq!(result["job_number"], "H0001");
}

#[test]
fn the_english_name_is_an_answer_to_its_language() {
    let sandbox = sandbox();
    let token = app_token(&sandbox);
    let name = |body: &str| topapi(&sandbox, USER_GET, &token, body).str("/result/name").to_owned();
    assert_eq!(name(r#"{"userid":"manager01"}"#), "周棠");
    assert_eq!(name(r#"{"userid":"manager01","language":"en_US"}"#), "Zhou Tang");
}

#[test]
fn each_way_to_miss_a_user_has_its_own_errcode() {
    let sandbox = sandbox();
    let token = app_token(&sandbox);
    let ask = |body: &str| topapi(&sandbox, USER_GET, &token, body);
    let absent = ask("{}");
    assert_eq!((absent.errcode(), absent.keys().as_str()), (400_002, "errcode errmsg request_id"));
    assert_eq!(ask(r#"{"userid":""}"#).errcode(), 33012);
    assert_eq!(ask(r#"{"userid":["manager01"]}"#).errcode(), 400_002);
    let unknown = ask(r#"{"userid":"nobody"}"#);
    assert_eq!((unknown.errcode(), unknown.str("/errmsg")), (60121, "找不到该用户"));
    assert_eq!(
        ask(r#"{"userid":"ext-83610"}"#).errcode(),
        60121,
        "an external contact is no employee"
    );
    sandbox.set_switch(&Switch::UnknownUser(UnknownUser::Code33012));
    assert_eq!(ask(r#"{"userid":"nobody"}"#).errcode(), 33012);
}

#[test]
fn people_and_departments_outside_the_contact_scope_are_50002_and_50004() {
    let backend = 604_118_223;
    let app = App::internal("dingnarrow", "s")
        .grant("qyapi_get_member")
        .grant("qyapi_get_department_member")
        .grant("qyapi_get_department_list")
        .contact_scope(&[backend], &["u-qian"]);
    let sandbox = builder().app(app).in_process();
    let token = token_of(&sandbox, "dingnarrow", "s");
    let person = |id: &str| topapi(&sandbox, USER_GET, &token, &format!(r#"{{"userid":"{id}"}}"#));
    assert_eq!(person("u-su-mei").errcode(), 0, "a direct member");
    assert_eq!(person("u-anna").errcode(), 0, "a member further down");
    assert_eq!(person("u-qian").errcode(), 0, "listed by name");
    let outside = person("u-lin-xia");
    assert_eq!(
        (outside.errcode(), outside.str("/errmsg")),
        (50002, "请求的员工userid不在授权范围内")
    );
    let page = |id: i64| {
        topapi(
            &sandbox,
            "v2/user/list",
            &token,
            &format!(r#"{{"dept_id":{id},"cursor":0,"size":10}}"#),
        )
    };
    assert_eq!(page(backend).errcode(), 0);
    let outside = page(604_118_220);
    assert_eq!((outside.errcode(), outside.str("/errmsg")), (50004, "请求的部门id不在授权范围内"));
    assert_eq!(topapi(&sandbox, "v2/department/listsub", &token, "{}").errcode(), 50004);
    assert_eq!(
        topapi(&sandbox, "user/listid", &token, r#"{"dept_id":1}"#).errcode(),
        0,
        "listid ignores the scope"
    );
    let scopes = crate::support::get(&sandbox, &format!("/auth/scopes?access_token={token}"));
    assert_eq!(
        scopes.json["auth_org_scopes"],
        serde_json::json!({"authed_user": ["u-qian"], "authed_dept": [backend]})
    );
    assert_eq!(
        scopes.keys(),
        "errcode errmsg auth_org_scopes auth_org_scopes.authed_user auth_org_scopes.authed_dept auth_user_field condition_field"
    );
}

#[test]
fn a_union_id_finds_employees_and_external_contacts() {
    let sandbox = sandbox();
    let demo = sandbox.demo();
    let token = app_token(&sandbox);
    let ask = |id: &str| {
        topapi(&sandbox, "user/getbyunionid", &token, &format!(r#"{{"unionid":"{id}"}}"#))
    };
    let answer = ask(&demo.union_id);
    assert_eq!(answer.keys(), "errcode errmsg result result.contact_type result.userid request_id");
    assert_eq!(
        answer.json["result"],
        serde_json::json!({"contact_type": 0, "userid": demo.user_id})
    );
    assert_eq!(ask(&demo.external_union_id).json["result"]["contact_type"], 1);
    assert_eq!(ask("stranger").errcode(), 60121);
    assert_eq!(topapi(&sandbox, "user/getbyunionid", &token, "{}").errcode(), 400_002);
}

#[test]
fn a_phone_number_finds_employees_only() {
    let sandbox = sandbox();
    let demo = sandbox.demo();
    let token = app_token(&sandbox);
    let ask = |mobile: &str| {
        topapi(&sandbox, "v2/user/getbymobile", &token, &format!(r#"{{"mobile":"{mobile}"}}"#))
    };
    let answer = ask(&demo.mobile);
    assert_eq!(
        answer.keys(),
        "errcode errmsg result result.userid result.exclusive_account_userid_list request_id"
    );
    assert_eq!(answer.str("/result/userid"), demo.user_id);
    assert_eq!(ask("13811112222").errcode(), 60121);
    assert_eq!(ask("13900000099").errcode(), 60121, "an external contact's number");
    assert_eq!(ask("no number").errcode(), 40104);
}

#[test]
fn arguments_come_as_form_or_json_and_numbers_as_text() {
    let sandbox = sandbox();
    let token = app_token(&sandbox);
    assert_eq!(form(&sandbox, USER_GET, &token, "userid=manager01").errcode(), 0);
    assert_eq!(form(&sandbox, "user/listid", &token, "dept_id=1").errcode(), 0);
    assert_eq!(topapi(&sandbox, "user/listid", &token, r#"{"dept_id":"604118223"}"#).errcode(), 0);
    assert_eq!(topapi(&sandbox, "user/listid", &token, r#"{"dept_id":"one"}"#).errcode(), 400_002);
    assert_eq!(topapi(&sandbox, "user/listid", &token, r#"{"dept_id":1.5}"#).errcode(), 400_002);
    assert_eq!(topapi(&sandbox, "user/listid", &token, "{").errcode(), 47001);
}

#[test]
fn pages_follow_each_other_and_the_last_one_has_no_cursor() {
    let sandbox = sandbox();
    for at in 0..5 {
        sandbox.add_person(Person::new(format!("extra-{at}"), "某人").department(604_118_226));
    }
    let token = app_token(&sandbox);
    let page = |cursor: usize| {
        let body = format!(r#"{{"dept_id":604118226,"cursor":{cursor},"size":4}}"#);
        topapi(&sandbox, "user/listsimple", &token, &body)
    };
    let first = page(0);
    assert_eq!(
        first.keys(),
        "errcode errmsg result result.has_more result.next_cursor result.list result.list.name result.list.userid request_id"
    );
    assert_eq!(first.json["result"]["next_cursor"], 4);
    let last = page(4);
    assert_eq!(last.json["result"]["has_more"], false);
    assert!(last.json["result"].get("next_cursor").is_none());
    assert_eq!(last.json["result"]["list"].as_array().map(Vec::len), Some(2));
    assert_eq!(page(400).json["result"], serde_json::json!({"has_more": false, "list": []}));
}

#[test]
fn list_rows_have_the_fields_of_the_wire_and_the_order_of_the_department() {
    let sandbox = sandbox();
    let token = app_token(&sandbox);
    let answer =
        topapi(&sandbox, "v2/user/list", &token, r#"{"dept_id":604118221,"cursor":0,"size":100}"#);
    let keys = answer.keys();
    let fields: Vec<&str> =
        keys.split(' ').filter_map(|key| key.strip_prefix("result.list.")).collect();
    assert_eq!(
        fields.join(" "),
        "active admin avatar boss dept_id_list dept_order email exclusive_account extension hide_mobile hired_date \
         job_number leader mobile name org_email remark state_code telephone title unionid userid work_place"
    );
    assert_eq!(answer.json["result"]["list"][0]["leader"], true);
}

#[test]
fn wrong_pages_have_their_errcodes() {
    let sandbox = sandbox();
    let token = app_token(&sandbox);
    let ask = |path: &str, body: &str| topapi(&sandbox, path, &token, body).errcode();
    let page =
        |cursor: i64, size: i64| format!(r#"{{"dept_id":1,"cursor":{cursor},"size":{size}}}"#);
    assert_eq!(ask("user/listsimple", &page(-1, 10)), 40068);
    assert_eq!(ask("user/listsimple", &page(0, 101)), 40069);
    assert_eq!(ask("user/listsimple", r#"{"dept_id":9,"cursor":0,"size":1}"#), 60003);
    assert_eq!(ask("user/listsimple", r#"{"dept_id":1}"#), 400_002);
    assert_eq!(ask("v2/user/list", &page(-1, 10)), 40035);
    assert_eq!(ask("v2/user/list", &page(0, 0)), 40035);
    assert_eq!(
        ask("v2/user/list", r#"{"dept_id":1,"cursor":0,"size":1,"order_field":"age"}"#),
        40035
    );
    assert_eq!(ask("v2/user/list", r#"{"dept_id":9,"cursor":0,"size":1}"#), 60019);
    for order in ["entry_asc", "entry_desc", "modify_asc", "modify_desc", "custom"] {
        let body = format!(r#"{{"dept_id":1,"cursor":0,"size":1,"order_field":"{order}"}}"#);
        assert_eq!(ask("v2/user/list", &body), 0, "{order}");
    }
    assert_eq!(ask("user/listid", r#"{"dept_id":9}"#), 60003);
    assert_eq!(ask("user/listid", "{}"), 400_002);
}

#[test]
fn the_search_finds_people_and_departments_by_name() {
    let sandbox = sandbox();
    let token = app_token(&sandbox);
    let ask = |what: &str, body: &str| {
        v1(&sandbox, "POST", &format!("/v1.0/contact/{what}/search"), &token, body)
    };
    let answer = ask("users", r#"{"queryWord":"林","offset":0,"size":10}"#);
    assert_eq!(answer.text, r#"{"hasMore":false,"totalCount":1,"list":["u-lin-xia"]}"#);
    assert_eq!(
        ask("users", r#"{"queryWord":"林","offset":0,"size":10,"fullMatchField":1}"#).json["totalCount"],
        0
    );
    assert_eq!(
        ask("departments", r#"{"queryWord":"运维","offset":0,"size":10}"#).json["list"][0],
        604_118_222
    );
    assert_eq!(ask("users", r#"{"queryWord":"林","offset":0}"#).code(), "400 Missingsize");
    assert_eq!(
        ask("users", r#"{"queryWord":"林","offset":-1,"size":10}"#).code(),
        "400 parameter.error"
    );
    let refused = v1(&sandbox, "POST", "/v1.0/contact/users/search", &plain_token(&sandbox), "{}");
    assert_eq!(refused.json["accessdenieddetail"]["requiredScopes"][0], "qyapi_addresslist_search");
}
