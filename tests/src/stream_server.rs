//! [`StreamServer`]: the platform's side of Stream, which says what its test wants it to say.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use dingtalk_core::Region;
use serde_json::{Value, json};
use tungstenite::handshake::server::{Request, Response};
use tungstenite::{Message, accept_hdr};

/// A web socket as the platform has it.
#[derive(Debug)]
pub struct WebSocket(tungstenite::WebSocket<TcpStream>);

/// A server on a free port of loopback. Dropping it stops it.
#[derive(Debug)]
pub struct StreamServer {
    address: SocketAddr,
    opened: Arc<AtomicUsize>,
    tickets: Arc<Mutex<Vec<String>>>,
    over: Arc<AtomicBool>,
}

impl StreamServer {
    /// Gives a ticket to everybody who asks, and every web socket to `talk`, with the number of
    /// those before it. The connection ends, without a farewell, where it returns.
    pub fn new(talk: impl Fn(usize, &mut WebSocket) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let server =
            Self { address, opened: Arc::default(), tickets: Arc::default(), over: Arc::default() };
        let (opened, tickets) = (Arc::clone(&server.opened), Arc::clone(&server.tickets));
        let (over, talk) = (Arc::clone(&server.over), Arc::new(talk));
        thread::spawn(move || {
            for stream in listener.incoming() {
                if over.load(Ordering::Relaxed) {
                    return;
                }
                let Ok(stream) = stream else { return };
                let (opened, tickets) = (Arc::clone(&opened), Arc::clone(&tickets));
                let talk = Arc::clone(&talk);
                thread::spawn(move || serve(stream, address, &opened, &tickets, &*talk));
            }
        });
        server
    }

    /// Where it is.
    pub fn region(&self) -> Region {
        Region::custom(&format!("http://{}", self.address)).expect("it is on loopback")
    }

    /// How often it was asked for a connection.
    pub fn opened(&self) -> usize {
        self.opened.load(Ordering::Relaxed)
    }

    /// The tickets that came with web sockets.
    pub fn tickets(&self) -> Vec<String> {
        self.tickets.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for StreamServer {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address);
    }
}

impl WebSocket {
    /// Says this.
    pub fn say(&mut self, frame: &Value) {
        self.say_text(&frame.to_string());
    }

    /// Says anything.
    pub fn say_text(&mut self, text: &str) {
        // Who has gone is found out by listening.
        let _ = self.0.send(Message::text(text));
    }

    /// The next text that comes, or nothing at the end.
    pub fn hear(&mut self) -> Option<Value> {
        loop {
            match self.0.read().ok()? {
                Message::Text(text) => return serde_json::from_str(&text).ok(),
                Message::Close(_) => return None,
                _ => {}
            }
        }
    }

    /// Listens until the other side ends it.
    pub fn hear_out(&mut self) {
        while self.hear().is_some() {}
    }

    /// Bytes past the web socket's rules.
    pub fn garble(&mut self, bytes: &[u8]) {
        let _ = self.0.get_mut().write_all(bytes);
    }
}

/// An event as the platform pushes it.
pub fn event_frame(message_id: &str, event_type: &str) -> Value {
    let headers = json!({
        "topic": "*", "messageId": message_id, "contentType": "application/json",
        "eventType": event_type, "eventId": "e", "eventCorpId": "dingcorp",
    });
    json!({"specVersion": "1.0", "type": "EVENT", "headers": headers, "data": "{}"})
}

/// A ping or a `disconnect`.
pub fn system_frame(topic: &str) -> Value {
    let headers = json!({"topic": topic, "messageId": "s", "contentType": "application/json"});
    json!({"type": "SYSTEM", "headers": headers, "data": "{\"opaque\":\"o\"}"})
}

fn serve(
    mut stream: TcpStream,
    address: SocketAddr,
    opened: &AtomicUsize,
    tickets: &Mutex<Vec<String>>,
    talk: &(dyn Fn(usize, &mut WebSocket) + Send + Sync),
) {
    let _ = stream.set_read_timeout(Some(Duration::from_secs(60)));
    let _ = stream.set_nodelay(true);
    let mut method = [0; 4];
    while let Ok(count) = stream.peek(&mut method) {
        match &method[..count] {
            b"POST" => {
                if !answer(&mut stream, address, opened.fetch_add(1, Ordering::Relaxed)) {
                    return;
                }
            }
            b"GET " => break,
            _ => return,
        }
    }
    let mut nth = 0;
    #[allow(clippy::result_large_err)] // tungstenite's own type
    let note = |request: &Request, response: Response| {
        let mut tickets = tickets.lock().unwrap_or_else(PoisonError::into_inner);
        nth = tickets.len();
        tickets.push(request.uri().query().unwrap_or_default().to_owned());
        Ok(response)
    };
    if let Ok(socket) = accept_hdr(stream, note) {
        talk(nth, &mut WebSocket(socket));
    }
}

/// Reads a whole request and gives a ticket.
fn answer(stream: &mut TcpStream, address: SocketAddr, nth: usize) -> bool {
    let mut request = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&request);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_ascii_lowercase();
            let length =
                head.split("content-length: ").nth(1).and_then(|it| it.split("\r\n").next());
            if body.len() >= length.and_then(|it| it.parse().ok()).unwrap_or(0) {
                break;
            }
        }
        match stream.read(&mut chunk) {
            Ok(count) if count > 0 => request.extend_from_slice(&chunk[..count]),
            _ => return false,
        }
    }
    let body =
        json!({"endpoint": format!("ws://{address}/connect"), "ticket": format!("tkt-{nth}")});
    let body = body.to_string();
    let length = body.len();
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json";
    write!(stream, "{head}\r\ncontent-length: {length}\r\n\r\n{body}").is_ok()
}
