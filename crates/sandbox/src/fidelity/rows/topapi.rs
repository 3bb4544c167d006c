//! What topapi rests on, in the order of the routes.

use super::super::Basis::{Assumed, Documented, Live, Sdk};
use super::super::Row;

/// A row for each operation.
pub(crate) const ROWS: &[Row] = &[
    Row {
        operation: "POST /topapi/v2/user/get",
        section: "§6.1",
        success: &[Live, Sdk, Documented],
        errors: &[Live, Documented],
        semantics: &[Documented, Assumed],
        assumed: &[
            "unknown ids are 60121 and malformed ones 33012: reports and page differ (switch `unknownUser`)",
            "a picture that is not there is empty text: switch `avatarAbsent`",
        ],
    },
    Row {
        operation: "POST /topapi/v2/user/getuserinfo",
        section: "§6.2",
        success: &[Documented],
        errors: &[Live],
        semantics: &[Live, Documented, Assumed],
        assumed: &[
            "the 40078 body has a `request_id`: the business layer's form",
            "the code is bound to app and organization",
        ],
    },
    Row {
        operation: "POST /topapi/v2/user/getbymobile",
        section: "§6.4",
        success: &[Documented, Sdk],
        errors: &[Documented, Assumed],
        semantics: &[Documented, Assumed],
        assumed: &[
            "50002 outside the contact scope: seen elsewhere, not here",
            "what counts as an invalid number (40104): other characters than digits, `+` and `-`, or not 6 to 20 of them",
        ],
    },
    Row {
        operation: "POST /topapi/v2/user/list",
        section: "§6.5",
        success: &[Sdk, Documented],
        errors: &[Documented, Assumed],
        semantics: &[Documented, Assumed],
        assumed: &[
            "60019 stands for an unknown department: the page lists the number without its case",
            "40035 covers every mistake of cursor, size and order: the only such number on the page",
            "the default order is the contact list's: newest seat last",
        ],
    },
    Row {
        operation: "POST /topapi/user/getbyunionid",
        section: "§6.3",
        success: &[Live, Documented],
        errors: &[Live, Documented, Assumed],
        semantics: &[Documented],
        assumed: &["50002 outside the contact scope: seen elsewhere, not here"],
    },
    Row {
        operation: "POST /topapi/user/listsimple",
        section: "§6.5",
        success: &[Documented],
        errors: &[Documented, Assumed],
        semantics: &[Documented, Assumed],
        assumed: &[
            "50004 outside the contact scope: the neighbour's page",
            "the default order is the contact list's: newest seat last",
        ],
    },
    Row {
        operation: "POST /topapi/user/listid",
        section: "§6.5",
        success: &[Documented],
        errors: &[Documented],
        semantics: &[Documented],
        assumed: &[],
    },
    Row {
        operation: "POST /topapi/v2/department/listsub",
        section: "§6.6",
        success: &[Live, Sdk, Documented],
        errors: &[Documented, Assumed],
        semantics: &[Documented, Assumed],
        assumed: &[
            "50004 outside the contact scope: the code table's meaning",
            "the flags of a department: always the usual ones",
        ],
    },
    Row {
        operation: "POST /topapi/v2/department/get",
        section: "§6.6",
        success: &[Live, Sdk, Documented],
        errors: &[Documented, Assumed],
        semantics: &[Documented, Assumed],
        assumed: &[
            "50004 outside the contact scope: the code table's meaning",
            "the settings of a department: always the usual ones",
        ],
    },
    Row {
        operation: "POST /topapi/v2/department/listsubid",
        section: "§6.6",
        success: &[Documented],
        errors: &[Documented, Assumed],
        semantics: &[Documented],
        assumed: &["50004 outside the contact scope: the code table's meaning"],
    },
    Row {
        operation: "POST /topapi/v2/department/listparentbyuser",
        section: "§6.6",
        success: &[Documented],
        errors: &[Documented, Assumed],
        semantics: &[Documented],
        assumed: &[
            "43007 for somebody outside the contact scope: the page lists the number without its case",
        ],
    },
    Row {
        operation: "POST /topapi/v2/department/listparentbydept",
        section: "§6.6",
        success: &[Documented],
        errors: &[Documented, Assumed],
        semantics: &[Documented],
        assumed: &["43007 outside the contact scope: the page lists the number without its case"],
    },
];
