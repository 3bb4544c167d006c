//! Signed calls of the old family: HMAC-SHA256 over the timestamp and the suite ticket, in the query (wire-facts §3.4,
//! §3.8).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::apps::{App, AppKind};
use crate::call::Call;
use crate::platform::{Platform, same};
use crate::wire::failure::Failure;

/// How far a timestamp may be from the platform's time, in milliseconds.
const WINDOW: u64 = 60_000;

/// The app behind a call that signs timestamp and suite ticket.
pub(crate) fn suite<'p>(platform: &'p Platform, call: &Call<'_>) -> Result<&'p App, Failure> {
    let ticket = call.query("suiteTicket").filter(|ticket| !ticket.is_empty());
    let app = signer(platform, call, ticket)?;
    if app.kind == AppKind::Internal {
        return Err(unknown_key());
    }
    match ticket {
        // The old SDK signs the bare timestamp when there is no ticket; only a CustomKey app has none.
        None if app.kind == AppKind::Custom => Ok(app),
        None => Err(Failure::business(41023, "缺少suite_ticket参数")),
        Some(ticket) if app.takes_ticket(ticket) => Ok(app),
        Some(_) => Err(no_such_ticket()),
    }
}

/// The app behind a call that signs its timestamp only.
pub(crate) fn app<'p>(platform: &'p Platform, call: &Call<'_>) -> Result<&'p App, Failure> {
    signer(platform, call, None)
}

pub(crate) fn no_such_ticket() -> Failure {
    Failure::business(40085, "不存在的suiteticket")
}

/// The Base64 text that belongs into the query, before URL encoding.
pub(crate) fn signature(secret: &str, timestamp: &str, ticket: Option<&str>) -> String {
    // HMAC takes a key of any length, so the fallback cannot happen; it only keeps the types honest.
    let mut hmac = Hmac::<Sha256>::new_from_slice(secret.as_bytes())
        .unwrap_or_else(|_| Hmac::new(&Default::default()));
    hmac.update(timestamp.as_bytes());
    if let Some(ticket) = ticket {
        hmac.update(b"\n");
        hmac.update(ticket.as_bytes());
    }
    STANDARD.encode(hmac.finalize().into_bytes())
}

fn signer<'p>(
    platform: &'p Platform,
    call: &Call<'_>,
    ticket: Option<&str>,
) -> Result<&'p App, Failure> {
    let timestamp = call.query("timestamp").unwrap_or_default();
    let at = milliseconds(timestamp).ok_or_else(|| {
        Failure::business(853_001, "timestamp参数格式不正确，必须是当前时间的毫秒数")
    })?;
    if at.abs_diff(call.now) > WINDOW {
        let text = "timestamp参数不合法，该参数值与钉钉服务器当前时间相差超过1分钟";
        return Err(Failure::business(853_002, text));
    }
    let app = call.query("accessKey").and_then(|key| platform.app(key)).ok_or_else(unknown_key)?;
    call.note_app(&app.client_id);
    let given = call.query("signature").unwrap_or_default();
    if !same(&signature(&app.client_secret, timestamp, ticket), given) {
        let text =
            "signature参数不正确，与钉钉服务端计算出来的签名不一致，注意该参数传递时必须urlEncode";
        return Err(Failure::business(853_004, text));
    }
    Ok(app)
}

/// Thirteen digits: seconds, fractions and dates are no milliseconds.
fn milliseconds(text: &str) -> Option<u64> {
    let digits = text.len() == 13 && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

fn unknown_key() -> Failure {
    Failure::business(853_003, "accessKey参数不合法，必须是钉钉开放平台存在的appId")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_match_the_known_vectors() {
        for (secret, timestamp, ticket, wanted) in [
            (
                "secret",
                "1636725918388",
                Some("ticket"),
                "LOZmXJzlQYpIu5emP6/1OF4hE3qlMzY/6y4FbDjXPbU=",
            ),
            (
                "suiteSecretExample",
                "1700000000000",
                Some("ticketExample01"),
                "UKb7uIy4Vk1gzcdwNqMTUf7hw+VSW74SKb2stPi9irs=",
            ),
            (
                "customSecretExample",
                "1700000000000",
                None,
                "vaVEMfaJIj3qnpz0jupM5nOtAb0x8SS40ktP3Xrr67Y=",
            ),
            (
                "plus/slash==",
                "1527130370219",
                Some("TestSuiteTicket"),
                "8gt3FUf8uWIZXn+RYcuwu7ENXn/d7LnM1MnRVW100Vs=",
            ),
            (
                "testappSecret",
                "1546084445901",
                None,
                "HCbG3xNE3vzhO+u7qCUL1jS5hsu2n5r2cFhnTrtyDAE=",
            ),
        ] {
            assert_eq!(signature(secret, timestamp, ticket), wanted);
        }
    }

    #[test]
    fn only_thirteen_digits_are_milliseconds() {
        assert_eq!(milliseconds("1700000000000"), Some(1_700_000_000_000));
        for text in ["", "1700000000", "1700000000.12", "17000000000000", "+170000000000", "１"] {
            assert_eq!(milliseconds(text), None, "{text}");
        }
    }
}
