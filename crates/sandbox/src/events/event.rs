//! What an event says, decrypted (wire-facts §10.4).

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Contact events, which a callback may subscribe to by name.
pub(crate) const CONTACT_TAGS: [&str; 15] = [
    "user_add_org",
    "user_modify_org",
    "user_leave_org",
    "user_active_org",
    "org_admin_add",
    "org_admin_remove",
    "org_dept_create",
    "org_dept_modify",
    "org_dept_remove",
    "org_remove",
    "org_change",
    "label_user_change",
    "label_conf_add",
    "label_conf_del",
    "label_conf_modify",
];

/// Events of other products that the old registration accepts too; the sandbox raises them by hand only.
pub(crate) const OTHER_TAGS: [&str; 9] = [
    "chat_add_member",
    "chat_remove_member",
    "chat_quit",
    "chat_update_owner",
    "chat_update_title",
    "chat_disband",
    "check_in",
    "bpms_task_change",
    "bpms_instance_change",
];

/// An event, as a callback reads it after decryption: a flat JSON object whose first key is `EventType`.
///
/// ```
/// use dingtalk_sandbox::Event;
///
/// let event = Event::new("check_in").field("StaffId", "manager01").field("TimeStamp", 1_700_000_000_000_i64);
/// assert_eq!(event.message(), r#"{"EventType":"check_in","StaffId":"manager01","TimeStamp":1700000000000}"#);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    event_type: String,
    fields: Vec<(String, Value)>,
}

impl Event {
    /// An event without fields.
    #[must_use]
    pub fn new(event_type: impl Into<String>) -> Self {
        Self { event_type: event_type.into(), fields: Vec::new() }
    }

    /// Adds a field.
    #[must_use]
    pub fn field(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.fields.push((name.into(), value.into()));
        self
    }

    /// The value of `EventType`.
    #[must_use]
    pub fn event_type(&self) -> &str {
        &self.event_type
    }

    /// The JSON text that is encrypted.
    #[must_use]
    pub fn message(&self) -> String {
        let mut text = format!("{{\"EventType\":{}", Value::from(self.event_type.as_str()));
        for (name, value) in &self.fields {
            text.push_str(&format!(",{}:{value}", Value::from(name.as_str())));
        }
        text.push('}');
        text
    }

    pub(crate) fn fields(&self) -> &[(String, Value)] {
        &self.fields
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.fields.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// The question to a suite's URL before it is set up or changed; the reply may hold `Random`.
    pub(crate) fn check_suite(event_type: &str, random: &str, suite: &str) -> Self {
        Self::new(event_type).field("Random", random).field("TestSuiteKey", suite)
    }

    /// The latest ticket of a suite. The time is a number here.
    pub(crate) fn suite_ticket(suite: &str, ticket: &str, now: u64) -> Self {
        Self::new("suite_ticket")
            .field("SuiteKey", suite)
            .field("TimeStamp", now)
            .field("SuiteTicket", ticket)
    }

    /// An organization has just opened the app; the code is the one for a permanent code.
    pub(crate) fn tmp_auth_code(suite: &str, corp: &str, code: &str, now: u64) -> Self {
        Self::new("tmp_auth_code")
            .field("SuiteKey", suite)
            .field("TimeStamp", now)
            .field("AuthCorpId", corp)
            .field("AuthCode", code)
    }

    /// An organization changed what it granted.
    pub(crate) fn change_auth(suite: &str, corp: &str, now: u64) -> Self {
        Self::new("change_auth")
            .field("SuiteKey", suite)
            .field("TimeStamp", now)
            .field("AuthCorpId", corp)
    }

    /// An organization threw the app out. The time is a text here, as the page prints it.
    pub(crate) fn suite_relieve(suite: &str, corp: &str, now: u64) -> Self {
        Self::new("suite_relieve")
            .field("SuiteKey", suite)
            .field("TimeStamp", now.to_string())
            .field("AuthCorpId", corp)
    }

    /// An organization stopped the app, or started it again.
    pub(crate) fn agent(
        event_type: &str,
        suite: &str,
        corp: &str,
        (agent, app): (i64, i64),
        now: u64,
    ) -> Self {
        Self::new(event_type)
            .field("AgentId", agent)
            .field("AppId", app)
            .field("AuthCorpId", corp)
            .field("SuiteKey", suite)
            .field("TimeStamp", now)
    }

    /// A change of people. No source at hand prints the fields of contact events for HTTP push; these, here and below,
    /// are those of the old samples.
    pub(crate) fn people(event_type: &str, corp: &str, user_ids: &[&str], now: u64) -> Self {
        Self::new(event_type)
            .field("TimeStamp", now.to_string())
            .field("UserId", user_ids.to_vec())
            .field("CorpId", corp)
    }

    /// A change of departments.
    pub(crate) fn departments(event_type: &str, corp: &str, ids: &[i64], now: u64) -> Self {
        Self::new(event_type)
            .field("TimeStamp", now.to_string())
            .field("DeptId", ids.to_vec())
            .field("CorpId", corp)
    }

    /// A change of roles, or of the people who have them.
    pub(crate) fn roles(
        event_type: &str,
        corp: &str,
        roles: &[i64],
        user_ids: &[&str],
        now: u64,
    ) -> Self {
        let event = Self::new(event_type)
            .field("TimeStamp", now.to_string())
            .field("LabelIdList", roles.to_vec())
            .field("CorpId", corp);
        if user_ids.is_empty() { event } else { event.field("UserIdList", user_ids.to_vec()) }
    }

    /// A change of the organization itself.
    pub(crate) fn organization(event_type: &str, corp: &str, now: u64) -> Self {
        Self::new(event_type).field("TimeStamp", now.to_string()).field("CorpId", corp)
    }

    /// Puts a field in the place of the one with its name, or behind the others.
    pub(crate) fn set(&mut self, name: &str, value: Value) {
        match self.fields.iter_mut().find(|(key, _)| key == name) {
            Some((_, old)) => *old = value,
            None => self.fields.push((name.to_owned(), value)),
        }
    }
}
