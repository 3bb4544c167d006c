//! What both our clients are given.

use std::time::{Duration, Instant, SystemTime};

use dingtalk_core::{App, Error, Region, Timestamp};

use crate::exchange::TOKEN;

/// An app whose token is there already: a warm call is measured.
pub(crate) fn app(origin: &str) -> Result<App, Error> {
    let app = App::builder("dingbench", "secret").region(Region::custom(origin)?).build();
    let now = Timestamp::at(SystemTime::now(), Instant::now());
    app.seed(TOKEN, now + Duration::from_secs(7_200), now);
    Ok(app)
}
