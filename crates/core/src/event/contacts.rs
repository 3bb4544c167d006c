//! What an app is told of people, departments and roles (wire-facts §10.4, §10.6).

use std::collections::BTreeMap;
use std::str::FromStr;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::{DeptId, RoleId, UnionId, UserId, lenient};

/// A change of people.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(from = "UserWire")]
#[non_exhaustive]
pub struct UserChange {
    /// Whom it is about.
    pub user_ids: Vec<UserId>,
    /// The roles that were given or taken, where it is about roles; SyncHTTP tells those that the
    /// person has now, in [`UserRecord::roles`].
    pub role_ids: Vec<RoleId>,
    /// The person's record as it is now; only over SyncHTTP, and not of somebody who left.
    pub user: Option<Box<UserRecord>>,
}

/// A person's record in the old style of SyncHTTP.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct UserRecord {
    /// The person within the organization.
    #[serde(deserialize_with = "lenient::required")]
    pub userid: UserId,
    /// The person across the apps of one developer organization.
    #[serde(default, deserialize_with = "lenient::read")]
    pub unionid: Option<UnionId>,
    /// The name.
    #[serde(default, deserialize_with = "lenient::read")]
    pub name: Option<String>,
    /// Where the picture lies; none for the default picture.
    #[serde(default, deserialize_with = "lenient::read")]
    pub avatar: Option<String>,
    /// The position.
    #[serde(default, deserialize_with = "lenient::read")]
    pub position: Option<String>,
    /// The number that the organization gave the person.
    #[serde(default, rename = "jobnumber", deserialize_with = "lenient::read")]
    pub job_number: Option<String>,
    /// Whether the person has activated the account.
    #[serde(default, deserialize_with = "lenient::read")]
    pub active: Option<bool>,
    /// Whether the person is an administrator.
    #[serde(default, rename = "isadmin", deserialize_with = "lenient::read")]
    pub is_admin: Option<bool>,
    /// Whether the person is the organization's head.
    #[serde(default, rename = "isboss", deserialize_with = "lenient::read")]
    pub is_boss: Option<bool>,
    /// Whether the phone number is hidden from colleagues.
    #[serde(default, rename = "ishide", deserialize_with = "lenient::read")]
    pub is_hide: Option<bool>,
    /// Whether the person can be reached by seniors only.
    #[serde(default, rename = "issenior", deserialize_with = "lenient::read")]
    pub is_senior: Option<bool>,
    /// The departments that the person is in.
    #[serde(default, deserialize_with = "lenient::read")]
    pub department: Vec<DeptId>,
    /// The person's place in each of them.
    #[serde(default, rename = "orderindepts", deserialize_with = "pairs")]
    pub order_in_depts: BTreeMap<DeptId, i64>,
    /// Whether the person leads each of them.
    #[serde(default, rename = "isleaderindepts", deserialize_with = "pairs")]
    pub is_leader_in_depts: BTreeMap<DeptId, bool>,
    /// The person's roles.
    #[serde(default, deserialize_with = "lenient::read")]
    pub roles: Vec<RoleRecord>,
}

/// A change of departments.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(from = "DeptWire")]
#[non_exhaustive]
pub struct DeptChange {
    /// Which departments.
    pub dept_ids: Vec<DeptId>,
    /// The department as it is now; only over SyncHTTP, and not one that was removed.
    pub department: Option<DeptRecord>,
}

/// A department in the old style of SyncHTTP.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct DeptRecord {
    /// Its number.
    #[serde(deserialize_with = "lenient::required")]
    pub id: DeptId,
    /// Its name.
    #[serde(default, deserialize_with = "lenient::read")]
    pub name: Option<String>,
    /// The department above it.
    #[serde(default, rename = "parentid", deserialize_with = "lenient::read")]
    pub parent_id: Option<DeptId>,
    /// Whether it is hidden from others.
    #[serde(default, rename = "depthiding", deserialize_with = "lenient::read")]
    pub dept_hiding: Option<bool>,
    /// Whether it has a group chat of its own.
    #[serde(default, rename = "createdeptgroup", deserialize_with = "lenient::read")]
    pub create_dept_group: Option<bool>,
    /// Whether who joins it joins that chat.
    #[serde(default, rename = "autoadduser", deserialize_with = "lenient::read")]
    pub auto_add_user: Option<bool>,
    /// Who leads it.
    #[serde(default, rename = "deptmanageruseridlist", deserialize_with = "barred")]
    pub dept_manager_userid_list: Vec<UserId>,
}

/// A change of roles.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(from = "RoleWire")]
#[non_exhaustive]
pub struct RoleChange {
    /// Which roles.
    pub role_ids: Vec<RoleId>,
    /// The role as it is now; only over SyncHTTP, and not one that was removed.
    pub role: Option<RoleRecord>,
}

/// A role.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct RoleRecord {
    /// Its number.
    #[serde(deserialize_with = "lenient::required")]
    pub id: RoleId,
    /// Its name.
    #[serde(default, deserialize_with = "lenient::read")]
    pub name: Option<String>,
    /// The name of its group.
    #[serde(default, rename = "groupname", deserialize_with = "lenient::read")]
    pub group_name: Option<String>,
    /// Its kind, in the platform's numbers.
    #[serde(default, rename = "type", deserialize_with = "lenient::read")]
    pub kind: Option<i64>,
}

impl UserChange {
    /// A row says in its `biz_id` whom it is about, sometimes only there.
    pub(super) fn about(mut self, subject: Option<&str>) -> Self {
        if let (true, Some(subject)) = (self.user_ids.is_empty(), subject) {
            self.user_ids.push(subject.into());
        }
        self
    }
}

impl DeptChange {
    /// See [`UserChange::about`].
    pub(super) fn about(mut self, subject: Option<&str>) -> Self {
        if self.dept_ids.is_empty() {
            self.dept_ids.extend(number(subject).map(DeptId::new));
        }
        self
    }
}

impl RoleChange {
    /// See [`UserChange::about`].
    pub(super) fn about(mut self, subject: Option<&str>) -> Self {
        if self.role_ids.is_empty() {
            self.role_ids.extend(number(subject).map(RoleId::new));
        }
        self
    }
}

/// People by the names of all forms. A record is there where more than ids is.
#[derive(Deserialize)]
struct UserWire {
    #[serde(default, deserialize_with = "lenient::read")]
    userid: Vec<UserId>,
    #[serde(default, deserialize_with = "lenient::read")]
    useridlist: Vec<UserId>,
    #[serde(default, deserialize_with = "lenient::read")]
    labelidlist: Vec<RoleId>,
    #[serde(flatten)]
    rest: serde_json::Map<String, Value>,
}

impl From<UserWire> for UserChange {
    fn from(wire: UserWire) -> Self {
        let mut user_ids = wire.userid;
        user_ids.extend(wire.useridlist);
        let mut user = None;
        if let ([user_id], true) = (user_ids.as_slice(), wire.rest.contains_key("syncaction")) {
            let mut record = wire.rest;
            record.insert("userid".to_owned(), user_id.as_str().into());
            user = UserRecord::deserialize(Value::Object(record)).ok().map(Box::new);
        }
        Self { user_ids, role_ids: wire.labelidlist, user }
    }
}

#[derive(Deserialize)]
struct DeptWire {
    #[serde(default, deserialize_with = "lenient::read")]
    deptid: Vec<DeptId>,
    #[serde(flatten)]
    rest: serde_json::Map<String, Value>,
}

impl From<DeptWire> for DeptChange {
    fn from(wire: DeptWire) -> Self {
        let department = DeptRecord::deserialize(Value::Object(wire.rest)).ok();
        let mut dept_ids = wire.deptid;
        if dept_ids.is_empty() {
            dept_ids.extend(department.as_ref().map(|department| department.id));
        }
        Self { dept_ids, department }
    }
}

#[derive(Deserialize)]
struct RoleWire {
    #[serde(default, deserialize_with = "lenient::read")]
    labelidlist: Vec<RoleId>,
    #[serde(flatten)]
    rest: serde_json::Map<String, Value>,
}

impl From<RoleWire> for RoleChange {
    fn from(wire: RoleWire) -> Self {
        let role = RoleRecord::deserialize(Value::Object(wire.rest)).ok();
        let mut role_ids = wire.labelidlist;
        if role_ids.is_empty() {
            role_ids.extend(role.as_ref().map(|role| role.id));
        }
        Self { role_ids, role }
    }
}

fn number(text: Option<&str>) -> Option<i64> {
    text?.trim().parse().ok()
}

/// Reads `"{1:9,604118220:7}"`, which is a text and no JSON. What is no pair is left out.
fn pairs<'de, D, T>(deserializer: D) -> Result<BTreeMap<DeptId, T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr,
{
    let text = match Value::deserialize(deserializer)? {
        Value::String(text) => text,
        // As it should have been.
        Value::Object(fields) => Value::Object(fields).to_string(),
        _ => return Ok(BTreeMap::new()),
    };
    let bare = |part: &str| part.trim().trim_matches('"').trim().to_owned();
    let pair = |text: &str| {
        let (dept, value) = text.split_once(':')?;
        Some((DeptId::new(bare(dept).parse().ok()?), bare(value).parse().ok()?))
    };
    Ok(text.trim().trim_matches(['{', '}']).split(',').filter_map(pair).collect())
}

/// Reads `"manager01|u_lin01"`, or a list.
fn barred<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<UserId>, D::Error> {
    let parts: Vec<String> = lenient::read(deserializer)?;
    let ids = parts.iter().flat_map(|part| part.split('|'));
    Ok(ids.filter(|id| !id.is_empty()).map(UserId::from).collect())
}
