//! [`Ear`]: hears everything that the process logs, at the lowest level, by `log` and `tracing`.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt::{Debug, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, Once, OnceLock, PoisonError};
use std::thread;

use log::{LevelFilter, Log, Metadata as LogMetadata, Record as LogRecord};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// What was said, kept apart by the thread that said it.
///
/// One thing is not listened to unless asked for: the rows in which `ureq_proto::util` dumps what
/// was read and written. See [`hear_dumps`](Self::hear_dumps).
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Ear;

thread_local! {
    static OWN: RefCell<String> = const { RefCell::new(String::new()) };
    static DUMPS: Cell<bool> = const { Cell::new(false) };
}

impl Ear {
    /// From now on, for the whole process and for `log` and `tracing` alike.
    ///
    /// # Panics
    /// When somebody else listens already.
    pub fn open() -> Self {
        static OPENED: Once = Once::new();
        OPENED.call_once(|| {
            tracing::subscriber::set_global_default(Self).expect("nobody else traces");
            log::set_logger(&Self).expect("nobody else logs");
            log::set_max_level(LevelFilter::Trace);
        });
        Self
    }

    /// What this thread said since it was last asked.
    pub fn own(self) -> String {
        OWN.take()
    }

    /// What a thread of this name said since it was last asked, unless it asked for itself.
    pub fn of(self, thread: &str) -> String {
        others().remove(thread).unwrap_or_default()
    }

    /// Whether this thread hears the rows of `ureq_proto`, too, which hold the whole exchange.
    pub fn hear_dumps(self, hear: bool) {
        DUMPS.set(hear);
    }
}

/// Named threads that are the process's own, such as a sandbox's; their words are kept for whoever
/// asks for them.
const SERVERS: &str = "dingtalk-";

fn others() -> MutexGuard<'static, HashMap<String, String>> {
    static OTHERS: OnceLock<Mutex<HashMap<String, String>>> = OnceLock::new();
    OTHERS.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner)
}

fn note(line: &str) {
    let thread = thread::current();
    match thread.name().filter(|name| name.starts_with(SERVERS)) {
        Some(name) => {
            let mut others = others();
            let text = others.entry(name.to_owned()).or_default();
            text.push_str(line);
            text.push('\n');
        }
        // A thread that is ending has nothing to keep it in any more.
        None => drop(OWN.try_with(|own| {
            let mut own = own.borrow_mut();
            own.push_str(line);
            own.push('\n');
        })),
    }
}

impl Log for Ear {
    fn enabled(&self, metadata: &LogMetadata<'_>) -> bool {
        let dump = metadata.target().starts_with("ureq_proto::util");
        !dump || DUMPS.try_with(Cell::get).unwrap_or_default()
    }

    fn log(&self, record: &LogRecord<'_>) {
        if Log::enabled(self, record.metadata()) {
            note(&format!("{} {} {}", record.level(), record.target(), record.args()));
        }
    }

    fn flush(&self) {}
}

impl Subscriber for Ear {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        static LAST: AtomicU64 = AtomicU64::new(0);
        let mut words = Words::about(span.metadata());
        span.record(&mut words);
        note(&words.0);
        Id::from_u64(LAST.fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        let mut words = Words(String::from("record"));
        values.record(&mut words);
        note(&words.0);
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut words = Words::about(event.metadata());
        event.record(&mut words);
        note(&words.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Words(String);

impl Words {
    fn about(metadata: &Metadata<'_>) -> Self {
        Self(format!("{} {} {}", metadata.level(), metadata.target(), metadata.name()))
    }
}

impl Visit for Words {
    fn record_str(&mut self, field: &Field, value: &str) {
        let _ = write!(self.0, " {field}={value}");
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = write!(self.0, " {field}={value:?}");
    }
}
