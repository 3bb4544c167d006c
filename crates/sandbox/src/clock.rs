//! The sandbox's own time. Everything that ages asks this clock, and nothing ever sleeps for it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The end of the year 9999: later moments are no dates, and lives are added to them.
const LAST: u64 = 253_402_300_799_999;

/// A handle to the clock of one sandbox; clones move the same clock.
///
/// A new clock runs with the machine's. Token lives, code ages, ticket extensions and rate windows all follow it, so a
/// test reaches the end of a two-hour token with one [`advance`](Self::advance).
#[derive(Clone, Debug)]
pub struct Clock {
    state: Arc<Mutex<State>>,
}

/// The bounds of the clock's speed; beyond them a moment is no longer a number of milliseconds that means anything.
const SLOWEST: f64 = 0.001;
const FASTEST: f64 = 1_000_000.0;

#[derive(Clone, Copy, Debug)]
struct State {
    mode: Mode,
    /// How many milliseconds pass here while one passes on the machine.
    speed: f64,
}

#[derive(Clone, Copy, Debug)]
enum Mode {
    /// It was this moment here when the machine's clock said `since`.
    Running {
        at: u64,
        since: u64,
    },
    Frozen(u64),
}

impl Clock {
    /// The sandbox's present moment in milliseconds since 1970.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.lock().now()
    }

    /// Moves the clock forward at once.
    pub fn advance(&self, by: Duration) {
        let by = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        match &mut self.lock().mode {
            Mode::Running { at, .. } | Mode::Frozen(at) => *at = at.saturating_add(by).min(LAST),
        }
    }

    /// Puts the clock to a moment, forward or back; it keeps running if it ran.
    pub fn set(&self, unix_ms: u64) {
        let mut state = self.lock();
        let at = unix_ms.min(LAST);
        state.mode = match state.mode {
            Mode::Running { .. } => Mode::Running { at, since: machine_now() },
            Mode::Frozen(_) => Mode::Frozen(at),
        };
    }

    /// Stops the clock at its present moment.
    pub fn freeze(&self) {
        let mut state = self.lock();
        state.mode = Mode::Frozen(state.now());
    }

    /// Lets the clock run on from its present moment, as fast as it ran before.
    pub fn run(&self) {
        let mut state = self.lock();
        if let Mode::Frozen(at) = state.mode {
            state.mode = Mode::Running { at, since: machine_now() };
        }
    }

    /// Lets so many seconds pass here while one passes on the machine, from now on: 60 makes an hour of a minute. A
    /// frozen clock stays frozen until it [runs](Self::run). Kept between 0.001 and 1,000,000; what is no number
    /// counts as 1.
    pub fn speed(&self, times: f64) {
        let mut state = self.lock();
        if let Mode::Running { .. } = state.mode {
            state.mode = Mode::Running { at: state.now(), since: machine_now() };
        }
        state.speed = if times.is_nan() { 1.0 } else { times.clamp(SLOWEST, FASTEST) };
    }

    pub(crate) fn running() -> Self {
        let now = machine_now();
        Self::new(Mode::Running { at: now, since: now })
    }

    pub(crate) fn frozen_at(unix_ms: u64) -> Self {
        Self::new(Mode::Frozen(unix_ms.min(LAST)))
    }

    /// The moment, whether it stands still, and the speed.
    pub(crate) fn reading(&self) -> (u64, bool, f64) {
        let state = self.lock();
        (state.now(), matches!(state.mode, Mode::Frozen(_)), state.speed)
    }

    /// Puts the clock to what another one read.
    pub(crate) fn adopt(&self, (at, frozen, speed): (u64, bool, f64)) {
        if frozen {
            self.freeze();
        } else {
            self.run();
        }
        self.set(at);
        self.speed(speed);
    }

    fn new(mode: Mode) -> Self {
        Self { state: Arc::new(Mutex::new(State { mode, speed: 1.0 })) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn now(&self) -> u64 {
        match self.mode {
            Mode::Frozen(at) => at,
            Mode::Running { at, since } => {
                // A machine whose clock was put back lets the sandbox's stand still for that long.
                let passed = machine_now().saturating_sub(since);
                at.saturating_add(scaled(passed, self.speed)).min(LAST)
            }
        }
    }
}

#[allow(clippy::float_cmp, clippy::cast_precision_loss)]
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn scaled(passed: u64, speed: f64) -> u64 {
    // The usual speed is exact; the others are as exact as a double.
    if speed == 1.0 { passed } else { (passed as f64 * speed) as u64 }
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
    fn a_fast_clock_keeps_its_moment_when_the_speed_changes_and_its_speed_when_frozen() {
        assert_eq!(
            (scaled(1_000, 60.0), scaled(1_000, 1.0), scaled(1_000, 0.5)),
            (60_000, 1_000, 500)
        );
        let clock = Clock::frozen_at(5_000);
        clock.speed(1e9);
        assert_eq!(clock.reading(), (5_000, true, FASTEST));
        clock.speed(0.001);
        clock.run();
        assert!((5_000..5_100).contains(&clock.now()));
        clock.speed(f64::NAN);
        assert!(clock.reading().0 >= 5_000 && !clock.reading().1);
        clock.freeze();
        clock.advance(Duration::MAX);
        assert_eq!(clock.now(), LAST);
    }

    #[test]
    fn throttle_texts_print_china_time() {
        assert_eq!(china_time(1_772_416_800_000), "2026-03-02 10:00:00");
        assert_eq!(china_time(951_753_599_000), "2000-02-28 23:59:59");
        assert_eq!(china_time(951_753_600_000), "2000-02-29 00:00:00");
    }
}
