//! The app's page ticket, fetched only if it must be.

use serde::Serialize;

use crate::App;
use crate::auth::HeldToken;
use crate::dialect::OpenApi;
use crate::endpoint::{Endpoint, Method, Obtains, Operation};

/// Sees to it that the app holds a page ticket with more than ten minutes left, and hands it out.
///
/// A ticket lives two hours and is the same for every page of the app, so it is kept and shared
/// like the token: one request per two hours, not one per page (wire-facts §7.1). To fetch one in
/// any case, call [`CreateTicket`](crate::jsapi::CreateTicket).
#[derive(Clone, Copy, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct ObtainTicket {}

impl ObtainTicket {
    /// Of the app that calls.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Endpoint for ObtainTicket {
    type Caller = App;
    type Api = OpenApi;
    type Output = HeldToken;
    const OPERATION: &Operation = &Operation::openapi("jsapi.obtain_ticket", Method::Get, "");

    fn obtains(&self) -> Obtains {
        Obtains::Ticket
    }
}
