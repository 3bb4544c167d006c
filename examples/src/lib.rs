//! Where the examples take place: the sandbox in this process, or the real platform when its
//! credentials are given in the environment.
//!
//! | variable | what for |
//! |---|---|
//! | `DINGTALK_CLIENT_ID`, `DINGTALK_CLIENT_SECRET`, `DINGTALK_CORP_ID` | the app, from the developer console; all three switch to the real platform |
//! | `DINGTALK_REGION` | `china` (default), `international`, or an origin of your own |
//! | `DINGTALK_USER_ID` | whose details to look up |
//! | `DINGTALK_SILENT_CODE` | codes of `dd.requestAuthCode`, one for each client, separated by commas |
//! | `DINGTALK_AUTH_CODE` | codes of openAuth or the OAuth page, likewise |
//! | `DINGTALK_AGENT_ID`, `DINGTALK_PAGE_URL` | for the page's `dd.config` |

use std::cell::RefCell;
use std::collections::VecDeque;
use std::env;
use std::fmt;

use dingtalk_blocking::core::auth::{
    AuthCode, AuthorizeUrl, OpenAuthRequest, OpenAuthResult, State, Subject,
};
use dingtalk_blocking::core::jsapi::DdConfig;
use dingtalk_blocking::core::{AgentId, App, CorpId, Error, Region, UserId};
use dingtalk_sandbox::{Consent, Sandbox};

/// The sandbox, or the real platform.
#[derive(Debug)]
pub struct Stage {
    sandbox: Option<Sandbox>,
    region: Region,
    client_id: String,
    client_secret: String,
    corp_id: CorpId,
    user_id: Option<UserId>,
    agent_id: Option<AgentId>,
    page_url: String,
    silent_codes: RefCell<VecDeque<String>>,
    auth_codes: RefCell<VecDeque<String>>,
}

/// Why a step is left out.
#[derive(Debug)]
pub struct Missing(String);

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Stage {
    /// The real platform if its three variables are set, else the sandbox.
    ///
    /// # Errors
    /// When only some of the three are set, a value cannot be read, or no socket is to be had.
    pub fn from_env() -> Result<Self, Box<dyn std::error::Error>> {
        let names = ["DINGTALK_CLIENT_ID", "DINGTALK_CLIENT_SECRET", "DINGTALK_CORP_ID"];
        let [id, secret, corp] = names.map(|name| env::var(name).ok().filter(|v| !v.is_empty()));
        match (id, secret, corp) {
            (Some(id), Some(secret), Some(corp)) => Self::real(id, secret, corp),
            (None, None, None) => Self::sandbox(),
            _ => Err(format!("set all of {}, or none for the sandbox", names.join(", ")).into()),
        }
    }

    /// A DingTalk in this process, with a demo company inside.
    ///
    /// # Errors
    /// When no socket is to be had.
    pub fn sandbox() -> Result<Self, Box<dyn std::error::Error>> {
        let sandbox = Sandbox::start()?;
        let demo = sandbox.demo();
        Ok(Self {
            region: Region::custom(&sandbox.origin())?,
            client_id: demo.client_id,
            client_secret: demo.client_secret,
            corp_id: demo.corp_id.into(),
            user_id: Some(demo.user_id.into()),
            agent_id: Some(demo.agent_id.into()),
            page_url: "https://app.example.com/index.html?from=workbench#/home".to_owned(),
            silent_codes: RefCell::default(),
            auth_codes: RefCell::default(),
            sandbox: Some(sandbox),
        })
    }

    fn real(id: String, secret: String, corp: String) -> Result<Self, Box<dyn std::error::Error>> {
        let region = match env::var("DINGTALK_REGION").as_deref() {
            Err(_) | Ok("" | "china") => Region::china(),
            Ok("international") => Region::international(),
            Ok(origin) => Region::custom(origin)?,
        };
        let codes = |name| {
            let list = env::var(name).unwrap_or_default();
            list.split(',').filter(|code| !code.is_empty()).map(str::to_owned).collect()
        };
        let agent_id = match env::var("DINGTALK_AGENT_ID") {
            Ok(id) => Some(AgentId::new(id.parse()?)),
            Err(_) => None,
        };
        Ok(Self {
            sandbox: None,
            region,
            client_id: id,
            client_secret: secret,
            corp_id: corp.into(),
            user_id: env::var("DINGTALK_USER_ID").ok().map(UserId::from),
            agent_id,
            page_url: env::var("DINGTALK_PAGE_URL")
                .unwrap_or_else(|_| "https://app.example.com/".to_owned()),
            silent_codes: RefCell::new(codes("DINGTALK_SILENT_CODE")),
            auth_codes: RefCell::new(codes("DINGTALK_AUTH_CODE")),
        })
    }

    /// A new handle on the app, with no token yet.
    pub fn app(&self) -> App {
        App::builder(self.client_id.as_str(), self.client_secret.as_str())
            .region(self.region.clone())
            .build()
    }

    /// Where this takes place, in words.
    pub fn place(&self) -> String {
        match &self.sandbox {
            Some(sandbox) => format!("the sandbox at {}", sandbox.origin()),
            None => format!("the real platform, {}", self.region.api()),
        }
    }

    /// Whose details to look up.
    ///
    /// # Errors
    /// When nobody was named.
    pub fn user_id(&self) -> Result<UserId, Missing> {
        self.user_id.clone().ok_or_else(|| Missing("set DINGTALK_USER_ID".to_owned()))
    }

    /// What `dd.requestAuthCode` gives the page inside DingTalk.
    ///
    /// # Errors
    /// When no unused code is there.
    pub fn silent_code(&self) -> Result<String, Missing> {
        match (&self.sandbox, &self.user_id) {
            (Some(sandbox), Some(user_id)) => {
                sandbox.silent_code(&self.client_id, user_id.as_str()).map_err(Missing)
            }
            _ => self.silent_codes.borrow_mut().pop_front().ok_or_else(|| {
                Missing("set DINGTALK_SILENT_CODE to a fresh code for each client".to_owned())
            }),
        }
    }

    /// What the person's consent in the openAuth component gives the page.
    ///
    /// # Errors
    /// When no unused code is there.
    pub fn consent(&self) -> Result<AuthCode, Missing> {
        let told = |error: &dyn fmt::Display| Missing(error.to_string());
        let request = OpenAuthRequest::delegated(self.client_id.as_str(), self.corp_id.as_str())
            .rpc_point("Contact.User.Read")
            .rpc_point("Todo.Todo.Write")
            .field_point("Contact.User.mobile");
        request.validate().map_err(|error| told(&error))?;
        let (Some(sandbox), Some(user_id)) = (&self.sandbox, &self.user_id) else {
            let code = self.auth_codes.borrow_mut().pop_front();
            return code.map(AuthCode::from).ok_or_else(|| self.how_to_get_a_code());
        };
        let person = Consent::delegated(&*self.client_id, self.corp_id.as_str(), user_id.as_str())
            .rpc_scope(request.rpc_scope().join(","))
            .field_scope(request.field_scope().join(","));
        let outcome = sandbox.consent(&person).map_err(|error| told(&error))?;
        match OpenAuthResult::parse(Subject::Delegated, &outcome.to_json()) {
            Ok(OpenAuthResult::Granted(code)) => Ok(code),
            other => Err(Missing(format!("the person did not consent: {other:?}"))),
        }
    }

    /// The page's URL, and the app's agent id there.
    ///
    /// # Errors
    /// When no agent id was named.
    pub fn page(&self) -> Result<(AgentId, &CorpId, &str), Missing> {
        let agent_id = self.agent_id.ok_or_else(|| Missing("set DINGTALK_AGENT_ID".to_owned()))?;
        Ok((agent_id, &self.corp_id, &self.page_url))
    }

    /// What DingTalk's client says of the page's `dd.config`; only the sandbox can be asked.
    ///
    /// # Errors
    /// With the client's own complaint.
    pub fn verify(&self, config: &DdConfig) -> Result<&'static str, String> {
        let Some(sandbox) = &self.sandbox else { return Ok("to be verified by the page") };
        let json = serde_json::to_value(config).map_err(|error| error.to_string())?;
        sandbox
            .verify_config(&json, &self.page_url)
            .map(|()| "accepted by the sandbox's client")
            .map_err(|error| error.to_string())
    }

    /// Makes every token that is out there worthless; true if the platform did it itself.
    pub fn kill_tokens(&self) -> bool {
        self.sandbox.as_ref().is_some_and(|sandbox| sandbox.revoke_all_tokens() > 0)
    }

    /// How often anything asked for a token so far; only the sandbox counts.
    pub fn token_requests(&self) -> Option<usize> {
        self.sandbox.as_ref().map(Sandbox::token_requests)
    }

    fn how_to_get_a_code(&self) -> Missing {
        let link = || -> Result<String, Error> {
            let state = State::from_entropy(random()?);
            let redirect = "http://127.0.0.1:8080/callback";
            Ok(AuthorizeUrl::new(&self.region, self.client_id.as_str(), redirect, &state)?.url())
        };
        match link() {
            Ok(link) => Missing(format!(
                "set DINGTALK_AUTH_CODE; a person gets one by opening {link} \
                 (register its redirect_uri in the developer console first)"
            )),
            Err(error) => Missing(error.to_string()),
        }
    }
}

/// 16 random bytes from the operating system.
///
/// # Errors
/// When it gives none.
pub fn random() -> Result<[u8; 16], Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| Error::invalid(error.to_string()))?;
    Ok(bytes)
}

/// Says that a secret is there without showing any of it.
pub fn hidden(text: &str) -> String {
    format!("held ({} characters, not shown)", text.chars().count())
}

/// Prints one step of a walk.
pub fn step(number: usize, what: &str, result: impl fmt::Display) {
    println!("  {number:>2}  {what:<22}  {result}");
}

/// The README's programs compile and, where they can, run.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct ReadMe;
