//! Bodies that are not what they should be. All of them come after the call was executed.

use std::net::TcpStream;

use dingtalk_tests::{Whole, end};

use super::network::put;
use super::{By, Kind, except};
use crate::rule::{End, Rule};

const NO_ANSWER: Rule = Rule::Final(End::Reply);
const TOO_LARGE: Rule = Rule::Final(End::TooLarge);

const TOPAPI: &[&str] = &[
    "person by id (topapi)",
    "person by mobile (topapi)",
    "departments (topapi)",
    "silent login code",
];
const TOKENS: &[&str] = &[
    "page ticket (old family)",
    "app token",
    "app token, old way",
    "app token, by organization",
    "organization's token",
    "organization's token, signed",
    "suite's token",
    "sso token",
    "page ticket",
    "login code exchanged",
    "login code exchanged by hand",
    "session refreshed",
];

pub(super) const KINDS: &[Kind] = &[
    body("JSON cut short", |s, w| change(s, w, |text| text[..text.len() - 2].into()), NO_ANSWER),
    body(
        "not UTF-8",
        |stream, whole| {
            let bad =
                [b"{\"note\":\"\xff\xfe\",", whole.body.get(1..).unwrap_or_default()].concat();
            put(stream, &whole.with_body(bad).bytes())
        },
        NO_ANSWER,
    ),
    body(
        "every member twice",
        |s, w| change(s, w, |text| format!("{},{}", &text[..text.len() - 1], &text[1..])),
        NO_ANSWER,
    )
    .except(&[except(
        TOPAPI,
        Rule::Unfelt,
        "topapi's envelope is read member by member, and the last one counts",
    )]),
    body(
        "nested 10,000 deep",
        |s, w| {
            change(s, w, |text| {
                let (open, close) = ("[".repeat(10_000), "]".repeat(10_000));
                format!(r#"{{"deep":{open}{close},{}"#, &text[1..])
            })
        },
        Rule::Unfelt,
    ),
    body("100 MB, in chunks", endless, TOO_LARGE),
    body(
        "100 MB, announced",
        |stream, whole| {
            let head = whole.with_body("").bytes_with("Content-Length: 104857600\r\n");
            let piece = [b' '; 64 << 10];
            put(stream, &head) && (0..1_600).all(|_| put(stream, &piece)) && end(stream)
        },
        TOO_LARGE,
    ),
    body(
        "gzip that nobody asked for",
        |stream, whole| {
            // The beginning of a gigabyte of zeroes; whoever unpacks it loses.
            let bomb = [&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 3, 0xec, 0xc1][..], &[0x55; 4_000]];
            let whole = whole.with_body(bomb.concat());
            let length = format!("Content-Length: {}\r\n", whole.body.len());
            put(stream, &whole.bytes_with(&format!("Content-Encoding: gzip\r\n{length}")))
        },
        NO_ANSWER,
    ),
    body(
        "numbers out of range",
        |s, w| change(s, w, |text| numbers(text, "-9999999999999999999999")),
        NO_ANSWER,
    )
    .except(&[
        except(
            TOKENS,
            Rule::Unfelt,
            "the only number is the token's life, and a token is good all the same",
        ),
        except(
            &[
                "person by mobile (topapi)",
                "profile by the person (v1.0)",
                "to-do changed",
                "to-do deleted",
                "sso code",
            ],
            Rule::Unfelt,
            "there is no number in the answer",
        ),
    ]),
    body(
        "numbers that nobody knows",
        |s, w| change(s, w, |text| numbers(text, "424242")),
        Rule::Unfelt,
    ),
    Kind::new(
        "body",
        "numbers as text",
        By::Sandbox(|fault| fault.numbers_as_text()),
        Rule::Unfelt,
    )
    .executed(),
    body("null everywhere", |s, w| change(s, w, nulls), NO_ANSWER).except(&[except(
        &["people searched (v1.0)", "to-do changed", "to-do deleted"],
        Rule::Unfelt,
        "null is nothing found and nothing done, as everywhere with this platform",
    )]),
    body("null alone", |s, w| change(s, w, |_| "null".into()), NO_ANSWER),
    body("a list around it", |s, w| change(s, w, |text| format!("[{text}]")), NO_ANSWER),
    body("an empty object", |s, w| change(s, w, |_| "{}".into()), NO_ANSWER).except(&[except(
        &["people searched (v1.0)", "to-dos (v1.0)", "to-do changed", "to-do deleted"],
        Rule::Unfelt,
        "what is absent is nothing found and nothing done, as everywhere with this platform",
    )]),
    body(
        "members that nobody knows",
        |s, w| change(s, w, |text| format!(r#"{{"new":{{"a":[1,null]}},{}"#, &text[1..])),
        Rule::Unfelt,
    ),
    body(
        "spaces around it",
        |s, w| change(s, w, |text| format!("\r\n\t {text}\r\n \n")),
        Rule::Unfelt,
    ),
];

const fn body(name: &'static str, misdeed: fn(&mut TcpStream, &Whole) -> bool, rule: Rule) -> Kind {
    Kind::new("body", name, By::Front(misdeed), rule).executed()
}

fn change(stream: &mut TcpStream, whole: &Whole, change: impl Fn(&str) -> String) -> bool {
    put(stream, &whole.with_body(change(whole.text())).bytes())
}

fn endless(stream: &mut TcpStream, whole: &Whole) -> bool {
    let head = whole.with_body("").bytes_with("Transfer-Encoding: chunked\r\n");
    let chunk = format!("10000\r\n{}\r\n", " ".repeat(64 << 10));
    put(stream, &head) && (0..1_600).all(|_| put(stream, chunk.as_bytes())) && end(stream)
}

/// Every number but the code of success becomes this one.
fn numbers(text: &str, to: &str) -> String {
    replaced(text, |value| {
        let number = value.starts_with(|c: char| c == '-' || c.is_ascii_digit());
        (number && value != "0").then(|| to.to_owned())
    })
}

/// Every value becomes null.
fn nulls(text: &str) -> String {
    replaced(text, |_| Some("null".to_owned()))
}

/// Replaces values that are no objects and no lists; keys stay.
fn replaced(text: &str, by: impl Fn(&str) -> Option<String>) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some(first) = rest.chars().next() {
        let len = match first {
            '"' => string_len(rest),
            '{' | '}' | '[' | ']' | ',' | ':' => 1,
            _ => rest.find(['{', '}', '[', ']', ',', ':', '"']).unwrap_or(rest.len()),
        };
        let (token, after) = rest.split_at(len);
        let is_value =
            !matches!(first, '{' | '}' | '[' | ']' | ',' | ':') && !after.starts_with(':');
        match by(token).filter(|_| is_value) {
            Some(value) => out.push_str(&value),
            None => out.push_str(token),
        }
        rest = after;
    }
    out
}

fn string_len(text: &str) -> usize {
    let mut escaped = false;
    let end = text.char_indices().skip(1).find(|(_, c)| {
        let ends = *c == '"' && !escaped;
        escaped = *c == '\\' && !escaped;
        ends
    });
    end.map_or(text.len(), |(at, _)| at + 1)
}

#[test]
fn values_are_replaced_and_keys_stay() {
    let text = r#"{"a":1,"b":["x\"y",-2.5],"c":{"d":true,"e":0}}"#;
    assert_eq!(numbers(text, "7"), r#"{"a":7,"b":["x\"y",7],"c":{"d":true,"e":0}}"#);
    assert_eq!(nulls(text), r#"{"a":null,"b":[null,null],"c":{"d":null,"e":null}}"#);
}
