//! A to-do and its parts, shared by the calls around it (wire-facts §9.1).

use serde::{Deserialize, Serialize, Serializer};

use crate::{CorpId, SourceId, TaskId, UnionId, lenient};

/// A to-do. Times are in milliseconds since 1970.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Task {
    /// The to-do.
    #[serde(deserialize_with = "lenient::required")]
    pub id: TaskId,
    /// What is to be done.
    #[serde(default, deserialize_with = "lenient::read")]
    pub subject: String,
    /// More about it.
    #[serde(default, deserialize_with = "lenient::read")]
    pub description: Option<String>,
    /// Who created it.
    #[serde(default, deserialize_with = "lenient::read")]
    pub creator_id: Option<UnionId>,
    /// Who changed it last.
    #[serde(default, deserialize_with = "lenient::read")]
    pub modifier_id: Option<UnionId>,
    /// When it was created.
    #[serde(default, deserialize_with = "lenient::read")]
    pub created_time: Option<i64>,
    /// When it was changed last.
    #[serde(default, deserialize_with = "lenient::read")]
    pub modified_time: Option<i64>,
    /// When it begins.
    #[serde(default, deserialize_with = "lenient::read")]
    pub start_time: Option<i64>,
    /// When it is due.
    #[serde(default, deserialize_with = "lenient::read")]
    pub due_time: Option<i64>,
    /// When it was done; the platform writes 0 for not yet.
    #[serde(default, deserialize_with = "lenient::read")]
    pub finish_time: Option<i64>,
    /// Whether it is done.
    #[serde(default, deserialize_with = "lenient::read")]
    pub done: bool,
    /// Who is to do it.
    #[serde(default, deserialize_with = "lenient::read")]
    pub executor_ids: Vec<UnionId>,
    /// Who takes part.
    #[serde(default, deserialize_with = "lenient::read")]
    pub participant_ids: Vec<UnionId>,
    /// Where a click leads.
    #[serde(default, deserialize_with = "lenient::object")]
    pub detail_url: DetailUrl,
    /// Fields shown on its card.
    #[serde(default, deserialize_with = "lenient::read")]
    pub content_field_list: Vec<ContentField>,
    /// Whether only those who are to do it see it.
    #[serde(default, deserialize_with = "lenient::read")]
    pub is_only_show_executor: bool,
    /// Its priority: 10 low, 20 normal, 30 high, 40 urgent.
    #[serde(default, deserialize_with = "lenient::read")]
    pub priority: Option<i64>,
    /// How people are told.
    #[serde(default, deserialize_with = "lenient::object")]
    pub notify_configs: NotifyConfigs,
    /// Where it comes from.
    #[serde(default, deserialize_with = "lenient::read")]
    pub source: Option<String>,
    /// Your own key of it.
    #[serde(default, deserialize_with = "lenient::read")]
    pub source_id: Option<SourceId>,
    /// The app that owns it, in the platform's words.
    #[serde(default, deserialize_with = "lenient::read")]
    pub biz_tag: Option<String>,
    /// The platform's id of the request.
    #[serde(default, deserialize_with = "lenient::read")]
    pub request_id: Option<String>,
    /// The kind of its card; only where it is asked for by id.
    #[serde(default, deserialize_with = "lenient::read")]
    pub card_type_id: Option<String>,
    /// The organization; only where it is asked for.
    #[serde(default, deserialize_with = "lenient::read")]
    pub tenant_id: Option<CorpId>,
    /// The kind of organization; only where it is asked for.
    #[serde(default, deserialize_with = "lenient::read")]
    pub tenant_type: Option<String>,
}

/// Where a click on a to-do leads.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct DetailUrl {
    /// On the phone.
    #[serde(default, deserialize_with = "lenient::read", skip_serializing_if = "Option::is_none")]
    pub app_url: Option<String>,
    /// On the desktop.
    #[serde(default, deserialize_with = "lenient::read", skip_serializing_if = "Option::is_none")]
    pub pc_url: Option<String>,
}

impl DetailUrl {
    /// One URL for the phone, one for the desktop.
    pub fn new(app_url: impl Into<String>, pc_url: impl Into<String>) -> Self {
        Self { app_url: Some(app_url.into()), pc_url: Some(pc_url.into()) }
    }
}

/// The same URL on phone and desktop.
impl From<&str> for DetailUrl {
    fn from(url: &str) -> Self {
        Self::new(url, url)
    }
}

/// The same URL on phone and desktop.
impl From<String> for DetailUrl {
    fn from(url: String) -> Self {
        Self::new(url.clone(), url)
    }
}

/// A field shown on a to-do's card.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ContentField {
    /// Its name.
    #[serde(default, deserialize_with = "lenient::read")]
    pub field_key: String,
    /// Its value.
    #[serde(default, deserialize_with = "lenient::read")]
    pub field_value: String,
}

impl ContentField {
    /// Name and value.
    pub fn new(field_key: impl Into<String>, field_value: impl Into<String>) -> Self {
        Self { field_key: field_key.into(), field_value: field_value.into() }
    }
}

/// How people are told about a to-do. What is `None` is left to the platform.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct NotifyConfigs {
    /// By a DING.
    #[serde(
        default,
        deserialize_with = "lenient::read",
        serialize_with = "one_or_zero",
        skip_serializing_if = "Option::is_none"
    )]
    pub ding_notify: Option<bool>,
    /// By a push message.
    #[serde(
        default,
        deserialize_with = "lenient::read",
        serialize_with = "true_or_false",
        skip_serializing_if = "Option::is_none"
    )]
    pub send_todo_apn: Option<bool>,
    /// By a message of the to-do assistant. Reminders do not know it.
    #[serde(
        default,
        deserialize_with = "lenient::read",
        serialize_with = "true_or_false",
        skip_serializing_if = "Option::is_none"
    )]
    pub send_assistant_chat: Option<bool>,
}

impl NotifyConfigs {
    /// Nothing said yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether to send a DING.
    #[must_use]
    pub fn ding_notify(mut self, on: bool) -> Self {
        self.ding_notify = Some(on);
        self
    }

    /// Whether to send a push message.
    #[must_use]
    pub fn send_todo_apn(mut self, on: bool) -> Self {
        self.send_todo_apn = Some(on);
        self
    }

    /// Whether the to-do assistant sends a message. Reminders do not know it.
    #[must_use]
    pub fn send_assistant_chat(mut self, on: bool) -> Self {
        self.send_assistant_chat = Some(on);
        self
    }
}

// The platform wants these flags as text, and not all in one spelling.
fn one_or_zero<S: Serializer>(flag: &Option<bool>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(if *flag == Some(true) { "1" } else { "0" })
}

fn true_or_false<S: Serializer>(flag: &Option<bool>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(if *flag == Some(true) { "true" } else { "false" })
}

/// What a change answers.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct TaskChange {
    /// Whether it was made. The HTTP status said so already; false only where the answer takes it
    /// back.
    #[serde(default = "made", deserialize_with = "made_unless_denied")]
    pub result: bool,
    /// The platform's id of the request.
    #[serde(default, deserialize_with = "lenient::read")]
    pub request_id: Option<String>,
}

fn made() -> bool {
    true
}

fn made_unless_denied<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(lenient::read::<D, Option<bool>>(deserializer)?.unwrap_or_else(made))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn notify_flags_are_text_on_the_wire_and_booleans_here() {
        let all = NotifyConfigs::new().ding_notify(true).send_todo_apn(true);
        let all = all.send_assistant_chat(false);
        let wire = json!({
            "dingNotify": "1", "sendTodoApn": "true", "sendAssistantChat": "false",
        });
        assert_eq!(serde_json::to_value(&all).unwrap(), wire);
        assert_eq!(serde_json::from_value::<NotifyConfigs>(wire).unwrap(), all);
        let off = NotifyConfigs::new().ding_notify(false);
        assert_eq!(serde_json::to_value(&off).unwrap(), json!({"dingNotify": "0"}));
        assert_eq!(serde_json::to_value(NotifyConfigs::new()).unwrap(), json!({}));
    }

    #[test]
    fn one_url_serves_phone_and_desktop() {
        assert_eq!(
            DetailUrl::from("https://a.example"),
            DetailUrl::from("https://a.example".to_owned())
        );
        assert_eq!(
            serde_json::to_value(DetailUrl::from("https://a.example")).unwrap(),
            json!({"appUrl": "https://a.example", "pcUrl": "https://a.example"})
        );
    }

    #[test]
    fn a_change_is_made_unless_the_answer_denies_it() {
        for (answer, made) in [
            (r#"{"result":true}"#, true),
            (r#"{"result":"true"}"#, true),
            (r#"{"result":null}"#, true),
            ("{}", true),
            (r#"{"result":false}"#, false),
            (r#"{"result":"false"}"#, false),
        ] {
            let change: TaskChange = serde_json::from_str(answer).unwrap();
            assert_eq!(change.result, made, "{answer}");
        }
    }
}
