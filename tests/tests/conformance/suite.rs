//! The cases. Each begins with a rig of its own and names the rule that it holds to.

mod advice;
mod callers;
mod contacts;
mod doc_rows;
mod faults;
mod flow;
mod todos;

use dingtalk_core::Policy;
use dingtalk_sandbox::{Builder, Sandbox};
use dingtalk_tests::Rig;

use super::{DRIVER, WIRE};

/// A patient client before the demo company.
fn rig() -> Rig {
    rig_of(Sandbox::builder())
}

fn rig_of(builder: Builder) -> Rig {
    Rig::new(DRIVER, WIRE, builder)
}

fn rig_with(policy: Policy) -> Rig {
    Rig::with_policy(DRIVER, WIRE, Sandbox::builder(), policy)
}
