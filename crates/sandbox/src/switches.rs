//! Switches for what nobody outside the platform knows for sure (wire-facts §15, last row; §16), and for what is off
//! by default because most tests do not want it.

use std::time::Duration;

mod table;

pub(crate) use table::TABLE;

/// One decision about how the sandbox behaves. Give it to the builder or to
/// [`Sandbox::set_switch`](crate::Sandbox::set_switch); each variant says what holds without it.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq)]
pub enum Switch {
    /// topapi refuses anything but POST with errcode 43002. Default: `false`, GET is accepted too; every reference
    /// page says POST and one tutorial shows GET (wire-facts §6, §14 row 20).
    StrictPost(bool),
    /// topapi results look as the official pages print them: all scalars as text, lists of objects as one object
    /// (wire-facts §6.1, §14 rows 1 and 2). Default: `false`, the typed form seen live.
    PrintedForm(bool),
    /// What a refresh does to the pair it was made with. Default: [`RefreshMode::Rotate`] (wire-facts §4.3, §16 row 4).
    Refresh(RefreshMode),
    /// The errcode of an unknown user id at `/topapi/v2/user/get`. Default: [`UnknownUser::Code60121`], as reported
    /// live; the page says 33012 (wire-facts §6.1, §14 row 12). An empty id is 33012 either way.
    UnknownUser(UnknownUser),
    /// Which parameter the browser login's callback carries. Default: [`Callback::Both`], `code` and `authCode` with
    /// the same value, as seen live (wire-facts §4.4, §14 row 10).
    Callback(Callback),
    /// The language of message texts, and of the pages as long as their reader chooses no other (`lang=en`, `lang=zh`).
    /// Default: [`Language::Chinese`] (wire-facts §1.6).
    Language(Language),
    /// The status of `unauthorized.client` at `{corpId}/token`. Default: `401`; another page says 400
    /// (wire-facts §2.3, §14 row 21). Any other number counts as 401.
    UnauthorizedClientStatus(u16),
    /// topapi leaves `avatar` out for a person without one. Default: `false`, it is sent as `""`, as seen live
    /// (wire-facts §6.1, §14 row 13).
    AvatarAbsent(bool),
    /// Which hashes `dd.config` accepts. Default: [`JsapiHash::Either`], told apart by length (wire-facts §7.2).
    JsapiHash(JsapiHash),
    /// A new corporation token kills the ones before it. Default: `false`, each lives to its own end (wire-facts §3.1).
    CorpTokenInvalidates(bool),
    /// Calls per second that one app may make to one API; 20 in the standard edition (wire-facts §12). Default: none.
    AppRateLimit(Option<u64>),
    /// Calls per second to one API from all apps together (wire-facts §12). Default: none.
    ApiRateLimit(Option<u64>),
    /// Calls that one address may make in 20 seconds before it is banned for 5 minutes; 10,000 on the platform
    /// (wire-facts §12). Default: none.
    AddressLimit(Option<u64>),
    /// A banned address gets the HTML page instead of the JSON body with `status` 1111 (wire-facts §12). Default:
    /// `true`.
    BanPageIsHtml(bool),
    /// Calls per organization and calendar month to APIs that count (to-dos do; tokens, log-in and contacts do not);
    /// 5,000 in the standard edition (wire-facts §12). Default: none.
    MonthlyQuota(Option<u64>),
    /// Creating a to-do needs `detailUrl`. Default: `true`, as the page's note says since 2024-02-01; its table says
    /// optional (wire-facts §9.1, §14 row 16).
    DetailUrlRequired(bool),
    /// Calls per minute that one app may make to one API: 403 `QpmLimitForAppkeyAndApi` (wire-facts §11.3). Default:
    /// none.
    AppMinuteLimit(Option<u64>),
    /// Calls per second that a vendor's app may make to one API for one organization: 403
    /// `QpsLimitForSuitekeyAndOrgAndApi` (wire-facts §12). Default: none.
    SuiteRateLimit(Option<u64>),
    /// The same per minute: 403 `QpmLimitForSuitekeyAndOrgAndApi` (wire-facts §11.3). Default: none.
    SuiteMinuteLimit(Option<u64>),
    /// Throttled answers carry `Retry-After` with so many seconds. Default: none, because no capture shows the header
    /// (wire-facts §12, §16 row 2).
    RetryAfter(Option<u64>),
    /// How long an OAuth code lives. Default: 5 minutes, as the in-client codes do; no page says it (wire-facts §4.3,
    /// §16 row 5).
    OauthCodeLife(Duration),
    /// An internal app that asks `{corpId}/token` again gets its living token renewed. Default: `true`, by analogy with
    /// the older endpoints; no source says it (wire-facts §2.4, §16 row 6).
    CorpIdTokenRenews(bool),
    /// topapi reads `access_token` from a JSON body, too. Default: `false`; nobody found has tried (wire-facts §1.3, §16
    /// row 8).
    TokenInJsonBody(bool),
    /// The consent page cannot write its record: error 500404 (wire-facts §8.3). Default: `false`.
    ConsentRecordUnwritable(bool),
    /// An app that an organization stopped goes on working there. Default: `false`, it gets no token and its calls are
    /// refused: 50003 in the old families (wire-facts §11.2); the other codes are those of an organization that has not
    /// opened the app, for no source tells them.
    StoppedAppWorks(bool),
    /// A host of the platform that is called by its name (`Host: api.dingtalk.com`) serves its own families only: the
    /// old ones are unknown at `api`, `/v1.0` at `oapi`, and both at `login`. An address of this machine serves all of
    /// them, and so does a host named in front of the path. Default: `true`; that `api` gives what is not `/v1.0` to
    /// the old router was seen live, the rest is inferred (wire-facts §1.1, §1.6).
    StrictHosts(bool),
    /// A host of one region knows no app, organization, token or code of the other one. An address of this machine
    /// without a host in front of the path knows both. Default: `true`, inferred: no source has mixed regions
    /// (wire-facts §1.1, §16 row 12).
    RegionsApart(bool),
}

/// What becomes of the old pair when a user token is refreshed.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshMode {
    /// A new access token and a new refresh token; the old refresh token is dead at once.
    Rotate,
    /// The same pair again, both lives restarted.
    SamePair,
    /// As [`Rotate`](Self::Rotate), but within this time the old refresh token still answers, with the new pair.
    Grace(Duration),
}

/// The two answers reported for an unknown user id.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnknownUser {
    /// 60121 `找不到该用户`.
    Code60121,
    /// 33012 `无效的USERID`.
    Code33012,
}

/// The parameters of the login callback.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Callback {
    /// `code` and `authCode`.
    Both,
    /// `authCode` only.
    AuthCodeOnly,
}

/// The language of message texts.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// As nearly all captures have it.
    Chinese,
    /// As a few captures have it.
    English,
}

/// The hashes that a `dd.config` signature may use.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsapiHash {
    /// SHA-256 and SHA-1, by length.
    Either,
    /// SHA-256 only.
    Sha256Only,
    /// SHA-1 only.
    Sha1Only,
}

/// All switches at once.
#[derive(Debug)]
pub(crate) struct Switches {
    pub(crate) strict_post: bool,
    pub(crate) printed_form: bool,
    pub(crate) refresh: RefreshMode,
    pub(crate) unknown_user: UnknownUser,
    pub(crate) callback: Callback,
    pub(crate) language: Language,
    pub(crate) unauthorized_client: u16,
    pub(crate) avatar_absent: bool,
    pub(crate) jsapi_hash: JsapiHash,
    pub(crate) corp_token_invalidates: bool,
    pub(crate) app_rate: Option<u64>,
    pub(crate) api_rate: Option<u64>,
    pub(crate) address_limit: Option<u64>,
    pub(crate) ban_page_is_html: bool,
    pub(crate) monthly_quota: Option<u64>,
    pub(crate) detail_url_required: bool,
    pub(crate) app_minute: Option<u64>,
    pub(crate) suite_rate: Option<u64>,
    pub(crate) suite_minute: Option<u64>,
    pub(crate) retry_after: Option<u64>,
    pub(crate) oauth_code_life: Duration,
    pub(crate) corp_id_token_renews: bool,
    pub(crate) token_in_json: bool,
    pub(crate) consent_unwritable: bool,
    pub(crate) stopped_app_works: bool,
    pub(crate) strict_hosts: bool,
    pub(crate) regions_apart: bool,
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            strict_post: false,
            printed_form: false,
            refresh: RefreshMode::Rotate,
            unknown_user: UnknownUser::Code60121,
            callback: Callback::Both,
            language: Language::Chinese,
            unauthorized_client: 401,
            avatar_absent: false,
            jsapi_hash: JsapiHash::Either,
            corp_token_invalidates: false,
            app_rate: None,
            api_rate: None,
            address_limit: None,
            ban_page_is_html: true,
            monthly_quota: None,
            detail_url_required: true,
            app_minute: None,
            suite_rate: None,
            suite_minute: None,
            retry_after: None,
            oauth_code_life: Duration::from_secs(300),
            corp_id_token_renews: true,
            token_in_json: false,
            consent_unwritable: false,
            stopped_app_works: false,
            strict_hosts: true,
            regions_apart: true,
        }
    }
}

impl Switches {
    pub(crate) fn set(&mut self, switch: &Switch) {
        match *switch {
            Switch::StrictPost(on) => self.strict_post = on,
            Switch::PrintedForm(on) => self.printed_form = on,
            Switch::Refresh(mode) => self.refresh = mode,
            Switch::UnknownUser(code) => self.unknown_user = code,
            Switch::Callback(callback) => self.callback = callback,
            Switch::Language(language) => self.language = language,
            Switch::UnauthorizedClientStatus(status) => {
                self.unauthorized_client = if status == 400 { 400 } else { 401 };
            }
            Switch::AvatarAbsent(on) => self.avatar_absent = on,
            Switch::JsapiHash(hash) => self.jsapi_hash = hash,
            Switch::CorpTokenInvalidates(on) => self.corp_token_invalidates = on,
            Switch::AppRateLimit(limit) => self.app_rate = limit,
            Switch::ApiRateLimit(limit) => self.api_rate = limit,
            Switch::AddressLimit(limit) => self.address_limit = limit,
            Switch::BanPageIsHtml(on) => self.ban_page_is_html = on,
            Switch::MonthlyQuota(limit) => self.monthly_quota = limit,
            Switch::DetailUrlRequired(on) => self.detail_url_required = on,
            Switch::AppMinuteLimit(limit) => self.app_minute = limit,
            Switch::SuiteRateLimit(limit) => self.suite_rate = limit,
            Switch::SuiteMinuteLimit(limit) => self.suite_minute = limit,
            Switch::RetryAfter(seconds) => self.retry_after = seconds,
            Switch::OauthCodeLife(life) => self.oauth_code_life = life,
            Switch::CorpIdTokenRenews(on) => self.corp_id_token_renews = on,
            Switch::TokenInJsonBody(on) => self.token_in_json = on,
            Switch::ConsentRecordUnwritable(on) => self.consent_unwritable = on,
            Switch::StoppedAppWorks(on) => self.stopped_app_works = on,
            Switch::StrictHosts(on) => self.strict_hosts = on,
            Switch::RegionsApart(on) => self.regions_apart = on,
        }
    }
}
