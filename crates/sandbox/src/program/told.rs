//! What the program says at its start, to people and to shells.

use std::path::Path;

use dingtalk_sandbox::{Demo, Fixture, Sandbox};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

/// Whom a program's first calls are about.
#[derive(Clone, Debug)]
pub(crate) struct Named {
    pub(crate) app: Option<String>,
    pub(crate) person: Option<String>,
    pub(crate) suite: Option<String>,
}

impl Named {
    pub(crate) fn demo(demo: &Demo) -> Self {
        let own = |id: &str| Some(id.to_owned());
        Self { app: own(&demo.client_id), person: own(&demo.user_id), suite: own(&demo.suite_key) }
    }

    /// Of a fixture the first of each.
    pub(crate) fn first_of(fixture: &Fixture) -> Self {
        let own = |id: Option<&str>| id.map(str::to_owned);
        Self {
            app: own(fixture.first_app()),
            person: own(fixture.first_person()),
            suite: own(fixture.first_suite()),
        }
    }
}

/// What a program needs for its first calls, as the sandbox has it now.
#[derive(Debug)]
pub(crate) struct Facts {
    app: Value,
    person: Value,
    suite: Value,
}

impl Facts {
    pub(crate) fn of(sandbox: &Sandbox, named: &Named) -> Self {
        let ask = |path: String| {
            let request = http::Request::get(format!("/_sandbox/v1/{path}")).body(Vec::new());
            let answer = request.map(|request| sandbox.control(request).into_body());
            serde_json::from_slice::<Value>(&answer.unwrap_or_default()).unwrap_or_default()
        };
        let id = |id: &str| utf8_percent_encode(id, NON_ALPHANUMERIC).to_string();
        let about = |whom: &Option<String>, from: &str, more: &str| {
            whom.as_ref().map(|it| ask(format!("{from}/{}{more}", id(it)))).unwrap_or_default()
        };
        Self {
            app: about(&named.app, "apps", "?reveal=1"),
            person: about(&named.person, "people", ""),
            suite: about(&named.suite, "suites", "?reveal=1"),
        }
    }

    pub(crate) fn app(&self, name: &str) -> String {
        shown(&self.app[name])
    }

    fn person(&self, name: &str) -> String {
        shown(&self.person[name])
    }

    fn suite(&self, name: &str) -> String {
        shown(&self.suite[name])
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// The name is the one that it is listed by; `ca_file` is there under HTTPS.
pub(crate) fn greeting(
    sandbox: &Sandbox,
    facts: &Facts,
    name: Option<&str>,
    ca_file: Option<&Path>,
) -> String {
    let origin = sandbox.origin();
    let (scheme, host) = origin.split_once("://").unwrap_or_default();
    let named = name.map(|name| format!(" {name:?}")).unwrap_or_default();
    let (trusted, trust) = match ca_file.map(Path::display) {
        Some(file) => (format!("trust          {file}\n"), format!("--cacert '{file}' ")),
        None => Default::default(),
    };
    let (client, secret) = (facts.app("clientId"), facts.app("clientSecret"));
    format!(
        "DingTalk sandbox{named} at {origin} — all API families and the login page (/oauth2/auth), until Ctrl-C\n\
         Rust SDK: set the api, oapi and login base URLs to {origin}\n\
         official Python SDK: Config(protocol='{scheme}', endpoint='{host}')\n\
         corp id        {}\n\
         client id      {client}\n\
         client secret  {secret}\n\
         agent id       {}\n\
         user id        {} (union id {}, mobile {})\n\
         redirect URI   {}\n\
         control API    {origin}/_sandbox/v1/ with Authorization: Bearer {}\n\
         {trusted}try: curl {trust}'{origin}/gettoken?appkey={client}&appsecret={secret}'\n\n",
        sandbox.demo().corp_id,
        facts.app("agentId"),
        facts.person("userId"),
        facts.person("unionId"),
        facts.person("mobile"),
        shown(&facts.app["redirectUris"][0]),
        sandbox.control_token(),
    )
}

/// Lines for a shell to take over, and a mark that the server is there.
pub(crate) fn environment(sandbox: &Sandbox, facts: &Facts, ca_file: Option<&Path>) -> String {
    let ca_file = ca_file.map(|file| ("CA_FILE", file.display().to_string()));
    let mut text = String::new();
    for (name, value) in [
        ("BASE_URL", sandbox.origin()),
        ("CLIENT_ID", facts.app("clientId")),
        ("CLIENT_SECRET", facts.app("clientSecret")),
        ("CORP_ID", sandbox.demo().corp_id),
        ("AGENT_ID", facts.app("agentId")),
        ("USER_ID", facts.person("userId")),
        ("UNION_ID", facts.person("unionId")),
        ("SUITE_KEY", facts.suite("suiteKey")),
        ("SUITE_SECRET", facts.suite("suiteSecret")),
        ("SUITE_TICKET", facts.suite("suiteTicket")),
        ("SANDBOX_TOKEN", sandbox.control_token().to_owned()),
    ]
    .into_iter()
    .chain(ca_file)
    {
        // Within single quotes a shell obeys nothing but their end.
        text.push_str(&format!("export DINGTALK_{name}='{}'\n", value.replace('\'', "'\\''")));
    }
    text.push_str("# ready\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_names_everything_that_scripts_rely_on_and_is_safe_to_evaluate() {
        let sandbox = Sandbox::builder()
            .app(dingtalk_sandbox::App::internal("a", "it's; $HOME"))
            .in_process();
        let named = Named { app: Some("a".to_owned()), ..Named::demo(&sandbox.demo()) };
        let facts = Facts::of(&sandbox, &named);
        let text = environment(&sandbox, &facts, None);
        assert!(text.contains("export DINGTALK_CLIENT_SECRET='it'\\''s; $HOME'\n"));
        assert!(text.ends_with("'\n# ready\n") && text.lines().count() == 12);
        let secure = environment(&sandbox, &facts, Some(Path::new("/tmp/it's.pem")));
        let last = "export DINGTALK_CA_FILE='/tmp/it'\\''s.pem'\n# ready\n";
        assert_eq!(secure, text.replace("# ready\n", last), "nothing else changes");
    }

    #[test]
    fn the_greeting_takes_about_ten_lines() {
        let sandbox = Sandbox::in_process();
        let demo = sandbox.demo();
        let facts = Facts::of(&sandbox, &Named::demo(&demo));
        let text = greeting(&sandbox, &facts, Some("shop"), None);
        assert!(text.starts_with("DingTalk sandbox \"shop\" at http://"), "{text}");
        let secure = greeting(&sandbox, &facts, None, Some(Path::new("/tmp/ca.pem")));
        assert!(secure.contains("--cacert '/tmp/ca.pem' ") && secure.lines().count() <= 13);
        assert!(text.lines().count() <= 12 && text.contains(&demo.client_secret));
        assert!(text.contains(&demo.mobile) && text.contains(sandbox.control_token()));
    }
}
