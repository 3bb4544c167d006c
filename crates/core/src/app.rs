//! stub
/// An app.
#[derive(Debug, Clone)]
pub struct App(());
/// sso
#[derive(Debug, Clone)]
pub struct Sso(());
/// Caller marker.
#[derive(Debug)]
#[non_exhaustive]
pub enum AppOrUser {}
/// Caller marker.
#[derive(Debug, Clone)]
pub struct Nobody(());
