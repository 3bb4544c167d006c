//! Answers whose HTTP or whose body is wrong, and connections that fail before anything is asked, on a socket.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use dingtalk_sandbox::{Fault, Lost, PlatformError, Sandbox};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, LOCATION, RETRY_AFTER, SET_COOKIE};
use http::{HeaderName, HeaderValue, Request};
use serde_json::json;

use crate::server::{PATIENCE, ask, connect, request, started};
use crate::socket_faults::{BODY, CALL, body_of, both, header};

/// Reads until there is this text, or fails.
fn read_until(stream: &mut TcpStream, text: &str) -> String {
    let mut seen = String::new();
    let mut piece = [0; 1024];
    while !seen.contains(text) {
        let len = stream.read(&mut piece).expect("more comes");
        assert_ne!(len, 0, "closed after {seen}");
        seen.push_str(&String::from_utf8_lossy(&piece[..len]));
    }
    seen
}

fn is_silent(stream: &mut TcpStream) {
    stream.set_read_timeout(Some(Duration::from_millis(30))).expect("a time limit can be set");
    let error = stream.read(&mut [0]).expect_err("nothing more comes");
    assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut));
    stream.set_read_timeout(Some(PATIENCE)).expect("a time limit can be set");
}

/// Sends one request on a connection that may go on, and reads until there is this text.
fn ask_on(stream: &mut TcpStream, until: &str) -> String {
    stream.write_all(request("/gettoken", "keep-alive").as_bytes()).expect("the server reads");
    read_until(stream, until)
}

#[test]
fn a_head_that_breaks_off_says_no_more_than_so_many_bytes() {
    let rule = json!({"action":{"kind":"truncateHead","len":20}});
    both(Fault::on(CALL).truncate_head(20), rule, 1, |sandbox| {
        assert_eq!(ask(sandbox, "/gettoken"), ("HTTP/1.1 200 OK\r\nser".to_owned(), None));
    });
    let rule = json!({"action":{"kind":"resetInHead","len":20}});
    both(Fault::on(CALL).reset_in_head(20), rule, 1, |sandbox| {
        let (answer, end) = ask(sandbox, "/gettoken");
        assert_eq!(answer, "HTTP/1.1 200 OK\r\nser");
        assert_eq!(end, Some(ErrorKind::ConnectionReset));
    });
    let rule = json!({"action":{"kind":"stallInHead","len":20}});
    both(Fault::on(CALL).stall_in_head(20), rule, 1, |sandbox| {
        let mut stream = connect(sandbox);
        assert_eq!(ask_on(&mut stream, "ser"), "HTTP/1.1 200 OK\r\nser");
        is_silent(&mut stream);
        assert_eq!(sandbox.journal().entries()[0].status, 0, "nobody learnt the status");
    });
}

#[test]
fn a_head_that_is_cut_behind_its_end_is_whole() {
    let sandbox = started();
    let _ = sandbox.fault(Fault::on(CALL).truncate_head(usize::MAX));
    let (answer, _) = ask(&sandbox, "/gettoken");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\n"), "{answer}");
    assert_eq!(header(&answer, "content-length"), BODY.len().to_string());
    assert!(header(&answer, "date").ends_with(" GMT"));
}

#[test]
fn a_length_that_promises_too_much_keeps_the_caller_waiting() {
    let rule = json!({"times":1,"action":{"kind":"contentLengthOff","by":5}});
    both(Fault::on(CALL).times(1).content_length_off(5), rule, 1, |sandbox| {
        let mut stream = connect(sandbox);
        let answer = ask_on(&mut stream, BODY);
        assert_eq!(header(&answer, "content-length"), (BODY.len() + 5).to_string());
        is_silent(&mut stream);
    });
}

#[test]
fn a_length_that_promises_too_little_leaves_bytes_before_the_next_answer() {
    let rule = json!({"times":1,"action":{"kind":"contentLengthOff","by":-5}});
    both(Fault::on(CALL).times(1).content_length_off(-5), rule, 1, |sandbox| {
        let mut stream = connect(sandbox);
        let answer = ask_on(&mut stream, BODY);
        assert_eq!(header(&answer, "content-length"), (BODY.len() - 5).to_string());
        assert!(ask_on(&mut stream, BODY).starts_with("HTTP/1.1 200"), "it goes on");
        assert_eq!(sandbox.count(CALL), 2);
    });
    let sandbox = started();
    let _ = sandbox.fault(Fault::on(CALL).content_length_off(i64::MIN));
    assert_eq!(header(&ask(&sandbox, "/gettoken").0, "content-length"), "0");
}

#[test]
fn a_bad_chunk_comes_behind_a_good_one_and_ends_the_connection() {
    let rule = json!({"action":{"kind":"badChunk"}});
    both(Fault::on(CALL).bad_chunk(), rule, 1, |sandbox| {
        let mut stream = connect(sandbox);
        stream.write_all(request("/gettoken", "keep-alive").as_bytes()).expect("it reads");
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).expect("it ends");
        let answer = String::from_utf8_lossy(&bytes);
        let half = BODY.len() / 2;
        assert_eq!(header(&answer, "transfer-encoding"), "chunked");
        assert!(body_of(&answer).starts_with(&format!("{half:x}\r\n{{\"errcode\"")), "{answer}");
        assert!(answer.contains("\r\nno size\r\n"));
    });
}

#[test]
fn both_lengths_are_sent_and_the_chunks_are_right() {
    let rule = json!({"action":{"kind":"bothLengths"}});
    both(Fault::on(CALL).both_lengths(), rule, 2, |sandbox| {
        let mut stream = connect(sandbox);
        for _ in 0..2 {
            let answer = ask_on(&mut stream, "\r\n0\r\n\r\n");
            assert_eq!(header(&answer, "transfer-encoding"), "chunked");
            assert_eq!(header(&answer, "content-length"), BODY.len().to_string());
            let chunk = format!("{:x}\r\n{BODY}\r\n0\r\n\r\n", BODY.len());
            assert_eq!(body_of(&answer), chunk);
        }
    });
}

#[test]
fn any_bytes_can_stand_in_place_of_an_answer_and_nothing_is_executed() {
    let rule = json!({"action":{"kind":"raw","base64":"SFRUUC85LjkgLTEK"}});
    both(Fault::on(CALL).raw("HTTP/9.9 -1\n"), rule, 1, |sandbox| {
        let demo = sandbox.demo();
        let path = format!("/gettoken?appkey={}&appsecret={}", demo.client_id, demo.client_secret);
        assert_eq!(ask(sandbox, &path), ("HTTP/9.9 -1\n".to_owned(), None));
        assert_eq!(sandbox.journal().entries()[0].app, None);
    });
}

#[test]
fn a_connection_ends_behind_an_answer_that_did_not_say_so() {
    let rule = json!({"action":{"kind":"closeAfterAnswer"}});
    both(Fault::on(CALL).close_after_answer(), rule, 1, |sandbox| {
        let mut stream = connect(sandbox);
        stream.write_all(request("/gettoken", "keep-alive").as_bytes()).expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("the answer and the end");
        assert_eq!(body_of(&answer), BODY);
        assert_eq!(header(&answer, "content-length"), BODY.len().to_string());
        assert_eq!(header(&answer, "connection"), "");
    });
}

#[test]
fn a_connection_ends_when_the_next_request_comes_and_that_is_not_executed() {
    let rule = json!({"action":{"kind":"closeOnNextRequest"}});
    both(Fault::on(CALL).close_on_next_request(), rule, 1, |sandbox| {
        let mut stream = connect(sandbox);
        let answer = ask_on(&mut stream, BODY);
        assert_eq!(header(&answer, "connection"), "");
        is_silent(&mut stream);
        stream.write_all(request("/gettoken", "keep-alive").as_bytes()).expect("it is sent");
        assert_eq!(stream.read(&mut [0]).expect("a farewell"), 0);
        assert_eq!(sandbox.count(CALL), 1, "the second one was not executed");
    });
}

#[test]
fn a_connection_is_closed_reset_or_met_with_silence_before_anything_is_asked() {
    let sandbox = started();
    let _ = sandbox.fault(Fault::on_accept().times(1).close());
    assert_eq!(connect(&sandbox).read(&mut [0]).expect("a farewell"), 0);
    let _ = sandbox.fault(Fault::on_accept().times(1).reset());
    let error = connect(&sandbox).read(&mut [0]).expect_err("a reset");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    let _ = sandbox.fault(Fault::on_accept().times(1).stall());
    let mut stream = connect(&sandbox);
    stream.write_all(request("/gettoken", "close").as_bytes()).expect("it is taken");
    is_silent(&mut stream);
    let pause = Duration::from_millis(40);
    let _ = sandbox.fault(Fault::on_accept().times(1).delay(pause));
    let begun = Instant::now();
    assert_eq!(body_of(&ask(&sandbox, "/gettoken").0), BODY);
    assert!(begun.elapsed() >= pause);
    assert_eq!(sandbox.journal().entries().len(), 1, "only the last one was a request");
}

#[test]
fn faults_on_connections_are_given_over_the_control_api_too() {
    let sandbox = started();
    let add = |rule: serde_json::Value| {
        let request = Request::post("/_sandbox/v1/faults").header(CONTENT_TYPE, "application/json");
        sandbox.control(request.body(rule.to_string().into_bytes()).expect("a request"))
    };
    let made = add(json!({"operation":"accept","times":1,"action":{"kind":"reset"}}));
    assert_eq!(made.status(), 201);
    let error = connect(&sandbox).read(&mut [0]).expect_err("a reset");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    for (rule, says) in [
        (json!({"operation":"accept","action":{"kind":"executeThenDrop"}}), "connection"),
        (json!({"operation":CALL,"action":{"kind":"raw","base64":"%"}}), "base64"),
        (json!({"operation":CALL,"action":{"kind":"nested","depth":1_u64 << 40}}), "depth"),
        (json!({"operation":CALL,"answerHeaders":[{"name":"a b","value":""}]}), "a b"),
        (
            json!({"operation":CALL,"answerHeaders":[{"name":"Content-Length","value":"3"}]}),
            "Content-Length",
        ),
    ] {
        let refused = add(rule.clone());
        let text = String::from_utf8_lossy(refused.body()).into_owned();
        assert!(refused.status() == 400 && text.contains(says), "{rule}: {text}");
    }
}

#[test]
fn an_answer_has_the_headers_that_a_rule_gives_it_in_place_of_its_own() {
    let rule = json!({
        "action": {"kind":"platformError","error":"serviceThrottled"},
        "answerHeaders": [
            {"name":"Retry-After","value":"9"},
            {"name":"content-type","value":"text/plain"},
            {"name":"Set-Cookie","value":"a=1"},
            {"name":"Set-Cookie","value":"b=2"},
        ],
    });
    let text = HeaderValue::from_static;
    let fault = Fault::on(CALL)
        .platform_error(PlatformError::ServiceThrottled)
        .answer_header(RETRY_AFTER, text("9"))
        .answer_header(CONTENT_TYPE, text("text/plain"))
        .answer_header(SET_COOKIE, text("a=1"))
        .answer_header(SET_COOKIE, text("b=2"))
        .answer_header(CONTENT_LENGTH, text("3"));
    both(fault, rule, 1, |sandbox| {
        let (answer, _) = ask(sandbox, "/gettoken");
        assert_eq!(header(&answer, "retry-after"), "9");
        assert_eq!(header(&answer, "content-type"), "text/plain");
        assert_eq!(answer.matches("content-type: ").count(), 1);
        assert_eq!(answer.matches("set-cookie: ").count(), 2);
        assert_eq!(header(&answer, "content-length"), body_of(&answer).len().to_string());
        assert!(sandbox.journal().entries()[0].faulted);
    });
}

#[test]
fn redirects_empty_answers_and_huge_heads_can_be_sent() {
    let sandbox = started();
    let elsewhere = HeaderValue::from_static("http://127.0.0.1:9/");
    let moved = Fault::on(CALL).answer(302, "text/html", "").answer_header(LOCATION, elsewhere);
    let _ = sandbox.fault(moved.times(1));
    let (answer, _) = ask(&sandbox, "/gettoken");
    assert!(answer.starts_with("HTTP/1.1 302 Found\r\n"), "{answer}");
    assert_eq!(header(&answer, "location"), "http://127.0.0.1:9/");
    let _ = sandbox.fault(Fault::on(CALL).answer(204, "text/html", "").times(1));
    let (answer, _) = ask(&sandbox, "/gettoken");
    assert!(answer.starts_with("HTTP/1.1 204 No Content\r\n") && body_of(&answer).is_empty());
    let long = HeaderValue::try_from("x".repeat(64 * 1024)).expect("it can be sent");
    let huge = (0..100).fold(Fault::on(CALL), |fault, at| {
        let name = HeaderName::try_from(format!("x-long-{at}")).expect("a name");
        fault.answer_header(name, long.clone())
    });
    let _ = sandbox.fault(huge);
    let (answer, _) = ask(&sandbox, "/gettoken");
    assert!(answer.len() > 100 * 64 * 1024 && answer.ends_with(BODY), "{}", answer.len());
}

#[test]
fn a_body_is_spoiled_and_the_http_around_it_is_right() {
    let cut = json!({"kind":"cutBody","len":10});
    let set = json!({"kind":"setMember","pointer":"/errcode","json":"9223372036854775808"});
    let null = r#"{"errcode":null,"errmsg":null}"#.to_owned();
    let twice = format!("{},{}", &BODY[..BODY.len() - 1], &BODY[1..]);
    let front = |text: &str| BODY.replacen('{', &format!("{{{text},"), 1);
    for (fault, action, wanted) in [
        (Fault::on(CALL).cut_body(10), cut, BODY[..10].to_owned()),
        (
            Fault::on(CALL).set_member("/errcode", "9223372036854775808"),
            set,
            BODY.replace("40035", "9223372036854775808"),
        ),
        (Fault::on(CALL).all_null(), json!({"kind":"allNull"}), null),
        (Fault::on(CALL).duplicate_keys(), json!({"kind":"duplicateKeys"}), twice),
        (
            Fault::on(CALL).nested(10_000),
            json!({"kind":"nested","depth":10_000}),
            front(&format!("\"deep\":{}{}", "[".repeat(10_000), "]".repeat(10_000))),
        ),
        (
            Fault::on(CALL).padded(1_000_000),
            json!({"kind":"padded","len":1_000_000}),
            front(&format!("\"padding\":\"{}\"", "x".repeat(1_000_000))),
        ),
        // What is no UTF-8 shows as the character for that.
        (
            Fault::on(CALL).invalid_utf8(),
            json!({"kind":"invalidUtf8"}),
            BODY.replace(":\"", ":\"\u{fffd}"),
        ),
    ] {
        both(fault, json!({"action": action}), 1, |sandbox| {
            let (answer, end) = ask(sandbox, "/gettoken");
            assert!(body_of(&answer) == wanted && end.is_none(), "{action}: {answer:.300}");
            let spare = wanted.matches('\u{fffd}').count() * 2;
            assert_eq!(header(&answer, "content-length"), (wanted.len() - spare).to_string());
        });
    }
}

#[test]
fn what_a_rule_says_is_told_as_it_was_given() {
    let sandbox = started();
    let control = |method: &str, body: Vec<u8>| {
        let request = Request::builder().method(method).uri("/_sandbox/v1/faults");
        let answer = sandbox.control(
            request.header(CONTENT_TYPE, "application/json").body(body).expect("a request"),
        );
        serde_json::from_slice::<serde_json::Value>(answer.body()).expect("JSON")
    };
    let rules = [
        json!({"kind":"truncateHead","len":1}),
        json!({"kind":"resetInHead","len":2}),
        json!({"kind":"stallInHead","len":3}),
        json!({"kind":"contentLengthOff","by":-4}),
        json!({"kind":"badChunk"}),
        json!({"kind":"bothLengths"}),
        json!({"kind":"closeAfterAnswer"}),
        json!({"kind":"closeOnNextRequest"}),
        json!({"kind":"raw","base64":"/w=="}),
        json!({"kind":"answer","status":200,"contentType":"x/y","bodyBase64":"/w=="}),
        json!({"kind":"errcode","code":33001,"message":"x"}),
        json!({"kind":"subCode","code":90004,"message":"y"}),
        json!({"kind":"v1Error","status":400,"code":"a.b","message":"z"}),
        json!({"kind":"setMember","pointer":"/a","json":"1e999"}),
        json!({"kind":"allNull"}),
        json!({"kind":"cutBody","len":5}),
        json!({"kind":"invalidUtf8"}),
        json!({"kind":"duplicateKeys"}),
        json!({"kind":"nested","depth":6}),
        json!({"kind":"padded","len":7}),
    ];
    for action in &rules {
        let rule = json!({"operation": CALL, "action": action});
        let told = control("POST", rule.to_string().into_bytes());
        assert_eq!(told["action"], *action, "{told}");
    }
    assert_eq!(control("GET", Vec::new())["faults"].as_array().map(Vec::len), Some(rules.len()));
}

#[test]
fn in_process_such_answers_are_lost_cut_or_whole() {
    let sandbox = Sandbox::in_process();
    let call = || Request::get("/gettoken").body(Vec::new()).expect("a request");
    for (fault, wanted) in [
        (Fault::on(CALL).truncate_head(3), Err(Lost::Answer)),
        (Fault::on(CALL).bad_chunk(), Err(Lost::Answer)),
        (Fault::on(CALL).content_length_off(1), Err(Lost::Answer)),
        (Fault::on(CALL).content_length_off(-3), Ok(&BODY.as_bytes()[..BODY.len() - 3])),
        (Fault::on(CALL).raw("x"), Err(Lost::Closed)),
        (Fault::on(CALL).both_lengths(), Ok(BODY.as_bytes())),
        (Fault::on(CALL).close_on_next_request(), Ok(BODY.as_bytes())),
        (Fault::on_accept().reset(), Ok(BODY.as_bytes())),
    ] {
        sandbox.clear_faults();
        let _ = sandbox.fault(fault);
        let answer = sandbox.try_handle(call());
        assert_eq!(answer.as_ref().map(|answer| &answer.body()[..]).map_err(|lost| *lost), wanted);
    }
}
