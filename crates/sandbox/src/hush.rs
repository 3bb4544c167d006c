//! Secrets that clients put into a path: the journal shows paths, and is not to show them.

use std::borrow::Cow;

use crate::journal::Journal;
use crate::platform::Platform;
use crate::rng::push_hex;

/// What is shorter would cut ordinary paths to pieces.
const SHORTEST: usize = 8;

impl Platform {
    /// The path with a fingerprint in the place of every secret that an app or organization here has. What the sandbox
    /// gave out is known by its mark and is the journal's own business.
    pub(crate) fn hushed<'p>(
        &self,
        path: &'p str,
        operation: &str,
        journal: &Journal,
    ) -> Cow<'p, str> {
        if operation.split_once(' ').is_some_and(|(_, template)| template == path) {
            // Most calls are to a path without a value in it.
            return Cow::Borrowed(path);
        }
        let apps = self.apps.values().map(|app| app.client_secret.as_str());
        let companies = self.companies.values().map(|company| company.sso_secret.as_str());
        let mut shown = Cow::Borrowed(path);
        for secret in apps.chain(companies).filter(|secret| secret.len() >= SHORTEST) {
            if shown.contains(secret) {
                let mut print = "#".to_owned();
                for byte in journal.print(secret) {
                    push_hex(&mut print, byte, b"0123456789abcdef");
                }
                shown = Cow::Owned(shown.replace(secret, &print));
            }
        }
        shown
    }
}
