//! The critic: what a client does wrong, also where the platform lets it pass. It is fed with what the platform saw and
//! with the moment, keeps fingerprints only, and a bounded number of them.

mod bounded;
mod catalogue;
mod finding;
mod handle;
mod interfaces;
mod ledger;
mod permissions;
mod retries;
mod secrets;
mod tokens;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::HeaderMap;

pub use finding::{Finding, Severity};

pub(crate) use interfaces::{Interface, find as interface};
pub(crate) use tokens::Grant;

use crate::codes::Presented;
use crate::events::PushTrouble;
use crate::routes::Operation;
use crate::sent::Sent;
use crate::tokens::Caller;
use crate::wire::Family;

use bounded::Bounded;
use catalogue::Kind;
use ledger::Ledger;
use permissions::Permissions;
use retries::Retries;
use tokens::Tokens;

/// A keyed fingerprint of a secret, as the journal makes them.
pub(crate) type Print = [u8; 6];

/// A client that waits longer than this has no time limit worth the name.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
const MOST_CODES: usize = 4096;
const MOST_WAITS: usize = 1024;

/// A point in time by both clocks, because a client may live by either.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    /// In milliseconds since 1970.
    pub(crate) sandbox: u64,
    pub(crate) machine: Instant,
}

/// One call, as far as it tells something about who made it.
#[derive(Debug)]
pub(crate) struct Sighting<'a> {
    /// Its entry in the journal.
    pub(crate) seq: u64,
    pub(crate) moment: Moment,
    pub(crate) family: Family,
    pub(crate) operation: Option<&'static Operation>,
    pub(crate) interface: Option<&'static Interface>,
    pub(crate) path: &'a str,
    pub(crate) raw_query: &'a str,
    pub(crate) query: &'a [(Cow<'a, str>, Cow<'a, str>)],
    pub(crate) headers: Option<&'a HeaderMap>,
    pub(crate) body: &'a [u8],
    pub(crate) app: Option<&'a Arc<str>>,
    /// The app's own secret, to find it where it must not be.
    pub(crate) secret: Option<&'a str>,
    pub(crate) token: Option<Print>,
    pub(crate) code: Option<Print>,
    /// What the code turned out to be.
    pub(crate) presented: Option<Presented>,
    /// What kind of token stood at the wrong door.
    pub(crate) misfit: Option<&'static str>,
    pub(crate) grant: Option<Grant>,
    /// Whose JSAPI ticket was given out, and until when.
    pub(crate) ticket: Option<(Caller, u64)>,
    pub(crate) status: u16,
    pub(crate) error: Option<&'a str>,
    /// A fault of the test had its hand in the answer: it was chosen, cut, delayed or lost.
    pub(crate) faulted: bool,
    /// There was no answer at all.
    pub(crate) lost: bool,
    /// The caller hangs until it gives up, or for a minute and more.
    pub(crate) hangs: bool,
    /// It came unencrypted, for this host.
    pub(crate) plain_host: Option<&'a str>,
    pub(crate) sent: Option<&'a Sent>,
}

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Critic {
    ledger: Ledger,
    tokens: Tokens,
    retries: Retries,
    permissions: Permissions,
    /// Codes that were used up: by which entry.
    codes: Bounded<Print, u64>,
    /// Callers that hang: since when, who, and where.
    waits: BTreeMap<u64, (Moment, Option<Arc<str>>, &'static str)>,
}

impl Default for Critic {
    fn default() -> Self {
        Self {
            ledger: Ledger::default(),
            tokens: Tokens::default(),
            retries: Retries::default(),
            permissions: Permissions::default(),
            codes: Bounded::new(MOST_CODES),
            waits: BTreeMap::new(),
        }
    }
}

impl Critic {
    /// Looks at one call.
    pub(crate) fn saw(&mut self, seen: &Sighting<'_>) {
        self.tokens.saw(seen, &mut self.ledger);
        self.retries.saw(seen, &mut self.ledger);
        self.permissions.saw(seen, &mut self.ledger);
        secrets::look(seen, &mut self.ledger);
        self.saw_code(seen);
        if let Some(kind) = seen.misfit {
            self.raise(Kind::TokenMisplaced, seen, kind);
        }
        if let Some(twin) = seen.interface.and_then(|interface| interface.newer) {
            self.raise(Kind::DeprecatedEndpoint, seen, twin);
        }
        if let (Some(_), Some(sent)) = (seen.interface, seen.sent) {
            for name in sent.odd() {
                self.raise(Kind::UnknownField, seen, name.to_owned());
            }
        }
        if let Some(host) = seen.plain_host.filter(|host| !is_this_machine(host)) {
            let host: String = host.chars().filter(|char| !char.is_control()).take(80).collect();
            self.raise(Kind::PlainHttp, seen, format!("for {host}"));
        }
        if seen.hangs && self.waits.len() < MOST_WAITS {
            let wait = (seen.moment, seen.app.cloned(), seen.operation_name());
            self.waits.insert(seen.seq, wait);
        }
    }

    /// A caller that hung has its answer, or went away.
    pub(crate) fn ended(&mut self, seq: u64, now: &Moment) {
        if let Some((since, app, operation)) = self.waits.remove(&seq)
            && now.surely_since(&since) > LONGEST_WAIT
        {
            let (ledger, at) = (&mut self.ledger, now.sandbox);
            ledger.raise(Kind::NoTimeout, app.as_ref(), operation, at, &[seq], "");
        }
    }

    /// A callback was told of an event, and this is what came of it.
    pub(crate) fn pushed(
        &mut self,
        client: &str,
        event_type: &str,
        push: u64,
        trouble: &PushTrouble,
        now: u64,
    ) {
        let kind = match trouble {
            PushTrouble::TooSlow => Kind::CallbackLate,
            PushTrouble::Unreadable(_) | PushTrouble::Signature | PushTrouble::Crypto(_) => {
                Kind::CallbackUnencrypted
            }
            PushTrouble::Status(_) | PushTrouble::NotSuccess(_) | PushTrouble::TooLarge => {
                Kind::CallbackNotSuccess
            }
            // Where nobody listens, no client has done anything.
            _ => return,
        };
        let client = Some(Arc::from(client)).filter(|client: &Arc<str>| !client.is_empty());
        let why = match trouble {
            // What the callback said is its own affair, and may be a secret.
            PushTrouble::NotSuccess(_) => "the reply says something else than success".to_owned(),
            other => other.to_string(),
        };
        let detail = format!("push {push}, {event_type}: {why}");
        self.ledger.raise(kind, client.as_ref(), "", now, &[], detail);
    }

    /// What was found so far, the worst first. `granted` says which points an app has.
    pub(crate) fn findings(
        &self,
        now: &Moment,
        granted: impl Fn(&str) -> Vec<String>,
    ) -> Vec<Finding> {
        let mut more = Ledger::default();
        for (seq, (since, app, operation)) in &self.waits {
            if now.surely_since(since) > LONGEST_WAIT {
                let detail = "it still waits";
                more.raise(Kind::NoTimeout, app.as_ref(), operation, now.sandbox, &[*seq], detail);
            }
        }
        self.permissions.unused(now.sandbox, &mut more, granted);
        let mut findings = self.ledger.findings();
        findings.extend(more.findings());
        findings.sort_by(|one, two| {
            let key = |it: &Finding| (it.id.clone(), it.app.clone(), it.operation.clone());
            two.severity.cmp(&one.severity).then_with(|| key(one).cmp(&key(two)))
        });
        findings
    }

    /// Forgets the findings, and not what is known of tokens and codes.
    pub(crate) fn clear(&mut self) {
        self.ledger.clear();
        self.permissions.clear();
    }

    fn saw_code(&mut self, seen: &Sighting<'_>) {
        let (Some(print), Some(presented)) = (seen.code, seen.presented) else {
            return;
        };
        match presented {
            Presented::Fits if seen.faulted => {}
            Presented::Fits => self.codes.insert(print, seen.seq),
            Presented::Unknown => {
                if let Some(first) = self.codes.get(&print).copied() {
                    let (at, evidence) = (seen.moment.sandbox, [first, seen.seq]);
                    let operation = seen.operation_name();
                    self.ledger.raise(Kind::CodeReused, seen.app, operation, at, &evidence, "");
                }
            }
            Presented::Late => self.raise(Kind::CodeLate, seen, ""),
            Presented::Foreign => self.raise(Kind::CodeForeign, seen, ""),
            Presented::OtherDoor(pool) => self.raise(Kind::CodeMisplaced, seen, pool.says()),
        }
    }

    fn raise(&mut self, kind: Kind, seen: &Sighting<'_>, detail: impl Into<Cow<'static, str>>) {
        let at = seen.moment.sandbox;
        self.ledger.raise(kind, seen.app, seen.operation_name(), at, &[seen.seq], detail);
    }
}

impl Sighting<'_> {
    fn operation_name(&self) -> &'static str {
        self.operation.map_or("", |operation| operation.name)
    }

    /// The platform, or a fault, said that the token is dead.
    fn token_refused(&self) -> bool {
        self.status == 401
            || matches!(
                self.error,
                Some("40001" | "40014" | "42001" | "InvalidAuthentication" | "invalidToken")
                    | Some("accesstoken.expired" | "invalidAccessToken")
            )
    }
}

/// Plain HTTP is how a sandbox is spoken to on the machine itself.
fn is_this_machine(host: &str) -> bool {
    let name = host.rsplit_once(':').map_or(host, |(name, port)| {
        if port.bytes().all(|byte| byte.is_ascii_digit()) { name } else { host }
    });
    name.is_empty()
        || name.eq_ignore_ascii_case("localhost")
        || name.ends_with(".localhost")
        || name == "[::1]"
        || name.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Fault, Sandbox};

    /// A call that hangs, so many milliseconds after the start by either clock.
    fn hanging(critic: &mut Critic, at: Moment) {
        critic.saw(&Sighting {
            seq: 7,
            moment: at,
            family: Family::Old,
            operation: None,
            interface: None,
            path: "/gettoken",
            raw_query: "",
            query: &[],
            headers: None,
            body: b"",
            app: None,
            secret: None,
            token: None,
            code: None,
            presented: None,
            misfit: None,
            grant: None,
            ticket: None,
            status: 0,
            error: None,
            faulted: true,
            lost: true,
            hangs: true,
            plain_host: None,
            sent: None,
        });
    }

    fn later(start: &Moment, sandbox: u64, machine: u64) -> Moment {
        let machine = start.machine + Duration::from_millis(machine);
        Moment { sandbox: start.sandbox + sandbox, machine }
    }

    fn waits_found(critic: &Critic, now: &Moment) -> Vec<(String, Vec<u64>)> {
        let found = critic.findings(now, |_| Vec::new()).into_iter();
        found.map(|finding| (finding.id, finding.journal)).collect()
    }

    #[test]
    fn a_caller_that_hangs_for_more_than_a_minute_by_both_clocks_is_found() {
        let start = Moment { sandbox: 1_700_000_000_000, machine: Instant::now() };
        let wanted = [("no-timeout".to_owned(), vec![7])];
        for (sandbox, machine, found) in [
            (60_000, 60_000, false),
            (60_001, 60_001, true),
            (999_999, 1_000, false),
            (0, 999_999, false),
        ] {
            let now = later(&start, sandbox, machine);
            let mut critic = Critic::default();
            hanging(&mut critic, start);
            let expected = if found { &wanted[..] } else { &[] };
            assert_eq!(waits_found(&critic, &now), expected, "{sandbox} {machine}, while it hangs");
            critic.ended(7, &now);
            assert_eq!(waits_found(&critic, &now), expected, "{sandbox} {machine}, afterwards");
            let much_later = later(&start, 9_999_999, 9_999_999);
            assert_eq!(waits_found(&critic, &much_later), expected, "it does not hang any more");
        }
    }

    #[test]
    fn a_caller_on_the_socket_hangs_until_it_goes_away() {
        use std::io::Write;
        const PATIENCE: Duration = Duration::from_secs(20);
        let sandbox = Sandbox::builder().start().unwrap();
        let _ = sandbox.fault(Fault::on("GET /gettoken").stall());
        let address = sandbox.origin().trim_start_matches("http://").to_owned();
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        stream.write_all(b"GET /gettoken HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        assert!(sandbox.journal().wait_for("GET /gettoken", 1, PATIENCE));
        let hung = |minutes: u64| {
            let now = later(&sandbox.shared.moment(), minutes * 60_000, minutes * 60_000);
            waits_found(&sandbox.shared.platform().critic, &now)
                .iter()
                .any(|(id, _)| id == "no-timeout")
        };
        assert!(hung(2) && !hung(0));
        drop(stream);
        let end = Instant::now() + PATIENCE;
        while hung(2) {
            assert!(Instant::now() < end, "the server notices that the caller has gone");
            std::thread::yield_now();
        }
        let request = http::Request::get("/gettoken").body(Vec::new()).unwrap();
        assert!(sandbox.try_handle(request).is_err() && !hung(2), "in-process nobody waits");
    }

    #[test]
    fn a_pause_by_either_clock_is_a_pause() {
        let start = Moment { sandbox: 5, machine: Instant::now() };
        assert_eq!(later(&start, 0, 30).since(&start), 30);
        assert_eq!(later(&start, 40, 30).since(&start), 40);
        assert_eq!(start.since(&later(&start, 40, 30)), 0, "a clock may be set back");
    }

    #[test]
    fn this_machine_is_told_from_others() {
        for here in
            ["", "localhost:1", "LOCALHOST", "a.localhost", "127.9.9.9:2", "[::1]", "[::1]:3"]
        {
            assert!(is_this_machine(here), "{here}");
        }
        for there in ["api.dingtalk.com", "192.0.2.1:80", "localhost.example", "[2001:db8::1]:1"] {
            assert!(!is_this_machine(there), "{there}");
        }
    }
}
