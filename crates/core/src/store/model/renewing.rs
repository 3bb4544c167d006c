//! Renewing: tokens that the platform gives again, for longer, to whoever asks.

use std::time::Duration;

use stateright::{Model, Property};

use crate::store::rules;
use crate::store::{NewRecord, Record};

/// The rule that processes obey: ours, and those that do not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    Ours,
    /// Whatever comes is written.
    BlindWrite,
    /// Written if nobody has taken the lock since.
    FenceOnly,
    /// Written if nobody has written since.
    PlainCas,
    /// Ours, but a rejected token is dropped whatever is there.
    DropsAny,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Renewals {
    pub(super) rule: Rule,
    pub(super) processes: usize,
    pub(super) faults: Faults,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Faults {
    pub(super) crashes: u8,
    /// Leases that run out while their holder lives.
    pub(super) pauses: u8,
    pub(super) losses: u8,
    /// The platform drops its token: from then on it gives another.
    pub(super) drops: u8,
    /// Questions that the store does not answer: the process goes on without it.
    pub(super) store_failures: u8,
}

const ROUNDS: u8 = 2;

/// A token, and when it ends: counted up with each answer, so that the later answer ends later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Token {
    value: u8,
    ends: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct World {
    round: u8,
    /// The token that the platform takes, and how many answers it has given.
    value: u8,
    answers: u8,
    stored: Option<Token>,
    /// In which round it was stored.
    stored_in: u8,
    lock: Lock,
    processes: Vec<Process>,
    left: Faults,
    /// The latest answer that somebody had in hand and could bring to the store.
    latest: u8,
    found: Found,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Lock {
    Free,
    Held,
    Orphan,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Process {
    at: At,
    locks: bool,
    fenced: bool,
    /// The value that was last rejected.
    rejected: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum At {
    Wants,
    /// Locked, and found the token that was rejected. `current`: nobody has written since.
    Dropping {
        current: bool,
    },
    /// About to ask the platform.
    Asks {
        current: bool,
        alone: bool,
    },
    /// Has an answer to bring to the store.
    Answered {
        token: Token,
        current: bool,
        alone: bool,
    },
    Done {
        value: u8,
    },
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Found {
    went_back: bool,
    dropped_another: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Look(usize),
    Impatient(usize),
    Drop(usize),
    Ask(usize),
    Write(usize),
    Use(usize),
    NextRound,
    LockRunsOut,
    PlatformDrops,
    Lose(usize),
    StoreFails(usize),
    Crash(usize),
}

impl At {
    fn outdate(&mut self) {
        match self {
            Self::Dropping { current }
            | Self::Asks { current, .. }
            | Self::Answered { current, .. } => *current = false,
            _ => {}
        }
    }
}

impl World {
    fn write(&mut self, stored: Option<Token>) {
        if let (Some(old), Some(new)) = (self.stored, stored) {
            self.found.went_back |= old.value == self.value && new.ends < old.ends;
        }
        self.stored = stored;
        self.stored_in = self.round;
        for process in &mut self.processes {
            process.at.outdate();
        }
    }

    fn unlock(&mut self, p: usize) {
        if std::mem::take(&mut self.processes[p].locks) {
            self.lock = Lock::Free;
        }
    }

    fn orphan_lock(&mut self, p: usize) {
        if std::mem::take(&mut self.processes[p].locks) {
            self.lock = Lock::Orphan;
        }
    }
}

fn record(token: Token) -> Record {
    let life = Duration::from_millis(u64::from(token.ends));
    Record::aged(&NewRecord::new("t".into(), life, life), 1, 0)
}

impl Renewals {
    fn look(&self, world: &mut World, p: usize) -> Option<()> {
        let rejected = world.processes[p].rejected;
        let fresh = world.stored_in == world.round;
        if let Some(token) = world.stored.filter(|token| fresh && token.value != rejected) {
            world.unlock(p);
            world.processes[p].at = At::Done { value: token.value };
            return Some(());
        }
        if world.lock != Lock::Free && !world.processes[p].locks {
            return None;
        }
        world.lock = Lock::Held;
        for (at, process) in world.processes.iter_mut().enumerate() {
            process.locks = at == p;
            process.fenced = self.rule == Rule::FenceOnly && at != p;
        }
        let found_rejected = world.stored.is_some_and(|token| token.value == rejected);
        world.processes[p].at = match found_rejected {
            true => At::Dropping { current: true },
            false => At::Asks { current: true, alone: false },
        };
        Some(())
    }

    fn write(&self, world: &mut World, p: usize) -> Option<()> {
        let At::Answered { token, current, alone } = world.processes[p].at else { return None };
        world.processes[p].at = At::Done { value: token.value };
        if alone {
            return Some(());
        }
        if token.value == world.value {
            world.latest = world.latest.max(token.ends);
        }
        let may = match self.rule {
            Rule::BlindWrite => true,
            Rule::FenceOnly => !world.processes[p].fenced,
            Rule::PlainCas => current,
            Rule::Ours | Rule::DropsAny => {
                let stored = world.stored.map(record);
                current || rules::replaces(u64::from(token.ends), stored.as_ref(), false).is_some()
            }
        };
        if may {
            world.write(Some(token));
        }
        world.unlock(p);
        Some(())
    }

    fn apply(&self, world: &mut World, action: Action) -> Option<()> {
        match action {
            Action::Look(p) => self.look(world, p)?,
            // Waited long enough for the others: asks without a lock, and shares all the same.
            Action::Impatient(p) => {
                world.processes[p].at = At::Asks { current: false, alone: false };
            }
            Action::Drop(p) => {
                let At::Dropping { current } = world.processes[p].at else { return None };
                if current || self.rule == Rule::DropsAny {
                    let another = world.stored.is_some_and(|token| token.value == world.value);
                    world.found.dropped_another |= another;
                    world.write(None);
                }
                world.processes[p].at = At::Asks { current, alone: false };
            }
            Action::Ask(p) => {
                let At::Asks { current, alone } = world.processes[p].at else { return None };
                world.answers += 1;
                let token = Token { value: world.value, ends: world.answers };
                world.processes[p].at = At::Answered { token, current, alone };
            }
            Action::Write(p) => self.write(world, p)?,
            Action::Use(p) => {
                let At::Done { value } = world.processes[p].at else { return None };
                world.processes[p].rejected = value;
                world.processes[p].at = At::Wants;
            }
            Action::NextRound => {
                world.round += 1;
                for process in &mut world.processes {
                    if matches!(process.at, At::Done { .. }) {
                        process.at = At::Wants;
                    }
                }
            }
            Action::LockRunsOut => {
                if world.lock == Lock::Held {
                    world.left.pauses -= 1;
                }
                world.lock = Lock::Free;
                for process in &mut world.processes {
                    process.locks = false;
                }
            }
            Action::PlatformDrops => {
                world.left.drops -= 1;
                world.value += 1;
                world.latest = 0;
            }
            Action::Lose(p) => {
                world.left.losses -= 1;
                world.answers += 1;
                world.unlock(p);
                world.processes[p].at = At::Wants;
            }
            Action::StoreFails(p) => {
                world.left.store_failures -= 1;
                world.orphan_lock(p);
                world.processes[p].at = match world.processes[p].at {
                    At::Wants | At::Dropping { .. } => At::Asks { current: false, alone: true },
                    At::Answered { token, .. } => At::Done { value: token.value },
                    _ => return None,
                };
            }
            Action::Crash(p) => {
                world.left.crashes -= 1;
                world.orphan_lock(p);
                world.processes[p] = Process::new();
            }
        }
        Some(())
    }

    fn at_rest(world: &World) -> bool {
        world.processes.iter().all(|process| matches!(process.at, At::Done { .. }))
    }
}

impl Process {
    fn new() -> Self {
        Self { at: At::Wants, locks: false, fenced: false, rejected: 0 }
    }
}

impl Model for Renewals {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        vec![World {
            round: 1,
            value: 1,
            answers: 1,
            stored: Some(Token { value: 1, ends: 1 }),
            stored_in: 0,
            lock: Lock::Free,
            processes: vec![Process::new(); self.processes],
            left: self.faults,
            latest: 1,
            found: Found::default(),
        }]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        let left = world.left;
        for (p, process) in world.processes.iter().enumerate() {
            match process.at {
                At::Wants => {
                    actions.push(Action::Look(p));
                    if left.pauses > 0 && world.lock != Lock::Free && !process.locks {
                        actions.push(Action::Impatient(p));
                    }
                }
                At::Dropping { .. } => actions.push(Action::Drop(p)),
                At::Asks { .. } => {
                    actions.push(Action::Ask(p));
                    if left.losses > 0 {
                        actions.push(Action::Lose(p));
                    }
                }
                At::Answered { .. } => actions.push(Action::Write(p)),
                At::Done { value } if value != world.value => actions.push(Action::Use(p)),
                At::Done { .. } => {}
            }
            if left.crashes > 0 && *process != Process::new() {
                actions.push(Action::Crash(p));
            }
            if left.store_failures > 0 {
                actions.push(Action::StoreFails(p));
            }
        }
        if world.lock == Lock::Orphan || (world.lock == Lock::Held && left.pauses > 0) {
            actions.push(Action::LockRunsOut);
        }
        if left.drops > 0 {
            actions.push(Action::PlatformDrops);
        }
        if world.round < ROUNDS {
            actions.push(Action::NextRound);
        }
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
            Property::always("the latest answer stays", |_, world: &World| {
                let ends = world
                    .stored
                    .filter(|token| token.value == world.value)
                    .map_or(0, |token| token.ends);
                !Self::at_rest(world) || ends >= world.latest
            }),
            Property::always(
                "a rejected token is dropped only if it is still that one",
                |_, world: &World| !world.found.dropped_another,
            ),
            Property::sometimes("everybody has a token in the last round", |_, world: &World| {
                world.round == ROUNDS && Self::at_rest(world)
            }),
        ]
    }
}
