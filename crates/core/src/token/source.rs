//! A credential without its type: what the machine works with, whoever owns the token.

use std::fmt;
use std::sync::OnceLock;
use std::time::Duration;

use serde::Deserialize;

use crate::error::Purpose;
use crate::machine::Job;
use crate::machine::watch::{Note, note};
use crate::store::{StoreKey, StoreKind};
use crate::sync::Arc;
use crate::token::{Pace, Slot, Tickets, Trouble};
use crate::user::Session;
use crate::{ClientId, CorpId, Error, ErrorKind, Region, Secret, Timestamp, auth, jsapi, lenient};

/// Where a token comes from and where it is kept: the common inside of
/// [`App`](crate::App), [`User`](crate::User), [`Sso`](crate::Sso) and [`Nobody`](crate::Nobody),
/// for programs that hold credentials of several kinds and for other languages.
///
/// A clone is the same credential.
#[derive(Clone)]
pub struct Source(Arc<Inner>);

struct Inner {
    common: Arc<Common>,
    kind: Kind,
    slot: Slot,
    /// The pace of one organization, made when it is first needed: the platform counts the calls
    /// of a third-party app for each of its organizations.
    own_pace: OnceLock<Box<Pace>>,
}

/// What all credentials of one app have in common.
pub(crate) struct Common {
    region: Region,
    client_id: ClientId,
    secret: Secret,
    pace: Pace,
    store_trouble: Trouble,
    tickets: Tickets,
}

/// Which credential it is, and so how it gets its token.
pub(crate) enum Kind {
    /// No token at all.
    Nobody,
    App(AppGrant),
    /// The page ticket of this app.
    Ticket(Source),
    /// In a box: it is large, and there may be very many of the others.
    User(Box<Session>),
    Sso(CorpId),
    /// A third-party app's own.
    Suite,
    /// A third-party app's for one organization.
    Corp {
        corp_id: CorpId,
        grant: CorpGrant,
    },
}

/// The three ways of an internal app to its token.
#[derive(Clone, Debug)]
pub(crate) enum AppGrant {
    /// `POST /v1.0/oauth2/accessToken`
    AccessToken,
    /// `GET /gettoken`
    GetToken,
    /// `POST /v1.0/oauth2/{corpId}/token`
    Organization(CorpId),
}

/// The three ways of a third-party app to an organization's token.
#[derive(Clone, Copy, Debug)]
pub(crate) enum CorpGrant {
    /// `POST /v1.0/oauth2/corpAccessToken`
    CorpAccessToken,
    /// `POST /v1.0/oauth2/{corpId}/token`
    Organization,
    /// `POST /service/get_corp_token`
    Signed,
}

/// What a token request brought.
pub(crate) struct Fetched {
    pub(crate) value: Secret,
    pub(crate) life: Duration,
}

/// A token request, and how to read its failures.
pub(crate) struct Errand {
    pub(crate) job: Job,
    pub(crate) purpose: Purpose,
    /// On whose behalf it goes out.
    pub(crate) via: Source,
    /// What must not show up in an error's text.
    pub(crate) hush: Vec<Secret>,
}

impl Source {
    /// The region that it calls.
    pub fn region(&self) -> &Region {
        &self.0.common.region
    }

    /// The app's client id; empty for [`Nobody`](crate::Nobody).
    pub fn client_id(&self) -> &ClientId {
        &self.0.common.client_id
    }

    /// Time until a caller would be asked to replace the token; zero where that is now.
    pub fn due_in(&self, now: Timestamp) -> Duration {
        self.0.slot.due_in(now)
    }

    /// What the store said when it last failed a credential of this app; `None` while it works.
    /// Calls go on without it where they can: this is how a program learns that they do.
    pub fn store_failure(&self) -> Option<String> {
        self.0.common.store_trouble.why()
    }

    /// Why the last try to get a token failed, also where another token still serves; `None`
    /// after a success.
    pub fn last_failure(&self) -> Option<Error> {
        self.0.slot.failure()
    }

    pub(crate) fn new(
        region: Region,
        client_id: ClientId,
        secret: Secret,
        kind: Kind,
        pace: Pace,
    ) -> Self {
        let (store_trouble, tickets) = (Trouble::default(), Tickets::default());
        let common = Common { region, client_id, secret, pace, store_trouble, tickets };
        Self::of(Arc::new(common), kind)
    }

    /// Another credential of the same app: same region, id, secret and pace, own token.
    pub(crate) fn sibling(&self, kind: Kind) -> Self {
        Self::of(Arc::clone(&self.0.common), kind)
    }

    fn of(common: Arc<Common>, kind: Kind) -> Self {
        Self(Arc::new(Inner { common, kind, slot: Slot::new(), own_pace: OnceLock::new() }))
    }

    pub(crate) fn slot(&self) -> &Slot {
        &self.0.slot
    }

    /// How long to wait before this call: see [`Pace::admit`].
    pub(crate) fn admit(
        &self,
        operation: &str,
        now: Timestamp,
        patience: Duration,
    ) -> Result<Duration, Duration> {
        let common = &self.0.common.pace;
        let pace = match &self.0.kind {
            Kind::Corp { .. } if common.is_limited() => Some(self.own_pace()),
            Kind::Corp { .. } => self.0.own_pace.get().map(|pace| &**pace),
            _ => Some(common),
        };
        pace.map_or(Ok(Duration::ZERO), |pace| pace.admit(operation, now, patience))
    }

    /// An operation was throttled: see [`Pace::throttled`].
    pub(crate) fn throttled(&self, operation: &str, now: Timestamp, wait: Duration) {
        let pace = match &self.0.kind {
            Kind::Corp { .. } => self.own_pace(),
            _ => &self.0.common.pace,
        };
        pace.throttled(operation, now, wait);
    }

    fn own_pace(&self) -> &Pace {
        self.0.own_pace.get_or_init(|| Box::new(self.0.common.pace.another()))
    }

    pub(crate) fn tickets(&self) -> &Tickets {
        &self.0.common.tickets
    }

    /// The organization of a third-party app's credential.
    pub(crate) fn corp_id(&self) -> Option<&CorpId> {
        match &self.0.kind {
            Kind::Corp { corp_id, .. } => Some(corp_id),
            _ => None,
        }
    }

    /// The organization whose token it is, where the credential names one.
    #[cfg(feature = "tracing")]
    pub(crate) fn organization(&self) -> Option<&CorpId> {
        match &self.0.kind {
            Kind::App(AppGrant::Organization(corp_id)) | Kind::Sso(corp_id) => Some(corp_id),
            Kind::Ticket(app) => app.organization(),
            _ => self.corp_id(),
        }
    }

    /// Which credential it is, in a word.
    pub(crate) fn kind_name(&self) -> &'static str {
        match &self.0.kind {
            Kind::Nobody => "nobody",
            Kind::App(_) => "app",
            Kind::Ticket(_) => "ticket",
            Kind::User(_) => "user",
            Kind::Sso(_) => "sso",
            Kind::Suite => "suite",
            Kind::Corp { .. } => "corp",
        }
    }

    /// Where other processes keep the suite ticket that this credential's token request needs.
    pub(crate) fn ticket_key(&self) -> Option<StoreKey> {
        let needed = match &self.0.kind {
            Kind::Suite => true,
            Kind::Corp { grant, .. } => !matches!(grant, CorpGrant::Organization),
            _ => false,
        };
        (needed && !self.tickets().needs_none()).then(|| self.suite_ticket_key())
    }

    /// Where the suite ticket of this app is kept.
    pub(crate) fn suite_ticket_key(&self) -> StoreKey {
        StoreKey::new(StoreKind::SuiteTicket, self.host(), &self.0.common.client_id)
    }

    pub(crate) fn secret(&self) -> &Secret {
        &self.0.common.secret
    }

    pub(crate) fn has_token(&self) -> bool {
        !matches!(self.0.kind, Kind::Nobody)
    }

    pub(crate) fn session(&self) -> Option<&Session> {
        match &self.0.kind {
            Kind::User(session) => Some(session),
            _ => None,
        }
    }

    /// Where other processes keep the same token; `None` for one that is nobody else's.
    pub(crate) fn store_key(&self) -> Option<StoreKey> {
        let key = |kind| StoreKey::new(kind, self.host(), &self.0.common.client_id);
        Some(match &self.0.kind {
            Kind::App(AppGrant::Organization(corp_id)) => key(StoreKind::App).of_corp(corp_id),
            Kind::App(_) => key(StoreKind::App),
            Kind::Ticket(app) => StoreKey { kind: StoreKind::Ticket, ..app.store_key()? },
            Kind::Sso(corp_id) => key(StoreKind::Sso).of_corp(corp_id),
            Kind::Suite => key(StoreKind::Suite),
            Kind::Corp { corp_id, .. } => key(StoreKind::Corp).of_corp(corp_id),
            Kind::User(session) => key(StoreKind::User).of_person(&*session.name()?),
            Kind::Nobody => return None,
        })
    }

    /// The host that gives the tokens.
    pub(crate) fn host(&self) -> &str {
        self.0.common.region.api().split_once("://").map_or("", |(_, host)| host)
    }

    pub(crate) fn store_trouble(&self) -> &Trouble {
        &self.0.common.store_trouble
    }

    /// The store failed in these words; `goes_on` if the call does without it.
    pub(crate) fn store_failed(&self, why: String, goes_on: bool, now: Timestamp) {
        note(&Note::StoreFailed { why: &why, goes_on });
        self.0.common.store_trouble.note(why, now);
    }

    /// The store did what it was asked.
    pub(crate) fn store_works(&self) {
        if self.0.common.store_trouble.over() {
            note(&Note::StoreBack);
        }
    }

    /// The request that fetches the token.
    pub(crate) fn errand(&self, now: Timestamp) -> Result<Errand, Error> {
        let id = self.0.common.client_id.as_str();
        let secret = &self.0.common.secret;
        let job = match &self.0.kind {
            Kind::Nobody => return Err(Error::invalid("this caller has no token")),
            Kind::App(AppGrant::AccessToken) => {
                Job::of(&auth::GetAccessToken::new(id, secret.clone()))?
            }
            Kind::App(AppGrant::GetToken) => {
                Job::of(&auth::GetTokenLegacy::new(id, secret.clone()))?
            }
            Kind::App(AppGrant::Organization(corp_id)) => {
                Job::of(&auth::GetCorpToken::new(corp_id, id, secret.clone()))?
            }
            Kind::Sso(corp_id) => Job::of(&auth::GetSsoToken::new(corp_id, secret.clone()))?,
            Kind::Suite => {
                let ticket = self.ticket()?;
                Job::of(&auth::GetSuiteAccessToken::new(id, secret.clone(), ticket))?
            }
            Kind::Corp { corp_id, grant: CorpGrant::Organization } => {
                Job::of(&auth::GetCorpToken::new(corp_id, id, secret.clone()))?
            }
            Kind::Corp { corp_id, grant: CorpGrant::CorpAccessToken } => {
                let (secret, ticket) = (secret.clone(), self.ticket()?);
                Job::of(&auth::GetCorpAccessToken::new(id, secret, corp_id, ticket))?
            }
            Kind::Corp { corp_id, grant: CorpGrant::Signed } => {
                let ticket = self.ticket()?;
                Job::of(&auth::GetCorpTokenSigned::new(id, secret, corp_id, ticket, now))?
            }
            Kind::Ticket(app) => {
                return Ok(Errand {
                    job: Job::of(&jsapi::CreateTicket::new())?,
                    purpose: Purpose::Call,
                    via: app.clone(),
                    hush: Vec::new(),
                });
            }
            Kind::User(session) => {
                let (job, purpose, presented) = session.errand(id, secret)?;
                return Ok(Errand {
                    job,
                    purpose,
                    via: self.nobody(),
                    hush: vec![secret.clone(), presented],
                });
            }
        };
        let hush = [Some(secret.clone()), self.tickets().latest()].into_iter().flatten().collect();
        Ok(Errand { job, purpose: Purpose::Token, via: self.nobody(), hush })
    }

    fn ticket(&self) -> Result<Secret, Error> {
        self.tickets().latest().ok_or_else(|| {
            Error::new(ErrorKind::TicketStale).with_message("no suite ticket has been pushed yet")
        })
    }

    /// The token request goes out: from now on a one-time code counts as used.
    pub(crate) fn presented(&self) {
        if let Some(session) = self.session() {
            session.presented();
        }
    }

    /// The token request failed for good.
    pub(crate) fn failed(&self, error: Error) -> Error {
        match self.session() {
            Some(session) => session.failed(error),
            None => error,
        }
    }

    /// Reads the token out of the answer's data.
    pub(crate) fn read(&self, data: &str) -> Result<Fetched, Error> {
        let grant: Grant = lenient::parse(data).map_err(|e| Error::undecodable(&e, 200))?;
        if grant.value.is_empty() {
            return Err(Error::new(ErrorKind::Reply).with_message("the token is empty"));
        }
        if http::HeaderValue::from_str(grant.value.expose()).is_err() {
            // Held for its life, it would fail every call that carries it in a header.
            let why = "the token holds characters that no header takes";
            return Err(Error::new(ErrorKind::Reply).with_message(why));
        }
        if let Some(session) = self.session() {
            session.granted(grant.refresh_token, grant.corp_id);
        }
        let life = u64::try_from(grant.life.unwrap_or(DEFAULT_LIFE)).unwrap_or(0);
        Ok(Fetched { value: grant.value, life: Duration::from_secs(life) })
    }

    fn nobody(&self) -> Self {
        self.sibling(Kind::Nobody)
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source")
            .field("kind", &self.kind_name())
            .field("client_id", &self.0.common.client_id)
            .field("region", &self.0.common.region)
            .finish_non_exhaustive()
    }
}

/// Two hours: what every token endpoint says, for an answer that leaves it out.
const DEFAULT_LIFE: i64 = 7_200;

/// All token answers in one: the names of token and life differ from endpoint to endpoint
/// (wire-facts §2.5).
#[derive(Deserialize)]
struct Grant {
    #[serde(
        rename = "accessToken",
        alias = "access_token",
        alias = "jsapiTicket",
        alias = "ticket"
    )]
    value: Secret,
    #[serde(
        default,
        rename = "expireIn",
        alias = "expires_in",
        alias = "expiresIn",
        deserialize_with = "lenient::life"
    )]
    life: Option<i64>,
    #[serde(default, rename = "refreshToken")]
    refresh_token: Option<Secret>,
    #[serde(default, rename = "corpId", deserialize_with = "lenient::read")]
    corp_id: Option<CorpId>,
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn read(data: &str) -> Result<Fetched, Error> {
        let region = Region::china();
        let pace = Pace::new(None);
        Source::new(region, "id".into(), "s".into(), Kind::App(AppGrant::AccessToken), pace)
            .read(data)
    }

    #[test]
    fn every_spelling_of_token_and_life_is_read() {
        for data in [
            r#"{"expireIn":7200,"accessToken":"t"}"#,
            r#"{"access_token":"t","expires_in":7200}"#,
            r#"{"errcode":0,"access_token":"t","errmsg":"ok","expires_in":"7200"}"#,
            r#"{"jsapiTicket":"t","expireIn":7200}"#,
            r#"{"ticket":"t"}"#,
        ] {
            let fetched = read(data).ok().unwrap();
            assert_eq!(fetched.value.expose(), "t", "{data}");
            assert_eq!(fetched.life, Duration::from_secs(7_200), "{data}");
        }
    }

    #[test]
    fn an_answer_without_a_token_is_an_error_that_tells_no_value() {
        for data in [
            r#"{"expireIn":7200}"#,
            r#"{"accessToken":""}"#,
            r#"{"accessToken":["canary"]}"#,
            r#"{"accessToken":"canary\r\nx: y"}"#,
        ] {
            let error = read(data).err().unwrap();
            assert!(!format!("{error:?} {error}").contains("canary"));
        }
    }

    #[test]
    fn a_token_is_good_whatever_is_said_of_its_life() {
        for (life, seconds) in [
            ("0", 0),
            ("-1", 0),
            ("\"\"", 7_200),
            ("null", 7_200),
            ("7200.5", 7_200),
            ("\"7200\"", 7_200),
            ("9223372036854775807", i64::MAX as u64),
            ("9223372036854775808", i64::MAX as u64),
            ("18446744073709551616", i64::MAX as u64),
            ("-1e300", 0),
            ("1e300", i64::MAX as u64),
            ("\"1e300\"", i64::MAX as u64),
            ("\"for ever\"", 0),
            ("true", 0),
            ("[7200]", 0),
            (r#"{"seconds":7200}"#, 0),
        ] {
            let fetched = read(&format!(r#"{{"expireIn":{life},"accessToken":"t"}}"#));
            let fetched = fetched.unwrap_or_else(|error| panic!("{life}: {error}"));
            assert_eq!(fetched.life, Duration::from_secs(seconds), "{life}");
        }
    }
}
