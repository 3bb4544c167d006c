//! The rows, by family; one for every operation and one for every kind of push.

use super::Row;

mod old;
mod pages;
mod pushes;
mod topapi;
mod v1;

pub(super) use pushes::ROWS as PUSHES;

/// The rows of all operations.
pub(super) fn all() -> impl Iterator<Item = &'static Row> {
    [old::ROWS, topapi::ROWS, v1::ROWS, pages::ROWS].into_iter().flatten()
}
