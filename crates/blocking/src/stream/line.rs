//! One web socket: a thread waits for what comes, and whoever has something to say sends it.

use std::io::Read;
use std::net::{Shutdown, TcpStream};
use std::sync::mpsc::SyncSender;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dingtalk_core::TransportError;
use dingtalk_core::stream::{Address, Input, Link, Settings};
use dingtalk_tls::web_socket;
use http::HeaderValue;
use tungstenite::error::Error;
use tungstenite::handshake::HandshakeError;
use tungstenite::handshake::client::ClientHandshake;
use tungstenite::{Message, WebSocket};

use super::pipe::{self, Pipe};
use crate::connect::Connect;

/// Who does not read for so long is gone.
const LONGEST_WRITE: Duration = Duration::from_secs(10);

#[derive(Default)]
pub(crate) struct Line(Mutex<State>);

#[derive(Default)]
enum State {
    #[default]
    Opening,
    Open(Box<Open>),
    Closed,
}

struct Open {
    web: WebSocket<Pipe>,
    network: TcpStream,
}

impl Line {
    /// Sends a message. If that fails the reading thread hears of it.
    pub(crate) fn send(&self, message: Message) {
        if let State::Open(open) = &mut *self.state()
            && (open.web.send(message).is_err() || open.flush().is_err())
        {
            let _ = open.network.shutdown(Shutdown::Both);
        }
    }

    /// Says goodbye and ends the reading thread. One that is still opening ends when it is open.
    pub(crate) fn close(&self) {
        let state = std::mem::replace(&mut *self.state(), State::Closed);
        if let State::Open(mut open) = state {
            // It may be gone already.
            let _ = open.web.close(None);
            let _ = open.flush();
            let _ = open.network.shutdown(Shutdown::Both);
        }
    }

    /// Opens the web socket and reads it to its end; why it ended is what is left.
    pub(crate) fn carry(
        &self,
        link: Link,
        address: Address,
        connect: &Connect,
        settings: &Settings,
        inputs: &SyncSender<Input>,
    ) -> TransportError {
        let (open, reader) = match open(address, connect, settings) {
            Ok(opened) => opened,
            Err(why) => return why,
        };
        match &mut *self.state() {
            State::Closed => return closed(),
            state => *state = State::Open(Box::new(open)),
        }
        // What cannot be told is not wanted any more; the line is closed then.
        let _ = inputs.send(Input::Connected(link));
        self.read(link, reader, inputs)
    }

    fn read(
        &self,
        link: Link,
        mut reader: TcpStream,
        inputs: &SyncSender<Input>,
    ) -> TransportError {
        let mut chunk = vec![0; 16 << 10];
        loop {
            let (came, end) = self.take(link);
            for input in came {
                let _ = inputs.send(input);
            }
            if let Some(why) = end {
                return why;
            }
            // Cut by the other side or by us: either way it is the end.
            let count = reader.read(&mut chunk).unwrap_or_default();
            if let State::Open(open) = &mut *self.state() {
                open.web.get_mut().feed(chunk.get(..count).unwrap_or_default());
            }
        }
    }

    /// Takes the messages that are there, and why there will be no more.
    fn take(&self, link: Link) -> (Vec<Input>, Option<TransportError>) {
        let mut came = Vec::new();
        let State::Open(open) = &mut *self.state() else { return (came, Some(closed())) };
        let end = loop {
            match open.web.read() {
                Ok(Message::Text(text)) => {
                    came.push(Input::Text(link, text.as_str().to_owned()));
                }
                Ok(Message::Binary(_)) => came.push(Input::Text(link, String::new())),
                Ok(_) => came.push(Input::Alive(link)),
                Err(Error::Io(error)) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    break None;
                }
                Err(error) => break Some(web_socket::fault(&error)),
            }
        };
        // Reading answers pings and farewells.
        let end = match open.flush() {
            Err(error) if end.is_none() => Some(web_socket::fault(&Error::Io(error))),
            _ => end,
        };
        (came, end)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    fn flush(&mut self) -> std::io::Result<()> {
        self.web.get_mut().flush_to(&mut self.network)
    }
}

fn open(
    address: Address,
    connect: &Connect,
    settings: &Settings,
) -> Result<(Open, TcpStream), TransportError> {
    let user_agent = HeaderValue::from_str(connect.user_agent())
        .map_err(|_| TransportError::not_sent("the user agent cannot stand in a header"))?;
    let stream = connect.open(&address.origin(), settings.connect)?;
    let request = web_socket::request(address, &user_agent)?;
    let (pipe, mut socket) = Pipe::of(stream);
    let config = web_socket::config(settings.largest_frame);
    let mut handshake = ClientHandshake::start(pipe, request, Some(config))
        .map_err(|error| web_socket::fault(&error))?;
    let broken = |error| web_socket::fault(&Error::Io(error));
    let mut chunk = [0; 4096];
    let web = loop {
        handshake = match handshake.handshake() {
            Ok((web, _)) => break web,
            Err(HandshakeError::Failure(error)) => return Err(web_socket::fault(&error)),
            Err(HandshakeError::Interrupted(waiting)) => waiting,
        };
        let pipe = handshake.get_mut().get_mut();
        pipe.flush_to(&mut socket).map_err(broken)?;
        let count = socket.read(&mut chunk).map_err(broken)?;
        pipe.feed(chunk.get(..count).unwrap_or_default());
    };
    let (reader, network) = pipe::two(socket).map_err(broken)?;
    network.set_write_timeout(Some(LONGEST_WRITE)).map_err(broken)?;
    Ok((Open { web, network }, reader))
}

fn closed() -> TransportError {
    TransportError::lost("closed")
}
