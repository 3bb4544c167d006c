//! The whole state as one text, and back.

mod diff;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::api::jsapi::Tickets;
use crate::api::todo::Todos;
use crate::apps::{Agent, App, Permanent};
use crate::clock::Clock;
use crate::codes::Codes;
use crate::company::{Company, Person};
use crate::documents::{AppDoc, DepartmentDoc, PersonDoc, ScopeDoc, SwitchesDoc, departments_of};
use crate::events::OutboxDoc;
use crate::hosts::Region;
use crate::limits::Limits;
use crate::pages::Pages;
use crate::platform::Platform;
use crate::switches::Switches;
use crate::tokens::Tokens;

pub use diff::Change;

const FORMAT: &str = "dingtalk-sandbox snapshot";
/// Goes up with every change that an older or newer sandbox would misread.
const VERSION: u32 = 2;
/// The oldest version that still says what it means: one without callbacks and agents.
const OLDEST: u32 = 1;

/// Why a snapshot is refused; nothing was changed.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SnapshotError {
    /// The text is something else.
    NotOne,
    /// It was written in another version of the format.
    Version {
        /// The version that it names.
        found: u32,
    },
    /// It ends before its end, as a file does that was being written in a crash.
    Cut,
    /// It is a snapshot of this version and yet not to be read.
    Broken {
        /// What the reader stumbled over.
        detail: String,
    },
}

impl std::fmt::Display for SnapshotError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotOne => f.write_str("this is no snapshot of a sandbox"),
            Self::Version { found } => write!(
                f,
                "this snapshot is of version {found}, and this sandbox reads versions {OLDEST} to {VERSION}"
            ),
            Self::Cut => f.write_str("this snapshot ends in the middle: it was only half-written"),
            Self::Broken { detail } => write!(f, "this snapshot cannot be read: {detail}"),
        }
    }
}

impl std::error::Error for SnapshotError {}

#[derive(Deserialize)]
struct Head {
    #[serde(default)]
    format: String,
    #[serde(default)]
    version: u32,
}

/// A snapshot on its way in or out; the way out borrows the parts that are kept as they are.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Document<Tok, Cod, Tic, Tod, Con> {
    format: String,
    version: u32,
    clock: ClockDoc,
    /// How far the random streams are.
    drawn: (u64, u64),
    home: Arc<str>,
    companies: Vec<CompanyDoc>,
    apps: Vec<AppDoc>,
    #[serde(default)]
    seats: Vec<SeatDoc>,
    #[serde(default)]
    outbox: OutboxDoc,
    switches: SwitchesDoc,
    consents: Con,
    tokens: Tok,
    codes: Cod,
    tickets: Tic,
    todos: Tod,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ClockDoc {
    now_ms: u64,
    frozen: bool,
    speed: f64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CompanyDoc {
    corp_id: String,
    name: String,
    sso_secret: String,
    #[serde(default)]
    region: Region,
    departments: Vec<DepartmentDoc>,
    people: Vec<PersonDoc>,
    /// Of each person's departments, in the same order.
    #[serde(default)]
    orders: Vec<Vec<i64>>,
    #[serde(default)]
    next_order: Option<i64>,
}

/// What organizations made of an app.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SeatDoc {
    client_id: String,
    app_id: i64,
    agents: BTreeMap<String, Agent>,
    scopes: BTreeMap<String, ScopeDoc>,
    permanent: BTreeMap<String, Permanent>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ConsentDoc {
    pub(crate) client_id: Arc<str>,
    pub(crate) union_id: Arc<str>,
    pub(crate) points: BTreeSet<String>,
}

/// A snapshot that was read whole.
pub(crate) struct Read(Box<Document<Tokens, Codes, Tickets, Todos, Vec<ConsentDoc>>>);

/// Writes everything down.
pub(crate) fn text(platform: &Platform, clock: &Clock) -> String {
    let (now_ms, frozen, speed) = clock.reading();
    let mut apps: Vec<AppDoc> = platform.apps.values().map(|app| AppDoc::of(app, true)).collect();
    apps.sort_unstable_by(|one, two| one.client_id.cmp(&two.client_id));
    let document = Document {
        format: FORMAT.to_owned(),
        version: VERSION,
        clock: ClockDoc { now_ms, frozen, speed },
        drawn: platform.rng.position(),
        home: Arc::clone(&platform.home),
        companies: platform.companies.values().map(CompanyDoc::of).collect(),
        apps,
        seats: SeatDoc::all(platform),
        outbox: platform.outbox.document(),
        switches: SwitchesDoc::of(&platform.switches),
        consents: consents_of(platform),
        tokens: &platform.tokens,
        codes: &platform.codes,
        tickets: &platform.tickets,
        todos: &platform.todos,
    };
    // Texts, numbers and maps with text keys: nothing in it can fail to be JSON.
    serde_json::to_string(&document).unwrap_or_default()
}

/// What people granted, in a stable order.
pub(crate) fn consents_of(platform: &Platform) -> Vec<ConsentDoc> {
    let mut consents: Vec<ConsentDoc> = platform
        .consents
        .iter()
        .filter(|(_, points)| !points.is_empty())
        .map(|((client_id, union_id), points)| ConsentDoc {
            client_id: Arc::clone(client_id),
            union_id: Arc::clone(union_id),
            points: points.clone(),
        })
        .collect();
    consents.sort_unstable_by(|one, two| {
        (&one.client_id, &one.union_id).cmp(&(&two.client_id, &two.union_id))
    });
    consents
}

/// Reads a text whole before anything is done with it.
pub(crate) fn read(text: &str, leave_machine: bool) -> Result<Read, SnapshotError> {
    let head: Head = serde_json::from_str(text).map_err(|error| {
        if error.is_eof() && text.trim_start().starts_with('{') {
            SnapshotError::Cut
        } else {
            SnapshotError::NotOne
        }
    })?;
    if head.format != FORMAT {
        return Err(SnapshotError::NotOne);
    }
    if !(OLDEST..=VERSION).contains(&head.version) {
        return Err(SnapshotError::Version { found: head.version });
    }
    let broken = |detail: String| SnapshotError::Broken { detail };
    let document: Document<Tokens, Codes, Tickets, Todos, Vec<ConsentDoc>> =
        serde_json::from_str(text).map_err(|error| broken(error.to_string()))?;
    if !document.companies.iter().any(|company| *company.corp_id == *document.home) {
        return Err(broken(format!("there is no organization {}", document.home)));
    }
    if let Some(mistake) = document.apps.iter().find_map(AppDoc::mistake) {
        return Err(broken(mistake));
    }
    if let Some(mistake) = document.outbox.mistake(leave_machine) {
        return Err(broken(mistake));
    }
    Ok(Read(Box::new(document)))
}

impl Read {
    pub(crate) fn take_over(self, platform: &mut Platform, clock: &Clock) {
        let document = *self.0;
        let ClockDoc { now_ms, frozen, speed } = document.clock;
        clock.adopt((now_ms, frozen, speed));
        platform.rng.skip_to(document.drawn);
        platform.home = document.home;
        platform.companies = document
            .companies
            .into_iter()
            .map(CompanyDoc::into_company)
            .map(|company| (Arc::clone(&company.corp_id), company))
            .collect();
        platform.apps = HashMap::new();
        for app in document.apps {
            platform.add_app(app.into_app());
        }
        for seat in document.seats {
            if let Some(app) = platform.apps.get_mut(seat.client_id.as_str()) {
                seat.take(app);
            }
        }
        let Platform { outbox, apps, .. } = platform;
        outbox.take_over(document.outbox, |client| apps.get(client));
        platform.switches = Switches::default();
        for switch in document.switches.switches() {
            platform.switches.set(&switch);
        }
        platform.consents = document
            .consents
            .into_iter()
            .map(|consent| ((consent.client_id, consent.union_id), consent.points))
            .collect();
        platform.tokens = document.tokens;
        platform.codes = document.codes;
        platform.tickets = document.tickets;
        platform.todos = document.todos;
        // Open login pages and the last second's calls belong to the state that is gone.
        platform.pages = Pages::default();
        platform.limits = Limits::default();
    }
}

/// What differs between two snapshots; the first one is from outside.
pub(crate) fn changes(
    before: &str,
    after: &str,
    leave_machine: bool,
    print: impl Fn(&str) -> String,
) -> Result<Vec<Change>, SnapshotError> {
    read(before, leave_machine)?;
    let tree = |text: &str| {
        serde_json::from_str(text)
            .map_err(|error| SnapshotError::Broken { detail: error.to_string() })
    };
    Ok(diff::between(&tree(before)?, &tree(after)?, print))
}

/// Writes beside the file and then takes its place.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let name = path
        .file_name()
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "this is no file name"))?;
    let mut beside = name.to_owned();
    beside.push(format!(".{}.new", std::process::id()));
    let beside = path.with_file_name(beside);
    let written = write_private(&beside, bytes).and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        // Nobody needs the half; the error that counts is the first one.
        let _ = fs::remove_file(&beside);
    }
    written
}

fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // What is left of a crash may be open to others, or lead elsewhere; a new file does neither.
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

impl SeatDoc {
    fn all(platform: &Platform) -> Vec<Self> {
        let mut all: Vec<Self> = platform.apps.values().map(Self::of).collect();
        all.sort_unstable_by(|one, two| one.client_id.cmp(&two.client_id));
        all
    }

    fn of(app: &App) -> Self {
        Self {
            client_id: app.client_id.to_string(),
            app_id: app.app_id,
            agents: app.agents.iter().map(|(corp, agent)| (corp.clone(), *agent)).collect(),
            scopes: app
                .scopes
                .iter()
                .map(|(corp, scope)| (corp.clone(), ScopeDoc::of(scope)))
                .collect(),
            permanent: app.permanent.clone(),
        }
    }

    fn take(self, app: &mut App) {
        app.app_id = self.app_id;
        app.agents = self.agents.into_iter().collect();
        app.scopes = self.scopes.into_iter().map(|(corp, scope)| (corp, scope.into())).collect();
        app.permanent = self.permanent;
    }
}

impl CompanyDoc {
    fn of(company: &Company) -> Self {
        Self {
            corp_id: company.corp_id.to_string(),
            name: company.name.clone(),
            sso_secret: company.sso_secret.clone(),
            region: company.region,
            departments: departments_of(company),
            people: company.everybody().map(PersonDoc::of).collect(),
            orders: company.everybody().map(Person::orders).collect(),
            next_order: Some(company.next_order()),
        }
    }

    fn into_company(self) -> Company {
        let mut company = Company::new(&self.corp_id, &self.name, &self.sso_secret);
        company.region = self.region;
        for department in self.departments {
            company.add_department(department.into_department());
        }
        for person in self.people {
            company.add_person(person.into_person());
        }
        company.set_orders(&self.orders, self.next_order);
        company
    }
}

/// Maps whose keys are no texts, as lists of pairs.
pub(crate) mod pairs {
    use std::collections::HashMap;
    use std::hash::Hash;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<K: Serialize, V: Serialize, S: Serializer>(
        map: &HashMap<K, V>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_seq(map)
    }

    pub(crate) fn deserialize<'de, K, V, D>(from: D) -> Result<HashMap<K, V>, D::Error>
    where
        K: Deserialize<'de> + Eq + Hash,
        V: Deserialize<'de>,
        D: Deserializer<'de>,
    {
        Ok(Vec::<(K, V)>::deserialize(from)?.into_iter().collect())
    }
}
