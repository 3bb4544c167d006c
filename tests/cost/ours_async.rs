//! The exchange by our async client.

use dingtalk_async::Client;
use dingtalk_async::core::App;
use dingtalk_async::core::contact::GetUser;

use crate::exchange::{Outcome, Trouble, USER_ID};

#[derive(Clone)]
pub(crate) struct Caller(pub(crate) Client<App>);

impl Caller {
    pub(crate) fn new(origin: &str) -> Result<Self, Trouble> {
        Ok(Self(Client::new(crate::ours::app(origin)?)?))
    }

    pub(crate) async fn call(&self) -> Outcome {
        let user = self.0.call(GetUser::new(USER_ID)).await?;
        assert_eq!(user.userid, USER_ID);
        Ok(())
    }
}
