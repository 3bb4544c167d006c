//! The journal: any filter is answered, and nothing secret that passes by is kept.

use arbitrary::Unstructured;
use http::Request;

use super::requests::{World, request};
use super::text;

thread_local! {
    static WORLD: World = World::new();
}

pub(super) fn filters(data: &[u8]) {
    WORLD.with(|world| {
        let query = text(Unstructured::new(data));
        // One that waits would wait.
        if query.contains("wait") || query.contains("timeout") {
            return;
        }
        let uri = format!("/_sandbox/v1/journal?{query}");
        let Ok(request) = Request::get(uri).body(Vec::new()) else { return };
        let status = world.sandbox.control(request).status();
        assert!(status.as_u16() < 500, "{status}");
    });
}

pub(super) fn redaction(data: &[u8]) {
    WORLD.with(|world| {
        let demo = world.sandbox.demo();
        let secrets = [world.token.as_str(), &demo.client_secret, &demo.mobile, &demo.sso_secret];
        // A byte stands for a secret that may turn up anywhere.
        let with_secrets: Vec<u8> = data
            .iter()
            .flat_map(|byte| match secrets.get(usize::from(*byte).wrapping_sub(1)) {
                Some(secret) => secret.as_bytes().to_vec(),
                None => vec![*byte],
            })
            .collect();
        world.sandbox.journal().clear();
        let mut from = Unstructured::new(&with_secrets);
        let Some(request) = request(&mut from, world) else { return };
        let _ = world.sandbox.handle(request);
        let export = Request::get("/_sandbox/v1/journal").body(Vec::new()).expect("it is plain");
        let export = world.sandbox.control(export).into_body();
        let export = String::from_utf8_lossy(&export);
        let entries = format!("{:?}", world.sandbox.journal().entries());
        let findings = format!("{:?}", world.sandbox.findings());
        for secret in secrets {
            for told in [&*export, &entries, &findings] {
                assert!(!told.contains(secret), "a secret is in {told}");
            }
        }
    });
}
