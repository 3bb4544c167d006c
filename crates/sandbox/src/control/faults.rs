//! Faults, as documents.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::traffic::check_operation;
use super::{Answer, Ask, Problem};
use crate::faults::{
    ACCEPT, Action, Becomes, Break, Coded, Fault, Latency, Odd, PlatformError, Retype, Rule, Spoil,
    Which, WrongType,
};

/// The longest text and the deepest lists that an answer can be spoiled with: more would harm this machine.
const MOST: usize = 256 * 1024 * 1024;

type Outcome = Result<Answer, Problem>;

pub(super) fn faults(ask: &Ask<'_>) -> Outcome {
    let rules: Vec<Value> = ask.sandbox.platform().faults.rules().iter().map(told).collect();
    Answer::ok(json!({ "faults": rules }))
}

pub(super) fn add_fault(ask: &Ask<'_>) -> Outcome {
    let fault = ask.json::<FaultDoc>()?.into_fault()?;
    let now = ask.sandbox.shared.clock.now();
    let faults = &mut ask.sandbox.platform().faults;
    let (id, _) = faults.add(fault, now);
    let rule = faults.rules().iter().find(|rule| rule.id == id).map(told);
    Ok(Answer::Json(201, json!(rule)))
}

pub(super) fn fault(ask: &Ask<'_>) -> Outcome {
    let id: u64 = ask.member_number()?;
    let platform = &*ask.sandbox.platform();
    let rule = platform.faults.rules().iter().find(|rule| rule.id == id).map(told);
    rule.map(|rule| Answer::Json(200, rule)).ok_or_else(|| Problem::absent("fault", ask.member()))
}

pub(super) fn remove_fault(ask: &Ask<'_>) -> Outcome {
    let id = ask.member_number()?;
    if ask.sandbox.platform().faults.remove(id) {
        return Answer::ok(json!({ "removed": true }));
    }
    Err(Problem::absent("fault", ask.member()))
}

pub(super) fn clear_faults(ask: &Ask<'_>) -> Outcome {
    ask.sandbox.clear_faults();
    Answer::ok(json!({ "removed": true }))
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct FaultDoc {
    operation: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    app: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    header: Option<HeaderDoc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nth: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    every: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    times: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    probability: Option<ChanceDoc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lifetime_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delay_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delay_between: Option<BetweenDoc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    date_skew_ms: Option<i64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    answer_headers: Vec<AnswerHeaderDoc>,
    #[serde(default)]
    action: ActionDoc,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct HeaderDoc {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AnswerHeaderDoc {
    name: String,
    value: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ChanceDoc {
    p: f64,
    #[serde(default)]
    seed: u64,
}

/// A time between two bounds.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct BetweenDoc {
    least_ms: u64,
    most_ms: u64,
    #[serde(default)]
    seed: u64,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(
    tag = "kind",
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
enum ActionDoc {
    #[default]
    Pass,
    Answer {
        status: u16,
        #[serde(default = "json_type")]
        content_type: String,
        #[serde(default, skip_serializing_if = "String::is_empty")]
        body: String,
        /// Instead of `body`, for bytes that are no text.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        body_base64: Option<String>,
    },
    Raw {
        base64: String,
    },
    PlatformError {
        error: ErrorDoc,
    },
    Errcode {
        code: i64,
        #[serde(default)]
        message: String,
    },
    SubCode {
        code: i64,
        #[serde(default)]
        message: String,
    },
    V1Error {
        status: u16,
        code: String,
        #[serde(default)]
        message: String,
    },
    ExecuteThenDrop,
    Close,
    Reset,
    Stall,
    Truncate {
        len: usize,
    },
    ResetAfter {
        len: usize,
    },
    StallAfter {
        len: usize,
    },
    Drip {
        #[serde(default)]
        after: usize,
        pause_ms: u64,
    },
    WrongType {
        pointer: String,
        to: TypeDoc,
    },
    NumbersAsText,
    SetMember {
        pointer: String,
        json: String,
    },
    AllNull,
    CutBody {
        len: usize,
    },
    InvalidUtf8,
    DuplicateKeys,
    Nested {
        depth: usize,
    },
    Padded {
        len: usize,
    },
    Duplicate,
    TruncateHead {
        len: usize,
    },
    ResetInHead {
        len: usize,
    },
    StallInHead {
        len: usize,
    },
    ContentLengthOff {
        by: i64,
    },
    BadChunk,
    BothLengths,
    CloseAfterAnswer,
    CloseOnNextRequest,
}

/// The names of [`WrongType`].
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum TypeDoc {
    Text,
    Number,
    Flag,
    Null,
    List,
    Object,
}

macro_rules! errors {
    ($($name:ident),*) => {
        /// The names of [`PlatformError`].
        #[derive(Clone, Copy, Serialize, Deserialize)]
        #[serde(rename_all = "camelCase")]
        enum ErrorDoc { $($name),* }

        impl From<ErrorDoc> for PlatformError {
            fn from(doc: ErrorDoc) -> Self {
                match doc { $(ErrorDoc::$name => Self::$name),* }
            }
        }

        impl From<PlatformError> for ErrorDoc {
            fn from(error: PlatformError) -> Self {
                match error { $(PlatformError::$name => Self::$name),* }
            }
        }
    };
}

errors!(
    Busy,
    Throttled,
    MinuteThrottled,
    SuiteThrottled,
    PlatformThrottled,
    ServiceThrottled,
    Unavailable,
    Timeout,
    TokenDead,
    Quota,
    IpBanHtml,
    IpBanJson,
    IpNotAllowed,
    PermissionMissing
);

impl FaultDoc {
    fn of(fault: &Fault) -> Self {
        let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let behind = fault.first > 1 && fault.every == 1 && fault.times == usize::MAX;
        Self {
            operation: fault.on.clone(),
            app: fault.app.clone(),
            header: fault.header.clone().map(|(name, value)| HeaderDoc { name, value }),
            nth: Some(fault.first).filter(|first| *first > 1 && !behind),
            after: behind.then(|| fault.first - 1),
            every: Some(fault.every).filter(|every| *every > 1),
            times: Some(fault.times).filter(|times| *times < usize::MAX),
            probability: fault.probability.map(|(p, seed)| ChanceDoc { p, seed }),
            lifetime_ms: fault.lifetime.map(ms),
            delay_ms: match fault.delay {
                Latency::Fixed(delay) => Some(ms(delay)).filter(|delay| *delay > 0),
                Latency::Between(..) => None,
            },
            delay_between: match fault.delay {
                Latency::Fixed(_) => None,
                Latency::Between(least, most, seed) => {
                    Some(BetweenDoc { least_ms: ms(least), most_ms: ms(most), seed })
                }
            },
            date_skew_ms: fault.date_skew,
            answer_headers: fault.answer_headers.iter().map(header_doc).collect(),
            action: ActionDoc::of(&fault.action),
        }
    }

    fn into_fault(self) -> Result<Fault, Problem> {
        if self.operation != ACCEPT {
            check_operation(&self.operation)?;
        }
        if self.nth == Some(0) || self.every == Some(0) {
            return Err(Problem::invalid("`nth` and `every` count from 1"));
        }
        if self.probability.as_ref().is_some_and(|chance| !(0.0..=1.0).contains(&chance.p)) {
            return Err(Problem::invalid("`probability.p` goes from 0 to 1"));
        }
        if self.after.is_some() && self.nth.is_some() {
            return Err(Problem::invalid("give `nth` or `after`, not both"));
        }
        if self.delay_ms.is_some() && self.delay_between.is_some() {
            return Err(Problem::invalid("give `delayMs` or `delayBetween`, not both"));
        }
        if self.delay_between.as_ref().is_some_and(|between| between.least_ms > between.most_ms) {
            return Err(Problem::invalid("`delayBetween.leastMs` is more than its `mostMs`"));
        }
        let bad_header = |name: &str| HeaderName::from_bytes(name.as_bytes()).is_err();
        if self.header.as_ref().is_some_and(|header| bad_header(&header.name)) {
            return Err(Problem::invalid("`header.name` is no name of a header"));
        }
        let mut fault = Fault::on(self.operation);
        fault.app = self.app;
        fault.header = self.header.map(|header| (header.name, header.value));
        if let Some(nth) = self.nth {
            fault = fault.nth(nth);
        }
        if let Some(after) = self.after {
            fault = fault.after(after);
        }
        if let Some(every) = self.every {
            fault = fault.every(every);
        }
        if let Some(times) = self.times {
            fault = fault.times(times);
        }
        fault.probability = self.probability.map(|chance| (chance.p, chance.seed));
        fault.lifetime = self.lifetime_ms.map(Duration::from_millis);
        let time = Duration::from_millis;
        fault = match self.delay_between {
            Some(between) => {
                fault.delay_between(time(between.least_ms), time(between.most_ms), between.seed)
            }
            None => fault.delay(time(self.delay_ms.unwrap_or(0))),
        };
        if let Some(skew) = self.date_skew_ms {
            fault = fault.date_skew(skew);
        }
        for header in self.answer_headers {
            let name = header.name.parse::<HeaderName>().ok().filter(|name| {
                // The server would have to lie about them, and has actions for that.
                *name != CONTENT_LENGTH && *name != TRANSFER_ENCODING
            });
            let value = HeaderValue::try_from(header.value).ok();
            let (Some(name), Some(value)) = (name, value) else {
                return Err(Problem::invalid(format!(
                    "`answerHeaders` has no header that can be sent in {:?}",
                    header.name
                )));
            };
            fault = fault.answer_header(name, value);
        }
        let for_connections = matches!(
            self.action,
            ActionDoc::Pass | ActionDoc::Close | ActionDoc::Reset | ActionDoc::Stall
        );
        if fault.on == ACCEPT && !for_connections {
            return Err(Problem::invalid(
                "a connection can only be delayed, or `action.kind` be close, reset or stall",
            ));
        }
        self.action.put_on(fault)
    }
}

impl ActionDoc {
    fn of(action: &Action) -> Self {
        let pause_ms = |pause: &Duration| u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
        match action {
            Action::Pass => Self::Pass,
            Action::Answer { status, content_type, body } => {
                let (status, content_type) = (*status, content_type.clone());
                match String::from_utf8(body.clone()) {
                    Ok(body) => Self::Answer { status, content_type, body, body_base64: None },
                    Err(_) => Self::Answer {
                        status,
                        content_type,
                        body: String::new(),
                        body_base64: Some(STANDARD.encode(body)),
                    },
                }
            }
            Action::Raw(bytes) => Self::Raw { base64: STANDARD.encode(bytes) },
            Action::Platform(error) => Self::PlatformError { error: (*error).into() },
            Action::Coded(Coded::Business(code, message)) => {
                Self::Errcode { code: *code, message: message.clone() }
            }
            Action::Coded(Coded::Wrapped(code, message)) => {
                Self::SubCode { code: *code, message: message.clone() }
            }
            Action::Coded(Coded::Service(status, code, message)) => {
                Self::V1Error { status: *status, code: code.clone(), message: message.clone() }
            }
            Action::ExecuteThenDrop => Self::ExecuteThenDrop,
            Action::Close => Self::Close,
            Action::Reset => Self::Reset,
            Action::Stall => Self::Stall,
            Action::BreakAfter(len, Break::Close) => Self::Truncate { len: *len },
            Action::BreakAfter(len, Break::Reset) => Self::ResetAfter { len: *len },
            Action::BreakAfter(len, Break::Stall) => Self::StallAfter { len: *len },
            Action::Drip(after, pause) => Self::Drip { after: *after, pause_ms: pause_ms(pause) },
            Action::Spoil(spoil) => Self::of_spoil(spoil),
            Action::Duplicate => Self::Duplicate,
            Action::Odd(odd) => Self::of_odd(*odd),
        }
    }

    fn of_spoil(spoil: &Spoil) -> Self {
        match spoil {
            Spoil::Retype(Retype { which: Which::Member(pointer), to }) => match to {
                Becomes::Type(to) => {
                    Self::WrongType { pointer: pointer.clone(), to: type_doc(*to) }
                }
                Becomes::Json(json) => {
                    Self::SetMember { pointer: pointer.clone(), json: json.clone() }
                }
            },
            Spoil::Retype(Retype { which: Which::Numbers, .. }) => Self::NumbersAsText,
            Spoil::Retype(Retype { which: Which::Leaves, .. }) => Self::AllNull,
            Spoil::Cut(len) => Self::CutBody { len: *len },
            Spoil::NotUtf8 => Self::InvalidUtf8,
            Spoil::Doubled => Self::DuplicateKeys,
            Spoil::Deep(depth) => Self::Nested { depth: *depth },
            Spoil::Padded(len) => Self::Padded { len: *len },
        }
    }

    fn of_odd(odd: Odd) -> Self {
        match odd {
            Odd::Head(len, Break::Close) => Self::TruncateHead { len },
            Odd::Head(len, Break::Reset) => Self::ResetInHead { len },
            Odd::Head(len, Break::Stall) => Self::StallInHead { len },
            Odd::Length(by) => Self::ContentLengthOff { by },
            Odd::Chunk => Self::BadChunk,
            Odd::BothLengths => Self::BothLengths,
            Odd::CloseAfter => Self::CloseAfterAnswer,
            Odd::CloseNext => Self::CloseOnNextRequest,
            // Its bytes are an action of their own.
            Odd::Raw => Self::Raw { base64: String::new() },
        }
    }

    fn put_on(self, fault: Fault) -> Result<Fault, Problem> {
        Ok(match self {
            Self::Pass => fault,
            Self::Answer { status, content_type, body, body_base64 } => {
                let status = checked_status(status)?;
                match body_base64 {
                    Some(base64) => {
                        let body = bytes_of(&base64, "action.bodyBase64")?;
                        fault.answer(status, content_type, body)
                    }
                    None => fault.answer(status, content_type, body),
                }
            }
            Self::Raw { base64 } => fault.raw(bytes_of(&base64, "action.base64")?),
            Self::PlatformError { error } => fault.platform_error(error.into()),
            Self::Errcode { code, message } => fault.errcode(code, message),
            Self::SubCode { code, message } => fault.sub_code(code, message),
            Self::V1Error { status, code, message } => {
                fault.v1_error(checked_status(status)?, code, message)
            }
            Self::ExecuteThenDrop => fault.execute_then_drop(),
            Self::Close => fault.close(),
            Self::Reset => fault.reset(),
            Self::Stall => fault.stall(),
            Self::Truncate { len } => fault.truncate_body(len),
            Self::ResetAfter { len } => fault.reset_after(len),
            Self::StallAfter { len } => fault.stall_after(len),
            Self::Drip { after, pause_ms } => {
                fault.drip_after(after, Duration::from_millis(pause_ms))
            }
            Self::WrongType { pointer, to } => fault.wrong_type(checked(pointer)?, wrong_type(to)),
            Self::NumbersAsText => fault.numbers_as_text(),
            Self::SetMember { pointer, json } => fault.set_member(checked(pointer)?, json),
            Self::AllNull => fault.all_null(),
            Self::CutBody { len } => fault.cut_body(len),
            Self::InvalidUtf8 => fault.invalid_utf8(),
            Self::DuplicateKeys => fault.duplicate_keys(),
            Self::Nested { depth } if depth > MOST => return Err(too_much("depth")),
            Self::Nested { depth } => fault.nested(depth),
            Self::Padded { len } if len > MOST => return Err(too_much("len")),
            Self::Padded { len } => fault.padded(len),
            Self::Duplicate => fault.duplicate_answer(),
            Self::TruncateHead { len } => fault.truncate_head(len),
            Self::ResetInHead { len } => fault.reset_in_head(len),
            Self::StallInHead { len } => fault.stall_in_head(len),
            Self::ContentLengthOff { by } => fault.content_length_off(by),
            Self::BadChunk => fault.bad_chunk(),
            Self::BothLengths => fault.both_lengths(),
            Self::CloseAfterAnswer => fault.close_after_answer(),
            Self::CloseOnNextRequest => fault.close_on_next_request(),
        })
    }
}

fn header_doc((name, value): &(HeaderName, HeaderValue)) -> AnswerHeaderDoc {
    AnswerHeaderDoc {
        name: name.to_string(),
        value: String::from_utf8_lossy(value.as_bytes()).into_owned(),
    }
}

fn checked(pointer: String) -> Result<String, Problem> {
    if pointer.is_empty() || pointer.starts_with('/') {
        return Ok(pointer);
    }
    Err(Problem::invalid("`action.pointer` begins with a slash"))
}

fn checked_status(status: u16) -> Result<u16, Problem> {
    if (200..=599).contains(&status) {
        return Ok(status);
    }
    Err(Problem::invalid("`action.status` goes from 200 to 599"))
}

fn bytes_of(base64: &str, name: &str) -> Result<Vec<u8>, Problem> {
    STANDARD.decode(base64).map_err(|error| Problem::invalid(format!("`{name}`: {error}")))
}

fn too_much(name: &str) -> Problem {
    Problem::invalid(format!("`action.{name}` goes to {MOST}"))
}

fn wrong_type(doc: TypeDoc) -> WrongType {
    match doc {
        TypeDoc::Text => WrongType::Text,
        TypeDoc::Number => WrongType::Number,
        TypeDoc::Flag => WrongType::Flag,
        TypeDoc::Null => WrongType::Null,
        TypeDoc::List => WrongType::List,
        TypeDoc::Object => WrongType::Object,
    }
}

fn type_doc(to: WrongType) -> TypeDoc {
    match to {
        WrongType::Text => TypeDoc::Text,
        WrongType::Number => TypeDoc::Number,
        WrongType::Flag => TypeDoc::Flag,
        WrongType::Null => TypeDoc::Null,
        WrongType::List => TypeDoc::List,
        WrongType::Object => TypeDoc::Object,
    }
}

fn told(rule: &Rule) -> Value {
    let mut value = json!(FaultDoc::of(&rule.fault));
    if let Value::Object(fields) = &mut value {
        fields.insert("id".to_owned(), rule.id.into());
        fields.insert("seen".to_owned(), rule.seen.into());
        fields.insert("hits".to_owned(), rule.hits().into());
        fields.insert("endsAtMs".to_owned(), rule.until.into());
    }
    value
}

fn json_type() -> String {
    "application/json".to_owned()
}
