//! Calls that were made in a while, and how long each took.

use std::time::{Duration, Instant};

/// The beginning of each measurement is not counted: connections that were closed meanwhile are opened again, and
/// threads start.
const UNCOUNTED: u32 = 5;

/// When a measurement begins to count and when it ends.
#[derive(Clone, Copy)]
pub struct Span {
    counted_from: Instant,
    end: Instant,
}

impl Span {
    pub fn of(long: Duration) -> Self {
        let now = Instant::now();
        Self { counted_from: now + long / UNCOUNTED, end: now + long }
    }
}

/// One caller's calls.
#[derive(Default)]
pub struct Calls(Vec<u32>);

impl Calls {
    /// Notes a call and tells whether there is time for another one.
    pub fn note(&mut self, span: Span, start: Instant, end: Instant) -> bool {
        if start >= span.counted_from && end <= span.end {
            let nanoseconds = (end - start).as_nanos();
            self.0.push(u32::try_from(nanoseconds).unwrap_or(u32::MAX));
        }
        end < span.end
    }
}

/// Everybody's calls.
pub struct Tally {
    nanoseconds: Vec<u32>,
    long: Duration,
}

impl Tally {
    pub fn new(span: Span, calls: impl IntoIterator<Item = Calls>) -> Self {
        let mut nanoseconds: Vec<_> = calls.into_iter().flat_map(|calls| calls.0).collect();
        nanoseconds.sort_unstable();
        Self { nanoseconds, long: span.end - span.counted_from }
    }

    pub fn json(&self) -> String {
        let calls = self.nanoseconds.len();
        let rate = calls as f64 / self.long.as_secs_f64();
        let (p50, p99) = (self.quantile(50), self.quantile(99));
        format!(r#"{{"calls":{calls},"rate":{rate:.1},"p50":{p50},"p99":{p99}}}"#)
    }

    fn quantile(&self, percent: usize) -> u32 {
        let at = self.nanoseconds.len().saturating_sub(1) * percent / 100;
        self.nanoseconds.get(at).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_is_not_counted_and_quantiles_are_of_everybody() {
        let span = Span::of(Duration::from_millis(500));
        let at = |millis| span.end - Duration::from_millis(500) + Duration::from_millis(millis);
        let mut one = Calls::default();
        assert!(one.note(span, at(99), at(101)), "begun before it counts");
        assert!(one.note(span, at(101), at(103)));
        assert!(!one.note(span, at(450), at(501)), "ended when it was over");
        let mut other = Calls::default();
        assert!(other.note(span, at(200), at(205)));
        let tally = Tally::new(span, [one, other]);
        assert_eq!(tally.json(), r#"{"calls":2,"rate":5.0,"p50":2000000,"p99":2000000}"#);
    }
}
