//! Credentials of ours: one without a token, and very many with one each.

use std::time::{Duration, Instant, SystemTime};

use dingtalk_bench::exchange::{TOKEN, Trouble};
use dingtalk_core::{App, Region, Suite, Timestamp};

/// An app that has to fetch its token first.
pub(crate) fn cold_app(origin: &str) -> Result<App, Trouble> {
    Ok(App::builder("dingbench", "secret").region(Region::custom(origin)?).build())
}

/// A third-party app with so many organizations, whose tokens are all there, and their names.
pub(crate) fn organizations(
    origin: &str,
    how_many: usize,
) -> Result<(Suite, Vec<String>), Trouble> {
    let suite = Suite::builder("suitebench", "secret")
        .region(Region::custom(origin)?)
        .capacity(how_many)
        .build();
    let now = Timestamp::at(SystemTime::now(), Instant::now());
    let names: Vec<_> = (0..how_many).map(|number| format!("ding{number:032x}")).collect();
    for name in &names {
        suite.corp(name.as_str()).seed(TOKEN, now + Duration::from_secs(7_200), now);
    }
    Ok((suite, names))
}

/// Goes through all of them, but never to a neighbour, so that the machine's caches are no help.
pub(crate) fn spread(turn: usize, how_many: usize) -> usize {
    turn.wrapping_mul(7_919) % how_many
}
