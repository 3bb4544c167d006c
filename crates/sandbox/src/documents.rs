//! People, departments, apps and switches as documents: one form for the control API, fixture files and snapshots.
//!
//! A field that nobody knows is a mistake everywhere, because a misspelt one would otherwise pass for left out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::apps::{App, AppKind, ContactScope};
use crate::company::{Company, Department, Person, ROOT};
use crate::points;

mod switches;
mod vendor;

pub(crate) use switches::SwitchesDoc;
pub(crate) use vendor::{AuthorizationDoc, OrganizationDoc, SubscriptionDoc, TermsDoc, is_here};

/// A person of the organization.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct PersonDoc {
    pub(crate) user_id: String,
    pub(crate) name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    union_id: Option<String>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    english_name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) mobile: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    email: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    login_email: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    org_email: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    avatar: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    title: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    job_number: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    telephone: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    work_place: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    remark: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    extension: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hired_ms: Option<i64>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    manager: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) departments: Vec<i64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) leads: Vec<i64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    roles: Vec<RoleDoc>,
    #[serde(default, skip_serializing_if = "is_false")]
    admin: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    sub_admin: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    boss: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    hides_mobile: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    inactive: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    external: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RoleDoc {
    id: i64,
    group: String,
    name: String,
}

/// A department; without a parent it stands below the root.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct DepartmentDoc {
    pub(crate) id: i64,
    name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    english_name: String,
    #[serde(default = "root")]
    pub(crate) parent: i64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    managers: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum KindDoc {
    #[default]
    Internal,
    ThirdParty,
    Custom,
}

/// An app.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct AppDoc {
    pub(crate) client_id: String,
    /// Left out of answers unless they are to reveal it; left out of a change it stays what it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) client_secret: Option<String>,
    #[serde(default)]
    kind: KindDoc,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    corp_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    agent_id: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// Points that the console added and nobody granted yet.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    requested: BTreeSet<String>,
    /// Points that were added and granted in every organization where the app works.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    granted: BTreeSet<String>,
    /// The same by organization, which is how answers say it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    granted_in: BTreeMap<String, BTreeSet<String>>,
    #[serde(default, skip_serializing_if = "is_false")]
    grant_everything: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    redirect_uris: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    contact_scope: Option<ScopeDoc>,
    #[serde(default, skip_serializing_if = "is_false")]
    disabled: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) suite_ticket: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    opened_by: BTreeSet<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ScopeDoc {
    #[serde(default)]
    departments: BTreeSet<i64>,
    #[serde(default)]
    users: BTreeSet<String>,
}

impl PersonDoc {
    pub(crate) fn of(person: &Person) -> Self {
        Self {
            user_id: person.user_id.to_string(),
            name: person.name.clone(),
            union_id: Some(person.union_id.to_string()),
            english_name: person.name_en.clone(),
            mobile: person.mobile.clone(),
            email: person.email.clone(),
            login_email: person.login_email.clone(),
            org_email: person.org_email.clone(),
            avatar: person.avatar.clone(),
            title: person.title.clone(),
            job_number: person.job_number.clone(),
            telephone: person.telephone.clone(),
            work_place: person.work_place.clone(),
            remark: person.remark.clone(),
            extension: person.extension.clone(),
            hired_ms: person.hired_ms,
            manager: person.manager.clone(),
            departments: person.memberships.iter().map(|seat| seat.department).collect(),
            leads: person
                .memberships
                .iter()
                .filter(|seat| seat.leader)
                .map(|seat| seat.department)
                .collect(),
            roles: person
                .roles
                .iter()
                .map(|role| RoleDoc {
                    id: role.id,
                    group: role.group.clone(),
                    name: role.name.clone(),
                })
                .collect(),
            admin: person.flags.admin && !person.flags.sub_admin,
            sub_admin: person.flags.sub_admin,
            boss: person.flags.boss,
            hides_mobile: person.flags.hide_mobile,
            inactive: !person.flags.active,
            external: person.external,
        }
    }

    /// What would be wrong with this person in a company with these departments.
    pub(crate) fn mistake(&self, known: impl Fn(i64) -> bool) -> Option<String> {
        if self.user_id.is_empty() {
            return Some("a person's userId is empty".to_owned());
        }
        self.departments
            .iter()
            .chain(&self.leads)
            .find(|id| !known(**id))
            .map(|id| format!("person {}: there is no department {id}", self.user_id))
    }

    pub(crate) fn into_person(self) -> Person {
        let mut person = Person::new(self.user_id, self.name)
            .english_name(self.english_name)
            .mobile(self.mobile)
            .email(self.email)
            .login_email(self.login_email)
            .org_email(self.org_email)
            .avatar(self.avatar)
            .title(self.title)
            .job_number(self.job_number)
            .desk(self.telephone, self.work_place, self.remark)
            .extension(self.extension)
            .manager(self.manager);
        if let Some(union_id) = self.union_id {
            person = person.union_id(union_id);
        }
        let only_led = self.leads.iter().filter(|id| !self.departments.contains(id));
        for id in self.departments.iter().chain(only_led) {
            person =
                if self.leads.contains(id) { person.leads(*id) } else { person.department(*id) };
        }
        for role in self.roles {
            person = person.role(role.id, role.group, role.name);
        }
        for (is, so) in [
            (self.sub_admin, Person::sub_admin as fn(Person) -> Person),
            (self.admin, Person::admin),
            (self.boss, Person::boss),
            (self.hides_mobile, Person::hides_mobile),
            (self.inactive, Person::inactive),
        ] {
            if is {
                person = so(person);
            }
        }
        Person { hired_ms: self.hired_ms, external: self.external, ..person }
    }
}

impl ScopeDoc {
    pub(crate) fn of(scope: &ContactScope) -> Self {
        Self { departments: scope.departments.clone(), users: scope.users.clone() }
    }
}

impl From<ScopeDoc> for ContactScope {
    fn from(doc: ScopeDoc) -> Self {
        Self { departments: doc.departments, users: doc.users }
    }
}

impl DepartmentDoc {
    pub(crate) fn of(department: &Department) -> Self {
        Self {
            id: department.id,
            name: department.name.clone(),
            english_name: department.name_en.clone(),
            parent: department.parent,
            managers: department.managers.clone(),
        }
    }

    /// What would be wrong with this department in a company with these others.
    pub(crate) fn mistake(&self, known: impl Fn(i64) -> bool) -> Option<String> {
        let Self { id, parent, .. } = self;
        if *id < ROOT {
            return Some(format!("department {id}: an id is 1 (the root) or more"));
        }
        if *id != ROOT && (id == parent || !known(*parent)) {
            return Some(format!(
                "department {id}: there is no department {parent} to be its parent"
            ));
        }
        None
    }

    pub(crate) fn into_department(self) -> Department {
        Department {
            name_en: self.english_name,
            managers: self.managers,
            ..Department::new(self.id, self.name, self.parent)
        }
    }
}

impl AppDoc {
    /// With its secrets only where they are asked for.
    pub(crate) fn of(app: &App, reveal: bool) -> Self {
        let secret = |text: &str| Some(text.to_owned()).filter(|_| reveal);
        Self {
            client_id: app.client_id.to_string(),
            client_secret: secret(&app.client_secret),
            kind: match app.kind {
                AppKind::Internal => KindDoc::Internal,
                AppKind::ThirdParty => KindDoc::ThirdParty,
                AppKind::Custom => KindDoc::Custom,
            },
            corp_id: app.corp_id.as_deref().map(str::to_owned),
            agent_id: Some(app.agent_id),
            name: Some(app.name.clone()),
            requested: app.requested.clone(),
            granted: BTreeSet::new(),
            granted_in: app
                .granted
                .iter()
                .map(|(corp, points)| (corp.to_string(), points.clone()))
                .collect(),
            grant_everything: false,
            redirect_uris: app.redirects.clone(),
            contact_scope: app.contact_scope.as_ref().map(ScopeDoc::of),
            disabled: app.dead,
            suite_ticket: secret(&app.suite_ticket).filter(|ticket| !ticket.is_empty()),
            opened_by: app.opened_by.clone(),
        }
    }

    /// The same as a third-party app.
    pub(crate) fn of_third_party(self) -> Self {
        Self { kind: KindDoc::ThirdParty, ..self }
    }

    /// The organizations that it names.
    pub(crate) fn corps(&self) -> impl Iterator<Item = &str> {
        let names = self.corp_id.iter().chain(&self.opened_by).chain(self.granted_in.keys());
        names.map(String::as_str)
    }

    /// What is wrong with this app by itself.
    pub(crate) fn mistake(&self) -> Option<String> {
        if self.client_id.is_empty() {
            return Some("an app's clientId is empty".to_owned());
        }
        if self.client_secret.as_deref().is_none_or(str::is_empty) {
            return Some(format!("app {}: clientSecret is missing", self.client_id));
        }
        self.requested
            .iter()
            .chain(&self.granted)
            .chain(self.granted_in.values().flatten())
            .find_map(|point| unknown_point(point))
            .map(|mistake| format!("app {}: {mistake}", self.client_id))
    }

    pub(crate) fn into_app(self) -> App {
        let secret = self.client_secret.unwrap_or_default();
        let mut app = match self.kind {
            KindDoc::Internal => App::internal(self.client_id, secret),
            KindDoc::ThirdParty => App::third_party(self.client_id, secret),
            KindDoc::Custom => App::custom(self.client_id, secret),
        };
        app.corp_id = self.corp_id.map(Arc::from);
        app.agent_id = self.agent_id.unwrap_or(0);
        app.requested = self.requested;
        for (corp, points) in self.granted_in {
            app.requested.extend(points.iter().cloned());
            app.granted.insert(Arc::from(corp), points);
        }
        app.redirects = self.redirect_uris;
        app.contact_scope = self.contact_scope.map(ContactScope::from);
        app.dead = self.disabled;
        app.suite_ticket = self.suite_ticket.unwrap_or_default();
        app.opened_by = self.opened_by;
        if let Some(name) = self.name {
            app.name = name;
        }
        if self.grant_everything {
            app = app.grant_everything();
        }
        self.granted.into_iter().fold(app, App::grant)
    }
}

/// Says which permission point is none of the catalogue's.
pub(crate) fn unknown_point(code: &str) -> Option<String> {
    points::find(code).is_none().then(|| format!("there is no permission point {code:?}"))
}

/// The departments of a company, parents before children, so that they can be added in this order.
pub(crate) fn departments_of(company: &Company) -> Vec<DepartmentDoc> {
    let mut order = vec![ROOT];
    let mut at = 0;
    while let Some(id) = order.get(at).copied() {
        order.extend(company.children(id));
        at += 1;
    }
    order.iter().filter_map(|id| company.departments.get(id)).map(DepartmentDoc::of).collect()
}

fn root() -> i64 {
    ROOT
}

#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_false(flag: &bool) -> bool {
    !flag
}
