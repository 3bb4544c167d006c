//! What the platform itself says, and work that was done although its answer never came.

use dingtalk_sandbox::{PlatformError, Sandbox};
use dingtalk_tests::reset;

use super::network::put;
use super::{By, Exception, Kind, except};
use crate::rule::{End, Rule};

const BUSY: Rule = Rule::Doubtful(End::Busy);
const THROTTLED: Rule = Rule::Harmless(End::Throttled);
const BANNED: Rule = Rule::Final(End::IpBanned);
const LOST: Rule = Rule::Doubtful(End::Lost);

/// A token request of an app's carries no token that could be dead: the same words are about its
/// secret there.
const ABOUT_THE_SECRET: Exception = except(
    &[
        "app token",
        "app token, old way",
        "app token, by organization",
        "organization's token",
        "organization's token, signed",
        "suite's token",
        "sso token",
    ],
    Rule::Final(End::Credentials),
    "no token was sent, so the words are about the secret",
);
const ABOUT_THE_CODE: Exception = except(
    &["login code exchanged"],
    Rule::Final(End::CodeDead),
    "no token was sent, so the words are about the code",
);
const TAKEN_AS_SAID: Exception = except(
    &["login code exchanged by hand"],
    Rule::Final(End::TokenRejected),
    "a call by hand has no token to renew, and takes the words as they are",
);
/// Where no token is held that could have been dropped.
const NONE_HELD: Exception = except(
    &[
        "app token",
        "app token, old way",
        "app token, by organization",
        "organization's token",
        "organization's token, signed",
        "suite's token",
        "sso token",
        "login code exchanged",
        "login code exchanged by hand",
        "session refreshed",
    ],
    Rule::Unfelt,
    "no token is held that could be dropped",
);
const ABOUT_THE_REFRESH_TOKEN: Exception = except(
    &["session refreshed"],
    Rule::Final(End::LoginAgain),
    "the refresh token is what is dead",
);

pub(super) const KINDS: &[Kind] = &[
    api("busy (errcode -1)", PlatformError::Busy, BUSY),
    api("unavailable (503 serviceBusy)", PlatformError::Unavailable, BUSY),
    api("too slow (504 service.timeout)", PlatformError::Timeout, BUSY),
    api("throttled by the second (90018)", PlatformError::Throttled, THROTTLED),
    api("throttled by the minute", PlatformError::MinuteThrottled, THROTTLED).except(&[except(
        &[
            "person by id (topapi)",
            "person by mobile (topapi)",
            "departments (topapi)",
            "contact scope (old family)",
            "page ticket (old family)",
            "app token, old way",
            "organization's token, signed",
            "silent login code",
        ],
        Rule::Final(End::Throttled),
        "the text says until when, and that is longer than the call may take",
    )]),
    api("throttled for one customer (90009)", PlatformError::SuiteThrottled, THROTTLED),
    api("throttled for everybody (90002)", PlatformError::PlatformThrottled, THROTTLED),
    api("throttled by the service (429)", PlatformError::ServiceThrottled, THROTTLED),
    api("token dead on first use", PlatformError::TokenDead, Rule::Harmless(End::TokenRejected))
        .except(&[ABOUT_THE_SECRET, ABOUT_THE_CODE, ABOUT_THE_REFRESH_TOKEN, TAKEN_AS_SAID]),
    Kind::new(
        "API",
        "all tokens dropped",
        By::Deed(drop_tokens),
        Rule::Harmless(End::TokenRejected),
    )
    .except(&[NONE_HELD]),
    api("quota used up (90020)", PlatformError::Quota, Rule::Final(End::Quota)),
    api("address banned, as a page", PlatformError::IpBanHtml, BANNED),
    api("address banned, as JSON", PlatformError::IpBanJson, BANNED),
    api(
        "address not on the white list (60020)",
        PlatformError::IpNotAllowed,
        Rule::Final(End::IpNotAllowed),
    ),
    api(
        "permission taken away (60011)",
        PlatformError::PermissionMissing,
        Rule::Final(End::Permission),
    ),
    Kind::new(
        "API",
        "a code that no table has",
        By::Front(|stream, whole| {
            let text = r#"{"errcode":987654,"errmsg":"?","code":"never.seen","message":"?"}"#;
            let mut whole = whole.with_body(text);
            whole.status = 400;
            put(stream, &whole.bytes())
        }),
        Rule::Final(End::Unknown),
    ),
    lost("executed, closed without a word", By::Sandbox(|fault| fault.execute_then_drop()), LOST),
    lost("executed, reset without a word", By::Front(|stream, _| reset(stream)), LOST),
    lost(
        "executed, and a gateway says 502",
        By::Front(|stream, whole| {
            let mut whole = whole.with_body("<html>502</html>");
            whole.status = 502;
            put(stream, &whole.bytes())
        }),
        BUSY,
    ),
    lost(
        "executed, and the platform says it is busy",
        By::Front(|stream, whole| {
            let text = r#"{"errcode":-1,"errmsg":"busy","code":"system.busy","message":"busy"}"#;
            let mut whole = whole.with_body(text);
            whole.status = 500;
            put(stream, &whole.bytes())
        }),
        BUSY,
    ),
    life("a token that lives for 0 s", |stream, whole| put(stream, &with_life(whole, "0"))),
    life("a token that lives for -1 s", |stream, whole| put(stream, &with_life(whole, "-1"))),
    life("a token that lives for 2⁶³ s", |stream, whole| {
        put(stream, &with_life(whole, "9223372036854775808"))
    }),
    life("a token that lives for a word", |stream, whole| {
        put(stream, &with_life(whole, "\"long\""))
    }),
];

const fn lost(name: &'static str, by: By, rule: Rule) -> Kind {
    Kind::new("did it but lost the answer", name, by, rule).executed()
}

const fn life(name: &'static str, misdeed: dingtalk_tests::Misdeed) -> Kind {
    Kind::new("API", name, By::Token(misdeed), Rule::Unfelt).executed()
}

/// The platform's own errors are struck by the sandbox, which needs to be told which.
const fn api(name: &'static str, error: PlatformError, rule: Rule) -> Kind {
    use PlatformError::{
        Busy, IpBanHtml, IpBanJson, IpNotAllowed, MinuteThrottled, PermissionMissing,
        PlatformThrottled, Quota, ServiceThrottled, SuiteThrottled, Throttled, Timeout, TokenDead,
        Unavailable,
    };
    let by = By::Sandbox(match error {
        Busy => |fault| fault.platform_error(Busy),
        Unavailable => |fault| fault.platform_error(Unavailable),
        Timeout => |fault| fault.platform_error(Timeout),
        Throttled => |fault| fault.platform_error(Throttled),
        MinuteThrottled => |fault| fault.platform_error(MinuteThrottled),
        SuiteThrottled => |fault| fault.platform_error(SuiteThrottled),
        PlatformThrottled => |fault| fault.platform_error(PlatformThrottled),
        ServiceThrottled => |fault| fault.platform_error(ServiceThrottled),
        TokenDead => |fault| fault.platform_error(TokenDead),
        Quota => |fault| fault.platform_error(Quota),
        IpBanHtml => |fault| fault.platform_error(IpBanHtml),
        IpBanJson => |fault| fault.platform_error(IpBanJson),
        IpNotAllowed => |fault| fault.platform_error(IpNotAllowed),
        PermissionMissing => |fault| fault.platform_error(PermissionMissing),
        _ => panic!("a new error of the platform's: say how it is struck"),
    });
    Kind::new("API", name, by, rule)
}

fn drop_tokens(sandbox: &Sandbox) {
    let _ = sandbox.revoke_all_tokens();
}

/// A token answer with another life in it.
fn with_life(whole: &dingtalk_tests::Whole, life: &str) -> Vec<u8> {
    let mut text = whole.text().to_owned();
    for name in ["\"expireIn\":", "\"expires_in\":", "\"expiresIn\":"] {
        if let Some((before, after)) = text.clone().split_once(name) {
            let rest = after.trim_start_matches(|c: char| c.is_ascii_digit());
            text = format!("{before}{name}{life}{rest}");
        }
    }
    whole.with_body(text).bytes()
}
