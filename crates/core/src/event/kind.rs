//! The events by name.

use serde::de::DeserializeOwned;

use super::contacts::{DeptChange, RoleChange, UserChange};
use super::fold::Fields;
use super::suite::{AuthCorpInfo, MicroApp, SuiteAuth, SuiteTicket, SuiteUrlCheck};

/// What happened. The names are those of SyncHTTP and Stream; where HTTP push has another one it
/// is said.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum EventKind {
    /// `check_url`: the platform asks whether the callback's URL is ours. Acknowledging is enough.
    CheckUrl,
    /// `check_create_suite_url`: the same, when a third-party app is created.
    CheckCreateSuiteUrl(SuiteUrlCheck),
    /// `check_update_suite_url`: the same, when a third-party app's callback is changed.
    CheckUpdateSuiteUrl(SuiteUrlCheck),
    /// `suite_ticket`: the ticket that every token of a third-party app needs. Give it to
    /// [`TakeSuiteTicket`](crate::auth::TakeSuiteTicket::from_event).
    SuiteTicket(SuiteTicket),
    /// `org_suite_auth`, over HTTP push `tmp_auth_code`: an organization authorized the app.
    OrgSuiteAuth(Box<SuiteAuth>),
    /// `org_suite_change`, over HTTP push `change_auth`: an organization changed what it
    /// authorized. Treat it like an authorization.
    OrgSuiteChange(Box<SuiteAuth>),
    /// `org_suite_relieve`, over HTTP push `suite_relieve`: an organization took the authorization
    /// back. Its calls fail from now on.
    OrgSuiteRelieve,
    /// `org_micro_app_stop`: an organization stopped the app.
    OrgMicroAppStop(MicroApp),
    /// `org_micro_app_restore`: an organization started it again.
    OrgMicroAppRestore(MicroApp),
    /// `org_micro_app_remove`: an organization removed it.
    OrgMicroAppRemove(MicroApp),
    /// `org_micro_app_scope_update`: an organization changed who may see it.
    OrgMicroAppScopeUpdate(MicroApp),
    /// `user_add_org`: people joined.
    UserAddOrg(UserChange),
    /// `user_modify_org`: people's records were changed.
    UserModifyOrg(UserChange),
    /// `user_leave_org`: people left.
    UserLeaveOrg(UserChange),
    /// `user_active_org`: people activated their accounts.
    UserActiveOrg(UserChange),
    /// `user_dept_change`: people changed departments.
    UserDeptChange(UserChange),
    /// `user_role_change`, over HTTP push `label_user_change`: people's roles were changed.
    UserRoleChange(UserChange),
    /// `org_admin_add`: people became administrators.
    OrgAdminAdd(UserChange),
    /// `org_admin_remove`: people are administrators no longer.
    OrgAdminRemove(UserChange),
    /// `org_dept_create`: departments were created.
    OrgDeptCreate(DeptChange),
    /// `org_dept_modify`: departments were changed.
    OrgDeptModify(DeptChange),
    /// `org_dept_remove`: departments were removed.
    OrgDeptRemove(DeptChange),
    /// `org_role_add`, over HTTP push `label_conf_add`: roles were created.
    OrgRoleAdd(RoleChange),
    /// `org_role_modify`, over HTTP push `label_conf_modify`: roles were changed.
    OrgRoleModify(RoleChange),
    /// `org_role_remove`, over HTTP push `label_conf_del`: roles were removed.
    OrgRoleRemove(RoleChange),
    /// `org_update`, over HTTP push `org_change`: the organization itself was changed. HTTP push
    /// says no more than that.
    OrgUpdate(Box<AuthCorpInfo>),
    /// `org_remove`: the organization is gone.
    OrgRemove,
    /// `market_order`: somebody bought the app. No page at hand prints its fields:
    /// [`Event::read`](super::Event::read) them.
    MarketOrder,
    /// An event without a name here: see [`Event::name`](super::Event::name) and
    /// [`Event::data`](super::Event::data).
    Other,
    /// An event with a name here whose fields are not the documented ones, or a row without a
    /// name: see [`Event::data`](super::Event::data).
    Unreadable,
}

impl EventKind {
    /// Reads an event by either of its names. `subject` is what a row of SyncHTTP is about.
    pub(super) fn read(name: &str, fields: Fields, subject: Option<&str>) -> Self {
        let user = |wrap: fn(UserChange) -> Self, fields: Fields| {
            read(fields, |change: UserChange| wrap(change.about(subject)))
        };
        let dept = |wrap: fn(DeptChange) -> Self, fields: Fields| {
            read(fields, |change: DeptChange| wrap(change.about(subject)))
        };
        let role = |wrap: fn(RoleChange) -> Self, fields: Fields| {
            read(fields, |change: RoleChange| wrap(change.about(subject)))
        };
        match name {
            "check_url" => Self::CheckUrl,
            "check_create_suite_url" => read(fields, Self::CheckCreateSuiteUrl),
            "check_update_suite_url" => read(fields, Self::CheckUpdateSuiteUrl),
            "suite_ticket" => read(fields, Self::SuiteTicket),
            "org_suite_auth" | "tmp_auth_code" => boxed(fields, Self::OrgSuiteAuth),
            "org_suite_change" | "change_auth" => boxed(fields, Self::OrgSuiteChange),
            "org_suite_relieve" | "suite_relieve" => Self::OrgSuiteRelieve,
            "org_micro_app_stop" => read(fields, Self::OrgMicroAppStop),
            "org_micro_app_restore" => read(fields, Self::OrgMicroAppRestore),
            "org_micro_app_remove" => read(fields, Self::OrgMicroAppRemove),
            "org_micro_app_scope_update" => read(fields, Self::OrgMicroAppScopeUpdate),
            "user_add_org" => user(Self::UserAddOrg, fields),
            "user_modify_org" => user(Self::UserModifyOrg, fields),
            "user_leave_org" => user(Self::UserLeaveOrg, fields),
            "user_active_org" => user(Self::UserActiveOrg, fields),
            "user_dept_change" => user(Self::UserDeptChange, fields),
            "user_role_change" | "label_user_change" => user(Self::UserRoleChange, fields),
            "org_admin_add" => user(Self::OrgAdminAdd, fields),
            "org_admin_remove" => user(Self::OrgAdminRemove, fields),
            "org_dept_create" => dept(Self::OrgDeptCreate, fields),
            "org_dept_modify" => dept(Self::OrgDeptModify, fields),
            "org_dept_remove" => dept(Self::OrgDeptRemove, fields),
            "org_role_add" | "label_conf_add" => role(Self::OrgRoleAdd, fields),
            "org_role_modify" | "label_conf_modify" => role(Self::OrgRoleModify, fields),
            "org_role_remove" | "label_conf_del" => role(Self::OrgRoleRemove, fields),
            "org_update" | "org_change" => boxed(fields, Self::OrgUpdate),
            "org_remove" => Self::OrgRemove,
            "market_order" => Self::MarketOrder,
            _ => Self::Other,
        }
    }

    /// What an event is whose data is no object: unknown, if its name is.
    pub(super) fn unreadable(name: &str) -> Self {
        match Self::read(name, Fields::of(serde_json::Value::Null), None) {
            Self::Other => Self::Other,
            _ => Self::Unreadable,
        }
    }

    /// Whether the platform only asks whether the callback's URL answers.
    pub fn is_check(&self) -> bool {
        matches!(self, Self::CheckUrl | Self::CheckCreateSuiteUrl(_) | Self::CheckUpdateSuiteUrl(_))
    }
}

fn read<T: DeserializeOwned>(fields: Fields, wrap: impl FnOnce(T) -> EventKind) -> EventKind {
    fields.into().map_or(EventKind::Unreadable, wrap)
}

fn boxed<T: DeserializeOwned>(fields: Fields, wrap: fn(Box<T>) -> EventKind) -> EventKind {
    read(fields, |value: T| wrap(Box::new(value)))
}
