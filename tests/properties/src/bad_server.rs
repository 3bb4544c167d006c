//! [`BadServer`]: a server that does what its test says with each connection, and counts.

use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use dingtalk_core::Region;

/// A server on a free port of loopback. Dropping it stops it.
#[derive(Debug)]
pub struct BadServer {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    over: Arc<AtomicBool>,
    open: Connections,
}

/// The connections that are served, each with a handle of its own and a sign of whether it is
/// still served.
type Connections = Arc<Mutex<HashMap<u64, (TcpStream, Weak<()>)>>>;

/// A request as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Seen {
    /// Method and target.
    pub line: String,
    /// Everything from the first byte to the last of the body.
    pub text: String,
}

impl Seen {
    /// The same as a server's program has it.
    ///
    /// # Panics
    /// When no client of ours would have sent it.
    pub fn to_http(&self) -> http::Request<Vec<u8>> {
        let (head, body) = self.text.split_once("\r\n\r\n").expect("it was read to its end");
        let (method, target) = self.line.split_once(' ').expect("a request line");
        let mut request = http::Request::builder().method(method).uri(target);
        for line in head.split("\r\n").skip(1) {
            let (name, value) = line.split_once(':').expect("a header");
            request = request.header(name, value.trim());
        }
        request.body(body.as_bytes().to_vec()).expect("it was sent by a client")
    }
}

impl BadServer {
    /// Gives every request to `serve`, with the number of requests that came before it, and the
    /// connection to answer on. The connection ends where it returns `false`.
    pub fn new(
        serve: impl Fn(usize, &Seen, &mut TcpStream) -> bool + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let seen = Arc::new(Mutex::new(Vec::new()));
        let over = Arc::new(AtomicBool::new(false));
        let open = Connections::default();
        let (serve, record, ended) = (Arc::new(serve), Arc::clone(&seen), Arc::clone(&over));
        let now_open = Arc::clone(&open);
        thread::spawn(move || {
            for (number, stream) in (0..).zip(listener.incoming()) {
                if ended.load(Ordering::Relaxed) {
                    return;
                }
                let Ok(stream) = stream else { return };
                let (serve, record) = (Arc::clone(&serve), Arc::clone(&record));
                let Ok(twin) = stream.try_clone() else { return };
                let served = Arc::new(());
                lock(&now_open).insert(number, (twin, Arc::downgrade(&served)));
                let open = Open(number, Arc::clone(&now_open));
                thread::spawn(move || {
                    // They end in the opposite order.
                    let _served = served;
                    let mut stream = stream;
                    let _open = open;
                    let _ = stream.set_read_timeout(Some(Duration::from_secs(20)));
                    let _ = stream.set_nodelay(true);
                    while let Some(request) = read_request(&mut stream) {
                        let before = {
                            let mut record = lock(&record);
                            record.push(request.clone());
                            record.len() - 1
                        };
                        if !serve(before, &request, &mut stream) {
                            return;
                        }
                    }
                });
            }
        });
        Self { address, seen, over, open }
    }

    /// Gives tokens rightly, and every other request to `serve`.
    pub fn after_token(
        serve: impl Fn(&Seen, &mut TcpStream) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self::new(move |_, request, stream| {
            if request.line.contains("/v1.0/oauth2/accessToken") {
                return answer(stream, 200, TOKEN);
            }
            serve(request, stream)
        })
    }

    /// `http://127.0.0.1:PORT`.
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The server as a region.
    pub fn region(&self) -> Region {
        Region::custom(&self.origin()).expect("it is on loopback")
    }

    /// The requests so far.
    pub fn seen(&self) -> Vec<Seen> {
        lock(&self.seen).clone()
    }

    /// Ends every connection with this farewell, in the middle of whatever is done on it, and
    /// goes on when the other side's system has heard of it.
    pub fn hang_up(&self, farewell: &[u8]) {
        let open: Vec<_> = lock(&self.open).drain().collect();
        for (_, (mut stream, served)) in open {
            let _ = stream.write_all(farewell);
            let _ = socket2::SockRef::from(&stream).set_linger(Some(Duration::from_secs(10)));
            let _ = stream.shutdown(Shutdown::Both);
            // Only the last handle of a connection waits for the other side when it is closed: let
            // it be this one.
            while served.strong_count() > 0 {
                thread::sleep(Duration::from_millis(1));
            }
        }
    }

    /// How many requests hold this text.
    pub fn count(&self, text: &str) -> usize {
        lock(&self.seen).iter().filter(|seen| seen.text.contains(text)).count()
    }
}

/// A connection, until its server leaves it.
struct Open(u64, Connections);

impl Drop for Open {
    fn drop(&mut self) {
        lock(&self.1).remove(&self.0);
    }
}

impl Drop for BadServer {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        // The listener wakes up by it.
        let _ = TcpStream::connect(self.address);
    }
}

/// The token that [`BadServer::after_token`] gives, with a word in it that must never be printed.
const TOKEN: &str = r#"{"expireIn":7200,"accessToken":"canary-app-token"}"#;

/// Answers with a status and a body of JSON; the connection may go on if nothing failed.
pub fn answer(stream: &mut TcpStream, status: u16, body: &str) -> bool {
    let head = format!(
        "HTTP/1.1 {status} Status\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(format!("{head}{body}").as_bytes()).is_ok()
}

/// Answers with a person's record.
pub fn ok_json(stream: &mut TcpStream) -> bool {
    let body = r#"{"errcode":0,"errmsg":"ok","result":{"userid":"u","unionid":"x","name":"n"}}"#;
    answer(stream, 200, body)
}

/// Ends the connection with a reset, once the test has let go of it.
pub fn reset(stream: &TcpStream) -> bool {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
    if let (Ok(runtime), Ok(twin)) = (runtime, stream.try_clone()) {
        let _inside = runtime.enter();
        let _ = twin.set_nonblocking(true);
        // With nothing to linger for, closing sends RST; the standard library cannot say so yet.
        if let Ok(twin) = tokio::net::TcpStream::from_std(twin) {
            let _ = twin.set_zero_linger();
        }
    }
    false
}

/// Ends the connection in order.
pub fn end(stream: &TcpStream) -> bool {
    let _ = stream.shutdown(Shutdown::Both);
    false
}

/// Reads a request with its body; none where the connection ended.
fn read_request(stream: &mut TcpStream) -> Option<Seen> {
    let mut bytes = Vec::new();
    let mut piece = [0; 16 * 1024];
    let mut more = |bytes: &mut Vec<u8>| loop {
        match stream.read(&mut piece) {
            Ok(0) => return false,
            Ok(len) => {
                bytes.extend_from_slice(piece.get(..len).unwrap_or_default());
                return true;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return false,
        }
    };
    let head = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        if !more(&mut bytes) {
            return None;
        }
    };
    let text = String::from_utf8_lossy(bytes.get(..head)?).to_ascii_lowercase();
    let length = text.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
    let length: usize = length.and_then(|length| length.parse().ok()).unwrap_or(0);
    while bytes.len() < head + length {
        if !more(&mut bytes) {
            return None;
        }
    }
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let line = text.split(" HTTP/1.1").next().unwrap_or_default().to_owned();
    Some(Seen { line, text })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
