//! Rate limits and quotas (wire-facts §12), all off unless a switch turns them on, all on the sandbox's clock.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use crate::clock::china_time;
use crate::switches::Switches;

const ADDRESS_WINDOW: u64 = 20_000;
const BAN: u64 = 300_000;

#[derive(Debug, Default)]
pub(crate) struct Limits {
    of_app: HashMap<(Arc<str>, &'static str), Window>,
    of_api: HashMap<&'static str, Window>,
    of_address: HashMap<IpAddr, Address>,
    of_month: HashMap<Arc<str>, (String, u64)>,
}

/// One second's calls.
#[derive(Debug, Default)]
struct Window {
    second: u64,
    calls: u64,
}

#[derive(Debug, Default)]
struct Address {
    since: u64,
    calls: u64,
    banned_until: u64,
}

impl Limits {
    /// Counts a call of an address; false while it is banned.
    pub(crate) fn address_may(&mut self, switches: &Switches, peer: IpAddr, now: u64) -> bool {
        let Some(limit) = switches.address_limit else {
            return true;
        };
        let address = self.of_address.entry(peer).or_default();
        if now < address.banned_until {
            return false;
        }
        if now >= address.since + ADDRESS_WINDOW {
            (address.since, address.calls) = (now, 0);
        }
        address.calls += 1;
        if address.calls > limit {
            address.banned_until = now + BAN;
            return false;
        }
        true
    }

    /// Counts a call to an API by all apps; the limit when it is over.
    pub(crate) fn api_over(
        &mut self,
        switches: &Switches,
        api: &'static str,
        now: u64,
    ) -> Option<u64> {
        let limit = switches.api_rate?;
        self.of_api.entry(api).or_default().over(limit, now)
    }

    /// Counts a call of one app to an API; the limit when it is over.
    pub(crate) fn app_over(
        &mut self,
        switches: &Switches,
        client: &Arc<str>,
        api: &'static str,
        now: u64,
    ) -> Option<u64> {
        let limit = switches.app_rate?;
        self.of_app.entry((Arc::clone(client), api)).or_default().over(limit, now)
    }

    /// Counts a call on the organization's month; false when the month is used up.
    pub(crate) fn month_may(&mut self, switches: &Switches, corp: &Arc<str>, now: u64) -> bool {
        let Some(limit) = switches.monthly_quota else {
            return true;
        };
        let month: String = china_time(now).chars().take(7).collect();
        let (current, calls) = self.of_month.entry(Arc::clone(corp)).or_default();
        if *current != month {
            (*current, *calls) = (month, 0);
        }
        *calls += 1;
        *calls <= limit
    }
}

impl Window {
    fn over(&mut self, limit: u64, now: u64) -> Option<u64> {
        let second = now / 1000;
        if self.second != second {
            (self.second, self.calls) = (second, 0);
        }
        self.calls += 1;
        (self.calls > limit).then_some(limit)
    }
}
