//! What a test expects of the journal, held when it ends.

use std::fmt::Write as _;
use std::thread::panicking;

use super::{Entry, Journal};
use crate::faults::names;
use crate::routes;

/// How many of the nearest entries, and of the operations seen, a failure shows.
const SHOWN: usize = 5;

/// What the journal has to hold at the end of a test; see [`Journal::expect`]. It is verified when it is dropped, and
/// by [`verify`](Self::verify).
#[must_use = "it is verified when it is dropped, which is now"]
#[derive(Debug)]
pub struct Expectation {
    journal: Journal,
    operation: String,
    app: Option<String>,
    status: Option<u16>,
    code: Option<String>,
    least: usize,
    most: usize,
}

impl Journal {
    /// Expects calls of an API, by method and path template as in [`Entry::operation`]; with a `*` at the end of every
    /// API that begins so. Counted are all calls since the start, or since the last [`clear`](Self::clear), that are
    /// there when the expectation is verified. Without a number, one call is enough.
    ///
    /// ```
    /// use dingtalk_sandbox::Sandbox;
    ///
    /// let sandbox = Sandbox::in_process();
    /// let once = sandbox.journal().expect("GET /gettoken").times(1);
    /// // … the program under test …
    /// # let _ = sandbox.handle(http::Request::get("/gettoken").body(Vec::new()).unwrap());
    /// drop(once); // or the end of the test: panics unless there was exactly one call
    /// ```
    ///
    /// # Panics
    ///
    /// When no API is called so: it would never be seen. And when the expectation is dropped and does not hold, unless
    /// the thread is panicking already.
    pub fn expect(&self, operation: impl Into<String>) -> Expectation {
        let operation = operation.into();
        assert!(
            routes::known(&operation),
            "no operation is called {operation:?}: give method and path template, as in \
             \"GET /v1.0/contact/users/{{unionId}}\", or its beginning with *"
        );
        Expectation {
            journal: self.clone(),
            operation,
            app: None,
            status: None,
            code: None,
            least: 1,
            most: usize::MAX,
        }
    }
}

impl Expectation {
    /// Exactly so many calls; 0 for none.
    pub fn times(mut self, n: usize) -> Self {
        (self.least, self.most) = (n, n);
        self
    }

    /// So many calls or more.
    pub fn at_least(mut self, n: usize) -> Self {
        self.least = n;
        self
    }

    /// So many calls or fewer, and none is fine, too, unless [`at_least`](Self::at_least) follows.
    pub fn at_most(mut self, n: usize) -> Self {
        (self.least, self.most) = (0, n);
        self
    }

    /// Only calls of this app, by its client id.
    pub fn by_app(mut self, client_id: impl Into<String>) -> Self {
        self.app = Some(client_id.into());
        self
    }

    /// Only calls that were answered with this HTTP status; 0 for those whose answer was lost.
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// Only calls that were answered with this error code, as in [`Entry::code`].
    pub fn with_code(mut self, code: impl Into<String>) -> Self {
        self.code = Some(code.into());
        self
    }

    /// Why it does not hold at this moment, with the nearest misses; nothing if it holds.
    #[must_use]
    pub fn unmet(&self) -> Option<String> {
        let (entries, overflowed) = self.journal.all();
        let hits: Vec<&Entry> =
            entries.iter().filter(|entry| self.misses(entry).is_empty()).collect();
        let lost = if overflowed { ", and the journal kept too little to be sure" } else { "" };
        let enough = hits.len() >= self.least;
        if enough && hits.len() <= self.most && (!overflowed || self.most == usize::MAX) {
            return None;
        }
        let mut text = format!("expected {self}; it came {}{lost}", counted(hits.len()));
        if overflowed {
            text.push_str("\n  more entries are kept with Builder::journal_limit");
        }
        if enough {
            self.tell(&mut text, "these came", hits.into_iter().rev());
        } else {
            let mut near: Vec<&Entry> =
                entries.iter().filter(|entry| !self.misses(entry).is_empty()).collect();
            // Of entries that are equally near the newest tells most.
            near.sort_by_key(|entry| (self.distance(entry), std::cmp::Reverse(entry.seq)));
            self.tell(&mut text, "the nearest", near.into_iter());
        }
        Some(text)
    }

    /// Verifies now; nothing more happens when it is dropped.
    ///
    /// # Panics
    ///
    /// When it does not hold.
    #[track_caller]
    pub fn verify(mut self) {
        let unmet = self.unmet();
        (self.least, self.most) = (0, usize::MAX);
        if let Some(text) = unmet {
            panic!("{text}");
        }
    }

    /// The conditions that an entry does not meet.
    fn misses(&self, entry: &Entry) -> Vec<String> {
        let mut misses = Vec::new();
        if !names(&self.operation, &entry.operation) {
            misses.push("another operation".to_owned());
        }
        if self.app.is_some() && self.app != entry.app {
            misses.push(format!("app {}", entry.app.as_deref().unwrap_or("unknown")));
        }
        if let Some(status) = self.status.filter(|status| *status != entry.status) {
            misses.push(format!("status {} instead of {status}", entry.status));
        }
        if self.code.is_some() && self.code != entry.code {
            misses.push(format!("code {}", entry.code.as_deref().unwrap_or("none")));
        }
        misses
    }

    /// Another operation is further away than all else together; one that begins alike is nearer than one that does
    /// not.
    fn distance(&self, entry: &Entry) -> usize {
        let wanted = self.operation.trim_end_matches('*');
        if names(&self.operation, &entry.operation) {
            return self.misses(entry).len();
        }
        let alike = wanted.bytes().zip(entry.operation.bytes());
        let alike = alike.take_while(|(one, two)| one == two).count();
        1000 - alike.min(900) + self.misses(entry).len()
    }

    fn tell<'a>(&self, text: &mut String, title: &str, entries: impl Iterator<Item = &'a Entry>) {
        let mut entries = entries.peekable();
        if entries.peek().is_none() {
            text.push_str("\n  no other call came at all");
            return;
        }
        let _ = write!(text, "\n  {title}:");
        let mut left = 0_usize;
        for (at, entry) in entries.enumerate() {
            if at >= SHOWN {
                left += 1;
                continue;
            }
            let _ = write!(text, "\n    #{} {} → {}", entry.seq, entry.operation, entry.status);
            if let Some(code) = &entry.code {
                let _ = write!(text, " {code}");
            }
            if let Some(app) = &entry.app {
                let _ = write!(text, ", app {app}");
            }
            let misses = self.misses(entry);
            if !misses.is_empty() {
                let _ = write!(text, "  ({})", misses.join(", "));
            }
        }
        if left > 0 {
            let _ = write!(text, "\n    … and {left} more");
        }
    }
}

impl std::fmt::Display for Expectation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.operation)?;
        match (self.least, self.most) {
            (least, most) if least == most => write!(f, " exactly {}", counted(least))?,
            (0, most) => write!(f, " at most {}", counted(most))?,
            (least, usize::MAX) => write!(f, " at least {}", counted(least))?,
            (least, most) => write!(f, " from {least} to {most} times")?,
        }
        if let Some(app) = &self.app {
            write!(f, ", by app {app}")?;
        }
        if let Some(status) = self.status {
            write!(f, ", with status {status}")?;
        }
        if let Some(code) = &self.code {
            write!(f, ", with code {code}")?;
        }
        Ok(())
    }
}

impl Drop for Expectation {
    fn drop(&mut self) {
        if panicking() {
            // The test has failed already, and says why.
            return;
        }
        if let Some(text) = self.unmet() {
            panic!("{text}");
        }
    }
}

fn counted(n: usize) -> String {
    match n {
        1 => "once".to_owned(),
        n => format!("{n} times"),
    }
}
