//! A company from a file: read whole, checked whole, and only then used.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::apps::App;
use crate::company::{Department, Person, ROOT};
use crate::demo;
use crate::documents::{AppDoc, DepartmentDoc, PersonDoc, SwitchesDoc};
use crate::switches::Switch;

/// Departments, people, apps with their grants, and switches, from TOML or JSON. Give it to
/// [`Builder::fixture`](crate::Builder::fixture).
///
/// ```
/// use dingtalk_sandbox::{Fixture, Sandbox};
///
/// let fixture = Fixture::from_toml(r#"
///     demo = false            # leave the demo company's people and apps out
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
    pub(crate) departments: Vec<Department>,
    pub(crate) people: Vec<Person>,
    pub(crate) apps: Vec<App>,
    pub(crate) switches: Vec<Switch>,
}

/// What is wrong with a fixture; nothing of it was used.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FixtureError {
    /// The file, if it came from one.
    pub file: Option<PathBuf>,
    /// The line, counted from 1, where the mistake is one of spelling or form.
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
    departments: Vec<DepartmentDoc>,
    #[serde(default)]
    people: Vec<PersonDoc>,
    #[serde(default)]
    apps: Vec<AppDoc>,
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
        Self::checked(doc)
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
        Self::checked(doc)
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
        std::fs::read_to_string(path)
            .map_err(|error| mistake(None, &format!("cannot be read: {error}")))
            .and_then(|text| read(&text))
            .map_err(|error| FixtureError { file: Some(path.to_owned()), ..error })
    }

    /// The client id of the first app, to be shown where the demo's would be.
    #[must_use]
    pub fn first_app(&self) -> Option<&str> {
        self.apps.first().map(|app| &*app.client_id)
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

    fn checked(doc: FixtureDoc) -> Result<Self, FixtureError> {
        let wrong = |message: String| mistake(None, &message);
        let mut departments: HashSet<i64> = HashSet::from([ROOT]);
        if doc.demo {
            departments.extend(demo::departments().iter().map(|department| department.id));
        }
        let mut own = HashSet::new();
        for department in &doc.departments {
            if !own.insert(department.id) {
                return Err(wrong(format!("department {} is there twice", department.id)));
            }
            // In order, so that a ring of parents cannot be written down.
            if let Some(text) = department.mistake(|id| departments.contains(&id)) {
                return Err(wrong(format!("{text} (parents stand before their children)")));
            }
            departments.insert(department.id);
        }
        let (mut users, mut mobiles) = (HashSet::new(), HashSet::new());
        for person in &doc.people {
            if let Some(text) = person.mistake(|id| departments.contains(&id)) {
                return Err(wrong(text));
            }
            if !users.insert(person.user_id.as_str()) {
                return Err(wrong(format!("person {} is there twice", person.user_id)));
            }
            if !person.mobile.is_empty() && !mobiles.insert(person.mobile.as_str()) {
                return Err(wrong(format!(
                    "person {}: somebody else has this mobile number",
                    person.user_id
                )));
            }
        }
        let mut clients = HashSet::new();
        for app in &doc.apps {
            if let Some(text) = app.mistake() {
                return Err(wrong(text));
            }
            if !clients.insert(app.client_id.as_str()) {
                return Err(wrong(format!("app {} is there twice", app.client_id)));
            }
        }
        if let Some(text) = doc.switches.mistake() {
            return Err(wrong(text));
        }
        Ok(Self {
            demo: doc.demo,
            departments: doc.departments.into_iter().map(DepartmentDoc::into_department).collect(),
            people: doc.people.into_iter().map(PersonDoc::into_person).collect(),
            apps: doc.apps.into_iter().map(AppDoc::into_app).collect(),
            switches: doc.switches.switches(),
        })
    }
}

fn mistake(line: Option<usize>, message: &str) -> FixtureError {
    FixtureError { file: None, line, message: message.trim().to_owned() }
}

fn yes() -> bool {
    true
}
