//! What only the program does, and not the library.

pub(crate) mod end;
pub(crate) mod files;
pub(crate) mod locator;
pub(crate) mod told;
