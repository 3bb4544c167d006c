//! How patient a caller is.

use std::time::Duration;

use crate::Limits;

/// Bounds of one call: how long each request and the whole call may take, and how often it is
/// tried. Start from the default and change what you must:
///
/// ```
/// use dingtalk_core::Policy;
/// use std::time::Duration;
///
/// let mut policy = Policy::default();
/// policy.total = Duration::from_secs(10);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Policy {
    /// Bounds of each single request.
    pub limits: Limits,
    /// Longest time for the whole call: waiting for a token, back-off and all requests.
    pub total: Duration,
    /// Most sends of one request, the first included. Sending again happens only where it is
    /// known to be harmless.
    pub attempts: u32,
    /// First pause of the back-off; it doubles each time, with jitter.
    pub backoff: Duration,
    /// Longest single pause of the back-off.
    pub backoff_max: Duration,
    /// Longest wait for one answer of a token store. The async client gives up then; a blocking
    /// store bounds its answers itself.
    pub store: Duration,
}

impl Policy {
    /// How long a holder of the lead may show no sign of life before it passes on: longer than
    /// one exchange can last.
    pub(crate) fn lease(&self) -> Duration {
        self.limits.total.saturating_add(Duration::from_secs(5))
    }
}

impl Default for Policy {
    /// 15 s a request, 60 s in all, three attempts, pauses from 0.25 s to 4 s, 3 s for a
    /// store.
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            total: Duration::from_secs(60),
            attempts: 3,
            backoff: Duration::from_millis(250),
            backoff_max: Duration::from_secs(4),
            store: Duration::from_secs(3),
        }
    }
}
