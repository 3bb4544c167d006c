//! Whom a push is for.

use std::fmt;

use crate::{ClientId, CorpId};

/// The id that the platform puts behind every message, so that a push for one app does not pass
/// for another's that has the same token and key. Which id that is depends on who subscribed
/// (wire-facts §10.2).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Owner {
    /// An internal app that subscribed in the developer console: its Client ID (app key).
    App(ClientId),
    /// An internal app that subscribed with the old `register_call_back`: its organization.
    Corp(CorpId),
    /// A third-party app: its suite key. Of `check_create_suite_url` the owner is not checked:
    /// the platform asks before the app has a key.
    Suite(ClientId),
    /// An internal app that was handed over to a service provider: its CustomKey.
    Custom(ClientId),
    /// A third-party app that is just being created and has no key yet. Nothing but
    /// `check_create_suite_url` is received; its `test_suite_key` may tell the key.
    NewSuite,
}

impl Owner {
    /// The id; none for an app that is being created.
    pub fn id(&self) -> Option<&str> {
        match self {
            Self::App(id) | Self::Suite(id) | Self::Custom(id) => Some(id.as_str()),
            Self::Corp(id) => Some(id.as_str()),
            Self::NewSuite => None,
        }
    }

    /// Whether the first check of a third-party app is for it, whatever its owner.
    pub(super) fn may_be_new(&self) -> bool {
        matches!(self, Self::Suite(_) | Self::NewSuite)
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::App(id) => write!(f, "the app with the Client ID {id}"),
            Self::Corp(id) => write!(f, "the organization {id}"),
            Self::Suite(id) => write!(f, "the third-party app with the suite key {id}"),
            Self::Custom(id) => write!(f, "the app with the CustomKey {id}"),
            Self::NewSuite => f.write_str("a third-party app that is being created"),
        }
    }
}
