//! A finding as people and programs see it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How bad a finding is; later ones are worse.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Advice.
    Info,
    /// It works, and is wasteful or fragile.
    Warn,
    /// The platform refuses it, or it gives a secret away.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        })
    }
}

impl FromStr for Severity {
    type Err = String;

    /// `info`, `warn` or `error`.
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "info" => Ok(Self::Info),
            "warn" => Ok(Self::Warn),
            "error" => Ok(Self::Error),
            other => Err(format!("{other}: not info, warn or error")),
        }
    }
}

/// Something that a client did wrong, also where the platform let it pass; see
/// [`Sandbox::findings`](crate::Sandbox::findings). It holds no secret. Its `Display` is a few lines for people.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// Its name in the table of the crate's documentation: `token-refetched`. It never changes.
    pub id: String,
    /// How bad it is.
    pub severity: Severity,
    /// The client id of the app that did it, where the request told.
    pub app: Option<String>,
    /// The API that it did it to, as in [`Entry::operation`](crate::Entry::operation); empty where it is about none.
    pub operation: String,
    /// What is wrong.
    pub what: String,
    /// What exactly: names of fields or points, pushes, never a secret. At most eight.
    pub details: Vec<String>,
    /// How to put it right.
    pub fix: String,
    /// The section of the project's sheet of wire facts that says so.
    pub rests_on: String,
    /// How often it happened.
    pub count: u64,
    /// The [`seq`](crate::Entry::seq) of the first and the last few journal entries that show it.
    pub journal: Vec<u64>,
    /// When it was first seen, in milliseconds since 1970 on the sandbox's clock.
    pub first_at: u64,
    /// When it was last seen.
    pub last_at: u64,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<5} {} × {}", self.severity, self.id, self.count)?;
        if let Some(app) = &self.app {
            write!(f, "  app {app}")?;
        }
        if !self.operation.is_empty() {
            write!(f, "  {}", self.operation)?;
        }
        write!(f, "\n      {}", self.what)?;
        for detail in &self.details {
            write!(f, "\n      - {detail}")?;
        }
        write!(f, "\n      do: {}", self.fix)?;
        write!(f, "\n      see {}", self.rests_on)?;
        if !self.journal.is_empty() {
            let shown: Vec<String> = self.journal.iter().map(|seq| format!("#{seq}")).collect();
            write!(f, "; journal {}", shown.join(" "))?;
        }
        Ok(())
    }
}
