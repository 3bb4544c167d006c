//! Departments (wire-facts §6.6).

use crate::support::{app_token, sandbox, topapi};

const ENGINEERING: i64 = 604_118_221;

#[test]
fn children_are_an_array_and_a_leaf_has_none() {
    let sandbox = sandbox();
    let token = app_token(&sandbox);
    let root = topapi(&sandbox, "v2/department/listsub", &token, "{}");
    assert_eq!(
        root.keys(),
        "errcode errmsg result result.auto_add_user result.create_dept_group result.dept_id result.name \
         result.parent_id request_id"
    );
    assert_eq!(root.json["result"].as_array().map(Vec::len), Some(3));
    let leaf = topapi(&sandbox, "v2/department/listsub", &token, r#"{"dept_id":604118226}"#);
    assert_eq!(leaf.json["result"], serde_json::json!([]));
    let english = topapi(&sandbox, "v2/department/listsub", &token, r#"{"language":"en_US"}"#);
    assert_eq!(english.json["result"][1]["name"], "Engineering");
}

#[test]
fn a_department_has_the_fields_of_the_wire() {
    let sandbox = sandbox();
    let token = app_token(&sandbox);
    let answer =
        topapi(&sandbox, "v2/department/get", &token, &format!(r#"{{"dept_id":{ENGINEERING}}}"#));
    let keys = answer.keys();
    let fields: Vec<&str> = keys.split(' ').filter_map(|key| key.strip_prefix("result.")).collect();
    assert_eq!(
        fields.join(" "),
        "auto_add_user auto_approve_apply brief create_dept_group dept_group_chat_id dept_id \
         dept_manager_userid_list dept_permits group_contain_sub_dept hide_dept member_count name order \
         org_dept_owner outer_dept outer_permit_depts outer_permit_users owning_member_count parent_id user_permits"
    );
    let root = topapi(&sandbox, "v2/department/get", &token, r#"{"dept_id":1}"#);
    assert!(root.json["result"].get("parent_id").is_none());
}

#[test]
fn the_ways_up_begin_with_the_department_itself() {
    let sandbox = sandbox();
    let token = app_token(&sandbox);
    let ids = topapi(
        &sandbox,
        "v2/department/listsubid",
        &token,
        &format!(r#"{{"dept_id":{ENGINEERING}}}"#),
    );
    assert_eq!(ids.json["result"], serde_json::json!({"dept_id_list": [604_118_223, 604_118_224]}));
    let up = topapi(&sandbox, "v2/department/listparentbydept", &token, r#"{"dept_id":604118226}"#);
    assert_eq!(
        up.json["result"]["parent_id_list"],
        serde_json::json!([604_118_226, 604_118_225, 604_118_223, ENGINEERING, 1]),
        "four levels below the root"
    );
    let of_user =
        topapi(&sandbox, "v2/department/listparentbyuser", &token, r#"{"userid":"manager01"}"#);
    assert_eq!(
        of_user.json["result"]["parent_list"],
        serde_json::json!([{"parent_dept_id_list": [ENGINEERING, 1]}, {"parent_dept_id_list": [1]}])
    );
}

#[test]
fn missing_departments_and_arguments_are_told_apart() {
    let sandbox = sandbox();
    let token = app_token(&sandbox);
    for path in ["get", "listsubid", "listparentbydept", "listsub"] {
        let path = format!("v2/department/{path}");
        assert_eq!(topapi(&sandbox, &path, &token, r#"{"dept_id":99}"#).errcode(), 60003, "{path}");
        assert_eq!(
            topapi(&sandbox, &path, &token, r#"{"dept_id":"x"}"#).errcode(),
            400_002,
            "{path}"
        );
        if !path.ends_with("listsub") {
            assert_eq!(topapi(&sandbox, &path, &token, "{}").errcode(), 400_002, "{path}");
        }
    }
    let path = "v2/department/listparentbyuser";
    assert_eq!(topapi(&sandbox, path, &token, r#"{"userid":"nobody"}"#).errcode(), 33012);
    assert_eq!(topapi(&sandbox, path, &token, "{}").errcode(), 400_002);
}
