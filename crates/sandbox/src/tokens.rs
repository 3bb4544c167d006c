//! The token store: who a token speaks for, how long it lives, and what asking again does (wire-facts §2.4, §3, §4.3).

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::rng::Rng;
use crate::switches::RefreshMode;

/// Lives in milliseconds: 7,200 s for tokens, 3,600 s for the admin-backend token (§3.7), 30 days for refresh tokens
/// (§4.3).
pub(crate) const TOKEN_LIFE: u64 = 7_200_000;
pub(crate) const SSO_LIFE: u64 = 3_600_000;
const REFRESH_LIFE: u64 = 30 * 86_400_000;

/// Who a living token speaks for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Caller {
    pub(crate) kind: TokenKind,
    pub(crate) client: Arc<str>,
    pub(crate) corp: Arc<str>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum TokenKind {
    /// An app in its organization, or a third-party app in one of its customers.
    App,
    /// A person through an app.
    User { user_id: Arc<str>, union_id: Arc<str>, with_corp: bool },
    /// The admin backend of an organization.
    Sso,
    /// A third-party app as such, in no organization.
    Suite,
}

impl TokenKind {
    /// What kind of token it is, in words.
    pub(crate) fn says(&self) -> &'static str {
        match self {
            Self::App => "an app's token",
            Self::User { .. } => "a person's token",
            Self::Sso => "a token of the admin backend",
            Self::Suite => "a suite's token",
        }
    }
}

/// An access token and the refresh token that came with it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Pair {
    pub(crate) access: String,
    pub(crate) refresh: String,
    pub(crate) corp: Option<Arc<str>>,
}

/// A token that can be shown to somebody who may see everything.
pub(crate) struct Alive<'t> {
    pub(crate) text: &'t str,
    pub(crate) caller: &'t Caller,
    pub(crate) expires: u64,
    pub(crate) refresh: bool,
}

/// What a call was given, for the critic.
#[derive(Clone, Debug)]
pub(crate) struct Given {
    pub(crate) caller: Caller,
    pub(crate) token: String,
    pub(crate) refresh: Option<String>,
    pub(crate) expires: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct Living {
    caller: Caller,
    expires: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct Refresh {
    caller: Caller,
    expires: u64,
    access: String,
    /// The pair that replaced this one, and when.
    replaced: Option<(Pair, u64)>,
}

/// Every token of the sandbox.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Tokens {
    living: HashMap<String, Living>,
    /// The one token of an app in an organization, for endpoints that renew it.
    #[serde(with = "crate::snapshot::pairs")]
    of_app: HashMap<(Arc<str>, Arc<str>), String>,
    refresh: HashMap<String, Refresh>,
    /// The refresh token of a person in an app, for the switch that hands out the same pair.
    #[serde(with = "crate::snapshot::pairs")]
    of_person: HashMap<(Arc<str>, Arc<str>), String>,
    #[serde(skip)]
    sweep_at: usize,
    /// What was handed out last.
    #[serde(skip)]
    pub(crate) given: Option<Given>,
}

impl Tokens {
    /// Who this token speaks for now; a dead one and an unknown one look alike, as on the platform.
    pub(crate) fn caller(&self, token: &str, now: u64) -> Option<&Caller> {
        self.living.get(token).filter(|living| now < living.expires).map(|living| &living.caller)
    }

    /// The token of an internal app: while it is valid the same string, its life restarted; else a new one (§2.4).
    pub(crate) fn renewed(
        &mut self,
        client: &Arc<str>,
        corp: &Arc<str>,
        now: u64,
        rng: &mut Rng,
    ) -> String {
        let key = (Arc::clone(client), Arc::clone(corp));
        if let Some(token) = self.of_app.get(&key)
            && let Some(living) = self.living.get_mut(token).filter(|living| now < living.expires)
        {
            living.expires = now + TOKEN_LIFE;
            let (caller, expires) = (living.caller.clone(), living.expires);
            self.given = Some(Given { caller, token: token.clone(), refresh: None, expires });
            return token.clone();
        }
        let caller =
            Caller { kind: TokenKind::App, client: Arc::clone(client), corp: Arc::clone(corp) };
        let token = self.fresh(caller, TOKEN_LIFE, now, rng);
        self.of_app.insert(key, token.clone());
        token
    }

    /// A new token, whatever was handed out before.
    pub(crate) fn fresh(&mut self, caller: Caller, life: u64, now: u64, rng: &mut Rng) -> String {
        self.sweep(now);
        let (token, expires) = (rng.token(), now + life);
        self.living.insert(token.clone(), Living { caller: caller.clone(), expires });
        self.given = Some(Given { caller, token: token.clone(), refresh: None, expires });
        token
    }

    /// Kills the tokens of a third-party app in one organization, for the switch about new corporation tokens.
    pub(crate) fn drop_app_tokens(&mut self, client: &str, corp: &str) {
        self.living.retain(|_, living| {
            living.caller.kind != TokenKind::App
                || *living.caller.client != *client
                || *living.caller.corp != *corp
        });
    }

    /// Kills everything that an app got in one organization, its people's pairs included.
    pub(crate) fn drop_app_in(&mut self, client: &str, corp: &str) {
        let theirs = |caller: &Caller| *caller.client == *client && *caller.corp == *corp;
        self.living.retain(|_, living| !theirs(&living.caller));
        self.refresh.retain(|_, refresh| !theirs(&refresh.caller));
    }

    /// Kills everything that an app ever got.
    pub(crate) fn drop_client(&mut self, client: &str) {
        self.living.retain(|_, living| *living.caller.client != *client);
        self.refresh.retain(|_, refresh| *refresh.caller.client != *client);
    }

    /// Kills the pairs of a person, in every app.
    pub(crate) fn drop_person(&mut self, union_id: &str) {
        let theirs = |caller: &Caller| matches!(&caller.kind, TokenKind::User { union_id: own, .. } if **own == *union_id);
        self.living.retain(|_, living| !theirs(&living.caller));
        self.refresh.retain(|_, refresh| !theirs(&refresh.caller));
    }

    /// A pair for a person who has just given a code.
    pub(crate) fn pair(
        &mut self,
        caller: Caller,
        mode: RefreshMode,
        now: u64,
        rng: &mut Rng,
    ) -> Pair {
        let person = match &caller.kind {
            TokenKind::User { union_id, .. } => (Arc::clone(&caller.client), Arc::clone(union_id)),
            _ => (Arc::clone(&caller.client), Arc::from("")),
        };
        if mode == RefreshMode::SamePair
            && let Some(token) = self.of_person.get(&person).cloned()
        {
            if let Some(refresh) = self.refresh.get_mut(&token) {
                // The texts stay; the organization, and whether it is shown, are as this login asked.
                refresh.caller = caller.clone();
            }
            if let Some(pair) = self.refreshed(&token, &caller.client, mode, now, rng) {
                return pair;
            }
        }
        let pair = self.new_pair(caller, now, rng);
        self.of_person.insert(person, pair.refresh.clone());
        pair
    }

    /// The answer to a refresh, or `None` for a dead, unknown or foreign refresh token.
    pub(crate) fn refreshed(
        &mut self,
        token: &str,
        client: &str,
        mode: RefreshMode,
        now: u64,
        rng: &mut Rng,
    ) -> Option<Pair> {
        let refresh = self.refresh.get_mut(token)?;
        if *refresh.caller.client != *client || now >= refresh.expires {
            return None;
        }
        if let Some((pair, at)) = &refresh.replaced {
            let grace = match mode {
                RefreshMode::Grace(grace) => u64::try_from(grace.as_millis()).unwrap_or(u64::MAX),
                _ => 0,
            };
            return (now.saturating_sub(*at) < grace).then(|| pair.clone());
        }
        let caller = refresh.caller.clone();
        if mode == RefreshMode::SamePair {
            refresh.expires = now + REFRESH_LIFE;
            let pair = Pair {
                access: refresh.access.clone(),
                refresh: token.to_owned(),
                corp: shown_corp(&caller),
            };
            let expires = now + TOKEN_LIFE;
            self.living.insert(pair.access.clone(), Living { caller: caller.clone(), expires });
            let (token, refresh) = (pair.access.clone(), Some(pair.refresh.clone()));
            self.given = Some(Given { caller, token, refresh, expires });
            return Some(pair);
        }
        let pair = self.new_pair(caller, now, rng);
        if let Some(old) = self.refresh.get_mut(token) {
            old.replaced = Some((pair.clone(), now));
        }
        Some(pair)
    }

    /// The tokens that are alive, refresh tokens among them.
    pub(crate) fn alive(&self, now: u64) -> impl Iterator<Item = Alive<'_>> {
        let access = self.living.iter().filter(move |(_, living)| now < living.expires);
        let access = access.map(|(text, living)| Alive {
            text,
            caller: &living.caller,
            expires: living.expires,
            refresh: false,
        });
        let refresh = self
            .refresh
            .iter()
            .filter(move |(_, refresh)| now < refresh.expires && refresh.replaced.is_none());
        access.chain(refresh.map(|(text, refresh)| Alive {
            text,
            caller: &refresh.caller,
            expires: refresh.expires,
            refresh: true,
        }))
    }

    /// Forgets one token of any kind, as if the platform had dropped it.
    pub(crate) fn revoke(&mut self, token: &str) -> bool {
        let access = self.living.remove(token).is_some();
        self.refresh.remove(token).is_some() || access
    }

    /// Forgets every access token; refresh tokens live on.
    pub(crate) fn revoke_all(&mut self) -> usize {
        let count = self.living.len();
        self.living.clear();
        count
    }

    fn new_pair(&mut self, caller: Caller, now: u64, rng: &mut Rng) -> Pair {
        let corp = shown_corp(&caller);
        let access = self.fresh(caller.clone(), TOKEN_LIFE, now, rng);
        let refresh = rng.token();
        if let Some(given) = &mut self.given {
            given.refresh = Some(refresh.clone());
        }
        let record =
            Refresh { caller, expires: now + REFRESH_LIFE, access: access.clone(), replaced: None };
        self.refresh.insert(refresh.clone(), record);
        Pair { access, refresh, corp }
    }

    /// Drops what is long dead, now and then, so that a sandbox can run for weeks.
    fn sweep(&mut self, now: u64) {
        if self.living.len() + self.refresh.len() < self.sweep_at.max(4096) {
            return;
        }
        self.living.retain(|_, living| now < living.expires);
        self.refresh.retain(|_, refresh| now < refresh.expires);
        self.sweep_at = 2 * (self.living.len() + self.refresh.len());
    }
}

/// §4.1: the organization is named only when the scope `corpid` was asked for.
fn shown_corp(caller: &Caller) -> Option<Arc<str>> {
    match caller.kind {
        TokenKind::User { with_corp: true, .. } => Some(Arc::clone(&caller.corp)),
        _ => None,
    }
}
