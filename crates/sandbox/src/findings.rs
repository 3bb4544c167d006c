//! `dingtalk-sandbox findings`: asks a running sandbox what its clients did wrong, for people and for CI jobs.

use std::env;
use std::fs;
use std::io::{Read, Write, stderr, stdout};
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::process::ExitCode;
use std::time::Duration;

use dingtalk_sandbox::{Finding, Severity};
use serde_json::Value;

use crate::options::{DEFAULT_PORT, Stop};
use crate::print;

/// The status of a program that ends well, but for findings that `--fail-on` does not want.
const FOUND: u8 = 3;
const PATIENCE: Duration = Duration::from_secs(10);
/// A thousand findings are about a megabyte.
const LARGEST: u64 = 16 * 1024 * 1024;

const HELP: &str = "\
Asks a running sandbox what its clients did wrong.

Usage: dingtalk-sandbox findings [options]

  --url URL         where the sandbox is: http on this machine only (default: $DINGTALK_BASE_URL, else port 7880)
  --token TOKEN     the control API's token (default: $DINGTALK_SANDBOX_TOKEN, which other users cannot read)
  --token-file FILE the token is in this file, as --control-token-file writes it
  --fail-on LEVEL   ends with status 3 if there is a finding of info, warn or error, or worse
  --json            prints the findings as JSON
  --help            this text
";

/// What is asked, and of whom.
#[derive(Debug, Default)]
struct Question {
    url: Option<String>,
    token: Option<String>,
    token_file: Option<String>,
    fail_on: Option<Severity>,
    json: bool,
}

/// The subcommand, from its arguments to its status.
pub(crate) fn main(args: impl Iterator<Item = String>) -> ExitCode {
    let answer = Question::read(args).and_then(|question| {
        let findings = question.ask().map_err(Stop::Wrong)?;
        Ok((question, findings))
    });
    match answer {
        Ok((question, findings)) => {
            let text = if question.json { as_json(&findings) } else { as_text(&findings) };
            print(&mut stdout(), &text);
            status(&findings, question.fail_on)
        }
        Err(Stop::Said(text)) => {
            print(&mut stdout(), &text);
            ExitCode::SUCCESS
        }
        Err(Stop::Wrong(text)) => {
            let help = "Try dingtalk-sandbox findings --help.";
            print(&mut stderr(), &format!("dingtalk-sandbox findings: {text}\n{help}\n"));
            ExitCode::from(2)
        }
    }
}

/// How a program ends that was asked to fail on findings so bad or worse.
pub(crate) fn status(findings: &[Finding], fail_on: Option<Severity>) -> ExitCode {
    let too_bad = fail_on.is_some_and(|level| findings.iter().any(|it| it.severity >= level));
    if too_bad { ExitCode::from(FOUND) } else { ExitCode::SUCCESS }
}

/// For people.
pub(crate) fn as_text(findings: &[Finding]) -> String {
    if findings.is_empty() {
        return "no findings\n".to_owned();
    }
    let many = |level| findings.iter().filter(|finding| finding.severity == level).count();
    let mut text = format!(
        "{} findings: {} error, {} warn, {} info\n",
        findings.len(),
        many(Severity::Error),
        many(Severity::Warn),
        many(Severity::Info),
    );
    for finding in findings {
        text.push_str(&format!("\n{finding}\n"));
    }
    // Names of fields and hosts come from outside; a terminal must not obey them.
    text.chars().filter(|char| !char.is_control() || *char == '\n').collect()
}

fn as_json(findings: &[Finding]) -> String {
    format!("{}\n", serde_json::json!({ "findings": findings }))
}

impl Question {
    fn read(mut args: impl Iterator<Item = String>) -> Result<Self, Stop> {
        let mut question = Self::default();
        while let Some(arg) = args.next() {
            let (name, mut inline) = match arg.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (arg.as_str(), None),
            };
            let mut value = |what: &str| {
                let value = inline.take().or_else(|| args.next());
                value.ok_or_else(|| Stop::Wrong(format!("{name} needs {what}")))
            };
            match name {
                "--url" => question.url = Some(value("a URL")?),
                "--token" => question.token = Some(value("a token")?),
                "--token-file" => question.token_file = Some(value("a file")?),
                "--fail-on" => {
                    let level = value("info, warn or error")?.parse();
                    let wrong = |error| Stop::Wrong(format!("--fail-on {error}"));
                    question.fail_on = Some(level.map_err(wrong)?);
                }
                "--json" => question.json = true,
                "--help" | "-h" => return Err(Stop::Said(HELP.to_owned())),
                // The whole argument may be a token that was given in the wrong place.
                _ => return Err(Stop::Wrong(format!("unknown option {}", option_only(name)))),
            }
            if inline.is_some() {
                return Err(Stop::Wrong(format!("{name} takes no value")));
            }
        }
        Ok(question)
    }

    fn ask(&self) -> Result<Vec<Finding>, String> {
        let from_env = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        let token = match (&self.token, &self.token_file) {
            (Some(token), _) => token.clone(),
            (None, Some(file)) => fs::read_to_string(file)
                .map_err(|error| format!("--token-file {file}: {error}"))?
                .trim()
                .to_owned(),
            (None, None) => from_env("DINGTALK_SANDBOX_TOKEN").ok_or(
                "the token is missing: give --token, --token-file or $DINGTALK_SANDBOX_TOKEN",
            )?,
        };
        if token.chars().any(|char| char.is_control() || !char.is_ascii()) {
            return Err("the token is none: it has other characters than letters and digits".into());
        }
        let url = self.url.clone().or_else(|| from_env("DINGTALK_BASE_URL"));
        let url = url.unwrap_or_else(|| format!("http://127.0.0.1:{DEFAULT_PORT}"));
        let (address, host) = place(&url)?;
        let answer = get(address, &host, &token).map_err(|error| {
            format!("no answer from {host}: {error}; is the sandbox running there?")
        })?;
        read(&answer)
    }
}

/// Where to connect to, and the Host that is asked.
fn place(url: &str) -> Result<(SocketAddr, String), String> {
    let host = url
        .strip_prefix("http://")
        .ok_or("--url has to begin with http://; the control API is asked on this machine only")?
        .trim_end_matches('/')
        .to_owned();
    let fine = !host.contains(['/', '@', '?', '#']) && host.chars().all(|it| it.is_ascii_graphic());
    if !fine {
        return Err("--url is http://, a host and a port, and nothing else".into());
    }
    let with_port = if host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok()) {
        host.clone()
    } else {
        format!("{host}:80")
    };
    let mut addresses =
        with_port.to_socket_addrs().map_err(|error| format!("--url {host}: {error}"))?;
    let address = addresses.find(|address| IpAddr::is_loopback(&address.ip()));
    address.map(|address| (address, host.clone())).ok_or_else(|| {
        format!("--url: {host} is not this machine, and the token does not leave it over http")
    })
}

fn get(address: SocketAddr, host: &str, token: &str) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    // HTTP/1.0 has no chunks, and ends with the connection.
    let request = format!(
        "GET /_sandbox/v1/findings HTTP/1.0\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\r\n"
    );
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.take(LARGEST).read_to_end(&mut answer)?;
    Ok(answer)
}

fn read(answer: &[u8]) -> Result<Vec<Finding>, String> {
    let strange = || "what answers there is no sandbox".to_owned();
    let at = answer.windows(4).position(|end| end == b"\r\n\r\n").ok_or_else(strange)?;
    let (head, body) = answer.split_at(at);
    let head = String::from_utf8_lossy(head);
    let status = head.split(' ').nth(1).unwrap_or_default();
    match status {
        "200" => {}
        "401" => return Err("the token is not this sandbox's".into()),
        _ => return Err(format!("the sandbox answered with status {status}")),
    }
    let mut body: Value =
        serde_json::from_slice(body.get(4..).unwrap_or_default()).map_err(|_| strange())?;
    serde_json::from_value(body["findings"].take()).map_err(|_| strange())
}

fn option_only(arg: &str) -> &str {
    if arg.starts_with("--") { arg } else { "(not one that begins with --)" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(args: &[&str]) -> Result<Question, Stop> {
        Question::read(args.iter().map(|&arg| arg.to_owned()))
    }

    #[test]
    fn the_question_is_read_and_mistakes_are_named_without_the_token() {
        let asked = question(&["--fail-on=warn", "--url", "http://[::1]:1", "--json"]).unwrap();
        assert_eq!((asked.fail_on, asked.json), (Some(Severity::Warn), true));
        for (args, said) in [
            (&["--fail-on", "loud"][..], "--fail-on loud: not info, warn or error"),
            (&["--url"], "--url needs a URL"),
            (&["--json=1"], "--json takes no value"),
            (&["5ab0c5secret"], "unknown option (not"),
        ] {
            let Err(Stop::Wrong(text)) = question(args) else { panic!("{args:?}") };
            assert!(text.contains(said) && !text.contains("5ab0c5"), "{text}");
        }
        for option in ["--url", "--token", "--token-file", "--fail-on", "--json", "--help"] {
            assert!(HELP.contains(option), "{option}");
        }
    }

    #[test]
    fn only_this_machine_is_asked_and_only_over_http() {
        assert_eq!(place("http://127.0.0.1:81/").unwrap().1, "127.0.0.1:81");
        assert_eq!(place("http://[::1]").unwrap().0.port(), 80);
        for url in ["https://127.0.0.1:1", "http://192.0.2.1:80", "http://127.0.0.1/x", "x"] {
            assert!(place(url).is_err(), "{url}");
        }
        assert!(place("http://user@127.0.0.1:1").is_err() && place("http://1\r\n").is_err());
    }

    #[test]
    fn an_answer_is_read_or_refused_in_words() {
        assert_eq!(read(b"HTTP/1.0 200 OK\r\nA: b\r\n\r\n{\"findings\":[]}"), Ok(Vec::new()));
        assert!(read(b"HTTP/1.0 401 No\r\n\r\n{}").unwrap_err().contains("token"));
        for strange in [&b""[..], b"HTTP/1.0 200 OK\r\n\r\n<html>", b"HTTP/1.0 200 OK\r\n\r\n{}"] {
            assert!(read(strange).unwrap_err().contains("no sandbox"));
        }
    }
}
