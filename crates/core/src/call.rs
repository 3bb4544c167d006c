//! WHEN: the typed face of the machine. Each step carries its only continuation, so that
//! answering out of turn does not compile.

use std::borrow::{Borrow, BorrowMut};
use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use crate::app::{ActsAs, Caller};
use crate::dialect::Dialect;
use crate::endpoint::{Endpoint, Obtains};
use crate::machine::{Env, Event, Job, Machine, Order, Task};
use crate::store::{StoreOp, StoreReply};
use crate::token::Flight;
use crate::wire::{Reply, Request};
use crate::{Error, Policy, Timestamp, lenient};

/// A call that is ready for its next step.
///
/// Dropping it, or any value made from it, cancels the call; if it was fetching the token for
/// others, somebody else goes on at once.
pub struct Call<E: Endpoint> {
    inner: Inner<E>,
    started: bool,
}

/// A call whose request is out.
#[must_use = "reply to it with what the transport brought"]
pub struct Sent<E: Endpoint>(Inner<E>);

/// A call that asked the store.
#[must_use = "reply to it with what the store said"]
pub struct Asked<E: Endpoint>(Inner<E>);

/// What to do next. Exhaustive on purpose: a driver cannot skip an effect.
#[must_use = "a step not taken cancels the call"]
#[allow(clippy::exhaustive_enums, clippy::large_enum_variant)]
pub enum Step<E: Endpoint> {
    /// Carry this request, then reply.
    Send(Request, Sent<E>),
    /// Ask the store, then reply. Only where a store is configured.
    Ask(StoreOp, Asked<E>),
    /// Wait so long, then step again.
    Sleep(Duration, Call<E>),
    /// Somebody else is fetching the token: wait for it, at most for its
    /// [`patience`](Flight::patience), then step again.
    Join(Flight, Call<E>),
    /// The end.
    Done(Result<E::Output, Error>),
}

/// In a box: a step is moved several times on its way through a driver, a pointer is moved for
/// nothing.
struct Inner<E> {
    machine: Boxed,
    entropy: u64,
    endpoint: PhantomData<fn() -> E>,
}

/// Types are filled in where the program is compiled, and with a plain box the code that drops a
/// machine would be there as well, some fifteen kilobytes of it.
type Boxed = Box<dyn BorrowMut<Machine> + Send + Sync>;

struct Opaque(Machine);

impl Borrow<Machine> for Opaque {
    fn borrow(&self) -> &Machine {
        &self.0
    }
}

impl BorrowMut<Machine> for Opaque {
    fn borrow_mut(&mut self) -> &mut Machine {
        &mut self.0
    }
}

#[inline(never)]
fn boxed(machine: Machine) -> Boxed {
    Box::new(Opaque(machine))
}

impl<E: Endpoint> Call<E> {
    /// A call of `endpoint` on behalf of `caller`.
    pub fn new<C: ActsAs<E::Caller>>(endpoint: &E, caller: &C) -> Self {
        // Said twice, as a type and as data: a difference must not compile.
        const {
            assert!(match E::Api::FAMILY {
                Some(family) => family as u8 == E::OPERATION.family as u8,
                None => true,
            });
        }
        let policy = Policy::default();
        let machine = match endpoint.obtains() {
            Obtains::Answer => {
                let task = Task::of(Job::of(endpoint));
                Machine::of(caller.source(), E::Caller::TOKEN, task, policy)
            }
            Obtains::Token { ahead } => Machine::of_token(caller.source(), policy).ahead(ahead),
            Obtains::Ticket => {
                Machine::of_token(caller.ticket().unwrap_or(caller.source()), policy)
            }
            Obtains::Kept => Machine::for_keeping(caller.source(), policy),
            Obtains::Forgotten => Machine::for_forgetting(caller.source(), policy),
            Obtains::TicketTaken { ticket, pushed_at } => {
                Machine::for_ticket(caller.source(), ticket, pushed_at, policy)
            }
            Obtains::Sessions { after, limit } => {
                Machine::for_sessions(caller.source(), after, limit, policy)
            }
        };
        let machine = boxed(machine.watched_as(E::OPERATION));
        Self { inner: Inner { machine, entropy: 0, endpoint: PhantomData }, started: false }
    }
}

impl<E: Endpoint> Call<E> {
    /// How patient it is.
    #[must_use]
    pub fn policy(mut self, policy: &Policy) -> Self {
        self.inner.machine().policy_mut().clone_from(policy);
        self
    }

    /// Whether the driver has a store, so that [`Step::Ask`] may come.
    #[must_use]
    pub fn shared(mut self, shared: bool) -> Self {
        self.inner.machine().set_shared(shared);
        self
    }

    /// Random bits for jitter. core draws none itself.
    #[must_use]
    pub fn entropy(mut self, entropy: u64) -> Self {
        self.inner.entropy = entropy;
        self
    }

    /// The span of the call, for the loop to be in while the call lasts: see
    /// [`trace`](crate::trace).
    #[cfg(feature = "tracing")]
    pub fn span(&self) -> tracing::Span {
        (*self.inner.machine).borrow().span()
    }

    /// Takes the next step.
    pub fn step(self, now: Timestamp) -> Step<E> {
        let event = if self.started { Event::Woken } else { Event::Start };
        self.inner.resume(event, now)
    }
}

impl<E: Endpoint> Sent<E> {
    /// Goes on with what the transport brought.
    pub fn reply(mut self, now: Timestamp, reply: Reply) -> Step<E> {
        // The one pass over a success: envelope, data and types together.
        if self.0.machine().awaits_answer()
            && let Ok(response) = &reply
            && let Some(output) = E::Api::accept::<E::Output>(response)
        {
            self.0.machine().accepted(response, now);
            return Step::Done(Ok(output));
        }
        self.0.resume(Event::Reply(reply), now)
    }
}

impl<E: Endpoint> Asked<E> {
    /// Goes on with what the store said.
    pub fn reply(self, now: Timestamp, reply: StoreReply) -> Step<E> {
        self.0.resume(Event::Store(reply), now)
    }
}

impl<E: Endpoint> Inner<E> {
    fn machine(&mut self) -> &mut Machine {
        (*self.machine).borrow_mut()
    }

    fn resume(mut self, event: Event, now: Timestamp) -> Step<E> {
        let env = Env::new(now, self.entropy);
        let result = match self.machine().step(event, env) {
            Order::Send(request) => return Step::Send(request, Sent(self)),
            Order::Ask(question) => return Step::Ask(question, Asked(self)),
            Order::Sleep(pause) => return Step::Sleep(pause, Call { inner: self, started: true }),
            Order::Join(flight) => return Step::Join(flight, Call { inner: self, started: true }),
            // The envelope says success but the types did not fit, or the result is a token.
            Order::Done(data) => lenient::parse(data.get()).map_err(|error| {
                Error::undecodable(&error, 200).with_operation(E::OPERATION.name.clone())
            }),
            Order::Failed(error) => Err(error),
        };
        self.machine().tell(result.as_ref().map(|_| ()), now);
        Step::Done(result)
    }
}

impl<E: Endpoint> fmt::Debug for Call<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Call").field(&E::OPERATION.name).finish()
    }
}

impl<E: Endpoint> fmt::Debug for Sent<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sent").field(&E::OPERATION.name).finish()
    }
}

impl<E: Endpoint> fmt::Debug for Asked<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Asked").field(&E::OPERATION.name).finish()
    }
}

impl<E: Endpoint> fmt::Debug for Step<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Send(request, _) => f.debug_tuple("Send").field(request).finish(),
            Self::Ask(question, _) => f.debug_tuple("Ask").field(question).finish(),
            Self::Sleep(pause, _) => f.debug_tuple("Sleep").field(pause).finish(),
            Self::Join(flight, _) => f.debug_tuple("Join").field(flight).finish(),
            Self::Done(Ok(_)) => f.write_str("Done(Ok)"),
            Self::Done(Err(error)) => f.debug_tuple("Done").field(error).finish(),
        }
    }
}
