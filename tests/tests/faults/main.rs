//! The fault matrix: every kind of fault × every operation × both clients, each cell once and then
//! for as long as it lasts, and a clean call afterwards.
//!
//! `kinds` says what goes wrong and by which rule a call has to end then, `operations` what is
//! called, `rule` how the two make an expectation, `cell` what is judged. The table for people is
//! `tests/FAULTS.md`; `WRITE_FAULTS=1 cargo test -p dingtalk-tests --test faults` writes it.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod aim;
mod cell;
mod document;
mod kinds;
mod operations;
mod places;
mod rule;
mod stage;

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use aim::Astray;
use cell::{Cell, Worker};
use dingtalk_tests::{Driver, Ear};
use places::Places;
use rule::Class;

/// Most cells wait for a time limit now and then, and few compute.
const WORKERS: usize = 48;

#[test]
fn every_cell_ends_as_its_rule_says() {
    let ear = Ear::open();
    let places = Places::new();
    let astray = Astray::new(&places);
    let cells: Vec<Cell> = cells();
    let (next, failures) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let begin = Instant::now();
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                let mut worker = Worker::new(&places, &astray, ear);
                while let Some(cell) = cells.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(why) = worker.run(cell) {
                        failures.lock().unwrap().push(format!("{cell}: {why}"));
                    }
                }
            });
        }
    });
    places.assert_untouched();
    let failures = failures.into_inner().unwrap();
    println!("{} cells in {:?}", cells.len(), begin.elapsed());
    assert!(
        failures.is_empty(),
        "{} of {} cells:\n{}",
        failures.len(),
        cells.len(),
        failures.join("\n")
    );
}

/// All of them, those that wait longest first; `FAULTS_ONLY` narrows them to those whose name holds
/// it.
fn cells() -> Vec<Cell> {
    let only = std::env::var("FAULTS_ONLY").unwrap_or_default();
    let mut cells = Vec::new();
    for kind in kinds::all() {
        for operation in operations::ALL {
            for driver in [Driver::Blocking, Driver::Async] {
                cells.push(Cell { kind, operation, driver, secure: false });
                if kind.is_for_https() {
                    cells.push(Cell { kind, operation, driver, secure: true });
                }
            }
        }
    }
    cells.retain(|cell| cell.to_string().contains(&only));
    cells.sort_by_key(|cell| !cell.kind.is_slow());
    cells
}

#[test]
fn the_matrix_is_as_large_as_was_promised() {
    let pairs = kinds::all().count() * operations::ALL.len();
    assert!(pairs >= 500, "{pairs} pairs of kind and operation");
    assert!(operations::ALL.len() >= 12);
    for class in Class::ALL {
        assert!(operations::ALL.iter().any(|operation| operation.class == class), "{class:?}");
    }
    let names: BTreeSet<_> = kinds::all().map(|kind| kind.name).collect();
    assert_eq!(names.len(), kinds::all().count(), "two kinds have one name");
}

#[test]
fn exceptions_name_operations_that_there_are() {
    for kind in kinds::all() {
        for exception in kind.exceptions {
            assert!(!exception.why.is_empty(), "{}", kind.name);
            for name in exception.operations {
                assert!(operations::ALL.iter().any(|it| it.name == *name), "{}: {name}", kind.name);
            }
        }
    }
}

#[test]
fn the_document_is_what_the_table_says() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/FAULTS.md");
    let text = document::markdown();
    if std::env::var_os("WRITE_FAULTS").is_some() {
        std::fs::write(path, &text).unwrap();
    }
    let published = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        published == text,
        "run: WRITE_FAULTS=1 cargo test -p dingtalk-tests --test faults document"
    );
}
