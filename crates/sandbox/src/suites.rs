//! What organizations do with apps: open them, change what they granted, stop them, throw them out (wire-facts §3.5,
//! §3.6, §10.4).

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::apps::{AppKind, ContactScope};
use crate::codes::Pool;
use crate::events::Trigger;
use crate::platform::Platform;
use crate::{Sandbox, person_code, usual_corp};

/// On which terms an organization opens a third-party app, or changes what it granted. Without any, all that the app
/// asked for is granted, and its contact scope stays.
#[derive(Clone, Debug, Default)]
pub struct Terms {
    pub(crate) points: Option<BTreeSet<String>>,
    pub(crate) scope: Option<ContactScope>,
}

impl Terms {
    /// Grants these of the points that the app asked for, and no other.
    #[must_use]
    pub fn points(mut self, points: &[&str]) -> Self {
        self.points.get_or_insert_default().extend(points.iter().map(|&point| point.to_owned()));
        self
    }

    /// Lets the app see these departments (with all below them) and people of the organization only.
    #[must_use]
    pub fn contact_scope(mut self, departments: &[i64], users: &[&str]) -> Self {
        let scope = self.scope.get_or_insert_default();
        scope.departments.extend(departments);
        scope.users.extend(users.iter().map(|&user| user.to_owned()));
        self
    }
}

impl Sandbox {
    /// An organization opens a third-party app and grants all that the app asked for. The vendor's callback gets
    /// `tmp_auth_code`; if the organization had opened the app before, this is a
    /// [change](Self::change_authorization).
    ///
    /// # Errors
    ///
    /// When there is no such app or organization, or the app is one of an organization's own.
    pub fn authorize(&self, suite_key: &str, corp_id: &str) -> Result<(), String> {
        self.authorize_with(suite_key, corp_id, &Terms::default())
    }

    /// As [`authorize`](Self::authorize), on the organization's own terms. Whether the app was open before decides what
    /// the vendor is told: `tmp_auth_code`, or `change_auth`.
    ///
    /// # Errors
    ///
    /// As [`authorize`](Self::authorize), and when the terms name a point that the app has not asked for, or a
    /// department that is not there.
    pub fn authorize_with(
        &self,
        suite_key: &str,
        corp_id: &str,
        terms: &Terms,
    ) -> Result<(), String> {
        let now = self.shared.clock.now();
        {
            let platform = &mut *self.platform();
            let again = platform.opened(suite_key, corp_id, terms)?;
            let news = if again {
                platform.changed_news(suite_key, corp_id, now)
            } else {
                platform.opened_news(suite_key, corp_id, now)
            };
            platform.outbox.tell_vendor(suite_key, &news, now);
            if again && terms.scope.is_some() {
                let name = "org_micro_app_scope_update";
                let news = platform.agent_news(name, suite_key, corp_id, now);
                platform.outbox.tell_vendor(suite_key, &news, now);
            }
        }
        self.tell();
        Ok(())
    }

    /// An organization looks its grants through again and grants all that the app asks for by now. The vendor's
    /// callback gets `change_auth`; tokens live on.
    ///
    /// # Errors
    ///
    /// When the organization has not opened the app.
    pub fn change_authorization(&self, suite_key: &str, corp_id: &str) -> Result<(), String> {
        let opened =
            self.platform().app(suite_key).is_some_and(|app| app.opened_by.contains(corp_id));
        if opened {
            self.authorize(suite_key, corp_id)
        } else {
            Err(format!("{corp_id} has not opened {suite_key}"))
        }
    }

    /// An organization throws a third-party app out: its tokens, codes and grants there are gone, and the callback that
    /// it registered there. The vendor's callback gets `suite_relieve`. False if the organization had not opened it.
    pub fn revoke_authorization(&self, suite_key: &str, corp_id: &str) -> bool {
        let now = self.shared.clock.now();
        {
            let platform = &mut *self.platform();
            let removed = platform.agent_news("org_micro_app_remove", suite_key, corp_id, now);
            let relieved = platform.relieved_news(suite_key, corp_id, now);
            let Some(app) = platform.apps.get_mut(suite_key) else {
                return false;
            };
            if !app.opened_by.contains(corp_id) {
                return false;
            }
            app.leave(corp_id);
            platform.tokens.drop_app_in(suite_key, corp_id);
            platform.codes.drop_app_in(suite_key, corp_id);
            platform.outbox.remove(suite_key, Some(corp_id));
            platform.outbox.tell_vendor(suite_key, &removed, now);
            platform.outbox.tell_vendor(suite_key, &relieved, now);
        }
        self.tell();
        true
    }

    /// An organization stops an app that it keeps, or starts it again. The vendor's callback gets `org_micro_app_stop`
    /// or `org_micro_app_restore`, `get_agent` shows it, and the app gets nothing there while it is stopped; see
    /// [`Switch::StoppedAppWorks`](crate::Switch::StoppedAppWorks). False if that is how it was already.
    pub fn set_app_stopped(&self, suite_key: &str, corp_id: &str, stopped: bool) -> bool {
        let now = self.shared.clock.now();
        {
            let platform = &mut *self.platform();
            if !platform.set_stopped(suite_key, corp_id, stopped) {
                return false;
            }
            let name = if stopped { "org_micro_app_stop" } else { "org_micro_app_restore" };
            if platform.app(suite_key).is_some_and(|app| app.kind != AppKind::Internal) {
                let news = platform.agent_news(name, suite_key, corp_id, now);
                platform.outbox.tell_vendor(suite_key, &news, now);
            }
        }
        self.tell();
        true
    }

    /// Changes an app's points at the console; the vendor of a third-party app hears `change_auth` from every
    /// organization whose grants became others by that.
    pub(crate) fn at_console(
        &self,
        client_id: &str,
        change: impl FnOnce(&mut Platform) -> bool,
    ) -> bool {
        let now = self.shared.clock.now();
        let done = {
            let platform = &mut *self.platform();
            let granted = |platform: &Platform| {
                platform
                    .app(client_id)
                    .filter(|app| app.kind == AppKind::ThirdParty)
                    .map(|app| app.granted.clone())
                    .unwrap_or_default()
            };
            let before = granted(platform);
            let done = change(platform);
            let mut changed: Vec<Arc<str>> = granted(platform)
                .into_iter()
                .filter(|(corp, points)| before.get(corp) != Some(points))
                .map(|(corp, _)| corp)
                .collect();
            changed.retain(|corp| {
                platform.app(client_id).is_some_and(|app| app.opened_by.contains(&**corp))
            });
            changed.sort_unstable();
            for corp in changed {
                let news = platform.changed_news(client_id, &corp, now);
                platform.outbox.tell_vendor(client_id, &news, now);
            }
            done
        };
        self.tell();
        done
    }

    /// Renews a suite's ticket before its time, pushes it, and returns it. The former one is invalid from now on.
    pub fn renew_suite_ticket(&self, suite_key: &str) -> Option<String> {
        let now = self.shared.clock.now();
        let ticket = {
            let platform = &mut *self.platform();
            platform.outbox.ticket_renewed(suite_key, now);
            platform.renew_ticket(suite_key, now)
        };
        self.tell();
        ticket
    }

    /// Pushes a suite's present ticket again, as the console's button does (wire-facts §3.6), and says under which
    /// numbers; none if there is no such suite, no ticket yet, or no callback.
    pub fn push_suite_ticket(&self, suite_key: &str) -> Vec<u64> {
        self.trigger(suite_key, &Trigger::new("suite_ticket")).unwrap_or_default()
    }

    /// The ticket that a suite must show at this moment. It is renewed only for a suite with a callback: no other one
    /// could learn of it.
    #[must_use]
    pub fn suite_ticket(&self, suite_key: &str) -> Option<String> {
        let platform = self.platform();
        platform
            .app(suite_key)
            .filter(|app| app.kind == AppKind::ThirdParty)
            .map(|app| app.suite_ticket.clone())
    }

    /// As [`silent_code`](Self::silent_code), in one of several organizations.
    ///
    /// # Errors
    ///
    /// When the app does not work there, or the person does not exist there or cannot log in.
    pub fn silent_code_in(
        &self,
        client_id: &str,
        corp_id: &str,
        user_id: &str,
    ) -> Result<String, String> {
        self.code_in(Pool::Silent, client_id, Some(corp_id), user_id)
    }

    /// What the old scan login gives a person: a code for `sns/getuserinfo_bycode`, from a pool of its own
    /// (wire-facts §3.8).
    ///
    /// # Errors
    ///
    /// When the app or the person does not exist, or cannot log in.
    pub fn sns_code(&self, client_id: &str, user_id: &str) -> Result<String, String> {
        self.code_in(Pool::Sns, client_id, None, user_id)
    }

    fn code_in(
        &self,
        pool: Pool,
        client_id: &str,
        corp_id: Option<&str>,
        user_id: &str,
    ) -> Result<String, String> {
        let now = self.shared.clock.now();
        let platform = &mut *self.platform();
        let app = platform.app(client_id).ok_or_else(|| format!("there is no app {client_id}"))?;
        let corp = match corp_id {
            Some(corp) => Some(Arc::from(corp)).filter(|corp: &Arc<str>| app.works_in(corp)),
            None => usual_corp(platform, app),
        };
        let corp = corp.ok_or_else(|| format!("app {client_id} is in no such organization"))?;
        let client = Arc::clone(&app.client_id);
        let code = person_code(platform, pool, client, &corp, user_id)?;
        Ok(platform.codes.issue(code, now, &mut platform.rng))
    }
}

impl Platform {
    /// Notes that an organization opened an app and granted what it asked for, or less; true if it had opened it
    /// before.
    pub(crate) fn opened(
        &mut self,
        suite_key: &str,
        corp_id: &str,
        terms: &Terms,
    ) -> Result<bool, String> {
        let company =
            self.company(corp_id).ok_or_else(|| format!("there is no organization {corp_id}"))?;
        let known = |id: &&i64| company.departments.contains_key(id);
        let mut departments = terms.scope.iter().flat_map(|scope| &scope.departments);
        if let Some(id) = departments.find(|id| !known(id)) {
            return Err(format!("there is no department {id} in {corp_id}"));
        }
        let missing = || format!("there is no third-party app {suite_key}");
        let app = self.apps.get(suite_key).filter(|app| app.kind != AppKind::Internal);
        let app = app.ok_or_else(missing)?;
        let mut points = terms.points.iter().flatten();
        if let Some(point) = points.find(|point| !app.requested.contains(*point)) {
            return Err(format!("{suite_key} has not asked for {point}"));
        }
        let (client, mut app) = self.apps.remove_entry(suite_key).ok_or_else(missing)?;
        let again = !app.opened_by.insert(corp_id.to_owned());
        let points = terms.points.clone().unwrap_or_else(|| app.requested.clone());
        app.granted.insert(Arc::from(corp_id), points);
        if let Some(scope) = &terms.scope {
            app.scopes.insert(corp_id.to_owned(), scope.clone());
        }
        self.seat_agent(&mut app, corp_id);
        self.apps.insert(client, app);
        Ok(again)
    }

    /// False if the app does not work there, or that is how it was already.
    pub(crate) fn set_stopped(&mut self, client: &str, corp: &str, stopped: bool) -> bool {
        let Some(app) = self.apps.get_mut(client).filter(|app| app.works_in(corp)) else {
            return false;
        };
        let mut agent = app.agent(corp);
        if agent.stopped == stopped {
            return false;
        }
        agent.stopped = stopped;
        app.agents.insert(corp.to_owned(), agent);
        true
    }
}
