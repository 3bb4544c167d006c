//! The control API: any rule for a fault is taken or refused with a reason, and then does no more
//! than it says.

use arbitrary::Unstructured;
use http::Request;

use super::requests::World;
use super::text;

thread_local! {
    static WORLD: World = World::new();
}

pub(super) fn fault_rules(data: &[u8]) {
    WORLD.with(|world| {
        world.sandbox.clear_faults();
        let rule = text(Unstructured::new(data));
        let post = Request::post("/_sandbox/v1/faults")
            .header("content-type", "application/json")
            .body(rule.into_bytes())
            .expect("it is plain");
        let response = world.sandbox.control(post);
        let status = response.status().as_u16();
        assert!(status < 500, "{status}");
        if status >= 400 {
            assert!(!response.body().is_empty(), "refused without a reason");
        }
        let call = Request::get(format!("/auth/scopes?access_token={}", world.token))
            .body(Vec::new())
            .expect("it is plain");
        let answer = world.sandbox.try_handle(call);
        if status >= 400 {
            assert!(answer.is_ok_and(|answer| answer.status() == 200), "a refused rule works");
        }
    });
}
