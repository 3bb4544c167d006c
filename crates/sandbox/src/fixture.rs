//! A company from a file: read whole, checked whole, and only then used.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::string::FromUtf8Error;
use std::sync::Arc;

use serde::Deserialize;

use crate::apps::{App, AppKind};
use crate::company::{Department, Person, ROOT};
use crate::demo;
use crate::documents::{
    AppDoc, AuthorizationDoc, DepartmentDoc, OrganizationDoc, PersonDoc, SubscriptionDoc,
    SwitchesDoc,
};
use crate::hosts::Region;
use crate::platform::Platform;
use crate::rng::Rng;
use crate::switches::Switch;

/// Departments, people, apps with their grants, third-party apps, the organizations that opened them, callbacks and
/// switches, from TOML or JSON. Give it to [`Builder::fixture`](crate::Builder::fixture).
///
/// ```
/// use dingtalk_sandbox::{Fixture, Sandbox};
///
/// let fixture = Fixture::from_toml(r#"
///     demo = false            # leave the demo company's people and apps out
///     region = "international" # the organization is at dingtalk.io; china if left out
///
///     [[departments]]
///     id = 7
///     name = "研发"
///
///     [[people]]
///     userId = "u-li"
///     name = "李雷"
///     mobile = "13800000001"
///     departments = [7]
///
///     [[apps]]
///     clientId = "dingpayroll"
///     clientSecret = "its-secret"
///     granted = ["qyapi_get_member"]
///
///     [[organizations]]       # beside the first one
///     corpId = "dingcustomer"
///     name = "客户公司"
///     people = [{ userId = "boss", name = "Boss", admin = true }]
///
///     [[suites]]
///     clientId = "suitemine"
///     clientSecret = "its-secret"
///     requested = ["qyapi_get_member"]
///
///     [[authorizations]]      # all points and everybody, if nothing else is said
///     suiteKey = "suitemine"
///     corpId = "dingcustomer"
///     contactScope = { departments = [1] }
///
///     [[callbacks]]           # not asked before the first event
///     clientId = "suitemine"
///     url = "http://127.0.0.1:9000/callback"
///     token = "mytoken"
///     aesKey = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
///
///     [switches]
///     strictPost = true
/// "#)?;
/// let sandbox = Sandbox::builder().fixture(fixture).in_process();
/// # let _ = sandbox;
/// # Ok::<(), dingtalk_sandbox::FixtureError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Fixture {
    pub(crate) demo: bool,
    pub(crate) region: Region,
    pub(crate) departments: Vec<Department>,
    pub(crate) people: Vec<Person>,
    pub(crate) apps: Vec<App>,
    pub(crate) switches: Vec<Switch>,
    organizations: Vec<OrganizationDoc>,
    authorizations: Vec<AuthorizationDoc>,
    callbacks: Vec<SubscriptionDoc>,
}

/// What is wrong with a fixture; nothing of it was used.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FixtureError {
    /// The file, if it came from one.
    pub file: Option<PathBuf>,
    /// The line, counted from 1: where the mistake is, or where what it concerns is named.
    pub line: Option<usize>,
    /// What is wrong.
    pub message: String,
}

impl std::fmt::Display for FixtureError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{}:", file.display())?;
        }
        if let Some(line) = self.line {
            write!(f, "{line}:")?;
        }
        if self.file.is_some() || self.line.is_some() {
            f.write_str(" ")?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for FixtureError {}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct FixtureDoc {
    #[serde(default = "yes")]
    demo: bool,
    #[serde(default)]
    region: Region,
    #[serde(default)]
    departments: Vec<DepartmentDoc>,
    #[serde(default)]
    people: Vec<PersonDoc>,
    #[serde(default)]
    apps: Vec<AppDoc>,
    /// Apps whose kind need not be said.
    #[serde(default)]
    suites: Vec<AppDoc>,
    #[serde(default)]
    organizations: Vec<OrganizationDoc>,
    #[serde(default)]
    authorizations: Vec<AuthorizationDoc>,
    #[serde(default)]
    callbacks: Vec<SubscriptionDoc>,
    #[serde(default)]
    switches: SwitchesDoc,
}

impl Fixture {
    /// Reads TOML.
    ///
    /// # Errors
    ///
    /// With the line where the text is no TOML or has a field that nobody knows, and with the name of the person,
    /// department or app that does not fit the others.
    pub fn from_toml(text: &str) -> Result<Self, FixtureError> {
        let doc = toml::from_str::<FixtureDoc>(text).map_err(|error| {
            let line = error.span().map(|span| {
                1 + text.bytes().take(span.start).filter(|byte| *byte == b'\n').count()
            });
            mistake(line, error.message())
        })?;
        Self::checked(doc).map_err(|error| located(error, text))
    }

    /// Reads JSON.
    ///
    /// # Errors
    ///
    /// As [`from_toml`](Self::from_toml).
    pub fn from_json(text: &str) -> Result<Self, FixtureError> {
        let doc = serde_json::from_str::<FixtureDoc>(text).map_err(|error| {
            let said = error.to_string();
            // The place is a field of its own here.
            let message = said.split(" at line ").next().unwrap_or_default();
            mistake(Some(error.line()).filter(|line| *line > 0), message)
        })?;
        Self::checked(doc).map_err(|error| located(error, text))
    }

    /// Reads a file, as JSON or TOML by the end of its name.
    ///
    /// # Errors
    ///
    /// As [`from_toml`](Self::from_toml), and when the file cannot be read or has another ending.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, FixtureError> {
        let path = path.as_ref();
        let read: fn(&str) -> Result<Self, FixtureError> =
            match path.extension().and_then(|ending| ending.to_str()) {
                Some("toml") => Self::from_toml,
                Some("json") => Self::from_json,
                _ => {
                    let error = mistake(None, "a fixture's name ends in .toml or .json");
                    return Err(FixtureError { file: Some(path.to_owned()), ..error });
                }
            };
        std::fs::read(path)
            .map_err(|error| mistake(None, &format!("cannot be read: {error}")))
            .and_then(|bytes| String::from_utf8(bytes).map_err(|error| not_text(&error)))
            .and_then(|text| read(&text))
            .map_err(|error| FixtureError { file: Some(path.to_owned()), ..error })
    }

    /// The client id of the first app, to be shown where the demo's would be.
    #[must_use]
    pub fn first_app(&self) -> Option<&str> {
        self.apps.first().map(|app| &*app.client_id)
    }

    /// The suite key of the first third-party app.
    #[must_use]
    pub fn first_suite(&self) -> Option<&str> {
        let mut suites = self.apps.iter().filter(|app| app.kind == AppKind::ThirdParty);
        suites.next().map(|app| &*app.client_id)
    }

    /// The user id of the first person.
    #[must_use]
    pub fn first_person(&self) -> Option<&str> {
        self.people.first().map(|person| &*person.user_id)
    }

    /// Whether the demo company's people and apps stay.
    #[must_use]
    pub fn keeps_demo(&self) -> bool {
        self.demo
    }

    fn checked(mut doc: FixtureDoc) -> Result<Self, FixtureError> {
        let suites = std::mem::take(&mut doc.suites);
        doc.apps.extend(suites.into_iter().map(AppDoc::of_third_party));
        let wrong = |message: String| mistake(None, &message);
        let mut departments: HashSet<i64> = HashSet::from([ROOT]);
        if doc.demo {
            departments.extend(demo::departments().iter().map(|department| department.id));
        }
        members_fit(&doc.departments, &doc.people, departments).map_err(wrong)?;
        let mut corps = HashSet::from([demo::CORP_ID]);
        for organization in &doc.organizations {
            let corp = organization.corp_id.as_str();
            if corp.is_empty() {
                return Err(wrong("an organization's corpId is empty".to_owned()));
            }
            if !corps.insert(corp) {
                return Err(wrong(format!("organization {corp} is there twice")));
            }
            members_fit(&organization.departments, &organization.people, HashSet::from([ROOT]))
                .map_err(|text| wrong(format!("{text} (in organization {corp})")))?;
        }
        let mut clients = HashSet::new();
        for app in &doc.apps {
            if let Some(text) = app.mistake() {
                return Err(wrong(text));
            }
            if !clients.insert(app.client_id.as_str()) {
                return Err(wrong(format!("app {} is there twice", app.client_id)));
            }
            if let Some(corp) = app.corps().find(|corp| !corps.contains(corp)) {
                let text = format!("app {}: there is no organization {corp}", app.client_id);
                return Err(wrong(text));
            }
        }
        if let Some(text) = doc.switches.mistake() {
            return Err(wrong(text));
        }
        let fixture = Self {
            demo: doc.demo,
            region: doc.region,
            departments: doc.departments.into_iter().map(DepartmentDoc::into_department).collect(),
            people: doc.people.into_iter().map(PersonDoc::into_person).collect(),
            apps: doc.apps.into_iter().map(AppDoc::into_app).collect(),
            switches: doc.switches.switches(),
            organizations: doc.organizations,
            authorizations: doc.authorizations,
            callbacks: doc.callbacks,
        };
        // Whatever only shows when it is put together shows here, and nobody uses this platform.
        let mut trial = Platform::new(demo::CORP_ID, Rng::from_seed(0));
        let company = demo::empty_company();
        trial.companies.insert(Arc::clone(&company.corp_id), company);
        if fixture.demo {
            demo::furnish(&mut trial);
        }
        for app in &fixture.apps {
            trial.add_app(app.clone());
        }
        fixture.furnish_vendors(&mut trial, 0).map_err(wrong)?;
        Ok(fixture)
    }

    fn furnish_organizations(&self, platform: &mut Platform) {
        for organization in &self.organizations {
            platform.add_company(&organization.corp_id, &organization.name);
            let Some(company) = platform.companies.get_mut(organization.corp_id.as_str()) else {
                continue;
            };
            for department in &organization.departments {
                company.add_department(department.clone().into_department());
            }
            for person in &organization.people {
                company.add_person(person.clone().into_person());
            }
        }
    }

    /// Adds the other organizations, what they agreed with vendors, and who is told of events. Callbacks are not asked first, for what
    /// answers them may start later.
    pub(crate) fn furnish_vendors(&self, platform: &mut Platform, now: u64) -> Result<(), String> {
        self.furnish_organizations(platform);
        for doc in &self.authorizations {
            let (suite, corp) = (doc.suite_key.as_str(), doc.corp_id.as_str());
            let said = |text: String| format!("authorization {suite}: {text}");
            let terms = doc.terms().map_err(said)?;
            platform.opened(suite, corp, &terms).map_err(said)?;
            platform.set_stopped(suite, corp, doc.stopped);
        }
        for doc in &self.callbacks {
            platform.install_unasked(doc, now)?;
        }
        Ok(())
    }
}

fn members_fit(
    departments: &[DepartmentDoc],
    people: &[PersonDoc],
    mut known: HashSet<i64>,
) -> Result<(), String> {
    let mut own = HashSet::new();
    for department in departments {
        if !own.insert(department.id) {
            return Err(format!("department {} is there twice", department.id));
        }
        // In order, so that a ring of parents cannot be written down.
        if let Some(text) = department.mistake(|id| known.contains(&id)) {
            return Err(format!("{text} (parents stand before their children)"));
        }
        known.insert(department.id);
    }
    let (mut users, mut mobiles) = (HashSet::new(), HashSet::new());
    for person in people {
        if let Some(text) = person.mistake(|id| known.contains(&id)) {
            return Err(text);
        }
        if !users.insert(person.user_id.as_str()) {
            return Err(format!("person {} is there twice", person.user_id));
        }
        if !person.mobile.is_empty() && !mobiles.insert(person.mobile.as_str()) {
            return Err(format!("person {}: somebody else has this mobile number", person.user_id));
        }
    }
    Ok(())
}

/// Adds the line that names what the mistake is about: a message begins with its kind and id, and what is there twice
/// is wrong the second time.
fn located(error: FixtureError, text: &str) -> FixtureError {
    let mut words = error.message.split([' ', ':']);
    let (key, id, section) = match words.next() {
        Some("person") => ("userId", words.next(), ""),
        Some("department") => ("id", words.next(), ""),
        Some("app") => ("clientId", words.next(), ""),
        Some("organization") => ("corpId", words.next(), ""),
        Some("authorization") => ("suiteKey", words.next(), "authorizations"),
        Some("callback") => ("clientId", words.nth(1), "callbacks"),
        _ => return error,
    };
    let Some(id) = id.filter(|id| !id.is_empty()) else { return error };
    let quoted = format!("\"{id}\"");
    let number = key == "id";
    let named = |line: &str| {
        let mut words = line.split(|char: char| !char.is_alphanumeric());
        line.contains(key) && if number { words.any(|it| it == id) } else { line.contains(&quoted) }
    };
    let lines = text.lines().enumerate().skip_while(|(_, line)| !line.contains(section));
    let mut found = lines.filter(|(_, line)| named(line));
    let twice = error.message.contains("is there twice");
    let line = if twice { found.nth(1) } else { found.next() };
    FixtureError { line: line.map(|(at, _)| at + 1), ..error }
}

fn not_text(error: &FromUtf8Error) -> FixtureError {
    let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
    let line = 1 + good.iter().filter(|byte| **byte == b'\n').count();
    mistake(Some(line), "this is no UTF-8 text")
}

fn mistake(line: Option<usize>, message: &str) -> FixtureError {
    FixtureError { file: None, line, message: message.trim().to_owned() }
}

fn yes() -> bool {
    true
}
