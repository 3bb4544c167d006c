//! The program on the machine: how it is found, where it listens, and how it ends.
#![cfg(unix)]

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::run::{Place, Serving, fails, program, text};

/// A program whose user has this directory.
fn within(place: &Place, args: &[&str]) -> Command {
    let mut command = program(args);
    command.args(["--port", "0", "--print-env"]).env("XDG_RUNTIME_DIR", place.file(""));
    command
}

fn list(place: &Place) -> String {
    let output =
        program(&["list"]).env("XDG_RUNTIME_DIR", place.file("")).output().expect("it runs");
    assert!(output.status.success());
    String::from_utf8(output.stdout).expect("it is text")
}

fn address(serving: &Serving) -> String {
    let (_, address) = serving.var("BASE_URL").split_once("://").expect("an origin");
    address.to_owned()
}

fn mode(path: &std::path::Path) -> u32 {
    fs::metadata(path).expect("it is there").permissions().mode() & 0o777
}

#[test]
fn a_running_sandbox_is_found_by_its_file_which_holds_no_token_and_goes_with_it() {
    let place = Place::new("found");
    let serving = Serving::spawn(within(&place, &[]));
    let file = place.file("dt/sandbox-default.json");
    let told: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    assert_eq!(told["origins"][0].as_str(), Some(serving.var("BASE_URL")));
    assert_eq!(told["pid"], serving.id());
    assert_eq!(told["version"], env!("CARGO_PKG_VERSION"));
    let token = serving.var("SANDBOX_TOKEN");
    let token_file = std::path::PathBuf::from(told["controlTokenFile"].as_str().unwrap());
    assert_eq!(fs::read_to_string(&token_file).unwrap(), token);
    assert!(!told.to_string().contains(token));
    assert_eq!((mode(&file), mode(&token_file), mode(&place.file("dt"))), (0o600, 0o600, 0o700));
    let listed = list(&place);
    assert!(listed.starts_with("default  http://127.0.0.1:"), "{listed}");
    assert!(listed.contains(&format!("pid {}", serving.id())) && !listed.contains(token));
    assert!(serving.interrupt());
    assert_eq!(fs::read_dir(place.file("dt")).unwrap().count(), 0, "nothing is left");
    assert_eq!(list(&place), "");
}

#[test]
fn a_name_is_refused_while_its_owner_lives_and_free_when_it_was_killed() {
    let place = Place::new("name");
    let first = Serving::spawn(within(&place, &["--name", "shop"]));
    let refused = within(&place, &["--name", "shop"]).output().expect("it runs");
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success() && refused.stdout.is_empty());
    assert!(said.contains("--name shop: the sandbox of process "), "{said}");
    assert!(said.contains(&first.id().to_string()) && said.contains("choose another"), "{said}");
    let others = [Serving::spawn(within(&place, &[])), Serving::spawn(within(&place, &[]))];
    let listed = list(&place);
    let names: Vec<&str> = listed.lines().filter_map(|line| line.split("  ").next()).collect();
    let second = format!("default-{}", address(&others[1]).rsplit(':').next().unwrap());
    assert_eq!(names, ["default", second.as_str(), "shop"]);
    // As a crash does: nothing is removed.
    drop(first);
    assert!(place.file("dt/sandbox-shop.json").exists());
    let again = Serving::spawn(within(&place, &["--name", "shop"]));
    assert!(list(&place).contains(&format!("pid {}", again.id())));
    drop(again);
    drop(others);
    assert_eq!(list(&place), "");
    assert_eq!(fs::read_dir(place.file("dt")).unwrap().count(), 0, "tokens of the dead included");
}

#[test]
fn a_directory_that_others_can_read_gets_no_token() {
    let place = Place::new("loose");
    fs::create_dir(place.file("dt")).unwrap();
    fs::set_permissions(place.file("dt"), fs::Permissions::from_mode(0o755)).unwrap();
    let serving = Serving::spawn(within(&place, &[]));
    assert_eq!(fs::read_dir(place.file("dt")).unwrap().count(), 0);
    assert!(serving.said().contains("not listed"), "it serves all the same, and says so");
    let refused = within(&place, &["--name", "a"]).output().expect("it runs");
    assert!(String::from_utf8(refused.stderr).unwrap().contains("chmod 700"));
}

#[test]
fn under_https_the_shell_gets_an_https_url_and_a_file_to_trust_it_by() {
    let place = Place::new("https");
    let serving = Serving::spawn(within(&place, &["--https"]));
    assert!(serving.var("BASE_URL").starts_with("https://127.0.0.1:"));
    let names: Vec<&str> =
        serving.env.lines().filter_map(|line| line.split('=').next()?.split(' ').nth(1)).collect();
    assert_eq!(names.len(), 12);
    assert_eq!(names[10..], ["DINGTALK_SANDBOX_TOKEN", "DINGTALK_CA_FILE"]);
    let usual = fs::read_to_string(serving.var("CA_FILE")).unwrap();
    assert!(usual.starts_with("-----BEGIN CERTIFICATE-----") && !usual.contains("KEY"));
    let told = fs::read_to_string(place.file("dt/sandbox-default.json")).unwrap();
    assert!(told.contains(serving.var("CA_FILE")));
    assert!(serving.interrupt());
    let file = place.file("ca.pem");
    let serving = Serving::spawn(within(&place, &["--https=expired", "--ca-file", text(&file)]));
    assert_eq!(serving.var("CA_FILE"), text(&file));
    assert_ne!(fs::read_to_string(&file).unwrap(), usual, "another authority at every start");
    assert!(serving.interrupt() && !file.exists());
}

#[test]
fn the_network_is_let_in_with_a_warning_only() {
    let quiet = Serving::start(&["--bind", "127.0.0.1"]);
    assert_eq!(quiet.said(), "");
    let open = Serving::start(&["--bind", "0.0.0.0"]);
    assert!(open.var("BASE_URL").starts_with("http://127.0.0.1:"), "what this machine calls");
    let said = open.said();
    assert!(said.contains("WARNING") && said.contains("--bind 0.0.0.0"), "{said}");
    let nobody = fails(&["--bind", "192.0.2.1", "--port", "0"]);
    assert!(nobody.contains("--bind 192.0.2.1: this machine does not have"), "{nobody}");
    let taken = Serving::start(&[]);
    let port = address(&taken).rsplit(':').next().unwrap().to_owned();
    let said = fails(&["--port", &port]);
    assert!(said.contains(&format!("port {port} is taken")) && said.contains("--port"), "{said}");
}

#[test]
fn the_end_closes_open_connections_and_saves_what_was_answered_however_often_it_is_asked_for() {
    let place = Place::new("end");
    for signals in [&["-INT"][..], &["-TERM"], &["-INT", "-INT", "-TERM"]] {
        let state = place.file("state.json");
        let _ = fs::remove_file(&state);
        let serving = Serving::start(&["--state", text(&state), "--people", "2000"]);
        let connect = || TcpStream::connect(address(&serving)).expect("it listens");
        let (mut idle, mut half, mut busy) = (connect(), connect(), connect());
        half.write_all(b"POST /gettoken HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc")
            .unwrap();
        let query = (serving.var("CLIENT_ID"), serving.var("CLIENT_SECRET"));
        let line = format!("GET /gettoken?appkey={}&appsecret={}", query.0, query.1);
        busy.write_all(format!("{line} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).unwrap();
        let mut answer = [0; 4096];
        let count = busy.read(&mut answer).unwrap();
        let answer = String::from_utf8_lossy(&answer[..count]).into_owned();
        let (_, rest) = answer.split_once("\"access_token\":\"").expect("there is a token");
        let token = &rest[..32];
        assert!(serving.end(signals), "{signals:?}: the exit status is 0");
        for open in [&mut idle, &mut half, &mut busy] {
            let end = open.read(&mut [0; 16]);
            let gone = matches!(&end, Ok(0))
                || end.is_err_and(|error| error.kind() == ErrorKind::ConnectionReset);
            assert!(gone, "{signals:?}");
        }
        assert!(fs::read_to_string(&state).unwrap().contains(token), "{signals:?}");
        assert_eq!(mode(&state), 0o600);
    }
    assert_eq!(fs::read_dir(place.file("")).unwrap().count(), 1, "no half file beside it");
}

#[test]
fn it_serves_within_a_tenth_of_a_second() {
    let best = (0..10).map(|_| {
        let begun = Instant::now();
        drop(Serving::start(&["--https"]));
        begun.elapsed()
    });
    let best = best.min().unwrap_or_default();
    assert!(best < Duration::from_millis(100), "{best:?}");
}
