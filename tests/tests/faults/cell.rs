//! One cell: a fault that strikes once, the same for as long as it lasts, and a clean call.

use std::fmt;
use std::thread;
use std::time::{Duration, Instant};

use dingtalk_core::auth::ObtainToken;
use dingtalk_core::{Error, Timestamp};
use dingtalk_sandbox::{Entry, Fault, Sandbox};
use dingtalk_tests::{Driver, Ear, Front, Hunt, Plot, now};
use tokio::runtime::Runtime;

use crate::aim::{Aim, Astray, Target, Transports};
use crate::kinds::{By, Kind};
use crate::operations::{Attempt, Operation};
use crate::places::Places;
use crate::rule::{End, Expected, Rule};
use crate::stage::{self, Client, Stage};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Cell {
    pub(crate) kind: &'static Kind,
    pub(crate) operation: &'static Operation,
    pub(crate) driver: Driver,
    /// Over HTTPS, on which the async client speaks HTTP/2 and the blocking one HTTP/1.1.
    pub(crate) secure: bool,
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Kind { group, name, .. } = self.kind;
        let wire = if self.secure { " / HTTPS" } else { "" };
        write!(f, "{group}: {name} / {} / {:?}{wire}", self.operation.name, self.driver)
    }
}

/// Plays cells one after the other, on one thread.
pub(crate) struct Worker<'p> {
    places: &'p Places,
    astray: &'p Astray,
    ear: Ear,
    /// On this thread, so that what its tasks say is heard with the cell.
    runtime: Runtime,
}

/// What a busy machine may add to a call.
const SLACK: Duration = Duration::from_secs(10);

impl<'p> Worker<'p> {
    pub(crate) fn new(places: &'p Places, astray: &'p Astray, ear: Ear) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Self { places, astray, ear, runtime }
    }

    /// Why the cell is not as its rule says.
    pub(crate) fn run(&mut self, cell: &Cell) -> Result<(), String> {
        let (sandbox, front) = match cell.kind.by {
            By::Front(_) | By::HangUp(_) | By::Token(_) => {
                let sandbox = stage::company().in_process();
                (sandbox.clone(), Some(Front::new(sandbox)))
            }
            _ => {
                let company = stage::company();
                let company = if cell.secure { company.https() } else { company };
                (company.start().map_err(|error| error.to_string())?, None)
            }
        };
        let origin = front.as_ref().map_or_else(|| sandbox.origin(), Front::origin);
        let aim = Aim::new(Transports::fresh(sandbox.ca_certificate()));
        let clock = match cell.kind.by {
            By::Clock(clock) => Some(clock),
            By::Suspend => Some(slept as fn(_) -> _),
            _ => None,
        };
        let play = Play {
            cell,
            places: self.places,
            astray: self.astray,
            client: Client::aiming(cell.driver, &aim, clock, &self.runtime),
            clean: Client::aiming(cell.driver, &aim, None, &self.runtime),
            stage: Stage::new(&sandbox, &origin, !matches!(cell.kind.by, By::Token(_))),
            sandbox,
            front,
            aim,
        };
        let played = play.play();
        let heard = self.ear.own() + &self.heard_of(&play.sandbox);
        let shown = played?;
        self.hunt(&play, &shown, &heard)
    }

    fn heard_of(&self, sandbox: &Sandbox) -> String {
        let origin = sandbox.origin();
        let port = origin.rsplit(':').next().unwrap_or_default();
        self.ear.of(&format!("dingtalk-sandbox-{port}"))
    }

    /// Nothing secret in what was printed, logged and written down.
    fn hunt(&self, play: &Play<'_>, shown: &str, heard: &str) -> Result<(), String> {
        let mut hunt = Hunt::of([
            ("client secret", stage::CLIENT_SECRET),
            ("suite secret", stage::SUITE_SECRET),
            ("suite ticket", stage::SUITE_TICKET),
            ("proxy password", stage::PROXY_PASSWORD),
            ("mobile", stage::MOBILE),
            ("mail", stage::MAIL),
            ("control token", play.sandbox.control_token()),
            ("sso secret", &play.sandbox.demo().sso_secret),
        ]);
        for word in play.aim.marked() {
            hunt.add("token, code or ticket", &word);
        }
        let entries = play.sandbox.journal().entries();
        let findings = play.sandbox.findings();
        let told: String = findings.iter().map(|it| format!("{it} {it:?}\n")).collect();
        for (surface, text) in [
            ("what is printed", shown),
            ("the log", heard),
            ("the journal", &format!("{entries:?}")),
            ("the findings", &told),
        ] {
            let hits = hunt.hits(text);
            if !hits.is_empty() {
                return Err(format!("{surface} gives away {hits:?}"));
            }
        }
        Ok(())
    }
}

/// Three hours went by, and the steady clock did not see it.
fn slept(now: Timestamp) -> Timestamp {
    let unix = now.unix_millis() + u64::try_from(SLEEP.as_millis()).unwrap();
    Timestamp::new(unix, now.steady_millis())
}

const SLEEP: Duration = Duration::from_secs(3 * 60 * 60);

struct Play<'c> {
    cell: &'c Cell,
    places: &'c Places,
    astray: &'c Astray,
    sandbox: Sandbox,
    front: Option<Front>,
    aim: Aim,
    stage: Stage,
    client: Client<'c>,
    /// The same client by a clock that is right.
    clean: Client<'c>,
}

impl Play<'_> {
    /// Everything that was printed, or what went wrong.
    fn play(&self) -> Result<String, String> {
        let Cell { kind, operation, .. } = self.cell;
        let rule = kind.rule_for(operation);
        let mut shown = self.client.shown();
        self.warm_up()?;
        for (phase, times) in [("once", 1), ("lasting", usize::MAX)] {
            let expected = rule.expects(operation.class, times > 1 && !kind.happens_once());
            let said = |why| format!("{phase}: {why}");
            shown += &self.strike(times, rule, expected).map_err(said)?;
        }
        self.repair();
        let attempt = (operation.prepare)(&self.stage);
        self.aim.at(Some(self.target(0)));
        (attempt.call)(&self.clean).map_err(|error| format!("afterwards: {error:?}"))?;
        match self.aim.sent() {
            1 => Ok(shown),
            sent => Err(format!("afterwards: it took {sent} requests")),
        }
    }

    /// A wire that breaks is one that was in use.
    fn warm_up(&self) -> Result<(), String> {
        let app = self.stage.cold_app();
        let warmed = self.clean.call(&app, ObtainToken::new());
        warmed.map(drop).map_err(|error| format!("warming up: {error:?}"))
    }

    fn strike(&self, times: usize, rule: Rule, expected: Expected) -> Result<String, String> {
        let Cell { kind, operation, .. } = self.cell;
        self.repair();
        let attempt = (operation.prepare)(&self.stage);
        let before = self.arrivals(&attempt);
        self.arm(times)?;
        self.aim.at(Some(self.target(times)));

        let begin = Instant::now();
        let result = (attempt.call)(&self.client);
        let (took, ended) = (begin.elapsed(), End::of(&result));
        if ended != expected.end {
            return Err(format!("ended with {ended} instead of {}: {result:?}", expected.end));
        }
        if took > stage::TOTAL + SLACK {
            return Err(format!("took {took:?}"));
        }
        let sent = self.aim.sent();
        if sent != expected.sends {
            return Err(format!("{sent} requests left instead of {}", expected.sends));
        }
        let arrived = self.arrivals(&attempt) - before;
        let struck = times.min(sent);
        self.judge(&attempt, rule, arrived, struck)?;
        self.once_more(&attempt, ended, &result)?;
        let error = result.err().map(|error| printed(&error)).unwrap_or_default();
        Ok(format!("{error} {} {}", attempt.shown, kind.name))
    }

    /// Nothing that must not be repeated was executed twice, or went out again in doubt.
    fn judge(
        &self,
        attempt: &Attempt,
        rule: Rule,
        arrived: usize,
        struck: usize,
    ) -> Result<(), String> {
        let Cell { kind, operation, .. } = self.cell;
        if operation.class.may_repeat() {
            return Ok(());
        }
        if !matches!(rule, Rule::Harmless(_)) && arrived > 1 {
            return Err(format!("it arrived {arrived} times, and nobody knew what became of it"));
        }
        let spared = match kind.by {
            By::Sandbox(_) | By::Front(_) if !kind.executes => struck.min(arrived),
            // The first one carries a token that is dead.
            By::Deed(_) => arrived.saturating_sub(1),
            _ => 0,
        };
        let executed = arrived - spared;
        if executed > 1 {
            return Err(format!("it was executed {executed} times"));
        }
        if let Some(trace) = &attempt.trace {
            let traces = self.sandbox.snapshot().matches(trace).count();
            if traces != executed {
                return Err(format!("{executed} executions left {traces} traces"));
            }
        }
        Ok(())
    }

    /// A session goes on where it can, and never with a code that may have been used.
    fn once_more(
        &self,
        attempt: &Attempt,
        ended: End,
        result: &Result<(), Error>,
    ) -> Result<(), String> {
        let in_doubt =
            matches!(ended, End::Lost | End::TimedOut | End::Busy | End::Reply | End::TooLarge);
        if !in_doubt || self.cell.operation.name != "login code exchanged" {
            return Ok(());
        }
        let sent = self.aim.sent();
        let again = (attempt.call)(&self.client);
        if End::of(&again) != End::LoginAgain || self.aim.sent() != sent {
            return Err(format!("after {result:?} the session said {again:?}"));
        }
        Ok(())
    }

    fn target(&self, times: usize) -> Target {
        let Cell { kind, operation, .. } = self.cell;
        let astray = match kind.by {
            By::Place(place) => Some((self.places.origin(place), self.astray.to(place).clone())),
            _ => None,
        };
        Target { operation: operation.struck, times, astray, short: kind.slow }
    }

    fn arm(&self, times: usize) -> Result<(), String> {
        let Cell { kind, operation, .. } = self.cell;
        let struck = operation.struck;
        match (kind.by, &self.front) {
            (By::Sandbox(fault), _) => {
                drop(self.sandbox.fault(fault(Fault::on(struck).times(times))));
            }
            (By::Front(misdeed), Some(front)) => {
                front.plot(Some(Plot::new(struck, times, kind.executes, misdeed)));
            }
            (By::Token(misdeed), Some(front)) => {
                front.plot(Some(Plot::new(operation.token, times, true, misdeed)));
            }
            (By::HangUp(farewell), Some(front)) => {
                self.warm_up()?;
                front.hang_up(farewell);
                // A program that has done something else meanwhile.
                thread::sleep(Duration::from_millis(20));
            }
            (By::Deed(deed), _) => deed(&self.sandbox),
            (By::Suspend, _) => self.sandbox.clock().advance(SLEEP),
            _ => {}
        }
        Ok(())
    }

    fn repair(&self) {
        self.sandbox.clear_faults();
        if matches!(self.cell.kind.by, By::Suspend) {
            self.sandbox.clock().set(now().unix_millis());
        }
        if let Some(front) = &self.front {
            front.plot(None);
        }
    }

    /// How often the struck request came to where it was to go, whatever became of it there.
    fn arrivals(&self, attempt: &Attempt) -> usize {
        let entries = self.sandbox.journal().entries();
        let mark = attempt.code.as_ref().map(|code| self.sandbox.journal().fingerprint(code));
        let counts = |entry: &Entry| {
            entry.operation == self.cell.operation.struck
                && (mark.is_none() || entry.one_time_code == mark)
        };
        let unexecuted = match &self.front {
            Some(front) if !self.cell.kind.executes => front.struck(),
            _ => 0,
        };
        entries.iter().filter(|entry| counts(entry)).count() + unexecuted
    }
}

/// Everything that a program may print of an error, a panic's message included.
fn printed(error: &Error) -> String {
    let mut text = format!("{error} {error:#} {error:?} {error:#?}");
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        text += &format!(" {inner} {inner:?}");
        source = inner.source();
    }
    text + &serde_json::to_string(error).unwrap()
}
