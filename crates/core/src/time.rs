//! Time as an argument.

use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// A moment, in milliseconds on two clocks: the wall clock (since 1970) and a clock that never
/// jumps.
///
/// core never reads a clock: every step is told what time it is. Lives are judged on both clocks,
/// and a token is over as soon as *either* says so. So a wall clock that is set back cannot
/// prolong a token, and a computer that slept, whose steady clock stood still, does not trust one
/// that has expired meanwhile. Waits, leases and back-off use the steady clock alone.
///
/// Tests count it up:
///
/// ```
/// use dingtalk_core::Timestamp;
/// use std::time::Duration;
///
/// let start = Timestamp::from_millis(1_700_000_000_000);
/// let later = start + Duration::from_secs(7200);
/// assert_eq!(later.unix_millis() - start.unix_millis(), 7_200_000);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Timestamp {
    unix: u64,
    steady: u64,
}

impl Timestamp {
    /// Both clocks at once; the steady one may start anywhere but must be the same for all who
    /// share a credential.
    pub const fn new(unix_millis: u64, steady_millis: u64) -> Self {
        Self { unix: unix_millis, steady: steady_millis }
    }

    /// One number for both clocks: for tests and for hosts with a single clock.
    pub const fn from_millis(millis: u64) -> Self {
        Self::new(millis, millis)
    }

    /// What a Rust driver reads: `Timestamp::at(SystemTime::now(), Instant::now())`.
    ///
    /// The first instant that the process passes becomes the origin of the steady clock, so that
    /// a blocking and an async client over one credential count alike.
    pub fn at(wall: SystemTime, steady: Instant) -> Self {
        static ORIGIN: OnceLock<Instant> = OnceLock::new();
        let origin = *ORIGIN.get_or_init(|| steady);
        let unix = wall.duration_since(UNIX_EPOCH).unwrap_or_default();
        // Another thread may have read its clock before the origin was set: leave room below it.
        let steady = match steady.checked_duration_since(origin) {
            Some(after) => STEADY_ORIGIN.saturating_add(millis(after)),
            None => STEADY_ORIGIN.saturating_sub(millis(origin.duration_since(steady))),
        };
        Self::new(millis(unix), steady)
    }

    /// Milliseconds since 1970 by the wall clock.
    pub const fn unix_millis(self) -> u64 {
        self.unix
    }

    /// Milliseconds by the clock that never jumps, from an origin without meaning.
    pub const fn steady_millis(self) -> u64 {
        self.steady
    }

    /// Time passed since `earlier` by the steady clock; zero if it lies ahead.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.steady.saturating_sub(earlier.steady))
    }

    /// Whether this moment has come by either clock.
    pub const fn has_come(self, now: Self) -> bool {
        now.steady >= self.steady || now.unix >= self.unix
    }

    /// Time left until this moment, the shorter of what the two clocks say.
    pub fn left(self, now: Self) -> Duration {
        let steady = self.steady.saturating_sub(now.steady);
        let unix = self.unix.saturating_sub(now.unix);
        Duration::from_millis(steady.min(unix))
    }

    /// This moment moved back, never below zero.
    pub fn earlier_by(self, duration: Duration) -> Self {
        let by = millis(duration);
        Self::new(self.unix.saturating_sub(by), self.steady.saturating_sub(by))
    }
}

impl std::ops::Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        let by = millis(duration);
        Self::new(self.unix.saturating_add(by), self.steady.saturating_add(by))
    }
}

const STEADY_ORIGIN: u64 = 1 << 40;

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_has_come_when_either_clock_says_so() {
        let end = Timestamp::new(1_000, 500);
        assert!(!end.has_come(Timestamp::new(999, 499)));
        assert!(end.has_come(Timestamp::new(1_000, 0)), "the computer slept");
        assert!(end.has_come(Timestamp::new(0, 500)), "the wall clock was set back");
    }

    #[test]
    fn arithmetic_saturates_at_both_ends() {
        let end = Timestamp::from_millis(u64::MAX) + Duration::MAX;
        assert_eq!(end, Timestamp::from_millis(u64::MAX));
        assert_eq!(Timestamp::from_millis(1).earlier_by(Duration::MAX), Timestamp::from_millis(0));
    }

    #[test]
    #[allow(clippy::disallowed_methods)]
    fn all_drivers_of_a_process_share_one_steady_origin() {
        let first = Timestamp::at(SystemTime::now(), Instant::now());
        let second = Timestamp::at(UNIX_EPOCH, Instant::now());
        assert!(second.since(first) < Duration::from_secs(60));
        assert!(second.steady_millis() >= first.steady_millis());
    }
}
