//! What a person does in front of the client, the admin backend or a browser, for tests without any of them.

use std::sync::Arc;

use crate::Sandbox;
use crate::apps::App;
use crate::codes::{Code, Pool};
use crate::consent::{self, Consent, ConsentError, ConsentOutcome};
use crate::login::{self, BrowserLogin};
use crate::platform::Platform;

impl Sandbox {
    /// What `dd.requestAuthCode` gives a person inside the client: a code for `getuserinfo`, single use, five minutes,
    /// bound to this app and its organization (wire-facts §4.5).
    ///
    /// # Errors
    ///
    /// When the app or the person does not exist, or cannot log in.
    pub fn silent_code(&self, client_id: &str, user_id: &str) -> Result<String, String> {
        let now = self.shared.clock.now();
        let platform = &mut *self.platform();
        let app = platform.app(client_id).ok_or_else(|| format!("there is no app {client_id}"))?;
        let corp = usual_corp(platform, app)
            .ok_or_else(|| format!("app {client_id} is in no organization"))?;
        let client = Arc::clone(&app.client_id);
        let code = person_code(platform, Pool::Silent, client, &corp, user_id)?;
        Ok(platform.codes.issue(code, now, &mut platform.rng))
    }

    /// What the admin backend's log-in gives a person: a code for `ssoUserInfo` (wire-facts §3.7).
    ///
    /// # Errors
    ///
    /// When the person does not exist in the demo organization, or cannot log in.
    pub fn sso_code(&self, user_id: &str) -> Result<String, String> {
        let now = self.shared.clock.now();
        let platform = &mut *self.platform();
        let corp = Arc::clone(&platform.home);
        let code = person_code(platform, Pool::Sso, Arc::from(""), &corp, user_id)?;
        Ok(platform.codes.issue(code, now, &mut platform.rng))
    }

    /// The openAuth component with a person in front of it (wire-facts §8).
    ///
    /// # Errors
    ///
    /// With the code that the component would show; its promise resolves with `failed` then.
    pub fn consent(&self, consent: &Consent) -> Result<ConsentOutcome, ConsentError> {
        let now = self.shared.clock.now();
        consent::decide(&mut self.platform(), consent, now)
    }

    /// Takes back everything that a person granted to an app; false if there was nothing.
    pub fn withdraw_consent(&self, client_id: &str, user_id: &str) -> bool {
        let platform = &mut *self.platform();
        let mut taken = false;
        for union_id in platform.union_ids(user_id) {
            let old = platform.consents.remove(&(Arc::from(client_id), union_id));
            taken |= old.is_some_and(|points| !points.is_empty());
        }
        taken
    }

    /// Takes back some of what a person granted to an app; false if none of it was granted.
    pub fn withdraw_points(
        &self,
        client_id: &str,
        user_id: &str,
        permission_points: &[String],
    ) -> bool {
        let platform = &mut *self.platform();
        let mut taken = false;
        for union_id in platform.union_ids(user_id) {
            let granted = platform.consents.get_mut(&(Arc::from(client_id), union_id));
            if let Some(points) = granted {
                taken |= permission_points.iter().fold(false, |any, it| points.remove(it) | any);
            }
        }
        taken
    }

    /// The browser login with a person in front of it (wire-facts §4.4): the URL that the browser is sent to, with
    /// `code`, `authCode` and `state`, or with `error` when the person refuses.
    ///
    /// # Errors
    ///
    /// With the text of the page when the browser is not sent anywhere.
    pub fn login(&self, login: &BrowserLogin) -> Result<String, String> {
        let now = self.shared.clock.now();
        login::outcome(&mut self.platform(), login, now)
    }
}

/// Where an app's people log in when nothing else is said: an internal app's organization, else the sandbox's first
/// one if it has opened the app, else any that has.
pub(crate) fn usual_corp(platform: &Platform, app: &App) -> Option<Arc<str>> {
    if app.works_in(&platform.home) {
        return Some(Arc::clone(&platform.home));
    }
    let own = app.corp_id.clone().filter(|corp| app.works_in(corp));
    own.or_else(|| app.opened_by.first().map(|corp| Arc::from(corp.as_str())))
}

/// A code for an active employee.
pub(crate) fn person_code(
    platform: &Platform,
    pool: Pool,
    client: Arc<str>,
    corp: &Arc<str>,
    user_id: &str,
) -> Result<Code, String> {
    let person = platform
        .company(corp)
        .and_then(|company| company.employee(user_id))
        .ok_or_else(|| format!("there is no employee {user_id} in {corp}"))?;
    if !person.flags.active {
        return Err(format!("{user_id} has not activated the account and cannot log in"));
    }
    Ok(Code {
        pool,
        client,
        corp: Arc::clone(corp),
        user_id: Arc::clone(&person.user_id),
        union_id: Arc::clone(&person.union_id),
        with_corp: false,
    })
}
