//! Setting up a sandbox before it starts.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use crate::apps::App;
use crate::clock::Clock;
use crate::company::{Department, Person};
use crate::journal::{Entry, Journal, Listener};
use crate::platform::Platform;
use crate::rng::Rng;
use crate::switches::Switch;
use crate::{Sandbox, demo};

/// A sandbox to be; see [`Sandbox::builder`].
#[derive(Default)]
pub struct Builder {
    empty: bool,
    seed: Option<u64>,
    frozen_at: Option<u64>,
    port: u16,
    journal_limit: Option<usize>,
    switches: Vec<Switch>,
    departments: Vec<Department>,
    people: Vec<Person>,
    apps: Vec<App>,
    listener: Option<Listener>,
}

impl Builder {
    /// Leaves the demo company's departments, people and apps out; the organization itself, with its id and its root
    /// department, stays.
    #[must_use]
    pub fn empty(mut self) -> Self {
        self.empty = true;
        self
    }

    /// Sets a switch.
    #[must_use]
    pub fn switch(mut self, switch: Switch) -> Self {
        self.switches.push(switch);
        self
    }

    /// Starts with a clock that stands still at this moment, in milliseconds since 1970.
    #[must_use]
    pub fn frozen_at(mut self, unix_ms: u64) -> Self {
        self.frozen_at = Some(unix_ms);
        self
    }

    /// Makes tokens, codes and ids the same in every run. They are guessable then, which is the point.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Adds a department to the organization.
    #[must_use]
    pub fn department(mut self, department: Department) -> Self {
        self.departments.push(department);
        self
    }

    /// Adds a person to the organization.
    #[must_use]
    pub fn person(mut self, person: Person) -> Self {
        self.people.push(person);
        self
    }

    /// Adds an app.
    #[must_use]
    pub fn app(mut self, app: App) -> Self {
        self.apps.push(app);
        self
    }

    /// The port on loopback that [`start`](Self::start) takes; 0, the default, takes a free one.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// How many entries the journal keeps; 10,000 without this call. Counts go on past it.
    #[must_use]
    pub fn journal_limit(mut self, entries: usize) -> Self {
        self.journal_limit = Some(entries);
        self
    }

    /// Calls this with every entry of the journal, as it is written. It must not call the sandbox.
    #[must_use]
    pub fn on_request(mut self, listener: impl Fn(&Entry) + Send + 'static) -> Self {
        self.listener = Some(Box::new(listener));
        self
    }

    /// Starts a server on loopback, in a thread of its own.
    ///
    /// # Errors
    ///
    /// When the port is taken, or the machine gives no socket or thread.
    pub fn start(self) -> io::Result<Sandbox> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        let (platform, clock, journal) = self.furnished();
        Sandbox::serving(platform, clock, journal, address)
    }

    /// A sandbox without a socket: requests go through [`Sandbox::handle`].
    #[must_use]
    pub fn in_process(self) -> Sandbox {
        let (platform, clock, journal) = self.furnished();
        Sandbox::unserved(platform, clock, journal)
    }

    fn furnished(self) -> (Platform, Clock, Journal) {
        let mut rng = self.seed.map_or_else(Rng::from_machine, Rng::from_seed);
        let journal = Journal::new(self.journal_limit.unwrap_or(10_000), &mut rng);
        if let Some(listener) = self.listener {
            journal.listen(listener);
        }
        let clock = self.frozen_at.map_or_else(Clock::running, Clock::frozen_at);
        let mut platform = Platform::new(demo::CORP_ID, rng);
        let company = demo::empty_company();
        platform.companies.insert(company.corp_id.clone(), company);
        if !self.empty {
            demo::furnish(&mut platform);
        }
        if let Some(company) = platform.home() {
            for department in self.departments {
                company.add_department(department);
            }
            for person in self.people {
                company.add_person(person);
            }
        }
        for app in self.apps {
            platform.add_app(app);
        }
        for switch in &self.switches {
            platform.switches.set(switch);
        }
        (platform, clock, journal)
    }
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder")
            .field("empty", &self.empty)
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}
