//! What the pages rest on, in the order of the routes.

use super::super::Basis::{Assumed, Documented, Live, Sdk, ThirdParty};
use super::super::Row;

/// A row for each operation.
pub(crate) const ROWS: &[Row] = &[
    Row {
        operation: "GET /oauth2/auth",
        section: "§4.4",
        success: &[Live, Documented],
        errors: &[Live, Documented, Assumed],
        semantics: &[Live, Documented, Assumed],
        assumed: &[
            "the look of the page, and the texts of all mistakes but the redirect URI's",
            "the value of `error` after a refusal (§16 row 11)",
        ],
    },
    Row {
        operation: "GET /oauth2/challenge.htm",
        section: "§4.4",
        success: &[ThirdParty],
        errors: &[Assumed],
        semantics: &[ThirdParty, Assumed],
        assumed: &["the same page as `/oauth2/auth`"],
    },
    Row {
        operation: "POST /oauth2/auth",
        section: "§4.4",
        success: &[Live, Documented],
        errors: &[Assumed],
        semantics: &[Documented, Assumed],
        assumed: &["the form is the sandbox's own; what it leads to is the callback of §4.4"],
    },
    Row {
        operation: "GET /dingding/h5-common-authority/auth/index.html",
        section: "§8",
        success: &[Sdk],
        errors: &[Documented, Assumed],
        semantics: &[Documented, Assumed],
        assumed: &[
            "the look of the page",
            "consent that is remembered is answered without a dialog",
        ],
    },
    Row {
        operation: "POST /dingding/h5-common-authority/auth/index.html",
        section: "§8",
        success: &[Sdk, Documented],
        errors: &[Documented, Assumed],
        semantics: &[Documented, Assumed],
        assumed: &[
            "the form is the sandbox's own; its outcome is the component's result of §8.2",
            "a sensitive point asked of a sub-administrator is 500402: it is the main one's to grant",
        ],
    },
    Row {
        operation: "GET /dingding/h5-common-authority/pages/cancel",
        section: "§8.1",
        success: &[Assumed],
        errors: &[Assumed],
        semantics: &[Assumed],
        assumed: &[
            "the mobile component names a page for revoking; this one is the sandbox's own, for browsers",
        ],
    },
    Row {
        operation: "POST /dingding/h5-common-authority/pages/cancel",
        section: "§8.1",
        success: &[Assumed],
        errors: &[Assumed],
        semantics: &[Assumed],
        assumed: &["as the page above"],
    },
    Row {
        operation: "GET /connect",
        section: "§10.7",
        success: &[Sdk, Documented],
        errors: &[Assumed],
        semantics: &[Sdk, Documented, Assumed],
        assumed: &[
            "426 without a handshake, 401 for a ticket that opens nothing, 503 beyond 50 connections",
            "an unacknowledged message is late after 60 s and comes again after 10 s and 30 s, as over HTTP",
        ],
    },
];
