//! The program's options.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use dingtalk_sandbox::{BadTls, Region, Severity};

pub(crate) const DEFAULT_PORT: u16 = 7880;

const HELP: &str = "\
A DingTalk on your own machine, for tests: listens on loopback, with a demo company inside, until Ctrl-C.

Usage: dingtalk-sandbox [options]
       dingtalk-sandbox list    prints the sandboxes of this user that run
       dingtalk-sandbox findings [options]   asks a running one what its clients did wrong (--help says more)

  --port N     the port (default 7880; 0 takes a free one)
  --bind ADDR  the address (default 127.0.0.1; ::1 is IPv6's). On any other the whole network can come in
  --https      HTTPS instead of HTTP, TLS 1.2 and 1.3, by an authority of this start alone. Its certificate is good
               for localhost and the platform's hosts, and dated by the machine's clock, whatever --clock says
  --https=WHAT with something wrong that clients must refuse: expired, not-yet-valid, wrong-host, self-signed,
               unknown-ca, old-version (TLS 1.0), cut (in the handshake), plain-text
  --ca-file FILE  writes the authority's certificate here (PEM, no secret), for clients to trust; removed at the end
  --name NAME  how other programs find it: $XDG_RUNTIME_DIR/dt/sandbox-NAME.json tells its address, its process and
               where its token is (default: default, or default-PORT where that is taken)
  --region R   china or international: whether the organization is at dingtalk.com (default) or dingtalk.io
  --data FILE  people, departments, apps, grants, organizations, suites, authorizations, callbacks and switches from a
               .toml or .json file, beside the demo company (or instead of it, with demo = false in the file);
               --fixture is the same
  --people N   N more made-up people, the same ones for the same --seed
  --seed N     the same tokens, codes and ids in every run; guessable, which is the point
  --clock frozen  starts with a clock that stands still
  --speed N    N seconds pass in the sandbox while one passes outside
  --state FILE takes up the state in this file, if it is there, and writes it back, at once and at the end
  --control-token-file FILE  writes the control API's token here, for its owner only; removed at the end
  --print-env  prints export lines for a shell, then '# ready', and no line per request
  --fail-on L  prints at the end, to stderr, what clients did wrong; status 3 if a finding is L (info, warn or
               error) or worse
  --quiet      no line per request
  --fidelity   prints what each operation rests on (seen live, SDK, documented, assumed), the switches for what is in
               doubt and what is missing, as Markdown
  --help       this text
  --version    the version

The control API is at /_sandbox/v1/ (openapi.json there lists it) and takes the token that is printed at the start.
";

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Options {
    /// Print who runs, and nothing else.
    pub(crate) list: bool,
    pub(crate) port: u16,
    pub(crate) bind: IpAddr,
    pub(crate) https: bool,
    pub(crate) bad_tls: Option<BadTls>,
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) name: Option<String>,
    pub(crate) region: Option<Region>,
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
            list: false,
            port: DEFAULT_PORT,
            bind: IpAddr::V4(Ipv4Addr::LOCALHOST),
            https: false,
            bad_tls: None,
            ca_file: None,
            name: None,
            region: None,
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
                "--bind" => {
                    let given = value("an address")?;
                    let bare = given.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
                    options.bind = match given.as_str() {
                        "localhost" => Ipv4Addr::LOCALHOST.into(),
                        given => number(name, bare.unwrap_or(given), "an IP address")?,
                    };
                }
                "--https" => {
                    options.https = true;
                    options.bad_tls = match inline.take() {
                        Some(bad) => Some(
                            bad.parse()
                                .map_err(|said: String| wrong(&format!("--https={bad}: {said}")))?,
                        ),
                        None => None,
                    };
                }
                "--ca-file" => options.ca_file = Some(value("a file")?.into()),
                "--name" => {
                    let given = value("a name")?;
                    let fine = |char: char| char.is_ascii_alphanumeric() || "-_".contains(char);
                    if given.is_empty() || given.len() > 64 || !given.chars().all(fine) {
                        return Err(wrong("--name takes 1 to 64 letters, digits, - and _"));
                    }
                    options.name = Some(given);
                }
                "--region" => match value("china or international")?.as_str() {
                    "china" => options.region = Some(Region::China),
                    "international" => options.region = Some(Region::International),
                    other => {
                        return Err(wrong(&format!(
                            "--region {other}: not china or international"
                        )));
                    }
                },
                "list" | "--list" => options.list = true,
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
                "--fidelity" => return Err(Stop::Said(dingtalk_sandbox::fidelity())),
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
        if options.ca_file.is_some() && !options.https {
            return Err(wrong("--ca-file needs --https"));
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
        let tls = read(&["--https", "--bind", "[::1]", "--name=a-1", "--region", "international"]);
        let wanted = Options {
            https: true,
            bind: "::1".parse().unwrap(),
            name: Some("a-1".to_owned()),
            region: Some(Region::International),
            ..read(&[]).unwrap()
        };
        assert_eq!(tls, Ok(wanted));
        assert_eq!(read(&["--https=cut"]).unwrap().bad_tls, Some(BadTls::Cut));
        assert!(read(&["list"]).unwrap().list && read(&["--list"]).unwrap().list);
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
            (&["--bind", "example.com"], "--bind example.com"),
            (&["--https=fine"], "not-yet-valid"),
            (&["--https", "cut"], "unknown option cut"),
            (&["--ca-file", "x"], "--https"),
            (&["--name", "../x"], "--name"),
            (&["--region", "mars"], "mars"),
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
            "--bind",
            "--https",
            "--ca-file",
            "--name",
            "--region",
            "list",
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
            "--fidelity",
            "--help",
            "--version",
        ] {
            assert!(HELP.contains(name), "{name}");
            let entries =
                HELP.lines().filter(|line| line.trim_start().starts_with(&format!("{name} ")));
            assert!(entries.count() <= 1, "{name} is described twice");
            let known =
                !matches!(read(&[name]), Err(Stop::Wrong(text)) if text.contains("unknown"));
            assert!(known, "{name}");
        }
    }

    #[test]
    fn the_help_names_everything_that_can_be_wrong_about_tls() {
        for bad in BadTls::ALL {
            assert!(HELP.contains(&bad.to_string()), "{bad}");
        }
    }
}
