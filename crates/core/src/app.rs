//! An app and the other callers: who may call what is known to the compiler.

use std::fmt;

use crate::auth::AuthCode;
use crate::token::{AppGrant, Kind, Pace, STANDARD_RATE, Source};
use crate::user::Begin;
use crate::{ClientId, CorpId, Region, Secret, Suite, Timestamp, User};

/// An app that an organization built for itself, with its token (wire-facts §2).
///
/// A clone is the same app: give it to as many clients, threads and tasks as you like, blocking
/// and async together, and they make one token request per two hours between them.
///
/// ```
/// use dingtalk_core::{App, CorpId, Region};
///
/// let app = App::internal("dingabc", "client secret");
///
/// let other = App::builder("dingxyz", "client secret")
///     .region(Region::international())
///     .by_organization(CorpId::from("ding1234"))
///     .build();
/// # let _ = (app, other);
/// ```
#[derive(Clone)]
pub struct App {
    source: Source,
    ticket: Source,
}

impl App {
    /// An internal app on the Chinese edition, its token by `POST /v1.0/oauth2/accessToken`.
    pub fn internal(client_id: impl Into<ClientId>, client_secret: impl Into<Secret>) -> Self {
        Self::builder(client_id, client_secret).build()
    }

    /// An app with choices.
    pub fn builder(client_id: impl Into<ClientId>, client_secret: impl Into<Secret>) -> AppBuilder {
        AppBuilder {
            client_id: client_id.into(),
            client_secret: client_secret.into(),
            region: Region::china(),
            grant: AppGrant::AccessToken,
            rate_limit: None,
        }
    }

    /// The app's client id.
    pub fn client_id(&self) -> &ClientId {
        self.source.client_id()
    }

    /// Where the platform is for this app.
    pub fn region(&self) -> &Region {
        self.source.region()
    }

    /// A person, from the code that openAuth or the OAuth page gave: good for five minutes and
    /// once. Not the code of `dd.requestAuthCode`: that one goes to
    /// [`contact::GetUserByCode`](crate::contact::GetUserByCode).
    pub fn user_from_code(&self, code: impl Into<AuthCode>) -> User {
        User::begin(&self.source, Begin::Code(code.into().secret().clone()))
    }

    /// A person, from a refresh token that was kept.
    pub fn user_from_refresh_token(&self, refresh_token: impl Into<Secret>) -> User {
        User::begin(&self.source, Begin::RefreshToken(refresh_token.into()))
    }

    /// A person whose session is in the client's store under this name: see [`User::keep_as`].
    /// Where nothing is stored, calls fail with
    /// [`LoginAgain`](crate::ErrorKind::LoginAgain).
    pub fn user_kept_as(&self, name: impl AsRef<str>) -> User {
        User::kept_as(&self.source, name.as_ref())
    }

    /// Puts a token there that the program kept itself, good until `expires`.
    pub fn seed(&self, access_token: impl Into<Secret>, expires: Timestamp, now: Timestamp) {
        self.source.slot().seed(access_token.into(), now, expires.left(now));
    }

    /// The token that serves at this moment and the end of its life, for programs that keep
    /// tokens themselves. It asks nobody; `None` where a call would have to fetch one.
    pub fn token(&self, now: Timestamp) -> Option<(Secret, Timestamp)> {
        let token = self.source.slot().peek(now)?;
        Some(((*token.value).clone(), token.expires))
    }

    /// Forgets the token that is held, so that the next call fetches one: after a permission point
    /// was granted or the secret was corrected, say. The platform is told nothing.
    pub fn forget_token(&self) {
        self.source.slot().forget();
    }

    /// The same for the page ticket: after a page reported that it cannot be read
    /// ([`DdError`](crate::jsapi::DdError) 52011), say.
    pub fn forget_ticket(&self) {
        self.ticket.slot().forget();
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("App").field(&self.source).finish()
    }
}

/// See [`App::builder`].
pub struct AppBuilder {
    client_id: ClientId,
    client_secret: Secret,
    region: Region,
    grant: AppGrant,
    rate_limit: Option<u32>,
}

impl AppBuilder {
    /// Where the platform is. Give one region to all apps of a program: what it learns about
    /// a ban of the machine's address then holds for all of them.
    #[must_use]
    pub fn region(mut self, region: Region) -> Self {
        self.region = region;
        self
    }

    /// The token by the old `GET /gettoken`.
    #[must_use]
    pub fn by_gettoken(mut self) -> Self {
        self.grant = AppGrant::GetToken;
        self
    }

    /// The token by `POST /v1.0/oauth2/{corpId}/token`, for this organization.
    #[must_use]
    pub fn by_organization(mut self, corp_id: impl Into<CorpId>) -> Self {
        self.grant = AppGrant::Organization(corp_id.into());
        self
    }

    /// At most 20 calls a second and API from this process, from the start: the platform's limit
    /// for the standard edition. Without this, an API is paced at that once it has been
    /// throttled.
    #[must_use]
    pub fn paced(self) -> Self {
        self.rate_limit(STANDARD_RATE)
    }

    /// The same with another number, for the packages that allow more.
    #[must_use]
    pub fn rate_limit(mut self, calls_per_second: u32) -> Self {
        self.rate_limit = Some(calls_per_second.max(1));
        self
    }

    /// The app.
    #[must_use]
    pub fn build(self) -> App {
        let pace = Pace::new(self.rate_limit);
        let app = Source::new(
            self.region,
            self.client_id,
            self.client_secret,
            Kind::App(self.grant),
            pace,
        );
        let ticket = app.sibling(Kind::Ticket(app.clone()));
        App { source: app, ticket }
    }
}

impl fmt::Debug for AppBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppBuilder")
            .field("client_id", &self.client_id)
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}

/// An organization's admin backend, for single sign-on of its admins (wire-facts §3.7).
#[derive(Clone)]
pub struct Sso(Source);

impl Sso {
    /// From the organization and its SSO secret.
    pub fn new(corp_id: impl Into<CorpId>, sso_secret: impl Into<Secret>, region: Region) -> Self {
        let kind = Kind::Sso(corp_id.into());
        let pace = Pace::new(None);
        Self(Source::new(region, ClientId::default(), sso_secret.into(), kind, pace))
    }
}

impl fmt::Debug for Sso {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sso").field(&self.0).finish()
    }
}

/// A caller without a token, for the endpoints that take none.
#[derive(Clone)]
pub struct Nobody(Source);

impl Nobody {
    /// Calls this region.
    pub fn in_region(region: Region) -> Self {
        let pace = Pace::new(None);
        Self(Source::new(region, ClientId::default(), Secret::default(), Kind::Nobody, pace))
    }
}

impl fmt::Debug for Nobody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Nobody").field(&self.0).finish()
    }
}

/// For endpoints that take an app's token or a person's.
#[derive(Debug)]
#[non_exhaustive]
pub enum AppOrUser {}

/// For what an app or a third-party app does with its own id and secret: opening Stream.
#[derive(Debug)]
#[non_exhaustive]
pub enum AppOrSuite {}

/// For what every credential with a token can do.
#[derive(Debug)]
#[non_exhaustive]
pub enum AnyToken {}

/// Something that calls are made with. Sealed.
pub trait Credential: sealed::Sealed {
    /// The same without its type.
    fn source(&self) -> &Source;

    /// The page ticket that belongs to it, if it has one.
    #[doc(hidden)]
    fn ticket(&self) -> Option<&Source> {
        None
    }
}

/// A credential that may call the endpoints of `Caller`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` may not call endpoints of `{Caller}`",
    note = "app endpoints take an `App`, personal ones a `User`: wire-facts §8.4"
)]
pub trait ActsAs<Caller>: Credential {}

/// Whose token an endpoint takes, as types name it.
pub trait Caller: sealed::SealedCaller {
    /// Whether it takes one at all.
    const TOKEN: bool;
}

impl Caller for App {
    const TOKEN: bool = true;
}
impl Caller for User {
    const TOKEN: bool = true;
}
impl Caller for Sso {
    const TOKEN: bool = true;
}
impl Caller for Suite {
    const TOKEN: bool = true;
}
impl Caller for AppOrUser {
    const TOKEN: bool = true;
}
impl Caller for AnyToken {
    const TOKEN: bool = true;
}
impl Caller for AppOrSuite {
    const TOKEN: bool = false;
}
impl Caller for Nobody {
    const TOKEN: bool = false;
}

impl Credential for App {
    fn source(&self) -> &Source {
        &self.source
    }

    fn ticket(&self) -> Option<&Source> {
        Some(&self.ticket)
    }
}
impl Credential for Sso {
    fn source(&self) -> &Source {
        &self.0
    }
}
impl Credential for Nobody {
    fn source(&self) -> &Source {
        &self.0
    }
}

impl ActsAs<Self> for App {}
impl ActsAs<AppOrUser> for App {}
impl ActsAs<AppOrSuite> for App {}
impl ActsAs<AnyToken> for App {}
impl ActsAs<Nobody> for App {}
impl ActsAs<Self> for Sso {}
impl ActsAs<AnyToken> for Sso {}
impl ActsAs<Nobody> for Sso {}
impl ActsAs<Self> for Nobody {}

#[allow(unnameable_types)] // nobody outside may implement them
mod sealed {
    use super::{AnyToken, App, AppOrSuite, AppOrUser, Nobody, Sso};
    use crate::{Corp, Suite, User};

    pub trait Sealed {}
    impl Sealed for App {}
    impl Sealed for User {}
    impl Sealed for Sso {}
    impl Sealed for Suite {}
    impl Sealed for Corp {}
    impl Sealed for Nobody {}

    pub trait SealedCaller {}
    impl SealedCaller for App {}
    impl SealedCaller for User {}
    impl SealedCaller for Sso {}
    impl SealedCaller for Suite {}
    impl SealedCaller for Nobody {}
    impl SealedCaller for AppOrUser {}
    impl SealedCaller for AnyToken {}
    impl SealedCaller for AppOrSuite {}
}
