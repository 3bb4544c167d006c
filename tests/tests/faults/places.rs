//! Where a request can be led astray to. All of them are on this machine and stand for the whole
//! run; nobody ever reads a request there.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use dingtalk_core::Proxy;
use dingtalk_sandbox::{BadTls, Sandbox};
use dingtalk_tests::{BadServer, end, hold, reset};
use tokio::net::TcpSocket;

use crate::stage::PROXY_PASSWORD;

/// A place where no request may arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Nobody listens there.
    Refused,
    /// Nobody takes the connection.
    BlackHole,
    /// No name server knows it.
    NoSuchHost,
    /// A name of loopback's, with a server that has no certificate for it.
    Loopback,
    /// The connection is taken and reset.
    ResetOnAccept,
    /// The connection is taken, and nothing more.
    Silent,
    /// Nobody listens where the proxy should be.
    NoProxy,
    /// The proxy does not know us.
    ProxyRefuses,
    /// The proxy takes the question and leaves.
    ProxyHangsUp,
    /// Something is wrong about its TLS.
    Tls(BadTls),
}

/// A server of somebody else's: redirects lead there, and nothing may follow them.
pub(crate) static ELSEWHERE: OnceLock<BadServer> = OnceLock::new();

impl Place {
    /// Those that are reached, or not, through a proxy.
    pub(crate) const BEHIND_A_PROXY: [Self; 3] =
        [Self::NoProxy, Self::ProxyRefuses, Self::ProxyHangsUp];
}

#[derive(Debug)]
pub(crate) struct Places {
    /// Bound and never listening, so that the system refuses every connection.
    refused: (TcpSocket, SocketAddr),
    /// Listening, and full.
    full: (TcpListener, Vec<TcpStream>),
    resets: SocketAddr,
    silent: SocketAddr,
    refusing_proxy: BadServer,
    leaving_proxy: BadServer,
    bad_tls: Vec<(BadTls, Sandbox)>,
}

impl Places {
    pub(crate) fn new() -> Self {
        ELSEWHERE.get_or_init(|| BadServer::new(|_, _, stream| end(stream)));
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
        let address = socket.local_addr().unwrap();
        Self {
            refused: (socket, address),
            full: full(),
            resets: server(|stream| {
                reset(&stream);
            }),
            silent: server(|mut stream| {
                hold(&mut stream);
            }),
            refusing_proxy: BadServer::new(|_, _, stream| {
                let refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\n\
                    Proxy-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n";
                let _ = stream.write_all(refusal);
                end(stream)
            }),
            leaving_proxy: BadServer::new(|_, _, stream| end(stream)),
            bad_tls: BadTls::ALL
                .iter()
                .map(|bad| (*bad, Sandbox::builder().bad_tls(*bad).start().unwrap()))
                .collect(),
        }
    }

    /// The authorities of all those who do not deserve it.
    pub(crate) fn authorities(&self) -> impl Iterator<Item = &str> {
        self.bad_tls.iter().filter_map(|(_, sandbox)| sandbox.ca_certificate())
    }

    /// Scheme, host and port of a place.
    pub(crate) fn origin(&self, place: Place) -> String {
        let full = self.full.0.local_addr().unwrap();
        let plain = |address: SocketAddr| format!("http://{address}");
        match place {
            Place::Refused => plain(self.refused.1),
            Place::BlackHole => plain(full),
            Place::NoSuchHost => "https://no-such-host.invalid".to_owned(),
            Place::Loopback => {
                let port = self.tls(BadTls::UnknownCa).rsplit(':').next().unwrap().to_owned();
                format!("https://api.localhost:{port}")
            }
            Place::ResetOnAccept => format!("https://{}", self.resets),
            Place::Silent => format!("https://{}", self.silent),
            Place::NoProxy | Place::ProxyRefuses | Place::ProxyHangsUp => {
                "https://api.dingtalk.com".to_owned()
            }
            Place::Tls(bad) => self.tls(bad),
        }
    }

    /// The proxy on the way there.
    pub(crate) fn proxy(&self, place: Place) -> Option<Proxy> {
        let origin = match place {
            Place::NoProxy => format!("http://{}", self.refused.1),
            Place::ProxyRefuses => self.refusing_proxy.origin(),
            Place::ProxyHangsUp => self.leaving_proxy.origin(),
            _ => return None,
        };
        let host = origin.trim_start_matches("http://");
        Some(Proxy::new(&format!("http://someone:{PROXY_PASSWORD}@{host}")).unwrap())
    }

    /// No request came to any of them.
    pub(crate) fn assert_untouched(&self) {
        for (bad, sandbox) in &self.bad_tls {
            assert_eq!(sandbox.journal().total(), 0, "a request went to {bad}");
        }
        for proxy in [&self.refusing_proxy, &self.leaving_proxy] {
            assert!(proxy.seen().iter().all(|seen| seen.line.starts_with("CONNECT ")));
        }
        let followed = ELSEWHERE.get().unwrap().seen().len();
        assert_eq!(followed, 0, "a redirect was followed");
    }

    fn tls(&self, bad: BadTls) -> String {
        let (_, sandbox) = self.bad_tls.iter().find(|(it, _)| *it == bad).unwrap();
        sandbox.origin()
    }
}

/// A listener whose queue is full: the system drops every further try to connect.
fn full() -> (TcpListener, Vec<TcpStream>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    let _inside = runtime.enter();
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
    let listener = socket.listen(1).unwrap().into_std().unwrap();
    let address = listener.local_addr().unwrap();
    let fits = || TcpStream::connect_timeout(&address, Duration::from_millis(200)).ok();
    let fillers = std::iter::from_fn(fits).take(64).collect();
    (listener, fillers)
}

/// A server that does this with every connection.
fn server(serve: fn(TcpStream)) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let _ = stream.set_read_timeout(Some(Duration::from_secs(20)));
            thread::spawn(move || serve(stream));
        }
    });
    address
}
