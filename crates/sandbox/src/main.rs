//! The sandbox as a program: a DingTalk on this machine, until Ctrl-C.

mod findings;
mod options;

use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Write, stderr, stdout};
use std::path::Path;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use dingtalk_sandbox::{Entry, Fixture, Sandbox};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use options::{Options, Stop};

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1).peekable();
    if args.next_if(|arg| arg == "findings").is_some() {
        return findings::main(args);
    }
    let options = match Options::read(args) {
        Ok(options) => options,
        Err(Stop::Said(text)) => {
            print(&mut stdout(), &text);
            return ExitCode::SUCCESS;
        }
        Err(Stop::Wrong(text)) => {
            print(&mut stderr(), &format!("dingtalk-sandbox: {text}\nTry --help.\n"));
            return ExitCode::from(2);
        }
    };
    match run(&options) {
        Ok(status) => status,
        Err(text) => {
            print(&mut stderr(), &format!("dingtalk-sandbox: {text}\n"));
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<ExitCode, String> {
    let (sandbox, facts) = set_up(options)?;
    if let Some(path) = &options.token_file {
        write_token(path, sandbox.control_token())
            .map_err(|error| format!("--control-token-file {}: {error}", path.display()))?;
    }
    // Whoever reads the last line below may end us at once, and the state is to be saved then too.
    let deaf = |error: io::Error| format!("cannot wait for Ctrl-C: {error}");
    let end = End::listen().map_err(deaf)?;
    let told =
        if options.print_env { environment(&sandbox, &facts) } else { greeting(&sandbox, &facts) };
    print(&mut stdout(), &told);
    end.wait().map_err(deaf)?;
    if let Some(path) = &options.token_file {
        // It opens nothing any more; whoever removed it before us was right.
        let _ = std::fs::remove_file(path);
    }
    if let Some(path) = &options.state {
        sandbox
            .save(path)
            .map_err(|error| format!("--state {}: not saved: {error}", path.display()))?;
    }
    if !options.print_env {
        print(&mut stdout(), &format!("\nstopped after {} requests\n", sandbox.journal().total()));
    }
    let Some(level) = options.fail_on else {
        return Ok(ExitCode::SUCCESS);
    };
    let found = sandbox.findings();
    // What is printed for a shell to take over is not the place for a report.
    print(&mut stderr(), &findings::as_text(&found));
    Ok(findings::status(&found, Some(level)))
}

/// Starts the server with everything in it, or says what keeps it from that.
fn set_up(options: &Options) -> Result<(Sandbox, Facts), String> {
    let mut builder = Sandbox::builder().port(options.port).population(options.people);
    if let Some(seed) = options.seed {
        builder = builder.seed(seed);
    }
    if options.frozen {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        builder = builder.frozen_at(u64::try_from(now.as_millis()).unwrap_or(0));
    }
    if let Some(times) = options.speed {
        builder = builder.speed(times);
    }
    if !options.quiet && !options.print_env {
        builder = builder.on_request(|entry| print(&mut stdout(), &line(entry)));
    }
    let fixture = options.data.as_ref().map(Fixture::read).transpose();
    let fixture = fixture.map_err(|error| error.to_string())?;
    let own = fixture.as_ref().filter(|fixture| !fixture.keeps_demo());
    let named = own.map(|fixture| {
        let own = |id: Option<&str>| id.map(str::to_owned);
        (own(fixture.first_app()), own(fixture.first_person()))
    });
    if let Some(fixture) = fixture {
        builder = builder.fixture(fixture);
    }
    // Read before the port is taken, so that a caller never meets the wrong company.
    let state = options.state.as_deref().map(read_state).transpose()?.flatten();
    let sandbox = builder.start().map_err(|error| match error.kind() {
        ErrorKind::AddrInUse => format!(
            "port {} is taken; choose another one with --port N (0: any free one)",
            options.port
        ),
        _ => format!("cannot start: {error}"),
    })?;
    if let (Some(text), Some(path)) = (state, &options.state) {
        sandbox.load(&text).map_err(|error| format!("--state {}: {error}", path.display()))?;
    }
    let demo = sandbox.demo();
    let (client, person) = named.unwrap_or((Some(demo.client_id), Some(demo.user_id)));
    let facts = Facts::of(&sandbox, client.as_deref(), person.as_deref());
    Ok((sandbox, facts))
}

/// A state that is not there yet is none.
fn read_state(path: &Path) -> Result<Option<String>, String> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("--state {}: {error}", path.display())),
    }
}

fn write_token(path: &Path, token: &str) -> io::Result<()> {
    // A file that is there may be open to others; a new one is its owner's alone.
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(token.as_bytes())
}

/// What a program needs for its first call: the demo's, or of a fixture the first app and person.
#[derive(Debug)]
struct Facts {
    app: Value,
    person: Value,
}

impl Facts {
    fn of(sandbox: &Sandbox, client: Option<&str>, person: Option<&str>) -> Self {
        let ask = |path: String| {
            let request = http::Request::get(format!("/_sandbox/v1/{path}")).body(Vec::new());
            let answer = request.map(|request| sandbox.control(request).into_body());
            serde_json::from_slice::<Value>(&answer.unwrap_or_default()).unwrap_or_default()
        };
        let id = |id: &str| utf8_percent_encode(id, NON_ALPHANUMERIC).to_string();
        Self {
            app: client.map(|it| ask(format!("apps/{}?reveal=1", id(it)))).unwrap_or_default(),
            person: person.map(|it| ask(format!("people/{}", id(it)))).unwrap_or_default(),
        }
    }

    fn app(&self, name: &str) -> String {
        shown(&self.app[name])
    }

    fn person(&self, name: &str) -> String {
        shown(&self.person[name])
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn greeting(sandbox: &Sandbox, facts: &Facts) -> String {
    let origin = sandbox.origin();
    let host = origin.trim_start_matches("http://");
    let (client, secret) = (facts.app("clientId"), facts.app("clientSecret"));
    format!(
        "DingTalk sandbox at {origin} — all API families and the login page (/oauth2/auth), until Ctrl-C\n\
         Rust SDK: set the api, oapi and login base URLs to {origin}\n\
         official Python SDK: Config(protocol='http', endpoint='{host}')\n\
         corp id        {}\n\
         client id      {client}\n\
         client secret  {secret}\n\
         agent id       {}\n\
         user id        {} (union id {}, mobile {})\n\
         redirect URI   {}\n\
         control API    {origin}/_sandbox/v1/ with Authorization: Bearer {}\n\
         try: curl '{origin}/gettoken?appkey={client}&appsecret={secret}'\n\n",
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
fn environment(sandbox: &Sandbox, facts: &Facts) -> String {
    let demo = sandbox.demo();
    let mut text = String::new();
    for (name, value) in [
        ("BASE_URL", sandbox.origin()),
        ("CLIENT_ID", facts.app("clientId")),
        ("CLIENT_SECRET", facts.app("clientSecret")),
        ("CORP_ID", demo.corp_id),
        ("AGENT_ID", facts.app("agentId")),
        ("USER_ID", facts.person("userId")),
        ("UNION_ID", facts.person("unionId")),
        ("SUITE_KEY", demo.suite_key),
        ("SUITE_SECRET", demo.suite_secret),
        ("SUITE_TICKET", demo.suite_ticket),
        ("SANDBOX_TOKEN", sandbox.control_token().to_owned()),
    ] {
        // Within single quotes a shell obeys nothing but their end.
        text.push_str(&format!("export DINGTALK_{name}='{}'\n", value.replace('\'', "'\\''")));
    }
    text.push_str("# ready\n");
    text
}

/// One request; of its token only the fingerprint.
fn line(entry: &Entry) -> String {
    let mut line =
        format!("{:>5}  {:<6} {} → {}", entry.seq, entry.method, entry.path, entry.status);
    for (name, value) in [
        ("", &entry.code),
        ("app ", &entry.app),
        ("token #", &entry.token),
        ("code #", &entry.one_time_code),
    ] {
        if let Some(value) = value {
            line.push_str("  ");
            line.push_str(name);
            line.push_str(value);
        }
    }
    line.push('\n');
    // A path may hold anything; a terminal must not obey it.
    line.chars().filter(|char| !char.is_control() || *char == '\n').collect()
}

/// Ctrl-C, or the signal by which a service is ended; listened to from the moment this is made.
struct End {
    runtime: tokio::runtime::Runtime,
    #[cfg(unix)]
    signals: [tokio::signal::unix::Signal; 2],
}

impl End {
    fn listen() -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        #[cfg(unix)]
        let signals = {
            use tokio::signal::unix::{SignalKind, signal};
            let _inside = runtime.enter();
            [signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?]
        };
        Ok(Self {
            runtime,
            #[cfg(unix)]
            signals,
        })
    }

    #[cfg(unix)]
    fn wait(self) -> io::Result<()> {
        let [mut pressed, mut ended] = self.signals;
        self.runtime.block_on(async {
            tokio::select! {
                _ = pressed.recv() => {}
                _ = ended.recv() => {}
            }
        });
        Ok(())
    }

    #[cfg(not(unix))]
    fn wait(self) -> io::Result<()> {
        self.runtime.block_on(tokio::signal::ctrl_c())
    }
}

/// A closed pipe behind us is no reason to fall over.
fn print(out: &mut impl Write, text: &str) {
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_names_everything_that_scripts_rely_on_and_is_safe_to_evaluate() {
        let sandbox = Sandbox::builder()
            .app(dingtalk_sandbox::App::internal("a", "it's; $HOME"))
            .in_process();
        let facts = Facts::of(&sandbox, Some("a"), Some("manager01"));
        let text = environment(&sandbox, &facts);
        assert!(text.contains("export DINGTALK_CLIENT_SECRET='it'\\''s; $HOME'\n"));
        assert!(text.ends_with("'\n# ready\n") && text.lines().count() == 12);
    }

    #[test]
    fn the_greeting_takes_about_ten_lines_and_the_log_hides_control_characters() {
        let sandbox = Sandbox::in_process();
        let demo = sandbox.demo();
        let facts = Facts::of(&sandbox, Some(&demo.client_id), Some(&demo.user_id));
        let text = greeting(&sandbox, &facts);
        assert!(text.lines().count() <= 12 && text.contains(&demo.client_secret));
        assert!(text.contains(&demo.mobile) && text.contains(sandbox.control_token()));
        let request = http::Request::get("/gettoken").body(Vec::new()).unwrap();
        let _ = sandbox.handle(request);
        let mut entry = sandbox.journal().entries().remove(0);
        entry.path = "/a\u{1b}[2Jb".to_owned();
        assert!(!line(&entry).contains('\u{1b}'));
    }
}
