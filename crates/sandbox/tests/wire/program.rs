//! The program: its fixture, its state file and its token, from the outside.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A directory of this test's own, gone at its end.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("dingtalk-sandbox-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).expect("there is room for a directory");
        Self(path)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn program(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dingtalk-sandbox"));
    command.args(args).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A program that serves, and what it printed for the shell.
struct Serving {
    child: Child,
    env: String,
}

impl Serving {
    fn start(args: &[&str]) -> Self {
        let mut args = args.to_vec();
        args.extend(["--port", "0", "--print-env"]);
        let child = program(&args).spawn().expect("the program starts");
        let mut serving = Self { child, env: String::new() };
        let out = BufReader::new(serving.child.stdout.take().expect("its output is ours"));
        for line in out.lines() {
            let line = line.expect("its output is text");
            if line == "# ready" {
                return serving;
            }
            serving.env.push_str(&line);
            serving.env.push('\n');
        }
        let mut text = String::new();
        let _ = serving.child.stderr.take().expect("its errors are ours").read_to_string(&mut text);
        panic!("it ended: {text}");
    }

    fn var(&self, name: &str) -> &str {
        let start = format!("export DINGTALK_{name}='");
        let line = self.env.lines().find_map(|line| line.strip_prefix(&start));
        line.expect("it is printed").trim_end_matches('\'')
    }

    /// As Ctrl-C does.
    #[cfg(unix)]
    fn interrupt(mut self) -> bool {
        let id = self.child.id().to_string();
        Command::new("kill").args(["-INT", &id]).status().expect("there is kill");
        self.child.wait().expect("it ends").success()
    }
}

/// A test that fails does not leave its server behind.
impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("the path is text")
}

fn fails(args: &[&str]) -> String {
    let output = program(args).output().expect("the program runs");
    assert!(!output.status.success());
    String::from_utf8(output.stderr).expect("it says so in text")
}

#[cfg(unix)]
#[test]
fn state_is_saved_at_the_end_and_taken_up_at_the_start() {
    let place = Place::new("state");
    let (state, token_file) = (place.file("state.json"), place.file("token"));
    let args = ["--state", text(&state), "--control-token-file", text(&token_file), "--seed", "4"];
    let first = Serving::start(&args);
    assert_eq!(fs::read_to_string(&token_file).unwrap(), first.var("SANDBOX_TOKEN"));
    let uri = format!(
        "/gettoken?appkey={}&appsecret={}",
        first.var("CLIENT_ID"),
        first.var("CLIENT_SECRET")
    );
    let ask = |serving: &Serving| {
        use std::io::Write;
        let host = serving.var("BASE_URL").trim_start_matches("http://").to_owned();
        let mut stream = std::net::TcpStream::connect(&host).expect("it listens");
        let request = format!("GET {uri} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        let (_, rest) = answer.split_once("\"access_token\":\"").expect("there is a token");
        rest[..32].to_owned()
    };
    let token = ask(&first);
    assert!(first.interrupt());
    assert!(!token_file.exists(), "the token opens nothing any more");
    let second = Serving::start(&args);
    assert_eq!(ask(&second), token, "the app's token outlived the restart");
    assert!(second.interrupt());
    fs::write(&state, &fs::read_to_string(&state).unwrap()[..99]).unwrap();
    assert!(fails(&["--state", text(&state), "--port", "0"]).contains("half-written"));
    assert_eq!(fs::read(&state).unwrap().len(), 99, "what it cannot read it does not overwrite");
}

#[test]
fn a_fixture_is_served_and_its_mistake_is_told_with_file_and_line() {
    let place = Place::new("fixture");
    let file = place.file("company.toml");
    fs::write(&file, "demo = false\n[[people]]\nuserId = \"u-li\"\nname = \"x\"\n[[apps]]\nclientId = \"mine\"\nclientSecret = \"s\"\n").unwrap();
    let serving = Serving::start(&["--data", text(&file)]);
    assert_eq!(
        (serving.var("CLIENT_ID"), serving.var("CLIENT_SECRET"), serving.var("USER_ID")),
        ("mine", "s", "u-li")
    );
    drop(serving);
    fs::write(&file, "demo = false\n[[people]]\nuser = \"u-li\"\n").unwrap();
    let said = fails(&["--fixture", text(&file), "--port", "0"]);
    assert!(said.contains(&format!("{}:3: unknown field `user`", text(&file))), "{said}");
    assert!(fails(&["--data", "company.yaml"]).contains(".toml or .json"));
    assert!(fails(&["--data", "nowhere.toml"]).contains("nowhere.toml: cannot be read"));
}
