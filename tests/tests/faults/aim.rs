//! [`Aim`]: the clients' own transports, with a hand on the tiller. It counts what leaves, leads
//! requests astray, and gives those a short time whose time has to run out.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use dingtalk_core::{Limits, Proxy, Reply, Request, Transport};
use dingtalk_tests::is_operation;
use http::Uri;

use crate::places::{Place, Places};

/// Long enough to send a request on a busy machine, and not worth waiting for.
const SHORT: Duration = Duration::from_millis(500);
/// What a blind try to connect is given.
const SHORT_CONNECT: Duration = Duration::from_millis(250);

/// One of each client.
#[derive(Clone, Debug)]
pub(crate) struct Transports {
    pub(crate) blocking: dingtalk_blocking::HttpTransport,
    pub(crate) asynchronous: dingtalk_async::HttpTransport,
}

/// The ways to the places where no request may arrive, for the whole run.
#[derive(Debug)]
pub(crate) struct Astray {
    /// They trust the authorities of all those who do not deserve it.
    straight: Transports,
    proxied: Vec<(Place, Transports)>,
}

impl Astray {
    pub(crate) fn new(places: &Places) -> Self {
        let proxied = Place::BEHIND_A_PROXY.map(|place| {
            let proxy = places.proxy(place);
            (place, Transports::new([], proxy.as_ref()))
        });
        Self { straight: Transports::new(places.authorities(), None), proxied: proxied.into() }
    }

    pub(crate) fn to(&self, place: Place) -> &Transports {
        let proxied = self.proxied.iter().find(|(it, _)| *it == place);
        proxied.map_or(&self.straight, |(_, transports)| transports)
    }
}

impl Transports {
    /// With pools of their own; they trust this authority, if there is one.
    pub(crate) fn fresh(authority: Option<&str>) -> Self {
        Self::new(authority, None)
    }

    fn new<'a>(authorities: impl IntoIterator<Item = &'a str>, proxy: Option<&Proxy>) -> Self {
        let mut blocking = dingtalk_blocking::HttpTransport::builder().no_proxy();
        let mut asynchronous = dingtalk_async::HttpTransport::builder().no_proxy();
        for ca in authorities {
            (blocking, asynchronous) = (blocking.extra_ca(ca), asynchronous.extra_ca(ca));
        }
        if let Some(proxy) = proxy {
            blocking = blocking.proxy(proxy.clone());
            asynchronous = asynchronous.proxy(proxy.clone());
        }
        Self { blocking: blocking.build().unwrap(), asynchronous: asynchronous.build().unwrap() }
    }
}

/// What is to become of the requests of one operation.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) operation: &'static str,
    /// How many of them.
    pub(crate) times: usize,
    /// Where they go instead, and by which transports.
    pub(crate) astray: Option<(String, Transports)>,
    /// Whether their time has to run out.
    pub(crate) short: bool,
}

/// A transport for one cell.
#[derive(Clone, Debug)]
pub(crate) struct Aim(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    straight: Transports,
    target: Mutex<Option<Target>>,
    sent: AtomicUsize,
    marked: Mutex<Vec<String>>,
}

impl Aim {
    pub(crate) fn new(straight: Transports) -> Self {
        Self(Arc::new(Inner {
            straight,
            target: Mutex::default(),
            sent: AtomicUsize::new(0),
            marked: Mutex::default(),
        }))
    }

    /// From now on this is aimed at, or nothing; counting begins anew.
    pub(crate) fn at(&self, target: Option<Target>) {
        self.0.sent.store(0, Ordering::Relaxed);
        *self.0.target.lock().unwrap_or_else(PoisonError::into_inner) = target;
    }

    /// How many requests of the operation left the client since then.
    pub(crate) fn sent(&self) -> usize {
        self.0.sent.load(Ordering::Relaxed)
    }

    /// Every token, code and ticket that went by, by the mark of the sandbox's.
    pub(crate) fn marked(&self) -> Vec<String> {
        self.0.marked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn send_blocking(&self, request: Request) -> Reply {
        let (first, request, transports) = self.0.take(request);
        if let Some(first) = first {
            let _ = transports.blocking.send(first);
        }
        self.0.look(transports.blocking.send(request))
    }

    pub(crate) fn send_async(
        &self,
        request: Request,
    ) -> impl Future<Output = Reply> + Send + use<> {
        let (first, request, transports) = self.0.take(request);
        let first = first.map(|first| transports.asynchronous.send(first));
        let inner = Arc::clone(&self.0);
        async move {
            if let Some(first) = first {
                let _ = first.await;
            }
            inner.look(transports.asynchronous.send(request).await)
        }
    }
}

impl Inner {
    /// The request as it is to be sent and by what, and what is to be sent first.
    fn take(&self, request: Request) -> (Option<Request>, Request, Transports) {
        self.note(&request.url().to_string());
        self.note(&String::from_utf8_lossy(request.body()));
        let mut target = self.target.lock().unwrap_or_else(PoisonError::into_inner);
        let target = target.as_mut().filter(|target| {
            is_operation(target.operation, request.method().as_str(), request.url().path())
        });
        let Some(target) = target else { return (None, request, self.straight.clone()) };
        self.sent.fetch_add(1, Ordering::Relaxed);
        if target.times == 0 {
            return (None, request, self.straight.clone());
        }
        target.times -= 1;
        let (label, mut limits) = (request.label().to_owned(), request.limits());
        let first = (target.short && target.astray.is_none()).then(|| greeting(&request));
        if target.short {
            let connect = if target.astray.is_some() { SHORT_CONNECT } else { SHORT };
            limits = Limits::new(connect, SHORT, limits.max_body);
        }
        let mut http = request.into_http();
        let mut transports = self.straight.clone();
        if let Some((origin, by)) = &target.astray {
            let path = http.uri().path_and_query().map_or("/", |path| path.as_str());
            *http.uri_mut() = format!("{origin}{path}").parse::<Uri>().expect("a place's origin");
            transports = by.clone();
        }
        (first, Request::new(http, label, limits), transports)
    }

    fn look(&self, reply: Reply) -> Reply {
        if let Ok(response) = &reply {
            self.note(&String::from_utf8_lossy(response.body()));
        }
        reply
    }

    fn note(&self, text: &str) {
        const MARK: &str = "5ab0c5";
        let mut marked = self.marked.lock().unwrap_or_else(PoisonError::into_inner);
        for (at, _) in text.match_indices(MARK) {
            let inside = text.get(..at).is_some_and(|it| it.ends_with(char::is_alphanumeric));
            let rest = text.get(at..).unwrap_or_default();
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
            let word = rest.get(..end).unwrap_or_default();
            // A word with the mark inside is an id of the demo's.
            if !inside && end >= 20 && !marked.iter().any(|it| it == word) {
                marked.push(word.to_owned());
            }
        }
    }
}

/// Opens a connection, in all the time that it takes on a busy machine: a time limit that is to end the exchange must not
/// end the connecting.
fn greeting(request: &Request) -> Request {
    let mut parts = request.url().clone().into_parts();
    parts.path_and_query = Some("/greeting".parse().expect("a path"));
    let url = Uri::from_parts(parts).expect("as it was, with another path");
    let http = http::Request::get(url).body(Vec::new()).expect("a request");
    Request::new(http, "greeting".to_owned(), request.limits())
}
