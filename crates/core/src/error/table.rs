//! The one table that classifies DingTalk's codes (wire-facts §11.1). Every row has a test.

use crate::error::Signal;

/// What a failed answer means for the caller and for the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// Row 1: the way to the platform failed for a moment.
    Transient,
    /// Row 2: the address is banned for five minutes.
    IpBan,
    /// Row 3: not executed, may be sent again after a pause, whatever the method.
    Throttled,
    /// Row 4.
    Quota,
    /// Row 5: maybe executed.
    Busy,
    /// Row 6: the token is dead.
    TokenDead,
    /// Row 7.
    MissingToken,
    /// Row 8.
    Credentials,
    /// Row 9.
    TicketStale,
    /// Row 10.
    NotAuthorized,
    /// Row 11.
    CodeDead,
    /// Row 12.
    LoginAgain,
    /// Row 13.
    Permission,
    /// Row 14.
    IpNotAllowed,
    /// Row 15.
    OutsideScope,
    /// Row 16.
    NotFound,
    /// Row 17.
    BadRequest,
    /// Row 18.
    NoSuchApi,
    /// Not a reply that the platform is known to send.
    NotUnderstood,
    /// Row 19.
    Unknown,
}

/// What the request was for: the same code means different things to different askers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A call with a token, or without.
    Call,
    /// Asking for an app's token.
    Token,
    /// Exchanging a one-time code.
    Exchange,
    /// Refreshing a user's token.
    Refresh,
}

/// Finds the first row that the signal fits.
pub(crate) fn classify(signal: &Signal, purpose: Purpose) -> Class {
    let code = signal.code.as_deref().unwrap_or_default();
    let number = signal.number();
    // 40000 under the wrapper says that the token was blank; alone it is a bad argument.
    if signal.sub_code.as_deref() == Some("40000") && code == "88" {
        return Class::MissingToken;
    }
    let found = TABLE.iter().find(|row| {
        (row.statuses.is_empty() || row.statuses.contains(&signal.status))
            && (number.is_some_and(|number| row.numbers.iter().any(|r| r.contains(number)))
                || row.words.iter().any(|word| word.fits(code))
                || (row.whole_status && row.statuses.contains(&signal.status))
                || (row.ban && signal.banned))
    });
    let class = match found {
        Some(row) => row.class,
        None if signal.unreadable && signal.status >= 500 => Class::Busy,
        None if signal.unreadable => Class::NotUnderstood,
        None => Class::Unknown,
    };
    match (class, purpose) {
        // 40001 at a token endpoint speaks of the secret: there is no token yet.
        (Class::TokenDead, Purpose::Token) => Class::Credentials,
        // A refresh token that is over answers as a dead code does.
        (Class::CodeDead | Class::TokenDead, Purpose::Refresh) => Class::LoginAgain,
        (Class::TokenDead, Purpose::Exchange) => Class::CodeDead,
        (class, _) => class,
    }
}

struct Row {
    class: Class,
    /// Statuses that the row is limited to; empty for any.
    statuses: &'static [u16],
    /// The statuses alone suffice, whatever the body.
    whole_status: bool,
    numbers: &'static [Numbers],
    words: &'static [Word],
    ban: bool,
}

#[derive(Clone, Copy)]
struct Numbers(i64, i64);

impl Numbers {
    fn contains(self, number: i64) -> bool {
        (self.0..=self.1).contains(&number)
    }
}

enum Word {
    Is(&'static str),
    Starts(&'static str),
    Ends(&'static str),
    Contains(&'static str),
}

impl Word {
    fn fits(&self, code: &str) -> bool {
        match *self {
            Self::Is(word) => code == word,
            Self::Starts(word) => code.starts_with(word),
            Self::Ends(word) => code.ends_with(word),
            Self::Contains(word) => code.contains(word),
        }
    }
}

use Word::{Contains, Ends, Is, Starts};

const fn one(number: i64) -> Numbers {
    Numbers(number, number)
}

const fn row(class: Class, numbers: &'static [Numbers], words: &'static [Word]) -> Row {
    Row { class, statuses: &[], whole_status: false, numbers, words, ban: false }
}

/// The order matters: throttling stands before permission, since both come as 403 with a code
/// that begins with `Forbidden.AccessDenied.`.
const TABLE: &[Row] = &[
    Row { statuses: &[502, 503, 504], whole_status: true, ..row(Class::Transient, &[], &[]) },
    row(Class::Transient, &[], &[Is("service.timeout"), Is("serviceBusy")]),
    Row { ban: true, ..row(Class::IpBan, &[], &[]) },
    Row { statuses: &[429], whole_status: true, ..row(Class::Throttled, &[], &[]) },
    row(
        Class::Throttled,
        &[Numbers(90001, 90014), Numbers(90017, 90018), one(45009)],
        &[
            Contains(".Qps"),
            Contains(".Qpm"),
            Is("qps.exceed.limit"),
            Is("request.too.fast"),
            Is("request.overlimit"),
            Ends(".flowControlError"),
        ],
    ),
    row(
        Class::Quota,
        &[one(90020)],
        &[Is("Forbidden.AccessDenied.ApiCountLimitForOrg"), Is("daily.call.limit")],
    ),
    row(
        Class::Busy,
        &[one(-1), one(400_001)],
        &[
            Is("system.busy"),
            Is("systemBusy"),
            Is("system.error"),
            Is("systemError"),
            Is("unknownError"),
            Is("server.error"),
            Ends(".systemError"),
            Ends(".lockError"),
        ],
    ),
    row(
        Class::TokenDead,
        &[one(40001), one(40014), one(42001), one(42009), one(48003), one(40082)],
        &[
            Is("InvalidAuthentication"),
            Is("accesstoken.expired"),
            Is("invalidAccessToken"),
            Is("invalidToken"),
        ],
    ),
    row(Class::MissingToken, &[one(41001)], &[Is("AuthenticationFailed.MissingParameter")]),
    row(
        Class::Credentials,
        &[
            one(40096),
            Numbers(40088, 40090),
            one(40080),
            one(40083),
            one(40013),
            Numbers(853_003, 853_004),
        ],
        &[Is("invalidClientIdOrSecret"), Is("invalid.client"), Is("invalidSuiteKey")],
    ),
    row(Class::TicketStale, &[one(40085)], &[Is("invalidSuiteTicket")]),
    row(
        Class::NotAuthorized,
        &[
            one(40079),
            one(40091),
            Numbers(41030, 41031),
            one(43007),
            one(48004),
            one(50003),
            one(50005),
            one(70001),
            Numbers(70003, 70005),
        ],
        &[Is("invalidAuthInfo"), Is("unauthorized.client")],
    ),
    row(
        Class::CodeDead,
        &[
            one(40078),
            one(40077),
            one(42003),
            Numbers(42007, 42008),
            one(40029),
            one(40102),
            one(41007),
        ],
        &[Is("invalidParameter.authCode.notFound"), Is("invalidCode")],
    ),
    row(Class::LoginAgain, &[one(42002)], &[]),
    row(
        Class::Permission,
        &[one(60011)],
        &[Is("Forbidden.AccessDenied.AccessTokenPermissionDenied"), Is("permission.deny")],
    ),
    row(Class::IpNotAllowed, &[one(60020)], &[Is("Forbidden.AccessDenied.IpNotInWhiteList")]),
    row(Class::OutsideScope, &[one(50002), one(50004)], &[]),
    row(
        Class::NotFound,
        &[one(60121), one(60120), one(33012), one(60003), one(60111), one(40003), one(40073)],
        &[Is("invalidParameter.user.notFound")],
    ),
    row(
        Class::BadRequest,
        &[
            Numbers(400_002, 400_004),
            one(40000),
            one(40002),
            one(40009),
            Numbers(40031, 40038),
            Numbers(40068, 40070),
            one(40084),
            one(40086),
            one(40104),
            Numbers(41002, 41027),
            Numbers(43000, 43999),
            one(44002),
            one(47001),
            one(33001),
            one(50001),
            one(60019),
            Numbers(853_001, 853_002),
        ],
        &[
            Starts("Missing"),
            Starts("invalidParameter."),
            Is("parameter.error"),
            Is("unsupported.grant.type"),
            Ends(".paramError"),
            Ends(".tokenTypeError"),
        ],
    ),
    row(
        Class::NoSuchApi,
        &[one(22), one(404), one(48002), one(800_001)],
        &[Is("InvalidAction.NotFound")],
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::Family;
    use crate::wire::Response;

    fn class(status: u16, body: &str) -> Class {
        class_for(Purpose::Call, status, body)
    }

    fn class_for(purpose: Purpose, status: u16, body: &str) -> Class {
        let response = Response::new(status, Default::default(), body.to_owned());
        let family = if body.contains("errcode") { Family::TopApi } else { Family::OpenApi };
        classify(&Signal::read(&response, family), purpose)
    }

    fn numbers(class_wanted: Class, codes: &[i64]) {
        for code in codes {
            let plain = format!(r#"{{"errcode":{code},"errmsg":"x"}}"#);
            assert_eq!(class(200, &plain), class_wanted, "{plain}");
            let wrapped = format!(r#"{{"errcode":88,"sub_code":"{code}","errmsg":"x"}}"#);
            assert_eq!(class(200, &wrapped), class_wanted, "{wrapped}");
        }
    }

    fn words(class_wanted: Class, status: u16, codes: &[&str]) {
        for code in codes {
            let body = format!(r#"{{"code":"{code}","message":"x","requestid":"r"}}"#);
            assert_eq!(class(status, &body), class_wanted, "{status} {body}");
        }
    }

    #[test]
    fn row_01_gateway_statuses_are_transient_whatever_the_body() {
        for status in [502, 503, 504] {
            for body in ["<html>bad gateway</html>", "", r#"{"code":"service.timeout"}"#] {
                assert_eq!(class(status, body), Class::Transient, "{status} {body}");
            }
        }
        words(Class::Transient, 500, &["service.timeout", "serviceBusy"]);
    }

    #[test]
    fn row_02_the_ban_page_and_the_ban_object_stop_everything() {
        let object = r#"{"status":1111,"wait":5,"source":"x5","punish":"deny","uuid":"0a1b"}"#;
        assert_eq!(class(200, object), Class::IpBan);
        assert_eq!(class(200, "<html>"), Class::IpBan);
        assert_eq!(class(403, "  <!DOCTYPE html>"), Class::IpBan);
    }

    #[test]
    fn row_03_throttling_comes_before_permission() {
        words(
            Class::Throttled,
            403,
            &[
                "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi",
                "Forbidden.AccessDenied.QpsLimitForApi",
                "Forbidden.AccessDenied.QpmLimitForAppkeyAndApi",
                "Forbidden.AccessDenied.QpsLimitForSuitekeyAndOrgAndApi",
                "Forbidden.AccessDenied.QpmLimitForSuitekeyAndOrgAndApi",
            ],
        );
        words(Class::Throttled, 429, &["system.busy", "systemBusy"]);
        numbers(Class::Throttled, &[90001, 90002, 90007, 90014, 90018]);
    }

    #[test]
    fn row_04_the_monthly_quota_is_no_throttle() {
        words(Class::Quota, 403, &["Forbidden.AccessDenied.ApiCountLimitForOrg"]);
        numbers(Class::Quota, &[90020]);
    }

    #[test]
    fn row_05_busy_may_have_been_executed() {
        numbers(Class::Busy, &[-1]);
        words(
            Class::Busy,
            500,
            &[
                "system.busy",
                "systemBusy",
                "system.error",
                "unknownError",
                "todo.taskCreate.systemError",
            ],
        );
        words(Class::Busy, 400, &["todo.taskCreate.systemError"]);
    }

    #[test]
    fn row_06_a_dead_token_is_seen_in_all_three_families() {
        numbers(Class::TokenDead, &[40001, 40014, 42001]);
        words(
            Class::TokenDead,
            400,
            &["InvalidAuthentication", "accesstoken.expired", "invalidAccessToken"],
        );
    }

    #[test]
    fn row_06_at_a_token_endpoint_40001_speaks_of_the_secret() {
        let body = r#"{"errcode":40001,"errmsg":"x"}"#;
        assert_eq!(class_for(Purpose::Token, 200, body), Class::Credentials);
    }

    #[test]
    fn row_07_a_token_that_was_not_sent_is_the_programs_fault() {
        let blank = r#"{"errcode":88,"sub_code":"40000","sub_msg":"access_token is blank"}"#;
        assert_eq!(class(200, blank), Class::MissingToken);
        words(Class::MissingToken, 400, &["AuthenticationFailed.MissingParameter"]);
        numbers(Class::MissingToken, &[41001]);
    }

    #[test]
    fn row_08_wrong_credentials_are_never_retried() {
        numbers(Class::Credentials, &[40096, 40089, 40088, 40080]);
        words(
            Class::Credentials,
            400,
            &["invalidClientIdOrSecret", "invalid.client", "invalidSuiteKey"],
        );
    }

    #[test]
    fn row_09_a_stale_ticket_waits_for_the_next_push() {
        numbers(Class::TicketStale, &[40085]);
        words(Class::TicketStale, 400, &["invalidSuiteTicket"]);
    }

    #[test]
    fn row_10_an_organization_that_did_not_authorize_must_act() {
        numbers(Class::NotAuthorized, &[40079, 41030, 48004]);
        words(Class::NotAuthorized, 400, &["invalidAuthInfo"]);
        for status in [400, 401] {
            words(Class::NotAuthorized, status, &["unauthorized.client"]);
        }
    }

    #[test]
    fn row_11_a_dead_code_starts_the_login_again() {
        numbers(Class::CodeDead, &[40078, 42003, 42008, 40029, 40102]);
        words(Class::CodeDead, 400, &["invalidParameter.authCode.notFound", "invalidCode"]);
    }

    #[test]
    fn row_12_a_dead_refresh_token_starts_the_login_again() {
        numbers(Class::LoginAgain, &[42002]);
        let body = r#"{"code":"invalidParameter.authCode.notFound"}"#;
        assert_eq!(class_for(Purpose::Refresh, 400, body), Class::LoginAgain);
        assert_eq!(class_for(Purpose::Exchange, 400, body), Class::CodeDead);
    }

    #[test]
    fn row_13_a_missing_permission_point_asks_for_it() {
        numbers(Class::Permission, &[60011]);
        words(
            Class::Permission,
            403,
            &["Forbidden.AccessDenied.AccessTokenPermissionDenied", "permission.deny"],
        );
    }

    #[test]
    fn row_14_an_address_off_the_white_list_is_named() {
        numbers(Class::IpNotAllowed, &[60020]);
        words(Class::IpNotAllowed, 403, &["Forbidden.AccessDenied.IpNotInWhiteList"]);
    }

    #[test]
    fn row_15_outside_the_contact_scope() {
        numbers(Class::OutsideScope, &[50002, 50004]);
    }

    #[test]
    fn row_16_not_found_is_a_normal_result() {
        numbers(Class::NotFound, &[60121, 33012, 60003, 60111]);
        words(Class::NotFound, 404, &["invalidParameter.user.notFound"]);
    }

    #[test]
    fn row_17_bad_requests_are_for_the_caller_to_fix() {
        numbers(Class::BadRequest, &[400_002, 40035, 43002, 43007 - 5, 43009]);
        assert_eq!(class(200, r#"{"errcode":40000,"errmsg":"x"}"#), Class::BadRequest);
        words(
            Class::BadRequest,
            400,
            &[
                "Missingbody",
                "MissingclientId",
                "invalidParameter.x",
                "parameter.error",
                "todo.taskCreate.paramError",
            ],
        );
    }

    #[test]
    fn row_18_no_such_api() {
        words(Class::NoSuchApi, 404, &["InvalidAction.NotFound"]);
        numbers(Class::NoSuchApi, &[48002]);
        assert_eq!(class(200, r#"{"errcode":22,"errmsg":"x"}"#), Class::NoSuchApi);
        assert_eq!(class(200, r#"{"errcode":404,"errmsg":"x"}"#), Class::NoSuchApi);
    }

    #[test]
    fn row_19_anything_else_is_kept_as_it_is() {
        numbers(Class::Unknown, &[52013, 660_026]);
        words(Class::Unknown, 418, &["teapot"]);
    }

    #[test]
    fn a_body_that_is_no_envelope_is_not_understood_and_5xx_is_busy() {
        assert_eq!(class(200, "{"), Class::NotUnderstood);
        assert_eq!(class(302, "<html>moved</html>"), Class::NotUnderstood);
        assert_eq!(class(500, "oops"), Class::Busy);
    }
}
