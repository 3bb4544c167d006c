//! What tokens, codes, consents and grants should do, in the plainest way that says it: lists that are searched, no
//! index, nothing of the sandbox's code. Sources: wire-facts §2.4, §3.1, §3.7, §4, §6.2, §8.4, §15.

use std::collections::{BTreeMap, BTreeSet};

const MINUTE: u64 = 60_000;
const TOKEN: u64 = 120 * MINUTE;
const SSO: u64 = 60 * MINUTE;
const REFRESH: u64 = 30 * 24 * 60 * MINUTE;
const CODE: u64 = 5 * MINUTE;
/// How long an old refresh token still answers in the mode with a grace.
pub(crate) const GRACE: u64 = MINUTE;

pub(crate) const READ_MEMBER: &str = "qyapi_get_member";
pub(crate) const READ_ME: &str = "Contact.User.Read";
pub(crate) const MY_MOBILE: &str = "Contact.User.mobile";

/// Number of the third-party app; those below it are internal.
pub(crate) const SUITE: usize = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Rotate,
    SamePair,
    Grace,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pool {
    Silent,
    OAuth,
    Sso,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holder {
    App { app: usize, corp: usize },
    Person { app: usize, corp: usize, person: usize },
    Backend { corp: usize },
}

#[derive(Debug)]
pub(crate) struct Token {
    pub(crate) text: String,
    pub(crate) holder: Holder,
    ends: u64,
    dropped: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Code {
    pub(crate) text: String,
    pub(crate) pool: Pool,
    pub(crate) app: usize,
    pub(crate) corp: usize,
    pub(crate) person: usize,
    pub(crate) with_corp: bool,
    issued: u64,
    used: bool,
}

#[derive(Debug)]
pub(crate) struct Pair {
    pub(crate) refresh: String,
    access: usize,
    code: Code,
    ends: u64,
    dropped: bool,
    /// The pair that took its place, and when.
    next: Option<(usize, u64)>,
}

/// What an endpoint should hand out.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Gives<T> {
    /// This one, handed out before.
    Again(T),
    /// One that nobody has seen.
    New,
    Refuses,
}

/// A pair as the wire shows it: access token, refresh token, and whether the organization is named.
pub(crate) type Shown = (String, String, bool);

#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) now: u64,
    mode: Mode,
    pub(crate) tokens: Vec<Token>,
    pub(crate) codes: Vec<Code>,
    pub(crate) pairs: Vec<Pair>,
    pub(crate) disabled: [bool; 3],
    asked: BTreeSet<(usize, &'static str)>,
    granted: BTreeSet<(usize, &'static str)>,
    consents: BTreeMap<(usize, usize), BTreeSet<&'static str>>,
}

impl Model {
    pub(crate) fn new(now: u64, mode: Mode) -> Self {
        Self {
            now,
            mode,
            tokens: Vec::new(),
            codes: Vec::new(),
            pairs: Vec::new(),
            disabled: [false; 3],
            asked: BTreeSet::new(),
            granted: BTreeSet::new(),
            consents: BTreeMap::new(),
        }
    }

    /// Everything that was handed out is dead, and everybody has forgotten everything.
    pub(crate) fn reset(&mut self, start: u64) {
        self.tokens.iter_mut().for_each(|token| token.dropped = true);
        self.codes.iter_mut().for_each(|code| code.used = true);
        self.pairs.iter_mut().for_each(|pair| pair.dropped = true);
        (self.now, self.disabled) = (start, [false; 3]);
        self.asked.clear();
        self.granted.clear();
        self.consents.clear();
    }

    pub(crate) fn known(&self, text: &str) -> bool {
        self.tokens.iter().any(|token| token.text == text)
            || self.pairs.iter().any(|pair| pair.refresh == text)
            || self.codes.iter().any(|code| code.text == text)
    }

    /// Who a token speaks for now.
    pub(crate) fn speaks_for(&self, at: usize) -> Option<Holder> {
        let token = self.tokens.get(at).filter(|token| !token.dropped && self.now < token.ends)?;
        let app = match token.holder {
            Holder::App { app, .. } | Holder::Person { app, .. } => app,
            Holder::Backend { .. } => return Some(token.holder),
        };
        (!self.disabled[app]).then_some(token.holder)
    }

    /// An internal app asks: the same token while it lives, and its life starts again.
    pub(crate) fn internal(&mut self, app: usize) -> Gives<String> {
        if self.disabled[app] {
            return Gives::Refuses;
        }
        let holder = Holder::App { app, corp: 0 };
        let living = (0..self.tokens.len())
            .find(|&at| self.tokens[at].holder == holder && self.speaks_for(at).is_some());
        match living {
            Some(at) => {
                self.tokens[at].ends = self.now + TOKEN;
                Gives::Again(self.tokens[at].text.clone())
            }
            None => Gives::New,
        }
    }

    /// A token that was handed out.
    pub(crate) fn learn_token(&mut self, text: String, holder: Holder) -> usize {
        let life = if matches!(holder, Holder::Backend { .. }) { SSO } else { TOKEN };
        self.tokens.push(Token { text, holder, ends: self.now + life, dropped: false });
        self.tokens.len() - 1
    }

    pub(crate) fn learn_code(
        &mut self,
        text: String,
        pool: Pool,
        (app, corp, person): (usize, usize, usize),
        with_corp: bool,
    ) {
        let (issued, used) = (self.now, false);
        self.codes.push(Code { text, pool, app, corp, person, with_corp, issued, used });
    }

    /// Uses a code up at a door of this pool, for this app (none at the admin backend) and organization (none where
    /// the door does not ask). A code at the wrong door stays usable.
    pub(crate) fn redeem(
        &mut self,
        at: usize,
        pool: Pool,
        app: Option<usize>,
        corp: Option<usize>,
    ) -> Option<Code> {
        let now = self.now;
        let code = self.codes.get_mut(at)?;
        let fits = code.pool == pool
            && app.is_none_or(|app| app == code.app)
            && corp.is_none_or(|corp| corp == code.corp);
        if code.used || now >= code.issued + CODE || !fits {
            return None;
        }
        code.used = true;
        Some(code.clone())
    }

    /// What the exchange of a code gives; in the mode with one pair a person in an app keeps it.
    pub(crate) fn pair_for(&mut self, code: &Code) -> Gives<Shown> {
        let of = |pair: &Pair| (pair.code.app, pair.code.person);
        let last = self.pairs.iter().rposition(|pair| of(pair) == (code.app, code.person));
        match last.filter(|&at| self.mode == Mode::SamePair && self.refreshable(at)) {
            Some(at) => {
                self.pairs[at].code = code.clone();
                Gives::Again(self.renewed(at))
            }
            None => Gives::New,
        }
    }

    /// What a refresh gives.
    pub(crate) fn refresh(&mut self, at: usize, app: usize) -> Gives<Shown> {
        if !self.refreshable(at) || self.pairs[at].code.app != app {
            return Gives::Refuses;
        }
        match (self.pairs[at].next, self.mode) {
            (None, Mode::SamePair) => Gives::Again(self.renewed(at)),
            (None, _) => Gives::New,
            (Some((next, since)), Mode::Grace) if self.now < since + GRACE => {
                Gives::Again(self.shown(next))
            }
            (Some(_), _) => Gives::Refuses,
        }
    }

    pub(crate) fn learn_pair(
        &mut self,
        access: String,
        refresh: String,
        code: Code,
        from: Option<usize>,
    ) {
        let Code { app, corp, person, .. } = code;
        let access = self.learn_token(access, Holder::Person { app, corp, person });
        if let Some(old) = from {
            self.pairs[old].next = Some((self.pairs.len(), self.now));
        }
        let ends = self.now + REFRESH;
        self.pairs.push(Pair { refresh, access, code, ends, dropped: false, next: None });
    }

    /// The code behind a pair: who it is for.
    pub(crate) fn origin(&self, at: usize) -> Code {
        self.pairs[at].code.clone()
    }

    /// The platform forgets a token; the answer is whether it was there to forget.
    pub(crate) fn drop_token(&mut self, at: usize) {
        self.tokens[at].dropped = true;
    }

    pub(crate) fn drop_all_tokens(&mut self) {
        self.tokens.iter_mut().for_each(|token| token.dropped = true);
    }

    pub(crate) fn drop_refresh(&mut self, at: usize) {
        self.pairs[at].dropped = true;
    }

    /// A disabled app loses all that it got; enabled again it starts anew.
    pub(crate) fn disable(&mut self, app: usize, disabled: bool) {
        self.disabled[app] = disabled;
        if !disabled {
            return;
        }
        for token in &mut self.tokens {
            let of = match token.holder {
                Holder::App { app, .. } | Holder::Person { app, .. } => Some(app),
                Holder::Backend { .. } => None,
            };
            token.dropped |= of == Some(app);
        }
        for pair in self.pairs.iter_mut().filter(|pair| pair.code.app == app) {
            pair.dropped = true;
        }
    }

    pub(crate) fn ask_for(&mut self, app: usize, point: &'static str) {
        self.asked.insert((app, point));
    }

    pub(crate) fn grant(&mut self, app: usize, point: &'static str) {
        self.asked.insert((app, point));
        self.granted.insert((app, point));
    }

    pub(crate) fn take_back(&mut self, app: usize, point: &'static str) {
        self.granted.remove(&(app, point));
        for (_, points) in self.consents.iter_mut().filter(|((of, _), _)| *of == app) {
            points.remove(point);
        }
    }

    pub(crate) fn has_asked(&self, app: usize, point: &'static str) -> bool {
        self.asked.contains(&(app, point))
    }

    /// A person agrees to a point that the app asked for.
    pub(crate) fn agree(&mut self, app: usize, person: usize, point: &'static str) {
        self.consents.entry((app, person)).or_default().insert(point);
    }

    /// Whether there was anything to take back.
    pub(crate) fn withdraw(&mut self, app: usize, person: usize) -> bool {
        self.consents.remove(&(app, person)).is_some_and(|points| !points.is_empty())
    }

    /// An app as itself: asked for and granted.
    pub(crate) fn app_may(&self, app: usize, point: &'static str) -> bool {
        self.has_asked(app, point) && self.granted.contains(&(app, point))
    }

    /// An app in a person's name: asked for, and the person agreed.
    pub(crate) fn person_lets(&self, app: usize, person: usize, point: &'static str) -> bool {
        let agreed = self.consents.get(&(app, person));
        self.has_asked(app, point) && agreed.is_some_and(|points| points.contains(point))
    }

    fn refreshable(&self, at: usize) -> bool {
        self.pairs.get(at).is_some_and(|pair| !pair.dropped && self.now < pair.ends)
    }

    fn renewed(&mut self, at: usize) -> Shown {
        let Code { app, corp, person, .. } = self.pairs[at].code;
        let access = self.pairs[at].access;
        self.pairs[at].ends = self.now + REFRESH;
        let token = &mut self.tokens[access];
        (token.ends, token.dropped) = (self.now + TOKEN, false);
        token.holder = Holder::Person { app, corp, person };
        self.shown(at)
    }

    fn shown(&self, at: usize) -> Shown {
        let pair = &self.pairs[at];
        (self.tokens[pair.access].text.clone(), pair.refresh.clone(), pair.code.with_corp)
    }
}
