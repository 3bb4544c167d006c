//! The protocol, stepped by hand: each invariant that a single call or a few can show.

use std::time::Duration;

use dingtalk_core::{Call, ErrorKind, Policy, Timestamp};

use crate::support::{
    Answer, Expect, Me, Read, Write, app, at, busy, carried, dead_openapi, dead_topapi, json, lost,
    not_sent, read_ok, token, warm, write_ok,
};

#[test]
fn a_cold_call_fetches_the_token_then_sends_with_it() {
    let app = app();
    let (request, sent) = Call::new(&Read {}, &app).step(at(0)).send();
    assert_eq!(request.url().to_string(), "https://api.dingtalk.com/v1.0/oauth2/accessToken");
    assert_eq!(request.body(), br#"{"appKey":"dingtest","appSecret":"client-secret-canary"}"#);
    let (request, sent) = sent.reply(at(1), token("t1")).send();
    assert_eq!(request.url().path(), "/topapi/test/read");
    assert_eq!(carried(&request).as_deref(), Some("t1"));
    assert_eq!(sent.reply(at(2), read_ok()).done().unwrap(), Answer { value: 1 });
}

#[test]
fn a_warm_call_sends_at_once_and_every_client_over_the_app_shares_the_token() {
    let app = warm();
    let other_handle = app.clone();
    for handle in [&app, &other_handle] {
        let (request, _) = Call::new(&Read {}, handle).step(at(1)).send();
        assert_eq!(carried(&request).as_deref(), Some("warm"));
    }
}

#[test]
fn all_three_grants_of_an_internal_app_fetch_a_token() {
    use dingtalk_core::App;
    let old = App::builder("id", "s&cret").by_gettoken().build();
    let (request, sent) = Call::new(&Read {}, &old).step(at(0)).send();
    assert_eq!(
        request.url().to_string(),
        "https://oapi.dingtalk.com/gettoken?appkey=id&appsecret=s%26cret"
    );
    assert_eq!(request.method(), "GET");
    let answer = json(200, r#"{"errcode":0,"access_token":"a","errmsg":"ok","expires_in":7200}"#);
    assert_eq!(carried(&sent.reply(at(0), answer).send().0).as_deref(), Some("a"));

    let org = App::builder("id", "secret").by_organization("ding1/2").build();
    let (request, sent) = Call::new(&Read {}, &org).step(at(0)).send();
    assert_eq!(request.url().path(), "/v1.0/oauth2/ding1%2F2/token");
    let answer = json(200, r#"{"access_token":"b","expires_in":7200}"#);
    assert_eq!(carried(&sent.reply(at(0), answer).send().0).as_deref(), Some("b"));
}

#[test]
fn invariant_01_many_cold_callers_make_one_token_request() {
    let app = app();
    let (_, leader) = Call::new(&Read {}, &app).step(at(0)).send();
    let waiting: Vec<_> = (0..64).map(|_| Call::new(&Read {}, &app).step(at(0)).join().1).collect();
    let _ = leader.reply(at(1), token("t")).send();
    for call in waiting {
        let (request, _) = call.step(at(1)).send();
        assert_eq!(carried(&request).as_deref(), Some("t"));
    }
}

#[test]
fn invariant_03_dropping_the_leader_at_any_point_passes_the_lead_on_at_once() {
    // As a call not yet stepped, as a request out, as a pause between tries.
    let app = app();
    drop(Call::new(&Read {}, &app));
    let (_, sent) = Call::new(&Read {}, &app).step(at(0)).send();
    let (flight, waiter) = Call::new(&Read {}, &app).step(at(0)).join();
    drop(sent);
    assert!(flight.is_done());
    let (request, sent) = waiter.step(at(0)).send();
    assert!(request.url().path().ends_with("accessToken"));
    let (_, asleep) = sent.reply(at(0), busy()).sleep();
    let (flight, waiter) = Call::new(&Read {}, &app).step(at(0)).join();
    drop(asleep);
    assert!(flight.is_done());
    let _ = waiter.step(at(0)).send();
}

#[test]
fn invariant_04_a_silent_leader_loses_the_lead_after_the_lease_time() {
    let app = app();
    let (_, silent) = Call::new(&Read {}, &app).step(at(0)).send();
    let (flight, waiter) = Call::new(&Read {}, &app).step(at(0)).join();
    let patience = flight.patience();
    assert!(patience <= Duration::from_secs(21), "{patience:?}");
    let later = at(0) + patience;
    let (request, next) = waiter.step(later).send();
    assert!(request.url().path().ends_with("accessToken"));
    // The one taken for dead may still bring the token; both can use it.
    let (request, _) = silent.reply(later, token("late")).send();
    assert_eq!(carried(&request).as_deref(), Some("late"));
    let _ = next.reply(later, token("next")).send();
}

#[test]
fn invariant_05_waiters_share_the_failure_and_make_no_request_of_their_own() {
    let app = app();
    let mut step = Call::new(&Read {}, &app).step(at(0));
    let waiting: Vec<_> = (0..64).map(|_| Call::new(&Read {}, &app).step(at(0)).join().1).collect();
    let mut requests = 0;
    let mut now = at(0);
    let error = loop {
        step = match step {
            dingtalk_core::Step::Send(_, sent) => {
                requests += 1;
                sent.reply(now, busy())
            }
            dingtalk_core::Step::Sleep(pause, call) => {
                now = now + pause;
                call.step(now)
            }
            other => break other.done().unwrap_err(),
        };
    };
    assert_eq!(requests, 3, "the leader tries thrice for all");
    assert!(matches!(error.kind(), ErrorKind::Busy { .. }), "{error}");
    for call in waiting {
        assert_eq!(call.step(now).done().unwrap_err(), error);
    }
    let _later_call_starts_anew = Call::new(&Read {}, &app).step(now).send();
}

#[test]
fn invariant_06_a_killed_token_is_renewed_once_without_the_caller_noticing() {
    for (family, dead) in [("topapi", dead_topapi()), ("openapi", dead_openapi())] {
        let app = warm();
        let (_, sent) = Call::new(&Read {}, &app).step(at(1)).send();
        let (request, sent) = sent.reply(at(1), dead.clone()).send();
        assert!(request.url().path().ends_with("accessToken"), "{family}");
        let (request, sent) = sent.reply(at(1), token("fresh")).send();
        assert_eq!(carried(&request).as_deref(), Some("fresh"));
        assert!(sent.reply(at(1), read_ok()).done().is_ok());
    }
}

#[test]
fn invariant_06_a_token_that_stays_rejected_ends_in_an_error_not_in_a_loop() {
    let app = warm();
    let (_, sent) = Call::new(&Read {}, &app).step(at(1)).send();
    let (_, sent) = sent.reply(at(1), dead_topapi()).send();
    let (_, sent) = sent.reply(at(1), token("fresh")).send();
    let error = sent.reply(at(1), dead_topapi()).done().unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::TokenRejected);
    assert_eq!(error.sub_code(), Some("40014"));
}

#[test]
fn invariant_06_a_rejection_of_an_old_token_does_not_take_away_the_new_one() {
    let app = warm();
    let (_, first) = Call::new(&Read {}, &app).step(at(1)).send();
    let (_, second) = Call::new(&Read {}, &app).step(at(1)).send();
    let (_, first) = first.reply(at(1), dead_topapi()).send();
    let (_, _first) = first.reply(at(1), token("fresh")).send();
    let (request, _) = second.reply(at(2), dead_topapi()).send();
    assert_eq!(carried(&request).as_deref(), Some("fresh"), "no second token request");
}

#[test]
fn invariant_07_an_early_replacement_that_fails_costs_one_try_and_the_call_goes_on() {
    let app = warm();
    let (request, sent) = Call::new(&Read {}, &app).step(at(6_700)).send();
    assert!(request.url().path().ends_with("accessToken"));
    let (others, _) = Call::new(&Read {}, &app).step(at(6_700)).send();
    assert_eq!(carried(&others).as_deref(), Some("warm"), "others go on");
    let (request, sent) = sent.reply(at(6_701), busy()).send();
    assert_eq!(carried(&request).as_deref(), Some("warm"), "no pause, no second try");
    assert!(sent.reply(at(6_701), read_ok()).done().is_ok());
    let (request, _) = Call::new(&Read {}, &app).step(at(6_720)).send();
    assert_eq!(carried(&request).as_deref(), Some("warm"), "quiet for 30 s");
    let (request, _) = Call::new(&Read {}, &app).step(at(6_732)).send();
    assert!(request.url().path().ends_with("accessToken"));
}

#[test]
fn invariant_08_a_slow_answer_does_not_prolong_the_token() {
    let app = app();
    let (_, sent) = Call::new(&Read {}, &app).step(at(0)).send();
    let _ = sent.reply(at(14), token("t")).send();
    assert!(app.token(at(7_199)).is_some());
    assert!(app.token(at(7_200)).is_none());
}

#[test]
fn invariant_09_a_write_whose_answer_is_lost_is_not_sent_again() {
    for reply in [lost(), busy(), json(503, "<html>"), json(504, "")] {
        let (_, sent) = Call::new(&Write {}, &warm()).step(at(1)).send();
        let error = sent.reply(at(1), reply).done().unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Lost | ErrorKind::Busy { maybe_executed: true }));
    }
}

#[test]
fn invariant_09_a_write_goes_out_again_where_nothing_was_executed() {
    let throttled = r#"{"code":"Forbidden.AccessDenied.QpsLimitForAppkeyAndApi","requestid":"R","message":"x"}"#;
    for reply in [not_sent(), json(403, throttled)] {
        let (_, sent) = Call::new(&Write {}, &warm()).step(at(1)).send();
        let (pause, call) = sent.reply(at(1), reply).sleep();
        let (_, sent) = call.step(at(1) + pause).send();
        assert!(sent.reply(at(9), write_ok()).done().is_ok());
    }
    let (_, sent) = Call::new(&Write {}, &warm()).step(at(1)).send();
    let (_, sent) = sent.reply(at(1), dead_openapi()).send();
    let (request, _) = sent.reply(at(1), token("fresh")).send();
    assert_eq!(request.url().path(), "/v1.0/test/write");
}

#[test]
fn reads_are_tried_three_times_although_they_are_posts() {
    let (_, sent) = Call::new(&Read {}, &warm()).step(at(1)).send();
    let (pause, call) = sent.reply(at(1), lost()).sleep();
    assert!((125..=250).contains(&pause.as_millis()), "{pause:?}");
    let (_, sent) = call.step(at(2)).send();
    let (pause, call) = sent.reply(at(2), busy()).sleep();
    assert!((250..=500).contains(&pause.as_millis()), "{pause:?}");
    let (_, sent) = call.step(at(3)).send();
    assert_eq!(sent.reply(at(3), lost()).done().unwrap_err().kind(), &ErrorKind::Lost);
}

#[test]
fn a_throttled_api_is_waited_for_and_paced_from_then_on() {
    let app = warm();
    let throttled = json(200, r#"{"errcode":88,"sub_code":"90018","sub_msg":"x","errmsg":"x"}"#);
    let (_, sent) = Call::new(&Read {}, &app).step(at(1)).send();
    let (pause, _call) = sent.reply(at(1), throttled).sleep();
    assert!((1_000..=1_250).contains(&pause.as_millis()), "{pause:?}");
    let (pause, _) = Call::new(&Read {}, &app).step(at(1)).sleep();
    assert_eq!(pause, Duration::from_secs(1), "the others learn from it");
    let _other_api = Call::new(&Write {}, &app).step(at(1)).send();
}

#[test]
fn a_paced_app_keeps_to_20_calls_a_second_and_api_from_the_start() {
    let app = dingtalk_core::App::builder("id", "secret").paced().build();
    app.seed("t", at(7_200), at(0));
    for _ in 0..20 {
        let _ = Call::new(&Read {}, &app).step(at(1)).send();
    }
    let (pause, call) = Call::new(&Read {}, &app).step(at(1)).sleep();
    assert_eq!(pause, Duration::from_secs(1));
    let _ = call.step(at(2)).send();
    let _other_api = Call::new(&Write {}, &app).step(at(1)).send();
}

#[test]
fn a_missing_permission_point_is_named_with_the_consoles_page_for_it() {
    let refused = r#"{"code":"Forbidden.AccessDenied.AccessTokenPermissionDenied","requestid":"R",
        "message":"m","accessdenieddetail":{"requiredScopes":["Contact.User.Read"]}}"#;
    let (_, sent) = Call::new(&Write {}, &warm()).step(at(1)).send();
    let error = sent.reply(at(1), json(403, refused)).done().unwrap_err();
    let expected = ErrorKind::Permission {
        points: vec!["Contact.User.Read".into()],
        link: Some(
            "https://open-dev.dingtalk.com/appscope/apply?content=dingtest%23Contact.User.Read"
                .into(),
        ),
    };
    assert_eq!(error.kind(), &expected);
}

#[test]
fn an_ip_ban_stops_every_call_of_the_region_for_five_minutes() {
    let app = warm();
    let neighbour = dingtalk_core::App::builder("other", "s").region(app.region().clone()).build();
    let (_, sent) = Call::new(&Read {}, &app).step(at(1)).send();
    let error = sent.reply(at(1), json(200, "<html>punish</html>")).done().unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::IpBanned { .. }), "no decode error: {error}");
    for app in [&app, &neighbour] {
        let error = Call::new(&Read {}, app).step(at(300)).done().unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::IpBanned { retry_in } if retry_in.as_secs() == 1)
        );
    }
    let _ = Call::new(&Read {}, &app).step(at(301)).send();
}

#[test]
fn refused_credentials_are_not_tried_again_for_a_minute() {
    let app = app();
    let refused = r#"{"requestid":"R","code":"invalidClientIdOrSecret","message":"m"}"#;
    let (_, sent) = Call::new(&Read {}, &app).step(at(0)).send();
    let error = sent.reply(at(0), json(400, refused)).done().unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::Credentials);
    assert_eq!(error.operation(), Some("auth.get_access_token"));
    assert_eq!(Call::new(&Read {}, &app).step(at(59)).done().unwrap_err(), error);
    let _ = Call::new(&Read {}, &app).step(at(60)).send();
}

#[test]
fn a_call_ends_when_its_time_is_up_whatever_it_waits_for() {
    let mut policy = Policy::default();
    policy.total = Duration::from_secs(2);
    let app = app();
    let (_, _leader) = Call::new(&Read {}, &app).step(at(0)).send();
    let (flight, call) = Call::new(&Read {}, &app).policy(&policy).step(at(0)).join();
    assert!(flight.patience() <= Duration::from_secs(2));
    let error = call.step(at(2)).done().unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::TimedOut { maybe_executed: false });

    let (request, sent) = Call::new(&Read {}, &warm()).policy(&policy).step(at(0)).send();
    assert_eq!(request.limits().total, Duration::from_secs(2));
    let error = sent.reply(at(2), lost()).done().unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::Lost, "no pause longer than what is left");
}

#[test]
fn invariant_10_join_may_return_early_any_number_of_times() {
    let app = app();
    let (_, leader) = Call::new(&Read {}, &app).step(at(0)).send();
    let (_, mut call) = Call::new(&Read {}, &app).step(at(0)).join();
    for _ in 0..100 {
        call = call.step(at(0)).join().1;
    }
    let _ = leader.reply(at(0), token("t")).send();
    let _ = call.step(at(0)).send();
}

#[test]
fn a_clock_that_jumps_costs_at_most_a_token_request() {
    let app = app();
    app.seed("t", at(7_200), at(0));
    // A year ahead by the wall clock, then back to 1970, while the steady clock goes on.
    let ahead = Timestamp::new(at(31_536_000).unix_millis(), at(1).steady_millis());
    let (request, sent) = Call::new(&Read {}, &app).step(ahead).send();
    assert!(request.url().path().ends_with("accessToken"));
    let _ = sent.reply(ahead, token("u")).send();
    let back = Timestamp::new(0, at(2).steady_millis());
    let (request, _) = Call::new(&Read {}, &app).step(back).send();
    assert_eq!(carried(&request).as_deref(), Some("u"));
}

#[test]
fn a_body_that_is_no_answer_is_a_clear_error_and_quotes_nothing() {
    let cases: [(u16, Vec<u8>, &str); 9] = [
        (200, b"".to_vec(), "empty"),
        (200, b"{\"errcode\":0,\"result\":{\"value\":\"canary".to_vec(), "cut short"),
        (200, b"{\"errcode\":0,\"result\":{\"value\":\"canary\"}}".to_vec(), "shape"),
        (200, b"\xff\xfecanary".to_vec(), "UTF-8"),
        (200, b"canary".to_vec(), "not JSON"),
        (204, b"".to_vec(), "empty"),
        (302, b"canary".to_vec(), "redirect"),
        (200, b"[\"canary\"]".to_vec(), "envelope"),
        (200, "[".repeat(100_000).into_bytes(), "cut short"),
    ];
    for (status, body, what) in cases {
        let reply = Ok(dingtalk_core::Response::new(status, Default::default(), body));
        let (_, sent) = Call::new(&Read {}, &warm()).step(at(1)).send();
        let error = sent.reply(at(1), reply).done().unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::Reply, "{what}: {error}");
        assert!(error.to_string().contains(what), "{what}: {error}");
        assert!(!format!("{error:?}").contains("canary"), "{error:?}");
    }
}

mod users {
    use super::*;

    const PAIR: &str = r#"{"expireIn":7200,"accessToken":"u1","refreshToken":"r1"}"#;
    const PAIR_2: &str = r#"{"expireIn":7200,"accessToken":"u2","refreshToken":"r2","corpId":"c"}"#;
    const NOT_FOUND: &str =
        r#"{"requestid":"R","code":"invalidParameter.authCode.notFound","message":"m"}"#;

    #[test]
    fn a_code_becomes_a_token_and_a_refresh_token_that_rotates() {
        let person = app().user_from_code("code-1");
        let (request, sent) = Call::new(&Me {}, &person).step(at(0)).send();
        let body = String::from_utf8(request.body().to_vec()).unwrap();
        assert!(body.contains(r#""code":"code-1""#) && body.contains("authorization_code"));
        let (request, sent) = sent.reply(at(0), json(200, PAIR)).send();
        assert_eq!(carried(&request).as_deref(), Some("u1"));
        assert!(sent.reply(at(0), write_ok()).done().is_ok());
        let kept = person.tokens(at(0));
        assert_eq!(kept.refresh_token.unwrap().expose(), "r1");

        let (request, sent) = Call::new(&Me {}, &person).step(at(7_200)).send();
        let body = String::from_utf8(request.body().to_vec()).unwrap();
        assert!(body.contains(r#""refreshToken":"r1""#) && body.contains("refresh_token"));
        assert!(!body.contains("code-1"));
        let _ = sent.reply(at(7_200), json(200, PAIR_2)).send();
        let kept = person.tokens(at(7_200));
        assert_eq!(kept.refresh_token.unwrap().expose(), "r2");
        assert_eq!(kept.corp_id.unwrap(), "c");
    }

    #[test]
    fn invariant_09_a_one_time_code_is_never_replayed() {
        for reply in [lost(), busy(), json(504, ""), json(200, "<html>"), json(400, NOT_FOUND)] {
            let person = app().user_from_code("code-1");
            let (_, sent) = Call::new(&Me {}, &person).step(at(0)).send();
            assert!(sent.reply(at(0), reply).done().is_err());
            let error = Call::new(&Me {}, &person).step(at(400)).done().unwrap_err();
            assert!(
                matches!(error.kind(), ErrorKind::LoginAgain { .. } | ErrorKind::CodeDead),
                "{error}"
            );
        }
    }

    #[test]
    fn invariant_09_a_dropped_exchange_counts_as_presented() {
        let person = app().user_from_code("code-1");
        let (_, sent) = Call::new(&Me {}, &person).step(at(0)).send();
        drop(sent);
        let error = Call::new(&Me {}, &person).step(at(1)).done().unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::LoginAgain { in_doubt: true });
    }

    #[test]
    fn a_code_that_certainly_was_not_delivered_is_still_good() {
        let person = app().user_from_code("code-1");
        let (_, sent) = Call::new(&Me {}, &person).step(at(0)).send();
        let (pause, call) = sent.reply(at(0), not_sent()).sleep();
        let (request, _) = call.step(at(0) + pause).send();
        assert!(String::from_utf8_lossy(request.body()).contains("code-1"));
    }

    #[test]
    fn a_dead_refresh_token_asks_for_a_new_login_and_is_not_tried_again() {
        let person = app().user_from_refresh_token("r0");
        let (_, sent) = Call::new(&Me {}, &person).step(at(0)).send();
        let error = sent.reply(at(0), json(400, NOT_FOUND)).done().unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::LoginAgain { in_doubt: false });
        let again = Call::new(&Me {}, &person).step(at(9_999)).done().unwrap_err();
        assert_eq!(again.kind(), error.kind());
    }

    #[test]
    fn a_refresh_whose_answer_was_lost_is_tried_once_more_and_the_doubt_is_told() {
        let person = app().user_from_refresh_token("r0");
        let (_, sent) = Call::new(&Me {}, &person).step(at(0)).send();
        assert_eq!(sent.reply(at(0), lost()).done().unwrap_err().kind(), &ErrorKind::Lost);
        let (request, sent) = Call::new(&Me {}, &person).step(at(1)).send();
        assert!(String::from_utf8_lossy(request.body()).contains("r0"));
        let error = sent.reply(at(1), json(400, NOT_FOUND)).done().unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::LoginAgain { in_doubt: true });
    }

    #[test]
    fn two_people_of_one_app_never_share_a_token() {
        let app = app();
        let (one, two) = (app.user_from_code("code-1"), app.user_from_code("code-2"));
        let (_, sent) = Call::new(&Me {}, &one).step(at(0)).send();
        let _ = sent.reply(at(0), json(200, PAIR)).send();
        let (request, _) = Call::new(&Me {}, &two).step(at(0)).send();
        assert!(String::from_utf8_lossy(request.body()).contains("code-2"));
        assert!(app.token(at(0)).is_none(), "and the app's own is another one still");
    }

    #[test]
    fn a_killed_user_token_is_renewed_with_the_refresh_token() {
        let person = app().user_from_refresh_token("r0");
        person.seed("u0", at(7_200), at(0));
        let (request, sent) = Call::new(&Me {}, &person).step(at(1)).send();
        assert_eq!(carried(&request).as_deref(), Some("u0"));
        let (_, sent) = sent.reply(at(1), dead_openapi()).send();
        let (request, _) = sent.reply(at(1), json(200, PAIR)).send();
        assert_eq!(carried(&request).as_deref(), Some("u1"));
    }
}

mod tickets {
    use dingtalk_core::jsapi::ObtainTicket;

    use super::*;

    #[test]
    fn the_page_ticket_is_fetched_once_and_shared() {
        let app = app();
        let (request, sent) = Call::new(&ObtainTicket::new(), &app).step(at(0)).send();
        assert!(request.url().path().ends_with("accessToken"));
        let (_, waiter) = Call::new(&ObtainTicket::new(), &app).step(at(0)).join();
        let (request, sent) = sent.reply(at(0), token("t")).send();
        assert!(request.url().path().ends_with("jsapiTickets"));
        assert!(request.body().is_empty());
        let ticket = json(200, r#"{"jsapiTicket":"ticket","expireIn":7200}"#);
        let held = sent.reply(at(1), ticket).done().unwrap();
        assert_eq!(held.value.expose(), "ticket");
        assert_eq!(held.expires_at, at(7_200).unix_millis());
        assert_eq!(waiter.step(at(1)).done().unwrap().value.expose(), "ticket");
        let again = Call::new(&ObtainTicket::new(), &app).step(at(100)).done().unwrap();
        assert_eq!(again.value.expose(), "ticket");
    }

    #[test]
    fn a_ticket_request_with_a_killed_token_recovers() {
        let app = warm();
        let (_, sent) = Call::new(&ObtainTicket::new(), &app).step(at(0)).send();
        let (request, sent) = sent.reply(at(0), dead_openapi()).send();
        assert!(request.url().path().ends_with("accessToken"));
        let (request, _) = sent.reply(at(0), token("fresh")).send();
        assert_eq!(carried(&request).as_deref(), Some("fresh"));
    }
}
