//! Getting a connection: names, addresses, the proxy's tunnel, TLS. Whatever fails here fails
//! before the request, so every error says that nothing was sent.

use std::fmt;
use std::io::{ErrorKind, Read, Write};
use std::mem::take;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use dingtalk_core::{Proxy, ProxyRules, TransportError, bare_host, is_loopback};
use dingtalk_tls::Tls;
use http::Uri;
use rustls::{ClientConnection, StreamOwned};
use ureq::config::Config;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, LazyBuffers, NextTimeout, Transport,
};

use crate::transport::{PENDING, Pending};

/// Opens connections for the agent, and for Stream.
#[derive(Clone)]
pub(crate) struct Connect(Arc<Inner>);

struct Inner {
    rules: ProxyRules,
    tls: Tls,
    user_agent: String,
}

impl Connect {
    pub(crate) fn new(rules: ProxyRules, tls: Tls, user_agent: String) -> Self {
        Self(Arc::new(Inner { rules, tls, user_agent }))
    }

    #[cfg(feature = "stream")]
    pub(crate) fn user_agent(&self) -> &str {
        &self.0.user_agent
    }

    /// A connection to the host of this URL, TLS included.
    pub(crate) fn open(&self, uri: &Uri, within: Duration) -> Result<Stream, TransportError> {
        let deadline = Deadline::new(within);
        let https = uri.scheme_str() == Some("https");
        let host = uri.host().unwrap_or_default();
        let port = uri.port_u16().unwrap_or(if https { 443 } else { 80 });
        let mut socket =
            match self.0.rules.for_host(uri.scheme_str().unwrap_or_default(), host, port) {
                None => dial(host, port, deadline)?,
                Some(proxy) => self.tunnel(proxy, host, port, deadline)?,
            };
        if https {
            let name = dingtalk_tls::server_name(host)?;
            let mut session = ClientConnection::new(self.0.tls.config()?, name)
                .map_err(|e| TransportError::not_sent(dingtalk_tls::words(&e)))?;
            session.complete_io(&mut socket).map_err(|e| handshake_fault(&e, deadline))?;
            Ok(Stream::Tls(Box::new(StreamOwned::new(session, socket))))
        } else {
            Ok(Stream::Plain(socket))
        }
    }

    fn tunnel(
        &self,
        proxy: &Proxy,
        host: &str,
        port: u16,
        deadline: Deadline,
    ) -> Result<Socket, TransportError> {
        let broken = |error: std::io::Error| match error.kind() {
            ErrorKind::TimedOut => deadline.over(),
            kind => TransportError::not_sent(format!("the connection to the proxy broke: {kind}")),
        };
        let mut socket = dial(proxy.host(), proxy.port(), deadline)
            .map_err(|e| TransportError::not_sent(format!("proxy: {e}")))?;
        let request = proxy.connect_request(host, port, &self.0.user_agent);
        socket.write_all(&request).map_err(broken)?;
        let mut answer = Vec::new();
        let mut chunk = [0; 1024];
        loop {
            let count = socket.read(&mut chunk).map_err(broken)?;
            if count == 0 {
                return Err(TransportError::not_sent("the proxy hung up"));
            }
            answer.extend(chunk.iter().take(count));
            if let Some(verdict) = Proxy::connect_reply(&answer) {
                return verdict.map(|()| socket);
            }
        }
    }
}

impl Connector for Connect {
    type Out = Wire;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        _chained: Option<()>,
    ) -> Result<Option<Wire>, ureq::Error> {
        let opened = self.open(details.uri, *details.timeout.after);
        let stream = opened.map_err(|error| ureq::Error::Other(Box::new(error)))?;
        let config = details.config;
        let buffers = LazyBuffers::new(config.input_buffer_size(), config.output_buffer_size());
        Ok(Some(Wire { stream, buffers, head: Vec::new(), just_read: false }))
    }
}

impl fmt::Debug for Connect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connect").field("rules", &self.0.rules).finish_non_exhaustive()
    }
}

/// Looks nothing up. ureq asks its resolver before it looks into its pool, so that every call on
/// a warm connection would wait for DNS; names are looked up by [`Connect`] instead.
#[derive(Debug)]
pub(crate) struct NoLookup;

impl Resolver for NoLookup {
    fn resolve(
        &self,
        _uri: &Uri,
        _config: &Config,
        _timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        Ok(self.empty())
    }
}

/// A connection as the agent sees it.
pub(crate) struct Wire {
    stream: Stream,
    buffers: LazyBuffers,
    /// Of a request whose body goes out with it.
    head: Vec<u8>,
    /// ureq looks whether a connection is open when it has read an answer, and again before the next
    /// request, which is soon enough.
    just_read: bool,
}

pub(crate) enum Stream {
    Plain(Socket),
    Tls(Box<StreamOwned<ClientConnection, Socket>>),
}

impl Wire {
    /// What was kept, and so much of the output.
    fn put(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        let (output, _) = self.buffers.output().split_at(amount);
        let bytes = if self.head.is_empty() {
            output
        } else {
            self.head.extend_from_slice(output);
            &self.head
        };
        self.stream.socket().give(*timeout.after);
        let written = match &mut self.stream {
            Stream::Plain(socket) => socket.write_all(bytes),
            Stream::Tls(stream) => stream.write_all(bytes),
        };
        self.head.clear();
        written.map_err(|error| broken(&error, timeout))
    }
}

impl Stream {
    fn socket(&mut self) -> &mut Socket {
        match self {
            Self::Plain(socket) => socket,
            Self::Tls(stream) => &mut stream.sock,
        }
    }
}

impl Transport for Wire {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(
        &mut self,
        mut amount: usize,
        timeout: NextTimeout,
    ) -> Result<(), ureq::Error> {
        if let Some(Pending { target, has_body }) = PENDING.take() {
            let output = self.buffers.output();
            amount = put_target(output, amount, target.as_str()).ok_or_else(|| {
                let error = TransportError::not_sent("the request's head is too large");
                ureq::Error::Other(Box::new(error))
            })?;
            if has_body {
                // ureq gives head and body one after the other. As two packets they would wake
                // the server twice.
                self.head.extend_from_slice(output.split_at(amount).0);
                return Ok(());
            }
        }
        self.put(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        if !self.head.is_empty() {
            self.put(0, timeout)?;
        }
        self.just_read = true;
        self.stream.socket().give(*timeout.after);
        let input = self.buffers.input_append_buf();
        let read = match &mut self.stream {
            Stream::Plain(socket) => socket.read(input),
            Stream::Tls(stream) => stream.read(input),
        };
        let amount = read.map_err(|error| broken(&error, timeout))?;
        self.buffers.input_appended(amount);
        Ok(amount > 0)
    }

    fn is_open(&mut self) -> bool {
        take(&mut self.just_read) || self.stream.socket().is_idle().unwrap_or(false)
    }

    fn is_tls(&self) -> bool {
        matches!(self.stream, Stream::Tls(_))
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wire")
    }
}

/// A TCP stream whose reads and writes end at a deadline.
pub(crate) struct Socket {
    stream: TcpStream,
    end: Option<Instant>,
    /// What the system was told last.
    read_limit: Duration,
    write_limit: Duration,
}

impl Socket {
    fn new(stream: TcpStream) -> Self {
        Self { stream, end: None, read_limit: Duration::ZERO, write_limit: Duration::ZERO }
    }

    fn give(&mut self, time: Duration) {
        self.end = Instant::now().checked_add(time);
    }

    /// Without a deadline from now on.
    #[cfg(feature = "stream")]
    pub(crate) fn into_tcp(self) -> TcpStream {
        self.stream
    }

    fn left(&self) -> std::io::Result<Duration> {
        let Some(end) = self.end else { return Ok(Duration::MAX) };
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(ErrorKind::TimedOut.into()) } else { Ok(left) }
    }

    /// Whether it is open and nothing has arrived: what an idle connection must be.
    fn is_idle(&mut self) -> std::io::Result<bool> {
        self.stream.set_nonblocking(true)?;
        let seen = self.stream.peek(&mut [0]);
        self.stream.set_nonblocking(false)?;
        Ok(matches!(seen, Err(error) if error.kind() == ErrorKind::WouldBlock))
    }
}

/// Whether a limit that the system has already will do. It may be a little long, and it may be
/// short, since a wait that ends early is begun again: so a warm connection is told once and not
/// twice a call.
fn will_do(limit: Duration, left: Duration) -> bool {
    !limit.is_zero() && limit >= left / 2 && limit <= left.saturating_add(left / 64)
}

/// Whether a wait ended by the limit that the system was told, or by a signal.
fn is_early(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

impl Read for Socket {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        loop {
            let left = self.left()?;
            if !will_do(self.read_limit, left) {
                self.stream.set_read_timeout(Some(left))?;
                self.read_limit = left;
            }
            match self.stream.read(buf) {
                Err(error) if is_early(&error) => {}
                result => return result,
            }
        }
    }
}

impl Write for Socket {
    fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
        loop {
            let left = self.left()?;
            if !will_do(self.write_limit, left) {
                self.stream.set_write_timeout(Some(left))?;
                self.write_limit = left;
            }
            match self.stream.write(buf) {
                Err(error) if is_early(&error) => {}
                result => return result,
            }
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A fault after the connection stood. It must not come as an I/O error: ureq takes some of those
/// for the end of a body that has no length, and a cut answer would pass for a whole one.
fn broken(error: &std::io::Error, timeout: NextTimeout) -> ureq::Error {
    if error.kind() == ErrorKind::TimedOut {
        return ureq::Error::Timeout(timeout.reason);
    }
    let words = format!("the connection broke: {}", error.kind());
    ureq::Error::Other(Box::new(TransportError::lost(words)))
}

/// Puts the real target where ureq wrote `/`, and tells the new length.
fn put_target(output: &mut [u8], amount: usize, target: &str) -> Option<usize> {
    let start = output.iter().position(|byte| *byte == b' ')? + 1;
    if output.get(start..start + 2)? != b"/ " {
        return None;
    }
    let grown = (amount + target.len()).checked_sub(1)?;
    if grown > output.len() {
        return None;
    }
    output.copy_within(start + 1..amount, start + target.len());
    output.get_mut(start..start + target.len())?.copy_from_slice(target.as_bytes());
    Some(grown)
}

/// The end of the time that a connection may take.
#[derive(Clone, Copy)]
struct Deadline {
    within: Duration,
    end: Option<Instant>,
}

impl Deadline {
    fn new(within: Duration) -> Self {
        Self { within, end: Instant::now().checked_add(within) }
    }

    /// Never zero.
    fn left(self) -> Result<Duration, TransportError> {
        let left = match self.end {
            Some(end) => end.saturating_duration_since(Instant::now()),
            None => self.within,
        };
        if left.is_zero() { Err(self.over()) } else { Ok(left) }
    }

    fn over(self) -> TransportError {
        TransportError::not_sent(format!("no connection within {} ms", self.within.as_millis()))
    }
}

fn dial(host: &str, port: u16, deadline: Deadline) -> Result<Socket, TransportError> {
    let mut last = TransportError::not_sent("host not found");
    let mut addresses = addresses(host, port, deadline)?.into_iter().peekable();
    while let Some(address) = addresses.next() {
        // A dead address must not use up the time of those that come after it.
        let left = deadline.left()?;
        let share = if addresses.peek().is_some() { left / 2 } else { left };
        match TcpStream::connect_timeout(&address, share.max(Duration::from_millis(1))) {
            Ok(stream) => {
                stream.set_nodelay(true).map_err(|e| refused(&e))?;
                let mut socket = Socket::new(stream);
                socket.end = deadline.end;
                return Ok(socket);
            }
            Err(error) if error.kind() == ErrorKind::TimedOut => last = deadline.over(),
            Err(error) => last = refused(&error),
        }
    }
    Err(last)
}

fn addresses(host: &str, port: u16, deadline: Deadline) -> Result<Vec<SocketAddr>, TransportError> {
    let host = bare_host(host);
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(ip, port)]);
    }
    if is_loopback(host) {
        // Plain http may go to these names, so no name server is asked what they mean.
        let ips = [IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)];
        return Ok(ips.into_iter().map(|ip| SocketAddr::new(ip, port)).collect());
    }
    // The system's look-up takes no time limit, so it waits on a thread of its own.
    let (sender, receiver) = mpsc::sync_channel(1);
    let target = (host.to_owned(), port);
    let started = std::thread::Builder::new().name("dingtalk-dns".into()).spawn(move || {
        let _ = sender.send(target.to_socket_addrs().map(Vec::from_iter));
    });
    started.map_err(|_| TransportError::not_sent("no thread for the name look-up"))?;
    match receiver.recv_timeout(deadline.left()?) {
        Ok(Ok(addresses)) => Ok(addresses),
        Ok(Err(_)) => Err(TransportError::not_sent("host not found")),
        Err(_) => Err(deadline.over()),
    }
}

fn refused(error: &std::io::Error) -> TransportError {
    TransportError::not_sent(error.kind().to_string())
}

fn handshake_fault(error: &std::io::Error, deadline: Deadline) -> TransportError {
    if let Some(tls) = error.get_ref().and_then(|e| e.downcast_ref::<rustls::Error>()) {
        return TransportError::not_sent(dingtalk_tls::words(tls));
    }
    if error.kind() == ErrorKind::TimedOut {
        return deadline.over();
    }
    TransportError::not_sent(format!("TLS: the handshake was cut: {}", error.kind()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_target_takes_the_place_of_the_root() {
        let mut output = *b"POST / HTTP/1.1\r\nhost: a\r\n\r\n________________";
        let amount = put_target(&mut output, 28, "/x?token=1").unwrap();
        let expected: &[u8] = b"POST /x?token=1 HTTP/1.1\r\nhost: a\r\n\r\n";
        assert_eq!(&output[..amount], expected);
    }

    #[test]
    fn a_target_that_does_not_fit_is_refused() {
        let mut output = *b"GET / HTTP/1.1\r\n\r\n";
        assert_eq!(put_target(&mut output, 18, "/xy"), None);
        assert_eq!(put_target(&mut output, 18, "/"), Some(18));
        let mut output = *b"GET /other HTTP/1.1\r\n\r\n";
        assert_eq!(put_target(&mut output, 23, "/"), None, "not what ureq was given");
    }

    #[test]
    fn names_of_loopback_are_not_looked_up() {
        let deadline = Deadline::new(Duration::from_secs(1));
        let found = addresses("evil.localhost", 80, deadline).unwrap();
        assert!(found.iter().all(|address| address.ip().is_loopback()));
        assert_eq!(addresses("[::1]", 80, deadline).unwrap().len(), 1);
    }
}
