//! Servers in processes of their own, and a caller that is as light as can be: raw bytes on kept connections.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use dingtalk_sandbox::Sandbox;

use crate::Outcome;

type Trouble = Box<dyn std::error::Error + Send + Sync>;

/// A child that ends with this.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: String,
}

impl Server {
    /// This program again, with other arguments.
    pub(crate) fn start(arguments: &[&str]) -> Result<Self, Trouble> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let stdout = child.stdout.take().ok_or("the server has no output")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let address = line.trim().trim_start_matches("http://").to_owned();
        Ok(Self { child, address })
    }

    /// Resident kilobytes.
    pub(crate) fn resident(&self) -> Result<u64, Trouble> {
        resident(self.child.id())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Resident kilobytes of a process.
pub(crate) fn resident(process: u32) -> Result<u64, Trouble> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    Ok(line.trim().trim_end_matches("kB").trim().parse()?)
}

/// A sandbox with so many people, until standard input ends.
pub(crate) fn serve_sandbox(people: &str) -> Outcome {
    let sandbox = Sandbox::builder().population(people.parse()?).start()?;
    println!("{}", sandbox.origin());
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

/// Sends one request and reads its answer: the head and the body.
pub(crate) fn exchange(
    stream: &mut TcpStream,
    request: &[u8],
) -> Result<(String, String), Trouble> {
    stream.write_all(request)?;
    let mut got = Vec::with_capacity(4096);
    let mut buffer = [0; 8192];
    loop {
        let read = stream.read(&mut buffer)?;
        if read == 0 {
            return Err("the server hung up".into());
        }
        got.extend_from_slice(&buffer[..read]);
        let Some(end) = got.windows(4).position(|part| part == b"\r\n\r\n") else {
            continue;
        };
        let head = String::from_utf8_lossy(&got[..end]).into_owned();
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>())
        });
        let length = length.ok_or("an answer without a length")??;
        if got.len() >= end + 4 + length {
            return Ok((head, String::from_utf8_lossy(&got[end + 4..]).into_owned()));
        }
    }
}

pub(crate) fn get(address: &str, path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: {address}\r\n\r\n").into_bytes()
}

pub(crate) fn post(address: &str, path: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// Calls a second over so many connections. One thread writes to all and then reads from all, so that the server, not
/// the caller, is what takes the time; the answer's length is known from the first exchange.
pub(crate) fn rate(
    address: &str,
    request: &[u8],
    connections: usize,
    for_so_long: Duration,
) -> Result<f64, Trouble> {
    let mut streams = Vec::new();
    let mut length = 0;
    for _ in 0..connections {
        let mut stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        let (head, body) = exchange(&mut stream, request)?;
        length = head.len() + 4 + body.len();
        streams.push(stream);
    }
    let mut buffer = vec![0; length];
    let mut calls = 0_u32;
    let start = Instant::now();
    for stream in &mut streams {
        stream.write_all(request)?;
    }
    while start.elapsed() < for_so_long {
        for stream in &mut streams {
            stream.read_exact(&mut buffer)?;
            stream.write_all(request)?;
            calls += 1;
        }
    }
    Ok(f64::from(calls) / start.elapsed().as_secs_f64())
}
