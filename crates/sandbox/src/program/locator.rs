//! How other programs of the same user find a running sandbox: `$XDG_RUNTIME_DIR/dt/sandbox-NAME.json`, which holds
//! where it is and where its control token is, and not the token.

use std::fs;
use std::io::{self, ErrorKind};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use dingtalk_sandbox::Sandbox;
use serde::{Deserialize, Serialize};

use super::files::{Readers, Temporary, write_new};

const USUAL_NAME: &str = "default";
/// More is no locator.
const LARGEST: u64 = 64 * 1024;

/// One running sandbox, as its file describes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Running {
    name: String,
    /// Base URLs; each serves every family.
    origins: Vec<String>,
    pid: u32,
    version: String,
    control_token_file: PathBuf,
    /// Whom to trust at an `https` origin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ca_file: Option<PathBuf>,
}

/// The directory of this user's locators, which nobody else can write to.
#[derive(Debug)]
pub(crate) struct Directory(PathBuf);

/// The file of this sandbox, removed when this is dropped.
#[derive(Debug)]
pub(crate) struct Locator {
    path: PathBuf,
    running: Running,
}

impl Locator {
    /// What the sandbox is called.
    pub(crate) fn name(&self) -> &str {
        &self.running.name
    }
}

impl Drop for Locator {
    fn drop(&mut self) {
        // Another sandbox may have taken this one for dead.
        if read(&self.path).as_ref() == Some(&self.running) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl Directory {
    /// Where the files are; it is made if it is not there.
    pub(crate) fn open() -> Result<Self, String> {
        let path = usual_path();
        private(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Self(path))
    }

    /// A file of this process, gone at its end.
    pub(crate) fn put(
        &self,
        what: &str,
        text: &str,
        readers: Readers,
    ) -> Result<Temporary, String> {
        let path = self.0.join(format!("{}.{what}", std::process::id()));
        Temporary::write(&path, text, readers)
            .map_err(|error| format!("{}: {error}", path.display()))
    }

    /// Says where this sandbox is, under the name that was asked for, or else the usual one, or the usual one with the
    /// port if another sandbox has that.
    pub(crate) fn announce(
        &self,
        wanted: Option<&str>,
        sandbox: &Sandbox,
        token_file: &Path,
        ca_file: Option<&Path>,
    ) -> Result<Locator, String> {
        let origin = sandbox.origin();
        let mut running = Running {
            name: wanted.unwrap_or(USUAL_NAME).to_owned(),
            origins: vec![origin.clone()],
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            control_token_file: token_file.to_owned(),
            ca_file: ca_file.map(Path::to_owned),
        };
        let mut other = match self.claim(&running) {
            Ok(claimed) => return Ok(claimed),
            Err(refused) => refused,
        };
        if wanted.is_none() && matches!(other, Refused::Taken(_)) {
            let port = origin.rsplit(':').next().unwrap_or_default();
            running.name = format!("{USUAL_NAME}-{port}");
            match self.claim(&running) {
                Ok(claimed) => return Ok(claimed),
                Err(refused) => other = refused,
            }
        }
        Err(match other {
            Refused::Taken(other) => format!(
                "--name {}: the sandbox of process {} at {} has this name; choose another one",
                other.name,
                other.pid,
                other.origins.first().map_or("", String::as_str)
            ),
            Refused::Unwritable(error) => format!("{}: {error}", self.0.display()),
        })
    }

    /// Those that run, by name; the files of those that do not are removed.
    pub(crate) fn list(&self) -> io::Result<Vec<Running>> {
        let mut all = Vec::new();
        for entry in fs::read_dir(&self.0)? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if !(name.starts_with("sandbox-") && name.ends_with(".json")) {
                continue;
            }
            match read(&path) {
                Some(running) if running.is_alive() => all.push(running),
                found => self.clear(&path, found.as_ref()),
            }
        }
        all.sort_by(|one, two| one.name.cmp(&two.name));
        Ok(all)
    }

    /// Puts the file there whole and at once, or not at all.
    fn claim(&self, running: &Running) -> Result<Locator, Refused> {
        let path = self.0.join(format!("sandbox-{}.json", running.name));
        let mut text = serde_json::to_string(running).unwrap_or_default();
        text.push('\n');
        let beside = self.put("new", &text, Readers::Owner).map_err(Refused::Unwritable)?;
        // A name may be given up by a dead one, and be taken by somebody quicker, once or twice.
        for _ in 0..3 {
            match fs::hard_link(beside.path(), &path) {
                Ok(()) => return Ok(Locator { path, running: running.clone() }),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(Refused::Unwritable(error.to_string())),
            }
            match read(&path) {
                Some(other) if !other.is_before(running) && other.is_alive() => {
                    return Err(Refused::Taken(Box::new(other)));
                }
                found => self.clear(&path, found.as_ref()),
            }
        }
        Err(Refused::Unwritable(format!("{} cannot be replaced", path.display())))
    }

    /// Removes the file of a sandbox that is gone, and its own files in this directory.
    fn clear(&self, path: &Path, found: Option<&Running>) {
        // Somebody may have put a new one there since it was read; what is moved away is looked at again.
        let aside = self.0.join(format!("{}.stale", std::process::id()));
        if fs::rename(path, &aside).is_err() {
            return;
        }
        if read(&aside).as_ref() != found {
            let _ = fs::hard_link(&aside, path);
        } else if let Some(found) = found {
            let files = [Some(&found.control_token_file), found.ca_file.as_ref()];
            for file in files.into_iter().flatten() {
                if file.parent() == Some(self.0.as_path()) {
                    let _ = fs::remove_file(file);
                }
            }
        }
        let _ = fs::remove_file(&aside);
    }
}

impl std::fmt::Display for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let line = format!(
            "{}  {}  pid {}  version {}  token in {}",
            self.name,
            self.origins.join(" "),
            self.pid,
            self.version,
            self.control_token_file.display()
        );
        // The file may hold anything; a terminal must not obey it.
        let plain: String = line.chars().filter(|char| !char.is_control()).collect();
        f.write_str(&plain)
    }
}

impl Running {
    /// Whoever had our address or our number has lost it to us, so it is gone.
    fn is_before(&self, ours: &Self) -> bool {
        self.pid == ours.pid || self.origins == ours.origins
    }

    /// Its process is there, and somebody listens where it says.
    fn is_alive(&self) -> bool {
        const PATIENCE: Duration = Duration::from_millis(500);
        let listens = |origin: &String| {
            let address = origin.split_once("://").and_then(|(_, address)| address.parse().ok());
            address.is_some_and(|address| TcpStream::connect_timeout(&address, PATIENCE).is_ok())
        };
        (!cfg!(target_os = "linux") || Path::new(&format!("/proc/{}", self.pid)).exists())
            && self.origins.iter().any(listens)
    }
}

enum Refused {
    Taken(Box<Running>),
    Unwritable(String),
}

fn read(path: &Path) -> Option<Running> {
    let file = fs::symlink_metadata(path).ok()?;
    if !file.is_file() || file.len() > LARGEST {
        return None;
    }
    serde_json::from_str(&fs::read_to_string(path).ok()?).ok()
}

fn usual_path() -> PathBuf {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    match runtime.filter(|path| path.is_absolute() && path.is_dir()) {
        Some(path) => path.join("dt"),
        None => {
            let user = ["USER", "LOGNAME", "USERNAME"]
                .iter()
                .find_map(|name| std::env::var(name).ok().filter(|name| !name.is_empty()));
            let user: String = user
                .unwrap_or_else(|| "user".to_owned())
                .chars()
                .map(|char| if char.is_ascii_alphanumeric() { char } else { '_' })
                .collect();
            std::env::temp_dir().join(format!("dt-{user}"))
        }
    }
}

/// Makes a directory for its owner alone, or makes sure that it is one.
fn private(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let found = fs::symlink_metadata(path)?;
    let refused = |why: &str| Err(io::Error::new(ErrorKind::PermissionDenied, why));
    if !found.is_dir() {
        return refused("this is no directory");
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        if found.mode() & 0o077 != 0 {
            return refused("others may look into this directory; chmod 700 it");
        }
        // What we make is ours, so this tells whose the directory is.
        let probe = path.join(format!("{}.probe", std::process::id()));
        let _ = fs::remove_file(&probe);
        write_new(&probe, "", Readers::Owner)?;
        let probe = Temporary::of(probe);
        if fs::symlink_metadata(probe.path())?.uid() != found.uid() {
            return refused("this directory is somebody else's");
        }
    }
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    /// A directory of this test's own, gone at its end.
    struct Place(Directory);

    impl Place {
        fn new(name: &str) -> Self {
            let name = format!("dingtalk-locator-{name}-{}", std::process::id());
            let path = std::env::temp_dir().join(name);
            private(&path).expect("there is room for a directory");
            Self(Directory(path))
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0.0);
        }
    }

    fn running(name: &str, origin: &str, pid: u32) -> Running {
        Running {
            name: name.to_owned(),
            origins: vec![origin.to_owned()],
            pid,
            version: "0".to_owned(),
            control_token_file: "/nowhere/token".into(),
            ca_file: None,
        }
    }

    /// A process that lives as long as this test.
    fn neighbour() -> u32 {
        std::os::unix::process::parent_id()
    }

    #[test]
    fn a_name_is_kept_by_the_living_and_given_up_by_the_dead() {
        let place = Place::new("names");
        let sandbox = Sandbox::start().unwrap();
        let alive = running("default", &sandbox.origin(), neighbour());
        let held = place.0.claim(&alive).unwrap_or_else(|_| panic!("the name is free"));
        let new = Sandbox::start().unwrap();
        let token = Path::new("/nowhere/token");
        let said = place.0.announce(Some("default"), &new, token, None).unwrap_err();
        assert!(said.contains(&format!("process {}", neighbour())), "{said}");
        assert!(said.contains("--name default") && said.contains(&sandbox.origin()), "{said}");
        let second = place.0.announce(None, &new, token, None).unwrap();
        assert!(new.origin().ends_with(&second.name()["default-".len()..]), "{second:?}");
        assert_eq!(place.0.list().unwrap(), [alive, second.running.clone()]);
        drop(sandbox);
        let third = place.0.announce(None, &new, token, None).unwrap();
        assert_eq!(third.name(), "default", "nobody listens at the old one's address any more");
        drop(held);
        assert!(third.path.exists(), "it is another one's by now");
        drop((second, third));
        assert_eq!(fs::read_dir(&place.0.0).unwrap().count(), 0, "nothing is left");
    }

    #[test]
    fn what_a_dead_one_left_is_removed_with_its_token_and_nobody_elses_files() {
        let place = Place::new("stale");
        let token = place.0.0.join("1.token");
        let other = place.0.0.join("keep.json");
        fs::write(&token, "secret").unwrap();
        fs::write(&other, "{}").unwrap();
        let mut dead = running("old", "http://127.0.0.1:1", neighbour());
        dead.control_token_file = token.clone();
        dead.ca_file = Some(std::env::current_exe().unwrap());
        std::mem::forget(place.0.claim(&dead));
        fs::write(place.0.0.join("sandbox-broken.json"), "{\"name\":").unwrap();
        assert_eq!(place.0.list().unwrap(), []);
        assert!(!token.exists() && other.exists());
        assert!(std::env::current_exe().unwrap().exists(), "it lies elsewhere");
        assert_eq!(fs::read_dir(&place.0.0).unwrap().count(), 1);
    }

    #[test]
    fn a_directory_that_others_can_use_is_refused() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let place = Place::new("open");
        let (open, link) = (place.0.0.join("open"), place.0.0.join("link"));
        fs::create_dir(&open).unwrap();
        fs::set_permissions(&open, fs::Permissions::from_mode(0o755)).unwrap();
        assert!(private(&open).is_err_and(|error| error.to_string().contains("chmod 700")));
        fs::set_permissions(&open, fs::Permissions::from_mode(0o700)).unwrap();
        assert!(private(&open).is_ok());
        symlink(&open, &link).unwrap();
        assert!(private(&link).is_err_and(|error| error.to_string().contains("no directory")));
    }
}
