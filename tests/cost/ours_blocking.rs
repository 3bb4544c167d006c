//! The exchange by our blocking client.

use dingtalk_blocking::Client;
use dingtalk_blocking::core::App;
use dingtalk_blocking::core::contact::GetUser;

use crate::exchange::{Outcome, Trouble, USER_ID};

pub(crate) struct Caller(pub(crate) Client<App>);

impl Caller {
    pub(crate) fn new(origin: &str) -> Result<Self, Trouble> {
        Ok(Self(Client::new(crate::ours::app(origin)?)?))
    }

    pub(crate) fn call(&self) -> Outcome {
        let user = self.0.call(GetUser::new(USER_ID))?;
        assert_eq!(user.userid, USER_ID);
        Ok(())
    }
}
