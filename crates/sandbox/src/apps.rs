//! Apps: who they are, which permission points they asked for and were granted, and how far they may look.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::points;

/// An app of the sandbox, as one would set it up in the developer console.
///
/// ```
/// use dingtalk_sandbox::{App, Sandbox};
///
/// let app = App::internal("dingpayroll", "its-secret").grant("qyapi_get_member").redirect_uri("http://localhost/cb");
/// let sandbox = Sandbox::builder().app(app).in_process();
/// # let _ = sandbox;
/// ```
#[derive(Clone, Debug)]
pub struct App {
    pub(crate) client_id: Arc<str>,
    pub(crate) client_secret: String,
    pub(crate) kind: AppKind,
    /// The organization that owns the app; an internal app without one gets the sandbox's first.
    pub(crate) corp_id: Option<Arc<str>>,
    pub(crate) agent_id: i64,
    pub(crate) name: String,
    pub(crate) requested: BTreeSet<String>,
    /// What each organization granted.
    pub(crate) granted: HashMap<Arc<str>, BTreeSet<String>>,
    /// Granted before an organization is known: moved to the first one when the app is added.
    pub(crate) granted_at_home: BTreeSet<String>,
    pub(crate) redirects: Vec<String>,
    pub(crate) contact_scope: Option<ContactScope>,
    pub(crate) dead: bool,
    /// Third-party apps: the latest pushed ticket (wire-facts §3.6), and the organizations that opened the app.
    pub(crate) suite_ticket: String,
    pub(crate) opened_by: BTreeSet<String>,
    /// Where an organization has its own agent id for the app, or has stopped it.
    pub(crate) agents: HashMap<String, Agent>,
    /// The number that is the same in every organization.
    pub(crate) app_id: i64,
    /// Where an organization let the app see less than the whole.
    pub(crate) scopes: HashMap<String, ContactScope>,
    /// The permanent codes of the first generation of suites (wire-facts §3.5).
    pub(crate) permanent: BTreeMap<String, Permanent>,
}

/// One organization's copy of an app (wire-facts §3.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Agent {
    pub(crate) id: i64,
    pub(crate) stopped: bool,
}

/// An organization's permanent code, and whether the vendor has activated the app there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Permanent {
    pub(crate) code: String,
    pub(crate) active: bool,
}

/// What an app is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AppKind {
    Internal,
    ThirdParty,
    /// An internal app that was handed to a service provider (wire-facts §3.2).
    Custom,
}

/// The departments (with all below them) and people that an app may see.
#[derive(Clone, Debug, Default)]
pub(crate) struct ContactScope {
    pub(crate) departments: BTreeSet<i64>,
    pub(crate) users: BTreeSet<String>,
}

impl App {
    /// An app that an organization made for itself.
    #[must_use]
    pub fn internal(client_id: impl Into<String>, client_secret: impl Into<String>) -> Self {
        Self::new(AppKind::Internal, client_id.into(), client_secret.into())
    }

    /// An app of a vendor (a suite). Organizations that may be asked for tokens must [open](Self::opened_by) it.
    #[must_use]
    pub fn third_party(suite_key: impl Into<String>, suite_secret: impl Into<String>) -> Self {
        Self::new(AppKind::ThirdParty, suite_key.into(), suite_secret.into())
    }

    /// An internal app handed to a service provider, with its CustomKey and CustomSecret: like a third-party app, but
    /// any non-empty suite ticket will do (wire-facts §3.2).
    #[must_use]
    pub fn custom(custom_key: impl Into<String>, custom_secret: impl Into<String>) -> Self {
        Self::new(AppKind::Custom, custom_key.into(), custom_secret.into())
    }

    /// The name that login and consent pages show.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// The organization that the app belongs to; the demo company if not given.
    #[must_use]
    pub fn corp(mut self, corp_id: impl Into<String>) -> Self {
        self.corp_id = Some(Arc::from(corp_id.into()));
        self
    }

    /// The agent id that `dd.config` names.
    #[must_use]
    pub fn agent_id(mut self, agent_id: i64) -> Self {
        self.agent_id = agent_id;
        self
    }

    /// Adds a permission point to the app without granting it: calls still fail as if it had never been asked for
    /// (wire-facts §8.4). For a delegated point this is all that the console does; the person grants the rest.
    #[must_use]
    pub fn request(mut self, point: impl Into<String>) -> Self {
        self.requested.insert(point.into());
        self
    }

    /// Adds a permission point and grants it in the app's organization.
    #[must_use]
    pub fn grant(mut self, point: impl Into<String>) -> Self {
        let point = point.into();
        self.requested.insert(point.clone());
        self.granted_at_home.insert(point);
        self
    }

    /// Adds and grants every point of the sandbox's catalogue.
    #[must_use]
    pub fn grant_everything(self) -> Self {
        points::CATALOGUE.iter().fold(self, |app, point| app.grant(point.code))
    }

    /// Registers a redirect URL for the browser login; its scheme, host and port must match (wire-facts §4.4).
    #[must_use]
    pub fn redirect_uri(mut self, uri: impl Into<String>) -> Self {
        self.redirects.push(uri.into());
        self
    }

    /// Narrows the contact scope to these departments (with all below them) and people. Without this call the app
    /// sees everybody.
    #[must_use]
    pub fn contact_scope(mut self, departments: &[i64], users: &[&str]) -> Self {
        let scope = self.contact_scope.get_or_insert_with(ContactScope::default);
        scope.departments.extend(departments);
        scope.users.extend(users.iter().map(|&user| user.to_owned()));
        self
    }

    /// The suite ticket that the platform pushed last.
    #[must_use]
    pub fn suite_ticket(mut self, ticket: impl Into<String>) -> Self {
        self.suite_ticket = ticket.into();
        self
    }

    /// An organization opened this third-party app.
    #[must_use]
    pub fn opened_by(mut self, corp_id: impl Into<String>) -> Self {
        self.opened_by.insert(corp_id.into());
        self
    }

    /// Whether the app may use a point as itself in this organization: added in the console **and** granted.
    pub(crate) fn may(&self, corp: &str, point: &str) -> bool {
        points::is_default(point)
            || self.requested.contains(point)
                && self.granted.get(corp).is_some_and(|set| set.contains(point))
    }

    /// Whether the app lives in this organization. A suite works only where it was opened, its vendor's own
    /// organization included; other apps are at home where they belong.
    pub(crate) fn works_in(&self, corp: &str) -> bool {
        let at_home = self.kind != AppKind::ThirdParty && self.corp_id.as_deref() == Some(corp);
        at_home || self.opened_by.contains(corp)
    }

    /// §3.2: a CustomKey app takes any text as the suite ticket, a suite only the latest one pushed.
    pub(crate) fn takes_ticket(&self, ticket: &str) -> bool {
        !ticket.is_empty() && (self.kind == AppKind::Custom || ticket == self.suite_ticket)
    }

    /// The app's agent in an organization; ids differ from one to the other (wire-facts §3.5).
    pub(crate) fn agent(&self, corp: &str) -> Agent {
        let usual = Agent { id: self.agent_id, stopped: false };
        self.agents.get(corp).copied().unwrap_or(usual)
    }

    /// Whether this organization has stopped the app.
    pub(crate) fn stopped_in(&self, corp: &str) -> bool {
        self.agents.get(corp).is_some_and(|agent| agent.stopped)
    }

    /// Forgets everything about an organization.
    pub(crate) fn leave(&mut self, corp: &str) -> bool {
        self.granted.remove(corp);
        self.agents.remove(corp);
        self.scopes.remove(corp);
        self.permanent.remove(corp);
        self.opened_by.remove(corp)
    }

    /// How far the app may look in an organization: as that one decided, else as the app is set up; everywhere if
    /// neither narrows it.
    pub(crate) fn scope_in(&self, corp: &str) -> Option<&ContactScope> {
        self.scopes.get(corp).or(self.contact_scope.as_ref())
    }

    fn new(kind: AppKind, client_id: String, client_secret: String) -> Self {
        Self {
            name: client_id.clone(),
            client_id: Arc::from(client_id),
            client_secret,
            kind,
            corp_id: None,
            agent_id: 0,
            requested: BTreeSet::new(),
            granted: HashMap::new(),
            granted_at_home: BTreeSet::new(),
            redirects: Vec::new(),
            contact_scope: None,
            dead: false,
            suite_ticket: String::new(),
            opened_by: BTreeSet::new(),
            agents: HashMap::new(),
            app_id: 0,
            scopes: HashMap::new(),
            permanent: BTreeMap::new(),
        }
    }
}
