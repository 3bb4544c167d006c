//! Organizations and who is in them: every change tells the callbacks that want to know (wire-facts §10.4).

use std::sync::Arc;

use crate::Sandbox;
use crate::company::{Company, Department, Person};
use crate::events::{News, contacts};
use crate::platform::Platform;

impl Sandbox {
    /// Adds another organization, with its root department and nobody in it; false if there is one with this id.
    pub fn add_company(&self, corp_id: &str, name: &str) -> bool {
        self.platform().add_company(corp_id, name)
    }

    /// Renames an organization; false if there is none with this id, or that is its name. `org_change` tells of it.
    pub fn rename_company(&self, corp_id: &str, name: &str) -> bool {
        let mut renamed = false;
        self.change(corp_id, |company, now| {
            renamed = company.name != name;
            name.clone_into(&mut company.name);
            let news = || contacts::of_organization("org_change", company, now);
            renamed.then(news).into_iter().collect()
        });
        renamed
    }

    /// Removes an organization with everybody in it, and what apps got there; false if there is none with this id, or
    /// it is the sandbox's first one. `org_remove` tells of it.
    pub fn remove_company(&self, corp_id: &str) -> bool {
        let home = self.platform().home.to_string();
        if corp_id == home {
            return false;
        }
        let there = self.change(corp_id, |company, now| {
            vec![contacts::of_organization("org_remove", company, now)]
        });
        let platform = &mut *self.platform();
        platform.remove_company(corp_id);
        there
    }

    /// Adds a person to one of several organizations, or replaces the one with this user id; false if there is no such
    /// organization. What differs decides which events are raised: the person, their roles, their rights.
    pub fn add_person_to(&self, corp_id: &str, person: Person) -> bool {
        self.change(corp_id, |company, now| {
            let user_id = Arc::clone(&person.user_id);
            let old = company.anybody(&user_id).cloned();
            let roles = contacts::definitions(company, [old.as_ref(), Some(&person)]);
            company.add_person(person);
            let new = company.anybody(&user_id);
            contacts::of_person(company, old.as_ref(), new, &roles, now)
        })
    }

    /// Removes a person from one of several organizations; false if there is none with this user id.
    pub fn remove_person_from(&self, corp_id: &str, user_id: &str) -> bool {
        let mut removed = false;
        self.change(corp_id, |company, now| {
            let Some(old) = company.anybody(user_id).cloned() else {
                return Vec::new();
            };
            let roles = contacts::definitions(company, [Some(&old), None]);
            removed = company.remove_person(user_id);
            contacts::of_person(company, Some(&old), None, &roles, now)
        });
        removed
    }

    /// Adds a department to one of several organizations, or changes the one with its id; false if there is no such
    /// organization.
    pub fn add_department_to(&self, corp_id: &str, department: Department) -> bool {
        self.change(corp_id, |company, now| {
            let known = company.departments.contains_key(&department.id);
            let id = department.id;
            company.add_department(department);
            let name = if known { "org_dept_modify" } else { "org_dept_create" };
            let department = company.departments.get(&id);
            let corp = &*company.corp_id;
            department
                .map(|department| contacts::of_department(name, corp, department, now))
                .into_iter()
                .collect()
        })
    }

    /// Removes a department; false if there is none with this id, it is the root, or it has people or departments below
    /// it.
    pub fn remove_department_from(&self, corp_id: &str, id: i64) -> bool {
        let mut removed = false;
        self.change(corp_id, |company, now| {
            let Some(old) = company.departments.get(&id).cloned() else {
                return Vec::new();
            };
            removed = company.remove_department(id);
            let corp = &*company.corp_id;
            let news = || contacts::of_department("org_dept_remove", corp, &old, now);
            removed.then(news).into_iter().collect()
        });
        removed
    }

    /// Changes an organization and tells whoever wants to know; false if there is no such organization.
    fn change(&self, corp_id: &str, change: impl FnOnce(&mut Company, u64) -> Vec<News>) -> bool {
        let now = self.shared.clock.now();
        {
            let platform = &mut *self.platform();
            let Some(company) = platform.companies.get_mut(corp_id) else {
                return false;
            };
            for news in change(company, now) {
                platform.tell_subscribers(corp_id, &news, now);
            }
        }
        self.tell();
        true
    }
}

impl Platform {
    pub(crate) fn add_company(&mut self, corp_id: &str, name: &str) -> bool {
        if self.companies.contains_key(corp_id) {
            return false;
        }
        let company = Company::new(corp_id, name, &self.rng.token());
        self.companies.insert(Arc::clone(&company.corp_id), company);
        true
    }

    fn remove_company(&mut self, corp_id: &str) {
        self.companies.remove(corp_id);
        for app in self.apps.values_mut() {
            app.leave(corp_id);
        }
        let clients: Vec<Arc<str>> = self.apps.keys().cloned().collect();
        for client in clients {
            self.tokens.drop_app_in(&client, corp_id);
            self.codes.drop_app_in(&client, corp_id);
        }
    }
}
