//! The blocking transport on the wire.

#![allow(clippy::unwrap_used)]

mod wire;

use std::sync::Arc;

use dingtalk_blocking::HttpTransport;
use dingtalk_core::Transport;
use wire::{Carry, Setup};

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
