//! The async transport on the wire: the cases of the blocking one, and what only it can do.
#![allow(clippy::unwrap_used)]

#[path = "../../blocking/tests/wire/mod.rs"]
#[macro_use]
mod wire;

use std::sync::Arc;

use dingtalk_async::HttpTransport;
use dingtalk_core::Transport;
use wire::{Carry, Setup};

/// Whether a connection may be opened that turns out not to be needed.
const BEGINS_SPARES: bool = true;

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
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    Arc::new(move |request| runtime.block_on(transport.send(request)))
}
