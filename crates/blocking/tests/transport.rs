//! The blocking transport on the wire.

#![allow(clippy::unwrap_used)]

#[macro_use]
mod wire;

use std::sync::Arc;

use dingtalk_blocking::HttpTransport;
use dingtalk_core::Transport;
use wire::{Carry, Setup};

/// Whether a connection may be opened that turns out not to be needed.
const BEGINS_SPARES: bool = false;

wire_cases!(make);

fn make(setup: Setup) -> Carry {
    let mut builder = HttpTransport::builder().proxy_rules(setup.rules);
    if let Some(pem) = setup.extra_ca {
        builder = builder.extra_ca(pem);
    }
    if let Some(product) = setup.product {
        builder = builder.product(product);
    }
    let transport = builder.build().unwrap();
    Arc::new(move |request| transport.send(request))
}
