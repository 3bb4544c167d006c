//! Organizations, authorizations and callbacks as documents.

use serde::{Deserialize, Serialize};

use super::{DepartmentDoc, PersonDoc, ScopeDoc, unknown_point};
use crate::apps::ContactScope;
use crate::events::{Subscription, Target};
use crate::suites::Terms;

/// An organization beside the first one, with who is in it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct OrganizationDoc {
    pub(crate) corp_id: String,
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) departments: Vec<DepartmentDoc>,
    #[serde(default)]
    pub(crate) people: Vec<PersonDoc>,
}

/// What an organization lets a third-party app do; left out: all that the app asks for, and to see everybody.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct TermsDoc {
    points: Option<Vec<String>>,
    contact_scope: Option<ScopeDoc>,
}

/// The same in a fixture, with whom it concerns.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct AuthorizationDoc {
    pub(crate) suite_key: String,
    pub(crate) corp_id: String,
    points: Option<Vec<String>>,
    contact_scope: Option<ScopeDoc>,
    #[serde(default)]
    pub(crate) stopped: bool,
}

/// A callback for events.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SubscriptionDoc {
    pub(crate) client_id: String,
    /// Of the old registration, which belongs to one organization.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) corp_id: Option<String>,
    pub(crate) url: String,
    /// Left out of answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) token: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) aes_key: Option<String>,
    #[serde(default)]
    pub(crate) tags: Vec<String>,
    #[serde(default)]
    pub(crate) sync_http: bool,
}

impl TermsDoc {
    pub(crate) fn terms(self) -> Result<Terms, String> {
        if let Some(mistake) = self.points.iter().flatten().find_map(|point| unknown_point(point)) {
            return Err(mistake);
        }
        Ok(Terms {
            points: self.points.map(|points| points.into_iter().collect()),
            scope: self.contact_scope.map(ContactScope::from),
        })
    }
}

impl AuthorizationDoc {
    pub(crate) fn terms(&self) -> Result<Terms, String> {
        let (points, contact_scope) = (self.points.clone(), self.contact_scope.clone());
        TermsDoc { points, contact_scope }.terms()
    }
}

impl SubscriptionDoc {
    pub(crate) fn of(
        client_id: &str,
        corp_id: Option<&str>,
        what: &Subscription,
        reveal: bool,
    ) -> Self {
        let secret = |text: &str| Some(text.to_owned()).filter(|_| reveal);
        Self {
            client_id: client_id.to_owned(),
            corp_id: corp_id.map(str::to_owned),
            url: what.target.url().to_owned(),
            token: secret(&what.token),
            aes_key: secret(&what.aes_key),
            tags: what.tags.clone(),
            sync_http: what.sync_http,
        }
    }

    /// The callback; its token and key must be there.
    pub(crate) fn subscription(&self) -> Result<Subscription, String> {
        let given = |value: &Option<String>, name: &str| {
            value
                .clone()
                .ok_or_else(|| format!("callback of {}: {name} is missing", self.client_id))
        };
        let (token, key) = (given(&self.token, "token")?, given(&self.aes_key, "aesKey")?);
        let what = Subscription::url(&*self.url, token, key);
        Ok(Subscription { tags: self.tags.clone(), sync_http: self.sync_http, ..what })
    }
}

/// A callback in the process itself has no address that another one could reach.
pub(crate) fn is_here(what: &Subscription) -> bool {
    matches!(what.target, Target::Here(_))
}
