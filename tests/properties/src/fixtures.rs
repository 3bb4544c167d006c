//! Files: a mistake is an error that says where, and nothing is taken over by halves.

use arbitrary::Unstructured;
use dingtalk_sandbox::{Fixture, Sandbox};

use super::{START, choose, text};

pub(super) fn files(data: &[u8]) {
    let mut from = Unstructured::new(data);
    let toml = choose::<bool>(&mut from);
    let text = text(from);
    let read = match toml {
        true => Fixture::from_toml(&text),
        false => Fixture::from_json(&text),
    };
    match read {
        Ok(fixture) => {
            let _ = (fixture.first_app(), fixture.first_person(), fixture.keeps_demo());
            let _ = Sandbox::builder().frozen_at(START).seed(1).fixture(fixture).in_process();
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

pub(super) fn snapshots(data: &[u8]) {
    thread_local! {
        static SANDBOX: (Sandbox, String) = {
            let sandbox = Sandbox::builder().frozen_at(START).seed(1).in_process();
            let snapshot = sandbox.snapshot();
            (sandbox, snapshot)
        };
    }
    SANDBOX.with(|(sandbox, good)| {
        let mut from = Unstructured::new(data);
        let whole = choose::<u8>(&mut from).is_multiple_of(4);
        let text = match whole {
            true => text(from),
            false => {
                // A part of a good one replaced by something else.
                let (start, len) = (choose::<u16>(&mut from), choose::<u8>(&mut from));
                let start = usize::from(start) % good.len();
                let end = (start + usize::from(len)).min(good.len());
                let mut bytes = good.as_bytes()[..start].to_vec();
                bytes.extend_from_slice(from.take_rest());
                bytes.extend_from_slice(&good.as_bytes()[end..]);
                String::from_utf8_lossy(&bytes).into_owned()
            }
        };
        let before = sandbox.snapshot();
        match sandbox.load(&text) {
            Ok(()) => {
                // What was taken over can be told again, and taken over again.
                let told = sandbox.snapshot();
                sandbox.load(&told).expect("its own words");
                sandbox.load(good).expect("it was good before");
            }
            Err(error) => {
                assert!(!error.to_string().is_empty());
                assert_eq!(before, sandbox.snapshot(), "a half of it was taken over");
            }
        }
    });
}
