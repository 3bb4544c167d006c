//! What the vendor of a third-party app is told (wire-facts §10.4, §10.6, §10.7).

use serde::Deserialize;

use crate::auth::{AuthOrgScopes, AuthScopes};
use crate::{AgentId, ClientId, CorpId, DeptId, Secret, UserId, lenient};

/// A question to a third-party app's callback URL.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct SuiteUrlCheck {
    /// A random text, which old pages want as the reply in the place of `success`.
    #[serde(default, deserialize_with = "lenient::read")]
    pub random: String,
    /// The suite key that the app has or will have.
    #[serde(default, rename = "testsuitekey", deserialize_with = "lenient::read")]
    pub test_suite_key: Option<ClientId>,
}

/// The latest ticket of a third-party app; the one before it is no longer good (wire-facts §3.6).
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct SuiteTicket {
    /// The ticket.
    #[serde(rename = "suiteticket", deserialize_with = "lenient::required")]
    pub ticket: Secret,
}

/// An organization's authorization. HTTP push tells the organization and, at first, a code; the
/// other two ways tell everything.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(from = "AuthWire")]
#[non_exhaustive]
pub struct SuiteAuth {
    /// The code for a permanent code, good once; only over HTTP push.
    pub auth_code: Option<Secret>,
    /// The permanent code. Nothing asks for it any longer.
    pub permanent_code: Option<Secret>,
    /// The permanent code of a channel. Nothing asks for it any longer.
    pub ch_permanent_code: Option<Secret>,
    /// The organization.
    pub corp: AuthCorpInfo,
    /// Who authorized.
    pub user_id: Option<UserId>,
    /// The app within the organization.
    pub agents: Vec<AuthAgent>,
    /// What the organization lets the app see.
    pub scopes: Option<AuthScopes>,
}

/// An organization that authorized an app (wire-facts §3.5).
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct AuthCorpInfo {
    /// Which organization.
    #[serde(default, rename = "corpid", deserialize_with = "lenient::read")]
    pub corp_id: Option<CorpId>,
    /// Its short name.
    #[serde(default, rename = "corpname", deserialize_with = "lenient::read")]
    pub corp_name: Option<String>,
    /// Its full name.
    #[serde(default, rename = "fullcorpname", deserialize_with = "lenient::read")]
    pub full_corp_name: Option<String>,
    /// Its kind.
    #[serde(default, rename = "corptype", deserialize_with = "lenient::read")]
    pub corp_type: Option<i64>,
    /// Its kind, in newer numbers.
    #[serde(default, rename = "corptypev2", deserialize_with = "lenient::read")]
    pub corp_type_v2: Option<i64>,
    /// How well it is verified: 0 not, 1 high, 2 middle, 3 low.
    #[serde(default, rename = "authlevel", deserialize_with = "lenient::read")]
    pub auth_level: Option<i64>,
    /// Whether it is verified.
    #[serde(default, rename = "isauthenticated", deserialize_with = "lenient::read")]
    pub is_authenticated: Option<bool>,
    /// Whether it belongs to a larger one's ecosystem.
    #[serde(default, rename = "isecologicalcorp", deserialize_with = "lenient::read")]
    pub is_ecological_corp: Option<bool>,
    /// Its trade.
    #[serde(default, deserialize_with = "lenient::read")]
    pub industry: Option<String>,
    /// The code of the one who invited it.
    #[serde(default, rename = "invitecode", deserialize_with = "lenient::read")]
    pub invite_code: Option<String>,
    /// The link of that invitation.
    #[serde(default, rename = "inviteurl", deserialize_with = "lenient::read")]
    pub invite_url: Option<String>,
    /// The channel through which it came.
    #[serde(default, rename = "authchannel", deserialize_with = "lenient::read")]
    pub auth_channel: Option<String>,
    /// The kind of that channel.
    #[serde(default, rename = "authchanneltype", deserialize_with = "lenient::read")]
    pub auth_channel_type: Option<String>,
    /// Its licence's number.
    #[serde(default, rename = "licensecode", deserialize_with = "lenient::read")]
    pub license_code: Option<String>,
    /// Where its logo lies.
    #[serde(default, rename = "corplogourl", deserialize_with = "lenient::read")]
    pub corp_logo_url: Option<String>,
}

/// An app's capability within an organization that authorized it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct AuthAgent {
    /// Its number there, which differs from organization to organization.
    #[serde(default, rename = "agentid", deserialize_with = "lenient::read")]
    pub agent_id: Option<AgentId>,
    /// The app's number, the same everywhere.
    #[serde(default, rename = "appid", deserialize_with = "lenient::read")]
    pub app_id: Option<i64>,
    /// Its name.
    #[serde(default, rename = "agentname", deserialize_with = "lenient::read")]
    pub agent_name: Option<String>,
    /// Where its picture lies.
    #[serde(default, rename = "logourl", deserialize_with = "lenient::read")]
    pub logo_url: Option<String>,
    /// Who administers it there.
    #[serde(default, rename = "adminlist", deserialize_with = "lenient::read")]
    pub admin_list: Vec<UserId>,
}

/// An app's capability within an organization whose state changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct MicroApp {
    /// Its number there.
    #[serde(default, rename = "agentid", deserialize_with = "lenient::read")]
    pub agent_id: Option<AgentId>,
    /// The app's number, the same everywhere; only over HTTP push.
    #[serde(default, rename = "appid", deserialize_with = "lenient::read")]
    pub app_id: Option<i64>,
}

/// An authorization by its folded names.
#[derive(Deserialize)]
struct AuthWire {
    #[serde(default, deserialize_with = "lenient::read")]
    authcode: Option<Secret>,
    #[serde(default, deserialize_with = "lenient::read")]
    permanentcode: Option<Secret>,
    #[serde(default, deserialize_with = "lenient::read")]
    chpermanentcode: Option<Secret>,
    #[serde(default, deserialize_with = "lenient::read")]
    authcorpid: Option<CorpId>,
    #[serde(default, deserialize_with = "lenient::object")]
    authcorpinfo: AuthCorpInfo,
    #[serde(default, deserialize_with = "lenient::object")]
    authuserinfo: AuthUser,
    #[serde(default, deserialize_with = "lenient::object")]
    authinfo: AuthInfo,
    #[serde(default)]
    authscope: Option<ScopeWire>,
}

#[derive(Default, Deserialize)]
struct AuthUser {
    #[serde(default, deserialize_with = "lenient::read")]
    userid: Option<UserId>,
}

#[derive(Default, Deserialize)]
struct AuthInfo {
    #[serde(default, deserialize_with = "lenient::read")]
    agent: Vec<AuthAgent>,
}

#[derive(Default, Deserialize)]
struct ScopeWire {
    #[serde(default, deserialize_with = "lenient::object")]
    authorgscopes: OrgScopesWire,
    #[serde(default, deserialize_with = "lenient::read")]
    authuserfield: Vec<String>,
    #[serde(default, deserialize_with = "lenient::read")]
    conditionfield: Vec<String>,
}

#[derive(Default, Deserialize)]
struct OrgScopesWire {
    #[serde(default, deserialize_with = "lenient::read")]
    autheduser: Vec<UserId>,
    #[serde(default, deserialize_with = "lenient::read")]
    autheddept: Vec<DeptId>,
}

impl From<AuthWire> for SuiteAuth {
    fn from(wire: AuthWire) -> Self {
        let mut corp = wire.authcorpinfo;
        corp.corp_id = corp.corp_id.or(wire.authcorpid);
        Self {
            auth_code: wire.authcode,
            permanent_code: wire.permanentcode,
            ch_permanent_code: wire.chpermanentcode,
            corp,
            user_id: wire.authuserinfo.userid,
            agents: wire.authinfo.agent,
            scopes: wire.authscope.map(|scope| AuthScopes {
                auth_org_scopes: AuthOrgScopes {
                    authed_user: scope.authorgscopes.autheduser,
                    authed_dept: scope.authorgscopes.autheddept,
                },
                auth_user_field: scope.authuserfield,
                condition_field: scope.conditionfield,
            }),
        }
    }
}
