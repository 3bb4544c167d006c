//! A call's span is entered while the call lasts: what a transport tells lands in it.
#![allow(clippy::unwrap_used)]

use std::sync::{Arc, Mutex};

use dingtalk_blocking::Client;
use dingtalk_blocking::core::auth::ObtainToken;
use dingtalk_blocking::core::trace::{CALL, DONE};
use dingtalk_blocking::core::{App, Reply, Request, Response, from_fn};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

/// An event's name, and that of the span that it is in.
type Told = (&'static str, Option<&'static str>);

#[derive(Clone, Default)]
struct Listener(Arc<Mutex<Vec<Told>>>);

impl<S: tracing::Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Listener {
    fn on_event(&self, event: &tracing::Event<'_>, context: Context<'_, S>) {
        let within = context.event_span(event).map(|span| span.name());
        self.0.lock().unwrap().push((event.metadata().name(), within));
    }
}

#[test]
fn what_a_transport_tells_lands_in_the_calls_span() {
    let listener = Listener::default();
    let subscriber = tracing_subscriber::registry().with(listener.clone());
    tracing::subscriber::with_default(subscriber, || {
        let transport = from_fn(|_: Request| -> Reply {
            tracing::event!(name: "carrying", tracing::Level::INFO, "carrying");
            Ok(Response::new(200, Default::default(), r#"{"accessToken":"t","expireIn":7200}"#))
        });
        let client = Client::with_transport(App::internal("id", "secret"), transport);
        client.call(ObtainToken::new()).unwrap();
        tracing::event!(name: "afterwards", tracing::Level::INFO, "afterwards");
    });
    let told = listener.0.lock().unwrap();
    let within = |name: &str| told.iter().find(|told| told.0 == name).unwrap().1;
    assert_eq!(within("carrying"), Some(CALL));
    assert_eq!(within(DONE), Some(CALL));
    assert_eq!(within("afterwards"), None);
}
