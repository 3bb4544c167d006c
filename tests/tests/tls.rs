//! Both clients in front of the sandbox's HTTPS: they talk to it when they trust its authority, and
//! refuse whatever is wrong about it before anything of a request is sent.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use dingtalk_core::contact::GetUser;
use dingtalk_core::{App, Error, ErrorKind, Policy, Region};
use dingtalk_sandbox::{BadTls, Fault, Sandbox};
use dingtalk_tests::{patient, runtime};

/// A call by one of the clients, which trusts this authority beside the platform's.
type Call = fn(&Sandbox, Option<&str>, Policy) -> Result<String, Error>;

const CLIENTS: [Call; 2] = [blocking, asynchronous];

fn app(sandbox: &Sandbox) -> App {
    let demo = sandbox.demo();
    let region = Region::custom(&sandbox.origin()).unwrap();
    App::builder(demo.client_id, demo.client_secret).region(region).build()
}

/// The name of the demo's administrator, as the blocking client finds it.
fn blocking(sandbox: &Sandbox, ca: Option<&str>, policy: Policy) -> Result<String, Error> {
    let mut transport = dingtalk_blocking::HttpTransport::builder().no_proxy();
    if let Some(ca) = ca {
        transport = transport.extra_ca(ca);
    }
    let client = dingtalk_blocking::Client::builder(app(sandbox))
        .transport(transport.build()?)
        .policy(policy)
        .build()?;
    client.call(GetUser::new(sandbox.demo().user_id.as_str())).map(|user| user.name)
}

/// The same by the async client.
fn asynchronous(sandbox: &Sandbox, ca: Option<&str>, policy: Policy) -> Result<String, Error> {
    let mut transport = dingtalk_async::HttpTransport::builder().no_proxy();
    if let Some(ca) = ca {
        transport = transport.extra_ca(ca);
    }
    let client = dingtalk_async::Client::builder(app(sandbox))
        .transport(transport.build()?)
        .policy(policy)
        .build()?;
    let user_id = sandbox.demo().user_id;
    runtime(1)
        .block_on(async { client.call(GetUser::new(user_id.as_str())).await.map(|user| user.name) })
}

/// Tries once.
fn once() -> Policy {
    let mut policy = patient();
    policy.attempts = 1;
    policy
}

#[test]
fn both_clients_talk_to_the_sandbox_over_https_when_they_trust_its_authority() {
    for call in CLIENTS {
        let sandbox = Sandbox::builder().https().start().unwrap();
        let name = call(&sandbox, sandbox.ca_certificate(), patient()).unwrap();
        assert!(!name.is_empty());
        assert_eq!(sandbox.token_requests(), 1);
    }
}

#[test]
fn a_connection_that_breaks_under_tls_is_got_over() {
    // The async client agrees on HTTP/2 with the sandbox, the blocking one speaks HTTP/1.1.
    for call in CLIENTS {
        for fault in [
            Fault::on("POST /topapi/v2/user/get").close(),
            Fault::on("POST /topapi/v2/user/get").reset(),
            Fault::on("POST /topapi/v2/user/get").execute_then_drop(),
            Fault::on("POST /topapi/v2/user/get").truncate_body(10),
        ] {
            let sandbox = Sandbox::builder().https().start().unwrap();
            let _ = sandbox.fault(fault.times(1));
            call(&sandbox, sandbox.ca_certificate(), patient()).unwrap();
            assert_eq!(sandbox.count("POST /topapi/v2/user/get"), 2);
        }
    }
}

#[test]
fn the_certificate_is_of_today_while_the_sandboxs_clock_stands_elsewhere() {
    for call in CLIENTS {
        let sandbox = Sandbox::builder().https().frozen_at(1_000_000_000_000).start().unwrap();
        assert!(call(&sandbox, sandbox.ca_certificate(), patient()).is_ok());
    }
}

#[test]
fn without_the_authority_nothing_is_sent() {
    for call in CLIENTS {
        let (sandbox, other) = (
            Sandbox::builder().https().start().unwrap(),
            Sandbox::builder().https().start().unwrap(),
        );
        for ca in [None, other.ca_certificate()] {
            let error = call(&sandbox, ca, once()).unwrap_err();
            assert!(error.to_string().contains("authority that is not trusted"), "{error}");
        }
        assert_eq!(sandbox.journal().total(), 0);
    }
}

#[test]
fn everything_wrong_about_tls_is_refused_by_its_name_and_nothing_is_sent() {
    for (bad, words) in [
        (BadTls::Expired, "has expired"),
        (BadTls::NotYetValid, "is not valid yet"),
        (BadTls::WrongHost, "is for another name"),
        (BadTls::SelfSigned, "authority that is not trusted"),
        (BadTls::UnknownCa, "authority that is not trusted"),
        (BadTls::OldVersion, "offers neither TLS 1.2 nor 1.3"),
        (BadTls::Cut, "handshake"),
        (BadTls::PlainText, "does not speak TLS"),
    ] {
        for call in CLIENTS {
            let sandbox = Sandbox::builder().bad_tls(bad).start().unwrap();
            let error = call(&sandbox, sandbox.ca_certificate(), once()).unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::Unreachable), "{bad}: {error:?}");
            assert!(error.to_string().contains(words), "{bad}: {error}");
            let secret = sandbox.demo().client_secret;
            assert!(!format!("{error:?} {error}").contains(&secret), "{bad}");
            assert_eq!(sandbox.journal().total(), 0, "{bad}");
        }
    }
}

#[test]
fn the_list_above_has_every_way_to_be_wrong() {
    assert_eq!(BadTls::ALL.len(), 8);
}
