//! Which record may replace which, and who may present a single-use secret: plain functions, so
//! that the model check explores the very rules that calls obey.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{NewRecord, Record};
use crate::{CorpId, Error, ErrorKind, Secret, lenient};

/// *Renewing* credentials: the later expiry stays. The version to replace, or `None` where what
/// is stored is better. A stored token that the platform rejected is worth nothing.
pub(crate) fn replaces(mine_ms: u64, stored: Option<&Record>, rejected: bool) -> Option<u64> {
    match stored {
        None => Some(0),
        Some(stored) if stored.expires_in_ms > mine_ms && !rejected => None,
        Some(stored) => Some(stored.version),
    }
}

/// A person's session as it is stored, inside [`Record::value`].
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// The form's own version.
    v: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) access_token: Option<Secret>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) refresh_token: Option<Secret>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) corp_id: Option<CorpId>,
    #[serde(default, skip_serializing_if = "Fate::is_good")]
    pub(crate) fate: Fate,
    /// It was presented before, and the answer was lost: its presenter said so, and so nobody has
    /// anything to lose by presenting it again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) in_doubt: bool,
}

/// What is known of the stored refresh token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Fate {
    /// It may be presented.
    #[default]
    Good,
    /// This holder said that it is about to present it, and has said nothing since.
    Intended(u64),
    /// The platform refused it.
    Dead,
}

impl Fate {
    // serde asks by reference.
    #[allow(clippy::trivially_copy_pass_by_ref)]
    fn is_good(&self) -> bool {
        *self == Self::Good
    }
}

/// What a caller who holds the lock may do with a stored refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Write the intent, then present it.
    Present,
    /// Somebody else may be about to settle it: look again.
    Wait,
    /// The person must log in again.
    LoginAgain { in_doubt: bool },
}

/// *Single-use* credentials. `mine` is the holder number under which this process itself wrote an
/// intent whose request it has given up since. An intent of somebody else is waited for as long
/// as its writer may still come back; after that nobody gambles.
pub(crate) fn decide(kept: &Kept, mine: Option<u64>, age: Duration, settle: Duration) -> Decision {
    match kept.fate {
        _ if kept.refresh_token.is_none() => Decision::LoginAgain { in_doubt: kept.in_doubt },
        Fate::Good => Decision::Present,
        Fate::Intended(holder) if mine == Some(holder) => Decision::Present,
        Fate::Intended(_) if age < settle => Decision::Wait,
        Fate::Intended(_) => Decision::LoginAgain { in_doubt: true },
        Fate::Dead => Decision::LoginAgain { in_doubt: kept.in_doubt },
    }
}

/// *Single-use* credentials. What the platform granted for a refresh token may be stored for as
/// long as that very token is what is stored: whoever announced it again meanwhile was refused, or
/// will be. Where another one is stored somebody has logged in anew, and where none is the person
/// has logged out; then the grant is of no use to anybody.
pub(crate) fn follows(kept: Option<&Kept>, consumed: &str) -> bool {
    kept.and_then(|kept| kept.refresh_token.as_ref()).is_some_and(|token| token.matches(consumed))
}

/// *Pushed* credentials: the latest push stays, by the platform's own time of it.
pub(crate) fn supersedes(pushed_at: u64, stored: Option<u64>) -> bool {
    stored.is_none_or(|stored| pushed_at >= stored)
}

/// A suite ticket as it is stored, inside [`Record::value`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Pushed {
    v: u32,
    pub(crate) ticket: Secret,
    /// Unix milliseconds, the platform's.
    pub(crate) pushed_at: u64,
}

impl Pushed {
    pub(crate) fn new(ticket: Secret, pushed_at: u64) -> Self {
        Self { v: FORM, ticket, pushed_at }
    }

    /// Reads a stored ticket; what cannot be read is none, since the next push brings another.
    pub(crate) fn read(record: &Record) -> Option<Self> {
        lenient::parse(record.value.expose()).ok().filter(|pushed: &Self| pushed.v <= FORM)
    }

    pub(crate) fn record(&self) -> Result<NewRecord, Error> {
        let json = serde_json::to_string(self)
            .map_err(|_| Error::invalid("the ticket cannot be written"))?;
        Ok(NewRecord::new(Secret::new(json), TICKET_RENEWAL, TICKET_KEEP))
    }
}

/// A ticket is pushed about every five hours (wire-facts §3.6), and the one before is of no use
/// then; but one that is late is better than none.
const TICKET_RENEWAL: Duration = Duration::from_secs(5 * 60 * 60);
const TICKET_KEEP: Duration = Duration::from_secs(24 * 60 * 60);

impl Kept {
    pub(crate) fn new(
        access_token: Option<Secret>,
        refresh_token: Option<Secret>,
        corp_id: Option<CorpId>,
    ) -> Self {
        Self { v: FORM, access_token, refresh_token, corp_id, fate: Fate::Good, in_doubt: false }
    }

    /// The same token after this; `lost` if an answer to it was.
    pub(crate) fn with_fate(&self, fate: Fate, lost: bool) -> Self {
        Self { fate, in_doubt: self.in_doubt || lost, ..self.clone() }
    }

    /// Whether nothing but a login makes it good again.
    pub(crate) fn needs_login(&self) -> bool {
        self.refresh_token.is_none() || self.fate == Fate::Dead
    }

    /// Reads a stored session.
    ///
    /// # Errors
    /// When it was written by a newer version, or is none.
    pub(crate) fn read(record: &Record) -> Result<Self, Error> {
        let unreadable = |why| Error::new(ErrorKind::Store).with_message(why);
        let kept: Self = lenient::parse(record.value.expose())
            .map_err(|_| unreadable("the stored session cannot be read"))?;
        match kept.v {
            0..=FORM => Ok(kept),
            _ => Err(unreadable("the stored session was written by a newer version")),
        }
    }

    pub(crate) fn write(&self) -> Result<Secret, Error> {
        let json = serde_json::to_string(self)
            .map_err(|_| Error::invalid("the session cannot be written"))?;
        Ok(Secret::new(json))
    }
}

/// The form in which sessions are written.
const FORM: u32 = 1;

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    const SETTLE: Duration = Duration::from_secs(40);

    fn stored(expires: u64) -> Record {
        let new = NewRecord::new("t".into(), Duration::ZERO, Duration::from_millis(expires));
        Record::aged(&new, 7, 0)
    }

    #[test]
    fn renewing_the_later_expiry_stays_unless_it_was_rejected() {
        assert_eq!(replaces(10, None, false), Some(0));
        assert_eq!(replaces(10, Some(&stored(9)), false), Some(7));
        assert_eq!(replaces(10, Some(&stored(10)), false), Some(7));
        assert_eq!(replaces(10, Some(&stored(11)), false), None);
        assert_eq!(replaces(10, Some(&stored(11)), true), Some(7));
    }

    #[test]
    fn single_use_nobody_presents_what_somebody_else_may_have_presented() {
        let (old, young) = (SETTLE, Duration::ZERO);
        let again = |in_doubt| Decision::LoginAgain { in_doubt };
        let kept = Kept::new(None, Some("r".into()), None);
        let with = |fate, lost| kept.with_fate(fate, lost);
        let intended = with(Fate::Intended(1), false);
        assert_eq!(decide(&kept, None, young, SETTLE), Decision::Present);
        assert_eq!(decide(&intended, None, young, SETTLE), Decision::Wait);
        assert_eq!(decide(&intended, Some(2), young, SETTLE), Decision::Wait);
        assert_eq!(decide(&intended, None, old, SETTLE), again(true));
        assert_eq!(decide(&intended, Some(1), young, SETTLE), Decision::Present);
        assert_eq!(decide(&with(Fate::Good, true), None, old, SETTLE), Decision::Present);
        assert_eq!(decide(&with(Fate::Dead, true), Some(1), old, SETTLE), again(true));
        assert_eq!(decide(&with(Fate::Dead, false), None, old, SETTLE), again(false));
        assert_eq!(decide(&Kept::default(), None, old, SETTLE), again(false));
    }

    #[test]
    fn single_use_a_grant_is_stored_only_in_the_place_of_the_token_it_was_got_for() {
        let kept = Kept::new(None, Some("r1".into()), None);
        for fate in [Fate::Good, Fate::Intended(7), Fate::Dead] {
            assert!(follows(Some(&kept.with_fate(fate, true)), "r1"), "{fate:?}");
        }
        assert!(!follows(Some(&kept), "r0"), "somebody logged in anew");
        assert!(!follows(Some(&Kept::default()), "r1") && !follows(None, "r1"), "logged out");
    }

    #[test]
    fn pushed_the_latest_push_stays() {
        assert!(supersedes(5, None) && supersedes(5, Some(5)) && !supersedes(4, Some(5)));
    }

    #[test]
    fn a_session_of_a_newer_version_or_none_at_all_is_an_error_and_not_a_login() {
        let record = |text: &str| Record { value: text.into(), ..stored(1) };
        let kept = Kept::new(Some("a".into()), Some("r".into()), None);
        let read = Kept::read(&record(kept.write().unwrap().expose())).unwrap();
        assert!(read.refresh_token.unwrap().matches("r"));
        for text in ["{\"v\":2}", "", "null", "[]", "{\"v\":1,\"fate\":\"odd\"}"] {
            let error = Kept::read(&record(text)).unwrap_err();
            assert_eq!(error.kind(), &ErrorKind::Store, "{text}");
        }
    }
}
