//! All credentials of an app that are in the store, kept fresh by one process at a time.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt;
use std::time::Duration;

use super::agenda::{Agenda, Planned};
use crate::app::{ActsAs, AnyToken};
use crate::auth::{HeldToken, ObtainToken};
use crate::machine::mix;
use crate::store::rules::Kept;
use crate::store::{Record, StoreKey, StoreKind, StoreOp, StoreReply};
use crate::token::{Kind, Life};
use crate::{App, Credential, Error, ErrorKind, Source, Suite, Timestamp, User};

/// Keeps all credentials of one app fresh that are in the store: the app's own token and page
/// ticket, those of each organization of a third-party app, and the sessions of people.
///
/// Of all processes that do this over one store one is in charge at a time, by a lock that it
/// renews; when it dies another one goes on within a minute and a half. Nothing is replaced twice:
/// the lock of each credential holds here, too, and who finds a fresh token takes it.
///
/// Who is in charge goes through the store every five minutes, a page at a time, and plans what
/// is due before the next round, in the order of its time and at most some thousands. Each
/// credential is replaced up to ten minutes before a call would have to (a quarter of a shorter
/// life), each at a moment of its own, so that credentials that were made together are not all
/// due together. One that fails is left alone for half a minute, then for longer, up to an hour; a
/// session that is over is left alone until its person logs in again.
///
/// A session that is kept fresh does not end after thirty days without a call: forget it
/// ([`ForgetSession`](crate::auth::ForgetSession)) when its person logs out, or leave sessions to
/// their calls with [`without_sessions`](Self::without_sessions).
///
/// Both clients drive it (`keep_store_fresh`). By hand:
///
/// ```
/// use dingtalk_core::{App, Chore, StoreOp, StoreReply, StoreUpkeep, Timestamp};
///
/// let app = App::internal("dingabc", "secret");
/// let mut upkeep = StoreUpkeep::of_app(&app);
/// let now = Timestamp::from_millis(1_700_000_000_000);
/// match upkeep.next(now, 7) {
///     Chore::Ask(question) => {
///         assert!(matches!(question, StoreOp::Lock { .. }), "is somebody in charge?");
///         upkeep.told(StoreReply::Busy, now);
///     }
///     other => panic!("{other:?}"),
/// }
/// assert!(matches!(upkeep.next(now, 8), Chore::Wait(_)), "somebody is");
/// ```
pub struct StoreUpkeep {
    root: Root,
    kinds: Vec<StoreKind>,
    at_most: usize,
    holder: u64,
    role: Role,
    asked: Option<Asked>,
    /// Steady milliseconds before which a store that failed is left alone.
    quiet_until: u64,
    round: Round,
    agenda: Agenda,
    /// What is being replaced.
    out: HashSet<StoreKey>,
    failing: HashMap<StoreKey, Failing>,
}

/// What is to be done next.
#[derive(Debug)]
#[must_use]
#[non_exhaustive]
pub enum Chore {
    /// Ask the store, and [tell](StoreUpkeep::told) what it said.
    Ask(StoreOp),
    /// Call [`Due::request`] on behalf of this credential, and [settle](StoreUpkeep::settle) what
    /// came of it. Other chores may go on meanwhile.
    Renew(Due),
    /// Nothing for so long, or until something that is out comes back.
    Wait(Duration),
}

/// A credential that is due to be replaced.
#[derive(Clone, Debug)]
pub struct Due {
    key: StoreKey,
    source: Source,
    ahead: Duration,
}

impl Due {
    /// Whose it is.
    pub fn key(&self) -> &StoreKey {
        &self.key
    }

    /// The call that replaces it.
    pub fn request(&self) -> ObtainToken {
        ObtainToken::new().ahead(self.ahead)
    }
}

impl Credential for Due {
    fn source(&self) -> &Source {
        &self.source
    }
}

impl ActsAs<AnyToken> for Due {}

#[derive(Clone)]
enum Root {
    App(App),
    Suite(Suite),
}

enum Role {
    /// Somebody else is in charge, or nobody is; look again at this time, in steady milliseconds.
    Standby { until: u64 },
    /// In charge since the lock was asked for at this time.
    InCharge { since: u64 },
}

enum Asked {
    Lock { at: u64 },
    Page,
    Record(StoreKey),
}

/// One way through the store.
#[derive(Default)]
struct Round {
    under_way: bool,
    /// When the next one begins.
    next: u64,
    /// Which of the kinds it has come to.
    kind: usize,
    after: Option<StoreKey>,
    page: VecDeque<StoreKey>,
}

struct Failing {
    times: u32,
    until: u64,
}

impl StoreUpkeep {
    /// For an app: its token, its page ticket, and the sessions of its people.
    pub fn of_app(app: &App) -> Self {
        let kinds = vec![StoreKind::App, StoreKind::Ticket, StoreKind::User];
        Self::of(Root::App(app.clone()), kinds)
    }

    /// For a third-party app: its own token, those of its organizations with their page tickets,
    /// and the sessions of people. Suite tickets are pushed, and so not among them.
    pub fn of_suite(suite: &Suite) -> Self {
        let kinds = vec![StoreKind::Suite, StoreKind::Corp, StoreKind::Ticket, StoreKind::User];
        Self::of(Root::Suite(suite.clone()), kinds)
    }

    /// Replaces at most so many at once; 8 unless told.
    #[must_use]
    pub fn at_most(mut self, at_once: usize) -> Self {
        self.at_most = at_once.max(1);
        self
    }

    /// Leaves the sessions of people to their own calls.
    #[must_use]
    pub fn without_sessions(mut self) -> Self {
        self.kinds.retain(|kind| *kind != StoreKind::User);
        self
    }

    /// Whether this process is in charge, as far as it knows.
    pub fn in_charge(&self) -> bool {
        matches!(self.role, Role::InCharge { .. })
    }

    /// How many credentials are planned at this moment.
    pub fn planned(&self) -> usize {
        self.agenda.len()
    }

    /// What is to be done next. Random bits, so that processes do not move in step.
    pub fn next(&mut self, now: Timestamp, entropy: u64) -> Chore {
        let steady = now.steady_millis();
        if self.holder == 0 {
            self.holder = (mix(entropy ^ now.unix_millis()) >> 11).max(1);
        }
        // A question whose answer nobody told is asked again.
        self.asked = None;
        let since = match self.role {
            Role::Standby { until } if until > steady => return wait(until - steady),
            Role::Standby { .. } => None,
            Role::InCharge { since } => Some(since),
        };
        if let Some(since) = since
            && steady.saturating_sub(since) >= LEASE
        {
            // Asleep for too long, or the store does not answer: somebody else may be in charge.
            self.stand_by(steady);
        }
        let quiet = self.quiet_until > steady;
        if !quiet && since.is_none_or(|since| steady.saturating_sub(since) >= LEASE / 3) {
            self.asked = Some(Asked::Lock { at: steady });
            let (key, holder) = (self.lock_key(), self.holder);
            return Chore::Ask(StoreOp::Lock { key, holder, lease_ms: LEASE });
        }
        if !self.in_charge() {
            return wait(self.quiet_until.saturating_sub(steady));
        }
        if !quiet {
            while self.out.len() < self.at_most
                && let Some(planned) = self.agenda.take(steady)
            {
                if let Some(due) = self.due(planned) {
                    self.out.insert(due.key.clone());
                    return Chore::Renew(due);
                }
            }
            if let Some(question) = self.go_round(steady) {
                return Chore::Ask(question);
            }
        }
        self.wait_in_charge(steady)
    }

    /// Takes the answer to [`Chore::Ask`]. Gives the store's failure, for the program to hear of.
    pub fn told(&mut self, reply: StoreReply, now: Timestamp) -> Option<Error> {
        let steady = now.steady_millis();
        match (self.asked.take()?, reply) {
            (Asked::Lock { at }, StoreReply::Locked { .. }) => {
                if !self.in_charge() {
                    self.round = Round { next: steady, ..Round::default() };
                }
                self.role = Role::InCharge { since: at };
            }
            (Asked::Lock { .. }, StoreReply::Busy) => self.stand_by(steady + LEASE / 3),
            (Asked::Page, StoreReply::Keys { keys }) => match keys.last() {
                Some(last) => {
                    self.round.after = Some(last.clone());
                    self.round.page = keys.into();
                }
                None => {
                    self.round.after = None;
                    self.round.kind += 1;
                }
            },
            (Asked::Record(key), StoreReply::Record { record }) => {
                if let Some(record) = record {
                    self.weigh(key, &record, steady);
                }
            }
            (asked, reply) => {
                if let Asked::Record(key) = asked {
                    self.round.page.push_front(key);
                }
                self.quiet_until = steady + STORE_QUIET;
                let why = crate::machine::said(reply);
                return Some(Error::new(ErrorKind::Store).with_message(why));
            }
        }
        None
    }

    /// Takes what came of [`Chore::Renew`], and says what to report: a token that still serves
    /// hides from callers that it could not be replaced, but not from who keeps it fresh.
    ///
    /// # Errors
    /// Why the credential could not be replaced.
    pub fn settle(
        &mut self,
        due: &Due,
        result: Result<HeldToken, Error>,
        now: Timestamp,
    ) -> Result<HeldToken, Error> {
        let steady = now.steady_millis();
        self.out.remove(&due.key);
        let result = result.and_then(|token| due.source.last_failure().map_or(Ok(token), Err));
        let (next, ahead) = match &result {
            Ok(token) => {
                self.failing.remove(&due.key);
                let left = token.expires_at.saturating_sub(now.unix_millis());
                let life = Life::of(Duration::from_millis(left));
                let (renew, window) = (millis(life.renew_in), window(&life));
                (steady + renew.saturating_sub(share(&due.key, token.expires_at, window)), window)
            }
            Err(error) => {
                let times = self.failing.get(&due.key).map_or(0, |failing| failing.times) + 1;
                let pause = back_off(error, times);
                let until = steady + pause - share(&due.key, steady, pause / 4);
                if self.failing.len() < FAILING || self.failing.contains_key(&due.key) {
                    self.failing.insert(due.key.clone(), Failing { times, until });
                }
                (until, millis(due.ahead))
            }
        };
        if self.in_charge() && next <= steady + HORIZON {
            self.agenda.plan(due.key.clone(), next, ahead);
        }
        result
    }

    /// Gives the charge back, if this process has it: the question to ask before it ends, so that
    /// another one need not wait for the lease.
    pub fn leave(&mut self) -> Option<StoreOp> {
        let in_charge = self.in_charge();
        self.stand_by(0);
        in_charge.then(|| StoreOp::Unlock { key: self.lock_key(), holder: self.holder })
    }

    /// The key under which the lock is, and failures of the store are reported.
    pub fn lock_key(&self) -> StoreKey {
        let source = self.root.source();
        StoreKey::new(StoreKind::Upkeep, source.host(), source.client_id())
    }

    fn of(root: Root, kinds: Vec<StoreKind>) -> Self {
        Self {
            root,
            kinds,
            at_most: AT_ONCE,
            holder: 0,
            role: Role::Standby { until: 0 },
            asked: None,
            quiet_until: 0,
            round: Round::default(),
            agenda: Agenda::new(PLANNED),
            out: HashSet::new(),
            failing: HashMap::new(),
        }
    }

    fn stand_by(&mut self, until: u64) {
        // Not in step with the others that wait.
        let apart = mix(self.holder ^ until) % (LEASE / 6);
        self.role = Role::Standby { until: until + if until == 0 { 0 } else { apart } };
        self.agenda.clear();
        self.round = Round::default();
    }

    /// The next question of the way through the store, if there is one at this time.
    fn go_round(&mut self, steady: u64) -> Option<StoreOp> {
        if !self.round.under_way {
            if self.round.next > steady && !self.agenda.overflowed() {
                return None;
            }
            self.round = Round { under_way: true, ..Round::default() };
            self.agenda.begin();
            self.failing.retain(|_, failing| failing.until + FORGOTTEN > steady);
        }
        if let Some(key) = self.round.page.pop_front() {
            self.asked = Some(Asked::Record(key.clone()));
            return Some(StoreOp::Load { key });
        }
        let Some(kind) = self.kinds.get(self.round.kind).copied() else {
            self.round = Round { next: steady + ROUND, ..Round::default() };
            return None;
        };
        self.asked = Some(Asked::Page);
        let source = self.root.source();
        Some(StoreOp::List {
            kind,
            host: source.host().to_owned(),
            client_id: source.client_id().clone(),
            after: self.round.after.clone(),
            limit: PAGE,
        })
    }

    /// Plans a key if it is due before it is looked at again.
    fn weigh(&mut self, key: StoreKey, record: &Record, steady: u64) {
        let over =
            key.kind == StoreKind::User && Kept::read(record).is_ok_and(|kept| kept.needs_login());
        if over || self.out.contains(&key) {
            self.agenda.drop_key(&key);
            return;
        }
        let window = record.expires_in_ms.saturating_sub(record.renew_in_ms).min(WINDOW);
        let ahead = share(&key, record.version, window);
        let mut due = steady + record.renew_in_ms.saturating_sub(ahead);
        if let Some(failing) = self.failing.get(&key) {
            due = due.max(failing.until);
        }
        if due <= steady + HORIZON {
            self.agenda.plan(key, due, window);
        } else {
            self.agenda.drop_key(&key);
        }
    }

    fn due(&self, planned: Planned) -> Option<Due> {
        let source = self.root.credential(&planned.key)?;
        let ahead = Duration::from_millis(planned.ahead);
        Some(Due { key: planned.key, source, ahead })
    }

    fn wait_in_charge(&self, steady: u64) -> Chore {
        let Role::InCharge { since } = self.role else { return wait(LEASE / 3) };
        let quiet = self.quiet_until;
        let lock = (since + LEASE / 3).max(quiet);
        let round = self.round.next.max(quiet);
        let first = self.agenda.first().filter(|_| self.out.len() < self.at_most);
        let next = [Some(lock), Some(round), first].into_iter().flatten().min().unwrap_or(lock);
        wait(next.saturating_sub(steady))
    }
}

impl fmt::Debug for StoreUpkeep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreUpkeep")
            .field("of", self.root.source())
            .field("in_charge", &self.in_charge())
            .field("planned", &self.planned())
            .finish_non_exhaustive()
    }
}

impl Root {
    fn source(&self) -> &Source {
        match self {
            Self::App(app) => app.source(),
            Self::Suite(suite) => suite.source(),
        }
    }

    /// The credential of a key; `None` where the key is of another one, such as the same app's for
    /// another organization.
    fn credential(&self, key: &StoreKey) -> Option<Source> {
        let source = match (key.kind, self) {
            (StoreKind::User, _) => {
                User::kept_as(self.source(), key.person.as_deref()?).source().clone()
            }
            (StoreKind::App, Self::App(app)) => app.source().clone(),
            (StoreKind::Ticket, Self::App(app)) => app.ticket()?.clone(),
            (StoreKind::Suite, Self::Suite(suite)) => suite.source().clone(),
            (StoreKind::Corp, Self::Suite(suite)) => suite.apart(key.corp_id.clone()?),
            (StoreKind::Ticket, Self::Suite(suite)) => {
                let corp = suite.apart(key.corp_id.clone()?);
                corp.sibling(Kind::Ticket(corp.clone()))
            }
            _ => return None,
        };
        (source.store_key().as_ref() == Some(key)).then_some(source)
    }
}

/// How long who is in charge may show no sign of life, in milliseconds; it shows three in that
/// time.
const LEASE: u64 = 60_000;
/// From the end of one round through the store to the next, in milliseconds.
const ROUND: u64 = 5 * 60_000;
/// What is due within this time is planned: until the next round has come to it again.
const HORIZON: u64 = 2 * ROUND;
/// A credential is replaced at most so long before its time, in milliseconds.
const WINDOW: u64 = 10 * 60_000;
/// Keys of one page; the bounds of what is remembered.
const PAGE: u32 = 128;
const PLANNED: usize = 4_096;
const FAILING: usize = 4_096;
const AT_ONCE: usize = 8;
/// A store that failed is left alone for this long, in milliseconds.
const STORE_QUIET: u64 = 5_000;
/// The pauses after failures of one credential, in milliseconds.
const BACK_OFF: u64 = 30_000;
const BACK_OFF_MAX: u64 = 60 * 60_000;
/// A failure is forgotten so long after its pause: the key is gone.
const FORGOTTEN: u64 = 2 * BACK_OFF_MAX;
/// No single wait is longer, so that a computer that slept is noticed.
const LOOK_AGAIN: u64 = 10_000;

fn wait(pause: u64) -> Chore {
    Chore::Wait(Duration::from_millis(pause.clamp(1, LOOK_AGAIN)))
}

/// How long a credential is left alone after so many failures. What only the person or the
/// organization can mend is looked at once an hour.
fn back_off(error: &Error, times: u32) -> u64 {
    match error.kind() {
        ErrorKind::LoginAgain { .. } | ErrorKind::CodeDead | ErrorKind::NotAuthorized => {
            BACK_OFF_MAX
        }
        _ => (BACK_OFF << (times - 1).min(10)).min(BACK_OFF_MAX),
    }
}

fn window(life: &Life) -> u64 {
    millis(life.expires_in.saturating_sub(life.renew_in)).min(WINDOW)
}

/// A part of `of`, from none to all, that is a key's own: the same in every process, and another
/// after each renewal.
fn share(key: &StoreKey, serial: u64, of: u64) -> u64 {
    // FNV-1a, spread by the mixer.
    let hash = key.to_string().bytes().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
    });
    match of {
        0 => 0,
        of => mix(hash ^ mix(serial)) % of,
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
