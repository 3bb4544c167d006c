//! [`Receiver`]: one of the drivers' Stream, running beside the test until it is stopped.

use std::panic::resume_unwind;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use dingtalk_core::stream::{Delivery, Notice, Outcome, Settings};
use dingtalk_core::{ActsAs, AppOrSuite, Error, ProxyRules};

use crate::rig::{Driver, runtime};

/// How long a test waits for what comes soon. It never waits for a pause.
const LONGEST: Duration = Duration::from_secs(60);

/// Everything that it is told, in order, and the way to end it.
#[derive(Debug)]
pub struct Receiver {
    thread: Option<JoinHandle<Result<(), Error>>>,
    stop: Stop,
    notices: mpsc::Receiver<Notice>,
}

#[derive(Debug)]
enum Stop {
    Blocking(dingtalk_blocking::Stop),
    Async(Option<tokio::sync::oneshot::Sender<()>>),
}

/// Hardly a pause between two connections, so that tests need not wait.
pub fn quick() -> Settings {
    let mut settings = Settings::default();
    settings.backoff = Duration::from_millis(8);
    settings.backoff_max = Duration::from_millis(600);
    settings
}

impl Receiver {
    /// Begins to receive for this caller. The transport trusts this authority beside the
    /// platform's, and `handle` is the handler.
    pub fn start<C>(
        driver: Driver,
        caller: &C,
        settings: Settings,
        ca: Option<&str>,
        handle: impl Fn(Delivery) -> Outcome + Send + Sync + 'static,
    ) -> Self
    where
        C: ActsAs<AppOrSuite> + Clone + Send + Sync + 'static,
    {
        Self::through(ProxyRules::none(), driver, caller, settings, ca, handle)
    }

    /// The same through proxies.
    pub fn through<C>(
        rules: ProxyRules,
        driver: Driver,
        caller: &C,
        settings: Settings,
        ca: Option<&str>,
        handle: impl Fn(Delivery) -> Outcome + Send + Sync + 'static,
    ) -> Self
    where
        C: ActsAs<AppOrSuite> + Clone + Send + Sync + 'static,
    {
        let (sender, notices) = mpsc::channel();
        let report = move |notice| {
            // The test may have ended.
            let _ = sender.send(notice);
        };
        match driver {
            Driver::Blocking => {
                let mut transport = dingtalk_blocking::HttpTransport::builder().proxy_rules(rules);
                if let Some(ca) = ca {
                    transport = transport.extra_ca(ca);
                }
                let client = dingtalk_blocking::Client::builder(caller.clone())
                    .transport(transport.build().expect("it is in order"))
                    .build()
                    .expect("it is in order");
                let stop = dingtalk_blocking::Stop::new();
                let stream = client.stream().settings(settings).report(report);
                let switch = stop.clone();
                let thread = thread::spawn(move || stream.run(&switch, handle));
                Self { thread: Some(thread), stop: Stop::Blocking(stop), notices }
            }
            Driver::Async => {
                let mut transport = dingtalk_async::HttpTransport::builder().proxy_rules(rules);
                if let Some(ca) = ca {
                    transport = transport.extra_ca(ca);
                }
                let client = dingtalk_async::Client::builder(caller.clone())
                    .transport(transport.build().expect("it is in order"))
                    .build()
                    .expect("it is in order");
                let (stop, stopped) = tokio::sync::oneshot::channel();
                let stream = client.stream().settings(settings).report(report);
                let handle = Arc::new(handle);
                let thread = thread::spawn(move || {
                    let stopped = async { drop(stopped.await) };
                    runtime(1).block_on(stream.run_until(stopped, |delivery| {
                        let handle = Arc::clone(&handle);
                        // It may wait for the test.
                        let handled = tokio::task::spawn_blocking(move || handle(delivery));
                        async move {
                            match handled.await {
                                Ok(outcome) => outcome,
                                Err(error) => resume_unwind(error.into_panic()),
                            }
                        }
                    }))
                });
                Self { thread: Some(thread), stop: Stop::Async(Some(stop)), notices }
            }
        }
    }

    /// The next thing that it reports.
    pub fn notice(&self) -> Notice {
        match self.notices.recv_timeout(LONGEST) {
            Ok(notice) => notice,
            Err(RecvTimeoutError::Timeout) => panic!("it reports nothing"),
            Err(RecvTimeoutError::Disconnected) => panic!("it is over"),
        }
    }

    /// Waits until it is connected, whatever it reports before.
    pub fn connected(&self) {
        while self.notice() != Notice::Connected {}
    }

    /// Stops it, and says how it ended.
    ///
    /// # Errors
    /// Its own.
    pub fn stop(mut self) -> Result<(), Error> {
        self.pull();
        self.ended()
    }

    /// Waits for its own end.
    ///
    /// # Errors
    /// Its own.
    pub fn ended(&mut self) -> Result<(), Error> {
        let thread = self.thread.take().expect("it ends once");
        let (sender, ended) = mpsc::channel();
        thread::spawn(move || sender.send(thread.join()));
        match ended.recv_timeout(LONGEST) {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => panic!("it panicked"),
            Err(_) => panic!("it does not end"),
        }
    }

    fn pull(&mut self) {
        match &mut self.stop {
            Stop::Blocking(stop) => stop.stop(),
            Stop::Async(stop) => drop(stop.take()),
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.pull();
    }
}

/// What a handler saw, for the test to wait for.
#[derive(Debug)]
pub struct Seen<T>(Arc<Mutex<mpsc::Sender<T>>>, mpsc::Receiver<T>);

impl<T: Send> Seen<T> {
    /// Nothing yet.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        let (sender, receiver) = mpsc::channel();
        Self(Arc::new(Mutex::new(sender)), receiver)
    }

    /// The handler's end.
    pub fn teller(&self) -> impl Fn(T) + Send + Sync + use<T> {
        let sender = Arc::clone(&self.0);
        move |seen| {
            // The test may have ended.
            let _ = sender.lock().unwrap_or_else(PoisonError::into_inner).send(seen);
        }
    }

    /// What comes next.
    pub fn next(&self) -> T {
        self.1.recv_timeout(LONGEST).expect("something comes")
    }

    /// Whether there is nothing more so far.
    pub fn is_empty(&self) -> bool {
        self.1.try_recv().is_err()
    }
}
