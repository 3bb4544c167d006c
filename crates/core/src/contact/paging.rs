//! Where a longer result goes on (wire-facts §13.4): never at a place that was there before.

/// The next cursor. One that stands still would ask for the same page for ever.
pub(super) fn next_cursor(here: i64, has_more: bool, next: Option<i64>) -> Option<i64> {
    next.filter(|cursor| has_more && *cursor > here)
}

/// The next offset, by what came and not by what was asked for: a short page must not leave
/// anybody out. A page without items would ask for itself for ever.
pub(super) fn next_offset(here: i64, has_more: bool, came: usize) -> Option<i64> {
    let came = i64::try_from(came).unwrap_or(i64::MAX);
    (has_more && came > 0).then(|| here.checked_add(came)).flatten()
}
