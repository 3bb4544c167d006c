//! Setting up a sandbox before it starts.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::apps::App;
use crate::clock::Clock;
use crate::company::{Department, Person};
use crate::fixture::Fixture;
use crate::hosts::Region;
use crate::journal::{Entry, Journal, Listener};
use crate::platform::Platform;
use crate::population::populate;
use crate::rng::Rng;
use crate::switches::Switch;
use crate::tls::{BadTls, Tls};
use crate::{Sandbox, Shared, demo};

/// A sandbox to be; see [`Sandbox::builder`].
#[derive(Default)]
pub struct Builder {
    plan: Plan,
    bind: Option<IpAddr>,
    port: u16,
    https: bool,
    bad_tls: Option<BadTls>,
    journal_limit: Option<usize>,
    listener: Option<Listener>,
}

/// What the sandbox starts with, kept so that it can go back there.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    empty: bool,
    seed: Option<u64>,
    frozen_at: Option<u64>,
    speed: Option<f64>,
    population: usize,
    fixture: Option<Fixture>,
    switches: Vec<Switch>,
    departments: Vec<Department>,
    people: Vec<Person>,
    apps: Vec<App>,
    remote_callbacks: bool,
    callback_limit: Option<Duration>,
    region: Option<Region>,
}

impl Builder {
    /// Leaves the demo company's departments, people and apps out; the organization itself, with its id and its root
    /// department, stays.
    #[must_use]
    pub fn empty(mut self) -> Self {
        self.plan.empty = true;
        self
    }

    /// Sets a switch.
    #[must_use]
    pub fn switch(mut self, switch: Switch) -> Self {
        self.plan.switches.push(switch);
        self
    }

    /// Starts with a clock that stands still at this moment, in milliseconds since 1970.
    #[must_use]
    pub fn frozen_at(mut self, unix_ms: u64) -> Self {
        self.plan.frozen_at = Some(unix_ms);
        self
    }

    /// Starts with a clock at this speed; see [`Clock::speed`].
    #[must_use]
    pub fn speed(mut self, times: f64) -> Self {
        self.plan.speed = Some(times);
        self
    }

    /// Makes tokens, codes and ids the same in every run. They are guessable then, which is the point.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.plan.seed = Some(seed);
        self
    }

    /// Adds so many made-up people in departments of about twenty-five. The [seed](Self::seed) decides who they are;
    /// without one they are still the same every time.
    #[must_use]
    pub fn population(mut self, people: usize) -> Self {
        self.plan.population = people;
        self
    }

    /// Adds what a file describes. It replaces what has the same id in the demo company, and what the other calls of
    /// this builder add replaces what it describes.
    #[must_use]
    pub fn fixture(mut self, fixture: Fixture) -> Self {
        self.plan.fixture = Some(fixture);
        self
    }

    /// Adds a department to the organization.
    #[must_use]
    pub fn department(mut self, department: Department) -> Self {
        self.plan.departments.push(department);
        self
    }

    /// Adds a person to the organization.
    #[must_use]
    pub fn person(mut self, person: Person) -> Self {
        self.plan.people.push(person);
        self
    }

    /// Adds an app.
    #[must_use]
    pub fn app(mut self, app: App) -> Self {
        self.plan.apps.push(app);
        self
    }

    /// Lets events be pushed to other machines. Without this call a callback must be on loopback, so that a test with a
    /// real address in its settings sends nothing there.
    #[must_use]
    pub fn allow_remote_callbacks(mut self) -> Self {
        self.plan.remote_callbacks = true;
        self
    }

    /// How long a callback may take to reply, in the machine's time: 2500 ms without this call, 1500 ms on older pages
    /// (wire-facts §10.1).
    #[must_use]
    pub fn callback_limit(mut self, limit: Duration) -> Self {
        self.plan.callback_limit = Some(limit);
        self
    }

    /// Puts the organization into a region; it is in [`Region::China`] without this call.
    #[must_use]
    pub fn region(mut self, region: Region) -> Self {
        self.plan.region = Some(region);
        self
    }

    /// Serves HTTPS instead of HTTP, TLS 1.3 and 1.2, HTTP/2 and HTTP/1.1, with a certificate for `localhost`, the loopback addresses and the
    /// platform's hosts. It comes from an authority of this sandbox alone, which clients are to be given:
    /// [`Sandbox::ca_certificate`]. It is dated by the machine's clock, not by the sandbox's.
    #[must_use]
    pub fn https(mut self) -> Self {
        self.https = true;
        self
    }

    /// As [`https`](Self::https), with something wrong in it that clients must refuse.
    #[must_use]
    pub fn bad_tls(mut self, bad: BadTls) -> Self {
        self.https = true;
        self.bad_tls = Some(bad);
        self
    }

    /// The address that [`start`](Self::start) listens on; 127.0.0.1 without this call. On any other than a loopback
    /// address the whole network can call the sandbox, whose secrets are no secrets: the control API stays guarded by
    /// its token, and answers to the address itself as `Host`, but to no name except `localhost`.
    #[must_use]
    pub fn bind(mut self, address: IpAddr) -> Self {
        self.bind = Some(address);
        self
    }

    /// The port that [`start`](Self::start) takes; 0, the default, takes a free one.
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

    /// Starts a server, on loopback if nothing else is said, in a thread of its own.
    ///
    /// # Errors
    ///
    /// When the port is taken, the address is not this machine's, or the machine gives no socket or thread.
    pub fn start(self) -> io::Result<Sandbox> {
        let bound = self.bind.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let tls = self.https.then(|| Tls::new(self.bad_tls, bound)).transpose()?;
        let address = SocketAddr::from((bound, self.port));
        Sandbox::serving(self.furnished(), address, tls)
    }

    /// A sandbox without a socket: requests go through [`Sandbox::handle`].
    #[must_use]
    pub fn in_process(self) -> Sandbox {
        Sandbox::unserved(self.furnished())
    }

    fn furnished(self) -> Shared {
        let mut rng = self.plan.rng();
        let journal = Journal::new(self.journal_limit.unwrap_or(10_000), &mut rng);
        if let Some(listener) = self.listener {
            journal.listen(listener);
        }
        let clock = self.plan.clock();
        let now = clock.now();
        Shared::new(self.plan.platform(rng, now), clock, journal, self.plan)
    }
}

impl Plan {
    /// The platform as it was at the start, with the same tokens to come if there is a seed.
    pub(crate) fn again(&self) -> Platform {
        let mut rng = self.rng();
        // The journal's key was the first thing drawn.
        let _ = rng.block();
        self.platform(rng, self.clock().now())
    }

    /// Puts the clock to where it was, or where it would be.
    pub(crate) fn wind(&self, clock: &Clock) {
        clock.adopt(self.clock().reading());
    }

    fn clock(&self) -> Clock {
        let clock = self.frozen_at.map_or_else(Clock::running, Clock::frozen_at);
        if let Some(times) = self.speed {
            clock.speed(times);
        }
        clock
    }

    fn rng(&self) -> Rng {
        self.seed.map_or_else(Rng::from_machine, Rng::from_seed)
    }

    fn platform(&self, rng: Rng, now: u64) -> Platform {
        let mut platform = Platform::new(demo::CORP_ID, rng);
        let company = demo::empty_company();
        platform.companies.insert(company.corp_id.clone(), company);
        if !self.empty && self.fixture.as_ref().is_none_or(|fixture| fixture.demo) {
            demo::furnish(&mut platform);
        }
        if let Some(company) = platform.home() {
            populate(company, self.population, self.seed.unwrap_or(0));
            let in_fixture = self.fixture.as_ref().map(|fixture| fixture.region);
            company.region = self.region.or(in_fixture).unwrap_or_default();
        }
        if let Some(fixture) = &self.fixture {
            let Fixture { departments, people, apps, switches, .. } = fixture;
            furnish(&mut platform, departments, people, apps, switches);
            // It was tried when the file was read.
            let _ = fixture.furnish_vendors(&mut platform, now);
        }
        platform.outbox.leave_machine = self.remote_callbacks;
        if let Some(limit) = self.callback_limit {
            platform.outbox.limit = limit;
        }
        furnish(&mut platform, &self.departments, &self.people, &self.apps, &self.switches);
        platform
    }
}

fn furnish(
    platform: &mut Platform,
    departments: &[Department],
    people: &[Person],
    apps: &[App],
    switches: &[Switch],
) {
    if let Some(company) = platform.home() {
        for department in departments {
            company.add_department(department.clone());
        }
        for person in people {
            company.add_person(person.clone());
        }
    }
    for app in apps {
        platform.add_app(app.clone());
    }
    for switch in switches {
        platform.switches.set(switch);
    }
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder")
            .field("plan", &self.plan)
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}
