//! How does a program count its calls? A small layer of `tracing` listens to the events of both
//! clients and keeps numbers in the form that Prometheus reads: calls by operation and outcome, how
//! long they took, tokens and where they came from, waits and why.
//!
//! `cargo run -p dingtalk-examples --features metrics --example metrics`

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use dingtalk_blocking::core::contact::{GetUser, ListSubDepartmentIds};
use dingtalk_blocking::core::trace::{
    ANSWERED, BANNED, CANCELLED, DONE, FAILED, STORE_FAILED, TARGET, TOKEN, TOKEN_KEPT,
    TOKEN_REJECTED, WAITED,
};
use dingtalk_blocking::core::{App, Error, Region};
use dingtalk_sandbox::{Fault, PlatformError, Sandbox};
use tracing::field::{Field, Visit};
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let metrics = Metrics::default();
    let subscriber = tracing_subscriber::registry().with(metrics.clone());
    tracing::subscriber::set_global_default(subscriber)?;

    let sandbox = Sandbox::start()?;
    let demo = sandbox.demo();
    let region = Region::custom(&sandbox.origin())?;
    let app = App::builder(&*demo.client_id, &*demo.client_secret).region(region).build();
    let client = dingtalk_blocking::Client::new(app.clone())?;

    // Some that work, one that finds nobody, one that has to wait, one whose token was revoked.
    for _ in 0..3 {
        client.call(GetUser::new(&*demo.user_id))?;
    }
    told(client.call(GetUser::new("nobody-of-that-name")).map(|_| ()));
    sandbox
        .fault(Fault::on("POST /topapi/v2/user/get").platform_error(PlatformError::Busy).times(1));
    client.call(GetUser::new(&*demo.user_id))?;
    sandbox.revoke_all_tokens();
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let client = dingtalk_async::Client::new(app)?;
        client.call(ListSubDepartmentIds::new(1)).await
    })?;

    println!("{metrics}");
    assert_eq!(
        metrics.count("dingtalk_calls_total{operation=\"contact.get_user\",outcome=\"ok\"}"),
        4
    );
    Ok(())
}

fn told(result: Result<(), Error>) {
    if let Err(error) = result {
        eprintln!("{error}");
    }
}

/// Counters, in the order of their names. A clone counts the same.
#[derive(Clone, Default)]
struct Metrics(Arc<Mutex<BTreeMap<String, u64>>>);

impl Metrics {
    fn add(&self, counter: &str, by: u64) {
        let mut counters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counters.entry(counter.to_owned()).or_default() += by;
    }

    fn count(&self, counter: &str) -> u64 {
        let counters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counters.get(counter).copied().unwrap_or_default()
    }

    fn take(&self, name: &str, fields: &Fields) {
        let text = |field| fields.texts.get(field).map_or("", String::as_str);
        let number = |field| fields.numbers.get(field).copied().unwrap_or_default();
        let (operation, outcome) = (text("operation"), text("outcome"));
        match name {
            DONE | FAILED | CANCELLED => {
                let labels = format!("operation=\"{operation}\",outcome=\"{outcome}\"");
                self.add(&format!("dingtalk_calls_total{{{labels}}}"), 1);
                let took = format!("dingtalk_call_milliseconds_total{{operation=\"{operation}\"}}");
                self.add(&took, number("took_ms"));
            }
            ANSWERED => {
                let labels = format!("operation=\"{operation}\",outcome=\"{outcome}\"");
                self.add(&format!("dingtalk_requests_total{{{labels}}}"), 1);
            }
            TOKEN => {
                self.add(&format!("dingtalk_tokens_total{{from=\"{}\"}}", text("from")), 1);
            }
            WAITED => {
                let reason = format!("reason=\"{}\"", text("reason"));
                self.add(&format!("dingtalk_waits_total{{{reason}}}"), 1);
                let waited = format!("dingtalk_wait_milliseconds_total{{{reason}}}");
                self.add(&waited, number("waited_ms"));
            }
            TOKEN_REJECTED => self.add("dingtalk_tokens_rejected_total", 1),
            TOKEN_KEPT => self.add("dingtalk_tokens_not_replaced_total", 1),
            STORE_FAILED => self.add("dingtalk_store_failures_total", 1),
            BANNED => self.add("dingtalk_bans_total", 1),
            _ => {}
        }
    }
}

/// The text form of Prometheus: what a page at `/metrics` would answer.
impl fmt::Display for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut family = "";
        for (counter, value) in counters.iter() {
            let name = counter.split('{').next().unwrap_or(counter);
            if name != family {
                family = name;
                writeln!(f, "# TYPE {name} counter")?;
            }
            writeln!(f, "{counter} {value}")?;
        }
        Ok(())
    }
}

impl<S: Subscriber> Layer<S> for Metrics {
    fn enabled(&self, about: &Metadata<'_>, _: Context<'_, S>) -> bool {
        about.target() == TARGET
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        self.take(event.metadata().name(), &fields);
    }
}

#[derive(Default)]
struct Fields {
    texts: BTreeMap<&'static str, String>,
    numbers: BTreeMap<&'static str, u64>,
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.texts.insert(field.name(), value.to_owned());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.numbers.insert(field.name(), value);
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}
