//! JSAPI tickets (wire-facts §7.1): one per app, two hours, extended by asking again, gone after 24 hours.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::call::Call;
use crate::platform::Platform;
use crate::rng::Rng;
use crate::tokens::{Caller, TOKEN_LIFE};
use crate::wire::failure::Failure;
use crate::wire::json::{Json, Object};

/// Tickets live as long as tokens between two extensions, and never past this after their creation.
const LONGEST: u64 = 24 * 3_600_000;

/// `POST /v1.0/oauth2/jsapiTickets`; no body is needed.
pub(crate) fn ticket(
    platform: &mut Platform,
    call: &Call<'_>,
    caller: &Caller,
) -> Result<Json, Failure> {
    let (ticket, seconds) = platform.tickets.give(caller, call.now, &mut platform.rng);
    Ok(Object::new().put("jsapiTicket", ticket).put("expireIn", seconds).done())
}

/// `GET /get_jsapi_ticket`, the old twin.
pub(crate) fn old_ticket(
    platform: &mut Platform,
    call: &Call<'_>,
    caller: &Caller,
) -> Result<Json, Failure> {
    let (ticket, seconds) = platform.tickets.give(caller, call.now, &mut platform.rng);
    Ok(Object::new()
        .put("errcode", 0_i64)
        .put("ticket", ticket)
        .put("errmsg", "ok")
        .put("expires_in", seconds)
        .done())
}

#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Tickets {
    #[serde(with = "crate::snapshot::pairs")]
    of_app: HashMap<(Arc<str>, Arc<str>), Ticket>,
    /// A few that are gone, so that a signature made with one can be explained.
    gone: VecDeque<String>,
    /// Whose ticket was handed out last, and until when it lives; for the critic.
    #[serde(skip)]
    pub(crate) given: Option<(Caller, u64)>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Ticket {
    text: String,
    created: u64,
    expires: u64,
}

impl Tickets {
    /// The living ticket of an app in an organization.
    pub(crate) fn living(&self, client: &str, corp: &str, now: u64) -> Option<&str> {
        let key = (Arc::from(client), Arc::from(corp));
        self.of_app
            .get(&key)
            .filter(|ticket| now < ticket.expires)
            .map(|ticket| ticket.text.as_str())
    }

    /// Tickets that this app or another one had or has, with the reason why they do not count for it.
    pub(crate) fn others<'a>(
        &'a self,
        client: &'a str,
        now: u64,
    ) -> impl Iterator<Item = (&'a str, &'static str)> {
        let expired = self.gone.iter().map(|text| (text.as_str(), "an expired ticket"));
        let living = self.of_app.iter().filter_map(move |((app, _), ticket)| {
            if **app != *client {
                Some((ticket.text.as_str(), "another app's ticket"))
            } else {
                (now >= ticket.expires).then_some((ticket.text.as_str(), "an expired ticket"))
            }
        });
        expired.chain(living)
    }

    fn give(&mut self, caller: &Caller, now: u64, rng: &mut Rng) -> (String, u64) {
        let key = (Arc::clone(&caller.client), Arc::clone(&caller.corp));
        if let Some(ticket) = self.of_app.get_mut(&key) {
            if now < ticket.expires {
                ticket.expires = (now + TOKEN_LIFE).min(ticket.created + LONGEST);
                self.given = Some((caller.clone(), ticket.expires));
                return (ticket.text.clone(), (ticket.expires - now) / 1000);
            }
            self.gone.push_back(std::mem::take(&mut ticket.text));
            if self.gone.len() > 16 {
                self.gone.pop_front();
            }
        }
        let text = rng.word(64);
        self.given = Some((caller.clone(), now + TOKEN_LIFE));
        self.of_app
            .insert(key, Ticket { text: text.clone(), created: now, expires: now + TOKEN_LIFE });
        (text, TOKEN_LIFE / 1000)
    }
}
