//! What is tried again, what is not, and what is known about it afterwards.

use std::time::{Duration, Instant};

use dingtalk_core::ErrorKind;
use dingtalk_core::auth::ObtainToken;
use dingtalk_core::contact::{GetContactUser, GetUser, GetUserByCode, SearchUsers};
use dingtalk_core::todo::{CreateTask, GetTaskBySource};
use dingtalk_sandbox::{Fault, PlatformError};
use dingtalk_tests::impatient;

use super::{rig, rig_with};

const GET: &str = "POST /topapi/v2/user/get";
const SEARCH: &str = "POST /v1.0/contact/users/search";
const CREATE: &str = "POST /v1.0/todo/users/{unionId}/tasks";
const TOKEN: &str = "POST /v1.0/oauth2/accessToken";
const USER_TOKEN: &str = "POST /v1.0/oauth2/userAccessToken";

#[test]
fn a_read_is_tried_again_whatever_came_between() {
    let rig = rig();
    let (demo, app) = (rig.demo(), rig.app());
    for fault in [
        Fault::on(GET).platform_error(PlatformError::Busy),
        Fault::on(GET).platform_error(PlatformError::Unavailable),
        Fault::on(GET).platform_error(PlatformError::Timeout),
        Fault::on(GET).answer(502, "text/html", "<html>bad gateway</html>"),
        Fault::on(GET).close(),
        Fault::on(GET).reset(),
        Fault::on(GET).execute_then_drop(),
    ] {
        rig.sandbox.clear_faults();
        let fault = rig.sandbox.fault(fault.times(2));
        rig.call(&app, GetUser::new(&*demo.user_id)).unwrap();
        assert_eq!(fault.hits(), 2, "twice wrong, the third time right");
    }
    assert_eq!(rig.sandbox.token_requests(), 1);
}

#[test]
fn a_read_is_tried_three_times_and_no_more() {
    let rig = rig();
    let app = rig.app();
    for error in [PlatformError::Busy, PlatformError::Unavailable, PlatformError::Timeout] {
        rig.sandbox.clear_faults();
        let fault = rig.sandbox.fault(Fault::on(SEARCH).platform_error(error));
        let error = rig.fail(&app, SearchUsers::new("林"));
        assert!(matches!(error.kind(), ErrorKind::Busy { .. }), "{error}");
        assert!(error.is_temporary());
        assert_eq!(fault.hits(), 3);
    }
}

#[test]
fn a_write_whose_answer_was_lost_goes_out_once_and_can_be_looked_up() {
    let rig = rig();
    let (demo, app) = (rig.demo(), rig.app());
    rig.sandbox.fault(Fault::on(CREATE).execute_then_drop());
    let create = CreateTask::new(&*demo.union_id, "只一次", "https://a.example").source_id("s-1");
    let error = rig.fail(&app, create);
    assert_eq!(error.kind(), &ErrorKind::Lost, "{error}");
    assert!(error.to_string().contains("look whether it was executed"), "{error}");
    assert_eq!(rig.count(CREATE), 1);
    rig.call(&app, GetTaskBySource::new(&*demo.union_id, "s-1")).unwrap();
}

#[test]
fn a_write_that_met_a_busy_platform_goes_out_once() {
    let rig = rig();
    let (demo, app) = (rig.demo(), rig.app());
    for error in [PlatformError::Busy, PlatformError::Unavailable, PlatformError::Timeout] {
        rig.sandbox.clear_faults();
        let fault = rig.sandbox.fault(Fault::on(CREATE).platform_error(error));
        let error = rig.fail(&app, CreateTask::new(&*demo.union_id, "一", "https://a.example"));
        assert_eq!(error.kind(), &ErrorKind::Busy { maybe_executed: true }, "{error}");
        assert_eq!(fault.hits(), 1);
    }
}

#[test]
fn a_write_goes_out_again_where_nothing_was_executed() {
    let rig = rig();
    let (demo, app) = (rig.demo(), rig.app());
    for error in [PlatformError::Throttled, PlatformError::TokenDead] {
        let fault = rig.sandbox.fault(Fault::on(CREATE).times(1).platform_error(error));
        rig.call(&app, CreateTask::new(&*demo.union_id, "一", "https://a.example")).unwrap();
        assert_eq!(fault.hits(), 1);
    }
    assert_eq!(rig.count(CREATE), 4);
}

#[test]
fn a_silent_code_goes_out_once_whatever_happens_to_its_answer() {
    for fault in [
        Fault::on("POST /topapi/v2/user/getuserinfo").execute_then_drop(),
        Fault::on("POST /topapi/v2/user/getuserinfo").close(),
        Fault::on("POST /topapi/v2/user/getuserinfo").platform_error(PlatformError::Busy),
        Fault::on("POST /topapi/v2/user/getuserinfo").answer(504, "text/html", "<html>"),
        Fault::on("POST /topapi/v2/user/getuserinfo").truncate_body(9),
    ] {
        let rig = rig();
        let (demo, app) = (rig.demo(), rig.app());
        let code = rig.sandbox.silent_code(&demo.client_id, &demo.user_id).unwrap();
        rig.sandbox.fault(fault);
        let _ = rig.fail(&app, GetUserByCode::new(code));
        assert_eq!(rig.count("POST /topapi/v2/user/getuserinfo"), 1);
    }
}

#[test]
fn a_consent_code_goes_out_once_whatever_happens_to_its_answer() {
    for fault in [
        Fault::on(USER_TOKEN).execute_then_drop(),
        Fault::on(USER_TOKEN).reset(),
        Fault::on(USER_TOKEN).platform_error(PlatformError::Busy),
        Fault::on(USER_TOKEN).platform_error(PlatformError::Unavailable),
        Fault::on(USER_TOKEN).answer(200, "application/json", "{"),
        Fault::on(USER_TOKEN).truncate_body(20),
    ] {
        let rig = rig();
        let person = rig.consenting(&rig.app(), "Contact.User.Read", "");
        rig.sandbox.fault(fault.clone().times(1));
        for _ in 0..3 {
            let _ = rig.fail(&person, GetContactUser::me());
        }
        assert_eq!(rig.count(USER_TOKEN), 1, "{fault:?}");
        let error = rig.fail(&person, GetContactUser::me());
        assert_eq!(error.kind(), &ErrorKind::LoginAgain { in_doubt: true }, "{fault:?}: {error}");
    }
}

#[test]
fn a_refresh_whose_answer_was_lost_is_tried_once_more_and_the_doubt_is_told() {
    let rig = rig();
    let person = rig.consenting(&rig.app(), "Contact.User.Read", "");
    rig.call(&person, GetContactUser::me()).unwrap();
    rig.sandbox.revoke_all_tokens();
    rig.sandbox.fault(Fault::on(USER_TOKEN).times(1).execute_then_drop());
    assert_eq!(rig.fail(&person, GetContactUser::me()).kind(), &ErrorKind::Lost);
    let error = rig.fail(&person, GetContactUser::me());
    assert_eq!(error.kind(), &ErrorKind::LoginAgain { in_doubt: true }, "it had been rotated");
    assert_eq!(rig.count(USER_TOKEN), 3, "exchange, lost refresh, one more");
}

#[test]
fn a_refresh_lost_within_the_grace_is_saved_by_trying_once_more() {
    let grace = dingtalk_sandbox::RefreshMode::Grace(Duration::from_secs(60));
    let rig = super::rig_of(
        dingtalk_sandbox::Sandbox::builder().switch(dingtalk_sandbox::Switch::Refresh(grace)),
    );
    let person = rig.consenting(&rig.app(), "Contact.User.Read", "");
    rig.call(&person, GetContactUser::me()).unwrap();
    rig.sandbox.revoke_all_tokens();
    rig.sandbox.fault(Fault::on(USER_TOKEN).times(1).execute_then_drop());
    let _ = rig.fail(&person, GetContactUser::me());
    rig.call(&person, GetContactUser::me()).unwrap();
}

#[test]
fn a_platform_that_gives_the_same_pair_again_is_as_good() {
    let same = dingtalk_sandbox::Switch::Refresh(dingtalk_sandbox::RefreshMode::SamePair);
    let rig = super::rig_of(dingtalk_sandbox::Sandbox::builder().switch(same));
    let person = rig.consenting(&rig.app(), "Contact.User.Read", "");
    for _ in 0..3 {
        rig.call(&person, GetContactUser::me()).unwrap();
        rig.sandbox.clock().advance(Duration::from_secs(7_300));
    }
}

#[test]
fn a_token_endpoint_that_recovers_is_waited_for() {
    let rig = rig();
    let (demo, app) = (rig.demo(), rig.app());
    rig.sandbox.fault(Fault::on(TOKEN).times(2).platform_error(PlatformError::Busy));
    rig.call(&app, GetUser::new(&*demo.user_id)).unwrap();
    assert_eq!(rig.count(TOKEN), 3);
}

#[test]
fn a_token_endpoint_that_stays_broken_is_asked_three_times_and_the_error_names_it() {
    let rig = rig();
    let (demo, app) = (rig.demo(), rig.app());
    rig.sandbox.fault(Fault::on(TOKEN).answer(500, "text/html", "<html>oops</html>"));
    let error = rig.fail(&app, GetUser::new(&*demo.user_id));
    assert_eq!(error.operation(), Some("auth.get_access_token"));
    assert_eq!((rig.count(TOKEN), rig.count(GET)), (3, 0));
}

#[test]
fn an_answer_that_hangs_ends_in_time_and_the_next_call_works() {
    let rig = rig_with(impatient());
    let (demo, app) = (rig.demo(), rig.app());
    rig.call(&app, ObtainToken::new()).unwrap();
    rig.sandbox.fault(Fault::on(GET).stall());
    let begin = Instant::now();
    let error = rig.fail(&app, GetUser::new(&*demo.user_id));
    assert!(matches!(error.kind(), ErrorKind::TimedOut { .. }), "{error}");
    assert!(begin.elapsed() < Duration::from_secs(3), "{:?}", begin.elapsed());
    rig.sandbox.clear_faults();
    rig.call(&app, GetUser::new(&*demo.user_id)).unwrap();
}

#[test]
fn a_body_that_breaks_off_anywhere_is_no_answer() {
    let rig = rig();
    let (demo, app) = (rig.demo(), rig.app());
    rig.call(&app, ObtainToken::new()).unwrap();
    for at in [0, 1, 2, 40, 300] {
        rig.sandbox.clear_faults();
        rig.sandbox.fault(Fault::on(GET).truncate_body(at));
        let error = rig.fail(&app, GetUser::new(&*demo.user_id));
        assert!(matches!(error.kind(), ErrorKind::Lost | ErrorKind::Reply), "{at}: {error}");
    }
    rig.sandbox.clear_faults();
    rig.call(&app, GetUser::new(&*demo.user_id)).unwrap();
}

#[test]
fn a_body_that_drips_arrives_whole() {
    let rig = rig();
    let app = rig.app();
    rig.sandbox.fault(Fault::on(SEARCH).drip(Duration::from_millis(1)));
    assert_eq!(rig.call(&app, SearchUsers::new("林")).unwrap().list.len(), 1);
}
