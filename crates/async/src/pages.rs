//! [`Pages`]: a longer result as a stream.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::vec::IntoIter;

use dingtalk_core::{ActsAs, Credential, Error, Paged};
use futures_core::Stream;

use crate::Client;

/// The items of a longer result; see [`Client::pages`].
#[must_use = "a stream does nothing until it is asked"]
pub struct Pages<C, E: Paged> {
    client: Client<C>,
    state: State<E>,
    items: IntoIter<E::Item>,
}

enum State<E: Paged> {
    Ask(E),
    Asking(E, Pin<Box<dyn Future<Output = Result<E::Output, Error>> + Send>>),
    End,
}

impl<C: Credential, E: Paged> Pages<C, E> {
    pub(crate) fn new(client: Client<C>, first: E) -> Self {
        Self { client, state: State::Ask(first), items: Vec::new().into_iter() }
    }
}

impl<C, E> Pages<C, E>
where
    C: ActsAs<E::Caller> + Unpin + 'static,
    E: Paged + Unpin + 'static,
    E::Output: Send,
{
    /// The next item, for programs that use no stream library. Giving up while it waits loses
    /// nothing: the next call goes on.
    pub async fn next(&mut self) -> Option<Result<E::Item, Error>> {
        poll_fn(|context| self.poll_item(context)).await
    }

    fn poll_item(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<E::Item, Error>>> {
        loop {
            if let Some(item) = self.items.next() {
                return Poll::Ready(Some(Ok(item)));
            }
            match std::mem::replace(&mut self.state, State::End) {
                State::Ask(request) => {
                    // The future keeps no reference to the request, only the call made from it.
                    let page = Box::pin(self.client.call(request.clone()));
                    self.state = State::Asking(request, page);
                }
                State::Asking(request, mut page) => match page.as_mut().poll(context) {
                    Poll::Pending => {
                        self.state = State::Asking(request, page);
                        return Poll::Pending;
                    }
                    Poll::Ready(Ok(page)) => {
                        let (items, next) = request.next(page);
                        self.items = items.into_iter();
                        self.state = next.map_or(State::End, State::Ask);
                    }
                    Poll::Ready(Err(error)) => return Poll::Ready(Some(Err(error))),
                },
                State::End => return Poll::Ready(None),
            }
        }
    }
}

impl<C, E> Stream for Pages<C, E>
where
    C: ActsAs<E::Caller> + Unpin + 'static,
    E: Paged + Unpin + 'static,
    E::Output: Send,
    E::Item: Unpin,
{
    type Item = Result<E::Item, Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_item(context)
    }
}

impl<C, E: Paged> fmt::Debug for Pages<C, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pages").field(&E::OPERATION.name).finish()
    }
}
