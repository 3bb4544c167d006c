//! Pushed: the suite ticket, which the platform sends to one process and all need.

use stateright::{Model, Property};

use crate::store::rules;

/// The rule that receivers obey: ours, and those that do not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    Ours,
    /// Whatever comes is written.
    BlindWrite,
    /// Who finds that somebody has written since takes the other's for the later one.
    PlainCas,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Pushes {
    pub(super) rule: Rule,
    pub(super) processes: usize,
    /// How many tickets are pushed, one after the other.
    pub(super) pushes: u8,
    pub(super) crashes: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct World {
    pushed: u8,
    /// Pushes that were not acknowledged: each comes until it is, a bit each.
    waiting: u16,
    acknowledged: u8,
    stored: u8,
    processes: Vec<At>,
    crashes: u8,
    went_back: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum At {
    Idle,
    Received(u8),
    /// Has read what is stored. `current`: nobody has written since.
    Loaded {
        ticket: u8,
        stored: u8,
        current: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Push,
    Deliver(usize, u8),
    Load(usize),
    Write(usize),
    Crash(usize),
}

impl Pushes {
    fn write(&self, world: &mut World, p: usize) -> Option<()> {
        let At::Loaded { ticket, stored, current } = world.processes[p] else { return None };
        let there = (stored > 0).then_some(u64::from(stored));
        let (may, done) = match self.rule {
            Rule::Ours if !rules::supersedes(u64::from(ticket), there) => (false, true),
            Rule::Ours => (current, current),
            Rule::BlindWrite => (true, true),
            Rule::PlainCas => (current, true),
        };
        if may {
            world.went_back |= ticket < world.stored;
            world.stored = ticket;
            for process in &mut world.processes {
                if let At::Loaded { current, .. } = process {
                    *current = false;
                }
            }
        }
        world.processes[p] = match done {
            true => {
                world.waiting &= !(1 << ticket);
                world.acknowledged = world.acknowledged.max(ticket);
                At::Idle
            }
            false => At::Received(ticket),
        };
        Some(())
    }
}

impl Model for Pushes {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        vec![World {
            pushed: 0,
            waiting: 0,
            acknowledged: 0,
            stored: 0,
            processes: vec![At::Idle; self.processes],
            crashes: self.crashes,
            went_back: false,
        }]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        if world.pushed < self.pushes {
            actions.push(Action::Push);
        }
        for (p, process) in world.processes.iter().enumerate() {
            match process {
                // One that is under way elsewhere may come once more.
                At::Idle => actions.extend(
                    (1..=world.pushed)
                        .filter(|ticket| world.waiting & (1 << ticket) != 0)
                        .map(|ticket| Action::Deliver(p, ticket)),
                ),
                At::Received(_) => actions.push(Action::Load(p)),
                At::Loaded { .. } => actions.push(Action::Write(p)),
            }
            if world.crashes > 0 && *process != At::Idle {
                actions.push(Action::Crash(p));
            }
        }
    }

    fn next_state(&self, world: &World, action: Action) -> Option<World> {
        let mut next = world.clone();
        match action {
            Action::Push => {
                next.pushed += 1;
                next.waiting |= 1 << next.pushed;
            }
            Action::Deliver(p, ticket) => next.processes[p] = At::Received(ticket),
            Action::Load(p) => {
                let At::Received(ticket) = next.processes[p] else { return None };
                next.processes[p] = At::Loaded { ticket, stored: next.stored, current: true };
            }
            Action::Write(p) => self.write(&mut next, p)?,
            Action::Crash(p) => {
                next.crashes -= 1;
                next.processes[p] = At::Idle;
            }
        }
        next.processes.sort_unstable();
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("what is stored never goes back", |_, world: &World| !world.went_back),
            Property::always("what was acknowledged is stored", |_, world: &World| {
                world.stored >= world.acknowledged
            }),
            Property::sometimes("the last push is stored", |model, world: &World| {
                world.stored == model.pushes && world.waiting == 0
            }),
        ]
    }
}
