//! What the passing of time does to tokens, tickets and sessions: the clients and the sandbox read
//! one clock, and the test moves it.

#![allow(clippy::unwrap_used, missing_docs)]

use std::time::Duration;

use dingtalk_core::auth::GetScopes;
use dingtalk_core::contact::{GetContactUser, GetUser};
use dingtalk_core::jsapi::ObtainTicket;
use dingtalk_core::{App, ErrorKind};
use dingtalk_sandbox::{Fault, PlatformError, Sandbox};
use dingtalk_tests::{Driver, Rig};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

fn both(case: impl Fn(Rig)) {
    for driver in [Driver::Blocking, Driver::Async] {
        case(Rig::timed(driver, Sandbox::builder()));
    }
}

fn look_up(rig: &Rig, app: &App) -> Result<(), dingtalk_core::Error> {
    rig.call(app, GetUser::new(rig.sandbox.demo().user_id)).map(drop)
}

#[test]
fn a_token_serves_for_110_minutes_and_is_then_replaced_by_one_request() {
    both(|rig| {
        let app = rig.app();
        for _ in 0..110 {
            look_up(&rig, &app).unwrap();
            rig.sandbox.clock().advance(MINUTE);
        }
        assert_eq!(rig.sandbox.token_requests(), 1);
        look_up(&rig, &app).unwrap();
        assert_eq!(rig.sandbox.token_requests(), 2, "ten minutes are left");
        look_up(&rig, &app).unwrap();
        assert_eq!(rig.sandbox.token_requests(), 2);
    });
}

#[test]
fn an_early_replacement_that_fails_costs_no_call_and_is_tried_every_half_minute() {
    both(|rig| {
        let app = rig.app();
        look_up(&rig, &app).unwrap();
        rig.sandbox.clock().advance(111 * MINUTE);
        let fault = Fault::on("POST /v1.0/oauth2/accessToken").platform_error(PlatformError::Busy);
        let fault = rig.sandbox.fault(fault);
        for _ in 0..16 {
            for _ in 0..3 {
                look_up(&rig, &app).unwrap();
            }
            rig.sandbox.clock().advance(MINUTE / 2);
        }
        assert_eq!(fault.hits(), 16, "one try each half minute, not one each call");
        rig.sandbox.clear_faults();
        look_up(&rig, &app).unwrap();
        assert_eq!(rig.sandbox.token_requests(), 18);
    });
}

#[test]
fn refused_credentials_are_asked_about_once_a_minute() {
    both(|rig| {
        let demo = rig.sandbox.demo();
        let app = App::builder(demo.client_id, "not the secret").region(rig.region.clone()).build();
        for second in 0..120 {
            let error = look_up(&rig, &app).unwrap_err();
            assert_eq!(error.kind(), &ErrorKind::Credentials, "{second}");
            rig.sandbox.clock().advance(Duration::from_secs(1));
        }
        assert_eq!(rig.sandbox.token_requests(), 2);
    });
}

#[test]
fn a_banned_address_calls_nobody_for_five_minutes() {
    both(|rig| {
        let app = rig.app();
        look_up(&rig, &app).unwrap();
        let ban = Fault::on("POST /topapi/v2/user/get").times(1);
        rig.sandbox.fault(ban.platform_error(PlatformError::IpBanHtml));
        for _ in 0..300 {
            let error = look_up(&rig, &app).unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::IpBanned { .. }), "{error}");
            rig.sandbox.clock().advance(Duration::from_secs(1));
        }
        assert_eq!(rig.sandbox.count("POST /topapi/v2/user/get"), 2);
        look_up(&rig, &app).unwrap();
    });
}

#[test]
fn a_page_ticket_is_one_request_in_two_hours_and_outlives_its_platforms_24_hours() {
    both(|rig| {
        let app = rig.app();
        for _ in 0..(30 * 6) {
            let ticket = rig.call(&app, ObtainTicket::new()).unwrap();
            assert!(!ticket.value.is_empty());
            rig.sandbox.clock().advance(10 * MINUTE);
        }
        let requests = rig.sandbox.count("POST /v1.0/oauth2/jsapiTickets");
        assert!((15..=18).contains(&requests), "{requests} requests in 30 hours");
    });
}

#[test]
fn a_session_renews_itself_day_after_day_and_says_when_it_is_over() {
    both(|rig| {
        let person = rig.consenting(&rig.app(), "Contact.User.Read", "Contact.User.mobile");
        for _ in 0..(40 * 4) {
            rig.call(&person, GetContactUser::me()).unwrap();
            rig.sandbox.clock().advance(6 * HOUR);
        }
        assert_eq!(rig.sandbox.token_requests(), 160, "one renewal after each six hours");
        rig.sandbox.clock().advance(31 * 24 * HOUR);
        let error = rig.call(&person, GetContactUser::me()).unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::LoginAgain { in_doubt: false });
        let asked = rig.sandbox.token_requests();
        rig.call(&person, GetContactUser::me()).unwrap_err();
        assert_eq!(rig.sandbox.token_requests(), asked, "and is not tried again");
    });
}

#[test]
fn a_code_that_lay_about_for_five_minutes_is_dead() {
    both(|rig| {
        let app = rig.app();
        let person = rig.consenting(&app, "Contact.User.Read", "");
        rig.sandbox.clock().advance(5 * MINUTE + Duration::from_secs(1));
        let error = rig.call(&person, GetContactUser::me()).unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::CodeDead);
        rig.call(&app, GetScopes::new()).unwrap();
    });
}
