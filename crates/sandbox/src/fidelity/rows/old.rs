//! What the old calls rest on, in the order of the routes.

use super::super::Basis::{Assumed, Documented, Live, Sdk, ThirdParty};
use super::super::Row;

/// A row for each operation.
pub(crate) const ROWS: &[Row] = &[
    Row {
        operation: "GET /gettoken",
        section: "§2.1",
        success: &[Documented],
        errors: &[Live],
        semantics: &[Documented, Assumed],
        assumed: &["a disabled app is refused like a wrong secret: nothing else is known of it"],
    },
    Row {
        operation: "GET /get_jsapi_ticket",
        section: "§7.1",
        success: &[Documented],
        errors: &[Documented],
        semantics: &[Documented],
        assumed: &[],
    },
    Row {
        operation: "GET /auth/scopes",
        section: "§3.5",
        success: &[Documented],
        errors: &[Live, Assumed],
        semantics: &[Documented, Assumed],
        assumed: &[
            "40014 was seen on another path of the family, and nothing else",
            "which fields `auth_user_field` names: the page's sample, plus those whose points are granted",
        ],
    },
    Row {
        operation: "GET /sso/gettoken",
        section: "§3.7",
        success: &[Documented],
        errors: &[Documented, Assumed],
        semantics: &[Documented, Assumed],
        assumed: &[
            "41002 and 41004 for missing parameters: the code table's meaning, not this page's",
            "a life of 3600 s: as the v1.0 twin's sample has it",
        ],
    },
    Row {
        operation: "GET /sso/getuserinfo",
        section: "§3.7",
        success: &[Documented],
        errors: &[Documented],
        semantics: &[Documented, Assumed],
        assumed: &["the code lives five minutes and is used once: as the other codes"],
    },
    Row {
        operation: "GET /user/getuserinfo",
        section: "§6.2",
        success: &[Documented, ThirdParty],
        errors: &[Live, Assumed],
        semantics: &[Documented, Assumed],
        assumed: &[
            "a missing code is 40035: the code table's meaning",
            "the code is bound to app and organization: the newer twin's reading",
        ],
    },
    Row {
        operation: "POST /service/get_corp_token",
        section: "§3.4",
        success: &[Documented, Sdk],
        errors: &[Documented, Assumed],
        semantics: &[Documented, Assumed],
        assumed: &[
            "the order in which parameters are judged, and 410xx for what is missing in the body: the code table's meaning",
            "an older token lives on: switch `corpTokenInvalidates`",
        ],
    },
    Row {
        operation: "POST /service/get_suite_token",
        section: "§3.3",
        success: &[Documented],
        errors: &[Documented, Assumed],
        semantics: &[Documented, Assumed],
        assumed: &[
            "which of the code table's numbers stands for which mistake",
            "a new token each time: as for corporation tokens",
        ],
    },
    Row {
        operation: "POST /service/get_auth_info",
        section: "§3.5",
        success: &[Documented],
        errors: &[Documented, Assumed],
        semantics: &[Documented, Assumed],
        assumed: &[
            "41027, 41030, 70001 here: the code table's meaning",
            "an organization without authentication, trade and pictures: empty values",
        ],
    },
    Row {
        operation: "POST /service/get_agent",
        section: "§3.5",
        success: &[Documented],
        errors: &[Documented, Assumed],
        semantics: &[Documented, Assumed],
        assumed: &[
            "which of the code table's numbers stands for which mistake",
            "the arguments of a signature are judged only where they are given: the page lists both credentials",
        ],
    },
    Row {
        operation: "POST /service/get_permanent_code",
        section: "§3.5",
        success: &[Documented],
        errors: &[Documented, Assumed],
        semantics: &[Documented, Assumed],
        assumed: &[
            "which of the code table's numbers stands for which mistake: the page is history",
            "asked again with another code, the permanent code of an organization stays",
        ],
    },
    Row {
        operation: "POST /service/activate_suite",
        section: "§3.5",
        success: &[Documented],
        errors: &[Documented, Assumed],
        semantics: &[Documented, Assumed],
        assumed: &[
            "which of the code table's numbers stands for which mistake: the page is history",
            "nothing hangs on it: today's apps work without it",
        ],
    },
    Row {
        operation: "POST /call_back/register_call_back",
        section: "§10.5",
        success: &[Documented],
        errors: &[Documented, Assumed],
        semantics: &[Documented, Assumed],
        assumed: &[
            "the texts of 71006 to 71013: the table's words in short",
            "only loopback addresses are allowed (71013): a sandbox calls nobody else",
        ],
    },
    Row {
        operation: "POST /call_back/update_call_back",
        section: "§10.5",
        success: &[Documented],
        errors: &[Documented, Assumed],
        semantics: &[Documented, Assumed],
        assumed: &["as for the registration"],
    },
    Row {
        operation: "GET /call_back/get_call_back",
        section: "§10.5",
        success: &[Documented],
        errors: &[Documented, Assumed],
        semantics: &[Documented, Assumed],
        assumed: &[
            "71007 where nothing is registered: the table's meaning",
            "the secrets come back as they were given",
        ],
    },
    Row {
        operation: "GET /call_back/delete_call_back",
        section: "§10.5",
        success: &[Documented],
        errors: &[Documented, Assumed],
        semantics: &[Documented],
        assumed: &["71007 where nothing is registered: the table's meaning"],
    },
    Row {
        operation: "GET /call_back/get_call_back_failed_result",
        section: "§10.5",
        success: &[Documented, Assumed],
        errors: &[Documented],
        semantics: &[Documented, Assumed],
        assumed: &[
            "the members of an entry besides its tag: no source prints them",
            "what was asked for once is gone from the list",
        ],
    },
    Row {
        operation: "POST /sns/getuserinfo_bycode",
        section: "§3.8",
        success: &[Live, Documented],
        errors: &[Live, Assumed],
        semantics: &[Documented, Assumed],
        assumed: &[
            "41026 and 40078 for a code that is missing or dead: the code table's meaning",
            "the code lives five minutes: as the other codes",
        ],
    },
];
