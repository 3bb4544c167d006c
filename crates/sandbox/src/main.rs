//! The sandbox as a program: a DingTalk on this machine, until Ctrl-C.

mod findings;
mod options;
mod program;

use std::io::{self, ErrorKind, Write, stderr, stdout};
use std::net::IpAddr;
use std::path::Path;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use dingtalk_sandbox::{Entry, Fixture, Sandbox};

use options::{Options, Stop};
use program::end::End;
use program::files::{Readers, Temporary};
use program::locator::{Directory, Locator};
use program::told::{Facts, Named, environment, greeting};

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
    if options.list {
        return list().map(|()| ExitCode::SUCCESS);
    }
    let (sandbox, facts) = set_up(options)?;
    // Whoever reads the last line below may end us at once, and the state is to be saved then too.
    let deaf = |error: io::Error| format!("cannot wait for Ctrl-C: {error}");
    let end = End::listen().map_err(deaf)?;
    let traces = Traces::leave(options, &sandbox)?;
    let ca_file = traces.ca_file.as_ref().map(Temporary::path);
    let told = if options.print_env {
        environment(&sandbox, &facts, ca_file)
    } else {
        let name = traces.locator.as_ref().map(Locator::name);
        greeting(&sandbox, &facts, name, ca_file)
    };
    print(&mut stdout(), &told);
    // From its first signal on this process ignores them, so a second Ctrl-C does not interrupt the saving.
    end.wait().map_err(deaf)?;
    // Nobody gets an answer any more that the state below would not know of.
    sandbox.stop();
    if let Some(path) = &options.state {
        save(&sandbox, path)?;
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

/// Prints who runs.
fn list() -> Result<(), String> {
    let running = Directory::open()?.list().map_err(|error| error.to_string())?;
    let lines: String = running.iter().map(|running| format!("{running}\n")).collect();
    print(&mut stdout(), &lines);
    Ok(())
}

/// The files that others find this sandbox by. They open nothing once it has ended, and go with it.
#[derive(Default)]
struct Traces {
    ca_file: Option<Temporary>,
    token_file: Option<Temporary>,
    locator: Option<Locator>,
}

impl Traces {
    fn leave(options: &Options, sandbox: &Sandbox) -> Result<Self, String> {
        let write = |name: &str, path: &Path, text: &str, readers: Readers| {
            Temporary::write(path, text, readers)
                .map_err(|error| format!("{name} {}: {error}", path.display()))
        };
        let token = sandbox.control_token();
        let mut traces = Self::default();
        if let Some(path) = &options.token_file {
            let file = write("--control-token-file", path, token, Readers::Owner)?;
            traces.token_file = Some(file);
        }
        if let (Some(path), Some(ca)) = (&options.ca_file, sandbox.ca_certificate()) {
            traces.ca_file = Some(write("--ca-file", path, ca, Readers::Everybody)?);
        }
        match traces.be_found(options, sandbox) {
            Err(error) if options.name.is_some() => return Err(error),
            Err(error) if options.https && options.ca_file.is_none() => {
                return Err(format!(
                    "{error}; --ca-file FILE says where else the certificate goes"
                ));
            }
            // It serves all the same; only other programs will have to be told where.
            Err(error) => print(&mut stderr(), &format!("dingtalk-sandbox: not listed: {error}\n")),
            Ok(()) => {}
        }
        Ok(traces)
    }

    fn be_found(&mut self, options: &Options, sandbox: &Sandbox) -> Result<(), String> {
        let directory = Directory::open()?;
        let token_file = match self.token_file.take() {
            Some(file) => file,
            None => directory.put("token", sandbox.control_token(), Readers::Owner)?,
        };
        let token_file = self.token_file.insert(token_file);
        if let (None, Some(ca)) = (&self.ca_file, sandbox.ca_certificate()) {
            self.ca_file = Some(directory.put("pem", ca, Readers::Everybody)?);
        }
        let ca_file = self.ca_file.as_ref().map(Temporary::path);
        let name = options.name.as_deref();
        self.locator = Some(directory.announce(name, sandbox, token_file.path(), ca_file)?);
        Ok(())
    }
}

/// Starts the server with everything in it, or says what keeps it from that.
fn set_up(options: &Options) -> Result<(Sandbox, Facts), String> {
    let mut builder =
        Sandbox::builder().bind(options.bind).port(options.port).population(options.people);
    if !options.bind.is_loopback() {
        print(&mut stderr(), &exposed(options.bind));
    }
    if options.https {
        builder = match options.bad_tls {
            Some(bad) => builder.bad_tls(bad),
            None => builder.https(),
        };
    }
    if let Some(region) = options.region {
        builder = builder.region(region);
    }
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
    let named = own.map(Named::first_of);
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
        ErrorKind::AddrNotAvailable => {
            format!("--bind {}: this machine does not have this address", options.bind)
        }
        _ => format!("cannot start: {error}"),
    })?;
    if let (Some(text), Some(path)) = (state, &options.state) {
        sandbox.load(&text).map_err(|error| format!("--state {}: {error}", path.display()))?;
    }
    if let Some(path) = &options.state {
        // Better to hear of it now than when there is something to lose.
        save(&sandbox, path)?;
    }
    let named = named.unwrap_or_else(|| Named::demo(&sandbox.demo()));
    let facts = Facts::of(&sandbox, &named);
    Ok((sandbox, facts))
}

/// What whoever listens to more than this machine must know.
fn exposed(address: IpAddr) -> String {
    format!(
        "dingtalk-sandbox: WARNING: --bind {address} lets the network in. Everybody who reaches it can log in as anybody\n\
         of the made-up company, and what is loaded with --data or --state is theirs too. The control API still needs\n\
         its token. Without --bind only this machine can come in.\n"
    )
}

fn save(sandbox: &Sandbox, path: &Path) -> Result<(), String> {
    sandbox.save(path).map_err(|error| format!("--state {}: not saved: {error}", path.display()))
}

/// A state that is not there yet is none.
fn read_state(path: &Path) -> Result<Option<String>, String> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("--state {}: {error}", path.display())),
    }
}

/// One request; of its token only the fingerprint.
fn line(entry: &Entry) -> String {
    // Our own address says nothing; one of the platform's hosts does, unless the path has it already.
    let host = entry.host.as_deref().filter(|host| {
        let product = host.ends_with(".dingtalk.com") || host.ends_with(".dingtalk.io");
        product && !entry.path.get(1..).is_some_and(|path| path.starts_with(host))
    });
    let (host, path) = (host.unwrap_or_default(), &entry.path);
    let mut line = format!("{:>5}  {:<6} {host}{path} → {}", entry.seq, entry.method, entry.status);
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

/// A closed pipe behind us is no reason to fall over.
fn print(out: &mut impl Write, text: &str) {
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_hides_control_characters_and_shows_the_platforms_hosts() {
        let sandbox = Sandbox::in_process();
        let request = http::Request::get("http://oapi.dingtalk.com/gettoken");
        let _ = sandbox.handle(request.body(Vec::new()).unwrap());
        let mut entry = sandbox.journal().entries().remove(0);
        assert!(line(&entry).contains("oapi.dingtalk.com/gettoken → 200"), "{}", line(&entry));
        entry.path = "/oapi.dingtalk.com/a\u{1b}[2Jb".to_owned();
        assert!(!line(&entry).contains('\u{1b}'));
        assert!(!line(&entry).contains("comoapi") && !line(&entry).contains("com/oapi"));
    }
}
