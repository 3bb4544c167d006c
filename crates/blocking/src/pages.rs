//! [`Pages`]: a longer result as an iterator.

use std::fmt;
use std::vec::IntoIter;

use dingtalk_core::{ActsAs, Credential, Error, Paged};

use crate::Client;

/// The items of a longer result; see [`Client::pages`].
#[must_use = "an iterator does nothing until it is asked"]
pub struct Pages<C, E: Paged> {
    client: Client<C>,
    next: Option<E>,
    items: IntoIter<E::Item>,
}

impl<C: Credential, E: Paged> Pages<C, E> {
    pub(crate) fn new(client: Client<C>, first: E) -> Self {
        Self { client, next: Some(first), items: Vec::new().into_iter() }
    }
}

impl<C: ActsAs<E::Caller>, E: Paged> Iterator for Pages<C, E> {
    type Item = Result<E::Item, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(item) = self.items.next() {
                return Some(Ok(item));
            }
            let request = self.next.take()?;
            match self.client.call(&request) {
                Ok(page) => {
                    let (items, next) = request.next(page);
                    self.items = items.into_iter();
                    self.next = next;
                }
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

impl<C, E: Paged> fmt::Debug for Pages<C, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pages").field(&E::OPERATION.name).finish()
    }
}
