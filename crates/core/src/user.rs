//! A person who consented: auth code, access token, rotating refresh token.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::app::{ActsAs, AnyToken, AppOrUser, Credential, Nobody};
use crate::error::Purpose;
use crate::machine::Job;
use crate::store::rules::{self, Kept};
use crate::token::{Kind, Life, Source};
use crate::{CorpId, Error, ErrorKind, Secret, Timestamp, auth};

/// A person's session with an app (wire-facts §4): it begins with a code from the openAuth
/// component or the browser's OAuth page, or with a refresh token that was kept, and renews itself
/// for thirty days.
///
/// A clone is the same session, and any number of clients share its token.
///
/// A code goes out once; a refresh token is replaced by each renewal. If the answer to a renewal
/// is lost, nobody knows which refresh token is good: the next call tries the old one once more,
/// since there is nothing left to lose, and if that is refused the error is
/// [`LoginAgain`](ErrorKind::LoginAgain) with `in_doubt` set.
///
/// ```
/// use dingtalk_core::App;
///
/// let app = App::internal("dingabc", "secret");
/// let person = app.user_from_code("code-from-the-callback");
/// let later = app.user_from_refresh_token("kept-from-last-time");
/// # let _ = (person, later);
/// ```
#[derive(Clone)]
pub struct User(Source);

/// A session's tokens, for programs that keep them themselves.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct UserTokens {
    /// The access token and the end of its life, while it serves.
    pub access_token: Option<(Secret, Timestamp)>,
    /// What begins the session again later. It changes with each renewal.
    pub refresh_token: Option<Secret>,
    /// The organization that the person chose, where the scope asked for it.
    pub corp_id: Option<CorpId>,
}

impl User {
    pub(crate) fn begin(app: &Source, begin: Begin) -> Self {
        Self(app.sibling(Kind::User(Box::new(Session::new(begin, None)))))
    }

    pub(crate) fn kept_as(app: &Source, name: &str) -> Self {
        let session = Session::new(Begin::Stored, Some(Arc::from(name)));
        Self(app.sibling(Kind::User(Box::new(session))))
    }

    /// Gives the session the name under which stores keep it, for clients that have one: the
    /// person's union id, say, or the id of a browser's session. From then on each renewal is
    /// stored before its token is handed out, and every process that names the same session with
    /// [`App::user_kept_as`](crate::App::user_kept_as) shares it.
    ///
    /// For a person's consent to more points later, take the new code the same way and give it the
    /// same name: its tokens take the place of the stored ones, and a handle that still holds the
    /// old token takes them up after [`forget_token`](Self::forget_token).
    ///
    /// Name it before its first call, or [keep it](crate::auth::KeepSession) once you know who the
    /// person is. A login takes the place of a session that was stored under the name before; a
    /// refresh token that the program kept itself does not, since the stored one is newer.
    ///
    /// ```
    /// use dingtalk_core::App;
    ///
    /// let app = App::internal("dingabc", "secret");
    /// let person = app.user_from_code("code-from-the-callback");
    /// person.keep_as("Qm7ZpXk2iiTgR9sVbLhUaGQiEiE");
    /// let elsewhere = app.user_kept_as("Qm7ZpXk2iiTgR9sVbLhUaGQiEiE");
    /// # let _ = elsewhere;
    /// ```
    pub fn keep_as(&self, name: impl AsRef<str>) {
        if let Some(session) = self.0.session() {
            let mut state = session.state();
            let name = Arc::from(name.as_ref());
            state.stored &= state.name.as_ref() == Some(&name);
            state.name = Some(name);
        }
    }

    /// The name under which stores keep the session.
    pub fn kept_name(&self) -> Option<String> {
        self.0.session()?.name().map(|name| name.as_ref().to_owned())
    }

    /// What to keep so that the session outlives the process; `now` tells whether the access
    /// token still serves.
    pub fn tokens(&self, now: Timestamp) -> UserTokens {
        let session = self.0.session();
        let (refresh_token, corp_id) = session.map(Session::kept).unwrap_or_default();
        let held = self.0.slot().peek(now);
        UserTokens {
            access_token: held.map(|token| ((*token.value).clone(), token.expires)),
            refresh_token,
            corp_id,
        }
    }

    /// Puts an access token there that was kept from an earlier run, so that the first call needs
    /// no renewal.
    pub fn seed(&self, access_token: impl Into<Secret>, expires: Timestamp, now: Timestamp) {
        self.0.slot().seed(access_token.into(), now, expires.left(now));
    }

    /// Forgets the token that is held, so that the next call renews the session: after the person
    /// granted more points, say. The platform is told nothing.
    pub fn forget_token(&self) {
        self.0.slot().forget();
    }
}

impl Credential for User {
    fn source(&self) -> &Source {
        &self.0
    }
}

impl ActsAs<Self> for User {}
impl ActsAs<AppOrUser> for User {}
impl ActsAs<AnyToken> for User {}
impl ActsAs<Nobody> for User {}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("User").field(&self.0).finish()
    }
}

/// How a session begins.
pub(crate) enum Begin {
    Code(Secret),
    RefreshToken(Secret),
    /// With what is stored under the session's name.
    Stored,
}

/// A grant that the store has not got yet.
#[derive(Clone)]
pub(crate) struct Unsaved {
    pub(crate) value: Secret,
    pub(crate) asked: Timestamp,
    pub(crate) life: Life,
    /// What is to be stored of it.
    pub(crate) kept: Kept,
    /// The refresh token that it was granted for; none if it comes from a login, and so takes the
    /// place of whatever was stored.
    pub(crate) presented: Option<Secret>,
}

impl Unsaved {
    /// Whether this is newer than what is stored: a login always is.
    pub(crate) fn replaces(&self, stored: Option<&Kept>) -> bool {
        self.presented.as_ref().is_none_or(|presented| rules::follows(stored, presented.expose()))
    }
}

/// The single-use secrets of a session.
pub(crate) struct Session(Mutex<State>);

struct State {
    /// What the next token request presents.
    present: Option<Begin>,
    corp_id: Option<CorpId>,
    /// A request is out and its answer is not here.
    out: bool,
    /// An earlier answer was lost.
    in_doubt: bool,
    /// Under which name stores keep it; without one it is this process's alone.
    name: Option<Arc<str>>,
    unsaved: Option<Unsaved>,
    /// The store has had it under its name: where it is gone, the person has logged out.
    stored: bool,
    /// The number under which this process last told the store that it presents the token.
    holder_out: Option<u64>,
    /// Whoever did is not at it any more.
    given_up: bool,
}

impl Session {
    fn new(begin: Begin, name: Option<Arc<str>>) -> Self {
        Self(Mutex::new(State {
            present: Some(begin),
            corp_id: None,
            out: false,
            in_doubt: false,
            name,
            unsaved: None,
            stored: false,
            holder_out: None,
            given_up: false,
        }))
    }

    /// The name under which stores keep it.
    pub(crate) fn name(&self) -> Option<Arc<str>> {
        self.state().name.clone()
    }

    pub(crate) fn begins_with_code(&self) -> bool {
        matches!(self.state().present, Some(Begin::Code(_)))
    }

    /// Whether an answer was lost that may have held the tokens.
    pub(crate) fn in_doubt(&self) -> bool {
        self.state().in_doubt
    }

    pub(crate) fn unsaved(&self) -> Option<Unsaved> {
        self.state().unsaved.clone()
    }

    pub(crate) fn set_unsaved(&self, grant: Option<Unsaved>) {
        let mut state = self.state();
        if grant.is_none() {
            state.holder_out = None;
            state.stored = true;
        }
        state.unsaved = grant;
    }

    /// The number under which this process announced a request that it has given up since.
    pub(crate) fn holder_out(&self) -> Option<u64> {
        let state = self.state();
        state.holder_out.filter(|_| state.given_up)
    }

    pub(crate) fn out_as(&self, holder: u64) {
        let mut state = self.state();
        (state.holder_out, state.given_up) = (Some(holder), false);
    }

    pub(crate) fn give_up(&self, holder: u64) {
        let mut state = self.state();
        state.given_up |= state.holder_out == Some(holder);
    }

    /// The person logged out.
    pub(crate) fn forget(&self) {
        let mut state = self.state();
        state.present = state.name.is_some().then_some(Begin::Stored);
        state.unsaved = None;
        state.holder_out = None;
        state.corp_id = None;
    }

    /// Goes on with what another process stored.
    pub(crate) fn adopt(&self, kept: &Kept) {
        let mut state = self.state();
        state.out = false;
        state.stored = true;
        state.in_doubt = kept.in_doubt;
        state.corp_id = kept.corp_id.clone().or(state.corp_id.take());
        state.present = kept.refresh_token.clone().map(Begin::RefreshToken);
    }

    /// What is stored of it with this access token.
    pub(crate) fn record(&self, value: &Secret) -> Kept {
        let (refresh_token, corp_id) = self.kept();
        Kept::new(Some(value.clone()), refresh_token, corp_id)
    }

    /// What is stored first of a session that begins with a refresh token. One that was stored
    /// and is gone does not begin again: its person has logged out, in another process maybe.
    pub(crate) fn first_record(&self) -> Option<Kept> {
        if self.state().stored {
            return None;
        }
        let (refresh_token, corp_id) = self.kept();
        Some(Kept::new(None, Some(refresh_token?), corp_id))
    }

    /// The request for the next token, its purpose, and the secret that it presents.
    pub(crate) fn errand(
        &self,
        id: &str,
        secret: &Secret,
    ) -> Result<(Job, Purpose, Secret), Error> {
        let mut state = self.state();
        // A request that was dropped with its answer still out leaves its fate unknown.
        state.settle_lost();
        match &state.present {
            Some(Begin::Code(code)) => {
                let exchange = auth::GetUserToken::from_code(id, secret.clone(), code.clone());
                Ok((Job::of(&exchange)?, Purpose::Exchange, code.clone()))
            }
            Some(Begin::RefreshToken(token)) => {
                let refresh =
                    auth::GetUserToken::from_refresh_token(id, secret.clone(), token.clone());
                Ok((Job::of(&refresh)?, Purpose::Refresh, token.clone()))
            }
            Some(Begin::Stored) => {
                Err(Error::invalid("this session is in a store, and the client has none"))
            }
            None => Err(Error::new(ErrorKind::LoginAgain { in_doubt: state.in_doubt })),
        }
    }

    pub(crate) fn presented(&self) {
        self.state().out = true;
    }

    pub(crate) fn granted(&self, refresh_token: Option<Secret>, corp_id: Option<CorpId>) {
        let mut state = self.state();
        state.out = false;
        state.in_doubt = false;
        state.corp_id = corp_id.or(state.corp_id.take());
        match refresh_token.filter(|token| !token.is_empty()) {
            Some(token) => state.present = Some(Begin::RefreshToken(token)),
            // A code is used up by its success; a refresh token stays where none came instead.
            None => state.present = state.present.take().filter(|p| !matches!(p, Begin::Code(_))),
        }
    }

    pub(crate) fn failed(&self, error: Error) -> Error {
        let mut state = self.state();
        if maybe_executed(error.kind()) {
            state.settle_lost();
        }
        state.out = false;
        match error.kind() {
            ErrorKind::LoginAgain { .. } => {
                let in_doubt = state.in_doubt;
                error.with_kind(ErrorKind::LoginAgain { in_doubt })
            }
            _ => error,
        }
    }

    fn kept(&self) -> (Option<Secret>, Option<CorpId>) {
        let state = self.state();
        let token = match &state.present {
            Some(Begin::RefreshToken(token)) => Some(token.clone()),
            _ => None,
        };
        (token, state.corp_id.clone())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn settle_lost(&mut self) {
        if !self.out {
            return;
        }
        self.out = false;
        self.in_doubt = true;
        // A one-time code is never replayed; a refresh token may be tried once more.
        self.present = self.present.take().filter(|present| !matches!(present, Begin::Code(_)));
    }
}

/// Whether the exchange may have happened although it failed for us.
pub(crate) fn maybe_executed(kind: &ErrorKind) -> bool {
    !matches!(
        kind,
        ErrorKind::Unreachable
            | ErrorKind::Throttled { .. }
            | ErrorKind::Quota
            | ErrorKind::Credentials
            | ErrorKind::IpNotAllowed { .. }
            | ErrorKind::BadRequest
            | ErrorKind::MissingToken
            | ErrorKind::NoSuchApi
            | ErrorKind::NotAuthorized
            | ErrorKind::Permission { .. }
            | ErrorKind::LoginAgain { .. }
            | ErrorKind::Invalid
            | ErrorKind::TimedOut { maybe_executed: false }
    )
}
