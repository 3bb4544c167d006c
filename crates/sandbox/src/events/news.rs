//! What happened, in the two forms that a callback may be told in: the flat events of HTTP push, and the rows of
//! SyncHTTP (wire-facts §10.4, §10.6).

use serde_json::{Map, Value, json};

use super::event::Event;

/// One change. Either form may be missing: not every change has a name in both.
#[derive(Clone, Debug)]
pub(crate) struct News {
    pub(crate) plain: Option<Event>,
    pub(crate) row: Option<Row>,
}

/// One row of SyncHTTP: a newer one with the same type, organization and `biz_id` takes its place.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) biz_type: i64,
    pub(crate) corp: String,
    pub(crate) biz_id: String,
    /// `biz_data` before it becomes text: `syncAction` first.
    pub(crate) action: String,
    pub(crate) data: Map<String, Value>,
}

/// Each kind of change that the sheet names: its `EventType` over HTTP push, and its `syncAction` with `biz_type`.
pub(crate) const KINDS: [(&str, Option<(&str, i64)>); 28] = [
    ("check_url", None),
    ("check_create_suite_url", None),
    ("check_update_suite_url", None),
    ("suite_ticket", Some(("suite_ticket", 2))),
    ("tmp_auth_code", Some(("org_suite_auth", 4))),
    ("change_auth", Some(("org_suite_change", 4))),
    ("suite_relieve", Some(("org_suite_relieve", 4))),
    ("org_micro_app_stop", Some(("org_micro_app_stop", 7))),
    ("org_micro_app_restore", Some(("org_micro_app_restore", 7))),
    ("", Some(("org_micro_app_remove", 7))),
    ("", Some(("org_micro_app_scope_update", 7))),
    ("user_add_org", Some(("user_add_org", 13))),
    ("user_modify_org", Some(("user_modify_org", 13))),
    ("user_leave_org", Some(("user_leave_org", 13))),
    ("user_active_org", Some(("user_active_org", 13))),
    ("", Some(("user_dept_change", 13))),
    ("label_user_change", Some(("user_role_change", 13))),
    ("org_admin_add", None),
    ("org_admin_remove", None),
    ("org_dept_create", Some(("org_dept_create", 14))),
    ("org_dept_modify", Some(("org_dept_modify", 14))),
    ("org_dept_remove", Some(("org_dept_remove", 14))),
    ("label_conf_add", Some(("org_role_add", 15))),
    ("label_conf_modify", Some(("org_role_modify", 15))),
    ("label_conf_del", Some(("org_role_remove", 15))),
    ("org_change", Some(("org_update", 16))),
    ("org_remove", Some(("org_remove", 16))),
    ("", Some(("market_order", 17))),
];

/// The names of one kind of change, found by either of them.
pub(crate) fn kind(name: &str) -> Option<(&'static str, Option<(&'static str, i64)>)> {
    KINDS
        .into_iter()
        .find(|(plain, row)| *plain == name || row.is_some_and(|(action, _)| action == name))
}

impl Row {
    pub(crate) fn new(
        (action, biz_type): (&str, i64),
        corp: &str,
        biz_id: impl ToString,
        data: Value,
    ) -> Self {
        let data = match data {
            Value::Object(fields) => fields,
            _ => Map::new(),
        };
        Self {
            biz_type,
            corp: corp.to_owned(),
            biz_id: biz_id.to_string(),
            action: action.to_owned(),
            data,
        }
    }

    /// The event that carries this row alone. The tickets, authorizations, app states and orders are urgent, the
    /// address book is not; the sheet shows the former only, so the latter is a guess.
    pub(crate) fn event(&self, suite_id: i64, id: u64, now: u64) -> Event {
        let urgent = matches!(self.biz_type, 2 | 4 | 7 | 17);
        let name = if urgent { "SYNC_HTTP_PUSH_HIGH" } else { "SYNC_HTTP_PUSH_MEDIUM" };
        let mut text = format!("{{\"syncAction\":{}", Value::from(self.action.as_str()));
        for (name, value) in &self.data {
            text.push_str(&format!(",{}:{value}", Value::from(name.as_str())));
        }
        text.push('}');
        Event::new(name).field(
            "bizData",
            json!([{
                "gmt_create": now,
                "gmt_modified": now,
                "biz_type": self.biz_type,
                "open_cursor": 0,
                "subscribe_id": format!("{suite_id}_0"),
                "id": id,
                "biz_id": self.biz_id,
                "biz_data": text,
                "corp_id": self.corp,
                "status": 0,
            }]),
        )
    }

    /// Whether an event that waits carries an older state of this row.
    pub(crate) fn replaces(&self, event: &Event) -> bool {
        row_of(event).is_some_and(|row| {
            row["biz_type"] == self.biz_type
                && row["corp_id"] == self.corp.as_str()
                && row["biz_id"] == self.biz_id.as_str()
        })
    }
}

impl Event {
    /// A ticket is pushed on where other events are given up.
    pub(crate) fn is_ticket(&self) -> bool {
        self.event_type() == "suite_ticket" || row_of(self).is_some_and(|row| row["biz_type"] == 2)
    }
}

fn row_of(event: &Event) -> Option<&Value> {
    event.get("bizData")?.get(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::CONTACT_TAGS;

    #[test]
    fn every_contact_tag_has_a_kind() {
        for tag in CONTACT_TAGS {
            assert!(kind(tag).is_some(), "{tag}");
        }
        assert_eq!(kind("org_role_add"), kind("label_conf_add"));
        assert_eq!(kind("nothing"), None);
    }

    #[test]
    fn a_row_replaces_the_older_one_of_its_key_only() {
        let row =
            |corp: &str, id: i64| Row::new(("org_dept_modify", 14), corp, id, json!({"id": id}));
        let old = row("a", 7).event(5, 1, 9);
        assert!(row("a", 7).replaces(&old));
        assert!(!row("a", 8).replaces(&old) && !row("b", 7).replaces(&old));
        assert!(
            old.message().contains(r#""biz_data":"{\"syncAction\":\"org_dept_modify\",\"id\":7}""#)
        );
    }
}
