//! One-time codes in pools that do not mix (wire-facts §4.3, §4.5, §3.7): single use, five minutes, bound to the app
//! and the organization that they were made for.

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::rng::Rng;

pub(crate) const LIFE: u64 = 300_000;

/// Which door a code opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Pool {
    /// Log-in inside the client, for `getuserinfo`.
    Silent,
    /// The browser login and the openAuth component, for `userAccessToken`.
    OAuth,
    /// The admin backend, for `ssoUserInfo`.
    Sso,
    /// The old scan login, for `sns/getuserinfo_bycode`.
    Sns,
    /// An organization that has just opened a third-party app, for `get_permanent_code`; of no person.
    Suite,
}

/// What a code stands for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Code {
    pub(crate) pool: Pool,
    /// Empty for the admin backend, whose codes belong to an organization only.
    pub(crate) client: Arc<str>,
    pub(crate) corp: Arc<str>,
    pub(crate) user_id: Arc<str>,
    pub(crate) union_id: Arc<str>,
    /// The scope `corpid` was asked for.
    pub(crate) with_corp: bool,
}

/// What a code that was presented turned out to be, for the critic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presented {
    Fits,
    Late,
    /// Made for another app or organization.
    Foreign,
    /// Made for another door.
    OtherDoor(Pool),
    /// Never made, or used up.
    Unknown,
}

impl Pool {
    /// What kind of code it is, in words.
    pub(crate) fn says(self) -> &'static str {
        match self {
            Self::Silent => "a silent code, for getuserinfo",
            Self::OAuth => "a code of the browser login or of openAuth, for userAccessToken",
            Self::Sso => "a code of the admin backend, for ssoUserInfo",
            Self::Suite => {
                "a temporary code of an organization that opened the app, for get_permanent_code"
            }
            Self::Sns => "a code of the old scan login, for sns/getuserinfo_bycode",
        }
    }
}

#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Codes {
    open: HashMap<String, (Code, u64)>,
    #[serde(skip)]
    sweep_at: usize,
    /// What the code that was presented last turned out to be.
    #[serde(skip)]
    pub(crate) presented: Option<Presented>,
}

impl Codes {
    pub(crate) fn issue(&mut self, code: Code, now: u64, rng: &mut Rng) -> String {
        if self.open.len() >= self.sweep_at.max(4096) {
            // A switch may let OAuth codes live longer; a day is more than any test waits for one.
            self.open.retain(|_, (code, issued)| {
                now < *issued + if code.pool == Pool::OAuth { 288 * LIFE } else { LIFE }
            });
            self.sweep_at = 2 * self.open.len();
        }
        let text = rng.token();
        self.open.insert(text.clone(), (code, now));
        text
    }

    /// Forgets the codes of an app in one organization.
    pub(crate) fn drop_app_in(&mut self, client: &str, corp: &str) {
        self.open.retain(|_, (code, _)| *code.client != *client || *code.corp != *corp);
    }

    /// Uses a code up, if it is of this pool, alive, and `fits` says that it was made for the caller. A code shown at
    /// the wrong door stays usable at the right one.
    pub(crate) fn redeem(
        &mut self,
        text: &str,
        pool: Pool,
        now: u64,
        fits: impl FnOnce(&Code) -> bool,
    ) -> Option<Code> {
        self.redeem_within(LIFE, text, pool, now, fits)
    }

    /// The same for codes with another life than five minutes.
    pub(crate) fn redeem_within(
        &mut self,
        life: u64,
        text: &str,
        pool: Pool,
        now: u64,
        fits: impl FnOnce(&Code) -> bool,
    ) -> Option<Code> {
        let presented = match self.open.get(text) {
            None => Presented::Unknown,
            Some((code, _)) if code.pool != pool => Presented::OtherDoor(code.pool),
            Some((_, issued)) if now >= issued.saturating_add(life) => Presented::Late,
            Some((code, _)) if !fits(code) => Presented::Foreign,
            Some(_) => Presented::Fits,
        };
        self.presented = Some(presented);
        if presented != Presented::Fits {
            return None;
        }
        self.open.remove(text).map(|(code, _)| code)
    }
}
