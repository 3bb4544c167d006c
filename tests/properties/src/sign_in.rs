//! Signing in: what comes back from pages is read or refused, and a browser is sent nowhere but to
//! a registered place.

use arbitrary::Unstructured;
use dingtalk_core::Region;
use dingtalk_core::auth::{AuthorizeUrl, OpenAuthResult, State, Subject, parse_callback};
use dingtalk_sandbox::{BrowserLogin, Sandbox};
use url::Url;

use super::{START, choose, text, word};

pub(super) fn results(data: &[u8]) {
    let mut from = Unstructured::new(data);
    let subject = match choose::<bool>(&mut from) {
        true => Subject::Delegated,
        false => Subject::Application,
    };
    let text = text(from);
    if let Err(error) = OpenAuthResult::parse(subject, &text) {
        // A code inside would be a secret.
        assert!(text.len() < 16 || !format!("{error}{error:?}").contains(&text));
    }
    let state = State::from_entropy([7; 16]);
    let answer = format!("https://app.example.com/callback?{text}");
    for given in [text.as_str(), &answer] {
        if parse_callback(given, &state).is_ok() {
            assert!(given.contains("state"), "a callback without the state is taken");
        }
    }
}

pub(super) fn urls(data: &[u8]) {
    let mut from = Unstructured::new(data);
    let (client, state) = (word(&mut from), State::from_entropy(choose(&mut from)));
    let point = word(&mut from);
    let redirect = text(from);
    let Ok(request) = AuthorizeUrl::new(&Region::china(), client.as_str(), &redirect, &state)
    else {
        return;
    };
    let url = request.with_point(point.as_str()).with_organization().url();
    let parsed = Url::parse(&url).expect("a browser can read it");
    assert_eq!(parsed.host_str(), Some("login.dingtalk.com"));
    assert_eq!(parsed.path(), "/oauth2/auth");
    let said = |name: &str| {
        let mut values = parsed.query_pairs().filter(|(known, _)| known == name);
        let value = values.next().map(|(_, value)| value.into_owned());
        assert!(values.next().is_none(), "{name} is there twice");
        value
    };
    assert_eq!(said("client_id").as_deref(), Some(client.as_str()));
    assert_eq!(said("redirect_uri").as_deref(), Some(redirect.as_str()));
    assert_eq!(said("state").as_deref(), Some(state.expose()));
    assert_eq!(said("response_type").as_deref(), Some("code"));
}

pub(super) fn redirects(data: &[u8]) {
    thread_local! {
        static SANDBOX: Sandbox = Sandbox::builder().frozen_at(START).seed(1).in_process();
    }
    let mut from = Unstructured::new(data);
    let near = choose::<u8>(&mut from) % 3;
    let text = text(from);
    SANDBOX.with(|sandbox| {
        let demo = sandbox.demo();
        let redirect = match near {
            0 => text,
            1 => format!("{}{text}", demo.redirect_uri),
            _ => demo.redirect_uri.replacen("://", &format!("://{text}"), 1),
        };
        let login = BrowserLogin::new(&demo.client_id, redirect.as_str(), &demo.user_id);
        let Ok(sent_to) = sandbox.login(&login) else { return };
        // A browser reads URLs as this library does.
        let sent_to = Url::parse(&sent_to).expect("a browser is sent to a URL");
        let registered =
            [demo.redirect_uri.as_str(), "https://app.example.com/callback"].map(|known| {
                Url::parse(known).expect("the demo's is a URL").origin().ascii_serialization()
            });
        let origin = sent_to.origin().ascii_serialization();
        assert!(registered.contains(&origin), "a code went to {origin}, by {redirect:?}");
    });
}
