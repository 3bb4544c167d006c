//! Our two clients.

use std::time::{Duration, Instant, SystemTime};

use dingtalk_async::Client as AsyncClient;
use dingtalk_blocking::Client as BlockingClient;
use dingtalk_blocking::core::contact::GetUser;
use dingtalk_blocking::core::{App, Error, Region, Timestamp};

use crate::Outcome;
use crate::serve::{TOKEN, USER_ID};

pub(crate) fn blocking(origin: &str) -> Result<BlockingClient<App>, Error> {
    BlockingClient::new(app(origin)?)
}

pub(crate) fn call_blocking(client: &BlockingClient<App>) -> Outcome {
    let user = client.call(GetUser::new(USER_ID))?;
    assert_eq!(user.userid, USER_ID);
    Ok(())
}

pub(crate) fn asynchronous(origin: &str) -> Result<AsyncClient<App>, Error> {
    AsyncClient::new(app(origin)?)
}

pub(crate) async fn call_async(client: &AsyncClient<App>) -> Outcome {
    let user = client.call(GetUser::new(USER_ID)).await?;
    assert_eq!(user.userid, USER_ID);
    Ok(())
}

/// An app whose token is there already: a warm call is measured.
fn app(origin: &str) -> Result<App, Error> {
    let app = App::builder("dingbench", "secret").region(Region::custom(origin)?).build();
    let now = Timestamp::at(SystemTime::now(), Instant::now());
    app.seed(TOKEN, now + Duration::from_secs(7_200), now);
    Ok(app)
}
