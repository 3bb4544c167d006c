//! What the platform tells the critic of a call, after it has been answered.

use std::time::Duration;

use http::header::HOST;

use crate::call::{Call, Notes, TOKEN_HEADER};
use crate::critic::{self, Grant, Moment, Sighting};
use crate::journal::{Journal, Receipt};
use crate::platform::{Delivery, Incoming, Lost, Platform};
use crate::routes::Route;
use crate::tokens::Given;
use crate::wire::Reply;

/// An answer that keeps its caller waiting so long is a test of the caller's patience.
pub(super) const LONG: Duration = Duration::from_secs(60);

/// A call with its answer.
pub(super) struct Judged<'a> {
    pub(super) incoming: &'a Incoming<'a>,
    pub(super) call: &'a Call<'a>,
    pub(super) route: &'a Route,
    pub(super) notes: &'a Notes,
    pub(super) receipt: Receipt,
    pub(super) reply: &'a Reply,
    pub(super) delay: Duration,
    pub(super) delivery: Delivery,
    pub(super) faulted: bool,
}

impl Platform {
    /// Notes which of the API's names the query has, and forgets what an earlier call was given.
    pub(super) fn listen(&mut self, call: &mut Call<'_>, operation: &str) {
        call.note_query(critic::interface(operation).map_or(&[], |interface| interface.takes));
        self.tokens.given = None;
        self.tickets.given = None;
        self.codes.presented = None;
    }

    pub(super) fn judge(&mut self, judged: &Judged<'_>, journal: &Journal) {
        let Judged { incoming, call, route, notes, receipt, reply, delay, delivery, faulted } =
            judged;
        let print = |text: &str| journal.print(text);
        let grant = self.tokens.given.take().map(|Given { caller, token, refresh, expires }| {
            let refresh = refresh.as_deref().map(print);
            Grant { caller, token: print(&token), refresh, expires }
        });
        let token = receipt.token.or_else(|| faulted.then(|| offered(call).map(print))?);
        let app = notes.app.as_ref();
        let lost = delivery.loses_status();
        let stalled = matches!(delivery, Delivery::Lost(Lost::Stalled));
        let host = call.headers.get(HOST).and_then(|host| host.to_str().ok());
        self.critic.saw(&Sighting {
            seq: receipt.seq,
            moment: Moment { sandbox: call.now, machine: incoming.arrived },
            family: route.family,
            operation: route.operation,
            interface: route.operation.and_then(|operation| critic::interface(operation.name)),
            path: call.path,
            raw_query: incoming.query,
            query: &call.query,
            headers: Some(call.headers),
            body: call.body,
            app,
            secret: app.and_then(|app| self.apps.get(app)).map(|app| &*app.client_secret),
            token,
            code: receipt.one_time_code,
            presented: self.codes.presented.take(),
            misfit: notes.misfit,
            grant,
            ticket: self.tickets.given.take(),
            status: if lost { 0 } else { reply.status },
            error: reply.code.as_deref(),
            faulted: *faulted,
            lost,
            hangs: stalled || *delay > LONG,
            plain_host: host.filter(|_| incoming.plain),
            sent: Some(&notes.sent),
        });
    }

    /// The permission points that an app has in any of its organizations, or may ask a person for.
    pub(crate) fn points_of(&self, client: &str) -> Vec<String> {
        let Some(app) = self.apps.get(client) else {
            return Vec::new();
        };
        let delegated = Self::delegated_points(app).into_iter().map(|point| point.code.to_owned());
        let mut points: Vec<String> =
            app.granted.values().flatten().cloned().chain(delegated).collect();
        points.sort_unstable();
        points.dedup();
        points
    }
}

/// The token of a call that was answered without being looked at.
fn offered<'a>(call: &'a Call<'_>) -> Option<&'a str> {
    let header = call.headers.get(TOKEN_HEADER).and_then(|value| value.to_str().ok());
    header.or_else(|| call.query("access_token"))
}
