//! People and departments.

use dingtalk_core::contact::{
    GetContactUser, GetDepartment, GetUser, GetUserByCode, GetUserByMobile, GetUserByUnionId,
    Language, ListParentDepartments, ListSubDepartmentIds, ListSubDepartments, ListUserIds,
    ListUserNames, ListUsers, SearchDepartments, SearchUsers,
};
use dingtalk_core::{ErrorKind, UserId};
use dingtalk_sandbox::{Department, Person, Sandbox};
use dingtalk_tests::Rig;

use super::{rig, rig_of};

/// A department with so many people in it.
const CROWD: i64 = 700_000_001;

fn crowded(people: usize) -> Rig {
    let department = Department::new(CROWD, "人群", 1);
    let crowd = Sandbox::builder().department(department);
    rig_of((0..people).fold(crowd, |crowd, at| {
        crowd
            .person(Person::new(format!("crowd-{at:03}"), format!("众人{at:03}")).department(CROWD))
    }))
}

#[test]
fn a_list_goes_on_over_as_many_pages_as_there_are() {
    let rig = crowded(23);
    let app = rig.app();
    let list = || ListUsers::new(CROWD).size(10);
    let mut ids: Vec<_> =
        rig.pages(&app, list()).unwrap().into_iter().map(|user| user.userid).collect();
    assert_eq!(rig.count("POST /topapi/v2/user/list"), 3);
    assert_eq!(ids.len(), 23);
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 23, "nobody twice");

    let names = rig.pages(&app, ListUserNames::new(CROWD).size(8)).unwrap();
    assert_eq!(names.len(), 23);
    assert_eq!(rig.count("POST /topapi/user/listsimple"), 3);
}

#[test]
fn a_list_that_fits_its_page_exactly_ends_there_and_an_empty_one_at_once() {
    let rig = crowded(20);
    let app = rig.app();
    assert_eq!(rig.pages(&app, ListUsers::new(CROWD).size(10)).unwrap().len(), 20);
    assert_eq!(rig.count("POST /topapi/v2/user/list"), 2);
    rig.sandbox.add_department(Department::new(CROWD + 1, "空", 1));
    assert!(rig.pages(&app, ListUsers::new(CROWD + 1)).unwrap().is_empty());
    assert_eq!(rig.count("POST /topapi/v2/user/list"), 3);
}

#[test]
fn a_list_goes_on_although_its_token_dies_between_two_pages() {
    let rig = crowded(23);
    let app = rig.app();
    let dead = dingtalk_sandbox::Fault::on("POST /topapi/v2/user/list")
        .nth(2)
        .platform_error(dingtalk_sandbox::PlatformError::TokenDead);
    let dead = rig.sandbox.fault(dead);
    assert_eq!(rig.pages(&app, ListUsers::new(CROWD).size(10)).unwrap().len(), 23);
    assert_eq!((dead.hits(), rig.sandbox.token_requests()), (1, 2));
}

#[test]
fn an_error_ends_a_list() {
    let rig = crowded(23);
    let app = rig.app();
    let gone = dingtalk_sandbox::Fault::on("POST /topapi/v2/user/list")
        .nth(2)
        .platform_error(dingtalk_sandbox::PlatformError::PermissionMissing);
    rig.sandbox.fault(gone);
    let error = rig.pages(&app, ListUsers::new(CROWD).size(10)).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Permission { .. }), "{error}");
    assert_eq!(rig.count("POST /topapi/v2/user/list"), 2);
}

#[test]
fn a_search_goes_on_over_its_pages_and_can_ask_for_whole_names() {
    let rig = crowded(23);
    let app = rig.app();
    assert_eq!(rig.pages(&app, SearchUsers::new("众人").size(10)).unwrap().len(), 23);
    assert_eq!(rig.count("POST /v1.0/contact/users/search"), 3);
    let whole = rig.call(&app, SearchUsers::new("众人007").full_match()).unwrap();
    assert_eq!(whole.list, [UserId::from("crowd-007")]);
    let departments = rig.pages(&app, SearchDepartments::new("人群")).unwrap();
    assert_eq!(departments, [CROWD.into()]);
    assert!(rig.pages(&app, SearchUsers::new("没有这个人")).unwrap().is_empty());
}

#[test]
fn a_person_is_found_by_each_of_their_ids() {
    let rig = rig();
    let (demo, app) = (rig.demo(), rig.app());
    let by_union = rig.call(&app, GetUserByUnionId::new(&*demo.union_id)).unwrap();
    assert_eq!(by_union.userid, *demo.user_id);
    assert!(by_union.is_employee());
    let external = rig.call(&app, GetUserByUnionId::new(&*demo.external_union_id)).unwrap();
    assert!(!external.is_employee());
    let by_mobile = rig.call(&app, GetUserByMobile::new(&*demo.mobile)).unwrap();
    assert_eq!(by_mobile.userid, *demo.user_id);
    let code = rig.sandbox.silent_code(&demo.client_id, &demo.member_user_id).unwrap();
    let by_code = rig.call(&app, GetUserByCode::new(code)).unwrap();
    assert_eq!(by_code.userid, *demo.member_user_id);
    assert_eq!(by_code.unionid.unwrap(), *demo.member_union_id);
}

#[test]
fn a_person_has_the_fields_that_the_console_shows() {
    let rig = rig();
    let (demo, app) = (rig.demo(), rig.app());
    let boss = rig.call(&app, GetUser::new(&*demo.user_id)).unwrap();
    assert_eq!(boss.name, "周棠");
    assert_eq!(boss.title.as_deref(), Some("研发总监"));
    assert_eq!(boss.hired_date, Some(1_425_168_000_000));
    assert!(boss.admin && boss.active && !boss.boss);
    assert_eq!(boss.email.as_deref(), Some("zhou.tang@example.com"));
    assert!(boss.leader_in_dept.iter().any(|seat| seat.leader));
    assert!(boss.role_list.iter().any(|role| role.name == "主管理员"));
    let english = GetUser::new(&*demo.user_id).language(Language::EnUs);
    assert_eq!(rig.call(&app, english).unwrap().name, "Zhou Tang");
    let inactive = rig.call(&app, GetUser::new(&*demo.inactive_user_id)).unwrap();
    assert!(!inactive.active);
}

#[test]
fn the_tree_of_departments_can_be_walked_down_and_up() {
    let rig = rig();
    let (demo, app) = (rig.demo(), rig.app());
    let mut seen = Vec::new();
    let mut open = vec![1.into()];
    while let Some(id) = open.pop() {
        let below = rig.call(&app, ListSubDepartments::new(id)).unwrap();
        let ids = rig.call(&app, ListSubDepartmentIds::new(id)).unwrap().dept_id_list;
        let children: Vec<_> = below.departments.iter().map(|child| child.dept_id).collect();
        assert_eq!(children, ids);
        open.extend(children);
        seen.push(id);
    }
    assert_eq!(seen.len(), 8, "root and seven departments");
    assert!(seen.contains(&demo.leaf_dept_id.into()));

    let ways = rig.call(&app, ListParentDepartments::new("u-oduya")).unwrap().parent_list;
    assert_eq!(ways.len(), 2, "a member of two departments");
    assert!(ways.iter().all(|way| way.parent_dept_id_list.last() == Some(&1.into())));
    let department = rig.call(&app, GetDepartment::new(demo.dept_id)).unwrap();
    assert_eq!(department.name, "研发部");
    assert_eq!(department.dept_manager_userid_list, [UserId::from(&*demo.user_id)]);
    let ids = rig.call(&app, ListUserIds::new(demo.dept_id)).unwrap().userid_list;
    assert!(ids.contains(&UserId::from(&*demo.user_id)));
}

#[test]
fn a_colleague_is_read_in_a_persons_name() {
    let rig = rig();
    let (demo, app) = (rig.demo(), rig.app());
    let person = rig.consenting(&app, "Contact.User.Read", "");
    let me = rig.call(&person, GetContactUser::new(&*demo.union_id)).unwrap();
    assert_eq!(me.nick, rig.call(&person, GetContactUser::me()).unwrap().nick);
}

#[test]
fn ids_with_every_odd_character_reach_their_place_and_nothing_else() {
    let rig = rig();
    let (app, person) = (rig.app(), rig.consenting(&rig.app(), "Contact.User.Read", ""));
    rig.call(&person, GetContactUser::me()).unwrap();
    for odd in ["a/b", "a?b=c", "a%2Fb", "a#b", "a b", "../me", "a\u{0}b", "名字", "%2e%2e", "me/"]
    {
        let error = rig.fail(&app, GetUser::new(odd));
        assert_eq!(error.kind(), &ErrorKind::NotFound, "{odd:?}: {error}");
        let error = rig.fail(&person, GetContactUser::new(odd));
        assert_eq!(error.kind(), &ErrorKind::NotFound, "{odd:?}: {error}");
    }
    assert_eq!(rig.count("unknown"), 0);
    let before = rig.sandbox.journal().total();
    for dots in [".", "..", ""] {
        let error = rig.fail(&person, GetContactUser::new(dots));
        assert_eq!(error.kind(), &ErrorKind::Invalid, "{dots:?}: {error}");
    }
    assert_eq!(rig.sandbox.journal().total(), before, "nothing was sent");
}

#[test]
fn an_id_of_no_characters_or_of_ten_thousand_is_only_not_found() {
    let rig = rig();
    let app = rig.app();
    for id in ["0".to_owned(), "x".repeat(10_000), "长".repeat(10_000), String::new()] {
        let error = rig.fail(&app, GetUser::new(&*id));
        assert_eq!(error.kind(), &ErrorKind::NotFound, "{error}");
        assert!(error.to_string().len() < 5_000);
    }
    let long = "u".repeat(10_000);
    let person = rig.consenting(&app, "Contact.User.Read", "");
    let error = rig.fail(&person, GetContactUser::new(&*long));
    assert_eq!(error.kind(), &ErrorKind::NotFound, "{error}");
    let demo = rig.demo();
    rig.call(&app, GetUser::new(&*demo.user_id)).unwrap();
}
