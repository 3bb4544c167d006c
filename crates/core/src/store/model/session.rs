//! Single use: a person's refresh token, which the platform takes once.
//!
//! What a process does between two things that others can see is one step here; so are the
//! questions that [`Exchange`](crate::machine) asks, in its order: look and lock, announce,
//! present, settle. A version is a flag that says whether anybody has written since, which is all
//! that compare and swap knows of it. Processes are alike, so a state is kept with them in order.

mod steps;

use std::time::Duration;

use stateright::{Model, Property};

use crate::store::rules::{Fate, Kept};

/// The rule that processes obey: ours, and those that do not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    Ours,
    /// No lock; whatever comes is written.
    BlindWrite,
    /// A lock with a fencing token; nothing else.
    FenceOnly,
    /// Compare and swap, and who is refused believes it.
    PlainCas,
    /// What is right for tokens that are renewed.
    KeepLater,
    /// A lock, compare and swap, and a second look; but nothing is announced.
    NoIntent,
    /// Who finds another's announcement does not wait for what comes of it.
    NoWait,
    /// Who is refused does not look again.
    NoSecondLook,
    /// Who finds its own announcement presents again, also where its request only hangs.
    Impatient,
}

/// How long processes may stand still.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Pauses {
    /// Shorter than a lease.
    Short,
    /// Longer than a lease; shorter than the time in which a presenter is waited for.
    PastLease,
    /// Longer than anybody waits.
    PastSettling,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Sessions {
    pub(super) rule: Rule,
    pub(super) processes: usize,
    pub(super) pauses: Pauses,
    /// Presenting a token that was used ends the whole session.
    pub(super) reuse_revokes: bool,
    pub(super) faults: Faults,
}

/// What may still go wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Faults {
    pub(super) crashes: u8,
    /// Pauses that outlast something.
    pub(super) pauses: u8,
    /// Answers of the platform that do not arrive, and calls that are given up.
    pub(super) losses: u8,
    /// Grants that could not be stored at once.
    pub(super) store_failures: u8,
    /// Logins of people who were told to.
    pub(super) logins: u8,
    pub(super) log_outs: u8,
}

/// A refresh token, counted from 1; 0 is none.
type Generation = u8;
const GENERATIONS: usize = 12;
const ROUNDS: u8 = 2;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct World {
    /// Access tokens of earlier rounds are over.
    round: u8,
    platform: Platform,
    stored: Stored,
    lock: Lock,
    processes: Vec<Process>,
    left: Faults,
    /// Requests whose sender has given them up, and that may arrive all the same.
    stray: u16,
    /// Granted, and nobody has it any more: by a fault, or because a login took its place.
    gone: u16,
    /// How often each generation may still be presented: once, and once more for each presenter
    /// who knows that it has lost the answer.
    credit: [i8; GENERATIONS],
    /// Something happened after which a session may be in doubt.
    cause: bool,
    found: Found,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Platform {
    /// What it takes, a bit for each generation.
    live: u16,
    /// Generations of the second login.
    second: u16,
    newest: Generation,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Stored {
    generation: Generation,
    fate: StoredFate,
    in_doubt: bool,
    round: u8,
    /// The announcement is older than anybody waits.
    old: bool,
}

/// Whose announcement it is says [`Process::announced`]; nobody's is one of a process that died.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum StoredFate {
    Good,
    Intended,
    Dead,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Lock {
    Free,
    /// Somebody's: see [`Process::locks`].
    Held,
    /// Of a holder that is dead or has moved on; its lease runs out.
    Orphan,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Process {
    at: At,
    /// An attempt that was taken for dead and goes on.
    late: Option<At>,
    locks: bool,
    /// The announcement that is stored is its own.
    announced: bool,
    unsaved: Option<(Generation, Generation)>,
    /// Somebody has taken the lock since.
    fenced: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum At {
    /// Needs a token.
    Wants,
    /// Looked, locked, may present. `current`: nobody has written since.
    Decided { consumed: Generation, current: bool },
    /// The store knows that it presents.
    Announced { consumed: Generation, current: bool },
    /// The platform has answered: this, or no.
    Answered { consumed: Generation, current: bool, granted: Option<Generation> },
    /// Knows that the answer is lost.
    Lost { current: bool },
    /// Has the grant of a new login.
    LoggedIn(Generation),
    /// Was told to log in again.
    Told,
    /// Has a token.
    Done,
}

/// What must not be, and what must come about somewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Found {
    went_back: bool,
    wronged: bool,
    hasty: bool,
    presented_again: bool,
    rose_again: bool,
    told_in_doubt: bool,
    mended: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Look(usize),
    Announce(usize),
    Present(usize, Seat),
    Settle(usize, Seat),
    Withdraw(usize),
    LogIn(usize),
    NextRound,
    LockRunsOut,
    AnnouncementAges,
    Arrive(Generation),
    Lose(usize, Request),
    GiveUp(usize, Request),
    Crash(usize, Request),
    Overtake(usize),
    StoreFails(usize),
    LogOut,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seat {
    Lead,
    Late,
}

/// What becomes of a request that nobody waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Request {
    Never,
    Executed,
    Later,
}

const REQUESTS: [Request; 3] = [Request::Never, Request::Executed, Request::Later];
const SETTLE: Duration = Duration::from_secs(40);

const fn bit(generation: Generation) -> u16 {
    1 << generation
}

impl Rule {
    fn locks(self) -> bool {
        !matches!(self, Self::BlindWrite | Self::PlainCas | Self::KeepLater)
    }

    fn announces(self) -> bool {
        matches!(self, Self::Ours | Self::NoWait | Self::NoSecondLook | Self::Impatient)
    }
}

impl Stored {
    /// As it stands in the store.
    fn kept(&self, owner: Option<u64>) -> Option<Kept> {
        let text = self.generation.to_string();
        let fate = match self.fate {
            StoredFate::Good => Fate::Good,
            StoredFate::Intended => Fate::Intended(owner.unwrap_or(u64::MAX)),
            StoredFate::Dead => Fate::Dead,
        };
        let kept = Kept::new(None, Some(text.as_str().into()), None);
        (self.generation > 0).then(|| kept.with_fate(fate, self.in_doubt))
    }
}

impl Platform {
    fn present(&mut self, generation: Generation, reuse_revokes: bool) -> Option<Generation> {
        let of_second = self.second & bit(generation) != 0;
        if self.live & bit(generation) != 0 {
            self.live &= !bit(generation);
            return Some(self.grant(of_second));
        }
        if reuse_revokes {
            self.live &= if of_second { !self.second } else { self.second };
        }
        None
    }

    fn grant(&mut self, of_second: bool) -> Generation {
        self.newest += 1;
        self.live |= bit(self.newest);
        if of_second {
            self.second |= bit(self.newest);
        }
        self.newest
    }
}

impl At {
    fn outdate(&mut self) {
        match self {
            Self::Decided { current, .. }
            | Self::Announced { current, .. }
            | Self::Answered { current, .. }
            | Self::Lost { current } => *current = false,
            _ => {}
        }
    }

    /// Nobody has written since.
    fn is_current(self) -> bool {
        match self {
            Self::Decided { current, .. }
            | Self::Announced { current, .. }
            | Self::Answered { current, .. }
            | Self::Lost { current } => current,
            _ => false,
        }
    }

    fn holds(self) -> u16 {
        match self {
            Self::Answered { granted: Some(granted), .. } | Self::LoggedIn(granted) => bit(granted),
            _ => 0,
        }
    }

    fn under_way(self) -> bool {
        matches!(self, Self::Announced { .. } | Self::Answered { .. } | Self::Lost { .. })
    }
}

impl Process {
    fn holds(&self) -> u16 {
        self.at.holds()
            | self.late.map_or(0, At::holds)
            | self.unsaved.map_or(0, |(granted, _)| bit(granted))
    }

    /// The announcement that is stored is its own, and nobody is at it any more: an attempt that
    /// was only taken for dead is.
    fn gave_up(&self) -> bool {
        self.announced && !self.late.is_some_and(|late| late.is_current() && late.under_way())
    }

    fn under_way(&self) -> bool {
        self.at.under_way() || self.late.is_some_and(At::under_way)
    }
}

impl World {
    /// Everybody's version is old from now on; an announcement that was there is not any more.
    fn write(&mut self, stored: Stored) {
        self.found.went_back |= stored.generation < self.stored.generation;
        self.stored = stored;
        for process in &mut self.processes {
            process.at.outdate();
            if let Some(late) = &mut process.late {
                late.outdate();
            }
            process.announced = false;
        }
    }

    fn unlock(&mut self, by: usize) {
        if std::mem::take(&mut self.processes[by].locks) {
            self.lock = Lock::Free;
        }
    }

    /// The holder will not free it.
    fn orphan_lock(&mut self, of: usize) {
        if std::mem::take(&mut self.processes[of].locks) {
            self.lock = Lock::Orphan;
        }
    }

    fn take_lock(&mut self, by: usize, fences: bool) {
        self.lock = Lock::Held;
        for (at, process) in self.processes.iter_mut().enumerate() {
            process.locks = at == by;
            process.fenced = fences && at != by;
        }
    }

    fn tell(&mut self, process: usize, in_doubt: bool) {
        self.unlock(process);
        self.processes[process].at = At::Told;
        let at_hand = self.platform.live & !self.gone & !self.logging_in();
        let within_reach = at_hand & (u16::MAX << self.stored.generation);
        self.found.wronged |= !in_doubt && within_reach != 0 && self.stored.generation > 0;
        self.found.hasty |= in_doubt && !self.cause;
        self.found.told_in_doubt |= in_doubt;
    }

    /// What was granted to people who are logging in at this moment.
    fn logging_in(&self) -> u16 {
        let granted = |process: &Process| match process.at {
            At::LoggedIn(granted) => bit(granted),
            _ => 0,
        };
        self.processes.iter().map(granted).fold(0, |all, granted| all | granted)
    }

    /// Counts a presentation.
    fn present(&mut self, generation: Generation, reuse_revokes: bool) -> Option<Generation> {
        let credit = &mut self.credit[usize::from(generation)];
        *credit -= 1;
        self.found.presented_again |= *credit < 0;
        let granted = self.platform.present(generation, reuse_revokes)?;
        if self.gone & bit(generation) != 0 {
            // Of a session that is over: its person has logged out, or in anew.
            self.gone |= bit(granted);
        }
        Some(granted)
    }

    fn excuse(&mut self, generation: Generation) {
        self.credit[usize::from(generation)] += 1;
        self.cause = true;
    }

    /// Nobody waits for this request any more.
    fn abandon(&mut self, generation: Generation, request: Request, reuse_revokes: bool) {
        match request {
            Request::Never => {}
            Request::Later => self.stray |= bit(generation),
            Request::Executed => {
                if let Some(granted) = self.present(generation, reuse_revokes) {
                    self.gone |= bit(granted);
                }
            }
        }
    }
}

impl Process {
    fn new() -> Self {
        let (at, late, unsaved) = (At::Wants, None, None);
        Self { at, late, locks: false, announced: false, unsaved, fenced: false }
    }
}

impl Model for Sessions {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        let mut credit = [1; GENERATIONS];
        credit[0] = 0;
        vec![World {
            round: 1,
            platform: Platform { live: bit(1), second: 0, newest: 1 },
            stored: Stored {
                generation: 1,
                fate: StoredFate::Good,
                in_doubt: false,
                round: 0,
                old: false,
            },
            lock: Lock::Free,
            processes: vec![Process::new(); self.processes],
            left: self.faults,
            stray: 0,
            gone: 0,
            credit,
            cause: false,
            found: Found::default(),
        }]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        self.steps(world, actions);
        self.faults(world, actions);
    }

    fn next_state(&self, world: &World, action: Action) -> Option<World> {
        let mut next = world.clone();
        self.apply(&mut next, action)?;
        next.processes.sort_unstable();
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("what is stored never goes back", |_, world: &World| {
                !world.found.went_back
            }),
            Property::always("a live token is never lost", |_, world: &World| {
                Self::nothing_lost(world)
            }),
            Property::always(
                "nobody is told to log in again while a live token is there, unless in doubt",
                |_, world: &World| !world.found.wronged,
            ),
            Property::always("nobody is in doubt without a cause", |_, world: &World| {
                !world.found.hasty
            }),
            Property::always(
                "a token is presented once, and once more by leave of who lost the answer",
                |_, world: &World| !world.found.presented_again,
            ),
            Property::always("who logged out stays logged out", |_, world: &World| {
                !world.found.rose_again
            }),
            Property::always("nobody is stuck", |model, world: &World| model.nobody_stuck(world)),
            Property::sometimes("everybody has a token in the last round", |_, world: &World| {
                world.round == ROUNDS
                    && world.processes.iter().all(|process| process.at == At::Done)
            }),
        ]
    }
}
