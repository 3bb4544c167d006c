//! The yardstick: hyper and tokio as the sandbox has them, one thread, the same bytes for whatever is asked.

use std::convert::Infallible;
use std::io::Read;

use http::{HeaderName, HeaderValue, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;

use crate::Outcome;

/// Prints its origin and serves until its standard input ends. `head` is the header lines of the answer.
pub(crate) fn forever(head: &str, body: &str) -> Outcome {
    let mut answer = Response::new(());
    for line in head.lines() {
        let (name, value) = line.split_once(": ").ok_or("a header line without a colon")?;
        answer.headers_mut().insert(HeaderName::try_from(name)?, HeaderValue::try_from(value)?);
    }
    let body = Bytes::from(body.to_owned());
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        println!("http://{}", listener.local_addr()?);
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let (answer, body) = (answer.clone(), body.clone());
            tokio::spawn(async move {
                let service = service_fn(move |request: hyper::Request<Incoming>| {
                    let response = answer.clone().map(|()| Full::new(body.clone()));
                    async move {
                        // A server reads what it is sent.
                        let _ = request.into_body().collect().await;
                        Ok::<_, Infallible>(response)
                    }
                });
                let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
            });
        }
    })
}
