//! What the platform's own calls to a receiver rest on.

use super::super::Basis::{Assumed, Documented, Sdk};
use super::super::Row;

/// A row for each kind of push.
pub(crate) const ROWS: &[Row] = &[
    Row {
        operation: "encrypted POST to a callback",
        section: "§10.1, §10.2",
        success: &[Documented, Sdk],
        errors: &[Documented],
        semantics: &[Documented, Assumed],
        assumed: &[
            "both `signature` and `msg_signature` are sent: the pages differ",
            "a reply may take 2.5 s, the current page's number",
        ],
    },
    Row {
        operation: "check_url, check_create_suite_url, check_update_suite_url",
        section: "§10.4",
        success: &[Documented],
        errors: &[Documented],
        semantics: &[Documented, Assumed],
        assumed: &["the first check of a suite is encrypted with the suite key"],
    },
    Row {
        operation: "suite_ticket",
        section: "§3.6",
        success: &[Documented],
        errors: &[Documented],
        semantics: &[Documented],
        assumed: &[],
    },
    Row {
        operation: "tmp_auth_code, change_auth, suite_relieve",
        section: "§10.4",
        success: &[Documented],
        errors: &[Documented],
        semantics: &[Documented, Assumed],
        assumed: &["pushed when `Sandbox::authorize` and its neighbours are called"],
    },
    Row {
        operation: "org_micro_app_stop, org_micro_app_restore",
        section: "§10.4",
        success: &[Documented],
        errors: &[Documented],
        semantics: &[Documented, Assumed],
        assumed: &["pushed when `Sandbox::set_app_stopped` is called"],
    },
    Row {
        operation: "contact events",
        section: "§10.4",
        success: &[Documented],
        errors: &[Documented],
        semantics: &[Documented, Assumed],
        assumed: &["which change raises which event, where the table of names is all there is"],
    },
    Row {
        operation: "SyncHTTP form of a vendor's events",
        section: "§10.5",
        success: &[Documented],
        errors: &[Documented],
        semantics: &[Documented, Assumed],
        assumed: &[
            "members of `biz_data` beyond the sheet's, and which events are of which priority",
        ],
    },
    Row {
        operation: "events, callbacks, ping and disconnect over Stream",
        section: "§10.7",
        success: &[Sdk, Documented],
        errors: &[Sdk, Assumed],
        semantics: &[Sdk, Documented, Assumed],
        assumed: &[
            "a ping every 60 s, 50 connections of an app, 64 messages in flight",
            "events wait for a connection; a closed one costs no attempt",
            "`LATER`, another code than 200 and no acknowledgement at all are the same",
        ],
    },
];
