//! Events raised by hand: what the platform would say if it had happened, whether it happened or not.

use serde_json::{Value, json};

use super::contacts::{self, named_row};
use super::event::{Event, OTHER_TAGS};
use super::news::{News, kind};
use crate::Sandbox;
use crate::company::{Department, Person, Role};
use crate::platform::Platform;

/// An event to be raised by hand, under its `EventType` or its `syncAction` (wire-facts §10.4, §10.6). What is not given
/// is filled in from the sandbox's state; nothing of that state is changed.
///
/// ```
/// use dingtalk_sandbox::{Sandbox, Subscription, Trigger};
///
/// let sandbox = Sandbox::in_process();
/// let client = sandbox.demo().client_id;
/// let (sender, pushes) = std::sync::mpsc::channel();
/// let key = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG";
/// let callback = Subscription::receiver("mytoken", key, move |push| {
///     let _ = sender.send(push.message().to_owned());
///     push.success()
/// });
/// sandbox.subscribe(&client, callback)?;
/// sandbox.trigger(&client, &Trigger::new("org_admin_add").user("manager01"))?;
/// assert!(pushes.iter().nth(1).is_some_and(|text| text.contains(r#""UserId":["manager01"]"#)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Trigger {
    pub(crate) event_type: String,
    pub(crate) corp_id: Option<String>,
    pub(crate) user_ids: Vec<String>,
    pub(crate) dept_ids: Vec<i64>,
    pub(crate) role_ids: Vec<i64>,
    pub(crate) fields: Vec<(String, Value)>,
}

impl Trigger {
    /// An event by its name.
    #[must_use]
    pub fn new(event_type: impl Into<String>) -> Self {
        Self { event_type: event_type.into(), ..Self::default() }
    }

    /// In this organization; the sandbox's first one if not given.
    #[must_use]
    pub fn corp(mut self, corp_id: impl Into<String>) -> Self {
        self.corp_id = Some(corp_id.into());
        self
    }

    /// About this person.
    #[must_use]
    pub fn user(mut self, user_id: impl Into<String>) -> Self {
        self.user_ids.push(user_id.into());
        self
    }

    /// About this department.
    #[must_use]
    pub fn department(mut self, id: i64) -> Self {
        self.dept_ids.push(id);
        self
    }

    /// About this role.
    #[must_use]
    pub fn role(mut self, id: i64) -> Self {
        self.role_ids.push(id);
        self
    }

    /// With this field, beside the usual ones or in the place of one of them; in SyncHTTP it is one of `biz_data`.
    #[must_use]
    pub fn field(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.fields.push((name.into(), value.into()));
        self
    }
}

impl Sandbox {
    /// Raises an event by hand for every callback of an app, whatever it subscribed to, in the form of each, and says
    /// under which numbers it is pushed.
    ///
    /// # Errors
    ///
    /// When there is no such app or organization, or no event of this name.
    pub fn trigger(&self, client_id: &str, trigger: &Trigger) -> Result<Vec<u64>, String> {
        let now = self.shared.clock.now();
        let pushes = {
            let platform = &mut *self.platform();
            let news = platform.news_of(client_id, trigger, now)?;
            platform.outbox.push_news(client_id, &news, now)
        };
        self.tell();
        Ok(pushes)
    }
}

impl Platform {
    fn news_of(&mut self, client: &str, trigger: &Trigger, now: u64) -> Result<News, String> {
        let app = self.app(client).ok_or_else(|| format!("there is no app {client}"))?;
        let client = app.client_id.to_string();
        let ticket = app.suite_ticket.clone();
        let corp = trigger.corp_id.clone().unwrap_or_else(|| self.home.to_string());
        let company =
            self.company(&corp).ok_or_else(|| format!("there is no organization {corp}"))?;
        let name = trigger.event_type.as_str();
        let no_event = || format!("there is no event {name}");
        let (plain, row) = match kind(name) {
            Some(found) => found,
            None if OTHER_TAGS.contains(&name) => (name, None),
            None => return Err(no_event()),
        };
        // One name for both forms where there is one.
        let known = if plain.is_empty() { row.map_or("", |(action, _)| action) } else { plain };
        let users: Vec<&str> = trigger.user_ids.iter().map(String::as_str).collect();
        let mut news = match known {
            "suite_ticket" if ticket.is_empty() => {
                return Err(format!("{client} has no ticket yet; renew it first"));
            }
            "suite_ticket" => self.ticket_news(&client, &ticket, now),
            "tmp_auth_code" => self.opened_news(&client, &corp, now),
            "change_auth" => self.changed_news(&client, &corp, now),
            "suite_relieve" => self.relieved_news(&client, &corp, now),
            "org_micro_app_stop"
            | "org_micro_app_restore"
            | "org_micro_app_remove"
            | "org_micro_app_scope_update" => self.agent_news(known, &client, &corp, now),
            "check_create_suite_url" | "check_update_suite_url" => {
                let random = self.rng.word(14).split_off(crate::rng::MARK.len());
                News { plain: Some(Event::check_suite(known, &random, &client)), row: None }
            }
            "check_url" => News { plain: Some(Event::new(known)), row: None },
            "org_change" | "org_remove" => contacts::of_organization(known, company, now),
            "org_dept_create" | "org_dept_modify" | "org_dept_remove" => {
                let ids = &trigger.dept_ids;
                let id = ids.first().copied().unwrap_or(crate::company::ROOT);
                let there = company.departments.get(&id).cloned();
                let department = there.unwrap_or_else(|| Department::new(id, "", 1));
                let news = contacts::of_department(known, &corp, &department, now);
                let ids = if ids.is_empty() { vec![id] } else { ids.clone() };
                News { plain: Some(Event::departments(known, &corp, &ids, now)), ..news }
            }
            "label_conf_add" | "label_conf_modify" | "label_conf_del" => {
                let id = trigger.role_ids.first().copied().unwrap_or(0);
                let mut roles = company.everybody().flat_map(|person| &person.roles);
                let role = roles.find(|role| role.id == id).cloned().unwrap_or(Role {
                    id,
                    name: String::new(),
                    group: String::new(),
                });
                let news = contacts::of_role(known, &corp, &role, now);
                let plain = Event::roles(known, &corp, &trigger.role_ids, &[], now);
                News { plain: Some(plain), ..news }
            }
            "market_order" => News { plain: None, row: named_row(known, &corp, now, json!({})) },
            _ if CONTACT.contains(&known) => {
                let user = users.first().copied().unwrap_or_default();
                let someone = Person::new(user, "");
                let data = match known {
                    "user_leave_org" => json!({}),
                    _ => contacts::flat(company.anybody(user).unwrap_or(&someone)),
                };
                let event = match known {
                    "user_dept_change" => None,
                    "label_user_change" => {
                        Some(Event::roles(known, &corp, &trigger.role_ids, &users, now))
                    }
                    _ => Some(Event::people(known, &corp, &users, now)),
                };
                News { plain: event, row: named_row(known, &corp, user, data) }
            }
            // Events of other products: their fields are the caller's affair.
            _ => News { plain: Some(Event::new(known)), row: None },
        };
        for (name, value) in &trigger.fields {
            if let Some(event) = &mut news.plain {
                event.set(name, value.clone());
            }
            if let Some(row) = &mut news.row {
                row.data.insert(name.clone(), value.clone());
            }
        }
        Ok(news)
    }
}

/// Events about people, by either name.
const CONTACT: [&str; 8] = [
    "user_add_org",
    "user_modify_org",
    "user_leave_org",
    "user_active_org",
    "user_dept_change",
    "label_user_change",
    "org_admin_add",
    "org_admin_remove",
];
