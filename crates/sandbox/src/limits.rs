//! Rate limits and quotas (wire-facts §12), all off unless a switch turns them on, all on the sandbox's clock.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use crate::clock::china_time;
use crate::switches::Switches;
use crate::tokens::Caller;

const ADDRESS_WINDOW: u64 = 20_000;
const BAN: u64 = 300_000;

#[derive(Debug, Default)]
pub(crate) struct Limits {
    of_app: HashMap<(Arc<str>, &'static str), Window>,
    of_app_minute: HashMap<(Arc<str>, &'static str), Window>,
    of_suite: HashMap<OfSuite, Window>,
    of_suite_minute: HashMap<OfSuite, Window>,
    of_api: HashMap<&'static str, Window>,
    of_address: HashMap<IpAddr, Address>,
    of_month: HashMap<Arc<str>, (String, u64)>,
}

/// A vendor's app, one organization, one API.
type OfSuite = (Arc<str>, Arc<str>, &'static str);

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60_000;

/// A limit that a call has gone beyond.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Over {
    pub(crate) limit: u64,
    pub(crate) whose: Whose,
    pub(crate) per_minute: bool,
}

/// Whose calls are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    App,
    /// A vendor's app in one organization.
    Suite,
}

/// The calls of one second, or of one minute.
#[derive(Debug, Default)]
struct Window {
    begun: u64,
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
        self.of_api.entry(api).or_default().over(limit, now, SECOND).then_some(limit)
    }

    /// Counts a call of one app to an API, and if it is a vendor's, in the organization that it is made for; the limit
    /// when it is over.
    pub(crate) fn app_over(
        &mut self,
        switches: &Switches,
        caller: &Caller,
        vendor: bool,
        api: &'static str,
        now: u64,
    ) -> Option<Over> {
        let app = || (Arc::clone(&caller.client), api);
        let suite = || (Arc::clone(&caller.client), Arc::clone(&caller.corp), api);
        let of_vendor = |limit: Option<u64>| limit.filter(|_| vendor);
        let over = |limit, whose, per_minute| Over { limit, whose, per_minute };
        if let Some(limit) = switches.app_rate
            && self.of_app.entry(app()).or_default().over(limit, now, SECOND)
        {
            return Some(over(limit, Whose::App, false));
        }
        if let Some(limit) = switches.app_minute
            && self.of_app_minute.entry(app()).or_default().over(limit, now, MINUTE)
        {
            return Some(over(limit, Whose::App, true));
        }
        if let Some(limit) = of_vendor(switches.suite_rate)
            && self.of_suite.entry(suite()).or_default().over(limit, now, SECOND)
        {
            return Some(over(limit, Whose::Suite, false));
        }
        if let Some(limit) = of_vendor(switches.suite_minute)
            && self.of_suite_minute.entry(suite()).or_default().over(limit, now, MINUTE)
        {
            return Some(over(limit, Whose::Suite, true));
        }
        None
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
    fn over(&mut self, limit: u64, now: u64, length: u64) -> bool {
        let begun = now / length;
        if self.begun != begun {
            (self.begun, self.calls) = (begun, 0);
        }
        self.calls += 1;
        self.calls > limit
    }
}
