//! The program as a child of a test.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A directory of this test's own, gone at its end.
pub(crate) struct Place(PathBuf);

impl Place {
    pub(crate) fn new(name: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("dingtalk-sandbox-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).expect("there is room for a directory");
        Self(path)
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub(crate) fn program(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dingtalk-sandbox"));
    command.args(args).stdout(Stdio::piped()).stderr(Stdio::piped());
    // Not among the sandboxes of whoever runs the tests.
    command.env("XDG_RUNTIME_DIR", env!("CARGO_TARGET_TMPDIR"));
    command
}

/// A program that serves, and what it printed for the shell.
pub(crate) struct Serving {
    child: Child,
    pub(crate) env: String,
}

impl Serving {
    pub(crate) fn start(args: &[&str]) -> Self {
        let mut args = args.to_vec();
        args.extend(["--port", "0", "--print-env"]);
        Self::spawn(program(&args))
    }

    /// Waits for the line that says it is there.
    pub(crate) fn spawn(mut command: Command) -> Self {
        let child = command.spawn().expect("the program starts");
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

    pub(crate) fn var(&self, name: &str) -> &str {
        let start = format!("export DINGTALK_{name}='");
        let line = self.env.lines().find_map(|line| line.strip_prefix(&start));
        line.expect("it is printed").trim_end_matches('\'')
    }

    /// As Ctrl-C does; with what it says about itself.
    #[cfg(unix)]
    pub(crate) fn told_to_end(mut self) -> (Option<i32>, String) {
        let id = self.child.id().to_string();
        Command::new("kill").args(["-INT", &id]).status().expect("there is kill");
        let code = self.child.wait().expect("it ends").code();
        let mut text = String::new();
        let mut errors = self.child.stderr.take().expect("its errors are ours");
        errors.read_to_string(&mut text).expect("its errors are text");
        (code, text)
    }

    /// As Ctrl-C does.
    #[cfg(unix)]
    pub(crate) fn interrupt(self) -> bool {
        self.end(&["-INT"])
    }

    /// Sends signals, and says whether the program ended as it should.
    #[cfg(unix)]
    pub(crate) fn end(mut self, signals: &[&str]) -> bool {
        for signal in signals {
            self.signal(signal);
        }
        self.child.wait().expect("it ends").success()
    }

    #[cfg(unix)]
    pub(crate) fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        Command::new("kill").args([signal, &id]).status().expect("there is kill");
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it prints to its errors until it ends.
    pub(crate) fn said(mut self) -> String {
        let mut text = String::new();
        let _ = self.child.kill();
        let mut errors = self.child.stderr.take().expect("its errors are ours");
        errors.read_to_string(&mut text).expect("it says so in text");
        text
    }
}

/// A test that fails does not leave its server behind.
impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("the path is text")
}

pub(crate) fn fails(args: &[&str]) -> String {
    let output = program(args).output().expect("the program runs");
    assert!(!output.status.success());
    String::from_utf8(output.stderr).expect("it says so in text")
}
