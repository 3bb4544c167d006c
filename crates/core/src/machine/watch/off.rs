//! Nobody can watch: nothing is kept, and nothing is said.

use std::time::Duration;

use crate::endpoint::Operation;
use crate::machine::watch::{Note, Reason};
use crate::token::Source;
use crate::{Error, Timestamp};

pub(crate) fn note(_: &Note<'_>) {}

#[derive(Default)]
pub(crate) struct Pause(());

impl Pause {
    pub(crate) fn begin(&mut self, _: Reason, _: Duration, _: Timestamp) {}

    pub(crate) fn over(&mut self, _: Timestamp) {}
}

#[derive(Default)]
pub(crate) struct Watch(());

impl Watch {
    pub(crate) fn new(_: &Source, _: &Operation) -> Self {
        Self(())
    }

    pub(crate) fn begin(&mut self, _: Timestamp) {}

    pub(crate) fn end(&mut self, _: Result<(), &Error>, _: u32, _: Timestamp) {}
}
