//! A web socket's stream without a socket under it: bytes are put in and taken out, and reading
//! never waits. So one thread may wait for the network while another one sends, TLS or not.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Result, Write};
use std::net::TcpStream;

use rustls::{ClientConnection, StreamOwned};

use crate::connect::{Socket, Stream};

pub(crate) enum Pipe {
    Plain(Bytes),
    Tls(Box<StreamOwned<ClientConnection, Bytes>>),
}

/// What came and was not read yet, and what was written and is not sent yet.
#[derive(Default)]
pub(crate) struct Bytes {
    incoming: VecDeque<u8>,
    ended: bool,
    outgoing: Vec<u8>,
}

impl Pipe {
    /// Takes a connection apart: TLS on this side, the socket on the other.
    pub(crate) fn of(stream: Stream) -> (Self, Socket) {
        match stream {
            Stream::Plain(socket) => (Self::Plain(Bytes::default()), socket),
            Stream::Tls(stream) => {
                let (session, socket) = stream.into_parts();
                let stream = StreamOwned::new(session, Bytes::default());
                (Self::Tls(Box::new(stream)), socket)
            }
        }
    }

    /// What came from the network; nothing is its end.
    pub(crate) fn feed(&mut self, came: &[u8]) {
        let bytes = self.bytes();
        bytes.incoming.extend(came);
        bytes.ended = came.is_empty();
    }

    /// Gives what is to be sent to the network.
    pub(crate) fn flush_to(&mut self, network: &mut impl Write) -> Result<()> {
        let outgoing = std::mem::take(&mut self.bytes().outgoing);
        network.write_all(&outgoing)
    }

    fn bytes(&mut self) -> &mut Bytes {
        match self {
            Self::Plain(bytes) => bytes,
            Self::Tls(stream) => &mut stream.sock,
        }
    }
}

impl Read for Pipe {
    fn read(&mut self, buf: &mut [u8]) -> Result<usize> {
        match self {
            Self::Plain(bytes) => bytes.read(buf),
            Self::Tls(stream) => stream.read(buf),
        }
    }
}

impl Write for Pipe {
    fn write(&mut self, buf: &[u8]) -> Result<usize> {
        match self {
            Self::Plain(bytes) => bytes.write(buf),
            Self::Tls(stream) => stream.write(buf),
        }
    }

    fn flush(&mut self) -> Result<()> {
        match self {
            Self::Plain(bytes) => bytes.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}

impl Read for Bytes {
    fn read(&mut self, buf: &mut [u8]) -> Result<usize> {
        if self.incoming.is_empty() && !self.ended {
            return Err(ErrorKind::WouldBlock.into());
        }
        self.incoming.read(buf)
    }
}

impl Write for Bytes {
    fn write(&mut self, buf: &[u8]) -> Result<usize> {
        self.outgoing.write(buf)
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

/// Two hands on one socket, one to read and one to write.
pub(crate) fn two(socket: Socket) -> Result<(TcpStream, TcpStream)> {
    let tcp = socket.into_tcp();
    tcp.set_read_timeout(None)?;
    Ok((tcp.try_clone()?, tcp))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_never_waits_and_knows_the_end() {
        let mut pipe = Pipe::Plain(Bytes::default());
        let mut buf = [0; 8];
        assert_eq!(pipe.read(&mut buf).unwrap_err().kind(), ErrorKind::WouldBlock);
        pipe.feed(b"abc");
        assert_eq!(pipe.read(&mut buf).unwrap(), 3);
        assert_eq!(pipe.read(&mut buf).unwrap_err().kind(), ErrorKind::WouldBlock);
        pipe.feed(b"");
        assert_eq!(pipe.read(&mut buf).unwrap(), 0);
    }

    #[test]
    fn what_is_written_waits_to_be_sent_once() {
        let mut pipe = Pipe::Plain(Bytes::default());
        pipe.write_all(b"abc").unwrap();
        let mut network = Vec::new();
        pipe.flush_to(&mut network).unwrap();
        pipe.flush_to(&mut network).unwrap();
        assert_eq!(network, b"abc");
    }
}
