//! The permission points that the sandbox knows (wire-facts §6, §8.4, §9).

/// Whether a point opens an interface or one field of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Rpc,
    Field,
}

/// Whose consent a point needs: a person's (delegated) or the organization's (application).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    Application,
    Delegated,
    /// Exists on both sides: the to-do interfaces take an app token from an internal app and a user token from a
    /// third-party one (wire-facts §9.1).
    Both,
}

/// The part of the platform that a point belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Product {
    /// What every app has.
    Basics,
    Contacts,
    Person,
    Todo,
}

/// One row of the catalogue.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Point {
    pub(crate) code: &'static str,
    pub(crate) form: Form,
    pub(crate) subject: Subject,
    /// Granted only by an address-book administrator of the whole organization (wire-facts §8.4).
    pub(crate) sensitive: bool,
    /// The part of the platform that it belongs to.
    pub(crate) product: Product,
    /// In our own words.
    pub(crate) name: &'static str,
    /// The same in Chinese.
    pub(crate) chinese: &'static str,
}

impl Point {
    pub(crate) fn suits_application(&self) -> bool {
        matches!(self.subject, Subject::Application | Subject::Both)
    }

    pub(crate) fn suits_person(&self) -> bool {
        matches!(self.subject, Subject::Delegated | Subject::Both)
    }
}

/// Finds a point by its code.
pub(crate) fn find(code: &str) -> Option<&'static Point> {
    CATALOGUE.iter().find(|point| point.code == code)
}

/// Points that every app has without asking (wire-facts §2.2, §4.1, §6).
pub(crate) fn is_default(code: &str) -> bool {
    matches!(code, "qyapi_base" | "isvapi_base" | "open_app_api_base")
}

pub(crate) const CATALOGUE: [Point; 16] = [
    basic("qyapi_base", "the calls every internal app may make", "企业内部应用的基础接口"),
    basic("isvapi_base", "the calls every third-party app may make", "第三方应用的基础接口"),
    basic("open_app_api_base", "the calls every app may make", "所有应用的基础接口"),
    contacts("qyapi_get_member", "read one person of the organization", "读取成员信息"),
    contacts("qyapi_get_member_by_mobile", "find a person by phone number", "用手机号查找成员"),
    contacts("qyapi_get_department_member", "list the people of a department", "列出部门成员"),
    contacts("qyapi_get_department_list", "read departments", "读取部门信息"),
    contacts("qyapi_addresslist_search", "search the address book", "搜索通讯录"),
    Point {
        sensitive: true,
        ..contacts("qyapi_manage_addresslist", "change the address book", "修改通讯录")
    },
    Point {
        form: Form::Field,
        ..contacts("fieldMobile", "phone numbers of the organization's people", "成员的手机号")
    },
    Point {
        form: Form::Field,
        ..contacts(
            "fieldEmail",
            "e-mail addresses and other personal details",
            "成员的邮箱等个人信息",
        )
    },
    personal("Contact.User.Read", "read your profile", "读取你的个人信息"),
    Point {
        form: Form::Field,
        ..personal("Contact.User.mobile", "your phone number", "你的手机号")
    },
    todo("Todo.Todo.Write", Subject::Both, "create and change to-dos", "创建和修改待办"),
    todo("Todo.Todo.Read", Subject::Both, "read to-dos", "读取待办"),
    todo(
        "Todo.PersonalTodo.Write",
        Subject::Delegated,
        "create personal to-dos in your name",
        "以你的名义创建个人待办",
    ),
];

/// A plain interface point for the organization to grant.
const fn contacts(code: &'static str, name: &'static str, chinese: &'static str) -> Point {
    Point {
        code,
        form: Form::Rpc,
        subject: Subject::Application,
        sensitive: false,
        product: Product::Contacts,
        name,
        chinese,
    }
}

const fn basic(code: &'static str, name: &'static str, chinese: &'static str) -> Point {
    Point { product: Product::Basics, ..contacts(code, name, chinese) }
}

const fn personal(code: &'static str, name: &'static str, chinese: &'static str) -> Point {
    Point { product: Product::Person, subject: Subject::Delegated, ..contacts(code, name, chinese) }
}

const fn todo(
    code: &'static str,
    subject: Subject,
    name: &'static str,
    chinese: &'static str,
) -> Point {
    Point { product: Product::Todo, subject, ..contacts(code, name, chinese) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routes;

    #[test]
    fn every_point_that_an_operation_needs_is_in_the_catalogue() {
        for operation in routes::all() {
            let known = operation.point.is_none_or(|code| find(code).is_some());
            assert!(known, "{}: {:?}", operation.name, operation.point);
        }
    }

    #[test]
    fn codes_are_unique_and_every_point_is_named_twice() {
        for (at, point) in CATALOGUE.iter().enumerate() {
            assert!(CATALOGUE[..at].iter().all(|other| other.code != point.code), "{}", point.code);
            assert!(point.name.is_ascii() && !point.chinese.is_ascii(), "{}", point.code);
        }
    }
}
