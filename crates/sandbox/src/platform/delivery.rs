//! How an answer reaches its caller, or does not.

use std::time::Duration;

use http::Response;

use crate::faults::{Break, Odd};

/// The ways in which an answer travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    Whole,
    Lost(Lost),
    /// So many bytes of the body arrive, and then the connection breaks.
    Broken(usize, Break),
    /// From this byte of the body on, with this pause before each.
    Dripping(usize, Duration),
    Twice,
    Odd(Odd),
}

impl Delivery {
    /// Whether the caller does not even learn the status.
    pub(super) fn loses_status(self) -> bool {
        matches!(self, Self::Lost(_) | Self::Odd(Odd::Head(..) | Odd::Raw))
    }

    /// The answer as far as it comes without a socket.
    pub(crate) fn in_process(
        self,
        mut response: Response<Vec<u8>>,
    ) -> Result<Response<Vec<u8>>, Lost> {
        match self {
            Self::Lost(lost) => return Err(lost),
            Self::Odd(Odd::Raw) => return Err(Lost::Closed),
            Self::Odd(Odd::Head(..) | Odd::Chunk) => return Err(Lost::Answer),
            Self::Odd(Odd::Length(by)) => {
                let less = usize::try_from(by.unsigned_abs()).unwrap_or(usize::MAX);
                match by {
                    1.. => return Err(Lost::Answer),
                    _ => {
                        let len = response.body().len().saturating_sub(less);
                        response.body_mut().truncate(len);
                    }
                }
            }
            Self::Broken(len, _) => response.body_mut().truncate(len),
            Self::Whole | Self::Dripping(..) | Self::Twice | Self::Odd(_) => {}
        }
        Ok(response)
    }
}

/// Why there is no answer; see [`Sandbox::try_handle`](crate::Sandbox::try_handle).
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// The call was executed and its answer thrown away.
    Answer,
    /// The connection was closed before the call was executed.
    Closed,
    /// The connection was reset before the call was executed.
    Reset,
    /// The call was not executed and would hang until the caller gives up.
    Stalled,
}

impl std::fmt::Display for Lost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Answer => "the call was executed, its answer was lost",
            Self::Closed => "the connection was closed before the call was executed",
            Self::Reset => "the connection was reset before the call was executed",
            Self::Stalled => "the call hangs and is not executed",
        })
    }
}

impl std::error::Error for Lost {}
