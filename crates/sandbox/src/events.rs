//! Events: what happens in an organization, told to apps over HTTP, encrypted and signed, or over Stream (wire-facts §10).

mod carrier;
mod cipher;
pub(crate) mod contacts;
mod event;
mod news;
mod outbox;
mod push;
mod state;
mod subscription;
mod trigger;
mod vendor;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

pub use event::Event;
pub use outbox::Attempt;
pub use push::{Push, PushReply, PushTrouble};
pub use subscription::Subscription;
pub use trigger::Trigger;

pub(crate) use carrier::carry;
pub(crate) use event::{CONTACT_TAGS, OTHER_TAGS};
pub(crate) use news::News;
pub(crate) use outbox::{Check, Held, Outbox};
pub(crate) use push::{Sending, Way};
pub(crate) use state::OutboxDoc;
pub(crate) use subscription::Target;

use crate::apps::AppKind;
use crate::documents::SubscriptionDoc;
use crate::platform::Platform;
use crate::{Sandbox, Shared};

impl Sandbox {
    /// Sets up an app's callback as the developer console does: the URL is asked first (`check_url`, for a third-party
    /// app `check_create_suite_url` or `check_update_suite_url`), and must reply with an encrypted `success`. A
    /// third-party app is then told its suite ticket, and a new one every five hours of the sandbox's clock.
    ///
    /// With a server, its own task pushes what comes due. An in-process sandbox pushes before the call that raised an
    /// event returns; for what comes due later, advance the clock and call [`deliver_due`](Self::deliver_due).
    ///
    /// # Errors
    ///
    /// When there is no such app, the AES key is not 43 letters and digits, the URL is not on this machine, or its
    /// reply is not the right one. The former callback stays then.
    pub fn subscribe(&self, client_id: &str, callback: Subscription) -> Result<(), PushTrouble> {
        let check = {
            let now = self.shared.clock.now();
            let platform = &mut *self.platform();
            let app = platform
                .apps
                .get(client_id)
                .ok_or_else(|| PushTrouble::Url(format!("there is no app {client_id}")))?;
            platform.outbox.check(app, None, callback, now, &mut platform.rng)?
        };
        let verdict = carry(&check.push);
        let now = self.shared.clock.now();
        self.platform().conclude_check(check, verdict, now)?;
        self.tell();
        Ok(())
    }

    /// Ends the callback that [`subscribe`](Self::subscribe) set up; false if there is none.
    pub fn unsubscribe(&self, client_id: &str) -> bool {
        self.platform().outbox.remove(client_id, None)
    }

    /// Pushes an event by hand to every callback of an app, whatever it subscribed to, and says under which numbers.
    pub fn push(&self, client_id: &str, event: &Event) -> Vec<u64> {
        let now = self.shared.clock.now();
        let pushes = self.platform().outbox.push(client_id, event, now);
        self.tell();
        pushes
    }

    /// Pushes once more what was pushed before, delivered or not; false if nobody knows this number, its callback is
    /// gone, or it is just under way.
    pub fn resend(&self, push: u64) -> bool {
        let now = self.shared.clock.now();
        let queued = self.platform().outbox.resend(push, now);
        self.tell();
        queued
    }

    /// Every attempt so far, URL checks included (as push 0), oldest first.
    #[must_use]
    pub fn deliveries(&self) -> Vec<Attempt> {
        self.platform().outbox.attempts().cloned().collect()
    }

    /// Pushes all that is due at this moment of the sandbox's clock, waits for pushes that the server has under way,
    /// and says how many this call made itself. A receiver must not call it.
    pub fn deliver_due(&self) -> usize {
        const LONGEST: Duration = Duration::from_secs(30);
        let until = Instant::now() + LONGEST;
        let mut made = self.shared.deliver();
        loop {
            let platform = self.platform();
            let left = until.saturating_duration_since(Instant::now());
            if !platform.outbox.any_under_way() || left.is_zero() {
                return made;
            }
            drop(self.shared.settled.wait_timeout(platform, left));
            made += self.shared.deliver();
        }
    }

    /// Something may have come due.
    pub(crate) fn tell(&self) {
        if self.shared.served.load(Ordering::Relaxed) {
            self.shared.wake.notify_one();
        } else {
            self.shared.deliver();
        }
    }
}

impl Shared {
    pub(crate) fn take_due(&self) -> Vec<Push> {
        let now = self.clock.now();
        self.platform().due(now)
    }

    pub(crate) fn settle(&self, push: &Push, outcome: Result<(), PushTrouble>) {
        let now = self.clock.now();
        let platform = &mut *self.platform();
        if let Err(trouble) = &outcome {
            let client = platform.outbox.client_of(push.subscription);
            let client = client.as_deref().unwrap_or_default();
            platform.critic.pushed(client, &push.event_type, push.id, trouble, now);
        }
        platform.outbox.settle(&push.sending(), outcome, now);
        self.settled.notify_all();
        self.attempts.notify_waiters();
    }

    /// Waits in a task until something is so, which is looked at after every attempt.
    pub(crate) async fn attempted(&self, so: impl Fn() -> bool) {
        loop {
            let next = self.attempts.notified();
            tokio::pin!(next);
            next.as_mut().enable();
            if so() {
                return;
            }
            next.await;
        }
    }

    /// The same in a thread, for at most so long; false if it did not come to that.
    pub(crate) fn wait_attempted(&self, limit: Duration, so: impl Fn() -> bool) -> bool {
        let until = Instant::now() + limit;
        loop {
            if so() {
                return true;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            // An attempt may end between the look and the wait, so no wait is long.
            let platform = self.platform();
            drop(self.settled.wait_timeout(platform, left.min(Duration::from_millis(20))));
        }
    }

    pub(crate) fn is_idle(&self) -> bool {
        let platform = self.platform();
        platform.outbox.is_idle() && platform.stream.is_idle()
    }

    /// Pushes in this thread until nothing is due.
    fn deliver(&self) -> usize {
        let mut made = 0;
        loop {
            let due = self.take_due();
            if due.is_empty() {
                return made;
            }
            for push in due {
                let outcome = carry(&push);
                self.settle(&push, outcome);
                made += 1;
            }
        }
    }
}

impl Platform {
    /// What is to be pushed now. A suite's ticket is renewed first if its time has come.
    pub(crate) fn due(&mut self, now: u64) -> Vec<Push> {
        for suite in self.outbox.tickets_due(now) {
            self.renew_ticket(&suite, now);
        }
        self.deal(now);
        self.outbox.due(now, &mut self.rng)
    }

    /// Ends a URL check: the subscription holds, or everything stays as it was.
    pub(crate) fn conclude_check(
        &mut self,
        check: Check,
        verdict: Result<(), PushTrouble>,
        now: u64,
    ) -> Result<(), PushTrouble> {
        let Check { push, held } = check;
        self.outbox.note(&push.sending(), &held.client, verdict.as_ref().err(), now);
        if let Err(trouble) = &verdict {
            self.critic.pushed(&held.client, &push.event_type, push.id, trouble, now);
        }
        verdict?;
        self.install(held, now);
        Ok(())
    }

    /// The check of a callback that a document describes.
    pub(crate) fn check_of(&mut self, doc: &SubscriptionDoc, now: u64) -> Result<Check, String> {
        let what = doc.subscription()?;
        let app = self
            .apps
            .get(doc.client_id.as_str())
            .ok_or_else(|| format!("there is no app {}", doc.client_id))?;
        let corp: Option<Arc<str>> = doc.corp_id.as_deref().map(Arc::from);
        if let Some(corp) = corp.as_deref().filter(|corp| !app.works_in(corp)) {
            return Err(format!("app {} does not work in {corp}", doc.client_id));
        }
        self.outbox
            .check(app, corp, what, now, &mut self.rng)
            .map_err(|trouble| format!("callback of {}: {trouble}", doc.client_id))
    }

    /// Puts a callback in force whose URL nobody asked.
    pub(crate) fn install_unasked(
        &mut self,
        doc: &SubscriptionDoc,
        now: u64,
    ) -> Result<(), String> {
        let Check { held, .. } = self.check_of(doc, now)?;
        self.install(held, now);
        Ok(())
    }

    /// Puts a subscription in force. The vendor of a third-party app is told its ticket at once.
    pub(crate) fn install(&mut self, held: Held, now: u64) {
        let client = Arc::clone(&held.client);
        let suite = held.corp.is_none()
            && self.app(&client).is_some_and(|app| app.kind == AppKind::ThirdParty);
        self.outbox.install(held, suite, now);
        if suite {
            let ticket = self.app(&client).map(|app| app.suite_ticket.clone()).unwrap_or_default();
            if ticket.is_empty() {
                self.renew_ticket(&client, now);
            } else {
                let news = self.ticket_news(&client, &ticket, now);
                self.outbox.tell_vendor(&client, &news, now);
            }
        }
    }

    /// Makes a new suite ticket, which ends the former one, and tells the vendor.
    pub(crate) fn renew_ticket(&mut self, suite: &str, now: u64) -> Option<String> {
        let ticket = self.rng.word(24);
        let app = self.apps.get_mut(suite).filter(|app| app.kind == AppKind::ThirdParty)?;
        app.suite_ticket.clone_from(&ticket);
        let news = self.ticket_news(suite, &ticket, now);
        self.outbox.tell_vendor(suite, &news, now);
        Some(ticket)
    }

    /// Tells whoever subscribed about a change in an organization.
    pub(crate) fn tell_subscribers(&mut self, corp: &str, news: &News, now: u64) {
        let apps = &self.apps;
        self.outbox.tell_subscribers(corp, news, now, |client| {
            let app = apps.get(client).filter(|app| !app.dead)?;
            Some((app.works_in(corp), app.kind == AppKind::ThirdParty))
        });
    }
}
