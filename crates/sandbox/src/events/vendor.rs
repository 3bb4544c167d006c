//! What the vendor of a third-party app is told: tickets, authorizations, and its app's state in an organization
//! (wire-facts §3.6, §10.4, §10.6).

use serde_json::{Value, json};

use super::contacts::named_row;
use super::event::Event;
use super::news::News;
use crate::codes::{Code, Pool};
use crate::company::ROOT;
use crate::platform::Platform;

impl Platform {
    /// The ticket of a suite. Its row belongs to the vendor's own organization.
    pub(crate) fn ticket_news(&self, suite: &str, ticket: &str, now: u64) -> News {
        let app = self.apps.get(suite);
        let corp = app.and_then(|app| app.corp_id.as_deref()).unwrap_or(&self.home);
        let id = app.map_or(0, |app| app.app_id);
        News {
            plain: Some(Event::suite_ticket(suite, ticket, now)),
            row: named_row("suite_ticket", corp, id, json!({ "suiteTicket": ticket })),
        }
    }

    /// An organization opened a suite, with a code for `get_permanent_code`.
    pub(crate) fn opened_news(&mut self, suite: &str, corp: &str, now: u64) -> News {
        let code = Code {
            pool: Pool::Suite,
            client: suite.into(),
            corp: corp.into(),
            user_id: "".into(),
            union_id: "".into(),
            with_corp: false,
        };
        let code = self.codes.issue(code, now, &mut self.rng);
        News {
            plain: Some(Event::tmp_auth_code(suite, corp, &code, now)),
            row: self.authorization_row("org_suite_auth", suite, corp),
        }
    }

    /// An organization changed what it lets a suite do.
    pub(crate) fn changed_news(&self, suite: &str, corp: &str, now: u64) -> News {
        News {
            plain: Some(Event::change_auth(suite, corp, now)),
            row: self.authorization_row("org_suite_change", suite, corp),
        }
    }

    /// An organization threw a suite out.
    pub(crate) fn relieved_news(&self, suite: &str, corp: &str, now: u64) -> News {
        News {
            plain: Some(Event::suite_relieve(suite, corp, now)),
            row: self.authorization_row("org_suite_relieve", suite, corp),
        }
    }

    /// What became of a suite's app in an organization, by either name.
    pub(crate) fn agent_news(&self, name: &str, suite: &str, corp: &str, now: u64) -> News {
        let (agent, app_id) =
            self.apps.get(suite).map_or((0, 0), |app| (app.agent(corp).id, app.app_id));
        let in_both = matches!(name, "org_micro_app_stop" | "org_micro_app_restore");
        News {
            plain: in_both.then(|| Event::agent(name, suite, corp, (agent, app_id), now)),
            row: named_row(name, corp, app_id, json!({ "agentId": agent })),
        }
    }

    fn authorization_row(&self, action: &str, suite: &str, corp: &str) -> Option<super::news::Row> {
        let app = self.apps.get(suite)?;
        if action == "org_suite_relieve" {
            return named_row(action, corp, app.app_id, json!({}));
        }
        let company = self.company(corp)?;
        let admins: Vec<&str> = company
            .everybody()
            .filter(|person| person.flags.admin)
            .map(|person| &*person.user_id)
            .collect();
        let (users, departments): (Vec<&str>, Vec<i64>) = match app.scope_in(corp) {
            Some(scope) => (
                scope.users.iter().map(String::as_str).collect(),
                scope.departments.iter().copied().collect(),
            ),
            None => (Vec::new(), vec![ROOT]),
        };
        let first: &str = admins.first().copied().unwrap_or_default();
        let data: Value = json!({
            "auth_corp_info": {
                "corpid": corp, "corp_name": company.name, "full_corp_name": company.name,
                "corp_type": 0, "corp_type_v2": 0, "is_ecological_corp": "false", "auth_level": 0,
                "is_authenticated": false, "industry": "", "invite_code": "", "invite_url": "",
                "auth_channel": "", "auth_channel_type": "", "license_code": "", "corp_logo_url": "",
            },
            "auth_info": { "agent": [{
                "agentid": app.agent(corp).id, "appid": app.app_id, "agent_name": app.name,
                "admin_list": admins, "logo_url": "",
            }] },
            "auth_user_info": { "userId": first },
            "auth_scope": {
                "errcode": 0, "errmsg": "ok", "condition_field": [],
                "auth_user_field": ["name", "userid", "avatar", "jobnumber", "position", "department"],
                "auth_org_scopes": { "authed_user": users, "authed_dept": departments },
            },
            "permanent_code": app.permanent.get(corp).map_or("", |permanent| permanent.code.as_str()),
            "ch_permanent_code": "",
        });
        named_row(action, corp, app.app_id, data)
    }
}
