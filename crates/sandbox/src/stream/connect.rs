//! The request that becomes a web socket.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{CONNECTION, HeaderName, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};
use http::{HeaderMap, Method};
use sha1::{Digest, Sha1};

use crate::call::Call;
use crate::platform::Platform;
use crate::wire::Reply;

/// Where the web socket is.
pub(crate) const CONNECT: &str = "/connect";

/// Lets the bearer of a ticket in. Statuses and texts of refusals are assumed; a ticket counts from the first request
/// on that shows it as a web socket, whether that comes about or not.
pub(crate) fn connect(platform: &mut Platform, call: &Call<'_>) -> Reply {
    let Some(accept) = accept(call) else {
        let mut reply = plain(426, "this address takes web sockets only, version 13");
        reply.headers =
            vec![("upgrade", "websocket".into()), ("sec-websocket-version", "13".into())];
        return reply;
    };
    let ticket = call.query("ticket").unwrap_or_default();
    let Some(pass) = platform.stream.redeem(ticket, call.now) else {
        return plain(401, "the ticket is unknown, used, or older than 90 seconds; open a new one");
    };
    call.note_app(&pass.client);
    if platform.app(&pass.client).is_none() {
        return plain(401, "the app of this ticket is gone");
    }
    if !platform.stream.has_room(&pass.client) {
        return plain(503, "the app has too many connections; close one");
    }
    let mut reply = plain(101, "");
    reply.headers = vec![
        ("upgrade", "websocket".into()),
        ("connection", "Upgrade".into()),
        ("sec-websocket-accept", accept),
    ];
    reply.pass = Some(pass);
    reply
}

/// The answer to the client's key, if this is a handshake (RFC 6455, 4.2.1).
fn accept(call: &Call<'_>) -> Option<String> {
    const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    let upgrade = call.method == Method::GET
        && names(call.headers, &UPGRADE, "websocket")
        && names(call.headers, &CONNECTION, "upgrade")
        && names(call.headers, &SEC_WEBSOCKET_VERSION, "13");
    let key = call.headers.get(SEC_WEBSOCKET_KEY)?.to_str().ok()?.trim();
    let sound = STANDARD.decode(key).is_ok_and(|bytes| bytes.len() == 16);
    let hash = Sha1::new().chain_update(key).chain_update(GUID).finalize();
    (upgrade && sound).then(|| STANDARD.encode(hash))
}

/// Whether a header's list has this word.
fn names(headers: &HeaderMap, name: &HeaderName, word: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|item| item.trim().eq_ignore_ascii_case(word))
}

fn plain(status: u16, text: &str) -> Reply {
    Reply {
        content_type: "text/plain;charset=utf-8".into(),
        ..Reply::page(status, text.to_owned())
    }
}
