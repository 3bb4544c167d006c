//! Faults, as documents.

use std::time::Duration;

use http::HeaderName;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::traffic::check_operation;
use super::{Answer, Ask, Problem};
use crate::faults::{Action, Break, Fault, Latency, PlatformError, Retype, Rule, WrongType};

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
        #[serde(default)]
        body: String,
    },
    PlatformError {
        error: ErrorDoc,
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
    Duplicate,
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
            action: match &fault.action {
                Action::Pass => ActionDoc::Pass,
                Action::Answer { status, content_type, body } => ActionDoc::Answer {
                    status: *status,
                    content_type: content_type.clone(),
                    body: String::from_utf8_lossy(body).into_owned(),
                },
                Action::Platform(error) => ActionDoc::PlatformError { error: (*error).into() },
                Action::ExecuteThenDrop => ActionDoc::ExecuteThenDrop,
                Action::Close => ActionDoc::Close,
                Action::Reset => ActionDoc::Reset,
                Action::Stall => ActionDoc::Stall,
                Action::BreakAfter(len, Break::Close) => ActionDoc::Truncate { len: *len },
                Action::BreakAfter(len, Break::Reset) => ActionDoc::ResetAfter { len: *len },
                Action::BreakAfter(len, Break::Stall) => ActionDoc::StallAfter { len: *len },
                Action::Drip(after, pause) => {
                    ActionDoc::Drip { after: *after, pause_ms: ms(*pause) }
                }
                Action::Retype(Retype { pointer: None, .. }) => ActionDoc::NumbersAsText,
                Action::Retype(Retype { pointer: Some(pointer), to }) => {
                    ActionDoc::WrongType { pointer: pointer.clone(), to: type_doc(*to) }
                }
                Action::Duplicate => ActionDoc::Duplicate,
            },
        }
    }

    fn into_fault(self) -> Result<Fault, Problem> {
        check_operation(&self.operation)?;
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
        Ok(match self.action {
            ActionDoc::Pass => fault,
            ActionDoc::Answer { status, content_type, body } => {
                if !(200..=599).contains(&status) {
                    return Err(Problem::invalid("`action.status` goes from 200 to 599"));
                }
                fault.answer(status, content_type, body)
            }
            ActionDoc::PlatformError { error } => fault.platform_error(error.into()),
            ActionDoc::ExecuteThenDrop => fault.execute_then_drop(),
            ActionDoc::Close => fault.close(),
            ActionDoc::Reset => fault.reset(),
            ActionDoc::Stall => fault.stall(),
            ActionDoc::Truncate { len } => fault.truncate_body(len),
            ActionDoc::ResetAfter { len } => fault.reset_after(len),
            ActionDoc::StallAfter { len } => fault.stall_after(len),
            ActionDoc::Drip { after, pause_ms } => fault.drip_after(after, time(pause_ms)),
            ActionDoc::WrongType { pointer, to } => {
                if !pointer.is_empty() && !pointer.starts_with('/') {
                    return Err(Problem::invalid("`action.pointer` begins with a slash"));
                }
                fault.wrong_type(pointer, wrong_type(to))
            }
            ActionDoc::NumbersAsText => fault.numbers_as_text(),
            ActionDoc::Duplicate => fault.duplicate_answer(),
        })
    }
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
