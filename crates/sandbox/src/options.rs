//! The program's options.

use std::path::PathBuf;

use dingtalk_sandbox::Severity;

pub(crate) const DEFAULT_PORT: u16 = 7880;

const HELP: &str = "\
A DingTalk on your own machine, for tests: listens on loopback, with a demo company inside, until Ctrl-C.

Usage: dingtalk-sandbox [options]
       dingtalk-sandbox findings [options]   asks a running one what its clients did wrong (--help says more)

  --port N     the port on 127.0.0.1 (default 7880; 0 takes a free one)
  --data FILE  people, departments, apps, grants, organizations, suites, authorizations, callbacks and switches from a
               .toml or .json file, beside the demo company (or instead of it, with demo = false in the file);
               --fixture is the same
  --people N   N more made-up people, the same ones for the same --seed
  --seed N     the same tokens, codes and ids in every run; guessable, which is the point
  --clock frozen  starts with a clock that stands still
  --speed N    N seconds pass in the sandbox while one passes outside
  --state FILE takes up the state in this file, if it is there, and writes it back at the end
  --control-token-file FILE  writes the control API's token here, for its owner only; removed at the end
  --print-env  prints export lines for a shell, then '# ready', and no line per request
  --fail-on L  prints at the end, to stderr, what clients did wrong; status 3 if a finding is L (info, warn or
               error) or worse
  --quiet      no line per request
  --help       this text
  --version    the version

The control API is at /_sandbox/v1/ (openapi.json there lists it) and takes the token that is printed at the start.
";

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Options {
    pub(crate) port: u16,
    pub(crate) quiet: bool,
    pub(crate) print_env: bool,
    pub(crate) data: Option<PathBuf>,
    pub(crate) people: usize,
    pub(crate) seed: Option<u64>,
    pub(crate) frozen: bool,
    pub(crate) speed: Option<f64>,
    pub(crate) state: Option<PathBuf>,
    pub(crate) token_file: Option<PathBuf>,
    pub(crate) fail_on: Option<Severity>,
}

/// Why the program ends before it starts.
#[derive(Debug, PartialEq)]
pub(crate) enum Stop {
    Said(String),
    Wrong(String),
}

impl Options {
    pub(crate) fn read(mut args: impl Iterator<Item = String>) -> Result<Self, Stop> {
        let mut options = Self {
            port: DEFAULT_PORT,
            quiet: false,
            print_env: false,
            data: None,
            people: 0,
            seed: None,
            frozen: false,
            speed: None,
            state: None,
            token_file: None,
            fail_on: None,
        };
        while let Some(arg) = args.next() {
            let (name, mut inline) = match arg.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (arg.as_str(), None),
            };
            let mut value = |what: &str| {
                inline
                    .take()
                    .or_else(|| args.next())
                    .ok_or_else(|| Stop::Wrong(format!("{name} needs {what}")))
            };
            match name {
                "--port" => {
                    options.port = number(name, &value("a number")?, "a port from 0 to 65535")?;
                }
                "--people" => {
                    options.people = number(name, &value("a number")?, "a whole number")?;
                }
                "--seed" => {
                    options.seed = Some(number(name, &value("a number")?, "a whole number")?);
                }
                "--speed" => {
                    let speed: f64 = number(name, &value("a number")?, "a number")?;
                    if !(0.001..=1_000_000.0).contains(&speed) {
                        return Err(wrong("--speed goes from 0.001 to 1000000"));
                    }
                    options.speed = Some(speed);
                }
                "--clock" => match value("frozen or running")?.as_str() {
                    "frozen" => options.frozen = true,
                    "running" => options.frozen = false,
                    other => {
                        return Err(wrong(&format!("--clock {other}: not frozen or running")));
                    }
                },
                "--data" | "--fixture" => options.data = Some(value("a file")?.into()),
                "--state" => options.state = Some(value("a file")?.into()),
                "--control-token-file" => options.token_file = Some(value("a file")?.into()),
                "--fail-on" => {
                    let level = value("info, warn or error")?.parse();
                    options.fail_on =
                        Some(level.map_err(|error: String| wrong(&format!("--fail-on {error}")))?);
                }
                "--print-env" => options.print_env = true,
                "--quiet" | "-q" => options.quiet = true,
                "--help" | "-h" => return Err(Stop::Said(HELP.to_owned())),
                "--version" | "-V" => {
                    return Err(Stop::Said(
                        concat!("dingtalk-sandbox ", env!("CARGO_PKG_VERSION"), "\n").to_owned(),
                    ));
                }
                _ => return Err(wrong(&format!("unknown option {arg}"))),
            }
            if inline.is_some() {
                return Err(wrong(&format!("{name} takes no value")));
            }
        }
        Ok(options)
    }
}

fn number<T: std::str::FromStr>(name: &str, text: &str, what: &str) -> Result<T, Stop> {
    text.parse().map_err(|_| wrong(&format!("{name} {text}: not {what}")))
}

fn wrong(text: &str) -> Stop {
    Stop::Wrong(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(args: &[&str]) -> Result<Options, Stop> {
        Options::read(args.iter().map(|&arg| arg.to_owned()))
    }

    #[test]
    fn options_are_read_and_mistakes_are_named() {
        let plain = read(&[]).unwrap();
        assert_eq!((plain.port, plain.quiet), (DEFAULT_PORT, false));
        let some = read(&["--port", "0", "--quiet", "--seed=7", "--people", "9", "--speed", "60"])
            .unwrap();
        let wanted =
            Options { port: 0, quiet: true, seed: Some(7), people: 9, speed: Some(60.0), ..plain };
        assert_eq!(some, wanted);
        assert!(read(&["--clock", "frozen"]).is_ok_and(|options| options.frozen));
        assert_eq!(read(&["--data", "a.toml"]), read(&["--fixture=a.toml"]));
        assert!(matches!(read(&["--help"]), Err(Stop::Said(_))));
        for (args, said) in [
            (&["--port", "x"][..], "--port x"),
            (&["--prot"], "--prot"),
            (&["--state"], "--state needs a file"),
            (&["--speed", "0"], "--speed"),
            (&["--speed", "NaN"], "--speed"),
            (&["--clock", "late"], "late"),
            (&["--fail-on", "loud"], "--fail-on loud: not info, warn or error"),
            (&["--quiet=1"], "--quiet takes no value"),
        ] {
            assert!(
                matches!(read(args), Err(Stop::Wrong(text)) if text.contains(said)),
                "{args:?}"
            );
        }
    }

    #[test]
    fn the_help_names_every_option_that_is_read() {
        for name in [
            "--port",
            "--data",
            "--fixture",
            "--people",
            "--seed",
            "--clock",
            "--speed",
            "--state",
            "--control-token-file",
            "--print-env",
            "--fail-on",
            "--quiet",
            "--help",
            "--version",
        ] {
            assert!(HELP.contains(name), "{name}");
            let known =
                !matches!(read(&[name]), Err(Stop::Wrong(text)) if text.contains("unknown"));
            assert!(known, "{name}");
        }
    }
}
