//! Which pushes are received.

use super::*;

const CHECK: &str = r#"{"EventType":"check_url"}"#;

#[test]
fn either_name_of_the_signature_will_do_and_one_good_one_is_enough() {
    for name in ["signature", "msg_signature", "signature=&msg_signature"] {
        let push = Push { name, ..Push::new() };
        assert!(receiver().receive(&push.of(CHECK), at(0)).is_ok(), "{name}");
    }
    let bad = "signature=5a65ceeef9aab2d149439f82dc191dd6c5cbe2c0&msg_signature";
    let push = Push { name: bad, ..Push::new() };
    assert!(receiver().receive(&push.of(CHECK), at(0)).is_ok());
}

#[test]
fn nothing_of_a_push_with_a_bad_signature_is_decrypted() {
    // What would fail to decrypt is refused for its signature all the same.
    let forged = "0".repeat(40);
    for encrypt in ["no base64!", "AAAA", ""] {
        let refusal = refused(receiver().receive(&Push::new().signed(&forged, encrypt), at(0)));
        assert_eq!((&refusal, refusal.code()), (&Refusal::Signature, Some(900_005)));
        let refusal = refused(receiver().receive(&Push::new().carrying(encrypt), at(0)));
        assert_eq!(refusal.code(), Some(900_008), "{encrypt}");
    }
    let wrong_token = Push { token: "tokenExample2", ..Push::new() };
    assert_eq!(refused(receiver().receive(&wrong_token.of(CHECK), at(0))), Refusal::Signature);
}

#[test]
fn what_is_no_signed_post_is_refused_before_its_body() {
    let good = Push::new().of(CHECK);
    let get = Request::get(good.uri()).body(()).unwrap();
    assert_eq!(receiver().admit(&get), Err(Refusal::Method));
    let signature = "5a65ceeef9aab2d149439f82dc191dd6c5cbe2c0";
    for (query, refusal) in [
        ("".to_owned(), Refusal::Unsigned),
        ("signature=&timestamp=1&nonce=n".to_owned(), Refusal::Unsigned),
        (format!("signature={}&timestamp=1&nonce=n", &signature[1..]), Refusal::Unsigned),
        (format!("signature={signature}0&timestamp=1&nonce=n"), Refusal::Unsigned),
        (format!("signature=x{}&timestamp=1&nonce=n", &signature[1..]), Refusal::Unsigned),
        (format!("signature={signature}&nonce=n"), Refusal::Timestamp),
        (format!("signature={signature}&timestamp=&nonce=n"), Refusal::Timestamp),
        (format!("signature={signature}&timestamp=-1&nonce=n"), Refusal::Timestamp),
        (format!("signature={signature}&timestamp=1"), Refusal::Nonce),
        (format!("signature={signature}&timestamp=1&nonce="), Refusal::Nonce),
    ] {
        let request = Request::post(format!("/cb?{query}")).body(()).unwrap();
        assert_eq!(receiver().admit(&request), Err(refusal), "{query}");
    }
    for body in ["", "{}", "[]", r#"{"encrypt":7}"#, "\u{0}", r#"{"encrypt":"#] {
        let (parts, _) = Push::new().of(CHECK).into_parts();
        let request = Request::from_parts(parts, body);
        assert_eq!(refused(receiver().receive(&request, at(0))).code(), Some(900_008));
    }
}

#[test]
fn a_hundred_megabytes_are_refused_by_their_announcement_and_by_their_bytes() {
    let mut request = Push::new().of(CHECK);
    let limit = Receiver::LARGEST_BODY;
    assert_eq!(receiver().admit(&request), Ok(limit));
    for length in ["1048577", "104857600", "18446744073709551616"] {
        request.headers_mut().insert("content-length", length.parse().unwrap());
        assert_eq!(receiver().admit(&request), Err(Refusal::TooLarge { limit }), "{length}");
    }
    // A body that lies about its length, or says none.
    let (parts, _) = Push::new().of(CHECK).into_parts();
    let request = Request::from_parts(parts, vec![b'{'; 100 * 1024 * 1024]);
    let refusal = refused(receiver().receive(&request, at(0)));
    assert_eq!(
        (&refusal, refusal.response().status().as_u16()),
        (&Refusal::TooLarge { limit }, 413)
    );
    let small = receiver().largest_body(10);
    assert!(matches!(
        small.receive(&Push::new().of(CHECK), at(0)),
        Err(Refusal::TooLarge { limit: 10 })
    ));
}

#[test]
fn another_key_and_broken_insides_are_refused_by_their_numbers() {
    let other_key = "bbcdefghijklmnopqrstuvwxyz0123456789ABCDEFG";
    let other = Push { key: other_key, ..Push::new() };
    let code = refused(receiver().receive(&other.of(CHECK), at(0))).code();
    assert!(matches!(code, Some(900_008 | 900_009)), "{code:?}");
    let inside = |length: u32, rest: &[u8], pad: &[u8]| {
        let mut plain = b"0123456789abcdef".to_vec();
        plain.extend_from_slice(&length.to_be_bytes());
        plain.extend_from_slice(rest);
        plain.extend_from_slice(pad);
        Push::new().of_blocks(&plain)
    };
    let pad = |of: u8| vec![of; usize::from(of)];
    // 16 random bytes, 4 of length, 12 of message and owner: 32.
    for (length, rest, padding, code) in [
        (u32::MAX, &b"abcdefghijkl"[..], pad(32), 900_009),
        (13, b"abcdefghijkl", pad(32), 900_009),
        (2, b"{}abcdefghij", vec![0; 32], 900_008),
        (2, b"{}abcdefghij", vec![33; 32], 900_008),
        (2, b"{}abcdefghij", [vec![7; 31], vec![32]].concat(), 900_008),
        (2, b"\xff\xfeabcdefghij", pad(32), 900_008),
        (2, b"{}abcdefghij", pad(32), 900_010),
        (12, b"abcdefghijkl", pad(32), 900_010),
    ] {
        let refusal = refused(receiver().receive(&inside(length, rest, &padding), at(0)));
        assert_eq!(refusal.code(), Some(code), "{length} {refusal}");
    }
    // Nothing but padding, and less than a head.
    for plain in [vec![32; 32], [vec![1; 18], vec![14; 14]].concat()] {
        let refusal = refused(receiver().receive(&Push::new().of_blocks(&plain), at(0)));
        assert_eq!(refusal.code(), Some(900_009));
    }
    let short = Push { owner: SUITE.into(), ..Push::new() };
    assert_eq!(refused(receiver().receive(&short.of(""), at(0))).code(), Some(900_001));
    assert_eq!(refused(receiver().receive(&short.of("success"), at(0))).code(), Some(900_001));
}

#[test]
fn keys_that_are_none_are_refused() {
    let with = |key: &str| Receiver::new(TOKEN, key, Owner::NewSuite).err();
    for key in ["", &KEY[1..], &format!("{KEY}a"), &KEY.replace('a', "+"), &"é".repeat(22)] {
        let refusal = with(key).expect("refused");
        assert_eq!((&refusal, refusal.code()), (&Refusal::AesKey, Some(900_004)), "{key}");
    }
    assert_eq!(with(KEY), None);
}

#[test]
fn a_push_that_was_signed_long_ago_or_lies_ahead_is_refused() {
    let hour = 3_600_000;
    let get = |receiver: &Receiver, at: Timestamp| receiver.receive(&Push::new().of(CHECK), at);
    let ahead = Timestamp::from_millis(NOW - hour);
    assert!(get(&receiver(), at(hour)).is_ok() && get(&receiver(), ahead).is_ok());
    for now in [at(hour + 1), Timestamp::from_millis(NOW - hour - 1), Timestamp::from_millis(0)] {
        let refusal = refused(get(&receiver(), now));
        assert!(matches!(refusal, Refusal::Stale { .. }) && refusal.code() == Some(900_002));
    }
    let patient = receiver().max_age(Duration::from_secs(7200));
    assert!(get(&patient, at(2 * hour)).is_ok());
    let seconds = Push { timestamp: (NOW / 1000).to_string(), ..Push::new() };
    assert!(receiver().receive(&seconds.of(CHECK), at(hour)).is_ok());
}

#[test]
fn the_error_says_which_owner_was_expected_and_the_answer_does_not() {
    let corp = "ding7c1e0f2a9b3d4c5e6f70819203a4b5c6";
    for (owner, found, says) in [
        (Owner::App("dingabc".into()), corp, "register_call_back"),
        (Owner::App("dingabc".into()), SUITE, "Owner::Suite"),
        (Owner::Corp(corp.into()), "dingabc", "developer console"),
        (Owner::Suite("suiteother".into()), SUITE, "suite key suiteother"),
        (Owner::Custom("customabc".into()), "dingabc", "CustomKey customabc"),
        (Owner::NewSuite, SUITE, "Owner::Suite"),
    ] {
        let receiver = Receiver::new(TOKEN, KEY, owner.clone()).unwrap();
        let push = Push { owner: found.into(), ..Push::new() };
        let refusal = refused(receiver.receive(&push.of(CHECK), at(0)));
        let text = refusal.to_string();
        assert_eq!(refusal.code(), Some(900_010));
        assert!(text.contains(found) && text.contains(says), "{text}");
        assert!(owner.id().is_none_or(|id| text.contains(id)), "{text}");
        let answer = String::from_utf8(refusal.response().into_body()).unwrap();
        assert_eq!(answer, r#"{"errcode":900010}"#);
    }
    let odd = Push { owner: b"a\n\x1b[31m\xff\"".repeat(50), ..Push::new() };
    let text = refused(receiver().receive(&odd.of(CHECK), at(0))).to_string();
    assert!(text.len() < 300 && !text.contains(['\n', '\x1b']), "{text}");
}

#[test]
fn every_kind_of_owner_receives_its_own() {
    let corp = "ding7c1e0f2a9b3d4c5e6f70819203a4b5c6";
    for owner in [
        Owner::App("dingabc".into()),
        Owner::Corp(corp.into()),
        Owner::Suite(SUITE.into()),
        Owner::Custom("customabc".into()),
    ] {
        let push = Push { owner: owner.id().unwrap().into(), ..Push::new() };
        let receiver = Receiver::new(TOKEN, KEY, owner).unwrap();
        assert!(receiver.receive(&push.of(CHECK), at(0)).is_ok());
    }
}

#[test]
fn the_first_check_of_a_suite_is_answered_whatever_its_owner_and_nothing_else_is() {
    let first = r#"{"EventType":"check_create_suite_url","Random":"q7Wd2Zk1","TestSuiteKey":"s"}"#;
    let push = Push { owner: "suite4xxxxxxxxxxxxxxx".into(), ..Push::new() };
    for owner in [Owner::NewSuite, Owner::Suite(SUITE.into())] {
        let receiver = Receiver::new(TOKEN, KEY, owner).unwrap();
        let received = receiver.receive(&push.of(first), at(0)).unwrap();
        assert_eq!(received.owner, push.owner, "the answer goes to who asked");
        assert_eq!(opened(&received.acknowledge([1; 16]), TOKEN, KEY), "success");
        let ticket = r#"{"EventType":"suite_ticket","SuiteTicket":"x"}"#;
        for other in [CHECK, ticket, "success", &first.replace("create", "update")] {
            assert_eq!(refused(receiver.receive(&push.of(other), at(0))).code(), Some(900_010));
        }
    }
    let app = Receiver::new(TOKEN, KEY, Owner::App("dingabc".into())).unwrap();
    assert_eq!(refused(app.receive(&push.of(first), at(0))).code(), Some(900_010));
    let old = Receiver::new(TOKEN, KEY, Owner::NewSuite).unwrap().reply_random();
    let received = old.receive(&push.of(first), at(0)).unwrap();
    assert_eq!(opened(&received.acknowledge([1; 16]), TOKEN, KEY), "q7Wd2Zk1");
}
