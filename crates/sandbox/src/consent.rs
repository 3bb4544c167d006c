//! The outcome of the openAuth component (wire-facts §8): what it asks, what it checks, what the promise resolves with.

use std::sync::Arc;

use crate::apps::AppKind;
use crate::codes::{Code, Pool};
use crate::company::Person;
use crate::platform::Platform;
use crate::points::{self, Form, Point};
use crate::wire::json::{Json, Object};

/// A person in front of the openAuth dialog.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Consent {
    /// The app that asks.
    pub client_id: String,
    /// The organization.
    pub corp_id: String,
    /// Who sits in front of the dialog.
    pub user_id: String,
    /// Interface permission codes, separated by commas; `.default` means all that the app has added (type 1).
    pub rpc_scope: String,
    /// Field codes, separated by commas.
    pub field_scope: String,
    /// Type 0, the person's own consent, or type 1, the organization's.
    pub kind: ConsentKind,
    /// What the person does.
    pub decision: Decision,
}

/// The component's `type`.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ConsentKind {
    /// Type 0: the person lets the app act in their name.
    #[default]
    Delegated,
    /// Type 1: an administrator lets the app act in the organization.
    Application,
}

/// What the person does with the dialog.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Decision {
    /// Agrees.
    #[default]
    Approve,
    /// Says no, or closes the dialog.
    Refuse,
    /// Is no administrator and sends the request to one (type 1).
    AskAdmin,
}

/// What the component's promise resolves with.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConsentOutcome {
    /// `ok`. Type 0 brings a code for `userAccessToken`, type 1 nothing.
    Granted {
        /// Single use, five minutes.
        auth_code: Option<String>,
    },
    /// `cancel`.
    Cancelled,
    /// `toAdmin`: the request went to an administrator.
    ToAdmin,
}

/// An error that the component shows; its promise resolves with `failed`.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsentError {
    /// A code of the component's own table (400001 … 500404); the numbers mean other things elsewhere.
    pub code: i64,
    /// What it means.
    pub message: &'static str,
}

impl std::fmt::Display for ConsentError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "openAuth error {}: {}", self.code, self.message)
    }
}

impl std::error::Error for ConsentError {}

impl Consent {
    /// Type 0: a person and an app, in an organization.
    #[must_use]
    pub fn delegated(
        client_id: impl Into<String>,
        corp_id: impl Into<String>,
        user_id: impl Into<String>,
    ) -> Self {
        Self {
            client_id: client_id.into(),
            corp_id: corp_id.into(),
            user_id: user_id.into(),
            ..Self::default()
        }
    }

    /// Type 1: an administrator and an app, in an organization.
    #[must_use]
    pub fn application(
        client_id: impl Into<String>,
        corp_id: impl Into<String>,
        user_id: impl Into<String>,
    ) -> Self {
        Self { kind: ConsentKind::Application, ..Self::delegated(client_id, corp_id, user_id) }
    }

    /// Sets the interface codes.
    #[must_use]
    pub fn rpc_scope(mut self, codes: impl Into<String>) -> Self {
        self.rpc_scope = codes.into();
        self
    }

    /// Sets the field codes.
    #[must_use]
    pub fn field_scope(mut self, codes: impl Into<String>) -> Self {
        self.field_scope = codes.into();
        self
    }

    /// The person says no.
    #[must_use]
    pub fn refuse(mut self) -> Self {
        self.decision = Decision::Refuse;
        self
    }

    /// The person sends the request to an administrator.
    #[must_use]
    pub fn ask_admin(mut self) -> Self {
        self.decision = Decision::AskAdmin;
        self
    }
}

impl ConsentOutcome {
    /// The code of a type 0 consent.
    #[must_use]
    pub fn auth_code(&self) -> Option<&str> {
        match self {
            Self::Granted { auth_code } => auth_code.as_deref(),
            Self::Cancelled | Self::ToAdmin => None,
        }
    }

    /// The JSON text that the promise resolves with: `{"status":"ok","result":{"authCode":"…"}}` and its sisters.
    #[must_use]
    pub fn to_json(&self) -> String {
        let (status, result) = match self {
            Self::Granted { auth_code: Some(code) } => {
                ("ok", Object::new().put("authCode", code.clone()).done())
            }
            Self::Granted { auth_code: None } => ("ok", Json::Null),
            Self::Cancelled => ("cancel", Json::Null),
            Self::ToAdmin => ("toAdmin", Json::Null),
        };
        let json = Object::new().put("status", status).put("result", result).done();
        String::from_utf8_lossy(&json.to_bytes()).into_owned()
    }
}

/// Checks a request as the component's page does, and remembers what was granted.
pub(crate) fn decide(
    platform: &mut Platform,
    consent: &Consent,
    now: u64,
) -> Result<ConsentOutcome, ConsentError> {
    if !is_empty(consent) && consent.user_id.is_empty() {
        named(consent)?;
        return Err(error(400_008));
    }
    let points = request_checked(platform, consent)?;
    let admin = may_decide(person_checked(platform, consent)?, &points);
    if consent.decision == Decision::Refuse {
        return Ok(ConsentOutcome::Cancelled);
    }
    if consent.kind == ConsentKind::Application && !admin {
        return match consent.decision {
            Decision::AskAdmin => Ok(ConsentOutcome::ToAdmin),
            Decision::Approve | Decision::Refuse => Err(error(500_402)),
        };
    }
    if platform.switches.consent_unwritable {
        return Err(error(500_404));
    }
    grant(platform, consent, &points, now)
}

/// Everything that can be checked before it is known who sits in front of the dialog: the points that are asked for.
pub(crate) fn request_checked(
    platform: &Platform,
    consent: &Consent,
) -> Result<Vec<&'static Point>, ConsentError> {
    if is_empty(consent) {
        return Err(empty());
    }
    named(consent)?;
    let points = wanted_points(platform, consent)?;
    let app = platform.app(&consent.client_id).ok_or_else(|| error(500_101))?;
    if app.works_in(&consent.corp_id) { Ok(points) } else { Err(error(500_403)) }
}

/// The person in front of the dialog must belong to the organization.
pub(crate) fn person_checked<'p>(
    platform: &'p Platform,
    consent: &Consent,
) -> Result<&'p Person, ConsentError> {
    if consent.user_id.is_empty() {
        return Err(error(400_008));
    }
    let application = consent.kind == ConsentKind::Application;
    platform
        .company(&consent.corp_id)
        .and_then(|company| company.employee(&consent.user_id))
        .ok_or_else(|| error(if application { 500_401 } else { 400_008 }))
}

/// Whether somebody may grant these points for the organization: a sensitive one takes its main administrator
/// (wire-facts §8.4).
pub(crate) fn may_decide(person: &Person, points: &[&'static Point]) -> bool {
    person.flags.admin && !(person.flags.sub_admin && points.iter().any(|point| point.sensitive))
}

/// Whether everything that is asked for was granted before (wire-facts §8.2: then there is no dialog).
pub(crate) fn is_granted(
    platform: &Platform,
    consent: &Consent,
    union_id: &Arc<str>,
    points: &[&'static Point],
) -> bool {
    if consent.kind == ConsentKind::Application {
        let app = platform.app(&consent.client_id);
        return app
            .is_some_and(|app| points.iter().all(|point| app.may(&consent.corp_id, point.code)));
    }
    let key = (Arc::from(consent.client_id.as_str()), Arc::clone(union_id));
    let granted = platform.consents.get(&key);
    granted.is_some_and(|granted| points.iter().all(|point| granted.contains(point.code)))
}

/// Writes the record; for a person's consent there is a code.
pub(crate) fn grant(
    platform: &mut Platform,
    consent: &Consent,
    points: &[&'static Point],
    now: u64,
) -> Result<ConsentOutcome, ConsentError> {
    let person = person_checked(platform, consent)?;
    let (user_id, union_id) = (Arc::clone(&person.user_id), Arc::clone(&person.union_id));
    let client: Arc<str> = Arc::from(consent.client_id.as_str());
    if consent.kind == ConsentKind::Application {
        if let Some(app) = platform.apps.get_mut(&client) {
            let granted = app.granted.entry(Arc::from(consent.corp_id.as_str())).or_default();
            granted.extend(points.iter().map(|point| point.code.to_owned()));
        }
        return Ok(ConsentOutcome::Granted { auth_code: None });
    }
    platform.remember_consent(&client, &union_id, points.iter().map(|point| point.code));
    let corp = Arc::from(consent.corp_id.as_str());
    let code = Code { pool: Pool::OAuth, client, corp, user_id, union_id, with_corp: false };
    let auth_code = Some(platform.codes.issue(code, now, &mut platform.rng));
    Ok(ConsentOutcome::Granted { auth_code })
}

/// 400001.
pub(crate) fn empty() -> ConsentError {
    error(400_001)
}

fn is_empty(consent: &Consent) -> bool {
    [
        &consent.client_id,
        &consent.corp_id,
        &consent.user_id,
        &consent.rpc_scope,
        &consent.field_scope,
    ]
    .iter()
    .all(|text| text.is_empty())
}

fn named(consent: &Consent) -> Result<(), ConsentError> {
    for (text, code) in [(&consent.client_id, 400_006), (&consent.corp_id, 400_007)] {
        if text.is_empty() {
            return Err(error(code));
        }
    }
    Ok(())
}

/// The points that are asked for, after every check on the app and its codes.
fn wanted_points(
    platform: &Platform,
    consent: &Consent,
) -> Result<Vec<&'static Point>, ConsentError> {
    let app = platform.apps.get(consent.client_id.as_str());
    let app = app.filter(|app| platform.is_owner_here(app)).ok_or_else(|| error(500_101))?;
    if app.dead {
        return Err(error(500_103));
    }
    let vendor_known = app.corp_id.as_deref().is_some_and(|corp| platform.company(corp).is_some());
    if app.kind != AppKind::Internal && !vendor_known {
        return Err(error(500_105));
    }
    let application = consent.kind == ConsentKind::Application;
    let rpc: Vec<&str> = codes(&consent.rpc_scope).collect();
    let fields: Vec<&str> = codes(&consent.field_scope).collect();
    if rpc.is_empty() && fields.is_empty() {
        return Err(error(400_001));
    }
    if app.requested.is_empty() {
        return Err(error(500_102));
    }
    let mut points = Vec::new();
    for (code, form) in rpc
        .iter()
        .map(|code| (*code, Form::Rpc))
        .chain(fields.iter().map(|code| (*code, Form::Field)))
    {
        if code == ".default" && form == Form::Rpc && application {
            points.extend(
                points::CATALOGUE.iter().filter(|point| {
                    point.suits_application() && app.requested.contains(point.code)
                }),
            );
            continue;
        }
        let point = points::find(code).ok_or_else(|| error(500_201))?;
        if point.form != form {
            return Err(error(if form == Form::Rpc { 500_202 } else { 500_203 }));
        }
        if application && !point.suits_application() {
            return Err(error(500_204));
        }
        if !application && !point.suits_person() {
            return Err(error(500_205));
        }
        if !app.requested.contains(code) && !points::is_default(code) {
            return Err(error(500_104));
        }
        points.push(point);
    }
    Ok(points)
}

fn codes(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|code| !code.is_empty())
}

/// The component's table (wire-facts §8.3), in our own words.
fn error(code: i64) -> ConsentError {
    let message = match code {
        400_001 => "the request is empty",
        400_006 => "clientId is missing",
        400_007 => "corpId is missing",
        400_008 => "the person's identity is empty or unknown",
        500_101 => "the app does not exist",
        500_102 => "the app has no permission point",
        500_103 => "the app's information cannot be read",
        500_104 => "the point was not added to the app",
        500_105 => "the vendor's organization cannot be read",
        500_201 => "a permission code is wrong",
        500_202 => "rpcScope takes codes of interfaces only",
        500_203 => "fieldScope takes codes of fields only",
        500_204 => "type 1 takes application codes only",
        500_205 => "type 0 takes delegated codes only",
        500_401 => "the role of the person cannot be read",
        500_402 => "the person is no administrator of the organization",
        500_403 => "the organization has not opened the app",
        _ => "the authorization record cannot be written",
    };
    ConsentError { code, message }
}

/// The same in Chinese, for the page.
pub(crate) fn in_chinese(code: i64) -> &'static str {
    match code {
        400_001 => "请求为空",
        400_006 => "缺少 clientId",
        400_007 => "缺少 corpId",
        400_008 => "用户身份为空或未知",
        500_101 => "应用不存在",
        500_102 => "应用没有任何权限点",
        500_103 => "读取不到应用信息",
        500_104 => "权限点没有添加到应用",
        500_105 => "读取不到服务商组织信息",
        500_201 => "权限编码有误",
        500_202 => "rpcScope 只接受接口类权限编码",
        500_203 => "fieldScope 只接受字段类权限编码",
        500_204 => "type 为 1 时只接受应用权限编码",
        500_205 => "type 为 0 时只接受个人权限编码",
        500_401 => "读取不到授权人的角色",
        500_402 => "授权人不是该组织的管理员",
        500_403 => "该组织没有开通此应用",
        _ => "授权记录更新失败",
    }
}
