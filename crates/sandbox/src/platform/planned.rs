//! The platform's own errors, where a fault asks for them or an address is banned.

use std::sync::Arc;

use serde_json::json;

use crate::call::Call;
use crate::faults::{Coded, PlatformError};
use crate::limits::{Over, Whose};
use crate::platform::Platform;
use crate::routes::{self, Route};
use crate::wire::failure::{Failure, Refusal};
use crate::wire::{Family, Reply};

impl Platform {
    pub(super) fn planned_error(
        &mut self,
        call: &mut Call<'_>,
        route: &Route,
        error: PlatformError,
    ) -> Reply {
        let client = self.probable_client(call, route);
        let (api, at) = (routes::api_name(call.path), call.now);
        let refusal = match error {
            PlatformError::IpBanHtml => return self.ban_page(true),
            PlatformError::IpBanJson => return self.ban_page(false),
            PlatformError::Busy => Refusal::Busy,
            PlatformError::Throttled => throttled(api, Whose::App, false, at),
            PlatformError::MinuteThrottled => throttled(api, Whose::App, true, at),
            PlatformError::SuiteThrottled => throttled(api, Whose::Suite, false, at),
            PlatformError::PlatformThrottled => Refusal::ApiThrottled { api, limit: 1200, at },
            PlatformError::ServiceThrottled => Refusal::ServiceThrottled,
            PlatformError::Unavailable => Refusal::ServiceUnavailable,
            PlatformError::Timeout => Refusal::ServiceTimeout,
            PlatformError::TokenDead => Refusal::TokenDead,
            PlatformError::Quota => Refusal::QuotaUsed,
            PlatformError::IpNotAllowed => {
                Refusal::IpNotAllowed { ip: call.peer.to_string(), client }
            }
            PlatformError::PermissionMissing => {
                let point =
                    route.operation.and_then(|operation| operation.point).unwrap_or("qyapi_base");
                Refusal::PointMissing { client, point: point.into() }
            }
        };
        self.rendered(call, route.family, Err(refusal.into()))
    }

    /// Any code, in the envelope that it stands in.
    pub(super) fn coded(&mut self, call: &mut Call<'_>, route: &Route, coded: Coded) -> Reply {
        // For the journal: who would have been answered so.
        self.probable_client(call, route);
        let (family, failure) = match coded {
            Coded::Business(code, message) => {
                let topapi = route.family == Family::Topapi;
                (
                    if topapi { Family::Topapi } else { Family::Old },
                    Failure::business(code, message),
                )
            }
            Coded::Wrapped(code, message) => {
                (Family::Topapi, Failure::SubCode(code, message.into()))
            }
            Coded::Service(status, code, message) => {
                let (code, message) = (code.into(), message.into());
                (Family::V1, Failure::Service { status, code, message })
            }
        };
        self.rendered(call, family, Err(failure))
    }

    /// The app that a planned error names: the token's, as far as there is one.
    fn probable_client(&self, call: &mut Call<'_>, route: &Route) -> Arc<str> {
        if route.family == Family::Topapi {
            call.read_arguments();
        }
        let caller = route.operation.and_then(|operation| self.caller(call, operation).ok());
        let client = caller.map_or_else(|| Arc::from(""), |caller| caller.client);
        if !client.is_empty() {
            call.note_app(&client);
        }
        client
    }

    /// wire-facts §12: a banned address gets a page of HTML or a JSON body of another system, whatever it called.
    pub(super) fn ban_page(&mut self, html: bool) -> Reply {
        if html {
            let text = "<!DOCTYPE html><html><head><meta charset=\"utf-8\"><title>405</title></head>\
                        <body><h1>访问被阻断</h1><p>您的访问请求过于频繁，请稍后再试。</p></body></html>";
            return Reply { code: Some("1111".into()), ..Reply::page(200, text.to_owned()) };
        }
        let uuid = self.rng.trace_id();
        // The order of these keys is the wire's; the writer of this small body keeps it.
        let body = format!(
            r#"{{"status":1111,"wait":5,"source":"x5","punish":"deny","uuid":{}}}"#,
            json!(uuid)
        );
        Reply::raw(Family::Old, 200, body.into_bytes(), Some("1111".into()))
    }
}

/// A refusal as at the standard edition's 20 calls.
fn throttled(api: String, whose: Whose, per_minute: bool, at: u64) -> Refusal {
    Refusal::AppThrottled { api, over: Over { limit: 20, whose, per_minute }, at }
}
