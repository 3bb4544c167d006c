//! What happens at the developer console and at the consent page: apps, their permission points, and who granted them.

use std::sync::Arc;

use crate::apps::{Agent, App};
use crate::platform::Platform;
use crate::points;

impl Platform {
    pub(crate) fn add_app(&mut self, mut app: App) {
        let corp = app.corp_id.get_or_insert_with(|| Arc::clone(&self.home)).clone();
        let at_home = std::mem::take(&mut app.granted_at_home);
        app.granted.entry(corp).or_default().extend(at_home.iter().cloned());
        for opened in app.opened_by.clone() {
            app.granted.entry(Arc::from(opened)).or_default().extend(at_home.iter().cloned());
        }
        match self.apps.get(&app.client_id) {
            // What organizations made of the app is not for whoever describes it anew.
            Some(old) => {
                app.app_id = old.app_id;
                app.agents = old.agents.clone();
                app.scopes = old.scopes.clone();
                app.permanent = old.permanent.clone();
            }
            None => {
                let last = self.apps.values().map(|app| app.app_id).max();
                app.app_id = last.map_or(90_000, |last| last + 1);
            }
        }
        if app.agent_id == 0 {
            app.agent_id = 3_000_000_000 - 90_000 + app.app_id;
        }
        for opened in app.opened_by.clone() {
            self.seat_agent(&mut app, &opened);
        }
        self.apps.insert(Arc::clone(&app.client_id), app);
    }

    /// Gives an app its agent id in one more organization; the home organization keeps the one that was set.
    pub(crate) fn seat_agent(&self, app: &mut App, corp: &str) {
        if *self.home == *corp || app.agents.contains_key(corp) {
            return;
        }
        let nth = i64::try_from(app.agents.len()).unwrap_or(0) + 1;
        let agent = Agent { id: app.agent_id + 1_000_000 * nth, stopped: false };
        app.agents.insert(corp.to_owned(), agent);
    }

    /// Adds a point to an app, and grants it in every organization where the app works.
    pub(crate) fn grant(&mut self, client: &str, point: &str) -> bool {
        let Some(app) = self.apps.get_mut(client) else {
            return false;
        };
        app.requested.insert(point.to_owned());
        let homes = app
            .corp_id
            .iter()
            .cloned()
            .chain(app.opened_by.iter().map(|corp| Arc::from(corp.as_str())));
        for corp in homes.collect::<Vec<Arc<str>>>() {
            app.granted.entry(corp).or_default().insert(point.to_owned());
        }
        true
    }

    /// Adds a point to an app without granting it.
    pub(crate) fn request_point(&mut self, client: &str, point: &str) -> bool {
        self.apps.get_mut(client).is_some_and(|app| app.requested.insert(point.to_owned()))
    }

    /// Takes a point back: from the app's organizations, and from every person who granted it.
    pub(crate) fn revoke_grant(&mut self, client: &str, point: &str) -> bool {
        let Some(app) = self.apps.get_mut(client) else {
            return false;
        };
        let mut taken = false;
        for points in app.granted.values_mut() {
            taken |= points.remove(point);
        }
        for ((app, _), points) in &mut self.consents {
            taken |= **app == *client && points.remove(point);
        }
        taken
    }

    /// Who goes by this user id: somebody in each of several organizations.
    pub(crate) fn union_ids(&self, user_id: &str) -> Vec<Arc<str>> {
        let people = self.companies.values().filter_map(|company| company.anybody(user_id));
        people.map(|person| Arc::clone(&person.union_id)).collect()
    }

    /// Remembers what a person granted.
    pub(crate) fn remember_consent<'a>(
        &mut self,
        client: &Arc<str>,
        union_id: &Arc<str>,
        points: impl Iterator<Item = &'a str>,
    ) {
        let key = (Arc::clone(client), Arc::clone(union_id));
        self.consents.entry(key).or_default().extend(points.map(str::to_owned));
    }

    /// The delegated points that an app has asked for: what the browser login's page shows (wire-facts §4.4).
    pub(crate) fn delegated_points(app: &App) -> Vec<&'static points::Point> {
        points::CATALOGUE
            .iter()
            .filter(|point| point.suits_person() && app.requested.contains(point.code))
            .collect()
    }
}
