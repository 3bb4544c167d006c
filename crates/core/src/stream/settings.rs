//! What a program wants from Stream, and its bounds.

use std::time::Duration;

use crate::Policy;

/// What to be told, how much at a time, and how patiently. Start from the default and change what
/// you must:
///
/// ```
/// use dingtalk_core::stream::Settings;
///
/// let mut settings = Settings::default();
/// settings.callbacks.push("/v1.0/im/bot/messages/get".into());
/// settings.in_flight = 4;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settings {
    /// Whether to be told events. With this the app's events come over Stream only.
    pub events: bool,
    /// The topics of callbacks to be told. A callback of another topic is answered with 404.
    pub callbacks: Vec<String>,
    /// Most handlers that run at one time. 64 messages more may wait; beyond that they are put
    /// off with `LATER`.
    pub in_flight: usize,
    /// Largest message to take, in bytes; a larger one ends its connection.
    pub largest_frame: usize,
    /// Longest time to ask for a connection, and longest time to open one.
    pub connect: Duration,
    /// First pause before a new connection after one that failed; it doubles each time, with
    /// jitter, until a connection has lived for `backoff_max`.
    pub backoff: Duration,
    /// Longest pause before a new connection.
    pub backoff_max: Duration,
    /// How often a connection is asked whether the other side still lives.
    pub ping: Duration,
    /// How long the other side may take to say so, with whatever message.
    pub pong: Duration,
    /// How long running handlers are waited for at the end.
    pub grace: Duration,
}

impl Settings {
    /// How patient the request for a connection is. It is tried once: the pauses in between are
    /// Stream's own.
    pub fn policy(&self, of_client: &Policy) -> Policy {
        let mut policy = of_client.clone();
        policy.attempts = 1;
        policy.total = policy.total.min(self.connect);
        policy.limits.total = policy.limits.total.min(self.connect);
        policy.limits.connect = policy.limits.connect.min(self.connect);
        policy
    }
}

impl Default for Settings {
    /// All events and no callback, 16 handlers, 1 MiB; 10 s to connect, pauses from 1 s to 60 s, a
    /// ping every 60 s that is waited for 20 s, 10 s to end (wire-facts §10.7, client habits).
    fn default() -> Self {
        Self {
            events: true,
            callbacks: Vec::new(),
            in_flight: 16,
            largest_frame: 1 << 20,
            connect: Duration::from_secs(10),
            backoff: Duration::from_secs(1),
            backoff_max: Duration::from_secs(60),
            ping: Duration::from_secs(60),
            pong: Duration::from_secs(20),
            grace: Duration::from_secs(10),
        }
    }
}
