//! The organization: departments, people and roles, with look-ups that do not grow with it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::hosts::Region;

/// The root department's id (wire-facts §6.5).
pub(crate) const ROOT: i64 = 1;

/// A person of the organization, or somebody outside whom it knows.
///
/// ```
/// use dingtalk_sandbox::{Person, Sandbox};
///
/// let person = Person::new("u-li", "李雷").mobile("13800000001").department(1);
/// let sandbox = Sandbox::builder().person(person).in_process();
/// # let _ = sandbox;
/// ```
#[derive(Clone, Debug)]
pub struct Person {
    pub(crate) user_id: Arc<str>,
    pub(crate) union_id: Arc<str>,
    pub(crate) name: String,
    pub(crate) name_en: String,
    pub(crate) mobile: String,
    pub(crate) email: String,
    pub(crate) login_email: String,
    pub(crate) org_email: String,
    pub(crate) avatar: String,
    pub(crate) title: String,
    pub(crate) job_number: String,
    pub(crate) telephone: String,
    pub(crate) work_place: String,
    pub(crate) remark: String,
    pub(crate) extension: String,
    pub(crate) hired_ms: Option<i64>,
    pub(crate) manager: String,
    pub(crate) memberships: Vec<Membership>,
    pub(crate) roles: Vec<Role>,
    pub(crate) flags: Flags,
    pub(crate) external: bool,
}

/// The yes-or-no facts about a person.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flags {
    pub(crate) active: bool,
    pub(crate) admin: bool,
    /// Not the main administrator.
    pub(crate) sub_admin: bool,
    pub(crate) boss: bool,
    pub(crate) senior: bool,
    pub(crate) hide_mobile: bool,
    pub(crate) real_authed: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Membership {
    pub(crate) department: i64,
    /// 18 digits as on the platform, beyond what a double holds (wire-facts §6.1).
    pub(crate) order: i64,
    pub(crate) leader: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Role {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) group: String,
}

/// A department. The root has id 1 and is there from the beginning.
#[derive(Clone, Debug)]
pub struct Department {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) name_en: String,
    pub(crate) parent: i64,
    pub(crate) managers: Vec<String>,
}

impl Department {
    /// A department below another one; the root is 1.
    #[must_use]
    pub fn new(id: i64, name: impl Into<String>, parent: i64) -> Self {
        Self { id, name: name.into(), name_en: String::new(), parent, managers: Vec::new() }
    }

    /// The name in answers to `language=en_US`.
    #[must_use]
    pub fn english_name(mut self, name: impl Into<String>) -> Self {
        self.name_en = name.into();
        self
    }

    /// Adds a manager by user id.
    #[must_use]
    pub fn manager(mut self, user_id: impl Into<String>) -> Self {
        self.managers.push(user_id.into());
        self
    }

    pub(crate) fn name_in(&self, english: bool) -> &str {
        if english && !self.name_en.is_empty() { &self.name_en } else { &self.name }
    }
}

impl Person {
    /// An active employee, in no department yet; the union id is derived from the user id.
    #[must_use]
    pub fn new(user_id: impl Into<String>, name: impl Into<String>) -> Self {
        let user_id = user_id.into();
        Self {
            union_id: Arc::from(account_id(&["union", &user_id])),
            user_id: Arc::from(user_id),
            name: name.into(),
            name_en: String::new(),
            mobile: String::new(),
            email: String::new(),
            login_email: String::new(),
            org_email: String::new(),
            avatar: String::new(),
            title: String::new(),
            job_number: String::new(),
            telephone: String::new(),
            work_place: String::new(),
            remark: String::new(),
            extension: String::new(),
            hired_ms: None,
            manager: String::new(),
            memberships: Vec::new(),
            roles: Vec::new(),
            flags: Flags {
                active: true,
                admin: false,
                sub_admin: false,
                boss: false,
                senior: false,
                hide_mobile: false,
                real_authed: true,
            },
            external: false,
        }
    }

    /// An external contact: known by union id, no employee (wire-facts §6.3).
    #[must_use]
    pub fn external(user_id: impl Into<String>, name: impl Into<String>) -> Self {
        Self { external: true, ..Self::new(user_id, name) }
    }

    /// Sets the union id.
    #[must_use]
    pub fn union_id(mut self, union_id: impl Into<String>) -> Self {
        self.union_id = Arc::from(union_id.into());
        self
    }

    /// The name in answers to `language=en_US`.
    #[must_use]
    pub fn english_name(mut self, name: impl Into<String>) -> Self {
        self.name_en = name.into();
        self
    }

    /// The phone number, without the country code 86.
    #[must_use]
    pub fn mobile(mut self, mobile: impl Into<String>) -> Self {
        self.mobile = mobile.into();
        self
    }

    /// The personal e-mail address.
    #[must_use]
    pub fn email(mut self, email: impl Into<String>) -> Self {
        self.email = email.into();
        self
    }

    /// The e-mail address that the person logs in with; only `users/me` shows it.
    #[must_use]
    pub fn login_email(mut self, email: impl Into<String>) -> Self {
        self.login_email = email.into();
        self
    }

    /// The e-mail address at the organization.
    #[must_use]
    pub fn org_email(mut self, email: impl Into<String>) -> Self {
        self.org_email = email.into();
        self
    }

    /// The picture's address.
    #[must_use]
    pub fn avatar(mut self, url: impl Into<String>) -> Self {
        self.avatar = url.into();
        self
    }

    /// The position.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// The staff number.
    #[must_use]
    pub fn job_number(mut self, number: impl Into<String>) -> Self {
        self.job_number = number.into();
        self
    }

    /// The extension line, the place of work and a remark.
    #[must_use]
    pub fn desk(
        mut self,
        telephone: impl Into<String>,
        work_place: impl Into<String>,
        remark: impl Into<String>,
    ) -> Self {
        self.telephone = telephone.into();
        self.work_place = work_place.into();
        self.remark = remark.into();
        self
    }

    /// The organization's own fields, as JSON text.
    #[must_use]
    pub fn extension(mut self, json: impl Into<String>) -> Self {
        self.extension = json.into();
        self
    }

    /// The first day of work, in milliseconds since 1970.
    #[must_use]
    pub fn hired(mut self, unix_ms: i64) -> Self {
        self.hired_ms = Some(unix_ms);
        self
    }

    /// The direct superior's user id.
    #[must_use]
    pub fn manager(mut self, user_id: impl Into<String>) -> Self {
        self.manager = user_id.into();
        self
    }

    /// Adds a department.
    #[must_use]
    pub fn department(self, id: i64) -> Self {
        self.membership(id, false)
    }

    /// Adds a department that the person leads.
    #[must_use]
    pub fn leads(self, id: i64) -> Self {
        self.membership(id, true)
    }

    /// Adds a role.
    #[must_use]
    pub fn role(mut self, id: i64, group: impl Into<String>, name: impl Into<String>) -> Self {
        self.roles.push(Role { id, name: name.into(), group: group.into() });
        self
    }

    /// Makes the person the main administrator.
    #[must_use]
    pub fn admin(mut self) -> Self {
        self.flags.admin = true;
        self.flags.sub_admin = false;
        self
    }

    /// Makes the person an administrator beside the main one: who may grant what an app asks for, but no sensitive
    /// permission point (wire-facts §8.4).
    #[must_use]
    pub fn sub_admin(mut self) -> Self {
        self.flags.admin = true;
        self.flags.sub_admin = true;
        self
    }

    /// Makes the person the boss, and with it senior.
    #[must_use]
    pub fn boss(mut self) -> Self {
        self.flags.boss = true;
        self.flags.senior = true;
        self
    }

    /// The phone number is hidden from colleagues.
    #[must_use]
    pub fn hides_mobile(mut self) -> Self {
        self.flags.hide_mobile = true;
        self
    }

    /// The account was invited and never activated.
    #[must_use]
    pub fn inactive(mut self) -> Self {
        self.flags.active = false;
        self.flags.real_authed = false;
        self
    }

    /// The `openId` of this person in one app: another text in every app (wire-facts §5).
    pub(crate) fn open_id(&self, client: &str) -> String {
        account_id(&["open", client, &self.union_id])
    }

    pub(crate) fn name_in(&self, english: bool) -> &str {
        if english && !self.name_en.is_empty() { &self.name_en } else { &self.name }
    }

    /// 1 main admin, 2 sub-admin, 100 boss, 0 other (wire-facts §6.2).
    pub(crate) fn sys_level(&self) -> i64 {
        match (self.flags.admin, self.flags.sub_admin, self.flags.boss) {
            (true, false, _) => 1,
            (true, true, _) => 2,
            (false, _, true) => 100,
            (false, _, false) => 0,
        }
    }

    /// The orders in the departments, in their order.
    pub(crate) fn orders(&self) -> Vec<i64> {
        self.memberships.iter().map(|membership| membership.order).collect()
    }

    fn membership(mut self, department: i64, leader: bool) -> Self {
        self.memberships.push(Membership { department, order: 0, leader });
        self
    }
}

/// The organization with its indexes.
#[derive(Debug)]
pub(crate) struct Company {
    pub(crate) corp_id: Arc<str>,
    pub(crate) name: String,
    pub(crate) sso_secret: String,
    pub(crate) region: Region,
    pub(crate) departments: BTreeMap<i64, Department>,
    children: HashMap<i64, Vec<i64>>,
    /// A person who left keeps an empty seat, so that indexes stay valid.
    people: Vec<Option<Person>>,
    by_user: HashMap<Arc<str>, usize>,
    by_union: HashMap<Arc<str>, usize>,
    by_mobile: HashMap<String, usize>,
    /// Direct members, highest order first, as the contact list shows them.
    members: HashMap<i64, Vec<usize>>,
    next_order: i64,
}

impl Company {
    pub(crate) fn new(corp_id: &str, name: &str, sso_secret: &str) -> Self {
        let mut company = Self {
            corp_id: Arc::from(corp_id),
            name: name.to_owned(),
            sso_secret: sso_secret.to_owned(),
            region: Region::default(),
            departments: BTreeMap::new(),
            children: HashMap::new(),
            people: Vec::new(),
            by_user: HashMap::new(),
            by_union: HashMap::new(),
            by_mobile: HashMap::new(),
            members: HashMap::new(),
            next_order: 176_303_480_931_212_512,
        };
        company.add_department(Department::new(ROOT, name, 0));
        company
    }

    /// Adds a department, or changes the one with this id. A parent that is not there counts as the root.
    pub(crate) fn add_department(&mut self, mut department: Department) {
        if department.id == ROOT {
            department.parent = 0;
        } else if !self.departments.contains_key(&department.parent)
            || self.is_below(department.parent, department.id)
        {
            department.parent = ROOT;
        }
        if let Some(old) = self.departments.get(&department.id) {
            let siblings = self.children.entry(old.parent).or_default();
            siblings.retain(|&id| id != department.id);
        }
        self.children.entry(department.parent).or_default().push(department.id);
        self.departments.insert(department.id, department);
    }

    /// The order of the next person's first department.
    pub(crate) fn next_order(&self) -> i64 {
        self.next_order
    }

    /// Gives everybody the orders that they had elsewhere. They fall from person to person there too, so that nobody
    /// changes places.
    pub(crate) fn set_orders(&mut self, orders: &[Vec<i64>], next: Option<i64>) {
        for (person, orders) in self.people.iter_mut().flatten().zip(orders) {
            for (membership, order) in person.memberships.iter_mut().zip(orders) {
                membership.order = *order;
            }
        }
        self.next_order = next.unwrap_or(self.next_order);
    }

    /// Removes a department that has nobody and nothing below it; the root stays.
    pub(crate) fn remove_department(&mut self, id: i64) -> bool {
        if id == ROOT || self.member_count(id) > 0 || !self.children(id).is_empty() {
            return false;
        }
        let Some(old) = self.departments.remove(&id) else {
            return false;
        };
        if let Some(siblings) = self.children.get_mut(&old.parent) {
            siblings.retain(|&other| other != id);
        }
        true
    }

    /// Adds a person, or replaces the one with this user id. A department that is not there counts as the root; an
    /// employee in none belongs to the root.
    pub(crate) fn add_person(&mut self, mut person: Person) {
        self.remove_person(&person.user_id.clone());
        if person.memberships.is_empty() && !person.external {
            person.memberships.push(Membership { department: ROOT, order: 0, leader: false });
        }
        for membership in &mut person.memberships {
            if !self.departments.contains_key(&membership.department) {
                membership.department = ROOT;
            }
            membership.order = self.next_order;
            self.next_order -= 1;
        }
        let seat = self.people.len();
        self.by_user.insert(Arc::clone(&person.user_id), seat);
        self.by_union.insert(Arc::clone(&person.union_id), seat);
        if !person.mobile.is_empty() {
            self.by_mobile.insert(person.mobile.clone(), seat);
        }
        for membership in &person.memberships {
            // Orders only fall, so the end of the list is the right place.
            self.members.entry(membership.department).or_default().push(seat);
        }
        self.people.push(Some(person));
    }

    /// Removes a person: tokens and codes that speak for them find nobody any more.
    pub(crate) fn remove_person(&mut self, user_id: &str) -> bool {
        let Some(seat) = self.by_user.remove(user_id) else {
            return false;
        };
        if let Some(person) = self.people.get_mut(seat).and_then(Option::take) {
            // Somebody else may have taken over the number or the union id since.
            if self.by_union.get(&person.union_id) == Some(&seat) {
                self.by_union.remove(&person.union_id);
            }
            if self.by_mobile.get(&person.mobile) == Some(&seat) {
                self.by_mobile.remove(&person.mobile);
            }
            for membership in &person.memberships {
                if let Some(seats) = self.members.get_mut(&membership.department) {
                    seats.retain(|&other| other != seat);
                }
            }
        }
        true
    }

    /// Anybody with this user id, external contacts too.
    pub(crate) fn anybody(&self, user_id: &str) -> Option<&Person> {
        self.at(*self.by_user.get(user_id)?)
    }

    /// The employee with this user id.
    pub(crate) fn employee(&self, user_id: &str) -> Option<&Person> {
        self.anybody(user_id).filter(|person| !person.external)
    }

    pub(crate) fn by_union_id(&self, union_id: &str) -> Option<&Person> {
        self.at(*self.by_union.get(union_id)?)
    }

    pub(crate) fn by_mobile(&self, mobile: &str) -> Option<&Person> {
        self.at(*self.by_mobile.get(mobile)?)
    }

    /// The direct members of a department, in the contact list's order.
    pub(crate) fn members(&self, department: i64) -> impl Iterator<Item = &Person> {
        self.seats(department).iter().filter_map(|&seat| self.at(seat))
    }

    pub(crate) fn member_count(&self, department: i64) -> usize {
        self.seats(department).len()
    }

    pub(crate) fn children(&self, department: i64) -> &[i64] {
        self.children.get(&department).map_or(&[], Vec::as_slice)
    }

    /// The way from a department up to the root, itself first.
    pub(crate) fn path_up(&self, department: i64) -> Vec<i64> {
        let mut path = Vec::new();
        let mut at = department;
        while let Some(department) = self.departments.get(&at) {
            path.push(at);
            at = department.parent;
        }
        path
    }

    pub(crate) fn everybody(&self) -> impl Iterator<Item = &Person> {
        self.people.iter().flatten()
    }

    fn is_below(&self, department: i64, ancestor: i64) -> bool {
        self.path_up(department).contains(&ancestor)
    }

    fn seats(&self, department: i64) -> &[usize] {
        self.members.get(&department).map_or(&[], Vec::as_slice)
    }

    fn at(&self, seat: usize) -> Option<&Person> {
        self.people.get(seat)?.as_ref()
    }
}

/// A text in the form of the platform's account ids: letters and digits around `ii`, with `iEiE` at the end.
fn account_id(parts: &[&str]) -> String {
    const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let digest = parts
        .iter()
        .fold(Sha256::new(), |hash, part| hash.chain_update(part.as_bytes()).chain_update([0]));
    let mut text = String::with_capacity(27);
    for (at, byte) in digest.finalize().iter().take(21).enumerate() {
        if at == 7 {
            text.push_str("ii");
        }
        text.push(char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()]));
    }
    text.push_str("iEiE");
    text
}
