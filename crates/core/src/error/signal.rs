//! What an answer says about itself: codes, texts, ids, whatever the family (wire-facts §1.6).

use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::endpoint::Family;
use crate::wire::Response;
use crate::{Timestamp, lenient};

/// The evidence that the one table judges by.
#[derive(Debug, Default)]
pub(crate) struct Signal {
    pub(crate) status: u16,
    /// `errcode` of the older families or `code` of `/v1.0`, as text.
    pub(crate) code: Option<String>,
    pub(crate) sub_code: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) request_id: Option<String>,
    pub(crate) required_scopes: Vec<String>,
    pub(crate) retry_after: Option<Duration>,
    /// The body is the page or object that a banned address gets.
    pub(crate) banned: bool,
    /// The body is neither an error envelope nor a success of its family.
    pub(crate) unreadable: bool,
}

impl Signal {
    /// Reads an answer that was not accepted as a success.
    pub(crate) fn read(response: &Response, family: Family) -> Self {
        let mut signal = Self {
            status: response.status(),
            retry_after: response.header("retry-after").and_then(seconds),
            ..Self::default()
        };
        let body = trimmed(response.body());
        if body.first() == Some(&b'<') {
            // A gateway's own error page is no ban: only the ban comes outside 3xx and 5xx.
            signal.banned = !matches!(signal.status, 300..=399 | 500..);
            signal.unreadable = true;
            signal.request_id = request_id_header(response);
            return signal;
        }
        // As text, like every other answer: one reader is linked instead of two.
        let text = String::from_utf8_lossy(body);
        let Ok(envelope) = lenient::parse::<Envelope<'_>>(&text) else {
            signal.unreadable = true;
            signal.request_id = request_id_header(response);
            return signal;
        };
        signal.banned =
            envelope.status.is_some_and(|status| status.get().trim_matches('"') == "1111");
        signal.required_scopes = envelope.detail.required_scopes;
        signal.sub_code = envelope.sub_code;
        signal.message = envelope.sub_msg.or(envelope.errmsg).or(envelope.message);
        signal.request_id = envelope
            .request_id
            .or(envelope.requestid)
            .or(envelope.request_id_camel)
            .or_else(|| request_id_header(response));
        let errcode = envelope.errcode.filter(|code| *code != 0).map(|code| code.to_string());
        signal.code = match family {
            Family::OpenApi => envelope.code.or(errcode),
            Family::Legacy | Family::TopApi => errcode.or(envelope.code),
        };
        signal.unreadable = signal.code.is_none() && !signal.banned;
        if signal.required_scopes.is_empty() {
            signal.required_scopes =
                signal.message.as_deref().map(scopes_in_text).unwrap_or_default();
        }
        signal
    }

    /// The number that decides: the sub code where the code is the wrapper 88.
    pub(crate) fn number(&self) -> Option<i64> {
        let code = self.code.as_deref()?.parse().ok()?;
        let sub_code = self.sub_code.as_deref().and_then(|code| code.parse().ok());
        if code == 88 { sub_code.or(Some(code)) } else { Some(code) }
    }

    /// The developer console's page for the missing permission point, if the text names one.
    pub(crate) fn console_link(&self) -> Option<String> {
        let text = self.message.as_deref()?;
        let start = text.find("https://open-dev.dingtalk.")?;
        let link = text.get(start..)?;
        let end = link.find([',', '，', ']', ' ', '"', '<']).unwrap_or(link.len());
        link.get(..end).map(str::to_owned)
    }

    /// This machine's address as the platform saw it, if the text names it.
    pub(crate) fn request_ip(&self) -> Option<String> {
        let text = self.message.as_deref()?;
        let (_, rest) = text.split_once("request ip=")?;
        let end = rest.find(|c: char| !(c.is_ascii_hexdigit() || c == '.' || c == ':'))?;
        let ip = rest.get(..end)?;
        ip.parse::<std::net::IpAddr>().ok().map(|ip| ip.to_string())
    }

    /// Time until the end that a throttling text names: `限制将在 2026-03-02 10:00:02 结束`,
    /// in China's time (wire-facts §11.4). Only a convenience.
    pub(crate) fn ends_in(&self, now: Timestamp) -> Option<Duration> {
        let text = self.message.as_deref()?;
        let (before, _) = text.rsplit_once("结束")?;
        let (_, end) = before.rsplit_once('在')?;
        let end = china_time(end.trim())?;
        let left = end.checked_sub(now.unix_millis())?;
        Some(Duration::from_millis(left))
    }
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(default, deserialize_with = "lenient::read")]
    errcode: Option<i64>,
    #[serde(default, deserialize_with = "lenient::read", alias = "Code")]
    code: Option<String>,
    #[serde(default, deserialize_with = "lenient::read", alias = "subCode")]
    sub_code: Option<String>,
    #[serde(default, deserialize_with = "lenient::read", alias = "subMsg")]
    sub_msg: Option<String>,
    #[serde(default, deserialize_with = "lenient::read")]
    errmsg: Option<String>,
    #[serde(default, deserialize_with = "lenient::read", alias = "Message")]
    message: Option<String>,
    #[serde(default, deserialize_with = "lenient::read")]
    request_id: Option<String>,
    #[serde(default, deserialize_with = "lenient::read", alias = "RequestId")]
    requestid: Option<String>,
    #[serde(default, deserialize_with = "lenient::read", rename = "requestId")]
    request_id_camel: Option<String>,
    #[serde(
        default,
        rename = "accessdenieddetail",
        alias = "AccessDeniedDetail",
        deserialize_with = "lenient::object"
    )]
    detail: AccessDenied,
    /// The ban's number, but anything in other answers.
    #[serde(default, borrow)]
    status: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
struct AccessDenied {
    #[serde(default, rename = "requiredScopes", deserialize_with = "lenient::read")]
    required_scopes: Vec<String>,
}

/// The platform's id of a request that succeeded, for logs.
#[cfg(feature = "tracing")]
pub(crate) fn request_id(response: &Response, family: Family) -> Option<String> {
    const LONGEST: usize = 64;
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let id = Signal::read(response, family).request_id?;
    (id.len() <= LONGEST && id.chars().all(plain)).then_some(id)
}

fn request_id_header(response: &Response) -> Option<String> {
    response.header("x-acs-request-id").map(str::to_owned)
}

fn trimmed(body: &[u8]) -> &[u8] {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    body.trim_ascii_start()
}

/// `Retry-After` in seconds; the date form is not worth a calendar, and no capture shows either.
fn seconds(value: &str) -> Option<Duration> {
    value.trim().parse().ok().map(Duration::from_secs)
}

/// `… {requiredScopes=[a,b]}` or `…所需的权限：[a]…` in the text of the older families.
fn scopes_in_text(text: &str) -> Vec<String> {
    let list = ["requiredScopes=[", "权限：["]
        .iter()
        .find_map(|mark| text.split_once(mark))
        .and_then(|(_, rest)| rest.split_once(']'))
        .map(|(list, _)| list)
        .unwrap_or_default();
    list.split([',', '，'])
        .map(str::trim)
        .filter(|point| !point.is_empty() && point.len() <= 128)
        .take(32)
        .map(str::to_owned)
        .collect()
}

/// `2026-03-02 10:00:02` at UTC+8 as Unix milliseconds.
fn china_time(text: &str) -> Option<u64> {
    let (date, time) = text.split_once(' ')?;
    let mut date = date.splitn(3, '-').map(str::parse::<u64>);
    let (year, month, day) = (date.next()?.ok()?, date.next()?.ok()?, date.next()?.ok()?);
    let mut time = time.splitn(3, ':').map(str::parse::<u64>);
    let (hour, minute, second) = (time.next()?.ok()?, time.next()?.ok()?, time.next()?.ok()?);
    if !(1970..=9999).contains(&year)
        || !(1..=12).contains(&month)
        || !(1..=31).contains(&day)
        || hour > 23
        || minute > 59
        || second > 60
    {
        return None;
    }
    // Days since 1970 by counting years from March, so that the leap day comes last.
    let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1;
    let days = days.checked_sub(719_468)?;
    let seconds = days * 86_400 + hour * 3_600 + minute * 60 + second;
    seconds.checked_sub(8 * 3_600).map(|seconds| seconds * 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(status: u16, family: Family, body: &str) -> Signal {
        Signal::read(&Response::new(status, Default::default(), body.to_owned()), family)
    }

    #[test]
    fn the_three_envelopes_are_read_alike() {
        let a = read(200, Family::Legacy, r#"{"errcode":40014,"errmsg":"不合法的access_token"}"#);
        assert_eq!(a.number(), Some(40014));
        let b = read(
            200,
            Family::TopApi,
            r#"{"errcode":88,"sub_code":"40014","sub_msg":"x","errmsg":"y","request_id":"16l4"}"#,
        );
        assert_eq!((b.number(), b.request_id.as_deref()), (Some(40014), Some("16l4")));
        let c = read(
            400,
            Family::OpenApi,
            r#"{"code":"InvalidAuthentication","requestid":"5B2C","message":"z"}"#,
        );
        assert_eq!(c.code.as_deref(), Some("InvalidAuthentication"));
        assert_eq!(c.request_id.as_deref(), Some("5B2C"));
    }

    #[test]
    fn title_case_and_documented_spellings_are_read_too() {
        let c = read(
            403,
            Family::OpenApi,
            r#"{"Code":"x","Message":"m","RequestId":"r","AccessDeniedDetail":{"requiredScopes":["p"]}}"#,
        );
        assert_eq!(c.code.as_deref(), Some("x"));
        assert_eq!(c.required_scopes, ["p"]);
        let b = read(200, Family::TopApi, r#"{"errcode":"88","subCode":"60011","subMsg":"m"}"#);
        assert_eq!(b.number(), Some(60011));
    }

    #[test]
    fn minus_one_is_a_number_like_any_other() {
        assert_eq!(read(200, Family::TopApi, r#"{"errcode":-1}"#).number(), Some(-1));
    }

    #[test]
    fn the_scope_is_taken_from_the_field_or_the_text() {
        let text = "ding talk error[subcode=60011,submsg=应用尚未开通所需的权限：[qyapi_get_member]，点击链接申请并开通即可：https://open-dev.dingtalk.com/appscope/apply?content=dingabc%23qyapi_get_member, {requiredScopes=[qyapi_get_member]}]";
        let body = serde_json::json!({"errcode":88,"sub_code":"60011","errmsg":text}).to_string();
        let signal = read(200, Family::TopApi, &body);
        assert_eq!(signal.required_scopes, ["qyapi_get_member"]);
        assert_eq!(
            signal.console_link().as_deref(),
            Some("https://open-dev.dingtalk.com/appscope/apply?content=dingabc%23qyapi_get_member")
        );
    }

    #[test]
    fn the_callers_address_is_taken_from_the_text() {
        let body =
            r#"{"errcode":60020,"errmsg":"访问ip不在白名单之中,request ip=192.0.2.17 appKey(x)"}"#;
        assert_eq!(read(200, Family::Legacy, body).request_ip().as_deref(), Some("192.0.2.17"));
    }

    #[test]
    fn the_end_of_a_throttle_is_read_in_chinas_time() {
        // 2026-03-02 10:00:02 at UTC+8
        assert_eq!(china_time("2026-03-02 10:00:02"), Some(1_772_416_802_000));
        assert_eq!(china_time("1970-01-01 08:00:00"), Some(0));
        for bad in ["", "x", "2026-13-01 00:00:00", "2026-03-02", "99999999999-1-1 0:0:0"] {
            assert_eq!(china_time(bad), None, "{bad}");
        }
        let signal = Signal {
            message: Some(
                "从 x 到 y 请求总次数超过 20 次, 限制将在 2026-03-02 10:00:02 结束.".into(),
            ),
            ..Signal::default()
        };
        let now = Timestamp::from_millis(1_772_416_800_500);
        assert_eq!(signal.ends_in(now), Some(Duration::from_millis(1_500)));
    }

    #[test]
    fn a_ban_is_seen_as_html_and_as_json() {
        assert!(read(200, Family::OpenApi, "\n <html>punish</html>").banned);
        assert!(read(403, Family::TopApi, "<!doctype html>").banned);
        assert!(
            read(
                200,
                Family::TopApi,
                r#"{"status":1111,"wait":5,"source":"x5","punish":"deny","uuid":"0"}"#
            )
            .banned
        );
        assert!(!read(502, Family::OpenApi, "<html>").banned);
        assert!(!read(302, Family::OpenApi, "<html>").banned);
        assert!(!read(200, Family::OpenApi, r#"{"status":"ok","code":"x"}"#).banned);
    }

    #[test]
    fn no_body_makes_it_panic() {
        for body in [&b""[..], b"\xff\xfe", b"{", b"[1", b"\"", b"null", b"{\"errcode\":{}}", b"88"]
        {
            let response = Response::new(200, Default::default(), body.to_vec());
            for family in [Family::Legacy, Family::TopApi, Family::OpenApi] {
                assert!(Signal::read(&response, family).unreadable, "{body:?}");
            }
        }
    }
}
