//! What is to be pushed, and when: a state that decides, and touches no socket and no clock (wire-facts §10.1). What goes
//! over Stream waits here too, until a connection can take it.

mod log;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::cipher::Cipher;
use super::event::Event;
use super::news::News;
use super::push::{Push, PushTrouble, Sending, Way};
use super::subscription::{Subscription, Target};
use crate::apps::{App, AppKind};
use crate::documents::SubscriptionDoc;
use crate::rng::Rng;

pub use log::Attempt;
pub(crate) use log::Failed;

/// When the second and the third attempt come after the one before.
const RETRIES: [u64; 2] = [10_000, 30_000];
/// A suite ticket is pushed on and on: more than a hundred times before the platform gives up (§3.6).
const TICKET_ATTEMPTS: u32 = 101;
/// A suite ticket is renewed about every five hours (§3.6).
const TICKET_LIFE: u64 = 5 * 3_600_000;
const LONGEST_LOG: usize = 10_000;

/// Everything about events.
#[derive(Debug)]
pub(crate) struct Outbox {
    pub(super) subscriptions: BTreeMap<u64, Held>,
    pub(super) waiting: BTreeMap<u64, Waiting>,
    /// What may be sent again, by push.
    pub(super) sent: BTreeMap<u64, (u64, Event)>,
    pub(super) log: VecDeque<Attempt>,
    pub(super) failed: Vec<Failed>,
    pub(super) next: u64,
    /// A URL check that a call of the old registration waits for.
    pub(crate) check: Option<Check>,
    pub(crate) leave_machine: bool,
    /// How long a receiver may take.
    pub(crate) limit: Duration,
}

/// A subscription that passed its check.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) client: Arc<str>,
    /// Of the old registration, which belongs to one organization; the console's has none.
    pub(crate) corp: Option<Arc<str>>,
    pub(crate) what: Subscription,
    /// None for Stream, which encrypts nothing of its own.
    pub(super) cipher: Option<Arc<Cipher>>,
    /// The number of the suite in SyncHTTP.
    pub(super) suite_id: i64,
    /// Pushes to one callback do not overtake each other.
    pub(super) busy: bool,
    /// When the suite's next ticket is due.
    pub(super) ticket_at: Option<u64>,
}

/// A subscription that waits for the answer to its check.
#[derive(Debug)]
pub(crate) struct Check {
    pub(crate) push: Push,
    pub(crate) held: Held,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Waiting {
    pub(super) subscription: u64,
    event: Event,
    pub(super) attempts: u32,
    due: u64,
    pub(super) under_way: Option<Way>,
}

impl Default for Outbox {
    fn default() -> Self {
        Self {
            subscriptions: BTreeMap::new(),
            waiting: BTreeMap::new(),
            sent: BTreeMap::new(),
            log: VecDeque::new(),
            failed: Vec::new(),
            next: 1,
            check: None,
            leave_machine: false,
            limit: Duration::from_millis(2500),
        }
    }
}

impl Held {
    /// An app that is told over its Stream connections.
    pub(crate) fn over_stream(client: Arc<str>) -> Self {
        let what = Subscription::stream();
        Self { client, corp: None, what, cipher: None, suite_id: 0, busy: false, ticket_at: None }
    }

    pub(super) fn is_stream(&self) -> bool {
        matches!(self.what.target, Target::Stream)
    }
}

impl Outbox {
    /// The check that a subscription must pass before it holds.
    pub(crate) fn check(
        &mut self,
        app: &App,
        corp: Option<Arc<str>>,
        mut what: Subscription,
        now: u64,
        rng: &mut Rng,
    ) -> Result<Check, PushTrouble> {
        what.target = what.target.checked(self.leave_machine)?;
        let owner = owner_of(app, corp.as_deref());
        let cipher = Cipher::new(&what.token, &what.aes_key, owner)
            .ok_or(PushTrouble::Crypto("the AES key is not 43 letters and digits".into()))?;
        let cipher = Arc::new(cipher);
        let held = Held {
            client: Arc::clone(&app.client_id),
            ticket_at: None,
            corp,
            what,
            cipher: Some(Arc::clone(&cipher)),
            suite_id: app.app_id,
            busy: false,
        };
        let id = self.find(&held.client, held.corp.as_deref());
        let suite = app.kind == AppKind::ThirdParty && held.corp.is_none();
        let event = if suite {
            let name =
                if id.is_some() { "check_update_suite_url" } else { "check_create_suite_url" };
            let random = word(rng, 8);
            Event::check_suite(name, &random, &app.client_id)
        } else {
            Event::new("check_url")
        };
        let push = self.made(0, 0, 1, &held, &cipher, &event, now, rng);
        Ok(Check { push, held })
    }

    /// Puts a subscription that passed its check in force.
    pub(crate) fn install(&mut self, mut held: Held, suite: bool, now: u64) -> u64 {
        let old = self.find(&held.client, held.corp.as_deref());
        let id = old.unwrap_or(self.next);
        self.next = self.next.max(id + 1);
        let before = self.subscriptions.get(&id);
        held.busy = before.is_some_and(|before| before.busy);
        held.ticket_at = suite.then_some(now + TICKET_LIFE);
        self.subscriptions.insert(id, held);
        id
    }

    pub(crate) fn find(&self, client: &str, corp: Option<&str>) -> Option<u64> {
        let mut all = self.subscriptions.iter();
        all.find(|(_, held)| *held.client == *client && held.corp.as_deref() == corp)
            .map(|(id, _)| *id)
    }

    pub(crate) fn held(&self, client: &str, corp: &str) -> Option<&Held> {
        self.subscriptions.get(&self.find(client, Some(corp))?)
    }

    /// Ends a subscription and what waits for it.
    pub(crate) fn remove(&mut self, client: &str, corp: Option<&str>) -> bool {
        let Some(id) = self.find(client, corp) else {
            return false;
        };
        self.subscriptions.remove(&id);
        self.waiting.retain(|_, waiting| waiting.subscription != id);
        true
    }

    /// Queues an event for every callback of an app, whatever it subscribed to.
    pub(crate) fn push(&mut self, client: &str, event: &Event, now: u64) -> Vec<u64> {
        let ids: Vec<u64> = self.ids(|held| *held.client == *client);
        ids.into_iter().map(|id| self.queue(id, event.clone(), now)).collect()
    }

    /// Queues an event about a suite for the callback that its vendor set up.
    pub(crate) fn tell_vendor(&mut self, client: &str, news: &News, now: u64) {
        for id in self.ids(|held| held.corp.is_none() && *held.client == *client) {
            self.queue_news(id, news, now);
        }
    }

    /// Queues news by hand for every callback of an app, in the form of each.
    pub(crate) fn push_news(&mut self, client: &str, news: &News, now: u64) -> Vec<u64> {
        let ids = self.ids(|held| *held.client == *client);
        ids.into_iter().filter_map(|id| self.queue_news(id, news, now)).collect()
    }

    /// Queues an organization's contact event for whoever subscribed to it.
    pub(crate) fn tell_subscribers(
        &mut self,
        corp: &str,
        news: &News,
        now: u64,
        app: impl Fn(&str) -> Option<(bool, bool)>,
    ) {
        let kind = news.plain.as_ref().map(Event::event_type);
        let action = news.row.as_ref().map(|row| row.action.as_str());
        let ids = self.ids(|held| {
            let Some((works, suite)) = app(&held.client) else {
                return false;
            };
            let tags = &held.what.tags;
            if held.what.sync_http {
                let named = tags.iter().any(|tag| action == Some(tag));
                return works && (named || tags.is_empty());
            }
            let named = tags.iter().any(|tag| kind == Some(tag));
            match held.corp.as_deref() {
                Some(own) => own == corp && named,
                None => works && (named || tags.is_empty() && !suite),
            }
        });
        for id in ids {
            self.queue_news(id, news, now);
        }
    }

    /// The suites whose ticket is to be renewed now; the next renewal is set.
    pub(crate) fn tickets_due(&mut self, now: u64) -> Vec<Arc<str>> {
        let mut due = Vec::new();
        for held in self.subscriptions.values_mut() {
            if let Some(at) = held.ticket_at.filter(|at| *at <= now) {
                held.ticket_at = Some(at.max(now.saturating_sub(TICKET_LIFE)) + TICKET_LIFE);
                due.push(Arc::clone(&held.client));
            }
        }
        due
    }

    /// A ticket was pushed by hand: five hours from now on.
    pub(crate) fn ticket_renewed(&mut self, client: &str, now: u64) {
        for held in self.subscriptions.values_mut() {
            if *held.client == *client && held.ticket_at.is_some() {
                held.ticket_at = Some(now + TICKET_LIFE);
            }
        }
    }

    /// What is to be pushed at this moment, at most one push for each callback; they are under way until
    /// [`settle`](Self::settle) hears of them.
    pub(crate) fn due(&mut self, now: u64, rng: &mut Rng) -> Vec<Push> {
        let mut chosen: BTreeMap<u64, (u64, u64)> = BTreeMap::new();
        for (id, waiting) in &self.waiting {
            let free = self
                .subscriptions
                .get(&waiting.subscription)
                .is_some_and(|held| !held.busy && !held.is_stream());
            if free && waiting.under_way.is_none() && waiting.due <= now {
                let best = chosen.entry(waiting.subscription).or_insert((waiting.due, *id));
                *best = (*best).min((waiting.due, *id));
            }
        }
        let mut pushes = Vec::new();
        for (subscription, (_, id)) in chosen {
            let Some(waiting) = self.waiting.get_mut(&id) else { continue };
            waiting.under_way = Some(Way::Http);
            waiting.attempts += 1;
            let (attempts, event) = (waiting.attempts, waiting.event.clone());
            let Some(held) = self.subscriptions.get_mut(&subscription) else { continue };
            let Some(cipher) = held.cipher.clone() else { continue };
            held.busy = true;
            let held = held.clone();
            pushes.push(self.made(id, subscription, attempts, &held, &cipher, &event, now, rng));
        }
        pushes
    }

    /// Whether a push over HTTP is under way.
    pub(crate) fn any_under_way(&self) -> bool {
        self.waiting.values().any(|waiting| waiting.under_way == Some(Way::Http))
    }

    /// Whether something may come due as time goes by. What waits for a Stream connection does not.
    pub(crate) fn is_idle(&self) -> bool {
        self.waiting.values().all(|waiting| self.over_stream(waiting))
            && self.subscriptions.values().all(|held| held.ticket_at.is_none())
    }

    /// Whether an app is told over Stream.
    pub(crate) fn streams(&self, client: &str) -> bool {
        let held = self.find(client, None).and_then(|id| self.subscriptions.get(&id));
        held.is_some_and(Held::is_stream)
    }

    /// What Stream connections should get at this moment, by push and app, in the order in which it came due.
    pub(crate) fn streamed(
        &self,
        now: u64,
        connected: impl Fn(&str) -> bool,
    ) -> Vec<(u64, Arc<str>)> {
        let mut due: Vec<_> = self
            .waiting
            .iter()
            .filter(|(_, waiting)| waiting.under_way.is_none() && waiting.due <= now)
            .filter_map(|(id, waiting)| {
                let held = self.subscriptions.get(&waiting.subscription)?;
                (held.is_stream() && connected(&held.client))
                    .then(|| (waiting.due, *id, Arc::clone(&held.client)))
            })
            .collect();
        due.sort_unstable();
        due.into_iter().map(|(_, id, client)| (id, client)).collect()
    }

    /// The event that waits under this number.
    pub(crate) fn event(&self, push: u64) -> Option<&Event> {
        self.waiting.get(&push).map(|waiting| &waiting.event)
    }

    /// Begins an attempt over Stream; it is under way until [`settle`](Self::settle) or
    /// [`take_back`](Self::take_back) hears of it.
    pub(crate) fn hand_over(&mut self, push: u64) -> Option<Sending> {
        let waiting = self.waiting.get_mut(&push)?;
        waiting.under_way = Some(Way::Stream);
        waiting.attempts += 1;
        Some(Sending {
            way: Way::Stream,
            push,
            subscription: waiting.subscription,
            attempt: waiting.attempts,
            event_type: waiting.event.event_type().to_owned(),
        })
    }

    /// A connection ended with a message that it had not acknowledged. Another one gets it, as the same attempt: the
    /// app has not said no.
    pub(crate) fn take_back(&mut self, sending: &Sending, client: &str, now: u64) {
        self.note(sending, client, Some(&PushTrouble::Gone), now);
        if let Some(waiting) = self.waiting.get_mut(&sending.push) {
            waiting.under_way = None;
            waiting.attempts -= 1;
            waiting.due = now;
        }
    }

    /// A number for what is sent besides events.
    pub(crate) fn number(&mut self) -> u64 {
        let id = self.next;
        self.next += 1;
        id
    }

    /// Whom a push tells.
    pub(crate) fn client_of(&self, subscription: u64) -> Option<Arc<str>> {
        self.subscriptions.get(&subscription).map(|held| Arc::clone(&held.client))
    }

    /// What became of a push.
    pub(crate) fn settle(&mut self, push: &Sending, outcome: Result<(), PushTrouble>, now: u64) {
        if let (Way::Http, Some(held)) = (push.way, self.subscriptions.get_mut(&push.subscription))
        {
            held.busy = false;
        }
        let client = self.client_of(push.subscription);
        self.note(push, client.as_deref().unwrap_or_default(), outcome.as_ref().err(), now);
        // A state that was loaded or reset in between knows nothing of this attempt.
        let theirs = |waiting: &&mut Waiting| {
            waiting.under_way == Some(push.way) && waiting.attempts == push.attempt
        };
        if self.waiting.get_mut(&push.push).filter(theirs).is_none() {
            return;
        }
        let Some(mut waiting) = self.waiting.remove(&push.push) else { return };
        waiting.under_way = None;
        if outcome.is_ok() {
            return;
        }
        let ticket = waiting.event.is_ticket();
        let nth = usize::try_from(waiting.attempts - 1).unwrap_or(usize::MAX);
        let pause = match RETRIES.get(nth) {
            None if ticket && waiting.attempts < TICKET_ATTEMPTS => Some(RETRIES[1]),
            pause => pause.copied(),
        };
        if let Some(pause) = pause {
            waiting.due = now + pause;
            self.waiting.insert(push.push, waiting);
        } else if let (Some(client), Some(_)) = (client, waiting.event.get("CorpId")) {
            self.failed.push(Failed::given_up(client, waiting.event, now));
        }
    }

    /// The callbacks as documents; with their secrets where they are asked for.
    pub(crate) fn callbacks(&self, reveal: bool) -> Vec<SubscriptionDoc> {
        let doc = |held: &Held| {
            SubscriptionDoc::of(&held.client, held.corp.as_deref(), &held.what, reveal)
        };
        self.subscriptions.values().map(doc).collect()
    }

    /// When a suite's next ticket is due, if it has a callback.
    pub(crate) fn ticket_due(&self, client: &str) -> Option<u64> {
        let mut held = self.subscriptions.values().filter(|held| *held.client == *client);
        held.find_map(|held| held.ticket_at)
    }

    /// Queues a push once more, from its first attempt on.
    pub(crate) fn resend(&mut self, push: u64, now: u64) -> bool {
        let Some((subscription, event)) = self.sent.get(&push).cloned() else {
            return false;
        };
        if !self.subscriptions.contains_key(&subscription)
            || self.waiting.get(&push).is_some_and(|waiting| waiting.under_way.is_some())
        {
            return false;
        }
        let waiting = Waiting { subscription, event, attempts: 0, due: now, under_way: None };
        self.waiting.insert(push, waiting);
        true
    }

    fn ids(&self, wanted: impl Fn(&Held) -> bool) -> Vec<u64> {
        let all = self.subscriptions.iter();
        all.filter(|(_, held)| wanted(held)).map(|(id, _)| *id).collect()
    }

    /// Queues what a callback is told of this, if there is anything in its form.
    fn queue_news(&mut self, subscription: u64, news: &News, now: u64) -> Option<u64> {
        let held = self.subscriptions.get(&subscription)?;
        let event = if held.what.sync_http {
            let row = news.row.as_ref()?;
            self.waiting
                .retain(|_, old| old.subscription != subscription || !row.replaces(&old.event));
            row.event(held.suite_id, self.next, now)
        } else {
            let event = news.plain.clone()?;
            if event.is_ticket() {
                // A new ticket makes the former worthless; there is no use in pushing that one on.
                self.waiting
                    .retain(|_, old| old.subscription != subscription || !old.event.is_ticket());
            }
            event
        };
        Some(self.queue(subscription, event, now))
    }

    fn queue(&mut self, subscription: u64, event: Event, now: u64) -> u64 {
        let id = self.number();
        self.make_room(subscription, now);
        if self.sent.len() >= LONGEST_LOG {
            self.sent.pop_first();
        }
        self.sent.insert(id, (subscription, event.clone()));
        let waiting = Waiting { subscription, event, attempts: 0, due: now, under_way: None };
        self.waiting.insert(id, waiting);
        id
    }

    fn over_stream(&self, waiting: &Waiting) -> bool {
        self.subscriptions.get(&waiting.subscription).is_some_and(Held::is_stream)
    }

    /// An app that never connects must not fill the memory: its oldest event goes.
    fn make_room(&mut self, subscription: u64, now: u64) {
        if self.waiting.len() < LONGEST_LOG {
            return;
        }
        let mut waiting = self.waiting.iter();
        let oldest = waiting.find(|(_, waiting)| {
            waiting.subscription == subscription
                && waiting.under_way.is_none()
                && self.over_stream(waiting)
        });
        if let Some((&push, waiting)) = oldest {
            let event_type = waiting.event.event_type().to_owned();
            let (way, attempt) = (Way::Stream, waiting.attempts);
            let dropped = Sending { way, push, subscription, attempt, event_type };
            let held = self.subscriptions.get(&subscription);
            let client = held.map(|held| Arc::clone(&held.client)).unwrap_or_default();
            self.waiting.remove(&push);
            let full = PushTrouble::Unreachable(
                "no connection took it before its place was needed".into(),
            );
            self.note(&dropped, &client, Some(&full), now);
        }
    }

    #[expect(clippy::too_many_arguments, reason = "every one of them is on the wire or in the log")]
    fn made(
        &self,
        id: u64,
        subscription: u64,
        attempt: u32,
        held: &Held,
        cipher: &Arc<Cipher>,
        event: &Event,
        now: u64,
        rng: &mut Rng,
    ) -> Push {
        let message = event.message();
        let mut random = [0; 16];
        for (byte, char) in random.iter_mut().zip(word(rng, 16).bytes()) {
            *byte = char;
        }
        let encrypt = cipher.encrypt(random, &message);
        let (timestamp, nonce) = (now.to_string(), word(rng, 8));
        let signature = cipher.signature(&timestamp, &nonce, &encrypt);
        let url = match &held.what.target {
            Target::Url(place) => format!("http://{}{}", place.authority, place.path),
            Target::Here(_) | Target::Stream => held.what.target.url().to_owned(),
        };
        let url = format!(
            "{url}{}signature={signature}&msg_signature={signature}&timestamp={timestamp}&nonce={nonce}",
            if url.contains('?') { '&' } else { '?' },
        );
        Push {
            id,
            subscription,
            attempt,
            url,
            body: format!("{{\"encrypt\":\"{encrypt}\"}}"),
            event_type: event.event_type().to_owned(),
            message,
            timestamp,
            nonce,
            cipher: Arc::clone(cipher),
            target: held.what.target.clone(),
            limit: self.limit,
            // Old pages reply to the check of a suite with what it sent (§10.2).
            wanted: std::iter::once("success")
                .chain(event.get("Random").and_then(Value::as_str))
                .map(str::to_owned)
                .collect(),
        }
    }
}

/// §10.2: the organization for the old registration of an internal app, else the app's own key.
pub(super) fn owner_of<'a>(app: &'a App, corp: Option<&'a str>) -> &'a str {
    match (corp, app.kind) {
        (Some(corp), AppKind::Internal) => corp,
        _ => &app.client_id,
    }
}

/// Letters and digits for nonces and fillings, which are no secrets and bear no mark.
fn word(rng: &mut Rng, len: usize) -> String {
    const MARK: usize = crate::rng::MARK.len();
    rng.word(len + MARK).split_off(MARK)
}
