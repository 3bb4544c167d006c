//! Third-party apps and the organizations that authorized them.

mod registry;

use std::fmt;
use std::sync::{Arc, OnceLock};

use crate::app::{ActsAs, AnyToken, App, AppOrSuite, AppOrUser, Credential, Nobody};
use crate::token::{CorpGrant, Kind, Pace, Source};
use crate::user::Begin;
use crate::{ClientId, CorpId, Region, Secret, Timestamp, User, auth::AuthCode};
use registry::{Registry, Used};

/// A third-party app, or an internal app that was handed over to a service provider, for all the
/// organizations that it serves (wire-facts §3).
///
/// An organization takes 527 bytes, its id and its token of 32 characters each included. It is found
/// with its token in 0.3 to 0.6 µs among 100,000, which is 3 to 4 times what a map takes. An hour in
/// which a million come and go leaves the memory where it was (56 MiB for all of them).
/// `cargo test -p dingtalk-core --release --test organizations -- --nocapture` measures it.
///
/// A clone is the same app. It holds the suite ticket that the platform pushes, hands out a
/// [`Corp`] for each organization, and makes calls of its own with the suite's own token.
///
/// ```
/// use dingtalk_core::{Suite, Timestamp};
///
/// let suite = Suite::third_party("suitea1b2c3", "suite secret");
/// let now = Timestamp::from_millis(1_700_000_000_000);
/// // From the `suite_ticket` event, or through a client with `auth::TakeSuiteTicket`:
/// suite.take_ticket("the ticket", now.unix_millis());
/// let customer = suite.corp("ding7c1e0f2a");
/// # let _ = customer;
/// ```
#[derive(Clone)]
pub struct Suite(Arc<Inner>);

struct Inner {
    source: Source,
    grant: CorpGrant,
    corps: Registry,
}

impl Suite {
    /// A third-party app on the Chinese edition, with Client ID (suite key) and Client Secret
    /// (suite secret); its organizations' tokens by `POST /v1.0/oauth2/corpAccessToken`.
    pub fn third_party(suite_key: impl Into<ClientId>, suite_secret: impl Into<Secret>) -> Self {
        Self::builder(suite_key, suite_secret).build()
    }

    /// An internal app that its organization handed over with CustomKey and CustomSecret
    /// (wire-facts §3.2). No ticket is pushed to it, and none is needed.
    pub fn handed_over(custom_key: impl Into<ClientId>, custom_secret: impl Into<Secret>) -> Self {
        Self::builder(custom_key, custom_secret).without_tickets().build()
    }

    /// A third-party app with choices.
    pub fn builder(
        suite_key: impl Into<ClientId>,
        suite_secret: impl Into<Secret>,
    ) -> SuiteBuilder {
        SuiteBuilder {
            suite_key: suite_key.into(),
            suite_secret: suite_secret.into(),
            region: Region::china(),
            grant: CorpGrant::CorpAccessToken,
            without_tickets: false,
            capacity: CAPACITY,
            rate_limit: None,
        }
    }

    /// The suite key, or the CustomKey.
    pub fn suite_key(&self) -> &ClientId {
        self.0.source.client_id()
    }

    /// Where the platform is for this app.
    pub fn region(&self) -> &Region {
        self.0.source.region()
    }

    /// An organization that authorized the app. The same organization is the same credential, with
    /// one token between all who ask for it here, for as long as it is used: of very many
    /// organizations the ones that are not are forgotten, never one whose handle somebody holds.
    pub fn corp(&self, corp_id: impl Into<CorpId>) -> Corp {
        let corp_id = corp_id.into();
        Corp(self.0.corps.get_or_add(corp_id, |corp_id| {
            let kind = Kind::Corp { corp_id, grant: self.0.grant };
            CorpInner {
                source: self.0.source.sibling(kind),
                ticket: OnceLock::new(),
                used: Used::default(),
            }
        }))
    }

    /// An organization's credential that is nobody else's: it is not held, and makes nobody room.
    pub(crate) fn apart(&self, corp_id: CorpId) -> Source {
        self.0.source.sibling(Kind::Corp { corp_id, grant: self.0.grant })
    }

    /// How many organizations are held at this moment.
    pub fn corps_held(&self) -> usize {
        self.0.corps.len()
    }

    /// Takes the ticket of a push, by the platform's own time of it; false if a later one is here
    /// already. This process only: [`TakeSuiteTicket`](crate::auth::TakeSuiteTicket) tells the
    /// others, too.
    pub fn take_ticket(&self, ticket: impl Into<Secret>, pushed_at: u64) -> bool {
        self.0.source.tickets().take(ticket.into(), pushed_at)
    }

    /// When the ticket that is held was pushed, in Unix milliseconds; `None` before the first one.
    pub fn ticket_pushed_at(&self) -> Option<u64> {
        self.0.source.tickets().pushed_at()
    }

    /// A person, from the code that openAuth or the OAuth page gave to this app: good for five
    /// minutes and once.
    pub fn user_from_code(&self, code: impl Into<AuthCode>) -> User {
        User::begin(&self.0.source, Begin::Code(code.into().secret().clone()))
    }

    /// A person, from a refresh token that was kept.
    pub fn user_from_refresh_token(&self, refresh_token: impl Into<Secret>) -> User {
        User::begin(&self.0.source, Begin::RefreshToken(refresh_token.into()))
    }

    /// A person whose session is in the client's store under this name: see [`User::keep_as`].
    pub fn user_kept_as(&self, name: impl AsRef<str>) -> User {
        User::kept_as(&self.0.source, name.as_ref())
    }
}

impl Credential for Suite {
    fn source(&self) -> &Source {
        &self.0.source
    }
}

impl ActsAs<Self> for Suite {}
impl ActsAs<AnyToken> for Suite {}
impl ActsAs<AppOrSuite> for Suite {}
impl ActsAs<Nobody> for Suite {}

impl fmt::Debug for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Suite").field(&self.0.source).finish()
    }
}

/// A third-party app within one organization: what [`Suite::corp`] gives. It calls what an
/// internal app of that organization would call, within what was authorized.
///
/// When the organization takes the authorization back, calls fail with
/// [`NotAuthorized`](crate::ErrorKind::NotAuthorized).
#[derive(Clone)]
pub struct Corp(Arc<CorpInner>);

pub(crate) struct CorpInner {
    source: Source,
    /// The page ticket, for those few organizations that open pages.
    ticket: OnceLock<Source>,
    used: Used,
}

impl Corp {
    /// The organization.
    pub fn corp_id(&self) -> CorpId {
        self.0.source.corp_id().cloned().unwrap_or_default()
    }

    /// The token that serves at this moment and the end of its life; `None` where a call would
    /// have to fetch one.
    pub fn token(&self, now: Timestamp) -> Option<(Secret, Timestamp)> {
        let token = self.0.source.slot().peek(now)?;
        Some(((*token.value).clone(), token.expires))
    }

    /// Puts a token there that the program kept itself, good until `expires`.
    pub fn seed(&self, access_token: impl Into<Secret>, expires: Timestamp, now: Timestamp) {
        self.0.source.slot().seed(access_token.into(), now, expires.left(now));
    }

    /// Forgets the token that is held, so that the next call fetches one. The platform is told
    /// nothing.
    pub fn forget_token(&self) {
        self.0.source.slot().forget();
    }
}

impl Credential for Corp {
    fn source(&self) -> &Source {
        &self.0.source
    }

    fn ticket(&self) -> Option<&Source> {
        let of = &self.0.source;
        Some(self.0.ticket.get_or_init(|| of.sibling(Kind::Ticket(of.clone()))))
    }
}

impl ActsAs<App> for Corp {}
impl ActsAs<AppOrUser> for Corp {}
impl ActsAs<AnyToken> for Corp {}
impl ActsAs<Nobody> for Corp {}

impl fmt::Debug for Corp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Corp").field(&self.0.source).finish()
    }
}

/// See [`Suite::builder`].
pub struct SuiteBuilder {
    suite_key: ClientId,
    suite_secret: Secret,
    region: Region,
    grant: CorpGrant,
    without_tickets: bool,
    capacity: usize,
    rate_limit: Option<u32>,
}

impl SuiteBuilder {
    /// Where the platform is.
    #[must_use]
    pub fn region(mut self, region: Region) -> Self {
        self.region = region;
        self
    }

    /// Organizations' tokens by `POST /v1.0/oauth2/{corpId}/token`, which needs no ticket
    /// (wire-facts §2.3).
    #[must_use]
    pub fn by_organization(mut self) -> Self {
        self.grant = CorpGrant::Organization;
        self
    }

    /// Organizations' tokens by the old signed `POST /service/get_corp_token` (wire-facts §3.4).
    /// The machine's clock must be right to the minute.
    #[must_use]
    pub fn by_signed_call(mut self) -> Self {
        self.grant = CorpGrant::Signed;
        self
    }

    /// The platform pushes no tickets: test apps and apps that were handed over take any text.
    #[must_use]
    pub fn without_tickets(mut self) -> Self {
        self.without_tickets = true;
        self
    }

    /// How many organizations are held before those that are not used are forgotten; 100,000
    /// unless told.
    #[must_use]
    pub fn capacity(mut self, organizations: usize) -> Self {
        self.capacity = organizations.max(1);
        self
    }

    /// At most so many calls a second, organization and API from this process, from the start.
    /// Without this, an API is paced once it has been throttled.
    #[must_use]
    pub fn rate_limit(mut self, calls_per_second: u32) -> Self {
        self.rate_limit = Some(calls_per_second.max(1));
        self
    }

    /// The app.
    #[must_use]
    pub fn build(self) -> Suite {
        let pace = Pace::new(self.rate_limit);
        let source = Source::new(self.region, self.suite_key, self.suite_secret, Kind::Suite, pace);
        if self.without_tickets {
            source.tickets().need_none();
        }
        let corps = Registry::new(self.capacity);
        Suite(Arc::new(Inner { source, grant: self.grant, corps }))
    }
}

impl fmt::Debug for SuiteBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SuiteBuilder")
            .field("suite_key", &self.suite_key)
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}

/// Organizations held at most, unless told: some 60 MB.
const CAPACITY: usize = 100_000;
