//! An event in the words of Stream: what a callback reads as one flat object is parted into headers and data here, and
//! some events have another name and more to say (wire-facts §10.7).

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::frame::text_of;
use crate::apps::App;
use crate::events::{CONTACT_TAGS, Event};
use crate::platform::Platform;
use crate::rng::push_hex;
use crate::wire::json::{Json, Object};

/// An event as a Stream connection tells it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) event_type: String,
    pub(crate) corp: String,
    /// The same in every attempt, unlike the message's id: it is what apps recognize an event by that comes twice.
    pub(crate) event_id: String,
    pub(crate) born: u64,
    pub(crate) data: String,
}

impl Platform {
    pub(super) fn told(&self, client: &str, push: u64, event: &Event, now: u64) -> Told {
        let text = |name: &str| event.get(name).and_then(Value::as_str);
        let app = self.app(client);
        let own = app.and_then(|app| app.corp_id.as_deref()).unwrap_or(&self.home);
        let corp = text("AuthCorpId").or_else(|| text("CorpId")).unwrap_or(own);
        let stamped = event.get("TimeStamp").and_then(|value| match value {
            Value::String(text) => text.parse().ok(),
            other => other.as_u64(),
        });
        let born = stamped.unwrap_or(now);
        let authorization = |app_id: fn(i64) -> Json| {
            let body = app.map(|app| self.authorization(app, corp, text("AuthCode"), app_id));
            body.map_or_else(|| "{}".to_owned(), |body| text_of(&body))
        };
        let (event_type, data) = match event.event_type() {
            "tmp_auth_code" => ("org_suite_auth", authorization(Json::Int)),
            // The page's sample of a change has this number as a text.
            "change_auth" => ("org_suite_change", authorization(|id| id.to_string().into())),
            "suite_relieve" => ("org_suite_relieve", "{}".to_owned()),
            other => (other, plain(event, born)),
        };
        Told {
            event_type: event_type.to_owned(),
            corp: corp.to_owned(),
            event_id: uuid(&[
                "event",
                client,
                &push.to_string(),
                &stamped.unwrap_or_default().to_string(),
            ]),
            born,
            data,
        }
    }

    /// What an organization agreed to. What the sandbox does not model is empty.
    fn authorization(
        &self,
        app: &App,
        corp: &str,
        code: Option<&str>,
        app_id: fn(i64) -> Json,
    ) -> Json {
        let company = self.company(corp);
        let name = company.map(|company| company.name.to_string()).unwrap_or_default();
        let people = company.into_iter().flat_map(|company| company.everybody());
        let admins: Vec<Json> = people
            .filter(|person| person.flags.admin)
            .map(|person| person.user_id.to_string().into())
            .collect();
        let corp_info = Object::with_capacity(15)
            .put("corpid", corp.to_owned())
            .put("corpType", 0_i64)
            .put("corpTypeV2", 0_i64)
            .put("fullCorpName", name.clone())
            .put("corpName", name)
            .put("isAuthenticated", false)
            .put("isEcologicalCorp", false)
            .put("authLevel", 0_i64)
            .put("authChannel", "")
            .put("authChannelType", "")
            .put("industry", "")
            .put("inviteCode", "")
            .put("inviteUrl", "")
            .put("licenseCode", "")
            .put("corpLogoUrl", "");
        let (users, departments): (Vec<Json>, Vec<Json>) = match app.scope_in(corp) {
            Some(scope) => (
                scope.users.iter().map(|user| user.clone().into()).collect(),
                scope.departments.iter().map(|id| Json::Int(*id)).collect(),
            ),
            None => (Vec::new(), vec![Json::Int(1)]),
        };
        let scope = Object::new()
            .put("errcode", 0_i64)
            .put("errmsg", "ok")
            .put("conditionField", Vec::<Json>::new())
            .put("authUserField", Vec::<Json>::new())
            .put(
                "authOrgScopes",
                Object::new().put("authedUser", users).put("authedDept", departments),
            );
        let agent = Object::new()
            .put("agentid", app.agent(corp).id)
            .put("appid", app_id(app.app_id))
            .put("agentName", app.name.clone())
            .put("adminList", admins.clone())
            .put("logoUrl", "");
        Object::new()
            .put("authCorpInfo", corp_info)
            .put_some("permanentCode", code.map(str::to_owned))
            .put("authUserInfo", Object::new().put_some("userId", admins.into_iter().next()))
            .put("authScope", scope)
            .put("authInfo", Object::new().put("agent", vec![agent.done()]))
            .done()
    }
}

/// The id of an app in headers, which no API knows.
pub(crate) fn unified_app_id(client: &str) -> String {
    uuid(&["app", client])
}

/// An id made of what it stands for, in the form of a UUID.
pub(crate) fn uuid(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
        hash.update([0]);
    }
    let mut text = String::with_capacity(36);
    for (at, byte) in hash.finalize().iter().take(16).enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        push_hex(&mut text, *byte, b"0123456789abcdef");
    }
    text
}

/// Everything that has no place in the headers, under names that begin small. Contact events have their time in both.
fn plain(event: &Event, born: u64) -> String {
    let mut items = Vec::new();
    if CONTACT_TAGS.contains(&event.event_type()) {
        items.push(format!("\"timeStamp\":\"{born}\""));
    }
    for (name, value) in event.fields() {
        if !matches!(name.as_str(), "SuiteKey" | "AuthCorpId" | "CorpId" | "TimeStamp") {
            let mut rest = name.chars();
            let first = rest.next().map(|first| first.to_ascii_lowercase());
            let name: String = first.into_iter().chain(rest).collect();
            items.push(format!("{}:{value}", Value::from(name)));
        }
    }
    format!("{{{}}}", items.join(","))
}
