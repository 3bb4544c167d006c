//! One web socket: carries what the hub gives to the app, and what the app says to the hub.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::error::Error;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};

use super::hub::{Outgoing, Pass};
use crate::Shared;

/// An event comes back in its acknowledgement, and one made by hand may be as large as a body of the control API.
const LARGEST: usize = 2 * 1024 * 1024;
/// Who does not read for so long, in the machine's time, is gone.
const LONGEST_WRITE: Duration = Duration::from_secs(10);
/// How long the other side may take to say farewell too.
const LONGEST_FAREWELL: Duration = Duration::from_secs(2);

type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// Serves a connection until either side ends it.
pub(crate) async fn serve(upgrade: OnUpgrade, pass: Pass, shared: Arc<Shared>) {
    let Ok(upgraded) = upgrade.await else {
        return;
    };
    let config = WebSocketConfig::default()
        .read_buffer_size(16 * 1024)
        .max_message_size(Some(LARGEST))
        .max_frame_size(Some(LARGEST))
        .max_write_buffer_size(2 * LARGEST);
    let io = TokioIo::new(upgraded);
    let mut socket = Socket::from_raw_socket(io, Role::Server, Some(config)).await;
    let Some((connection, outgoing)) = shared.join(pass) else {
        return part(&mut socket, (CloseCode::Again, "the app has too many connections")).await;
    };
    let farewell = talk(&mut socket, connection, outgoing, &shared).await;
    shared.leave(connection);
    if let Some(farewell) = farewell {
        part(&mut socket, farewell).await;
    }
}

type Farewell = (CloseCode, &'static str);

/// Carries messages both ways. None if there is nobody left to say farewell to.
async fn talk(
    socket: &mut Socket,
    connection: u64,
    mut outgoing: Outgoing,
    shared: &Shared,
) -> Option<Farewell> {
    loop {
        tokio::select! {
            next = outgoing.recv() => match next {
                Some(text) => {
                    let sent = timeout(LONGEST_WRITE, socket.send(Message::text(text))).await;
                    sent.ok()?.ok()?;
                }
                None => return Some((CloseCode::Normal, "the connection is over")),
            },
            heard = socket.next() => match heard? {
                Ok(Message::Text(text)) => {
                    if let Err(why) = shared.heard(connection, &text) {
                        return Some((CloseCode::Policy, why));
                    }
                }
                Ok(Message::Binary(_)) => {
                    return Some((CloseCode::Unsupported, "messages are JSON texts"));
                }
                // Its own answer to these is the library's affair.
                Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => {}
                Ok(Message::Close(_)) => {}
                Err(Error::Capacity(_)) => {
                    return Some((CloseCode::Size, "a message has at most 2 MiB"));
                }
                Err(Error::Utf8(_)) => return Some((CloseCode::Invalid, "messages are UTF-8")),
                Err(Error::Protocol(_)) => {
                    return Some((CloseCode::Protocol, "this is no web socket frame"));
                }
                Err(_) => return None,
            },
        }
    }
}

/// Says farewell and waits for the other side's, so that it can read the reason.
async fn part(socket: &mut Socket, (code, reason): Farewell) {
    let frame = CloseFrame { code, reason: reason.into() };
    let farewell = async {
        if socket.close(Some(frame)).await.is_ok() {
            while let Some(Ok(_)) = socket.next().await {}
        }
    };
    // Whoever is slower than this has had their chance.
    let _ = timeout(LONGEST_FAREWELL, farewell).await;
}
