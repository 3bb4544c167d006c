//! Organizations and what they do with apps: open them, change what they granted, stop them, throw them out
//! (wire-facts §3.5, §3.6, §10.4).

use std::sync::Arc;

use crate::apps::AppKind;
use crate::codes::Pool;
use crate::company::{Company, Department, Person};
use crate::events::Event;
use crate::platform::Platform;
use crate::{Sandbox, person_code, usual_corp};

impl Sandbox {
    /// Adds another organization, with its root department and nobody in it; false if there is one with this id.
    pub fn add_company(&self, corp_id: &str, name: &str) -> bool {
        let platform = &mut *self.platform();
        if platform.companies.contains_key(corp_id) {
            return false;
        }
        let company = Company::new(corp_id, name, &platform.rng.token());
        platform.companies.insert(Arc::clone(&company.corp_id), company);
        true
    }

    /// Adds a person to one of several organizations; false if there is no such organization.
    pub fn add_person_to(&self, corp_id: &str, person: Person) -> bool {
        let user_id = Arc::clone(&person.user_id);
        let told = !person.external;
        self.change(corp_id, |company, now| {
            let known = company.anybody(&user_id).is_some();
            company.add_person(person);
            let event = if known { "user_modify_org" } else { "user_add_org" };
            Some(Event::people(event, corp_id, &user_id, now)).filter(|_| told)
        })
    }

    /// Removes a person from one of several organizations; false if there is none with this user id.
    pub fn remove_person_from(&self, corp_id: &str, user_id: &str) -> bool {
        let mut removed = false;
        self.change(corp_id, |company, now| {
            let told = company.employee(user_id).is_some();
            removed = company.remove_person(user_id);
            told.then(|| Event::people("user_leave_org", corp_id, user_id, now))
        });
        removed
    }

    /// Adds a department to one of several organizations, or changes the one with its id; false if there is no such
    /// organization.
    pub fn add_department_to(&self, corp_id: &str, department: Department) -> bool {
        self.change(corp_id, |company, now| {
            let id = department.id;
            let known = company.departments.contains_key(&id);
            company.add_department(department);
            let event = if known { "org_dept_modify" } else { "org_dept_create" };
            Some(Event::departments(event, corp_id, id, now))
        })
    }

    /// An organization opens a third-party app and grants all that the app asked for. The vendor's callback gets
    /// `tmp_auth_code`; if the organization had opened the app before, this is a
    /// [change](Self::change_authorization).
    ///
    /// # Errors
    ///
    /// When there is no such app or organization, or the app is one of an organization's own.
    pub fn authorize(&self, suite_key: &str, corp_id: &str) -> Result<(), String> {
        let now = self.shared.clock.now();
        {
            let platform = &mut *self.platform();
            let again = platform.opened(suite_key, corp_id)?;
            let event = if again {
                Event::change_auth(suite_key, corp_id, now)
            } else {
                Event::tmp_auth_code(suite_key, corp_id, &platform.rng.token(), now)
            };
            platform.outbox.tell_vendor(suite_key, &event, now);
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
            let Some(app) = platform.apps.get_mut(suite_key) else {
                return false;
            };
            if !app.opened_by.remove(corp_id) {
                return false;
            }
            app.granted.remove(corp_id);
            app.agents.remove(corp_id);
            platform.tokens.drop_app_in(suite_key, corp_id);
            platform.codes.drop_app_in(suite_key, corp_id);
            platform.outbox.remove(suite_key, Some(corp_id));
            let event = Event::suite_relieve(suite_key, corp_id, now);
            platform.outbox.tell_vendor(suite_key, &event, now);
        }
        self.tell();
        true
    }

    /// An organization stops an app that it keeps, or starts it again. The vendor's callback gets `org_micro_app_stop`
    /// or `org_micro_app_restore`, and `get_agent` shows it. False if that is how it was already.
    pub fn set_app_stopped(&self, suite_key: &str, corp_id: &str, stopped: bool) -> bool {
        let now = self.shared.clock.now();
        {
            let platform = &mut *self.platform();
            let Some(app) = platform.apps.get_mut(suite_key).filter(|app| app.works_in(corp_id))
            else {
                return false;
            };
            let mut agent = app.agent(corp_id);
            if agent.stopped == stopped {
                return false;
            }
            agent.stopped = stopped;
            app.agents.insert(corp_id.to_owned(), agent);
            let name = if stopped { "org_micro_app_stop" } else { "org_micro_app_restore" };
            let event = Event::agent(name, suite_key, corp_id, (agent.id, app.app_id), now);
            platform.outbox.tell_vendor(suite_key, &event, now);
        }
        self.tell();
        true
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

    /// Changes an organization and tells whoever wants to know.
    fn change(
        &self,
        corp_id: &str,
        change: impl FnOnce(&mut Company, u64) -> Option<Event>,
    ) -> bool {
        let now = self.shared.clock.now();
        {
            let platform = &mut *self.platform();
            let Some(company) = platform.companies.get_mut(corp_id) else {
                return false;
            };
            if let Some(event) = change(company, now) {
                platform.tell_subscribers(corp_id, &event, now);
            }
        }
        self.tell();
        true
    }
}

impl Platform {
    /// Notes that an organization opened an app and granted what it asked for; true if it had opened it before.
    fn opened(&mut self, suite_key: &str, corp_id: &str) -> Result<bool, String> {
        if self.company(corp_id).is_none() {
            return Err(format!("there is no organization {corp_id}"));
        }
        let missing = || format!("there is no third-party app {suite_key}");
        let (client, mut app) = self.apps.remove_entry(suite_key).ok_or_else(missing)?;
        let fits = app.kind != AppKind::Internal;
        let mut again = false;
        if fits {
            again = !app.opened_by.insert(corp_id.to_owned());
            let points = app.requested.clone();
            app.granted.entry(Arc::from(corp_id)).or_default().extend(points);
            self.seat_agent(&mut app, corp_id);
        }
        self.apps.insert(client, app);
        if fits { Ok(again) } else { Err(missing()) }
    }
}
