//! The demo company: invented, the same in every sandbox, and rich enough for the quick start.

use crate::apps::App;
use crate::company::{Company, Department, Person};
use crate::platform::Platform;

/// What a program needs in order to talk to the demo company.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Demo {
    /// The organization.
    pub corp_id: String,
    /// The internal app with every permission point granted: its client id, also called app key.
    pub client_id: String,
    /// The internal app's client secret, also called app secret.
    pub client_secret: String,
    /// The internal app's agent id, for `dd.config`.
    pub agent_id: i64,
    /// The internal app's unified id, as the console shows it.
    pub unified_app_id: String,
    /// A redirect URL registered for the internal app.
    pub redirect_uri: String,
    /// An administrator, with every field filled in.
    pub user_id: String,
    /// The administrator's union id.
    pub union_id: String,
    /// The administrator's phone number.
    pub mobile: String,
    /// The administrator's first department.
    pub dept_id: i64,
    /// An employee without any special right, picture or leader's seat.
    pub member_user_id: String,
    /// The employee's union id.
    pub member_union_id: String,
    /// Somebody who was invited and never activated the account.
    pub inactive_user_id: String,
    /// An external contact, known by union id only.
    pub external_union_id: String,
    /// A department at the bottom of the tree.
    pub leaf_dept_id: i64,
    /// The secret for the admin backend's sign-on.
    pub sso_secret: String,
    /// A second internal app, without any permission point beyond the default ones.
    pub plain_client_id: String,
    /// The second app's secret.
    pub plain_client_secret: String,
    /// A third-party app that the company has opened.
    pub suite_key: String,
    /// The third-party app's secret.
    pub suite_secret: String,
    /// The ticket that was pushed last to the third-party app.
    pub suite_ticket: String,
}

pub(crate) const CORP_ID: &str = "ding5ab0c5c0de5a4db0c5ca5e0f1a2b3c4d5e6f";
const CORP_NAME: &str = "青石样品科技";
const SSO_SECRET: &str = "demo-sso-secret-not-a-real-one";
const CLIENT_ID: &str = "dingdemo5ab0c5quick";
const CLIENT_SECRET: &str = "demo-client-secret-not-a-real-one-0123456789";
const PLAIN_ID: &str = "dingdemo5ab0c5plain";
const PLAIN_SECRET: &str = "demo-plain-secret-not-a-real-one-0123456789";
const SUITE_KEY: &str = "suitedemo5ab0c5vend";
const SUITE_SECRET: &str = "demo-suite-secret-not-a-real-one-0123456789";
const SUITE_TICKET: &str = "5ab0c5DemoSuiteTicket001";
const REDIRECT: &str = "http://localhost:8080/callback";
const AGENT_ID: i64 = 2_714_400_981;
const UNIFIED: &str = "5ab0c5de-c0de-4a5b-9c0d-5ab0c5de0001";
const MANAGER: &str = "manager01";
const MEMBER: &str = "u-su-mei";
const MOBILE: &str = "13900000001";
const PRODUCT: i64 = 604_118_220;
const ENGINEERING: i64 = 604_118_221;
const OPERATIONS: i64 = 604_118_222;
const BACKEND: i64 = 604_118_223;
const FRONTEND: i64 = 604_118_224;
const IDENTITY: i64 = 604_118_225;
const ON_CALL: i64 = 604_118_226;

/// What to print and to test with.
pub(crate) fn facts() -> Demo {
    let union_id = |person: &Person| person.union_id.to_string();
    let own = str::to_owned;
    Demo {
        corp_id: own(CORP_ID),
        client_id: own(CLIENT_ID),
        client_secret: own(CLIENT_SECRET),
        agent_id: AGENT_ID,
        unified_app_id: own(UNIFIED),
        redirect_uri: own(REDIRECT),
        user_id: own(MANAGER),
        union_id: union_id(&Person::new(MANAGER, "")),
        mobile: own(MOBILE),
        dept_id: ENGINEERING,
        member_user_id: own(MEMBER),
        member_union_id: union_id(&Person::new(MEMBER, "")),
        inactive_user_id: own("u-he-yu"),
        external_union_id: union_id(&Person::external("ext-83610", "")),
        leaf_dept_id: ON_CALL,
        sso_secret: own(SSO_SECRET),
        plain_client_id: own(PLAIN_ID),
        plain_client_secret: own(PLAIN_SECRET),
        suite_key: own(SUITE_KEY),
        suite_secret: own(SUITE_SECRET),
        suite_ticket: own(SUITE_TICKET),
    }
}

/// The organization with its root department and nobody in it.
pub(crate) fn empty_company() -> Company {
    Company::new(CORP_ID, CORP_NAME, SSO_SECRET)
}

/// Fills the platform.
pub(crate) fn furnish(platform: &mut Platform) {
    if let Some(company) = platform.home() {
        for department in departments() {
            company.add_department(department);
        }
        for person in people() {
            company.add_person(person);
        }
    }
    platform.add_app(
        App::internal(CLIENT_ID, CLIENT_SECRET)
            .name("工时登记 Timesheet")
            .agent_id(AGENT_ID)
            .redirect_uri(REDIRECT)
            .redirect_uri("https://app.example.com/callback")
            .grant_everything(),
    );
    platform.add_app(
        App::internal(PLAIN_ID, PLAIN_SECRET)
            .name("无权限应用 Plain")
            .agent_id(AGENT_ID + 1)
            .redirect_uri(REDIRECT),
    );
    platform.add_app(
        App::third_party(SUITE_KEY, SUITE_SECRET)
            .name("第三方应用 Vendor")
            .agent_id(AGENT_ID + 2)
            .redirect_uri(REDIRECT)
            .suite_ticket(SUITE_TICKET)
            .opened_by(CORP_ID)
            .grant_everything(),
    );
}

/// Four levels below the root: engineering, backend, identity, on-call.
pub(crate) fn departments() -> Vec<Department> {
    vec![
        Department::new(PRODUCT, "产品部", 1).english_name("Product").manager("u-lin-xia"),
        Department::new(ENGINEERING, "研发部", 1).english_name("Engineering").manager(MANAGER),
        Department::new(OPERATIONS, "运维部", 1).english_name("Operations").manager("u-zhao-lei"),
        Department::new(BACKEND, "后端组", ENGINEERING)
            .english_name("Backend")
            .manager("u-chen-yu"),
        Department::new(FRONTEND, "前端组", ENGINEERING).english_name("Frontend"),
        Department::new(IDENTITY, "身份平台", BACKEND).english_name("Identity Platform"),
        Department::new(ON_CALL, "值班小组", IDENTITY).english_name("On-call"),
    ]
}

fn people() -> Vec<Person> {
    let role = |person: Person, name: &str| match name {
        "developer" => person.role(3_110_472_201, "岗位", "开发"),
        _ => person.role(3_110_472_202, "岗位", "测试"),
    };
    vec![
        role(Person::new(MANAGER, "周棠"), "developer")
            .role(3_110_472_001, "默认", "主管理员")
            .english_name("Zhou Tang")
            .mobile(MOBILE)
            .email("zhou.tang@example.com")
            .login_email("zhou.tang@login.example.com")
            .org_email("zhou.tang@corp.example.com")
            .avatar("https://static-legacy.dingtalk.com/media/lQDemoAvatar0001_200_200.png")
            .title("研发总监")
            .job_number("H0001")
            .desk("8101", "三号楼", "先找我")
            .extension("{\"工位\":\"3-101\"}")
            .hired(1_425_168_000_000)
            .leads(ENGINEERING)
            .department(1)
            .admin(),
        Person::new("u-gu-shan", "顾山")
            .english_name("Gu Shan")
            .mobile("13900000002")
            .title("总经理")
            .job_number("H0002")
            .avatar("https://static-legacy.dingtalk.com/media/lQDemoAvatar0002_200_200.png")
            .hired(1_420_070_400_000)
            .leads(1)
            .hides_mobile()
            .boss(),
        role(Person::new("u-lin-xia", "林夏"), "tester")
            .english_name("Lin Xia")
            .mobile("13900000003")
            .email("lin.xia@example.com")
            .org_email("lin.xia@corp.example.com")
            .title("产品经理")
            .job_number("H0427")
            .desk("8118", "三号楼", "临时支援")
            .extension("{\"工位\":\"3-118\"}")
            .hired(1_646_064_000_000)
            .manager("u-gu-shan")
            .avatar("https://static-legacy.dingtalk.com/media/lQDemoAvatar0003_200_200.png")
            .leads(PRODUCT)
            .department(1),
        role(Person::new(MEMBER, "苏梅"), "tester")
            .english_name("Su Mei")
            .mobile("13900000004")
            .title("测试工程师")
            .job_number("H0512")
            .hired(1_677_600_000_000)
            .manager(MANAGER)
            .department(BACKEND),
        role(Person::new("u-chen-yu", "陈宇"), "developer")
            .english_name("Chen Yu")
            .mobile("13900000005")
            .email("chen.yu@example.com")
            .title("后端负责人")
            .job_number("H0103")
            .manager(MANAGER)
            .leads(BACKEND)
            .department(IDENTITY),
        role(Person::new("u-anna", "Anna Bergström"), "developer")
            .mobile("13900000006")
            .email("anna@example.com")
            .title("Senior Engineer")
            .job_number("H0230")
            .avatar("https://static-legacy.dingtalk.com/media/lQDemoAvatar0006_200_200.png")
            .manager("u-chen-yu")
            .department(IDENTITY),
        role(Person::new("u-oduya", "Femi Oduya"), "developer")
            .mobile("13900000007")
            .title("Engineer")
            .job_number("H0231")
            .manager("u-chen-yu")
            .department(IDENTITY)
            .department(ON_CALL),
        Person::new("u-zhao-lei", "赵磊")
            .english_name("Zhao Lei")
            .mobile("13900000008")
            .title("运维主管")
            .job_number("H0088")
            .manager("u-gu-shan")
            .leads(OPERATIONS),
        Person::new("u-qian", "钱多多")
            .mobile("13900000009")
            .job_number("H0091")
            .manager("u-zhao-lei")
            .department(OPERATIONS),
        Person::new("u-sun-li", "孙丽")
            .english_name("Sun Li")
            .mobile("13900000010")
            .job_number("H0302")
            .department(FRONTEND),
        Person::new("u-maria", "María Núñez")
            .mobile("13900000011")
            .job_number("H0303")
            .department(FRONTEND),
        Person::new("u-wu-han", "吴晗")
            .mobile("13900000012")
            .job_number("H0304")
            .department(PRODUCT),
        Person::new("u-he-yu", "何雨")
            .mobile("13900000013")
            .job_number("H0999")
            .department(PRODUCT)
            .inactive(),
        Person::external("ext-83610", "韩梅梅").mobile("13900000099"),
    ]
}
