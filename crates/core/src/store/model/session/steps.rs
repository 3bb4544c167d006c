//! What processes do, what the platform and the store make of it, and what goes wrong.

use std::time::Duration;

use super::{
    Action, At, Generation, Lock, Pauses, Process, REQUESTS, ROUNDS, Request, Rule, SETTLE, Seat,
    Sessions, Stored, StoredFate, World, bit,
};
use crate::store::rules::{self, Decision};
use crate::store::{NewRecord, Record};

impl Sessions {
    /// Looks, and locks unless there is nothing to do; `None` while that only means waiting.
    fn look(&self, world: &mut World, p: usize) -> Option<()> {
        let owner = world.processes.iter().position(|process| process.announced);
        let number = |process: usize| process as u64 + 1;
        let kept = world.stored.kept(owner.map(number));
        let consumed = world.stored.generation;
        if let Some((_, of)) = world.processes[p].unsaved
            && !rules::follows(kept.as_ref(), &of.to_string())
        {
            world.processes[p].unsaved = None;
        }
        let unsaved = world.processes[p].unsaved;
        if unsaved.is_none() && consumed > 0 && world.stored.round == world.round {
            world.unlock(p);
            world.processes[p].at = At::Done;
            return Some(());
        }
        if self.rule.locks() && world.lock != Lock::Free && !world.processes[p].locks {
            return None;
        }
        let decision = match (&kept, self.rule.announces()) {
            _ if unsaved.is_some() => Decision::Present,
            (None, _) => Decision::LoginAgain { in_doubt: false },
            (Some(_), false) => Decision::Present,
            (Some(kept), true) => {
                let waited = world.stored.old || self.rule == Rule::NoWait;
                let age = if waited { SETTLE } else { Duration::ZERO };
                let process = &world.processes[p];
                let impatient = self.rule == Rule::Impatient && process.announced;
                let mine = (process.gave_up() || impatient).then(|| number(p));
                rules::decide(kept, mine, age, SETTLE)
            }
        };
        if decision == Decision::Wait {
            // Not with the lock in hand: its presenter may want to come back to it.
            let locks = world.processes[p].locks;
            world.unlock(p);
            return locks.then_some(());
        }
        if self.rule.locks() {
            world.take_lock(p, self.rule == Rule::FenceOnly);
        }
        world.processes[p].at = match decision {
            Decision::LoginAgain { in_doubt } => {
                world.tell(p, in_doubt);
                return Some(());
            }
            _ => match world.processes[p].unsaved.take() {
                Some((granted, consumed)) => {
                    At::Answered { consumed, current: true, granted: Some(granted) }
                }
                None if self.rule.announces() => At::Decided { consumed, current: true },
                None => At::Announced { consumed, current: true },
            },
        };
        Some(())
    }

    fn announce(&self, world: &mut World, p: usize) -> Option<()> {
        let At::Decided { consumed, current } = world.processes[p].at else { return None };
        if !current {
            world.processes[p].at = At::Wants;
            return Some(());
        }
        // An announcement of our own that is still there is a request that was given up.
        let lost = world.stored.fate != StoredFate::Good;
        let stored = Stored {
            fate: StoredFate::Intended,
            in_doubt: world.stored.in_doubt || lost,
            old: false,
            ..world.stored.clone()
        };
        world.write(stored);
        world.processes[p].announced = true;
        world.processes[p].at = At::Announced { consumed, current: true };
        Some(())
    }

    fn settle(&self, world: &mut World, p: usize, seat: Seat) -> Option<()> {
        let process = &mut world.processes[p];
        let at = match seat {
            Seat::Lead => std::mem::replace(&mut process.at, At::Wants),
            Seat::Late => process.late.take()?,
        };
        let leads = seat == Seat::Lead;
        match at {
            At::LoggedIn(generation) => {
                let others = world.platform.live & !bit(generation);
                world.gone |= others;
                world.stored.generation = 0;
                self.keep(world, p, generation, seat);
            }
            At::Lost { current } => {
                if current {
                    let (fate, in_doubt) = (StoredFate::Good, true);
                    let stored = Stored { fate, in_doubt, ..world.stored.clone() };
                    world.write(stored);
                }
                world.unlock(p);
            }
            At::Answered { granted: None, current, .. } => {
                let believes = match self.rule {
                    Rule::Ours | Rule::NoWait | Rule::Impatient | Rule::NoIntent => current,
                    _ => true,
                };
                let in_doubt = self.rule.announces()
                    && self.rule != Rule::NoSecondLook
                    && world.stored.in_doubt;
                if believes && self.rule.announces() && current {
                    let stored = Stored { fate: StoredFate::Dead, ..world.stored.clone() };
                    world.write(stored);
                }
                if believes && leads {
                    world.tell(p, in_doubt);
                } else if leads {
                    // Looks again with the lock in hand, if it still is.
                    world.processes[p].at = At::Wants;
                }
            }
            At::Answered { granted: Some(granted), consumed, current } => {
                let kept = world.stored.kept(None);
                let may = match self.rule {
                    Rule::BlindWrite => true,
                    Rule::FenceOnly => !world.processes[p].fenced,
                    Rule::PlainCas => current,
                    Rule::KeepLater => {
                        let life = Duration::from_secs(u64::from(world.stored.generation));
                        let new = NewRecord::new("t".into(), life, life);
                        let stored = Record::aged(&new, 1, 0);
                        rules::replaces(u64::from(granted) * 1_000, Some(&stored), false).is_some()
                    }
                    _ => current || rules::follows(kept.as_ref(), &consumed.to_string()),
                };
                if may {
                    world.found.mended |= !current;
                    world.found.rose_again |= world.stored.generation == 0;
                    self.keep(world, p, granted, seat);
                }
            }
            _ => return None,
        }
        Some(())
    }

    fn keep(&self, world: &mut World, p: usize, generation: Generation, seat: Seat) {
        let round = world.round;
        let (fate, in_doubt, old) = (StoredFate::Good, false, false);
        world.write(Stored { generation, fate, in_doubt, round, old });
        if seat == Seat::Lead {
            world.unlock(p);
            world.processes[p].at = At::Done;
        }
    }

    fn crash(&self, world: &mut World, p: usize, request: Request) -> Option<()> {
        let at = [Some(world.processes[p].at), world.processes[p].late];
        let out = at.into_iter().flatten().find_map(|at| match at {
            At::Announced { consumed, .. } => Some(consumed),
            _ => None,
        });
        match (out, request) {
            (None, Request::Never) => {}
            (None, _) => return None,
            (Some(generation), request) => world.abandon(generation, request, self.reuse_revokes),
        }
        world.gone |= world.processes[p].holds();
        world.orphan_lock(p);
        world.cause = true;
        world.processes[p] = Process::new();
        Some(())
    }

    pub(super) fn apply(&self, world: &mut World, action: Action) -> Option<()> {
        let revokes = self.reuse_revokes;
        match action {
            Action::Look(p) => self.look(world, p)?,
            Action::Announce(p) => self.announce(world, p)?,
            Action::Settle(p, seat) => self.settle(world, p, seat)?,
            Action::Present(p, seat) => {
                let at = match seat {
                    Seat::Lead => Some(world.processes[p].at),
                    Seat::Late => world.processes[p].late,
                };
                let Some(At::Announced { consumed, current }) = at else { return None };
                let granted = world.present(consumed, revokes);
                let at = At::Answered { consumed, current, granted };
                match seat {
                    Seat::Lead => world.processes[p].at = at,
                    Seat::Late => world.processes[p].late = Some(at),
                }
            }
            Action::Withdraw(p) => {
                let At::Announced { current, .. } = world.processes[p].at else { return None };
                if current {
                    let stored = Stored { fate: StoredFate::Good, ..world.stored.clone() };
                    world.write(stored);
                }
                world.processes[p].at = At::Wants;
            }
            Action::LogIn(p) => {
                world.left.logins -= 1;
                let granted = world.platform.grant(true);
                world.processes[p].at = At::LoggedIn(granted);
            }
            Action::NextRound => {
                world.round += 1;
                for process in &mut world.processes {
                    if matches!(process.at, At::Done | At::Told) {
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
            Action::AnnouncementAges => {
                let presenter = world.processes.iter().find(|process| process.announced);
                if presenter.is_some_and(Process::under_way) {
                    world.left.pauses -= 1;
                }
                world.cause = true;
                world.stored.old = true;
            }
            Action::Arrive(generation) => {
                world.stray &= !bit(generation);
                if let Some(granted) = world.present(generation, revokes) {
                    world.gone |= bit(granted);
                }
            }
            Action::Lose(p, request) | Action::GiveUp(p, request) => {
                let At::Announced { consumed, current } = world.processes[p].at else {
                    return None;
                };
                world.left.losses -= 1;
                world.excuse(consumed);
                world.abandon(consumed, request, revokes);
                world.processes[p].at = match action {
                    Action::Lose(..) => At::Lost { current },
                    _ => {
                        world.orphan_lock(p);
                        At::Wants
                    }
                };
            }
            Action::Crash(p, request) => {
                world.left.crashes -= 1;
                self.crash(world, p, request)?;
            }
            Action::Overtake(p) => {
                world.left.pauses -= 1;
                world.orphan_lock(p);
                let late = std::mem::replace(&mut world.processes[p].at, At::Wants);
                world.processes[p].late = Some(late);
            }
            Action::StoreFails(p) => {
                let At::Answered { granted: Some(granted), consumed, .. } = world.processes[p].at
                else {
                    return None;
                };
                world.left.store_failures -= 1;
                world.orphan_lock(p);
                world.processes[p].at = At::Wants;
                world.processes[p].unsaved = Some((granted, consumed));
            }
            Action::LogOut => {
                world.left.log_outs -= 1;
                world.gone |= world.platform.live;
                let stored = Stored {
                    generation: 0,
                    fate: StoredFate::Good,
                    in_doubt: false,
                    round: 0,
                    old: false,
                };
                let back = world.found.went_back;
                world.write(stored);
                world.found.went_back = back;
            }
        }
        Some(())
    }

    /// What happens by itself, as long as nothing goes wrong.
    pub(super) fn steps(&self, world: &World, actions: &mut Vec<Action>) {
        for (p, process) in world.processes.iter().enumerate() {
            match process.at {
                At::Wants => actions.push(Action::Look(p)),
                At::Decided { .. } => actions.push(Action::Announce(p)),
                At::Announced { .. } => {
                    actions.push(Action::Present(p, Seat::Lead));
                    if !process.locks && self.rule.announces() {
                        actions.push(Action::Withdraw(p));
                    }
                }
                At::Answered { .. } | At::Lost { .. } | At::LoggedIn(_) => {
                    actions.push(Action::Settle(p, Seat::Lead));
                }
                At::Told if world.left.logins > 0 => actions.push(Action::LogIn(p)),
                At::Told | At::Done => {}
            }
            match process.late {
                Some(At::Announced { .. }) => actions.push(Action::Present(p, Seat::Late)),
                Some(_) => actions.push(Action::Settle(p, Seat::Late)),
                None => {}
            }
        }
        if world.lock == Lock::Orphan {
            actions.push(Action::LockRunsOut);
        }
        let presenter = world.processes.iter().find(|process| process.announced);
        let dead = !presenter.is_some_and(Process::under_way);
        if world.stored.fate == StoredFate::Intended && !world.stored.old && dead {
            actions.push(Action::AnnouncementAges);
        }
        if world.round < ROUNDS {
            actions.push(Action::NextRound);
        }
    }

    pub(super) fn faults(&self, world: &World, actions: &mut Vec<Action>) {
        let left = world.left;
        for (p, process) in world.processes.iter().enumerate() {
            let out = matches!(process.at, At::Announced { .. });
            if left.crashes > 0 && *process != Process::new() {
                actions.extend(REQUESTS.map(|request| Action::Crash(p, request)));
            }
            if left.losses > 0 && out && self.rule.announces() {
                actions.extend(REQUESTS.map(|request| Action::Lose(p, request)));
                actions.extend(REQUESTS.map(|request| Action::GiveUp(p, request)));
            }
            let moves_on = matches!(process.at, At::Announced { .. } | At::Answered { .. });
            if left.pauses > 0
                && self.pauses > Pauses::Short
                && moves_on
                && process.late.is_none()
                && self.rule.announces()
            {
                actions.push(Action::Overtake(p));
            }
            if left.store_failures > 0 && self.rule.announces() {
                actions.push(Action::StoreFails(p));
            }
        }
        if left.pauses > 0 && self.pauses > Pauses::Short && world.lock == Lock::Held {
            actions.push(Action::LockRunsOut);
        }
        let presenter = world.processes.iter().find(|process| process.announced);
        if left.pauses > 0
            && self.pauses == Pauses::PastSettling
            && world.stored.fate == StoredFate::Intended
            && !world.stored.old
            && presenter.is_some_and(Process::under_way)
        {
            actions.push(Action::AnnouncementAges);
        }
        for generation in 1..=world.platform.newest {
            if world.stray & bit(generation) != 0 {
                actions.push(Action::Arrive(generation));
            }
        }
        if left.log_outs > 0 && world.stored.generation > 0 {
            actions.push(Action::LogOut);
        }
    }

    pub(super) fn nothing_lost(world: &World) -> bool {
        let held = world.processes.iter().fold(0, |held, process| held | process.holds());
        let later = u16::MAX << (world.stored.generation + 1);
        world.platform.live & !world.gone & !held & later == 0
    }

    pub(super) fn nobody_stuck(&self, world: &World) -> bool {
        let at_rest = |process: &Process| matches!(process.at, At::Done | At::Told);
        if world.processes.iter().all(at_rest) {
            return true;
        }
        let mut actions = Vec::new();
        self.steps(world, &mut actions);
        actions.into_iter().any(|action| self.apply(&mut world.clone(), action).is_some())
    }
}
