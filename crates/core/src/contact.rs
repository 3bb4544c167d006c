//! People and departments.

mod get_contact_user;
mod get_department;
mod get_user;
mod get_user_by_code;
mod get_user_by_mobile;
mod get_user_by_union_id;
mod language;
mod list_parent_departments;
mod list_sub_department_ids;
mod list_sub_departments;
mod list_user_ids;
mod list_user_names;
mod list_users;
mod paging;
mod search_departments;
mod search_users;

pub use get_contact_user::{ContactUser, GetContactUser};
pub use get_department::{Department, GetDepartment, UnionDepartment};
pub use get_user::{
    DeptLeader, DeptOrder, DeptPosition, GetUser, Role, UnionEmployee, UnionEmployment, UserDetails,
};
pub use get_user_by_code::{GetUserByCode, UserByCode};
pub use get_user_by_mobile::{GetUserByMobile, UserByMobile};
pub use get_user_by_union_id::{GetUserByUnionId, UserByUnionId};
pub use language::Language;
pub use list_parent_departments::{ListParentDepartments, ParentDepartments, ParentPath};
pub use list_sub_department_ids::{ListSubDepartmentIds, SubDepartmentIds};
pub use list_sub_departments::{ListSubDepartments, SubDepartment, SubDepartments};
pub use list_user_ids::{ListUserIds, UserIds};
pub use list_user_names::{ListUserNames, UserName, UserNamePage};
pub use list_users::{ListUsers, ListedUser, UserOrder, UserPage};
pub use search_departments::{FoundDepartments, SearchDepartments};
pub use search_users::{FoundUsers, SearchUsers};
