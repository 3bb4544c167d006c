//! What one cell is played on: a sandbox with a company full of canaries, and the clients.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use dingtalk_core::auth::ObtainToken;
use dingtalk_core::{
    ActsAs, App, Endpoint, Error, Limits, Nobody, Policy, Region, Reply, Request, Sso, Suite,
    Timestamp, User, from_fn,
};
use dingtalk_sandbox::{Builder, Consent, Person, Sandbox};
use dingtalk_tests::{Driver, now};
use tokio::runtime::Runtime;

use crate::aim::Aim;
use crate::rule::ATTEMPTS;

pub(crate) const APP: &str = "dingcanary";
pub(crate) const CLIENT_SECRET: &str = "hT7wQ9zKf2LmX4pVcanaryClientSecret";
pub(crate) const SUITE: &str = "suitecanary";
pub(crate) const SUITE_SECRET: &str = "jR3nB8yGd6SxW1aEcanarySuiteSecret";
pub(crate) const SUITE_TICKET: &str = "oP5vM0cUk9TqZ7iHcanarySuiteTicket";
pub(crate) const PROXY_PASSWORD: &str = "eF4rD2sAx8NbY6uJcanaryProxyPassword";
pub(crate) const MOBILE: &str = "13987654321";
pub(crate) const MAIL: &str = "wC1gK5tLq3canary@mail.example";
pub(crate) const USER: &str = "u-someone";

/// A call may take so long in all.
pub(crate) const TOTAL: Duration = Duration::from_secs(20);

/// Patient enough for a busy machine: what has to end by a time limit is given a short one of its
/// own.
pub(crate) fn policy() -> Policy {
    let mut policy = Policy::default();
    policy.limits = Limits::new(Duration::from_secs(10), Duration::from_secs(10), 128 << 10);
    policy.total = TOTAL;
    policy.attempts = ATTEMPTS;
    policy.backoff = Duration::from_millis(2);
    policy.backoff_max = Duration::from_millis(4);
    policy
}

pub(crate) fn company() -> Builder {
    let app = dingtalk_sandbox::App::internal(APP, CLIENT_SECRET).grant_everything();
    let suite = dingtalk_sandbox::App::third_party(SUITE, SUITE_SECRET)
        .suite_ticket(SUITE_TICKET)
        .opened_by(corp_id())
        .grant_everything();
    let person =
        Person::new(USER, "某人").mobile(MOBILE).email(MAIL).department(604_118_221).admin();
    Sandbox::builder().app(app).app(suite).person(person)
}

fn corp_id() -> String {
    static CORP: OnceLock<String> = OnceLock::new();
    CORP.get_or_init(|| Sandbox::builder().empty().in_process().demo().corp_id).clone()
}

/// Either client, for any credential.
pub(crate) enum Client<'r> {
    Blocking(dingtalk_blocking::Client<Nobody>),
    Async(dingtalk_async::Client<Nobody>, &'r Runtime),
}

impl<'r> Client<'r> {
    /// One that talks over the wire, as `aim` leads it.
    pub(crate) fn aiming(
        driver: Driver,
        aim: &Aim,
        clock: Option<fn(Timestamp) -> Timestamp>,
        runtime: &'r Runtime,
    ) -> Self {
        let nobody = Nobody::in_region(Region::china());
        let clock = clock.unwrap_or(|now| now);
        let time = move || clock(now());
        let aim = aim.clone();
        match driver {
            Driver::Blocking => {
                let transport = from_fn(move |request: Request| aim.send_blocking(request));
                let client = dingtalk_blocking::Client::builder(nobody)
                    .transport(transport)
                    .policy(policy())
                    .clock(time);
                Self::Blocking(client.build().unwrap())
            }
            _ => {
                let transport = from_fn(move |request: Request| aim.send_async(request));
                let client = dingtalk_async::Client::builder(nobody)
                    .transport(transport)
                    .policy(policy())
                    .clock(time);
                Self::Async(client.build().unwrap(), runtime)
            }
        }
    }

    /// One that puts its requests straight into the sandbox: what is prepared by it leaves no
    /// trace on the wire.
    pub(crate) fn direct(sandbox: &Sandbox) -> Self {
        let sandbox = sandbox.clone();
        let transport = from_fn(move |request: Request| -> Reply {
            Ok(sandbox.handle(request.into_http()).into())
        });
        let nobody = Nobody::in_region(Region::china());
        let client = dingtalk_blocking::Client::builder(nobody).transport(transport);
        Self::Blocking(client.policy(policy()).build().unwrap())
    }

    pub(crate) fn call<C, E>(&self, caller: &C, endpoint: E) -> Result<E::Output, Error>
    where
        C: ActsAs<E::Caller> + Clone,
        E: Endpoint,
        E::Output: Send,
    {
        match self {
            Self::Blocking(client) => client.on_behalf_of(caller).call(endpoint),
            Self::Async(client, runtime) => {
                runtime.block_on(client.on_behalf_of(caller).call(endpoint))
            }
        }
    }

    /// What it prints of itself.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Blocking(client) => format!("{client:?} {client:#?}"),
            Self::Async(client, _) => format!("{client:?} {client:#?}"),
        }
    }
}

/// Where operations are prepared.
pub(crate) struct Stage {
    pub(crate) sandbox: Sandbox,
    pub(crate) direct: Client<'static>,
    /// Whether credentials hold a token when they are handed out.
    pub(crate) warm: bool,
    origin: String,
}

impl Stage {
    pub(crate) fn new(sandbox: &Sandbox, origin: &str, warm: bool) -> Self {
        let direct = Client::direct(sandbox);
        Self { sandbox: sandbox.clone(), direct, warm, origin: origin.to_owned() }
    }

    /// The sandbox as a region that has learned nothing yet.
    pub(crate) fn region(&self) -> Region {
        Region::custom(&self.origin).unwrap()
    }

    pub(crate) fn corp_id(&self) -> String {
        self.sandbox.demo().corp_id
    }

    /// A number that no other call had.
    pub(crate) fn number() -> u64 {
        static LAST: AtomicU64 = AtomicU64::new(100_000_000);
        LAST.fetch_add(1, Ordering::Relaxed)
    }

    /// The app without a token.
    pub(crate) fn cold_app(&self) -> App {
        App::builder(APP, CLIENT_SECRET).region(self.region()).build()
    }

    pub(crate) fn app(&self) -> App {
        let app = self.cold_app();
        if self.warm {
            self.direct.call(&app, ObtainToken::new()).unwrap();
        }
        app
    }

    /// An admin backend without a token.
    pub(crate) fn cold_sso(&self) -> Sso {
        Sso::new(self.corp_id(), self.sandbox.demo().sso_secret, self.region())
    }

    pub(crate) fn sso(&self) -> Sso {
        let sso = self.cold_sso();
        if self.warm {
            self.direct.call(&sso, ObtainToken::new()).unwrap();
        }
        sso
    }

    pub(crate) fn suite(&self) -> Suite {
        ticketed(Suite::builder(SUITE, SUITE_SECRET).region(self.region()).build())
    }

    /// The code of a person who consented to everything that is called here.
    pub(crate) fn consent_code(&self) -> String {
        let consent = Consent::delegated(APP, self.corp_id(), USER)
            .rpc_scope("Contact.User.Read,Todo.PersonalTodo.Write")
            .field_scope("Contact.User.mobile");
        self.sandbox.consent(&consent).unwrap().auth_code().unwrap().to_owned()
    }

    /// A person's session, whether it holds a token or only the refresh token for one.
    pub(crate) fn person(&self) -> User {
        let person = self.cold_app().user_from_code(&*self.consent_code());
        self.direct.call(&person, ObtainToken::new()).unwrap();
        if !self.warm {
            person.forget_token();
        }
        person
    }
}

pub(crate) fn ticketed(suite: Suite) -> Suite {
    suite.take_ticket(SUITE_TICKET, 1);
    suite
}
