//! A call's span goes with its future: over every `.await`, on whatever thread, and nowhere else.
#![allow(clippy::unwrap_used)]

use std::sync::{Arc, Mutex};

use dingtalk_async::Client;
use dingtalk_async::core::auth::GetScopes;
use dingtalk_async::core::trace::{CALL, CANCELLED, DONE, TARGET};
use dingtalk_async::core::{App, RawEndpoint, Reply, Request, Response, Timestamp, from_fn};
use dingtalk_core::{Family, Transport};
use tracing::field::{Field, Visit};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

/// An event's name, and the operation of the call that it is in.
type Told = (&'static str, Option<String>);

#[derive(Clone, Default)]
struct Listener(Arc<Mutex<Vec<Told>>>);

struct Operation(String);

impl Visit for Operation {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "operation" {
            self.0 = value.to_owned();
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}

impl<S: tracing::Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Listener {
    fn on_new_span(
        &self,
        attributes: &tracing::span::Attributes<'_>,
        id: &tracing::span::Id,
        context: Context<'_, S>,
    ) {
        let mut operation = Operation(String::new());
        attributes.record(&mut operation);
        context.span(id).unwrap().extensions_mut().insert(operation);
    }

    fn on_event(&self, event: &tracing::Event<'_>, context: Context<'_, S>) {
        let within = context
            .event_span(event)
            .filter(|span| span.name() == CALL && span.metadata().target() == TARGET)
            .map(|span| span.extensions().get::<Operation>().unwrap().0.clone());
        self.0.lock().unwrap().push((event.metadata().name(), within));
    }
}

impl Listener {
    fn within(&self, name: &str) -> Vec<Option<String>> {
        let told = self.0.lock().unwrap();
        told.iter().filter(|told| told.0 == name).map(|told| told.1.clone()).collect()
    }
}

/// Answers after others had their turn, and says something before and after.
fn slow() -> impl Transport<Exchange = impl Future<Output = Reply> + Send> + Send + Sync {
    from_fn(|_: Request| async {
        tracing::event!(name: "before", tracing::Level::INFO, "before");
        for _ in 0..3 {
            tokio::task::yield_now().await;
        }
        tracing::event!(name: "after", tracing::Level::INFO, "after");
        Ok(Response::new(200, Default::default(), r#"{"errcode":0,"auth_org_scopes":{}}"#))
    })
}

fn warm() -> App {
    let app = App::internal("id", "secret");
    let now = Timestamp::at(std::time::SystemTime::now(), std::time::Instant::now());
    app.seed("t", now + std::time::Duration::from_secs(7_200), now);
    app
}

fn listen(run: impl AsyncFnOnce()) -> Listener {
    let listener = Listener::default();
    let subscriber = tracing_subscriber::registry().with(listener.clone());
    tracing::subscriber::with_default(subscriber, || {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(run());
    });
    listener
}

#[test]
fn calls_that_take_turns_on_one_thread_keep_their_own_spans() {
    let listener = listen(async || {
        let client = Client::with_transport(warm(), slow());
        let one = tokio::spawn(client.call(GetScopes::new()));
        let other = tokio::spawn(client.call(RawEndpoint::get(Family::Legacy, "/other")));
        for _ in 0..3 {
            tokio::task::yield_now().await;
            tracing::event!(name: "elsewhere", tracing::Level::INFO, "elsewhere");
        }
        one.await.unwrap().unwrap();
        other.await.unwrap().unwrap();
    });
    // Which of them has its turn first is the runtime's business.
    let both = [Some("auth.get_scopes".to_owned()), Some("/other".to_owned())];
    for name in ["before", "after", DONE] {
        let mut within = listener.within(name);
        within.sort_by_key(|operation| operation.as_deref() != Some("auth.get_scopes"));
        assert_eq!(within, both, "{name}");
    }
    assert_eq!(listener.within("elsewhere"), [None, None, None]);
}

#[test]
fn a_call_that_is_dropped_while_it_waits_tells_so_in_its_span() {
    let listener = listen(async || {
        let client = Client::with_transport(warm(), slow());
        let mut call = Box::pin(client.call(GetScopes::new()));
        let waker = std::task::Waker::noop();
        let polled = call.as_mut().poll(&mut std::task::Context::from_waker(waker));
        assert!(polled.is_pending());
        drop(call);
    });
    assert_eq!(listener.within(CANCELLED), [Some("auth.get_scopes".to_owned())]);
    assert!(listener.within(DONE).is_empty());
}
