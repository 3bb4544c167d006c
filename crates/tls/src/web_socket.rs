//! What both drivers' Stream has in common in web sockets.

use dingtalk_core::TransportError;
use dingtalk_core::stream::Address;
use http::HeaderValue;
use http::header::USER_AGENT;
use tungstenite::client::IntoClientRequest;
use tungstenite::error::{CapacityError, Error};
use tungstenite::handshake::client::Request;
use tungstenite::protocol::WebSocketConfig;

/// The request that becomes a web socket. Its URL holds the ticket, and nothing else of the app's
/// is in it: never print it.
///
/// # Errors
/// When it cannot be written; nothing was sent.
pub fn request(address: Address, user_agent: &HeaderValue) -> Result<Request, TransportError> {
    let request = address.into_uri().into_client_request();
    let mut request =
        request.map_err(|_| TransportError::not_sent("the web socket's address cannot be used"))?;
    request.headers_mut().insert(USER_AGENT, user_agent.clone());
    Ok(request)
}

/// Bounds of a connection whose messages have at most so many bytes.
#[must_use]
pub fn config(largest_frame: usize) -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(16 << 10)
        .write_buffer_size(0)
        .max_message_size(Some(largest_frame))
        .max_frame_size(Some(largest_frame))
}

/// What went wrong, in words that quote nothing from the wire. An error before the web socket
/// stood says that nothing was sent but the ticket.
#[must_use]
pub fn fault(error: &Error) -> TransportError {
    match error {
        Error::Http(response) => TransportError::not_sent(match response.status().as_u16() {
            401 | 403 => "the ticket was refused: unknown, used or too old".to_owned(),
            status => format!("the web socket was refused ({status})"),
        }),
        Error::ConnectionClosed | Error::AlreadyClosed => {
            TransportError::lost("the other side closed the connection")
        }
        Error::Io(error) => match error.kind() {
            std::io::ErrorKind::TimedOut => {
                TransportError::timed_out("the connection took too long")
            }
            kind => TransportError::lost(format!("the connection broke: {kind}")),
        },
        Error::Capacity(CapacityError::MessageTooLong { max_size, .. }) => {
            TransportError::too_large(format!("a message is larger than {max_size} bytes"))
        }
        Error::Utf8(_) => TransportError::lost("a message is not UTF-8"),
        Error::Protocol(tungstenite::error::ProtocolError::ResetWithoutClosingHandshake) => {
            TransportError::lost("the connection ended without a farewell")
        }
        Error::Protocol(_) | Error::Capacity(_) | Error::AttackAttempt => {
            TransportError::lost("the other side does not speak web socket")
        }
        _ => TransportError::lost("the web socket failed"),
    }
}
