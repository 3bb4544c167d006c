//! What goes wrong in a stormy round, and that it is all mended in the end.

use turmoil::Sim;

use crate::{Dice, WORKERS, World, worker_name};

pub(crate) struct Storm {
    dice: Dice,
    pub(crate) faults: u64,
    pub(crate) crashes: u64,
}

impl Storm {
    pub(crate) fn new(seed: u64) -> Self {
        Self { dice: Dice(seed ^ 0x5701_2FA0), faults: 0, crashes: 0 }
    }

    pub(crate) fn rage(&mut self, sim: &mut Sim<'_>, world: &World) {
        for _ in 0..4 + self.dice.below(4) {
            self.strike(sim, world);
            for _ in 0..20 + self.dice.below(300) {
                sim.step().unwrap();
                crate::check(world);
            }
        }
        self.mend(sim);
    }

    fn strike(&mut self, sim: &mut Sim<'_>, world: &World) {
        let worker = usize::try_from(self.dice.below(WORKERS as u64)).unwrap();
        let name = worker_name(worker);
        let server = if self.dice.below(2) == 0 { "platform" } else { "store" };
        self.faults += 1;
        match self.dice.below(9) {
            0 => sim.partition(&*name, server),
            1 => sim.partition_oneway(&*name, server),
            2 => sim.partition_oneway(server, &*name),
            3 => sim.hold(&*name, server),
            4 => {
                sim.release(&*name, server);
                sim.repair(&*name, server);
            }
            5 => {
                self.crashes += 1;
                sim.crash(&*name);
                sim.bounce(&*name);
                let mut book = world.book();
                book.busy[worker] = false;
                book.incarnation[worker] += 1;
            }
            6 => {
                self.crashes += 1;
                sim.crash(server);
                sim.bounce(server);
            }
            7 => (0..WORKERS).for_each(|at| sim.partition(worker_name(at), server)),
            _ => (0..WORKERS).for_each(|at| sim.hold(worker_name(at), server)),
        }
    }

    fn mend(&mut self, sim: &mut Sim<'_>) {
        for worker in (0..WORKERS).map(worker_name) {
            for server in ["platform", "store"] {
                sim.release(&*worker, server);
                sim.repair(&*worker, server);
            }
        }
    }
}
