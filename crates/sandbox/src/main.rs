//! The sandbox as a program: a DingTalk on this machine, until Ctrl-C.

use std::io::{ErrorKind, Write, stderr, stdout};
use std::process::ExitCode;

use dingtalk_sandbox::{Entry, Sandbox};

const DEFAULT_PORT: u16 = 7880;

const HELP: &str = "\
A DingTalk on your own machine, for tests: listens on loopback, with a demo company inside, until Ctrl-C.

Usage: dingtalk-sandbox [--port N] [--quiet]

  --port N    the port on 127.0.0.1 (default 7880; 0 takes a free one)
  --quiet     no line per request
  --help      this text
  --version   the version
";

fn main() -> ExitCode {
    let options = match Options::read(std::env::args().skip(1)) {
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
    let mut builder = Sandbox::builder().port(options.port);
    if !options.quiet {
        builder = builder.on_request(|entry| print(&mut stdout(), &line(entry)));
    }
    let sandbox = match builder.start() {
        Ok(sandbox) => sandbox,
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            let port = options.port;
            print(
                &mut stderr(),
                &format!(
                    "dingtalk-sandbox: port {port} is taken; choose another one with --port N (0: any free one)\n"
                ),
            );
            return ExitCode::FAILURE;
        }
        Err(error) => {
            print(&mut stderr(), &format!("dingtalk-sandbox: cannot start: {error}\n"));
            return ExitCode::FAILURE;
        }
    };
    print(&mut stdout(), &greeting(&sandbox));
    if let Err(error) = until_interrupted() {
        print(&mut stderr(), &format!("dingtalk-sandbox: cannot wait for Ctrl-C: {error}\n"));
        return ExitCode::FAILURE;
    }
    print(&mut stdout(), &format!("\nstopped after {} requests\n", sandbox.journal().total()));
    ExitCode::SUCCESS
}

#[derive(Debug, PartialEq)]
struct Options {
    port: u16,
    quiet: bool,
}

/// Why the program ends before it starts.
#[derive(Debug, PartialEq)]
enum Stop {
    Said(String),
    Wrong(String),
}

impl Options {
    fn read(mut args: impl Iterator<Item = String>) -> Result<Self, Stop> {
        let mut options = Self { port: DEFAULT_PORT, quiet: false };
        while let Some(arg) = args.next() {
            let (name, inline) = match arg.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (arg.as_str(), None),
            };
            match name {
                "--port" => {
                    let value = inline
                        .or_else(|| args.next())
                        .ok_or_else(|| Stop::Wrong("--port needs a number".into()))?;
                    options.port = value.parse().map_err(|_| {
                        Stop::Wrong(format!("--port {value}: not a port from 0 to 65535"))
                    })?;
                }
                "--quiet" | "-q" => options.quiet = true,
                "--help" | "-h" => return Err(Stop::Said(HELP.to_owned())),
                "--version" | "-V" => {
                    return Err(Stop::Said(
                        concat!("dingtalk-sandbox ", env!("CARGO_PKG_VERSION"), "\n").to_owned(),
                    ));
                }
                _ => return Err(Stop::Wrong(format!("unknown option {arg}"))),
            }
        }
        Ok(options)
    }
}

fn greeting(sandbox: &Sandbox) -> String {
    let (origin, demo) = (sandbox.origin(), sandbox.demo());
    let host = origin.trim_start_matches("http://");
    format!(
        "DingTalk sandbox at {origin} — all API families and the login page (/oauth2/auth), until Ctrl-C\n\
         Rust SDK: set the api, oapi and login base URLs to {origin}\n\
         official Python SDK: Config(protocol='http', endpoint='{host}')\n\
         corp id        {}\n\
         client id      {}\n\
         client secret  {}\n\
         agent id       {}\n\
         user id        {} (union id {}, mobile {})\n\
         redirect URI   {}\n\
         try: curl '{origin}/gettoken?appkey={}&appsecret={}'\n\n",
        demo.corp_id,
        demo.client_id,
        demo.client_secret,
        demo.agent_id,
        demo.user_id,
        demo.union_id,
        demo.mobile,
        demo.redirect_uri,
        demo.client_id,
        demo.client_secret,
    )
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

fn until_interrupted() -> std::io::Result<()> {
    tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?
        .block_on(tokio::signal::ctrl_c())
}

/// A closed pipe behind us is no reason to fall over.
fn print(out: &mut impl Write, text: &str) {
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(args: &[&str]) -> Result<Options, Stop> {
        Options::read(args.iter().map(|&arg| arg.to_owned()))
    }

    #[test]
    fn options_are_read_and_mistakes_are_named() {
        assert_eq!(read(&[]), Ok(Options { port: DEFAULT_PORT, quiet: false }));
        assert_eq!(read(&["--port", "0", "--quiet"]), Ok(Options { port: 0, quiet: true }));
        assert_eq!(read(&["--port=81"]), Ok(Options { port: 81, quiet: false }));
        assert!(matches!(read(&["--help"]), Err(Stop::Said(_))));
        assert!(
            matches!(read(&["--port", "x"]), Err(Stop::Wrong(text)) if text.contains("--port x"))
        );
        assert!(matches!(read(&["--prot"]), Err(Stop::Wrong(text)) if text.contains("--prot")));
    }

    #[test]
    fn the_greeting_takes_about_ten_lines_and_the_log_hides_control_characters() {
        let sandbox = Sandbox::in_process();
        assert!(greeting(&sandbox).lines().count() <= 12);
        let request = http::Request::get("/gettoken").body(Vec::new()).unwrap();
        let _ = sandbox.handle(request);
        let mut entry = sandbox.journal().entries().remove(0);
        entry.path = "/a\u{1b}[2Jb".to_owned();
        assert!(!line(&entry).contains('\u{1b}'));
    }
}
