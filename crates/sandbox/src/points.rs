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
    application("qyapi_base", "the calls every internal app may make"),
    application("isvapi_base", "the calls every third-party app may make"),
    application("open_app_api_base", "the calls every app may make"),
    application("qyapi_get_member", "read one person of the organization"),
    application("qyapi_get_member_by_mobile", "find a person by phone number"),
    application("qyapi_get_department_member", "list the people of a department"),
    application("qyapi_get_department_list", "read departments"),
    application("qyapi_addresslist_search", "search the address book"),
    application("qyapi_manage_addresslist", "change the address book"),
    field("fieldMobile", Subject::Application, "phone numbers of the organization's people"),
    field("fieldEmail", Subject::Application, "e-mail addresses and other personal details"),
    Point {
        code: "Contact.User.Read",
        form: Form::Rpc,
        subject: Subject::Delegated,
        name: "read your profile",
    },
    field("Contact.User.mobile", Subject::Delegated, "your phone number"),
    Point {
        code: "Todo.Todo.Write",
        form: Form::Rpc,
        subject: Subject::Both,
        name: "create and change to-dos",
    },
    Point { code: "Todo.Todo.Read", form: Form::Rpc, subject: Subject::Both, name: "read to-dos" },
    Point {
        code: "Todo.PersonalTodo.Write",
        form: Form::Rpc,
        subject: Subject::Delegated,
        name: "create personal to-dos in your name",
    },
];

const fn application(code: &'static str, name: &'static str) -> Point {
    Point { code, form: Form::Rpc, subject: Subject::Application, name }
}

const fn field(code: &'static str, subject: Subject, name: &'static str) -> Point {
    Point { code, form: Form::Field, subject, name }
}
