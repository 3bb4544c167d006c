//! Replays what the fuzzers were given to start with and what they found, and rolls some dice: the
//! same properties as `cargo fuzz` checks, in a moment.

use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use dingtalk_tests::properties::{ALL, check};

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

#[test]
fn every_property_has_a_fuzz_target_and_a_corpus_and_nothing_else_does() {
    let known: BTreeSet<_> = ALL.iter().map(|(name, _)| (*name).to_owned()).collect();
    let names = |folder: &str| -> BTreeSet<String> {
        let entries = fs::read_dir(fuzz().join(folder)).expect("it is in the repository");
        entries
            .map(|entry| {
                let name = entry.expect("it can be read").file_name();
                name.to_string_lossy().trim_end_matches(".rs").to_owned()
            })
            .collect()
    };
    assert_eq!(names("targets"), known);
    assert_eq!(names("corpus"), known);
}

#[test]
fn what_was_once_found_holds() {
    for (name, _) in ALL {
        let files = fs::read_dir(fuzz().join("corpus").join(name)).expect("it is there");
        for file in files {
            let path = file.expect("it can be read").path();
            let data = fs::read(&path).expect("it can be read");
            let outcome = catch_unwind(AssertUnwindSafe(|| check(name, &data)));
            assert!(outcome.is_ok(), "{} breaks it", path.display());
        }
    }
}

#[test]
fn dice_find_nothing() {
    let mut dice = 0x9E37_79B9_7F4A_7C15_u64;
    for (name, _) in ALL {
        for round in 0..40_u64 {
            let data: Vec<u8> = (0..round * 7)
                .map(|_| {
                    dice ^= dice << 13;
                    dice ^= dice >> 7;
                    dice ^= dice << 17;
                    (dice >> 32).to_le_bytes()[0]
                })
                .collect();
            let outcome = catch_unwind(AssertUnwindSafe(|| check(name, &data)));
            assert!(outcome.is_ok(), "{name} is broken by {data:?}");
        }
    }
}
