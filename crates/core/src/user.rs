//! stub
/// A person.
#[derive(Debug, Clone)]
pub struct User(());
