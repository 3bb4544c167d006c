//! One web socket: carries texts both ways until either side ends it.

use std::time::Duration;

use dingtalk_core::TransportError;
use dingtalk_core::stream::{Address, Input, Link};
use dingtalk_tls::web_socket;
use futures_util::{SinkExt, StreamExt};
use http::HeaderValue;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::connect::{Connect, Stream};

/// Who does not read for so long is gone.
const LONGEST_WRITE: Duration = Duration::from_secs(10);
/// How long the other side may take to say farewell too.
const LONGEST_FAREWELL: Duration = Duration::from_secs(2);

type Socket = WebSocketStream<Stream>;

/// What it is made of.
pub(crate) struct Plug {
    pub(crate) link: Link,
    pub(crate) connect: Connect,
    pub(crate) within: Duration,
    pub(crate) largest_frame: usize,
    /// What is to be sent; its end is the connection's.
    pub(crate) outgoing: mpsc::Receiver<Message>,
    /// What came.
    pub(crate) inputs: mpsc::Sender<Input>,
}

/// Opens a web socket and serves it; the last thing it says is that it is down.
pub(crate) async fn carry(address: Address, mut plug: Plug) -> Input {
    let opening = timeout(plug.within, open(address, plug.connect.clone(), plug.largest_frame));
    let opened = tokio::select! {
        opened = opening => opened,
        // Nothing is sent before it is open: this is its end.
        _ = plug.outgoing.recv() => return down(&plug, TransportError::not_sent("given up")),
    };
    let why = match opened {
        Ok(Ok(mut socket)) => match plug.inputs.send(Input::Connected(plug.link)).await {
            Ok(()) => talk(&mut socket, &mut plug).await,
            Err(_) => TransportError::lost("closed"),
        },
        Ok(Err(why)) => why,
        Err(_) => TransportError::not_sent(format!("no web socket within {:?}", plug.within)),
    };
    down(&plug, why)
}

async fn open(
    address: Address,
    connect: Connect,
    largest_frame: usize,
) -> Result<Socket, TransportError> {
    let user_agent = HeaderValue::from_str(connect.user_agent())
        .map_err(|_| TransportError::not_sent("the user agent cannot stand in a header"))?;
    let origin = address.origin();
    let request = web_socket::request(address, &user_agent)?;
    let stream = connect.open(origin).await?;
    let config = web_socket::config(largest_frame);
    match client_async_with_config(request, stream, Some(config)).await {
        Ok((socket, _)) => Ok(socket),
        Err(error) => Err(web_socket::fault(&error)),
    }
}

async fn talk(socket: &mut Socket, plug: &mut Plug) -> TransportError {
    // At the end nobody listens any more, but what is to be sent is sent.
    let mut heeded = true;
    loop {
        let input = tokio::select! {
            biased;
            next = plug.outgoing.recv() => {
                let Some(message) = next else {
                    part(socket).await;
                    return TransportError::lost("closed");
                };
                match timeout(LONGEST_WRITE, socket.send(message)).await {
                    Ok(Ok(())) => continue,
                    Ok(Err(error)) => return web_socket::fault(&error),
                    Err(_) => return TransportError::timed_out("the other side does not read"),
                }
            }
            heard = socket.next() => match heard {
                Some(Ok(Message::Text(text))) => Input::Text(plug.link, text.as_str().to_owned()),
                Some(Ok(Message::Binary(_))) => Input::Text(plug.link, String::new()),
                Some(Ok(_)) => Input::Alive(plug.link),
                Some(Err(error)) => return web_socket::fault(&error),
                None => return TransportError::lost("the other side closed the connection"),
            },
        };
        heeded = heeded && plug.inputs.send(input).await.is_ok();
    }
}

async fn part(socket: &mut Socket) {
    let farewell = async {
        if socket.close(None).await.is_ok() {
            while let Some(Ok(_)) = socket.next().await {}
        }
    };
    // Whoever is slower than this has had their chance.
    let _ = timeout(LONGEST_FAREWELL, farewell).await;
}

fn down(plug: &Plug, why: TransportError) -> Input {
    Input::Down(plug.link, why)
}
