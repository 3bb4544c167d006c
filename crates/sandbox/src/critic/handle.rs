//! What a sandbox's handle and its server ask of the critic.

use std::time::Instant;

use super::{Finding, Moment};
use crate::{Sandbox, Shared};

impl Sandbox {
    /// What clients did wrong so far, also where the platform let it pass; the worst first. The table in the
    /// [crate's documentation](crate#what-the-critic-finds) lists what there is.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        let now = self.shared.moment();
        let platform = &*self.platform();
        platform.critic.findings(&now, |client| platform.points_of(client))
    }

    /// Forgets the findings so far.
    pub fn clear_findings(&self) {
        self.platform().critic.clear();
    }
}

impl Shared {
    /// A caller that hung has its answer or went away.
    pub(crate) fn gone(&self, seq: u64) {
        let now = self.moment();
        self.platform().critic.ended(seq, &now);
    }

    pub(crate) fn moment(&self) -> Moment {
        Moment { sandbox: self.clock.now(), machine: Instant::now() }
    }
}
