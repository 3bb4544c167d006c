//! What can go wrong, group by group. Each kind says by what it is brought about and which
//! [`Rule`] holds; operations for which another rule holds stand beside it with the reason.

mod answers;
mod bodies;
mod network;
mod platform;
mod times;

use dingtalk_core::Timestamp;
use dingtalk_sandbox::{Fault, Sandbox};
use dingtalk_tests::Misdeed;

use crate::operations::Operation;
use crate::places::Place;
use crate::rule::Rule;

/// Every kind, in the order of the document.
pub(crate) fn all() -> impl Iterator<Item = &'static Kind> {
    [network::KINDS, answers::KINDS, bodies::KINDS, platform::KINDS, times::KINDS]
        .into_iter()
        .flatten()
}

/// One kind of fault.
#[derive(Debug)]
pub(crate) struct Kind {
    pub(crate) group: &'static str,
    pub(crate) name: &'static str,
    pub(crate) by: By,
    pub(crate) rule: Rule,
    /// The struck request is executed before it goes wrong.
    pub(crate) executes: bool,
    /// It ends by a time limit, which is a short one then.
    pub(crate) slow: bool,
    pub(crate) exceptions: &'static [Exception],
}

/// What brings it about.
#[derive(Clone, Copy, Debug)]
pub(crate) enum By {
    /// A fault rule of the sandbox's, on its socket.
    Sandbox(fn(Fault) -> Fault),
    /// A server before the sandbox.
    Front(Misdeed),
    /// The same, while the client keeps the connection and is not at work: it is told this and
    /// hung up on.
    HangUp(&'static [u8]),
    /// The same, on the token request under the operation.
    Token(Misdeed),
    /// A request that is led elsewhere.
    Place(Place),
    /// The client's clock.
    Clock(fn(Timestamp) -> Timestamp),
    /// Something that happens to the platform when everything is ready for the call. It happens once,
    /// however long it lasts.
    Deed(fn(&Sandbox)),
    /// A computer that slept: all clocks go on but the steady one.
    Suspend,
}

/// Operations to which another rule applies.
#[derive(Debug)]
pub(crate) struct Exception {
    pub(crate) operations: &'static [&'static str],
    pub(crate) rule: Rule,
    pub(crate) why: &'static str,
}

impl Kind {
    const fn new(group: &'static str, name: &'static str, by: By, rule: Rule) -> Self {
        let (executes, slow) = (false, false);
        Self { group, name, by, rule, executes, slow, exceptions: &[] }
    }

    /// The struck request is executed.
    const fn executed(mut self) -> Self {
        self.executes = true;
        self
    }

    /// A time limit ends it.
    const fn slow(mut self) -> Self {
        self.slow = true;
        self
    }

    const fn except(mut self, exceptions: &'static [Exception]) -> Self {
        self.exceptions = exceptions;
        self
    }

    pub(crate) fn is_slow(&self) -> bool {
        self.slow || matches!(self.rule, Rule::Harmless(crate::rule::End::Throttled))
    }

    /// Whether what lasts is the same as what happens once.
    pub(crate) fn happens_once(&self) -> bool {
        matches!(self.by, By::Deed(_))
    }

    /// Whether it is run over HTTPS as well.
    pub(crate) fn is_for_https(&self) -> bool {
        self.group == "wire" && matches!(self.by, By::Sandbox(_))
    }

    /// The rule for this operation.
    pub(crate) fn rule_for(&self, operation: &Operation) -> Rule {
        let exception = self.exceptions.iter().find(|it| it.operations.contains(&operation.name));
        exception.map_or(self.rule, |exception| exception.rule)
    }
}

const fn except(operations: &'static [&'static str], rule: Rule, why: &'static str) -> Exception {
    Exception { operations, rule, why }
}
