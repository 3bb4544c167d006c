//! Callbacks and what is still to be pushed to them, as they outlive a restart.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::cipher::Cipher;
use super::event::Event;
use super::outbox::{Attempt, Failed, Held, Outbox, Waiting, owner_of};
use crate::apps::App;
use crate::documents::{SubscriptionDoc, is_here};

/// The outbox in a snapshot.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct OutboxDoc {
    next: u64,
    callbacks: Vec<CallbackDoc>,
    waiting: BTreeMap<u64, Waiting>,
    sent: BTreeMap<u64, (u64, Event)>,
    log: VecDeque<Attempt>,
    failed: Vec<Failed>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CallbackDoc {
    id: u64,
    what: SubscriptionDoc,
    ticket_at: Option<u64>,
    /// A receiver in the process that wrote this.
    here: bool,
    /// The app is told over Stream.
    #[serde(default)]
    stream: bool,
}

impl Outbox {
    pub(crate) fn document(&self) -> OutboxDoc {
        let callback = |(id, held): (&u64, &Held)| CallbackDoc {
            id: *id,
            what: SubscriptionDoc::of(&held.client, held.corp.as_deref(), &held.what, true),
            ticket_at: held.ticket_at,
            here: is_here(&held.what),
            stream: held.is_stream(),
        };
        OutboxDoc {
            next: self.next,
            callbacks: self.subscriptions.iter().map(callback).collect(),
            waiting: self.waiting.clone(),
            sent: self.sent.clone(),
            log: self.log.clone(),
            failed: self.failed.clone(),
        }
    }

    /// Takes over what a snapshot holds. A receiver in the process is taken over from this sandbox if it has it, and is
    /// gone with all that waits for it if not.
    pub(crate) fn take_over<'a>(&mut self, doc: OutboxDoc, app: impl Fn(&str) -> Option<&'a App>) {
        let before = std::mem::take(&mut self.subscriptions);
        for CallbackDoc { id, what, ticket_at, here, stream } in doc.callbacks {
            if stream {
                if let Some(app) = app(&what.client_id) {
                    let held = Held::over_stream(Arc::clone(&app.client_id));
                    self.subscriptions.insert(id, Held { ticket_at, ..held });
                }
                continue;
            }
            let same = |held: &&Held| {
                *held.client == *what.client_id && held.corp.as_deref() == what.corp_id.as_deref()
            };
            let subscription = if here {
                let old = before.values().filter(|held| is_here(&held.what)).find(same);
                old.map(|held| held.what.clone())
            } else {
                let read = what.subscription().ok();
                read.and_then(|mut read| {
                    read.target = read.target.checked(self.leave_machine).ok()?;
                    Some(read)
                })
            };
            let Some((what, app)) = subscription
                .zip(app(&what.client_id))
                .map(|(read, app)| (read, (app, what.corp_id.as_deref().map(Arc::<str>::from))))
            else {
                continue;
            };
            let (app, corp) = app;
            let owner = owner_of(app, corp.as_deref());
            let Some(cipher) = Cipher::new(&what.token, &what.aes_key, owner) else { continue };
            let held = Held {
                client: Arc::clone(&app.client_id),
                corp,
                what,
                cipher: Some(Arc::new(cipher)),
                suite_id: app.app_id,
                busy: false,
                ticket_at,
            };
            self.subscriptions.insert(id, held);
        }
        self.next = doc.next.max(1);
        self.waiting = doc.waiting;
        self.waiting.retain(|_, waiting| self.subscriptions.contains_key(&waiting.subscription));
        for waiting in self.waiting.values_mut().filter(|waiting| waiting.under_way.is_some()) {
            // Nobody knows how that attempt ended, so it is made again.
            waiting.under_way = None;
            waiting.attempts = waiting.attempts.saturating_sub(1);
        }
        self.sent = doc.sent;
        self.log = doc.log;
        self.failed = doc.failed;
        self.check = None;
    }
}

impl OutboxDoc {
    /// What is wrong with one of the callbacks.
    pub(crate) fn mistake(&self, leave_machine: bool) -> Option<String> {
        let mut urls = self.callbacks.iter().filter(|callback| !callback.here && !callback.stream);
        urls.find_map(|callback| {
            let what = match callback.what.subscription() {
                Ok(what) => what,
                Err(mistake) => return Some(mistake),
            };
            let client = &callback.what.client_id;
            if Cipher::new(&what.token, &what.aes_key, "").is_none() {
                return Some(format!("callback of {client}: aesKey is not 43 letters and digits"));
            }
            let checked = what.target.checked(leave_machine);
            checked.err().map(|trouble| format!("callback of {client}: {trouble}"))
        })
    }
}
