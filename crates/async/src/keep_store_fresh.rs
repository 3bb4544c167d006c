//! Replacing all of a store's tokens ahead of time, in a task that the program owns.

use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use dingtalk_core::auth::HeldToken;
use dingtalk_core::{Chore, Credential, Due, Error, StoreKey, StoreUpkeep};
use tokio::task::{Id, JoinSet};
use tokio::time::sleep;

use crate::Client;

impl<C: Credential> Client<C> {
    /// Keeps all credentials of an app fresh that are in the client's store, until `stop` is
    /// ready: see [`StoreUpkeep`]. Start it in every process; one of them is in charge at a time.
    /// `report` is told of every token that was replaced and every failure, each with its key;
    /// failures of the store itself come under [`StoreUpkeep::lock_key`].
    ///
    /// End it by `stop`: what is under way is then waited for, and another process takes over at
    /// once. Where the future is dropped, what is under way goes on by itself, and another process
    /// takes over after the lease.
    ///
    /// ```
    /// use dingtalk_async::Client;
    /// use dingtalk_async::core::store::Memory;
    /// use dingtalk_async::core::{App, StoreUpkeep};
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// let app = App::internal("dingabc", "secret");
    /// # // A store of one process, which stands for the one that yours share.
    /// let store = Memory::new(|| 0);
    /// # let store = Ready(store);
    /// # struct Ready(Memory);
    /// # impl dingtalk_async::core::Store for Ready {
    /// #     type Exchange = std::future::Ready<dingtalk_async::core::StoreReply>;
    /// #     fn ask(&self, question: dingtalk_async::core::StoreOp) -> Self::Exchange {
    /// #         std::future::ready(self.0.ask(question))
    /// #     }
    /// # }
    /// let client = Client::builder(app.clone()).store(store).build()?;
    /// let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    /// let task = tokio::spawn(async move {
    ///     let upkeep = StoreUpkeep::of_app(&app).at_most(16);
    ///     let stopped = async move { drop(stopped.await) };
    ///     client
    ///         .keep_store_fresh(upkeep, stopped, |key, outcome| match outcome {
    ///             Ok(token) => println!("{key} good until {}", token.expires_at),
    ///             Err(error) => eprintln!("{key} not replaced: {error}"),
    ///         })
    ///         .await
    /// });
    /// drop(stop);
    /// task.await.unwrap()?;
    /// # Ok::<(), dingtalk_async::core::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// At once, when the client has no store.
    pub async fn keep_store_fresh(
        &self,
        mut upkeep: StoreUpkeep,
        stop: impl Future<Output = ()> + Send,
        mut report: impl FnMut(&StoreKey, Result<HeldToken, Error>) + Send,
    ) -> Result<(), Error> {
        if !self.has_store() {
            return Err(Error::invalid("the client has no store"));
        }
        let mut stop = pin!(stop);
        let mut out = Out::default();
        loop {
            let mut waited = match upkeep.next(self.now(), self.entropy()) {
                Chore::Renew(due) => {
                    let call = self.on_behalf_of(&due).call(due.request());
                    out.start(due, call);
                    Waited::default()
                }
                Chore::Ask(question) => {
                    let mut waited = Waited::default();
                    let mut answer = pin!(self.ask(question));
                    let reply = loop {
                        match next(stop.as_mut(), &mut out, answer.as_mut()).await {
                            Next::Rested(reply) => break Some(reply),
                            Next::Back(due, result) => waited.back.push((due, result)),
                            Next::Stopped => break None,
                        }
                    };
                    match reply {
                        Some(reply) => waited.trouble = upkeep.told(reply, self.now()),
                        None => waited.stopped = true,
                    }
                    waited
                }
                Chore::Wait(pause) => {
                    match next(stop.as_mut(), &mut out, pin!(sleep(pause))).await {
                        Next::Rested(()) => Waited::default(),
                        Next::Back(due, result) => Waited::of(due, result),
                        Next::Stopped => Waited { stopped: true, ..Waited::default() },
                    }
                }
                _ => return Err(Error::invalid("a chore that this client does not know")),
            };
            if waited.stopped {
                while let Some((due, result)) = out.next().await {
                    waited.back.push((due, result));
                }
            }
            for (due, result) in waited.back {
                let outcome = upkeep.settle(&due, result, self.now());
                report(due.key(), outcome);
            }
            if let Some(error) = waited.trouble {
                report(&upkeep.lock_key(), Err(error));
            }
            if waited.stopped {
                if let Some(question) = upkeep.leave() {
                    self.ask(question).await;
                }
                return Ok(());
            }
        }
    }
}

type Outcome = Result<HeldToken, Error>;

/// What happened during a wait.
#[derive(Default)]
struct Waited {
    back: Vec<(Due, Outcome)>,
    trouble: Option<Error>,
    stopped: bool,
}

impl Waited {
    fn of(due: Due, outcome: Outcome) -> Self {
        Self { back: vec![(due, outcome)], ..Self::default() }
    }
}

enum Next<T> {
    Stopped,
    Back(Due, Outcome),
    Rested(T),
}

/// Whatever comes first.
async fn next<T>(
    mut stop: Pin<&mut impl Future<Output = ()>>,
    out: &mut Out,
    mut rest: Pin<&mut impl Future<Output = T>>,
) -> Next<T> {
    poll_fn(|context| {
        if stop.as_mut().poll(context).is_ready() {
            return Poll::Ready(Next::Stopped);
        }
        if let Poll::Ready(Some((due, outcome))) = out.poll_next(context) {
            return Poll::Ready(Next::Back(due, outcome));
        }
        rest.as_mut().poll(context).map(Next::Rested)
    })
    .await
}

/// The calls that are out. Dropped, they go on: a person's refresh token that was presented must
/// not be forgotten half-way.
#[derive(Default)]
struct Out {
    calls: JoinSet<Outcome>,
    dues: HashMap<Id, Due>,
}

impl Out {
    fn start(&mut self, due: Due, call: impl Future<Output = Outcome> + Send + 'static) {
        let id = self.calls.spawn(call).id();
        self.dues.insert(id, due);
    }

    async fn next(&mut self) -> Option<(Due, Outcome)> {
        poll_fn(|context| self.poll_next(context)).await
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<(Due, Outcome)>> {
        loop {
            let (id, outcome) = match std::task::ready!(self.calls.poll_join_next_with_id(context))
            {
                None => return Poll::Ready(None),
                Some(Ok((id, outcome))) => (id, outcome),
                Some(Err(error)) => (error.id(), Err(Error::invalid("the call panicked"))),
            };
            if let Some(due) = self.dues.remove(&id) {
                return Poll::Ready(Some((due, outcome)));
            }
        }
    }
}

impl Drop for Out {
    fn drop(&mut self) {
        self.calls.detach_all();
    }
}
