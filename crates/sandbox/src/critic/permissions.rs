//! Permission points that an app has and does not need, or needs and does not have (wire-facts §6, §8.4).

use std::collections::HashMap;
use std::sync::Arc;

use super::Sighting;
use super::catalogue::Kind;
use super::ledger::Ledger;
use crate::points;
use crate::routes::Operation;

const MOST_APPS: usize = 4096;

/// Fields of answers have points of their own.
const FIELDS: [(&str, &[&str]); 3] = [
    ("POST /topapi/v2/user/get", &["fieldMobile", "fieldEmail"]),
    ("POST /topapi/v2/user/list", &["fieldMobile", "fieldEmail"]),
    ("GET /v1.0/contact/users/{unionId}", &["Contact.User.mobile"]),
];

/// What apps called with success.
#[derive(Default)]
pub(super) struct Permissions {
    used: HashMap<Arc<str>, Vec<&'static Operation>>,
}

impl Permissions {
    pub(super) fn saw(&mut self, seen: &Sighting<'_>, ledger: &mut Ledger) {
        let (Some(app), Some(operation)) = (seen.app, seen.operation) else {
            return;
        };
        match seen.error {
            None => self.note(app, operation),
            Some("60011" | "Forbidden.AccessDenied.AccessTokenPermissionDenied")
                if !seen.faulted =>
            {
                let at = seen.moment.sandbox;
                let point = operation.point.unwrap_or("the answer names the point");
                let kind = Kind::PermissionMissing;
                ledger.raise(kind, Some(app), operation.name, at, &[seen.seq], point);
            }
            Some(_) => {}
        }
    }

    /// Apps that never called anything say nothing about what they need.
    pub(super) fn unused(
        &self,
        now: u64,
        ledger: &mut Ledger,
        granted: impl Fn(&str) -> Vec<String>,
    ) {
        for (app, operations) in &self.used {
            let is_used = |point: &str| {
                operations.iter().any(|operation| {
                    operation.point == Some(point)
                        || FIELDS.iter().any(|(name, fields)| {
                            *name == operation.name && fields.contains(&point)
                        })
                })
            };
            let mut unused = granted(app);
            unused.retain(|point| !points::is_default(point) && !is_used(point));
            if !unused.is_empty() {
                let detail = unused.join(", ");
                ledger.raise(Kind::PermissionUnused, Some(app), "", now, &[], detail);
            }
        }
    }

    pub(super) fn clear(&mut self) {
        self.used.clear();
    }

    fn note(&mut self, app: &Arc<str>, operation: &'static Operation) {
        if let Some(known) = self.used.get_mut(app) {
            if !known.iter().any(|other| std::ptr::eq(*other, operation)) {
                known.push(operation);
            }
        } else if self.used.len() < MOST_APPS {
            self.used.insert(Arc::clone(app), vec![operation]);
        }
    }
}

impl std::fmt::Debug for Permissions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Permissions").field("apps", &self.used.len()).finish_non_exhaustive()
    }
}
