//! Whatever comes.

use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn every_message_comes_back_for_its_owner(
        message in ".{0,200}",
        owner in "[a-zA-Z0-9]{0,40}",
        key in "[a-zA-Z0-9]{43}",
        random in any::<[u8; 16]>(),
    ) {
        let cipher = cipher(TOKEN, &key);
        let opened = cipher.open(&cipher.seal(random, &message, owner.as_bytes())).unwrap();
        prop_assert_eq!(opened.message.as_str(), message);
        prop_assert_eq!(opened.owner, owner.as_bytes());
    }

    #[test]
    fn any_bit_of_a_push_turned_over_is_refused(at_byte in any::<prop::sample::Index>(), bit in 0_u8..8) {
        let good = Push::new().of(r#"{"EventType":"check_url"}"#);
        prop_assert!(receiver().receive(&good, at(0)).is_ok());
        let (parts, mut body) = good.into_parts();
        // Within the text of `encrypt`: around it, JSON leaves a choice.
        let start = r#"{"encrypt":""#.len();
        let index = start + at_byte.index(body.len() - start - 2);
        body[index] ^= 1 << bit;
        let request = Request::from_parts(parts, body);
        prop_assert!(receiver().receive(&request, at(0)).is_err());
    }

    #[test]
    fn any_digit_of_what_is_signed_changed_is_refused(
        which in 0_usize..3,
        at_char in any::<prop::sample::Index>(),
        other in "[0-9a-f]",
    ) {
        let good = Push::new().of(r#"{"EventType":"check_url"}"#);
        let query = good.uri().query().unwrap().to_owned();
        let name = ["signature=", "timestamp=", "nonce="][which];
        let start = query.find(name).unwrap() + name.len();
        let end = query[start..].find('&').map_or(query.len(), |end| start + end);
        let index = start + at_char.index(end - start);
        let mut changed = query.clone();
        changed.replace_range(index..=index, &other);
        prop_assume!(changed != query);
        let (_, body) = good.into_parts();
        let request = Request::post(format!("/cb?{changed}")).body(body).unwrap();
        prop_assert!(receiver().receive(&request, at(0)).is_err());
    }

    #[test]
    fn no_body_makes_the_receiver_panic(body in any::<Vec<u8>>(), encrypt in any::<String>()) {
        let (parts, _) = Push::new().of("x").into_parts();
        let _ = receiver().receive(&Request::from_parts(parts, &body), at(0));
        // Signed, so that it is decrypted.
        prop_assert!(receiver().receive(&Push::new().carrying(&encrypt), at(0)).is_err());
    }

    #[test]
    fn no_plaintext_makes_the_receiver_panic(
        blocks in prop::collection::vec(any::<[u8; 16]>(), 1..20),
        pad in 1_u8..=32,
    ) {
        let mut plain = blocks.concat();
        let _ = receiver().receive(&Push::new().of_blocks(&plain), at(0));
        // With a good end, so that the length is looked at.
        let keep = plain.len().saturating_sub(usize::from(pad));
        plain[keep..].fill(pad);
        let _ = receiver().receive(&Push::new().of_blocks(&plain), at(0));
    }

    #[test]
    fn no_query_makes_the_receiver_panic(query in "[ -~&&[^#]]{0,80}") {
        if let Ok(request) = Request::post(format!("/?{query}")).body("{}") {
            prop_assert!(receiver().receive(&request, at(0)).is_err());
        }
    }
}
