//! Clocks that jump, stand still or differ.

use std::time::Duration;

use dingtalk_core::Timestamp;

use super::{By, Kind, except};
use crate::rule::{End, Rule};

const HOUR: u64 = 3_600_000;

/// It signs with the wall clock, which has to be right to the minute (wire-facts §3.4).
const SIGNED: super::Exception = except(
    &["organization's token, signed"],
    Rule::Final(End::BadRequest),
    "it is signed with the wall clock, which the platform takes to be right to the minute",
);

pub(super) const KINDS: &[Kind] = &[
    time(
        "the wall clock is set back an hour",
        By::Clock(|now| wall(now, now.unix_millis() - HOUR)),
    )
    .except(&[SIGNED]),
    time(
        "the wall clock is set ahead an hour",
        By::Clock(|now| wall(now, now.unix_millis() + HOUR)),
    )
    .except(&[SIGNED]),
    time(
        "the wall clock is set ahead three hours",
        By::Clock(|now| wall(now, now.unix_millis() + 3 * HOUR)),
    )
    .except(&[SIGNED]),
    time("the wall clock says 1970", By::Clock(|now| wall(now, 0))).except(&[SIGNED]),
    time("both clocks stand still", By::Clock(|_| stopped())),
    time("the computer slept for three hours", By::Suspend).except(&[except(
        &["silent login code", "login code exchanged", "login code exchanged by hand", "sso code"],
        Rule::Final(End::CodeDead),
        "the code lived for five minutes",
    )]),
    date("the answer's Date is an hour behind", |fault| fault.date_skew(-3_600_000)),
    date("the answer's Date is an hour ahead", |fault| fault.date_skew(3_600_000)),
    date("the answer's Date is ten years ahead", |fault| {
        fault.date_skew(10 * 365 * 24 * 3_600_000)
    }),
    Kind::new(
        "time",
        "the answer takes 50 ms longer",
        By::Sandbox(|fault| fault.delay(Duration::from_millis(50))),
        Rule::Unfelt,
    )
    .executed(),
];

const fn time(name: &'static str, by: By) -> Kind {
    Kind::new("time", name, by, Rule::Unfelt)
}

const fn date(
    name: &'static str,
    skew: fn(dingtalk_sandbox::Fault) -> dingtalk_sandbox::Fault,
) -> Kind {
    Kind::new("time", name, By::Sandbox(skew), Rule::Unfelt).executed()
}

fn wall(now: Timestamp, unix_millis: u64) -> Timestamp {
    Timestamp::new(unix_millis, now.steady_millis())
}

/// The moment at which the first call of the process asked.
fn stopped() -> Timestamp {
    use std::sync::OnceLock;
    static MOMENT: OnceLock<Timestamp> = OnceLock::new();
    *MOMENT.get_or_init(dingtalk_tests::now)
}
