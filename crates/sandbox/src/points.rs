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

/// One row of the catalogue.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Point {
    pub(crate) code: &'static str,
    pub(crate) form: Form,
    pub(crate) subject: Subject,
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
    application("qyapi_base", "the calls every internal app may make", "企业内部应用的基础接口"),
    application("isvapi_base", "the calls every third-party app may make", "第三方应用的基础接口"),
    application("open_app_api_base", "the calls every app may make", "所有应用的基础接口"),
    application("qyapi_get_member", "read one person of the organization", "读取成员信息"),
    application("qyapi_get_member_by_mobile", "find a person by phone number", "用手机号查找成员"),
    application("qyapi_get_department_member", "list the people of a department", "列出部门成员"),
    application("qyapi_get_department_list", "read departments", "读取部门信息"),
    application("qyapi_addresslist_search", "search the address book", "搜索通讯录"),
    application("qyapi_manage_addresslist", "change the address book", "修改通讯录"),
    field(
        "fieldMobile",
        Subject::Application,
        "phone numbers of the organization's people",
        "成员的手机号",
    ),
    field(
        "fieldEmail",
        Subject::Application,
        "e-mail addresses and other personal details",
        "成员的邮箱等个人信息",
    ),
    Point {
        code: "Contact.User.Read",
        form: Form::Rpc,
        subject: Subject::Delegated,
        name: "read your profile",
        chinese: "读取你的个人信息",
    },
    field("Contact.User.mobile", Subject::Delegated, "your phone number", "你的手机号"),
    Point {
        code: "Todo.Todo.Write",
        form: Form::Rpc,
        subject: Subject::Both,
        name: "create and change to-dos",
        chinese: "创建和修改待办",
    },
    Point {
        code: "Todo.Todo.Read",
        form: Form::Rpc,
        subject: Subject::Both,
        name: "read to-dos",
        chinese: "读取待办",
    },
    Point {
        code: "Todo.PersonalTodo.Write",
        form: Form::Rpc,
        subject: Subject::Delegated,
        name: "create personal to-dos in your name",
        chinese: "以你的名义创建个人待办",
    },
];

const fn application(code: &'static str, name: &'static str, chinese: &'static str) -> Point {
    Point { code, form: Form::Rpc, subject: Subject::Application, name, chinese }
}

const fn field(
    code: &'static str,
    subject: Subject,
    name: &'static str,
    chinese: &'static str,
) -> Point {
    Point { code, form: Form::Field, subject, name, chinese }
}
