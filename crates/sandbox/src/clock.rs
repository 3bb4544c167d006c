//! The sandbox's own time. Everything that ages asks this clock, and nothing ever sleeps for it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A handle to the clock of one sandbox; clones move the same clock.
///
/// A new clock runs with the machine's. Token lives, code ages, ticket extensions and rate windows all follow it, so a
/// test reaches the end of a two-hour token with one [`advance`](Self::advance).
#[derive(Clone, Debug)]
pub struct Clock {
    state: Arc<Mutex<State>>,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// The machine's time, shifted by so many milliseconds.
    Running(i64),
    Frozen(u64),
}

impl Clock {
    /// The sandbox's present moment in milliseconds since 1970.
    #[must_use]
    pub fn now(&self) -> u64 {
        match *self.lock() {
            State::Running(shift) => machine_now().saturating_add_signed(shift),
            State::Frozen(at) => at,
        }
    }

    /// Moves the clock forward at once.
    pub fn advance(&self, by: Duration) {
        let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        let mut state = self.lock();
        *state = match *state {
            State::Running(shift) => State::Running(shift.saturating_add(by)),
            State::Frozen(at) => State::Frozen(at.saturating_add_signed(by)),
        };
    }

    /// Puts the clock to a moment, forward or back; it keeps running if it ran.
    pub fn set(&self, unix_ms: u64) {
        let mut state = self.lock();
        *state = match *state {
            State::Running(_) => State::Running(shift_to(unix_ms)),
            State::Frozen(_) => State::Frozen(unix_ms),
        };
    }

    /// Stops the clock at its present moment.
    pub fn freeze(&self) {
        let now = self.now();
        *self.lock() = State::Frozen(now);
    }

    /// Lets the clock run on from its present moment.
    pub fn run(&self) {
        let mut state = self.lock();
        if let State::Frozen(at) = *state {
            *state = State::Running(shift_to(at));
        }
    }

    pub(crate) fn running() -> Self {
        Self { state: Arc::new(Mutex::new(State::Running(0))) }
    }

    pub(crate) fn frozen_at(unix_ms: u64) -> Self {
        Self { state: Arc::new(Mutex::new(State::Frozen(unix_ms))) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The text of a moment as the platform's throttle messages print it: local time of China, seconds, no zone
/// (wire-facts §11.4).
pub(crate) fn china_time(unix_ms: u64) -> String {
    let seconds = unix_ms / 1000 + 8 * 3600;
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // Days to a civil date by counting 400-year eras from 0000-03-01.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!(
        "{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}",
        rest / 3600,
        rest / 60 % 60,
        rest % 60
    )
}

fn machine_now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

fn shift_to(unix_ms: u64) -> i64 {
    i64::try_from(i128::from(unix_ms) - i128::from(machine_now())).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frozen_clock_moves_only_when_told() {
        let clock = Clock::frozen_at(1_000);
        assert_eq!(clock.now(), 1_000);
        clock.advance(Duration::from_millis(5));
        assert_eq!(clock.now(), 1_005);
        clock.set(7);
        assert_eq!(clock.now(), 7);
    }

    #[test]
    fn a_running_clock_can_be_moved_and_frozen_and_set_going() {
        let clock = Clock::running();
        clock.set(1_700_000_000_000);
        assert!((1_700_000_000_000..1_700_000_060_000).contains(&clock.now()));
        clock.freeze();
        let at = clock.now();
        assert_eq!(clock.now(), at);
        clock.run();
        assert!(clock.now() >= at);
    }

    #[test]
    fn throttle_texts_print_china_time() {
        assert_eq!(china_time(1_772_416_800_000), "2026-03-02 10:00:00");
        assert_eq!(china_time(951_753_599_000), "2000-02-28 23:59:59");
        assert_eq!(china_time(951_753_600_000), "2000-02-29 00:00:00");
    }
}
