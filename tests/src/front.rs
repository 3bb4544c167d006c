//! [`Front`]: a server before a sandbox that does to the calls of one operation what no decent
//! server does, and hands all others on.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dingtalk_sandbox::Sandbox;

use crate::{BadServer, Seen};

/// What is done to an answer on its way: it is written to the stream, or something else is. The
/// connection ends where it returns `false`.
pub type Misdeed = fn(&mut TcpStream, &Whole) -> bool;

/// A misbehaving server whose answers are a sandbox's.
#[derive(Debug)]
pub struct Front {
    server: BadServer,
    plot: Arc<Mutex<Option<Plot>>>,
}

/// What is to go wrong.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Plot {
    /// Method and path template of the calls that are struck; `*` for all.
    pub operation: &'static str,
    /// How many of them.
    pub times: usize,
    /// Whether the sandbox executes what is struck.
    pub executes: bool,
    /// What is done.
    pub misdeed: Misdeed,
    /// How many were struck so far.
    pub struck: usize,
}

impl Plot {
    /// Strikes so many calls of an operation.
    pub fn new(operation: &'static str, times: usize, executes: bool, misdeed: Misdeed) -> Self {
        Self { operation, times, executes, misdeed, struck: 0 }
    }
}

/// A whole answer of the sandbox's, before anything is done to it. Without execution it is empty.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Whole {
    /// The HTTP status.
    pub status: u16,
    /// All headers but those about the body's length, as lines.
    pub headers: String,
    /// The body.
    pub body: Vec<u8>,
}

impl Whole {
    /// Head and body with these further header lines.
    pub fn bytes_with(&self, lines: &str) -> Vec<u8> {
        let head = format!("HTTP/1.1 {} Status\r\n{}{lines}\r\n", self.status, self.headers);
        [head.as_bytes(), &self.body].concat()
    }

    /// Head and body as they should be.
    pub fn bytes(&self) -> Vec<u8> {
        self.bytes_with(&format!("Content-Length: {}\r\n", self.body.len()))
    }

    /// The same with another body.
    #[must_use]
    pub fn with_body(&self, body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), ..self.clone() }
    }

    /// The body as text.
    ///
    /// # Panics
    /// When it is none.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the platform writes UTF-8")
    }
}

impl Front {
    /// Before this sandbox.
    pub fn new(sandbox: Sandbox) -> Self {
        let plot: Arc<Mutex<Option<Plot>>> = Arc::default();
        let plotted = Arc::clone(&plot);
        let server = BadServer::new(move |_, seen, stream| {
            let plot = struck(&mut lock(&plotted), seen);
            let executed = plot.as_ref().is_none_or(|plot| plot.executes);
            let whole = if executed { answer(&sandbox, seen) } else { Whole::nothing() };
            match plot {
                Some(plot) => (plot.misdeed)(stream, &whole),
                None => stream.write_all(&whole.bytes()).is_ok(),
            }
        });
        Self { server, plot }
    }

    /// `http://127.0.0.1:PORT`.
    pub fn origin(&self) -> String {
        self.server.origin()
    }

    /// From now on this goes wrong, or nothing.
    pub fn plot(&self, plot: Option<Plot>) {
        *lock(&self.plot) = plot;
    }

    /// How many calls were struck since the last plot was made.
    pub fn struck(&self) -> usize {
        lock(&self.plot).as_ref().map_or(0, |plot| plot.struck)
    }

    /// Ends every connection: see [`BadServer::hang_up`].
    pub fn hang_up(&self, farewell: &[u8]) {
        self.server.hang_up(farewell);
    }

    /// How many requests hold this text.
    pub fn count(&self, text: &str) -> usize {
        self.server.count(text)
    }
}

impl Whole {
    fn nothing() -> Self {
        Self { status: 200, headers: String::new(), body: Vec::new() }
    }
}

/// Whether a request's method and path are an operation's.
pub fn is_operation(operation: &str, method: &str, path: &str) -> bool {
    let Some((wanted, template)) = operation.split_once(' ') else { return operation == "*" };
    let path = path.split('?').next().unwrap_or_default();
    let (mut parts, mut wanted_parts) = (path.split('/'), template.split('/'));
    wanted == method
        && loop {
            match (parts.next(), wanted_parts.next()) {
                (None, None) => break true,
                (Some(part), Some(wanted)) if part == wanted || wanted.starts_with('{') => {}
                _ => break false,
            }
        }
}

/// Leaves the connection open in silence until the caller gives up.
pub fn hold(stream: &mut TcpStream) -> bool {
    // Reads are given up after a while by the stream's own limit.
    while matches!(stream.read(&mut [0; 64]), Ok(len) if len > 0) {}
    false
}

fn struck(plot: &mut Option<Plot>, seen: &Seen) -> Option<Plot> {
    let (method, path) = seen.line.split_once(' ')?;
    let plot = plot.as_mut()?;
    if plot.struck >= plot.times || !is_operation(plot.operation, method, path) {
        return None;
    }
    plot.struck += 1;
    Some(plot.clone())
}

fn answer(sandbox: &Sandbox, seen: &Seen) -> Whole {
    let (head, body) = sandbox.handle(seen.to_http()).into_parts();
    let mut headers = String::new();
    for (name, value) in &head.headers {
        if !matches!(name.as_str(), "content-length" | "transfer-encoding" | "connection") {
            let value = String::from_utf8_lossy(value.as_bytes());
            headers.push_str(&format!("{name}: {value}\r\n"));
        }
    }
    Whole { status: head.status.as_u16(), headers, body }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
