//! The three wire families as types: where the token travels, what a success looks like, and how
//! its data comes out of the envelope in one pass (wire-facts §1.2, §1.6).

mod legacy;
mod openapi;
mod topapi;

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

pub use legacy::Legacy;
pub use openapi::OpenApi;
pub use topapi::TopApi;

use crate::endpoint::Family;
use crate::lenient;
use crate::wire::Response;

/// A wire family. Sealed: the platform has three.
pub trait Dialect: sealed::Sealed {
    /// The same as data; `None` where it is known at run time only.
    const FAMILY: Option<Family>;

    /// Reads a success in one pass, envelope and data together. `None` for anything that is not
    /// certainly a success; the machine then judges the answer slowly.
    #[doc(hidden)]
    fn accept<T: DeserializeOwned>(response: &Response) -> Option<T>;
}

/// A family that is known at run time only: the machine reads every answer itself.
#[derive(Debug)]
#[non_exhaustive]
pub enum AnyFamily {}

impl Dialect for AnyFamily {
    const FAMILY: Option<Family> = None;

    fn accept<T: DeserializeOwned>(_: &Response) -> Option<T> {
        None
    }
}

#[allow(unnameable_types)] // nobody outside may implement them
mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Legacy {}
    impl Sealed for super::TopApi {}
    impl Sealed for super::OpenApi {}
    impl Sealed for super::AnyFamily {}
}

/// The data inside a checked envelope as raw JSON, for callers without types; `None` if the answer
/// is no success.
pub(crate) fn accept_raw(family: Family, response: &Response) -> Option<Box<RawValue>> {
    match family {
        Family::Legacy => {
            Legacy::accept::<serde::de::IgnoredAny>(response)?;
            lenient::parse(text(response)?).ok()
        }
        Family::TopApi => TopApi::accept(response),
        Family::OpenApi => OpenApi::accept(response),
    }
}

/// One check of the whole text first: parsing from a checked string costs less than from bytes.
fn text(response: &Response) -> Option<&str> {
    std::str::from_utf8(response.body()).ok()
}
