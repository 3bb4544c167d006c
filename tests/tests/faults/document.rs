//! `tests/FAULTS.md`: the table for people.

pub(crate) fn markdown() -> String {
    String::new()
}
